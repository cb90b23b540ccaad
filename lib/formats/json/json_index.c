/* The structural index of JSON text, after Langdale and Lemire, "Parsing gigabytes of JSON per second" (2019): 64 bytes at a time as bit masks;
 * what backslashes escape by carrying odd runs, strings by a prefix exclusive-or of the quotes (a carry-less multiplication by all ones where
 * there is one). Here it serves one question: where in a file of any layout a record ends. A record's bracket is the one that brings
 * the depth back to zero; most blocks cannot hold one, which two population counts tell. */
#include "formats/json/json.h"

#include "base/cpu.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Bytes that a backslash escapes: each takes the byte behind it along, which is then no backslash of its own. */
static inline uint64_t escaped(uint64_t backslash, uint64_t *carry) {
    uint64_t out = *carry;
    *carry = 0;
    for (uint64_t left = backslash & ~out; left != 0;) {
        uint64_t one = left & (0 - left);
        *carry = one >> 63;
        out |= one << 1;
        left &= ~(one | one << 1);
    }
    return out;
}

static inline uint64_t prefix_xor(uint64_t m) {
    m ^= m << 1;
    m ^= m << 2;
    m ^= m << 4;
    m ^= m << 8;
    m ^= m << 16;
    return m ^ m << 32;
}

typedef struct classes {
    uint64_t quote, backslash, open, close;
} classes;

#define INDEX_LOOP(classify, prefix)                            \
    for (size_t b = 0; b < n_blocks; b++) {                     \
        classes c = classify(p + 64 * b);                       \
        uint64_t e = escaped(c.backslash, &carry->escape);      \
        uint64_t inside = prefix(c.quote & ~e) ^ carry->string; \
        carry->string = (uint64_t)((int64_t)inside >> 63);      \
        out->open[b] = c.open & ~(inside | e);                  \
        out->close[b] = c.close & ~(inside | e);                \
    }

/* ---- scalar: the reference ------------------------------------------------------------------------------------------------------------------ */

static inline classes classify_scalar(const char *p) {
    classes c = {0};
    for (unsigned i = 0; i < 64; i++) {
        char x = p[i];
        c.quote |= (uint64_t)(x == '"') << i;
        c.backslash |= (uint64_t)(x == '\\') << i;
        c.open |= (uint64_t)(x == '{' || x == '[') << i;
        c.close |= (uint64_t)(x == '}' || x == ']') << i;
    }
    return c;
}

static void index_scalar(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out) {
    INDEX_LOOP(classify_scalar, prefix_xor)
}

/* '[' and '{', ']' and '}' differ in one bit, 0x20, and no other byte meets them in it but 0x7b and 0x7d themselves. */

#if defined(__aarch64__)

static inline uint64_t neon_mask(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
    const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, bits), vandq_u8(b, bits)), cd = vpaddq_u8(vandq_u8(c, bits), vandq_u8(d, bits));
    ab = vpaddq_u8(ab, cd);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(ab, ab)), 0);
}

static inline classes classify_neon(const char *p) {
    uint8x16_t v[4], low[4];
    for (int i = 0; i < 4; i++) {
        v[i] = vld1q_u8((const uint8_t *)p + 16 * i);
        low[i] = vorrq_u8(v[i], vdupq_n_u8(0x20));
    }
#define EACH(x, byte)                                                                                               \
    neon_mask(vceqq_u8(x[0], vdupq_n_u8(byte)), vceqq_u8(x[1], vdupq_n_u8(byte)), vceqq_u8(x[2], vdupq_n_u8(byte)), \
              vceqq_u8(x[3], vdupq_n_u8(byte)))
    return (classes){EACH(v, '"'), EACH(v, '\\'), EACH(low, '{'), EACH(low, '}')};
#undef EACH
}

static void index_neon(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out) {
    INDEX_LOOP(classify_neon, prefix_xor)
}

#endif

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,pclmul,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,pclmul")))

#define CARRYLESS(m) \
    (uint64_t) _mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)(m)), _mm_set1_epi8((char)0xff), 0))

static inline AVX2 uint64_t prefix_avx2(uint64_t m) { return CARRYLESS(m); }

static inline AVX2 classes classify_avx2(const char *p) {
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p),
                  b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32)), space = _mm256_set1_epi8(0x20);
    const __m256i la = _mm256_or_si256(a, space), lb = _mm256_or_si256(b, space);
#define EACH(x, y, byte)                                                                    \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(byte))) \
     | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(y, _mm256_set1_epi8(byte))) << 32)
    return (classes){EACH(a, b, '"'), EACH(a, b, '\\'), EACH(la, lb, '{'), EACH(la, lb, '}')};
#undef EACH
}

static AVX2 void index_avx2(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out) {
    INDEX_LOOP(classify_avx2, prefix_avx2)
}

static inline AVX512 uint64_t prefix_avx512(uint64_t m) { return CARRYLESS(m); }

static inline AVX512 classes classify_avx512(const char *p) {
    const __m512i v = _mm512_loadu_si512(p), low = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
    return (classes){_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')),
                     _mm512_cmpeq_epi8_mask(low, _mm512_set1_epi8('{')), _mm512_cmpeq_epi8_mask(low, _mm512_set1_epi8('}'))};
}

static AVX512 void index_avx512(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out) {
    INDEX_LOOP(classify_avx512, prefix_avx512)
}

#endif

void aip__json_index(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out) {
    switch (aip__cpu()) {
#if defined(__x86_64__)
    case AIP__CPU_AVX512:
        if (__builtin_cpu_supports("pclmul")) {
            index_avx512(p, n_blocks, carry, out);
            return;
        }
        break;
    case AIP__CPU_AVX2:
        if (__builtin_cpu_supports("pclmul")) {
            index_avx2(p, n_blocks, carry, out);
            return;
        }
        break;
#elif defined(__aarch64__)
    case AIP__CPU_NEON: index_neon(p, n_blocks, carry, out); return;
#endif
    default: break;
    }
    index_scalar(p, n_blocks, carry, out);
}

/* ---- lines --------------------------------------------------------------------------------------------------------------------------------------- */

static size_t count_bytewise(const char *p, size_t n) {
    size_t lines = 0;
    while (n > 0) { /* runs whose count fits a byte, so that vectors of bytes do */
        size_t run = n < 255 ? n : 255;
        uint8_t some = 0;
        for (size_t i = 0; i < run; i++) some = (uint8_t)(some + (p[i] == '\n'));
        lines += some;
        p += run;
        n -= run;
    }
    return lines;
}

#if defined(__x86_64__)

static AVX2 size_t count_avx2(const char *p, size_t n) {
    const __m256i feed = _mm256_set1_epi8('\n');
    size_t lines = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 32));
        uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, feed));
        uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, feed));
        lines += (size_t)__builtin_popcountll((uint64_t)high << 32 | low);
    }
    return lines + count_bytewise(p + i, n - i);
}

#endif

size_t aip__json_count_lines(const char *p, size_t n) {
#if defined(__x86_64__)
    if (aip__cpu() >= AIP__CPU_AVX2) return count_avx2(p, n);
#endif
    return count_bytewise(p, n);
}

/* ---- where records end -------------------------------------------------------------------------------------------------------------------------- */

typedef struct search {
    aip__json_cut *out;
    const char *text;
    int64_t depth, max_rows;
    bool list, done;
} search;

/* A block in which the depth may come back to zero. */
static void look_closely(search *s, uint64_t open, uint64_t close, size_t at) {
    for (uint64_t both = open | close; both != 0; both &= both - 1) {
        unsigned i = (unsigned)__builtin_ctzll(both);
        if (open >> i & 1) {
            s->depth++;
            continue;
        }
        if (s->depth == 0 && s->list && s->text[at + i] == ']') {
            s->out->n = at + i;
            s->out->ended = s->done = true;
            return;
        }
        s->depth -= s->depth > 0;
        if (s->depth > 0) continue;
        s->out->n = at + i + 1;
        if (++s->out->rows == s->max_rows) {
            s->done = true;
            return;
        }
    }
}

void aip__json_find_cut(const char *text, size_t n, bool list, int64_t max_rows, aip__json_cut *out) {
    aip__json_carry carry = {0};
    aip__json_masks masks;
    search s = {.out = out, .text = text, .max_rows = max_rows, .list = list};
    *out = (aip__json_cut){0};
    for (size_t at = 0; at < n && !s.done;) {
        size_t blocks = (n - at + 63) / 64;
        if (blocks > AIP__JSON_INDEX_BLOCKS) blocks = AIP__JSON_INDEX_BLOCKS;
        aip__json_index(text + at, blocks, &carry, &masks);
        for (size_t b = 0; b < blocks && !s.done; b++, at += 64) {
            uint64_t open = masks.open[b], close = masks.close[b];
            int n_open = __builtin_popcountll(open), n_close = __builtin_popcountll(close);
            if (s.depth > n_close)
                s.depth += n_open - n_close;
            else if ((open | close) != 0)
                look_closely(&s, open, close, at);
        }
    }
}

const char *aip__json_junk_end(const char *p, const char *end, bool list) {
    bool string = false;
    int64_t depth = 0;
    for (const char *start = p; p < end; p++) {
        char c = *p;
        if (c == '\\') {
            p++;
        } else if (c == '"') {
            string = !string;
        } else if (string) {
            continue;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (--depth <= 0) return p + 1;
        } else if (c == ',' && list && depth == 0 && p > start) {
            return p;
        }
    }
    return end;
}
