/* The suites of the metrics room. */
#ifndef AIPIPE_TESTS_METRICS_SUITES_H
#define AIPIPE_TESTS_METRICS_SUITES_H

#include "unit.h"

Suite *evaluate_suite(void);
Suite *scores_suite(void);

#endif
