/* What a walk asks of the text, answered for some 4 KiB at once as bits: where a string cannot simply go on (a quote, a backslash, a control
 * character), what is no digit, and whether all of it is UTF-8. A string's or a number's end is then the next bit, whatever its length; and the
 * text is looked through in registers of 8 to 64 bytes with no branch on what it holds. */
#include "formats/json/json.h"

#include "base/cpu.h"
#include "data/utf8.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef void marks_function(const char *p, size_t n_blocks, uint64_t *stop, uint64_t *other);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define IN_ORDER(v) __builtin_bswap64(v)
#else
#define IN_ORDER(v) (v)
#endif

/* ---- scalar: the reference, eight bytes in a word --------------------------------------------------------------------------------------------- */

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static inline uint64_t zero_bytes(uint64_t v) { return ~(((v & ~HIGHS) + ~HIGHS) | v) & HIGHS; }
/* The high bits of eight bytes side by side. */
static inline uint64_t gather(uint64_t highs) { return (highs >> 7) * UINT64_C(0x0102040810204080) >> 56; }

static void mark_scalar(const char *p, size_t n_blocks, uint64_t *stop, uint64_t *other) {
    for (size_t b = 0; b < n_blocks; b++, p += 64) {
        uint64_t s = 0, o = 0;
        for (unsigned i = 0; i < 64; i += 8) {
            uint64_t v = 0;
            memcpy(&v, p + i, 8);
            v = IN_ORDER(v);
            uint64_t digit = v ^ ONES * '0', low = v & ~HIGHS;
            uint64_t control = ~((low + ONES * 0x60) | v) & HIGHS;
            s |= gather(zero_bytes(v ^ ONES * '"') | zero_bytes(v ^ ONES * '\\') | control) << i;
            o |= gather((((digit & ~HIGHS) + ONES * 0x76) | digit) & HIGHS) << i;
        }
        stop[b] = s;
        other[b] = o;
    }
}

#if defined(__aarch64__)

static inline uint64_t neon_mask(const uint8x16_t m[4]) {
    const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t ab = vpaddq_u8(vandq_u8(m[0], bits), vandq_u8(m[1], bits));
    ab = vpaddq_u8(ab, vpaddq_u8(vandq_u8(m[2], bits), vandq_u8(m[3], bits)));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(ab, ab)), 0);
}

static void mark_neon(const char *p, size_t n_blocks, uint64_t *stop, uint64_t *other) {
    for (size_t b = 0; b < n_blocks; b++, p += 64) {
        uint8x16_t s[4], o[4];
        for (int i = 0; i < 4; i++) {
            uint8x16_t v = vld1q_u8((const uint8_t *)p + 16 * i);
            s[i] = vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\')));
            s[i] = vorrq_u8(s[i], vcltq_u8(v, vdupq_n_u8(0x20)));
            o[i] = vcgtq_u8(vsubq_u8(v, vdupq_n_u8('0')), vdupq_n_u8(9));
        }
        stop[b] = neon_mask(s);
        other[b] = neon_mask(o);
    }
}

#endif

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))

static inline AVX2 uint64_t pair_mask(__m256i a, __m256i b) {
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32 | (uint32_t)_mm256_movemask_epi8(a);
}
static inline AVX2 __m256i stops_avx2(__m256i v) {
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
    __m256i quote = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')), backslash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
    return _mm256_or_si256(_mm256_or_si256(quote, backslash), control);
}
static inline AVX2 __m256i digits_avx2(__m256i v) {
    v = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(9)), v);
}

static AVX2 void mark_avx2(const char *p, size_t n_blocks, uint64_t *stop, uint64_t *other) {
    for (size_t b = 0; b < n_blocks; b++, p += 64) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        stop[b] = pair_mask(stops_avx2(v), stops_avx2(w));
        other[b] = ~pair_mask(digits_avx2(v), digits_avx2(w));
    }
}

static AVX512 void mark_avx512(const char *p, size_t n_blocks, uint64_t *stop, uint64_t *other) {
    for (size_t b = 0; b < n_blocks; b++, p += 64) {
        __m512i v = _mm512_loadu_si512(p);
        stop[b] = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'))
                  | _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20));
        other[b] = _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('0')), _mm512_set1_epi8(9));
    }
}

#endif

static marks_function *mark_now(void) {
    switch (aip__cpu()) {
#if defined(__x86_64__)
    case AIP__CPU_AVX512: return mark_avx512;
    case AIP__CPU_AVX2: return mark_avx2;
#elif defined(__aarch64__)
    case AIP__CPU_NEON: return mark_neon;
#endif
    default: return mark_scalar;
    }
}

/* The characters of p[0..n) that the end does not cut; what lies at p[n] can be read. */
static size_t whole_characters(const char *p, size_t n) {
    size_t whole = n;
    while (whole > 0 && n - whole < 4 && ((uint8_t)p[whole] & 0xc0) == 0x80) whole--;
    return whole;
}

void aip__json_window_set(aip__json_window *v, const char *p, const char *end) {
    size_t left = p < end ? (size_t)(end - p) : 0, blocks = left / 64 + 1;
    if (blocks > AIP__JSON_WINDOW_BLOCKS) blocks = AIP__JSON_WINDOW_BLOCKS;
    v->from = p;
    v->n = 64 * blocks;
    mark_now()(p, blocks, v->stop, v->other);
    v->stop[blocks] = v->other[blocks] = 0;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t b = 0; b < blocks; b++) {
        v->stop[b] = IN_ORDER(v->stop[b]);
        v->other[b] = IN_ORDER(v->other[b]);
    }
#endif
    v->utf8 = aip__utf8_valid(p, left < v->n ? left : whole_characters(p, v->n));
}
