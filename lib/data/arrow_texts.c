/* Imported texts and bytes: by offsets (shared with the producer, where nothing lies at nulls), views, or of a fixed width. */
#include "base/checked.h"
#include "data/arrow_inside.h"

typedef aip__arrow_input input;

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

/* Holds that offsets rise from 0 or more, and says where the texts begin. */
static int32_t check_offsets(const input *in, const uint8_t *from, size_t width, int64_t *first, aip_error **err) {
    *first = offset_at(from, width, 0);
    if (*first < 0 || !aip__arrow_rises(from, width, in->n))
        return aip__arrow_bad_structure(in->field->name, "has offsets that fall or are negative", err);
    if (offset_at(from, width, in->n) - *first > INT32_MAX)
        return aip__arrow_bad_structure(in->field->name, "has more than 2147483647 bytes of text in one batch", err);
    return AIP_OK;
}

/* Offsets of 4 or 8 bytes as int32, from the first row's on. */
static aip__buffer *rebased_offsets(const input *in, const uint8_t *from, size_t width, int64_t first) {
    size_t size = 0;
    if (aip__rows_size(in->n + 1, sizeof(int32_t), &size)) return NULL;
    aip__buffer *b = aip__buffer_new(in->rows->ctx, size);
    if (b) aip__arrow_rebase(from, width, first, in->n, (int32_t *)(void *)b->data);
    return b;
}

/* utf8 or binary with offsets of 4 or 8 bytes. The bytes are shared, and int32 offsets too; what lies at nulls is left out, in a copy. */
static int32_t texts(const input *in, size_t width, aip__column **out, aip_error **err) {
    aip_context *ctx = in->rows->ctx;
    int32_t type = in->type->type == AIP_BINARY ? AIP_BINARY : AIP_UTF8;
    if (in->n == 0) return aip__column_nulls(ctx, type, 0, out, err);
    const uint8_t *from = aip__arrow_values(in, width), *bytes = aip__arrow_buffer(in, 2);
    int64_t first = 0;
    AIP__TRY(check_offsets(in, from, width, &first, err));
    bool as_is = width == 4 && aip__arrow_aligned(from, 4);
    aip__buffer *offsets =
        as_is ? aip__arrow_share_bytes(in, from, ((size_t)in->n + 1) * 4) : rebased_offsets(in, from, width, first);
    if (!offsets) return aip__error_memory(ctx, err);
    const int32_t *at = (const int32_t *)(const void *)offsets->data;
    if (!as_is && bytes) bytes += first;
    int32_t status = aip__texts_check(at, (const char *)bytes, in->validity, in->start, in->n, type == AIP_UTF8, in->first, err);
    if (status == AIP_OK && bytes && aip__arrow_empty_at_nulls(from, width, in->validity, in->start, in->n)) {
        status = aip__arrow_share_values(in, type, bytes, (size_t)at[in->n], out, err);
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
    const uint8_t *view = aip__arrow_buffer(in, 1) + (size_t)(in->start + i) * 16;
    int32_t length = 0, index = 0, offset = 0;
    int64_t size = 0, n_data = in->array->n_buffers - 3;
    memcpy(&length, view, 4);
    if (length < 0) return "a view of negative length";
    *n = (size_t)length;
    *s = (const char *)view + 4;
    if (length <= 12) return NULL;
    memcpy(&index, view + 8, 4);
    memcpy(&offset, view + 12, 4);
    if (index < 0 || index >= n_data || !aip__arrow_buffer(in, index + 2)) return "a view into a buffer that is not there";
    memcpy(&size, aip__arrow_buffer(in, (int)in->array->n_buffers - 1) + (size_t)index * 8, 8);
    if (offset < 0 || length > size || offset > size - length) return "a view past the end of its buffer";
    *s = (const char *)aip__arrow_buffer(in, index + 2) + offset;
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
        if (!aip__arrow_valid(in, i)) {
            status = aip__utf8_add_null(&b, err);
            continue;
        }
        if (in->type->layout == ARROW_VIEW)
            wrong = read_view(in, i, &s, &n);
        else
            s = (const char *)aip__arrow_buffer(in, 1) + (size_t)(in->start + i) * n;
        if (!wrong && utf8 && !aip__utf8_valid(s, n)) wrong = "text that is not valid UTF-8";
        status = wrong ? aip__arrow_bad_value(in, i, wrong, err) : aip__utf8_add(&b, s, n, err);
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

int32_t aip__arrow_import_texts(const input *in, aip__column **out, aip_error **err) {
    switch (in->type->layout) {
    case ARROW_TEXT32: return texts(in, 4, out, err);
    case ARROW_TEXT64: return texts(in, 8, out, err);
    default: return row_texts(in, out, err);
    }
}
