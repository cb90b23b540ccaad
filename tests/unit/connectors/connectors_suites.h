/* The suites of the connectors room. */
#ifndef AIPIPE_TESTS_CONNECTORS_SUITES_H
#define AIPIPE_TESTS_CONNECTORS_SUITES_H

#include "unit.h"

Suite *files_suite(void);
Suite *files_write_suite(void);
Suite *host_source_suite(void);
Suite *policies_suite(void);
Suite *checkpoint_suite(void);

#endif
