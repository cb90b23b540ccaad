/* Bitmaps as Arrow lays them out: bit i is bit i%8 of byte i/8, 1 is valid or true. Buffers have slack, so whole 8-byte words may be read. */
#ifndef AIPIPE_LIB_BASE_BITMAP_H
#define AIPIPE_LIB_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t aip__bitmap_bytes(int64_t n) { return ((size_t)n + 7) / 8; }
static inline bool aip__bit_get(const uint8_t *bits, int64_t i) { return bits[i >> 3] >> (i & 7) & 1; }
static inline void aip__bit_set(uint8_t *bits, int64_t i) { bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1u << (i & 7)); }
static inline void aip__bit_clear(uint8_t *bits, int64_t i) { bits[i >> 3] = (uint8_t)(bits[i >> 3] & ~(1u << (i & 7))); }
static inline void aip__bit_put(uint8_t *bits, int64_t i, bool v) {
    bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~(1u << (i & 7))) | (unsigned)v << (i & 7));
}
/* NULL is all valid. */
static inline bool aip__valid(const uint8_t *validity, int64_t i) { return !validity || aip__bit_get(validity, i); }
/* The (up to) 64 bits from bit 64*w on, of n in all; bits past n are 0. */
static inline uint64_t aip__bitmap_word(const uint8_t *bits, int64_t w, int64_t n) {
    uint64_t v = 0;
    int64_t left = n - w * 64;
    if (left >= 64) {
        memcpy(&v, bits + w * 8, 8);
        return v;
    }
    memcpy(&v, bits + w * 8, aip__bitmap_bytes(left));
    return v & ((UINT64_C(1) << left) - 1);
}
static inline int64_t aip__bitmap_count(const uint8_t *bits, int64_t n) { /* of ones */
    int64_t c = 0;
    for (int64_t w = 0; w * 64 < n; w++) c += __builtin_popcountll(aip__bitmap_word(bits, w, n));
    return c;
}
/* Of ones among the n bits from `start` on. */
static inline int64_t aip__bitmap_count_range(const uint8_t *bits, int64_t start, int64_t n) {
    int64_t head = start & 7, c = aip__bitmap_count(bits + (start >> 3), head + n);
    return c - aip__bitmap_count(bits + (start >> 3), head);
}
/* Sets all n bits to v; the bits past n in the last byte become 0. */
static inline void aip__bitmap_fill(uint8_t *bits, int64_t n, bool v) {
    memset(bits, v ? 0xff : 0, aip__bitmap_bytes(n));
    if (v && n & 7) bits[n >> 3] = (uint8_t)((1u << (n & 7)) - 1);
}
/* Copies n bits that start at any bit of `from` to bit 0 of `to`; bits past n in the last byte become 0. */
static inline void aip__bitmap_copy(uint8_t *to, const uint8_t *from, int64_t start, int64_t n) {
    size_t bytes = aip__bitmap_bytes(n);
    from += start >> 3;
    unsigned shift = (unsigned)(start & 7);
    if (shift == 0) {
        memcpy(to, from, bytes);
    } else {
        size_t have = aip__bitmap_bytes((start & 7) + n);
        for (size_t i = 0; i < bytes; i++) {
            unsigned next = i + 1 < have ? from[i + 1] : 0u;
            to[i] = (uint8_t)(from[i] >> shift | next << (8 - shift));
        }
    }
    if (n & 7) to[n >> 3] = (uint8_t)(to[n >> 3] & ((1u << (n & 7)) - 1));
}

#endif
