/* What a stage makes of a schema: output columns in order, each one an input column passed on, or one that the stage makes. Described once,
 * when the stage is bound; then each batch is put together from it. */
#ifndef AIPIPE_LIB_TRANSFORM_LAYOUT_H
#define AIPIPE_LIB_TRANSFORM_LAYOUT_H

#include "data/batch.h"
#include "data/row_plan.h"

typedef struct aip__layout {
    aip_context *ctx;
    aip_schema *schema; /* what comes out, once ended */
    int32_t n, n_made;
    int32_t *from;     /* per output column: the input column that is passed on; -1: the next made one */
    aip_field *fields; /* while it is described; names and zones are own copies */
    size_t from_capacity, fields_capacity;
} aip__layout;

void aip__layout_begin(aip__layout *l, aip_context *ctx);
/* Adds column i of `in` as it is. */
int32_t aip__layout_pass(aip__layout *l, const aip_schema *in, int32_t i, aip_error **err);
/* Adds a column that the stage makes; the field's texts are copied. */
int32_t aip__layout_make(aip__layout *l, const aip_field *field, aip_error **err);
/* Makes the schema; *out is one more reference to it. Errors: AIP_E_SCHEMA when a name occurs twice. */
int32_t aip__layout_end(aip__layout *l, aip_schema **out, aip_error **err);
void aip__layout_free(aip__layout *l);
/* A batch from `in` and the made columns, in the order they were described. Takes the made columns over, also on failure. */
int32_t aip__layout_batch(const aip__layout *l, const aip_batch *in, aip__column *const *made, aip_batch **out, aip_error **err);
/* The same of a row plan's table: n_made slots in the order described. */
int32_t aip__layout_slots(const aip__layout *l, aip_row_plan *plan, const aip__row_slot *made, aip_error **err);

#endif
