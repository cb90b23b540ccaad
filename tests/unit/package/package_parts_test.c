/* Packages of fitted parts: without a pipeline, without a model, taken apart and put together again; and files of 0.1.0. */
#include "model_fixture.h"

#include "package/package.h"
#include "package_suites.h"

#define N 64

static aip_context *context_of(void) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = unit_threads(2);
    aip_context *ctx = NULL;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

/* id, x, k and a target `y` that is mostly x > 5. */
static aip_dataset *rows_of(aip_context *ctx, int32_t k_type) {
    static double x[N], k_f64[N], id[N];
    static int64_t k_i64[N];
    static uint8_t y[N];
    for (int i = 0; i < N; i++) {
        id[i] = i;
        x[i] = i * 7 % 11;
        k_f64[i] = (double)(k_i64[i] = i % 3);
        y[i] = (i * 7 % 11 > 5) ^ (i % 13 == 0);
    }
    const fixture_column columns[] = {{.name = "id", .type = AIP_FLOAT64, .f64 = id},
                                      {.name = "x", .type = AIP_FLOAT64, .f64 = x},
                                      {.name = "k", .type = k_type, .f64 = k_f64, .i64 = k_i64},
                                      {.name = "y", .type = AIP_BOOL, .bytes = y}};
    return fixture_dataset(ctx, columns, 4, N);
}

static aip_dataset *through(aip_dataset *d, const char *name, const char *params) {
    aip_stage *s = NULL;
    aip_dataset *out = NULL;
    OK(aip_stage_create(d->ctx, name, params, NULL, 0, &s, &err));
    OK(aip_dataset_transform(d, s, &out, &err));
    aip_stage_free(s);
    return out;
}

/* A scaler of x and a one-hot encoder of k, fitted on id, x and k. */
static aip_stage *pipeline_of(aip_dataset *d, bool fit) {
    aip_context *ctx = d->ctx;
    aip_stage *s[2] = {NULL}, *both = NULL, *fitted = NULL;
    OK(aip_stage_create(ctx, "standard_scaler", "\"x\"", NULL, 0, &s[0], &err));
    OK(aip_stage_create(ctx, "one_hot_encoder", "\"k\"", NULL, 0, &s[1], &err));
    OK(aip_stage_pipeline(ctx, s, 2, &both, &err));
    aip_dataset *features = through(d, "drop", "\"y\"");
    if (fit) OK(aip_stage_fit(both, features, NULL, &fitted, &err));
    aip_dataset_free(features);
    aip_stage_free(s[0]);
    aip_stage_free(s[1]);
    if (!fit) return both;
    aip_stage_free(both);
    return fitted;
}

static aip_model *model_of(aip_dataset *d, bool fit) {
    aip_model *m = NULL, *fitted = NULL;
    OK(aip_model_create(d->ctx, "logistic_regression", NULL, &m, &err));
    if (!fit) return m;
    OK(aip_model_fit(m, d, "y", NULL, &fitted, &err));
    aip_model_free(m);
    return fitted;
}

static int32_t add_values(void *user, aip_batch *b, aip_error **err) {
    double **at = user;
    (void)err;
    for (int32_t i = 0; i < b->n_columns; i++) {
        if (b->columns[i]->type != AIP_FLOAT64) continue;
        memcpy(*at, aip__column_f64(b->columns[i]), (size_t)b->n_rows * sizeof **at);
        *at += b->n_rows;
    }
    return AIP_OK;
}

/* All float64 columns of a dataset in memory, one after the other. */
static int64_t values_of(aip_dataset *d, double *out) {
    double *at = out;
    OK(aip_dataset_each(d, NULL, add_values, &at, NULL, &err));
    return at - out;
}

static char *names_of(const aip_schema *schema) {
    static char names[256];
    names[0] = 0;
    for (int32_t i = 0; i < schema->n; i++) {
        strcat(names, i ? "," : "");
        strcat(names, schema->fields[i].name);
    }
    return names;
}

static aip_package *again_of(aip_package *p, int64_t format) {
    char *bytes = NULL;
    size_t n = 0;
    aip_package *again = NULL;
    OK(aip_package_to_bytes(p, &bytes, &n, &err));
    ck_assert_int_eq(bytes[8], format); /* 0.1.0 reads 1 and refuses any other as AIP_E_UNSUPPORTED */
    OK(aip_package_from_bytes(p->ctx, bytes, n, &again, &err));
    aip_text_free(p->ctx, bytes);
    return again;
}

START_TEST(a_pipeline_alone_transforms_as_it_does_outside_and_predicts_nothing) {
    aip_context *ctx = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64), *features = through(d, "drop", "\"y\""), *want = NULL, *got = NULL;
    aip_stage *pipeline = pipeline_of(d, true), *back = NULL;
    aip_package *p = NULL, *loaded = NULL;
    aip_model *model = (aip_model *)1;
    aip_scorer *scorer = NULL;
    char *json = NULL;
    OK(aip_package_create(ctx, pipeline, NULL, features->schema, NULL, &p, &err));
    ck_assert_str_eq(names_of(aip_package_inputs(p)), "x,k"); /* id is not read */
    loaded = again_of(p, 2);
    static double a[8 * N], b[8 * N];
    OK(aip_dataset_transform(d, pipeline, &want, &err));
    ck_assert_int_eq(values_of(want, a), 5 * N); /* id, x, three of k */
    for (int i = 0; i < 2; i++) {
        OK(aip_package_transform(i ? loaded : p, d, &got, &err));
        ck_assert_str_eq(names_of(got->schema), "id,x,k_0,k_1,k_2,y"); /* what is not read passes */
        ck_assert_int_eq(values_of(got, b), 5 * N);
        ck_assert_mem_eq(a, b, sizeof a);
        aip_dataset_free(got);
    }
    OK(aip_package_model(loaded, &model, &err));
    ck_assert_ptr_null(model);
    OK(aip_package_pipeline(loaded, &back, &err));
    ck_assert_int_eq(back->n, 2);
    OK(aip_package_describe(loaded, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "{\"target\":null,"));
    ck_assert_ptr_nonnull(strstr(json, "\"model\":null,\"fitted\":null,\"metrics\":{}"));
    ck_assert_ptr_nonnull(strstr(json, "\"rows\":64}"));
    FAILS(aip_package_predict(loaded, d, &got, &err), AIP_E_STATE, "no model: expected one for predict");
    FAILS(aip_package_evaluate(loaded, d, NULL, NULL, &json, &err), AIP_E_STATE, "no model: expected one for evaluate");
    FAILS(aip_scorer_create(loaded, NULL, &scorer, &err), AIP_E_STATE, "no model: expected one for a scorer");
    aip_text_free(ctx, json);
    aip_stage_free(back);
    aip_package_free(loaded);
    aip_package_free(p);
    aip_stage_free(pipeline);
    aip_dataset_free(want);
    aip_dataset_free(features);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_fit_without_a_model_is_that_of_its_pipeline) {
    aip_context *ctx = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64), *features = through(d, "drop", "\"y\"");
    aip_stage *pipeline = pipeline_of(d, false), *fitted = pipeline_of(d, true);
    aip_package *p = NULL, *made = NULL;
    char *a = NULL, *b = NULL;
    size_t na = 0, nb = 0;
    OK(aip_package_fit(ctx, pipeline, NULL, features, NULL, NULL, &p, &err));
    OK(aip_package_create(ctx, fitted, NULL, features->schema, NULL, &made, &err));
    OK(aip_package_to_bytes(p, &a, &na, &err));
    OK(aip_package_to_bytes(made, &b, &nb, &err));
    ck_assert_uint_eq(na, nb);
    ck_assert_mem_eq(a, b, na);
    aip_package_free(made);
    aip_text_free(ctx, a);
    aip_text_free(ctx, b);
    FAILS(aip_package_fit(ctx, pipeline, NULL, features, "x", NULL, &made, &err), AIP_E_MISUSE, "found only a target");
    FAILS(aip_package_fit(ctx, NULL, NULL, features, NULL, NULL, &made, &err), AIP_E_MISUSE, "a package of nothing");
    aip_package_free(p);
    aip_stage_free(pipeline);
    aip_stage_free(fitted);
    aip_dataset_free(features);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(fitted_parts_together_are_the_package_that_fits_them) {
    aip_context *ctx = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64), *without_id = through(d, "drop", "\"id\""), *prepared = NULL, *out = NULL;
    aip_stage *pipeline = pipeline_of(without_id, false), *fitted = NULL;
    aip_model *model = model_of(d, false), *trained = NULL;
    aip_package *whole = NULL, *made = NULL, *alone = NULL;
    char *a = NULL, *b = NULL;
    size_t na = 0, nb = 0;
    OK(aip_package_fit(ctx, pipeline, model, without_id, "y", NULL, &whole, &err));
    OK(aip_package_pipeline(whole, &fitted, &err));
    OK(aip_package_model(whole, &trained, &err));
    OK(aip_package_create(ctx, fitted, trained, without_id->schema, NULL, &made, &err)); /* the model knows its target */
    ck_assert_str_eq(made->target, "y");
    OK(aip_package_to_bytes(whole, &a, &na, &err));
    OK(aip_package_to_bytes(made, &b, &nb, &err));
    ck_assert_uint_eq(na, nb);
    ck_assert_mem_eq(a, b, na);
    ck_assert_int_eq(a[8], 1); /* a whole package is a file that 0.1.0 knows the format of */

    /* without a pipeline: the model's features are the inputs; transform gives what it gets, the target before it */
    OK(aip_package_transform(made, without_id, &prepared, &err));
    ck_assert_str_eq(names_of(prepared->schema), "y,x,k_0,k_1,k_2");
    OK(aip_package_create(ctx, NULL, trained, prepared->schema, "truth", &alone, &err));
    ck_assert_str_eq(names_of(aip_package_inputs(alone)), "x,k_0,k_1,k_2");
    ck_assert_str_eq(alone->target, "truth");
    aip_stage *none = (aip_stage *)1;
    OK(aip_package_pipeline(alone, &none, &err));
    ck_assert_ptr_null(none);
    static double p1[4 * N], p2[8 * N];
    OK(aip_package_predict(whole, without_id, &out, &err));
    ck_assert_int_eq(values_of(out, p1), 2 * N); /* x and probability */
    aip_dataset_free(out);
    aip_package *again = again_of(alone, 1);
    OK(aip_package_predict(again, prepared, &out, &err));
    ck_assert_int_eq(values_of(out, p2), 5 * N);
    ck_assert_mem_eq(p1 + N, p2 + 4 * N, N * sizeof *p1);
    aip_dataset_free(out);
    OK(aip_package_transform(again, prepared, &out, &err));
    ck_assert_str_eq(names_of(out->schema), "y,x,k_0,k_1,k_2");
    aip_dataset_free(out);
    FAILS(aip_package_evaluate(again, prepared, NULL, NULL, &a, &err), AIP_E_SCHEMA, "'truth'");

    aip_text_free(ctx, a);
    aip_text_free(ctx, b);
    aip_package_free(again);
    aip_package_free(alone);
    aip_package_free(made);
    aip_package_free(whole);
    aip_model_free(trained);
    aip_model_free(model);
    aip_stage_free(fitted);
    aip_stage_free(pipeline);
    aip_dataset_free(prepared);
    aip_dataset_free(without_id);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(transform_converts_its_inputs_and_lets_the_rest_be) {
    aip_context *ctx = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64), *floats = rows_of(ctx, AIP_FLOAT64), *got = NULL;
    aip_stage *pipeline = pipeline_of(d, true);
    aip_package *p = NULL;
    OK(aip_package_create(ctx, pipeline, NULL, d->schema, NULL, &p, &err));
    OK(aip_package_transform(p, floats, &got, &err)); /* whole floats stand for the integers of the fit */
    ck_assert_str_eq(names_of(got->schema), "id,x,k_0,k_1,k_2,y");
    static double v[5 * N];
    ck_assert_int_eq(values_of(got, v), 5 * N);
    for (int i = 0; i < N; i++) ck_assert_double_eq(v[(2 + i % 3) * N + i], 1);
    aip_dataset_free(got);
    aip_dataset *less = through(d, "drop", "\"k\"");
    FAILS(aip_package_transform(p, less, &got, &err), AIP_E_SCHEMA, "'k'");
    aip_dataset_free(less);
    aip_package_free(p);
    aip_stage_free(pipeline);
    aip_dataset_free(floats);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(parts_that_are_not_fitted_or_do_not_fit_are_refused) {
    aip_context *ctx = context_of(), *other = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64), *there = rows_of(other, AIP_INT64), *less = through(d, "drop", "\"x\"");
    aip_stage *raw = pipeline_of(d, false), *fitted = pipeline_of(d, true), *filter = NULL;
    aip_model *model = model_of(d, false), *trained = model_of(d, true), *foreign = model_of(there, true);
    aip_package *p = NULL;
    OK(aip_stage_create(ctx, "filter", "{\"where\":\"x > 1\"}", NULL, 0, &filter, &err));
    FAILS(aip_package_create(ctx, raw, NULL, d->schema, NULL, &p, &err), AIP_E_STATE, "'standard_scaler' is not fitted");
    FAILS(aip_package_create(ctx, fitted, model, d->schema, "y", &p, &err), AIP_E_STATE, "'logistic_regression' is not fitted");
    FAILS(aip_package_create(ctx, filter, NULL, d->schema, NULL, &p, &err), AIP_E_PARAM, "'filter' cannot stand in a package");
    FAILS(aip_package_create(ctx, fitted, NULL, less->schema, NULL, &p, &err), AIP_E_SCHEMA, "'x'");
    FAILS(aip_package_create(ctx, fitted, trained, d->schema, NULL, &p, &err), AIP_E_SCHEMA, "'k'"); /* one-hot encoded away */
    FAILS(aip_package_create(ctx, NULL, foreign, d->schema, NULL, &p, &err), AIP_E_MISUSE, "different contexts");
    FAILS(aip_package_create(ctx, fitted, NULL, d->schema, "y", &p, &err), AIP_E_MISUSE, "a target goes with a model");
    FAILS(aip_package_create(ctx, NULL, NULL, d->schema, NULL, &p, &err), AIP_E_MISUSE, "a package of nothing");
    aip_model_retain(trained); /* one more free is due */
    aip_model_free(trained);
    ck_assert_int_eq(aip_model_is_fitted(trained), 1);
    aip_model_retain(NULL);
    aip_model_free(model);
    aip_model_free(trained);
    aip_model_free(foreign);
    aip_stage_free(filter);
    aip_stage_free(raw);
    aip_stage_free(fitted);
    aip_dataset_free(less);
    aip_dataset_free(d);
    aip_dataset_free(there);
    aip_context_free(ctx);
    aip_context_free(other);
}
END_TEST

START_TEST(a_file_of_0_1_0_loads_and_shows_what_it_holds) {
    aip_context *ctx = context_of();
    aip_package *p = NULL;
    aip_stage *pipeline = NULL;
    char *json = NULL;
    OK(aip_package_load(ctx, AIPIPE_SOURCE_ROOT "/tests/fuzz/corpus/package/whole.aip", &p, &err));
    OK(aip_package_pipeline(p, &pipeline, &err));
    OK(aip_stage_describe(pipeline, &json, &err));
    ck_assert_msg(strstr(json, "\"var\":{\"x\":null") && strstr(json, "\"n_samples_seen\":{\"x\":null"), "%s", json);
    aip_package *again = again_of(p, 1);
    aip_package_free(again);
    aip_text_free(ctx, json);
    aip_stage_free(pipeline);
    aip_package_free(p);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_model_shows_its_classes_with_their_type_and_its_features_in_order) {
    aip_context *ctx = context_of();
    aip_dataset *d = rows_of(ctx, AIP_INT64);
    aip_model *model = model_of(d, true);
    char *json = NULL;
    OK(aip_model_describe(model, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "\"classes\":[false,true],\"class_type\":\"bool\",\"n_rows\":64,"
                                       "\"feature_names\":[\"id\",\"x\",\"k\"],\"intercept\":"));
    aip_text_free(ctx, json);
    aip_model_free(model);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

Suite *package_parts_suite(void) {
    const TTest *const tests[] = {a_pipeline_alone_transforms_as_it_does_outside_and_predicts_nothing,
                                  a_fit_without_a_model_is_that_of_its_pipeline,
                                  fitted_parts_together_are_the_package_that_fits_them,
                                  transform_converts_its_inputs_and_lets_the_rest_be,
                                  parts_that_are_not_fitted_or_do_not_fit_are_refused,
                                  a_file_of_0_1_0_loads_and_shows_what_it_holds,
                                  a_model_shows_its_classes_with_their_type_and_its_features_in_order,
                                  NULL};
    return unit_suite("package parts", tests);
}
