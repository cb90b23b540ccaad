/* Groups: what runs, in which order errors win, who helps whom, and what a ticket may do. */
#include "exec_fixture.h"
#include "exec_tests.h"

#include "base/clock.h"
#include <pthread.h>
#include <string.h>
#include <time.h>

#define N_JOBS 500

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

typedef struct counted {
    _Atomic(int32_t) ran, skipped;
    int32_t status;
} counted;

static int32_t count_job(void *arg, bool skip, aip_error **err) {
    counted *c = arg;
    if (skip) {
        atomic_fetch_add(&c->skipped, 1);
        return AIP_OK;
    }
    atomic_fetch_add(&c->ran, 1);
    if (c->status != AIP_OK) return aip__error_set(err, c->status, "as told");
    return AIP_OK;
}

static aip__group *new_group(aip_context *ctx) {
    aip__group *group = NULL;
    ck_assert_int_eq(aip__group_create(ctx, &group, NULL), AIP_OK);
    return group;
}

static void submit(aip__group *group, aip__job_fn fn, void *arg, int64_t order) {
    ck_assert_int_eq(aip__group_submit(group, fn, arg, order, NULL), AIP_OK);
}

static void run_500_jobs(aip_context *ctx) {
    static counted jobs[N_JOBS];
    memset(jobs, 0, sizeof jobs);
    aip__group *group = new_group(ctx);
    for (int i = 0; i < N_JOBS; i++) submit(group, count_job, &jobs[i], i);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    for (int i = 0; i < N_JOBS; i++) {
        ck_assert_int_eq(jobs[i].ran, 1);
        ck_assert_int_eq(jobs[i].skipped, 0);
    }
    aip__group_free(group);
}

START_TEST(each_job_runs_exactly_once_with_any_number_of_workers) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        for (int repeat = 0; repeat < 20; repeat++) run_500_jobs(ctx);
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(each_job_runs_exactly_once_whatever_the_host_does_with_tickets) {
    for (int kind = 0; kind < HOST_KINDS; kind++) {
        aip_executor_callbacks callbacks;
        host *h = host_create(kind, &callbacks);
        aip_context *ctx = exec_context_host(&callbacks);
        for (int repeat = 0; repeat < 5; repeat++) run_500_jobs(ctx);
        ck_assert_int_eq(host_submits(h), 5 * N_JOBS);
        host_run_late(h);
        exec_context_close(ctx);
        host_free(h);
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(a_ticket_may_come_after_its_group_and_after_the_context) {
    aip_executor_callbacks callbacks;
    host *h = host_create(HOST_LATE, &callbacks);
    aip_context *ctx = exec_context_host(&callbacks);
    run_500_jobs(ctx);
    exec_context_close(ctx);
    aip__context_release(ctx); /* the tickets still hold it */
    host_run_late(h);
    host_free(h);
}
END_TEST

START_TEST(a_ticket_runs_the_job_on_the_thread_that_gives_it_back) {
    aip_executor_callbacks callbacks;
    host *h = host_create(HOST_LATE, &callbacks);
    aip_context *ctx = exec_context_host(&callbacks);
    counted c = {0};
    aip__group *group = new_group(ctx);
    submit(group, count_job, &c, 0);
    ck_assert_int_eq(c.ran, 0); /* nobody waits yet */
    host_run_late(h);
    ck_assert_int_eq(c.ran, 1);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    ck_assert_int_eq(c.ran, 1);
    aip__group_free(group);
    host_free(h);
    exec_context_free(ctx);
}
END_TEST

START_TEST(giving_back_no_ticket_does_nothing) {
    aip_job_run(NULL);
    aip_job_drop(NULL);
}
END_TEST

START_TEST(concurrency_is_the_executors_and_at_least_one) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        ck_assert_int_eq(aip__concurrency(ctx), worker_counts[w] + 1); /* the waiting thread counts */
        exec_context_free(ctx);
    }
    aip_executor_callbacks callbacks;
    host *h = host_create(HOST_REFUSES, &callbacks);
    aip_context *ctx = exec_context_host(&callbacks);
    ck_assert_int_eq(aip__concurrency(ctx), 4);
    ctx->executor.concurrency = NULL;
    ck_assert_int_eq(aip__concurrency(ctx), 1);
    exec_context_free(ctx);
    host_free(h);
}
END_TEST

/* ---- errors ---------------------------------------------------------------------------------------------------------------- */

typedef struct failing {
    int32_t status; /* to return after some work of a length that varies */
    int64_t work;
    _Atomic(int32_t) ran, skipped;
} failing;

static int32_t failing_job(void *arg, bool skip, aip_error **err) {
    failing *f = arg;
    if (skip) {
        atomic_fetch_add(&f->skipped, 1);
        return AIP_E_INTERNAL; /* ignored */
    }
    atomic_fetch_add(&f->ran, 1);
    for (volatile int64_t i = 0; i < f->work; i++) {}
    if (f->status != AIP_OK) return aip__error_set(err, f->status, "job %d", (int)f->status);
    return AIP_OK;
}

START_TEST(the_error_kept_is_that_of_the_lowest_order_whatever_the_timing) {
    enum { n = 40 };
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        for (int repeat = 0; repeat < 200; repeat++) {
            failing jobs[n] = {0};
            for (int i = 0; i < n; i++) jobs[i].work = i * 7919 * (repeat + 1) % 3000;
            jobs[11].status = 11, jobs[12].status = 12, jobs[25].status = 25, jobs[39].status = 39;
            aip__group *group = new_group(ctx);
            /* Submitted from the highest order down, so that the failing job of the lowest order comes late. */
            for (int i = n - 1; i >= 0; i--) submit(group, failing_job, &jobs[i], i);
            aip_error *err = NULL;
            ck_assert_int_eq(aip__group_wait(group, &err), 11);
            ck_assert_str_eq(aip_error_message(err), "job 11");
            aip_error_free(err);
            for (int i = 0; i < n; i++) {
                ck_assert_int_eq(jobs[i].ran + jobs[i].skipped, 1);
                if (i <= 11) ck_assert_int_eq(jobs[i].ran, 1);
            }
            err = NULL; /* and it stays */
            ck_assert_int_eq(aip__group_wait(group, &err), 11);
            ck_assert_str_eq(aip_error_message(err), "job 11");
            aip_error_free(err);
            aip__group_free(group);
        }
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(after_a_failure_jobs_of_a_higher_order_are_skipped) {
    aip_context *ctx = exec_context(0); /* the waiting thread runs them in the order of submission */
    failing jobs[4] = {{.status = AIP_OK}, {.status = 5}, {.status = AIP_OK}, {.status = 3}};
    aip__group *group = new_group(ctx);
    submit(group, failing_job, &jobs[1], 1);
    submit(group, failing_job, &jobs[0], 0);
    submit(group, failing_job, &jobs[2], 2);
    ck_assert_int_eq(aip__group_wait(group, NULL), 5);
    ck_assert_int_eq(jobs[0].ran, 1);
    ck_assert_int_eq(jobs[2].skipped, 1);
    submit(group, failing_job, &jobs[3], -1); /* comes later and is lower still */
    ck_assert_int_eq(aip__group_wait(group, NULL), 3);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

static int32_t silent_failure(void *arg, bool skip, aip_error **err) {
    (void)arg, (void)skip, (void)err;
    return 42;
}

START_TEST(a_status_without_a_message_comes_back_unchanged_with_one) {
    aip_context *ctx = exec_context(1);
    aip__group *group = new_group(ctx);
    submit(group, silent_failure, NULL, 0);
    aip_error *err = NULL;
    ck_assert_int_eq(aip__group_wait(group, &err), 42);
    ck_assert_int_eq(aip_error_status(err), 42);
    ck_assert_str_ne(aip_error_message(err), "");
    aip_error_free(err);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

START_TEST(jobs_of_a_stopped_group_are_skipped) {
    aip_context *ctx = exec_context(0);
    counted before = {0}, after = {0};
    aip__group *group = new_group(ctx);
    submit(group, count_job, &before, 0);
    aip__group_stop(group);
    submit(group, count_job, &after, 1);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    ck_assert_int_eq(before.skipped, 1);
    ck_assert_int_eq(after.skipped, 1);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

/* ---- helping --------------------------------------------------------------------------------------------------------------- */

typedef struct enough {
    counted *c;
    int32_t wanted;
} enough;

static bool ran_enough(void *arg) {
    enough *e = arg;
    return atomic_load(&e->c->ran) >= e->wanted;
}

START_TEST(helping_ends_as_soon_as_the_condition_holds) {
    aip_context *ctx = exec_context(0);
    counted c = {0};
    aip__group *group = new_group(ctx);
    for (int i = 0; i < 10; i++) submit(group, count_job, &c, i);
    ck_assert(!aip__group_help(group, ran_enough, &(enough){.c = &c, .wanted = 4}, 0));
    ck_assert_int_eq(c.ran, 4);
    ck_assert(aip__group_help(group, ran_enough, &(enough){.c = &c, .wanted = 1000}, 0));
    ck_assert_int_eq(c.ran, 10);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

static int32_t long_job(void *arg, bool skip, aip_error **err) {
    (void)err;
    if (skip) return AIP_OK;
    for (int i = 0; i < 5000 && !atomic_load((_Atomic(bool) *)arg); i++) sleep_ms(1);
    return AIP_OK;
}

/* A group whose one job is being run by a worker. */
static aip__group *group_with_job_on_a_worker(aip_context *ctx, _Atomic(bool) *end) {
    aip__group *group = new_group(ctx);
    submit(group, long_job, end, 0);
    sleep_ms(20);
    return group;
}

START_TEST(helping_ends_at_the_deadline) {
    aip_context *ctx = exec_context(1);
    _Atomic(bool) end = false;
    aip__group *group = group_with_job_on_a_worker(ctx, &end);
    int64_t deadline = aip__clock_ns() + 30 * 1000000;
    ck_assert(!aip__group_help(group, NULL, NULL, deadline));
    ck_assert_int_ge(aip__clock_ns(), deadline);
    atomic_store(&end, true);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

static bool is_set(void *arg) { return atomic_load((_Atomic(bool) *)arg); }

typedef struct waker {
    aip__group *group;
    _Atomic(bool) flag;
} waker;

static void *set_and_notify(void *arg) {
    waker *w = arg;
    sleep_ms(20);
    atomic_store(&w->flag, true);
    aip__group_notify(w->group);
    return NULL;
}

static void *set_only(void *arg) {
    waker *w = arg;
    sleep_ms(20);
    atomic_store(&w->flag, true);
    return NULL;
}

START_TEST(a_helping_thread_looks_at_its_condition_when_notified_and_now_and_then_by_itself) {
    aip_context *ctx = exec_context(1);
    void *(*const others[])(void *) = {set_and_notify, set_only};
    for (int i = 0; i < 2; i++) {
        _Atomic(bool) end = false;
        waker w = {.group = group_with_job_on_a_worker(ctx, &end)};
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, others[i], &w), 0);
        ck_assert(!aip__group_help(w.group, is_set, &w.flag, aip__clock_ns() + (int64_t)60 * 1000000000));
        pthread_join(thread, NULL);
        atomic_store(&end, true);
        ck_assert_int_eq(aip__group_wait(w.group, NULL), AIP_OK);
        aip__group_free(w.group);
    }
    exec_context_free(ctx);
}
END_TEST

typedef struct outer_job {
    aip_context *ctx;
    counted *inner;
    aip__group *unrelated;
} outer_job;

static int32_t run_outer(void *arg, bool skip, aip_error **err) {
    outer_job *o = arg;
    aip__group *group = NULL;
    if (skip) return AIP_OK;
    AIP__TRY(aip__group_create(o->ctx, &group, err));
    for (int i = 0; i < 3; i++) submit(group, count_job, o->inner, i);
    int32_t status = aip__group_wait(group, err);
    aip__group_free(group);
    return status;
}

START_TEST(a_waiting_thread_helps_its_group_and_what_is_below_it_and_nothing_else) {
    aip_context *ctx = exec_context(0); /* only the waiting thread runs anything */
    counted inner = {0}, other = {0};
    aip__group *unrelated = new_group(ctx), *group = new_group(ctx);
    submit(unrelated, count_job, &other, 0);
    outer_job o = {.ctx = ctx, .inner = &inner};
    submit(group, run_outer, &o, 0);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    ck_assert_int_eq(inner.ran, 3);
    ck_assert_int_eq(other.ran, 0);
    ck_assert_int_eq(aip__group_wait(unrelated, NULL), AIP_OK);
    ck_assert_int_eq(other.ran, 1);
    aip__group_free(unrelated);
    aip__group_free(group);
    exec_context_free(ctx);
}
END_TEST

typedef struct left_behind {
    aip_context *ctx;
    counted *c;
    aip__group *made;
} left_behind;

static int32_t leave_a_group_behind(void *arg, bool skip, aip_error **err) {
    left_behind *l = arg;
    if (skip) return AIP_OK;
    AIP__TRY(aip__group_create(l->ctx, &l->made, err));
    return aip__group_submit(l->made, count_job, l->c, 0, err);
}

START_TEST(a_group_may_outlive_the_group_whose_job_made_it) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        counted c = {0};
        left_behind l[3] = {{.ctx = ctx, .c = &c}, {.ctx = ctx, .c = &c}, {.ctx = ctx, .c = &c}};
        aip__group *group = new_group(ctx);
        for (int i = 0; i < 3; i++) submit(group, leave_a_group_behind, &l[i], i);
        ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
        aip__group_free(group);
        for (int i = 2; i >= 0; i--) {
            submit(l[i].made, count_job, &c, 1);
            ck_assert_int_eq(aip__group_wait(l[i].made, NULL), AIP_OK);
            aip__group_free(l[i].made);
        }
        ck_assert_int_eq(c.ran, 6);
        exec_context_free(ctx);
    }
}
END_TEST

/* ---- closing --------------------------------------------------------------------------------------------------------------- */

START_TEST(after_closing_nothing_is_offered_to_the_executor_and_waiting_still_works) {
    aip_executor_callbacks callbacks;
    host *h = host_create(HOST_LATE, &callbacks);
    aip_context *ctx = exec_context_host(&callbacks);
    counted c = {0};
    aip__group *group = new_group(ctx);
    for (int i = 0; i < 10; i++) submit(group, count_job, &c, i);
    exec_context_close(ctx);
    ck_assert_int_eq(c.ran, 0); /* queued when the context was closed */
    for (int i = 0; i < 10; i++) submit(group, count_job, &c, i);
    ck_assert_int_eq(host_submits(h), 10);
    ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
    ck_assert_int_eq(c.ran, 20);
    aip__group_free(group);
    host_free(h);
    exec_context_free(ctx);
}
END_TEST

START_TEST(closing_waits_for_what_runs) {
    aip_context *ctx = exec_context(2);
    waker w = {.group = NULL};
    w.group = group_with_job_on_a_worker(ctx, &w.flag);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, set_only, &w), 0);
    aip__exec_close(ctx); /* comes back only when the flag has let the job end */
    ck_assert(atomic_load(&w.flag));
    ck_assert(aip__group_help(w.group, NULL, NULL, 1)); /* none left, although the deadline is long past */
    pthread_join(thread, NULL);
    aip__group_free(w.group);
    exec_context_free(ctx);
}
END_TEST

Suite *group_suite(void) {
    const TTest *const tests[] = {each_job_runs_exactly_once_with_any_number_of_workers,
                                  each_job_runs_exactly_once_whatever_the_host_does_with_tickets,
                                  a_ticket_may_come_after_its_group_and_after_the_context,
                                  a_ticket_runs_the_job_on_the_thread_that_gives_it_back,
                                  giving_back_no_ticket_does_nothing,
                                  concurrency_is_the_executors_and_at_least_one,
                                  the_error_kept_is_that_of_the_lowest_order_whatever_the_timing,
                                  after_a_failure_jobs_of_a_higher_order_are_skipped,
                                  a_status_without_a_message_comes_back_unchanged_with_one,
                                  jobs_of_a_stopped_group_are_skipped,
                                  helping_ends_as_soon_as_the_condition_holds,
                                  helping_ends_at_the_deadline,
                                  a_helping_thread_looks_at_its_condition_when_notified_and_now_and_then_by_itself,
                                  a_waiting_thread_helps_its_group_and_what_is_below_it_and_nothing_else,
                                  a_group_may_outlive_the_group_whose_job_made_it,
                                  after_closing_nothing_is_offered_to_the_executor_and_waiting_still_works,
                                  closing_waits_for_what_runs,
                                  NULL};
    return unit_suite("group", tests);
}
