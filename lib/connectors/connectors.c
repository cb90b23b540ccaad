/* The connectors as the catalogue knows them. */
#include "connectors/connectors.h"

int32_t aip__connectors_register(aip_context *ctx, aip_error **err) {
    aip_descriptor files = AIP_DESCRIPTOR_INIT;
    files.kind = AIP_KIND_CONNECTOR;
    files.name = "files";
    files.doc = "Files, lists of files and patterns, plain or gzip; the parameters of their format come beside these";
    files.params = aip__read_params;
    files.n_params = aip__read_n_params;
    files.shorthand = "path";
    return aip_catalog_register(ctx, &files, err);
}
