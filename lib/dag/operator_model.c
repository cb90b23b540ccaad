/* Operators on models: train, evaluate, predict. */
#include "dag/operators.h"

#include "metrics/metrics.h"
#include "transform/split.h"
#include <string.h>

#define SPEC(type_, name_, doc_, default_) \
    { .struct_size = sizeof(aip_param_spec), .type = type_, .name = name_, .doc = doc_, .default_json = default_ }

static const aip__node *given(const aip__node *params, const char *name) {
    const aip__node *v = aip__node_get(params, name);
    return v && v->kind != AIP__NULL ? v : NULL;
}

/* Names of metrics must be in the catalogue. */
static int32_t check_metrics(aip_dag *dag, const aip__node *params, aip_error **err) {
    const aip__node *metrics = given(params, "metrics");
    int32_t n = !metrics ? 0 : metrics->kind == AIP__LIST ? metrics->n : 1;
    for (int32_t i = 0; i < n; i++) {
        const aip__node *name = metrics->kind == AIP__LIST ? metrics->items[i] : metrics;
        const aip_descriptor *d = NULL;
        AIP__TRY(aip__dag_place(dag, name, aip__catalog_find(dag->ctx, AIP_KIND_METRIC, name->string, &d, err), err));
    }
    return AIP_OK;
}

/* ---- train ---------------------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec train_params[] = {
    SPEC(AIP_PARAM_STRING, "target", "column to learn; every other column is a feature", NULL),
    SPEC(AIP_PARAM_ANY, "pipeline", "list of stages that keep each row, fitted here and kept in the package", "null"),
    SPEC(AIP_PARAM_ANY, "model", "model from the catalogue: `name` or `name: {parameters}`", NULL),
    SPEC(AIP_PARAM_OBJECT, "split",
         "holds a part of the rows out and computes metrics on it; parameters as the `split` operator's", "null"),
    SPEC(AIP_PARAM_STRINGS, "metrics", "which metrics, of the part that split holds out; null: all that fit", "null"),
};

static int32_t train_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    AIP__TRY(aip__operator_check_params(dag, task, params, err));
    const aip__node *pipeline = given(params, "pipeline"), *split = given(params, "split"), *metrics = given(params, "metrics");
    aip_model *model = NULL;
    if (pipeline) AIP__TRY(aip__dag_check_stages(dag, pipeline, err));
    if (pipeline) AIP__TRY(aip__dag_check_package_stages(dag, pipeline, err));
    AIP__TRY(aip__model_from_node(dag->ctx, aip__node_get(params, "model"), dag->source, &model, err));
    aip_model_free(model);
    if (split) AIP__TRY(aip__split_check(dag->ctx, split, dag->source, err));
    AIP__TRY(check_metrics(dag, params, err));
    if (metrics && !split)
        return aip__dag_place(
            dag, metrics,
            aip__error_set(err, AIP_E_PARAM,
                           "train: metrics are of held-out rows: expected `split` beside them, or an `evaluate` task"),
            err);
    return AIP_OK;
}

/* Metrics of the package on rows that it has not seen, kept in it and in the run's report. */
static int32_t judge(aip_task_context *task, aip_package **package, aip_dataset *rows, const char *metrics, aip_error **err) {
    char *json = NULL;
    aip_package *with = NULL;
    AIP__TRY(aip__package_evaluate(*package, rows, metrics, &task->token, &json, err));
    int32_t status = aip__task_set_metrics(task, json, err);
    if (status == AIP_OK) status = aip_package_with_metrics(*package, json, &with, err);
    if (status == AIP_OK) {
        aip_package_free(*package);
        *package = with;
    }
    aip_text_free(aip_task_ctx(task), json);
    return status;
}

static int32_t train(aip_task_context *task, const aip_params *p, const aip__node *params, aip_dataset *rows,
                     aip_dataset *held_out, aip_error **err) {
    aip_context *ctx = aip_task_ctx(task);
    const aip__node *pipeline = given(params, "pipeline");
    aip_stage *stages = NULL;
    aip_model *model = NULL;
    aip_package *package = NULL;
    int32_t status = AIP_OK;
    if (pipeline) status = aip__stage_from_node(ctx, pipeline, aip__task_source(task), aip__operator_input, task, &stages, err);
    if (status == AIP_OK) status = aip__model_from_node(ctx, aip__node_get(params, "model"), aip__task_source(task), &model, err);
    if (status == AIP_OK)
        status = aip__package_fit(ctx, stages, model, rows, aip_params_string(p, "target"), &task->token, &package, err);
    if (status == AIP_OK) {
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        counts.rows_in = counts.rows_out = package->n_rows;
        aip__task_set_counts(task, &counts);
    }
    if (status == AIP_OK && held_out)
        status = judge(task, &package, held_out, aip_params_is_null(p, "metrics") ? NULL : aip_params_json(p, "metrics"), err);
    if (status == AIP_OK) status = aip_task_set_package(task, NULL, package, err);
    aip_package_free(package);
    aip_model_free(model);
    aip_stage_free(stages);
    return status;
}

static int32_t train_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_dataset *rows = NULL, *learn = NULL, *held_out = NULL;
    aip_params *p = NULL;
    AIP__TRY(aip__task_dataset_at(task, aip__task_from(task), &rows, err));
    AIP__TRY(aip__params_create(aip_task_ctx(task), task->task->operator_, params, aip__task_source(task), &p, err));
    int32_t status = aip__operator_keep(task, rows, err); /* the pipeline and the model each pass over it */
    const aip__node *split = given(params, "split");
    if (status == AIP_OK && split)
        status = aip__split_dataset(rows, split, aip__task_source(task), &task->token, &learn, &held_out, err);
    if (status == AIP_OK) status = train(task, p, params, learn ? learn : rows, held_out, err);
    aip_dataset_free(learn);
    aip_dataset_free(held_out);
    aip__params_free(p);
    return status;
}

void aip__operator_train(aip_descriptor *d) {
    static const aip__operator_ops ops = {
        .check = train_check, .run = train_run, .from = AIP__FROM_DATASET, .makes = AIP__MAKES_PACKAGE, .stages = "pipeline"};
    d->name = "train";
    d->doc = "Fits a pipeline and a model: a package";
    d->params = train_params;
    d->n_params = sizeof train_params / sizeof *train_params;
    d->ops = &ops;
}

/* ---- evaluate -------------------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec evaluate_params[] = {
    SPEC(AIP_PARAM_STRINGS, "metrics", "which metrics; null: all that fit", "null"),
    SPEC(AIP_PARAM_STRING, "truth", "column of the true values, where `from` is a dataset of predictions and not a package",
         "null"),
};

static int32_t evaluate_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    AIP__TRY(aip__operator_check_params(dag, task, params, err));
    AIP__TRY(check_metrics(dag, params, err));
    const aip__node *truth = given(params, "truth"), *from = aip__node_get(dag->tasks[task].definition, "from");
    bool pair = from->kind == AIP__MAP;
    if (pair && truth)
        return aip__dag_place(
            dag, truth, aip__error_set(err, AIP_E_PARAM, "evaluate: the package knows its target: expected no `truth`"), err);
    if (!pair && !truth)
        return aip__dag_place(dag, params,
                              aip__error_set(err, AIP_E_PARAM,
                                             "evaluate: expected `truth`, the column of the true values, or "
                                             "`from: {package: task, data: task}`"),
                              err);
    return AIP_OK;
}

static int32_t evaluate_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    const aip__node *from = aip__task_from(task);
    bool pair = from->kind == AIP__MAP;
    aip_package *package = NULL;
    aip_dataset *rows = NULL;
    aip_params *p = NULL;
    char *json = NULL;
    if (pair) AIP__TRY(aip__task_package_at(task, aip__node_get(from, "package"), &package, err));
    AIP__TRY(aip__task_dataset_at(task, pair ? aip__node_get(from, "data") : from, &rows, err));
    AIP__TRY(aip__params_create(aip_task_ctx(task), task->task->operator_, params, aip__task_source(task), &p, err));
    const char *metrics = aip_params_is_null(p, "metrics") ? NULL : aip_params_json(p, "metrics");
    int32_t status = package
                         ? aip__package_evaluate(package, rows, metrics, &task->token, &json, err)
                         : aip__dataset_evaluate(rows, aip_params_string(p, "truth"), NULL, metrics, &task->token, &json, err);
    if (status == AIP_OK) status = aip__task_set_metrics(task, json, err);
    aip_text_free(aip_task_ctx(task), json);
    aip__params_free(p);
    return status;
}

void aip__operator_evaluate(aip_descriptor *d) {
    static const aip__operator_ops ops = {
        .check = evaluate_check, .run = evaluate_run, .from = AIP__FROM_DATASET_OR_PACKAGE_AND_DATA, .makes = AIP__MAKES_METRICS};
    d->name = "evaluate";
    d->doc = "Computes metrics of a package on a dataset, or of predictions";
    d->params = evaluate_params;
    d->n_params = sizeof evaluate_params / sizeof *evaluate_params;
    d->shorthand = "metrics";
    d->ops = &ops;
}

/* ---- predict ---------------------------------------------------------------------------------------------------------------------------- */

static int32_t predict_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    (void)params;
    const aip__node *from = aip__task_from(task);
    aip_package *package = NULL;
    aip_dataset *rows = NULL, *predicted = NULL;
    AIP__TRY(aip__task_package_at(task, aip__node_get(from, "package"), &package, err));
    AIP__TRY(aip__task_dataset_at(task, aip__node_get(from, "data"), &rows, err));
    AIP__TRY(aip_package_predict(package, rows, &predicted, err));
    int32_t status = aip_task_set_dataset(task, NULL, predicted, err);
    aip_dataset_free(predicted);
    return status;
}

void aip__operator_predict(aip_descriptor *d) {
    static const aip__operator_ops ops = {
        .check = aip__operator_check_params, .run = predict_run, .from = AIP__FROM_PACKAGE_AND_DATA, .makes = AIP__MAKES_DATASET};
    d->name = "predict";
    d->doc = "Adds a package's predictions to the rows of a dataset";
    d->ops = &ops;
}
