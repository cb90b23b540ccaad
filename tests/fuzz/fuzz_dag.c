/* DAG files. Whatever the bytes: no crash, no leak, an error with a message; what is accepted describes itself, checks itself and starts no task. */
#include <aipipe/aipipe.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    aip_error *err = NULL;
    char *text = malloc(size + 1), *json = NULL;
    options.threads = AIP_THREADS_NONE;
    if (!text || aip_context_create(&options, &ctx, NULL) != AIP_OK) abort();
    memcpy(text, data, size);
    text[size] = 0;
    if (aip_dag_parse(ctx, text, "/nonexistent", &dag, &err) == AIP_OK) {
        if (err || aip_dag_describe(dag, &json, NULL) != AIP_OK || json[0] != '{') abort();
        if (aip_dag_check(dag, NULL, &err) != AIP_OK && !*aip_error_message(err)) abort();
    } else if (!err || dag || !*aip_error_message(err)) {
        abort();
    }
    aip_error_free(err);
    aip_text_free(ctx, json);
    aip_dag_free(dag);
    aip_context_free(ctx);
    free(text);
    return 0;
}
