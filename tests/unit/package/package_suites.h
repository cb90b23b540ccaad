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

#ifndef OK /* model_fixture.h has the same */
/* Holds that a call succeeded; shows its error when not. */
#define OK(call)                                                                         \
    do {                                                                                 \
        aip_error *err = NULL;                                                           \
        int32_t st_ = (call);                                                            \
        ck_assert_msg(st_ == AIP_OK, "%s: %d %s", #call, (int)st_, aip_error_text(err)); \
    } while (0)
/* Holds that a call failed with this status and a message that contains `text`. */
#define FAILS(call, expected, text)                                                                           \
    do {                                                                                                      \
        aip_error *err = NULL;                                                                                \
        int32_t st_ = (call);                                                                                 \
        ck_assert_int_eq(st_, (expected));                                                                    \
        ck_assert_msg(strstr(aip_error_message(err), (text)) != NULL, "message: %s", aip_error_message(err)); \
        aip_error_free(err);                                                                                  \
    } while (0)
#endif

#endif
