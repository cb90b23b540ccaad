/* Byte streams over a file or memory. The first bytes are looked at: gzip is inflated as it is read, anything else is handed on, after what
 * was looked at, without a copy of ours. Memory is one input buffer, whatever the size of the file. */
#include "formats/stream.h"

#include "base/context.h"
#include "base/memory.h"
#include "formats/gzip/gzip.h"
#include <string.h>

#define INPUT_BYTES ((size_t)256 << 10)

struct aip__stream {
    aip_context *ctx;
    aip__file *file; /* or NULL: memory only */
    aip__text *seen; /* takes a copy of what is read from the file; or NULL */
    const uint8_t *memory;
    size_t memory_n;
    int64_t raw_at; /* bytes taken from file or memory */
    uint8_t *input; /* INPUT_BYTES: what was taken and not yet used is input[at..n) */
    size_t at, n;
    bool ended;          /* file or memory gave its last byte */
    aip__gunzip *gunzip; /* NULL: not gzip */
};

/* Memory first, then the file. */
static int32_t raw_read(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err) {
    size_t have = 0, more = 0;
    if ((uint64_t)s->raw_at < s->memory_n) {
        size_t left = s->memory_n - (size_t)s->raw_at;
        have = n < left ? n : left;
        memcpy(bytes, s->memory + s->raw_at, have);
    }
    if (s->file && have < n) {
        AIP__TRY(aip__file_read(s->file, (uint8_t *)bytes + have, n - have, s->raw_at, &more, err));
        if (s->seen) aip__text_add(s->seen, (const char *)bytes + have, more);
        if (s->seen && s->seen->failed) return aip__error_memory(s->ctx, err);
        have += more;
    }
    s->raw_at += (int64_t)have;
    if (have < n) s->ended = true;
    *got = have;
    return AIP_OK;
}

/* Looks at the first bytes. A pipe is asked for two bytes only, so that nothing waits for more than it must. */
static int32_t start(aip__stream *s, aip__stream **out, aip_error **err) {
    int32_t status = AIP_OK;
    s->input = aip__alloc(s->ctx, INPUT_BYTES);
    status = s->input ? raw_read(s, s->input, 2, &s->n, err) : aip__error_memory(s->ctx, err);
    if (status == AIP_OK && aip__gzip_magic(s->input, s->n)) status = aip__gunzip_new(s->ctx, &s->gunzip, err);
    if (status != AIP_OK) {
        aip__stream_close(s);
        return status;
    }
    *out = s;
    return AIP_OK;
}

int32_t aip__stream_file(aip_context *ctx, aip__file *file, aip__stream **out, aip_error **err) {
    aip__stream *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->file = file;
    return start(s, out, err);
}

int32_t aip__stream_pipe(aip_context *ctx, aip__file *file, aip__text *seen, bool replay, aip__stream **out, aip_error **err) {
    aip__stream *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->file = file;
    if (replay) {
        s->memory = (const uint8_t *)seen->bytes;
        s->memory_n = seen->n;
    } else {
        s->seen = seen;
    }
    return start(s, out, err);
}

int32_t aip__stream_memory(aip_context *ctx, const void *bytes, size_t n, aip__stream **out, aip_error **err) {
    aip__stream *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->memory = bytes;
    s->memory_n = n;
    return start(s, out, err);
}

static int32_t read_gzip(aip__stream *s, uint8_t *bytes, size_t n, size_t *got, aip_error **err) {
    size_t made = 0;
    while (made < n) {
        if (s->at == s->n) {
            if (s->ended) break;
            s->at = s->n = 0;
            AIP__TRY(raw_read(s, s->input, INPUT_BYTES, &s->n, err));
            if (s->n == 0) break;
        }
        size_t used = 0, more = 0;
        AIP__TRY(aip__gunzip_step(s->gunzip, s->input + s->at, s->n - s->at, &used, bytes + made, n - made, &more, err));
        s->at += used;
        made += more;
    }
    /* The output may just be full while the stream is cut off right here: the next call finds out. */
    if (made < n) AIP__TRY(aip__gunzip_end(s->gunzip, err));
    *got = made;
    return AIP_OK;
}

int32_t aip__stream_read(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err) {
    if (s->gunzip) return read_gzip(s, bytes, n, got, err);
    size_t first = s->n - s->at < n ? s->n - s->at : n, rest = 0;
    if (first > 0) memcpy(bytes, s->input + s->at, first);
    s->at += first;
    if (first < n && !s->ended) AIP__TRY(raw_read(s, (uint8_t *)bytes + first, n - first, &rest, err));
    *got = first + rest;
    return AIP_OK;
}

int64_t aip__stream_consumed(const aip__stream *s) { return s->raw_at - (int64_t)(s->n - s->at); }

bool aip__stream_is_gzip(const aip__stream *s) { return s->gunzip != NULL; }

bool aip__stream_is_empty(const aip__stream *s) { return s->raw_at == 0; }

void aip__stream_close(aip__stream *s) {
    if (!s) return;
    aip__gunzip_free(s->gunzip);
    aip__free(s->ctx, s->input);
    aip__free(s->ctx, s);
}
