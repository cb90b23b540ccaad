/* Where CSV records end: the one definition that cutting, splitting and sampling share. It jumps from quote to quote and line feed to line feed
 * with memchr, so that text without quotes costs one search a line; and small byte loops that the compiler vectorises. */
#include "formats/csv/csv.h"

#include <string.h>

static const char *find(const char *p, const char *end, int c) { return p < end ? memchr(p, c, (size_t)(end - p)) : NULL; }

/* The quote that closes the field opened at q. NULL: the data ends first. */
static const char *closing(int quote, const char *q, const char *end, bool last) {
    for (const char *s = q + 1;;) {
        const char *c = find(s, end, quote);
        if (!c) return NULL;
        if (c + 1 == end) return last ? c : NULL; /* it may yet be doubled */
        if ((unsigned char)c[1] != quote) return c;
        s = c + 2;
    }
}

static bool ends_at(const char *nl, const char *p, const char *end, aip__csv_kind kind, aip__csv_record *out) {
    const char *e = nl ? nl : end;
    if (e > p && e[-1] == '\r') e--;
    *out = (aip__csv_record){.end = e, .next = nl ? nl + 1 : end, .kind = kind};
    return true;
}

bool aip__csv_scan_record(const aip__csv_dialect *d, const char *p, const char *end, bool last, aip__csv_record *out) {
    const char *nl = find(p, end, '\n'), *at = p;
    aip__csv_kind kind = AIP__CSV_PLAIN;
    if (*p == '\n' || (*p == '\r' && (p + 1 == nl || (last && p + 1 == end)))
        || (d->comment >= 0 && (unsigned char)*p == d->comment)) {
        if (!nl && !last) return false;
        return ends_at(nl, p, end, AIP__CSV_SKIP, out);
    }
    if (aip__csv_is_general(d)) return aip__csv_general_record(d, p, end, last, out);
    if (d->quote < 0) return (nl || last) && ends_at(nl, p, end, kind, out);
    for (;;) {
        if (nl && nl < at) nl = find(at, end, '\n');
        const char *q = find(at, nl ? nl : end, d->quote);
        if (!q) return (nl || last) && ends_at(nl, p, end, kind, out);
        if (q != p && (q == at || q[-1] != d->delimiter)) { /* inside an unquoted field: data */
            at = q + 1;
            continue;
        }
        const char *c = closing(d->quote, q, end, last);
        if (!c) {
            if (!last) return false;
            *out = (aip__csv_record){.end = end, .next = end, .kind = AIP__CSV_UNCLOSED};
            return true;
        }
        at = c + 1;
        if (kind == AIP__CSV_PLAIN) kind = AIP__CSV_QUOTED;
        if (at == end || *at == d->delimiter || *at == '\n') continue;
        if (*at == '\r' && at + 1 == end && !last) return false;
        if (*at == '\r' && (at + 1 == end || at[1] == '\n')) continue;
        kind = AIP__CSV_MALFORMED;
    }
}

const char *aip__csv_field_end(const aip__csv_dialect *d, const char *p, const char *end) {
    aip__csv_general f;
    if (aip__csv_is_general(d)) return aip__csv_general_field(d, p, p, end, true, &f) ? f.end : end;
    if (p < end && (unsigned char)*p == d->quote) {
        const char *c = closing(d->quote, p, end, true);
        return c ? c + 1 : end;
    }
    const char *e = find(p, end, d->delimiter);
    return e ? e : end;
}

size_t aip__csv_count_lines(const char *p, size_t n) {
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += p[i] == '\n';
    return lines;
}

const char *aip__csv_nth_line(const char *p, size_t bytes, size_t n) {
    const char *end = p + bytes;
    const size_t chunk = 4096;
    while ((size_t)(end - p) > chunk) {
        size_t lines = aip__csv_count_lines(p, chunk);
        if (lines >= n) break;
        n -= lines;
        p += chunk;
    }
    while (n > 0) {
        p = find(p, end, '\n');
        if (!p) return NULL;
        p++;
        n--;
    }
    return p;
}
