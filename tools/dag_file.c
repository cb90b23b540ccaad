/* A DAG from a file or from standard input, with its description as JSON. */
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
