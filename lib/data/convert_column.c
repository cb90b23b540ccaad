/* Fields to values, one column at a time. */
#include "data/convert_column.h"
#include <aipipe/data.h>

bool aip__parse_timestamp_as(const char *s, size_t n, bool zoned, int64_t *micros) {
    bool has_zone = false;
    int32_t days = 0;
    if (aip__parse_timestamp(s, n, micros, &has_zone)) return has_zone == zoned;
    if (zoned || !aip__parse_date(s, n, &days)) return false;
    *micros = (int64_t)days * INT64_C(86400000000);
    return true;
}

/* The loop of every type: `take` says whether text s[0..n) gave the value v, which `put` stores at row i. */
#define FIELDS(T, take, put)                       \
    for (int32_t k = 0; k < f->n; k++) {           \
        size_t n = 0;                              \
        const char *s = aip__field_at(f, k, &n);   \
        int64_t i = row + k;                       \
        T v = 0;                                   \
        if (n == 0)                                \
            empty[empties++] = k;                  \
        else if ((uint8_t)*s > limit || !(take)) { \
            odd[odds++] = k;                       \
            v = 0;                                 \
        }                                          \
        put;                                       \
    }

/* The reference: every field by its aip__parse_*. */
static int32_t scalar(const aip__conversion *c, const aip__fields *f, void *values, int64_t row, int32_t *odd, int32_t *empty,
                      int32_t *n_empty) {
    int32_t odds = 0, empties = 0;
    const uint8_t limit = c->type == AIP_BOOL ? 0xff : '9';
    switch (c->type) {
    case AIP_BOOL: FIELDS(bool, aip__parse_bool(s, n, &v), aip__bit_put(values, i, v)) break;
    case AIP_INT32: FIELDS(int32_t, aip__parse_i32(s, n, &v), ((int32_t *)values)[i] = v) break;
    case AIP_INT64: FIELDS(int64_t, aip__parse_i64(s, n, &v), ((int64_t *)values)[i] = v) break;
    case AIP_FLOAT32: FIELDS(double, aip__parse_f64(s, n, c->decimal, &v), ((float *)values)[i] = (float)v) break;
    case AIP_FLOAT64: FIELDS(double, aip__parse_f64(s, n, c->decimal, &v), ((double *)values)[i] = v) break;
    case AIP_DATE32: FIELDS(int32_t, aip__parse_date(s, n, &v), ((int32_t *)values)[i] = v) break;
    case AIP_TIMESTAMP: FIELDS(int64_t, aip__parse_timestamp_as(s, n, c->zoned, &v), ((int64_t *)values)[i] = v) break;
    default: FIELDS(int64_t, aip__parse_decimal(s, n, c->scale, &v), ((int64_t *)values)[i] = v) break; /* decimal64 */
    }
    *n_empty = empties;
    return odds;
}

int32_t aip__convert_fields(const aip__conversion *c, const aip__fields *f, void *values, int64_t row, int32_t *odd,
                            int32_t *empty, int32_t *n_empty) {
    return scalar(c, f, values, row, odd, empty, n_empty);
}
