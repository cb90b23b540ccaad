/* JSON data from hostile bytes: the look at the file and the readers of lines and of lists. The first byte chooses format and options. Every vector
 * level and block size gives the same rows, rejects and error; for some inputs also what all cells say of types. Lines are also held against the reader of documents: a line that is an
 * object to that one is a row with the same values, and a line that is a row is an object to that one, but for what it limits on purpose. */
#include "base/document.h"
#include "connectors/files.h"
#include "formats/json/json.h"
#include "fuzz.h"

static const char *const options[] = {
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"infer_rows\": null, \"flatten_levels\": 0}",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"infer_rows\": 1, \"fields\": [\"a\", \"b.c\"]}",
    "{\"path\": \"-\", \"on_bad_row\": \"null\", \"infer_rows\": 2, \"max_record_bytes\": 64}",
    "{\"path\": \"-\", \"infer_rows\": 1, \"unknown_fields\": \"bad\", \"duplicate_keys\": \"bad\"}",
};
#define N_OPTIONS (sizeof options / sizeof *options)

static fuzz_host host;
static const aip_descriptor *formats[2]; /* json, ndjson */
static aip_params *params[2][N_OPTIONS];
static int64_t infer_rows[N_OPTIONS];
static aip__cpu_level levels[4];
static unsigned n_levels;

static void set_up(void) {
    static const char *const names[2] = {"json", "ndjson"};
    aip_context *ctx = host.ctx = fuzz_make((uint64_t)256 << 20);
    must(aip__formats_register(ctx, NULL) == AIP_OK, "formats");
    for (int f = 0; f < 2; f++) {
        aip_descriptor *table = NULL;
        must(aip__format_find(ctx, names[f], &formats[f], NULL) == AIP_OK, names[f]);
        must(aip__files_table(ctx, true, formats[f], &table, NULL) == AIP_OK, "table");
        for (size_t i = 0; i < N_OPTIONS; i++) {
            aip_params *p = NULL;
            must(aip__params_parse(ctx, table, options[i], &p, NULL) == AIP_OK, "options");
            infer_rows[i] = aip_params_is_null(p, "infer_rows") ? INT64_MAX : aip_params_int(p, "infer_rows");
            params[f][i] = p;
        }
        aip__free(ctx, table);
    }
    n_levels = fuzz_levels(levels);
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
    aip__guess *types; /* of each column, after all rows; or NULL */
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

/* What the cells of an item say of types, as the columns' guesses so far. */
static void widen(aip_context *ctx, const aip__format_ops *ops, void *reader, const aip__item *item, const aip__guess *start,
                  aip__guess *running) {
    aip__type_steps steps = {.ctx = ctx};
    int32_t status = ops->infer_item(reader, item, start, &steps, NULL);
    must(status == AIP_OK || status == AIP_E_MEMORY_LIMIT, "types of an item");
    for (size_t i = 0; i < steps.n; i++) {
        const aip__type_step *step = &steps.steps[i];
        if (!aip__guess_is_text(running[step->column])) aip__guess_widen(&running[step->column], step->cell);
    }
    aip__type_steps_free(&steps);
}

static void read_all(aip_context *ctx, const aip__format_ops *ops, void *format, const uint8_t *data, size_t n,
                     const aip_schema *schema, const aip__sample *sample, bool types, reading *r) {
    aip__stream *stream = NULL;
    void *reader = NULL;
    aip_error *err = NULL;
    r->types = types ? aip__alloc(ctx, (size_t)schema->n * sizeof *r->types + 1) : NULL;
    if (r->types) memcpy(r->types, sample->guesses, (size_t)schema->n * sizeof *r->types);
    r->status = aip__stream_memory(ctx, data, n, &stream, &err);
    if (r->status == AIP_OK) r->status = ops->open(format, stream, "fuzz", schema, sample->names, &reader, &err);
    while (r->status == AIP_OK) {
        aip__item item = {0};
        aip__decoded d = {0};
        bool end = false;
        r->status = ops->next(reader, &item, &end, &err);
        if (r->status != AIP_OK || end) break;
        r->status = ops->decode(reader, &item, &d, &err);
        if (r->types && r->status == AIP_OK) widen(ctx, ops, reader, &item, sample->guesses, r->types);
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
    aip__free(ctx, r->types);
}

static void must_be_same(const reading *a, const reading *b, int32_t n_columns) {
    must(a->status == b->status, "all ways end alike");
    must(strcmp(a->message, b->message) == 0, "all ways say the same");
    if (a->status != AIP_OK) return; /* how much came before an error depends on the cut */
    must(a->n_records == b->n_records && a->n_rejected == b->n_rejected && a->n_rows == b->n_rows, "all ways count alike");
    must(a->n_unknown == b->n_unknown && a->n_duplicates == b->n_duplicates && a->n_nulled == b->n_nulled, "all ways note alike");
    for (int32_t i = 0; i < n_columns && a->n_rows > 0; i++)
        must(aip__column_equal(a->columns[i], b->columns[i]), "all ways give the same rows");
    for (int32_t i = 0; a->types && b->types && i < n_columns; i++) {
        aip_field x = {.type = 0}, y = {.type = 0};
        aip__guess_field(a->types[i], &x);
        aip__guess_field(b->types[i], &y);
        must(x.type == y.type && !x.zone == !y.zone, "all ways see the same types");
    }
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

/* ---- one look and one reading ------------------------------------------------------------------------------------------------------------------ */

#define LARGE ((size_t)8 << 10) /* holds what a fuzzer makes in one block */

typedef struct way { /* of reading: what is seen and what is read */
    int32_t status;  /* of the look */
    aip__sample sample;
    aip_schema *schema;
    reading read;
} way;

static void go(bool lines, size_t chosen, const uint8_t *data, size_t n, size_t block, bool types, way *w) {
    aip_context *ctx = host.ctx;
    const aip__format_ops *ops = formats[lines]->ops;
    aip__stream *stream = NULL;
    void *format = NULL; /* remembers what it sees: one for each way */
    *w = (way){0};
    must(ops->create(ctx, params[lines][chosen], "", &format, NULL) == AIP_OK, "format");
    ((aip__json_options *)format)->block_bytes = block;
    w->status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (w->status == AIP_OK) w->status = ops->sample(format, stream, "fuzz", infer_rows[chosen], &w->sample, NULL);
    aip__stream_close(stream);
    if (w->status == AIP_OK) w->schema = schema_of(ctx, &w->sample);
    if (w->schema) read_all(ctx, ops, format, data, n, w->schema, &w->sample, types, &w->read);
    ops->destroy(format);
}

static void way_free(way *w) {
    if (w->schema) reading_free(host.ctx, &w->read, w->schema->n);
    aip_schema_free(w->schema);
    aip__sample_free(host.ctx, &w->sample);
}

static void compare(const way *a, const way *b) {
    const aip__sample *s = &a->sample, *t = &b->sample;
    must(a->status == b->status && s->n == t->n && !a->schema == !b->schema, "all looks find the same");
    for (int32_t i = 0; i < s->n; i++)
        must(strcmp(s->names[i], t->names[i]) == 0 && s->guesses[i].type == t->guesses[i].type, "all looks see the same");
    if (a->schema) must_be_same(&a->read, &b->read, a->schema->n);
}

/* Block sizes: the whole file, the smallest, and one of any size. */
#define N_BLOCKS 3
static size_t block_of(unsigned i, uint64_t h, size_t n) { return i == 0 ? LARGE : i == 1 ? 64 : 64 + (size_t)(h % (n + 64)); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    if (!host.ctx) set_up();
    size_t chosen = data[0] / 2 % N_OPTIONS;
    uint64_t h = fuzz_hash(data, n);
    bool lines = data[0] % 2 == 0, types = fuzz_tries(h >> 48, 0, 8);
    way first, other;
    data++, n--;
    fuzz_begin(&host);
    aip__cpu_set(AIP__CPU_SCALAR);
    go(lines, chosen, data, n, LARGE, types, &first);
    for (unsigned i = 1; i < n_levels * N_BLOCKS; i++) { /* 0 is the first */
        if (!fuzz_tries(h >> 16, i - 1, n_levels * N_BLOCKS - 1)) continue;
        aip__cpu_set(levels[i % n_levels]);
        go(lines, chosen, data, n, block_of(i / n_levels, h >> 32, n), types, &other);
        compare(&first, &other);
        way_free(&other);
    }
    aip__cpu_set(levels[n_levels - 1]);
    if (first.schema && lines && chosen == 0 && first.read.status == AIP_OK)
        against_documents(host.ctx, data, n, first.schema, &first.read);
    way_free(&first);
    fuzz_end(&host);
    return 0;
}
