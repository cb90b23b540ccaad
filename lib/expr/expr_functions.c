/* The table of operators and functions: what the parser knows, the binder types, the machine runs, and the manual prints. */
#include "expr/expr_functions.h"

#include "base/text.h"
#include <string.h>

#define D(name) aip__expr_do_##name
#define T(name) aip__expr_type_##name
#define OVERFLOW "int64 overflow"
#define UNFIT "a value that does not fit or does not parse"

#define OPERATOR(name_, signature_, doc_, min_, max_, pattern_, type_, exec_, ...)                                    \
    {                                                                                                                 \
        .name = name_, .signature = signature_, .doc = doc_, .min_args = min_, .max_args = max_, .pattern = pattern_, \
        .type = type_, .exec = exec_, __VA_ARGS__                                                                     \
    }
#define PLAIN(name_, signature_, doc_, min_, max_, pattern_, exec_, ...) \
    OPERATOR(name_, signature_, doc_, min_, max_, pattern_, NULL, exec_, __VA_ARGS__)

const expr_function aip__expr_functions[] = {
    /* arithmetic */
    OPERATOR("+", "a + b", "Sum; of a date and a number of days, a date.", 2, 2, NULL, T(arithmetic), D(arithmetic), .aux = 0,
             .failure = OVERFLOW),
    OPERATOR("-", "a - b", "Difference; of two dates, in days.", 2, 2, NULL, T(arithmetic), D(arithmetic), .aux = 1,
             .failure = OVERFLOW),
    OPERATOR("*", "a * b", "Product.", 2, 2, NULL, T(arithmetic), D(arithmetic), .aux = 2, .failure = OVERFLOW),
    PLAIN("/", "a / b", "Quotient as float64; null when b is 0.", 2, 2, "f*>f!", D(divide), .aux = 0),
    OPERATOR("%", "a % b", "Rest, with the sign of b as in Python; null when b is 0.", 2, 2, NULL, T(modulo), D(modulo),
             .aux = 0),
    PLAIN("unary -", "-x", "Negative.", 1, 1, "n>n", D(negate), .failure = OVERFLOW),
    /* comparison and logic */
    OPERATOR("=", "a = b, a == b", "Equal.", 2, 2, NULL, T(compare), D(compare), .aux = 0),
    OPERATOR("!=", "a != b, a <> b", "Not equal.", 2, 2, NULL, T(compare), D(compare), .aux = 1),
    OPERATOR("<", "a < b", "Less.", 2, 2, NULL, T(compare), D(compare), .aux = 2),
    OPERATOR("<=", "a <= b", "Less or equal.", 2, 2, NULL, T(compare), D(compare), .aux = 3),
    OPERATOR(">", "a > b", "Greater.", 2, 2, NULL, T(compare), D(compare), .aux = 4),
    OPERATOR(">=", "a >= b", "Greater or equal.", 2, 2, NULL, T(compare), D(compare), .aux = 5),
    OPERATOR("between", "x [not] between a and b", "Both bounds included.", 3, 3, NULL, T(compare), D(between), .lenient = true),
    OPERATOR("in", "x [not] in (a, b, ...)", "Equal to one of them.", 2, -1, NULL, T(in), D(in), .lenient = true),
    PLAIN("and", "a and b", "Both true; three-valued.", 2, 2, "b*>b", D(logic), .aux = 0, .lenient = true),
    PLAIN("or", "a or b", "At least one true; three-valued.", 2, 2, "b*>b", D(logic), .aux = 1, .lenient = true),
    PLAIN("not", "not a", "The opposite; null for null.", 1, 1, "b>b", D(not ), .aux = 0),
    OPERATOR("is null", "x is null", "Whether it is missing.", 1, 1, NULL, T(is_null), D(is_null), .aux = 0, .lenient = true),
    OPERATOR("is not null", "x is not null", "Whether it is there.", 1, 1, NULL, T(is_null), D(is_null), .aux = 1,
             .lenient = true),
    /* choice */
    OPERATOR("case", "case when c then a ... [else b] end", "The value after the first true condition.", 2, -1, NULL, T(case),
             D(case), .lenient = true),
    OPERATOR("if", "if(c, a, b)", "a where c is true, else b.", 3, 3, NULL, T(case), D(case), .lenient = true),
    OPERATOR("coalesce", "coalesce(a, b, ...)", "The first that is not null.", 1, -1, NULL, T(coalesce), D(coalesce),
             .lenient = true),
    OPERATOR("nullif", "nullif(a, b)", "a, but null where it equals b.", 2, 2, NULL, T(nullif), D(nullif), .lenient = true),
    OPERATOR("least", "least(a, b, ...)", "The smallest that is not null.", 1, -1, NULL, T(coalesce), D(extreme), .aux = 0,
             .lenient = true),
    OPERATOR("greatest", "greatest(a, b, ...)", "The largest that is not null.", 1, -1, NULL, T(coalesce), D(extreme), .aux = 1,
             .lenient = true),
    /* conversion */
    OPERATOR("cast", "cast(x as type), type(x)", "To another type; an error where it does not fit.", 1, 1, NULL, T(cast), D(cast),
             .aux = 0, .failure = UNFIT),
    OPERATOR("try_cast", "try_cast(x as type)", "To another type; null where it does not fit.", 1, 1, NULL, T(cast), D(cast),
             .aux = 1),
    /* numbers */
    PLAIN("abs", "abs(x)", "Absolute value.", 1, 1, "n>n", D(abs), .failure = OVERFLOW),
    PLAIN("sign", "sign(x)", "-1, 0 or 1.", 1, 1, "n>n", D(sign), .aux = 0),
    PLAIN("round", "round(x [, digits])", "To so many decimals; half to even, as numpy.", 1, 2, "n?i>n", D(round),
          .failure = OVERFLOW),
    PLAIN("floor", "floor(x)", "The next integer below.", 1, 1, "n>n", D(whole), .aux = 0),
    PLAIN("ceil", "ceil(x)", "The next integer above.", 1, 1, "n>n", D(whole), .aux = 1),
    PLAIN("trunc", "trunc(x)", "The next integer toward zero.", 1, 1, "n>n", D(whole), .aux = 2),
    PLAIN("sqrt", "sqrt(x)", "Square root; null below 0.", 1, 1, "f>f!", D(math), .aux = 'q'),
    PLAIN("exp", "exp(x)", "e to the power of x.", 1, 1, "f>f", D(math), .aux = 'e'),
    PLAIN("ln", "ln(x)", "Natural logarithm; null at 0 and below.", 1, 1, "f>f!", D(math), .aux = 'l'),
    PLAIN("log10", "log10(x)", "Logarithm to base 10; null at 0 and below.", 1, 1, "f>f!", D(math), .aux = 't'),
    PLAIN("log2", "log2(x)", "Logarithm to base 2; null at 0 and below.", 1, 1, "f>f!", D(math), .aux = '2'),
    PLAIN("pow", "pow(x, y)", "x to the power of y; null where that is not a real number.", 2, 2, "ff>f!", D(pow), .aux = 0),
    PLAIN("sin", "sin(x)", "Sine of radians.", 1, 1, "f>f!", D(math), .aux = 's'),
    PLAIN("cos", "cos(x)", "Cosine of radians.", 1, 1, "f>f!", D(math), .aux = 'c'),
    PLAIN("is_nan", "is_nan(x)", "Whether it is the float NaN.", 1, 1, "f>b", D(float_test), .aux = 0),
    PLAIN("is_finite", "is_finite(x)", "Whether it is neither NaN nor infinite.", 1, 1, "f>b", D(float_test), .aux = 1),
    /* texts */
    PLAIN("||", "a || b", "Texts joined.", 2, 2, "t*>t", D(concat), .aux = 0),
    PLAIN("concat", "concat(a, b, ...)", "Texts joined; null when one is.", 1, -1, "t*>t", D(concat), .aux = 0),
    PLAIN("lower", "lower(x)", "In small letters.", 1, 1, "t>t", D(letters), .aux = 0),
    PLAIN("upper", "upper(x)", "In capital letters.", 1, 1, "t>t", D(letters), .aux = 1),
    PLAIN("length", "length(x)", "Number of characters.", 1, 1, "t>i", D(length), .aux = 0),
    PLAIN("trim", "trim(x)", "Without white space at both ends.", 1, 1, "t>t", D(trim), .aux = 3),
    PLAIN("ltrim", "ltrim(x)", "Without white space at the start.", 1, 1, "t>t", D(trim), .aux = 1),
    PLAIN("rtrim", "rtrim(x)", "Without white space at the end.", 1, 1, "t>t", D(trim), .aux = 2),
    PLAIN("substr", "substr(x, start [, length])",
          "Characters from start on, the first is 1; a negative start counts from the end.", 2, 3, "ti?i>t", D(substr), .aux = 0),
    PLAIN("left", "left(x, n)", "The first n characters; all but the last -n when negative.", 2, 2, "ti>t", D(ends), .aux = 0),
    PLAIN("right", "right(x, n)", "The last n characters; all but the first -n when negative.", 2, 2, "ti>t", D(ends), .aux = 1),
    PLAIN("contains", "contains(x, part)", "Whether part is in it.", 2, 2, "t*>b", D(find), .aux = 0),
    PLAIN("starts_with", "starts_with(x, part)", "Whether it starts so.", 2, 2, "t*>b", D(find), .aux = 1),
    PLAIN("ends_with", "ends_with(x, part)", "Whether it ends so.", 2, 2, "t*>b", D(find), .aux = 2),
    PLAIN("replace", "replace(x, from, to)", "Every from made to.", 3, 3, "t*>t", D(replace), .aux = 0),
    PLAIN("split_part", "split_part(x, separator, k)",
          "The k-th part, the first is 1; from the end when negative; '' when there is none.", 3, 3, "tti>t", D(split_part),
          .aux = 0),
    /* dates and times */
    OPERATOR("year", "year(x [, zone])", "Year.", 1, 2, NULL, T(date_part), D(date_part), .aux = 0),
    OPERATOR("month", "month(x [, zone])", "Month, 1 to 12.", 1, 2, NULL, T(date_part), D(date_part), .aux = 1),
    OPERATOR("day", "day(x [, zone])", "Day of the month.", 1, 2, NULL, T(date_part), D(date_part), .aux = 2),
    OPERATOR("hour", "hour(x [, zone])", "Hour, 0 to 23.", 1, 2, NULL, T(date_part), D(date_part), .aux = 3),
    OPERATOR("minute", "minute(x [, zone])", "Minute.", 1, 2, NULL, T(date_part), D(date_part), .aux = 4),
    OPERATOR("second", "second(x [, zone])", "Second, without its fraction.", 1, 2, NULL, T(date_part), D(date_part), .aux = 5),
    OPERATOR("weekday", "weekday(x [, zone])", "Day of the week, Monday is 0.", 1, 2, NULL, T(date_part), D(date_part), .aux = 6),
    OPERATOR("dayofyear", "dayofyear(x [, zone])", "Day of the year, 1 to 366.", 1, 2, NULL, T(date_part), D(date_part),
             .aux = 7),
    OPERATOR("week", "week(x [, zone])", "Week of ISO 8601, 1 to 53.", 1, 2, NULL, T(date_part), D(date_part), .aux = 8),
    OPERATOR("quarter", "quarter(x [, zone])", "Quarter, 1 to 4.", 1, 2, NULL, T(date_part), D(date_part), .aux = 9),
    OPERATOR("date", "date(y, m, d), date(x [, zone])",
             "A date from its parts (null when there is no such day), a text, or a timestamp.", 1, 3, NULL, T(date), D(date),
             .failure = UNFIT),
    OPERATOR("timestamp", "timestamp(x [, zone])", "A timestamp from a text, date or timestamp; with a zone, wall time there.", 1,
             2, NULL, T(timestamp), D(timestamp), .failure = UNFIT),
    OPERATOR("date_diff", "date_diff(unit, a, b)",
             "Whole units from a to b: 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'.", 3, 3, NULL,
             T(date_diff), D(date_diff), .failure = OVERFLOW),
    OPERATOR("epoch", "epoch(x)", "Seconds since 1970-01-01 00:00 UTC, as float64.", 1, 1, NULL, T(epoch), D(epoch), .aux = 0),
};
const int32_t aip__expr_n_functions = (int32_t)(sizeof aip__expr_functions / sizeof *aip__expr_functions);

const expr_function *aip__expr_function_find(const char *name, size_t n) {
    for (int32_t i = 0; i < aip__expr_n_functions; i++)
        if (strlen(aip__expr_functions[i].name) == n && aip__same_word(aip__expr_functions[i].name, name, n))
            return &aip__expr_functions[i];
    return NULL;
}

bool aip__expr_function_doc(int32_t i, aip__expr_doc *out) {
    if (i < 0 || i >= aip__expr_n_functions) return false;
    const expr_function *f = &aip__expr_functions[i];
    *out = (aip__expr_doc){f->name, f->signature, f->doc};
    return true;
}
