/* Forks, as pre-forking servers make them: a parent loads and trains, its children predict, score and free; and forks at the worst moments, while
 * other threads of the parent run, allocate, register and read. In the child what lies in memory goes on, what the parent's threads were doing
 * is AIP_E_FORKED, frees are safe, and nothing hangs: an alarm ends a child that does. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_CHILDREN 8
#define N_FORKS (PLAIN_BUILD ? 150 : 25)

static main_job_folder folder;

typedef struct app { /* what a server has loaded before it forks */
    aip_context *ctx;
    aip_dataset *table, *file;
    aip_package *package;
    double scores[5], sum;
} app;

static int32_t add_probability(void *user, aip_batch *batch, aip_error **err) {
    double *sum = user;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, aip_schema_find(aip_batch_schema(batch), "probability"), &view, err);
    const double *values = view.values;
    for (int64_t i = 0; status == AIP_OK && i < view.length; i++) *sum += values[i];
    return status;
}

static int32_t predict(aip_package *package, aip_dataset *table, double *sum, aip_error **err) {
    aip_dataset *predicted = NULL;
    *sum = 0;
    int32_t status = aip_package_predict(package, table, &predicted, err);
    if (status == AIP_OK) status = aip_dataset_each(predicted, NULL, add_probability, sum, NULL, err);
    aip_dataset_free(predicted);
    return status;
}

static int32_t score(aip_package *package, double *out, aip_error **err) {
    aip_scorer *scorer = NULL;
    int32_t status = aip_scorer_create(package, NULL, &scorer, err);
    if (status == AIP_OK) status = main_job_bind(scorer, err);
    if (status == AIP_OK) status = aip_scorer_run(scorer, main_job_rows, sizeof main_job_rows[0], 5, out, err);
    aip_scorer_free(scorer);
    return status;
}

static int32_t load(app *a, int32_t threads, aip_error **err) {
    char params[300];
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_stage *drop = NULL, *pipeline = NULL, *stages[4] = {NULL};
    aip_model *model = NULL;
    aip_dataset *clean = NULL;
    options.threads = threads;
    snprintf(params, sizeof params, "{\"path\": \"%s/rows.csv\", \"on_bad_row\": \"reject\"}", folder.path);
    int32_t status = aip_context_create(&options, &a->ctx, err);
    if (status == AIP_OK) status = main_job_register(a->ctx, err);
    if (status == AIP_OK) status = aip_dataset_read(a->ctx, params, &a->file, err);
    if (status == AIP_OK)
        status = aip_stage_create(a->ctx, "drop_missing", AIP_JSON({"columns" : ["target"]}), NULL, 0, &drop, err);
    if (status == AIP_OK) status = aip_dataset_transform(a->file, drop, &clean, err);
    if (status == AIP_OK) status = aip_dataset_collect(clean, NULL, &a->table, err);
    if (status == AIP_OK)
        status = aip_stage_create(a->ctx, "simple_imputer", AIP_JSON({"columns" : "numeric"}), NULL, 0, &stages[0], err);
    if (status == AIP_OK) status = aip_stage_create(a->ctx, "centre", AIP_JSON({"column" : "age"}), NULL, 0, &stages[1], err);
    if (status == AIP_OK)
        status = aip_stage_create(a->ctx, "standard_scaler", AIP_JSON({"columns" : "numeric"}), NULL, 0, &stages[2], err);
    if (status == AIP_OK)
        status = aip_stage_create(a->ctx, "one_hot_encoder", AIP_JSON({"columns" : "text", "handle_unknown" : "ignore"}), NULL, 0,
                                  &stages[3], err);
    if (status == AIP_OK) status = aip_stage_pipeline(a->ctx, stages, 4, &pipeline, err);
    if (status == AIP_OK) status = aip_model_create(a->ctx, "logistic_regression", NULL, &model, err);
    if (status == AIP_OK) status = aip_package_fit(a->ctx, pipeline, model, a->table, "target", NULL, &a->package, err);
    if (status == AIP_OK) status = score(a->package, a->scores, err);
    if (status == AIP_OK) status = predict(a->package, a->table, &a->sum, err);
    aip_model_free(model);
    aip_stage_free(pipeline);
    for (int i = 0; i < 4; i++) aip_stage_free(stages[i]);
    aip_stage_free(drop);
    aip_dataset_free(clean);
    return status;
}

static void unload(app *a) {
    aip_package_free(a->package);
    aip_dataset_free(a->file);
    aip_dataset_free(a->table);
    aip_context_free(a->ctx);
}

/* Said by a child that fails, whose exit status alone would not tell what. */
static int failed(const char *what, aip_error *err) {
    fprintf(stderr, "child: %s: %s\n", what, aip_error_text(err));
    return 1;
}
#define CHILD(call)                                      \
    do {                                                 \
        if ((call) != AIP_OK) return failed(#call, err); \
    } while (0)

/* What a worker of a server does: 0 when all is as in the parent. */
static int serve(const app *a) {
    aip_error *err = NULL;
    double scores[5], sum = 0;
    char *json = NULL, *bytes = NULL;
    size_t n = 0;
    aip_package *copy = NULL;
    aip_stage *stage = NULL;
    CHILD(score(a->package, scores, &err));
    if (memcmp(scores, a->scores, sizeof scores) != 0) return failed("other scores", NULL);
    CHILD(predict(a->package, a->table, &sum, &err));
    if (memcmp(&sum, &a->sum, sizeof sum) != 0) return failed("other predictions", NULL);
    CHILD(aip_package_describe(a->package, &json, &err));
    CHILD(aip_package_to_bytes(a->package, &bytes, &n, &err));
    CHILD(aip_package_from_bytes(a->ctx, bytes, n, &copy, &err));
    CHILD(score(copy, scores, &err));
    if (memcmp(scores, a->scores, sizeof scores) != 0) return failed("other scores of the copy", NULL);
    CHILD(aip_stage_create(a->ctx, "standard_scaler", NULL, NULL, 0, &stage, &err));
    aip_stage_free(stage);
    aip_package_free(copy);
    aip_text_free(a->ctx, json);
    aip_text_free(a->ctx, bytes);
    return 0;
}

static void expect_success(pid_t child, const char *what) {
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %s %d", what,
                  WIFSIGNALED(status) ? "signal" : "exit status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- a pre-forking server ------------------------------------------------------------------------------------------------------------------ */

START_TEST(children_of_a_preloading_parent_predict_score_and_free) {
    app a = {0};
    main_job_folder_begin(&folder);
    OK(load(&a, 4, &err));
    pid_t children[N_CHILDREN];
    for (int i = 0; i < N_CHILDREN; i++) {
        fflush(NULL);
        children[i] = unit_fork();
        if (children[i] == 0) {
            alarm(60);
            int bad = 0;
            for (int k = 0; k < 20 && !bad; k++) bad = serve(&a);
            if (i % 2 == 0) aip_context_close(a.ctx);
            unload(&a);
            if (!PLAIN_BUILD)
                _exit(bad); /* the store of buffers of the parent is left to the process's end: LeakSanitizer calls it lost */
            exit(bad);
        }
        ck_assert_int_gt(children[i], 0);
    }
    ck_assert_int_eq(serve(&a), 0); /* the parent goes on meanwhile */
    for (int i = 0; i < N_CHILDREN; i++) expect_success(children[i], "a server's worker");
    ck_assert_int_eq(serve(&a), 0);
    aip_dataset *again = NULL;
    OK(aip_dataset_collect(a.file, NULL, &again, &err)); /* with its threads */
    aip_dataset_free(again);
    unload(&a);
    main_job_folder_end(&folder);
    printf("forks: %d children of a preloading parent: as the parent\n", N_CHILDREN);
}
END_TEST

/* ---- at the worst moments -------------------------------------------------------------------------------------------------------------------- */

typedef struct busy {
    app *a;
    _Atomic(bool) end;
    _Atomic(int64_t) turns;
    aip_schema *schema;
    aip_batch *batch;
    aip_run *run; /* without end, until it is cancelled */
    _Atomic(int32_t) status;
} busy;

static void *allocate(void *arg) { /* large and small, through the store of buffers */
    busy *b = arg;
    while (!atomic_load(&b->end)) {
        aip_dataset *copy = NULL;
        char *json = NULL;
        if (aip_dataset_collect(b->a->file, NULL, &copy, NULL) != AIP_OK) atomic_store(&b->status, 1);
        if (aip_catalog_json(b->a->ctx, NULL, &json, NULL) != AIP_OK) atomic_store(&b->status, 1);
        aip_dataset_free(copy);
        aip_text_free(b->a->ctx, json);
        atomic_fetch_add(&b->turns, 1);
    }
    return NULL;
}

static void *look(void *arg) { /* takes the locks of the run, of the files and of the catalogue */
    busy *b = arg;
    for (int64_t i = 0; !atomic_load(&b->end); i++) {
        char *json = NULL;
        aip_dataset *rejects = NULL;
        aip_stage *stage = NULL;
        if (aip_run_report(b->run, &json, NULL) != AIP_OK) atomic_store(&b->status, 1);
        if (aip_dataset_rejects(b->a->file, NULL, &rejects, NULL) != AIP_OK) atomic_store(&b->status, 1);
        if (aip_stage_create(b->a->ctx, "select", AIP_JSON({"columns" : ["x"]}), NULL, 0, &stage, NULL) != AIP_OK)
            atomic_store(&b->status, 1);
        aip_stage_free(stage);
        aip_dataset_free(rejects);
        aip_text_free(b->a->ctx, json);
        atomic_fetch_add(&b->turns, 1);
    }
    return NULL;
}

static void *enrol(void *arg) { /* changes the catalogue */
    busy *b = arg;
    static char names[4000][24];
    for (int i = 0; i < 4000 && !atomic_load(&b->end); i++) {
        aip_descriptor d = AIP_DESCRIPTOR_INIT;
        snprintf(names[i], sizeof names[i], "stage_%d", i);
        d.kind = AIP_KIND_STAGE;
        d.name = names[i];
        d.doc = "One of many.";
        d.ops = &main_job_centre_ops;
        if (aip_catalog_register(b->a->ctx, &d, NULL) != AIP_OK) atomic_store(&b->status, 1);
        atomic_fetch_add(&b->turns, 1);
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    }
    return NULL;
}

static int32_t again_and_again(void *user, aip_batch **out, aip_error **err) {
    busy *b = user;
    (void)err;
    aip_batch_retain(b->batch);
    *out = b->batch;
    return AIP_OK;
}
static int32_t reopen(void *user, aip_error **err) {
    (void)user, (void)err;
    return AIP_OK;
}

static int32_t endless_task(void *user, aip_task_context *task, aip_error **err) {
    busy *b = user;
    aip_source_callbacks callbacks = AIP_SOURCE_CALLBACKS_INIT;
    aip_dataset *table = NULL;
    int64_t n = 0;
    callbacks.user = b;
    callbacks.open = reopen;
    callbacks.next = again_and_again;
    int32_t status = aip_dataset_from_callbacks(b->schema, &callbacks, &table, err);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, table, err);
    if (status == AIP_OK) status = aip_dataset_count(table, aip_task_call(task), &n, err);
    aip_dataset_free(table);
    return status;
}

static void *wait_for_run(void *arg) {
    busy *b = arg;
    if (aip_run_wait(b->run, NULL) != AIP_E_CANCELLED) atomic_store(&b->status, 1);
    return NULL;
}

static void start_endless(busy *b, aip_dag **dag) {
    static double x[1000];
    aip_field field = AIP_FIELD_INIT;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    field.type = view.type = AIP_FLOAT64;
    field.name = "x";
    view.length = 1000;
    view.values = x;
    OK(aip_schema_create(b->a->ctx, &field, 1, &b->schema, &err));
    OK(aip_batch_create(b->schema, &view, 1, &b->batch, &err));
    OK(aip_dag_create(b->a->ctx, "d", dag, &err));
    OK(aip_dag_add_callback(*dag, "endless", endless_task, b, NULL, &err));
    OK(aip_run_start(*dag, NULL, &b->run, &err));
}

/* In a child, of a run that its parent's threads are in the middle of. */
static int inherited_run(busy *b) {
    aip_error *err = NULL;
    char *json = NULL;
    int32_t status = aip_run_wait(b->run, &err);
    if (status != AIP_E_FORKED || aip_error_status(err) != status) return failed("aip_run_wait", err);
    aip_error_free(err);
    err = NULL;
    if (aip_run_poll(b->run, 0, 1000000) != AIP_RUN_RUNNING) return failed("aip_run_poll", NULL);
    status = aip_run_report(b->run, &json, &err);
    if (status != AIP_E_FORKED) return failed("aip_run_report", err);
    aip_error_free(err);
    aip_run_cancel(b->run);
    aip_run_free(b->run);
    return 0;
}

/* A run of the child's own, inline. */
static int own_run(const app *a) {
    aip_error *err = NULL;
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    char path[300];
    snprintf(path, sizeof path, "%s/small.yaml", folder.path);
    CHILD(aip_dag_load(a->ctx, path, &dag, &err));
    CHILD(aip_run_start(dag, NULL, &run, &err));
    CHILD(aip_run_wait(run, &err));
    aip_run_free(run);
    aip_dag_free(dag);
    return 0;
}

START_TEST(forks_at_any_moment_leave_a_child_that_works_and_never_hangs) {
    static app a;
    static busy b;
    pthread_t threads[4];
    void *(*const work[4])(void *) = {allocate, look, enrol, wait_for_run};
    aip_dag *dag = NULL;
    main_job_folder_begin(&folder);
    char path[300];
    snprintf(path, sizeof path, "%s/small.yaml", folder.path);
    FILE *f = fopen(path, "w");
    fputs("dag: small\ntasks:\n  read: {read: {path: rows.csv, on_bad_row: reject}}\n"
          "  clean: {from: read, transform: [{drop_missing: {columns: [target]}}]}\n",
          f);
    fclose(f);
    OK(load(&a, 3, &err));
    b.a = &a;
    start_endless(&b, &dag);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, work[i], &b), 0);
    uint64_t seed = 42;
    for (int i = 0; i < N_FORKS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        nanosleep(&(struct timespec){.tv_nsec = (long)(seed >> 44)}, NULL); /* up to a millisecond */
        pid_t child = unit_fork();
        if (child == 0) {
            alarm(60);
            int bad = serve(&a);
            if (!bad) bad = own_run(&a);
            if (!bad) bad = inherited_run(&b);
            aip_dag_free(dag);
            aip_batch_free(b.batch);
            aip_schema_free(b.schema);
            unload(&a);
            _exit(bad); /* what the parent's threads were holding is nobody's here: no leak check */
        }
        ck_assert_int_gt(child, 0);
        expect_success(child, "a child forked while threads work");
    }
    atomic_store(&b.end, true);
    aip_run_cancel(b.run);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(b.status, 0);
    ck_assert_int_eq(serve(&a), 0); /* the parent has noticed nothing */
    aip_run_free(b.run);
    aip_dag_free(dag);
    aip_batch_free(b.batch);
    aip_schema_free(b.schema);
    unload(&a);
    main_job_folder_end(&folder);
    printf("forks: %d while four threads allocate, look, register and run (%lld turns): every child works, none hangs\n", N_FORKS,
           (long long)b.turns);
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const quiet[] = {children_of_a_preloading_parent_predict_score_and_free, NULL};
    const TTest *const loud[] = {forks_at_any_moment_leave_a_child_that_works_and_never_hangs, NULL};
    srunner_add_suite(runner, unit_suite("preloading", quiet));
    if (WORK_WHILE_FORKING) srunner_add_suite(runner, unit_suite("forks while threads work", loud));
}
