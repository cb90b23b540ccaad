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
#define SHORT 16  /* texts of so many bytes on average are copied 32 bytes at a time */

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

int32_t aip__unescape_field(aip__unquoted *u, char quote, aip__scratch *scratch, aip_error **err) {
    if (aip__grow(scratch->ctx, &scratch->bytes, &scratch->size, u->n, 1) != 0) return aip__error_memory(scratch->ctx, err);
    u->n = aip__unescape_quotes(scratch->bytes, u->text, u->n, quote);
    u->text = scratch->bytes;
    return AIP_OK;
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

/* Room for the texts of the fields; their sum is only asked for where the whole of the text that they lie in has no room. */
static int32_t make_room(aip__utf8_builder *b, const aip__fields *f, aip_error **err) {
    const uint32_t *e = f->ends, *last = e + (int64_t)(f->n - 1) * f->stride;
    size_t most = (uint32_t)(*last - e[-1]), room = b->bytes->capacity - b->bytes->size;
    if (most + ROOM > room) {
        most = 0;
        for (int32_t i = 0; i < f->n; i++, e += f->stride) most += (uint32_t)(e[0] - e[-1]);
    }
    return aip__utf8_reserve(b, f->n, most + ROOM, err);
}

typedef int64_t (*taker)(const aip__text_rules *, const char *, size_t, char *);

/* At most PART fields, each by `taking`; inlined once for each way of taking a field. */
static inline __attribute__((always_inline)) int32_t add_each(aip__utf8_builder *b, const aip__text_rules *r,
                                                              const aip__fields *f, taker taking, aip_error **err) {
    int32_t nulls[PART], n_nulls = 0;
    AIP__TRY(make_room(b, f, err));
    int32_t *offsets = (int32_t *)(void *)b->offsets->data + b->length + 1;
    char *bytes = (char *)b->bytes->data;
    size_t at = b->bytes->size;
    for (int32_t i = 0; i < f->n; i++) {
        size_t n = 0;
        const char *s = aip__field_at(f, i, &n);
        int64_t taken = taking(r, s, n, bytes + at);
        nulls[n_nulls] = i;
        n_nulls += taken < 0;
        at += taken < 0 ? 0 : (size_t)taken;
        offsets[i] = (int32_t)at;
    }
    if (at > INT32_MAX) return too_long(err);
    b->bytes->size = at;
    return aip__utf8_added(b, f->n, nulls, n_nulls, err);
}

static int32_t add_part(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    return add_each(b, r, f, take, err);
}

#if defined(__x86_64__)

/* Copies `width` bytes; returns which of them are quotes. */
typedef uint64_t (*copier)(char *to, const char *s, char quote);

/* The same, for texts that most often are shorter than `width` bytes and have no quotes inside: those are copied by one look. What is longer, has
 * quotes or may be null by more than being empty goes by `taking`; of the last, limits[first byte] is one more than their longest. */
static inline __attribute__((always_inline)) int32_t add_looking(aip__utf8_builder *b, const aip__text_rules *r, aip__fields f,
                                                                 const uint8_t *limits, size_t width, copier copying,
                                                                 taker taking, aip_error **err) {
    int32_t nulls[PART + 1];
    size_t n_nulls = 0; /* 1: each is written down before it is known to be one */
    const int quote = r->quote;
    const size_t shortest = r->empty_is_null; /* that is not null */
    int32_t *offsets = (int32_t *)(void *)b->offsets->data + b->length + 1;
    char *bytes = (char *)b->bytes->data;
    size_t at = b->bytes->size;
    const uint32_t *e = f.ends;
    for (int32_t i = 0; i < f.n; i++) {
        const uint32_t start = e[-1] + 1, end = e[0];
        const char *s = f.text + start;
        size_t n = end - start;
        e += f.stride;
        if (f.last) n -= n > 0 && s[n - 1] == '\r';
        const uint8_t first = (uint8_t)*s;
        size_t quoted = (first == quote) & (n > 0), inside = n - 2 * quoted; /* wraps where a quote stands alone: that is long */
        uint64_t quotes = copying(bytes + at, s + quoted, (char)quote) & ~(~UINT64_C(0) << (inside & 63));
        if (__builtin_expect(inside >= width, 0) || __builtin_expect(inside < limits[first], 0)
            || __builtin_expect(quotes != 0, 0)) {
            int64_t taken = taking(r, s, n, bytes + at);
            inside = taken < 0 ? 0 : (size_t)taken;
            nulls[n_nulls] = i;
            n_nulls += taken < 0;
            n = shortest; /* it has been counted */
        }
        nulls[n_nulls] = i;
        n_nulls += n < shortest;
        at += inside;
        offsets[i] = (int32_t)at;
    }
    if (at > INT32_MAX) return too_long(err);
    b->bytes->size = at;
    return aip__utf8_added(b, f.n, nulls, (int32_t)n_nulls, err);
}

static inline __attribute__((always_inline)) int32_t add_fronts(aip__utf8_builder *b, const aip__text_rules *r,
                                                                const aip__fields *f, size_t width, copier copying, taker taking,
                                                                aip_error **err) {
    uint8_t limits[256];
    AIP__TRY(make_room(b, f, err));
    const uint8_t longest = r->longest_null < 255 ? (uint8_t)(r->longest_null + 1) : 255;
    for (int k = 0; k < 256; k++) limits[k] = r->null_starts[k] ? longest : 0;
    if (r->quoted_null && r->quote >= 0) limits[r->quote] = 255;
    aip__fields fields = *f;
    fields.last = false; /* a steady question is asked but once */
    if (!f->last) return add_looking(b, r, fields, limits, width, copying, taking, err);
    fields.last = true;
    return add_looking(b, r, fields, limits, width, copying, taking, err);
}

/* Are the texts so far short? */
static bool are_short(const aip__utf8_builder *b) { return b->length > 0 && (int64_t)b->bytes->size <= SHORT * b->length; }

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif

static inline __attribute__((always_inline)) uint64_t copy_32(char *to, const char *s, char quote) {
    __m256i v = _mm256_loadu_si256((const void *)s);
    _mm256_storeu_si256((void *)to, v);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(quote)));
}

static inline __attribute__((always_inline)) uint64_t copy_twice_32(char *to, const char *s, char quote) {
    uint64_t low = copy_32(to, s, quote);
    return low | copy_32(to + 32, s + 32, quote) << 32;
}

/* The inside of a quoted field to `to`, from each quote to behind its double; returns its length. Bytes past the n-th are quotes, too. */
static inline size_t copy_between(char *to, const char *s, size_t n, char quote) {
    size_t at = 0, i = 0;
    while (i < n) {
        uint64_t quotes = copy_twice_32(to + at, s + i, quote);
        size_t p = (size_t)_tzcnt_u64(quotes);
        if (__builtin_expect(quotes == 0, 1) || p >= n - i) {
            at += n - i < 64 ? n - i : 64;
            i += 64;
        } else { /* a branch, not a choice of steps: these would have to wait for the bytes */
            at += p + 1;
            i += p + 2;
        }
    }
    return at;
}

/* The text of a field, 64 bytes at a time. */
static __attribute__((noinline)) int64_t take_32(const aip__text_rules *r, const char *s, size_t n, char *to) {
    size_t quoted = (n >= 2) & ((uint8_t)*s == r->quote);
    s += quoted;
    n -= 2 * quoted;
    if (quoted)
        n = copy_between(to, s, n, (char)r->quote);
    else
        for (size_t i = 0; i < n; i += 64) (void)copy_twice_32(to + i, s + i, 0);
    if (quoted && !r->quoted_null) return (int64_t)n;
    if (n == 0) return r->empty_is_null ? -1 : 0;
    return r->null_starts[(uint8_t)*to] && r->is_null(r->user, to, n) ? -1 : (int64_t)n;
}

static int32_t add_part_32(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    return are_short(b) ? add_fronts(b, r, f, 32, copy_32, take_32, err) : add_fronts(b, r, f, 64, copy_twice_32, take_32, err);
}

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,pclmul,avx512f,avx512bw,avx512vl,avx512vbmi2"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
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

static inline __attribute__((always_inline)) uint64_t copy_half(char *to, const char *s, char quote) {
    __m256i v = _mm256_loadu_si256((const void *)s);
    _mm256_storeu_si256((void *)to, v);
    return _mm256_cmpeq_epi8_mask(v, _mm256_set1_epi8(quote));
}

static inline __attribute__((always_inline)) uint64_t copy_64(char *to, const char *s, char quote) {
    __m512i v = _mm512_loadu_si512(s);
    _mm512_storeu_si512(to, v);
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(quote));
}

static __attribute__((noinline)) int64_t take_64(const aip__text_rules *r, const char *s, size_t n, char *to) {
    size_t quoted = (n >= 2) & ((uint8_t)*s == r->quote);
    s += quoted;
    n -= 2 * quoted;
    if (quoted)
        n = copy_inside(to, s, n, (char)r->quote);
    else
        for (size_t i = 0; i < n; i += 64) _mm512_storeu_si512(to + i, _mm512_loadu_si512(s + i));
    if (quoted && !r->quoted_null) return (int64_t)n;
    if (n == 0) return r->empty_is_null ? -1 : 0;
    return r->null_starts[(uint8_t)*to] && r->is_null(r->user, to, n) ? -1 : (int64_t)n;
}

static int32_t add_part_64(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    return are_short(b) ? add_fronts(b, r, f, 32, copy_half, take_64, err) : add_fronts(b, r, f, 64, copy_64, take_64, err);
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
    if (aip__cpu() >= AIP__CPU_AVX2) add = add_part_32;
    if (aip__cpu_has_vbmi2()) add = add_part_64;
#endif
    for (int32_t first = 0; first < f->n; first += PART) {
        aip__fields part = aip__fields_part(f, first, PART);
        AIP__TRY(add(b, r, &part, err));
    }
    return AIP_OK;
}
