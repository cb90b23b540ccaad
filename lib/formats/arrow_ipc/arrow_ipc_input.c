/* The bytes of an Arrow file or stream: read on, or at a place where that can be done; nothing is allocated for bytes that are not there. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include <string.h>

#define STEP_BYTES ((size_t)1 << 20) /* of an input without a size, at first; then as much as there is already */

void aip__ipc_input_init(aip__ipc_input *in, aip_context *ctx, aip__stream *stream, const char *source) {
    *in = (aip__ipc_input){.ctx = ctx, .stream = stream, .source = source, .size = aip__stream_size(stream)};
}

static __attribute__((format(printf, 5, 0))) int32_t bad(const char *source, int64_t offset, int32_t status, aip_error **err,
                                                         const char *format, va_list args) {
    aip__error_setv(err, status, format, args);
    aip__error_at_source(err, source);
    if (offset >= 0) aip__error_at_offset(err, offset);
    return status;
}

int32_t aip__ipc_error(const char *source, int64_t offset, int32_t status, aip_error **err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    status = bad(source, offset, status, err, format, args);
    va_end(args);
    return status;
}

int32_t aip__ipc_bad(const aip__ipc_input *in, int64_t offset, aip_error **err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int32_t status = bad(in->source, offset, AIP_E_CORRUPT, err, format, args);
    va_end(args);
    return status;
}

int32_t aip__ipc_peek(aip__ipc_input *in, aip_error **err) {
    int32_t status = aip__stream_read(in->stream, in->peeked, sizeof in->peeked, &in->n_peeked, err);
    if (status != AIP_OK) aip__error_at_source(err, in->source);
    return status;
}

int32_t aip__ipc_read_some(aip__ipc_input *in, void *bytes, size_t n, size_t *got, aip_error **err) {
    size_t seen = n < in->n_peeked ? n : in->n_peeked, more = 0;
    if (seen > 0) {
        memcpy(bytes, in->peeked, seen);
        memmove(in->peeked, in->peeked + seen, in->n_peeked - seen);
        in->n_peeked -= seen;
    }
    int32_t status = n > seen ? aip__stream_read(in->stream, (uint8_t *)bytes + seen, n - seen, &more, err) : AIP_OK;
    if (status != AIP_OK) {
        aip__error_at_source(err, in->source);
        return status;
    }
    *got = seen + more;
    in->at += (int64_t)*got;
    return AIP_OK;
}

static int32_t cut_off(const aip__ipc_input *in, int64_t offset, int64_t n, int64_t there, const char *what, aip_error **err) {
    return aip__ipc_bad(in, offset, err, "cut off: expected %lld bytes of %s, found %lld", (long long)n, what, (long long)there);
}

int32_t aip__ipc_read(aip__ipc_input *in, int64_t n, const char *what, aip__buffer **out, aip_error **err) {
    int64_t from = in->at;
    if (n < 0) return aip__ipc_bad(in, from, err, "expected the size of %s, found %lld", what, (long long)n);
    if (in->size >= 0 && n > in->size - from) return cut_off(in, from, n, in->size > from ? in->size - from : 0, what, err);
    size_t have = 0, got = 0, step = in->size >= 0 || (uint64_t)n < STEP_BYTES ? (size_t)n : STEP_BYTES;
    aip__buffer *b = aip__buffer_new(in->ctx, step);
    int32_t status = b ? AIP_OK : aip__error_memory(in->ctx, err);
    while (status == AIP_OK && have < (size_t)n) {
        if (have == b->size) {
            size_t more = (size_t)n - have < have ? (size_t)n : have * 2;
            if (aip__buffer_resize(&b, more) != 0) {
                status = aip__error_memory(in->ctx, err);
                break;
            }
        }
        size_t want = b->size - have;
        status = aip__ipc_read_some(in, b->data + have, want, &got, err);
        have += got;
        if (status == AIP_OK && got < want) status = cut_off(in, from, n, (int64_t)have, what, err);
    }
    if (status != AIP_OK) {
        aip__buffer_free(b);
        return status;
    }
    *out = b;
    return AIP_OK;
}

int32_t aip__ipc_read_at(const aip__ipc_input *in, int64_t offset, int64_t n, const char *what, uint8_t *bytes, aip_error **err) {
    if (offset < 0 || n < 0 || offset > in->size || n > in->size - offset)
        return aip__ipc_bad(in, offset, err, "expected %lld bytes of %s, which lie outside of %lld bytes", (long long)n, what,
                            (long long)in->size);
    size_t got = 0;
    int32_t status = aip__stream_read_at(in->stream, bytes, (size_t)n, offset, &got, err);
    if (status == AIP_OK && got < (size_t)n) status = cut_off(in, offset, n, (int64_t)got, what, err);
    if (status != AIP_OK) aip__error_at_source(err, in->source);
    return status;
}

int32_t aip__ipc_skip(aip__ipc_input *in, int64_t n, aip_error **err) {
    if (in->size >= 0) {
        if (n < 0 || n > in->size - in->at) return cut_off(in, in->at, n, in->size - in->at, "a body", err);
        in->at += n;
        in->n_peeked = 0;
        aip__stream_move(in->stream, in->at);
        return AIP_OK;
    }
    char scratch[8192];
    for (int64_t left = n; left > 0;) {
        size_t want = left < (int64_t)sizeof scratch ? (size_t)left : sizeof scratch, got = 0;
        AIP__TRY(aip__ipc_read_some(in, scratch, want, &got, err));
        left -= (int64_t)got;
        if (got < want) return cut_off(in, in->at, n, n - left, "a body", err);
    }
    return AIP_OK;
}
