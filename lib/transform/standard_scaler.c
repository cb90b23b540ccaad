/* standard_scaler: x becomes (x - mean) / standard deviation, as scikit-learn's StandardScaler has it: ddof 0, float64 sums, missing values left
 * out; a column counts as constant when its variance is no more than n*eps*var + (n*mean*eps)^2 (Chan, Golub, LeVeque 1983), and its scale is
 * then 1. The state is n, mean and M2 per column. */
#include "base/bytes.h"
#include "transform/cell.h"
#include "transform/kernels.h"
#include "transform/layout.h"
#include "transform/learnt.h"
#include "transform/stage_params.h"
#include "transform/transform.h"
#include <float.h>
#include <math.h>

typedef struct scaler {
    aip_context *ctx;
    const aip_params *params;
    bool with_mean, with_std;
} scaler;

typedef struct scaler_fold {
    aip__fit_columns columns;
} scaler_fold;

typedef struct scaled {
    char *name;
    double mean, scale;         /* NaN: no value was there at the fit, and none comes out */
    double seen_mean, seen_var; /* of the values, also where they are not used; NaN: none was there */
    int64_t n;                  /* of the values; -1: not known, and so is seen_var (saved by version 1) */
} scaled;

typedef struct scaler_fitted {
    aip_context *ctx;
    int32_t n;
    scaled columns[];
} scaler_fitted;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    scaler *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    *s = (scaler){ctx, params, aip_params_bool(params, "with_mean"), aip_params_bool(params, "with_std")};
    *self = s;
    return AIP_OK;
}

static void destroy(void *self) {
    scaler *s = self;
    aip__free(s->ctx, s);
}

/* ---- fit ----------------------------------------------------------------------------------------------------------------- */

static int32_t fold_create(const void *self, const aip_schema *schema, void **out, aip_error **err) {
    const scaler *s = self;
    scaler_fold *f = aip__calloc(s->ctx, 1, sizeof *f);
    if (!f) return aip__error_memory(s->ctx, err);
    int32_t status = aip__fit_columns_init(&f->columns, s->ctx, s->params, "numeric", schema, err);
    for (int32_t i = 0; status == AIP_OK && i < f->columns.n; i++) {
        const aip_field *field = aip__fit_field(&f->columns, i);
        if (!aip__type_is_numeric(field->type) && field->type != AIP_BOOL)
            status = aip__wrong_type("standard_scaler", "a numeric column", field, err);
    }
    if (status != AIP_OK) {
        aip__fit_columns_free(&f->columns);
        aip__free(s->ctx, f);
        return status;
    }
    *out = f;
    return AIP_OK;
}

static void fold_destroy(void *fold) {
    scaler_fold *f = fold;
    aip_context *ctx = f->columns.ctx;
    aip__fit_columns_free(&f->columns);
    aip__free(ctx, f);
}

static size_t state_bytes(const void *fold) {
    const scaler_fold *f = fold;
    return ((size_t)f->columns.n + 1) * sizeof(aip__moments);
}

static int32_t state_init(const void *fold, void **state, aip_error **err) {
    const scaler_fold *f = fold;
    aip__moments *m = aip__calloc(f->columns.ctx, (size_t)f->columns.n + 1, sizeof *m);
    if (!m) return aip__error_memory(f->columns.ctx, err);
    *state = m;
    return AIP_OK;
}

static int32_t state_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const scaler_fold *f = fold;
    aip__moments *m = state;
    for (int32_t i = 0; i < f->columns.n; i++) {
        const aip_field *field = aip__fit_field(&f->columns, i);
        const aip__column *c = batch->columns[f->columns.indices[i]];
        int64_t bad = aip__moments_add(&m[i], c, field->scale);
        if (bad == c->length) continue;
        return aip__bad_cell(batch, f->columns.indices[i], bad, "", "is infinite, or too large for its square to be summed", err);
    }
    return AIP_OK;
}

static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    const scaler_fold *f = fold;
    (void)err;
    for (int32_t i = 0; i < f->columns.n; i++) aip__moments_merge((aip__moments *)into + i, (const aip__moments *)from + i);
    return AIP_OK;
}

static int32_t state_dump(const void *fold, const void *state, aip_writer *w, aip_error **err) {
    const scaler_fold *f = fold;
    const aip__moments *m = state;
    for (int32_t i = 0; i < f->columns.n; i++) {
        AIP__TRY(aip_writer_i64(w, m[i].n, err));
        AIP__TRY(aip_writer_f64(w, m[i].mean, err));
        AIP__TRY(aip_writer_f64(w, m[i].m2, err));
    }
    return AIP_OK;
}

static void state_destroy(const void *fold, void *state) { aip__free(((const scaler_fold *)fold)->columns.ctx, state); }

static int32_t state_load(const void *fold, aip_reader *r, void **state, aip_error **err) {
    const scaler_fold *f = fold;
    void *made = NULL;
    AIP__TRY(state_init(fold, &made, err));
    aip__moments *m = made;
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < f->columns.n; i++) {
        status = aip_reader_i64(r, &m[i].n, err);
        if (status == AIP_OK) status = aip__read_number(r, false, &m[i].mean, err);
        if (status == AIP_OK) status = aip__read_number(r, false, &m[i].m2, err);
        if (status == AIP_OK && (m[i].n < 0 || m[i].n > AIP__MAX_COUNT || m[i].m2 < 0))
            status = aip__corrupt_state(err, "a count or a variance is out of range");
    }
    if (status != AIP_OK) {
        state_destroy(fold, made);
        return status;
    }
    *state = made;
    return AIP_OK;
}

/* ---- what was learned ------------------------------------------------------------------------------------------------------ */

static void fitted_destroy(void *fitted) {
    scaler_fitted *t = fitted;
    for (int32_t i = 0; i < t->n; i++) aip__free(t->ctx, t->columns[i].name);
    aip__free(t->ctx, t);
}

static int32_t fitted_new(aip_context *ctx, int32_t n, scaler_fitted **out, aip_error **err) {
    scaler_fitted *t = aip__calloc(ctx, 1, sizeof *t + (size_t)n * sizeof t->columns[0]);
    if (!t) return aip__error_memory(ctx, err);
    t->ctx = ctx;
    t->n = n;
    *out = t;
    return AIP_OK;
}

static int32_t fold_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err) {
    const scaler *s = self;
    const scaler_fold *f = fold;
    const aip__moments *m = state;
    scaler_fitted *t = NULL;
    AIP__TRY(fitted_new(s->ctx, f->columns.n, &t, err));
    for (int32_t i = 0; i < t->n; i++) {
        scaled *c = &t->columns[i];
        c->name = aip__strdup(s->ctx, aip__fit_field(&f->columns, i)->name);
        if (!c->name) {
            fitted_destroy(t);
            return aip__error_memory(s->ctx, err);
        }
        if (!isfinite(m[i].mean) || !isfinite(m[i].m2)) {
            int32_t status = aip__error_set(err, AIP_E_NUMERIC,
                                            "column '%s': the values are too large for their squares to be summed", c->name);
            fitted_destroy(t);
            return status;
        }
        double n = (double)m[i].n, mean = m[i].mean, var = m[i].n ? m[i].m2 / n : 0, bound = n * mean * DBL_EPSILON;
        bool constant = var <= n * DBL_EPSILON * var + bound * bound;
        c->mean = s->with_mean ? mean : 0;
        c->scale = s->with_std && !constant ? sqrt(var) : 1;
        c->n = m[i].n;
        c->seen_mean = m[i].n ? mean : NAN;
        c->seen_var = m[i].n ? var : NAN;
        if (m[i].n == 0) c->mean = c->scale = NAN;
    }
    *fitted = t;
    return AIP_OK;
}

static int32_t save(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    (void)self;
    const scaler_fitted *t = fitted;
    AIP__TRY(aip_writer_i64(w, t->n, err));
    for (int32_t i = 0; i < t->n; i++) {
        AIP__TRY(aip_writer_text(w, t->columns[i].name, err));
        AIP__TRY(aip_writer_f64(w, t->columns[i].mean, err));
        AIP__TRY(aip_writer_f64(w, t->columns[i].scale, err));
    }
    for (int32_t i = 0; i < t->n; i++) { /* since version 2 */
        AIP__TRY(aip_writer_i64(w, t->columns[i].n, err));
        AIP__TRY(aip_writer_f64(w, t->columns[i].seen_mean, err));
        AIP__TRY(aip_writer_f64(w, t->columns[i].seen_var, err));
    }
    return AIP_OK;
}

/* What version 2 has behind what version 1 had; a stage that version 1 saved is saved again with counts of -1. */
static int32_t load_seen(scaler_fitted *t, const scaler *s, aip_reader *r, aip_error **err) {
    bool version_1 = aip_reader_left(r) == 0;
    for (int32_t i = 0; i < t->n; i++) {
        scaled *c = &t->columns[i];
        c->n = -1;
        c->seen_mean = s->with_mean ? c->mean : NAN;
        c->seen_var = NAN;
        if (version_1) continue;
        AIP__TRY(aip_reader_i64(r, &c->n, err));
        AIP__TRY(aip__read_number(r, true, &c->seen_mean, err));
        AIP__TRY(aip__read_number(r, true, &c->seen_var, err));
        if (c->n < -1 || c->n > AIP__MAX_COUNT || c->seen_var < 0)
            return aip__corrupt_state(err, "a count or a variance is out of range");
    }
    return AIP_OK;
}

static int32_t load(const void *self, aip_reader *r, void **fitted, aip_error **err) {
    const scaler *s = self;
    int32_t n = 0;
    AIP__TRY(aip__read_count(r, AIP__MAX_COLUMNS, 24, &n, err));
    scaler_fitted *t = NULL;
    AIP__TRY(fitted_new(s->ctx, n, &t, err));
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < n; i++) {
        scaled *c = &t->columns[i];
        status = aip__read_name(s->ctx, r, &c->name, err);
        if (status == AIP_OK) status = aip__read_number(r, true, &c->mean, err);
        if (status == AIP_OK) status = aip__read_number(r, true, &c->scale, err);
        if (status == AIP_OK && (c->scale <= 0 || isnan(c->scale) != isnan(c->mean)))
            status = aip__corrupt_state(err, "a scale is not positive");
    }
    if (status == AIP_OK) status = aip__read_names_differ(s->ctx, &t->columns[0].name, sizeof t->columns[0], n, err);
    if (status == AIP_OK) status = load_seen(t, s, r, err);
    if (status != AIP_OK) {
        fitted_destroy(t);
        return status;
    }
    *fitted = t;
    return AIP_OK;
}

static int32_t show(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    const scaler *s = self;
    const scaler_fitted *t = fitted;
    aip__text *out = &w->text;
    (void)err;
    aip__text_str(out, "{\"mean\":");
    if (s->with_mean || s->with_std) {
        aip__text_char(out, '{');
        for (int32_t i = 0; i < t->n; i++) {
            aip__describe_member(out, i, t->columns[i].name);
            aip__describe_f64(out, t->columns[i].seen_mean);
        }
        aip__text_char(out, '}');
    } else {
        aip__text_str(out, "null");
    }
    for (int part = 0; part < 2; part++) {
        aip__text_str(out, part ? ",\"scale\":" : ",\"var\":");
        if (!s->with_std) {
            aip__text_str(out, "null");
            continue;
        }
        aip__text_char(out, '{');
        for (int32_t i = 0; i < t->n; i++) {
            const scaled *c = &t->columns[i];
            aip__describe_member(out, i, c->name);
            if (!part && c->n < 0)
                aip__text_str(out, "null");
            else
                aip__describe_f64(out, part ? c->scale : c->seen_var);
        }
        aip__text_char(out, '}');
    }
    aip__text_str(out, ",\"n_samples_seen\":{");
    for (int32_t i = 0; i < t->n; i++) {
        aip__describe_member(out, i, t->columns[i].name);
        if (t->columns[i].n < 0)
            aip__text_str(out, "null");
        else
            aip__text_printf(out, "%lld", (long long)t->columns[i].n);
    }
    aip__text_str(out, "}}");
    return AIP_OK;
}

/* ---- apply ----------------------------------------------------------------------------------------------------------------- */

typedef struct scaler_bound {
    aip__layout layout;
    const scaler_fitted *fitted;
    int32_t *which; /* per input column: the learned one, or -1 */
} scaler_bound;

static void unbind(void *bound) {
    scaler_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__free(ctx, b->which);
    aip__layout_free(&b->layout);
    aip__free(ctx, b);
}

static int32_t describe(scaler_bound *b, const aip_schema *in, aip_schema **out, aip_error **err) {
    const scaler_fitted *t = b->fitted;
    const char **names = aip__alloc(t->ctx, ((size_t)t->n + 1) * sizeof *names);
    if (!names) return aip__error_memory(t->ctx, err);
    for (int32_t i = 0; i < t->n; i++) names[i] = t->columns[i].name;
    int32_t status = aip__find_learnt(t->ctx, in, names, t->n, &b->which, err);
    aip__free(t->ctx, names);
    for (int32_t i = 0; status == AIP_OK && i < in->n; i++) {
        const aip_field *field = &in->fields[i];
        if (b->which[i] < 0) {
            status = aip__layout_pass(&b->layout, in, i, err);
        } else if (!aip__type_is_numeric(field->type) && field->type != AIP_BOOL) {
            status = aip__wrong_type("standard_scaler", "a numeric column", field, err);
        } else {
            aip_field made = aip__field(field->name, AIP_FLOAT64);
            status = aip__layout_make(&b->layout, &made, err);
        }
    }
    return status == AIP_OK ? aip__layout_end(&b->layout, out, err) : status;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    const scaler *s = self;
    scaler_bound *b = aip__calloc(s->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(s->ctx, err);
    b->fitted = fitted;
    aip__layout_begin(&b->layout, s->ctx);
    int32_t status = describe(b, in, out, err);
    if (status != AIP_OK) {
        unbind(b);
        return status;
    }
    *bound = b;
    return AIP_OK;
}

static int32_t scale_column(aip_context *ctx, const scaled *how, const aip__column *c, int32_t scale, aip__column **out,
                            aip_error **err) {
    if (isnan(how->scale)) return aip__column_nulls(ctx, AIP_FLOAT64, c->length, out, err);
    aip__column *made = NULL;
    AIP__TRY(aip__column_new(ctx, AIP_FLOAT64, c->length, false, &made, err));
    double scratch[AIP__KERNEL_ROWS], *to = aip__column_f64_mut(made);
    bool missing = c->null_count > 0;
    for (int64_t at = 0; at < c->length; at += AIP__KERNEL_ROWS) {
        int64_t n = c->length - at < AIP__KERNEL_ROWS ? c->length - at : AIP__KERNEL_ROWS;
        const double *x = aip__block_f64(c, scale, at, n, scratch);
        if (aip__scale_f64(x, n, how->mean, how->scale, to + at)) missing = true;
    }
    if (missing) {
        uint8_t *bits = aip__column_validity_mut(made);
        if (!bits) {
            aip__column_free(made);
            return aip__error_memory(ctx, err);
        }
        aip__clear_missing(c, true, bits);
    }
    aip__column_publish(made);
    *out = made;
    return AIP_OK;
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const scaler_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__column **made = aip__calloc(ctx, (size_t)b->layout.n_made + 1, sizeof *made);
    if (!made) return aip__error_memory(ctx, err);
    int32_t n = 0, status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < in->n_columns; i++) {
        if (b->which[i] < 0) continue;
        status = scale_column(ctx, &b->fitted->columns[b->which[i]], in->columns[i], in->schema->fields[i].scale, &made[n], err);
        if (status == AIP_OK) n++;
    }
    if (status == AIP_OK)
        status = aip__layout_batch(&b->layout, in, made, out, err);
    else
        while (n > 0) aip__column_free(made[--n]);
    aip__free(ctx, made);
    return status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------- */

typedef struct { /* columns that lie beside each other, before (in cells, or in the host's rows) and after */
    int32_t from, to, n;
    bool direct;
    size_t offset;
    double mean_scale[]; /* n means, n scales */
} row_scaling;

static bool scale_rows(void *self, const aip__row_frame *f) {
    const row_scaling *s = self;
    const double *mean = s->mean_scale, *scale = mean + s->n;
    if (s->direct) {
        aip__scale_rows_f64(f->rows + s->offset, f->stride, f->n, s->n, mean, scale, aip__row_f64_at(f, s->to), 1 << f->shift);
        return true;
    }
    if (f->shift == 0) {
        aip__scale_each_f64(aip__row_f64_at(f, s->from), s->n, mean, scale, aip__row_f64_at(f, s->to));
        return true;
    }
    for (int32_t k = 0; k < s->n; k++)
        aip__scale_f64(aip__row_f64_at(f, s->from + k), f->n, mean[k], scale[k], aip__row_f64_at(f, s->to + k));
    return true;
}

/* A column without a value at the fit has a scale of NaN, and gives NaN: null. */
static int32_t plan_scaling(const scaler_bound *b, aip_row_plan *plan, aip__row_slot *in, aip__row_slot *made, aip_error **err) {
    int32_t n = 0, n_in = plan->n_slots;
    for (int32_t i = 0; i < n_in; i++)
        if (b->which[i] >= 0) in[n++] = plan->slots[i];
    AIP__TRY(aip__row_slots_new(plan, n, made, err));
    for (int32_t k = 0, i = 0; k < n;) {
        row_scaling *s = NULL;
        int32_t run = aip__row_direct(in + k, n - k);
        bool direct = run > 0;
        if (!direct) {
            int32_t most = 1;
            while (k + most < n && !in[k + most].direct) most++;
            AIP__TRY(aip__row_need_f64(plan, in + k, most, in + k, err));
            run = aip__row_run_of(in + k, most);
        }
        AIP__TRY(aip__row_step_add(plan, scale_rows, sizeof *s + 2 * (size_t)run * sizeof(double), &s, err));
        s->direct = direct;
        s->offset = in[k].offset;
        s->from = in[k].at;
        s->to = made[k].at;
        s->n = run;
        for (int32_t j = 0; j < run; i++) {
            if (b->which[i] < 0) continue;
            const scaled *c = &b->fitted->columns[b->which[i]];
            s->mean_scale[j] = c->mean;
            s->mean_scale[run + j] = c->scale;
            j++;
        }
        k += run;
    }
    return aip__layout_slots(&b->layout, plan, made, err);
}

static int32_t row_plan(const void *bound, aip_row_plan *plan, aip_error **err) {
    const scaler_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__row_slot *slots = aip__alloc(ctx, 2 * ((size_t)plan->n_slots + 1) * sizeof *slots);
    if (!slots) return aip__error_memory(ctx, err);
    int32_t status = plan_scaling(b, plan, slots, slots + plan->n_slots, err);
    aip__free(ctx, slots);
    return status;
}

/* ---- descriptor -------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_COLUMNS, "columns", "\"numeric\"",
               "columns to scale; each comes out as float64, missing values as null"),
    AIP__PARAM(AIP_PARAM_BOOL, "with_mean", "true", "subtract the mean"),
    AIP__PARAM(AIP_PARAM_BOOL, "with_std", "true", "divide by the standard deviation (ddof 0); by 1 where a column is constant"),
};

static const aip_fold_ops fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                      .state_bytes = state_bytes,
                                      .init = state_init,
                                      .update = state_update,
                                      .merge = state_merge,
                                      .dump = state_dump,
                                      .load = state_load,
                                      .destroy = state_destroy};

static const aip_stage_ops ops = {.struct_size = sizeof(aip_stage_ops),
                                  .create = create,
                                  .destroy = destroy,
                                  .fold = &fold_ops,
                                  .fold_create = fold_create,
                                  .fold_destroy = fold_destroy,
                                  .fold_finish = fold_finish,
                                  .fitted_destroy = fitted_destroy,
                                  .save = save,
                                  .load = load,
                                  .bind = bind,
                                  .unbind = unbind,
                                  .apply = apply,
                                  .describe = show,
                                  .row_plan = row_plan};

const aip_descriptor aip__stage_standard_scaler = {
    AIP__STAGE_VERSION("standard_scaler", "Subtracts the mean and divides by the standard deviation, column by column.", params,
                       &ops, AIP_ROWS_SAME, 2),
    .shorthand = "columns"};
