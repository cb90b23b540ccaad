/* Text fields to a column of texts: copied 16 bytes at a time, or 64 with AVX-512, past the field's end too (what lies behind is written over by
 * the next). Of 64 bytes those that double a quote are squeezed out as they are copied. */
#include "data/convert_column.h"

#include "base/checked.h"
#include "base/cpu.h"
#include "base/error.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define STEP 16   /* bytes that are copied and looked at together; a field's copy writes less than this past its end */
#define ROOM 64   /* what a field's copy may write past its end, whatever the level */
#define PART 1024 /* fields whose nulls are listed together */

typedef uint8_t step_bytes __attribute__((vector_size(STEP)));
typedef uint64_t step_words __attribute__((vector_size(STEP)));

size_t aip__unescape_quotes(char *to, const char *s, size_t n, char quote) {
    size_t at = 0;
    for (size_t i = 0; i < n;) { /* up to and with the next quote, and past its double */
        const char *q = memchr(s + i, quote, n - i);
        size_t more = q ? (size_t)(q + 1 - (s + i)) : n - i;
        memcpy(to + at, s + i, more);
        at += more;
        i += more + (q != NULL);
    }
    return at;
}

static inline void copy(char *to, const char *s, size_t n) {
    memcpy(to, s, STEP);
    for (size_t i = STEP; i < n; i += STEP) memcpy(to + i, s + i, STEP);
}

/* The same; says whether a quote is among the n bytes. */
static inline bool copy_seeing(char *to, const char *s, size_t n, char quote) {
    static const uint8_t keep[2 * STEP] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    step_bytes seen = {0}, last = {0}, mask = {0}, sought = (step_bytes){0} + (uint8_t)quote;
    size_t i = 0;
    for (; i + STEP < n; i += STEP) {
        memcpy(&last, s + i, STEP);
        memcpy(to + i, &last, STEP);
        seen |= (step_bytes)(last == sought);
    }
    memcpy(&last, s + i, STEP);
    memcpy(to + i, &last, STEP);
    memcpy(&mask, keep + STEP - (n - i), STEP);
    seen |= (step_bytes)(last == sought) & mask;
    step_words words = (step_words)seen;
    return (words[0] | words[1]) != 0;
}

/* The text of a field at `to`; its length, or -1: null. */
static inline int64_t take(const aip__text_rules *r, const char *s, size_t n, char *to) {
    bool quoted = n >= 2 && (uint8_t)*s == r->quote;
    if (quoted) {
        s++, n -= 2;
        if (copy_seeing(to, s, n, (char)r->quote)) n = aip__unescape_quotes(to, s, n, (char)r->quote);
        if (!r->quoted_null) return (int64_t)n;
        s = to;
    } else {
        copy(to, s, n);
    }
    if (n == 0) return r->empty_is_null ? -1 : 0;
    return r->null_starts[(uint8_t)*s] && r->is_null(r->user, s, n) ? -1 : (int64_t)n;
}

static int32_t too_long(aip_error **err) {
    return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes of text in one column of a batch");
}

/* Makes room for `more` bytes behind the first `at`. */
static int32_t make_room(aip__utf8_builder *b, int32_t rows, size_t at, size_t more, aip_error **err) {
    size_t start = b->bytes->size;
    b->bytes->size = at; /* what growing keeps */
    int32_t status = aip__utf8_reserve(b, rows, more, err);
    b->bytes->size = status == AIP_OK ? at : start;
    return status;
}

/* At most PART fields, by `taking`; inlined once for each way of taking a field. */
static inline __attribute__((always_inline)) int32_t
add_by(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f,
       int64_t (*taking)(const aip__text_rules *, const char *, size_t, char *), aip_error **err) {
    int32_t nulls[PART], n_nulls = 0;
    AIP__TRY(aip__utf8_reserve(b, f->n, ROOM, err));
    int32_t *offsets = (int32_t *)(void *)b->offsets->data + b->length + 1;
    char *bytes = (char *)b->bytes->data;
    size_t at = b->bytes->size, room = b->bytes->capacity;
    for (int32_t i = 0; i < f->n; i++) {
        size_t n = 0;
        const char *s = aip__field_at(f, i, &n);
        if (n + ROOM > room - at) {
            AIP__TRY(make_room(b, f->n, at, n + ROOM, err));
            bytes = (char *)b->bytes->data;
            room = b->bytes->capacity;
        }
        int64_t taken = taking(r, s, n, bytes + at);
        nulls[n_nulls] = i;
        n_nulls += taken < 0;
        at += taken < 0 ? 0 : (size_t)taken;
        if (at > INT32_MAX) return too_long(err);
        offsets[i] = (int32_t)at;
    }
    b->bytes->size = at;
    return aip__utf8_added(b, f->n, nulls, n_nulls, err);
}

static int32_t add_part(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    return add_by(b, r, f, take, err);
}

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,pclmul,avx512f,avx512bw,avx512vl,avx512vbmi2"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,pclmul,avx512f,avx512bw,avx512vl,avx512vbmi2")
#endif

/* The inside of a quoted field to `to`, of each two quotes one; returns its length. Quotes that do not come in twos go the other way. */
static size_t copy_inside(char *to, const char *s, size_t n, char quote) {
    const __m512i sought = _mm512_set1_epi8(quote);
    uint64_t open = 0; /* all ones: the byte before was the first of two quotes */
    size_t at = 0;
    for (size_t i = 0; i < n; i += 64) {
        __m512i v = _mm512_loadu_si512(s + i);
        uint64_t within = n - i < 64 ? _bzhi_u64(~UINT64_C(0), (uint32_t)(n - i)) : ~UINT64_C(0);
        uint64_t quotes = _mm512_cmpeq_epi8_mask(v, sought) & within;
        if (quotes == 0 && open == 0) {
            _mm512_storeu_si512(to + at, v);
            at += n - i < 64 ? n - i : 64;
            continue;
        }
        __m128i parity = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)quotes), _mm_set1_epi8(-1), 0);
        uint64_t in = (uint64_t)_mm_cvtsi128_si64(parity) ^ open, first = quotes & in, second = quotes & ~in;
        if (second != ((first << 1) | (open & 1))) return aip__unescape_quotes(to, s, n, quote);
        open = 0 - (in >> 63);
        _mm512_storeu_si512(to + at, _mm512_maskz_compress_epi8(within & ~second, v));
        at += (size_t)_mm_popcnt_u64(within & ~second);
    }
    return at;
}

static inline __attribute__((always_inline)) int64_t take_64(const aip__text_rules *r, const char *s, size_t n, char *to) {
    size_t quoted = n >= 2 && (uint8_t)*s == r->quote;
    s += quoted;
    n -= 2 * quoted;
    __m512i v = _mm512_loadu_si512(s);
    _mm512_storeu_si512(to, v);
    uint64_t within = _bzhi_u64(~UINT64_C(0), n < 64 ? (uint32_t)n : 64);
    uint64_t quotes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)r->quote)) & within & (0 - (uint64_t)quoted);
    bool may_be_null = !quoted | r->quoted_null;
    bool marker = n > 0 && r->null_starts[(uint8_t)*s];
    if (quotes != 0 || (quoted && n > 64)) {
        n = copy_inside(to, s, n, (char)r->quote);
    } else if (n > 64) {
        for (size_t i = 64; i < n; i += 64) _mm512_storeu_si512(to + i, _mm512_loadu_si512(s + i));
    }
    if (marker && may_be_null && r->is_null(r->user, to, n)) return -1;
    return ((n == 0) & may_be_null & r->empty_is_null) ? -1 : (int64_t)n;
}

static int32_t add_part_64(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    return add_by(b, r, f, take_64, err);
}
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

int32_t aip__utf8_add_fields(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    int32_t (*add)(aip__utf8_builder *, const aip__text_rules *, const aip__fields *, aip_error **) = add_part;
#if defined(__x86_64__)
    if (aip__cpu_has_vbmi2()) add = add_part_64;
#endif
    for (int32_t first = 0; first < f->n; first += PART) {
        aip__fields part = aip__fields_part(f, first, PART);
        AIP__TRY(add(b, r, &part, err));
    }
    return AIP_OK;
}
