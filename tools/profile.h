/* Values of columns as text and JSON, and the profile of a table made in one pass. */
#ifndef AIPIPE_TOOLS_PROFILE_H
#define AIPIPE_TOOLS_PROFILE_H

#include "tool.h"

/* ---- one value (value_text.c) --------------------------------------------------------------------------------------------------- */
bool value_is_null(const aip_column_view *v, int64_t row);
double value_number(const aip_column_view *v, int64_t row); /* of numbers and times; decimals unscaled, times in their unit */
/* The bytes of a text value; of a bool "true" or "false". */
const char *value_bytes(const aip_column_view *v, int64_t row, size_t *n);
void line_value(line *l, const aip_field *f, const aip_column_view *v, int64_t row);
/* A number that stands for values of the field: a mean, a quantile, a bound. */
void line_field_number(line *l, const aip_field *f, double number);
json_t *value_json(const aip_field *f, const aip_column_view *v, int64_t row);
json_t *field_number_json(const aip_field *f, double number);
void line_type(line *l, const aip_field *f); /* "timestamp[UTC]" */

/* ---- the profile (profile.c) ------------------------------------------------------------------------------------------------------
 * Missing values and the range are exact. Distinct values are counted up to PROFILE_DISTINCT of them. Quantiles, histogram and mean come from
 * every value; the quantiles and the histogram of more than PROFILE_SAMPLE values come from a sample of so many (reservoir sampling, Vitter
 * 1985, algorithm R), always the same one. */
#define PROFILE_DISTINCT 10000 /* both are less for tables of more than a hundred columns: memory is bounded */
#define PROFILE_SAMPLE 100000
#define PROFILE_BINS 12
#define PROFILE_TOP 3
#define PROFILE_KEPT_BYTES 64 /* of a text value, to show it */

typedef enum { PROFILE_NUMBER, PROFILE_TIME, PROFILE_TEXT, PROFILE_OTHER } profile_kind;

typedef struct profile_value {
    uint64_t hash; /* 0: a free slot */
    int64_t count;
    size_t length; /* of the text */
    char *text;    /* its first PROFILE_KEPT_BYTES */
} profile_value;

typedef struct profile_column {
    aip_field field; /* name and zone are borrowed from the schema */
    profile_kind kind;
    int64_t n, n_missing; /* missing: null or NaN */
    double minimum, maximum, sum, sum_rest;
    double *sample;
    size_t n_sample, sample_capacity, most_sample;
    uint64_t random;
    profile_value *values; /* hash table */
    size_t values_capacity, n_distinct, most_distinct;
    bool many; /* more than most_distinct */
} profile_column;

typedef struct profile {
    profile_column *columns;
    int32_t n_columns;
    int64_t n_rows;
    aip_batch **head; /* the first batches, as many as hold n_head rows */
    size_t n_batches, batches_capacity;
    int64_t n_head, n_kept;
} profile;

void profile_begin(profile *p, const aip_schema *schema, int64_t n_head);
int32_t profile_batch(void *user, aip_batch *batch, aip_error **err); /* of aip_dataset_each */
void profile_end(profile *p);                                         /* after the pass: sorts the samples */
void profile_free(profile *p);

double profile_mean(const profile_column *c);
double profile_quantile(const profile_column *c, double q); /* linear between neighbours, as numpy's default; NaN of nothing */
bool profile_is_sampled(const profile_column *c);
void profile_histogram(const profile_column *c, int64_t counts[PROFILE_BINS]);
int profile_top(const profile_column *c, const profile_value *top[PROFILE_TOP]); /* most frequent first, ties by text */

#endif
