/* Text to value. Whatever the bytes: no read outside them; a float equals strtod's; what is accepted reads back to the same value after it
 * was written; the inferred type is one that parses. */
#include "base/text.h"
#include "data/convert.h"
#include <aipipe/data.h>
#include <stdlib.h>
#include <string.h>

static void hold(bool rule) {
    if (!rule) abort();
}

static void floats(const char *s, size_t n, const char *terminated) {
    double v = 0, again = 0;
    char text[64];
    if (!aip__parse_f64(s, n, '.', &v)) return;
    char *end = NULL;
    double expected = aip__strtod(terminated, &end);
    hold(end == terminated + n && memcmp(&v, &expected, sizeof v) == 0);
    hold(aip__parse_f64(text, aip__format_f64(text, v), '.', &again));
    hold(v != v ? again != again : memcmp(&v, &again, sizeof v) == 0);
}

static void integers(const char *s, size_t n) {
    int64_t v = 0, again = 0;
    char text[64];
    double d = 0;
    if (!aip__parse_i64(s, n, &v)) return;
    hold(aip__parse_i64(text, aip__format_i64(text, v), &again) && again == v);
    hold(aip__parse_f64(s, n, '.', &d) && d == (double)v);
}

static void times(const char *s, size_t n) {
    int32_t days = 0, days_again = 0;
    int64_t t = 0, t_again = 0;
    bool zone = false, zone_again = false;
    char text[64];
    if (aip__parse_date(s, n, &days))
        hold(aip__parse_date(text, aip__format_date(text, days), &days_again) && days_again == days);
    if (!aip__parse_timestamp(s, n, &t, &zone)) return;
    if (t < aip__days_from_civil(1, 1, 1) * INT64_C(86400000000) || t >= aip__days_from_civil(10000, 1, 1) * INT64_C(86400000000))
        return; /* an offset may lead out of the years that are read */
    hold(aip__parse_timestamp(text, aip__format_timestamp(text, t, zone), &t_again, &zone_again));
    hold(t_again == t && zone_again == zone);
}

static void decimals(const char *s, size_t n) {
    for (int32_t scale = 0; scale <= 18; scale += 6) {
        int64_t v = 0, again = 0;
        char text[64];
        if (!aip__parse_decimal(s, n, scale, &v)) continue;
        hold(aip__parse_decimal(text, aip__format_decimal(text, v, scale), scale, &again) && again == v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *terminated = malloc(size + 1), *exact = malloc(size ? size : 1);
    if (!terminated || !exact) abort();
    if (size) memcpy(terminated, data, size), memcpy(exact, data, size);
    terminated[size] = 0;
    floats(exact, size, terminated);
    integers(exact, size);
    times(exact, size);
    decimals(exact, size);
    double d = 0;
    int32_t type = aip__infer_text(exact, size, ',');
    hold((type == 0) == (size == 0));
    if (type == AIP_FLOAT64) hold(aip__parse_f64(exact, size, ',', &d));
    free(terminated);
    free(exact);
    return 0;
}
