#include "formats_suites.h"

void unit_suites(SRunner *runner) { srunner_add_suite(runner, csv_read_suite()); }
