/* The suites of the evaluate room. */
#ifndef AIPIPE_TESTS_EVALUATE_SUITES_H
#define AIPIPE_TESTS_EVALUATE_SUITES_H

#include "unit.h"

Suite *evaluate_suite(void);

#endif
