/* Moments, scaling and NaN masks. Written over vectors of eight doubles in GNU C: one body, compiled once for each instruction set and chosen
 * at the first call. Moments: a block is summed, then its squared distances from its own mean (the corrected two-pass algorithm: Chan, Golub,
 * LeVeque 1983), and blocks are merged by Chan's rule; never a sum of squares minus a square of sums. */
#include "transform/kernels.h"

#include "base/cpu.h"
#include <math.h>

typedef double v8 __attribute__((vector_size(64)));
typedef double v4 __attribute__((vector_size(32)));
typedef int64_t v8i __attribute__((vector_size(64)));

#define INLINE static inline __attribute__((always_inline))

INLINE v8 load(const double *x) {
    v8 v;
    memcpy(&v, x, sizeof v);
    return v;
}
/* The last, incomplete eight: NaN where there is no value. */
INLINE v8 load_tail(const double *x, int64_t n) {
    double t[8] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    for (int64_t i = 0; i < n; i++) t[i] = x[i];
    return load(t);
}
INLINE double sum8(v8 s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }
/* All ones where the value is not NaN. */
INLINE v8i is_number(v8 v) { return v == v; } // NOLINT(misc-redundant-expression)
INLINE v8 masked(v8 v, v8i mask) { return (v8)((v8i)v & mask); }

INLINE void moments_body(const double *x, int64_t n, aip__moments *out) {
    v8 sum = {0};
    v8i count = {0};
    int64_t whole = n & ~INT64_C(7);
    for (int64_t i = 0; i < whole; i += 8) {
        v8 v = load(x + i);
        v8i there = is_number(v);
        sum += masked(v, there);
        count -= there;
    }
    v8 last = load_tail(x + whole, n - whole);
    v8i last_there = is_number(last);
    sum += masked(last, last_there);
    count -= last_there;
    int64_t k = 0;
    for (int i = 0; i < 8; i++) k += count[i];
    *out = (aip__moments){.n = k};
    if (k == 0) return;
    double mean = sum8(sum) / (double)k;
    v8 squares = {0}, rest = {0};
    for (int64_t i = 0; i < whole; i += 8) {
        v8 v = load(x + i);
        v8 d = masked(v - mean, is_number(v));
        squares += d * d;
        rest += d;
    }
    v8 d = masked(last - mean, last_there);
    squares += d * d;
    rest += d;
    double r = sum8(rest), m2 = sum8(squares) - r * r / (double)k;
    out->mean = mean + r / (double)k;
    out->m2 = m2 > 0 || isnan(m2) ? m2 : 0;
}

INLINE bool scale_body(const double *x, int64_t n, double mean, double scale, double *out) {
    v8i nan = {0};
    int64_t whole = n & ~INT64_C(7);
    for (int64_t i = 0; i < whole; i += 8) {
        v8 v = load(x + i);
        nan |= ~is_number(v);
        v8 y = (v - mean) / scale;
        memcpy(out + i, &y, sizeof y);
    }
    bool any = (nan[0] | nan[1] | nan[2] | nan[3] | nan[4] | nan[5] | nan[6] | nan[7]) != 0;
    for (int64_t i = whole; i < n; i++) {
        any = any || isnan(x[i]);
        out[i] = (x[i] - mean) / scale;
    }
    return any;
}

INLINE bool any_nan_body(const double *x, int64_t n) {
    v8i nan = {0};
    int64_t whole = n & ~INT64_C(7);
    for (int64_t i = 0; i < whole; i += 8) {
        v8 v = load(x + i);
        nan |= ~is_number(v);
    }
    bool any = (nan[0] | nan[1] | nan[2] | nan[3] | nan[4] | nan[5] | nan[6] | nan[7]) != 0;
    for (int64_t i = whole; i < n; i++) any = any || isnan(x[i]);
    return any;
}

INLINE double load_one(const uint8_t *p) {
    double v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE v8 load_unaligned(const uint8_t *p) {
    v8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(double *p, v8 v) { memcpy(p, &v, sizeof v); }

/* Eight rows of eight columns, scaled, then turned. */
INLINE void scale_tile(const uint8_t *rows, size_t stride, v8 mean, v8 scale, double *out, int32_t capacity) {
    v8 r[8], s[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = (load_unaligned(rows + (size_t)i * stride) - mean) / scale;
    for (int i = 0; i < 8; i += 2) {
        s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            t[i + k] = __builtin_shufflevector(s[i + k], s[i + 2 + k], 0, 1, 8, 9, 4, 5, 12, 13);
            t[i + 2 + k] = __builtin_shufflevector(s[i + k], s[i + 2 + k], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        store(out + k * capacity, __builtin_shufflevector(t[k], t[4 + k], 0, 1, 2, 3, 8, 9, 10, 11));
        store(out + (k + 4) * capacity, __builtin_shufflevector(t[k], t[4 + k], 4, 5, 6, 7, 12, 13, 14, 15));
    }
}

INLINE void scale_row_body(const uint8_t *row, int32_t n_columns, const double *mean, const double *scale, double *out) {
    int32_t k = 0;
    for (; k + 8 <= n_columns; k += 8) store(out + k, (load_unaligned(row + 8 * k) - load(mean + k)) / load(scale + k));
    for (; k + 4 <= n_columns; k += 4) {
        v4 x, m, d;
        memcpy(&x, row + 8 * k, sizeof x);
        memcpy(&m, mean + k, sizeof m);
        memcpy(&d, scale + k, sizeof d);
        x = (x - m) / d;
        memcpy(out + k, &x, sizeof x);
    }
    for (; k < n_columns; k++) out[k] = (load_one(row + 8 * k) - mean[k]) / scale[k];
}

INLINE void scale_rows_body(const uint8_t *rows, size_t stride, int32_t n_rows, int32_t n_columns, const double *mean,
                            const double *scale, double *out, int32_t capacity) {
    int32_t k = 0;
    int32_t whole = n_rows & ~7;
    for (; k + 8 <= n_columns; k += 8)
        for (int32_t i = 0; i < whole; i += 8)
            scale_tile(rows + (size_t)i * stride + 8 * k, stride, load(mean + k), load(scale + k),
                       out + (size_t)k * (size_t)capacity + i, capacity);
    for (int32_t j = 0; j < n_columns; j++)
        for (int32_t i = j < k ? whole : 0; i < n_rows; i++)
            out[(size_t)j * (size_t)capacity + (size_t)i] = (load_one(rows + (size_t)i * stride + 8 * j) - mean[j]) / scale[j];
}

INLINE void scale_each_body(const double *x, int64_t n, const double *mean, const double *scale, double *out) {
    int64_t whole = n & ~INT64_C(7);
    for (int64_t i = 0; i < whole; i += 8) {
        v8 y = (load(x + i) - load(mean + i)) / load(scale + i);
        memcpy(out + i, &y, sizeof y);
    }
    for (int64_t i = whole; i < n; i++) out[i] = (x[i] - mean[i]) / scale[i];
}

typedef struct kernels {
    void (*moments)(const double *x, int64_t n, aip__moments *out);
    bool (*scale)(const double *x, int64_t n, double mean, double scale, double *out);
    bool (*any_nan)(const double *x, int64_t n);
    void (*scale_each)(const double *x, int64_t n, const double *mean, const double *scale, double *out);
    void (*scale_row)(const uint8_t *row, int32_t n_columns, const double *mean, const double *scale, double *out);
    void (*scale_rows)(const uint8_t *rows, size_t stride, int32_t n_rows, int32_t n_columns, const double *mean,
                       const double *scale, double *out, int32_t capacity);
} kernels;

#define VERSION(NAME, ATTRIBUTE)                                                                                                \
    ATTRIBUTE static void moments_##NAME(const double *x, int64_t n, aip__moments *out) { moments_body(x, n, out); }            \
    ATTRIBUTE static bool scale_##NAME(const double *x, int64_t n, double mean, double scale, double *out) {                    \
        return scale_body(x, n, mean, scale, out);                                                                              \
    }                                                                                                                           \
    ATTRIBUTE static bool any_nan_##NAME(const double *x, int64_t n) { return any_nan_body(x, n); }                             \
    ATTRIBUTE static void scale_each_##NAME(const double *x, int64_t n, const double *mean, const double *scale, double *out) { \
        scale_each_body(x, n, mean, scale, out);                                                                                \
    }                                                                                                                           \
    ATTRIBUTE static void scale_row_##NAME(const uint8_t *row, int32_t n_columns, const double *mean, const double *scale,      \
                                           double *out) {                                                                       \
        scale_row_body(row, n_columns, mean, scale, out);                                                                       \
    }                                                                                                                           \
    ATTRIBUTE static void scale_rows_##NAME(const uint8_t *rows, size_t stride, int32_t n_rows, int32_t n_columns,              \
                                            const double *mean, const double *scale, double *out, int32_t capacity) {           \
        scale_rows_body(rows, stride, n_rows, n_columns, mean, scale, out, capacity);                                           \
    }                                                                                                                           \
    static const kernels kernels_##NAME = {moments_##NAME,    scale_##NAME,     any_nan_##NAME,                                 \
                                           scale_each_##NAME, scale_row_##NAME, scale_rows_##NAME};

VERSION(plain, )
#if defined(__x86_64__)
VERSION(avx2, __attribute__((target("avx2"))))
VERSION(avx512, __attribute__((target("avx512f,avx512dq"))))
#endif

static const kernels *choose(void) {
#if defined(__x86_64__)
    switch (aip__cpu()) {
    case AIP__CPU_AVX512: return &kernels_avx512;
    case AIP__CPU_AVX2: return &kernels_avx2;
    default: break;
    }
#endif
    return &kernels_plain;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------- */

const double *aip__block_f64(const aip__column *c, int32_t scale, int64_t start, int64_t n, double *scratch) {
    switch (c->type) {
    case AIP_FLOAT64:
        if (!c->validity) return aip__column_f64(c) + start;
        memcpy(scratch, aip__column_f64(c) + start, (size_t)n * sizeof *scratch);
        break;
    case AIP_FLOAT32:
        for (int64_t i = 0; i < n; i++) scratch[i] = aip__column_f32(c)[start + i];
        break;
    case AIP_INT32:
    case AIP_DATE32:
        for (int64_t i = 0; i < n; i++) scratch[i] = aip__column_i32(c)[start + i];
        break;
    case AIP_BOOL:
        for (int64_t i = 0; i < n; i++) scratch[i] = aip__bit_get(aip__column_bits(c), start + i);
        break;
    default:
        for (int64_t i = 0; i < n; i++) scratch[i] = (double)aip__column_i64(c)[start + i];
        break;
    }
    if (c->type == AIP_DECIMAL64 && scale != 0) {
        double unit = pow(10, scale);
        for (int64_t i = 0; i < n; i++) scratch[i] /= unit;
    }
    if (c->validity) {
        const uint8_t *bits = c->validity + start / 8;
        for (int64_t w = 0; w * 64 < n; w++) {
            uint64_t missing = ~aip__bitmap_word(bits, w, n);
            if (n - w * 64 < 64) missing &= (UINT64_C(1) << (n - w * 64)) - 1;
            for (; missing; missing &= missing - 1) scratch[w * 64 + __builtin_ctzll(missing)] = NAN;
        }
    }
    return scratch;
}

int64_t aip__moments_add(aip__moments *m, const aip__column *c, int32_t scale) {
    const kernels *k = choose();
    double scratch[AIP__KERNEL_ROWS];
    for (int64_t at = 0; at < c->length; at += AIP__KERNEL_ROWS) {
        int64_t n = c->length - at < AIP__KERNEL_ROWS ? c->length - at : AIP__KERNEL_ROWS;
        const double *x = aip__block_f64(c, scale, at, n, scratch);
        aip__moments block;
        k->moments(x, n, &block);
        aip__moments_merge(m, &block);
        if (isfinite(m->mean) && isfinite(m->m2)) continue;
        int64_t worst = 0;
        for (int64_t i = 0; i < n; i++) {
            if (isinf(x[i])) return at + i;
            if (isnan(x[worst]) || fabs(x[i]) > fabs(x[worst])) worst = i;
        }
        return at + worst;
    }
    return c->length;
}

void aip__moments_merge(aip__moments *into, const aip__moments *from) {
    if (from->n == 0) return;
    if (into->n == 0) {
        *into = *from;
        return;
    }
    double n = (double)into->n + (double)from->n, delta = from->mean - into->mean;
    into->mean += delta * ((double)from->n / n);
    into->m2 += from->m2 + delta * delta * ((double)into->n * ((double)from->n / n));
    into->n += from->n;
}

bool aip__scale_f64(const double *x, int64_t n, double mean, double scale, double *out) {
    return choose()->scale(x, n, mean, scale, out);
}

void aip__scale_each_f64(const double *x, int64_t n, const double *mean, const double *scale, double *out) {
    choose()->scale_each(x, n, mean, scale, out);
}

void aip__scale_rows_f64(const uint8_t *rows, size_t stride, int32_t n_rows, int32_t n_columns, const double *mean,
                         const double *scale, double *out, int32_t capacity) {
    const kernels *k = choose();
    if (capacity == 1)
        k->scale_row(rows, n_columns, mean, scale, out);
    else
        k->scale_rows(rows, stride, n_rows, n_columns, mean, scale, out, capacity);
}

void aip__fill_each_f64(const double *restrict x, int64_t n, const double *restrict fill, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] == x[i] ? x[i] : fill[i];
}

void aip__fill_f64(const double *restrict x, int64_t n, double fill, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] == x[i] ? x[i] : fill;
}

static bool clear_nan_f64(const double *x, int64_t n, uint8_t *bits) {
    const kernels *k = choose();
    bool any = false;
    for (int64_t at = 0; at < n; at += 512) {
        int64_t m = n - at < 512 ? n - at : 512;
        if (!k->any_nan(x + at, m)) continue;
        any = true;
        for (int64_t i = at; i < at + m; i++)
            if (isnan(x[i])) aip__bit_clear(bits, i);
    }
    return any;
}

bool aip__clear_missing(const aip__column *c, bool nan_too, uint8_t *bits) {
    bool any = false;
    if (c->null_count > 0) {
        any = true;
        for (size_t i = 0; i < aip__bitmap_bytes(c->length); i++) bits[i] = (uint8_t)(bits[i] & c->validity[i]);
    }
    if (!nan_too) return any;
    if (c->type == AIP_FLOAT64) return clear_nan_f64(aip__column_f64(c), c->length, bits) || any;
    if (c->type == AIP_FLOAT32)
        for (int64_t i = 0; i < c->length; i++)
            if (isnan(aip__column_f32(c)[i])) {
                aip__bit_clear(bits, i);
                any = true;
            }
    return any;
}
