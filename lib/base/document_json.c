/* JSON text to a document, through jansson: strict RFC 8259, duplicate keys refused, integers of 64 bits, any value at the top. */
#include "base/document_inside.h"
#include "base/error.h"
#include "base/memory.h"
#include <jansson.h>
#include <string.h>

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)

void aip__text_position(const char *text, size_t offset, int64_t *line, int64_t *column) {
    *line = 1;
    size_t start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] != '\n') continue;
        ++*line;
        start = i + 1;
    }
    *column = (int64_t)(offset - start) + 1;
}

/* Of a text that was refused. Where jansson runs out of memory it mostly says nothing at all. */
static bool out_of_memory(const json_error_t *e) { return json_error_code(e) == json_error_out_of_memory || e->text[0] == 0; }

int32_t aip__json_is_valid(const char *text, size_t n, bool *valid, aip_error **err) {
    json_error_t e;
    json_t *root = json_loadb(text, n, FLAGS, &e);
    if (!root && out_of_memory(&e)) return aip__error_nomem(err);
    json_decref(root);
    *valid = root != NULL;
    return AIP_OK;
}

/* jansson reports where it stopped, behind the token that it names: "... near 'token'". Steps back to that token's first byte. */
static size_t error_offset(const json_error_t *e, const char *text, size_t n) {
    size_t at = e->position < 0 ? 0 : (size_t)e->position, length = strlen(e->text);
    if (at > n) at = n;
    const char *near = strstr(e->text, " near '");
    if (!near || length == 0 || e->text[length - 1] != '\'') return at;
    near += strlen(" near '");
    size_t token = (size_t)(e->text + length - 1 - near);
    if (token > 0 && token <= at && memcmp(text + at - token, near, token) == 0) at -= token;
    return at;
}

static int32_t syntax(const char *text, size_t n, const json_error_t *e, aip_error **err) {
    if (out_of_memory(e)) return aip__error_nomem(err);
    size_t at = error_offset(e, text, n);
    int64_t line = 0, column = 0;
    aip__text_position(text, at, &line, &column);
    int32_t status = aip__error_set(err, AIP_E_SYNTAX, "not valid JSON: %s", e->text);
    aip__error_at_line(err, line, column);
    aip__error_at_offset(err, (int64_t)at);
    return status;
}

typedef struct builder {
    aip_context *ctx;
    aip__document *d;
    int64_t n_nodes;
} builder;

static int32_t convert(builder *b, json_t *value, int depth, aip__node **out, aip_error **err);

/* The items of a list or map. Recursion is bounded by AIP__DOCUMENT_DEPTH. */
static int32_t convert_items(builder *b, json_t *value, int depth, aip__node *node, aip_error **err) {
    if (depth >= AIP__DOCUMENT_DEPTH)
        return aip__error_set(err, AIP_E_SYNTAX, "nested too deeply: expected at most %d levels", AIP__DOCUMENT_DEPTH);
    aip__node *item = NULL;
    json_t *v = NULL;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            AIP__TRY(convert(b, json_array_get(value, i), depth + 1, &item, err));
            if (aip__node_add(b->d, node, NULL, item) != 0) return aip__error_memory(b->ctx, err);
        }
        return AIP_OK;
    }
    const char *name = NULL;
    json_object_foreach(value, name, v) {
        AIP__TRY(convert(b, v, depth + 1, &item, err));
        aip__node *key = aip__node_string(b->d, name, strlen(name));
        if (!key || aip__node_add(b->d, node, key, item) != 0) return aip__error_memory(b->ctx, err);
    }
    return AIP_OK;
}

static int32_t convert(builder *b, json_t *value, int depth, aip__node **out, aip_error **err) {
    static const aip__node_kind kinds[] = {
        [JSON_OBJECT] = AIP__MAP, [JSON_ARRAY] = AIP__LIST, [JSON_STRING] = AIP__STRING, [JSON_INTEGER] = AIP__INT,
        [JSON_REAL] = AIP__FLOAT, [JSON_TRUE] = AIP__BOOL,  [JSON_FALSE] = AIP__BOOL,    [JSON_NULL] = AIP__NULL};
    if (++b->n_nodes > AIP__DOCUMENT_NODES)
        return aip__error_set(err, AIP_E_SYNTAX, "too large: expected at most %d values", AIP__DOCUMENT_NODES);
    aip__node *node = json_is_string(value) ? aip__node_string(b->d, json_string_value(value), json_string_length(value))
                                            : aip__node_new(b->d, kinds[json_typeof(value)]);
    if (!node) return aip__error_memory(b->ctx, err);
    node->boolean = json_is_true(value);
    if (json_is_integer(value)) node->integer = json_integer_value(value);
    if (json_is_number(value)) node->real = json_number_value(value);
    if (json_is_object(value) || json_is_array(value)) AIP__TRY(convert_items(b, value, depth, node, err));
    *out = node;
    return AIP_OK;
}

static bool is_blank(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!memchr(" \t\r\n", text[i], 4)) return false;
    return true;
}

int32_t aip__json_parse(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out, aip_error **err) {
    builder b = {.ctx = ctx};
    json_t *root = NULL;
    aip__node *node = NULL;
    int32_t status = AIP_OK;
    if (n > AIP__DOCUMENT_BYTES) {
        status = aip__error_set(err, AIP_E_SYNTAX, "too large: expected at most %u bytes, found %zu", AIP__DOCUMENT_BYTES, n);
        goto cleanup;
    }
    if (is_blank(text, n)) {
        status = aip__error_set(err, AIP_E_SYNTAX, "not valid JSON: expected a value, found nothing");
        goto cleanup;
    }
    json_error_t e;
    root = json_loadb(text, n, FLAGS, &e);
    if (!root) {
        status = syntax(text, n, &e, err);
        goto cleanup;
    }
    status = aip__document_new(ctx, &b.d, err);
    if (status == AIP_OK && aip__document_set_source(b.d, source) != 0) status = aip__error_memory(ctx, err);
    if (status == AIP_OK) status = convert(&b, root, 0, &node, err);
    if (status != AIP_OK) goto cleanup;
    aip__document_set_root(b.d, node);
    *out = b.d;
    b.d = NULL;
cleanup:
    if (status != AIP_OK) aip__error_at_source(err, source);
    json_decref(root);
    aip__document_free(b.d);
    return status;
}
