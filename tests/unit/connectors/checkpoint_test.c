/* Reading on from a checkpoint: what is new, each row once. A file and a folder that grow are read in many runs, under every number of workers and
 * many block sizes, and the outputs together are held against the input; the process ends at each single operation of the system that a run makes,
 * and the next run goes on; files that did more than grow are errors. */
#include "../formats/table_fixture.h"
#include "base/context.h"
#include "base/io.h"
#include "connectors_suites.h"
#include <aipipe/stage.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

typedef struct {
    char input[300], checkpoint[300], output[300]; /* input: a path or a pattern */
    char extra[300];                               /* more parameters of read, each after a comma */
} job;

static char *folder;

static int no_fsync(int fd) { /* the machine does not fail here */
    (void)fd;
    return 0;
}

static aip_context *context_of(int32_t n_workers) {
    static aip__io table;
    aip_context *ctx = table_context_limited(n_workers, 0);
    table = aip__io_posix;
    table.fsync = no_fsync;
    ctx->io = &table;
    return ctx;
}

static job job_of(const char *input, const char *extra) {
    job j = {{0}, {0}, {0}, {0}};
    folder = table_path("");
    snprintf(j.input, sizeof j.input, "%s%s", folder, input);
    snprintf(j.checkpoint, sizeof j.checkpoint, "%scp.json", folder);
    snprintf(j.output, sizeof j.output, "%sout.csv", folder);
    snprintf(j.extra, sizeof j.extra, "%s", extra);
    free(folder);
    return j;
}

static int32_t open_job(aip_context *ctx, const job *j, aip_dataset **out, aip_error **err) {
    char json[1400];
    snprintf(json, sizeof json, "{\"path\": \"%s\", \"checkpoint\": \"%s\"%s}", j->input, j->checkpoint, j->extra);
    return aip_dataset_read(ctx, json, out, err);
}

static int32_t write_job(aip_dataset *d, const char *path, aip_row_counts *counts, aip_error **err) {
    char json[400];
    snprintf(json, sizeof json, "{\"path\": \"%s\", \"format\": \"csv\"}", path);
    return aip_dataset_write(d, json, NULL, counts, err);
}

static int32_t run_job(aip_context *ctx, const job *j, aip_row_counts *counts, aip_error **err) {
    aip_dataset *d = NULL;
    int32_t status = open_job(ctx, j, &d, err);
    if (status == AIP_OK) status = write_job(d, j->output, counts, err);
    aip_dataset_free(d);
    return status;
}

static void append(const char *name, const char *bytes, size_t n) {
    char *path = table_path(name);
    FILE *f = fopen(path, "ab");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    free(path);
}

static void append_text(const char *name, const char *text) { append(name, text, strlen(text)); }

static bool there(const char *name) {
    char *path = table_path(name);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

static void discard(const char *name) {
    char *path = table_path(name);
    unlink(path);
    free(path);
}

/* The rows of all outputs together, as a table of text. */
static char *outputs(aip_context *ctx, const char *pattern) {
    aip_dataset *d = NULL;
    char *path = table_path(pattern);
    OK(table_read(ctx, path, "\"types\": {\"n\": \"int64\", \"t\": \"utf8\"}, \"null_values\": [\"\"]", &d, &err));
    char *text = table_text(d);
    aip_dataset_free(d);
    free(path);
    return text;
}

/* Record i: a number, and text that may hold quotes, line ends and delimiters. */
static int record(char *out, int i) {
    static const char *const texts[] = {"plain", "\"with, comma\"", "\"two\nlines\"", "\"a \"\"quote\"\"\"", "\"\r\n\"", "x"};
    return sprintf(out, "%d,%s%s", i, texts[i % 6], i % 7 == 3 ? "\r\n" : "\n");
}

static char *input_of(int from, int n, size_t *size) {
    char *text = malloc((size_t)n * 40 + 10), *at = text;
    ck_assert_ptr_nonnull(text);
    at += sprintf(at, "n,t\n");
    for (int i = from; i < from + n; i++) at += record(at, i);
    *size = (size_t)(at - text);
    return text;
}

/* ---- each row once ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_file_that_grows_by_any_bytes_is_read_row_by_row_once_and_an_open_record_is_left) {
    static const int blocks[] = {64, 100, 4096, 1048576};
    size_t size = 0;
    char *text = input_of(0, 400, &size);
    uint32_t x = (uint32_t)_i + 1;
    char extra[100];
    snprintf(extra, sizeof extra, ", \"block_bytes\": %d, \"types\": {\"n\": \"int64\"}, \"null_values\": [\"\"]", blocks[_i]);
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = context_of(table_workers[w]);
        job j = job_of("grow.csv", extra);
        int64_t rows = 0;
        append("grow.csv", text, 4); /* the header, without which nothing is known */
        for (size_t at = 4; at < size;) {
            x = x * 1664525u + 1013904223u;
            size_t n = (x >> 8) % 400 + 1;
            if (n > size - at) n = size - at;
            append("grow.csv", text + at, n);
            at += n;
            aip_row_counts counts = AIP_ROW_COUNTS_INIT;
            OK(run_job(ctx, &j, &counts, &err));
            rows += counts.rows_out;
        }
        ck_assert_int_eq(rows, 400);
        char *whole = table_path("grow.csv"), *found = outputs(ctx, "out-*.csv");
        aip_dataset *d = NULL;
        OK(table_read(ctx, whole, "\"null_values\": [\"\"]", &d, &err));
        char *expected = table_text(d);
        ck_assert_str_eq(found, expected);
        aip_dataset_free(d);
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        OK(run_job(ctx, &j, &counts, &err)); /* nothing is new */
        ck_assert_int_eq(counts.rows_in, 0);
        free(expected), free(found), free(whole);
        table_context_free(ctx);
        table_files_remove();
    }
    free(text);
}
END_TEST

START_TEST(a_folder_gives_files_that_are_new_and_what_others_grew_by_and_compressed_files_whole) {
    aip_context *ctx = context_of(2);
    job j = job_of("d-*.csv*", ", \"format\": \"csv\"");
    append_text("d-1.csv", "n,t\n1,a\n2,");
    OK(run_job(ctx, &j, NULL, &err));
    append_text("d-1.csv", "b\n");
    append_text("d-0.csv", "t,n\nz,10\n");
    append_text("d-2.csv", "");    /* has no header yet */
    append_text("d-3.csv", "n,t"); /* nor has this one all of it */
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a'\n10|'z'\n2|'b'\n");
    free(found);
    char *gz = table_path("d-4.csv.gz");
    gzFile z = gzopen(gz, "wb");
    ck_assert_int_eq(gzputs(z, "n,t\n5,p\n6,q"), 11); /* no line end is awaited */
    ck_assert_int_eq(gzclose(z), Z_OK);
    append_text("d-3.csv", "\n4,o\n");
    discard("d-0.csv"); /* what was read may go */
    OK(run_job(ctx, &j, NULL, &err));
    found = outputs(ctx, "out-00000003.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n4|'o'\n5|'p'\n6|'q'\n");
    free(found);
    discard("d-1.csv"), discard("d-2.csv"), discard("d-3.csv"), unlink(gz);
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(run_job(ctx, &j, &counts, &err)); /* nothing matches any more: nothing is new */
    ck_assert_int_eq(counts.rows_in, 0);
    ck_assert(!there("out-00000004.csv"));
    free(gz);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(a_dataset_is_what_was_there_when_it_was_made_and_has_one_output) {
    aip_context *ctx = context_of(2);
    job j = job_of("one.csv", "");
    aip_dataset *d = NULL, *late = NULL;
    append_text("one.csv", "n,t\n1,a\n");
    OK(open_job(ctx, &j, &d, &err));
    OK(open_job(ctx, &j, &late, &err));
    append_text("one.csv", "2,b\n");
    for (int i = 0; i < 2; i++) { /* passes of other kinds move nothing */
        char *text = table_text(d);
        ck_assert_str_eq(text, "n:int64 t:utf8\n1|'a'\n");
        free(text);
    }
    ck_assert(!there("cp.json"));
    OK(write_job(d, j.output, NULL, &err));
    FAILS(write_job(d, j.output, NULL, &err), AIP_E_STATE, "go to one output: another write has them");
    FAILS(write_job(late, j.output, NULL, &err), AIP_E_CHANGED, "another run has moved checkpoint");
    FAILS(write_job(late, "/dev/null", NULL, &err), AIP_E_PARAM, "found '/dev/null', which cannot be committed");
    FAILS(write_job(late, "-", NULL, &err), AIP_E_PARAM, "found '-', which cannot be committed");
    aip_dataset_free(d);
    aip_dataset_free(late);
    discard("cp.json"); /* without it the outputs would be written again, beside the old ones */
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_STATE, "out-00000001.csv' is there, but checkpoint");
    char lock[400];
    int fd = -1;
    discard("out-00000001.csv");
    snprintf(lock, sizeof lock, "%s.lock", j.checkpoint);
    OK(aip__file_lock(ctx, lock, &fd, &err));
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_STATE, "another run is writing with checkpoint");
    aip__file_unlock(ctx, fd);
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a'\n2|'b'\n");
    free(found);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(stages_rejects_and_places_go_on_too) {
    aip_context *ctx = context_of(1);
    char *rejects = table_path("rej.csv"), extra[400];
    snprintf(extra, sizeof extra, ", \"on_bad_row\": \"reject\", \"rejects\": \"%s\"", rejects);
    job j = job_of("stage.csv", extra);
    append_text("stage.csv", "n,t\n1,a\n2,\"b\nc\"\n");
    OK(run_job(ctx, &j, NULL, &err));
    append_text("stage.csv", "3,c\nbad,d\n4,e\n");
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(run_job(ctx, &j, &counts, &err));
    ck_assert_int_eq(counts.rows_in, 3);
    ck_assert_int_eq(counts.rows_rejected, 1);
    aip_dataset *d = NULL;
    char *second = table_path("rej-00000002.csv"), *source = table_path("stage.csv"), expected[600];
    OK(table_read(ctx, second, NULL, &d, &err));
    char *text = table_text(d);
    snprintf(expected, sizeof expected,
             "source:utf8 line:int64 column:utf8 byte_offset:int64 reason:utf8 raw:utf8\n"
             "'%s'|6|'n'|20|'expected int64, found 'bad''|'bad,d'\n",
             source); /* of the whole file: line 6, behind 4 + 4 + 8 + 4 bytes */
    ck_assert_str_eq(text, expected);
    aip_dataset_free(d);
    append_text("stage.csv", "wrong\n");
    snprintf(j.extra, sizeof j.extra, ", \"on_bad_row\": \"error\"");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "stage.csv:8:1: expected 2 columns, found 1");
    free(text), free(second), free(source), free(rejects);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

/* ---- the process ends at any moment --------------------------------------------------------------------------------------------------------- */

static int64_t calls, die_at;

static void count_down(void) {
    if (calls++ == die_at) _exit(42);
}
static int dying_open(const char *path, int flags, mode_t mode) {
    count_down();
    return aip__io_posix.open(path, flags, mode);
}
static ssize_t dying_write(int fd, const void *bytes, size_t n) {
    count_down();
    return write(fd, bytes, n);
}
static int dying_fsync(int fd) {
    count_down();
    return no_fsync(fd);
}
static int dying_close(int fd) {
    count_down();
    return close(fd);
}
static int dying_rename(const char *from, const char *to) {
    count_down();
    return rename(from, to);
}
static int dying_stat(const char *path, struct stat *st) {
    count_down();
    return stat(path, st);
}

/* One run in a child that ends at its k-th operation; whether it came to its end. */
static bool run_until(const job *j, int64_t k) {
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        aip__io table = aip__io_posix;
        aip_context *ctx = table_context_limited(0, 0);
        table.open = dying_open, table.write = dying_write, table.fsync = dying_fsync, table.close = dying_close;
        table.rename = dying_rename, table.stat = dying_stat;
        ctx->io = &table;
        calls = 0;
        die_at = k;
        _exit(run_job(ctx, j, NULL, NULL) == AIP_OK ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 42, "operation %d: exit %d", (int)k, WEXITSTATUS(status));
    return WEXITSTATUS(status) == 0;
}

START_TEST(a_process_that_ends_at_any_operation_loses_and_doubles_no_row) {
    bool adopted = false;
    for (int64_t k = 0;; k++) {
        job j = job_of("crash-*.csv", "");
        aip_context *ctx = context_of(0);
        append_text("crash-a.csv", "n,t\n1,a\n2,\"b");
        OK(run_job(ctx, &j, NULL, &err));
        append_text("crash-a.csv", "\nc\"\n3,d\n");
        append_text("crash-b.csv", "n,t\n4,e\n");
        bool ended = run_until(&j, k);
        append_text("crash-a.csv", "5,f\n"); /* what is there when the next run looks is more */
        bool published = there("out-00000002.csv");
        OK(run_job(ctx, &j, NULL, &err));
        OK(run_job(ctx, &j, NULL, &err));
        char *found = outputs(ctx, "out-*.csv");
        const char *apart = "n:int64 t:utf8\n1|'a'\n2|'b\nc'\n3|'d'\n4|'e'\n5|'f'\n",
                   *together = "n:int64 t:utf8\n1|'a'\n2|'b\nc'\n3|'d'\n5|'f'\n4|'e'\n";
        ck_assert_msg(strcmp(found, published ? apart : together) == 0, "operation %d, %s: %s", (int)k,
                      published ? "after the output was there" : "before", found);
        adopted |= published && !ended;
        free(found);
        table_context_free(ctx);
        table_files_remove();
        if (ended) {
            ck_assert_int_ge(k, 20);
            break;
        }
    }
    ck_assert(adopted); /* some run ended between putting the output in place and saying so */
}
END_TEST

START_TEST(each_refused_allocation_is_an_error_and_the_next_run_goes_on) {
    int n_refused = 0;
    for (int64_t k = 0;; k++) {
        aip_context *ctx = table_context_refusing(0);
        char *rejects = table_path("rej.csv"), extra[300];
        snprintf(extra, sizeof extra, ", \"on_bad_row\": \"reject\", \"rejects\": \"%s\"", rejects);
        job j = job_of("oom-*.csv", extra);
        aip__io table = aip__io_posix;
        table.fsync = no_fsync;
        ctx->io = &table;
        append_text("oom-a.csv", "n,t\n1,a\n");
        OK(run_job(ctx, &j, NULL, &err));
        append_text("oom-a.csv", "2,b\nbad,b\n");
        append_text("oom-b.csv", "t,n\nc,3\n");
        aip_error *refused = NULL;
        table_refuse_after(k);
        int32_t status = run_job(ctx, &j, NULL, &refused);
        table_refuse_after(-1);
        if (status != AIP_OK) ck_assert_msg(status == AIP_E_NOMEM, "allocation %d: %s", (int)k, aip_error_text(refused));
        aip_error_free(refused);
        n_refused += status != AIP_OK;
        OK(run_job(ctx, &j, NULL, &err));
        char *found = outputs(ctx, "out-*.csv");
        ck_assert_msg(strcmp(found, "n:int64 t:utf8\n1|'a'\n2|'b'\n3|'c'\n") == 0, "allocation %d: %s", (int)k, found);
        free(found), free(rejects);
        table_context_free(ctx);
        table_files_remove();
        if (status == AIP_OK) break;
    }
    ck_assert_int_gt(n_refused, 100);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------------------------------------------------------- */

static void replace(const char *name, const char *text) {
    discard(name);
    append_text(name, text);
}

START_TEST(files_that_did_more_than_grow_are_errors_that_say_so) {
    aip_context *ctx = context_of(0);
    job j = job_of("c.csv", "");
    append_text("c.csv", "n,t\n1,a\n2,b\n");
    OK(run_job(ctx, &j, NULL, &err));
    replace("c.csv", "n,t\n1,a\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_CHANGED, "c.csv: it shrank since it was read to byte 12");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_CHANGED,
          "cp.json' and the outputs written with it to read all files from their starts");
    replace("c.csv", "n,t\n1,X\n2,b\n3,c\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_CHANGED, "c.csv: its bytes were changed since it was read to byte 12");
    char *path = table_path("c.csv");
    gzFile z = gzopen(path, "wb");
    ck_assert_int_eq(gzputs(z, "n,t\n1,a\n2,b\n"), 12);
    ck_assert_int_eq(gzclose(z), Z_OK);
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_CHANGED, "c.csv: it was replaced by another kind of file");
    replace("c.csv", "n,t\n1,a\n2,b\n3,c\n"); /* another file with the same bytes, and more, is the same */
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a'\n2|'b'\n3|'c'\n");
    free(found);
    append_text("c.csv", "4,d\n");
    snprintf(j.extra, sizeof j.extra, ", \"types\": {\"n\": \"float64\"}");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_SCHEMA, "column 1 is n: float64 now, but n: int64 in checkpoint");
    snprintf(j.extra, sizeof j.extra, ", \"columns\": [\"t\"]");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_SCHEMA, "column 1 is t: utf8 now, but n: int64 in checkpoint");
    table_context_free(ctx);
    ctx = context_of(0);
    gzFile y = gzopen(path, "wb");
    discard("cp.json"), discard("out-00000001.csv"), discard("out-00000002.csv");
    ck_assert_int_eq(gzputs(y, "n,t\n1,a\n"), 8);
    ck_assert_int_eq(gzclose(y), Z_OK);
    j.extra[0] = 0;
    OK(run_job(ctx, &j, NULL, &err));
    y = gzopen(path, "ab");
    ck_assert_int_eq(gzputs(y, "2,b\n"), 4);
    ck_assert_int_eq(gzclose(y), Z_OK);
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_CHANGED, "c.csv: it grew since it was read: a compressed file is read once, whole");
    free(path);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(new_files_must_have_the_columns_and_their_cells_follow_the_policy) {
    aip_context *ctx = context_of(0);
    job j = job_of("s-*.csv", "");
    append_text("s-1.csv", "n,t\n1,a\n");
    OK(run_job(ctx, &j, NULL, &err));
    append_text("s-2.csv", "n,u\n2,b\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_SCHEMA, "s-2.csv: this file has no column 't', unlike ");
    replace("s-2.csv", "t,n\nb,2.5\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "s-2.csv:2:3: column 'n': expected int64, found '2.5'");
    snprintf(j.extra, sizeof j.extra, ", \"on_bad_row\": \"promote\""); /* the earlier outputs are as they are */
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "s-2.csv:2:3: column 'n': expected int64, found '2.5'");
    snprintf(j.extra, sizeof j.extra, ", \"on_bad_row\": \"null\"");
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-00000002.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n~|'b'\n");
    free(found);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(a_file_is_one_file_by_whatever_name_and_its_name_is_utf8) {
    aip_context *ctx = context_of(0);
    job twice = job_of("two-*.csv", ""), latin = job_of("l-*.csv", "");
    append_text("two-1.csv", "n,t\n1,a\n");
    char *path = table_path("two-2.csv");
    ck_assert_int_eq(symlink("two-1.csv", path), 0);
    FAILS(run_job(ctx, &twice, NULL, &err), AIP_E_PARAM, "two-1.csv' stands in path twice");
    append_text("l-\xe4.csv", "n,t\n1,a\n"); /* JSON cannot hold it: it would be another file when the checkpoint is loaded */
    FAILS(run_job(ctx, &latin, NULL, &err), AIP_E_UNSUPPORTED, "a checkpoint needs paths in UTF-8");
    ck_assert(!there("cp.json") && !there("out-00000001.csv"));
    free(path);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(rows_and_rejects_do_not_go_to_one_file) {
    aip_context *ctx = context_of(0);
    char *to = table_path("out.csv"), *in = table_path("one.csv"), extra[250];
    snprintf(extra, sizeof extra, ", \"on_bad_row\": \"reject\", \"rejects\": \"%s\"", to);
    job j = job_of("one.csv", extra);
    aip_dataset *d = NULL;
    append_text("one.csv", "n,t\n1,a\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_PARAM, "path: expected another file than that of the rejects, found");
    OK(table_read(ctx, in, extra + 2, &d, &err));
    FAILS(write_job(d, to, NULL, &err), AIP_E_PARAM, "path: expected another file than that of the rejects, found");
    ck_assert(!there("out.csv") && !there("out-00000001.csv"));
    aip_dataset_free(d);
    free(to), free(in);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(what_is_a_record_is_the_same_with_a_checkpoint_and_too_long_ones_are_placed_in_the_file) {
    aip_context *ctx = context_of(0);
    job j = job_of("q.csv", ", \"quote_errors\": \"repair\", \"max_record_bytes\": 64, \"types\": {\"n\": \"int64\"}");
    char expected[600], *at = expected + sprintf(expected, "n:int64 t:utf8\n1|'\"open'\n");
    append_text("q.csv", "n,t\n1,\"open\n"); /* the quote was none: 64 bytes on nothing has closed it */
    for (int i = 2; i < 30; i++) {
        char row[20];
        sprintf(row, "%d,b\n", i);
        append_text("q.csv", row);
        at += sprintf(at, "%d|'b'\n", i);
    }
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, expected);
    free(found);
    snprintf(j.extra, sizeof j.extra, ", \"max_record_bytes\": 64");
    const size_t n = (size_t)3 << 20;
    char *open = malloc(n);
    ck_assert_ptr_nonnull(open);
    memset(open, 'x', n);
    discard("q.csv"), discard("cp.json"), discard("out-00000001.csv");
    append_text("q.csv", "n,t\n1,a\n");
    OK(run_job(ctx, &j, NULL, &err));
    append_text("q.csv", "2,\"");
    append("q.csv", open, n);
    aip_error *err = NULL;
    ck_assert_int_eq(run_job(ctx, &j, NULL, &err), AIP_E_DATA);
    ck_assert_int_eq(aip_error_offset(err), 8);
    aip_error_free(err);
    free(open);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

/* As without a checkpoint, where max_record_bytes is the measure of records alone. */
START_TEST(comments_and_skipped_lines_may_be_longer_than_any_record) {
    const size_t n = (size_t)3 << 20;
    char *hashes = malloc(n);
    ck_assert_ptr_nonnull(hashes);
    memset(hashes, '#', n);
    for (int skip = 0; skip < 2; skip++) {
        aip_context *ctx = context_of(0);
        job j = job_of("long.csv", skip ? ", \"max_record_bytes\": 64, \"skip_rows\": 1, \"comment\": \"#\""
                                        : ", \"max_record_bytes\": 64, \"comment\": \"#\"");
        append("long.csv", hashes, n);
        append_text("long.csv", "\nn,t\n1,a\n");
        OK(run_job(ctx, &j, NULL, &err));
        append("long.csv", hashes, n); /* of this comment the end is not there yet: what stands before it is all that is new */
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        OK(run_job(ctx, &j, &counts, &err));
        ck_assert_int_eq(counts.rows_in, 0);
        append_text("long.csv", ",\"\n2,b\n");
        OK(run_job(ctx, &j, NULL, &err));
        char *found = outputs(ctx, "out-*.csv");
        ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a'\n2|'b'\n");
        free(found);
        table_context_free(ctx);
        table_files_remove();
    }
    free(hashes);
}
END_TEST

START_TEST(lines_that_end_in_cr_alone_are_refused_whether_named_or_found) {
    aip_context *ctx = context_of(0);
    job j = job_of("mac.csv", "");
    append_text("mac.csv", "n,t\r"); /* the LF may come */
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "mac.csv: file is empty");
    append_text("mac.csv", "1,a\r2,b\r");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_UNSUPPORTED, "mac.csv: a checkpoint needs lines that end in LF: found CR alone");
    snprintf(j.extra, sizeof j.extra, ", \"line_end\": \"cr\"");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_UNSUPPORTED, "mac.csv: a checkpoint needs UTF-8 text whose lines end in LF");
    replace("mac.csv", "n,t\r\n1,a\r\n");
    j.extra[0] = 0;
    OK(run_job(ctx, &j, NULL, &err));
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

static void reports(aip_context *ctx, const aip_dataset *d, const char *expected, bool there) {
    char *json = NULL;
    OK(aip_dataset_report(d, &json, &err));
    ck_assert_msg((strstr(json, expected) != NULL) == there, "%s: %s", json, expected);
    aip_text_free(ctx, json);
}

START_TEST(a_dataset_tells_its_source_its_checkpoint_and_the_output_that_was_written) {
    aip_context *ctx = context_of(2);
    job j = job_of("told.csv", "");
    aip_dataset *d = NULL, *kept = NULL;
    append_text("told.csv", "n,t\n1,a\n");
    OK(open_job(ctx, &j, &d, &err));
    reports(ctx, d, "{\"kind\":\"files\",\"checkpoint\":{\"path\":\"", true);
    reports(ctx, d, "cp.json\",\"output\":1,\"new\":true}}", true);
    OK(write_job(d, j.output, NULL, &err));
    reports(ctx, d, "out-00000001.csv\"}}", true);
    OK(aip_dataset_collect(d, NULL, &kept, &err));
    reports(ctx, kept, "{\"kind\":\"memory\"}", true);
    aip_dataset_free(d);
    OK(open_job(ctx, &j, &d, &err));
    OK(write_job(d, j.output, NULL, &err));
    reports(ctx, d, "\"output\":2,\"new\":false}}", true);
    reports(ctx, d, "written", false);
    char *json = NULL;
    FAILS(aip_dataset_report(NULL, &json, &err), AIP_E_MISUSE, "aip_dataset_report");
    FAILS(aip_dataset_report(d, NULL, &err), AIP_E_MISUSE, "aip_dataset_report");
    aip_dataset_free(d);
    aip_dataset_free(kept);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(the_dialect_of_a_file_that_grows_is_not_guessed) {
    aip_context *ctx = context_of(0);
    job j = job_of("semi.csv", ", \"delimiter\": \";\"");
    append_text("semi.csv", "n;t\n1;\"a\nb\"\n2;\"c\n"); /* what stands in the open quotes is no record */
    OK(run_job(ctx, &j, NULL, &err));
    append_text("semi.csv", "d\"\n");
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a\nb'\n2|'c\nd'\n");
    free(found);
    append_text("semi.csv", "3;e\n");
    j.extra[0] = 0; /* commas, as nothing else is said: the header is another one */
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_SCHEMA, "semi.csv: this file has no column 'n', unlike ");
    snprintf(j.extra, sizeof j.extra, ", \"detect\": \"all\"");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_PARAM, "a checkpoint needs a dialect that is given");
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(that_no_delimiter_is_guessed_is_said_where_another_would_split) {
    aip_context *ctx = context_of(0);
    job j = job_of("semi.csv", "");
    append_text("semi.csv", "n;t\n1;2\n");
    OK(run_job(ctx, &j, NULL, &err));
    ck_assert_msg(strstr(table_log(),
                         "semi.csv: one column is read, whose name \";\" would split into 2, but with a checkpoint no "
                         "delimiter is found out: give delimiter")
                      != NULL,
                  "%s", table_log());
    table_context_free(ctx);
    discard("cp.json"), discard("out-00000001.csv");
    ctx = context_of(0); /* said of what was not asked for, and not of what was */
    snprintf(j.extra, sizeof j.extra, ", \"detect\": \"none\"");
    OK(run_job(ctx, &j, NULL, &err));
    ck_assert_str_eq(table_log(), "");
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(a_checkpoint_is_for_one_output_and_those_of_earlier_versions_for_the_first_that_is_named) {
    aip_context *ctx = context_of(0);
    job j = job_of("one.csv", ""), other = j;
    strcpy(strstr(other.output, "out.csv"), "two.csv");
    append_text("one.csv", "n,t\n1,a\n");
    OK(run_job(ctx, &j, NULL, &err));
    append_text("one.csv", "2,b\n");
    FAILS(run_job(ctx, &other, NULL, &err), AIP_E_STATE, "out.csv': expected that output, found '");
    ck_assert(!there("two-00000002.csv"));
    OK(run_job(ctx, &j, NULL, &err));
    char *found = outputs(ctx, "out-*.csv");
    ck_assert_str_eq(found, "n:int64 t:utf8\n1|'a'\n2|'b'\n");
    free(found);

    char text[4096], *line = NULL, *next = NULL, *path = table_path("cp.json");
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    line = strstr(text, " \"output\": \""); /* a line of its own, which earlier versions do not write */
    ck_assert_ptr_nonnull(line);
    next = strchr(line, '\n') + 1;
    memmove(line, next, strlen(next) + 1);
    replace("cp.json", text);
    append_text("one.csv", "3,c\n");
    OK(run_job(ctx, &other, NULL, &err));
    ck_assert(there("two-00000003.csv"));
    append_text("one.csv", "4,d\n");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_STATE, "two.csv': expected that output, found '");
    replace("cp.json", "{\"checkpoint\": 1, \"sequence\": 0, \"output\": 7, \"columns\": [], \"files\": [], \"pending\": null}");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "its output is not the name of a file");

    /* an output to which nothing was written is none */
    aip_dataset *d = NULL;
    discard("cp.json");
    append_text("three-00000001.csv", "");
    job stale = j;
    strcpy(strstr(stale.output, "out.csv"), "three.csv");
    strcpy(strstr(other.output, "two.csv"), "four.csv");
    OK(open_job(ctx, &j, &d, &err));
    FAILS(write_job(d, stale.output, NULL, &err), AIP_E_STATE, "does not know it");
    OK(write_job(d, other.output, NULL, &err));
    aip_dataset_free(d);
    ck_assert(there("four-00000001.csv"));
    discard("four-00000001.csv");
    replace("cp.json",
            "{\"checkpoint\": 1, \"sequence\": 0, \"output\": \"/x/five.csv\", \"files\": [], \"pending\": null, \"columns\": ["
            "{\"from\": \"n\", \"name\": \"n\", \"type\": \"int64\"}, "
            "{\"from\": \"t\", \"name\": \"t\", \"type\": \"utf8\"}]}");
    OK(run_job(ctx, &other, NULL, &err));
    ck_assert(there("four-00000001.csv"));
    free(path);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

START_TEST(what_is_no_checkpoint_and_what_has_no_place_to_go_on_from_is_refused) {
    aip_context *ctx = context_of(0);
    job j = job_of("b.csv", "");
    static const struct {
        const char *text, *expected;
        int32_t status;
    } bad[] = {
        {"", "cp.json", AIP_E_SYNTAX},
        {"{\"checkpoint\": 1, \"seq", "cp.json", AIP_E_SYNTAX},
        {"{}", "cp.json: not a checkpoint: expected {\"checkpoint\": 1", AIP_E_DATA},
        {"[1]", "cp.json: not a checkpoint: expected {\"checkpoint\": 1", AIP_E_DATA},
        {"{\"checkpoint\": 2, \"sequence\": 1}", "cp.json: the checkpoint is of format 2: this version reads 1", AIP_E_DATA},
        {"{\"checkpoint\": 1, \"sequence\": -1}", "not a checkpoint", AIP_E_DATA},
        {"{\"checkpoint\": 1, \"sequence\": 1, \"columns\": [{}], \"files\": []}", "a column in it is not described", AIP_E_DATA},
        {"{\"checkpoint\": 1, \"sequence\": 1, \"columns\": [], \"files\": [{\"path\": \"x\"}]}", "a file in it is not described",
         AIP_E_DATA},
        {"{\"checkpoint\": 1, \"sequence\": 1, \"columns\": [], \"files\": [], \"pending\": {}}",
         "the pending output has no place", AIP_E_DATA},
    };
    append_text("b.csv", "n,t\n1,a\n");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        replace("cp.json", bad[i].text);
        FAILS(run_job(ctx, &j, NULL, &err), bad[i].status, bad[i].expected);
    }
    discard("cp.json");
    char *fifo = table_path("b-fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    job pipe = job_of("b-fifo", ", \"format\": \"csv\"");
    FAILS(run_job(ctx, &pipe, NULL, &err), AIP_E_PARAM, "b-fifo: checkpoint: expected files, found something that is none");
    job missing = job_of("b-missing.csv", ""), none = job_of("b-none-*.csv", "");
    FAILS(run_job(ctx, &missing, NULL, &err), AIP_E_NOT_FOUND, "b-missing.csv");
    FAILS(run_job(ctx, &none, NULL, &err), AIP_E_NOT_FOUND, "b-none-*.csv'");
    replace("b.csv", "n,");
    FAILS(run_job(ctx, &j, NULL, &err), AIP_E_DATA, "b.csv: file is empty"); /* of a record: the header has no end yet */
    free(fifo);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

Suite *checkpoint_suite(void) {
    const TTest *const tests[] = {a_folder_gives_files_that_are_new_and_what_others_grew_by_and_compressed_files_whole,
                                  a_dataset_is_what_was_there_when_it_was_made_and_has_one_output,
                                  stages_rejects_and_places_go_on_too,
                                  a_process_that_ends_at_any_operation_loses_and_doubles_no_row,
                                  each_refused_allocation_is_an_error_and_the_next_run_goes_on,
                                  files_that_did_more_than_grow_are_errors_that_say_so,
                                  new_files_must_have_the_columns_and_their_cells_follow_the_policy,
                                  a_file_is_one_file_by_whatever_name_and_its_name_is_utf8,
                                  rows_and_rejects_do_not_go_to_one_file,
                                  what_is_a_record_is_the_same_with_a_checkpoint_and_too_long_ones_are_placed_in_the_file,
                                  comments_and_skipped_lines_may_be_longer_than_any_record,
                                  lines_that_end_in_cr_alone_are_refused_whether_named_or_found,
                                  a_dataset_tells_its_source_its_checkpoint_and_the_output_that_was_written,
                                  the_dialect_of_a_file_that_grows_is_not_guessed,
                                  that_no_delimiter_is_guessed_is_said_where_another_would_split,
                                  a_checkpoint_is_for_one_output_and_those_of_earlier_versions_for_the_first_that_is_named,
                                  what_is_no_checkpoint_and_what_has_no_place_to_go_on_from_is_refused,
                                  NULL};
    Suite *suite = unit_suite("checkpoint", tests);
    TCase *grow = tcase_create("grow");
    tcase_add_loop_test(grow, a_file_that_grows_by_any_bytes_is_read_row_by_row_once_and_an_open_record_is_left, 0, 4);
    suite_add_tcase(suite, grow);
    return suite;
}
