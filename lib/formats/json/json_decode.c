/* An item to a batch. Blocks of rows are walked and converted column by column; then what is wrong, with a record as a whole or with a cell, is gone
 * through in the order of the file, so that the first bad cell of the first bad row is what an error names, whatever was converted first. */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/convert.h"
#include "formats/row_faults.h"
#include <stdio.h>
#include <string.h>

typedef struct decoding {
    const aip__json_reader *reader;
    const aip__json_options *options;
    const aip__json_piece *piece;
    int32_t n;
    aip__json_target *targets;
    aip__json_walker walk;
    int32_t *first_bad; /* of the block's rows: slot of the first bad cell, or -1 */
    int64_t n_rows, n_records;
    aip__row_faults rows;
    const char *counted, *line_start; /* line numbers: lines up to here ... */
    int64_t line;                     /* ... from the start of the file */
} decoding;

/* The cell that a fault is about, if it is about one. */
static bool cell_of(const decoding *d, const aip__json_fault *f, aip__json_cell *cell) {
    if (f->column >= 0) *cell = aip__json_cell_at(&d->walk, f->column, f->row);
    return f->column >= 0;
}

static bool is_string(const aip__json_cell *c) { return c->kind == AIP__JSON_STRING || c->kind == AIP__JSON_ESCAPED; }

/* What is wrong, for the rejects table and for messages. */
static void reason(const decoding *d, const aip__json_fault *f, char *out, size_t size) {
    char text[AIP__EXCERPT_BYTES] = "";
    aip__json_cell c = {0};
    if (f->huge) {
        snprintf(out, size, AIP__JSON_TOO_LONG, (long long)d->options->max_record_bytes);
        return;
    }
    if (cell_of(d, f, &c)) {
        aip__excerpt(c.text - is_string(&c), c.n + 2 * is_string(&c), text);
        snprintf(out, size, "expected %s, found %s", aip_type_name(d->reader->schema->fields[f->column].type), text);
        return;
    }
    const char *end = f->at_end ? f->at_end : f->end;
    size_t left = f->at < end ? (size_t)(end - f->at) : 0;
    if (f->excerpt && left > 0) aip__excerpt(f->at, left, text);
    const char *before = f->syntax ? "not valid JSON: " : "";
    snprintf(out, size, "%s%s%s%s", before, f->why, *text ? ", found " : f->syntax && left == 0 ? ", found the end" : "", text);
}

/* How to mend it, for people. */
static void hint(const decoding *d, const aip__json_fault *f, int64_t line, char *out, size_t size) {
    aip__json_cell c = {0};
    if (!cell_of(d, f, &c)) {
        bool list = d->piece->layout == AIP__JSON_LINES && line == 1 && f->start < f->end && *f->start == '[';
        snprintf(out, size,
                 f->huge ? ""
                 : list  ? " (a JSON array begins here: set format: json)"
                         : " (mend it, or set on_bad_row: reject)");
        return;
    }
    const aip_field *field = &d->reader->schema->fields[f->column];
    int32_t wider = aip__infer_join(field->type, aip__json_guess(&c).type);
    snprintf(out, size, " (set types: {%s: %s}, a larger infer_rows, or on_bad_row: reject or null)", field->name,
             aip_type_name(wider == field->type ? AIP_UTF8 : wider));
}

/* Line of a place in the item; asked for in rising order. *column: from 1. */
static int64_t line_of(decoding *d, const char *p, int64_t *column) {
    for (const char *nl; d->counted < p && (nl = memchr(d->counted, '\n', (size_t)(p - d->counted)));) {
        d->line++;
        d->counted = d->line_start = nl + 1;
    }
    d->counted = p;
    *column = d->line_start ? p - d->line_start + 1 : p - d->piece->text + d->piece->column + 1;
    return d->line;
}

static int32_t fail(decoding *d, const aip__json_fault *f, const char *name, const char *why, aip_error **err) {
    char how[256];
    aip__json_cell c = {0};
    bool cell = cell_of(d, f, &c);
    const char *at = cell ? c.text - is_string(&c) : f->at;
    int64_t column = 1, line = line_of(d, at, &column);
    hint(d, f, line, how, sizeof how);
    aip__error_set(err, AIP_E_DATA, "%s%s%s%s%s",
                   !name  ? ""
                   : cell ? "column '"
                          : "field '",
                   name ? name : "", name ? "': " : "", why, how);
    aip__error_at_source(err, d->reader->cutter.source);
    aip__error_at_line(err, line, column);
    aip__error_at_offset(err, d->piece->offset + (at - d->piece->text));
    aip__error_at_data_column(err, name);
    return AIP_E_DATA;
}

static int32_t reject(decoding *d, const aip__json_fault *f, const char *name, const char *why, aip_error **err) {
    int64_t column = 0;
    aip__bad_row fault = {.line = line_of(d, f->start, &column),
                          .offset = d->piece->offset + (f->start - d->piece->text),
                          .what = f->column >= 0 ? "column" : "field",
                          .name = name,
                          .why = why,
                          .raw = f->start,
                          .n = (size_t)(f->end - f->start)};
    if (f->column >= 0) AIP__TRY(aip__row_faults_drop(&d->rows, d->n_rows + f->row, err));
    return aip__row_faults_reject(&d->rows, &fault, err);
}

static int32_t judge_one(decoding *d, const aip__json_fault *f, aip_error **err) {
    char why[256];
    const char *name = f->column >= 0 ? d->reader->schema->fields[f->column].name : f->path;
    reason(d, f, why, sizeof why);
    if (f->huge || d->options->on_bad_row == AIP__JSON_ERROR) return fail(d, f, name, why, err);
    return reject(d, f, name, why, err);
}

/* Of row r: too long, or a cell that does not fit and is not to become null. */
static int32_t judge_row(decoding *d, int32_t r, aip_error **err) {
    const aip__json_walker *w = &d->walk;
    aip__json_fault f = {.start = w->starts[r], .end = w->ends[r], .at = w->starts[r], .row = r, .column = -1};
    f.huge = f.end - f.start > d->options->max_record_bytes;
    if (f.huge) return judge_one(d, &f, err);
    while (f.end > f.start && (f.end[-1] == ' ' || f.end[-1] == '\t' || f.end[-1] == '\r')) f.end--;
    f.column = d->first_bad[r];
    return f.column >= 0 && d->options->on_bad_row != AIP__JSON_NULL ? judge_one(d, &f, err) : AIP_OK;
}

static int32_t judge(decoding *d, aip_error **err) {
    const aip__json_walker *w = &d->walk;
    size_t next = 0;
    for (int32_t r = 0; r <= w->n_rows; r++) {
        for (; next < w->n_faults && w->faults[next].row == r; next++) AIP__TRY(judge_one(d, &w->faults[next], err));
        if (r < w->n_rows) AIP__TRY(judge_row(d, r, err));
    }
    return AIP_OK;
}

/* "user.name". */
static void path_of(const aip__json_key *key, aip__text *t) {
    const aip__json_key *path[AIP__JSON_DEPTH + 1];
    int32_t n = 0;
    for (; key && key->raw && n <= AIP__JSON_DEPTH; key = key->parent) path[n++] = key;
    while (n-- > 0) {
        aip__text_add(t, path[n]->raw, path[n]->n);
        if (n > 0) aip__text_char(t, '.');
    }
}

static int32_t name_unknown(decoding *d, aip__unknown_fields *u, aip_error **err) {
    const aip__json_walker *w = &d->walk;
    aip_context *ctx = d->options->ctx;
    int32_t status = AIP_OK;
    aip__text t;
    aip__text_init(&t, ctx);
    if (w->n_named > 0 && !u->first) {
        int64_t line = d->piece->line;
        for (const char *p = d->piece->text; (p = memchr(p, '\n', (size_t)(w->named_at[0] - p))); p++) line++;
        aip__text_printf(&t, "%s:%lld", d->reader->cutter.source, (long long)line);
        AIP__TRY(aip__text_take(&t, &u->first, NULL, err));
    }
    for (int32_t i = 0; i < w->n_named && status == AIP_OK; i++) {
        t.n = 0;
        path_of(w->named[i], &t);
        status = t.failed ? aip__error_memory(ctx, err) : aip__unknown_fields_add(ctx, u, t.n > 0 ? t.bytes : "", err);
    }
    aip__text_free(&t);
    return status;
}

static int32_t note_counts(decoding *d, int64_t n_bad, aip_error **err) {
    const aip__json_walker *w = &d->walk;
    int64_t n_nulled = w->n_nulled + (d->options->on_bad_row == AIP__JSON_NULL ? n_bad : 0);
    if (n_nulled == 0 && w->n_unknown == 0 && w->n_duplicates == 0) return AIP_OK;
    AIP__TRY(aip__row_faults_count(&d->rows, err));
    d->rows.bad->n_nulled += n_nulled;
    d->rows.bad->n_unknown += w->n_unknown;
    d->rows.bad->n_duplicates += w->n_duplicates;
    return name_unknown(d, &d->rows.bad->unknown, err);
}

static int32_t convert_all(decoding *d, aip_error **err) {
    aip__json_walker *w = &d->walk;
    for (;;) {
        int64_t n_bad = 0;
        bool huge = false;
        AIP__TRY(aip__json_walk_next(w, err));
        if (w->n_rows == 0 && w->n_faults == 0) return AIP_OK;
        for (int32_t r = 0; r < w->n_rows; r++) {
            d->first_bad[r] = -1;
            huge |= w->ends[r] - w->starts[r] > d->options->max_record_bytes;
        }
        for (int32_t s = 0; s < d->n; s++)
            AIP__TRY(aip__json_convert(&d->targets[s], w, s, d->n_rows, d->first_bad, &n_bad, err));
        if (n_bad > 0 || huge || w->n_faults > 0) AIP__TRY(judge(d, err));
        AIP__TRY(note_counts(d, n_bad, err));
        d->n_rows += w->n_rows;
        d->n_records += w->n_rows + (int64_t)w->n_faults;
    }
}

static int32_t finish(decoding *d, aip_batch **out, aip_error **err) {
    aip_context *ctx = d->options->ctx;
    int32_t status = AIP_OK;
    aip__column **columns = aip__calloc(ctx, (size_t)d->n + 1, sizeof(aip__column *));
    if (!columns) return aip__error_memory(ctx, err);
    for (int32_t s = 0; s < d->n && status == AIP_OK; s++)
        status = aip__json_target_end(&d->targets[s], ctx, d->n_rows, &columns[s], err);
    return aip__row_faults_batch(&d->rows, d->reader->schema, d->n_rows, columns, status, out, err); /* takes the columns */
}

int32_t aip__json_decode(void *reader, const aip__item *item, aip__decoded *out, aip_error **err) {
    const aip__json_reader *r = reader;
    const aip__json_piece *p = item->data;
    aip_context *ctx = r->options->ctx;
    decoding *d = aip__calloc(ctx, 1, sizeof *d);
    if (!d) return aip__error_memory(ctx, err);
    *d = (decoding){.reader = r, .options = r->options, .piece = p, .n = r->schema->n, .counted = p->text, .line = p->line};
    d->rows = (aip__row_faults){.ctx = ctx, .source = r->cutter.source, .max_rows = p->max_rows};
    aip_batch *batch = NULL;
    size_t text_guess = p->n / (size_t)(d->n > 0 ? 2 * d->n : 1);
    d->targets = aip__calloc(ctx, (size_t)d->n + 1, sizeof *d->targets);
    int32_t status =
        d->targets ? aip__json_walk_begin(&d->walk, r->options, &r->tree, d->n, p, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK) {
        d->first_bad = aip__alloc(ctx, (size_t)d->walk.max_rows * sizeof *d->first_bad);
        if (!d->first_bad) status = aip__error_memory(ctx, err);
    }
    for (int32_t s = 0; s < d->n && status == AIP_OK; s++)
        status = aip__json_target_begin(&d->targets[s], ctx, &r->schema->fields[s], p->max_rows, text_guess, err);
    if (status == AIP_OK) status = convert_all(d, err);
    if (status == AIP_OK) status = finish(d, &batch, err);
    if (d->walk.ctx) aip__json_walk_end(&d->walk);
    for (int32_t s = 0; d->targets && s < d->n; s++) aip__json_target_abandon(&d->targets[s], ctx);
    if (status == AIP_OK)
        *out =
            (aip__decoded){.batch = batch, .n_records = d->n_records, .n_rejected = d->rows.n_rejected, .rejects = d->rows.bad};
    else
        aip__bad_rows_free(ctx, d->rows.bad);
    aip__free(ctx, d->targets);
    aip__free(ctx, d->first_bad);
    aip__row_faults_end(&d->rows);
    aip__free(ctx, d);
    return status;
}
