/* One gzip member (RFC 1952), deflated in parallel the way of pigz (Adler): the text is cut every BLOCK_BYTES; each block is a job, which
 * begins with the 32 KiB before it as its dictionary and ends on a byte boundary (a sync flush), so that the blocks put behind one another are
 * one deflate stream; their checksums are combined. What is written depends on the text and the level alone. The header holds no time, no
 * name and a fixed system byte.
 *
 *     ring[n_out % window] ... ring[n_begun % window - 1]   handed to jobs, written in order when they are done
 *     ring[n_begun % window]                                being filled */
#include "formats/gzip/gzip.h"

#include "base/context.h"
#include "exec/group.h"
#include "formats/gzip/gzip_zlib.h"
#include <string.h>

#define BLOCK_BYTES ((size_t)512 << 10)
#define DICTIONARY_BYTES ((size_t)32 << 10)
#define ROOM ((size_t)64 << 10)
#define RAW_WINDOW (-15)
#define DEFLATE_MEMORY 8 /* zlib's default */

typedef struct block {
    aip__gzip *gzip;
    z_stream z;
    bool made;          /* z is */
    uint8_t *bytes;     /* DICTIONARY_BYTES, then BLOCK_BYTES */
    size_t n_before, n; /* how much there is of the dictionary, just before the text; of the text */
    bool last;
    aip__text packed;
    uint32_t crc;
    int32_t status;
    _Atomic(bool) done;
} block;

struct aip__gzip {
    aip_context *ctx;
    int level;
    aip__gzip_put put;
    void *user;
    aip__group *group;
    block *ring;
    int64_t window, n_begun, n_out;
    uint32_t crc, total;
};

static int32_t new_block(aip__gzip *g, block *b, aip_error **err) {
    b->gzip = g;
    aip__text_init(&b->packed, g->ctx);
    b->bytes = aip__alloc(g->ctx, DICTIONARY_BYTES + BLOCK_BYTES);
    b->z.zalloc = aip__zlib_alloc;
    b->z.zfree = aip__zlib_free;
    b->z.opaque = g->ctx;
    if (!b->bytes || deflateInit2(&b->z, g->level, Z_DEFLATED, RAW_WINDOW, DEFLATE_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return aip__error_memory(g->ctx, err);
    b->made = true;
    return AIP_OK;
}

int32_t aip__gzip_new(aip_context *ctx, int level, aip__gzip_put put, void *user, aip__gzip **out, aip_error **err) {
    aip__gzip *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    *g = (aip__gzip){.ctx = ctx, .level = level, .put = put, .user = user, .window = (int64_t)aip__concurrency(ctx) + 1};
    if (g->window > 64) g->window = 64;
    g->ring = aip__calloc(ctx, (size_t)g->window, sizeof *g->ring);
    int32_t status = g->ring ? aip__group_create(ctx, &g->group, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK) status = new_block(g, &g->ring[0], err);
    if (status != AIP_OK) {
        aip__gzip_free(g);
        return status;
    }
    *out = g;
    return AIP_OK;
}

static int32_t deflate_block(block *b, aip_error **err) {
    int status = deflateReset(&b->z);
    b->packed.n = 0;
    b->crc = (uint32_t)crc32(0, b->bytes + DICTIONARY_BYTES, (uInt)b->n);
    if (status == Z_OK && b->n_before > 0)
        status = deflateSetDictionary(&b->z, b->bytes + DICTIONARY_BYTES - b->n_before, (uInt)b->n_before);
    b->z.next_in = b->bytes + DICTIONARY_BYTES;
    b->z.avail_in = (uInt)b->n;
    do {
        char *to = aip__text_reserve(&b->packed, ROOM);
        if (!to) return aip__error_memory(b->gzip->ctx, err);
        b->z.next_out = (Bytef *)to;
        b->z.avail_out = (uInt)ROOM;
        if (status == Z_OK) status = deflate(&b->z, b->last ? Z_FINISH : Z_SYNC_FLUSH);
        if (status == Z_BUF_ERROR) status = Z_OK; /* all was given out when the room was just full */
        if (status != Z_OK && status != Z_STREAM_END)
            return aip__error_set(err, AIP_E_INTERNAL, "gzip: %s", b->z.msg ? b->z.msg : "bad state");
        b->packed.n += ROOM - b->z.avail_out;
    } while (b->z.avail_out == 0 || (b->last && status != Z_STREAM_END));
    return AIP_OK;
}

static int32_t block_job(void *arg, bool skip, aip_error **err) {
    block *b = arg;
    b->status =
        skip ? AIP_OK : deflate_block(b, err); /* skipped only after a block before it, which is asked for first, has failed */
    int32_t status = b->status;
    atomic_store(&b->done, true); /* from here on the block may be used anew */
    return status;
}

static bool block_done(void *arg) { return atomic_load(&((block *)arg)->done); }

static int32_t put_header(aip__gzip *g, aip_error **err) {
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}; /* 255: not the system that happens to write */
    return g->put(g->user, header, sizeof header, err);
}

/* Writes the oldest block, waiting for its job. */
static int32_t put_head(aip__gzip *g, aip_error **err) {
    block *b = &g->ring[g->n_out % g->window];
    aip__group_help(g->group, block_done, b, 0);
    if (!block_done(b) || b->status != AIP_OK) return aip__group_wait(g->group, err); /* not done: lost in a fork */
    if (g->n_out == 0) AIP__TRY(put_header(g, err));
    AIP__TRY(g->put(g->user, b->packed.bytes, b->packed.n, err));
    g->crc = (uint32_t)crc32_combine(g->crc, b->crc, (z_off_t)b->n);
    g->total += (uint32_t)b->n;
    g->n_out++;
    return AIP_OK;
}

/* Gives the filled block to a job. */
static int32_t submit(aip__gzip *g, bool last, aip_error **err) {
    block *b = &g->ring[g->n_begun % g->window];
    b->last = last;
    atomic_store(&b->done, false);
    AIP__TRY(aip__group_submit(g->group, block_job, b, g->n_begun, err));
    g->n_begun++;
    return AIP_OK;
}

/* The next block of the ring, with the end of the one before as its dictionary. */
static int32_t begin_block(aip__gzip *g, aip_error **err) {
    const block *before = &g->ring[(g->n_begun - 1) % g->window];
    block *b = &g->ring[g->n_begun % g->window];
    while (g->n_out < g->n_begun && (g->n_begun - g->n_out == g->window || block_done(&g->ring[g->n_out % g->window])))
        AIP__TRY(put_head(g, err));
    if (!b->made) AIP__TRY(new_block(g, b, err));
    memcpy(b->bytes, before->bytes + BLOCK_BYTES, DICTIONARY_BYTES); /* the last bytes of a full block */
    b->n_before = DICTIONARY_BYTES;
    b->n = 0;
    return AIP_OK;
}

int32_t aip__gzip_add(aip__gzip *g, const void *bytes, size_t n, aip_error **err) {
    const uint8_t *from = bytes;
    while (n > 0) {
        block *b = &g->ring[g->n_begun % g->window];
        if (b->n == BLOCK_BYTES) {
            AIP__TRY(submit(g, false, err));
            AIP__TRY(begin_block(g, err));
            continue;
        }
        size_t part = BLOCK_BYTES - b->n < n ? BLOCK_BYTES - b->n : n;
        memcpy(b->bytes + DICTIONARY_BYTES + b->n, from, part);
        b->n += part;
        from += part;
        n -= part;
    }
    return AIP_OK;
}

int32_t aip__gzip_end(aip__gzip *g, aip_error **err) {
    AIP__TRY(submit(g, true, err));
    while (g->n_out < g->n_begun) AIP__TRY(put_head(g, err));
    uint8_t trailer[8];
    for (int i = 0; i < 4; i++) {
        trailer[i] = (uint8_t)(g->crc >> 8 * i);
        trailer[4 + i] = (uint8_t)(g->total >> 8 * i);
    }
    return g->put(g->user, trailer, sizeof trailer, err);
}

void aip__gzip_free(aip__gzip *g) {
    if (!g) return;
    if (g->group) {
        aip__group_stop(g->group);
        aip__group_help(g->group, NULL, NULL, 0);
        aip__group_free(g->group);
    }
    for (int64_t i = 0; g->ring && i < g->window; i++) {
        block *b = &g->ring[i];
        if (b->made) deflateEnd(&b->z);
        aip__free(g->ctx, b->bytes);
        if (b->packed.ctx) aip__text_free(&b->packed);
    }
    aip__free(g->ctx, g->ring);
    aip__free(g->ctx, g);
}
