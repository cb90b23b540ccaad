/* Imported values of a fixed width. What lies as our columns do is shared with the producer; the rest is widened or converted, all rows at once
 * where that goes well (arrow_kernels.c), else row by row, which leaves nulls out and names the row that does not fit. */
#include "base/checked.h"
#include "data/arrow_inside.h"

#define MILLIS_PER_DAY INT64_C(86400000)

typedef aip__arrow_input input;

int32_t aip__arrow_finish(const input *in, aip__column *c, int32_t status, aip__column **out, aip_error **err) {
    uint8_t *validity = status == AIP_OK && in->validity ? aip__column_validity_mut(c) : NULL;
    if (status == AIP_OK && in->validity && !validity) status = aip__error_memory(c->ctx, err);
    if (status != AIP_OK) {
        aip__column_free(c);
        return status;
    }
    if (validity) aip__bitmap_copy(validity, in->validity, in->start, in->n);
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

/* ---- sharing --------------------------------------------------------------------------------------------------------------------- */

static void release_share(void *owner) { aip__arrow_rows_free(owner); }

aip__buffer *aip__arrow_share_bytes(const input *in, const void *bytes, size_t n) {
    aip__arrow_rows *owner = aip__arrow_rows_retain((aip__arrow_rows *)(uintptr_t)in->rows);
    aip__buffer *b = aip__buffer_wrap(in->rows->ctx, (void *)(uintptr_t)bytes, n, release_share, owner);
    if (!b) aip__arrow_rows_free(owner);
    return b;
}

int32_t aip__arrow_share_values(const input *in, int32_t type, const uint8_t *from, size_t n, aip__column **out,
                                aip_error **err) {
    aip__column *c = aip__column_blank(in->rows->ctx, type, in->n);
    if (c) c->values_buffer = aip__arrow_share_bytes(in, from, n);
    bool made = c && c->values_buffer;
    if (made && in->validity) {
        uint8_t *validity = aip__column_validity_mut(c);
        made = validity != NULL;
        if (made) aip__bitmap_copy(validity, in->validity, in->start, in->n);
        if (made) c->null_count = in->n - aip__bitmap_count(validity, in->n);
    }
    if (!made) {
        aip__column_free(c);
        return aip__error_memory(in->rows->ctx, err);
    }
    c->values = from;
    *out = c;
    return AIP_OK;
}

/* Rows of a width that is ours (4 or 8 bytes). */
static int32_t same_width(const input *in, int32_t type, aip__column **out, aip_error **err) {
    size_t width = aip__type_width(type);
    const uint8_t *from = aip__arrow_values(in, width);
    if (in->n > 0 && aip__arrow_aligned(from, width) && aip__arrow_zero_at_nulls(from, width, in->validity, in->start, in->n))
        return aip__arrow_share_values(in, type, from, (size_t)in->n * width, out, err);
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, type, in->n, false, &c, err));
    if (in->n > 0) memcpy(aip__column_values_mut(c), from, (size_t)in->n * width);
    return aip__arrow_finish(in, c, AIP_OK, out, err);
}

/* ---- widening -------------------------------------------------------------------------------------------------------------------- */

static int32_t widened(const input *in, size_t width, void (*widen)(const uint8_t *, int64_t, void *), aip__column **out,
                       aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, in->type->type, in->n, false, &c, err));
    if (in->n > 0) widen(aip__arrow_values(in, width), in->n, aip__column_values_mut(c));
    return aip__arrow_finish(in, c, AIP_OK, out, err);
}

static int32_t booleans(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_BOOL, in->n, true, &c, err));
    if (in->n > 0) aip__bitmap_copy(aip__column_bool_mut(c), aip__arrow_buffer(in, 1), in->start, in->n);
    return aip__arrow_finish(in, c, AIP_OK, out, err);
}

/* ---- converting ------------------------------------------------------------------------------------------------------------------ */

/* One 8-byte value as what our type stores; a text on what is wrong. */
static const char *convert_i64(const aip__arrow_type *t, int64_t v, int64_t *out) {
    if (t->layout == ARROW_U64) {
        if (v < 0) return "a uint64 past 9223372036854775807";
    } else if (t->days_in_millis) {
        if (v % MILLIS_PER_DAY != 0) return "a date64 that is not a whole day";
        v /= MILLIS_PER_DAY;
        if (v < INT32_MIN || v > INT32_MAX) return "a date64 out of date32's range";
    } else if (t->unit == 0) {
        if (v % 1000 != 0) return "a timestamp with nanoseconds: expected whole microseconds";
        v /= 1000;
    } else if (aip__mul_i64(v, t->unit, &v)) {
        return "a timestamp out of the range of microseconds";
    }
    *out = v;
    return NULL;
}

/* Value by value; nulls, which stay 0, are left out. */
static int32_t convert_rows(const input *in, aip__column *c, aip_error **err) {
    bool days = c->type == AIP_DATE32;
    for (int64_t i = 0; i < in->n; i++) {
        int64_t v = 0;
        if (aip__arrow_valid(in, i)) {
            memcpy(&v, aip__arrow_values(in, 8) + (size_t)i * 8, 8);
            const char *wrong = convert_i64(in->type, v, &v);
            if (wrong) return aip__arrow_bad_value(in, i, wrong, err);
        }
        if (days)
            aip__column_i32_mut(c)[i] = (int32_t)v;
        else
            aip__column_i64_mut(c)[i] = v;
    }
    return AIP_OK;
}

/* date64 and timestamps that are not in microseconds. */
static int32_t converted(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, in->type->type, in->n, false, &c, err));
    const uint8_t *from = aip__arrow_values(in, 8);
    bool done = false;
    if (c->type == AIP_TIMESTAMP && in->n > 0)
        done = in->type->unit == 0 ? aip__arrow_by_thousand(from, in->n, aip__column_i64_mut(c))
                                   : aip__arrow_times(from, in->n, in->type->unit, aip__column_i64_mut(c));
    return aip__arrow_finish(in, c, done ? AIP_OK : convert_rows(in, c, err), out, err);
}

static int32_t unsigned_64(const input *in, aip__column **out, aip_error **err) {
    if (aip__arrow_no_sign(aip__arrow_values(in, 8), in->n)) return same_width(in, AIP_INT64, out, err);
    return converted(in, out, err);
}

static int32_t decimal_rows(const input *in, aip__column *c, aip_error **err) {
    size_t width = (size_t)in->type->width;
    for (int64_t i = 0; i < in->n; i++) {
        int32_t narrow = 0;
        int64_t low = 0, high = 0;
        if (aip__arrow_valid(in, i)) {
            const uint8_t *p = aip__arrow_values(in, width) + (size_t)i * width;
            if (width == 4) {
                memcpy(&narrow, p, 4);
                low = narrow;
            } else {
                memcpy(&low, p, 8);
            }
            high = low < 0 ? -1 : 0;
            if (width == 16) memcpy(&high, p + 8, 8);
            if (high != (low < 0 ? -1 : 0)) return aip__arrow_bad_value(in, i, "a decimal that does not fit 64 bits", err);
        }
        aip__column_i64_mut(c)[i] = low;
    }
    return AIP_OK;
}

static int32_t decimals(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_DECIMAL64, in->n, false, &c, err));
    bool done = in->type->width == 16 && aip__arrow_low_halves(aip__arrow_values(in, 16), in->n, aip__column_i64_mut(c));
    return aip__arrow_finish(in, c, done ? AIP_OK : decimal_rows(in, c, err), out, err);
}

int32_t aip__arrow_import_values(const input *in, aip__column **out, aip_error **err) {
    const aip__arrow_type *t = in->type;
    switch (t->layout) {
    case ARROW_BOOL: return booleans(in, out, err);
    case ARROW_I8: return widened(in, 1, aip__arrow_widen_i8, out, err);
    case ARROW_U8: return widened(in, 1, aip__arrow_widen_u8, out, err);
    case ARROW_I16: return widened(in, 2, aip__arrow_widen_i16, out, err);
    case ARROW_U16: return widened(in, 2, aip__arrow_widen_u16, out, err);
    case ARROW_U32: return widened(in, 4, aip__arrow_widen_u32, out, err);
    case ARROW_F16: return widened(in, 2, aip__arrow_widen_half, out, err);
    case ARROW_I64: return t->type == AIP_INT64 || t->unit == 1 ? same_width(in, t->type, out, err) : converted(in, out, err);
    case ARROW_U64: return unsigned_64(in, out, err);
    case ARROW_DECIMAL: return decimals(in, out, err);
    default: return same_width(in, t->type, out, err);
    }
}
