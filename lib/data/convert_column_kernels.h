/* The inside of convert_column.c: a part of a column with its fields' places laid out in a row, the lists that are filled, and the way of one
 * field, which every level takes where its vector code does not know a text. */
#ifndef AIPIPE_LIB_DATA_CONVERT_COLUMN_KERNELS_H
#define AIPIPE_LIB_DATA_CONVERT_COLUMN_KERNELS_H

#include "data/convert_column.h"
#include <aipipe/data.h>
#include <string.h>

#define PART 1024 /* fields of a part */
#define GROUP 8   /* fields that a kernel may look at together */

typedef struct part {
    const aip__conversion *c;
    const char *text;
    int32_t n;
    uint32_t start[PART + GROUP], end[PART + GROUP]; /* behind the n-th: empty fields up to a multiple of GROUP */
    int32_t first;                                   /* index of the part's first field in its column, for the lists */
    int32_t n_odd, n_empty, odd[PART + GROUP], empty[PART + GROUP];
} part;

typedef struct kernels { /* values: of the part's first row */
    void (*i32)(part *p, int32_t *values);
    void (*i64)(part *p, int64_t *values);
    void (*f32)(part *p, float *values);
    void (*f64)(part *p, double *values);
    void (*date)(part *p, int32_t *values);
    void (*timestamp)(part *p, int64_t *values);
    void (*decimal)(part *p, int64_t *values);
    void (*boolean)(part *p, uint8_t *values, int64_t row); /* bits; of the column's first row */
} kernels;

/* The reference of one field i: its value, or zero and an entry in a list. */
#define ONE_FIELD(name, T, limit, take)                 \
    static inline T name(part *p, int32_t i) {          \
        const char *s = p->text + p->start[i];          \
        size_t n = p->end[i] - p->start[i];             \
        T v = 0;                                        \
        if (n == 0) {                                   \
            p->empty[p->n_empty++] = p->first + i;      \
            return 0;                                   \
        }                                               \
        if ((uint8_t)*s <= (limit) && (take)) return v; \
        p->odd[p->n_odd++] = p->first + i;              \
        return 0;                                       \
    }
ONE_FIELD(one_i32, int32_t, '9', aip__parse_i32(s, n, &v))
ONE_FIELD(one_i64, int64_t, '9', aip__parse_i64(s, n, &v))
ONE_FIELD(one_f64, double, '9', aip__parse_f64(s, n, p->c->decimal, &v))
ONE_FIELD(one_date, int32_t, '9', aip__parse_date(s, n, &v))
ONE_FIELD(one_timestamp, int64_t, '9', aip__parse_timestamp_as(s, n, p->c->zoned, &v))
ONE_FIELD(one_decimal, int64_t, '9', aip__parse_decimal_as(s, n, p->c->decimal, p->c->scale, &v))
ONE_FIELD(one_bool, bool, 0xff, aip__parse_bool(s, n, &v))

/* n bits from bit 0 of `from` to bit `at` of `to`. */
static inline void put_bits(uint8_t *to, int64_t at, const uint8_t *from, int32_t n) {
    to += at >> 3;
    const uint32_t shift = at & 7;
    for (int32_t i = 0; i < n; i += 8, to++) { /* the two bytes that eight bits come to lie in */
        uint32_t here = (n - i < 8 ? (1u << (n - i)) - 1 : 0xffu) << shift, v = (uint32_t)from[i / 8] << shift & here;
        to[0] = (uint8_t)((to[0] & ~here) | v);
        if (here > 0xff) to[1] = (uint8_t)((to[1] & ~(here >> 8)) | v >> 8);
    }
}

static const double field_powers[17] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                        1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e0 /* no mark */};

#endif
