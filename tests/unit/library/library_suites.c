/* The suites of the library room: contexts as a host makes them. */
#include "library_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, context_suite());
    srunner_add_suite(runner, connector_suite());
    srunner_add_suite(runner, account_suite());
    srunner_add_suite(runner, module_suite());
    srunner_add_suite(runner, poll_suite());
}
