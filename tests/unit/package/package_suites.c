/* The suites of the package room. */
#include "package_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, package_suite());
    srunner_add_suite(runner, package_odd_suite());
    srunner_add_suite(runner, package_parts_suite());
    srunner_add_suite(runner, package_refusal_suite());
    srunner_add_suite(runner, scorer_suite());
}
