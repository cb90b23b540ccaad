/* The suites of exec/. */
#include "exec_tests.h"

void unit_suites(SRunner *runner) { srunner_add_suite(runner, group_suite()); }
