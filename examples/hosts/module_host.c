/* module_host.c: a program that loads a module and runs a DAG file that uses the module's connector.
 *
 *   module_host MODULE DAG.yaml       prints the rows and rejects of the task `readings` */
#include <aipipe/aipipe.h>
#include <stdio.h>

static int32_t count(aip_run *run, const char *name, int64_t *n, aip_error **err) {
    aip_dataset *d = NULL;
    int32_t status = aip_run_dataset(run, name, &d, err);
    if (!status) status = aip_dataset_count(d, NULL, n, err);
    aip_dataset_free(d);
    return status;
}

int main(int argc, char **argv) {
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    int64_t rows = 0, rejects = 0;
    if (argc != 3) return fprintf(stderr, "usage: module_host MODULE DAG.yaml\n"), 2;
    int32_t status = aip_context_create(NULL, &ctx, &err);
    if (!status) status = aip_module_load(ctx, argv[1], &err);
    if (!status) status = aip_dag_load(ctx, argv[2], &dag, &err);
    if (!status) status = aip_run_start(dag, NULL, &run, &err);
    if (!status) status = aip_run_wait(run, &err);
    if (!status) status = count(run, "readings", &rows, &err);
    if (!status) status = count(run, "readings.rejects", &rejects, &err);
    if (status)
        fprintf(stderr, "module_host: %s\n", aip_error_text(err));
    else
        printf("rows %lld, rejects %lld\n", (long long)rows, (long long)rejects);
    aip_error_free(err);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx);
    return status != AIP_OK;
}
