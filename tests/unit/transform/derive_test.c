/* derive: expected values by hand. */
#include "transform_suites.h"

static const tt_column flights[] = {TT_NUMBERS("arr_delay", AIP_INT64, 20, -3, NAN, 15),
                                    TT_NUMBERS("year", AIP_INT64, 2013, 2013, 2013, 2013),
                                    TT_NUMBERS("built", AIP_INT32, 1999, NAN, 2004, 2010),
                                    {"carrier", AIP_DICTIONARY, NULL, (const char *const[]){"UA", "AA", NULL, "UA"}, 0}};

START_TEST(derive_adds_columns_at_the_end_in_the_given_order) {
    for (int32_t workers = 0; workers <= 8; workers += workers < 2 ? 1 : 6) {
        aip_context *ctx = tt_context(workers);
        aip_dataset *d = tt_table(ctx, flights, 4, 4, 1 + workers % 3);
        tt_rows r =
            tt_apply(ctx, "derive", "{\"late\": \"arr_delay > 15\", \"age\": \"year - built\", \"ua\": \"carrier = 'UA'\"}", d);
        ck_assert_str_eq(tt_names(&r), "arr_delay,year,built,carrier,late,age,ua");
        EXPECT(&r, "late", 0, 1, 0, NAN, 0);
        EXPECT(&r, "age", 0, 14, NAN, 9, 3);
        EXPECT(&r, "ua", 0, 1, 0, NAN, 1);
        ck_assert_int_eq(r.schema->fields[4].type, AIP_BOOL);
        tt_rows_free(&r);
        aip_dataset_free(d);
        tt_context_end(ctx);
    }
}
END_TEST

START_TEST(a_later_expression_sees_the_earlier_columns_and_a_name_is_replaced_in_its_place) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 4, 4, 4);
    tt_rows r =
        tt_apply(ctx, "derive", "{\"z\": \"year - built\", \"a\": \"z * 2\", \"year\": \"year - 2000\", \"b\": \"year\"}", d);
    ck_assert_str_eq(tt_names(&r), "arr_delay,year,built,carrier,z,a,b");
    EXPECT(&r, "a", 0, 28, NAN, 18, 6);
    EXPECT(&r, "year", 0, 13, 13, 13, 13);
    EXPECT(&r, "b", 0, 13, 13, 13, 13);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "derive", "{\"a\": \"z * 2\", \"z\": \"year - built\"}", d, d, &err), AIP_E_SCHEMA, "no column 'z'");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(the_order_survives_the_canonical_parameters) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 4, 4, 4);
    aip_stage *stage = tt_stage(ctx, "derive", "{\"z\": \"year - built\", \"a\": \"z * 2\"}");
    tt_rows r = tt_apply(ctx, "derive", aip__params_canonical(stage->spec->params), d);
    ck_assert_str_eq(tt_names(&r), "arr_delay,year,built,carrier,z,a");
    EXPECT(&r, "a", 0, 28, NAN, 18, 6);
    tt_rows_free(&r);
    aip_stage_free(stage);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(numbers_and_bools_may_stand_without_quotes) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 4, 4, 4);
    tt_rows r = tt_apply(ctx, "derive", "{\"one\": 1, \"half\": 0.5, \"yes\": true, \"same\": \"carrier\"}", d);
    EXPECT(&r, "one", 0, 1, 1, 1, 1);
    EXPECT(&r, "half", 0, 0.5, 0.5, 0.5, 0.5);
    EXPECT(&r, "yes", 0, 1, 1, 1, 1);
    ck_assert_int_eq(r.schema->fields[4].type, AIP_INT64);
    ck_assert_int_eq(r.schema->fields[4].nullable, 0);
    ck_assert_str_eq(tt_text(&r, "same", 3), "UA");
    ck_assert_int_eq(r.schema->fields[7].type, AIP_DICTIONARY);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(what_cannot_be_derived_is_named) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 4, 4, 4);
    aip_error *why = NULL;
    FAILS(tt_try(ctx, "derive", "{}", d, d, &err), AIP_E_PARAM, "expected at least one column");
    FAILS(tt_try(ctx, "derive", "{\"x\": null}", d, d, &err), AIP_E_PARAM, "derive: x is null: expected an expression");
    FAILS(tt_try(ctx, "derive", "{\"x\": [1]}", d, d, &err), AIP_E_PARAM, "derive: x is a list: expected an expression");
    FAILS(tt_try(ctx, "derive", "{\"x\": \"arr_delay >\"}", d, d, &err), AIP_E_SYNTAX,
          "column 12: expected a value, found the end");
    FAILS(tt_try(ctx, "derive", "{\"x\": \"arr_dealy > 1\"}", d, d, &err), AIP_E_SCHEMA, "did you mean 'arr_delay'?");
    FAILS(tt_try(ctx, "derive", "{\"x\": \"year * 9223372036854775807\"}", d, d, &err), AIP_E_DATA, "int64 overflow");
    ck_assert_int_eq(tt_try(ctx, "derive", "{\"x\": \"carrier + 1\"}", d, d, &why), AIP_E_SCHEMA);
    ck_assert_str_eq(aip_error_parameter(why), "x");
    aip_error_free(why);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(an_empty_dataset_gets_the_columns_too) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, flights, 4, 0, 4);
    tt_rows r = tt_apply(ctx, "derive", "{\"late\": \"arr_delay > 15\", \"who\": \"lower(carrier)\"}", d);
    ck_assert_str_eq(tt_names(&r), "arr_delay,year,built,carrier,late,who");
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

Suite *derive_suite(void) {
    const TTest *const tests[] = {derive_adds_columns_at_the_end_in_the_given_order,
                                  a_later_expression_sees_the_earlier_columns_and_a_name_is_replaced_in_its_place,
                                  the_order_survives_the_canonical_parameters,
                                  numbers_and_bools_may_stand_without_quotes,
                                  what_cannot_be_derived_is_named,
                                  an_empty_dataset_gets_the_columns_too,
                                  NULL};
    return unit_suite("derive", tests);
}
