/* The functions of texts. Positions and lengths count code points of UTF-8; what is not UTF-8 counts bytes that do not continue a character.
 * Results are views of the argument where they can be. Letters change case in ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic. */
#include "expr/expr_functions.h"

#include "base/checked.h"
#include <assert.h>
#include <string.h>

/* ---- code points -------------------------------------------------------------------------------------------------------------- */
static bool continues(char c) { return ((unsigned char)c & 0xC0) == 0x80; }
static int64_t points(expr_text t) {
    int64_t n = 0;
    for (size_t i = 0; i < t.n; i++) n += !continues(t.p[i]);
    return n;
}
/* Byte position of the k-th code point, from 0; the end when there are fewer. */
static size_t point_at(expr_text t, int64_t k) {
    size_t i = 0;
    for (; i < t.n; i++)
        if (!continues(t.p[i]) && k-- == 0) return i;
    return t.n;
}
static expr_text between(expr_text t, int64_t from, int64_t to) { /* code points [from, to) */
    if (to <= from) return (expr_text){"", 0};
    size_t a = point_at(t, from);
    expr_text rest = {t.p + a, t.n - a};
    return (expr_text){rest.p, point_at(rest, to - from)};
}

static expr_text *make(expr_run *r, expr_text *out, size_t n, aip_error **err) {
    char *p = aip__expr_arena_get(&r->arena, n ? n : 1);
    if (!p) {
        aip__error_memory(r->ctx, err);
        return NULL;
    }
    *out = (expr_text){p, n};
    return out;
}

/* ---- case ------------------------------------------------------------------------------------------------------------------------ */
/* Of code points that take two bytes (U+0080 to U+07FF), those whose other case takes two bytes too. */
static uint32_t lower_point(uint32_t c) {
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3AB && c != 0x3A2) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c & 1 ? c + 1 : c;
    return c == 0x178 ? 0xFF : c;
}
static uint32_t upper_point(uint32_t c) {
    if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3CB && c != 0x3C2) || (c >= 0x430 && c <= 0x44F))
        return c - 32;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c & ~1u;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c & 1 ? c : c - 1;
    return c == 0xFF ? 0x178 : c == 0x3C2 ? 0x3A3 : c == 0xB5 ? 0x39C : c;
}

EXEC(letters) {
    (void)n_args;
    bool upper = node->function->aux;
    const expr_text *a = args[0].v;
    expr_text *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        if (!make(r, &o[i], a[i].n, err)) return aip__error_memory(r->ctx, err);
        char *to = (char *)(uintptr_t)o[i].p;
        for (size_t k = 0; k < a[i].n; k++) {
            unsigned char c = (unsigned char)a[i].p[k];
            if (c < 0x80) {
                bool change = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
                to[k] = (char)(change ? c ^ 0x20 : c);
            } else if (c >= 0xC2 && c <= 0xDF && k + 1 < a[i].n && continues(a[i].p[k + 1])) {
                uint32_t point = (uint32_t)(c & 0x1F) << 6 | ((unsigned char)a[i].p[k + 1] & 0x3F);
                point = upper ? upper_point(point) : lower_point(point);
                to[k++] = (char)(0xC0 | point >> 6);
                to[k] = (char)(0x80 | (point & 0x3F));
            } else {
                to[k] = (char)c;
            }
        }
    }
    return AIP_OK;
}

/* ---- parts --------------------------------------------------------------------------------------------------------------------- */
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

EXEC(trim) {
    (void)r, (void)n_args, (void)err;
    const expr_text *a = args[0].v;
    expr_text *o = out->v_buffer;
    int32_t sides = node->function->aux; /* 1 left, 2 right */
    for (int64_t i = 0; i < n; i++) {
        expr_text t = a[i];
        while (sides & 1 && t.n && is_space(*t.p)) t.p++, t.n--;
        while (sides & 2 && t.n && is_space(t.p[t.n - 1])) t.n--;
        o[i] = t;
    }
    return AIP_OK;
}

EXEC(length) {
    (void)r, (void)node, (void)n_args, (void)err;
    const expr_text *a = args[0].v;
    int64_t *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) o[i] = points(a[i]);
    return AIP_OK;
}

/* SQL's: positions from 1; a negative start counts from the end. */
EXEC(substr) {
    (void)r, (void)node, (void)err;
    const expr_text *a = args[0].v;
    const int64_t *start = args[1].v, *length = n_args == 3 ? args[2].v : NULL;
    expr_text *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        int64_t all = points(a[i]), from = start[i], to = all + 1;
        if (from < 0) from += all + 1;
        if (length && __builtin_add_overflow(from, length[i] < 0 ? 0 : length[i], &to)) to = all + 1;
        o[i] = between(a[i], from < 1 ? 0 : from - 1, (to > all + 1 ? all + 1 : to) - 1);
    }
    return AIP_OK;
}

/* left(x, n), right(x, n); a negative n: all but so many. */
EXEC(ends) {
    (void)r, (void)n_args, (void)err;
    const expr_text *a = args[0].v;
    const int64_t *count = args[1].v;
    expr_text *o = out->v_buffer;
    bool right = node->function->aux;
    for (int64_t i = 0; i < n; i++) {
        int64_t all = points(a[i]), k = count[i];
        if (k > all) k = all;
        if (k < 0) k = k < -all ? 0 : all + k;
        o[i] = right ? between(a[i], all - k, all) : between(a[i], 0, k);
    }
    return AIP_OK;
}

/* ---- search --------------------------------------------------------------------------------------------------------------------- */
static const char *find(expr_text t, expr_text what) {
    if (what.n == 0) return t.p;
    return what.n > t.n ? NULL : memmem(t.p, t.n, what.p, what.n);
}

enum { CONTAINS, STARTS, ENDS };
EXEC(find) {
    (void)r, (void)n_args, (void)err;
    const expr_text *a = args[0].v, *w = args[1].v;
    uint8_t *o = out->v_buffer;
    int32_t which = node->function->aux;
    for (int64_t i = 0; i < n; i++) {
        if (which == CONTAINS)
            o[i] = find(a[i], w[i]) != NULL;
        else
            o[i] = w[i].n <= a[i].n
                   && (w[i].n == 0 || memcmp(which == STARTS ? a[i].p : a[i].p + a[i].n - w[i].n, w[i].p, w[i].n) == 0);
    }
    return AIP_OK;
}

EXEC(replace) {
    (void)node, (void)n_args;
    const expr_text *a = args[0].v, *from = args[1].v, *to = args[2].v;
    expr_text *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        size_t hits = 0, size = a[i].n, more = 0;
        o[i] = a[i];
        if (from[i].n == 0) continue;
        expr_text rest = a[i];
        for (const char *p; (p = find(rest, from[i])) != NULL && rest.n; hits++) {
            rest.n -= (size_t)(p - rest.p) + from[i].n;
            rest.p = p + from[i].n;
        }
        if (hits == 0) continue;
        size -= hits * from[i].n;
        if (aip__mul_size(hits, to[i].n, &more) || aip__add_size(size, more, &size)) return aip__error_nomem(err);
        if (!make(r, &o[i], size, err)) return aip__error_memory(r->ctx, err);
        char *w = (char *)(uintptr_t)o[i].p;
        rest = a[i];
        for (; hits; hits--) {
            const char *p = find(rest, from[i]);
            assert(p); /* it was found when the hits were counted */
            size_t before = (size_t)(p - rest.p);
            memcpy(w, rest.p, before);
            if (to[i].n) memcpy(w + before, to[i].p, to[i].n);
            w += before + to[i].n;
            rest.n -= before + from[i].n;
            rest.p = p + from[i].n;
        }
        memcpy(w, rest.p, rest.n);
    }
    return AIP_OK;
}

EXEC(concat) {
    (void)node;
    expr_text *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        size_t size = 0;
        for (int32_t k = 0; k < n_args; k++)
            if (aip__add_size(size, ((const expr_text *)args[k].v)[i].n, &size)) return aip__error_nomem(err);
        if (!make(r, &o[i], size, err)) return aip__error_memory(r->ctx, err);
        char *w = (char *)(uintptr_t)o[i].p;
        for (int32_t k = 0; k < n_args; k++) {
            expr_text t = ((const expr_text *)args[k].v)[i];
            if (t.n) memcpy(w, t.p, t.n);
            w += t.n;
        }
    }
    return AIP_OK;
}

/* The k-th part, from 1; a negative k counts from the last; "" when there is none. */
static expr_text part(expr_text t, expr_text separator, int64_t k) {
    if (separator.n == 0) return k == 1 || k == -1 ? t : (expr_text){"", 0};
    if (k < 0) {
        int64_t parts = 1;
        expr_text rest = t;
        for (const char *p; (p = find(rest, separator)) != NULL; parts++)
            rest.n -= (size_t)(p - rest.p) + separator.n, rest.p = p + separator.n;
        k = k < -parts ? 0 : parts + k + 1;
    }
    for (; k >= 1; k--) {
        const char *p = find(t, separator);
        if (k == 1) return (expr_text){t.p, p ? (size_t)(p - t.p) : t.n};
        if (!p) break;
        t.n -= (size_t)(p - t.p) + separator.n;
        t.p = p + separator.n;
    }
    return (expr_text){"", 0};
}
EXEC(split_part) {
    (void)r, (void)node, (void)n_args, (void)err;
    const expr_text *a = args[0].v, *separator = args[1].v;
    const int64_t *k = args[2].v;
    expr_text *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) o[i] = part(a[i], separator[i], k[i]);
    return AIP_OK;
}
