/* JSON and YAML documents as one tree with positions.
 *
 * YAML (1.2 core schema: `on`, `yes`, `no` are strings) is read by libyaml's events; JSON text by a reader of our own, strictly (no duplicate keys, no
 * trailing text). Every node knows its line and column (1-based; 0 for JSON parameter text that came from code). Depth, node count and
 * size are limited. A document owns all its nodes and strings. */
#ifndef AIPIPE_LIB_BASE_DOCUMENT_H
#define AIPIPE_LIB_BASE_DOCUMENT_H

#include "base/text.h"
#include <stdbool.h>

typedef enum { AIP__NULL, AIP__BOOL, AIP__INT, AIP__FLOAT, AIP__STRING, AIP__LIST, AIP__MAP } aip__node_kind;

typedef struct aip__node aip__node;
struct aip__node {
    aip__node_kind kind;
    int32_t line, column;
    bool boolean;
    int64_t integer;
    double real;        /* of a float; also set for an int */
    const char *string; /* NUL-terminated; may hold NULs before (length says) */
    size_t length;      /* of the string */
    int32_t n;          /* items of a list, or pairs of a map */
    aip__node **items;  /* list: values; map: values */
    aip__node **keys;   /* map: string nodes, in the order of the file, unique */
};

#define AIP__DOCUMENT_DEPTH 128         /* lists and maps within each other; what code builds keeps to it too */
#define AIP__DOCUMENT_NODES 1000000     /* aliases counted as often as they are used */
#define AIP__DOCUMENT_BYTES (64u << 20) /* of text */

typedef struct aip__document aip__document;
/* JSON text given to aip__yaml_parse works too, and then has positions. An alias shares the nodes of its anchor.
 * source is for messages (a file's name; NULL: none). Errors: AIP_E_SYNTAX with line and column. */
int32_t aip__json_parse(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out, aip_error **err);
int32_t aip__yaml_parse(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out, aip_error **err);
/* A document whose nodes the caller makes (aip__node_new). */
int32_t aip__document_new(aip_context *ctx, aip__document **out, aip_error **err);
const aip__node *aip__document_root(const aip__document *d);
const char *aip__document_source(const aip__document *d);
void aip__document_set_root(aip__document *d, aip__node *root);
void aip__document_free(aip__document *d);

/* Nodes of a document; NULL when memory is refused. Strings are copied. */
aip__node *aip__node_new(aip__document *d, aip__node_kind kind);
aip__node *aip__node_string(aip__document *d, const char *bytes, size_t n);
aip__node *aip__node_copy(aip__document *d, const aip__node *node);                               /* deep */
int aip__node_add(aip__document *d, aip__node *parent, aip__node *key_or_null, aip__node *value); /* 0, or -1 when refused */

const aip__node *aip__node_get(const aip__node *map, const char *key); /* NULL when not a map or not there */
/* The first key that stands twice in a map (its second place), or NULL. -1 when memory is refused. */
int aip__node_duplicate_key(aip__document *d, const aip__node *map, const aip__node **key);
const char *aip__node_kind_name(aip__node_kind kind); /* "a list", "a number", ... for messages */

/* Canonical JSON: keys sorted bytewise, no spaces, shortest numbers. The same tree gives the same bytes. */
void aip__node_write(const aip__node *node, aip__text *out);
/* The same with keys in file order and indentation, for people. */
void aip__node_write_pretty(const aip__node *node, aip__text *out);

#endif
