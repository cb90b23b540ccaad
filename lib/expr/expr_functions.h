/* The typers and the exec functions that the table in expr_functions.c names; see expr_tree.h for what they get. */
#ifndef AIPIPE_LIB_EXPR_EXPR_FUNCTIONS_H
#define AIPIPE_LIB_EXPR_EXPR_FUNCTIONS_H

#include "expr/expr_tree.h"

#define TYPER(name) int32_t aip__expr_type_##name(expr_binder *b, expr_bnode *node, aip_error **err)
#define EXEC(name)                                                                                                          \
    int32_t aip__expr_do_##name(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out, \
                                int64_t n, aip_error **err)

/* expr_logic.c */
TYPER(compare);
TYPER(in);
TYPER(is_null);
TYPER(case);
TYPER(coalesce);
TYPER(nullif);
EXEC(compare);
EXEC(between);
EXEC(in);
EXEC(logic);
EXEC(not );
EXEC(is_null);
EXEC(case);
EXEC(coalesce);
EXEC(nullif);
EXEC(extreme);
/* expr_number.c */
TYPER(arithmetic);
TYPER(modulo);
EXEC(arithmetic);
EXEC(divide);
EXEC(modulo);
EXEC(negate);
EXEC(abs);
EXEC(sign);
EXEC(round);
EXEC(whole);
EXEC(math);
EXEC(pow);
EXEC(float_test);
/* expr_cast.c */
TYPER(cast);
EXEC(cast);
/* expr_strings.c */
EXEC(letters);
EXEC(trim);
EXEC(length);
EXEC(substr);
EXEC(ends);
EXEC(find);
EXEC(replace);
EXEC(concat);
EXEC(split_part);
/* expr_time.c */
TYPER(date_part);
TYPER(date);
TYPER(timestamp);
TYPER(epoch);
TYPER(date_diff);
EXEC(date_part);
EXEC(date_of_parts);
EXEC(date);
EXEC(timestamp);
EXEC(epoch);
EXEC(date_diff);

#endif
