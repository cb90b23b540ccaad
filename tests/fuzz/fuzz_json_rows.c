/* JSON data from hostile bytes: the look at the file and the readers of lines and of lists. The first byte chooses format and options. Every vector
 * level and block size gives the same rows, rejects and error. Lines are also held against the reader of documents: a line that is an
 * object to that one is a row with the same values, and a line that is a row is an object to that one, but for what it limits on purpose. */
#include "base/context.h"
#include "base/cpu.h"
#include "base/document.h"
#include "connectors/files.h"
#include "exec/group.h"
#include "formats/json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const options[] = {
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"infer_rows\": null, \"flatten_levels\": 0",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"infer_rows\": 1, \"fields\": [\"a\", \"b.c\"]",
    "{\"path\": \"-\", \"on_bad_row\": \"null\", \"infer_rows\": 2, \"max_record_bytes\": 64",
    "{\"path\": \"-\", \"infer_rows\": 1, \"unknown_fields\": \"bad\", \"duplicate_keys\": \"bad\"",
};
#define N_OPTIONS (sizeof options / sizeof *options)
static const int blocks[] = {64, 1048576, 257};

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz_json_rows: %s\n", what);
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

typedef struct reading {
    int32_t status;
    char message[512];
    int64_t n_records, n_rejected, n_unknown, n_duplicates, n_nulled;
    aip_batch **batches;
    size_t n, capacity;
    aip__column **columns; /* all rows */
    int64_t n_rows;
} reading;

static void take(aip_context *ctx, reading *r, aip__decoded *d) {
    must(d->batch && d->n_records == d->batch->n_rows + d->n_rejected, "rows add up");
    aip__bad_rows *bad = d->rejects;
    must(d->n_rejected == (bad && bad->rejects ? aip__rejects_count(bad->rejects) : 0), "rejects are counted");
    r->n_records += d->n_records;
    r->n_rejected += d->n_rejected;
    r->n_rows += d->batch->n_rows;
    r->n_unknown += bad ? bad->n_unknown : 0;
    r->n_duplicates += bad ? bad->n_duplicates : 0;
    r->n_nulled += bad ? bad->n_nulled : 0;
    aip__bad_rows_free(ctx, bad);
    must(aip__grow(ctx, &r->batches, &r->capacity, r->n + 1, sizeof(aip_batch *)) == 0, "memory");
    r->batches[r->n++] = d->batch;
}

static void join_columns(aip_context *ctx, reading *r, int32_t n) {
    aip__column **parts = aip__calloc(ctx, r->n + 1, sizeof(aip__column *));
    r->columns = aip__calloc(ctx, (size_t)n + 1, sizeof(aip__column *));
    must(parts && r->columns, "memory");
    for (int32_t i = 0; i < n && r->n > 0; i++) {
        for (size_t k = 0; k < r->n; k++) parts[k] = r->batches[k]->columns[i];
        must(aip__column_concat(ctx, parts, (int32_t)r->n, &r->columns[i], NULL) == AIP_OK, "columns join");
    }
    aip__free(ctx, parts);
}

static void read_all(aip_context *ctx, const aip__format_ops *ops, void *format, const uint8_t *data, size_t n,
                     const aip_schema *schema, char *const *names, reading *r) {
    aip__stream *stream = NULL;
    void *reader = NULL;
    aip_error *err = NULL;
    r->status = aip__stream_memory(ctx, data, n, &stream, &err);
    if (r->status == AIP_OK) r->status = ops->open(format, stream, "fuzz", schema, names, &reader, &err);
    while (r->status == AIP_OK) {
        aip__item item = {0};
        aip__decoded d = {0};
        bool end = false;
        r->status = ops->next(reader, &item, &end, &err);
        if (r->status != AIP_OK || end) break;
        r->status = ops->decode(reader, &item, &d, &err);
        ops->item_free(reader, &item);
        if (r->status == AIP_OK) take(ctx, r, &d);
    }
    snprintf(r->message, sizeof r->message, "%s", aip_error_text(err));
    aip_error_free(err);
    if (reader) ops->close(reader);
    aip__stream_close(stream);
    join_columns(ctx, r, schema->n);
}

static void reading_free(aip_context *ctx, reading *r, int32_t n_columns) {
    for (size_t i = 0; i < r->n; i++) aip_batch_free(r->batches[i]);
    for (int32_t i = 0; i < n_columns; i++) aip__column_free(r->columns[i]);
    aip__free(ctx, r->columns);
    aip__free(ctx, r->batches);
}

static void must_be_same(const reading *a, const reading *b, int32_t n_columns) {
    must(a->status == b->status, "all ways end alike");
    must(strcmp(a->message, b->message) == 0, "all ways say the same");
    if (a->status != AIP_OK) return; /* how much came before an error depends on the cut */
    must(a->n_records == b->n_records && a->n_rejected == b->n_rejected && a->n_rows == b->n_rows, "all ways count alike");
    must(a->n_unknown == b->n_unknown && a->n_duplicates == b->n_duplicates && a->n_nulled == b->n_nulled, "all ways note alike");
    for (int32_t i = 0; i < n_columns && a->n_rows > 0; i++)
        must(aip__column_equal(a->columns[i], b->columns[i]), "all ways give the same rows");
}

/* ---- against the reader of documents ---------------------------------------------------------------------------------------------------------- */

/* What that one refuses and RFC 8259 allows. */
static bool limited_on_purpose(const char *message) {
    static const char *const limits[] = {"duplicate object key", "a NUL in a key", "does not fit 64 bits",
                                         "a number that is too large", "too large: expected"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strstr(message, limits[i])) return true;
    return false;
}

static void must_be_value(const aip__column *c, int64_t row, const aip__node *v) {
    size_t n = 0;
    if (v->kind == AIP__NULL) {
        must(!aip__valid(c->validity, row), "null is null");
        return;
    }
    must(aip__valid(c->validity, row), "a value is there");
    if (c->type == AIP_INT64) must(v->kind == AIP__INT && aip__column_i64(c)[row] == v->integer, "the same integer");
    if (c->type == AIP_FLOAT64) must(aip__column_f64(c)[row] == v->real, "the same number");
    if (c->type == AIP_BOOL) must(v->kind == AIP__BOOL && aip__bit_get(aip__column_bits(c), row) == v->boolean, "the same truth");
    if (c->type != AIP_UTF8 || v->kind != AIP__STRING) return;
    const char *text = aip__column_text(c, row, &n);
    must(n == v->length && memcmp(text, v->string, n) == 0, "the same text");
}

static void against_documents(aip_context *ctx, const uint8_t *data, size_t n, const aip_schema *schema, const reading *r) {
    const char *p = (const char *)data, *end = p + n;
    int64_t row = 0;
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        aip__document *d = NULL;
        aip_error *err = NULL;
        bool blank = true;
        for (const char *c = p; c < stop; c++) blank &= *c == ' ' || *c == '\t' || *c == '\r';
        if (!blank) {
            int32_t status = aip__json_parse(ctx, p, (size_t)(stop - p), NULL, &d, &err);
            const aip__node *root = status == AIP_OK ? aip__document_root(d) : NULL;
            if (status != AIP_OK && limited_on_purpose(aip_error_text(err))) { /* which row comes next is not known */
                aip_error_free(err);
                return;
            }
            if (root && root->kind == AIP__MAP) {
                must(row < r->n_rows, "an object is a row");
                for (int32_t i = 0; i < root->n; i++) {
                    int32_t k = aip_schema_find(schema, root->keys[i]->string);
                    if (k >= 0) must_be_value(r->columns[k], row, root->items[i]);
                }
                row++;
            }
            aip__document_free(d);
            aip_error_free(err);
        }
        p = nl ? nl + 1 : end;
    }
    must(row == r->n_rows, "a row is an object");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    const aip_descriptor *json = NULL;
    aip_context *ctx = context();
    aip_descriptor *table = NULL;
    aip_schema *schema = NULL;
    size_t chosen = data[0] / 2 % N_OPTIONS;
    bool lines = data[0] % 2 == 0;
    reading first = {0};
    char **names = NULL;
    aip__sample sample = {0};
    int32_t looked = AIP_OK;
    must(aip__format_find(ctx, lines ? "ndjson" : "json", &json, NULL) == AIP_OK, "json");
    const aip__format_ops *ops = json->ops;
    must(aip__files_table(ctx, true, json, &table, NULL) == AIP_OK, "table");
    data++, n--;
    aip__cpu_level highest = aip__cpu();
    for (int k = 0; k < 4; k++) {
        char text[256];
        aip_params *params = NULL;
        void *format = NULL;
        aip__stream *stream = NULL;
        reading r = {0};
        aip__sample now = {0};
        aip__cpu_set(k == 3 ? AIP__CPU_AVX2 : k == 2 ? AIP__CPU_SCALAR : highest);
        snprintf(text, sizeof text, "%s, \"block_bytes\": %d}", options[chosen], blocks[k % 3]);
        must(aip__params_parse(ctx, table, text, &params, NULL) == AIP_OK, "options");
        must(ops->create(ctx, params, "", &format, NULL) == AIP_OK, "format");
        int64_t rows = aip_params_is_null(params, "infer_rows") ? INT64_MAX : aip_params_int(params, "infer_rows");
        int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
        if (status == AIP_OK) status = ops->sample(format, stream, "fuzz", rows, &now, NULL);
        aip__stream_close(stream);
        if (k == 0) {
            looked = status;
            sample = now;
            names = now.names;
            if (status == AIP_OK) schema = schema_of(ctx, &now);
        } else {
            must(status == looked && now.n == sample.n, "all looks find the same");
            for (int32_t i = 0; i < now.n; i++)
                must(strcmp(now.names[i], names[i]) == 0 && now.guesses[i].type == sample.guesses[i].type,
                     "all looks see the same");
            aip__sample_free(ctx, &now);
        }
        if (schema) read_all(ctx, ops, format, data, n, schema, names, &r);
        if (schema && k == 0) first = r;
        if (schema && k > 0) {
            must_be_same(&first, &r, schema->n);
            reading_free(ctx, &r, schema->n);
        }
        ops->destroy(format);
        aip__params_free(params);
    }
    aip__cpu_set(highest);
    if (schema && lines && chosen == 0 && first.status == AIP_OK) against_documents(ctx, data, n, schema, &first);
    if (schema) reading_free(ctx, &first, schema->n);
    aip_schema_free(schema);
    aip__sample_free(ctx, &sample);
    aip__free(ctx, table);
    must(atomic_load(&ctx->refs) == 1, "nothing is left");
    aip__exec_free(ctx, ctx->exec);
    aip__catalog_free(ctx, ctx->catalog);
    aip__context_release(ctx);
    return 0;
}
