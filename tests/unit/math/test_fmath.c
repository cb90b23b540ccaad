/* exp, log and sigmoid against the C library's long double functions. */
#include "unit.h"

#include "base/fmath.h"
#include <float.h>
#include <math.h>

static double ulps(double got, long double want) {
    double nearest = (double)want;
    if (isinf(nearest) || nearest == 0) return got == nearest ? 0 : INFINITY;
    int exponent;
    frexp(nearest, &exponent);
    double ulp = ldexp(1.0, exponent - 53 < -1074 ? -1074 : exponent - 53);
    return (double)(fabsl((long double)got - want) / (long double)ulp);
}

/* A small generator of the test's own, so that the test needs nothing but the header. */
static double uniform(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

START_TEST(exp_is_within_1_ulp_of_the_long_double_function) {
    uint64_t s = 1;
    double worst = 0;
    for (int i = 0; i < 400000; i++) {
        double x = i % 4 == 0 ? uniform(&s) * 1460 - 748 : i % 4 == 1 ? uniform(&s) * 4 - 2 : uniform(&s) * 100 - 50;
        if (i % 4 == 3) x = ldexp(uniform(&s) - 0.5, -(int)(uniform(&s) * 60));
        double u = ulps(aip__fmath_exp(x), expl((long double)x));
        if (u > worst) worst = u;
    }
    ck_assert_double_le(worst, 1.0);
}
END_TEST

START_TEST(log_is_within_1_ulp_of_the_long_double_function) {
    uint64_t s = 2;
    double worst = 0;
    for (int i = 0; i < 400000; i++) {
        double x = i % 3 == 0   ? ldexp(1 + uniform(&s), (int)(uniform(&s) * 2098) - 1074)
                   : i % 3 == 1 ? 0.5 + uniform(&s)
                                : 1 + (uniform(&s) - 0.5) * 1e-6;
        double u = ulps(aip__fmath_log(x), logl((long double)x));
        if (u > worst) worst = u;
    }
    ck_assert_double_le(worst, 1.0);
}
END_TEST

START_TEST(sigmoid_is_within_2_and_a_half_ulp_of_the_long_double_formula) {
    uint64_t s = 3;
    double worst = 0;
    for (int i = 0; i < 400000; i++) {
        double x = i % 3 == 0 ? uniform(&s) * 1500 - 750 : i % 3 == 1 ? uniform(&s) * 2 - 1 : uniform(&s) * 80 - 40;
        long double e = expl(-fabsl((long double)x));
        double u = ulps(aip__fmath_sigmoid(x), (x < 0 ? e : 1.0L) / (1.0L + e));
        if (u > worst) worst = u;
    }
    ck_assert_double_le(worst, 2.5);
}
END_TEST

START_TEST(edges_give_what_ieee_754_recommends) {
    ck_assert_double_eq(aip__fmath_exp(0.0), 1.0);
    ck_assert_double_eq(aip__fmath_exp(-0.0), 1.0);
    ck_assert_double_eq(aip__fmath_exp(INFINITY), INFINITY);
    ck_assert_double_eq(aip__fmath_exp(-INFINITY), 0.0);
    ck_assert_double_eq(aip__fmath_exp(DBL_MAX), INFINITY);
    ck_assert_double_eq(aip__fmath_exp(-DBL_MAX), 0.0);
    ck_assert(isnan(aip__fmath_exp(NAN)));
    ck_assert_double_eq(aip__fmath_exp(-745.0), 0x1p-1074); /* the smallest denormal */
    ck_assert(isfinite(aip__fmath_exp(709.782712893383973096)));
    ck_assert_double_eq(aip__fmath_log(1.0), 0.0);
    ck_assert_double_eq(aip__fmath_log(0.0), -INFINITY);
    ck_assert_double_eq(aip__fmath_log(-0.0), -INFINITY);
    ck_assert_double_eq(aip__fmath_log(INFINITY), INFINITY);
    ck_assert(isnan(aip__fmath_log(-1.0)));
    ck_assert(isnan(aip__fmath_log(-INFINITY)));
    ck_assert(isnan(aip__fmath_log(NAN)));
    ck_assert_double_eq(aip__fmath_sigmoid(0.0), 0.5);
    ck_assert_double_eq(aip__fmath_sigmoid(INFINITY), 1.0);
    ck_assert_double_eq(aip__fmath_sigmoid(-INFINITY), 0.0);
    ck_assert(isnan(aip__fmath_sigmoid(NAN)));
}
END_TEST

Suite *fmath_suite(void);
Suite *fmath_suite(void) {
    const TTest *tests[] = {exp_is_within_1_ulp_of_the_long_double_function, log_is_within_1_ulp_of_the_long_double_function,
                            sigmoid_is_within_2_and_a_half_ulp_of_the_long_double_formula, edges_give_what_ieee_754_recommends,
                            NULL};
    return unit_suite("fmath", tests);
}
