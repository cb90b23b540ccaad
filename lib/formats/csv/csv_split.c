/* Records to cells. A record without a quoted field is split at its delimiters in place, eight bytes at a time; one with a quoted field goes
 * through libcsv, which unescapes it. libcsv is given one record at a time, without its line end, and neither spaces nor terminators, so that
 * its own ideas about those (it trims spaces, and ends records at CR) do not show. */
#include "formats/csv/csv.h"

#include "base/checked.h"
#include <csv.h>
#include <string.h>

#define BLOCK_ROWS 1024
#define LIBCSV_GROWTH 16384 /* its field buffer grows by this; its own default of 128 makes long fields quadratic */

static int never(unsigned char c) {
    (void)c;
    return 0;
}

int32_t aip__csv_split_begin(aip__csv_splitter *s, aip_context *ctx, const aip__csv_dialect *dialect, int32_t n_columns,
                             const int32_t *slot, int32_t n_slots, const char *text, size_t n, aip_error **err) {
    int32_t rows = n_slots > 0 ? AIP__CSV_BLOCK_CELLS / n_slots : BLOCK_ROWS;
    if (n < (size_t)rows) rows = (int32_t)n; /* a record has a byte at least */
    rows = rows < 1 ? 1 : rows > BLOCK_ROWS ? BLOCK_ROWS : rows;
    *s = (aip__csv_splitter){.ctx = ctx, .dialect = *dialect, .n_columns = n_columns, .slot = slot, .n_slots = n_slots};
    s->dialect.open = &s->open;
    s->at = text;
    s->end = text + n;
    s->scratch_size = n;
    s->max_rows = rows;
    s->block.max_rows = rows;
    s->block.rows = aip__calloc(ctx, (size_t)rows, sizeof *s->block.rows);
    s->block.cells = aip__calloc(ctx, (size_t)rows * (size_t)(n_slots > 0 ? n_slots : 1), sizeof *s->block.cells);
    if (s->block.rows && s->block.cells) return AIP_OK;
    aip__csv_split_end(s);
    return aip__error_memory(ctx, err);
}

/* ---- plain records ----------------------------------------------------------------------------------------------------------------------- */

static uint64_t load_little(const char *p) {
    uint64_t v = 0;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* High bit set in exactly the bytes of w that are zero. */
static uint64_t zero_bytes(uint64_t w) {
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    return ~(((w & low) + low) | w | low);
}

static void put_cell(aip__csv_splitter *s, uint32_t field, const char *start, const char *end, const char *record) {
    int32_t slot = s->slot[field];
    if (slot < 0) return;
    s->block.cells[(size_t)slot * (size_t)s->block.max_rows + (size_t)s->block.n_rows] =
        (aip__csv_cell){.text = start, .n = (uint32_t)(end - start), .at = (uint32_t)(start - record)};
}

/* The item's buffer has readable slack behind its end, so whole words may be read. */
static uint32_t split_plain(aip__csv_splitter *s, const char *p, const char *end) {
    const uint64_t pattern = UINT64_C(0x0101010101010101) * (unsigned char)s->dialect.delimiter;
    const uint32_t n_columns = (uint32_t)s->n_columns;
    const char *start = p;
    uint32_t field = 0;
    for (const char *w = p; w < end; w += 8) {
        uint64_t hits = zero_bytes(load_little(w) ^ pattern);
        if (end - w < 8) hits &= (UINT64_C(1) << (8 * (end - w))) - 1;
        for (; hits; hits &= hits - 1) {
            const char *e = w + (__builtin_ctzll(hits) >> 3);
            if (field < n_columns) put_cell(s, field, start, e, p);
            field++;
            start = e + 1;
        }
    }
    if (field < n_columns) put_cell(s, field, start, end, p);
    return field + 1;
}

/* ---- records with quoted fields ------------------------------------------------------------------------------------------------------------ */

typedef struct on_field {
    aip__csv_splitter *s;
    const char *record, *end;
    const char *at; /* where the field starts in the record */
    uint32_t field;
} on_field;

static void take_field(void *text, size_t n, void *arg) {
    on_field *f = arg;
    aip__csv_splitter *s = f->s;
    int32_t slot = f->field < (uint32_t)s->n_columns ? s->slot[f->field] : -1;
    if (slot >= 0) {
        uint32_t quoted = f->at < f->end && (unsigned char)*f->at == s->dialect.quote ? AIP__CSV_QUOTE_BIT : 0;
        char *to = s->scratch + s->scratch_n; /* all fields of an item unescaped are no longer than the item */
        if (n > 0) memcpy(to, text, n);
        s->scratch_n += n;
        s->block.cells[(size_t)slot * (size_t)s->block.max_rows + (size_t)s->block.n_rows] =
            (aip__csv_cell){.text = to, .n = (uint32_t)n, .at = (uint32_t)(f->at - f->record) | quoted};
    }
    f->field++;
    f->at = aip__csv_field_end(&s->dialect, f->at, f->end);
    if (f->at < f->end) f->at++;
}

static int32_t scratch(aip__csv_splitter *s, aip_error **err) {
    if (!s->scratch) s->scratch = aip__alloc(s->ctx, s->scratch_size + 1);
    return s->scratch ? AIP_OK : aip__error_memory(s->ctx, err);
}

static int32_t parser(aip__csv_splitter *s, aip_error **err) {
    if (s->parser) return AIP_OK;
    AIP__TRY(scratch(s, err));
    s->parser = aip__calloc(s->ctx, 1, sizeof *s->parser);
    if (!s->parser || csv_init(s->parser, 0) != 0) {
        aip__free(s->ctx, s->parser);
        s->parser = NULL;
        return aip__error_memory(s->ctx, err);
    }
    csv_set_delim(s->parser, (unsigned char)s->dialect.delimiter);
    csv_set_quote(s->parser, s->dialect.quote >= 0 ? (unsigned char)s->dialect.quote : (unsigned char)s->dialect.delimiter);
    csv_set_space_func(s->parser, never);
    csv_set_term_func(s->parser, never);
    csv_set_blk_size(s->parser, LIBCSV_GROWTH);
    return AIP_OK;
}

/* Of dialects that libcsv does not know. */
static int32_t split_general(aip__csv_splitter *s, const char *p, const char *end, uint32_t *n_fields, aip_error **err) {
    aip__csv_general f;
    aip__csv_open open = {0}; /* of this record: s->open reaches beyond it */
    aip__csv_dialect dialect = s->dialect;
    uint32_t field = 0;
    dialect.open = &open;
    AIP__TRY(scratch(s, err));
    for (const char *at = p;; at = f.end + 1, field++) {
        aip__csv_general_field(&dialect, p, at, end, true, &f);
        bool in_place = f.kind == AIP__CSV_PLAIN && !f.escapes;
        char *to = s->scratch + s->scratch_n;
        int32_t slot = field < (uint32_t)s->n_columns ? s->slot[field] : -1;
        if (in_place && field < (uint32_t)s->n_columns) put_cell(s, field, at, f.end, p);
        if (!in_place && slot >= 0) {
            size_t n = aip__csv_general_text(&dialect, p, at, &f, to);
            s->scratch_n += n;
            s->block.cells[(size_t)slot * (size_t)s->block.max_rows + (size_t)s->block.n_rows] = (aip__csv_cell){
                .text = to, .n = (uint32_t)n, .at = (uint32_t)(at - p) | (f.kind == AIP__CSV_QUOTED ? AIP__CSV_QUOTE_BIT : 0)};
        }
        if (f.end == end) break;
    }
    *n_fields = field + 1;
    return AIP_OK;
}

static int32_t split_quoted(aip__csv_splitter *s, const char *p, const char *end, uint32_t *n_fields, aip_error **err) {
    AIP__TRY(parser(s, err));
    on_field f = {.s = s, .record = p, .end = end, .at = p};
    size_t n = (size_t)(end - p);
    if (csv_parse(s->parser, p, n, take_field, NULL, &f) != n || csv_fini(s->parser, take_field, NULL, &f) != 0) {
        int code = csv_error(s->parser);
        if (code == CSV_ENOMEM) return aip__error_nomem(err);
        return aip__error_set(err, AIP_E_INTERNAL, "libcsv: %s", csv_strerror(code));
    }
    *n_fields = f.field;
    return AIP_OK;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------------------------------ */

/* A row that will not be used, or that is short, has cells without text where nothing was found: they are null. */
static void clear_cells(aip__csv_splitter *s, uint32_t from_field) {
    for (uint32_t f = from_field; f < (uint32_t)s->n_columns; f++) put_cell(s, f, NULL, NULL, NULL);
}

static int32_t split_record(aip__csv_splitter *s, const aip__csv_record *r, aip_error **err) {
    aip__csv_row *row = &s->block.rows[s->block.n_rows];
    *row = (aip__csv_row){.start = s->at, .end = r->end, .column = -1};
    if (s->max_record > 0 && r->end - s->at > s->max_record) {
        row->fault = AIP__ROW_HUGE;
        clear_cells(s, 0);
        return AIP_OK;
    }
    if (r->kind == AIP__CSV_MALFORMED || r->kind == AIP__CSV_UNCLOSED) {
        row->fault = r->kind == AIP__CSV_MALFORMED ? AIP__ROW_MALFORMED : AIP__ROW_UNCLOSED;
        clear_cells(s, 0);
        return AIP_OK;
    }
    bool quoted = r->kind == AIP__CSV_QUOTED || (s->dialect.only_libcsv && s->dialect.quote >= 0);
    if (aip__csv_is_general(&s->dialect))
        AIP__TRY(split_general(s, s->at, r->end, &row->n_fields, err));
    else if (quoted)
        AIP__TRY(split_quoted(s, s->at, r->end, &row->n_fields, err));
    else
        row->n_fields = split_plain(s, s->at, r->end);
    if (row->n_fields > (uint32_t)s->n_columns && !s->truncate) row->fault = AIP__ROW_LONG;
    if (row->n_fields < (uint32_t)s->n_columns) {
        if (!s->pad) row->fault = AIP__ROW_SHORT;
        clear_cells(s, row->n_fields);
    }
    return AIP_OK;
}

int32_t aip__csv_split_next(aip__csv_splitter *s, aip_error **err) {
    s->block.n_rows = 0;
    while (s->at < s->end && s->block.n_rows < s->max_rows) {
        aip__csv_record r;
        aip__csv_scan_record(&s->dialect, s->at, s->end, true, &r);
        if (r.kind != AIP__CSV_SKIP) {
            AIP__TRY(split_record(s, &r, err));
            s->block.n_rows++;
        }
        s->at = r.next;
    }
    return AIP_OK;
}

void aip__csv_split_end(aip__csv_splitter *s) {
    if (s->parser) csv_free(s->parser);
    aip__free(s->ctx, s->parser);
    aip__free(s->ctx, s->scratch);
    aip__free(s->ctx, s->block.rows);
    aip__free(s->ctx, s->block.cells);
    s->parser = NULL;
    s->scratch = NULL;
    s->block.rows = NULL;
    s->block.cells = NULL;
}
