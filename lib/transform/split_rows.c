/* The choice of rows. Draws come from NumPy's legacy Mersenne Twister in the order in which scikit-learn (1.2 to 1.7) makes them, so that the
 * same random_state gives the same rows: scikit-learn, model_selection/_split.py (what it computes, not its text). */
#include "transform/split_rows.h"

#include "base/bitmap.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include <math.h>
#include <stdlib.h>

static int32_t refuse(aip_error **err, const char *what, int64_t n) {
    return aip__error_set(err, AIP_E_DATA, "%lld row%s cannot be split so: %s", (long long)n, aip__plural(n), what);
}

int32_t aip__split_counts(const aip__split_sizes *sizes, int64_t n, int64_t *n_train, int64_t *n_test, aip_error **err) {
    double test_size = sizes->test_size, train_size = sizes->train_size;
    if (isnan(test_size) && isnan(train_size)) test_size = 0.25;
    double test = sizes->test_is_count ? test_size : ceil(test_size * (double)n);
    double train = sizes->train_is_count ? train_size : floor(train_size * (double)n);
    if (isnan(test)) test = (double)n - train;
    if (isnan(train)) train = (double)n - test;
    if (train + test > (double)n) return refuse(err, "the parts are more than there is", n);
    if (!(train >= 1)) return refuse(err, "the training part would be empty", n);
    if (!(test >= 1)) return refuse(err, "the test part would be empty", n);
    *n_train = (int64_t)train;
    *n_test = (int64_t)test;
    return AIP_OK;
}

int32_t aip__split_shuffle(aip_context *ctx, int64_t n, int64_t n_train, int64_t n_test, uint32_t seed, uint8_t *train,
                           uint8_t *test, aip_error **err) {
    aip__mt19937 mt;
    aip__mt_seed(&mt, seed);
    if (n <= INT32_MAX) {
        uint32_t *order = aip__alloc(ctx, (size_t)n * sizeof *order);
        if (!order) return aip__error_memory(ctx, err);
        aip__mt_permutation_u32(&mt, order, (uint32_t)n);
        for (int64_t i = 0; i < n_test; i++) aip__bit_set(test, order[i]);
        for (int64_t i = n_test; i < n_test + n_train; i++) aip__bit_set(train, order[i]);
        aip__free(ctx, order);
        return AIP_OK;
    }
    int64_t *order = aip__calloc(ctx, (size_t)n, sizeof *order);
    if (!order) return aip__error_memory(ctx, err);
    aip__mt_permutation_i64(&mt, order, n);
    for (int64_t i = 0; i < n_test; i++) aip__bit_set(test, order[i]);
    for (int64_t i = n_test; i < n_test + n_train; i++) aip__bit_set(train, order[i]);
    aip__free(ctx, order);
    return AIP_OK;
}

/* ---- stratified ------------------------------------------------------------------------------------------------------------ */

typedef struct remainder_of {
    double value;
    int32_t class;
} remainder_of;

/* Largest remainder first; among equal ones the order of classes, which the permutation below then shuffles. */
static int descending(const void *a, const void *b) {
    const remainder_of *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return (x->class > y->class) - (x->class < y->class);
}

/* The most likely draw of n_draws from classes of these sizes: each gets its share rounded down, and what is left goes to the largest
 * remainders, ties drawn at random (the mode of the multivariate hypergeometric distribution, approximately). */
static void approximate_mode(const int64_t *counts, int32_t n_classes, int64_t n_draws, aip__mt19937 *mt, int64_t *draws,
                             remainder_of *rest, int64_t *order) {
    int64_t total = 0, given = 0;
    for (int32_t k = 0; k < n_classes; k++) total += counts[k];
    for (int32_t k = 0; k < n_classes; k++) {
        double share = (double)counts[k] / (double)total * (double)n_draws;
        draws[k] = (int64_t)floor(share);
        rest[k] = (remainder_of){share - floor(share), k};
        given += draws[k];
    }
    int64_t left = n_draws - given;
    qsort(rest, (size_t)n_classes, sizeof *rest, descending);
    for (int32_t at = 0; at < n_classes && left > 0;) {
        int32_t end = at;
        while (end < n_classes && rest[end].value == rest[at].value) end++;
        int64_t add = end - at < left ? end - at : left;
        aip__mt_permutation_i64(mt, order, end - at);
        for (int64_t i = 0; i < add; i++) draws[rest[at + order[i]].class]++;
        left -= add;
        at = end;
    }
}

typedef struct strata {
    int64_t *counts, *left, *n_train, *n_test, *start, *rows, *order;
    remainder_of *rest;
} strata;

static void strata_free(aip_context *ctx, strata *s) {
    void *all[] = {s->counts, s->left, s->n_train, s->n_test, s->start, s->rows, s->order, s->rest};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) aip__free(ctx, all[i]);
}

static bool strata_new(aip_context *ctx, strata *s, int64_t n, int32_t n_classes) {
    size_t k = (size_t)n_classes + 1;
    int64_t largest = n > n_classes ? n : n_classes;
    *s = (strata){.counts = aip__calloc(ctx, k, sizeof(int64_t)),
                  .left = aip__calloc(ctx, k, sizeof(int64_t)),
                  .n_train = aip__calloc(ctx, k, sizeof(int64_t)),
                  .n_test = aip__calloc(ctx, k, sizeof(int64_t)),
                  .start = aip__calloc(ctx, k, sizeof(int64_t)),
                  .rows = aip__calloc(ctx, (size_t)n + 1, sizeof(int64_t)),
                  .order = aip__calloc(ctx, (size_t)largest + 1, sizeof(int64_t)),
                  .rest = aip__calloc(ctx, k, sizeof(remainder_of))};
    return s->counts && s->left && s->n_train && s->n_test && s->start && s->rows && s->order && s->rest;
}

/* Rows of each class in ascending order, one class behind the other. */
static void group_rows(strata *s, const int32_t *classes, int64_t n, int32_t n_classes) {
    for (int64_t i = 0; i < n; i++) s->counts[classes[i]]++;
    for (int32_t k = 0; k < n_classes; k++) s->start[k + 1] = s->start[k] + s->counts[k];
    for (int64_t i = 0; i < n; i++) s->rows[s->start[classes[i]] + s->left[classes[i]]++] = i;
}

int32_t aip__split_stratified(aip_context *ctx, const int32_t *classes, int64_t n, int32_t n_classes, int64_t n_train,
                              int64_t n_test, uint32_t seed, uint8_t *train, uint8_t *test, aip_error **err) {
    if (n_train < n_classes || n_test < n_classes)
        return aip__error_set(err, AIP_E_DATA, "%lld rows to train and %lld to test are too few for a part of each of %d classes",
                              (long long)n_train, (long long)n_test, (int)n_classes);
    strata s;
    int32_t status = AIP_OK;
    if (!strata_new(ctx, &s, n, n_classes)) {
        status = aip__error_memory(ctx, err);
        goto cleanup;
    }
    group_rows(&s, classes, n, n_classes);
    for (int32_t k = 0; k < n_classes; k++) {
        if (s.counts[k] >= 2) continue;
        status = aip__error_set(err, AIP_E_DATA,
                                "a class has only one row (row %lld, from 0); a stratified split needs two of each class",
                                (long long)s.rows[s.start[k]]);
        goto cleanup;
    }
    aip__mt19937 mt;
    aip__mt_seed(&mt, seed);
    approximate_mode(s.counts, n_classes, n_train, &mt, s.n_train, s.rest, s.order);
    for (int32_t k = 0; k < n_classes; k++) s.left[k] = s.counts[k] - s.n_train[k];
    approximate_mode(s.left, n_classes, n_test, &mt, s.n_test, s.rest, s.order);
    for (int32_t k = 0; k < n_classes; k++) {
        const int64_t *rows = s.rows + s.start[k];
        aip__mt_permutation_i64(&mt, s.order, s.counts[k]);
        for (int64_t i = 0; i < s.n_train[k]; i++) aip__bit_set(train, rows[s.order[i]]);
        for (int64_t i = s.n_train[k]; i < s.n_train[k] + s.n_test[k]; i++) aip__bit_set(test, rows[s.order[i]]);
    }
cleanup:
    strata_free(ctx, &s);
    return status;
}
