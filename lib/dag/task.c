/* What a running task sees: the outputs of the tasks before it, and where its own go. */
#include "dag/run.h"

#include <string.h>

aip_context *aip_task_ctx(aip_task_context *task) { return task ? task->run->ctx : NULL; }
const aip_call *aip_task_call(aip_task_context *task) { return task ? &task->call : NULL; }

void aip_task_log(aip_task_context *task, int32_t level, const char *message) {
    if (!task || !task->run->ctx->log) return;
    task->run->ctx->log(task->run->ctx->log_user, level, task->task->name, message ? message : "");
}

const char *aip__task_base_dir(const aip_task_context *task) { return task->run->dag->base_dir; }
const char *aip__task_source(const aip_task_context *task) { return task->run->dag->source; }
const aip__node *aip__task_from(const aip_task_context *task) { return aip__node_get(task->state->definition, "from"); }

static bool same_name(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static const aip__output *find_output(const aip__task_run *t, const char *name) {
    for (int32_t i = 0; i < t->n_outputs; i++)
        if (same_name(t->outputs[i].name, name)) return &t->outputs[i];
    return NULL;
}

/* The output `task` or `task.output` of a run. A task that has succeeded changes no more, so what is found may be read without the lock. */
static const aip__output *output_of(aip_run *run, const char *name) {
    const char *dot = strchr(name, '.');
    int32_t i = aip__dag_find(run->dag, name, dot ? (size_t)(dot - name) : strlen(name));
    if (i < 0) return NULL;
    aip__lock_take(run->ctx, &run->lock);
    bool done = run->tasks[i].state == AIP_TASK_SUCCESS;
    aip__lock_leave(&run->lock);
    return done ? find_output(&run->tasks[i], dot ? dot + 1 : NULL) : NULL;
}

aip_dataset *aip_task_dataset(aip_task_context *task, const char *name) {
    const aip__output *o = task && name ? output_of(task->run, name) : NULL;
    return o ? o->dataset : NULL;
}

aip_package *aip_task_package(aip_task_context *task, const char *name) {
    const aip__output *o = task && name ? output_of(task->run, name) : NULL;
    return o ? o->package : NULL;
}

int32_t aip__task_dataset_at(aip_task_context *task, const aip__node *reference, aip_dataset **out, aip_error **err) {
    aip_dataset *d = reference && reference->kind == AIP__STRING ? aip_task_dataset(task, reference->string) : NULL;
    if (!d)
        return aip__dag_place(task->run->dag, reference,
                              aip__error_set(err, AIP_E_PARAM,
                                             "'%s' made no dataset: expected the name of a task or output that does",
                                             reference && reference->kind == AIP__STRING ? reference->string : "from"),
                              err);
    *out = d;
    return AIP_OK;
}

int32_t aip__task_package_at(aip_task_context *task, const aip__node *reference, aip_package **out, aip_error **err) {
    aip_package *p = reference && reference->kind == AIP__STRING ? aip_task_package(task, reference->string) : NULL;
    if (!p)
        return aip__dag_place(task->run->dag, reference,
                              aip__error_set(err, AIP_E_PARAM, "'%s' made no package: expected the name of a task that trains",
                                             reference && reference->kind == AIP__STRING ? reference->string : "from"),
                              err);
    *out = p;
    return AIP_OK;
}

/* The task's own output of this name, made when it is not there. */
static aip__output *own_output(aip_task_context *task, const char *name) {
    aip__task_run *t = task->state;
    aip_context *ctx = task->run->ctx;
    for (int32_t i = 0; i < t->n_outputs; i++)
        if (same_name(t->outputs[i].name, name)) return &t->outputs[i];
    char *copy = name ? aip__strdup(ctx, name) : NULL;
    if ((name && !copy) || aip__grow(ctx, &t->outputs, &t->outputs_capacity, (size_t)t->n_outputs + 1, sizeof *t->outputs) != 0) {
        aip__free(ctx, copy);
        return NULL;
    }
    t->outputs[t->n_outputs] = (aip__output){.name = copy};
    return &t->outputs[t->n_outputs++];
}

int32_t aip_task_set_dataset(aip_task_context *task, const char *name, aip_dataset *dataset, aip_error **err) {
    AIP__BEGIN(err);
    if (!task || !dataset) return aip__error_set(err, AIP_E_MISUSE, "aip_task_set_dataset: expected a task and a dataset");
    aip__output *o = own_output(task, name);
    if (!o) return aip__error_memory(task->run->ctx, err);
    aip_dataset_retain(dataset);
    aip_dataset_free(o->dataset);
    o->dataset = dataset;
    return AIP_OK;
}

int32_t aip_task_set_package(aip_task_context *task, const char *name, aip_package *package, aip_error **err) {
    AIP__BEGIN(err);
    if (!task || !package) return aip__error_set(err, AIP_E_MISUSE, "aip_task_set_package: expected a task and a package");
    aip__output *o = own_output(task, name);
    if (!o) return aip__error_memory(task->run->ctx, err);
    aip_package_retain(package);
    aip_package_free(o->package);
    o->package = package;
    return AIP_OK;
}

int32_t aip__task_set_metrics(aip_task_context *task, const char *json, aip_error **err) {
    char *copy = aip__strdup(task->run->ctx, json);
    if (!copy) return aip__error_memory(task->run->ctx, err);
    aip__lock_take(task->run->ctx, &task->run->lock);
    char *old = task->state->metrics;
    task->state->metrics = copy;
    aip__lock_leave(&task->run->lock);
    aip__free(task->run->ctx, old);
    return AIP_OK;
}

void aip__task_set_counts(aip_task_context *task, const aip_row_counts *counts) {
    aip__lock_take(task->run->ctx, &task->run->lock); /* the host may be told of them meanwhile */
    task->state->counts = *counts;
    task->state->rows = counts->rows_out;
    aip__lock_leave(&task->run->lock);
}

int32_t aip__task_n_readers(const aip_task_context *task, const char *output) {
    const aip_dag *dag = task->run->dag;
    int32_t n = 0;
    for (int32_t a = 0; a < task->run->n_after[task->state->index]; a++) {
        const aip__task *reader = &dag->tasks[task->run->after[task->state->index][a]];
        if (reader->fn) n++; /* what a callback reads of the tasks before it is known to nobody */
        for (int32_t k = 0; k < reader->n_references; k++) {
            const aip__reference *r = &reader->references[k];
            if (r->task == task->state->index && same_name(r->output, output)) n++;
        }
    }
    if (!output && task->state->definition && aip__node_get(task->state->definition, "output")) n++;
    return n;
}

/* ---- after the run ------------------------------------------------------------------------------------------------------------------ */

static int32_t no_output(const char *name, const char *what, aip_error **err) {
    return aip__error_set(err, AIP_E_NOT_FOUND, "'%s' has no %s: expected a task that succeeded and made one", name, what);
}

int32_t aip_run_dataset(aip_run *run, const char *name, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!run || !name || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_run_dataset: expected a run, a name and out");
    const aip__output *o = output_of(run, name);
    if (!o || !o->dataset) return no_output(name, "dataset", err);
    aip_dataset_retain(o->dataset);
    *out = o->dataset;
    return AIP_OK;
}

int32_t aip_run_package(aip_run *run, const char *name, aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!run || !name || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_run_package: expected a run, a name and out");
    const aip__output *o = output_of(run, name);
    if (!o || !o->package) return no_output(name, "package", err);
    aip_package_retain(o->package);
    *out = o->package;
    return AIP_OK;
}
