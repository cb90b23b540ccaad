/* Loops over a strip; see expr_kernels.h. Compiled at -O3. Comparisons of floats are IEEE's: NaN equals nothing. */
#include "expr/expr_kernels.h"

#include <string.h>

bool aip__expr_k_add_i64(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict out, int64_t n) {
    uint64_t over = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)a[i], y = (uint64_t)b[i], r = x + y;
        over |= (x ^ r) & (y ^ r);
        out[i] = (int64_t)r;
    }
    return over >> 63;
}

bool aip__expr_k_sub_i64(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict out, int64_t n) {
    uint64_t over = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)a[i], y = (uint64_t)b[i], r = x - y;
        over |= (x ^ y) & (x ^ r);
        out[i] = (int64_t)r;
    }
    return over >> 63;
}

bool aip__expr_k_mul_i64(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict out, int64_t n) {
    bool over = false;
    for (int64_t i = 0; i < n; i++) over |= __builtin_mul_overflow(a[i], b[i], &out[i]);
    return over;
}

#define BINARY(name, type, expr)                                                               \
    void name(const type *restrict a, const type *restrict b, type *restrict out, int64_t n) { \
        for (int64_t i = 0; i < n; i++) out[i] = (type)(expr);                                 \
    }
BINARY(aip__expr_k_add_f64, double, a[i] + b[i])
BINARY(aip__expr_k_sub_f64, double, a[i] - b[i])
BINARY(aip__expr_k_mul_f64, double, a[i] * b[i])

void aip__expr_k_mask(const uint8_t *a, const uint8_t *b, uint8_t *out, int64_t n) { /* out may be a or b */
    for (int64_t i = 0; i < n; i++) out[i] = a[i] & b[i];
}

void aip__expr_k_neg_f64(const double *restrict a, double *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = -a[i];
}

void aip__expr_k_div_f64(const double *restrict a, const double *restrict b, double *restrict out, uint8_t *restrict valid,
                         int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = a[i] / b[i];
    for (int64_t i = 0; i < n; i++) valid[i] = (uint8_t)(valid[i] & (b[i] != 0));
}

#define COMPARE(name, type)                                                                                           \
    void name(expr_comparison op, const type *restrict a, const type *restrict b, uint8_t *restrict out, int64_t n) { \
        switch (op) {                                                                                                 \
        case EXPR_EQ:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] == b[i];                                                    \
            return;                                                                                                   \
        case EXPR_NE:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] != b[i];                                                    \
            return;                                                                                                   \
        case EXPR_LT:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] < b[i];                                                     \
            return;                                                                                                   \
        case EXPR_LE:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] <= b[i];                                                    \
            return;                                                                                                   \
        case EXPR_GT:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] > b[i];                                                     \
            return;                                                                                                   \
        case EXPR_GE:                                                                                                 \
            for (int64_t i = 0; i < n; i++) out[i] = a[i] >= b[i];                                                    \
            return;                                                                                                   \
        }                                                                                                             \
    }
COMPARE(aip__expr_k_compare_i64, int64_t)
COMPARE(aip__expr_k_compare_f64, double)
COMPARE(aip__expr_k_compare_u8, uint8_t)

void aip__expr_k_and(const uint8_t *restrict a, const uint8_t *restrict av, const uint8_t *restrict b, const uint8_t *restrict bv,
                     uint8_t *restrict out, uint8_t *restrict valid, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t both = (uint8_t)(a[i] & av[i] & b[i] & bv[i]);
        uint8_t either_false = (uint8_t)((av[i] & (a[i] ^ 1)) | (bv[i] & (b[i] ^ 1)));
        out[i] = both;
        valid[i] = (uint8_t)(both | either_false);
    }
}

void aip__expr_k_or(const uint8_t *restrict a, const uint8_t *restrict av, const uint8_t *restrict b, const uint8_t *restrict bv,
                    uint8_t *restrict out, uint8_t *restrict valid, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t either = (uint8_t)((a[i] & av[i]) | (b[i] & bv[i]));
        uint8_t both_false = (uint8_t)(av[i] & (a[i] ^ 1) & bv[i] & (b[i] ^ 1));
        out[i] = either;
        valid[i] = (uint8_t)(either | both_false);
    }
}

void aip__expr_k_not(const uint8_t *restrict a, uint8_t *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = a[i] ^ 1;
}

void aip__expr_k_blend_64(const uint8_t *restrict pick, const uint64_t *restrict a, uint64_t *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t m = (uint64_t)0 - pick[i];
        out[i] = (a[i] & m) | (out[i] & ~m);
    }
}

void aip__expr_k_blend_8(const uint8_t *restrict pick, const uint8_t *restrict a, uint8_t *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t m = (uint8_t)(0 - pick[i]);
        out[i] = (uint8_t)((a[i] & m) | (out[i] & (uint8_t)~m));
    }
}

#define CONVERT(name, from, to)                                      \
    void name(const from *restrict a, to *restrict out, int64_t n) { \
        for (int64_t i = 0; i < n; i++) out[i] = (to)a[i];           \
    }
CONVERT(aip__expr_k_i32_to_i64, int32_t, int64_t)
CONVERT(aip__expr_k_f32_to_f64, float, double)
CONVERT(aip__expr_k_i64_to_f64, int64_t, double)
CONVERT(aip__expr_k_i64_to_i32, int64_t, int32_t)
CONVERT(aip__expr_k_f64_to_f32, double, float)

void aip__expr_k_unpack(const uint8_t *restrict bits, int64_t start, uint8_t *restrict out, int64_t n) {
    int64_t i = 0;
    if ((start & 7) == 0) {
        const uint8_t *b = bits + (start >> 3);
        for (; i + 8 <= n; i += 8) { /* spread 8 bits over 8 bytes: copy to each byte, keep its own bit, move that down */
            uint64_t v = (b[i >> 3] * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
            v = ((v + UINT64_C(0x00406070787c7e7f)) >> 7 | v >> 7) & UINT64_C(0x0101010101010101);
            memcpy(out + i, &v, 8);
        }
    }
    for (; i < n; i++) out[i] = bits[(start + i) >> 3] >> ((start + i) & 7) & 1;
}

void aip__expr_k_pack(const uint8_t *restrict bytes, uint8_t *restrict bits, int64_t start, int64_t n) {
    uint8_t *b = bits + (start >> 3);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) { /* gather the low bits of 8 bytes into the top byte */
        uint64_t v;
        memcpy(&v, bytes + i, 8);
        b[i >> 3] = (uint8_t)((v * UINT64_C(0x0102040810204080)) >> 56);
    }
    if (i < n) {
        uint8_t v = 0;
        for (int64_t k = 0; i + k < n; k++) v = (uint8_t)(v | bytes[i + k] << k);
        b[i >> 3] = v;
    }
}

void aip__expr_k_gather_64(const uint64_t *restrict table, const int32_t *restrict codes, uint64_t *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = table[codes[i]];
}
void aip__expr_k_gather_8(const uint8_t *restrict table, const int32_t *restrict codes, uint8_t *restrict out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = table[codes[i]];
}
