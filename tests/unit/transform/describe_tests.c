/* What a stage says of itself: JSON with learned values under scikit-learn's names. Numbers by hand: of 1, 2, 6 the mean is 3 and the variance
 * (4 + 1 + 9) / 3; the rest is counting. */
#include "transform_suites.h"

#include "base/document.h"
#include "base/memory.h"
#include "data/stage.h"

static const tt_column columns[] = {
    TT_NUMBERS("x", AIP_FLOAT64, 1, 2, NAN, 6), TT_NUMBERS("k", AIP_INT64, 7, 7, 7, 7),
    TT_TEXTS("t", "b", NULL, "a \"q\"", "b"),   TT_NUMBERS("day", AIP_DATE32, 0, 1, 1, NAN),
    TT_NUMBERS("yes", AIP_BOOL, 1, 0, 1, 1),    TT_NUMBERS("none", AIP_FLOAT64, NAN, NAN, NAN, NAN),
};

static aip_stage *fitted(aip_context *ctx, const char *name, const char *params) {
    aip_dataset *d = tt_table(ctx, columns, 6, 4, 2);
    aip_stage *s = tt_stage(ctx, name, params), *f = NULL;
    OK(aip_stage_fit(s, d, NULL, &f, &err));
    aip_stage_free(s);
    aip_dataset_free(d);
    return f;
}

static void expect(const aip_stage *s, const char *want) {
    char *json = NULL;
    OK(aip_stage_describe(s, &json, &err));
    ck_assert_str_eq(json, want);
    aip_text_free(s->ctx, json);
}

/* Of the text after "learned". */
static void expect_learned(aip_context *ctx, const char *name, const char *params, const char *want) {
    aip_stage *s = fitted(ctx, name, params);
    char *json = NULL;
    OK(aip_stage_describe(s, &json, &err));
    const char *at = strstr(json, ",\"fitted\":true,\"learned\":");
    ck_assert_ptr_nonnull(at);
    ck_assert_str_eq(at + strlen(",\"fitted\":true,\"learned\":"), want);
    aip_text_free(ctx, json);
    aip_stage_free(s);
}

START_TEST(an_unfitted_stage_has_its_parameters_and_nothing_learned) {
    aip_context *ctx = tt_context(0);
    aip_stage *s = tt_stage(ctx, "standard_scaler", "{\"with_mean\": false}");
    expect(s, "{\"name\":\"standard_scaler\",\"params\":{\"columns\":\"numeric\",\"with_mean\":false,\"with_std\":true},"
              "\"rows\":\"same\",\"fitted\":false,\"learned\":null}");
    aip_stage_free(s);
    s = tt_stage(ctx, "filter", "{\"where\": \"x > 1\"}");
    expect(s, "{\"name\":\"filter\",\"params\":{\"where\":\"x > 1\"},\"rows\":\"fewer\",\"fitted\":true,\"learned\":null}");
    aip_stage_free(s);
    s = tt_stage(ctx, "derive", "{\"z\": \"x + 1\", \"a\": 2}");
    expect(s, "{\"name\":\"derive\",\"params\":{\"z\":\"x + 1\",\"a\":2},\"rows\":\"same\",\"fitted\":true,\"learned\":null}");
    aip_stage_free(s);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_scaler_shows_what_scikit_learns_attributes_hold) {
    aip_context *ctx = tt_context(2);
    expect_learned(ctx, "standard_scaler", "{\"columns\": [\"x\", \"k\"]}",
                   "{\"mean\":{\"x\":3.0,\"k\":7.0},\"var\":{\"x\":4.666666666666667,\"k\":0.0},"
                   "\"scale\":{\"x\":2.160246899469287,\"k\":1.0},\"n_samples_seen\":{\"x\":3,\"k\":4}}}");
    /* scikit-learn: mean_ is there while either is used, var_ and scale_ are None without with_std */
    expect_learned(ctx, "standard_scaler", "{\"columns\": [\"x\"], \"with_mean\": false}",
                   "{\"mean\":{\"x\":3.0},\"var\":{\"x\":4.666666666666667},\"scale\":{\"x\":2.160246899469287},"
                   "\"n_samples_seen\":{\"x\":3}}}");
    expect_learned(ctx, "standard_scaler", "{\"columns\": [\"x\"], \"with_std\": false}",
                   "{\"mean\":{\"x\":3.0},\"var\":null,\"scale\":null,\"n_samples_seen\":{\"x\":3}}}");
    expect_learned(ctx, "standard_scaler", "{\"columns\": [\"x\"], \"with_mean\": false, \"with_std\": false}",
                   "{\"mean\":null,\"var\":null,\"scale\":null,\"n_samples_seen\":{\"x\":3}}}");
    expect_learned(ctx, "standard_scaler", "{\"columns\": [\"none\"]}",
                   "{\"mean\":{\"none\":\"NaN\"},\"var\":{\"none\":\"NaN\"},\"scale\":{\"none\":\"NaN\"},"
                   "\"n_samples_seen\":{\"none\":0}}}");
    tt_context_end(ctx);
}
END_TEST

START_TEST(an_imputer_shows_statistics_in_the_columns_own_type) {
    aip_context *ctx = tt_context(2);
    expect_learned(ctx, "simple_imputer", "{\"strategy\": \"most_frequent\", \"add_indicator\": true}",
                   "{\"statistics\":{\"x\":1.0,\"k\":7,\"t\":\"b\",\"day\":\"1970-01-02\",\"yes\":true,\"none\":null},"
                   "\"indicator_features\":[\"x\",\"t\",\"day\",\"none\"]}}");
    expect_learned(ctx, "simple_imputer", "{\"columns\": [\"x\", \"k\"], \"strategy\": \"median\"}",
                   "{\"statistics\":{\"x\":2.0,\"k\":7.0}}}");
    tt_context_end(ctx);
}
END_TEST

START_TEST(an_encoder_shows_its_categories_and_what_is_dropped) {
    aip_context *ctx = tt_context(2);
    expect_learned(ctx, "one_hot_encoder", "{\"columns\": [\"t\", \"k\", \"yes\", \"x\", \"day\"], \"drop\": \"if_binary\"}",
                   "{\"categories\":{\"t\":[\"a \\\"q\\\"\",\"b\",null],\"k\":[7],\"yes\":[false,true],\"x\":[1.0,2.0,6.0,null],"
                   "\"day\":[\"1970-01-01\",\"1970-01-02\",null]},"
                   "\"drop_idx\":{\"t\":null,\"k\":null,\"yes\":0,\"x\":null,\"day\":null}}}");
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_pipeline_shows_each_of_its_stages) {
    aip_context *ctx = tt_context(0);
    aip_stage *two[2] = {fitted(ctx, "standard_scaler", "{\"columns\": [\"k\"]}"), tt_stage(ctx, "drop", "\"x\"")}, *both = NULL;
    OK(aip_stage_pipeline(ctx, two, 2, &both, &err));
    expect(
        both,
        "{\"name\":\"pipeline\",\"params\":{},\"rows\":\"same\",\"fitted\":true,\"learned\":null,\"stages\":["
        "{\"name\":\"standard_scaler\",\"params\":{\"columns\":[\"k\"],\"with_mean\":true,\"with_std\":true},\"rows\":\"same\","
        "\"fitted\":true,\"learned\":{\"mean\":{\"k\":7.0},\"var\":{\"k\":0.0},\"scale\":{\"k\":1.0},"
        "\"n_samples_seen\":{\"k\":4}}},"
        "{\"name\":\"drop\",\"params\":{\"columns\":\"x\"},\"rows\":\"same\",\"fitted\":true,\"learned\":null}]}");
    aip_stage_retain(both); /* one more free is due */
    aip_stage_free(both);
    ck_assert_int_eq(aip_stage_is_fitted(both), 1);
    aip_stage_free(both);
    aip_stage_free(two[0]);
    aip_stage_free(two[1]);
    aip_stage_retain(NULL);
    FAILS(aip_stage_describe(NULL, NULL, &err), AIP_E_MISUSE, "expected a stage and json");
    tt_context_end(ctx);
}
END_TEST

/* ---- a host's kind of stage ------------------------------------------------------------------------------------------------------ */

static const char *said; /* what the host's describe writes */

static size_t no_bytes(const void *fold) { return (void)fold, (size_t)1; }
static int32_t make(const void *fold, void **state, aip_error **err) { return (void)fold, (void)err, *state = &said, AIP_OK; }
static int32_t update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    return (void)fold, (void)state, (void)batch, (void)err, AIP_OK;
}
static int32_t merge(const void *fold, void *into, const void *from, aip_error **err) {
    return (void)fold, (void)into, (void)from, (void)err, AIP_OK;
}
static void drop_state(const void *fold, void *state) { (void)fold, (void)state; }
static int32_t fold_create(const void *self, const aip_schema *schema, void **fold, aip_error **err) {
    return (void)self, (void)schema, (void)err, *fold = &said, AIP_OK;
}
static void drop_it(void *it) { (void)it; }
static int32_t finish(const void *self, const void *fold, void *state, void **learned, aip_error **err) {
    return (void)self, (void)fold, (void)state, (void)err, *learned = &said, AIP_OK;
}
static int32_t bind(const void *self, const void *learned, const aip_schema *in, void **bound, aip_schema **out,
                    aip_error **err) {
    (void)self, (void)learned, (void)bound, (void)err;
    *out = (aip_schema *)(uintptr_t)in;
    aip_schema_retain(*out);
    return AIP_OK;
}
static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound, (void)err;
    *out = (aip_batch *)(uintptr_t)in;
    aip_batch_retain(*out);
    return AIP_OK;
}
static int32_t say(const void *self, const void *learned, aip_writer *json, aip_error **err) {
    (void)self, (void)learned;
    if (!said) return 77;
    return aip_writer_bytes(json, said, strlen(said), err);
}

static const aip_fold_ops fold_ops = {.struct_size = sizeof fold_ops,
                                      .state_bytes = no_bytes,
                                      .init = make,
                                      .update = update,
                                      .merge = merge,
                                      .destroy = drop_state};
#define HOST_OPS(SIZE)                                                                                           \
    {                                                                                                            \
        .struct_size = (uint32_t)(SIZE), .fold = &fold_ops, .fold_create = fold_create, .fold_destroy = drop_it, \
        .fold_finish = finish, .fitted_destroy = drop_it, .bind = bind, .apply = apply, .describe = say          \
    }
static const aip_stage_ops now = HOST_OPS(sizeof(aip_stage_ops)), first = HOST_OPS(offsetof(aip_stage_ops, describe)),
                           shorter = HOST_OPS(offsetof(aip_stage_ops, describe) - 8);

static void add_kind(aip_context *ctx, const char *name, const aip_stage_ops *ops) {
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = name;
    d.doc = "a host's";
    d.ops = ops;
    OK(aip_catalog_register(ctx, &d, &err));
}

START_TEST(a_hosts_table_says_what_it_learned_and_one_of_0_1_0_is_not_asked) {
    aip_context *ctx = tt_context(0);
    add_kind(ctx, "now", &now);
    add_kind(ctx, "first", &first);
    add_kind(ctx, "shorter", &shorter);
    char *json = NULL;
    said = "{\"seen\": \"NaN\"}";
    expect_learned(ctx, "now", NULL, "{\"seen\": \"NaN\"}}");
    expect_learned(ctx, "first", NULL, "null}");
    FAILS(aip_stage_create(ctx, "shorter", NULL, NULL, 0, &(aip_stage *){NULL}, &err), AIP_E_MISUSE, "struct_size");
    aip_stage *s = fitted(ctx, "now", NULL);
    static const char *const bad[] = {"", "[1]", "{\"a\":NaN}", "{} {}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        said = bad[i];
        FAILS(aip_stage_describe(s, &json, &err), AIP_E_MISUSE, "stage 'now': describe wrote text that is not a JSON object");
    }
    said = NULL;
    FAILS(aip_stage_describe(s, &json, &err), 77, "describe failed with status 77");
    aip_stage_free(s);
    tt_context_end(ctx);
}
END_TEST

Suite *describe_suite(void) {
    const TTest *const tests[] = {an_unfitted_stage_has_its_parameters_and_nothing_learned,
                                  a_scaler_shows_what_scikit_learns_attributes_hold,
                                  an_imputer_shows_statistics_in_the_columns_own_type,
                                  an_encoder_shows_its_categories_and_what_is_dropped,
                                  a_pipeline_shows_each_of_its_stages,
                                  a_hosts_table_says_what_it_learned_and_one_of_0_1_0_is_not_asked,
                                  NULL};
    return unit_suite("describe", tests);
}
