/* Parameters against a table: what each type takes, what messages say, and that nothing points into what was given. */
#include "base_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC(type_, name_, default_) \
    .struct_size = sizeof(aip_param_spec), .type = type_, .name = name_, .doc = "", .default_json = default_

static const aip_param_spec table[] = {
    {SPEC(AIP_PARAM_COLUMNS, "columns", "\"numeric\"")},
    {SPEC(AIP_PARAM_CHOICE, "strategy", "\"mean\""), .choices = "mean|median|most_frequent|constant"},
    {SPEC(AIP_PARAM_BOOL, "copy", "true")},
    {SPEC(AIP_PARAM_INT, "max_iter", "100"), .minimum = 1, .maximum = 1000},
    {SPEC(AIP_PARAM_FLOAT, "C", "1"), .minimum = 0, .maximum = INFINITY, .open_interval = 1},
    {SPEC(AIP_PARAM_FLOAT, "fraction", "0.5"), .minimum = 0, .maximum = 1, .open_interval = 2},
    {SPEC(AIP_PARAM_FLOAT, "fill", "null")},
    {SPEC(AIP_PARAM_STRING, "name", "\"x\""), .nullable = 1},
    {SPEC(AIP_PARAM_STRINGS, "missing", "[]")},
    {SPEC(AIP_PARAM_OBJECT, "types", "{}")},
    {SPEC(AIP_PARAM_LIST, "steps", "[]")},
    {SPEC(AIP_PARAM_ANY, "value", "null")},
    {SPEC(AIP_PARAM_DURATION, "timeout", "\"90s\"")}};

static const aip_descriptor imputer = {.struct_size = sizeof(aip_descriptor),
                                       .kind = AIP_KIND_STAGE,
                                       .name = "simple_imputer",
                                       .doc = "",
                                       .params = table,
                                       .n_params = sizeof table / sizeof *table,
                                       .param_stride = sizeof(aip_param_spec),
                                       .version = 1,
                                       .shorthand = "columns"};
static const aip_param_spec required_table[] = {{SPEC(AIP_PARAM_INT, "n", NULL), .minimum = 1, .maximum = INFINITY}};
static const aip_descriptor required = {.struct_size = sizeof(aip_descriptor),
                                        .kind = AIP_KIND_STAGE,
                                        .name = "sample",
                                        .doc = "",
                                        .params = required_table,
                                        .n_params = 1,
                                        .param_stride = sizeof(aip_param_spec)};
static const aip_descriptor none = {.struct_size = sizeof(aip_descriptor),
                                    .kind = AIP_KIND_STAGE,
                                    .name = "pass",
                                    .doc = "",
                                    .param_stride = sizeof(aip_param_spec)};

static const aip_param_spec free_table[] = {{SPEC(AIP_PARAM_BOOL, "keep", "true")}, {SPEC(AIP_PARAM_STRING, "*", "[]")}};
static const aip_descriptor free_names = {.struct_size = sizeof(aip_descriptor),
                                          .kind = AIP_KIND_STAGE,
                                          .name = "derive",
                                          .doc = "",
                                          .params = free_table,
                                          .n_params = 2,
                                          .param_stride = sizeof(aip_param_spec)};

static aip_context *ctx;
static void setup(void) { ctx = fixture_context(NULL); }
static void teardown(void) {
    aip__catalog_free(ctx, ctx->catalog);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}

static aip_params *accepted(const aip_descriptor *d, const char *json) {
    aip_params *p = NULL;
    aip_error *err = NULL;
    int32_t status = aip__params_parse(ctx, d, json, &p, &err);
    ck_assert_msg(status == AIP_OK, "%s: %s", json ? json : "nothing", aip_error_text(err));
    return p;
}

static void assert_value(const char *json, const char *name, const char *expected) {
    aip_params *p = accepted(&imputer, json);
    ck_assert_str_eq(aip_params_json(p, name), expected);
    aip__params_free(p);
}

static void assert_refused(const aip_descriptor *d, const char *json, const char *parameter, const char *message) {
    aip_params *p = NULL;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__params_parse(ctx, d, json, &p, &err), AIP_E_PARAM);
    ck_assert_ptr_null(p);
    ck_assert_str_eq(aip_error_message(err), message);
    if (parameter)
        ck_assert_str_eq(aip_error_parameter(err), parameter);
    else
        ck_assert_ptr_null(aip_error_parameter(err));
    aip_error_free(err);
}

START_TEST(defaults_fill_what_is_not_given) {
    aip_params *p = accepted(&imputer, NULL);
    ck_assert_str_eq(
        aip__params_canonical(p),
        "{\"C\":1,\"columns\":\"numeric\",\"copy\":true,\"fill\":null,\"fraction\":0.5,\"max_iter\":100,"
        "\"missing\":[],\"name\":\"x\",\"steps\":[],\"strategy\":\"mean\",\"timeout\":90,\"types\":{},\"value\":null}");
    ck_assert_int_eq(aip_params_given(p, "C"), 0);
    ck_assert_int_eq(aip_params_is_null(p, "fill"), 1);
    ck_assert_int_eq(aip_params_is_null(p, "C"), 0);
    aip__params_free(p);
    p = accepted(&imputer, "null");
    ck_assert_int_eq(aip_params_given(p, "columns"), 0);
    aip__params_free(p);
    aip__params_free(NULL);
}
END_TEST

START_TEST(getters_give_the_values) {
    aip_params *p = accepted(&imputer, "{\"copy\":false,\"max_iter\":7,\"C\":2,\"name\":\"n\",\"missing\":[\"NA\",\"-\"],"
                                       "\"timeout\":\"1.5h\",\"columns\":[\"a\",\"b\"]}");
    ck_assert_int_eq(aip_params_bool(p, "copy"), 0);
    ck_assert_int_eq(aip_params_int(p, "max_iter"), 7);
    ck_assert_double_eq(aip_params_float(p, "C"), 2);
    ck_assert_double_eq(aip_params_float(p, "timeout"), 5400);
    ck_assert_str_eq(aip_params_string(p, "name"), "n");
    ck_assert_int_eq(aip_params_n_strings(p, "missing"), 2);
    ck_assert_str_eq(aip_params_string_at(p, "missing", 1), "-");
    ck_assert_ptr_null(aip_params_string_at(p, "missing", 2));
    ck_assert_ptr_null(aip_params_string_at(p, "missing", -1));
    ck_assert_int_eq(aip_params_n_strings(p, "columns"), 2);
    ck_assert_int_eq(aip_params_given(p, "C"), 1);
    ck_assert_int_eq(aip_params_is_null(p, "nobody"), 1);
    ck_assert_ptr_null(aip_params_json(p, "nobody"));
    ck_assert_ptr_null(aip_params_string(p, "C"));
    aip__params_free(p);
}
END_TEST

START_TEST(a_value_is_turned_into_its_parameters_kind) {
    assert_value("{\"max_iter\":1e2}", "max_iter", "100");
    assert_value("{\"C\":3}", "C", "3");
    assert_value("{\"fill\":\"NaN\"}", "fill", "\"NaN\"");
    assert_value("{\"fill\":\"-Infinity\"}", "fill", "\"-Infinity\"");
    assert_value("{\"missing\":\"NA\"}", "missing", "[\"NA\"]");
    assert_value("{\"name\":null}", "name", "null");
    assert_value("{\"timeout\":\"90s\"}", "timeout", "90");
    assert_value("{\"timeout\":\"5m\"}", "timeout", "300");
    assert_value("{\"timeout\":\"2h\"}", "timeout", "7200");
    assert_value("{\"timeout\":\"1d\"}", "timeout", "86400");
    assert_value("{\"timeout\":0.25}", "timeout", "0.25");
    assert_value("{\"types\":{\"b\":1,\"a\":[2]}}", "types", "{\"a\":[2],\"b\":1}");
    assert_value("{\"value\":[null,1.5]}", "value", "[null,1.5]");
}
END_TEST

START_TEST(the_same_parameters_give_the_same_canonical_text) {
    aip_params *a = accepted(&imputer, "{\"C\":2,\"max_iter\":50}"), *b = accepted(&imputer, "{\"max_iter\":50.0,\"C\":2.0}");
    ck_assert_str_eq(aip__params_canonical(a), aip__params_canonical(b));
    aip__params_free(a);
    aip__params_free(b);
}
END_TEST

START_TEST(shorthand_takes_a_scalar_or_a_list) {
    aip_params *p = accepted(&imputer, "[\"a\",\"b\"]");
    ck_assert_str_eq(aip_params_json(p, "columns"), "[\"a\",\"b\"]");
    ck_assert_int_eq(aip_params_given(p, "columns"), 1);
    aip__params_free(p);
    p = accepted(&imputer, "\"x_*\"");
    ck_assert_str_eq(aip_params_string(p, "columns"), "x_*");
    ck_assert_int_eq(aip_params_n_strings(p, "columns"), 1);
    ck_assert_str_eq(aip_params_string_at(p, "columns", 0), "x_*");
    aip__params_free(p);
    assert_refused(&required, "[1]", NULL, "sample: expected a map of parameters, found a list");
}
END_TEST

START_TEST(unknown_parameters_name_the_nearest) {
    assert_refused(&imputer, "{\"stratgey\":\"mean\"}", "stratgey",
                   "simple_imputer: unknown parameter 'stratgey'; did you mean 'strategy'?");
    assert_refused(&imputer, "{\"Max-Iter\":1}", "Max-Iter",
                   "simple_imputer: unknown parameter 'Max-Iter'; did you mean 'max_iter'?");
    assert_refused(&required, "{\"whatever\":1}", "whatever", "sample: unknown parameter 'whatever'; expected one of n");
    assert_refused(&none, "{\"a\":1}", "a", "pass: unknown parameter 'a'; it takes none");
}
END_TEST

START_TEST(a_value_that_does_not_fit_says_what_was_expected_and_found) {
    assert_refused(&imputer, "{\"strategy\":\"medain\"}", "strategy",
                   "simple_imputer: strategy is 'medain': expected one of mean, median, most_frequent, constant");
    assert_refused(&imputer, "{\"strategy\":\"mea\"}", "strategy",
                   "simple_imputer: strategy is 'mea': expected one of mean, median, most_frequent, constant");
    assert_refused(&imputer, "{\"max_iter\":\"many\"}", "max_iter",
                   "simple_imputer: max_iter is 'many': expected an integer in [1, 1000]");
    assert_refused(&imputer, "{\"max_iter\":2.5}", "max_iter",
                   "simple_imputer: max_iter is 2.5: expected an integer in [1, 1000]");
    assert_refused(&imputer, "{\"max_iter\":0}", "max_iter", "simple_imputer: max_iter is 0: expected an integer in [1, 1000]");
    assert_refused(&imputer, "{\"max_iter\":1e30}", "max_iter",
                   "simple_imputer: max_iter is 1e+30: expected an integer in [1, 1000]");
    assert_refused(&imputer, "{\"C\":0}", "C", "simple_imputer: C is 0: expected a number above 0");
    assert_refused(&imputer, "{\"C\":\"NaN\"}", "C", "simple_imputer: C is 'NaN': expected a number above 0");
    assert_refused(&imputer, "{\"fraction\":1}", "fraction", "simple_imputer: fraction is 1: expected a number in [0, 1)");
    assert_refused(&imputer, "{\"copy\":1}", "copy", "simple_imputer: copy is 1: expected true or false");
    assert_refused(&imputer, "{\"copy\":null}", "copy", "simple_imputer: copy is null: expected true or false");
    assert_refused(&imputer, "{\"name\":[]}", "name", "simple_imputer: name is a list: expected a string or null");
    assert_refused(&imputer, "{\"name\":\"a\\u0000b\"}", "name",
                   "simple_imputer: name is 'a b': expected a string without NUL characters");
    assert_refused(&imputer, "{\"strategy\":\"mean\\u0000\"}", "strategy",
                   "simple_imputer: strategy is 'mean ': expected a string without NUL characters");
    assert_refused(&imputer, "{\"missing\":[\"a\\u0000\"]}", "missing",
                   "simple_imputer: missing[0] is 'a ': expected a string without NUL characters");
    assert_refused(&imputer, "{\"types\":[]}", "types", "simple_imputer: types is a list: expected a map");
    assert_refused(&imputer, "{\"steps\":{}}", "steps", "simple_imputer: steps is a map: expected a list");
    assert_refused(&imputer, "{\"missing\":[\"NA\",-999]}", "missing", "simple_imputer: missing[1] is -999: expected a string");
    assert_refused(&imputer, "{\"timeout\":\"5 minutes\"}", "timeout",
                   "simple_imputer: timeout is '5 minutes': expected a duration (seconds, or a text such as 90s, 5m, 2h, 1d)");
    assert_refused(&imputer, "{\"timeout\":-1}", "timeout",
                   "simple_imputer: timeout is -1: expected a duration (seconds, or a text such as 90s, 5m, 2h, 1d)");
    assert_refused(&required, "{}", "n", "sample: parameter 'n' is missing: expected an integer of at least 1");
}
END_TEST

START_TEST(durations_that_are_none_are_refused) {
    static const char *const cases[] = {"\"\"",    "\"s\"",      "\"5\"",  "\"5x\"",   "\"-5s\"",
                                        "\"5ss\"", "\"1.2.3s\"", "\".s\"", "\"infs\"", "true"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[64];
        aip_params *p = NULL;
        snprintf(json, sizeof json, "{\"timeout\":%s}", cases[i]);
        ck_assert_msg(aip__params_parse(ctx, &imputer, json, &p, NULL) == AIP_E_PARAM, "%s", json);
    }
}
END_TEST

START_TEST(errors_and_values_know_their_place_in_the_file) {
    static const char text[] = "strategy: median\nmissing:\n  - NA\n  - -999\n", good[] = "\nC:  2\n";
    aip__document *d = NULL;
    aip_params *p = NULL;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__yaml_parse(ctx, text, strlen(text), "dag.yaml", &d, NULL), AIP_OK);
    ck_assert_int_eq(aip__params_create(ctx, &imputer, aip__document_root(d), "dag.yaml", &p, &err), AIP_E_PARAM);
    ck_assert_str_eq(aip_error_text(err), "dag.yaml:4:5: simple_imputer: missing[1] is -999: expected a string");
    aip_error_free(err);
    aip__document_free(d);
    ck_assert_int_eq(aip__yaml_parse(ctx, good, strlen(good), "dag.yaml", &d, NULL), AIP_OK);
    ck_assert_int_eq(aip__params_create(ctx, &imputer, aip__document_root(d), "dag.yaml", &p, NULL), AIP_OK);
    int32_t column = 0;
    ck_assert_int_eq(aip__params_line(p, "C", &column), 2);
    ck_assert_int_eq(column, 5);
    ck_assert_int_eq(aip__params_line(p, "copy", &column), 0);
    aip__document_free(d);
    aip__params_free(p);
}
END_TEST

START_TEST(nothing_points_into_what_was_given) {
    char *text = strdup("{\"columns\":[\"first\",\"second\"],\"types\":{\"k\":[\"deep\"]}}");
    aip__document *d = NULL;
    aip_params *p = NULL;
    ck_assert_int_eq(aip__json_parse(ctx, text, strlen(text), NULL, &d, NULL), AIP_OK);
    ck_assert_int_eq(aip__params_create(ctx, &imputer, aip__document_root(d), NULL, &p, NULL), AIP_OK);
    aip__document_free(d);
    memset(text, 'x', strlen(text));
    free(text);
    ck_assert_str_eq(aip_params_string_at(p, "columns", 1), "second");
    ck_assert_str_eq(aip__node_get(aip__params_node(p, "types"), "k")->items[0]->string, "deep");
    ck_assert_str_eq(aip_params_json(p, "types"), "{\"k\":[\"deep\"]}");
    aip__params_free(p);
}
END_TEST

START_TEST(parameters_that_do_not_parse_say_whose_they_are_and_where) {
    aip_params *p = NULL;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__params_parse(ctx, &imputer, "{\"C\": }", &p, &err), AIP_E_SYNTAX);
    ck_assert_ptr_nonnull(strstr(aip_error_message(err), "simple_imputer: the parameters are not valid JSON"));
    ck_assert_int_eq(aip_error_line(err), 1);
    ck_assert_int_eq(aip_error_column(err), 7);
    ck_assert_int_eq(aip_error_offset(err), 6);
    aip_error_free(err);
}
END_TEST

static int32_t make_params(aip_context *c, aip_error **err) {
    aip_params *p = NULL;
    AIP__TRY(aip__params_parse(c, &imputer, "{\"missing\":\"NA\",\"C\":2,\"types\":{\"a\":1}}", &p, err));
    aip__params_free(p);
    return AIP_OK;
}

/* Succeeds when the parameter is refused as it should be. */
static int32_t refuse_params(aip_context *c, aip_error **err) {
    aip_params *p = NULL;
    int32_t status = aip__params_parse(c, &imputer, "{\"stratgey\":1}", &p, err);
    if (status != AIP_E_PARAM) return status;
    aip_error_free(*err);
    *err = NULL;
    return AIP_OK;
}

static int32_t make_free_params(aip_context *c, aip_error **err) {
    aip_params *p = NULL;
    int32_t status = aip__params_parse(c, &free_names, "{\"z\": \"1\", \"a\": \"2\"}", &p, err);
    aip__params_free(p);
    return status;
}

START_TEST(free_names_keep_their_order_also_through_the_canonical_text) {
    const char *pairs = "[[\"late\",\"x > 15\"],[\"age\",\"year - built\"]]";
    aip_params *p = accepted(&free_names, "{\"late\": \"x > 15\", \"age\": \"year - built\"}"), *again = NULL;
    ck_assert_str_eq(aip_params_json(p, "*"), pairs);
    ck_assert_int_eq(aip_params_given(p, "*"), 1);
    again = accepted(&free_names, aip__params_canonical(p));
    ck_assert_str_eq(aip_params_json(again, "*"), pairs);
    ck_assert_str_eq(aip__params_canonical(again), aip__params_canonical(p));
    aip__params_free(p);
    aip__params_free(again);
}
END_TEST

START_TEST(free_names_leave_named_entries_alone) {
    aip_params *p = accepted(&free_names, "{\"keep\": false, \"x\": \"1\"}"), *empty = accepted(&free_names, NULL);
    ck_assert_int_eq(aip_params_bool(p, "keep"), 0);
    ck_assert_str_eq(aip_params_json(p, "*"), "[[\"x\",\"1\"]]");
    ck_assert_str_eq(aip_params_json(empty, "*"), "[]");
    ck_assert_int_eq(aip_params_given(empty, "*"), 0);
    aip__params_free(p);
    aip__params_free(empty);
}
END_TEST

START_TEST(a_free_name_whose_value_does_not_fit_is_named) {
    assert_refused(&free_names, "{\"late\": 3}", "late", "derive: late is 3: expected a string");
    assert_refused(&free_names, "{\"*\": 3}", "*", "derive: expected '*' to be a list of [name, value]");
    assert_refused(&free_names, "{\"*\": [[\"a\"]]}", "*", "derive: expected '*' to be a list of [name, value]");
}
END_TEST

START_TEST(a_refused_allocation_leaks_nothing) {
    ck_assert_int_gt(fixture_fail_each_allocation(make_free_params), 10);
    ck_assert_int_gt(fixture_fail_each_allocation(make_params), 10);
    ck_assert_int_gt(fixture_fail_each_allocation(refuse_params), 3);
}
END_TEST

START_TEST(a_choice_named_null_may_be_given_as_null_itself) {
    static const aip_param_spec specs[] = {{SPEC(AIP_PARAM_CHOICE, "on_bad_row", "\"error\""), .choices = "error|null|reject"}};
    static const aip_descriptor d = {.struct_size = sizeof(aip_descriptor),
                                     .kind = AIP_KIND_OPERATOR,
                                     .name = "read",
                                     .doc = "",
                                     .params = specs,
                                     .n_params = 1,
                                     .param_stride = sizeof(aip_param_spec)};
    static const char *const given[] = {"{\"on_bad_row\":null}", "{\"on_bad_row\":\"null\"}"};
    for (int i = 0; i < 2; i++) {
        aip_params *p = accepted(&d, given[i]);
        ck_assert_str_eq(aip__params_canonical(p), "{\"on_bad_row\":\"null\"}");
        ck_assert_str_eq(aip_params_string(p, "on_bad_row"), "null");
        aip__params_free(p);
    }
    assert_refused(&imputer, "{\"strategy\":null}", "strategy",
                   "simple_imputer: strategy is null: expected one of mean, median, most_frequent, constant");
}
END_TEST

Suite *base_params_suite(void);
Suite *base_params_suite(void) {
    const TTest *const tests[] = {defaults_fill_what_is_not_given,
                                  getters_give_the_values,
                                  a_value_is_turned_into_its_parameters_kind,
                                  the_same_parameters_give_the_same_canonical_text,
                                  shorthand_takes_a_scalar_or_a_list,
                                  unknown_parameters_name_the_nearest,
                                  a_value_that_does_not_fit_says_what_was_expected_and_found,
                                  durations_that_are_none_are_refused,
                                  errors_and_values_know_their_place_in_the_file,
                                  nothing_points_into_what_was_given,
                                  parameters_that_do_not_parse_say_whose_they_are_and_where,
                                  free_names_keep_their_order_also_through_the_canonical_text,
                                  free_names_leave_named_entries_alone,
                                  a_free_name_whose_value_does_not_fit_is_named,
                                  a_choice_named_null_may_be_given_as_null_itself,
                                  a_refused_allocation_leaks_nothing,
                                  NULL};
    Suite *suite = suite_create("params");
    TCase *tc = tcase_create("params");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (const TTest *const *test = tests; *test; test++) tcase_add_test(tc, *test);
    suite_add_tcase(suite, tc);
    return suite;
}
