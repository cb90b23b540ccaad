/* The right side of a join: all its rows in memory, and a hash table from key to row. Immutable once built. */
#ifndef AIPIPE_LIB_TRANSFORM_JOIN_TABLE_H
#define AIPIPE_LIB_TRANSFORM_JOIN_TABLE_H

#include "data/scan.h"

typedef struct aip__join_table {
    aip_context *ctx;
    int64_t n_rows;
    int32_t n_columns, n_keys;
    aip__column **columns; /* whole columns, not batches */
    const aip__column **keys;
    struct aip__join_slot *slots;
    uint64_t mask;
} aip__join_table;

/* Reads the dataset (one pass) and indexes it by the key columns. Rows with a null in a key are found by nobody. Errors: AIP_E_DATA when a
 * key occurs twice, naming the key and both rows. */
int32_t aip__join_table_build(aip_dataset *d, const int32_t *keys, int32_t n_keys, aip__token *token, aip__join_table **out,
                              aip_error **err);
void aip__join_table_free(aip__join_table *t); /* NULL is fine */

/* rows[i] becomes the right row whose key equals that of row i of the key columns, or -1. */
int32_t aip__join_table_probe(const aip__join_table *t, const aip__column *const *keys, int64_t n, int64_t *rows,
                              aip_error **err);

/* Whether two fields can be compared as keys: texts with texts, integers with integers of any width, otherwise the same type (of timestamps,
 * both with a zone or both without; of decimals, the same scale). Floats cannot. */
bool aip__join_comparable(const aip_field *left, const aip_field *right);

#endif
