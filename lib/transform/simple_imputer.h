/* What the parts of simple_imputer share: its parameters, and what a fit learned. */
#ifndef AIPIPE_LIB_TRANSFORM_SIMPLE_IMPUTER_H
#define AIPIPE_LIB_TRANSFORM_SIMPLE_IMPUTER_H

#include "base/catalog.h"
#include "transform/categories.h"
#include "transform/layout.h"
#include "transform/learnt.h"

typedef enum { AIP__IMPUTE_MEAN, AIP__IMPUTE_MEDIAN, AIP__IMPUTE_MOST_FREQUENT, AIP__IMPUTE_CONSTANT } aip__impute_strategy;

typedef struct aip__imputer {
    aip_context *ctx;
    const aip_params *params;
    aip__impute_strategy strategy;
    bool add_indicator, keep_empty;
    const aip__node *fill; /* of `constant`; a null node: 0 or "missing_value" */
} aip__imputer;

typedef enum { AIP__FILL_NONE, AIP__FILL_F64, AIP__FILL_I64, AIP__FILL_TEXT } aip__fill_kind;

typedef struct aip__imputed { /* one column */
    char *name;
    int32_t type, scale; /* as it was at the fit */
    bool has_missing;    /* gets an indicator */
    aip__fill_kind fill; /* NONE: nothing was there to learn from, the column is left out */
    double f64;
    int64_t i64;
    char *text; /* n_text bytes and a NUL; may hold NULs before */
    size_t n_text;
} aip__imputed;

typedef struct aip__imputer_fitted {
    aip_context *ctx;
    int32_t n;
    aip__imputed columns[];
} aip__imputer_fitted;

int32_t aip__imputer_fitted_new(aip_context *ctx, int32_t n, aip__imputer_fitted **out, aip_error **err);
void aip__imputer_fitted_free(void *fitted);

typedef struct aip__imputer_bound {
    aip__layout layout;
    const aip__imputer *self;
    const aip__imputer_fitted *fitted;
    int32_t *which; /* per input column: the learned one, or -1 */
    int32_t *where; /* per learned column: the input column */
} aip__imputer_bound;

/* simple_imputer_rows.c */
int32_t aip__imputer_row_plan(const void *bound, aip_row_plan *plan, aip_error **err);

/* The fit: simple_imputer_fit.c. */
extern const aip_fold_ops aip__imputer_fold_ops;
int32_t aip__imputer_fold_create(const void *self, const aip_schema *schema, void **out, aip_error **err);
void aip__imputer_fold_destroy(void *fold);
int32_t aip__imputer_fold_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err);

#endif
