/* Metrics of binary classifiers, as scikit-learn defines them; the positive class is the second of the sorted two. A ratio whose denominator is 0 is
 * 0 (zero_division), with a warning in the log; an area under a curve that does not exist, since the truth has one class, is null. */
#include "metrics/metrics.h"

#include "math/sort_f64.h"
#include <string.h>

static int32_t two(const aip__scores *s, const char *metric, aip_error **err) {
    if (s->classes.n == 2) return AIP_OK;
    return aip__error_set(err, AIP_E_DATA, "%s: truth and prediction have %d distinct values: expected two classes", metric,
                          (int)s->classes.n);
}

static int32_t accuracy(aip__scores *s, aip__text *json, aip_error **err) {
    (void)err;
    int64_t right = 0, rows = 0;
    for (int32_t i = 0; i < s->classes.n; i++) {
        right += s->counts[i][i];
        for (int32_t j = 0; j < s->classes.n; j++) rows += s->counts[i][j];
    }
    aip__text_f64(json, (double)right / (double)rows, true);
    return AIP_OK;
}

static int32_t ratio(const aip__scores *s, const char *metric, int64_t above, int64_t below, const char *why, aip__text *json) {
    if (below == 0) aip__log(s->ctx, AIP_LOG_WARNING, NULL, "%s is not defined, since %s: it is given as 0", metric, why);
    aip__text_f64(json, below == 0 ? 0.0 : (double)above / (double)below, true);
    return AIP_OK;
}

static int32_t precision(aip__scores *s, aip__text *json, aip_error **err) {
    AIP__TRY(two(s, "precision", err));
    return ratio(s, "precision", s->counts[1][1], s->counts[1][1] + s->counts[0][1], "nothing was predicted positive", json);
}

static int32_t recall(aip__scores *s, aip__text *json, aip_error **err) {
    AIP__TRY(two(s, "recall", err));
    return ratio(s, "recall", s->counts[1][1], s->counts[1][1] + s->counts[1][0], "the truth has no positive row", json);
}

static int32_t f1(aip__scores *s, aip__text *json, aip_error **err) {
    AIP__TRY(two(s, "f1", err));
    int64_t twice = 2 * s->counts[1][1];
    return ratio(s, "f1", twice, twice + s->counts[0][1] + s->counts[1][0], "neither truth nor prediction has a positive row",
                 json);
}

static int32_t confusion_matrix(aip__scores *s, aip__text *json, aip_error **err) {
    (void)err;
    aip__text_char(json, '[');
    for (int32_t i = 0; i < s->classes.n; i++) {
        aip__text_str(json, i > 0 ? ",[" : "[");
        for (int32_t j = 0; j < s->classes.n; j++) aip__text_printf(json, "%s%lld", j > 0 ? "," : "", (long long)s->counts[i][j]);
        aip__text_char(json, ']');
    }
    aip__text_char(json, ']');
    return AIP_OK;
}

static int32_t log_loss(aip__scores *s, aip__text *json, aip_error **err) {
    AIP__TRY(two(s, "log_loss", err));
    const aip__scores_class *no = &s->of[0], *yes = &s->of[1];
    double sum = (no->log_q + yes->log_p) + (no->log_q_rest + yes->log_p_rest);
    aip__text_f64(json, -sum / (double)(no->rows + yes->rows), true);
    return AIP_OK;
}

static int32_t sort_values(const aip__scores *s, aip__scores_class *c, aip_error **err) {
    double *scratch = aip__alloc(s->ctx, (c->n_values + 1) * sizeof *scratch);
    if (!scratch) return aip__error_memory(s->ctx, err);
    aip__sort_f64(c->values, scratch, c->n_values);
    aip__free(s->ctx, scratch);
    return AIP_OK;
}

/* The Mann-Whitney statistic: of all pairs of a positive and a negative row, the share where the positive scores higher, equal ones counting half;
 * the area under the trapezoids through one point per distinct score is the same number. Twice the count is an integer: exact. */
static int32_t roc_auc(aip__scores *s, aip__text *json, aip_error **err) {
    AIP__TRY(two(s, "roc_auc", err));
    aip__scores_class *no = &s->of[0], *yes = &s->of[1];
    if (no->n_values == 0 || yes->n_values == 0) {
        aip__log(s->ctx, AIP_LOG_WARNING, NULL, "roc_auc is not defined, since the truth has one class: it is given as null");
        aip__text_str(json, "null");
        return AIP_OK;
    }
    AIP__TRY(sort_values(s, no, err));
    AIP__TRY(sort_values(s, yes, err));
    size_t below = 0, not_above = 0; /* negatives lower than the positive at hand; lower or equal */
    uint64_t twice = 0;
    for (size_t i = 0; i < yes->n_values; i++) {
        while (below < no->n_values && no->values[below] < yes->values[i]) below++;
        while (not_above < no->n_values && no->values[not_above] <= yes->values[i]) not_above++;
        twice += below + not_above;
    }
    aip__text_f64(json, (double)twice / (2.0 * (double)no->n_values * (double)yes->n_values), true);
    return AIP_OK;
}

static const aip__metric_ops all_ops[] = {
    {AIP__SCORES_COUNTS, accuracy},         {AIP__SCORES_LOSS, log_loss}, {AIP__SCORES_SORTED, roc_auc},
    {AIP__SCORES_COUNTS, precision},        {AIP__SCORES_COUNTS, recall}, {AIP__SCORES_COUNTS, f1},
    {AIP__SCORES_COUNTS, confusion_matrix},
};

#define METRIC(i, metric_name, text)                                                                      \
    {                                                                                                     \
        .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_METRIC, .name = metric_name, .doc = text, \
        .param_stride = sizeof(aip_param_spec), .ops = &all_ops[i], .version = 1                          \
    }
static const aip_descriptor all[] = {
    METRIC(0, "accuracy", "Share of rows whose prediction is the truth."),
    METRIC(1, "log_loss", "Mean negative log-likelihood of the truth under the probabilities, clipped at float64's epsilon."),
    METRIC(2, "roc_auc", "Area under the receiver operating characteristic; ties count half."),
    METRIC(3, "precision", "Of the rows predicted positive, the share that is."),
    METRIC(4, "recall", "Of the positive rows, the share that was predicted so."),
    METRIC(5, "f1", "Harmonic mean of precision and recall."),
    METRIC(6, "confusion_matrix", "Rows by truth and prediction: [[tn, fp], [fn, tp]]."),
};

int32_t aip__metrics_register(aip_context *ctx, aip_error **err) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) AIP__TRY(aip_catalog_register(ctx, &all[i], err));
    return AIP_OK;
}
