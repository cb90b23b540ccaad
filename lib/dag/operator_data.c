/* Operators on datasets: read, transform, split, write; and what `output:` does for any task. */
#include "base/io.h"
#include "connectors/connectors.h"
#include "dag/operators.h"
#include "dag/run.h"
#include "transform/split.h"

#include <string.h>

/* ---- read -------------------------------------------------------------------------------------------------------------------------- */

static int32_t read_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    (void)task;
    return aip__read_check(dag->ctx, params, dag->source, dag->base_dir, err);
}

/* The rejects are known after a pass; somebody reads them, so the pass is now, and its rows are kept where they fit. */
static int32_t set_rejects(aip_task_context *task, aip_dataset *read, aip_error **err) {
    aip_dataset *rejects = NULL;
    AIP__TRY(aip__dataset_keep(read, &task->token, err));
    AIP__TRY(aip_dataset_rejects(read, &task->call, &rejects, err));
    int32_t status = aip_task_set_dataset(task, "rejects", rejects, err);
    aip_dataset_free(rejects);
    return status;
}

static int32_t read_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_dataset *read = NULL;
    AIP__TRY(aip__read_dataset(aip_task_ctx(task), params, aip__task_source(task), aip__task_base_dir(task), &read, err));
    int32_t status = aip_task_set_dataset(task, NULL, read, err);
    if (status == AIP_OK && aip__task_n_readers(task, "rejects") > 0) status = set_rejects(task, read, err);
    aip_dataset_free(read);
    return status;
}

/* Read and write take the parameters of all formats, which the catalogue knows. */
static int32_t register_files(aip_context *ctx, bool reading, const char *doc, const aip__operator_ops *ops, aip_error **err) {
    aip_descriptor *d = NULL;
    AIP__TRY(aip__files_table(ctx, reading, NULL, &d, err));
    d->doc = doc;
    d->ops = ops;
    int32_t status = aip_catalog_register(ctx, d, err);
    aip__free(ctx, d);
    return status;
}

int32_t aip__operator_read(aip_context *ctx, aip_error **err) {
    static const aip__operator_ops ops = {
        .check = read_check, .run = read_run, .from = AIP__FROM_NOTHING, .makes = AIP__MAKES_DATASET, .outputs = "rejects"};
    return register_files(ctx, true, "Reads files as a dataset", &ops, err);
}

/* ---- transform ----------------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec transform_params[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_ANY,
     .name = "stages",
     .doc = "List of stages, each `name` or `name: {parameters}`; those that learn do so from the dataset itself"}};

/* The list, or the name of one stage: `transform: [...]` or `transform: {stages: [...]}`. */
static const aip__node *stages_of(const aip__node *params) {
    const aip__node *named = aip__node_get(params, "stages");
    return named ? named : params;
}

static int32_t transform_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    AIP__TRY(aip__operator_check_params(dag, task, params, err));
    return aip__dag_check_stages(dag, stages_of(params), err);
}

static int32_t transform_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_dataset *in = NULL, *out = NULL;
    aip_stage *stage = NULL, *fitted = NULL;
    AIP__TRY(aip__task_dataset_at(task, aip__task_from(task), &in, err));
    int32_t status = aip__stage_from_node(aip_task_ctx(task), stages_of(params), aip__task_source(task), aip__operator_input,
                                          task, &stage, err);
    if (status == AIP_OK && !aip_stage_is_fitted(stage)) status = aip__operator_keep(task, in, err);
    if (status == AIP_OK) status = aip__stage_fit(stage, in, &task->token, &fitted, err);
    if (status == AIP_OK) status = aip_dataset_transform(in, fitted, &out, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, out, err);
    aip_dataset_free(out);
    aip_stage_free(fitted);
    aip_stage_free(stage);
    return status;
}

void aip__operator_transform(aip_descriptor *d) {
    static const aip__operator_ops ops = {.check = transform_check,
                                          .run = transform_run,
                                          .from = AIP__FROM_DATASET,
                                          .makes = AIP__MAKES_DATASET,
                                          .stages = "stages"};
    d->name = "transform";
    d->doc = "Passes a dataset through stages";
    d->params = transform_params;
    d->n_params = 1;
    d->shorthand = "stages";
    d->ops = &ops;
}

/* ---- split ------------------------------------------------------------------------------------------------------------------------------ */

static int32_t split_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_dataset *in = NULL, *train = NULL, *test = NULL;
    AIP__TRY(aip__task_dataset_at(task, aip__task_from(task), &in, err));
    AIP__TRY(aip__split_dataset(in, params, aip__task_source(task), &task->token, &train, &test, err));
    int32_t status = aip_task_set_dataset(task, "train", train, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, "test", test, err);
    aip_dataset_free(train);
    aip_dataset_free(test);
    return status;
}

static int32_t split_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    (void)task;
    return aip__split_check(dag->ctx, params, dag->source, err);
}

void aip__operator_split(aip_descriptor *d) {
    static const aip__operator_ops ops = {
        .check = split_check, .run = split_run, .from = AIP__FROM_DATASET, .outputs = "train|test"};
    d->name = "split";
    d->doc = "Splits rows into a training and a test part, as scikit-learn's train_test_split: task.train and task.test";
    d->params = aip__split_params;
    d->n_params = aip__split_n_params;
    d->ops = &ops;
}

/* ---- write ------------------------------------------------------------------------------------------------------------------------------ */

static const aip__node *path_of(const aip__node *node) {
    const aip__node *path = node->kind == AIP__MAP ? aip__node_get(node, "path") : node;
    return path && path->kind == AIP__STRING ? path : NULL;
}

/* The path from the DAG file's folder, with the folders that it needs made; free with aip__free. */
static int32_t place_for(aip_task_context *task, const aip__node *at, char **out, aip_error **err) {
    aip_context *ctx = aip_task_ctx(task);
    AIP__TRY(aip__dag_check_file(task->run->dag, at, err));
    char *path = aip__path_join(ctx, aip__task_base_dir(task), at->string);
    if (!path) return aip__error_memory(ctx, err);
    int32_t status = aip__make_folders(ctx, path, err);
    if (status != AIP_OK) {
        aip__free(ctx, path);
        return aip__dag_place(task->run->dag, at, status, err);
    }
    *out = path;
    return AIP_OK;
}

static int32_t write_dataset(aip_task_context *task, aip_dataset *dataset, const aip__node *params, aip_error **err) {
    const aip__node *at = path_of(params);
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    char *path = NULL;
    bool is_file = at && strcmp(at->string, "-") != 0 && !aip__path_is_connectors(aip_task_ctx(task), at->string);
    if (is_file) AIP__TRY(place_for(task, at, &path, err));
    aip__free(aip_task_ctx(task), path);
    AIP__TRY(aip__write_dataset(dataset, params, aip__task_source(task), aip__task_base_dir(task), &task->token, &counts, err));
    aip__dataset_kept_counts(dataset, &counts); /* what was written from memory was read and filtered when it came there */
    aip__task_set_counts(task, &counts);
    return AIP_OK;
}

int32_t aip__operator_save(aip_task_context *task, aip_package *package, const aip__node *at, aip_error **err) {
    char *path = NULL;
    AIP__TRY(place_for(task, at, &path, err));
    int32_t status = aip_package_save(package, path, err);
    aip__free(aip_task_ctx(task), path);
    return aip__dag_place(task->run->dag, at, status, err);
}

static int32_t write_metrics(aip_task_context *task, const char *json, const aip__node *at, aip_error **err) {
    char *path = NULL;
    aip__file_out file = {0};
    AIP__TRY(place_for(task, at, &path, err));
    int32_t status = aip__file_create(aip_task_ctx(task), path, &file, err);
    if (status == AIP_OK) {
        status = aip__file_write(&file, json, strlen(json), err);
        if (status == AIP_OK) status = aip__file_write(&file, "\n", 1, err);
        if (status == AIP_OK)
            status = aip__file_commit(&file, err);
        else
            aip__file_abandon(&file);
    }
    aip__free(aip_task_ctx(task), path);
    return aip__dag_place(task->run->dag, at, status, err);
}

int32_t aip__task_write_output(aip_task_context *task, const aip__node *output, aip_error **err) {
    aip__task_run *t = task->state;
    for (int32_t i = 0; i < t->n_outputs; i++) {
        if (t->outputs[i].name) continue;
        if (t->outputs[i].dataset) return write_dataset(task, t->outputs[i].dataset, output, err);
        if (t->outputs[i].package) return aip__operator_save(task, t->outputs[i].package, output, err);
    }
    if (t->metrics) return write_metrics(task, t->metrics, output, err);
    return aip__error_set(err, AIP_E_INTERNAL, "the task made nothing that `output` could write");
}

/* Whether what the task is given is a package, as far as is known before it runs. */
static bool given_package(const aip_dag *dag, int32_t task) {
    const aip__task *t = &dag->tasks[task];
    const aip__operator_ops *from = t->n_references > 0 ? aip__dag_ops(dag, t->references[0].task) : NULL;
    return from && !t->references[0].output && from->makes == AIP__MAKES_PACKAGE;
}

static int32_t package_params(aip_context *ctx, const aip__node *params, const char *source, aip_error **err) {
    static const aip_param_spec path[] = {{.struct_size = sizeof(aip_param_spec),
                                           .type = AIP_PARAM_STRING,
                                           .name = "path",
                                           .doc = "file to write, whole or not at all"}};
    static const aip_descriptor table = {.struct_size = sizeof table,
                                         .name = "write (a package)",
                                         .params = path,
                                         .n_params = 1,
                                         .param_stride = sizeof(aip_param_spec),
                                         .shorthand = "path"};
    aip_params *checked = NULL;
    AIP__TRY(aip__params_create(ctx, &table, params, source, &checked, err));
    aip__params_free(checked);
    return AIP_OK;
}

static bool is_callback(const aip_dag *dag, int32_t task) {
    const aip__task *t = &dag->tasks[task];
    return t->n_references > 0 && !aip__dag_ops(dag, t->references[0].task);
}

static int32_t write_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    if (is_callback(dag, task)) return AIP_OK; /* which of the two it is given is known when the callback has run */
    return given_package(dag, task) ? package_params(dag->ctx, params, dag->source, err)
                                    : aip__write_check(dag->ctx, params, dag->source, dag->base_dir, err);
}

static int32_t write_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    const aip__node *from = aip__task_from(task);
    aip_package *package = aip_task_package(task, from->string);
    aip_dataset *dataset = NULL;
    if (package) {
        AIP__TRY(package_params(aip_task_ctx(task), params, aip__task_source(task), err));
        return aip__operator_save(task, package, path_of(params), err);
    }
    AIP__TRY(aip__task_dataset_at(task, from, &dataset, err));
    return write_dataset(task, dataset, params, err);
}

int32_t aip__operator_write(aip_context *ctx, aip_error **err) {
    static const aip__operator_ops ops = {.check = write_check, .run = write_run, .from = AIP__FROM_DATASET_OR_PACKAGE};
    static const char doc[] = "Writes a dataset or a package to a file, whole or not at all; missing folders are made";
    return register_files(ctx, false, doc, &ops, err);
}
