/* Hashes over more than a few bytes: the long path of the table hash (three independent multiply chains over 48 bytes), MurmurHash3 x86 32
 * (Austin Appleby, public domain algorithm), SHA-256 (FIPS 180-4). */
#include "base/hash.h"

uint64_t aip__hash64_long(const uint8_t *p, size_t n, uint64_t seed) {
    size_t left = n;
    if (left > 48) {
        uint64_t s1 = seed, s2 = seed;
        do {
            seed = aip__hash_fold(aip__hash_load64(p) ^ AIP__HASH_K0, aip__hash_load64(p + 8) ^ seed);
            s1 = aip__hash_fold(aip__hash_load64(p + 16) ^ AIP__HASH_K1, aip__hash_load64(p + 24) ^ s1);
            s2 = aip__hash_fold(aip__hash_load64(p + 32) ^ AIP__HASH_K2, aip__hash_load64(p + 40) ^ s2);
            p += 48;
            left -= 48;
        } while (left > 48);
        seed ^= s1 ^ (s2 << 1 | s2 >> 63);
    }
    while (left > 16) {
        seed = aip__hash_fold(aip__hash_load64(p) ^ AIP__HASH_K0, aip__hash_load64(p + 8) ^ seed);
        p += 16;
        left -= 16;
    }
    return aip__hash_end(aip__hash_load64(p + left - 16), aip__hash_load64(p + left - 8), n, seed);
}

static uint32_t rotl32(uint32_t x, int by) { return (x << by) | (x >> (32 - by)); }
static uint32_t rotr32(uint32_t x, int by) { return (x >> by) | (x << (32 - by)); }

static uint32_t murmur_block(uint32_t k) { return rotl32(k * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593); }

uint32_t aip__murmur3_32(const void *bytes, size_t n, uint32_t seed) {
    const uint8_t *p = bytes;
    uint32_t h = seed, tail = 0;
    size_t left = n;
    for (; left >= 4; p += 4, left -= 4)
        h = rotl32(h ^ murmur_block((uint32_t)aip__hash_load32(p)), 13) * 5 + UINT32_C(0xe6546b64);
    if (left >= 3) tail |= (uint32_t)p[2] << 16;
    if (left >= 2) tail |= (uint32_t)p[1] << 8;
    if (left >= 1) h ^= murmur_block(tail | p[0]);
    h ^= (uint32_t)n;
    h = (h ^ (h >> 16)) * UINT32_C(0x85ebca6b);
    h = (h ^ (h >> 13)) * UINT32_C(0xc2b2ae35);
    return h ^ (h >> 16);
}

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha_block(uint32_t h[8], const uint8_t *p) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotr32(w[i - 15], 7) ^ rotr32(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotr32(w[i - 2], 17) ^ rotr32(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t v[8];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0], e = v[4];
        uint32_t t1 = v[7] + (rotr32(e, 6) ^ rotr32(e, 11) ^ rotr32(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + sha_k[i] + w[i];
        uint32_t t2 = (rotr32(a, 2) ^ rotr32(a, 13) ^ rotr32(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[0] = t1 + t2;
        v[4] += t1;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

void aip__sha256_init(aip__sha256 *s) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memset(s, 0, sizeof *s);
    memcpy(s->h, start, sizeof s->h);
}

void aip__sha256_add(aip__sha256 *s, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    size_t held = (size_t)(s->n % 64);
    s->n += n;
    if (n == 0) return;
    if (held > 0) {
        size_t take = 64 - held < n ? 64 - held : n;
        memcpy(s->block + held, p, take);
        p += take;
        n -= take;
        if (held + take < 64) return;
        sha_block(s->h, s->block);
    }
    for (; n >= 64; p += 64, n -= 64) sha_block(s->h, p);
    memcpy(s->block, p, n);
}

void aip__sha256_end(aip__sha256 *s, uint8_t digest[32]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->n * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    size_t held = (size_t)(s->n % 64);
    aip__sha256_add(s, padding, held < 56 ? 56 - held : 120 - held);
    aip__sha256_add(s, length, sizeof length);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}
