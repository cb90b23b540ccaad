/* join: expected values by hand, after SQL's rules (and pandas' merge with validate="m:1"). */
#include "transform_suites.h"

#include <pthread.h>
#include <unistd.h>

static aip_stage *join_stage(aip_context *ctx, const char *params, aip_dataset *right) {
    aip_input with = AIP_INPUT_INIT;
    with.name = "with";
    with.dataset = right;
    aip_stage *s = NULL;
    OK(aip_stage_create(ctx, "join", params, &with, 1, &s, &err));
    return s;
}

static tt_rows join(aip_context *ctx, const char *params, aip_dataset *left, aip_dataset *right) {
    aip_stage *s = join_stage(ctx, params, right);
    aip_dataset *d = NULL;
    OK(aip_dataset_transform(left, s, &d, &err));
    tt_rows r = tt_read(d);
    aip_dataset_free(d);
    aip_stage_free(s);
    return r;
}

static int32_t try_join(aip_context *ctx, const char *params, aip_dataset *left, aip_dataset *right, aip_error **err) {
    aip_stage *s = NULL;
    aip_dataset *d = NULL;
    aip_input with = AIP_INPUT_INIT;
    with.name = "with";
    with.dataset = right;
    int32_t status = aip_stage_create(ctx, "join", params, &with, 1, &s, err);
    if (status == AIP_OK) status = aip_dataset_transform(left, s, &d, err);
    aip_dataset_free(d);
    aip_stage_free(s);
    return status;
}

static const tt_column flights[] = {TT_TEXTS("origin", "EWR", "JFK", NULL, "EWR", "ZZZ", "JFK"),
                                    TT_NUMBERS("hour", AIP_INT32, 5, 6, 5, 6, 5, NAN),
                                    TT_NUMBERS("v", AIP_INT64, 0, 1, 2, 3, 4, 5)};
static const tt_column weather[] = {TT_TEXTS("origin", "JFK", "EWR", "EWR", NULL, "LGA"),
                                    TT_NUMBERS("hour", AIP_INT64, 6, 5, 6, 5, 5),
                                    TT_NUMBERS("temp", AIP_FLOAT64, 60, 50, NAN, 40, 30), TT_TEXTS("v", "q", "r", "s", "t", "u")};

START_TEST(left_keeps_every_row_and_inner_those_with_a_match) {
    aip_context *ctx = tt_context(2);
    tt_column l[3];
    memcpy(l, flights, sizeof l);
    for (int64_t batch_rows = 1; batch_rows <= 6; batch_rows++) {
        l[0].type = batch_rows % 2 ? AIP_DICTIONARY : AIP_UTF8;
        aip_dataset *left = tt_table(ctx, l, 3, 6, batch_rows), *right = tt_table(ctx, weather, 4, 5, 2);
        tt_rows r = join(ctx, "{\"on\": [\"origin\", \"hour\"], \"how\": \"left\"}", left, right);
        ck_assert_str_eq(tt_names(&r), "origin,hour,v,temp,v_right");
        EXPECT(&r, "v", 0, 0, 1, 2, 3, 4, 5);
        EXPECT(&r, "temp", 0, 50, 60, NAN, NAN, NAN, NAN);
        ck_assert_str_eq(tt_text(&r, "v_right", 3), "s");
        ck_assert_ptr_null(tt_text(&r, "v_right", 2));
        tt_rows_free(&r);
        r = join(ctx, "{\"on\": {\"origin\": \"origin\", \"hour\": \"hour\"}, \"suffix\": \"2\"}", left, right);
        ck_assert_str_eq(tt_names(&r), "origin,hour,v,temp,v2");
        EXPECT(&r, "v", 0, 0, 1, 3);
        EXPECT(&r, "temp", 0, 50, 60, NAN);
        ck_assert_str_eq(tt_text(&r, "v2", 1), "q");
        tt_rows_free(&r);
        aip_dataset_free(left);
        aip_dataset_free(right);
    }
    tt_context_end(ctx);
}
END_TEST

START_TEST(keys_may_have_other_names_on_the_right_and_an_empty_table_matches_nothing) {
    aip_context *ctx = tt_context(0);
    tt_column r2[] = {TT_NUMBERS("id", AIP_INT64, 1, 3), TT_NUMBERS("b", AIP_BOOL, 1, 0)};
    aip_dataset *left = tt_table(ctx, flights, 3, 6, 4), *right = tt_table(ctx, r2, 2, 2, 2), *none = tt_table(ctx, r2, 2, 0, 2);
    tt_rows r = join(ctx, "{\"on\": {\"v\": \"id\"}, \"how\": \"left\"}", left, right);
    ck_assert_str_eq(tt_names(&r), "origin,hour,v,b");
    EXPECT(&r, "b", 0, NAN, 1, NAN, 0, NAN, NAN);
    tt_rows_free(&r);
    r = join(ctx, "{\"on\": {\"v\": \"id\"}, \"how\": \"left\"}", left, none);
    EXPECT(&r, "b", 0, NAN, NAN, NAN, NAN, NAN, NAN);
    tt_rows_free(&r);
    r = join(ctx, "{\"on\": {\"v\": \"id\"}}", left, none);
    ck_assert_int_eq(r.n_rows, 0);
    tt_rows_free(&r);
    aip_dataset_free(left), aip_dataset_free(right), aip_dataset_free(none);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_key_twice_on_the_right_is_an_error_that_names_it) {
    aip_context *ctx = tt_context(2);
    tt_column twice[] = {TT_TEXTS("origin", "JFK", "EWR", NULL, NULL, "EWR"), TT_NUMBERS("hour", AIP_INT64, 6, 5, 6, 6, 5)};
    aip_dataset *left = tt_table(ctx, flights, 3, 6, 4), *right = tt_table(ctx, twice, 2, 5, 2);
    FAILS(try_join(ctx, "{\"on\": [\"origin\", \"hour\"]}", left, right, &err), AIP_E_DATA,
          "key origin = 'EWR', hour = '5' occurs twice in the right table of the join, in rows 1 and 4");
    aip_dataset_free(left), aip_dataset_free(right);
    tt_context_end(ctx);
}
END_TEST

START_TEST(types_that_do_not_compare_and_bad_parameters_are_refused) {
    aip_context *ctx = tt_context(0);
    aip_dataset *left = tt_table(ctx, flights, 3, 6, 4), *right = tt_table(ctx, weather, 4, 5, 5);
    FAILS(try_join(ctx, "{\"on\": \"v\"}", left, right, &err), AIP_E_SCHEMA,
          "'v' is int64 on the left and 'v' is utf8 on the right");
    FAILS(try_join(ctx, "{\"on\": {\"v\": \"temp\"}}", left, right, &err), AIP_E_SCHEMA, "float64 on the right");
    FAILS(try_join(ctx, "{\"on\": \"tmp\"}", left, right, &err), AIP_E_SCHEMA, "no column 'tmp'; did you mean 'temp'?");
    FAILS(try_join(ctx, "{\"on\": {\"x\": \"hour\"}}", left, right, &err), AIP_E_SCHEMA, "no column 'x'");
    FAILS(try_join(ctx, "{\"on\": []}", left, right, &err), AIP_E_PARAM, "expected a column");
    FAILS(try_join(ctx, "{\"on\": [1]}", left, right, &err), AIP_E_PARAM, "expected a column");
    FAILS(try_join(ctx, "{\"on\": \"hour\", \"how\": \"outer\"}", left, right, &err), AIP_E_PARAM, "how");
    FAILS(tt_try(ctx, "join", "{\"on\": \"hour\"}", left, left, &err), AIP_E_PARAM, "with");
    aip_dataset_free(left), aip_dataset_free(right);
    tt_context_end(ctx);
}
END_TEST

START_TEST(many_rows_find_theirs) {
    aip_context *ctx = tt_context(2);
    enum { N = 20000, M = 5000 };
    static double key[N], id[M], value[M];
    for (int i = 0; i < N; i++) key[i] = (i * 7919) % 10007;
    for (int i = 0; i < M; i++) id[i] = 2 * i, value[i] = i;
    tt_column l = {"k", AIP_INT32, key, NULL, 0}, r2[] = {{"k", AIP_INT64, id, NULL, 0}, {"v", AIP_INT32, value, NULL, 0}};
    aip_dataset *left = tt_table(ctx, &l, 1, N, 999), *right = tt_table(ctx, r2, 2, M, 777);
    tt_rows r = join(ctx, "{\"on\": \"k\", \"how\": \"left\"}", left, right);
    ck_assert_int_eq(r.n_rows, N);
    for (int i = 0; i < N; i++) {
        int k = (int)key[i];
        double v = tt_f64(&r, "v", i);
        ck_assert(k % 2 || k >= 2 * M ? isnan(v) : 2 * v == k);
    }
    tt_rows_free(&r);
    aip_dataset_free(left), aip_dataset_free(right);
    tt_context_end(ctx);
}
END_TEST

/* A source that can be read once, and takes its time. */
typedef struct slow {
    aip_batch *batch;
    bool given;
} slow;
static int32_t keep_batch(void *user, aip_batch *batch, aip_error **err) {
    (void)err;
    aip_batch_retain(batch);
    ((slow *)user)->batch = batch;
    return AIP_OK;
}
static int32_t slow_next(void *user, aip_batch **out, aip_error **err) {
    (void)err;
    slow *s = user;
    usleep(20000);
    *out = s->given ? NULL : s->batch;
    s->given = true;
    return AIP_OK;
}
typedef struct binder {
    aip_stage *stage;
    const aip_schema *schema;
    pthread_barrier_t *start;
    int32_t status;
} binder;
static void *bind_once(void *arg) {
    binder *b = arg;
    aip_schema *out = NULL;
    pthread_barrier_wait(b->start);
    b->status = aip_stage_output_schema(b->stage, b->schema, &out, NULL);
    aip_schema_free(out);
    return NULL;
}

START_TEST(threads_that_bind_at_once_read_the_right_table_once) {
    aip_context *ctx = tt_context(2);
    aip_dataset *left = tt_table(ctx, flights, 3, 6, 6), *table = tt_table(ctx, weather, 4, 5, 5), *right = NULL;
    slow source = {NULL, false};
    OK(aip_dataset_each(table, NULL, keep_batch, &source, NULL, &err));
    aip_source_callbacks callbacks = AIP_SOURCE_CALLBACKS_INIT;
    callbacks.user = &source;
    callbacks.next = slow_next;
    OK(aip_dataset_from_callbacks(aip_dataset_schema(table), &callbacks, &right, &err));
    aip_stage *s = join_stage(ctx, "{\"on\": [\"origin\", \"hour\"]}", right);
    pthread_barrier_t start;
    pthread_t threads[4];
    binder binders[4];
    pthread_barrier_init(&start, NULL, 4);
    for (int i = 0; i < 4; i++) {
        binders[i] = (binder){s, aip_dataset_schema(left), &start, 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, bind_once, &binders[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(binders[i].status, AIP_OK);
    pthread_barrier_destroy(&start);
    aip_stage_free(s);
    aip_dataset_free(right), aip_dataset_free(table), aip_dataset_free(left);
    tt_context_end(ctx);
}
END_TEST

Suite *join_suite(void) {
    const TTest *const tests[] = {left_keeps_every_row_and_inner_those_with_a_match,
                                  keys_may_have_other_names_on_the_right_and_an_empty_table_matches_nothing,
                                  a_key_twice_on_the_right_is_an_error_that_names_it,
                                  types_that_do_not_compare_and_bad_parameters_are_refused,
                                  many_rows_find_theirs,
                                  threads_that_bind_at_once_read_the_right_table_once,
                                  NULL};
    return unit_suite("join", tests);
}
