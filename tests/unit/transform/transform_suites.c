/* The suites of the transform room. */
#include "transform_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, select_suite());
    srunner_add_suite(runner, derive_suite());
    srunner_add_suite(runner, describe_suite());
    srunner_add_suite(runner, filter_suite());
    srunner_add_suite(runner, drop_missing_suite());
    srunner_add_suite(runner, scaler_suite());
    srunner_add_suite(runner, imputer_suite());
    srunner_add_suite(runner, encoder_suite());
    srunner_add_suite(runner, join_suite());
    srunner_add_suite(runner, split_suite());
    srunner_add_suite(runner, state_suite());
}
