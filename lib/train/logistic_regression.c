/* Binary logistic regression as a model of the catalogue: parameters as scikit-learn's LogisticRegression, coefficients, and their bytes. */
#include "data/convert.h"
#include "math/logistic.h"
#include "train/logistic_fit.h"
#include "train/model_ops.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const aip_param_spec params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_FLOAT, "C", "Inverse of the strength of regularisation; smaller is stronger.", "1.0", NULL,
     0, DBL_MAX, 0, 1},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "penalty",
     "l2 penalises the squared coefficients (not the intercept); none does not.", "\"l2\"", "l2|none", 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "fit_intercept", "Whether a constant is added to the features.", "true", NULL, 0, 0,
     0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_FLOAT, "tol",
     "Stop when no entry of the mean gradient, in standardised coordinates, is larger. Tighter than scikit-learn's 1e-4, since Newton's "
     "last step costs little.",
     "1e-8", NULL, 0, 1, 0, 1},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "max_iter", "Most Newton steps; past it the model says that it did not converge.",
     "100", NULL, 1, 1e9, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_ANY, "class_weight",
     "null: every row counts the same; balanced: n_rows / (2 * rows of the class); or {class: weight}, 1 for a class not named.",
     "null", NULL, 0, 0, 1, 0},
};

typedef struct self {
    aip_context *ctx;
    const aip_params *params;
} self;

typedef aip__logistic_learned learned;

/* ---- parameters ------------------------------------------------------------------------------------------------------------------------- */

static int32_t refuse_weight(aip_error **err, const char *message) {
    aip__error_set(err, AIP_E_PARAM, "%s", message);
    aip__error_at_parameter(err, "class_weight");
    return AIP_E_PARAM;
}

static int32_t create(aip_context *ctx, const aip_params *given, void **out, aip_error **err) {
    const aip__node *w = aip__params_node(given, "class_weight");
    bool named = w->kind == AIP__STRING && strcmp(w->string, "balanced") == 0;
    if (w->kind != AIP__NULL && w->kind != AIP__MAP && !named)
        return refuse_weight(err, "class_weight: expected null, \"balanced\" or {class: weight}");
    for (int32_t i = 0; w->kind == AIP__MAP && i < w->n; i++) {
        const aip__node *v = w->items[i];
        if ((v->kind != AIP__INT && v->kind != AIP__FLOAT) || !(v->real >= 0) || !isfinite(v->real))
            return refuse_weight(err, "class_weight: a weight must be a number of at least 0");
    }
    self *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->params = given;
    *out = s;
    return AIP_OK;
}

static void destroy(void *it) {
    self *s = it;
    aip__free(s->ctx, s);
}

/* The code of the class that a key of class_weight names; -1: none. */
static int32_t class_named(const aip__node *key, const aip__classes *classes, int32_t *code, aip_error **err) {
    *code = -1;
    for (int32_t i = 0; i < classes->n && *code < 0; i++) {
        double value = 0;
        aip__text name;
        if (classes->type == AIP_FLOAT64) {
            if (aip__parse_f64(key->string, key->length, '.', &value) && value == classes->items[i].real) *code = i;
            continue;
        }
        aip__text_init(&name, classes->ctx);
        aip__classes_name(classes, i, &name);
        if (name.failed) {
            aip__text_free(&name);
            return aip__error_memory(classes->ctx, err);
        }
        if (name.n == key->length && (name.n == 0 || memcmp(name.bytes, key->string, name.n) == 0)) *code = i;
        aip__text_free(&name);
    }
    return AIP_OK;
}

static int32_t class_weights(const self *s, const aip__matrix *m, const aip__classes *classes, aip__logistic_options *o,
                             aip_error **err) {
    const aip__node *w = aip__params_node(s->params, "class_weight");
    if (w->kind == AIP__NULL) return AIP_OK;
    o->weighted = true;
    o->weight0 = o->weight1 = 1;
    if (w->kind == AIP__STRING) {
        int64_t ones = 0;
        for (int64_t i = 0; i < m->n_rows; i++) ones += m->target[i] > 0.5;
        o->weight0 = (double)m->n_rows / (2.0 * (double)(m->n_rows - ones));
        o->weight1 = (double)m->n_rows / (2.0 * (double)ones);
        return AIP_OK;
    }
    for (int32_t i = 0; i < w->n; i++) {
        int32_t code = 0;
        AIP__TRY(class_named(w->keys[i], classes, &code, err));
        if (code < 0) {
            aip__error_set(err, AIP_E_PARAM, "class_weight names '%s', which is not a class of the target", w->keys[i]->string);
            aip__error_at_parameter(err, "class_weight");
            return AIP_E_PARAM;
        }
        *(code == 0 ? &o->weight0 : &o->weight1) = w->items[i]->real;
    }
    return AIP_OK;
}

/* ---- fit and predict ----------------------------------------------------------------------------------------------------------------------- */

static learned *learned_new(aip_context *ctx, int32_t n) {
    learned *l = aip__calloc(ctx, 1, sizeof *l + (size_t)n * sizeof(double));
    if (!l) return NULL;
    l->ctx = ctx;
    l->n = n;
    return l;
}

static void learned_destroy(void *it) {
    learned *l = it;
    aip__free(l->ctx, l);
}

static int32_t fit(const void *it, const aip__matrix *m, const aip__classes *classes, aip__token *token, void **out,
                   aip_error **err) {
    const self *s = it;
    const char *penalty = aip_params_string(s->params, "penalty");
    aip__logistic_options o = {.inverse_penalty = aip_params_float(s->params, "C"),
                               .l2 = penalty && strcmp(penalty, "l2") == 0,
                               .intercept = aip_params_bool(s->params, "fit_intercept") != 0,
                               .tol = aip_params_float(s->params, "tol"),
                               .max_iter = (int32_t)aip_params_int(s->params, "max_iter")};
    AIP__TRY(class_weights(s, m, classes, &o, err));
    learned *l = learned_new(m->ctx, m->n_columns);
    if (!l) return aip__error_memory(m->ctx, err);
    int32_t status = aip__logistic_fit(m, &o, token, l->coef, &l->result, err);
    for (int32_t j = 0; status == AIP_OK && j < l->n; j++)
        if (!isfinite(l->coef[j]))
            status = aip__error_set(err, AIP_E_NUMERIC, "the coefficient of '%s' is not finite", m->names[j]);
    if (status != AIP_OK) {
        learned_destroy(l);
        return status;
    }
    if (!l->result.converged)
        aip__log(m->ctx, AIP_LOG_WARNING, NULL, "logistic_regression did not converge in %lld iteration%s (gradient %g)",
                 (long long)l->result.n_iter, aip__plural(l->result.n_iter), l->result.gradient);
    *out = l;
    return AIP_OK;
}

static void predict(const void *it, const double *blocks, int64_t n_blocks, double *probability) {
    const learned *l = it;
    const aip__logistic_kernels *k = aip__logistic_kernels_now();
    for (int64_t b = 0; b < n_blocks; b++)
        k->predict(l->n, blocks + (size_t)b * (size_t)l->n * AIP__BLOCK_ROWS, l->coef, l->result.intercept,
                   probability + b * AIP__BLOCK_ROWS);
}

/* ---- as text and bytes ---------------------------------------------------------------------------------------------------------------------- */

static void describe(const void *it, const char *const *features, aip__text *t) {
    const learned *l = it;
    const aip__logistic_result *r = &l->result;
    aip__text_str(t, ",\"intercept\":");
    aip__text_f64(t, r->intercept, true);
    aip__text_str(t, ",\"coefficients\":{");
    for (int32_t j = 0; j < l->n; j++) {
        if (j > 0) aip__text_char(t, ',');
        aip__text_json(t, features[j], strlen(features[j]));
        aip__text_char(t, ':');
        aip__text_f64(t, l->coef[j], true);
    }
    aip__text_printf(t, "},\"n_iter\":%lld,\"converged\":%s,\"loss\":", (long long)r->n_iter, r->converged ? "true" : "false");
    aip__text_f64(t, r->loss, true);
    aip__text_str(t, ",\"gradient\":");
    aip__text_f64(t, r->gradient, true);
    aip__text_printf(t, ",\"n_dependent\":%d,\"warnings\":[", (int)r->n_dependent);
    const char *comma = "";
    if (!r->converged) {
        aip__text_str(t, "\"did not converge: raise max_iter, or scale or drop features\"");
        comma = ",";
    }
    if (r->separable)
        aip__text_printf(t, "%s\"the classes are separable: without a penalty the coefficients have no bound\"", comma);
    aip__text_char(t, ']');
}

static int32_t save(const void *it, aip_writer *w, aip_error **err) {
    const learned *l = it;
    AIP__TRY(aip_writer_f64(w, l->result.intercept, err));
    for (int32_t j = 0; j < l->n; j++) AIP__TRY(aip_writer_f64(w, l->coef[j], err));
    AIP__TRY(aip_writer_f64(w, l->result.loss, err));
    AIP__TRY(aip_writer_f64(w, l->result.gradient, err));
    AIP__TRY(aip_writer_i64(w, l->result.n_iter, err));
    AIP__TRY(aip_writer_i64(w, l->result.n_dependent, err));
    return aip_writer_i64(w, (l->result.converged ? 1 : 0) | (l->result.separable ? 2 : 0), err);
}

static int32_t read_finite(aip_reader *r, double *v, aip_error **err) {
    AIP__TRY(aip_reader_f64(r, v, err));
    return isfinite(*v) ? AIP_OK : aip__error_set(err, AIP_E_CORRUPT, "a saved model holds a number that is not finite");
}

static int32_t read_learned(learned *l, aip_reader *r, aip_error **err) {
    int64_t n_dependent = 0, flags = 0;
    AIP__TRY(read_finite(r, &l->result.intercept, err));
    for (int32_t j = 0; j < l->n; j++) AIP__TRY(read_finite(r, &l->coef[j], err));
    AIP__TRY(read_finite(r, &l->result.loss, err));
    AIP__TRY(read_finite(r, &l->result.gradient, err));
    AIP__TRY(aip_reader_i64(r, &l->result.n_iter, err));
    AIP__TRY(aip_reader_i64(r, &n_dependent, err));
    AIP__TRY(aip_reader_i64(r, &flags, err));
    if (l->result.n_iter < 0 || n_dependent < 0 || n_dependent > (int64_t)l->n + 1 || flags < 0 || flags > 3)
        return aip__error_set(err, AIP_E_CORRUPT, "a saved logistic_regression says impossible things about its fit");
    l->result.n_dependent = (int32_t)n_dependent;
    l->result.converged = flags & 1;
    l->result.separable = flags & 2;
    return AIP_OK;
}

static int32_t load(aip_context *ctx, int32_t n_features, aip_reader *r, void **out, aip_error **err) {
    if (aip_reader_left(r) / 8 < (size_t)n_features)
        return aip__error_set(err, AIP_E_CORRUPT, "a saved logistic_regression ends before its %d coefficients", (int)n_features);
    learned *l = learned_new(ctx, n_features);
    if (!l) return aip__error_memory(ctx, err);
    int32_t status = read_learned(l, r, err);
    if (status != AIP_OK) {
        learned_destroy(l);
        return status;
    }
    *out = l;
    return AIP_OK;
}

static const aip__model_ops ops = {create, destroy, fit, learned_destroy, save, load, predict, aip__logistic_row_plan, describe};

const aip_descriptor aip__logistic_regression = {
    .struct_size = sizeof(aip_descriptor),
    .kind = AIP_KIND_MODEL,
    .name = "logistic_regression",
    .doc = "Binary classifier: log-odds linear in the features, by Newton's method, with an L2 penalty.",
    .params = params,
    .n_params = (int32_t)(sizeof params / sizeof *params),
    .param_stride = sizeof(aip_param_spec),
    .ops = &ops,
    .version = 1,
};
