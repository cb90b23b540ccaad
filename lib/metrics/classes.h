/* The distinct values of a classifier's target, in their own type, and columns of them as codes. Integers of any width are one type, and so are
 * floats, and utf8 and dictionary. Codes are positions in the set: in order of first appearance until aip__classes_sort. */
#ifndef AIPIPE_LIB_METRICS_CLASSES_H
#define AIPIPE_LIB_METRICS_CLASSES_H

#include "base/bytes.h"
#include "data/column.h"

typedef struct aip__class { /* one value; the member for the set's type is used */
    int64_t integer;        /* bool and int64 */
    double real;            /* float64 */
    const char *text;       /* utf8; not NUL-terminated */
    size_t n;
} aip__class;

typedef struct aip__classes {
    aip_context *ctx;
    int32_t type; /* AIP_BOOL, AIP_INT64, AIP_FLOAT64 or AIP_UTF8 */
    int32_t n;
    size_t capacity;
    aip__class *items; /* texts owned */
} aip__classes;

/* The type of set that a column of this type needs; 0 when its values cannot be classes. */
int32_t aip__classes_type(int32_t column_type);
void aip__classes_init(aip__classes *c, aip_context *ctx, int32_t type);
void aip__classes_free(aip__classes *c);
int32_t aip__classes_find(const aip__classes *c, const aip__class *value); /* code, or -1 */
/* The code of a value, new or known; the text is copied. */
int32_t aip__classes_add(aip__classes *c, const aip__class *value, int32_t *code, aip_error **err);
int32_t aip__classes_copy(const aip__classes *from, aip__classes *to, aip_error **err);
/* Ascending (false before true, texts bytewise). order: n values, the new code of each old one. */
void aip__classes_sort(aip__classes *c, int32_t *order);

/* The codes of a column's rows; values not yet known are added. Errors: AIP_E_DATA for a null, NaN, or more than `most` distinct values, naming the
 * column and the row (first_row is the first's number in the data set, negative when not known). */
int32_t aip__classes_encode(aip__classes *c, const aip__column *column, const char *name, int64_t first_row, int32_t most,
                            int32_t *codes, aip_error **err);
/* A column of the set's type from n codes. */
int32_t aip__classes_column(const aip__classes *c, const int32_t *codes, int64_t n, aip__column **out, aip_error **err);

void aip__classes_json(const aip__classes *c, int32_t code, aip__text *out); /* the value as JSON */
void aip__classes_name(const aip__classes *c, int32_t code, aip__text *out); /* the value as plain text, for messages and keys */
int32_t aip__classes_save(const aip__classes *c, aip_writer *w, aip_error **err);
/* A set of at most `most` values, in ascending order when `sorted`; anything else, or a value twice, is AIP_E_CORRUPT. c is initialised. */
int32_t aip__classes_load(aip__classes *c, aip_reader *r, int32_t most, bool sorted, aip_error **err);

#endif
