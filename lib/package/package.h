/* The inside of a package: what a file holds, in memory. Immutable. */
#ifndef AIPIPE_LIB_PACKAGE_PACKAGE_H
#define AIPIPE_LIB_PACKAGE_PACKAGE_H

#include "data/dataset.h"
#include "train/model.h"
#include <aipipe/package.h>

struct aip_package {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *inputs; /* the columns that the pipeline and the model read */
    char *target;
    aip_stage *pipeline; /* fitted; a pipeline, maybe of no stages */
    aip_model *model;    /* fitted */
    char *metrics;       /* canonical JSON object, or NULL */
    int64_t n_rows;      /* that it was fitted on */
    char *library;       /* version that made it */
    char *profile;       /* numeric profile that made it */
    aip_stage *predict;  /* adds the model's columns to any batch that has the inputs */
};

/* Takes over everything that the draft holds, also on failure: gives it its predict stage and a reference count. */
int32_t aip__package_finish(aip_package *draft, aip_package **out, aip_error **err);
aip_package *aip__package_draft(aip_context *ctx); /* zeroed; NULL when memory is refused */

/* aip_package_fit and aip_package_evaluate under a token. */
int32_t aip__package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                         aip__token *token, aip_package **out, aip_error **err);
int32_t aip__package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, aip__token *token,
                              char **json, aip_error **err);

/* Whether each stage may stand in a package: it keeps rows, needs no other table, and what it learned can be saved. AIP_E_PARAM names the one
 * that may not. */
int32_t aip__package_check_stages(const aip_stage *pipeline, aip_error **err);

#endif
