/* JSON text to a document: strict RFC 8259, duplicate keys refused, integers of 64 bits, any value at the top. A reader of our own, straight into
 * the document's memory: jansson does not notice when its token buffer cannot grow, and reads on without the byte. */
#include "base/checked.h"
#include "base/document_inside.h"
#include "base/error.h"
#include "base/memory.h"
#include <math.h>
#include <string.h>

#define NEAR_BYTES 40 /* of a token, in messages */

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

typedef struct reader {
    aip_context *ctx;
    aip__document *d;
    const char *text;
    size_t n, at;
    int64_t n_nodes;
} reader;

/* ---- tokens ----------------------------------------------------------------------------------------------------------------------- */

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' || c == '-'
           || c == '.';
}

static int32_t placed(const reader *r, size_t at, int32_t status, aip_error **err) {
    int64_t line = 0, column = 0;
    aip__text_position(r->text, at, &line, &column);
    aip__error_at_line(err, line, column);
    aip__error_at_offset(err, (int64_t)at);
    return status;
}

/* The error, with its place, and the token that stands there. */
static int32_t bad(const reader *r, size_t at, const char *why, aip_error **err) {
    size_t n = 0;
    while (at + n < r->n && n < NEAR_BYTES && is_word(r->text[at + n])) n++;
    if (n == 0 && at < r->n && r->text[at] > 0x20 && r->text[at] < 0x7f) n = 1;
    int32_t status = AIP_OK;
    if (n > 0)
        status = aip__error_set(err, AIP_E_SYNTAX, "not valid JSON: %s near '%.*s'", why, (int)n, r->text + at);
    else
        status = aip__error_set(err, AIP_E_SYNTAX, "not valid JSON: %s%s", why, at >= r->n ? " near end of file" : "");
    return placed(r, at, status, err);
}

/* More than one of the document's limits. */
static int32_t beyond(const reader *r, size_t at, const char *what, int most, const char *of, aip_error **err) {
    int32_t status = aip__error_set(err, AIP_E_SYNTAX, "%s: expected at most %d %s", what, most, of);
    return placed(r, at, status, err);
}

static void skip_space(reader *r) {
    while (r->at < r->n && (r->text[r->at] == ' ' || r->text[r->at] == '\t' || r->text[r->at] == '\n' || r->text[r->at] == '\r'))
        r->at++;
}

static bool take(reader *r, char c) {
    skip_space(r);
    if (r->at >= r->n || r->text[r->at] != c) return false;
    r->at++;
    return true;
}

/* ---- strings ---------------------------------------------------------------------------------------------------------------------- */

/* Bytes of the well-formed UTF-8 sequence that begins here, or 0 (Unicode 15, table 3-7). */
static size_t utf8_bytes(const char *text, size_t left) {
    const uint8_t *p = (const uint8_t *)text;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80, high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n > left) return 0;
    if (n > 1 && (p[1] < low || p[1] > high)) return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf) return 0;
    return n;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u; false when they are not there. */
static bool hex4(const reader *r, size_t at, uint32_t *code) {
    *code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < r->n ? hex_digit(r->text[at + i]) : -1;
        if (digit < 0) return false;
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

static void add_code(aip__text *out, uint32_t c) {
    const char bytes[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)), (char)(0x80 | (c >> 6 & 0x3f)),
                           (char)(0x80 | (c & 0x3f))};
    if (c < 0x80) {
        aip__text_char(out, (char)c);
    } else if (c < 0x800) {
        aip__text_char(out, (char)(0xc0 | c >> 6));
        aip__text_add(out, bytes + 3, 1);
    } else if (c < 0x10000) {
        aip__text_char(out, (char)(0xe0 | c >> 12));
        aip__text_add(out, bytes + 2, 2);
    } else {
        aip__text_add(out, bytes, 4);
    }
}

/* An escape, at its backslash. */
static int32_t read_escape(reader *r, bool key, aip__text *out, aip_error **err) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    size_t at = r->at;
    char c = at + 1 < r->n ? r->text[at + 1] : 0;
    const char *simple = c ? strchr(letters, c) : NULL;
    uint32_t code = 0, low = 0;
    if (simple) {
        aip__text_char(out, meanings[simple - letters]);
        r->at += 2;
        return AIP_OK;
    }
    if (c != 'u' || !hex4(r, at + 2, &code)) return bad(r, at, "invalid escape", err);
    r->at += 6;
    if (code >= 0xd800 && code < 0xdc00) {
        bool pair = r->at + 1 < r->n && r->text[r->at] == '\\' && r->text[r->at + 1] == 'u' && hex4(r, r->at + 2, &low);
        if (!pair || low < 0xdc00 || low > 0xdfff) return bad(r, at, "half of a surrogate pair", err);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    } else if (code >= 0xdc00 && code < 0xe000) {
        return bad(r, at, "half of a surrogate pair", err);
    }
    if (code == 0 && key) return bad(r, at, "a NUL in a key", err);
    add_code(out, code);
    return AIP_OK;
}

/* From the opening quote to behind the closing one. Text without escapes is taken as it lies there. */
static int32_t read_string(reader *r, bool key, aip__node **out, aip_error **err) {
    size_t quote = r->at++, run = r->at;
    aip__text made;
    aip__text_init(&made, r->ctx);
    int32_t status = AIP_OK;
    bool escaped = false;
    while (status == AIP_OK && r->at < r->n && r->text[r->at] != '"') {
        if (r->text[r->at] == '\\') {
            aip__text_add(&made, r->text + run, r->at - run);
            escaped = true;
            status = read_escape(r, key, &made, err);
            run = r->at;
            continue;
        }
        size_t n = utf8_bytes(r->text + r->at, r->n - r->at);
        if (n == 0)
            status = bad(r, r->at, "bytes that are not UTF-8", err);
        else if ((uint8_t)r->text[r->at] < 0x20)
            status = bad(r, r->at, "a control character in a string", err);
        r->at += n;
    }
    if (status == AIP_OK && r->at >= r->n) status = bad(r, quote, "a string without its end", err);
    if (status == AIP_OK && escaped) aip__text_add(&made, r->text + run, r->at - run);
    aip__node *node = NULL;
    if (status == AIP_OK && !made.failed)
        node = escaped ? aip__node_string(r->d, made.bytes, made.n) : aip__node_string(r->d, r->text + run, r->at - run);
    aip__text_free(&made);
    if (status != AIP_OK) return status;
    if (!node) return aip__error_memory(r->ctx, err);
    if (key) node->integer = (int64_t)quote; /* where it stands, until the keys of its map are compared */
    r->at++;
    *out = node;
    return AIP_OK;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------------------- */

static size_t digits(const reader *r, size_t at) {
    size_t n = 0;
    while (at + n < r->n && r->text[at + n] >= '0' && r->text[at + n] <= '9') n++;
    return n;
}

/* The end of the number that begins here, or 0 when it is none; *whole: it has neither fraction nor exponent. */
static size_t number_end(const reader *r, bool *whole) {
    size_t at = r->at + (r->text[r->at] == '-'), n = digits(r, at);
    *whole = true;
    if (n == 0 || (n > 1 && r->text[at] == '0')) return 0;
    at += n;
    if (at < r->n && r->text[at] == '.') {
        n = digits(r, at + 1);
        if (n == 0) return 0;
        at += 1 + n;
        *whole = false;
    }
    if (at < r->n && (r->text[at] == 'e' || r->text[at] == 'E')) {
        at++;
        if (at < r->n && (r->text[at] == '+' || r->text[at] == '-')) at++;
        n = digits(r, at);
        if (n == 0) return 0;
        at += n;
        *whole = false;
    }
    return at < r->n && is_word(r->text[at]) ? 0 : at;
}

static bool to_integer(const char *p, size_t n, int64_t *out) { /* counted downwards, where there is room for one more */
    bool negative = *p == '-';
    int64_t v = 0;
    for (size_t i = negative; i < n; i++)
        if (aip__mul_i64(v, 10, &v) || aip__add_i64(v, -(int64_t)(p[i] - '0'), &v)) return false;
    if (!negative && v == INT64_MIN) return false;
    *out = negative ? v : -v;
    return true;
}

static int32_t read_number(reader *r, aip__node **out, aip_error **err) {
    bool whole = false;
    size_t end = number_end(r, &whole), n = end - r->at;
    if (end == 0) return bad(r, r->at, "invalid number", err);
    aip__node *node = aip__node_new(r->d, whole ? AIP__INT : AIP__FLOAT);
    if (!node) return aip__error_memory(r->ctx, err);
    if (whole) {
        if (!to_integer(r->text + r->at, n, &node->integer)) return bad(r, r->at, "an integer that does not fit 64 bits", err);
        node->real = (double)node->integer;
    } else {
        char few[64], *copy = n < sizeof few ? few : aip__alloc(r->ctx, n + 1);
        if (!copy) return aip__error_memory(r->ctx, err);
        memcpy(copy, r->text + r->at, n);
        copy[n] = 0;
        node->real = aip__strtod(copy, NULL);
        if (copy != few) aip__free(r->ctx, copy);
        if (isinf(node->real)) return bad(r, r->at, "a number that is too large", err);
    }
    r->at = end;
    *out = node;
    return AIP_OK;
}

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

static int32_t read_value(reader *r, int depth, aip__node **out, aip_error **err);

static int32_t check_keys(reader *r, const aip__node *map, aip_error **err) {
    const aip__node *twice = NULL;
    if (aip__node_duplicate_key(r->d, map, &twice) != 0) return aip__error_memory(r->ctx, err);
    return twice ? bad(r, (size_t)twice->integer, "duplicate object key", err) : AIP_OK;
}

/* The items of a list or map, from behind its bracket. Recursion is bounded by AIP__DOCUMENT_DEPTH. */
static int32_t read_items(reader *r, int depth, aip__node *node, aip_error **err) {
    bool map = node->kind == AIP__MAP;
    char close = map ? '}' : ']';
    if (depth >= AIP__DOCUMENT_DEPTH) return beyond(r, r->at - 1, "nested too deeply", AIP__DOCUMENT_DEPTH, "levels", err);
    if (take(r, close)) return AIP_OK;
    do {
        aip__node *key = NULL, *item = NULL;
        skip_space(r);
        if (map) {
            if (r->at >= r->n || r->text[r->at] != '"') return bad(r, r->at, "string or '}' expected", err);
            AIP__TRY(read_string(r, true, &key, err));
            if (!take(r, ':')) return bad(r, r->at, "':' expected", err);
        }
        AIP__TRY(read_value(r, depth + 1, &item, err));
        if (aip__node_add(r->d, node, key, item) != 0) return aip__error_memory(r->ctx, err);
    } while (take(r, ','));
    if (!take(r, close)) return bad(r, r->at, map ? "'}' expected" : "']' expected", err);
    if (map) AIP__TRY(check_keys(r, node, err));
    for (int32_t i = 0; map && i < node->n; i++) node->keys[i]->integer = 0;
    return AIP_OK;
}

static bool take_word(reader *r, const char *word) {
    size_t n = strlen(word);
    if (r->n - r->at < n || memcmp(r->text + r->at, word, n) != 0 || (r->at + n < r->n && is_word(r->text[r->at + n])))
        return false;
    r->at += n;
    return true;
}

static int32_t read_value(reader *r, int depth, aip__node **out, aip_error **err) {
    skip_space(r);
    char c = r->at < r->n ? r->text[r->at] : 0;
    aip__node *node = NULL;
    if (++r->n_nodes > AIP__DOCUMENT_NODES) return beyond(r, r->at, "too large", AIP__DOCUMENT_NODES, "values", err);
    if (c == '"') return read_string(r, false, out, err);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(r, out, err);
    bool yes = take_word(r, "true"), boolean = yes || take_word(r, "false");
    if (!boolean && c != '{' && c != '[' && !take_word(r, "null")) return bad(r, r->at, "invalid token", err);
    node = aip__node_new(r->d, c == '{' ? AIP__MAP : c == '[' ? AIP__LIST : boolean ? AIP__BOOL : AIP__NULL);
    if (!node) return aip__error_memory(r->ctx, err);
    node->boolean = yes;
    if (c == '{' || c == '[') {
        r->at++;
        AIP__TRY(read_items(r, depth, node, err));
    }
    *out = node;
    return AIP_OK;
}

int32_t aip__json_parse(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out, aip_error **err) {
    reader r = {.ctx = ctx, .text = text, .n = n};
    aip__node *node = NULL;
    int32_t status = AIP_OK;
    if (n > AIP__DOCUMENT_BYTES)
        status = aip__error_set(err, AIP_E_SYNTAX, "too large: expected at most %u bytes, found %zu", AIP__DOCUMENT_BYTES, n);
    skip_space(&r);
    if (status == AIP_OK && r.at == n)
        status = placed(&r, r.at, aip__error_set(err, AIP_E_SYNTAX, "not valid JSON: expected a value, found nothing"), err);
    if (status == AIP_OK) status = aip__document_new(ctx, &r.d, err);
    if (status == AIP_OK && aip__document_set_source(r.d, source) != 0) status = aip__error_memory(ctx, err);
    if (status == AIP_OK) status = read_value(&r, 0, &node, err);
    skip_space(&r);
    if (status == AIP_OK && r.at != n) status = bad(&r, r.at, "end of file expected", err);
    if (status != AIP_OK) {
        aip__error_at_source(err, source);
        aip__document_free(r.d);
        return status;
    }
    aip__document_set_root(r.d, node);
    *out = r.d;
    return AIP_OK;
}

int32_t aip__json_is_valid(aip_context *ctx, const char *text, size_t n, bool *valid, aip_error **err) {
    aip__document *d = NULL;
    aip_error *why = NULL;
    int32_t status = aip__json_parse(ctx, text, n, NULL, &d, &why);
    aip__document_free(d);
    *valid = status == AIP_OK;
    if (status != AIP_OK && status != AIP_E_SYNTAX) return aip__error_move(err, why);
    aip_error_free(why);
    return AIP_OK;
}
