/* DAG files: what is refused, with line and column counted by hand in the text. */
#include "dag_fixture.h"

#include <stdio.h>

typedef struct wrong {
    const char *text;
    int32_t status, line, column;
    const char *message;
} wrong;

#define HEAD "dag: d\ntasks:\n"
static const wrong files[] = {
    /* keys of the file */
    {"dag: d\nshedule: null\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 1,
     "unknown key 'shedule'; did you mean 'schedule'?"},
    {"tasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 1, 1, "expected `dag: NAME`"},
    {"dag: d\n", AIP_E_PARAM, 1, 1, "no tasks"},
    {"dag: d\ntasks: {}\n", AIP_E_PARAM, 2, 8, "no tasks"},
    {"dag: d\ntasks: [a]\n", AIP_E_PARAM, 2, 8, "tasks is a list: expected a map"},
    {"- a\n", AIP_E_PARAM, 1, 1, "the DAG file is a list"},
    {"dag: d\ncatchup: maybe\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 10,
     "catchup is 'maybe': expected true or false"},
    {"dag: d\nmax_active_runs: 0\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 18, "max_active_runs is 0"},
    {"dag: d\nstart_date: soon\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 13, "expected a date"},
    {"dag: d\nschedule: {corn: '0 3 * * *'}\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 12,
     "'corn'; did you mean 'cron'?"},
    {"dag: d\nschedule: 5\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 11, "schedule is an integer"},
    {"dag: d\ndefault_args: {ownr: me}\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 16,
     "'ownr'; did you mean 'owner'?"},
    {"dag: d\ndefault_args: {from: a}\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 16,
     "default_args: unknown key 'from'"},
    {"dag: d\ndefault_args: {retries: many}\ntasks: {a: {command: [\"true\"]}}\n", AIP_E_PARAM, 2, 25,
     "retries is 'many': expected an integer"},
    /* keys of a task */
    {HEAD "  a: {raed: {path: x.csv}}\n", AIP_E_PARAM, 3, 7, "unknown key 'raed'; did you mean 'read'?"},
    {HEAD "  a: {command: [\"true\"], neds: b}\n", AIP_E_PARAM, 3, 26, "'neds'; did you mean 'needs'?"},
    {HEAD "  a: {doc: nothing}\n", AIP_E_PARAM, 3, 6, "no operator: expected one such as"},
    {HEAD "  a: read\n", AIP_E_PARAM, 3, 6, "expected a map with an operator, found a string"},
    {HEAD "  a: {read: x.csv, command: [\"true\"]}\n", AIP_E_PARAM, 3, 20, "two operators, 'read' and 'command'"},
    {HEAD "  a b: {command: [\"true\"]}\n", AIP_E_PARAM, 3, 3, "task name 'a b'"},
    {HEAD "  a: {command: [\"true\"]}\n  a: {command: [\"true\"]}\n", AIP_E_SYNTAX, 4, 3, "a"},
    {HEAD "  a: {command: [\"true\"], execution_timeout: soon}\n", AIP_E_PARAM, 3, 45,
     "execution_timeout is 'soon': expected a duration"},
    {HEAD "  a: {command: [\"true\"], trigger_rule: all_done}\n", AIP_E_PARAM, 3, 40, "expected one of all_success"},
    {HEAD "  a: {command: [\"true\"], output: x.csv}\n", AIP_E_PARAM, 3, 34, "makes no one thing"},
    /* parameters of operators */
    {HEAD "  a: {read: {path: x.csv, null_value: [NA]}}\n", AIP_E_PARAM, 3, 27, "did you mean 'null_values'?"},
    {HEAD "  a: {read: {}}\n", AIP_E_PARAM, 3, 13, "path"},
    {HEAD "  a: {command: []}\n", AIP_E_PARAM, 3, 16, "expected a program"},
    {HEAD "  a: {command: {argv: x, grace: -1}}\n", AIP_E_PARAM, 3, 33, "grace is -1"},
    {HEAD "  a: {command: {argv: x, env: {V: [1]}}}\n", AIP_E_PARAM, 3, 35, "env.V is a list"},
    {HEAD "  a: {command: [x, [y]]}\n", AIP_E_PARAM, 3, 20, "argv[1] is a list"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, split: {test_siz: 0.2}}\n", AIP_E_PARAM, 4, 24, "did you mean 'test_size'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, split: {test_size: 1.5}}\n", AIP_E_PARAM, 4, 35,
     "expected a fraction between 0 and 1"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, split: {test_size: 0.6, train_size: 0.5}}\n", AIP_E_PARAM, 4, 52,
     "together are more"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, train: {target: y, model: logistic_regression, split: {test_size: 0.0}}}\n",
     AIP_E_PARAM, 4, 82, "expected a fraction between 0 and 1"},
    {HEAD
     "  a: {read: x.csv}\n  b: {from: a, train: {target: y, pipeline: [standard_scaler, drop_missing], model: logistic_regression}}\n",
     AIP_E_PARAM, 4, 63, "'drop_missing' cannot stand in a package: it drops rows"},
    {HEAD
     "  a: {read: x.csv}\n  b: {from: a, train: {target: y, pipeline: [{join: {with: a, on: k}}], model: logistic_regression}}\n",
     AIP_E_PARAM, 4, 46, "'join' cannot stand in a package: it drops rows"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [drop_mising]}\n", AIP_E_NOT_FOUND, 4, 28,
     "did you mean 'drop_missing'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [{simple_imputer: {strategy: mode}}]}\n", AIP_E_PARAM, 4, 56,
     "expected one of"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: {drop_missing: {}}}\n", AIP_E_PARAM, 4, 28, "drop_missing"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [{filter: 'x >'}]}\n", AIP_E_SYNTAX, 4, -1, ""},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [{join: {on: k}}]}\n", AIP_E_PARAM, 4, -1, "with"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [{join: {with: a, onn: k}}]}\n", AIP_E_PARAM, 4, 45,
     "'onn'; did you mean 'on'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, train: {targett: y, model: logistic_regression}}\n", AIP_E_PARAM, 4, 24,
     "'targett'; did you mean 'target'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, train: {target: y, model: logistic_regresion}}\n", AIP_E_NOT_FOUND, 4, 42,
     "logistic_regression"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, train: {target: y, model: logistic_regression, metrics: accuracy}}\n", AIP_E_PARAM,
     4, 72, "expected `split`"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, train: {target: y, model: logistic_regression, split: {}, metrics: [acuracy]}}\n",
     AIP_E_NOT_FOUND, 4, 84, "accuracy"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, write: {path: y.csv, kept: 3}}\n", AIP_E_PARAM, 4, 37, "kept"},
    {HEAD
     "  a: {read: x.csv}\n  b: {from: a, train: {target: y, model: logistic_regression}}\n  c: {from: b, write: {path: m.aip, keep: 3}}\n",
     AIP_E_PARAM, 5, 37, "unknown parameter 'keep'"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, evaluate: {}}\n", AIP_E_PARAM, 4, 26, "expected `truth`"},
    /* references */
    {HEAD "  data: {read: x.csv}\n  b: {from: dta, transform: []}\n", AIP_E_PARAM, 4, 13, "no task 'dta'; did you mean 'data'?"},
    {HEAD "  a: {command: [\"true\"]}\n  b: {needs: [a, c], command: [\"true\"]}\n", AIP_E_PARAM, 4, 18, "no task 'c'"},
    {HEAD "  a: {command: [\"true\"]}\n  b: {from: a, transform: []}\n", AIP_E_PARAM, 4, 13,
     "'a' (command) makes nothing to hand on"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, split: {}}\n  c: {from: b, transform: []}\n", AIP_E_PARAM, 5, 13,
     "several outputs"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, split: {}}\n  c: {from: b.trian, transform: []}\n", AIP_E_PARAM, 5, 13,
     "no output 'trian'; did you mean 'train'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a.half, transform: []}\n", AIP_E_PARAM, 4, 13, "'a' has no output 'half'"},
    {HEAD "  a: {read: x.csv}\n  b: {transform: []}\n", AIP_E_PARAM, 4, 6, "expected `from: task`"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, read: y.csv}\n", AIP_E_PARAM, 4, 13, "reads nothing of other tasks"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, predict: {}}\n", AIP_E_PARAM, 4, 13, "{package: task, data: task}"},
    {HEAD "  a: {read: x.csv}\n  b: {from: {package: a, data: a}, predict: {}}\n", AIP_E_PARAM, 4, 23,
     "expected a task that makes a package"},
    {HEAD "  a: {read: x.csv}\n  b: {from: {pakage: a, data: a}, predict: {}}\n", AIP_E_PARAM, 4, 14,
     "'pakage'; did you mean 'package'?"},
    {HEAD "  a: {read: x.csv}\n  b: {from: a, transform: [{join: {with: c, on: k}}]}\n", AIP_E_PARAM, 4, 42, "no task 'c'"},
    {HEAD "  a: {needs: c, command: [\"true\"]}\n  b: {needs: a, command: [\"true\"]}\n  c: {needs: b, command: [\"true\"]}\n",
     AIP_E_PARAM, 3, 3, "cycle: a -> b -> c -> a"},
    {HEAD "  x: {command: [\"true\"]}\n  a: {needs: [x, a], command: [\"true\"]}\n", AIP_E_PARAM, 4, 3, "cycle: a -> a"},
    /* YAML */
    {"dag: d\ntasks:\n\ta: {command: [\"true\"]}\n", AIP_E_SYNTAX, 3, -1, ""},
    {"dag: 'd\ntasks:\n", AIP_E_SYNTAX, -1, -1, ""},
    {HEAD "  a: {command: [\"true\"]\n", AIP_E_SYNTAX, -1, -1, ""},
    {"", AIP_E_PARAM, -1, -1, "the DAG file is null"},
};

START_TEST(each_wrong_file_is_refused_with_its_line_and_column) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const wrong *w = &files[i];
        aip_dag *dag = NULL;
        aip_error *err = NULL;
        int32_t status = aip_dag_parse(ctx, w->text, NULL, &dag, &err);
        ck_assert_msg(status == w->status, "%s\ngave %d: %s", w->text, (int)status, aip_error_text(err));
        ck_assert_msg(strstr(aip_error_message(err), w->message) != NULL, "%s\nmessage: %s", w->text, aip_error_message(err));
        ck_assert_msg(w->line < 0 || aip_error_line(err) == w->line, "%s\nline %d: %s", w->text, (int)w->line,
                      aip_error_text(err));
        ck_assert_msg(w->column < 0 || aip_error_column(err) == w->column, "%s\ncolumn %d: %s", w->text, (int)w->column,
                      aip_error_text(err));
        ck_assert_ptr_null(dag);
        const char *task = strstr(aip_error_text(err), "task 'a': "); /* the place, once */
        ck_assert_msg(!task || !strstr(task + 1, "task 'a'"), "%s", aip_error_text(err));
        aip_error_free(err);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(an_error_names_the_file_and_the_task) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_error *error = NULL;
    test_write("wrong.yaml", HEAD "  first: {command: {argv: x, grase: 1}}\n");
    ck_assert_int_eq(aip_dag_load(ctx, test_path("wrong.yaml"), &dag, &error), AIP_E_PARAM);
    ck_assert_str_eq(aip_error_source(error), test_path("wrong.yaml"));
    ck_assert_str_eq(aip_error_task(error), "first");
    ck_assert_str_eq(aip_error_parameter(error), "grase");
    ck_assert_int_eq(aip_error_line(error), 3);
    ck_assert_int_eq(aip_error_column(error), 30);
    aip_error_free(error);
    FAILS(aip_dag_load(ctx, test_path("nowhere.yaml"), &dag, &err), AIP_E_NOT_FOUND, "nowhere.yaml");
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(yaml_and_json_give_the_same_dag) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *yaml = NULL, *json = NULL;
    char *a = NULL, *b = NULL;
    OK(aip_dag_parse(ctx,
                     "dag: d\ndoc: two\nparams: {n: {default: 3, maximum: 9, doc: how many}}\ntasks:\n"
                     "  a: {command: [\"true\"]}\n  b: {needs: a, command: [echo, '${params.n}'], doc: says}\n",
                     NULL, &yaml, &err));
    OK(aip_dag_parse(
        ctx,
        "{\"dag\": \"d\", \"doc\": \"two\", \"params\": {\"n\": {\"default\": 3, \"maximum\": 9, \"doc\": \"how many\"}}, "
        "\"tasks\":\n\n\n{\"a\": {\"command\": [\"true\"]},\n"
        "\"b\": {\"needs\": \"a\", \"command\": [\"echo\", \"${params.n}\"], \"doc\": \"says\"}}}",
        NULL, &json, &err));
    OK(aip_dag_describe(yaml, &a, &err));
    OK(aip_dag_describe(json, &b, &err));
    ck_assert_str_eq(a, "{\"dag\":\"d\",\"doc\":\"two\",\"params\":[{\"name\":\"n\",\"type\":\"int\",\"default\":3,\"maximum\":9,"
                        "\"doc\":\"how many\"}],\"tasks\":[{\"task\":\"a\",\"operator\":\"command\",\"line\":5,\"after\":[]},"
                        "{\"task\":\"b\",\"operator\":\"command\",\"doc\":\"says\",\"line\":6,\"after\":[\"a\"]}]}");
    char *four = strstr(b, "\"line\":4"), *five = strstr(b, "\"line\":5");
    ck_assert(four != NULL && five != NULL);
    four[7] = '5', five[7] = '6';
    ck_assert_str_eq(a, b);
    aip_text_free(ctx, a);
    aip_text_free(ctx, b);
    aip_dag_free(yaml);
    aip_dag_free(json);
    test_context_end(ctx);
}
END_TEST

START_TEST(what_is_not_done_is_said_when_the_file_is_read) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    OK(aip_dag_parse(ctx,
                     "dag: d\nschedule: '@daily'\ndeadline: 2h\nnotify: {on_failure: {command: [page]}}\nstart_date: 2024-01-01\n"
                     "default_args: {owner: me, retries: 3, retry_delay: 1m}\ntasks: {a: {command: [\"true\"]}}\n",
                     NULL, &dag, &err));
    ck_assert(test_logged("dag:2: schedule: "));
    ck_assert(test_logged("dag:3: deadline: not watched"));
    ck_assert(test_logged("dag:4: notify: "));
    ck_assert(test_logged("dag:6: retries: "));
    aip_dag_free(dag);
    test_context_end(ctx);
    ctx = test_context(AIP_THREADS_NONE);
    OK(aip_dag_parse(ctx, "dag: d\nschedule: null\ndefault_args: {owner: me, retries: 0}\ntasks: {a: {command: [\"true\"]}}\n",
                     NULL, &dag, &err));
    ck_assert(!test_logged("schedule"));
    ck_assert(!test_logged("retries"));
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(lint_reports_input_files_that_are_not_there_and_that_no_task_writes) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_error *error = NULL;
    test_write("there.csv", "a\n1\n");
    OK(aip_dag_parse(ctx,
                     HEAD "  a: {read: there.csv, output: made.csv}\n  b: {needs: a, read: made.csv}\n  c: {read: 'th*.csv'}\n",
                     test_folder(), &dag, &err));
    OK(aip_dag_check(dag, NULL, &err));
    aip_dag_free(dag);
    OK(aip_dag_parse(ctx, HEAD "  a: {read: there.csv}\n  b: {read: [there.csv, gone.csv]}\n", test_folder(), &dag, &err));
    ck_assert_int_eq(aip_dag_check(dag, NULL, &error), AIP_E_NOT_FOUND);
    ck_assert(strstr(aip_error_message(error), "there is no file 'gone.csv'") != NULL);
    ck_assert_int_eq(aip_error_line(error), 4);
    ck_assert_int_eq(aip_error_column(error), 25);
    ck_assert_str_eq(aip_error_task(error), "b");
    aip_error_free(error);
    aip_dag_free(dag);
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

/* By lint, and by a run before any task starts. */
START_TEST(a_path_is_written_by_one_task_and_read_by_those_that_wait_for_it) {
    static const struct {
        const char *tasks, *message; /* NULL: good */
        int64_t line, column;
    } cases[] = {
        {"  a: {read: in.csv, output: o.csv}\n  b: {read: in.csv, output: ./o.csv}\n", "'./o.csv' is written by task 'a' too", 4,
         29},
        {"  a: {read: in.csv, output: o.csv}\n  b: {from: a, write: '${params.o}//o.csv'}\n", "written by task 'a' too", 4, 23},
        {"  a: {read: in.csv, output: '-'}\n  b: {from: a, write: '-'}\n", "'-' is written by task 'a' too", 4, 23},
        {"  a: {read: '-'}\n  b: {read: '-'}\n", "'-' is read by task 'a' too", 4, 13},
        {"  a: {read: o.csv}\n  b: {read: in.csv, output: o.csv}\n",
         "'o.csv' is written by task 'b', which this task does not wait for", 3, 13},
        {"  b: {read: in.csv, output: o.csv}\n  a: {read: {path: [in.csv, o.csv]}}\n", "expected `from: b`, or `needs: [b]`", 4,
         29},
        {"  a: {read: in.csv, output: o.csv}\n  b: {needs: a, command: ['true']}\n  c: {needs: b, read: o.csv}\n", NULL, 0, 0},
        {"  a: {read: in.csv, output: in.csv}\n", NULL, 0, 0}, /* anew, from itself: whole or not at all */
        {"  a: {read: in.csv}\n  b: {read: in.csv}\n", NULL, 0, 0},
    };
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    test_write("in.csv", "x\n1\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        aip_dag *dag = NULL;
        aip_run *run = NULL;
        aip_error *errors[2] = {NULL, NULL};
        snprintf(text, sizeof text, "dag: d\ntasks:\n%sparams: {o: .}\n", cases[i].tasks);
        OK(aip_dag_parse(ctx, text, test_folder(), &dag, &err));
        int32_t lint = aip_dag_check(dag, NULL, &errors[0]), start = aip_run_start(dag, NULL, &run, &errors[1]);
        for (int k = 0; k < 2; k++) {
            ck_assert_msg((k ? start : lint) == (cases[i].message ? AIP_E_PARAM : AIP_OK), "%s: %s", text,
                          aip_error_text(errors[k]));
            if (!cases[i].message) continue;
            ck_assert_msg(strstr(aip_error_message(errors[k]), cases[i].message) != NULL, "%s: %s", text,
                          aip_error_text(errors[k]));
            ck_assert_msg(aip_error_line(errors[k]) == cases[i].line && aip_error_column(errors[k]) == cases[i].column, "%s: %s",
                          text, aip_error_text(errors[k]));
            aip_error_free(errors[k]);
        }
        aip_run_free(run);
        aip_dag_free(dag);
    }
    test_folder_end();
    test_context_end(ctx);
}
END_TEST

START_TEST(a_dag_filled_by_calls_is_checked_as_a_file_is) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    char *json = NULL;
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add(dag, "a", "{\"read\": {\"path\": \"x.csv\"}}", &err));
    FAILS(aip_dag_add(dag, "a", "{\"read\": {\"path\": \"x.csv\"}}", &err), AIP_E_PARAM, "two tasks 'a'");
    FAILS(aip_dag_add(dag, "b", "{\"from\": \"c\", \"transform\": []}", &err), AIP_E_PARAM, "no task 'c'");
    FAILS(aip_dag_add(dag, "b", "{\"raed\": {}}", &err), AIP_E_PARAM, "did you mean 'read'?");
    FAILS(aip_dag_add(dag, "b", "{\"from\": \"a\", \"transform\": [\"nothing\"]}", &err), AIP_E_NOT_FOUND, "nothing");
    FAILS(aip_dag_add(dag, "b", "{", &err), AIP_E_SYNTAX, "");
    OK(aip_dag_add(dag, "b", "{\"from\": \"a\", \"transform\": []}", &err));
    FAILS(aip_dag_add_dependency(dag, "a", "bb", &err), AIP_E_PARAM, "no task 'bb'");
    OK(aip_dag_add_dependency(dag, "b", "a", &err));
    FAILS(aip_dag_check(dag, NULL, &err), AIP_E_PARAM, "cycle: a -> b -> a");
    aip_run *run = NULL;
    FAILS(aip_run_start(dag, NULL, &run, &err), AIP_E_PARAM, "cycle: a -> b -> a");
    OK(aip_dag_describe(dag, &json, &err));
    ck_assert_str_eq(json, "{\"dag\":\"d\",\"params\":[],\"tasks\":[{\"task\":\"a\",\"operator\":\"read\",\"after\":[\"b\"]},"
                           "{\"task\":\"b\",\"operator\":\"transform\",\"after\":[\"a\"]}]}");
    aip_text_free(ctx, json);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

Suite *dagfile_suite(void) {
    const TTest *const tests[] = {each_wrong_file_is_refused_with_its_line_and_column,
                                  an_error_names_the_file_and_the_task,
                                  yaml_and_json_give_the_same_dag,
                                  what_is_not_done_is_said_when_the_file_is_read,
                                  lint_reports_input_files_that_are_not_there_and_that_no_task_writes,
                                  a_path_is_written_by_one_task_and_read_by_those_that_wait_for_it,
                                  a_dag_filled_by_calls_is_checked_as_a_file_is,
                                  NULL};
    return unit_suite("dagfile", tests);
}
