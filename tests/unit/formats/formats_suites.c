#include "formats_suites.h"

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, arrow_ipc_suite());
    srunner_add_suite(runner, csv_fields_suite());
    srunner_add_suite(runner, csv_index_suite());
    srunner_add_suite(runner, csv_paths_suite());
    srunner_add_suite(runner, csv_detect_suite());
    srunner_add_suite(runner, csv_read_suite());
    srunner_add_suite(runner, csv_split_suite());
    srunner_add_suite(runner, csv_write_suite());
    srunner_add_suite(runner, encoding_suite());
    srunner_add_suite(runner, gzip_suite());
    srunner_add_suite(runner, json_read_suite());
    srunner_add_suite(runner, json_write_suite());
    srunner_add_suite(runner, stream_blocks_suite());
    srunner_add_suite(runner, zstd_suite());
}
