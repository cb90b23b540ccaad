/* Files as datasets: patterns, several files as one table, gzip, pipes, files that change, parameters and their errors, writing whole or not at all,
 * and the same rows for any number of workers within bounded memory. */
#include "../formats/table_fixture.h"
#include "base/hash.h"
#include "connectors_suites.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char *text_file(const char *name, const char *text) { return table_file(name, text, strlen(text)); }

static void pack_file(const char *name, const char *text) {
    char *path = table_path(name);
    gzFile f = gzopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(gzwrite(f, text, (unsigned)strlen(text)), (int)strlen(text));
    ck_assert_int_eq(gzclose(f), Z_OK);
    free(path);
}

static int32_t ignore(void *user, aip_batch *b, aip_error **err) {
    (void)user, (void)b, (void)err;
    return AIP_OK;
}

/* Opens and reads wholly. */
static int32_t read_all(aip_context *ctx, const char *path, const char *extra, aip_error **err) {
    aip_dataset *d = NULL;
    int32_t status = table_read(ctx, path, extra, &d, err);
    if (status == AIP_OK) status = aip_dataset_each(d, NULL, ignore, NULL, NULL, err);
    aip_dataset_free(d);
    return status;
}

static void check(aip_context *ctx, const char *path, const char *extra, const char *expected) {
    aip_dataset *d = NULL;
    OK(table_read(ctx, path, extra, &d, &err));
    char *text = table_text(d);
    ck_assert_str_eq(text, expected);
    free(text);
    aip_dataset_free(d);
}

/* ---- paths -------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_pattern_is_its_files_in_bytewise_order) {
    aip_context *ctx = table_context(2);
    free(text_file("p-b.csv", "a\n2\n"));
    free(text_file("p-B.csv", "a\n1\n"));
    free(text_file("p-\xc3\xa4.csv", "a\n4\n"));
    free(text_file("p-c.csv", "a\n3\n"));
    char *pattern = table_path("p-*.csv");
    check(ctx, pattern, NULL, "a:int64\n1\n2\n3\n4\n");
    char *none = table_path("q-*.csv");
    FAILS(read_all(ctx, none, NULL, &err), AIP_E_NOT_FOUND, "q-*.csv'");
    char *missing = table_path("missing.csv");
    FAILS(read_all(ctx, missing, NULL, &err), AIP_E_NOT_FOUND, "missing.csv");
    char *literal = text_file("lit[1].csv", "a\n7\n"); /* a file of exactly that name is no pattern */
    check(ctx, literal, NULL, "a:int64\n7\n");
    free(pattern), free(none), free(missing), free(literal);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_list_keeps_its_order_and_paths_start_at_the_base_folder) {
    aip_context *ctx = table_context(0);
    char *one = text_file("one.csv", "a\n1\n"), *two = text_file("two.csv", "a\n2\n"), json[600];
    aip__document *doc = NULL;
    aip_dataset *d = NULL;
    const char *list = "{\"path\": [\"two.csv\", \"one.csv\"], \"include_path\": \"file\"}";
    *strrchr(one, '/') = 0;
    OK(aip__json_parse(ctx, list, strlen(list), NULL, &doc, &err));
    OK(aip__read_dataset(ctx, aip__document_root(doc), NULL, one, &d, &err));
    char *text = table_text(d), expected[600];
    snprintf(expected, sizeof expected, "a:int64 file:dictionary\n2|'%s/two.csv'\n1|'%s/one.csv'\n", one, one);
    ck_assert_str_eq(text, expected);
    aip_dataset_free(d);
    aip__document_free(doc);
    snprintf(json, sizeof json, "\"%s\"", two); /* a bare path in place of the map */
    OK(aip_dataset_read(ctx, json, &d, &err));
    aip_dataset_free(d);
    free(text), free(one), free(two);
    table_context_free(ctx);
}
END_TEST

/* ---- several files as one ------------------------------------------------------------------------------------------------------------------ */

START_TEST(files_join_by_column_name_and_their_number_types_widen) {
    aip_context *ctx = table_context(2);
    free(text_file("j-1.csv", "a,b,c\n1,x,\n"));
    free(text_file("j-2.csv", "c,a,b\n2013-01-01,2.5,y\n"));
    char *pattern = table_path("j-*.csv");
    check(ctx, pattern, NULL, "a:float64 b:utf8 c:date32\n1.0|'x'|~\n2.5|'y'|2013-01-01\n");
    free(text_file("j-3.csv", "a,b,c,d\n3,z,,extra\n"));
    FAILS(read_all(ctx, pattern, NULL, &err), AIP_E_SCHEMA, "j-3.csv: this file has a column 'd', unlike ");
    check(ctx, pattern, "\"columns\": [\"b\"]", "b:utf8\n'x'\n'y'\n'z'\n"); /* of no account when not asked for */
    free(text_file("j-3.csv", "a,b\n3,z\n"));
    FAILS(read_all(ctx, pattern, NULL, &err), AIP_E_SCHEMA, "j-3.csv: this file has no column 'c', unlike ");
    free(text_file("j-3.csv", "a,b,c\nq,z,\n"));
    FAILS(read_all(ctx, pattern, NULL, &err), AIP_E_SCHEMA, "j-3.csv: column 'a' is utf8 here, but float64 in ");
    check(ctx, pattern, "\"types\": {\"a\": \"utf8\"}", "a:utf8 b:utf8 c:date32\n'1'|'x'|~\n'2.5'|'y'|2013-01-01\n'q'|'z'|~\n");
    free(pattern);
    table_context_free(ctx);
}
END_TEST

/* ---- gzip and pipes -------------------------------------------------------------------------------------------------------------------------- */

START_TEST(gzip_is_known_by_its_content_and_damage_names_the_file) {
    aip_context *ctx = table_context(2);
    pack_file("z.csv.gz", "a,b\n1,x\n2,y\n");
    pack_file("z-without-the-name.csv", "a,b\n1,x\n2,y\n");
    char *gz = table_path("z.csv.gz"), *plain = table_path("z-without-the-name.csv"), *empty = text_file("z-empty.csv.gz", ""),
         *named = text_file("z-plain.csv.gz", "a,b\n1,x\n2,y\n");
    const char *expected = "a:int64 b:utf8\n1|'x'\n2|'y'\n";
    check(ctx, gz, NULL, expected);
    check(ctx, plain, NULL, expected);
    FAILS(read_all(ctx, named, NULL, &err), AIP_E_CORRUPT, "z-plain.csv.gz: the name ends in .gz, but the content is not gzip");
    FAILS(read_all(ctx, empty, NULL, &err), AIP_E_DATA, "z-empty.csv.gz: file is empty");
    ck_assert_int_eq(truncate(gz, 20), 0);
    FAILS(read_all(ctx, gz, NULL, &err), AIP_E_CORRUPT, "z.csv.gz: gzip stream ends early at byte 20");
    free(gz), free(plain), free(named), free(empty);
    table_context_free(ctx);
}
END_TEST

static void *feed(void *arg) {
    int fd = open(arg, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 200000; i++) {
        char line[32];
        int n = i == 0 ? sprintf(line, "n\n") : sprintf(line, "%d\n", i);
        ck_assert_int_eq(write(fd, line, (size_t)n), n);
    }
    close(fd);
    return NULL;
}

START_TEST(a_pipe_is_looked_at_and_then_read_once_from_its_start) {
    aip_context *ctx = table_context(2);
    char *path = table_path("pipe.csv");
    pthread_t thread;
    aip_dataset *d = NULL;
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, feed, path), 0);
    OK(table_read(ctx, path, NULL, &d, &err));
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(aip_dataset_each(d, NULL, ignore, NULL, &counts, &err));
    ck_assert_int_eq(counts.rows_out, 199999);
    pthread_join(thread, NULL);
    FAILS(aip_dataset_each(d, NULL, ignore, NULL, NULL, &err), AIP_E_STATE, "");
    aip_dataset_free(d);
    free(path);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_file_that_changed_since_it_was_opened_is_an_error) {
    aip_context *ctx = table_context(1);
    char *path = text_file("changes.csv", "a\n1\n2\n");
    aip_dataset *d = NULL;
    OK(table_read(ctx, path, NULL, &d, &err));
    OK(aip_dataset_each(d, NULL, ignore, NULL, NULL, &err));
    free(text_file("changes.csv", "a\n1\n2\n3\n"));
    FAILS(aip_dataset_each(d, NULL, ignore, NULL, NULL, &err), AIP_E_CHANGED, "changes.csv");
    aip_dataset_free(d);
    free(path);
    table_context_free(ctx);
}
END_TEST

/* ---- parameters --------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(parameters_of_files_and_format_are_one_table_with_the_nearest_name) {
    aip_context *ctx = table_context(0);
    aip_dataset *d = NULL;
    FAILS(aip_dataset_read(ctx, "{\"path\": \"x.csv\", \"delimeter\": \";\"}", &d, &err), AIP_E_PARAM,
          "did you mean 'delimiter'?");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"x.csv\", \"on_bad_rows\": \"null\"}", &d, &err), AIP_E_PARAM,
          "did you mean 'on_bad_row'?");
    FAILS(aip_dataset_read(ctx, "{\"pth\": \"x.csv\"}", &d, &err), AIP_E_PARAM, "did you mean 'path'?");
    FAILS(aip_dataset_read(ctx, "{}", &d, &err), AIP_E_PARAM, "read: parameter 'path' is missing");
    FAILS(aip_dataset_read(ctx, "{\"path\": []}", &d, &err), AIP_E_PARAM, "expected at least one file");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"x.xlsx\"}", &d, &err), AIP_E_PARAM, ".csv, .tsv");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"x.csv\", \"format\": \"cvs\"}", &d, &err), AIP_E_NOT_FOUND, "did you mean 'csv'?");
    FAILS(aip_dataset_read(ctx, "{\"path\": ", &d, &err), AIP_E_SYNTAX, "");
    FAILS(aip_dataset_read(ctx, NULL, &d, &err), AIP_E_MISUSE, "params_json");
    char *odd = text_file("data.dat", "a\n1\n");
    check(ctx, odd, "\"format\": \"csv\"", "a:int64\n1\n");
    free(odd);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_path_that_is_empty_or_a_folder_is_called_so) {
    aip_context *ctx = table_context(0);
    aip_dataset *d = NULL;
    FAILS(aip_dataset_read(ctx, "{\"path\": \"\"}", &d, &err), AIP_E_PARAM, "read: path is empty: expected a file or a pattern");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"\", \"format\": \"csv\"}", &d, &err), AIP_E_PARAM, "read: path is empty");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"/dev\"}", &d, &err), AIP_E_PARAM,
          "read: path '/dev' is a folder: expected a file or a pattern");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"/dev\", \"format\": \"csv\"}", &d, &err), AIP_E_IO,
          "/dev: is a folder: expected a file");
    aip__document *doc = NULL;
    OK(aip__yaml_parse(ctx, "path: dev\n", 10, "flow.yaml", &doc, &err)); /* relative to the base folder */
    FAILS(aip__read_check(ctx, aip__document_root(doc), "flow.yaml", "/", &err), AIP_E_PARAM,
          "flow.yaml:1:7: read: path 'dev' is a folder");
    FAILS(aip__write_check(ctx, aip__document_root(doc), "flow.yaml", "/", &err), AIP_E_PARAM,
          "flow.yaml:1:7: write: path 'dev' is a folder: expected a file");
    aip__document_free(doc);
    table_context_free(ctx);
}
END_TEST

static void check_listed(aip_context *ctx, const char *entry, const char *const *names) {
    char *json = NULL;
    OK(aip_catalog_json(ctx, entry, &json, &err));
    for (; *names; names++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", *names);
        const char *first = strstr(json, wanted);
        ck_assert_msg(first && !strstr(first + 1, wanted), "%s: expected %s once: %s", entry, wanted, json);
    }
    aip_text_free(ctx, json);
}

START_TEST(what_read_and_write_take_is_all_in_the_catalogue) {
    static const char *const files[] = {"path", "format", "include_path", NULL};
    static const char *const rows[] = {"columns",   "types",     "infer_rows", "on_bad_row", "max_rejects",
                                       "delimiter", "skip_rows", "ragged",     NULL};
    aip_context *ctx = table_context(0);
    check_listed(ctx, "connector.files", files);
    check_listed(ctx, "connector.files", rows);
    check_listed(ctx, "format.csv", rows);
    table_context_free(ctx);
}
END_TEST

START_TEST(parameters_of_a_file_carry_its_line_and_nothing_is_opened_to_check_them) {
    aip_context *ctx = table_context(0);
    aip__document *doc = NULL;
    const char *yaml = "path: does-not-exist.csv\ndelimiter: ','\nragged: padd\n";
    OK(aip__yaml_parse(ctx, yaml, strlen(yaml), "flow.yaml", &doc, &err));
    FAILS(aip__read_check(ctx, aip__document_root(doc), "flow.yaml", NULL, &err), AIP_E_PARAM,
          "flow.yaml:3:9: read: ragged is 'padd'");
    aip__document_free(doc);
    yaml = "path: does-not-exist.csv\ndelimiter: ','\n";
    OK(aip__yaml_parse(ctx, yaml, strlen(yaml), "flow.yaml", &doc, &err));
    OK(aip__read_check(ctx, aip__document_root(doc), "flow.yaml", NULL, &err));
    aip__document_free(doc);
    table_context_free(ctx);
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------------------------------------------------------------- */

static int32_t write_to(aip_dataset *d, const char *path, aip_error **err) {
    char json[600];
    snprintf(json, sizeof json, "{\"path\": \"%s\"}", path);
    return aip_dataset_write(d, json, NULL, NULL, err);
}

START_TEST(a_failed_write_leaves_the_old_file_and_nothing_beside_it) {
    aip_context *ctx = table_context(2);
    char *from = text_file("w-from.csv", "a\n1\nx\n"), *to = text_file("w-to.csv", "old\n"), old[16] = "";
    aip_dataset *d = NULL;
    OK(table_read(ctx, from, "\"infer_rows\": 1", &d, &err));
    FAILS(write_to(d, to, &err), AIP_E_DATA, "w-from.csv:3:1");
    FILE *f = fopen(to, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(old, sizeof old, f));
    ck_assert_str_eq(old, "old\n");
    fclose(f);
    char *beside = table_path("w-*");
    glob_t listed;
    ck_assert_int_eq(glob(beside, 0, NULL, &listed), 0);
    ck_assert_uint_eq(listed.gl_pathc, 2);
    globfree(&listed);
    free(beside), free(from), free(to);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(the_format_of_an_output_is_known_before_a_row_is_read) {
    aip_context *ctx = table_context(0);
    char *from = text_file("w-one.csv", "a\n1\n"), *to = table_path("out.xlsx");
    aip_dataset *d = NULL;
    OK(table_read(ctx, from, NULL, &d, &err));
    FAILS(write_to(d, to, &err), AIP_E_PARAM, ".csv, .tsv");
    FAILS(aip_dataset_write(d, "{\"path\": \"x.csv\", \"headr\": false}", NULL, NULL, &err), AIP_E_PARAM,
          "did you mean 'header'?");
    OK(aip_dataset_write(d, "{\"path\": \"/dev/null\", \"format\": \"csv\"}", NULL, NULL, &err)); /* a device: as it comes */
    free(from), free(to);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(missing_folders_of_an_output_are_made_and_one_that_cannot_be_is_named) {
    aip_context *ctx = table_context(0);
    char *from = text_file("w-deep.csv", "a\n1\n"), *outer = table_path("made"), *inner = table_path("made/deep");
    char *to = table_path("made/deep/out.csv"), *under = table_path("w-deep.csv/no/out.csv");
    aip_dataset *d = NULL;
    OK(table_read(ctx, from, NULL, &d, &err));
    OK(write_to(d, to, &err));
    check(ctx, to, NULL, "a:int64\n1\n");
    FAILS(write_to(d, under, &err), AIP_E_IO, "w-deep.csv/no': Not a directory"); /* a file stands there */
    ck_assert_int_eq(unlink(to) | rmdir(inner) | rmdir(outer), 0);
    free(from), free(outer), free(inner), free(to), free(under);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(gzip_output_is_the_same_bytes_each_time_and_reads_back) {
    uint64_t digests[2] = {0};
    for (int k = 0; k < 2; k++) {
        aip_context *ctx = table_context(k ? 8 : 0);
        char *from = text_file("g-from.csv", "a,b\n1,x\n2,y\n"), *to = table_path("g-to.csv.gz");
        aip_dataset *d = NULL;
        OK(table_read(ctx, from, NULL, &d, &err));
        OK(write_to(d, to, &err));
        check(ctx, to, NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
        char bytes[1000];
        FILE *f = fopen(to, "rb");
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        ck_assert_int_eq((uint8_t)bytes[0], 0x1f);
        digests[k] = aip__hash64(bytes, n, 0);
        free(from), free(to);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    ck_assert_uint_eq(digests[0], digests[1]);
}
END_TEST

/* ---- any number of workers, bounded memory ----------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t digest;
    int64_t rows;
} sum;

static int32_t digest(void *user, aip_batch *b, aip_error **err) {
    sum *s = user;
    (void)err;
    for (int64_t r = 0; r < b->n_rows; r++) {
        size_t n = 0;
        const char *text = aip__valid(b->columns[2]->validity, r) ? aip__column_text(b->columns[2], r, &n) : "~";
        int64_t id = aip__column_i64(b->columns[0])[r];
        s->digest = aip__hash64(&id, sizeof id, s->digest);
        s->digest = aip__hash64(&aip__column_f64(b->columns[1])[r], 8, s->digest);
        s->digest = aip__hash64(text, n, s->digest);
    }
    s->rows += b->n_rows;
    return AIP_OK;
}

#ifdef AIPIPE_ZSTD
START_TEST(zstd_is_known_by_its_content_and_written_by_its_name) {
    aip_context *ctx = table_context(2);
    char *from = text_file("zs-from.csv", "a,b\n1,x\n2,y\n"), *to = table_path("zs-to.csv.zst"),
         *plain = table_path("zs-without-the-name.csv"), *named = text_file("zs-plain.csv.zst", "a,b\n1,x\n"),
         *gz = table_path("zs-level.csv.gz");
    const char *expected = "a:int64 b:utf8\n1|'x'\n2|'y'\n";
    char json[600];
    aip_dataset *d = NULL;
    OK(table_read(ctx, from, NULL, &d, &err));
    OK(write_to(d, to, &err));
    check(ctx, to, NULL, expected);
    ck_assert_int_eq(rename(to, plain), 0);
    check(ctx, plain, NULL, expected);
    FAILS(read_all(ctx, named, NULL, &err), AIP_E_CORRUPT,
          "zs-plain.csv.zst: the name ends in .zst, but the content is not zstd");
    snprintf(json, sizeof json, "{\"path\": \"%s\", \"compression_level\": 19}", to);
    OK(aip_dataset_write(d, json, NULL, NULL, &err));
    check(ctx, to, NULL, expected);
    snprintf(json, sizeof json, "{\"path\": \"%s\", \"compression_level\": 10}", gz);
    FAILS(aip_dataset_write(d, json, NULL, NULL, &err), AIP_E_PARAM, "expected 1 to 9 for a .gz file, found 10");
    aip_dataset_free(d);
    free(from), free(to), free(plain), free(named), free(gz);
    table_context_free(ctx);
}
END_TEST
#endif

/* 24 MB in three files, one of them gzip, with quoted records, rejects and lines of very different length. */
static void big_files(void) {
    for (int k = 0; k < 3; k++) {
        char name[32];
        snprintf(name, sizeof name, k == 1 ? "big-%d.csv.gz" : "big-%d.csv", k);
        char *path = table_path(name);
        gzFile f = gzopen(path, k == 1 ? "wb1" : "wbT"); /* T: plain */
        ck_assert_ptr_nonnull(f);
        gzputs(f, "id,x,text\n");
        for (int i = 0; i < 200000; i++) {
            int id = k * 200000 + i;
            if (i % 1000 == 999)
                gzprintf(f, "%d,bad,row\n", id);
            else if (i % 50 == 0)
                gzprintf(f, "%d,%d.5,\"a %d\n, \"\"quoted\"\" one\"\n", id, i, i);
            else
                gzprintf(f, "%d,%d.25,%.*s\n", id, i, i % 40, "the quick brown fox jumps over the lazy dog");
        }
        ck_assert_int_eq(gzclose(f), Z_OK);
        free(path);
    }
}

START_TEST(any_number_of_workers_gives_the_same_rows_within_bounded_memory) {
    big_files();
    char *pattern = table_path("big-*"), *rejects[N_TABLE_WORKERS] = {NULL};
    sum sums[N_TABLE_WORKERS] = {{0}};
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        aip_dataset *d = NULL, *r = NULL;
        OK(table_read(ctx, pattern, "\"format\": \"csv\", \"on_bad_row\": \"reject\", \"infer_rows\": 900", &d, &err));
        OK(aip_dataset_each(d, NULL, digest, &sums[w], NULL, &err));
        ck_assert_int_eq(sums[w].rows, 600000 - 600);
        ck_assert_uint_eq(sums[w].digest, sums[0].digest);
        OK(aip_dataset_rejects(d, NULL, &r, &err));
        rejects[w] = table_text(r);
        ck_assert_str_eq(rejects[w], rejects[0]);
        /* Each item in flight takes its text and its columns: about 3 MiB. */
        ck_assert_uint_lt(aip_context_memory_peak(ctx), (uint64_t)(16 + 12 * (table_workers[w] + 2)) << 20);
        aip_dataset_free(r);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    for (int w = 0; w < N_TABLE_WORKERS; w++) free(rejects[w]);
    free(pattern);
}
END_TEST

START_TEST(the_first_error_of_the_files_is_the_one_reported) {
    big_files();
    char *pattern = table_path("big-*");
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        /* Row 999 of the first file; 20 of the 999 rows before it span two lines; the header is line 1. */
        FAILS(read_all(ctx, pattern, "\"format\": \"csv\", \"infer_rows\": 900", &err), AIP_E_DATA,
              "big-0.csv:1021:5: column 'x': expected float64, found 'bad'");
        table_context_free(ctx);
    }
    free(pattern);
}
END_TEST

START_TEST(a_tight_memory_limit_is_kept_or_refused_never_passed) {
    big_files();
    char *pattern = table_path("big-*");
    aip_context *ctx = table_context_limited(8, (uint64_t)24 << 20);
    OK(read_all(ctx, pattern, "\"format\": \"csv\", \"on_bad_row\": \"reject\", \"infer_rows\": 900", &err));
    ck_assert_uint_le(aip_context_memory_peak(ctx), (uint64_t)24 << 20);
    table_context_free(ctx);
    ctx = table_context_limited(1, (uint64_t)1 << 20);
    FAILS(read_all(ctx, pattern, "\"format\": \"csv\"", &err), AIP_E_MEMORY_LIMIT, "memory limit");
    table_context_free(ctx);
    free(pattern);
}
END_TEST

/* ---- what may fail, fails cleanly --------------------------------------------------------------------------------------------------------------- */

/* Reads with rejects, path column and several types, and writes a compressed copy. */
static int32_t read_and_write(aip_context *ctx, const char *pattern, const char *to, aip_error **err) {
    aip_dataset *d = NULL;
    int32_t status = table_read(
        ctx, pattern, "\"on_bad_row\": \"reject\", \"include_path\": \"file\", \"infer_rows\": 2, \"types\": {\"d\": \"date32\"}",
        &d, err);
    if (status == AIP_OK) status = write_to(d, to, err);
    aip_dataset_free(d);
    return status;
}

START_TEST(each_refused_allocation_is_one_error_and_leaves_nothing_behind) {
    free(text_file("m-1.csv", "a,b,d\n1,x,2013-01-01\n2,\"y,\n\",\nbad,z,\n4,w\n"));
    pack_file("m-2.csv", "d,a,b\n2013-01-02,5,v\n");
    char *pattern = table_path("m-*.csv"), *to = table_path("refused.csv.gz");
    int64_t allow = 0;
    for (int32_t status = AIP_E_NOMEM; status != AIP_OK; allow++) {
        aip_context *ctx = table_context_refusing(allow % 2 ? 2 : 0);
        aip_error *failure = NULL;
        table_refuse_after(allow);
        status = read_and_write(ctx, pattern, to, &failure);
        table_refuse_after(-1);
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "after %lld: %s", (long long)allow, aip_error_text(failure));
        aip_error_free(failure);
        table_context_free(ctx); /* holds that nothing is left */
    }
    ck_assert_int_gt(allow, 300);
    free(pattern), free(to);
}
END_TEST

static _Atomic(int) calls_left;

static ssize_t failing_pread(int fd, void *bytes, size_t n, off_t offset) {
    if (atomic_fetch_sub(&calls_left, 1) > 0) return pread(fd, bytes, n, offset);
    errno = EIO;
    return -1;
}

static ssize_t failing_write(int fd, const void *bytes, size_t n) {
    if (atomic_fetch_sub(&calls_left, 1) > 0) return write(fd, bytes, n);
    errno = ENOSPC;
    return -1;
}

START_TEST(a_failing_disk_is_an_error_that_names_the_file) {
    big_files();
    char *from = table_path("big-0.csv"), *to = table_path("full.csv");
    const char *extra = "\"on_bad_row\": \"reject\", \"infer_rows\": 900";
    for (int calls = 0; calls < 12; calls += 3) {
        aip_context *ctx = table_context(2);
        aip__io io = *ctx->io;
        io.pread = failing_pread;
        ctx->io = &io;
        atomic_store(&calls_left, calls);
        FAILS(read_all(ctx, from, extra, &err), AIP_E_IO, "big-0.csv");
        table_context_free(ctx);
    }
    aip_context *ctx = table_context(2);
    aip_dataset *d = NULL;
    aip__io io = *ctx->io;
    io.write = failing_write;
    ctx->io = &io;
    OK(table_read(ctx, from, extra, &d, &err));
    for (int calls = 0; calls < 4; calls++) {
        atomic_store(&calls_left, calls);
        FAILS(write_to(d, to, &err), AIP_E_IO, "No space left");
        ck_assert_int_ne(access(to, F_OK), 0);
    }
    aip_dataset_free(d);
    free(from), free(to);
    table_context_free(ctx);
}
END_TEST

/* 300 columns of whole numbers; in column 7 row 900 is no whole one, in column 11 row 1100 is no number. */
START_TEST(the_sample_of_a_wide_file_sees_as_many_rows_whatever_the_workers_and_blocks) {
    enum { COLUMNS = 300, ROWS = 1200 };
    static char text[COLUMNS * (ROWS + 1) * 12];
    char *at = text;
    for (int c = 0; c < COLUMNS; c++) at += sprintf(at, "c%d%c", c, c == COLUMNS - 1 ? '\n' : ',');
    for (int r = 1; r <= ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            const char *cell = r == 900 && c == 7 ? "1.5" : r == 1100 && c == 11 ? "x" : "";
            if (*cell)
                at += sprintf(at, "%s,", cell);
            else
                at += sprintf(at, "%d%c", 10000000 + r * c, c == COLUMNS - 1 ? '\n' : ',');
        }
    char *path = text_file("wide.csv", text);
    for (int w = 0; w < N_TABLE_WORKERS; w++)
        for (int k = 0; k < 2; k++)
            for (int rows = 1000; rows <= 1100; rows += 50) {
                aip_context *ctx = table_context(table_workers[w]);
                aip_dataset *d = NULL;
                char extra[80];
                snprintf(extra, sizeof extra, "\"infer_rows\": %d%s", rows, k ? ", \"block_bytes\": 65536" : "");
                OK(table_read(ctx, path, extra, &d, &err));
                for (int c = 0; c < COLUMNS; c++)
                    ck_assert_int_eq(aip_schema_field(aip_dataset_schema(d), c)->type, c == 7                    ? AIP_FLOAT64
                                                                                       : c == 11 && rows >= 1100 ? AIP_UTF8
                                                                                                                 : AIP_INT64);
                aip_dataset_free(d);
                table_context_free(ctx);
            }
    free(path);
    table_files_remove();
}
END_TEST

Suite *files_suite(void) {
    const TTest *const tests[] = {a_pattern_is_its_files_in_bytewise_order,
                                  a_list_keeps_its_order_and_paths_start_at_the_base_folder,
                                  files_join_by_column_name_and_their_number_types_widen,
                                  gzip_is_known_by_its_content_and_damage_names_the_file,
                                  a_pipe_is_looked_at_and_then_read_once_from_its_start,
                                  a_file_that_changed_since_it_was_opened_is_an_error,
                                  parameters_of_files_and_format_are_one_table_with_the_nearest_name,
                                  parameters_of_a_file_carry_its_line_and_nothing_is_opened_to_check_them,
                                  a_failed_write_leaves_the_old_file_and_nothing_beside_it,
                                  the_format_of_an_output_is_known_before_a_row_is_read,
                                  missing_folders_of_an_output_are_made_and_one_that_cannot_be_is_named,
                                  a_path_that_is_empty_or_a_folder_is_called_so,
                                  what_read_and_write_take_is_all_in_the_catalogue,
                                  gzip_output_is_the_same_bytes_each_time_and_reads_back,
#ifdef AIPIPE_ZSTD
                                  zstd_is_known_by_its_content_and_written_by_its_name,
#endif
                                  any_number_of_workers_gives_the_same_rows_within_bounded_memory,
                                  the_sample_of_a_wide_file_sees_as_many_rows_whatever_the_workers_and_blocks,
                                  the_first_error_of_the_files_is_the_one_reported,
                                  each_refused_allocation_is_one_error_and_leaves_nothing_behind,
                                  a_failing_disk_is_an_error_that_names_the_file,
                                  a_tight_memory_limit_is_kept_or_refused_never_passed,
                                  NULL};
    return unit_suite("files", tests);
}
