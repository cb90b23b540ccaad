/* The main job itself, undisturbed: the same result for any number of workers, and nothing left of it; also when no thread
 * can be started. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* The linker sends the library's pthread_create here (--wrap). */
static _Atomic(int32_t) refuse_thread = -1; /* from 0; -1: none */
static _Atomic(bool) and_all_later;
static _Atomic(int32_t) n_threads, n_refused;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *arg) {
    int32_t at = atomic_fetch_add(&n_threads, 1), refused = atomic_load(&refuse_thread);
    if (refused < 0 || at < refused || (at > refused && !atomic_load(&and_all_later)))
        return __real_pthread_create(thread, attributes, start, arg);
    atomic_fetch_add(&n_refused, 1);
    return EAGAIN;
}

START_TEST(the_main_job_gives_the_same_bytes_for_any_number_of_workers) {
    static const int32_t threads[] = {AIP_THREADS_NONE, 2, 3, 9};
    main_job_folder folder;
    main_job_result first = {NULL};
    char *files = NULL;
    main_job_folder_begin(&folder);
    for (int i = 0; i < 4; i++) {
        fault_memory memory = {.fail_at = -1};
        aip_allocator allocator = fault_allocator(&memory);
        main_job job = {.folder = &folder, .allocator = &allocator, .threads = threads[i]};
        main_job_result result = {NULL};
        main_job_folder_reset(&folder);
        OK(main_job_run(&job, &result, &err));
        char *now = main_job_files(&folder);
        ck_assert_int_eq(memory.blocks, 0);
        if (i == 0) {
            ck_assert_ptr_null(strstr(now, " old\n"));
            first = result;
            files = now;
            continue;
        }
        ck_assert_str_eq(result.text, first.text);
        ck_assert_str_eq(now, files);
        main_job_result_free(&result);
        free(now);
    }
    main_job_result_free(&first);
    free(files);
    main_job_folder_end(&folder);
}
END_TEST

START_TEST(threads_that_cannot_be_started_change_nothing) {
    main_job_folder folder;
    main_job_result expected = {NULL};
    main_job_folder_begin(&folder);
    main_job_folder_reset(&folder);
    main_job job = {.folder = &folder, .threads = 5};
    OK(main_job_run(&job, &expected, &err));
    ck_assert_int_gt(n_threads, 0);
    for (int32_t k = 0; k < 5; k++) {
        for (int later = 0; later < 2; later++) {
            main_job_result result = {NULL};
            main_job_folder_reset(&folder);
            atomic_store(&n_threads, 0);
            atomic_store(&n_refused, 0);
            atomic_store(&and_all_later, later == 1);
            atomic_store(&refuse_thread, k);
            OK(main_job_run(&job, &result, &err));
            atomic_store(&refuse_thread, -1);
            if (k == 0) ck_assert_int_gt(n_refused, 0);
            ck_assert_str_eq(result.text, expected.text);
            main_job_result_free(&result);
        }
    }
    main_job_result_free(&expected);
    main_job_folder_end(&folder);
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {the_main_job_gives_the_same_bytes_for_any_number_of_workers,
                                  threads_that_cannot_be_started_change_nothing, NULL};
    srunner_add_suite(runner, unit_suite("main job", tests));
}
