/* UTF-8 in registers of 16 bytes: the classes of a byte's two halves and of the half byte behind it, looked up in three tables of 16, name every
 * error of two neighbours by a bit that all three have in common; what is left is whether second and third bytes of a character follow where
 * they must (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021). With AVX-512 the same, 64 bytes at a time. */
#include "data/utf8.h"

#include "base/cpu.h"
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__x86_64__) || defined(__aarch64__)

enum {
    SHORT = 1,      /* a lead byte without a continuation */
    LONG = 2,       /* a continuation behind ASCII */
    OVERLONG_3 = 4, /* e0 80 to e0 9f */
    LARGE = 8,      /* past f4 8f: second bytes from 90 on */
    SURROGATE = 16, /* ed a0 to ed bf */
    OVERLONG_2 = 32,
    LARGE_OR_4 = 64, /* f5 and more with 80 to 8f; f0 80 to f0 8f */
    TWO = 128,       /* continuation behind continuation: right where a longer character asks for it */
    ALWAYS = SHORT | LONG | TWO
};

static const uint8_t first_high[16] = {LONG,
                                       LONG,
                                       LONG,
                                       LONG,
                                       LONG,
                                       LONG,
                                       LONG,
                                       LONG,
                                       TWO,
                                       TWO,
                                       TWO,
                                       TWO,
                                       SHORT | OVERLONG_2,
                                       SHORT,
                                       SHORT | OVERLONG_3 | SURROGATE,
                                       SHORT | LARGE | LARGE_OR_4};
static const uint8_t first_low[16] = {ALWAYS | OVERLONG_3 | OVERLONG_2 | LARGE_OR_4,
                                      ALWAYS | OVERLONG_2,
                                      ALWAYS,
                                      ALWAYS,
                                      ALWAYS | LARGE,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4 | SURROGATE,
                                      ALWAYS | LARGE | LARGE_OR_4,
                                      ALWAYS | LARGE | LARGE_OR_4};
static const uint8_t second_high[16] = {SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        LONG | OVERLONG_2 | TWO | OVERLONG_3 | LARGE_OR_4,
                                        LONG | OVERLONG_2 | TWO | OVERLONG_3 | LARGE,
                                        LONG | OVERLONG_2 | TWO | SURROGATE | LARGE,
                                        LONG | OVERLONG_2 | TWO | SURROGATE | LARGE,
                                        SHORT,
                                        SHORT,
                                        SHORT,
                                        SHORT};
/* A block's last bytes past these want more bytes than the block has. */
static const uint8_t whole_last[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xef, 0xdf, 0xbf};

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
typedef __m128i block;
static inline block load(const void *p) { return _mm_loadu_si128(p); }
static inline block zero(void) { return _mm_setzero_si128(); }
static inline block or2(block a, block b) { return _mm_or_si128(a, b); }
static inline block past(block a, block b) { return _mm_subs_epu8(a, b); } /* not 0 where a > b */
static inline block past_all(block a, uint8_t b) { return _mm_subs_epu8(a, _mm_set1_epi8((char)b)); }
static inline bool any_bit(block a) { return !_mm_testz_si128(a, a); }
static inline bool any_high(block a) { return _mm_movemask_epi8(a) != 0; }
static inline block behind(block a, block before, int n) { /* the bytes n places before those of a */
    return n == 1 ? _mm_alignr_epi8(a, before, 15) : n == 2 ? _mm_alignr_epi8(a, before, 14) : _mm_alignr_epi8(a, before, 13);
}
static inline block errors(block a, block first, block must) {
    block low = _mm_set1_epi8(15), high_a = _mm_and_si128(_mm_srli_epi16(a, 4), low);
    block classes = _mm_and_si128(_mm_shuffle_epi8(load(first_high), _mm_and_si128(_mm_srli_epi16(first, 4), low)),
                                  _mm_shuffle_epi8(load(first_low), _mm_and_si128(first, low)));
    classes = _mm_and_si128(classes, _mm_shuffle_epi8(load(second_high), high_a));
    return _mm_xor_si128(_mm_and_si128(must, _mm_set1_epi8((char)0x80)), classes);
}
#else
typedef uint8x16_t block;
static inline block load(const void *p) { return vld1q_u8(p); }
static inline block zero(void) { return vdupq_n_u8(0); }
static inline block or2(block a, block b) { return vorrq_u8(a, b); }
static inline block past(block a, block b) { return vqsubq_u8(a, b); }
static inline block past_all(block a, uint8_t b) { return vqsubq_u8(a, vdupq_n_u8(b)); }
static inline bool any_bit(block a) { return vmaxvq_u8(a) != 0; }
static inline bool any_high(block a) { return vmaxvq_u8(a) >= 0x80; }
static inline block behind(block a, block before, int n) {
    return n == 1 ? vextq_u8(before, a, 15) : n == 2 ? vextq_u8(before, a, 14) : vextq_u8(before, a, 13);
}
static inline block errors(block a, block first, block must) {
    block classes = vandq_u8(vqtbl1q_u8(load(first_high), vshrq_n_u8(first, 4)),
                             vqtbl1q_u8(load(first_low), vandq_u8(first, vdupq_n_u8(15))));
    classes = vandq_u8(classes, vqtbl1q_u8(load(second_high), vshrq_n_u8(a, 4)));
    return veorq_u8(vandq_u8(must, vdupq_n_u8(0x80)), classes);
}
#endif

static bool valid(const char *s, size_t n) {
    block before = zero(), wrong = zero(), unfinished = zero();
    for (size_t i = 0; i < n; i += 16) {
        uint8_t rest[16] = {0};
        if (n - i < 16) memcpy(rest, s + i, n - i);
        block a = load(n - i < 16 ? (const void *)rest : (const void *)(s + i));
        if (!any_high(a)) {
            wrong = or2(wrong, unfinished);
            unfinished = zero();
        } else {
            block must = or2(past_all(behind(a, before, 2), 0xe0 - 0x80), past_all(behind(a, before, 3), 0xf0 - 0x80));
            wrong = or2(wrong, errors(a, behind(a, before, 1), must));
            unfinished = past(a, load(whole_last));
        }
        before = a;
        if ((i & 0xff0) == 0xff0 && any_bit(wrong)) return false;
    }
    return !any_bit(or2(wrong, unfinished));
}

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#endif

/* ---- 64 bytes together -------------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw")
#endif
static inline __m512i four(const uint8_t table[16]) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table)); }

/* The errors of 64 bytes and the 64 before them. */
static inline __m512i errors_64(__m512i a, __m512i before) {
    const __m512i low = _mm512_set1_epi8(15), lanes = _mm512_alignr_epi64(a, before, 6); /* of each 16 bytes, the 16 before */
    const __m512i first = _mm512_alignr_epi8(a, lanes, 15), second = _mm512_alignr_epi8(a, lanes, 14);
    const __m512i third = _mm512_alignr_epi8(a, lanes, 13);
    __m512i must = _mm512_or_si512(_mm512_subs_epu8(second, _mm512_set1_epi8(0xe0 - 0x80)),
                                   _mm512_subs_epu8(third, _mm512_set1_epi8(0xf0 - 0x80)));
    __m512i high = _mm512_shuffle_epi8(four(first_high), _mm512_and_si512(_mm512_srli_epi16(first, 4), low));
    __m512i classes = _mm512_and_si512(high, _mm512_shuffle_epi8(four(first_low), _mm512_and_si512(first, low)));
    high = _mm512_shuffle_epi8(four(second_high), _mm512_and_si512(_mm512_srli_epi16(a, 4), low));
    return _mm512_xor_si512(_mm512_and_si512(must, _mm512_set1_epi8((char)0x80)), _mm512_and_si512(classes, high));
}

/* Once a byte is not ASCII, all that follow are looked at as if they were not, for the sake of a steady branch. */
static bool valid_64(const char *s, size_t n, bool *any_nul) {
    __m512i before = _mm512_setzero_si512(), wrong = before;
    uint64_t nul = 0, high = 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t inside = n - i < 64 ? (UINT64_C(1) << (n - i)) - 1 : ~UINT64_C(0);
        __m512i a = _mm512_maskz_loadu_epi8(inside, s + i);
        nul |= _mm512_testn_epi8_mask(a, a) & inside;
        high |= (uint64_t)_mm512_movepi8_mask(a);
        if (high) wrong = _mm512_or_si512(wrong, errors_64(a, before));
        before = a;
        if ((i & 0xfc0) == 0xfc0 && _mm512_test_epi8_mask(wrong, wrong)) return false;
    }
    /* A character that the end cuts off lacks its continuation. */
    wrong = _mm512_or_si512(wrong, errors_64(_mm512_setzero_si512(), before));
    *any_nul = nul != 0;
    return _mm512_test_epi8_mask(wrong, wrong) == 0;
}
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

bool aip__utf8_valid(const char *s, size_t n) {
#if defined(__x86_64__)
    bool any_nul = false;
    if (n >= 64 && aip__cpu() == AIP__CPU_AVX512) return valid_64(s, n, &any_nul);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
    if (n >= 32 && aip__cpu() != AIP__CPU_SCALAR) return valid(s, n);
#endif
    for (size_t i = 0, step; i < n; i += step) {
        if (n - i >= 8 && aip__utf8_is_ascii(s + i, 8)) {
            step = 8;
            continue;
        }
        step = aip__utf8_step(s + i, n - i);
        if (step == 0) return false;
    }
    return true;
}

static bool is_plain(const char *s, size_t n) {
    unsigned char any = 0; /* one less than a NUL has the high bit, too */
    for (size_t i = 0; i < n; i++) any = (unsigned char)(any | (unsigned char)s[i] | ((unsigned char)s[i] - 1u));
    return any < 0x80;
}

bool aip__utf8_is_text(const char *s, size_t n) {
#if defined(__x86_64__)
    bool any_nul = false;
    if (aip__cpu() == AIP__CPU_AVX512) return valid_64(s, n, &any_nul) && !any_nul;
#endif
    return is_plain(s, n) || (aip__utf8_valid(s, n) && !memchr(s, 0, n));
}
