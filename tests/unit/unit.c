#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

Suite *unit_suite(const char *name, const TTest *const *tests) {
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    /* What a forked child cannot know to be whole is left to the end of the process, and memcheck would call it lost: there no test forks. */
    bool may_fork = getenv("AIPIPE_TEST_NO_FORK") == NULL;
    for (; *tests; tests++)
        if (may_fork || !strstr((*tests)->name, "fork")) tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);
    return suite;
}

int32_t unit_workers(int32_t n_workers) {
    const char *given = getenv("AIPIPE_TEST_WORKERS");
    if (!given) return n_workers;
    char *end = NULL;
    long n = strtol(given, &end, 10);
    ck_assert_msg(*given && !*end && n >= 0 && n <= 64, "AIPIPE_TEST_WORKERS is '%s': expected 0 to 64", given);
    return (int32_t)n;
}

int32_t unit_threads(int32_t threads) {
    int32_t n_workers = unit_workers(-1);
    if (n_workers < 0) return threads;
    return n_workers == 0 ? AIP_THREADS_NONE : n_workers + 1;
}

int main(void) {
    SRunner *runner = srunner_create(NULL);
    unit_suites(runner);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
