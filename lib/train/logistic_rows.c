/* Logistic regression in a row plan. Features that lie beside each other are multiplied as they are; of the columns of a one-hot group, of which
 * at most one is not zero, only that one's coefficient is added. Both give the bits of the sum over all features in order: adding a product with
 * zero changes no sum but the sign of a zero, of which the sigmoid takes no notice. */
#include "math/logistic.h"
#include "train/logistic_fit.h"

#include <math.h>

_Static_assert(AIP__KERNEL_ROWS == AIP__ROW_BLOCK, "a frame is a block of the kernels");

typedef struct {
    int32_t at;         /* column of cells of the first feature, or of the group's codes */
    int32_t n;          /* features; 0: a group */
    const double *coef; /* n; of a group by code, coef[-1] is 0: no column is 1 */
} term;

typedef struct {
    int32_t to, n_terms;
    double intercept;
    const aip__logistic_kernels *kernels;
    term *terms;
    double *numbers; /* what the terms point into */
    aip_context *ctx;
} predicting;

static void destroy(void *self) {
    predicting *p = self;
    aip__free(p->ctx, p->terms);
    aip__free(p->ctx, p->numbers);
}

/* A probability of 0 or 1, or none: right only when every feature is finite (as model_predict.c has it). */
static bool features_finite(const predicting *p, const aip__row_frame *f, int32_t i) {
    for (int32_t t = 0; t < p->n_terms; t++)
        for (int32_t k = 0; k < p->terms[t].n; k++)
            if (!isfinite(aip__row_f64_at(f, p->terms[t].at + k)[i])) return false;
    return true;
}

static bool predict_one(const predicting *p, const aip__row_frame *f) {
    double margin = p->intercept;
    for (int32_t t = 0; t < p->n_terms; t++) {
        const term *now = &p->terms[t];
        const double *x = aip__row_f64_at(f, now->at);
        if (now->n == 0) margin = margin + now->coef[*aip__row_i64_at(f, now->at)];
        for (int32_t k = 0; k < now->n; k++) margin = margin + now->coef[k] * x[k];
    }
    double probability = p->kernels->sigmoid(margin);
    *aip__row_f64_at(f, p->to) = probability;
    return (probability > 0 && probability < 1) || (!isnan(probability) && features_finite(p, f, 0));
}

static bool predict_block(const predicting *p, const aip__row_frame *f) {
    double *margin = aip__row_f64_at(f, p->to);
    for (int32_t i = 0; i < AIP__ROW_BLOCK; i++) margin[i] = p->intercept;
    for (int32_t t = 0; t < p->n_terms; t++) {
        const term *now = &p->terms[t];
        const int64_t *codes = aip__row_i64_at(f, now->at);
        if (now->n > 0)
            p->kernels->margins(now->n, aip__row_f64_at(f, now->at), now->coef, margin);
        else
            for (int32_t i = 0; i < f->n; i++) margin[i] = margin[i] + now->coef[codes[i]];
    }
    p->kernels->sigmoids(margin);
    for (int32_t i = 0; i < f->n; i++)
        if (!(margin[i] > 0 && margin[i] < 1) && (isnan(margin[i]) || !features_finite(p, f, i))) return false;
    return true;
}

static bool predict_rows(void *self, const aip__row_frame *f) {
    return f->shift == 0 ? predict_one(self, f) : predict_block(self, f);
}

/* Features from the first on that are of one group. */
static int32_t group_of(const aip__row_slot *slots, int32_t n) {
    int32_t k = 0;
    while (k < n && slots[0].code >= 0 && slots[k].code == slots[0].code) k++;
    return k;
}

static int32_t plan_terms(predicting *p, aip_row_plan *plan, const aip__logistic_learned *l, aip__row_slot *slots,
                          aip_error **err) {
    double *number = p->numbers;
    for (int32_t j = 0; j < l->n;) {
        int32_t run = group_of(slots + j, l->n - j);
        term *t = &p->terms[p->n_terms++];
        if (run > 0) {
            number++; /* of no column */
            *t = (term){.at = slots[j].code, .coef = number};
            for (int32_t k = 0; k < run; k++) number[slots[j + k].position] = l->coef[j + k];
            number += slots[j].group;
        } else {
            int32_t most = 1;
            while (j + most < l->n && slots[j + most].code < 0) most++;
            AIP__TRY(aip__row_need_f64(plan, slots + j, most, slots + j, err));
            run = aip__row_run_of(slots + j, most);
            *t = (term){.at = slots[j].at, .n = run, .coef = number};
            memcpy(number, l->coef + j, (size_t)run * sizeof *number);
            number += run;
        }
        j += run;
    }
    return AIP_OK;
}

int32_t aip__logistic_row_plan(const void *learned, aip_row_plan *plan, const aip__row_slot *features, aip__row_slot *probability,
                               aip_error **err) {
    const aip__logistic_learned *l = learned;
    aip_context *ctx = plan->ctx;
    size_t n = (size_t)l->n, numbers = n;
    for (int32_t j = 0; j < l->n; j++) /* a group counts once for each stretch of its columns */
        if (features[j].code >= 0 && (j == 0 || features[j - 1].code != features[j].code))
            numbers += (size_t)features[j].group + 1;
    predicting made = {.ctx = ctx, .intercept = l->result.intercept, .kernels = aip__logistic_kernels_now()}, *p = NULL;
    aip__row_slot *slots = aip__alloc(ctx, (n + 1) * sizeof *slots);
    made.terms = aip__calloc(ctx, n + 1, sizeof *made.terms);
    made.numbers = aip__calloc(ctx, numbers + 1, sizeof *made.numbers);
    int32_t status = slots && made.terms && made.numbers ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK) {
        memcpy(slots, features, n * sizeof *slots);
        status = plan_terms(&made, plan, l, slots, err);
    }
    aip__free(ctx, slots);
    if (status == AIP_OK) status = aip__row_slots_new(plan, 1, probability, err);
    if (status == AIP_OK) status = aip__row_step_add(plan, predict_rows, sizeof *p, &p, err);
    if (status != AIP_OK) {
        destroy(&made);
        return status;
    }
    made.to = probability->at;
    *p = made;
    plan->steps[plan->n_steps - 1].destroy = destroy;
    return AIP_OK;
}
