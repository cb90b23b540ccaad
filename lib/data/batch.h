/* Batches: a schema and as many columns, all of one length, at most AIP_BATCH_MAX_ROWS rows. Immutable, reference-counted. */
#ifndef AIPIPE_LIB_DATA_BATCH_H
#define AIPIPE_LIB_DATA_BATCH_H

#include "data/column.h"

struct aip_batch {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *schema;
    int64_t n_rows;
    int64_t
        ordinal; /* position of the first row: inside a scan, in the dataset that the scan started from (-1 once rows were dropped or
                      * reordered); of a batch that a scan gave out, in the dataset that was scanned. Set before the batch is published */
    int32_t n_columns;
    aip__column *columns[]; /* owned */
};
/* Takes over the columns' references, also on failure. n_rows matters when there are no columns. */
int32_t aip__batch_new(const aip_schema *schema, int64_t n_rows, aip__column *const *columns, aip_batch **out, aip_error **err);
aip_batch *aip__batch_retain(const aip_batch *b);
int32_t aip__batch_slice(const aip_batch *b, int64_t start, int64_t n, aip_batch **out, aip_error **err);
int32_t aip__batch_filter(const aip_batch *b, const uint8_t *mask, aip_batch **out,
                          aip_error **err); /* retains b when all are kept */
/* The same columns under another schema with the same types (rename). */
int32_t aip__batch_relabel(const aip_batch *b, const aip_schema *schema, aip_batch **out, aip_error **err);
/* Columns by index, in this order, under `schema`. */
int32_t aip__batch_project(const aip_batch *b, const int32_t *indices, const aip_schema *schema, aip_batch **out,
                           aip_error **err);
bool aip__batch_equal(const aip_batch *a, const aip_batch *b);
size_t aip__batch_bytes(const aip_batch *b);

#endif
