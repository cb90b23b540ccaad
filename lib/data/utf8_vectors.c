/* UTF-8 in registers of 16 bytes (NEON), 32 (AVX2) and 64 (AVX-512): the classes of a byte's two halves and of the half byte behind it, looked up in
 * three tables of 16, name every error of two neighbours by a bit that all three have in common; what is left is whether second and third bytes of
 * a character follow where they must (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021). */
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

#if defined(__aarch64__)
/* A block's last bytes past these want more bytes than the block has. */
static const uint8_t whole_last[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xef, 0xdf, 0xbf};
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
#endif
#endif

/* ---- 32 and 64 bytes together --------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define WIDTH 32
#define OF(name) name##_32

typedef __m256i bytes_32;
static inline __m256i two(const uint8_t table[16]) { return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table)); }

/* The errors of 32 bytes and the 32 before them. */
static inline __attribute__((always_inline)) __m256i errors_32(__m256i a, __m256i before) {
    const __m256i low = _mm256_set1_epi8(15),
                  lanes = _mm256_permute2x128_si256(before, a, 0x21); /* of each 16 bytes, the 16 before */
    const __m256i first = _mm256_alignr_epi8(a, lanes, 15), second = _mm256_alignr_epi8(a, lanes, 14);
    const __m256i third = _mm256_alignr_epi8(a, lanes, 13);
    __m256i must = _mm256_or_si256(_mm256_subs_epu8(second, _mm256_set1_epi8(0xe0 - 0x80)),
                                   _mm256_subs_epu8(third, _mm256_set1_epi8(0xf0 - 0x80)));
    __m256i high = _mm256_shuffle_epi8(two(first_high), _mm256_and_si256(_mm256_srli_epi16(first, 4), low));
    __m256i classes = _mm256_and_si256(high, _mm256_shuffle_epi8(two(first_low), _mm256_and_si256(first, low)));
    high = _mm256_shuffle_epi8(two(second_high), _mm256_and_si256(_mm256_srli_epi16(a, 4), low));
    return _mm256_xor_si256(_mm256_and_si256(must, _mm256_set1_epi8((char)0x80)), _mm256_and_si256(classes, high));
}
static inline __m256i load_32(const char *s) { return _mm256_loadu_si256((const void *)s); }
static inline __m256i rest_32(const char *s, size_t n) {
    char bytes[32];
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, s, n);
    return load_32(bytes);
}
static inline __m256i fill_32(int byte) { return _mm256_set1_epi8((char)byte); }
static inline __m256i or_32(__m256i a, __m256i b) { return _mm256_or_si256(a, b); }
static inline __m256i min_32(__m256i a, __m256i b) { return _mm256_min_epu8(a, b); }
static inline bool high_32(__m256i a) { return _mm256_movemask_epi8(a) != 0; }
static inline bool zero_32(__m256i a) { return _mm256_testz_si256(a, a); }
static inline bool nul_32(__m256i a) { return _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, _mm256_setzero_si256())) != 0; }
#include "data/utf8_body.h"
#undef WIDTH
#undef OF

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw")
#endif
#define WIDTH 64
#define OF(name) name##_64

typedef __m512i bytes_64;
static inline __m512i four(const uint8_t table[16]) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table)); }

/* The errors of 64 bytes and the 64 before them. */
static inline __attribute__((always_inline)) __m512i errors_64(__m512i a, __m512i before) {
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

static inline __m512i load_64(const char *s) { return _mm512_loadu_si512(s); }
static inline __m512i rest_64(const char *s, size_t n) {
    return _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), (UINT64_C(1) << n) - 1, s);
}
static inline __m512i fill_64(int byte) { return _mm512_set1_epi8((char)byte); }
static inline __m512i or_64(__m512i a, __m512i b) { return _mm512_or_si512(a, b); }
static inline __m512i min_64(__m512i a, __m512i b) { return _mm512_min_epu8(a, b); }
static inline bool high_64(__m512i a) { return _mm512_movepi8_mask(a) != 0; }
static inline bool zero_64(__m512i a) { return _mm512_test_epi8_mask(a, a) == 0; }
static inline bool nul_64(__m512i a) { return _mm512_testn_epi8_mask(a, a) != 0; }
#include "data/utf8_body.h"
#undef WIDTH
#undef OF
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
    if (n >= 32 && aip__cpu() == AIP__CPU_AVX2) return valid_32(s, n, &any_nul);
#elif defined(__aarch64__)
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
    if (aip__cpu() == AIP__CPU_AVX2) return valid_32(s, n, &any_nul) && !any_nul;
#endif
    return is_plain(s, n) || (aip__utf8_valid(s, n) && !memchr(s, 0, n));
}
