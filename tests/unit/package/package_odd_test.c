/* Packages of odd pipelines, data and files: names that clash, stages that may not stand in one, types that differ between fit and predict. */
#include "model_fixture.h"

#include "package/beside.h"
#include "package/package.h"
#include "package_suites.h"

#define N 60

static const int64_t hours[N] = {3,  14, 7,  22, 1, 9,  18, 5,  12, 20, 0,  16, 8,  23, 11, 4,  19, 6,  13, 21,
                                 2,  15, 10, 17, 3, 14, 7,  22, 1,  9,  18, 5,  12, 20, 0,  16, 8,  23, 11, 4,
                                 19, 6,  13, 21, 2, 15, 10, 17, 3,  14, 7,  22, 1,  9,  18, 5,  12, 20, 0,  16};

static aip_context *context_of(int32_t threads) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = threads;
    aip_context *ctx = NULL;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

/* hour and x are features; `late` (under the given name) is 1 for late hours, with two exceptions so that the classes overlap. */
static aip_dataset *trips(aip_context *ctx, const char *target, const char *feature, int64_t n) {
    double x[N];
    int64_t late[N];
    for (int64_t i = 0; i < N; i++) {
        x[i] = (double)(i * 7 % 11) / 4;
        late[i] = (hours[i] > 11) != (i == 4 || i == 9);
    }
    const fixture_column columns[] = {{.name = "hour", .type = AIP_INT64, .i64 = hours},
                                      {.name = feature, .type = AIP_FLOAT64, .f64 = x},
                                      {.name = target, .type = AIP_INT64, .i64 = late}};
    return fixture_dataset(ctx, columns, 3, n);
}

static int32_t fit(aip_context *ctx, const char *stage, const char *params, aip_dataset *d, const char *target, aip_package **out,
                   aip_error **err) {
    aip_stage *s = NULL;
    aip_model *model = NULL;
    int32_t status = stage ? aip_stage_create(ctx, stage, params, NULL, 0, &s, err) : AIP_OK;
    if (status == AIP_OK) status = aip_model_create(ctx, "logistic_regression", NULL, &model, err);
    if (status == AIP_OK) status = aip_package_fit(ctx, s, model, d, target, NULL, out, err);
    aip_stage_free(s);
    aip_model_free(model);
    return status;
}

START_TEST(a_pipeline_that_makes_a_column_of_the_targets_name_is_refused) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL;
    FAILS(fit(ctx, "derive", "{\"late\":\"x + 1\"}", d, "late", &p, &err), AIP_E_SCHEMA, "the pipeline makes a column 'late'");
    FAILS(fit(ctx, "rename", "{\"columns\":{\"x\":\"late\"}}", d, "late", &p, &err), AIP_E_SCHEMA, "'late'");
    FAILS(fit(ctx, "drop", "{\"columns\":[\"late\"]}", d, "late", &p, &err), AIP_E_SCHEMA, "no column 'late'");
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_column_named_as_one_that_the_model_adds_is_refused_before_the_fit) {
    aip_context *ctx = context_of(1);
    aip_dataset *target = trips(ctx, "prediction", "x", N), *feature = trips(ctx, "late", "probability", N);
    aip_package *p = NULL;
    FAILS(fit(ctx, NULL, NULL, target, "prediction", &p, &err), AIP_E_SCHEMA, "the model adds one of that name");
    FAILS(fit(ctx, NULL, NULL, feature, "late", &p, &err), AIP_E_SCHEMA, "'probability'");
    OK(fit(ctx, "rename", "{\"columns\":{\"probability\":\"p\"}}", feature, "late", &p, &err));
    aip_package_free(p);
    aip_dataset_free(target);
    aip_dataset_free(feature);
    aip_context_free(ctx);
}
END_TEST

START_TEST(rows_of_one_class_are_evaluated_as_of_the_models_two) {
    aip_context *ctx = context_of(1);
    static const char *const words[2] = {"on time", "late"};
    const char *said[N];
    double x[N];
    for (int64_t i = 0; i < N; i++) x[i] = (double)hours[i], said[i] = words[(hours[i] > 11) != (i == 4 || i == 9)];
    const fixture_column columns[] = {{.name = "x", .type = AIP_FLOAT64, .f64 = x},
                                      {.name = "said", .type = AIP_UTF8, .texts = said}};
    aip_dataset *d = fixture_dataset(ctx, columns, 2, N), *one = fixture_dataset(ctx, columns, 2, 1);
    aip_package *p = NULL;
    char *json = NULL;
    OK(fit(ctx, NULL, NULL, d, "said", &p, &err));
    OK(aip_package_evaluate(p, one, NULL, NULL, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "\"accuracy\":1,"));
    ck_assert_ptr_nonnull(strstr(json, "\"confusion_matrix\":[[0,0],[0,1]]")); /* "late" sorts first */
    aip_text_free(ctx, json);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_dataset_free(one);
    aip_context_free(ctx);
}
END_TEST

/* The parts of a package with other stages, or of another library, as bytes. */
static char *bytes_of(aip_context *ctx, const aip_package *p, aip_stage *stage, const char *library, size_t *n) {
    aip_package *draft = aip__package_draft(ctx);
    aip_stage *both[2] = {stage, p->pipeline};
    char *bytes = NULL;
    OK(aip_stage_pipeline(ctx, stage ? both : &p->pipeline, stage ? 2 : 1, &draft->pipeline, &err));
    draft->inputs = aip__schema_retain(p->inputs);
    draft->model = aip__model_retain(p->model);
    draft->target = aip__strdup(ctx, p->target);
    draft->library = aip__strdup(ctx, library);
    draft->profile = aip__strdup(ctx, p->profile);
    OK(aip_package_to_bytes(draft, &bytes, n, &err));
    aip_package_free(draft);
    return bytes;
}

START_TEST(a_file_with_a_stage_that_drops_rows_is_refused) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL, *again = NULL;
    aip_stage *filter = NULL;
    size_t n = 0;
    OK(fit(ctx, NULL, NULL, d, "late", &p, &err));
    OK(aip_stage_create(ctx, "filter", "{\"where\":\"hour > 3\"}", NULL, 0, &filter, &err));
    char *bytes = bytes_of(ctx, p, filter, "1", &n);
    FAILS(aip_package_from_bytes(ctx, bytes, n, &again, &err), AIP_E_CORRUPT, "stage 'filter' cannot stand in a package");
    aip_text_free(ctx, bytes);
    aip_stage_free(filter);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_file_keeps_texts_that_json_escapes_and_shows_derive_as_it_is_written) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL, *again = NULL;
    char *json = NULL;
    size_t n = 0;
    OK(fit(ctx, "derive", "{\"z\":\"x * 2\",\"a\":\"z + 1\",\"one\":1}", d, "late", &p, &err));
    char *bytes = bytes_of(ctx, p, NULL, "0.1 \"next\"", &n);
    OK(aip_package_from_bytes(ctx, bytes, n, &again, &err));
    ck_assert_str_eq(again->library, "0.1 \"next\"");
    OK(aip_package_describe(again, &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "{\"derive\":{\"z\":\"x * 2\",\"a\":\"z + 1\",\"one\":1}}"));
    ck_assert_ptr_nonnull(strstr(json, "\"library\":\"0.1 \\\"next\\\"\""));
    aip_text_free(ctx, json);
    aip_text_free(ctx, bytes);
    aip_package_free(p);
    aip_package_free(again);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

static void replace(char *bytes, size_t n, const char *from, const char *to) {
    char *at = memmem(bytes, n, from, strlen(from));
    ck_assert_ptr_nonnull(at);
    memcpy(at, to, strlen(to));
}

START_TEST(a_part_of_a_later_version_is_unsupported_whatever_its_parameters) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL, *again = NULL;
    char *bytes = NULL;
    size_t n = 0;
    OK(fit(ctx, NULL, NULL, d, "late", &p, &err));
    OK(aip_package_to_bytes(p, &bytes, &n, &err));
    replace(bytes, n, "\"penalty\"", "\"penaltz\"");
    replace(bytes, n, "\"version\":1", "\"version\":2");
    aip__sha256 s;
    aip__sha256_init(&s);
    aip__sha256_add(&s, bytes, n - 32);
    aip__sha256_end(&s, (uint8_t *)bytes + n - 32);
    FAILS(aip_package_from_bytes(ctx, bytes, n, &again, &err), AIP_E_UNSUPPORTED, "version 2 was made by a later library");
    aip_text_free(ctx, bytes);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(an_instant_does_not_stand_for_wall_time_and_whole_floats_stand_for_integers) {
    aip_field wall = aip__field("t", AIP_TIMESTAMP), instant = wall, other = wall;
    instant.zone = "UTC";
    other.zone = "Europe/Berlin";
    ck_assert(!aip__widens(&wall, &instant));
    ck_assert(!aip__widens(&instant, &wall));
    ck_assert(aip__widens(&other, &instant));
    ck_assert(aip__widens(&wall, &wall));

    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N), *predicted = NULL, *kept = NULL;
    aip_package *p = NULL;
    OK(fit(ctx, NULL, NULL, d, "late", &p, &err));
    const double whole[2] = {3, 14}, half[2] = {3, 3.5}, x[2] = {1, 2};
    const char *const texts[2] = {"3", "noon"};
    const fixture_column fine[] = {{.name = "hour", .type = AIP_FLOAT64, .f64 = whole},
                                   {.name = "x", .type = AIP_FLOAT64, .f64 = x}},
                         broken[] = {{.name = "hour", .type = AIP_FLOAT64, .f64 = half},
                                     {.name = "x", .type = AIP_FLOAT64, .f64 = x}},
                         text[] = {{.name = "hour", .type = AIP_UTF8, .texts = texts},
                                   {.name = "x", .type = AIP_FLOAT64, .f64 = x}};
    const fixture_column *const all[] = {fine, broken, text};
    const char *const says[] = {NULL, "'3.5' is not a value of int64", "'noon' is not a value of int64"};
    for (int i = 0; i < 3; i++) {
        aip_dataset *rows = fixture_dataset(ctx, all[i], 2, 2);
        OK(aip_package_predict(p, rows, &predicted, &err));
        if (says[i])
            FAILS(aip_dataset_collect(predicted, NULL, &kept, &err), AIP_E_DATA, says[i]);
        else
            OK(aip_dataset_collect(predicted, NULL, &kept, &err));
        if (!says[i]) aip_dataset_free(kept);
        aip_dataset_free(predicted);
        aip_dataset_free(rows);
    }
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

/* A host's stage that says it keeps rows, and keeps all but the last of each batch. */
static int32_t liar_bind(const void *self, const void *learned, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)self, (void)learned, (void)err;
    *bound = NULL;
    *out = aip__schema_retain(in);
    return AIP_OK;
}
static int32_t liar_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    return aip__batch_slice(in, 0, in->n_rows - 1, out, err);
}
static const aip_stage_ops liar_ops = {.struct_size = sizeof(aip_stage_ops), .bind = liar_bind, .apply = liar_apply};
static const aip_descriptor liar = {.struct_size = sizeof(aip_descriptor),
                                    .kind = AIP_KIND_STAGE,
                                    .name = "liar",
                                    .doc = "says that it keeps rows",
                                    .param_stride = sizeof(aip_param_spec),
                                    .ops = &liar_ops,
                                    .rows = AIP_ROWS_SAME,
                                    .version = 1};

START_TEST(a_hosts_stage_that_loses_rows_is_named) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL;
    OK(aip_catalog_register(ctx, &liar, &err));
    aip_error *err = NULL;
    ck_assert_int_eq(fit(ctx, "liar", NULL, d, "late", &p, &err), AIP_E_MISUSE);
    ck_assert_str_eq(aip_error_stage(err), "liar");
    ck_assert_str_eq(aip_error_message(err), "apply made 59 rows of 60: expected one for each");
    aip_error_free(err);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

/* A host's stage that learns and has no save. Nothing of it is called but what makes it. */
static size_t mute_bytes(const void *fold) { return fold ? 1 : 0; }
static int32_t mute_init(const void *fold, void **state, aip_error **err) {
    (void)fold, (void)state;
    return aip_error_set(err, 1, "called");
}
static int32_t mute_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    (void)fold, (void)state, (void)batch;
    return aip_error_set(err, 1, "called");
}
static int32_t mute_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold, (void)into, (void)from;
    return aip_error_set(err, 1, "called");
}
static void mute_destroy(const void *fold, void *state) { (void)fold, (void)state; }
static const aip_fold_ops mute_fold = {.struct_size = sizeof(aip_fold_ops),
                                       .state_bytes = mute_bytes,
                                       .init = mute_init,
                                       .update = mute_update,
                                       .merge = mute_merge,
                                       .destroy = mute_destroy};
static int32_t mute_fold_create(const void *self, const aip_schema *schema, void **fold, aip_error **err) {
    (void)self, (void)schema, (void)fold;
    return aip_error_set(err, 1, "called");
}
static void mute_fold_destroy(void *fold) { (void)fold; }
static int32_t mute_fold_finish(const void *self, const void *fold, void *state, void **learned, aip_error **err) {
    (void)self, (void)fold, (void)state, (void)learned;
    return aip_error_set(err, 1, "called");
}
static const aip_stage_ops mute_ops = {.struct_size = sizeof(aip_stage_ops),
                                       .fold = &mute_fold,
                                       .fold_create = mute_fold_create,
                                       .fold_destroy = mute_fold_destroy,
                                       .fold_finish = mute_fold_finish,
                                       .fitted_destroy = mute_fold_destroy,
                                       .bind = liar_bind,
                                       .apply = liar_apply};
static const aip_descriptor mute = {.struct_size = sizeof(aip_descriptor),
                                    .kind = AIP_KIND_STAGE,
                                    .name = "mute",
                                    .doc = "learns what it cannot tell",
                                    .param_stride = sizeof(aip_param_spec),
                                    .ops = &mute_ops,
                                    .rows = AIP_ROWS_SAME,
                                    .version = 1};

START_TEST(a_hosts_stage_that_cannot_be_saved_is_refused_by_name) {
    aip_context *ctx = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_package *p = NULL;
    OK(aip_catalog_register(ctx, &mute, &err));
    FAILS(fit(ctx, "mute", NULL, d, "late", &p, &err), AIP_E_PARAM, "'mute' cannot stand in a package: what it learns cannot");
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_model_of_another_context_is_refused) {
    aip_context *ctx = context_of(1), *other = context_of(1);
    aip_dataset *d = trips(ctx, "late", "x", N);
    aip_model *model = NULL;
    aip_package *p = NULL;
    OK(aip_model_create(other, "logistic_regression", NULL, &model, &err));
    FAILS(aip_package_fit(ctx, NULL, model, d, "late", NULL, &p, &err), AIP_E_MISUSE, "different contexts");
    aip_model_free(model);
    aip_dataset_free(d);
    aip_context_free(ctx);
    aip_context_free(other);
}
END_TEST

Suite *package_odd_suite(void) {
    const TTest *const tests[] = {a_pipeline_that_makes_a_column_of_the_targets_name_is_refused,
                                  a_column_named_as_one_that_the_model_adds_is_refused_before_the_fit,
                                  rows_of_one_class_are_evaluated_as_of_the_models_two,
                                  a_file_with_a_stage_that_drops_rows_is_refused,
                                  a_file_keeps_texts_that_json_escapes_and_shows_derive_as_it_is_written,
                                  a_part_of_a_later_version_is_unsupported_whatever_its_parameters,
                                  an_instant_does_not_stand_for_wall_time_and_whole_floats_stand_for_integers,
                                  a_hosts_stage_that_loses_rows_is_named,
                                  a_hosts_stage_that_cannot_be_saved_is_refused_by_name,
                                  a_model_of_another_context_is_refused,
                                  NULL};
    return unit_suite("package, odd ones", tests);
}
