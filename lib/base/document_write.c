/* Documents as JSON text: canonical (keys sorted bytewise, no spaces, shortest numbers: what is hashed and stored) and indented for
 * people. Recursion is bounded: no document is deeper than AIP__DOCUMENT_DEPTH. */
#include "base/document_inside.h"
#include "base/memory.h"

static void write_scalar(const aip__node *node, aip__text *out) {
    switch (node->kind) {
    case AIP__BOOL: aip__text_str(out, node->boolean ? "true" : "false"); break;
    case AIP__INT: aip__text_printf(out, "%lld", (long long)node->integer); break;
    case AIP__FLOAT: aip__text_f64(out, node->real, true); break;
    case AIP__STRING: aip__text_json(out, node->string, node->length); break;
    default: aip__text_str(out, "null"); break;
    }
}

static void write_pair(const aip__node *map, int32_t i, bool first, aip__text *out) {
    if (!first) aip__text_char(out, ',');
    aip__text_json(out, map->keys[i]->string, map->keys[i]->length);
    aip__text_char(out, ':');
    aip__node_write(map->items[i], out);
}

static void write_map(const aip__node *map, aip__text *out) {
    int32_t few[32], *order = few;
    if (map->n > 32) order = aip__alloc(out->ctx, (size_t)map->n * sizeof *order);
    if (!order) {
        out->failed = true;
        return;
    }
    aip__node_key_order(map, order);
    aip__text_char(out, '{');
    for (int32_t i = 0; i < map->n && !out->failed; i++) write_pair(map, order[i], i == 0, out);
    aip__text_char(out, '}');
    if (order != few) aip__free(out->ctx, order);
}

void aip__node_write(const aip__node *node, aip__text *out) {
    if (node->kind == AIP__MAP) {
        write_map(node, out);
    } else if (node->kind == AIP__LIST) {
        aip__text_char(out, '[');
        for (int32_t i = 0; i < node->n && !out->failed; i++) {
            if (i > 0) aip__text_char(out, ',');
            aip__node_write(node->items[i], out);
        }
        aip__text_char(out, ']');
    } else {
        write_scalar(node, out);
    }
}

static void new_line(int depth, aip__text *out) {
    aip__text_char(out, '\n');
    for (int i = 0; i < depth; i++) aip__text_add(out, "  ", 2);
}

static void write_pretty(const aip__node *node, int depth, aip__text *out) {
    if ((node->kind != AIP__MAP && node->kind != AIP__LIST) || node->n == 0) {
        aip__node_write(node, out);
        return;
    }
    bool map = node->kind == AIP__MAP;
    aip__text_char(out, map ? '{' : '[');
    for (int32_t i = 0; i < node->n && !out->failed; i++) {
        if (i > 0) aip__text_char(out, ',');
        new_line(depth + 1, out);
        if (map) {
            aip__text_json(out, node->keys[i]->string, node->keys[i]->length);
            aip__text_add(out, ": ", 2);
        }
        write_pretty(node->items[i], depth + 1, out);
    }
    new_line(depth, out);
    aip__text_char(out, map ? '}' : ']');
}

void aip__node_write_pretty(const aip__node *node, aip__text *out) { write_pretty(node, 0, out); }
