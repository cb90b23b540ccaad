/* Whole gzip members in memory through libdeflate. Headers that it does not check as zlib does are left to zlib, and so is everything that it
 * refuses. It takes a little more than zlib: a reserved length or distance code counts as the one before it. Size and checksum of the content
 * hold all the same, so that what is read is what was written. */
#include "formats/gzip/gzip.h"

#include "base/context.h"
#include "base/memory.h"

#define FHCRC 2
#define FEXTRA 4

size_t aip__gzip_told_size(const uint8_t *in, size_t n) {
    if (n < 18 || !aip__gzip_magic(in, n) || !(in[3] & FEXTRA)) return 0;
    size_t extra = (size_t)(in[10] | in[11] << 8), at = 12;
    if (extra > n - 12) return 0;
    while (extra >= 4) {
        size_t length = (size_t)(in[at + 2] | in[at + 3] << 8);
        if (length > extra - 4) return 0;
        if (in[at] == 'B' && in[at + 1] == 'C' && length == 2) return (size_t)(in[at + 4] | in[at + 5] << 8) + 1;
        at += 4 + length;
        extra -= 4 + length;
    }
    return 0;
}

#ifdef AIPIPE_LIBDEFLATE
#include <libdeflate.h>

struct aip__gunzip_whole {
    aip_context *ctx;
    struct libdeflate_decompressor *d;
};

bool aip__gunzip_whole_available(void) { return true; }

int32_t aip__gunzip_whole_new(aip_context *ctx, aip__gunzip_whole **out, aip_error **err) {
    aip__gunzip_whole *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    g->ctx = ctx;
    g->d = libdeflate_alloc_decompressor();
    if (!g->d) {
        aip__free(ctx, g);
        return aip__error_nomem(err);
    }
    *out = g;
    return AIP_OK;
}

bool aip__gunzip_whole_member(aip__gunzip_whole *g, const uint8_t *in, size_t n, size_t *used, uint8_t *out, size_t out_n,
                              size_t *made) {
    if (n < 18 || (in[3] & FHCRC)) return false; /* the header's checksum is not looked at by libdeflate */
    return libdeflate_gzip_decompress_ex(g->d, in, n, out, out_n, used, made) == LIBDEFLATE_SUCCESS;
}

void aip__gunzip_whole_free(aip__gunzip_whole *g) {
    if (!g) return;
    libdeflate_free_decompressor(g->d);
    aip__free(g->ctx, g);
}

#else

bool aip__gunzip_whole_available(void) { return false; }

int32_t aip__gunzip_whole_new(aip_context *ctx, aip__gunzip_whole **out, aip_error **err) {
    (void)ctx, (void)out;
    return aip__error_set(err, AIP_E_UNSUPPORTED, "this build of libaipipe is without libdeflate");
}

// NOLINTBEGIN(readability-non-const-parameter): the other body writes to them
bool aip__gunzip_whole_member(aip__gunzip_whole *g, const uint8_t *in, size_t n, size_t *used, uint8_t *out, size_t out_n,
                              size_t *made) {
    (void)g, (void)in, (void)n, (void)used, (void)out, (void)out_n, (void)made;
    return false;
}
// NOLINTEND(readability-non-const-parameter)

void aip__gunzip_whole_free(aip__gunzip_whole *g) { (void)g; } /* there is none */

#endif
