/* The catalogue: registering, finding, describing itself, and the nearest name. */
#include "base_fixture.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int destroyed;
static void count_destroy(void *user) { destroyed += *(int *)user; }

static const aip_param_spec scaler_params[] = {{.struct_size = sizeof(aip_param_spec),
                                                .type = AIP_PARAM_FLOAT,
                                                .name = "scale",
                                                .doc = "Factor.",
                                                .default_json = "1",
                                                .minimum = 0,
                                                .maximum = INFINITY,
                                                .open_interval = 1},
                                               {.struct_size = sizeof(aip_param_spec),
                                                .type = AIP_PARAM_CHOICE,
                                                .name = "how",
                                                .doc = "Way.",
                                                .choices = "a|b",
                                                .nullable = 1}};

static aip_descriptor named(int32_t kind, const char *name) {
    return (aip_descriptor){.struct_size = sizeof(aip_descriptor),
                            .kind = kind,
                            .name = name,
                            .doc = "Doc.",
                            .param_stride = sizeof(aip_param_spec),
                            .version = 1};
}

static aip_context *ctx;
static void setup(void) { ctx = fixture_context(NULL); }
static void teardown(void) {
    aip__catalog_free(ctx, ctx->catalog);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}

static void add(int32_t kind, const char *name) {
    aip_descriptor d = named(kind, name);
    ck_assert_int_eq(aip_catalog_register(ctx, &d, NULL), AIP_OK);
}

/* And frees it. */
static void assert_message(aip_error **err, const char *message) {
    ck_assert_str_eq(aip_error_message(*err), message);
    aip_error_free(*err);
    *err = NULL;
}

START_TEST(entries_are_found_by_kind_and_name_and_listed_in_that_order) {
    static const char *const order[] = {"a", "z", "csv", "a"};
    add(AIP_KIND_FORMAT, "csv");
    add(AIP_KIND_STAGE, "z");
    add(AIP_KIND_OPERATOR, "a");
    add(AIP_KIND_STAGE, "a");
    for (int32_t i = 0; i < 4; i++) ck_assert_str_eq(aip__catalog_at(ctx, i)->name, order[i]);
    ck_assert_ptr_null(aip__catalog_at(ctx, 4));
    ck_assert_ptr_null(aip__catalog_at(ctx, -1));
    const aip_descriptor *d = NULL;
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_OPERATOR, "a", &d, NULL), AIP_OK);
    ck_assert_int_eq(d->kind, AIP_KIND_OPERATOR);
}
END_TEST

START_TEST(a_found_descriptor_stays_where_it_is_while_others_register) {
    const aip_descriptor *before = NULL, *after = NULL;
    add(AIP_KIND_STAGE, "m");
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "m", &before, NULL), AIP_OK);
    for (int i = 0; i < 100; i++) {
        char *name = aip__alloc(ctx, 8);
        snprintf(name, 8, "s%d", i);
        add(AIP_KIND_STAGE, name); /* the name is borrowed: kept until the catalogue goes */
    }
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "m", &after, NULL), AIP_OK);
    ck_assert_ptr_eq(before, after);
    for (int32_t i = 0; aip__catalog_at(ctx, i); i++)
        if (aip__catalog_at(ctx, i)->name[0] == 's') aip__free(ctx, (char *)(uintptr_t)aip__catalog_at(ctx, i)->name);
}
END_TEST

START_TEST(a_name_not_found_names_the_nearest) {
    const aip_descriptor *d = NULL;
    aip_error *err = NULL;
    add(AIP_KIND_STAGE, "standard_scaler");
    add(AIP_KIND_MODEL, "logistic_regression");
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "standrd_scaler", &d, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no stage 'standrd_scaler'; did you mean 'standard_scaler'?");
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "logistic_regression", &d, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no stage 'logistic_regression'; only the model of that name is known");
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "join", &d, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no stage 'join'; expected standard_scaler");
    ck_assert_ptr_null(d);
}
END_TEST

START_TEST(a_name_without_a_near_one_lists_what_there_is_while_the_list_is_short) {
    static const char *const names[] = {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1", "b2", "b3", "b4"};
    const aip_descriptor *d = NULL;
    aip_error *err = NULL;
    for (int i = 0; i < 12; i++) add(AIP_KIND_METRIC, names[i]);
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_METRIC, "wxyz", &d, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no metric 'wxyz'; expected a1, a2, a3, a4, a5, a6, a7, a8, a9, b1, b2 or b3");
    add(AIP_KIND_METRIC, names[12]);
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_METRIC, "wxyz", &d, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no metric 'wxyz'");
}
END_TEST

START_TEST(a_taken_name_is_refused_and_its_destroy_not_called) {
    int one = 1;
    aip_error *err = NULL;
    aip_descriptor d = named(AIP_KIND_STAGE, "x");
    destroyed = 0;
    d.destroy = count_destroy;
    d.user = &one;
    ck_assert_int_eq(aip_catalog_register(ctx, &d, &err), AIP_OK);
    ck_assert_int_eq(aip_catalog_register(ctx, &d, &err), AIP_E_PARAM);
    assert_message(&err, "the stage 'x' is already registered");
    ck_assert_int_eq(destroyed, 0);
    aip__catalog_free(ctx, ctx->catalog);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(aip__catalog_create(ctx, &ctx->catalog, NULL), AIP_OK);
}
END_TEST

static void assert_misuse(const aip_descriptor *d, const char *message) {
    aip_error *err = NULL;
    ck_assert_int_eq(aip_catalog_register(ctx, d, &err), AIP_E_MISUSE);
    assert_message(&err, message);
}

START_TEST(a_bad_descriptor_is_misuse) {
    aip_param_spec p = {.struct_size = sizeof p, .type = AIP_PARAM_INT, .name = "n", .doc = "", .default_json = "1"};
    aip_param_spec two[] = {p, p};
    aip_descriptor d = named(AIP_KIND_STAGE, "Bad-Name");
    ck_assert_int_eq(aip_catalog_register(NULL, &d, NULL), AIP_E_MISUSE);
    ck_assert_int_eq(aip_catalog_register(ctx, NULL, NULL), AIP_E_MISUSE);
    assert_misuse(&d, "a descriptor's name is 'Bad-Name': expected snake_case");
    d = named(9, "x");
    assert_misuse(&d, "x: kind is 9: expected an AIP_KIND value");
    d = named(AIP_KIND_STAGE, "x");
    d.shorthand = "nobody";
    assert_misuse(&d, "x: shorthand is 'nobody': expected a parameter's name");
    d = named(AIP_KIND_STAGE, "x");
    d.params = two;
    d.n_params = 2;
    assert_misuse(&d, "x: parameter 'n': two parameters have this name");
    d.params = &p;
    d.n_params = 1;
    p.minimum = 5;
    p.maximum = 9;
    assert_misuse(&d, "x: the default of parameter 'n' does not fit: x: n is 1: expected an integer in [5, 9]");
    p.maximum = 0;
    assert_misuse(&d, "x: parameter 'n': maximum is less than minimum; INFINITY stands for no bound");
    p.maximum = p.minimum = 0;
    p.default_json = "{";
    aip_error *err = NULL;
    ck_assert_int_eq(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE);
    aip_error_free(err);
    p.default_json = "1";
    p.type = 99;
    assert_misuse(&d, "x: parameter 'n': type is not an AIP_PARAM value");
    p.type = AIP_PARAM_CHOICE;
    assert_misuse(&d, "x: parameter 'n': a choice has no choices");
    d.n_params = -1;
    assert_misuse(&d, "x: params, n_params and param_stride do not fit each other");
    ck_assert_ptr_null(aip__catalog_at(ctx, 0));
}
END_TEST

START_TEST(tables_of_a_later_version_are_read_by_their_stride) {
    struct {
        aip_param_spec spec;
        uint64_t later;
    } table[2] = {{.spec = scaler_params[0]}, {.spec = scaler_params[1]}};
    aip_descriptor d = named(AIP_KIND_STAGE, "x");
    const aip_descriptor *found = NULL;
    table[0].spec.struct_size = table[1].spec.struct_size = sizeof table[0];
    d.params = &table[0].spec;
    d.param_stride = sizeof table[0];
    d.n_params = 2;
    ck_assert_int_eq(aip_catalog_register(ctx, &d, NULL), AIP_OK);
    ck_assert_int_eq(aip__catalog_find(ctx, AIP_KIND_STAGE, "x", &found, NULL), AIP_OK);
    ck_assert_uint_eq(found->param_stride, sizeof(aip_param_spec));
    ck_assert_str_eq(found->params[1].name, "how");
}
END_TEST

START_TEST(the_catalogue_describes_itself) {
    aip_descriptor d = named(AIP_KIND_STAGE, "scaler");
    char *json = NULL;
    aip_error *err = NULL;
    d.params = scaler_params;
    d.n_params = 2;
    d.inputs = "left|right";
    d.shorthand = "scale";
    d.rows = AIP_ROWS_FEWER;
    ck_assert_int_eq(aip_catalog_json(ctx, NULL, &json, NULL), AIP_OK);
    ck_assert_str_eq(json, "[]");
    aip_text_free(ctx, json);
    ck_assert_int_eq(aip_catalog_register(ctx, &d, NULL), AIP_OK);
    add(AIP_KIND_FORMAT, "csv");
    add(AIP_KIND_METRIC, "csv");
    ck_assert_int_eq(aip_catalog_json(ctx, "scaler", &json, NULL), AIP_OK);
    ck_assert_str_eq(
        json,
        "{\"kind\":\"stage\",\"name\":\"scaler\",\"doc\":\"Doc.\",\"version\":1,\"rows\":\"fewer\",\"inputs\":[\"left\",\"right\"],"
        "\"shorthand\":\"scale\",\"params\":[{\"name\":\"scale\",\"type\":\"float\",\"doc\":\"Factor.\",\"default\":1,"
        "\"minimum\":0,\"minimum_excluded\":true},{\"name\":\"how\",\"type\":\"choice\",\"doc\":\"Way.\",\"required\":true,"
        "\"choices\":[\"a\",\"b\"],\"nullable\":true}]}");
    aip_text_free(ctx, json);
    ck_assert_int_eq(aip_catalog_json(ctx, "format.csv", &json, NULL), AIP_OK);
    ck_assert_str_eq(json, "{\"kind\":\"format\",\"name\":\"csv\",\"doc\":\"Doc.\",\"version\":1,\"params\":[]}");
    aip_text_free(ctx, json);
    ck_assert_int_eq(aip_catalog_json(ctx, NULL, &json, NULL), AIP_OK);
    char *canonical = fixture_canonical(ctx, true, json);
    ck_assert_ptr_nonnull(strstr(canonical, "\"name\":\"scaler\""));
    free(canonical);
    aip_text_free(ctx, json);
    ck_assert_int_eq(aip_catalog_json(ctx, "scalr", &json, &err), AIP_E_NOT_FOUND);
    assert_message(&err, "no catalogue entry 'scalr'; did you mean 'scaler'?");
}
END_TEST

START_TEST(nearest_is_the_least_edited_name_within_a_third) {
    static const char *const names[] = {"mean", "median", "most_frequent", "with_mean", "with_std", "n"};
    static const struct {
        const char *given, *nearest;
    } cases[] = {{"medain", "median"},
                 {"maen", "mean"},
                 {"wiht_mean", "with_mean"},
                 {"WITH-STD", "with_std"},
                 {"x", NULL},
                 {"completely", NULL},
                 {"", NULL},
                 {"mostfrequent", "most_frequent"},
                 {"N", "n"},
                 {"with_mea", "with_mean"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = aip__nearest(cases[i].given, names, 6);
        if (cases[i].nearest)
            ck_assert_pstr_eq(near, cases[i].nearest);
        else
            ck_assert_ptr_null(near);
    }
    char longer[100];
    memset(longer, 'a', 99);
    longer[99] = 0;
    ck_assert_ptr_null(aip__nearest(longer, names, 6));
}
END_TEST

static void *register_many(void *arg) {
    const char(*texts)[8] = arg;
    for (int i = 0; i < 50; i++) {
        const aip_descriptor *d = NULL;
        aip_descriptor mine = named(AIP_KIND_STAGE, texts[i]);
        if (aip_catalog_register(ctx, &mine, NULL) != AIP_OK) return arg;
        if (aip__catalog_find(ctx, AIP_KIND_STAGE, texts[i], &d, NULL) != AIP_OK) return arg;
    }
    return NULL;
}

START_TEST(threads_may_register_and_look_up_at_once) {
    static char texts[4][50][8];
    pthread_t threads[4];
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 50; i++) snprintf(texts[k][i], 8, "t%d_%d", k, i);
        ck_assert_int_eq(pthread_create(&threads[k], NULL, register_many, texts[k]), 0);
    }
    for (int k = 0; k < 4; k++) {
        void *failed = NULL;
        pthread_join(threads[k], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_ptr_nonnull(aip__catalog_at(ctx, 199));
    ck_assert_ptr_null(aip__catalog_at(ctx, 200));
}
END_TEST

static int32_t register_and_describe(aip_context *c, aip_error **err) {
    aip_descriptor d = named(AIP_KIND_STAGE, "scaler");
    char *json = NULL;
    d.params = scaler_params;
    d.n_params = 2;
    AIP__TRY(aip_catalog_register(c, &d, err));
    AIP__TRY(aip_catalog_json(c, NULL, &json, err));
    aip_text_free(c, json);
    return AIP_OK;
}

START_TEST(a_refused_allocation_leaks_nothing) { ck_assert_int_gt(fixture_fail_each_allocation(register_and_describe), 5); }
END_TEST

Suite *base_catalog_suite(void);
Suite *base_catalog_suite(void) {
    const TTest *const tests[] = {entries_are_found_by_kind_and_name_and_listed_in_that_order,
                                  a_found_descriptor_stays_where_it_is_while_others_register,
                                  a_name_not_found_names_the_nearest,
                                  a_name_without_a_near_one_lists_what_there_is_while_the_list_is_short,
                                  a_taken_name_is_refused_and_its_destroy_not_called,
                                  a_bad_descriptor_is_misuse,
                                  tables_of_a_later_version_are_read_by_their_stride,
                                  the_catalogue_describes_itself,
                                  nearest_is_the_least_edited_name_within_a_third,
                                  threads_may_register_and_look_up_at_once,
                                  a_refused_allocation_leaks_nothing,
                                  NULL};
    Suite *suite = suite_create("catalog");
    TCase *tc = tcase_create("catalog");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (const TTest *const *test = tests; *test; test++) tcase_add_test(tc, *test);
    suite_add_tcase(suite, tc);
    return suite;
}
