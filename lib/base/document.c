/* The document tree. All nodes, arrays and strings of a document lie in chunks that are freed together; an array that grows leaves its
 * old place behind (doubling, so at most as much again). Nothing in a parsed document changes, so nodes may be shared. */
#include "base/document_inside.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include <string.h>

#define CHUNK_SIZE ((size_t)4096)

typedef struct chunk {
    struct chunk *next;
    size_t used, size; /* of the bytes behind this header */
} chunk;

struct aip__document {
    aip_context *ctx;
    chunk *chunks;
    aip__node *root;
    const char *source;
};

static void *take(aip__document *d, size_t n) {
    chunk *c = d->chunks;
    size_t total = 0;
    if (aip__add_size(n, 15, &n)) return NULL;
    n &= ~(size_t)15;
    if (!c || c->size - c->used < n) {
        size_t size = c ? c->size * 2 : CHUNK_SIZE;
        if (size > CHUNK_SIZE * 64) size = CHUNK_SIZE * 64;
        if (size < n) size = n;
        if (aip__add_size(size, sizeof(chunk) + 16, &total)) return NULL;
        chunk *fresh = aip__alloc(d->ctx, total);
        if (!fresh) return NULL;
        *fresh = (chunk){.next = c, .size = size};
        d->chunks = c = fresh;
    }
    uint8_t *base = (uint8_t *)c + ((sizeof(chunk) + 15) & ~(size_t)15);
    void *p = base + c->used;
    c->used += n;
    return p;
}

int32_t aip__document_new(aip_context *ctx, aip__document **out, aip_error **err) {
    aip__document *d = aip__calloc(ctx, 1, sizeof *d);
    if (!d) return aip__error_memory(ctx, err);
    d->ctx = ctx;
    *out = d;
    return AIP_OK;
}

void aip__document_free(aip__document *d) {
    if (!d) return;
    for (chunk *c = d->chunks, *next; c; c = next) {
        next = c->next;
        aip__free(d->ctx, c);
    }
    aip__free(d->ctx, d);
}

const aip__node *aip__document_root(const aip__document *d) { return d->root; }
void aip__document_set_root(aip__document *d, aip__node *root) { d->root = root; }
const char *aip__document_source(const aip__document *d) { return d->source; }

int aip__document_set_source(aip__document *d, const char *source) {
    if (!source) return 0;
    size_t n = strlen(source) + 1;
    char *copy = take(d, n);
    if (!copy) return -1;
    d->source = memcpy(copy, source, n);
    return 0;
}

aip__node *aip__node_new(aip__document *d, aip__node_kind kind) {
    aip__node *node = take(d, sizeof *node);
    if (node) *node = (aip__node){.kind = kind};
    return node;
}

aip__node *aip__node_string(aip__document *d, const char *bytes, size_t n) {
    size_t with_nul = 0;
    if (aip__add_size(n, 1, &with_nul)) return NULL;
    aip__node *node = aip__node_new(d, AIP__STRING);
    char *copy = node ? take(d, with_nul) : NULL;
    if (!copy) return NULL;
    if (n > 0) memcpy(copy, bytes, n);
    copy[n] = 0;
    node->string = copy;
    node->length = n;
    return node;
}

/* An array of n pointers with room for one more: capacity is the next power of two, at least 4. */
static aip__node **one_more(aip__document *d, aip__node **array, int32_t n) {
    if (n > 0 && (n < 4 || (n & (n - 1)) != 0)) return array;
    size_t capacity = n == 0 ? 4 : (size_t)n * 2;
    aip__node **grown = take(d, capacity * sizeof *grown);
    if (grown && n > 0) memcpy(grown, array, (size_t)n * sizeof *grown);
    return grown;
}

int aip__node_add(aip__document *d, aip__node *parent, aip__node *key_or_null, aip__node *value) {
    if (!value || parent->n == INT32_MAX / 2 || (parent->kind == AIP__MAP && !key_or_null)) return -1;
    aip__node **items = one_more(d, parent->items, parent->n), **keys = NULL;
    if (items && parent->kind == AIP__MAP) keys = one_more(d, parent->keys, parent->n);
    if (!items || (parent->kind == AIP__MAP && !keys)) return -1;
    parent->items = items;
    parent->items[parent->n] = value;
    if (keys) {
        parent->keys = keys;
        parent->keys[parent->n] = key_or_null;
    }
    parent->n++;
    return 0;
}

/* Recursion is bounded: no document is deeper than AIP__DOCUMENT_DEPTH. */
aip__node *aip__node_copy(aip__document *d, const aip__node *node) {
    aip__node *copy = node->kind == AIP__STRING ? aip__node_string(d, node->string, node->length) : aip__node_new(d, node->kind);
    if (!copy) return NULL;
    copy->line = node->line;
    copy->column = node->column;
    copy->boolean = node->boolean;
    copy->integer = node->integer;
    copy->real = node->real;
    for (int32_t i = 0; i < node->n; i++) {
        aip__node *key = node->kind == AIP__MAP ? aip__node_copy(d, node->keys[i]) : NULL;
        if (aip__node_add(d, copy, key, aip__node_copy(d, node->items[i])) != 0) return NULL;
    }
    return copy;
}

const aip__node *aip__node_get(const aip__node *map, const char *key) {
    if (!map || map->kind != AIP__MAP) return NULL;
    size_t n = strlen(key);
    for (int32_t i = 0; i < map->n; i++)
        if (map->keys[i]->length == n && memcmp(map->keys[i]->string, key, n) == 0) return map->items[i];
    return NULL;
}

const char *aip__node_kind_name(aip__node_kind kind) {
    static const char *const names[] = {"null", "true or false", "an integer", "a number", "a string", "a list", "a map"};
    return names[kind];
}

/* ---- order of keys ---------------------------------------------------------------------------------------------------------------- */

static int compare_keys(const aip__node *a, const aip__node *b) {
    size_t n = a->length < b->length ? a->length : b->length;
    int order = n > 0 ? memcmp(a->string, b->string, n) : 0;
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_pairs(const aip__node *map, int32_t a, int32_t b) {
    int order = compare_keys(map->keys[a], map->keys[b]);
    return order != 0 ? order : (a > b) - (a < b);
}

static void sift_down(const aip__node *map, int32_t *heap, int32_t at, int32_t n) {
    for (int32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && compare_pairs(map, heap[child], heap[child + 1]) < 0) child++;
        if (compare_pairs(map, heap[at], heap[child]) >= 0) return;
        int32_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

void aip__node_key_order(const aip__node *map, int32_t *order) { /* heapsort: no memory, no quadratic case */
    int32_t n = map->n;
    for (int32_t i = 0; i < n; i++) order[i] = i;
    for (int32_t i = n / 2 - 1; i >= 0; i--) sift_down(map, order, i, n);
    for (int32_t end = n - 1; end > 0; end--) {
        int32_t swap = order[0];
        order[0] = order[end];
        order[end] = swap;
        sift_down(map, order, 0, end);
    }
}

int aip__node_duplicate_key(aip__document *d, const aip__node *map, const aip__node **key) {
    int32_t few[32], *order = few, first = INT32_MAX;
    *key = NULL;
    if (map->n < 2) return 0;
    if (map->n > 32) {
        order = aip__alloc(d->ctx, (size_t)map->n * sizeof *order);
        if (!order) return -1;
    }
    aip__node_key_order(map, order);
    for (int32_t i = 1; i < map->n; i++)
        if (compare_keys(map->keys[order[i - 1]], map->keys[order[i]]) == 0 && order[i] < first) first = order[i];
    if (first != INT32_MAX) *key = map->keys[first];
    if (order != few) aip__free(d->ctx, order);
    return 0;
}
