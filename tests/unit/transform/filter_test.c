/* filter: expected rows by hand. */
#include "transform_suites.h"

static const tt_column flights[] = {TT_NUMBERS("dep_delay", AIP_INT64, 20, -3, NAN, 15, 0),
                                    {"carrier", AIP_DICTIONARY, NULL, (const char *const[]){"UA", "AA", NULL, "UA", "DL"}, 0}};

START_TEST(filter_keeps_the_true_rows_in_order) {
    for (int32_t workers = 0; workers <= 8; workers += workers < 2 ? 1 : 6) {
        aip_context *ctx = tt_context(workers);
        aip_dataset *d = tt_table(ctx, flights, 2, 5, 2);
        tt_rows r = tt_apply(ctx, "filter", "{\"where\": \"dep_delay >= 0\"}", d);
        EXPECT(&r, "dep_delay", 0, 20, 15, 0);
        ck_assert_str_eq(tt_text(&r, "carrier", 2), "DL");
        tt_rows_free(&r);
        r = tt_apply(ctx, "filter", "\"dep_delay is null or carrier = 'UA'\"", d); /* the short way to write it */
        EXPECT(&r, "dep_delay", 0, 20, NAN, 15);
        tt_rows_free(&r);
        aip_dataset_free(d);
        tt_context_end(ctx);
    }
}
END_TEST

START_TEST(null_and_false_drop_a_row_and_are_counted) {
    aip_context *ctx = tt_context(2);
    aip_dataset *d = tt_table(ctx, flights, 2, 5, 2), *seen = NULL;
    aip_stage *stage = tt_stage(ctx, "filter", "{\"where\": \"not dep_delay > 0\"}");
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip__token token;
    aip__scan *scan = NULL;
    aip_batch *batch = NULL;
    OK(aip_dataset_transform(d, stage, &seen, &err));
    OK(aip__token_init(&token, ctx, NULL, &err));
    OK(aip__scan_open(seen, &token, "read", &scan, &err));
    for (;;) {
        OK(aip__scan_next(scan, &batch, &err));
        if (!batch) break;
        aip_batch_free(batch);
    }
    aip__scan_counts(scan, &counts);
    aip__scan_close(scan);
    ck_assert_int_eq(counts.rows_in, 5);
    ck_assert_int_eq(counts.rows_out, 2); /* -3 and 0 */
    ck_assert_int_eq(counts.rows_filtered, 3);
    aip_dataset_free(seen);
    aip_stage_free(stage);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_filter_must_be_a_bool_expression) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 2, 5, 5);
    FAILS(tt_try(ctx, "filter", "{\"where\": \"dep_delay + 1\"}", d, d, &err), AIP_E_SCHEMA,
          "expression 'dep_delay + 1': expected a bool that says which rows to keep, found int64");
    FAILS(tt_try(ctx, "filter", NULL, d, d, &err), AIP_E_PARAM, "parameter 'where' is missing");
    FAILS(tt_try(ctx, "filter", "{\"where\": \"dep_delay >\"}", d, d, &err), AIP_E_SYNTAX, "column 12");
    FAILS(tt_try(ctx, "filter", "{\"where\": \"delay > 1\"}", d, d, &err), AIP_E_SCHEMA, "no column 'delay'");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(filter_of_all_none_and_no_rows) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 2, 5, 2), *empty = tt_table(ctx, flights, 2, 0, 2);
    tt_rows r = tt_apply(ctx, "filter", "{\"where\": \"true\"}", d);
    ck_assert_int_eq(r.n_rows, 5);
    tt_rows_free(&r);
    r = tt_apply(ctx, "filter", "{\"where\": \"false\"}", d);
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    r = tt_apply(ctx, "filter", "{\"where\": \"dep_delay > 0\"}", empty);
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    aip_dataset_free(d);
    aip_dataset_free(empty);
    tt_context_end(ctx);
}
END_TEST

Suite *filter_suite(void) {
    const TTest *const tests[] = {filter_keeps_the_true_rows_in_order, null_and_false_drop_a_row_and_are_counted,
                                  a_filter_must_be_a_bool_expression, filter_of_all_none_and_no_rows, NULL};
    return unit_suite("filter", tests);
}
