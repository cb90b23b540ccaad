/* DAGs as graphs: tasks, edges, cycles. */
#include "dag/dag.h"

#include "base/hash.h"
#include <stdio.h>
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
    aip__free(ctx, dag->index);
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

static size_t index_slot(const aip_dag *dag, const char *name, size_t n) {
    size_t mask = dag->index_size - 1, at = (size_t)aip__hash64(name, n, 0) & mask;
    for (;; at = (at + 1) & mask) {
        int32_t i = dag->index[at];
        if (i < 0 || (strlen(dag->tasks[i].name) == n && memcmp(dag->tasks[i].name, name, n) == 0)) return at;
    }
}

int32_t aip__dag_find(const aip_dag *dag, const char *name, size_t n) {
    return dag->index_size == 0 ? -1 : dag->index[index_slot(dag, name, n)];
}

/* Room for one more task; false when memory is refused. */
static bool index_grow(aip_dag *dag) {
    if ((size_t)dag->n_tasks * 2 + 2 <= dag->index_size) return true;
    size_t size = dag->index_size ? dag->index_size * 2 : 64;
    int32_t *index = aip__alloc(dag->ctx, size * sizeof *index);
    if (!index) return false;
    memset(index, 0xff, size * sizeof *index);
    aip__free(dag->ctx, dag->index);
    dag->index = index;
    dag->index_size = size;
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        const char *name = dag->tasks[i].name;
        dag->index[index_slot(dag, name, strlen(name))] = i;
    }
    return true;
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
    if (!copy || !index_grow(dag)
        || aip__grow(dag->ctx, &dag->tasks, &dag->tasks_capacity, (size_t)dag->n_tasks + 1, sizeof *dag->tasks) != 0) {
        aip__free(dag->ctx, copy);
        return aip__error_memory(dag->ctx, err);
    }
    dag->index[index_slot(dag, name, n)] = dag->n_tasks;
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

int32_t aip__dag_unknown(aip_context *ctx, const char *message, const char *given, const char *const *names, size_t n,
                         aip_error **err) {
    const char *near = aip__nearest(given, names, n);
    if (near) return aip__error_set(err, AIP_E_PARAM, "%s'%.100s'; did you mean '%s'?", message, given, near);
    aip__text known;
    aip__text_init(&known, ctx);
    for (size_t i = 0; i < n && i < 20; i++) aip__text_printf(&known, "%s%s", i > 0 ? ", " : "", names[i]);
    if (n > 20) aip__text_str(&known, ", ...");
    int32_t status = known.failed ? aip__error_memory(ctx, err)
                     : n == 0     ? aip__error_set(err, AIP_E_PARAM, "%s'%.100s': there are none", message, given)
                              : aip__error_set(err, AIP_E_PARAM, "%s'%.100s'; expected one of %s", message, given, known.bytes);
    aip__text_free(&known);
    return status;
}

static int32_t unknown_task(const aip_dag *dag, const char *name, size_t n, aip_error **err) {
    const char **names = aip__calloc(dag->ctx, (size_t)dag->n_tasks + 1, sizeof *names);
    char *given = aip__strndup(dag->ctx, name, n);
    int32_t status = AIP_OK;
    if (names && given) {
        for (int32_t i = 0; i < dag->n_tasks; i++) names[i] = dag->tasks[i].name;
        status = aip__dag_unknown(dag->ctx, "no task ", given, names, (size_t)dag->n_tasks, err);
    } else {
        status = aip__error_memory(dag->ctx, err);
    }
    aip__free(dag->ctx, names);
    aip__free(dag->ctx, given);
    return status;
}

const aip__operator_ops *aip__dag_ops(const aip_dag *dag, int32_t task) {
    const aip_descriptor *op = dag->tasks[task].operator_;
    return op ? op->ops : NULL;
}

static bool one_of(const char *names, const char *name) {
    size_t n = strlen(name);
    for (const char *p = names; p && *p;) {
        size_t length = strcspn(p, "|");
        if (length == n && memcmp(p, name, n) == 0) return true;
        p += length + (p[length] == '|');
    }
    return false;
}

/* Whether the task makes what is wanted under this name (NULL: its main output). What a callback makes is known when it has run. */
static int32_t check_output(const aip_dag *dag, int32_t producer, const char *output, aip__wants wants, aip_error **err) {
    const char *name = dag->tasks[producer].name;
    const aip__operator_ops *ops = aip__dag_ops(dag, producer);
    if (!ops) return AIP_OK;
    if (output && !one_of(ops->outputs, output)) {
        const char *known[8] = {0};
        char copy[128];
        size_t n = 0;
        strncpy(copy, ops->outputs ? ops->outputs : "", sizeof copy - 1);
        copy[sizeof copy - 1] = 0;
        for (char *save = NULL, *p = strtok_r(copy, "|", &save); p && n < 8; p = strtok_r(NULL, "|", &save)) known[n++] = p;
        if (n == 0) return aip__error_set(err, AIP_E_PARAM, "'%s' has no output '%s': expected '%s' alone", name, output, name);
        char message[192];
        snprintf(message, sizeof message, "'%.100s' has no output ", name);
        return aip__dag_unknown(dag->ctx, message, output, known, n, err);
    }
    if (wants == AIP__WANTS_ORDER) return AIP_OK;
    aip__makes makes = output ? AIP__MAKES_DATASET : ops->makes;
    if (makes == AIP__MAKES_NOTHING && ops->outputs)
        return aip__error_set(err, AIP_E_PARAM, "'%s' makes several outputs (%s): expected '%s.' and one of them", name,
                              ops->outputs, name);
    if (makes == AIP__MAKES_DATASET && wants != AIP__WANTS_PACKAGE) return AIP_OK;
    if (makes == AIP__MAKES_PACKAGE && wants != AIP__WANTS_DATASET) return AIP_OK;
    static const char *const made[] = {"nothing to hand on", "a dataset", "a package", "metrics"};
    static const char *const wanted[] = {"", "a dataset", "a package", "a dataset or a package"};
    return aip__error_set(err, AIP_E_PARAM, "'%s' (%s) makes %s: expected a task that makes %s", name,
                          dag->tasks[producer].operator_->name, made[makes], wanted[wants]);
}

int32_t aip__dag_refer(aip_dag *dag, int32_t task, const aip__node *at, aip__wants wants, aip_error **err) {
    if (at->kind != AIP__STRING)
        return aip__dag_place(dag, at,
                              aip__error_set(err, AIP_E_PARAM, "expected the name of a task or `task.output`, found %s",
                                             aip__node_kind_name(at->kind)),
                              err);
    const char *dot = strchr(at->string, '.');
    size_t n = dot ? (size_t)(dot - at->string) : strlen(at->string);
    int32_t producer = aip__dag_find(dag, at->string, n);
    if (producer < 0) return aip__dag_place(dag, at, unknown_task(dag, at->string, n, err), err);
    AIP__TRY(aip__dag_place(dag, at, check_output(dag, producer, dot ? dot + 1 : NULL, wants, err), err));
    AIP__TRY(aip__dag_edge(dag, producer, task, err));
    if (wants == AIP__WANTS_ORDER) return AIP_OK;
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

/* Takes the last task away again. */
static void drop_last(aip_dag *dag) {
    task_free(dag->ctx, &dag->tasks[--dag->n_tasks]);
    memset(dag->index, 0xff, dag->index_size * sizeof *dag->index);
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        const char *name = dag->tasks[i].name;
        dag->index[index_slot(dag, name, strlen(name))] = i;
    }
}

/* The task's definition is checked with nothing to put in: ${...} is for DAG files. */
static int32_t define(aip_dag *dag, const char *task, const aip__node *definition, aip_error **err) {
    const aip_descriptor *op = NULL;
    aip__task *t = NULL;
    AIP__TRY(aip__dag_find_operator(dag, task, definition, &op, err));
    AIP__TRY(aip__dag_new_task(dag, task, 0, 0, &t, err));
    t->operator_ = op;
    t->definition = definition;
    int32_t status = aip__dag_link(dag, dag->n_tasks - 1, err);
    if (status == AIP_OK) status = aip__dag_check_definition(dag, dag->n_tasks - 1, definition, err);
    if (status != AIP_OK) drop_last(dag);
    return status;
}

int32_t aip_dag_add(aip_dag *dag, const char *task, const char *definition_json, aip_error **err) {
    AIP__BEGIN(err);
    if (!dag || !task || !definition_json)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dag_add: expected a DAG, a task name and a definition");
    AIP__TRY(open_for_change(dag, err));
    aip__document *d = NULL;
    if (aip__grow(dag->ctx, &dag->documents, &dag->documents_capacity, (size_t)dag->n_documents + 1, sizeof(aip__document *))
        != 0)
        return aip__error_memory(dag->ctx, err);
    int32_t status = aip__json_parse(dag->ctx, definition_json, strlen(definition_json), NULL, &d, err);
    if (status == AIP_OK) status = define(dag, task, aip__document_root(d), err);
    if (status != AIP_OK) {
        aip__document_free(d);
        aip__error_at_task(err, task);
        return status;
    }
    dag->documents[dag->n_documents++] = d;
    return AIP_OK;
}
