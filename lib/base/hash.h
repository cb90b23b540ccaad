/* Hashes: one for tables (fast, keyed by nothing, the same on every machine), one for content (digests in packages and journals). */
#ifndef AIPIPE_LIB_BASE_HASH_H
#define AIPIPE_LIB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 aip__u128;

/* 64 x 64 -> 128 bit product, its halves folded together: the one mixing step. */
static inline uint64_t aip__hash_fold(uint64_t a, uint64_t b) {
    aip__u128 p = (aip__u128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t aip__hash_load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline uint64_t aip__hash_load32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

#define AIP__HASH_K0 UINT64_C(0x9e3779b97f4a7c15) /* digits of the golden ratio */
#define AIP__HASH_K1 UINT64_C(0xb7e151628aed2a6b) /* of e, made odd */
#define AIP__HASH_K2 UINT64_C(0x243f6a8885a308d3) /* of pi */

static inline uint64_t aip__hash_end(uint64_t a, uint64_t b, size_t n, uint64_t seed) {
    return aip__hash_fold(aip__hash_fold(a ^ AIP__HASH_K1, b ^ seed) ^ AIP__HASH_K2, (uint64_t)n ^ AIP__HASH_K0);
}

uint64_t aip__hash64_long(const uint8_t *p, size_t n, uint64_t seed); /* n > 16 */

/* 64-bit hash of bytes, little-endian reads, 128-bit multiply folds (the idea of Wang Yi's wyhash); the same on every platform and vector
 * level. Up to 16 bytes run inline: two overlapping loads, two multiplies. Not for hostile keys without a secret seed. */
static inline uint64_t aip__hash64(const void *bytes, size_t n, uint64_t seed) {
    const uint8_t *p = (const uint8_t *)bytes;
    seed ^= aip__hash_fold(seed ^ AIP__HASH_K0, AIP__HASH_K1);
    if (n > 16) return aip__hash64_long(p, n, seed);
    if (n >= 8) return aip__hash_end(aip__hash_load64(p), aip__hash_load64(p + n - 8), n, seed);
    if (n >= 4) return aip__hash_end(aip__hash_load32(p), aip__hash_load32(p + n - 4), n, seed);
    if (n > 0) return aip__hash_end(((uint64_t)p[0] << 16) | ((uint64_t)p[n >> 1] << 8) | p[n - 1], 0, n, seed);
    return aip__hash_end(0, 0, 0, seed);
}
/* Mixes one integer. */
static inline uint64_t aip__hash_u64(uint64_t x, uint64_t seed) {
    seed ^= aip__hash_fold(seed ^ AIP__HASH_K0, AIP__HASH_K1);
    return aip__hash_end(x, x, 8, seed);
}
/* MurmurHash3 x86 32 (public domain algorithm by Austin Appleby), as feature hashing needs. */
uint32_t aip__murmur3_32(const void *bytes, size_t n, uint32_t seed);

/* SHA-256 (FIPS 180-4), for content digests. */
typedef struct aip__sha256 {
    uint32_t h[8];
    uint64_t n;
    uint8_t block[64];
} aip__sha256;
void aip__sha256_init(aip__sha256 *s);
void aip__sha256_add(aip__sha256 *s, const void *bytes, size_t n);
void aip__sha256_end(aip__sha256 *s, uint8_t digest[32]);

#endif
