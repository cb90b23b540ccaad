#include "unit.h"

Suite *fmath_suite(void);

void unit_suites(SRunner *runner) { srunner_add_suite(runner, fmath_suite()); }
