/* The suites of the library room. */
#ifndef AIPIPE_TESTS_LIBRARY_SUITES_H
#define AIPIPE_TESTS_LIBRARY_SUITES_H

#include "unit.h"

Suite *account_suite(void);
Suite *connector_suite(void);
Suite *context_suite(void);
Suite *module_suite(void);
Suite *poll_suite(void);

#endif
