/* The suites of exec/. */
#ifndef AIPIPE_TESTS_EXEC_TESTS_H
#define AIPIPE_TESTS_EXEC_TESTS_H

#include "unit.h"

Suite *group_suite(void);
Suite *nesting_suite(void);
Suite *cancel_suite(void);
Suite *pool_suite(void);

#endif
