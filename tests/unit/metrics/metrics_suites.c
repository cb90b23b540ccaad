#include "metrics_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, scores_suite());
    srunner_add_suite(runner, evaluate_suite());
}
