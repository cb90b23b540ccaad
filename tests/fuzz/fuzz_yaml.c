/* YAML documents. Whatever the bytes: no crash, no leak, bounded work, an error with a place. What is accepted has a canonical text that is
 * JSON and reads back to itself. */
#include "fuzz_document.h"

static fuzz_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)256 << 20);
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    size_t n = 0, n_again = 0;
    char *text = fuzz_canonical(ctx, aip__yaml_parse, (const char *)data, size, &n);
    if (text) {
        char *again = fuzz_canonical(ctx, aip__json_parse, text, n, &n_again);
        if (!again || n_again != n || memcmp(text, again, n) != 0) abort();
        aip__free(ctx, again);
    }
    aip__free(ctx, text);
    fuzz_end(&host);
    return 0;
}
