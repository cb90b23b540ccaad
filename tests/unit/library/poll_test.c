/* Runs that are only polled, as a host's loop does it: whatever the executor refuses, drops or forgets to run, the run comes to its end, and the loop is
 * told when to poll. */
#include "library_suites.h"
#include <aipipe/aipipe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define MS ((uint64_t)1000 * 1000)

typedef struct loop { /* an executor whose jobs wait until the test runs them */
    aip_job *jobs[256];
    int n, refuse, drop; /* refuse: so many submits come to nothing */
    int refused, wakes, shutdowns, submits_late;
    bool shut;
} loop;

static int32_t submit(void *user, aip_job *job) {
    loop *l = user;
    if (l->shut) l->submits_late++;
    if (l->refuse > 0) {
        l->refuse--;
        l->refused++;
        return AIP_E_AGAIN;
    }
    ck_assert_int_lt(l->n, 256);
    l->jobs[l->n++] = job;
    return AIP_OK;
}
static void wake(void *user) {
    loop *l = user;
    if (l->shut) l->submits_late++;
    l->wakes++;
}
static void shut(void *user) {
    loop *l = user;
    l->shut = true;
    l->shutdowns++;
}

static aip_context *context_on(loop *l) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    aip_executor_callbacks e = AIP_EXECUTOR_CALLBACKS_INIT;
    *l = (loop){.n = 0};
    e.user = l;
    e.submit = submit;
    e.wake = wake;
    e.shutdown = shut;
    o.executor = &e;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

/* Runs what lies there, or gives it back undone. */
static void turn(loop *l) {
    while (l->n > 0) {
        aip_job *job = l->jobs[--l->n];
        if (l->drop > 0)
            l->drop--, aip_job_drop(job);
        else
            aip_job_run(job);
    }
}

static int32_t task(void *user, aip_task_context *t, aip_error **err) {
    (void)t, (void)err;
    atomic_fetch_add((_Atomic(int) *)user, 1);
    return AIP_OK;
}

static aip_dag *three_tasks(aip_context *ctx, _Atomic(int) *ran) {
    aip_dag *dag = NULL;
    OK(aip_dag_create(ctx, "three", &dag, &err));
    OK(aip_dag_add_callback(dag, "a", task, ran, NULL, &err));
    OK(aip_dag_add_callback(dag, "b", task, ran, NULL, &err));
    OK(aip_dag_add_callback(dag, "c", task, ran, NULL, &err));
    OK(aip_dag_add_dependency(dag, "a", "c", &err));
    return dag;
}

/* Polls with budget 0, as a loop that only reacts: when there was a wake, or the deadline has come on its clock. Returns the polls. */
static int run_loop(loop *l, aip_run *run, uint64_t *clock, int32_t *state) {
    int polls = 0;
    for (*state = AIP_RUN_RUNNING; *state < AIP_RUN_SUCCESS; polls++) {
        ck_assert_int_lt(polls, 1000);
        turn(l);
        uint64_t due = aip_run_next_deadline(run);
        if (l->wakes == 0) {
            ck_assert_msg(due != AIP_NEVER, "the loop would sleep for ever");
            if (due > *clock) *clock = due;
        }
        l->wakes = 0;
        *state = aip_run_poll(run, *clock, 0);
        *clock += MS;
    }
    return polls;
}

START_TEST(a_run_that_is_only_polled_ends_whatever_the_executor_refuses_or_drops) {
    for (int refuse = 0; refuse <= 40; refuse += 8)
        for (int drop = 0; drop <= 3; drop++) {
            loop l;
            _Atomic(int) ran = 0;
            aip_context *ctx = context_on(&l);
            aip_dag *dag = three_tasks(ctx, &ran);
            aip_run *run = NULL;
            uint64_t clock = 5000;
            int32_t state = 0;
            l.refuse = refuse;
            l.drop = drop;
            OK(aip_run_start(dag, NULL, &run, &err));
            if (refuse > 0) ck_assert_int_gt(l.wakes, 0); /* somebody must come and poll */
            run_loop(&l, run, &clock, &state);
            ck_assert_int_eq(state, AIP_RUN_SUCCESS);
            ck_assert_int_eq(l.refused, refuse);
            ck_assert_int_eq(atomic_load(&ran), 3);
            ck_assert(aip_run_next_deadline(run) == AIP_NEVER);
            turn(&l); /* tickets that are left */
            aip_run_free(run);
            aip_dag_free(dag);
            aip_context_free(ctx);
            ck_assert_int_eq(l.shutdowns, 1);
            ck_assert_int_eq(l.submits_late, 0);
        }
}
END_TEST

START_TEST(the_deadline_is_on_the_hosts_clock_and_never_when_a_wake_will_come) {
    loop l;
    _Atomic(int) ran = 0;
    aip_context *ctx = context_on(&l);
    aip_dag *dag = three_tasks(ctx, &ran);
    aip_run *run = NULL;
    l.refuse = 2;
    OK(aip_run_start(dag, NULL, &run, &err));
    ck_assert_uint_le(aip_run_next_deadline(run), 0); /* never polled: at once */
    l.refuse = 2;
    ck_assert_int_eq(aip_run_poll(run, 7000 * MS, 0), AIP_RUN_RUNNING);
    ck_assert_uint_eq(aip_run_next_deadline(run), 7010 * MS);
    ck_assert_int_eq(l.refused, 4);
    ck_assert_int_eq(aip_run_poll(run, 7010 * MS, 0), AIP_RUN_RUNNING); /* taken */
    ck_assert(aip_run_next_deadline(run) == AIP_NEVER);
    ck_assert_int_eq(l.n, 2);
    turn(&l);
    ck_assert_int_eq(aip_run_poll(run, 7011 * MS, 1000 * MS), AIP_RUN_SUCCESS); /* with a budget the last task runs here */
    ck_assert(aip_run_next_deadline(NULL) == AIP_NEVER);
    turn(&l);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx);
}
END_TEST

START_TEST(an_empty_dag_wakes_the_loop_too) {
    loop l;
    aip_context *ctx = context_on(&l);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_create(ctx, "empty", &dag, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    ck_assert_int_eq(l.wakes, 1);
    ck_assert_int_eq(aip_run_poll(run, 0, 0), AIP_RUN_SUCCESS);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_context_that_is_closed_from_the_loop_leaves_a_run_that_can_still_be_ended) {
    for (int how = 0; how < 3; how++) {
        loop l;
        _Atomic(int) ran = 0;
        aip_context *ctx = context_on(&l);
        aip_dag *dag = three_tasks(ctx, &ran);
        aip_run *run = NULL;
        OK(aip_run_start(dag, NULL, &run, &err));
        aip_run_poll(run, 0, 0);
        aip_context_close(ctx);
        ck_assert_int_eq(l.shutdowns, 1);
        if (how == 0) FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "");
        if (how == 1) turn(&l); /* the tickets come late */
        if (how == 1) ck_assert_int_eq(aip_run_poll(run, 0, 0), AIP_RUN_CANCELLED);
        aip_run_free(run); /* how 2: ends it itself */
        turn(&l);
        aip_dag_free(dag);
        aip_context_free(ctx);
        ck_assert_int_eq(atomic_load(&ran), 0);
        ck_assert_int_eq(l.submits_late, 0);
        ck_assert_int_eq(l.shutdowns, 1);
    }
}
END_TEST

Suite *poll_suite(void) {
    const TTest *const tests[] = {a_run_that_is_only_polled_ends_whatever_the_executor_refuses_or_drops,
                                  the_deadline_is_on_the_hosts_clock_and_never_when_a_wake_will_come,
                                  an_empty_dag_wakes_the_loop_too,
                                  a_context_that_is_closed_from_the_loop_leaves_a_run_that_can_still_be_ended, NULL};
    return unit_suite("poll", tests);
}
