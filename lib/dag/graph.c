/* DAGs as graphs: tasks, edges, cycles. */
#include "dag/dag.h"

#include <string.h>

static void task_free(aip_context *ctx, aip__task *t) {
    if (t->destroy) t->destroy(t->user);
    aip__free(ctx, t->name);
    aip__free(ctx, t->before);
    for (int32_t i = 0; i < t->n_references; i++) aip__free(ctx, t->references[i].output);
    aip__free(ctx, t->references);
}

void aip_dag_free(aip_dag *dag) {
    if (!dag || atomic_fetch_sub_explicit(&dag->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = dag->ctx;
    for (int32_t i = 0; i < dag->n_tasks; i++) task_free(ctx, &dag->tasks[i]);
    for (int32_t i = 0; i < dag->n_documents; i++) aip__document_free(dag->documents[i]);
    aip__free(ctx, dag->tasks);
    aip__free(ctx, dag->documents);
    aip__free(ctx, dag->name);
    aip__free(ctx, dag->doc);
    aip__free(ctx, dag->source);
    aip__free(ctx, dag->base_dir);
    aip__free(ctx, dag);
    aip__context_release(ctx);
}

int32_t aip_dag_create(aip_context *ctx, const char *name, aip_dag **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !name || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_dag_create: expected a context, a name and out");
    aip_dag *dag = aip__calloc(ctx, 1, sizeof *dag);
    if (!dag) return aip__error_memory(ctx, err);
    atomic_init(&dag->refs, 1);
    dag->ctx = aip__context_retain(ctx);
    dag->name = aip__strdup(ctx, name);
    if (!dag->name) {
        aip_dag_free(dag);
        return aip__error_memory(ctx, err);
    }
    *out = dag;
    return AIP_OK;
}

int32_t aip__dag_place(const aip_dag *dag, const aip__node *at, int32_t status, aip_error **err) {
    if (status != AIP_OK && at && at->line > 0) {
        aip__error_at_source(err, dag->source);
        aip__error_at_line(err, at->line, at->column);
    }
    return status;
}

int32_t aip__dag_find(const aip_dag *dag, const char *name, size_t n) {
    for (int32_t i = 0; i < dag->n_tasks; i++)
        if (strlen(dag->tasks[i].name) == n && memcmp(dag->tasks[i].name, name, n) == 0) return i;
    return -1;
}

int32_t aip__dag_new_task(aip_dag *dag, const char *name, int32_t line, int32_t column, aip__task **out, aip_error **err) {
    size_t n = strlen(name), legal = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    aip__node at = {.line = line, .column = column};
    if (n == 0 || legal < n)
        return aip__dag_place(dag, &at,
                              aip__error_set(err, AIP_E_PARAM, "task name '%s': expected letters, digits, _ and -", name), err);
    if (aip__dag_find(dag, name, n) >= 0)
        return aip__dag_place(dag, &at,
                              aip__error_set(err, AIP_E_PARAM, "there are two tasks '%s': expected each name once", name), err);
    if (dag->n_tasks >= 1000000) return aip__error_set(err, AIP_E_PARAM, "more than 1,000,000 tasks");
    char *copy = aip__strdup(dag->ctx, name);
    if (!copy || aip__grow(dag->ctx, &dag->tasks, &dag->tasks_capacity, (size_t)dag->n_tasks + 1, sizeof *dag->tasks) != 0) {
        aip__free(dag->ctx, copy);
        return aip__error_memory(dag->ctx, err);
    }
    aip__task *t = &dag->tasks[dag->n_tasks++];
    *t = (aip__task){.name = copy, .line = line, .column = column};
    *out = t;
    return AIP_OK;
}

int32_t aip__dag_edge(aip_dag *dag, int32_t before, int32_t after, aip_error **err) {
    aip__task *t = &dag->tasks[after];
    int32_t at = 0;
    while (at < t->n_before && t->before[at] < before) at++;
    if (at < t->n_before && t->before[at] == before) return AIP_OK;
    if (aip__grow(dag->ctx, &t->before, &t->before_capacity, (size_t)t->n_before + 1, sizeof *t->before) != 0)
        return aip__error_memory(dag->ctx, err);
    memmove(&t->before[at + 1], &t->before[at], (size_t)(t->n_before - at) * sizeof *t->before);
    t->before[at] = before;
    t->n_before++;
    return AIP_OK;
}

static int32_t unknown_task(const aip_dag *dag, const char *name, size_t n, aip_error **err) {
    const char **names = aip__calloc(dag->ctx, (size_t)dag->n_tasks + 1, sizeof *names);
    char *given = aip__strndup(dag->ctx, name, n);
    int32_t status = AIP_E_NOMEM;
    if (names && given) {
        for (int32_t i = 0; i < dag->n_tasks; i++) names[i] = dag->tasks[i].name;
        const char *near = aip__nearest(given, names, (size_t)dag->n_tasks);
        status = aip__error_set(err, AIP_E_PARAM, "no task '%s'%s%s%s", given, near ? "; did you mean '" : "", near ? near : "",
                                near ? "'?" : "");
    } else {
        status = aip__error_memory(dag->ctx, err);
    }
    aip__free(dag->ctx, names);
    aip__free(dag->ctx, given);
    return status;
}

int32_t aip__dag_refer(aip_dag *dag, int32_t task, const aip__node *at, bool data, aip_error **err) {
    if (at->kind != AIP__STRING)
        return aip__dag_place(dag, at,
                              aip__error_set(err, AIP_E_PARAM, "expected the name of a task or `task.output`, found %s",
                                             aip__node_kind_name(at->kind)),
                              err);
    const char *dot = strchr(at->string, '.');
    size_t n = dot ? (size_t)(dot - at->string) : at->length;
    int32_t producer = aip__dag_find(dag, at->string, n);
    if (producer < 0) return aip__dag_place(dag, at, unknown_task(dag, at->string, n, err), err);
    AIP__TRY(aip__dag_edge(dag, producer, task, err));
    if (!data) return AIP_OK;
    aip__task *t = &dag->tasks[task];
    if (aip__grow(dag->ctx, &t->references, &t->references_capacity, (size_t)t->n_references + 1, sizeof *t->references) != 0)
        return aip__error_memory(dag->ctx, err);
    char *output = dot ? aip__strdup(dag->ctx, dot + 1) : NULL;
    if (dot && !output) return aip__error_memory(dag->ctx, err);
    t->references[t->n_references++] = (aip__reference){producer, output};
    return AIP_OK;
}

/* Names one cycle: from a task that is left over when tasks without predecessors are taken away, back along left-over predecessors until one comes
 * again. */
static int32_t name_cycle(const aip_dag *dag, const int32_t *left, aip_error **err) {
    aip_context *ctx = dag->ctx;
    int32_t *step = aip__calloc(ctx, (size_t)dag->n_tasks, sizeof *step),
            *trail = aip__calloc(ctx, (size_t)dag->n_tasks + 1, sizeof *trail);
    if (!step || !trail) {
        aip__free(ctx, step);
        aip__free(ctx, trail);
        return aip__error_memory(ctx, err);
    }
    int32_t at = 0, n = 0;
    while (left[at] == 0) at++;
    while (step[at] == 0) {
        trail[n++] = at;
        step[at] = n;
        const aip__task *t = &dag->tasks[at];
        for (int32_t i = 0; i < t->n_before; i++)
            if (left[t->before[i]] > 0) {
                at = t->before[i];
                break;
            }
    }
    aip__text text;
    aip__text_init(&text, ctx);
    aip__text_str(&text, dag->tasks[at].name);
    for (int32_t i = n - 1; i >= step[at] - 1; i--) aip__text_printf(&text, " -> %s", dag->tasks[trail[i]].name);
    int32_t status = text.failed ? aip__error_memory(ctx, err) : aip__error_set(err, AIP_E_PARAM, "cycle: %s", text.bytes);
    aip__node place = {.line = dag->tasks[at].line, .column = dag->tasks[at].column};
    aip__dag_place(dag, &place, status, err);
    aip__text_free(&text);
    aip__free(ctx, step);
    aip__free(ctx, trail);
    return status;
}

int32_t aip__dag_check_cycles(const aip_dag *dag, aip_error **err) {
    aip_context *ctx = dag->ctx;
    size_t n = (size_t)dag->n_tasks, n_edges = 0;
    for (size_t i = 0; i < n; i++) n_edges += (size_t)dag->tasks[i].n_before;
    /* successors in one array: those of task i are after[first[i] .. first[i + 1]) */
    int32_t *left = aip__calloc(ctx, n + 1, sizeof *left), *ready = aip__calloc(ctx, n + 1, sizeof *ready);
    size_t *first = aip__calloc(ctx, n + 2, sizeof *first);
    int32_t *after = aip__calloc(ctx, n_edges + 1, sizeof *after);
    int32_t status = left && ready && first && after ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK) {
        size_t n_ready = 0;
        for (size_t i = 0; i < n; i++)
            for (int32_t k = 0; k < dag->tasks[i].n_before; k++) first[dag->tasks[i].before[k] + 2]++;
        for (size_t i = 2; i < n + 2; i++) first[i] += first[i - 1];
        for (size_t i = 0; i < n; i++) {
            left[i] = dag->tasks[i].n_before;
            if (left[i] == 0) ready[n_ready++] = (int32_t)i;
            for (int32_t k = 0; k < dag->tasks[i].n_before; k++) after[first[dag->tasks[i].before[k] + 1]++] = (int32_t)i;
        }
        for (size_t done = 0; done < n_ready; done++)
            for (size_t k = first[ready[done]]; k < first[ready[done] + 1]; k++)
                if (--left[after[k]] == 0) ready[n_ready++] = after[k];
        if (n_ready < n) status = name_cycle(dag, left, err);
    }
    aip__free(ctx, left);
    aip__free(ctx, ready);
    aip__free(ctx, first);
    aip__free(ctx, after);
    return status;
}

/* ---- filled by calls ------------------------------------------------------------------------------------------------------------- */

static int32_t open_for_change(const aip_dag *dag, aip_error **err) {
    if (dag->frozen) return aip__error_set(err, AIP_E_STATE, "the DAG '%s' has been run: expected no more changes", dag->name);
    return AIP_OK;
}

int32_t aip_dag_add_callback(aip_dag *dag, const char *task, aip_task_fn fn, void *user, void (*destroy)(void *user),
                             aip_error **err) {
    AIP__BEGIN(err);
    if (!dag || !task || !fn)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dag_add_callback: expected a DAG, a task name and a function");
    AIP__TRY(open_for_change(dag, err));
    aip__task *t = NULL;
    AIP__TRY(aip__dag_new_task(dag, task, 0, 0, &t, err));
    t->fn = fn;
    t->user = user;
    t->destroy = destroy;
    return AIP_OK;
}

int32_t aip_dag_add_dependency(aip_dag *dag, const char *before, const char *after, aip_error **err) {
    AIP__BEGIN(err);
    if (!dag || !before || !after)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dag_add_dependency: expected a DAG and two task names");
    AIP__TRY(open_for_change(dag, err));
    int32_t b = aip__dag_find(dag, before, strlen(before)), a = aip__dag_find(dag, after, strlen(after));
    if (b < 0) return unknown_task(dag, before, strlen(before), err);
    if (a < 0) return unknown_task(dag, after, strlen(after), err);
    return aip__dag_edge(dag, b, a, err);
}
