/* A decoder of text into UTF-8. UTF-8 itself is checked; an encoding of single bytes, as iconv shows it to be when each byte is given to it alone,
 * becomes a table of 256 short texts; any other goes through iconv. */
#include "formats/encoding/encoding.h"

#include "base/context.h"
#include "base/memory.h"
#include "data/utf8.h"
#include <errno.h>
#include <iconv.h>
#include <string.h>

typedef enum { CHECKED, TABLE, ICONV } decoder_kind;

struct aip__decoder {
    aip_context *ctx;
    char name[32];
    decoder_kind kind;
    aip__undecodable undecodable;
    iconv_t iconv;
    bool has_iconv;
    size_t unit;          /* bytes that are given up where nothing can be decoded */
    uint8_t text[256][4]; /* of a byte; and its length: */
    uint8_t length[256];  /* 0: no character */
    bool ascii;           /* bytes below 0x80 are themselves */
    bool alone;           /* each byte is one character, or none */
    int64_t n_bad;
};

bool aip__encoding_is(const char *name, const char *other) {
    return strlen(name) == strlen(other) && aip__same_word(name, other, strlen(name));
}

bool aip__encoding_is_utf8(const char *name) {
    return aip__encoding_is(name, "utf-8") || aip__encoding_is(name, "utf8") || aip__encoding_is(name, "utf-8-sig");
}

/* What iconv makes of one byte alone. False: it is no whole character of its own, so the encoding is none of single bytes. */
static bool single(aip__decoder *d, unsigned byte) {
    char in[1] = {(char)byte}, out[16], *from = in, *to = out;
    size_t n = 1, room = sizeof out;
    iconv(d->iconv, NULL, NULL, NULL, NULL);
    size_t status = iconv(d->iconv, &from, &n, &to, &room);
    size_t made = sizeof out - room;
    d->length[byte] = 0;
    if (status == (size_t)-1) return errno == EILSEQ;
    if (n > 0 || made == 0 || made > 4) return false;
    memcpy(d->text[byte], out, made);
    d->length[byte] = (uint8_t)made;
    return true;
}

static bool make_table(aip__decoder *d) {
    d->ascii = d->alone = true;
    for (unsigned b = 0; b < 256; b++) {
        if (!single(d, b)) return false;
        d->alone &= aip__encoded_bytes(1, (const char *)d->text[b], d->length[b]) <= 1;
        if (b < 0x80) d->ascii &= d->length[b] == 1 && d->text[b][0] == b;
    }
    return true;
}

static size_t unit_of(const char *name) {
    if (aip__same_word(name, "utf-16", 6) || aip__same_word(name, "utf16", 5) || aip__same_word(name, "ucs-2", 5)) return 2;
    if (aip__same_word(name, "utf-32", 6) || aip__same_word(name, "utf32", 5) || aip__same_word(name, "ucs-4", 5)) return 4;
    return 1;
}

/* Names that people and other libraries use, as iconv writes them. */
static void name_for_iconv(const char *given, char out[32]) {
    static const char *const aliases[][2] = {{"latin-1", "ISO-8859-1"}, {"latin1", "ISO-8859-1"}, {"utf-8-sig", "UTF-8"}};
    size_t n = strlen(given);
    for (size_t i = 0; i <= n; i++) out[i] = given[i] == '_' ? '-' : given[i];
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strlen(aliases[i][0]) == n && aip__same_word(out, aliases[i][0], n))
            memcpy(out, aliases[i][1], strlen(aliases[i][1]) + 1);
}

int32_t aip__decoder_new(aip_context *ctx, const char *encoding, aip__undecodable undecodable, aip__decoder **out,
                         aip_error **err) {
    if (strlen(encoding) >= sizeof((aip__decoder *)0)->name || strchr(encoding, '/'))
        return aip__error_set(err, AIP_E_PARAM, "encoding: expected the name of an encoding, found '%.60s'", encoding);
    aip__decoder *d = aip__calloc(ctx, 1, sizeof *d);
    if (!d) return aip__error_memory(ctx, err);
    d->ctx = ctx;
    d->undecodable = undecodable;
    name_for_iconv(encoding, d->name);
    d->unit = unit_of(d->name);
    d->kind = CHECKED;
    if (!aip__encoding_is_utf8(d->name)) {
        d->iconv = iconv_open("UTF-8", d->name);
        d->has_iconv = d->iconv != (iconv_t)-1;
        if (!d->has_iconv) {
            int why = errno;
            aip__decoder_free(d);
            if (why != EINVAL) return aip__error_errno(err, why, "cannot make ready to decode '%s'", encoding);
            return aip__error_set(
                err, AIP_E_PARAM,
                "encoding: '%s' is not known here: expected auto, utf-8, utf-16, latin-1, windows-1252 or another name "
                "that iconv knows (iconv --list)",
                encoding);
        }
        d->kind = make_table(d) ? TABLE : ICONV;
        iconv(d->iconv, NULL, NULL, NULL, NULL);
    }
    *out = d;
    return AIP_OK;
}

int aip__decoder_unit(const aip__decoder *d) {
    if (d->kind == TABLE) return d->alone ? 1 : 0;
    return d->kind == ICONV && d->unit > 1 ? (int)d->unit : 0;
}

int64_t aip__encoded_bytes(int unit, const char *text, size_t n) {
    const uint8_t *s = (const uint8_t *)text;
    int64_t characters = 0, pairs = 0;
    if (unit == 0) return (int64_t)n;
    for (size_t i = 0; i < n; i++) characters += (s[i] & 0xc0) != 0x80; /* the byte 0xff stands for one that is none */
    for (size_t i = 0; unit == 2 && i < n; i++) pairs += s[i] >= 0xf0 && s[i] != 0xff;
    return (characters + pairs) * unit;
}

int64_t aip__decoder_undecodable(const aip__decoder *d) { return d->n_bad; }

void aip__decoder_free(aip__decoder *d) {
    if (!d) return;
    if (d->has_iconv) iconv_close(d->iconv);
    aip__free(d->ctx, d);
}

/* At `in` is no character: what stands in its place. */
static int32_t bad(aip__decoder *d, const uint8_t *in, int64_t offset, uint8_t **out, aip_error **err) {
    d->n_bad++;
    if (d->undecodable == AIP__UNDECODABLE_ERROR) {
        aip__error_set(err, AIP_E_DATA,
                       "byte 0x%02x is no text in %s (set encoding, or encoding_errors: replace, or bad_row and on_bad_row)",
                       in[0], d->name);
        aip__error_at_offset(err, offset);
        return AIP_E_DATA;
    }
    if (d->undecodable == AIP__UNDECODABLE_REPLACE) {
        memcpy(*out, "\xef\xbf\xbd", 3);
        *out += 3;
    } else {
        *(*out)++ = 0xff;
    }
    return AIP_OK;
}

/* ---- the three kinds --------------------------------------------------------------------------------------------------------------------- */

typedef struct span { /* what a step works on */
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
    int64_t offset; /* of in_start */
    const uint8_t *in_start;
    bool last;
} span;

static int32_t give_up(aip__decoder *d, span *s, size_t n, aip_error **err) {
    AIP__TRY(bad(d, s->in, s->offset + (s->in - s->in_start), &s->out, err));
    s->in += n;
    return AIP_OK;
}

/* ASCII as it is; how much of it lies ahead. */
static void copy_ascii(span *s) {
    size_t n = (size_t)(s->in_end - s->in), room = (size_t)(s->out_end - s->out), k = 0;
    if (room < n) n = room;
    for (; k + 32 <= n && aip__utf8_is_ascii((const char *)s->in + k, 32); k += 32) {}
    for (; k < n && s->in[k] < 0x80; k++) {}
    memcpy(s->out, s->in, k);
    s->in += k;
    s->out += k;
}

static int32_t check_utf8(aip__decoder *d, span *s, aip_error **err) {
    while (s->in < s->in_end && s->out_end - s->out >= 4) {
        copy_ascii(s);
        size_t left = (size_t)(s->in_end - s->in);
        if (left == 0 || s->out_end - s->out < 4) return AIP_OK;
        size_t step = aip__utf8_step((const char *)s->in, left);
        if (step > 0) {
            memcpy(s->out, s->in, step);
            s->in += step;
            s->out += step;
            continue;
        }
        if (!s->last && left < 4 && *s->in >= 0xc2 && *s->in <= 0xf4) return AIP_OK; /* its end may follow */
        AIP__TRY(give_up(d, s, 1, err));
    }
    return AIP_OK;
}

static int32_t look_up(aip__decoder *d, span *s, aip_error **err) {
    while (s->in < s->in_end && s->out_end - s->out >= 4) {
        if (d->ascii) copy_ascii(s);
        if (s->in == s->in_end || s->out_end - s->out < 4) return AIP_OK;
        size_t n = d->length[*s->in];
        if (n == 0) {
            AIP__TRY(give_up(d, s, 1, err));
            continue;
        }
        memcpy(s->out, d->text[*s->in], 4);
        s->out += n;
        s->in++;
    }
    return AIP_OK;
}

/* What iconv holds back; then it starts anew. */
static void flush(aip__decoder *d, span *s) {
    char *to = (char *)s->out;
    size_t room = (size_t)(s->out_end - s->out);
    iconv(d->iconv, NULL, NULL, &to, &room);
    s->out = (uint8_t *)to;
}

/* iconv may hold a character back that a following one would change: half of the least room is kept for it. */
static int32_t through_iconv(aip__decoder *d, span *s, aip_error **err) {
    const size_t kept = AIP__DECODER_ROOM / 2;
    while (s->in < s->in_end && (size_t)(s->out_end - s->out) >= AIP__DECODER_ROOM) {
        char *from = (char *)(uintptr_t)s->in, *to = (char *)s->out; /* iconv does not write to its input */
        size_t n = (size_t)(s->in_end - s->in), room = (size_t)(s->out_end - s->out) - kept;
        size_t status = iconv(d->iconv, &from, &n, &to, &room);
        int why = status == (size_t)-1 ? errno : 0;
        s->in = (const uint8_t *)from;
        s->out = (uint8_t *)to;
        if (why == 0 || why == E2BIG || (why == EINVAL && !s->last)) break;
        if (why != EILSEQ && why != EINVAL) return aip__error_errno(err, why, "iconv failed");
        flush(d, s); /* what is held back stands before what is given up */
        AIP__TRY(give_up(d, s, n < d->unit ? n : d->unit, err));
    }
    if (s->last && s->in == s->in_end) flush(d, s); /* also where the end shows only after the last byte */
    return AIP_OK;
}

int32_t aip__decoder_step(aip__decoder *d, const uint8_t *in, size_t n, bool last, int64_t offset, size_t *used, uint8_t *out,
                          size_t size, size_t *made, aip_error **err) {
    span s = {.in = in, .in_end = in + n, .out_end = out + size, .offset = offset, .in_start = in, .last = last};
    s.out = out;
    int32_t status = d->kind == CHECKED ? check_utf8(d, &s, err)
                     : d->kind == TABLE ? look_up(d, &s, err)
                                        : through_iconv(d, &s, err);
    *used = (size_t)(s.in - in);
    *made = (size_t)(s.out - out);
    return status;
}
