/* A block of cells to typed columns: one tight loop per column and type. A cell that does not parse becomes null and marks its row with the
 * first column that failed; what then happens to the row is the reader's policy, not decided here. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include "data/utf8.h"
#include <string.h>

int32_t aip__csv_target_begin(aip__csv_target *t, aip_context *ctx, const aip_field *field, int64_t max_rows, size_t bytes,
                              aip_error **err) {
    *t = (aip__csv_target){.field = field, .is_codes = field->type == AIP_DICTIONARY};
    t->is_text = t->is_codes || field->type == AIP_UTF8;
    if (t->is_text) {
        if (t->is_codes)
            AIP__TRY(aip__codes_begin(&t->codes, ctx, max_rows, err));
        else
            AIP__TRY(aip__utf8_begin(&t->text, ctx, AIP_UTF8, max_rows, bytes, err));
        t->text_begun = true;
        return AIP_OK;
    }
    /* Every row is written; what lies at nulls is zeroed in the end. Bits of bool are set one by one. */
    return aip__column_new(ctx, field->type, max_rows, field->type == AIP_BOOL, &t->column, err);
}

static void mark(aip__csv_row *row, aip__row_fault fault, int32_t slot, int64_t *n_bad) {
    if (row->fault != AIP__ROW_GOOD && row->column < 0) return; /* the row as a whole is bad already */
    ++*n_bad;
    if (row->column >= 0) return;
    row->fault = fault;
    row->column = slot;
}

static bool set_null(aip__csv_target *t, int64_t row) {
    if (!t->validity) t->validity = aip__column_validity_mut(t->column);
    if (!t->validity) return false;
    aip__bit_clear(t->validity, row);
    return true;
}

/* The loop of a column whose values are fixed-width: `parse` says whether cell c gave a value, and stores it. */
#define CONVERT(parse)                                              \
    for (int32_t r = 0; r < block->n_rows; r++) {                   \
        const aip__csv_cell *c = &cells[r];                         \
        int64_t i = row + r;                                        \
        if (c->text && !aip__csv_is_null(o, c->text, c->n)) {       \
            if (parse) continue;                                    \
            mark(&block->rows[r], AIP__ROW_TYPE, slot, n_bad);      \
        }                                                           \
        if (!set_null(t, i)) return aip__error_memory(o->ctx, err); \
    }

/* ---- one text as the options have it: the usual meaning, then thousands marks and date formats ---------------------------------------------- */

static bool take_i64(const aip__csv_options *o, const aip__csv_cell *c, int64_t *v) {
    char text[AIP__LONGEST_GROUPED];
    if (aip__parse_i64(c->text, c->n, v)) return true;
    size_t n = o->thousands ? aip__without_thousands(text, c->text, c->n, o->thousands, o->dialect.decimal) : 0;
    return n > 0 && aip__parse_i64(text, n, v);
}

static bool take_i32(const aip__csv_options *o, const aip__csv_cell *c, int32_t *v) {
    int64_t wide = 0;
    if (!take_i64(o, c, &wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
    *v = (int32_t)wide;
    return true;
}

static bool take_f64(const aip__csv_options *o, const aip__csv_cell *c, double *v) {
    char text[AIP__LONGEST_GROUPED];
    if (aip__parse_f64(c->text, c->n, o->dialect.decimal, v)) return true;
    size_t n = o->thousands ? aip__without_thousands(text, c->text, c->n, o->thousands, o->dialect.decimal) : 0;
    return n > 0 && aip__parse_f64(text, n, o->dialect.decimal, v);
}

static bool take_decimal(const aip__csv_options *o, const aip__csv_cell *c, int32_t scale, int64_t *v) {
    char text[AIP__LONGEST_GROUPED];
    if (aip__parse_decimal_as(c->text, c->n, o->dialect.decimal, scale, v)) return true;
    size_t n = o->thousands ? aip__without_thousands(text, c->text, c->n, o->thousands, o->dialect.decimal) : 0;
    return n > 0 && aip__parse_decimal_as(text, n, o->dialect.decimal, scale, v);
}

static bool take_date(const aip__csv_options *o, const aip__csv_cell *c, int32_t *days) {
    if (aip__parse_date(c->text, c->n, days)) return true;
    for (int32_t i = 0; i < o->n_date_formats; i++) {
        int64_t micros = 0;
        bool zoned = false;
        if (aip__time_format_has_time(o->date_formats[i])
            || !aip__parse_time_as(c->text, c->n, o->date_formats[i], &micros, &zoned) || zoned)
            continue;
        *days = (int32_t)(micros / INT64_C(86400000000)); /* whole days: nothing is lost */
        return true;
    }
    return false;
}

static bool take_timestamp(const aip__csv_options *o, const aip__csv_cell *c, bool zoned, int64_t *micros) {
    if (aip__parse_timestamp_as(c->text, c->n, zoned, micros)) return true;
    bool has_zone = false;
    for (int32_t i = 0; i < o->n_date_formats; i++)
        if (aip__parse_time_as(c->text, c->n, o->date_formats[i], micros, &has_zone) && has_zone == zoned) return true;
    return false;
}

static bool take_bool(const aip__csv_options *o, const aip__csv_cell *c, bool *v) {
    if (!o->true_words && !o->false_words) return aip__parse_bool(c->text, c->n, v);
    return aip__parse_words(c->text, c->n, o->true_words, o->n_true_words, o->false_words, o->n_false_words, v);
}

static int32_t convert_fixed(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, const aip__csv_cell *cells,
                             int32_t slot, int64_t row, int64_t *n_bad, aip_error **err) {
    switch (t->field->type) {
    case AIP_BOOL: {
        uint8_t *bits = aip__column_bool_mut(t->column);
        bool v = false;
        CONVERT(take_bool(o, c, &v) && (aip__bit_put(bits, i, v), true))
        return AIP_OK;
    }
    case AIP_INT32: {
        int32_t *values = aip__column_i32_mut(t->column);
        CONVERT(take_i32(o, c, &values[i]))
        return AIP_OK;
    }
    case AIP_INT64: {
        int64_t *values = aip__column_i64_mut(t->column);
        CONVERT(take_i64(o, c, &values[i]))
        return AIP_OK;
    }
    case AIP_FLOAT32: {
        float *values = aip__column_values_mut(t->column);
        double v = 0;
        CONVERT(take_f64(o, c, &v) && (values[i] = (float)v, true))
        return AIP_OK;
    }
    case AIP_FLOAT64: {
        double *values = aip__column_f64_mut(t->column);
        CONVERT(take_f64(o, c, &values[i]))
        return AIP_OK;
    }
    case AIP_DATE32: {
        int32_t *values = aip__column_i32_mut(t->column);
        CONVERT(take_date(o, c, &values[i]))
        return AIP_OK;
    }
    case AIP_TIMESTAMP: {
        int64_t *values = aip__column_i64_mut(t->column);
        bool zoned = t->field->zone != NULL;
        CONVERT(take_timestamp(o, c, zoned, &values[i]))
        return AIP_OK;
    }
    case AIP_DECIMAL64: {
        int64_t *values = aip__column_i64_mut(t->column);
        CONVERT(take_decimal(o, c, t->field->scale, &values[i]))
        return AIP_OK;
    }
    default: return aip__error_set(err, AIP_E_INTERNAL, "CSV: no conversion to %s", aip_type_name(t->field->type));
    }
}

/* In a text column a quoted null marker is text, unless quoted_null says otherwise: "" is the empty text, and "NA" may be Namibia. */
static int32_t convert_text(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, const aip__csv_cell *cells,
                            int32_t slot, bool plain, int64_t *n_bad, aip_error **err) {
    for (int32_t r = 0; r < block->n_rows; r++) {
        const aip__csv_cell *c = &cells[r];
        bool may_be_null = o->quoted_null || !(c->at & AIP__CSV_QUOTE_BIT);
        bool null = !c->text || (may_be_null && aip__csv_is_null(o, c->text, c->n));
        if (!null && !plain) {
            bool valid = aip__utf8_valid(c->text, c->n), nul = aip__csv_bare_nul(c);
            null = !valid || nul;
            if (null) mark(&block->rows[r], nul ? AIP__ROW_NUL : AIP__ROW_UTF8, slot, n_bad);
        }
        if (null)
            AIP__TRY(t->is_codes ? aip__codes_add_null(&t->codes, err) : aip__utf8_add_null(&t->text, err));
        else
            AIP__TRY(t->is_codes ? aip__codes_add(&t->codes, c->text, c->n, err) : aip__utf8_add(&t->text, c->text, c->n, err));
    }
    return AIP_OK;
}

int32_t aip__csv_convert(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, int32_t slot, int64_t row,
                         bool plain, int64_t *n_bad, aip_error **err) {
    const aip__csv_cell *cells = block->cells + (size_t)slot * (size_t)block->max_rows;
    if (t->is_text) return convert_text(t, o, block, cells, slot, plain, n_bad, err);
    return convert_fixed(t, o, block, cells, slot, row, n_bad, err);
}

/* ---- regular records: fields in place ---------------------------------------------------------------------------------------------------------- */

#define PART 1024 /* fields whose oddities are listed together */

static int32_t add_fault(aip__csv_faults *faults, const aip__csv_options *o, int32_t row, int32_t slot, aip__row_fault fault,
                         aip_error **err) {
    if (aip__grow(o->ctx, &faults->list, &faults->capacity, faults->n + 1, sizeof *faults->list) != 0)
        return aip__error_memory(o->ctx, err);
    faults->list[faults->n++] = (aip__csv_fault){.row = row, .slot = slot, .fault = fault};
    return AIP_OK;
}

/* One field by way of a cell: the same meaning as in a record that is not regular. */
static int32_t convert_one(aip__csv_target *t, const aip__csv_options *o, const aip__fields *f, int32_t i, int32_t slot,
                           int64_t row, int32_t at, aip__csv_faults *faults, aip_error **err) {
    aip__scratch scratch = {.ctx = o->ctx};
    aip__unquoted u;
    AIP__TRY(aip__unquote_field(f, i, o->dialect.quote, &scratch, &u, err));
    const aip__csv_cell cell = {.text = u.text, .n = (uint32_t)u.n, .at = u.quoted ? AIP__CSV_QUOTE_BIT : 0};
    aip__csv_row record = {.column = -1};
    aip__csv_block block = {.max_rows = 1, .n_rows = 1, .rows = &record};
    int64_t n_bad = 0;
    int32_t status = t->is_text ? convert_text(t, o, &block, &cell, 0, false, &n_bad, err)
                                : convert_fixed(t, o, &block, &cell, 0, row, &n_bad, err);
    if (status == AIP_OK && n_bad > 0) status = add_fault(faults, o, at, slot, record.fault, err);
    aip__free(o->ctx, scratch.bytes);
    return status;
}

static aip__conversion conversion_of(const aip__csv_options *o, const aip_field *field) {
    return (aip__conversion){
        .type = field->type, .scale = field->scale, .zoned = field->zone != NULL, .decimal = o->dialect.decimal};
}

bool aip__csv_needs_cells(const aip__csv_options *o, const aip_field *field) {
    const aip__conversion c = conversion_of(o, field);
    if (field->type == AIP_UTF8 || field->type == AIP_DICTIONARY) return false;
    if (field->type == AIP_BOOL && (o->true_words || o->false_words)) return true;
    for (int32_t k = 0; k < o->n_nulls; k++) {
        char text[3 * 64] = {0};
        size_t n = o->null_lengths[k];
        if (n == 0) continue;
        if (n > 64) return true;
        memcpy(text + 64, o->nulls[k], n);
        uint32_t ends[2] = {UINT32_MAX, (uint32_t)n};
        aip__fields one = {.text = text + 64, .ends = ends + 1, .stride = 1, .n = 1};
        uint64_t value = 0;
        int32_t odd = 0, empty = 0, n_empty = 0;
        if (aip__convert_fields(&c, &one, &value, 0, &odd, &empty, &n_empty) == 0) return true;
    }
    return false;
}

static int32_t convert_part(aip__csv_target *t, const aip__csv_options *o, const aip__conversion *c, const aip__fields *f,
                            int32_t first, int32_t slot, int64_t row, aip__csv_faults *faults, aip_error **err) {
    aip__fields part = aip__fields_part(f, first, PART);
    int32_t odd[PART], empty[PART], n_empty = 0, e = 0;
    int32_t n_odd = aip__convert_fields(c, &part, t->column->values_buffer->data, row + first, odd, empty, &n_empty);
    if (n_empty > 0 && o->empty_is_null) {
        if (!t->validity) t->validity = aip__column_validity_mut(t->column);
        if (!t->validity) return aip__error_memory(o->ctx, err);
        for (; e < n_empty; e++) aip__bit_clear(t->validity, row + first + empty[e]);
    }
    for (int32_t k = 0; k < n_odd || e < n_empty;) { /* in the order of the rows */
        int32_t i = e == n_empty || (k < n_odd && odd[k] < empty[e]) ? odd[k++] : empty[e++];
        AIP__TRY(convert_one(t, o, &part, i, slot, row + first + i, first + i, faults, err));
    }
    return AIP_OK;
}

static bool is_null_text(const void *options, const char *s, size_t n) { return aip__csv_in_nulls(options, s, n); }

int32_t aip__csv_convert_fields(aip__csv_target *t, const aip__csv_options *o, const aip__fields *f, int32_t slot, int64_t row,
                                bool valid, aip__csv_faults *faults, aip_error **err) {
    if (t->is_text && valid) {
        aip__text_rules rules = {.quote = o->dialect.quote,
                                 .empty_is_null = o->empty_is_null,
                                 .quoted_null = o->quoted_null,
                                 .longest_null = o->longest_null,
                                 .null_starts = o->null_starts,
                                 .is_null = is_null_text,
                                 .user = o};
        return t->is_codes ? aip__codes_add_fields(&t->codes, &rules, f, err) : aip__utf8_add_fields(&t->text, &rules, f, err);
    }
    const aip__conversion c = conversion_of(o, t->field);
    if (t->is_text || t->by_cells) {
        for (int32_t i = 0; i < f->n; i++) AIP__TRY(convert_one(t, o, f, i, slot, row + i, i, faults, err));
        return AIP_OK;
    }
    for (int32_t first = 0; first < f->n; first += PART) AIP__TRY(convert_part(t, o, &c, f, first, slot, row, faults, err));
    return AIP_OK;
}

int32_t aip__csv_target_end(aip__csv_target *t, int64_t n_rows, aip__column **out, aip_error **err) {
    if (t->is_text) {
        t->text_begun = false;
        return t->is_codes ? aip__codes_end(&t->codes, out, err) : aip__utf8_end(&t->text, out, err);
    }
    /* The column was made for as many rows as the item has lines; empty lines and comments gave none. */
    aip__column *c = t->column;
    aip__column_shorten(c, n_rows);
    aip__column_publish(c);
    t->column = NULL;
    *out = c;
    return AIP_OK;
}

void aip__csv_target_abandon(aip__csv_target *t) {
    if (t->text_begun && t->is_codes) aip__codes_abandon(&t->codes);
    if (t->text_begun && !t->is_codes) aip__utf8_abandon(&t->text);
    aip__column_free(t->column);
    *t = (aip__csv_target){0};
}
