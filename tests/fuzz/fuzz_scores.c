/* The dumped state of metrics. Whatever the bytes: no crash, no leak; what is accepted dumps to bytes that load to the same again, merges with
 * itself, and settles. */
#include "base/bytes.h"
#include "fuzz.h"
#include "metrics/metrics.h"

static void *load(const aip__scores_fold *f, const void *bytes, size_t n) {
    aip_reader r;
    aip_error *err = NULL;
    void *state = NULL;
    aip__reader_init(&r, f->ctx, bytes, n, "input");
    int32_t status = aip__scores_ops.load(f, &r, &state, &err);
    if ((status == AIP_OK) != (state != NULL)) abort();
    if (status != AIP_OK && status != AIP_E_CORRUPT && status != AIP_E_MEMORY_LIMIT) abort();
    aip_error_free(err);
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static fuzz_host host;
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)64 << 20);
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    const aip__scores_fold f = {.ctx = ctx, .truth_name = "y", .type = size > 0 && data[0] == AIP_UTF8 ? AIP_UTF8 : AIP_INT64};
    void *state = load(&f, data, size);
    if (state) {
        aip_writer first, second;
        aip__writer_init(&first, ctx);
        aip__writer_init(&second, ctx);
        if (aip__scores_ops.dump(&f, state, &first, NULL) != AIP_OK) abort();
        void *back = load(&f, first.text.bytes, first.text.n);
        if (!back || aip__scores_ops.dump(&f, back, &second, NULL) != AIP_OK) abort();
        if (first.text.n != second.text.n || memcmp(first.text.bytes, second.text.bytes, first.text.n) != 0) abort();
        if (aip__scores_ops.merge(&f, back, state, NULL) != AIP_OK || aip__scores_settle(back, NULL) != AIP_OK) abort();
        aip__scores_ops.destroy(&f, back);
        aip__writer_free(&first);
        aip__writer_free(&second);
        aip__scores_ops.destroy(&f, state);
    }
    fuzz_end(&host);
    return 0;
}
