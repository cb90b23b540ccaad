/* Growing text, JSON quoting, doubles as text. Number texts are Python's repr() without ".0". */
#include "base/text.h"
#include "base_fixture.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static aip_context *ctx;
static aip__text t;

static const char *number(double v, bool json) {
    aip__text_free(&t);
    aip__text_f64(&t, v, json);
    return t.bytes;
}

static const char *quoted(const char *bytes, size_t n) {
    aip__text_free(&t);
    aip__text_json(&t, bytes, n);
    return t.bytes;
}

static void setup(void) {
    ctx = fixture_context(NULL);
    aip__text_init(&t, ctx);
}

static void teardown(void) {
    aip__text_free(&t);
    fixture_free(ctx);
}

START_TEST(doubles_are_written_shortest) {
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0.0"},
                 {1, "1"},
                 {-17, "-17"},
                 {0.1, "0.1"},
                 {0.5, "0.5"},
                 {1e-4, "0.0001"},
                 {1e-5, "1e-05"},
                 {123456.789, "123456.789"},
                 {1e15, "1000000000000000"},
                 {1e16, "1e+16"},
                 {1.5e300, "1.5e+300"},
                 {1.0 / 3, "0.3333333333333333"},
                 {2.0 / 3, "0.6666666666666666"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {9007199254740993.0, "9007199254740992"},
                 {5e-324, "5e-324"},
                 {2.5e-322, "2.5e-322"},
                 {DBL_MIN, "2.2250738585072014e-308"},
                 {DBL_MAX, "1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) ck_assert_str_eq(number(cases[i].v, true), cases[i].text);
}
END_TEST

START_TEST(every_written_double_reads_back_to_the_same_bits) {
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        double v = 0, back = 0;
        memcpy(&v, &x, sizeof v);
        if (!isfinite(v)) continue;
        back = aip__strtod(number(v, false), NULL);
        ck_assert_mem_eq(&back, &v, sizeof v);
    }
}
END_TEST

START_TEST(what_json_has_no_number_for_is_a_string_there) {
    ck_assert_str_eq(number((double)NAN, true), "\"NaN\"");
    ck_assert_str_eq(number((double)INFINITY, true), "\"Infinity\"");
    ck_assert_str_eq(number(-(double)INFINITY, true), "\"-Infinity\"");
    ck_assert_str_eq(number(-(double)INFINITY, false), "-Infinity");
    ck_assert_str_eq(number(-0.0, false), "-0");
}
END_TEST

/* Any installed locale with a decimal comma will do. Without one only the default locale is tried, and the test says so. */
START_TEST(the_hosts_locale_changes_no_number) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", NULL};
    for (int i = 0; names[i] && !setlocale(LC_NUMERIC, names[i]); i++) {}
    if (localeconv()->decimal_point[0] != ',')
        printf("note: no locale with a decimal comma is installed; numbers are tried without\n");
    ck_assert_str_eq(number(1234.5, false), "1234.5");
    ck_assert_double_eq(aip__strtod("1234.5", NULL), 1234.5);
    char *text = fixture_canonical(ctx, true, "[0.25]"), *yaml = fixture_canonical(ctx, false, "[0.25]");
    ck_assert_str_eq(text, "[0.25]");
    ck_assert_str_eq(yaml, "[0.25]");
    free(text);
    free(yaml);
}
END_TEST

START_TEST(json_quotes_what_must_be_quoted_and_replaces_invalid_utf8) {
    ck_assert_str_eq(quoted("a\"b\\c/\n\r\t\b\f\x01\x7f", 13), "\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\\u007f\"");
    ck_assert_str_eq(quoted("a\0b", 3), "\"a\\u0000b\"");
    ck_assert_str_eq(quoted("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    ck_assert_str_eq(quoted("\xff", 1), "\"\xef\xbf\xbd\"");
    ck_assert_str_eq(quoted("\xc0\x80", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                                 /* overlong */
    ck_assert_str_eq(quoted("\xed\xa0\x80", 3), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");                 /* a surrogate */
    ck_assert_str_eq(quoted("x\xe2\x82", 3), "\"x\xef\xbf\xbd\xef\xbf\xbd\"");                               /* cut short */
    ck_assert_str_eq(quoted("\xf4\x90\x80\x80", 4), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* past U+10FFFF */
}
END_TEST

START_TEST(a_refused_growth_stays_failed_and_is_reported_once_at_the_end) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.memory_limit = 4096;
    aip_context *small = NULL;
    ck_assert_int_eq(aip__context_init(&options, &small, NULL), AIP_OK);
    aip__text u;
    char *out = NULL;
    size_t n = 0;
    aip_error *err = NULL;
    aip__text_init(&u, small);
    for (int i = 0; i < 1000; i++) aip__text_str(&u, "0123456789");
    aip__text_char(&u, 'x');
    ck_assert(u.failed);
    ck_assert_int_eq(aip__text_take(&u, &out, &n, &err), AIP_E_MEMORY_LIMIT);
    ck_assert_ptr_null(out);
    aip_error_free(err);
    ck_assert_uint_eq(aip_context_memory_used(small), 0);
    aip__context_release(small);
}
END_TEST

START_TEST(take_hands_over_even_an_empty_text) {
    char *out = NULL;
    size_t n = 7;
    ck_assert_int_eq(aip__text_take(&t, &out, &n, NULL), AIP_OK);
    ck_assert_str_eq(out, "");
    ck_assert_uint_eq(n, 0);
    aip_text_free(ctx, out);
    aip_text_free(ctx, NULL);
    aip__text_printf(&t, "%s-%d", "a", 5);
    ck_assert_int_eq(aip__text_take(&t, &out, &n, NULL), AIP_OK);
    ck_assert_str_eq(out, "a-5");
    ck_assert_uint_eq(n, 3);
    aip_text_free(ctx, out);
}
END_TEST

START_TEST(words_are_the_same_but_for_the_case_of_ascii_letters) {
    ck_assert(aip__same_word("Data.CSV.gz", "dATA.csv.GZ", 11));
    ck_assert(aip__same_word("ab", "xy", 0));
    ck_assert(!aip__same_word("abc", "abd", 3));
    ck_assert(!aip__same_word("[", "{", 1)); /* 0x5b and 0x7b: next to the letters, 32 apart, and no letters */
    ck_assert(!aip__same_word("@", "`", 1));
    ck_assert(!aip__same_word("\xc3\x84", "\xc3\xa4", 2)); /* A and a with two dots, in UTF-8 */
}
END_TEST

Suite *base_text_suite(void);
Suite *base_text_suite(void) {
    const TTest *const tests[] = {doubles_are_written_shortest,
                                  every_written_double_reads_back_to_the_same_bits,
                                  what_json_has_no_number_for_is_a_string_there,
                                  the_hosts_locale_changes_no_number,
                                  json_quotes_what_must_be_quoted_and_replaces_invalid_utf8,
                                  a_refused_growth_stays_failed_and_is_reported_once_at_the_end,
                                  take_hands_over_even_an_empty_text,
                                  words_are_the_same_but_for_the_case_of_ascii_letters,
                                  NULL};
    Suite *suite = suite_create("text");
    TCase *tc = tcase_create("text");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (const TTest *const *test = tests; *test; test++) tcase_add_test(tc, *test);
    suite_add_tcase(suite, tc);
    return suite;
}
