/* Texts that mean values by somebody's own rules: numbers with marks between thousands, dates by a format of strftime's letters, words for true
 * and false. Each is tried where the usual meaning does not fit. Names of months and days are English, whatever the locale. */
#include "data/convert.h"

#include <string.h>

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY (86400 * MICROS_PER_SECOND)

static bool is_digit(char c) { return (unsigned)(c - '0') < 10u; }

size_t aip__without_thousands(char *to, const char *s, size_t n, char thousands, char decimal) {
    size_t i = 0, at = 0, group = 0, groups = 0;
    if (n > AIP__LONGEST_GROUPED) return 0;
    if (n > 0 && (*s == '-' || *s == '+')) to[at++] = s[i++];
    for (; i < n && (is_digit(s[i]) || (s[i] == thousands && s[i] != decimal)); i++) {
        if (is_digit(s[i])) {
            to[at++] = s[i];
            group++;
            continue;
        }
        if (groups == 0 ? group < 1 || group > 3 : group != 3) return 0;
        group = 0;
        groups++;
    }
    if (groups == 0 || group != 3 || (i < n && s[i] == thousands)) return 0;
    memcpy(to + at, s + i, n - i);
    return at + n - i;
}

bool aip__parse_words(const char *s, size_t n, char *const *yes, int32_t n_yes, char *const *no, int32_t n_no, bool *out) {
    for (int32_t i = 0; i < n_yes + n_no; i++) {
        const char *word = i < n_yes ? yes[i] : no[i - n_yes];
        if (strlen(word) != n || memcmp(word, s, n) != 0) continue;
        *out = i < n_yes;
        return true;
    }
    return false;
}

/* ---- dates by a format -------------------------------------------------------------------------------------------------------------------------- */

static const char *const months[12] = {"january", "february", "march",     "april",   "may",      "june",
                                       "july",    "august",   "september", "october", "november", "december"};
static const char *const weekdays[7] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

typedef struct moment {
    const char *p, *end;
    int32_t year, month, day, hour, minute, second, micros, offset; /* offset: minutes east */
    bool twelve, afternoon, zoned;
} moment;

/* From one to `most` digits. */
static bool number(moment *m, int most, int32_t *out) {
    int32_t v = 0;
    int k = 0;
    for (; k < most && m->p < m->end && is_digit(*m->p); k++) v = v * 10 + (*m->p++ - '0');
    *out = v;
    return k > 0;
}

/* One of n names, whole or its first three letters, in any case: its index, or -1. */
static int32_t name(moment *m, const char *const *names, int32_t n) {
    for (int32_t i = 0; i < n; i++)
        for (size_t length = strlen(names[i]);; length = 3) {
            if ((size_t)(m->end - m->p) >= length && aip__same_word(m->p, names[i], length)) {
                m->p += length;
                return i;
            }
            if (length == 3) break;
        }
    return -1;
}

static bool fraction(moment *m) {
    const char *first = m->p;
    for (int32_t unit = 100000; m->p < m->end && is_digit(*m->p); unit /= 10) {
        int32_t d = *m->p++ - '0';
        if (unit == 0 && d != 0) return false;
        m->micros += unit * d;
    }
    return m->p > first;
}

static bool offset(moment *m) {
    m->zoned = true;
    if (m->p < m->end && (*m->p | 0x20) == 'z') return m->p++, true;
    if (m->p == m->end || (*m->p != '+' && *m->p != '-')) return false;
    bool west = *m->p++ == '-';
    const char *hour = m->p;
    int32_t h = 0, minute = 0;
    if (!number(m, 2, &h) || m->p - hour != 2) return false;
    if (m->p < m->end && *m->p == ':') m->p++;
    const char *first = m->p;
    if (!number(m, 2, &minute) || m->p - first != 2 || h > 23 || minute > 59) return false;
    m->offset = west ? -(h * 60 + minute) : h * 60 + minute;
    return true;
}

static bool midday(moment *m) {
    if (m->end - m->p < 2 || (m->p[1] | 0x20) != 'm') return false;
    char c = (char)(*m->p | 0x20);
    m->twelve = true;
    m->afternoon = c == 'p';
    m->p += 2;
    return c == 'a' || c == 'p';
}

static bool short_year(moment *m) {
    const char *first = m->p;
    if (!number(m, 2, &m->year) || m->p - first != 2) return false;
    m->year += m->year < 69 ? 2000 : 1900; /* POSIX */
    return true;
}

static bool long_year(moment *m) {
    const char *first = m->p;
    return number(m, 4, &m->year) && m->p - first == 4;
}

static bool literal(moment *m, char c) {
    if (m->p == m->end || *m->p != c) return false;
    m->p++;
    return true;
}

static bool field(moment *m, char letter) {
    switch (letter) {
    case 'Y': return long_year(m);
    case 'y': return short_year(m);
    case 'm': return number(m, 2, &m->month);
    case 'd': return number(m, 2, &m->day);
    case 'e':
        if (m->p < m->end && *m->p == ' ') m->p++;
        return number(m, 2, &m->day);
    case 'H': return number(m, 2, &m->hour);
    case 'I': m->twelve = true; return number(m, 2, &m->hour) && m->hour >= 1 && m->hour <= 12;
    case 'M': return number(m, 2, &m->minute);
    case 'S': return number(m, 2, &m->second);
    case 'f': return fraction(m);
    case 'p': return midday(m);
    case 'z': return offset(m);
    case 'b':
    case 'h':
    case 'B': m->month = name(m, months, 12) + 1; return m->month > 0;
    case 'a':
    case 'A': return name(m, weekdays, 7) >= 0;
    default: return literal(m, '%');
    }
}

/* What stands for several. */
static const char *meaning(char letter) {
    switch (letter) {
    case 'F': return "%Y-%m-%d";
    case 'D': return "%m/%d/%y";
    case 'T': return "%H:%M:%S";
    case 'R': return "%H:%M";
    default: return NULL;
    }
}

static bool match(moment *m, const char *format) {
    for (; *format; format++) {
        if (*format != '%') {
            if (!literal(m, *format)) return false;
            continue;
        }
        const char *parts = meaning(*++format);
        if (!parts && !field(m, *format)) return false;
        for (; parts && *parts; parts++)
            if (*parts == '%' ? !field(m, *++parts) : !literal(m, *parts)) return false;
    }
    return m->p == m->end;
}

bool aip__parse_time_as(const char *s, size_t n, const char *format, int64_t *micros, bool *has_zone) {
    moment m = {.p = s, .end = s + n, .month = 1, .day = 1};
    if (!match(&m, format)) return false;
    if (m.twelve) m.hour = m.hour % 12 + (m.afternoon ? 12 : 0);
    if (m.hour > 23 || m.minute > 59 || m.second > 59 || m.year < 1 || m.month < 1 || m.month > 12 || m.day < 1
        || m.day > aip__days_in_month(m.year, m.month))
        return false;
    int64_t seconds = (m.hour * INT64_C(60) + m.minute - m.offset) * 60 + m.second;
    *micros = aip__days_from_civil(m.year, m.month, m.day) * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + m.micros;
    *has_zone = m.zoned;
    return true;
}

char aip__time_format_fault(const char *format) {
    bool year = false;
    for (; *format; format++) {
        if (*format != '%') continue;
        char letter = *++format;
        if (letter == 0) return '%';
        if (!strchr("YymdeHIMSfpzbhBaAFDTR%", letter)) return letter;
        year |= strchr("YyFD", letter) != NULL;
    }
    return year ? 0 : 'Y';
}

bool aip__time_format_has_time(const char *format) {
    for (; *format; format++)
        if (*format == '%' && format[1] && strchr("HIMSfpTR", *++format)) return true;
    return false;
}
