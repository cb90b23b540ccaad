/* A stage that runs stages on some columns of a batch and sets the others beside the result: how a target is carried past a pipeline while it
 * is fitted, and how predictions are added to the rows that they were made for. */
#ifndef AIPIPE_LIB_PACKAGE_BESIDE_H
#define AIPIPE_LIB_PACKAGE_BESIDE_H

#include "data/stage.h"

/* stages: fitted, row-preserving.
 * Of all columns beside, one that has the name of an added one is replaced by it; the one named `beside` must not have such a name (AIP_E_SCHEMA).
 * Out: the columns beside, then the added ones. */
typedef struct aip__beside {
    const aip_schema
        *inputs; /* what they get, found by name and converted to these types where that loses nothing; NULL: all but `beside` */
    bool others_too;    /* with inputs: they get every other column but `beside` as well, in the order of the batch */
    const char *beside; /* the one column that is set beside (copied; it need not be there); NULL: every column of the batch is */
    const char *const *only; /* of what they give, only these columns are added (n_only names, copied); NULL: all */
    int32_t n_only;
} aip__beside;
int32_t aip__stage_beside(aip_context *ctx, aip_stage *stages, const aip__beside *how, aip_stage **out, aip_error **err);

/* A column of a batch as another type without loss: integers and floats widen, dictionary and utf8 change into each other, a date into a timestamp;
 * where each value fits, floats become integers (a column of integers that has gaps is often written with decimals), and text any type (what a
 * reader makes of a column it saw no value of). */
bool aip__widens(const aip_field *from, const aip_field *to);

#endif
