/* Dense solves, and what goes to BLAS. Expected values by hand or by multiplying back. */
#include "unit.h"

#include "math/blas.h"
#include "math/solve.h"
#include <math.h>
#include <string.h>

START_TEST(a_definite_system_is_solved_whatever_its_units) {
    /* Hilbert's matrix of order 5, with units from 1e-8 to 1e8: multiplied back. */
    enum { N = 5 };
    double full[N][N], a[N * N], scale[N], column[N], x[N], b[N];
    const double unit[N] = {1e8, 1e-8, 1, 1e5, 1e-3}, want[N] = {1, -2, 3, -4, 5};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i * N + j] = full[i][j] = unit[i] * unit[j] / (i + j + 1);
    for (int i = 0; i < N; i++) {
        b[i] = 0;
        for (int j = 0; j < N; j++) b[i] += full[i][j] * want[j] / unit[j];
        x[i] = b[i];
    }
    ck_assert_int_eq(aip__cholesky(N, a, scale, column), N);
    aip__cholesky_solve(N, a, scale, x);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(x[i] * unit[i], want[i], 1e-9);
}
END_TEST

START_TEST(a_dependent_column_is_left_out_and_the_rest_is_solved) {
    /* Column 1 is twice column 0, column 3 is zero. Without them: [[2, 1], [1, 2]] x = [4, 5] has x = [1, 2]. */
    enum { N = 4 };
    double a[N * N] = {2, 0, 0, 0, 4, 8, 0, 0, 1, 2, 2, 0, 0, 0, 0, 0}, scale[N], column[N], x[N] = {4, 8, 5, 0};
    ck_assert_int_eq(aip__cholesky(N, a, scale, column), 2);
    aip__cholesky_solve(N, a, scale, x);
    const double want[N] = {1, 0, 2, 0};
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(x[i], want[i], 1e-14);
}
END_TEST

START_TEST(a_matrix_that_is_not_finite_is_refused) {
    double a[4] = {1, 0, NAN, 1}, scale[2], column[2];
    ck_assert_int_eq(aip__cholesky(2, a, scale, column), -1);
    double b[4] = {INFINITY, 0, 0, 1};
    ck_assert_int_eq(aip__cholesky(2, b, scale, column), -1);
}
END_TEST

START_TEST(syrk_adds_the_lower_triangle_of_the_gram_matrix) {
    const double columns[2 * 3] = {1, 2, 3, 4, 5, 6};
    double out[4] = {1, -7, 1, 1};
    aip__blas_syrk(2, 3, columns, out);
    ck_assert_double_eq(out[0], 15);
    ck_assert_double_eq(out[1], -7);
    ck_assert_double_eq(out[2], 33);
    ck_assert_double_eq(out[3], 78);
    ck_assert_uint_gt(strlen(aip__blas_core()), 0);
}
END_TEST

Suite *solve_suite(void);
Suite *solve_suite(void) {
    const TTest *tests[] = {a_definite_system_is_solved_whatever_its_units, a_dependent_column_is_left_out_and_the_rest_is_solved,
                            a_matrix_that_is_not_finite_is_refused, syrk_adds_the_lower_triangle_of_the_gram_matrix, NULL};
    return unit_suite("solve", tests);
}
