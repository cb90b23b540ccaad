/* Layouts: from an input schema to an output schema, and from an input batch to an output batch. */
#include "transform/layout.h"

void aip__layout_begin(aip__layout *l, aip_context *ctx) { *l = (aip__layout){.ctx = ctx}; }

static int32_t add(aip__layout *l, const aip_field *field, int32_t from, aip_error **err) {
    if (l->n == INT32_MAX) return aip__error_set(err, AIP_E_SCHEMA, "too many columns");
    size_t need = (size_t)l->n + 1;
    if (aip__grow(l->ctx, &l->from, &l->from_capacity, need, sizeof *l->from)
        || aip__grow(l->ctx, &l->fields, &l->fields_capacity, need, sizeof *l->fields))
        return aip__error_memory(l->ctx, err);
    char *name = aip__strdup(l->ctx, field->name), *zone = field->zone ? aip__strdup(l->ctx, field->zone) : NULL;
    if (!name || (field->zone && !zone)) {
        aip__free(l->ctx, name);
        aip__free(l->ctx, zone);
        return aip__error_memory(l->ctx, err);
    }
    l->fields[l->n] = *field;
    l->fields[l->n].name = name;
    l->fields[l->n].zone = zone;
    l->from[l->n] = from;
    l->n++;
    return AIP_OK;
}

int32_t aip__layout_pass(aip__layout *l, const aip_schema *in, int32_t i, aip_error **err) {
    return add(l, &in->fields[i], i, err);
}

int32_t aip__layout_make(aip__layout *l, const aip_field *field, aip_error **err) {
    AIP__TRY(add(l, field, -1, err));
    l->n_made++;
    return AIP_OK;
}

static void free_fields(aip__layout *l) {
    for (int32_t i = 0; l->fields && i < l->n; i++) {
        aip__free(l->ctx, (char *)(uintptr_t)l->fields[i].name);
        aip__free(l->ctx, (char *)(uintptr_t)l->fields[i].zone);
    }
    aip__free(l->ctx, l->fields);
    l->fields = NULL;
}

int32_t aip__layout_end(aip__layout *l, aip_schema **out, aip_error **err) {
    AIP__TRY(aip_schema_create(l->ctx, l->fields, l->n, &l->schema, err));
    free_fields(l);
    *out = aip__schema_retain(l->schema);
    return AIP_OK;
}

void aip__layout_free(aip__layout *l) {
    free_fields(l);
    aip__free(l->ctx, l->from);
    aip_schema_free(l->schema);
    *l = (aip__layout){0};
}

int32_t aip__layout_batch(const aip__layout *l, const aip_batch *in, aip__column *const *made, aip_batch **out, aip_error **err) {
    aip__column **columns = aip__calloc(l->ctx, (size_t)l->n + 1, sizeof *columns);
    if (!columns) {
        for (int32_t i = 0; i < l->n_made; i++) aip__column_free(made[i]);
        return aip__error_memory(l->ctx, err);
    }
    int32_t k = 0;
    for (int32_t i = 0; i < l->n; i++) columns[i] = l->from[i] < 0 ? made[k++] : aip__column_retain(in->columns[l->from[i]]);
    int32_t status = aip__batch_new(l->schema, in->n_rows, columns, out, err);
    if (status == AIP_OK) (*out)->ordinal = in->ordinal;
    aip__free(l->ctx, columns);
    return status;
}

int32_t aip__layout_slots(const aip__layout *l, aip_row_plan *plan, const aip__row_slot *made, aip_error **err) {
    aip__row_slot *slots = aip__alloc(l->ctx, ((size_t)l->n + 1) * sizeof *slots);
    if (!slots) return aip__error_memory(l->ctx, err);
    int32_t k = 0;
    for (int32_t i = 0; i < l->n; i++) slots[i] = l->from[i] < 0 ? made[k++] : plan->slots[l->from[i]];
    int32_t status = aip__row_table(plan, slots, l->n, err);
    aip__free(l->ctx, slots);
    return status;
}
