/* Fields of regular records to columns, against the way by cells, which csv_read_test.c holds: same columns, same faults, for every type,
 * set of null markers and vector level. The test writes each field itself, quoted or not, so it knows the text that a cell has. */
#include "base/cpu.h"
#include "formats/csv/csv.h"
#include "formats_suites.h"
#include <stdio.h>
#include <stdlib.h>

#define ROWS 2500
#define SLACK 64

static uint64_t state = 0x853c49e6748fea9bu;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(2685821657736338717);
}

typedef struct table {
    char *text; /* as in the file, with slack on both sides */
    size_t n;
    uint32_t ends[2 * ROWS + 1]; /* two columns; the first is looked at */
    char *raw;                   /* the cells' texts, one after the other */
    size_t raw_n;
    aip__csv_row rows[ROWS];
    aip__csv_cell cells[ROWS];
} table;

static size_t some_text(char *out) {
    static const char *const words[] = {"",
                                        "",
                                        "NA",
                                        "null",
                                        "true",
                                        "false",
                                        "-999",
                                        "nan",
                                        "NaN",
                                        "7",
                                        "-7",
                                        "3.25",
                                        "1e3",
                                        "2013-01-01",
                                        "2013-01-01T05:00:00",
                                        "2013-01-01 05:00:00Z",
                                        "Oslo",
                                        "say \"ho\"",
                                        "a,b",
                                        "\"",
                                        "\"\"",
                                        "two\nlines",
                                        "M\xc3\xbcnchen",
                                        "yes",
                                        "oui",
                                        "a text of more than sixteen bytes",
                                        "exactly sixteen.",
                                        "exactly fifteen",
                                        "12345678901234567890",
                                        "31/12/2013",
                                        "31.12.13 10:20",
                                        "1,234",
                                        "1,234.5",
                                        "12,34"};
    const char *w = words[draw() % (sizeof words / sizeof *words)];
    size_t n = strlen(w);
    memcpy(out, w, n);
    if (draw() % 4 == 0) return (size_t)snprintf(out, 64, "%lld", (long long)draw() / ((long long)1 << (draw() % 63)));
    if (draw() % 16) return n;
    for (n = 0; n < 40 + draw() % 160; n++) out[n] = "abcdefgh\"h"[draw() % 10];
    return n;
}

static void put(table *t, char c) { t->text[SLACK + t->n++] = c; }

static void make_table(table *t) {
    char raw[256];
    t->text = malloc(2 * SLACK + (size_t)ROWS * 600);
    t->raw = malloc((size_t)ROWS * 256);
    ck_assert(t->text && t->raw);
    memset(t->text, '"', 2 * SLACK + (size_t)ROWS * 600);
    t->ends[0] = UINT32_MAX;
    for (int32_t r = 0; r < ROWS; r++) {
        size_t n = some_text(raw);
        bool quoted = draw() % 4 == 0 || (n > 0 && memchr(raw, '"', n)) || (n > 0 && memchr(raw, ',', n))
                      || (n > 0 && memchr(raw, '\n', n));
        memcpy(t->raw + t->raw_n, raw, n);
        t->cells[r] = (aip__csv_cell){.text = t->raw + t->raw_n, .n = (uint32_t)n, .at = quoted ? AIP__CSV_QUOTE_BIT : 0};
        t->raw_n += n;
        t->rows[r] = (aip__csv_row){.column = -1};
        if (quoted) put(t, '"');
        for (size_t i = 0; i < n; i++) {
            put(t, raw[i]);
            if (raw[i] == '"') put(t, '"');
        }
        if (quoted) put(t, '"');
        t->ends[2 * r + 1] = (uint32_t)t->n;
        put(t, ',');
        put(t, 'x');
        t->ends[2 * r + 2] = (uint32_t)t->n;
        put(t, '\n');
    }
}

static void hold(aip_context *ctx, const aip__csv_options *o, const aip_field *field, bool valid) {
    table *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    make_table(t);
    aip__fields f = {.text = t->text + SLACK, .ends = t->ends + 1, .stride = 2, .n = ROWS - 100};
    aip__csv_block block = {.max_rows = ROWS, .n_rows = ROWS - 100, .rows = t->rows, .cells = t->cells};
    aip__csv_target by_cell = {0}, by_field = {0};
    aip__column *expected = NULL, *got = NULL;
    aip__csv_faults faults = {0};
    int64_t n_bad = 0;
    OK(aip__csv_target_begin(&by_cell, ctx, field, ROWS, 100, &err));
    OK(aip__csv_convert(&by_cell, o, &block, 0, 0, false, &n_bad, &err));
    OK(aip__csv_target_end(&by_cell, f.n, &expected, &err));
    OK(aip__csv_target_begin(&by_field, ctx, field, ROWS, 100, &err));
    by_field.by_cells = aip__csv_needs_cells(o, field);
    aip__fields head = aip__fields_part(&f, 0, 37), rest = aip__fields_part(&f, 37, ROWS);
    OK(aip__csv_convert_fields(&by_field, o, &head, 5, 0, valid, &faults, &err));
    size_t n_head = faults.n;
    OK(aip__csv_convert_fields(&by_field, o, &rest, 5, 37, valid, &faults, &err));
    OK(aip__csv_target_end(&by_field, f.n, &got, &err));
    ck_assert_int_eq(got->length, f.n);
    for (int32_t r = 0; r < f.n; r++)
        ck_assert_msg(aip__valid(got->validity, r) == aip__valid(expected->validity, r), "type %d, '%.*s'", field->type,
                      (int)t->cells[r].n, t->cells[r].text);
    ck_assert_int_eq(got->null_count, expected->null_count);
    ck_assert(aip__column_equal(got, expected));
    ck_assert_int_eq((int64_t)faults.n, n_bad);
    size_t k = 0;
    for (int32_t r = 0; r < f.n; r++) {
        if (t->rows[r].fault == AIP__ROW_GOOD) continue;
        ck_assert_int_eq(faults.list[k].row + (k < n_head ? 0 : 37), r);
        ck_assert_int_eq(faults.list[k].slot, 5);
        ck_assert_int_eq((int)faults.list[k++].fault, (int)t->rows[r].fault);
    }
    ck_assert_uint_eq(k, faults.n);
    aip__free(ctx, faults.list);
    aip__column_free(expected);
    aip__column_free(got);
    free(t->text);
    free(t->raw);
    free(t);
}

static char *word(const char *text) { return (char *)(uintptr_t)text; }

/* own: with thousands marks, date formats and words as well. */
static void hold_options(const char *json, bool own) {
    aip_context *ctx = NULL;
    const aip_descriptor *csv = NULL;
    aip_params *params = NULL;
    void *o = NULL;
    OK(aip_context_create(NULL, &ctx, &err));
    OK(aip__format_find(ctx, "csv", &csv, &err));
    OK(aip__params_parse(ctx, csv, json, &params, &err));
    OK(aip__csv_options_create(ctx, params, "csv", &o, &err));
    char *formats[] = {word("%d/%m/%Y"), word("%d.%m.%y %H:%M")}, *yes[] = {word("yes"), word("7")}, *no[] = {word("oui")};
    aip__csv_options mine = *(aip__csv_options *)o;
    if (own) {
        mine.thousands = ',';
        mine.date_formats = formats, mine.n_date_formats = 2;
        mine.true_words = yes, mine.n_true_words = 2;
        mine.false_words = no, mine.n_false_words = 1;
    }
    const aip_field fields[] = {{.type = AIP_UTF8},
                                {.type = AIP_DICTIONARY},
                                {.type = AIP_BOOL},
                                {.type = AIP_INT32},
                                {.type = AIP_INT64},
                                {.type = AIP_FLOAT32},
                                {.type = AIP_FLOAT64},
                                {.type = AIP_DATE32},
                                {.type = AIP_TIMESTAMP},
                                {.type = AIP_TIMESTAMP, .zone = (char *)(uintptr_t) "UTC"},
                                {.type = AIP_DECIMAL64, .scale = 2}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
            if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
            hold(ctx, &mine, &fields[i], true);
            hold(ctx, &mine, &fields[i], false);
        }
    aip__cpu_set(AIP__CPU_AVX512);
    aip__csv_options_destroy(o);
    aip__params_free(params);
    aip_context_free(ctx);
}

START_TEST(fields_of_regular_records_mean_what_cells_mean) { hold_options("{}", false); }
END_TEST

START_TEST(null_markers_that_look_like_values_are_null) {
    hold_options("{\"null_values\": [\"-999\", \"7\", \"true\", \"nan\"]}", false);
}
END_TEST

START_TEST(emptiness_and_quoted_markers_follow_the_options) {
    hold_options("{\"null_values\": []}", false);
    hold_options("{\"null_values\": [\"\", \"NA\", \"-7\"], \"quoted_null\": true}", false);
    hold_options("{}", true);
    hold_options("{\"decimal\": \",\", \"delimiter\": \";\"}", false);
}
END_TEST

Suite *csv_fields_suite(void) {
    const TTest *const tests[] = {fields_of_regular_records_mean_what_cells_mean, null_markers_that_look_like_values_are_null,
                                  emptiness_and_quoted_markers_follow_the_options, NULL};
    return unit_suite("csv_fields", tests);
}
