/* The suites of exec/. */
#include "exec_tests.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, group_suite());
    srunner_add_suite(runner, nesting_suite());
    srunner_add_suite(runner, cancel_suite());
    srunner_add_suite(runner, pool_suite());
}
