/* An item to a batch: runs of regular rows straight from their index, and between them blocks of rows as cells, both converted column by column.
 * Then the marked rows are gone through in order, so that the first bad cell of the first bad row is what an error names, whatever was
 * converted first. */
#include "formats/csv/csv.h"

#include "data/convert_column.h"
#include "data/utf8.h"
#include "formats/row_faults.h"
#include <stdlib.h>
#include <string.h>

typedef struct decoding {
    const aip__csv_reader *reader;
    const aip__csv_options *options;
    const aip__csv_piece *piece;
    int32_t n;
    aip__csv_target *targets;
    aip__csv_regular regular;
    aip__csv_faults faults; /* of a run */
    aip__csv_splitter split;
    bool splits; /* split was begun */
    bool plain;  /* UTF-8 without NUL, the whole of it */
    int64_t n_rows;
    aip__row_faults rows;
    const char *counted;  /* up to here: ... */
    int64_t line, offset; /* ... of the file */
} decoding;

/* Line and offset become those of a place in the item; asked for in rising order. */
static void count_to(decoding *d, const char *p) {
    size_t n = (size_t)(p - d->counted);
    d->line += (int64_t)aip__csv_count_lines(d->counted, n);
    d->offset += aip__encoded_bytes(d->reader->cutter.unit, d->counted, n);
    d->counted = p;
}

static int32_t fail(decoding *d, const aip__csv_row *row, const aip__csv_cell *cell, const char *why, aip_error **err) {
    char how[256];
    const char *name = cell ? d->reader->schema->fields[row->column].name : NULL, *at = row->start;
    int64_t column = 1;
    aip__csv_hint(d->reader, row, cell, how, sizeof how);
    if (cell) {
        at = row->start + (cell->at & ~AIP__CSV_QUOTE_BIT);
        const char *nl = memrchr(row->start, '\n', (size_t)(at - row->start)); /* a record may span lines */
        column = at - (nl ? nl + 1 : row->start) + 1;
    }
    count_to(d, at);
    aip__error_set(err, AIP_E_DATA, "%s%s%s%s (%s)", name ? "column '" : "", name ? name : "", name ? "': " : "", why, how);
    aip__error_at_source(err, d->reader->cutter.source);
    aip__error_at_line(err, d->line, column);
    aip__error_at_offset(err, d->offset);
    aip__error_at_data_column(err, name);
    return AIP_E_DATA;
}

static int32_t reject(decoding *d, const aip__csv_row *row, const char *name, const char *why, int64_t i, aip_error **err) {
    count_to(d, row->start);
    aip__bad_row f = {.line = d->line,
                      .offset = d->offset,
                      .what = "column",
                      .name = name,
                      .why = why,
                      .raw = row->start,
                      .n = (size_t)(row->end - row->start)};
    AIP__TRY(aip__row_faults_drop(&d->rows, i, err));
    return aip__row_faults_reject(&d->rows, &f, err);
}

/* Row i of the item, with its bad cell if that is what is wrong. */
static int32_t judge(decoding *d, const aip__csv_row *row, const aip__csv_cell *cell, int64_t i, aip_error **err) {
    char why[256];
    aip__csv_reason(d->reader, row, cell, why, sizeof why);
    if (d->options->on_bad_row == AIP__BAD_ERROR || row->fault == AIP__ROW_HUGE) return fail(d, row, cell, why, err);
    return reject(d, row, cell ? d->reader->schema->fields[row->column].name : NULL, why, i, err);
}

/* Cells that were made null are counted as they are converted: nothing more is wrong with their rows. */
static bool is_mended(const decoding *d, const aip__csv_row *row) {
    return row->column >= 0 && d->options->on_bad_row == AIP__BAD_NULL;
}

static int32_t count_nulled(decoding *d, int64_t n, aip_error **err) {
    if (n == 0 || d->options->on_bad_row != AIP__BAD_NULL) return AIP_OK;
    AIP__TRY(aip__row_faults_count(&d->rows, err));
    d->rows.bad->n_nulled += n;
    return AIP_OK;
}

/* Short rows that only on_bad_row: null makes good; those of the wrong shape in other ways have no field count. */
static int32_t count_padded(decoding *d, aip_error **err) {
    const aip__csv_block *b = &d->split.block;
    int64_t n = 0;
    for (int32_t r = 0; r < b->n_rows; r++)
        n += (b->rows[r].fault == AIP__ROW_GOOD || b->rows[r].column >= 0) && b->rows[r].n_fields < (uint32_t)d->split.n_columns;
    if (n == 0) return AIP_OK;
    AIP__TRY(aip__row_faults_count(&d->rows, err));
    d->rows.bad->n_padded += n;
    return AIP_OK;
}

/* ---- runs of regular rows ------------------------------------------------------------------------------------------------------------------- */

/* Field `column` of row r as a cell, for a message; its text as aip__unquote_field has it. */
static int32_t cell_of(const decoding *d, int32_t column, int32_t r, const aip__csv_row *row, aip__csv_cell *out,
                       aip__scratch *scratch, aip_error **err) {
    aip__fields f = aip__csv_regular_fields(&d->regular, column);
    size_t n = 0;
    aip__unquoted u;
    AIP__TRY(aip__unquote_field(&f, r, d->options->dialect.quote, scratch, &u, err));
    uint32_t at = (uint32_t)(aip__field_at(&f, r, &n) - row->start), quoted = u.quoted ? AIP__CSV_QUOTE_BIT : 0;
    *out = (aip__csv_cell){.text = u.text, .n = (uint32_t)u.n, .at = at | quoted};
    return AIP_OK;
}

static int by_place(const void *a, const void *b) {
    const aip__csv_fault *x = a, *y = b;
    return x->row != y->row ? (x->row < y->row ? -1 : 1) : x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* The faults lie column by column; each row is judged by its first. */
static int32_t judge_run(decoding *d, aip_error **err) {
    if (d->faults.n == 0) return AIP_OK;
    if (d->options->on_bad_row == AIP__BAD_NULL) return count_nulled(d, (int64_t)d->faults.n, err);
    qsort(d->faults.list, d->faults.n, sizeof *d->faults.list, by_place);
    for (size_t i = 0; i < d->faults.n; i++) {
        const aip__csv_fault *fault = &d->faults.list[i];
        if (i > 0 && fault->row == fault[-1].row) continue;
        aip__csv_row row = {.column = fault->slot, .fault = fault->fault, .n_fields = (uint32_t)d->reader->n_columns};
        aip__csv_cell cell = {0};
        aip__scratch scratch = {.ctx = d->options->ctx};
        aip__csv_regular_row(&d->regular, fault->row, &row.start, &row.end);
        AIP__TRY(cell_of(d, d->reader->column[fault->slot], fault->row, &row, &cell, &scratch, err));
        int32_t status = judge(d, &row, &cell, d->n_rows + fault->row, err);
        aip__free(d->options->ctx, scratch.bytes);
        if (status != AIP_OK) return status;
    }
    return AIP_OK;
}

/* Room for a column's text in the whole item, told by the first run. */
static int32_t expect_text(decoding *d, aip__csv_target *t, const aip__fields *f, aip_error **err) {
    size_t run = (size_t)(d->regular.at - d->regular.text), text = 0;
    for (int32_t i = 0; i < f->n; i++) text += (uint32_t)(f->ends[(int64_t)i * f->stride] - f->ends[(int64_t)i * f->stride - 1]);
    size_t all = (size_t)((double)text / (double)run * (double)d->piece->n);
    all += all / 16;
    return aip__utf8_reserve(&t->text, f->n, all < d->piece->n ? all : d->piece->n, err);
}

static int32_t take_run(decoding *d, aip_error **err) {
    d->faults.n = 0;
    for (int32_t s = 0; s < d->n; s++) {
        aip__fields f = aip__csv_regular_fields(&d->regular, d->reader->column[s]);
        if (d->n_rows == 0 && d->targets[s].field->type == AIP_UTF8) AIP__TRY(expect_text(d, &d->targets[s], &f, err));
        AIP__TRY(aip__csv_convert_fields(&d->targets[s], d->options, &f, s, d->n_rows, d->plain, &d->faults, err));
    }
    AIP__TRY(judge_run(d, err));
    d->n_rows += d->regular.n_rows;
    return AIP_OK;
}

/* ---- rows as cells -------------------------------------------------------------------------------------------------------------------------- */

static int32_t split_begin(decoding *d, aip_error **err) {
    const aip__csv_reader *r = d->reader;
    AIP__TRY(aip__csv_split_begin(&d->split, d->options->ctx, &d->reader->cutter.dialect, r->n_columns, r->slot, d->n,
                                  d->piece->text, d->piece->n, err));
    d->splits = true;
    d->split.max_record = d->options->max_record_bytes;
    d->split.truncate = d->options->ragged == AIP__RAGGED_TRUNCATE;
    d->split.pad = d->options->ragged != AIP__RAGGED_ERROR || d->options->on_bad_row == AIP__BAD_NULL;
    return AIP_OK;
}

static int32_t judge_block(decoding *d, aip_error **err) {
    const aip__csv_block *b = &d->split.block;
    for (int32_t r = 0; r < b->n_rows; r++) {
        const aip__csv_row *row = &b->rows[r];
        if (row->fault == AIP__ROW_GOOD || is_mended(d, row)) continue;
        const aip__csv_cell *cell = row->column >= 0 ? &b->cells[(size_t)row->column * (size_t)b->max_rows + (size_t)r] : NULL;
        AIP__TRY(judge(d, row, cell, d->n_rows + r, err));
    }
    return AIP_OK;
}

/* The stretch of records at d->regular.at. */
static int32_t take_stretch(decoding *d, aip_error **err) {
    int64_t n_bad = 0;
    if (!d->splits) AIP__TRY(split_begin(d, err));
    d->split.at = d->regular.at;
    d->split.max_rows = d->regular.n_exact < d->split.block.max_rows ? d->regular.n_exact : d->split.block.max_rows;
    AIP__TRY(aip__csv_split_next(&d->split, err));
    d->regular.at = d->split.at;
    for (int32_t s = 0; s < d->n; s++)
        AIP__TRY(aip__csv_convert(&d->targets[s], d->options, &d->split.block, s, d->n_rows, d->plain, &n_bad, err));
    if (d->options->on_bad_row == AIP__BAD_NULL && d->options->ragged == AIP__RAGGED_ERROR) AIP__TRY(count_padded(d, err));
    AIP__TRY(judge_block(d, err));
    AIP__TRY(count_nulled(d, n_bad, err));
    d->n_rows += d->split.block.n_rows;
    return AIP_OK;
}

static int32_t convert_all(decoding *d, aip_error **err) {
    const aip__csv_reader *r = d->reader;
    aip_context *ctx = d->options->ctx;
    AIP__TRY(aip__csv_regular_begin(&d->regular, ctx, &d->reader->cutter.dialect, r->n_columns, d->options->max_record_bytes,
                                    d->piece->text, d->piece->n, err));
    if (d->piece->marked) aip__csv_regular_use(&d->regular, &d->piece->marks, d->piece->max_rows);
    int32_t status = AIP_OK;
    while (status == AIP_OK && aip__csv_regular_next(&d->regular))
        status = d->regular.n_rows > 0 ? take_run(d, err) : take_stretch(d, err);
    aip__free(ctx, d->faults.list);
    aip__csv_regular_end(&d->regular);
    if (d->splits) aip__csv_split_end(&d->split);
    return status;
}

static int32_t finish(decoding *d, aip_batch **out, aip_error **err) {
    int32_t status = AIP_OK;
    aip__column **columns = aip__calloc(d->options->ctx, (size_t)d->n + 1, sizeof(aip__column *));
    if (!columns) return aip__error_memory(d->options->ctx, err);
    for (int32_t s = 0; s < d->n && status == AIP_OK; s++)
        status = aip__csv_target_end(&d->targets[s], d->n_rows, &columns[s], err);
    return aip__row_faults_batch(&d->rows, d->reader->schema, d->n_rows, columns, status, out, err); /* takes the columns */
}

static bool has_text(const aip_schema *schema) {
    for (int32_t i = 0; i < schema->n; i++)
        if (schema->fields[i].type == AIP_UTF8 || schema->fields[i].type == AIP_DICTIONARY) return true;
    return false;
}

int32_t aip__csv_decode(void *reader, const aip__item *item, aip__decoded *out, aip_error **err) {
    const aip__csv_reader *r = reader;
    const aip__csv_piece *p = item->data;
    aip_context *ctx = r->options->ctx;
    decoding d = {.reader = r,
                  .options = r->options,
                  .piece = p,
                  .n = r->schema->n,
                  .counted = p->text,
                  .line = p->line,
                  .offset = p->offset};
    aip_batch *batch = NULL;
    int32_t status = AIP_OK;
    d.rows = (aip__row_faults){.ctx = ctx, .source = r->cutter.source, .max_rows = p->max_rows};
    d.plain = !has_text(r->schema) || aip__utf8_is_text(p->text, p->n);
    d.targets = aip__calloc(ctx, (size_t)d.n + 1, sizeof *d.targets);
    status = d.targets ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t s = 0; s < d.n && status == AIP_OK; s++) {
        status = aip__csv_target_begin(&d.targets[s], ctx, &r->schema->fields[s], p->max_rows, 0, err);
        d.targets[s].by_cells = r->by_cells[s];
    }
    if (status == AIP_OK) status = convert_all(&d, err);
    if (status == AIP_OK) status = finish(&d, &batch, err);
    for (int32_t s = 0; d.targets && s < d.n; s++) aip__csv_target_abandon(&d.targets[s]);
    aip__free(ctx, d.targets);
    aip__row_faults_end(&d.rows);
    if (status != AIP_OK) {
        aip__bad_rows_free(ctx, d.rows.bad);
        return status;
    }
    *out = (aip__decoded){.batch = batch, .n_records = d.n_rows, .n_rejected = d.rows.n_rejected, .rejects = d.rows.bad};
    return AIP_OK;
}
