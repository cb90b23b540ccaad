#include "evaluate_suites.h"

void unit_suites(SRunner *runner) { srunner_add_suite(runner, evaluate_suite()); }
