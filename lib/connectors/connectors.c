/* The connectors as the catalogue knows them, and the front of all reading and writing: a path that names a connector goes there, any other is a
 * file's. */
#include "connectors/connectors.h"

#include "base/context.h"
#include "base/memory.h"
#include "connectors/connection.h"
#include "connectors/files.h"
#include <string.h>

int32_t aip__connectors_register(aip_context *ctx, aip_error **err) {
    aip_descriptor *files = NULL;
    AIP__TRY(aip__files_table(ctx, true, NULL, &files, err));
    files->kind = AIP_KIND_CONNECTOR;
    files->name = "files";
    files->doc = "Files, lists of files and patterns, plain or gzip, with the parameters of all formats";
    int32_t status = aip_catalog_register(ctx, files, err);
    aip__free(ctx, files);
    aip__catalog_open_kind(ctx, AIP_KIND_CONNECTOR, &aip__connector_kind);
    return status;
}

/* Makes a connection and drops it. */
static int32_t check(aip_context *ctx, const aip_descriptor *d, bool writing, const aip__node *params, const char *source,
                     const char *base_dir, aip_error **err) {
    aip__connection c;
    int32_t status = aip__connection_open(ctx, d, writing, params, source, base_dir, &c, err);
    aip__connection_close(&c);
    return status;
}

int32_t aip__read_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_error **err) {
    const aip_descriptor *d = NULL;
    AIP__TRY(aip__connection_find(ctx, params, source, &d, err));
    return d ? check(ctx, d, false, params, source, base_dir, err) : aip__files_read_check(ctx, params, source, base_dir, err);
}

int32_t aip__write_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_error **err) {
    const aip_descriptor *d = NULL;
    AIP__TRY(aip__connection_find(ctx, params, source, &d, err));
    return d ? check(ctx, d, true, params, source, base_dir, err) : aip__files_write_check(ctx, params, source, base_dir, err);
}

int32_t aip__read_dataset(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_dataset **out,
                          aip_error **err) {
    const aip_descriptor *d = NULL;
    aip__connection c;
    AIP__TRY(aip__connection_find(ctx, params, source, &d, err));
    if (!d) return aip__files_read(ctx, params, source, base_dir, out, err);
    int32_t status = aip__connection_open(ctx, d, false, params, source, base_dir, &c, err);
    if (status == AIP_OK) return aip__connection_dataset(&c, out, err); /* takes c over */
    aip__connection_close(&c);
    return status;
}

int32_t aip__write_dataset(aip_dataset *dataset, const aip__node *params, const char *source, const char *base_dir,
                           aip__token *token, aip_row_counts *counts, aip_error **err) {
    const aip_descriptor *d = NULL;
    aip__connection c;
    aip_row_counts counted = AIP_ROW_COUNTS_INIT;
    AIP__TRY(aip__connection_find(dataset->ctx, params, source, &d, err));
    if (!d) return aip__files_write(dataset, params, source, base_dir, token, counts, err);
    if (aip__files_checkpoint(dataset))
        return aip__error_set(err, AIP_E_PARAM,
                              "checkpoint: expected a file to write to, found connector '%s': its output cannot be numbered",
                              d->name);
    int32_t status = aip__connection_open(dataset->ctx, d, true, params, source, base_dir, &c, err);
    if (status == AIP_OK)
        status = aip__connection_write(&c, dataset, token, &counted, err); /* takes c over */
    else
        aip__connection_close(&c);
    if (status == AIP_OK && counts) *counts = counted;
    return status;
}

/* ---- for hosts: parameters as JSON text ------------------------------------------------------------------------------------------------------ */

int32_t aip_dataset_read(aip_context *ctx, const char *params_json, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !params_json || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_read: ctx, params_json and out must not be NULL");
    aip__document *d = NULL;
    AIP__TRY(aip__json_parse(ctx, params_json, strlen(params_json), NULL, &d, err));
    int32_t status = aip__read_dataset(ctx, aip__document_root(d), NULL, NULL, out, err);
    aip__document_free(d);
    return status;
}

int32_t aip_read_explain(aip_context *ctx, const char *params_json, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !params_json || !json)
        return aip__error_set(err, AIP_E_MISUSE, "aip_read_explain: ctx, params_json and json must not be NULL");
    aip__document *d = NULL;
    aip__text text;
    AIP__TRY(aip__json_parse(ctx, params_json, strlen(params_json), NULL, &d, err));
    aip__text_init(&text, ctx);
    int32_t status = aip__files_explain(ctx, aip__document_root(d), &text, err);
    if (status == AIP_OK)
        status = aip__text_take(&text, json, NULL, err);
    else
        aip__text_free(&text);
    aip__document_free(d);
    return status;
}

int32_t aip_dataset_write(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_row_counts *counts,
                          aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !params_json)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_write: dataset and params_json must not be NULL");
    aip__token token;
    aip__document *d = NULL;
    aip_row_counts counted = AIP_ROW_COUNTS_INIT;
    AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
    AIP__TRY(aip__json_parse(dataset->ctx, params_json, strlen(params_json), NULL, &d, err));
    int32_t status = aip__write_dataset(dataset, aip__document_root(d), NULL, NULL, &token, &counted, err);
    aip__document_free(d);
    if (status == AIP_OK && counts) {
        uint32_t size = counts->struct_size; /* what the caller's version of the struct holds */
        memcpy(counts, &counted, size < sizeof counted ? size : sizeof counted);
        counts->struct_size = size;
    }
    return status;
}
