/* One meaning, however a file is read: every record through libcsv in one block is the reference; runs of regular rows, blocks of any size, every
 * vector level and any number of workers give the same rows, the same rejects (line, column, offset, reason, raw text) and the same error. Random
 * dirty tables under random options. */
#include "base/cpu.h"
#include "connectors/files.h"
#include "data/rejects.h"
#include "formats/csv/csv.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_TEXT 6000

static const int32_t blocks[] = {64, 100, 1000, 4096, 65536, 1048576};
#define N_BLOCKS (sizeof blocks / sizeof *blocks)

static uint32_t seed = 11;
static uint32_t draw(uint32_t n) { /* Marsaglia's xorshift32 */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* ---- dirty tables --------------------------------------------------------------------------------------------------------------------------- */

typedef struct text {
    char bytes[MAX_TEXT + 1024];
    size_t n;
} text;

static void put(text *t, const char *s) {
    size_t n = strlen(s);
    memcpy(t->bytes + t->n, s, n);
    t->n += n;
}

static const char *value(uint32_t column, uint32_t dirt, char *made) {
    static const char *const odd[] = {"",
                                      "NA",
                                      "nan",
                                      "x",
                                      "1e5",
                                      "-",
                                      "007",
                                      "+3",
                                      "1.5.",
                                      "9999999999999999999",
                                      " 1",
                                      "null",
                                      "true",
                                      "2024-02-30",
                                      "\xff",
                                      "\xc3\xa9",
                                      "1,5",
                                      "'",
                                      "12345678901234567890123456789012345"};
    static const char *const words[] = {"alpha", "b", "Z\xc3\xbcrich", "a longer text with spaces in it", "NA",
                                        "n",     "",  "O'Neil"};
    if (draw(100) < dirt) return odd[draw(sizeof odd / sizeof *odd)];
    switch (column % 6) {
    case 0: sprintf(made, "%d", (int)draw(200000) - 100000); break;
    case 1: sprintf(made, "%d.%u", (int)draw(2000) - 1000, draw(100000)); break;
    case 2: return words[draw(8)];
    case 3: sprintf(made, "20%02u-%02u-%02u", draw(100), 1 + draw(12), 1 + draw(28)); break;
    case 4: return draw(2) ? "true" : "False";
    default: sprintf(made, "20%02u-01-%02uT%02u:00:%02u", draw(100), 1 + draw(28), draw(24), draw(60)); break;
    }
    return made;
}

static void put_field(text *t, const aip__csv_dialect *d, uint32_t column, uint32_t dirt, uint32_t quoting) {
    char made[64], quote[2] = {(char)(d->quote < 0 ? '"' : d->quote), 0}, delimiter[2] = {d->delimiter, 0};
    bool quoted = draw(100) < quoting;
    if (quoted) put(t, quote);
    put(t, value(column, dirt, made));
    if (quoted && draw(4) == 0) put(t, draw(3) == 0 ? "\n" : draw(2) ? delimiter : "\r\n");
    if (quoted && draw(4) == 0) put(t, quote), put(t, quote);
    if (draw(2000) < dirt) put(t, quote);
    if (quoted) put(t, quote);
    if (draw(1000) < dirt) put(t, draw(3) == 0 ? "\r" : draw(2) ? "\\" : "z");
}

static void make(text *t, const aip__csv_dialect *d, uint32_t width, uint32_t dirt, uint32_t quoting) {
    char delimiter[2] = {d->delimiter, 0}, name[16];
    t->n = 0;
    for (uint32_t c = 0; c < width; c++) {
        sprintf(name, "%sc%u", c > 0 ? delimiter : "", c);
        put(t, name);
    }
    put(t, "\n");
    for (size_t until = draw(MAX_TEXT - 200) + 200; t->n < until;) {
        uint32_t fields = draw(400) < dirt ? draw(width + 3) : width;
        if (draw(600) < dirt) put(t, draw(2) ? "# a comment, \"quoted\n" : "\n");
        for (uint32_t c = 0; c < fields; c++) {
            if (c > 0) put(t, delimiter);
            put_field(t, d, c, dirt, quoting);
        }
        put(t, draw(8) ? "\n" : "\r\n");
    }
    if (draw(3) == 0) t->n -= 1 + draw(3);
}

/* ---- what a reader makes of it -------------------------------------------------------------------------------------------------------------------- */

typedef struct format {
    aip_context *ctx;
    const aip__format_ops *ops;
    aip__csv_options *options;
    aip__sample sample;
    aip_schema *schema;
} format;

static void put_table(FILE *f, aip_dataset *d) {
    char *rows = table_text(d);
    fputs(rows, f);
    free(rows);
    aip_dataset_free(d);
}

/* The rows, the rejects and the counts of an item. */
static void put_item(FILE *rows, FILE *rejects, int64_t *counts, aip_context *ctx, aip__decoded *d) {
    aip_dataset *table = NULL;
    aip__bad_rows *bad = d->rejects;
    char *s = NULL;
    OK(aip_dataset_from_batches(d->batch->schema, &d->batch, 1, &table, &err));
    s = table_text(table);
    fputs(strchr(s, '\n') + 1, rows);
    free(s);
    aip_dataset_free(table);
    if (bad && bad->rejects) {
        OK(aip__rejects_dataset(bad->rejects, &table, &err));
        s = table_text(table);
        fputs(strchr(s, '\n') + 1, rejects);
        free(s);
        aip_dataset_free(table);
    }
    counts[0] += d->n_records;
    counts[1] += d->n_rejected;
    counts[2] += bad ? bad->n_nulled : 0;
    counts[3] += bad ? bad->n_padded : 0;
    aip__bad_rows_free(ctx, bad);
    aip_batch_free(d->batch);
}

/* All of it as one text; of a read that fails, only the error. */
static char *read_text(const format *fm, const text *t, size_t block_bytes, bool only_libcsv) {
    char *found[3] = {NULL};
    size_t sizes[3];
    FILE *rows = open_memstream(&found[0], &sizes[0]), *rejects = open_memstream(&found[1], &sizes[1]);
    int64_t counts[4] = {0};
    aip__stream *stream = NULL;
    void *reader = NULL;
    aip_error *err = NULL;
    fm->options->block_bytes = block_bytes;
    fm->options->dialect.only_libcsv = only_libcsv;
    int32_t status = aip__stream_memory(fm->ctx, t->bytes, t->n, &stream, &err);
    if (status == AIP_OK) status = fm->ops->open(fm->options, stream, "t", fm->schema, fm->sample.names, &reader, &err);
    for (bool end = false; status == AIP_OK && !end;) {
        aip__item item = {0};
        aip__decoded d = {0};
        status = fm->ops->next(reader, &item, &end, &err);
        if (status != AIP_OK || end) break;
        status = fm->ops->decode(reader, &item, &d, &err);
        fm->ops->item_free(reader, &item);
        if (status == AIP_OK) put_item(rows, rejects, counts, fm->ctx, &d);
    }
    if (reader) fm->ops->close(reader);
    aip__stream_close(stream);
    fclose(rows);
    fclose(rejects);
    FILE *all = open_memstream(&found[2], &sizes[2]);
    if (status == AIP_OK)
        fprintf(all, "%s-- %lld records, %lld rejected, %lld nulled, %lld padded\n%s", found[0], (long long)counts[0],
                (long long)counts[1], (long long)counts[2], (long long)counts[3], found[1]);
    else
        fprintf(all, "error %d at %lld:%lld, byte %lld, %s: %s\n", (int)status, (long long)aip_error_line(err),
                (long long)aip_error_column(err), (long long)aip_error_offset(err),
                aip_error_data_column(err) ? aip_error_data_column(err) : "", aip_error_message(err));
    fclose(all);
    aip_error_free(err);
    free(found[0]);
    free(found[1]);
    return found[2];
}

static void options_text(char *out, size_t size) {
    static const char *const policies[] = {"error", "null", "reject"}, *const ragged[] = {"error", "pad", "truncate"};
    int at =
        snprintf(out, size, "{\"path\": \"-\", \"on_bad_row\": \"%s\", \"ragged\": \"%s\"", policies[draw(3)], ragged[draw(3)]);
    static const char *const more[] = {", \"comment\": \"#\"",
                                       ", \"quote\": null",
                                       ", \"quote\": \"'\"",
                                       ", \"delimiter\": \";\"",
                                       ", \"max_record_bytes\": 80",
                                       ", \"quoted_null\": true",
                                       ", \"null_values\": [\"-\", \"x\"]"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        bool clash = i == 2 && strstr(out, "quote\": null");
        if (draw(4) == 0 && !clash) at += snprintf(out + at, size - (size_t)at, "%s", more[i]);
    }
    snprintf(out + at, size - (size_t)at, ", \"infer_rows\": %u}", 1 + draw(30));
}

static aip_schema *guessed(aip_context *ctx, const aip__sample *s) {
    aip_schema *schema = NULL;
    aip_field fields[32];
    ck_assert_int_le(s->n, 32);
    for (int32_t i = 0; i < s->n; i++) {
        fields[i] = aip__field(s->names[i], 0);
        aip__guess_field(s->guesses[i], &fields[i]);
    }
    OK(aip_schema_create(ctx, fields, s->n, &schema, &err));
    return schema;
}

/* False: not even its look at the text succeeds. */
static bool format_begin(format *fm, aip_context *ctx, const aip_descriptor *csv, const aip_params *params, const text *t) {
    aip__stream *stream = NULL;
    void *options = NULL;
    *fm = (format){.ctx = ctx, .ops = csv->ops};
    OK(fm->ops->create(ctx, params, "", &options, &err));
    fm->options = options;
    fm->options->dialect.escape = draw(5) == 0 ? '\\' : 0;
    fm->options->dialect.no_doubling = draw(8) == 0;
    fm->options->dialect.lenient = draw(5) == 0;
    OK(aip__stream_memory(ctx, t->bytes, t->n, &stream, &err));
    int32_t status = fm->ops->sample(options, stream, "t", aip_params_int(params, "infer_rows"), &fm->sample, NULL);
    aip__stream_close(stream);
    if (status == AIP_OK) fm->schema = guessed(ctx, &fm->sample);
    return status == AIP_OK;
}

static void format_end(format *fm) {
    aip_schema_free(fm->schema);
    aip__sample_free(fm->ctx, &fm->sample);
    fm->ops->destroy(fm->options);
}

START_TEST(every_block_size_and_level_reads_what_libcsv_reads_in_one_block) {
    aip__cpu_level was = aip__cpu();
    aip_context *ctx = table_context(0);
    const aip_descriptor *csv = NULL;
    aip_descriptor *table = NULL;
    static text t;
    OK(aip__format_find(ctx, "csv", &csv, &err));
    OK(aip__files_table(ctx, true, csv, &table, &err));
    int failed = 0, rejected = 0;
    for (int round = 0; round < 1200; round++) {
        char json[512];
        aip_params *params = NULL;
        format fm;
        options_text(json, sizeof json);
        OK(aip__params_parse(ctx, table, json, &params, &err));
        aip__csv_dialect d = {.delimiter = strchr(json, ';') ? ';' : ',', .quote = strchr(json, '\'') ? '\'' : '"'};
        memset(&t, 0, sizeof t);
        make(&t, &d, 1 + draw(7), draw(3) ? draw(30) : 0, draw(3) ? draw(60) : 0);
        if (format_begin(&fm, ctx, csv, params, &t)) {
            char *expected = read_text(&fm, &t, 1 << 20, true);
            failed += strncmp(expected, "error", 5) == 0;
            rejected += strstr(expected, " 0 rejected") == NULL;
            for (size_t b = 0; b < N_BLOCKS; b++)
                for (aip__cpu_level level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
                    if (aip__cpu_set(level) != level || (b != (size_t)round % N_BLOCKS && level < was)) continue;
                    char *found = read_text(&fm, &t, (size_t)blocks[b], false);
                    if (strcmp(found, expected) != 0)
                        fprintf(stderr, "[%.*s]\nfound:\n%s\nexpected:\n%s", (int)t.n, t.bytes, found, expected);
                    ck_assert_msg(strcmp(found, expected) == 0, "%s, block_bytes %d, %s", json, (int)blocks[b],
                                  aip__cpu_name(level));
                    free(found);
                }
            aip__cpu_set(was);
            free(expected);
        }
        format_end(&fm);
        aip__params_free(params);
    }
    ck_assert_int_gt(failed, 100); /* and so do the rejected ones: both kinds of end were met */
    ck_assert_int_gt(rejected, 100);
    aip__free(ctx, table);
    table_context_free(ctx);
}
END_TEST

START_TEST(any_number_of_workers_reads_the_same_at_every_block_size) {
    static text t;
    const aip__csv_dialect d = {.delimiter = ',', .quote = '"'};
    for (int round = 0; round < 6; round++) {
        char *first = NULL;
        memset(&t, 0, sizeof t);
        make(&t, &d, 6, (uint32_t)round * 4, round % 2 ? 20 : 0);
        char *path = table_file("paths.csv", t.bytes, t.n);
        for (int w = 0; w < N_TABLE_WORKERS; w++)
            for (size_t b = 0; b < N_BLOCKS; b++) {
                char extra[128], *found = NULL;
                size_t size = 0;
                aip_context *ctx = table_context_limited(table_workers[w], (uint64_t)1 << 30);
                aip_dataset *rows = NULL, *rejects = NULL;
                snprintf(extra, sizeof extra, "\"on_bad_row\": \"reject\", \"block_bytes\": %d", (int)blocks[b]);
                OK(table_read(ctx, path, extra, &rows, &err));
                FILE *f = open_memstream(&found, &size);
                char *s = table_text(rows);
                fputs(s, f);
                free(s);
                OK(aip_dataset_rejects(rows, NULL, &rejects, &err));
                put_table(f, rejects);
                fclose(f);
                aip_dataset_free(rows);
                table_context_free(ctx);
                if (first) ck_assert_str_eq(found, first);
                if (first) free(found);
                if (!first) first = found;
            }
        free(first);
        free(path);
    }
}
END_TEST

Suite *csv_paths_suite(void) {
    const TTest *const tests[] = {every_block_size_and_level_reads_what_libcsv_reads_in_one_block,
                                  any_number_of_workers_reads_the_same_at_every_block_size, NULL};
    return unit_suite("csv_paths", tests);
}
