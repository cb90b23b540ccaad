/* aipipe/package.h: the model package, one file that holds a fitted pipeline, a model, the schema it reads, metrics and provenance;
 * and the scorer, which predicts rows of the host's own structs. A package is data only, never code. */
#ifndef AIPIPE_PACKAGE_H
#define AIPIPE_PACKAGE_H

#include <aipipe/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aip_package aip_package;
typedef struct aip_scorer aip_scorer;

/* Fits pipeline (NULL: none) and then model on the dataset. Each stage must keep rows (AIP_ROWS_SAME), else AIP_E_PARAM names it.
 * target: a column of the dataset that the pipeline neither needs nor makes (AIP_E_SCHEMA); it is carried past it to the model.
 * Provenance holds the parameters, the library's version and numeric profile, and the input's row count: no times, host names or
 * thread counts. any-thread */
AIP_API int32_t aip_package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                                const aip_call *call, aip_package **out, aip_error **err);
/* Predicts a dataset that has the truth and computes metrics (aip_dataset_evaluate). JSON text, free with aip_text_free. any-thread */
AIP_API int32_t aip_package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, const aip_call *call,
                                     char **json, aip_error **err);
/* A copy of the package with these metrics (JSON object) in it. any-thread */
AIP_API int32_t aip_package_with_metrics(aip_package *package, const char *metrics_json, aip_package **out, aip_error **err);
/* The dataset's rows with the model's columns added; lazy. One row out per row in, in order. A missing input column is an error that
 * names it; integers widen, floats stand for integers where they are whole, and a text where it parses. A column
 * that has the name of one of the model's (`prediction`) is replaced by it. any-thread */
AIP_API int32_t aip_package_predict(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err);
/* Whole or not at all: the old file or the new one, also after kill -9. any-thread */
AIP_API int32_t aip_package_save(aip_package *package, const char *path, aip_error **err);
/* Errors: AIP_E_NOT_FOUND, AIP_E_IO, AIP_E_CORRUPT, AIP_E_UNSUPPORTED (made by a later version). any-thread */
AIP_API int32_t aip_package_load(aip_context *ctx, const char *path, aip_package **out, aip_error **err);
/* The file's bytes, to free with aip_text_free; and back. any-thread */
AIP_API int32_t aip_package_to_bytes(aip_package *package, char **bytes, size_t *n, aip_error **err);
AIP_API int32_t aip_package_from_bytes(aip_context *ctx, const void *bytes, size_t n, aip_package **out, aip_error **err);
/* Inputs, target, pipeline, model, metrics, provenance as JSON text. any-thread */
AIP_API int32_t aip_package_describe(aip_package *package, char **json, aip_error **err);
AIP_API void aip_package_retain(aip_package *package); /* any-thread */
AIP_API void aip_package_free(aip_package *package);

/* ---- scorer ------------------------------------------------------------------------------------------------------------------------------
 * params_json: {"output": "probability"} (default) or "prediction". One per thread. any-thread to create */
AIP_API int32_t aip_scorer_create(aip_package *package, const char *params_json, aip_scorer **out, aip_error **err);
/* Says where an input lies in the host's row struct. type: AIP_FLOAT64, AIP_FLOAT32 (NaN is missing), AIP_INT32, AIP_INT64, AIP_BOOL
 * (one byte), AIP_UTF8 (const char *, NULL is missing), AIP_DATE32, AIP_TIMESTAMP. It need not be the input's own type where nothing is lost:
 * integers widen, and a whole float stands for an integer. Errors: AIP_E_SCHEMA. one-at-a-time */
AIP_API int32_t aip_scorer_bind(aip_scorer *scorer, const char *column, int32_t type, size_t offset, aip_error **err);
/* n rows, `stride` bytes apart; out: n doubles. An input left unbound is AIP_E_STATE. one-at-a-time */
AIP_API int32_t aip_scorer_run(aip_scorer *scorer, const void *rows, size_t stride, int64_t n, double *out, aip_error **err);
AIP_API void aip_scorer_free(aip_scorer *scorer);

#ifdef __cplusplus
}
#endif
#endif
