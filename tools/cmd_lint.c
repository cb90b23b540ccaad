/* aipipe lint: checks DAG files without running them. */
#include "tool.h"

#include <stdlib.h>

static int32_t check(aip_context *ctx, const char *path, const char *params, char **description, aip_error **err) {
    aip_dag *dag = NULL;
    int32_t status = aip_dag_load(ctx, path, &dag, err);
    if (status == AIP_OK) status = aip_dag_check(dag, params, err);
    if (status == AIP_OK) status = aip_dag_describe(dag, description, err);
    aip_dag_free(dag);
    return status;
}

static void note_good(const char *path, const char *description) {
    json_t *j = json_loads(description, 0, NULL), *tasks = json_object_get(j, "tasks");
    size_t n = json_is_object(tasks) ? json_object_size(tasks) : json_array_size(tasks);
    talk_note("%s: good, %zu task%s", path, n, n == 1 ? "" : "s");
    json_decref(j);
}

int cmd_lint(const args *a) {
    aip_context *ctx = NULL;
    json_t *params = json_object(), *findings = json_array();
    int code = args_settings(a, "set", params);
    if (code == 0) code = args_context(a, true, &ctx);
    char *params_text = json_text(params);
    for (int i = 0; ctx && i < a->n_words; i++) {
        aip_error *err = NULL;
        char *description = NULL;
        int32_t status = check(ctx, a->words[i], params_text, &description, &err);
        json_t *finding = json_pack("{s:s, s:b}", "file", a->words[i], "ok", status == AIP_OK);
        if (status == AIP_OK) {
            note_good(a->words[i], description);
        } else {
            json_object_set_new(finding, "error", error_to_json(err));
            talk_error(err);
            code = EXIT_CODE_DAG;
        }
        json_array_append_new(findings, finding);
        aip_text_free(ctx, description);
        aip_error_free(err);
    }
    if (ctx && args_flag(a, "json")) {
        char *text = json_text(findings);
        puts(text);
        free(text);
    }
    free(params_text);
    json_decref(params);
    json_decref(findings);
    aip_context_free(ctx);
    return code;
}
