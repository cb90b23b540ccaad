/* A stage that runs stages on some columns of a batch and sets the others beside the result: how a target is carried past a pipeline while it
 * is fitted, and how predictions are added to the rows that they were made for. */
#ifndef AIPIPE_LIB_PACKAGE_BESIDE_H
#define AIPIPE_LIB_PACKAGE_BESIDE_H

#include "data/stage.h"

/* stages: fitted, row-preserving.
 * inputs: the columns they get, found by name and converted to these types where that loses nothing; NULL: every column but `beside`.
 * beside: the one column that is set beside; NULL: every column of the batch is.
 * only: of what the stages give, only these columns are added (n_only names, copied); NULL: all. Of all columns beside, one that has the name of an
 * added one is replaced by it; the one named `beside` must not have such a name (AIP_E_SCHEMA). Out: the columns beside, then the added ones. */
int32_t aip__stage_beside(aip_context *ctx, aip_stage *stages, const aip_schema *inputs, const char *beside,
                          const char *const *only, int32_t n_only, aip_stage **out, aip_error **err);

/* A column of a batch as another type without loss: integers and floats widen, dictionary and utf8 change into each other, a date into a timestamp;
 * where each value fits, floats become integers (a column of integers that has gaps is often written with decimals), and text any type (what a
 * reader makes of a column it saw no value of). */
bool aip__widens(const aip_field *from, const aip_field *to);

#endif
