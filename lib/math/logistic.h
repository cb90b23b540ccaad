/* Kernels of logistic regression over blocks of 128 rows that lie column by column (data/matrix.h). Each comes in one version per vector level,
 * chosen by base/cpu.h; all give the same bits: row i of a block always adds to lane i % 8, and lanes meet only in aip__lanes_sum.
 *
 * Trainers work in scaled coordinates z = (x - mean) * inverse, made on the way through each block and never stored for the whole matrix.
 * `width` columns of z: the features, then the intercept's column (ones, or zeros without intercept), then zeros up to a multiple of 4.
 *
 *   z, s            width * 128 values: the scaled block and its weighted copy
 *   gradient        width * 8 lanes
 *   hessian         for each 4 x 4 tile of the lower triangle (tile row i, tile column j <= i, at i (i + 1) / 2 + j): 16 entries * 8 lanes */
#ifndef AIPIPE_LIB_MATH_LOGISTIC_H
#define AIPIPE_LIB_MATH_LOGISTIC_H

#include "base/cpu.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIP__LANES 8
#define AIP__KERNEL_ROWS 128

typedef struct aip__logistic_point { /* where a pass is evaluated */
    int32_t n_features, width;
    const double *mean, *inverse; /* n_features */
    const double *theta;          /* width; [n_features] is the intercept */
    bool intercept;
    bool weighted;           /* by class: */
    double weight0, weight1; /* of rows whose y is 0, 1 */
} aip__logistic_point;

typedef enum { AIP__S_NONE, AIP__S_WEIGHT, AIP__S_ROOT } aip__logistic_s; /* s = nothing, w z, sqrt(w) z; w = weight p (1 - p) */

typedef struct aip__logistic_kernels {
    /* One block of n_rows <= 128 rows (the rest is padding): makes z and s, adds to gradient and to loss (8 lanes). y is 0 or 1. s_stride: from
     * one column of s to the next. */
    void (*block)(const aip__logistic_point *at, const double *x, const double *y, int32_t n_rows, aip__logistic_s kind,
                  double *z, double *s, size_t s_stride, double *gradient, double *loss);
    /* hessian += s'z */
    void (*tiles)(int32_t width, const double *z, const double *s, double *hessian);
    /* Per column of a block: sum of its rows, and of the squared distances from their mean. */
    void (*moments)(int32_t n_features, const double *x, int32_t n_rows, double *sum, double *m2);
    /* probability = sigmoid(intercept + sum of coef * x), features in order; 128 of them. */
    void (*predict)(int32_t n_features, const double *x, const double *coef, double intercept, double *probability);
    /* The same in parts: margin += sum of coef * x, features in order; and margins to probabilities, in place. 128 of them. */
    void (*margins)(int32_t n_features, const double *x, const double *coef, double *margin);
    void (*sigmoids)(double *margin);
    double (*sigmoid)(double margin); /* one */
} aip__logistic_kernels;

/* For the level in use. */
const aip__logistic_kernels *aip__logistic_kernels_now(void);

static inline double aip__lanes_sum(const double *l) { return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7])); }
static inline int32_t aip__logistic_width(int32_t n_features) { return (n_features + 1 + 3) / 4 * 4; }
/* Values in the hessian of that width. */
static inline size_t aip__logistic_tiles_size(int32_t width) {
    size_t t = (size_t)width / 4;
    return t * (t + 1) / 2 * 16 * AIP__LANES;
}

#endif
