/* The hot loops of the stages over numbers: moments, scaling, looking for NaN. Each works on eight lanes in a fixed order, so that every
 * vector level (and the plain C that others fall back to) gives the same bits. */
#ifndef AIPIPE_LIB_TRANSFORM_KERNELS_H
#define AIPIPE_LIB_TRANSFORM_KERNELS_H

#include "data/column.h"

#define AIP__KERNEL_ROWS 2048 /* of a block: 16 KiB of float64, which stay in L1 between two sweeps */

/* Count, mean and sum of squared distances from the mean, of the values that are there. */
typedef struct aip__moments {
    int64_t n;
    double mean, m2;
} aip__moments;

/* Adds rows of a numeric or bool column; nulls and NaN are left out. scale: of a decimal64. Returns the number of rows taken in: fewer than the
 * length when the row of that index is infinite or too large for its square to be summed; then the moments are of no use. */
int64_t aip__moments_add(aip__moments *m, const aip__column *c, int32_t scale);
/* Chan, Golub, LeVeque 1979: moments of both. */
void aip__moments_merge(aip__moments *into, const aip__moments *from);

/* Rows [start, start + n) as float64, nulls as NaN; n <= AIP__KERNEL_ROWS, start a multiple of 64. Either within the column, or in scratch. */
const double *aip__block_f64(const aip__column *c, int32_t scale, int64_t start, int64_t n, double *scratch);

/* out[i] = (x[i] - mean) / scale; returns whether any x[i] is NaN. */
bool aip__scale_f64(const double *x, int64_t n, double mean, double scale, double *out);

/* Of numbers that lie side by side, each with its own: out[i] = (x[i] - mean[i]) / scale[i]; and x[i], or fill[i] where it is NaN. */
void aip__scale_each_f64(const double *x, int64_t n, const double *mean, const double *scale, double *out);
void aip__fill_each_f64(const double *x, int64_t n, const double *fill, double *out);
/* Of rows of n_columns numbers each, not aligned, stride bytes apart: the same, column k into out + k * capacity. */
void aip__scale_rows_f64(const uint8_t *rows, size_t stride, int32_t n_rows, int32_t n_columns, const double *mean,
                         const double *scale, double *out, int32_t capacity);
/* x[i], or `fill` where it is NaN. */
void aip__fill_f64(const double *x, int64_t n, double fill, double *out);

/* Clears the bits of rows that are null (and, for floats with nan_too, NaN) in bits of all rows; returns whether any was. */
bool aip__clear_missing(const aip__column *c, bool nan_too, uint8_t *bits);

#endif
