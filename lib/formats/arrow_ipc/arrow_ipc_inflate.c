/* Compressed bodies: each buffer by itself, behind 8 bytes with its size when undone, -1: it is not compressed. Sizes are believed only as far as
 * the codec can reach from the bytes that are there, and obey the memory limit. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/memory.h"
#include "exec/group.h"
#include "formats/arrow_ipc/lz4_frame.h"
#include "formats/zstd/zstd_codec.h"
#include <string.h>

#define ALIGNMENT ((size_t)64)
#define PREFIX 8
#define LZ4_REACH 255          /* bytes made of one, at most: of a length */
#define ZSTD_REACH 32768       /* of a block of 4 bytes that stands for 128 KiB */
#define PARALLEL_BYTES 1048576 /* less is undone by the thread at hand */

typedef struct inflate {
    const aip__ipc_input *in;
    const aip__ipc_batch *from;
    const aip__buffer *packed;
    aip__ipc_batch *to; /* where each buffer comes to lie */
    aip__buffer *plain;
} inflate;

static int32_t damaged(const inflate *f, int64_t k, int32_t status, aip_error **err) {
    aip__error_at_source(err, f->in->source);
    aip__error_at_offset(err, f->from->body + f->from->buffers[k].offset);
    return status;
}

/* What buffer k takes when undone. */
static int32_t told_size(const inflate *f, int64_t k, int64_t *size, aip_error **err) {
    const aip__ipc_range *r = &f->from->buffers[k];
    int64_t packed = r->length - PREFIX, reach = f->from->codec == AIP__IPC_ZSTD ? ZSTD_REACH : LZ4_REACH, most = 0;
    *size = 0;
    if (r->length == 0) return AIP_OK;
    if (packed < 0)
        return damaged(
            f, k,
            aip__error_set(err, AIP_E_CORRUPT, "expected 8 bytes with the size of a buffer, found %lld", (long long)r->length),
            err);
    memcpy(size, f->packed->data + r->offset, sizeof *size);
    if (*size == -1) *size = packed;
    if (aip__mul_i64(packed, reach, &most)) most = INT64_MAX;
    if (*size >= 0 && *size <= most) return AIP_OK;
    return damaged(f, k,
                   aip__error_set(err, AIP_E_CORRUPT, "expected the size of a buffer that %lld bytes can hold, found %lld",
                                  (long long)packed, (long long)*size),
                   err);
}

static int32_t undo(void *arg, int64_t k, aip_error **err) {
    const inflate *f = arg;
    const aip__ipc_range *r = &f->from->buffers[k], *t = &f->to->buffers[k];
    int64_t size = 0;
    if (r->length == 0) return AIP_OK;
    const uint8_t *in = f->packed->data + r->offset + PREFIX;
    uint8_t *out = f->plain->data + t->offset;
    size_t n = (size_t)r->length - PREFIX;
    memcpy(&size, f->packed->data + r->offset, sizeof size);
    if (size == -1) {
        if (n > 0) memcpy(out, in, n);
        return AIP_OK;
    }
    int32_t status = f->from->codec == AIP__IPC_ZSTD ? aip__zstd_decompress(f->in->ctx, in, n, out, (size_t)t->length, err)
                                                     : aip__lz4_frame_read(in, n, out, (size_t)t->length, err);
    return status == AIP_OK ? AIP_OK : damaged(f, k, status, err);
}

/* Places for the buffers, side by side. */
static int32_t place(inflate *f, size_t *total, aip_error **err) {
    const aip__ipc_batch *b = f->from;
    int64_t n = b->first[b->n], size = 0;
    for (int64_t k = 0; k < n; k++) {
        AIP__TRY(told_size(f, k, &size, err));
        f->to->buffers[k] = (aip__ipc_range){(int64_t)*total, size};
        if (aip__add_size(*total, (size_t)size, total) || aip__add_size(*total, ALIGNMENT - 1, total))
            return aip__error_nomem(err);
        *total &= ~(ALIGNMENT - 1);
    }
    return AIP_OK;
}

int32_t aip__ipc_inflated_bytes(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__buffer *packed, int64_t *bytes,
                                aip_error **err) {
    inflate f = {.in = in, .from = b, .packed = packed};
    int64_t n = b->first[b->n], size = 0, total = 0;
    for (int64_t k = 0; k < n; k++) {
        AIP__TRY(told_size(&f, k, &size, err));
        if (aip__add_i64(total, size, &total)) total = INT64_MAX;
    }
    *bytes = total;
    return AIP_OK;
}

int32_t aip__ipc_inflate(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__buffer *packed, aip__ipc_batch *out,
                         aip__buffer **body, aip_error **err) {
    int64_t n = b->first[b->n];
    size_t total = 0;
    aip__ipc_batch to = *b; /* shares all but the places */
    inflate f = {.in = in, .from = b, .packed = packed, .to = &to};
    to.codec = AIP__IPC_PLAIN;
    to.buffers = aip__calloc(in->ctx, (size_t)n + 1, sizeof *to.buffers);
    int32_t status = to.buffers ? place(&f, &total, err) : aip__error_memory(in->ctx, err);
    if (status == AIP_OK) {
        f.plain = aip__buffer_new(in->ctx, total);
        if (!f.plain) status = aip__error_memory(in->ctx, err);
    }
    if (status == AIP_OK && total >= PARALLEL_BYTES)
        status = aip__parallel_for(in->ctx, NULL, n, undo, &f, err);
    else
        for (int64_t k = 0; k < n && status == AIP_OK; k++) status = undo(&f, k, err);
    if (status != AIP_OK) {
        aip__buffer_free(f.plain);
        aip__free(in->ctx, to.buffers);
        return status;
    }
    *out = to;
    *body = f.plain;
    return AIP_OK;
}
