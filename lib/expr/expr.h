/* The expression language: `arr_delay > 15`, `year - built`, `dep_delay is null or dep_delay > -120`. docs/expressions.md is its manual.
 *
 * An expression is parsed once (text to tree), bound to each input schema (columns found, types checked, constants folded), and evaluated over
 * batches, a strip of rows and an operator at a time. Missing is SQL's null, logic has three values. */
#ifndef AIPIPE_LIB_EXPR_EXPR_H
#define AIPIPE_LIB_EXPR_EXPR_H

#include "data/batch.h"
#include "data/row_plan.h"

typedef struct aip__expr aip__expr;             /* immutable */
typedef struct aip__bound_expr aip__bound_expr; /* immutable: evaluated from many threads at once */

/* n bytes of text. Errors: AIP_E_SYNTAX "expression 'a +': column 4: expected a value, found the end". any-thread */
int32_t aip__expr_parse(aip_context *ctx, const char *text, size_t n, aip__expr **out, aip_error **err);
const char *aip__expr_text(const aip__expr *e);
/* The i-th distinct column that it reads, in order of appearance; NULL past the end. immutable */
const char *aip__expr_column(const aip__expr *e, int32_t i);
void aip__expr_free(aip__expr *e);

/* Errors: AIP_E_SCHEMA: a column is not there (the nearest is named), or types do not fit (both are named); AIP_E_PARAM: a zone or unit is
 * unknown. The expression may be freed before the bound one. any-thread */
int32_t aip__expr_bind(const aip__expr *e, const aip_schema *schema, aip__bound_expr **out, aip_error **err);
/* Type, zone, scale and nullable flag of the result; its name is the expression's text. Borrowed. immutable */
const aip_field *aip__expr_field(const aip__bound_expr *b);
void aip__expr_unbind(aip__bound_expr *b);

/* columns: those of a batch of the bound schema, n_rows each; ordinal: of the first row, for messages, -1 when not known. A lone column is
 * passed through. Errors: AIP_E_DATA (an integer overflow or a failed cast, with the row), AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. immutable */
int32_t aip__expr_eval_columns(const aip__bound_expr *b, aip__column *const *columns, int64_t n_rows, int64_t ordinal,
                               aip__column **out, aip_error **err);
int32_t aip__expr_eval(const aip__bound_expr *b, const aip_batch *batch, aip__column **out, aip_error **err);
/* The expression in a row plan over a table of n slots (those of the bound schema): *out is its result. */
int32_t aip__expr_row_plan(const aip__bound_expr *b, aip_row_plan *plan, const aip__row_slot *slots, int32_t n,
                           aip__row_slot *out, aip_error **err);
/* Of a bool expression: *mask has bit i set where row i is true; null is false. Free with aip__buffer_free. immutable */
int32_t aip__expr_mask(const aip__bound_expr *b, const aip_batch *batch, aip__buffer **mask, aip_error **err);

/* The i-th function or operator, for the catalogue and the manual; false past the end. immutable */
typedef struct aip__expr_doc {
    const char *name, *signature, *doc;
} aip__expr_doc;
bool aip__expr_function_doc(int32_t i, aip__expr_doc *out);

#endif
