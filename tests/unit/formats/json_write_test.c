/* Writing JSON: what a row becomes, that it reads back to the same values, and that the same comes out however many write. Expected text is written
 * by hand after RFC 8259. */
#include "formats_suites.h"
#include "table_fixture.h"
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

/* Reads `from` (a name and its text), writes it as `to`, and holds what stands there. */
static void rewrite(const char *from_name, const char *from, const char *read, const char *write, const char *to_name,
                    const char *expected) {
    aip_context *ctx = table_context(2);
    char *path = table_file(from_name, from, strlen(from)), *to = table_path(to_name);
    aip_dataset *d = NULL;
    size_t n = 0;
    OK(table_read(ctx, path, read, &d, &err));
    OK(write_to(d, to, write, &err));
    char *text = slurp(to, &n);
    ck_assert_str_eq(text, expected);
    free(text);
    free(path);
    free(to);
    aip_dataset_free(d);
    table_context_free(ctx);
}

START_TEST(each_row_is_an_object_on_a_line_or_in_a_list) {
    rewrite("from.csv", "a,b\n1,x\n2,\n", NULL, NULL, "to.ndjson", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n");
    rewrite("from.csv", "a,b\n1,x\n2,\n", NULL, NULL, "to.json", "[\n{\"a\":1,\"b\":\"x\"},\n{\"a\":2,\"b\":null}\n]\n");
    rewrite("from.csv", "a,b\n", NULL, NULL, "to.ndjson", "");
    rewrite("from.csv", "a,b\n", NULL, NULL, "to.json", "[]\n");
    rewrite("from.csv", "a,b,c\n,1,\n2,,3\n,,\n", NULL, "\"omit_nulls\": true", "to.jsonl", "{\"b\":1}\n{\"a\":2,\"c\":3}\n{}\n");
}
END_TEST

START_TEST(values_are_written_as_json_has_them) {
    rewrite(
        "from.csv",
        "i,f,b,d,t,z,p\n-7,0.1,true,2013-01-01,2013-01-01 05:00,2013-01-01T05:00:00.25Z,1.50\n9223372036854775807,1e300,false,,,,2\n",
        "\"types\": {\"p\": \"decimal64(2)\"}", NULL, "to.ndjson",
        "{\"i\":-7,\"f\":0.1,\"b\":true,\"d\":\"2013-01-01\",\"t\":\"2013-01-01T05:00:00\",\"z\":\"2013-01-01T05:00:00.250000Z\",\"p\":1.50}\n"
        "{\"i\":9223372036854775807,\"f\":1e+300,\"b\":false,\"d\":null,\"t\":null,\"z\":null,\"p\":2.00}\n");
    rewrite("from.csv", "\"a\"\"b\"\n\"say \"\"hi\"\" \\ / \t\r\n\x01\x1f\x7f \xc3\xa9\xf0\x9f\x98\x80\"\n", NULL, NULL,
            "to.ndjson", "{\"a\\\"b\":\"say \\\"hi\\\" \\\\ / \\t\\r\\n\\u0001\\u001f\x7f \xc3\xa9\xf0\x9f\x98\x80\"}\n");
}
END_TEST

/* A quote, a control character or nothing special at each place of texts up to 100 bytes; then 5,000 control characters, which take six bytes each.
 * The texts are those of a column and its name; the last ones end with what was read. Read from JSON as it is to be written. */
START_TEST(any_byte_may_stand_anywhere_in_a_text) {
    static const char *const escapes[] = {"\\\"", "\\u0001", "\xc3\xa9"};
    static char json[200000], name[1000], text[40000];
    for (size_t n = 0; n <= 100; n += 1 + n / 9) {
        size_t at = 0;
        snprintf(name, sizeof name, "%0*d\\n\\\\", (int)n, 0);
        for (size_t k = 0; k <= n; k++)
            for (int e = 0; e < 3; e++) {
                snprintf(text, sizeof text, "%.*s%s%.*s", (int)k, name, escapes[e], (int)(n - k), name);
                at += (size_t)snprintf(json + at, sizeof json - at, "{\"%s\":\"%s\",\"z\":%d}\n", name, n > 0 ? text : escapes[e],
                                       e);
            }
        rewrite("from.ndjson", json, NULL, NULL, "to.ndjson", json);
    }
    for (size_t i = 0; i < 5000; i++) memcpy(text + 6 * i, "\\u001f", 7);
    snprintf(json, sizeof json, "{\"a\":\"%s\"}\n{\"a\":\"%s\"}\n", text, text + 6);
    rewrite("from.ndjson", json, NULL, NULL, "to.ndjson", json);
}
END_TEST

START_TEST(what_is_no_number_in_json_is_refused_or_null_or_text) {
    const char *csv = "a\n1.5\n-inf\n";
    rewrite("from.csv", csv, NULL, "\"non_finite\": \"null\"", "to.ndjson", "{\"a\":1.5}\n{\"a\":null}\n");
    rewrite("from.csv", csv, NULL, "\"non_finite\": \"text\"", "to.ndjson", "{\"a\":1.5}\n{\"a\":\"-inf\"}\n");
    aip_context *ctx = table_context(0);
    char *path = table_file("from.csv", csv, strlen(csv)), *to = table_path("refused.ndjson");
    aip_dataset *d = NULL;
    OK(table_read(ctx, path, NULL, &d, &err));
    FAILS(write_to(d, to, NULL, &err), AIP_E_DATA,
          "row 2, column 'a': JSON has no number for -inf (set non_finite: null or text)");
    ck_assert_ptr_null(fopen(to, "rb"));
    aip_dataset_free(d);
    table_context_free(ctx);
    free(path), free(to);
}
END_TEST

START_TEST(a_refused_row_is_counted_among_those_written_whatever_the_blocks_and_workers) {
    char *csv = malloc(400000), *to = table_path("refused.ndjson"), *path = NULL;
    size_t n = (size_t)sprintf(csv, "n,a\n");
    for (int r = 1; r <= 20000; r++)
        n += (size_t)sprintf(csv + n, "%s%d,%s\n", r <= 5000 ? "x" : "", r, r == 15003 || r == 15010 ? "-inf" : "0.5");
    path = table_file("many.csv", csv, n);
    for (int32_t workers = 0; workers < 4; workers += 2)
        for (int block = 256; block <= 1048576; block *= 16) {
            aip_context *ctx = table_context(workers);
            aip_dataset *d = NULL, *few = NULL;
            char params[128];
            snprintf(params, sizeof params, "\"block_bytes\": %d", block);
            OK(table_read(ctx, path, params, &d, &err));
            FAILS(write_to(d, to, NULL, &err), AIP_E_DATA, "row 15003, column 'a': JSON has no number for -inf");
            snprintf(params, sizeof params, "\"block_bytes\": %d, \"on_bad_row\": \"reject\", \"types\": {\"n\": \"int64\"}",
                     block);
            OK(table_read(ctx, path, params, &few, &err));
            FAILS(write_to(few, to, NULL, &err), AIP_E_DATA, "row 10003, column 'a': JSON has no number for -inf");
            aip_dataset_free(few);
            aip_dataset_free(d);
            table_context_free(ctx);
        }
    free(csv), free(path), free(to);
}
END_TEST

/* 20,000 rows: several batches. Rows of all types, with nulls, and texts that need escapes. */
static char *many_rows(size_t *n) {
    size_t size = 16u << 20;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    *n = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < 20000; i++)
        *n += (size_t)snprintf(text + *n, size - *n,
                               "%s{\"i\":%d,\"f\":%d.25,\"t\":\"%s\\n\\u00e9 %d\",\"o\":{\"d\":\"2013-01-%02d\",\"b\":%s}}",
                               i > 0 ? ", \n" : "", i, i % 1000, i % 7 ? "a\\\"" : "", i, i % 28 + 1,
                               i % 3 == 0   ? "null"
                               : i % 3 == 1 ? "true"
                                            : "false");
    *n += (size_t)snprintf(text + *n, size - *n, "]");
    return text;
}

START_TEST(what_is_written_reads_back_the_same_for_any_number_of_workers) {
    static const char *const names[] = {"to.ndjson", "to.json", "to.ndjson.gz"};
    static const char head[] =
        "i:int64 f:float64 t:utf8 o.d:date32 o.b:bool\n0|0.25|'\n\xc3\xa9 0'|2013-01-01|~\n1|1.25|'a\"\n\xc3\xa9 1'|";
    size_t n = 0, first_n = 0;
    char *text = many_rows(&n), *path = table_file("many.json", text, n), *before = NULL;
    for (int k = 0; k < 3; k++)
        for (int w = 0; w < N_TABLE_WORKERS; w++) {
            aip_context *ctx = table_context(table_workers[w]);
            char *to = table_path(names[k]);
            aip_dataset *d = NULL, *again = NULL;
            OK(table_read(ctx, path, w % 2 ? "\"block_bytes\": 5000" : NULL, &d, &err));
            OK(write_to(d, to, NULL, &err));
            OK(table_read(ctx, to, NULL, &again, &err));
            char *a = table_text(d), *b = table_text(again);
            ck_assert_msg(strcmp(a, b) == 0, "%s, %d workers", names[k], (int)table_workers[w]);
            if (!before) {
                ck_assert_msg(strncmp(a, head, strlen(head)) == 0, "%.200s", a);
                before = a;
                first_n = strlen(a);
                a = NULL;
            } else {
                ck_assert_msg(strlen(a) == first_n && memcmp(a, before, first_n) == 0, "%s, %d workers", names[k],
                              (int)table_workers[w]);
            }
            free(a), free(b), free(to);
            aip_dataset_free(again);
            aip_dataset_free(d);
            table_context_free(ctx);
        }
    free(before), free(path), free(text);
}
END_TEST

START_TEST(each_refused_allocation_is_one_error_and_leaves_nothing_behind) {
    const char *json =
        "{\"a\":1,\"b\":{\"c\":\"x\\n\"},\"d\":\"2013-01-01\"}\n{\"a\":\"bad\"}\n{\"a\":2,\"b\":{\"c\":\"y\"},\"z\":[1],\"a\":3}\nx\n";
    char *path = table_file("refused.ndjson", json, strlen(json)), *to = table_path("refused.json");
    int32_t status = AIP_E_NOMEM;
    for (int64_t allow = 0; status != AIP_OK; allow++) {
        aip_context *ctx = table_context_refusing(0);
        aip_dataset *d = NULL;
        aip_error *err = NULL;
        ck_assert_int_lt(allow, 5000);
        table_refuse_after(allow);
        status = table_read(ctx, path, "\"infer_rows\": 1, \"on_bad_row\": \"reject\"", &d, &err);
        if (status == AIP_OK) status = write_to(d, to, NULL, &err);
        table_refuse_after(-1);
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "%d %s", (int)status, aip_error_text(err));
        aip_error_free(err);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    size_t n = 0;
    char *text = slurp(to, &n);
    ck_assert_str_eq(text, "[\n{\"a\":1,\"b.c\":\"x\\n\",\"d\":\"2013-01-01\"},\n{\"a\":3,\"b.c\":\"y\",\"d\":null}\n]\n");
    free(text), free(path), free(to);
}
END_TEST

Suite *json_write_suite(void) {
    const TTest *const tests[] = {each_row_is_an_object_on_a_line_or_in_a_list,
                                  values_are_written_as_json_has_them,
                                  any_byte_may_stand_anywhere_in_a_text,
                                  what_is_no_number_in_json_is_refused_or_null_or_text,
                                  a_refused_row_is_counted_among_those_written_whatever_the_blocks_and_workers,
                                  what_is_written_reads_back_the_same_for_any_number_of_workers,
                                  each_refused_allocation_is_one_error_and_leaves_nothing_behind,
                                  NULL};
    return unit_suite("json_write", tests);
}
