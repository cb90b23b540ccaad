/* aipipe/metrics.h: how good predictions are: all wanted metrics of a table that holds truth and predictions, in one pass. */
#ifndef AIPIPE_METRICS_H
#define AIPIPE_METRICS_H

#include <aipipe/catalog.h>
#include <aipipe/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* truth: column of the true values; prediction and probability: columns that predict made. metrics_json: list of names, or NULL for
 * those of a binary classifier: ["accuracy", "log_loss", "roc_auc", "precision", "recall", "f1", "confusion_matrix"]. Result: JSON
 * object by metric name; confusion_matrix is [[tn, fp], [fn, tp]]. Free with aip_text_free. one pass. any-thread */
AIP_API int32_t aip_dataset_evaluate(aip_dataset *predicted, const char *truth, const char *metrics_json, const aip_call *call,
                                     char **json, aip_error **err);

#ifdef __cplusplus
}
#endif
#endif
