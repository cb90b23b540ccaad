/* The optimiser of binary logistic regression over a design matrix. */
#ifndef AIPIPE_LIB_TRAIN_LOGISTIC_FIT_H
#define AIPIPE_LIB_TRAIN_LOGISTIC_FIT_H

#include "data/matrix.h"
#include "data/row_plan.h"

typedef struct aip__logistic_options {
    double inverse_penalty; /* C; not used without l2 */
    bool l2, intercept;
    double tol; /* on the largest entry of the mean gradient, in scaled coordinates */
    int32_t max_iter;
    bool weighted; /* by class: */
    double weight0, weight1;
} aip__logistic_options;

typedef struct aip__logistic_result {
    double intercept, loss; /* loss: the objective, per unit of weight */
    double gradient;        /* largest entry of its mean gradient, where it was last looked at */
    int64_t n_iter;         /* Newton steps on the whole data */
    bool converged, separable;
    int32_t n_dependent; /* columns left out of the last system, being constant or combinations of others */
} aip__logistic_result;

/* m->target holds 0 and 1. coef: m->n_columns values. Errors: AIP_E_NUMERIC, AIP_E_MEMORY_LIMIT, cancellation. */
int32_t aip__logistic_fit(const aip__matrix *m, const aip__logistic_options *options, aip__token *token, double *coef,
                          aip__logistic_result *result, aip_error **err);

/* The fold of one round: loss, gradient and Hessian at one point (unscaled sums), over every `stride`-th chunk. */
typedef struct aip__logistic_pass {
    const aip__matrix *matrix;
    const aip__logistic_options *options;
    aip__token *token;
    int32_t width, n;       /* kernel columns; unknowns: features and intercept */
    double *mean, *inverse; /* of the features */
    double *theta;          /* width: where to evaluate */
    double loss, *gradient; /* out; gradient: n */
    double *hessian;        /* out: n x n, lower triangle */
} aip__logistic_pass;
int32_t aip__logistic_pass_begin(const aip__matrix *m, const aip__logistic_options *options, aip__token *token,
                                 aip__logistic_pass *out, aip_error **err);
int32_t aip__logistic_pass_run(aip__logistic_pass *p, int64_t stride, bool hessian, aip_error **err);
void aip__logistic_pass_end(aip__logistic_pass *p);

/* What a model has learned. */
typedef struct aip__logistic_learned {
    aip_context *ctx;
    int32_t n;
    aip__logistic_result result;
    double coef[];
} aip__logistic_learned;

/* Of aip__model_ops: logistic_rows.c. */
int32_t aip__logistic_row_plan(const void *learned, aip_row_plan *plan, const aip__row_slot *features, aip__row_slot *probability,
                               aip_error **err);

#endif
