/* Packages in memory: fitted, described, used to predict and evaluate. The file is package_file.c. */
#include "package/package.h"

#include "base/text.h"
#include "metrics/metrics.h"
#include "package/beside.h"
#include <string.h>

aip_package *aip__package_draft(aip_context *ctx) {
    aip_package *p = aip__calloc(ctx, 1, sizeof *p);
    if (!p) return NULL;
    atomic_init(&p->refs, 1);
    p->ctx = aip__context_retain(ctx);
    return p;
}

void aip_package_retain(aip_package *package) {
    if (package) atomic_fetch_add_explicit(&package->refs, 1, memory_order_relaxed);
}

void aip_package_free(aip_package *p) {
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = p->ctx;
    aip_stage_free(p->predict);
    aip_stage_free(p->through);
    aip_stage_free(p->pipeline);
    aip_model_free(p->model);
    aip_schema_free(p->inputs);
    aip__free(ctx, p->target);
    aip__free(ctx, p->metrics);
    aip__free(ctx, p->library);
    aip__free(ctx, p->profile);
    aip__free(ctx, p);
    aip__context_release(ctx);
}

/* Pipeline and model in a row. */
static int32_t whole(aip_package *p, aip_stage **out, aip_error **err) {
    aip_stage *both[2] = {p->pipeline, NULL};
    if (p->model) AIP__TRY(aip__model_stage(p->model, &both[1], err));
    int32_t status = aip_stage_pipeline(p->ctx, both, p->model ? 2 : 1, out, err);
    aip_stage_free(both[1]);
    return status;
}

int32_t aip__package_finish(aip_package *p, aip_package **out, aip_error **err) {
    aip_stage *all = NULL;
    aip__beside through = {.inputs = p->inputs, .others_too = true, .beside = p->target ? p->target : ""};
    int32_t status = aip__stage_beside(p->ctx, p->pipeline, &through, &p->through, err);
    if (status == AIP_OK && p->model) {
        aip__beside predict = {.inputs = p->inputs};
        predict.only = aip__model_outputs(p->model, &predict.n_only);
        status = whole(p, &all, err);
        if (status == AIP_OK) status = aip__stage_beside(p->ctx, all, &predict, &p->predict, err);
    }
    aip_schema *check = NULL; /* a file may hold parts that do not fit each other */
    if (status == AIP_OK) status = aip_stage_output_schema(p->model ? p->predict : p->through, p->inputs, &check, err);
    aip_schema_free(check);
    aip_stage_free(all);
    if (status != AIP_OK)
        aip_package_free(p);
    else
        *out = p;
    return status;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------------------ */

int32_t aip__package_check_kind(const aip_descriptor *d, aip_error **err) {
    const aip_stage_ops *ops = d->ops;
    const char *why = d->rows == AIP_ROWS_FEWER                ? "it drops rows"
                      : d->rows == AIP_ROWS_OTHER              ? "it adds or reorders rows"
                      : d->inputs                              ? "it needs another table"
                      : ops->carry                             ? "it needs the rows before"
                      : ops->fold && !(ops->save && ops->load) ? "what it learns cannot be saved"
                                                               : NULL;
    if (!why) return AIP_OK;
    aip__error_set(
        err, AIP_E_PARAM,
        "'%s' cannot stand in a package: %s; put it before the training task (a package gives one answer for each row)", d->name,
        why);
    aip__error_at_stage(err, d->name);
    return AIP_E_PARAM;
}

int32_t aip__package_check_stages(const aip_stage *pipeline, aip_error **err) {
    for (int32_t i = 0; i < pipeline->n; i++) {
        const aip__stage_spec *spec = pipeline->stages[i]->spec;
        AIP__TRY(aip__package_check_kind(spec->descriptor, err));
        if (spec->params) continue;
        aip__error_set(err, AIP_E_PARAM, "'%s' cannot stand in a package: it is not in the catalogue", spec->descriptor->name);
        aip__error_at_stage(err, spec->descriptor->name);
        return AIP_E_PARAM;
    }
    return AIP_OK;
}

/* Binds pipeline and model to a schema without field `leave`; when that fails, the field is needed. Memory that is refused says nothing about the
 * field, and is an error. */
static int32_t try_without(aip_stage *all, const aip_schema *schema, bool *needed, int32_t leave, aip_error **err) {
    aip_context *ctx = schema->ctx;
    aip_field *fields = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *fields);
    aip_schema *less = NULL, *given = NULL;
    int32_t n = 0;
    if (!fields) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < schema->n; i++)
        if (needed[i] && i != leave) fields[n++] = schema->fields[i];
    int32_t status = aip_schema_create(ctx, fields, n, &less, NULL);
    if (status == AIP_OK) status = aip_stage_output_schema(all, less, &given, NULL);
    aip_schema_free(given);
    aip_schema_free(less);
    aip__free(ctx, fields);
    if (status == AIP_E_NOMEM || status == AIP_E_MEMORY_LIMIT) return aip__error_memory(ctx, err);
    needed[leave] = status != AIP_OK;
    return AIP_OK;
}

/* The columns that pipeline and model read: those without which they cannot be bound. */
static int32_t find_inputs(aip_package *p, const aip_schema *schema, aip_error **err) {
    aip_stage *all = NULL;
    int32_t status = whole(p, &all, err), n = 0;
    bool *needed = aip__calloc(p->ctx, (size_t)schema->n + 1, sizeof *needed);
    aip_field *fields = aip__calloc(p->ctx, (size_t)schema->n + 1, sizeof *fields);
    if (status == AIP_OK && (!needed || !fields)) status = aip__error_memory(p->ctx, err);
    if (status == AIP_OK) {
        for (int32_t i = 0; i < schema->n; i++) needed[i] = !p->target || strcmp(schema->fields[i].name, p->target) != 0;
        for (int32_t i = 0; status == AIP_OK && i < schema->n; i++)
            if (needed[i]) status = try_without(all, schema, needed, i, err);
        for (int32_t i = 0; i < schema->n; i++)
            if (needed[i]) fields[n++] = schema->fields[i];
        if (status == AIP_OK) status = aip_schema_create(p->ctx, fields, n, &p->inputs, err);
    }
    aip__free(p->ctx, needed);
    aip__free(p->ctx, fields);
    aip_stage_free(all);
    return status;
}

/* A dataset without the target, for the pipeline to learn from. */
static int32_t without_target(aip_context *ctx, aip_dataset *dataset, const char *target, aip_dataset **out, aip_error **err) {
    aip_stage *nothing = NULL, *drop = NULL;
    int32_t n = 0, status = AIP_OK;
    const aip_schema *schema = dataset->schema;
    aip_field *fields = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *fields);
    aip_schema *inputs = NULL;
    if (!fields) status = aip__error_memory(ctx, err);
    for (int32_t i = 0; status == AIP_OK && i < schema->n; i++)
        if (strcmp(schema->fields[i].name, target) != 0) fields[n++] = schema->fields[i];
    if (status == AIP_OK) status = aip_schema_create(ctx, fields, n, &inputs, err);
    if (status == AIP_OK) status = aip_stage_pipeline(ctx, NULL, 0, &nothing, err);
    /* what is set beside is a column that does not exist: nothing; what is added is every input */
    if (status == AIP_OK) status = aip__stage_beside(ctx, nothing, &(aip__beside){.inputs = inputs, .beside = ""}, &drop, err);
    if (status == AIP_OK) status = aip_dataset_transform(dataset, drop, out, err);
    aip_stage_free(drop);
    aip_stage_free(nothing);
    aip_schema_free(inputs);
    aip__free(ctx, fields);
    return status;
}

static int32_t fit(aip_package *p, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, aip__token *token,
                   aip_error **err) {
    aip_dataset *features = NULL, *prepared = NULL;
    aip_stage *through = NULL;
    if (!model) {
        AIP__TRY(aip__stage_fit(pipeline, dataset, token, &p->pipeline, err));
        return find_inputs(p, dataset->schema, err);
    }
    int32_t status = without_target(p->ctx, dataset, p->target, &features, err);
    if (status == AIP_OK) status = aip__stage_fit(pipeline, features, token, &p->pipeline, err);
    if (status == AIP_OK) status = aip__stage_beside(p->ctx, p->pipeline, &(aip__beside){.beside = p->target}, &through, err);
    if (status == AIP_OK) status = aip_dataset_transform(dataset, through, &prepared, err);
    if (status == AIP_OK) status = aip__model_fit(model, prepared, p->target, token, &p->model, err);
    if (status == AIP_OK) status = find_inputs(p, dataset->schema, err);
    aip_dataset_free(prepared);
    aip_dataset_free(features);
    aip_stage_free(through);
    return status;
}

/* The row count of the fit: the model's, else that of the first stage that learned. */
static int64_t rows_of_fit(const aip_package *p) {
    if (p->model) return aip__model_n_rows(p->model);
    for (int32_t i = 0; i < p->pipeline->n; i++)
        if (p->pipeline->stages[i]->learned) return p->pipeline->stages[i]->learned->n_rows;
    return -1;
}

static int32_t check_parts(const aip_stage *flat, const aip_model *model, aip_error **err) {
    if (flat->n == 0 && !model)
        return aip__error_set(err, AIP_E_MISUSE, "a package of nothing: expected stages, a model, or both");
    return aip__package_check_stages(flat, err);
}

/* A draft that is made by this library. */
static int32_t draft_now(aip_context *ctx, const char *target, aip_package **out, aip_error **err) {
    aip_package *p = aip__package_draft(ctx);
    if (!p) return aip__error_memory(ctx, err);
    if (target) p->target = aip__strdup(ctx, target);
    p->library = aip__strdup(ctx, AIPIPE_VERSION);
    p->profile = aip__strdup(ctx, ctx->profile);
    if ((target && !p->target) || !p->library || !p->profile) {
        aip_package_free(p);
        return aip__error_memory(ctx, err);
    }
    *out = p;
    return AIP_OK;
}

int32_t aip__package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                         aip__token *token, aip_package **out, aip_error **err) {
    aip_stage *flat = NULL;
    int32_t index = 0;
    if (target) AIP__TRY(aip__schema_need(dataset->schema, target, &index, err));
    AIP__TRY(aip_stage_pipeline(ctx, &pipeline, pipeline ? 1 : 0, &flat, err));
    aip_package *p = NULL;
    int32_t status = check_parts(flat, model, err);
    if (status == AIP_OK) status = draft_now(ctx, target, &p, err);
    if (status == AIP_OK) status = fit(p, flat, model, dataset, token, err);
    if (status == AIP_OK) p->n_rows = rows_of_fit(p);
    aip_stage_free(flat);
    if (status != AIP_OK) {
        aip_package_free(p);
        return status;
    }
    return aip__package_finish(p, out, err);
}

int32_t aip_package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                        const aip_call *call, aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_fit: expected a context, a dataset and out");
    if (!model != !target)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_fit: expected a model and its target, or neither, found only %s",
                              model ? "a model" : "a target");
    if (dataset->ctx != ctx || (pipeline && pipeline->ctx != ctx))
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_fit: the handles belong to different contexts");
    aip__token token;
    AIP__TRY(aip__token_init(&token, ctx, call, err));
    return aip__package_fit(ctx, pipeline, model, dataset, target, &token, out, err);
}

/* ---- of fitted parts ---------------------------------------------------------------------------------------------------------------- */

static int32_t check_fitted(const aip_stage *flat, const aip_model *model, aip_error **err) {
    for (int32_t i = 0; i < flat->n; i++) {
        if (aip_stage_is_fitted(flat->stages[i])) continue;
        const char *name = aip_stage_name(flat->stages[i]);
        aip__error_set(err, AIP_E_STATE, "'%s' is not fitted: expected aip_stage_fit before it is put in a package", name);
        aip__error_at_stage(err, name);
        return AIP_E_STATE;
    }
    if (!model || aip_model_is_fitted(model)) return AIP_OK;
    return aip__error_set(err, AIP_E_STATE, "'%s' is not fitted: expected aip_model_fit before it is put in a package",
                          aip_model_name(model));
}

/* Binds pipeline and model to the whole input, whose errors name a column, before the inputs are narrowed to what is read. */
static int32_t settle_inputs(aip_package *p, const aip_schema *input, aip_error **err) {
    aip_stage *all = NULL;
    aip_schema *given = NULL;
    int32_t status = whole(p, &all, err);
    if (status == AIP_OK) status = aip_stage_output_schema(all, input, &given, err);
    if (status == AIP_OK) status = find_inputs(p, input, err);
    aip_schema_free(given);
    aip_stage_free(all);
    return status;
}

int32_t aip_package_create(aip_context *ctx, aip_stage *pipeline, aip_model *model, const aip_schema *input, const char *target,
                           aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !input || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_create: expected a context, an input schema and out");
    if (target && !model) return aip__error_set(err, AIP_E_MISUSE, "aip_package_create: a target goes with a model");
    if (input->ctx != ctx || (pipeline && pipeline->ctx != ctx) || (model && aip__model_context(model) != ctx))
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_create: the handles belong to different contexts");
    aip_stage *flat = NULL;
    aip_package *p = NULL;
    AIP__TRY(aip_stage_pipeline(ctx, &pipeline, pipeline ? 1 : 0, &flat, err));
    int32_t status = check_parts(flat, model, err);
    if (status == AIP_OK) status = check_fitted(flat, model, err);
    if (status == AIP_OK) status = draft_now(ctx, target || !model ? target : aip__model_target(model), &p, err);
    if (status == AIP_OK) {
        p->pipeline = aip__stage_retain(flat);
        p->model = model ? aip__model_retain(model) : NULL;
        p->n_rows = rows_of_fit(p);
        status = settle_inputs(p, input, err);
    }
    aip_stage_free(flat);
    if (status != AIP_OK) {
        aip_package_free(p);
        return status;
    }
    return aip__package_finish(p, out, err);
}

int32_t aip_package_pipeline(aip_package *package, aip_stage **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_package_pipeline: expected a package and out");
    *out = package->pipeline->n > 0 ? aip__stage_retain(package->pipeline) : NULL;
    return AIP_OK;
}

int32_t aip_package_model(aip_package *package, aip_model **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_package_model: expected a package and out");
    *out = package->model ? aip__model_retain(package->model) : NULL;
    return AIP_OK;
}

const aip_schema *aip_package_inputs(const aip_package *package) { return package ? package->inputs : NULL; }

/* ---- use -------------------------------------------------------------------------------------------------------------------------- */

int32_t aip__package_needs_model(const aip_package *package, const char *what, aip_error **err) {
    if (package->model) return AIP_OK;
    return aip__error_set(err, AIP_E_STATE,
                          "the package has no model: expected one for %s (a package without it only transforms)", what);
}

int32_t aip_package_transform(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_transform: expected a package, a dataset and out");
    return aip_dataset_transform(dataset, package->through, out, err);
}

int32_t aip_package_predict(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_predict: expected a package, a dataset and out");
    AIP__TRY(aip__package_needs_model(package, "predict", err));
    return aip_dataset_transform(dataset, package->predict, out, err);
}

int32_t aip__package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, aip__token *token,
                              char **json, aip_error **err) {
    aip_dataset *predicted = NULL;
    int32_t index = 0;
    AIP__TRY(aip__package_needs_model(package, "evaluate", err));
    AIP__TRY(
        aip__schema_need(dataset->schema, package->target, &index, err)); /* before the pass, and before predict's own columns */
    AIP__TRY(aip_dataset_transform(dataset, package->predict, &predicted, err));
    int32_t status =
        aip__dataset_evaluate(predicted, package->target, aip__model_classes(package->model), metrics_json, token, json, err);
    aip_dataset_free(predicted);
    return status;
}

int32_t aip_package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, const aip_call *call,
                             char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !dataset || !json)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_evaluate: expected a package, a dataset and json");
    aip__token token;
    AIP__TRY(aip__token_init(&token, package->ctx, call, err));
    return aip__package_evaluate(package, dataset, metrics_json, &token, json, err);
}

int32_t aip_package_with_metrics(aip_package *package, const char *metrics_json, aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !metrics_json || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_with_metrics: expected a package, metrics and out");
    aip_context *ctx = package->ctx;
    aip__document *d = NULL;
    AIP__TRY(aip__json_parse(ctx, metrics_json, strlen(metrics_json), NULL, &d, err));
    const aip__node *root = aip__document_root(d);
    int32_t status = AIP_OK;
    if (root->kind != AIP__MAP)
        status = aip__error_set(err, AIP_E_PARAM, "metrics: expected a JSON object, found %s", aip__node_kind_name(root->kind));
    aip__text text;
    aip__text_init(&text, ctx);
    aip_package *p = NULL;
    if (status == AIP_OK) {
        aip__node_write(root, &text);
        p = aip__package_draft(ctx);
        if (!p) status = aip__error_memory(ctx, err);
    }
    if (status == AIP_OK) {
        p->inputs = aip__schema_retain(package->inputs);
        p->pipeline = aip__stage_retain(package->pipeline);
        p->model = package->model ? aip__model_retain(package->model) : NULL;
        p->n_rows = package->n_rows;
        if (package->target) p->target = aip__strdup(ctx, package->target);
        p->library = aip__strdup(ctx, package->library);
        p->profile = aip__strdup(ctx, package->profile);
        status = aip__text_take(&text, &p->metrics, NULL, err);
        if (status == AIP_OK && ((package->target && !p->target) || !p->library || !p->profile))
            status = aip__error_memory(ctx, err);
    }
    aip__text_free(&text);
    aip__document_free(d);
    if (status != AIP_OK) {
        aip_package_free(p);
        return status;
    }
    return aip__package_finish(p, out, err);
}

/* ---- describe ------------------------------------------------------------------------------------------------------------------------ */

static void add_field(aip__text *t, const aip_field *f) {
    aip__text_str(t, "{\"name\":");
    aip__text_json(t, f->name, strlen(f->name));
    aip__text_printf(t, ",\"type\":\"%s\"", aip_type_name(f->type));
    if (f->zone) {
        aip__text_str(t, ",\"zone\":");
        aip__text_json(t, f->zone, strlen(f->zone));
    }
    if (f->scale) aip__text_printf(t, ",\"scale\":%d", (int)f->scale);
    aip__text_char(t, '}');
}

int32_t aip_package_describe(aip_package *p, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!p || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_package_describe: expected a package and out");
    char *model = NULL;
    if (p->model) AIP__TRY(aip_model_describe(p->model, &model, err));
    aip__text t;
    aip__text_init(&t, p->ctx);
    aip__text_str(&t, "{\"target\":");
    if (p->target)
        aip__text_json(&t, p->target, strlen(p->target));
    else
        aip__text_str(&t, "null");
    aip__text_str(&t, ",\"inputs\":[");
    for (int32_t i = 0; i < p->inputs->n; i++) {
        if (i) aip__text_char(&t, ',');
        add_field(&t, &p->inputs->fields[i]);
    }
    aip__text_str(&t, "],\"pipeline\":[");
    for (int32_t i = 0; i < p->pipeline->n; i++) {
        const aip__stage_spec *s = p->pipeline->stages[i]->spec;
        aip__text_printf(&t, "%s{\"%s\":", i ? "," : "", s->descriptor->name);
        aip__stage_params_json(s, &t);
        aip__text_char(&t, '}');
    }
    if (p->model)
        aip__text_printf(&t, "],\"model\":{\"%s\":%s},\"fitted\":%s", aip_model_name(p->model), aip__model_params(p->model),
                         model);
    else
        aip__text_str(&t, "],\"model\":null,\"fitted\":null");
    aip__text_printf(&t, ",\"metrics\":%s", p->metrics ? p->metrics : "{}");
    aip__text_str(&t, ",\"provenance\":{\"library\":");
    aip__text_json(&t, p->library, strlen(p->library));
    aip__text_str(&t, ",\"profile\":");
    aip__text_json(&t, p->profile, strlen(p->profile));
    if (p->n_rows >= 0)
        aip__text_printf(&t, ",\"rows\":%lld}}", (long long)p->n_rows);
    else
        aip__text_str(&t, ",\"rows\":null}}");
    aip__free(p->ctx, model);
    return aip__text_take(&t, json, NULL, err);
}
