/* Metrics of classifiers. All are computed from one mergeable state, filled in one scan; a metric says which parts of it it needs. */
#ifndef AIPIPE_LIB_METRICS_METRICS_H
#define AIPIPE_LIB_METRICS_METRICS_H

#include "exec/cancel.h"
#include "metrics/classes.h"
#include <aipipe/metrics.h>
#include <aipipe/stage.h>

/* Adds the built-in metrics to the catalogue. */
int32_t aip__metrics_register(aip_context *ctx, aip_error **err);

/* aip_dataset_evaluate under a token, with the model's sorted classes when they are known (NULL: those that truth and prediction hold). */
int32_t aip__dataset_evaluate(aip_dataset *predicted, const char *truth, const aip__classes *known, const char *metrics_json,
                              aip__token *token, char **json, aip_error **err);

#define AIP__SCORES_COUNTS 1u /* rows by (truth, prediction) */
#define AIP__SCORES_LOSS 2u   /* sums of log-probabilities */
#define AIP__SCORES_SORTED 4u /* every probability, by class of the truth */
#define AIP__SCORES_CLASSES 64

/* Of one class of the truth: sums of log(p) and log(1 - p) of the rows, compensated (Neumaier 1974), and the probabilities. */
typedef struct aip__scores_class {
    int64_t rows;
    double log_p, log_p_rest, log_q, log_q_rest;
    double *values;
    size_t n_values, capacity;
} aip__scores_class;

typedef struct aip__scores {
    aip_context *ctx;
    aip__classes classes; /* of truth and prediction together, in order of appearance until aip__scores_settle */
    int64_t counts[AIP__SCORES_CLASSES][AIP__SCORES_CLASSES];
    aip__scores_class of[AIP__SCORES_CLASSES];
} aip__scores;

/* What the fold is handed. Indices are of columns of the data; -1: not needed. */
typedef struct aip__scores_fold {
    aip_context *ctx;
    unsigned needs;
    int32_t truth, prediction, probability;
    const char *truth_name;
    int32_t type;              /* of the classes */
    const aip__classes *known; /* NULL: what the data holds */
} aip__scores_fold;
extern const aip_fold_ops aip__scores_ops;

/* Sorts the classes, and everything by them. A lone value of which the other is plain (true beside false, 1 beside 0) gets it. */
int32_t aip__scores_settle(aip__scores *s, aip_error **err);

/* What the ops of a descriptor of kind AIP_KIND_METRIC point to. */
typedef struct aip__metric_ops {
    unsigned needs;
    /* Writes the value as JSON, from settled scores. s is changed (values are sorted). Errors: AIP_E_DATA where it is not defined. */
    int32_t (*value)(aip__scores *s, aip__text *json, aip_error **err);
} aip__metric_ops;

#endif
