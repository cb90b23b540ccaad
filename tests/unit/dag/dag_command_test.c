/* The command operator against /bin/sh: success, failure, output, environment, cancelling, what is left behind. */
#include "dag_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void no_children_left(void) {
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

START_TEST(what_a_command_says_goes_to_the_log_line_by_line) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_run *run =
        test_run(ctx, "dag: d\ntasks:\n  a: {command: [sh, -c, 'echo one; echo two >&2; printf \"three\\r\\nfour\"']}\n", NULL);
    OK(aip_run_result(run, &err));
    ck_assert(test_logged("a: one\n") && test_logged("a: two\n") && test_logged("a: three\n") && test_logged("a: four\n"));
    aip_run_free(run);
    no_children_left();
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_command_that_fails_says_how_with_its_last_lines) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_run *run = test_run(
        ctx, "dag: d\ntasks:\n  a: {command: [sh, -c, 'for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 3']}\n", NULL);
    aip_error *error = NULL;
    ck_assert_int_eq(aip_run_result(run, &error), AIP_E_TASK);
    ck_assert_str_eq(aip_error_message(error),
                     "'sh' ended with exit status 3: expected 0; its last lines: line 3 | line 4 | line 5 | line 6 | line 7");
    ck_assert_str_eq(aip_error_task(error), "a");
    ck_assert_int_eq(aip_error_line(error), 3);
    aip_error_free(error);
    aip_run_free(run);
    run = test_run(ctx, "dag: d\ntasks:\n  a: {command: [sh, -c, 'kill -KILL $$']}\n", NULL);
    FAILS(aip_run_result(run, &err), AIP_E_TASK, "'sh' was ended by signal 9");
    aip_run_free(run);
    run = test_run(ctx, "dag: d\ntasks:\n  a: {command: 'no-such-program here'}\n", NULL);
    if (getenv(
            "AIPIPE_TEST_EMULATED")) /* qemu's user mode cannot tell a parent why a child's exec failed: the child ends with 127 */
        FAILS(aip_run_result(run, &err), AIP_E_TASK, "'no-such-program here' ended with exit status 127");
    else
        FAILS(aip_run_result(run, &err), AIP_E_NOT_FOUND, "cannot start 'no-such-program here'");
    aip_run_free(run);
    no_children_left();
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_command_runs_in_the_files_folder_with_its_variables_and_no_file_of_the_host) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    ck_assert_int_eq(setenv("AIPIPE_TEST_KEPT", "kept", 1), 0);
    ck_assert_int_eq(setenv("AIPIPE_TEST_GONE", "gone", 1), 0);
    int held = dup(1);
    ck_assert_int_ge(held, 3);
    aip_run *run = test_run(
        ctx,
        "dag: d\ntasks:\n"
        "  a: {command: {argv: [sh, -c, 'pwd; echo \"$AIPIPE_TEST_KEPT-$AIPIPE_TEST_GONE-$V\"; ls /proc/self/fd | wc -l'], "
        "env: {V: 'a value', AIPIPE_TEST_GONE: null}}}\n",
        NULL);
    OK(aip_run_result(run, &err));
    char expected[128];
    snprintf(expected, sizeof expected, "a: %s\n", test_folder());
    ck_assert(test_logged(expected));
    ck_assert(test_logged("a: kept--a value\n"));
    ck_assert(test_logged("a: 4\n")); /* 0, 1, 2, and the folder that ls reads */
    close(held);
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

typedef struct canceller {
    aip_run *run;
    const char *file;
} canceller;

static void *cancel_when_file_is_there(void *arg) {
    canceller *c = arg;
    for (int i = 0; i < 10000 && access(c->file, F_OK) != 0; i++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    aip_run_cancel(c->run);
    return NULL;
}

/* The process that the file names has ended (or is a zombie of somebody else's). */
static bool is_gone(const char *file) {
    char *text = test_read(file);
    ck_assert_ptr_nonnull(text);
    int pid = (int)strtol(text, NULL, 10);
    free(text);
    ck_assert_int_gt(pid, 1);
    for (int i = 0; i < 2000; i++) {
        char path[64], state = 'X';
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *f = fopen(path, "r");
        if (!f) return true;
        if (fscanf(f, "%*d %*s %c", &state) != 1) state = 'X';
        fclose(f);
        if (state == 'Z' || state == 'X') return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

/* The second command does not listen to SIGTERM, so the grace runs out. */
static const char *const stubborn[] = {"sleep 1000 & echo $! > child; echo > there; wait",
                                       "trap '' TERM; sleep 1000 & echo $! > child; echo > there; wait; wait; sleep 1000"};

START_TEST(cancelling_ends_the_whole_process_group_and_leaves_no_zombie) {
    aip_context *ctx = test_context(2);
    char text[512];
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    pthread_t thread;
    snprintf(text, sizeof text,
             "dag: d\ntasks:\n  a: {command: {argv: [sh, -c, \"%s\"], grace: 0.2}}\n  b: {needs: a, command: [\"true\"]}\n",
             stubborn[_i]);
    OK(aip_dag_parse(ctx, text, test_folder(), &dag, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    canceller c = {run, test_path("there")};
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_when_file_is_there, &c), 0);
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "the run was cancelled");
    pthread_join(thread, NULL);
    no_children_left();
    ck_assert(is_gone("child"));
    test_report_has(ctx, run,
                    (const char *const[]){"{\"task\":\"a\",\"operator\":\"command\",\"state\":\"cancelled\"",
                                          "{\"task\":\"b\",\"operator\":\"command\",\"state\":\"cancelled\"", NULL});
    aip_run_free(run);
    aip_dag_free(dag);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_task_over_its_execution_timeout_is_ended) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_run *run = test_run(ctx,
                            "dag: d\ndefault_args: {execution_timeout: 0.1s}\ntasks:\n  a: {command: [sleep, '1000']}\n"
                            "  b: {command: [\"true\"], execution_timeout: 1h}\n  c: {needs: a, command: [\"true\"]}\n",
                            NULL);
    FAILS(aip_run_result(run, &err), AIP_E_TIMEOUT, "timeout of 0.100 s");
    test_report_has(ctx, run,
                    (const char *const[]){"{\"task\":\"a\",\"operator\":\"command\",\"state\":\"timed_out\"",
                                          "{\"task\":\"b\",\"operator\":\"command\",\"state\":\"success\"",
                                          "{\"task\":\"c\",\"operator\":\"command\",\"state\":\"upstream_failed\"", NULL});
    aip_run_free(run);
    no_children_left();
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_command_ends_though_what_it_left_behind_holds_its_output) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_run *run = test_run(ctx, "dag: d\ntasks:\n  a: {command: [sh, -c, 'sleep 20 & echo $! > left; echo done']}\n", NULL);
    OK(aip_run_result(run, &err));
    ck_assert(test_logged("a: done\n"));
    char *text = test_read("left");
    kill((pid_t)strtol(text, NULL, 10), SIGKILL);
    free(text);
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_line_without_end_is_handed_over_in_parts) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_run *run = test_run(
        ctx, "dag: d\ntasks:\n  a: {command: [sh, -c, 'head -c 10000 /dev/zero | tr \"\\\\000\" x; echo; echo end']}\n", NULL);
    OK(aip_run_result(run, &err));
    char part[4200];
    memset(part, 'x', sizeof part);
    memcpy(part, "a: ", 3);
    memcpy(part + 3 + 4096, "\n", 2);
    ck_assert(test_logged(part));
    memcpy(part + 3 + 10000 - 2 * 4096, "\n", 2);
    ck_assert(test_logged(part));
    ck_assert(test_logged("a: end\n"));
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

Suite *dag_command_suite(void) {
    Suite *suite = suite_create("dag command");
    TCase *tc = tcase_create("dag command");
    tcase_add_loop_test(tc, what_a_command_says_goes_to_the_log_line_by_line, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_command_that_fails_says_how_with_its_last_lines);
    tcase_add_test(tc, a_command_runs_in_the_files_folder_with_its_variables_and_no_file_of_the_host);
    tcase_add_loop_test(tc, cancelling_ends_the_whole_process_group_and_leaves_no_zombie, 0, 2);
    tcase_add_loop_test(tc, a_task_over_its_execution_timeout_is_ended, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_command_ends_though_what_it_left_behind_holds_its_output);
    tcase_add_test(tc, a_line_without_end_is_handed_over_in_parts);
    suite_add_tcase(suite, tc);
    return suite;
}
