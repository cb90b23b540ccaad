/* standard_scaler against scikit-learn 1.5.2's StandardScaler. */
#include "transform_suites.h"

#include "base/cpu.h"
#include "transform/kernels.h"
#include <stdlib.h>

static const tt_column mixed[] = {
    TT_NUMBERS("x", AIP_FLOAT64, 1.5, NAN, 3, -2.25, 1e6, 3, NAN, 0.1),
    TT_NUMBERS("k", AIP_INT64, 3, 1, NAN, 7, 1, NAN, 3, 10),
    TT_TEXTS("t", "a", "b", "c", "d", "e", "f", "g", "h"),
};

START_TEST(values_and_missing_are_those_of_scikit_learn) {
    aip_context *ctx = tt_context(2);
    aip_dataset *d = tt_table(ctx, mixed, 3, 8, 3);
    tt_rows r = tt_apply(ctx, "standard_scaler", NULL, d);
    ck_assert_str_eq(tt_names(&r), "x,k,t");
    EXPECT(&r, "x", 1e-14, -0.4472124416823882, NAN, -0.4472084167557221, -0.44722250399905356, 2.236067977473496,
           -0.4472084167557221, NAN, -0.44721619828060993);
    ck_assert_int_eq(r.schema->fields[1].type, AIP_FLOAT64);
    ck_assert_str_eq(tt_text(&r, "t", 7), "h");
    tt_rows_free(&r);
    r = tt_apply(ctx, "standard_scaler", "{\"columns\": \"x\", \"with_mean\": false}", d);
    EXPECT(&r, "x", 1e-14, 4.024926666123826e-06, NAN, 8.049853332247652e-06, -6.037389999185739e-06, 2.6832844440825507,
           8.049853332247652e-06, NAN, 2.6832844440825505e-07);
    ck_assert_int_eq(r.schema->fields[1].type, AIP_INT64);
    tt_rows_free(&r);
    r = tt_apply(ctx, "standard_scaler", "{\"columns\": [\"k\"], \"with_std\": false}", d);
    EXPECT(&r, "k", 1e-14, 3 - 25 / 6.0, 1 - 25 / 6.0, NAN, 7 - 25 / 6.0, 1 - 25 / 6.0, NAN, 3 - 25 / 6.0, 10 - 25 / 6.0);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(nan_in_a_float_column_counts_as_missing_and_comes_out_null) {
    aip_context *ctx = tt_context(0);
    tt_column c = TT_NUMBERS("x", AIP_FLOAT64, 1, NAN, 3);
    c.keep_nan = 1;
    aip_dataset *d = tt_table(ctx, &c, 1, 3, 3);
    tt_rows r = tt_apply(ctx, "standard_scaler", NULL, d);
    EXPECT(&r, "x", 0, -1, NAN, 1);
    ck_assert_int_eq(r.columns[0]->null_count, 1);
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

/* 1e8 and 1e8 + 1e-7 in turn: StandardScaler().scale_ is 1, var_ 2.7e-15. */
START_TEST(a_nearly_constant_column_is_divided_by_one) {
    aip_context *ctx = tt_context(0);
    double x[100];
    for (int i = 0; i < 100; i++) x[i] = 1e8 + i % 2 * 1e-7;
    tt_column c = {"x", AIP_FLOAT64, x, NULL, 0};
    aip_dataset *d = tt_table(ctx, &c, 1, 100, 30);
    tt_rows r = tt_apply(ctx, "standard_scaler", NULL, d);
    for (int i = 0; i < 100; i++) ck_assert_double_le(fabs(tt_f64(&r, "x", i)), 2e-7);
    tt_rows_free(&r);
    tt_column five = TT_NUMBERS("x", AIP_INT32, 5, 5, 5);
    aip_dataset *e = tt_table(ctx, &five, 1, 3, 3);
    r = tt_apply(ctx, "standard_scaler", NULL, e);
    EXPECT(&r, "x", 0, 0, 0, 0);
    tt_rows_free(&r);
    aip_dataset_free(d);
    aip_dataset_free(e);
    tt_context_end(ctx);
}
END_TEST

START_TEST(one_row_none_and_all_missing_are_scaled_without_a_fault) {
    aip_context *ctx = tt_context(1);
    tt_column one = TT_NUMBERS("x", AIP_FLOAT32, 7), none = TT_NUMBERS("x", AIP_FLOAT64, NAN, NAN);
    tt_column some = TT_NUMBERS("x", AIP_FLOAT64, 1, 2);
    aip_dataset *a = tt_table(ctx, &one, 1, 1, 1), *b = tt_table(ctx, &one, 1, 0, 1), *c = tt_table(ctx, &none, 1, 2, 2),
                *d = tt_table(ctx, &some, 1, 2, 2);
    tt_rows r = tt_apply(ctx, "standard_scaler", NULL, a);
    EXPECT(&r, "x", 0, 0);
    tt_rows_free(&r);
    r = tt_apply(ctx, "standard_scaler", NULL, b);
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    r = tt_fit_apply(ctx, "standard_scaler", NULL, c,
                     d); /* scikit-learn: mean_ and scale_ are NaN, and so is all that comes out */
    EXPECT(&r, "x", 0, NAN, NAN);
    tt_rows_free(&r);
    aip_dataset_free(a), aip_dataset_free(b), aip_dataset_free(c), aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(infinity_and_text_are_refused_by_column_and_row) {
    aip_context *ctx = tt_context(0);
    tt_column c[] = {TT_NUMBERS("x", AIP_FLOAT64, 1, 2, 3, -INFINITY), TT_TEXTS("t", "a", "b", "c", "d")};
    aip_dataset *d = tt_table(ctx, c, 2, 4, 2);
    FAILS(tt_try(ctx, "standard_scaler", NULL, d, d, &err), AIP_E_DATA, "column 'x', row 3 (from 0): '-inf'");
    FAILS(tt_try(ctx, "standard_scaler", "{\"columns\": [\"t\"]}", d, d, &err), AIP_E_SCHEMA, "column 't' is utf8");
    FAILS(tt_try(ctx, "standard_scaler", "{\"columns\": [\"x\", \"x\"]}", d, d, &err), AIP_E_SCHEMA, "named twice");
    FAILS(tt_try(ctx, "standard_scaler", "{\"columns\": [\"y\"]}", d, d, &err), AIP_E_SCHEMA, "no column 'y'");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

/* 5000 pseudo-random numbers with every 97th missing; numpy: mean 199.592204939513, var 83363.76043391254. */
static double *numbers(int n) {
    double *x = malloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = i % 97 == 0 ? NAN : (double)(uint32_t)((uint64_t)i * 2654435761u) / 4294967296.0 * 1000 - 300;
    return x;
}

START_TEST(moments_are_the_same_bits_at_every_vector_level) {
    aip_context *ctx = tt_context(0);
    double *x = numbers(5000), y[2][1000];
    aip__column *c = NULL;
    OK(aip__column_new(ctx, AIP_FLOAT64, 5000, false, &c, &err));
    memcpy(aip__column_f64_mut(c), x, 5000 * sizeof *x);
    aip__column_publish(c);
    aip__cpu_level best = aip__cpu();
    aip__moments m = {0};
    ck_assert_int_eq(aip__moments_add(&m, c, 0), 5000);
    ck_assert_double_eq_tol(m.mean, 199.592204939513, 1e-10);
    ck_assert_double_eq_tol(m.m2 / (double)m.n, 83363.76043391254, 1e-7);
    for (int n = 0; n < 1000; n += 37) {
        aip__cpu_set(best);
        bool any = aip__scale_f64(x + 1, n, m.mean, 3, y[0]);
        for (aip__cpu_level level = AIP__CPU_SCALAR; level <= best; level++) {
            aip__cpu_set(level);
            aip__moments again = {0};
            aip__moments_add(&again, c, 0);
            ck_assert(m.n == again.n && m.mean == again.mean && m.m2 == again.m2);
            ck_assert(aip__scale_f64(x + 1, n, m.mean, 3, y[1]) == any);
            for (int i = 0; i < n; i++) ck_assert(y[0][i] == y[1][i] || (isnan(y[0][i]) && isnan(y[1][i])));
        }
    }
    aip__cpu_set(best);
    aip__column_free(c);
    free(x);
    tt_context_end(ctx);
}
END_TEST

/* Rows that lie anywhere, columns of any number: each value is (x - mean) / scale, which IEEE rounds in one way. */
START_TEST(rows_are_scaled_and_turned_to_the_same_bits_at_every_vector_level) {
    enum { MOST = 27, ROWS = 21, STRIDE = MOST * 8 + 5, CAPACITY = 24 };
    static uint8_t rows[ROWS * STRIDE + 1];
    double mean[MOST], scale[MOST], got[MOST * CAPACITY], *x = numbers(MOST * ROWS);
    for (int k = 0; k < MOST; k++) mean[k] = k / 3.0, scale[k] = 1 + k / 7.0;
    for (int i = 0; i < ROWS; i++) memcpy(rows + 1 + i * STRIDE, x + i * MOST, MOST * sizeof *x);
    aip__cpu_level best = aip__cpu();
    for (aip__cpu_level level = AIP__CPU_SCALAR; level <= best; level++) {
        aip__cpu_set(level);
        for (int n = 1; n <= MOST; n++)
            for (int r = 1; r <= ROWS; r += r == 1 ? 6 : 1) {
                int capacity = r == 1 ? 1 : CAPACITY;
                aip__scale_rows_f64(rows + 1, STRIDE, r, n, mean, scale, got, capacity);
                for (int i = 0; i < r; i++)
                    for (int k = 0; k < n; k++) {
                        double want = (x[i * MOST + k] - mean[k]) / scale[k], have = got[k * capacity + i];
                        ck_assert(isnan(want) ? isnan(have) : memcmp(&want, &have, sizeof want) == 0);
                    }
            }
        for (int n = 0; n <= MOST; n++) {
            double filled[MOST], fill[MOST];
            for (int k = 0; k < MOST; k++) fill[k] = k + 0.5;
            aip__scale_each_f64(x + 1, n, mean, scale, got);
            aip__fill_each_f64(x + 1, n, fill, filled);
            for (int k = 0; k < n; k++) {
                double want = (x[1 + k] - mean[k]) / scale[k];
                ck_assert(isnan(want) ? isnan(got[k]) : memcmp(&want, &got[k], sizeof want) == 0);
                ck_assert(filled[k] == (isnan(x[1 + k]) ? k + 0.5 : x[1 + k]));
            }
            aip__fill_f64(x + 1, n, -2, filled);
            for (int k = 0; k < n; k++) ck_assert(filled[k] == (isnan(x[1 + k]) ? -2 : x[1 + k]));
        }
    }
    aip__cpu_set(best);
    free(x);
}
END_TEST

START_TEST(any_number_of_workers_gives_the_same_bits) {
    double *x = numbers(5000), *first = NULL;
    const int32_t workers[] = {0, 1, 2, 8};
    for (int w = 0; w < 4; w++) {
        aip_context *ctx = tt_context(workers[w]);
        tt_column c = {"x", AIP_FLOAT64, x, NULL, 0};
        aip_dataset *d = tt_table(ctx, &c, 1, 5000, 71);
        tt_rows r = tt_apply(ctx, "standard_scaler", NULL, d);
        if (!first) first = calloc(5000, sizeof *first);
        for (int i = 0; i < 5000 && w == 0; i++) first[i] = aip__column_f64(r.columns[0])[i];
        for (int i = 0; i < 5000; i++) ck_assert(first[i] == aip__column_f64(r.columns[0])[i]); /* missing rows hold 0 */
        tt_rows_free(&r);
        aip_dataset_free(d);
        tt_context_end(ctx);
    }
    free(first);
    free(x);
}
END_TEST

Suite *scaler_suite(void) {
    const TTest *const tests[] = {
        values_and_missing_are_those_of_scikit_learn,    nan_in_a_float_column_counts_as_missing_and_comes_out_null,
        a_nearly_constant_column_is_divided_by_one,      one_row_none_and_all_missing_are_scaled_without_a_fault,
        infinity_and_text_are_refused_by_column_and_row, moments_are_the_same_bits_at_every_vector_level,
        infinity_and_text_are_refused_by_column_and_row, rows_are_scaled_and_turned_to_the_same_bits_at_every_vector_level,
        any_number_of_workers_gives_the_same_bits,       NULL};
    return unit_suite("standard_scaler", tests);
}
