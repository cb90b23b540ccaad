/* The inside of a package: what a file holds, in memory. Immutable. */
#ifndef AIPIPE_LIB_PACKAGE_PACKAGE_H
#define AIPIPE_LIB_PACKAGE_PACKAGE_H

#include "data/dataset.h"
#include "train/model.h"
#include <aipipe/package.h>

struct aip_package {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *inputs;  /* the columns that the pipeline and the model read */
    char *target;        /* NULL without a model */
    aip_stage *pipeline; /* fitted; a pipeline, maybe of no stages */
    aip_model *model;    /* fitted; NULL: none */
    char *metrics;       /* canonical JSON object, or NULL */
    int64_t n_rows;      /* that it was fitted on; -1: not known */
    char *library;       /* version that made it */
    char *profile;       /* numeric profile that made it */
    aip_stage *predict;  /* adds the model's columns to any batch that has the inputs; NULL without a model */
    aip_stage *through;  /* the pipeline alone, for any batch that has the inputs */
};

/* Takes over everything that the draft holds, also on failure: gives it the stages for predict and transform. */
int32_t aip__package_finish(aip_package *draft, aip_package **out, aip_error **err);
aip_package *aip__package_draft(aip_context *ctx); /* zeroed; NULL when memory is refused */

/* AIP_E_STATE when there is no model: `what` names what needs one. */
int32_t aip__package_needs_model(const aip_package *package, const char *what, aip_error **err);

/* aip_package_fit (model and target may be NULL) and aip_package_evaluate under a token. */
int32_t aip__package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                         aip__token *token, aip_package **out, aip_error **err);
int32_t aip__package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, aip__token *token,
                              char **json, aip_error **err);

/* Whether stages of a kind may stand in a package. AIP_E_PARAM names it. */
int32_t aip__package_check_kind(const aip_descriptor *kind, aip_error **err);
/* Whether each stage may stand in a package: it keeps rows, needs no other table, and what it learned can be saved. AIP_E_PARAM names the one
 * that may not. */
int32_t aip__package_check_stages(const aip_stage *pipeline, aip_error **err);

#endif
