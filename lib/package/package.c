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

int32_t aip__package_finish(aip_package *p, aip_package **out, aip_error **err) {
    aip_stage *model_stage = NULL, *all = NULL;
    int32_t status = aip__model_stage(p->model, &model_stage, err), n = 0;
    if (status == AIP_OK) {
        aip_stage *both[2] = {p->pipeline, model_stage};
        status = aip_stage_pipeline(p->ctx, both, 2, &all, err);
    }
    if (status == AIP_OK) {
        const char *const *outputs = aip__model_outputs(p->model, &n);
        status = aip__stage_beside(p->ctx, all, p->inputs, NULL, outputs, n, &p->predict, err);
    }
    aip_schema *check = NULL; /* a file may hold parts that do not fit each other */
    if (status == AIP_OK) status = aip_stage_output_schema(p->predict, p->inputs, &check, err);
    aip_schema_free(check);
    aip_stage_free(model_stage);
    aip_stage_free(all);
    if (status != AIP_OK)
        aip_package_free(p);
    else
        *out = p;
    return status;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------------------ */

int32_t aip__package_check_stages(const aip_stage *pipeline, aip_error **err) {
    for (int32_t i = 0; i < pipeline->n; i++) {
        const aip_stage *s = pipeline->stages[i];
        const aip_descriptor *d = s->spec->descriptor;
        const aip_stage_ops *ops = s->spec->ops;
        const char *why = d->rows == AIP_ROWS_FEWER                ? "it drops rows"
                          : d->rows == AIP_ROWS_OTHER              ? "it adds or reorders rows"
                          : d->inputs                              ? "it needs another table"
                          : !s->spec->params                       ? "it is not in the catalogue"
                          : ops->carry                             ? "it needs the rows before"
                          : ops->fold && !(ops->save && ops->load) ? "what it learns cannot be saved"
                                                                   : NULL;
        if (why) {
            aip__error_set(
                err, AIP_E_PARAM,
                "'%s' cannot stand in a package: %s; put it before the training task (a package gives one answer for each row)",
                d->name, why);
            aip__error_at_stage(err, d->name);
            return AIP_E_PARAM;
        }
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
    aip_stage *model_stage = NULL, *all = NULL;
    AIP__TRY(aip__model_stage(p->model, &model_stage, err));
    aip_stage *both[2] = {p->pipeline, model_stage};
    int32_t status = aip_stage_pipeline(p->ctx, both, 2, &all, err), n = 0;
    bool *needed = aip__calloc(p->ctx, (size_t)schema->n + 1, sizeof *needed);
    aip_field *fields = aip__calloc(p->ctx, (size_t)schema->n + 1, sizeof *fields);
    if (status == AIP_OK && (!needed || !fields)) status = aip__error_memory(p->ctx, err);
    if (status == AIP_OK) {
        for (int32_t i = 0; i < schema->n; i++) needed[i] = strcmp(schema->fields[i].name, p->target) != 0;
        for (int32_t i = 0; status == AIP_OK && i < schema->n; i++)
            if (needed[i]) status = try_without(all, schema, needed, i, err);
        for (int32_t i = 0; i < schema->n; i++)
            if (needed[i]) fields[n++] = schema->fields[i];
        if (status == AIP_OK) status = aip_schema_create(p->ctx, fields, n, &p->inputs, err);
    }
    aip__free(p->ctx, needed);
    aip__free(p->ctx, fields);
    aip_stage_free(model_stage);
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
    if (status == AIP_OK) status = aip__stage_beside(ctx, nothing, inputs, "", NULL, 0, &drop, err);
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
    int32_t status = without_target(p->ctx, dataset, p->target, &features, err);
    if (status == AIP_OK) status = aip__stage_fit(pipeline, features, token, &p->pipeline, err);
    if (status == AIP_OK) status = aip__stage_beside(p->ctx, p->pipeline, NULL, p->target, NULL, 0, &through, err);
    if (status == AIP_OK) status = aip_dataset_transform(dataset, through, &prepared, err);
    if (status == AIP_OK) status = aip__model_fit(model, prepared, p->target, token, &p->model, err);
    if (status == AIP_OK) status = find_inputs(p, dataset->schema, err);
    aip_dataset_free(prepared);
    aip_dataset_free(features);
    aip_stage_free(through);
    return status;
}

int32_t aip__package_fit(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target,
                         aip__token *token, aip_package **out, aip_error **err) {
    aip_stage *flat = NULL;
    int32_t index = 0;
    AIP__TRY(aip__schema_need(dataset->schema, target, &index, err));
    AIP__TRY(aip_stage_pipeline(ctx, &pipeline, pipeline ? 1 : 0, &flat, err));
    aip_package *p = NULL;
    int32_t status = aip__package_check_stages(flat, err);
    if (status == AIP_OK) {
        p = aip__package_draft(ctx);
        if (p) {
            p->target = aip__strdup(ctx, target);
            p->library = aip__strdup(ctx, AIPIPE_VERSION);
            p->profile = aip__strdup(ctx, ctx->profile);
        }
        if (!p || !p->target || !p->library || !p->profile) status = aip__error_memory(ctx, err);
    }
    if (status == AIP_OK) status = fit(p, flat, model, dataset, token, err);
    if (status == AIP_OK) p->n_rows = aip__model_n_rows(p->model);
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
    if (!ctx || !model || !dataset || !target || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_fit: expected a context, a model, a dataset, a target and out");
    if (dataset->ctx != ctx || (pipeline && pipeline->ctx != ctx))
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_fit: the handles belong to different contexts");
    aip__token token;
    AIP__TRY(aip__token_init(&token, ctx, call, err));
    return aip__package_fit(ctx, pipeline, model, dataset, target, &token, out, err);
}

/* ---- use -------------------------------------------------------------------------------------------------------------------------- */

int32_t aip_package_predict(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_predict: expected a package, a dataset and out");
    return aip_dataset_transform(dataset, package->predict, out, err);
}

int32_t aip__package_evaluate(aip_package *package, aip_dataset *dataset, const char *metrics_json, aip__token *token,
                              char **json, aip_error **err) {
    aip_dataset *predicted = NULL;
    int32_t index = 0;
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
        p->model = aip__model_retain(package->model);
        p->n_rows = package->n_rows;
        p->target = aip__strdup(ctx, package->target);
        p->library = aip__strdup(ctx, package->library);
        p->profile = aip__strdup(ctx, package->profile);
        status = aip__text_take(&text, &p->metrics, NULL, err);
        if (status == AIP_OK && (!p->target || !p->library || !p->profile)) status = aip__error_memory(ctx, err);
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

/* A stage's parameters; those of a table with any name (derive's `*`, kept as a list of pairs, since their order counts) as an object in their
 * order, which is how they are written. */
static void add_params(aip__text *t, const aip__stage_spec *s) {
    bool any_name = s->descriptor->n_params == 1 && strcmp(s->descriptor->params[0].name, "*") == 0;
    if (!any_name) {
        aip__text_str(t, aip__params_canonical(s->params));
        return;
    }
    const aip__node *pairs = aip__params_node(s->params, "*");
    for (int32_t i = 0; i < pairs->n; i++) {
        const aip__node *name = pairs->items[i]->items[0];
        aip__text_char(t, i ? ',' : '{');
        aip__text_json(t, name->string, name->length);
        aip__text_char(t, ':');
        aip__node_write(pairs->items[i]->items[1], t);
    }
    aip__text_str(t, pairs->n ? "}" : "{}");
}

int32_t aip_package_describe(aip_package *p, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!p || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_package_describe: expected a package and out");
    char *model = NULL;
    AIP__TRY(aip_model_describe(p->model, &model, err));
    aip__text t;
    aip__text_init(&t, p->ctx);
    aip__text_str(&t, "{\"target\":");
    aip__text_json(&t, p->target, strlen(p->target));
    aip__text_str(&t, ",\"inputs\":[");
    for (int32_t i = 0; i < p->inputs->n; i++) {
        if (i) aip__text_char(&t, ',');
        add_field(&t, &p->inputs->fields[i]);
    }
    aip__text_str(&t, "],\"pipeline\":[");
    for (int32_t i = 0; i < p->pipeline->n; i++) {
        const aip__stage_spec *s = p->pipeline->stages[i]->spec;
        aip__text_printf(&t, "%s{\"%s\":", i ? "," : "", s->descriptor->name);
        add_params(&t, s);
        aip__text_char(&t, '}');
    }
    aip__text_printf(&t, "],\"model\":{\"%s\":%s},\"fitted\":%s,\"metrics\":%s", aip_model_name(p->model),
                     aip__model_params(p->model), model, p->metrics ? p->metrics : "{}");
    aip__text_str(&t, ",\"provenance\":{\"library\":");
    aip__text_json(&t, p->library, strlen(p->library));
    aip__text_str(&t, ",\"profile\":");
    aip__text_json(&t, p->profile, strlen(p->profile));
    aip__text_printf(&t, ",\"rows\":%lld}}", (long long)p->n_rows);
    aip__free(p->ctx, model);
    return aip__text_take(&t, json, NULL, err);
}
