/* simple_imputer, the fit: what missing values are replaced with. Mean from merged moments; median from all values, kept in the state (8 bytes
 * each, within the context's memory limit), so that it is exact; the most frequent value from counts, the smallest one on a tie. */
#include "transform/cell.h"
#include "transform/kernels.h"
#include "transform/layout.h"
#include "transform/median.h"
#include "transform/simple_imputer.h"
#include <math.h>

#define MAX_DISTINCT 1000000 /* of most_frequent */
#define MISSING_TEXT "missing_value"

typedef struct imputer_fold {
    aip__fit_columns columns;
    const aip__imputer *self;
} imputer_fold;

typedef struct column_state {
    int64_t n_rows, n_there;
    aip__moments moments;
    double *values; /* of median */
    size_t n_values, capacity;
    aip__categories set;
} column_state;

/* ---- which columns, and whether they fit the strategy ------------------------------------------------------------------------ */

static int32_t set_text(const aip__imputer *s, aip__imputed *c, const char *text, size_t n, aip_error **err) {
    c->fill = AIP__FILL_TEXT;
    c->n_text = n;
    c->text = aip__strndup(s->ctx, text, n);
    return c->text ? AIP_OK : aip__error_memory(s->ctx, err);
}

/* The constant for a column of this field. */
static int32_t constant(const aip__imputer *s, const aip_field *field, aip__imputed *c, aip_error **err) {
    const aip__node *v = s->fill;
    bool number = v->kind == AIP__INT || v->kind == AIP__FLOAT || v->kind == AIP__NULL, fits = false;
    if (aip__type_is_text(field->type)) {
        if (v->kind != AIP__STRING && v->kind != AIP__NULL) goto misfit;
        return v->kind == AIP__STRING ? set_text(s, c, v->string, v->length, err)
                                      : set_text(s, c, MISSING_TEXT, strlen(MISSING_TEXT), err);
    }
    if (field->type == AIP_FLOAT32 || field->type == AIP_FLOAT64) {
        c->fill = AIP__FILL_F64;
        c->f64 = v->kind == AIP__NULL ? 0 : v->real;
        fits = number && isfinite(c->f64) && (field->type == AIP_FLOAT64 || isfinite((double)(float)c->f64));
    } else if (field->type == AIP_BOOL) {
        c->fill = AIP__FILL_I64;
        c->i64 = v->kind == AIP__BOOL && v->boolean;
        fits = v->kind == AIP__BOOL || v->kind == AIP__NULL;
    } else if (field->type == AIP_DECIMAL64) {
        double scaled = v->kind == AIP__NULL ? 0 : v->real * pow(10, field->scale);
        c->fill = AIP__FILL_I64;
        fits = number && fabs(scaled) < 9e15 && fabs(scaled - nearbyint(scaled)) < 1e-6 * fmax(1, fabs(scaled)) * 1e-3;
        c->i64 = fits ? (int64_t)nearbyint(scaled) : 0;
    } else if (field->type == AIP_INT32 || field->type == AIP_INT64) {
        c->fill = AIP__FILL_I64;
        bool whole = v->kind == AIP__FLOAT && nearbyint(v->real) == v->real && fabs(v->real) < 9e15;
        c->i64 = v->kind == AIP__INT ? v->integer : whole ? (int64_t)v->real : 0;
        fits = (v->kind == AIP__INT || v->kind == AIP__NULL || whole)
               && (field->type == AIP_INT64 || (c->i64 >= INT32_MIN && c->i64 <= INT32_MAX));
    } else {
        return aip__wrong_type("simple_imputer", "a column of numbers, texts or truth values for strategy 'constant'", field,
                               err);
    }
    if (fits) return AIP_OK;
misfit:;
    int32_t status = aip__error_set(err, AIP_E_PARAM, "fill_value %s does not fit column '%s', which is %s",
                                    aip_params_json(s->params, "fill_value"), field->name, aip_type_name(field->type));
    aip__error_at_parameter(err, "fill_value");
    aip__error_at_data_column(err, field->name);
    return status;
}

static int32_t check_column(const aip__imputer *s, const aip_field *field, aip_error **err) {
    if (s->strategy == AIP__IMPUTE_MOST_FREQUENT) {
        if (aip__category_kind_of(field->type) != AIP__CATEGORY_NONE) return AIP_OK;
        return aip__wrong_type("simple_imputer", "a column of texts, numbers, truth values or dates", field, err);
    }
    if (s->strategy == AIP__IMPUTE_CONSTANT) {
        aip__imputed c = {0};
        int32_t status = constant(s, field, &c, err);
        aip__free(s->ctx, c.text);
        return status;
    }
    if (aip__type_is_numeric(field->type)) return AIP_OK;
    return aip__wrong_type("simple_imputer", "a numeric column for strategies 'mean' and 'median'", field, err);
}

static const char *default_columns(const aip__imputer *s) {
    if (s->strategy == AIP__IMPUTE_MOST_FREQUENT) return "all";
    return s->strategy == AIP__IMPUTE_CONSTANT && s->fill->kind == AIP__STRING ? "text" : "numeric";
}

int32_t aip__imputer_fold_create(const void *self, const aip_schema *schema, void **out, aip_error **err) {
    const aip__imputer *s = self;
    imputer_fold *f = aip__calloc(s->ctx, 1, sizeof *f);
    if (!f) return aip__error_memory(s->ctx, err);
    f->self = s;
    int32_t status = aip__fit_columns_init(&f->columns, s->ctx, s->params, default_columns(s), schema, err);
    for (int32_t i = 0; status == AIP_OK && i < f->columns.n; i++) status = check_column(s, aip__fit_field(&f->columns, i), err);
    if (status != AIP_OK) {
        aip__fit_columns_free(&f->columns);
        aip__free(s->ctx, f);
        return status;
    }
    *out = f;
    return AIP_OK;
}

void aip__imputer_fold_destroy(void *fold) {
    imputer_fold *f = fold;
    aip_context *ctx = f->columns.ctx;
    aip__fit_columns_free(&f->columns);
    aip__free(ctx, f);
}

/* ---- state --------------------------------------------------------------------------------------------------------------------- */

static size_t state_bytes(const void *fold) {
    const imputer_fold *f = fold;
    size_t each = f->self->strategy == AIP__IMPUTE_MEDIAN          ? (size_t)1 << 20
                  : f->self->strategy == AIP__IMPUTE_MOST_FREQUENT ? 16384
                                                                   : sizeof(column_state);
    return ((size_t)f->columns.n + 1) * each;
}

static void state_destroy(const void *fold, void *state) {
    const imputer_fold *f = fold;
    column_state *c = state;
    for (int32_t i = 0; i < f->columns.n; i++) {
        aip__free(f->columns.ctx, c[i].values);
        aip__categories_free(&c[i].set);
    }
    aip__free(f->columns.ctx, c);
}

static int32_t state_init(const void *fold, void **state, aip_error **err) {
    const imputer_fold *f = fold;
    column_state *c = aip__calloc(f->columns.ctx, (size_t)f->columns.n + 1, sizeof *c);
    if (!c) return aip__error_memory(f->columns.ctx, err);
    if (f->self->strategy == AIP__IMPUTE_MOST_FREQUENT)
        for (int32_t i = 0; i < f->columns.n; i++)
            aip__categories_init(&c[i].set, f->columns.ctx, aip__category_kind_of(aip__fit_field(&f->columns, i)->type),
                                 MAX_DISTINCT);
    *state = c;
    return AIP_OK;
}

/* Adds the values that are there; *bad is the first infinite row, or the length. */
static int32_t collect(const imputer_fold *f, column_state *s, const aip__column *c, int32_t scale, int64_t *bad,
                       aip_error **err) {
    aip_context *ctx = f->columns.ctx;
    if (aip__grow(ctx, &s->values, &s->capacity, s->n_values + (size_t)c->length, sizeof *s->values))
        return aip__error_memory(ctx, err);
    double scratch[AIP__KERNEL_ROWS];
    for (int64_t at = 0; at < c->length; at += AIP__KERNEL_ROWS) {
        int64_t n = c->length - at < AIP__KERNEL_ROWS ? c->length - at : AIP__KERNEL_ROWS;
        const double *x = aip__block_f64(c, scale, at, n, scratch);
        for (int64_t i = 0; i < n; i++) {
            if (isinf(x[i])) {
                *bad = at + i;
                return AIP_OK;
            }
            s->values[s->n_values] = x[i];
            s->n_values += (size_t)!isnan(x[i]);
        }
    }
    *bad = c->length;
    return AIP_OK;
}

static int32_t count_there(aip_context *ctx, const aip__column *c, int64_t *there, aip_error **err) {
    uint8_t *bits = aip__alloc(ctx, aip__bitmap_bytes(c->length) + 1);
    if (!bits) return aip__error_memory(ctx, err);
    aip__bitmap_fill(bits, c->length, true);
    aip__clear_missing(c, true, bits);
    *there += aip__bitmap_count(bits, c->length);
    aip__free(ctx, bits);
    return AIP_OK;
}

static int32_t state_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const imputer_fold *f = fold;
    for (int32_t i = 0; i < f->columns.n; i++) {
        column_state *s = (column_state *)state + i;
        const aip_field *field = aip__fit_field(&f->columns, i);
        const aip__column *c = batch->columns[f->columns.indices[i]];
        int64_t bad = c->length;
        s->n_rows += c->length;
        switch (f->self->strategy) {
        case AIP__IMPUTE_MEAN:
            bad = aip__moments_add(&s->moments, c, field->scale);
            s->n_there = s->moments.n;
            break;
        case AIP__IMPUTE_MEDIAN:
            AIP__TRY(collect(f, s, c, field->scale, &bad, err));
            s->n_there = (int64_t)s->n_values;
            break;
        case AIP__IMPUTE_MOST_FREQUENT:
            AIP__TRY(aip__categories_count(&s->set, c, field->name, err));
            s->n_there = s->n_rows - s->set.n_missing;
            break;
        default: AIP__TRY(count_there(f->columns.ctx, c, &s->n_there, err)); break;
        }
        if (bad < c->length)
            return aip__bad_cell(batch, f->columns.indices[i], bad, "", "is infinite, or too large for its square to be summed",
                                 err);
    }
    return AIP_OK;
}

static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    const imputer_fold *f = fold;
    aip_context *ctx = f->columns.ctx;
    for (int32_t i = 0; i < f->columns.n; i++) {
        column_state *a = (column_state *)into + i;
        const column_state *b = (const column_state *)from + i;
        if (aip__grow(ctx, &a->values, &a->capacity, a->n_values + b->n_values, sizeof *a->values))
            return aip__error_memory(ctx, err);
        if (b->n_values) memcpy(a->values + a->n_values, b->values, b->n_values * sizeof *b->values);
        a->n_values += b->n_values;
        aip__moments_merge(&a->moments, &b->moments);
        if (b->set.ctx) AIP__TRY(aip__categories_merge(&a->set, &b->set, aip__fit_field(&f->columns, i)->name, err));
        a->n_rows += b->n_rows;
        a->n_there += b->n_there;
    }
    return AIP_OK;
}

static int32_t state_dump(const void *fold, const void *state, aip_writer *w, aip_error **err) {
    const imputer_fold *f = fold;
    for (int32_t i = 0; i < f->columns.n; i++) {
        const column_state *s = (const column_state *)state + i;
        AIP__TRY(aip_writer_i64(w, s->n_rows, err));
        AIP__TRY(aip_writer_i64(w, s->n_there, err));
        AIP__TRY(aip_writer_f64(w, s->moments.mean, err));
        AIP__TRY(aip_writer_f64(w, s->moments.m2, err));
        AIP__TRY(aip_writer_i64(w, (int64_t)s->n_values, err));
        for (size_t k = 0; k < s->n_values; k++) AIP__TRY(aip_writer_f64(w, s->values[k], err));
        if (s->set.ctx) AIP__TRY(aip__categories_write(&s->set, w, err));
    }
    return AIP_OK;
}

static int32_t load_column(const imputer_fold *f, column_state *s, aip_reader *r, aip_error **err) {
    AIP__TRY(aip_reader_i64(r, &s->n_rows, err));
    AIP__TRY(aip_reader_i64(r, &s->n_there, err));
    AIP__TRY(aip__read_number(r, false, &s->moments.mean, err));
    AIP__TRY(aip__read_number(r, false, &s->moments.m2, err));
    if (s->n_there < 0 || s->n_there > s->n_rows || s->n_rows > AIP__MAX_COUNT || s->moments.m2 < 0)
        return aip__corrupt_state(err, "a count or a variance is out of range");
    bool median = f->self->strategy == AIP__IMPUTE_MEDIAN;
    int32_t n = 0;
    AIP__TRY(aip__read_count(r, INT32_MAX, 8, &n, err));
    if (n != (median ? s->n_there : 0)) return aip__corrupt_state(err, "the number of values is not the number of rows");
    if (aip__grow(f->columns.ctx, &s->values, &s->capacity, (size_t)n, sizeof *s->values))
        return aip__error_memory(f->columns.ctx, err);
    for (int32_t k = 0; k < n; k++) AIP__TRY(aip__read_number(r, false, &s->values[s->n_values++], err));
    if (f->self->strategy == AIP__IMPUTE_MEAN) s->moments.n = s->n_there;
    return s->set.ctx ? aip__categories_read(&s->set, r, err) : AIP_OK;
}

static int32_t state_load(const void *fold, aip_reader *r, void **state, aip_error **err) {
    const imputer_fold *f = fold;
    void *made = NULL;
    AIP__TRY(state_init(fold, &made, err));
    for (int32_t i = 0; i < f->columns.n; i++) {
        int32_t status = load_column(f, (column_state *)made + i, r, err);
        if (status == AIP_OK) continue;
        state_destroy(fold, made);
        return status;
    }
    *state = made;
    return AIP_OK;
}

/* ---- finish -------------------------------------------------------------------------------------------------------------------- */

static int32_t most_frequent(const aip__imputer *s, const aip__categories *set, aip__imputed *c, aip_error **err) {
    int64_t best = 0;
    for (int64_t k = 1; k < set->n; k++) {
        int64_t a = set->entries[k].count, b = set->entries[best].count;
        if (a > b || (a == b && aip__categories_compare(set, k, best) < 0)) best = k;
    }
    if (set->kind == AIP__CATEGORY_FLOAT) {
        c->fill = AIP__FILL_F64;
        c->f64 = aip__category_f64(set, best);
        return AIP_OK;
    }
    if (set->kind == AIP__CATEGORY_INT) {
        c->fill = AIP__FILL_I64;
        c->i64 = (int64_t)set->entries[best].bits;
        return AIP_OK;
    }
    size_t n = 0;
    const char *text = aip__category_text(set, best, &n);
    return set_text(s, c, text, n, err);
}

/* Nothing was there to learn from: the column is left out, or filled with 0 ("missing_value" in a text column). */
static int32_t empty_column(const aip__imputer *s, const aip_field *field, aip__imputed *c, aip_error **err) {
    if (!s->keep_empty) {
        aip__log(s->ctx, AIP_LOG_WARNING, NULL, "simple_imputer: column '%s' has no value in the fit and is left out",
                 field->name);
        return AIP_OK;
    }
    bool to_f64 = s->strategy != AIP__IMPUTE_MOST_FREQUENT || aip__category_kind_of(field->type) == AIP__CATEGORY_FLOAT;
    c->fill = to_f64 ? AIP__FILL_F64 : aip__type_is_text(field->type) ? AIP__FILL_TEXT : AIP__FILL_I64;
    return c->fill == AIP__FILL_TEXT ? set_text(s, c, MISSING_TEXT, strlen(MISSING_TEXT), err) : AIP_OK;
}

static int32_t finish_column(const aip__imputer *s, const aip_field *field, const column_state *state, aip__imputed *c,
                             aip_error **err) {
    c->type = field->type;
    c->scale = field->scale;
    c->has_missing = state->n_there < state->n_rows;
    c->name = aip__strdup(s->ctx, field->name);
    if (!c->name) return aip__error_memory(s->ctx, err);
    if (s->strategy == AIP__IMPUTE_CONSTANT) return constant(s, field, c, err);
    if (state->n_there == 0) return empty_column(s, field, c, err);
    if (s->strategy == AIP__IMPUTE_MOST_FREQUENT) return most_frequent(s, &state->set, c, err);
    c->fill = AIP__FILL_F64;
    if (s->strategy == AIP__IMPUTE_MEDIAN) return aip__median(s->ctx, state->values, state->n_values, &c->f64, err);
    c->f64 = state->moments.mean;
    if (isfinite(c->f64)) return AIP_OK;
    return aip__error_set(err, AIP_E_NUMERIC, "column '%s': the values are too large to be summed", field->name);
}

int32_t aip__imputer_fold_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err) {
    const aip__imputer *s = self;
    const imputer_fold *f = fold;
    aip__imputer_fitted *t = NULL;
    AIP__TRY(aip__imputer_fitted_new(s->ctx, f->columns.n, &t, err));
    for (int32_t i = 0; i < t->n; i++) {
        int32_t status = finish_column(s, aip__fit_field(&f->columns, i), (const column_state *)state + i, &t->columns[i], err);
        if (status == AIP_OK) continue;
        aip__imputer_fitted_free(t);
        return status;
    }
    *fitted = t;
    return AIP_OK;
}

const aip_fold_ops aip__imputer_fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                            .state_bytes = state_bytes,
                                            .init = state_init,
                                            .update = state_update,
                                            .merge = state_merge,
                                            .dump = state_dump,
                                            .load = state_load,
                                            .destroy = state_destroy};
