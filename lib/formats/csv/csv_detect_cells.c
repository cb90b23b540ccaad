/* One record of a sample under a dialect that is only tried: where its cells end, and what each of them looks like. Every byte is looked at once;
 * nothing is kept. */
#include "formats/csv/csv_detect.h"

#include "base/hash.h"
#include "data/convert.h"
#include <string.h>

/* ---- what a cell looks like ---------------------------------------------------------------------------------------------------------------- */

enum {
    DIGIT = 1,
    LETTER = 2,
    SIGN = 4,
    POINT = 8,
    COMMA = 16,
    TIME = 32,
    SPACE = 64,
    OTHER = 128,
    HIGH = 256,
    DELIMITER = 512,
    JOINER = 1024
};

static unsigned class_of(unsigned char c) {
    if (c >= '0' && c <= '9') return DIGIT;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return LETTER;
    switch (c) {
    case '+':
    case '-': return SIGN;
    case '.': return POINT;
    case ',': return COMMA;
    case ':':
    case '/': return TIME;
    case ' ': return SPACE;
    case ';':
    case '|':
    case '\t': return DELIMITER;
    case '_':
    case '\'':
    case '&':
    case '(':
    case ')': return JOINER;
    default: return c >= 0x80 ? HIGH : OTHER;
    }
}

static bool same(const char *s, size_t n, const char *word) { return strlen(word) == n && aip__same_word(s, word, n); }

static bool is_word_for_bool(const char *s, size_t n) {
    return same(s, n, "true") || same(s, n, "false") || same(s, n, "yes") || same(s, n, "no");
}

static bool is_address(const char *s, size_t n) {
    const char *at = memchr(s, '@', n);
    if (n > 8 && (memcmp(s, "http://", 7) == 0 || memcmp(s, "https://", 8) == 0)) return memchr(s, ' ', n) == NULL;
    return at && at > s && memchr(s, ' ', n) == NULL && memchr(at, '.', n - (size_t)(at - s)) != NULL;
}

/* 2018-01-31, 31/01/2018 10:30, 31.01.2018, 2018-01-31T10:30:00.5Z, 10:30: groups of digits, at least two, with marks of dates and times. */
static bool is_time(const char *s, size_t n) {
    size_t groups = 0, marks = 0, letters = 0;
    bool digit = false;
    if (n < 4 || n > 35) return false;
    for (size_t i = 0; i < n; i++) {
        bool d = s[i] >= '0' && s[i] <= '9';
        groups += d && !digit;
        digit = d;
        if (d) continue;
        marks += s[i] == ':' || s[i] == '/' || (s[i] == '-' && i > 0) || (s[i] == '.' && i > 0);
        letters += s[i] == 'T' || s[i] == 'Z';
        if (!strchr(":/-.+ TZ", s[i])) return false;
    }
    bool clock = memchr(s, ':', n) != NULL;
    return groups >= (clock ? 2 : 3) && marks >= (clock ? 1 : 2) && letters <= 2 && s[0] >= '0' && s[0] <= '9';
}

/* 1, -2.5, 1e6, 1.234,56, 12 %, $74.69, (5): digits with at most a few other characters that numbers have. */
static bool is_number(const char *s, size_t n) {
    size_t digits = 0, other = 0, i = 0;
    if (n > 3 && (memcmp(s, "\xe2\x82\xac", 3) == 0)) i = 3; /* the euro sign */
    if (n > 1 && (s[0] == '$' || s[0] == '(')) i = 1;
    for (; i < n; i++) {
        if (s[i] >= '0' && s[i] <= '9')
            digits++;
        else if ((s[i] == '-' || s[i] == '+') && (i <= 1 || s[i - 1] == 'e' || s[i - 1] == 'E'))
            other++;
        else if (s[i] == '.' || s[i] == ',')
            other++;
        else if ((s[i] == 'e' || s[i] == 'E') && digits > 0 && i + 1 < n)
            other++;
        else if (i + 1 == n && (s[i] == '%' || s[i] == ')'))
            other++;
        else
            return false;
    }
    return digits > 0 && other <= digits + 2;
}

aip__looks aip__looks_of(const char *s, size_t n) {
    while (n > 0 && *s == ' ') s++, n--;
    while (n > 0 && s[n - 1] == ' ') n--;
    if (n == 0) return AIP__LOOKS_EMPTY;
    if (is_number(s, n)) return AIP__LOOKS_NUMBER;
    if (is_time(s, n)) return AIP__LOOKS_TIME;
    if (is_word_for_bool(s, n)) return AIP__LOOKS_BOOL;
    if (is_address(s, n)) return AIP__LOOKS_ADDRESS;
    unsigned classes = 0;
    for (size_t i = 0; i < n; i++) classes |= class_of((unsigned char)s[i]);
    return classes & ~(unsigned)(DIGIT | LETTER | SIGN | POINT | HIGH | JOINER) ? AIP__LOOKS_TEXT : AIP__LOOKS_WORD;
}

/* One quote at the start or the end, and not its like at the other: half of a cell that was split at a delimiter in quotes. */
static bool is_half_quoted(const char *s, size_t n) {
    bool first = n > 0 && (s[0] == '"' || s[0] == '\''), last = n > 0 && (s[n - 1] == '"' || s[n - 1] == '\'');
    return (first || last) && (n == 1 || s[0] != s[n - 1]);
}

static double worth_of(aip__looks looks, const char *s, size_t n, bool quoted) {
    if (!quoted && is_half_quoted(s, n)) return 0.1;
    switch (looks) {
    case AIP__LOOKS_EMPTY: return 0.6;
    case AIP__LOOKS_NUMBER:
    case AIP__LOOKS_TIME:
    case AIP__LOOKS_BOOL:
    case AIP__LOOKS_ADDRESS: return 1;
    case AIP__LOOKS_WORD: return 0.9;
    default: break;
    }
    if (quoted) return 0.9;
    for (size_t i = 0; i < n; i++)
        if (s[i] == ',' || s[i] == ';' || s[i] == '\t' || s[i] == '|' || s[i] == '"') return 0.1;
    return 0.7;
}

/* ---- one record ---------------------------------------------------------------------------------------------------------------------------------- */

/* Digits, one mark, digits. */
static bool is_decimal(const char *s, size_t n, char mark) {
    size_t i = n > 0 && (s[0] == '-' || s[0] == '+'), before = 0, after = 0;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) before++;
    if (i == n || s[i] != mark) return false;
    for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++) after++;
    return i == n && before > 0 && after > 0;
}

static void take(aip__detect_record *r, const char *s, size_t n, bool quoted, aip__detect_cell *cells, int32_t n_kept) {
    aip__looks l = aip__looks_of(s, n);
    if (cells && r->n_cells < n_kept) cells[r->n_cells] = (aip__detect_cell){.looks = l, .hash = aip__hash64(s, n, 0)};
    r->n_cells++;
    r->n_filled += l != AIP__LOOKS_EMPTY;
    r->n_quoted += quoted;
    r->worth += worth_of(l, s, n, quoted);
    if (l != AIP__LOOKS_NUMBER) return;
    r->n_commas += is_decimal(s, n, ',');
    r->n_points += is_decimal(s, n, '.');
}

static bool ends_record(const char *p, const char *end) {
    return p == end || *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
}

/* Nothing more is to be seen from s on: what an earlier look found out says so. */
static bool known_open(const aip__detect_text *t, const char *s) {
    if (!t->from || s < t->from || s >= t->to || (unsigned char)*s == t->dialect->quote) return false;
    return !t->dialect->escape || (*s != t->dialect->escape && s[-1] != t->dialect->escape);
}

/* The quote that ends the cell opened at p; *broken: a quote inside is neither doubled nor the last. NULL: the cell does not end, or its opening
 * quote was none. */
static const char *closing_quote(aip__detect_text *t, const char *p, bool *broken) {
    const aip__csv_dialect *d = t->dialect;
    const char *s = p + 1, *end = t->end, *last = NULL;
    for (; s < end; s++) {
        if (known_open(t, s)) {
            *broken |= t->broken && t->broken >= s;
            return NULL;
        }
        if (d->escape && *s == d->escape && s + 1 < end) {
            s++;
            continue;
        }
        if ((unsigned char)*s != d->quote) continue;
        if (ends_record(s + 1, end) || s[1] == d->delimiter) return s;
        if ((unsigned char)s[1] == d->quote && !d->no_doubling) {
            s++;
            continue;
        }
        *broken = true;
        last = s;
        if (s[-1] == d->delimiter || s[-1] == '\n') break;
    }
    t->from = p + 1;
    t->to = s < end ? s : end;
    t->broken = last;
    return NULL;
}

void aip__detect_record_at(aip__detect_text *t, const char *p, aip__detect_cell *cells, int32_t n_kept, aip__detect_record *out) {
    const aip__csv_dialect *d = t->dialect;
    const char *at = p, *end = t->end;
    *out = (aip__detect_record){.next = end, .complete = t->whole};
    for (bool last = false; !last;) {
        if (at < end && (unsigned char)*at == d->quote) {
            bool broken = false;
            const char *close = closing_quote(t, at, &broken);
            out->n_broken += broken || (!close && t->whole);
            if (!close && !t->whole && !broken) return; /* it may end behind the sample */
            if (close) {
                take(out, at + 1, (size_t)(close - at - 1), true, cells, n_kept);
                at = close + 1;
                last = at == end || *at != d->delimiter;
                at += !last;
                continue;
            }
        }
        const char *e = at;
        while (e < end && *e != d->delimiter && *e != '\n') e += d->escape && *e == d->escape && e + 1 < end ? 2 : 1;
        last = e == end || *e == '\n';
        size_t n = (size_t)(e - at);
        take(out, at, last && n > 0 && at[n - 1] == '\r' ? n - 1 : n, false, cells, n_kept);
        at = last ? e : e + 1;
    }
    if (at < end && *at == '\r') at++;
    out->complete = t->whole || at < end;
    out->next = at < end ? at + 1 : end;
}
