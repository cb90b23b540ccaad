/* Writing CSV: what is quoted, and that what is written reads back to the same values. Expected text is written by hand after RFC 4180. */
#include "formats_suites.h"
#include "table_fixture.h"
#include <csv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    char *text = calloc(1, 1 << 22);
    ck_assert_ptr_nonnull(text);
    *n = fread(text, 1, (1 << 22) - 1, f);
    fclose(f);
    return text;
}

static int32_t write_to(aip_dataset *d, const char *path, const char *extra, aip_error **err) {
    char json[600];
    snprintf(json, sizeof json, "{\"path\": \"%s\"%s%s}", path, extra ? ", " : "", extra ? extra : "");
    return aip_dataset_write(d, json, NULL, NULL, err);
}

/* Reads `csv`, writes it again, and holds what stands in the file. */
static void rewrite(const char *csv, const char *read, const char *write, const char *name, const char *expected) {
    aip_context *ctx = table_context(0);
    char *from = table_file("from.csv", csv, strlen(csv)), *to = table_path(name);
    aip_dataset *d = NULL;
    size_t n = 0;
    OK(table_read(ctx, from, read, &d, &err));
    OK(write_to(d, to, write, &err));
    char *text = slurp(to, &n);
    ck_assert_str_eq(text, expected);
    free(text);
    free(from);
    free(to);
    aip_dataset_free(d);
    table_context_free(ctx);
}

START_TEST(only_fields_that_need_quotes_get_them) {
    rewrite("a,\"b,c\"\nx y,1\n\"p,q\",2\n\"r\"\"s\",3\n\"t\nu\",4\n", NULL, NULL, "to.csv",
            "a,\"b,c\"\nx y,1\n\"p,q\",2\n\"r\"\"s\",3\n\"t\nu\",4\n");
    rewrite("a,b\n,1\n\"\",2\n\"NA\",3\nx,\n", NULL, NULL, "to.csv",
            "a,b\n,1\n\"\",2\n\"NA\",3\nx,\n"); /* null, empty text, the text NA */
    rewrite("a,b\n,1\nx,\n", NULL, "\"null_value\": \"-\"", "to.csv", "a,b\n-,1\nx,-\n");
    rewrite("a,b\n1,\"p,q\"\n", NULL, "\"delimiter\": \";\", \"header\": false", "to.csv", "1;p,q\n");
    rewrite("a,b\n1,p\n", NULL, NULL, "to.tsv", "a\tb\n1\tp\n");
    rewrite("a\n1\n\"\"\n", NULL, NULL, "to.csv", "a\n1\nNA\n"); /* one column: an empty line would be no record */
    rewrite("a,b\n-1,2.5\n", NULL, "\"delimiter\": \"-\"", "to.csv", "a-b\n\"-1\"-2.5\n");
}
END_TEST

START_TEST(values_are_written_shortest_and_read_back_to_the_same_type) {
    rewrite(
        "f,d,t,z,b\n0.1,2013-01-01,2013-01-01 05:00,2013-01-01T05:00:00.25Z,TRUE\n1e300,2013-01-02,2013-01-01T05:00:01,2013-01-01T05:00:00+01:00,false\n"
        "3,,,,\n",
        NULL, NULL, "to.csv",
        "f,d,t,z,b\n0.1,2013-01-01,2013-01-01T05:00:00,2013-01-01T05:00:00.250000Z,true\n"
        "1e+300,2013-01-02,2013-01-01T05:00:01,2013-01-01T04:00:00Z,false\n3.0,,,,\n");
}
END_TEST

/* Random tables of awkward texts and of doubles by their bits, through plain and gzip files, with several numbers of workers and readings. */
START_TEST(random_tables_read_back_as_they_were) {
#define TEXT(s) \
    { s, (int32_t)sizeof s - 1 }
    static const struct {
        const char *s;
        int32_t n;
    } texts[] = {TEXT(""),
                 TEXT("NA"),
                 TEXT("null"),
                 TEXT(","),
                 TEXT("\""),
                 TEXT("\"\""),
                 TEXT("\n"),
                 TEXT("\r\n"),
                 TEXT("\r"),
                 TEXT(" a "),
                 TEXT("x"),
                 TEXT("\xc3\xa9t\xc3\xa9"),
                 TEXT("\xef\xbb\xbf"),
                 TEXT("1"),
                 TEXT("a,b\nc\"d"),
                 TEXT("\0"),
                 TEXT("a\0b"),
                 TEXT("longer than 16 bytes, \"\0\" inside")};
    static const char *const reads[] = {NULL, "\"detect\": \"all\"", "\"block_bytes\": 64", "\"types\": {\"t\": \"dictionary\"}"};
    enum { N_TEXTS = sizeof texts / sizeof *texts, ROWS = 3000 };
    uint64_t x = 42;
    for (int round = 0; round < 8; round++) {
        aip_context *ctx = table_context(table_workers[round % 4]);
        char *bytes = malloc(ROWS * 40), *path = table_path(round % 2 ? "random.csv.gz" : "random.csv");
        int32_t *offsets = malloc((ROWS + 1) * sizeof *offsets);
        double *numbers = malloc(ROWS * sizeof *numbers);
        uint8_t *valid = calloc(1, ROWS / 8 + 1);
        ck_assert(bytes && offsets && numbers && valid);
        offsets[0] = 0;
        for (int i = 0; i < ROWS; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            size_t t = (x >> 33) % N_TEXTS;
            if ((x >> 40) % 5) valid[i / 8] = (uint8_t)(valid[i / 8] | 1 << i % 8);
            memcpy(bytes + offsets[i], texts[t].s, (size_t)texts[t].n);
            offsets[i + 1] = offsets[i] + texts[t].n;
            memcpy(&numbers[i], &x, sizeof x);
            if (!isfinite(numbers[i])) numbers[i] = 0.5;
        }
        aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
        fields[0].name = "t", fields[0].type = AIP_UTF8;
        fields[1].name = "x", fields[1].type = AIP_FLOAT64;
        aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
        views[0].type = AIP_UTF8, views[0].length = ROWS, views[0].values = bytes, views[0].offsets = offsets,
        views[0].validity = valid;
        views[1].type = AIP_FLOAT64, views[1].length = ROWS, views[1].values = numbers;
        aip_schema *schema = NULL;
        aip_dataset *made = NULL, *read = NULL;
        OK(aip_schema_create(ctx, fields, 2, &schema, &err));
        OK(aip_dataset_from_columns(schema, views, 2, &made, &err));
        OK(write_to(made, path, NULL, &err));
        OK(table_read(ctx, path, reads[round / 2], &read, &err));
        char *expected = table_text(made), *found = table_text(read);
        ck_assert_str_eq(strchr(found, '\n'), strchr(expected, '\n')); /* but for the types: one read has codes */
        free(expected), free(found), free(bytes), free(offsets), free(numbers), free(valid), free(path);
        aip_dataset_free(made);
        aip_dataset_free(read);
        aip_schema_free(schema);
        table_context_free(ctx);
    }
}
END_TEST

/* ---- against libcsv ------------------------------------------------------------------------------------------------------------------------ */

typedef struct fields {
    const char *bytes[4096];
    size_t n[4096], n_fields;
    char *copies;
    size_t used;
} fields;

static void take(void *text, size_t n, void *user) {
    fields *f = user;
    ck_assert_uint_lt(f->n_fields, 4096);
    memcpy(f->copies + f->used, text, n);
    f->bytes[f->n_fields] = f->copies + f->used;
    f->n[f->n_fields++] = n;
    f->used += n;
}

static int never(unsigned char c) {
    (void)c;
    return 0;
}

/* Texts of each length around the vectors' sizes, with each special byte at each place: bare where libcsv reads them back so, else byte for
 * byte what csv_write makes of them. */
START_TEST(texts_are_bare_or_as_csv_write_makes_them_and_libcsv_reads_them_back) {
    static const char specials[] = "x,\"\r\n;' \0";
    static fields read;
    for (size_t length = 1; length < 40; length++) {
        aip_context *ctx = table_context(0);
        aip__utf8_builder b;
        aip__column *column = NULL;
        OK(aip__utf8_begin(&b, ctx, AIP_UTF8, 1, 1, &err));
        size_t rows = 0;
        for (size_t at = 0; at < length; at++)
            for (size_t k = 0; k < sizeof specials - 1; k++, rows++) {
                char text[40];
                for (size_t i = 0; i < length; i++) text[i] = (char)('a' + i % 26);
                text[at] = specials[k];
                OK(aip__utf8_add(&b, text, length, &err));
            }
        OK(aip__utf8_end(&b, &column, &err));
        aip_field field = AIP_FIELD_INIT;
        field.name = "t", field.type = AIP_UTF8;
        aip_column_view view = AIP_COLUMN_VIEW_INIT;
        aip_schema *schema = NULL;
        aip_dataset *d = NULL;
        char *path = table_path("libcsv.csv");
        aip__column_view(column, &view);
        OK(aip_schema_create(ctx, &field, 1, &schema, &err));
        OK(aip_dataset_from_columns(schema, &view, 1, &d, &err));
        OK(write_to(d, path, "\"header\": false", &err));
        size_t n = 0, at = 0;
        char *text = slurp(path, &n);
        read = (fields){.copies = malloc(n + 1)};
        struct csv_parser p;
        ck_assert_int_eq(csv_init(&p, CSV_STRICT | CSV_STRICT_FINI), 0);
        csv_set_space_func(&p, never);
        ck_assert_uint_eq(csv_parse(&p, text, n, take, NULL, &read), n);
        ck_assert_int_eq(csv_fini(&p, take, NULL, &read), 0);
        csv_free(&p);
        ck_assert_uint_eq(read.n_fields, rows);
        for (size_t i = 0; i < rows; i++) {
            size_t m = 0;
            const char *s = aip__column_text(column, (int64_t)i, &m);
            char quoted[100];
            ck_assert_uint_eq(read.n[i], m);
            ck_assert_int_eq(memcmp(read.bytes[i], s, m), 0);
            bool bare = text[at] != '"';
            size_t in_file = bare ? m : csv_write(quoted, sizeof quoted, s, m);
            ck_assert_int_eq(memcmp(text + at, bare ? s : quoted, in_file), 0);
            ck_assert_int_eq(bare, memchr(s, ',', m) == NULL && memchr(s, '"', m) == NULL && memchr(s, '\r', m) == NULL
                                       && memchr(s, '\n', m) == NULL && memchr(s, 0, m) == NULL);
            at += in_file;
            ck_assert_int_eq(text[at++], '\n');
        }
        ck_assert_uint_eq(at, n);
        free(text), free(path), free(read.copies);
        aip_dataset_free(d);
        aip_schema_free(schema);
        aip__column_free(column);
        table_context_free(ctx);
    }
}
END_TEST

START_TEST(what_csv_cannot_hold_is_refused_by_name) {
    aip_context *ctx = table_context(0);
    aip_field field = AIP_FIELD_INIT;
    field.name = "blob", field.type = AIP_BINARY;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.type = AIP_BINARY;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    char *path = table_path("blob.csv");
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    OK(aip_dataset_from_columns(schema, &view, 1, &d, &err));
    FAILS(write_to(d, path, NULL, &err), AIP_E_UNSUPPORTED, "column 'blob' is binary");
    ck_assert_ptr_null(fopen(path, "r"));
    free(path);
    aip_dataset_free(d);
    aip_schema_free(schema);
    table_context_free(ctx);
}
END_TEST

Suite *csv_write_suite(void) {
    const TTest *const tests[] = {
        only_fields_that_need_quotes_get_them,   values_are_written_shortest_and_read_back_to_the_same_type,
        random_tables_read_back_as_they_were,    texts_are_bare_or_as_csv_write_makes_them_and_libcsv_reads_them_back,
        what_csv_cannot_hold_is_refused_by_name, NULL};
    return unit_suite("csv_write", tests);
}
