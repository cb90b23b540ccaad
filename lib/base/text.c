/* The growing byte string, JSON quoting, and doubles as text. Numbers are written and read in the C locale whatever the host has set:
 * through a locale object of our own, never setlocale. */
#include "base/text.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void aip__text_init(aip__text *t, aip_context *ctx) { *t = (aip__text){.ctx = ctx}; }

void aip__text_free(aip__text *t) {
    aip__free(t->ctx, t->bytes);
    *t = (aip__text){.ctx = t->ctx};
}

/* Room for n more bytes and the NUL. */
static bool room(aip__text *t, size_t n) {
    size_t need = 0;
    if (t->failed) return false;
    if (aip__add_size(t->n, n, &need) || aip__add_size(need, 1, &need)
        || aip__grow(t->ctx, &t->bytes, &t->capacity, need < 64 ? 64 : need, 1) != 0)
        t->failed = true;
    return !t->failed;
}

void aip__text_add(aip__text *t, const char *bytes, size_t n) {
    if (!room(t, n)) return;
    if (n > 0) memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
    t->bytes[t->n] = 0;
}

char *aip__text_reserve(aip__text *t, size_t n) { return room(t, n) ? t->bytes + t->n : NULL; }

void aip__text_str(aip__text *t, const char *text) { aip__text_add(t, text, strlen(text)); }

void aip__text_char(aip__text *t, char c) { aip__text_add(t, &c, 1); }

void aip__text_printf(aip__text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        t->failed = true;
        return;
    }
    if (!room(t, (size_t)n)) return;
    va_start(args, format);
    vsnprintf(t->bytes + t->n, (size_t)n + 1, format, args);
    va_end(args);
    t->n += (size_t)n;
}

/* Length of the UTF-8 sequence at p (well-formed by Unicode's table 3-7), or 0. */
static size_t utf8_length(const uint8_t *p, size_t n) {
    if (p[0] < 0x80) return 1;
    size_t length = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (length == 0 || length > n) return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90)
        || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

void aip__text_json(aip__text *t, const char *bytes, size_t n) {
    const uint8_t *p = (const uint8_t *)bytes;
    aip__text_char(t, '"');
    for (size_t i = 0; i < n;) {
        size_t plain = i;
        while (plain < n && p[plain] >= 0x20 && p[plain] < 0x7f && p[plain] != '"' && p[plain] != '\\') plain++;
        aip__text_add(t, bytes + i, plain - i);
        i = plain;
        if (i == n) break;
        size_t length = utf8_length(p + i, n - i);
        if (length > 1) {
            aip__text_add(t, bytes + i, length);
            i += length;
            continue;
        }
        switch (p[i]) {
        case '"': aip__text_str(t, "\\\""); break;
        case '\\': aip__text_str(t, "\\\\"); break;
        case '\n': aip__text_str(t, "\\n"); break;
        case '\r': aip__text_str(t, "\\r"); break;
        case '\t': aip__text_str(t, "\\t"); break;
        case '\b': aip__text_str(t, "\\b"); break;
        case '\f': aip__text_str(t, "\\f"); break;
        default:
            if (length == 0)
                aip__text_str(t, "\xef\xbf\xbd");
            else
                aip__text_printf(t, "\\u%04x", p[i]); /* control characters, and DEL, which YAML readers refuse */
        }
        i++;
    }
    aip__text_char(t, '"');
}

/* ---- doubles ---------------------------------------------------------------------------------------------------------------- */

static locale_t c_locale_object;
static void make_c_locale(void) { c_locale_object = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

static locale_t c_locale(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    return c_locale_object;
}

double aip__strtod(const char *text, char **end) {
    locale_t c = c_locale();
    return c ? strtod_l(text, end, c) : strtod(text, end);
}

static char small(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

bool aip__same_word(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (small(a[i]) != small(b[i])) return false;
    return true;
}

/* The fewest significant digits (no trailing zeros) that read back as v > 0; *exponent is of the first digit. Any decimal of up to 15
 * digits survives a normal double, 17 always do; below the normal range fewer may, so the search starts at one. */
static size_t shortest_digits(double v, char digits[24], int *exponent) {
    locale_t c = c_locale(), before = c ? uselocale(c) : (locale_t)0;
    char text[40];
    for (int precision = v < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, v);
        if (precision == 17 || strtod(text, NULL) == v) break;
    }
    if (c) uselocale(before);
    size_t n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    *exponent = (int)strtol(p + 1, NULL, 10);
    while (n > 1 && digits[n - 1] == '0') n--;
    return n;
}

void aip__text_f64(aip__text *t, double v, bool json) {
    if (isnan(v) || isinf(v)) {
        const char *name = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
        if (json) aip__text_char(t, '"');
        aip__text_str(t, name);
        if (json) aip__text_char(t, '"');
        return;
    }
    bool minus = signbit(v) != 0;
    if (minus) aip__text_char(t, '-');
    v = fabs(v);
    if (v < 1e15 && v == floor(v)) {
        aip__text_printf(t, json && v == 0 && minus ? "%lld.0" : "%lld",
                         (long long)v); /* JSON readers take -0 for the integer 0 */
        return;
    }
    char digits[24] = {0};
    int e = 0;
    size_t n = shortest_digits(v, digits, &e);
    if (e < -4 || e >= 16) {
        aip__text_char(t, digits[0]);
        if (n > 1) {
            aip__text_char(t, '.');
            aip__text_add(t, digits + 1, n - 1);
        }
        aip__text_printf(t, "e%c%02d", e < 0 ? '-' : '+', e < 0 ? -e : e);
    } else if (e < 0) {
        aip__text_add(t, "0.000", (size_t)(1 - e));
        aip__text_add(t, digits, n);
    } else {
        size_t whole = (size_t)e + 1;
        aip__text_add(t, digits, n < whole ? n : whole);
        for (size_t i = n; i < whole; i++) aip__text_char(t, '0');
        if (n > whole) {
            aip__text_char(t, '.');
            aip__text_add(t, digits + whole, n - whole);
        }
    }
}

int32_t aip__text_take(aip__text *t, char **out, size_t *n, aip_error **err) {
    aip__text_add(t, "", 0); /* an empty text is "" */
    if (t->failed) {
        aip__text_free(t);
        return aip__error_memory(t->ctx, err);
    }
    *out = t->bytes;
    if (n) *n = t->n;
    *t = (aip__text){.ctx = t->ctx};
    return AIP_OK;
}
