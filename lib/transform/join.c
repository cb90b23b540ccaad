/* join: adds the columns of another table (`with`) where the keys are equal; left or inner, many to one. The right table is read once, when the
 * stage is first bound, and kept in memory with a hash table over its keys; the left one streams past it. As in SQL, a null key equals nothing.
 * Key columns come out once, under the left name (as in polars); a column of the right table whose name is taken gets the suffix. */
#include "transform/join_table.h"
#include "transform/layout.h"
#include "transform/learnt.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

#include "base/catalog.h"
#include "base/lock.h"
#include <time.h>

#define LOOK_EVERY_NS (1000 * 1000) /* for the table that another thread builds */

typedef struct joiner {
    aip_context *ctx;
    const aip_params *params;
    aip_dataset *right;
    bool inner;
    int32_t n_keys;
    const char **left_keys, **right_keys; /* names, borrowed from the parameters */
    int32_t *right_indices;
    _Atomic(aip__join_table *) table; /* once built */
    aip__lock lock;
    uint64_t
        builder; /* under the lock: one more than the generation of the process whose thread builds the table; 0: none does */
} joiner;

/* ---- create -------------------------------------------------------------------------------------------------------------------- */

static void destroy(void *self) {
    joiner *s = self;
    aip__join_table_free(atomic_load(&s->table));
    aip__lock_destroy(s->ctx, &s->lock);
    aip__free(s->ctx, s->left_keys);
    aip__free(s->ctx, s->right_keys);
    aip__free(s->ctx, s->right_indices);
    aip_dataset_free(s->right);
    aip__free(s->ctx, s);
}

static int32_t bad_on(aip_error **err) {
    int32_t status = aip__error_set(err, AIP_E_PARAM, "expected a column, a list of columns, or {left_column: right_column}");
    aip__error_at_parameter(err, "on");
    return status;
}

/* `on` as two lists of names. */
static int32_t read_keys(joiner *s, aip_error **err) {
    const aip__node *on = aip__params_node(s->params, "on");
    s->n_keys = on->kind == AIP__STRING ? 1 : on->n;
    if ((on->kind != AIP__STRING && on->kind != AIP__LIST && on->kind != AIP__MAP) || s->n_keys == 0) return bad_on(err);
    s->left_keys = aip__calloc(s->ctx, (size_t)s->n_keys, sizeof *s->left_keys);
    s->right_keys = aip__calloc(s->ctx, (size_t)s->n_keys, sizeof *s->right_keys);
    s->right_indices = aip__calloc(s->ctx, (size_t)s->n_keys, sizeof *s->right_indices);
    if (!s->left_keys || !s->right_keys || !s->right_indices) return aip__error_memory(s->ctx, err);
    for (int32_t i = 0; i < s->n_keys; i++) {
        const aip__node *right = on->kind == AIP__STRING ? on : on->items[i], *left = on->kind == AIP__MAP ? on->keys[i] : right;
        if (right->kind != AIP__STRING) return bad_on(err);
        s->left_keys[i] = left->string;
        s->right_keys[i] = right->string;
        int32_t status = aip__schema_need(s->right->schema, right->string, &s->right_indices[i], err);
        if (status != AIP_OK) {
            aip__error_at_parameter(err, "on");
            return status;
        }
    }
    return AIP_OK;
}

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)n_inputs; /* exactly `with`: that it is there was checked against the descriptor */
    joiner *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    aip__lock_init(ctx, &s->lock);
    s->ctx = ctx;
    s->params = params;
    s->inner = strcmp(aip_params_string(params, "how"), "inner") == 0;
    s->right = aip__dataset_retain(inputs[0].dataset);
    int32_t status = read_keys(s, err);
    if (status != AIP_OK) {
        destroy(s);
        return status;
    }
    *self = s;
    return AIP_OK;
}

/* ---- bind ---------------------------------------------------------------------------------------------------------------------- */

typedef struct join_bound {
    aip__layout layout;
    const joiner *self;
    const aip__join_table *table;
    int32_t *left;  /* per key: the left column */
    int32_t *right; /* per made column: the right column */
} join_bound;

static void unbind(void *bound) {
    join_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__free(ctx, b->left);
    aip__free(ctx, b->right);
    aip__layout_free(&b->layout);
    aip__free(ctx, b);
}

static int32_t match_keys(join_bound *b, const aip_schema *in, aip_error **err) {
    const joiner *s = b->self;
    for (int32_t k = 0; k < s->n_keys; k++) {
        AIP__TRY(aip__schema_need(in, s->left_keys[k], &b->left[k], err));
        const aip_field *left = &in->fields[b->left[k]], *right = &s->right->schema->fields[s->right_indices[k]];
        if (aip__join_comparable(left, right)) continue;
        int32_t status = aip__error_set(
            err, AIP_E_SCHEMA,
            "column '%s' is %s%s on the left and '%s' is %s%s on the right: they cannot be compared as keys of a join",
            left->name, aip_type_name(left->type), left->zone ? " with a zone" : "", right->name, aip_type_name(right->type),
            right->zone ? " with a zone" : "");
        aip__error_at_data_column(err, left->name);
        return status;
    }
    return AIP_OK;
}

/* A column of the right table under a name that is free. */
static int32_t describe_right(join_bound *b, const aip_schema *in, int32_t i, aip_error **err) {
    const joiner *s = b->self;
    aip_field field = s->right->schema->fields[i];
    if (!s->inner) field.nullable = 1;
    b->right[b->layout.n_made] = i;
    if (aip_schema_find(in, field.name) < 0) return aip__layout_make(&b->layout, &field, err);
    aip__text name;
    aip__text_init(&name, s->ctx);
    aip__text_printf(&name, "%s%s", field.name, aip_params_string(s->params, "suffix"));
    char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip__text_take(&name, &text, &n, err));
    field.name = text;
    int32_t status = aip__layout_make(&b->layout, &field, err);
    aip__free(s->ctx, text);
    return status;
}

static int32_t describe(join_bound *b, const aip_schema *in, aip_schema **out, aip_error **err) {
    const joiner *s = b->self;
    const aip_schema *right = s->right->schema;
    b->left = aip__calloc(s->ctx, (size_t)s->n_keys, sizeof *b->left);
    b->right = aip__calloc(s->ctx, (size_t)right->n + 1, sizeof *b->right);
    if (!b->left || !b->right) return aip__error_memory(s->ctx, err);
    AIP__TRY(match_keys(b, in, err));
    for (int32_t i = 0; i < in->n; i++) AIP__TRY(aip__layout_pass(&b->layout, in, i, err));
    for (int32_t i = 0; i < right->n; i++) {
        bool key = false;
        for (int32_t k = 0; k < s->n_keys; k++) key = key || s->right_indices[k] == i;
        if (!key) AIP__TRY(describe_right(b, in, i, err));
    }
    return aip__layout_end(&b->layout, out, err);
}

/* Whether this thread is to build the table: nobody else does, or who did so was left behind by a fork. */
static bool begin_building(joiner *s) {
    uint64_t me = (uint64_t)aip__context_generation(s->ctx) + 1;
    aip__lock_take(s->ctx, &s->lock);
    bool mine = !atomic_load(&s->table) && s->builder != me;
    if (mine) s->builder = me;
    aip__lock_leave(&s->lock);
    return mine;
}

static void end_building(joiner *s, aip__join_table *made) { /* NULL: it failed */
    aip__lock_take(s->ctx, &s->lock);
    atomic_store(&s->table, made);
    s->builder = 0;
    aip__lock_leave(&s->lock);
}

/* The table, built by whoever needs it first, under the token of the call that it is in. Whoever needs it meanwhile waits, since a once-dataset
 * can be read by one only, and two tables would take twice the memory. That is sound although the one who waits may be a job: those of the pass
 * decode the right table and bind nothing of this stage, so who builds never waits for one who waits for the table. */
static int32_t need_table(joiner *s, const aip__join_table **out, aip_error **err) {
    aip__join_table *t = NULL;
    aip__token own, *token = aip__token_here();
    AIP__TRY(aip__token_init(&own, s->ctx, NULL, err));
    if (!token || token->ctx != s->ctx) token = &own;
    while (!(t = atomic_load(&s->table))) {
        if (!begin_building(s)) {
            AIP__TRY(aip__token_check(token, err));
            nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_NS}, NULL);
            continue;
        }
        int32_t status = aip__join_table_build(s->right, s->right_indices, s->n_keys, token, &t, err);
        end_building(s, status == AIP_OK ? t : NULL);
        if (status != AIP_OK) return status;
    }
    *out = t;
    return AIP_OK;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    (void)fitted;
    joiner *s = (joiner *)(uintptr_t)self; /* only `table` changes, under its lock */
    join_bound *b = aip__calloc(s->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(s->ctx, err);
    b->self = s;
    aip__layout_begin(&b->layout, s->ctx);
    aip_schema *schema = NULL;
    int32_t status = describe(b, in, &schema, err);
    if (status == AIP_OK) status = need_table(s, &b->table, err);
    if (status != AIP_OK) {
        aip_schema_free(schema);
        unbind(b);
        return status;
    }
    *bound = b;
    *out = schema;
    return AIP_OK;
}

/* ---- apply --------------------------------------------------------------------------------------------------------------------- */

static int32_t probe(const join_bound *b, const aip_batch *in, int64_t *rows, aip_error **err) {
    const aip__column **keys = aip__alloc(b->layout.ctx, (size_t)b->self->n_keys * sizeof *keys);
    if (!keys) return aip__error_memory(b->layout.ctx, err);
    for (int32_t k = 0; k < b->self->n_keys; k++) keys[k] = in->columns[b->left[k]];
    int32_t status = aip__join_table_probe(b->table, keys, in->n_rows, rows, err);
    aip__free(b->layout.ctx, keys);
    return status;
}

/* Inner: the left rows that have a match; rows keeps only theirs. */
static int32_t keep_matched(aip_context *ctx, const aip_batch *in, int64_t *rows, aip_batch **out, aip_error **err) {
    uint8_t *mask = aip__calloc(ctx, 1, aip__bitmap_bytes(in->n_rows) + 1);
    if (!mask) return aip__error_memory(ctx, err);
    int64_t n = 0;
    for (int64_t i = 0; i < in->n_rows; i++) {
        if (rows[i] < 0) continue;
        aip__bit_set(mask, i);
        rows[n++] = rows[i];
    }
    int32_t status = aip__batch_filter(in, mask, out, err);
    aip__free(ctx, mask);
    return status;
}

/* The left rows with what the right table has for each. */
static int32_t attach(const join_bound *b, const aip_batch *left, const int64_t *rows, aip_batch **out, aip_error **err) {
    aip_context *ctx = b->layout.ctx;
    aip__column **made = aip__calloc(ctx, (size_t)b->layout.n_made + 1, sizeof *made);
    if (!made) return aip__error_memory(ctx, err);
    int32_t n = 0, status = AIP_OK;
    for (; n < b->layout.n_made; n++) {
        status = aip__column_take(b->table->columns[b->right[n]], rows, left->n_rows, &made[n], err);
        if (status != AIP_OK) break;
    }
    if (status == AIP_OK)
        status = aip__layout_batch(&b->layout, left, made, out, err);
    else
        while (n > 0) aip__column_free(made[--n]);
    aip__free(ctx, made);
    return status;
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const join_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    int64_t *rows = aip__alloc(ctx, ((size_t)in->n_rows + 1) * sizeof *rows);
    if (!rows) return aip__error_memory(ctx, err);
    aip_batch *left = NULL;
    int32_t status = probe(b, in, rows, err);
    if (status == AIP_OK && b->self->inner) status = keep_matched(ctx, in, rows, &left, err);
    if (status == AIP_OK) status = attach(b, left ? left : in, rows, out, err);
    aip_batch_free(left);
    aip__free(ctx, rows);
    return status;
}

/* ---- descriptor ------------------------------------------------------------------------------------------------------------------ */

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_ANY, "on", NULL, "key column, list of them, or {left_column: right_column}"),
    AIP__CHOICE("how", "inner|left", "\"inner\"", "inner: only rows with a match; left: every row, null where there is none"),
    AIP__CHOICE("validate", "m:1", "\"m:1\"", "keys of the right table are unique; one that occurs twice is an error"),
    AIP__PARAM(AIP_PARAM_STRING, "suffix", "\"_right\"", "added to a right column's name when the left table has it too"),
};

static const aip_stage_ops ops = {
    .struct_size = sizeof(aip_stage_ops), .create = create, .destroy = destroy, .bind = bind, .unbind = unbind, .apply = apply};

const aip_descriptor aip__stage_join = {
    AIP__STAGE("join", "Adds columns of another table (with) where the keys are equal.", params, &ops, AIP_ROWS_FEWER),
    .inputs = "with"};
