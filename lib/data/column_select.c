/* Choosing rows: filter by a bitmap, take by row numbers, concatenate. The loops go over the mask a 64-bit word at a time: a full word is
 * one memcpy, an empty one nothing. Values at nulls are zero in the source and stay so. */
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "data/dictionary.h"

/* ---- loops -------------------------------------------------------------------------------------------------------------------- */

#define FIXED_LOOPS(T)                                                             \
    static void filter_##T(const T *from, const uint8_t *mask, int64_t n, T *to) { \
        for (int64_t w = 0; w * 64 < n; w++, from += 64) {                         \
            uint64_t m = aip__bitmap_word(mask, w, n);                             \
            if (m == ~UINT64_C(0)) {                                               \
                memcpy(to, from, 64 * sizeof(T));                                  \
                to += 64;                                                          \
            } else {                                                               \
                for (; m; m &= m - 1) *to++ = from[__builtin_ctzll(m)];            \
            }                                                                      \
        }                                                                          \
    }                                                                              \
    static void take_##T(const T *from, const int64_t *rows, int64_t n, T *to) {   \
        for (int64_t i = 0; i < n; i++) to[i] = rows[i] < 0 ? 0 : from[rows[i]];   \
    }
FIXED_LOOPS(uint32_t)
FIXED_LOOPS(uint64_t)

/* Bits of `from` where the mask is 1, packed from bit 0 of `to`, which has room for whole words. */
static void filter_bits(const uint8_t *from, const uint8_t *mask, int64_t n, uint8_t *to) {
    uint64_t pending = 0;
    unsigned have = 0;
    for (int64_t w = 0; w * 64 < n; w++) {
        uint64_t m = aip__bitmap_word(mask, w, n), v = 0, packed = 0;
        if (m == 0) continue;
        v = aip__bitmap_word(from, w, n);
        unsigned count = (unsigned)__builtin_popcountll(m);
        if (m == ~UINT64_C(0)) {
            packed = v;
        } else {
            unsigned k = 0;
            for (; m; m &= m - 1) packed |= (v >> __builtin_ctzll(m) & 1) << k++;
        }
        pending |= packed << have;
        if (have + count >= 64) {
            memcpy(to, &pending, 8);
            to += 8;
            pending = have ? packed >> (64 - have) : 0;
            have = have + count - 64;
        } else {
            have += count;
        }
    }
    memcpy(to, &pending, (have + 7) / 8);
}

static void take_bits(const uint8_t *from, const int64_t *rows, int64_t n, uint8_t *to) {
    for (int64_t i = 0; i < n; i += 8) {
        unsigned byte = 0;
        for (int64_t k = i; k < n && k < i + 8; k++)
            if (rows[k] >= 0) byte |= (unsigned)aip__bit_get(from, rows[k]) << (k - i);
        to[i >> 3] = (uint8_t)byte;
    }
}

static void take_validity(const uint8_t *from, const int64_t *rows, int64_t n, uint8_t *to) {
    if (from) {
        take_bits(from, rows, n, to);
        return;
    }
    for (int64_t i = 0; i < n; i += 8) {
        unsigned byte = 0;
        for (int64_t k = i; k < n && k < i + 8; k++) byte |= (unsigned)(rows[k] >= 0) << (k - i);
        to[i >> 3] = (uint8_t)byte;
    }
}

/* Calls each run of selected rows [a, b) once. */
#define EACH_RUN(mask, n, a, b, BODY)                                        \
    for (int64_t w_ = 0, open_ = -1; w_ * 64 <= (n); w_++) {                 \
        uint64_t m_ = w_ * 64 < (n) ? aip__bitmap_word((mask), w_, (n)) : 0; \
        int64_t at_ = 0;                                                     \
        while (at_ < 64) {                                                   \
            uint64_t rest_ = (open_ < 0 ? m_ : ~m_) >> at_;                  \
            if (!rest_) break;                                               \
            at_ += __builtin_ctzll(rest_);                                   \
            if (open_ < 0) {                                                 \
                open_ = w_ * 64 + at_;                                       \
            } else {                                                         \
                int64_t a = open_, b = w_ * 64 + at_;                        \
                BODY;                                                        \
                open_ = -1;                                                  \
            }                                                                \
        }                                                                    \
    }

static int64_t filtered_text_bytes(const int32_t *offsets, const uint8_t *mask, int64_t n) {
    int64_t total = 0;
    EACH_RUN(mask, n, a, b, total += offsets[b] - offsets[a]);
    return total;
}

static void filter_texts(const int32_t *offsets, const char *bytes, const uint8_t *mask, int64_t n, int32_t *to, char *to_bytes) {
    int32_t at = 0;
    *to++ = 0;
    EACH_RUN(mask, n, a, b, {
        size_t size = (size_t)(offsets[b] - offsets[a]);
        if (size > 0) memcpy(to_bytes + at, bytes + offsets[a], size);
        int32_t shift = at - offsets[a];
        for (int64_t i = a + 1; i <= b; i++) *to++ = offsets[i] + shift;
        at += (int32_t)size;
    });
}

static int64_t taken_text_bytes(const int32_t *offsets, const int64_t *rows, int64_t n) {
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++)
        if (rows[i] >= 0) total += offsets[rows[i] + 1] - offsets[rows[i]];
    return total;
}

static void take_texts(const int32_t *offsets, const char *bytes, const int64_t *rows, int64_t n, int32_t *to, char *to_bytes) {
    int32_t at = 0;
    to[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        if (rows[i] >= 0) {
            size_t size = (size_t)(offsets[rows[i] + 1] - offsets[rows[i]]);
            if (size > 0) memcpy(to_bytes + at, bytes + offsets[rows[i]], size);
            at += (int32_t)size;
        }
        to[i + 1] = at;
    }
}

/* ---- columns ------------------------------------------------------------------------------------------------------------------- */

/* A text column being made, with room for n rows and this many bytes. */
static int32_t text_new(aip_context *ctx, int32_t type, int64_t n, int64_t bytes, aip__column **out, aip_error **err) {
    if (bytes > INT32_MAX) return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes of text in one column of a batch");
    aip__column *c = aip__column_blank(ctx, type, n);
    if (c) c->offsets_buffer = aip__buffer_new(ctx, ((size_t)n + 1) * sizeof(int32_t));
    if (c) c->values_buffer = aip__buffer_new(ctx, (size_t)bytes);
    if (!c || !c->offsets_buffer || !c->values_buffer) {
        aip__column_free(c);
        return aip__error_memory(ctx, err);
    }
    c->offsets = (const int32_t *)(const void *)c->offsets_buffer->data;
    c->values = c->values_buffer->data;
    *out = c;
    return AIP_OK;
}

/* The bitmap of a column being made whose values keep the rule already; whole words may be written to it. */
static int32_t validity_new(aip__column *c, uint8_t **out, aip_error **err) {
    c->validity_buffer = aip__buffer_new(c->ctx, aip__bitmap_bytes(c->length));
    if (!c->validity_buffer) return aip__error_memory(c->ctx, err);
    c->validity = *out = c->validity_buffer->data;
    return AIP_OK;
}

/* Counts nulls; drops a bitmap without nulls. */
static void settle(aip__column *c) {
    c->null_count = c->validity ? c->length - aip__bitmap_count(c->validity, c->length) : 0;
    if (c->null_count > 0) return;
    aip__buffer_free(c->validity_buffer);
    c->validity_buffer = NULL;
    c->validity = NULL;
}

static int32_t *offsets_mut(aip__column *c) { return (int32_t *)(void *)c->offsets_buffer->data; }

/* A column being made of c's type, for n of its rows, without values yet. */
static int32_t like(const aip__column *c, int64_t n, int64_t text_bytes, aip__column **out, aip_error **err) {
    if (c->offsets) return text_new(c->ctx, c->type, n, text_bytes, out, err);
    AIP__TRY(aip__column_new(c->ctx, c->type, n, false, out, err));
    if (c->dictionary) (*out)->dictionary = aip__column_retain(c->dictionary);
    return AIP_OK;
}

int32_t aip__column_filter(const aip__column *c, const uint8_t *mask, int64_t n_selected, aip__column **out, aip_error **err) {
    if (n_selected == c->length) {
        *out = aip__column_retain(c);
        return AIP_OK;
    }
    aip__column *r = NULL;
    AIP__TRY(like(c, n_selected, c->offsets ? filtered_text_bytes(c->offsets, mask, c->length) : 0, &r, err));
    if (c->offsets)
        filter_texts(c->offsets, c->values, mask, c->length, offsets_mut(r), aip__column_values_mut(r));
    else if (c->type == AIP_BOOL)
        filter_bits(c->values, mask, c->length, aip__column_bool_mut(r));
    else if (aip__type_width(c->type) == 4)
        filter_uint32_t(c->values, mask, c->length, aip__column_values_mut(r));
    else
        filter_uint64_t(c->values, mask, c->length, aip__column_values_mut(r));
    if (c->validity) {
        uint8_t *validity = NULL;
        int32_t status = validity_new(r, &validity, err);
        if (status != AIP_OK) {
            aip__column_free(r);
            return status;
        }
        filter_bits(c->validity, mask, c->length, validity);
        settle(r);
    }
    *out = r;
    return AIP_OK;
}

static bool any_negative(const int64_t *rows, int64_t n) {
    int64_t all = 0;
    for (int64_t i = 0; i < n; i++) all |= rows[i];
    return all < 0;
}

int32_t aip__column_take(const aip__column *c, const int64_t *rows, int64_t n, aip__column **out, aip_error **err) {
    aip__column *r = NULL;
    AIP__TRY(like(c, n, c->offsets ? taken_text_bytes(c->offsets, rows, n) : 0, &r, err));
    if (c->offsets)
        take_texts(c->offsets, c->values, rows, n, offsets_mut(r), aip__column_values_mut(r));
    else if (c->type == AIP_BOOL)
        take_bits(c->values, rows, n, aip__column_bool_mut(r));
    else if (aip__type_width(c->type) == 4)
        take_uint32_t(c->values, rows, n, aip__column_values_mut(r));
    else
        take_uint64_t(c->values, rows, n, aip__column_values_mut(r));
    if (c->validity || any_negative(rows, n)) {
        uint8_t *validity = NULL;
        int32_t status = validity_new(r, &validity, err);
        if (status != AIP_OK) {
            aip__column_free(r);
            return status;
        }
        take_validity(c->validity, rows, n, validity);
        settle(r);
    }
    *out = r;
    return AIP_OK;
}

/* ---- concatenation ------------------------------------------------------------------------------------------------------------- */

/* Puts n bits (NULL: ones) at bit `at` of `to`, whose bits from `at` on are 0. */
static void append_bits(uint8_t *to, int64_t at, const uint8_t *from, int64_t n) {
    for (int64_t i = 0; i < n;) {
        if (((at + i) & 7) == 0 && (i & 7) == 0 && n - i >= 8) {
            int64_t whole = (n - i) / 8;
            if (from)
                memcpy(to + (at + i) / 8, from + i / 8, (size_t)whole);
            else
                memset(to + (at + i) / 8, 0xff, (size_t)whole);
            i += whole * 8;
        } else {
            if (!from || aip__bit_get(from, i)) aip__bit_set(to, at + i);
            i++;
        }
    }
}

static void append_values(aip__column *r, int64_t at, int64_t at_byte, const aip__column *p) {
    if (p->offsets) {
        int32_t *to = offsets_mut(r) + at, shift = (int32_t)at_byte - p->offsets[0];
        for (int64_t i = 0; i <= p->length; i++) to[i] = p->offsets[i] + shift;
        size_t size = (size_t)(p->offsets[p->length] - p->offsets[0]);
        if (size > 0) memcpy((char *)aip__column_values_mut(r) + at_byte, (const char *)p->values + p->offsets[0], size);
    } else if (p->type == AIP_BOOL) {
        append_bits(aip__column_bool_mut(r), at, p->values, p->length);
    } else if (p->length > 0) {
        size_t width = aip__type_width(p->type);
        memcpy((uint8_t *)aip__column_values_mut(r) + (size_t)at * width, p->values, (size_t)p->length * width);
    }
}

static int32_t check_parts(aip__column *const *parts, int32_t n, aip_error **err) {
    if (n < 1) return aip__error_set(err, AIP_E_INTERNAL, "no columns to concatenate");
    for (int32_t p = 1; p < n; p++)
        if (parts[p]->type != parts[0]->type)
            return aip__error_set(err, AIP_E_INTERNAL, "columns of %s and %s to concatenate", aip_type_name(parts[0]->type),
                                  aip_type_name(parts[p]->type));
    return AIP_OK;
}

int32_t aip__column_concat(aip_context *ctx, aip__column *const *parts, int32_t n, aip__column **out, aip_error **err) {
    AIP__TRY(check_parts(parts, n, err));
    if (n == 1) {
        *out = aip__column_retain(parts[0]);
        return AIP_OK;
    }
    int64_t rows = 0, bytes = 0, nulls = 0, at = 0, at_byte = 0;
    bool one_dictionary = true;
    for (int32_t p = 0; p < n; p++) {
        rows += parts[p]->length;
        nulls += parts[p]->null_count;
        if (parts[p]->offsets) bytes += parts[p]->offsets[parts[p]->length] - parts[p]->offsets[0];
        one_dictionary &= parts[p]->dictionary == parts[0]->dictionary;
    }
    aip__column *r = NULL;
    int32_t status = AIP_OK;
    if (parts[0]->offsets)
        AIP__TRY(text_new(ctx, parts[0]->type, rows, bytes, &r, err));
    else
        AIP__TRY(aip__column_new(ctx, parts[0]->type, rows, parts[0]->type == AIP_BOOL, &r, err));
    if (r->offsets) offsets_mut(r)[0] = 0;
    uint8_t *validity = NULL;
    if (nulls > 0) status = validity_new(r, &validity, err);
    if (validity) memset(validity, 0, aip__bitmap_bytes(rows));
    for (int32_t p = 0; p < n && status == AIP_OK; p++) {
        append_values(r, at, at_byte, parts[p]);
        if (validity) append_bits(validity, at, parts[p]->validity, parts[p]->length);
        at += parts[p]->length;
        if (parts[p]->offsets) at_byte += parts[p]->offsets[parts[p]->length] - parts[p]->offsets[0];
    }
    r->null_count = nulls;
    if (status == AIP_OK && r->type == AIP_DICTIONARY) {
        if (one_dictionary)
            r->dictionary = aip__column_retain(parts[0]->dictionary);
        else
            status = aip__dictionary_join(ctx, parts, n, aip__column_i32_mut(r), &r->dictionary, err);
    }
    if (status != AIP_OK) {
        aip__column_free(r);
        return status;
    }
    *out = r;
    return AIP_OK;
}
