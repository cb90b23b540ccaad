/* Documents: which texts are accepted and as what, where errors point, and canonical text. What is JSON: RFC 8259; what plain YAML scalars
 * mean: YAML 1.2.2, section 10.3.2. */
#include "base_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static aip_context *ctx;

static void assert_canonical(bool json, const char *text, const char *expected) {
    char *canonical = fixture_canonical(ctx, json, text);
    ck_assert_str_eq(canonical, expected);
    free(canonical);
}

/* Refused, with this place (0: not looked at), and words of the message. */
static void assert_refused(bool json, const char *text, int64_t line, int64_t column, const char *words) {
    aip__document *d = NULL;
    aip_error *err = NULL;
    int32_t status = (json ? aip__json_parse : aip__yaml_parse)(ctx, text, strlen(text), "file", &d, &err);
    ck_assert_msg(status == AIP_E_SYNTAX, "accepted: %s", text);
    ck_assert_ptr_null(d);
    ck_assert_str_eq(aip_error_source(err), "file");
    ck_assert_msg(strstr(aip_error_message(err), words), "%s: %s", text, aip_error_message(err));
    if (line > 0) {
        ck_assert_msg(aip_error_line(err) == line && aip_error_column(err) == column, "%s: %s", text, aip_error_text(err));
    }
    aip_error_free(err);
}

START_TEST(json_values_are_accepted) {
    static const char *const cases[][2] = {{"null", "null"},
                                           {" true\n", "true"},
                                           {"\"\"", "\"\""},
                                           {"-0", "0"},
                                           {"-0.0", "-0.0"},
                                           {"1E+2", "100"},
                                           {"1.50", "1.5"},
                                           {"9223372036854775807", "9223372036854775807"},
                                           {"-9223372036854775808", "-9223372036854775808"},
                                           {"[]", "[]"},
                                           {"[[],{}]", "[[],{}]"},
                                           {"{\"\":0}", "{\"\":0}"},
                                           {"\"\\u0000\"", "\"\\u0000\""},
                                           {"\"\\ud83d\\uDE00\"", "\"\xf0\x9f\x98\x80\""},
                                           {"\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"/\\b\\f\\n\\r\\t\\\"\\\\\""},
                                           {"\"a\\u00e9b\\u20acc\"", "\"a\xc3\xa9"
                                                                     "b\xe2\x82\xac"
                                                                     "c\""},
                                           {"1.000000000000000000000000000000000000000000000000000000000000000000e1", "10"},
                                           {"[\"\xe2\x82\xac\"]", "[\"\xe2\x82\xac\"]"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_canonical(true, cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(what_is_not_json_is_refused) {
    static const char *const cases[] = {"",
                                        " ",
                                        "[1,]",
                                        "[1,,2]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{'a':1}",
                                        "[1",
                                        "{\"a\":}",
                                        "{\"a\" 1}",
                                        "[01]",
                                        "[-]",
                                        "[1.]",
                                        "[.5]",
                                        "[1e]",
                                        "[+1]",
                                        "[0x1]",
                                        "[NaN]",
                                        "[Infinity]",
                                        "[tru]",
                                        "[TRUE]",
                                        "1 2",
                                        "[1]]",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\ud83d\"",
                                        "\"\\ude00\"",
                                        "\"\x01\"",
                                        "\"\t\"",
                                        "\"\xff\"",
                                        "\"\xc0\x80\"",
                                        "\"\xed\xa0\x80\"",
                                        "\"\xf4\x90\x80\x80\"",
                                        "\"\xe0\x9f\xbf\"",
                                        "\"\xe2\x82",
                                        "\"\\ud83d\\u0041\"",
                                        "{\"\\u0000\":1}",
                                        "[-01]",
                                        "[1e+]",
                                        "[truex]",
                                        "[9223372036854775808]",
                                        "[-9223372036854775809]",
                                        "// c\n1",
                                        "{\"a\":1,\"a\":1}",
                                        "[1e999]",
                                        "99999999999999999999",
                                        "\xef\xbb\xbf[]"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(true, cases[i], 0, 0, "not valid JSON");
}
END_TEST

START_TEST(json_errors_point_at_the_token) {
    assert_refused(true, "{\"a\": 1,\n \"b\": tru }", 2, 7, "invalid token");
    assert_refused(true, "{\"a\":1,\"a\":2}", 1, 8, "duplicate");
    assert_refused(true, "[\"\xc3\xa9\", ]", 1, 8, "near ']'");
    assert_refused(true, "[1,\n2", 2, 2, "']' expected");
}
END_TEST

START_TEST(yaml_plain_scalars_follow_the_core_schema) {
    static const char *const cases[][2] = {
        {"[~, null, Null, NULL, nULL]", "[null,null,null,null,\"nULL\"]"},
        {"[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]"},
        {"[yes, no, on, off, y, n, tRUE]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"tRUE\"]"},
        {"[0, -0, +12, 007, 0o17, 0x1fF, 0o8, 0xg, 1_000]", "[0,0,12,7,15,511,\"0o8\",\"0xg\",\"1_000\"]"},
        {"[1.5, .5, 5., 1e3, -1.E-2, +.1e+1, ., e3, 1e]", "[1.5,0.5,5,1000,-0.01,1,\".\",\"e3\",\"1e\"]"},
        {"[.inf, -.Inf, +.INF, .nan, .NaN, .NAN, -.nan]",
         "[\"Infinity\",\"-Infinity\",\"Infinity\",\"NaN\",\"NaN\",\"NaN\",\"-.nan\"]"},
        {"['1', \"true\", !!str 1, ! 2]", "[\"1\",\"true\",\"1\",\"2\"]"},
        {"[!!int '3', !!float 3, !!bool 'true', !!null '']", "[3,3,true,null]"},
        {"[2013-01-01, 12:30:45, 1.2.3]", "[\"2013-01-01\",\"12:30:45\",\"1.2.3\"]"},
        {"[9223372036854775807, -9223372036854775808]", "[9223372036854775807,-9223372036854775808]"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_canonical(false, cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(yaml_structure_is_read) {
    assert_canonical(false, "", "null");
    assert_canonical(false, "# only a comment\n", "null");
    assert_canonical(false, "b: 1\na:\n  - x\n  -\n  - {k: v}\n", "{\"a\":[\"x\",null,{\"k\":\"v\"}],\"b\":1}");
    assert_canonical(false, "t: |\n  two\n  lines\nf: >-\n  a\n  b\n", "{\"f\":\"a b\",\"t\":\"two\\nlines\\n\"}");
    assert_canonical(false, "1: a\ntrue: b\n'': c\n", "{\"\":\"c\",\"1\":\"a\",\"true\":\"b\"}"); /* keys are names */
    assert_canonical(false, "a: &x {k: [1]}\nb: *x\nc: &x 2\nd: *x\n", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":2,\"d\":2}");
    assert_canonical(false,
                     "\xef\xbb\xbf"
                     "a: 1\r\nb: 2\r\n",
                     "{\"a\":1,\"b\":2}");
}
END_TEST

START_TEST(json_text_is_yaml) {
    assert_canonical(false, "{\n\t\"a\":1,\n\t\"b\":[true,null,1.5e3,\"\\/\\u00e9\"]\n}",
                     "{\"a\":1,\"b\":[true,null,1500,\"/\xc3\xa9\"]}");
    assert_canonical(false, "{\"a\":\"\\uD83D\\uDE00\",\"b\":\"\\\\uD83D\\\\uDE00\"}",
                     "{\"a\":\"\xf0\x9f\x98\x80\",\"b\":\"\\\\uD83D\\\\uDE00\"}");
    /* Raw DEL, U+0085, U+2028, U+FFFF: JSON has no quarrel with them. */
    assert_canonical(false, "[\"\x7f \xc2\x85 \xe2\x80\xa8 \xef\xbf\xbf\"]", "[\"\\u007f \xc2\x85 \xe2\x80\xa8 \xef\xbf\xbf\"]");
    assert_refused(false, "{\"a\":\"\\uD83D\"}", 0, 0, "not valid YAML");
    assert_refused(false, "{\"a\\0b\": 1}", 1, 2, "found a NUL character");
}
END_TEST

START_TEST(what_yaml_could_mean_twice_is_refused_with_its_place) {
    assert_refused(false, "a: 1\nb: 2\na: 3\n", 3, 1, "'a' stands twice");
    assert_refused(false, "x: {<<: {a: 1}}\n", 1, 5, "merge keys");
    assert_refused(false, "--- 1\n--- 2\n", 2, 1, "second document");
    assert_refused(false, "a:\n\tb: 1\n", 2, 1, "found a tab");
    assert_refused(false, "a: *b\n", 1, 4, "no anchor before it");
    assert_refused(false, "a: &x [1, *x]\n", 1, 11, "within its own anchor");
    assert_refused(false, "? [a]\n: 1\n", 1, 3, "as key");
    assert_refused(false, "? {a: b}\n: 1\n", 1, 3, "as key");
    assert_refused(false, ": 1\n", 1, 1, "did not find expected key");
    assert_refused(false, "?\n: 1\n", 0, 0, "found nothing before");
    assert_refused(false, "a: !mine 1\n", 1, 4, "tag is not supported");
    assert_refused(false, "a: !!int x\n", 1, 4, "does not fit its tag");
    assert_refused(false, "a: !!set {b}\n", 1, 4, "tag is not supported");
    assert_refused(false, "id: 99999999999999999999\n", 1, 5, "does not fit 64 bits");
    assert_refused(false, "x: 1e999\n", 1, 4, "too large");
    assert_refused(false, "a: [1, 2\nb: 3\n", 2, 2, "that begins on line 1");
    assert_refused(false, "a: \"\xff\"\n", 1, 5, "UTF-8");
    assert_refused(false, "a: b: c\n", 1, 5, "mapping values are not allowed");
}
END_TEST

START_TEST(nodes_know_their_line_and_byte_column) {
    static const char text[] = "# x\n\xc3\xa9: [1, \xe2\x82\xac, 3]\nm:\n  k: v\r\n  l: w\n";
    aip__document *d = NULL;
    ck_assert_int_eq(aip__yaml_parse(ctx, text, strlen(text), "f.yaml", &d, NULL), AIP_OK);
    const aip__node *root = aip__document_root(d), *list = aip__node_get(root, "\xc3\xa9"), *m = aip__node_get(root, "m");
    ck_assert_str_eq(aip__document_source(d), "f.yaml");
    ck_assert_int_eq(list->line, 2);
    ck_assert_int_eq(list->column, 5);
    ck_assert_int_eq(list->items[2]->column, 14);
    ck_assert_int_eq(m->keys[1]->line, 5);
    ck_assert_int_eq(m->items[1]->line, 5);
    ck_assert_int_eq(m->items[1]->column, 6);
    aip__document_free(d);
}
END_TEST

START_TEST(positions_behind_a_surrogate_pair_are_those_of_the_text_as_given) {
    static const char text[] = "{\"a\":\"\\uD83D\\uDE00\\\"\x7f\xe2\x80\xa8\",\"b\":7,\n\"c\":8}";
    aip__document *d = NULL;
    ck_assert_int_eq(aip__yaml_parse(ctx, text, strlen(text), NULL, &d, NULL), AIP_OK);
    const aip__node *root = aip__document_root(d);
    ck_assert_int_eq(aip__node_get(root, "b")->column, (int32_t)(strchr(text, '7') - text) + 1);
    ck_assert_int_eq(aip__node_get(root, "c")->line, 2);
    ck_assert_int_eq(aip__node_get(root, "c")->column, 5);
    ck_assert_ptr_null(aip__document_source(d));
    aip__document_free(d);
}
END_TEST

static char *nested(int depth) {
    char *text = malloc((size_t)depth * 2 + 1);
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    text[depth * 2] = 0;
    return text;
}

START_TEST(depth_is_limited_to_128) {
    char *most = nested(128), *more = nested(129), *far = nested(100000);
    assert_canonical(true, most, most);
    assert_canonical(false, most, most);
    assert_refused(true, more, 1, 129, "nested too deeply");
    assert_refused(false, more, 1, 129, "nested too deeply");
    assert_refused(true, far, 1, 129, "nested too deeply");
    assert_refused(false, far, 1, 129, "nested too deeply");
    /* An alias adds the depth of its anchor. */
    most[127] = 0;
    char text[1024];
    snprintf(text, sizeof text, "a: &x [[1]]\nb: %s*x", most + 2); /* 1 map, 125 lists, and the 2 of the anchor */
    memset(text + strlen(text), ']', 125);
    text[strlen("a: &x [[1]]\nb: ") + 125 + 2 + 125] = 0;
    char *canonical = fixture_canonical(ctx, false, text);
    free(canonical);
    snprintf(text, sizeof text, "a: &x [[1]]\nb: %s*x", most + 1);
    memset(text + strlen(text), ']', 126);
    text[strlen("a: &x [[1]]\nb: ") + 126 + 2 + 126] = 0;
    assert_refused(false, text, 0, 0, "nested too deeply");
    free(most);
    free(more);
    free(far);
}
END_TEST

START_TEST(aliases_cannot_grow_a_document_past_its_limit) {
    char text[4096] = "a0: &a0 [x]\n";
    for (int i = 1; i < 30; i++) {
        char line[100];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    assert_refused(false, text, 0, 0, "too large");
}
END_TEST

START_TEST(many_keys_are_checked_for_duplicates) {
    size_t n = 0;
    char *text = malloc(20000);
    for (int i = 0; i < 1000; i++) n += (size_t)sprintf(text + n, "k%d: %d\n", i * 7919 % 1000, i);
    char *canonical = fixture_canonical(ctx, false, text);
    free(canonical);
    sprintf(text + n, "k500: 1\n");
    assert_refused(false, text, 1001, 1, "'k500' stands twice");
    free(text);
}
END_TEST

START_TEST(canonical_text_sorts_keys_bytewise_and_is_a_fixed_point) {
    static const char given[] =
        "{\"b\": 1.0, \"\xc3\xa9\": [1e2, -0.0], \"a b\": null, \"B\": {\"z\": \"\\u00e9\", \"aa\": 0.1, \"a\": 1}}";
    static const char expected[] = "{\"B\":{\"a\":1,\"aa\":0.1,\"z\":\"\xc3\xa9\"},\"a b\":null,\"b\":1,\"\xc3\xa9\":[100,-0.0]}";
    assert_canonical(true, given, expected);
    char *once = fixture_canonical(ctx, true, "{\"x\":[1.5,1e300,\"\\u0001\"]}"), *twice = fixture_canonical(ctx, true, once);
    ck_assert_str_eq(once, twice);
    free(once);
    free(twice);
}
END_TEST

START_TEST(pretty_text_keeps_the_files_order) {
    aip__document *d = NULL;
    aip__text t;
    aip__text_init(&t, ctx);
    static const char text[] = "{\"b\":[1,{}],\"a\":[]}";
    ck_assert_int_eq(aip__json_parse(ctx, text, strlen(text), NULL, &d, NULL), AIP_OK);
    aip__node_write_pretty(aip__document_root(d), &t);
    ck_assert_str_eq(t.bytes, "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}");
    aip__text_free(&t);
    aip__document_free(d);
}
END_TEST

START_TEST(a_copied_tree_outlives_its_document) {
    aip__document *d = NULL, *copy = NULL;
    static const char text[] = "{\"a\":[1,2,3,4,5,\"x\"],\"b\":true}";
    aip__text t;
    aip__text_init(&t, ctx);
    ck_assert_int_eq(aip__json_parse(ctx, text, strlen(text), NULL, &d, NULL), AIP_OK);
    ck_assert_int_eq(aip__document_new(ctx, &copy, NULL), AIP_OK);
    aip__document_set_root(copy, aip__node_copy(copy, aip__document_root(d)));
    aip__document_free(d);
    aip__node_write(aip__document_root(copy), &t);
    ck_assert_str_eq(t.bytes, text);
    aip__text_free(&t);
    aip__document_free(copy);
    aip__document_free(NULL);
}
END_TEST

static int32_t parse_yaml_and_write(aip_context *c, aip_error **err) {
    static const char text[] = "a: &x [1, {k: 'v'}]\nb: *x\nc: {d: 1, e: 2.5}\n";
    aip__document *d = NULL;
    char *out = NULL;
    AIP__TRY(aip__yaml_parse(c, text, strlen(text), "f", &d, err));
    aip__text t;
    aip__text_init(&t, c);
    aip__node_write(aip__document_root(d), &t);
    int32_t status = aip__text_take(&t, &out, NULL, err);
    aip__free(c, out);
    aip__document_free(d);
    return status;
}

static int32_t parse_json(aip_context *c, aip_error **err) {
    static const char text[] = "{\"a\":[1,2,3,4,5,{\"b\":\"c\"}],\"s\":\"\\uD83D\\uDE00\"}";
    aip__document *d = NULL, *e = NULL;
    AIP__TRY(aip__json_parse(c, text, strlen(text), "f", &d, err));
    int32_t status = aip__yaml_parse(c, text, strlen(text), "f", &e, err);
    aip__document_free(d);
    aip__document_free(e);
    return status;
}

START_TEST(a_refused_allocation_leaks_nothing) {
    ck_assert_int_gt(fixture_fail_each_allocation(parse_yaml_and_write), 5);
    ck_assert_int_gt(fixture_fail_each_allocation(parse_json), 5);
}
END_TEST

static void setup(void) { ctx = fixture_context(NULL); }

static void teardown(void) {
    aip__catalog_free(ctx, ctx->catalog);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}

Suite *base_document_suite(void);
Suite *base_document_suite(void) {
    const TTest *const tests[] = {json_values_are_accepted,
                                  what_is_not_json_is_refused,
                                  json_errors_point_at_the_token,
                                  yaml_plain_scalars_follow_the_core_schema,
                                  yaml_structure_is_read,
                                  json_text_is_yaml,
                                  what_yaml_could_mean_twice_is_refused_with_its_place,
                                  nodes_know_their_line_and_byte_column,
                                  positions_behind_a_surrogate_pair_are_those_of_the_text_as_given,
                                  depth_is_limited_to_128,
                                  aliases_cannot_grow_a_document_past_its_limit,
                                  many_keys_are_checked_for_duplicates,
                                  canonical_text_sorts_keys_bytewise_and_is_a_fixed_point,
                                  pretty_text_keeps_the_files_order,
                                  a_copied_tree_outlives_its_document,
                                  a_refused_allocation_leaks_nothing,
                                  NULL};
    Suite *suite = suite_create("document");
    TCase *tc = tcase_create("document");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (const TTest *const *test = tests; *test; test++) tcase_add_test(tc, *test);
    suite_add_tcase(suite, tc);
    return suite;
}
