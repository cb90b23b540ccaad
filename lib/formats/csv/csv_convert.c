/* A block of cells to typed columns: one tight loop per column and type. A cell that does not parse becomes null and marks its row with the
 * first column that failed; what then happens to the row is the reader's policy, not decided here. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include "data/utf8.h"
#include <string.h>

int32_t aip__csv_target_begin(aip__csv_target *t, aip_context *ctx, const aip_field *field, int64_t max_rows, size_t bytes,
                              aip_error **err) {
    *t = (aip__csv_target){.field = field, .is_text = field->type == AIP_UTF8};
    if (t->is_text) {
        AIP__TRY(aip__utf8_begin(&t->text, ctx, AIP_UTF8, max_rows, bytes, err));
        t->text_begun = true;
        return AIP_OK;
    }
    /* Zeroed: bool bits are set one by one, and nulls hold zero. */
    return aip__column_new(ctx, field->type, max_rows, true, &t->column, err);
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

static bool parse_timestamp(const aip__csv_cell *c, bool zoned, int64_t *out) {
    bool has_zone = false;
    int32_t days = 0;
    if (aip__parse_timestamp(c->text, c->n, out, &has_zone)) return has_zone == zoned;
    if (zoned || !aip__parse_date(c->text, c->n, &days)) return false;
    *out = (int64_t)days * INT64_C(86400000000); /* a date among timestamps is its midnight */
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

static int32_t convert_fixed(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, const aip__csv_cell *cells,
                             int32_t slot, int64_t row, int64_t *n_bad, aip_error **err) {
    char decimal = o->dialect.decimal;
    switch (t->field->type) {
    case AIP_BOOL: {
        uint8_t *bits = aip__column_bool_mut(t->column);
        bool v = false;
        CONVERT(aip__parse_bool(c->text, c->n, &v) && (aip__bit_put(bits, i, v), true))
        return AIP_OK;
    }
    case AIP_INT32: {
        int32_t *values = aip__column_i32_mut(t->column);
        CONVERT(aip__parse_i32(c->text, c->n, &values[i]))
        return AIP_OK;
    }
    case AIP_INT64: {
        int64_t *values = aip__column_i64_mut(t->column);
        CONVERT(aip__parse_i64(c->text, c->n, &values[i]))
        return AIP_OK;
    }
    case AIP_FLOAT32: {
        float *values = aip__column_values_mut(t->column);
        double v = 0;
        CONVERT(aip__parse_f64(c->text, c->n, decimal, &v) && (values[i] = (float)v, true))
        return AIP_OK;
    }
    case AIP_FLOAT64: {
        double *values = aip__column_f64_mut(t->column);
        CONVERT(aip__parse_f64(c->text, c->n, decimal, &values[i]))
        return AIP_OK;
    }
    case AIP_DATE32: {
        int32_t *values = aip__column_i32_mut(t->column);
        CONVERT(aip__parse_date(c->text, c->n, &values[i]))
        return AIP_OK;
    }
    case AIP_TIMESTAMP: {
        int64_t *values = aip__column_i64_mut(t->column);
        bool zoned = t->field->zone != NULL;
        CONVERT(parse_timestamp(c, zoned, &values[i]))
        return AIP_OK;
    }
    case AIP_DECIMAL64: {
        int64_t *values = aip__column_i64_mut(t->column);
        CONVERT(aip__parse_decimal(c->text, c->n, t->field->scale, &values[i]))
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
            bool valid = aip__utf8_valid(c->text, c->n), nul = c->n > 0 && memchr(c->text, 0, c->n);
            null = !valid || nul;
            if (null) mark(&block->rows[r], nul ? AIP__ROW_NUL : AIP__ROW_UTF8, slot, n_bad);
        }
        if (null)
            AIP__TRY(aip__utf8_add_null(&t->text, err));
        else
            AIP__TRY(aip__utf8_add(&t->text, c->text, c->n, err));
    }
    return AIP_OK;
}

int32_t aip__csv_convert(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, int32_t slot, int64_t row,
                         bool plain, int64_t *n_bad, aip_error **err) {
    const aip__csv_cell *cells = block->cells + (size_t)slot * (size_t)block->max_rows;
    if (t->is_text) return convert_text(t, o, block, cells, slot, plain, n_bad, err);
    return convert_fixed(t, o, block, cells, slot, row, n_bad, err);
}

int32_t aip__csv_target_end(aip__csv_target *t, int64_t n_rows, aip__column **out, aip_error **err) {
    if (t->is_text) {
        t->text_begun = false;
        return aip__utf8_end(&t->text, out, err);
    }
    /* The column was made for as many rows as the item has lines; empty lines and comments gave none. */
    aip__column *c = t->column;
    size_t width = aip__type_width(c->type), values = width ? (size_t)n_rows * width : aip__bitmap_bytes(n_rows);
    if (n_rows < c->length) {
        c->length = n_rows;
        aip__buffer_resize(&c->values_buffer, values); /* shrinks: cannot fail */
        if (c->validity_buffer) {
            aip__buffer_resize(&c->validity_buffer, aip__bitmap_bytes(n_rows));
            if (n_rows & 7) t->validity[n_rows >> 3] = (uint8_t)(t->validity[n_rows >> 3] & ((1u << (n_rows & 7)) - 1));
        }
    }
    aip__column_publish(c);
    t->column = NULL;
    *out = c;
    return AIP_OK;
}

void aip__csv_target_abandon(aip__csv_target *t) {
    if (t->text_begun) aip__utf8_abandon(&t->text);
    aip__column_free(t->column);
    *t = (aip__csv_target){0};
}
