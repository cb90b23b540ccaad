/* The connectors as the catalogue knows them. */
#include "connectors/connectors.h"

#include "base/memory.h"

int32_t aip__connectors_register(aip_context *ctx, aip_error **err) {
    aip_descriptor *files = NULL;
    AIP__TRY(aip__files_table(ctx, true, NULL, &files, err));
    files->kind = AIP_KIND_CONNECTOR;
    files->name = "files";
    files->doc = "Files, lists of files and patterns, plain or gzip, with the parameters of all formats";
    int32_t status = aip_catalog_register(ctx, files, err);
    aip__free(ctx, files);
    return status;
}
