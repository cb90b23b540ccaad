/* Stages: made from the catalogue, fitted by a fold, bound to a schema, applied to batches. A pipeline is a stage that holds stages. */
#include "data/stage.h"

#include "base/bytes.h"
#include "data/scan.h"
#include "exec/float_mode.h"
#include <string.h>

aip_stage *aip__stage_retain(const aip_stage *s) {
    aip_stage *m = (aip_stage *)(uintptr_t)s;
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

static void spec_release(aip_context *ctx, aip__stage_spec *spec) {
    if (!spec || atomic_fetch_sub_explicit(&spec->refs, 1, memory_order_acq_rel) != 1) return;
    if (spec->ops->destroy) spec->ops->destroy(spec->self);
    aip__params_free(spec->params);
    aip__free(ctx, spec);
}

static void learned_release(aip_context *ctx, aip__stage_learned *learned) {
    if (!learned || atomic_fetch_sub_explicit(&learned->refs, 1, memory_order_acq_rel) != 1) return;
    if (learned->spec->ops->fitted_destroy) learned->spec->ops->fitted_destroy(learned->fitted);
    spec_release(ctx, learned->spec);
    aip__free(ctx, learned);
}

void aip_stage_retain(aip_stage *stage) {
    if (stage) aip__stage_retain(stage);
}

void aip_stage_free(aip_stage *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = s->ctx;
    for (int32_t i = 0; i < s->n; i++) aip_stage_free(s->stages[i]); /* pipelines are flat: one level deep */
    aip__free(ctx, s->stages);
    learned_release(ctx, s->learned);
    spec_release(ctx, s->spec);
    aip__free(ctx, s);
    aip__context_release(ctx);
}

static aip_stage *stage_new(aip_context *ctx, aip__stage_spec *spec, aip__stage_learned *learned) {
    aip_stage *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return NULL;
    atomic_init(&s->refs, 1);
    s->ctx = aip__context_retain(ctx);
    if (spec) atomic_fetch_add(&spec->refs, 1), s->spec = spec;
    if (learned) atomic_fetch_add(&learned->refs, 1), s->learned = learned;
    return s;
}

int32_t aip__stage_of(aip_context *ctx, const aip_descriptor *descriptor, void *self, aip_stage **out, aip_error **err) {
    const aip_stage_ops *ops = descriptor->ops;
    aip__stage_spec *spec = aip__calloc(ctx, 1, sizeof *spec);
    if (!spec) {
        if (ops->destroy) ops->destroy(self);
        return aip__error_memory(ctx, err);
    }
    atomic_init(&spec->refs, 1);
    spec->descriptor = descriptor;
    spec->ops = ops;
    spec->self = self;
    aip_stage *s = stage_new(ctx, spec, NULL);
    spec_release(ctx, spec); /* the stage holds it now, or it goes */
    if (!s) return aip__error_memory(ctx, err);
    *out = s;
    return AIP_OK;
}

/* A host's table of functions: complete, before anything is called. */
static int32_t check_ops(const aip_descriptor *d, aip_error **err) {
    const aip_stage_ops *ops = d->ops;
    const char *problem = NULL;
    if (!ops || ops->struct_size < AIP__STAGE_OPS_FIRST_SIZE)
        problem = "struct_size is not sizeof(aip_stage_ops)";
    else if (!ops->bind)
        problem = "bind is NULL";
    else if (ops->carry ? ops->apply || !ops->carry_bytes || !ops->summarise || !ops->apply_carry
                        : !ops->apply || ops->carry_bytes || ops->summarise || ops->apply_carry)
        problem = "expected apply, or carry_bytes, summarise, carry and apply_carry";
    else if (ops->fold && (!ops->fold_create || !ops->fold_destroy || !ops->fold_finish || !ops->fitted_destroy))
        problem = "a fold needs fold_create, fold_destroy, fold_finish and fitted_destroy";
    else if (ops->fold && ops->fold->struct_size < AIP__FOLD_OPS_FIRST_SIZE)
        problem = "fold->struct_size is not sizeof(aip_fold_ops)";
    else if (ops->fold
             && (!ops->fold->state_bytes || !ops->fold->init || !ops->fold->update || !ops->fold->merge || !ops->fold->destroy))
        problem = "a fold needs state_bytes, init, update, merge and destroy";
    return problem ? aip__error_set(err, AIP_E_MISUSE, "aip_stage_ops of '%s': %s", d->name, problem) : AIP_OK;
}

/* Takes params over, also on failure. */
static int32_t create(aip_context *ctx, const aip_descriptor *d, aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      aip_stage **out, aip_error **err) {
    const aip_stage_ops *ops = d->ops;
    void *self = NULL;
    int32_t status = check_ops(d, err);
    if (status == AIP_OK && ops->create)
        status = aip__error_of_host(err, ops->create(ctx, d->user, params, inputs, n_inputs, &self, err), "create");
    if (status == AIP_OK) status = aip__stage_of(ctx, d, self, out, err);
    if (status != AIP_OK) {
        aip__error_at_stage(err, d->name);
        aip__params_free(params);
        return status;
    }
    (*out)->spec->params = params;
    return AIP_OK;
}

/* Each of the descriptor's inputs must be given once, and nothing else. */
static int32_t check_inputs(const aip_descriptor *d, const aip_input *inputs, int32_t n, aip_error **err) {
    const char *names = d->inputs ? d->inputs : "";
    int32_t want = 0;
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, "|");
        int32_t found = 0;
        for (int32_t i = 0; i < n; i++)
            if (inputs[i].name && strlen(inputs[i].name) == len && memcmp(inputs[i].name, p, len) == 0 && inputs[i].dataset)
                found++;
        if (found != 1)
            return aip__error_set(err, AIP_E_PARAM, "%s: expected the input '%.*s' (a dataset) once, found it %d times", d->name,
                                  (int)len, p, (int)found);
        want++;
        p += len;
        if (*p == '|') p++;
    }
    if (n != want)
        return aip__error_set(err, AIP_E_PARAM, "%s: expected %d input(s)%s%s, found %d", d->name, (int)want, *names ? ": " : "",
                              names, (int)n);
    return AIP_OK;
}

int32_t aip_stage_create(aip_context *ctx, const char *name, const char *params_json, const aip_input *inputs, int32_t n_inputs,
                         aip_stage **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !name || !out || n_inputs < 0 || n_inputs > 16 || (n_inputs > 0 && !inputs))
        return aip__error_set(err, AIP_E_MISUSE, "aip_stage_create: expected a context, a name, at most 16 inputs and out");
    const aip_descriptor *d = NULL;
    AIP__TRY(aip__catalog_find(ctx, AIP_KIND_STAGE, name, &d, err));
    aip_input copies[16];
    const uint8_t *at = (const uint8_t *)inputs;
    for (int32_t i = 0; i < n_inputs; i++) { /* the caller's struct may be of another size than ours */
        AIP__TRY(aip__struct_copy(&copies[i], sizeof copies[i], at, "aip_input", err));
        uint32_t size = 0;
        memcpy(&size, at, sizeof size);
        at += size;
    }
    AIP__TRY(check_inputs(d, copies, n_inputs, err));
    for (int32_t i = 0; i < n_inputs; i++)
        if (copies[i].dataset->ctx != ctx)
            return aip__error_set(err, AIP_E_MISUSE, "%s: the input '%s' belongs to another context", name, copies[i].name);
    aip_params *params = NULL;
    AIP__TRY(aip__params_parse(ctx, d, params_json, &params, err));
    return create(ctx, d, params, copies, n_inputs, out, err);
}

int32_t aip_stage_pipeline(aip_context *ctx, aip_stage *const *stages, int32_t n, aip_stage **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !out || n < 0 || (n > 0 && !stages))
        return aip__error_set(err, AIP_E_MISUSE, "aip_stage_pipeline: expected a context, stages and out");
    int64_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!stages[i]) return aip__error_set(err, AIP_E_MISUSE, "aip_stage_pipeline: stage %d is NULL", (int)i);
        if (stages[i]->ctx != ctx)
            return aip__error_set(err, AIP_E_MISUSE, "aip_stage_pipeline: stage %d belongs to another context", (int)i);
        total += stages[i]->spec ? 1 : stages[i]->n;
    }
    aip_stage *s = stage_new(ctx, NULL, NULL);
    if (s) s->stages = aip__calloc(ctx, (size_t)total + 1, sizeof(aip_stage *));
    if (!s || !s->stages) {
        aip_stage_free(s);
        return aip__error_memory(ctx, err);
    }
    for (int32_t i = 0; i < n; i++) { /* a pipeline within a pipeline is laid flat */
        if (stages[i]->spec)
            s->stages[s->n++] = aip__stage_retain(stages[i]);
        else
            for (int32_t k = 0; k < stages[i]->n; k++) s->stages[s->n++] = aip__stage_retain(stages[i]->stages[k]);
    }
    *out = s;
    return AIP_OK;
}

/* ---- from a document ---------------------------------------------------------------------------------------------------------- */

static int32_t at_node(aip_error **err, const aip__node *node, const char *source, int32_t status) {
    if (status != AIP_OK && node->line > 0) {
        aip__error_at_source(err, source);
        aip__error_at_line(err, node->line, node->column);
    }
    return status;
}

static bool is_input(const aip_descriptor *d, const char *key, size_t n) {
    for (const char *p = d->inputs ? d->inputs : ""; *p;) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, key, n) == 0) return true;
        p += len;
        if (*p == '|') p++;
    }
    return false;
}

/* One stage: `name` or `{name: params}`. Inputs are taken out of the parameters and resolved. */
static int32_t one_from_node(aip_context *ctx, const aip__node *node, const char *source, aip__resolve_input resolve, void *user,
                             aip_stage **out, aip_error **err) {
    const aip__node *name = node, *given = NULL;
    if (node->kind == AIP__MAP && node->n == 1) {
        name = node->keys[0];
        given = node->items[0]->kind == AIP__NULL ? NULL : node->items[0];
    }
    if (name->kind != AIP__STRING)
        return at_node(err, node, source,
                       aip__error_set(err, AIP_E_PARAM, "expected a stage as `name` or `name: {parameters}`, found %s%s",
                                      aip__node_kind_name(node->kind), node->kind == AIP__MAP ? " of several keys" : ""));
    const aip_descriptor *d = NULL;
    int32_t status = aip__catalog_find(ctx, AIP_KIND_STAGE, name->string, &d, err);
    if (status != AIP_OK) return at_node(err, name, source, status);

    aip_input inputs[16];
    int32_t n_inputs = 0;
    aip__document *own = NULL; /* the parameters without the inputs */
    aip_params *params = NULL;
    const aip__node *left = given;
    if (given && given->kind == AIP__MAP && d->inputs) {
        status = aip__document_new(ctx, &own, err);
        if (status != AIP_OK) return status;
        aip__node *map = aip__node_new(own, AIP__MAP);
        if (!map) status = aip__error_memory(ctx, err);
        if (map) map->line = given->line, map->column = given->column;
        for (int32_t i = 0; status == AIP_OK && i < given->n; i++) {
            const aip__node *key = given->keys[i], *value = given->items[i];
            if (is_input(d, key->string, key->length)) {
                aip_dataset *dataset = NULL;
                if (!resolve)
                    status = aip__error_set(err, AIP_E_PARAM, "%s: the input '%s' cannot be given here", d->name, key->string);
                else if (n_inputs < 16)
                    status = resolve(user, value, &dataset, err);
                if (status == AIP_OK && dataset) {
                    inputs[n_inputs] = (aip_input)AIP_INPUT_INIT;
                    inputs[n_inputs].name = key->string;
                    inputs[n_inputs++].dataset = dataset;
                } else if (status != AIP_OK) {
                    at_node(err, value, source, status);
                }
            } else {
                aip__node *k = aip__node_copy(own, key), *v = aip__node_copy(own, value);
                if (!k || !v || aip__node_add(own, map, k, v) != 0) status = aip__error_memory(ctx, err);
            }
        }
        left = map;
    }
    if (status == AIP_OK) status = at_node(err, node, source, check_inputs(d, inputs, n_inputs, err));
    if (status == AIP_OK) status = aip__params_create(ctx, d, left, source, &params, err);
    if (status == AIP_OK) status = at_node(err, node, source, create(ctx, d, params, inputs, n_inputs, out, err));
    for (int32_t i = 0; i < n_inputs; i++) aip_dataset_free(inputs[i].dataset);
    aip__document_free(own);
    return status;
}

int32_t aip__stage_from_node(aip_context *ctx, const aip__node *node, const char *source, aip__resolve_input resolve, void *user,
                             aip_stage **out, aip_error **err) {
    if (node->kind != AIP__LIST) return one_from_node(ctx, node, source, resolve, user, out, err);
    aip_stage **stages = aip__calloc(ctx, (size_t)node->n + 1, sizeof *stages);
    if (!stages) return aip__error_memory(ctx, err);
    int32_t status = AIP_OK, n = 0;
    for (; n < node->n && status == AIP_OK; n++)
        status = one_from_node(ctx, node->items[n], source, resolve, user, &stages[n], err);
    if (status == AIP_OK) status = aip_stage_pipeline(ctx, stages, node->n, out, err);
    for (int32_t i = 0; i < n; i++) aip_stage_free(stages[i]);
    aip__free(ctx, stages);
    return status;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------------------ */

int32_t aip_stage_is_fitted(const aip_stage *s) {
    if (!s) return 0;
    for (int32_t i = 0; i < s->n; i++)
        if (!aip_stage_is_fitted(s->stages[i])) return 0;
    return !s->spec || !s->spec->ops->fold || s->learned;
}

/* A fitted twin of s; takes `fitted` over, also on failure. */
int32_t aip__stage_with_learned(aip_stage *s, void *fitted, int64_t n_rows, aip_stage **out, aip_error **err) {
    aip__stage_learned *learned = aip__calloc(s->ctx, 1, sizeof *learned);
    if (!learned) {
        s->spec->ops->fitted_destroy(fitted);
        return aip__error_memory(s->ctx, err);
    }
    atomic_init(&learned->refs, 1);
    atomic_fetch_add(&s->spec->refs, 1);
    learned->spec = s->spec;
    learned->fitted = fitted;
    learned->n_rows = n_rows;
    aip_stage *twin = stage_new(s->ctx, s->spec, learned);
    learned_release(s->ctx, learned);
    if (!twin) return aip__error_memory(s->ctx, err);
    *out = twin;
    return AIP_OK;
}

static int32_t fit_one(aip_stage *s, aip_dataset *dataset, aip__token *token, aip_stage **out, aip_error **err) {
    const aip_stage_ops *ops = s->spec->ops;
    if (!ops->fold) {
        *out = aip__stage_retain(s);
        return AIP_OK;
    }
    void *fold = NULL, *state = NULL, *fitted = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    int32_t status = aip__error_of_host(err, ops->fold_create(s->spec->self, dataset->schema, &fold, err), "fold_create");
    if (status == AIP_OK) {
        status = aip__fold_run(dataset, token, s->spec->descriptor->name, ops->fold, fold, &state, &counts, err);
        if (status == AIP_OK) {
            aip__float_mode mode;
            aip__float_mode_enter(&mode);
            status = aip__error_of_host(err, ops->fold_finish(s->spec->self, fold, state, &fitted, err), "fold_finish");
            aip__float_mode_leave(&mode);
            ops->fold->destroy(fold, state);
        }
        ops->fold_destroy(fold);
    }
    if (status != AIP_OK) {
        aip__error_at_stage(err, s->spec->descriptor->name);
        return status;
    }
    return aip__stage_with_learned(s, fitted, counts.rows_out, out, err);
}

static int32_t fit_pipeline(aip_stage *s, aip_dataset *dataset, aip__token *token, aip_stage **out, aip_error **err) {
    aip_stage **fitted = aip__calloc(s->ctx, (size_t)s->n + 1, sizeof *fitted);
    if (!fitted) return aip__error_memory(s->ctx, err);
    aip_dataset *seen = aip__dataset_retain(dataset);
    int32_t status = AIP_OK, n = 0;
    int32_t last = s->n; /* what comes after the last stage that learns need not be bound now */
    while (last > 0 && !s->stages[last - 1]->spec->ops->fold) last--;
    for (; n < s->n && status == AIP_OK; n++) {
        status = fit_one(s->stages[n], seen, token, &fitted[n], err);
        if (status != AIP_OK) break;
        if (n + 1 < last) {
            aip_dataset *next = NULL;
            status = aip_dataset_transform(seen, fitted[n], &next, err);
            if (status == AIP_OK) aip_dataset_free(seen), seen = next;
        }
    }
    aip_dataset_free(seen);
    if (status == AIP_OK) status = aip_stage_pipeline(s->ctx, fitted, s->n, out, err);
    for (int32_t i = 0; i < s->n; i++) aip_stage_free(fitted[i]);
    aip__free(s->ctx, fitted);
    return status;
}

int32_t aip__stage_fit(aip_stage *stage, aip_dataset *dataset, aip__token *token, aip_stage **fitted, aip_error **err) {
    aip__token *outer = aip__token_enter(token);
    int32_t status = stage->spec ? fit_one(stage, dataset, token, fitted, err) : fit_pipeline(stage, dataset, token, fitted, err);
    aip__token_enter(outer);
    return status;
}

int32_t aip_stage_fit(aip_stage *stage, aip_dataset *dataset, const aip_call *call, aip_stage **fitted, aip_error **err) {
    AIP__BEGIN(err);
    if (!stage || !dataset || !fitted)
        return aip__error_set(err, AIP_E_MISUSE, "aip_stage_fit: expected a stage, a dataset and out");
    if (stage->ctx != dataset->ctx)
        return aip__error_set(err, AIP_E_MISUSE, "aip_stage_fit: the stage and the dataset belong to different contexts");
    aip__token token;
    AIP__TRY(aip__token_init(&token, stage->ctx, call, err));
    return aip__stage_fit(stage, dataset, &token, fitted, err);
}

/* ---- bind and apply --------------------------------------------------------------------------------------------------------------- */

int32_t aip__stage_bind(aip_stage *s, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    if (!s->spec) return aip__error_set(err, AIP_E_INTERNAL, "a pipeline is bound stage by stage");
    const aip_stage_ops *ops = s->spec->ops;
    if (ops->fold && !s->learned) {
        aip__error_set(err, AIP_E_STATE, "'%s' is not fitted: expected aip_stage_fit before it is applied",
                       s->spec->descriptor->name);
        aip__error_at_stage(err, s->spec->descriptor->name);
        return AIP_E_STATE;
    }
    aip_schema *schema = NULL;
    int32_t status = ops->bind(s->spec->self, s->learned ? s->learned->fitted : NULL, in, bound, &schema, err);
    if (status == AIP_OK && !schema) {
        aip__stage_unbind(s, *bound);
        *bound = NULL;
        status = aip__error_set(err, AIP_E_MISUSE, "bind did not say what comes out: expected a schema");
    }
    aip__error_of_host(err, status, "bind");
    if (status != AIP_OK)
        aip__error_at_stage(err, s->spec->descriptor->name);
    else
        *out = schema;
    return status;
}

void aip__stage_unbind(aip_stage *s, void *bound) {
    if (s->spec->ops->unbind) s->spec->ops->unbind(bound);
}

int32_t aip__stage_row_plan(aip_stage *s, const void *bound, aip_row_plan *plan, aip_error **err) {
    const aip_stage_ops *ops = s->spec->ops;
    bool has = ops->struct_size >= offsetof(aip_stage_ops, row_plan) + sizeof ops->row_plan && ops->row_plan;
    return has ? ops->row_plan(bound, plan, err) : AIP_E_UNSUPPORTED;
}

int32_t aip_stage_output_schema(aip_stage *stage, const aip_schema *in, aip_schema **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!stage || !in || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_stage_output_schema: expected a stage, a schema and out");
    aip_schema *schema = aip__schema_retain(in);
    aip_stage *one[1] = {stage};
    aip_stage **stages = stage->spec ? one : stage->stages;
    int32_t n = stage->spec ? 1 : stage->n;
    for (int32_t i = 0; i < n; i++) {
        void *bound = NULL;
        aip_schema *next = NULL;
        int32_t status = aip__stage_bind(stages[i], schema, &bound, &next, err);
        aip_schema_free(schema);
        if (status != AIP_OK) return status;
        aip__stage_unbind(stages[i], bound);
        schema = next;
    }
    *out = schema;
    return AIP_OK;
}

int32_t aip_stage_apply(aip_stage *stage, const aip_batch *in, aip_batch **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!stage || !in || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_stage_apply: expected a stage, a batch and out");
    aip_batch *batch = aip__batch_retain(in);
    aip_stage *one[1] = {stage};
    aip_stage **stages = stage->spec ? one : stage->stages;
    int32_t n = stage->spec ? 1 : stage->n, status = AIP_OK;
    aip__float_mode mode; /* the bits are those of a scan, whatever mode the host's thread is in */
    aip__float_mode_enter(&mode);
    for (int32_t i = 0; i < n && status == AIP_OK; i++) {
        const aip_stage_ops *ops = stages[i]->spec->ops;
        void *bound = NULL;
        aip_schema *schema = NULL;
        aip_batch *next = NULL;
        status = aip__stage_bind(stages[i], batch->schema, &bound, &schema, err);
        if (status == AIP_OK) {
            status = ops->apply ? ops->apply(bound, batch, &next, err)
                                : aip__error_set(err, AIP_E_UNSUPPORTED,
                                                 "'%s' needs the rows before: it can only be applied to a dataset",
                                                 aip_stage_name(stages[i]));
            if (status == AIP_OK && !next) status = aip__error_set(err, AIP_E_MISUSE, "apply gave no batch");
            aip__error_of_host(err, status, "apply");
            if (status != AIP_OK) aip__error_at_stage(err, aip_stage_name(stages[i]));
            aip__stage_unbind(stages[i], bound);
            aip_schema_free(schema);
        }
        aip_batch_free(batch);
        batch = next;
    }
    aip__float_mode_leave(&mode);
    if (status == AIP_OK) *out = batch;
    return status;
}

const char *aip_stage_name(const aip_stage *stage) {
    return !stage ? "" : stage->spec ? stage->spec->descriptor->name : "pipeline";
}

int32_t aip_stage_n_stages(const aip_stage *stage) { return !stage ? 0 : stage->spec ? 1 : stage->n; }

aip_stage *aip_stage_at(aip_stage *stage, int32_t i) {
    if (i < 0 || i >= aip_stage_n_stages(stage)) return NULL;
    return stage->spec ? stage : stage->stages[i];
}

int32_t aip_stage_rows(const aip_stage *stage) {
    if (!stage) return AIP_ROWS_SAME;
    if (stage->spec) return stage->spec->descriptor->rows;
    int32_t rows = AIP_ROWS_SAME;
    for (int32_t i = 0; i < stage->n; i++)
        if (aip_stage_rows(stage->stages[i]) > rows) rows = aip_stage_rows(stage->stages[i]);
    return rows;
}
