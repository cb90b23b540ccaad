/* The suites of the data room. */
#include "data_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, schema_suite());
    srunner_add_suite(runner, column_suite());
    srunner_add_suite(runner, batch_suite());
    srunner_add_suite(runner, scan_suite());
    srunner_add_suite(runner, cast_suite());
    srunner_add_suite(runner, stage_suite());
    srunner_add_suite(runner, convert_suite());
}
