/* The state that all metrics of classifiers are computed from: a fold whose states merge, dump and load. Which class is the positive one is only
 * known when all rows were seen, so everything is kept by class of the truth. */
#include "metrics/metrics.h"

#include "base/fmath.h"
#include "data/batch.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void scores_free(aip__scores *s) {
    aip_context *ctx = s->ctx;
    for (int32_t k = 0; k < AIP__SCORES_CLASSES; k++) aip__free(ctx, s->of[k].values);
    aip__classes_free(&s->classes);
    aip__free(ctx, s);
}

static size_t state_bytes(const void *fold) {
    (void)fold;
    return sizeof(aip__scores);
}

static int32_t init(const void *fold, void **state, aip_error **err) {
    const aip__scores_fold *f = fold;
    aip__scores *s = aip__calloc(f->ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(f->ctx, err);
    s->ctx = f->ctx;
    aip__classes_init(&s->classes, f->ctx, f->type);
    int32_t status = AIP_OK;
    for (int32_t i = 0, code = 0; f->known && status == AIP_OK && i < f->known->n; i++)
        status = aip__classes_add(&s->classes, &f->known->items[i], &code, err);
    if (status != AIP_OK) {
        scores_free(s);
        return status;
    }
    *state = s;
    return AIP_OK;
}

static void destroy(const void *fold, void *state) {
    (void)fold;
    scores_free(state);
}

/* ---- update ------------------------------------------------------------------------------------------------------------------------------- */

static void add_to(double *sum, double *rest, double v) {
    double total = *sum + v;
    *rest += fabs(*sum) >= fabs(v) ? (*sum - total) + v : (v - total) + *sum;
    *sum = total;
}

static double clipped(double p) { return p < DBL_EPSILON ? DBL_EPSILON : p > 1.0 - DBL_EPSILON ? 1.0 - DBL_EPSILON : p; }

/* Probabilities are clipped to [eps, 1 - eps], eps that of float64, as scikit-learn's log_loss does. Logs are of products of so many of them that
 * no product underflows: 16 factors of at least 2^-52. */
#define FACTORS 16
static void add_logs(aip__scores *s, const double *p, const int32_t *truth, int64_t n) {
    double product_p[AIP__SCORES_CLASSES], product_q[AIP__SCORES_CLASSES];
    int32_t held[AIP__SCORES_CLASSES] = {0};
    for (int32_t k = 0; k < AIP__SCORES_CLASSES; k++) product_p[k] = product_q[k] = 1;
    for (int64_t i = 0; i < n + s->classes.n; i++) { /* after the rows, what each class still holds */
        int32_t k = i < n ? truth[i] : (int32_t)(i - n);
        if (i < n) {
            product_p[k] *= clipped(p[i]);
            product_q[k] *= clipped(1.0 - p[i]);
            if (++held[k] < FACTORS) continue;
        }
        add_to(&s->of[k].log_p, &s->of[k].log_p_rest, aip__fmath_log(product_p[k]));
        add_to(&s->of[k].log_q, &s->of[k].log_q_rest, aip__fmath_log(product_q[k]));
        product_p[k] = product_q[k] = 1;
        held[k] = 0;
    }
}

static int32_t add_probabilities(const aip__scores_fold *f, aip__scores *s, const aip_batch *batch, const int32_t *truth,
                                 aip_error **err) {
    const aip__column *column = batch->columns[f->probability];
    const char *name = batch->schema->fields[f->probability].name;
    const double *p = aip__column_f64(column);
    for (int64_t i = 0; i < batch->n_rows; i++) {
        if (aip__valid(column->validity, i) && p[i] >= 0 && p[i] <= 1) continue;
        char what[40] = "missing", where[40] = "a row";
        if (aip__valid(column->validity, i)) snprintf(what, sizeof what, "%.17g", p[i]);
        if (batch->ordinal >= 0) snprintf(where, sizeof where, "row %lld (from 0)", (long long)(batch->ordinal + i));
        aip__error_set(err, AIP_E_DATA, "column '%s' is %s in %s: expected a probability from 0 to 1", name, what, where);
        aip__error_at_data_column(err, name);
        return AIP_E_DATA;
    }
    if (f->needs & AIP__SCORES_LOSS) add_logs(s, p, truth, batch->n_rows);
    if (!(f->needs & AIP__SCORES_SORTED)) return AIP_OK;
    for (int32_t k = 0; k < s->classes.n; k++) {
        aip__scores_class *c = &s->of[k];
        if (aip__grow(s->ctx, &c->values, &c->capacity, c->n_values + (size_t)batch->n_rows, sizeof(double)) != 0)
            return aip__error_memory(s->ctx, err);
    }
    for (int64_t i = 0; i < batch->n_rows; i++) {
        aip__scores_class *c = &s->of[truth[i]];
        c->values[c->n_values++] = p[i];
    }
    return AIP_OK;
}

static int32_t update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const aip__scores_fold *f = fold;
    aip__scores *s = state;
    int32_t most = f->known ? f->known->n : AIP__SCORES_CLASSES;
    size_t n = (size_t)batch->n_rows;
    int32_t *truth = aip__alloc(s->ctx, (2 * n + 1) * sizeof *truth);
    if (!truth) return aip__error_memory(s->ctx, err);
    int32_t *predicted = truth + n;
    int32_t status = aip__classes_encode(&s->classes, batch->columns[f->truth], f->truth_name, batch->ordinal, most, truth, err);
    if (status == AIP_OK && f->prediction >= 0)
        status = aip__classes_encode(&s->classes, batch->columns[f->prediction], batch->schema->fields[f->prediction].name,
                                     batch->ordinal, most, predicted, err);
    if (status == AIP_OK) {
        for (size_t i = 0; i < n; i++) s->of[truth[i]].rows++;
        for (size_t i = 0; f->prediction >= 0 && i < n; i++) s->counts[truth[i]][predicted[i]]++;
        if (f->probability >= 0) status = add_probabilities(f, s, batch, truth, err);
    }
    aip__free(s->ctx, truth);
    return status;
}

/* ---- merge -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t merge_class(aip__scores *s, aip__scores_class *into, const aip__scores_class *from, aip_error **err) {
    into->rows += from->rows;
    add_to(&into->log_p, &into->log_p_rest, from->log_p);
    add_to(&into->log_q, &into->log_q_rest, from->log_q);
    into->log_p_rest += from->log_p_rest;
    into->log_q_rest += from->log_q_rest;
    if (from->n_values == 0) return AIP_OK;
    if (aip__grow(s->ctx, &into->values, &into->capacity, into->n_values + from->n_values, sizeof(double)) != 0)
        return aip__error_memory(s->ctx, err);
    memcpy(into->values + into->n_values, from->values, from->n_values * sizeof(double));
    into->n_values += from->n_values;
    return AIP_OK;
}

static int32_t merge(const void *fold, void *into_state, const void *from_state, aip_error **err) {
    (void)fold;
    aip__scores *into = into_state;
    const aip__scores *from = from_state;
    int32_t code[AIP__SCORES_CLASSES] = {0};
    for (int32_t i = 0; i < from->classes.n; i++) {
        if (into->classes.n == AIP__SCORES_CLASSES && aip__classes_find(&into->classes, &from->classes.items[i]) < 0)
            return aip__error_set(err, AIP_E_DATA, "truth and prediction have more than %d distinct values: expected classes",
                                  AIP__SCORES_CLASSES);
        AIP__TRY(aip__classes_add(&into->classes, &from->classes.items[i], &code[i], err));
    }
    for (int32_t i = 0; i < from->classes.n; i++) {
        for (int32_t j = 0; j < from->classes.n; j++) into->counts[code[i]][code[j]] += from->counts[i][j];
        AIP__TRY(merge_class(into, &into->of[code[i]], &from->of[i], err));
    }
    return AIP_OK;
}

int32_t aip__scores_settle(aip__scores *s, aip_error **err) {
    if (s->classes.n == 1) {
        const aip__class *only = &s->classes.items[0];
        int32_t type = s->classes.type, code = 0;
        aip__class other = {0};
        bool plain = false;
        if (type == AIP_BOOL || type == AIP_INT64) {
            plain = only->integer == 0 || only->integer == 1;
            other.integer = only->integer == 0;
        } else if (type == AIP_FLOAT64) {
            plain = only->real == 0.0 || only->real == 1.0;
            other.real = 1.0 - only->real;
        }
        if (plain) AIP__TRY(aip__classes_add(&s->classes, &other, &code, err));
    }
    int32_t order[AIP__SCORES_CLASSES] = {0};
    aip__scores *old = aip__alloc(s->ctx, sizeof *old); /* a copy of the parts that move */
    if (!old) return aip__error_memory(s->ctx, err);
    memcpy(old->counts, s->counts, sizeof s->counts);
    memcpy(old->of, s->of, sizeof s->of);
    aip__classes_sort(&s->classes, order);
    for (int32_t i = 0; i < s->classes.n; i++) {
        s->of[order[i]] = old->of[i];
        for (int32_t j = 0; j < s->classes.n; j++) s->counts[order[i]][order[j]] = old->counts[i][j];
    }
    aip__free(s->ctx, old);
    return AIP_OK;
}

/* ---- as bytes -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t dump(const void *fold, const void *state, aip_writer *w, aip_error **err) {
    (void)fold;
    const aip__scores *s = state;
    AIP__TRY(aip__classes_save(&s->classes, w, err));
    for (int32_t i = 0; i < s->classes.n; i++) {
        const aip__scores_class *c = &s->of[i];
        for (int32_t j = 0; j < s->classes.n; j++) AIP__TRY(aip_writer_i64(w, s->counts[i][j], err));
        AIP__TRY(aip_writer_i64(w, c->rows, err));
        AIP__TRY(aip_writer_f64(w, c->log_p, err));
        AIP__TRY(aip_writer_f64(w, c->log_p_rest, err));
        AIP__TRY(aip_writer_f64(w, c->log_q, err));
        AIP__TRY(aip_writer_f64(w, c->log_q_rest, err));
        AIP__TRY(aip_writer_i64(w, (int64_t)c->n_values, err));
        for (size_t v = 0; v < c->n_values; v++) AIP__TRY(aip_writer_f64(w, c->values[v], err));
    }
    return AIP_OK;
}

static int32_t read_count(aip_reader *r, int64_t *v, aip_error **err) {
    AIP__TRY(aip_reader_i64(r, v, err));
    if (*v >= 0 && *v <= INT64_C(1) << 53) return AIP_OK; /* so that sums of them do not overflow */
    return aip__error_set(err, AIP_E_CORRUPT, "a count of rows is %lld: expected 0 to 2^53", (long long)*v);
}

static int32_t read_class(aip__scores *s, int32_t i, aip_reader *r, aip_error **err) {
    aip__scores_class *c = &s->of[i];
    int64_t n = 0;
    for (int32_t j = 0; j < s->classes.n; j++) AIP__TRY(read_count(r, &s->counts[i][j], err));
    AIP__TRY(read_count(r, &c->rows, err));
    AIP__TRY(aip_reader_f64(r, &c->log_p, err));
    AIP__TRY(aip_reader_f64(r, &c->log_p_rest, err));
    AIP__TRY(aip_reader_f64(r, &c->log_q, err));
    AIP__TRY(aip_reader_f64(r, &c->log_q_rest, err));
    AIP__TRY(read_count(r, &n, err));
    if ((uint64_t)n > aip_reader_left(r) / 8)
        return aip__error_set(err, AIP_E_CORRUPT, "%lld scores announced, fewer there", (long long)n);
    if (aip__grow(s->ctx, &c->values, &c->capacity, (size_t)n, sizeof(double)) != 0) return aip__error_memory(s->ctx, err);
    for (int64_t v = 0; v < n; v++) {
        AIP__TRY(aip_reader_f64(r, &c->values[v], err));
        if (!(c->values[v] >= 0 && c->values[v] <= 1))
            return aip__error_set(err, AIP_E_CORRUPT, "a score is not between 0 and 1");
        c->n_values++;
    }
    return AIP_OK;
}

static int32_t load(const void *fold, aip_reader *r, void **state, aip_error **err) {
    const aip__scores_fold *f = fold;
    aip__scores *s = aip__calloc(f->ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(f->ctx, err);
    s->ctx = f->ctx;
    aip__classes_init(&s->classes, f->ctx, f->type);
    int32_t status = aip__classes_load(&s->classes, r, AIP__SCORES_CLASSES, false, err);
    if (status == AIP_OK && s->classes.type != f->type)
        status = aip__error_set(err, AIP_E_CORRUPT, "the classes are %s: expected %s", aip_type_name(s->classes.type),
                                aip_type_name(f->type));
    for (int32_t i = 0; status == AIP_OK && i < s->classes.n; i++) status = read_class(s, i, r, err);
    if (status != AIP_OK) {
        scores_free(s);
        return status;
    }
    *state = s;
    return AIP_OK;
}

const aip_fold_ops aip__scores_ops = {sizeof(aip_fold_ops), 0, state_bytes, init, update, merge, dump, load, destroy};
