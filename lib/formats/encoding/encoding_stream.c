/* The stage between bytes and text. The first bytes say which encoding it is; then UTF-8 is read straight into the reader's memory, and anything
 * else decoded from a buffer. Where lines end in CR alone, CRs become LFs here, byte for byte, so that no format needs to know of them. */
#include "formats/encoding/encoding.h"

#include "base/context.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

struct aip__text_stream {
    aip_context *ctx;
    aip__stream *stream;
    aip__encoding_guess encoding;
    aip__decoder *decoder; /* NULL: bytes are handed on as they are */
    uint8_t *raw;          /* raw_size; not yet decoded: raw[raw_at..raw_n) */
    size_t raw_at, raw_n, raw_size;
    int64_t raw_offset; /* of raw[0] */
    bool raw_ended;     /* the stream gave its last byte */
    uint8_t *text;      /* decoded ahead: text[text_at..text_n) */
    size_t text_at, text_n;
    bool ends_in_cr;
};

static int32_t fill_raw(aip__text_stream *t, aip_error **err) {
    size_t left = t->raw_n - t->raw_at, got = 0;
    if (t->raw_at > 0) memmove(t->raw, t->raw + t->raw_at, left);
    t->raw_offset += (int64_t)t->raw_at;
    t->raw_at = 0;
    t->raw_n = left;
    AIP__TRY(aip__stream_read(t->stream, t->raw + left, t->raw_size - left, &got, err));
    t->raw_n += got;
    t->raw_ended = got < t->raw_size - left;
    return AIP_OK;
}

/* Into out[0..size), size >= AIP__DECODER_ROOM, until less than a character fits or the raw bytes at hand are used up. */
static int32_t decode(aip__text_stream *t, uint8_t *out, size_t size, size_t *made, aip_error **err) {
    size_t used = 0;
    AIP__TRY(aip__decoder_step(t->decoder, t->raw + t->raw_at, t->raw_n - t->raw_at, t->raw_ended,
                               t->raw_offset + (int64_t)t->raw_at, &used, out, size, made, err));
    t->raw_at += used;
    return AIP_OK;
}

/* ---- the sample ---------------------------------------------------------------------------------------------------------------------------- */

bool aip__lines_end_in_cr(const uint8_t *p, size_t n, int quote) {
    bool inside = false, cr = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n') return false;
        if (p[i] == quote) inside = !inside;
        cr |= p[i] == '\r' && !inside;
    }
    return cr;
}

/* The user knows better than the first bytes, which tell only the order of bytes where the name leaves it open. */
static int32_t named_encoding(aip__text_stream *t, const char *name, aip_error **err) {
    aip__encoding_guess *g = &t->encoding;
    bool utf16 = aip__encoding_is(name, "utf-16") || aip__encoding_is(name, "utf16");
    if (strlen(name) >= sizeof g->name)
        return aip__error_set(err, AIP_E_PARAM, "encoding: expected the name of an encoding, found '%.60s'", name);
    aip__encoding_guess_of(t->raw, t->raw_n, t->raw_ended, false, g);
    if (utf16 && strncmp(g->name, "utf-16", 6) != 0) {
        g->mark = 0;
        snprintf(g->name, sizeof g->name, "utf-16le");
    }
    if (!utf16 && !aip__encoding_is(name, g->name)) {
        g->mark = 0;
        snprintf(g->name, sizeof g->name, "%s", name);
    }
    snprintf(g->why, sizeof g->why, "the parameter encoding says so");
    return AIP_OK;
}

static int32_t choose_encoding(aip__text_stream *t, const aip__text_options *o, aip_error **err) {
    bool automatic = strcmp(o->encoding, "auto") == 0;
    if (o->continued)
        snprintf(t->encoding.name, sizeof t->encoding.name, "%s", o->encoding);
    else if (automatic || aip__encoding_is_utf8(o->encoding))
        aip__encoding_guess_of(t->raw, t->raw_n, t->raw_ended, !automatic, &t->encoding);
    else
        AIP__TRY(named_encoding(t, o->encoding, err));
    bool utf8 = aip__encoding_is_utf8(t->encoding.name);
    if (utf8 && o->undecodable == AIP__UNDECODABLE_ROW) return AIP_OK;
    if (!utf8) t->raw_at = t->encoding.mark; /* UTF-8 keeps its mark, so that offsets stay those of the file */
    return aip__decoder_new(t->ctx, t->encoding.name, o->undecodable, &t->decoder, err);
}

/* What the raw bytes at hand hold, as text. */
static int32_t decode_sample(aip__text_stream *t, aip_error **err) {
    if (!t->decoder) { /* the raw bytes are the text */
        t->text = t->raw;
        t->text_n = t->raw_n;
        t->raw = NULL;
        t->raw_n = 0;
        return AIP_OK;
    }
    for (;;) {
        size_t need = t->text_n + 2 * (t->raw_n - t->raw_at) + 2 * AIP__DECODER_ROOM, made = 0;
        uint8_t *grown = aip__realloc(t->ctx, t->text, need);
        if (!grown) return aip__error_memory(t->ctx, err);
        t->text = grown;
        size_t before = t->raw_at;
        AIP__TRY(decode(t, t->text + t->text_n, need - t->text_n, &made, err));
        t->text_n += made;
        if (t->raw_at == t->raw_n || (t->raw_at == before && made == 0)) return AIP_OK;
    }
}

/* A small file needs no more than it has, and one byte, so that its end is seen. */
static size_t sample_size(int64_t bytes) {
    if (bytes < 0 || bytes >= (int64_t)AIP__TEXT_SAMPLE) return AIP__TEXT_SAMPLE;
    return bytes < 2 * (int64_t)AIP__DECODER_ROOM ? 2 * AIP__DECODER_ROOM : (size_t)bytes + 1;
}

int32_t aip__text_stream_open(aip_context *ctx, aip__stream *stream, const aip__text_options *options, aip__text_stream **out,
                              aip_error **err) {
    aip__text_stream *t = aip__calloc(ctx, 1, sizeof *t);
    if (!t) return aip__error_memory(ctx, err);
    t->ctx = ctx;
    t->stream = stream;
    t->raw_size = sample_size(aip__stream_size(stream));
    t->raw = aip__alloc(ctx, t->raw_size);
    int32_t status = t->raw ? fill_raw(t, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK) status = choose_encoding(t, options, err);
    if (status == AIP_OK) status = decode_sample(t, err);
    if (status != AIP_OK) {
        aip__text_stream_close(t);
        return status;
    }
    if (options->line_end == AIP__LINES_CR
        || (options->line_end == AIP__LINES_AUTO && aip__lines_end_in_cr(t->text, t->text_n, options->quote)))
        aip__text_stream_end_in_cr(t);
    *out = t;
    return AIP_OK;
}

void aip__text_stream_end_in_cr(aip__text_stream *t) {
    t->ends_in_cr = true;
    for (size_t i = 0; i < t->text_n; i++)
        if (t->text[i] == '\r') t->text[i] = '\n';
}

const char *aip__text_stream_sample(const aip__text_stream *t, size_t *n, bool *whole) {
    *n = t->text_n;
    *whole = t->raw_ended && t->raw_at == t->raw_n;
    return (const char *)t->text;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------------------------- */

static int32_t read_decoded(aip__text_stream *t, uint8_t *bytes, size_t n, size_t *got, aip_error **err) {
    size_t have = 0;
    while (have < n) {
        size_t made = 0;
        if (t->raw_at == t->raw_n || (t->raw_n - t->raw_at < 16 && !t->raw_ended)) {
            if (t->raw_ended) break;
            AIP__TRY(fill_raw(t, err));
        }
        if (n - have >= AIP__DECODER_ROOM) {
            size_t before = t->raw_at;
            AIP__TRY(decode(t, bytes + have, n - have, &made, err));
            have += made;
            if (t->raw_at == before && made == 0 && t->raw_ended) break;
            continue;
        }
        /* Less room than a character may need: it is decoded aside, and what does not fit waits. */
        AIP__TRY(decode(t, t->text, AIP__DECODER_ROOM, &made, err));
        if (made == 0 && t->raw_ended) break;
        size_t take = made < n - have ? made : n - have;
        memcpy(bytes + have, t->text, take);
        have += take;
        t->text_at = take;
        t->text_n = made;
    }
    *got = have;
    return AIP_OK;
}

int32_t aip__text_stream_read(aip__text_stream *t, void *bytes, size_t n, size_t *got, aip_error **err) {
    uint8_t *to = bytes;
    size_t first = t->text_n - t->text_at < n ? t->text_n - t->text_at : n, rest = 0;
    if (first > 0) memcpy(to, t->text + t->text_at, first);
    t->text_at += first;
    if (first < n) {
        if (t->decoder)
            AIP__TRY(read_decoded(t, to + first, n - first, &rest, err));
        else if (!t->raw_ended)
            AIP__TRY(aip__stream_read(t->stream, to + first, n - first, &rest, err));
    }
    *got = first + rest;
    for (size_t i = 0; t->ends_in_cr && i < *got; i++) /* of what was decoded ahead, too */
        if (to[i] == '\r') to[i] = '\n';
    return AIP_OK;
}

static int32_t reads(void *user, void *bytes, size_t n, size_t *got, aip_error **err) {
    return aip__text_stream_read(user, bytes, n, got, err);
}

int32_t aip__text_stream_refill(aip__text_stream *t, const void *left, size_t left_n, size_t margin, size_t size,
                                aip__buffer **out, size_t *at, bool *ended, aip_error **err) {
    if (t->decoder || t->text_at < t->text_n || t->raw_ended)
        return aip__refill_copied(t->ctx, reads, t, left, left_n, margin, size, out, at, ended, err);
    AIP__TRY(aip__stream_refill(t->stream, left, left_n, margin, size, out, at, ended, err));
    uint8_t *fresh = (*out)->data + *at + left_n, *end = (*out)->data + (*out)->size;
    for (uint8_t *p = fresh; t->ends_in_cr && p < end; p++)
        if (*p == '\r') *p = '\n';
    return AIP_OK;
}

const aip__encoding_guess *aip__text_stream_encoding(const aip__text_stream *t) { return &t->encoding; }

int aip__text_stream_unit(const aip__text_stream *t, int64_t *mark) {
    int unit = t->decoder ? aip__decoder_unit(t->decoder) : 0;
    *mark = unit > 0 ? (int64_t)t->encoding.mark : 0;
    return unit;
}

bool aip__text_stream_ends_in_cr(const aip__text_stream *t) { return t->ends_in_cr; }

void aip__text_stream_close(aip__text_stream *t) {
    if (!t) return;
    aip__decoder_free(t->decoder);
    aip__free(t->ctx, t->raw);
    aip__free(t->ctx, t->text);
    aip__free(t->ctx, t);
}
