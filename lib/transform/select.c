/* select, drop, rename, cast: which columns there are, what they are called, and of which type they are. */
#include "data/row_plan.h"
#include "transform/cell.h"
#include "transform/layout.h"
#include "transform/learnt.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

#include "base/catalog.h"
#include <stdio.h>

/* What the four share: the parameters, and per output column the input column that it comes from and, of cast, its new type. */
typedef struct chooser {
    aip_context *ctx;
    const aip_params *params;
} chooser;

typedef struct chooser_bound {
    aip_context *ctx;
    aip_schema *in, *out;
    int32_t *indices;
    bool strict;
} chooser_bound;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    chooser *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->params = params;
    *self = s;
    return AIP_OK;
}

static void destroy(void *self) {
    chooser *s = self;
    aip__free(s->ctx, s);
}

static void unbind(void *bound) {
    chooser_bound *b = bound;
    aip__free(b->ctx, b->indices);
    aip_schema_free(b->in);
    aip_schema_free(b->out);
    aip__free(b->ctx, b);
}

/* Takes `indices` over. fields: of the output, n of them. */
static int32_t bound_new(aip_context *ctx, const aip_schema *in, int32_t *indices, const aip_field *fields, int32_t n,
                         void **bound, aip_schema **out, aip_error **err) {
    chooser_bound *b = aip__calloc(ctx, 1, sizeof *b);
    if (!b) {
        aip__free(ctx, indices);
        return aip__error_memory(ctx, err);
    }
    *b = (chooser_bound){.ctx = ctx, .in = aip__schema_retain(in), .indices = indices};
    int32_t status = aip_schema_create(ctx, fields, n, &b->out, err);
    if (status != AIP_OK) {
        unbind(b);
        return status;
    }
    *bound = b;
    *out = aip__schema_retain(b->out);
    return AIP_OK;
}

/* ---- select, drop ------------------------------------------------------------------------------------------------------------ */

static int32_t bind_indices(const chooser *s, const aip_schema *in, int32_t *indices, int32_t n, void **bound, aip_schema **out,
                            aip_error **err) {
    aip_field *fields = aip__alloc(s->ctx, ((size_t)n + 1) * sizeof *fields);
    if (!fields) {
        aip__free(s->ctx, indices);
        return aip__error_memory(s->ctx, err);
    }
    for (int32_t i = 0; i < n; i++) fields[i] = in->fields[indices[i]];
    int32_t status = bound_new(s->ctx, in, indices, fields, n, bound, out, err);
    aip__free(s->ctx, fields);
    return status;
}

static int32_t bind_select(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **err) {
    (void)fitted;
    const chooser *s = self;
    aip__fit_columns columns;
    AIP__TRY(aip__fit_columns_init(&columns, s->ctx, s->params, NULL, in, err));
    int32_t *indices = columns.indices, n = columns.n;
    columns.indices = NULL;
    aip__fit_columns_free(&columns);
    return bind_indices(s, in, indices, n, bound, out, err);
}

static int32_t bind_drop(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)fitted;
    const chooser *s = self;
    aip__fit_columns columns;
    AIP__TRY(aip__fit_columns_init(&columns, s->ctx, s->params, NULL, in, err));
    int32_t *indices = aip__alloc(s->ctx, ((size_t)in->n + 1) * sizeof *indices), n = 0;
    if (!indices) {
        aip__fit_columns_free(&columns);
        return aip__error_memory(s->ctx, err);
    }
    for (int32_t i = 0; i < in->n; i++) indices[i] = i;
    for (int32_t k = 0; k < columns.n; k++) indices[columns.indices[k]] = -1;
    for (int32_t i = 0; i < in->n; i++)
        if (indices[i] >= 0) indices[n++] = indices[i];
    aip__fit_columns_free(&columns);
    return bind_indices(s, in, indices, n, bound, out, err);
}

static int32_t apply_select(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const chooser_bound *b = bound;
    return aip__batch_project(in, b->indices, b->out, out, err);
}

static int32_t rows_select(const void *bound, aip_row_plan *plan, aip_error **err) {
    const chooser_bound *b = bound;
    aip__row_slot *slots = aip__alloc(b->ctx, ((size_t)b->out->n + 1) * sizeof *slots);
    if (!slots) return aip__error_memory(b->ctx, err);
    for (int32_t i = 0; i < b->out->n; i++) slots[i] = plan->slots[b->indices[i]];
    int32_t status = aip__row_table(plan, slots, b->out->n, err);
    aip__free(b->ctx, slots);
    return status;
}

/* ---- rename ------------------------------------------------------------------------------------------------------------------ */

/* A parameter that must be a map of names to texts. */
static int32_t need_map(const aip_params *params, const aip__node **map, const char *example, aip_error **err) {
    *map = aip__params_node(params, "columns");
    for (int32_t i = 0; i < (*map)->n; i++) {
        if ((*map)->items[i]->kind == AIP__STRING && (*map)->items[i]->length > 0) continue;
        int32_t status = aip__error_set(err, AIP_E_PARAM, "'%s' must be a text, as in %s; found %s", (*map)->keys[i]->string,
                                        example, aip__node_kind_name((*map)->items[i]->kind));
        aip__error_at_parameter(err, "columns");
        return status;
    }
    return AIP_OK;
}

static int32_t create_rename(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                             void **self, aip_error **err) {
    const aip__node *map = NULL;
    AIP__TRY(need_map(params, &map, "{old_name: new_name}", err));
    return create(ctx, user, params, inputs, n_inputs, self, err);
}

static int32_t bind_rename(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **err) {
    (void)fitted;
    const chooser *s = self;
    const aip__node *map = aip__params_node(s->params, "columns");
    aip_field *fields = aip__alloc(s->ctx, ((size_t)in->n + 1) * sizeof *fields);
    if (!fields) return aip__error_memory(s->ctx, err);
    for (int32_t i = 0; i < in->n; i++) fields[i] = in->fields[i];
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < map->n; i++) {
        int32_t k = 0;
        status = aip__schema_need(in, map->keys[i]->string, &k, err);
        if (status == AIP_OK) fields[k].name = map->items[i]->string;
    }
    if (status == AIP_OK) status = bound_new(s->ctx, in, NULL, fields, in->n, bound, out, err);
    aip__free(s->ctx, fields);
    return status;
}

static int32_t apply_rename(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const chooser_bound *b = bound;
    return aip__batch_relabel(in, b->out, out, err);
}

static int32_t rows_rename(const void *bound, aip_row_plan *plan, aip_error **err) {
    (void)bound, (void)plan, (void)err; /* a plan has no names */
    return AIP_OK;
}

/* ---- cast -------------------------------------------------------------------------------------------------------------------- */

#define TYPE_TEXT 64

/* "int64", "timestamp[UTC]", "decimal64(2)" into a field; the zone is written to `zone`. */
static bool parse_type(const char *text, aip_field *field, char zone[TYPE_TEXT]) {
    size_t n = strlen(text), base = strcspn(text, "[(");
    if (n >= TYPE_TEXT) return false;
    char name[TYPE_TEXT] = {0};
    memcpy(name, text, base);
    field->type = aip__type_from_name(name);
    field->zone = NULL;
    field->scale = 0;
    if (field->type == 0 || base == n) return field->type != 0;
    if (field->type == AIP_TIMESTAMP && text[base] == '[' && text[n - 1] == ']' && n > base + 2) {
        memcpy(zone, text + base + 1, n - base - 2);
        zone[n - base - 2] = 0;
        field->zone = zone;
        return true;
    }
    if (field->type != AIP_DECIMAL64 || text[base] != '(' || text[n - 1] != ')' || n < base + 3 || n > base + 4) return false;
    for (size_t i = base + 1; i < n - 1; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        field->scale = field->scale * 10 + (text[i] - '0');
    }
    return field->scale <= 18;
}

static int32_t create_cast(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                           void **self, aip_error **err) {
    const aip__node *map = NULL;
    AIP__TRY(need_map(params, &map, "{name: float64}", err));
    for (int32_t i = 0; i < map->n; i++) {
        aip_field field = aip__field("", AIP_INT64);
        char zone[TYPE_TEXT];
        if (parse_type(map->items[i]->string, &field, zone)) continue;
        int32_t status =
            aip__error_set(err, AIP_E_PARAM,
                           "'%s' is not a type for column '%s'; expected bool, int32, int64, float32, float64, utf8, binary, "
                           "dictionary, date32, timestamp, timestamp[ZONE] or decimal64(SCALE)",
                           map->items[i]->string, map->keys[i]->string);
        aip__error_at_parameter(err, "columns");
        return status;
    }
    return create(ctx, user, params, inputs, n_inputs, self, err);
}

static int32_t bind_cast(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)fitted;
    const chooser *s = self;
    const aip__node *map = aip__params_node(s->params, "columns");
    aip_field *fields = aip__alloc(s->ctx, ((size_t)in->n + 1) * sizeof *fields);
    char(*zones)[TYPE_TEXT] = aip__alloc(s->ctx, ((size_t)map->n + 1) * sizeof *zones);
    int32_t status = fields && zones ? AIP_OK : aip__error_memory(s->ctx, err);
    for (int32_t i = 0; status == AIP_OK && i < in->n; i++) fields[i] = in->fields[i];
    bool strict = strcmp(aip_params_string(s->params, "on_bad_cell"), "error") == 0;
    for (int32_t i = 0; status == AIP_OK && i < map->n; i++) {
        int32_t k = 0;
        status = aip__schema_need(in, map->keys[i]->string, &k, err);
        if (status != AIP_OK) break;
        parse_type(map->items[i]->string, &fields[k], zones[i]);
        if (!strict) fields[k].nullable = 1;
    }
    if (status == AIP_OK) status = bound_new(s->ctx, in, NULL, fields, in->n, bound, out, err);
    if (status == AIP_OK) ((chooser_bound *)*bound)->strict = strict;
    aip__free(s->ctx, zones);
    aip__free(s->ctx, fields);
    return status;
}

static bool same_type(const aip_field *a, const aip_field *b) {
    return a->type == b->type && a->scale == b->scale && !a->zone == !b->zone && (!a->zone || strcmp(a->zone, b->zone) == 0);
}

/* Finds the first cell that did not fit, to name its row and value. */
static int32_t bad_cell(const aip_batch *in, int32_t i, const aip_field *from, const aip_field *to, aip_error **err) {
    const aip__column *c = in->columns[i];
    aip__column *lenient = NULL;
    AIP__TRY(aip__column_cast(c, from, to, false, &lenient, err));
    int64_t row = 0;
    while (row < c->length - 1 && (!aip__valid(c->validity, row) || aip__valid(lenient->validity, row))) row++;
    aip__column_free(lenient);
    char why[64];
    snprintf(why, sizeof why, "is not a value of %s", aip_type_name(to->type));
    return aip__bad_cell(in, i, row, "", why, err);
}

static int32_t apply_cast(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const chooser_bound *b = bound;
    aip__column **columns = aip__calloc(b->ctx, (size_t)in->n_columns + 1, sizeof *columns);
    if (!columns) return aip__error_memory(b->ctx, err);
    int32_t status = AIP_OK, n = 0;
    for (; n < in->n_columns; n++) {
        const aip_field *from = &b->in->fields[n], *to = &b->out->fields[n];
        if (same_type(from, to)) {
            columns[n] = aip__column_retain(in->columns[n]);
            continue;
        }
        status = aip__column_cast(in->columns[n], from, to, b->strict, &columns[n], err);
        if (status == AIP_E_DATA && b->strict) status = bad_cell(in, n, from, to, err);
        if (status != AIP_OK) break;
    }
    if (status == AIP_OK)
        status = aip__batch_new(b->out, in->n_rows, columns, out, err);
    else
        while (n > 0) aip__column_free(columns[--n]);
    aip__free(b->ctx, columns);
    if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    return status;
}

static int32_t rows_cast(const void *bound, aip_row_plan *plan, aip_error **err) {
    const chooser_bound *b = bound;
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < b->out->n; i++) {
        const aip_field *from = &b->in->fields[i], *to = &b->out->fields[i];
        if (!same_type(from, to)) status = aip__row_cast(plan, &plan->slots[i], from, to, b->strict, &plan->slots[i], err);
    }
    return status;
}

/* ---- descriptors --------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec select_params[] = {
    AIP__PARAM(AIP_PARAM_COLUMNS, "columns", NULL, "columns to keep, in this order"),
};
static const aip_param_spec drop_params[] = {
    AIP__PARAM(AIP_PARAM_COLUMNS, "columns", NULL, "columns to leave out"),
};
static const aip_param_spec rename_params[] = {
    AIP__PARAM(AIP_PARAM_OBJECT, "columns", NULL, "old name: new name"),
};
static const aip_param_spec cast_params[] = {
    AIP__PARAM(AIP_PARAM_OBJECT, "columns", NULL, "name: type, such as float64, date32, timestamp[UTC] or decimal64(2)"),
    AIP__CHOICE("on_bad_cell", "error|null", "\"error\"", "a value that the type cannot hold: an error, or null"),
};

#define OPS(CREATE, BIND, APPLY, ROWS)                                                                              \
    {                                                                                                               \
        .struct_size = sizeof(aip_stage_ops), .create = CREATE, .destroy = destroy, .bind = BIND, .unbind = unbind, \
        .apply = APPLY, .row_plan = ROWS                                                                            \
    }

static const aip_stage_ops select_ops = OPS(create, bind_select, apply_select, rows_select);
static const aip_stage_ops drop_ops = OPS(create, bind_drop, apply_select, rows_select);
static const aip_stage_ops rename_ops = OPS(create_rename, bind_rename, apply_rename, rows_rename);
static const aip_stage_ops cast_ops = OPS(create_cast, bind_cast, apply_cast, rows_cast);

const aip_descriptor aip__stage_select = {
    AIP__STAGE("select", "Keeps the named columns, in the order named.", select_params, &select_ops, AIP_ROWS_SAME),
    .shorthand = "columns"};
const aip_descriptor aip__stage_drop = {
    AIP__STAGE("drop", "Leaves the named columns out.", drop_params, &drop_ops, AIP_ROWS_SAME), .shorthand = "columns"};
const aip_descriptor aip__stage_rename = {
    AIP__STAGE("rename", "Gives columns new names.", rename_params, &rename_ops, AIP_ROWS_SAME)};
const aip_descriptor aip__stage_cast = {
    AIP__STAGE("cast", "Turns columns into other types.", cast_params, &cast_ops, AIP_ROWS_SAME)};
