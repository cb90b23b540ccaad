/* The threads of the host: two thousand of them call in at once; contexts that do not see each other; handles freed on any thread; a context
 * closed while other threads work in it. Run under ThreadSanitizer too. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_THREADS 2000
/* The smallest stack that a thread of the host may call in with. Sanitizers need more for themselves. */
#define STACK_BYTES ((size_t)(PLAIN_BUILD ? 128 : 1024) << 10)

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static aip_context *context(int32_t threads) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    options.threads = threads;
    OK(aip_context_create(&options, &ctx, &err));
    OK(main_job_register(ctx, &err));
    return ctx;
}

/* The model of the main job, learned from a table in memory. */
static aip_package *learn(aip_context *ctx, aip_dataset **table) {
    static const char *const pipeline_json[] = {"simple_imputer",  AIP_JSON({"columns" : "numeric", "strategy" : "median"}),
                                                "standard_scaler", AIP_JSON({"columns" : "numeric"}),
                                                "one_hot_encoder", AIP_JSON({"columns" : "text", "handle_unknown" : "ignore"})};
    main_job_folder folder;
    char params[300];
    aip_dataset *read = NULL, *clean = NULL;
    aip_stage *stages[3] = {NULL}, *pipeline = NULL, *drop = NULL;
    aip_model *model = NULL;
    aip_package *package = NULL;
    main_job_folder_begin(&folder);
    snprintf(params, sizeof params, "{\"path\": \"%s/rows.csv\", \"on_bad_row\": \"reject\"}", folder.path);
    OK(aip_dataset_read(ctx, params, &read, &err));
    OK(aip_stage_create(ctx, "drop_missing", AIP_JSON({"columns" : ["target"]}), NULL, 0, &drop, &err));
    OK(aip_dataset_transform(read, drop, &clean, &err));
    OK(aip_dataset_collect(clean, NULL, table, &err));
    for (int i = 0; i < 3; i++)
        OK(aip_stage_create(ctx, pipeline_json[2 * i], pipeline_json[2 * i + 1], NULL, 0, &stages[i], &err));
    OK(aip_stage_pipeline(ctx, stages, 3, &pipeline, &err));
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_package_fit(ctx, pipeline, model, *table, "target", NULL, &package, &err));
    aip_model_free(model);
    aip_stage_free(pipeline);
    for (int i = 0; i < 3; i++) aip_stage_free(stages[i]);
    aip_stage_free(drop);
    aip_dataset_free(clean);
    aip_dataset_free(read);
    main_job_folder_end(&folder);
    return package;
}

/* ---- two thousand threads ------------------------------------------------------------------------------------------------------------- */

typedef struct crowd {
    aip_context *ctx[2];
    aip_package *package[2];
    aip_dataset *table[2];
    double expected[5], sum;
    pthread_mutex_t lock;
    pthread_cond_t go;
    int32_t waiting;
    bool open;
    _Atomic(int64_t) wrong, calls;
    char what[200];
} crowd;

static void wrong(crowd *c, const char *what, aip_error *err) {
    if (atomic_fetch_add(&c->wrong, 1) == 0) snprintf(c->what, sizeof c->what, "%s: %s", what, aip_error_text(err));
    aip_error_free(err);
}

static int32_t add_probability(void *user, aip_batch *batch, aip_error **err) {
    double *sum = user;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, aip_schema_find(aip_batch_schema(batch), "probability"), &view, err);
    const double *values = view.values;
    for (int64_t i = 0; status == AIP_OK && i < view.length; i++) *sum += values[i];
    return status;
}

static int32_t score(aip_package *package, double *out, aip_error **err) {
    aip_scorer *scorer = NULL;
    int32_t status = aip_scorer_create(package, NULL, &scorer, err);
    if (status == AIP_OK) status = main_job_bind(scorer, err);
    for (int i = 0; i < 3 && status == AIP_OK; i++)
        status = aip_scorer_run(scorer, main_job_rows, sizeof main_job_rows[0], 5, out, err);
    aip_scorer_free(scorer);
    return status;
}

static int32_t predict(aip_package *package, aip_dataset *table, double *sum, aip_error **err) {
    aip_dataset *predicted = NULL;
    int32_t status = aip_package_predict(package, table, &predicted, err);
    if (status == AIP_OK) status = aip_dataset_each(predicted, NULL, add_probability, sum, NULL, err);
    aip_dataset_free(predicted);
    return status;
}

static int32_t ask(aip_context *ctx, aip_error **err) {
    char *json = NULL;
    aip_stage *stage = NULL;
    int32_t status = aip_catalog_json(ctx, "standard_scaler", &json, err);
    if (status == AIP_OK) status = aip_stage_create(ctx, "derive", AIP_JSON({"z" : "fare * 2 + 1"}), NULL, 0, &stage, err);
    aip_stage_free(stage);
    aip_text_free(ctx, json);
    return status;
}

static int32_t own_context(aip_error **err) {
    aip_context *ctx = NULL;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.threads = AIP_THREADS_NONE;
    int32_t status = aip_context_create(&options, &ctx, err);
    if (status == AIP_OK) status = ask(ctx, err);
    aip_context_free(ctx);
    return status;
}

typedef struct member {
    crowd *c;
    int32_t index;
} member;

static void *call_in(void *arg) {
    const member *m = arg;
    crowd *c = m->c;
    int which = m->index % 2;
    aip_error *err = NULL;
    double scores[5], sum = 0;
    pthread_mutex_lock(&c->lock);
    c->waiting++;
    pthread_cond_broadcast(&c->go);
    while (!c->open) pthread_cond_wait(&c->go, &c->lock);
    pthread_mutex_unlock(&c->lock);
    if (score(c->package[which], scores, &err) != AIP_OK) {
        wrong(c, "score", err);
    } else if (memcmp(scores, c->expected, sizeof scores) != 0) {
        wrong(c, "other scores", NULL);
    }
    err = NULL;
    if (m->index % 4 < 2) {
        if (predict(c->package[which], c->table[which], &sum, &err) != AIP_OK)
            wrong(c, "predict", err);
        else if (memcmp(&sum, &c->sum, sizeof sum) != 0)
            wrong(c, "other predictions", NULL);
        err = NULL;
    }
    if (ask(c->ctx[which], &err) != AIP_OK) wrong(c, "catalogue", err);
    err = NULL;
    if (m->index % 50 == 0 && own_context(&err) != AIP_OK) wrong(c, "a context of its own", err);
    atomic_fetch_add(&c->calls, 1);
    return NULL;
}

START_TEST(two_thousand_threads_call_in_at_once) {
    static crowd c;
    static member members[N_THREADS];
    static pthread_t threads[N_THREADS];
    pthread_attr_t attributes;
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.go, NULL);
    for (int i = 0; i < 2; i++) {
        c.ctx[i] = context(i == 0 ? AIP_THREADS_NONE : 3);
        c.package[i] = learn(c.ctx[i], &c.table[i]);
    }
    OK(score(c.package[0], c.expected, &err));
    OK(predict(c.package[0], c.table[0], &c.sum, &err));
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    int32_t n = 0;
    for (; n < N_THREADS; n++) {
        members[n] = (member){&c, n};
        if (pthread_create(&threads[n], &attributes, call_in, &members[n]) != 0) break;
    }
    ck_assert_msg(n == N_THREADS, "only %d threads could be started", (int)n);
    pthread_mutex_lock(&c.lock);
    while (c.waiting < n) pthread_cond_wait(&c.go, &c.lock);
    c.open = true;
    pthread_cond_broadcast(&c.go);
    pthread_mutex_unlock(&c.lock);
    for (int32_t i = 0; i < n; i++) pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    ck_assert_msg(atomic_load(&c.wrong) == 0, "%lld wrong; the first: %s", (long long)c.wrong, c.what);
    printf("threads: %lld at once, stacks of %zu KiB, two contexts: all as one alone\n", (long long)c.calls, STACK_BYTES >> 10);
    for (int i = 0; i < 2; i++) {
        aip_package_free(c.package[i]);
        aip_dataset_free(c.table[i]);
        aip_context_free(c.ctx[i]);
    }
}
END_TEST

/* ---- two contexts ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(two_contexts_do_not_see_each_other) {
    fault_memory memory[2] = {{.fail_at = -1}, {.fail_at = -1}};
    aip_context *ctx[2] = {NULL, NULL};
    aip_dataset *table[2] = {NULL, NULL};
    aip_package *package[2] = {NULL, NULL};
    aip_stage *stage = NULL;
    double scores[2][5];
    for (int i = 0; i < 2; i++) {
        aip_allocator allocator = fault_allocator(&memory[i]);
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        options.allocator = &allocator;
        options.threads = 2;
        OK(aip_context_create(&options, &ctx[i], &err));
    }
    OK(main_job_register(ctx[0], &err)); /* a stage of the first alone */
    FAILS(aip_stage_create(ctx[1], "centre", AIP_JSON({"column" : "x"}), NULL, 0, &stage, &err), AIP_E_NOT_FOUND, "centre");
    uint64_t used = aip_context_memory_used(ctx[1]);
    int64_t calls = memory[1].n_calls;
    package[0] = learn(ctx[0], &table[0]);
    ck_assert_uint_eq(aip_context_memory_used(ctx[1]), used);
    ck_assert_int_eq(memory[1].n_calls, calls); /* not one allocation of the other's */
    package[1] = learn(ctx[1], &table[1]);
    OK(score(package[0], scores[0], &err));
    /* what belongs to one is refused by the other */
    aip_dataset *mixed = NULL;
    FAILS(aip_package_predict(package[0], table[1], &mixed, &err), AIP_E_MISUSE, "context");
    /* closing the one leaves the other as it was */
    aip_context_close(ctx[0]);
    OK(score(package[1], scores[1], &err));
    ck_assert_int_eq(memcmp(scores[0], scores[1], sizeof scores[0]), 0);
    double sum = 0;
    OK(predict(package[1], table[1], &sum, &err));
    for (int i = 0; i < 2; i++) {
        aip_package_free(package[i]);
        aip_dataset_free(table[i]);
        aip_context_free(ctx[i]);
        ck_assert_int_eq(memory[i].blocks, 0);
    }
}
END_TEST

/* ---- closing while others work ------------------------------------------------------------------------------------------------------------ */

typedef enum work_kind { WORK_RUN, WORK_SCAN, WORK_FIT, WORK_COMMAND, N_WORK } work_kind;

typedef struct job {
    aip_context *ctx;
    work_kind kind;
    aip_schema *schema;
    aip_batch *batch;
    _Atomic(int64_t) batches; /* handed out so far: the work is under way */
    _Atomic(int32_t) status;
    _Atomic(int64_t) ended_ns;
    _Atomic(bool) destroyed;
} job;

/* A table without end. */
static int32_t endless(void *user, aip_batch **out, aip_error **err) {
    job *j = user;
    (void)err;
    aip_batch_retain(j->batch);
    *out = j->batch;
    atomic_fetch_add(&j->batches, 1);
    return AIP_OK;
}
static int32_t reopen(void *user, aip_error **err) {
    (void)user, (void)err;
    return AIP_OK;
}
static void destroyed(void *user) { atomic_store(&((job *)user)->destroyed, true); }

static int32_t make_table(job *j, aip_dataset **out, aip_error **err) {
    aip_source_callbacks callbacks = AIP_SOURCE_CALLBACKS_INIT;
    callbacks.user = j;
    callbacks.open = reopen;
    callbacks.next = endless;
    callbacks.destroy = destroyed;
    return aip_dataset_from_callbacks(j->schema, &callbacks, out, err);
}

static int32_t scan_task(void *user, aip_task_context *task, aip_error **err) {
    job *j = user;
    aip_dataset *table = NULL;
    int64_t n = 0;
    int32_t status = make_table(j, &table, err);
    if (status == AIP_OK) status = aip_dataset_count(table, aip_task_call(task), &n, err);
    aip_dataset_free(table);
    return status;
}

static int32_t run_work(job *j, aip_error **err) {
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    int32_t status = aip_dag_create(j->ctx, "d", &dag, err);
    if (status == AIP_OK && j->kind == WORK_COMMAND) {
        status = aip_dag_add(dag, "sleep", AIP_JSON({"command" : [ "sleep", "30" ]}), err);
        atomic_fetch_add(&j->batches, 1);
    } else if (status == AIP_OK) {
        status = aip_dag_add_callback(dag, "scan", scan_task, j, NULL, err);
    }
    if (status == AIP_OK) status = aip_run_start(dag, NULL, &run, err);
    if (status == AIP_OK) status = aip_run_wait(run, err);
    aip_run_free(run);
    aip_dag_free(dag);
    return status;
}

static int32_t scan_or_fit(job *j, aip_error **err) {
    aip_dataset *table = NULL, *all = NULL;
    aip_stage *stage = NULL, *fitted = NULL;
    int64_t n = 0;
    int32_t status = make_table(j, &table, err);
    if (status == AIP_OK && j->kind == WORK_SCAN) status = aip_dataset_count(table, NULL, &n, err);
    if (status == AIP_OK && j->kind == WORK_FIT) {
        status = aip_stage_create(j->ctx, "standard_scaler", AIP_JSON({"columns" : ["x"]}), NULL, 0, &stage, err);
        if (status == AIP_OK) status = aip_stage_fit(stage, table, NULL, &fitted, err);
    }
    aip_stage_free(fitted);
    aip_stage_free(stage);
    aip_dataset_free(all);
    aip_dataset_free(table);
    return status;
}

static void *do_work(void *arg) {
    job *j = arg;
    aip_error *err = NULL;
    int32_t status = j->kind == WORK_RUN || j->kind == WORK_COMMAND ? run_work(j, &err) : scan_or_fit(j, &err);
    atomic_store(&j->ended_ns, now_ns());
    atomic_store(&j->status, status);
    if (aip_error_status(err) != status) atomic_store(&j->status, 1000);
    aip_error_free(err);
    return NULL;
}

static void job_begin(job *j, aip_context *ctx, work_kind kind) {
    static double x[AIP_BATCH_MAX_ROWS];
    aip_field field = AIP_FIELD_INIT;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    field.type = view.type = AIP_FLOAT64;
    field.name = "x";
    view.length = AIP_BATCH_MAX_ROWS;
    view.values = x;
    memset(j, 0, sizeof *j);
    j->ctx = ctx;
    j->kind = kind;
    atomic_store(&j->status, 999);
    OK(aip_schema_create(ctx, &field, 1, &j->schema, &err));
    OK(aip_batch_create(j->schema, &view, 1, &j->batch, &err));
}

static void pause_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

START_TEST(closing_a_context_ends_what_other_threads_do_in_it) {
    static const char *const names[] = {"a run", "a scan", "a fit", "a program"};
    static const int32_t threads[] = {AIP_THREADS_NONE, 3};
    for (int t = 0; t < 2; t++) {
        for (int kind = 0; kind < N_WORK; kind++) {
            int64_t worst = 0;
            for (int repeat = 0; repeat < 5; repeat++) {
                aip_context *ctx = context(threads[t]);
                job j;
                pthread_t thread;
                job_begin(&j, ctx, (work_kind)kind);
                ck_assert_int_eq(pthread_create(&thread, NULL, do_work, &j), 0);
                while (atomic_load(&j.batches) < (kind == WORK_COMMAND ? 1 : 1 + repeat)) pause_ms(1);
                if (kind == WORK_COMMAND) pause_ms(20);
                int64_t began = now_ns();
                aip_context_close(ctx);
                ck_assert_int_eq(pthread_join(thread, NULL), 0);
                int64_t took = atomic_load(&j.ended_ns) - began;
                if (took > worst) worst = took;
                ck_assert_msg(atomic_load(&j.status) == AIP_E_CANCELLED, "%s: %d", names[kind], (int)atomic_load(&j.status));
                ck_assert(kind == WORK_COMMAND || atomic_load(&j.destroyed));
                aip_schema_free(j.schema); /* on another thread than the one that used them, after the closing */
                aip_batch_free(j.batch);
                aip_context_free(ctx);
            }
            printf("closing: %s, %s: ended as cancelled within %.1f ms (worst of 5)\n", names[kind],
                   t == 0 ? "no workers" : "two workers", (double)worst / 1e6);
        }
    }
}
END_TEST

/* ---- a join's right table: read inside of a bind --------------------------------------------------------------------------------------------- */

typedef struct joining {
    job source;
    aip_dataset *left;
    aip_stage *join;
    aip_run *run;
    _Atomic(int32_t) asked; /* binds that were begun */
    _Atomic(int32_t) bound[3];
} joining;

static int32_t slowly(void *user, aip_batch **out, aip_error **err) {
    pause_ms(2);
    return endless(user, out, err);
}

static int32_t bind_join(joining *j, int32_t i, aip_error **err) {
    aip_dataset *joined = NULL;
    atomic_fetch_add(&j->asked, 1);
    int32_t status = aip_dataset_transform(j->left, j->join, &joined, err);
    atomic_store(&j->bound[i], status);
    aip_dataset_free(joined);
    return status;
}
static int32_t first_task(void *user, aip_task_context *task, aip_error **err) {
    (void)task;
    return bind_join(user, 0, err);
}
static int32_t second_task(void *user, aip_task_context *task, aip_error **err) {
    (void)task;
    return bind_join(user, 1, err);
}
static void *bind_alone(void *arg) {
    bind_join(arg, 2, NULL);
    return NULL;
}
static void *wait_for_join(void *arg) {
    joining *j = arg;
    atomic_store(&j->source.status, aip_run_wait(j->run, NULL));
    atomic_store(&j->source.ended_ns, now_ns());
    return NULL;
}

START_TEST(a_join_that_reads_its_right_table_is_cancelled_with_its_run_and_holds_nobody_up) {
    static joining j;
    aip_source_callbacks callbacks = AIP_SOURCE_CALLBACKS_INIT;
    aip_dataset *right = NULL;
    aip_dag *dag = NULL;
    aip_input input = AIP_INPUT_INIT;
    pthread_t waiting, alone;
    aip_field field = AIP_FIELD_INIT;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    static const int64_t key[1] = {1};
    aip_schema *schema = NULL;
    aip_context *ctx = context(4);
    j.source.ctx = ctx;
    field.type = view.type = AIP_INT64;
    field.name = "k";
    view.length = 1;
    view.values = key;
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    OK(aip_batch_create(schema, &view, 1, &j.source.batch, &err));
    OK(aip_dataset_from_batches(schema, &j.source.batch, 1, &j.left, &err));
    callbacks.user = &j.source;
    callbacks.open = reopen;
    callbacks.next = slowly;
    OK(aip_dataset_from_callbacks(schema, &callbacks, &right, &err));
    input.name = "with";
    input.dataset = right;
    OK(aip_stage_create(ctx, "join", AIP_JSON({"on" : "k"}), &input, 1, &j.join, &err));
    OK(aip_dag_create(ctx, "d", &dag, &err));
    OK(aip_dag_add_callback(dag, "first", first_task, &j, NULL, &err));
    OK(aip_dag_add_callback(dag, "second", second_task, &j, NULL, &err));
    OK(aip_run_start(dag, NULL, &j.run, &err));
    ck_assert_int_eq(pthread_create(&waiting, NULL, wait_for_join, &j), 0);
    while (atomic_load(&j.asked) < 2 || atomic_load(&j.source.batches) < 5) pause_ms(1);
    int64_t began = now_ns();
    aip_run_cancel(j.run); /* the one builds, the other waits for it: both end */
    pthread_join(waiting, NULL);
    ck_assert_int_eq(j.source.status, AIP_E_CANCELLED);
    ck_assert_int_eq(j.bound[0], AIP_E_CANCELLED);
    ck_assert_int_eq(j.bound[1], AIP_E_CANCELLED);
    printf("join: cancelled while its right table is read, within %.1f ms\n", (double)(j.source.ended_ns - began) / 1e6);
    /* outside of a run the closing of the context ends it */
    int64_t batches = atomic_load(&j.source.batches);
    ck_assert_int_eq(pthread_create(&alone, NULL, bind_alone, &j), 0);
    while (atomic_load(&j.source.batches) < batches + 5) pause_ms(1);
    aip_context_close(ctx);
    pthread_join(alone, NULL);
    ck_assert_int_eq(j.bound[2], AIP_E_CANCELLED);
    aip_run_free(j.run);
    aip_dag_free(dag);
    aip_stage_free(j.join);
    aip_dataset_free(right);
    aip_dataset_free(j.left);
    aip_batch_free(j.source.batch);
    aip_schema_free(schema);
    aip_context_free(ctx);
}
END_TEST

/* ---- freeing elsewhere ---------------------------------------------------------------------------------------------------------------------- */

typedef struct handles {
    aip_context *ctx;
    aip_dataset *table;
    aip_package *package;
    aip_scorer *scorer;
    aip_cancel *token;
} handles;

static void *free_context(void *arg) {
    aip_context_free(((handles *)arg)->ctx);
    return NULL;
}
static void *free_rest(void *arg) {
    handles *h = arg;
    aip_package_free(h->package);
    aip_scorer_free(h->scorer);
    aip_dataset_free(h->table);
    aip_cancel_free(h->token);
    return NULL;
}

START_TEST(handles_are_freed_on_other_threads_at_the_same_time) {
    for (int repeat = 0; repeat < 50; repeat++) {
        fault_memory memory = {.fail_at = -1};
        aip_allocator allocator = fault_allocator(&memory);
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        handles h = {0};
        pthread_t threads[2];
        options.allocator = &allocator;
        options.threads = 2;
        OK(aip_context_create(&options, &h.ctx, &err));
        h.package = learn(h.ctx, &h.table);
        OK(aip_scorer_create(h.package, NULL, &h.scorer, &err));
        OK(aip_cancel_create(h.ctx, &h.token, &err));
        ck_assert_int_eq(pthread_create(&threads[0], NULL, repeat % 2 ? free_context : free_rest, &h), 0);
        ck_assert_int_eq(pthread_create(&threads[1], NULL, repeat % 2 ? free_rest : free_context, &h), 0);
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        ck_assert_int_eq(memory.blocks, 0);
    }
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {two_thousand_threads_call_in_at_once,
                                  two_contexts_do_not_see_each_other,
                                  closing_a_context_ends_what_other_threads_do_in_it,
                                  a_join_that_reads_its_right_table_is_cancelled_with_its_run_and_holds_nobody_up,
                                  handles_are_freed_on_other_threads_at_the_same_time,
                                  NULL};
    srunner_add_suite(runner, unit_suite("host threads", tests));
}
