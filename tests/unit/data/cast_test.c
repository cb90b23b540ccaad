/* Casts: what fits, what becomes null or an error, and what each type looks like as text. Expected values by hand. */
#include "data/column.h"
#include "data_suites.h"
#include <math.h>
#include <stdio.h>

static aip__column *texts(aip_context *ctx, const char *const *values, int n) { /* NULL is null */
    aip__utf8_builder b = {0};
    aip__column *c = NULL;
    OK(aip__utf8_begin(&b, ctx, AIP_UTF8, n, 0, &err));
    for (int i = 0; i < n; i++) {
        if (values[i])
            OK(aip__utf8_add(&b, values[i], strlen(values[i]), &err));
        else
            OK(aip__utf8_add_null(&b, &err));
    }
    OK(aip__utf8_end(&b, &c, &err));
    return c;
}

static aip_field field(int32_t type, int32_t scale, const char *zone) {
    aip_field f = aip__field("x", type);
    f.scale = scale;
    f.zone = zone;
    return f;
}

/* The column's rows as text, "a|b|", with "-" for null. */
static const char *rows(aip_context *ctx, aip__column *c, const aip_field *f) {
    static char out[1024];
    aip__column *t = NULL;
    aip_field to = field(AIP_UTF8, 0, NULL);
    OK(aip__column_cast(c, f, &to, true, &t, &err));
    size_t at = 0;
    out[0] = 0;
    for (int64_t i = 0; i < t->length; i++) {
        size_t n = 1;
        const char *s = aip__valid(t->validity, i) ? aip__column_text(t, i, &n) : "-";
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s|", (int)n, s);
    }
    ck_assert_ptr_eq(t->ctx, ctx);
    aip__column_free(t);
    return out;
}

/* Casts texts to `to` leniently and gives the result as text again. */
static const char *lenient(aip_context *ctx, const char *const *values, int n, aip_field to) {
    aip__column *c = texts(ctx, values, n), *r = NULL;
    aip_field from = field(AIP_UTF8, 0, NULL);
    OK(aip__column_cast(c, &from, &to, false, &r, &err));
    ck_assert_int_eq(r->type, to.type);
    const char *shown = rows(ctx, r, &to);
    aip__column_free(c);
    aip__column_free(r);
    return shown;
}
#define LENIENT(to, ...) \
    lenient(ctx, (const char *const[]){__VA_ARGS__}, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), to)

START_TEST(texts_become_values_and_what_does_not_parse_becomes_null) {
    aip_context *ctx = test_context();
    ck_assert_str_eq(LENIENT(field(AIP_INT64, 0, NULL), "12", NULL, "x", "-7", "1.0", ""), "12|-|-|-7|-|-|");
    ck_assert_str_eq(LENIENT(field(AIP_INT32, 0, NULL), "2147483647", "2147483648"), "2147483647|-|");
    ck_assert_str_eq(LENIENT(field(AIP_FLOAT64, 0, NULL), "0.1", "nan", "1e400", "?"), "0.1|nan|inf|-|");
    ck_assert_str_eq(LENIENT(field(AIP_FLOAT32, 0, NULL), "0.5", "1e39"), "0.5|-|");
    ck_assert_str_eq(LENIENT(field(AIP_BOOL, 0, NULL), "true", "FALSE", "yes"), "true|false|-|");
    ck_assert_str_eq(LENIENT(field(AIP_DATE32, 0, NULL), "2013-02-28", "2013-02-29"), "2013-02-28|-|");
    ck_assert_str_eq(LENIENT(field(AIP_TIMESTAMP, 0, NULL), "2013-02-28", "2013-02-28 05:00", "2013-02-28T05:00Z"),
                     "2013-02-28T00:00:00|2013-02-28T05:00:00|-|");
    ck_assert_str_eq(LENIENT(field(AIP_TIMESTAMP, 0, "UTC"), "2013-02-28 05:00", "2013-02-28T05:00-01:00"),
                     "2013-02-28T05:00:00Z|2013-02-28T06:00:00Z|");
    ck_assert_str_eq(LENIENT(field(AIP_DECIMAL64, 2, NULL), "1.5", "-0.05", "1.005"), "1.50|-0.05|-|");
    ck_assert_str_eq(LENIENT(field(AIP_DICTIONARY, 0, NULL), "b", NULL, "a", "b"), "b|-|a|b|");
    test_context_end(ctx);
}
END_TEST

START_TEST(a_strict_cast_names_the_row_and_the_value) {
    aip_context *ctx = test_context();
    aip__column *c = texts(ctx, (const char *const[]){"1", NULL, "abc"}, 3), *r = NULL;
    aip_field from = aip__field("age", AIP_UTF8), to = aip__field("age", AIP_INT64);
    aip_error *err = NULL;
    ck_assert_int_eq(aip__column_cast(c, &from, &to, true, &r, &err), AIP_E_DATA);
    ck_assert_str_eq(aip_error_message(err), "row 2: expected a value that fits int64, found 'abc'");
    ck_assert_str_eq(aip_error_data_column(err), "age");
    aip_error_free(err);
    aip__column_free(c);
    test_context_end(ctx);
}
END_TEST

START_TEST(numbers_fit_only_without_loss) {
    aip_context *ctx = test_context();
    aip__column *c = NULL, *r = NULL;
    OK(aip__column_new(ctx, AIP_FLOAT64, 6, false, &c, &err));
    const double values[6] = {1.0, 1.5, -3e9, (double)NAN, 0x1p63, 0.005};
    memcpy(aip__column_f64_mut(c), values, sizeof values);
    aip__column_publish(c);
    const aip_field from = field(AIP_FLOAT64, 0, NULL);
    const struct {
        aip_field to;
        const char *expected;
    } cases[] = {{field(AIP_INT64, 0, NULL), "1|-|-3000000000|-|-|-|"},
                 {field(AIP_INT32, 0, NULL), "1|-|-|-|-|-|"},
                 {field(AIP_BOOL, 0, NULL), "true|true|true|-|true|true|"},
                 {field(AIP_DECIMAL64, 2, NULL), "1.00|1.50|-3000000000.00|-|-|0.00|"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(aip__column_cast(c, &from, &cases[i].to, false, &r, &err));
        ck_assert_str_eq(rows(ctx, r, &cases[i].to), cases[i].expected);
        aip__column_free(r);
    }
    aip__column_free(c);
    test_context_end(ctx);
}
END_TEST

START_TEST(decimals_rescale_and_times_change_unit) {
    aip_context *ctx = test_context();
    aip__column *c = NULL, *r = NULL;
    aip_field two = field(AIP_DECIMAL64, 2, NULL), one = field(AIP_DECIMAL64, 1, NULL), whole = field(AIP_INT64, 0, NULL);
    aip_field many = field(AIP_DECIMAL64, 18, NULL), real = field(AIP_FLOAT64, 0, NULL);
    OK(aip__column_new(ctx, AIP_DECIMAL64, 3, false, &c, &err));
    const int64_t values[3] = {1250, -1255, 300};
    memcpy(aip__column_i64_mut(c), values, sizeof values);
    aip__column_publish(c);
    OK(aip__column_cast(c, &two, &one, false, &r, &err));
    ck_assert_str_eq(rows(ctx, r, &one), "12.5|-|3.0|");
    aip__column_free(r);
    OK(aip__column_cast(c, &two, &whole, false, &r, &err));
    ck_assert_str_eq(rows(ctx, r, &whole), "-|-|3|");
    aip__column_free(r);
    OK(aip__column_cast(c, &two, &many, false, &r, &err));
    ck_assert_str_eq(rows(ctx, r, &many), "-|-|3.000000000000000000|");
    aip__column_free(r);
    OK(aip__column_cast(c, &two, &real, true, &r, &err));
    ck_assert_str_eq(rows(ctx, r, &real), "12.5|-12.55|3.0|");
    aip__column_free(r);
    aip__column_free(c);
    aip_field wall = field(AIP_TIMESTAMP, 0, NULL), day = field(AIP_DATE32, 0, NULL),
              berlin = field(AIP_TIMESTAMP, 0, "Europe/Berlin");
    OK(aip__column_new(ctx, AIP_TIMESTAMP, 2, false, &c, &err));
    aip__column_i64_mut(c)[0] = -1;
    aip__column_i64_mut(c)[1] = INT64_C(86400000000) * 2;
    aip__column_publish(c);
    OK(aip__column_cast(c, &wall, &day, true, &r, &err));
    ck_assert_str_eq(rows(ctx, r, &day), "1969-12-31|1970-01-03|");
    FAILS(aip__column_cast(c, &wall, &berlin, true, &r, &err), AIP_E_UNSUPPORTED, "Europe/Berlin");
    FAILS(aip__column_cast(c, &wall, &one, true, &r, &err), AIP_E_UNSUPPORTED, "timestamp to decimal64");
    aip__column_free(r);
    aip__column_free(c);
    test_context_end(ctx);
}
END_TEST

START_TEST(to_f64_gives_every_type_its_number_and_nan_for_null) {
    aip_context *ctx = test_context();
    const aip_field from = field(AIP_UTF8, 0, NULL);
    for (int32_t type = AIP_BOOL; type <= AIP_DECIMAL64; type++) {
        if (aip__type_is_text(type) || type == AIP_BINARY) continue;
        static const char *const given[][3] = {[AIP_BOOL] = {"true", NULL, "false"},
                                               [AIP_INT32] = {"7", NULL, "-1"},
                                               [AIP_INT64] = {"7", NULL, "-1"},
                                               [AIP_FLOAT32] = {"0.25", NULL, "-1"},
                                               [AIP_FLOAT64] = {"0.1", NULL, "-1"},
                                               [AIP_DATE32] = {"1970-01-11", NULL, "1969-12-31"},
                                               [AIP_TIMESTAMP] = {"1970-01-01T00:00:01", NULL, "1969-12-31T23:59:59.999999"},
                                               [AIP_DECIMAL64] = {"1.5", NULL, "-0.25"}};
        static const double expected[][2] = {
            [AIP_BOOL] = {1, 0},       [AIP_INT32] = {7, -1},   [AIP_INT64] = {7, -1},       [AIP_FLOAT32] = {0.25, -1},
            [AIP_FLOAT64] = {0.1, -1}, [AIP_DATE32] = {10, -1}, [AIP_TIMESTAMP] = {1e6, -1}, [AIP_DECIMAL64] = {1.5, -0.25}};
        aip__column *t = texts(ctx, given[type], 3), *c = NULL;
        aip_field to = field(type, type == AIP_DECIMAL64 ? 2 : 0, NULL);
        OK(aip__column_cast(t, &from, &to, true, &c, &err));
        double out[3];
        aip__column_to_f64(c, 2, out);
        ck_assert_double_eq(out[0], expected[type][0]);
        ck_assert(isnan(out[1]));
        ck_assert_double_eq(out[2], expected[type][1]);
        aip__column_free(t);
        aip__column_free(c);
    }
    test_context_end(ctx);
}
END_TEST

Suite *cast_suite(void) {
    const TTest *const tests[] = {texts_become_values_and_what_does_not_parse_becomes_null,
                                  a_strict_cast_names_the_row_and_the_value,
                                  numbers_fit_only_without_loss,
                                  decimals_rescale_and_times_change_unit,
                                  to_f64_gives_every_type_its_number_and_nan_for_null,
                                  NULL};
    return unit_suite("cast", tests);
}
