/* What was found out about a file of CSV, and why, as members of a JSON object: the encoding, the dialect with the scores of all that were tried,
 * what is wrong with the rows of the sample, which cell gave each column its type, and the parameters of `read` that say all that. */
#include "formats/csv/csv_detect.h"

#include "data/convert.h"
#include "data/utf8.h"
#include <stdio.h>
#include <string.h>

#define MOST_BYTES ((int64_t)32 << 20) /* that are looked at, but where all rows are asked for */

typedef struct widening { /* of a column */
    int64_t line;
    char text[AIP__EXCERPT_BYTES];
    int32_t before;
} widening;

enum { SHORT, LONG, MALFORMED, NO_TEXT, UNTYPED, N_FAULTS };

typedef struct explanation {
    const aip__csv_options *o;     /* of the file, with broken quotes repaired, so that what is behind them is seen */
    const aip__csv_dialect *given; /* as it would be read */
    aip__text *to;
    int32_t n;
    char **names;
    aip__guess *guesses;
    widening *by;
    int64_t n_rows, n_faults[N_FAULTS], first_line[N_FAULTS];
    bool header_malformed, lengthened, numbered; /* the header; names were added to it; some of one name got numbers */
    bool utf8, not_utf8;                         /* there is text beyond ASCII that is UTF-8; that is none */
    bool unmended;                               /* rows are no text, and not for their encoding */
} explanation;

static void byte(aip__text *t, const char *name, int c) {
    char text[2] = {(char)c, 0};
    aip__text_printf(t, "\"%s\": ", name);
    if (c <= 0)
        aip__text_str(t, "null");
    else
        aip__text_json(t, text, 1);
}

static void words(aip__text *t, const char *name, const char *text) {
    aip__text_printf(t, ", \"%s\": ", name);
    aip__text_json(t, text, strlen(text));
}

static void put_dialect(const explanation *e, const aip__text_stream *text, const aip__detected *f) {
    const aip__csv_options *o = e->o;
    aip__text *t = e->to;
    words(t, "encoding", aip__text_stream_encoding(text)->name);
    words(t, "line_end", aip__text_stream_ends_in_cr(text) ? "cr" : "lf");
    aip__text_str(t, ", \"dialect\": {");
    byte(t, "delimiter", (unsigned char)o->dialect.delimiter);
    aip__text_str(t, ", ");
    byte(t, "quote", o->dialect.quote);
    aip__text_str(t, ", ");
    byte(t, "escape", (unsigned char)o->dialect.escape);
    aip__text_str(t, ", ");
    byte(t, "comment", o->dialect.comment);
    aip__text_str(t, ", ");
    byte(t, "decimal", (unsigned char)o->dialect.decimal);
    aip__text_printf(t, ", \"header\": %s, \"skip_rows\": %lld}", o->header ? "true" : "false", (long long)o->skip_rows);
    aip__text_str(t, ", \"why\": {");
    aip__text_str(t, "\"encoding\": ");
    aip__text_json(t, aip__text_stream_encoding(text)->why, strlen(aip__text_stream_encoding(text)->why));
    if (*f->why_header) words(t, "header", f->why_header);
    if (*f->why_skip) words(t, "skip_rows", f->why_skip);
    if (*f->why_comment) words(t, "comment", f->why_comment);
    if (*f->why_decimal) words(t, "decimal", f->why_decimal);
    aip__text_str(t, "}, \"tried\": [");
    for (int32_t i = 0; i < f->n_tried; i++) {
        const aip__detect_try *d = &f->tried[i];
        aip__text_str(t, i > 0 ? ", {" : "{");
        byte(t, "delimiter", (unsigned char)d->delimiter);
        aip__text_str(t, ", ");
        byte(t, "quote", d->quote);
        aip__text_str(t, ", ");
        byte(t, "escape", (unsigned char)d->escape);
        aip__text_printf(t, ", \"columns\": %d, \"score\": %.4f, \"consistency\": %.4f, \"types\": %.4f, \"quotes\": %.4f}",
                         d->columns, d->score, d->consistency, d->types, d->quotes);
    }
    aip__text_str(t, "]");
}

/* ---- the rows of the sample ---------------------------------------------------------------------------------------------------------------- */

/* Whether a record that was found with broken quotes repaired has such. */
static bool is_malformed(const aip__csv_dialect *given, const char *start, const char *end) {
    aip__csv_record r;
    if (start == end || given->quote < 0 || !memchr(start, given->quote, (size_t)(end - start))) return false;
    aip__csv_scan_record(given, start, end, true, &r);
    return r.kind == AIP__CSV_MALFORMED || r.kind == AIP__CSV_UNCLOSED || r.end != end;
}

static int64_t line_of(const aip__csv_piece *p, const aip__csv_row *row) {
    return p->line + (int64_t)aip__csv_count_lines(p->text, (size_t)(row->start - p->text));
}

static void count_fault(explanation *e, int fault, const aip__csv_piece *p, const aip__csv_row *row) {
    if (e->n_faults[fault]++ == 0) e->first_line[fault] = line_of(p, row);
}

/* The cell makes its column's type wider, or does not fit it once the rows that types are guessed from have ended. */
static bool look_at_cell(explanation *e, int32_t s, const aip__csv_cell *c, bool guessing, const aip__csv_piece *p,
                         const aip__csv_row *row) {
    aip__guess before = e->guesses[s];
    if (aip__guess_is_text(before) || !aip__guess_widen(&e->guesses[s], aip__csv_guess(e->o, c->text, c->n))) return true;
    if (!guessing) {
        e->guesses[s] = before;
        return before.type == 0; /* a column of nulls is one of text */
    }
    e->by[s].line = line_of(p, row);
    e->by[s].before = before.type;
    aip__excerpt(c->text, c->n, e->by[s].text);
    return true;
}

/* Windows-1252 has a character for every byte but these. */
static bool is_windows_1252(const aip__csv_cell *c) {
    static const char none[] = "\x81\x8d\x8f\x90\x9d";
    for (uint32_t i = 0; i < c->n; i++)
        if (memchr(none, c->text[i], sizeof none - 1)) return false;
    return true;
}

/* Whether it is text; and if not, what would make it one. */
static bool look_at_text(explanation *e, const aip__csv_cell *c) {
    bool nul = aip__csv_bare_nul(c), valid = aip__utf8_valid(c->text, c->n);
    if (valid) e->utf8 = e->utf8 || !aip__utf8_is_ascii(c->text, c->n);
    e->not_utf8 |= !valid;
    e->unmended |= nul || (!valid && !is_windows_1252(c));
    return valid && !nul;
}

static void look_at_row(explanation *e, const aip__csv_piece *p, const aip__csv_block *b, int32_t r, bool guessing) {
    const aip__csv_row *row = &b->rows[r];
    bool text = true, fits = true;
    e->n_rows++;
    if (is_malformed(e->given, row->start, row->end)) count_fault(e, MALFORMED, p, row);
    if (row->n_fields != (uint32_t)e->n) count_fault(e, row->n_fields < (uint32_t)e->n ? SHORT : LONG, p, row);
    for (int32_t s = 0; s < e->n; s++) {
        const aip__csv_cell *c = &b->cells[(size_t)s * (size_t)b->max_rows + (size_t)r];
        if (!c->text || aip__csv_is_null(e->o, c->text, c->n)) continue;
        text &= look_at_text(e, c);
        fits &= look_at_cell(e, s, c, guessing, p, row);
    }
    if (!text) count_fault(e, NO_TEXT, p, row);
    if (!fits) count_fault(e, UNTYPED, p, row);
}

static int32_t look_at_piece(explanation *e, const aip__csv_piece *p, const int32_t *slot, int64_t max_rows, aip_error **err) {
    aip__csv_splitter split;
    AIP__TRY(aip__csv_split_begin(&split, e->o->ctx, &e->o->dialect, e->n, slot, e->n, p->text, p->n, err));
    split.max_record = e->o->max_record_bytes;
    split.pad = split.truncate = true; /* ragged rows are looked at, too */
    int32_t status = AIP_OK;
    while ((status = aip__csv_split_next(&split, err)) == AIP_OK && split.block.n_rows > 0)
        for (int32_t r = 0; r < split.block.n_rows; r++) look_at_row(e, p, &split.block, r, e->n_rows < max_rows);
    aip__csv_split_end(&split);
    return status;
}

/* Types come of the first max_rows, as for `read`; faults of all that is looked at. */
static int32_t look_at_rows(explanation *e, aip__csv_cutter *c, int64_t max_rows, aip_error **err) {
    bool end = false;
    int32_t status = AIP_OK, *slot = aip__calloc(e->o->ctx, (size_t)e->n + 1, sizeof *slot);
    e->guesses = aip__calloc(e->o->ctx, (size_t)e->n + 1, sizeof *e->guesses);
    e->by = aip__calloc(e->o->ctx, (size_t)e->n + 1, sizeof *e->by);
    if (!slot || !e->guesses || !e->by) status = aip__error_memory(e->o->ctx, err);
    for (int32_t i = 0; slot && i < e->n; i++) slot[i] = i;
    while (status == AIP_OK && (max_rows == INT64_MAX || c->offset < MOST_BYTES)) {
        aip__csv_piece p = {0};
        status = aip__csv_cutter_next(c, AIP_BATCH_MAX_ROWS, &p, &end, err);
        if (status != AIP_OK || end) break;
        status = look_at_piece(e, &p, slot, max_rows, err);
        aip__csv_piece_free(&p);
    }
    aip__free(e->o->ctx, slot);
    return status;
}

static void put_columns(const explanation *e) {
    aip__text *t = e->to;
    aip__text_printf(t, ", \"sampled_rows\": %lld, \"columns\": [", (long long)e->n_rows);
    for (int32_t i = 0; i < e->n; i++) {
        aip_field field = {0};
        aip__guess_field(e->guesses[i], &field);
        aip__text_str(t, i > 0 ? ", {\"name\": " : "{\"name\": ");
        aip__text_json(t, e->names[i], strlen(e->names[i]));
        aip__text_printf(t, ", \"type\": \"%s\"", aip_type_name(field.type));
        if (e->by[i].line > 0) {
            aip__text_printf(t, ", \"because\": {\"line\": %lld, \"text\": ", (long long)e->by[i].line);
            aip__text_json(t, e->by[i].text, strlen(e->by[i].text));
            if (e->by[i].before)
                aip__text_printf(t, ", \"before\": \"%s\"", aip_type_name(e->by[i].before));
            else
                aip__text_str(t, ", \"before\": null");
            aip__text_str(t, "}");
        }
        aip__text_str(t, "}");
    }
    aip__text_str(t, "], \"faults\": [");
    static const char *const what[] = {"rows with too few fields", "rows with too many fields", "rows with broken quotes",
                                       "rows with bytes that are no text", "rows that do not fit the types of the first rows"};
    bool any = false;
    for (int i = 0; i < N_FAULTS; i++) {
        if (e->n_faults[i] == 0) continue;
        aip__text_printf(t, "%s{\"what\": \"%s\", \"count\": %lld, \"first_line\": %lld}", any ? ", " : "", what[i],
                         (long long)e->n_faults[i], (long long)e->first_line[i]);
        any = true;
    }
    aip__text_str(t, "]");
}

static void put_names(const explanation *e) {
    for (int32_t i = 0; i < e->n; i++) {
        aip__text_str(e->to, i > 0 ? ", " : "[");
        aip__text_json(e->to, e->names[i], strlen(e->names[i]));
    }
    aip__text_str(e->to, "]");
}

/* The first bytes were taken for UTF-8, and what follows is none: what the first bytes would have said with it. Not where characters of UTF-8 are
 * there, too, which would become others. */
static const char *later_encoding(const explanation *e, const aip__csv_options *given, const aip__encoding_guess *first) {
    bool named = (given->given & AIP__GIVEN_ENCODING) && strcmp(given->encoding, "auto") != 0;
    bool other = e->not_utf8 && !e->utf8 && !named && first->mark == 0 && aip__encoding_is_utf8(first->name);
    return other ? "windows-1252" : first->name;
}

/* What has to be given so that `read` sees the file so without looking for it. */
static void put_options(const explanation *e, const aip__csv_options *given, const aip__csv_input *input) {
    const aip__csv_options *o = e->o;
    aip__text *t = e->to;
    const char *encoding = later_encoding(e, given, aip__text_stream_encoding(input->text)), *sep = "";
    bool no_text = e->n_faults[NO_TEXT] > 0 && (e->unmended || encoding == aip__text_stream_encoding(input->text)->name);
    aip__text_str(t, ", \"options\": {");
#define OPTION(condition, ...) \
    if (condition) {           \
        aip__text_str(t, sep); \
        sep = ", ";            \
        __VA_ARGS__;           \
    }
    OPTION(o->dialect.delimiter != given->dialect.delimiter || (given->given & AIP__GIVEN_DELIMITER),
           byte(t, "delimiter", (unsigned char)o->dialect.delimiter))
    OPTION(o->dialect.quote != '"', byte(t, "quote", o->dialect.quote))
    OPTION(o->dialect.escape, byte(t, "escape", (unsigned char)o->dialect.escape))
    OPTION(o->dialect.comment >= 0, byte(t, "comment", o->dialect.comment))
    OPTION(o->dialect.decimal != '.', byte(t, "decimal", (unsigned char)o->dialect.decimal))
    OPTION(!o->header, aip__text_str(t, "\"header\": false"))
    OPTION(o->skip_rows > 0, aip__text_printf(t, "\"skip_rows\": %lld", (long long)o->skip_rows))
    OPTION(!aip__encoding_is_utf8(encoding), aip__text_str(t, "\"encoding\": "); aip__text_json(t, encoding, strlen(encoding)))
    OPTION(input->found_cr, aip__text_str(t, "\"line_end\": \"cr\""))
    OPTION(e->numbered, aip__text_str(t, "\"duplicate_names\": \"number\""))
    OPTION(e->n_faults[MALFORMED] > 0 || e->header_malformed, aip__text_str(t, "\"quote_errors\": \"repair\""))
    OPTION(e->lengthened, aip__text_str(t, "\"names\": "); put_names(e))
    OPTION(e->n_faults[LONG] > 0 || e->n_faults[SHORT] > 0 || e->lengthened,
           aip__text_str(t, e->n_faults[LONG] > 0 ? "\"ragged\": \"truncate\"" : "\"ragged\": \"pad\""))
    OPTION(no_text || e->n_faults[UNTYPED] > 0,
           aip__text_str(t, no_text ? "\"on_bad_row\": \"reject\"" : "\"on_bad_row\": \"promote\""))
#undef OPTION
    aip__text_str(t, "}");
}

/* What is the matter with the header. */
static int32_t look_at_header(explanation *e, aip__csv_cutter *c, aip_error **err) {
    aip__csv_piece p = {0};
    aip__csv_record r;
    aip__detect_record cells;
    bool end = false;
    AIP__TRY(aip__csv_cutter_record(c, true, &p, &end, err));
    if (end) return AIP_OK;
    aip__csv_scan_record(&c->dialect, p.text, p.text + p.n, true, &r);
    e->header_malformed = is_malformed(e->given, p.text, r.end);
    aip__detect_text t = {.dialect = &c->dialect, .end = r.end, .whole = true};
    aip__detect_record_at(&t, p.text, NULL, 0, &cells);
    e->lengthened = e->o->header && !e->o->names && cells.n_cells < e->o->detected_columns;
    aip__csv_piece_free(&p);
    return AIP_OK;
}

int32_t aip__csv_explain(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__text *to,
                         aip_error **err) {
    const aip__csv_options *o = format;
    aip__csv_input input;
    aip__csv_cutter cutter;
    aip__detected found = {0};
    bool whole = false;
    size_t n = 0;
    AIP__TRY(aip__csv_input_open(o, stream, source, &input, err));
    aip__csv_dialect given = {0};
    explanation e = {.o = &input.options, .given = &given, .to = to};
    const char *sample = aip__text_stream_sample(input.text, &n, &whole);
    int32_t status = o->detect == AIP__DETECT_ALL ? aip__csv_detect(o, sample, n, whole, &found, err) : AIP_OK;
    if (status == AIP_OK) {
        put_dialect(&e, input.text, &found);
        given = input.options.dialect;
        input.options.dialect.lenient = true;
        aip__csv_cutter_init(&cutter, &input.options, input.text, source);
        status = aip__csv_cutter_start(&cutter, err);
        if (status == AIP_OK) status = look_at_header(&e, &cutter, err);
        if (status == AIP_OK) status = aip__csv_header(&cutter, &e.names, &e.n, err);
        if (status == AIP_OK) status = aip__csv_number_names(o->ctx, e.names, e.n, &e.numbered, err);
        if (status == AIP_OK) status = look_at_rows(&e, &cutter, max_rows, err);
        aip__csv_cutter_end(&cutter);
    }
    if (status == AIP_OK) {
        put_columns(&e);
        put_options(&e, o, &input);
    }
    aip__csv_names_free(o->ctx, e.names, e.n);
    aip__free(o->ctx, e.guesses);
    aip__free(o->ctx, e.by);
    aip__csv_input_end(&input);
    return status;
}
