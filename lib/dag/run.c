/* Runs: the state machine of tasks, each a job that starts when all it waits for has succeeded.
 *
 *     NONE -> QUEUED -> RUNNING -> SUCCESS | FAILED | CANCELLED
 *     NONE -> UPSTREAM_FAILED (a task before it did not succeed) | CANCELLED (the run was cancelled)
 *
 * A task that fails stops what depends on it and nothing else. The run's error is that of the first failed task in the DAG's order. */
#include "dag/run.h"

#include "base/clock.h"
#include <string.h>

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

void aip_run_free(aip_run *run) {
    if (!run) return;
    aip_context *ctx = run->ctx;
    if (run->group) {
        if (atomic_load(&run->state) < AIP_RUN_SUCCESS) aip_run_cancel(run);
        aip__group_wait(run->group, NULL);
        aip__group_free(run->group);
    }
    for (int32_t i = 0; run->tasks && i < run->dag->n_tasks; i++) {
        task_run_free(ctx, &run->tasks[i]);
        if (run->after) aip__free(ctx, run->after[i]);
    }
    aip__free(ctx, run->tasks);
    aip__free(ctx, run->after);
    aip__free(ctx, run->n_after);
    aip__free(ctx, run->events);
    aip_cancel_free(run->cancel);
    aip__document_free(run->document);
    pthread_mutex_destroy(&run->lock);
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
    int32_t status = aip__dag_parameters(run->dag, aip__params_node(options, "params"), run->document, &params, err);
    for (int32_t i = 0; i < run->dag->n_tasks && status == AIP_OK; i++) {
        aip__node *resolved = NULL;
        if (!run->dag->tasks[i].definition) continue;
        status = aip__dag_substitute(run->dag, run->dag->tasks[i].definition, params, run->document, &resolved, err);
        if (status == AIP_OK) status = aip__dag_check_definition(run->dag, i, resolved, err);
        run->tasks[i].definition = resolved;
    }
    aip__params_free(options);
    return status;
}

static int32_t submit(aip_run *run, int32_t i) {
    aip_error *refused = NULL;
    int32_t status = aip__group_submit(run->group, task_job, &run->tasks[i], i, &refused);
    aip_error_free(refused);
    return status;
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
    pthread_mutex_init(&run->lock, NULL);
    dag->frozen = true;
    int32_t status = make_edges(run, err);
    if (status == AIP_OK) status = resolve(run, options_json, err);
    if (status == AIP_OK) status = aip_cancel_create(ctx, &run->cancel, err);
    if (status == AIP_OK) status = aip__group_create(ctx, &run->group, err);
    if (status != AIP_OK) {
        atomic_store(&run->state, AIP_RUN_FAILED); /* nothing was started */
        aip_run_free(run);
        return status;
    }
    atomic_store(&run->state, dag->n_tasks == 0 ? AIP_RUN_SUCCESS : AIP_RUN_RUNNING);
    if (dag->n_tasks == 0) run->ended_ns = run->started_ns;
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK; i++) {
        if (dag->tasks[i].n_before > 0) continue;
        run->tasks[i].state = AIP_TASK_QUEUED;
        status = submit(run, i);
    }
    if (status != AIP_OK) {
        aip_run_free(run);
        return aip__error_memory(ctx, err);
    }
    *out = run;
    return AIP_OK;
}

/* ---- a task's end ------------------------------------------------------------------------------------------------------------------------ */

/* When every task has ended: the run's own state. Under the lock. */
static void end_run(aip_run *run) {
    int32_t state = AIP_RUN_SUCCESS;
    for (int32_t i = 0; i < run->dag->n_tasks; i++) {
        if (run->tasks[i].state == AIP_TASK_FAILED) {
            state = AIP_RUN_FAILED;
            break;
        }
        if (run->tasks[i].state == AIP_TASK_CANCELLED) state = AIP_RUN_CANCELLED;
    }
    run->ended_ns = aip__clock_ns();
    atomic_store(&run->state, state);
}

/* Ends a task that never ran, and so on for all that depend on it. Under the lock. The work list is the tasks' own order: a task lies after what it
 * waits for in the walk, because it is only reached through it. */
static void end_unstarted(aip_run *run, int32_t first, int32_t state, int32_t *stack) {
    int32_t n = 0;
    stack[n++] = first;
    while (n > 0) {
        int32_t i = stack[--n];
        for (int32_t k = 0; k < run->n_after[i]; k++) {
            int32_t s = run->after[i][k];
            if (run->tasks[s].state != AIP_TASK_NONE) continue;
            aip__run_set_state(run, s, state);
            run->n_left--;
            stack[n++] = s;
        }
    }
}

/* The task has ended with `status`: its successors start, or end too. */
static void end_task(aip_run *run, aip__task_run *t, int32_t state) {
    aip_context *ctx = run->ctx;
    const int32_t *after = run->after[t->index];
    int32_t n_after = run->n_after[t->index];
    int32_t *ready = aip__calloc(ctx, (size_t)run->dag->n_tasks + 1, sizeof *ready); /* also the stack of end_unstarted */
    int32_t n_ready = 0;
    pthread_mutex_lock(&run->lock);
    if (!ready) state = t->status = AIP_TASK_FAILED; /* without it no successor can start, or be told */
    aip__run_set_state(run, t->index, state);
    run->n_left--;
    if (state == AIP_TASK_SUCCESS) {
        for (int32_t i = 0; i < n_after; i++) {
            aip__task_run *s = &run->tasks[after[i]];
            if (--s->waits == 0 && s->state == AIP_TASK_NONE) {
                s->state = AIP_TASK_QUEUED;
                ready[n_ready++] = s->index;
            }
        }
    } else if (ready) {
        end_unstarted(run, t->index, state == AIP_TASK_CANCELLED ? AIP_TASK_CANCELLED : AIP_TASK_UPSTREAM_FAILED, ready);
    }
    if (run->n_left == 0) end_run(run);
    pthread_mutex_unlock(&run->lock);
    for (int32_t i = 0; i < n_ready; i++)
        if (submit(run, ready[i]) != AIP_OK) {
            aip__task_run *s = &run->tasks[ready[i]];
            aip__error_memory(ctx, &s->error);
            s->status = AIP_E_NOMEM;
            end_task(run, s, AIP_TASK_FAILED); /* no deeper than the graph, and only when memory is out */
        }
    aip__free(ctx, ready);
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
    return output ? aip__task_write_output(task, output, err) : AIP_OK;
}

static int32_t task_job(void *arg, bool skip, aip_error **err) {
    (void)err;
    aip__task_run *t = arg;
    aip_run *run = t->run;
    if (skip) return AIP_OK; /* only when the group is stopped, and a run's never is */
    bool cancelled = aip_cancel_requested(run->cancel) || aip_cancel_requested(run->ctx->closing);
    pthread_mutex_lock(&run->lock);
    if (!cancelled) aip__run_set_state(run, t->index, AIP_TASK_RUNNING);
    pthread_mutex_unlock(&run->lock);
    if (cancelled) {
        end_task(run, t, AIP_TASK_CANCELLED);
        return AIP_OK;
    }
    aip__run_announce(run);
    aip_task_context task = {.run = run, .task = &run->dag->tasks[t->index], .state = t, .call = AIP_CALL_INIT};
    task.call.cancel = run->cancel;
    task.call.progress = aip__run_progress;
    task.call.user = t;
    aip_error *e = NULL;
    int32_t status = aip__token_init(&task.token, run->ctx, &task.call, &e);
    if (status == AIP_OK) status = run_body(&task, &e);
    if (status != AIP_OK) {
        if (!e) aip__error_set(&e, status, "the task's callback returned %d", (int)status);
        aip__error_at_task(&e, task.task->name);
    }
    pthread_mutex_lock(&run->lock);
    t->error = e;
    t->status = status;
    pthread_mutex_unlock(&run->lock);
    end_task(run, t, status == AIP_OK ? AIP_TASK_SUCCESS : status == AIP_E_CANCELLED ? AIP_TASK_CANCELLED : AIP_TASK_FAILED);
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
    int32_t wanted = state == AIP_RUN_FAILED ? AIP_TASK_FAILED : AIP_TASK_CANCELLED;
    pthread_mutex_lock(&run->lock);
    for (int32_t i = 0; i < run->dag->n_tasks && status == AIP_OK; i++) {
        const aip__task_run *t = &run->tasks[i];
        if (t->state != wanted || t->status == AIP_OK) continue;
        status = t->status;
        if (t->error) aip__error_move(err, aip__error_copy(t->error));
    }
    pthread_mutex_unlock(&run->lock);
    return status != AIP_OK ? status : aip__error_set(err, AIP_E_CANCELLED, "the run was cancelled");
}

int32_t aip_run_wait(aip_run *run, aip_error **err) {
    AIP__BEGIN(err);
    if (!run) return aip__error_set(err, AIP_E_MISUSE, "aip_run_wait: the run is NULL");
    while (atomic_load(&run->state) < AIP_RUN_SUCCESS) {
        aip__run_deliver(run);
        aip__group_help(run->group, something_to_do, run, 0);
    }
    aip__group_wait(run->group, NULL); /* the last job has left */
    aip__run_deliver(run);
    return aip_run_result(run, err);
}

int32_t aip_run_poll(aip_run *run, uint64_t now_ns, uint64_t budget_ns) {
    (void)now_ns; /* no task has a deadline of its own yet */
    if (!run) return AIP_RUN_FAILED;
    int64_t until = aip__clock_ns() + (budget_ns > (uint64_t)INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)budget_ns);
    aip__run_deliver(run);
    while (budget_ns > 0 && atomic_load(&run->state) < AIP_RUN_SUCCESS && aip__clock_ns() < until) {
        aip__group_help(run->group, something_to_do, run, until);
        aip__run_deliver(run);
    }
    int32_t state = atomic_load(&run->state);
    if (state >= AIP_RUN_SUCCESS) aip__run_deliver(run); /* what came with the end */
    return state;
}

uint64_t aip_run_next_deadline(aip_run *run) {
    (void)run;
    return AIP_NEVER;
}

void aip_run_on_event(aip_run *run, aip_task_event_fn fn, void *user) {
    if (!run) return;
    run->on_event = fn;
    run->on_event_user = user;
}

void aip_run_cancel(aip_run *run) {
    if (run) aip_cancel_request(run->cancel);
}
