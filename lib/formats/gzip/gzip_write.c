/* Streaming deflate into one gzip member (RFC 1952) whose header holds no time, no name and a fixed system byte: the same bytes in give the
 * same bytes out. */
#include "formats/gzip/gzip.h"

#include "base/context.h"
#include "formats/gzip/gzip_zlib.h"

#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8 /* zlib's default */
#define OUT_BYTES 65536

struct aip__gzip {
    aip_context *ctx;
    z_stream z;
    gz_header header;
    uint8_t out[OUT_BYTES];
};

int32_t aip__gzip_new(aip_context *ctx, int level, aip__gzip **out, aip_error **err) {
    aip__gzip *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    g->ctx = ctx;
    g->z.zalloc = aip__zlib_alloc;
    g->z.zfree = aip__zlib_free;
    g->z.opaque = ctx;
    if (deflateInit2(&g->z, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        aip__free(ctx, g);
        return aip__error_memory(ctx, err);
    }
    g->header.os = 255; /* unknown: not the system that happens to write */
    deflateSetHeader(&g->z, &g->header);
    *out = g;
    return AIP_OK;
}

int32_t aip__gzip_add(aip__gzip *g, const void *bytes, size_t n, bool last, aip__text *to, aip_error **err) {
    const uint8_t *in = bytes;
    const size_t chunk = (size_t)1 << 30; /* zlib counts in 32 bits */
    size_t at = 0;
    int status = Z_OK;
    do {
        size_t part = n - at < chunk ? n - at : chunk;
        bool final = last && at + part == n;
        g->z.next_in = (z_const Bytef *)(uintptr_t)(in + at);
        g->z.avail_in = (uInt)part;
        do {
            g->z.next_out = g->out;
            g->z.avail_out = OUT_BYTES;
            status = deflate(&g->z, final ? Z_FINISH : Z_NO_FLUSH);
            if (status == Z_STREAM_ERROR)
                return aip__error_set(err, AIP_E_INTERNAL, "gzip: %s", g->z.msg ? g->z.msg : "bad state");
            aip__text_add(to, (const char *)g->out, OUT_BYTES - g->z.avail_out);
        } while (g->z.avail_out == 0);
        at += part;
    } while (at < n);
    return to->failed ? aip__error_memory(g->ctx, err) : AIP_OK;
}

void aip__gzip_free(aip__gzip *g) {
    if (!g) return;
    deflateEnd(&g->z);
    aip__free(g->ctx, g);
}
