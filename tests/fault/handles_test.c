/* Handles freed in every order: each keeps what it needs alive, so that a garbage collector may free as it likes. After the last one the
 * allocator has everything back. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    CONTEXT,
    SCHEMA,
    BATCH,
    TABLE,
    VIEW,
    PREDICTED,
    STAGE,
    FITTED,
    MODEL,
    LEARNED,
    PACKAGE,
    SCORER,
    DAG,
    RUN,
    TOKEN,
    STREAM,
    N_KINDS
};

typedef struct bag {
    aip_context *ctx;
    aip_schema *schema;
    aip_batch *batch;
    aip_dataset *table, *view, *predicted;
    aip_stage *stage, *fitted;
    aip_model *model, *learned;
    aip_package *package;
    aip_scorer *scorer;
    aip_dag *dag;
    aip_run *run;
    aip_cancel *token;
    struct ArrowArrayStream stream;
} bag;

static void make(bag *b, const aip_allocator *allocator) {
    static const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {0, 0, 1, 0, 1, 1};
    static const char dag[] = "dag: d\ntasks: {a: {command: 'true'}, b: {needs: a, command: 'true'}}\n";
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    memset(b, 0, sizeof *b);
    options.allocator = allocator;
    options.threads = AIP_THREADS_NONE;
    for (int i = 0; i < 2; i++) {
        fields[i].type = views[i].type = AIP_FLOAT64;
        fields[i].name = i == 0 ? "x" : "y";
        views[i].length = 6;
        views[i].values = i == 0 ? x : y;
    }
    OK(aip_context_create(&options, &b->ctx, &err));
    OK(aip_schema_create(b->ctx, fields, 2, &b->schema, &err));
    OK(aip_batch_create(b->schema, views, 2, &b->batch, &err));
    OK(aip_dataset_from_batches(b->schema, &b->batch, 1, &b->table, &err));
    OK(aip_stage_create(b->ctx, "standard_scaler", AIP_JSON({"columns" : ["x"]}), NULL, 0, &b->stage, &err));
    OK(aip_stage_fit(b->stage, b->table, NULL, &b->fitted, &err));
    OK(aip_dataset_transform(b->table, b->fitted, &b->view, &err));
    OK(aip_model_create(b->ctx, "logistic_regression", AIP_JSON({"max_iter" : 3}), &b->model, &err));
    aip_error *may_not_converge = NULL;
    int32_t status = aip_package_fit(b->ctx, b->stage, b->model, b->table, "y", NULL, &b->package, &may_not_converge);
    ck_assert_msg(status == AIP_OK, "%s", aip_error_text(may_not_converge));
    OK(aip_model_fit(b->model, b->view, "y", NULL, &b->learned, &err));
    OK(aip_package_predict(b->package, b->table, &b->predicted, &err));
    OK(aip_scorer_create(b->package, NULL, &b->scorer, &err));
    OK(aip_dag_parse(b->ctx, dag, NULL, &b->dag, &err));
    OK(aip_run_start(b->dag, NULL, &b->run, &err));
    OK(aip_cancel_create(b->ctx, &b->token, &err));
    OK(aip_dataset_to_arrow(b->predicted, &b->stream, &err));
}

static void drop(bag *b, int kind) {
    switch (kind) {
    case CONTEXT: aip_context_free(b->ctx); break;
    case SCHEMA: aip_schema_free(b->schema); break;
    case BATCH: aip_batch_free(b->batch); break;
    case TABLE: aip_dataset_free(b->table); break;
    case VIEW: aip_dataset_free(b->view); break;
    case PREDICTED: aip_dataset_free(b->predicted); break;
    case STAGE: aip_stage_free(b->stage); break;
    case FITTED: aip_stage_free(b->fitted); break;
    case MODEL: aip_model_free(b->model); break;
    case LEARNED: aip_model_free(b->learned); break;
    case PACKAGE: aip_package_free(b->package); break;
    case SCORER: aip_scorer_free(b->scorer); break;
    case DAG: aip_dag_free(b->dag); break;
    case RUN: aip_run_free(b->run); break;
    case TOKEN: aip_cancel_free(b->token); break;
    case STREAM: b->stream.release(&b->stream); break;
    default: ck_abort_msg("no such handle");
    }
}

static const char *order_text(const int *order, int n) {
    static char text[200];
    text[0] = 0;
    for (int i = 0; i < n; i++) snprintf(text + strlen(text), sizeof text - strlen(text), " %d", order[i]);
    return text;
}

/* All of the bag: first those that are not in the order, at whose end some handles are left; those go in the given order. */
static void free_in_order(const int *order, int n) {
    fault_memory memory = {.fail_at = -1};
    aip_allocator allocator = fault_allocator(&memory);
    bag b;
    make(&b, &allocator);
    for (int kind = N_KINDS - 1; kind >= 0; kind--) {
        bool listed = false;
        for (int i = 0; i < n; i++) listed = listed || order[i] == kind;
        if (!listed) drop(&b, kind);
    }
    for (int i = 0; i < n; i++) drop(&b, order[i]);
    ck_assert_msg(memory.blocks == 0, "order%s: %lld blocks left", order_text(order, n), (long long)memory.blocks);
}

/* The next permutation in lexicographic order; false after the last. */
static bool advance(int *order, int n) {
    int i = n - 2, j = n - 1;
    while (i >= 0 && order[i] > order[i + 1]) i--;
    if (i < 0) return false;
    while (order[j] < order[i]) j--;
    int t = order[i];
    order[i] = order[j], order[j] = t;
    for (int a = i + 1, b = n - 1; a < b; a++, b--) t = order[a], order[a] = order[b], order[b] = t;
    return true;
}

static int64_t every_order(int *order, int n) {
    int64_t done = 0, at = 0;
    do
        if (at++ % FAULT_STEP == 0) free_in_order(order, n), done++;
    while (advance(order, n));
    return done;
}

START_TEST(handles_may_be_freed_in_every_order) {
    /* ascending, so that all permutations come */
    static int serving[] = {CONTEXT, TABLE, FITTED, MODEL, PACKAGE, SCORER, STREAM},
               data[] = {CONTEXT, SCHEMA, BATCH, TABLE, VIEW, STAGE, FITTED},
               running[] = {CONTEXT, PREDICTED, PACKAGE, DAG, RUN, TOKEN, STREAM};
    int64_t n = every_order(serving, 7) + every_order(data, 7) + every_order(running, 7);
    printf("handles: %lld orders of three sets of 7 (all permutations%s): nothing left, no crash\n", (long long)n,
           FAULT_STEP == 1 ? "" : ", sampled");
}
END_TEST

START_TEST(all_handles_together_in_random_orders) {
    uint64_t seed = 88172645463325252u;
    int order[N_KINDS];
    for (int repeat = 0; repeat < 3000 / FAULT_STEP; repeat++) {
        for (int i = 0; i < N_KINDS; i++) order[i] = i;
        for (int i = N_KINDS - 1; i > 0; i--) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; /* xorshift64 */
            int j = (int)(seed % (uint64_t)(i + 1)), t = order[i];
            order[i] = order[j], order[j] = t;
        }
        free_in_order(order, N_KINDS);
    }
    printf("handles: %d random orders of all %d kinds\n", 3000 / FAULT_STEP, N_KINDS);
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {handles_may_be_freed_in_every_order, all_handles_together_in_random_orders, NULL};
    srunner_add_suite(runner, unit_suite("handle orders", tests));
}
