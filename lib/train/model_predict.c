/* Prediction as a row-preserving stage, so that it fuses into the scan: features are found by name, copied in slices into blocks that stay in
 * cache, and the model's columns are appended. */
#include "train/model_inside.h"

#include "data/dataset.h"
#include <math.h>
#include <string.h>

#define SLICE_ROWS 2048

static const char *const outputs[] = {"prediction", "probability"};

const char *const *aip__model_outputs(const aip_model *model, int32_t *n) {
    (void)model;
    *n = 2;
    return outputs;
}

typedef struct bound {
    const aip_model *model; /* retained by the stage, which outlives what it bound */
    aip_schema *out;
    int32_t indices[]; /* of the features */
} bound;

static void unbind(void *b) {
    bound *it = b;
    aip_context *ctx = it->model->ctx;
    aip_schema_free(it->out);
    aip__free(ctx, it);
}

int32_t aip__model_check_names(const aip_model *model, const aip_schema *in, aip_error **err) {
    int32_t n = 0;
    const char *const *names = aip__model_outputs(model, &n);
    for (int32_t i = 0; i < n; i++)
        if (aip_schema_find(in, names[i]) >= 0) {
            aip__error_set(err, AIP_E_SCHEMA, "the data has a column '%s' already: the model adds one of that name", names[i]);
            aip__error_at_data_column(err, names[i]);
            return AIP_E_SCHEMA;
        }
    return AIP_OK;
}

/* The input's fields and the model's. */
static int32_t output_schema(const aip_model *model, const aip_schema *in, aip_schema **out, aip_error **err) {
    AIP__TRY(aip__model_check_names(model, in, err));
    aip_field *fields = aip__calloc(model->ctx, (size_t)in->n + 2, sizeof *fields);
    if (!fields) return aip__error_memory(model->ctx, err);
    for (int32_t i = 0; i < in->n; i++) fields[i] = in->fields[i];
    fields[in->n] = aip__field(outputs[0], model->classes.type);
    fields[in->n + 1] = aip__field(outputs[1], AIP_FLOAT64);
    fields[in->n].nullable = fields[in->n + 1].nullable = 0;
    int32_t status = aip_schema_create(model->ctx, fields, in->n + 2, out, err);
    aip__free(model->ctx, fields);
    return status;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **out, aip_schema **schema,
                    aip_error **err) {
    (void)fitted;
    const aip_model *model = self;
    int32_t n = model->features->n;
    bound *b = aip__calloc(model->ctx, 1, sizeof *b + (size_t)n * sizeof(int32_t));
    if (!b) return aip__error_memory(model->ctx, err);
    b->model = model;
    int32_t status = AIP_OK;
    for (int32_t j = 0; status == AIP_OK && j < n; j++) {
        status = aip__schema_need(in, model->names[j], &b->indices[j], err);
        if (status != AIP_OK) break;
        int32_t type = in->fields[b->indices[j]].type;
        if (type != AIP_BOOL && !aip__type_is_numeric(type)) {
            status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s: the model expects a number", model->names[j],
                                    aip_type_name(type));
            aip__error_at_data_column(err, model->names[j]);
        }
    }
    if (status == AIP_OK) status = output_schema(model, in, &b->out, err);
    if (status != AIP_OK) {
        unbind(b);
        return status;
    }
    *schema = aip__schema_retain(b->out);
    *out = b;
    return AIP_OK;
}

/* A probability that is not strictly between 0 and 1 may come of a feature that is missing or not finite: those are refused. */
static int32_t check_row(const aip_model *model, const double *blocks, int64_t row, int64_t number, aip_error **err) {
    int32_t n = model->features->n;
    const double *x = blocks + (size_t)(row / AIP__BLOCK_ROWS) * (size_t)n * AIP__BLOCK_ROWS + (size_t)(row % AIP__BLOCK_ROWS);
    for (int32_t j = 0; j < n; j++) {
        double v = x[(size_t)j * AIP__BLOCK_ROWS];
        if (isfinite(v)) continue;
        const char *what = isnan(v) ? "missing" : "infinite";
        if (number >= 0)
            aip__error_set(err, AIP_E_DATA, "column '%s' is %s in row %lld (from 0): the model needs a number", model->names[j],
                           what, (long long)number);
        else
            aip__error_set(err, AIP_E_DATA, "column '%s' is %s in a row: the model needs a number", model->names[j], what);
        aip__error_at_data_column(err, model->names[j]);
        return AIP_E_DATA;
    }
    return AIP_OK;
}

/* Probabilities of n rows from `start` on; blocks and padded are scratch. */
static int32_t predict_slice(const bound *b, const aip_batch *features, int64_t start, int64_t n, double *blocks, double *padded,
                             const int32_t *all, double *probability, aip_error **err) {
    const aip_model *model = b->model;
    aip_batch *slice = NULL;
    AIP__TRY(aip__batch_slice(features, start, n, &slice, err));
    int32_t status = aip__blocks_from_batch(slice, all, model->features->n, blocks, err);
    aip_batch_free(slice);
    AIP__TRY(status);
    model->spec->ops->predict(model->learned, blocks, (n + AIP__BLOCK_ROWS - 1) / AIP__BLOCK_ROWS, padded);
    for (int64_t i = 0; i < n; i++) {
        if (!(padded[i] > 0 && padded[i] < 1))
            AIP__TRY(check_row(model, blocks, i, features->ordinal < 0 ? -1 : features->ordinal + start + i, err));
        if (isnan(padded[i]))
            return aip__error_set(err, AIP_E_NUMERIC, "a prediction is not a number: the features are too large");
    }
    memcpy(probability, padded, (size_t)n * sizeof(double));
    return AIP_OK;
}

static int32_t predict_batch(const bound *b, const aip_batch *in, double *probability, aip_error **err) {
    const aip_model *model = b->model;
    aip_context *ctx = model->ctx;
    int32_t n = model->features->n;
    aip_batch *features = NULL;
    aip_schema *schema = NULL;
    aip_field *fields = aip__calloc(ctx, (size_t)n + 1, sizeof *fields);
    int32_t *all = aip__calloc(ctx, (size_t)n + 1, sizeof *all);
    double *blocks = aip__alloc(ctx, SLICE_ROWS * ((size_t)n + 1) * sizeof(double));
    int32_t status = fields && all && blocks ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t j = 0; status == AIP_OK && j < n; j++) {
        all[j] = j;
        fields[j] = in->schema->fields[b->indices[j]];
    }
    if (status == AIP_OK) status = aip_schema_create(ctx, fields, n, &schema, err);
    if (status == AIP_OK) status = aip__batch_project(in, b->indices, schema, &features, err);
    for (int64_t start = 0; status == AIP_OK && start < in->n_rows; start += SLICE_ROWS) {
        int64_t rows = in->n_rows - start < SLICE_ROWS ? in->n_rows - start : SLICE_ROWS;
        status = predict_slice(b, features, start, rows, blocks, blocks + SLICE_ROWS * (size_t)n, all, probability + start, err);
    }
    aip_batch_free(features);
    aip_schema_free(schema);
    aip__free(ctx, fields);
    aip__free(ctx, all);
    aip__free(ctx, blocks);
    return status;
}

static int32_t predicted_class(const aip_model *model, const double *probability, int64_t n, aip__column **out, aip_error **err) {
    int32_t *codes = aip__alloc(model->ctx, ((size_t)n + 1) * sizeof *codes);
    if (!codes) return aip__error_memory(model->ctx, err);
    for (int64_t i = 0; i < n; i++) codes[i] = probability[i] > 0.5;
    int32_t status = aip__classes_column(&model->classes, codes, n, out, err);
    aip__free(model->ctx, codes);
    return status;
}

static int32_t apply(const void *bound_self, const aip_batch *in, aip_batch **out, aip_error **err) {
    const bound *b = bound_self;
    aip_context *ctx = b->model->ctx;
    aip__column *probability = NULL, *prediction = NULL;
    aip__column **columns = aip__calloc(ctx, (size_t)in->n_columns + 2, sizeof(aip__column *));
    if (!columns) return aip__error_memory(ctx, err);
    int32_t status = aip__column_new(ctx, AIP_FLOAT64, in->n_rows, true, &probability, err);
    if (status == AIP_OK && in->n_rows > 0) status = predict_batch(b, in, aip__column_f64_mut(probability), err);
    if (status == AIP_OK)
        status = predicted_class(b->model, in->n_rows > 0 ? aip__column_f64(probability) : NULL, in->n_rows, &prediction, err);
    if (status == AIP_OK) {
        for (int32_t i = 0; i < in->n_columns; i++) columns[i] = aip__column_retain(in->columns[i]);
        aip__column_publish(probability);
        columns[in->n_columns] = prediction;
        columns[in->n_columns + 1] = probability;
        status = aip__batch_new(b->out, in->n_rows, columns, out, err);
        if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    } else {
        aip__column_free(probability);
    }
    aip__free(ctx, columns);
    return status;
}

/* ---- rows ---- */

typedef struct {
    int32_t from, to;
    double value[2]; /* the classes */
} row_choice;

static bool choose_class(void *self, const aip__row_frame *f) {
    const row_choice *c = self;
    const double *probability = aip__row_f64_at(f, c->from);
    double *to = aip__row_f64_at(f, c->to);
    for (int32_t i = 0; i < f->n; i++) to[i] = c->value[probability[i] > 0.5];
    return true;
}

/* The class as a number, for a scorer that asks for it; a class that is a text has none. */
static int32_t plan_prediction(const aip_model *model, aip_row_plan *plan, const aip__row_slot *probability, aip__row_slot *out,
                               aip_error **err) {
    const aip__classes *classes = &model->classes;
    row_choice *c = NULL;
    int32_t lazy = 0;
    AIP__TRY(aip__row_step_wait(plan, choose_class, sizeof *c, &c, &lazy, err));
    AIP__TRY(aip__row_slots_new(plan, 1, out, err));
    *c = (row_choice){.from = probability->at, .to = out->at};
    for (int32_t i = 0; i < AIP__MODEL_CLASSES; i++)
        c->value[i] = classes->type == AIP_FLOAT64 ? classes->items[i].real
                      : classes->type == AIP_UTF8  ? (double)NAN
                                                   : (double)classes->items[i].integer;
    out->lazy = lazy;
    return AIP_OK;
}

static int32_t row_plan(const void *bound_self, aip_row_plan *plan, aip_error **err) {
    const bound *b = bound_self;
    const aip_model *model = b->model;
    if (!model->spec->ops->row_plan) return AIP_E_UNSUPPORTED;
    int32_t n = plan->n_slots, n_features = model->features->n;
    aip__row_slot *table = aip__alloc(model->ctx, ((size_t)n + (size_t)n_features + 2) * sizeof *table);
    if (!table) return aip__error_memory(model->ctx, err);
    aip__row_slot *features = table + n + 2;
    memcpy(table, plan->slots, (size_t)n * sizeof *table);
    for (int32_t j = 0; j < n_features; j++) features[j] = plan->slots[b->indices[j]];
    int32_t status = model->spec->ops->row_plan(model->learned, plan, features, &table[n + 1], err);
    if (status == AIP_OK) status = plan_prediction(model, plan, &table[n + 1], &table[n], err);
    if (status == AIP_OK) status = aip__row_table(plan, table, n + 2, err);
    aip__free(model->ctx, table);
    return status;
}

static void destroy(void *self) { aip_model_free(self); }

static const aip_stage_ops stage_ops = {.struct_size = sizeof(aip_stage_ops),
                                        .destroy = destroy,
                                        .bind = bind,
                                        .unbind = unbind,
                                        .apply = apply,
                                        .row_plan = row_plan};
static const aip_descriptor stage_descriptor = {.struct_size = sizeof(aip_descriptor),
                                                .kind = AIP_KIND_STAGE,
                                                .name = "predict",
                                                .doc = "Adds a model's columns.",
                                                .param_stride = sizeof(aip_param_spec),
                                                .ops = &stage_ops,
                                                .rows = AIP_ROWS_SAME,
                                                .version = 1};

int32_t aip__model_stage(aip_model *model, aip_stage **out, aip_error **err) {
    if (!model->fitted)
        return aip__error_set(err, AIP_E_STATE, "the model '%s' is not fitted: fit it before it predicts", aip_model_name(model));
    return aip__stage_of(model->ctx, &stage_descriptor, aip__model_retain(model), out, err);
}

int32_t aip_model_predict(aip_model *model, aip_dataset *dataset, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!model || !dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_model_predict: expected a model, a dataset and out");
    if (model->ctx != dataset->ctx)
        return aip__error_set(err, AIP_E_MISUSE, "aip_model_predict: the model and the dataset belong to different contexts");
    aip_stage *stage = NULL;
    AIP__TRY(aip__model_stage(model, &stage, err));
    int32_t status = aip_dataset_transform(dataset, stage, out, err);
    aip_stage_free(stage);
    return status;
}
