/* Paths of fields, found by their text: "user.name" is what lies at the key name of the object user, and also at the key user.name of the record,
 * for they would be one column. A hash table with open addressing; FNV-1a goes on from the parent's hash, so a lookup costs its key alone. */
#include "formats/json/json.h"

#include "base/memory.h"
#include <string.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_on(uint64_t h, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t hash_of(const aip__json_node *parent, const char *key, size_t n) {
    return hash_on(parent->n > 0 ? hash_on(parent->hash, ".", 1) : FNV_START, key, n);
}

/* Is it parent's path, a dot, and key? Of the record's fields, the key alone. */
static bool is_path(const aip__json_node *node, const aip__json_node *parent, const char *key, size_t n) {
    size_t before = parent->n > 0 ? parent->n + 1 : 0;
    return node->n == before + n && memcmp(node->path + before, key, n) == 0
           && (before == 0 || (node->path[before - 1] == '.' && memcmp(node->path, parent->path, parent->n) == 0));
}

static size_t spot(const aip__json_tree *t, uint64_t hash) { return (size_t)(hash ^ hash >> 32) & (t->n_slots - 1); }

aip__json_node *aip__json_tree_find(const aip__json_tree *t, const aip__json_node *parent, const char *key, size_t n) {
    uint64_t hash = hash_of(parent, key, n);
    for (size_t i = spot(t, hash); t->slots[i] != 0; i = (i + 1) & (t->n_slots - 1)) {
        aip__json_node *node = t->nodes[t->slots[i] - 1];
        if (node->hash == hash && node != t->nodes[0] && is_path(node, parent, key, n)) return node;
    }
    return NULL;
}

static void enter(aip__json_tree *t, size_t index) {
    size_t i = spot(t, t->nodes[index]->hash);
    while (t->slots[i] != 0) i = (i + 1) & (t->n_slots - 1);
    t->slots[i] = (uint32_t)index + 1;
}

static bool make_room(aip__json_tree *t) {
    if (2 * (t->n + 1) < t->n_slots) return true;
    size_t n = t->n_slots ? 2 * t->n_slots : 64;
    uint32_t *slots = aip__calloc(t->ctx, n, sizeof *slots);
    if (!slots) return false;
    aip__free(t->ctx, t->slots);
    t->slots = slots;
    t->n_slots = n;
    for (size_t i = 0; i < t->n; i++) enter(t, i);
    return true;
}

static aip__json_node *add_node(aip__json_tree *t, aip__json_node *parent, const char *key, size_t n) {
    size_t before = parent && parent->n > 0 ? parent->n + 1 : 0;
    if (!make_room(t) || aip__grow(t->ctx, &t->nodes, &t->capacity, t->n + 1, sizeof(aip__json_node *)) != 0) return NULL;
    aip__json_node *node = aip__calloc(t->ctx, 1, sizeof *node);
    if (!node) return NULL;
    node->path = aip__alloc(t->ctx, before + n + 1);
    if (!node->path) {
        aip__free(t->ctx, node);
        return NULL;
    }
    if (before > 0) {
        memcpy(node->path, parent->path, parent->n);
        node->path[before - 1] = '.';
    }
    if (n > 0) memcpy(node->path + before, key, n);
    node->n = before + n;
    node->path[node->n] = 0;
    node->parent = parent;
    node->slot = -1;
    node->hash = parent ? hash_of(parent, key, n) : FNV_START;
    t->nodes[t->n] = node;
    enter(t, t->n++);
    if (!parent) return node;
    if (parent->last)
        parent->last->sibling = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

int32_t aip__json_tree_init(aip__json_tree *t, aip_context *ctx, aip_error **err) {
    *t = (aip__json_tree){.ctx = ctx};
    if (add_node(t, NULL, "", 0)) return AIP_OK;
    aip__json_tree_free(t);
    return aip__error_memory(ctx, err);
}

void aip__json_tree_free(aip__json_tree *t) {
    for (size_t i = 0; i < t->n; i++) {
        aip__free(t->ctx, t->nodes[i]->path);
        aip__free(t->ctx, t->nodes[i]);
    }
    aip__free(t->ctx, t->nodes);
    aip__free(t->ctx, t->slots);
    *t = (aip__json_tree){0};
}

int32_t aip__json_tree_add(aip__json_tree *t, aip__json_node *parent, const char *key, size_t n, aip__json_node **out,
                           aip_error **err) {
    *out = aip__json_tree_find(t, parent, key, n);
    if (!*out) *out = add_node(t, parent, key, n);
    return *out ? AIP_OK : aip__error_memory(t->ctx, err);
}

int32_t aip__json_tree_path(aip__json_tree *t, const char *path, aip__json_node **out, aip_error **err) {
    aip__json_node *root = t->nodes[0], *at = root;
    root->inner = true;
    /* Not into an empty key of the record, which is no column: ".b" is the key that begins with a dot. */
    for (const char *dot = *path ? strchr(path + 1, '.') : NULL; dot; dot = strchr(dot + 1, '.')) {
        AIP__TRY(aip__json_tree_add(t, root, path, (size_t)(dot - path), &at, err));
        at->inner = true;
    }
    return aip__json_tree_add(t, root, path, strlen(path), out, err);
}
