/* The suites of the formats room. */
#ifndef AIPIPE_TESTS_FORMATS_SUITES_H
#define AIPIPE_TESTS_FORMATS_SUITES_H

#include "unit.h"

Suite *arrow_ipc_suite(void);
Suite *csv_fields_suite(void);
Suite *csv_index_suite(void);
Suite *csv_paths_suite(void);
Suite *csv_detect_suite(void);
Suite *csv_read_suite(void);
Suite *csv_split_suite(void);
Suite *csv_write_suite(void);
Suite *encoding_suite(void);
Suite *gzip_suite(void);
Suite *json_read_suite(void);
Suite *json_write_suite(void);
Suite *stream_blocks_suite(void);
Suite *zstd_suite(void);

#endif
