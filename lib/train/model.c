/* Models: from the catalogue, fitted on a dataset, described. Fitting builds the design matrix in one pass while the target's values become class
 * codes, and hands both to the kind of model. */
#include "train/model_inside.h"

#include "data/dataset.h"
#include "exec/float_mode.h"
#include <string.h>

int32_t aip__train_register(aip_context *ctx, aip_error **err) {
    return aip_catalog_register(ctx, &aip__logistic_regression, err);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

aip_model *aip__model_retain(const aip_model *model) {
    aip_model *m = (aip_model *)(uintptr_t)model;
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void aip_model_retain(aip_model *model) {
    if (model) aip__model_retain(model);
}

static void spec_release(aip_context *ctx, aip__model_spec *spec) {
    if (atomic_fetch_sub_explicit(&spec->refs, 1, memory_order_acq_rel) != 1) return;
    if (spec->self) spec->ops->destroy(spec->self);
    aip__params_free(spec->params);
    aip__free(ctx, spec);
}

void aip_model_free(aip_model *model) {
    if (!model || atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = model->ctx;
    if (model->learned) model->spec->ops->learned_destroy(model->learned);
    aip__classes_free(&model->classes);
    aip_schema_free(model->features);
    aip__free(ctx, model->names);
    aip__free(ctx, model->target);
    spec_release(ctx, model->spec);
    aip__free(ctx, model);
    aip__context_release(ctx);
}

/* Takes over one reference to the spec, also on failure. */
static int32_t model_new(aip_context *ctx, aip__model_spec *spec, aip_model **out, aip_error **err) {
    aip_model *m = aip__calloc(ctx, 1, sizeof *m);
    if (!m) {
        spec_release(ctx, spec);
        return aip__error_memory(ctx, err);
    }
    atomic_init(&m->refs, 1);
    m->ctx = aip__context_retain(ctx);
    m->spec = spec;
    *out = m;
    return AIP_OK;
}

/* Takes params over, also on failure. */
static int32_t create(aip_context *ctx, const aip_descriptor *d, aip_params *params, aip_model **out, aip_error **err) {
    aip__model_spec *spec = aip__calloc(ctx, 1, sizeof *spec);
    if (!spec) {
        aip__params_free(params);
        return aip__error_memory(ctx, err);
    }
    atomic_init(&spec->refs, 1);
    spec->descriptor = d;
    spec->ops = d->ops;
    spec->params = params;
    int32_t status = spec->ops->create(ctx, params, &spec->self, err);
    if (status != AIP_OK) {
        spec_release(ctx, spec);
        return status;
    }
    return model_new(ctx, spec, out, err);
}

int32_t aip__model_twin(const aip_model *model, aip_model **out, aip_error **err) {
    atomic_fetch_add_explicit(&model->spec->refs, 1, memory_order_relaxed);
    return model_new(model->ctx, model->spec, out, err);
}

int32_t aip_model_create(aip_context *ctx, const char *name, const char *params_json, aip_model **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !name || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_model_create: expected a context, a name and out");
    const aip_descriptor *d = NULL;
    aip_params *params = NULL;
    AIP__TRY(aip__catalog_find(ctx, AIP_KIND_MODEL, name, &d, err));
    AIP__TRY(aip__params_parse(ctx, d, params_json, &params, err));
    return create(ctx, d, params, out, err);
}

static int32_t at_node(const aip__node *node, const char *source, int32_t status, aip_error **err) {
    aip__error_at_source(err, source);
    if (node->line > 0) aip__error_at_line(err, node->line, node->column);
    return status;
}

int32_t aip__model_from_node(aip_context *ctx, const aip__node *node, const char *source, aip_model **out, aip_error **err) {
    const aip__node *name = node, *given = NULL;
    if (node->kind == AIP__MAP && node->n == 1) {
        name = node->keys[0];
        given = node->items[0]->kind == AIP__NULL ? NULL : node->items[0];
    }
    if (name->kind != AIP__STRING)
        return at_node(node, source,
                       aip__error_set(err, AIP_E_SYNTAX, "expected a model's name, or {name: parameters}, found %s",
                                      aip__node_kind_name(node->kind)),
                       err);
    const aip_descriptor *d = NULL;
    aip_params *params = NULL;
    int32_t status = aip__catalog_find(ctx, AIP_KIND_MODEL, name->string, &d, err);
    if (status != AIP_OK) return at_node(name, source, status, err);
    AIP__TRY(aip__params_create(ctx, d, given, source, &params, err));
    status = create(ctx, d, params, out, err);
    return status == AIP_OK ? status : at_node(name, source, status, err);
}

/* ---- what it is ------------------------------------------------------------------------------------------------------------------------ */

int32_t aip_model_is_fitted(const aip_model *model) { return model && model->fitted; }
const char *aip_model_name(const aip_model *model) { return model ? model->spec->descriptor->name : ""; }
const aip_descriptor *aip__model_descriptor(const aip_model *model) { return model->spec->descriptor; }
const char *aip__model_params(const aip_model *model) { return aip__params_canonical(model->spec->params); }
aip_context *aip__model_context(const aip_model *model) { return model->ctx; }
const char *aip__model_target(const aip_model *model) { return model->target; }
int64_t aip__model_n_rows(const aip_model *model) { return model->n_rows; }
const aip__classes *aip__model_classes(const aip_model *model) { return &model->classes; }

const char *const *aip__model_features(const aip_model *model, int32_t *n) {
    *n = model->features ? model->features->n : 0;
    return model->names;
}

int32_t aip__model_set_features(aip_model *model, const char *const *names, int32_t n, aip_error **err) {
    aip_context *ctx = model->ctx;
    aip_field *fields = aip__calloc(ctx, (size_t)n + 1, sizeof *fields);
    model->names = aip__calloc(ctx, (size_t)n + 1, sizeof *model->names);
    int32_t status = fields && model->names ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t i = 0; status == AIP_OK && i < n; i++) fields[i] = aip__field(names[i], AIP_FLOAT64);
    if (status == AIP_OK) status = aip_schema_create(ctx, fields, n, &model->features, err);
    for (int32_t i = 0; status == AIP_OK && i < n; i++) model->names[i] = model->features->fields[i].name;
    aip__free(ctx, fields);
    return status;
}

int32_t aip_model_describe(const aip_model *model, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!model || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_model_describe: expected a model and json");
    aip__text t;
    aip__text_init(&t, model->ctx);
    aip__text_printf(&t, "{\"name\":\"%s\",\"parameters\":%s,\"fitted\":%s", aip_model_name(model), aip__model_params(model),
                     model->fitted ? "true" : "false");
    if (model->fitted) {
        aip__text_str(&t, ",\"target\":");
        aip__text_json(&t, model->target, strlen(model->target));
        aip__text_str(&t, ",\"classes\":[");
        for (int32_t i = 0; i < model->classes.n; i++) {
            if (i > 0) aip__text_char(&t, ',');
            aip__classes_json(&model->classes, i, &t);
        }
        aip__text_printf(&t, "],\"class_type\":\"%s\",\"n_rows\":%lld,\"feature_names\":[", aip_type_name(model->classes.type),
                         (long long)model->n_rows);
        for (int32_t i = 0; i < model->features->n; i++) {
            if (i > 0) aip__text_char(&t, ',');
            aip__text_json(&t, model->names[i], strlen(model->names[i]));
        }
        aip__text_char(&t, ']');
        model->spec->ops->describe(model->learned, model->names, &t);
    }
    aip__text_char(&t, '}');
    return aip__text_take(&t, json, NULL, err);
}

/* ---- fit --------------------------------------------------------------------------------------------------------------------------------- */

/* The target's classes: in order of appearance while the matrix is built (batch after batch), sorted when all are known. */
typedef struct encoder {
    aip__classes classes;
    const char *target, *model; /* names, for messages */
} encoder;

static int32_t encode(void *user, const aip_batch *batch, int32_t index, double *out, aip_error **err) {
    encoder *e = user;
    int32_t *codes = aip__alloc(batch->ctx, ((size_t)batch->n_rows + 1) * sizeof *codes);
    if (!codes) return aip__error_memory(batch->ctx, err);
    /* One class more than the model takes is let in, to tell too many classes from other faults of the data. */
    int32_t status =
        aip__classes_encode(&e->classes, batch->columns[index], e->target, batch->ordinal, AIP__MODEL_CLASSES + 1, codes, err);
    if (e->classes.n > AIP__MODEL_CLASSES) {
        status = aip__error_set(err, AIP_E_DATA,
                                "target '%s' has more than two classes: expected two (%s is binary; multinomial is not there)",
                                e->target, e->model);
        aip__error_at_data_column(err, e->target);
    }
    for (int64_t i = 0; status == AIP_OK && i < batch->n_rows; i++) out[i] = (double)codes[i];
    aip__free(batch->ctx, codes);
    return status;
}

/* Sorts the classes and gives the matrix's target their new codes. */
static int32_t settle_classes(encoder *e, aip__matrix *m, aip_error **err) {
    if (e->classes.n < AIP__MODEL_CLASSES) {
        aip__text value;
        aip__text_init(&value, m->ctx);
        if (e->classes.n == 1) aip__classes_name(&e->classes, 0, &value);
        if (value.failed) {
            aip__text_free(&value);
            return aip__error_memory(m->ctx, err);
        }
        aip__error_set(err, AIP_E_DATA, "target '%s' has one class (%s): expected two", e->target,
                       value.bytes ? value.bytes : "");
        aip__error_at_data_column(err, e->target);
        aip__text_free(&value);
        return AIP_E_DATA;
    }
    int32_t order[AIP__MODEL_CLASSES] = {0};
    aip__classes_sort(&e->classes, order);
    if (order[0] == 1)
        for (int64_t i = 0; i < m->n_rows; i++) m->target[i] = 1.0 - m->target[i];
    return AIP_OK;
}

static int32_t fit_matrix(aip_model *out, const aip__matrix *m, encoder *e, const char *target, aip__token *token,
                          aip_error **err) {
    out->target = aip__strdup(out->ctx, target);
    if (!out->target) return aip__error_memory(out->ctx, err);
    AIP__TRY(aip__model_set_features(out, (const char *const *)m->names, m->n_columns, err));
    AIP__TRY(aip__classes_copy(&e->classes, &out->classes, err));
    out->n_rows = m->n_rows;
    aip__float_mode mode; /* what is computed between the passes is part of the result too */
    aip__float_mode_enter(&mode);
    int32_t status = out->spec->ops->fit(out->spec->self, m, &out->classes, token, &out->learned, err);
    aip__float_mode_leave(&mode);
    AIP__TRY(status);
    out->fitted = true;
    return AIP_OK;
}

int32_t aip__model_fit(aip_model *model, aip_dataset *dataset, const char *target, aip__token *token, aip_model **fitted,
                       aip_error **err) {
    int32_t index = 0;
    if (model->ctx != dataset->ctx)
        return aip__error_set(err, AIP_E_MISUSE, "'%s' is fitted: the model and the dataset belong to different contexts",
                              aip_model_name(model));
    AIP__TRY(aip__schema_need(dataset->schema, target, &index, err));
    AIP__TRY(aip__model_check_names(model, dataset->schema, err));
    int32_t found = dataset->schema->fields[index].type, type = aip__classes_type(found);
    if (type == 0) {
        aip__error_set(err, AIP_E_SCHEMA, "target '%s' is %s: expected bool, an integer, a float or text", target,
                       aip_type_name(found));
        aip__error_at_data_column(err, target);
        return AIP_E_SCHEMA;
    }
    if (dataset->schema->n < 2)
        return aip__error_set(err, AIP_E_SCHEMA, "there is no column but the target '%s' to learn from", target);
    encoder e = {.target = target, .model = aip_model_name(model)};
    aip__matrix *m = NULL;
    aip_model *out = NULL;
    aip__classes_init(&e.classes, dataset->ctx, type);
    int32_t status = aip__matrix_build(dataset, NULL, 0, target, encode, &e, token, &m, err);
    if (status == AIP_OK && m->n_rows == 0)
        status = aip__error_set(err, AIP_E_DATA, "there are no rows to learn '%s' from", target);
    if (status == AIP_OK) status = settle_classes(&e, m, err);
    if (status == AIP_OK) status = aip__model_twin(model, &out, err);
    if (status == AIP_OK) status = fit_matrix(out, m, &e, target, token, err);
    if (m) aip__matrix_free(m);
    aip__classes_free(&e.classes);
    if (status != AIP_OK)
        aip_model_free(out);
    else
        *fitted = out;
    return status;
}

int32_t aip_model_fit(aip_model *model, aip_dataset *dataset, const char *target, const aip_call *call, aip_model **fitted,
                      aip_error **err) {
    AIP__BEGIN(err);
    if (!model || !dataset || !target || !fitted)
        return aip__error_set(err, AIP_E_MISUSE, "aip_model_fit: expected a model, a dataset, a target and fitted");
    aip__token token;
    AIP__TRY(aip__token_init(&token, model->ctx, call, err));
    return aip__model_fit(model, dataset, target, &token, fitted, err);
}
