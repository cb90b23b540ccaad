/* What an item's cells say of types: the sample's question, asked of every row. Most cells are of the type that their column has already, which
 * is told by the one parser of that type; only another one is asked what it is. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include <string.h>

typedef struct typing {
    const aip__csv_reader *reader;
    const aip__csv_piece *piece;
    aip__guess *running; /* of each slot */
    aip__type_steps *out;
} typing;

/* Whether the cell is within the guess. Says no too often rather than yes: what it denies is looked at again. */
static bool within(const aip__guess *g, const aip__csv_cell *c, char decimal) {
    int64_t i = 0;
    double d = 0;
    int32_t days = 0;
    bool b = false;
    switch (g->type) {
    case AIP_INT64: return aip__parse_i64(c->text, c->n, &i);
    case AIP_FLOAT64: return aip__parse_f64(c->text, c->n, decimal, &d);
    case AIP_BOOL: return aip__parse_bool(c->text, c->n, &b);
    case AIP_DATE32: return aip__parse_date(c->text, c->n, &days);
    case AIP_TIMESTAMP: return aip__parse_timestamp(c->text, c->n, &i, &b) && (b ? g->zoned : g->unzoned);
    default: return g->type == AIP_UTF8;
    }
}

static int32_t step(typing *t, int32_t slot, const aip__csv_row *row, const aip__csv_cell *cell, aip__guess alone,
                    aip_error **err) {
    const char *at = row->start + (cell->at & ~AIP__CSV_QUOTE_BIT), *text = t->piece->text;
    const char *nl = memrchr(row->start, '\n', (size_t)(at - row->start)); /* a record may span lines */
    aip__type_step s = {.column = slot,
                        .cell = alone,
                        .line = t->piece->line + (int64_t)aip__csv_count_lines(text, (size_t)(at - text)),
                        .at = at - (nl ? nl + 1 : row->start) + 1,
                        .offset = t->piece->offset + (at - text)};
    aip__csv_excerpt(cell->text, cell->n, s.excerpt);
    return aip__type_steps_add(t->out, &s, err);
}

static int32_t look_at_slot(typing *t, const aip__csv_block *b, int32_t slot, aip_error **err) {
    const aip__csv_options *o = t->reader->options;
    const aip__csv_cell *cells = b->cells + (size_t)slot * (size_t)b->max_rows;
    aip__guess *g = &t->running[slot];
    for (int32_t r = 0; r < b->n_rows && g->type != AIP_UTF8; r++) {
        const aip__csv_cell *c = &cells[r];
        if (!c->text || b->rows[r].fault != AIP__ROW_GOOD || aip__csv_is_null(o, c->text, c->n)) continue;
        if (within(g, c, o->dialect.decimal)) continue;
        aip__guess alone = aip__csv_guess(o, c->text, c->n);
        if (aip__guess_widen(g, alone)) AIP__TRY(step(t, slot, &b->rows[r], c, alone, err));
        if (aip__guess_is_text(*g)) g->type = AIP_UTF8;
    }
    return AIP_OK;
}

static int32_t look(typing *t, aip_error **err) {
    const aip__csv_reader *r = t->reader;
    aip__csv_splitter split;
    int32_t status = aip__csv_split_begin(&split, r->options->ctx, &r->options->dialect, r->n_columns, r->slot, r->schema->n,
                                          t->piece->text, t->piece->n, err);
    if (status != AIP_OK) return status;
    split.pad = split.truncate = true; /* as the sample: a short row is no reason to look away */
    while ((status = aip__csv_split_next(&split, err)) == AIP_OK && split.block.n_rows > 0)
        for (int32_t s = 0; s < r->schema->n && status == AIP_OK; s++) status = look_at_slot(t, &split.block, s, err);
    aip__csv_split_end(&split);
    return status;
}

int32_t aip__csv_infer_item(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out, aip_error **err) {
    const aip__csv_reader *r = reader;
    aip_context *ctx = r->options->ctx;
    size_t n = (size_t)r->schema->n;
    typing t = {.reader = r, .piece = item->data, .out = out, .running = aip__calloc(ctx, n + 1, sizeof *t.running)};
    if (!t.running) return aip__error_memory(ctx, err);
    memcpy(t.running, start, n * sizeof *start);
    int32_t status = look(&t, err);
    aip__free(ctx, t.running);
    return status;
}
