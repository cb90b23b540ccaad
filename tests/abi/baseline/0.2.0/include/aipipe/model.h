/* aipipe/model.h: models: what learns a target from a dataset and predicts it. */
#ifndef AIPIPE_MODEL_H
#define AIPIPE_MODEL_H

#include <aipipe/stage.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aip_model aip_model; /* parameters, and once fitted what was learned; immutable */

/* Makes a model from the catalogue, to be fitted. params: JSON object, or NULL for defaults.
 * Errors: AIP_E_NOT_FOUND (the nearest is named), AIP_E_PARAM, AIP_E_SYNTAX. any-thread */
AIP_API int32_t aip_model_create(aip_context *ctx, const char *name, const char *params_json, aip_model **out, aip_error **err);
/* Learns the column `target` from every other column, all of which must be numeric or bool without nulls. The model itself is not
 * changed. Errors: AIP_E_SCHEMA (also a column named as one that the model adds), AIP_E_DATA (nulls, one class), AIP_E_NUMERIC,
 * AIP_E_MEMORY_LIMIT. any-thread */
AIP_API int32_t aip_model_fit(aip_model *model, aip_dataset *dataset, const char *target, const aip_call *call,
                              aip_model **fitted, aip_error **err);
AIP_API int32_t aip_model_is_fitted(const aip_model *model); /* immutable */
/* A dataset with the columns that the model adds (for a classifier: `prediction`, and `probability` of the positive class). Lazy.
 * Columns are found by name. immutable */
AIP_API int32_t aip_model_predict(aip_model *model, aip_dataset *dataset, aip_dataset **out, aip_error **err);
/* What it is and what was learned, as JSON text: {"name", "parameters", "fitted"}, and of a fitted one "target", "classes" (ascending, in their
 * own type), "class_type" ("bool", "int64", "float64" or "utf8"), "n_rows", "feature_names" in the order of the fit, and what the kind learned:
 * of logistic_regression "intercept", "coefficients" by feature name, "n_iter", "converged", "loss", "gradient", "warnings".
 * Free with aip_text_free. immutable */
AIP_API int32_t aip_model_describe(const aip_model *model, char **json, aip_error **err);
AIP_API const char *aip_model_name(const aip_model *model); /* borrowed. immutable */
AIP_API void aip_model_retain(aip_model *model);            /* one more _free is due. any-thread */
AIP_API void aip_model_free(aip_model *model);              /* NULL is legal. any-thread */

#ifdef __cplusplus
}
#endif
#endif
