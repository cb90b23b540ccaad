/* A look at a file: from its first records the paths of fields, in the order in which they appear below their objects, and the type that each
 * would have (the lattice of data/convert.h). Texts that are dates or timestamps count as such, texts that are numbers do not. A path that is an
 * object here and something else there is a column of JSON text. */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/convert.h"
#include "data/schema.h"
#include <math.h>
#include <string.h>

#define MAX_SAMPLE_BYTES ((int64_t)32 << 20) /* of very wide rows, fewer are looked at */

typedef struct look {
    const aip__json_options *options;
    aip__json_tree tree;
    aip__json_walker w; /* for its values alone */
    char *scratch;      /* an unescaped key */
    size_t scratch_size;
    int64_t left; /* rows */
    const char *source;
    aip_error *fault; /* owned: of the first bad record, while no field was found; NULL: none */
} look;

static bool has_exponent(const aip__json_cell *c) {
    bool any = false;
    for (size_t i = 0; i < c->n; i++) any |= (c->text[i] | 0x20) == 'e';
    return any;
}

aip__guess aip__json_guess(const aip__json_cell *c) {
    int64_t i = 0;
    int32_t days = 0;
    double v = 0;
    bool zoned = false;
    aip__guess g = {.type = AIP_UTF8};
    switch (c->kind) {
    case AIP__JSON_MISSING:
    case AIP__JSON_IS_NULL: g.type = 0; break;
    case AIP__JSON_TRUE:
    case AIP__JSON_FALSE: g.type = AIP_BOOL; break;
    case AIP__JSON_INTEGER:
    case AIP__JSON_REAL: /* what no double holds stays text */
        if (c->kind == AIP__JSON_INTEGER && (c->n <= 18 || aip__parse_i64(c->text, c->n, &i)))
            g.type = AIP_INT64;
        else if ((c->n <= 300 && !has_exponent(c)) || (aip__parse_f64(c->text, c->n, '.', &v) && isfinite(v)))
            g.type = AIP_FLOAT64;
        break;
    case AIP__JSON_STRING:
        if (aip__parse_date(c->text, c->n, &days)) {
            g = (aip__guess){.type = AIP_DATE32, .unzoned = true};
        } else if (aip__parse_timestamp(c->text, c->n, &i, &zoned)) {
            g = (aip__guess){.type = AIP_TIMESTAMP, .zoned = zoned, .unzoned = !zoned};
        }
        break;
    default: break;
    }
    return g;
}

static const char *skip(const look *l, const char *p) {
    while (*p == ' ' || *p == '\t' || *p == '\r' || (*p == '\n' && l->w.layout != AIP__JSON_LINES)) p++;
    return p;
}

/* The key whose quote is at p, as a node; NULL when it can be no column: empty at the top, or with a NUL. *p: at its value. */
static int32_t take_key(look *l, aip__json_node *parent, const char **p, aip__json_node **out, aip_error **err) {
    uint32_t kind = 0;
    const char *key = *p + 1, *end = aip__json_value(&l->w, *p, 0, &kind);
    size_t n = (size_t)(end - key - 1);
    *p = skip(l, skip(l, end) + 1);
    *out = NULL;
    if (kind == AIP__JSON_ESCAPED) {
        if (aip__grow(l->options->ctx, &l->scratch, &l->scratch_size, n + AIP__JSON_UNESCAPE_ROOM, 1) != 0)
            return aip__error_memory(l->options->ctx, err);
        n = aip__json_unescape(key, n, l->scratch);
        key = l->scratch;
    }
    if ((n == 0 && parent->n == 0) || (n > 0 && memchr(key, 0, n))) return AIP_OK;
    AIP__TRY(aip__json_tree_add(&l->tree, parent, key, n, out, err));
    if (l->tree.n <= AIP__JSON_COLUMNS) return AIP_OK;
    return aip__error_set(
        err, AIP_E_DATA,
        "more than %d different fields: at most so many are read; are keys of its objects data? Set flatten_levels",
        AIP__JSON_COLUMNS);
}

/* Behind a value: over the brackets that close, to the next key. NULL: the record is done. */
static const char *behind_value(const look *l, const char *p, int32_t *d) {
    for (p = skip(l, p); *p == '}'; p = skip(l, p + 1))
        if ((*d)-- == 0) return NULL;
    return skip(l, p + 1); /* a comma */
}

/* A record that is known to be valid. */
static int32_t look_at_record(look *l, const char *p, aip_error **err) {
    aip__json_node *open[AIP__JSON_DEPTH] = {l->tree.nodes[0]};
    int32_t d = 0;
    p = skip(l, p + 1);
    if (*p == '}') return AIP_OK;
    while (p) {
        aip__json_node *node = NULL;
        AIP__TRY(take_key(l, open[d], &p, &node, err));
        if (*p == '{' && node && d < l->options->flatten) {
            node->object = true;
            p = skip(l, p + 1);
            if (*p != '}') {
                open[++d] = node;
                continue;
            }
            p++;
        } else {
            aip__json_cell cell = {.text = p};
            uint32_t kind = 0;
            const char *end = aip__json_value(&l->w, p, AIP__JSON_DEPTH, &kind);
            cell.kind = (aip__json_kind)kind;
            bool string = cell.kind == AIP__JSON_STRING || cell.kind == AIP__JSON_ESCAPED;
            cell.text += string;
            cell.n = (size_t)(end - p - 2 * string);
            if (node) node->guess = aip__guess_join(node->guess, aip__json_guess(&cell));
            p = end;
        }
        p = behind_value(l, p, &d);
    }
    return AIP_OK;
}

/* Whole records of a piece; what is none is left out, the reader will say. */
static int32_t look_at_piece(look *l, const aip__json_piece *piece, aip_error **err) {
    const char *p = piece->text, *end = p + piece->n;
    bool lines = piece->layout == AIP__JSON_LINES, list = piece->layout == AIP__JSON_LIST;
    l->w.layout = piece->layout;
    l->w.end = end;
    l->w.window.n = 0;
    while (l->left > 0) {
        uint32_t kind = 0;
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || (*p == ',' && list))) p++;
        if (p >= end) return AIP_OK;
        const char *next = aip__json_value(&l->w, p, AIP__JSON_DEPTH, &kind);
        if (next && lines && skip(l, next) < end && *skip(l, next) != '\n') next = NULL;
        if (next && kind == AIP__JSON_OBJECT) {
            AIP__TRY(look_at_record(l, p, err));
            l->left--;
        }
        if (!next && lines) {
            next = memchr(p, '\n', (size_t)(end - p));
            if (!next) next = end;
        }
        p = next ? next : aip__json_junk_end(p, end, list);
    }
    return AIP_OK;
}

/* What the reader would say of a piece without fields, were bad rows errors: the best answer where no field is found at all. */
static int32_t look_for_fault(look *l, const aip__json_piece *piece, aip_error **err) {
    aip__json_options strict = *l->options;
    strict.on_bad_row = AIP__JSON_ERROR;
    aip_schema none = {.refs = 1, .ctx = strict.ctx}; /* borrowed by the reader, and by the batch that is thrown away here */
    aip__json_tree nothing;
    aip_error *fault = NULL;
    AIP__TRY(aip__json_tree_init(&nothing, strict.ctx, err));
    aip__json_reader reader = {.cutter = {.source = l->source}, .options = &strict, .schema = &none, .tree = nothing};
    aip__item item = {.data = (void *)(uintptr_t)piece, .bytes = (int64_t)piece->n};
    aip__decoded decoded = {0};
    int32_t status = aip__json_decode(&reader, &item, &decoded, &fault);
    aip__json_tree_free(&reader.tree);
    if (status == AIP_OK) {
        aip_batch_free(decoded.batch);
        aip__bad_rows_free(strict.ctx, decoded.rejects);
        return AIP_OK;
    }
    if (status == AIP_E_DATA) {
        l->fault = fault;
        return AIP_OK;
    }
    if (err)
        *err = fault;
    else
        aip_error_free(fault);
    return status;
}

/* No field, and no record that is to blame. */
static int32_t no_field(const look *l, int64_t max_rows, const aip__json_cutter *c, aip_error **err) {
    if (l->left < max_rows)
        return aip__error_set(err, AIP_E_DATA, "no field was found: the objects are empty; name some with fields");
    return aip__error_set(err, AIP_E_DATA,
                          "no field was found: the %s holds no objects, so the fields cannot be known: name them with fields",
                          c->started && c->layout == AIP__JSON_LIST ? "array" : "file");
}

static int32_t look_at_file(look *l, aip__json_cutter *c, bool all, aip_error **err) {
    bool end = false;
    while (l->left > 0 && (all || c->offset < MAX_SAMPLE_BYTES)) {
        aip__json_piece p = {0};
        AIP__TRY(aip__json_cutter_next(c, l->left < AIP_BATCH_MAX_ROWS ? l->left : AIP_BATCH_MAX_ROWS, &p, &end, err));
        if (end) return AIP_OK;
        int32_t status = look_at_piece(l, &p, err);
        if (status == AIP_OK && l->tree.n == 1 && !l->fault) status = look_for_fault(l, &p, err);
        aip__json_piece_free(&p);
        if (status != AIP_OK) return status;
    }
    return AIP_OK;
}

/* ---- what was seen, as columns -------------------------------------------------------------------------------------------------------------- */

static int32_t add_column(aip__sample *s, const look *l, const aip__json_node *node, aip__guess guess, aip_error **err) {
    s->names[s->n] = aip__strdup(l->options->ctx, node->path);
    if (!s->names[s->n]) return aip__error_memory(l->options->ctx, err);
    s->guesses[s->n++] = guess;
    return AIP_OK;
}

static const aip__json_node *next_node(const aip__json_node *node) {
    if (node->first) return node->first;
    while (node && !node->sibling) node = node->parent;
    return node ? node->sibling : NULL;
}

/* An object that is a column of its text: it is something else in another record, or named. */
static bool is_mixed(const aip__json_node *node) { return node->object && (node->guess.type != 0 || node->is_text); }

/* Objects are their fields, and what is in a mixed one is in its text: of that only the fields that are named are columns too. */
static bool is_column(const aip__json_node *node) {
    if (node->is_text) return true;
    if (node->object && !is_mixed(node)) return false;
    for (const aip__json_node *p = node->parent; p; p = p->parent)
        if (is_mixed(p)) return false;
    return true;
}

static int32_t columns(look *l, aip__sample *s, aip_error **err) {
    aip_context *ctx = l->options->ctx;
    for (int32_t i = 0; i < l->options->n_fields; i++) {
        aip__json_node *node = NULL;
        const char *field = l->options->fields[i];
        AIP__TRY(aip__json_tree_add(&l->tree, l->tree.nodes[0], field, strlen(field), &node, err));
        node->is_text = true;
    }
    s->names = aip__calloc(ctx, l->tree.n, sizeof *s->names);
    s->guesses = aip__calloc(ctx, l->tree.n, sizeof *s->guesses);
    if (!s->names || !s->guesses) return aip__error_memory(ctx, err);
    for (const aip__json_node *node = l->tree.nodes[0]->first; node;) {
        aip__guess guess = is_mixed(node) ? (aip__guess){.type = AIP_UTF8} : node->guess;
        if (is_column(node)) AIP__TRY(add_column(s, l, node, guess, err));
        node = next_node(node);
    }
    return AIP_OK;
}

static int32_t remember(aip__json_tree *known, const aip__json_tree *tree, aip_error **err) {
    for (size_t i = 1; i < tree->n; i++) {
        aip__json_node *node = NULL;
        AIP__TRY(aip__json_tree_add(known, known->nodes[0], tree->nodes[i]->path, tree->nodes[i]->n, &node, err));
    }
    return AIP_OK;
}

int32_t aip__json_sample(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out,
                         aip_error **err) {
    aip__json_options *o = format;
    aip__json_cutter cutter;
    aip__sample sample = {0};
    look *l = aip__calloc(o->ctx, 1, sizeof *l);
    if (!l) return aip__error_memory(o->ctx, err);
    l->options = o;
    l->left = max_rows;
    l->source = source;
    l->w.ctx = o->ctx;
    l->w.options = o;
    aip__json_options bounds = *o; /* what is too long is for the reader to say */
    if (bounds.max_record_bytes < MAX_SAMPLE_BYTES) bounds.max_record_bytes = MAX_SAMPLE_BYTES;
    aip__json_cutter_init(&cutter, &bounds, stream, source);
    int32_t status = aip__json_tree_init(&l->tree, o->ctx, err);
    if (status == AIP_OK) status = look_at_file(l, &cutter, max_rows == INT64_MAX, err);
    if (status == AIP_OK) status = columns(l, &sample, err);
    if (status == AIP_OK && sample.n == 0) {
        status = AIP_E_DATA;
        if (l->fault && err)
            *err = l->fault, l->fault = NULL;
        else
            status = no_field(l, max_rows, &cutter, err);
    }
    if (status == AIP_OK) status = remember(&o->known, &l->tree, err);
    aip__json_cutter_end(&cutter);
    aip__json_tree_free(&l->tree);
    aip_error_free(l->fault);
    aip__free(o->ctx, l->scratch);
    aip__free(o->ctx, l);
    if (status != AIP_OK) {
        aip__error_at_source(err, source);
        aip__sample_free(o->ctx, &sample);
        return status;
    }
    *out = sample;
    return AIP_OK;
}
