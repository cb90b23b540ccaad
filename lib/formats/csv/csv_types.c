/* What an item's cells say of types: the sample's question, asked of every row. Most items hold nothing that their columns' types do not: that is
 * told by decoding them, at the speed of reading. In any other item each cell is held against its column's type, and asked what it is where it is
 * of another. */
#include "formats/csv/csv.h"

#include "data/column.h"
#include "data/convert.h"
#include "data/schema.h"
#include <string.h>

typedef struct typing {
    const aip__csv_reader *reader;
    const aip__csv_piece *piece;
    aip__guess *running; /* of each slot */
    aip__type_steps *out;
    const char *counted;  /* the start of the block, once one of its cells was a step: ... */
    int64_t line, offset; /* ... of the file */
} typing;

/* Whether the cell is within the guess. Says no too often rather than yes: what it denies is looked at again. */
static bool within(const aip__csv_options *o, const aip__guess *g, const aip__csv_cell *c) {
    int64_t i = 0;
    double d = 0;
    int32_t days = 0;
    bool b = false;
    switch (g->type) {
    case AIP_INT64: return aip__parse_i64(c->text, c->n, &i);
    case AIP_FLOAT64: return aip__parse_f64(c->text, c->n, o->dialect.decimal, &d);
    case AIP_BOOL: return !o->true_words && !o->false_words && aip__parse_bool(c->text, c->n, &b);
    case AIP_DATE32: return aip__parse_date(c->text, c->n, &days);
    case AIP_TIMESTAMP: return aip__parse_timestamp(c->text, c->n, &i, &b) && (b ? g->zoned : g->unzoned);
    default: return g->type == AIP_UTF8;
    }
}

/* Every column of a block may have steps: lines are counted up to the block once, and in it for each. */
static void count_to(typing *t, const aip__csv_block *b) {
    const char *start = b->rows[0].start;
    size_t n = (size_t)(start - t->counted);
    t->line += (int64_t)aip__csv_count_lines(t->counted, n);
    t->offset += aip__encoded_bytes(t->reader->cutter.unit, t->counted, n);
    t->counted = start;
}

static int32_t step(typing *t, int32_t slot, const aip__csv_block *b, int32_t r, const aip__csv_cell *cell, aip__guess alone,
                    aip_error **err) {
    const aip__csv_row *row = &b->rows[r];
    const char *at = row->start + (cell->at & ~AIP__CSV_QUOTE_BIT);
    count_to(t, b);
    size_t n = (size_t)(at - t->counted);
    const char *nl = memrchr(row->start, '\n', (size_t)(at - row->start)); /* a record may span lines */
    aip__type_step s = {.column = slot,
                        .cell = alone,
                        .line = t->line + (int64_t)aip__csv_count_lines(t->counted, n),
                        .at = at - (nl ? nl + 1 : row->start) + 1,
                        .offset = t->offset + aip__encoded_bytes(t->reader->cutter.unit, t->counted, n)};
    aip__excerpt(cell->text, cell->n, s.excerpt);
    return aip__type_steps_add(t->out, &s, err);
}

static int32_t look_at_slot(typing *t, const aip__csv_block *b, int32_t slot, aip_error **err) {
    const aip__csv_options *o = t->reader->options;
    const aip__csv_cell *cells = b->cells + (size_t)slot * (size_t)b->max_rows;
    aip__guess *g = &t->running[slot];
    for (int32_t r = 0; r < b->n_rows && g->type != AIP_UTF8; r++) {
        const aip__csv_cell *c = &cells[r];
        if (!c->text || b->rows[r].fault != AIP__ROW_GOOD || aip__csv_is_null(o, c->text, c->n)) continue;
        if (within(o, g, c)) continue;
        aip__guess alone = aip__csv_guess(o, c->text, c->n);
        if (aip__guess_widen(g, alone)) AIP__TRY(step(t, slot, b, r, c, alone, err));
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

/* ---- most items hold nothing new ----------------------------------------------------------------------------------------------------------------- */

/* The reader as if it decoded columns of the start's types only; without texts, which nothing makes larger. A column without a value so far is read
 * as bool, and must be null throughout. */
typedef struct probe {
    aip__csv_reader reader;
    aip_schema *schema;
} probe;

static void probe_free(probe *p) {
    aip_context *ctx = p->reader.options->ctx;
    aip__free(ctx, p->reader.slot);
    aip__free(ctx, p->reader.column);
    aip__free(ctx, p->reader.by_cells);
    aip_schema_free(p->schema);
}

static int32_t probe_make(probe *p, const aip__csv_reader *r, aip__csv_options *o, const aip__guess *start, aip_error **err) {
    aip_context *ctx = r->options->ctx;
    size_t n = (size_t)r->schema->n;
    int32_t k = 0;
    *o = *r->options;
    o->on_bad_row = AIP__BAD_NULL;
    /* No more of the cutter than decoding asks for: it cuts meanwhile. */
    p->reader = (aip__csv_reader){
        .cutter = {.dialect = r->cutter.dialect, .source = r->cutter.source}, .options = o, .n_columns = r->n_columns};
    p->reader.slot = aip__calloc(ctx, (size_t)r->n_columns + 1, sizeof *p->reader.slot);
    p->reader.column = aip__calloc(ctx, n + 1, sizeof *p->reader.column);
    p->reader.by_cells = aip__calloc(ctx, n + 1, sizeof *p->reader.by_cells);
    aip_field *fields = aip__calloc(ctx, n + 1, sizeof *fields);
    int32_t status = p->reader.slot && p->reader.column && p->reader.by_cells && fields ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t i = 0; status == AIP_OK && i < r->n_columns; i++) p->reader.slot[i] = -1;
    for (int32_t s = 0; status == AIP_OK && s < r->schema->n; s++) {
        if (aip__guess_is_text(start[s])) continue;
        fields[k] = aip__field(r->schema->fields[s].name, AIP_BOOL);
        if (start[s].type != 0) aip__guess_field(start[s], &fields[k]);
        p->reader.slot[r->column[s]] = k;
        p->reader.column[k] = r->column[s];
        p->reader.by_cells[k] = aip__csv_needs_cells(o, &fields[k]);
        k++;
    }
    if (status == AIP_OK) status = aip_schema_create(ctx, fields, k, &p->schema, err);
    aip__free(ctx, fields);
    p->reader.schema = p->schema;
    return status;
}

/* Whether all cells are within the start, told by the columns' converters. No, where anything else is the matter: then each cell is asked. */
static int32_t all_within(const aip__csv_reader *r, const aip__item *item, const aip__guess *start, bool *yes, aip_error **err) {
    aip__csv_options o;
    probe p = {.schema = NULL};
    aip__decoded d = {0};
    aip_error *refused = NULL;
    int32_t status = probe_make(&p, r, &o, start, err);
    *yes = false;
    if (status == AIP_OK && p.schema->n == 0) {
        *yes = true;
    } else if (status == AIP_OK) {
        status = aip__csv_decode(&p.reader, item, &d, &refused);
        const aip__bad_rows *bad = d.rejects;
        *yes = status == AIP_OK && d.n_rejected == 0 && (!bad || bad->n_nulled == 0);
        for (int32_t s = 0, k = 0; *yes && d.batch && s < r->schema->n; s++) {
            if (aip__guess_is_text(start[s])) continue;
            const aip__column *c = d.batch->columns[k++];
            if (start[s].type == 0 && c->null_count != d.batch->n_rows) *yes = false;
        }
        if (status == AIP_E_NOMEM || status == AIP_E_MEMORY_LIMIT)
            aip__error_move(err, refused);
        else
            aip_error_free(refused), status = AIP_OK;
    }
    aip_batch_free(d.batch);
    aip__bad_rows_free(r->options->ctx, d.rejects);
    probe_free(&p);
    return status;
}

int32_t aip__csv_infer_item(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out, aip_error **err) {
    const aip__csv_reader *r = reader;
    aip_context *ctx = r->options->ctx;
    size_t n = (size_t)r->schema->n;
    bool nothing_new = false;
    AIP__TRY(all_within(r, item, start, &nothing_new, err));
    if (nothing_new) return AIP_OK;
    const aip__csv_piece *p = item->data;
    typing t = {.reader = r, .piece = p, .out = out, .counted = p->text, .line = p->line, .offset = p->offset};
    t.running = aip__calloc(ctx, n + 1, sizeof *t.running);
    if (!t.running) return aip__error_memory(ctx, err);
    memcpy(t.running, start, n * sizeof *start);
    int32_t status = look(&t, err);
    aip__free(ctx, t.running);
    return status;
}
