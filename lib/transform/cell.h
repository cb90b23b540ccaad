/* A value as text, for names of columns and for messages. */
#ifndef AIPIPE_LIB_TRANSFORM_CELL_H
#define AIPIPE_LIB_TRANSFORM_CELL_H

#include "base/text.h"
#include "data/batch.h"

/* Of a bool ("true"), int, date, timestamp or decimal field. */
void aip__int_text(aip__text *t, const aip_field *field, int64_t v);
/* Row i of a column: its text (at most 200 bytes), its number; "null" when it is. */
void aip__cell_text(aip__text *t, const aip_field *field, const aip__column *c, int64_t i);
/* The value of an integer-like column that is not null. */
int64_t aip__int_at(const aip__column *c, int64_t i);

/* For messages: "row 123 (from 0)" of the dataset that is passed over; "row 123 of a batch" where rows were dropped before, so that
 * the place in the dataset is not known any more. */
typedef struct aip__row_text {
    char text[48];
} aip__row_text;
aip__row_text aip__row_name(const aip_batch *batch, int64_t i);

/* AIP_E_DATA "column 'x', row 123 (from 0): <what> '<cell>' <why>". */
int32_t aip__bad_cell(const aip_batch *batch, int32_t column, int64_t row, const char *what, const char *why, aip_error **err);

#endif
