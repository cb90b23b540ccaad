/* The inside of a model: a descriptor with its parameters, and what a fit learned. */
#ifndef AIPIPE_LIB_TRAIN_MODEL_H
#define AIPIPE_LIB_TRAIN_MODEL_H

#include "base/catalog.h"
#include "data/stage.h"
#include "metrics/classes.h"
#include <aipipe/model.h>

/* Adds the built-in models to the catalogue. */
int32_t aip__train_register(aip_context *ctx, aip_error **err);

aip_model *aip__model_retain(const aip_model *model);
const aip_descriptor *aip__model_descriptor(const aip_model *model);
aip_context *aip__model_context(const aip_model *model);
const char *aip__model_params(const aip_model *model); /* canonical JSON; borrowed */
/* From a DAG file: `name` or `{name: parameters}`; errors carry the node's place. */
int32_t aip__model_from_node(aip_context *ctx, const aip__node *node, const char *source, aip_model **out, aip_error **err);
/* aip_model_fit under a token. */
int32_t aip__model_fit(aip_model *model, aip_dataset *dataset, const char *target, aip__token *token, aip_model **fitted,
                       aip_error **err);

/* Of a fitted model: the columns that it reads, in its own order, and those that it adds (`prediction`, `probability`). Borrowed. */
const char *const *aip__model_features(const aip_model *model, int32_t *n);
const char *const *aip__model_outputs(const aip_model *model, int32_t *n);
const char *aip__model_target(const aip_model *model);          /* that it was fitted on; borrowed */
int64_t aip__model_n_rows(const aip_model *model);              /* that it was fitted on */
const aip__classes *aip__model_classes(const aip_model *model); /* sorted; borrowed */
/* The row-preserving stage that appends the outputs to a batch that has the features (found by name). */
int32_t aip__model_stage(aip_model *model, aip_stage **out, aip_error **err);

/* What was learned, as bytes and back. Hostile bytes give AIP_E_CORRUPT. */
int32_t aip__model_save(const aip_model *model, aip_writer *w, aip_error **err);
int32_t aip__model_load(aip_context *ctx, const char *name, const char *params_json, aip_reader *r, aip_model **out,
                        aip_error **err);

#endif
