/* Least-significant-digit radix sort of doubles: bits are flipped so that unsigned order is numeric order; eight digits of a byte, counted in one
 * sweep; a digit that all values share is skipped. */
#include "math/sort_f64.h"

#include <stdint.h>
#include <string.h>

static uint64_t ordered(double v) {
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}

void aip__sort_f64(double *v, double *scratch, size_t n) {
    size_t counts[8][256];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < n; i++) {
        uint64_t u = ordered(v[i]);
        for (int d = 0; d < 8; d++) counts[d][u >> (8 * d) & 255]++;
    }
    double *from = v, *to = scratch;
    for (int d = 0; d < 8; d++) {
        size_t at = 0, start[256];
        int used = 0;
        for (int b = 0; b < 256; b++) {
            start[b] = at;
            at += counts[d][b];
            used += counts[d][b] > 0;
        }
        if (used < 2) continue;
        for (size_t i = 0; i < n; i++) to[start[ordered(from[i]) >> (8 * d) & 255]++] = from[i];
        double *swap = from;
        from = to;
        to = swap;
    }
    if (from != v) memcpy(v, from, n * sizeof *v);
}
