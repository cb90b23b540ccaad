/* The main job itself, undisturbed: the same result for any number of workers, and nothing left of it. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <stdlib.h>

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

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {the_main_job_gives_the_same_bytes_for_any_number_of_workers, NULL};
    srunner_add_suite(runner, unit_suite("main job", tests));
}
