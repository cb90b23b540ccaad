/* Hashes: one for tables (fast, keyed by nothing, the same on every machine), one for content (digests in packages and journals). */
#ifndef AIPIPE_LIB_BASE_HASH_H
#define AIPIPE_LIB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64-bit hash of bytes, little-endian reads, 128-bit multiply folds; the same on every platform and vector level. */
uint64_t aip__hash64(const void *bytes, size_t n, uint64_t seed);
/* Mixes one integer. */
uint64_t aip__hash_u64(uint64_t x, uint64_t seed);
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
