/* What all models have in common: targets of every type, predictions as columns, refusals, and saved bytes. */
#include "model_fixture.h"
#include "train_suites.h"

#include "base/bytes.h"
#include "data/scan.h"

#define ROWS 6
static const double feature[ROWS] = {0, 1, 2, 3, 4, 5};

static aip_model *fit(aip_context *ctx, aip_dataset *d) {
    aip_model *model = NULL, *fitted = NULL;
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_model_fit(model, d, "y", NULL, &fitted, &err));
    aip_model_free(model);
    return fitted;
}

static aip_dataset *with_target(aip_context *ctx, fixture_column target) {
    target.name = "y";
    fixture_column columns[] = {{.name = "x", .type = AIP_FLOAT64, .f64 = feature}, target};
    return fixture_dataset(ctx, columns, 2, ROWS);
}

/* The one batch that a dataset of a few rows gives. */
static aip_batch *only_batch(aip_dataset *d) {
    aip_batch *batch = NULL, *none = NULL;
    aip__scan *scan = NULL;
    aip__token token;
    OK(aip__token_init(&token, d->ctx, NULL, &err));
    OK(aip__scan_open(d, &token, "test", &scan, &err));
    OK(aip__scan_next(scan, &batch, &err));
    OK(aip__scan_next(scan, &none, &err));
    ck_assert_ptr_nonnull(batch);
    ck_assert_ptr_null(none);
    aip__scan_close(scan);
    return batch;
}

START_TEST(a_prediction_has_the_targets_own_type_and_values) {
    const int64_t i64[ROWS] = {7, 7, 7, -3, 7, -3};
    const uint8_t bytes[ROWS] = {0, 0, 1, 0, 1, 1};
    const double f64[ROWS] = {0.5, 0.5, 0.5, 2.5, 2.5, 2.5};
    const char *const texts[ROWS] = {"yes", "yes", "yes", "no", "no", "no"};
    const struct {
        fixture_column target;
        int32_t type;
        const char *classes; /* in order */
        bool falls;          /* the probability of the second class falls with x */
    } cases[] = {{{.type = AIP_INT64, .i64 = i64}, AIP_INT64, "\"classes\":[-3,7]", true},
                 {{.type = AIP_BOOL, .bytes = bytes}, AIP_BOOL, "\"classes\":[false,true]", false},
                 {{.type = AIP_FLOAT64, .f64 = f64}, AIP_FLOAT64, "\"classes\":[0.5,2.5]", false},
                 {{.type = AIP_UTF8, .texts = texts}, AIP_UTF8, "\"classes\":[\"no\",\"yes\"]", true}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        aip_context *ctx = fixture_context(1);
        aip_dataset *d = with_target(ctx, cases[c].target), *predicted = NULL;
        aip_model *model = fit(ctx, d);
        char *json = NULL;
        OK(aip_model_describe(model, &json, &err));
        ck_assert_msg(strstr(json, cases[c].classes) != NULL, "%s", json);
        OK(aip_model_predict(model, d, &predicted, &err));
        aip_batch *b = only_batch(predicted);
        ck_assert_int_eq(b->n_columns, 4);
        ck_assert_str_eq(b->schema->fields[2].name, "prediction");
        ck_assert_str_eq(b->schema->fields[3].name, "probability");
        ck_assert_int_eq(b->columns[2]->type, cases[c].type);
        double intercept = fixture_number(json, "intercept"), coef = fixture_number(json, "x");
        ck_assert(cases[c].falls == (coef < 0));
        for (int i = 0; i < ROWS; i++) {
            double p = aip__column_f64(b->columns[3])[i];
            ck_assert_double_eq_tol(p, 1 / (1 + exp(-(intercept + coef * feature[i]))), 1e-15);
            size_t n = 0;
            if (cases[c].type == AIP_INT64) ck_assert_int_eq(aip__column_i64(b->columns[2])[i], p > 0.5 ? 7 : -3);
            if (cases[c].type == AIP_BOOL) ck_assert_int_eq(aip__bit_get(aip__column_bits(b->columns[2]), i), p > 0.5);
            if (cases[c].type == AIP_FLOAT64) ck_assert_double_eq(aip__column_f64(b->columns[2])[i], p > 0.5 ? 2.5 : 0.5);
            if (cases[c].type == AIP_UTF8) ck_assert_int_eq(aip__column_text(b->columns[2], i, &n)[0], p > 0.5 ? 'y' : 'n');
        }
        aip_batch_free(b);
        aip_text_free(ctx, json);
        aip_dataset_free(predicted);
        aip_dataset_free(d);
        aip_model_free(model);
        fixture_end(ctx);
    }
}
END_TEST

START_TEST(a_target_that_cannot_be_learned_says_why) {
    aip_context *ctx = fixture_context(1);
    aip_model *model = NULL, *fitted = NULL;
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    const int64_t one[ROWS] = {4, 4, 4, 4, 4, 4}, three[ROWS] = {1, 2, 1, 2, 3, 1}, four[ROWS] = {1, 2, 3, 4, 5, 6},
                  fine[ROWS] = {0, 1, 0, 1, 0, 1};
    const double nan[ROWS] = {0, 1, 0, (double)NAN, 1, 0};
    const uint8_t hole[1] = {0x3b}; /* row 2 is null */
    const char *const texts[ROWS] = {"a", "b", "a", "b", "a", "b"};
    aip_dataset *d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = one});
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "target 'y' has one class (4): expected two");
    FAILS(aip_model_fit(model, d, "Y", NULL, &fitted, &err), AIP_E_SCHEMA, "'y'");
    aip_dataset_free(d);
    d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = three});
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "more than two classes");
    aip_dataset_free(d);
    d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = four});
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "multinomial is not there");
    aip_dataset_free(d);
    d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = fine, .validity = hole});
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "'y' is missing in row 2");
    aip_dataset_free(d);
    d = with_target(ctx, (fixture_column){.type = AIP_FLOAT64, .f64 = nan});
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "'y' is NaN in row 3");
    aip_dataset_free(d);
    d = fixture_dataset(ctx, (fixture_column[]){{.name = "y", .type = AIP_INT64, .i64 = fine}}, 1, ROWS);
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_SCHEMA, "no column but the target");
    aip_dataset_free(d);
    d = fixture_dataset(
        ctx, (fixture_column[]){{.name = "y", .type = AIP_INT64, .i64 = fine}, {.name = "t", .type = AIP_UTF8, .texts = texts}},
        2, ROWS);
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_SCHEMA, "'t'");
    aip_dataset_free(d);
    d = fixture_dataset(
        ctx,
        (fixture_column[]){{.name = "x", .type = AIP_FLOAT64, .f64 = feature}, {.name = "y", .type = AIP_INT64, .i64 = fine}}, 2,
        0);
    FAILS(aip_model_fit(model, d, "y", NULL, &fitted, &err), AIP_E_DATA, "no rows");
    aip_dataset_free(d);
    ck_assert_ptr_null(fitted);
    aip_model_free(model);
    fixture_end(ctx);
}
END_TEST

START_TEST(features_are_found_by_name_and_must_be_numbers) {
    aip_context *ctx = fixture_context(1);
    const int64_t y[ROWS] = {0, 0, 1, 0, 1, 1}, whole[ROWS] = {0, 1, 2, 3, 4, 5};
    const uint8_t hole[1] = {0x2f}; /* row 4 is null */
    const double infinite[ROWS] = {0, (double)INFINITY, 2, 3, 4, 5};
    const char *const texts[ROWS] = {"0", "1", "2", "3", "4", "5"};
    aip_dataset *d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = y}), *predicted = NULL, *want = NULL;
    aip_model *model = fit(ctx, d);
    OK(aip_model_predict(model, d, &want, &err));
    aip_batch *expected = only_batch(want), *b = NULL;

    /* other columns around it, and integers, which widen */
    aip_dataset *moved = fixture_dataset(
        ctx,
        (fixture_column[]){{.name = "other", .type = AIP_UTF8, .texts = texts}, {.name = "x", .type = AIP_INT64, .i64 = whole}},
        2, ROWS);
    OK(aip_model_predict(model, moved, &predicted, &err));
    b = only_batch(predicted);
    for (int i = 0; i < ROWS; i++)
        ck_assert_double_eq(aip__column_f64(b->columns[3])[i], aip__column_f64(expected->columns[3])[i]);
    aip_batch_free(b);
    aip_batch_free(expected);
    aip_dataset_free(predicted);
    aip_dataset_free(moved);

    const struct {
        fixture_column column;
        int32_t status;
        const char *text;
    } bad[] = {{{.name = "X", .type = AIP_FLOAT64, .f64 = feature}, AIP_E_SCHEMA, "no column 'x'"},
               {{.name = "x", .type = AIP_UTF8, .texts = texts}, AIP_E_SCHEMA, "'x' is utf8"},
               {{.name = "x", .type = AIP_INT64, .i64 = whole, .validity = hole}, AIP_E_DATA, "'x' is missing in"},
               {{.name = "x", .type = AIP_FLOAT64, .f64 = infinite}, AIP_E_DATA, "'x' is infinite in"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        aip_dataset *wrong = fixture_dataset(ctx, &bad[i].column, 1, ROWS), *all = NULL;
        predicted = NULL;
        if (bad[i].status == AIP_E_SCHEMA) {
            FAILS(aip_model_predict(model, wrong, &predicted, &err), AIP_E_SCHEMA, bad[i].text);
        } else {
            OK(aip_model_predict(model, wrong, &predicted, &err));
            FAILS(aip_dataset_collect(predicted, NULL, &all, &err), AIP_E_DATA, bad[i].text);
        }
        aip_dataset_free(predicted);
        aip_dataset_free(wrong);
    }
    FAILS(aip_model_predict(model, want, &predicted, &err), AIP_E_SCHEMA, "'prediction' already");
    aip_dataset_free(want);
    aip_dataset_free(d);
    aip_model_free(model);
    fixture_end(ctx);
}
END_TEST

START_TEST(an_unfitted_model_neither_predicts_nor_saves) {
    aip_context *ctx = fixture_context(0);
    const int64_t y[ROWS] = {0, 0, 1, 0, 1, 1};
    aip_dataset *d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = y}), *out = NULL;
    aip_model *model = NULL;
    aip_writer w;
    aip__writer_init(&w, ctx);
    OK(aip_model_create(ctx, "logistic_regression", "{\"C\":3}", &model, &err));
    FAILS(aip_model_predict(model, d, &out, &err), AIP_E_STATE, "not fitted");
    FAILS(aip__model_save(model, &w, &err), AIP_E_STATE, "not fitted");
    ck_assert_str_eq(aip_model_name(model), "logistic_regression");
    ck_assert_ptr_nonnull(strstr(aip__model_params(model), "\"C\":3"));
    aip__writer_free(&w);
    aip_model_free(model);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(saved_bytes_load_to_the_same_model_and_broken_ones_are_refused) {
    aip_context *ctx = fixture_context(0);
    const char *const texts[ROWS] = {"no", "no", "yes", "no", "yes", "yes"};
    aip_dataset *d = with_target(ctx, (fixture_column){.type = AIP_UTF8, .texts = texts});
    aip_model *model = fit(ctx, d), *back = NULL;
    aip_writer w, again;
    aip_reader r;
    char *before = NULL, *after = NULL;
    aip__writer_init(&w, ctx);
    aip__writer_init(&again, ctx);
    OK(aip__model_save(model, &w, &err));
    aip__reader_init(&r, ctx, w.text.bytes, w.text.n, NULL);
    OK(aip__model_load(ctx, "logistic_regression", aip__model_params(model), &r, &back, &err));
    ck_assert_uint_eq(aip_reader_left(&r), 0);
    OK(aip__model_save(back, &again, &err));
    ck_assert_uint_eq(again.text.n, w.text.n);
    ck_assert_mem_eq(again.text.bytes, w.text.bytes, w.text.n);
    OK(aip_model_describe(model, &before, &err));
    OK(aip_model_describe(back, &after, &err));
    ck_assert_str_eq(before, after);
    aip_text_free(ctx, before);
    aip_text_free(ctx, after);
    aip_model_free(back);

    for (size_t n = 0; n < w.text.n; n++) {
        back = NULL;
        aip__reader_init(&r, ctx, w.text.bytes, n, NULL);
        FAILS(aip__model_load(ctx, "logistic_regression", NULL, &r, &back, &err), AIP_E_CORRUPT, "");
        ck_assert_ptr_null(back);
    }
    for (size_t at = 0; at < w.text.n; at++) { /* every byte turned over: refused or another model, never a crash */
        back = NULL;
        w.text.bytes[at] = (char)~w.text.bytes[at];
        aip__reader_init(&r, ctx, w.text.bytes, w.text.n, NULL);
        int32_t status = aip__model_load(ctx, "logistic_regression", NULL, &r, &back, NULL);
        ck_assert(status == AIP_OK || status == AIP_E_CORRUPT || status == AIP_E_UNSUPPORTED);
        ck_assert((status == AIP_OK) == (back != NULL));
        aip_model_free(back);
        w.text.bytes[at] = (char)~w.text.bytes[at];
    }
    aip__writer_free(&w);
    aip__writer_free(&again);
    aip_model_free(model);
    aip_dataset_free(d);
    fixture_end(ctx);
}
END_TEST

START_TEST(a_node_of_a_dag_file_makes_a_model_and_wrong_ones_name_their_line) {
    aip_context *ctx = fixture_context(0);
    const char *const good[] = {"logistic_regression", "logistic_regression: {C: 0.5}", "logistic_regression:"};
    aip__document *doc = NULL;
    aip_model *model = NULL;
    for (int i = 0; i < 3; i++) {
        OK(aip__yaml_parse(ctx, good[i], strlen(good[i]), "f.yaml", &doc, &err));
        OK(aip__model_from_node(ctx, aip__document_root(doc), "f.yaml", &model, &err));
        ck_assert_ptr_nonnull(strstr(aip__model_params(model), i == 1 ? "\"C\":0.5" : "\"C\":1"));
        aip_model_free(model);
        aip__document_free(doc);
    }
    const char *const bad[] = {"\nlogistic_regression: {D: 1}", "\nlogistic: {C: 1}", "\n[1]"};
    for (int i = 0; i < 3; i++) {
        aip_error *error = NULL;
        OK(aip__yaml_parse(ctx, bad[i], strlen(bad[i]), "f.yaml", &doc, &err));
        ck_assert_int_ne(aip__model_from_node(ctx, aip__document_root(doc), "f.yaml", &model, &error), AIP_OK);
        ck_assert_int_eq(aip_error_line(error), 2);
        ck_assert_str_eq(aip_error_source(error), "f.yaml");
        aip_error_free(error);
        aip__document_free(doc);
    }
    fixture_end(ctx);
}
END_TEST

/* An allocator that refuses from its n-th growth on, and counts what it has handed out. */
typedef struct failing {
    int64_t left, held;
} failing;

static void *failing_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    failing *f = user;
    if (new_size > old_size && f->left-- <= 0) return NULL;
    void *out = NULL;
    if (new_size > 0) {
        if (posix_memalign(&out, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0) return NULL;
        if (ptr) memcpy(out, ptr, old_size < new_size ? old_size : new_size);
    }
    f->held += (int64_t)new_size - (int64_t)old_size;
    free(ptr);
    return out;
}

START_TEST(each_refused_allocation_is_reported_and_leaves_nothing_behind) {
    const int64_t y[ROWS] = {0, 0, 1, 0, 1, 1};
    int64_t refused = 0;
    for (int64_t n = 0;; n++) {
        failing f = {.left = INT64_MAX};
        aip_allocator allocator = AIP_ALLOCATOR_INIT;
        allocator.user = &f;
        allocator.resize = failing_resize;
        aip_context *ctx = fixture_context_with(0, &allocator);
        aip_dataset *d = with_target(ctx, (fixture_column){.type = AIP_INT64, .i64 = y}), *predicted = NULL;
        aip_model *model = NULL, *fitted = NULL;
        char *json = NULL;
        aip_error *error = NULL;
        f.left = n;
        int32_t status = aip_model_create(ctx, "logistic_regression", "{\"class_weight\":{\"0\":2}}", &model, &error);
        if (status == AIP_OK) status = aip_model_fit(model, d, "y", NULL, &fitted, &error);
        if (status == AIP_OK) status = aip_model_predict(fitted, d, &predicted, &error);
        aip_dataset *rows = NULL;
        if (status == AIP_OK) status = aip_dataset_collect(predicted, NULL, &rows, &error);
        if (status == AIP_OK) status = aip_model_describe(fitted, &json, &error);
        f.left = INT64_MAX;
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "allocation %lld: %s", (long long)n, aip_error_text(error));
        refused += status == AIP_E_NOMEM;
        aip_error_free(error);
        aip_text_free(ctx, json);
        aip_dataset_free(rows);
        aip_dataset_free(predicted);
        aip_dataset_free(d);
        aip_model_free(fitted);
        aip_model_free(model);
        fixture_end(ctx);
        ck_assert_int_eq(f.held, 0);
        if (status == AIP_OK) break;
    }
    ck_assert_int_gt(refused, 20);
}
END_TEST

Suite *model_suite(void) {
    const TTest *tests[] = {a_prediction_has_the_targets_own_type_and_values,
                            a_target_that_cannot_be_learned_says_why,
                            features_are_found_by_name_and_must_be_numbers,
                            an_unfitted_model_neither_predicts_nor_saves,
                            saved_bytes_load_to_the_same_model_and_broken_ones_are_refused,
                            a_node_of_a_dag_file_makes_a_model_and_wrong_ones_name_their_line,
                            each_refused_allocation_is_reported_and_leaves_nothing_behind,
                            NULL};
    return unit_suite("model", tests);
}
