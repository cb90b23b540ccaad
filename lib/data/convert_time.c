/* Dates, timestamps, decimals and truth values as text, the calendar, and the lattice of type inference. Civil dates by Hinnant's
 * days_from_civil (years start in March, so that the leap day is the last). */
#include "data/convert.h"
#include <aipipe/data.h>
#include <string.h>

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY (86400 * MICROS_PER_SECOND)

int64_t aip__days_from_civil(int64_t year, int32_t month, int32_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;                                         /* 0 to 399 */
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1; /* from 1 March */
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void aip__civil_from_days(int64_t days, int64_t *year, int32_t *month, int32_t *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *day = (int32_t)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int32_t)(m < 10 ? m + 3 : m - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

int32_t aip__days_in_month(int64_t year, int32_t month) {
    static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* A reader over a text. */
typedef struct cursor {
    const char *p, *end;
} cursor;

/* Exactly n digits. */
static bool fixed_number(cursor *c, int n, int32_t *out) {
    if (c->end - c->p < n) return false;
    int32_t v = 0;
    for (int i = 0; i < n; i++) {
        unsigned d = (unsigned)(c->p[i] - '0');
        if (d > 9) return false;
        v = v * 10 + (int32_t)d;
    }
    c->p += n;
    *out = v;
    return true;
}

static bool one_of(cursor *c, const char *set) {
    if (c->p == c->end || *c->p == 0 || !strchr(set, *c->p)) return false;
    c->p++;
    return true;
}

static bool read_date(cursor *c, int64_t *days) {
    int32_t year = 0, month = 0, day = 0;
    if (!fixed_number(c, 4, &year) || !one_of(c, "-") || !fixed_number(c, 2, &month) || !one_of(c, "-")
        || !fixed_number(c, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > aip__days_in_month(year, month)) return false;
    *days = aip__days_from_civil(year, month, day);
    return true;
}

bool aip__parse_date(const char *s, size_t n, int32_t *days) {
    cursor c = {s, s + n};
    int64_t d = 0;
    if (n != 10 || !read_date(&c, &d)) return false;
    *days = (int32_t)d;
    return true;
}

/* After the point: at least one digit; those past micros must be 0. */
static bool read_fraction(cursor *c, int64_t *micros) {
    int64_t unit = 100000;
    const char *first = c->p;
    for (; c->p < c->end && (unsigned)(*c->p - '0') < 10; c->p++, unit /= 10) {
        if (unit == 0 && *c->p != '0') return false;
        *micros += unit * (*c->p - '0');
    }
    return c->p > first;
}

/* Z, or +HH:MM, +HHMM and the same with minus. */
static bool read_offset(cursor *c, int64_t *micros) {
    if (one_of(c, "Zz")) return c->p == c->end;
    bool west = *c->p == '-';
    int32_t hours = 0, minutes = 0;
    if (!one_of(c, "+-") || !fixed_number(c, 2, &hours)) return false;
    one_of(c, ":");
    if (!fixed_number(c, 2, &minutes) || hours > 23 || minutes > 59 || c->p != c->end) return false;
    int64_t offset = (hours * 60 + minutes) * 60 * MICROS_PER_SECOND;
    *micros += west ? offset : -offset;
    return true;
}

bool aip__parse_timestamp(const char *s, size_t n, int64_t *micros, bool *has_zone) {
    cursor c = {s, s + n};
    int64_t days = 0, fraction = 0;
    int32_t hour = 0, minute = 0, second = 0;
    if (!read_date(&c, &days) || !one_of(&c, "T ") || !fixed_number(&c, 2, &hour) || !one_of(&c, ":")
        || !fixed_number(&c, 2, &minute))
        return false;
    if (one_of(&c, ":")) {
        if (!fixed_number(&c, 2, &second)) return false;
        if (one_of(&c, ".") && !read_fraction(&c, &fraction)) return false;
    }
    if (hour > 23 || minute > 59 || second > 59) return false;
    int64_t t = days * MICROS_PER_DAY + ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction;
    bool zone = c.p < c.end;
    if (zone && !read_offset(&c, &t)) return false;
    *micros = t;
    *has_zone = zone;
    return true;
}

bool aip__parse_bool(const char *s, size_t n, bool *out) {
    static const char *const words[2][3] = {{"false", "False", "FALSE"}, {"true", "True", "TRUE"}};
    if (n != 4 && n != 5) return false;
    bool yes = n == 4;
    for (int i = 0; i < 3; i++)
        if (memcmp(s, words[yes][i], n) == 0) {
            *out = yes;
            return true;
        }
    return false;
}

bool aip__parse_decimal(const char *s, size_t n, int32_t scale, int64_t *out) {
    return aip__parse_decimal_as(s, n, '.', scale, out);
}

bool aip__parse_decimal_as(const char *s, size_t n, char decimal, int32_t scale, int64_t *out) {
    const char *p = s, *end = s + n;
    bool minus = n > 0 && *p == '-', any = false, point = false;
    if (n > 0 && (*p == '-' || *p == '+')) p++;
    int64_t v = 0; /* negative, so that the lowest value fits */
    int32_t places = 0;
    for (; p < end; p++) {
        unsigned d = (unsigned)(*p - '0');
        if (*p == decimal && !point) {
            point = true;
            continue;
        }
        if (d > 9) return false;
        any = true;
        if (point && places == scale) {
            if (d != 0) return false;
            continue;
        }
        if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_sub_overflow(v, (int64_t)d, &v)) return false;
        places += point;
    }
    if (!any) return false;
    for (; places < scale; places++)
        if (__builtin_mul_overflow(v, (int64_t)10, &v)) return false;
    if (!minus && __builtin_sub_overflow((int64_t)0, v, &v)) return false;
    *out = v;
    return true;
}

/* ---- to text -------------------------------------------------------------------------------------------------------------------- */

/* Two digits. */
static inline void put2(char *out, uint32_t v) {
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

static size_t put_year(char *out, int64_t year) { /* at least four digits */
    if (year >= 0 && year <= 9999) {
        put2(out, (uint32_t)year / 100);
        put2(out + 2, (uint32_t)year % 100);
        return 4;
    }
    char text[64];
    size_t n = aip__format_i64(text, year < 0 ? -year : year), at = 0;
    if (year < 0) out[at++] = '-';
    for (size_t i = n; i < 4; i++) out[at++] = '0';
    memcpy(out + at, text, n);
    return at + n;
}

size_t aip__format_date(char *out, int32_t days) {
    int64_t year = 0;
    int32_t month = 0, day = 0;
    aip__civil_from_days(days, &year, &month, &day);
    size_t at = put_year(out, year);
    out[at] = '-';
    put2(out + at + 1, (uint32_t)month);
    out[at + 3] = '-';
    put2(out + at + 4, (uint32_t)day);
    return at + 6;
}

size_t aip__format_timestamp(char *out, int64_t micros, bool utc) {
    int64_t days = micros / MICROS_PER_DAY, rest = micros % MICROS_PER_DAY;
    if (rest < 0) {
        rest += MICROS_PER_DAY;
        days--;
    }
    size_t at = aip__format_date(out, (int32_t)days); /* |days| < 1.1e8 for any int64 of micros */
    uint32_t seconds = (uint32_t)(rest / MICROS_PER_SECOND), fraction = (uint32_t)(rest % MICROS_PER_SECOND);
    out[at] = 'T';
    put2(out + at + 1, seconds / 3600);
    out[at + 3] = ':';
    put2(out + at + 4, seconds / 60 % 60);
    out[at + 6] = ':';
    put2(out + at + 7, seconds % 60);
    at += 9;
    if (fraction) {
        out[at++] = '.';
        put2(out + at, fraction / 10000);
        put2(out + at + 2, fraction / 100 % 100);
        put2(out + at + 4, fraction % 100);
        at += 6;
    }
    if (utc) out[at++] = 'Z';
    return at;
}

/* ---- inference ------------------------------------------------------------------------------------------------------------------- */

int32_t aip__infer_text(const char *s, size_t n, char decimal) {
    int64_t i = 0;
    double d = 0;
    int32_t days = 0;
    bool b = false;
    if (n == 0) return 0;
    if (aip__parse_i64(s, n, &i)) return AIP_INT64;
    if (aip__parse_f64(s, n, decimal, &d)) return AIP_FLOAT64;
    if (aip__parse_date(s, n, &days)) return AIP_DATE32;
    if (aip__parse_timestamp(s, n, &i, &b)) return AIP_TIMESTAMP;
    return aip__parse_bool(s, n, &b) ? AIP_BOOL : AIP_UTF8;
}

int32_t aip__infer_join(int32_t a, int32_t b) {
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    int32_t low = a < b ? a : b, high = a < b ? b : a;
    if (low == AIP_INT64 && high == AIP_FLOAT64) return AIP_FLOAT64;
    if (low == AIP_DATE32 && high == AIP_TIMESTAMP) return AIP_TIMESTAMP;
    return AIP_UTF8;
}
