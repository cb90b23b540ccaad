/* simple_imputer against scikit-learn 1.5.2's SimpleImputer, and numpy's median. */
#include "transform_suites.h"

#include "transform/median.h"
#include <stdlib.h>

static const tt_column four[] = {
    TT_NUMBERS("x", AIP_FLOAT64, 1.5, NAN, 3, -2.25, 1e6, 3, NAN, 0.1),
    TT_NUMBERS("k", AIP_INT64, 3, 1, NAN, 7, 1, NAN, 3, 10),
    TT_NUMBERS("e", AIP_FLOAT64, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN),
    TT_NUMBERS("f", AIP_INT32, 0, 1, 2, 3, 4, 5, 6, 7),
};

START_TEST(mean_gives_float64_and_leaves_out_a_column_without_values) {
    aip_context *ctx = tt_context(2);
    aip_dataset *d = tt_table(ctx, four, 4, 8, 3);
    tt_rows r = tt_apply(ctx, "simple_imputer", "{\"add_indicator\": true}", d);
    ck_assert_str_eq(tt_names(&r), "x,k,f,missingindicator_x,missingindicator_k,missingindicator_e");
    EXPECT(&r, "x", 1e-15, 1.5, 166667.55833333332, 3, -2.25, 1e6, 3, 166667.55833333332, 0.1);
    EXPECT(&r, "k", 1e-15, 3, 1, 4.166666666666667, 7, 1, 4.166666666666667, 3, 10);
    EXPECT(&r, "f", 0, 0, 1, 2, 3, 4, 5, 6, 7);
    EXPECT(&r, "missingindicator_x", 0, 0, 1, 0, 0, 0, 0, 1, 0);
    EXPECT(&r, "missingindicator_k", 0, 0, 0, 1, 0, 0, 1, 0, 0);
    EXPECT(&r, "missingindicator_e", 0, 1, 1, 1, 1, 1, 1, 1, 1);
    for (int32_t i = 0; i < r.schema->n; i++) ck_assert_int_eq(r.schema->fields[i].type, AIP_FLOAT64);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(median_is_exact_and_an_empty_column_may_be_kept) {
    aip_context *ctx = tt_context(2);
    aip_dataset *d = tt_table(ctx, four, 4, 8, 1);
    tt_rows r =
        tt_apply(ctx, "simple_imputer", "{\"strategy\": \"median\", \"add_indicator\": true, \"keep_empty_features\": true}", d);
    ck_assert_str_eq(tt_names(&r), "x,k,e,f,missingindicator_x,missingindicator_k,missingindicator_e");
    EXPECT(&r, "x", 0, 1.5, 2.25, 3, -2.25, 1e6, 3, 2.25, 0.1);
    EXPECT(&r, "k", 0, 3, 1, 3, 7, 1, 3, 3, 10);
    EXPECT(&r, "e", 0, 0, 0, 0, 0, 0, 0, 0, 0);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(most_frequent_keeps_the_type_and_takes_the_smallest_of_equals) {
    aip_context *ctx = tt_context(1);
    tt_column c[] = {TT_TEXTS("t", "b", "a", NULL, "b", "a", "\xc3\xa9", "Z", NULL),
                     TT_TEXTS("d", "b", "a", NULL, "b", "a", "\xc3\xa9", "Z", NULL),
                     TT_NUMBERS("k", AIP_INT64, 3, 1, NAN, 7, 1, NAN, 3, 10),
                     TT_NUMBERS("x", AIP_FLOAT32, 0.5, NAN, 0.25, 0.5, 0.25, 8, NAN, 9),
                     TT_NUMBERS("b", AIP_BOOL, 1, NAN, 1, 0, 1, 0, NAN, 0)};
    c[1].type = AIP_DICTIONARY;
    aip_dataset *d = tt_table(ctx, c, 5, 8, 3);
    tt_rows r = tt_apply(ctx, "simple_imputer", "{\"strategy\": \"most_frequent\"}", d);
    const char *texts[] = {"b", "a", "a", "b", "a", "\xc3\xa9", "Z", "a"};
    for (int i = 0; i < 8; i++) {
        ck_assert_str_eq(tt_text(&r, "t", i), texts[i]);
        ck_assert_str_eq(tt_text(&r, "d", i), texts[i]);
    }
    EXPECT(&r, "k", 0, 3, 1, 1, 7, 1, 1, 3, 10);
    EXPECT(&r, "x", 0, 0.5, 0.25, 0.25, 0.5, 0.25, 8, 0.25, 9);
    EXPECT(&r, "b", 0, 1, 0, 1, 0, 1, 0, 0, 0);
    const int32_t types[] = {AIP_UTF8, AIP_DICTIONARY, AIP_INT64, AIP_FLOAT32, AIP_BOOL};
    for (int i = 0; i < 5; i++) ck_assert_int_eq(r.schema->fields[i].type, types[i]);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_constant_must_fit_the_column) {
    aip_context *ctx = tt_context(1);
    tt_column c[] = {TT_TEXTS("t", "b", NULL, NULL), TT_NUMBERS("k", AIP_INT32, 3, NAN, 4),
                     TT_NUMBERS("x", AIP_FLOAT64, NAN, 1, NAN)};
    aip_dataset *d = tt_table(ctx, c, 3, 3, 2);
    tt_rows r = tt_apply(ctx, "simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": -1}", d);
    EXPECT(&r, "k", 0, 3, -1, 4);
    EXPECT(&r, "x", 0, -1, 1, -1);
    ck_assert_ptr_null(tt_text(&r, "t", 1));
    tt_rows_free(&r);
    r = tt_apply(ctx, "simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": \"none\"}", d);
    ck_assert_str_eq(tt_text(&r, "t", 1), "none");
    EXPECT(&r, "k", 0, 3, NAN, 4);
    tt_rows_free(&r);
    r = tt_apply(ctx, "simple_imputer", "{\"strategy\": \"constant\", \"columns\": [\"t\", \"k\"]}", d);
    ck_assert_str_eq(tt_text(&r, "t", 2), "missing_value");
    EXPECT(&r, "k", 0, 3, 0, 4);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": 0.5}", d, d, &err), AIP_E_PARAM,
          "fill_value 0.5 does not fit column 'k', which is int32");
    FAILS(tt_try(ctx, "simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": 3000000000}", d, d, &err), AIP_E_PARAM,
          "'k'");
    FAILS(tt_try(ctx, "simple_imputer", "{\"fill_value\": 1}", d, d, &err), AIP_E_PARAM, "strategy 'constant'");
    FAILS(tt_try(ctx, "simple_imputer", "{\"columns\": \"t\"}", d, d, &err), AIP_E_SCHEMA, "column 't' is utf8");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(nan_is_missing_and_infinity_is_refused) {
    aip_context *ctx = tt_context(0);
    tt_column c = TT_NUMBERS("x", AIP_FLOAT64, 1, NAN, 3), bad = TT_NUMBERS("x", AIP_FLOAT64, 1, INFINITY, 3);
    c.keep_nan = 1;
    aip_dataset *d = tt_table(ctx, &c, 1, 3, 2), *e = tt_table(ctx, &bad, 1, 3, 2);
    tt_rows r = tt_apply(ctx, "simple_imputer", "{\"columns\": \"all\"}", d);
    EXPECT(&r, "x", 0, 1, 2, 3);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "simple_imputer", "{\"strategy\": \"median\"}", e, e, &err), AIP_E_DATA,
          "column 'x', row 1 (from 0): 'inf'");
    FAILS(tt_try(ctx, "simple_imputer", NULL, e, e, &err), AIP_E_DATA, "column 'x', row 1 (from 0): 'inf'");
    aip_dataset_free(d);
    aip_dataset_free(e);
    tt_context_end(ctx);
}
END_TEST

START_TEST(what_is_missing_only_later_is_filled_and_has_no_indicator) {
    aip_context *ctx = tt_context(0);
    tt_column a = TT_NUMBERS("x", AIP_INT64, 1, 3), b = TT_NUMBERS("x", AIP_FLOAT64, NAN, 5);
    aip_dataset *fit = tt_table(ctx, &a, 1, 2, 2), *later = tt_table(ctx, &b, 1, 2, 2);
    tt_rows r = tt_fit_apply(ctx, "simple_imputer", "{\"add_indicator\": true}", fit, later);
    ck_assert_str_eq(tt_names(&r), "x");
    EXPECT(&r, "x", 0, 2, 5);
    tt_rows_free(&r);
    aip_dataset_free(fit);
    aip_dataset_free(later);
    tt_context_end(ctx);
}
END_TEST

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

START_TEST(the_median_is_that_of_the_sorted_values) {
    aip_context *ctx = tt_context(0);
    uint64_t seed = 1;
    for (int round = 0; round < 60; round++) {
        size_t n = (size_t)round % 23 + 1;
        double x[23], sorted[23], got = 0;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[i] = round % 3 == 0 ? (double)(int64_t)(seed >> 60) - 8 : ldexp((double)(int64_t)seed, (int)(seed % 200) - 100);
        }
        memcpy(sorted, x, sizeof x);
        qsort(sorted, n, sizeof *sorted, ascending);
        OK(aip__median(ctx, x, n, &got, &err));
        ck_assert_double_eq(got, n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2);
    }
    tt_context_end(ctx);
}
END_TEST

Suite *imputer_suite(void) {
    const TTest *const tests[] = {mean_gives_float64_and_leaves_out_a_column_without_values,
                                  median_is_exact_and_an_empty_column_may_be_kept,
                                  most_frequent_keeps_the_type_and_takes_the_smallest_of_equals,
                                  a_constant_must_fit_the_column,
                                  nan_is_missing_and_infinity_is_refused,
                                  what_is_missing_only_later_is_filled_and_has_no_indicator,
                                  the_median_is_that_of_the_sorted_values,
                                  NULL};
    return unit_suite("simple_imputer", tests);
}
