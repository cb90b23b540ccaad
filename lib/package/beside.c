/* The stage of beside.h. */
#include "package/beside.h"

#include "data/row_plan.h"
#include "transform/cell.h"
#include <stdio.h>
#include <string.h>

typedef struct {
    aip_context *ctx;
    aip_stage *stages;
    aip_schema *inputs;
    bool others_too;
    char *beside;
    char **only;
    int32_t n_only;
} beside;

typedef struct {
    aip_context *ctx;
    int32_t n_inputs, n_steps, n_bound, n_kept, n_added;
    int32_t *from;      /* input i is column from[i] of the batch */
    aip_schema *in;     /* of the batch */
    aip_schema *inputs; /* what the stages get */
    aip_stage **steps;  /* retained */
    void **bounds;
    int32_t *kept, *added; /* indices: of the batch, of what the stages give */
    aip_schema *out;
} bound;

bool aip__widens(const aip_field *from, const aip_field *to) {
    if (from->type == AIP_TIMESTAMP && to->type == AIP_TIMESTAMP)
        return !from->zone == !to->zone; /* an instant is no wall time */
    if (from->type == to->type) return from->type != AIP_DECIMAL64 || from->scale == to->scale;
    switch (to->type) {
    case AIP_INT32:
    case AIP_INT64:
        return from->type == AIP_INT32 || from->type == AIP_INT64 || from->type == AIP_FLOAT32 || from->type == AIP_FLOAT64
               || from->type == AIP_UTF8;
    case AIP_FLOAT32: return from->type == AIP_UTF8;
    case AIP_FLOAT64:
        return from->type == AIP_INT32 || from->type == AIP_INT64 || from->type == AIP_FLOAT32 || from->type == AIP_DECIMAL64
               || from->type == AIP_UTF8;
    case AIP_UTF8: return from->type == AIP_DICTIONARY;
    case AIP_DICTIONARY: return from->type == AIP_UTF8;
    case AIP_TIMESTAMP: return from->type == AIP_DATE32 || from->type == AIP_UTF8;
    case AIP_BOOL:
    case AIP_DATE32: return from->type == AIP_UTF8;
    default: return false;
    }
}

static void beside_destroy(void *self) {
    beside *b = self;
    aip_context *ctx = b->ctx;
    for (int32_t i = 0; b->only && i < b->n_only; i++) aip__free(ctx, b->only[i]);
    aip__free(ctx, b->only);
    aip__free(ctx, b->beside);
    aip_schema_free(b->inputs);
    aip_stage_free(b->stages);
    aip__free(ctx, b);
    aip__context_release(ctx);
}

static void beside_unbind(void *p) {
    bound *b = p;
    if (!b) return;
    for (int32_t i = 0; b->steps && i < b->n_steps; i++) {
        if (i < b->n_bound) aip__stage_unbind(b->steps[i], b->bounds[i]);
        aip_stage_free(b->steps[i]);
    }
    aip__free(b->ctx, b->steps);
    aip__free(b->ctx, b->bounds);
    aip__free(b->ctx, b->from);
    aip__free(b->ctx, b->kept);
    aip__free(b->ctx, b->added);
    aip_schema_free(b->in);
    aip_schema_free(b->inputs);
    aip_schema_free(b->out);
    aip__free(b->ctx, b);
}

/* Column `from` of the batch as an input of the stages. */
static void add_input(bound *b, aip_field *fields, const aip_field *as, int32_t from) {
    fields[b->n_inputs] = *as;
    b->from[b->n_inputs++] = from;
}

static int32_t check_input(const aip_field *have, const aip_field *want, aip_error **err) {
    if (aip__widens(have, want)) return AIP_OK;
    aip__error_set(err, AIP_E_SCHEMA, "column '%s': expected %s%s, found %s%s", want->name, aip_type_name(want->type),
                   want->zone ? " with a zone" : "", aip_type_name(have->type), have->zone ? " with a zone" : "");
    aip__error_at_data_column(err, want->name);
    return AIP_E_SCHEMA;
}

/* Which columns the stages get, and as what. */
static int32_t choose_inputs(const beside *s, const aip_schema *in, bound *b, aip_field *fields, aip_error **err) {
    for (int32_t i = 0, at = 0; s->inputs && i < s->inputs->n; i++) {
        const aip_field *want = &s->inputs->fields[i];
        AIP__TRY(aip__schema_need(in, want->name, &at, err));
        AIP__TRY(check_input(&in->fields[at], want, err));
        if (!s->others_too) add_input(b, fields, want, at);
    }
    if (s->inputs && !s->others_too) return AIP_OK;
    for (int32_t i = 0; i < in->n; i++) {
        const char *name = in->fields[i].name;
        int32_t want = s->inputs ? aip_schema_find(s->inputs, name) : -1;
        if (want >= 0)
            add_input(b, fields, &s->inputs->fields[want], i);
        else if (!s->beside || strcmp(name, s->beside) != 0)
            add_input(b, fields, &in->fields[i], i);
    }
    return AIP_OK;
}

static int32_t bind_inputs(const beside *s, const aip_schema *in, bound *b, aip_error **err) {
    size_t n = (size_t)in->n + (s->inputs ? (size_t)s->inputs->n : 0) + 1;
    b->from = aip__calloc(s->ctx, n, sizeof *b->from);
    aip_field *fields = aip__calloc(s->ctx, n, sizeof *fields);
    int32_t status = b->from && fields ? choose_inputs(s, in, b, fields, err) : aip__error_memory(s->ctx, err);
    if (status == AIP_OK) status = aip_schema_create(s->ctx, fields, b->n_inputs, &b->inputs, err);
    aip__free(s->ctx, fields);
    return status;
}

static int32_t bind_steps(const beside *s, bound *b, aip_schema **given, aip_error **err) {
    aip_stage *one[1] = {s->stages};
    aip_stage **steps = s->stages->spec ? one : s->stages->stages;
    int32_t n = s->stages->spec ? 1 : s->stages->n;
    b->steps = aip__calloc(s->ctx, (size_t)n + 1, sizeof *b->steps);
    b->bounds = aip__calloc(s->ctx, (size_t)n + 1, sizeof *b->bounds);
    if (!b->steps || !b->bounds) return aip__error_memory(s->ctx, err);
    aip_schema *schema = aip__schema_retain(b->inputs);
    for (int32_t i = 0; i < n; i++) {
        aip_schema *next = NULL;
        b->steps[i] = aip__stage_retain(steps[i]);
        b->n_steps = i + 1;
        int32_t status = aip__stage_bind(steps[i], schema, &b->bounds[i], &next, err);
        aip_schema_free(schema);
        if (status != AIP_OK) return status;
        b->n_bound = i + 1;
        schema = next;
    }
    *given = schema;
    return AIP_OK;
}

static bool is_added(const bound *b, const aip_schema *given, const char *name) {
    for (int32_t i = 0; i < b->n_added; i++)
        if (strcmp(given->fields[b->added[i]].name, name) == 0) return true;
    return false;
}

static int32_t bind_output(const beside *s, const aip_schema *in, const aip_schema *given, bound *b, aip_error **err) {
    b->added = aip__calloc(s->ctx, (size_t)given->n + 1, sizeof *b->added);
    b->kept = aip__calloc(s->ctx, (size_t)in->n + 1, sizeof *b->kept);
    aip_field *fields = aip__calloc(s->ctx, (size_t)given->n + (size_t)in->n + 1, sizeof *fields);
    if (!b->added || !b->kept || !fields) {
        aip__free(s->ctx, fields);
        return aip__error_memory(s->ctx, err);
    }
    int32_t n = 0, status = AIP_OK;
    if (s->only) {
        for (int32_t i = 0; i < s->n_only && status == AIP_OK; i++)
            status = aip__schema_need(given, s->only[i], &b->added[b->n_added++], err);
    } else {
        for (int32_t i = 0; i < given->n; i++) b->added[b->n_added++] = i;
    }
    if (s->beside && aip_schema_find(in, s->beside) >= 0 && is_added(b, given, s->beside)) {
        status = aip__error_set(err, AIP_E_SCHEMA,
                                "the pipeline makes a column '%s': that is the name of the column set beside it", s->beside);
        aip__error_at_data_column(err, s->beside);
    }
    for (int32_t i = 0; i < in->n && status == AIP_OK; i++) {
        if ((s->beside && strcmp(in->fields[i].name, s->beside) != 0) || is_added(b, given, in->fields[i].name)) continue;
        b->kept[b->n_kept++] = i;
        fields[n++] = in->fields[i];
    }
    for (int32_t i = 0; i < b->n_added && status == AIP_OK; i++) fields[n++] = given->fields[b->added[i]];
    if (status == AIP_OK) status = aip_schema_create(s->ctx, fields, n, &b->out, err);
    aip__free(s->ctx, fields);
    return status;
}

static int32_t beside_bind(const void *self, const void *fitted, const aip_schema *in, void **out_bound, aip_schema **out,
                           aip_error **err) {
    (void)fitted;
    const beside *s = self;
    bound *b = aip__calloc(s->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(s->ctx, err);
    b->ctx = s->ctx;
    b->in = aip__schema_retain(in);
    aip_schema *given = NULL;
    int32_t status = bind_inputs(s, in, b, err);
    if (status == AIP_OK) status = bind_steps(s, b, &given, err);
    if (status == AIP_OK) status = bind_output(s, in, given, b, err);
    aip_schema_free(given);
    if (status != AIP_OK) {
        beside_unbind(b);
        return status;
    }
    *out_bound = b;
    *out = aip__schema_retain(b->out);
    return AIP_OK;
}

/* Names the first cell that does not fit the type, as the stage `cast` does. */
static int32_t bad_cell(const aip_batch *in, int32_t column, const aip_field *want, aip_error **err) {
    const aip__column *c = in->columns[column];
    aip__column *lenient = NULL;
    char why[64];
    int64_t row = 0;
    AIP__TRY(aip__column_cast(c, &in->schema->fields[column], want, false, &lenient, err));
    while (row < c->length - 1 && (!aip__valid(c->validity, row) || aip__valid(lenient->validity, row))) row++;
    aip__column_free(lenient);
    snprintf(why, sizeof why, "is not a value of %s", aip_type_name(want->type));
    return aip__bad_cell(in, column, row, "", why, err);
}

static int32_t take_inputs(const bound *b, const aip_batch *in, aip_batch **out, aip_error **err) {
    aip__column **columns = aip__calloc(b->ctx, (size_t)b->n_inputs + 1, sizeof *columns);
    if (!columns) return aip__error_memory(b->ctx, err);
    int32_t status = AIP_OK, n = 0;
    for (; n < b->n_inputs && status == AIP_OK; n++) {
        const aip_field *have = &b->in->fields[b->from[n]], *want = &b->inputs->fields[n];
        const aip__column *c = in->columns[b->from[n]];
        if (have->type == want->type)
            columns[n] = aip__column_retain(c);
        else
            status = aip__column_cast(c, have, want, true, &columns[n], err);
        if (status == AIP_E_DATA) status = bad_cell(in, b->from[n], want, err);
        if (status != AIP_OK) aip__error_at_data_column(err, want->name);
    }
    if (status == AIP_OK)
        status = aip__batch_new(b->inputs, in->n_rows, columns, out, err); /* takes the columns over */
    else
        for (int32_t i = 0; i < n; i++) aip__column_free(columns[i]);
    aip__free(b->ctx, columns);
    if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    return status;
}

/* One stage's apply. The row count is checked because a host's stage may not keep what its descriptor declares. */
static int32_t apply_step(aip_stage *stage, const void *bound_step, const aip_batch *in, aip_batch **out, aip_error **err) {
    aip_batch *next = NULL;
    int32_t status = stage->spec->ops->apply(bound_step, in, &next, err);
    if (status == AIP_OK && !next) status = aip__error_set(err, AIP_E_MISUSE, "apply gave no batch");
    if (status == AIP_OK && next->n_rows != in->n_rows) {
        status = aip__error_set(err, AIP_E_MISUSE, "apply made %lld rows of %lld: expected one for each", (long long)next->n_rows,
                                (long long)in->n_rows);
        aip_batch_free(next);
    }
    aip__error_of_host(err, status, "apply");
    if (status != AIP_OK)
        aip__error_at_stage(err, aip_stage_name(stage));
    else
        *out = next;
    return status;
}

static int32_t beside_apply(const void *p, const aip_batch *in, aip_batch **out, aip_error **err) {
    const bound *b = p;
    aip_batch *batch = NULL;
    AIP__TRY(take_inputs(b, in, &batch, err));
    for (int32_t i = 0; i < b->n_steps; i++) {
        aip_batch *next = NULL;
        int32_t status = apply_step(b->steps[i], b->bounds[i], batch, &next, err);
        aip_batch_free(batch);
        if (status != AIP_OK) return status;
        batch = next;
    }
    aip__column **columns = aip__calloc(b->ctx, (size_t)(b->n_kept + b->n_added) + 1, sizeof *columns);
    if (!columns) {
        aip_batch_free(batch);
        return aip__error_memory(b->ctx, err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < b->n_kept; i++) columns[n++] = aip__column_retain(in->columns[b->kept[i]]);
    for (int32_t i = 0; i < b->n_added; i++) columns[n++] = aip__column_retain(batch->columns[b->added[i]]);
    int32_t status = aip__batch_new(b->out, in->n_rows, columns, out, err);
    if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    aip__free(b->ctx, columns);
    aip_batch_free(batch);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------- */

static int32_t plan_steps(const bound *b, aip_row_plan *plan, const aip__row_slot *given, aip__row_slot *slots, aip_error **err) {
    for (int32_t i = 0; i < b->n_inputs; i++) {
        const aip_field *have = &b->in->fields[b->from[i]], *want = &b->inputs->fields[i];
        slots[i] = given[b->from[i]];
        if (have->type != want->type) AIP__TRY(aip__row_cast(plan, &given[b->from[i]], have, want, true, &slots[i], err));
    }
    AIP__TRY(aip__row_table(plan, slots, b->n_inputs, err));
    for (int32_t i = 0; i < b->n_steps; i++) {
        int32_t status = aip__stage_row_plan(b->steps[i], b->bounds[i], plan, err);
        if (status == AIP_E_UNSUPPORTED && !plan->refused) plan->refused = aip_stage_name(b->steps[i]);
        AIP__TRY(status);
    }
    return AIP_OK;
}

static int32_t beside_row_plan(const void *p, aip_row_plan *plan, aip_error **err) {
    const bound *b = p;
    int32_t n = b->in->n, most = n + b->n_inputs + b->n_added;
    aip__row_slot *given = aip__alloc(b->ctx, ((size_t)most + 1) * sizeof *given);
    if (!given) return aip__error_memory(b->ctx, err);
    memcpy(given, plan->slots, (size_t)n * sizeof *given);
    int32_t status = plan_steps(b, plan, given, given + n, err);
    if (status == AIP_OK) {
        for (int32_t i = 0; i < b->n_kept; i++) given[i] = given[b->kept[i]]; /* kept is ascending */
        for (int32_t i = 0; i < b->n_added; i++) given[b->n_kept + i] = plan->slots[b->added[i]];
        status = aip__row_table(plan, given, b->n_kept + b->n_added, err);
    }
    aip__free(b->ctx, given);
    return status;
}

static const aip_stage_ops ops = {.struct_size = sizeof(aip_stage_ops),
                                  .destroy = beside_destroy,
                                  .bind = beside_bind,
                                  .unbind = beside_unbind,
                                  .apply = beside_apply,
                                  .row_plan = beside_row_plan};
static const aip_descriptor descriptor = {.struct_size = sizeof(aip_descriptor),
                                          .kind = AIP_KIND_STAGE,
                                          .name = "pipeline",
                                          .doc = "stages on some columns, with the others set beside",
                                          .param_stride = sizeof(aip_param_spec),
                                          .ops = &ops,
                                          .rows = AIP_ROWS_SAME,
                                          .version = 1};

int32_t aip__stage_beside(aip_context *ctx, aip_stage *stages, const aip__beside *how, aip_stage **out, aip_error **err) {
    beside *b = aip__calloc(ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(ctx, err);
    b->ctx = aip__context_retain(ctx);
    b->stages = aip__stage_retain(stages);
    if (how->inputs) b->inputs = aip__schema_retain(how->inputs);
    b->others_too = how->others_too;
    bool ok = true;
    if (how->beside) ok = (b->beside = aip__strdup(ctx, how->beside)) != NULL;
    if (how->only && ok) {
        b->only = aip__calloc(ctx, (size_t)how->n_only + 1, sizeof *b->only);
        ok = b->only != NULL;
        for (int32_t i = 0; ok && i < how->n_only; i++) {
            b->only[i] = aip__strdup(ctx, how->only[i]);
            b->n_only = i + 1;
            ok = b->only[i] != NULL;
        }
    }
    if (!ok) {
        beside_destroy(b);
        return aip__error_memory(ctx, err);
    }
    return aip__stage_of(ctx, &descriptor, b, out, err);
}
