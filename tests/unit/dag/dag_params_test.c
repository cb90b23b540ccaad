/* Parameters of a DAG file: types, ranges, where they are put in. What a task was given is seen by what a command says. */
#include "dag_fixture.h"

static const char *const file =
    "dag: d\n"
    "params:\n"
    "  name: world\n"
    "  n: {default: 3, minimum: 1, maximum: 9}\n"
    "  x: {default: 0.5, minimum: 0, maximum: 1, doc: A part.}\n"
    "  on: {default: true}\n"
    "  args: {default: [one, two]}\n"
    "tasks:\n"
    "  say: {command: [echo, 'hello ${params.name}: ${params.n} ${params.x} ${params.on} $${params.n} $5']}\n"
    "  more: {command: '${params.args}'}\n";

START_TEST(values_stand_where_the_file_puts_them) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_parse(ctx, file, NULL, &dag, &err));
    OK(aip_run_start(dag, AIP_JSON({"params" : {"args" : [ "echo", "from a list" ]}}), &run, &err));
    OK(aip_run_wait(run, &err));
    ck_assert(test_logged("say: hello world: 3 0.5 true ${params.n} $5\n"));
    ck_assert(test_logged("more: from a list\n"));
    test_report_has(
        ctx, run,
        (const char *const[]){"\"params\":{\"args\":[\"echo\",\"from a list\"],\"n\":3,\"name\":\"world\",\"on\":true,\"x\":0.5}",
                              NULL});
    aip_run_free(run);
    OK(aip_run_start(dag, AIP_JSON({"params" : {"name" : "${params.n}", "n" : 9, "x" : 1, "on" : false, "args" : ["true"]}}),
                     &run, &err));
    OK(aip_run_wait(run, &err));
    ck_assert(test_logged("say: hello ${params.n}: 9 1 false ${params.n} $5\n")); /* a value is not looked into again */
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(values_of_a_run_are_held_to_type_and_range) {
    static const struct {
        const char *options, *message;
    } wrong[] = {
        {"{\"params\": {\"nmae\": \"x\"}}", "no parameter 'nmae'; did you mean 'name'?"},
        {"{\"params\": {\"name\": 5}}", "name is 5: expected a string"},
        {"{\"params\": {\"n\": 2.5}}", "n is 2.5: expected an integer in [1, 9]"},
        {"{\"params\": {\"n\": 10}}", "n is 10: expected an integer in [1, 9]"},
        {"{\"params\": {\"x\": -0.1}}", "x is -0.1: expected a number in [0, 1]"},
        {"{\"params\": {\"x\": \"a\"}}", "x is 'a': expected a number in [0, 1]"},
        {"{\"params\": {\"on\": 1}}", "on is 1: expected true or false"},
        {"{\"params\": {\"args\": \"x\"}}", "args is 'x': expected a list"},
        {"{\"params\": {\"n\": null}}", "n is null: expected an integer in [1, 9]"},
        {"{\"params\": []}", "params is a list: expected a map"},
        {"{\"parms\": {}}", "unknown parameter 'parms'; did you mean 'params'?"},
    };
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_parse(ctx, file, NULL, &dag, &err));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(aip_run_start(dag, wrong[i].options, &run, &err), AIP_E_PARAM, wrong[i].message);
    FAILS(aip_dag_check(dag, "{\"n\": 10}", &err), AIP_E_PARAM, "n is 10");
    OK(aip_dag_check(dag, "{\"n\": 9}", &err));
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

START_TEST(wrong_entries_and_uses_are_refused_with_their_place) {
    static const struct {
        const char *text;
        int32_t status, line, column;
        const char *message;
    } wrong[] = {
        {"dag: d\nparams: {n: {default: 3, maxmum: 9}}\ntasks: {a: {command: x}}\n", AIP_E_PARAM, 2, 26,
         "'maxmum'; did you mean 'maximum'?"},
        {"dag: d\nparams: {n: {default: 3, maximum: 2}}\ntasks: {a: {command: x}}\n", AIP_E_PARAM, 2, 23,
         "n is 3: expected an integer of at most 2"},
        {"dag: d\nparams: {n: {default: 3, maximum: x}}\ntasks: {a: {command: x}}\n", AIP_E_PARAM, 2, 35, "maximum is a string"},
        {"dag: d\nparams: {n.m: 3}\ntasks: {a: {command: x}}\n", AIP_E_PARAM, 2, 10, "parameter name 'n.m'"},
        {"dag: d\nparams: {name: 3}\ntasks:\n  a: {command: [x, '${params.nam}']}\n", AIP_E_PARAM, 4, 20,
         "no parameter 'nam'; did you mean 'name'?"},
        {"dag: d\ntasks:\n  a: {command: [x, 'b ${run.logical_date}']}\n", AIP_E_UNSUPPORTED, 3, 20, "${run.logical_date}"},
        {"dag: d\ntasks:\n  a: {command: [x, '${env.HOME}']}\n", AIP_E_PARAM, 3, 20, "expected ${params.NAME}"},
        {"dag: d\ntasks:\n  a: {command: [x, 'b ${params.x']}\n", AIP_E_PARAM, 3, 20, "expected a closing }"},
        {"dag: d\nparams: {l: [1]}\ntasks:\n  a: {command: [x, 'b ${params.l}']}\n", AIP_E_PARAM, 4, 20, "within a longer text"},
        {"dag: d\nparams: {l: 1}\ntasks:\n  a: {command: {argv: x, '${params.l}': 2}}\n", AIP_E_PARAM, 4, 26, "a key without"},
        {"dag: d\nparams: {l: 1}\ntasks:\n  a: {command: {argv: x, grace: '${params.l}x'}}\n", AIP_E_PARAM, 4, 33,
         "grace is '1x'"},
    };
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        aip_dag *dag = NULL;
        aip_error *err = NULL;
        int32_t status = aip_dag_parse(ctx, wrong[i].text, NULL, &dag, &err);
        ck_assert_msg(status == wrong[i].status && strstr(aip_error_message(err), wrong[i].message)
                          && aip_error_line(err) == wrong[i].line && aip_error_column(err) == wrong[i].column,
                      "%s\ngave %d: %s", wrong[i].text, (int)status, aip_error_text(err));
        aip_error_free(err);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(a_parameter_without_default_must_be_given_to_the_run_and_not_to_the_check) {
    aip_context *ctx = test_context(AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_parse(ctx,
                     "dag: d\nparams: {who: {doc: Whom to greet.}, n: {minimum: 1, maximum: 5}}\ntasks:\n"
                     "  a: {command: [echo, 'to ${params.who}', '${params.who}']}\n",
                     NULL, &dag, &err));
    OK(aip_dag_check(dag, NULL, &err));
    FAILS(aip_run_start(dag, NULL, &run, &err), AIP_E_PARAM, "parameter 'who' has no default");
    FAILS(aip_run_start(dag, AIP_JSON({"params" : {"who" : "you", "n" : 6}}), &run, &err), AIP_E_PARAM,
          "n is 6: expected a number in [1, 5]");
    FAILS(aip_run_start(dag, AIP_JSON({"params" : {"who" : ["you"], "n" : 2}}), &run, &err), AIP_E_PARAM, "within a longer text");
    OK(aip_run_start(dag, AIP_JSON({"params" : {"who" : "you", "n" : 2}}), &run, &err));
    OK(aip_run_wait(run, &err));
    ck_assert(test_logged("a: to you you\n"));
    aip_run_free(run);
    aip_dag_free(dag);
    test_context_end(ctx);
}
END_TEST

Suite *dag_params_suite(void) {
    const TTest *const tests[] = {values_stand_where_the_file_puts_them, values_of_a_run_are_held_to_type_and_range,
                                  wrong_entries_and_uses_are_refused_with_their_place,
                                  a_parameter_without_default_must_be_given_to_the_run_and_not_to_the_check, NULL};
    return unit_suite("dag params", tests);
}
