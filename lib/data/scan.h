/* The one engine that drives every pass over data.
 *
 * A serial cursor cuts the source into items; jobs decode an item and run the fused stages over it while it is in cache; results leave in
 * source order. A stage with carry, the accounting of rejects, and ordinals are serial points between parallel segments:
 *
 *   cut -> [decode, stages ...] -> (account, carry) -> [stages ...] -> (carry) -> ... -> out in order, or into a lane's state
 *
 * At most `window` items are between cut and out; an item is cut only when its bytes fit the memory limit, but two always may. */
#ifndef AIPIPE_LIB_DATA_SCAN_H
#define AIPIPE_LIB_DATA_SCAN_H

#include "data/dataset.h"

typedef struct aip__scan aip__scan;

/* Pull: next gives the batches in order (with their ordinal set; empty ones are left out), NULL at the end; work runs ahead meanwhile. The
 * token must outlive the scan; phase is a static text for progress. */
int32_t aip__scan_open(aip_dataset *d, aip__token *token, const char *phase, aip__scan **out, aip_error **err);
int32_t aip__scan_next(aip__scan *s, aip_batch **out, aip_error **err);
/* A pull whose batches become something else (text, say) at the end of their parallel part. apply: many at once, for batches with rows; drop
 * frees what nobody took. The map is borrowed. next_mapped gives the results in order, with the rows of each; NULL at the end. */
typedef struct aip__scan_map {
    int32_t (*apply)(void *user, const aip_batch *batch, void **out, aip_error **err);
    void (*drop)(void *user, void *out);
    void *user;
} aip__scan_map;
int32_t aip__scan_open_mapped(aip_dataset *d, aip__token *token, const char *phase, const aip__scan_map *map, aip__scan **out,
                              aip_error **err);
int32_t aip__scan_next_mapped(aip__scan *s, void **out, int64_t *n_rows, aip_error **err);
void aip__scan_counts(const aip__scan *s, aip_row_counts *counts); /* final after the end */
/* Also before the end; NULL is fine. In a child of the process that opened it (where next gives AIP_E_FORKED) what the scan holds is left to
 * the end of the process. */
void aip__scan_close(aip__scan *s);

/* Runs a fold over the dataset: lanes by item index, merged in lane order: the same bits for any number of threads. The state is the caller's
 * (ops->destroy). counts may be NULL. */
int32_t aip__fold_run(aip_dataset *d, aip__token *token, const char *phase, const aip_fold_ops *ops, const void *fold,
                      void **state, aip_row_counts *counts, aip_error **err);
/* How many lanes a state of this size gets: clamp(64 MiB / bytes, 1, 64). */
int64_t aip__fold_lanes(size_t state_bytes);

#endif
