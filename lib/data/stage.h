/* The inside of a stage: a descriptor with its parameters (shared between a stage and what it was fitted from), and what a fit learned. */
#ifndef AIPIPE_LIB_DATA_STAGE_H
#define AIPIPE_LIB_DATA_STAGE_H

#include "base/catalog.h"
#include "base/text.h"
#include "data/batch.h"
#include "exec/cancel.h"
#include <aipipe/stage.h>

/* The least table of functions that a host may have: that of 0.1.0. */
#define AIP__STAGE_OPS_FIRST_SIZE offsetof(aip_stage_ops, describe)
/* And of aip_fold_ops. */
#define AIP__FOLD_OPS_FIRST_SIZE (offsetof(aip_fold_ops, destroy) + sizeof(((aip_fold_ops *)NULL)->destroy))

typedef struct aip__stage_spec { /* shared, immutable */
    _Atomic(int64_t) refs;
    const aip_descriptor *descriptor;
    const aip_stage_ops *ops;
    aip_params *params;
    void *self;
} aip__stage_spec;

typedef struct aip__stage_learned { /* shared, immutable */
    _Atomic(int64_t) refs;
    aip__stage_spec *spec; /* for its fitted_destroy */
    void *fitted;
    int64_t n_rows; /* that it was fitted on; -1: not known */
} aip__stage_learned;

struct aip_stage {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip__stage_spec *spec;       /* NULL for a pipeline */
    aip__stage_learned *learned; /* NULL: not fitted, or nothing to learn */
    int32_t n;                   /* of a pipeline */
    aip_stage **stages;
};
aip_stage *aip__stage_retain(const aip_stage *s);

/* How a DAG file or package writes a stage: `name`, or `{name: params}`; a list is a pipeline. resolve gives the dataset for an input such as
 * join's `with: weather` (the value's node); it may be NULL when no inputs are possible. Errors carry the node's place. */
typedef int32_t (*aip__resolve_input)(void *user, const aip__node *reference, aip_dataset **out, aip_error **err);
int32_t aip__stage_from_node(aip_context *ctx, const aip__node *node, const char *source, aip__resolve_input resolve, void *user,
                             aip_stage **out, aip_error **err);

/* A stage that is not in the catalogue (a split's half, a model's predict): a static descriptor (its ops and rows are used), and `self`, taken
 * over, also on failure (ops->destroy). */
int32_t aip__stage_of(aip_context *ctx, const aip_descriptor *descriptor, void *self, aip_stage **out, aip_error **err);

/* aip_stage_fit under a token. */
int32_t aip__stage_fit(aip_stage *stage, aip_dataset *dataset, aip__token *token, aip_stage **fitted, aip_error **err);
/* A fitted twin of a stage (of one, not a pipeline) from what its `load` read; takes `fitted` over, also on failure. n_rows: of the fit; -1: not
 * known. */
int32_t aip__stage_with_learned(aip_stage *stage, void *fitted, int64_t n_rows, aip_stage **out, aip_error **err);
/* Appends a stage's parameters as a JSON object, as they may be given to aip_stage_create; null when it is not in the catalogue. */
void aip__stage_params_json(const aip__stage_spec *spec, aip__text *out);
/* bind with everything checked (fitted?), errors placed at the stage. */
int32_t aip__stage_bind(aip_stage *s, const aip_schema *in, void **bound, aip_schema **out, aip_error **err);
void aip__stage_unbind(aip_stage *s, void *bound);
/* Adds a bound stage to a row plan (data/row_plan.h). AIP_E_UNSUPPORTED, without an error: it goes by batches. */
int32_t aip__stage_row_plan(aip_stage *s, const void *bound, aip_row_plan *plan, aip_error **err);

#endif
