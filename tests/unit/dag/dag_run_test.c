/* Runs of host callbacks: order, states, errors, cancellation, handles. Every rule is held with no thread, 1, 2 and 8. */
#include "dag_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* ---- tasks that leave a trace ------------------------------------------------------------------------------------------------ */

#define MAX_TASKS 40

typedef struct trace {
    _Atomic(int32_t) clock;
    int32_t began[MAX_TASKS], ended[MAX_TASKS]; /* by the clock; 0: not */
    _Atomic(int32_t) times[MAX_TASKS];
} trace;

typedef struct step {
    trace *trace;
    int32_t index, result;
} step;

static int32_t do_step(void *user, aip_task_context *task, aip_error **err) {
    step *s = user;
    (void)task;
    s->trace->began[s->index] = atomic_fetch_add(&s->trace->clock, 1) + 1;
    atomic_fetch_add(&s->trace->times[s->index], 1);
    s->trace->ended[s->index] = atomic_fetch_add(&s->trace->clock, 1) + 1;
    if (s->result < 0) aip_error_set(err, s->result, "this step fails");
    return s->result;
}

static const char *name_of(int32_t i) {
    static _Thread_local char names[2][16];
    static _Thread_local int turn;
    char *name = names[turn++ % 2];
    snprintf(name, sizeof names[0], "t%d", (int)i);
    return name;
}

static aip_dag *make_dag(aip_context *ctx, trace *t, step *steps, int32_t n) {
    aip_dag *dag = NULL;
    memset(t, 0, sizeof *t);
    OK(aip_dag_create(ctx, "steps", &dag, &err));
    for (int32_t i = 0; i < n; i++) {
        steps[i].trace = t;
        steps[i].index = i;
        OK(aip_dag_add_callback(dag, name_of(i), do_step, &steps[i], NULL, &err));
    }
    return dag;
}

static void edge(aip_dag *dag, int32_t before, int32_t after) {
    const char *b = name_of(before), *a = name_of(after);
    OK(aip_dag_add_dependency(dag, b, a, &err));
}

static void ck_state(aip_context *ctx, aip_run *run, int32_t task, const char *state) {
    char text[128];
    snprintf(text, sizeof text, "{\"task\":\"%s\",\"operator\":\"callback\",\"state\":\"%s\"", name_of(task), state);
    test_report_has(ctx, run, (const char *const[]){text, NULL});
}

/* ---- order --------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_diamond_runs_each_task_once_and_after_what_it_waits_for) {
    aip_context *ctx = test_context(thread_counts[_i]);
    trace t;
    step steps[4] = {0};
    aip_dag *dag = make_dag(ctx, &t, steps, 4);
    edge(dag, 0, 1), edge(dag, 0, 2), edge(dag, 1, 3), edge(dag, 2, 3);
    edge(dag, 0, 1); /* said twice is said once */
    aip_run *run = NULL;
    OK(aip_run_start(dag, NULL, &run, &err));
    OK(aip_run_wait(run, &err));
    OK(aip_run_result(run, &err));
    for (int32_t i = 0; i < 4; i++) ck_assert_int_eq(t.times[i], 1);
    ck_assert_int_lt(t.ended[0], t.began[1]);
    ck_assert_int_lt(t.ended[0], t.began[2]);
    ck_assert_int_lt(t.ended[1], t.began[3]);
    ck_assert_int_lt(t.ended[2], t.began[3]);
    test_report_has(ctx, run, (const char *const[]){"\"dag\":\"steps\",\"state\":\"success\"", NULL});
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

START_TEST(a_thousand_random_dags_run_each_task_once_in_order) {
    aip_context *ctx = test_context(thread_counts[_i]);
    uint32_t seed = 20240131;
    for (int32_t round = 0; round < 1000; round++) {
        static trace t;
        static step steps[MAX_TASKS];
        bool edges[MAX_TASKS][MAX_TASKS] = {{0}};
        int32_t n = 1 + (int32_t)(next_random(&seed) % MAX_TASKS), order[MAX_TASKS];
        memset(steps, 0, sizeof steps);
        aip_dag *dag = make_dag(ctx, &t, steps, n);
        for (int32_t i = 0; i < n; i++) order[i] = i;
        for (int32_t i = n - 1; i > 0; i--) { /* so that the order of the DAG is not the order of the tasks */
            int32_t k = (int32_t)(next_random(&seed) % (uint32_t)(i + 1)), swap = order[i];
            order[i] = order[k], order[k] = swap;
        }
        for (uint32_t k = next_random(&seed) % (uint32_t)(3 * n); k > 0; k--) {
            int32_t a = (int32_t)(next_random(&seed) % (uint32_t)n), b = (int32_t)(next_random(&seed) % (uint32_t)n);
            if (a == b) continue;
            int32_t first = order[a < b ? a : b], second = order[a < b ? b : a];
            edges[first][second] = true;
            edge(dag, first, second);
        }
        aip_run *run = NULL;
        OK(aip_run_start(dag, NULL, &run, &err));
        OK(aip_run_wait(run, &err));
        for (int32_t i = 0; i < n; i++) {
            ck_assert_int_eq(t.times[i], 1);
            for (int32_t k = 0; k < n; k++) ck_assert(!edges[i][k] || t.ended[i] < t.began[k]);
        }
        aip_run_free(run);
        aip_dag_free(dag);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(a_dag_runs_again_and_an_empty_one_succeeds) {
    aip_context *ctx = test_context(thread_counts[_i]);
    trace t;
    step steps[2] = {0};
    aip_dag *dag = make_dag(ctx, &t, steps, 2);
    aip_run *run = NULL;
    for (int32_t i = 1; i <= 3; i++) {
        OK(aip_run_start(dag, NULL, &run, &err));
        OK(aip_run_wait(run, &err));
        OK(aip_run_wait(run, &err)); /* again: the same answer */
        aip_run_free(run);
        ck_assert_int_eq(t.times[0], i);
    }
    FAILS(aip_dag_add_callback(dag, "late", do_step, &steps[0], NULL, &err), AIP_E_STATE, "no more changes");
    FAILS(aip_dag_add(dag, "late", "{}", &err), AIP_E_STATE, "no more changes");
    FAILS(aip_dag_add_dependency(dag, "t0", "t1", &err), AIP_E_STATE, "no more changes");
    aip_dag_free(dag);
    OK(aip_dag_create(ctx, "empty", &dag, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    OK(aip_run_wait(run, &err));
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

/* ---- errors ---------------------------------------------------------------------------------------------------------------------- */

/* t0 -> t1 (fails) -> t2 -> t3, t0 -> t4 -> t5, t6 (fails) -> t3: all but the descendants of t1 and t6 come to their end. */
START_TEST(a_failed_task_stops_its_descendants_and_nothing_else) {
    aip_context *ctx = test_context(thread_counts[_i]);
    trace t;
    step steps[7] = {0};
    aip_dag *dag = make_dag(ctx, &t, steps, 7);
    steps[1].result = AIP_E_DATA;
    steps[6].result = 42;
    edge(dag, 0, 1), edge(dag, 1, 2), edge(dag, 2, 3), edge(dag, 0, 4), edge(dag, 4, 5), edge(dag, 6, 3);
    aip_run *run = NULL;
    aip_error *error = NULL;
    OK(aip_run_start(dag, NULL, &run, &err));
    ck_assert_int_eq(aip_run_wait(run, &error), AIP_E_DATA);
    ck_assert_str_eq(aip_error_message(error), "this step fails");
    ck_assert_str_eq(aip_error_task(error), "t1");
    aip_error_free(error);
    static const char *const states[] = {"success", "failed",  "upstream_failed", "upstream_failed",
                                         "success", "success", "failed"};
    for (int32_t i = 0; i < 7; i++) {
        ck_state(ctx, run, i, states[i]);
        ck_assert_int_eq(t.times[i], strcmp(states[i], "upstream_failed") != 0);
    }
    test_report_has(ctx, run,
                    (const char *const[]){"\"state\":\"failed\",\"elapsed\"",
                                          "\"error\":{\"status\":\"E_DATA\",\"code\":-8,\"message\":\"this step fails\"}",
                                          "\"code\":42,\"message\":\"the task's callback returned 42\"", NULL});
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(the_error_of_a_run_is_that_of_the_first_failed_task_in_the_dags_order) {
    aip_context *ctx = test_context(thread_counts[_i]);
    for (int32_t round = 0; round < 50; round++) {
        trace t;
        step steps[8] = {0};
        aip_dag *dag = make_dag(ctx, &t, steps, 8);
        for (int32_t i = 2; i < 8; i++) steps[i].result = 10 + i;
        aip_run *run = NULL;
        aip_error *error = NULL;
        OK(aip_run_start(dag, NULL, &run, &err));
        ck_assert_int_eq(aip_run_wait(run, &error), 12); /* a host's own status comes back unchanged */
        ck_assert_str_eq(aip_error_task(error), "t2");
        aip_error_free(error);
        aip_run_free(run);
        aip_dag_free(dag);
    }
    test_context_end(ctx);
}
END_TEST

static int32_t gets_over_it(void *user, aip_task_context *task, aip_error **err) {
    (void)user, (void)task;
    aip_error_set(err, AIP_E_IO, "tried again and got over it");
    return AIP_OK;
}

static int32_t says_cancelled(void *user, aip_task_context *task, aip_error **err) {
    (void)user, (void)task, (void)err;
    return AIP_E_CANCELLED;
}

START_TEST(what_counts_is_what_a_callback_returns) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "t0", gets_over_it, NULL, NULL, &err));
    OK(aip_dag_add_callback(dag, "t1", says_cancelled, NULL, NULL, &err)); /* nobody asked for it: it failed */
    OK(aip_run_start(dag, NULL, &run, &err));
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "callback returned -12");
    ck_state(ctx, run, 0, "success");
    ck_state(ctx, run, 1, "failed");
    test_report_has(ctx, run, (const char *const[]){"{\"dag\":\"d\",\"state\":\"failed\"", NULL});
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

/* ---- cancellation ------------------------------------------------------------------------------------------------------------------ */

typedef struct gate {
    _Atomic(int32_t) ran_after; /* first: clang warns where {0} begins with an atomic pointer */
    _Atomic(aip_run *) run;     /* NULL: aip_run_start has not returned yet */
} gate;

/* Cancels its own run, as a host would from another thread, and then waits to be told. */
static int32_t cancels(void *user, aip_task_context *task, aip_error **err) {
    gate *g = user;
    while (!atomic_load(&g->run)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    aip_run_cancel(atomic_load(&g->run));
    for (int i = 0; i < 5000 && !aip_cancel_requested(aip_task_call(task)->cancel); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert(aip_cancel_requested(aip_task_call(task)->cancel));
    return aip_error_set(err, AIP_E_CANCELLED, "told to stop");
}

static int32_t comes_after(void *user, aip_task_context *task, aip_error **err) {
    (void)task, (void)err;
    atomic_fetch_add(&((gate *)user)->ran_after, 1);
    return AIP_OK;
}

START_TEST(a_cancelled_run_tells_its_tasks_and_starts_no_more) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    gate g = {0};
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "first", comes_after, &g, NULL, &err));
    OK(aip_dag_add_callback(dag, "stop", cancels, &g, NULL, &err));
    OK(aip_dag_add_callback(dag, "after", comes_after, &g, NULL, &err));
    OK(aip_dag_add_callback(dag, "last", comes_after, &g, NULL, &err));
    OK(aip_dag_add_dependency(dag, "stop", "after", &err));
    OK(aip_dag_add_dependency(dag, "after", "last", &err));
    OK(aip_dag_add_dependency(dag, "first", "stop", &err));
    aip_run *run = NULL;
    OK(aip_run_start(dag, NULL, &run, &err));
    atomic_store(&g.run, run);
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "the run was cancelled");
    ck_assert_int_eq(atomic_load(&g.ran_after), 1); /* `first` */
    test_report_has(ctx, run,
                    (const char *const[]){"\"state\":\"cancelled\",\"elapsed\"",
                                          "{\"task\":\"after\",\"operator\":\"callback\",\"state\":\"cancelled\"",
                                          "{\"task\":\"last\",\"operator\":\"callback\",\"state\":\"cancelled\"", NULL});
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(a_run_cancelled_before_it_begins_runs_nothing) {
    aip_context *ctx = test_context_exactly(AIP_THREADS_NONE);
    trace t;
    step steps[3] = {0};
    aip_dag *dag = make_dag(ctx, &t, steps, 3);
    edge(dag, 0, 1);
    aip_run *run = NULL;
    OK(aip_run_start(dag, NULL, &run, &err));
    FAILS(aip_run_result(run, &err), AIP_E_STATE, "has not ended");
    aip_run_cancel(run);
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "the run was cancelled");
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(t.times[i], 0);
        ck_state(ctx, run, i, "cancelled");
    }
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(freeing_a_run_that_nobody_waited_for_ends_it) {
    aip_context *ctx = test_context(thread_counts[_i]);
    for (int32_t round = 0; round < 50; round++) {
        trace t;
        step steps[20] = {0};
        aip_dag *dag = make_dag(ctx, &t, steps, 20);
        for (int32_t i = 1; i < 20; i++) edge(dag, i / 2, i);
        aip_run *run = NULL;
        OK(aip_run_start(dag, NULL, &run, &err));
        aip_dag_free(dag);
        aip_run_free(run);
        for (int32_t i = 0; i < 20; i++) ck_assert_int_le(t.times[i], 1);
    }
    test_context_end(ctx);
}
END_TEST

static int32_t sleeps(void *user, aip_task_context *task, aip_error **err) {
    (void)user;
    for (int i = 0; i < 5000 && !aip_cancel_requested(aip_task_call(task)->cancel); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return aip_error_set(err, AIP_E_CANCELLED, "told to stop");
}

static void *cancel_soon(void *run) {
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    aip_run_cancel(run);
    return NULL;
}

START_TEST(another_thread_cancels_a_run) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    pthread_t thread;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "t0", sleeps, NULL, NULL, &err));
    OK(aip_dag_add_callback(dag, "t1", sleeps, NULL, NULL, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, run), 0);
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "the run was cancelled");
    pthread_join(thread, NULL);
    ck_state(ctx, run, 0, "cancelled");
    ck_state(ctx, run, 1, "cancelled");
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

static void *close_soon(void *ctx) {
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    aip_context_close(ctx);
    return NULL;
}

static int32_t sleeps_until_closed(void *user, aip_task_context *task, aip_error **err) {
    (void)user;
    aip_dataset *counted = aip_task_dataset(task, "data");
    int32_t status = AIP_OK;
    for (int i = 0; i < 5000 && status == AIP_OK; i++) {
        aip_dataset *seen = NULL;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        status = aip_dataset_collect(counted, aip_task_call(task), &seen, err);
        aip_dataset_free(seen);
    }
    return status;
}

static int32_t makes_numbers(void *user, aip_task_context *task, aip_error **err) {
    aip_field field = AIP_FIELD_INIT;
    aip_schema *schema = NULL;
    aip_dataset *made = NULL;
    static const double values[3] = {1, 2, 3};
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    field.name = "x";
    field.type = view.type = AIP_FLOAT64;
    view.length = 3;
    view.values = values;
    int32_t status = aip_schema_create(aip_task_ctx(task), &field, 1, &schema, err);
    if (status == AIP_OK) status = aip_dataset_from_columns(schema, &view, 1, &made, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, made, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, "again", made, err);
    if (user) *(aip_dataset **)user = made; /* to compare, not to use */
    aip_dataset_free(made);
    aip_schema_free(schema);
    return status;
}

START_TEST(closing_the_context_cancels_its_runs) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    pthread_t thread;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "data", makes_numbers, NULL, NULL, &err));
    OK(aip_dag_add_callback(dag, "slow", sleeps_until_closed, NULL, NULL, &err));
    OK(aip_dag_add_dependency(dag, "data", "slow", &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    ck_assert_int_eq(pthread_create(&thread, NULL, close_soon, ctx), 0);
    FAILS(aip_run_wait(run, &err), AIP_E_CANCELLED, "the run was cancelled");
    pthread_join(thread, NULL);
    aip_run *late = NULL;
    FAILS(aip_run_start(dag, NULL, &late, &err), AIP_E_STATE, "closed");
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

/* ---- runs within runs ------------------------------------------------------------------------------------------------------------ */

typedef struct inner {
    aip_dag *dag;
    aip_run *run;
    bool waits;
    int32_t told;
} inner;

static void count_events(void *user, const aip_task_event *event) { ((inner *)user)->told += event->phase == NULL; }

static int32_t starts_a_run(void *user, aip_task_context *task, aip_error **err) {
    inner *in = user;
    (void)task;
    int32_t status = aip_run_start(in->dag, NULL, &in->run, err);
    if (status != AIP_OK || !in->waits) return status; /* else it goes on when this task and its run have ended */
    aip_run_on_event(in->run, count_events, in);
    return aip_run_wait(in->run, err);
}

START_TEST(a_task_starts_a_run_of_its_own_and_waits_for_it_or_leaves_it_to_others) {
    aip_context *ctx = test_context(thread_counts[_i]);
    for (int32_t round = 0; round < 20; round++) {
        static trace t[2];
        static step steps[2][10];
        inner in[2] = {{.waits = true}, {.waits = false}};
        aip_dag *dag = NULL;
        aip_run *run = NULL;
        memset(steps, 0, sizeof steps);
        OK(aip_dag_create(ctx, "outer", &dag, &err));
        for (int32_t k = 0; k < 2; k++) {
            in[k].dag = make_dag(ctx, &t[k], steps[k], 10);
            for (int32_t i = 1; i < 10; i++) edge(in[k].dag, i / 2, i);
            OK(aip_dag_add_callback(dag, name_of(k), starts_a_run, &in[k], NULL, &err));
        }
        OK(aip_run_start(dag, NULL, &run, &err));
        OK(aip_run_wait(run, &err));
        ck_assert_int_eq(in[0].told, 20);
        aip_run_free(run);
        OK(aip_run_wait(in[1].run, &err));
        for (int32_t i = 0; i < 10; i++) ck_assert_int_eq(t[0].times[i] + t[1].times[i], 2);
        for (int32_t k = 0; k < 2; k++) aip_run_free(in[k].run), aip_dag_free(in[k].dag);
        aip_dag_free(dag);
    }
    test_context_end(ctx);
}
END_TEST

static int32_t waits_for_itself(void *user, aip_task_context *task, aip_error **err) {
    gate *g = user;
    (void)task;
    while (!atomic_load(&g->run)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    ck_assert_int_eq(aip_run_poll(atomic_load(&g->run), 0, 1000000000), AIP_RUN_RUNNING);
    return aip_run_wait(atomic_load(&g->run), err);
}

START_TEST(a_task_that_waits_for_its_own_run_gets_an_error) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    gate g = {0};
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "t0", waits_for_itself, &g, NULL, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    atomic_store(&g.run, run);
    FAILS(aip_run_wait(run, &err), AIP_E_MISUSE, "a run cannot wait for itself");
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

/* ---- handles ----------------------------------------------------------------------------------------------------------------------- */

typedef struct seen {
    aip_dataset *made, *main, *again;
    int32_t none;
} seen;

static int32_t looks(void *user, aip_task_context *task, aip_error **err) {
    seen *s = user;
    (void)err;
    s->main = aip_task_dataset(task, "data");
    s->again = aip_task_dataset(task, "data.again");
    s->none = aip_task_dataset(task, "data.other") == NULL && aip_task_dataset(task, "nobody") == NULL
              && aip_task_package(task, "data") == NULL && aip_task_dataset(task, "look") == NULL;
    return AIP_OK;
}

START_TEST(handles_pass_from_task_to_task_without_a_copy) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    aip_dataset *out = NULL;
    aip_package *package = NULL;
    seen s = {0};
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "data", makes_numbers, &s.made, NULL, &err));
    OK(aip_dag_add_callback(dag, "look", looks, &s, NULL, &err));
    OK(aip_dag_add_dependency(dag, "data", "look", &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    OK(aip_run_wait(run, &err));
    ck_assert_ptr_nonnull(s.made);
    ck_assert_ptr_eq(s.main, s.made);
    ck_assert_ptr_eq(s.again, s.made);
    ck_assert_int_eq(s.none, 1);
    OK(aip_run_dataset(run, "data", &out, &err));
    ck_assert_ptr_eq(out, s.made);
    FAILS(aip_run_package(run, "data", &package, &err), AIP_E_NOT_FOUND, "'data' has no package");
    FAILS(aip_run_dataset(run, "look", &out, &err), AIP_E_NOT_FOUND, "'look' has no dataset");
    aip_run_free(run);
    aip_dag_free(dag);
    int64_t n = 0;
    OK(aip_dataset_count(out, NULL, &n, &err)); /* outlives the run */
    ck_assert_int_eq(n, 3);
    aip_dataset_free(out);
    test_context_end(ctx);
}
END_TEST

static void note(void *user) { ++*(int *)user; }

START_TEST(destroy_is_called_once_for_each_callback_when_the_dag_goes) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    int n = 0;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "a", gets_over_it, &n, note, &err));
    OK(aip_dag_add_callback(dag, "b", gets_over_it, &n, note, &err));
    FAILS(aip_dag_add_callback(dag, "b", gets_over_it, &n, note, &err), AIP_E_PARAM, "two tasks 'b'");
    ck_assert_int_eq(n, 0);
    aip_dag_free(dag);
    ck_assert_int_eq(n, 2);
    test_context_end(ctx);
}
END_TEST

Suite *dag_run_suite(void) {
    Suite *suite = suite_create("dag run");
    TCase *tc = tcase_create("dag run");
    tcase_add_loop_test(tc, a_diamond_runs_each_task_once_and_after_what_it_waits_for, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_thousand_random_dags_run_each_task_once_in_order, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_dag_runs_again_and_an_empty_one_succeeds, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_failed_task_stops_its_descendants_and_nothing_else, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, the_error_of_a_run_is_that_of_the_first_failed_task_in_the_dags_order, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, what_counts_is_what_a_callback_returns, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_cancelled_run_tells_its_tasks_and_starts_no_more, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_run_cancelled_before_it_begins_runs_nothing);
    tcase_add_loop_test(tc, freeing_a_run_that_nobody_waited_for_ends_it, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, another_thread_cancels_a_run, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, closing_the_context_cancels_its_runs, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_task_starts_a_run_of_its_own_and_waits_for_it_or_leaves_it_to_others, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_task_that_waits_for_its_own_run_gets_an_error, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, handles_pass_from_task_to_task_without_a_copy, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, destroy_is_called_once_for_each_callback_when_the_dag_goes);
    suite_add_tcase(suite, tc);
    return suite;
}
