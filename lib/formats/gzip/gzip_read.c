/* Streaming inflate of gzip members (RFC 1952), one after the other. zlib checks header CRC, data CRC and length of each member; what is
 * checked here is what lies between and behind them: only another member may follow, and the stream may not stop inside one. */
#include "formats/gzip/gzip.h"

#include "base/context.h"
#include "formats/gzip/gzip_zlib.h"

#define GZIP_WINDOW (15 + 16) /* the largest window, gzip wrapping only */

struct aip__gunzip {
    aip_context *ctx;
    z_stream z;
    int64_t used; /* compressed bytes so far */
    bool inside;  /* of a member: its first byte was seen, its end was not */
    int64_t n_members;
    int64_t packed, bytes;           /* of the member that is being read */
    int64_t last_packed, last_bytes; /* of the one before */
};

int32_t aip__gunzip_new(aip_context *ctx, aip__gunzip **out, aip_error **err) {
    aip__gunzip *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    g->ctx = ctx;
    g->z.zalloc = aip__zlib_alloc;
    g->z.zfree = aip__zlib_free;
    g->z.opaque = ctx;
    if (inflateInit2(&g->z, GZIP_WINDOW) != Z_OK) {
        aip__free(ctx, g);
        return aip__error_memory(ctx, err);
    }
    *out = g;
    return AIP_OK;
}

static int32_t damaged(aip__gunzip *g, aip_error **err) {
    aip__error_set(err, AIP_E_CORRUPT, "gzip stream is damaged at byte %lld: %s", (long long)g->used,
                   g->z.msg ? g->z.msg : "not a gzip member");
    aip__error_at_offset(err, g->used);
    return AIP_E_CORRUPT;
}

static int32_t garbage(aip__gunzip *g, aip_error **err) {
    aip__error_set(err, AIP_E_CORRUPT,
                   "after the end of the gzip stream, at byte %lld: expected another gzip member or the end of the file, "
                   "found other bytes",
                   (long long)g->used);
    aip__error_at_offset(err, g->used);
    return AIP_E_CORRUPT;
}

int32_t aip__gunzip_step(aip__gunzip *g, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err) {
    const size_t chunk = (size_t)1 << 30; /* zlib counts in 32 bits */
    size_t at = 0, to = 0;
    while (at < in_n && to < out_n) {
        if (!g->inside) {
            if (g->n_members > 0 && in[at] != 0x1f) return garbage(g, err);
            if (g->n_members > 0 && inflateReset(&g->z) != Z_OK) return damaged(g, err);
            g->inside = true;
            g->packed = g->bytes = 0;
        }
        size_t n_in = in_n - at < chunk ? in_n - at : chunk, n_out = out_n - to < chunk ? out_n - to : chunk;
        g->z.next_in = (z_const Bytef *)(uintptr_t)(in + at);
        g->z.avail_in = (uInt)n_in;
        g->z.next_out = out + to;
        g->z.avail_out = (uInt)n_out;
        int status = inflate(&g->z, Z_NO_FLUSH);
        at += n_in - g->z.avail_in;
        to += n_out - g->z.avail_out;
        g->used += (int64_t)(n_in - g->z.avail_in);
        g->packed += (int64_t)(n_in - g->z.avail_in);
        g->bytes += (int64_t)(n_out - g->z.avail_out);
        if (status == Z_STREAM_END) {
            g->inside = false;
            g->n_members++;
            g->last_packed = g->packed;
            g->last_bytes = g->bytes;
            break;
        } else if (status == Z_MEM_ERROR) {
            return aip__error_memory(g->ctx, err);
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return damaged(g, err);
        }
    }
    *used = at;
    *made = to;
    return AIP_OK;
}

int32_t aip__gunzip_end(const aip__gunzip *g, aip_error **err) {
    if (!g->inside && g->n_members > 0) return AIP_OK;
    aip__error_set(err, AIP_E_CORRUPT, "gzip stream ends early at byte %lld: the file is cut off", (long long)g->used);
    aip__error_at_offset(err, g->used);
    return AIP_E_CORRUPT;
}

int64_t aip__gunzip_members(const aip__gunzip *g) { return g->n_members; }

void aip__gunzip_skip(aip__gunzip *g, size_t n) {
    g->used += (int64_t)n;
    g->n_members++;
}

void aip__gunzip_last_member(const aip__gunzip *g, int64_t *packed, int64_t *bytes) {
    *packed = g->last_packed;
    *bytes = g->last_bytes;
}

void aip__gunzip_free(aip__gunzip *g) {
    if (!g) return;
    inflateEnd(&g->z);
    aip__free(g->ctx, g);
}
