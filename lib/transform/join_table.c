/* A hash table over whole columns: keys stay where they are, slots hold their hash and row, and equality is looked up in the columns. */
#include "transform/join_table.h"

#include "base/hash.h"
#include "transform/cell.h"

typedef struct aip__join_slot {
    uint64_t hash;
    int64_t row; /* -1: empty */
} slot;

bool aip__join_comparable(const aip_field *left, const aip_field *right) {
    if (aip__type_is_text(left->type)) return aip__type_is_text(right->type);
    if (left->type == AIP_INT32 || left->type == AIP_INT64) return right->type == AIP_INT32 || right->type == AIP_INT64;
    if (left->type != right->type) return false;
    if (left->type == AIP_TIMESTAMP) return !left->zone == !right->zone;
    if (left->type == AIP_DECIMAL64) return left->scale == right->scale;
    return left->type == AIP_BOOL || left->type == AIP_DATE32;
}

/* ---- keys -------------------------------------------------------------------------------------------------------------------- */

static void hash_texts(const aip__column *c, uint64_t *hashes) {
    for (int64_t i = 0; i < c->length; i++) {
        if (!aip__valid(c->validity, i)) continue;
        size_t n = 0;
        const char *text = aip__column_text(c, i, &n);
        hashes[i] = aip__hash64(text, n, hashes[i]);
    }
}

/* One hash a row over all keys; ok: bits of the rows without a null. */
static void hash_keys(const aip__column *const *keys, int32_t n_keys, int64_t n, uint64_t *hashes, uint8_t *ok) {
    memset(hashes, 0, (size_t)n * sizeof *hashes);
    aip__bitmap_fill(ok, n, true);
    for (int32_t k = 0; k < n_keys; k++) {
        const aip__column *c = keys[k];
        if (c->validity)
            for (size_t b = 0; b < aip__bitmap_bytes(n); b++) ok[b] = (uint8_t)(ok[b] & c->validity[b]);
        if (aip__type_is_text(c->type))
            hash_texts(c, hashes);
        else
            for (int64_t i = 0; i < n; i++) hashes[i] = aip__hash_u64((uint64_t)aip__int_at(c, i), hashes[i]);
    }
}

static inline bool equal_at(const aip__column *a, int64_t i, const aip__column *b, int64_t j) {
    if (!aip__type_is_text(a->type)) return aip__int_at(a, i) == aip__int_at(b, j);
    size_t n = 0, m = 0;
    const char *x = aip__column_text(a, i, &n), *y = aip__column_text(b, j, &m);
    return n == m && memcmp(x, y, n) == 0;
}

/* The row with this key, or -1; *at is its slot, or the empty one where it would go. */
static inline int64_t find(const aip__join_table *t, const aip__column *const *keys, int64_t i, uint64_t hash, uint64_t *at) {
    for (*at = hash & t->mask;; *at = (*at + 1) & t->mask) {
        const slot *s = &t->slots[*at];
        if (s->row < 0) return -1;
        if (s->hash != hash) continue;
        int32_t k = 0;
        while (k < t->n_keys && equal_at(keys[k], i, t->keys[k], s->row)) k++;
        if (k == t->n_keys) return s->row;
    }
}

int32_t aip__join_table_probe(const aip__join_table *t, const aip__column *const *keys, int64_t n, int64_t *rows,
                              aip_error **err) {
    uint64_t *hashes = aip__alloc(t->ctx, ((size_t)n + 1) * sizeof *hashes);
    uint8_t *ok = aip__alloc(t->ctx, aip__bitmap_bytes(n) + 1);
    int32_t status = hashes && ok ? AIP_OK : aip__error_memory(t->ctx, err);
    if (status == AIP_OK) {
        hash_keys(keys, t->n_keys, n, hashes, ok);
        uint64_t at = 0;
        for (int64_t i = 0; i < n; i++) rows[i] = aip__bit_get(ok, i) ? find(t, keys, i, hashes[i], &at) : -1;
    }
    aip__free(t->ctx, hashes);
    aip__free(t->ctx, ok);
    return status;
}

/* ---- build ------------------------------------------------------------------------------------------------------------------- */

void aip__join_table_free(aip__join_table *t) {
    if (!t) return;
    for (int32_t i = 0; t->columns && i < t->n_columns; i++) aip__column_free(t->columns[i]);
    aip__free(t->ctx, t->columns);
    aip__free(t->ctx, t->keys);
    aip__free(t->ctx, t->slots);
    aip__free(t->ctx, t);
}

typedef struct batches {
    aip_batch **items;
    size_t n, capacity;
} batches;

static int32_t read_all(aip_dataset *d, aip__token *token, batches *all, aip_error **err) {
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(d, token, "join", &scan, err));
    int32_t status = AIP_OK;
    while (status == AIP_OK) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        if (aip__grow(d->ctx, &all->items, &all->capacity, all->n + 1, sizeof *all->items)) {
            aip_batch_free(batch);
            status = aip__error_memory(d->ctx, err);
        } else {
            all->items[all->n++] = batch;
        }
    }
    aip__scan_close(scan);
    return status;
}

/* One column out of that column of all batches. */
static int32_t join_parts(aip_dataset *d, const batches *all, int32_t i, aip__column **out, aip_error **err) {
    if (all->n == 0) return aip__column_nulls(d->ctx, d->schema->fields[i].type, 0, out, err);
    if (all->n > INT32_MAX) return aip__error_set(err, AIP_E_UNSUPPORTED, "the right table of a join is too large");
    aip__column **parts = aip__alloc(d->ctx, all->n * sizeof *parts);
    if (!parts) return aip__error_memory(d->ctx, err);
    for (size_t k = 0; k < all->n; k++) parts[k] = all->items[k]->columns[i];
    int32_t status = aip__column_concat(d->ctx, parts, (int32_t)all->n, out, err);
    aip__free(d->ctx, parts);
    aip__error_at_data_column(err, d->schema->fields[i].name);
    return status;
}

static int32_t duplicate(const aip__join_table *t, const aip_schema *schema, const int32_t *keys, int64_t first, int64_t second,
                         aip_error **err) {
    aip__text key;
    aip__text_init(&key, t->ctx);
    for (int32_t k = 0; k < t->n_keys; k++) {
        const aip_field *field = &schema->fields[keys[k]];
        aip__text_printf(&key, "%s%s = '", k ? ", " : "", field->name);
        aip__cell_text(&key, field, t->keys[k], second);
        aip__text_char(&key, '\'');
    }
    int32_t status = aip__error_set(
        err, AIP_E_DATA,
        "key %s occurs twice in the right table of the join, in rows %lld and %lld (from 0); validate m:1 needs unique keys",
        key.bytes ? key.bytes : "?", (long long)first, (long long)second);
    aip__error_at_data_column(err, schema->fields[keys[0]].name);
    aip__text_free(&key);
    return status;
}

static int32_t index_rows(aip__join_table *t, const aip_schema *schema, const int32_t *keys, aip_error **err) {
    uint64_t size = 16;
    while (size < (uint64_t)t->n_rows * 2) size *= 2;
    t->slots = aip__alloc(t->ctx, size * sizeof *t->slots);
    uint64_t *hashes = aip__alloc(t->ctx, ((size_t)t->n_rows + 1) * sizeof *hashes), at = 0;
    uint8_t *ok = aip__alloc(t->ctx, aip__bitmap_bytes(t->n_rows) + 1);
    int32_t status = t->slots && hashes && ok ? AIP_OK : aip__error_memory(t->ctx, err);
    if (status == AIP_OK) {
        t->mask = size - 1;
        for (uint64_t i = 0; i < size; i++) t->slots[i].row = -1;
        hash_keys(t->keys, t->n_keys, t->n_rows, hashes, ok);
    }
    for (int64_t i = 0; status == AIP_OK && i < t->n_rows; i++) {
        if (!aip__bit_get(ok, i)) continue;
        int64_t same = find(t, t->keys, i, hashes[i], &at);
        if (same >= 0)
            status = duplicate(t, schema, keys, same, i, err);
        else
            t->slots[at] = (slot){hashes[i], i};
    }
    aip__free(t->ctx, hashes);
    aip__free(t->ctx, ok);
    return status;
}

static int32_t fill(aip__join_table *t, aip_dataset *d, const batches *all, const int32_t *keys, aip_error **err) {
    t->columns = aip__calloc(t->ctx, (size_t)t->n_columns + 1, sizeof *t->columns);
    t->keys = aip__calloc(t->ctx, (size_t)t->n_keys + 1, sizeof *t->keys);
    if (!t->columns || !t->keys) return aip__error_memory(t->ctx, err);
    for (size_t k = 0; k < all->n; k++) t->n_rows += all->items[k]->n_rows;
    for (int32_t i = 0; i < t->n_columns; i++) AIP__TRY(join_parts(d, all, i, &t->columns[i], err));
    for (int32_t k = 0; k < t->n_keys; k++) t->keys[k] = t->columns[keys[k]];
    return index_rows(t, d->schema, keys, err);
}

int32_t aip__join_table_build(aip_dataset *d, const int32_t *keys, int32_t n_keys, aip__token *token, aip__join_table **out,
                              aip_error **err) {
    aip__join_table *t = aip__calloc(d->ctx, 1, sizeof *t);
    if (!t) return aip__error_memory(d->ctx, err);
    *t = (aip__join_table){.ctx = d->ctx, .n_columns = d->schema->n, .n_keys = n_keys};
    batches all = {0};
    int32_t status = read_all(d, token, &all, err);
    if (status == AIP_OK) status = fill(t, d, &all, keys, err);
    for (size_t i = 0; i < all.n; i++) aip_batch_free(all.items[i]);
    aip__free(d->ctx, all.items);
    if (status != AIP_OK) {
        aip__join_table_free(t);
        return status;
    }
    *out = t;
    return AIP_OK;
}
