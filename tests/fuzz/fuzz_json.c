/* JSON documents. Whatever the bytes: no crash, no leak, an error with a place. What is accepted has a canonical text that reads back to
 * itself, and means the same to the YAML reader where that accepts it (it refuses a few, such as keys of more than 1024 characters). */
#include "fuzz_document.h"

static fuzz_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)256 << 20);
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    size_t n = 0, n_again = 0, n_yaml = 0;
    char *text = fuzz_canonical(ctx, aip__json_parse, (const char *)data, size, &n);
    if (text) {
        char *again = fuzz_canonical(ctx, aip__json_parse, text, n, &n_again);
        if (!again || n_again != n || memcmp(text, again, n) != 0) abort();
        char *yaml = fuzz_canonical(ctx, aip__yaml_parse, (const char *)data, size, &n_yaml);
        if (yaml && (n_yaml != n || memcmp(text, yaml, n) != 0)) abort();
        aip__free(ctx, again);
        aip__free(ctx, yaml);
    }
    aip__free(ctx, text);
    fuzz_end(&host);
    return 0;
}
