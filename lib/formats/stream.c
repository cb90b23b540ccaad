/* Byte streams over a file or memory. The first bytes are looked at: gzip and zstd are undone as they are read, anything else is handed on, after
 * what was looked at, without a copy of ours. Memory is one input buffer, whatever the size of the file; where whole gzip members are undone at
 * once, it and a member's content are bounded (gzip/gzip.h). */
#include "formats/stream.h"

#include "base/context.h"
#include "base/memory.h"
#include "formats/gzip/gzip.h"
#include "formats/stream_blocks.h"
#include "formats/zstd/zstd_codec.h"
#include <fcntl.h>
#include <string.h>

#define INPUT_BYTES ((size_t)256 << 10) /* of compressed bytes */
#define FIRST_BYTES 4                   /* that tell whether they are */
#define AHEAD_BYTES ((int64_t)4 << 20)  /* that the system is asked to have ready */

struct aip__stream {
    aip_context *ctx;
    aip__file *file; /* or NULL: memory only */
    aip__text *seen; /* takes a copy of what is read from the file; or NULL */
    const uint8_t *memory;
    size_t memory_n;
    int64_t raw_at; /* bytes taken from file or memory */
    int64_t asked;  /* bytes of the file that the system was asked for */
    uint8_t *input; /* what was taken and not yet used is input[at..n) */
    size_t at, n, input_size;
    bool ended; /* file or memory gave its last byte */
    bool begin_only, in_blocks;
    aip__gunzip *gunzip; /* NULL: not gzip */
    aip__unzstd *unzstd; /* NULL: not zstd */

    aip__gunzip_whole *whole;         /* NULL: not used yet */
    int64_t asked_member;             /* the member (by number) for which it was asked; -1: none yet */
    uint8_t *member;                  /* content of a whole member that was not given out yet: member[member_at..member_n) */
    size_t member_at, member_n, size; /* size: that was allocated */

    _Atomic(aip__blocks *) blocks; /* NULL: not read in blocks. Then all reading goes through them, and all above is theirs */
};

/* Bytes of the file or memory that were undone. */
static int64_t raw_used(const aip__stream *s) { return s->raw_at - (int64_t)(s->n - s->at); }

/* Tells the system what will be read soon. It is advice: nothing depends on it. */
static void ask_ahead(aip__stream *s) {
    if (!s->file || s->file->size < 0 || s->raw_at + AHEAD_BYTES / 2 < s->asked || s->asked >= s->file->size || s->begin_only)
        return;
    int64_t from = s->asked > s->raw_at ? s->asked : s->raw_at;
    posix_fadvise(s->file->fd, s->file->start + from, s->raw_at + AHEAD_BYTES - from, POSIX_FADV_WILLNEED);
    s->asked = s->raw_at + AHEAD_BYTES;
}

/* Memory first, then the file. */
static int32_t raw_read(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err) {
    size_t have = 0, more = 0;
    if ((uint64_t)s->raw_at < s->memory_n) {
        size_t left = s->memory_n - (size_t)s->raw_at;
        have = n < left ? n : left;
        memcpy(bytes, s->memory + s->raw_at, have);
    }
    if (s->file && have < n) {
        ask_ahead(s);
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

/* Compressed bytes go through the buffer, others go past it. */
static int32_t widen(aip__stream *s, aip_error **err) {
    size_t size = s->file || s->memory_n >= INPUT_BYTES ? INPUT_BYTES : s->memory_n + 1; /* 1: so that the end is seen */
    uint8_t *wide = size > s->input_size ? aip__realloc(s->ctx, s->input, size) : s->input;
    if (!wide) return aip__error_memory(s->ctx, err);
    s->input = wide;
    s->input_size = size > s->input_size ? size : s->input_size;
    return AIP_OK;
}

/* Looks at the first bytes. A pipe is asked for two bytes only, and for four when those are not text, so that nothing waits for more than
 * it must. */
static int32_t start(aip__stream *s, aip__stream **out, aip_error **err) {
    size_t more = 0;
    s->asked_member = -1;
    s->input_size = FIRST_BYTES;
    s->input = aip__alloc(s->ctx, FIRST_BYTES);
    int32_t status = s->input ? raw_read(s, s->input, 2, &s->n, err) : aip__error_memory(s->ctx, err);
    if (status == AIP_OK && aip__zstd_maybe(s->input, s->n)) status = raw_read(s, s->input + 2, 2, &more, err);
    s->n += more;
    bool gzip = status == AIP_OK && aip__gzip_magic(s->input, s->n), zstd = status == AIP_OK && aip__zstd_magic(s->input, s->n);
    if (gzip || zstd) status = widen(s, err);
    if (status == AIP_OK && gzip) status = aip__gunzip_new(s->ctx, &s->gunzip, err);
    if (status == AIP_OK && zstd) status = aip__unzstd_new(s->ctx, &s->unzstd, err);
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

void aip__stream_begin_only(aip__stream *s) { s->begin_only = true; }

/* Has at least `want` bytes of input, or all that are left, or as much as there is memory for. */
static int32_t gather(aip__stream *s, size_t want, aip_error **err) {
    size_t have = s->n - s->at, more = 0;
    if (have >= want || s->ended) return AIP_OK;
    if (s->at > 0) memmove(s->input, s->input + s->at, have);
    s->at = 0;
    s->n = have;
    if (want > s->input_size) {
        uint8_t *grown = aip__realloc(s->ctx, s->input, want);
        if (grown) {
            s->input = grown;
            s->input_size = want;
        }
    }
    AIP__TRY(raw_read(s, s->input + have, s->input_size - have, &more, err));
    s->n += more;
    return AIP_OK;
}

/* ---- whole gzip members ------------------------------------------------------------------------------------------------------------------ */

/* The most that a member may hold; compressed it may take half of that. */
static size_t most_bytes(const aip__stream *s) {
    uint64_t share = s->ctx->memory_limit / 16;
    return share < AIP__GZIP_MEMBER_BYTES ? (size_t)share : AIP__GZIP_MEMBER_BYTES;
}

/* How much input the member that comes next may take; 0 when it may be too large to be undone at once, as far as can be known: its header
 * tells, all that is left of the file is small, or the member before it was small. */
static size_t member_input(const aip__stream *s) {
    int64_t packed = 0, bytes = 0, most = (int64_t)most_bytes(s), most_packed = most / 2;
    size_t told = aip__gzip_told_size(s->input + s->at, s->n - s->at);
    if (told > 0) return told;
    if (s->begin_only) return 0;
    int64_t total = s->file ? s->file->size : (int64_t)s->memory_n;
    if (total >= 0 && total - raw_used(s) <= most_packed) return (size_t)(total - raw_used(s));
    aip__gunzip_last_member(s->gunzip, &packed, &bytes);
    if (packed == 0 || packed > most_packed / 2 || bytes > most / 2) return 0;
    return 2 * (size_t)packed;
}

/* What the last four bytes of in[0..n) say about a member's size, when it ends there; a hint. */
static size_t told_bytes(const uint8_t *in, size_t n) {
    return n < 18 ? 0 : (size_t)in[n - 4] | (size_t)in[n - 3] << 8 | (size_t)in[n - 2] << 16 | (size_t)in[n - 1] << 24;
}

static bool room_for_member(aip__stream *s, size_t bytes) {
    if (bytes <= s->size) return true;
    uint8_t *grown = aip__alloc(s->ctx, bytes);
    if (!grown) return false;
    aip__free(s->ctx, s->member);
    s->member = grown;
    s->size = bytes;
    return true;
}

/* Between members: undoes the next one at once, straight into bytes[0..n) or beside it. Otherwise it is left to be inflated by steps, also where
 * memory for it was refused. */
static int32_t try_member(aip__stream *s, uint8_t *bytes, size_t n, size_t *made, aip_error **err) {
    size_t used = 0, more = 0;
    s->asked_member = aip__gunzip_members(s->gunzip);
    AIP__TRY(gather(s, 18, err));
    size_t want = member_input(s);
    if (want == 0 || (!s->whole && aip__gunzip_whole_new(s->ctx, &s->whole, NULL) != AIP_OK)) return AIP_OK;
    AIP__TRY(gather(s, want, err));
    const uint8_t *in = s->input + s->at;
    size_t left = s->n - s->at, told = aip__gzip_told_size(in, left);
    size_t have = told > 0 && told < left ? told : left, size = told > 0 ? told_bytes(in, have) : most_bytes(s);
    bool direct = told > 0 && size <= n;
    if (size > most_bytes(s) || (!direct && !room_for_member(s, size ? size : 1))) return AIP_OK;
    if (!aip__gunzip_whole_member(s->whole, in, have, &used, direct ? bytes : s->member, size, &more)) return AIP_OK;
    aip__gunzip_skip(s->gunzip, used);
    s->at += used;
    s->member_at = 0;
    s->member_n = direct ? 0 : more;
    *made = direct ? more : 0;
    return AIP_OK;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t step(aip__stream *s, uint8_t *bytes, size_t n, size_t *used, size_t *made, aip_error **err) {
    const uint8_t *in = s->input + s->at;
    if (s->unzstd) return aip__unzstd_step(s->unzstd, in, s->n - s->at, used, bytes, n, made, err);
    AIP__TRY(aip__gunzip_step(s->gunzip, in, s->n - s->at, used, bytes, n, made, err));
    return AIP_OK;
}

static int32_t read_packed(aip__stream *s, uint8_t *bytes, size_t n, size_t *got, aip_error **err) {
    size_t made = 0;
    while (made < n) {
        size_t used = 0, more = 0;
        if (s->member_at < s->member_n) {
            more = s->member_n - s->member_at < n - made ? s->member_n - s->member_at : n - made;
            memcpy(bytes + made, s->member + s->member_at, more);
            s->member_at += more;
            made += more;
            continue;
        }
        if (s->at == s->n) AIP__TRY(gather(s, 1, err));
        if (s->gunzip && s->at < s->n && s->asked_member < aip__gunzip_members(s->gunzip) && aip__gunzip_whole_available()) {
            AIP__TRY(try_member(s, bytes + made, n - made, &more, err));
            made += more;
            continue;
        }
        AIP__TRY(step(s, bytes + made, n - made, &used, &more, err));
        s->at += used;
        made += more;
        if (used == 0 && more == 0 && s->at == s->n && s->ended) break;
    }
    /* The output may just be full while the stream is cut off right here: the next call finds out. */
    if (made < n) AIP__TRY(s->unzstd ? aip__unzstd_end(s->unzstd, err) : aip__gunzip_end(s->gunzip, err));
    *got = made;
    return AIP_OK;
}

static int32_t read_on(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err) {
    if (s->gunzip || s->unzstd) return read_packed(s, bytes, n, got, err);
    size_t first = s->n - s->at < n ? s->n - s->at : n, rest = 0;
    if (first > 0) memcpy(bytes, s->input + s->at, first);
    s->at += first;
    if (first < n && !s->ended) AIP__TRY(raw_read(s, (uint8_t *)bytes + first, n - first, &rest, err));
    *got = first + rest;
    return AIP_OK;
}

int32_t aip__stream_read(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err) {
    aip__blocks *blocks = atomic_load_explicit(&s->blocks, memory_order_relaxed);
    return blocks ? aip__blocks_read(blocks, bytes, n, got, err) : read_on(s, bytes, n, got, err);
}

/* ---- in blocks -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t undo(void *user, void *bytes, size_t n, size_t *got, int64_t *used, aip_error **err) {
    aip__stream *s = user;
    AIP__TRY(read_on(s, bytes, n, got, err));
    *used = raw_used(s);
    return AIP_OK;
}

/* Room for what is left of the block before; a longer rest is copied together with the fresh bytes. */
static size_t room_in_front(size_t size) { return size / 64 & ~(size_t)63; }

static int32_t refill_block(aip__stream *s, aip__blocks *blocks, const void *left, size_t left_n, size_t margin,
                            aip__buffer **out, size_t *at, bool *ended, aip_error **err) {
    AIP__TRY(aip__blocks_next(blocks, out, at, ended, err));
    if (!*out) {
        *out = aip__buffer_new(s->ctx, margin + left_n);
        if (!*out) return aip__error_memory(s->ctx, err);
        *at = margin + left_n;
    }
    if (left_n > 0) memcpy((*out)->data + *at - left_n, left, left_n);
    *at -= left_n;
    memset((*out)->data + *at - margin, 0, margin);
    return AIP_OK;
}

int32_t aip__refill_copied(aip_context *ctx, aip__reads read, void *user, const void *left, size_t left_n, size_t margin,
                           size_t size, aip__buffer **out, size_t *at, bool *ended, aip_error **err) {
    size_t got = 0;
    while (left_n > size / 2) size *= 2; /* a record that fills half of it: scanning it again and again stays linear */
    aip__buffer *fresh = aip__buffer_new(ctx, margin + size);
    if (!fresh) return aip__error_memory(ctx, err);
    memset(fresh->data, 0, margin);
    if (left_n > 0) memcpy(fresh->data + margin, left, left_n);
    int32_t status = read(user, fresh->data + margin + left_n, size - left_n, &got, err);
    if (status != AIP_OK) {
        aip__buffer_free(fresh);
        return status;
    }
    aip__buffer_resize(&fresh, margin + left_n + got); /* shrinks: cannot fail */
    *ended = got < size - left_n;
    *at = margin;
    *out = fresh;
    return AIP_OK;
}

static int32_t reads(void *user, void *bytes, size_t n, size_t *got, aip_error **err) {
    return aip__stream_read(user, bytes, n, got, err);
}

void aip__stream_in_blocks(aip__stream *s) {
    bool takes_time =
        s->gunzip || s->unzstd || (s->file && s->file->size >= 0); /* not memory, and a pipe only where it must be undone */
    s->in_blocks = takes_time && !s->begin_only;
}

int32_t aip__stream_refill(aip__stream *s, const void *left, size_t left_n, size_t margin, size_t size, aip__buffer **out,
                           size_t *at, bool *ended, aip_error **err) {
    size_t room = room_in_front(size);
    if (s->in_blocks && room > 0 && left_n <= room) {
        aip__blocks *blocks = atomic_load_explicit(&s->blocks, memory_order_relaxed);
        if (!blocks) {
            AIP__TRY(aip__blocks_new(s->ctx, margin + room, size - room, undo, s, &blocks, err));
            atomic_store_explicit(&s->blocks, blocks, memory_order_release);
        }
        return refill_block(s, blocks, left, left_n, margin, out, at, ended, err);
    }
    return aip__refill_copied(s->ctx, reads, s, left, left_n, margin, size, out, at, ended, err);
}

bool aip__stream_ahead(aip__stream *s) {
    aip__blocks *blocks = atomic_load_explicit(&s->blocks, memory_order_acquire);
    return blocks && s->file && s->file->size >= 0 && aip__blocks_ahead(blocks); /* a pipe may keep who reads it waiting */
}

bool aip__stream_ready(aip__stream *s) {
    aip__blocks *blocks = atomic_load_explicit(&s->blocks, memory_order_acquire);
    return !blocks || !s->file || s->file->size < 0 || aip__blocks_ready(blocks);
}

int64_t aip__stream_size(const aip__stream *s) {
    if (s->gunzip || s->unzstd || s->seen) return -1;
    if (!s->file) return (int64_t)s->memory_n;
    return s->memory ? -1 : s->file->size;
}

int32_t aip__stream_read_at(aip__stream *s, void *bytes, size_t n, int64_t offset, size_t *got, aip_error **err) {
    if (s->file) return aip__file_read(s->file, bytes, n, offset, got, err);
    size_t at = offset < 0 || (uint64_t)offset > s->memory_n ? s->memory_n : (size_t)offset;
    *got = s->memory_n - at < n ? s->memory_n - at : n;
    if (*got > 0) memcpy(bytes, s->memory + at, *got);
    return AIP_OK;
}

void aip__stream_move(aip__stream *s, int64_t offset) {
    s->at = s->n; /* what was looked at and not used */
    s->raw_at = offset;
    s->ended = false;
}

int64_t aip__stream_consumed(const aip__stream *s) {
    const aip__blocks *blocks = atomic_load_explicit(&s->blocks, memory_order_relaxed);
    return blocks ? aip__blocks_used(blocks) : raw_used(s);
}

aip__packing aip__stream_packing(const aip__stream *s) {
    return s->gunzip ? AIP__PACKING_GZIP : s->unzstd ? AIP__PACKING_ZSTD : AIP__PACKING_NONE;
}

bool aip__stream_is_empty(const aip__stream *s) { return s->raw_at == 0; }

void aip__stream_close(aip__stream *s) {
    if (!s) return;
    aip__blocks_free(atomic_load_explicit(&s->blocks, memory_order_relaxed));
    aip__gunzip_free(s->gunzip);
    aip__unzstd_free(s->unzstd);
    aip__gunzip_whole_free(s->whole);
    aip__free(s->ctx, s->member);
    aip__free(s->ctx, s->input);
    aip__free(s->ctx, s);
}
