#include "unit.h"

#include <stdlib.h>

Suite *unit_suite(const char *name, const TTest *const *tests) {
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    for (; *tests; tests++) tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(NULL);
    unit_suites(runner);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
