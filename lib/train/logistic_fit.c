/* Newton's method for logistic regression. The objective, per unit of weight W: sum of weight * log-loss / W + |coef|^2 / (2 C W), the intercept not
 * penalised: scikit-learn's, divided by C W.
 *
 *   scaling      the system is solved in z = (x - mean) / deviation, so that columns of any units condition alike; the penalty stays on the
 *                original coefficients: on theta_j = coef_j * deviation_j it is lambda / deviation_j^2
 *   warm start   with many rows, first on every 20th chunk, to the accuracy that so few rows can give
 *   few passes   near the optimum the Hessian hardly changes: on wide data the last factor serves again for steps that cost only a gradient
 *                pass (the chord method), as long as each shrinks the gradient at least twentyfold; on narrow data the Hessian is cheap, and is
 *                left out only of a pass that should be the last
 *   step control steps are halved until the loss falls as Armijo asks, so that far starts and separable data do not diverge
 *   dependence   constant columns and combinations of others get no step (math/solve.h); the others reach the optimum without them */
#include "train/logistic_fit.h"

#include "base/fmath.h"
#include "math/solve.h"
#include <math.h>
#include <string.h>

#define WARM_STRIDE 20
#define WARM_CHUNKS 40 /* from so many chunks on */
#define WARM_ITERATIONS 20
#define WARM_TOL 1e-4
#define CHORD_RATE 0.05     /* a stale factor must shrink the gradient by this */
#define NEAR_DECREMENT 1e-3 /* below it the next step is tried without a new Hessian, on wide data */
#define CHEAP_HESSIAN 32    /* unknowns up to which a Hessian costs less than half of a gradient */
#define HALVINGS 40

typedef struct newton {
    aip__logistic_pass *pass;
    int64_t stride;
    double weight, weight_all; /* of the rows looked at; of all */
    double loss, gradient;     /* at theta: the mean objective, and the largest entry of its gradient */
    double *theta, *g, *step;  /* n each: where we are, the mean gradient there, the direction */
    double *factor, *scale, *column;
    int32_t rank;
} newton;

static double lambda_of(const newton *w, int32_t j) {
    const aip__logistic_options *o = w->pass->options;
    if (!o->l2 || j >= w->pass->matrix->n_columns) return 0;
    double inverse = w->pass->inverse[j];
    return inverse * inverse / o->inverse_penalty * (w->weight / w->weight_all);
}

/* Evaluates at theta + t * step: loss, largest gradient entry, and the pass's gradient become mean values with penalty. */
static int32_t look(newton *w, double t, bool hessian, double *loss, double *gradient, aip_error **err) {
    aip__logistic_pass *p = w->pass;
    for (int32_t j = 0; j < p->n; j++) p->theta[j] = w->theta[j] + t * w->step[j];
    AIP__TRY(aip__logistic_pass_run(p, w->stride, hessian, err));
    AIP__TRY(aip__token_progress(p->token, "fit logistic_regression", p->matrix->n_rows, 0, -1, false, err));
    double penalty = 0, most = 0;
    for (int32_t j = 0; j < p->n; j++) {
        double lambda = lambda_of(w, j), v = p->theta[j];
        penalty += lambda * v * v;
        p->gradient[j] = (p->gradient[j] + lambda * v) / w->weight;
        if (!(fabs(p->gradient[j]) <= most)) most = fabs(p->gradient[j]); /* NaN stays */
    }
    *loss = (p->loss + 0.5 * penalty) / w->weight;
    *gradient = most;
    return AIP_OK;
}

/* Takes the evaluated point as the current one. */
static void take(newton *w, double loss, double gradient) {
    memcpy(w->theta, w->pass->theta, (size_t)w->pass->n * sizeof(double));
    memcpy(w->g, w->pass->gradient, (size_t)w->pass->n * sizeof(double));
    memset(w->step, 0, (size_t)w->pass->n * sizeof(double));
    w->loss = loss;
    w->gradient = gradient;
}

static int32_t factorise(newton *w, aip_error **err) {
    aip__logistic_pass *p = w->pass;
    size_t n = (size_t)p->n;
    memcpy(w->factor, p->hessian, n * n * sizeof(double));
    for (int32_t j = 0; j < p->n; j++) w->factor[(size_t)j * n + (size_t)j] += lambda_of(w, j);
    w->rank = aip__cholesky(p->n, w->factor, w->scale, w->column);
    if (w->rank < 0)
        return aip__error_set(err, AIP_E_NUMERIC, "logistic_regression: the Hessian is not finite; are the values too large?");
    return AIP_OK;
}

/* The step by the factor at hand; returns g'H^-1 g, twice the decrease that a quadratic promises. */
static double direction(newton *w) {
    aip__logistic_pass *p = w->pass;
    double decrement = 0;
    for (int32_t j = 0; j < p->n; j++) w->step[j] = -w->g[j] * w->weight;
    aip__cholesky_solve(p->n, w->factor, w->scale, w->step);
    for (int32_t j = 0; j < p->n; j++) decrement -= w->g[j] * w->step[j];
    return decrement;
}

static bool converged(const newton *w, double tol) { return w->gradient <= tol; }

/* Goes along the step until the loss falls; *moved says whether it did. */
static int32_t descend(newton *w, double decrement, bool *hessian, bool *moved, aip_error **err) {
    double t = 1;
    *moved = false;
    for (int i = 0; i < HALVINGS; i++) {
        double loss = 0, gradient = 0;
        bool with = *hessian && i == 0;
        AIP__TRY(look(w, t, with, &loss, &gradient, err));
        /* Close to the optimum losses differ by rounding only: there a smaller gradient decides (the objective is convex). */
        bool less = loss <= w->loss - 1e-4 * t * decrement;
        bool same = fabs(loss - w->loss) <= 1e-13 * fabs(w->loss) && gradient < w->gradient;
        if (less || same) {
            take(w, loss, gradient);
            *hessian = with;
            *moved = true;
            return AIP_OK;
        }
        t *= 0.5;
    }
    return AIP_OK;
}

static int32_t minimise(newton *w, double tol, int32_t max_iter, int64_t *n_iter, aip_error **err) {
    double loss = 0, gradient = 0;
    memset(w->step, 0, (size_t)w->pass->n * sizeof(double));
    AIP__TRY(look(w, 0, true, &loss, &gradient, err));
    if (!isfinite(loss) || !isfinite(gradient))
        return aip__error_set(err, AIP_E_NUMERIC,
                              "logistic_regression: the loss is not finite at the start; are the values too large?");
    take(w, loss, gradient);
    AIP__TRY(factorise(w, err));
    bool fresh = true; /* the factor is of the current point */
    *n_iter = 0;
    while (!converged(w, tol) && *n_iter < max_iter) {
        double decrement = direction(w), before = w->gradient;
        bool hessian = decrement > NEAR_DECREMENT, moved = false;
        if (w->pass->n <= CHEAP_HESSIAN)
            hessian = !(fresh && before * sqrt(decrement) < tol); /* Newton converges quadratically */
        if (decrement > 0) AIP__TRY(descend(w, decrement, &hessian, &moved, err));
        if (!moved && fresh) break; /* rounding allows no better point */
        if (moved) (*n_iter)++;
        fresh = moved && hessian;
        bool again = !moved || (!hessian && w->gradient > CHORD_RATE * before);
        if (again && !converged(w, tol)) {
            memset(w->step, 0, (size_t)w->pass->n * sizeof(double));
            AIP__TRY(look(w, 0, true, &loss, &gradient, err));
            fresh = true;
        }
        if (fresh) AIP__TRY(factorise(w, err));
    }
    return AIP_OK;
}

/* The weight of the rows that a stride looks at, and how much of it has y = 1. */
static double weigh(const aip__logistic_pass *p, int64_t stride, double *positive) {
    const aip__matrix *m = p->matrix;
    int64_t rows = 0, ones = 0;
    for (int64_t c = 0; c < m->n_chunks; c += stride) {
        int32_t n = aip__matrix_chunk_rows(m, c);
        const double *y = m->target + c * AIP__CHUNK_ROWS;
        for (int32_t i = 0; i < n; i++) ones += y[i] > 0.5;
        rows += n;
    }
    double w0 = p->options->weighted ? p->options->weight0 : 1, w1 = p->options->weighted ? p->options->weight1 : 1;
    *positive = (double)ones * w1;
    return (double)(rows - ones) * w0 + *positive;
}

static int32_t optimise(newton *w, aip__logistic_result *result, aip_error **err) {
    aip__logistic_pass *p = w->pass;
    const aip__logistic_options *o = p->options;
    double positive = 0, ignored = 0;
    int64_t n_iter = 0;
    w->weight_all = weigh(p, 1, &positive);
    if (!(w->weight_all > 0) || !isfinite(w->weight_all))
        return aip__error_set(err, AIP_E_NUMERIC, "logistic_regression: the class weights sum to %g: expected more than 0",
                              w->weight_all);
    if (o->intercept && positive > 0 && positive < w->weight_all)
        w->theta[p->n - 1] = aip__fmath_log(positive / (w->weight_all - positive)); /* the best without features */
    if (p->matrix->n_chunks >= WARM_CHUNKS) {
        w->stride = WARM_STRIDE;
        w->weight = weigh(p, WARM_STRIDE, &ignored);
        if (w->weight > 0) AIP__TRY(minimise(w, o->tol > WARM_TOL ? o->tol : WARM_TOL, WARM_ITERATIONS, &n_iter, err));
    }
    w->stride = 1;
    w->weight = w->weight_all;
    AIP__TRY(minimise(w, o->tol, o->max_iter, &n_iter, err));
    result->converged = converged(w, o->tol);
    result->n_iter = n_iter;
    result->loss = w->loss;
    result->gradient = w->gradient;
    result->n_dependent = p->n - w->rank;
    result->separable = !o->l2 && w->loss < 1e-6;
    if (result->converged && !result->separable) {
        /* One more step, not looked at: it costs no pass, or where a pass is cheap, one for a Hessian of this very point, so that the step
         * squares what is left of the error instead of shrinking it by the chord's rate. */
        double decrement = 0, loss = 0, gradient = 0;
        if (p->matrix->n_chunks < WARM_CHUNKS) {
            AIP__TRY(look(w, 0, true, &loss, &gradient, err));
            AIP__TRY(factorise(w, err));
        }
        decrement = direction(w);
        if (decrement >= 0 && decrement < 1e-6)
            for (int32_t j = 0; j < p->n; j++) w->theta[j] += w->step[j];
    }
    return AIP_OK;
}

int32_t aip__logistic_fit(const aip__matrix *m, const aip__logistic_options *options, aip__token *token, double *coef,
                          aip__logistic_result *result, aip_error **err) {
    aip__logistic_pass pass = {0};
    AIP__TRY(aip__logistic_pass_begin(m, options, token, &pass, err));
    size_t n = (size_t)pass.n;
    newton w = {.pass = &pass};
    double *memory = aip__calloc(m->ctx, 5 * n + n * n + 1, sizeof(double));
    int32_t status = memory ? AIP_OK : aip__error_memory(m->ctx, err);
    if (status == AIP_OK) {
        w.theta = memory;
        w.g = w.theta + n;
        w.step = w.g + n;
        w.scale = w.step + n;
        w.column = w.scale + n;
        w.factor = w.column + n;
        *result = (aip__logistic_result){0};
        status = optimise(&w, result, err);
    }
    if (status == AIP_OK) {
        result->intercept = options->intercept ? w.theta[n - 1] : 0;
        for (int32_t j = 0; j < m->n_columns; j++) {
            coef[j] = w.theta[j] * pass.inverse[j];
            if (options->intercept) result->intercept -= coef[j] * pass.mean[j];
        }
    }
    aip__free(m->ctx, memory);
    aip__logistic_pass_end(&pass);
    return status;
}
