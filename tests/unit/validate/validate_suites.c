/* The suites of the validate room. */
#include "unit.h"

Suite *table_profile_suite(void);

void unit_suites(SRunner *runner) { srunner_add_suite(runner, table_profile_suite()); }
