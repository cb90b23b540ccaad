/* The library's own exp, log and logistic sigmoid: the same bits on every machine, compiler and vector level (the C library's are not), defined
 * for every input: NaN gives NaN, infinities and denormals are right. exp and log are within 1 ulp, sigmoid within 2.5.
 *
 *   aip__fmath_exp, aip__fmath_log, aip__fmath_sigmoid      of one double; inline, and without branches, so that loops over them vectorise
 *   fmath_body.h                          the arithmetic, for a file that wants it on its own vector type */
#ifndef AIPIPE_LIB_BASE_FMATH_H
#define AIPIPE_LIB_BASE_FMATH_H

#include <stdint.h>

static inline __attribute__((always_inline)) uint64_t aip__f64_bits(double x) {
    uint64_t u;
    __builtin_memcpy(&u, &x, sizeof u);
    return u;
}
static inline __attribute__((always_inline)) double aip__f64_of_bits(uint64_t u) {
    double x;
    __builtin_memcpy(&x, &u, sizeof x);
    return x;
}

#define FM(name) aip__fmath_##name
#define FM_T double
#define FM_U uint64_t
#define FM_BITS(x) aip__f64_bits(x)
#define FM_REAL(u) aip__f64_of_bits(u)
#define FM_LT(a, b) (-(uint64_t)((a) < (b)))
#define FM_EQ(a, b) (-(uint64_t)((a) == (b)))
#include "base/fmath_body.h"
#undef FM
#undef FM_T
#undef FM_U
#undef FM_BITS
#undef FM_REAL
#undef FM_LT
#undef FM_EQ

#endif
