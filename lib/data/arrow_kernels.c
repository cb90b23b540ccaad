/* The loops over rows of imported arrays, written for the compiler to turn into vectors: each looks at all rows and gives one answer, without a
 * branch on what it finds. Which row is to blame is looked for elsewhere, when the answer is no. */
#include "base/bitmap.h"
#include "data/arrow_inside.h"

static inline int32_t load32(const uint8_t *p) {
    int32_t v = 0;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline int64_t load64(const uint8_t *p) {
    int64_t v = 0;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The n (1 to 64) bits from any bit on, the first one lowest. */
static inline uint64_t bits_from(const uint8_t *bits, int64_t at, int64_t n) {
    unsigned head = (unsigned)(at & 7);
    size_t bytes = ((size_t)head + (size_t)n + 7) / 8; /* up to 9 */
    uint64_t v = 0;
    bits += at >> 3;
    if (bytes >= 8)
        memcpy(&v, bits, 8);
    else
        memcpy(&v, bits, bytes);
    v >>= head;
    if (bytes > 8) v |= (uint64_t)bits[8] << (64 - head);
    return n < 64 ? v & ((UINT64_C(1) << n) - 1) : v;
}

/* The rows of 64 from i on that are null, as bits. */
static inline uint64_t nulls_of(const uint8_t *validity, int64_t start, int64_t i, int64_t n) {
    int64_t m = n - i < 64 ? n - i : 64;
    uint64_t all = m < 64 ? (UINT64_C(1) << m) - 1 : ~UINT64_C(0);
    return ~bits_from(validity, start + i, m) & all;
}

bool aip__arrow_zero_at_nulls(const uint8_t *values, size_t width, const uint8_t *validity, int64_t start, int64_t n) {
    int64_t any = 0;
    if (!validity) return true;
    for (int64_t i = 0; i < n; i += 64)
        for (uint64_t nulls = nulls_of(validity, start, i, n); nulls; nulls &= nulls - 1) {
            const uint8_t *p = values + (size_t)(i + __builtin_ctzll(nulls)) * width;
            any |= width == 8 ? load64(p) : load32(p);
        }
    return any == 0;
}

bool aip__arrow_rises(const uint8_t *offsets, size_t width, int64_t n) {
    bool falls = false;
    if (width == 8)
        for (int64_t i = 0; i < n; i++) falls |= load64(offsets + (size_t)i * 8 + 8) < load64(offsets + (size_t)i * 8);
    else
        for (int64_t i = 0; i < n; i++) falls |= load32(offsets + (size_t)i * 4 + 4) < load32(offsets + (size_t)i * 4);
    return !falls;
}

bool aip__arrow_empty_at_nulls(const uint8_t *offsets, size_t width, const uint8_t *validity, int64_t start, int64_t n) {
    int64_t any = 0;
    if (!validity) return true;
    for (int64_t i = 0; i < n; i += 64)
        for (uint64_t nulls = nulls_of(validity, start, i, n); nulls; nulls &= nulls - 1) {
            const uint8_t *p = offsets + (size_t)(i + __builtin_ctzll(nulls)) * width;
            any |= width == 8 ? load64(p + 8) ^ load64(p) : (int64_t)(load32(p + 4) ^ load32(p));
        }
    return any == 0;
}

void aip__arrow_rebase(const uint8_t *offsets, size_t width, int64_t first, int64_t n, int32_t *to) {
    uint32_t low = (uint32_t)first;
    if (width == 8)
        for (int64_t i = 0; i <= n; i++) to[i] = (int32_t)((uint32_t)load64(offsets + (size_t)i * 8) - low);
    else
        for (int64_t i = 0; i <= n; i++) to[i] = (int32_t)((uint32_t)load32(offsets + (size_t)i * 4) - low);
}

bool aip__arrow_codes_below(const uint8_t *codes, int64_t n, uint32_t n_codes) {
    bool above = false;
    for (int64_t i = 0; i < n; i++) above |= (uint32_t)load32(codes + (size_t)i * 4) >= n_codes;
    return !above;
}

bool aip__arrow_recode(int32_t *values, int64_t n, const int32_t *codes) {
    int32_t any = 0;
    for (int64_t i = 0; i < n; i++) any |= values[i] = codes[values[i]];
    return any >= 0;
}

bool aip__arrow_no_sign(const uint8_t *values, int64_t n) {
    int64_t any = 0;
    for (int64_t i = 0; i < n; i++) any |= load64(values + (size_t)i * 8);
    return any >= 0;
}

bool aip__arrow_times(const uint8_t *values, int64_t n, int64_t unit, int64_t *to) {
    uint64_t most = (uint64_t)(INT64_MAX / unit), u = (uint64_t)unit;
    bool over = false;
    for (int64_t i = 0; i < n; i++) {
        uint64_t v = (uint64_t)load64(values + (size_t)i * 8);
        over |= v + most > 2 * most; /* outside of [-most, most] */
        to[i] = (int64_t)(v * u);
    }
    return !over;
}

bool aip__arrow_by_thousand(const uint8_t *values, int64_t n, int64_t *to) {
    bool rest = false;
    for (int64_t i = 0; i < n; i++) {
        int64_t v = load64(values + (size_t)i * 8);
        to[i] = v / 1000;
        rest |= to[i] * 1000 != v;
    }
    return !rest;
}

bool aip__arrow_low_halves(const uint8_t *values, int64_t n, int64_t *to) {
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t low = load64(values + (size_t)i * 16), high = load64(values + (size_t)i * 16 + 8);
        to[i] = low;
        wrong |= high ^ (low < 0 ? -1 : 0);
    }
    return wrong == 0;
}

#define WIDEN(NAME, FROM, TO)                                                \
    void aip__arrow_widen_##NAME(const uint8_t *from, int64_t n, void *to) { \
        for (int64_t i = 0; i < n; i++) {                                    \
            FROM v = 0;                                                      \
            memcpy(&v, from + (size_t)i * sizeof v, sizeof v);               \
            ((TO *)to)[i] = (TO)v;                                           \
        }                                                                    \
    }
WIDEN(i8, int8_t, int32_t)
WIDEN(u8, uint8_t, int32_t)
WIDEN(i16, int16_t, int32_t)
WIDEN(u16, uint16_t, int32_t)
WIDEN(u32, uint32_t, int64_t)

/* IEEE 754 binary16: 5 bits of exponent, 10 of fraction. */
static float float_from_half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff, bits = 0;
    if (exponent == 0) {
        float v = (float)fraction * 0x1p-24f;
        return sign ? -v : v;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    float v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void aip__arrow_widen_half(const uint8_t *from, int64_t n, void *to) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = 0;
        memcpy(&h, from + (size_t)i * 2, 2);
        ((float *)to)[i] = float_from_half(h);
    }
}
