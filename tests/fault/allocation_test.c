/* Each allocation of the main job refused in turn: only that one, and that one with all that follow. Every time the job ends with
 * AIP_E_NOMEM, or with exactly the result that it has when nothing is refused (some allocations are for speed alone); nothing is leaked; and
 * no file is half written. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <stdio.h>
#include <stdlib.h>

static main_job_folder folder;
static char *files; /* as the undisturbed job writes them */
static main_job_result reference;

static void begin(void) {
    main_job_folder_begin(&folder);
    main_job_folder_reset(&folder);
    fault_io_reset();
    main_job job = {.folder = &folder, .threads = AIP_THREADS_NONE, .io = &fault_io_table};
    OK(main_job_run(&job, &reference, &err));
    files = main_job_files(&folder);
    ck_assert_msg(!strstr(files, " old\n") && strstr(files, "out/model.aip")
                      && strstr(files, " missing\n") == strstr(files, "out/said") + 8,
                  "not everything was written: %s", files);
}

static void end(void) {
    main_job_result_free(&reference);
    free(files);
    main_job_folder_end(&folder);
}

typedef struct tally {
    int64_t n, errors, successes;
} tally;

/* One job with allocation k refused. Returns whether there was such an allocation. */
static bool attempt(int32_t threads, int64_t k, bool from_then_on, tally *sum) {
    fault_memory memory = {.fail_at = k, .from_then_on = from_then_on};
    aip_allocator allocator = fault_allocator(&memory);
    main_job job = {.folder = &folder, .allocator = &allocator, .threads = threads, .io = &fault_io_table};
    main_job_result result = {NULL};
    aip_error *err = NULL;
    const char *how = from_then_on ? "from then on" : "once", *wrong = NULL;
    main_job_folder_reset(&folder);
    fault_io_reset();
    int32_t status = main_job_run(&job, &result, &err);
    if (atomic_load(&memory.n_failed) == 0) ck_assert_msg(status == AIP_OK, "%d %s", (int)status, aip_error_text(err));
    if (status == AIP_OK) {
        char *now = main_job_files(&folder);
        ck_assert_msg(strcmp(result.text, reference.text) == 0, "allocation %lld refused %s: another result:\n%s", (long long)k,
                      how, result.text);
        ck_assert_msg(strcmp(now, files) == 0, "allocation %lld refused %s: other files:\n%s", (long long)k, how, now);
        ck_assert_ptr_null(err);
        free(now);
    } else {
        ck_assert_msg(status == AIP_E_NOMEM && aip_error_status(err) == AIP_E_NOMEM, "allocation %lld refused %s: %d %s",
                      (long long)k, how, (int)status, aip_error_text(err));
    }
    wrong = main_job_files_wrong(&folder, files, false);
    ck_assert_msg(!wrong, "allocation %lld refused %s: %s", (long long)k, how, wrong);
    ck_assert_msg(memory.blocks == 0 && memory.bytes == 0, "allocation %lld refused %s: %lld bytes in %lld blocks leaked (%s)",
                  (long long)k, how, (long long)memory.bytes, (long long)memory.blocks, aip_error_text(err));
    ck_assert_msg(fault_io.n_open == 0, "allocation %lld refused %s: %lld files left open", (long long)k, how,
                  (long long)fault_io.n_open);
    aip_error_free(err);
    main_job_result_free(&result);
    sum->n++;
    sum->errors += status != AIP_OK;
    sum->successes += status == AIP_OK;
    return atomic_load(&memory.n_failed) > 0;
}

static int64_t n_allocations(int32_t threads) {
    fault_memory memory = {.fail_at = -1};
    aip_allocator allocator = fault_allocator(&memory);
    main_job job = {.folder = &folder, .allocator = &allocator, .threads = threads, .io = &fault_io_table};
    main_job_result result = {NULL};
    main_job_folder_reset(&folder);
    OK(main_job_run(&job, &result, &err));
    main_job_result_free(&result);
    return memory.n_calls;
}

static void each(int32_t threads, int64_t step, const char *what) {
    tally once = {0}, on = {0};
    begin();
    int64_t n = n_allocations(threads);
    ck_assert_int_gt(n, 2000);
    for (int64_t k = 0; k < n; k += step) {
        bool reached = attempt(threads, k, false, &once);
        ck_assert(reached || threads != AIP_THREADS_NONE);
    }
    for (int64_t k = 0; k < n; k += step) attempt(threads, k, true, &on);
    printf(
        "allocations, %s: %lld allocations, %lld failed once (%lld errors, %lld the same result), %lld failed from then on (%lld errors, "
        "%lld the same result): %lld clean\n",
        what, (long long)n, (long long)once.n, (long long)once.errors, (long long)once.successes, (long long)on.n,
        (long long)on.errors, (long long)on.successes, (long long)(once.n + on.n));
    end();
}

START_TEST(each_refused_allocation_is_a_clean_error_or_changes_nothing) { each(AIP_THREADS_NONE, FAULT_STEP, "no workers"); }
END_TEST

START_TEST(refused_allocations_are_clean_with_workers_too) { each(4, 37 * FAULT_STEP, "three workers"); }
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {each_refused_allocation_is_a_clean_error_or_changes_nothing,
                                  refused_allocations_are_clean_with_workers_too, NULL};
    srunner_add_suite(runner, unit_suite("allocation faults", tests));
}
