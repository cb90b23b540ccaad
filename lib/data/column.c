/* Columns: making and publishing, references, slices, equality. What turns one column into another lies in column_select.c (rows) and
 * column_cast.c (types); what makes them from texts and host memory in column_build.c. */
#include "data/column.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

aip__column *aip__column_retain(const aip__column *c) {
    aip__column *m = (aip__column *)(uintptr_t)c;
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void aip__column_free(aip__column *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = c->ctx;
    aip__buffer_free(c->validity_buffer);
    aip__buffer_free(c->values_buffer);
    aip__buffer_free(c->offsets_buffer);
    aip__column_free(c->dictionary); /* a utf8 column, which has none itself */
    aip__free(ctx, c);
    aip__context_release(ctx);
}

aip__column *aip__column_blank(aip_context *ctx, int32_t type, int64_t length) {
    aip__column *c = aip__calloc(ctx, 1, sizeof *c);
    if (!c) return NULL;
    atomic_init(&c->refs, 1);
    c->ctx = aip__context_retain(ctx);
    c->type = type;
    c->length = length;
    return c;
}

int32_t aip__column_new(aip_context *ctx, int32_t type, int64_t length, bool zero, aip__column **out, aip_error **err) {
    size_t width = aip__type_width(type), bytes = 0;
    if (width == 0 && type != AIP_BOOL)
        return aip__error_set(err, AIP_E_INTERNAL, "a column of type %s is made row by row", aip_type_name(type));
    if (type == AIP_BOOL && length >= 0)
        bytes = aip__bitmap_bytes(length);
    else if (aip__rows_size(length, width, &bytes))
        return aip__error_set(err, AIP_E_MEMORY_LIMIT, "a column of %lld rows does not fit memory", (long long)length);
    aip__column *c = aip__column_blank(ctx, type, length);
    if (c) c->values_buffer = aip__buffer_new(ctx, bytes);
    if (!c || !c->values_buffer) {
        aip__column_free(c);
        return aip__error_memory(ctx, err);
    }
    if (zero) memset(c->values_buffer->data, 0, bytes);
    c->values = c->values_buffer->data;
    *out = c;
    return AIP_OK;
}

uint8_t *aip__column_validity_mut(aip__column *c) {
    if (!c->validity_buffer) {
        c->validity_buffer = aip__buffer_new(c->ctx, aip__bitmap_bytes(c->length));
        if (!c->validity_buffer) return NULL;
        aip__bitmap_fill(c->validity_buffer->data, c->length, true);
        c->validity = c->validity_buffer->data;
    }
    return c->validity_buffer->data;
}

/* Zeroes the values of width W where the bitmap has 0; words without nulls cost one comparison. */
#define ZERO_NULLS(T)                                                                           \
    static void zero_nulls_##T(T *v, const uint8_t *validity, int64_t n) {                      \
        for (int64_t w = 0; w * 64 < n; w++) {                                                  \
            uint64_t all = n - w * 64 >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - w * 64)) - 1; \
            uint64_t nulls = ~aip__bitmap_word(validity, w, n) & all;                           \
            for (; nulls; nulls &= nulls - 1) v[w * 64 + __builtin_ctzll(nulls)] = 0;           \
        }                                                                                       \
    }
ZERO_NULLS(uint32_t)
ZERO_NULLS(uint64_t)

static void clear_tail(uint8_t *bits, int64_t n) {
    if (n & 7) bits[n >> 3] = (uint8_t)(bits[n >> 3] & ((1u << (n & 7)) - 1));
}

void aip__column_shorten(aip__column *c, int64_t length) {
    if (length >= c->length) return;
    size_t width = aip__type_width(c->type);
    c->length = length;
    aip__buffer_resize(&c->values_buffer, width ? (size_t)length * width : aip__bitmap_bytes(length)); /* shrinks: cannot fail */
    if (!c->validity_buffer) return;
    aip__buffer_resize(&c->validity_buffer, aip__bitmap_bytes(length));
    clear_tail(c->validity_buffer->data, length);
}

void aip__column_publish(aip__column *c) {
    int64_t n = c->length;
    if (c->type == AIP_BOOL) clear_tail(aip__column_bool_mut(c), n);
    c->null_count = 0;
    if (!c->validity) return;
    clear_tail(c->validity_buffer->data, n);
    c->null_count = n - aip__bitmap_count(c->validity, n);
    if (c->null_count == 0) {
        aip__buffer_free(c->validity_buffer);
        c->validity_buffer = NULL;
        c->validity = NULL;
        return;
    }
    if (c->type == AIP_BOOL) {
        uint8_t *bits = aip__column_bool_mut(c);
        for (size_t i = 0; i < aip__bitmap_bytes(n); i++) bits[i] &= c->validity[i];
    } else if (aip__type_width(c->type) == 4) {
        zero_nulls_uint32_t(aip__column_values_mut(c), c->validity, n);
    } else {
        zero_nulls_uint64_t(aip__column_values_mut(c), c->validity, n);
    }
}

int32_t aip__column_slice(const aip__column *c, int64_t start, int64_t n, aip__column **out, aip_error **err) {
    if (start < 0 || n < 0 || start > c->length || n > c->length - start)
        return aip__error_set(err, AIP_E_INTERNAL, "slice %lld + %lld of %lld rows", (long long)start, (long long)n,
                              (long long)c->length);
    if (start == 0 && n == c->length) {
        *out = aip__column_retain(c);
        return AIP_OK;
    }
    aip__column *s = aip__column_blank(c->ctx, c->type, n);
    if (!s) return aip__error_memory(c->ctx, err);
    int64_t valid = c->validity ? aip__bitmap_count_range(c->validity, start, n) : n;
    bool fits = true;
    if (valid < n) {
        s->null_count = n - valid;
        s->validity_buffer = aip__buffer_new(c->ctx, aip__bitmap_bytes(n));
        fits = s->validity_buffer != NULL;
        if (fits) aip__bitmap_copy(s->validity_buffer->data, c->validity, start, n);
        if (fits) s->validity = s->validity_buffer->data;
    }
    if (fits && c->type == AIP_BOOL) {
        s->values_buffer = aip__buffer_new(c->ctx, aip__bitmap_bytes(n));
        fits = s->values_buffer != NULL;
        if (fits) aip__bitmap_copy(s->values_buffer->data, c->values, start, n);
        if (fits) s->values = s->values_buffer->data;
    } else {
        s->values_buffer = aip__buffer_retain(c->values_buffer);
        s->values = (const uint8_t *)c->values + (size_t)start * aip__type_width(c->type);
    }
    if (!fits) {
        aip__column_free(s);
        return aip__error_memory(c->ctx, err);
    }
    s->offsets_buffer = aip__buffer_retain(c->offsets_buffer);
    s->offsets = c->offsets ? c->offsets + start : NULL;
    if (c->dictionary) s->dictionary = aip__column_retain(c->dictionary);
    *out = s;
    return AIP_OK;
}

/* An empty utf8 column, for a dictionary whose rows are all null. */
static int32_t empty_texts(aip_context *ctx, aip__column **out, aip_error **err) {
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, ctx, AIP_UTF8, 0, 0, err));
    return aip__utf8_end(&b, out, err);
}

int32_t aip__column_nulls(aip_context *ctx, int32_t type, int64_t n, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    if (type == AIP_UTF8 || type == AIP_BINARY) {
        size_t bytes = 0;
        if (aip__rows_size(n, sizeof(int32_t), &bytes) || aip__add_size(bytes, sizeof(int32_t), &bytes))
            return aip__error_set(err, AIP_E_MEMORY_LIMIT, "a column of %lld rows does not fit memory", (long long)n);
        c = aip__column_blank(ctx, type, n);
        if (c) c->values_buffer = aip__buffer_new(ctx, 0);
        if (c) c->offsets_buffer = aip__buffer_new(ctx, bytes);
        if (!c || !c->values_buffer || !c->offsets_buffer) {
            aip__column_free(c);
            return aip__error_memory(ctx, err);
        }
        memset(c->offsets_buffer->data, 0, bytes);
        c->values = c->values_buffer->data;
        c->offsets = (const int32_t *)(const void *)c->offsets_buffer->data;
    } else {
        AIP__TRY(aip__column_new(ctx, type, n, true, &c, err));
        if (type == AIP_DICTIONARY) {
            int32_t status = empty_texts(ctx, &c->dictionary, err);
            if (status != AIP_OK) {
                aip__column_free(c);
                return status;
            }
        }
    }
    if (n > 0) {
        uint8_t *validity = aip__column_validity_mut(c);
        if (!validity) {
            aip__column_free(c);
            return aip__error_memory(ctx, err);
        }
        memset(validity, 0, aip__bitmap_bytes(n));
        c->null_count = n;
    }
    *out = c;
    return AIP_OK;
}

/* Text of a row, of a null row too: nulls of utf8 are empty, and equal bitmaps were compared before. */
static bool texts_equal(const aip__column *a, const aip__column *b) {
    for (int64_t i = 0; i < a->length; i++) {
        if (!aip__valid(a->validity, i)) continue;
        size_t n = 0, m = 0;
        const char *s = aip__column_text(a, i, &n), *t = aip__column_text(b, i, &m);
        if (n != m || memcmp(s, t, n) != 0) return false;
    }
    return true;
}

bool aip__column_equal(const aip__column *a, const aip__column *b) {
    bool text = aip__type_is_text(a->type) && aip__type_is_text(b->type);
    if ((a->type != b->type && !text) || a->length != b->length || a->null_count != b->null_count) return false;
    if (a->null_count > 0 && memcmp(a->validity, b->validity, aip__bitmap_bytes(a->length)) != 0) return false;
    if (text || a->type == AIP_BINARY) return texts_equal(a, b);
    if (a->type == AIP_BOOL) return memcmp(a->values, b->values, aip__bitmap_bytes(a->length)) == 0;
    return a->length == 0 || memcmp(a->values, b->values, (size_t)a->length * aip__type_width(a->type)) == 0;
}

size_t aip__column_bytes(const aip__column *c) {
    size_t n = (size_t)c->length, bytes = c->validity ? aip__bitmap_bytes(c->length) : 0;
    if (c->type == AIP_BOOL) return bytes + aip__bitmap_bytes(c->length);
    if (c->offsets) return bytes + (n + 1) * sizeof(int32_t) + (size_t)(c->offsets[n] - c->offsets[0]);
    return bytes + n * aip__type_width(c->type) + (c->dictionary ? aip__column_bytes(c->dictionary) : 0);
}

void aip__column_view(const aip__column *c, aip_column_view *view) {
    *view = (aip_column_view)AIP_COLUMN_VIEW_INIT;
    view->type = c->type;
    view->length = c->length;
    view->null_count = c->null_count;
    view->validity = c->validity;
    view->values = c->values;
    view->offsets = c->offsets;
    if (c->dictionary) {
        view->dictionary_length = c->dictionary->length;
        view->dictionary_offsets = c->dictionary->offsets;
        view->dictionary_bytes = c->dictionary->values;
    }
}
