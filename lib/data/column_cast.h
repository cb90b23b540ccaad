/* One value into another type: the rules of a cast, shared by columns (column_cast.c) and row plans (row_cast.c). */
#ifndef AIPIPE_LIB_DATA_COLUMN_CAST_H
#define AIPIPE_LIB_DATA_COLUMN_CAST_H

#include "data/schema.h"
#include <stdbool.h>

typedef enum { AIP__CELL_INTEGER, AIP__CELL_FLOAT, AIP__CELL_TEXT } aip__cell_kind;
typedef struct aip__cell { /* the member for its kind is used */
    aip__cell_kind kind;
    int64_t i;
    double d;
    const char *s;
    size_t n;
} aip__cell;

aip__cell_kind aip__cell_kind_of(int32_t type);
/* The value as what the integer-like type `to` stores; false when it does not fit. */
bool aip__cell_to_integer(const aip__cell *v, const aip_field *from, const aip_field *to, int64_t *out);
/* The value as a float (of float32: not rounded yet); false when it does not fit. */
bool aip__cell_to_float(const aip__cell *v, const aip_field *from, const aip_field *to, double *out);
/* Whether the pair has a meaning at all. */
bool aip__cast_possible(const aip_field *from, const aip_field *to);

#endif
