/* Arrow arrays into columns: an array is taken over and checked once, then cut into batches of rows, column by column by its layout. Reads
 * go through memcpy, so that no buffer needs to be aligned. */
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "data/arrow.h"
#include "data/arrow_type.h"
#include "data/dictionary.h"

#define MILLIS_PER_DAY INT64_C(86400000)

struct aip__arrow_words {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip__column *texts; /* distinct, without nulls */
    int32_t *codes;     /* the code in `texts` for each code of the producer's; -1: null */
    int64_t n_codes;
    bool same_codes; /* each is the producer's own */
};

aip__arrow_words *aip__arrow_words_retain(aip__arrow_words *w) {
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return w;
}

void aip__arrow_words_free(aip__arrow_words *w) {
    if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = w->ctx;
    aip__column_free(w->texts);
    aip__free(ctx, w->codes);
    aip__free(ctx, w);
    aip__context_release(ctx);
}

struct aip__arrow_rows {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *schema;
    struct ArrowArray array;
    int64_t first_row;        /* its number in messages */
    aip__arrow_type *types;   /* for each column */
    aip__arrow_words **words; /* of each column that has a dictionary */
};

aip__arrow_rows *aip__arrow_rows_retain(aip__arrow_rows *r) {
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void aip__arrow_rows_free(aip__arrow_rows *r) {
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = r->ctx;
    for (int32_t i = 0; r->words && i < r->schema->n; i++) aip__arrow_words_free(r->words[i]);
    r->array.release(&r->array);
    aip__free(ctx, r->words);
    aip__free(ctx, r->types);
    aip_schema_free(r->schema);
    aip__free(ctx, r);
    aip__context_release(ctx);
}

static void release_share(void *owner) { aip__arrow_rows_free(owner); }

int64_t aip__arrow_rows_count(const aip__arrow_rows *r) { return r->array.length; }

/* Rows [start, start + n) of an array, start counted from the beginning of its buffers. */
typedef struct input {
    const aip__arrow_rows *rows;
    const struct ArrowArray *array;
    const aip__arrow_type *type;
    const aip_field *field;
    const uint8_t *validity; /* NULL: no nulls among the rows */
    int64_t start, n;
    int64_t first; /* number of the first row in messages */
} input;

static bool valid_at(const input *in, int64_t i) { return aip__valid(in->validity, in->start + i); }
static const uint8_t *buffer(const input *in, int i) { return in->array->buffers[i]; }

/* ---- checks ---------------------------------------------------------------------------------------------------------------------- */

static int32_t bad_structure(const char *column, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_MISUSE, "column '%s': an ArrowArray %s", column, what);
    aip__error_at_data_column(err, column);
    return AIP_E_MISUSE;
}

static bool fits_buffers(const struct ArrowArray *a, aip__arrow_layout layout) {
    switch (layout) {
    case ARROW_NULL: return a->n_buffers <= 1;
    case ARROW_TEXT32:
    case ARROW_TEXT64: return a->n_buffers == 3;
    case ARROW_VIEW: return a->n_buffers >= 3; /* validity, views, data buffers, sizes of the data buffers */
    default: return a->n_buffers == 2;
    }
}

/* The structure of one column with rows [first, first + n) in use. */
static int32_t check_array(const struct ArrowArray *a, aip__arrow_layout layout, int64_t first, int64_t n, const char *column,
                           aip_error **err) {
    int64_t end = 0;
    if (!a || !a->release) return bad_structure(column, "is NULL or released", err);
    if (a->length < 0 || a->offset < 0 || aip__add_i64(a->length, a->offset, &end) || end == INT64_MAX)
        return bad_structure(column, "has a negative or overflowing length or offset", err);
    if (a->length < first || a->length - first < n)
        return bad_structure(column, "is shorter than the struct that it lies in", err);
    if (a->n_buffers < 0 || !fits_buffers(a, layout) || (a->n_buffers > 0 && !a->buffers))
        return bad_structure(column, "has another number of buffers than its type", err);
    if (a->n_children != 0) return bad_structure(column, "has children", err);
    if (layout == ARROW_NULL || n == 0) return AIP_OK;
    if (!a->buffers[1]) return bad_structure(column, "has rows but no values", err);
    if (a->null_count > 0 && !a->buffers[0]) return bad_structure(column, "has nulls but no validity bitmap", err);
    if (layout == ARROW_VIEW && a->n_buffers > 3 && !a->buffers[a->n_buffers - 1])
        return bad_structure(column, "has views without sizes of their buffers", err);
    return AIP_OK;
}

static int32_t check_struct(const struct ArrowArray *a, int32_t n_columns, aip_error **err) {
    int64_t end = 0;
    if (a->length < 0 || a->offset < 0 || aip__add_i64(a->length, a->offset, &end))
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray with a negative or overflowing length or offset");
    if (a->n_children != n_columns || (n_columns > 0 && !a->children))
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray with %lld columns for a schema of %d", (long long)a->n_children,
                              (int)n_columns);
    if (a->n_buffers < 0 || a->n_buffers > 1 || (a->n_buffers == 1 && !a->buffers) || a->dictionary)
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray of structs with %lld buffers: expected 1",
                              (long long)a->n_buffers);
    const uint8_t *validity = a->n_buffers == 1 ? a->buffers[0] : NULL;
    if (validity && a->null_count != 0 && aip__bitmap_count_range(validity, a->offset, a->length) < a->length)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "an ArrowArray of structs in which whole rows are null");
    return AIP_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------- */

static int32_t bad_value(const input *in, int64_t i, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_DATA, "column '%s', row %lld: %s", in->field->name, (long long)(in->first + i), what);
    aip__error_at_data_column(err, in->field->name);
    return AIP_E_DATA;
}

/* Ends a column being made: gives it its nulls and publishes it, or frees it when something went wrong. */
static int32_t finish(const input *in, aip__column *c, int32_t status, aip__column **out, aip_error **err) {
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

/* ---- sharing: columns over the producer's memory, which is never written to ------------------------------------------------------------- */

static aip__buffer *share_bytes(const input *in, const void *bytes, size_t n) {
    aip__arrow_rows *owner = aip__arrow_rows_retain((aip__arrow_rows *)(uintptr_t)in->rows);
    aip__buffer *b = aip__buffer_wrap(in->rows->ctx, (void *)(uintptr_t)bytes, n, release_share, owner);
    if (!b) aip__arrow_rows_free(owner);
    return b;
}

/* A column over n bytes of the producer's; the bitmap alone is copied. */
static int32_t share_values(const input *in, int32_t type, const uint8_t *from, size_t n, aip__column **out, aip_error **err) {
    aip__column *c = aip__column_blank(in->rows->ctx, type, in->n);
    if (c) c->values_buffer = share_bytes(in, from, n);
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

static bool aligned(const void *p, size_t width) { return (uintptr_t)p % width == 0; }

/* Whether values of 4 or 8 bytes are zero at nulls, as column.h wants them. */
static bool zero_at_nulls(const input *in, const uint8_t *from, size_t width) {
    static const uint8_t zero[8] = {0};
    for (int64_t i = 0; in->validity && i < in->n; i++)
        if (!valid_at(in, i) && memcmp(from + (size_t)i * width, zero, width) != 0) return false;
    return true;
}

/* Rows of a width that is ours (4 or 8 bytes). */
static int32_t same_width(const input *in, int32_t type, aip__column **out, aip_error **err) {
    size_t width = aip__type_width(type);
    const uint8_t *from = in->n > 0 ? buffer(in, 1) + (size_t)in->start * width : NULL;
    if (in->n > 0 && aligned(from, width) && zero_at_nulls(in, from, width))
        return share_values(in, type, from, (size_t)in->n * width, out, err);
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, type, in->n, false, &c, err));
    if (in->n > 0) memcpy(aip__column_values_mut(c), from, (size_t)in->n * width);
    return finish(in, c, AIP_OK, out, err);
}

#define WIDEN(FROM, TO)                                                  \
    static void widen_##FROM(const uint8_t *from, int64_t n, void *to) { \
        for (int64_t i = 0; i < n; i++) {                                \
            FROM v = 0;                                                  \
            memcpy(&v, from + (size_t)i * sizeof v, sizeof v);           \
            ((TO *)to)[i] = (TO)v;                                       \
        }                                                                \
    }
WIDEN(int8_t, int32_t)
WIDEN(uint8_t, int32_t)
WIDEN(int16_t, int32_t)
WIDEN(uint16_t, int32_t)
WIDEN(uint32_t, int64_t)

/* IEEE 754 binary16: 5 bits of exponent, 10 of fraction. */
static float float_from_half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff, bits = 0;
    if (exponent == 0) {
        float v = (float)fraction * 0x1p-24f;
        return sign ? -v : v;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    float v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void widen_half(const uint8_t *from, int64_t n, void *to) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = 0;
        memcpy(&h, from + (size_t)i * 2, 2);
        ((float *)to)[i] = float_from_half(h);
    }
}

static int32_t widened(const input *in, size_t width, void (*widen)(const uint8_t *, int64_t, void *), aip__column **out,
                       aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, in->type->type, in->n, false, &c, err));
    if (in->n > 0) widen(buffer(in, 1) + (size_t)in->start * width, in->n, aip__column_values_mut(c));
    return finish(in, c, AIP_OK, out, err);
}

static int32_t booleans(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_BOOL, in->n, true, &c, err));
    if (in->n > 0) aip__bitmap_copy(aip__column_bool_mut(c), buffer(in, 1), in->start, in->n);
    return finish(in, c, AIP_OK, out, err);
}

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

/* uint64, date64 and timestamps that are not in microseconds: value by value, nulls left out. */
static int32_t converted(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, in->type->type, in->n, true, &c, err));
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < in->n && status == AIP_OK; i++) {
        int64_t v = 0;
        if (!valid_at(in, i)) continue;
        memcpy(&v, buffer(in, 1) + (size_t)(in->start + i) * 8, 8);
        const char *wrong = convert_i64(in->type, v, &v);
        if (wrong)
            status = bad_value(in, i, wrong, err);
        else if (c->type == AIP_DATE32)
            aip__column_i32_mut(c)[i] = (int32_t)v;
        else
            aip__column_i64_mut(c)[i] = v;
    }
    return finish(in, c, status, out, err);
}

static int32_t decimals(const input *in, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_DECIMAL64, in->n, true, &c, err));
    size_t width = (size_t)in->type->width;
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < in->n && status == AIP_OK; i++) {
        if (!valid_at(in, i)) continue;
        const uint8_t *p = buffer(in, 1) + (size_t)(in->start + i) * width;
        int32_t narrow = 0;
        int64_t low = 0, high = 0;
        if (width == 4) {
            memcpy(&narrow, p, 4);
            low = narrow;
        } else {
            memcpy(&low, p, 8);
        }
        high = low < 0 ? -1 : 0;
        if (width == 16) memcpy(&high, p + 8, 8);
        if (high != (low < 0 ? -1 : 0)) status = bad_value(in, i, "a decimal that does not fit 64 bits", err);
        aip__column_i64_mut(c)[i] = low;
    }
    return finish(in, c, status, out, err);
}

/* ---- texts ---------------------------------------------------------------------------------------------------------------------- */

static int64_t offset_at(const uint8_t *offsets, size_t width, int64_t i) {
    int32_t narrow = 0;
    int64_t v = 0;
    if (width == 8) {
        memcpy(&v, offsets + (size_t)i * 8, 8);
        return v;
    }
    memcpy(&narrow, offsets + (size_t)i * 4, 4);
    return narrow;
}

/* Holds that offsets rise; says where the texts begin, and whether those of nulls are empty. */
static int32_t check_offsets(const input *in, const uint8_t *from, size_t width, int64_t *first, bool *empty_nulls,
                             aip_error **err) {
    int64_t last = *first = offset_at(from, width, 0);
    *empty_nulls = true;
    if (last < 0) return bad_structure(in->field->name, "has offsets that fall or are negative", err);
    for (int64_t i = 0; i < in->n; i++) {
        int64_t v = offset_at(from, width, i + 1);
        if (v < last) return bad_structure(in->field->name, "has offsets that fall or are negative", err);
        if (v > last && !valid_at(in, i)) *empty_nulls = false;
        last = v;
    }
    if (last - *first > INT32_MAX)
        return bad_structure(in->field->name, "has more than 2147483647 bytes of text in one batch", err);
    return AIP_OK;
}

/* Offsets of 4 or 8 bytes as int32, from the first row's on. */
static aip__buffer *rebased_offsets(const input *in, const uint8_t *from, size_t width, int64_t first) {
    size_t size = 0;
    if (aip__rows_size(in->n + 1, sizeof(int32_t), &size)) return NULL;
    aip__buffer *b = aip__buffer_new(in->rows->ctx, size);
    int32_t *to = b ? (int32_t *)(void *)b->data : NULL;
    for (int64_t i = 0; b && i <= in->n; i++) to[i] = (int32_t)(offset_at(from, width, i) - first);
    return b;
}

/* utf8 or binary with offsets of 4 or 8 bytes. The bytes are shared, and int32 offsets too; what lies at nulls is left out, in a copy. */
static int32_t texts(const input *in, size_t width, aip__column **out, aip_error **err) {
    aip_context *ctx = in->rows->ctx;
    int32_t type = in->type->type == AIP_BINARY ? AIP_BINARY : AIP_UTF8;
    if (in->n == 0) return aip__column_nulls(ctx, type, 0, out, err);
    const uint8_t *from = buffer(in, 1) + (size_t)in->start * width, *bytes = buffer(in, 2);
    int64_t first = 0;
    bool empty_nulls = false;
    AIP__TRY(check_offsets(in, from, width, &first, &empty_nulls, err));
    bool as_is = width == 4 && aligned(from, 4);
    aip__buffer *offsets = as_is ? share_bytes(in, from, ((size_t)in->n + 1) * 4) : rebased_offsets(in, from, width, first);
    if (!offsets) return aip__error_memory(ctx, err);
    const int32_t *at = (const int32_t *)(const void *)offsets->data;
    if (!as_is && bytes) bytes += first;
    int32_t status = aip__texts_check(at, (const char *)bytes, in->validity, in->start, in->n, type == AIP_UTF8, in->first, err);
    if (status == AIP_OK && bytes && empty_nulls) {
        status = share_values(in, type, bytes, (size_t)at[in->n], out, err);
        if (status == AIP_OK) {
            (*out)->offsets_buffer = offsets;
            (*out)->offsets = at;
            return AIP_OK;
        }
    } else if (status == AIP_OK) {
        status = aip__texts_copy(ctx, type, at, (const char *)bytes, in->validity, in->start, in->n, out, err);
    }
    aip__buffer_free(offsets);
    if (status != AIP_OK) aip__error_at_data_column(err, in->field->name);
    return status;
}

/* One view: 4 bytes of length, then the text itself when it has at most 12 bytes, else 4 bytes of prefix, a buffer's number and an offset in it. */
static const char *read_view(const input *in, int64_t i, const char **s, size_t *n) {
    const uint8_t *view = buffer(in, 1) + (size_t)(in->start + i) * 16;
    int32_t length = 0, index = 0, offset = 0;
    int64_t size = 0, n_data = in->array->n_buffers - 3;
    memcpy(&length, view, 4);
    if (length < 0) return "a view of negative length";
    *n = (size_t)length;
    *s = (const char *)view + 4;
    if (length <= 12) return NULL;
    memcpy(&index, view + 8, 4);
    memcpy(&offset, view + 12, 4);
    if (index < 0 || index >= n_data || !buffer(in, index + 2)) return "a view into a buffer that is not there";
    memcpy(&size, buffer(in, (int)in->array->n_buffers - 1) + (size_t)index * 8, 8);
    if (offset < 0 || length > size || offset > size - length) return "a view past the end of its buffer";
    *s = (const char *)buffer(in, index + 2) + offset;
    return NULL;
}

/* Views and fixed-size binary, row by row. */
static int32_t row_texts(const input *in, aip__column **out, aip_error **err) {
    bool utf8 = in->type->type != AIP_BINARY;
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, in->rows->ctx, utf8 ? AIP_UTF8 : AIP_BINARY, in->n, (size_t)in->n * 16, err));
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < in->n && status == AIP_OK; i++) {
        const char *s = NULL, *wrong = NULL;
        size_t n = (size_t)in->type->width;
        if (!valid_at(in, i)) {
            status = aip__utf8_add_null(&b, err);
            continue;
        }
        if (in->type->layout == ARROW_VIEW)
            wrong = read_view(in, i, &s, &n);
        else
            s = (const char *)buffer(in, 1) + (size_t)(in->start + i) * n;
        if (!wrong && utf8 && !aip__utf8_valid(s, n)) wrong = "text that is not valid UTF-8";
        status = wrong ? bad_value(in, i, wrong, err) : aip__utf8_add(&b, s, n, err);
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

/* ---- dictionaries ----------------------------------------------------------------------------------------------------------------- */

static int64_t code_at(const input *in, int64_t i) {
    static const uint8_t widths[] = {[ARROW_I8] = 1,  [ARROW_U8] = 1,  [ARROW_I16] = 2, [ARROW_U16] = 2,
                                     [ARROW_I32] = 4, [ARROW_U32] = 4, [ARROW_I64] = 8, [ARROW_U64] = 8};
    const uint8_t *p = buffer(in, 1) + (size_t)(in->start + i) * widths[in->type->layout];
    int16_t i16 = 0;
    uint16_t u16 = 0;
    int32_t i32 = 0;
    uint32_t u32 = 0;
    int64_t i64 = 0;
    switch (in->type->layout) {
    case ARROW_I8: return (int8_t)*p;
    case ARROW_U8: return *p;
    case ARROW_I16: memcpy(&i16, p, 2); return i16;
    case ARROW_U16: memcpy(&u16, p, 2); return u16;
    case ARROW_I32: memcpy(&i32, p, 4); return i32;
    case ARROW_U32: memcpy(&u32, p, 4); return u32;
    default: memcpy(&i64, p, 8); return i64; /* a uint64 past int64 is negative, and out of range either way */
    }
}

/* Whether codes of 4 bytes can stay where they are. */
static bool codes_can_stay(const input *in, const uint8_t *from, int64_t n_codes) {
    if ((in->type->layout != ARROW_I32 && in->type->layout != ARROW_U32) || !aligned(from, 4)) return false;
    for (int64_t i = 0; i < in->n; i++) {
        int64_t code = code_at(in, i);
        if (valid_at(in, i) ? code < 0 || code >= n_codes : code != 0) return false;
    }
    return true;
}

static int32_t coded(const input *in, int32_t column, aip__column **out, aip_error **err) {
    const aip__arrow_words *dictionary = in->rows->words[column];
    const aip__column *words = dictionary->texts;
    const int32_t *codes = dictionary->codes;
    int64_t n_codes = dictionary->n_codes;
    aip__column *c = NULL;
    const uint8_t *from = in->n > 0 ? buffer(in, 1) + (size_t)in->start * 4 : NULL; /* of codes of 4 bytes */
    if (in->n > 0 && dictionary->same_codes && codes_can_stay(in, from, n_codes)) {
        AIP__TRY(share_values(in, AIP_DICTIONARY, from, (size_t)in->n * 4, out, err));
        (*out)->dictionary = aip__column_retain(words);
        return AIP_OK;
    }
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_DICTIONARY, in->n, true, &c, err));
    c->dictionary = aip__column_retain(words);
    uint8_t *validity = in->validity ? aip__column_validity_mut(c) : NULL;
    int32_t status = in->validity && !validity ? aip__error_memory(c->ctx, err) : AIP_OK;
    if (validity) aip__bitmap_copy(validity, in->validity, in->start, in->n);
    for (int64_t i = 0; i < in->n && status == AIP_OK; i++) {
        if (!valid_at(in, i)) continue;
        int64_t code = code_at(in, i);
        if (code < 0 || code >= n_codes) {
            status = bad_value(in, i, "a code that is not in its dictionary", err);
        } else if (codes[code] >= 0) {
            aip__column_i32_mut(c)[i] = codes[code];
        } else { /* a null in the dictionary */
            if (!validity) validity = aip__column_validity_mut(c);
            if (!validity)
                status = aip__error_memory(c->ctx, err);
            else
                aip__bit_clear(validity, i);
        }
    }
    if (status != AIP_OK) {
        aip__column_free(c);
        return status;
    }
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

/* ---- a column, a batch ------------------------------------------------------------------------------------------------------------ */

static int32_t by_layout(const input *in, int32_t column, aip__column **out, aip_error **err) {
    const aip__arrow_type *t = in->type;
    if (t->type == AIP_DICTIONARY) return coded(in, column, out, err);
    switch (t->layout) {
    case ARROW_NULL: return aip__column_nulls(in->rows->ctx, t->type, in->n, out, err);
    case ARROW_BOOL: return booleans(in, out, err);
    case ARROW_I8: return widened(in, 1, widen_int8_t, out, err);
    case ARROW_U8: return widened(in, 1, widen_uint8_t, out, err);
    case ARROW_I16: return widened(in, 2, widen_int16_t, out, err);
    case ARROW_U16: return widened(in, 2, widen_uint16_t, out, err);
    case ARROW_U32: return widened(in, 4, widen_uint32_t, out, err);
    case ARROW_F16: return widened(in, 2, widen_half, out, err);
    case ARROW_I32:
    case ARROW_F32:
    case ARROW_F64: return same_width(in, t->type, out, err);
    case ARROW_I64:
        if (t->type == AIP_INT64 || t->unit == 1) return same_width(in, t->type, out, err);
        return converted(in, out, err);
    case ARROW_U64: return converted(in, out, err);
    case ARROW_DECIMAL: return decimals(in, out, err);
    case ARROW_TEXT32: return texts(in, 4, out, err);
    case ARROW_TEXT64: return texts(in, 8, out, err);
    default: return row_texts(in, out, err);
    }
}

/* Where rows [first, first + n) lie in an array whose rows before `skipped` its struct leaves out, with its nulls when there are any among them. */
static input input_of(const aip__arrow_rows *r, const struct ArrowArray *a, const aip__arrow_type *t, const aip_field *f,
                      int64_t skipped, int64_t first, int64_t n) {
    input in = {.rows = r,
                .array = a,
                .type = t,
                .field = f,
                .start = a->offset + skipped + first,
                .n = n,
                .first = r->first_row + first};
    if (t->layout == ARROW_NULL || n == 0 || a->null_count == 0) return in;
    const uint8_t *validity = a->buffers[0];
    if (validity && aip__bitmap_count_range(validity, in.start, n) < n) in.validity = validity;
    return in;
}

int32_t aip__arrow_rows_batch(const aip__arrow_rows *r, int64_t start, int64_t n, aip_batch **out, aip_error **err) {
    if (start < 0 || n < 0 || n > AIP_BATCH_MAX_ROWS || start > r->array.length || n > r->array.length - start)
        return aip__error_set(err, AIP_E_INTERNAL, "rows %lld + %lld of %lld", (long long)start, (long long)n,
                              (long long)r->array.length);
    aip__column **columns = aip__calloc(r->ctx, (size_t)r->schema->n + 1, sizeof(aip__column *));
    if (!columns) return aip__error_memory(r->ctx, err);
    int32_t made = 0, status = AIP_OK;
    for (; made < r->schema->n && status == AIP_OK; made += status == AIP_OK) {
        input in = input_of(r, r->array.children[made], &r->types[made], &r->schema->fields[made], r->array.offset, start, n);
        status = by_layout(&in, made, &columns[made], err);
    }
    if (status == AIP_OK)
        status = aip__batch_new(r->schema, n, columns, out, err);
    else
        while (made > 0) aip__column_free(columns[--made]);
    aip__free(r->ctx, columns);
    return status;
}

/* Adds texts to the set and notes their codes, from codes[at] on. */
static int32_t add_words(aip__text_set *set, const aip__column *words, int32_t *codes, aip_error **err) {
    for (int64_t k = 0; k < words->length; k++) {
        size_t n = 0;
        codes[k] = -1;
        if (!aip__valid(words->validity, k)) continue;
        const char *s = aip__column_text(words, k, &n);
        AIP__TRY(aip__text_set_add(set, s, n, &codes[k], err));
    }
    return AIP_OK;
}

static int32_t fill_words(aip__arrow_words *w, const aip__arrow_words *before, const aip__column *texts, aip_error **err) {
    aip__text_set set = {0};
    int64_t old = before ? before->n_codes : 0, n = 0;
    size_t size = 0;
    if (aip__add_i64(old, texts->length, &n) || n > INT32_MAX || aip__rows_size(n + 1, sizeof(int32_t), &size))
        return aip__error_set(err, AIP_E_DATA, "more than 2147483647 texts in a dictionary");
    w->codes = aip__alloc(w->ctx, size);
    if (!w->codes) return aip__error_memory(w->ctx, err);
    w->n_codes = n;
    AIP__TRY(aip__text_set_begin(&set, w->ctx, n, err));
    int32_t status = AIP_OK;
    if (before) { /* its texts are distinct: they keep their codes */
        status = add_words(&set, before->texts, w->codes, err);
        memcpy(w->codes, before->codes, (size_t)old * sizeof *w->codes);
    }
    if (status == AIP_OK) status = add_words(&set, texts, w->codes + old, err);
    w->same_codes = status == AIP_OK;
    for (int64_t k = 0; k < n && w->same_codes; k++) w->same_codes = w->codes[k] == k;
    if (status == AIP_OK) return aip__text_set_end(&set, &w->texts, err);
    aip__text_set_abandon(&set);
    return status;
}

int32_t aip__arrow_words_new(aip_context *ctx, const char *column, const aip__arrow_words *before,
                             const struct ArrowSchema *values_schema, const struct ArrowArray *values, aip__arrow_words **out,
                             aip_error **err) {
    aip__arrow_type t = {0};
    aip_field f = aip__field(column, AIP_UTF8);
    aip__column *texts = NULL;
    AIP__TRY(aip__arrow_type_of(values_schema, &t, err));
    AIP__TRY(check_array(values, t.layout, 0, values ? values->length : 0, column, err));
    aip__arrow_rows owner = {.ctx = ctx, .array = *values}; /* of what is shared, which ends with this call */
    atomic_init(&owner.refs, 1);
    input in = input_of(&owner, values, &t, &f, 0, 0, values->length);
    AIP__TRY(by_layout(&in, 0, &texts, err));
    aip__arrow_words *w = aip__calloc(ctx, 1, sizeof *w);
    int32_t status = w ? AIP_OK : aip__error_memory(ctx, err);
    if (w) {
        atomic_init(&w->refs, 1);
        w->ctx = aip__context_retain(ctx);
        status = fill_words(w, before, texts, err);
    }
    aip__column_free(texts);
    if (status != AIP_OK) {
        aip__arrow_words_free(w);
        return status;
    }
    *out = w;
    return AIP_OK;
}

static int32_t take_dictionary(aip__arrow_rows *r, int32_t i, const struct ArrowSchema *schema, aip_error **err) {
    const struct ArrowArray *d = r->array.children[i]->dictionary;
    const char *name = r->schema->fields[i].name;
    if (!d) return bad_structure(name, "has codes but no dictionary", err);
    return aip__arrow_words_new(r->ctx, name, NULL, schema, d, &r->words[i], err);
}

int32_t aip__arrow_rows_new(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                            aip__arrow_rows **out, aip_error **err) {
    return aip__arrow_rows_with_words(schema, arrow_schema, array, NULL, 0, out, err);
}

int32_t aip__arrow_rows_with_words(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                   aip__arrow_words *const *words, int64_t first_row, aip__arrow_rows **out, aip_error **err) {
    if (!array->release) return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray that was released");
    aip_context *ctx = schema->ctx;
    aip__arrow_rows *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) {
        array->release(array);
        return aip__error_memory(ctx, err);
    }
    atomic_init(&r->refs, 1);
    r->ctx = aip__context_retain(ctx);
    r->schema = aip__schema_retain(schema);
    r->array = *array;
    r->first_row = first_row;
    array->release = NULL; /* moved */
    r->types = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *r->types);
    r->words = aip__calloc(ctx, (size_t)schema->n + 1, sizeof(aip__arrow_words *));
    int32_t status = r->types && r->words ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK && arrow_schema->n_children != schema->n)
        status = aip__error_set(err, AIP_E_INTERNAL, "an ArrowSchema of %lld columns for a schema of %d",
                                (long long)arrow_schema->n_children, (int)schema->n);
    if (status == AIP_OK) status = check_struct(&r->array, schema->n, err);
    for (int32_t i = 0; i < schema->n && status == AIP_OK; i++) {
        status = aip__arrow_type_of(arrow_schema->children[i], &r->types[i], err);
        if (status == AIP_OK)
            status = check_array(r->array.children[i], r->types[i].layout, r->array.offset, r->array.length,
                                 schema->fields[i].name, err);
        if (status != AIP_OK || r->types[i].type != AIP_DICTIONARY) continue;
        if (words && words[i])
            r->words[i] = aip__arrow_words_retain(words[i]);
        else
            status = take_dictionary(r, i, arrow_schema->children[i]->dictionary, err);
    }
    if (status != AIP_OK) {
        aip__arrow_rows_free(r);
        return status;
    }
    *out = r;
    return AIP_OK;
}

int32_t aip__arrow_import_array(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                aip_batch ***batches, int64_t *n, aip_error **err) {
    aip__arrow_rows *r = NULL;
    AIP__TRY(aip__arrow_rows_new(schema, arrow_schema, array, &r, err));
    int64_t length = r->array.length, parts = length / AIP_BATCH_MAX_ROWS + (length % AIP_BATCH_MAX_ROWS > 0), made = 0;
    aip_context *ctx = r->ctx;
    aip_batch **list = aip__calloc(ctx, (size_t)parts + 1, sizeof(aip_batch *));
    int32_t status = list ? AIP_OK : aip__error_memory(ctx, err);
    for (; made < parts && status == AIP_OK; made += status == AIP_OK) {
        int64_t start = made * AIP_BATCH_MAX_ROWS;
        int64_t rows = length - start < AIP_BATCH_MAX_ROWS ? length - start : AIP_BATCH_MAX_ROWS;
        status = aip__arrow_rows_batch(r, start, rows, &list[made], err);
    }
    if (status == AIP_OK) {
        *batches = list;
        *n = parts;
    } else if (list) {
        while (made > 0) aip_batch_free(list[--made]);
        aip__free(ctx, list);
    }
    aip__arrow_rows_free(r);
    return status;
}
