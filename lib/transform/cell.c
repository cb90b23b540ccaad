/* Values as text. */
#include "transform/cell.h"

#include "data/convert.h"
#include <stdio.h>

#define SHOWN 200 /* bytes of a text */

int64_t aip__int_at(const aip__column *c, int64_t i) {
    switch (c->type) {
    case AIP_INT32:
    case AIP_DATE32: return aip__column_i32(c)[i];
    case AIP_BOOL: return aip__bit_get(aip__column_bits(c), i);
    default: return aip__column_i64(c)[i];
    }
}

void aip__int_text(aip__text *t, const aip_field *field, int64_t v) {
    char buffer[64];
    size_t n = 0;
    switch (field->type) {
    case AIP_BOOL: aip__text_str(t, v ? "true" : "false"); return;
    case AIP_DATE32: n = aip__format_date(buffer, (int32_t)v); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(buffer, v, field->zone != NULL); break;
    case AIP_DECIMAL64: n = aip__format_decimal(buffer, v, field->scale); break;
    default: n = aip__format_i64(buffer, v); break;
    }
    aip__text_add(t, buffer, n);
}

void aip__cell_text(aip__text *t, const aip_field *field, const aip__column *c, int64_t i) {
    size_t n = 0;
    char buffer[64];
    if (!aip__valid(c->validity, i)) {
        aip__text_str(t, "null");
    } else if (c->type == AIP_UTF8 || c->type == AIP_DICTIONARY || c->type == AIP_BINARY) {
        const char *text = aip__column_text(c, i, &n);
        aip__text_add(t, text, n < SHOWN ? n : SHOWN);
    } else if (c->type == AIP_FLOAT64 || c->type == AIP_FLOAT32) {
        n = aip__format_f64(buffer, c->type == AIP_FLOAT64 ? aip__column_f64(c)[i] : (double)aip__column_f32(c)[i]);
        aip__text_add(t, buffer, n);
    } else {
        aip__int_text(t, field, aip__int_at(c, i));
    }
}

aip__row_text aip__row_name(const aip_batch *batch, int64_t i) {
    aip__row_text t;
    if (batch->ordinal >= 0)
        snprintf(t.text, sizeof t.text, "row %lld (from 0)", (long long)(batch->ordinal + i));
    else
        snprintf(t.text, sizeof t.text, "row %lld of a batch", (long long)i);
    return t;
}

int32_t aip__bad_cell(const aip_batch *batch, int32_t column, int64_t row, const char *what, const char *why, aip_error **err) {
    const aip_field *field = &batch->schema->fields[column];
    aip__text cell;
    aip__text_init(&cell, batch->ctx);
    aip__cell_text(&cell, field, batch->columns[column], row);
    int32_t status = aip__error_set(err, AIP_E_DATA, "column '%s', %s: %s'%s' %s", field->name, aip__row_name(batch, row).text,
                                    what, cell.bytes && !cell.failed ? cell.bytes : "", why);
    aip__error_at_data_column(err, field->name);
    aip__text_free(&cell);
    return status;
}
