/* The suites of the train room. */
#ifndef AIPIPE_TESTS_TRAIN_SUITES_H
#define AIPIPE_TESTS_TRAIN_SUITES_H

#include "unit.h"

Suite *logistic_regression_suite(void);
Suite *model_suite(void);

#endif
