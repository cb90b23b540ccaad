/* Metrics of a dataset that holds truth and predictions: which are wanted, what they need of the data, one fold, and the result as JSON. */
#include "metrics/metrics.h"

#include "base/catalog.h"
#include "data/scan.h"
#include "exec/float_mode.h"
#include <string.h>

static const char standard[] = "[\"accuracy\",\"log_loss\",\"roc_auc\",\"precision\",\"recall\",\"f1\",\"confusion_matrix\"]";

static int32_t not_a_list(const aip__node *found, aip_error **err) {
    aip__error_set(err, AIP_E_PARAM, "metrics: expected a list of names, found %s", aip__node_kind_name(found->kind));
    aip__error_at_parameter(err, "metrics");
    return AIP_E_PARAM;
}

/* The descriptors of the named metrics (free with aip__free); needs: all that they need. */
static int32_t find_metrics(aip_context *ctx, const aip__node *list, const aip_descriptor ***out, unsigned *needs,
                            aip_error **err) {
    if (list->kind != AIP__LIST || list->n == 0) return not_a_list(list, err);
    const aip_descriptor **found = aip__calloc(ctx, (size_t)list->n, sizeof(aip_descriptor *));
    if (!found) return aip__error_memory(ctx, err);
    int32_t status = AIP_OK;
    *needs = 0;
    for (int32_t i = 0; status == AIP_OK && i < list->n; i++) {
        const aip__node *name = list->items[i];
        status = name->kind == AIP__STRING ? aip__catalog_find(ctx, AIP_KIND_METRIC, name->string, &found[i], err)
                                           : not_a_list(name, err);
        for (int32_t j = 0; status == AIP_OK && j < i; j++)
            if (found[j] == found[i]) status = aip__error_set(err, AIP_E_PARAM, "metrics: '%s' is named twice", name->string);
        if (status == AIP_OK) *needs |= ((const aip__metric_ops *)found[i]->ops)->needs;
    }
    if (status != AIP_OK) {
        aip__free(ctx, found);
        return status;
    }
    *out = found;
    return AIP_OK;
}

/* The type in which values of both columns are compared; 0 when they cannot be. */
static int32_t common_type(int32_t a, int32_t b) {
    if (a == b) return a;
    if (a == AIP_UTF8 || b == AIP_UTF8 || a == 0 || b == 0) return 0;
    return a == AIP_FLOAT64 || b == AIP_FLOAT64 ? AIP_FLOAT64 : AIP_INT64;
}

static int32_t resolve(const aip_schema *schema, const char *truth, unsigned needs, aip__scores_fold *f, aip_error **err) {
    f->needs = needs;
    f->truth_name = truth;
    f->prediction = f->probability = -1;
    AIP__TRY(aip__schema_need(schema, truth, &f->truth, err));
    f->type = aip__classes_type(schema->fields[f->truth].type);
    if (f->type == 0)
        return aip__error_set(err, AIP_E_SCHEMA, "truth '%s' is %s: expected bool, an integer, a float or text", truth,
                              aip_type_name(schema->fields[f->truth].type));
    if (needs & AIP__SCORES_COUNTS) {
        AIP__TRY(aip__schema_need(schema, "prediction", &f->prediction, err));
        int32_t type = common_type(f->type, aip__classes_type(schema->fields[f->prediction].type));
        if (type == 0)
            return aip__error_set(err, AIP_E_SCHEMA, "truth '%s' is %s and prediction is %s: expected types that compare", truth,
                                  aip_type_name(schema->fields[f->truth].type),
                                  aip_type_name(schema->fields[f->prediction].type));
        f->type = type;
    }
    if (needs & (AIP__SCORES_LOSS | AIP__SCORES_SORTED)) {
        AIP__TRY(aip__schema_need(schema, "probability", &f->probability, err));
        if (schema->fields[f->probability].type != AIP_FLOAT64)
            return aip__error_set(err, AIP_E_SCHEMA, "column 'probability' is %s: expected float64",
                                  aip_type_name(schema->fields[f->probability].type));
    }
    if (f->known && f->known->type != f->type) f->known = NULL;
    return AIP_OK;
}

static int32_t write(aip_context *ctx, const aip_descriptor **metrics, int32_t n, aip__scores *s, char **json, aip_error **err) {
    int64_t rows = 0;
    for (int32_t i = 0; i < s->classes.n; i++) rows += s->of[i].rows;
    if (rows == 0) return aip__error_set(err, AIP_E_DATA, "there are no rows to evaluate");
    AIP__TRY(aip__scores_settle(s, err));
    aip__text t;
    aip__text_init(&t, ctx);
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < n; i++) {
        aip__text_printf(&t, "%s\"%s\":", i > 0 ? "," : "{", metrics[i]->name);
        status = ((const aip__metric_ops *)metrics[i]->ops)->value(s, &t, err);
    }
    aip__text_char(&t, '}');
    if (status == AIP_OK) return aip__text_take(&t, json, NULL, err);
    aip__text_free(&t);
    return status;
}

int32_t aip__dataset_evaluate(aip_dataset *predicted, const char *truth, const aip__classes *known, const char *metrics_json,
                              aip__token *token, char **json, aip_error **err) {
    aip_context *ctx = predicted->ctx;
    const char *text = metrics_json ? metrics_json : standard;
    aip__document *document = NULL;
    const aip_descriptor **metrics = NULL;
    void *state = NULL;
    unsigned needs = 0;
    aip__scores_fold fold = {.ctx = ctx, .known = known};
    AIP__TRY(aip__json_parse(ctx, text, strlen(text), NULL, &document, err));
    const aip__node *list = aip__document_root(document);
    int32_t status = find_metrics(ctx, list, &metrics, &needs, err);
    if (status == AIP_OK) status = resolve(predicted->schema, truth, needs, &fold, err);
    if (status == AIP_OK) status = aip__fold_run(predicted, token, "evaluate", &aip__scores_ops, &fold, &state, NULL, err);
    aip__float_mode mode;
    aip__float_mode_enter(&mode);
    if (status == AIP_OK) status = write(ctx, metrics, list->n, state, json, err);
    aip__float_mode_leave(&mode);
    if (state) aip__scores_ops.destroy(&fold, state);
    aip__free(ctx, metrics);
    aip__document_free(document);
    return status;
}

int32_t aip_dataset_evaluate(aip_dataset *predicted, const char *truth, const char *metrics_json, const aip_call *call,
                             char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!predicted || !truth || !json)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_evaluate: expected a dataset, the column of the truth and json");
    aip__token token;
    AIP__TRY(aip__token_init(&token, predicted->ctx, call, err));
    return aip__dataset_evaluate(predicted, truth, NULL, metrics_json, &token, json, err);
}
