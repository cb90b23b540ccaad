/* Cholesky's factorisation of a scaled symmetric matrix, right-looking: the inner loop is elementwise, so it vectorises to the same bits
 * everywhere. Scaling to a unit diagonal is within sqrt(n) of the best diagonal scaling (van der Sluis 1969), and makes a pivot the squared sine
 * of a column's angle to those before it: which says what "dependent" means, whatever the columns' units. */
#include "math/solve.h"

#include <math.h>
#include <stddef.h>

#define DEPENDENT 1e-13

int32_t aip__cholesky(int32_t n, double *a, double *scale, double *column) {
    size_t m = (size_t)n;
    for (size_t i = 0; i < m; i++) {
        double d = a[i * m + i];
        if (!isfinite(d)) return -1;
        scale[i] = d > 0 ? 1.0 / sqrt(d) : 0.0;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            a[i * m + j] = a[i * m + j] * scale[i] * scale[j];
            if (!isfinite(a[i * m + j])) return -1;
        }
    int32_t rank = 0;
    for (size_t k = 0; k < m; k++) {
        double pivot = a[k * m + k];
        if (scale[k] == 0.0 || pivot <= DEPENDENT) {
            scale[k] = 0.0;
            for (size_t i = k; i < m; i++) a[i * m + k] = 0.0;
            for (size_t j = 0; j < k; j++) a[k * m + j] = 0.0;
            a[k * m + k] = 1.0;
            continue;
        }
        rank++;
        double root = sqrt(pivot);
        a[k * m + k] = root;
        for (size_t i = k + 1; i < m; i++) column[i] = a[i * m + k] = a[i * m + k] / root;
        for (size_t i = k + 1; i < m; i++) {
            double f = column[i], *row = a + i * m;
            for (size_t j = k + 1; j <= i; j++) row[j] -= f * column[j];
        }
    }
    return rank;
}

void aip__cholesky_solve(int32_t n, const double *factor, const double *scale, double *x) {
    size_t m = (size_t)n;
    for (size_t i = 0; i < m; i++) {
        double s = x[i] * scale[i];
        for (size_t k = 0; k < i; k++) s -= factor[i * m + k] * x[k];
        x[i] = s / factor[i * m + i];
    }
    for (size_t i = m; i-- > 0;) {
        double s = x[i] / factor[i * m + i];
        x[i] = s;
        for (size_t k = 0; k < i; k++) x[k] -= factor[i * m + k] * s;
    }
    for (size_t i = 0; i < m; i++) x[i] *= scale[i];
}
