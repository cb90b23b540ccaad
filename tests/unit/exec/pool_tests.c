/* The default pool: when threads start, what they inherit, what its queues hold, and what is left of it in a forked child. */
#include "exec_fixture.h"
#include "exec_tests.h"
#include "unit.h"

#include "base/fork.h"
#include "base/memory.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }

static int n_workers_alive(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (!f) continue;
        if (fgets(name, sizeof name, f) && strcmp(name, "aip-worker\n") == 0) n++;
        fclose(f);
    }
    closedir(dir);
    return n;
}

/* A thread that was joined may be listed for a moment more. */
static void check_no_worker_is_left(void) {
    for (int i = 0; i < 10000 && n_workers_alive() > 0; i++) sleep_ms(1);
    ck_assert_int_eq(n_workers_alive(), 0);
}

static aip__group *new_group(aip_context *ctx) {
    aip__group *group = NULL;
    ck_assert_int_eq(aip__group_create(ctx, &group, NULL), AIP_OK);
    return group;
}

static int32_t count_job(void *arg, bool skip, aip_error **err) {
    (void)err;
    if (!skip) atomic_fetch_add((_Atomic(int32_t) *)arg, 1);
    return AIP_OK;
}

static int32_t count_step(void *arg, int64_t i, aip_error **err) {
    (void)i;
    return count_job(arg, false, err);
}

/* Until the count is reached, without helping. */
static void wait_for_count(const _Atomic(int32_t) *count, int32_t wanted) {
    for (int i = 0; i < 10000 && atomic_load(count) < wanted; i++) sleep_ms(1);
    ck_assert_int_ge(atomic_load(count), wanted);
}

START_TEST(threads_start_with_the_first_work_and_end_with_the_pool) {
    aip_context *ctx = exec_context(3);
    _Atomic(int32_t) ran = 0;
    ck_assert_int_eq(n_workers_alive(), 0);
    aip__group *group = new_group(ctx);
    for (int i = 0; i < 100; i++) ck_assert_int_eq(aip__group_submit(group, count_job, &ran, i, NULL), AIP_OK);
    wait_for_count(&ran, 100); /* nobody waits for the group: the workers do it all */
    ck_assert_int_ge(n_workers_alive(), 1);
    ck_assert_int_le(n_workers_alive(), 3);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
    check_no_worker_is_left();
}
END_TEST

START_TEST(workers_wake_again_after_sleeping) {
    aip_context *ctx = exec_context(2);
    _Atomic(int32_t) ran = 0;
    aip__group *group = new_group(ctx);
    for (int32_t round = 1; round <= 30; round++) {
        for (int i = 0; i < 3; i++) ck_assert_int_eq(aip__group_submit(group, count_job, &ran, i, NULL), AIP_OK);
        wait_for_count(&ran, 3 * round);
        sleep_ms(2); /* much longer than they spin */
    }
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_pool_without_workers_refuses_tickets) {
    aip_context *ctx = exec_context(0);
    ck_assert_int_eq(ctx->executor.submit(ctx->executor.user, NULL), AIP_E_AGAIN);
    aip__pool *pool = NULL;
    aip_executor_callbacks callbacks;
    ck_assert_int_eq(aip__pool_create(ctx, -1, &pool, &callbacks, NULL), AIP_E_MISUSE);
    ck_assert_ptr_null(pool);
    aip__pool_free(NULL);
    aip__pool_stop(NULL);
    exec_context_free(ctx);
}
END_TEST

static int32_t check_signals(void *arg, bool skip, aip_error **err) {
    (void)skip, (void)err;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1));
    ck_assert(!sigismember(&mask, SIGSEGV));
    atomic_fetch_add((_Atomic(int32_t) *)arg, 1);
    return AIP_OK;
}

START_TEST(workers_leave_signals_to_the_hosts_threads) {
    aip_context *ctx = exec_context(1);
    _Atomic(int32_t) ran = 0;
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    aip__group *group = new_group(ctx);
    ck_assert_int_eq(aip__group_submit(group, check_signals, &ran, 0, NULL), AIP_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    wait_for_count(&ran, 1);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

typedef struct busy_job {
    aip_context *ctx;
    _Atomic(int32_t) ran, ended;
} busy_job;

/* Many small groups on a worker: each leaves its tickets, whose jobs are done, in the worker's queue. */
static int32_t many_small_groups(void *arg, bool skip, aip_error **err) {
    busy_job *b = arg;
    for (int i = 0; i < 2000 && !skip; i++) {
        aip__group *group = new_group(b->ctx);
        for (int k = 0; k < 50; k++) ck_assert_int_eq(aip__group_submit(group, count_job, &b->ran, k, err), AIP_OK);
        ck_assert_int_eq(aip__group_wait(group, err), AIP_OK);
        aip__group_free(group);
    }
    atomic_fetch_add(&b->ended, 1);
    return AIP_OK;
}

START_TEST(tickets_of_finished_jobs_do_not_pile_up) {
    aip_context *ctx = exec_context(1);
    busy_job b = {.ctx = ctx};
    aip__group *group = new_group(ctx);
    ck_assert_int_eq(aip__group_submit(group, many_small_groups, &b, 0, NULL), AIP_OK);
    wait_for_count(&b.ended, 1);
    ck_assert_int_eq(b.ran, 100000);
    ck_assert_uint_lt(aip_context_memory_peak(ctx), 100000); /* all of them would be over 10 MB */
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

START_TEST(queues_grow_with_the_jobs_that_wait) {
    aip_context *ctx = exec_context(2);
    _Atomic(int32_t) ran = 0;
    aip__group *group = new_group(ctx);
    for (int i = 0; i < 20000; i++) ck_assert_int_eq(aip__group_submit(group, count_job, &ran, i, NULL), AIP_OK);
    wait_for_count(&ran, 20000);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

static int32_t hold_worker(void *arg, bool skip, aip_error **err) {
    (void)skip, (void)err;
    atomic_fetch_add((_Atomic(int32_t) *)arg, 1);
    sleep_ms(30);
    return AIP_OK;
}

START_TEST(closing_with_queued_jobs_leaves_them_to_who_waits) {
    aip_context *ctx = exec_context(1);
    _Atomic(int32_t) held = 0, ran = 0;
    aip__group *group = new_group(ctx);
    ck_assert_int_eq(aip__group_submit(group, hold_worker, &held, 0, NULL), AIP_OK);
    wait_for_count(&held, 1);
    for (int i = 1; i <= 200; i++) ck_assert_int_eq(aip__group_submit(group, count_job, &ran, i, NULL), AIP_OK);
    exec_context_close(ctx);
    check_no_worker_is_left();
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    ck_assert_int_eq(ran, 200);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

/* ---- out of memory --------------------------------------------------------------------------------------------------------- */

typedef struct failing_allocator {
    _Atomic(int64_t) until_failure; /* negative: never */
} failing_allocator;

static void *failing_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)old_size, (void)align;
    failing_allocator *f = user;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (atomic_load(&f->until_failure) >= 0 && atomic_fetch_sub(&f->until_failure, 1) == 0) return NULL;
    return realloc(ptr, new_size);
}

static int32_t nested_step(void *arg, int64_t i, aip_error **err) {
    busy_job *b = arg;
    (void)i;
    return aip__parallel_for(b->ctx, NULL, 3, count_step, &b->ran, err);
}

START_TEST(each_allocation_may_fail_and_nothing_is_lost) {
    failing_allocator f = {.until_failure = -1};
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        ctx->allocator.resize = failing_resize; /* over the same C library allocator */
        ctx->allocator.user = &f;
        bool all_succeeded = false;
        for (int64_t fail_at = 0; fail_at < 200 && !all_succeeded; fail_at++) {
            busy_job b = {.ctx = ctx};
            aip_error *err = NULL;
            atomic_store(&f.until_failure, fail_at);
            int32_t status = aip__parallel_for(ctx, NULL, 4, nested_step, &b, &err);
            all_succeeded = atomic_load(&f.until_failure) >= 0;
            atomic_store(&f.until_failure, -1);
            ck_assert(status == AIP_OK || status == AIP_E_NOMEM);
            ck_assert_int_eq(aip_error_status(err), status);
            if (status == AIP_OK) ck_assert_int_eq(b.ran, 12);
            aip_error_free(err);
        }
        ck_assert(all_succeeded);
        exec_context_free(ctx);
    }
}
END_TEST

/* ---- after a fork ---------------------------------------------------------------------------------------------------------- */

static void expect_child_success(pid_t child) {
    int status = 0;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* In a child: everything works, on this one thread. Returns an exit status that says what did not. */
static int work_in_child(aip_context *ctx, aip__group *from_before) {
    _Atomic(int32_t) ran = 0;
    busy_job b = {.ctx = ctx};
    if (aip__concurrency(ctx) != 1) return 1;
    if (aip__parallel_for(ctx, NULL, 100, nested_step, &b, NULL) != AIP_OK || b.ran != 300) return 2;
    aip__group *group = NULL;
    if (aip__group_create(ctx, &group, NULL) != AIP_OK) return 3;
    for (int i = 0; i < 100; i++)
        if (aip__group_submit(group, count_job, &ran, i, NULL) != AIP_OK) return 4;
    if (aip__group_wait(group, NULL) != AIP_OK || ran != 100) return 5;
    aip__group_free(group);
    if (from_before) {
        aip_error *err = NULL;
        if (aip__group_submit(from_before, count_job, &ran, 0, &err) != AIP_E_FORKED) return 6;
        aip_error_free(err);
        if (aip__group_wait(from_before, NULL) != AIP_E_FORKED) return 7;
        aip__group_notify(from_before);
        aip__group_stop(from_before);
        aip__group_free(from_before);
    }
    return 0;
}

typedef struct background {
    aip_context *ctx;
    _Atomic(bool) end;
} background;

static void *keep_working(void *arg) {
    background *bg = arg;
    busy_job b = {.ctx = bg->ctx};
    while (!atomic_load(&bg->end)) ck_assert_int_eq(aip__parallel_for(bg->ctx, NULL, 20, nested_step, &b, NULL), AIP_OK);
    return NULL;
}

START_TEST(a_forked_child_works_inline_whatever_the_parents_threads_were_doing) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        background bg = {.ctx = exec_context(worker_counts[w])};
        aip__group *group = new_group(bg.ctx);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, keep_working, &bg), 0);
        sleep_ms(5);
        atomic_store(&bg.end, !WORK_WHILE_FORKING);
        if (!WORK_WHILE_FORKING) pthread_join(thread, NULL);
        for (int i = 0; i < 30; i++) {
            pid_t child = unit_fork();
            if (child == 0) {
                alarm(20);
                int failed = work_in_child(bg.ctx, group);
                pid_t grandchild = failed ? -1 : unit_fork();
                if (grandchild == 0) {
                    alarm(20);
                    _exit(work_in_child(bg.ctx, NULL));
                }
                int status = 0;
                if (!failed && (waitpid(grandchild, &status, 0) != grandchild || status != 0)) failed = 20;
                aip_cancel_request(bg.ctx->closing);
                aip__exec_close(bg.ctx);
                aip__pool_stop(bg.ctx->pool);
                aip__context_release(bg.ctx);
                _exit(failed);
            }
            expect_child_success(child);
        }
        atomic_store(&bg.end, true);
        if (WORK_WHILE_FORKING) pthread_join(thread, NULL);
        ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK); /* the parent goes on as before */
        aip__group_free(group);
        exec_context_free(bg.ctx);
    }
}
END_TEST

typedef struct forking {
    aip_context *ctx;
    pid_t parent, child;
} forking;

static int32_t fork_job(void *arg, bool skip, aip_error **err) {
    (void)skip, (void)err;
    forking *f = arg;
    f->child = unit_fork();
    if (f->child == 0) alarm(20);
    return AIP_OK;
}

START_TEST(a_job_that_forks_leaves_the_child_with_an_error_not_a_hang) {
    aip_context *ctx = exec_context(0);
    _Atomic(int32_t) ran = 0;
    forking f = {.ctx = ctx, .parent = getpid()};
    aip__group *group = new_group(ctx);
    ck_assert_int_eq(aip__group_submit(group, fork_job, &f, 0, NULL), AIP_OK);
    ck_assert_int_eq(aip__group_submit(group, count_job, &ran, 1, NULL), AIP_OK);
    int32_t status = aip__group_wait(group, NULL);
    if (getpid() != f.parent) _exit(status == AIP_E_FORKED ? work_in_child(ctx, group) : 30);
    ck_assert_int_eq(status, AIP_OK);
    ck_assert_int_eq(ran, 1);
    expect_child_success(f.child);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_ticket_taken_along_through_a_fork_does_nothing) {
    aip_executor_callbacks callbacks;
    host *h = host_create(HOST_LATE, &callbacks);
    aip_context *ctx = exec_context_host(&callbacks);
    _Atomic(int32_t) ran = 0;
    aip__group *group = new_group(ctx);
    ck_assert_int_eq(aip__group_submit(group, count_job, &ran, 0, NULL), AIP_OK);
    pid_t child = unit_fork();
    if (child == 0) {
        alarm(20);
        host_run_late(h);
        _exit(ran == 0 ? 0 : 1);
    }
    expect_child_success(child);
    host_run_late(h);
    ck_assert_int_eq(ran, 1);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    host_free(h);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_fork_is_noticed_with_wiped_pages_and_without) {
    for (int wiped = 0; wiped < 2; wiped++) {
        aip__fork_mark mark;
        aip__fork_mark_init(&mark);
        if (!wiped) { /* as where the kernel does not wipe pages */
            aip__fork_mark_free(&mark);
            aip__fork_mark_taken(&mark);
        }
        ck_assert(aip__fork_mark_ours(&mark));
        ck_assert(!aip__fork_mark_take(&mark));
        pid_t child = unit_fork();
        if (child == 0) {
            if (aip__fork_mark_ours(&mark) || !aip__fork_mark_take(&mark)) _exit(1);
            aip__fork_mark_taken(&mark);
            _exit(aip__fork_mark_ours(&mark) && !aip__fork_mark_take(&mark) ? 0 : 2);
        }
        expect_child_success(child);
        ck_assert(aip__fork_mark_ours(&mark));
        aip__fork_mark_free(&mark);
    }
}
END_TEST

Suite *pool_suite(void) {
    const TTest *const tests[] = {threads_start_with_the_first_work_and_end_with_the_pool,
                                  workers_wake_again_after_sleeping,
                                  a_pool_without_workers_refuses_tickets,
                                  workers_leave_signals_to_the_hosts_threads,
                                  tickets_of_finished_jobs_do_not_pile_up,
                                  queues_grow_with_the_jobs_that_wait,
                                  closing_with_queued_jobs_leaves_them_to_who_waits,
                                  each_allocation_may_fail_and_nothing_is_lost,
                                  a_forked_child_works_inline_whatever_the_parents_threads_were_doing,
                                  a_job_that_forks_leaves_the_child_with_an_error_not_a_hang,
                                  a_ticket_taken_along_through_a_fork_does_nothing,
                                  a_fork_is_noticed_with_wiped_pages_and_without,
                                  NULL};
    return unit_suite("pool", tests);
}
