/* Each allocation refused in turn: every call says so, and nothing is leaked (the context's end is watched). */
#include "dag_fixture.h"

static const char *const text = "dag: d\nparams: {n: 3, word: hello}\ndefault_args: {owner: me}\ntasks:\n"
                                "  rows: {read: in.csv}\n"
                                "  some: {from: rows, transform: [drop_missing, {filter: 'x > ${params.n}'}]}\n"
                                "  halves: {from: some, split: {test_size: 0.5, random_state: 1}}\n"
                                "  out: {from: halves.train, write: out.csv}\n"
                                "  say: {needs: [out], command: [\"true\", '${params.word}']}\n";

static int32_t all_of_it(aip_context *ctx, aip_error **err) {
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    char *json = NULL;
    int32_t status = aip_dag_parse(ctx, text, test_folder(), &dag, err);
    if (status == AIP_OK) status = aip_dag_check(dag, "{\"n\": 2}", err);
    if (status == AIP_OK) status = aip_dag_describe(dag, &json, err);
    aip_text_free(ctx, json);
    json = NULL;
    if (status == AIP_OK) status = aip_run_start(dag, AIP_JSON({"params" : {"n" : 1}}), &run, err);
    if (status == AIP_OK) status = aip_run_wait(run, err);
    if (status == AIP_OK) status = aip_run_report(run, &json, err);
    aip_text_free(ctx, json);
    aip_run_free(run);
    aip_dag_free(dag);
    return status;
}

START_TEST(each_refused_allocation_is_an_error_and_no_leak) {
    test_write("in.csv", "x,y\n1,2\n2,\n3,4\n5,6\n7,8\n");
    int64_t n = 0;
    for (;; n++) {
        aip_context *ctx = test_context(AIP_THREADS_NONE);
        aip_error *err = NULL;
        test_refuse(n);
        int32_t status = all_of_it(ctx, &err);
        bool refused = test_refused();
        test_refuse(-1);
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "allocation %lld: %d %s", (long long)n, (int)status,
                      aip_error_text(err));
        aip_error_free(err);
        test_context_end(ctx);
        if (!refused) break;
    }
    ck_assert_int_gt(n, 300);
    test_folder_end();
}
END_TEST

Suite *dag_memory_suite(void) {
    const TTest *const tests[] = {each_refused_allocation_is_an_error_and_no_leak, NULL};
    return unit_suite("dag memory", tests);
}
