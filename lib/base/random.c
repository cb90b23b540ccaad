/* Random numbers. Counter-based: SplitMix64's finaliser (Steele, Lea, Flood 2014) over seed and ordinal, twice, so that neighbouring seeds
 * and ordinals are independent. MT19937: Matsumoto and Nishimura, "Mersenne Twister" (1998), with NumPy's legacy seeding and draws. */
#include "base/random.h"

#define N 624
#define M 397

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t aip__random_at(uint64_t seed, uint64_t ordinal) {
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mix(seed + golden);
    return mix(key ^ mix(ordinal * golden + key));
}

void aip__mt_seed(aip__mt19937 *mt, uint32_t seed) {
    mt->state[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t before = mt->state[i - 1];
        mt->state[i] = UINT32_C(1812433253) * (before ^ (before >> 30)) + i;
    }
    mt->position = N;
}

static uint32_t twist(uint32_t upper, uint32_t lower) {
    uint32_t y = (upper & UINT32_C(0x80000000)) | (lower & UINT32_C(0x7fffffff));
    return (y >> 1) ^ ((y & 1) ? UINT32_C(0x9908b0df) : 0);
}

static void refill(aip__mt19937 *mt) {
    uint32_t *s = mt->state;
    int i = 0;
    for (; i < N - M; i++) s[i] = s[i + M] ^ twist(s[i], s[i + 1]);
    for (; i < N - 1; i++) s[i] = s[i + M - N] ^ twist(s[i], s[i + 1]);
    s[N - 1] = s[M - 1] ^ twist(s[N - 1], s[0]);
    mt->position = 0;
}

uint32_t aip__mt_u32(aip__mt19937 *mt) {
    if (mt->position >= N) refill(mt);
    uint32_t y = mt->state[mt->position++];
    y ^= y >> 11;
    y ^= (y << 7) & UINT32_C(0x9d2c5680);
    y ^= (y << 15) & UINT32_C(0xefc60000);
    return y ^ (y >> 18);
}

static uint64_t mt_u64(aip__mt19937 *mt) {
    uint64_t high = aip__mt_u32(mt);
    return (high << 32) | aip__mt_u32(mt);
}

uint64_t aip__mt_interval(aip__mt19937 *mt, uint64_t max) {
    if (max == 0) return 0; /* no draw */
    uint64_t mask = UINT64_MAX >> __builtin_clzll(max), value = 0;
    do { value = (max <= UINT32_MAX ? aip__mt_u32(mt) : mt_u64(mt)) & mask; } while (value > max);
    return value;
}

double aip__mt_double(aip__mt19937 *mt) {
    uint32_t a = aip__mt_u32(mt) >> 5, b = aip__mt_u32(mt) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
}

void aip__mt_permutation_i64(aip__mt19937 *mt, int64_t *order, int64_t n) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        uint64_t j = aip__mt_interval(mt, (uint64_t)i);
        int64_t swap = order[j];
        order[j] = order[i];
        order[i] = swap;
    }
}

void aip__mt_permutation_u32(aip__mt19937 *mt, uint32_t *order, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint32_t i = n; i-- > 1;) {
        uint64_t j = aip__mt_interval(mt, i);
        uint32_t swap = order[j];
        order[j] = order[i];
        order[i] = swap;
    }
}
