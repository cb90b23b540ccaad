/* Comparison, logic with three values (SQL's), null tests, and choice: case, if, coalesce, nullif, least, greatest. */
#include "expr/expr_functions.h"
#include "expr/expr_kernels.h"

#include <stdlib.h>
#include <string.h>

#define ONES4(x) x, x, x, x
#define ONES256(x) ONES4(ONES4(ONES4(ONES4(x))))
static const uint8_t ones[EXPR_STRIP] = {ONES256(1), ONES256(1), ONES256(1), ONES256(1)};

static const uint8_t *valid_of(const expr_slot *s) { return s->valid ? s->valid : ones; }

int32_t aip__expr_compare_texts(expr_text a, expr_text b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Failures of the arguments, for functions that treat nulls on their own. */
static void join_bad(const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n) {
    for (int32_t k = 0; k < n_args; k++) {
        if (!args[k].bad) continue;
        uint16_t *bad = aip__expr_bad_mut(out, n);
        for (int64_t i = 0; i < n; i++) bad[i] = bad[i] ? bad[i] : args[k].bad[i];
    }
}

/* ---- comparison -------------------------------------------------------------------------------------------------------------- */
static void compare_text(expr_comparison op, const expr_text *a, const expr_text *b, uint8_t *out, int64_t n) {
    if (op == EXPR_EQ || op == EXPR_NE) {
        for (int64_t i = 0; i < n; i++) {
            bool same = a[i].n == b[i].n && (a[i].n == 0 || memcmp(a[i].p, b[i].p, a[i].n) == 0);
            out[i] = same == (op == EXPR_EQ);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int32_t c = aip__expr_compare_texts(a[i], b[i]);
        out[i] = op == EXPR_LT ? c < 0 : op == EXPR_LE ? c <= 0 : op == EXPR_GT ? c > 0 : c >= 0;
    }
}

static void compare(expr_class class, expr_comparison op, const void *a, const void *b, uint8_t *out, int64_t n) {
    switch (class) {
    case EXPR_C_I64: aip__expr_k_compare_i64(op, a, b, out, n); return;
    case EXPR_C_F64: aip__expr_k_compare_f64(op, a, b, out, n); return;
    case EXPR_C_BOOL: aip__expr_k_compare_u8(op, a, b, out, n); return;
    case EXPR_C_TEXT: compare_text(op, a, b, out, n); return;
    }
}

int32_t aip__expr_type_compare(expr_binder *b, expr_bnode *node, aip_error **err) {
    const char *zone = NULL;
    AIP__TRY(aip__expr_unify(b, node, 0, 1, "compare", &node->from_type, &zone, err));
    node->type = AIP_BOOL;
    return AIP_OK;
}
int32_t aip__expr_do_compare(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                             int64_t n, aip_error **err) {
    (void)r, (void)n_args, (void)err;
    compare(aip__expr_class(node->from_type), (expr_comparison)node->function->aux, args[0].v, args[1].v, out->v_buffer, n);
    return AIP_OK;
}

int32_t aip__expr_do_between(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                             int64_t n, aip_error **err) {
    (void)r, (void)err;
    uint8_t low[EXPR_STRIP], low_valid[EXPR_STRIP], high[EXPR_STRIP], high_valid[EXPR_STRIP];
    expr_class class = aip__expr_class(node->from_type);
    compare(class, EXPR_GE, args[0].v, args[1].v, low, n);
    compare(class, EXPR_LE, args[0].v, args[2].v, high, n);
    aip__expr_k_mask(valid_of(&args[0]), valid_of(&args[1]), low_valid, n);
    aip__expr_k_mask(valid_of(&args[0]), valid_of(&args[2]), high_valid, n);
    aip__expr_k_and(low, low_valid, high, high_valid, out->v_buffer, aip__expr_valid_mut(out, n), n);
    join_bad(args, n_args, out, n);
    return AIP_OK;
}

/* ---- in ---------------------------------------------------------------------------------------------------------------------- */
static int by_i64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}
static int by_f64(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static int by_text(const void *a, const void *b) { return aip__expr_compare_texts(*(const expr_text *)a, *(const expr_text *)b); }

int32_t aip__expr_type_in(expr_binder *b, expr_bnode *node, aip_error **err) {
    const char *zone = NULL;
    AIP__TRY(aip__expr_unify(b, node, 0, 1, "compare", &node->from_type, &zone, err));
    node->type = AIP_BOOL;
    for (int32_t i = 1; i < node->n_args; i++)
        if (!aip__expr_arg(b->bound, node, i)->constant) return AIP_OK;
    expr_class class = aip__expr_class(node->from_type);
    if (class == EXPR_C_BOOL) return AIP_OK;
    expr_set *set = aip__calloc(b->bound->ctx, 1, sizeof *set + (size_t)node->n_args * sizeof(expr_text));
    if (!set) return aip__error_memory(b->bound->ctx, err);
    node->set = set;
    set->i = (int64_t *)(set + 1);
    set->f = (double *)(set + 1);
    set->t = (expr_text *)(set + 1);
    for (int32_t i = 1; i < node->n_args; i++) {
        expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        arg->taken = true;
        if (arg->value.null)
            set->has_null = true;
        else if (class == EXPR_C_I64)
            set->i[set->n++] = arg->value.v.i;
        else if (class == EXPR_C_F64)
            set->f[set->n++] = arg->value.v.f;
        else
            set->t[set->n++] = arg->value.v.t;
    }
    qsort(set + 1, (size_t)set->n, aip__expr_width(class), class == EXPR_C_I64 ? by_i64 : class == EXPR_C_F64 ? by_f64 : by_text);
    return AIP_OK;
}

static void in_set(const expr_set *set, expr_class class, const void *values, uint8_t *out, int64_t n) {
    if (class == EXPR_C_I64 && set->n <= 8) {
        const int64_t *v = values;
        memset(out, 0, (size_t)n);
        for (int64_t k = 0; k < set->n; k++)
            for (int64_t i = 0, x = set->i[k]; i < n; i++) out[i] = (uint8_t)(out[i] | (v[i] == x));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t low = 0, high = set->n; /* the first that is not smaller */
        while (low < high) {
            int64_t mid = (low + high) / 2;
            bool smaller = class == EXPR_C_I64   ? set->i[mid] < ((const int64_t *)values)[i]
                           : class == EXPR_C_F64 ? set->f[mid] < ((const double *)values)[i]
                                                 : aip__expr_compare_texts(set->t[mid], ((const expr_text *)values)[i]) < 0;
            if (smaller)
                low = mid + 1;
            else
                high = mid;
        }
        out[i] = low < set->n
                 && (class == EXPR_C_I64   ? set->i[low] == ((const int64_t *)values)[i]
                     : class == EXPR_C_F64 ? set->f[low] == ((const double *)values)[i]
                                           : aip__expr_compare_texts(set->t[low], ((const expr_text *)values)[i]) == 0);
    }
}

int32_t aip__expr_do_in(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n,
                        aip_error **err) {
    (void)r, (void)err;
    expr_class class = aip__expr_class(node->from_type);
    uint8_t *found = out->v_buffer;
    join_bad(args, n_args, out, n);
    if (node->set) {
        in_set(node->set, class, args[0].v, found, n);
        if (args[0].valid) memcpy(aip__expr_valid_mut(out, n), args[0].valid, (size_t)n);
        if (node->set->has_null) aip__expr_k_mask(found, valid_of(&args[0]), aip__expr_valid_mut(out, n), n);
        return AIP_OK;
    }
    uint8_t *valid = aip__expr_valid_mut(out, n), same[EXPR_STRIP], both[EXPR_STRIP], any[EXPR_STRIP], any_valid[EXPR_STRIP];
    memset(found, 0, (size_t)n);
    for (int32_t k = 1; k < n_args; k++) {
        compare(class, EXPR_EQ, args[0].v, args[k].v, same, n);
        aip__expr_k_mask(valid_of(&args[0]), valid_of(&args[k]), both, n);
        aip__expr_k_or(found, valid, same, both, any, any_valid, n);
        memcpy(found, any, (size_t)n);
        memcpy(valid, any_valid, (size_t)n);
    }
    return AIP_OK;
}

/* ---- and, or, not, is null ----------------------------------------------------------------------------------------------------- */
int32_t aip__expr_do_logic(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n,
                           aip_error **err) {
    (void)r, (void)n_args, (void)err;
    bool is_or = node->function->aux;
    const uint8_t *a = args[0].v, *av = valid_of(&args[0]), *b = args[1].v, *bv = valid_of(&args[1]);
    if (is_or)
        aip__expr_k_or(a, av, b, bv, out->v_buffer, aip__expr_valid_mut(out, n), n);
    else
        aip__expr_k_and(a, av, b, bv, out->v_buffer, aip__expr_valid_mut(out, n), n);
    if (!args[0].valid && !args[1].valid) out->valid = NULL;
    if (!args[0].bad && !args[1].bad) return AIP_OK;
    uint16_t *bad = aip__expr_bad_mut(out, n); /* a failure does not matter beside a value that decides alone */
    for (int64_t i = 0; i < n; i++) {
        uint16_t x = args[0].bad ? args[0].bad[i] : 0, y = args[1].bad ? args[1].bad[i] : 0;
        bool decided = (!x && av[i] && a[i] == is_or) || (!y && bv[i] && b[i] == is_or);
        bad[i] = decided ? 0 : x ? x : y;
        if (decided) ((uint8_t *)out->v_buffer)[i] = is_or;
        if (decided && out->valid) out->valid_buffer[i] = 1;
    }
    return AIP_OK;
}

int32_t aip__expr_do_not(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n,
                         aip_error **err) {
    (void)r, (void)node, (void)n_args, (void)err;
    aip__expr_k_not(args[0].v, out->v_buffer, n);
    return AIP_OK;
}

int32_t aip__expr_type_is_null(expr_binder *b, expr_bnode *node, aip_error **err) {
    (void)b, (void)err;
    node->type = AIP_BOOL;
    node->nullable = false;
    return AIP_OK;
}
int32_t aip__expr_do_is_null(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                             int64_t n, aip_error **err) {
    (void)r, (void)err;
    if (node->function->aux)
        memcpy(out->v_buffer, valid_of(&args[0]), (size_t)n);
    else
        aip__expr_k_not(valid_of(&args[0]), out->v_buffer, n);
    join_bad(args, n_args, out, n);
    return AIP_OK;
}

/* ---- choice ---------------------------------------------------------------------------------------------------------------------- */
static void blend(const uint8_t *pick, const expr_slot *from, expr_class class, expr_slot *out, int64_t n) {
    switch (class) {
    case EXPR_C_BOOL: aip__expr_k_blend_8(pick, from->v, out->v_buffer, n); break;
    case EXPR_C_TEXT: {
        const expr_text *a = from->v;
        expr_text *o = out->v_buffer;
        for (int64_t i = 0; i < n; i++)
            if (pick[i]) o[i] = a[i];
        break;
    }
    default: aip__expr_k_blend_64(pick, from->v, out->v_buffer, n);
    }
    if (from->valid || out->valid) aip__expr_k_blend_8(pick, valid_of(from), aip__expr_valid_mut(out, n), n);
    if (!from->bad && !out->bad) return;
    uint16_t *bad = aip__expr_bad_mut(out, n);
    for (int64_t i = 0; i < n; i++)
        if (pick[i]) bad[i] = from->bad ? from->bad[i] : 0;
}

static void copy(const expr_slot *from, expr_class class, expr_slot *out, int64_t n) {
    memcpy(out->v_buffer, from->v, (size_t)n * aip__expr_width(class));
    if (from->valid) memcpy(aip__expr_valid_mut(out, n), from->valid, (size_t)n);
    if (from->bad) memcpy(aip__expr_bad_mut(out, n), from->bad, (size_t)n * sizeof *from->bad);
}

static void all_null(expr_class class, expr_slot *out, int64_t n) {
    if (class == EXPR_C_TEXT)
        for (int64_t i = 0; i < n; i++) ((expr_text *)out->v_buffer)[i] = (expr_text){"", 0};
    else
        memset(out->v_buffer, 0, (size_t)n * aip__expr_width(class));
    memset(aip__expr_valid_mut(out, n), 0, (size_t)n);
}

static int32_t typed_choice(expr_binder *b, expr_bnode *node, int32_t from, int32_t step, aip_error **err) {
    AIP__TRY(aip__expr_unify(b, node, from, step, "choose between", &node->type, &node->zone, err));
    if (node->type == 0)
        return aip__expr_error(b->text, node->op_at, AIP_E_SCHEMA, err,
                               "'%s' expects a value of some type, found only nulls; cast(null as float64) gives one a type",
                               node->function->name);
    return AIP_OK;
}

/* c1, v1, c2, v2, ..., and an odd last one for `else`. */
int32_t aip__expr_type_case(expr_binder *b, expr_bnode *node, aip_error **err) {
    bool has_else = node->n_args & 1, nullable = !has_else;
    for (int32_t i = 0; i < node->n_args; i++) {
        expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        bool condition = i % 2 == 0 && !(has_else && i == node->n_args - 1);
        if (!condition) {
            nullable |= arg->nullable;
            continue;
        }
        if (arg->type && arg->type != AIP_BOOL) return aip__expr_type_error(b, node, arg, "a bool as condition", err);
        AIP__TRY(aip__expr_coerce(b, node, arg, AIP_BOOL, NULL, err));
    }
    node->nullable = nullable;
    return typed_choice(b, node, 1, 2, err);
}
int32_t aip__expr_do_case(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n,
                          aip_error **err) {
    (void)r, (void)err;
    expr_class class = aip__expr_class(node->type);
    if (n_args & 1)
        copy(&args[n_args - 1], class, out, n);
    else
        all_null(class, out, n);
    for (int32_t k = (n_args & ~1) - 2; k >= 0; k -= 2) { /* from the last: the first true one is written last */
        const expr_slot *c = &args[k];
        uint8_t pick[EXPR_STRIP];
        aip__expr_k_mask(c->v, valid_of(c), pick, n);
        blend(pick, &args[k + 1], class, out, n);
        if (!c->bad) continue;
        uint16_t *bad = aip__expr_bad_mut(out, n);
        for (int64_t i = 0; i < n; i++) bad[i] = c->bad[i] ? c->bad[i] : bad[i];
    }
    return AIP_OK;
}

int32_t aip__expr_type_coalesce(expr_binder *b, expr_bnode *node, aip_error **err) {
    bool nullable = true;
    for (int32_t i = 0; i < node->n_args; i++) nullable &= aip__expr_arg(b->bound, node, i)->nullable;
    node->nullable = nullable;
    return typed_choice(b, node, 0, 1, err);
}
int32_t aip__expr_do_coalesce(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                              int64_t n, aip_error **err) {
    (void)r, (void)err;
    expr_class class = aip__expr_class(node->type);
    copy(&args[n_args - 1], class, out, n);
    for (int32_t k = n_args - 2; k >= 0; k--) {
        if (!args[k].valid && !args[k].bad) {
            out->valid = NULL;
            out->bad = NULL;
            copy(&args[k], class, out, n);
            continue;
        }
        uint8_t pick[EXPR_STRIP];
        for (int64_t i = 0; i < n; i++) pick[i] = (args[k].bad && args[k].bad[i]) || !args[k].valid || args[k].valid[i];
        blend(pick, &args[k], class, out, n);
    }
    return AIP_OK;
}

int32_t aip__expr_type_nullif(expr_binder *b, expr_bnode *node, aip_error **err) {
    AIP__TRY(aip__expr_unify(b, node, 0, 1, "compare", &node->type, &node->zone, err));
    if (node->type == 0) return typed_choice(b, node, 0, 1, err);
    node->nullable = true;
    return AIP_OK;
}
int32_t aip__expr_do_nullif(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n,
                            aip_error **err) {
    (void)r, (void)err;
    uint8_t same[EXPR_STRIP];
    expr_class class = aip__expr_class(node->type);
    copy(&args[0], class, out, n);
    compare(class, EXPR_EQ, args[0].v, args[1].v, same, n);
    aip__expr_k_mask(same, valid_of(&args[1]), same, n);
    uint8_t *valid = aip__expr_valid_mut(out, n);
    for (int64_t i = 0; i < n; i++) valid[i] = (uint8_t)(valid[i] & (same[i] ^ 1));
    join_bad(args, n_args, out, n);
    return AIP_OK;
}

/* NaN is larger than every number, so that the order of the arguments does not matter. */
static void smaller(expr_class class, const void *a, const void *b, uint8_t *out, int64_t n) {
    compare(class, EXPR_LT, a, b, out, n);
    if (class != EXPR_C_F64) return;
    const double *x = a, *y = b;
    for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(out[i] | ((y[i] != y[i]) & (x[i] == x[i])));
}
int32_t aip__expr_do_extreme(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                             int64_t n, aip_error **err) {
    (void)r, (void)err;
    bool greatest = node->function->aux;
    expr_class class = aip__expr_class(node->type);
    copy(&args[0], class, out, n);
    for (int32_t k = 1; k < n_args; k++) {
        uint8_t pick[EXPR_STRIP];
        const uint8_t *ov = valid_of(out), *av = valid_of(&args[k]);
        if (greatest)
            smaller(class, out->v_buffer, args[k].v, pick, n);
        else
            smaller(class, args[k].v, out->v_buffer, pick, n);
        for (int64_t i = 0; i < n; i++) pick[i] = (uint8_t)(av[i] & (pick[i] | (ov[i] ^ 1)));
        blend(pick, &args[k], class, out, n);
    }
    join_bad(args, n_args, out, n);
    return AIP_OK;
}
