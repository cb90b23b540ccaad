/* The profile of a table as a fold: what each column holds, in bounded memory.
 *
 * Missing values and the range are exact. Distinct values are counted up to a limit. Quantiles and histogram come from every value up to a limit,
 * and past it from a sample: each value has a key drawn from itself and its position in the lane; a value is kept while its key is below a bound,
 * which is halved whenever too many are kept. So samples merge, and what is kept depends on nothing but the lanes. */
#ifndef AIPIPE_LIB_VALIDATE_TABLE_PROFILE_H
#define AIPIPE_LIB_VALIDATE_TABLE_PROFILE_H

#include "data/batch.h"
#include <aipipe/stage.h>

typedef enum { AIP__PROFILE_NUMBER, AIP__PROFILE_TIME, AIP__PROFILE_TEXT, AIP__PROFILE_OTHER } aip__profile_kind;

#define AIP__PROFILE_BINS 12
#define AIP__PROFILE_KEPT_BYTES 64 /* of a text value, to show it */

typedef struct aip__profile_value { /* a slot of a hash table; hash 0: free */
    uint64_t hash;
    int64_t count;
    size_t length; /* of the text */
    char *text;    /* its first AIP__PROFILE_KEPT_BYTES; NULL for numbers */
} aip__profile_value;

typedef struct aip__profile_draw {
    uint64_t key;
    double value;
} aip__profile_draw;

typedef struct aip__profile_column {
    aip__profile_kind kind;
    int64_t n, n_missing; /* missing: null or NaN */
    double minimum, maximum, sum, sum_rest;
    int64_t least, greatest; /* the range of what is stored as an integer, exactly */
    aip__profile_draw *sample;
    size_t n_sample, sample_capacity, most_sample;
    int level; /* keys below 2^(64 - level) are kept; 0: all */
    aip__profile_value *values;
    size_t values_capacity, n_distinct, most_distinct;
    bool many; /* more than most_distinct */
} aip__profile_column;

typedef struct aip__profile_fold { /* the fold's object: the schema is the dataset's */
    aip_context *ctx;
    const aip_schema *schema;
} aip__profile_fold;

/* The state is an aip__profile_column for each column. */
extern const aip_fold_ops aip__profile_ops;

/* Of a finished state: sorts the samples, which the questions below ask for. */
void aip__profile_sort(const aip__profile_fold *fold, void *state);
/* NaN of nothing, of both infinities, and where the sum of finite values is too large for a double. */
double aip__profile_mean(const aip__profile_column *c);
double aip__profile_quantile(const aip__profile_column *c, double q); /* NaN of nothing and between both infinities */
/* Of the finite values. */
void aip__profile_histogram(const aip__profile_column *c, int64_t counts[AIP__PROFILE_BINS]);
/* The n most frequent texts, the most frequent first, ties by text; returns how many there are. */
int32_t aip__profile_top(const aip__profile_column *c, const aip__profile_value **top, int32_t n);
size_t aip__profile_kept(const aip__profile_value *v); /* bytes of its text that are there */

#endif
