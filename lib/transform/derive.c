/* derive: columns computed from the others by expressions, {"late": "arr_delay > 15", "age": "year - built"}. In the given order: a later
 * expression sees the columns of the earlier ones. A name that is there already is replaced in its place; a new one is added at the end. */
#include "base/catalog.h"
#include "expr/expr.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

#include <string.h>

typedef struct derive {
    aip_context *ctx;
    int32_t n;
    char **names;
    aip__expr **expressions;
} derive;

typedef struct derive_bound {
    aip_context *ctx;
    int32_t n;
    aip__bound_expr **expressions;
    int32_t *targets; /* index of the column that each makes */
    aip_schema *schema;
} derive_bound;

static void destroy(void *self) {
    derive *d = self;
    for (int32_t i = 0; d->names && i < d->n; i++) aip__free(d->ctx, d->names[i]);
    for (int32_t i = 0; d->expressions && i < d->n; i++) aip__expr_free(d->expressions[i]);
    aip__free(d->ctx, d->names);
    aip__free(d->ctx, d->expressions);
    aip__free(d->ctx, d);
}

/* A text, or a number, true or false written without quotes. */
static int32_t parse_value(aip_context *ctx, const char *name, const aip__node *value, aip__expr **out, aip_error **err) {
    int32_t status = AIP_OK;
    if (value->kind == AIP__STRING) {
        status = aip__expr_parse(ctx, value->string, value->length, out, err);
    } else if (value->kind == AIP__BOOL || value->kind == AIP__INT || value->kind == AIP__FLOAT) {
        aip__text text;
        aip__text_init(&text, ctx);
        aip__node_write(value, &text);
        status = text.failed ? aip__error_memory(ctx, err) : aip__expr_parse(ctx, text.bytes, text.n, out, err);
        aip__text_free(&text);
    } else {
        status =
            aip__error_set(err, AIP_E_PARAM, "derive: %s is %s: expected an expression", name, aip__node_kind_name(value->kind));
    }
    if (status == AIP_OK) return AIP_OK;
    aip__error_at_parameter(err, name);
    if (value->line > 0) aip__error_at_line(err, value->line, value->column);
    return status;
}

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    const aip__node *pairs = aip__params_node(params, "*");
    if (pairs->n == 0)
        return aip__error_set(err, AIP_E_PARAM, "derive: expected at least one column, as in {\"late\": \"arr_delay > 15\"}");
    derive *d = aip__calloc(ctx, 1, sizeof *d);
    if (!d) return aip__error_memory(ctx, err);
    d->ctx = ctx;
    d->n = pairs->n;
    d->names = aip__calloc(ctx, (size_t)d->n, sizeof *d->names);
    d->expressions = aip__calloc(ctx, (size_t)d->n, sizeof *d->expressions);
    int32_t status = d->names && d->expressions ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t i = 0; i < d->n && status == AIP_OK; i++) {
        const aip__node *name = pairs->items[i]->items[0], *value = pairs->items[i]->items[1];
        if (!(d->names[i] = aip__strdup(ctx, name->string)))
            status = aip__error_memory(ctx, err);
        else
            status = parse_value(ctx, name->string, value, &d->expressions[i], err);
    }
    if (status != AIP_OK) {
        destroy(d);
        return status;
    }
    *self = d;
    return AIP_OK;
}

static void unbind(void *bound) {
    derive_bound *b = bound;
    for (int32_t i = 0; b->expressions && i < b->n; i++) aip__expr_unbind(b->expressions[i]);
    aip__free(b->ctx, b->expressions);
    aip__free(b->ctx, b->targets);
    aip_schema_free(b->schema);
    aip__free(b->ctx, b);
}

/* Binds the i-th expression to the columns so far, and puts its column among them. */
static int32_t bind_one(const derive *d, derive_bound *b, int32_t i, aip_field *fields, aip_error **err) {
    int32_t status = aip__expr_bind(d->expressions[i], b->schema, &b->expressions[i], err);
    if (status != AIP_OK) {
        aip__error_at_parameter(err, d->names[i]);
        return status;
    }
    int32_t n = b->schema->n, at = aip_schema_find(b->schema, d->names[i]);
    memcpy(fields, b->schema->fields, (size_t)n * sizeof *fields);
    if (at < 0) at = n++;
    fields[at] = *aip__expr_field(b->expressions[i]);
    fields[at].name = d->names[i];
    b->targets[i] = at;
    aip_schema *next = NULL;
    AIP__TRY(aip_schema_create(d->ctx, fields, n, &next, err));
    aip_schema_free(b->schema);
    b->schema = next;
    return AIP_OK;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    (void)fitted;
    const derive *d = self;
    derive_bound *b = aip__calloc(d->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(d->ctx, err);
    b->ctx = d->ctx;
    b->n = d->n;
    b->schema = aip__schema_retain(in);
    b->expressions = aip__calloc(d->ctx, (size_t)d->n, sizeof *b->expressions);
    b->targets = aip__calloc(d->ctx, (size_t)d->n, sizeof *b->targets);
    aip_field *fields = aip__calloc(d->ctx, (size_t)in->n + (size_t)d->n, sizeof *fields);
    int32_t status = b->expressions && b->targets && fields ? AIP_OK : aip__error_memory(d->ctx, err);
    for (int32_t i = 0; i < d->n && status == AIP_OK; i++) status = bind_one(d, b, i, fields, err);
    aip__free(d->ctx, fields);
    if (status != AIP_OK) {
        unbind(b);
        return status;
    }
    *bound = b;
    *out = aip__schema_retain(b->schema);
    return AIP_OK;
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const derive_bound *b = bound;
    aip__column **columns = aip__calloc(b->ctx, (size_t)b->schema->n, sizeof *columns);
    if (!columns) return aip__error_memory(b->ctx, err);
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < in->n_columns; i++) columns[i] = aip__column_retain(in->columns[i]);
    for (int32_t i = 0; i < b->n && status == AIP_OK; i++) {
        aip__column *made = NULL;
        status = aip__expr_eval_columns(b->expressions[i], columns, in->n_rows, in->ordinal, &made, err);
        if (status != AIP_OK) break;
        aip__column_free(columns[b->targets[i]]);
        columns[b->targets[i]] = made;
    }
    if (status == AIP_OK)
        status = aip__batch_new(b->schema, in->n_rows, columns, out, err); /* takes the columns over */
    else
        for (int32_t i = 0; i < b->schema->n; i++) aip__column_free(columns[i]);
    aip__free(b->ctx, columns);
    if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    return status;
}

static int32_t row_plan(const void *bound, aip_row_plan *plan, aip_error **err) {
    const derive_bound *b = bound;
    aip__row_slot *slots = aip__alloc(b->ctx, ((size_t)b->schema->n + 1) * sizeof *slots);
    if (!slots) return aip__error_memory(b->ctx, err);
    int32_t n = plan->n_slots, status = AIP_OK;
    memcpy(slots, plan->slots, (size_t)n * sizeof *slots);
    for (int32_t i = 0; i < b->n && status == AIP_OK; i++) {
        aip__row_slot made;
        status = aip__expr_row_plan(b->expressions[i], plan, slots, n, &made, err);
        if (status != AIP_OK) break;
        if (b->targets[i] == n) n++;
        slots[b->targets[i]] = made;
    }
    if (status == AIP_OK) status = aip__row_table(plan, slots, n, err);
    aip__free(b->ctx, slots);
    return status;
}

static const aip_stage_ops ops = {.struct_size = sizeof ops,
                                  .create = create,
                                  .destroy = destroy,
                                  .bind = bind,
                                  .unbind = unbind,
                                  .apply = apply,
                                  .row_plan = row_plan};

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_ANY, "*", "[]", "The name of a column, and the expression that makes it."),
};
const aip_descriptor aip__stage_derive = {
    AIP__STAGE("derive", "Adds or replaces columns, each computed by an expression.", params, &ops, AIP_ROWS_SAME)};
