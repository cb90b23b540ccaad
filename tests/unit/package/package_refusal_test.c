/* Memory that is refused: whichever allocation it is, fit, save, load, predict, evaluate, describe and the scorer give one error of memory, leave
 * nothing behind, and do the same as ever once memory is there. */
#include "model_fixture.h"

#include "package/package.h"
#include "package_suites.h"

#define N 24

typedef struct scarce { /* an allocator whose n-th growth from now on is refused; 0: none */
    long refuse_at;
    bool refused;
} scarce;

static void *scarce_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    scarce *s = user;
    (void)align;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (new_size > old_size && s->refuse_at > 0 && --s->refuse_at == 0) {
        s->refused = true;
        return NULL;
    }
    if (align <= 16) return realloc(ptr, new_size);
    void *made = NULL;
    if (posix_memalign(&made, align, new_size) != 0) return NULL;
    if (ptr) memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    free(ptr);
    return made;
}

typedef struct world {
    aip_context *ctx;
    aip_dataset *rows;
    aip_package *package;
    char *bytes;
    size_t n;
} world;

static aip_dataset *make_rows(aip_context *ctx) {
    static const char *const cities[3] = {"Bonn", "Ulm", "a city of a rather long name"};
    static const uint8_t valid[3] = {0xdf, 0xff, 0xfe};
    double x[N];
    const char *city[N], *late[N];
    for (int i = 0; i < N; i++) {
        x[i] = i * 7 % 11;
        city[i] = cities[i % 3];
        late[i] = (i * 5 % 8 > 3) ? "late" : "not late";
    }
    const fixture_column columns[] = {{.name = "x", .type = AIP_FLOAT64, .f64 = x, .validity = valid},
                                      {.name = "city", .type = AIP_UTF8, .texts = city},
                                      {.name = "y", .type = AIP_UTF8, .texts = late}};
    return fixture_dataset(ctx, columns, 3, N);
}

static int32_t fit(world *w, aip_error **err) {
    static const char *const stages[4][2] = {{"simple_imputer", "{\"strategy\":\"median\",\"add_indicator\":true}"},
                                             {"one_hot_encoder", "{\"columns\":\"text\",\"handle_unknown\":\"ignore\"}"},
                                             {"derive", "{\"z\":\"x * city_Ulm\"}"},
                                             {"standard_scaler", NULL}};
    aip_stage *made[4] = {NULL}, *pipeline = NULL;
    aip_model *model = NULL;
    aip_package *p = NULL;
    int32_t status = AIP_OK;
    for (int i = 0; i < 4 && status == AIP_OK; i++)
        status = aip_stage_create(w->ctx, stages[i][0], stages[i][1], NULL, 0, &made[i], err);
    if (status == AIP_OK) status = aip_stage_pipeline(w->ctx, made, 4, &pipeline, err);
    if (status == AIP_OK) status = aip_model_create(w->ctx, "logistic_regression", NULL, &model, err);
    if (status == AIP_OK) status = aip_package_fit(w->ctx, pipeline, model, w->rows, "y", NULL, &p, err);
    if (status == AIP_OK) ck_assert_int_eq(p->inputs->n, 2); /* x and city, whatever was refused */
    if (status == AIP_OK && !w->package)
        w->package = p;
    else
        aip_package_free(p);
    for (int i = 0; i < 4; i++) aip_stage_free(made[i]);
    aip_stage_free(pipeline);
    aip_model_free(model);
    return status;
}

static int32_t save(world *w, aip_error **err) {
    char *bytes = NULL;
    size_t n = 0;
    AIP__TRY(aip_package_to_bytes(w->package, &bytes, &n, err));
    if (!w->bytes)
        w->bytes = bytes, w->n = n;
    else
        aip_text_free(w->ctx, bytes);
    return AIP_OK;
}

static int32_t load(world *w, aip_error **err) {
    aip_package *p = NULL, *with = NULL;
    int32_t status = aip_package_from_bytes(w->ctx, w->bytes, w->n, &p, err);
    if (status == AIP_OK) status = aip_package_with_metrics(p, "{\"accuracy\":1}", &with, err);
    aip_package_free(with);
    aip_package_free(p);
    return status;
}

static int32_t predict(world *w, aip_error **err) {
    aip_dataset *predicted = NULL, *kept = NULL;
    int32_t status = aip_package_predict(w->package, w->rows, &predicted, err);
    if (status == AIP_OK) status = aip_dataset_collect(predicted, NULL, &kept, err);
    aip_dataset_free(kept);
    aip_dataset_free(predicted);
    return status;
}

static int32_t evaluate(world *w, aip_error **err) {
    char *json = NULL;
    AIP__TRY(aip_package_evaluate(w->package, w->rows, NULL, NULL, &json, err));
    aip_text_free(w->ctx, json);
    return AIP_OK;
}

static int32_t describe(world *w, aip_error **err) {
    char *json = NULL;
    AIP__TRY(aip_package_describe(w->package, &json, err));
    aip_text_free(w->ctx, json);
    return AIP_OK;
}

typedef struct {
    double x;
    const char *city;
} row;

static int32_t score(world *w, aip_error **err) {
    static const row rows[3] = {{1, "Ulm"}, {2, NULL}, {3, "Trier"}};
    double out[3] = {0};
    aip_scorer *s = NULL;
    AIP__TRY(aip_scorer_create(w->package, NULL, &s, err));
    int32_t status = aip_scorer_bind(s, "x", AIP_FLOAT64, offsetof(row, x), err);
    if (status == AIP_OK) status = aip_scorer_bind(s, "city", AIP_UTF8, offsetof(row, city), err);
    if (status == AIP_OK) status = aip_scorer_run(s, rows, sizeof *rows, 3, out, err);
    aip_scorer_free(s);
    return status;
}

START_TEST(each_allocation_refused_in_turn_is_one_error_and_leaves_nothing) {
    static const struct {
        const char *name;
        int32_t (*run)(world *, aip_error **);
    } steps[] = {{"fit", fit},           {"save", save},         {"load", load},  {"predict", predict},
                 {"evaluate", evaluate}, {"describe", describe}, {"score", score}};
    scarce memory = {0, false};
    aip_allocator allocator = {sizeof allocator, 0, &memory, scarce_resize};
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.threads = AIP_THREADS_NONE;
    options.allocator = &allocator;
    world w = {0};
    OK(aip_context_create(&options, &w.ctx, &err));
    w.rows = make_rows(w.ctx);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        OK(steps[k].run(&w, &err)); /* and whatever is made once is there */
        uint64_t before = aip_context_memory_used(w.ctx);
        long n = 1;
        for (memory.refused = true; memory.refused; n++) {
            aip_error *err = NULL;
            memory = (scarce){n, false};
            int32_t status = steps[k].run(&w, &err);
            memory.refuse_at = 0;
            ck_assert_msg(status == AIP_OK || (memory.refused && status == AIP_E_NOMEM), "%s, allocation %ld: %d %s",
                          steps[k].name, n, (int)status, aip_error_text(err)); /* OK: a buffer that made do with less */
            ck_assert_msg((err != NULL) == (status != AIP_OK), "%s, allocation %ld", steps[k].name, n);
            aip_error_free(err);
            ck_assert_msg(aip_context_memory_used(w.ctx) == before, "%s, allocation %ld: %lld bytes stay", steps[k].name, n,
                          (long long)(aip_context_memory_used(w.ctx) - before));
        }
        ck_assert_int_gt(n, 2);
    }
    aip_text_free(w.ctx, w.bytes);
    aip_package_free(w.package);
    aip_dataset_free(w.rows);
    aip_context_free(w.ctx);
}
END_TEST

Suite *package_refusal_suite(void) {
    const TTest *const tests[] = {each_allocation_refused_in_turn_is_one_error_and_leaves_nothing, NULL};
    return unit_suite("package, refused memory", tests);
}
