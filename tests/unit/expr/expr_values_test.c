/* What operators compute: arithmetic, comparison, logic with three values (SQL:2016, part 2, 8.1 to 8.21 and table of truth), choice, failures.
 * Expected values by hand or from Python. */
#include "expr_suites.h"

#include <stdlib.h>

START_TEST(arithmetic_of_integers_is_int64_and_with_floats_float64) {
    assert_values("i + j", "int64", "[9, -5, 0, null, 101, null]");
    assert_values("i - j", "int64", "[5, -9, 0, null, 99, null]");
    assert_values("i * j", "int64", "[14, -14, 0, null, 100, null]");
    assert_values("j * j", "int64", "[4, 4, 0, 25, 1, null]");
    assert_values("i + f", "float64", "[8.5, -9.5, 0.0, null, 1e+300, nan]");
    assert_values("i - 0.5", "float64", "[6.5, -7.5, -0.5, null, 99.5, 2.5]");
    assert_values("g * 2", "float64", "[1.0, 2.0, null, -4.0, 0.0, 6.0]");
    assert_values("-i", "int64", "[-7, 7, 0, null, -100, -3]");
    assert_values("-f", "float64", "[-1.5, 2.5, -0.0, null, -1e+300, nan]");
    assert_values("n * 100", "float64", "[1234.0, -50.0, null, 10000.0, 0.0, 1.0]");
    assert_values("i + null", "int64", "[null, null, null, null, null, null]");
}
END_TEST

START_TEST(division_gives_floats_and_null_for_a_zero_divisor) {
    assert_values("i / j", "float64", "[3.5, -3.5, null, null, 100.0, null]");
    assert_values("1 / f", "float64", "[0.6666666666666666, -0.4, null, null, 1e-300, nan]");
    assert_value("7 / 0", "null");
    assert_value("0.0 / 0.0", "null");
}
END_TEST

START_TEST(the_rest_has_the_divisors_sign_as_in_python) {
    assert_values("i % 3", "int64", "[1, 2, 0, null, 1, 0]");
    assert_values("i % j", "int64", "[1, 1, null, null, 0, null]");
    assert_value("7 % -3", "-2");
    assert_value("-7.5 % 2", "0.5");
    assert_value("7.5 % -2", "-0.5");
    assert_value("-9223372036854775808 % -1", "0");
    assert_value("5 % 0", "null");
}
END_TEST

START_TEST(an_integer_overflow_is_an_error_that_names_expression_and_row) {
    assert_fails("k + 1", AIP_E_DATA, "expression 'k + 1': int64 overflow in 'k + 1', row 0 of a batch");
    assert_fails("2 > 1 and k - 1 < 0", AIP_E_DATA, "int64 overflow in 'k - 1', row 2");
    assert_fails("k * 2", AIP_E_DATA, "int64 overflow");
    assert_fails("-k", AIP_E_DATA, "int64 overflow in '-k', row 2");
    assert_fails("abs(k)", AIP_E_DATA, "int64 overflow in 'abs(k)', row 2");
    assert_fails("9223372036854775807 + 1", AIP_E_DATA, "int64 overflow");
    assert_fails("day + 4000000000", AIP_E_DATA, "overflow");
}
END_TEST

START_TEST(a_failure_counts_only_where_it_reaches_the_result) {
    assert_values("if(k < 100 and k > -100, k * 2, 0)", "int64", "[0, 2, 0, 8, 10, 12]");
    assert_values("case when k > 100 then 1 when k < -100 then 2 when k * 2 > 8 then 3 else 4 end", "int64",
                  "[1, 4, 2, 4, 3, 3]");
    assert_values("k > 100 or k < -100 or k * 2 > 8", "bool", "[true, false, true, false, true, true]");
    assert_values("k * 2 > 8 or k > 100 or k < -100", "bool", "[true, false, true, false, true, true]");
    assert_values("k between -100 and 100 and k + k > 3", "bool", "[false, false, false, true, true, true]");
    assert_values("coalesce(j, k * 2)", "int64", "[2, 2, 0, 5, 1, 12]");
    assert_fails("coalesce(k * 2, j)", AIP_E_DATA, "overflow");
    assert_fails("k * 2 is null", AIP_E_DATA, "overflow");
    assert_values("coalesce(try_cast(t as int64), -1)", "int64", "[-1, -1, -1, -1, -1, -1]");
    assert_values("if(t = 'abc' or t is null, 0, length(t))", "int64", "[0, 5, 0, 0, 5, 6]");
}
END_TEST

START_TEST(comparisons_follow_ieee_and_null_gives_null) {
    assert_values("i > 0", "bool", "[true, false, false, null, true, true]");
    assert_values("i >= j", "bool", "[true, false, true, null, true, null]");
    assert_values("f = f", "bool", "[true, true, true, null, true, false]");
    assert_values("f != f", "bool", "[false, false, false, null, false, true]");
    assert_values("f < 1", "bool", "[false, true, true, null, false, false]");
    assert_values("i <= 3.5", "bool", "[false, true, true, null, false, true]");
    assert_values("b = true", "bool", "[true, false, null, true, false, null]");
    assert_values("b < true", "bool", "[false, true, null, false, true, null]");
    assert_values("i = null", "bool", "[null, null, null, null, null, null]");
    assert_value("null = null", "null");
    assert_value("9007199254740993 = 9007199254740992", "false");
    assert_value("9007199254740993 = 9007199254740992.0", "true"); /* compared as float64 */
}
END_TEST

START_TEST(texts_compare_bytewise_in_utf8_and_dictionary_columns_alike) {
    assert_values("t = 'abc'", "bool", "[true, false, false, null, false, false]");
    assert_values("t < 'b'", "bool", "[true, true, true, null, false, true]");
    assert_values("t >= ''", "bool", "[true, true, true, null, true, true]");
    assert_values("c = 'UA'", "bool", "[true, false, null, true, false, false]");
    assert_values("c != 'UA'", "bool", "[false, true, null, false, true, true]");
    assert_values("c > 'AB'", "bool", "[true, false, null, true, true, false]");
    assert_values("c = t", "bool", "[false, false, null, null, false, false]");
    assert_values("c is null", "bool", "[false, false, true, false, false, false]");
    assert_values("coalesce(c, 'none')", "utf8", "['UA', 'AA', 'none', 'UA', 'DL', 'AA']");
    assert_values("lower(c) || '-' || text(length(c))", "utf8", "['ua-2', 'aa-2', null, 'ua-2', 'dl-2', 'aa-2']");
}
END_TEST

START_TEST(dates_and_timestamps_compare_with_texts_read_once) {
    assert_values("day >= '2012-02-29'", "bool", "[true, true, null, false, true, false]");
    assert_values("day = '2013-01-01'", "bool", "[true, false, null, false, false, false]");
    assert_values("wall < '2013-01-01 05:00:01'", "bool", "[true, null, true, false, true, false]");
    assert_values("wall > '2013-01-01'", "bool", "[true, null, false, true, false, true]");
    assert_values("day < wall", "bool", "[true, null, null, true, false, true]");
    /* a text without offset is local time of the column's zone */
    assert_values("at < '2013-03-10 03:00:00'", "bool", "[true, false, false, false, true, null]");
    assert_values("at >= '2013-03-10T07:00:00Z'", "bool", "[false, true, true, true, false, null]");
    assert_values("'2013-01-01' = day", "bool", "[true, false, null, false, false, false]");
    assert_values("day in ('2013-01-01', '2000-03-01')", "bool", "[true, false, null, false, false, true]");
    assert_values("day between '2000-01-01' and '2013-01-01'", "bool", "[true, true, null, false, false, true]");
}
END_TEST

static void assert_logic(const char *expression, const char *expected) {
    aip_batch *batch = logic_table();
    char *values = values_of(batch, expression);
    ck_assert_msg(strcmp(values, expected) == 0, "%s gives %s, expected %s", expression, values, expected);
    free(values);
    aip_batch_free(batch);
}

START_TEST(logic_has_three_values) { /* p: T T T F F F N N N, q: T F N T F N T F N */
    assert_logic("p and q", "[true, false, null, false, false, false, null, false, null]");
    assert_logic("p or q", "[true, true, true, true, false, null, true, null, null]");
    assert_logic("not p", "[false, false, false, true, true, true, null, null, null]");
    assert_logic("p = q", "[true, false, null, false, true, null, null, null, null]");
    assert_logic("p is null", "[false, false, false, false, false, false, true, true, true]");
    assert_logic("p is not null", "[true, true, true, true, true, true, false, false, false]");
    assert_logic("(not (p and q)) = (not p or not q)", "[true, true, null, true, true, true, null, true, null]");
    assert_logic("p and null", "[null, null, null, false, false, false, null, null, null]");
    assert_logic("p or null", "[true, true, true, null, null, null, null, null, null]");
    assert_logic("if(p, 1, 2)", "[1, 1, 1, 2, 2, 2, 2, 2, 2]");
    assert_logic("case when p then 1 when q then 2 end", "[1, 1, 1, 2, null, null, 2, null, null]");
    assert_logic("coalesce(p, q)", "[true, true, true, false, false, false, true, false, null]");
}
END_TEST

START_TEST(in_and_between_follow_sql_with_nulls) {
    assert_values("i in (7, 3)", "bool", "[true, false, false, null, false, true]");
    assert_values("i in (7, null)", "bool", "[true, null, null, null, null, null]");
    assert_values("i not in (7, 3)", "bool", "[false, true, true, null, true, false]");
    assert_values("i not in (7, null)", "bool", "[false, null, null, null, null, null]");
    assert_values("i in (1,2,3,4,5,6,7,8,9,10,11)", "bool", "[true, false, false, null, false, true]");
    assert_values("i in (j, 3, 7)", "bool", "[true, false, true, null, false, true]");
    assert_values("i in (j, 0)", "bool", "[false, false, true, null, false, null]");
    assert_values("i in (7.0, 2.5)", "bool", "[true, false, false, null, false, false]");
    assert_values("f in (1.5, 0)", "bool", "[true, false, true, null, false, false]");
    assert_values("c in ('UA', 'DL')", "bool", "[true, false, null, true, true, false]");
    assert_values("t in ('', 'abc', 'x')", "bool", "[true, false, true, null, false, false]");
    assert_values("i between 0 and 7", "bool", "[true, false, true, null, false, true]");
    assert_values("i not between 0 and 7", "bool", "[false, true, false, null, true, false]");
    assert_values("i between j and 50", "bool", "[true, false, true, null, false, null]");
    assert_values("i between j and 2", "bool", "[false, false, true, null, false, false]");
    assert_values("b in (true)", "bool", "[true, false, null, true, false, null]");
}
END_TEST

START_TEST(choice_takes_the_first_that_fits) {
    assert_values("case when i > 5 then 'big' when i < 0 then 'less' else t end", "utf8",
                  "['big', 'less', '', null, 'big', 'a,b,,c']");
    assert_values("if(i > 5, i, f)", "float64", "[7.0, -2.5, 0.0, null, 100.0, nan]");
    assert_values("if(b, day, '2020-01-01')", "date32",
                  "[2013-01-01, 2020-01-01, 2020-01-01, 1969-12-31, 2020-01-01, 2020-01-01]");
    assert_values("coalesce(i, j)", "int64", "[7, -7, 0, 5, 100, 3]");
    assert_values("coalesce(i, f, 1)", "float64", "[7.0, -7.0, 0.0, 1.0, 100.0, 3.0]");
    assert_values("coalesce(null, t, 'none')", "utf8", "['abc', ' Abc ', '', 'none', 'Äpfel', 'a,b,,c']");
    assert_values("nullif(j, 2)", "int64", "[null, null, 0, 5, 1, null]");
    assert_values("nullif(t, '')", "utf8", "['abc', ' Abc ', null, null, 'Äpfel', 'a,b,,c']");
    assert_values("least(i, j, 2)", "int64", "[2, -7, 0, 2, 1, 2]");
    assert_values("greatest(i, j)", "int64", "[7, 2, 0, 5, 100, 3]");
    assert_values("greatest(i, f)", "float64", "[7.0, -2.5, 0.0, null, 1e+300, nan]");
    assert_values("least(f, i)", "float64", "[1.5, -7.0, 0.0, null, 100.0, 3.0]");
    assert_values("greatest(t, 'b')", "utf8", "['b', 'b', 'b', 'b', 'Äpfel', 'b']");
}
END_TEST

START_TEST(a_lone_column_is_passed_through_as_it_is) {
    assert_values("c", "dictionary", "['UA', 'AA', null, 'UA', 'DL', 'AA']");
    assert_values("(n)", "decimal64", "[12.34, -0.50, null, 100.00, 0.00, 0.01]");
    assert_values("j", "int32", "[2, 2, 0, 5, 1, null]");
    assert_values("x", "binary", "['r', 'r', 'r', 'r', 'r', 'r']");
    assert_values("x is null", "bool", "[false, false, false, false, false, false]");
}
END_TEST

START_TEST(an_empty_batch_gives_an_empty_column) {
    aip_batch *none = NULL;
    ck_assert_int_eq(aip__batch_slice(table, 0, 0, &none, NULL), AIP_OK);
    const char *const expressions[] = {"i + 1", "lower(t)", "c = 'UA'", "year(at)", "1", "'x'", "i in (1, 2)"};
    for (size_t k = 0; k < sizeof expressions / sizeof *expressions; k++) {
        char *values = values_of(none, expressions[k]);
        ck_assert_str_eq(values, "]"); /* no row, no bracket */
        free(values);
    }
    aip_batch_free(none);
}
END_TEST

START_TEST(a_slice_gives_what_its_rows_give) {
    aip_batch *slice = NULL;
    ck_assert_int_eq(aip__batch_slice(table, 3, 3, &slice, NULL), AIP_OK);
    const struct {
        const char *expression, *values;
    } cases[] = {{"i + j", "[null, 101, null]"},
                 {"upper(t)", "[null, 'ÄPFEL', 'A,B,,C']"},
                 {"lower(c)", "['ua', 'dl', 'aa']"},
                 {"not b", "[false, true, null]"},
                 {"day + 1", "[1970-01-01, 2024-12-31, 2000-03-02]"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char *values = values_of(slice, cases[k].expression);
        ck_assert_str_eq(values, cases[k].values);
        free(values);
    }
    aip_batch_free(slice);
}
END_TEST

START_TEST(a_mask_is_true_rows_only) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    aip__buffer *mask = NULL;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__expr_parse(table_ctx, "i > 0", 5, &e, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_bind(e, table->schema, &b, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_mask(b, table, &mask, NULL), AIP_OK);
    ck_assert_uint_eq(mask->data[0], 0x31); /* rows 0, 4, 5; row 3 is null */
    aip__buffer_free(mask);
    aip__expr_unbind(b);
    aip__expr_free(e);
    ck_assert_int_eq(aip__expr_parse(table_ctx, "i", 1, &e, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_bind(e, table->schema, &b, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_mask(b, table, &mask, &err), AIP_E_SCHEMA);
    ck_assert_str_eq(aip_error_message(err), "expression 'i': expected bool, found int64");
    aip_error_free(err);
    aip__expr_unbind(b);
    aip__expr_free(e);
}
END_TEST

Suite *expr_values_suite(void) {
    const TTest *const tests[] = {arithmetic_of_integers_is_int64_and_with_floats_float64,
                                  division_gives_floats_and_null_for_a_zero_divisor,
                                  the_rest_has_the_divisors_sign_as_in_python,
                                  an_integer_overflow_is_an_error_that_names_expression_and_row,
                                  a_failure_counts_only_where_it_reaches_the_result,
                                  comparisons_follow_ieee_and_null_gives_null,
                                  texts_compare_bytewise_in_utf8_and_dictionary_columns_alike,
                                  dates_and_timestamps_compare_with_texts_read_once,
                                  logic_has_three_values,
                                  in_and_between_follow_sql_with_nulls,
                                  choice_takes_the_first_that_fits,
                                  a_lone_column_is_passed_through_as_it_is,
                                  an_empty_batch_gives_an_empty_column,
                                  a_slice_gives_what_its_rows_give,
                                  a_mask_is_true_rows_only,
                                  NULL};
    return table_suite("expr values", tests);
}
