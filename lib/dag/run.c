/* Runs: the state machine of tasks, each a job that starts when all it waits for has succeeded.
 *
 *     NONE -> QUEUED -> RUNNING -> SUCCESS | FAILED | TIMED_OUT | CANCELLED
 *     NONE -> UPSTREAM_FAILED (a task before it did not succeed) | CANCELLED (the run was cancelled)
 *
 * A task that fails stops what depends on it and nothing else. The run's error is that of the first failed task in the DAG's order. */
#include "dag/run.h"

#include "base/clock.h"
#include <string.h>

#define OFFER_AGAIN_NS ((uint64_t)10 * 1000 * 1000) /* to an executor that refused a job */

static const aip_param_spec run_params[] = {{.struct_size = sizeof(aip_param_spec),
                                             .type = AIP_PARAM_OBJECT,
                                             .name = "params",
                                             .doc = "values for the DAG's parameters",
                                             .default_json = "{}"}};
static const aip_descriptor run_descriptor = {.struct_size = sizeof(aip_descriptor),
                                              .kind = AIP_KIND_OPERATOR,
                                              .name = "run",
                                              .doc = "options of a run",
                                              .params = run_params,
                                              .n_params = 1,
                                              .param_stride = sizeof(aip_param_spec)};

static int32_t task_job(void *arg, bool skip, aip_error **err);

static void task_run_free(aip_context *ctx, aip__task_run *t) {
    for (int32_t i = 0; i < t->n_outputs; i++) {
        aip__free(ctx, t->outputs[i].name);
        aip_dataset_free(t->outputs[i].dataset);
        aip_package_free(t->outputs[i].package);
    }
    aip__free(ctx, t->outputs);
    aip__free(ctx, t->metrics);
    aip_error_free(t->error);
}

/* A fork lies between the threads that work for the run and this process: what is not ended will never be. */
bool aip__run_lost(const aip_run *run) {
    return run->group && aip__group_inherited(run->group) && atomic_load(&run->state) < AIP_RUN_SUCCESS;
}

int32_t aip__run_forked(aip_error **err) {
    return aip__error_set(err, AIP_E_FORKED, "this run was under way when the process forked: it goes on in the parent alone");
}

void aip_run_free(aip_run *run) {
    if (!run) return;
    aip_context *ctx = run->ctx;
    bool lost = aip__run_lost(run);
    if (run->group && aip__group_inside(run->group)) { /* its tasks still need it, and this one cannot wait for itself */
        aip_run_cancel(run);
        aip__log(ctx, AIP_LOG_ERROR, NULL,
                 "aip_run_free was called in a task of the run: the run was cancelled, and is not freed");
        return;
    }
    if (run->group) {
        if (atomic_load(&run->state) < AIP_RUN_SUCCESS) aip_run_cancel(run);
        aip__group_wait(run->group, NULL);
        aip__group_free(run->group);
    }
    for (int32_t i = 0; run->tasks && i < run->dag->n_tasks; i++) {
        bool torn = lost && !aip__task_state_ended(run->tasks[i].state); /* a thread of the parent was changing it */
        if (!torn) task_run_free(ctx, &run->tasks[i]);
        if (run->after) aip__free(ctx, run->after[i]);
    }
    aip__free(ctx, run->tasks);
    aip__free(ctx, run->after);
    aip__free(ctx, run->n_after);
    aip__free(ctx, run->events);
    aip_cancel_free(run->cancel);
    aip__document_free(run->document);
    aip__lock_destroy(ctx, &run->lock);
    aip_dag_free(run->dag);
    aip__free(ctx, run);
    aip__context_release(ctx);
}

/* ---- start --------------------------------------------------------------------------------------------------------------------------- */

static int32_t make_edges(aip_run *run, aip_error **err) {
    const aip_dag *dag = run->dag;
    aip_context *ctx = run->ctx;
    size_t n = (size_t)dag->n_tasks + 1;
    run->tasks = aip__calloc(ctx, n, sizeof *run->tasks);
    run->after = aip__calloc(ctx, n, sizeof *run->after);
    run->n_after = aip__calloc(ctx, n, sizeof *run->n_after);
    run->events_capacity = 2 * n;
    run->events = aip__calloc(ctx, run->events_capacity, sizeof *run->events);
    if (!run->tasks || !run->after || !run->n_after || !run->events) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < dag->n_tasks; i++)
        for (int32_t k = 0; k < dag->tasks[i].n_before; k++) run->n_after[dag->tasks[i].before[k]]++;
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        run->after[i] = aip__calloc(ctx, (size_t)run->n_after[i] + 1, sizeof **run->after);
        if (!run->after[i]) return aip__error_memory(ctx, err);
        run->n_after[i] = 0;
    }
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        run->tasks[i] = (aip__task_run){.run = run, .index = i, .waits = dag->tasks[i].n_before, .fraction = -1};
        run->tasks[i].counts = (aip_row_counts)AIP_ROW_COUNTS_INIT;
        run->tasks[i].counts.rows_in = -1;
        for (int32_t k = 0; k < dag->tasks[i].n_before; k++) {
            int32_t b = dag->tasks[i].before[k];
            run->after[b][run->n_after[b]++] = i;
        }
    }
    return AIP_OK;
}

/* Values of the parameters, and the definitions with them put in. */
static int32_t resolve(aip_run *run, const char *options_json, aip_error **err) {
    aip_params *options = NULL;
    aip__node *params = NULL;
    AIP__TRY(aip__document_new(run->ctx, &run->document, err));
    AIP__TRY(aip__params_parse(run->ctx, &run_descriptor, options_json, &options, err));
    int32_t status = aip__dag_parameters(run->dag, aip__params_node(options, "params"), false, run->document, &params, err);
    run->params = params;
    for (int32_t i = 0; i < run->dag->n_tasks && status == AIP_OK; i++) {
        aip__node *resolved = NULL;
        if (!run->dag->tasks[i].definition) continue;
        status = aip__dag_substitute(run->dag, run->dag->tasks[i].definition, params, run->document, &resolved, err);
        if (status == AIP_OK) status = aip__dag_check_definition(run->dag, i, resolved, err);
        run->tasks[i].definition = resolved;
        if (status != AIP_OK) aip__error_at_task(err, run->dag->tasks[i].name);
    }
    aip__params_free(options);
    return status;
}

static int32_t check_paths(aip_run *run, aip_error **err) {
    int32_t n = run->dag->n_tasks;
    const aip__node **definitions = aip__calloc(run->ctx, (size_t)n + 1, sizeof *definitions);
    if (!definitions) return aip__error_memory(run->ctx, err);
    for (int32_t i = 0; i < n; i++) definitions[i] = run->tasks[i].definition;
    int32_t status = aip__dag_check_paths(run->dag, definitions, err);
    aip__free(run->ctx, definitions);
    return status;
}

/* A job that the executor refuses is for whoever waits, or for the next poll: a host that only polls must be told. */
static int32_t submit(aip__task_run *t, aip_error **err) {
    aip_run *run = t->run;
    AIP__TRY(aip__group_submit(run->group, task_job, t, t->index, err));
    if (aip__group_unoffered(run->group)) aip__run_announce(run);
    return AIP_OK;
}

int32_t aip_run_start(aip_dag *dag, const char *options_json, aip_run **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!dag || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_run_start: expected a DAG and out");
    aip_context *ctx = dag->ctx;
    if (atomic_load(&ctx->closed)) return aip__error_set(err, AIP_E_STATE, "the context is closed");
    AIP__TRY(aip__dag_check_cycles(dag, err));
    aip_run *run = aip__calloc(ctx, 1, sizeof *run);
    if (!run) return aip__error_memory(ctx, err);
    run->ctx = aip__context_retain(ctx);
    atomic_fetch_add_explicit(&dag->refs, 1, memory_order_relaxed);
    run->dag = dag;
    run->n_left = dag->n_tasks;
    run->started_ns = aip__clock_ns();
    aip__lock_init(ctx, &run->lock);
    dag->frozen = true;
    int32_t status = make_edges(run, err);
    if (status == AIP_OK) status = resolve(run, options_json, err);
    if (status == AIP_OK) status = check_paths(run, err);
    if (status == AIP_OK) status = aip_cancel_create(ctx, &run->cancel, err);
    if (status == AIP_OK) status = aip__group_create(ctx, &run->group, err);
    if (status != AIP_OK) {
        atomic_store(&run->state, AIP_RUN_FAILED); /* nothing was started */
        aip_run_free(run);
        return status;
    }
    atomic_store(&run->state, dag->n_tasks == 0 ? AIP_RUN_SUCCESS : AIP_RUN_RUNNING);
    if (dag->n_tasks == 0) run->ended_ns = run->started_ns;
    for (int32_t i = 0; i < dag->n_tasks; i++) /* all of them before one may run, and look at the others */
        if (dag->tasks[i].n_before == 0) run->tasks[i].state = AIP_TASK_QUEUED;
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK; i++)
        if (dag->tasks[i].n_before == 0) status = submit(&run->tasks[i], err);
    if (status != AIP_OK) {
        aip_run_free(run);
        return status;
    }
    if (dag->n_tasks == 0) aip__run_announce(run); /* it has ended: nothing else will say so */
    *out = run;
    return AIP_OK;
}

/* ---- a task's end ------------------------------------------------------------------------------------------------------------------------ */

static bool has_failed(int32_t state) { return state == AIP_TASK_FAILED || state == AIP_TASK_TIMED_OUT; }

/* When every task has ended: the run's own state. Under the lock. */
static void end_run(aip_run *run) {
    int32_t state = AIP_RUN_SUCCESS;
    for (int32_t i = 0; i < run->dag->n_tasks && state != AIP_RUN_FAILED; i++) {
        if (has_failed(run->tasks[i].state)) state = AIP_RUN_FAILED;
        if (run->tasks[i].state == AIP_TASK_CANCELLED) state = AIP_RUN_CANCELLED;
    }
    run->ended_ns = aip__clock_ns();
    atomic_store(&run->state, state);
}

/* Ends all that depends on a task that did not succeed; none of it has started. Under the lock. */
static void end_unstarted(aip_run *run, aip__task_run *first, int32_t state) {
    first->next = NULL;
    for (aip__task_run *left = first; left;) {
        aip__task_run *t = left;
        left = t->next;
        for (int32_t k = 0; k < run->n_after[t->index]; k++) {
            aip__task_run *s = &run->tasks[run->after[t->index][k]];
            if (s->state != AIP_TASK_NONE) continue;
            aip__run_set_state(run, s->index, state);
            run->n_left--;
            s->next = left;
            left = s;
        }
    }
}

/* Tasks that may start now, in order. */
typedef struct ready_list {
    aip__task_run *first, **last;
} ready_list;

/* Under the lock. */
static void settle(aip_run *run, aip__task_run *t, int32_t state, ready_list *ready) {
    aip__run_set_state(run, t->index, state);
    run->n_left--;
    if (state != AIP_TASK_SUCCESS)
        end_unstarted(run, t, state == AIP_TASK_CANCELLED ? AIP_TASK_CANCELLED : AIP_TASK_UPSTREAM_FAILED);
    for (int32_t k = 0; state == AIP_TASK_SUCCESS && k < run->n_after[t->index]; k++) {
        aip__task_run *s = &run->tasks[run->after[t->index][k]];
        if (--s->waits > 0 || s->state != AIP_TASK_NONE) continue;
        s->state = AIP_TASK_QUEUED;
        s->next = NULL;
        *ready->last = s;
        ready->last = &s->next;
    }
    if (run->n_left == 0) end_run(run);
}

/* The task has ended: what waited for it alone starts, or ends too. A task that cannot be started (no memory) has failed. */
static void end_task(aip_run *run, aip__task_run *t, int32_t state) {
    ready_list ready = {.last = &ready.first};
    aip__lock_take(run->ctx, &run->lock);
    settle(run, t, state, &ready);
    aip__lock_leave(&run->lock);
    for (aip__task_run *s = ready.first; s;) {
        aip_error *error = NULL;
        aip__task_run *next = s->next; /* once submitted the task may run, and end */
        int32_t status = submit(s, &error);
        if (status != AIP_OK) {
            aip__lock_take(run->ctx, &run->lock);
            s->status = status;
            s->error = error;
            settle(run, s, AIP_TASK_FAILED, &ready); /* makes no task ready */
            aip__lock_leave(&run->lock);
        }
        s = next;
    }
    aip__run_announce(run);
}

/* ---- a task ----------------------------------------------------------------------------------------------------------------------------- */

/* Datasets with more than one reader are read into memory now, so that nothing is parsed twice. */
static int32_t keep_outputs(aip_task_context *task, aip_error **err) {
    for (int32_t i = 0; i < task->state->n_outputs; i++) {
        aip__output *o = &task->state->outputs[i];
        if (o->dataset && aip__task_n_readers(task, o->name) > 1) AIP__TRY(aip__dataset_keep(o->dataset, &task->token, err));
    }
    return AIP_OK;
}

static int32_t run_body(aip_task_context *task, aip_error **err) {
    const aip__task *t = task->task;
    AIP__TRY(aip__token_check(&task->token, err));
    if (t->fn) {
        AIP__TRY(t->fn(t->user, task, err));
        return keep_outputs(task, err);
    }
    const aip__node *definition = task->state->definition;
    const aip__operator_ops *ops = t->operator_->ops;
    AIP__TRY(ops->run(task, aip__node_get(definition, t->operator_->name), err));
    AIP__TRY(keep_outputs(task, err));
    const aip__node *output = aip__node_get(definition, "output");
    return output && output->kind != AIP__NULL ? aip__task_write_output(task, output, err) : AIP_OK;
}

/* Sets the task's call up and does its work. */
static int32_t run_task(aip_run *run, aip__task_run *t, aip_error **err) {
    aip_task_context task = {.run = run, .task = &run->dag->tasks[t->index], .state = t, .call = AIP_CALL_INIT};
    double timeout = 0;
    if (t->definition) AIP__TRY(aip__dag_timeout(run->dag, t->definition, &timeout, err));
    task.call.cancel = run->cancel;
    task.call.progress = aip__run_progress;
    task.call.user = t;
    if (timeout > 0) task.call.timeout_ns = timeout > 9e9 ? INT64_MAX : (int64_t)(timeout * 1e9);
    AIP__TRY(aip__token_init(&task.token, run->ctx, &task.call, err));
    aip__token *outer = aip__token_enter(&task.token);
    int32_t status = run_body(&task, err);
    aip__token_enter(outer);
    return status;
}

/* A callback that says `cancelled` though nobody asked for it has failed. */
static int32_t state_of(const aip_run *run, int32_t status) {
    if (status == AIP_OK) return AIP_TASK_SUCCESS;
    if (status == AIP_E_TIMEOUT) return AIP_TASK_TIMED_OUT;
    bool asked = aip_cancel_requested(run->cancel) || aip_cancel_requested(run->ctx->closing);
    return status == AIP_E_CANCELLED && asked ? AIP_TASK_CANCELLED : AIP_TASK_FAILED;
}

static int32_t task_job(void *arg, bool skip, aip_error **err) {
    (void)err;
    aip__task_run *t = arg;
    aip_run *run = t->run;
    if (skip) return AIP_OK; /* only when the group is stopped, and a run's never is */
    bool cancelled = aip_cancel_requested(run->cancel) || aip_cancel_requested(run->ctx->closing);
    aip__lock_take(run->ctx, &run->lock);
    if (!cancelled) aip__run_set_state(run, t->index, AIP_TASK_RUNNING);
    aip__lock_leave(&run->lock);
    if (cancelled) {
        end_task(run, t, AIP_TASK_CANCELLED);
        return AIP_OK;
    }
    aip__run_announce(run);
    aip_error *e = NULL;
    int32_t status = run_task(run, t, &e);
    if (status == AIP_OK) {
        aip_error_free(e); /* a callback's, which it got over */
        e = NULL;
    } else {
        if (!e) aip__error_set(&e, status, "the task's callback returned %d", (int)status);
        aip__error_at_task(&e, run->dag->tasks[t->index].name);
        if (status != AIP_E_CANCELLED) aip__dag_place_task_error(run->dag, t->index, t->definition, &e);
    }
    aip__lock_take(run->ctx, &run->lock);
    t->error = e;
    t->status = status;
    if (t->counts.rows_in >= 0) t->rows = t->counts.rows_out; /* what counts is what it made, not its last pass */
    aip__lock_leave(&run->lock);
    end_task(run, t, state_of(run, status));
    return AIP_OK; /* the run keeps its own errors; a group would skip other tasks */
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------------------------ */

static bool something_to_do(void *arg) {
    aip_run *run = arg;
    return atomic_load(&run->pending) || atomic_load(&run->state) >= AIP_RUN_SUCCESS;
}

int32_t aip_run_result(aip_run *run, aip_error **err) {
    AIP__BEGIN(err);
    if (!run) return aip__error_set(err, AIP_E_MISUSE, "aip_run_result: the run is NULL");
    int32_t state = atomic_load(&run->state), status = AIP_OK;
    if (state < AIP_RUN_SUCCESS) return aip__error_set(err, AIP_E_STATE, "the run has not ended");
    if (state == AIP_RUN_SUCCESS) return AIP_OK;
    if (state == AIP_RUN_CANCELLED) return aip__error_set(err, AIP_E_CANCELLED, "the run was cancelled");
    aip__lock_take(run->ctx, &run->lock);
    for (int32_t i = 0; i < run->dag->n_tasks && status == AIP_OK; i++) {
        const aip__task_run *t = &run->tasks[i];
        if (!has_failed(t->state)) continue;
        status = t->status;
        aip__error_move(err, aip__error_copy(t->error));
    }
    aip__lock_leave(&run->lock);
    return status;
}

/* Runs jobs until there is something to do, or the deadline. False: the run will never end here, its threads did not come through a fork. */
static bool help(aip_run *run, int64_t deadline_ns) {
    bool none_left = aip__group_help(run->group, something_to_do, run, deadline_ns);
    return !none_left || atomic_load(&run->state) >= AIP_RUN_SUCCESS;
}

int32_t aip_run_wait(aip_run *run, aip_error **err) {
    AIP__BEGIN(err);
    if (!run) return aip__error_set(err, AIP_E_MISUSE, "aip_run_wait: the run is NULL");
    if (aip__group_inside(run->group))
        return aip__error_set(err, AIP_E_MISUSE, "aip_run_wait was called in a task of the run: a run cannot wait for itself");
    if (aip__run_lost(run)) return aip__run_forked(err);
    if (aip__group_inherited(run->group)) return aip_run_result(run, err); /* it had ended before the fork */
    aip_run *outer = aip__run_here(run);
    bool here = true;
    while (here && atomic_load(&run->state) < AIP_RUN_SUCCESS) {
        aip__run_deliver(run);
        here = help(run, 0);
    }
    int32_t status = aip__group_wait(run->group, err); /* the last job has left */
    aip__run_here(outer);
    if (status != AIP_OK) return status;
    aip__run_deliver(run);
    return aip_run_result(run, err);
}

int32_t aip_run_poll(aip_run *run, uint64_t now_ns, uint64_t budget_ns) {
    if (!run) return AIP_RUN_FAILED;
    if (aip__group_inside(run->group)) return atomic_load(&run->state); /* a task of the run: nothing to help with here */
    if (aip__group_inherited(run->group)) return atomic_load(&run->state);
    int64_t until = aip__clock_ns() + (budget_ns > (uint64_t)INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)budget_ns);
    aip_run *outer = aip__run_here(run);
    bool here = true;
    run->polled_ns = now_ns;
    run->retry_ns = budget_ns > 0 ? 0 : OFFER_AGAIN_NS; /* what is left of a budget's work goes on at once */
    aip__run_deliver(run);
    if (budget_ns == 0) aip__group_offer(run->group);
    while (here && budget_ns > 0 && atomic_load(&run->state) < AIP_RUN_SUCCESS && aip__clock_ns() < until) {
        here = help(run, until);
        aip__run_deliver(run);
    }
    int32_t state = atomic_load(&run->state);
    if (state >= AIP_RUN_SUCCESS) {
        aip__group_wait(run->group, NULL); /* the last job has left: no wake follows */
        aip__run_deliver(run);             /* what came with the end */
    }
    aip__run_here(outer);
    return state;
}

uint64_t aip_run_next_deadline(aip_run *run) {
    if (!run || atomic_load(&run->state) >= AIP_RUN_SUCCESS || !aip__group_unoffered(run->group)) return AIP_NEVER;
    return run->polled_ns + run->retry_ns;
}

void aip_run_on_event(aip_run *run, aip_task_event_fn fn, void *user) {
    if (!run) return;
    run->on_event = fn;
    run->on_event_user = user;
}

void aip_run_cancel(aip_run *run) {
    if (run) aip_cancel_request(run->cancel);
}
