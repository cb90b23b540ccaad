/* Arithmetic and the functions of numbers. Integers are int64 and checked; a value outside a function's domain gives null. */
#include "base/fmath.h"
#include "expr/expr_functions.h"
#include "expr/expr_kernels.h"

#include <math.h>
#include <string.h>

enum { ADD, SUBTRACT, MULTIPLY };

static bool is_number(int32_t t) { return t == AIP_INT32 || t == AIP_INT64 || t == AIP_FLOAT32 || t == AIP_FLOAT64; }
static bool is_integer(int32_t t) { return t == AIP_INT32 || t == AIP_INT64; }

/* Numbers; date + days, date - days, date - date. */
TYPER(arithmetic) {
    expr_bnode *x = aip__expr_arg(b->bound, node, 0), *y = aip__expr_arg(b->bound, node, 1);
    int32_t op = node->function->aux;
    bool x_number = x->type == 0 || is_number(x->type), y_number = y->type == 0 || is_number(y->type);
    if (x_number && y_number) {
        bool whole = (x->type == 0 || is_integer(x->type)) && (y->type == 0 || is_integer(y->type));
        node->type = whole ? AIP_INT64 : AIP_FLOAT64;
        AIP__TRY(aip__expr_coerce(b, node, x, node->type, NULL, err));
        return aip__expr_coerce(b, node, y, node->type, NULL, err);
    }
    if (op != MULTIPLY && x->type == AIP_DATE32 && (is_integer(y->type) || y->type == 0)) {
        node->type = AIP_DATE32;
        return aip__expr_coerce(b, node, y, AIP_INT64, NULL, err);
    }
    if (op == ADD && y->type == AIP_DATE32 && (is_integer(x->type) || x->type == 0)) {
        node->type = AIP_DATE32;
        return aip__expr_coerce(b, node, x, AIP_INT64, NULL, err);
    }
    if (op == SUBTRACT && x->type == AIP_DATE32 && y->type == AIP_DATE32) {
        node->type = AIP_INT64;
        return AIP_OK;
    }
    bool texts = x->type == AIP_UTF8 && y->type == AIP_UTF8;
    bool times = x->type == AIP_TIMESTAMP || y->type == AIP_TIMESTAMP;
    return aip__expr_error(b->text, node->op_at, AIP_E_SCHEMA, err, "'%s' cannot compute with %s and %s%s", node->function->name,
                           aip__expr_shown(x), aip__expr_shown(y),
                           texts   ? "; '||' joins texts"
                           : times ? "; date_diff('second', a, b) gives the time between"
                                   : "");
}

static bool overflows(int32_t op, int64_t a, int64_t b) {
    int64_t r;
    return op == ADD        ? __builtin_add_overflow(a, b, &r)
           : op == SUBTRACT ? __builtin_sub_overflow(a, b, &r)
                            : __builtin_mul_overflow(a, b, &r);
}

EXEC(arithmetic) {
    (void)r, (void)n_args, (void)err;
    int32_t op = node->function->aux;
    const void *a = args[0].v, *b = args[1].v;
    if (node->type == AIP_FLOAT64) {
        if (op == ADD)
            aip__expr_k_add_f64(a, b, out->v_buffer, n);
        else if (op == SUBTRACT)
            aip__expr_k_sub_f64(a, b, out->v_buffer, n);
        else
            aip__expr_k_mul_f64(a, b, out->v_buffer, n);
        return AIP_OK;
    }
    bool over = op == ADD        ? aip__expr_k_add_i64(a, b, out->v_buffer, n)
                : op == SUBTRACT ? aip__expr_k_sub_i64(a, b, out->v_buffer, n)
                                 : aip__expr_k_mul_i64(a, b, out->v_buffer, n);
    const int64_t *x = a, *y = b, *z = out->v_buffer;
    bool date = node->type == AIP_DATE32;
    for (int64_t i = 0; date && i < n; i++) over |= z[i] != (int32_t)z[i];
    if (!over) return AIP_OK;
    for (int64_t i = 0; i < n; i++)
        if ((overflows(op, x[i], y[i]) || (date && z[i] != (int32_t)z[i])) && aip__expr_ok(out, i))
            aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
    return AIP_OK;
}

EXEC(divide) {
    (void)r, (void)node, (void)n_args, (void)err;
    aip__expr_k_div_f64(args[0].v, args[1].v, out->v_buffer, aip__expr_valid_mut(out, n), n);
    return AIP_OK;
}

TYPER(modulo) {
    expr_bnode *args[2] = {aip__expr_arg(b->bound, node, 0), aip__expr_arg(b->bound, node, 1)};
    bool whole = true;
    for (int32_t i = 0; i < 2; i++) {
        if (args[i]->type && !is_number(args[i]->type)) return aip__expr_type_error(b, node, args[i], "a number", err);
        whole &= args[i]->type == 0 || is_integer(args[i]->type);
    }
    node->type = whole ? AIP_INT64 : AIP_FLOAT64;
    node->nullable = true;
    for (int32_t i = 0; i < 2; i++) AIP__TRY(aip__expr_coerce(b, node, args[i], node->type, NULL, err));
    return AIP_OK;
}

/* The sign of the divisor, as Python's %. */
EXEC(modulo) {
    (void)r, (void)n_args, (void)err;
    uint8_t *valid = aip__expr_valid_mut(out, n);
    if (node->type == AIP_FLOAT64) {
        const double *a = args[0].v, *b = args[1].v;
        double *o = out->v_buffer;
        for (int64_t i = 0; i < n; i++) {
            double m = b[i] != 0 ? fmod(a[i], b[i]) : 0;
            if (m != 0 && (m < 0) != (b[i] < 0)) m += b[i];
            o[i] = m == 0 ? copysign(0, b[i]) : m;
            valid[i] = (uint8_t)(valid[i] & (b[i] != 0));
        }
        return AIP_OK;
    }
    const int64_t *a = args[0].v, *b = args[1].v;
    int64_t *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        int64_t d = b[i], m = d == 0 || d == -1 ? 0 : a[i] % d; /* the smallest int64 % -1 traps */
        if (m != 0 && (m < 0) != (d < 0)) m += d;
        o[i] = m;
        valid[i] = (uint8_t)(valid[i] & (d != 0));
    }
    return AIP_OK;
}

static void whole_negative(const expr_bnode *node, const expr_slot *args, expr_slot *out, int64_t n, bool only_negative) {
    const int64_t *a = args[0].v;
    int64_t *o = out->v_buffer;
    bool smallest = false;
    for (int64_t i = 0; i < n; i++) {
        int64_t negative = (int64_t)(0 - (uint64_t)a[i]);
        o[i] = only_negative && a[i] >= 0 ? a[i] : negative;
        smallest |= a[i] == INT64_MIN;
    }
    for (int64_t i = 0; smallest && i < n; i++)
        if (a[i] == INT64_MIN && aip__expr_ok(out, i)) aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
}

EXEC(negate) {
    (void)r, (void)n_args, (void)err;
    if (node->type == AIP_FLOAT64)
        aip__expr_k_neg_f64(args[0].v, out->v_buffer, n);
    else
        whole_negative(node, args, out, n, false);
    return AIP_OK;
}

EXEC(abs) {
    (void)r, (void)n_args, (void)err;
    if (node->type != AIP_FLOAT64) {
        whole_negative(node, args, out, n, true);
        return AIP_OK;
    }
    const double *a = args[0].v;
    double *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) o[i] = fabs(a[i]);
    return AIP_OK;
}

EXEC(sign) {
    (void)r, (void)n_args, (void)err;
    if (node->type != AIP_FLOAT64) {
        const int64_t *a = args[0].v;
        int64_t *o = out->v_buffer;
        for (int64_t i = 0; i < n; i++) o[i] = (a[i] > 0) - (a[i] < 0);
        return AIP_OK;
    }
    const double *a = args[0].v;
    double *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) o[i] = a[i] != a[i] ? a[i] : (double)((a[i] > 0) - (a[i] < 0));
    return AIP_OK;
}

/* Half to even, as numpy.round: scale, round, scale back. */
static double round_float(double x, int64_t digits) {
    if (digits == 0) return rint(x);
    double unit = 1;
    for (int64_t k = 0, m = digits > 0 ? digits : -digits; k < m && k < 308; k++) unit *= 10;
    double scaled = digits > 0 ? x * unit : x / unit;
    if (isinf(scaled)) return x;
    return digits > 0 ? rint(scaled) / unit : rint(scaled) * unit;
}
static int64_t round_whole(int64_t x, int64_t digits, bool *over) {
    if (digits >= 0) return x;
    if (digits < -18) return 0;
    int64_t unit = 1;
    for (int64_t k = digits; k < 0; k++) unit *= 10;
    int64_t rest = x % unit, base = x - rest, up = rest < 0 ? -unit : unit, size = rest < 0 ? -rest : rest;
    bool away = size > unit / 2 || (size == unit / 2 && base / unit % 2 != 0);
    if (away && __builtin_add_overflow(base, up, &base)) *over = true;
    return base;
}
EXEC(round) {
    (void)r, (void)err;
    const int64_t *digits = n_args == 2 ? args[1].v : NULL;
    if (node->type == AIP_FLOAT64) {
        const double *a = args[0].v;
        double *o = out->v_buffer;
        for (int64_t i = 0; i < n; i++) o[i] = round_float(a[i], digits ? digits[i] : 0);
        return AIP_OK;
    }
    const int64_t *a = args[0].v;
    int64_t *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        bool over = false;
        o[i] = round_whole(a[i], digits ? digits[i] : 0, &over);
        if (over && aip__expr_ok(out, i)) aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
    }
    return AIP_OK;
}

/* floor, ceil, trunc. */
EXEC(whole) {
    (void)r, (void)n_args, (void)err;
    if (node->type != AIP_FLOAT64) {
        memcpy(out->v_buffer, args[0].v, (size_t)n * 8);
        return AIP_OK;
    }
    const double *a = args[0].v;
    double *o = out->v_buffer;
    int32_t which = node->function->aux;
    for (int64_t i = 0; i < n; i++) o[i] = which == 0 ? floor(a[i]) : which == 1 ? ceil(a[i]) : trunc(a[i]);
    return AIP_OK;
}

/* Logarithms to other bases: exact at powers of the base, else within 2 ulp. */
static double base_10(double x) {
    double y = aip__fmath_log(x) * 0.43429448190325182765, whole = rint(y), power = 1;
    if (!(fabs(whole) <= 22)) return y;
    for (int k = 0; k < (int)fabs(whole); k++) power *= 10; /* exact to 10^22 */
    return (whole >= 0 ? power : 1 / power) == x ? whole : y;
}
static double base_2(double x) {
    int exponent = 0;
    if (isfinite(x) && frexp(x, &exponent) == 0.5) return exponent - 1;
    return aip__fmath_log(x) * 1.44269504088896340736;
}

/* sqrt, exp, ln, log10, log2, sin, cos. */
EXEC(math) {
    (void)r, (void)n_args, (void)err;
    const double *a = args[0].v;
    double *o = out->v_buffer;
    int32_t which = node->function->aux;
    for (int64_t i = 0; i < n; i++) {
        double x = a[i];
        bool outside = which == 'q'                                   ? x < 0
                       : which == 'l' || which == 't' || which == '2' ? x <= 0
                                                                      : isinf(x) && (which == 's' || which == 'c');
        if (outside && aip__expr_ok(out, i)) aip__expr_valid_mut(out, n)[i] = 0;
        if (outside) x = 1;
        switch (which) {
        case 'q': o[i] = sqrt(x); break;
        case 'e': o[i] = aip__fmath_exp(x); break;
        case 'l': o[i] = aip__fmath_log(x); break;
        case 't': o[i] = base_10(x); break;
        case '2': o[i] = base_2(x); break;
        case 's': o[i] = sin(x); break;
        default: o[i] = cos(x); break;
        }
    }
    return AIP_OK;
}

EXEC(pow) {
    (void)r, (void)node, (void)n_args, (void)err;
    const double *a = args[0].v, *b = args[1].v;
    double *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        bool outside = (a[i] < 0 && b[i] != floor(b[i])) || (a[i] == 0 && b[i] < 0);
        o[i] = outside ? 0 : pow(a[i], b[i]);
        if (outside) aip__expr_valid_mut(out, n)[i] = 0;
    }
    return AIP_OK;
}

EXEC(float_test) {
    (void)r, (void)n_args, (void)err;
    const double *a = args[0].v;
    uint8_t *o = out->v_buffer;
    bool nan = node->function->aux == 0;
    for (int64_t i = 0; i < n; i++) o[i] = (uint8_t)(nan ? isnan(a[i]) != 0 : isfinite(a[i]) != 0);
    return AIP_OK;
}
