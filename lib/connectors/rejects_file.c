/* A file of rejects: what a pass refuses is written as it comes, in source order, through the format that the file's name means, into a
 * temporary file that takes its place when the pass has ended well. So it holds every reject, whatever the table in memory keeps; of a pass
 * without rejects it is a table without rows. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include "connectors/files_output.h"
#include <string.h>

#define FLUSH_BYTES ((size_t)256 << 10)

struct aip__rejects_file {
    aip_context *ctx;
    const aip__format_ops *ops;
    aip_schema *schema;
    void *writer;
    aip__output output;
    aip__text batch, text;
    int64_t n_rows;
};

/* The parameters of writing to a path, all others at their defaults. */
static int32_t write_params(aip_context *ctx, const char *path, const aip_descriptor **format, aip_params **out,
                            aip_error **err) {
    aip__document *d = NULL;
    AIP__TRY(aip__document_new(ctx, &d, err));
    aip__node *node = aip__node_string(d, path, strlen(path));
    int32_t status = node ? aip__files_params(ctx, false, node, NULL, NULL, format, out, err) : aip__error_memory(ctx, err);
    aip__document_free(d);
    return status;
}

int32_t aip__rejects_file_check(aip_context *ctx, const char *path, aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *params = NULL;
    if (strcmp(path, "-") == 0)
        return aip__error_set(err, AIP_E_PARAM, "read: rejects: expected a file, found '-': standard output is no file");
    int32_t status = write_params(ctx, path, &format, &params, err);
    aip__params_free(params);
    aip__error_at_parameter(err, "rejects");
    return status;
}

static int32_t begin(aip__rejects_file *w, const char *path, aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *params = NULL;
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    AIP__TRY(aip__rejects_schema(w->ctx, &w->schema, err));
    AIP__TRY(write_params(w->ctx, path, &format, &params, err));
    aip__files_extension(path, extension, &packing);
    w->ops = format->ops;
    int32_t status = aip__output_open(&w->output, w->ctx, path, packing, (int)aip_params_int(params, "compression_level"), err);
    if (status == AIP_OK) status = w->ops->write_begin(w->ctx, params, extension, w->schema, &w->text, &w->writer, err);
    aip__params_free(params);
    return status;
}

int32_t aip__rejects_file_open(aip_context *ctx, const char *path, aip__rejects_file **out, aip_error **err) {
    aip__rejects_file *w = aip__calloc(ctx, 1, sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    w->ctx = ctx;
    aip__text_init(&w->batch, ctx);
    aip__text_init(&w->text, ctx);
    int32_t status = begin(w, path, err);
    if (status != AIP_OK) {
        aip__rejects_file_free(w);
        return status;
    }
    *out = w;
    return AIP_OK;
}

static int32_t flush(aip__rejects_file *w, bool last, aip_error **err) {
    if (w->text.failed) return aip__error_memory(w->ctx, err);
    if (!last && w->text.n < FLUSH_BYTES) return AIP_OK;
    AIP__TRY(aip__output_write(&w->output, w->text.bytes, w->text.n, err));
    w->text.n = 0;
    return AIP_OK;
}

int32_t aip__rejects_file_add(aip__rejects_file *w, const aip__rejects *rejects, aip_error **err) {
    int64_t n = aip__rejects_count(rejects);
    for (int64_t from = 0; from < n; from += AIP_BATCH_MAX_ROWS) {
        aip_batch *batch = NULL;
        int64_t rows = n - from < AIP_BATCH_MAX_ROWS ? n - from : AIP_BATCH_MAX_ROWS;
        AIP__TRY(aip__rejects_batch(rejects, w->schema, from, rows, &batch, err));
        w->batch.n = 0;
        int32_t status = w->ops->write_batch(w->writer, batch, &w->batch, err);
        aip_batch_free(batch);
        if (status == AIP_OK && w->batch.failed) status = aip__error_memory(w->ctx, err);
        if (status == AIP_OK && w->ops->write_place) status = w->ops->write_place(w->writer, rows, &w->batch, NULL, err);
        if (status == AIP_OK && w->batch.n > 0) aip__text_add(&w->text, w->batch.bytes, w->batch.n);
        if (status == AIP_OK) status = flush(w, false, err);
        if (status != AIP_OK) return status;
        w->n_rows += rows;
    }
    return AIP_OK;
}

int32_t aip__rejects_file_commit(aip__rejects_file *w, int64_t n_rejected, aip_error **err) {
    if (w->n_rows != n_rejected)
        return aip__error_set(err, AIP_E_INTERNAL, "rejects are not accounted for: %lld rows were rejected, %lld stand in '%s'",
                              (long long)n_rejected, (long long)w->n_rows, w->output.path);
    AIP__TRY(w->ops->write_end(w->writer, &w->text, err));
    AIP__TRY(flush(w, true, err));
    return aip__output_finish(&w->output, err);
}

void aip__rejects_file_free(aip__rejects_file *w) {
    if (!w) return;
    aip_context *ctx = w->ctx;
    aip__output_close(&w->output);
    if (w->writer) w->ops->write_free(w->writer);
    aip__text_free(&w->batch);
    aip__text_free(&w->text);
    aip_schema_free(w->schema);
    aip__free(ctx, w);
}
