/* aipipe/stage.h: stages (what turns batches into batches) and pipelines (stages in a row). A stage may have something to fit: a
 * fold over a dataset whose state merges, dumps and loads, so that it runs on many cores, out of core, and on many machines. */
#ifndef AIPIPE_STAGE_H
#define AIPIPE_STAGE_H

#include <aipipe/bytes.h>
#include <aipipe/catalog.h>
#include <aipipe/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- fold: init / update / merge, over a state that can be dumped and loaded ------------------------------------------------------- */
/* What a fit accumulates. */
typedef struct aip_fold_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* About how many bytes a state takes, from the schema alone: decides the number of lanes. */
    size_t (*state_bytes)(const void *fold);
    int32_t (*init)(const void *fold, void **state, aip_error **err);
    int32_t (*update)(const void *fold, void *state, const aip_batch *batch, aip_error **err); /* in source order within a lane */
    int32_t (*merge)(const void *fold, void *into, const void *from, aip_error **err);         /* `from` came after `into` */
    int32_t (*dump)(const void *fold, const void *state, aip_writer *w, aip_error **err);
    int32_t (*load)(const void *fold, aip_reader *r, void **state, aip_error **err);
    void (*destroy)(const void *fold, void *state);
} aip_fold_ops;

/* ---- rows: what a scorer runs ---------------------------------------------------------------------------------------------------------
 * A row plan is a pipeline made ready for one scorer: steps over a few rows in scratch memory, with no allocation, lock or name lookup. */
typedef struct aip_row_plan aip_row_plan;

typedef struct aip_row_text { /* a text of a row; bytes is NULL where it is null */
    const char *bytes;
    size_t n;
} aip_row_text;

/* ---- the functions of a kind of stage ------------------------------------------------------------------------------------------------
 * self     what create made from the parameters: immutable.
 * fitted   what a fit learned, or load read back: immutable. NULL for a stage without fold.
 * bound    self and fitted, made ready for one input schema: immutable, called from many threads at once. */
typedef struct aip_stage_ops {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*create)(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err);
    void (*destroy)(void *self);

    /* Fit; all NULL when there is nothing to learn. fold_create makes the fold for an input schema. */
    const aip_fold_ops *fold;
    int32_t (*fold_create)(const void *self, const aip_schema *schema, void **fold, aip_error **err);
    void (*fold_destroy)(void *fold);
    int32_t (*fold_finish)(const void *self, const void *fold, void *state, void **fitted, aip_error **err);
    void (*fitted_destroy)(void *fitted);
    int32_t (*save)(const void *self, const void *fitted, aip_writer *w, aip_error **err);
    int32_t (*load)(const void *self, aip_reader *r, void **fitted, aip_error **err);

    /* Resolves columns and says what comes out. Errors name the column. */
    int32_t (*bind)(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err);
    void (*unbind)(void *bound);
    int32_t (*apply)(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err);

    /* A stage that needs what came before (fill forward, row number, split): for each batch, in parallel, summarise; then, serially in
     * source order, carry turns the running value (size bytes, zeroed at the start) and the summary (size bytes) into what apply_carry
     * gets as `before` (size bytes: the running value as it was), and advances the running value. All NULL otherwise; with them, apply
     * is NULL. */
    size_t (*carry_bytes)(const void *bound);
    int32_t (*summarise)(const void *bound, const aip_batch *in, void *summary, aip_error **err);
    int32_t (*carry)(const void *bound, void *running, const void *summary, aip_error **err);
    int32_t (*apply_carry)(const void *bound, const void *before, const aip_batch *in, aip_batch **out, aip_error **err);

    /* Writes what was learned as the text of a JSON object (aip_writer_bytes), for aip_stage_describe; NaN and infinities as the texts "NaN",
     * "Infinity" and "-Infinity". NULL, or a table that ends before it: learned values are not shown. Since 0.2.0. */
    int32_t (*describe)(const void *self, const void *fitted, aip_writer *json, aip_error **err);
    /* Since 0.2.0; may be NULL. How a scorer applies the stage to single rows without allocating: adds to the plan what does to rows what
     * apply does to batches, with the same bits. (Open to the library's own stages so far.) AIP_E_UNSUPPORTED (no error is made): not for
     * this binding. Without it, or where it is not supported, the scorer makes batches of its rows, for all stages: right, and slower. */
    int32_t (*row_plan)(const void *bound, aip_row_plan *plan, aip_error **err);
} aip_stage_ops;

/* ---- stages ----------------------------------------------------------------------------------------------------------------------------- */
typedef struct aip_stage aip_stage; /* parameters, and once fitted what was learned; immutable */

/* Makes a stage from the catalogue. params: JSON object, or NULL for defaults. inputs: n structs, handles retained.
 * Errors: AIP_E_NOT_FOUND (no such stage; the nearest is named), AIP_E_PARAM, AIP_E_SYNTAX. any-thread */
AIP_API int32_t aip_stage_create(aip_context *ctx, const char *name, const char *params_json, const aip_input *inputs,
                                 int32_t n_inputs, aip_stage **out, aip_error **err);
/* Stages in a row, as one stage; retains each. any-thread */
AIP_API int32_t aip_stage_pipeline(aip_context *ctx, aip_stage *const *stages, int32_t n, aip_stage **out, aip_error **err);
/* Learns from a dataset; the stage itself is not changed. A stage with nothing to learn comes back as it is. In a pipeline each stage
 * learns from what the fitted stages before it make of the dataset. any-thread */
AIP_API int32_t aip_stage_fit(aip_stage *stage, aip_dataset *dataset, const aip_call *call, aip_stage **fitted, aip_error **err);
AIP_API int32_t aip_stage_is_fitted(const aip_stage *stage); /* 1: can be applied. immutable */
/* What would come out for this input. Errors: AIP_E_STATE (not fitted), AIP_E_SCHEMA. immutable */
AIP_API int32_t aip_stage_output_schema(aip_stage *stage, const aip_schema *in, aip_schema **out, aip_error **err);
/* One batch through a fitted stage without carry. immutable */
AIP_API int32_t aip_stage_apply(aip_stage *stage, const aip_batch *in, aip_batch **out, aip_error **err);
AIP_API const char *aip_stage_name(const aip_stage *stage); /* borrowed. immutable */
AIP_API int32_t aip_stage_rows(const aip_stage *stage);     /* AIP_ROWS_*. immutable */
/* How many stages a pipeline has, and the i-th; a fitted pipeline's are fitted. Of any other stage: 1, and itself. NULL out of range; borrowed.
 * immutable */
AIP_API int32_t aip_stage_n_stages(const aip_stage *stage);
AIP_API aip_stage *aip_stage_at(aip_stage *stage, int32_t i);
/* The stage as JSON text, free with aip_text_free: {"name", "params" (canonical), "rows": "same" | "fewer" | "other", "fitted": whether it can
 * be applied, "learned": {...}}; of a pipeline also "stages", the same of each. "learned" is null when there is nothing, or nothing to show. Its
 * values have scikit-learn's names without the underscore at the end, and are objects by column name, in the order of the fit:
 *   standard_scaler   mean (null when neither is used), var and scale (null without with_std; var and n_samples_seen also of packages that
 *                     0.1.0 made), n_samples_seen
 *   simple_imputer    statistics, in the column's own type (dates, timestamps and decimals as text; null: no value was there, the column is
 *                     left out); indicator_features, a list of the columns that get an indicator, when add_indicator is set
 *   one_hot_encoder   categories, lists in the column's own type, ascending, null for missing; drop_idx, the position of the category that is
 *                     left out, or null
 * immutable */
AIP_API int32_t aip_stage_describe(const aip_stage *stage, char **json, aip_error **err);
AIP_API void aip_stage_retain(aip_stage *stage); /* one more _free is due. any-thread */
AIP_API void aip_stage_free(aip_stage *stage);   /* NULL is legal. any-thread */

#ifdef __cplusplus
}
#endif
#endif
