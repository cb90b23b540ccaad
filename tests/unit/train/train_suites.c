#include "train_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, logistic_regression_suite());
    srunner_add_suite(runner, model_suite());
}
