/* Small dense solves of our own. */
#ifndef AIPIPE_LIB_MATH_SOLVE_H
#define AIPIPE_LIB_MATH_SOLVE_H

#include <stdint.h>

/* Factors a symmetric positive semi-definite matrix in place: a is n x n, row-major, only its lower triangle is read and written. Rows and
 * columns are scaled to a unit diagonal first (scale: n values, kept for the solve), so that the result does not depend on units. A column
 * that is a combination of those before it, to rounding, is left out (its scale becomes 0): its unknown is 0 in every solve. column: n values of
 * scratch. Returns the rank, or -1 when a value is not finite. */
int32_t aip__cholesky(int32_t n, double *a, double *scale, double *column);
/* x becomes the solution of A x = b, b given in x. */
void aip__cholesky_solve(int32_t n, const double *factor, const double *scale, double *x);

#endif
