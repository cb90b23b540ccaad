/* The suites of the base room. */
#include "unit.h"

Suite *base_bytes_suite(void);
Suite *base_catalog_suite(void);
Suite *base_document_suite(void);
Suite *base_error_suite(void);
Suite *base_hash_suite(void);
Suite *base_io_suite(void);
Suite *base_memory_suite(void);
Suite *base_params_suite(void);
Suite *base_random_suite(void);
Suite *base_text_suite(void);

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, base_bytes_suite());
    srunner_add_suite(runner, base_catalog_suite());
    srunner_add_suite(runner, base_document_suite());
    srunner_add_suite(runner, base_error_suite());
    srunner_add_suite(runner, base_hash_suite());
    srunner_add_suite(runner, base_io_suite());
    srunner_add_suite(runner, base_memory_suite());
    srunner_add_suite(runner, base_params_suite());
    srunner_add_suite(runner, base_random_suite());
    srunner_add_suite(runner, base_text_suite());
}
