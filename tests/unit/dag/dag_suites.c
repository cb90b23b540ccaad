/* The suites of the dag room. */
#include "dag_fixture.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, dagfile_suite());
    srunner_add_suite(runner, dag_params_suite());
    srunner_add_suite(runner, dag_run_suite());
    srunner_add_suite(runner, dag_events_suite());
    srunner_add_suite(runner, dag_command_suite());
    srunner_add_suite(runner, dag_operators_suite());
    srunner_add_suite(runner, dag_memory_suite());
}
