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

static aip__detect_text text_of(const sample *s, const aip__csv_dialect *d) {
    return (aip__detect_text){.dialect = d, .end = s->end, .whole = s->whole};
}

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

/* Records before the table, as find_skip drops them: they say nothing of how alike the rows are, where those are all alike. */
static int32_t n_before(const int32_t *counts, int32_t n, int32_t columns) {
    int32_t before = 0;
    while (before < n && counts[before] < columns && (before > 0 || 2 * counts[0] <= columns)) before++;
    for (int32_t i = before; i < n; i++)
        if (counts[i] != columns) return 0;
    return n - before >= 2 ? before : 0;
}

/* A column of times is none of many, parted by what stands in times. */
static bool is_one_time(const char *p, const char *next) {
    while (next > p && (next[-1] == '\n' || next[-1] == '\r')) next--;
    return aip__looks_of(p, (size_t)(next - p)) == AIP__LOOKS_TIME;
}

static void score(sample *s, const aip__csv_dialect *d, const char *start, aip__detect_try *out) {
    double worth = 0;
    int64_t cells = 0;
    int32_t n = 0, times = 0, n_times = 0;
    aip__detect_record r;
    aip__detect_text t = text_of(s, d);
    *out = (aip__detect_try){.delimiter = d->delimiter, .quote = d->quote, .escape = d->escape, .comment = d->comment};
    for (const char *p = start; n < MAX_RECORDS && (p = next_record(s, p, d->comment)); p = r.next) {
        aip__detect_record_at(&t, p, NULL, 0, &r);
        if (!r.complete && n > 0) break;
        s->counts[n++] = r.n_cells;
        worth += r.worth;
        cells += r.n_cells;
        out->quoted += r.n_quoted;
        out->broken += r.n_broken;
        n_times += (d->delimiter == ' ' || d->delimiter == ':') && is_one_time(p, r.next);
    }
    out->records = n;
    if (n == 0) return;
    out->columns = commonest(s->counts, n, &times);
    out->consistency = (double)times / (n - n_before(s->counts, n, out->columns));
    out->types = cells > 0 ? worth / (double)cells : 0;
    /* One broken quote says little against a dialect that many records fit. */
    double fits = (double)(out->quoted + 1) + n / 4.0;
    out->quotes = fits / (fits + 2 * (double)out->broken);
    double width = out->columns > 1 && 2 * n_times < n ? 1 - 1 / (double)out->columns : 0.05;
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

/* Whether a backslash stands before something that it would make data. */
static bool has_escapes(const sample *s, const char *start, const aip__csv_dialect *d) {
    for (const char *p = start; (p = memchr(p, '\\', (size_t)(s->end - p))) && p + 1 < s->end; p += 2)
        if ((unsigned char)p[1] == d->quote || p[1] == d->delimiter || p[1] == '\n') return true;
    return false;
}

static bool has_comments(const sample *s, const char *start) {
    for (const char *p = start; p && p < s->end; p = aip__csv_nth_line(p, (size_t)(s->end - p), 1))
        if (*p == '#') return true;
    return false;
}

/* One delimiter and quote, with and without escapes and comments. */
static void try_one(sample *s, const char *start, bool comments, aip__csv_dialect d, aip__detected *f, aip__detect_try *first) {
    bool escapes = !(s->o->given & AIP__GIVEN_ESCAPE) && has_escapes(s, start, &d);
    for (int e = 0; e <= escapes; e++)
        for (int c = 0; c <= comments; c++) {
            aip__csv_dialect tried = d;
            aip__detect_try t;
            if (e) tried.escape = '\\';
            if (c) tried.comment = '#';
            score(s, &tried, start, &t);
            if (e + c == 0) *first = t;
            keep_try(f, &t);
        }
}

/* Quotes may mean nothing where most that open a cell do not close it; one is a fault. */
static void try_quotes(sample *s, const char *start, bool comments, aip__csv_dialect d, aip__detected *f) {
    static const char quotes[] = "\"'";
    aip__detect_try t;
    bool broken = false;
    if (s->o->given & AIP__GIVEN_QUOTE) {
        try_one(s, start, comments, d, f, &t);
        return;
    }
    for (size_t q = 0; q < sizeof quotes - 1; q++) {
        d.quote = (unsigned char)quotes[q];
        if (q > 0 && !has(s, start, d.quote)) continue;
        try_one(s, start, comments, d, f, &t);
        broken |= q == 0 && t.broken > 1 && t.broken > t.quoted;
    }
    d.quote = -1;
    if (broken) try_one(s, start, comments, d, f, &t);
}

static void try_all(sample *s, const char *start, aip__detected *f) {
    static const char delimiters[] = ",;\t| :";
    const aip__csv_options *o = s->o;
    bool comments = !(o->given & AIP__GIVEN_COMMENT) && has_comments(s, start);
    aip__csv_dialect d = o->dialect;
    f->n_tried = 0;
    if (o->given & AIP__GIVEN_DELIMITER) {
        try_quotes(s, start, comments, d, f);
        return;
    }
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        d.delimiter = delimiters[i];
        bool taken = (unsigned char)d.delimiter == d.quote || ((o->given & AIP__GIVEN_DECIMAL) && d.delimiter == d.decimal);
        if (!taken && (i == 0 || has(s, start, d.delimiter))) try_quotes(s, start, comments, d, f);
    }
    if (f->n_tried > 0) return;
    d.delimiter = ';'; /* a comma is the decimal mark, or the quote: then a text without other delimiters is one column */
    try_quotes(s, start, comments, d, f);
}

/* ---- what hangs on it -------------------------------------------------------------------------------------------------------------------------- */

/* Lines that start with # and are none of the table's records: of other widths, or few, with a blank behind the #, and not the header alone. */
static void find_comment(const sample *s, aip__detected *f) {
    int64_t all = 0, lines = 0, records = 0, notes = 0;
    aip__detect_record r;
    aip__detect_text t = text_of(s, &f->dialect);
    if ((s->o->given & AIP__GIVEN_COMMENT) || f->dialect.delimiter == '#' || f->dialect.quote == '#') return;
    for (const char *p = s->text; (p = next_record(s, p, -1)); p = r.next) {
        aip__detect_record_at(&t, p, NULL, 0, &r);
        all++;
        if (*p != '#') continue;
        notes += all > 1 && p + 1 < s->end && p[1] == ' ';
        lines++;
        records += r.n_cells == f->n_columns;
    }
    bool few = f->n_columns > 1 && notes > 0 && notes + 1 >= lines && 2 * lines < all;
    if (lines == 0 || (2 * records >= lines && !few)) return;
    f->dialect.comment = '#';
    snprintf(f->why_comment, sizeof f->why_comment,
             few ? "%lld of %lld record%s start with #" : "%lld of %lld line%s that start with # do not have %d cell%s",
             (long long)(few ? lines : lines - records), (long long)(few ? all : lines), aip__plural(few ? all : lines),
             f->n_columns, aip__plural(f->n_columns));
}

static bool is_typed(aip__looks looks) {
    return looks == AIP__LOOKS_NUMBER || looks == AIP__LOOKS_TIME || looks == AIP__LOOKS_BOOL;
}

/* Two columns cannot be named by one number. */
static int32_t repeated_value(const aip__detect_cell *cells, int32_t n) {
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = i + 1; k < n && is_typed(cells[i].looks); k++)
            if (cells[k].looks == cells[i].looks && cells[k].hash == cells[i].hash) return i;
    return -1;
}

static bool any_typed(const aip__detect_cell *cells, int32_t n) {
    for (int32_t i = 0; i < n; i++)
        if (is_typed(cells[i].looks)) return true;
    return false;
}

/* Records before the table: with next to nothing in them, where the table has several columns. Behind the first of them also those that have
 * but fewer cells, where what follows may be a header. */
static void find_skip(const sample *s, aip__detected *f) {
    aip__detect_cell cells[MAX_COLUMNS];
    aip__detect_record r, after;
    aip__detect_text t = text_of(s, &f->dialect);
    const char *p = next_record(s, s->text, f->dialect.comment);
    int32_t skipped = 0;
    if ((s->o->given & AIP__GIVEN_SKIP) || f->n_columns < 2) return;
    for (; p; p = next_record(s, r.next, f->dialect.comment), skipped++) {
        aip__detect_record_at(&t, p, NULL, 0, &r);
        const char *next = next_record(s, r.next, f->dialect.comment);
        if (!next) break;
        memset(cells, 0, sizeof cells);
        aip__detect_record_at(&t, next, cells, MAX_COLUMNS, &after);
        bool sparse = r.n_cells == f->n_columns && f->n_columns > 2 && r.n_filled <= 1;
        bool narrow = r.n_cells < f->n_columns && 2 * r.n_cells <= f->n_columns;
        bool note = skipped > 0 && r.n_cells < f->n_columns && after.n_cells == f->n_columns && !any_typed(cells, MAX_COLUMNS);
        if ((!sparse && !narrow && !note) || !after.complete) break;
    }
    if (!p || skipped == 0 || skipped > 100) return;
    f->skip_rows = (int64_t)aip__csv_count_lines(s->text, (size_t)(p - s->text));
    if (f->skip_rows == 1)
        snprintf(f->why_skip, sizeof f->why_skip, "the line before it holds next to nothing, or fewer cells than the table's %d",
                 f->n_columns);
    else
        snprintf(f->why_skip, sizeof f->why_skip,
                 "the %lld lines before it hold next to nothing, or fewer cells than the table's %d", (long long)f->skip_rows,
                 f->n_columns);
}

/* The first record that is not skipped. */
static const char *first_record(const sample *s, const aip__detected *f) {
    const char *p = next_record(s, s->text, f->dialect.comment);
    for (int64_t skip = f->skip_rows - s->o->skip_rows; p && skip > 0;) { /* lines behind those that the user skips */
        const char *at = s->text;
        for (; skip > 0; skip--) at = (const char *)memchr(at, '\n', (size_t)(s->end - at)) + 1;
        p = next_record(s, at, f->dialect.comment);
    }
    return p;
}

/* The first record is no header when a cell of it is like those below it, a value or the same text again and again, and no column looks like a
 * name over values. With nothing below it, it is none when its first cell is a value, or another one a date or time. */
static void find_header(const sample *s, aip__detected *f) {
    aip__detect_cell first[MAX_COLUMNS], cells[MAX_COLUMNS];
    int32_t same[MAX_COLUMNS] = {0}, typed[MAX_COLUMNS] = {0}, again[MAX_COLUMNS] = {0};
    int32_t rows = 0, n = f->n_columns < MAX_COLUMNS ? f->n_columns : MAX_COLUMNS;
    aip__detect_record r;
    aip__detect_text t = text_of(s, &f->dialect);
    if (s->o->given & (AIP__GIVEN_HEADER | AIP__GIVEN_NAMES)) return;
    const char *p = first_record(s, f);
    if (!p || n == 0) return;
    memset(first, AIP__LOOKS_EMPTY, sizeof first);
    aip__detect_record_at(&t, p, first, n, &r);
    bool lone = r.n_cells == f->n_columns && !next_record(s, r.next, f->dialect.comment) && s->whole;
    for (p = r.next; rows < MAX_RECORDS && (p = next_record(s, p, f->dialect.comment)); p = r.next) {
        memset(cells, AIP__LOOKS_EMPTY, sizeof cells);
        aip__detect_record_at(&t, p, cells, n, &r);
        if (!r.complete) break;
        if (r.n_cells != f->n_columns) continue;
        rows++;
        for (int32_t i = 0; i < n; i++) {
            same[i] += cells[i].looks == first[i].looks;
            typed[i] += is_typed(cells[i].looks) || cells[i].looks == AIP__LOOKS_EMPTY;
            again[i] += first[i].looks != AIP__LOOKS_EMPTY && cells[i].hash == first[i].hash;
        }
    }
    int32_t names_over_values = 0, value = lone && is_typed(first[0].looks) ? 0 : -1;
    for (int32_t i = 0; i < n && lone && value < 0; i++)
        if (first[i].looks == AIP__LOOKS_TIME) value = i;
    for (int32_t i = 0; i < n; i++) {
        bool name =
            first[i].looks == AIP__LOOKS_WORD || first[i].looks == AIP__LOOKS_TEXT || first[i].looks == AIP__LOOKS_ADDRESS;
        names_over_values += rows > 0 && name && typed[i] == rows && same[i] == 0;
        bool is_value = (is_typed(first[i].looks) && 2 * same[i] > rows) || (again[i] > 1 && 4 * again[i] > rows);
        if (value < 0 && rows > 0 && is_value) value = i;
    }
    int32_t twice = repeated_value(first, n);
    f->header = (value < 0 && twice < 0) || names_over_values > 0;
    if (!f->header && value < 0)
        snprintf(f->why_header, sizeof f->why_header, "cell %d of the first record is a value that is there twice", twice + 1);
    else if (!f->header)
        snprintf(f->why_header, sizeof f->why_header, "cell %d of the first record is a value%s", value + 1,
                 lone ? "" : " like those below it, and no cell of it is a name");
    else if (names_over_values > 0)
        snprintf(f->why_header, sizeof f->why_header, "%d column%s a name over values", names_over_values,
                 names_over_values == 1 ? " has" : "s have");
    else
        snprintf(f->why_header, sizeof f->why_header, "no cell of the first record is a value%s",
                 lone ? "" : " like those below it");
}

static void find_decimal(const sample *s, aip__detected *f) {
    int64_t commas = 0, points = 0, records = 0;
    aip__detect_record r;
    aip__detect_text t = text_of(s, &f->dialect);
    if ((s->o->given & AIP__GIVEN_DECIMAL) || f->dialect.delimiter == ',') return;
    for (const char *p = s->text; records < MAX_RECORDS && (p = next_record(s, p, f->dialect.comment)); p = r.next, records++) {
        aip__detect_record_at(&t, p, NULL, 0, &r);
        commas += r.n_commas;
        points += r.n_points;
    }
    if (commas <= points) return;
    f->dialect.decimal = ',';
    snprintf(f->why_decimal, sizeof f->why_decimal, "%lld number%s a decimal comma, %lld a decimal point", (long long)commas,
             commas == 1 ? " has" : "s have", (long long)points);
}

/* ---- together ------------------------------------------------------------------------------------------------------------------------------------- */

#define LEAST_SCORE 0.15 /* below it the sample is one column, and so where no number of cells is that of most records */

static char absent_delimiter(const sample *s) {
    static const char delimiters[] = ",\t;|";
    for (size_t i = 0; i < sizeof delimiters - 1; i++)
        if (!has(s, s->text, delimiters[i]) && delimiters[i] != (char)s->o->dialect.quote
            && delimiters[i] != s->o->dialect.decimal)
            return delimiters[i];
    return s->o->dialect.delimiter;
}

/* No delimiter fits: quotes are then those that fit a delimiter which is not there. */
static void one_column(sample *s, aip__detected *f) {
    aip__detected tried = {0};
    aip__csv_dialect d = s->o->dialect;
    d.delimiter = absent_delimiter(s);
    try_quotes(s, s->text, !(s->o->given & AIP__GIVEN_COMMENT) && has_comments(s, s->text), d, &tried);
    f->dialect.delimiter = d.delimiter;
    f->dialect.quote = tried.tried[0].quote;
    f->dialect.escape = tried.tried[0].escape;
    f->n_columns = 1;
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

/* Whether the first record, which no delimiter splits, has the decimal mark between its names. */
static bool decimal_splits_first(const sample *s, const aip__csv_dialect *d) {
    const char *first = next_record(s, s->text, d->comment);
    const char *end = first ? memchr(first, '\n', (size_t)(s->end - first)) : NULL;
    return first && memchr(first, d->decimal, (size_t)((end ? end : s->end) - first)) != NULL;
}

int32_t aip__csv_decimal_splits(const aip__csv_options *o, aip_error **err) {
    char c = o->dialect.decimal;
    aip__error_set(
        err, AIP_E_PARAM,
        "csv: decimal and delimiter are both \"%c\": give another delimiter; or, where \"%c\" is the delimiter, another "
        "decimal, and numbers with \"%c\" are read as text (types: {NAME: utf8})",
        c, c, c);
    aip__error_at_parameter(err, "decimal");
    return AIP_E_PARAM;
}

int32_t aip__csv_detect(const aip__csv_options *o, const char *text, size_t n, bool whole, aip__detected *out, aip_error **err) {
    sample *s = aip__calloc(o->ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(o->ctx, err);
    s->o = o;
    s->text = start_of(o, text, n);
    s->end = text + n;
    s->whole = whole;
    *out = (aip__detected){.dialect = o->dialect, .header = o->header, .skip_rows = o->skip_rows};
    if (s->text < s->end) {
        try_all(s, s->text, out);
        const aip__detect_try *best = &out->tried[0];
        out->dialect.delimiter = best->delimiter;
        out->dialect.quote = best->quote;
        out->dialect.escape = best->escape;
        out->n_columns = best->columns;
        bool table = best->score >= LEAST_SCORE && (best->consistency > 0.5 || best->records <= 2);
        if (!table && !(o->given & AIP__GIVEN_DELIMITER)) one_column(s, out);
        find_comment(s, out);
        find_skip(s, out);
        find_header(s, out);
        find_decimal(s, out);
    }
    const aip__csv_dialect *d = &out->dialect;
    bool splits = (o->given & AIP__GIVEN_DECIMAL) && !(o->given & AIP__GIVEN_DELIMITER) && o->dialect.delimiter == d->decimal
                  && out->n_columns == 1 && decimal_splits_first(s, d);
    aip__free(o->ctx, s);
    return splits ? aip__csv_decimal_splits(o, err) : AIP_OK;
}

/* Cells of the first record; alike: all records have as many, and there are two or more. */
static int32_t split_by(const sample *s, const aip__csv_dialect *d, bool *alike) {
    int32_t cells = 0, records = 0;
    aip__detect_text t = text_of(s, d);
    aip__detect_record r;
    *alike = true;
    for (const char *p = s->text; *alike && (p = next_record(s, p, d->comment)); p = r.next) {
        aip__detect_record_at(&t, p, NULL, 0, &r);
        if (!r.complete) break;
        if (records++ == 0) cells = r.n_cells;
        *alike = r.n_cells == cells;
    }
    *alike &= records > 1;
    return cells;
}

static bool splits_first(const sample *s, const aip__csv_dialect *d) {
    aip__detect_text t = text_of(s, d);
    aip__detect_record r;
    const char *p = next_record(s, s->text, d->comment);
    if (p) aip__detect_record_at(&t, p, NULL, 0, &r);
    return p && r.complete && r.n_cells > 1;
}

int32_t aip__csv_detect_delimiter(const aip__csv_options *o, const char *text, size_t n, bool whole, char *out, aip_error **err) {
    static const char delimiters[] = ",;\t|";
    const sample s = {.o = o, .text = start_of(o, text, n), .end = text + n, .whole = whole};
    aip__csv_dialect d = o->dialect;
    bool decimal = d.delimiter == d.decimal, alike = false;
    int32_t most = 1, most_at_first = 1;
    char best = d.delimiter, best_at_first = d.delimiter;
    *out = d.delimiter;
    if (!decimal && splits_first(&s, &d)) return AIP_OK;
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        d.delimiter = delimiters[i];
        if (d.delimiter == o->dialect.delimiter || d.delimiter == (char)d.quote || d.delimiter == (char)d.comment
            || d.delimiter == d.decimal)
            continue;
        int32_t cells = split_by(&s, &d, &alike);
        if (alike && cells > most) most = cells, best = d.delimiter;
        if (cells > most_at_first) most_at_first = cells, best_at_first = d.delimiter;
    }
    if (most == 1 && decimal) { /* rows may be ragged, but none is split at decimal marks */
        d.delimiter = o->dialect.delimiter;
        if (best_at_first == d.delimiter && decimal_splits_first(&s, &d)) return aip__csv_decimal_splits(o, err);
        best = best_at_first == d.delimiter ? absent_delimiter(&s) : best_at_first;
    }
    *out = best;
    return AIP_OK;
}
