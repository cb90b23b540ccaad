/* An item to a batch. Blocks of rows are split and converted column by column; then the marked rows are gone through in order, so that the first
 * bad cell of the first bad row is what an error names, whatever was converted first. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include "data/utf8.h"
#include <stdio.h>
#include <string.h>

typedef struct decoding {
    const aip__csv_reader *reader;
    const aip__csv_options *options;
    const aip__csv_piece *piece;
    int32_t n;
    aip__csv_target *targets;
    aip__csv_splitter split;
    bool plain; /* ASCII without NUL */
    int64_t n_rows;
    uint8_t *keep; /* rows that stay; NULL: all so far */
    int64_t n_rejected;
    aip__bad_rows *bad;
    const char *counted; /* line numbers: lines up to here ... */
    int64_t line;        /* ... from the start of the item */
} decoding;

void aip__csv_excerpt(const char *s, size_t n, char *out) {
    size_t cut = n > 40 ? 40 : n, at = 0;
    while (cut < n && cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80) cut--;
    bool whole = aip__utf8_valid(s, cut);
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)s[i];
        out[at++] = c < 0x20 || c == 0x7f || (c >= 0x80 && !whole) ? '?' : (char)c;
    }
    memcpy(out + at, "...", cut < n ? 4 : 1);
    if (cut >= n) out[at] = 0;
}

/* What is wrong with a row, for the rejects table and for messages. */
static void reason(const decoding *d, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size) {
    char text[64] = "";
    if (cell) aip__csv_excerpt(cell->text, cell->n, text);
    switch (row->fault) {
    case AIP__ROW_SHORT:
    case AIP__ROW_LONG: snprintf(out, size, "expected %d columns, found %u", d->reader->n_columns, row->n_fields); return;
    case AIP__ROW_MALFORMED:
        snprintf(out, size, "a quoted field must end with a quote and the delimiter; a quote inside it must be doubled");
        return;
    case AIP__ROW_HUGE:
        snprintf(out, size, "record is longer than max_record_bytes (%lld)", (long long)d->options->max_record_bytes);
        return;
    case AIP__ROW_UNCLOSED: snprintf(out, size, "a quote that opens in this record is never closed"); return;
    case AIP__ROW_UTF8: snprintf(out, size, "expected UTF-8 text, found '%s'", text); return;
    case AIP__ROW_NUL: snprintf(out, size, "expected text, found a NUL byte in '%s'", text); return;
    default: snprintf(out, size, "expected %s, found '%s'", aip_type_name(d->reader->schema->fields[row->column].type), text);
    }
}

/* How to mend it, for people. */
static void hint(const decoding *d, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size) {
    static const char *const policy = "on_bad_row: reject or null";
    const aip_field *f = row->column >= 0 ? &d->reader->schema->fields[row->column] : NULL;
    if (row->fault == AIP__ROW_TYPE && f && cell) {
        int32_t wider = aip__infer_join(f->type, aip__infer_text(cell->text, cell->n, d->options->dialect.decimal));
        snprintf(out, size, "set types: {%s: %s}, a larger infer_rows, or %s", f->name,
                 aip_type_name(wider == f->type ? AIP_UTF8 : wider), policy);
    } else if (row->fault == AIP__ROW_SHORT || row->fault == AIP__ROW_LONG) {
        snprintf(out, size, "set ragged: %s, or %s", row->fault == AIP__ROW_SHORT ? "pad" : "truncate", policy);
    } else if (row->fault == AIP__ROW_HUGE) {
        snprintf(out, size, "raise it, or look for a quote that is never closed");
    } else if (row->fault == AIP__ROW_UTF8) {
        snprintf(out, size, "convert the file to UTF-8 (such as iconv -f WINDOWS-1252 -t UTF-8), or set %s", policy);
    } else if (row->fault == AIP__ROW_NUL) {
        snprintf(out, size, "is the file UTF-8 text? Mend it, or set %s", policy);
    } else {
        snprintf(out, size, "set quote: null if quotes mean nothing here, or %s", policy);
    }
}

/* Line of a place in the item; asked for in rising order. */
static int64_t line_of(decoding *d, const char *p) {
    d->line += (int64_t)aip__csv_count_lines(d->counted, (size_t)(p - d->counted));
    d->counted = p;
    return d->line;
}

static int32_t fail(decoding *d, const aip__csv_row *row, const aip__csv_cell *cell, const char *why, aip_error **err) {
    char how[256];
    const char *name = cell ? d->reader->schema->fields[row->column].name : NULL, *at = row->start;
    int64_t column = 1, line = line_of(d, row->start);
    hint(d, row, cell, how, sizeof how);
    if (cell) {
        at = row->start + (cell->at & ~AIP__CSV_QUOTE_BIT);
        line = line_of(d, at);
        const char *nl = memrchr(row->start, '\n', (size_t)(at - row->start)); /* a record may span lines */
        column = at - (nl ? nl + 1 : row->start) + 1;
    }
    aip__error_set(err, AIP_E_DATA, "%s%s%s%s (%s)", name ? "column '" : "", name ? name : "", name ? "': " : "", why, how);
    aip__error_at_source(err, d->reader->cutter.source);
    aip__error_at_line(err, line, column);
    aip__error_at_offset(err, d->piece->offset + (at - d->piece->text));
    aip__error_at_data_column(err, name);
    return AIP_E_DATA;
}

static int32_t bad_rows(decoding *d, aip_error **err) {
    if (d->bad) return AIP_OK;
    d->bad = aip__calloc(d->options->ctx, 1, sizeof *d->bad);
    return d->bad ? AIP_OK : aip__error_memory(d->options->ctx, err);
}

static int32_t reject(decoding *d, const aip__csv_row *row, const char *name, const char *why, int64_t i, aip_error **err) {
    aip_context *ctx = d->options->ctx;
    int64_t line = line_of(d, row->start);
    AIP__TRY(bad_rows(d, err));
    if (!d->keep) {
        d->keep = aip__alloc(ctx, aip__bitmap_bytes(d->piece->max_rows) + 8);
        if (!d->keep) return aip__error_memory(ctx, err);
        aip__bitmap_fill(d->keep, d->piece->max_rows, true);
    }
    if (!d->bad->rejects) AIP__TRY(aip__rejects_new(ctx, &d->bad->rejects, err));
    if (!d->bad->first) {
        aip__text t;
        aip__text_init(&t, ctx);
        aip__text_printf(&t, "%s:%lld: %s%s%s%s", d->reader->cutter.source, (long long)line, name ? "column '" : "",
                         name ? name : "", name ? "': " : "", why);
        AIP__TRY(aip__text_take(&t, &d->bad->first, NULL, err));
    }
    aip__bit_clear(d->keep, i);
    d->n_rejected++;
    return aip__rejects_add(d->bad->rejects, d->reader->cutter.source, line, name,
                            d->piece->offset + (row->start - d->piece->text), why, row->start, (size_t)(row->end - row->start),
                            err);
}

/* Goes through the rows of the block that something is wrong with. */
static int32_t judge(decoding *d, aip_error **err) {
    const aip__csv_block *b = &d->split.block;
    for (int32_t r = 0; r < b->n_rows; r++) {
        const aip__csv_row *row = &b->rows[r];
        if (row->fault == AIP__ROW_GOOD) continue;
        const aip__csv_cell *cell = row->column >= 0 ? &b->cells[(size_t)row->column * (size_t)b->max_rows + (size_t)r] : NULL;
        if (cell && d->options->on_bad_row == AIP__BAD_NULL) continue; /* its cells were counted as they were converted */
        char why[256];
        reason(d, row, cell, why, sizeof why);
        if (d->options->on_bad_row == AIP__BAD_ERROR || row->fault == AIP__ROW_HUGE) return fail(d, row, cell, why, err);
        AIP__TRY(reject(d, row, cell ? d->reader->schema->fields[row->column].name : NULL, why, d->n_rows + r, err));
    }
    return AIP_OK;
}

/* Short rows that only on_bad_row: null makes good; those of the wrong shape in other ways have no field count. */
static int32_t count_padded(decoding *d, aip_error **err) {
    const aip__csv_block *b = &d->split.block;
    int64_t n = 0;
    for (int32_t r = 0; r < b->n_rows; r++)
        n += (b->rows[r].fault == AIP__ROW_GOOD || b->rows[r].column >= 0) && b->rows[r].n_fields < (uint32_t)d->split.n_columns;
    if (n == 0) return AIP_OK;
    AIP__TRY(bad_rows(d, err));
    d->bad->n_padded += n;
    return AIP_OK;
}

static int32_t convert_all(decoding *d, aip_error **err) {
    for (;;) {
        int64_t n_bad = 0;
        bool faults = false;
        AIP__TRY(aip__csv_split_next(&d->split, err));
        const aip__csv_block *b = &d->split.block;
        if (b->n_rows == 0) return AIP_OK;
        for (int32_t s = 0; s < d->n; s++)
            AIP__TRY(aip__csv_convert(&d->targets[s], d->options, &d->split.block, s, d->n_rows, d->plain, &n_bad, err));
        if (d->options->on_bad_row == AIP__BAD_NULL && d->options->ragged == AIP__RAGGED_ERROR) AIP__TRY(count_padded(d, err));
        for (int32_t r = 0; r < b->n_rows && !faults; r++) faults = b->rows[r].fault != AIP__ROW_GOOD;
        if (faults) AIP__TRY(judge(d, err));
        if (n_bad > 0 && d->options->on_bad_row == AIP__BAD_NULL) {
            AIP__TRY(bad_rows(d, err));
            d->bad->n_nulled += n_bad;
        }
        d->n_rows += b->n_rows;
    }
}

static int32_t finish(decoding *d, aip_batch **out, aip_error **err) {
    const aip_schema *schema = d->reader->schema;
    aip_context *ctx = d->options->ctx;
    aip_batch *all = NULL;
    int32_t status = AIP_OK;
    aip__column **columns = aip__calloc(ctx, (size_t)d->n + 1, sizeof(aip__column *));
    if (!columns) return aip__error_memory(ctx, err);
    for (int32_t s = 0; s < d->n && status == AIP_OK; s++)
        status = aip__csv_target_end(&d->targets[s], d->n_rows, &columns[s], err);
    if (status == AIP_OK) {
        status = aip__batch_new(schema, d->n_rows, columns, &all, err); /* takes the columns */
    } else {
        for (int32_t s = 0; s < d->n; s++) aip__column_free(columns[s]);
    }
    aip__free(ctx, columns);
    if (status != AIP_OK || d->n_rejected == 0) {
        if (status == AIP_OK) *out = all;
        return status;
    }
    status = aip__batch_filter(all, d->keep, out, err);
    aip_batch_free(all);
    return status;
}

int32_t aip__csv_decode(void *reader, const aip__item *item, aip__decoded *out, aip_error **err) {
    const aip__csv_reader *r = reader;
    const aip__csv_piece *p = item->data;
    aip_context *ctx = r->options->ctx;
    decoding d = {.reader = r, .options = r->options, .piece = p, .n = r->schema->n, .counted = p->text, .line = p->line};
    aip_batch *batch = NULL;
    int32_t status = AIP_OK;
    size_t text_guess = p->n / (size_t)(r->n_columns > 0 ? r->n_columns : 1);
    d.plain = aip__csv_is_plain_text(p->text, p->n);
    d.targets = aip__calloc(ctx, (size_t)d.n + 1, sizeof *d.targets);
    status = d.targets ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t s = 0; s < d.n && status == AIP_OK; s++)
        status = aip__csv_target_begin(&d.targets[s], ctx, &r->schema->fields[s], p->max_rows, text_guess, err);
    if (status == AIP_OK)
        status = aip__csv_split_begin(&d.split, ctx, &r->options->dialect, r->n_columns, r->slot, d.n, p->text, p->n, err);
    if (status == AIP_OK) {
        d.split.max_record = r->options->max_record_bytes;
        d.split.truncate = r->options->ragged == AIP__RAGGED_TRUNCATE;
        d.split.pad = r->options->ragged != AIP__RAGGED_ERROR || r->options->on_bad_row == AIP__BAD_NULL;
        status = convert_all(&d, err);
        aip__csv_split_end(&d.split);
    }
    if (status == AIP_OK) status = finish(&d, &batch, err);
    for (int32_t s = 0; d.targets && s < d.n; s++) aip__csv_target_abandon(&d.targets[s]);
    aip__free(ctx, d.targets);
    aip__free(ctx, d.keep);
    if (status != AIP_OK) {
        aip__bad_rows_free(ctx, d.bad);
        return status;
    }
    *out = (aip__decoded){.batch = batch, .n_records = d.n_rows, .n_rejected = d.n_rejected, .rejects = d.bad};
    return AIP_OK;
}
