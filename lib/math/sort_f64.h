/* Sorting numbers. */
#ifndef AIPIPE_LIB_MATH_SORT_F64_H
#define AIPIPE_LIB_MATH_SORT_F64_H

#include <stddef.h>

/* Ascending, -0 before 0; no NaN. scratch: n values. */
void aip__sort_f64(double *v, double *scratch, size_t n);

#endif
