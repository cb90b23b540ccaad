/* The kernels of math/logistic.h, written once for any vector level. No include guard: logistic_kernels.c includes it once per level, having
 * defined
 *   LEVEL(name)   the function's name at this level
 *   W             doubles in a vector: 8, 4 or 2
 *   TILE_COLUMNS  how many of a tile's 4 columns are held in registers at once: 4 with 32 registers, else 2
 * Lanes are 8 whatever W is: a level with shorter vectors walks the lanes in groups of W. */

typedef double LEVEL(V) __attribute__((vector_size(W * 8), aligned(8)));
typedef uint64_t LEVEL(U) __attribute__((vector_size(W * 8), aligned(8)));
#define V LEVEL(V)
#define U LEVEL(U)

#define FM(name) LEVEL(name)
#define FM_T V
#define FM_U U
#define FM_BITS(x) ((U)(x))
#define FM_REAL(u) ((V)(u))
#define FM_LT(a, b) ((U)((a) < (b)))
#define FM_EQ(a, b) ((U)((a) == (b)))
#include "base/fmath_body.h"
#undef FM
#undef FM_T
#undef FM_U
#undef FM_BITS
#undef FM_REAL
#undef FM_LT
#undef FM_EQ

#define LOAD(p) (*(const V *)(const void *)(p))
#define STORE(p, v) (*(V *)(void *)(p) = (v))
#define SPLAT(c) (((V){0}) + (c))
#define SELECT(mask, a, b) ((V)(((mask) & (U)(a)) | (~(mask) & (U)(b))))
#define ROWS AIP__KERNEL_ROWS
#define GROUPS (AIP__LANES / W)

/* All ones for rows below n_rows, for the vector that starts at `row`. */
static inline __attribute__((always_inline)) U LEVEL(rows_below)(int32_t row, int32_t n_rows) {
    V index = {0};
    for (int l = 0; l < W; l++) index[l] = (double)l;
    return (U)(index + (double)row < SPLAT((double)n_rows));
}

/* z and the margins of a block. */
static inline __attribute__((always_inline)) void LEVEL(scale)(const aip__logistic_point *at, const double *x, double *z,
                                                               double *margin) {
    int32_t n = at->n_features;
    V start = SPLAT(at->intercept ? at->theta[n] : 0.0);
    for (int i = 0; i < ROWS; i += 4 * W) {
        V m0 = start, m1 = start, m2 = start, m3 = start;
        for (int32_t j = 0; j < n; j++) {
            const double *xj = x + (size_t)j * ROWS + i;
            double *zj = z + (size_t)j * ROWS + i;
            V mean = SPLAT(at->mean[j]), inverse = SPLAT(at->inverse[j]), theta = SPLAT(at->theta[j]);
            V z0 = (LOAD(xj) - mean) * inverse, z1 = (LOAD(xj + W) - mean) * inverse;
            V z2 = (LOAD(xj + 2 * W) - mean) * inverse, z3 = (LOAD(xj + 3 * W) - mean) * inverse;
            STORE(zj, z0);
            STORE(zj + W, z1);
            STORE(zj + 2 * W, z2);
            STORE(zj + 3 * W, z3);
            m0 = m0 + theta * z0;
            m1 = m1 + theta * z1;
            m2 = m2 + theta * z2;
            m3 = m3 + theta * z3;
        }
        STORE(margin + i, m0);
        STORE(margin + i + W, m1);
        STORE(margin + i + 2 * W, m2);
        STORE(margin + i + 3 * W, m3);
    }
    for (int32_t j = n; j < at->width; j++) {
        V fill = SPLAT(j == n && at->intercept ? 1.0 : 0.0);
        for (int i = 0; i < ROWS; i += W) STORE(z + (size_t)j * ROWS + i, fill);
    }
}

/* From margins to residuals and Hessian weights, in place of the margins and in `weight`; adds the loss. Without weights the terms log(1 + e), e
 * in (0, 1], are summed as the log of their product: at most 2^16 in a lane of one block. */
static inline __attribute__((always_inline)) void LEVEL(respond)(const aip__logistic_point *at, const double *y, int32_t n_rows,
                                                                 bool weighted, double *margin, double *weight, double *loss) {
    V product[GROUPS], rest[GROUPS];
    for (int g = 0; g < GROUPS; g++) product[g] = SPLAT(1.0), rest[g] = SPLAT(0.0);
    V weight0 = SPLAT(at->weighted ? at->weight0 : 1.0), weight1 = SPLAT(at->weighted ? at->weight1 : 1.0);
    for (int i = 0; i < ROWS; i += AIP__LANES)
        for (int g = 0; g < GROUPS; g++) {
            int row = i + g * W;
            V m = LOAD(margin + row), t = LOAD(y + row);
            U negative = (U)(m < SPLAT(0.0));
            V e = LEVEL(exp)((V)((U)m | (UINT64_C(1) << 63)));
            V one_e = e + 1.0, q = 1.0 / one_e, eq = e * q;
            V p = SELECT(negative, eq, q);
            V r = p - t, h = eq * q;
            V linear = (V)(~negative & (U)m) - t * m;
            if (weighted) {
                V w = (V)((U)SELECT((U)(t > SPLAT(0.5)), weight1, weight0) & LEVEL(rows_below)(row, n_rows));
                r = r * w;
                h = h * w;
                rest[g] = rest[g] + w * (LEVEL(log)(one_e) + linear);
            } else {
                product[g] = product[g] * one_e;
                rest[g] = rest[g] + linear;
            }
            STORE(margin + row, r);
            STORE(weight + row, h);
        }
    for (int g = 0; g < GROUPS; g++) {
        V sum = LOAD(loss + g * W) + rest[g];
        if (!weighted) sum = sum + LEVEL(log)(product[g]);
        STORE(loss + g * W, sum);
    }
}

static void LEVEL(block)(const aip__logistic_point *at, const double *x, const double *y, int32_t n_rows, aip__logistic_s kind,
                         double *z, double *s, size_t s_stride, double *gradient, double *loss) {
    double residual[ROWS] __attribute__((aligned(64))), weight[ROWS] __attribute__((aligned(64)));
    LEVEL(scale)(at, x, z, residual);
    if (at->weighted || n_rows < ROWS)
        LEVEL(respond)(at, y, n_rows, true, residual, weight, loss);
    else
        LEVEL(respond)(at, y, n_rows, false, residual, weight, loss);
    if (kind == AIP__S_ROOT)
        for (int i = 0; i < ROWS; i++) weight[i] = __builtin_sqrt(weight[i]);
    for (int32_t j = 0; j <= at->n_features; j++) {
        const double *zj = z + (size_t)j * ROWS;
        V sum[GROUPS];
        for (int g = 0; g < GROUPS; g++) sum[g] = LOAD(gradient + (size_t)j * AIP__LANES + g * W);
        if (kind == AIP__S_NONE) {
            for (int i = 0; i < ROWS; i += AIP__LANES)
                for (int g = 0; g < GROUPS; g++) sum[g] = sum[g] + LOAD(residual + i + g * W) * LOAD(zj + i + g * W);
        } else {
            double *sj = s + (size_t)j * s_stride;
            for (int i = 0; i < ROWS; i += AIP__LANES)
                for (int g = 0; g < GROUPS; g++) {
                    int row = i + g * W;
                    V v = LOAD(zj + row);
                    sum[g] = sum[g] + LOAD(residual + row) * v;
                    STORE(sj + row, LOAD(weight + row) * v);
                }
        }
        for (int g = 0; g < GROUPS; g++) STORE(gradient + (size_t)j * AIP__LANES + g * W, sum[g]);
    }
    if (kind != AIP__S_NONE)
        for (int32_t j = at->n_features + 1; j < at->width; j++)
            for (int i = 0; i < ROWS; i += W) STORE(s + (size_t)j * s_stride + i, SPLAT(0.0));
}

static void LEVEL(tiles)(int32_t width, const double *z, const double *s, double *hessian) {
    for (int32_t a = 0; a < width; a += 4)
        for (int32_t c = 0; c <= a; c += 4, hessian += 16 * AIP__LANES)
            for (int g = 0; g < AIP__LANES; g += W)
                for (int first = 0; first < 4; first += TILE_COLUMNS) {
                    const double *sa = s + (size_t)a * ROWS + g, *zc = z + (size_t)(c + first) * ROWS + g;
                    V h[4][TILE_COLUMNS];
#pragma GCC unroll 4
                    for (int p = 0; p < 4; p++)
#pragma GCC unroll 4
                        for (int q = 0; q < TILE_COLUMNS; q++) h[p][q] = LOAD(hessian + (p * 4 + first + q) * AIP__LANES + g);
                    for (int i = 0; i < ROWS; i += AIP__LANES) {
                        V s0 = LOAD(sa + i), s1 = LOAD(sa + ROWS + i), s2 = LOAD(sa + 2 * ROWS + i), s3 = LOAD(sa + 3 * ROWS + i);
#pragma GCC unroll 4
                        for (int q = 0; q < TILE_COLUMNS; q++) {
                            V u = LOAD(zc + q * ROWS + i);
                            h[0][q] = h[0][q] + s0 * u;
                            h[1][q] = h[1][q] + s1 * u;
                            h[2][q] = h[2][q] + s2 * u;
                            h[3][q] = h[3][q] + s3 * u;
                        }
                    }
#pragma GCC unroll 4
                    for (int p = 0; p < 4; p++)
#pragma GCC unroll 4
                        for (int q = 0; q < TILE_COLUMNS; q++) STORE(hessian + (p * 4 + first + q) * AIP__LANES + g, h[p][q]);
                }
}

static void LEVEL(moments)(int32_t n_features, const double *x, int32_t n_rows, double *sum, double *m2) {
    for (int32_t j = 0; j < n_features; j++, x += ROWS) {
        V total[GROUPS], square[GROUPS];
        for (int g = 0; g < GROUPS; g++) total[g] = square[g] = SPLAT(0.0);
        for (int i = 0; i < ROWS; i += AIP__LANES)
            for (int g = 0; g < GROUPS; g++) total[g] = total[g] + LOAD(x + i + g * W);
        double lanes[AIP__LANES];
        for (int g = 0; g < GROUPS; g++) STORE(lanes + g * W, total[g]);
        sum[j] = aip__lanes_sum(lanes);
        V mean = SPLAT(sum[j] / (double)n_rows);
        for (int i = 0; i < ROWS; i += AIP__LANES)
            for (int g = 0; g < GROUPS; g++) {
                V d = LOAD(x + i + g * W) - mean;
                if (n_rows < ROWS) d = (V)((U)d & LEVEL(rows_below)(i + g * W, n_rows));
                square[g] = square[g] + d * d;
            }
        for (int g = 0; g < GROUPS; g++) STORE(lanes + g * W, square[g]);
        m2[j] = aip__lanes_sum(lanes);
    }
}

static void LEVEL(predict)(int32_t n_features, const double *x, const double *coef, double intercept, double *probability) {
    for (int i = 0; i < ROWS; i += 4 * W) {
        V m0 = SPLAT(intercept), m1 = m0, m2 = m0, m3 = m0;
        for (int32_t j = 0; j < n_features; j++) {
            const double *xj = x + (size_t)j * ROWS + i;
            V c = SPLAT(coef[j]);
            m0 = m0 + c * LOAD(xj);
            m1 = m1 + c * LOAD(xj + W);
            m2 = m2 + c * LOAD(xj + 2 * W);
            m3 = m3 + c * LOAD(xj + 3 * W);
        }
        STORE(probability + i, LEVEL(sigmoid)(m0));
        STORE(probability + i + W, LEVEL(sigmoid)(m1));
        STORE(probability + i + 2 * W, LEVEL(sigmoid)(m2));
        STORE(probability + i + 3 * W, LEVEL(sigmoid)(m3));
    }
}

static void LEVEL(margins)(int32_t n_features, const double *x, const double *coef, double *margin) {
    for (int i = 0; i < ROWS; i += 4 * W) {
        V m0 = LOAD(margin + i), m1 = LOAD(margin + i + W), m2 = LOAD(margin + i + 2 * W), m3 = LOAD(margin + i + 3 * W);
        for (int32_t j = 0; j < n_features; j++) {
            const double *xj = x + (size_t)j * ROWS + i;
            V c = SPLAT(coef[j]);
            m0 = m0 + c * LOAD(xj);
            m1 = m1 + c * LOAD(xj + W);
            m2 = m2 + c * LOAD(xj + 2 * W);
            m3 = m3 + c * LOAD(xj + 3 * W);
        }
        STORE(margin + i, m0);
        STORE(margin + i + W, m1);
        STORE(margin + i + 2 * W, m2);
        STORE(margin + i + 3 * W, m3);
    }
}

static void LEVEL(sigmoids)(double *margin) {
    for (int i = 0; i < ROWS; i += W) STORE(margin + i, LEVEL(sigmoid)(LOAD(margin + i)));
}

static double LEVEL(sigmoid_one)(double margin) { return LEVEL(sigmoid)(SPLAT(margin))[0]; }

static const aip__logistic_kernels LEVEL(kernels) = {LEVEL(block),   LEVEL(tiles),    LEVEL(moments),    LEVEL(predict),
                                                     LEVEL(margins), LEVEL(sigmoids), LEVEL(sigmoid_one)};

#undef V
#undef U
#undef LOAD
#undef STORE
#undef SPLAT
#undef SELECT
#undef ROWS
#undef GROUPS
