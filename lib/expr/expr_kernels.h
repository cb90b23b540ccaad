/* The hot loops of the expression language: plain loops over a strip, without branches, so that the compiler makes vectors of them. Rows at
 * nulls are computed like any other. */
#ifndef AIPIPE_LIB_EXPR_EXPR_KERNELS_H
#define AIPIPE_LIB_EXPR_EXPR_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns true when some row overflowed (its result then wraps). */
bool aip__expr_k_add_i64(const int64_t *a, const int64_t *b, int64_t *out, int64_t n);
bool aip__expr_k_sub_i64(const int64_t *a, const int64_t *b, int64_t *out, int64_t n);
bool aip__expr_k_mul_i64(const int64_t *a, const int64_t *b, int64_t *out, int64_t n);
void aip__expr_k_add_f64(const double *a, const double *b, double *out, int64_t n);
void aip__expr_k_sub_f64(const double *a, const double *b, double *out, int64_t n);
void aip__expr_k_mul_f64(const double *a, const double *b, double *out, int64_t n);
void aip__expr_k_neg_f64(const double *a, double *out, int64_t n);
/* valid[i] becomes 0 where b is 0. */
void aip__expr_k_div_f64(const double *a, const double *b, double *out, uint8_t *valid, int64_t n);

typedef enum { EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE } expr_comparison;
void aip__expr_k_compare_i64(expr_comparison op, const int64_t *a, const int64_t *b, uint8_t *out, int64_t n);
void aip__expr_k_compare_f64(expr_comparison op, const double *a, const double *b, uint8_t *out, int64_t n);
void aip__expr_k_compare_u8(expr_comparison op, const uint8_t *a, const uint8_t *b, uint8_t *out, int64_t n);

/* Logic with three values; valid never NULL. */
void aip__expr_k_and(const uint8_t *a, const uint8_t *av, const uint8_t *b, const uint8_t *bv, uint8_t *out, uint8_t *valid,
                     int64_t n);
void aip__expr_k_or(const uint8_t *a, const uint8_t *av, const uint8_t *b, const uint8_t *bv, uint8_t *out, uint8_t *valid,
                    int64_t n);
void aip__expr_k_not(const uint8_t *a, uint8_t *out, int64_t n);
void aip__expr_k_mask(const uint8_t *a, const uint8_t *b, uint8_t *out, int64_t n); /* a & b; out may be a or b */

/* out[i] = pick[i] ? a[i] : out[i] */
void aip__expr_k_blend_64(const uint8_t *pick, const uint64_t *a, uint64_t *out, int64_t n);
void aip__expr_k_blend_8(const uint8_t *pick, const uint8_t *a, uint8_t *out, int64_t n);

void aip__expr_k_i32_to_i64(const int32_t *a, int64_t *out, int64_t n);
void aip__expr_k_f32_to_f64(const float *a, double *out, int64_t n);
void aip__expr_k_i64_to_f64(const int64_t *a, double *out, int64_t n);
void aip__expr_k_i64_to_i32(const int64_t *a, int32_t *out, int64_t n);
void aip__expr_k_f64_to_f32(const double *a, float *out, int64_t n);
/* Bitmaps to bytes and back; start is any bit when unpacking, and a multiple of 8 when packing. */
void aip__expr_k_unpack(const uint8_t *bits, int64_t start, uint8_t *out, int64_t n);
void aip__expr_k_pack(const uint8_t *bytes, uint8_t *bits, int64_t start, int64_t n);

void aip__expr_k_gather_64(const uint64_t *table, const int32_t *codes, uint64_t *out, int64_t n);
void aip__expr_k_gather_8(const uint8_t *table, const int32_t *codes, uint8_t *out, int64_t n);

#endif
