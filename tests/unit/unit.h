/* What every unit-test binary shares: main() lives in unit.c and runs the suites that the room's files register. Also the number of
 * workers that the whole binary is held to, and the two macros that hold a call's status and its error. */
#ifndef AIPIPE_TESTS_UNIT_H
#define AIPIPE_TESTS_UNIT_H

#include <aipipe/base.h>
#include <check.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* Defined once by each room's test folder: adds the room's suites to the runner. */
void unit_suites(SRunner *runner);

/* Makes a suite of one test case from a NULL-terminated list of tests. */
Suite *unit_suite(const char *name, const TTest *const *tests);

/* How many worker threads a test's context gets: what the environment's AIPIPE_TEST_WORKERS says, so that a whole binary can be run with
 * 0, 1, 2 and 8; without it `n_workers`, what the test asks for. Contexts whose number of workers is the point of a test, or whose
 * allocator refuses by count, do not ask. */
int32_t unit_workers(int32_t n_workers);
/* The same for the `threads` of aip_context_options, where the waiting thread is one of them. */
int32_t unit_threads(int32_t threads);

/* AddressSanitizer's allocator, unlike the C library's, may be left locked in a child by a thread that the child does not have: there no
 * thread works while a test forks, and unit_fork makes sure. */
#if defined(__SANITIZE_ADDRESS__)
#define WORK_WHILE_FORKING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WORK_WHILE_FORKING 0
#endif
#endif
#ifndef WORK_WHILE_FORKING
#define WORK_WHILE_FORKING 1
#endif

/* fork(). Under AddressSanitizer first waits until the other threads of the process sleep: a worker may still free the job of a call that has
 * returned. -1 with EAGAIN when they do not within ten seconds. */
pid_t unit_fork(void);

/* Holds that a call, which names `&err`, succeeded; shows its error when not. */
#define OK(call)                                                                                 \
    do {                                                                                         \
        aip_error *err = NULL;                                                                   \
        int32_t status_ = (call);                                                                \
        ck_assert_msg(status_ == AIP_OK, "%s: %d %s", #call, (int)status_, aip_error_text(err)); \
    } while (0)
/* Holds that a call, which names `&err`, failed with this status, and that the text of its error, place and message, contains `part`. */
#define FAILS(call, expected, part)                                                                              \
    do {                                                                                                         \
        aip_error *err = NULL;                                                                                   \
        int32_t status_ = (call);                                                                                \
        ck_assert_msg(status_ == (expected), "%s: %d %s", #call, (int)status_, aip_error_text(err));             \
        ck_assert_msg(strstr(aip_error_text(err), (part)) != NULL, "%s: error: %s", #call, aip_error_text(err)); \
        aip_error_free(err);                                                                                     \
    } while (0)

#endif
