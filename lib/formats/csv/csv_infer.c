/* A look at a file: the names of its columns, and from its first rows the type that each would have (the lattice of data/convert.h). */
#include "formats/csv/csv.h"

#include "base/context.h"
#include "data/convert.h"
#include "data/convert_column.h"
#include "exec/group.h"
#include <string.h>

#define AT_ONCE 256                          /* fields that are converted together */
#define MAX_SAMPLE_BYTES ((int64_t)32 << 20) /* of very wide rows, fewer are looked at */

/* What a text that is none of the usual things is by the options' own rules. */
static aip__guess guess_custom(const aip__csv_options *o, const char *s, size_t n) {
    char text[AIP__LONGEST_GROUPED];
    bool b = false, zoned = false;
    int64_t micros = 0;
    size_t bare = o->thousands ? aip__without_thousands(text, s, n, o->thousands, o->dialect.decimal) : 0;
    if ((o->true_words || o->false_words)
        && aip__parse_words(s, n, o->true_words, o->n_true_words, o->false_words, o->n_false_words, &b))
        return (aip__guess){.type = AIP_BOOL};
    if (bare > 0) return (aip__guess){.type = aip__infer_text(text, bare, o->dialect.decimal)};
    for (int32_t i = 0; i < o->n_date_formats; i++) {
        if (!aip__parse_time_as(s, n, o->date_formats[i], &micros, &zoned)) continue;
        bool time = zoned || aip__time_format_has_time(o->date_formats[i]);
        return (aip__guess){.type = time ? AIP_TIMESTAMP : AIP_DATE32, .zoned = zoned, .unzoned = !zoned};
    }
    return (aip__guess){.type = AIP_UTF8};
}

aip__guess aip__csv_guess(const aip__csv_options *o, const char *s, size_t n) {
    aip__guess g = {.type = aip__infer_text(s, n, o->dialect.decimal)};
    int64_t micros = 0;
    if (g.type == AIP_BOOL && (o->true_words || o->false_words)) g.type = AIP_UTF8;
    if (g.type == AIP_UTF8) return guess_custom(o, s, n);
    if (g.type == AIP_TIMESTAMP && aip__parse_timestamp(s, n, &micros, &g.zoned)) g.unzoned = !g.zoned;
    if (g.type == AIP_DATE32) g.unzoned = true;
    return g;
}

static aip__guess guess_more(const aip__csv_options *o, aip__guess g, const char *s, size_t n) {
    int64_t i = 0;
    double d = 0;
    if (g.type == AIP_INT64 && aip__parse_i64(s, n, &i)) return g; /* mostly it is as before */
    if (g.type == AIP_FLOAT64 && aip__parse_f64(s, n, o->dialect.decimal, &d)) return g;
    return aip__csv_is_null(o, s, n) ? g : aip__guess_join(g, aip__csv_guess(o, s, n));
}

static void look_at_block(const aip__csv_options *o, const aip__csv_block *b, int32_t n, aip__guess *guesses) {
    for (int32_t s = 0; s < n; s++) {
        const aip__csv_cell *cells = b->cells + (size_t)s * (size_t)b->max_rows;
        for (int32_t r = 0; r < b->n_rows && guesses[s].type != AIP_UTF8; r++)
            if (cells[r].text && b->rows[r].fault == AIP__ROW_GOOD)
                guesses[s] = guess_more(o, guesses[s], cells[r].text, cells[r].n);
    }
}

/* Whether the fields are what the guess says, or empty: told by the columns' converters. No, where anything else is the matter. */
static bool all_as_guessed(const aip__csv_options *o, aip__guess g, const aip__fields *f) {
    uint64_t values[AT_ONCE];
    int32_t odd[AT_ONCE], empty[AT_ONCE], n_empty = 0;
    const aip__conversion c = {.type = g.type, .zoned = g.zoned, .decimal = o->dialect.decimal};
    bool fixed = g.type == AIP_INT64 || g.type == AIP_FLOAT64 || g.type == AIP_DATE32;
    if (!fixed && (g.type != AIP_TIMESTAMP || g.zoned == g.unzoned)) return false;
    for (int32_t first = 0; first < f->n; first += AT_ONCE) {
        aip__fields part = aip__fields_part(f, first, AT_ONCE);
        if (aip__convert_fields(&c, &part, values, 0, odd, empty, &n_empty) > 0) return false;
    }
    return true;
}

/* The first n_rows of a run of regular rows. */
static int32_t look_at_run(const aip__csv_options *o, const aip__csv_regular *run, int32_t n_rows, int32_t n, aip__guess *guesses,
                           aip_error **err) {
    aip__scratch scratch = {.ctx = o->ctx};
    int32_t status = AIP_OK;
    for (int32_t c = 0; c < n && status == AIP_OK; c++) {
        aip__fields f = aip__csv_regular_fields(run, c);
        f.n = n_rows;
        if (all_as_guessed(o, guesses[c], &f)) continue;
        for (int32_t r = 0; r < n_rows && guesses[c].type != AIP_UTF8 && status == AIP_OK; r++) {
            aip__unquoted u;
            status = aip__unquote_field(&f, r, o->dialect.quote, &scratch, &u, err);
            if (status == AIP_OK) guesses[c] = guess_more(o, guesses[c], u.text, u.n);
        }
    }
    aip__free(o->ctx, scratch.bytes);
    return status;
}

static int32_t look_at_stretch(const aip__csv_options *o, aip__csv_regular *run, aip__csv_splitter *split, int32_t n,
                               int64_t *left, aip__guess *guesses, aip_error **err) {
    split->at = run->at;
    split->max_rows = run->n_exact < split->block.max_rows ? run->n_exact : split->block.max_rows;
    AIP__TRY(aip__csv_split_next(split, err));
    run->at = split->at;
    if (split->block.n_rows > *left) split->block.n_rows = (int32_t)*left;
    look_at_block(o, &split->block, n, guesses);
    *left -= split->block.n_rows;
    return AIP_OK;
}

static int32_t look_at_piece(const aip__csv_options *o, const aip__csv_piece *p, const int32_t *slot, int32_t n, int64_t *left,
                             aip__guess *guesses, aip_error **err) {
    aip__csv_regular run;
    aip__csv_splitter split;
    AIP__TRY(aip__csv_split_begin(&split, o->ctx, &o->dialect, n, slot, n, p->text, p->n, err));
    split.pad = split.truncate = true;
    int32_t status = aip__csv_regular_begin(&run, o->ctx, &o->dialect, n, 0, p->text, p->n, err);
    while (status == AIP_OK && *left > 0 && aip__csv_regular_next(&run)) {
        int32_t n_rows = run.n_rows < *left ? run.n_rows : (int32_t)*left;
        if (n_rows == 0) {
            status = look_at_stretch(o, &run, &split, n, left, guesses, err);
        } else {
            status = look_at_run(o, &run, n_rows, n, guesses, err);
            *left -= n_rows;
        }
    }
    aip__csv_regular_end(&run);
    aip__csv_split_end(&split);
    return status;
}

/* Pieces that are looked at together, each from what was known before them. As many whatever the number of threads, so that the same rows are seen. */
#define PIECES 4
typedef struct {
    const aip__csv_options *o;
    const int32_t *slot;
    int32_t n, n_pieces;
    bool all; /* every row, however many bytes */
    aip__csv_piece pieces[PIECES];
    int64_t left[PIECES]; /* of max_rows, when the piece was looked at */
    aip__guess *guesses;  /* n of each piece */
} looks;

static int32_t look_at_one(void *arg, int64_t i, aip_error **err) {
    looks *l = arg;
    return look_at_piece(l->o, &l->pieces[i], l->slot, l->n, &l->left[i], l->guesses + i * l->n, err);
}

/* At most max_rows rows, in whole pieces; fewer when the stream ends or enough of it was cut. */
static int32_t cut_pieces(aip__csv_cutter *c, int64_t max_rows, int32_t most, bool *end, looks *l, aip_error **err) {
    for (l->n_pieces = 0; l->n_pieces < most && max_rows > 0 && (l->all || c->offset < MAX_SAMPLE_BYTES); l->n_pieces++) {
        aip__csv_piece *p = &l->pieces[l->n_pieces];
        AIP__TRY(aip__csv_cutter_next(c, max_rows < AIP_BATCH_MAX_ROWS ? max_rows : AIP_BATCH_MAX_ROWS, p, end, err));
        if (*end) return AIP_OK;
        l->left[l->n_pieces] = p->max_rows;
        max_rows -= p->max_rows;
    }
    return AIP_OK;
}

/* The first piece alone: mostly it is all, and what it tells makes the others fast to look at. */
static int32_t look_at_rows(aip__csv_cutter *c, int64_t max_rows, const int32_t *slot, int32_t n, aip__guess *guesses,
                            aip_error **err) {
    const aip__csv_options *o = c->options;
    looks l = {.o = o, .slot = slot, .n = n, .all = max_rows == INT64_MAX};
    bool end = false;
    int32_t status = AIP_OK;
    l.guesses = aip__calloc(o->ctx, PIECES * (size_t)n + 1, sizeof *guesses);
    if (!l.guesses) return aip__error_memory(o->ctx, err);
    for (int32_t most = 1; status == AIP_OK && !end; most = PIECES) {
        status = cut_pieces(c, max_rows, most, &end, &l, err);
        for (int32_t i = 0; i < l.n_pieces; i++) memcpy(l.guesses + i * n, guesses, (size_t)n * sizeof *guesses);
        if (status == AIP_OK) status = aip__parallel_for(o->ctx, NULL, l.n_pieces, look_at_one, &l, err);
        for (int32_t i = 0; i < l.n_pieces; i++) {
            for (int32_t s = 0; s < n; s++) guesses[s] = aip__guess_join(guesses[s], l.guesses[i * n + s]);
            max_rows -= l.pieces[i].max_rows - l.left[i];
            aip__csv_piece_free(&l.pieces[i]);
        }
        end |= l.n_pieces == 0;
    }
    aip__free(o->ctx, l.guesses);
    return status;
}

/* A table of one column whose name another delimiter would split is read so, but not in silence: its rows are not all alike. */
static void warn_of_delimiter(const aip__csv_options *o, const aip__csv_dialect *used, const char *source, const char *name) {
    static const char delimiters[] = ";\t|,";
    bool guesses = o->detect == AIP__DETECT_DELIMITER || o->fixed;
    if (!guesses || (o->given & AIP__GIVEN_DELIMITER) || o->names || !o->header) return;
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        int64_t n = 1;
        for (const char *p = name; delimiters[i] != used->delimiter && (p = strchr(p, delimiters[i])); p++) n++;
        if (n < 2) continue;
        aip__log(o->ctx, AIP_LOG_WARNING, NULL,
                 "%s: one column is read, whose name %s would split into %lld, %s: give delimiter (aipipe inspect shows more)",
                 source, delimiters[i] == '\t' ? "a tab" : (const char[]){'"', delimiters[i], '"', 0}, (long long)n,
                 o->fixed ? "but with a checkpoint no delimiter is found out" : "though not all rows alike");
        return;
    }
}

int32_t aip__csv_sample(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out,
                        aip_error **err) {
    const aip__csv_options *o = format;
    aip__csv_input input;
    aip__csv_cutter cutter;
    aip__sample sample = {0};
    int32_t *slot = NULL;
    AIP__TRY(aip__csv_input_open(o, stream, source, &input, err));
    aip__csv_cutter_init(&cutter, &input.options, input.text, source);
    int32_t status = aip__csv_cutter_start(&cutter, err);
    if (status == AIP_OK) status = aip__csv_header(&cutter, &sample.names, &sample.n, err);
    if (status == AIP_OK) {
        slot = aip__calloc(o->ctx, (size_t)sample.n + 1, sizeof *slot);
        sample.guesses = aip__calloc(o->ctx, (size_t)sample.n + 1, sizeof *sample.guesses);
        for (int32_t i = 0; slot && i < sample.n; i++) slot[i] = i;
        status = slot && sample.guesses ? look_at_rows(&cutter, max_rows, slot, sample.n, sample.guesses, err)
                                        : aip__error_memory(o->ctx, err);
    }
    if (status == AIP_OK && sample.n == 1) warn_of_delimiter(o, &input.options.dialect, source, sample.names[0]);
    aip__free(o->ctx, slot);
    aip__csv_cutter_end(&cutter);
    aip__csv_input_end(&input);
    if (status != AIP_OK) {
        aip__sample_free(o->ctx, &sample);
        return status;
    }
    *out = sample;
    return AIP_OK;
}
