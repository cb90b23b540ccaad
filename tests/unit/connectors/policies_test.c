/* What happens to what does not fit: types settled over all rows (on_bad_row: promote), and files of rejects. Expected types, places and rows are by
 * hand; each holds for 0, 1, 2 and 8 workers and whatever the sample saw. */
#include "../formats/table_fixture.h"
#include "connectors_suites.h"
#include "data/rejects.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static int32_t ignore(void *user, aip_batch *b, aip_error **err) {
    (void)user, (void)b, (void)err;
    return AIP_OK;
}

static int32_t read_all(aip_context *ctx, const char *path, const char *extra, aip_row_counts *counts, aip_error **err) {
    aip_dataset *d = NULL;
    int32_t status = table_read(ctx, path, extra, &d, err);
    if (status == AIP_OK) status = aip_dataset_each(d, NULL, ignore, NULL, counts, err);
    aip_dataset_free(d);
    return status;
}

/* The bytes of a file, or of a gzip file; NULL: there is none. */
static char *content(const char *path) {
    if (access(path, F_OK) != 0) return NULL;
    size_t size = 1 << 24, n = 0;
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    gzFile f = gzopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    int got = gzread(f, text, (unsigned)size);
    ck_assert_int_ge(got, 0);
    n = (size_t)got;
    ck_assert_int_eq(gzclose(f), Z_OK);
    text[n] = 0;
    return text;
}

static char *report_of(aip_dataset *d) {
    aip__text t;
    char *out = NULL;
    aip__text_init(&t, d->ctx);
    aip__dataset_report(d, &t);
    ck_assert(!t.failed);
    out = strdup(t.bytes ? t.bytes : "");
    aip__text_free(&t);
    return out;
}

/* ---- promote ------------------------------------------------------------------------------------------------------------------------------ */

/* Rows 1 .. n: n's a whole number, but for a fraction in row 9,000 and a word in row 30,000; an empty column with a date in row 20,000 and a time
 * in row 40,000 inside a record of two lines; numbers whose type the user gives; and text that is never anything else. */
static char *long_file(const char *name) {
    char *path = table_path(name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    fputs("a,b,c,d\n", f);
    for (int i = 1; i <= 50000; i++) {
        if (i == 9000)
            fputs("1.5,,1,x\n", f);
        else if (i == 20000)
            fputs("2,2013-01-01,1,x\n", f);
        else if (i == 30000)
            fputs("\"n/o\",,1,x\n", f);
        else if (i == 40000)
            fputs("3,2013-01-01T10:00:00,1,\"x\ny\"\n", f);
        else if (i == 40001)
            fputs("3,\"2013-01-02\",1,x\n", f);
        else
            fprintf(f, "%d,,%d,x\n", i, i);
    }
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

START_TEST(promote_gives_each_column_the_type_of_all_its_rows_and_names_the_places_that_forced_it) {
    char *path = long_file("promote.csv"), expected[1600];
    static const int samples[] = {1, 100, 10000, 30000}, blocks[] = {64, 1000, 65536, 1 << 20};
    for (int w = 0; w < N_TABLE_WORKERS; w++)
        for (int k = 0; k < 4; k++) {
            aip_context *ctx = table_context_limited(table_workers[w], 0);
            aip_dataset *d = NULL;
            char extra[200];
            snprintf(extra, sizeof extra,
                     "\"on_bad_row\": \"promote\", \"types\": {\"c\": \"int32\"}, \"infer_rows\": %d, \"block_bytes\": %d",
                     samples[k], blocks[(w + k) % 4]);
            OK(table_read(ctx, path, extra, &d, &err));
            const aip_schema *s = aip_dataset_schema(d);
            ck_assert_int_eq(aip_schema_field(s, 0)->type, AIP_UTF8);
            ck_assert_int_eq(aip_schema_field(s, 1)->type, AIP_TIMESTAMP);
            ck_assert_int_eq(aip_schema_field(s, 2)->type, AIP_INT32);
            ck_assert_int_eq(aip_schema_field(s, 3)->type, AIP_UTF8);
            int n = snprintf(expected, sizeof expected, ",\"promoted\":[");
            if (samples[k] < 30000) {
                n += snprintf(expected + n, sizeof expected - (size_t)n,
                              "{\"column\":\"a\",\"from\":\"%s\",\"to\":\"utf8\",\"places\":[",
                              samples[k] < 9000 ? "int64" : "float64");
                if (samples[k] < 9000)
                    n += snprintf(
                        expected + n, sizeof expected - (size_t)n,
                        "{\"type\":\"float64\",\"source\":\"%s\",\"line\":9001,\"column\":1,\"byte_offset\":%d,\"text\":\"1.5\"},",
                        path, 8 + 9 * 7 + 90 * 9 + 900 * 11 + 8000 * 13);
                n += snprintf(expected + n, sizeof expected - (size_t)n,
                              "{\"type\":\"utf8\",\"source\":\"%s\",\"line\":30001,\"column\":1,\"byte_offset\":", path);
            }
            char *report = report_of(d);
            if (samples[k] < 30000) {
                ck_assert_msg(strncmp(report, expected, (size_t)n) == 0, "%d: %s\nexpected: %s", samples[k], report, expected);
                ck_assert_ptr_nonnull(strstr(report, "\"text\":\"n/o\"}]}"));
            } else {
                ck_assert_ptr_null(strstr(report, "\"column\":\"a\""));
            }
            const char *b = strstr(report, "{\"column\":\"b\"");
            ck_assert_ptr_nonnull(b);
            ck_assert_ptr_nonnull(strstr(b, samples[k] < 20000 ? "\"from\":\"null\",\"to\":\"timestamp\""
                                                               : "\"from\":\"date32\",\"to\":\"timestamp\""));
            ck_assert_int_eq(strstr(b, "\"type\":\"date32\"") != NULL, samples[k] < 20000);
            ck_assert_ptr_nonnull(strstr(b, "\"line\":40001,\"column\":3,"));
            ck_assert_ptr_nonnull(strstr(b, "\"text\":\"2013-01-01T10:00:00\"}]}]"));
            ck_assert_ptr_nonnull(strstr(table_log(), "column 'b' is read as timestamp, where its first rows are "));
            aip_row_counts counts = AIP_ROW_COUNTS_INIT;
            OK(aip_dataset_each(d, NULL, ignore, NULL, &counts, &err));
            ck_assert_int_eq(counts.rows_out, 50000);
            free(report);
            aip_dataset_free(d);
            table_context_free(ctx);
        }
    free(path);
}
END_TEST

START_TEST(without_promote_the_same_conflict_is_an_error_a_null_or_a_reject_at_its_place) {
    char *path = long_file("conflict.csv");
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context_limited(table_workers[w], 0);
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        const char *columns = "\"columns\": [\"a\"], \"infer_rows\": 100, \"on_bad_row\": ";
        char extra[200];
        snprintf(extra, sizeof extra, "%s\"error\"", columns);
        FAILS(read_all(ctx, path, extra, NULL, &err), AIP_E_DATA, "conflict.csv:9001:1: column 'a': expected int64, found '1.5'");
        snprintf(extra, sizeof extra, "%s\"reject\"", columns);
        OK(read_all(ctx, path, extra, &counts, &err));
        ck_assert_int_eq(counts.rows_rejected, 2);
        ck_assert_int_eq(counts.rows_out, 49998);
        ck_assert_ptr_nonnull(strstr(table_log(), "2 of 50000 rows were rejected; the first: "));
        ck_assert_ptr_nonnull(strstr(table_log(), "conflict.csv:9001: column 'a': expected int64, found '1.5'"));
        snprintf(extra, sizeof extra, "%s\"null\"", columns);
        OK(read_all(ctx, path, extra, &counts, &err));
        ck_assert_int_eq(counts.rows_out, 50000);
        ck_assert_ptr_nonnull(strstr(table_log(), "2 cells that did not parse became null"));
        table_context_free(ctx);
    }
    free(path);
}
END_TEST

START_TEST(promote_joins_files_that_do_not_go_together_otherwise_and_rows_of_a_wrong_shape_stay_errors) {
    aip_context *ctx = table_context(2);
    free(table_file("pf-1.csv", "a,b\n1,1\n", 8));
    free(table_file("pf-2.csv", "b,a\nx,2013-01-01\n", 17));
    char *pattern = table_path("pf-*.csv");
    aip_dataset *d = NULL;
    FAILS(table_read(ctx, pattern, NULL, &d, &err), AIP_E_SCHEMA, "or on_bad_row: promote");
    OK(table_read(ctx, pattern, "\"on_bad_row\": \"promote\"", &d, &err));
    char *text = table_text(d);
    ck_assert_str_eq(text, "a:utf8 b:utf8\n'1'|'1'\n'2013-01-01'|'x'\n");
    free(text);
    aip_dataset_free(d);
    char *ragged = table_file("pf-ragged.csv", "a,b\n1,2\n3\n", 10), *said = table_file("pf-said.csv", "a\n1\nx\n", 6);
    FAILS(read_all(ctx, ragged, "\"on_bad_row\": \"promote\"", NULL, &err), AIP_E_DATA,
          "pf-ragged.csv:3:1: expected 2 columns, found 1");
    FAILS(read_all(ctx, said, "\"on_bad_row\": \"promote\", \"types\": {\"a\": \"int64\"}", NULL, &err), AIP_E_DATA,
          "pf-said.csv:3:1: column 'a': expected int64, found 'x'");
    char *fifo = table_path("pf-fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    char command[400];
    snprintf(command, sizeof command, "(printf 'a\\n1\\nx\\n' > '%s') &", fifo);
    ck_assert_int_eq(system(command), 0);
    FAILS(table_read(ctx, fifo, "\"format\": \"csv\", \"on_bad_row\": \"promote\"", &d, &err), AIP_E_PARAM,
          "on_bad_row: promote reads a file twice, which a pipe cannot be: set infer_rows: null");
    ck_assert_int_eq(system(command), 0);
    OK(table_read(ctx, fifo, "\"format\": \"csv\", \"on_bad_row\": \"promote\", \"infer_rows\": null", &d, &err));
    text = table_text(d);
    ck_assert_str_eq(text, "a:utf8\n'1'\n'x'\n");
    free(text);
    aip_dataset_free(d);
    free(pattern), free(ragged), free(said), free(fifo);
    table_context_free(ctx);
}
END_TEST

/* Cells of all kinds, chosen by a generator of fixed seed. */
static const char *random_cell(uint32_t *x, int kinds) {
    static const char *const cells[] = {"1",
                                        "-7",
                                        "+5",
                                        "007",
                                        "2.5",
                                        "1e3",
                                        "9223372036854775808",
                                        "nan",
                                        "inf",
                                        "true",
                                        "False",
                                        "2013-01-01",
                                        "2013-01-01 10:00",
                                        "2013-01-01T10:00Z",
                                        "x",
                                        "NA",
                                        "",
                                        "-0",
                                        ".5",
                                        "1."};
    *x = *x * 1664525u + 1013904223u;
    return cells[(*x >> 8) % (uint32_t)kinds];
}

START_TEST(promote_is_what_a_sample_of_all_rows_says_and_every_cell_then_parses) {
    uint32_t x = 1;
    for (int round = 0; round < 300; round++) {
        char text[8000];
        int n = sprintf(text, "a,b,c\n"), rows = 1 + round % 40;
        for (int r = 0; r < rows; r++)
            n += sprintf(text + n, "%s,%s,%s\n", random_cell(&x, 3), random_cell(&x, 10), random_cell(&x, 20));
        char *path = table_file("random.csv", text, (size_t)n);
        aip_context *ctx = table_context(round % 3);
        aip_dataset *all = NULL, *promoted = NULL;
        char extra[100];
        OK(table_read(ctx, path, "\"infer_rows\": 1000", &all, &err));
        snprintf(extra, sizeof extra, "\"on_bad_row\": \"promote\", \"infer_rows\": %d, \"block_bytes\": %d", 1 + round % 5,
                 64 << round % 3);
        OK(table_read(ctx, path, extra, &promoted, &err));
        char *expected = table_text(all), *found = table_text(promoted);
        ck_assert_msg(strcmp(expected, found) == 0, "%s\n%s\n%s", text, expected, found);
        free(expected), free(found), free(path);
        aip_dataset_free(all);
        aip_dataset_free(promoted);
        table_context_free(ctx);
    }
}
END_TEST

/* A sample is looked at by one thread, row by row; all rows are looked at by all threads, cell by cell where a type is new. */
START_TEST(all_rows_say_what_a_sample_of_as_many_rows_says_of_one_file_and_of_several) {
    uint32_t x = 7;
    int n_refused = 0;
    for (int round = 0; round < 300; round++) {
        char text[8000];
        char *path[2] = {NULL, NULL};
        for (int i = 0; i < 2; i++) {
            int n = sprintf(text, "a,b,c\n"), rows = round % 40;
            for (int r = 0; r < rows; r++)
                n += sprintf(text + n, "%s,%s,%s%s\n", random_cell(&x, 3), random_cell(&x, 4 + round % 5), random_cell(&x, 20),
                             round % 9 == 0 && r % 11 == 3 ? ",more" : "");
            path[i] = table_file(i == 0 ? "all-0.csv" : "all-1.csv", text, (size_t)n);
        }
        char *pattern = table_path("all-*.csv"), sample[120], all[120];
        const char *more = round % 3 == 0   ? ", \"types\": {\"c\": \"utf8\"}"
                           : round % 3 == 1 ? ", \"columns\": [\"c\", \"a\"]"
                                            : "";
        const char *from = round % 2 == 0 ? path[0] : pattern;
        const char *policy = round % 9 == 0 ? "reject" : round % 7 == 0 ? "promote" : "error";
        snprintf(sample, sizeof sample, "\"infer_rows\": 1000, \"on_bad_row\": \"%s\"%s", policy, more);
        snprintf(all, sizeof all, "\"infer_rows\": null, \"on_bad_row\": \"%s\", \"block_bytes\": %d%s", policy, 64 << round % 3,
                 more);
        aip_context *ctx = table_context(table_workers[round % N_TABLE_WORKERS]);
        aip_dataset *a = NULL, *b = NULL;
        aip_error *why_a = NULL, *why_b = NULL;
        int32_t status = table_read(ctx, from, sample, &a, &why_a);
        ck_assert_int_eq(table_read(ctx, from, all, &b, &why_b), status);
        if (status == AIP_OK) {
            char *expected = table_text(a), *found = table_text(b);
            ck_assert_str_eq(found, expected);
            free(expected), free(found);
        } else {
            ck_assert_str_eq(aip_error_text(why_b), aip_error_text(why_a));
            n_refused++;
        }
        aip_error_free(why_a);
        aip_error_free(why_b);
        aip_dataset_free(a);
        aip_dataset_free(b);
        table_context_free(ctx);
        free(pattern), free(path[0]), free(path[1]);
    }
    ck_assert_int_gt(n_refused, 5); /* files that do not go together */
    table_files_remove();
}
END_TEST

START_TEST(each_refused_allocation_of_the_pass_over_types_is_an_error_that_leaves_nothing) {
    char *path = table_file("oom.csv", "a,b\n1,x\n2.5,y\nz,2013-01-01\n", 28);
    int n_refused = 0;
    for (int64_t k = 0;; k++) {
        aip_context *ctx = table_context_refusing(0);
        aip_dataset *d = NULL;
        aip_error *refused = NULL;
        table_refuse_after(k);
        int32_t status = table_read(ctx, path, "\"on_bad_row\": \"promote\", \"infer_rows\": 1", &d, &refused);
        table_refuse_after(-1);
        if (status != AIP_OK) ck_assert_msg(status == AIP_E_NOMEM, "allocation %d: %s", (int)k, aip_error_text(refused));
        n_refused += status != AIP_OK;
        aip_error_free(refused);
        aip_dataset_free(d);
        table_context_free(ctx);
        if (status == AIP_OK) break;
    }
    ck_assert_int_gt(n_refused, 50);
    free(path);
}
END_TEST

/* ---- rejects ------------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_file_of_rejects_holds_source_line_column_offset_reason_and_text_of_each) {
    aip_context *ctx = table_context(2);
    char *one = table_file("r-1.csv", "a,b\n1,x\nq,\"y\nz\"\n3,w\n\"4\n", 23), *two = table_path("r-2.csv.gz"),
         *pattern = table_path("r-*"), *to = table_path("out-rejects.csv"), extra[400], expected[1000];
    gzFile z = gzopen(two, "wb");
    ck_assert_int_eq(gzputs(z, "b,a\r\n\r\nx,1,2\r\nu,\"\r\n7\"\r\ny,2\r\n"), 28);
    ck_assert_int_eq(gzclose(z), Z_OK);
    snprintf(extra, sizeof extra,
             "\"on_bad_row\": \"reject\", \"types\": {\"a\": \"int64\"}, \"format\": \"csv\", \"rejects\": \"%s\"", to);
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(read_all(ctx, pattern, extra, &counts, &err));
    ck_assert_int_eq(counts.rows_in, 7);
    ck_assert_int_eq(counts.rows_rejected, 4);
    snprintf(expected, sizeof expected,
             "source,line,column,byte_offset,reason,raw\n"
             "%s,3,a,8,\"expected int64, found 'q'\",\"q,\"\"y\nz\"\"\"\n"
             "%s,6,,20,a quote that opens in this record is never closed,\"\"\"4\n\"\n"
             "%s,3,,7,\"expected 2 columns, found 3\",\"x,1,2\"\n"
             "%s,4,a,14,\"expected int64, found '??7'\",\"u,\"\"\r\n7\"\"\"\n",
             one, one, two, two);
    char *found = content(to);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, expected);
    free(found), free(one), free(two), free(pattern), free(to);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_file_of_rejects_is_whole_or_not_there_and_has_no_rows_when_there_are_none) {
    aip_context *ctx = table_context(2);
    char *path = table_file("none.csv", "a\n1\n2\n", 6), *bad = table_file("bad.csv", "a\n1\nx\ny\n", 8),
         *to = table_path("none-rejects.csv"), *gz = table_path("rejects.csv.gz"), extra[400];
    const char *header = "source,line,column,byte_offset,reason,raw\n";
    snprintf(extra, sizeof extra, "\"rejects\": \"%s\"", to);
    OK(read_all(ctx, path, extra, NULL, &err));
    char *found = content(to);
    ck_assert_str_eq(found, header);
    free(found);
    snprintf(extra, sizeof extra,
             "\"types\": {\"a\": \"int64\"}, \"on_bad_row\": \"reject\", \"max_rejects\": 1, \"rejects\": \"%s\"", to);
    FAILS(read_all(ctx, bad, extra, NULL, &err), AIP_E_DATA, "2 of 3 rows are rejected, more than max_rejects allows");
    found = content(to);
    ck_assert_str_eq(found, header); /* as it was */
    free(found);
    snprintf(extra, sizeof extra, "\"types\": {\"a\": \"int64\"}, \"on_bad_row\": \"reject\", \"rejects\": \"%s\"", gz);
    OK(read_all(ctx, bad, extra, NULL, &err));
    found = content(gz);
    ck_assert_ptr_nonnull(strstr(found, "bad.csv,4,a,6,\"expected int64, found 'y'\",y\n"));
    free(found);
    snprintf(extra, sizeof extra, "\"rejects\": \"%s\"", path);
    FAILS(read_all(ctx, path, extra, NULL, &err), AIP_E_PARAM, "is one of the files that are read");
    FAILS(read_all(ctx, path, "\"rejects\": \"-\"", NULL, &err), AIP_E_PARAM, "read: rejects: expected a file, found '-'");
    FAILS(read_all(ctx, path, "\"rejects\": \"r.nope\"", NULL, &err), AIP_E_PARAM, "the format of 'r.nope' is not known");
    free(path), free(bad), free(to), free(gz);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_file_of_rejects_holds_all_of_them_where_the_table_keeps_the_first_and_says_so) {
    enum { ROWS = AIP__MAX_KEPT_REJECTS + 70001 };
    char *path = table_path("many.csv"), *to = table_path("many-rejects.csv"), extra[400];
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    fputs("a\n1\n", f);
    for (int i = 0; i < ROWS; i++) fprintf(f, "x%d\n", i);
    ck_assert_int_eq(fclose(f), 0);
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context_limited(table_workers[w], 0);
        aip_dataset *d = NULL, *kept = NULL;
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        int64_t n = 0;
        const char *policy = "\"types\": {\"a\": \"int64\"}, \"on_bad_row\": \"reject\"";
        OK(table_read(ctx, path, policy, &d, &err));
        OK(aip_dataset_rejects(d, NULL, &kept, &err));
        OK(aip_dataset_count(kept, NULL, &n, &err));
        ck_assert_int_eq(n, AIP__MAX_KEPT_REJECTS);
        ck_assert_ptr_nonnull(
            strstr(table_log(), "the rejects table holds the first 100000 of them; rejects: FILE writes all to a file"));
        aip_dataset_free(d);
        aip_dataset_free(kept);
        snprintf(extra, sizeof extra, "%s, \"rejects\": \"%s\", \"block_bytes\": %d", policy, to, 1000 << 3 * w);
        OK(read_all(ctx, path, extra, &counts, &err));
        ck_assert_int_eq(counts.rows_rejected, ROWS);
        OK(table_read(ctx, to, NULL, &d, &err));
        OK(aip_dataset_count(d, NULL, &n, &err));
        ck_assert_int_eq(n, ROWS);
        aip_dataset_free(d);
        table_context_free(ctx);
        char *found = content(to), last[100];
        snprintf(last, sizeof last, "found 'x%d'\",x%d\n", ROWS - 1, ROWS - 1);
        ck_assert_str_eq(found + strlen(found) - strlen(last), last);
        free(found);
    }
    free(path), free(to);
}
END_TEST

Suite *policies_suite(void) {
    const TTest *const tests[] = {promote_gives_each_column_the_type_of_all_its_rows_and_names_the_places_that_forced_it,
                                  without_promote_the_same_conflict_is_an_error_a_null_or_a_reject_at_its_place,
                                  promote_joins_files_that_do_not_go_together_otherwise_and_rows_of_a_wrong_shape_stay_errors,
                                  promote_is_what_a_sample_of_all_rows_says_and_every_cell_then_parses,
                                  all_rows_say_what_a_sample_of_as_many_rows_says_of_one_file_and_of_several,
                                  each_refused_allocation_of_the_pass_over_types_is_an_error_that_leaves_nothing,
                                  a_file_of_rejects_holds_source_line_column_offset_reason_and_text_of_each,
                                  a_file_of_rejects_is_whole_or_not_there_and_has_no_rows_when_there_are_none,
                                  a_file_of_rejects_holds_all_of_them_where_the_table_keeps_the_first_and_says_so,
                                  NULL};
    return unit_suite("policies", tests);
}
