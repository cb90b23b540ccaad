/* The suites of the package room. */
#ifndef AIPIPE_TESTS_PACKAGE_SUITES_H
#define AIPIPE_TESTS_PACKAGE_SUITES_H

#include "unit.h"

#include "base/error.h"
#include "base/hash.h"
#include "data/scan.h"
#include <string.h>

Suite *package_suite(void);
Suite *package_odd_suite(void);
Suite *package_parts_suite(void);
Suite *package_refusal_suite(void);
Suite *scorer_suite(void);

#endif
