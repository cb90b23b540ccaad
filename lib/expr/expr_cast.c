/* cast(x as type) and try_cast. A value that does not fit or does not parse fails; with try_cast it becomes null. */
#include "data/convert.h"
#include "expr/expr_functions.h"
#include "expr/expr_kernels.h"

#include <math.h>
#include <string.h>

static bool is_integer(int32_t t) { return t == AIP_INT32 || t == AIP_INT64; }
static bool is_float(int32_t t) { return t == AIP_FLOAT32 || t == AIP_FLOAT64; }

static bool can_cast(int32_t from, int32_t to) {
    if (from == to || from == AIP_UTF8 || to == AIP_UTF8) return true;
    bool from_number = is_integer(from) || is_float(from) || from == AIP_BOOL;
    bool to_number = is_integer(to) || is_float(to) || to == AIP_BOOL;
    if (from_number || to_number) return from_number && to_number;
    return true; /* dates and timestamps */
}

TYPER(cast) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, 0);
    int32_t to = node->target;
    if (arg->type == 0) AIP__TRY(aip__expr_coerce(b, node, arg, to, NULL, err));
    if (!can_cast(arg->type, to))
        return aip__expr_error(b->text, node->op_at, AIP_E_SCHEMA, err, "cannot convert %s to %s%s", aip__expr_shown(arg),
                               aip_type_name(to), arg->type == AIP_TIMESTAMP ? "; epoch(x) gives its seconds" : "");
    node->from_type = arg->type;
    node->type = to;
    if (node->function->aux) node->nullable = true;
    if (arg->type == AIP_TIMESTAMP && to == AIP_TIMESTAMP) node->zone = arg->zone;
    if (arg->type == AIP_TIMESTAMP && to == AIP_DATE32 && arg->zone)
        AIP__TRY(aip__expr_zone(b, node, arg->zone, &node->zone_data, err));
    node->aux = arg->zone != NULL;
    return AIP_OK;
}

static int32_t to_text(expr_run *r, const expr_bnode *node, const expr_slot *a, expr_text *o, int64_t n, aip_error **err) {
    for (int64_t i = 0; i < n; i++) {
        char bytes[64];
        size_t k = 0;
        switch (node->from_type) {
        case AIP_BOOL: {
            bool v = ((const uint8_t *)a->v)[i];
            o[i] = v ? (expr_text){"true", 4} : (expr_text){"false", 5};
            continue;
        }
        case AIP_FLOAT32:
        case AIP_FLOAT64: k = aip__format_f64(bytes, ((const double *)a->v)[i]); break;
        case AIP_DATE32: k = aip__format_date(bytes, (int32_t)((const int64_t *)a->v)[i]); break;
        case AIP_TIMESTAMP: k = aip__format_timestamp(bytes, ((const int64_t *)a->v)[i], node->aux != 0); break;
        default: k = aip__format_i64(bytes, ((const int64_t *)a->v)[i]);
        }
        char *copy = aip__expr_arena_get(&r->arena, k);
        if (!copy) return aip__error_memory(r->ctx, err);
        memcpy(copy, bytes, k);
        o[i] = (expr_text){copy, k};
    }
    return AIP_OK;
}

/* False: does not parse. */
static bool from_text(expr_text t, int32_t to, void *out, int64_t i) {
    bool flag = false, has_zone = false;
    int32_t days = 0;
    int64_t whole = 0;
    double real = 0;
    switch (to) {
    case AIP_BOOL:
        if (!aip__parse_bool(t.p, t.n, &flag)) return false;
        ((uint8_t *)out)[i] = flag;
        return true;
    case AIP_FLOAT32:
    case AIP_FLOAT64:
        if (!aip__parse_f64(t.p, t.n, '.', &real)) return false;
        ((double *)out)[i] = to == AIP_FLOAT32 ? (double)(float)real : real;
        return true;
    case AIP_DATE32:
        if (!aip__parse_date(t.p, t.n, &days)) return false;
        ((int64_t *)out)[i] = days;
        return true;
    case AIP_TIMESTAMP:
        if (aip__parse_date(t.p, t.n, &days)) {
            ((int64_t *)out)[i] = days * INT64_C(86400000000);
            return true;
        }
        return aip__parse_timestamp(t.p, t.n, &((int64_t *)out)[i], &has_zone) && !has_zone;
    default:
        if (!aip__parse_i64(t.p, t.n, &whole) || (to == AIP_INT32 && whole != (int32_t)whole)) return false;
        ((int64_t *)out)[i] = whole;
        return true;
    }
}

static bool fits(double v, int32_t to) { /* toward zero */
    return to == AIP_INT32 ? v > -2147483649.0 && v < 2147483648.0 : v >= -9223372036854775808.0 && v < 9223372036854775808.0;
}

/* False: does not fit. */
static bool from_value(const expr_bnode *node, const void *v, void *out, int64_t i, aip__zone_span *span) {
    int32_t from = node->from_type, to = node->type;
    if (is_float(from)) {
        double x = ((const double *)v)[i];
        if (is_float(to)) {
            ((double *)out)[i] = to == AIP_FLOAT32 ? (double)(float)x : x;
        } else if (to == AIP_BOOL) {
            ((uint8_t *)out)[i] = x != 0;
            return x == x;
        } else {
            bool ok = fits(x, to);
            ((int64_t *)out)[i] = ok ? (int64_t)x : 0;
            return ok;
        }
        return true;
    }
    int64_t x = from == AIP_BOOL ? ((const uint8_t *)v)[i] : ((const int64_t *)v)[i];
    if (is_float(to)) {
        ((double *)out)[i] = to == AIP_FLOAT32 ? (double)(float)x : (double)x;
    } else if (to == AIP_BOOL) {
        ((uint8_t *)out)[i] = x != 0;
    } else if (from == AIP_TIMESTAMP && to == AIP_DATE32) {
        int64_t second = x / 1000000 - (x % 1000000 < 0);
        if (node->zone_data) second += aip__zone_offset(node->zone_data, second, span);
        ((int64_t *)out)[i] = second / 86400 - (second % 86400 < 0);
    } else if (from == AIP_DATE32 && to == AIP_TIMESTAMP) {
        bool ok = x <= 106751000 && x >= -106751000;
        ((int64_t *)out)[i] = ok ? x * INT64_C(86400000000) : 0;
        return ok;
    } else {
        ((int64_t *)out)[i] = x;
        return to != AIP_INT32 || x == (int32_t)x;
    }
    return true;
}

EXEC(cast) {
    (void)n_args;
    const expr_slot *a = &args[0];
    int32_t from = node->from_type, to = node->type;
    if (from == to || (from == AIP_INT32 && to == AIP_INT64) || (from == AIP_FLOAT32 && to == AIP_FLOAT64)) {
        memcpy(out->v_buffer, a->v, (size_t)n * aip__expr_width(aip__expr_class(to)));
        return AIP_OK;
    }
    if (is_integer(from) && to == AIP_FLOAT64) {
        aip__expr_k_i64_to_f64(a->v, out->v_buffer, n);
        return AIP_OK;
    }
    if (to == AIP_UTF8) return to_text(r, node, a, out->v_buffer, n, err);
    aip__zone_span span = {.from = 1};
    memset(out->v_buffer, 0, (size_t)n * aip__expr_width(aip__expr_class(to)));
    for (int64_t i = 0; i < n; i++) {
        bool ok = from == AIP_UTF8 ? from_text(((const expr_text *)a->v)[i], to, out->v_buffer, i)
                                   : from_value(node, a->v, out->v_buffer, i, &span);
        if (ok || !aip__expr_ok(out, i)) continue;
        if (node->function->aux)
            aip__expr_valid_mut(out, n)[i] = 0;
        else
            aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
    }
    return AIP_OK;
}
