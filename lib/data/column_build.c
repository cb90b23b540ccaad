/* Columns from texts, row by row, and from host memory, checked and copied. */
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "data/column.h"
#include "data/dictionary.h"

/* ---- utf8 and binary, row by row -------------------------------------------------------------------------------------------- */

/* Capacity for `need` bytes, doubling; contents and the size in use stay. */
static bool reserve(aip__buffer **b, size_t need) {
    if (need <= (*b)->capacity) return true;
    size_t used = (*b)->size;
    if (aip__buffer_resize(b, need) != 0) return false;
    (*b)->size = used;
    return true;
}

static int32_t *offsets_of(const aip__utf8_builder *b) { return (int32_t *)(void *)b->offsets->data; }

int32_t aip__utf8_begin(aip__utf8_builder *b, aip_context *ctx, int32_t type, int64_t expected_rows, size_t expected_bytes,
                        aip_error **err) {
    *b = (aip__utf8_builder){.ctx = ctx, .type = type};
    size_t bytes = 0;
    if (aip__rows_size(expected_rows, sizeof(int32_t), &bytes) || aip__add_size(bytes, sizeof(int32_t), &bytes))
        return aip__error_set(err, AIP_E_MEMORY_LIMIT, "a column of %lld rows does not fit memory", (long long)expected_rows);
    b->offsets = aip__buffer_new(ctx, bytes);
    b->bytes = aip__buffer_new(ctx, expected_bytes);
    if (!b->offsets || !b->bytes) {
        aip__utf8_abandon(b);
        return aip__error_memory(ctx, err);
    }
    b->offsets->size = sizeof(int32_t);
    b->bytes->size = 0;
    offsets_of(b)[0] = 0;
    return AIP_OK;
}

int32_t aip__utf8_reserve(aip__utf8_builder *b, int64_t rows, size_t bytes, aip_error **err) {
    size_t offsets = 0, end = 0;
    if (aip__rows_size(b->length + rows + 1, sizeof(int32_t), &offsets) || aip__add_size(b->bytes->size, bytes, &end))
        return aip__error_set(err, AIP_E_MEMORY_LIMIT, "a column of %lld rows does not fit memory",
                              (long long)(b->length + rows));
    return reserve(&b->offsets, offsets) && reserve(&b->bytes, end) ? AIP_OK : aip__error_memory(b->ctx, err);
}

/* The bitmap of a builder that has nulls, or is about to have one, so that `rows` more are valid. False when memory is refused. */
static bool all_valid(aip__utf8_builder *b, int64_t rows) {
    if (!b->validity) {
        b->validity = aip__buffer_new(b->ctx, aip__bitmap_bytes((int64_t)(b->offsets->capacity / sizeof(int32_t))));
        if (!b->validity) return false;
        b->validity->size = aip__bitmap_bytes(b->length);
        aip__bitmap_fill(b->validity->data, b->length, true);
    }
    size_t size = aip__bitmap_bytes(b->length), more = aip__bitmap_bytes(b->length + rows);
    if (!reserve(&b->validity, more)) return false;
    uint8_t *bits = b->validity->data;
    if (b->length & 7) bits[size - 1] = (uint8_t)(bits[size - 1] | 0xffu << (b->length & 7));
    memset(bits + size, 0xff, more - size);
    int64_t end = b->length + rows;
    if (end & 7) bits[more - 1] = (uint8_t)(bits[more - 1] & ((1u << (end & 7)) - 1));
    b->validity->size = more;
    return true;
}

int32_t aip__utf8_added(aip__utf8_builder *b, int64_t rows, const int32_t *nulls, int32_t n_nulls, aip_error **err) {
    if ((n_nulls > 0 || b->validity) && !all_valid(b, rows)) return aip__error_memory(b->ctx, err);
    for (int32_t i = 0; i < n_nulls; i++) aip__bit_clear(b->validity->data, b->length + nulls[i]);
    b->length += rows;
    b->null_count += n_nulls;
    b->offsets->size = ((size_t)b->length + 1) * sizeof(int32_t);
    return AIP_OK;
}

/* Ends the row that was just written and says whether it is valid. */
static bool end_row(aip__utf8_builder *b, bool valid) {
    int64_t i = b->length;
    if (!valid && !b->validity) {
        b->validity = aip__buffer_new(b->ctx, aip__bitmap_bytes((int64_t)(b->offsets->capacity / sizeof(int32_t))));
        if (!b->validity) return false;
        b->validity->size = aip__bitmap_bytes(i);
        aip__bitmap_fill(b->validity->data, i, true);
    }
    if (b->validity) {
        if (!reserve(&b->validity, aip__bitmap_bytes(i + 1))) return false;
        b->validity->size = aip__bitmap_bytes(i + 1);
        if ((i & 7) == 0) b->validity->data[i >> 3] = 0;
        if (valid) aip__bit_set(b->validity->data, i);
    }
    offsets_of(b)[i + 1] = (int32_t)b->bytes->size;
    b->offsets->size = ((size_t)i + 2) * sizeof(int32_t);
    b->length = i + 1;
    b->null_count += !valid;
    return true;
}

int32_t aip__utf8_add(aip__utf8_builder *b, const char *bytes, size_t n, aip_error **err) {
    size_t end = b->bytes->size + n;
    if (n > INT32_MAX || end > INT32_MAX)
        return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes of text in one column of a batch");
    if (!reserve(&b->offsets, ((size_t)b->length + 2) * sizeof(int32_t)) || !reserve(&b->bytes, end))
        return aip__error_memory(b->ctx, err);
    if (n > 0) memcpy(b->bytes->data + b->bytes->size, bytes, n);
    b->bytes->size = end;
    if (end_row(b, true)) return AIP_OK;
    b->bytes->size = end - n;
    return aip__error_memory(b->ctx, err);
}

int32_t aip__utf8_add_null(aip__utf8_builder *b, aip_error **err) {
    if (reserve(&b->offsets, ((size_t)b->length + 2) * sizeof(int32_t)) && end_row(b, false)) return AIP_OK;
    return aip__error_memory(b->ctx, err);
}

int32_t aip__utf8_end(aip__utf8_builder *b, aip__column **out, aip_error **err) {
    aip__column *c = aip__column_blank(b->ctx, b->type, b->length);
    if (!c) {
        aip__utf8_abandon(b);
        return aip__error_memory(b->ctx, err);
    }
    /* Sizes are within capacity: this only clears the slack, and cannot fail. */
    aip__buffer_resize(&b->offsets, b->offsets->size);
    aip__buffer_resize(&b->bytes, b->bytes->size);
    if (b->validity) aip__buffer_resize(&b->validity, b->validity->size);
    aip__buffer_fit(b->offsets);
    aip__buffer_fit(b->bytes);
    c->null_count = b->null_count;
    c->validity_buffer = b->validity;
    c->values_buffer = b->bytes;
    c->offsets_buffer = b->offsets;
    c->validity = b->validity ? b->validity->data : NULL;
    c->values = b->bytes->data;
    c->offsets = offsets_of(b);
    *b = (aip__utf8_builder){.ctx = b->ctx, .type = b->type};
    *out = c;
    return AIP_OK;
}

void aip__utf8_abandon(aip__utf8_builder *b) {
    aip__buffer_free(b->offsets);
    aip__buffer_free(b->bytes);
    aip__buffer_free(b->validity);
    b->offsets = b->bytes = b->validity = NULL;
    b->length = b->null_count = 0;
}

/* ---- from host memory ---------------------------------------------------------------------------------------------------------- */

/* Whether texts without gaps between them are UTF-8: all bytes together are, and none begins within a character. */
static bool texts_are_utf8(const int32_t *offsets, const char *bytes, int64_t n) {
    int32_t end = offsets[n];
    bool inside = false;
    if (!aip__utf8_valid(bytes + offsets[0], (size_t)(end - offsets[0]))) return false;
    while (n > 0 && offsets[n - 1] == end) n--; /* empty ones at the end, behind which nothing may be read */
    for (int64_t i = 0; i < n; i++) inside |= ((unsigned char)bytes[offsets[i]] & 0xc0) == 0x80;
    return !inside;
}

int32_t aip__texts_check(const int32_t *offsets, const char *bytes, const uint8_t *validity, int64_t validity_start, int64_t n,
                         bool utf8, int64_t first_row, aip_error **err) {
    if (n == 0) return AIP_OK;
    bool falls = offsets[0] < 0;
    for (int64_t i = 0; i < n; i++) falls |= offsets[i + 1] < offsets[i];
    int64_t bad = 0;
    while (falls && offsets[0] >= 0 && offsets[bad + 1] >= offsets[bad]) bad++;
    if (falls)
        return aip__error_set(err, AIP_E_MISUSE, "offsets of row %lld are %d to %d: expected to rise from 0",
                              (long long)(first_row + bad), (int)offsets[bad], (int)offsets[bad + 1]);
    size_t total = (size_t)(offsets[n] - offsets[0]);
    if (total > 0 && !bytes) return aip__error_set(err, AIP_E_MISUSE, "a text column has offsets but no bytes");
    if (!utf8 || total == 0 || texts_are_utf8(offsets, bytes, n)) return AIP_OK;
    for (int64_t i = 0; i < n; i++)
        if (aip__valid(validity, validity_start + i)
            && !aip__utf8_valid(bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])))
            return aip__error_set(err, AIP_E_DATA, "the text in row %lld is not valid UTF-8", (long long)(first_row + i));
    return AIP_OK;
}

/* Texts without nulls: two copies. */
static int32_t texts_copy_whole(aip_context *ctx, int32_t type, const int32_t *offsets, const char *bytes, int64_t n,
                                aip__column **out, aip_error **err) {
    size_t total = (size_t)(offsets[n] - offsets[0]);
    aip__column *c = aip__column_blank(ctx, type, n);
    if (c) c->offsets_buffer = aip__buffer_new(ctx, ((size_t)n + 1) * sizeof(int32_t));
    if (c) c->values_buffer = aip__buffer_new(ctx, total);
    if (!c || !c->offsets_buffer || !c->values_buffer) {
        aip__column_free(c);
        return aip__error_memory(ctx, err);
    }
    int32_t *to = (int32_t *)(void *)c->offsets_buffer->data;
    for (int64_t i = 0; i <= n; i++) to[i] = offsets[i] - offsets[0];
    if (total > 0) memcpy(c->values_buffer->data, bytes + offsets[0], total);
    c->offsets = to;
    c->values = c->values_buffer->data;
    *out = c;
    return AIP_OK;
}

int32_t aip__texts_copy(aip_context *ctx, int32_t type, const int32_t *offsets, const char *bytes, const uint8_t *validity,
                        int64_t validity_start, int64_t n, aip__column **out, aip_error **err) {
    if (!validity) return texts_copy_whole(ctx, type, offsets, bytes, n, out, err);
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, ctx, type, n, (size_t)(offsets[n] - offsets[0]), err));
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < n && status == AIP_OK; i++) {
        if (aip__valid(validity, validity_start + i))
            status = aip__utf8_add(&b, bytes ? bytes + offsets[i] : "", (size_t)(offsets[i + 1] - offsets[i]), err);
        else
            status = aip__utf8_add_null(&b, err);
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

static int32_t fixed_from_view(aip_context *ctx, const aip_column_view *v, int64_t start, int64_t n, aip__column **out,
                               aip_error **err) {
    if (n > 0 && !v->values) return aip__error_set(err, AIP_E_MISUSE, "a column of %lld rows has no values", (long long)n);
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(ctx, v->type, n, false, &c, err));
    size_t width = aip__type_width(v->type);
    if (n > 0 && v->type == AIP_BOOL)
        aip__bitmap_copy(aip__column_bool_mut(c), v->values, start, n);
    else if (n > 0)
        memcpy(aip__column_values_mut(c), (const uint8_t *)v->values + (size_t)start * width, (size_t)n * width);
    if (n > 0 && v->validity) {
        uint8_t *validity = aip__column_validity_mut(c);
        if (!validity) {
            aip__column_free(c);
            return aip__error_memory(ctx, err);
        }
        aip__bitmap_copy(validity, v->validity, start, n);
    }
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

/* The texts of a view's dictionary: checked, copied and made distinct once. */
static int32_t take_texts(aip_context *ctx, const aip_column_view *v, aip__view_texts *t, aip_error **err) {
    int64_t m = v->dictionary_length;
    if (m < 0 || m > INT32_MAX || (m > 0 && !v->dictionary_offsets))
        return aip__error_set(err, AIP_E_MISUSE, "a dictionary of %lld texts without offsets, or of a length out of range",
                              (long long)m);
    static const int32_t no_offsets[1] = {0};
    const int32_t *offsets = m > 0 ? v->dictionary_offsets : no_offsets;
    AIP__TRY(aip__texts_check(offsets, v->dictionary_bytes, NULL, 0, m, true, 0, err));
    aip__column *texts = NULL;
    AIP__TRY(aip__texts_copy(ctx, AIP_UTF8, offsets, v->dictionary_bytes, NULL, 0, m, &texts, err));
    int32_t status = aip__dictionary_distinct(texts, &t->texts, &t->map, err);
    aip__column_free(texts);
    return status;
}

void aip__view_texts_free(aip_context *ctx, aip__view_texts *t) {
    aip__column_free(t->texts);
    aip__free(ctx, t->map);
    *t = (aip__view_texts){0};
}

static int32_t dictionary_from_view(aip_context *ctx, const aip_column_view *v, int64_t start, int64_t n, aip__view_texts *t,
                                    aip__column **out, aip_error **err) {
    if (!t->texts) AIP__TRY(take_texts(ctx, v, t, err));
    aip__column *c = NULL;
    AIP__TRY(fixed_from_view(ctx, v, start, n, &c, err));
    for (int64_t i = 0; i < n; i++) {
        int32_t code = aip__column_i32(c)[i];
        if (!aip__valid(c->validity, i) || (code >= 0 && code < v->dictionary_length)) continue;
        aip__column_free(c);
        return aip__error_set(err, AIP_E_MISUSE, "code %d in row %lld of a dictionary of %lld texts", (int)code,
                              (long long)(start + i), (long long)v->dictionary_length);
    }
    if (t->map) aip__dictionary_rewrite(aip__column_i32_mut(c), c->validity, n, t->map);
    c->dictionary = aip__column_retain(t->texts);
    *out = c;
    return AIP_OK;
}

int32_t aip__column_from_view_part(aip_context *ctx, const aip_column_view *view, int64_t start, int64_t n,
                                   aip__view_texts *texts, aip__column **out, aip_error **err) {
    if (start < 0 || n < 0 || view->length < start || view->length - start < n)
        return aip__error_set(err, AIP_E_MISUSE, "rows %lld to %lld of a column of %lld", (long long)start,
                              (long long)(start + n), (long long)view->length);
    if (view->type == AIP_DICTIONARY) return dictionary_from_view(ctx, view, start, n, texts, out, err);
    if (view->type != AIP_UTF8 && view->type != AIP_BINARY) {
        if (aip__type_width(view->type) == 0 && view->type != AIP_BOOL)
            return aip__error_set(err, AIP_E_SCHEMA, "a column of the unknown type %d", (int)view->type);
        return fixed_from_view(ctx, view, start, n, out, err);
    }
    if (n == 0) return aip__column_nulls(ctx, view->type, 0, out, err);
    if (!view->offsets) return aip__error_set(err, AIP_E_MISUSE, "a text column of %lld rows has no offsets", (long long)n);
    AIP__TRY(aip__texts_check(view->offsets + start, view->values, view->validity, start, n, view->type == AIP_UTF8, start, err));
    return aip__texts_copy(ctx, view->type, view->offsets + start, view->values, view->validity, start, n, out, err);
}

int32_t aip__column_from_view(aip_context *ctx, const aip_column_view *view, int64_t start, int64_t n, aip__column **out,
                              aip_error **err) {
    aip__view_texts texts = {0};
    int32_t status = aip__column_from_view_part(ctx, view, start, n, &texts, out, err);
    aip__view_texts_free(ctx, &texts);
    return status;
}
