/* one_hot_encoder against scikit-learn 1.5.2's OneHotEncoder. */
#include "transform_suites.h"

#include "base/memory.h"
#include <stdio.h>
#include <stdlib.h>

#define E_ACUTE "\xc3\xa9"
#define NIHON "\xe6\x97\xa5\xe6\x9c\xac"

static const tt_column four[] = {
    TT_TEXTS("c", "b", "a", NULL, "b", E_ACUTE, "Z", NIHON, NULL),
    TT_NUMBERS("k", AIP_INT64, 3, 1, 3, 2, 2, 10, -1, 3),
    TT_NUMBERS("f", AIP_FLOAT64, 1, NAN, 2.5, 1, -0.0, 0.0, NAN, 1e22),
    TT_NUMBERS("t", AIP_BOOL, 1, 0, 1, 0, 1, 0, 1, 0),
};
static const char names[] =
    "c_Z,c_a,c_b,c_" E_ACUTE ",c_" NIHON ",c_nan,k_-1,k_1,k_2,k_3,k_10,f_0.0,f_1.0,f_2.5,f_1e+22,f_nan,t_False,t_True";
static const char *const rows[] = {"001000000100100001", "010000010000000110", "000001000100010001", "001000001000100010",
                                   "000100001001000001", "100000000011000010", "000010100000000101", "000001000100001010"};

static void expect_rows(const tt_rows *r) {
    ck_assert_int_eq(r->n_rows, 8);
    for (int i = 0; i < 8; i++)
        for (int32_t k = 0; k < r->schema->n; k++)
            ck_assert_msg(aip__column_f64(r->columns[k])[i] == rows[i][k] - '0', "row %d, column %s", i,
                          r->schema->fields[k].name);
}

START_TEST(names_order_and_values_are_those_of_scikit_learn) {
    aip_context *ctx = tt_context(2);
    tt_column c[4];
    memcpy(c, four, sizeof c);
    for (int dictionary = 0; dictionary < 2; dictionary++) {
        c[0].type = dictionary ? AIP_DICTIONARY : AIP_UTF8;
        for (int64_t batch_rows = 1; batch_rows <= 8; batch_rows += 3) {
            aip_dataset *d = tt_table(ctx, c, 4, 8, batch_rows);
            tt_rows r = tt_apply(ctx, "one_hot_encoder", "{\"columns\": \"all\"}", d);
            ck_assert_str_eq(tt_names(&r), names);
            expect_rows(&r);
            tt_rows_free(&r);
            aip_dataset_free(d);
        }
    }
    tt_context_end(ctx);
}
END_TEST

START_TEST(the_first_category_can_be_dropped) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = tt_table(ctx, four, 4, 8, 8);
    tt_rows r = tt_apply(ctx, "one_hot_encoder", "{\"columns\": \"all\", \"drop\": \"first\"}", d);
    ck_assert_str_eq(tt_names(&r), "c_a,c_b,c_" E_ACUTE ",c_" NIHON ",c_nan,k_1,k_2,k_3,k_10,f_1.0,f_2.5,f_1e+22,f_nan,t_True");
    EXPECT(&r, "t_True", 0, 1, 0, 1, 0, 1, 0, 1, 0);
    EXPECT(&r, "c_a", 0, 0, 1, 0, 0, 0, 0, 0, 0);
    tt_rows_free(&r);
    r = tt_apply(ctx, "one_hot_encoder", "{\"columns\": [\"k\", \"t\"], \"drop\": \"if_binary\"}", d);
    ck_assert_str_eq(tt_names(&r), "c,k_-1,k_1,k_2,k_3,k_10,f,t_True");
    tt_rows_free(&r);
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(an_unknown_category_is_an_error_or_all_zeros) {
    aip_context *ctx = tt_context(1);
    tt_column a[] = {TT_TEXTS("c", "x", "y"), TT_NUMBERS("k", AIP_INT32, 1, 2)};
    tt_column b[] = {TT_TEXTS("c", "x", "y", "nope"), TT_NUMBERS("k", AIP_INT32, 1, 7, 2)}, n = TT_TEXTS("c", "x", NULL);
    aip_dataset *fit = tt_table(ctx, a, 2, 2, 2), *d = tt_table(ctx, b, 2, 3, 2), *missing = tt_table(ctx, &n, 1, 2, 2);
    FAILS(tt_try(ctx, "one_hot_encoder", "{\"columns\": \"c\"}", fit, d, &err), AIP_E_DATA,
          "column 'c', row 2 (from 0): category 'nope' did not occur in the fit");
    FAILS(tt_try(ctx, "one_hot_encoder", "{\"columns\": \"k\"}", fit, d, &err), AIP_E_DATA,
          "column 'k', row 1 (from 0): category '7'");
    FAILS(tt_try(ctx, "one_hot_encoder", "{\"columns\": \"c\"}", fit, missing, &err), AIP_E_DATA,
          "row 1 (from 0): category 'null'");
    tt_rows r = tt_fit_apply(ctx, "one_hot_encoder", "{\"handle_unknown\": \"ignore\"}", fit, d);
    ck_assert_str_eq(tt_names(&r), "c_x,c_y,k");
    EXPECT(&r, "c_x", 0, 1, 0, 0);
    EXPECT(&r, "c_y", 0, 0, 1, 0);
    tt_rows_free(&r);
    r = tt_fit_apply(ctx, "one_hot_encoder", "{\"handle_unknown\": \"ignore\"}", fit, d);
    tt_rows_free(&r);
    aip_dataset_free(fit), aip_dataset_free(d), aip_dataset_free(missing);
    tt_context_end(ctx);
}
END_TEST

/* Texts that differ behind their 16th byte, by a prefix, or not in their first 16 bytes are told apart. */
START_TEST(long_texts_are_told_apart_and_too_many_are_refused) {
    aip_context *ctx = tt_context(2);
    enum { N = 3000 };
    static char text[N][40];
    static const char *texts[N];
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], i % 3 == 0 ? "%d" : i % 3 == 1 ? "sixteen bytes and %d" : "%.4d-16-bytes--", i / 3);
        texts[i] = text[i];
    }
    tt_column c = {"c", AIP_UTF8, NULL, texts, 0};
    aip_dataset *d = tt_table(ctx, &c, 1, N, 100);
    tt_rows r = tt_apply(ctx, "one_hot_encoder", NULL, d);
    ck_assert_int_eq(r.schema->n, N);
    for (int i = 0; i < N; i += 7) {
        char name[48];
        snprintf(name, sizeof name, "c_%.39s", text[i]);
        ck_assert(tt_f64(&r, name, i) == 1);
        ck_assert(tt_f64(&r, name, (i + 1) % N) == 0);
    }
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "one_hot_encoder", "{\"max_distinct\": 2999}", d, d, &err), AIP_E_DATA,
          "column 'c' has more than 2999 distinct values");
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_column_without_rows_and_other_types_are_handled) {
    aip_context *ctx = tt_context(0);
    tt_column c = TT_TEXTS("c", "x", "y"), k = TT_NUMBERS("c", AIP_INT64, 1, 2);
    aip_dataset *empty = tt_table(ctx, &c, 1, 0, 1), *d = tt_table(ctx, &c, 1, 2, 2), *numbers = tt_table(ctx, &k, 1, 2, 2);
    tt_rows r = tt_apply(ctx, "one_hot_encoder", NULL, empty);
    ck_assert_int_eq(r.schema->n, 0);
    tt_rows_free(&r);
    r = tt_fit_apply(ctx, "one_hot_encoder", NULL, d, empty);
    ck_assert_str_eq(tt_names(&r), "c_x,c_y");
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    FAILS(tt_try(ctx, "one_hot_encoder", NULL, d, numbers, &err), AIP_E_SCHEMA,
          "column 'c' is int64; one_hot_encoder was fitted on utf8");
    aip_dataset_free(empty), aip_dataset_free(d), aip_dataset_free(numbers);
    tt_context_end(ctx);
}
END_TEST

START_TEST(what_was_learned_of_one_type_is_not_used_on_another_of_the_same_width) {
    aip_context *ctx = tt_context(0);
    tt_column k = TT_NUMBERS("c", AIP_INT64, 1, NAN, 2), i = TT_NUMBERS("c", AIP_INT32, 1, NAN, 2);
    aip_dataset *wide = tt_table(ctx, &k, 1, 3, 3), *narrow = tt_table(ctx, &i, 1, 3, 3), *decimals = NULL;
    aip_stage *cast = tt_stage(ctx, "cast", "{\"columns\": {\"c\": \"decimal64(2)\"}}");
    OK(aip_dataset_transform(wide, cast, &decimals, &err));
    /* 1.00 is kept as 100: not a hundred */
    FAILS(tt_try(ctx, "one_hot_encoder", "{\"columns\": \"c\", \"handle_unknown\": \"ignore\"}", decimals, wide, &err),
          AIP_E_SCHEMA, "column 'c' is int64; one_hot_encoder was fitted on decimal64");
    FAILS(tt_try(ctx, "simple_imputer", "{\"strategy\": \"most_frequent\"}", decimals, wide, &err), AIP_E_SCHEMA,
          "column 'c' is int64; simple_imputer was fitted on decimal64");
    tt_rows r = tt_fit_apply(ctx, "one_hot_encoder", "{\"columns\": \"c\"}", wide, narrow); /* a width is no other meaning */
    EXPECT(&r, "c_2", 0, 0, 0, 1);
    tt_rows_free(&r);
    r = tt_fit_apply(ctx, "simple_imputer", "{\"strategy\": \"most_frequent\"}", narrow, wide);
    EXPECT(&r, "c", 0, 1, 1, 2);
    tt_rows_free(&r);
    aip_stage_free(cast);
    aip_dataset_free(wide), aip_dataset_free(narrow), aip_dataset_free(decimals);
    tt_context_end(ctx);
}
END_TEST

static void drop_bytes(void *owner) { free(owner); }

/* "b", "a", "b" in memory of three bytes: a reader of more than is there shows under a checker of memory. */
START_TEST(texts_that_end_where_somebody_elses_memory_ends_are_encoded) {
    aip_context *ctx = tt_context(0);
    static const int32_t offsets[4] = {0, 1, 2, 3};
    aip_field field = aip__field("t", AIP_UTF8);
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    aip__column *c = aip__column_blank(ctx, AIP_UTF8, 3);
    char *bytes = malloc(3);
    memcpy(bytes, "bab", 3);
    c->values_buffer = aip__buffer_wrap(ctx, bytes, 3, drop_bytes, bytes);
    c->values = bytes;
    c->offsets = offsets;
    OK(aip__batch_new(schema, 3, &c, &batch, &err));
    OK(aip__dataset_memory(ctx, schema, &batch, 1, &d, &err));
    tt_rows r = tt_fit_apply(ctx, "one_hot_encoder", NULL, d, d);
    ck_assert_str_eq(tt_names(&r), "t_a,t_b");
    EXPECT(&r, "t_b", 0, 1, 0, 1);
    tt_rows_free(&r);
    aip_dataset_free(d);
    aip_schema_free(schema);
    tt_context_end(ctx);
}
END_TEST

Suite *encoder_suite(void) {
    const TTest *const tests[] = {names_order_and_values_are_those_of_scikit_learn,
                                  the_first_category_can_be_dropped,
                                  an_unknown_category_is_an_error_or_all_zeros,
                                  long_texts_are_told_apart_and_too_many_are_refused,
                                  a_column_without_rows_and_other_types_are_handled,
                                  what_was_learned_of_one_type_is_not_used_on_another_of_the_same_width,
                                  texts_that_end_where_somebody_elses_memory_ends_are_encoded,
                                  NULL};
    return unit_suite("one_hot_encoder", tests);
}
