/* Schemas: fields copied, found by name, refused when they make no sense. */
#include "base/catalog.h"
#include "base/memory.h"
#include "data/schema.h"
#include "data_suites.h"
#include <stdio.h>

START_TEST(fields_are_copied_and_found_by_name) {
    aip_context *ctx = test_context();
    char name[] = "alpha", zone[] = "Europe/Berlin";
    aip_field fields[3] = {aip__field(name, AIP_FLOAT64), aip__field("when", AIP_TIMESTAMP), aip__field("d", AIP_DECIMAL64)};
    fields[1].zone = zone;
    fields[2].scale = 4;
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, fields, 3, &s, &err));
    name[0] = zone[0] = 'X';
    ck_assert_int_eq(aip_schema_n_fields(s), 3);
    ck_assert_int_eq(aip_schema_find(s, "alpha"), 0);
    ck_assert_int_eq(aip_schema_find(s, "d"), 2);
    ck_assert_int_eq(aip_schema_find(s, "Alpha"), -1);
    ck_assert_str_eq(aip_schema_field(s, 1)->zone, "Europe/Berlin");
    ck_assert_int_eq(aip_schema_field(s, 2)->scale, 4);
    ck_assert_ptr_null(aip_schema_field(s, 3));
    ck_assert_ptr_null(aip_schema_field(s, -1));
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(each_of_a_thousand_names_is_found) {
    aip_context *ctx = test_context();
    static char names[1000][16];
    static aip_field fields[1000];
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "x%d", i);
        fields[i] = aip__field(names[i], AIP_INT64);
    }
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, fields, 1000, &s, &err));
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(aip_schema_find(s, names[i]), i);
    ck_assert_int_eq(aip_schema_find(s, "x1000"), -1);
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(an_empty_schema_finds_nothing) {
    aip_context *ctx = test_context();
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, NULL, 0, &s, &err));
    ck_assert_int_eq(aip_schema_find(s, "x"), -1);
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(bad_fields_are_refused_and_nothing_leaks) {
    aip_context *ctx = test_context();
    aip_schema *s = NULL;
    aip_field twice[2] = {aip__field("a", AIP_INT64), aip__field("a", AIP_UTF8)};
    FAILS(aip_schema_create(ctx, twice, 2, &s, &err), AIP_E_SCHEMA, "'a' is there twice");
    aip_field empty = aip__field("", AIP_INT64), unknown = aip__field("u", 99), scaled = aip__field("s", AIP_DECIMAL64);
    scaled.scale = 19;
    aip_field latin = aip__field("Gr\xf6\xdf"
                                 "e",
                                 AIP_INT64);
    FAILS(aip_schema_create(ctx, &latin, 1, &s, &err), AIP_E_SCHEMA, "not valid UTF-8");
    FAILS(aip_schema_create(ctx, &empty, 1, &s, &err), AIP_E_SCHEMA, "no name");
    FAILS(aip_schema_create(ctx, &unknown, 1, &s, &err), AIP_E_SCHEMA, "unknown type 99");
    FAILS(aip_schema_create(ctx, &scaled, 1, &s, &err), AIP_E_SCHEMA, "scale 19");
    aip_field sizeless = aip__field("x", AIP_INT64);
    sizeless.struct_size = 0;
    FAILS(aip_schema_create(ctx, &sizeless, 1, &s, &err), AIP_E_MISUSE, "struct_size");
    FAILS(aip_schema_create(ctx, NULL, 1, &s, &err), AIP_E_MISUSE, "expected");
    ck_assert_ptr_null(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(equality_sees_type_zone_scale_and_nullability) {
    aip_context *ctx = test_context();
    aip_field base = aip__field("t", AIP_TIMESTAMP), other = base;
    aip_schema *a = NULL, *b = NULL;
    OK(aip_schema_create(ctx, &base, 1, &a, &err));
    OK(aip_schema_create(ctx, &base, 1, &b, &err));
    ck_assert(aip__schema_equal(a, b));
    aip_schema_free(b);
    other.zone = "UTC";
    OK(aip_schema_create(ctx, &other, 1, &b, &err));
    ck_assert(!aip__schema_equal(a, b));
    aip_schema_free(b);
    other = base;
    other.nullable = 0;
    OK(aip_schema_create(ctx, &other, 1, &b, &err));
    ck_assert(!aip__schema_equal(a, b));
    aip_schema_free(b);
    aip_schema_free(a);
    test_context_end(ctx);
}
END_TEST

START_TEST(type_names_read_back) {
    for (int32_t t = AIP_BOOL; t <= AIP_DECIMAL64; t++) ck_assert_int_eq(aip__type_from_name(aip_type_name(t)), t);
    ck_assert_int_eq(aip__type_from_name("int33"), 0);
    ck_assert_int_eq(aip__type_from_name("?"), 0);
    ck_assert_str_eq(aip_type_name(12), "?");
    ck_assert_str_eq(aip_type_name(-1), "?");
}
END_TEST

/* What the parameter {"columns": json} chooses, as "0 2 "; the error's text when it is refused. */
static const char *chosen(aip_context *ctx, const aip_schema *s, const char *json, const char *otherwise) {
    static char out[256];
    aip_param_spec spec = {sizeof spec, AIP_PARAM_COLUMNS, "columns", "which", "null", NULL, 0, 0, 1, 0};
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "test";
    d.doc = "test";
    d.params = &spec;
    d.n_params = 1;
    aip_params *params = NULL;
    OK(aip__params_parse(ctx, &d, json, &params, &err));
    int32_t *indices = NULL, n = 0;
    aip_error *err = NULL;
    size_t at = 0;
    out[0] = 0;
    if (aip__schema_columns(s, params, "columns", otherwise, &indices, &n, &err) != AIP_OK)
        snprintf(out, sizeof out, "%s", aip_error_message(err));
    for (int32_t i = 0; i < n; i++) at += (size_t)snprintf(out + at, sizeof out - at, "%d ", (int)indices[i]);
    aip__free(ctx, indices);
    aip_error_free(err);
    aip__params_free(params);
    return out;
}

START_TEST(columns_are_chosen_by_name_word_or_pattern) {
    aip_context *ctx = test_context();
    const aip_field fields[5] = {aip__field("price", AIP_FLOAT64), aip__field("city", AIP_UTF8), aip__field("rooms", AIP_INT64),
                                 aip__field("price_old", AIP_FLOAT32), aip__field("when", AIP_DATE32)};
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, fields, 5, &s, &err));
    ck_assert_str_eq(chosen(ctx, s, NULL, "numeric"), "0 2 3 ");
    ck_assert_str_eq(chosen(ctx, s, NULL, NULL), "");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": \"text\"}", NULL), "1 ");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": \"all\"}", NULL), "0 1 2 3 4 ");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": \"p*e*\"}", NULL), "0 3 ");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": \"?????\"}", NULL), "0 2 ");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": \"z*\"}", NULL), "");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": [\"rooms\", \"price\"]}", NULL), "2 0 ");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": []}", "numeric"), "");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": [\"rooms\", \"rooms\"]}", NULL), "column 'rooms' is named twice");
    ck_assert_str_eq(chosen(ctx, s, "{\"columns\": [\"pricee\"]}", NULL),
                     "no column 'pricee'; did you mean 'price'? (columns: price, city, rooms, price_old, when)");
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

Suite *schema_suite(void) {
    const TTest *const tests[] = {fields_are_copied_and_found_by_name,
                                  each_of_a_thousand_names_is_found,
                                  an_empty_schema_finds_nothing,
                                  bad_fields_are_refused_and_nothing_leaks,
                                  equality_sees_type_zone_scale_and_nullability,
                                  type_names_read_back,
                                  columns_are_chosen_by_name_word_or_pattern,
                                  NULL};
    return unit_suite("schema", tests);
}
