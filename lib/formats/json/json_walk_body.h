/* The walk at one vector level. The including file defines LEVEL(name), and the primitives of the level:
 *
 *   STEP                         bytes that are looked at together
 *   SHIFT                        a mask has 1 << SHIFT bits for each byte
 *   text_masks(p, &stop, &high)  bytes that a string cannot simply hold (quote, backslash, control characters), and bytes past ASCII; bits
 *                                above the first stop mean nothing
 *   other_than_digits(p)         bytes that are no digits; bits above the first that is past ASCII mean nothing
 *
 * All levels do the same steps and so find the same cells and the same faults. */

static inline const char *LEVEL(digits)(const char *p) {
    for (;; p += STEP) {
        uint64_t m = LEVEL(other_than_digits)(p);
        if (m != 0) return p + (__builtin_ctzll(m) >> SHIFT);
    }
}

/* From a minus or a digit to behind the number. The first look mostly shows where its digits end, on both sides of the point. */
static inline const char *LEVEL(number)(aip__json_walker *w, const char *p, uint32_t *kind) {
    const char *first = p + (*p == '-');
    uint64_t others = LEVEL(other_than_digits)(first);
    const char *q = others != 0 ? first + (__builtin_ctzll(others) >> SHIFT) : LEVEL(digits)(first + STEP);
    if (q == first || (*first == '0' && q > first + 1)) return wrong(w, p, "an invalid number", true);
    *kind = AIP__JSON_INTEGER;
    if (*q == '.') {
        const char *point = q++;
        others &= others - 1;
        q = others != 0 ? first + (__builtin_ctzll(others) >> SHIFT) : LEVEL(digits)(q);
        if (q == point + 1) return wrong(w, p, "an invalid number", true);
        *kind = AIP__JSON_REAL;
    }
    if ((*q | 0x20) == 'e') {
        q++;
        if (*q == '+' || *q == '-') q++;
        first = q;
        q = LEVEL(digits)(q);
        if (q == first) return wrong(w, p, "an invalid number", true);
        *kind = AIP__JSON_REAL;
    }
    return q;
}

/* From behind the opening quote to the closing one. */
static inline const char *LEVEL(string)(aip__json_walker *w, const char *p, uint32_t *kind) {
    const char *q = p;
    uint64_t any_high = 0;
    *kind = AIP__JSON_STRING;
    for (;;) {
        uint64_t stop = 0, high = 0;
        LEVEL(text_masks)(q, &stop, &high);
        if (stop == 0) {
            any_high |= high;
            q += STEP;
            continue;
        }
        any_high |= high & ((stop & (0 - stop)) - 1);
        q += __builtin_ctzll(stop) >> SHIFT;
        if (*q == '"') break;
        size_t n = *q == '\\' ? aip__json_escape(q) : 0;
        if (n == 0) return bad_text(w, p, q);
        *kind = AIP__JSON_ESCAPED;
        q += n;
    }
    if (any_high != 0 && !aip__utf8_valid(p, (size_t)(q - p))) return bad_text(w, p, q);
    return q;
}

/* A scalar from its first byte to behind it. Strings: without their quotes in *text, *n. */
static inline const char *LEVEL(scalar)(aip__json_walker *w, const char *p, const char **text, size_t *n, uint32_t *kind) {
    const char *q = NULL;
    *text = p;
    switch (*p) {
    case '"':
        q = LEVEL(string)(w, p + 1, kind);
        *text = p + 1;
        *n = (size_t)(q - p - 1);
        return q ? q + 1 : NULL;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        q = LEVEL(number)(w, p, kind);
        *n = (size_t)(q - p);
        return q;
    case 't':
        if (memcmp(p, "true", 4) != 0) break;
        *kind = AIP__JSON_TRUE;
        *n = 4;
        return p + 4;
    case 'f':
        if (memcmp(p, "false", 5) != 0) break;
        *kind = AIP__JSON_FALSE;
        *n = 5;
        return p + 5;
    case 'n':
        if (memcmp(p, "null", 4) != 0) break;
        *kind = AIP__JSON_IS_NULL;
        *n = 4;
        return p + 4;
    default: break;
    }
    return wrong(w, p, "a value expected", true);
}

/* A value from its first byte to behind it, whatever it is; `levels` more objects and arrays may open. */
static const char *LEVEL(value)(aip__json_walker *w, const char *p, int32_t levels, uint32_t *kind) {
    uint64_t objects[AIP__JSON_DEPTH / 64] = {0};
    const char *text = NULL;
    size_t n = 0;
    uint32_t inner = 0;
    bool lines = w->layout == AIP__JSON_LINES;
    *kind = *p == '{' ? AIP__JSON_OBJECT : AIP__JSON_ARRAY;
    if (*p != '{' && *p != '[') return LEVEL(scalar)(w, p, &text, &n, kind);
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
            p = LEVEL(scalar)(w, p, &text, &n, &inner);
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
        p = LEVEL(string)(w, p + 1, &inner);
        if (!p) return NULL;
        p = skip_space(p + 1, lines);
        if (*p != ':') return wrong(w, p, "':' expected", true);
        p = skip_space(p + 1, lines);
    }
}

/* The key at p, behind a comma or '{', that was not predicted. NULL with w->why: it is none; without: memory was refused. *p: at its value. */
static aip__json_key *LEVEL(new_key)(aip__json_walker *w, aip__json_key *parent, const char **p) {
    bool lines = w->layout == AIP__JSON_LINES;
    const char *seen = *p, *raw = skip_space(seen, lines), *q = NULL;
    uint32_t kind = 0;
    if (*raw != '"') return wrong(w, raw, "a key in quotes expected", true), NULL;
    q = LEVEL(string)(w, ++raw, &kind);
    if (!q) return NULL;
    size_t n = (size_t)(q - raw);
    q = skip_space(q + 1, lines);
    if (*q != ':') return wrong(w, q, "':' expected", true), NULL;
    q = skip_space(q + 1, lines);
    *p = q;
    return aip__json_keys_get(&w->keys, parent, raw, n, kind == AIP__JSON_ESCAPED, seen, (size_t)(q - seen));
}

/* The record whose '{' lies at p, as row n_rows. NULL: it is none (w->why), or memory was refused. */
static const char *LEVEL(record)(aip__json_walker *w, const char *p) {
    const bool lines = w->layout == AIP__JSON_LINES;
    const size_t row = (size_t)w->n_rows;
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
                key = LEVEL(new_key)(w, parent, &p);
                if (!key) return NULL;
                *link = key;
            }
        }
        link = &key->next;
        fresh = false;
        if (*p == '{' && key->inner) {
            if (d + 1 >= AIP__JSON_DEPTH) return wrong(w, p, "nested too deeply: expected at most 128 levels", false);
            w->stack[d++] = key;
            parent = key;
            link = &key->first;
            fresh = true;
            p++;
            continue;
        }
        if (key->slot >= 0) {
            if (key->cells.kinds[row] != AIP__JSON_MISSING) {
                w->n_duplicates++;
                if (w->options->duplicate_is_bad) {
                    w->why_path = key->node->path;
                    return not_wanted(w, p, "expected once, found twice in a record", false);
                }
            }
            const char *text = p;
            size_t n = 0;
            uint32_t kind = 0;
            if (*p == '{' || *p == '[') {
                p = LEVEL(value)(w, p, AIP__JSON_DEPTH - d - 1, &kind);
                n = (size_t)(p - text);
            } else {
                p = LEVEL(scalar)(w, p, &text, &n, &kind);
            }
            if (!p) return NULL;
            uint32_t start = kind == AIP__JSON_IS_NULL ? UINT32_MAX : (uint32_t)(text - w->text) - 1;
            key->cells.bounds[2 * row] = start;
            key->cells.bounds[2 * row + 1] = kind == AIP__JSON_IS_NULL ? 0 : start + 1 + (uint32_t)n;
            key->cells.kinds[row] = (uint8_t)kind;
        } else {
            const char *value = p;
            uint32_t kind = 0;
            if (key->unknown) {
                w->n_unknown++;
                if (w->options->unknown_is_bad)
                    return not_wanted(w, key_at, "expected no field that the first rows did not show", true);
            }
            p = LEVEL(value)(w, p, AIP__JSON_DEPTH - d - 1, &kind);
            if (!p) return NULL;
            if (key->inner && kind != AIP__JSON_IS_NULL && !no_object(w, key, value)) return NULL;
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
            parent = key->parent;
            link = &key->next;
            fresh = false;
        }
    }
}

static const char *LEVEL(any_record)(aip__json_walker *w, const char *p) {
    if (*p == '{') return LEVEL(record)(w, p);
    uint32_t kind = 0;
    const char *end = LEVEL(value)(w, p, AIP__JSON_DEPTH, &kind);
    if (!end) return NULL;
    w->scalar_end = end;
    return not_wanted(w, p, "expected an object", true);
}

static int32_t LEVEL(walk)(aip__json_walker *w, aip_error **err) {
    return w->layout == AIP__JSON_LINES ? walk_lines(w, LEVEL(any_record), err) : walk_elements(w, LEVEL(any_record), err);
}

static const walk_level LEVEL(table) = {LEVEL(walk), LEVEL(value)};
