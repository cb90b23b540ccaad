/* Which rows go into which part of a split, exactly as scikit-learn's ShuffleSplit and StratifiedShuffleSplit choose them. */
#ifndef AIPIPE_LIB_TRANSFORM_SPLIT_ROWS_H
#define AIPIPE_LIB_TRANSFORM_SPLIT_ROWS_H

#include "base/context.h"

typedef struct aip__split_sizes { /* each a part of the rows (0 to 1) or, when it is a count, a number of them */
    double test_size, train_size; /* NaN: not given */
    bool test_is_count, train_is_count;
} aip__split_sizes;

/* Number of rows in each part: test rounded up, train rounded down; a part not given is what is left; neither: a quarter for test.
 * Errors: AIP_E_DATA when a part would be empty or both are more than there is. */
int32_t aip__split_counts(const aip__split_sizes *sizes, int64_t n, int64_t *n_train, int64_t *n_test, aip_error **err);

/* Sets the bits of the rows of both parts in zeroed bitmaps of n bits. The first n_test of RandomState(seed).permutation(n) are the test set, the
 * next n_train the training set. */
int32_t aip__split_shuffle(aip_context *ctx, int64_t n, int64_t n_train, int64_t n_test, uint32_t seed, uint8_t *train,
                           uint8_t *test, aip_error **err);
/* Stratified: classes[i] in [0, n_classes) is the rank of row i's class among the sorted classes. Errors: AIP_E_DATA when a class has one
 * member, or a part has fewer rows than there are classes. */
int32_t aip__split_stratified(aip_context *ctx, const int32_t *classes, int64_t n, int32_t n_classes, int64_t n_train,
                              int64_t n_test, uint32_t seed, uint8_t *train, uint8_t *test, aip_error **err);

#endif
