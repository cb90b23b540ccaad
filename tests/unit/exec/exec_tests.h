/* The suites of exec/. */
#ifndef AIPIPE_TESTS_EXEC_TESTS_H
#define AIPIPE_TESTS_EXEC_TESTS_H

#include "unit.h"

Suite *group_suite(void);

#endif
