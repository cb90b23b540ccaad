/* Text to tree: precedence, quoting, limits, and what errors say. Precedence is PostgreSQL's, but that `=` may be written `==`. */
#include "expr_suites.h"

#include <stdlib.h>

/* `same` says the same with every parenthesis. */
static void assert_same(const char *expression, const char *same) {
    char *a = values_of(table, expression), *b = values_of(table, same);
    ck_assert_msg(strcmp(a, b) == 0, "%s gives %s, %s gives %s", expression, a, same, b);
    free(a);
    free(b);
}

START_TEST(operators_bind_as_in_sql) {
    assert_same("1 + 2 * 3", "1 + (2 * 3)");
    assert_same("10 - 4 - 3", "(10 - 4) - 3");
    assert_same("2 * 7 % 4", "(2 * 7) % 4");
    assert_same("-2 * -3 + 1", "((-2) * (-3)) + 1");
    assert_same("i + 1 > j * 2", "(i + 1) > (j * 2)");
    assert_same("not b and i > 0", "(not b) and (i > 0)");
    assert_same("not i > 0", "not (i > 0)");
    assert_same("b or i > 0 and j = 2", "b or ((i > 0) and (j = 2))");
    assert_same("i between 1 and 5 + 3 and b", "(i between 1 and (5 + 3)) and b");
    assert_same("i is null or j is not null", "(i is null) or (j is not null)");
    assert_same("not i is null", "not (i is null)");
    assert_same("t || 'x' = 'abcx'", "(t || 'x') = 'abcx'");
    assert_same("i in (7, 3) and not j in (1)", "(i in (7, 3)) and (not (j in (1)))");
    assert_same("- i + 1", "(-i) + 1");
    assert_same("+i", "i");
    assert_values("1 + 2 * 3", "int64", "[7, 7, 7, 7, 7, 7]");
}
END_TEST

START_TEST(words_are_read_in_any_case_and_operators_have_two_spellings) {
    assert_same("b AND NOT b Or b Is Not Null", "b and not b or b is not null");
    assert_same("i == 7", "i = 7");
    assert_same("i <> 7", "i != 7");
    assert_same("CASE WHEN b THEN 1 ELSE 2 END", "if(b, 1, 2)");
    assert_same("Coalesce(i, 1)", "coalesce(i, 1)");
}
END_TEST

START_TEST(quotes_hold_any_text_and_any_column_name) {
    assert_values("\"odd name\" = 'x'", "bool", "[true, false, true, false, true, false]");
    assert_value("'it''s'", "'it's'");
    assert_value("''", "''");
    assert_value("'\"'", "'\"'");
    assert_fails("\"a\"\"b\"", AIP_E_SCHEMA, "column 1: no column 'a\"b'");
}
END_TEST

START_TEST(numbers_are_integers_or_floats_as_written) {
    assert_values(
        "9223372036854775807 + 0 * j", "int64",
        "[9223372036854775807, 9223372036854775807, 9223372036854775807, 9223372036854775807, 9223372036854775807, null]");
    assert_value("-9223372036854775808", "-9223372036854775808");
    assert_value("1.5e3", "1500.0");
    assert_value(".5", "0.5");
    assert_value("1e2", "100.0");
    assert_fails("9223372036854775808", AIP_E_SYNTAX, "column 1: expected an integer within int64");
    assert_fails("1e999", AIP_E_SYNTAX, "expected a number within float64");
    assert_fails("1.", AIP_E_SYNTAX, "expected a digit after the point");
    assert_fails("12abc", AIP_E_SYNTAX, "column 3: expected a number to end here");
}
END_TEST

START_TEST(errors_say_where_and_what_was_expected) {
    assert_fails("a +", AIP_E_SYNTAX, "expression 'a +': column 4: expected a value, found the end");
    assert_fails("", AIP_E_SYNTAX, "column 1: expected a value, found the end");
    assert_fails("(i + 1", AIP_E_SYNTAX, "column 7: expected ')', found the end");
    assert_fails("i i", AIP_E_SYNTAX, "column 3: expected an operator or the end, found 'i'");
    assert_fails("i & j", AIP_E_SYNTAX, "column 3: expected an operator or the end, found '&' (write 'and')");
    assert_fails("i is 3", AIP_E_SYNTAX, "column 6: expected 'null' or 'not null', found '3'");
    assert_fails("i between 1 or 2", AIP_E_SYNTAX, "column 13: expected 'and' and the upper bound, found 'or'");
    assert_fails("i in 3", AIP_E_SYNTAX, "column 6: expected '(' and a list of values, found '3'");
    assert_fails("i in ()", AIP_E_SYNTAX, "expected a value, found ')'");
    assert_fails("i not 3", AIP_E_SYNTAX, "expected 'in' or 'between', found '3'");
    assert_fails("case when b then 1", AIP_E_SYNTAX, "expected 'when', 'else' or 'end', found the end");
    assert_fails("case b when 1 then 2 end", AIP_E_SYNTAX, "column 6: expected 'when', found 'b'");
    assert_fails("cast(i as money)", AIP_E_SYNTAX, "expected a type");
    assert_fails("'open", AIP_E_SYNTAX, "column 1: expected a closing ' after a text, found the end");
    assert_fails("\"open", AIP_E_SYNTAX, "expected a closing \" after a column's name");
    assert_fails("squareroot(2)", AIP_E_SYNTAX, "column 1: no function 'squareroot'");
    assert_fails("lenght(t)", AIP_E_SYNTAX, "no function 'lenght'; did you mean 'length'?");
    assert_fails("substr(t)", AIP_E_SYNTAX, "expected substr(x, start [, length]), found 1 argument");
    assert_fails("and", AIP_E_SYNTAX, "expected a value, found 'and'");
    assert_fails("i ? j", AIP_E_SYNTAX, "found '?'");
}
END_TEST

static char *nested(int depth) {
    char *text = malloc((size_t)depth * 2 + 2);
    memset(text, '(', (size_t)depth);
    text[depth] = 'i';
    memset(text + depth + 1, ')', (size_t)depth);
    text[2 * depth + 1] = 0;
    return text;
}

START_TEST(nesting_is_limited_and_long_chains_are_not_nesting) {
    char *deep = nested(5000), *fine = nested(150), *chain = malloc(60001), *minus = malloc(5002);
    assert_fails(deep, AIP_E_SYNTAX, "expected an expression nested at most 200 deep");
    assert_same(fine, "i");
    for (int k = 0; k < 15000; k++) memcpy(chain + 4 * k, "j + ", 5);
    memcpy(chain + 4 * 7000, "0", 2); /* 7000 times j and 0 */
    char *values = values_of(table, chain);
    ck_assert_str_eq(values, "[14000, 14000, 0, 35000, 7000, null]");
    for (int k = 0; k < 2500; k++) memcpy(minus + 2 * k, "- ", 3);
    memcpy(minus + 5000, "i", 2);
    assert_fails(minus, AIP_E_SYNTAX, "nested at most 200 deep");
    free(deep), free(fine), free(chain), free(minus), free(values);
}
END_TEST

START_TEST(size_is_limited) {
    char *big = malloc(65539);
    memset(big, ' ', 65538);
    memcpy(big + 65536, "i", 2);
    assert_fails(big, AIP_E_SYNTAX, "expected an expression of at most 65536 bytes, found 65537");
    memset(big, ' ', 65538);
    for (int k = 0; k < 17000; k++) memcpy(big + 2 * k, "1+", 2);
    memcpy(big + 2 * 17000, "1", 2);
    assert_fails(big, AIP_E_SYNTAX, "has more than 16384 parts");
    free(big);
}
END_TEST

START_TEST(an_expression_says_which_columns_it_reads) {
    const char *text = "year - built > 3 and \"odd name\" = 'year' or weekday(time_hour, 'UTC') = year";
    aip__expr *e = NULL;
    ck_assert_int_eq(aip__expr_parse(table_ctx, text, strlen(text), &e, NULL), AIP_OK);
    ck_assert_str_eq(aip__expr_column(e, 0), "year");
    ck_assert_str_eq(aip__expr_column(e, 1), "built");
    ck_assert_str_eq(aip__expr_column(e, 2), "odd name");
    ck_assert_str_eq(aip__expr_column(e, 3), "time_hour");
    ck_assert_ptr_null(aip__expr_column(e, 4));
    ck_assert_str_eq(aip__expr_text(e), text);
    aip__expr_free(e);
}
END_TEST

Suite *expr_parse_suite(void) {
    const TTest *const tests[] = {operators_bind_as_in_sql,
                                  words_are_read_in_any_case_and_operators_have_two_spellings,
                                  quotes_hold_any_text_and_any_column_name,
                                  numbers_are_integers_or_floats_as_written,
                                  errors_say_where_and_what_was_expected,
                                  nesting_is_limited_and_long_chains_are_not_nesting,
                                  size_is_limited,
                                  an_expression_says_which_columns_it_reads,
                                  NULL};
    return table_suite("expr parse", tests);
}
