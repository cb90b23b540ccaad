/* What every unit-test binary shares: main() lives in unit.c and runs the suites that the room's files register. */
#ifndef AIPIPE_TESTS_UNIT_H
#define AIPIPE_TESTS_UNIT_H

#include <check.h>

/* Defined once by each room's test folder: adds the room's suites to the runner. */
void unit_suites(SRunner *runner);

/* Makes a suite of one test case from a NULL-terminated list of tests. */
Suite *unit_suite(const char *name, const TTest *const *tests);

#endif
