/* Metrics of datasets against scikit-learn 1.9.1 (accuracy_score, log_loss, roc_auc_score, precision_score, recall_score, f1_score,
 * confusion_matrix; zero_division=0), on data that both make from the same linear congruential generator. */
#include "metrics_suites.h"
#include "model_fixture.h"

#include "train/model.h"

/* probability: uniform, or floored to `levels` steps (ties); truth: 1 with probability 0.2 + 0.5 p. */
static aip_dataset *dataset(aip_context *ctx, uint64_t seed, int64_t n, double levels) {
    double *p = malloc((size_t)n * sizeof *p);
    int64_t *truth = malloc((size_t)n * sizeof *truth), *prediction = malloc((size_t)n * sizeof *prediction);
    for (int64_t i = 0; i < n; i++) {
        double u = fixture_uniform(&seed), v = fixture_uniform(&seed);
        p[i] = levels > 0 ? floor(u * levels) / levels : u;
        truth[i] = v < 0.2 + 0.5 * p[i];
        prediction[i] = p[i] > 0.5;
    }
    const fixture_column columns[] = {{.name = "y", .type = AIP_INT64, .i64 = truth},
                                      {.name = "probability", .type = AIP_FLOAT64, .f64 = p},
                                      {.name = "prediction", .type = AIP_INT64, .i64 = prediction}};
    aip_dataset *d = fixture_dataset(ctx, columns, 3, n);
    free(p);
    free(truth);
    free(prediction);
    return d;
}

START_TEST(metrics_equal_scikit_learns_also_with_ties) {
    const struct {
        uint64_t seed;
        int64_t n;
        double levels, want[6];
        const char *confusion;
    } cases[] = {
        {11,
         1000,
         0,
         {0.60899999999999999, 0.75044674053738525, 0.65926177976537681, 0.55268389662027828, 0.62612612612612617,
          0.58711721224920799},
         "[[331,225],[166,278]]"},
        {12,
         2000,
         7,
         {0.63300000000000001, 1.8194580118711079, 0.65124918392030717, 0.55092024539877305, 0.54957160342717259,
          0.55024509803921573},
         "[[817,366],[368,449]]"},
        {13, 40, 2, {0.67500000000000004, 4.8173729048916201, 0.62250712250712259, 0, 0, 0}, "[[27,0],[13,0]]"},
        {14,
         5000,
         100,
         {0.62739999999999996, 0.80712789038595456, 0.66874294688087021, 0.58400974025974028, 0.63197189284145805,
          0.60704492723054204},
         "[[1698,1025],[838,1439]]"},
    };
    const char *const names[] = {"accuracy", "log_loss", "roc_auc", "precision", "recall", "f1"};
    aip_context *ctx = fixture_context(2);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        aip_dataset *d = dataset(ctx, cases[c].seed, cases[c].n, cases[c].levels);
        char *json = NULL;
        OK(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err));
        for (int i = 0; i < 6; i++) {
            double got = fixture_number(json, names[i]);
            ck_assert_msg(fabs(got - cases[c].want[i]) <= 1e-12, "%s of case %zu: %.17g, expected %.17g", names[i], c, got,
                          cases[c].want[i]);
        }
        ck_assert_msg(strstr(json, cases[c].confusion) != NULL, "%s", json);
        aip_text_free(ctx, json);
        aip_dataset_free(d);
    }
    fixture_end(ctx);
}
END_TEST

START_TEST(any_number_of_workers_gives_the_same_text) {
    char first[1024] = "";
    const int32_t workers[] = {0, 1, 2, 8};
    for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
        aip_context *ctx = fixture_context(workers[w]);
        aip_dataset *d = dataset(ctx, 5, 300000, 0);
        char *json = NULL;
        OK(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err));
        if (w == 0) snprintf(first, sizeof first, "%s", json);
        ck_assert_str_eq(json, first);
        aip_text_free(ctx, json);
        aip_dataset_free(d);
        fixture_end(ctx);
    }
}
END_TEST

#define ROWS 4

static aip_dataset *small(aip_context *ctx, fixture_column truth, fixture_column prediction) {
    static const double p[ROWS] = {0.1, 0.4, 0.6, 0.9};
    truth.name = "y";
    prediction.name = "prediction";
    return fixture_dataset(ctx, (fixture_column[]){truth, prediction, {.name = "probability", .type = AIP_FLOAT64, .f64 = p}}, 3,
                           ROWS);
}

START_TEST(the_second_of_the_sorted_values_is_the_positive_class) {
    /* truth b a b b, predicted a a b b: by hand tn 1, fp 0, fn 1, tp 2; precision 1, recall 2/3. */
    aip_context *ctx = fixture_context(1);
    const char *const t[ROWS] = {"b", "a", "b", "b"}, *const p[ROWS] = {"a", "a", "b", "b"};
    const int64_t t_int[ROWS] = {5, -2, 5, 5}, p_int[ROWS] = {-2, -2, 5, 5};
    const double t_real[ROWS] = {5, -2, 5, 5};
    const uint8_t t_bool[ROWS] = {1, 0, 1, 1}, p_bool[ROWS] = {0, 0, 1, 1};
    const struct {
        fixture_column truth, prediction;
    } cases[] = {{{.type = AIP_UTF8, .texts = t}, {.type = AIP_UTF8, .texts = p}},
                 {{.type = AIP_INT64, .i64 = t_int}, {.type = AIP_INT64, .i64 = p_int}},
                 {{.type = AIP_FLOAT64, .f64 = t_real}, {.type = AIP_INT64, .i64 = p_int}},
                 {{.type = AIP_BOOL, .bytes = t_bool}, {.type = AIP_BOOL, .bytes = p_bool}}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        aip_dataset *d = small(ctx, cases[c].truth, cases[c].prediction);
        char *json = NULL;
        OK(aip_dataset_evaluate(d, "y", "[\"confusion_matrix\",\"precision\",\"recall\"]", NULL, &json, &err));
        ck_assert_ptr_nonnull(strstr(json, "{\"confusion_matrix\":[[1,0],[1,2]],\"precision\":1"));
        ck_assert_double_eq_tol(fixture_number(json, "recall"), 2.0 / 3, 1e-15);
        aip_text_free(ctx, json);
        aip_dataset_free(d);
    }
    fixture_end(ctx);
}
END_TEST

START_TEST(one_class_alone_has_an_accuracy_but_no_area) {
    aip_context *ctx = fixture_context(1);
    const int64_t ones[ROWS] = {1, 1, 1, 1}, sevens[ROWS] = {7, 7, 7, 7};
    char *json = NULL;
    aip_dataset *d =
        small(ctx, (fixture_column){.type = AIP_INT64, .i64 = ones}, (fixture_column){.type = AIP_INT64, .i64 = ones});
    OK(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err));
    ck_assert_double_eq(fixture_number(json, "accuracy"), 1);
    ck_assert_double_eq(fixture_number(json, "precision"), 1);
    ck_assert_ptr_nonnull(strstr(json, "\"roc_auc\":null"));
    ck_assert_ptr_nonnull(strstr(json, "[[0,0],[0,4]]"));
    aip_text_free(ctx, json);
    aip_dataset_free(d);

    d = small(ctx, (fixture_column){.type = AIP_INT64, .i64 = sevens}, (fixture_column){.type = AIP_INT64, .i64 = sevens});
    FAILS(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err), AIP_E_DATA, "expected two classes");
    /* with the model's classes known, which is positive is known, too */
    aip__classes known;
    aip__token token;
    int32_t code = 0;
    aip__classes_init(&known, ctx, AIP_INT64);
    OK(aip__classes_add(&known, &(aip__class){.integer = 7}, &code, &err));
    OK(aip__classes_add(&known, &(aip__class){.integer = 9}, &code, &err));
    OK(aip__token_init(&token, ctx, NULL, &err));
    OK(aip__dataset_evaluate(d, "y", &known, "[\"confusion_matrix\"]", &token, &json, &err));
    ck_assert_str_eq(json, "{\"confusion_matrix\":[[4,0],[0,0]]}");
    aip_text_free(ctx, json);
    aip__classes_free(&known);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(what_cannot_be_evaluated_says_why) {
    aip_context *ctx = fixture_context(1);
    const int64_t y[ROWS] = {0, 1, 0, 1}, three[ROWS] = {0, 1, 2, 1};
    const uint8_t hole[1] = {0x0d}; /* row 1 is null */
    const char *const texts[ROWS] = {"0", "1", "0", "1"};
    const double bad[ROWS] = {0.5, 0.5, 1.5, 0.5};
    char *json = NULL;
    aip_dataset *d = small(ctx, (fixture_column){.type = AIP_INT64, .i64 = y}, (fixture_column){.type = AIP_INT64, .i64 = y});
    FAILS(aip_dataset_evaluate(d, "z", NULL, NULL, &json, &err), AIP_E_SCHEMA, "no column 'z'");
    FAILS(aip_dataset_evaluate(d, "y", "[\"acuracy\"]", NULL, &json, &err), AIP_E_NOT_FOUND, "accuracy");
    FAILS(aip_dataset_evaluate(d, "y", "[\"f1\",\"f1\"]", NULL, &json, &err), AIP_E_PARAM, "twice");
    FAILS(aip_dataset_evaluate(d, "y", "{}", NULL, &json, &err), AIP_E_PARAM, "list of names");
    FAILS(aip_dataset_evaluate(d, "y", "[]", NULL, &json, &err), AIP_E_PARAM, "list of names");
    FAILS(aip_dataset_evaluate(d, "y", "[\"f1\"", NULL, &json, &err), AIP_E_SYNTAX, "");
    aip_dataset_free(d);
    d = small(ctx, (fixture_column){.type = AIP_INT64, .i64 = three}, (fixture_column){.type = AIP_INT64, .i64 = y});
    FAILS(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err), AIP_E_DATA, "3 distinct values");
    OK(aip_dataset_evaluate(d, "y", "[\"accuracy\"]", NULL, &json, &err));
    ck_assert_str_eq(json, "{\"accuracy\":0.75}");
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    d = small(ctx, (fixture_column){.type = AIP_INT64, .i64 = y, .validity = hole},
              (fixture_column){.type = AIP_INT64, .i64 = y});
    FAILS(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err), AIP_E_DATA, "column 'y' is missing in");
    aip_dataset_free(d);
    d = small(ctx, (fixture_column){.type = AIP_UTF8, .texts = texts}, (fixture_column){.type = AIP_INT64, .i64 = y});
    FAILS(aip_dataset_evaluate(d, "y", NULL, NULL, &json, &err), AIP_E_SCHEMA, "types that compare");
    aip_dataset_free(d);
    d = fixture_dataset(
        ctx,
        (fixture_column[]){{.name = "y", .type = AIP_INT64, .i64 = y}, {.name = "probability", .type = AIP_FLOAT64, .f64 = bad}},
        2, ROWS);
    FAILS(aip_dataset_evaluate(d, "y", "[\"roc_auc\"]", NULL, &json, &err), AIP_E_DATA, "1.5");
    FAILS(aip_dataset_evaluate(d, "y", "[\"f1\"]", NULL, &json, &err), AIP_E_SCHEMA, "prediction");
    aip_dataset_free(d);
    d = fixture_dataset(
        ctx, (fixture_column[]){{.name = "y", .type = AIP_INT64, .i64 = y}, {.name = "prediction", .type = AIP_INT64, .i64 = y}},
        2, 0);
    FAILS(aip_dataset_evaluate(d, "y", "[\"f1\"]", NULL, &json, &err), AIP_E_DATA, "no rows");
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

Suite *evaluate_suite(void) {
    const TTest *tests[] = {metrics_equal_scikit_learns_also_with_ties,
                            any_number_of_workers_gives_the_same_text,
                            the_second_of_the_sorted_values_is_the_positive_class,
                            one_class_alone_has_an_accuracy_but_no_area,
                            what_cannot_be_evaluated_says_why,
                            NULL};
    return unit_suite("evaluate", tests);
}
