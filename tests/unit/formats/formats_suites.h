/* The suites of the formats room. */
#ifndef AIPIPE_TESTS_FORMATS_SUITES_H
#define AIPIPE_TESTS_FORMATS_SUITES_H

#include "unit.h"

Suite *csv_read_suite(void);

#endif
