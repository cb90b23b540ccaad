/* Ten thousand random sequences of calls: create, use, fork and free, over one pool of handles, in any order that the API allows and in many that
 * it refuses. Nothing may crash, hang or leak; a refusal is an error with a message. The seed of a sequence that goes wrong is printed:
 * AIPIPE_TEST_SEED runs that one alone. */
#include "../unit/unit.h"
#include "faults.h"
#include "main_job.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_SEQUENCES (10000 / FAULT_STEP)
#define N_STEPS 30
#define N_SLOTS 4 /* of each kind */

static uint64_t current_seed;

typedef struct pool {
    uint64_t seed;
    fault_memory memory;
    aip_context *ctx;
    aip_schema *schema[N_SLOTS];
    aip_batch *batch[N_SLOTS];
    aip_dataset *dataset[N_SLOTS];
    aip_stage *stage[N_SLOTS];
    aip_model *model[N_SLOTS];
    aip_package *package[N_SLOTS];
    aip_scorer *scorer[N_SLOTS];
    aip_dag *dag[N_SLOTS];
    aip_run *run[N_SLOTS];
    aip_cancel *token[N_SLOTS];
    bool child;
    int64_t n_ok, n_refused;
} pool;

static uint32_t pick(pool *p, uint32_t n) { /* splitmix64 */
    uint64_t z = (p->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}
#define SLOT(kind) p->kind[pick(p, N_SLOTS)]

/* What a call gave: fine, or a refusal that explains itself. */
static void gave(pool *p, int32_t status, aip_error *err) {
    if (status == AIP_OK) {
        ck_assert_ptr_null(err);
        p->n_ok++;
    } else {
        ck_assert_msg(aip_error_status(err) == status && *aip_error_message(err), "seed %llu: status %d with the error %d '%s'",
                      (unsigned long long)current_seed, (int)status, (int)aip_error_status(err), aip_error_message(err));
        ck_assert_msg(status != AIP_E_INTERNAL && status != AIP_E_NOMEM, "seed %llu: %s", (unsigned long long)current_seed,
                      aip_error_text(err));
        p->n_refused++;
    }
    aip_error_free(err);
}

static void create(pool *p) {
    static const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {0, 0, 1, 0, 1, 1};
    static const char *const stages[][2] = {{"standard_scaler", AIP_JSON({"columns" : ["x"]})},
                                            {"simple_imputer", AIP_JSON({"columns" : ["x"]})},
                                            {"drop_missing", NULL},
                                            {"derive", AIP_JSON({"z" : "x + y"})},
                                            {"select", AIP_JSON({"columns" : ["x"]})},
                                            {"centre", AIP_JSON({"column" : "x"})},
                                            {"no_such", NULL}};
    static const char *const dags[] = {"dag: d\ntasks: {a: {command: 'true'}}\n", "dag: d\ntasks: {a: {needs: a, command: x}}\n",
                                       "dag: [\n", "dag: d\nparams: {n: 1}\ntasks: {}\n"};
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    aip_error *err = NULL;
    int32_t status = AIP_OK;
    for (int i = 0; i < 2; i++) {
        fields[i].type = views[i].type = AIP_FLOAT64;
        fields[i].name = i == 0 ? "x" : "y";
        views[i].length = 6;
        views[i].values = i == 0 ? x : y;
    }
#define INTO(kind, drop, ...)                                    \
    do {                                                         \
        __typeof__(p->kind[0]) made = NULL, *slot = &SLOT(kind); \
        status = (__VA_ARGS__);                                  \
        ck_assert((status == AIP_OK) == (made != NULL));         \
        if (made) drop(*slot), *slot = made;                     \
    } while (0)
    switch (pick(p, 9)) {
    case 0: INTO(schema, aip_schema_free, aip_schema_create(p->ctx, fields, (int32_t)pick(p, 3), &made, &err)); break;
    case 1: INTO(batch, aip_batch_free, aip_batch_create(SLOT(schema), views, 2, &made, &err)); break;
    case 2: {
        aip_batch *one = SLOT(batch);
        INTO(dataset, aip_dataset_free, aip_dataset_from_batches(SLOT(schema), &one, one != NULL, &made, &err));
        break;
    }
    case 3: {
        uint32_t which = pick(p, sizeof stages / sizeof *stages);
        INTO(stage, aip_stage_free, aip_stage_create(p->ctx, stages[which][0], stages[which][1], NULL, 0, &made, &err));
        break;
    }
    case 4: INTO(model, aip_model_free, aip_model_create(p->ctx, "logistic_regression", NULL, &made, &err)); break;
    case 5: INTO(dag, aip_dag_free, aip_dag_parse(p->ctx, dags[pick(p, 4)], NULL, &made, &err)); break;
    case 6: INTO(token, aip_cancel_free, aip_cancel_create(p->ctx, &made, &err)); break;
    case 7: {
        aip_stage *two[2] = {SLOT(stage), SLOT(stage)};
        INTO(stage, aip_stage_free, aip_stage_pipeline(p->ctx, two, 2, &made, &err));
        break;
    }
    default: INTO(dataset, aip_dataset_free, aip_dataset_from_columns(SLOT(schema), views, 2, &made, &err)); break;
    }
    gave(p, status, err);
}

static void use(pool *p) {
    aip_call call = AIP_CALL_INIT;
    aip_error *err = NULL;
    int32_t status = AIP_OK;
    char *text = NULL;
    size_t n = 0;
    int64_t rows = 0;
    double scores[2];
    static const double row[2][2] = {{1, 0}, {2, 1}};
    call.cancel = SLOT(token);
    switch (pick(p, 20)) {
    case 0: INTO(dataset, aip_dataset_free, aip_dataset_transform(SLOT(dataset), SLOT(stage), &made, &err)); break;
    case 1: INTO(stage, aip_stage_free, aip_stage_fit(SLOT(stage), SLOT(dataset), &call, &made, &err)); break;
    case 2: INTO(model, aip_model_free, aip_model_fit(SLOT(model), SLOT(dataset), "y", &call, &made, &err)); break;
    case 3:
    case 4:
        INTO(package, aip_package_free,
             aip_package_fit(p->ctx, pick(p, 2) ? SLOT(stage) : NULL, SLOT(model), SLOT(dataset), "y", &call, &made, &err));
        break;
    case 5: INTO(dataset, aip_dataset_free, aip_package_predict(SLOT(package), SLOT(dataset), &made, &err)); break;
    case 6: INTO(dataset, aip_dataset_free, aip_model_predict(SLOT(model), SLOT(dataset), &made, &err)); break;
    case 7: INTO(scorer, aip_scorer_free, aip_scorer_create(SLOT(package), NULL, &made, &err)); break;
    case 8: status = aip_scorer_bind(SLOT(scorer), pick(p, 2) ? "x" : "z", AIP_FLOAT64, 0, &err); break;
    case 9: status = aip_scorer_run(SLOT(scorer), row, sizeof row[0], 2, scores, &err); break;
    case 10: INTO(run, aip_run_free, aip_run_start(SLOT(dag), NULL, &made, &err)); break;
    case 11: {
        aip_run *run = SLOT(run);
        if (run && pick(p, 2)) aip_run_cancel(run);
        status = aip_run_wait(run, &err);
        break;
    }
    case 12: status = aip_run_report(SLOT(run), &text, &err); break;
    case 13: aip_cancel_request(SLOT(token)); break;
    case 14: status = aip_dataset_count(SLOT(dataset), &call, &rows, &err); break;
    case 15: INTO(dataset, aip_dataset_free, aip_dataset_collect(SLOT(dataset), &call, &made, &err)); break;
    case 16: status = aip_package_describe(SLOT(package), &text, &err); break;
    case 17: {
        char *bytes = NULL;
        status = aip_package_to_bytes(SLOT(package), &bytes, &n, &err);
        if (status == AIP_OK) INTO(package, aip_package_free, aip_package_from_bytes(p->ctx, bytes, n, &made, &err));
        aip_text_free(p->ctx, bytes);
        break;
    }
    case 18: {
        struct ArrowArrayStream stream = {0};
        status = aip_dataset_to_arrow(SLOT(dataset), &stream, &err);
        if (status == AIP_OK && pick(p, 2)) INTO(dataset, aip_dataset_free, aip_dataset_from_arrow(p->ctx, &stream, &made, &err));
        if (stream.release) stream.release(&stream);
        break;
    }
    default: status = aip_catalog_json(p->ctx, pick(p, 2) ? "join" : "nothing", &text, &err); break;
    }
    gave(p, status, err);
    aip_text_free(p->ctx, text);
}

#define DROP(kind, drop)                            \
    do {                                            \
        __typeof__(p->kind[0]) *slot = &SLOT(kind); \
        drop(*slot);                                \
        *slot = NULL;                               \
    } while (0)
static void drop(pool *p) {
    switch (pick(p, 10)) {
    case 0: DROP(schema, aip_schema_free); break;
    case 1: DROP(batch, aip_batch_free); break;
    case 2: DROP(dataset, aip_dataset_free); break;
    case 3: DROP(stage, aip_stage_free); break;
    case 4: DROP(model, aip_model_free); break;
    case 5: DROP(package, aip_package_free); break;
    case 6: DROP(scorer, aip_scorer_free); break;
    case 7: DROP(dag, aip_dag_free); break;
    case 8: DROP(run, aip_run_free); break;
    default: DROP(token, aip_cancel_free); break;
    }
}

static void drop_all(pool *p, bool context_first) {
    if (context_first) aip_context_free(p->ctx);
    for (int i = 0; i < N_SLOTS; i++) {
        aip_run_free(p->run[i]);
        aip_dag_free(p->dag[i]);
        aip_scorer_free(p->scorer[i]);
        aip_package_free(p->package[i]);
        aip_model_free(p->model[i]);
        aip_stage_free(p->stage[i]);
        aip_dataset_free(p->dataset[i]);
        aip_batch_free(p->batch[i]);
        aip_schema_free(p->schema[i]);
        aip_cancel_free(p->token[i]);
    }
    if (!context_first) aip_context_free(p->ctx);
}

/* One step; forks seldom, since a fork costs more than all the rest: the child goes on with the sequence and then ends, the parent waits. */
static pid_t step(pool *p) {
    uint32_t what = pick(p, 1000);
    if (what < 2 && !p->child) return unit_fork();
    if (what < 8) {
        aip_context_close(p->ctx);
    } else if (what < 450) {
        create(p);
    } else if (what < 850) {
        use(p);
    } else {
        drop(p);
    }
    return -1;
}

static void sequence(uint64_t seed, int64_t *totals) {
    pool pool_here = {.seed = seed}, *p = &pool_here;
    pid_t child = -1;
    p->memory.fail_at = -1;
    aip_allocator allocator = fault_allocator(&p->memory);
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    options.threads = seed % 5 == 0 ? 3 : AIP_THREADS_NONE;
    OK(aip_context_create(&options, &p->ctx, &err));
    OK(main_job_register(p->ctx, &err));
    for (int i = 0; i < 18; i++) create(p);
    for (int i = 0; i < N_STEPS && child <= 0; i++) {
        child = step(p);
        if (child == 0) {
            p->child = true;
            alarm(60);
            totals[2]++;
        }
        if (child > 0) { /* the child does the same steps: then here, too */
            int status = 0;
            ck_assert_int_eq(waitpid(child, &status, 0), child);
            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "seed %llu: the child ended with %#x",
                          (unsigned long long)seed, (unsigned)status);
            totals[2]++;
            child = -1;
        }
    }
    drop_all(p, pick(p, 2) == 0);
    if (p->child) _exit(0);
    ck_assert_msg(p->memory.blocks == 0, "seed %llu: %lld blocks left", (unsigned long long)seed, (long long)p->memory.blocks);
    totals[0] += p->n_ok;
    totals[1] += p->n_refused;
}

static void say_seed(int signal) {
    char text[60];
    uint64_t seed = current_seed;
    size_t at = sizeof text;
    text[--at] = '\n';
    do text[--at] = (char)('0' + seed % 10);
    while ((seed /= 10) > 0);
    static const char name[] = "AIPIPE_TEST_SEED=";
    at -= sizeof name - 1;
    memcpy(text + at, name, sizeof name - 1);
    if (write(STDERR_FILENO, text + at, sizeof text - at) < 0) _exit(1);
    raise(signal); /* as it would have ended without this: the handler was reset */
}

/* A sanitizer has its own report of a bad access. */
static void watch(void) {
    struct sigaction action = {.sa_handler = say_seed, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    if (PLAIN_BUILD) sigaction(SIGSEGV, &action, NULL);
    if (PLAIN_BUILD) sigaction(SIGBUS, &action, NULL);
}

START_TEST(random_sequences_of_calls_never_crash_hang_or_leak) {
    const char *given = getenv("AIPIPE_TEST_SEED");
    int64_t totals[3] = {0};
    watch();
    uint64_t first = given ? strtoull(given, NULL, 10) : 1, n = given ? 1 : N_SEQUENCES;
    for (uint64_t seed = first; seed < first + n; seed++) {
        current_seed = seed;
        sequence(seed, totals);
    }
    printf("orders: %llu random sequences: %lld calls done, %lld refused with an error, %lld forks: nothing left, no crash\n",
           (unsigned long long)n, (long long)totals[0], (long long)totals[1], (long long)totals[2]);
    if (!given) ck_assert_int_gt(totals[0], totals[1] / 4);
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {random_sequences_of_calls_never_crash_hang_or_leak, NULL};
    srunner_add_suite(runner, unit_suite("random orders", tests));
}
