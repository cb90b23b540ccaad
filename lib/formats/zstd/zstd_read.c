/* Streaming decompression of zstd frames (RFC 8878), one after the other, and of whole frames in memory. libzstd checks each frame's content
 * checksum; what is checked here is what lies behind the last frame, how much memory a window may take, and that a frame holds as many bytes as
 * its header declares: libzstd's stream does not look when the last block is empty. */
#include "formats/zstd/zstd_codec.h"

#include "base/context.h"
#include "base/memory.h"
#include "formats/zstd/zstd_missing.h"

#ifdef AIPIPE_ZSTD
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define HEADER_BYTES 18 /* the most that a frame's header takes, with its magic bytes */
#define WINDOW_LOG 25   /* 32 MiB: every ordinary level of the zstd command; --ultra and --long go beyond */

struct aip__unzstd {
    aip_context *ctx;
    ZSTD_DCtx *z;
    int64_t used, frame; /* compressed bytes so far; of these, before the frame that is being read */
    bool inside;         /* of a frame: it has begun, and its end was not seen */
    int64_t n_frames;
    uint8_t header[HEADER_BYTES]; /* the frame's first bytes, as far as they were used */
    size_t header_n;
    uint64_t content; /* bytes of the frame's content that were given out */
};

bool aip__zstd_available(void) { return true; }

int32_t aip__unzstd_new(aip_context *ctx, aip__unzstd **out, aip_error **err) {
    aip__unzstd *z = aip__calloc(ctx, 1, sizeof *z);
    if (!z) return aip__error_memory(ctx, err);
    z->ctx = ctx;
    z->z = ZSTD_createDCtx();
    if (!z->z || ZSTD_isError(ZSTD_DCtx_setParameter(z->z, ZSTD_d_windowLogMax, WINDOW_LOG))) {
        aip__unzstd_free(z);
        return aip__error_nomem(err);
    }
    *out = z;
    return AIP_OK;
}

static int32_t damaged(const aip__unzstd *z, size_t code, aip_error **err) {
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) return aip__error_nomem(err);
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
        aip__error_set(
            err, AIP_E_UNSUPPORTED,
            "the zstd frame at byte %lld needs a window of more than %d MiB to be read: expected one that was made without "
            "--ultra and --long",
            (long long)z->frame, 1 << (WINDOW_LOG - 20));
        aip__error_at_offset(err, z->frame);
        return AIP_E_UNSUPPORTED;
    }
    if (z->n_frames > 0 && ZSTD_getErrorCode(code) == ZSTD_error_prefix_unknown)
        aip__error_set(
            err, AIP_E_CORRUPT,
            "after the end of the zstd stream, at byte %lld: expected another zstd frame or the end of the file, found "
            "other bytes",
            (long long)z->frame);
    else
        aip__error_set(err, AIP_E_CORRUPT, "zstd stream is damaged in the frame that begins at byte %lld: %s",
                       (long long)z->frame, ZSTD_getErrorName(code));
    aip__error_at_offset(err, z->frame);
    return AIP_E_CORRUPT;
}

static void keep_header(aip__unzstd *z, const uint8_t *in, size_t n) {
    size_t room = HEADER_BYTES - z->header_n, take = n < room ? n : room;
    if (take > 0) memcpy(z->header + z->header_n, in, take);
    z->header_n += take;
}

/* At a frame's end. */
static int32_t check_content(const aip__unzstd *z, aip_error **err) {
    unsigned long long declared = ZSTD_getFrameContentSize(z->header, z->header_n);
    if (declared == ZSTD_CONTENTSIZE_UNKNOWN || declared == ZSTD_CONTENTSIZE_ERROR || declared == z->content) return AIP_OK;
    aip__error_set(err, AIP_E_CORRUPT,
                   "zstd stream is damaged in the frame that begins at byte %lld: expected the %llu bytes that its header "
                   "declares, found %llu",
                   (long long)z->frame, declared, (unsigned long long)z->content);
    aip__error_at_offset(err, z->frame);
    return AIP_E_CORRUPT;
}

int32_t aip__unzstd_step(aip__unzstd *z, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err) {
    ZSTD_inBuffer from = {.src = in, .size = in_n};
    ZSTD_outBuffer to = {.size = out_n};
    to.dst = out;
    while (to.pos < to.size) {
        size_t before = from.pos, had = to.pos;
        if (!z->inside && from.pos == from.size) break;
        if (!z->inside) {
            z->frame = z->used;
            z->header_n = 0;
            z->content = 0;
        }
        size_t left = ZSTD_decompressStream(z->z, &to, &from);
        if (ZSTD_isError(left)) return damaged(z, left, err);
        z->used += (int64_t)(from.pos - before);
        z->content += to.pos - had;
        keep_header(z, in + before, from.pos - before);
        z->inside = left != 0; /* 0: a frame has ended, and all of it was given out */
        if (left == 0) {
            AIP__TRY(check_content(z, err));
            z->n_frames++;
        }
        if (from.pos == before && to.pos == had) break;
    }
    *used = from.pos;
    *made = to.pos;
    return AIP_OK;
}

int32_t aip__unzstd_end(const aip__unzstd *z, aip_error **err) {
    if (!z->inside && z->n_frames > 0) return AIP_OK;
    aip__error_set(err, AIP_E_CORRUPT, "zstd stream ends early at byte %lld: the file is cut off", (long long)z->used);
    aip__error_at_offset(err, z->used);
    return AIP_E_CORRUPT;
}

void aip__unzstd_free(aip__unzstd *z) {
    if (!z) return;
    ZSTD_freeDCtx(z->z);
    aip__free(z->ctx, z);
}

int32_t aip__zstd_decompress(aip_context *ctx, const void *in, size_t n, void *out, size_t out_n, aip_error **err) {
    (void)ctx;
    size_t made = ZSTD_decompress(out, out_n, in, n);
    if (ZSTD_isError(made) && ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation) return aip__error_nomem(err);
    if (ZSTD_isError(made))
        return aip__error_set(err, AIP_E_CORRUPT, "zstd data is damaged: %s (expected %zu bytes)", ZSTD_getErrorName(made),
                              out_n);
    if (made != out_n)
        return aip__error_set(err, AIP_E_CORRUPT, "zstd data is damaged: expected %zu bytes, found %zu", out_n, made);
    return AIP_OK;
}

#else

bool aip__zstd_available(void) { return false; }

int32_t aip__unzstd_new(aip_context *ctx, aip__unzstd **out, aip_error **err) {
    (void)ctx, (void)out;
    return aip__zstd_missing("read", err);
}

int32_t aip__unzstd_step(aip__unzstd *z, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err) {
    (void)z, (void)in, (void)in_n, (void)used, (void)out, (void)out_n, (void)made;
    return aip__zstd_missing("read", err);
}

int32_t aip__unzstd_end(const aip__unzstd *z, aip_error **err) {
    (void)z;
    return aip__zstd_missing("read", err);
}

void aip__unzstd_free(aip__unzstd *z) { (void)z; } /* there is none */

int32_t aip__zstd_decompress(aip_context *ctx, const void *in, size_t n, void *out, size_t out_n, aip_error **err) {
    (void)ctx, (void)in, (void)n, (void)out, (void)out_n;
    return aip__zstd_missing("read", err);
}

#endif
