/* CSV from hostile bytes, plain or compressed: the look at the file, the reader, and that every way through it gives the same rows, rejects and
 * error: each record on its own in one block is the reference; blocks of any size at any vector level are held to it. The first byte chooses the
 * options; block size, level and dialect come from the bytes as a whole. Some inputs go through more: what cells say of types must not depend on
 * the way either; whole records of a growing file stay whole; the explanation of a look. */
#include "connectors/files.h"
#include "formats/csv/csv.h"
#include "fuzz.h"

static const char *const options[] = {
    "{\"path\": \"-\", \"on_bad_row\": \"reject\"}",
    "{\"path\": \"-\", \"on_bad_row\": \"null\", \"ragged\": \"truncate\", \"comment\": \"#\", \"infer_rows\": 2}",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"header\": false, \"delimiter\": \";\", \"decimal\": \",\", \"infer_rows\": 1}",
    "{\"path\": \"-\", \"on_bad_row\": \"reject\", \"quote\": null, \"skip_rows\": 1, \"max_record_bytes\": 64}",
    "{\"path\": \"-\", \"quoted_null\": true, \"null_values\": [\"-\"], \"quote\": \"'\"}",
    "{\"path\": \"-\", \"detect\": \"all\", \"quote_errors\": \"repair\", \"ragged\": \"truncate\", \"on_bad_row\": \"reject\"}",
    "{\"path\": \"-\", \"escape\": \"\\\\\", \"comment\": \"#\", \"on_bad_row\": \"null\"}",
    "{\"path\": \"-\", \"escape\": \"\\\\\", \"doubled_quote\": false, \"quote_errors\": \"repair\", \"encoding\": \"auto\", \"on_bad_row\": \"reject\"}",
    "{\"path\": \"-\", \"encoding\": \"utf-16\", \"encoding_errors\": \"replace\", \"on_bad_row\": \"reject\"}",
};

#define N_OPTIONS (sizeof options / sizeof *options)

static fuzz_host host;
static const aip__format_ops *ops;
static aip__csv_options *formats[N_OPTIONS];
static int64_t infer_rows[N_OPTIONS];
static aip__cpu_level levels[4];
static unsigned n_levels;

static void set_up(void) {
    const aip_descriptor *csv = NULL;
    aip_descriptor *table = NULL;
    aip_context *ctx = host.ctx = fuzz_make((uint64_t)256 << 20);
    must(aip__formats_register(ctx, NULL) == AIP_OK && aip__format_find(ctx, "csv", &csv, NULL) == AIP_OK, "formats");
    ops = csv->ops;
    must(aip__files_table(ctx, true, csv, &table, NULL) == AIP_OK, "table");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        aip_params *params = NULL;
        void *format = NULL;
        must(aip__params_parse(ctx, table, options[i], &params, NULL) == AIP_OK, "options");
        must(ops->create(ctx, params, "", &format, NULL) == AIP_OK, "format");
        formats[i] = format;
        infer_rows[i] = aip_params_int(params, "infer_rows");
        aip__params_free(params);
    }
    aip__free(ctx, table);
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

static void mix(uint64_t *h, const void *bytes, size_t n) { /* FNV-1a */
    for (size_t i = 0; i < n; i++) *h = (*h ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

#define REJECT_COLUMNS 8        /* and fewer */
#define LARGE ((size_t)8 << 10) /* holds what a fuzzer makes in one block */

typedef struct outcome { /* of a read: nothing in it depends on how the rows lie in batches */
    int32_t status;
    int64_t counts[4], place[3]; /* records, rejected, nulled, padded; line, column, offset of an error */
    uint64_t rejects[REJECT_COLUMNS], message;
} outcome;
static uint64_t digests[2][5000]; /* of each column: of the outcome that is expected, and of the one found */

static void mix_batch(const aip_batch *b, uint64_t *columns) {
    for (int32_t i = 0; i < b->n_columns; i++) {
        uint64_t *h = &columns[i];
        const aip__column *c = b->columns[i];
        size_t width = aip__type_width(c->type);
        for (int64_t r = 0; r < b->n_rows; r++) {
            bool valid = aip__valid(c->validity, r), bit = c->type == AIP_BOOL && aip__bit_get(aip__column_bits(c), r);
            size_t n = width;
            const char *text = c->type == AIP_UTF8 ? aip__column_text(c, r, &n) : (const char *)c->values + (size_t)r * width;
            mix(h, &valid, sizeof valid);
            mix(h, c->type == AIP_BOOL ? (const char *)&bit : text, c->type == AIP_BOOL ? sizeof bit : n);
            mix(h, &n, sizeof n);
        }
    }
}

static int32_t mix_rejects(void *user, aip_batch *b, aip_error **err) {
    (void)err;
    must(b->n_columns <= REJECT_COLUMNS, "columns of rejects");
    mix_batch(b, ((outcome *)user)->rejects);
    return AIP_OK;
}

static void account(aip__decoded *d, aip_context *ctx, outcome *out, uint64_t *columns) {
    aip__bad_rows *bad = d->rejects;
    aip_dataset *table = NULL;
    must(d->batch && d->n_records == d->batch->n_rows + d->n_rejected, "rows add up");
    must(d->n_rejected == (bad && bad->rejects ? aip__rejects_count(bad->rejects) : 0), "rejects are counted");
    out->counts[0] += d->n_records;
    out->counts[1] += d->n_rejected;
    out->counts[2] += bad ? bad->n_nulled : 0;
    out->counts[3] += bad ? bad->n_padded : 0;
    mix_batch(d->batch, columns);
    if (bad && bad->rejects) {
        must(aip__rejects_dataset(bad->rejects, &table, NULL) == AIP_OK, "rejects");
        must(aip_dataset_each(table, NULL, mix_rejects, out, NULL, NULL) == AIP_OK, "rows of rejects");
        aip_dataset_free(table);
    }
    aip__bad_rows_free(ctx, bad);
    aip_batch_free(d->batch);
}

/* What the cells of an item say of types, as the columns' guesses so far. */
static void widen(aip_context *ctx, void *reader, const aip__item *item, const aip__guess *start, aip__guess *running) {
    aip__type_steps steps = {.ctx = ctx};
    int32_t status = ops->infer_item(reader, item, start, &steps, NULL);
    must(status == AIP_OK || status == AIP_E_MEMORY_LIMIT, "types of an item");
    for (size_t i = 0; i < steps.n; i++) {
        const aip__type_step *step = &steps.steps[i];
        if (!aip__guess_is_text(running[step->column])) aip__guess_widen(&running[step->column], step->cell);
    }
    aip__type_steps_free(&steps);
}

static void read_all(void *format, aip_context *ctx, const uint8_t *data, size_t n, const aip_schema *schema,
                     const aip__sample *sample, bool types, outcome *out, uint64_t *columns) {
    aip__stream *stream = NULL;
    void *reader = NULL;
    aip_error *err = NULL;
    aip__guess *running = types ? aip__alloc(ctx, (size_t)schema->n * sizeof *running + 1) : NULL;
    if (running) memcpy(running, sample->guesses, (size_t)schema->n * sizeof *running);
    *out = (outcome){0};
    memset(columns, 0, (size_t)schema->n * sizeof *columns);
    int32_t status = aip__stream_memory(ctx, data, n, &stream, &err);
    if (status == AIP_OK) status = ops->open(format, stream, "fuzz", schema, sample->names, &reader, &err);
    while (status == AIP_OK) {
        aip__item item = {0};
        aip__decoded d = {0};
        bool end = false;
        status = ops->next(reader, &item, &end, &err);
        if (status != AIP_OK || end) break;
        status = ops->decode(reader, &item, &d, &err);
        if (running && status == AIP_OK) widen(ctx, reader, &item, sample->guesses, running);
        ops->item_free(reader, &item);
        if (status == AIP_OK) account(&d, ctx, out, columns);
    }
    if (reader) ops->close(reader);
    aip__stream_close(stream);
    for (int32_t i = 0; running && i < schema->n; i++) {
        aip_field field = {.type = 0};
        aip__guess_field(running[i], &field);
        mix(&columns[i], &field.type, sizeof field.type);
        mix(&columns[i], field.zone ? "z" : "-", 1);
    }
    aip__free(ctx, running);
    if (status != AIP_OK) { /* how far it came depends on the blocks; what it says does not */
        *out = (outcome){.status = status, .place = {aip_error_line(err), aip_error_column(err), aip_error_offset(err)}};
        memset(columns, 0, (size_t)schema->n * sizeof *columns);
        mix(&out->message, aip_error_message(err), strlen(aip_error_message(err)));
    }
    aip_error_free(err);
}

/* The options as the bytes would have them. */
static void vary(aip__csv_options *o, uint64_t h) {
    if (h % 4 == 0 && o->dialect.quote != '\\') o->dialect.escape = '\\';
    o->dialect.no_doubling = h / 4 % 8 == 0;
    o->dialect.lenient = h / 32 % 4 == 0;
}

/* Block sizes: the whole file, the smallest, and one of any size. */
#define N_BLOCKS 3
static size_t block_of(unsigned i, uint64_t h, size_t n) { return i == 0 ? LARGE : i == 1 ? 64 : 64 + (size_t)(h % (n + 64)); }

static void compare(aip__csv_options *o, aip_context *ctx, const uint8_t *data, size_t n, const aip_schema *schema,
                    const aip__sample *sample, uint64_t h) {
    bool types = fuzz_tries(h >> 48, 0, 8);
    outcome expected, found;
    if ((size_t)schema->n > sizeof *digests / sizeof **digests) return; /* what was packed may have any number of columns */
    o->dialect.only_libcsv = true;
    o->block_bytes = LARGE;
    read_all(o, ctx, data, n, schema, sample, types, &expected, digests[0]);
    o->dialect.only_libcsv = false;
    for (unsigned i = 0; i < n_levels * N_BLOCKS; i++) {
        if (!fuzz_tries(h >> 16, i, n_levels * N_BLOCKS)) continue;
        aip__cpu_set(levels[i % n_levels]);
        o->block_bytes = block_of(i / n_levels, h >> 32, n);
        read_all(o, ctx, data, n, schema, sample, types, &found, digests[1]);
        must(memcmp(&found, &expected, sizeof found) == 0, "every way through gives the same");
        must(memcmp(digests[0], digests[1], (size_t)schema->n * sizeof **digests) == 0, "every way through gives the same rows");
    }
    aip__cpu_set(levels[n_levels - 1]);
}

/* Whole records: a prefix that is all there is of them. */
static void hold_whole(aip__csv_options *o, aip_context *ctx, const uint8_t *data, size_t n) {
    int64_t bytes[2] = {0}, lines[2] = {0}, feeds = 0;
    aip__stream *stream = NULL;
    if (ops->fix(o, NULL) != AIP_OK || aip__stream_memory(ctx, data, n, &stream, NULL) != AIP_OK) return;
    bool plain = aip__stream_packing(stream) == AIP__PACKING_NONE;
    int32_t status = plain ? ops->whole(o, stream, "fuzz", true, &bytes[0], &lines[0], NULL) : AIP_E_UNSUPPORTED;
    aip__stream_close(stream);
    if (status != AIP_OK) return;
    must(bytes[0] >= 0 && (size_t)bytes[0] <= n && (bytes[0] <= 3 || data[bytes[0] - 1] == '\n'),
         "whole records end in a line feed");
    for (int64_t i = 0; i < bytes[0]; i++) feeds += data[i] == '\n';
    must(lines[0] == feeds, "lines of whole records");
    must(aip__stream_memory(ctx, data, (size_t)bytes[0], &stream, NULL) == AIP_OK, "stream");
    status = ops->whole(o, stream, "fuzz", true, &bytes[1], &lines[1], NULL);
    aip__stream_close(stream);
    /* Where quotes are mended, a quote behind them may be what says that records have ended. */
    bool same = bytes[1] == bytes[0] && lines[1] == lines[0], fewer = o->dialect.lenient && bytes[1] <= bytes[0];
    must(status != AIP_OK || same || fewer, "what is whole stays whole");
}

static void explain(aip__csv_options *o, aip_context *ctx, const uint8_t *data, size_t n, int64_t rows) {
    aip__stream *stream = NULL;
    aip__text text;
    aip__text_init(&text, ctx);
    int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (status == AIP_OK) status = ops->explain(o, stream, "fuzz", rows, &text, NULL);
    aip__stream_close(stream);
    must(status != AIP_OK || text.failed || (text.n > 0 && text.bytes[0] == ','), "an explanation is members of an object");
    aip__text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    if (!host.ctx) set_up();
    aip_context *ctx = host.ctx;
    size_t chosen = data[0] % N_OPTIONS;
    aip__csv_options o = *formats[chosen];
    aip__stream *stream = NULL;
    aip__sample sample = {0};
    uint64_t h = fuzz_hash(data, n);
    fuzz_begin(&host);
    vary(&o, h);
    o.block_bytes = block_of((unsigned)(h >> 40) % N_BLOCKS, h >> 32, n); /* of the look */
    data++, n--;
    int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (status == AIP_OK) status = ops->sample(&o, stream, "fuzz", infer_rows[chosen], &sample, NULL);
    aip__stream_close(stream);
    aip_schema *schema = status == AIP_OK ? schema_of(ctx, &sample) : NULL;
    if (schema) compare(&o, ctx, data, n, schema, &sample, h);
    aip_schema_free(schema);
    aip__sample_free(ctx, &sample);
    if (fuzz_tries(h >> 52, 0, 32)) explain(&o, ctx, data, n, infer_rows[chosen]);
    if (fuzz_tries(h >> 52, 1, 32)) hold_whole(&o, ctx, data, n);
    fuzz_end(&host);
    return 0;
}
