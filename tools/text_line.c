/* Lines of text that grow, how wide they are on a terminal, and how numbers are written for people. */
#include "tool.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void out_of_memory(void) {
    fputs("aipipe: error: out of memory\n", stderr);
    exit(EXIT_CODE_FAILED);
}

void *tool_alloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p) out_of_memory();
    return p;
}

void *tool_grow(void *ptr, size_t *capacity, size_t wanted, size_t size) {
    if (wanted <= *capacity) return ptr;
    size_t n = *capacity < 16 ? 16 : *capacity;
    while (n < wanted && n <= SIZE_MAX / 2) n *= 2;
    void *p = n >= wanted ? reallocarray(ptr, n, size) : NULL;
    if (!p) out_of_memory();
    *capacity = n;
    return p;
}

char *tool_copy(const char *text) {
    size_t n = strlen(text) + 1;
    return memcpy(tool_alloc(n, 1), text, n);
}

void line_bytes(line *l, const char *bytes, size_t n) {
    l->bytes = tool_grow(l->bytes, &l->capacity, l->n + n + 1, 1);
    if (n) memcpy(l->bytes + l->n, bytes, n);
    l->n += n;
    l->bytes[l->n] = 0;
}

void line_add(line *l, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n >= 0) {
        l->bytes = tool_grow(l->bytes, &l->capacity, l->n + (size_t)n + 1, 1);
        vsnprintf(l->bytes + l->n, (size_t)n + 1, format, list);
        l->n += (size_t)n;
    }
    va_end(list);
}

void line_pad(line *l, int columns) {
    for (; columns > 0; columns--) line_bytes(l, " ", 1);
}

void line_clear(line *l) {
    l->n = 0;
    if (l->bytes) l->bytes[0] = 0;
}

void line_free(line *l) {
    free(l->bytes);
    *l = (line){0};
}

/* The character at text, its bytes in *bytes; a byte that starts none is taken alone, as U+FFFD. */
static uint32_t decode(const char *text, size_t n, size_t *bytes) {
    const unsigned char *s = (const unsigned char *)text;
    *bytes = 1;
    if (s[0] < 0x80) return s[0];
    size_t more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc2 ? 1 : 0;
    if (more == 0 || s[0] > 0xf4 || more >= n) return 0xfffd;
    uint32_t c = s[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0xfffd;
        c = c << 6 | (s[i] & 0x3fu);
    }
    *bytes = more + 1;
    return c;
}

static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static int char_columns(uint32_t c) {
    if (c < 0x80 || !term_utf8) return 1;
    int n = wcwidth((wchar_t)c);
    return n < 0 ? 1 : n;
}

int text_columns(const char *text, size_t n) {
    int columns = 0;
    for (size_t i = 0, bytes = 0; i < n; i += bytes) columns += char_columns(decode(text + i, n - i, &bytes));
    return columns;
}

void line_clean(line *l, const char *text, size_t n, int max_columns) {
    const char *ellipsis = term_utf8 ? "…" : "~";
    int columns = 0;
    size_t fits = l->n; /* where the ellipsis goes when what follows does not fit */
    for (size_t i = 0, bytes = 0; i < n; i += bytes) {
        uint32_t c = decode(text + i, n - i, &bytes);
        int wide = is_control(c) ? 1 : char_columns(c);
        if (columns + wide > max_columns) {
            l->n = fits;
            if (max_columns > 0) line_bytes(l, ellipsis, strlen(ellipsis));
            return;
        }
        if (is_control(c) || c == 0xfffd)
            line_bytes(l, "?", 1);
        else
            line_bytes(l, text + i, bytes);
        columns += wide;
        if (columns < max_columns) fits = l->n;
    }
    line_bytes(l, "", 0);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------- */

/* Digits with a comma before each three from the right. */
static void add_grouped(line *l, const char *digits, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) line_bytes(l, ",", 1);
        line_bytes(l, digits + i, 1);
    }
}

void line_count(line *l, int64_t n) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)n);
    const char *start = digits + (digits[0] == '-');
    if (digits[0] == '-') line_bytes(l, "-", 1);
    add_grouped(l, start, strlen(start));
}

void line_count_of(line *l, int64_t n, const char *what) {
    line_count(l, n);
    line_add(l, " %s%s", what, n == 1 ? "" : "s");
}

void line_number(line *l, double v) {
    char text[64];
    if (!isfinite(v)) {
        line_add(l, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
        return;
    }
    double size = fabs(v);
    if (size >= 1e15 || (size > 0 && size < 1e-4)) {
        line_add(l, "%.5g", v);
        return;
    }
    if (v == trunc(v)) {
        line_count(l, (int64_t)v);
        return;
    }
    int whole_digits = (int)floor(log10(size)) + 1; /* 0 and less below 1 */
    int decimals = whole_digits < 1 ? 6 : whole_digits < 6 ? 6 - whole_digits : 1;
    snprintf(text, sizeof text, "%.*f", decimals, v);
    char *dot = strchr(text, '.'), *end = text + strlen(text);
    while (end > dot + 1 && end[-1] == '0') *--end = 0;
    if (end == dot + 1) *dot = 0;
    char *start = text + (text[0] == '-');
    if (text[0] == '-') line_bytes(l, "-", 1);
    size_t whole = strcspn(start, ".");
    add_grouped(l, start, whole);
    line_bytes(l, start + whole, strlen(start + whole));
}

void line_bytes_size(line *l, double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    line_add(l, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void line_seconds(line *l, double seconds) {
    if (seconds < 60)
        line_add(l, seconds < 9.995 ? "%.2f s" : "%.1f s", seconds);
    else if (seconds < 3600)
        line_add(l, "%d m %02d s", (int)seconds / 60, (int)seconds % 60);
    else
        line_add(l, "%d h %02d m", (int)(seconds / 3600), (int)(seconds / 60) % 60);
}
