/* The suites of the data room, and the bare context that its tests work in. */
#ifndef AIPIPE_TESTS_DATA_SUITES_H
#define AIPIPE_TESTS_DATA_SUITES_H

#include "unit.h"

#include "base/context.h"
#include "base/error.h"
#include <string.h>

Suite *schema_suite(void);
Suite *column_suite(void);
Suite *batch_suite(void);
Suite *scan_suite(void);
Suite *scan_fault_suite(void);
Suite *cast_suite(void);
Suite *stage_suite(void);
Suite *convert_suite(void);
Suite *convert_column_suite(void);
Suite *matrix_suite(void);
Suite *arrow_suite(void);
Suite *arrow_growth_suite(void);
Suite *refusal_suite(void);

/* A context with memory and log alone. After test_context_end nothing may be left of it. */
static inline aip_context *test_context(void) {
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(NULL, &ctx, NULL), AIP_OK);
    return ctx;
}
static inline void test_context_end(aip_context *ctx) {
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}
/* A context with job groups and a pool of unit_workers(n); ended with test_workers_end. */
aip_context *test_workers(int32_t n_workers);
void test_workers_end(aip_context *ctx);

#endif
