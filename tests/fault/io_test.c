/* Each operation of the system that the main job asks for failed in turn, through the library's one table of them: an error once and from then
 * on, a full disk, an interruption, a transfer of one byte. Every time the job ends with AIP_E_IO (or what errno stands for) and the path, or with
 * exactly the result that it has when nothing fails; no file is half written, none is left open, and no temporary file stays. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static main_job_folder folder;
static char *files;
static main_job_result reference;

static void begin(bool command) {
    main_job_folder_begin(&folder);
    main_job_folder_reset(&folder);
    fault_io_reset();
    main_job job = {.folder = &folder, .threads = AIP_THREADS_NONE, .io = &fault_io_table, .command = command};
    OK(main_job_run(&job, &reference, &err));
    files = main_job_files(&folder);
}

static void end(void) {
    main_job_result_free(&reference);
    free(files);
    main_job_folder_end(&folder);
}

typedef struct fault {
    const char *name;
    fault_kind kind;
    int error;
    bool from_then_on;
    bool must_succeed; /* an interruption is got over, and so is a short transfer */
    bool (*on)(fault_op op);
} fault;

static bool on_all(fault_op op) {
    (void)op;
    return true;
}
static bool on_all_but_unlink(fault_op op) { return op != FAULT_unlink; } /* so that the temporary file can go, and must */
static bool on_writing(fault_op op) {
    return op == FAULT_open || op == FAULT_write || op == FAULT_fsync || op == FAULT_close || op == FAULT_rename
           || op == FAULT_mkdir || op == FAULT_fchmod;
}
static bool on_transfers(fault_op op) { return op == FAULT_read || op == FAULT_pread || op == FAULT_write; }
static bool on_opening(fault_op op) {
    return op == FAULT_open || op == FAULT_pipe || op == FAULT_spawn || op == FAULT_glob || op == FAULT_realpath;
}

static const fault faults[] = {
    {"EIO once", FAULT_ERROR, EIO, false, false, on_all},
    {"EIO from then on", FAULT_ERROR, EIO, true, false, on_all},
    {"EIO from then on, but for unlink", FAULT_ERROR, EIO, true, false, on_all_but_unlink},
    {"ENOSPC once", FAULT_ERROR, ENOSPC, false, false, on_writing},
    {"ENOSPC from then on", FAULT_ERROR, ENOSPC, true, false, on_writing},
    {"EACCES once", FAULT_ERROR, EACCES, false, false, on_opening},
    {"EMFILE once", FAULT_ERROR, EMFILE, false, false, on_opening},
    {"ENOMEM once", FAULT_ERROR, ENOMEM, false, false, on_opening},
    {"EINTR once", FAULT_ERROR, EINTR, false, true, fault_op_interruptible},
    {"one byte once", FAULT_SHORT, 0, false, true, on_transfers},
    {"one byte each time from then on", FAULT_SHORT, 0, true, true, on_transfers},
};

typedef struct tally {
    int64_t n, errors, successes;
    int64_t by_op[FAULT_N_OPS];
} tally;

/* AIP_E_IO; the other two are what ENOMEM and ENOENT are. A task's program that could not be heard has failed. */
static void check_error(const fault *f, int64_t k, int32_t status, const aip_error *err) {
    int32_t op = atomic_load(&fault_io.failed_op);
    int32_t expected = f->error == ENOMEM ? AIP_E_NOMEM : AIP_E_IO;
    ck_assert_msg(status == expected && aip_error_status(err) == status, "call %lld (%s), %s: %d %s", (long long)k,
                  fault_op_name((fault_op)op), f->name, (int)status, aip_error_text(err));
    if (status == AIP_E_NOMEM || op == FAULT_pipe || op == FAULT_spawn || op == FAULT_waitpid) return;
    bool named = strstr(aip_error_text(err), folder.path) || strstr(aip_error_text(err), "'sh'")
                 || strstr(aip_error_text(err), "cannot make the folder '/"); /* one above it, when nothing works */
    ck_assert_msg(named, "call %lld (%s), %s: no path in: %s", (long long)k, fault_op_name((fault_op)op), f->name,
                  aip_error_text(err));
}

static void attempt(const fault *f, int64_t k, bool command, tally *sum) {
    fault_memory memory = {.fail_at = -1};
    aip_allocator allocator = fault_allocator(&memory);
    main_job job = {
        .folder = &folder, .allocator = &allocator, .threads = AIP_THREADS_NONE, .io = &fault_io_table, .command = command};
    main_job_result result = {NULL};
    aip_error *err = NULL;
    main_job_folder_reset(&folder);
    fault_io_reset();
    fault_io.kind = f->kind;
    fault_io.error = f->error;
    fault_io.from_then_on = f->from_then_on;
    fault_io.only = f->on;
    fault_io.fail_at = k;
    int32_t status = main_job_run(&job, &result, &err);
    int32_t op = atomic_load(&fault_io.failed_op);
    const char *op_name = op < 0 ? "none" : fault_op_name((fault_op)op);
    if (status == AIP_OK) {
        char *now = main_job_files(&folder);
        ck_assert_ptr_null(err);
        ck_assert_msg(strcmp(result.text, reference.text) == 0, "call %lld (%s), %s: another result:\n%s", (long long)k, op_name,
                      f->name, result.text);
        ck_assert_msg(strcmp(now, files) == 0, "call %lld (%s), %s: other files:\n%s", (long long)k, op_name, f->name, now);
        free(now);
    } else {
        ck_assert_int_gt(fault_io.n_failed, 0);
        ck_assert_msg(!f->must_succeed, "call %lld (%s), %s: %d %s", (long long)k, op_name, f->name, (int)status,
                      aip_error_text(err));
        check_error(f, k, status, err);
    }
    const char *wrong = main_job_files_wrong(&folder, files, fault_io.unlink_failed);
    ck_assert_msg(!wrong, "call %lld (%s), %s: %s", (long long)k, op_name, f->name, wrong);
    ck_assert_msg(fault_io.n_open == 0, "call %lld (%s), %s: %lld files left open", (long long)k, op_name, f->name,
                  (long long)fault_io.n_open);
    ck_assert_msg(memory.blocks == 0, "call %lld (%s), %s: %lld blocks leaked", (long long)k, op_name, f->name,
                  (long long)memory.blocks);
    aip_error_free(err);
    main_job_result_free(&result);
    if (op < 0) return; /* not one that this fault is for */
    sum->n++;
    sum->by_op[op]++;
    sum->errors += status != AIP_OK;
    sum->successes += status == AIP_OK;
}

/* How many calls the job makes: as in the reference, which went before. */
static int64_t n_calls(bool command, int64_t *by_op) {
    main_job job = {.folder = &folder, .threads = AIP_THREADS_NONE, .io = &fault_io_table, .command = command};
    main_job_result result = {NULL};
    main_job_folder_reset(&folder);
    fault_io_reset();
    OK(main_job_run(&job, &result, &err));
    main_job_result_free(&result);
    for (int i = 0; i < FAULT_N_OPS; i++) by_op[i] = fault_io.n_by_op[i];
    return fault_io.n_calls;
}

static void each(bool command, int64_t step) {
    int64_t by_op[FAULT_N_OPS], clean = 0;
    begin(command);
    int64_t n = n_calls(command, by_op);
    printf("operations%s: %lld:", command ? ", with a program" : "", (long long)n);
    for (int i = 0; i < FAULT_N_OPS; i++)
        if (by_op[i]) printf(" %s %lld", fault_op_name((fault_op)i), (long long)by_op[i]);
    printf("\n");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        tally sum = {0};
        for (int64_t k = 0; k < n; k += step) attempt(&faults[i], k, command, &sum);
        printf("  %s: %lld failed, %lld errors, %lld the same result\n", faults[i].name, (long long)sum.n, (long long)sum.errors,
               (long long)sum.successes);
        ck_assert_int_gt(sum.n, 0);
        for (int op = 0; op < FAULT_N_OPS && step == 1 && !command; op++) /* 100 %: each call that the fault is for was met */
            if (faults[i].on((fault_op)op))
                ck_assert_int_ge(sum.by_op[op], by_op[op] - (op == FAULT_close && faults[i].kind == FAULT_SHORT));
        clean += sum.n;
    }
    printf("  %lld clean\n", (long long)clean);
    end();
}

START_TEST(each_failed_operation_is_a_clean_error_or_changes_nothing) { each(false, FAULT_STEP); }
END_TEST

START_TEST(programs_that_cannot_be_started_or_heard_are_clean_errors) { each(true, FAULT_STEP); }
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {each_failed_operation_is_a_clean_error_or_changes_nothing,
                                  programs_that_cannot_be_started_or_heard_are_clean_errors, NULL};
    srunner_add_suite(runner, unit_suite("file faults", tests));
}
