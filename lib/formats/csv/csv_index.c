/* The structural kernels at every vector level: csv_index_body.h compiled once per instruction set. The portable one, eight words of eight bytes
 * at a time, is the reference that a test holds the others equal to. */
#include "formats/csv/csv_index.h"

#include "base/cpu.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* Behind the last of the marks in text[0..n) that ends a record; 0 when there is none. */
static size_t last_record(const char *text, size_t n, const uint64_t *ends) {
    for (size_t w = (n + 63) / 64; w-- > 0;)
        for (uint64_t m = ends[w]; m;) {
            unsigned at = 63 - (unsigned)__builtin_clzll(m);
            if (text[w * 64 + at] == '\n') return w * 64 + at + 1;
            m ^= UINT64_C(1) << at;
        }
    return 0;
}

/* ---- portable ------------------------------------------------------------------------------------------------------------------------------- */

#define LEVEL(name) scalar_##name
#define LEVEL_NAME "scalar"

typedef struct scalar_text64 {
    uint64_t w[8];
} scalar_text64;

INLINE scalar_text64 scalar_load(const char *p) {
    scalar_text64 v;
    memcpy(v.w, p, 64);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 8; i++) v.w[i] = __builtin_bswap64(v.w[i]);
#endif
    return v;
}
INLINE uint64_t scalar_equal(scalar_text64 v, uint8_t byte) {
    const uint64_t pattern = UINT64_C(0x0101010101010101) * byte, low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t mask = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t x = v.w[i] ^ pattern;
        uint64_t zero = ~(((x & low) + low) | x | low);                        /* high bits of the bytes that are equal */
        mask |= ((zero >> 7) * UINT64_C(0x0102040810204080) >> 56) << (8 * i); /* gathered into one byte */
    }
    return mask;
}
INLINE uint64_t scalar_inside(uint64_t m) {
    for (int shift = 1; shift < 64; shift *= 2) m ^= m << shift;
    return m;
}
INLINE uint32_t scalar_ones(uint64_t m) {
    uint32_t n = 0;
    for (; m; m &= m - 1) n++;
    return n;
}
INLINE uint32_t scalar_put(uint64_t m, uint32_t base, uint32_t *to) {
    uint32_t n = 0;
    for (; m; m &= m - 1) to[n++] = base + (uint32_t)__builtin_ctzll(m);
    return n;
}
#include "formats/csv/csv_index_body.h"
#undef LEVEL
#undef LEVEL_NAME

/* ---- AVX2 and AVX-512 --------------------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,pclmul"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,pclmul")
#endif
#define LEVEL(name) avx2_##name
#define LEVEL_NAME "avx2"

typedef struct avx2_text64 {
    __m256i a, b;
} avx2_text64;

INLINE avx2_text64 avx2_load(const char *p) {
    return (avx2_text64){_mm256_loadu_si256((const void *)p), _mm256_loadu_si256((const void *)(p + 32))};
}
INLINE uint64_t avx2_equal(avx2_text64 v, uint8_t byte) {
    const __m256i pattern = _mm256_set1_epi8((char)byte);
    uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v.a, pattern));
    uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v.b, pattern));
    return a | (uint64_t)b << 32;
}
INLINE uint64_t avx2_inside(uint64_t m) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)m), _mm_set1_epi8(-1), 0));
}
INLINE uint32_t avx2_ones(uint64_t m) { return (uint32_t)_mm_popcnt_u64(m); }
/* Eight at a time, without a branch for each: what is written past the last is overwritten or never read. */
INLINE uint32_t avx2_put(uint64_t m, uint32_t base, uint32_t *to) {
    uint32_t n = avx2_ones(m);
    for (uint32_t k = 0; k < n; k += 8)
        for (uint32_t j = k; j < k + 8; j++) {
            to[j] = base + (uint32_t)_tzcnt_u64(m);
            m = _blsr_u64(m);
        }
    return n;
}
#include "formats/csv/csv_index_body.h"
#undef LEVEL
#undef LEVEL_NAME
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,pclmul,avx512f,avx512bw,avx512vl,avx512vbmi2"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,pclmul,avx512f,avx512bw,avx512vl,avx512vbmi2")
#endif
#define LEVEL(name) avx512_##name
#define LEVEL_NAME "avx512"

typedef __m512i avx512_text64;

INLINE avx512_text64 avx512_load(const char *p) { return _mm512_loadu_si512(p); }
INLINE uint64_t avx512_equal(avx512_text64 v, uint8_t byte) { return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)byte)); }
INLINE uint64_t avx512_inside(uint64_t m) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)m), _mm_set1_epi8(-1), 0));
}
INLINE uint32_t avx512_ones(uint64_t m) { return (uint32_t)_mm_popcnt_u64(m); }
/* The numbers 0 to 63 are compressed by the mask, and widened sixteen at a time. */
INLINE uint32_t avx512_put(uint64_t m, uint32_t base, uint32_t *to) {
    const __m512i numbers = _mm512_set_epi64(0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928, 0x2726252423222120,
                                             0x1f1e1d1c1b1a1918, 0x1716151413121110, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
    const __m512i at = _mm512_set1_epi32((int32_t)base);
    __m512i v = _mm512_maskz_compress_epi8(m, numbers);
    uint32_t n = avx512_ones(m);
    _mm512_storeu_si512(to, _mm512_add_epi32(at, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(v))));
    if (__builtin_expect(n > 16, 0)) {
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(at, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(v, 1))));
        _mm512_storeu_si512(to + 32, _mm512_add_epi32(at, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(v, 2))));
        _mm512_storeu_si512(to + 48, _mm512_add_epi32(at, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(v, 3))));
    }
    return n;
}
#include "formats/csv/csv_index_body.h"
#undef LEVEL
#undef LEVEL_NAME
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* ---- NEON ------------------------------------------------------------------------------------------------------------------------------------ */

#define LEVEL(name) neon_##name
#define LEVEL_NAME "neon"

typedef uint8x16x4_t neon_text64;

INLINE neon_text64 neon_load(const char *p) {
    const uint8_t *b = (const uint8_t *)p;
    return (neon_text64){{vld1q_u8(b), vld1q_u8(b + 16), vld1q_u8(b + 32), vld1q_u8(b + 48)}};
}
/* Each byte's bit in its group of eight, added pairwise three times. */
INLINE uint64_t neon_equal(neon_text64 v, uint8_t byte) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t pattern = vdupq_n_u8(byte), bit = vld1q_u8(bits);
    uint8x16_t a = vandq_u8(vceqq_u8(v.val[0], pattern), bit), b = vandq_u8(vceqq_u8(v.val[1], pattern), bit);
    uint8x16_t c = vandq_u8(vceqq_u8(v.val[2], pattern), bit), e = vandq_u8(vceqq_u8(v.val[3], pattern), bit);
    uint8x16_t sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, e));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)), 0);
}
INLINE uint64_t neon_inside(uint64_t m) { return scalar_inside(m); }
INLINE uint32_t neon_ones(uint64_t m) { return (uint32_t)__builtin_popcountll(m); }
INLINE uint32_t neon_put(uint64_t m, uint32_t base, uint32_t *to) { return scalar_put(m, base, to); }
#include "formats/csv/csv_index_body.h"
#undef LEVEL
#undef LEVEL_NAME

#endif

const aip__csv_kernels *aip__csv_kernels_now(void) {
#if defined(__x86_64__)
    if (aip__cpu_has_vbmi2()) return &avx512_kernels;
    if (aip__cpu() >= AIP__CPU_AVX2) return &avx2_kernels;
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (aip__cpu() == AIP__CPU_NEON) return &neon_kernels;
#endif
    return &scalar_kernels;
}
