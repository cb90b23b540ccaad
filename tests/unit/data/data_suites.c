/* The suites of the data room. */
#include "data_suites.h"
#include "exec/group.h"
#include "exec/pool.h"

static void pool_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }
static void pool_free(aip_context *ctx) {
    aip__pool_free(ctx->pool);
    aip__exec_free(ctx, ctx->exec);
}

aip_context *test_workers(int32_t n_workers) {
    aip_context *ctx = test_context();
    aip__pool *pool = NULL;
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    OK(aip__pool_create(ctx, unit_workers(n_workers), &pool, &ctx->executor, &err));
    ctx->pool = pool;
    ctx->at_close = pool_close;
    ctx->at_free = pool_free;
    return ctx;
}

void test_workers_end(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    ctx->at_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1); /* no handle is left */
    aip__context_release(ctx);
}

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, schema_suite());
    srunner_add_suite(runner, column_suite());
    srunner_add_suite(runner, batch_suite());
    srunner_add_suite(runner, scan_suite());
    srunner_add_suite(runner, scan_fault_suite());
    srunner_add_suite(runner, cast_suite());
    srunner_add_suite(runner, stage_suite());
    srunner_add_suite(runner, convert_suite());
    srunner_add_suite(runner, convert_column_suite());
    srunner_add_suite(runner, matrix_suite());
    srunner_add_suite(runner, arrow_suite());
    srunner_add_suite(runner, arrow_growth_suite());
    srunner_add_suite(runner, refusal_suite());
}
