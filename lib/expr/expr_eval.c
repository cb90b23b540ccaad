/* Runs a bound expression over columns: a stack machine whose stack slots hold strips of rows, so that what an operator reads is still in the
 * nearest cache. Parts that depend on one dictionary column alone are computed once per distinct text and looked up by code. */
#include "base/checked.h"
#include "expr/expr_kernels.h"
#include "expr/expr_tree.h"

#include <assert.h>
#include <string.h>

#define SLOT_ROW (sizeof(expr_text) + 1 + sizeof(uint16_t))
#define MEMORY_AIM ((size_t)1 << 20) /* bytes of slots; strips get shorter when an expression needs many */

expr_class aip__expr_class(int32_t type) {
    switch (type) {
    case AIP_BOOL: return EXPR_C_BOOL;
    case AIP_FLOAT32:
    case AIP_FLOAT64:
    case AIP_DECIMAL64: return EXPR_C_F64;
    case AIP_UTF8:
    case AIP_BINARY:
    case AIP_DICTIONARY: return EXPR_C_TEXT;
    default: return EXPR_C_I64;
    }
}

/* ---- text arena -------------------------------------------------------------------------------------------------------------- */
char *aip__expr_arena_get(expr_arena *a, size_t n) {
    struct expr_arena_block *b = a->block;
    if (!b || b->size - b->used < n) {
        size_t size = b ? b->size * 2 : 4096, bytes = 0;
        if (size > (size_t)1 << 20) size = (size_t)1 << 20;
        if (size < n) size = n;
        if (aip__add_size(size, sizeof *b, &bytes) || !(b = aip__alloc(a->ctx, bytes))) return NULL;
        b->next = a->block;
        b->used = 0;
        b->size = size;
        a->block = b;
    }
    char *p = (char *)(b + 1) + b->used;
    b->used += n;
    return p;
}
static void free_blocks(aip_context *ctx, struct expr_arena_block *b) {
    while (b) {
        struct expr_arena_block *next = b->next;
        aip__free(ctx, b);
        b = next;
    }
}
void aip__expr_arena_reset(expr_arena *a) {
    if (!a->block) return;
    free_blocks(a->ctx, a->block->next);
    a->block->next = NULL;
    a->block->used = 0;
}
void aip__expr_arena_free(expr_arena *a) {
    free_blocks(a->ctx, a->block);
    a->block = NULL;
}

/* ---- slots -------------------------------------------------------------------------------------------------------------------- */
uint8_t *aip__expr_valid_mut(expr_slot *out, int64_t n) {
    if (!out->valid) memset(out->valid_buffer, 1, (size_t)n);
    out->valid = out->valid_buffer;
    return out->valid_buffer;
}
uint16_t *aip__expr_bad_mut(expr_slot *out, int64_t n) {
    if (!out->bad) memset(out->bad_buffer, 0, (size_t)n * sizeof *out->bad_buffer);
    out->bad = out->bad_buffer;
    return out->bad_buffer;
}
void aip__expr_strict(const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n) {
    for (int32_t k = 0; k < n_args; k++) {
        if (args[k].valid) {
            if (out->valid)
                aip__expr_k_mask(args[k].valid, out->valid, aip__expr_valid_mut(out, n), n);
            else
                memcpy(out->valid_buffer, args[k].valid, (size_t)n), out->valid = out->valid_buffer;
        }
        if (args[k].bad) {
            uint16_t *bad = aip__expr_bad_mut(out, n);
            for (int64_t i = 0; i < n; i++) bad[i] = bad[i] ? bad[i] : args[k].bad[i];
        }
    }
}

void aip__expr_broadcast(const expr_bnode *node, void *v, int64_t n) {
    const expr_scalar *s = &node->value;
    switch (aip__expr_class(node->type)) {
    case EXPR_C_BOOL: memset(v, s->null ? 0 : s->v.b, (size_t)n); return;
    case EXPR_C_F64:
        for (int64_t i = 0; i < n; i++) ((double *)v)[i] = s->null ? 0 : s->v.f;
        return;
    case EXPR_C_I64:
        for (int64_t i = 0; i < n; i++) ((int64_t *)v)[i] = s->null ? 0 : s->v.i;
        return;
    case EXPR_C_TEXT:
        for (int64_t i = 0; i < n; i++) ((expr_text *)v)[i] = s->null ? (expr_text){"", 0} : s->v.t;
        return;
    }
}

int32_t aip__expr_run_open(expr_run *r, const aip__bound_expr *b, int32_t n_slots, int32_t n_constants, int32_t n_lookups,
                           int64_t strip, aip_error **err) {
    memset(r, 0, sizeof *r);
    r->bound = b;
    r->ctx = b->ctx;
    r->arena.ctx = b->ctx;
    r->n_slots = n_slots;
    r->strip = strip;
    r->dictionary = -1;
    size_t rows = (size_t)strip, total = 0;
    if (aip__mul_size(rows * SLOT_ROW, (size_t)n_slots + 1, &total)
        || aip__add_size(total, rows * sizeof(expr_text) * (size_t)n_constants, &total))
        return aip__error_nomem(err);
    r->slots = aip__calloc(r->ctx, (size_t)n_slots + 1, sizeof *r->slots);
    r->constants = aip__calloc(r->ctx, (size_t)n_constants + 1, sizeof *r->constants);
    r->lookups = aip__calloc(r->ctx, (size_t)n_lookups + 1, sizeof *r->lookups);
    r->memory = aip__buffer_new(r->ctx, total);
    if (!r->slots || !r->constants || !r->lookups || !r->memory) return aip__error_memory(b->ctx, err);
    uint8_t *at = r->memory->data; /* widest first, so that each stays aligned */
    for (int32_t k = 0; k < n_constants; k++, at += rows * sizeof(expr_text)) r->constants[k] = at;
    for (int32_t k = 0; k <= n_slots; k++, at += rows * sizeof(expr_text)) r->slots[k].v_buffer = at;
    for (int32_t k = 0; k <= n_slots; k++, at += rows * sizeof(uint16_t)) r->slots[k].bad_buffer = (uint16_t *)(void *)at;
    for (int32_t k = 0; k <= n_slots; k++, at += rows) r->slots[k].valid_buffer = at;
    return AIP_OK;
}

void aip__expr_run_close(expr_run *r) {
    for (int32_t k = 0; r->lookups && k < r->bound->n_lookups; k++) {
        aip__free(r->ctx, r->lookups[k].v);
        aip__free(r->ctx, r->lookups[k].valid);
        aip__free(r->ctx, r->lookups[k].bad);
    }
    aip__free(r->ctx, r->slots);
    aip__free(r->ctx, r->constants);
    aip__free(r->ctx, r->lookups);
    aip__buffer_free(r->memory);
    aip__expr_arena_free(&r->arena);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------- */
static void views(const aip__column *c, int64_t start, int64_t n, expr_text *out) {
    const char *bytes = c->values ? c->values : "";
    const int32_t *o = c->offsets + start;
    for (int64_t i = 0; i < n; i++) out[i] = (expr_text){bytes + o[i], (size_t)(o[i + 1] - o[i])};
}

static void load_dictionary(expr_run *r, const aip__column *c, expr_slot *s, int64_t n) { /* its texts, then a null */
    const aip__column *d = c->dictionary;
    int64_t texts = d->length - r->start < n ? d->length - r->start : n;
    expr_text *out = s->v_buffer;
    if (texts > 0) views(d, r->start, texts, out);
    if (texts < n) {
        out[texts] = (expr_text){"", 0};
        aip__expr_valid_mut(s, n)[texts] = 0;
    }
}

static void load(expr_run *r, const expr_bnode *node, expr_slot *s, int64_t n) {
    s->bad = NULL;
    if (r->inputs) {
        s->v = r->inputs[node->column].v;
        s->valid = r->inputs[node->column].valid;
        return;
    }
    const aip__column *c = r->columns[node->column];
    int64_t start = r->start;
    s->v = s->v_buffer;
    s->valid = NULL;
    if (r->dictionary >= 0) {
        load_dictionary(r, c, s, n);
        return;
    }
    if (c->validity) {
        aip__expr_k_unpack(c->validity, start, s->valid_buffer, n);
        s->valid = s->valid_buffer;
    }
    switch (c->type) {
    case AIP_INT64:
    case AIP_TIMESTAMP: s->v = aip__column_i64(c) + start; return;
    case AIP_FLOAT64: s->v = aip__column_f64(c) + start; return;
    case AIP_INT32:
    case AIP_DATE32: aip__expr_k_i32_to_i64(aip__column_i32(c) + start, s->v_buffer, n); return;
    case AIP_FLOAT32: aip__expr_k_f32_to_f64(aip__column_f32(c) + start, s->v_buffer, n); return;
    case AIP_BOOL: aip__expr_k_unpack(aip__column_bits(c), start, s->v_buffer, n); return;
    case AIP_DECIMAL64: {
        double *out = s->v_buffer, unit = 1;
        for (int32_t k = 0; k < node->scale; k++) unit *= 10; /* exact to 10^18 and more */
        aip__expr_k_i64_to_f64(aip__column_i64(c) + start, out, n);
        for (int64_t i = 0; i < n; i++) out[i] /= unit;
        return;
    }
    case AIP_DICTIONARY: {
        const aip__column *d = c->dictionary;
        const int32_t *codes = aip__column_i32(c) + start, *o = d->offsets;
        const char *bytes = d->values ? d->values : "";
        expr_text *out = s->v_buffer;
        if (d->length == 0) memset(out, 0, (size_t)n * sizeof *out);
        for (int64_t i = 0; i < n; i++)
            out[i] =
                d->length == 0 ? (expr_text){"", 0} : (expr_text){bytes + o[codes[i]], (size_t)(o[codes[i] + 1] - o[codes[i]])};
        return;
    }
    default: views(c, start, n, s->v_buffer); return;
    }
}

static void convert(expr_run *r, const expr_bnode *node, expr_slot *s, int64_t n) {
    expr_slot *spare = &r->slots[r->n_slots];
    if (node->convert == EXPR_TO_F64) {
        aip__expr_k_i64_to_f64(s->v, spare->v_buffer, n);
    } else { /* midnight of a date, in the zone */
        const int64_t day = INT64_C(86400), *days = s->v, limit = INT64_C(106751000);
        int64_t *out = spare->v_buffer;
        for (int64_t i = 0; i < n; i++) {
            int64_t d = days[i];
            if (d > limit || d < -limit) {
                if (aip__expr_ok(s, i)) aip__expr_bad_mut(s, n)[i] = (uint16_t)(node->index + 1);
                d = 0;
            }
            out[i] = (node->convert_zone ? aip__zone_to_utc(node->convert_zone, d * day) : d * day) * 1000000;
        }
    }
    void *old = s->v_buffer;
    s->v_buffer = spare->v_buffer;
    s->v = s->v_buffer;
    spare->v_buffer = old;
}

int32_t aip__expr_call(expr_run *r, const expr_bnode *node, expr_slot *args, int32_t n_args, int64_t n, aip_error **err) {
    expr_slot *spare = &r->slots[r->n_slots];
    spare->v = spare->v_buffer;
    spare->valid = NULL;
    spare->bad = NULL;
    if (!node->function->lenient) aip__expr_strict(args, n_args, spare, n);
    AIP__TRY(node->exec(r, node, args, n_args, spare, n, err));
    expr_slot swap = args[0];
    args[0] = *spare;
    *spare = swap;
    if (node->convert != EXPR_KEEP) convert(r, node, &args[0], n);
    return AIP_OK;
}

static void look_up(expr_run *r, const expr_lookup *l, const expr_bnode *node, int32_t column, expr_slot *s, int64_t n) {
    const aip__column *c = r->columns[column];
    int32_t codes[EXPR_STRIP];
    const int32_t *given = aip__column_i32(c) + r->start;
    for (int64_t i = 0; i < n; i++) codes[i] = aip__valid(c->validity, r->start + i) ? given[i] : (int32_t)(l->n - 1);
    s->v = s->v_buffer;
    s->valid = NULL;
    s->bad = NULL;
    if (l->valid) {
        aip__expr_k_gather_8(l->valid, codes, s->valid_buffer, n);
        s->valid = s->valid_buffer;
    }
    if (l->bad) {
        for (int64_t i = 0; i < n; i++) s->bad_buffer[i] = l->bad[codes[i]];
        s->bad = s->bad_buffer;
    }
    expr_class class = node->convert == EXPR_TO_F64 ? EXPR_C_F64 : aip__expr_class(node->type);
    if (class == EXPR_C_BOOL) {
        aip__expr_k_gather_8(l->v, codes, s->v_buffer, n);
    } else if (class == EXPR_C_TEXT) {
        const expr_text *table = l->v;
        expr_text *out = s->v_buffer;
        for (int64_t i = 0; i < n; i++) out[i] = table[codes[i]];
    } else {
        aip__expr_k_gather_64(l->v, codes, s->v_buffer, n);
    }
}

static int32_t run_steps(expr_run *r, int32_t from, int32_t to, int64_t n, aip_error **err) {
    const aip__bound_expr *b = r->bound;
    for (int32_t k = from; k < to; k++) {
        const expr_step *step = &b->steps[k];
        const expr_bnode *node = &b->nodes[step->node];
        expr_slot *s = &r->slots[step->slot];
        switch (step->action) {
        case EXPR_DO_CONSTANT:
            s->v = r->constants[step->which];
            s->valid = NULL;
            s->bad = NULL;
            if (node->value.null) memset(aip__expr_valid_mut(s, n), 0, (size_t)n);
            break;
        case EXPR_DO_COLUMN:
            load(r, node, s, n);
            if (node->convert != EXPR_KEEP) convert(r, node, s, n);
            break;
        case EXPR_DO_CALL: AIP__TRY(aip__expr_call(r, node, s, step->n_args, n, err)); break;
        case EXPR_DO_LOOKUP:
            if (r->dictionary < 0 && r->lookups[step->which].n > 0) {
                look_up(r, &r->lookups[step->which], node, node->dictionary, s, n);
                k += step->skip;
            }
            break;
        }
    }
    return AIP_OK;
}

void aip__expr_run_constants(expr_run *r) {
    const aip__bound_expr *b = r->bound;
    for (int32_t k = 0; k < b->n_steps; k++)
        if (b->steps[k].action == EXPR_DO_CONSTANT)
            aip__expr_broadcast(&b->nodes[b->steps[k].node], r->constants[b->steps[k].which], r->strip);
}

int32_t aip__expr_run_strip(expr_run *r, int64_t n, aip_error **err) {
    aip__expr_arena_reset(&r->arena);
    return run_steps(r, 0, r->bound->n_steps, n, err);
}

/* ---- lookups ------------------------------------------------------------------------------------------------------------------ */
static int32_t fill_lookup(expr_run *r, int32_t k, aip_error **err) {
    const aip__bound_expr *b = r->bound;
    const expr_step *step = &b->steps[k];
    const expr_bnode *node = &b->nodes[step->node];
    expr_lookup *l = &r->lookups[step->which];
    int64_t n = r->columns[node->dictionary]->dictionary->length + 1;
    size_t width = aip__expr_width(node->convert == EXPR_TO_F64 ? EXPR_C_F64 : aip__expr_class(node->type));
    if (!(l->v = aip__calloc(r->ctx, (size_t)n, width))) return aip__error_memory(r->ctx, err);
    r->dictionary = node->dictionary;
    for (r->start = 0; r->start < n; r->start += r->strip) {
        int64_t m = n - r->start < r->strip ? n - r->start : r->strip;
        AIP__TRY(run_steps(r, k + 1, k + 1 + step->skip, m, err));
        const expr_slot *s = &r->slots[step->slot];
        memcpy((char *)l->v + (size_t)r->start * width, s->v, (size_t)m * width);
        if (s->valid && !l->valid) {
            if (!(l->valid = aip__alloc(r->ctx, (size_t)n))) return aip__error_memory(r->ctx, err);
            memset(l->valid, 1, (size_t)n);
        }
        if (s->valid) memcpy(l->valid + r->start, s->valid, (size_t)m);
        if (s->bad && !l->bad && !(l->bad = aip__calloc(r->ctx, (size_t)n, sizeof *l->bad)))
            return aip__error_memory(r->ctx, err);
        if (s->bad) memcpy(l->bad + r->start, s->bad, (size_t)m * sizeof *l->bad);
    }
    r->dictionary = -1;
    l->n = n;
    return AIP_OK;
}

/* ---- whole columns -------------------------------------------------------------------------------------------------------------- */
typedef struct evaluation { /* one result being made: a column, texts, or a mask */
    const aip__bound_expr *bound;
    expr_run run;
    expr_arena kept; /* texts of the lookups */
    int64_t n_rows, ordinal;
    aip__column *column;
    aip__utf8_builder builder;
    bool building;
    uint8_t *mask;
} evaluation;

static int32_t check_bad(const evaluation *e, const expr_slot *s, int64_t n, aip_error **err) {
    if (!s->bad) return AIP_OK;
    for (int64_t i = 0; i < n; i++) {
        if (!s->bad[i]) continue;
        const expr_bnode *node = &e->bound->nodes[s->bad[i] - 1];
        int64_t row = e->run.start + i + (e->ordinal >= 0 ? e->ordinal : 0);
        const char *place = e->ordinal >= 0 ? "(from 0)" : "of a batch";
        const char *failure = node->function && node->function->failure ? node->function->failure : "value out of range";
        return aip__error_set(err, AIP_E_DATA, "expression '%s': %s in '%.*s', row %lld %s", e->bound->text, failure,
                              node->end - node->at, e->bound->text + node->at, (long long)row, place);
    }
    return AIP_OK;
}

static int32_t emit(evaluation *e, const expr_slot *s, int64_t n, aip_error **err) {
    int64_t start = e->run.start;
    if (e->mask) {
        const uint8_t *v = s->v;
        uint8_t both[EXPR_STRIP];
        if (s->valid) aip__expr_k_mask(s->v, s->valid, both, n), v = both;
        aip__expr_k_pack(v, e->mask, start, n);
        return AIP_OK;
    }
    if (e->building) {
        const expr_text *t = s->v;
        for (int64_t i = 0; i < n; i++) {
            bool valid = !s->valid || s->valid[i];
            AIP__TRY(valid ? aip__utf8_add(&e->builder, t[i].p, t[i].n, err) : aip__utf8_add_null(&e->builder, err));
        }
        return AIP_OK;
    }
    aip__column *c = e->column;
    assert(c); /* the third and last thing that an evaluation may fill */
    if (s->valid) {
        uint8_t *validity = c->validity_buffer ? c->validity_buffer->data : aip__column_validity_mut(c);
        if (!validity) return aip__error_memory(c->ctx, err);
        aip__expr_k_pack(s->valid, validity, start, n);
    }
    switch (c->type) {
    case AIP_BOOL: aip__expr_k_pack(s->v, aip__column_bool_mut(c), start, n); break;
    case AIP_FLOAT32: aip__expr_k_f64_to_f32(s->v, (float *)aip__column_values_mut(c) + start, n); break;
    case AIP_INT32:
    case AIP_DATE32: aip__expr_k_i64_to_i32(s->v, aip__column_i32_mut(c) + start, n); break;
    default: memcpy(aip__column_i64_mut(c) + start, s->v, (size_t)n * 8); break;
    }
    return AIP_OK;
}

static int32_t evaluate(evaluation *e, aip__column *const *columns, aip_error **err) {
    const aip__bound_expr *b = e->bound;
    int64_t strip = EXPR_STRIP, n = e->n_rows;
    while (strip > 64 && ((size_t)strip * SLOT_ROW * (size_t)b->n_slots > MEMORY_AIM || strip / 2 >= n)) strip /= 2;
    expr_run *r = &e->run;
    AIP__TRY(aip__expr_run_open(r, b, b->n_slots, b->n_constants, b->n_lookups, strip, err));
    r->columns = columns;
    aip__expr_run_constants(r);
    for (int32_t k = 0; k < b->n_steps; k++) {
        const expr_step *step = &b->steps[k];
        if (step->action == EXPR_DO_LOOKUP && columns[b->nodes[step->node].dictionary]->dictionary->length < n)
            AIP__TRY(fill_lookup(r, k, err));
    }
    e->kept = r->arena;
    r->arena.block = NULL;
    for (r->start = 0; r->start < n; r->start += strip) {
        int64_t m = n - r->start < strip ? n - r->start : strip;
        AIP__TRY(aip__expr_run_strip(r, m, err));
        AIP__TRY(check_bad(e, &r->slots[0], m, err));
        AIP__TRY(emit(e, &r->slots[0], m, err));
    }
    return AIP_OK;
}

static void finish(evaluation *e) {
    if (e->run.bound) aip__expr_run_close(&e->run);
    aip__expr_arena_free(&e->kept);
    if (e->building) aip__utf8_abandon(&e->builder);
    aip__column_free(e->column);
}

int32_t aip__expr_eval_columns(const aip__bound_expr *b, aip__column *const *columns, int64_t n_rows, int64_t ordinal,
                               aip__column **out, aip_error **err) {
    if (b->pass_column >= 0) {
        *out = aip__column_retain(columns[b->pass_column]);
        return AIP_OK;
    }
    evaluation e = {.bound = b, .n_rows = n_rows, .ordinal = ordinal, .kept = {.ctx = b->ctx}};
    int32_t type = b->field.type, status = AIP_OK;
    if (aip__expr_class(type) == EXPR_C_TEXT) {
        status = aip__utf8_begin(&e.builder, b->ctx, type, n_rows, 0, err);
        e.building = status == AIP_OK;
    } else {
        status = aip__column_new(b->ctx, type, n_rows, false, &e.column, err);
    }
    if (status == AIP_OK) status = evaluate(&e, columns, err);
    if (status == AIP_OK && e.building) {
        status = aip__utf8_end(&e.builder, out, err);
        e.building = false;
    } else if (status == AIP_OK) {
        aip__column_publish(e.column);
        *out = e.column;
        e.column = NULL;
    }
    finish(&e);
    return status;
}

int32_t aip__expr_eval(const aip__bound_expr *b, const aip_batch *batch, aip__column **out, aip_error **err) {
    return aip__expr_eval_columns(b, batch->columns, batch->n_rows, batch->ordinal, out, err);
}

int32_t aip__expr_mask(const aip__bound_expr *b, const aip_batch *batch, aip__buffer **mask, aip_error **err) {
    if (b->field.type != AIP_BOOL)
        return aip__error_set(err, AIP_E_SCHEMA, "expression '%s': expected bool, found %s", b->text,
                              aip_type_name(b->field.type));
    aip__buffer *bits = aip__buffer_new(b->ctx, aip__bitmap_bytes(batch->n_rows));
    if (!bits) return aip__error_memory(b->ctx, err);
    evaluation e = {.bound = b, .n_rows = batch->n_rows, .ordinal = batch->ordinal, .kept = {.ctx = b->ctx}, .mask = bits->data};
    int32_t status = evaluate(&e, batch->columns, err);
    finish(&e);
    if (status != AIP_OK) {
        aip__buffer_free(bits);
        return status;
    }
    *mask = bits;
    return AIP_OK;
}
