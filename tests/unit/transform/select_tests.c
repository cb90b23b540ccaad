/* select, drop, rename, cast: expected values by hand. */
#include "transform_suites.h"

static const tt_column three[] = {TT_NUMBERS("a", AIP_INT64, 1, NAN, 3), TT_TEXTS("b", "1.5", "x", NULL),
                                  TT_NUMBERS("ab", AIP_FLOAT64, 0.5, 2, 3)};

START_TEST(select_keeps_the_named_columns_in_their_order) {
    aip_context *ctx = tt_context(1);
    aip_dataset *d = tt_table(ctx, three, 3, 3, 2);
    tt_rows r = tt_apply(ctx, "select", "{\"columns\": [\"ab\", \"a\"]}", d);
    ck_assert_str_eq(tt_names(&r), "ab,a");
    EXPECT(&r, "a", 0, 1, NAN, 3);
    tt_rows_free(&r);
    r = tt_apply(ctx, "select", "{\"columns\": \"a*\"}", d);
    ck_assert_str_eq(tt_names(&r), "a,ab");
    tt_rows_free(&r);
    r = tt_apply(ctx, "drop", "{\"columns\": [\"a\"]}", d);
    ck_assert_str_eq(tt_names(&r), "b,ab");
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "select", "{\"columns\": [\"c\"]}", d, d, &err), AIP_E_SCHEMA, "no column 'c'");
    FAILS(tt_try(ctx, "select", NULL, d, d, &err), AIP_E_PARAM, "columns");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(rename_may_swap_names_but_not_make_two_of_one) {
    aip_context *ctx = tt_context(1);
    aip_dataset *d = tt_table(ctx, three, 3, 3, 3);
    tt_rows r = tt_apply(ctx, "rename", "{\"columns\": {\"a\": \"ab\", \"ab\": \"a\"}}", d);
    ck_assert_str_eq(tt_names(&r), "ab,b,a");
    EXPECT(&r, "ab", 0, 1, NAN, 3);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "rename", "{\"columns\": {\"a\": \"b\"}}", d, d, &err), AIP_E_SCHEMA, "b");
    FAILS(tt_try(ctx, "rename", "{\"columns\": {\"z\": \"b\"}}", d, d, &err), AIP_E_SCHEMA, "no column 'z'");
    FAILS(tt_try(ctx, "rename", "{\"columns\": {\"a\": 1}}", d, d, &err), AIP_E_PARAM, "must be a text");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(cast_turns_bad_cells_into_an_error_or_null) {
    aip_context *ctx = tt_context(1);
    aip_dataset *d = tt_table(ctx, three, 3, 3, 3);
    FAILS(tt_try(ctx, "cast", "{\"columns\": {\"b\": \"float64\"}}", d, d, &err), AIP_E_DATA,
          "column 'b', row 1 (from 0): 'x' is not a value of float64");
    tt_rows r = tt_apply(ctx, "cast", "{\"columns\": {\"b\": \"float64\", \"a\": \"utf8\"}, \"on_bad_cell\": \"null\"}", d);
    EXPECT(&r, "b", 0, 1.5, NAN, NAN);
    ck_assert_str_eq(tt_text(&r, "a", 2), "3");
    ck_assert_ptr_null(tt_text(&r, "a", 1));
    tt_rows_free(&r);
    r = tt_apply(ctx, "cast", "{\"columns\": {\"ab\": \"decimal64(2)\", \"a\": \"timestamp[UTC]\"}}", d);
    ck_assert_int_eq(r.schema->fields[2].type, AIP_DECIMAL64);
    ck_assert_int_eq(r.schema->fields[2].scale, 2);
    ck_assert_str_eq(r.schema->fields[0].zone, "UTC");
    EXPECT(&r, "ab", 0, 50, 200, 300);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "cast", "{\"columns\": {\"b\": \"flaot\"}}", d, d, &err), AIP_E_PARAM,
          "'flaot' is not a type for column 'b'");
    FAILS(tt_try(ctx, "cast", "{\"columns\": {\"b\": \"decimal64(19)\"}}", d, d, &err), AIP_E_PARAM, "not a type");
    FAILS(tt_try(ctx, "cast", "{\"columns\": {\"b\": \"int64[UTC]\"}}", d, d, &err), AIP_E_PARAM, "not a type");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

Suite *select_suite(void) {
    const TTest *const tests[] = {select_keeps_the_named_columns_in_their_order, rename_may_swap_names_but_not_make_two_of_one,
                                  cast_turns_bad_cells_into_an_error_or_null, NULL};
    return unit_suite("select", tests);
}
