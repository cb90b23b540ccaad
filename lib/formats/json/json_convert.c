/* A block of cells to typed columns, by the converters of text fields (data/convert_column.h) and one by one what they leave. A text in
 * a column of another type is read as CSV would read it. A cell that does not fit becomes null and marks its row; what then happens to the row
 * is the reader's policy, not decided here. */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/convert_column.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define PART 1024 /* cells whose oddities are listed together */

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

/* The text of a string cell. False: memory was refused. */
static bool text_of(aip__json_target *t, aip_context *ctx, const aip__json_cell *c, const char **text, size_t *n) {
    *text = c->text;
    *n = c->n;
    if (c->kind != AIP__JSON_ESCAPED) return true;
    if (aip__grow(ctx, &t->scratch, &t->scratch_size, c->n + AIP__JSON_UNESCAPE_ROOM, 1) != 0) return false;
    *n = aip__json_unescape(c->text, c->n, t->scratch);
    *text = t->scratch;
    return true;
}

/* A cell that the converters of columns leave: by the column's type, into row i. 1: done, 0: it does not fit, -1: no memory. */
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
        if (!(text || number) || !aip__parse_f64(s, n, '.', &v)) return 0;
        if (t->field->type == AIP_FLOAT32) v = (double)(float)v;
        if (number && !isfinite(v)) return 0;
        if (t->field->type == AIP_FLOAT64)
            ((double *)values)[i] = v;
        else
            ((float *)values)[i] = (float)v;
        return 1;
    case AIP_DATE32: return text && aip__parse_date(s, n, (int32_t *)values + i);
    case AIP_TIMESTAMP: return text && aip__parse_timestamp_as(s, n, t->field->zone != NULL, (int64_t *)values + i);
    case AIP_DECIMAL64: return (text || number) && aip__parse_decimal(s, n, t->field->scale, (int64_t *)values + i);
    default: return 0;
    }
}

/* What a conversion that failed may have left. */
static void zero_value(aip__json_target *t, int64_t i) {
    size_t width = aip__type_width(t->field->type);
    if (width > 0) memset((char *)aip__column_values_mut(t->column) + (size_t)i * width, 0, width);
}

typedef struct marks { /* where cells do not fit */
    int32_t *bad, slot;
    int64_t *n_bad;
} marks;

/* Row r of the block, i of the column: null, or what the converters left over. */
static int32_t convert_one(aip__json_target *t, const aip__json_walker *w, int32_t r, int64_t i, const marks *m,
                           aip_error **err) {
    aip__json_cell c = aip__json_cell_at(w, m->slot, r);
    if (c.kind > AIP__JSON_IS_NULL) {
        int fits = slow_cell(t, w->ctx, &c, i);
        if (fits > 0) return AIP_OK;
        if (fits < 0) return aip__error_memory(w->ctx, err);
        zero_value(t, i);
        ++*m->n_bad;
        if (m->bad[r] < 0) m->bad[r] = m->slot;
    }
    return set_null(t, i) ? AIP_OK : aip__error_memory(w->ctx, err);
}

/* A number past the type's range became an infinity. */
static bool any_infinite(const aip__json_target *t, int64_t row, int32_t n) {
    bool any = false;
    if (t->field->type == AIP_FLOAT64) {
        const double *v = (const double *)aip__column_values_mut(t->column) + row;
        for (int32_t i = 0; i < n; i++) any |= !(fabs(v[i]) <= DBL_MAX);
    } else if (t->field->type == AIP_FLOAT32) {
        const float *v = (const float *)aip__column_values_mut(t->column) + row;
        for (int32_t i = 0; i < n; i++) any |= !(fabsf(v[i]) <= FLT_MAX);
    }
    return any;
}

static bool is_infinite(const aip__json_target *t, int64_t i) {
    const void *values = aip__column_values_mut(t->column);
    return t->field->type == AIP_FLOAT64 ? !isfinite(((const double *)values)[i]) : !isfinite((double)((const float *)values)[i]);
}

/* Which of eight kinds have none of these bits: bit i of the i-th. */
static inline uint32_t eight_without(uint64_t kinds, uint8_t bits) {
    uint64_t v = kinds & UINT64_C(0x0101010101010101) * bits; /* each is below 128 */
    v = ~(v + UINT64_C(0x7f7f7f7f7f7f7f7f)) & UINT64_C(0x8080808080808080);
    return (uint32_t)((v >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

static inline void put_eight(uint8_t *bits, int64_t at, uint32_t eight) {
    uint32_t v = eight << (at & 7);
    bits[at >> 3] = (uint8_t)(bits[at >> 3] | v);
    if (v > 0xff) bits[(at >> 3) + 1] = (uint8_t)(bits[(at >> 3) + 1] | v >> 8);
}

/* Words of JSON are known by their kinds; rows are those of convert_part. */
static int32_t convert_words(aip__json_target *t, const aip__json_walker *w, int32_t first, int32_t n, int64_t row,
                             const marks *m, aip_error **err) {
    _Static_assert(AIP__JSON_TRUE == 2 && AIP__JSON_FALSE == 3 && AIP__JSON_ARRAY < 16, "the bits that tell them");
    const uint8_t *kinds = w->cells[m->slot].kinds + first;
    for (int32_t i = 0; i < n; i += 8) {
        uint64_t eight = 0;
        for (int32_t k = 0; k < 8 && i + k < n; k++) eight |= (uint64_t)kinds[i + k] << (8 * k);
        uint32_t here = n - i >= 8 ? 0xff : (1u << (n - i)) - 1;
        uint32_t words = eight_without(eight, 12) & ~eight_without(eight, 14), yes = words & eight_without(eight, 1);
        put_eight(t->column->values_buffer->data, row + first + i, yes & here);
        for (uint32_t rest = ~words & here; rest != 0; rest &= rest - 1) {
            int32_t r = first + i + (int32_t)__builtin_ctz(rest);
            AIP__TRY(convert_one(t, w, r, row + r, m, err));
        }
    }
    return AIP_OK;
}

/* Rows first .. first + n of the block, at most PART. */
static int32_t convert_part(aip__json_target *t, const aip__json_walker *w, int32_t first, int32_t n, int64_t row, const marks *m,
                            aip_error **err) {
    int32_t odd[PART], empty[PART], n_empty = 0;
    aip__conversion c = {.type = t->field->type, .scale = t->field->scale, .zoned = t->field->zone != NULL, .decimal = '.'};
    aip__fields f = {.text = w->text, .ends = w->cells[m->slot].bounds + 2 * (size_t)first + 1, .stride = 2, .n = n};
    int32_t n_odd = aip__convert_fields(&c, &f, aip__column_values_mut(t->column), row + first, odd, empty, &n_empty);
    for (int32_t k = 0; k < n_empty; k++) AIP__TRY(convert_one(t, w, first + empty[k], row + first + empty[k], m, err));
    if (any_infinite(t, row + first, n)) {
        for (int32_t r = first; r < first + n; r++)
            if (is_infinite(t, row + r)) AIP__TRY(convert_one(t, w, r, row + r, m, err));
    }
    for (int32_t k = 0; k < n_odd; k++) AIP__TRY(convert_one(t, w, first + odd[k], row + first + odd[k], m, err));
    return AIP_OK;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------------------------ */

#define STEP AIP__JSON_SLACK /* bytes that are copied together: a copy writes less than this past its end */

static inline size_t put_text(char *to, const char *s, size_t n, bool escaped) {
    if (escaped) return aip__json_unescape(s, n, to);
    memcpy(to, s, STEP);
    for (size_t i = STEP; i < n; i += STEP) memcpy(to + i, s + i, STEP);
    return n;
}

/* Any value is text: a string what it says, all else its JSON. */
static int32_t add_texts(aip__utf8_builder *b, const aip__json_walker *w, int32_t slot, int32_t first, int32_t n,
                         aip_error **err) {
    const uint32_t *bounds = w->cells[slot].bounds + 2 * (size_t)first;
    const uint8_t *kinds = w->cells[slot].kinds + first;
    int32_t nulls[PART], n_nulls = 0;
    size_t total = 0;
    for (int32_t i = 0; i < n; i++) total += bounds[2 * i + 1] - (bounds[2 * i] + 1);
    if (total + b->bytes->size > INT32_MAX)
        return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes of text in one column of a batch");
    AIP__TRY(aip__utf8_reserve(b, n, total + STEP, err));
    int32_t *offsets = (int32_t *)(void *)b->offsets->data + b->length + 1;
    char *bytes = (char *)b->bytes->data;
    size_t at = b->bytes->size;
    for (int32_t i = 0; i < n; i++) {
        uint32_t start = bounds[2 * i] + 1;
        at += put_text(bytes + at, w->text + start, bounds[2 * i + 1] - start, kinds[i] == AIP__JSON_ESCAPED);
        nulls[n_nulls] = i;
        n_nulls += kinds[i] <= AIP__JSON_IS_NULL;
        offsets[i] = (int32_t)at;
    }
    b->bytes->size = at;
    return aip__utf8_added(b, n, nulls, n_nulls, err);
}

int32_t aip__json_convert(aip__json_target *t, const aip__json_walker *w, int32_t slot, int64_t row, int32_t *bad, int64_t *n_bad,
                          aip_error **err) {
    marks m = {.slot = slot};
    m.bad = bad, m.n_bad = n_bad;
    for (int32_t first = 0; first < w->n_rows; first += PART) {
        int32_t n = w->n_rows - first < PART ? w->n_rows - first : PART;
        if (t->is_text)
            AIP__TRY(add_texts(&t->text, w, slot, first, n, err));
        else if (t->field->type == AIP_BOOL)
            AIP__TRY(convert_words(t, w, first, n, row, &m, err));
        else
            AIP__TRY(convert_part(t, w, first, n, row, &m, err));
    }
    return AIP_OK;
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
