/* Distinct values: an open-addressing table with the key's head inside the slot, hashed by a folded 128-bit multiply. */
#include "transform/categories.h"

#include "base/checked.h"
#include "base/hash.h"
#include "transform/learnt.h"
#include <math.h>
#include <stdlib.h>

typedef struct aip__category_slot {
    uint64_t head[2]; /* the first 16 bytes of a text, zeros behind its end; or the bits of a number */
    uint32_t length;
    int32_t index; /* -1: empty */
} slot;

typedef struct key {
    uint64_t head[2];
    uint32_t length;
    const char *bytes; /* of a text longer than the head */
    uint64_t hash;
} key;

aip__category_kind aip__category_kind_of(int32_t type) {
    switch (type) {
    case AIP_UTF8:
    case AIP_DICTIONARY: return AIP__CATEGORY_TEXT;
    case AIP_BOOL:
    case AIP_INT32:
    case AIP_INT64:
    case AIP_DATE32:
    case AIP_TIMESTAMP:
    case AIP_DECIMAL64: return AIP__CATEGORY_INT;
    case AIP_FLOAT32:
    case AIP_FLOAT64: return AIP__CATEGORY_FLOAT;
    default: return AIP__CATEGORY_NONE;
    }
}

bool aip__categories_comparable(int32_t type, int32_t scale, const aip_field *field) {
    aip__category_kind kind = aip__category_kind_of(type);
    if (kind != aip__category_kind_of(field->type)) return false;
    if (kind != AIP__CATEGORY_INT) return true;
    bool number = type == AIP_INT32 || type == AIP_INT64, other = field->type == AIP_INT32 || field->type == AIP_INT64;
    return (number && other) || (type == field->type && (type != AIP_DECIMAL64 || scale == field->scale));
}

void aip__categories_init(aip__categories *c, aip_context *ctx, aip__category_kind kind, int64_t limit) {
    *c = (aip__categories){.ctx = ctx, .kind = kind, .limit = limit < INT32_MAX / 4 ? limit : INT32_MAX / 4};
}

void aip__categories_free(aip__categories *c) {
    if (!c->ctx) return;
    aip__free(c->ctx, c->entries);
    aip__free(c->ctx, c->slots);
    aip__free(c->ctx, c->bytes);
    *c = (aip__categories){0};
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------ */

static inline key bits_key(uint64_t bits) {
    return (key){.head = {bits, 0}, .length = 8, .hash = aip__hash_fold(bits ^ AIP__HASH_K0, AIP__HASH_K1)};
}

static inline uint64_t f64_bits(double v) {
    uint64_t bits = 0;
    v = v == 0 ? 0.0 : v;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static const uint64_t low_bytes[9] = {0,
                                      UINT64_C(0xff),
                                      UINT64_C(0xffff),
                                      UINT64_C(0xffffff),
                                      UINT64_C(0xffffffff),
                                      UINT64_C(0xffffffffff),
                                      UINT64_C(0xffffffffffff),
                                      UINT64_C(0xffffffffffffff),
                                      UINT64_C(0xffffffffffffffff)};

/* first, second: the first 16 bytes, zeros behind the text's end. */
static inline key headed_key(uint64_t first, uint64_t second, const char *text, size_t n) {
    return (key){.head = {first, second},
                 .length = (uint32_t)n,
                 .bytes = text,
                 .hash = aip__hash_fold(first ^ n ^ AIP__HASH_K0, second ^ AIP__HASH_K1)};
}

/* `text` has at least 16 readable bytes, whatever its length: column buffers and our own byte string see to that. */
static inline key text_key(const char *text, size_t n) {
    uint64_t head[2] = {0, 0};
    if (n > 0) memcpy(head, text, 16);
    head[0] &= low_bytes[n < 8 ? n : 8]; /* without a branch: lengths vary from row to row */
    head[1] &= low_bytes[n < 8 ? 0 : n < 16 ? n - 8 : 8];
    key k = headed_key(head[0], head[1], text, n);
    if (n > 16) k.hash = aip__hash64(text + 16, n - 16, k.hash);
    return k;
}

/* The key of a text that may end where its memory does. */
static inline key exact_text_key(const char *text, size_t n) {
    if (n >= 16) return text_key(text, n);
    uint64_t first = 0, second = 0;
    uint32_t a = 0, b = 0;
    if (n >= 8) { /* two overlapping words, the second moved down to where its own bytes start */
        memcpy(&first, text, 8);
        memcpy(&second, text + n - 8, 8);
        second = n == 8 ? 0 : second >> (8 * (16 - n));
    } else if (n >= 4) {
        memcpy(&a, text, 4);
        memcpy(&b, text + n - 4, 4);
        first = a | (uint64_t)b << (8 * (n - 4));
    } else {
        for (size_t i = 0; i < n; i++) first |= (uint64_t)(unsigned char)text[i] << (8 * i);
    }
    return headed_key(first, second, text, n);
}

static inline bool same(const aip__categories *c, const slot *s, const key *k) {
    if (s->head[0] != k->head[0] || s->head[1] != k->head[1] || s->length != k->length) return false;
    return c->kind != AIP__CATEGORY_TEXT || k->length <= 16
           || memcmp(c->bytes + c->entries[s->index].bits + 16, k->bytes + 16, k->length - 16) == 0;
}

static inline int32_t find(const aip__categories *c, const key *k) {
    if (!c->slots) return AIP__CATEGORY_UNKNOWN;
    for (uint32_t i = (uint32_t)k->hash & c->slot_mask;; i = (i + 1) & c->slot_mask) {
        const slot *s = &c->slots[i];
        if (s->index < 0) return AIP__CATEGORY_UNKNOWN;
        if (same(c, s, k)) return s->index;
    }
}

static void put(slot *slots, uint32_t mask, const key *k, int32_t index) {
    uint32_t i = (uint32_t)k->hash & mask;
    while (slots[i].index >= 0) i = (i + 1) & mask;
    slots[i] = (slot){{k->head[0], k->head[1]}, k->length, index};
}

static key entry_key(const aip__categories *c, int64_t i) {
    const aip__category *e = &c->entries[i];
    return c->kind == AIP__CATEGORY_TEXT ? text_key(c->bytes + e->bits, e->length) : bits_key(e->bits);
}

/* Room for one more: the table stays at most half full. */
static int32_t grow_slots(aip__categories *c, aip_error **err) {
    size_t size = c->slots ? (size_t)c->slot_mask + 1 : 0;
    if (size && (size_t)c->n * 2 + 2 <= size) return AIP_OK;
    size = size ? size * 2 : 64;
    slot *slots = aip__alloc(c->ctx, size * sizeof *slots);
    if (!slots) return aip__error_memory(c->ctx, err);
    for (size_t i = 0; i < size; i++) slots[i].index = -1;
    for (int64_t i = 0; i < c->n; i++) {
        key k = entry_key(c, i);
        put(slots, (uint32_t)(size - 1), &k, (int32_t)i);
    }
    aip__free(c->ctx, c->slots);
    c->slots = slots;
    c->slot_mask = (uint32_t)(size - 1);
    return AIP_OK;
}

static int32_t insert(aip__categories *c, const key *k, const char *name, int32_t *index, aip_error **err) {
    if (c->n >= c->limit) {
        int32_t status =
            aip__error_set(err, AIP_E_DATA, "column '%s' has more than %lld distinct values", name, (long long)c->limit);
        aip__error_at_data_column(err, name);
        return status;
    }
    AIP__TRY(grow_slots(c, err));
    if (aip__grow(c->ctx, &c->entries, &c->entries_capacity, (size_t)c->n + 1, sizeof *c->entries))
        return aip__error_memory(c->ctx, err);
    aip__category e = {.bits = k->head[0], .length = k->length};
    if (c->kind == AIP__CATEGORY_TEXT) {
        size_t need = 0;
        if (aip__add_size(c->n_bytes, (size_t)k->length + 16, &need) || aip__grow(c->ctx, &c->bytes, &c->bytes_capacity, need, 1))
            return aip__error_memory(c->ctx, err);
        if (k->bytes) memcpy(c->bytes + c->n_bytes, k->bytes, k->length);
        memset(c->bytes + c->n_bytes + k->length, 0, 16);
        e.bits = c->n_bytes;
        c->n_bytes += k->length;
    }
    c->entries[c->n] = e;
    put(c->slots, c->slot_mask, k, (int32_t)c->n);
    *index = (int32_t)c->n++;
    return AIP_OK;
}

static inline int32_t find_or_insert(aip__categories *c, const key *k, const char *name, int32_t *index, aip_error **err) {
    *index = find(c, k);
    return *index >= 0 ? AIP_OK : insert(c, k, name, index, err);
}

int32_t aip__categories_find_text(const aip__categories *c, const char *text, size_t n) {
    key k = exact_text_key(text, n);
    return find(c, &k);
}

int32_t aip__categories_find_i64(const aip__categories *c, int64_t v) {
    key k = bits_key((uint64_t)v);
    return find(c, &k);
}

int32_t aip__categories_find_f64(const aip__categories *c, double v) {
    key k = bits_key(f64_bits(v));
    return find(c, &k);
}

int32_t aip__categories_add_bits(aip__categories *c, uint64_t bits, int64_t count, const char *name, aip_error **err) {
    key k = bits_key(bits);
    int32_t index = 0;
    AIP__TRY(find_or_insert(c, &k, name, &index, err));
    c->entries[index].count += count;
    return AIP_OK;
}

int32_t aip__categories_add_text(aip__categories *c, const char *text, size_t n, int64_t count, const char *name,
                                 aip_error **err) {
    key k = exact_text_key(text, n);
    int32_t index = 0;
    AIP__TRY(find_or_insert(c, &k, name, &index, err));
    c->entries[index].count += count;
    return AIP_OK;
}

/* ---- columns ----------------------------------------------------------------------------------------------------------------- */

/* The key of row i, which is not null; false when it is NaN. */
static inline bool row_key(const aip__column *column, int64_t i, key *k) {
    switch (column->type) {
    case AIP_UTF8: {
        size_t n = 0;
        const char *text = aip__column_text(column, i, &n), *end = (const char *)column->values + column->offsets[column->length];
        if (n >= 16 || end - text >= 16) {
            *k = text_key(text, n);
            return true;
        }
        char padded[16] = {0}; /* the column's memory may end with its last text */
        if (n > 0) memcpy(padded, text, n);
        *k = text_key(padded, n);
        k->bytes = text;
        return true;
    }
    case AIP_FLOAT64:
    case AIP_FLOAT32: {
        double v = column->type == AIP_FLOAT64 ? aip__column_f64(column)[i] : (double)aip__column_f32(column)[i];
        if (isnan(v)) return false;
        *k = bits_key(f64_bits(v));
        return true;
    }
    case AIP_BOOL: *k = bits_key(aip__bit_get(aip__column_bits(column), i)); return true;
    case AIP_INT32:
    case AIP_DATE32: *k = bits_key((uint64_t)(int64_t)aip__column_i32(column)[i]); return true;
    default: *k = bits_key((uint64_t)aip__column_i64(column)[i]); return true;
    }
}

/* Codes of the texts of a dictionary; counting makes room for those that rows use (used: a bit for each). */
static int32_t dictionary_codes(const aip__categories *c, aip__categories *into, const aip__column *column, const char *name,
                                int32_t *codes, aip_error **err) {
    const aip__column *texts = column->dictionary;
    int32_t *map = aip__alloc(c->ctx, ((size_t)texts->length + 1) * sizeof *map);
    if (!map) return aip__error_memory(c->ctx, err);
    for (int64_t i = 0; i < texts->length; i++) map[i] = INT32_MIN; /* not looked up yet */
    const int32_t *from = aip__column_i32(column);
    int32_t status = AIP_OK;
    for (int64_t i = 0; status == AIP_OK && i < column->length; i++) {
        if (!aip__valid(column->validity, i)) {
            codes[i] = AIP__CATEGORY_MISSING;
            continue;
        }
        int32_t *m = &map[from[i]];
        if (*m == INT32_MIN) {
            key k;
            row_key(texts, from[i], &k);
            if (into)
                status = find_or_insert(into, &k, name, m, err);
            else
                *m = find(c, &k);
        }
        codes[i] = *m;
    }
    aip__free(c->ctx, map);
    return status;
}

int32_t aip__categories_codes(const aip__categories *c, const aip__column *column, int32_t *codes, aip_error **err) {
    if (column->type == AIP_DICTIONARY) return dictionary_codes(c, NULL, column, NULL, codes, err);
    for (int64_t i = 0; i < column->length; i++) {
        key k;
        codes[i] = aip__valid(column->validity, i) && row_key(column, i, &k) ? find(c, &k) : AIP__CATEGORY_MISSING;
    }
    return AIP_OK;
}

int32_t aip__categories_count_codes(aip__categories *c, const aip__column *column, const char *name, int32_t *codes,
                                    aip_error **err) {
    if (column->type == AIP_DICTIONARY) {
        AIP__TRY(dictionary_codes(c, c, column, name, codes, err));
    } else {
        for (int64_t i = 0; i < column->length; i++) {
            key k;
            if (aip__valid(column->validity, i) && row_key(column, i, &k))
                AIP__TRY(find_or_insert(c, &k, name, &codes[i], err));
            else
                codes[i] = AIP__CATEGORY_MISSING;
        }
    }
    for (int64_t i = 0; i < column->length; i++)
        if (codes[i] < 0)
            c->n_missing++;
        else
            c->entries[codes[i]].count++;
    return AIP_OK;
}

int32_t aip__categories_count(aip__categories *c, const aip__column *column, const char *name, aip_error **err) {
    int32_t *codes = aip__alloc(c->ctx, ((size_t)column->length + 1) * sizeof *codes);
    if (!codes) return aip__error_memory(c->ctx, err);
    int32_t status = aip__categories_count_codes(c, column, name, codes, err);
    aip__free(c->ctx, codes);
    return status;
}

int32_t aip__categories_merge(aip__categories *into, const aip__categories *from, const char *name, aip_error **err) {
    into->n_missing += from->n_missing;
    for (int64_t i = 0; i < from->n; i++) {
        key k = entry_key(from, i);
        int32_t index = 0;
        AIP__TRY(find_or_insert(into, &k, name, &index, err));
        into->entries[index].count += from->entries[i].count;
    }
    return AIP_OK;
}

/* ---- order ------------------------------------------------------------------------------------------------------------------- */

int aip__categories_compare(const aip__categories *c, int64_t a, int64_t b) {
    if (c->kind == AIP__CATEGORY_TEXT) {
        size_t n = 0, m = 0;
        const char *x = aip__category_text(c, a, &n), *y = aip__category_text(c, b, &m);
        int order = memcmp(x, y, n < m ? n : m);
        return order != 0 ? order : (n > m) - (n < m);
    }
    if (c->kind == AIP__CATEGORY_FLOAT) {
        double x = aip__category_f64(c, a), y = aip__category_f64(c, b);
        return (x > y) - (x < y);
    }
    int64_t x = (int64_t)c->entries[a].bits, y = (int64_t)c->entries[b].bits;
    return (x > y) - (x < y);
}

static int compare_indices(const void *a, const void *b, void *c) {
    return aip__categories_compare(c, *(const int32_t *)a, *(const int32_t *)b);
}

int32_t aip__categories_order(const aip__categories *c, int32_t **out, aip_error **err) {
    int32_t *order = aip__alloc(c->ctx, ((size_t)c->n + 1) * sizeof *order);
    if (!order) return aip__error_memory(c->ctx, err);
    for (int32_t i = 0; i < c->n; i++) order[i] = i;
    qsort_r(order, (size_t)c->n, sizeof *order, compare_indices, (void *)(uintptr_t)c);
    *out = order;
    return AIP_OK;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------------- */

int32_t aip__categories_write(const aip__categories *c, aip_writer *w, aip_error **err) {
    AIP__TRY(aip_writer_i64(w, c->n_missing, err));
    AIP__TRY(aip_writer_i64(w, c->n, err));
    for (int64_t i = 0; i < c->n; i++) {
        AIP__TRY(aip_writer_i64(w, c->entries[i].count, err));
        if (c->kind != AIP__CATEGORY_TEXT) {
            AIP__TRY(aip_writer_i64(w, (int64_t)c->entries[i].bits, err));
            continue;
        }
        size_t n = 0;
        const char *text = aip__category_text(c, i, &n);
        AIP__TRY(aip_writer_i64(w, (int64_t)n, err));
        AIP__TRY(aip_writer_bytes(w, text, n, err));
    }
    return AIP_OK;
}

static int32_t read_one(aip__categories *c, aip_reader *r, aip_error **err) {
    int64_t count = 0, bits = 0, before = c->n;
    AIP__TRY(aip_reader_i64(r, &count, err));
    if (count < 0 || count > AIP__MAX_COUNT) return aip__corrupt_state(err, "a count is out of range");
    if (c->kind == AIP__CATEGORY_TEXT) {
        const char *text = NULL;
        size_t n = 0;
        AIP__TRY(aip_reader_text(r, &text, &n, err));
        if (n > INT32_MAX) return aip__corrupt_state(err, "a category is too long");
        AIP__TRY(aip__categories_add_text(c, text, n, count, "?", err));
    } else {
        AIP__TRY(aip_reader_i64(r, &bits, err));
        double v = 0;
        memcpy(&v, &bits, sizeof v);
        if (c->kind == AIP__CATEGORY_FLOAT && (isnan(v) || f64_bits(v) != (uint64_t)bits))
            return aip__corrupt_state(err, "a category is not a number");
        AIP__TRY(aip__categories_add_bits(c, (uint64_t)bits, count, "?", err));
    }
    return c->n == before + 1 ? AIP_OK : aip__corrupt_state(err, "a category occurs twice");
}

int32_t aip__categories_read(aip__categories *c, aip_reader *r, aip_error **err) {
    AIP__TRY(aip_reader_i64(r, &c->n_missing, err));
    int32_t n = 0;
    AIP__TRY(aip__read_count(r, c->limit, 16, &n, err));
    if (c->n_missing < 0 || c->n_missing > AIP__MAX_COUNT) return aip__corrupt_state(err, "a count is out of range");
    for (int32_t i = 0; i < n; i++) AIP__TRY(read_one(c, r, err));
    return AIP_OK;
}
