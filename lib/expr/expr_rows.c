/* A bound expression in a row plan: the same machine as over columns (expr_eval.c), kept open, with the plan's cells as its inputs. Texts that it
 * makes lie in its arena until the next rows; the arena keeps its memory, so that it stops allocating once it has seen the longest. */
#include "expr/expr_tree.h"

#include <math.h>
#include <string.h>

typedef struct {
    aip_context *ctx;
    expr_run run;
    bool open;
    int32_t type, n;
    aip__row_slot to;
    aip__row_slot *from; /* by column; class and cells of those that the expression reads */
    int32_t *reads;      /* the columns that it reads */
    int32_t n_reads;
    expr_slot *inputs; /* by column */
    struct expr_room { /* by column read: where an input is not as the machine wants it */
        double values[2 * AIP__ROW_BLOCK];
        uint8_t valid[AIP__ROW_BLOCK];
    } * room;
} evaluation;

static void destroy(void *self) {
    evaluation *e = self;
    if (e->open) aip__expr_run_close(&e->run);
    aip__free(e->ctx, e->from);
    aip__free(e->ctx, e->reads);
    aip__free(e->ctx, e->inputs);
    aip__free(e->ctx, e->room);
}

/* The values with zeros at nulls, and which are valid. */
static void take(const evaluation *e, const aip__row_frame *f, int32_t column, struct expr_room *room) {
    const aip__row_slot *s = &e->from[column];
    expr_slot *in = &e->inputs[column];
    in->v = aip__row_at(f, s->at);
    in->valid = s->valid >= 0 ? aip__row_at(f, s->valid) : NULL;
    bool any = false;
    if (s->class == AIP__ROW_F64) {
        const double *v = in->v;
        for (int32_t i = 0; i < f->n; i++) {
            room->valid[i] = in->valid ? in->valid[i] : v[i] == v[i];
            room->values[i] = room->valid[i] ? v[i] : 0;
            any |= !room->valid[i];
        }
    } else if (s->class == AIP__ROW_TEXT) {
        const aip_row_text *v = in->v;
        expr_text *to = (expr_text *)(void *)room->values;
        for (int32_t i = 0; i < f->n; i++) {
            room->valid[i] = v[i].bytes != NULL;
            to[i] = v[i].bytes ? (expr_text){v[i].bytes, v[i].n} : (expr_text){"", 0};
            any |= !v[i].bytes;
        }
    }
    if (!any) return;
    in->v = room->values;
    in->valid = room->valid;
}

static void give(const evaluation *e, const aip__row_frame *f, const expr_slot *s) {
    uint8_t *valid = aip__row_at(f, e->to.valid);
    void *to = aip__row_at(f, e->to.at);
    for (int32_t i = 0; i < f->n; i++) {
        valid[i] = !s->valid || s->valid[i];
        switch (e->to.class) {
        case AIP__ROW_F64: {
            double v = ((const double *)s->v)[i];
            ((double *)to)[i] = !valid[i] ? (double)NAN : e->type == AIP_FLOAT32 ? (double)(float)v : v;
            break;
        }
        case AIP__ROW_I64: {
            int64_t v = ((const int64_t *)s->v)[i];
            ((int64_t *)to)[i] = e->type == AIP_INT32 || e->type == AIP_DATE32 ? (int32_t)v : v;
            break;
        }
        case AIP__ROW_BOOL: ((uint8_t *)to)[i] = ((const uint8_t *)s->v)[i]; break;
        case AIP__ROW_TEXT: {
            expr_text v = ((const expr_text *)s->v)[i];
            ((aip_row_text *)to)[i] = valid[i] ? (aip_row_text){v.p ? v.p : "", v.n} : (aip_row_text){NULL, 0};
            break;
        }
        }
    }
}

static bool evaluate(void *self, const aip__row_frame *f) {
    evaluation *e = self;
    for (int32_t k = 0; k < e->n_reads; k++) take(e, f, e->reads[k], &e->room[k]);
    if (aip__expr_run_strip(&e->run, f->n, NULL) != AIP_OK) return false;
    const expr_slot *s = &e->run.slots[0];
    for (int32_t i = 0; s->bad && i < f->n; i++)
        if (s->bad[i]) return false;
    give(e, f, s);
    return true;
}

static int32_t find_reads(const aip__bound_expr *b, aip_row_plan *plan, const aip__row_slot *slots, evaluation *e,
                          aip_error **err) {
    for (int32_t i = 0; i < b->n_nodes; i++) {
        if (b->nodes[i].kind != EXPR_COLUMN) continue;
        int32_t column = b->nodes[i].column;
        bool known = false;
        for (int32_t k = 0; k < e->n_reads; k++) known |= e->reads[k] == column;
        if (known) continue;
        AIP__TRY(aip__row_need(plan, &slots[column], err));
        e->from[column] = slots[column];
        e->reads[e->n_reads++] = column;
    }
    return AIP_OK;
}

int32_t aip__expr_row_plan(const aip__bound_expr *b, aip_row_plan *plan, const aip__row_slot *slots, int32_t n,
                           aip__row_slot *out, aip_error **err) {
    if (b->pass_column >= 0) {
        *out = slots[b->pass_column];
        return AIP_OK;
    }
    aip__row_class class = AIP__ROW_F64;
    if (!aip__row_class_of(b->field.type, &class)) return AIP_E_UNSUPPORTED;
    evaluation *e = NULL;
    size_t room = (size_t)b->n_nodes + 1;
    /* the step is added last: what the columns read may need steps of its own before it */
    aip_context *ctx = b->ctx;
    evaluation made = {.ctx = ctx, .type = b->field.type, .n = n};
    made.from = aip__calloc(ctx, (size_t)n + 1, sizeof *made.from);
    made.reads = aip__calloc(ctx, room, sizeof *made.reads);
    made.inputs = aip__calloc(ctx, (size_t)n + 1, sizeof *made.inputs);
    int32_t status = made.from && made.reads && made.inputs ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK) status = find_reads(b, plan, slots, &made, err);
    if (status == AIP_OK) {
        made.room = aip__calloc(ctx, (size_t)made.n_reads + 1, sizeof *made.room);
        if (!made.room) status = aip__error_memory(ctx, err);
    }
    if (status == AIP_OK) status = aip__row_slot_new(plan, class, true, &made.to, err);
    if (status == AIP_OK) status = aip__row_step_add(plan, evaluate, sizeof *e, &e, err);
    if (status != AIP_OK) {
        destroy(&made);
        return status;
    }
    *e = made;
    plan->steps[plan->n_steps - 1].destroy = destroy;
    e->open = true;
    status = aip__expr_run_open(&e->run, b, b->n_slots, b->n_constants, b->n_lookups, AIP__ROW_BLOCK, err);
    if (status != AIP_OK) return status;
    aip__expr_run_constants(&e->run);
    e->run.inputs = e->inputs;
    *out = e->to;
    return AIP_OK;
}
