/* The functions of a kind of classifier: what the ops of a descriptor of kind AIP_KIND_MODEL point to. model.c does what all have in common: the
 * design matrix, class values and their codes, features by name, predictions as columns, saving.
 *
 * self     what create made from the parameters: immutable.
 * learned  what a fit or load made: immutable. */
#ifndef AIPIPE_LIB_TRAIN_MODEL_OPS_H
#define AIPIPE_LIB_TRAIN_MODEL_OPS_H

#include "data/matrix.h"
#include "data/row_plan.h"
#include "train/model.h"

typedef struct aip__model_ops {
    /* params stay valid as long as self. */
    int32_t (*create)(aip_context *ctx, const aip_params *params, void **self, aip_error **err);
    void (*destroy)(void *self);
    /* m->target holds 0 and 1: codes of the two sorted classes. */
    int32_t (*fit)(const void *self, const aip__matrix *m, const aip__classes *classes, aip__token *token, void **learned,
                   aip_error **err);
    void (*learned_destroy)(void *learned);
    int32_t (*save)(const void *learned, aip_writer *w, aip_error **err);
    int32_t (*load)(aip_context *ctx, int32_t n_features, aip_reader *r, void **learned, aip_error **err);
    /* Probability of the second class for each row of whole blocks (data/matrix.h). */
    void (*predict)(const void *learned, const double *blocks, int64_t n_blocks, double *probability);
    /* The probabilities, as a new slot of a row plan, of its features' slots; a row whose features are not all finite is refused. May be NULL. */
    int32_t (*row_plan)(const void *learned, aip_row_plan *plan, const aip__row_slot *features, aip__row_slot *probability,
                        aip_error **err);
    /* Members of the description, each with a comma before it. */
    void (*describe)(const void *learned, const char *const *features, aip__text *out);
} aip__model_ops;

extern const aip_descriptor aip__logistic_regression;

#endif
