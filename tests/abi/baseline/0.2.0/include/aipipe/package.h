/* aipipe/package.h: the model package, one file that holds a fitted pipeline, a model, the schema it reads, metrics and provenance;
 * and the scorer, which predicts rows of the host's own structs. A package is data only, never code. It may lack the pipeline or the model, not
 * both: without a model it transforms, and predicts nothing. */
#ifndef AIPIPE_PACKAGE_H
#define AIPIPE_PACKAGE_H

#include <aipipe/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aip_package aip_package; /* a fitted pipeline and model; immutable */
typedef struct aip_scorer aip_scorer;   /* a package made ready for the rows of one thread */

/* Fits pipeline (NULL: none) and then model on the dataset. Each stage must keep rows (AIP_ROWS_SAME), else AIP_E_PARAM names it.
 * target: a column of the dataset that the pipeline neither needs nor makes (AIP_E_SCHEMA); it is carried past it to the model.
 * model and target may be NULL together (since 0.2.0): the package then holds the fitted pipeline alone.
 * Provenance holds the parameters, the library's version and numeric profile, and the input's row count: no times, host names or
 * thread counts. any-thread */
AIP_API int32_t aip_package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                                const aip_call *call, aip_package **out, aip_error **err);
/* A package of parts that are fitted already; both are shared, not copied. pipeline: a fitted stage or pipeline, or NULL; model: a fitted model, or
 * NULL. input: what the pipeline was fitted on, or the model when there is no pipeline; columns that neither reads, and the target, are left out
 * of the package's inputs. target: the column that evaluate compares with, NULL: the one that the model was fitted on; NULL without a model.
 * Provenance has no row count when neither part knows its own. Errors: AIP_E_STATE (a part is not fitted), AIP_E_PARAM (a stage that may not
 * stand in a package), AIP_E_SCHEMA (the parts do not fit each other or the input), AIP_E_MISUSE. any-thread */
AIP_API int32_t aip_package_create(aip_context *ctx, aip_stage *pipeline, aip_model *model, const aip_schema *input,
                                   const char *target, aip_package **out, aip_error **err);
/* The fitted pipeline and the fitted model, to free by the caller; NULL is written where there is none. any-thread */
AIP_API int32_t aip_package_pipeline(aip_package *package, aip_stage **out, aip_error **err);
AIP_API int32_t aip_package_model(aip_package *package, aip_model **out, aip_error **err);
/* The columns that the package reads, in order. Borrowed. immutable */
AIP_API const aip_schema *aip_package_inputs(const aip_package *package);
/* Predicts a dataset that has the truth and computes metrics (aip_dataset_evaluate). JSON text, free with aip_text_free. any-thread */
AIP_API int32_t aip_package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, const aip_call *call,
                                     char **json, aip_error **err);
/* A copy of the package with these metrics (JSON object) in it. any-thread */
AIP_API int32_t aip_package_with_metrics(aip_package *package, const char *metrics_json, aip_package **out, aip_error **err);
/* The dataset's rows with the model's columns added; lazy. One row out per row in, in order. A missing input column is an error that
 * names it; integers widen, floats stand for integers where they are whole, and a text where it parses. A column
 * that has the name of one of the model's (`prediction`) is replaced by it. A package without a model is AIP_E_STATE, also in evaluate and
 * aip_scorer_create. any-thread */
AIP_API int32_t aip_package_predict(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err);
/* The dataset as the fitted pipeline gives it, without the model; lazy. The inputs are found by name and converted as in predict; other columns go
 * through the stages as in aip_dataset_transform, but for the target, which is set before them. any-thread */
AIP_API int32_t aip_package_transform(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err);
/* Whole or not at all: the old file or the new one, also after kill -9. any-thread */
AIP_API int32_t aip_package_save(aip_package *package, const char *path, aip_error **err);
/* Errors: AIP_E_NOT_FOUND, AIP_E_IO, AIP_E_CORRUPT, AIP_E_UNSUPPORTED (made by a later version). any-thread */
AIP_API int32_t aip_package_load(aip_context *ctx, const char *path, aip_package **out, aip_error **err);
/* The file's bytes, to free with aip_text_free; and back. any-thread */
AIP_API int32_t aip_package_to_bytes(aip_package *package, char **bytes, size_t *n, aip_error **err);
AIP_API int32_t aip_package_from_bytes(aip_context *ctx, const void *bytes, size_t n, aip_package **out, aip_error **err);
/* Inputs, target, pipeline, model, metrics, provenance as JSON text; model, fitted and target are null without a model. any-thread */
AIP_API int32_t aip_package_describe(aip_package *package, char **json, aip_error **err);
AIP_API void aip_package_retain(aip_package *package); /* any-thread */
AIP_API void aip_package_free(aip_package *package);   /* NULL is legal. any-thread */

/* ---- scorer ------------------------------------------------------------------------------------------------------------------------------
 * params_json: {"output": "probability"} (default) or "prediction". One per thread. any-thread to create */
AIP_API int32_t aip_scorer_create(aip_package *package, const char *params_json, aip_scorer **out, aip_error **err);
/* Says where an input lies in the host's row struct. type: AIP_FLOAT64, AIP_FLOAT32 (NaN is missing), AIP_INT32, AIP_INT64, AIP_BOOL
 * (one byte), AIP_UTF8 (const char *, NULL is missing), AIP_DATE32, AIP_TIMESTAMP. It need not be the input's own type where nothing is lost:
 * integers widen, and a whole float stands for an integer. Errors: AIP_E_SCHEMA. one-at-a-time */
AIP_API int32_t aip_scorer_bind(aip_scorer *scorer, const char *column, int32_t type, size_t offset, aip_error **err);
/* Does now what the first run would: binds the pipeline to these types and compiles it. After it, runs that succeed allocate nothing, but for
 * the first few where a derived column makes texts (their memory grows to the longest), and take no lock. *by_batches (NULL is fine): NULL; or, when
 * a stage cannot be compiled (one of the host's without `row_plan`, a cast into text, a decimal), its name, borrowed: then runs gather rows into
 * batches, which allocate, and a single row costs microseconds. Either way the bits are those of aip_package_predict. Errors: AIP_E_STATE (an
 * input is not bound), AIP_E_SCHEMA, AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. one-at-a-time */
AIP_API int32_t aip_scorer_prepare(aip_scorer *scorer, const char **by_batches, aip_error **err);
/* n rows, `stride` bytes apart; out: n doubles, of no meaning after an error. One row, or a few, cost some tens of nanoseconds each; many in one
 * call about what it takes to read them. Rows need no alignment. Errors: AIP_E_STATE (an input is not bound), AIP_E_DATA naming column and
 * row. one-at-a-time */
AIP_API int32_t aip_scorer_run(aip_scorer *scorer, const void *rows, size_t stride, int64_t n, double *out, aip_error **err);
AIP_API void aip_scorer_free(aip_scorer *scorer); /* NULL is legal. one-at-a-time */

#ifdef __cplusplus
}
#endif
#endif
