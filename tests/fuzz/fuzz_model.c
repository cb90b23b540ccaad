/* What a model learned, as bytes. Whatever the bytes: no crash, no leak; what is accepted saves to bytes that load to the same again. */
#include "base/bytes.h"
#include "fuzz.h"
#include "train/model.h"

static aip_model *load(aip_context *ctx, const void *bytes, size_t n) {
    aip_reader r;
    aip_error *err = NULL;
    aip_model *model = NULL;
    aip__reader_init(&r, ctx, bytes, n, "input");
    int32_t status = aip__model_load(ctx, "logistic_regression", NULL, &r, &model, &err);
    if ((status == AIP_OK) != (model != NULL)) abort();
    if (status != AIP_OK && status != AIP_E_CORRUPT && status != AIP_E_UNSUPPORTED && status != AIP_E_MEMORY_LIMIT) abort();
    aip_error_free(err);
    return model;
}

static void save(aip_context *ctx, const aip_model *model, aip_writer *w) {
    aip__writer_init(w, ctx);
    if (aip__model_save(model, w, NULL) != AIP_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static fuzz_host host;
    if (!host.ctx) {
        host.ctx = fuzz_make((uint64_t)64 << 20);
        must(aip__train_register(host.ctx, NULL) == AIP_OK, "models");
    }
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    aip_model *model = load(ctx, data, size);
    if (model) {
        aip_writer first, second;
        save(ctx, model, &first);
        aip_model *back = load(ctx, first.text.bytes, first.text.n);
        if (!back) abort();
        save(ctx, back, &second);
        if (first.text.n != second.text.n || memcmp(first.text.bytes, second.text.bytes, first.text.n) != 0) abort();
        char *json = NULL;
        if (aip_model_describe(back, &json, NULL) != AIP_OK) abort();
        aip__free(ctx, json);
        aip__writer_free(&first);
        aip__writer_free(&second);
        aip_model_free(back);
    }
    aip_model_free(model);
    fuzz_end(&host);
    return 0;
}
