/* The dense linear algebra that is large enough for OpenBLAS. Its results depend on the core that OpenBLAS takes the machine for, so whatever
 * calls this depends on the numeric profile; everything else in the library does not. */
#ifndef AIPIPE_LIB_MATH_BLAS_H
#define AIPIPE_LIB_MATH_BLAS_H

#include <stddef.h>
#include <stdint.h>

/* Adds the lower triangle of A'A to `out` (n x n, row-major, only j <= i is touched). A holds n columns of k values, one after the other. */
void aip__blas_syrk(int32_t n, int32_t k, const double *a, double *out);
/* OpenBLAS's name of the core, such as "Haswell": part of the numeric profile. Static storage. */
const char *aip__blas_core(void);

#endif
