/* Compression to zstd (RFC 8878): a stream as one frame with a checksum, for there are readers that stop behind the first frame; and whole
 * blocks in memory. Nothing in a frame depends on time, threads or how the bytes were handed over. */
#include "formats/zstd/zstd_codec.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/memory.h"
#include "formats/zstd/zstd_missing.h"

#ifdef AIPIPE_ZSTD
#include <zstd.h>

struct aip__zstd {
    aip_context *ctx;
    ZSTD_CCtx *z;
};

static int32_t failed(size_t code, aip_error **err) {
    return aip__error_set(err, AIP_E_NOMEM, "zstd: %s", ZSTD_getErrorName(code));
}

int32_t aip__zstd_new(aip_context *ctx, int level, aip__zstd **out, aip_error **err) {
    aip__zstd *z = aip__calloc(ctx, 1, sizeof *z);
    if (!z) return aip__error_memory(ctx, err);
    z->ctx = ctx;
    z->z = ZSTD_createCCtx();
    if (!z->z || ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_compressionLevel, level))
        || ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_checksumFlag, 1))) {
        aip__zstd_free(z);
        return aip__error_nomem(err);
    }
    *out = z;
    return AIP_OK;
}

int32_t aip__zstd_add(aip__zstd *z, const void *bytes, size_t n, bool last, aip__text *to, aip_error **err) {
    ZSTD_inBuffer from = {.src = bytes, .size = n};
    size_t room = ZSTD_CStreamOutSize(), left = 0;
    do {
        ZSTD_outBuffer out = {.dst = aip__text_reserve(to, room), .size = room};
        if (!out.dst) return aip__error_memory(z->ctx, err);
        left = ZSTD_compressStream2(z->z, &out, &from, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) return failed(left, err);
        to->n += out.pos;
    } while (from.pos < from.size || (last && left > 0));
    return AIP_OK;
}

void aip__zstd_free(aip__zstd *z) {
    if (!z) return;
    ZSTD_freeCCtx(z->z);
    aip__free(z->ctx, z);
}

int32_t aip__zstd_compress(aip_context *ctx, int level, const void *in, size_t n, aip__text *to, aip_error **err) {
    size_t bound = ZSTD_compressBound(n);
    if (ZSTD_isError(bound)) return aip__error_nomem(err);
    char *out = aip__text_reserve(to, bound);
    if (!out) return aip__error_memory(ctx, err);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (!z) return aip__error_nomem(err);
    size_t made = ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(made)) made = ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    if (!ZSTD_isError(made)) made = ZSTD_compress2(z, out, bound, in, n);
    ZSTD_freeCCtx(z);
    if (ZSTD_isError(made)) return failed(made, err);
    to->n += made;
    return AIP_OK;
}

#else

int32_t aip__zstd_new(aip_context *ctx, int level, aip__zstd **out, aip_error **err) {
    (void)ctx, (void)level, (void)out;
    return aip__zstd_missing("write", err);
}

int32_t aip__zstd_add(aip__zstd *z, const void *bytes, size_t n, bool last, aip__text *to, aip_error **err) {
    (void)z, (void)bytes, (void)n, (void)last, (void)to;
    return aip__zstd_missing("write", err);
}

void aip__zstd_free(aip__zstd *z) { (void)z; } /* there is none */

int32_t aip__zstd_compress(aip_context *ctx, int level, const void *in, size_t n, aip__text *to, aip_error **err) {
    (void)ctx, (void)level, (void)in, (void)n, (void)to;
    return aip__zstd_missing("write", err);
}

#endif
