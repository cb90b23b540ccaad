/* DAG files. Whatever the bytes: no crash, no leak, an error with a message; what is accepted describes itself, checks itself and starts no task. */
#include <aipipe/aipipe.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static aip_context *ctx;
    aip_dag *dag = NULL;
    aip_error *err = NULL;
    char *text = malloc(size + 1), *json = NULL;
    if (!ctx) {
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        options.threads = AIP_THREADS_NONE;
        if (aip_context_create(&options, &ctx, NULL) != AIP_OK) abort();
    }
    uint64_t before = aip_context_memory_used(ctx);
    if (!text) abort();
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
    free(text);
    if (aip_context_memory_used(ctx) != before) abort();
    return 0;
}
