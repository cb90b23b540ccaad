/* The records of an item as a block of cells, in one pass without a tree: each key is first compared with the one that is expected here
 * (json_keys.c), its value is checked and its place noted in the cell of its column. Where strings and numbers end is looked up in the window
 * (json_window.c). Reading past a value is safe: at least AIP__JSON_SLACK bytes lie behind the text, and no token goes past a line feed (in
 * lines), the bracket or comma that ends the item (else), or a NUL (at the end of the data). */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/batch.h"
#include "data/utf8.h"
#include <string.h>

static inline uint64_t load8(const char *p) {
    uint64_t v = 0;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t load4(const char *p) {
    uint32_t v = 0;
    memcpy(&v, p, 4);
    return v;
}

static inline bool is_space(char c, bool lines) { return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !lines); }

static inline const char *skip_space(const char *p, bool lines) {
    while (is_space(*p, lines)) p++;
    return p;
}

/* Does the key stand here as it stood last? */
static inline bool as_seen(const char *p, const aip__json_key *key) {
    uint64_t differs = ((load8(p) ^ key->word[0]) & key->mask[0]) | ((load8(p + 8) ^ key->word[1]) & key->mask[1]);
    if (differs != 0 || key->n_seen == 0) return false;
    return key->n_seen <= 16 || memcmp(p + 16, key->as_seen + 16, key->n_seen - 16) == 0;
}

/* Notes what is wrong, and where. */
static const char *wrong(aip__json_walker *w, const char *at, const char *why, bool excerpt) {
    w->why = why;
    w->syntax = true;
    w->why_at = at;
    w->why_end = NULL;
    w->excerpt = excerpt;
    return NULL;
}

/* JSON, but no record that can be taken. The message shows what stands from at to end; NULL: nothing. */
static const char *not_wanted(aip__json_walker *w, const char *at, const char *end, const char *why) {
    wrong(w, at, why, end != NULL);
    w->why_end = end;
    w->syntax = false;
    return NULL;
}

/* A string from p that cannot go on at q: what is wrong with it first. */
static const char *bad_text(aip__json_walker *w, const char *p, const char *q) {
    size_t n = (size_t)(q - p), good = aip__utf8_prefix(p, n, n);
    if (good < n) return wrong(w, p + good, "bytes that are not UTF-8", false);
    if (q >= w->end || (*q == '\n' && w->layout == AIP__JSON_LINES)) return wrong(w, p - 1, "a string without its end", false);
    if (*q == '\\') return wrong(w, q, "an invalid escape", true);
    return wrong(w, q, "a control character in a string", false);
}

/* Where columns of an object's fields are wanted, something else than an object stands. False: the record is bad. */
static bool no_object(aip__json_walker *w, const aip__json_key *key, const char *value, const char *end) {
    if (w->options->on_bad_row == AIP__JSON_NULL) {
        w->n_nulled++;
        return true;
    }
    w->why_path = key->node->path;
    not_wanted(w, value, end, "expected an object");
    return false;
}

static int32_t add_fault(aip__json_walker *w, const char *start, const char *end, aip_error **err) {
    if (aip__grow(w->ctx, &w->faults, &w->faults_capacity, w->n_faults + 1, sizeof *w->faults) != 0)
        return aip__error_memory(w->ctx, err);
    w->faults[w->n_faults++] = (aip__json_fault){.start = start,
                                                 .end = end,
                                                 .at = w->why_at,
                                                 .at_end = w->why_end,
                                                 .why = w->why,
                                                 .path = w->why_path,
                                                 .row = w->n_rows,
                                                 .column = -1,
                                                 .excerpt = w->excerpt,
                                                 .syntax = w->syntax,
                                                 .huge = w->huge};
    return AIP_OK;
}

typedef struct counts {
    int64_t n_nulled, n_unknown, n_duplicates;
    int32_t n_named;
} counts;

static counts counts_of(const aip__json_walker *w) { return (counts){w->n_nulled, w->n_unknown, w->n_duplicates, w->n_named}; }

/* The record that failed leaves nothing behind: no cells, and not what was counted in it. */
static void forget_row(aip__json_walker *w, const counts *before) {
    w->n_nulled = before->n_nulled;
    w->n_unknown = before->n_unknown;
    w->n_duplicates = before->n_duplicates;
    w->n_named = before->n_named;
    for (int32_t s = 0; s < w->n_slots; s++) {
        w->cells[s].bounds[2 * (size_t)w->n_rows] = UINT32_MAX;
        w->cells[s].bounds[2 * (size_t)w->n_rows + 1] = 0;
        w->cells[s].kinds[w->n_rows] = AIP__JSON_MISSING;
    }
}

/* ---- strings and numbers ------------------------------------------------------------------------------------------------------------------------ */

/* Where p lies in the window; past its end when it lies before it. */
static inline size_t within(const aip__json_window *v, const char *p) { return (size_t)((uintptr_t)p - (uintptr_t)v->from); }

/* The bits of the window from p on, at least 57 of them; 0 where there is none, or the window does not reach. */
static inline uint64_t bits_from(const aip__json_window *v, const uint64_t *bits, const char *p) {
    size_t at = within(v, p);
    if (at >= v->n) return 0;
    uint64_t word = load8((const char *)bits + at / 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word >> (at & 7);
}

static bool is_stop(char c) { return c == '"' || c == '\\' || (uint8_t)c < 0x20; }
static bool is_other(char c) { return (unsigned)(c - '0') > 9; }

/* Where bits_from found none: the first byte from p on that stops a string (or, `other`, is no digit). Moves the window along; behind the text,
 * where the walk may still be among bytes that belong to no record, byte by byte. *utf8: unless a window was not. */
static __attribute__((noinline)) const char *far_end(aip__json_walker *w, const char *p, bool other, bool *utf8) {
    for (; p < w->end; p += 57) {
        aip__json_window *v = &w->window;
        if (v->n < 64 || within(v, p) > v->n - 64) {
            aip__json_window_set(v, p, w->end);
            *utf8 &= v->utf8;
        }
        uint64_t m = bits_from(v, other ? v->other : v->stop, p);
        if (m != 0) return p + __builtin_ctzll(m);
    }
    while (!(other ? is_other(*p) : is_stop(*p))) p++;
    *utf8 = false;
    return p;
}

/* Behind the digits at p. */
static inline const char *digits(aip__json_walker *w, const char *p, uint64_t others) {
    bool utf8 = false;
    return others != 0 ? p + __builtin_ctzll(others) : far_end(w, p, true, &utf8);
}

/* From a minus or a digit to behind the number. The first look mostly shows where its digits end, on both sides of the point. */
static inline const char *number(aip__json_walker *w, const char *p, uint32_t *kind) {
    const char *first = p + (*p == '-');
    uint64_t others = bits_from(&w->window, w->window.other, first);
    const char *q = digits(w, first, others);
    if (q == first || (*first == '0' && q > first + 1)) return wrong(w, p, "an invalid number", true);
    *kind = AIP__JSON_INTEGER;
    if (*q == '.') {
        const char *point = q++;
        others &= others - 1;
        q = others != 0 ? first + __builtin_ctzll(others) : digits(w, q, 0);
        if (q == point + 1) return wrong(w, p, "an invalid number", true);
        *kind = AIP__JSON_REAL;
    }
    if ((*q | 0x20) == 'e') {
        q++;
        if (*q == '+' || *q == '-') q++;
        first = q;
        q = digits(w, q, 0);
        if (q == first) return wrong(w, p, "an invalid number", true);
        *kind = AIP__JSON_REAL;
    }
    return q;
}

/* From behind the opening quote to the closing one. */
static inline const char *string(aip__json_walker *w, const char *p, uint32_t *kind) {
    const char *q = p;
    bool utf8 = w->window.utf8;
    *kind = AIP__JSON_STRING;
    for (;;) {
        uint64_t stop = bits_from(&w->window, w->window.stop, q);
        q = stop != 0 ? q + __builtin_ctzll(stop) : far_end(w, q, false, &utf8);
        if (*q == '"') break;
        size_t n = *q == '\\' ? aip__json_escape(q) : 0;
        if (n == 0) return bad_text(w, p, q);
        *kind = AIP__JSON_ESCAPED;
        q += n;
    }
    if (!utf8 && !aip__utf8_valid(p, (size_t)(q - p))) return bad_text(w, p, q);
    return q;
}

/* true, false or null. */
static inline const char *word(aip__json_walker *w, const char *p, uint32_t *kind) {
    uint32_t four = load4(p);
    if (four == load4("null")) {
        *kind = AIP__JSON_IS_NULL;
        return p + 4;
    }
    uint32_t yes = four == load4("true"), no = (four == load4("fals")) & (p[4] == 'e');
    if ((yes | no) == 0) return wrong(w, p, "a value expected", true);
    *kind = AIP__JSON_TRUE + no;
    return p + 4 + no;
}

/* In a table, since two comparisons would be two branches, and signs are not foreseen. */
static const bool begins_number[256] = {['-'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,
                                        ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true};

/* A scalar from its first byte to behind it. Strings: without their quotes in *text, *n. */
static inline const char *scalar(aip__json_walker *w, const char *p, const char **text, size_t *n, uint32_t *kind) {
    const char *q = NULL;
    *text = p;
    if (*p == '"') {
        q = string(w, p + 1, kind);
        *text = p + 1;
        *n = (size_t)(q - p - 1);
        return q ? q + 1 : NULL;
    }
    q = begins_number[(uint8_t)*p] ? number(w, p, kind) : word(w, p, kind);
    *n = (size_t)(q - p);
    return q;
}

/* A value from its first byte to behind it, whatever it is; `levels` more objects and arrays may open. */
const char *aip__json_value(aip__json_walker *w, const char *p, int32_t levels, uint32_t *kind) {
    uint64_t objects[AIP__JSON_DEPTH / 64] = {0};
    const char *text = NULL;
    size_t n = 0;
    uint32_t inner = 0;
    bool lines = w->layout == AIP__JSON_LINES;
    *kind = *p == '{' ? AIP__JSON_OBJECT : AIP__JSON_ARRAY;
    if (*p != '{' && *p != '[') return scalar(w, p, &text, &n, kind);
    for (int32_t d = 0;;) {
        bool object = false;
        if (*p == '{' || *p == '[') {
            if (d >= levels) return wrong(w, p, "nested too deeply: expected at most 128 levels", false);
            object = *p == '{';
            objects[d / 64] = (objects[d / 64] & ~(UINT64_C(1) << (d % 64))) | (uint64_t)object << (d % 64);
            d++;
            p = skip_space(p + 1, lines);
            if (*p != (object ? '}' : ']')) goto key_or_value;
        } else {
            p = scalar(w, p, &text, &n, &inner);
            if (!p) return NULL;
            p = skip_space(p, lines);
        }
        for (;;) { /* behind a value, or at the bracket that closes an empty one */
            object = objects[(d - 1) / 64] >> ((d - 1) % 64) & 1;
            if (*p != (object ? '}' : ']')) break;
            p++;
            if (--d == 0) return p;
            p = skip_space(p, lines);
        }
        if (*p != ',') return wrong(w, p, object ? "',' or '}' expected" : "',' or ']' expected", true);
        p = skip_space(p + 1, lines);
    key_or_value:
        if (!object) continue;
        if (*p != '"') return wrong(w, p, "a key in quotes expected", true);
        p = string(w, p + 1, &inner);
        if (!p) return NULL;
        p = skip_space(p + 1, lines);
        if (*p != ':') return wrong(w, p, "':' expected", true);
        p = skip_space(p + 1, lines);
    }
}

/* The key at p, behind a comma or '{', that was not predicted. NULL with w->why: it is none; without: memory was refused. *p: at its value. */
static aip__json_key *new_key(aip__json_walker *w, aip__json_key *parent, const char **p) {
    bool lines = w->layout == AIP__JSON_LINES;
    const char *seen = *p, *raw = skip_space(seen, lines), *q = NULL;
    uint32_t kind = 0;
    if (*raw != '"') return wrong(w, raw, "a key in quotes expected", true), NULL;
    q = string(w, ++raw, &kind);
    if (!q) return NULL;
    size_t n = (size_t)(q - raw);
    q = skip_space(q + 1, lines);
    if (*q != ':') return wrong(w, q, "':' expected", true), NULL;
    q = skip_space(q + 1, lines);
    *p = q;
    return aip__json_keys_get(&w->keys, parent, raw, n, kind == AIP__JSON_ESCAPED, seen, (size_t)(q - seen));
}

/* Whether the key stands in the row for the first time, or may stand there twice. */
static inline bool first_time(aip__json_walker *w, const aip__json_key *key, const char *value) {
    if (key->cells.kinds[w->n_rows] == AIP__JSON_MISSING) return true;
    w->n_duplicates++;
    if (!w->options->duplicate_is_bad) return true;
    w->why_path = key->node->path;
    not_wanted(w, value, NULL, "expected once, found twice in a record");
    return false;
}

static inline void put_cell(const aip__json_walker *w, const aip__json_key *key, const char *text, size_t n, uint32_t kind) {
    size_t row = (size_t)w->n_rows;
    uint32_t start = kind == AIP__JSON_IS_NULL ? UINT32_MAX : (uint32_t)(text - w->text) - 1;
    key->cells.bounds[2 * row] = start;
    key->cells.bounds[2 * row + 1] = kind == AIP__JSON_IS_NULL ? 0 : start + 1 + (uint32_t)n;
    key->cells.kinds[row] = (uint8_t)kind;
}

/* A field that the sample did not show, from its key's quote to its value. False: its record is bad. */
static __attribute__((noinline)) bool unknown(aip__json_walker *w, const aip__json_key *key, const char *at, const char *value) {
    int32_t i = 0;
    w->n_unknown++;
    if (w->options->unknown_is_bad) {
        while (value[-1] != '"') value--; /* over the colon and white space */
        not_wanted(w, at, value, "expected no field that the first rows did not show");
        return false;
    }
    while (i < w->n_named && w->named[i] != key) i++;
    if (i < w->n_named || i > AIP__FIELDS_NAMED || !key->raw) return true; /* so many names are remembered that these are known */
    w->named[i] = key;
    w->named_at[i] = at;
    w->n_named++;
    return true;
}

/* The record whose '{' lies at p, as row n_rows. NULL: it is none (w->why), or memory was refused. */
static const char *record(aip__json_walker *w, const char *p) {
    const bool lines = w->layout == AIP__JSON_LINES;
    aip__json_key *parent = &w->keys.root, **link = &parent->first, *key = NULL;
    int32_t d = 0;
    p++;
    for (bool fresh = true;;) {
        const char *key_at = p;
        key = *link;
        if (key && as_seen(p, key)) {
            p += key->n_seen;
            if ((uint8_t)*p <= ' ') p = skip_space(p, lines);
        } else {
            aip__json_key *behind = key ? key->next : NULL; /* a key that this record lacks */
            if (behind && behind->parent == parent && as_seen(p, behind)) {
                key = behind;
                p += key->n_seen;
                if ((uint8_t)*p <= ' ') p = skip_space(p, lines);
            } else {
                if (fresh && *skip_space(p, lines) == '}') {
                    p = skip_space(p, lines);
                    goto closed;
                }
                key = new_key(w, parent, &p);
                if (!key) return NULL;
                *link = key;
            }
        }
        link = &key->next;
        fresh = false;
        if (*p == '{' && key->inner) {
            if (d + 1 >= AIP__JSON_DEPTH) return wrong(w, p, "nested too deeply: expected at most 128 levels", false);
            if (key->slot >= 0 && !first_time(w, key, p)) return NULL;
            w->opened[d] = p;
            w->stack[d++] = key;
            parent = key;
            link = &key->first;
            fresh = true;
            p++;
            continue;
        }
        if (key->slot >= 0) {
            if (!first_time(w, key, p)) return NULL;
            const char *text = p;
            size_t n = 0;
            uint32_t kind = 0;
            if (*p == '{' || *p == '[') {
                p = aip__json_value(w, p, AIP__JSON_DEPTH - d - 1, &kind);
                n = (size_t)(p - text);
            } else {
                p = scalar(w, p, &text, &n, &kind);
            }
            if (!p) return NULL;
            put_cell(w, key, text, n, kind);
        } else {
            const char *value = p;
            uint32_t kind = 0;
            if (key->unknown) {
                if (!unknown(w, key, skip_space(key_at, lines), p)) return NULL;
            }
            p = aip__json_value(w, p, AIP__JSON_DEPTH - d - 1, &kind);
            if (!p) return NULL;
            if (key->inner && kind != AIP__JSON_IS_NULL && !no_object(w, key, value, p)) return NULL;
        }
        for (;;) { /* behind a value */
            if (*p == ',') {
                p++;
                break;
            }
            p = skip_space(p, lines);
            if (*p == ',') continue;
            if (*p != '}') return wrong(w, p, "',' or '}' expected", true);
        closed:
            p++;
            if (d == 0) return p;
            key = w->stack[--d];
            if (key->slot >= 0) put_cell(w, key, w->opened[d], (size_t)(p - w->opened[d]), AIP__JSON_OBJECT);
            parent = key->parent;
            link = &key->next;
            fresh = false;
        }
    }
}

static const char *any_record(aip__json_walker *w, const char *p) {
    if (*p == '{') return record(w, p);
    uint32_t kind = 0;
    const char *end = aip__json_value(w, p, AIP__JSON_DEPTH, &kind);
    if (!end) return NULL;
    w->scalar_end = end;
    return not_wanted(w, p, end, "expected an object");
}

/* ---- items ------------------------------------------------------------------------------------------------------------------------------------------ */

/* One record at p. *next: behind it, or NULL when it is bad (w->why says why). */
static int32_t one_record(aip__json_walker *w, const char *p, const char **next, aip_error **err) {
    counts before = counts_of(w);
    w->why = w->why_path = w->scalar_end = NULL;
    *next = any_record(w, p);
    if (*next) return AIP_OK;
    if (!w->why) return aip__error_memory(w->ctx, err);
    forget_row(w, &before);
    return AIP_OK;
}

/* An error whatever the policy, found where the record is cut or here. */
static void too_long(aip__json_walker *w, const char *at) {
    not_wanted(w, at, NULL, NULL);
    w->huge = true;
}

/* Nor may what lies between the elements of a list, from the comma at p on. */
static bool check_commas(aip__json_walker *w, const char *p) {
    const char *q = p;
    if (p < w->commas_end) return true;
    while (q < w->end && (is_space(*q, false) || *q == ',')) q++;
    w->commas_end = q;
    if (q - p <= w->options->max_record_bytes) return true;
    too_long(w, p);
    return false;
}

/* A stretch of what is no record, up to the next place where one could be cut, must not be longer than a record. */
static void check_stretch(aip__json_walker *w, const char *start) {
    bool list = w->layout == AIP__JSON_LIST;
    if (start < w->stretch_end) return;
    while (start < w->end && (is_space(*start, false) || (list && *start == ','))) start++;
    w->stretch_end = aip__json_junk_end(start, w->end, false);
    if (w->stretch_end - start > w->options->max_record_bytes) too_long(w, start);
}

static int32_t walk_lines(aip__json_walker *w, aip_error **err) {
    const char *p = w->at;
    while (w->n_rows < w->max_rows && !(w->stop && w->n_faults > 0)) {
        const char *next = NULL;
        while (p < w->end && is_space(*p, false)) p++;
        if (p >= w->end) break;
        counts before = counts_of(w);
        AIP__TRY(one_record(w, p, &next, err));
        if (next) {
            const char *end = skip_space(next, true);
            if (end >= w->end || *end == '\n') {
                w->starts[w->n_rows] = p;
                w->ends[w->n_rows++] = end;
                p = end;
                continue;
            }
            wrong(w, end, "the end of the line expected", true);
            forget_row(w, &before);
        }
        const char *nl = memchr(p, '\n', (size_t)(w->end - p)), *end = nl ? nl : w->end;
        if (end - p > w->options->max_record_bytes) too_long(w, p);
        AIP__TRY(add_fault(w, p, end > p && end[-1] == '\r' ? end - 1 : end, err));
        p = end;
    }
    w->at = p;
    return AIP_OK;
}

/* Elements of a list, or records of a sequence. A record is done where its bracket closes, and each thing between records that does not belong
 * there is a bad record of its own; so what is found does not depend on where the text was cut. */
static int32_t walk_elements(aip__json_walker *w, aip_error **err) {
    const char *p = w->at, *next = NULL;
    bool list = w->layout == AIP__JSON_LIST;
    while (w->n_rows < w->max_rows && !(w->stop && w->n_faults > 0)) {
        p = skip_space(p, false);
        if (p >= w->end) break;
        if (list && *p == ',' && !check_commas(w, p)) {
            AIP__TRY(add_fault(w, p, w->commas_end, err));
            p = w->commas_end;
            continue;
        }
        if (list && !w->value_next && *p == ',') {
            w->value_next = true;
            w->comma = p++;
            continue;
        }
        next = NULL;
        w->why_path = w->scalar_end = NULL;
        if (list && !w->value_next)
            wrong(w, p, "',' or ']' expected", true);
        else
            AIP__TRY(one_record(w, p, &next, err));
        w->value_next = !list;
        w->comma = NULL;
        if (next) {
            w->starts[w->n_rows] = p;
            w->ends[w->n_rows++] = next;
            p = next;
            continue;
        }
        const char *start = p;
        check_stretch(w, start);
        if (*p == ',')
            p++, w->value_next = true;
        else
            p = w->scalar_end ? w->scalar_end : aip__json_junk_end(p, w->end, list);
        AIP__TRY(add_fault(w, start, p, err));
    }
    w->at = p;
    if (p >= w->end && w->list_last && w->comma) {
        wrong(w, w->end, "a value expected behind ','", false);
        AIP__TRY(add_fault(w, w->comma, w->end, err));
        w->comma = NULL;
    }
    return AIP_OK;
}

int32_t aip__json_walk_begin(aip__json_walker *w, const aip__json_options *o, const aip__json_tree *tree, int32_t n_slots,
                             const aip__json_piece *piece, aip_error **err) {
    *w = (aip__json_walker){.ctx = o->ctx,
                            .options = o,
                            .text = piece->text,
                            .at = piece->text,
                            .end = piece->text + piece->n,
                            .layout = piece->layout,
                            .value_next = piece->layout != AIP__JSON_LIST || piece->first,
                            .list_last = piece->last,
                            .stop = o->on_bad_row == AIP__JSON_ERROR,
                            .n_slots = n_slots};
    int64_t rows = AIP__JSON_BLOCK_CELLS / (n_slots > 0 ? n_slots : 1);
    if (rows > piece->max_rows) rows = piece->max_rows;
    w->max_rows = rows < 1 ? 1 : (int32_t)rows;
    size_t rows_n = (size_t)w->max_rows, n_cells = rows_n * (size_t)n_slots;
    size_t column_bytes = (size_t)n_slots * sizeof *w->cells, place_bytes = 2 * rows_n * sizeof *w->starts;
    w->memory = aip__buffer_new(o->ctx, column_bytes + place_bytes + n_cells * (2 * sizeof(uint32_t) + 1));
    if (!w->memory) return aip__error_memory(o->ctx, err);
    w->cells = (aip__json_cells *)(void *)w->memory->data;
    w->starts = (const char **)(void *)(w->memory->data + column_bytes);
    w->ends = w->starts + rows_n;
    w->bounds = (uint32_t *)(void *)(w->memory->data + column_bytes + place_bytes);
    w->kinds = (uint8_t *)(w->bounds + 2 * n_cells);
    for (int32_t s = 0; s < n_slots; s++)
        w->cells[s] = (aip__json_cells){w->bounds + 2 * rows_n * (size_t)s, w->kinds + rows_n * (size_t)s};
    return aip__json_keys_init(&w->keys, o->ctx, tree, w->cells, err);
}

int32_t aip__json_walk_next(aip__json_walker *w, aip_error **err) {
    size_t n = (size_t)w->max_rows * (size_t)w->n_slots;
    memset(w->kinds, AIP__JSON_MISSING, n);
    for (size_t i = 0; i < n; i++) {
        w->bounds[2 * i] = UINT32_MAX;
        w->bounds[2 * i + 1] = 0;
    }
    w->n_rows = 0;
    w->n_faults = 0;
    w->n_nulled = w->n_unknown = w->n_duplicates = w->n_named = 0;
    return w->layout == AIP__JSON_LINES ? walk_lines(w, err) : walk_elements(w, err);
}

void aip__json_walk_end(aip__json_walker *w) {
    aip__json_keys_free(&w->keys);
    aip__buffer_free(w->memory);
    aip__free(w->ctx, w->faults);
    w->memory = NULL;
    w->faults = NULL;
}
