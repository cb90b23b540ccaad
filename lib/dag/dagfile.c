/* The DAG file: YAML or JSON, one map of what the DAG is called, its parameters and its tasks. Read wholly and checked wholly before anything runs;
 * every error has its line and column. docs/dag-file.md describes it for users. */
#include "base/io.h"
#include "base/params_check.h"
#include "dag/dag.h"
#include "data/convert.h"

#include <math.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)

#define KEY(name_, ...) \
    { .struct_size = sizeof(aip_param_spec), .name = name_, .doc = "", .default_json = "null", __VA_ARGS__ }
static const aip_param_spec file_keys[] = {
    KEY("dag", .type = AIP_PARAM_STRING),
    KEY("doc", .type = AIP_PARAM_STRING),
    KEY("schedule", .type = AIP_PARAM_ANY),
    KEY("start_date", .type = AIP_PARAM_STRING),
    KEY("end_date", .type = AIP_PARAM_STRING),
    KEY("catchup", .type = AIP_PARAM_BOOL),
    KEY("max_active_runs", .type = AIP_PARAM_INT, .minimum = 1, .maximum = (double)INFINITY),
    KEY("tags", .type = AIP_PARAM_STRINGS),
    KEY("default_args", .type = AIP_PARAM_OBJECT),
    KEY("params", .type = AIP_PARAM_OBJECT),
    KEY("tasks", .type = AIP_PARAM_OBJECT),
    KEY("deadline", .type = AIP_PARAM_DURATION),
    KEY("notify", .type = AIP_PARAM_OBJECT),
};
#define N_FILE_KEYS (sizeof file_keys / sizeof *file_keys)

static int32_t placed(const aip_dag *dag, const aip__node *at, aip_error **err, const char *what, const char *expected) {
    return aip__dag_place(
        dag, at, aip__error_set(err, AIP_E_PARAM, "%s is %s: expected %s", what, aip__node_kind_name(at->kind), expected), err);
}

static int32_t check_file_keys(const aip_dag *dag, const aip__node *root, aip_error **err) {
    aip__document *scratch = NULL;
    AIP__TRY(aip__document_new(dag->ctx, &scratch, err));
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < root->n && status == AIP_OK; i++) {
        const aip__node *key = root->keys[i], *value = NULL;
        size_t k = 0;
        while (k < N_FILE_KEYS && strcmp(file_keys[k].name, key->string) != 0) k++;
        if (k == N_FILE_KEYS) {
            const char *names[N_FILE_KEYS];
            for (k = 0; k < N_FILE_KEYS; k++) names[k] = file_keys[k].name;
            status = aip__dag_place(
                dag, key, aip__dag_unknown(dag->ctx, "DAG file: unknown key ", key->string, names, N_FILE_KEYS, err), err);
        } else {
            status = aip__param_check(dag->ctx, scratch, "DAG file", &file_keys[k], root->items[i], &value, err);
            aip__dag_place(dag, root->items[i], status, err);
        }
    }
    aip__document_free(scratch);
    return status;
}

static int32_t check_date(const aip_dag *dag, const aip__node *root, const char *key, aip_error **err) {
    const aip__node *v = aip__node_get(root, key);
    int32_t days = 0;
    int64_t micros = 0;
    bool zone = false;
    if (!v || v->kind != AIP__STRING || aip__parse_date(v->string, v->length, &days)
        || aip__parse_timestamp(v->string, v->length, &micros, &zone))
        return AIP_OK;
    return aip__dag_place(
        dag, v, aip__error_set(err, AIP_E_PARAM, "%s is '%.100s': expected a date such as 2024-01-31", key, v->string), err);
}

/* null, a text such as "@daily" or "0 3 * * *", or {cron:, timezone:} or {every:}. What it says is for the scheduler to judge. */
static int32_t check_schedule(const aip_dag *dag, const aip__node *schedule, aip_error **err) {
    static const char *const known[] = {"cron", "timezone", "every"};
    if (!schedule || schedule->kind == AIP__NULL || schedule->kind == AIP__STRING) return AIP_OK;
    if (schedule->kind != AIP__MAP)
        return placed(dag, schedule, err, "schedule", "null, a text such as \"@daily\", or a map with cron and timezone");
    for (int32_t i = 0; i < schedule->n; i++) {
        size_t k = 0;
        while (k < 3 && strcmp(known[k], schedule->keys[i]->string) != 0) k++;
        if (k == 3)
            return aip__dag_place(dag, schedule->keys[i],
                                  aip__dag_unknown(dag->ctx, "schedule: unknown key ", schedule->keys[i]->string, known, 3, err),
                                  err);
    }
    return AIP_OK;
}

static void not_done(const aip_dag *dag, const aip__node *root, const char *key, int32_t level, const char *what) {
    const aip__node *v = aip__node_get(root, key);
    if (v && v->kind != AIP__NULL)
        aip__log(dag->ctx, level, NULL, "%s:%d: %s: %s", dag->source ? dag->source : "dag", (int)v->line, key, what);
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------------------------- */

static int32_t take_tasks(aip_dag *dag, const aip__node *tasks, aip_error **err) {
    for (int32_t i = 0; i < tasks->n; i++) {
        const aip__node *key = tasks->keys[i], *definition = tasks->items[i];
        const aip_descriptor *op = NULL;
        aip__task *t = NULL;
        AIP__TRY(aip__dag_new_task(dag, key->string, key->line, key->column, &t, err));
        int32_t status = aip__dag_find_operator(dag, key->string, definition, &op, err);
        if (status != AIP_OK) {
            aip__error_at_task(err, key->string);
            return status;
        }
        t->operator_ = op;
        t->definition = definition;
    }
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        int32_t status = aip__dag_link(dag, i, err);
        if (status != AIP_OK) {
            aip__error_at_task(err, dag->tasks[i].name);
            return status;
        }
    }
    return AIP_OK;
}

static int32_t take_texts(aip_dag *dag, const aip__node *root, aip_error **err) {
    const aip__node *name = aip__node_get(root, "dag"), *doc = aip__node_get(root, "doc");
    if (!name || name->kind != AIP__STRING || name->length == 0)
        return aip__dag_place(dag, name ? name : root,
                              aip__error_set(err, AIP_E_PARAM, "the DAG has no name: expected `dag: NAME`"), err);
    dag->name = aip__strdup(dag->ctx, name->string);
    if (doc && doc->kind == AIP__STRING) dag->doc = aip__strdup(dag->ctx, doc->string);
    return dag->name && (!doc || doc->kind != AIP__STRING || dag->doc) ? AIP_OK : aip__error_memory(dag->ctx, err);
}

static int32_t check_all(aip_dag *dag, aip_error **err) {
    aip__document *scratch = NULL;
    aip__node *params = NULL;
    AIP__TRY(aip__dag_check_cycles(dag, err));
    AIP__TRY(aip__dag_check_default_args(dag, err));
    AIP__TRY(aip__document_new(dag->ctx, &scratch, err));
    int32_t status = aip__dag_parameters(dag, NULL, true, scratch, &params, err);
    if (status == AIP_OK) status = aip__dag_check_tasks(dag, params, err);
    aip__document_free(scratch);
    return status;
}

/* Fills the DAG from its file's root. */
static int32_t fill(aip_dag *dag, const aip__node *root, aip_error **err) {
    if (root->kind != AIP__MAP) return placed(dag, root, err, "the DAG file", "a map with `dag` and `tasks`");
    AIP__TRY(check_file_keys(dag, root, err));
    AIP__TRY(take_texts(dag, root, err));
    AIP__TRY(check_date(dag, root, "start_date", err));
    AIP__TRY(check_date(dag, root, "end_date", err));
    AIP__TRY(check_schedule(dag, aip__node_get(root, "schedule"), err));
    const aip__node *tasks = aip__node_get(root, "tasks"), *params = aip__node_get(root, "params"),
                    *default_args = aip__node_get(root, "default_args");
    if (!tasks || tasks->kind != AIP__MAP || tasks->n == 0)
        return aip__dag_place(dag, tasks ? tasks : root,
                              aip__error_set(err, AIP_E_PARAM, "the DAG has no tasks: expected `tasks:` with at least one"), err);
    if (params && params->kind == AIP__MAP) dag->params = params;
    if (default_args && default_args->kind == AIP__MAP) dag->default_args = default_args;
    AIP__TRY(take_tasks(dag, tasks, err));
    AIP__TRY(check_all(dag, err));
    not_done(dag, root, "schedule", AIP_LOG_INFO, "kept as documentation; a run starts when it is asked for");
    not_done(dag, root, "deadline", AIP_LOG_WARNING, "not watched by this version");
    not_done(dag, root, "notify", AIP_LOG_WARNING, "nobody is told by this version");
    aip__dag_warn(dag);
    return AIP_OK;
}

/* ---- from text ------------------------------------------------------------------------------------------------------------------------- */

/* source and base_dir may be NULL. */
static int32_t parse(aip_context *ctx, const char *text, size_t n, const char *source, const char *base_dir, aip_dag **out,
                     aip_error **err) {
    aip_dag *dag = aip__calloc(ctx, 1, sizeof *dag);
    if (!dag) return aip__error_memory(ctx, err);
    atomic_init(&dag->refs, 1);
    dag->ctx = aip__context_retain(ctx);
    if (source) dag->source = aip__strdup(ctx, source);
    if (base_dir) dag->base_dir = aip__strdup(ctx, base_dir);
    int32_t status = AIP_OK;
    aip__document *d = NULL;
    if ((source && !dag->source) || (base_dir && !dag->base_dir)
        || aip__grow(ctx, &dag->documents, &dag->documents_capacity, 1, sizeof(aip__document *)) != 0)
        status = aip__error_memory(ctx, err);
    if (status == AIP_OK) status = aip__yaml_parse(ctx, text, n, source, &d, err);
    if (d) dag->documents[dag->n_documents++] = d;
    if (status == AIP_OK) status = fill(dag, aip__document_root(d), err);
    if (status != AIP_OK) {
        aip_dag_free(dag);
        return status;
    }
    *out = dag;
    return AIP_OK;
}

int32_t aip_dag_parse(aip_context *ctx, const char *text, const char *base_dir, aip_dag **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !text || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_dag_parse: expected a context, a text and out");
    return parse(ctx, text, strlen(text), NULL, base_dir, out, err);
}

int32_t aip_dag_load(aip_context *ctx, const char *path, aip_dag **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !path || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_dag_load: expected a context, a path and out");
    char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip__file_load(ctx, path, MAX_BYTES, &text, &n, err));
    const char *slash = strrchr(path, '/');
    char *dir = slash ? aip__strndup(ctx, path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
    int32_t status = slash && !dir ? aip__error_memory(ctx, err) : parse(ctx, text, n, path, dir, out, err);
    aip__free(ctx, dir);
    aip__free(ctx, text);
    return status;
}
