/* Zstandard (RFC 8878) through libzstd, which is optional: without it every function here refuses with AIP_E_UNSUPPORTED, naming what to
 * install. Streams of frames in, one frame with a content checksum out, and single blocks for formats that compress their own parts. */
#ifndef AIPIPE_LIB_FORMATS_ZSTD_CODEC_H
#define AIPIPE_LIB_FORMATS_ZSTD_CODEC_H

#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>

/* Whether the library was built with libzstd. */
bool aip__zstd_available(void);

/* ---- blocks: whole frames in memory. any thread -------------------------------------------------------------------------------------- */

/* Decompresses frames in[0..n) into exactly out_n bytes. Errors: AIP_E_CORRUPT (also for another size than out_n), AIP_E_UNSUPPORTED. */
int32_t aip__zstd_decompress(aip_context *ctx, const void *in, size_t n, void *out, size_t out_n, aip_error **err);
/* Adds one frame, with its size and a checksum, to `to`. level: 1 is fast, 19 is small. */
int32_t aip__zstd_compress(aip_context *ctx, int level, const void *in, size_t n, aip__text *to, aip_error **err);

/* ---- streams, as in formats/gzip/gzip.h -------------------------------------------------------------------------------------------------- */

typedef struct aip__unzstd aip__unzstd;
int32_t aip__unzstd_new(aip_context *ctx, aip__unzstd **out, aip_error **err);
/* Errors: AIP_E_CORRUPT with the byte offset in the compressed stream; AIP_E_UNSUPPORTED for a window that would take more memory than a
 * reader may (32 MiB). */
int32_t aip__unzstd_step(aip__unzstd *z, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err);
int32_t aip__unzstd_end(const aip__unzstd *z, aip_error **err);
void aip__unzstd_free(aip__unzstd *z);

typedef struct aip__zstd aip__zstd;
int32_t aip__zstd_new(aip_context *ctx, int level, aip__zstd **out, aip_error **err);
/* Adds the compressed form of bytes[0..n) to `to`; last: ends the frame. */
int32_t aip__zstd_add(aip__zstd *z, const void *bytes, size_t n, bool last, aip__text *to, aip_error **err);
void aip__zstd_free(aip__zstd *z);

/* A frame, or one to be skipped (which tools put before frames). Needs four bytes. */
static inline bool aip__zstd_magic(const uint8_t *b, size_t n) {
    return n >= 4
           && ((b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd)
               || ((b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18));
}
/* The first two bytes of what may be one. */
static inline bool aip__zstd_maybe(const uint8_t *b, size_t n) {
    return n >= 2 && ((b[0] == 0x28 && b[1] == 0xb5) || ((b[0] & 0xf0) == 0x50 && b[1] == 0x2a));
}

#endif
