/* Files: what a commit leaves on disk, what a failure leaves (the old file), and every operation failed in turn through the table. */
#include "base/io.h"
#include "base_fixture.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static aip_context *ctx;
static char folder[64], path[128];

static void setup(void) {
    ctx = fixture_context(NULL);
    strcpy(folder, "/tmp/aipipe_io_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out.bin", folder);
}

static int n_entries(void) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static void teardown(void) {
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) {
        char name[400];
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' || strstr(e->d_name, ".tmp")) unlink(name);
    }
    closedir(d);
    ck_assert_int_eq(rmdir(folder), 0);
    aip__catalog_free(ctx, ctx->catalog);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}

static void put(const char *text) {
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

static void assert_holds(const char *text) {
    char *bytes = NULL;
    size_t n = 0;
    ck_assert_int_eq(aip__file_load(ctx, path, 1 << 20, &bytes, &n, NULL), AIP_OK);
    ck_assert_str_eq(bytes, text);
    ck_assert_uint_eq(n, strlen(text));
    aip__free(ctx, bytes);
}

START_TEST(nothing_changes_until_commit_and_then_all_of_it) {
    aip__file_out out;
    put("old");
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write(&out, "new text", 8, NULL), AIP_OK);
    ck_assert_int_eq(out.written, 8);
    assert_holds("old");
    ck_assert_int_eq(n_entries(), 2);
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_OK);
    assert_holds("new text");
    ck_assert_int_eq(n_entries(), 1);
    aip__file_abandon(&out); /* fine after commit */
    assert_holds("new text");
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_E_STATE);
    ck_assert_int_eq(aip__file_write(&out, "x", 1, NULL), AIP_E_STATE);
}
END_TEST

START_TEST(abandon_removes_the_temporary_file_and_keeps_the_old_one) {
    aip__file_out out;
    put("old");
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write(&out, "new", 3, NULL), AIP_OK);
    aip__file_abandon(&out);
    assert_holds("old");
    ck_assert_int_eq(n_entries(), 1);
    aip__file_out zeroed = {0};
    aip__file_abandon(&zeroed);
}
END_TEST

START_TEST(large_and_small_writes_come_out_in_order) {
    aip__file_out out;
    size_t n = 0, sizes[] = {10, 65530, 20, 200000, 65536, 1, 0}, total = 331097;
    char *bytes = malloc(total), *back = NULL;
    for (size_t i = 0; i < total; i++) bytes[i] = (char)(i * 31 % 251);
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    for (size_t i = 0, at = 0; i < 7; at += sizes[i++])
        ck_assert_int_eq(aip__file_write(&out, bytes + at, sizes[i], NULL), AIP_OK);
    ck_assert_int_eq(out.written, (int64_t)total);
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_load(ctx, path, total, &back, &n, NULL), AIP_OK);
    ck_assert_uint_eq(n, total);
    ck_assert_mem_eq(back, bytes, total);
    aip__free(ctx, back);
    free(bytes);
}
END_TEST

static mode_t mode_of(const char *p) {
    struct stat st;
    ck_assert_int_eq(stat(p, &st), 0);
    return st.st_mode & 0777;
}

static void replace(void) {
    aip__file_out out;
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write(&out, "new", 3, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_OK);
}

START_TEST(more_parts_than_one_call_takes_come_out_in_order_behind_what_was_buffered) {
    aip__file_out out;
    static char digits[3000];
    static struct iovec parts[3000];
    char *bytes = NULL;
    size_t n = 0;
    for (int i = 0; i < 3000; i++) {
        digits[i] = (char)('0' + i % 7);
        parts[i] = (struct iovec){&digits[i], 1};
    }
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write(&out, "x", 1, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write_parts(&out, parts, 3000, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_write(&out, "y", 1, NULL), AIP_OK);
    ck_assert_int_eq(out.written, 3002);
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_load(ctx, path, 1 << 20, &bytes, &n, NULL), AIP_OK);
    ck_assert_uint_eq(n, 3002);
    ck_assert(bytes[0] == 'x' && memcmp(bytes + 1, digits, 3000) == 0 && bytes[3001] == 'y');
    aip__free(ctx, bytes);
}
END_TEST

START_TEST(permission_bits_are_kept_else_follow_the_umask) {
    mode_t before = umask(027);
    replace();
    ck_assert_int_eq(mode_of(path), 0640);
    ck_assert_int_eq(chmod(path, 0606), 0);
    replace();
    ck_assert_int_eq(mode_of(path), 0606); /* though the umask would cut it */
    umask(before);
}
END_TEST

START_TEST(a_symbolic_link_stays_and_its_target_is_replaced) {
    char target[160];
    struct stat st;
    snprintf(target, sizeof target, "%s/target.bin", folder);
    FILE *f = fopen(target, "wb");
    fclose(f);
    ck_assert_int_eq(symlink(target, path), 0);
    replace();
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    assert_holds("new");
}
END_TEST

START_TEST(a_pipe_is_written_to_directly_and_never_replaced) {
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    aip__file in = {0};
    struct stat st;
    char text[8] = "";
    size_t got = 0;
    int keep = open(path, O_RDWR); /* so that neither end blocks */
    ck_assert_int_eq(aip__file_open(ctx, path, &in, NULL), AIP_OK);
    ck_assert_int_eq(in.size, -1);
    replace();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert(S_ISFIFO(st.st_mode));
    ck_assert_int_eq(aip__file_read(&in, text, 3, 0, &got, NULL), AIP_OK);
    ck_assert_str_eq(text, "new");
    aip__file_close(&in);
    close(keep);
}
END_TEST

START_TEST(a_very_long_name_still_gets_a_temporary_file) {
    char name[400];
    aip__file_out out;
    snprintf(name, sizeof name, "%s/%0250d", folder, 7);
    ck_assert_int_eq(aip__file_create(ctx, name, &out, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_OK);
    ck_assert_int_eq(access(name, R_OK), 0);
}
END_TEST

START_TEST(reading_gives_fewer_bytes_only_at_the_end) {
    aip__file f;
    char bytes[16] = "";
    size_t got = 0;
    put("0123456789");
    ck_assert_int_eq(aip__file_open(ctx, path, &f, NULL), AIP_OK);
    ck_assert_int_eq(f.size, 10);
    ck_assert_int_eq(aip__file_read(&f, bytes, 4, 3, &got, NULL), AIP_OK);
    ck_assert_uint_eq(got, 4);
    ck_assert_str_eq(bytes, "3456");
    ck_assert_int_eq(aip__file_read(&f, bytes, 16, 8, &got, NULL), AIP_OK);
    ck_assert_uint_eq(got, 2);
    ck_assert_int_eq(aip__file_read(&f, bytes, 16, 100, &got, NULL), AIP_OK);
    ck_assert_uint_eq(got, 0);
    aip__file_close(&f);
    aip__file_close(&f);
}
END_TEST

START_TEST(a_file_that_changed_is_noticed) {
    aip__file f;
    aip_error *err = NULL;
    put("0123456789");
    ck_assert_int_eq(aip__file_open(ctx, path, &f, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_check_unchanged(&f, NULL, &err), AIP_OK);
    struct stat first = f.opened;
    put("0123");
    ck_assert_int_eq(aip__file_check_unchanged(&f, NULL, &err), AIP_E_CHANGED);
    ck_assert_str_eq(aip_error_source(err), path);
    aip_error_free(err);
    aip__file_close(&f);
    replace(); /* another inode */
    ck_assert_int_eq(aip__file_open(ctx, path, &f, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_check_unchanged(&f, NULL, NULL), AIP_OK);
    ck_assert_int_eq(aip__file_check_unchanged(&f, &first, NULL), AIP_E_CHANGED);
    aip__file_close(&f);
}
END_TEST

START_TEST(open_errors_name_the_file_and_the_reason) {
    aip__file f;
    aip__file_out out;
    aip_error *err = NULL;
    char *bytes = NULL, inside[200];
    size_t n = 0;
    ck_assert_int_eq(aip__file_open(ctx, "/nonexistent/x", &f, &err), AIP_E_NOT_FOUND);
    ck_assert_str_eq(aip_error_message(err), "cannot open: No such file or directory");
    ck_assert_str_eq(aip_error_text(err), "/nonexistent/x: cannot open: No such file or directory");
    ck_assert_str_eq(aip_error_source(err), "/nonexistent/x");
    aip_error_free(err);
    err = NULL;
    ck_assert_int_eq(aip__file_open(ctx, folder, &f, NULL), AIP_E_IO);
    ck_assert_int_eq(aip__file_create(ctx, folder, &out, NULL), AIP_E_IO);
    ck_assert_int_eq(aip__file_create(ctx, "/nonexistent/x", &out, NULL), AIP_E_NOT_FOUND);
    put("0123456789");
    snprintf(inside, sizeof inside, "%s/x", path);
    ck_assert_int_eq(aip__file_create(ctx, inside, &out, NULL), AIP_E_IO); /* beneath a file */
    ck_assert_int_eq(aip__file_load(ctx, path, 9, &bytes, &n, &err), AIP_E_DATA);
    aip_error_free(err);
    ck_assert_int_eq(aip__file_load(ctx, path, 10, &bytes, &n, NULL), AIP_OK);
    ck_assert_uint_eq(n, 10);
    aip__free(ctx, bytes);
}
END_TEST

/* ---- a table that fails ---------------------------------------------------------------------------------------------------------- */

static int calls_left;    /* before a call fails; negative: none does */
static int failing_errno; /* EINTR fails one call only */
static int open_files;

static bool fails(void) {
    if (calls_left < 0 || calls_left-- > 0) return false;
    if (failing_errno != EINTR) calls_left = 0; /* and so do all later ones */
    errno = failing_errno;
    return true;
}

static int failing_open(const char *p, int flags, mode_t mode) {
    if (fails()) return -1;
    int fd = aip__io_posix.open(p, flags, mode);
    open_files += fd >= 0;
    return fd;
}
static ssize_t failing_pread(int fd, void *bytes, size_t n, off_t offset) {
    return fails() ? -1 : pread(fd, bytes, n > 3 ? 3 : n, offset); /* short */
}
static ssize_t failing_write(int fd, const void *bytes, size_t n) { return fails() ? -1 : write(fd, bytes, n > 3 ? 3 : n); }
static ssize_t failing_writev(int fd, const struct iovec *parts, int n) {
    return fails() ? -1 : n > 1 && parts[0].iov_len < 3 ? writev(fd, parts, 2) : write(fd, parts[0].iov_base, 1);
}
static int failing_fsync(int fd) { return fails() ? -1 : fsync(fd); }
static int failing_close(int fd) {
    open_files--;
    close(fd); /* as Linux does, also when it reports an error */
    return fails() ? -1 : 0;
}
static int failing_rename(const char *from, const char *to) { return fails() ? -1 : rename(from, to); }
static int failing_fstat(int fd, struct stat *st) { return fails() ? -1 : fstat(fd, st); }
static int failing_stat(const char *p, struct stat *st) { return fails() ? -1 : stat(p, st); }
static int failing_fchmod(int fd, mode_t mode) { return fails() ? -1 : fchmod(fd, mode); }

static void use_failing_table(void) {
    static aip__io table;
    table = aip__io_posix; /* unlink stays: clean-up is asserted */
    table.open = failing_open;
    table.pread = failing_pread;
    table.write = failing_write;
    table.writev = failing_writev;
    table.fsync = failing_fsync;
    table.close = failing_close;
    table.rename = failing_rename;
    table.fstat = failing_fstat;
    table.stat = failing_stat;
    table.fchmod = failing_fchmod;
    ctx->io = &table;
}

static int32_t write_new_text(aip_error **err) {
    aip__file_out out;
    int32_t status = aip__file_create(ctx, path, &out, err);
    if (status != AIP_OK) return status;
    struct iovec parts[] = {{(void *)(uintptr_t) " ", 1}, {(void *)(uintptr_t) "tex", 3}, {(void *)(uintptr_t) "t", 1}};
    status = aip__file_write(&out, "new", 3, err);
    if (status == AIP_OK) status = aip__file_write_parts(&out, parts, 3, err);
    if (status != AIP_OK) {
        aip__file_abandon(&out);
        return status;
    }
    return aip__file_commit(&out, err);
}

START_TEST(any_failed_operation_leaves_the_old_file_and_no_other) {
    bool replaced = false;
    int n = 0;
    put("old");
    ck_assert_int_eq(chmod(path, 0606), 0); /* so that fchmod is needed */
    mode_t before = umask(027);
    failing_errno = ENOSPC;
    for (;; n++) {
        aip_error *err = NULL;
        use_failing_table();
        open_files = 0;
        calls_left = n;
        int32_t status = write_new_text(&err);
        calls_left = -1;
        ck_assert_int_eq(open_files, 0);
        ck_assert_int_eq(n_entries(), 1);
        ctx->io = &aip__io_posix;
        if (status == AIP_OK) break;
        ck_assert_int_eq(status, AIP_E_IO);
        ck_assert_ptr_nonnull(strstr(aip_error_message(err), "No space left on device"));
        ck_assert_str_eq(aip_error_source(err), path);
        replaced = replaced || strstr(aip_error_message(err), "the file itself is written");
        assert_holds(replaced ? "new text" : "old");
        aip_error_free(err);
        ck_assert_int_lt(n, 100);
    }
    umask(before);
    ck_assert(replaced);
    ck_assert_int_ge(n, 11); /* stat, open, fstat, fchmod, 3 writes, fsync, close, rename, folder's open and fsync */
    assert_holds("new text");
}
END_TEST

START_TEST(an_interrupted_operation_is_tried_again) {
    put("old");
    failing_errno = EINTR;
    for (int n = 0; n < 16; n++) {
        use_failing_table();
        static const char *const skipped = "cannot";
        aip_error *err = NULL;
        calls_left = n;
        int32_t status = write_new_text(&err);
        if (status != AIP_OK)
            ck_assert_ptr_nonnull(strstr(aip_error_message(err), skipped)); /* stat and rename are never interrupted */
        aip_error_free(err);
    }
    calls_left = -1;
    ctx->io = &aip__io_posix;
    assert_holds("new text");
}
END_TEST

START_TEST(short_and_failed_reads_are_told_apart) {
    char *bytes = NULL;
    size_t n = 0;
    aip_error *err = NULL;
    put("0123456789");
    use_failing_table();
    failing_errno = EIO;
    calls_left = -1;
    assert_holds("0123456789"); /* three bytes a call */
    calls_left = 3;             /* open, fstat, pread */
    ck_assert_int_eq(aip__file_load(ctx, path, 100, &bytes, &n, &err), AIP_E_IO);
    ck_assert_ptr_nonnull(strstr(aip_error_message(err), "cannot read"));
    ck_assert_int_eq(aip_error_offset(err), 3);
    aip_error_free(err);
    failing_errno = EINTR;
    calls_left = 3;
    assert_holds("0123456789");
    ctx->io = &aip__io_posix;
}
END_TEST

START_TEST(commit_after_a_failed_write_refuses) {
    aip__file_out out;
    char *large = calloc(1, 100000);
    put("old");
    use_failing_table();
    calls_left = -1;
    ck_assert_int_eq(aip__file_create(ctx, path, &out, NULL), AIP_OK);
    failing_errno = ENOSPC;
    calls_left = 2;
    ck_assert_int_eq(aip__file_write(&out, large, 100000, NULL), AIP_E_IO);
    calls_left = -1; /* the disk has room again */
    ck_assert_int_eq(aip__file_commit(&out, NULL), AIP_E_STATE);
    assert_holds("old");
    ck_assert_int_eq(n_entries(), 1);
    ctx->io = &aip__io_posix;
    free(large);
}
END_TEST

START_TEST(paths_are_joined_unless_absolute) {
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {NULL, "b", "b"}, {"", "b", "b"}, {"a", "/b", "/b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *joined = aip__path_join(ctx, cases[i][0], cases[i][1]);
        ck_assert_str_eq(joined, cases[i][2]);
        aip__free(ctx, joined);
    }
}
END_TEST

static int32_t write_and_load(aip_context *c, aip_error **err) {
    aip__file_out out;
    char *bytes = NULL;
    size_t n = 0;
    AIP__TRY(aip__file_create(c, path, &out, err));
    int32_t status = aip__file_write(&out, "new text", 8, err);
    if (status == AIP_OK) status = aip__file_commit(&out, err);
    if (status == AIP_OK) status = aip__file_load(c, path, 100, &bytes, &n, err);
    aip__file_abandon(&out);
    aip__free(c, bytes);
    return status;
}

START_TEST(a_refused_allocation_leaks_nothing) {
    ck_assert_int_gt(fixture_fail_each_allocation(write_and_load), 4);
    ck_assert_int_eq(n_entries(), 1);
}
END_TEST

Suite *base_io_suite(void);
Suite *base_io_suite(void) {
    const TTest *const tests[] = {nothing_changes_until_commit_and_then_all_of_it,
                                  abandon_removes_the_temporary_file_and_keeps_the_old_one,
                                  large_and_small_writes_come_out_in_order,
                                  more_parts_than_one_call_takes_come_out_in_order_behind_what_was_buffered,
                                  more_parts_than_one_call_takes_come_out_in_order_behind_what_was_buffered,
                                  permission_bits_are_kept_else_follow_the_umask,
                                  a_symbolic_link_stays_and_its_target_is_replaced,
                                  a_pipe_is_written_to_directly_and_never_replaced,
                                  a_very_long_name_still_gets_a_temporary_file,
                                  reading_gives_fewer_bytes_only_at_the_end,
                                  a_file_that_changed_is_noticed,
                                  open_errors_name_the_file_and_the_reason,
                                  any_failed_operation_leaves_the_old_file_and_no_other,
                                  an_interrupted_operation_is_tried_again,
                                  short_and_failed_reads_are_told_apart,
                                  commit_after_a_failed_write_refuses,
                                  paths_are_joined_unless_absolute,
                                  a_refused_allocation_leaks_nothing,
                                  NULL};
    Suite *suite = suite_create("io");
    TCase *tc = tcase_create("io");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (const TTest *const *test = tests; *test; test++) tcase_add_test(tc, *test);
    suite_add_tcase(suite, tc);
    return suite;
}
