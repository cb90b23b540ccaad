/* The inside of a dataset: a source, or a parent seen through one stage bound to the parent's schema. */
#ifndef AIPIPE_LIB_DATA_DATASET_H
#define AIPIPE_LIB_DATA_DATASET_H

#include "data/source.h"
#include "data/stage.h"

struct aip_dataset {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *schema;

    const aip__source_ops *ops; /* a source ... */
    void *self;
    bool once;
    _Atomic(bool) opened; /* of a once-dataset */

    aip_dataset *parent; /* ... or a view */
    aip_stage *stage;
    void *bound;

    _Atomic(aip_dataset *) kept; /* this dataset in memory, once aip__dataset_keep made it */
    aip_row_counts made_by;      /* of a dataset that was gathered in memory: the pass that did so */
};
aip_dataset *aip__dataset_retain(const aip_dataset *d);

/* Reads the dataset into memory now, so that later passes do not parse again; leaves it lazy, and says so in the log, when it would take more
 * than half of what the memory limit leaves. For whoever knows that more than one pass will come. */
int32_t aip__dataset_keep(aip_dataset *d, aip__token *token, aip_error **err);
/* Where the dataset was kept: what the pass that did so read, handed on and dropped. */
bool aip__dataset_kept_counts(const aip_dataset *d, aip_row_counts *counts);
/* Rows when known without a pass, else -1. */
int64_t aip__dataset_known_count(const aip_dataset *d);

/* Adds what its source has to tell, each member of a JSON object after a comma. */
void aip__dataset_report(const aip_dataset *d, aip__text *json);

/* A dataset in memory from batches (references taken over, also on failure). */
int32_t aip__dataset_memory(aip_context *ctx, const aip_schema *schema, aip_batch **batches, int64_t n, aip_dataset **out,
                            aip_error **err);

#endif
