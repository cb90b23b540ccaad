/* YAML text to a document, through libyaml's events: one document, string keys, anchors and aliases (no copy: an alias shares its anchor's
 * nodes, counted as if copied, so that "billion laughs" ends at the limit), no merge keys, core-schema tags only. The stack of open lists
 * and maps is an array of AIP__DOCUMENT_DEPTH. */
#include "base/document_inside.h"
#include "base/error.h"
#include "base/json_in_yaml.h"
#include "base/memory.h"
#include "base/yaml_scalar.h"
#include <string.h>
#include <yaml.h>

#define MAX_ANCHORS 1000
#define TAG "tag:yaml.org,2002:"

/* Where libyaml's character index lies in the text that was given. Moves forwards; events come in order. */
typedef struct cursor {
    const char *text;
    size_t n;
    bool rewritten; /* by aip__json_in_yaml */
    size_t index, at, line_start;
    int64_t line;
} cursor;

typedef struct anchor {
    const char *name;
    aip__node *node; /* NULL while it is open */
    int64_t n_nodes;
    int height;
} anchor;

typedef struct frame { /* an open list or map */
    aip__node *node, *key;
    int64_t nodes_before;
    int anchor; /* or -1 */
    int height;
} frame;

typedef struct reader {
    aip_context *ctx;
    aip__document *d;
    cursor where;
    yaml_parser_t parser;
    frame stack[AIP__DOCUMENT_DEPTH];
    int depth;
    anchor *anchors;
    size_t n_anchors, anchors_capacity;
    int64_t n_nodes;
    int n_documents;
    aip__node *root;
} reader;

/* ---- positions ------------------------------------------------------------------------------------------------------------------- */

static void step(cursor *c) {
    const unsigned char *p = (const unsigned char *)c->text + c->at;
    if (c->rewritten) {
        size_t chars = 0;
        c->at += aip__json_in_yaml_step(c->text + c->at, c->n - c->at, &chars);
        c->index += chars;
    } else {
        c->at += *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        c->index++;
    }
    if (*p == '\n' || (*p == '\r' && !(c->at < c->n && c->text[c->at] == '\n'))) {
        c->line++;
        c->line_start = c->at;
    }
}

static void seek(cursor *c, size_t index) {
    if (index < c->index) *c = (cursor){.text = c->text, .n = c->n, .rewritten = c->rewritten, .line = 1};
    while (c->index < index && c->at < c->n) step(c);
    if (c->at > c->n) c->at = c->n;
}

static void mark(reader *r, const yaml_event_t *event, aip__node *node) {
    seek(&r->where, event->start_mark.index);
    node->line = (int32_t)r->where.line;
    node->column = (int32_t)(r->where.at - r->where.line_start) + 1;
}

/* Gives *err the place of a character index; returns its status. */
static int32_t at_index(reader *r, size_t index, int32_t status, aip_error **err) {
    seek(&r->where, index);
    aip__error_at_line(err, r->where.line, (int64_t)(r->where.at - r->where.line_start) + 1);
    aip__error_at_offset(err, (int64_t)r->where.at);
    return status;
}

static int32_t refuse(reader *r, const yaml_event_t *event, const char *why, aip_error **err) {
    return at_index(r, event->start_mark.index, aip__error_set(err, AIP_E_SYNTAX, "%s", why), err);
}

static int32_t parser_error(reader *r, aip_error **err) {
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return aip__error_nomem(err);
    const char *problem = p->problem ? p->problem : "it does not parse";
    if (p->error == YAML_READER_ERROR) { /* a byte offset, and no mark */
        size_t at = p->problem_offset < r->where.n ? p->problem_offset : r->where.n;
        int64_t line = 0, column = 0;
        aip__text_position(r->where.text, at, &line, &column);
        int32_t status = aip__error_set(err, AIP_E_SYNTAX, "not valid YAML: %s (0x%02X)", problem, (unsigned)p->problem_value);
        aip__error_at_line(err, line, column);
        aip__error_at_offset(err, (int64_t)at);
        return status;
    }
    seek(&r->where, p->problem_mark.index);
    if (r->where.at < r->where.n && r->where.text[r->where.at] == '\t')
        return at_index(r, p->problem_mark.index,
                        aip__error_set(err, AIP_E_SYNTAX, "not valid YAML: expected spaces for indentation, found a tab"), err);
    int32_t status = AIP_OK;
    if (p->context && p->context_mark.line != p->problem_mark.line)
        status = aip__error_set(err, AIP_E_SYNTAX, "not valid YAML: %s %s that begins on line %zu", problem, p->context,
                                p->context_mark.line + 1);
    else
        status = aip__error_set(err, AIP_E_SYNTAX, "not valid YAML: %s%s%s", problem, p->context ? " " : "",
                                p->context ? p->context : "");
    return at_index(r, p->problem_mark.index, status, err);
}

/* ---- anchors ----------------------------------------------------------------------------------------------------------------------- */

/* Opens an anchor; *slot is -1 when the event has none. */
static int32_t open_anchor(reader *r, const yaml_event_t *event, const yaml_char_t *name, int *slot, aip_error **err) {
    *slot = -1;
    if (!name) return AIP_OK;
    if (r->n_anchors == MAX_ANCHORS) return refuse(r, event, "too many anchors: expected at most 1000", err);
    aip__node *copy = aip__node_string(r->d, (const char *)name, strlen((const char *)name));
    if (!copy || aip__grow(r->ctx, &r->anchors, &r->anchors_capacity, r->n_anchors + 1, sizeof *r->anchors) != 0)
        return aip__error_memory(r->ctx, err);
    r->anchors[r->n_anchors] = (anchor){.name = copy->string};
    *slot = (int)r->n_anchors++;
    return AIP_OK;
}

static void close_anchor(reader *r, int slot, aip__node *node, int64_t n_nodes, int height) {
    if (slot < 0) return;
    r->anchors[slot].node = node;
    r->anchors[slot].n_nodes = n_nodes;
    r->anchors[slot].height = height;
}

/* ---- the tree ---------------------------------------------------------------------------------------------------------------------- */

static int32_t count(reader *r, const yaml_event_t *event, int64_t n, aip_error **err) {
    r->n_nodes += n;
    return r->n_nodes <= AIP__DOCUMENT_NODES
               ? AIP_OK
               : refuse(r, event, "too large: expected at most 1000000 values, aliases included", err);
}

static bool is_key(const reader *r) {
    return r->depth > 0 && r->stack[r->depth - 1].node->kind == AIP__MAP && !r->stack[r->depth - 1].key;
}

/* Puts a finished node into what is open. height: of its lists and maps. */
static int32_t attach(reader *r, const yaml_event_t *event, aip__node *node, int height, aip_error **err) {
    if (r->depth == 0) {
        r->root = node;
        return AIP_OK;
    }
    frame *top = &r->stack[r->depth - 1];
    if (is_key(r)) {
        if (node->kind != AIP__STRING) return refuse(r, event, "expected a name as key", err);
        top->key = node;
        return AIP_OK;
    }
    if (aip__node_add(r->d, top->node, top->key, node) != 0) return aip__error_memory(r->ctx, err);
    top->key = NULL;
    if (height + 1 > top->height) top->height = height + 1;
    return AIP_OK;
}

static int32_t open_collection(reader *r, const yaml_event_t *event, aip__node_kind kind, aip_error **err) {
    bool map = kind == AIP__MAP;
    const yaml_char_t *name = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const char *tag = (const char *)(map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    if (is_key(r))
        return refuse(r, event, map ? "expected a name as key, found a map" : "expected a name as key, found a list", err);
    if (tag && strcmp(tag, "!") != 0 && strcmp(tag, map ? TAG "map" : TAG "seq") != 0)
        return refuse(r, event, "this tag is not supported: expected none", err);
    if (r->depth == AIP__DOCUMENT_DEPTH) return refuse(r, event, "nested too deeply: expected at most 128 levels", err);
    frame f = {.nodes_before = r->n_nodes, .height = 1};
    AIP__TRY(count(r, event, 1, err));
    AIP__TRY(open_anchor(r, event, name, &f.anchor, err));
    f.node = aip__node_new(r->d, kind);
    if (!f.node) return aip__error_memory(r->ctx, err);
    mark(r, event, f.node);
    r->stack[r->depth++] = f;
    return AIP_OK;
}

static int32_t close_collection(reader *r, const yaml_event_t *event, aip_error **err) {
    frame f = r->stack[--r->depth];
    const aip__node *twice = NULL;
    if (f.node->kind == AIP__MAP) {
        if (aip__node_duplicate_key(r->d, f.node, &twice) != 0) return aip__error_memory(r->ctx, err);
        if (twice) {
            int32_t status = aip__error_set(err, AIP_E_SYNTAX, "the key '%.200s' stands twice in one map", twice->string);
            aip__error_at_line(err, twice->line, twice->column);
            return status;
        }
    }
    close_anchor(r, f.anchor, f.node, r->n_nodes - f.nodes_before, f.height);
    return attach(r, event, f.node, f.height, err);
}

/* The kind that a scalar's tag demands; AIP__MAP: a tag that is not known; AIP__LIST: none. */
static aip__node_kind demanded(const char *tag) {
    if (!tag) return AIP__LIST;
    if (strcmp(tag, "!") == 0 || strcmp(tag, TAG "str") == 0) return AIP__STRING;
    if (strcmp(tag, TAG "null") == 0) return AIP__NULL;
    if (strcmp(tag, TAG "bool") == 0) return AIP__BOOL;
    if (strcmp(tag, TAG "int") == 0) return AIP__INT;
    if (strcmp(tag, TAG "float") == 0) return AIP__FLOAT;
    return AIP__MAP;
}

static int32_t key_scalar(reader *r, const yaml_event_t *event, aip_error **err) {
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && n == 0) return refuse(r, event, "expected a name as key, found nothing before ':'", err);
    if (strlen(text) != n) return refuse(r, event, "expected a name as key, found a NUL character in it", err);
    if (plain && strcmp(text, "<<") == 0)
        return refuse(r, event, "merge keys (<<) are not supported: expected the entries themselves", err);
    return AIP_OK;
}

static int32_t scalar(reader *r, const yaml_event_t *event, aip_error **err) {
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    aip__node_kind kind = demanded((const char *)event->data.scalar.tag);
    bool key = is_key(r), plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    aip__node value = {.kind = AIP__STRING};
    int slot = -1;
    if (kind == AIP__MAP)
        return refuse(r, event, "this tag is not supported: expected none, !!str, !!int, !!float, !!bool or !!null", err);
    AIP__TRY(count(r, event, 1, err));
    AIP__TRY(open_anchor(r, event, event->data.scalar.anchor, &slot, err));
    if (key) {
        AIP__TRY(key_scalar(r, event, err));
    } else if (kind != AIP__STRING && (plain || kind != AIP__LIST)) {
        int32_t status = aip__yaml_scalar(text, &value, err);
        if (status != AIP_OK) return at_index(r, event->start_mark.index, status, err);
        if (kind == AIP__FLOAT && value.kind == AIP__INT) value.kind = AIP__FLOAT;
        if (kind != AIP__LIST && kind != value.kind) return refuse(r, event, "the value does not fit its tag", err);
    }
    aip__node *node = value.kind == AIP__STRING ? aip__node_string(r->d, text, n) : aip__node_new(r->d, value.kind);
    if (!node) return aip__error_memory(r->ctx, err);
    node->boolean = value.boolean;
    node->integer = value.kind == AIP__INT ? value.integer : 0;
    node->real = value.real;
    mark(r, event, node);
    close_anchor(r, slot, node, 1, 0);
    return attach(r, event, node, 0, err);
}

static int32_t alias(reader *r, const yaml_event_t *event, aip_error **err) {
    const char *name = (const char *)event->data.alias.anchor;
    const anchor *found = NULL;
    for (size_t i = r->n_anchors; i-- > 0 && !found;) /* the latest of that name */
        if (strcmp(r->anchors[i].name, name) == 0) found = &r->anchors[i];
    if (!found || !found->node) {
        int32_t status = found ? aip__error_set(err, AIP_E_SYNTAX, "the alias *%.100s lies within its own anchor", name)
                               : aip__error_set(err, AIP_E_SYNTAX, "the alias *%.100s has no anchor before it", name);
        return at_index(r, event->start_mark.index, status, err);
    }
    if (r->depth + found->height > AIP__DOCUMENT_DEPTH)
        return refuse(r, event, "nested too deeply: expected at most 128 levels", err);
    AIP__TRY(count(r, event, found->n_nodes, err));
    return attach(r, event, found->node, found->height, err);
}

static int32_t take_event(reader *r, const yaml_event_t *event, aip_error **err) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->n_documents++ > 0) return refuse(r, event, "a second document begins here: expected one", err);
        return AIP_OK;
    case YAML_ALIAS_EVENT: return alias(r, event, err);
    case YAML_SCALAR_EVENT: return scalar(r, event, err);
    case YAML_SEQUENCE_START_EVENT: return open_collection(r, event, AIP__LIST, err);
    case YAML_MAPPING_START_EVENT: return open_collection(r, event, AIP__MAP, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_collection(r, event, err);
    default: return AIP_OK; /* start and end of the stream, end of the document */
    }
}

static int32_t read_all(reader *r, aip_error **err) {
    int32_t status = AIP_OK;
    for (bool end = false; !end && status == AIP_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) return parser_error(r, err);
        end = event.type == YAML_STREAM_END_EVENT;
        status = take_event(r, &event, err);
        yaml_event_delete(&event);
    }
    return status;
}

int32_t aip__yaml_parse(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out, aip_error **err) {
    int32_t status = AIP_OK;
    char *rewritten = NULL;
    size_t n_given = n;
    bool parser = false;
    reader *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) return aip__error_memory(ctx, err);
    r->ctx = ctx;
    if (!text) text = "";
    if (n > AIP__DOCUMENT_BYTES) {
        status = aip__error_set(err, AIP_E_SYNTAX, "too large: expected at most %u bytes, found %zu", AIP__DOCUMENT_BYTES, n);
        goto cleanup;
    }
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, n_given = n -= 3; /* a byte order mark is no part of line 1 */
    status = aip__json_in_yaml(ctx, text, n, &rewritten, &n_given, err);
    if (status == AIP_OK) status = aip__document_new(ctx, &r->d, err);
    if (status != AIP_OK) goto cleanup;
    parser = yaml_parser_initialize(&r->parser) != 0;
    if (!parser || aip__document_set_source(r->d, source) != 0) {
        status = parser ? aip__error_memory(ctx, err) : aip__error_nomem(err);
        goto cleanup;
    }
    r->where = (cursor){.text = text, .n = n, .rewritten = rewritten != NULL, .line = 1};
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)(rewritten ? rewritten : text), n_given);
    status = read_all(r, err);
    if (status != AIP_OK) goto cleanup;
    if (!r->root && (r->root = aip__node_new(r->d, AIP__NULL))) r->root->line = r->root->column = 1; /* an empty text */
    if (!r->root) {
        status = aip__error_memory(ctx, err);
        goto cleanup;
    }
    aip__document_set_root(r->d, r->root);
    *out = r->d;
    r->d = NULL;
cleanup:
    if (status != AIP_OK) aip__error_at_source(err, source);
    if (parser) yaml_parser_delete(&r->parser);
    aip__document_free(r->d);
    aip__free(ctx, r->anchors);
    aip__free(ctx, rewritten);
    aip__free(ctx, r);
    return status;
}
