/* aipipe lint: checks DAG files without running them. */
#include "tool.h"

#include <stdlib.h>

static int32_t check(const args *a, aip_context *ctx, const char *path, size_t *n_tasks, aip_error **err) {
    aip_dag *dag = NULL;
    json_t *description = NULL, *params = json_object();
    int32_t status = dag_load(ctx, path, &dag, &description, err);
    if (status == AIP_OK && args_settings(a, "set", json_object_get(description, "params"), params) == 0) {
        char *text = json_text(params);
        status = aip_dag_check(dag, text, err);
        free(text);
    }
    *n_tasks = json_array_size(json_object_get(description, "tasks"));
    json_decref(description);
    json_decref(params);
    aip_dag_free(dag);
    return status;
}

int cmd_lint(const args *a) {
    aip_context *ctx = NULL;
    json_t *params = json_object(), *findings = json_array();
    int code = args_settings(a, "set", NULL, params); /* whether they can be read at all */
    if (code == 0) code = args_context(a, true, &ctx);
    for (int i = 0; ctx && i < a->n_words; i++) {
        aip_error *err = NULL;
        size_t n = 0;
        int32_t status = check(a, ctx, a->words[i], &n, &err);
        json_t *finding = json_pack("{s:s, s:b}", "file", a->words[i], "ok", status == AIP_OK);
        if (status == AIP_OK) {
            talk_note("%s: good, %zu task%s", a->words[i], n, n == 1 ? "" : "s");
        } else {
            json_object_set_new(finding, "error", error_to_json(err));
            talk_error(err);
            code = EXIT_CODE_DAG;
        }
        json_array_append_new(findings, finding);
        aip_error_free(err);
    }
    if (ctx && args_flag(a, "json")) {
        char *text = json_text(findings);
        puts(text);
        free(text);
    }
    json_decref(params);
    json_decref(findings);
    aip_context_free(ctx);
    return code;
}
