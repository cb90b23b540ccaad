/* The keys that a walk has met. Records mostly repeat the keys of the last one in its order, so each key remembers which came behind it and how
 * that stood in the text, from the comma to the value: one comparison then takes quotes, key, colon and white space together. A key that comes
 * otherwise is found by a hash of its bytes and its object; a key that was never met is looked up among the paths, and remembered. */
#include "formats/json/json.h"

#include "base/memory.h"
#include <string.h>

static uint64_t hash_of(const aip__json_key *parent, const char *s, size_t n) {
    uint64_t h = (parent->hash ^ n) * UINT64_C(0x9e3779b97f4a7c15);
    for (; n >= 8; s += 8, n -= 8) {
        uint64_t w = 0;
        memcpy(&w, s, 8);
        h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

int32_t aip__json_keys_init(aip__json_keys *k, aip_context *ctx, const aip__json_tree *tree, const aip__json_cells *cells,
                            aip_error **err) {
    *k = (aip__json_keys){.ctx = ctx, .tree = tree, .cells = cells, .n_slots = 64};
    k->root = (aip__json_key){.slot = -1, .inner = true, .node = tree->nodes[0]};
    k->slots = aip__calloc(ctx, k->n_slots, sizeof(aip__json_key *));
    return k->slots ? AIP_OK : aip__error_memory(ctx, err);
}

static void key_free(aip_context *ctx, aip__json_key *key) {
    aip__free(ctx, key->raw);
    aip__free(ctx, key);
}

void aip__json_keys_free(aip__json_keys *k) {
    for (size_t i = 0; i < k->n; i++) key_free(k->ctx, k->all[i]);
    aip__free(k->ctx, k->all);
    aip__free(k->ctx, k->slots);
    aip__free(k->ctx, k->scratch);
    *k = (aip__json_keys){0};
}

/* Remembers how the key stands in the text; what is longer than there is room for is not predicted. */
static void see(aip__json_key *key, const char *seen, size_t n) {
    key->n_seen = 0;
    if (n > sizeof key->as_seen) return;
    memset(key->as_seen, 0, sizeof key->as_seen);
    memcpy(key->as_seen, seen, n);
    memcpy(key->word, key->as_seen, sizeof key->word);
    char mask[16] = {0};
    memset(mask, 0xff, n < sizeof mask ? n : sizeof mask);
    memcpy(key->mask, mask, sizeof key->mask);
    key->n_seen = (uint32_t)n;
}

/* What the key means: a column, an object to go into, or a field that is not wanted or not known. */
static bool look_up(aip__json_keys *k, aip__json_key *key, const char *raw, size_t n, bool escaped) {
    const aip__json_key *parent = key->parent;
    const aip__json_node *node = NULL;
    if (parent->node && !escaped) {
        node = aip__json_tree_find(k->tree, parent->node, raw, n);
    } else if (parent->node) {
        if (aip__grow(k->ctx, &k->scratch, &k->scratch_size, n + AIP__JSON_UNESCAPE_ROOM, 1) != 0) return false;
        size_t m = aip__json_unescape(raw, n, k->scratch);
        node = aip__json_tree_find(k->tree, parent->node, k->scratch, m);
    }
    key->node = node;
    key->slot = node ? node->slot : -1;
    key->inner = node && node->inner;
    key->unknown = !node || (!node->known && node->slot < 0 && !node->inner);
    if (key->slot >= 0) key->cells = k->cells[key->slot];
    return true;
}

static bool make_room(aip__json_keys *k) {
    if (k->n < k->n_slots) return true;
    size_t n = 2 * k->n_slots;
    aip__json_key **slots = aip__calloc(k->ctx, n, sizeof(aip__json_key *));
    if (!slots) return false;
    for (size_t i = 0; i < k->n; i++) {
        aip__json_key **slot = &slots[k->all[i]->hash & (n - 1)];
        k->all[i]->chain = *slot;
        *slot = k->all[i];
    }
    aip__free(k->ctx, k->slots);
    k->slots = slots;
    k->n_slots = n;
    return true;
}

aip__json_key *aip__json_keys_get(aip__json_keys *k, aip__json_key *parent, const char *raw, size_t n, bool escaped,
                                  const char *seen, size_t n_seen) {
    uint64_t hash = hash_of(parent, raw, n);
    for (aip__json_key *key = k->slots[hash & (k->n_slots - 1)]; key; key = key->chain) {
        if (key->hash != hash || key->parent != parent || key->n != n || memcmp(key->raw, raw, n) != 0) continue;
        see(key, seen, n_seen);
        return key;
    }
    aip__json_key found = {.parent = parent, .hash = hash, .n = n};
    if (!look_up(k, &found, raw, n, escaped)) return NULL;
    if (k->n >= AIP__JSON_MAX_KEYS && found.slot < 0 && !found.inner) {
        k->other = found;
        return &k->other;
    }
    if (!make_room(k) || aip__grow(k->ctx, &k->all, &k->capacity, k->n + 1, sizeof(aip__json_key *)) != 0) return NULL;
    aip__json_key *key = aip__alloc(k->ctx, sizeof *key);
    if (!key) return NULL;
    *key = found;
    key->raw = aip__strndup(k->ctx, raw, n);
    if (!key->raw) {
        aip__free(k->ctx, key);
        return NULL;
    }
    see(key, seen, n_seen);
    aip__json_key **slot = &k->slots[hash & (k->n_slots - 1)];
    key->chain = *slot;
    *slot = key;
    k->all[k->n++] = key;
    return key;
}
