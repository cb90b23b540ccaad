/* UTF-8 in registers of 16 bytes: the classes of a byte's two halves and of the half byte behind it, looked up in three tables of 16, name every
 * error of two neighbours by a bit that all three have in common; what is left is whether second and third bytes of a character follow where
 * they must (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021). */
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

bool aip__utf8_valid(const char *s, size_t n) {
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
