/* The suites of the transform room, and small tables to run stages over. */
#ifndef AIPIPE_TESTS_TRANSFORM_SUITES_H
#define AIPIPE_TESTS_TRANSFORM_SUITES_H

#include "unit.h"

#include "base/context.h"
#include "base/error.h"
#include "data/scan.h"
#include <math.h>
#include <string.h>

Suite *select_suite(void);
Suite *derive_suite(void);
Suite *describe_suite(void);
Suite *filter_suite(void);
Suite *drop_missing_suite(void);
Suite *scaler_suite(void);
Suite *imputer_suite(void);
Suite *encoder_suite(void);
Suite *join_suite(void);
Suite *split_suite(void);
Suite *state_suite(void);

/* A context with the room's stages and unit_workers(n_workers); with an allocator, exactly n_workers. At its end nothing may be left of it. */
aip_context *tt_context(int32_t n_workers);
aip_context *tt_context_with(int32_t n_workers, const aip_allocator *allocator);
void tt_context_end(aip_context *ctx);

/* One column of a table. Numbers: NAN is null, but for float types with keep_nan. Texts: NULL is null. */
typedef struct tt_column {
    const char *name;
    int32_t type;
    const double *numbers;
    const char *const *texts;
    int keep_nan;
} tt_column;
#define TT_NUMBERS(NAME, TYPE, ...) \
    { NAME, TYPE, (const double[]){__VA_ARGS__}, NULL, 0 }
#define TT_TEXTS(NAME, ...) \
    { NAME, AIP_UTF8, NULL, (const char *const[]){__VA_ARGS__}, 0 }

/* A dataset in memory of these columns, cut into batches of batch_rows. AIP_DICTIONARY columns are made from texts. */
aip_dataset *tt_table(aip_context *ctx, const tt_column *columns, int32_t n_columns, int64_t n_rows, int64_t batch_rows);

/* All rows of a dataset as one table of whole columns. */
typedef struct tt_rows {
    aip_context *ctx;
    aip_schema *schema;
    int64_t n_rows;
    aip__column **columns;
} tt_rows;
tt_rows tt_read(aip_dataset *d);
void tt_rows_free(tt_rows *r);
double tt_f64(const tt_rows *r, const char *column, int64_t row);       /* NAN for null */
const char *tt_text(const tt_rows *r, const char *column, int64_t row); /* NULL for null; valid until the next call */
/* "a,b,c": the names of the columns; valid until the next call. */
const char *tt_names(const tt_rows *r);
/* Each value, NAN for null, within tolerance relative to max(1, |expected|). */
void tt_expect(const tt_rows *r, const char *column, const double *expected, int64_t n, double tolerance);
#define EXPECT(ROWS, COLUMN, TOLERANCE, ...) \
    tt_expect(ROWS, COLUMN, (const double[]){__VA_ARGS__}, (int64_t)(sizeof(double[]){__VA_ARGS__} / 8), TOLERANCE)

aip_stage *tt_stage(aip_context *ctx, const char *name, const char *params);
/* Makes a stage, fits it on `fit`, and reads what it makes of `d`. */
tt_rows tt_fit_apply(aip_context *ctx, const char *name, const char *params, aip_dataset *fit, aip_dataset *d);
/* The same of a stage with nothing to learn. */
tt_rows tt_apply(aip_context *ctx, const char *name, const char *params, aip_dataset *d);
/* Status of creating, fitting and applying, with its error. */
int32_t tt_try(aip_context *ctx, const char *name, const char *params, aip_dataset *fit, aip_dataset *d, aip_error **err);

#endif
