/* Scorers: rows of the host's own structs through the package's fitted pipeline and model. Bound once, and compiled into a row plan
 * (data/row_plan.h), so that a call looks up no names and allocates nothing. What a plan cannot do, and rows that it refuses, are gathered into a
 * batch and go the way of a dataset, which gives the same bits and the messages. */
#include "package/package.h"

#include "data/row_plan.h"
#include "exec/float_mode.h"
#include "package/beside.h"
#include <math.h>
#include <string.h>

typedef struct {
    int32_t type; /* in the host's struct; 0: not bound */
    size_t offset;
} place;

struct aip_scorer {
    aip_context *ctx;
    aip_package *package;
    place *places;         /* one for each input of the package */
    aip_schema *rows;      /* the host's rows: the inputs in the host's types */
    void *bound;           /* the package's predict stage, to those; NULL until the next run */
    int32_t output;        /* column of what the package's predict stage gives */
    bool ready;            /* bound is made, and plan where there can be one */
    aip_row_plan *plan;    /* NULL: by batches */
    const char *refused;   /* then, the stage that has no rows; of the package's pipeline */
    aip__column **columns; /* scratch */
};

static const aip_param_spec params[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_CHOICE,
     .name = "output",
     .doc = "what each row gets: the probability of the positive class, or the predicted class as a number",
     .default_json = "\"probability\"",
     .choices = "probability|prediction"}};
static const aip_descriptor scorer_descriptor = {.struct_size = sizeof(aip_descriptor),
                                                 .kind = AIP_KIND_OPERATOR,
                                                 .name = "scorer",
                                                 .doc = "predicts rows of the host's own structs",
                                                 .params = params,
                                                 .n_params = 1,
                                                 .param_stride = sizeof(aip_param_spec)};

static void unbind_rows(aip_scorer *s) {
    aip__row_plan_free(s->plan); /* before what its steps point into */
    if (s->bound) aip__stage_unbind(s->package->predict, s->bound);
    s->plan = NULL;
    s->bound = NULL;
    s->refused = NULL;
    s->ready = false;
}

void aip_scorer_free(aip_scorer *s) {
    if (!s) return;
    aip_context *ctx = s->ctx;
    unbind_rows(s);
    aip_schema_free(s->rows);
    aip__free(ctx, s->places);
    aip__free(ctx, s->columns);
    aip_package_free(s->package);
    aip__free(ctx, s);
    aip__context_release(ctx);
}

int32_t aip_scorer_create(aip_package *package, const char *params_json, aip_scorer **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_scorer_create: expected a package and out");
    AIP__TRY(aip__package_needs_model(package, "a scorer", err));
    aip_context *ctx = package->ctx;
    aip_params *given = NULL;
    AIP__TRY(aip__params_parse(ctx, &scorer_descriptor, params_json, &given, err));
    aip_scorer *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) {
        aip__params_free(given);
        return aip__error_memory(ctx, err);
    }
    s->ctx = aip__context_retain(ctx);
    s->package = package;
    aip_package_retain(package);
    s->places = aip__calloc(ctx, (size_t)package->inputs->n + 1, sizeof *s->places);
    s->columns = aip__calloc(ctx, (size_t)package->inputs->n + 1, sizeof(aip__column *));
    aip_schema *schema = NULL;
    int32_t status = s->places && s->columns ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK) status = aip_stage_output_schema(package->predict, package->inputs, &schema, err);
    if (status == AIP_OK) status = aip__schema_need(schema, aip_params_string(given, "output"), &s->output, err);
    if (status == AIP_OK) {
        int32_t type = schema->fields[s->output].type;
        if (!aip__type_is_numeric(type) && type != AIP_BOOL)
            status = aip__error_set(err, AIP_E_SCHEMA, "output '%s' is %s: expected a number or bool (use \"probability\")",
                                    aip_params_string(given, "output"), aip_type_name(type));
    }
    aip_schema_free(schema);
    aip__params_free(given);
    if (status != AIP_OK) {
        aip_scorer_free(s);
        return status;
    }
    *out = s;
    return AIP_OK;
}

/* The host's field as a column: what the pipeline then gets is made of it as of any dataset's column (beside.h). */
static aip_field host_field(const aip_field *want, int32_t type) {
    aip_field f = *want;
    f.type = type;
    return f;
}

static bool fits(int32_t type, const aip_field *want) {
    aip_field have = host_field(want, type);
    bool in_struct = type == AIP_FLOAT64 || type == AIP_FLOAT32 || type == AIP_INT32 || type == AIP_INT64 || type == AIP_BOOL
                     || type == AIP_UTF8 || type == AIP_DATE32 || type == AIP_TIMESTAMP;
    bool text_for_number = type == AIP_UTF8 && !aip__type_is_text(want->type); /* a reader's guess; a host knows what it has */
    return in_struct && !text_for_number && aip__widens(&have, want);
}

int32_t aip_scorer_bind(aip_scorer *s, const char *column, int32_t type, size_t offset, aip_error **err) {
    AIP__BEGIN(err);
    if (!s || !column) return aip__error_set(err, AIP_E_MISUSE, "aip_scorer_bind: expected a scorer and a column");
    int32_t i = 0;
    AIP__TRY(aip__schema_need(s->package->inputs, column, &i, err));
    const aip_field *want = &s->package->inputs->fields[i];
    if (!fits(type, want)) {
        aip__error_set(err, AIP_E_SCHEMA, "input '%s': expected %s, found %s in the host's struct", column,
                       aip_type_name(want->type), aip_type_name(type));
        aip__error_at_data_column(err, column);
        return AIP_E_SCHEMA;
    }
    s->places[i] = (place){type, offset};
    unbind_rows(s); /* bound anew, to the new types, by the next run */
    return AIP_OK;
}

/* Binds the pipeline to the host's types. */
static int32_t bind_rows(aip_scorer *s, aip_error **err) {
    const aip_schema *inputs = s->package->inputs;
    aip_field *fields = aip__calloc(s->ctx, (size_t)inputs->n + 1, sizeof *fields);
    if (!fields) return aip__error_memory(s->ctx, err);
    aip_schema *rows = NULL, *given = NULL;
    for (int32_t i = 0; i < inputs->n; i++) fields[i] = host_field(&inputs->fields[i], s->places[i].type);
    int32_t status = aip_schema_create(s->ctx, fields, inputs->n, &rows, err);
    aip__free(s->ctx, fields);
    if (status != AIP_OK) return status;
    status = aip__stage_bind(s->package->predict, rows, &s->bound, &given, err);
    aip_schema_free(given);
    aip_schema_free(s->rows);
    s->rows = rows;
    return status;
}

static int32_t compile(aip_scorer *s, aip_error **err) {
    const aip_schema *inputs = s->package->inputs;
    aip__row_field *fields = aip__calloc(s->ctx, (size_t)inputs->n + 1, sizeof *fields);
    if (!fields) return aip__error_memory(s->ctx, err);
    for (int32_t i = 0; i < inputs->n; i++) fields[i] = (aip__row_field){s->places[i].type, s->places[i].offset};
    aip_row_plan *plan = NULL;
    int32_t status = aip__row_plan_new(s->ctx, fields, inputs->n, &plan, err);
    aip__free(s->ctx, fields);
    if (status == AIP_OK) status = aip__stage_row_plan(s->package->predict, s->bound, plan, err);
    if (status == AIP_OK) status = aip__row_plan_end(plan, s->output, err);
    if (status == AIP_OK) {
        s->plan = plan;
        return AIP_OK;
    }
    s->refused = plan && plan->refused ? plan->refused : aip_stage_name(s->package->predict);
    aip__row_plan_free(plan);
    return status == AIP_E_UNSUPPORTED ? AIP_OK : status;
}

static int32_t prepare(aip_scorer *s, aip_error **err) {
    for (int32_t i = 0; i < s->package->inputs->n; i++)
        if (s->places[i].type == 0)
            return aip__error_set(err, AIP_E_STATE,
                                  "input '%s' is not bound: expected aip_scorer_bind for each input of the package",
                                  s->package->inputs->fields[i].name);
    if (!s->bound) AIP__TRY(bind_rows(s, err));
    AIP__TRY(compile(s, err));
    s->ready = true;
    return AIP_OK;
}

int32_t aip_scorer_prepare(aip_scorer *s, const char **by_batches, aip_error **err) {
    AIP__BEGIN(err);
    if (!s) return aip__error_set(err, AIP_E_MISUSE, "aip_scorer_prepare: expected a scorer");
    if (!s->ready) AIP__TRY(prepare(s, err));
    if (by_batches) *by_batches = s->refused;
    return AIP_OK;
}

static int32_t gather_text(const place *p, aip_context *ctx, const uint8_t *rows, size_t stride, int64_t n, aip__column **out,
                           aip_error **err) {
    aip__utf8_builder b;
    AIP__TRY(aip__utf8_begin(&b, ctx, AIP_UTF8, n, (size_t)n * 8, err));
    for (int64_t r = 0; r < n; r++) {
        const char *text = NULL;
        memcpy(&text, rows + (size_t)r * stride + p->offset, sizeof text);
        int32_t status = text ? aip__utf8_add(&b, text, strlen(text), err) : aip__utf8_add_null(&b, err);
        if (status != AIP_OK) {
            aip__utf8_abandon(&b);
            return status;
        }
    }
    return aip__utf8_end(&b, out, err);
}

/* NaN is missing. */
static bool is_missing(const uint8_t *at, int32_t type) {
    double f64 = 0;
    float f32 = 0;
    if (type == AIP_FLOAT64) memcpy(&f64, at, sizeof f64);
    if (type == AIP_FLOAT32) memcpy(&f32, at, sizeof f32);
    return isnan(f64) || isnan(f32);
}

static int32_t gather_fixed(const place *p, aip_context *ctx, const uint8_t *rows, size_t stride, int64_t n, aip__column **out,
                            aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(ctx, p->type, n, true, &c, err));
    uint8_t *validity = NULL, *values = aip__column_values_mut(c);
    size_t width = aip__type_width(p->type);
    for (int64_t r = 0; r < n; r++) {
        const uint8_t *at = rows + (size_t)r * stride + p->offset;
        if (p->type == AIP_BOOL) {
            aip__bit_put(values, r, *at != 0);
        } else if (is_missing(at, p->type)) {
            if (!validity && !(validity = aip__column_validity_mut(c))) {
                aip__column_free(c);
                return aip__error_memory(ctx, err);
            }
            aip__bit_clear(validity, r);
        } else {
            memcpy(values + (size_t)r * width, at, width);
        }
    }
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

/* `first`: the number of the first row, for messages. */
static int32_t run(aip_scorer *s, const uint8_t *rows, size_t stride, int64_t n, int64_t first, double *out, aip_error **err) {
    const aip_schema *inputs = s->package->inputs;
    int32_t status = AIP_OK, i = 0;
    for (; i < inputs->n && status == AIP_OK; i++) {
        const place *p = &s->places[i];
        status = p->type == AIP_UTF8 ? gather_text(p, s->ctx, rows, stride, n, &s->columns[i], err)
                                     : gather_fixed(p, s->ctx, rows, stride, n, &s->columns[i], err);
    }
    if (status != AIP_OK) {
        for (int32_t k = 0; k + 1 < i; k++) aip__column_free(s->columns[k]);
        return status;
    }
    aip_batch *batch = NULL, *given = NULL;
    AIP__TRY(aip__batch_new(s->rows, n, s->columns, &batch, err));
    batch->ordinal = first;
    status = s->package->predict->spec->ops->apply(s->bound, batch, &given, err);
    aip_batch_free(batch);
    if (status != AIP_OK) return status;
    aip__column_to_f64(given->columns[s->output], given->schema->fields[s->output].scale, out);
    aip_batch_free(given);
    return AIP_OK;
}

int32_t aip_scorer_run(aip_scorer *s, const void *rows, size_t stride, int64_t n, double *out, aip_error **err) {
    AIP__BEGIN(err);
    if (!s || n < 0 || (n > 0 && (!rows || !out)))
        return aip__error_set(err, AIP_E_MISUSE, "aip_scorer_run: expected a scorer, n >= 0 rows and out");
    if (!s->ready) AIP__TRY(prepare(s, err));
    int32_t status = AIP_OK;
    aip__float_mode mode; /* the bits are those of predict, whatever mode the host's thread is in */
    aip__float_mode_enter(&mode);
    for (int64_t at = 0; at < n && status == AIP_OK; at += AIP_BATCH_MAX_ROWS) {
        int64_t m = n - at < AIP_BATCH_MAX_ROWS ? n - at : AIP_BATCH_MAX_ROWS;
        const uint8_t *first = (const uint8_t *)rows + (size_t)at * stride;
        if (!s->plan || !aip__row_plan_run(s->plan, first, stride, m, out + at))
            status = run(s, first, stride, m, at, out + at, err);
    }
    aip__float_mode_leave(&mode);
    return status;
}
