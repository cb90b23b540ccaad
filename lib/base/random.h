/* Random numbers. Counter-based draws keyed by (seed, ordinal) for everything that runs over rows; NumPy's legacy Mersenne Twister where a
 * result must equal scikit-learn's. */
#ifndef AIPIPE_LIB_BASE_RANDOM_H
#define AIPIPE_LIB_BASE_RANDOM_H

#include <stdint.h>

/* 64 uniform bits for (seed, ordinal). */
uint64_t aip__random_at(uint64_t seed, uint64_t ordinal);

/* MT19937 (Matsumoto and Nishimura 1998), seeded and drawn from as numpy.random.RandomState(seed). */
typedef struct aip__mt19937 {
    uint32_t state[624];
    int32_t position;
} aip__mt19937;
void aip__mt_seed(aip__mt19937 *mt, uint32_t seed);
uint32_t aip__mt_u32(aip__mt19937 *mt);
/* In [0, max], by masked rejection, as RandomState.shuffle and .permutation draw (legacy rk_interval). */
uint64_t aip__mt_interval(aip__mt19937 *mt, uint64_t max);
double aip__mt_double(aip__mt19937 *mt); /* random_sample(): [0, 1), 53 bits */
/* RandomState(seed).permutation(n) into order[0..n-1]. */
void aip__mt_permutation_i64(aip__mt19937 *mt, int64_t *order, int64_t n);
void aip__mt_permutation_u32(aip__mt19937 *mt, uint32_t *order, uint32_t n);

#endif
