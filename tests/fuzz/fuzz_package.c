/* Package files. Whatever the bytes: no crash, no leak, a status of its own. The input is tried as it is, and again with a good checksum, so that
 * the parts behind it are reached; what is accepted can be written, and what is written is accepted again. */
#include "base/hash.h"
#include "fuzz.h"
#include <aipipe/aipipe.h>

static aip_context *ctx;

static void try_bytes(const void *data, size_t size) {
    aip_package *p = NULL, *again = NULL;
    aip_error *err = NULL;
    if (aip_package_from_bytes(ctx, data, size, &p, &err) != AIP_OK) {
        if (!err || !*aip_error_message(err)) abort(); /* a refusal says why */
        aip_error_free(err);
        return;
    }
    char *bytes = NULL;
    size_t n = 0;
    if (aip_package_to_bytes(p, &bytes, &n, NULL) != AIP_OK) abort();
    if (aip_package_from_bytes(ctx, bytes, n, &again, NULL) != AIP_OK) abort();
    aip_text_free(ctx, bytes);
    aip_stage *pipeline = NULL;
    if (aip_package_describe(p, &bytes, NULL) != AIP_OK || aip_package_pipeline(p, &pipeline, NULL) != AIP_OK) abort();
    aip_text_free(ctx, bytes);
    if (pipeline && aip_stage_describe(pipeline, &bytes, NULL) == AIP_OK) aip_text_free(ctx, bytes);
    aip_stage_free(pipeline);
    aip_package_free(p);
    aip_package_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!ctx) {
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.threads = AIP_THREADS_NONE;
        o.memory_limit = (uint64_t)256 << 20;
        if (aip_context_create(&o, &ctx, NULL) != AIP_OK) abort();
    }
    uint64_t before = aip_context_memory_used(ctx);
    if (fuzz_tries(fuzz_hash(data, size), 0, 8)) try_bytes(data, size); /* most end at the checksum */
    if (size > 32) {
        uint8_t *sealed = malloc(size);
        if (!sealed) return 0;
        memcpy(sealed, data, size);
        aip__sha256 s;
        aip__sha256_init(&s);
        aip__sha256_add(&s, sealed, size - 32);
        aip__sha256_end(&s, sealed + size - 32);
        try_bytes(sealed, size);
        free(sealed);
    }
    if (aip_context_memory_used(ctx) != before) abort();
    return 0;
}
