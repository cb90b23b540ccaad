/* simple_imputer in a row plan: floats are filled in runs of columns that lie beside each other, all else column by column. */
#include "transform/kernels.h"
#include "transform/simple_imputer.h"

typedef struct {
    int32_t from, to, n;
    double fill[];
} filling;

static bool fill_f64(void *self, const aip__row_frame *f) {
    const filling *s = self;
    if (f->shift == 0) {
        aip__fill_each_f64(aip__row_f64_at(f, s->from), s->n, s->fill, aip__row_f64_at(f, s->to));
        return true;
    }
    for (int32_t k = 0; k < s->n; k++)
        aip__fill_f64(aip__row_f64_at(f, s->from + k), f->n, s->fill[k], aip__row_f64_at(f, s->to + k));
    return true;
}

typedef struct {
    aip__row_slot from, to;
    int64_t i64;
    aip_row_text text; /* of what was learned, which outlives the plan */
} replacing;

static bool replace(void *self, const aip__row_frame *f) {
    const replacing *s = self;
    const void *from = aip__row_at(f, s->from.at);
    void *to = aip__row_at(f, s->to.at);
    for (int32_t i = 0; i < f->n; i++) {
        bool missing = aip__row_missing(f, &s->from, i);
        if (s->from.class == AIP__ROW_I64)
            ((int64_t *)to)[i] = missing ? s->i64 : ((const int64_t *)from)[i];
        else if (s->from.class == AIP__ROW_BOOL)
            ((uint8_t *)to)[i] = missing ? s->i64 != 0 : ((const uint8_t *)from)[i];
        else
            ((aip_row_text *)to)[i] = missing ? s->text : ((const aip_row_text *)from)[i];
    }
    return true;
}

typedef struct {
    aip__row_slot from;
    int32_t to;
} indicating;

static bool indicate(void *self, const aip__row_frame *f) {
    const indicating *s = self;
    double *to = aip__row_f64_at(f, s->to);
    for (int32_t i = 0; i < f->n; i++) to[i] = aip__row_missing(f, &s->from, i);
    return true;
}

typedef struct {                  /* of a plan being made */
    aip__row_slot *made, *floats; /* made: in the layout's order; floats: what is filled as float64 */
    double *fill;
    int32_t *which; /* of made, each of floats */
    int32_t n_made, n_floats;
} work;

static int32_t plan_float(aip_row_plan *plan, const aip__row_slot *in, double fill, work *w, aip_error **err) {
    AIP__TRY(aip__row_need_f64(plan, in, 1, &w->floats[w->n_floats], err));
    w->which[w->n_floats] = w->n_made++;
    w->fill[w->n_floats++] = fill;
    return AIP_OK;
}

static int32_t plan_other(aip_row_plan *plan, const aip__row_slot *in, const aip__imputed *how, work *w, aip_error **err) {
    aip__row_slot *made = &w->made[w->n_made++];
    AIP__TRY(aip__row_need(plan, in, err));
    *made = *in;
    if (in->valid < 0 && in->class != AIP__ROW_TEXT) return AIP_OK; /* never missing */
    replacing *s = NULL;
    AIP__TRY(aip__row_step_add(plan, replace, sizeof *s, &s, err));
    AIP__TRY(aip__row_slot_new(plan, in->class, false, made, err));
    *s = (replacing){.from = *in, .to = *made, .i64 = how->i64, .text = {how->text, how->n_text}};
    return AIP_OK;
}

static int32_t plan_indicator(const aip__imputer_bound *b, int32_t k, aip_row_plan *plan, work *w, aip_error **err) {
    const aip__row_slot *in = &plan->slots[b->where[k]];
    indicating *s = NULL;
    AIP__TRY(aip__row_need(plan, in, err));
    AIP__TRY(aip__row_step_add(plan, indicate, sizeof *s, &s, err));
    AIP__TRY(aip__row_slots_new(plan, 1, &w->made[w->n_made], err));
    *s = (indicating){.from = *in, .to = w->made[w->n_made++].at};
    return AIP_OK;
}

/* The floats, into columns that lie beside each other. */
static int32_t plan_fills(aip_row_plan *plan, work *w, aip__row_slot *to, aip_error **err) {
    AIP__TRY(aip__row_slots_new(plan, w->n_floats, to, err));
    for (int32_t k = 0; k < w->n_floats;) {
        filling *s = NULL;
        int32_t run = aip__row_run_of(w->floats + k, w->n_floats - k);
        AIP__TRY(aip__row_step_add(plan, fill_f64, sizeof *s + (size_t)run * sizeof(double), &s, err));
        s->from = w->floats[k].at;
        s->to = to[k].at;
        s->n = run;
        for (int32_t j = 0; j < run; j++, k++) {
            s->fill[j] = w->fill[k];
            w->made[w->which[k]] = to[k];
        }
    }
    return AIP_OK;
}

static int32_t plan_all(const aip__imputer_bound *b, aip_row_plan *plan, work *w, aip__row_slot *to, aip_error **err) {
    bool to_f64 = b->self->strategy == AIP__IMPUTE_MEAN || b->self->strategy == AIP__IMPUTE_MEDIAN;
    int32_t column = 0; /* of what comes out */
    for (int32_t i = 0; i < plan->n_slots; i++) {
        if (b->which[i] < 0) {
            column++;
            continue;
        }
        const aip__imputed *how = &b->fitted->columns[b->which[i]];
        if (how->fill == AIP__FILL_NONE) continue;
        int32_t type = b->layout.schema->fields[column++].type;
        if (to_f64 || plan->slots[i].class == AIP__ROW_F64)
            AIP__TRY(plan_float(plan, &plan->slots[i], type == AIP_FLOAT32 ? (double)(float)how->f64 : how->f64, w, err));
        else
            AIP__TRY(plan_other(plan, &plan->slots[i], how, w, err));
    }
    for (int32_t k = 0; b->self->add_indicator && k < b->fitted->n; k++)
        if (b->fitted->columns[k].has_missing) AIP__TRY(plan_indicator(b, k, plan, w, err));
    AIP__TRY(plan_fills(plan, w, to, err));
    return aip__layout_slots(&b->layout, plan, w->made, err);
}

int32_t aip__imputer_row_plan(const void *bound, aip_row_plan *plan, aip_error **err) {
    const aip__imputer_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    size_t n = (size_t)b->layout.n_made + 1;
    aip__row_slot *slots = aip__alloc(ctx, 3 * n * sizeof *slots);
    double *fill = aip__alloc(ctx, n * sizeof *fill);
    int32_t *which = aip__alloc(ctx, n * sizeof *which);
    int32_t status = AIP_OK;
    if (!slots || !fill || !which) {
        status = aip__error_memory(ctx, err);
    } else {
        work w = {.made = slots, .floats = slots + n, .fill = fill, .which = which};
        status = plan_all(b, plan, &w, slots + 2 * n, err);
    }
    aip__free(ctx, slots);
    aip__free(ctx, fill);
    aip__free(ctx, which);
    return status;
}
