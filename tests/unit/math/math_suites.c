#include "unit.h"

Suite *fmath_suite(void);
Suite *logistic_kernels_suite(void);
Suite *solve_suite(void);

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, fmath_suite());
    srunner_add_suite(runner, logistic_kernels_suite());
    srunner_add_suite(runner, solve_suite());
}
