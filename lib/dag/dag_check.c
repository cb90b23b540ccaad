/* Definitions of tasks: which keys they may hold, which tasks they refer to, and all that can be known of them without running. */
#include "base/params_check.h"
#include "connectors/connectors.h"
#include "dag/dag.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- keys ------------------------------------------------------------------------------------------------------------------------ */

/* What any task may hold beside its operator. */
#define KEY(name_, ...) \
    { .struct_size = sizeof(aip_param_spec), .name = name_, .doc = "", .default_json = "null", __VA_ARGS__ }
static const aip_param_spec task_keys[] = {
    KEY("from", .type = AIP_PARAM_ANY),
    KEY("needs", .type = AIP_PARAM_STRINGS),
    KEY("output", .type = AIP_PARAM_ANY),
    KEY("doc", .type = AIP_PARAM_STRING),
    KEY("owner", .type = AIP_PARAM_STRING),
    KEY("tags", .type = AIP_PARAM_STRINGS),
    KEY("execution_timeout", .type = AIP_PARAM_DURATION),
    KEY("retries", .type = AIP_PARAM_INT, .minimum = 0, .maximum = (double)INFINITY),
    KEY("retry_delay", .type = AIP_PARAM_DURATION),
    KEY("max_retry_delay", .type = AIP_PARAM_DURATION),
    KEY("retry_exponential_backoff", .type = AIP_PARAM_BOOL),
    KEY("trigger_rule", .type = AIP_PARAM_CHOICE, .choices = "all_success"),
};
#define N_TASK_KEYS (sizeof task_keys / sizeof *task_keys)

static const aip_param_spec *task_key(const char *name) {
    for (size_t i = 0; i < N_TASK_KEYS; i++)
        if (strcmp(task_keys[i].name, name) == 0) return &task_keys[i];
    return NULL;
}

static const aip_descriptor *operator_named(aip_context *ctx, const char *name) {
    const aip_descriptor *d = NULL;
    for (int32_t i = 0; (d = aip__catalog_at(ctx, i)) != NULL; i++)
        if (d->kind == AIP_KIND_OPERATOR && strcmp(d->name, name) == 0) return d;
    return NULL;
}

/* The place of an error in a task's definition. The message itself leaves the task's name out: the error's text has it before. */
static int32_t at_task(const aip_dag *dag, const aip__node *at, const char *task, int32_t status, aip_error **err) {
    aip__error_at_task(err, task);
    return aip__dag_place(dag, at, status, err);
}

/* An unknown key: the nearest of the operators and of the keys of any task. */
static int32_t unknown_key(const aip_dag *dag, const char *task, const aip__node *key, aip_error **err) {
    const char *names[128];
    size_t n = 0;
    const aip_descriptor *d = NULL;
    for (int32_t i = 0; (d = aip__catalog_at(dag->ctx, i)) != NULL && n < 128 - N_TASK_KEYS; i++)
        if (d->kind == AIP_KIND_OPERATOR) names[n++] = d->name;
    for (size_t i = 0; i < N_TASK_KEYS; i++) names[n++] = task_keys[i].name;
    return at_task(dag, key, task, aip__dag_unknown(dag->ctx, "unknown key ", key->string, names, n, err), err);
}

int32_t aip__dag_find_operator(const aip_dag *dag, const char *task, const aip__node *definition, const aip_descriptor **out,
                               aip_error **err) {
    const aip_descriptor *found = NULL;
    if (definition->kind != AIP__MAP)
        return at_task(
            dag, definition, task,
            aip__error_set(err, AIP_E_PARAM, "expected a map with an operator, found %s", aip__node_kind_name(definition->kind)),
            err);
    for (int32_t i = 0; i < definition->n; i++) {
        const aip__node *key = definition->keys[i];
        if (task_key(key->string)) continue;
        const aip_descriptor *d = operator_named(dag->ctx, key->string);
        if (!d) return unknown_key(dag, task, key, err);
        if (found)
            return at_task(dag, key, task,
                           aip__error_set(err, AIP_E_PARAM, "two operators, '%s' and '%s': expected one", found->name, d->name),
                           err);
        found = d;
    }
    if (!found)
        return at_task(dag, definition, task,
                       aip__error_set(err, AIP_E_PARAM, "no operator: expected one such as read, transform, train or command"),
                       err);
    *out = found;
    return AIP_OK;
}

/* ---- references -------------------------------------------------------------------------------------------------------------------- */

static int32_t bad_from(const aip_dag *dag, const aip__task *t, const aip__node *at, aip_error **err) {
    static const char *const expected[] = {"no `from`, it reads nothing of other tasks", "`from: task`",
                                           "`from: {package: task, data: task}`", "`from: task`",
                                           "`from: task` or `from: {package: task, data: task}`"};
    aip__from from = aip__dag_ops(dag, (int32_t)(t - dag->tasks))->from;
    return at_task(dag, at, t->name, aip__error_set(err, AIP_E_PARAM, "%s: expected %s", t->operator_->name, expected[from]),
                   err);
}

static int32_t link_pair(aip_dag *dag, int32_t task, const aip__node *from, aip_error **err) {
    static const char *const keys[] = {"package", "data"};
    for (int32_t i = 0; i < from->n; i++)
        if (strcmp(from->keys[i]->string, keys[0]) != 0 && strcmp(from->keys[i]->string, keys[1]) != 0)
            return aip__dag_place(dag, from->keys[i],
                                  aip__dag_unknown(dag->ctx, "from: unknown key ", from->keys[i]->string, keys, 2, err), err);
    const aip__node *package = aip__node_get(from, keys[0]), *data = aip__node_get(from, keys[1]);
    if (!package || !data) return bad_from(dag, &dag->tasks[task], from, err);
    AIP__TRY(aip__dag_refer(dag, task, package, AIP__WANTS_PACKAGE, err));
    return aip__dag_refer(dag, task, data, AIP__WANTS_DATASET, err);
}

static int32_t link_from(aip_dag *dag, int32_t task, const aip__node *from, aip_error **err) {
    const aip__operator_ops *ops = aip__dag_ops(dag, task);
    const aip__task *t = &dag->tasks[task];
    bool pair = from && from->kind == AIP__MAP;
    switch (ops->from) {
    case AIP__FROM_NOTHING: return from ? bad_from(dag, t, from, err) : AIP_OK;
    case AIP__FROM_DATASET:
        if (!from || pair) return bad_from(dag, t, from ? from : t->definition, err);
        return aip__dag_refer(dag, task, from, AIP__WANTS_DATASET, err);
    case AIP__FROM_DATASET_OR_PACKAGE:
        if (!from || pair) return bad_from(dag, t, from ? from : t->definition, err);
        return aip__dag_refer(dag, task, from, AIP__WANTS_EITHER, err);
    case AIP__FROM_PACKAGE_AND_DATA:
        if (!pair) return bad_from(dag, t, from ? from : t->definition, err);
        return link_pair(dag, task, from, err);
    default:
        if (!from) return bad_from(dag, t, t->definition, err);
        return pair ? link_pair(dag, task, from, err) : aip__dag_refer(dag, task, from, AIP__WANTS_DATASET, err);
    }
}

static bool is_input(const aip_descriptor *d, const char *key) {
    size_t n = strlen(key);
    for (const char *p = d->inputs; p && *p;) {
        size_t length = strcspn(p, "|");
        if (length == n && memcmp(p, key, n) == 0) return true;
        p += length + (p[length] == '|');
    }
    return false;
}

static const aip_descriptor *stage_named(aip_context *ctx, const aip__node *stage) {
    const aip_descriptor *d = NULL;
    const aip__node *name = stage->kind == AIP__MAP && stage->n == 1 ? stage->keys[0] : stage;
    if (name->kind != AIP__STRING || aip__catalog_find(ctx, AIP_KIND_STAGE, name->string, &d, NULL) != AIP_OK) return NULL;
    return d;
}

/* Datasets that a stage of the list reads, such as join's `with: weather`. What is wrong with the stage otherwise is for the check. */
static int32_t link_stage(aip_dag *dag, int32_t task, const aip__node *stage, aip_error **err) {
    const aip_descriptor *d = stage->kind == AIP__MAP && stage->n == 1 ? stage_named(dag->ctx, stage) : NULL;
    if (!d || !d->inputs || stage->items[0]->kind != AIP__MAP) return AIP_OK;
    const aip__node *given = stage->items[0];
    for (int32_t i = 0; i < given->n; i++)
        if (is_input(d, given->keys[i]->string)) AIP__TRY(aip__dag_refer(dag, task, given->items[i], AIP__WANTS_DATASET, err));
    return AIP_OK;
}

static int32_t link_needs(aip_dag *dag, int32_t task, const aip__node *needs, aip_error **err) {
    if (needs->kind != AIP__LIST) return aip__dag_refer(dag, task, needs, AIP__WANTS_ORDER, err);
    for (int32_t i = 0; i < needs->n; i++) AIP__TRY(aip__dag_refer(dag, task, needs->items[i], AIP__WANTS_ORDER, err));
    return AIP_OK;
}

int32_t aip__dag_link(aip_dag *dag, int32_t task, aip_error **err) {
    const aip__node *definition = dag->tasks[task].definition;
    const aip__operator_ops *ops = aip__dag_ops(dag, task);
    const aip__node *own = aip__node_get(definition, dag->tasks[task].operator_->name),
                    *needs = aip__node_get(definition, "needs");
    AIP__TRY(link_from(dag, task, aip__node_get(definition, "from"), err));
    if (needs && needs->kind != AIP__NULL) AIP__TRY(link_needs(dag, task, needs, err));
    const aip__node *stages = !ops->stages ? NULL : own->kind == AIP__MAP ? aip__node_get(own, ops->stages) : own;
    for (int32_t i = 0; stages && stages->kind == AIP__LIST && i < stages->n; i++)
        AIP__TRY(link_stage(dag, task, stages->items[i], err));
    return AIP_OK;
}

/* ---- what can be known without running ------------------------------------------------------------------------------------------------ */

/* Makes and drops a stage with inputs from its parameters alone: there is no dataset yet. */
static int32_t check_with_inputs(aip_context *ctx, const aip_descriptor *d, const aip__node *given, const char *source,
                                 aip_error **err) {
    aip__document *own = NULL;
    aip_params *params = NULL;
    AIP__TRY(aip__document_new(ctx, &own, err));
    aip__node *left = aip__node_new(own, AIP__MAP);
    int32_t status = left ? AIP_OK : aip__error_memory(ctx, err);
    if (left) left->line = given->line, left->column = given->column;
    for (int32_t i = 0; i < given->n && status == AIP_OK; i++) {
        if (is_input(d, given->keys[i]->string)) continue;
        aip__node *key = aip__node_copy(own, given->keys[i]);
        if (!key || aip__node_add(own, left, key, aip__node_copy(own, given->items[i])) != 0)
            status = aip__error_memory(ctx, err);
    }
    for (const char *p = d->inputs; status == AIP_OK && *p;) {
        char name[64];
        size_t n = strcspn(p, "|");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (!aip__node_get(given, name)) {
            status =
                aip__error_set(err, AIP_E_PARAM, "%s: the input '%s' is missing: expected the name of a task", d->name, name);
            aip__error_at_parameter(err, name);
            if (given->line > 0) aip__error_at_line(err, given->line, given->column);
        }
        p += n + (p[n] == '|');
    }
    if (status == AIP_OK) status = aip__params_create(ctx, d, left, source, &params, err);
    if (status != AIP_OK) {
        aip__error_at_source(err, source);
        aip__error_at_stage(err, d->name);
    }
    aip__params_free(params);
    aip__document_free(own);
    return status;
}

int32_t aip__dag_check_stages(aip_dag *dag, const aip__node *stages, aip_error **err) {
    if (stages->kind != AIP__LIST && stages->kind != AIP__STRING)
        return aip__dag_place(
            dag, stages,
            aip__error_set(err, AIP_E_PARAM, "expected a list of stages, found %s", aip__node_kind_name(stages->kind)), err);
    int32_t n = stages->kind == AIP__LIST ? stages->n : 1;
    for (int32_t i = 0; i < n; i++) {
        const aip__node *stage = stages->kind == AIP__LIST ? stages->items[i] : stages;
        const aip_descriptor *d = stage_named(dag->ctx, stage);
        aip_stage *made = NULL;
        if (d && d->inputs && stage->kind == AIP__MAP && stage->items[0]->kind == AIP__MAP) {
            AIP__TRY(check_with_inputs(dag->ctx, d, stage->items[0], dag->source, err));
            continue;
        }
        AIP__TRY(aip__stage_from_node(dag->ctx, stage, dag->source, NULL, NULL, &made, err));
        aip_stage_free(made);
    }
    return AIP_OK;
}

int32_t aip__dag_check_package_stages(aip_dag *dag, const aip__node *stages, aip_error **err) {
    int32_t n = stages->kind == AIP__LIST ? stages->n : 1;
    for (int32_t i = 0; i < n; i++) {
        const aip__node *stage = stages->kind == AIP__LIST ? stages->items[i] : stages;
        const aip_descriptor *d = stage_named(dag->ctx, stage);
        if (d) AIP__TRY(aip__dag_place(dag, stage, aip__package_check_kind(d, err), err));
    }
    return AIP_OK;
}

int32_t aip__dag_check_file(const aip_dag *dag, const aip__node *at, aip_error **err) {
    if (!aip__path_is_connectors(dag->ctx, at->string)) return AIP_OK;
    return aip__dag_place(dag, at,
                          aip__error_set(err, AIP_E_PARAM,
                                         "'%s' names a connector, which takes datasets: a package is saved to a file, and "
                                         "so are metrics",
                                         at->string),
                          err);
}

static int32_t check_output_path(aip_dag *dag, int32_t task, const aip__node *output, aip_error **err) {
    const aip__operator_ops *ops = aip__dag_ops(dag, task);
    const aip__task *t = &dag->tasks[task];
    if (ops->makes == AIP__MAKES_NOTHING)
        return at_task(dag, output, t->name,
                       aip__error_set(err, AIP_E_PARAM,
                                      "%s makes no one thing that `output` could write: expected it at a task that makes a "
                                      "dataset, a package or metrics",
                                      t->operator_->name),
                       err);
    if (ops->makes == AIP__MAKES_DATASET) return aip__write_check(dag->ctx, output, dag->source, dag->base_dir, err);
    if (output->kind == AIP__STRING && output->length > 0) return aip__dag_check_file(dag, output, err);
    return aip__dag_place(
        dag, output, aip__error_set(err, AIP_E_PARAM, "output is %s: expected a path", aip__node_kind_name(output->kind)), err);
}

/* The values of the keys that any task may have, or of default_args. */
static int32_t check_keys(const aip_dag *dag, const aip__node *map, bool defaults, aip_error **err) {
    aip__document *scratch = NULL;
    AIP__TRY(aip__document_new(dag->ctx, &scratch, err));
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < map->n && status == AIP_OK; i++) {
        const aip_param_spec *spec = task_key(map->keys[i]->string);
        const aip__node *value = NULL;
        if (defaults && (!spec || spec <= &task_keys[2])) { /* from, needs and output have no default */
            const char *names[N_TASK_KEYS];
            for (size_t k = 3; k < N_TASK_KEYS; k++) names[k - 3] = task_keys[k].name;
            status = aip__dag_unknown(dag->ctx, "default_args: unknown key ", map->keys[i]->string, names, N_TASK_KEYS - 3, err);
            aip__dag_place(dag, map->keys[i], status, err);
        } else if (spec) {
            status = aip__param_check(dag->ctx, scratch, defaults ? "default_args" : "task", spec, map->items[i], &value, err);
            aip__dag_place(dag, map->items[i], status, err);
        }
    }
    aip__document_free(scratch);
    return status;
}

int32_t aip__dag_check_default_args(const aip_dag *dag, aip_error **err) {
    return dag->default_args ? check_keys(dag, dag->default_args, true, err) : AIP_OK;
}

int32_t aip__dag_check_definition(aip_dag *dag, int32_t task, const aip__node *definition, aip_error **err) {
    const aip_descriptor *op = dag->tasks[task].operator_;
    const aip__node *output = aip__node_get(definition, "output");
    int32_t status = check_keys(dag, definition, false, err);
    if (status == AIP_OK) status = aip__dag_ops(dag, task)->check(dag, task, aip__node_get(definition, op->name), err);
    if (status == AIP_OK && output && output->kind != AIP__NULL) status = check_output_path(dag, task, output, err);
    if (status != AIP_OK) aip__error_at_task(err, dag->tasks[task].name);
    return status;
}

/* ---- a whole DAG ------------------------------------------------------------------------------------------------------------------------ */

typedef int32_t (*visit_fn)(aip_dag *dag, int32_t task, const aip__node *definition, const aip__node *params, aip_error **err);

static int32_t each_task(aip_dag *dag, const aip__node *params, visit_fn visit, aip_error **err) {
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK; i++) {
        aip__document *scratch = NULL;
        aip__node *resolved = NULL;
        if (!dag->tasks[i].definition) continue;
        status = aip__document_new(dag->ctx, &scratch, err);
        if (status == AIP_OK) status = aip__dag_substitute(dag, dag->tasks[i].definition, params, scratch, &resolved, err);
        if (status == AIP_OK && resolved) status = visit(dag, i, resolved, params, err);
        aip__document_free(scratch);
        if (status != AIP_OK) aip__error_at_task(err, dag->tasks[i].name);
    }
    return status;
}

static int32_t visit_check(aip_dag *dag, int32_t task, const aip__node *definition, const aip__node *params, aip_error **err) {
    (void)params;
    return aip__dag_check_definition(dag, task, definition, err);
}

int32_t aip__dag_check_tasks(aip_dag *dag, const aip__node *params, aip_error **err) {
    return each_task(dag, params, visit_check, err);
}

const aip__node *aip__dag_written_path(const aip_dag *dag, int32_t task, const aip__node *definition) {
    const aip__node *at = aip__node_get(definition, "output");
    if (!at && strcmp(dag->tasks[task].operator_->name, "write") == 0) at = aip__node_get(definition, "write");
    if (at && at->kind == AIP__MAP) at = aip__node_get(at, "path");
    return at && at->kind == AIP__STRING ? at : NULL;
}

/* Whether some task of the DAG writes this path; what it writes is taken as it stands in its definition with the parameters put in. */
static int32_t some_task_writes(aip_dag *dag, const char *path, const aip__node *params, bool *out, aip_error **err) {
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK && !*out; i++) {
        aip__document *scratch = NULL;
        aip__node *resolved = NULL;
        if (!dag->tasks[i].definition) continue;
        status = aip__document_new(dag->ctx, &scratch, err);
        if (status == AIP_OK) status = aip__dag_substitute(dag, dag->tasks[i].definition, params, scratch, &resolved, err);
        const aip__node *written = status == AIP_OK && resolved ? aip__dag_written_path(dag, i, resolved) : NULL;
        if (written && strcmp(written->string, path) == 0) *out = true;
        aip__document_free(scratch);
    }
    return status;
}

static int32_t check_readable(aip_dag *dag, const aip__node *at, const aip__node *params, aip_error **err) {
    if (at->kind != AIP__STRING || strcmp(at->string, "-") == 0 || aip__path_is_connectors(dag->ctx, at->string)) return AIP_OK;
    char *path = aip__path_join(dag->ctx, dag->base_dir, at->string);
    if (!path) return aip__error_memory(dag->ctx, err);
    glob_t found;
    bool there = false, written = false;
    int32_t status =
        aip__glob(dag->ctx, path, &found, err); /* a plain path is a pattern of one, or at worst a file of that very name */
    if (status == AIP_OK && found.gl_pathc == 0) status = aip__path_exists(dag->ctx, path, &there, err);
    there = there || found.gl_pathc > 0;
    globfree(&found);
    aip__free(dag->ctx, path);
    if (status != AIP_OK || there) return status;
    AIP__TRY(some_task_writes(dag, at->string, params, &written, err));
    if (written) return AIP_OK;
    return aip__dag_place(
        dag, at, aip__error_set(err, AIP_E_NOT_FOUND, "there is no file '%s', and no task of this DAG writes it", at->string),
        err);
}

static int32_t visit_files(aip_dag *dag, int32_t task, const aip__node *definition, const aip__node *params, aip_error **err) {
    if (strcmp(dag->tasks[task].operator_->name, "read") != 0) return AIP_OK;
    const aip__node *path = aip__node_get(definition, "read");
    if (path->kind == AIP__MAP) path = aip__node_get(path, "path");
    if (path->kind != AIP__LIST) return check_readable(dag, path, params, err);
    for (int32_t i = 0; i < path->n; i++) AIP__TRY(check_readable(dag, path->items[i], params, err));
    return AIP_OK;
}

/* A definition that needs a parameter without a value is passed over. */
static int32_t check_paths(const aip_dag *dag, const aip__node *params, aip__document *scratch, aip_error **err) {
    aip__node **resolved = aip__calloc(dag->ctx, (size_t)dag->n_tasks + 1, sizeof *resolved);
    int32_t status = resolved ? AIP_OK : aip__error_memory(dag->ctx, err);
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK; i++)
        if (dag->tasks[i].definition)
            status = aip__dag_substitute(dag, dag->tasks[i].definition, params, scratch, &resolved[i], err);
    if (status == AIP_OK) status = aip__dag_check_paths(dag, (const aip__node *const *)resolved, err);
    aip__free(dag->ctx, resolved);
    return status;
}

int32_t aip_dag_check(aip_dag *dag, const char *run_params_json, aip_error **err) {
    AIP__BEGIN(err);
    if (!dag) return aip__error_set(err, AIP_E_MISUSE, "aip_dag_check: the DAG is NULL");
    aip__document *given = NULL, *scratch = NULL;
    aip__node *params = NULL;
    const aip__node *run_params = NULL;
    int32_t status = aip__dag_check_cycles(dag, err);
    if (status == AIP_OK && run_params_json)
        status = aip__json_parse(dag->ctx, run_params_json, strlen(run_params_json), NULL, &given, err);
    if (given) run_params = aip__document_root(given);
    if (run_params && run_params->kind != AIP__MAP)
        status = aip__error_set(err, AIP_E_PARAM, "run parameters are %s: expected a map", aip__node_kind_name(run_params->kind));
    if (status == AIP_OK) status = aip__document_new(dag->ctx, &scratch, err);
    if (status == AIP_OK) status = aip__dag_parameters(dag, run_params, true, scratch, &params, err);
    if (status == AIP_OK) status = aip__dag_check_tasks(dag, params, err);
    if (status == AIP_OK) status = check_paths(dag, params, scratch, err);
    if (status == AIP_OK) status = each_task(dag, params, visit_files, err);
    aip__document_free(scratch);
    aip__document_free(given);
    return status;
}

/* ---- what the file asks for and is not done -------------------------------------------------------------------------------------------- */

static const aip__node *task_value(const aip_dag *dag, const aip__node *definition, const char *key) {
    const aip__node *own = aip__node_get(definition, key);
    return own && own->kind != AIP__NULL ? own : aip__node_get(dag->default_args, key);
}

void aip__dag_warn(const aip_dag *dag) {
    bool told = false;
    for (int32_t i = 0; i < dag->n_tasks && !told; i++) {
        const aip__node *retries = task_value(dag, dag->tasks[i].definition, "retries");
        if (!retries || retries->kind != AIP__INT || retries->integer == 0) continue;
        aip__log(dag->ctx, AIP_LOG_WARNING, dag->tasks[i].name, "%s:%d: retries: this version does not try a failed task again",
                 dag->source ? dag->source : "dag", (int)retries->line);
        told = true;
    }
}

int32_t aip__dag_timeout(const aip_dag *dag, const aip__node *definition, double *out, aip_error **err) {
    const aip__node *value = task_value(dag, definition, "execution_timeout"), *seconds = NULL;
    aip__document *scratch = NULL;
    *out = 0;
    if (!value || value->kind == AIP__NULL) return AIP_OK;
    AIP__TRY(aip__document_new(dag->ctx, &scratch, err));
    int32_t status = aip__param_check(dag->ctx, scratch, "task", task_key("execution_timeout"), value, &seconds, err);
    if (status == AIP_OK) *out = seconds->real;
    aip__document_free(scratch);
    return aip__dag_place(dag, value, status, err);
}
