/* drop_missing against pandas' dropna. */
#include "transform_suites.h"

#include <stdlib.h>

static aip_dataset *table(aip_context *ctx, int64_t batch_rows) {
    const tt_column c[] = {{"x", AIP_FLOAT64, (const double[]){1, NAN, 3, NAN, 5}, NULL, 1},
                           TT_NUMBERS("k", AIP_INT32, 1, 2, NAN, NAN, 5),
                           TT_TEXTS("t", "a", "b", "c", NULL, NULL)};
    return tt_table(ctx, c, 3, 5, batch_rows);
}

START_TEST(rows_with_any_or_all_missing_are_dropped) {
    aip_context *ctx = tt_context(2);
    for (int64_t batch_rows = 1; batch_rows <= 5; batch_rows += 2) {
        aip_dataset *d = table(ctx, batch_rows);
        tt_rows r = tt_apply(ctx, "drop_missing", NULL, d);
        EXPECT(&r, "k", 0, 1);
        tt_rows_free(&r);
        r = tt_apply(ctx, "drop_missing", "{\"how\": \"all\"}", d);
        EXPECT(&r, "k", 0, 1, 2, NAN, 5);
        tt_rows_free(&r);
        r = tt_apply(ctx, "drop_missing", "{\"columns\": [\"x\", \"k\"]}", d);
        EXPECT(&r, "k", 0, 1, 5);
        tt_rows_free(&r);
        r = tt_apply(ctx, "drop_missing", "{\"columns\": [\"x\"], \"nan_is_missing\": false}", d);
        ck_assert_int_eq(r.n_rows, 5);
        tt_rows_free(&r);
        aip_dataset_free(d);
    }
    tt_context_end(ctx);
}
END_TEST

START_TEST(dropped_rows_are_counted) {
    aip_context *ctx = tt_context(1);
    aip_dataset *d = table(ctx, 2), *seen = NULL;
    aip_stage *s = tt_stage(ctx, "drop_missing", NULL);
    OK(aip_dataset_transform(d, s, &seen, &err));
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    aip__scan *scan = NULL;
    OK(aip__scan_open(seen, &token, "test", &scan, &err));
    for (aip_batch *b = NULL;; aip_batch_free(b)) {
        OK(aip__scan_next(scan, &b, &err));
        if (!b) break;
    }
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip__scan_counts(scan, &counts);
    ck_assert_int_eq(counts.rows_in, 5);
    ck_assert_int_eq(counts.rows_out, 1);
    ck_assert_int_eq(counts.rows_filtered, 4);
    aip__scan_close(scan);
    aip_dataset_free(seen);
    aip_dataset_free(d);
    aip_stage_free(s);
    tt_context_end(ctx);
}
END_TEST

/* Every position of one NaN in 2000 rows, at the vector kernel's borders. */
START_TEST(a_single_nan_is_found_wherever_it_is) {
    aip_context *ctx = tt_context(0);
    static double x[2000];
    for (int at = 0; at < 2000; at += at % 64 < 2 || at > 1990 ? 1 : 31) {
        for (int i = 0; i < 2000; i++) x[i] = i == at ? (double)NAN : i;
        tt_column c = {"x", AIP_FLOAT64, x, NULL, 1};
        aip_dataset *d = tt_table(ctx, &c, 1, 2000, 2000);
        tt_rows r = tt_apply(ctx, "drop_missing", NULL, d);
        ck_assert_int_eq(r.n_rows, 1999);
        if (at < 1999) ck_assert(tt_f64(&r, "x", at) == at + 1);
        tt_rows_free(&r);
        aip_dataset_free(d);
    }
    tt_context_end(ctx);
}
END_TEST

Suite *drop_missing_suite(void) {
    const TTest *const tests[] = {rows_with_any_or_all_missing_are_dropped, dropped_rows_are_counted,
                                  a_single_nan_is_found_wherever_it_is, NULL};
    return unit_suite("drop_missing", tests);
}
