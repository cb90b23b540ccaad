/* What model.c, model_predict.c and model_save.c share. */
#ifndef AIPIPE_LIB_TRAIN_MODEL_INSIDE_H
#define AIPIPE_LIB_TRAIN_MODEL_INSIDE_H

#include "train/model_ops.h"

typedef struct aip__model_spec { /* shared by a model and what was fitted from it; immutable */
    _Atomic(int64_t) refs;
    const aip_descriptor *descriptor;
    const aip__model_ops *ops;
    aip_params *params;
    void *self;
} aip__model_spec;

struct aip_model {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip__model_spec *spec;
    /* of a fitted one: */
    bool fitted;
    aip_schema *features; /* float64 fields, in the order of the coefficients */
    const char **names;   /* of the features; into the schema */
    char *target;
    aip__classes classes; /* two, sorted */
    int64_t n_rows;
    void *learned;
};

#define AIP__MODEL_CLASSES 2

/* A model with the same parameters and nothing learned. */
int32_t aip__model_twin(const aip_model *model, aip_model **out, aip_error **err);
/* AIP_E_SCHEMA when a column has the name of one that the model adds. */
int32_t aip__model_check_names(const aip_model *model, const aip_schema *in, aip_error **err);
/* Sets features and names of a model being made. */
int32_t aip__model_set_features(aip_model *model, const char *const *names, int32_t n, aip_error **err);

#endif
