/* The suites of the expression room, the small table that expressions are evaluated over, and ways to hold their results. */
#ifndef AIPIPE_TESTS_EXPR_SUITES_H
#define AIPIPE_TESTS_EXPR_SUITES_H

#include "unit.h"

#include "expr/expr.h"
#include <string.h>

Suite *expr_parse_suite(void);
Suite *expr_types_suite(void);
Suite *expr_values_suite(void);
Suite *expr_functions_suite(void);
Suite *expr_random_suite(void);
Suite *zone_suite(void);

/* Rows 0 to 5 of the table:
 *   i int64       7, -7, 0, null, 100, 3             j int32       2, 2, 0, 5, 1, null
 *   f float64     1.5, -2.5, 0, null, 1e300, NaN     g float32     0.5, 1, null, -2, 0, 3
 *   p bool        T T T F F F N N N (nine rows of their own table, "logic")     q bool  T F N T F N T F N
 *   t utf8        'abc', ' Abc ', '', null, 'Äpfel', 'a,b,,c'
 *   c dictionary  'UA', 'AA', null, 'UA', 'DL', 'AA'
 *   day date32    2013-01-01, 2012-02-29, null, 1969-12-31, 2024-12-30, 2000-03-01
 *   at timestamp in America/New_York    2013-03-10T06:59:59Z, 2013-03-10T07:00:00Z, 2013-11-03T05:59:59Z, 2013-11-03T06:00:00Z,
 *                                       2013-01-01T04:30:15Z, null
 *   wall timestamp    2013-01-01 05:00:00.25, null, 1969-12-31 23:59:59.75, 2013-03-10 02:30:00, 2000-02-29 00:00:00, 2013-12-31 23:00:00
 *   b bool        true, false, null, true, false, null
 *   n decimal64 of scale 2    12.34, -0.5, null, 100, 0, 0.01
 *   "odd name" utf8   'x', 'y', 'x', 'y', 'x', 'y'
 *   x binary      'r' in each row */
void table_setup(void);
void table_teardown(void);
extern aip_context *table_ctx;
extern aip_batch *table;
aip_batch *logic_table(void);

/* "[7, -7, null]": the values of an expression over the table. Free with free. */
char *values_of(const aip_batch *batch, const char *expression);
void assert_values(const char *expression, const char *type, const char *expected);
/* The same for an expression of constants: the first row. */
void assert_value(const char *expression, const char *expected);
/* status of parse, bind or evaluation, and a part of the message. */
void assert_fails(const char *expression, int32_t status, const char *message);

Suite *table_suite(const char *name, const TTest *const *tests);

#endif
