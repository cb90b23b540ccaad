/* A block of cells to typed columns: one loop per column and type. Numbers were checked by the walk, so their digits need no second look. A text in
 * a column of another type is read as CSV would read it. A cell that does not fit becomes null and marks its row; what then happens to the row
 * is the reader's policy, not decided here. */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/convert.h"
#include <math.h>
#include <string.h>

int32_t aip__json_target_begin(aip__json_target *t, aip_context *ctx, const aip_field *field, int64_t max_rows, size_t bytes,
                               aip_error **err) {
    *t = (aip__json_target){.field = field, .is_text = field->type == AIP_UTF8 || field->type == AIP_DICTIONARY};
    if (t->is_text) {
        AIP__TRY(aip__utf8_begin(&t->text, ctx, AIP_UTF8, max_rows, bytes, err));
        t->text_begun = true;
        return AIP_OK;
    }
    /* Zeroed: bool bits are set one by one, and nulls hold zero. */
    return aip__column_new(ctx, field->type, max_rows, true, &t->column, err);
}

static bool set_null(aip__json_target *t, int64_t row) {
    if (!t->validity) t->validity = aip__column_validity_mut(t->column);
    if (!t->validity) return false;
    aip__bit_clear(t->validity, row);
    return true;
}

static void mark(int32_t *bad, int32_t slot, int64_t *n_bad) {
    ++*n_bad;
    if (*bad < 0) *bad = slot;
}

/* The text of a string cell. False: memory was refused. */
static bool text_of(aip__json_target *t, aip_context *ctx, const aip__json_cell *c, const char **text, size_t *n) {
    *text = c->text;
    *n = c->n;
    if (c->kind != AIP__JSON_ESCAPED) return true;
    if (aip__grow(ctx, &t->scratch, &t->scratch_size, (size_t)c->n + 1, 1) != 0) return false;
    *n = aip__json_unescape(c->text, c->n, t->scratch);
    *text = t->scratch;
    return true;
}

/* An integer of at most 8 digits, checked: pairs, then fours, then all, each step one multiplication. */
static inline uint64_t few_digits(const char *p, size_t n) {
    uint64_t v = 0;
    memcpy(&v, p, 8);
    v = (v - UINT64_C(0x3030303030303030)) << (64 - 8 * n); /* what lies behind the digits goes; zeros lead */
    v = v * 10 + (v >> 8);
    uint64_t low = (v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064);
    uint64_t high = (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001);
    return (low + high) >> 32;
}

static inline bool integer(const aip__json_cell *c, int64_t *out) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    size_t minus = *c->text == '-', n = c->n - minus;
    if (n <= 8) {
        int64_t v = (int64_t)few_digits(c->text + minus, n);
        *out = minus ? -v : v;
        return true;
    }
#endif
    return aip__parse_i64(c->text, c->n, out);
}

static bool real(const aip__json_cell *c, double *out) { return aip__parse_f64(c->text, c->n, '.', out) && isfinite(*out); }

static bool timestamp(const char *s, size_t n, bool zoned, int64_t *out) {
    bool has_zone = false;
    int32_t days = 0;
    if (aip__parse_timestamp(s, n, out, &has_zone)) return has_zone == zoned;
    if (zoned || !aip__parse_date(s, n, &days)) return false;
    *out = (int64_t)days * INT64_C(86400000000); /* a date among timestamps is its midnight */
    return true;
}

/* A cell that is no number, or that the fast loops leave: by the column's type, into row i. 1: done, 0: it does not fit, -1: no memory. */
static int slow_cell(aip__json_target *t, aip_context *ctx, const aip__json_cell *c, int64_t i) {
    const char *s = NULL;
    size_t n = 0;
    void *values = aip__column_values_mut(t->column);
    bool text = c->kind == AIP__JSON_STRING || c->kind == AIP__JSON_ESCAPED;
    bool number = c->kind == AIP__JSON_INTEGER || c->kind == AIP__JSON_REAL;
    bool truth = c->kind == AIP__JSON_TRUE, b = truth;
    double v = 0;
    if (!text_of(t, ctx, c, &s, &n)) return -1;
    switch (t->field->type) {
    case AIP_BOOL:
        if (!(truth || c->kind == AIP__JSON_FALSE || (text && aip__parse_bool(s, n, &b)))) return 0;
        aip__bit_put(values, i, b);
        return 1;
    case AIP_INT32: return (text || number) && aip__parse_i32(s, n, (int32_t *)values + i);
    case AIP_INT64: return (text || number) && aip__parse_i64(s, n, (int64_t *)values + i);
    case AIP_FLOAT32:
    case AIP_FLOAT64:
        if (!(text || number) || !aip__parse_f64(s, n, '.', &v) || (number && !isfinite(v))) return 0;
        if (t->field->type == AIP_FLOAT64)
            ((double *)values)[i] = v;
        else
            ((float *)values)[i] = (float)v;
        return 1;
    case AIP_DATE32: return text && aip__parse_date(s, n, (int32_t *)values + i);
    case AIP_TIMESTAMP: return text && timestamp(s, n, t->field->zone != NULL, (int64_t *)values + i);
    case AIP_DECIMAL64: return (text || number) && aip__parse_decimal(s, n, t->field->scale, (int64_t *)values + i);
    default: return 0;
    }
}

/* The loop of a column whose values are fixed-width: `quick` says whether cell c gave a value, and stored it. */
#define CONVERT(quick)                                           \
    for (int32_t r = 0; r < n; r++) {                            \
        const aip__json_cell *c = &cells[r];                     \
        int64_t i = row + r;                                     \
        if (quick) continue;                                     \
        if (c->kind > AIP__JSON_IS_NULL) {                       \
            int fits = slow_cell(t, ctx, c, i);                  \
            if (fits > 0) continue;                              \
            if (fits < 0) return aip__error_memory(ctx, err);    \
            zero_value(t, i);                                    \
            mark(&bad[r], slot, n_bad);                          \
        }                                                        \
        if (!set_null(t, i)) return aip__error_memory(ctx, err); \
    }

/* What a conversion that failed may have left. */
static void zero_value(aip__json_target *t, int64_t i) {
    size_t width = aip__type_width(t->field->type);
    if (width > 0) memset((char *)aip__column_values_mut(t->column) + (size_t)i * width, 0, width);
}

static int32_t convert_fixed(aip__json_target *t, aip_context *ctx, const aip__json_cell *cells, int32_t n, int32_t slot,
                             int64_t row, int32_t *bad, int64_t *n_bad, aip_error **err) {
    switch (t->field->type) {
    case AIP_INT64: {
        int64_t *values = aip__column_i64_mut(t->column);
        CONVERT(c->kind == AIP__JSON_INTEGER && integer(c, &values[i]))
        return AIP_OK;
    }
    case AIP_FLOAT64: {
        double *values = aip__column_f64_mut(t->column);
        CONVERT((c->kind == AIP__JSON_REAL || c->kind == AIP__JSON_INTEGER) && real(c, &values[i]))
        return AIP_OK;
    }
    case AIP_BOOL: {
        uint8_t *bits = aip__column_bool_mut(t->column);
        CONVERT((c->kind == AIP__JSON_TRUE || c->kind == AIP__JSON_FALSE)
                && (aip__bit_put(bits, i, c->kind == AIP__JSON_TRUE), true))
        return AIP_OK;
    }
    default: CONVERT(false) return AIP_OK;
    }
}

/* Any value is text: a string what it says, all else its JSON. */
static int32_t convert_text(aip__json_target *t, aip_context *ctx, const aip__json_cell *cells, int32_t n, aip_error **err) {
    for (int32_t r = 0; r < n; r++) {
        const aip__json_cell *c = &cells[r];
        const char *s = NULL;
        size_t length = 0;
        if (c->kind <= AIP__JSON_IS_NULL) {
            AIP__TRY(aip__utf8_add_null(&t->text, err));
            continue;
        }
        if (!text_of(t, ctx, c, &s, &length)) return aip__error_memory(ctx, err);
        AIP__TRY(aip__utf8_add(&t->text, s, length, err));
    }
    return AIP_OK;
}

int32_t aip__json_convert(aip__json_target *t, aip_context *ctx, const aip__json_cell *cells, int32_t n, int32_t slot,
                          int64_t row, int32_t *bad, int64_t *n_bad, aip_error **err) {
    if (t->is_text) return convert_text(t, ctx, cells, n, err);
    return convert_fixed(t, ctx, cells, n, slot, row, bad, n_bad, err);
}

int32_t aip__json_target_end(aip__json_target *t, aip_context *ctx, int64_t n_rows, aip__column **out, aip_error **err) {
    aip__free(ctx, t->scratch);
    t->scratch = NULL;
    if (t->is_text) {
        t->text_begun = false;
        if (t->field->type == AIP_UTF8) return aip__utf8_end(&t->text, out, err);
        aip__column *texts = NULL;
        AIP__TRY(aip__utf8_end(&t->text, &texts, err));
        int32_t status = aip__column_encode(texts, out, err);
        aip__column_free(texts);
        return status;
    }
    /* The column was made for as many rows as the item may have. */
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

void aip__json_target_abandon(aip__json_target *t, aip_context *ctx) {
    if (t->text_begun) aip__utf8_abandon(&t->text);
    aip__column_free(t->column);
    aip__free(ctx, t->scratch);
    *t = (aip__json_target){0};
}
