/* Streaming inflate of gzip members (RFC 1952), one after the other: by ISA-L where the library was built with it (two and a half times as fast),
 * else by zlib. Either checks header, data checksum and length of each member; what is checked here is what lies between and behind them: only
 * another member may follow, and the stream may not stop inside one. */
#include "formats/gzip/gzip.h"

#include "base/context.h"
#include "formats/gzip/gzip_zlib.h"

#define GZIP_WINDOW (15 + 16)   /* the largest window, gzip wrapping only */
#define CHUNK ((size_t)1 << 30) /* both count in 32 bits */

struct aip__gunzip {
    aip_context *ctx;
    struct inflater *z;
    int64_t used; /* compressed bytes so far */
    bool inside;  /* of a member: its first byte was seen, its end was not */
    int64_t n_members;
    int64_t packed, bytes;           /* of the member that is being read */
    int64_t last_packed, last_bytes; /* of the one before */
};

/* ---- the two inflaters ------------------------------------------------------------------------------------------------------------------- */

typedef enum { STEP_ON, STEP_MEMBER_END, STEP_NO_MEMORY, STEP_DAMAGED } step_result;

#ifdef AIPIPE_ISAL
#include <isa-l/igzip_lib.h>

/* zlib reads the headers (ISA-L 2.30 refuses such as have a checksum of their own), ISA-L the rest of the member. */
struct inflater {
    z_stream header;
    bool behind_header;
    struct inflate_state s;
    const char *message; /* of the damage */
};

static bool inflater_reset(struct inflater *z) {
    isal_inflate_reset(&z->s);
    z->s.crc_flag = ISAL_GZIP_NO_HDR_VER; /* no header; the checksum and the length behind the data are verified */
    z->behind_header = false;
    return inflateReset(&z->header) == Z_OK;
}

static int32_t inflater_new(aip_context *ctx, struct inflater **out, aip_error **err) {
    struct inflater *z = aip__calloc(ctx, 1, sizeof *z);
    if (!z) return aip__error_memory(ctx, err);
    z->header.zalloc = aip__zlib_alloc;
    z->header.zfree = aip__zlib_free;
    z->header.opaque = ctx;
    if (inflateInit2(&z->header, GZIP_WINDOW) != Z_OK) {
        aip__free(ctx, z);
        return aip__error_memory(ctx, err);
    }
    isal_inflate_init(&z->s);
    inflater_reset(z);
    *out = z;
    return AIP_OK;
}

static const char *message_of(int status) {
    switch (status) {
    case ISAL_INVALID_BLOCK: return "invalid block";
    case ISAL_INVALID_SYMBOL: return "invalid code";
    case ISAL_INVALID_LOOKBACK: return "invalid distance too far back";
    default: return "incorrect data check";
    }
}

static step_result header_step(struct inflater *z, const uint8_t *in, size_t *in_n) {
    uint8_t none = 0;
    z->header.next_in = (z_const Bytef *)(uintptr_t)in;
    z->header.avail_in = (uInt)*in_n;
    z->header.next_out = &none;
    z->header.avail_out = 1;
    int status = inflate(&z->header, Z_BLOCK); /* stops behind the header */
    *in_n -= z->header.avail_in;
    z->behind_header = (z->header.data_type & 128) != 0;
    z->message = z->header.msg;
    return status == Z_OK || status == Z_BUF_ERROR ? STEP_ON : status == Z_MEM_ERROR ? STEP_NO_MEMORY : STEP_DAMAGED;
}

/* Output may be left when all input is taken: it is asked for it without input. */
static step_result inflater_step(struct inflater *z, const uint8_t *in, size_t *in_n, uint8_t *out, size_t *out_n) {
    if (!z->behind_header) {
        *out_n = 0;
        return header_step(z, in, in_n);
    }
    z->s.next_in = (uint8_t *)(uintptr_t)in;
    z->s.avail_in = (uint32_t)*in_n;
    z->s.next_out = out;
    z->s.avail_out = (uint32_t)*out_n;
    int status = isal_inflate(&z->s);
    *in_n -= z->s.avail_in;
    *out_n -= z->s.avail_out;
    if (status < 0) z->message = message_of(status);
    return status < 0 ? STEP_DAMAGED : z->s.block_state == ISAL_BLOCK_FINISH ? STEP_MEMBER_END : STEP_ON;
}

static const char *inflater_message(const struct inflater *z) { return z->message; }

static void inflater_free(aip_context *ctx, struct inflater *z) {
    if (!z) return;
    inflateEnd(&z->header);
    aip__free(ctx, z);
}

bool aip__gunzip_by_isal(void) { return true; }

#else

bool aip__gunzip_by_isal(void) { return false; }

struct inflater {
    z_stream s;
};

static int32_t inflater_new(aip_context *ctx, struct inflater **out, aip_error **err) {
    struct inflater *z = aip__calloc(ctx, 1, sizeof *z);
    if (!z) return aip__error_memory(ctx, err);
    z->s.zalloc = aip__zlib_alloc;
    z->s.zfree = aip__zlib_free;
    z->s.opaque = ctx;
    if (inflateInit2(&z->s, GZIP_WINDOW) != Z_OK) {
        aip__free(ctx, z);
        return aip__error_memory(ctx, err);
    }
    *out = z;
    return AIP_OK;
}

static bool inflater_reset(struct inflater *z) { return inflateReset(&z->s) == Z_OK; }

static step_result inflater_step(struct inflater *z, const uint8_t *in, size_t *in_n, uint8_t *out, size_t *out_n) {
    z->s.next_in = (z_const Bytef *)(uintptr_t)in;
    z->s.avail_in = (uInt)*in_n;
    z->s.next_out = out;
    z->s.avail_out = (uInt)*out_n;
    int status = inflate(&z->s, Z_NO_FLUSH);
    *in_n -= z->s.avail_in;
    *out_n -= z->s.avail_out;
    return status == Z_STREAM_END                    ? STEP_MEMBER_END
           : status == Z_MEM_ERROR                   ? STEP_NO_MEMORY
           : status == Z_OK || status == Z_BUF_ERROR ? STEP_ON
                                                     : STEP_DAMAGED;
}

static const char *inflater_message(const struct inflater *z) { return z->s.msg; }

static void inflater_free(aip_context *ctx, struct inflater *z) {
    if (!z) return;
    inflateEnd(&z->s);
    aip__free(ctx, z);
}

#endif

/* ---- members --------------------------------------------------------------------------------------------------------------------------------- */

int32_t aip__gunzip_new(aip_context *ctx, aip__gunzip **out, aip_error **err) {
    aip__gunzip *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    g->ctx = ctx;
    int32_t status = inflater_new(ctx, &g->z, err);
    if (status != AIP_OK) {
        aip__free(ctx, g);
        return status;
    }
    *out = g;
    return AIP_OK;
}

static int32_t damaged(aip__gunzip *g, aip_error **err) {
    aip__error_set(err, AIP_E_CORRUPT, "gzip stream is damaged at byte %lld: %s", (long long)g->used,
                   inflater_message(g->z) ? inflater_message(g->z) : "not a gzip member");
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
    size_t at = 0, to = 0;
    while (to < out_n) {
        if (!g->inside) {
            if (at == in_n) break;
            if (g->n_members > 0 && in[at] != 0x1f) return garbage(g, err);
            if (g->n_members > 0 && !inflater_reset(g->z)) return damaged(g, err);
            g->inside = true;
            g->packed = g->bytes = 0;
        }
        size_t n_in = in_n - at < CHUNK ? in_n - at : CHUNK, n_out = out_n - to < CHUNK ? out_n - to : CHUNK;
        step_result result = inflater_step(g->z, in + at, &n_in, out + to, &n_out);
        at += n_in;
        to += n_out;
        g->used += (int64_t)n_in;
        g->packed += (int64_t)n_in;
        g->bytes += (int64_t)n_out;
        if (result == STEP_NO_MEMORY) return aip__error_memory(g->ctx, err);
        if (result == STEP_DAMAGED) return damaged(g, err);
        if (result == STEP_MEMBER_END) {
            g->inside = false;
            g->n_members++;
            g->last_packed = g->packed;
            g->last_bytes = g->bytes;
            break;
        }
        if (n_in == 0 && n_out == 0) break;
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
    inflater_free(g->ctx, g->z);
    aip__free(g->ctx, g);
}
