#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

#if !WORK_WHILE_FORKING
/* Whether the other threads sleep, and a sum of how often each was switched away from, which a thread that woke and slept again changes. */
static bool others_sleep(int64_t *switches) {
    DIR *tasks = opendir("/proc/self/task");
    bool sleep = tasks != NULL;
    *switches = 0;
    for (struct dirent *entry = NULL; sleep && (entry = readdir(tasks));) {
        char path[300], line[200], state = 0;
        if (entry->d_name[0] == '.' || atol(entry->d_name) == (long)syscall(SYS_gettid)) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue; /* it has ended */
        while (fgets(line, sizeof line, file)) {
            long long n = 0;
            sscanf(line, "State: %c", &state);
            if (sscanf(line, "voluntary_ctxt_switches: %lld", &n) == 1
                || sscanf(line, "nonvoluntary_ctxt_switches: %lld", &n) == 1)
                *switches += n;
        }
        fclose(file);
        sleep = state == 'S';
    }
    if (tasks) closedir(tasks);
    return sleep;
}

/* A thread that sleeps at two looks and was not switched in between slept all the while; when that holds for each of them, there was a moment,
 * between the looks, at which all slept, and then nobody but the caller can wake one. */
pid_t unit_fork(void) {
    for (int i = 0; i < 10000; i++) {
        int64_t before = 0, after = 0;
        if (others_sleep(&before) && others_sleep(&after) && before == after) return fork();
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    errno = EAGAIN;
    return -1;
}
#else
pid_t unit_fork(void) { return fork(); }
#endif

int main(void) {
    SRunner *runner = srunner_create(NULL);
    unit_suites(runner);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
