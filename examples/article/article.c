/* article.c: the three tasks of article.yaml built by a host program: data from its own arrays, the rest from the catalogue.
 *   cc article.c $(pkg-config --cflags --libs aipipe) -o article && ./article trained_model.aip */
#include <aipipe/aipipe.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host's own table, as it lies in its memory. */
static const int64_t feature1[] = {1, 2, 3, 4, 5}, feature2[] = {5, 4, 3, 2, 1}, target[] = {0, 1, 0, 1, 0};
#define N_ROWS 5

/* The first task: hands the arrays on as a dataset. Runs on any thread of the library's pool. */
static int32_t ingest_data(void *user, aip_task_context *task, aip_error **err) {
    static const char *const names[] = {"feature1", "feature2", "target"};
    const int64_t *const values[] = {feature1, feature2, target};
    aip_field fields[3];
    aip_column_view columns[3];
    aip_schema *schema = NULL;
    aip_dataset *table = NULL;
    (void)user;
    for (int i = 0; i < 3; i++) {
        fields[i] = (aip_field)AIP_FIELD_INIT;
        fields[i].name = names[i];
        fields[i].type = AIP_INT64;
        columns[i] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        columns[i].type = AIP_INT64;
        columns[i].length = N_ROWS;
        columns[i].values = values[i];
    }
    int32_t status = aip_schema_create(aip_task_ctx(task), fields, 3, &schema, err);
    if (status == AIP_OK) status = aip_dataset_from_columns(schema, columns, 3, &table, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, table, err);
    aip_dataset_free(table);
    aip_schema_free(schema);
    return status;
}

/* The other two: operators from the catalogue, written as in the DAG file. */
/* clang-format off */
static const char process_data[] = AIP_JSON({"from": "ingest_data", "transform": ["drop_missing"]});
static const char train_model[] = AIP_JSON({
    "from": "process_data",
    "train": {
        "target": "target",
        "split": {"test_size": 0.2, "random_state": 42},
        "model": {"logistic_regression": {}},
        "metrics": ["accuracy"]
    }
});
/* clang-format on */

/* Called inside aip_run_wait, on the thread that called it. */
static void on_event(void *user, const aip_task_event *event) {
    (void)user;
    if (!event->phase) printf("%-14s %s\n", event->task, aip_task_state_name(event->state));
}

int main(int argc, char **argv) {
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    aip_package *model = NULL;
    aip_error *err = NULL;
    char *report = NULL;

    int32_t status = aip_context_create(NULL, &ctx, &err);
    if (status == AIP_OK) status = aip_dag_create(ctx, "ai_data_pipeline", &dag, &err);
    if (status == AIP_OK) status = aip_dag_add_callback(dag, "ingest_data", ingest_data, NULL, NULL, &err);
    if (status == AIP_OK) status = aip_dag_add(dag, "process_data", process_data, &err);
    if (status == AIP_OK) status = aip_dag_add(dag, "train_model", train_model, &err);
    if (status == AIP_OK) status = aip_run_start(dag, NULL, &run, &err);
    if (status == AIP_OK) {
        aip_run_on_event(run, on_event, NULL);
        status = aip_run_wait(run, &err);
    }
    if (status == AIP_OK) status = aip_run_report(run, &report, &err);
    if (status == AIP_OK) { /* JSON: a real host would hand it to its own reader */
        const char *accuracy = strstr(report, "\"accuracy\":");
        printf("accuracy on the held-out part: %g\n", accuracy ? strtod(accuracy + strlen("\"accuracy\":"), NULL) : -1.0);
    }
    if (status == AIP_OK && argc > 1) {
        status = aip_run_package(run, "train_model", &model, &err);
        if (status == AIP_OK) status = aip_package_save(model, argv[1], &err);
    }
    if (status != AIP_OK) fprintf(stderr, "article: %s\n", aip_error_text(err));

    aip_text_free(ctx, report);
    aip_error_free(err);
    aip_package_free(model);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx);
    return status == AIP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
