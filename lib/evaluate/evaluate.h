/* Evaluation of predictions: all metrics in one scan. */
#ifndef AIPIPE_LIB_EVALUATE_EVALUATE_H
#define AIPIPE_LIB_EVALUATE_EVALUATE_H

#include "data/dataset.h"
#include "metrics/classes.h"
#include <aipipe/model.h>

/* aip_dataset_evaluate under a token, with the model's sorted classes when they are known (NULL: those that truth and prediction hold). */
int32_t aip__dataset_evaluate(aip_dataset *predicted, const char *truth, const aip__classes *known, const char *metrics_json,
                              aip__token *token, char **json, aip_error **err);

#endif
