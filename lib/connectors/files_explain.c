/* What `read` would make of the first file of a path, and why: the format says it from a sample, nothing is read as a table. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include <string.h>
#include <sys/stat.h>

static int32_t explain(aip__files *f, const aip_params *params, const char *base_dir, const char *format, aip__text *to,
                       aip_error **err) {
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    struct stat st;
    aip__file file = {.fd = -1};
    aip__stream *stream = NULL;
    AIP__TRY(aip__files_paths(f, params, base_dir, err));
    const char *path = f->n > 0 ? f->entries[0].path : "";
    if (f->ctx->io->stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return aip__error_set(err, AIP_E_UNSUPPORTED, "what is read of a pipe to explain it is gone: expected a file, found '%s'",
                              path);
    aip__files_extension(path, extension, &packing);
    AIP__TRY(f->ops->create(f->ctx, params, extension, &f->format, err));
    AIP__TRY(aip__files_stream(f, 0, true, &file, &stream, err));
    int64_t rows = aip_params_is_null(params, "infer_rows") ? INT64_MAX : aip_params_int(params, "infer_rows");
    aip__text_str(to, "{\"path\": ");
    aip__text_json(to, path, strlen(path));
    aip__text_str(to, ", \"format\": ");
    aip__text_json(to, format, strlen(format));
    int32_t status = AIP_OK;
    if (f->ops->explain) status = f->ops->explain(f->format, stream, path, rows, to, err);
    aip__text_str(to, "}");
    aip__stream_close(stream);
    aip__file_close(&file);
    return status;
}

int32_t aip__files_explain(aip_context *ctx, const aip__node *params, aip__text *to, aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *checked = NULL;
    AIP__TRY(aip__files_params(ctx, true, params, NULL, NULL, &format, &checked, err));
    aip__files *f = NULL;
    int32_t status = aip__files_new(ctx, format, &f, err);
    if (status == AIP_OK) status = explain(f, checked, NULL, format->name, to, err);
    aip__files_free(f);
    aip__params_free(checked);
    return status;
}
