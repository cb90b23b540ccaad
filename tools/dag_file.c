/* A DAG from a file or from standard input, with its description as JSON; and single values, written as DAG files write them. */
#include "tool.h"

#include <string.h>

static int32_t read_stdin(line *out, aip_error **err) {
    char some[65536];
    size_t n = 0;
    while ((n = fread(some, 1, sizeof some, stdin)) > 0) line_bytes(out, some, n);
    if (ferror(stdin)) return aip_error_set(err, AIP_E_IO, "cannot read standard input");
    line_bytes(out, "", 0);
    if (strlen(out->bytes) != out->n)
        return aip_error_set(err, AIP_E_SYNTAX, "standard input: expected a DAG file, found a zero byte");
    return AIP_OK;
}

static int32_t parse_stdin(aip_context *ctx, aip_dag **out, aip_error **err) {
    line text = {0};
    int32_t status = read_stdin(&text, err);
    if (status == AIP_OK) status = aip_dag_parse(ctx, text.bytes, NULL, out, err);
    line_free(&text);
    return status;
}

int32_t dag_load(aip_context *ctx, const char *path, aip_dag **out, json_t **description, aip_error **err) {
    aip_dag *dag = NULL;
    char *text = NULL;
    int32_t status = strcmp(path, "-") == 0 ? parse_stdin(ctx, &dag, err) : aip_dag_load(ctx, path, &dag, err);
    if (status == AIP_OK) status = aip_dag_describe(dag, &text, err);
    if (status == AIP_OK) status = json_take(text, description, err);
    if (status == AIP_OK)
        *out = dag;
    else
        aip_dag_free(dag);
    aip_text_free(ctx, text);
    return status;
}

/* The library's own reader of DAG files decides what the text is: it is the default of a parameter of a DAG that never runs. */
json_t *dag_value(const char *text) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    char *described = NULL;
    json_t *description = NULL, *value = NULL;
    line file = {0};
    options.threads = AIP_THREADS_NONE;
    line_add(&file, "dag: value\ntasks: {never: {command: 'true'}}\nparams:\n  value:\n    default: ");
    size_t start = file.n;
    line_add(&file, "%s", text);
    for (size_t i = start; i < file.n; i++) /* in one line, so that nothing can stand beside it */
        if (file.bytes[i] == '\n' || file.bytes[i] == '\r') file.bytes[i] = ' ';
    if (aip_context_create(&options, &ctx, NULL) == AIP_OK && aip_dag_parse(ctx, file.bytes, NULL, &dag, NULL) == AIP_OK
        && aip_dag_describe(dag, &described, NULL) == AIP_OK && json_take(described, &description, NULL) == AIP_OK)
        value = json_incref(json_object_get(json_array_get(json_object_get(description, "params"), 0), "default"));
    json_decref(description);
    aip_text_free(ctx, described);
    aip_dag_free(dag);
    aip_context_free(ctx);
    line_free(&file);
    return value;
}
