/* Events of a run: on the thread that waits or polls and on no other, in order, each once; polling hosts. */
#include "dag_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

typedef struct heard {
    pthread_t thread;
    int32_t n, states[64], progress;
    const char *tasks[64];
    char error[256], error_task[32];
    int64_t rows;
} heard;

static void hear(void *user, const aip_task_event *event) {
    heard *h = user;
    ck_assert(pthread_equal(h->thread, pthread_self()));
    ck_assert_uint_eq(event->struct_size, sizeof *event);
    if (event->phase) {
        ck_assert_int_eq(event->state, AIP_TASK_RUNNING);
        h->progress++;
        h->rows = event->rows;
        return;
    }
    ck_assert_int_lt(h->n, 64);
    h->states[h->n] = event->state;
    h->tasks[h->n++] = event->task;
    if (event->error) {
        strncpy(h->error, aip_error_message(event->error), sizeof h->error - 1);
        strncpy(h->error_task, aip_error_task(event->error), sizeof h->error_task - 1);
    }
}

static int32_t does(void *user, aip_task_context *task, aip_error **err) {
    int32_t status = user ? *(const int32_t *)user : AIP_OK;
    (void)task;
    return status < 0 ? aip_error_set(err, status, "failed as it should") : status;
}

static const int32_t fails = AIP_E_DATA;

/* a -> b (fails) -> c -> d */
static aip_dag *chain(aip_context *ctx) {
    aip_dag *dag = NULL;
    OK(aip_dag_create(ctx, "chain", &dag, &err));
    OK(aip_dag_add_callback(dag, "a", does, NULL, NULL, &err));
    OK(aip_dag_add_callback(dag, "b", does, (void *)(uintptr_t)&fails, NULL, &err));
    OK(aip_dag_add_callback(dag, "c", does, NULL, NULL, &err));
    OK(aip_dag_add_callback(dag, "d", does, NULL, NULL, &err));
    OK(aip_dag_add_dependency(dag, "a", "b", &err));
    OK(aip_dag_add_dependency(dag, "b", "c", &err));
    OK(aip_dag_add_dependency(dag, "c", "d", &err));
    return dag;
}

static void ck_chain(const heard *h) {
    static const int32_t states[] = {AIP_TASK_RUNNING, AIP_TASK_SUCCESS,         AIP_TASK_RUNNING,
                                     AIP_TASK_FAILED,  AIP_TASK_UPSTREAM_FAILED, AIP_TASK_UPSTREAM_FAILED};
    static const char *const tasks[] = {"a", "a", "b", "b", "c", "d"};
    ck_assert_int_eq(h->n, 6);
    for (int32_t i = 0; i < 6; i++) {
        ck_assert_int_eq(h->states[i], states[i]);
        ck_assert_str_eq(h->tasks[i], tasks[i]);
    }
    ck_assert_str_eq(h->error, "failed as it should");
    ck_assert_str_eq(h->error_task, "b");
}

START_TEST(each_change_of_state_is_told_once_in_order_on_the_waiting_thread) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = chain(ctx);
    aip_run *run = NULL;
    heard h = {.thread = pthread_self()};
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_on_event(run, hear, &h);
    FAILS(aip_run_wait(run, &err), AIP_E_DATA, "failed as it should");
    ck_chain(&h);
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(polling_with_a_budget_does_the_work_and_tells_the_same) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = chain(ctx);
    aip_run *run = NULL;
    heard h = {.thread = pthread_self()};
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_on_event(run, hear, &h);
    int32_t state = AIP_RUN_QUEUED;
    for (uint64_t i = 0; i < 10000 && state < AIP_RUN_SUCCESS; i++) state = aip_run_poll(run, i, 1000000);
    ck_assert_int_eq(state, AIP_RUN_FAILED);
    ck_chain(&h);
    ck_assert(aip_run_next_deadline(run) == AIP_NEVER);
    ck_assert_int_eq(aip_run_poll(run, 0, 0), AIP_RUN_FAILED);
    ck_chain(&h);
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

typedef struct polling {
    heard heard;
    aip_run *run;
} polling;

static void hear_and_poll(void *user, const aip_task_event *event) {
    polling *p = user;
    hear(&p->heard, event);
    aip_run_poll(p->run, 0, 100000000); /* with no thread, all that is left runs in here */
}

START_TEST(a_host_may_poll_from_its_event_function_and_is_told_each_change_once) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = chain(ctx);
    polling p = {.heard = {.thread = pthread_self()}};
    OK(aip_run_start(dag, NULL, &p.run, &err));
    aip_run_on_event(p.run, hear_and_poll, &p);
    FAILS(aip_run_wait(p.run, &err), AIP_E_DATA, "failed as it should");
    ck_chain(&p.heard);
    aip_run_free(p.run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

/* A host with a loop: one thread of its own runs what is submitted, and wake makes the loop poll. */
typedef struct host {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    aip_job *queue[64];
    int32_t n;
    bool woken, ending, shut;
    _Atomic(int32_t) after_shutdown;
} host;

static int32_t host_submit(void *user, aip_job *job) {
    host *h = user;
    int32_t status = AIP_E_AGAIN;
    if (h->shut) atomic_fetch_add(&h->after_shutdown, 1);
    pthread_mutex_lock(&h->lock);
    if (h->n < 64) {
        h->queue[h->n++] = job;
        status = AIP_OK;
    }
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    return status;
}

static void host_wake(void *user) {
    host *h = user;
    pthread_mutex_lock(&h->lock);
    if (h->shut) atomic_fetch_add(&h->after_shutdown, 1);
    h->woken = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static void *host_work(void *user) {
    host *h = user;
    pthread_mutex_lock(&h->lock);
    while (!h->ending) {
        if (h->n == 0) {
            pthread_cond_wait(&h->changed, &h->lock);
            continue;
        }
        aip_job *job = h->queue[--h->n];
        pthread_mutex_unlock(&h->lock);
        aip_job_run(job);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

START_TEST(a_host_that_polls_when_woken_and_helps_with_nothing_sees_the_run_to_its_end) {
    for (int32_t round = 0; round < 200; round++) {
        host h = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        aip_executor_callbacks callbacks = AIP_EXECUTOR_CALLBACKS_INIT;
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        aip_context *ctx = NULL;
        pthread_t thread;
        callbacks.user = &h;
        callbacks.submit = host_submit;
        callbacks.wake = host_wake;
        options.executor = &callbacks;
        OK(aip_context_create(&options, &ctx, &err));
        ck_assert_int_eq(pthread_create(&thread, NULL, host_work, &h), 0);
        aip_dag *dag = chain(ctx);
        aip_run *run = NULL;
        heard told = {.thread = pthread_self()};
        OK(aip_run_start(dag, NULL, &run, &err));
        aip_run_on_event(run, hear, &told);
        for (int32_t state = AIP_RUN_QUEUED; state < AIP_RUN_SUCCESS;) {
            state = aip_run_poll(run, 0, 0);
            pthread_mutex_lock(&h.lock);
            while (state < AIP_RUN_SUCCESS && !h.woken) pthread_cond_wait(&h.changed, &h.lock);
            h.woken = false;
            if (state >= AIP_RUN_SUCCESS) h.shut = true; /* as a host that closes its handles: nothing of this run may follow */
            pthread_mutex_unlock(&h.lock);
        }
        ck_chain(&told);
        aip_run_free(run);
        aip_dag_free(dag);
        aip_context_free(ctx);
        pthread_mutex_lock(&h.lock);
        h.ending = true;
        pthread_cond_broadcast(&h.changed);
        pthread_mutex_unlock(&h.lock);
        pthread_join(thread, NULL);
        for (int32_t i = 0; i < h.n; i++) aip_job_drop(h.queue[i]);
        ck_assert_int_eq(atomic_load(&h.after_shutdown), 0);
    }
}
END_TEST

static int32_t reports_progress(void *user, aip_task_context *task, aip_error **err) {
    const aip_call *call = aip_task_call(task);
    (void)user, (void)err;
    for (int64_t i = 1; i <= 20; i++) {
        aip_progress progress = {.struct_size = sizeof progress, .rows = i, .fraction = (double)i / 20, .phase = "count"};
        if (call->progress(call->user, &progress) != AIP_OK) return AIP_E_CANCELLED;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return AIP_OK;
}

START_TEST(progress_is_told_while_a_task_runs_even_on_the_waiting_thread) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    heard h = {.thread = pthread_self()};
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "long", reports_progress, NULL, NULL, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_on_event(run, hear, &h);
    OK(aip_run_wait(run, &err));
    ck_assert_int_eq(h.n, 2);
    ck_assert_int_ge(h.progress, 1);
    ck_assert_int_ge(h.rows, 1);
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

static int32_t says(void *user, aip_task_context *task, aip_error **err) {
    (void)user, (void)err;
    aip_task_log(task, AIP_LOG_INFO, "as it were");
    return AIP_OK;
}

START_TEST(a_tasks_log_has_its_name_and_a_state_its_word) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "talker", says, NULL, NULL, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    OK(aip_run_wait(run, &err));
    ck_assert(test_logged("talker: as it were\n"));
    ck_assert_str_eq(aip_task_state_name(AIP_TASK_UPSTREAM_FAILED), "upstream_failed");
    ck_assert_str_eq(aip_task_state_name(AIP_TASK_NONE), "none");
    ck_assert_str_eq(aip_task_state_name(99), "?");
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

Suite *dag_events_suite(void) {
    Suite *suite = suite_create("dag events");
    TCase *tc = tcase_create("dag events");
    tcase_add_loop_test(tc, each_change_of_state_is_told_once_in_order_on_the_waiting_thread, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, a_host_may_poll_from_its_event_function_and_is_told_each_change_once, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, polling_with_a_budget_does_the_work_and_tells_the_same, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_host_that_polls_when_woken_and_helps_with_nothing_sees_the_run_to_its_end);
    tcase_add_loop_test(tc, progress_is_told_while_a_task_runs_even_on_the_waiting_thread, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_tasks_log_has_its_name_and_a_state_its_word);
    suite_add_tcase(suite, tc);
    return suite;
}
