/* The blocked design matrix: what iterative trainers run over in memory.
 *
 * Rows lie in blocks of 128 so that one block of all columns stays in L1 and L2; within a block, column by column:
 *     block b, column j, row i  =  chunk[b / 64][((b % 64) * n_columns + j) * 128 + i]
 * The last chunk holds only the blocks in use, ceil(rows / 128). The last block is padded with zeros; weights of padding rows are zero. A chunk (64 blocks, 8192 rows) is one work item for a trainer's
 * fold: chunks are cut by row number alone, so results do not depend on batches or threads. Values are float64, NaN never occurs (refused on
 * the way in, naming the column and the first row). */
#ifndef AIPIPE_LIB_DATA_MATRIX_H
#define AIPIPE_LIB_DATA_MATRIX_H

#include "data/scan.h"

#define AIP__BLOCK_ROWS 128
#define AIP__CHUNK_BLOCKS 64
#define AIP__CHUNK_ROWS (AIP__BLOCK_ROWS * AIP__CHUNK_BLOCKS)

typedef struct aip__matrix {
    aip_context *ctx;
    int64_t n_rows, n_chunks;
    int32_t n_columns;
    char **names; /* of the columns */
    aip__buffer **chunks;
    double *target; /* n_chunks * AIP__CHUNK_ROWS, zero-padded; NULL when no target was asked for */
    aip__buffer *target_buffer;
} aip__matrix;

/* One pass. features: column names (NULL: every column but the target, in schema order). All must be numeric or bool. A null or NaN or infinity is
 * AIP_E_DATA naming column and row. The target may be of any type that `encode` turns into a number (NULL: numeric or bool as is). */
typedef int32_t (*aip__encode_target)(void *user, const aip_batch *batch, int32_t column, double *out, aip_error **err);
int32_t aip__matrix_build(aip_dataset *d, const char *const *features, int32_t n_features, const char *target,
                          aip__encode_target encode, void *user, aip__token *token, aip__matrix **out, aip_error **err);
static inline const double *aip__matrix_block(const aip__matrix *m, int64_t chunk, int32_t block) {
    return (const double *)(const void *)m->chunks[chunk]->data + (size_t)block * (size_t)m->n_columns * AIP__BLOCK_ROWS;
}
int32_t aip__matrix_chunk_rows(const aip__matrix *m, int64_t chunk); /* rows in use */
/* One batch's columns into blocks (for predict and the scorer): out holds ceil(n_rows / 128) blocks, zero-padded. Nulls become NaN. */
int32_t aip__blocks_from_batch(const aip_batch *batch, const int32_t *columns, int32_t n_columns, double *out, aip_error **err);
void aip__matrix_free(aip__matrix *m);

#endif
