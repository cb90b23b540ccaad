/* The operators on data: from files to files, for no thread, 1, 2 and 8. Expected rows are worked out by hand; the split is scikit-learn's
 * train_test_split(range(5), test_size=0.2, random_state=42): test [1], train [4, 2, 0, 3]. */
#include "dag_fixture.h"

#include <stdio.h>
#include <unistd.h>

static void ck_file(const char *name, const char *expected) {
    char *text = test_read(name);
    ck_assert_msg(text != NULL, "no file %s", name);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(a_dataset_goes_from_file_through_stages_to_a_file_in_a_new_folder) {
    aip_context *ctx = test_context(thread_counts[_i]);
    test_write("in.csv", "k,x\na,1\nb,\nc,3\nd,4\n");
    test_write("names.csv", "k,name\na,ann\nc,cid\nd,dee\n");
    aip_run *run =
        test_run(ctx,
                 "dag: d\ntasks:\n  rows: {read: in.csv}\n  names: {read: names.csv}\n"
                 "  table: {from: rows, transform: [drop_missing, {join: {with: names, on: k, how: left, validate: 'm:1'}}, "
                 "{derive: {y: x * 2}}], output: made/here/table.csv}\n"
                 "  some: {from: table, transform: [{filter: y > 2}]}\n  out: {from: some, write: {path: some.csv}}\n",
                 NULL);
    OK(aip_run_result(run, &err));
    ck_file("made/here/table.csv", "k,x,name,y\na,1,ann,2\nc,3,cid,6\nd,4,dee,8\n");
    ck_file("some.csv", "k,x,name,y\nc,3,cid,6\nd,4,dee,8\n");
    aip_dataset *out = NULL;
    int64_t n = 0;
    OK(aip_run_dataset(run, "some", &out, &err));
    OK(aip_dataset_count(out, NULL, &n, &err));
    ck_assert_int_eq(n, 2);
    aip_dataset_free(out);
    test_report_has(
        ctx, run,
        (const char *const[]){"\"counts\":{\"rows_in\":3,\"rows_out\":2,\"rows_rejected\":0,\"rows_filtered\":1}", NULL});
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(split_has_scikit_learns_rows_in_their_order) {
    aip_context *ctx = test_context(thread_counts[_i]);
    test_write("in.csv", "x\n0\n1\n2\n3\n4\n");
    aip_run *run = test_run(ctx,
                            "dag: d\nparams: {part: 0.2}\ntasks:\n  rows: {read: in.csv}\n"
                            "  halves: {from: rows, split: {test_size: '${params.part}', random_state: 42}}\n"
                            "  a: {from: halves.train, write: train.csv}\n  b: {from: halves.test, write: test.csv}\n",
                            NULL);
    OK(aip_run_result(run, &err));
    ck_file("train.csv", "x\n0\n2\n3\n4\n");
    test_report_has(ctx, run, (const char *const[]){"\"rows\":5", NULL}); /* of `rows`, lazy: counted by split */
    ck_file("test.csv", "x\n1\n");
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(rejected_records_are_an_output_of_read) {
    aip_context *ctx = test_context(thread_counts[_i]);
    test_write("in.csv", "a,b\n1,2\n3\n4,5\n");
    aip_run *run = test_run(ctx,
                            "dag: d\ntasks:\n  rows: {read: {path: in.csv, on_bad_row: reject}, output: good.csv}\n"
                            "  bad: {from: rows.rejects, transform: [{select: {columns: [line, raw]}}], output: bad.csv}\n",
                            NULL);
    OK(aip_run_result(run, &err));
    ck_file("good.csv", "a,b\n1,2\n4,5\n");
    ck_file("bad.csv", "line,raw\n3,3\n");
    aip_run_free(run);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

/* y is 1 exactly where x > 3.5. */
static const char *const xy = "x,z,y\n1,5,0\n2,3,0\n3,9,0\n4,2,1\n5,7,1\n6,4,1\n0,1,0\n7,8,1\n2,6,0\n5,0,1\n";
static const char *const model_dag =
    "dag: d\ntasks:\n  rows: {read: in.csv}\n"
    "  model: {from: rows, train: {target: y, pipeline: [standard_scaler], model: {logistic_regression: {C: 100}}, "
    "split: {test_size: 0.3, random_state: 0}, metrics: [accuracy, confusion_matrix]}, output: m/model.aip}\n"
    "  again: {from: model, write: copy.aip}\n"
    "  score: {from: {package: model, data: rows}, evaluate: {metrics: accuracy}, output: score.json}\n"
    "  predicted: {from: {package: model, data: rows}, predict: {}, output: p.csv}\n"
    "  score2: {from: predicted, evaluate: {truth: y, metrics: [accuracy]}}\n";

START_TEST(a_model_is_trained_judged_saved_and_used_the_same_for_any_number_of_threads) {
    static char first[65536];
    static long n_first;
    for (int32_t i = 0; i < N_THREAD_COUNTS; i++) {
        aip_context *ctx = test_context(thread_counts[i]);
        test_write("in.csv", xy);
        aip_run *run = test_run(ctx, model_dag, NULL);
        OK(aip_run_result(run, &err));
        /* RandomState(0).permutation(10)[:3] is [2, 8, 4]: rows of y 0, 0, 1, which are separable */
        test_report_has(ctx, run,
                        (const char *const[]){"\"metrics\":{\"accuracy\":1,\"confusion_matrix\":[[2,0],[0,1]]}",
                                              "\"rows_in\":7,\"rows_out\":7", NULL});
        ck_file("score.json", "{\"accuracy\":1}\n");
        char *p = test_read("p.csv");
        ck_assert(strncmp(p, "x,z,y,prediction,probability\n1,5,0,0,0.", 39) == 0);
        free(p);
        aip_package *package = NULL, *loaded = NULL;
        char *about = NULL;
        OK(aip_run_package(run, "model", &package, &err));
        OK(aip_package_load(ctx, test_path("m/model.aip"), &loaded, &err));
        OK(aip_package_describe(loaded, &about, &err));
        ck_assert(strstr(about, "\"accuracy\":1") != NULL); /* the metrics are in the package */
        aip_text_free(ctx, about);
        FILE *a = fopen(test_path("m/model.aip"), "rb"), *b = fopen(test_path("copy.aip"), "rb");
        static char bytes[2][65536];
        long n = (long)fread(bytes[0], 1, sizeof bytes[0], a), m = (long)fread(bytes[1], 1, sizeof bytes[1], b);
        fclose(a), fclose(b);
        ck_assert_int_gt(n, 0);
        ck_assert(n == m && memcmp(bytes[0], bytes[1], (size_t)n) == 0);
        if (i == 0) memcpy(first, bytes[0], (size_t)n), n_first = n;
        ck_assert(n == n_first && memcmp(first, bytes[0], (size_t)n) == 0);
        aip_package_free(package);
        aip_package_free(loaded);
        aip_run_free(run);
        test_folder_end();
        test_context_end(ctx);
    }
}
END_TEST

START_TEST(what_fails_in_a_task_names_the_task_and_leaves_no_output) {
    static const struct {
        const char *task, *text;
        int32_t status, line;
        const char *message;
    } wrong[] = {
        {"a", "dag: d\ntasks:\n  a: {read: nowhere.csv, output: out.csv}\n", AIP_E_NOT_FOUND, 0, "nowhere.csv"},
        {"b", "dag: d\ntasks:\n  a: {read: in.csv}\n  b: {from: a, transform: [{select: {columns: [xx]}}], output: out.csv}\n",
         AIP_E_SCHEMA, 4, "'xx'"},
        {"b",
         "dag: d\ntasks:\n  a: {read: in.csv}\n  b: {from: a, train: {target: yy, model: logistic_regression}, output: out.csv}\n",
         AIP_E_SCHEMA, 4, "'yy'"},
        {"b", "dag: d\ntasks:\n  a: {read: in.csv}\n  b: {from: a, write: {path: in.csv/out.csv}}\n", AIP_E_IO, 0, "in.csv"},
        {"a", "dag: d\ntasks:\n  a: {read: ragged.csv, output: out.csv}\n", AIP_E_DATA, 3, "2"},
    };
    aip_context *ctx = test_context(thread_counts[_i]);
    test_write("in.csv", xy);
    test_write("ragged.csv", "a,b\n1,2\n3\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        aip_run *run = test_run(ctx, wrong[i].text, NULL);
        aip_error *err = NULL;
        int32_t status = aip_run_result(run, &err);
        ck_assert_msg(status == wrong[i].status, "%s gave %d: %s", wrong[i].text, (int)status, aip_error_text(err));
        ck_assert_msg(strstr(aip_error_text(err), wrong[i].message) != NULL, "%s: %s", wrong[i].text, aip_error_text(err));
        ck_assert_str_eq(aip_error_task(err), wrong[i].task);
        ck_assert(wrong[i].line == 0 || aip_error_line(err) == wrong[i].line);
        ck_assert_int_ne(access(test_path("out.csv"), F_OK), 0);
        aip_error_free(err);
        aip_run_free(run);
    }
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

/* The first match that is nearest to the operator; in a stage's own parameters where the stage is known. Lines and columns counted by hand. */
START_TEST(an_error_of_a_task_has_the_place_of_what_it_is_about) {
    static const struct {
        const char *task;
        int64_t line, column;
    } wrong[] = {
        {"  b:\n    from: a\n    train:\n      target: yy\n      model: logistic_regression\n", 7, 15}, /* the value */
        {"  b:\n    from: a\n    train:\n      target: x\n      model: logistic_regression\n", 7, 15},  /* three classes */
        {"  b:\n    from: a\n    transform:\n      - derive: {w: xx + 1}\n    output: o.csv\n", 7, 9},  /* the stage */
        {"  b:\n    from: a\n    transform:\n      - derive: {w: x + 1}\n      - derive: {v: xx + 1}\n    output: o.csv\n", 6,
         5}, /* either */
        {"  b:\n    from: a\n    transform:\n      - derive: {xx: x}\n      - select: {columns: [x, zz]}\n    output: o.csv\n", 8,
         31},
        {"  b:\n    from: a\n    split: {stratify: yy}\n", 6, 23},
        {"  b:\n    from: a\n    evaluate: {truth: y, metrics: [accuracy]}\n", 6, 5}, /* no column `prediction`: nowhere in it */
    };
    aip_context *ctx = test_context(0);
    test_write("in.csv", "x,y\n1,0\n2,1\n3,1\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[512];
        aip_dag *dag = NULL;
        aip_run *run = NULL;
        aip_error *error = NULL;
        snprintf(text, sizeof text, "dag: d\ntasks:\n  a: {read: in.csv}\n%s", wrong[i].task);
        test_write("d.yaml", text);
        OK(aip_dag_load(ctx, test_path("d.yaml"), &dag, &err));
        OK(aip_run_start(dag, NULL, &run, &err));
        ck_assert_int_ne(aip_run_wait(run, &error), AIP_OK);
        ck_assert_msg(aip_error_line(error) == wrong[i].line && aip_error_column(error) == wrong[i].column, "%s: %s", text,
                      aip_error_text(error));
        ck_assert_str_eq(aip_error_source(error), test_path("d.yaml"));
        aip_error_free(error);
        aip_run_free(run);
        aip_dag_free(dag);
    }
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(read_and_write_list_the_parameters_of_the_formats) {
    aip_context *ctx = test_context(0);
    char *read = NULL, *write = NULL;
    OK(aip_catalog_json(ctx, "operator.read", &read, &err));
    OK(aip_catalog_json(ctx, "operator.write", &write, &err));
    ck_assert_ptr_nonnull(strstr(read, "\"name\":\"include_path\""));
    ck_assert_ptr_nonnull(strstr(read, "\"name\":\"on_bad_row\""));
    ck_assert_ptr_nonnull(strstr(read, "\"name\":\"delimiter\""));
    ck_assert_ptr_nonnull(strstr(write, "\"name\":\"compression_level\""));
    ck_assert_ptr_nonnull(strstr(write, "\"name\":\"delimiter\""));
    ck_assert_ptr_null(strstr(write, "\"name\":\"on_bad_row\""));
    aip_text_free(ctx, read);
    aip_text_free(ctx, write);
    test_context_end(ctx);
}
END_TEST

static int32_t doubles(void *user, aip_task_context *task, aip_error **err) {
    aip_stage *stage = NULL;
    aip_dataset *out = NULL;
    (void)user;
    int32_t status = aip_stage_create(aip_task_ctx(task), "derive", AIP_JSON({"x" : "x * 2"}), NULL, 0, &stage, err);
    if (status == AIP_OK) status = aip_dataset_transform(aip_task_dataset(task, "rows"), stage, &out, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, out, err);
    aip_dataset_free(out);
    aip_stage_free(stage);
    return status;
}

START_TEST(callbacks_and_operators_stand_in_one_dag) {
    aip_context *ctx = test_context(thread_counts[_i]);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    char definition[256];
    test_write("in.csv", "x\n1\n2\n");
    OK(aip_dag_create(ctx, "mixed", &dag, &err));
    snprintf(definition, sizeof definition, "{\"read\": {\"path\": \"%s\"}}", test_path("in.csv"));
    OK(aip_dag_add(dag, "rows", definition, &err));
    OK(aip_dag_add_callback(dag, "twice", doubles, NULL, NULL, &err));
    OK(aip_dag_add_dependency(dag, "rows", "twice", &err));
    snprintf(definition, sizeof definition, "{\"from\": \"twice\", \"write\": {\"path\": \"%s\"}}", test_path("out.csv"));
    OK(aip_dag_add(dag, "out", definition, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    OK(aip_run_wait(run, &err));
    ck_file("out.csv", "x\n2\n4\n");
    aip_run_free(run);
    aip_dag_free(dag);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

Suite *dag_operators_suite(void) {
    Suite *suite = suite_create("dag operators");
    TCase *tc = tcase_create("dag operators");
    tcase_add_loop_test(tc, a_dataset_goes_from_file_through_stages_to_a_file_in_a_new_folder, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, read_and_write_list_the_parameters_of_the_formats);
    tcase_add_loop_test(tc, split_has_scikit_learns_rows_in_their_order, 0, N_THREAD_COUNTS);
    tcase_add_loop_test(tc, rejected_records_are_an_output_of_read, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, a_model_is_trained_judged_saved_and_used_the_same_for_any_number_of_threads);
    tcase_add_loop_test(tc, what_fails_in_a_task_names_the_task_and_leaves_no_output, 0, N_THREAD_COUNTS);
    tcase_add_test(tc, an_error_of_a_task_has_the_place_of_what_it_is_about);
    tcase_add_loop_test(tc, callbacks_and_operators_stand_in_one_dag, 0, N_THREAD_COUNTS);
    suite_add_tcase(suite, tc);
    return suite;
}
