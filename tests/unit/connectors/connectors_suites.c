#include "connectors_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, files_suite());
    srunner_add_suite(runner, files_write_suite());
    srunner_add_suite(runner, host_source_suite());
    srunner_add_suite(runner, policies_suite());
    srunner_add_suite(runner, checkpoint_suite());
}
