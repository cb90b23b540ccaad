/* Which dialect a sample of text speaks (the score: csv_detect.h), and what hangs on it: comments, lines before the header, the header, the decimal
 * mark. Ties go to what was tried first: a comma, double quotes, no escape. */
#include "formats/csv/csv_detect.h"

#include <stdio.h>
#include <string.h>

#define MAX_RECORDS 1000
#define MAX_COLUMNS 256 /* whose looks are kept */

typedef struct sample {
    const aip__csv_options *o;
    const char *text, *end;
    bool whole;
    int32_t counts[MAX_RECORDS]; /* cells of each record */
} sample;

/* Blank lines and comments are no records; NULL: no further record. */
static const char *next_record(const sample *s, const char *p, int comment) {
    while (p < s->end) {
        bool skip =
            *p == '\n' || (*p == '\r' && p + 1 < s->end && p[1] == '\n') || (comment >= 0 && (unsigned char)*p == comment);
        if (!skip) return p;
        const char *nl = memchr(p, '\n', (size_t)(s->end - p));
        if (!nl) return NULL;
        p = nl + 1;
    }
    return NULL;
}

/* ---- one try ---------------------------------------------------------------------------------------------------------------------------------- */

static int32_t commonest(const int32_t *counts, int32_t n, int32_t *times) {
    int32_t best = 0;
    *times = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t same = 0;
        if (counts[i] == best) continue;
        for (int32_t j = i; j < n; j++) same += counts[j] == counts[i];
        if (same > *times || (same == *times && counts[i] > best)) {
            best = counts[i];
            *times = same;
        }
    }
    return best;
}

static void score(sample *s, const aip__csv_dialect *d, const char *start, aip__detect_try *out) {
    double worth = 0;
    int64_t cells = 0, quoted = 0, broken = 0;
    int32_t n = 0, times = 0;
    aip__detect_record r;
    for (const char *p = start; n < MAX_RECORDS && (p = next_record(s, p, d->comment)); p = r.next) {
        aip__detect_record_at(d, p, s->end, s->whole, NULL, 0, &r);
        if (!r.complete && n > 0) break;
        s->counts[n++] = r.n_cells;
        worth += r.worth;
        cells += r.n_cells;
        quoted += r.n_quoted;
        broken += r.n_broken;
    }
    *out = (aip__detect_try){.delimiter = d->delimiter, .quote = d->quote, .escape = d->escape, .records = n};
    if (n == 0) return;
    out->columns = commonest(s->counts, n, &times);
    out->consistency = (double)times / n;
    out->types = cells > 0 ? worth / (double)cells : 0;
    /* One broken quote says little against a dialect that many records fit. */
    double fits = (double)(quoted + 1) + n / 4.0;
    out->quotes = fits / (fits + 2 * (double)broken);
    double width = out->columns > 1 ? 1 - 1 / (double)out->columns : 0.05;
    /* Blanks and colons stand inside of texts and times: alone they must do better. */
    double doubt = d->delimiter == ' ' ? 0.6 : d->delimiter == ':' ? 0.5 : 1;
    out->score = out->consistency * width * out->types * out->quotes * doubt;
}

static void keep_try(aip__detected *f, const aip__detect_try *t) {
    int32_t at = f->n_tried;
    while (at > 0 && f->tried[at - 1].score < t->score) at--; /* the earlier one stays in front */
    if (at == AIP__DETECT_MAX_TRIED) return;
    int32_t last = f->n_tried < AIP__DETECT_MAX_TRIED ? f->n_tried++ : AIP__DETECT_MAX_TRIED - 1;
    memmove(&f->tried[at + 1], &f->tried[at], (size_t)(last - at) * sizeof *t);
    f->tried[at] = *t;
}

static bool has(const sample *s, const char *start, int byte) {
    return start < s->end && memchr(start, byte, (size_t)(s->end - start)) != NULL;
}

static bool has_pair(const sample *s, const char *start, char first, int second) {
    for (const char *p = start; (p = memchr(p, first, (size_t)(s->end - p))) && p + 1 < s->end; p++)
        if ((unsigned char)p[1] == second) return true;
    return false;
}

static void try_all(sample *s, const char *start, aip__detected *f) {
    static const char delimiters[] = ",;\t| :", quotes[] = "\"'";
    const aip__csv_options *o = s->o;
    aip__csv_dialect d = o->dialect;
    f->n_tried = 0;
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        if (!(o->given & AIP__GIVEN_DELIMITER)) d.delimiter = delimiters[i];
        if (!(o->given & AIP__GIVEN_DELIMITER) && i > 0 && !has(s, start, d.delimiter)) continue;
        for (size_t q = 0; q < sizeof quotes - 1; q++) {
            if (!(o->given & AIP__GIVEN_QUOTE)) d.quote = (unsigned char)quotes[q];
            if (q > 0 && ((o->given & AIP__GIVEN_QUOTE) || !has(s, start, d.quote))) continue;
            if (d.quote == (unsigned char)d.delimiter) continue;
            for (int e = 0; e < 2; e++) {
                if (!(o->given & AIP__GIVEN_ESCAPE)) d.escape = e ? '\\' : 0;
                if (e > 0 && ((o->given & AIP__GIVEN_ESCAPE) || d.quote < 0 || !has_pair(s, start, '\\', d.quote))) continue;
                aip__detect_try t;
                score(s, &d, start, &t);
                keep_try(f, &t);
            }
        }
        if (o->given & AIP__GIVEN_DELIMITER) break;
    }
}

/* ---- what hangs on it -------------------------------------------------------------------------------------------------------------------------- */

/* Lines that start with # and are none of the table's records. */
static void find_comment(const sample *s, aip__detected *f) {
    int64_t lines = 0, records = 0;
    aip__detect_record r;
    if ((s->o->given & AIP__GIVEN_COMMENT) || f->dialect.delimiter == '#' || f->dialect.quote == '#') return;
    for (const char *p = s->text; (p = next_record(s, p, -1)); p = r.next) {
        aip__detect_record_at(&f->dialect, p, s->end, s->whole, NULL, 0, &r);
        if (*p != '#') continue;
        lines++;
        records += r.n_cells == f->n_columns;
    }
    if (lines == 0 || 2 * records >= lines) return;
    f->dialect.comment = '#';
    snprintf(f->why_comment, sizeof f->why_comment, "%lld of %lld lines that start with # do not have %d cells",
             (long long)(lines - records), (long long)lines, f->n_columns);
}

/* Records before the table: with next to nothing in them, where the table has several columns. */
static void find_skip(const sample *s, aip__detected *f) {
    aip__detect_record r, after;
    const char *p = next_record(s, s->text, f->dialect.comment);
    int32_t skipped = 0;
    if ((s->o->given & AIP__GIVEN_SKIP) || f->n_columns < 2) return;
    for (; p; p = next_record(s, r.next, f->dialect.comment), skipped++) {
        aip__detect_record_at(&f->dialect, p, s->end, s->whole, NULL, 0, &r);
        const char *next = next_record(s, r.next, f->dialect.comment);
        bool sparse = r.n_cells == f->n_columns && f->n_columns > 2 && r.n_filled <= 1;
        bool narrow = r.n_cells != f->n_columns && 2 * r.n_cells <= f->n_columns;
        if (!next || (!sparse && !narrow)) break;
        aip__detect_record_at(&f->dialect, next, s->end, s->whole, NULL, 0, &after);
        if (!after.complete) break;
    }
    if (!p || skipped == 0 || skipped > 100) return;
    f->skip_rows = (int64_t)aip__csv_count_lines(s->text, (size_t)(p - s->text));
    snprintf(f->why_skip, sizeof f->why_skip, "the %lld lines before it hold next to nothing, or fewer cells than the table's %d",
             (long long)f->skip_rows, f->n_columns);
}

static bool is_typed(uint8_t looks) { return looks == AIP__LOOKS_NUMBER || looks == AIP__LOOKS_TIME || looks == AIP__LOOKS_BOOL; }

/* The first record is no header when a cell of it looks like a value and like most of those below it, and no column looks like a name over
 * values. */
static void find_header(const sample *s, aip__detected *f) {
    uint8_t first[MAX_COLUMNS], looks[MAX_COLUMNS];
    int32_t same[MAX_COLUMNS] = {0}, typed[MAX_COLUMNS] = {0}, rows = 0,
            n = f->n_columns < MAX_COLUMNS ? f->n_columns : MAX_COLUMNS;
    aip__detect_record r;
    const char *p = next_record(s, s->text, f->dialect.comment);
    if (s->o->given & (AIP__GIVEN_HEADER | AIP__GIVEN_NAMES)) return;
    for (int64_t skip = f->skip_rows - s->o->skip_rows; p && skip > 0;) { /* lines behind those that the user skips */
        const char *at = s->text;
        for (; skip > 0; skip--) at = (const char *)memchr(at, '\n', (size_t)(s->end - at)) + 1;
        p = next_record(s, at, f->dialect.comment);
    }
    if (!p || n == 0) return;
    memset(first, AIP__LOOKS_EMPTY, sizeof first);
    aip__detect_record_at(&f->dialect, p, s->end, s->whole, first, n, &r);
    for (p = r.next; rows < MAX_RECORDS && (p = next_record(s, p, f->dialect.comment)); p = r.next) {
        memset(looks, AIP__LOOKS_EMPTY, sizeof looks);
        aip__detect_record_at(&f->dialect, p, s->end, s->whole, looks, n, &r);
        if (!r.complete) break;
        if (r.n_cells != f->n_columns) continue;
        rows++;
        for (int32_t i = 0; i < n; i++) {
            same[i] += looks[i] == first[i];
            typed[i] += is_typed(looks[i]) || looks[i] == AIP__LOOKS_EMPTY;
        }
    }
    int32_t names_over_values = 0, values = -1;
    for (int32_t i = 0; i < n; i++) {
        bool name = first[i] == AIP__LOOKS_WORD || first[i] == AIP__LOOKS_TEXT || first[i] == AIP__LOOKS_ADDRESS;
        names_over_values += rows > 0 && name && typed[i] == rows && same[i] == 0;
        if (values < 0 && rows > 0 && is_typed(first[i]) && 2 * same[i] > rows) values = i;
    }
    f->header = values < 0 || names_over_values > 0;
    if (!f->header)
        snprintf(f->why_header, sizeof f->why_header,
                 "cell %d of the first record is a value like those below it, and no cell of it is a name", values + 1);
    else if (names_over_values > 0)
        snprintf(f->why_header, sizeof f->why_header, "%d columns have a name over values", names_over_values);
    else
        snprintf(f->why_header, sizeof f->why_header, "no cell of the first record is a value like those below it");
}

static void find_decimal(const sample *s, aip__detected *f) {
    int64_t commas = 0, points = 0, records = 0;
    aip__detect_record r;
    if ((s->o->given & AIP__GIVEN_DECIMAL) || f->dialect.delimiter == ',') return;
    for (const char *p = s->text; records < MAX_RECORDS && (p = next_record(s, p, f->dialect.comment)); p = r.next, records++) {
        aip__detect_record_at(&f->dialect, p, s->end, s->whole, NULL, 0, &r);
        commas += r.n_commas;
        points += r.n_points;
    }
    if (commas <= points) return;
    f->dialect.decimal = ',';
    snprintf(f->why_decimal, sizeof f->why_decimal, "%lld numbers have a decimal comma, %lld a decimal point", (long long)commas,
             (long long)points);
}

/* ---- together ------------------------------------------------------------------------------------------------------------------------------------- */

#define LEAST_SCORE 0.15 /* below it the sample is one column, and so where no number of cells is that of most records */

static char absent_delimiter(const sample *s) {
    static const char delimiters[] = ",\t;|";
    for (size_t i = 0; i < sizeof delimiters - 1; i++)
        if (!has(s, s->text, delimiters[i]) && delimiters[i] != (char)s->o->dialect.quote) return delimiters[i];
    return s->o->dialect.delimiter;
}

/* Behind a byte order mark and the lines that the user skips. */
static const char *start_of(const aip__csv_options *o, const char *text, size_t n) {
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    const char *p = o->skip_rows > 0 && n > 0 ? aip__csv_nth_line(text, n, (size_t)o->skip_rows) : text;
    return p ? p : text + n;
}

int32_t aip__csv_detect(const aip__csv_options *o, const char *text, size_t n, bool whole, aip__detected *out, aip_error **err) {
    sample *s = aip__calloc(o->ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(o->ctx, err);
    s->o = o;
    s->text = start_of(o, text, n);
    s->end = text + n;
    s->whole = whole;
    *out = (aip__detected){.dialect = o->dialect, .header = o->header, .skip_rows = o->skip_rows};
    out->dialect.lenient = o->dialect.lenient;
    if (s->text < s->end) {
        try_all(s, s->text, out);
        const aip__detect_try *best = &out->tried[0];
        out->dialect.delimiter = best->delimiter;
        out->dialect.quote = best->quote;
        out->dialect.escape = best->escape;
        out->n_columns = best->columns;
        bool table = best->score >= LEAST_SCORE && (best->consistency > 0.5 || best->records <= 2);
        if (!table && !(o->given & AIP__GIVEN_DELIMITER)) {
            out->dialect.delimiter = absent_delimiter(s);
            out->n_columns = 1;
        }
        find_comment(s, out);
        find_skip(s, out);
        find_header(s, out);
        find_decimal(s, out);
        if (out->skip_rows != o->skip_rows) out->skip_rows += o->skip_rows;
    }
    aip__free(o->ctx, s);
    return AIP_OK;
}

char aip__csv_detect_delimiter(const aip__csv_options *o, const char *text, size_t n, bool whole) {
    static const char delimiters[] = ",;\t|";
    const sample s = {.o = o, .text = start_of(o, text, n), .end = text + n, .whole = whole};
    char best = o->dialect.delimiter;
    int32_t most = 1;
    aip__detect_record r;
    for (size_t i = 0; i < sizeof delimiters; i++) {
        aip__csv_dialect d = o->dialect;
        int32_t cells = 0, records = 0;
        bool alike = true;
        if (i > 0) d.delimiter = delimiters[i - 1]; /* first the one that would be used */
        if ((i > 0 && d.delimiter == o->dialect.delimiter) || d.delimiter == (char)d.quote || d.delimiter == (char)d.comment
            || d.delimiter == d.decimal)
            continue;
        for (const char *p = s.text; alike && (p = next_record(&s, p, d.comment)); p = r.next) {
            aip__detect_record_at(&d, p, s.end, whole, NULL, 0, &r);
            if (!r.complete) break;
            if (i == 0 && r.n_cells > 1) return best;
            alike = records == 0 || r.n_cells == cells;
            cells = r.n_cells;
            records++;
        }
        if (i > 0 && alike && records > 1 && cells > most) {
            most = cells;
            best = d.delimiter;
        }
    }
    return best;
}
