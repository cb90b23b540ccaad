/* CSV from hostile bytes, plain or gzip: the look at the file, the reader, and that both ways through a record give the same table. The first byte
 * chooses the options. */
#include "connectors/files.h"
#include "exec/group.h"
#include "formats/csv/csv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const options[] = {
    "{\"path\": \"-\", \"on_bad_row\": \"reject\"}",
    "{\"path\": \"-\", \"on_bad_row\": \"null\", \"ragged\": \"truncate\", \"comment\": \"#\", \"infer_rows\": 2}",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"header\": false, \"delimiter\": \";\", \"decimal\": \",\", \"infer_rows\": 1}",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"quote\": null, \"skip_rows\": 1, \"max_record_bytes\": 64}",
    "{\"path\": \"-\", \"quoted_null\": true, \"null_values\": [\"-\"], \"quote\": \"'\"}",
};

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz_csv: %s\n", what);
    abort();
}

/* A host that runs nothing: whoever waits does the work. */
static int32_t refuse(void *user, aip_job *job) {
    (void)user, (void)job;
    return AIP_E_AGAIN;
}

static aip_context *context(void) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.memory_limit = (uint64_t)256 << 20;
    must(aip__context_init(&o, &ctx, NULL) == AIP_OK, "context");
    must(aip__exec_create(ctx, &ctx->exec, NULL) == AIP_OK, "exec");
    ctx->executor = (aip_executor_callbacks)AIP_EXECUTOR_CALLBACKS_INIT;
    ctx->executor.submit = refuse;
    must(aip__catalog_create(ctx, &ctx->catalog, NULL) == AIP_OK, "catalogue");
    must(aip__formats_register(ctx, NULL) == AIP_OK, "formats");
    return ctx;
}

static aip_schema *schema_of(aip_context *ctx, const aip__sample *s) {
    aip_schema *schema = NULL;
    aip_field *fields = aip__calloc(ctx, (size_t)s->n + 1, sizeof *fields);
    must(fields != NULL, "memory");
    for (int32_t i = 0; i < s->n; i++) {
        fields[i] = aip__field(s->names[i], 0);
        aip__guess_field(s->guesses[i], &fields[i]);
    }
    aip_schema_create(ctx, fields, s->n, &schema, NULL); /* NULL: a name twice */
    aip__free(ctx, fields);
    return schema;
}

/* All batches of the bytes, at most 64, up to the first error; the rows and rejects add up. */
static int32_t read_all(const aip__format_ops *ops, void *format, aip_context *ctx, const uint8_t *data, size_t n,
                        const aip_schema *schema, char *const *names, aip_batch **batches, int32_t *n_batches) {
    aip__stream *stream = NULL;
    void *reader = NULL;
    int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (status == AIP_OK) status = ops->open(format, stream, "fuzz", schema, names, &reader, NULL);
    while (status == AIP_OK && *n_batches < 64) {
        aip__item item = {0};
        aip__decoded d = {0};
        bool end = false;
        status = ops->next(reader, &item, &end, NULL);
        if (status != AIP_OK || end) break;
        status = ops->decode(reader, &item, &d, NULL);
        ops->item_free(reader, &item);
        if (status != AIP_OK) break;
        must(d.batch && d.n_records == d.batch->n_rows + d.n_rejected, "rows add up");
        aip__bad_rows *bad = d.rejects;
        must(d.n_rejected == (bad && bad->rejects ? aip__rejects_count(bad->rejects) : 0), "rejects are counted");
        aip__bad_rows_free(ctx, bad);
        batches[(*n_batches)++] = d.batch;
    }
    if (reader) ops->close(reader);
    aip__stream_close(stream);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    const aip_descriptor *csv = NULL;
    aip_context *ctx = context();
    aip_descriptor *table = NULL;
    aip_params *params = NULL;
    void *format = NULL;
    aip__stream *stream = NULL;
    aip__sample sample = {0};
    must(aip__format_find(ctx, "csv", &csv, NULL) == AIP_OK, "csv");
    const aip__format_ops *ops = csv->ops;
    must(aip__files_table(ctx, true, csv, &table, NULL) == AIP_OK, "table");
    must(aip__params_parse(ctx, table, options[data[0] % 5], &params, NULL) == AIP_OK, "options");
    must(ops->create(ctx, params, "", &format, NULL) == AIP_OK, "format");
    data++, n--;
    int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (status == AIP_OK) status = ops->sample(format, stream, "fuzz", aip_params_int(params, "infer_rows"), &sample, NULL);
    aip__stream_close(stream);
    aip_schema *schema = status == AIP_OK ? schema_of(ctx, &sample) : NULL;
    if (schema) {
        aip_batch *batches[2][64] = {{NULL}};
        int32_t counts[2] = {0}, statuses[2] = {0};
        for (int k = 0; k < 2; k++) {
            ((aip__csv_options *)format)->dialect.only_libcsv = k == 1;
            statuses[k] = read_all(ops, format, ctx, data, n, schema, sample.names, batches[k], &counts[k]);
        }
        must(statuses[0] == statuses[1] && counts[0] == counts[1], "both paths end alike");
        for (int32_t i = 0; i < counts[0]; i++)
            must(aip__batch_equal(batches[0][i], batches[1][i]), "both paths give the same rows");
        for (int k = 0; k < 2; k++)
            for (int32_t i = 0; i < counts[k]; i++) aip_batch_free(batches[k][i]);
    }
    aip_schema_free(schema);
    aip__sample_free(ctx, &sample);
    ops->destroy(format);
    aip__params_free(params);
    aip__free(ctx, table);
    must(atomic_load(&ctx->refs) == 1, "nothing is left");
    aip__exec_free(ctx, ctx->exec);
    aip__catalog_free(ctx, ctx->catalog);
    aip__context_release(ctx);
    return 0;
}
