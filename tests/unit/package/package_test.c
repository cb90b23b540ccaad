/* Packages: what they accept, that a file holds all of them, that damage of any kind is refused, and that the scorer, the dataset path and a
 * loaded package give the same bits. */
#include "base/context.h"
#include "package/package.h"
#include "package_suites.h"
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N 400

/* x with some missing, city, hour, and a target that depends on them; rows by a small generator, the same every time. */
static aip_dataset *training_rows(aip_context *ctx) {
    static const char *const cities[3] = {"Bonn", "Köln", "Trier"};
    double *x = calloc(N, sizeof *x);
    int64_t *hour = calloc(N, sizeof *hour);
    uint8_t *late = calloc(N, 1), *valid = calloc(N, 1);
    int32_t *offsets = calloc(N + 1, sizeof *offsets);
    char *bytes = calloc(N, 8);
    uint32_t state = 7;
    for (int i = 0; i < N; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (double)(state >> 8) / (1 << 24) * 10;
        hour[i] = (state >> 5) % 24;
        const char *city = cities[(state >> 11) % 3];
        size_t n = strlen(city);
        memcpy(bytes + offsets[i], city, n);
        offsets[i + 1] = offsets[i] + (int32_t)n;
        if (i % 9 != 0) valid[i / 8] = (uint8_t)(valid[i / 8] | 1u << (i % 8));
        if ((x[i] + (double)hour[i] / 4 + (double)((state >> 13) % 7)) > 10) late[i / 8] = (uint8_t)(late[i / 8] | 1u << (i % 8));
    }
    aip_field fields[4] = {aip__field("x", AIP_FLOAT64), aip__field("city", AIP_UTF8), aip__field("hour", AIP_INT64),
                           aip__field("late", AIP_BOOL)};
    aip_column_view v[4];
    for (int i = 0; i < 4; i++) {
        v[i] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        v[i].type = fields[i].type;
        v[i].length = N;
    }
    v[0].values = x;
    v[0].validity = valid;
    v[1].values = bytes;
    v[1].offsets = offsets;
    v[2].values = hour;
    v[3].values = late;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, fields, 4, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, 4, &d, &err));
    aip_schema_free(schema);
    free(x), free(hour), free(late), free(valid), free(offsets), free(bytes);
    return d;
}

static aip_context *context_of(int32_t threads) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = unit_threads(threads);
    aip_context *ctx = NULL;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

static aip_stage *pipeline_of(aip_context *ctx) {
    aip_stage *s[3] = {NULL}, *pipeline = NULL;
    OK(aip_stage_create(ctx, "simple_imputer", AIP_JSON({"columns" : [ "x", "hour" ], "strategy" : "median"}), NULL, 0, &s[0],
                        &err));
    OK(aip_stage_create(ctx, "standard_scaler", AIP_JSON({"columns" : "numeric"}), NULL, 0, &s[1], &err));
    OK(aip_stage_create(ctx, "one_hot_encoder", AIP_JSON({"columns" : "text", "handle_unknown" : "ignore"}), NULL, 0, &s[2],
                        &err));
    OK(aip_stage_pipeline(ctx, s, 3, &pipeline, &err));
    for (int i = 0; i < 3; i++) aip_stage_free(s[i]);
    return pipeline;
}

static aip_package *fitted(aip_context *ctx) {
    aip_dataset *d = training_rows(ctx);
    aip_stage *pipeline = pipeline_of(ctx);
    aip_model *model = NULL;
    aip_package *p = NULL;
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_package_fit(ctx, pipeline, model, d, "late", NULL, &p, &err));
    aip_model_free(model);
    aip_stage_free(pipeline);
    aip_dataset_free(d);
    return p;
}

static int32_t take_probability(void *user, aip_batch *b, aip_error **err) {
    double **at = user;
    (void)err;
    int32_t i = aip_schema_find(b->schema, "probability");
    ck_assert_int_ge(i, 0);
    memcpy(*at, aip__column_f64(b->columns[i]), (size_t)b->n_rows * sizeof **at);
    *at += b->n_rows;
    return AIP_OK;
}

static void probabilities(aip_package *p, aip_dataset *d, double *out) {
    aip_dataset *predicted = NULL;
    double *at = out;
    OK(aip_package_predict(p, d, &predicted, &err));
    OK(aip_dataset_each(predicted, NULL, take_probability, &at, NULL, &err));
    ck_assert_int_eq(at - out, N);
    aip_dataset_free(predicted);
}

START_TEST(a_loaded_package_predicts_the_same_bits) {
    aip_context *ctx = context_of(2), *other = context_of(1);
    aip_package *p = fitted(ctx), *again = NULL;
    aip_dataset *d = training_rows(ctx), *there = training_rows(other);
    static double a[N], b[N];
    char *bytes = NULL;
    size_t n = 0;
    probabilities(p, d, a);
    OK(aip_package_to_bytes(p, &bytes, &n, &err));
    OK(aip_package_from_bytes(other, bytes, n, &again, &err));
    probabilities(again, there, b);
    ck_assert_mem_eq(a, b, sizeof a);
    aip_text_free(ctx, bytes);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
    aip_package_free(again);
    aip_dataset_free(there);
    aip_context_free(other);
}
END_TEST

START_TEST(the_bytes_do_not_depend_on_the_number_of_threads) {
    static const int32_t threads[4] = {AIP_THREADS_NONE, 1, 2, 8};
    char *first = NULL;
    size_t first_n = 0;
    aip_context *first_ctx = context_of(threads[0]);
    aip_package *p = fitted(first_ctx);
    OK(aip_package_to_bytes(p, &first, &first_n, &err));
    aip_package_free(p);
    for (int i = 1; i < 4; i++) {
        aip_context *ctx = context_of(threads[i]);
        char *bytes = NULL;
        size_t n = 0;
        p = fitted(ctx);
        OK(aip_package_to_bytes(p, &bytes, &n, &err));
        ck_assert_uint_eq(n, first_n);
        ck_assert_mem_eq(bytes, first, n);
        aip_text_free(ctx, bytes);
        aip_package_free(p);
        aip_context_free(ctx);
    }
    aip_text_free(first_ctx, first);
    aip_context_free(first_ctx);
}
END_TEST

/* Recomputes the checksum, so that damage behind it is met by the parser itself. */
static void seal(char *bytes, size_t n) {
    aip__sha256 s;
    aip__sha256_init(&s);
    aip__sha256_add(&s, bytes, n - 32);
    aip__sha256_end(&s, (uint8_t *)bytes + n - 32);
}

START_TEST(every_damaged_byte_and_every_cut_is_refused_or_still_a_whole_package) {
    aip_context *ctx = context_of(1);
    aip_package *p = fitted(ctx);
    char *bytes = NULL;
    size_t n = 0;
    OK(aip_package_to_bytes(p, &bytes, &n, &err));
    aip_package_free(p);
    char *bad = malloc(n + 1);
    for (size_t i = 0; i < n; i++) { /* the checksum sees any one byte */
        aip_package *got = NULL;
        memcpy(bad, bytes, n);
        bad[i] = (char)(bad[i] ^ 0x41);
        int32_t status = aip_package_from_bytes(ctx, bad, n, &got, NULL);
        ck_assert_msg(status == AIP_E_CORRUPT || status == AIP_E_UNSUPPORTED, "byte %zu: %d", i, (int)status);
    }
    for (size_t cut = 0; cut < n; cut += 3) {
        aip_package *got = NULL;
        ck_assert_int_eq(aip_package_from_bytes(ctx, bytes, cut, &got, NULL), AIP_E_CORRUPT);
    }
    memcpy(bad, bytes, n);
    bad[n] = 0;
    aip_package *longer = NULL;
    ck_assert_int_eq(aip_package_from_bytes(ctx, bad, n + 1, &longer, NULL), AIP_E_CORRUPT);
    for (size_t i = 8; i + 32 < n; i++) { /* with a good checksum the parts must hold by themselves: no crash, no leak */
        aip_package *got = NULL;
        memcpy(bad, bytes, n);
        bad[i] = (char)(bad[i] ^ 0x11);
        seal(bad, n);
        int32_t status = aip_package_from_bytes(ctx, bad, n, &got, NULL);
        if (status == AIP_OK) aip_package_free(got);
    }
    free(bad);
    aip_text_free(ctx, bytes);
    ck_assert_uint_gt(aip_context_memory_used(ctx), 0);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_stage_that_drops_rows_is_refused_by_name) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = training_rows(ctx);
    aip_stage *drop = NULL;
    aip_model *model = NULL;
    aip_package *p = NULL;
    OK(aip_stage_create(ctx, "drop_missing", NULL, NULL, 0, &drop, &err));
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    FAILS(aip_package_fit(ctx, drop, model, d, "late", NULL, &p, &err), AIP_E_PARAM,
          "'drop_missing' cannot stand in a package: it drops rows");
    FAILS(aip_package_fit(ctx, NULL, model, d, "lat", NULL, &p, &err), AIP_E_SCHEMA, "did you mean 'late'");
    aip_model_free(model);
    aip_stage_free(drop);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(inputs_are_the_columns_that_are_read_and_a_missing_one_is_named) {
    aip_context *ctx = context_of(1);
    aip_package *p = fitted(ctx);
    ck_assert_int_eq(p->inputs->n, 3);
    ck_assert_str_eq(p->inputs->fields[0].name, "x");
    ck_assert_str_eq(p->inputs->fields[1].name, "city");
    ck_assert_str_eq(p->inputs->fields[2].name, "hour");
    aip_dataset *d = training_rows(ctx), *less = NULL, *out = NULL;
    aip_stage *select = NULL;
    OK(aip_stage_create(ctx, "select", AIP_JSON({"columns" : [ "city", "hour" ]}), NULL, 0, &select, &err));
    OK(aip_dataset_transform(d, select, &less, &err));
    FAILS(aip_package_predict(p, less, &out, &err), AIP_E_SCHEMA, "'x'");
    aip_stage_free(select);
    aip_dataset_free(less);
    aip_dataset_free(d);
    aip_package_free(p);
    aip_context_free(ctx);
}
END_TEST

typedef struct {
    const char *city;
    double x;
    int32_t hour; /* the package's input is int64: integers widen */
} trip;

START_TEST(the_scorer_gives_what_predict_gives) {
    aip_context *ctx = context_of(1);
    aip_package *p = fitted(ctx);
    aip_dataset *d = training_rows(ctx);
    static double expected[N], got[N];
    static trip trips[N];
    static char cities[N][8];
    probabilities(p, d, expected);
    aip_scorer *s = NULL;
    OK(aip_scorer_create(p, AIP_JSON({"output" : "probability"}), &s, &err));
    FAILS(aip_scorer_run(s, trips, sizeof *trips, 1, got, &err), AIP_E_STATE, "'x' is not bound");
    FAILS(aip_scorer_bind(s, "towm", AIP_UTF8, 0, &err), AIP_E_SCHEMA, "towm");
    FAILS(aip_scorer_bind(s, "city", AIP_FLOAT64, 0, &err), AIP_E_SCHEMA, "expected utf8, found float64");
    OK(aip_scorer_bind(s, "city", AIP_UTF8, offsetof(trip, city), &err));
    OK(aip_scorer_bind(s, "x", AIP_FLOAT64, offsetof(trip, x), &err));
    OK(aip_scorer_bind(s, "hour", AIP_INT32, offsetof(trip, hour), &err));
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    aip__scan *scan = NULL;
    aip_batch *b = NULL;
    OK(aip__scan_open(d, &token, "read", &scan, &err));
    OK(aip__scan_next(scan, &b, &err));
    ck_assert_int_eq(b->n_rows, N);
    for (int i = 0; i < N; i++) {
        size_t n = 0;
        const char *city = aip__column_text(b->columns[1], i, &n);
        memcpy(cities[i], city, n);
        trips[i] = (trip){cities[i], aip__valid(b->columns[0]->validity, i) ? aip__column_f64(b->columns[0])[i] : (double)NAN,
                          (int32_t)aip__column_i64(b->columns[2])[i]};
    }
    aip_batch_free(b);
    aip__scan_close(scan);
    OK(aip_scorer_run(s, trips, sizeof *trips, N, got, &err));
    ck_assert_mem_eq(got, expected, sizeof got);
    for (int i = 0; i < N; i++) { /* one row at a time: the same bits */
        double one = 0;
        OK(aip_scorer_run(s, &trips[i], sizeof *trips, 1, &one, &err));
        ck_assert_mem_eq(&one, &expected[i], sizeof one);
    }
    struct {
        double x, hour;
        const char *city;
    } loose = {trips[1].x, trips[1].hour, trips[1].city}; /* an integer input as a double: whole, or missing */
    OK(aip_scorer_bind(s, "x", AIP_FLOAT64, 0, &err));
    OK(aip_scorer_bind(s, "hour", AIP_FLOAT64, sizeof(double), &err));
    OK(aip_scorer_bind(s, "city", AIP_UTF8, 2 * sizeof(double), &err));
    OK(aip_scorer_run(s, &loose, sizeof loose, 1, got, &err));
    ck_assert_mem_eq(got, &expected[1], sizeof *got);
    loose.hour = 1.5;
    FAILS(aip_scorer_run(s, &loose, sizeof loose, 1, got, &err), AIP_E_DATA, "hour");
    loose.hour = (double)NAN;
    OK(aip_scorer_run(s, &loose, sizeof loose, 1, got, &err));
    ck_assert(got[0] > 0 && got[0] < 1);
    OK(aip_scorer_bind(s, "city", AIP_UTF8, offsetof(trip, city), &err));
    OK(aip_scorer_bind(s, "x", AIP_FLOAT64, offsetof(trip, x), &err));
    OK(aip_scorer_bind(s, "hour", AIP_INT32, offsetof(trip, hour), &err));
    trip nowhere = {NULL, 1, 1}; /* an unknown category is ignored, a missing text is one */
    OK(aip_scorer_run(s, &nowhere, sizeof nowhere, 1, got, &err));
    ck_assert(got[0] > 0 && got[0] < 1);
    aip_scorer_free(s);
    aip_dataset_free(d);
    aip_package_free(p);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_host_that_rounds_upward_gets_the_same_package_and_scores) {
    aip_context *ctx = context_of(1);
    aip_package *plain = fitted(ctx), *upward = NULL;
    aip_dataset *d = training_rows(ctx);
    aip_stage *pipeline = pipeline_of(ctx);
    aip_model *model = NULL;
    aip_scorer *s = NULL;
    static trip trips[N];
    static double expected[N], got[N];
    char *bytes[2] = {NULL, NULL}, *json[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_scorer_create(plain, AIP_JSON({"output" : "probability"}), &s, &err));
    OK(aip_scorer_bind(s, "city", AIP_UTF8, offsetof(trip, city), &err));
    OK(aip_scorer_bind(s, "x", AIP_FLOAT64, offsetof(trip, x), &err));
    OK(aip_scorer_bind(s, "hour", AIP_INT32, offsetof(trip, hour), &err));
    for (int i = 0; i < N; i++) trips[i] = (trip){i % 2 ? "Bonn" : "Trier", i / 41.0, i % 24};
    OK(aip_scorer_run(s, trips, sizeof *trips, N, expected, &err));
    OK(aip_package_evaluate(plain, d, "[\"log_loss\",\"roc_auc\"]", NULL, &json[0], &err));
    int before = fegetround();
    fesetround(FE_UPWARD);
    int32_t fit = aip_package_fit(ctx, pipeline, model, d, "late", NULL, &upward, NULL);
    int32_t scored = aip_scorer_run(s, trips, sizeof *trips, N, got, NULL);
    int32_t evaluated = aip_package_evaluate(plain, d, "[\"log_loss\",\"roc_auc\"]", NULL, &json[1], NULL);
    int after = fegetround();
    fesetround(before);
    ck_assert_int_eq(after, FE_UPWARD); /* the host's thread is as it was */
    ck_assert_int_eq(fit, AIP_OK);
    ck_assert_int_eq(scored, AIP_OK);
    ck_assert_int_eq(evaluated, AIP_OK);
    ck_assert_mem_eq(got, expected, sizeof got);
    ck_assert_str_eq(json[1], json[0]);
    OK(aip_package_to_bytes(plain, &bytes[0], &n[0], &err));
    OK(aip_package_to_bytes(upward, &bytes[1], &n[1], &err));
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
    for (int i = 0; i < 2; i++) {
        aip_text_free(ctx, bytes[i]);
        aip_text_free(ctx, json[i]);
    }
    aip_scorer_free(s);
    aip_model_free(model);
    aip_stage_free(pipeline);
    aip_dataset_free(d);
    aip_package_free(upward);
    aip_package_free(plain);
    aip_context_free(ctx);
}
END_TEST

START_TEST(metrics_travel_in_the_package) {
    aip_context *ctx = context_of(1);
    aip_package *p = fitted(ctx), *with = NULL, *again = NULL;
    aip_dataset *d = training_rows(ctx);
    char *json = NULL, *bytes = NULL;
    size_t n = 0;
    OK(aip_package_evaluate(p, d, "[\"accuracy\",\"roc_auc\"]", NULL, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "\"accuracy\":0."));
    OK(aip_package_with_metrics(p, json, &with, &err));
    OK(aip_package_to_bytes(with, &bytes, &n, &err));
    OK(aip_package_from_bytes(ctx, bytes, n, &again, &err));
    ck_assert_str_eq(again->metrics, json);
    aip_text_free(ctx, json);
    OK(aip_package_describe(again, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "\"rows\":400"));
    ck_assert_ptr_nonnull(strstr(json, "\"target\":\"late\""));
    aip_text_free(ctx, json);
    FAILS(aip_package_with_metrics(p, "[1]", &again, &err), AIP_E_PARAM, "expected a JSON object");
    aip_text_free(ctx, bytes);
    aip_package_free(p);
    aip_package_free(with);
    aip_package_free(again);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_save_that_fails_leaves_the_old_file) {
    aip_context *ctx = context_of(1);
    aip_package *p = fitted(ctx), *again = NULL;
    char dir[] = "/tmp/aipipe-package-XXXXXX", path[64], nowhere[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/m.aip", dir);
    snprintf(nowhere, sizeof nowhere, "%s/none/m.aip", dir);
    OK(aip_package_save(p, path, &err));
    FAILS(aip_package_save(p, nowhere, &err), AIP_E_NOT_FOUND, "none/m.aip");
    OK(aip_package_load(ctx, path, &again, &err));
    FAILS(aip_package_load(ctx, nowhere, &again, &err), AIP_E_NOT_FOUND, "No such file");
    aip_package_free(again);
    aip_package_free(p);
    unlink(path);
    rmdir(dir);
    aip_context_free(ctx);
}
END_TEST

Suite *package_suite(void) {
    Suite *suite = suite_create("package");
    TCase *tc = tcase_create("package");
    tcase_add_test(tc, a_loaded_package_predicts_the_same_bits);
    tcase_add_test(tc, the_bytes_do_not_depend_on_the_number_of_threads);
    tcase_add_test(tc, every_damaged_byte_and_every_cut_is_refused_or_still_a_whole_package);
    tcase_add_test(tc, a_stage_that_drops_rows_is_refused_by_name);
    tcase_add_test(tc, inputs_are_the_columns_that_are_read_and_a_missing_one_is_named);
    tcase_add_test(tc, the_scorer_gives_what_predict_gives);
    tcase_add_test(tc, a_host_that_rounds_upward_gets_the_same_package_and_scores);
    tcase_add_test(tc, metrics_travel_in_the_package);
    tcase_add_test(tc, a_save_that_fails_leaves_the_old_file);
    suite_add_tcase(suite, tc);
    return suite;
}
