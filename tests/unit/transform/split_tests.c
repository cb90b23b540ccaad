/* split against scikit-learn 1.5.2's train_test_split: the rows chosen for each part, in ascending order. */
#include "transform_suites.h"

#include <stdlib.h>

static aip_dataset *rows(aip_context *ctx, int64_t n, int64_t batch_rows) {
    double *x = calloc((size_t)n + 1, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = (double)i;
    tt_column c = {"i", AIP_INT64, x, NULL, 0};
    aip_dataset *d = tt_table(ctx, &c, 1, n, batch_rows);
    free(x);
    return d;
}

static void parts(aip_dataset *d, const char *params, tt_rows *train, tt_rows *test) {
    aip_dataset *a = NULL, *b = NULL;
    OK(aip_dataset_split(d, params, NULL, &a, &b, &err));
    *train = tt_read(a);
    *test = tt_read(b);
    aip_dataset_free(a);
    aip_dataset_free(b);
}

static int32_t try_split(aip_dataset *d, const char *params, aip_error **err) {
    aip_dataset *a = NULL, *b = NULL;
    int32_t status = aip_dataset_split(d, params, NULL, &a, &b, err);
    aip_dataset_free(a);
    aip_dataset_free(b);
    return status;
}

#define LIST(...) (const double[]){__VA_ARGS__}, (int64_t)(sizeof(double[]){__VA_ARGS__} / 8)

typedef struct expected {
    int64_t n;
    const char *params;
    const double *train;
    int64_t n_train;
    const double *test;
    int64_t n_test;
} expected;

static void check_cases(const expected *cases, size_t n_cases) {
    for (size_t k = 0; k < n_cases; k++)
        for (int64_t batch_rows = 1; batch_rows <= 9; batch_rows += 4) {
            aip_context *ctx = tt_context(2);
            aip_dataset *d = rows(ctx, cases[k].n, batch_rows);
            tt_rows train, test;
            parts(d, cases[k].params, &train, &test);
            tt_expect(&train, "i", cases[k].train, cases[k].n_train, 0);
            tt_expect(&test, "i", cases[k].test, cases[k].n_test, 0);
            tt_rows_free(&train);
            tt_rows_free(&test);
            aip_dataset_free(d);
            tt_context_end(ctx);
        }
}

START_TEST(the_rows_are_those_of_scikit_learn) {
    const expected cases[] = {
        {10, "{\"test_size\": 0.3}", LIST(0, 1, 3, 5, 6, 7, 9), LIST(2, 4, 8)},
        {5, "{\"test_size\": 0.2, \"random_state\": 42}", LIST(0, 2, 3, 4), LIST(1)},
        {17, "{\"test_size\": 0.25, \"random_state\": 7}", LIST(0, 1, 2, 3, 4, 6, 7, 9, 10, 12, 14, 15), LIST(5, 8, 11, 13, 16)},
        {17, "{\"random_state\": 1}", LIST(0, 1, 4, 5, 8, 9, 10, 11, 12, 14, 15, 16), LIST(2, 3, 6, 7, 13)},
        {17, "{\"test_size\": 4, \"random_state\": 3}", LIST(0, 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15), LIST(4, 6, 7, 16)},
        {17, "{\"train_size\": 0.5, \"random_state\": 3}", LIST(0, 3, 5, 8, 9, 10, 12, 15), LIST(1, 2, 4, 6, 7, 11, 13, 14, 16)},
        {17, "{\"train_size\": 6, \"test_size\": 5, \"random_state\": 3}", LIST(0, 1, 2, 5, 11, 13), LIST(4, 6, 7, 14, 16)},
        {11, "{\"test_size\": 0.3, \"shuffle\": false}", LIST(0, 1, 2, 3, 4, 5, 6), LIST(7, 8, 9, 10)},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}
END_TEST

/* 100,000 rows, random_state 42, a fifth: the sum of the test rows and of their squares. */
START_TEST(a_large_split_is_that_of_scikit_learn) {
    aip_context *ctx = tt_context(2);
    aip_dataset *d = rows(ctx, 100000, 4096);
    tt_rows train, test;
    parts(d, "{\"test_size\": 0.2, \"random_state\": 42}", &train, &test);
    int64_t sum = 0, squares = 0;
    for (int64_t i = 0; i < test.n_rows; i++) {
        int64_t v = aip__column_i64(test.columns[0])[i];
        sum += v, squares += v * v;
    }
    ck_assert_int_eq(train.n_rows, 80000);
    ck_assert_int_eq(test.n_rows, 20000);
    ck_assert_int_eq(sum, 998195885);
    ck_assert_int_eq(squares, 66477186753177);
    tt_rows_free(&train), tt_rows_free(&test);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_stratified_split_is_that_of_scikit_learn) {
    const tt_column by_text[] = {
        TT_NUMBERS("i", AIP_INT64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
        TT_TEXTS("y", "a", "b", "c", "a", "b", "c", "a", "a", "b", "b", "c", "a", "b", "c", "a", "a", "b", "b", "b", "a")};
    const tt_column by_number[] = {TT_NUMBERS("i", AIP_INT64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
                                   TT_NUMBERS("y", AIP_FLOAT64, 1.5, 0, 0, 1.5, 10, 10, 0, 1.5, 10, 0, 1.5, 10)};
    aip_context *ctx = tt_context(2);
    aip_dataset *t = tt_table(ctx, by_text, 2, 20, 7), *n = tt_table(ctx, by_number, 2, 12, 5);
    tt_rows train, test;
    parts(t, "{\"test_size\": 0.3, \"stratify\": \"y\"}", &train, &test);
    EXPECT(&train, "i", 0, 1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 13, 15, 17, 18);
    EXPECT(&test, "i", 0, 0, 5, 8, 14, 16, 19);
    tt_rows_free(&train), tt_rows_free(&test);
    parts(t, "{\"test_size\": 7, \"train_size\": 9, \"random_state\": 5, \"stratify\": \"y\"}", &train, &test);
    EXPECT(&train, "i", 0, 2, 4, 6, 7, 8, 10, 11, 12, 19);
    EXPECT(&test, "i", 0, 0, 1, 3, 13, 14, 16, 18);
    tt_rows_free(&train), tt_rows_free(&test);
    parts(n, "{\"test_size\": 0.4, \"random_state\": 11, \"stratify\": \"y\"}", &train, &test);
    EXPECT(&train, "i", 0, 2, 4, 5, 6, 7, 9, 10);
    EXPECT(&test, "i", 0, 0, 1, 3, 8, 11);
    tt_rows_free(&train), tt_rows_free(&test);
    aip_dataset_free(t), aip_dataset_free(n);
    tt_context_end(ctx);
}
END_TEST

/* y = i * 7919 % 101 % 7 over 1000 rows, test 0.237, train 0.611, random_state 123: sums of rows and of their squares. */
START_TEST(a_stratified_split_of_seven_classes_is_that_of_scikit_learn) {
    aip_context *ctx = tt_context(2);
    double x[1000], y[1000];
    for (int i = 0; i < 1000; i++) x[i] = i, y[i] = i * 7919 % 101 % 7;
    tt_column c[] = {{"i", AIP_INT64, x, NULL, 0}, {"y", AIP_INT32, y, NULL, 0}};
    aip_dataset *d = tt_table(ctx, c, 2, 1000, 64);
    tt_rows part[2];
    parts(d, "{\"test_size\": 0.237, \"train_size\": 0.611, \"random_state\": 123, \"stratify\": \"y\"}", &part[0], &part[1]);
    const int64_t want[2][3] = {{611, 304490, 203661624}, {237, 118563, 78357597}};
    for (int k = 0; k < 2; k++) {
        int64_t sum = 0, squares = 0;
        for (int64_t i = 0; i < part[k].n_rows; i++) {
            int64_t v = aip__column_i64(part[k].columns[0])[i];
            sum += v, squares += v * v;
        }
        ck_assert_int_eq(part[k].n_rows, want[k][0]);
        ck_assert_int_eq(sum, want[k][1]);
        ck_assert_int_eq(squares, want[k][2]);
        tt_rows_free(&part[k]);
    }
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(by_hash_each_row_is_in_one_part_whatever_the_batches_and_threads) {
    static bool in_test[20000];
    for (int round = 0; round < 3; round++) {
        aip_context *ctx = tt_context(round * 2);
        aip_dataset *d = rows(ctx, 20000, 1000 + round * 999);
        tt_rows train, test;
        parts(d, "{\"test_size\": 0.3, \"random_state\": 9, \"method\": \"hash\"}", &train, &test);
        ck_assert_int_eq(train.n_rows + test.n_rows, 20000);
        ck_assert_int_gt(test.n_rows, 20000 * 3 / 10 - 400); /* 6 standard deviations of 65 */
        ck_assert_int_lt(test.n_rows, 20000 * 3 / 10 + 400);
        static bool now[20000];
        memset(now, 0, sizeof now);
        for (int64_t i = 0; i < test.n_rows; i++) now[aip__column_i64(test.columns[0])[i]] = true;
        for (int64_t i = 0; i < train.n_rows; i++) ck_assert(!now[aip__column_i64(train.columns[0])[i]]);
        if (round == 0) memcpy(in_test, now, sizeof now);
        ck_assert(memcmp(in_test, now, sizeof now) == 0);
        tt_rows_free(&train), tt_rows_free(&test);
        aip_dataset_free(d);
        tt_context_end(ctx);
    }
}
END_TEST

START_TEST(splits_that_cannot_be_are_refused) {
    aip_context *ctx = tt_context(0);
    const tt_column c[] = {TT_TEXTS("y", "a", "a", "b", "b", "c"), TT_TEXTS("z", "a", "a", "b", "b", NULL)};
    aip_dataset *d = tt_table(ctx, c, 2, 5, 2), *one = rows(ctx, 1, 1), *none = rows(ctx, 0, 1);
    FAILS(try_split(d, "{\"test_size\": 1.5}", &err), AIP_E_PARAM, "1.5");
    FAILS(try_split(d, "{\"test_size\": 0}", &err), AIP_E_PARAM, "at least 1; found 0");
    FAILS(try_split(d, "{\"test_size\": \"big\"}", &err), AIP_E_PARAM, "found \"big\"");
    FAILS(try_split(d, "{\"test_siez\": 0.2}", &err), AIP_E_PARAM, "did you mean 'test_size'");
    FAILS(try_split(d, "{\"test_size\": 0.7, \"train_size\": 0.7}", &err), AIP_E_PARAM, "more than 1");
    FAILS(try_split(d, "{\"test_size\": 4, \"train_size\": 2}", &err), AIP_E_DATA, "more than there is");
    FAILS(try_split(d, "{\"test_size\": 5}", &err), AIP_E_DATA, "training part would be empty");
    FAILS(try_split(one, "{\"test_size\": 0.2}", &err), AIP_E_DATA, "training part would be empty");
    FAILS(try_split(none, NULL, &err), AIP_E_DATA, "would be empty");
    FAILS(try_split(d, "{\"test_size\": 0.5, \"stratify\": \"y\"}", &err), AIP_E_DATA, "too few");
    FAILS(try_split(d, "{\"test_size\": 0.5, \"stratify\": \"z\"}", &err), AIP_E_DATA, "column 'z', row 4 (from 0): missing");
    FAILS(try_split(d, "{\"stratify\": \"x\"}", &err), AIP_E_SCHEMA, "no column 'x'");
    FAILS(try_split(d, "{\"stratify\": \"y\", \"shuffle\": false}", &err), AIP_E_PARAM, "shuffled");
    FAILS(try_split(d, "{\"test_size\": 2, \"method\": \"hash\"}", &err), AIP_E_PARAM, "fraction");
    aip_dataset_free(d), aip_dataset_free(one), aip_dataset_free(none);
    tt_context_end(ctx);
}
END_TEST

Suite *split_suite(void) {
    const TTest *const tests[] = {the_rows_are_those_of_scikit_learn,
                                  a_large_split_is_that_of_scikit_learn,
                                  a_stratified_split_is_that_of_scikit_learn,
                                  a_stratified_split_of_seven_classes_is_that_of_scikit_learn,
                                  by_hash_each_row_is_in_one_part_whatever_the_batches_and_threads,
                                  splits_that_cannot_be_are_refused,
                                  NULL};
    return unit_suite("split", tests);
}
