/* Row plans: their table, their steps, and the two that every plan has: loading rows of the host, and numbers as float64. */
#include "data/row_plan.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>

#define NO_SLOT \
    (aip__row_slot) { .at = -1, .valid = -1, .lazy = -1, .code = -1 }

bool aip__row_class_of(int32_t type, aip__row_class *out) {
    switch (type) {
    case AIP_FLOAT32:
    case AIP_FLOAT64: *out = AIP__ROW_F64; return true;
    case AIP_INT32:
    case AIP_INT64:
    case AIP_DATE32:
    case AIP_TIMESTAMP: *out = AIP__ROW_I64; return true;
    case AIP_BOOL: *out = AIP__ROW_BOOL; return true;
    case AIP_UTF8:
    case AIP_DICTIONARY: *out = AIP__ROW_TEXT; return true;
    default: return false;
    }
}

/* ---- building ------------------------------------------------------------------------------------------------------------------- */

static int32_t take_cells(aip_row_plan *p, int32_t n, int32_t *at, aip_error **err) {
    if (n > INT32_MAX / 2 - p->n_columns) return aip__error_memory(p->ctx, err);
    *at = p->n_columns;
    p->n_columns += n;
    return AIP_OK;
}

int32_t aip__row_slot_new(aip_row_plan *p, aip__row_class class, bool valid, aip__row_slot *out, aip_error **err) {
    aip__row_slot s = NO_SLOT;
    s.class = class;
    AIP__TRY(take_cells(p, class == AIP__ROW_TEXT ? 2 : 1, &s.at, err));
    if (valid) AIP__TRY(take_cells(p, 1, &s.valid, err));
    *out = s;
    return AIP_OK;
}

int32_t aip__row_slots_new(aip_row_plan *p, int32_t n, aip__row_slot *out, aip_error **err) {
    int32_t at = 0;
    AIP__TRY(take_cells(p, n, &at, err));
    for (int32_t i = 0; i < n; i++) {
        out[i] = NO_SLOT;
        out[i].class = AIP__ROW_F64;
        out[i].at = at + i;
    }
    return AIP_OK;
}

static int32_t push(aip_row_plan *p, aip__row_step **steps, size_t *n, size_t *capacity, aip__row_fn fn, size_t size,
                    void *self_out, aip_error **err) {
    if (aip__grow(p->ctx, steps, capacity, *n + 1, sizeof **steps)) return aip__error_memory(p->ctx, err);
    void *self = aip__calloc(p->ctx, 1, size);
    if (!self) return aip__error_memory(p->ctx, err);
    (*steps)[(*n)++] = (aip__row_step){.fn = fn, .self = self};
    memcpy(self_out, &self, sizeof self);
    return AIP_OK;
}

int32_t aip__row_step_add(aip_row_plan *p, aip__row_fn fn, size_t size, void *self_out, aip_error **err) {
    return push(p, &p->steps, &p->n_steps, &p->steps_capacity, fn, size, self_out, err);
}

int32_t aip__row_step_wait(aip_row_plan *p, aip__row_fn fn, size_t size, void *self_out, int32_t *lazy, aip_error **err) {
    AIP__TRY(push(p, &p->lazy, &p->n_lazy, &p->lazy_capacity, fn, size, self_out, err));
    *lazy = (int32_t)p->n_lazy - 1;
    return AIP_OK;
}

int32_t aip__row_need(aip_row_plan *p, const aip__row_slot *slot, aip_error **err) {
    if (slot->lazy < 0 || !p->lazy[slot->lazy].fn) return AIP_OK;
    if (aip__grow(p->ctx, &p->steps, &p->steps_capacity, p->n_steps + 1, sizeof *p->steps)) return aip__error_memory(p->ctx, err);
    p->steps[p->n_steps++] = p->lazy[slot->lazy];
    p->lazy[slot->lazy] = (aip__row_step){0};
    return AIP_OK;
}

int32_t aip__row_run_of(const aip__row_slot *slots, int32_t n) {
    int32_t k = 1;
    while (k < n && slots[k].at == slots[0].at + k && slots[k].class == slots[0].class) k++;
    return k;
}

int32_t aip__row_table(aip_row_plan *p, const aip__row_slot *slots, int32_t n, aip_error **err) {
    aip__row_slot *copy = aip__alloc(p->ctx, ((size_t)n + 1) * sizeof *copy);
    if (!copy) return aip__error_memory(p->ctx, err);
    if (n > 0) memcpy(copy, slots, (size_t)n * sizeof *copy);
    aip__free(p->ctx, p->slots);
    p->slots = copy;
    p->n_slots = n;
    return AIP_OK;
}

/* ---- integers and bools as float64 ------------------------------------------------------------------------------------------------- */

typedef struct {
    aip__row_slot from; /* the first of n that lie beside each other */
    int32_t to, n;
} widening;

static bool widen(void *self, const aip__row_frame *f) {
    const widening *w = self;
    for (int32_t k = 0; k < w->n; k++) {
        double *out = aip__row_f64_at(f, w->to + k);
        const void *in = aip__row_at(f, w->from.at + k);
        if (w->from.class == AIP__ROW_I64)
            for (int32_t i = 0; i < f->n; i++) out[i] = (double)((const int64_t *)in)[i];
        else
            for (int32_t i = 0; i < f->n; i++) out[i] = ((const uint8_t *)in)[i];
    }
    if (w->from.valid < 0) return true;
    const uint8_t *valid = aip__row_at(f, w->from.valid);
    double *out = aip__row_f64_at(f, w->to);
    for (int32_t i = 0; i < f->n; i++)
        if (!valid[i]) out[i] = (double)NAN;
    return true;
}

int32_t aip__row_need_f64(aip_row_plan *p, const aip__row_slot *in, int32_t n, aip__row_slot *out, aip_error **err) {
    for (int32_t i = 0; i < n;) {
        AIP__TRY(aip__row_need(p, &in[i], err));
        if (in[i].class == AIP__ROW_TEXT) return AIP_E_UNSUPPORTED;
        if (in[i].class == AIP__ROW_F64) {
            out[i] = in[i];
            i++;
            continue;
        }
        int32_t k = 1, run = in[i].valid >= 0 ? 1 : aip__row_run_of(in + i, n - i);
        while (k < run && in[i + k].valid < 0 && in[i + k].lazy < 0) k++;
        widening *w = NULL;
        AIP__TRY(aip__row_step_add(p, widen, sizeof *w, &w, err));
        *w = (widening){.from = in[i], .n = k};
        AIP__TRY(aip__row_slots_new(p, k, out + i, err));
        w->to = out[i].at;
        i += k;
    }
    return AIP_OK;
}

/* ---- loading --------------------------------------------------------------------------------------------------------------------------- */

typedef struct { /* fields of one type, at even distances, into columns beside each other */
    int32_t type, at, n;
    size_t offset, distance;
} loading;

#define LOAD(TYPE, INTO, VALUE)                               \
    for (int32_t k = 0; k < l->n; k++, from += l->distance) { \
        INTO *to = aip__row_at(f, l->at + k);                 \
        const uint8_t *at = from;                             \
        for (int32_t i = 0; i < f->n; i++, at += f->stride) { \
            TYPE v;                                           \
            memcpy(&v, at, sizeof v);                         \
            to[i] = (VALUE);                                  \
        }                                                     \
    }                                                         \
    return true

static bool load(void *self, const aip__row_frame *f) {
    const loading *l = self;
    const uint8_t *from = f->rows + l->offset;
    switch (l->type) {
    case AIP_FLOAT64: LOAD(double, double, v);
    case AIP_FLOAT32: LOAD(float, double, (double)v);
    case AIP_INT32:
    case AIP_DATE32: LOAD(int32_t, int64_t, v);
    case AIP_BOOL: LOAD(uint8_t, uint8_t, v != 0);
    default: LOAD(int64_t, int64_t, v);
    }
}

static bool load_texts(void *self, const aip__row_frame *f) {
    const loading *l = self;
    aip_row_text *to = aip__row_at(f, l->at);
    const uint8_t *at = f->rows + l->offset;
    for (int32_t i = 0; i < f->n; i++, at += f->stride) {
        const char *text = NULL;
        memcpy(&text, at, sizeof text);
        to[i] = (aip_row_text){text, text ? strlen(text) : 0};
        if (to[i].n > INT32_MAX) return false;
    }
    return true;
}

/* Fields of one class side by side, so that kernels run across many columns; a run goes on while the next field is as far away as the last. Each
 * run waits for a reader: a stage that reads the host's rows itself (aip__row_direct) needs no copy. */
static int32_t plan_load(aip_row_plan *p, const aip__row_field *fields, int32_t n, aip_error **err) {
    p->slots = aip__calloc(p->ctx, (size_t)n + 1, sizeof *p->slots);
    if (!p->slots) return aip__error_memory(p->ctx, err);
    p->n_slots = n;
    for (int class = AIP__ROW_F64; class <= AIP__ROW_TEXT; class ++) {
        loading *run = NULL;
        int32_t lazy = -1;
        for (int32_t i = 0; i < n; i++) {
            aip__row_class is = AIP__ROW_F64;
            if (!aip__row_class_of(fields[i].type, &is)) return AIP_E_UNSUPPORTED;
            if ((int)is != class) continue;
            aip__row_slot *s = &p->slots[i];
            AIP__TRY(aip__row_slot_new(p, is, false, s, err));
            size_t offset = fields[i].offset;
            bool on = run && run->type == fields[i].type && is != AIP__ROW_TEXT && offset > run->offset
                      && (run->n == 1 || offset - run->offset == run->distance * (size_t)run->n);
            if (on) {
                if (run->n == 1) run->distance = offset - run->offset;
                run->n++;
            } else {
                AIP__TRY(aip__row_step_wait(p, is == AIP__ROW_TEXT ? load_texts : load, sizeof *run, &run, &lazy, err));
                *run = (loading){.type = fields[i].type, .at = s->at, .n = 1, .offset = offset, .distance = sizeof(double)};
            }
            s->lazy = lazy;
            s->direct = fields[i].type == AIP_FLOAT64;
            s->offset = offset;
        }
    }
    return AIP_OK;
}

int32_t aip__row_direct(const aip__row_slot *slots, int32_t n) {
    int32_t k = 0;
    while (k < n && slots[k].direct && slots[k].offset == slots[0].offset + (size_t)k * sizeof(double)) k++;
    return k;
}

/* ---- a plan ---------------------------------------------------------------------------------------------------------------------------- */

void aip__row_plan_free(aip_row_plan *p) {
    if (!p) return;
    aip_context *ctx = p->ctx;
    for (size_t i = 0; i < p->n_steps + p->n_lazy; i++) {
        aip__row_step *s = i < p->n_steps ? &p->steps[i] : &p->lazy[i - p->n_steps];
        if (s->destroy) s->destroy(s->self);
        aip__free(ctx, s->self);
    }
    aip__free(ctx, p->steps);
    aip__free(ctx, p->lazy);
    aip__free(ctx, p->slots);
    aip__buffer_free(p->memory);
    aip__free(ctx, p);
}

int32_t aip__row_plan_new(aip_context *ctx, const aip__row_field *fields, int32_t n, aip_row_plan **out, aip_error **err) {
    aip_row_plan *p = aip__calloc(ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(ctx, err);
    p->ctx = ctx;
    int32_t status = plan_load(p, fields, n, err);
    if (status != AIP_OK)
        aip__row_plan_free(p);
    else
        *out = p;
    return status;
}

int32_t aip__row_plan_end(aip_row_plan *p, int32_t result, aip_error **err) {
    AIP__TRY(aip__row_need_f64(p, &p->slots[result], 1, &p->result, err));
    size_t cells = (size_t)p->n_columns * 8; /* in columns of one row, then of a block */
    cells = (cells + 63) / 64 * 64;
    p->memory = aip__buffer_new(p->ctx, cells * (1 + AIP__ROW_BLOCK));
    if (!p->memory) return aip__error_memory(p->ctx, err);
    memset(p->memory->data, 0, cells * (1 + AIP__ROW_BLOCK));
    p->one = p->memory->data;
    p->block = p->one + cells;
    return AIP_OK;
}

static inline bool run_frame(const aip_row_plan *p, const aip__row_frame *f) {
    const aip__row_step *s = p->steps;
    for (size_t i = 0; i < p->n_steps; i++)
        if (!s[i].fn(s[i].self, f)) return false;
    return true;
}

#define FEW 8 /* rows that go one by one */

bool aip__row_plan_run(const aip_row_plan *p, const uint8_t *rows, size_t stride, int64_t n, double *out) {
    while (n > 0) {
        bool block = n >= FEW;
        aip__row_frame f = {.cells = block ? p->block : p->one,
                            .shift = block ? AIP__ROW_SHIFT : 0,
                            .n = !block               ? 1
                                 : n < AIP__ROW_BLOCK ? (int32_t)n
                                                      : AIP__ROW_BLOCK,
                            .rows = rows,
                            .stride = stride};
        if (!run_frame(p, &f)) return false;
        memcpy(out, aip__row_f64_at(&f, p->result.at), (size_t)f.n * sizeof *out);
        rows += (size_t)f.n * stride;
        out += f.n;
        n -= f.n;
    }
    return true;
}
