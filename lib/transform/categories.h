/* The distinct values of a column with their counts: what the mode, one-hot encoding and stratified splits are fitted from.
 *
 * Open addressing over slots that hold the first 16 bytes of a text (or the 8 bytes of a number) themselves, so that a look-up seldom leaves
 * the slot; longer texts are compared in one common byte string. Values are numbered in the order in which they were met; nothing that comes
 * out depends on the order of slots. Missing values (null, and NaN of floats) are counted apart. -0.0 is 0.0. */
#ifndef AIPIPE_LIB_TRANSFORM_CATEGORIES_H
#define AIPIPE_LIB_TRANSFORM_CATEGORIES_H

#include "data/batch.h"
#include <aipipe/stage.h>

typedef enum { AIP__CATEGORY_NONE, AIP__CATEGORY_TEXT, AIP__CATEGORY_INT, AIP__CATEGORY_FLOAT } aip__category_kind;

typedef struct aip__category {
    int64_t count;
    uint64_t bits; /* int64 or float64; of a text, the offset of its bytes */
    uint32_t length;
    uint32_t reserved;
} aip__category;

typedef struct aip__categories {
    aip_context *ctx;
    aip__category_kind kind;
    int64_t limit; /* of distinct values */
    int64_t n, n_missing;
    aip__category *entries;
    size_t entries_capacity;
    struct aip__category_slot *slots;
    uint32_t slot_mask;
    char *bytes; /* of texts; with 16 readable bytes behind */
    size_t n_bytes, bytes_capacity;
} aip__categories;

#define AIP__CATEGORY_MISSING (-1)
#define AIP__CATEGORY_UNKNOWN (-2)

/* NONE for a type that has no categories (binary). bool, dates, timestamps and decimals are ints. */
aip__category_kind aip__category_kind_of(int32_t type);
/* Whether values of a column of one field mean the same in the other's: integers of any width, floats, texts; otherwise the same type, and of
 * decimals the same scale. (A date is no number of days.) */
bool aip__categories_comparable(int32_t type, int32_t scale, const aip_field *field);

void aip__categories_init(aip__categories *c, aip_context *ctx, aip__category_kind kind, int64_t limit);
void aip__categories_free(aip__categories *c);

/* Counts every row of a column of this kind. Errors: AIP_E_DATA past the limit of distinct values, naming the column. */
int32_t aip__categories_count(aip__categories *c, const aip__column *column, const char *name, aip_error **err);
/* The number of each row's value, or AIP__CATEGORY_MISSING, or AIP__CATEGORY_UNKNOWN. Many threads at once. */
int32_t aip__categories_codes(const aip__categories *c, const aip__column *column, int32_t *codes, aip_error **err);
/* The number of one value (of the set's kind), or AIP__CATEGORY_UNKNOWN; a text may end where its memory does. Many threads at once. */
int32_t aip__categories_find_text(const aip__categories *c, const char *text, size_t n);
int32_t aip__categories_find_i64(const aip__categories *c, int64_t v);
int32_t aip__categories_find_f64(const aip__categories *c, double v); /* not NaN */
/* The same, but what is not there yet is counted: codes are never unknown. */
int32_t aip__categories_count_codes(aip__categories *c, const aip__column *column, const char *name, int32_t *codes,
                                    aip_error **err);
int32_t aip__categories_merge(aip__categories *into, const aip__categories *from, const char *name, aip_error **err);

/* Adds one value with a count. */
int32_t aip__categories_add_text(aip__categories *c, const char *text, size_t n, int64_t count, const char *name,
                                 aip_error **err);
int32_t aip__categories_add_bits(aip__categories *c, uint64_t bits, int64_t count, const char *name, aip_error **err);

/* -1, 0, 1: texts bytewise, numbers by value. */
int aip__categories_compare(const aip__categories *c, int64_t a, int64_t b);
/* The numbers of all values in ascending order (aip__free). */
int32_t aip__categories_order(const aip__categories *c, int32_t **order, aip_error **err);
static inline const char *aip__category_text(const aip__categories *c, int64_t i, size_t *n) {
    *n = c->entries[i].length;
    return c->bytes + c->entries[i].bits;
}
static inline double aip__category_f64(const aip__categories *c, int64_t i) {
    double v;
    memcpy(&v, &c->entries[i].bits, sizeof v);
    return v;
}

/* Values with their counts, in the order of their numbers. Reading checks everything, into a fresh set of the given kind and limit. */
int32_t aip__categories_write(const aip__categories *c, aip_writer *w, aip_error **err);
int32_t aip__categories_read(aip__categories *c, aip_reader *r, aip_error **err);

#endif
