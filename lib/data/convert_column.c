/* Fields to values at every vector level: the reference, one field at a time; fields in a 16-byte register (convert_column_16.h, at AVX2 and
 * NEON); eight of those together (convert_column_512.h, convert_times_512.h). A number's digits stand right-aligned in their register, the decimal mark is shuffled
 * out, and three multiplications of neighbours (pairs, fours, eights) give its digits as two integers of eight; a float is their whole divided
 * by an exact power of ten, which is correctly rounded up to 2^53 (Clinger 1990). */
#include "data/convert_column_kernels.h"

#include "base/bitmap.h"
#include "base/cpu.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

bool aip__parse_timestamp_as(const char *s, size_t n, bool zoned, int64_t *micros) {
    bool has_zone = false;
    int32_t days = 0;
    if (aip__parse_timestamp(s, n, micros, &has_zone)) return has_zone == zoned;
    if (zoned || !aip__parse_date(s, n, &days)) return false;
    *micros = (int64_t)days * INT64_C(86400000000);
    return true;
}

/* ---- the reference ------------------------------------------------------------------------------------------------------------------------- */

static void scalar_i32(part *p, int32_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_i32(p, i);
}
static void scalar_i64(part *p, int64_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_i64(p, i);
}
static void scalar_f32(part *p, float *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = (float)one_f64(p, i);
}
static void scalar_f64(part *p, double *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_f64(p, i);
}
static void scalar_date(part *p, int32_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_date(p, i);
}
static void scalar_timestamp(part *p, int64_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_timestamp(p, i);
}
static void scalar_decimal(part *p, int64_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = one_decimal(p, i);
}
static void scalar_boolean(part *p, uint8_t *values, int64_t row) {
    for (int32_t i = 0; i < p->n; i++) aip__bit_put(values, row + i, one_bool(p, i));
}

static const kernels scalar_kernels = {scalar_i32,  scalar_i64,       scalar_f32,     scalar_f64,
                                       scalar_date, scalar_timestamp, scalar_decimal, scalar_boolean};

/* ---- vector levels -------------------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#endif
#include "data/convert_column_16.h"
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl")
#endif
#include "data/convert_column_512.h"
#include "data/convert_times_512.h"
static const kernels wide_kernels = {wide_i32,  wide_i64,       wide_f32,      wide_f64,
                                     wide_date, wide_timestamp, short_decimal, wide_boolean};
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include "data/convert_column_16.h"
#endif

static const kernels *kernels_now(void) {
#if defined(__x86_64__)
    if (aip__cpu() == AIP__CPU_AVX512) return &wide_kernels;
    if (aip__cpu() == AIP__CPU_AVX2) return &short_kernels;
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (aip__cpu() == AIP__CPU_NEON) return &short_kernels;
#endif
    return &scalar_kernels;
}

/* Where the part's fields lie. */
static void lay_out(part *p, const aip__fields *f) {
    const uint32_t *e = f->ends;
    const int64_t stride = f->stride;
    for (int32_t i = 0; i < p->n; i++, e += stride) {
        p->start[i] = e[-1] + 1;
        p->end[i] = e[0];
    }
    for (int32_t i = 0; f->last && i < p->n; i++) p->end[i] -= p->end[i] > p->start[i] && f->text[p->end[i] - 1] == '\r';
    for (int32_t i = p->n; i < p->n + GROUP; i++) p->start[i] = p->end[i] = p->start[0];
}

int32_t aip__convert_fields(const aip__conversion *c, const aip__fields *f, void *values, int64_t row, int32_t *odd,
                            int32_t *empty, int32_t *n_empty) {
    /* A mark that may stand elsewhere in a number is for the reference alone. */
    const kernels *k = c->decimal && strchr("+-0123456789eE", c->decimal) ? &scalar_kernels : kernels_now();
    part p;
    p.c = c;
    p.text = f->text;
    int32_t n_odd = 0;
    *n_empty = 0;
    for (int32_t first = 0; first < f->n; first += PART) {
        aip__fields now = aip__fields_part(f, first, PART);
        int64_t at = row + first;
        p.n = now.n;
        p.first = first;
        p.n_odd = p.n_empty = 0;
        lay_out(&p, &now);
        switch (c->type) {
        case AIP_BOOL: k->boolean(&p, values, at); break;
        case AIP_INT32: k->i32(&p, (int32_t *)values + at); break;
        case AIP_INT64: k->i64(&p, (int64_t *)values + at); break;
        case AIP_FLOAT32: k->f32(&p, (float *)values + at); break;
        case AIP_FLOAT64: k->f64(&p, (double *)values + at); break;
        case AIP_DATE32: k->date(&p, (int32_t *)values + at); break;
        case AIP_TIMESTAMP: k->timestamp(&p, (int64_t *)values + at); break;
        default: k->decimal(&p, (int64_t *)values + at); break; /* decimal64 */
        }
        memcpy(odd + n_odd, p.odd, (size_t)p.n_odd * sizeof *odd);
        memcpy(empty + *n_empty, p.empty, (size_t)p.n_empty * sizeof *empty);
        n_odd += p.n_odd;
        *n_empty += p.n_empty;
    }
    return n_odd;
}
