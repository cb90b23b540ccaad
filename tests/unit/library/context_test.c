/* Contexts: options are checked, two do not see each other, handles may outlive the closing and go in any order, the host's allocator and executor get
 * everything that is theirs. */
#include "library_suites.h"
#include <aipipe/aipipe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

START_TEST(options_that_make_no_sense_are_refused) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = -2;
    FAILS(aip_context_create(&o, &ctx, &err), AIP_E_MISUSE, "threads is -2");
    o = (aip_context_options)AIP_CONTEXT_OPTIONS_INIT;
    o.struct_size = 0;
    FAILS(aip_context_create(&o, &ctx, &err), AIP_E_MISUSE, "struct_size");
    aip_executor_callbacks none = AIP_EXECUTOR_CALLBACKS_INIT;
    o = (aip_context_options)AIP_CONTEXT_OPTIONS_INIT;
    o.executor = &none;
    FAILS(aip_context_create(&o, &ctx, &err), AIP_E_MISUSE, "submit is NULL");
    o = (aip_context_options)AIP_CONTEXT_OPTIONS_INIT;
    o.memory_limit = 1000; /* not even the catalogue fits */
    FAILS(aip_context_create(&o, &ctx, &err), AIP_E_MEMORY_LIMIT, "memory limit");
    FAILS(aip_context_create(NULL, NULL, &err), AIP_E_MISUSE, "out is NULL");
    ck_assert_ptr_null(ctx);
}
END_TEST

/* A later library's options: longer than ours, with a zero tail they are the same, with anything in it they ask for what we cannot do. */
START_TEST(a_longer_struct_is_accepted_when_its_tail_is_zero) {
    struct {
        aip_context_options o;
        uint64_t later;
    } given = {AIP_CONTEXT_OPTIONS_INIT, 0};
    aip_context *ctx = NULL;
    given.o.struct_size = sizeof given;
    OK(aip_context_create(&given.o, &ctx, &err));
    aip_context_free(ctx);
    given.later = 1;
    FAILS(aip_context_create(&given.o, &ctx, &err), AIP_E_MISUSE, "does not know");
}
END_TEST

static int32_t no_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                       aip_error **err) {
    (void)self;
    (void)fitted;
    (void)in;
    (void)bound;
    (void)out;
    return aip_error_set(err, AIP_E_SCHEMA, "never fits");
}
static int32_t no_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    (void)in;
    (void)out;
    return aip_error_set(err, AIP_E_DATA, "never");
}
static const aip_stage_ops stage_ops = {.struct_size = sizeof(aip_stage_ops), .bind = no_bind, .apply = no_apply};

START_TEST(two_contexts_do_not_see_each_other) {
    aip_context *a = NULL, *b = NULL;
    aip_stage *stage = NULL;
    OK(aip_context_create(NULL, &a, &err));
    OK(aip_context_create(NULL, &b, &err));
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "of_the_host";
    d.doc = "a stage of the host";
    d.ops = &stage_ops;
    OK(aip_catalog_register(a, &d, &err));
    FAILS(aip_catalog_register(a, &d, &err), AIP_E_PARAM, "already registered");
    OK(aip_stage_create(a, "of_the_host", NULL, NULL, 0, &stage, &err));
    aip_stage_free(stage);
    FAILS(aip_stage_create(b, "of_the_host", NULL, NULL, 0, &stage, &err), AIP_E_NOT_FOUND, "of_the_host");
    d.kind = AIP_KIND_OPERATOR; /* its table of functions is not public: calling it as ours would crash */
    d.name = "of_the_host_too";
    FAILS(aip_catalog_register(a, &d, &err), AIP_E_UNSUPPORTED, "a host adds stages and connectors");
    aip_context_free(a);
    aip_context_free(b);
}
END_TEST

static const double numbers[3] = {1, 2, 3};

static aip_dataset *three_rows(aip_context *ctx) {
    aip_field f = AIP_FIELD_INIT;
    f.type = AIP_FLOAT64;
    f.name = "x";
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    v.type = AIP_FLOAT64;
    v.length = 3;
    v.values = numbers;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, &f, 1, &schema, &err));
    OK(aip_dataset_from_columns(schema, &v, 1, &d, &err));
    aip_schema_free(schema);
    return d;
}

typedef struct {
    _Atomic(int64_t) live, calls;
} counts;

static void *counting_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    counts *c = user;
    atomic_fetch_add(&c->calls, 1);
    void *p = NULL;
    if (new_size > 0) {
        if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0) return NULL;
        if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    atomic_fetch_add(&c->live, (int64_t)new_size - (int64_t)old_size);
    return p;
}

START_TEST(the_hosts_allocator_gets_back_what_it_gave_in_any_order_of_freeing) {
    for (int order = 0; order < 2; order++) {
        counts c = {0, 0};
        aip_allocator heap = AIP_ALLOCATOR_INIT;
        heap.user = &c;
        heap.resize = counting_resize;
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.allocator = &heap;
        o.threads = unit_threads(2);
        aip_context *ctx = NULL;
        aip_stage *stage = NULL, *fitted = NULL;
        aip_dataset *scaled = NULL;
        OK(aip_context_create(&o, &ctx, &err));
        aip_dataset *d = three_rows(ctx);
        OK(aip_stage_create(ctx, "standard_scaler", NULL, NULL, 0, &stage, &err));
        OK(aip_stage_fit(stage, d, NULL, &fitted, &err));
        OK(aip_dataset_transform(d, fitted, &scaled, &err));
        int64_t n = 0;
        OK(aip_dataset_count(scaled, NULL, &n, &err));
        ck_assert_int_eq(n, 3);
        ck_assert_int_gt(atomic_load(&c.calls), 10);
        if (order == 0) aip_context_free(ctx);
        aip_dataset_free(d);
        aip_stage_free(stage);
        aip_dataset_free(scaled);
        aip_stage_free(fitted);
        if (order == 1) aip_context_free(ctx);
        ck_assert_int_eq(atomic_load(&c.live), 0);
    }
}
END_TEST

START_TEST(after_close_calls_are_refused_and_handles_can_still_be_freed) {
    aip_context *ctx = NULL;
    OK(aip_context_create(NULL, &ctx, &err));
    aip_dataset *d = three_rows(ctx), *out = NULL;
    aip_stage *drop = NULL;
    OK(aip_stage_create(ctx, "drop_missing", NULL, NULL, 0, &drop, &err));
    OK(aip_dataset_transform(d, drop, &out, &err));
    aip_context_close(ctx);
    aip_context_close(ctx); /* again: nothing */
    int64_t n = 0;
    FAILS(aip_dataset_count(out, NULL, &n, &err), AIP_E_CANCELLED, "closed");
    aip_stage_free(drop);
    aip_dataset_free(out);
    aip_context_free(ctx);
    aip_dataset_free(d);
}
END_TEST

/* A host that runs every job at once on a thread of its own, and one that takes none. */
static _Atomic(int) host_jobs;
static void *run_job(void *job) {
    aip_job_run(job);
    return NULL;
}
static int32_t submit_to_thread(void *user, aip_job *job) {
    (void)user;
    pthread_t t;
    atomic_fetch_add(&host_jobs, 1);
    if (pthread_create(&t, NULL, run_job, job) != 0) return AIP_E_AGAIN;
    pthread_detach(t);
    return AIP_OK;
}
static int32_t submit_never(void *user, aip_job *job) {
    (void)user;
    (void)job;
    return AIP_E_AGAIN;
}
static int32_t four(void *user) {
    (void)user;
    return 4;
}

START_TEST(a_hosts_executor_runs_the_work_or_the_waiting_thread_does) {
    int32_t (*const submits[2])(void *, aip_job *) = {submit_to_thread, submit_never};
    for (int i = 0; i < 2; i++) {
        aip_executor_callbacks e = AIP_EXECUTOR_CALLBACKS_INIT;
        e.submit = submits[i];
        e.concurrency = four;
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.executor = &e;
        aip_context *ctx = NULL;
        OK(aip_context_create(&o, &ctx, &err));
        aip_dataset *d = three_rows(ctx), *out = NULL;
        aip_stage *drop = NULL;
        OK(aip_stage_create(ctx, "drop_missing", NULL, NULL, 0, &drop, &err));
        OK(aip_dataset_transform(d, drop, &out, &err));
        int64_t n = 0;
        OK(aip_dataset_count(out, NULL, &n, &err));
        ck_assert_int_eq(n, 3);
        aip_stage_free(drop);
        aip_dataset_free(out);
        aip_dataset_free(d);
        aip_context_free(ctx);
    }
    ck_assert_int_gt(atomic_load(&host_jobs), 0);
}
END_TEST

static void count_shutdown(void *user) { ++*(int *)user; }

START_TEST(an_executor_hears_of_the_end_of_a_context_that_was_created_and_of_no_other) {
    int shutdowns = 0;
    aip_executor_callbacks e = AIP_EXECUTOR_CALLBACKS_INIT;
    e.user = &shutdowns;
    e.submit = submit_never;
    e.shutdown = count_shutdown;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.executor = &e;
    o.memory_limit = 1000; /* not even the catalogue fits */
    aip_context *ctx = NULL;
    FAILS(aip_context_create(&o, &ctx, &err), AIP_E_MEMORY_LIMIT, "memory limit");
    ck_assert_int_eq(shutdowns, 0);
    o.memory_limit = 0;
    OK(aip_context_create(&o, &ctx, &err));
    aip_context_close(ctx);
    ck_assert_int_eq(shutdowns, 1);
    aip_context_free(ctx);
    ck_assert_int_eq(shutdowns, 1);
}
END_TEST

Suite *context_suite(void) {
    Suite *suite = suite_create("context");
    TCase *tc = tcase_create("context");
    tcase_add_test(tc, options_that_make_no_sense_are_refused);
    tcase_add_test(tc, a_longer_struct_is_accepted_when_its_tail_is_zero);
    tcase_add_test(tc, two_contexts_do_not_see_each_other);
    tcase_add_test(tc, the_hosts_allocator_gets_back_what_it_gave_in_any_order_of_freeing);
    tcase_add_test(tc, after_close_calls_are_refused_and_handles_can_still_be_freed);
    tcase_add_test(tc, a_hosts_executor_runs_the_work_or_the_waiting_thread_does);
    tcase_add_test(tc, an_executor_hears_of_the_end_of_a_context_that_was_created_and_of_no_other);
    suite_add_tcase(suite, tc);
    return suite;
}
