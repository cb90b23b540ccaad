/* Text to value and back. References: strtod and printf of the C library (glibc rounds both exactly), Python's repr for the layout of
 * floats, the calendar by hand. */
#include "data/convert.h"
#include "data_suites.h"
#include <aipipe/data.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(2685821657736338717);
}

static uint64_t bits_of(double v) {
    uint64_t b = 0;
    memcpy(&b, &v, sizeof b);
    return b;
}

static double random_double(void) {
    for (;;) {
        uint64_t b = draw();
        double v = 0;
        memcpy(&v, &b, sizeof v);
        if (isfinite(v)) return v;
    }
}

static void hold_as_strtod(const char *text) {
    double v = 0;
    ck_assert_msg(aip__parse_f64(text, strlen(text), '.', &v), "refused: %s", text);
    double expected = strtod(text, NULL);
    if (bits_of(v) != bits_of(expected)) ck_abort_msg("%s: got %a, strtod gives %a", text, v, expected);
}

START_TEST(floats_of_any_length_equal_strtod) {
    char text[64];
    for (int i = 0; i < 500000; i++) {
        double v = random_double();
        snprintf(text, sizeof text, "%.*e", (int)(draw() % 20), v);
        hold_as_strtod(text);
    }
    for (int i = 0; i < 300000; i++) { /* what people's files hold */
        snprintf(text, sizeof text, "%s%llu.%0*llu", draw() % 2 ? "-" : "", (unsigned long long)(draw() % 100000),
                 (int)(1 + draw() % 12), (unsigned long long)(draw() % 100000000));
        hold_as_strtod(text);
    }
    for (int i = 0; i < 300000; i++) { /* 1 to 25 digits, any exponent, the point anywhere */
        size_t n = 0, digits = 1 + draw() % 25, point = draw() % (digits + 1);
        for (size_t k = 0; k < digits; k++) {
            if (k == point) text[n++] = '.';
            text[n++] = (char)('0' + (draw() % 4 ? draw() % 10 : 0));
        }
        snprintf(text + n, sizeof text - n, "e%d", (int)(draw() % 700) - 350);
        hold_as_strtod(text);
    }
}
END_TEST

START_TEST(points_halfway_between_two_doubles_equal_strtod) {
    static char text[2000];
    for (int i = 0; i < 60000; i++) {
        double v = fabs(random_double());
        if (i % 4 == 0) v = ldexp((double)(draw() >> 11), (int)(draw() % 40) - 20);
        if (i % 16 == 1) v = ldexp((double)(draw() >> 12), -1074); /* subnormal */
        if (i % 64 == 2) v = ldexp(1.0, (int)(draw() % 2000) - 1070);
        long double next = nextafter(v, INFINITY), middle = ((long double)v + next) / 2;
        if (!isfinite((double)next)) continue;
        int n = snprintf(text, sizeof text, "%.1100Le", middle); /* exact: a halfway point has at most 767 digits */
        hold_as_strtod(text);
        char *e = strchr(text, 'e');
        e[-1] = '1'; /* just above: digit 1100 */
        hold_as_strtod(text);
        ck_assert_int_lt(n, (int)sizeof text);
    }
    /* A digit far past what any halfway point needs still breaks the tie. */
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[1500] = '1';
    text[1501] = 0;
    hold_as_strtod(text);
    text[1500] = '0';
    hold_as_strtod(text);
}
END_TEST

START_TEST(hard_and_extreme_floats_equal_strtod) {
    static const char *const hard[] = {
        "0",
        "-0",
        "+0.0",
        "00000000000000000000000000",
        "0e99999999999999999999",
        "1e-99999999999999999999",
        "-1e99999999999999999999",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e308",
        "1e309",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "2.225073858507201136e-308",
        "5e-324",
        "1e-323",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "9007199254740995",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "1e22",
        "1e23",
        "8.5e22",
        "123456789012345678901234567890",
        "0.000000000000000000000000000001",
        "6.631236846766476e-316",
        "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708663913273994694463908672332763671875E-319",
        "358416272e-33",
        "9.5e-45",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.5028234666e+38",
        "7205759403792793200001e-5",
        ".5",
        "5.",
        "1e+5",
        "1E5"};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) hold_as_strtod(hard[i]);
    static const char *const words[] = {"nan", "NaN", "-nan", "inf", "-Inf", "+INFINITY", "infinity"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) hold_as_strtod(words[i]);
}
END_TEST

START_TEST(texts_that_are_no_number_are_refused) {
    static const char *const bad[] = {"",     "-",   "+",     ".",    "e5",  "1e", "1e+", "1.2.3", "1 ",    " 1", "0x10",
                                      "1e5x", "--1", "infin", "nan1", "1,5", "-.", "+-1", ".e1",   "1_000", "n",  "i"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double v = 0;
        int64_t n = 0;
        ck_assert_msg(!aip__parse_f64(bad[i], strlen(bad[i]), '.', &v), "accepted: '%s'", bad[i]);
        ck_assert_msg(!aip__parse_i64(bad[i], strlen(bad[i]), &n), "accepted: '%s'", bad[i]);
    }
    double v = 0;
    ck_assert(aip__parse_f64("-1,25e1", 7, ',', &v));
    ck_assert_double_eq(v, -12.5);
    ck_assert(!aip__parse_f64("1.5", 3, ',', &v));
}
END_TEST

START_TEST(integers_read_back_and_overflow_is_refused) {
    char text[64];
    int64_t v = 0;
    for (int i = 0; i < 300000; i++) {
        int64_t x = (int64_t)(draw() >> draw() % 64);
        if (draw() % 2) x = -x;
        size_t n = aip__format_i64(text, x);
        char expected[32];
        ck_assert_int_eq((int)n, snprintf(expected, sizeof expected, "%lld", (long long)x));
        ck_assert_int_eq(memcmp(text, expected, n), 0);
        ck_assert(aip__parse_i64(text, n, &v));
        ck_assert_int_eq(v, x);
    }
    ck_assert(aip__parse_i64("-9223372036854775808", 20, &v) && v == INT64_MIN);
    ck_assert(aip__parse_i64("9223372036854775807", 19, &v) && v == INT64_MAX);
    ck_assert(aip__parse_i64("+00000000000000000000000000000042", 33, &v) && v == 42);
    ck_assert(!aip__parse_i64("9223372036854775808", 19, &v));
    ck_assert(!aip__parse_i64("-9223372036854775809", 20, &v));
    ck_assert(!aip__parse_i64("18446744073709551617", 20, &v));
    ck_assert(!aip__parse_i64("99999999999999999999999", 23, &v));
    ck_assert(!aip__parse_i64("1234567a", 8, &v));
    ck_assert(!aip__parse_i64("12345678:", 9, &v));
    int32_t w = 0;
    ck_assert(aip__parse_i32("-2147483648", 11, &w) && w == INT32_MIN);
    ck_assert(!aip__parse_i32("2147483648", 10, &w));
}
END_TEST

/* Digits and exponent of a number's text, for comparing with printf's "%.*e". */
static void hold_shortest(double v) {
    char text[80], reference[64];
    size_t n = aip__format_f64(text, v);
    ck_assert_uint_le(n, 64);
    text[n] = 0;
    ck_assert_msg(bits_of(strtod(text, NULL)) == bits_of(v), "%s does not read back to %a", text, v);
    for (int digits = 0; digits < 17; digits++) { /* the first precision that reads back, rounded by printf to the nearest */
        snprintf(reference, sizeof reference, "%.*e", digits, v);
        if (bits_of(strtod(reference, NULL)) == bits_of(v)) break;
    }
    char a[40] = {0}, b[40] = {0};
    size_t na = 0, nb = 0;
    for (const char *p = text; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && (na > 0 || *p != '0')) a[na++] = *p;
    for (const char *p = reference; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && (nb > 0 || *p != '0')) b[nb++] = *p;
    while (na > 0 && a[na - 1] == '0') a[--na] = 0;
    while (nb > 0 && b[nb - 1] == '0') b[--nb] = 0;
    /* Just above a power of two the interval is lopsided: a shorter text may lie on its wide side, though not nearest at its own length. */
    if ((bits_of(v) << 12) == 0 && na < nb) return;
    ck_assert_str_eq(a, b);
}

START_TEST(floats_are_written_with_the_fewest_digits_and_the_nearest_of_those) {
    for (int i = 0; i < 100000; i++) hold_shortest(random_double());
    for (int i = 0; i < 100000; i++) hold_shortest((double)(int64_t)(draw() % 2000000) / 1000.0);
    for (int i = 0; i < 20000; i++) hold_shortest(ldexp((double)(draw() >> (11 + draw() % 53)), -1074));
    for (int e = -1074; e < 1024; e++) hold_shortest(ldexp(1.0, e));
}
END_TEST

START_TEST(floats_are_laid_out_as_python_repr) {
    /* Python 3: repr(v) */
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1e22, "1e+22"},
                 {-0.0, "-0.0"},
                 {0.0, "0.0"},
                 {1.0, "1.0"},
                 {100.0, "100.0"},
                 {1e15, "1000000000000000.0"},
                 {1e16, "1e+16"},
                 {123456789.125, "123456789.125"},
                 {0.0001, "0.0001"},
                 {0.00001, "1e-05"},
                 {1.5e-7, "1.5e-07"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {-2.5, "-2.5"},
                 {9007199254740993.0, "9007199254740992.0"},
                 {12345678901234567.0, "1.2345678901234568e+16"},
                 {0.3, "0.3"},
                 {2.0 / 3, "0.6666666666666666"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[65] = {0};
        text[aip__format_f64(text, cases[i].v)] = 0;
        ck_assert_str_eq(text, cases[i].text);
    }
    char text[65] = {0};
    text[aip__format_f64(text, NAN)] = 0;
    ck_assert_str_eq(text, "nan");
}
END_TEST

START_TEST(every_day_of_twenty_thousand_years_goes_there_and_back) {
    static const int32_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = aip__days_from_civil(-8000, 1, 1);
    for (int64_t y = -8000; y < 12000; y++) {
        bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
        for (int32_t m = 1; m <= 12; m++)
            for (int32_t d = 1; d <= month_days[m - 1] + (m == 2 && leap); d++, expected++) {
                int64_t year = 0;
                int32_t month = 0, day = 0;
                if (aip__days_from_civil(y, m, d) != expected) ck_abort_msg("%lld-%d-%d", (long long)y, m, d);
                aip__civil_from_days(expected, &year, &month, &day);
                if (year != y || month != m || day != d) ck_abort_msg("%lld-%d-%d back", (long long)y, m, d);
            }
    }
    ck_assert_int_eq(aip__days_from_civil(1970, 1, 1), 0);
    ck_assert_int_eq(aip__days_from_civil(2000, 3, 1), 11017);
}
END_TEST

static int64_t timestamp(const char *text, bool *zone) {
    int64_t v = INT64_MIN;
    ck_assert_msg(aip__parse_timestamp(text, strlen(text), &v, zone), "refused: %s", text);
    return v;
}

START_TEST(dates_and_timestamps_read_and_write_iso_8601) {
    int32_t days = 0;
    bool zone = false;
    char text[65] = {0};
    ck_assert(aip__parse_date("2013-01-01", 10, &days));
    ck_assert_int_eq(days, 15706); /* 43 years of 365 days and 11 leap days */
    text[aip__format_date(text, days)] = 0;
    ck_assert_str_eq(text, "2013-01-01");
    static const char *const bad_dates[] = {"2013-02-29", "2013-13-01",  "2013-00-01", "2013-01-00", "0000-01-01", "13-01-01",
                                            "2013-1-01",  "2013-01-01 ", "2013/01/01", "2013-04-31", "1900-02-29", ""};
    for (size_t i = 0; i < sizeof bad_dates / sizeof *bad_dates; i++)
        ck_assert_msg(!aip__parse_date(bad_dates[i], strlen(bad_dates[i]), &days), "accepted: %s", bad_dates[i]);
    int64_t t = INT64_C(15706) * 86400000000 + 5 * INT64_C(3600000000);
    ck_assert_int_eq(timestamp("2013-01-01T05:00:00Z", &zone), t);
    ck_assert(zone);
    ck_assert_int_eq(timestamp("2013-01-01 05:00", &zone), t);
    ck_assert(!zone);
    ck_assert_int_eq(timestamp("2013-01-01T07:30:00.250+02:30", &zone), t + 250000);
    ck_assert_int_eq(timestamp("2013-01-01T00:00:00-0500", &zone), t);
    ck_assert_int_eq(timestamp("2013-01-01T05:00:00.123456000", &zone), t + 123456);
    ck_assert_int_eq(timestamp("1969-12-31T23:59:59.999999", &zone), -1);
    static const char *const bad[] = {"2013-01-01",
                                      "2013-01-01T24:00",
                                      "2013-01-01T05:60",
                                      "2013-01-01T05:00:60",
                                      "2013-01-01T05:00:00.",
                                      "2013-01-01T05",
                                      "2013-01-01T05:00:00.1234567",
                                      "2013-01-01T05:00+25:00",
                                      "2013-01-01T05:00Zx",
                                      "2013-01-01T05:00+2",
                                      "2013-01-01x05:00"};
    int64_t v = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!aip__parse_timestamp(bad[i], strlen(bad[i]), &v, &zone), "accepted: %s", bad[i]);
    text[aip__format_timestamp(text, t, true)] = 0;
    ck_assert_str_eq(text, "2013-01-01T05:00:00Z");
    text[aip__format_timestamp(text, -1, false)] = 0;
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999999");
    ck_assert_uint_le(aip__format_timestamp(text, INT64_MIN, true), 64);
    ck_assert_uint_le(aip__format_date(text, INT32_MIN), 64);
}
END_TEST

START_TEST(decimals_are_exact_or_refused) {
    int64_t v = 0;
    ck_assert(aip__parse_decimal("-12.5", 5, 2, &v) && v == -1250);
    ck_assert(aip__parse_decimal("12.5000", 7, 2, &v) && v == 1250);
    ck_assert(!aip__parse_decimal("12.501", 6, 2, &v));
    ck_assert(aip__parse_decimal("-9223372036854775808", 20, 0, &v) && v == INT64_MIN);
    ck_assert(!aip__parse_decimal("9223372036854775808", 19, 0, &v));
    ck_assert(!aip__parse_decimal("92233720368547758.08", 20, 3, &v));
    static const char *const bad[] = {"", "-", ".", "1e5", "1.2.3", "x", "1-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert(!aip__parse_decimal(bad[i], strlen(bad[i]), 2, &v));
    char text[65] = {0};
    text[aip__format_decimal(text, -5, 2)] = 0;
    ck_assert_str_eq(text, "-0.05");
    text[aip__format_decimal(text, INT64_MIN, 18)] = 0;
    ck_assert_str_eq(text, "-9.223372036854775808");
    text[aip__format_decimal(text, 1250, 0)] = 0;
    ck_assert_str_eq(text, "1250");
}
END_TEST

static void hold_grouped(const char *text, char thousands, char decimal, const char *expected) {
    char to[AIP__LONGEST_GROUPED];
    size_t n = aip__without_thousands(to, text, strlen(text), thousands, decimal);
    ck_assert_msg(n == strlen(expected) && memcmp(to, expected, n) == 0, "%s: got '%.*s'", text, (int)n, to);
}

START_TEST(marks_between_thousands_stand_at_every_third_digit) {
    hold_grouped("1,234", ',', '.', "1234");
    hold_grouped("-12,345,678.90", ',', '.', "-12345678.90");
    hold_grouped("+1.234.567,5", '.', ',', "+1234567,5");
    hold_grouped("1 234e5", ' ', '.', "1234e5");
    const char *const wrong[] = {"1234",     "12,34",  "1,2345", ",123", "1234,567", "1,234,",
                                 "1,234,56", "1,,234", "",       "-",    ",",        "1.5,123"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) hold_grouped(wrong[i], ',', '.', "");
    char longer[600];
    memset(longer, '1', sizeof longer);
    longer[1] = ',';
    char to[AIP__LONGEST_GROUPED];
    ck_assert_uint_eq(aip__without_thousands(to, longer, sizeof longer, ',', '.'), 0);
}
END_TEST

/* Seconds since 1970 as `date -u -d ... +%s` prints them. */
static void hold_time(const char *text, const char *format, int64_t seconds, int64_t micros, bool zoned) {
    int64_t got = -1;
    bool zone = false;
    ck_assert_msg(aip__parse_time_as(text, strlen(text), format, &got, &zone), "%s as %s", text, format);
    ck_assert_msg(got == seconds * 1000000 + micros, "%s as %s: %lld", text, format, (long long)got);
    ck_assert_int_eq(zone, zoned);
}

START_TEST(dates_are_read_by_formats) {
    hold_time("31/12/2013", "%d/%m/%Y", 1388448000, 0, false);
    hold_time("1/2/2013", "%d/%m/%Y", 1359676800, 0, false);
    hold_time("12/31/68", "%m/%d/%y", 3124137600, 0, false);
    hold_time("12/31/69", "%D", -86400, 0, false);
    hold_time("20130101", "%Y%m%d", 1356998400, 0, false);
    hold_time("Tue, 01 Jan 2013 05:06:07 +0130", "%a, %d %b %Y %H:%M:%S %z", 1357011367, 0, true);
    hold_time("march 3, 2013 12:30 AM", "%B %d, %Y %I:%M %p", 1362270600, 0, false);
    hold_time("3-Mar-13 12:30PM", "%e-%h-%y %I:%M%p", 1362313800, 0, false);
    hold_time("2013-01-01 23:59:59.25Z", "%F %T.%f%z", 1357084799, 250000, true);
    hold_time("100% 2000", "100%% %Y", 946684800, 0, false);
    hold_time("2013-01-01T10:20", "%FT%R", 1357035600, 0, false);
    const char *const wrong[][2] = {{"31/02/2013", "%d/%m/%Y"},
                                    {"31/12/13", "%d/%m/%Y"},
                                    {"31/12/2013 ", "%d/%m/%Y"},
                                    {"31/12/2013", "%d/%m/%Y "},
                                    {"13:00 PM 2013", "%I:%M %p %Y"},
                                    {"0:00 AM 2013", "%I:%M %p %Y"},
                                    {"24:00 2013", "%R %Y"},
                                    {"Foo 2013", "%b %Y"},
                                    {"2013-01-01.1234567", "%F.%f"},
                                    {"2013 +2400", "%Y %z"},
                                    {"2013 +1", "%Y %z"},
                                    {"0000-01-01", "%F"},
                                    {"", "%F"},
                                    {"2013", ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t v = 0;
        bool zone = false;
        ck_assert_msg(!aip__parse_time_as(wrong[i][0], strlen(wrong[i][0]), wrong[i][1], &v, &zone), "%s as %s", wrong[i][0],
                      wrong[i][1]);
    }
    ck_assert_int_eq(aip__time_format_fault("%d/%m/%Y"), 0);
    ck_assert_int_eq(aip__time_format_fault("%d/%m/%Q"), 'Q');
    ck_assert_int_eq(aip__time_format_fault("%Y%"), '%');
    ck_assert_int_eq(aip__time_format_fault("%d/%m"), 'Y');
    ck_assert(aip__time_format_has_time("%d %% %M"));
    ck_assert(!aip__time_format_has_time("%d/%m/%Y %%M"));
}
END_TEST

START_TEST(words_stand_for_true_and_false) {
    char *yes[] = {(char *)(uintptr_t) "yes", (char *)(uintptr_t) "oui"}, *no[] = {(char *)(uintptr_t) "no"};
    bool v = false;
    ck_assert(aip__parse_words("oui", 3, yes, 2, no, 1, &v) && v);
    ck_assert(aip__parse_words("no", 2, yes, 2, no, 1, &v) && !v);
    ck_assert(!aip__parse_words("true", 4, yes, 2, no, 1, &v));
    ck_assert(!aip__parse_words("ye", 2, yes, 2, no, 1, &v));
}
END_TEST

START_TEST(inference_follows_the_lattice) {
    static const struct {
        const char *text;
        int32_t type;
    } cases[] = {{"", 0},
                 {"12", AIP_INT64},
                 {"-1.5", AIP_FLOAT64},
                 {"1e3", AIP_FLOAT64},
                 {"9223372036854775808", AIP_FLOAT64},
                 {"true", AIP_BOOL},
                 {"False", AIP_BOOL},
                 {"tRUE", AIP_UTF8},
                 {"2013-01-01", AIP_DATE32},
                 {"2013-01-01 05:00", AIP_TIMESTAMP},
                 {"2013-02-30", AIP_UTF8},
                 {"abc", AIP_UTF8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(aip__infer_text(cases[i].text, strlen(cases[i].text), '.'), cases[i].type);
    static const int32_t types[] = {0, AIP_BOOL, AIP_INT64, AIP_FLOAT64, AIP_DATE32, AIP_TIMESTAMP, AIP_UTF8};
    for (int a = 0; a < 7; a++)
        for (int b = 0; b < 7; b++) {
            int32_t joined = aip__infer_join(types[a], types[b]);
            ck_assert_int_eq(joined, aip__infer_join(types[b], types[a]));
            if (a == b || types[b] == 0) ck_assert_int_eq(joined, types[a]);
            for (int c = 0; c < 7; c++)
                ck_assert_int_eq(aip__infer_join(joined, types[c]),
                                 aip__infer_join(types[a], aip__infer_join(types[b], types[c])));
        }
    ck_assert_int_eq(aip__infer_join(AIP_INT64, AIP_FLOAT64), AIP_FLOAT64);
    ck_assert_int_eq(aip__infer_join(AIP_TIMESTAMP, AIP_DATE32), AIP_TIMESTAMP);
    ck_assert_int_eq(aip__infer_join(AIP_BOOL, AIP_INT64), AIP_UTF8);
}
END_TEST

Suite *convert_suite(void) {
    const TTest *const tests[] = {floats_of_any_length_equal_strtod,
                                  points_halfway_between_two_doubles_equal_strtod,
                                  hard_and_extreme_floats_equal_strtod,
                                  texts_that_are_no_number_are_refused,
                                  integers_read_back_and_overflow_is_refused,
                                  floats_are_written_with_the_fewest_digits_and_the_nearest_of_those,
                                  floats_are_laid_out_as_python_repr,
                                  every_day_of_twenty_thousand_years_goes_there_and_back,
                                  dates_and_timestamps_read_and_write_iso_8601,
                                  decimals_are_exact_or_refused,
                                  marks_between_thousands_stand_at_every_third_digit,
                                  dates_are_read_by_formats,
                                  words_stand_for_true_and_false,
                                  inference_follows_the_lattice,
                                  NULL};
    return unit_suite("convert", tests);
}
