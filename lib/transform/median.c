/* Median by radix selection: four sweeps fix 16 bits each of the value of a given rank. Doubles are compared as integers whose order is the
 * same (sign flipped for positive, all bits for negative), so the worst case is as fast as any. */
#include "transform/median.h"

#include "base/error.h"
#include "base/memory.h"
#include <string.h>

static inline uint64_t to_ordered(double v) {
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double from_ordered(uint64_t bits) {
    double v = 0;
    bits = bits >> 63 ? bits & ~(UINT64_C(1) << 63) : ~bits;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The value of rank k (from 0) in ascending order; counts: 65536 of them. */
static double value_of_rank(const double *values, size_t n, size_t k, size_t *counts) {
    uint64_t known = 0, mask = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        memset(counts, 0, 65536 * sizeof *counts);
        for (size_t i = 0; i < n; i++) {
            uint64_t v = to_ordered(values[i]);
            if ((v & mask) == known) counts[v >> shift & 0xffff]++;
        }
        uint64_t digit = 0;
        while (k >= counts[digit]) k -= counts[digit++];
        known |= digit << shift;
        mask |= UINT64_C(0xffff) << shift;
    }
    return from_ordered(known);
}

int32_t aip__median(aip_context *ctx, const double *values, size_t n, double *out, aip_error **err) {
    size_t *counts = aip__alloc(ctx, 65536 * sizeof *counts);
    if (!counts) return aip__error_memory(ctx, err);
    double upper = value_of_rank(values, n, n / 2, counts);
    *out = n % 2 ? upper : (value_of_rank(values, n, n / 2 - 1, counts) + upper) / 2;
    aip__free(ctx, counts);
    return AIP_OK;
}
