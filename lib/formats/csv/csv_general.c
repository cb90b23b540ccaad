/* Fields and records of dialects with an escape character, without doubled quotes, or lenient ones: the definition in csv.h, one byte at a time. What
 * regular text they hold is taken by the kernels all the same; only what is not comes here. */
#include "formats/csv/csv.h"

#include <string.h>

/* How many bytes an escape sequence at s takes: 2 when what follows is made data, else 1, when the escape is data itself. 0: that depends on the next
 * byte, which is not there yet. */
static int escape(const aip__csv_dialect *d, const char *record, const char *s, const char *end, bool last) {
    if (s + 1 == end) return last ? 1 : 0;
    int c = (unsigned char)s[1];
    bool takes = c == d->quote || s[1] == d->delimiter || s[1] == d->escape || c == '\r' || c == '\n';
    return takes || (s == record && c == d->comment) ? 2 : 1;
}

static bool is_escape(const aip__csv_dialect *d, const char *s) { return d->escape && *s == d->escape; }

/* What stands at s, behind a quote: 1 the end of the field, 0 something else, -1 not known yet. */
static int ends_field(const aip__csv_dialect *d, const char *s, const char *end, bool last) {
    if (s == end) return last ? 1 : -1;
    if (*s == d->delimiter || *s == '\n') return 1;
    if (*s != '\r') return 0;
    if (s + 1 == end) return last ? 1 : -1;
    return s[1] == '\n';
}

static bool gives_up(const aip__csv_dialect *d, const char *record, const char *s) {
    return d->lenient && d->max_record > 0 && s - record > d->max_record;
}

typedef enum { CLOSED, BROKEN, MALFORMED, UNCLOSED, MORE } outcome;

/* What is known of the text, and where a scan of it stands. */
typedef struct walk {
    aip__csv_open *known; /* or NULL */
    aip__csv_open seen;   /* from the first delimiter or line end on */
    bool parted;          /* one was met */
} walk;

/* Moves from s, a byte that is no quote. */
static const char *move(const aip__csv_dialect *d, walk *w, const char *s, const char *end) {
    const aip__csv_open *k = w->known;
    if (k && k->from && s >= k->from && s < k->to && k->to <= end) {
        if (k->parted >= s) { /* else quotes behind it may yet be alone, and data */
            if (!w->seen.from) w->seen.from = k->from;
            w->seen.parted = k->parted;
            w->parted = true;
        }
        return w->seen.to = k->to;
    }
    if (*s == d->delimiter || *s == '\n') {
        if (!w->seen.from) w->seen.from = s;
        w->seen.parted = s;
        w->parted = true;
    }
    return w->seen.to = s + 1;
}

/* The field is open at the end: what was seen, unless more is known. From its first delimiter on no quote was alone, so all stood in pairs. */
static void remember(const walk *w) {
    aip__csv_open *k = w->known;
    if (!k || !w->seen.from || (k->from && k->from <= w->seen.from && w->seen.to <= k->to)) return;
    *k = w->seen;
}

/* The quoted field whose quote stands at p. CLOSED: *stop is behind its closing quote. BROKEN: a lenient dialect has that quote for data. MALFORMED: it
 * closes at *stop, but goes on. */
static outcome quoted_field(const aip__csv_dialect *d, const char *record, const char *p, const char *end, bool last,
                            const char **stop) {
    walk w = {.known = d->lenient && !d->escape ? d->open : NULL}; /* escapes may be read in two ways */
    for (const char *s = p + 1; s < end;) {
        if (gives_up(d, record, s)) {
            remember(&w);
            return BROKEN;
        }
        if (is_escape(d, s)) {
            int n = escape(d, record, s, end, last);
            if (n == 0) return MORE;
            s += n;
        } else if ((unsigned char)*s != d->quote) {
            s = move(d, &w, s, end);
        } else {
            if (!d->no_doubling && s + 1 == end && !last) return MORE;
            bool doubled = !d->no_doubling && s + 1 < end && (unsigned char)s[1] == d->quote;
            int ends = doubled ? 0 : ends_field(d, s + 1, end, last);
            *stop = s + 1;
            if (ends < 0) return MORE;
            if (ends > 0) return CLOSED;
            if (!doubled && !d->lenient) return MALFORMED;
            if (!doubled && w.parted) return BROKEN;
            s += doubled ? 2 : 1;
        }
    }
    if (!last && !gives_up(d, record, end)) return MORE;
    remember(&w);
    return d->lenient ? BROKEN : UNCLOSED;
}

bool aip__csv_general_field(const aip__csv_dialect *d, const char *record, const char *p, const char *end, bool last,
                            aip__csv_general *out) {
    const char *s = p;
    *out = (aip__csv_general){.kind = AIP__CSV_PLAIN};
    if (p < end && (unsigned char)*p == d->quote) {
        switch (quoted_field(d, record, p, end, last, &s)) {
        case MORE: return false;
        case CLOSED: *out = (aip__csv_general){.end = s, .kind = AIP__CSV_QUOTED}; return true;
        case UNCLOSED: *out = (aip__csv_general){.end = end, .kind = AIP__CSV_UNCLOSED}; return true;
        case MALFORMED: out->kind = AIP__CSV_MALFORMED; break;
        default: s = p + 1; break;
        }
    }
    while (s < end && *s != d->delimiter && *s != '\n') {
        int n = is_escape(d, s) ? escape(d, record, s, end, last) : 1;
        if (n == 0) return false;
        out->cr_is_data = n == 2 && s[1] == '\r';
        out->escapes |= n == 2;
        s += n;
    }
    out->end = s;
    return s < end || last;
}

bool aip__csv_general_record(const aip__csv_dialect *d, const char *p, const char *end, bool last, aip__csv_record *out) {
    aip__csv_general f;
    aip__csv_kind kind = AIP__CSV_PLAIN;
    for (const char *at = p;; at = f.end + 1) {
        if (!aip__csv_general_field(d, p, at, end, last, &f)) return false;
        if (f.kind == AIP__CSV_UNCLOSED) {
            *out = (aip__csv_record){.end = end, .next = end, .kind = AIP__CSV_UNCLOSED};
            return true;
        }
        if (f.kind == AIP__CSV_MALFORMED || kind == AIP__CSV_PLAIN) kind = f.kind;
        if (f.end == end || *f.end != d->delimiter) break;
    }
    const char *feed = f.end < end && *f.end == '\r' ? f.end + 1 : f.end, *text = f.end;
    if (f.kind != AIP__CSV_QUOTED && !f.cr_is_data && text > p && text[-1] == '\r') text--;
    *out = (aip__csv_record){.end = text, .next = feed < end ? feed + 1 : end, .kind = kind};
    return true;
}

size_t aip__csv_general_text(const aip__csv_dialect *d, const char *record, const char *p, const aip__csv_general *f, char *to) {
    bool quoted = f->kind == AIP__CSV_QUOTED;
    const char *s = p + quoted, *end = f->end - quoted;
    char *at = to;
    while (s < end) {
        int n = is_escape(d, s) ? escape(d, record, s, f->end, true) : 1;
        bool doubled = quoted && n == 1 && !d->no_doubling && (unsigned char)*s == d->quote && s + 1 < end && s[1] == *s;
        if (n == 2 || doubled) s++;
        *at++ = *s++;
    }
    return (size_t)(at - to);
}
