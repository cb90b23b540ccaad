/* Waits within waits: random trees of groups and loops, and a full ordered window whose items are such trees. The sums expected come from a
 * plain recursion over the same tree. A deadlock ends in SIGALRM. */
#include "exec_fixture.h"
#include "exec_tests.h"

#include "base/memory.h"
#include "base/random.h"
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCHDOG_S 110
#define DEPTH 5

static uint64_t draw(uint64_t key, uint64_t what) { return aip__random_at(key, what); }
static uint64_t child_key(uint64_t key, int64_t i) { return draw(key, 100 + (uint64_t)i); }
static int64_t n_children(uint64_t key, int depth) { return depth == 0 ? 0 : (int64_t)(draw(key, 1) % 6); }

static uint64_t plain_sum(uint64_t key, int depth) {
    uint64_t sum = draw(key, 2);
    for (int64_t i = 0; i < n_children(key, depth); i++) sum += plain_sum(child_key(key, i), depth - 1);
    return sum;
}

typedef struct node {
    aip_context *ctx;
    uint64_t key;
    int depth;
    _Atomic(uint64_t) *sum;
} node;

static int32_t run_node(const node *n, aip_error **err);

static int32_t node_job(void *arg, bool skip, aip_error **err) {
    node *n = arg;
    int32_t status = skip ? AIP_OK : run_node(n, err);
    aip__free(n->ctx, n);
    return status;
}

static int32_t node_step(void *arg, int64_t i, aip_error **err) {
    node child = *(node *)arg;
    child.key = child_key(child.key, i);
    child.depth--;
    return run_node(&child, err);
}

static int32_t spread_children(const node *n, aip_error **err) {
    aip__group *group = NULL;
    AIP__TRY(aip__group_create(n->ctx, &group, err));
    for (int64_t i = 0; i < n_children(n->key, n->depth); i++) {
        node *child = aip__alloc(n->ctx, sizeof *child);
        ck_assert_ptr_nonnull(child);
        *child = *n;
        child->key = child_key(n->key, i);
        child->depth--;
        ck_assert_int_eq(aip__group_submit(group, node_job, child, i, err), AIP_OK);
    }
    int32_t status = aip__group_wait(group, err);
    aip__group_free(group);
    return status;
}

static int32_t run_node(const node *n, aip_error **err) {
    atomic_fetch_add(n->sum, draw(n->key, 2));
    if (n->depth == 0) return AIP_OK;
    if (draw(n->key, 3) % 2) return spread_children(n, err);
    return aip__parallel_for(n->ctx, NULL, n_children(n->key, n->depth), node_step, (void *)(uintptr_t)n, err);
}

static void check_trees(aip_context *ctx, int n_trees) {
    for (int tree = 0; tree < n_trees; tree++) {
        _Atomic(uint64_t) sum = 0;
        node root = {.ctx = ctx, .key = (uint64_t)tree, .depth = DEPTH, .sum = &sum};
        ck_assert_int_eq(run_node(&root, NULL), AIP_OK);
        ck_assert_uint_eq(sum, plain_sum((uint64_t)tree, DEPTH));
    }
}

START_TEST(random_trees_of_nested_waits_end_with_any_number_of_workers) {
    alarm(WATCHDOG_S);
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        check_trees(ctx, 60);
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(random_trees_of_nested_waits_end_whatever_the_host_does_with_tickets) {
    alarm(WATCHDOG_S);
    for (int kind = 0; kind < HOST_KINDS; kind++) {
        aip_executor_callbacks callbacks;
        host *h = host_create(kind, &callbacks);
        aip_context *ctx = exec_context_host(&callbacks);
        check_trees(ctx, 20);
        host_run_late(h);
        exec_context_close(ctx);
        host_free(h);
        exec_context_free(ctx);
    }
}
END_TEST

typedef struct two_contexts {
    aip_context *other;
    int depth;
    _Atomic(int64_t) *leaves;
    aip_context *own;
} two_contexts;

static int32_t swap_contexts(void *arg, int64_t i, aip_error **err) {
    (void)i;
    const two_contexts *t = arg;
    if (t->depth == 0) {
        atomic_fetch_add(t->leaves, 1);
        return AIP_OK;
    }
    two_contexts below = {.own = t->other, .other = t->own, .depth = t->depth - 1, .leaves = t->leaves};
    return aip__parallel_for(below.own, NULL, 3, swap_contexts, &below, err);
}

START_TEST(waits_may_nest_across_contexts) {
    alarm(WATCHDOG_S);
    aip_context *a = exec_context(2), *b = exec_context(2);
    _Atomic(int64_t) leaves = 0;
    two_contexts t = {.own = a, .other = b, .depth = 6, .leaves = &leaves};
    ck_assert_int_eq(aip__parallel_for(a, NULL, 3, swap_contexts, &t, NULL), AIP_OK);
    ck_assert_int_eq(leaves, 3 * 729);
    exec_context_free(a);
    exec_context_free(b);
}
END_TEST

/* ---- a full ordered window -------------------------------------------------------------------------------------------------- */

#define WINDOW 3
#define N_ITEMS 300

typedef struct item {
    node root;
    _Atomic(uint64_t) sum;
    _Atomic(bool) ready;
} item;

static int32_t item_job(void *arg, bool skip, aip_error **err) {
    item *it = arg;
    int32_t status = skip ? AIP_OK : run_node(&it->root, err);
    atomic_store(&it->ready, true);
    return status;
}

static bool item_ready(void *arg) { return atomic_load(&((item *)arg)->ready); }

/* Takes the items in order; a slot is taken before its item is submitted, as a scan does. depth > 0: each item is such a window again. */
static int32_t run_window(aip_context *ctx, uint64_t seed, int64_t n_items, uint64_t *total, aip_error **err) {
    item slots[WINDOW];
    aip__group *group = NULL;
    AIP__TRY(aip__group_create(ctx, &group, err));
    for (int64_t i = 0; i < n_items + WINDOW; i++) {
        item *it = &slots[i % WINDOW];
        if (i >= WINDOW) {
            aip__group_help(group, item_ready, it, 0);
            ck_assert(item_ready(it));
            *total = *total * 31 + it->sum; /* depends on the order */
        }
        if (i >= n_items) continue;
        memset(it, 0, sizeof *it);
        it->root = (node){.ctx = ctx, .key = draw(seed, (uint64_t)i), .depth = 3, .sum = &it->sum};
        ck_assert_int_eq(aip__group_submit(group, item_job, it, i, err), AIP_OK);
    }
    int32_t status = aip__group_wait(group, err);
    aip__group_free(group);
    return status;
}

static uint64_t plain_window(uint64_t seed, int64_t n_items) {
    uint64_t total = 0;
    for (int64_t i = 0; i < n_items; i++) total = total * 31 + plain_sum(draw(seed, (uint64_t)i), 3);
    return total;
}

typedef struct windows {
    aip_context *ctx;
    uint64_t totals[6];
} windows;

static int32_t one_window(void *arg, int64_t i, aip_error **err) {
    windows *w = arg;
    return run_window(w->ctx, (uint64_t)i, N_ITEMS / 6, &w->totals[i], err);
}

START_TEST(a_full_ordered_window_of_nested_waits_moves_on_with_any_number_of_workers) {
    alarm(WATCHDOG_S);
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        uint64_t total = 0;
        ck_assert_int_eq(run_window(ctx, 7, N_ITEMS, &total, NULL), AIP_OK);
        ck_assert_uint_eq(total, plain_window(7, N_ITEMS));
        windows inside_jobs = {.ctx = ctx};
        ck_assert_int_eq(aip__parallel_for(ctx, NULL, 6, one_window, &inside_jobs, NULL), AIP_OK);
        for (uint64_t i = 0; i < 6; i++) ck_assert_uint_eq(inside_jobs.totals[i], plain_window(i, N_ITEMS / 6));
        exec_context_free(ctx);
    }
}
END_TEST

/* ---- parallel loops --------------------------------------------------------------------------------------------------------- */

typedef struct steps {
    _Atomic(int32_t) ran[1000];
    int64_t fails_at, fails_also_at;
} steps;

static int32_t step(void *arg, int64_t i, aip_error **err) {
    steps *s = arg;
    atomic_fetch_add(&s->ran[i], 1);
    if (i != s->fails_at && i != s->fails_also_at) return AIP_OK;
    return aip__error_set(err, 1000 + (int32_t)i, "step %d", (int)i);
}

START_TEST(a_loop_runs_each_step_once) {
    const int64_t lengths[] = {0, 1, 2, 7, 1000};
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        for (int k = 0; k < 5; k++) {
            steps s = {.fails_at = -1, .fails_also_at = -1};
            ck_assert_int_eq(aip__parallel_for(ctx, NULL, lengths[k], step, &s, NULL), AIP_OK);
            for (int i = 0; i < 1000; i++) ck_assert_int_eq(s.ran[i], i < lengths[k] ? 1 : 0);
        }
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(a_loops_error_is_that_of_the_lowest_failing_step_whatever_the_timing) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        for (int repeat = 0; repeat < 200; repeat++) {
            steps s = {.fails_at = 500 + repeat, .fails_also_at = 501 + repeat};
            aip_error *err = NULL;
            ck_assert_int_eq(aip__parallel_for(ctx, NULL, 1000, step, &s, &err), 1500 + repeat);
            ck_assert_int_eq(aip_error_status(err), 1500 + repeat);
            aip_error_free(err);
            for (int i = 0; i <= 500 + repeat; i++) ck_assert_int_eq(s.ran[i], 1);
        }
        exec_context_free(ctx);
    }
}
END_TEST

static int32_t silent_step(void *arg, int64_t i, aip_error **err) {
    (void)arg, (void)err;
    return i == 3 ? 9 : AIP_OK;
}

START_TEST(a_steps_status_without_a_message_comes_back_with_one) {
    aip_context *ctx = exec_context(0);
    aip_error *err = NULL;
    ck_assert_int_eq(aip__parallel_for(ctx, NULL, 5, silent_step, NULL, &err), 9);
    ck_assert_int_eq(aip_error_status(err), 9);
    ck_assert_str_ne(aip_error_message(err), "");
    aip_error_free(err);
    exec_context_free(ctx);
}
END_TEST

/* ---- floating-point mode ---------------------------------------------------------------------------------------------------- */

static int32_t check_mode(void *arg, int64_t i, aip_error **err) {
    (void)err;
    static volatile double tiny = 0x1p-1070, half = 0.5;
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    ck_assert(tiny * half > 0); /* denormals are neither flushed nor read as zero */
    ck_assert_int_eq(fetestexcept(FE_DIVBYZERO), 0);
    if (i % 2) fesetround(FE_DOWNWARD); /* the next step's thread is set right again */
    atomic_fetch_add((_Atomic(int32_t) *)arg, 1);
    return AIP_OK;
}

static int32_t check_mode_job(void *arg, bool skip, aip_error **err) { return skip ? AIP_OK : check_mode(arg, 1, err); }

START_TEST(jobs_compute_in_the_default_floating_point_mode_and_the_hosts_is_restored) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        _Atomic(int32_t) ran = 0;
        fesetround(FE_UPWARD);
        feraiseexcept(FE_DIVBYZERO);
#ifdef __SSE__
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* flush denormals */
#endif
        aip__group *group = NULL;
        ck_assert_int_eq(aip__group_create(ctx, &group, NULL), AIP_OK);
        for (int i = 0; i < 50; i++) ck_assert_int_eq(aip__group_submit(group, check_mode_job, &ran, i, NULL), AIP_OK);
        ck_assert_int_eq(aip__group_wait(group, NULL), AIP_OK);
        aip__group_free(group);
        ck_assert_int_eq(aip__parallel_for(ctx, NULL, 1, check_mode, &ran, NULL), AIP_OK);
        ck_assert_int_eq(ran, 51);
        ck_assert_int_eq(fegetround(), FE_UPWARD);
        ck_assert_int_ne(fetestexcept(FE_DIVBYZERO), 0);
#ifdef __SSE__
        ck_assert_uint_eq(__builtin_ia32_stmxcsr() & 0x8040, 0x8040);
        __builtin_ia32_ldmxcsr(0x1f80);
#endif
        fesetenv(FE_DFL_ENV);
        exec_context_free(ctx);
    }
}
END_TEST

Suite *nesting_suite(void) {
    const TTest *const tests[] = {random_trees_of_nested_waits_end_with_any_number_of_workers,
                                  random_trees_of_nested_waits_end_whatever_the_host_does_with_tickets,
                                  waits_may_nest_across_contexts,
                                  a_full_ordered_window_of_nested_waits_moves_on_with_any_number_of_workers,
                                  a_loop_runs_each_step_once,
                                  a_loops_error_is_that_of_the_lowest_failing_step_whatever_the_timing,
                                  a_steps_status_without_a_message_comes_back_with_one,
                                  jobs_compute_in_the_default_floating_point_mode_and_the_hosts_is_restored,
                                  NULL};
    return unit_suite("nesting", tests);
}
