/* Logistic regression against scikit-learn 1.9.1, LogisticRegression(solver="newton-cholesky", tol=1e-12), on data that both make from the same
 * linear congruential generator. Where scikit-learn does not converge (columns of wildly different units) the reference is Newton's method in
 * NumPy's long double; wide data is held to the gradient of the objective, summed here. */
#include "model_fixture.h"
#include "train_suites.h"

#define N 300
#define K 4

static const char *const names[K] = {"a", "b", "c", "d"};

/* y: whether 0.5 a - b + 1.5 c - 2 d + noise > 0.2; scale and shift are applied to the columns afterwards. */
static aip_dataset *dataset(aip_context *ctx, uint64_t seed, int64_t n, const double *scale, const double *shift) {
    double *x = malloc((size_t)n * K * sizeof *x);
    int64_t *y = malloc((size_t)n * sizeof *y);
    for (int64_t i = 0; i < n; i++) {
        double margin = 0;
        for (int j = 0; j < K; j++) {
            double v = fixture_uniform(&seed) * 2 - 1;
            margin += v * (j + 1) * 0.5 * (j % 2 == 0 ? 1 : -1);
            x[j * n + i] = v * (scale ? scale[j] : 1) + (shift ? shift[j] : 0);
        }
        y[i] = margin + (fixture_uniform(&seed) * 2 - 1) > 0.2;
    }
    fixture_column columns[K + 1];
    for (int j = 0; j < K; j++) columns[j] = (fixture_column){.name = names[j], .type = AIP_FLOAT64, .f64 = x + j * n};
    columns[K] = (fixture_column){.name = "y", .type = AIP_INT64, .i64 = y};
    aip_dataset *d = fixture_dataset(ctx, columns, K + 1, n);
    free(x);
    free(y);
    return d;
}

static char *fit_describe(aip_context *ctx, aip_dataset *d, const char *params) {
    aip_model *model = NULL, *fitted = NULL;
    char *json = NULL;
    OK(aip_model_create(ctx, "logistic_regression", params, &model, &err));
    OK(aip_model_fit(model, d, "y", NULL, &fitted, &err));
    ck_assert_int_eq(aip_model_is_fitted(model), 0);
    ck_assert_int_eq(aip_model_is_fitted(fitted), 1);
    OK(aip_model_describe(fitted, &json, &err));
    aip_model_free(model);
    aip_model_free(fitted);
    return json;
}

static void coefficients_are(const char *json, const double want[K + 1]) {
    ck_assert_msg(strstr(json, "\"converged\":true") != NULL, "%s", json);
    for (int j = 0; j <= K; j++) {
        double got = fixture_number(json, j == 0 ? "intercept" : names[j - 1]);
        ck_assert_msg(fabs(got - want[j]) <= 1e-9 * fabs(want[j]), "%d: %.15g, expected %.15g", j, got, want[j]);
    }
}

START_TEST(coefficients_equal_scikit_learns) {
    const struct {
        const char *params;
        double want[K + 1];
    } cases[] = {
        {NULL, {-0.37058202669412, 1.05512431231364, -2.0323084197635, 2.42196157838532, -3.69799459359612}},
        {"{\"C\":0.05}", {-0.162105993037969, 0.340316728881488, -0.616937033785494, 0.711552333950432, -1.22832881112589}},
        {"{\"class_weight\":\"balanced\"}",
         {-0.266458129399299, 1.04417489700196, -2.02771201474796, 2.41781812901092, -3.70321310469896}},
        {"{\"class_weight\":{\"0\":2,\"1\":0.5}}",
         {-1.56329720889602, 1.17841141410175, -2.06300847347621, 2.4784940775812, -3.67336005678591}},
        {"{\"fit_intercept\":false}", {0, 1.11761318889072, -1.97996046735008, 2.40895245628563, -3.54510781473745}},
        {"{\"penalty\":\"none\"}",
         {-0.589897959585882, 1.60840649975319, -3.18585202153742, 3.84002107484508, -5.65627084986334}},
    };
    aip_context *ctx = fixture_context(1);
    aip_dataset *d = dataset(ctx, 7, N, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *json = fit_describe(ctx, d, cases[i].params);
        coefficients_are(json, cases[i].want);
        aip_text_free(ctx, json);
    }
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(columns_of_wildly_different_units_converge) {
    const double scale[K] = {1e6, 1e-6, 1e3, 1}, shift[K] = {3e6, 1e-6, 0, 1e4};
    const double want[K + 1] = {32816.5908546102, 9.97824957154823e-07, -2.43099100043305e-05, 0.00230766628343513,
                                -3.2819839344031};
    aip_context *ctx = fixture_context(0);
    aip_dataset *d = dataset(ctx, 7, N, scale, shift);
    char *json = fit_describe(ctx, d, NULL);
    coefficients_are(json, want);
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(wide_data_reach_a_zero_gradient_of_the_objective) {
    enum { WIDE = 140, ROWS = 700 };
    aip_context *ctx = fixture_context(2);
    static double x[WIDE][ROWS];
    static char label[WIDE][8];
    int64_t y[ROWS];
    uint64_t seed = 5;
    fixture_column columns[WIDE + 1];
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int j = 0; j < WIDE; j++) sum += x[j][i] = fixture_uniform(&seed) - 0.5;
        y[i] = sum + fixture_uniform(&seed) > 0.5;
    }
    for (int j = 0; j < WIDE; j++) {
        snprintf(label[j], sizeof label[j], "x%d", j);
        columns[j] = (fixture_column){.name = label[j], .type = AIP_FLOAT64, .f64 = x[j]};
    }
    columns[WIDE] = (fixture_column){.name = "y", .type = AIP_INT64, .i64 = y};
    aip_dataset *d = fixture_dataset(ctx, columns, WIDE + 1, ROWS);
    char *json = fit_describe(ctx, d, "{\"C\":2}");
    double coef[WIDE], gradient[WIDE + 1] = {0}, intercept = fixture_number(json, "intercept");
    for (int j = 0; j < WIDE; j++) coef[j] = fixture_number(json, label[j]);
    for (int i = 0; i < ROWS; i++) {
        double margin = intercept;
        for (int j = 0; j < WIDE; j++) margin += coef[j] * x[j][i];
        double r = 1 / (1 + exp(-margin)) - (double)y[i];
        for (int j = 0; j < WIDE; j++) gradient[j] += r * x[j][i];
        gradient[WIDE] += r;
    }
    for (int j = 0; j < WIDE; j++) ck_assert_double_le(fabs(gradient[j] + coef[j] / 2), 1e-9);
    ck_assert_double_le(fabs(gradient[WIDE]), 1e-9);
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(any_number_of_workers_gives_the_same_bytes) {
    const int64_t rows[] = {N, 30000, 400000}; /* one chunk; some; enough for the warm start */
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        aip_writer first = {0};
        aip_context *keep = fixture_context(0);
        const int32_t workers[] = {0, 1, 2, 8};
        for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
            aip_context *ctx = fixture_context(workers[w]);
            aip_dataset *d = dataset(ctx, 3, rows[r], NULL, NULL);
            aip_model *model = NULL, *fitted = NULL;
            aip_writer bytes;
            OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
            OK(aip_model_fit(model, d, "y", NULL, &fitted, &err));
            aip__writer_init(&bytes, w == 0 ? keep : ctx);
            OK(aip__model_save(fitted, &bytes, &err));
            if (w == 0) {
                first = bytes;
            } else {
                ck_assert_uint_eq(bytes.text.n, first.text.n);
                ck_assert_msg(memcmp(bytes.text.bytes, first.text.bytes, first.text.n) == 0, "%lld rows, %d workers: other bytes",
                              (long long)rows[r], workers[w]);
                aip__writer_free(&bytes);
            }
            aip_model_free(model);
            aip_model_free(fitted);
            aip_dataset_free(d);
            fixture_end(ctx);
        }
        aip__writer_free(&first);
        fixture_end(keep);
    }
}
END_TEST

START_TEST(a_class_weight_of_two_equals_its_rows_twice) {
    aip_context *ctx = fixture_context(1);
    enum { ONE = 60 };
    double x[2 * ONE];
    int64_t y[2 * ONE];
    uint64_t seed = 9;
    int n = 0;
    for (int i = 0; i < ONE; i++) {
        double v = fixture_uniform(&seed);
        int64_t t = fixture_uniform(&seed) < v;
        for (int64_t copy = 0; copy <= t; copy++) x[n] = v, y[n++] = t;
    }
    double once_x[ONE];
    int64_t once_y[ONE];
    int m = 0;
    for (int i = 0; i < n; i += y[i] ? 2 : 1) once_x[m] = x[i], once_y[m++] = y[i];
    ck_assert_int_eq(m, ONE);
    aip_dataset *twice = fixture_dataset(
        ctx, (fixture_column[]){{.name = "a", .type = AIP_FLOAT64, .f64 = x}, {.name = "y", .type = AIP_INT64, .i64 = y}}, 2, n);
    aip_dataset *once = fixture_dataset(
        ctx,
        (fixture_column[]){{.name = "a", .type = AIP_FLOAT64, .f64 = once_x}, {.name = "y", .type = AIP_INT64, .i64 = once_y}}, 2,
        m);
    char *repeated = fit_describe(ctx, twice, NULL), *weighted = fit_describe(ctx, once, "{\"class_weight\":{\"1\":2}}");
    ck_assert_double_eq_tol(fixture_number(repeated, "a"), fixture_number(weighted, "a"), 1e-12);
    ck_assert_double_eq_tol(fixture_number(repeated, "intercept"), fixture_number(weighted, "intercept"), 1e-12);
    aip_text_free(ctx, repeated);
    aip_text_free(ctx, weighted);
    aip_dataset_free(once);
    aip_dataset_free(twice);
    fixture_end(ctx);
}
END_TEST

START_TEST(dependent_and_constant_columns_are_left_out_without_penalty) {
    /* b is 3 - 2 a, c is constant: the fit on a alone is the reference, by what the columns mean. */
    aip_context *ctx = fixture_context(1);
    enum { ROWS = 200 };
    double a[ROWS], b[ROWS], c[ROWS];
    int64_t y[ROWS];
    uint64_t seed = 21;
    for (int i = 0; i < ROWS; i++) {
        a[i] = fixture_uniform(&seed) * 5;
        b[i] = 3 - 2 * a[i];
        c[i] = 7.25;
        y[i] = fixture_uniform(&seed) * 5 < a[i];
    }
    fixture_column columns[] = {{.name = "y", .type = AIP_INT64, .i64 = y},
                                {.name = "a", .type = AIP_FLOAT64, .f64 = a},
                                {.name = "b", .type = AIP_FLOAT64, .f64 = b},
                                {.name = "c", .type = AIP_FLOAT64, .f64 = c}};
    aip_dataset *all = fixture_dataset(ctx, columns, 4, ROWS), *alone = fixture_dataset(ctx, columns, 2, ROWS);
    char *json = fit_describe(ctx, all, "{\"penalty\":\"none\"}"), *want = fit_describe(ctx, alone, "{\"penalty\":\"none\"}");
    ck_assert_msg(strstr(json, "\"converged\":true") != NULL, "%s", json);
    ck_assert_double_eq(fixture_number(json, "n_dependent"), 2);
    ck_assert_double_eq_tol(fixture_number(json, "a"), fixture_number(want, "a"), 1e-9);
    ck_assert_double_eq_tol(fixture_number(json, "intercept"), fixture_number(want, "intercept"), 1e-9);
    ck_assert_double_eq(fixture_number(json, "b"), 0);
    ck_assert_double_eq(fixture_number(json, "c"), 0);
    aip_text_free(ctx, json);
    aip_text_free(ctx, want);
    aip_dataset_free(all);
    aip_dataset_free(alone);
    fixture_end(ctx);
}
END_TEST

START_TEST(separable_data_end_with_a_warning) {
    aip_context *ctx = fixture_context(0);
    double x[40];
    int64_t y[40];
    for (int i = 0; i < 40; i++) x[i] = i - 19.5, y[i] = i >= 20;
    aip_dataset *d = fixture_dataset(
        ctx, (fixture_column[]){{.name = "x", .type = AIP_FLOAT64, .f64 = x}, {.name = "y", .type = AIP_INT64, .i64 = y}}, 2, 40);
    char *json = fit_describe(ctx, d, "{\"penalty\":\"none\"}");
    ck_assert_msg(strstr(json, "the classes are separable") != NULL, "%s", json);
    aip_text_free(ctx, json);
    json = fit_describe(ctx, d, "{\"penalty\":\"none\",\"max_iter\":3}");
    ck_assert_msg(strstr(json, "\"converged\":false") != NULL && strstr(json, "did not converge") != NULL, "%s", json);
    ck_assert_double_eq(fixture_number(json, "n_iter"), 3);
    aip_text_free(ctx, json);
    json = fit_describe(ctx, d, NULL); /* the penalty bounds them */
    ck_assert_msg(strstr(json, "\"converged\":true") != NULL && strstr(json, "\"warnings\":[]") != NULL, "%s", json);
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(wrong_parameters_are_refused_by_name) {
    aip_context *ctx = fixture_context(0);
    aip_dataset *d = dataset(ctx, 7, N, NULL, NULL);
    aip_model *model = NULL, *fitted = NULL;
    FAILS(aip_model_create(ctx, "logistic_regresion", NULL, &model, &err), AIP_E_NOT_FOUND, "logistic_regression");
    FAILS(aip_model_create(ctx, "logistic_regression", "{\"c\":1}", &model, &err), AIP_E_PARAM, "C");
    FAILS(aip_model_create(ctx, "logistic_regression", "{\"C\":0}", &model, &err), AIP_E_PARAM, "C");
    FAILS(aip_model_create(ctx, "logistic_regression", "{\"penalty\":\"l1\"}", &model, &err), AIP_E_PARAM, "penalty");
    FAILS(aip_model_create(ctx, "logistic_regression", "{\"class_weight\":\"even\"}", &model, &err), AIP_E_PARAM, "balanced");
    FAILS(aip_model_create(ctx, "logistic_regression", "{\"class_weight\":{\"1\":-1}}", &model, &err), AIP_E_PARAM, "weight");
    OK(aip_model_create(ctx, "logistic_regression", "{\"class_weight\":{\"2\":1}}", &model, &err));
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_PARAM, "not a class of the target");
    aip_model_free(model);
    ck_assert_ptr_null(fitted);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(a_cancelled_fit_ends_so) {
    aip_context *ctx = fixture_context(1);
    aip_dataset *d = dataset(ctx, 7, N, NULL, NULL);
    aip_model *model = NULL, *fitted = NULL;
    aip_call call = AIP_CALL_INIT;
    OK(aip_cancel_create(ctx, &call.cancel, &err));
    aip_cancel_request(call.cancel);
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    FAILS(aip_model_fit(model, d, "y", &call, &fitted, &err), AIP_E_CANCELLED, "");
    aip_cancel_free(call.cancel);
    aip_model_free(model);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

Suite *logistic_regression_suite(void) {
    const TTest *tests[] = {coefficients_equal_scikit_learns,
                            columns_of_wildly_different_units_converge,
                            wide_data_reach_a_zero_gradient_of_the_objective,
                            any_number_of_workers_gives_the_same_bytes,
                            a_class_weight_of_two_equals_its_rows_twice,
                            dependent_and_constant_columns_are_left_out_without_penalty,
                            separable_data_end_with_a_warning,
                            wrong_parameters_are_refused_by_name,
                            a_cancelled_fit_ends_so,
                            NULL};
    return unit_suite("logistic_regression", tests);
}
