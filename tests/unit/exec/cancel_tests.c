/* Cancel tokens, deadlines and progress. */
#include "exec_fixture.h"
#include "exec_tests.h"

#include "base/clock.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }

static aip_cancel *new_cancel(aip_context *ctx) {
    aip_cancel *cancel = NULL;
    ck_assert_int_eq(aip_cancel_create(ctx, &cancel, NULL), AIP_OK);
    return cancel;
}

START_TEST(a_request_is_sticky_and_none_can_be_asked_of_nothing) {
    aip_context *ctx = exec_context(0);
    aip_cancel *cancel = new_cancel(ctx);
    ck_assert_int_eq(aip_cancel_requested(cancel), 0);
    aip_cancel_request(cancel);
    aip_cancel_request(cancel);
    ck_assert_int_eq(aip_cancel_requested(cancel), 1);
    aip_cancel_free(cancel);
    aip_cancel_request(NULL);
    ck_assert_int_eq(aip_cancel_requested(NULL), 0);
    aip_cancel_free(NULL);
    exec_context_free(ctx);
}
END_TEST

START_TEST(creating_without_a_context_or_a_place_is_misuse) {
    aip_context *ctx = exec_context(0);
    aip_error *err = NULL;
    aip_cancel *cancel = NULL;
    ck_assert_int_eq(aip_cancel_create(NULL, &cancel, &err), AIP_E_MISUSE);
    ck_assert_int_eq(aip_error_status(err), AIP_E_MISUSE);
    aip_error_free(err);
    ck_assert_int_eq(aip_cancel_create(ctx, NULL, &err), AIP_E_MISUSE);
    aip_error_free(err);
    ck_assert_ptr_null(cancel);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_derived_token_follows_its_parents_and_not_the_other_way_round) {
    aip_context *ctx = exec_context(0);
    aip_cancel *top = new_cancel(ctx), *middle = NULL, *low = NULL;
    ck_assert_int_eq(aip__cancel_create_under(ctx, top, &middle, NULL), AIP_OK);
    ck_assert_int_eq(aip__cancel_create_under(ctx, middle, &low, NULL), AIP_OK);
    aip_cancel_request(low);
    ck_assert_int_eq(aip_cancel_requested(middle), 0);
    aip_cancel_free(low);
    ck_assert_int_eq(aip__cancel_create_under(ctx, middle, &low, NULL), AIP_OK);
    aip_cancel_free(middle); /* low keeps it */
    ck_assert_int_eq(aip_cancel_requested(low), 0);
    aip_cancel_request(top);
    ck_assert_int_eq(aip_cancel_requested(low), 1);
    aip_cancel_free(top);
    ck_assert_int_eq(aip_cancel_requested(low), 1);
    aip_cancel_free(low);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_token_may_outlive_the_callers_context) {
    aip_context *ctx = exec_context(1);
    aip_cancel *cancel = new_cancel(ctx), *under_closing = NULL;
    ck_assert_int_eq(aip__cancel_create_under(ctx, ctx->closing, &under_closing, NULL), AIP_OK);
    exec_context_close(ctx);
    aip__context_release(ctx);
    ck_assert_int_eq(aip_cancel_requested(cancel), 0);
    ck_assert_int_eq(aip_cancel_requested(under_closing), 1);
    aip_cancel_free(cancel);
    aip_cancel_free(under_closing);
}
END_TEST

static aip_cancel *for_handler;
static void on_signal(int signal) {
    (void)signal;
    aip_cancel_request(for_handler);
}

START_TEST(a_signal_handler_may_request) {
    aip_context *ctx = exec_context(0);
    for_handler = new_cancel(ctx);
    ck_assert(signal(SIGUSR1, on_signal) != SIG_ERR);
    raise(SIGUSR1);
    ck_assert_int_eq(aip_cancel_requested(for_handler), 1);
    aip_cancel_free(for_handler);
    exec_context_free(ctx);
}
END_TEST

/* ---- the token of a call --------------------------------------------------------------------------------------------------- */

START_TEST(a_token_sees_cancellation_closing_and_the_deadline) {
    aip_context *ctx = exec_context(0);
    aip_error *err = NULL;
    aip__token token;
    ck_assert_int_eq(aip__token_check(NULL, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_init(&token, ctx, NULL, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_check(&token, NULL), AIP_OK);

    aip_call call = AIP_CALL_INIT;
    call.cancel = new_cancel(ctx);
    call.timeout_ns = 1;
    ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_OK);
    sleep_ms(1);
    ck_assert_int_eq(aip__token_check(&token, &err), AIP_E_TIMEOUT);
    aip_error_free(err), err = NULL;

    call.timeout_ns = INT64_MAX;
    ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_check(&token, NULL), AIP_OK);
    aip_cancel_request(call.cancel);
    ck_assert_int_eq(aip__token_check(&token, &err), AIP_E_CANCELLED);
    aip_error_free(err), err = NULL;
    aip_cancel_free(call.cancel);

    ck_assert_int_eq(aip__token_init(&token, ctx, NULL, NULL), AIP_OK);
    aip_cancel_request(ctx->closing);
    ck_assert_int_eq(aip__token_check(&token, &err), AIP_E_CANCELLED);
    aip_error_free(err);
    exec_context_free(ctx);
}
END_TEST

START_TEST(a_call_of_a_bad_size_a_negative_timeout_or_a_foreign_token_is_misuse) {
    aip_context *ctx = exec_context(0);
    aip__token token;
    aip_call call = AIP_CALL_INIT;
    call.struct_size = 0;
    ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_E_MISUSE);
    call = (aip_call)AIP_CALL_INIT;
    call.timeout_ns = -1;
    ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_E_MISUSE);
    aip_context *other = exec_context(0);
    call = (aip_call)AIP_CALL_INIT;
    OK(aip_cancel_create(other, &call.cancel, &err));
    FAILS(aip__token_init(&token, ctx, &call, &err), AIP_E_MISUSE, "another context");
    OK(aip__token_init(&token, other, &call, &err));
    aip_cancel_free(call.cancel);
    exec_context_free(other);
    exec_context_free(ctx);
}
END_TEST

typedef struct endless {
    aip_cancel *cancel;
    _Atomic(int64_t) steps, steps_after_request;
} endless;

static int32_t endless_step(void *arg, int64_t i, aip_error **err) {
    (void)i, (void)err;
    endless *e = arg;
    atomic_fetch_add(&e->steps, 1);
    if (aip_cancel_requested(e->cancel)) atomic_fetch_add(&e->steps_after_request, 1);
    sleep_ms(1);
    return AIP_OK;
}

static void *request_later(void *arg) {
    sleep_ms(20);
    aip_cancel_request(arg);
    return NULL;
}

START_TEST(a_loop_takes_no_more_steps_once_another_thread_cancelled) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        endless e = {.cancel = new_cancel(ctx)};
        aip_call call = AIP_CALL_INIT;
        call.cancel = e.cancel;
        aip__token token;
        ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_OK);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, request_later, e.cancel), 0);
        aip_error *err = NULL;
        ck_assert_int_eq(aip__parallel_for(ctx, &token, INT64_MAX / 2, endless_step, &e, &err), AIP_E_CANCELLED);
        ck_assert_int_eq(aip_error_status(err), AIP_E_CANCELLED);
        aip_error_free(err);
        pthread_join(thread, NULL);
        ck_assert_int_le(e.steps_after_request, worker_counts[w] + 1); /* one that each thread was about to take */
        aip_cancel_free(e.cancel);
        exec_context_free(ctx);
    }
}
END_TEST

START_TEST(a_loop_ends_at_its_timeout) {
    for (int w = 0; w < N_WORKER_COUNTS; w++) {
        aip_context *ctx = exec_context(worker_counts[w]);
        endless e = {.cancel = NULL};
        aip_call call = AIP_CALL_INIT;
        call.timeout_ns = 20 * 1000000;
        aip__token token;
        ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_OK);
        ck_assert_int_eq(aip__parallel_for(ctx, &token, INT64_MAX / 2, endless_step, &e, NULL), AIP_E_TIMEOUT);
        ck_assert_int_ge(aip__clock_ns(), token.deadline_ns);
        exec_context_free(ctx);
    }
}
END_TEST

static void *close_context(void *arg) {
    sleep_ms(20);
    exec_context_close(arg);
    return NULL;
}

START_TEST(closing_the_context_cancels_a_loop_that_another_thread_runs) {
    aip_context *ctx = exec_context(2);
    endless e = {.cancel = NULL};
    aip__token token;
    ck_assert_int_eq(aip__token_init(&token, ctx, NULL, NULL), AIP_OK);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, close_context, ctx), 0);
    ck_assert_int_eq(aip__parallel_for(ctx, &token, INT64_MAX / 2, endless_step, &e, NULL), AIP_E_CANCELLED);
    pthread_join(thread, NULL);
    exec_context_free(ctx);
}
END_TEST

START_TEST(an_empty_loop_of_a_cancelled_call_is_cancelled) {
    aip_context *ctx = exec_context(0);
    aip__token token;
    ck_assert_int_eq(aip__token_init(&token, ctx, NULL, NULL), AIP_OK);
    aip_cancel_request(ctx->closing);
    ck_assert_int_eq(aip__parallel_for(ctx, &token, 0, endless_step, NULL, NULL), AIP_E_CANCELLED);
    exec_context_free(ctx);
}
END_TEST

/* ---- progress -------------------------------------------------------------------------------------------------------------- */

typedef struct reports {
    _Atomic(int32_t) n, inside, overlaps;
    int32_t answer, work_ms;
    aip_progress last;
    char phase[32];
} reports;

static int32_t on_progress(void *user, const aip_progress *progress) {
    reports *r = user;
    if (atomic_fetch_add(&r->inside, 1) > 0) atomic_fetch_add(&r->overlaps, 1);
    atomic_fetch_add(&r->n, 1);
    r->last = *progress;
    strncpy(r->phase, progress->phase, sizeof r->phase - 1);
    if (r->work_ms) sleep_ms(r->work_ms);
    atomic_fetch_sub(&r->inside, 1);
    return r->answer;
}

static void token_with_progress(aip__token *token, aip_context *ctx, reports *r) {
    aip_call call = AIP_CALL_INIT;
    call.progress = on_progress;
    call.user = r;
    ck_assert_int_eq(aip__token_init(token, ctx, &call, NULL), AIP_OK);
}

START_TEST(progress_is_reported_now_and_then_and_when_forced) {
    aip_context *ctx = exec_context(0);
    reports r = {.answer = 0};
    aip__token token;
    token_with_progress(&token, ctx, &r);
    int64_t begin = aip__clock_ns();
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(aip__token_progress(&token, "read", i, 2 * i, 0.5, false, NULL), AIP_OK);
    ck_assert_int_ge(r.n, 1);
    ck_assert_int_le(r.n, 1 + (aip__clock_ns() - begin) / 50000000);
    ck_assert_int_eq(aip__token_progress(&token, "fit", 10, 20, -1, true, NULL), AIP_OK);
    ck_assert_str_eq(r.phase, "fit");
    ck_assert_uint_eq(r.last.struct_size, sizeof(aip_progress));
    ck_assert_int_eq(r.last.rows, 10);
    ck_assert_int_eq(r.last.bytes, 20);
    ck_assert_double_lt(r.last.fraction, 0);
    int32_t before = r.n;
    sleep_ms(60);
    ck_assert_int_eq(aip__token_progress(&token, "fit", 11, 20, -1, false, NULL), AIP_OK);
    ck_assert_int_eq(r.n, before + 1);
    exec_context_free(ctx);
}
END_TEST

START_TEST(what_the_progress_callback_returns_comes_back_unchanged) {
    aip_context *ctx = exec_context(0);
    const int32_t answers[] = {77, AIP_E_CANCELLED};
    for (int i = 0; i < 2; i++) {
        reports r = {.answer = answers[i]};
        aip__token token;
        token_with_progress(&token, ctx, &r);
        aip_error *err = NULL;
        ck_assert_int_eq(aip__token_progress(&token, "read", 0, 0, -1, true, &err), answers[i]);
        ck_assert_int_eq(aip_error_status(err), answers[i]);
        aip_error_free(err);
    }
    exec_context_free(ctx);
}
END_TEST

START_TEST(without_a_callback_progress_does_nothing) {
    aip_context *ctx = exec_context(0);
    aip__token token;
    aip_call call = AIP_CALL_INIT;
    ck_assert_int_eq(aip__token_progress(NULL, "read", 0, 0, -1, true, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_init(&token, ctx, NULL, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_progress(&token, "read", 0, 0, -1, true, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_init(&token, ctx, &call, NULL), AIP_OK);
    ck_assert_int_eq(aip__token_progress(&token, "read", 0, 0, -1, true, NULL), AIP_OK);
    exec_context_free(ctx);
}
END_TEST

static int32_t report_step(void *arg, int64_t i, aip_error **err) {
    return aip__token_progress(arg, "read", i, i, -1, true, err);
}

START_TEST(progress_is_never_reported_by_two_threads_at_once) {
    aip_context *ctx = exec_context(8);
    reports r = {.work_ms = 1};
    aip__token token;
    token_with_progress(&token, ctx, &r);
    ck_assert_int_eq(aip__parallel_for(ctx, &token, 2000, report_step, &token, NULL), AIP_OK);
    ck_assert_int_ge(r.n, 1);
    ck_assert_int_eq(r.overlaps, 0);
    exec_context_free(ctx);
}
END_TEST

Suite *cancel_suite(void) {
    const TTest *const tests[] = {a_request_is_sticky_and_none_can_be_asked_of_nothing,
                                  creating_without_a_context_or_a_place_is_misuse,
                                  a_derived_token_follows_its_parents_and_not_the_other_way_round,
                                  a_token_may_outlive_the_callers_context,
                                  a_signal_handler_may_request,
                                  a_token_sees_cancellation_closing_and_the_deadline,
                                  a_call_of_a_bad_size_a_negative_timeout_or_a_foreign_token_is_misuse,
                                  a_loop_takes_no_more_steps_once_another_thread_cancelled,
                                  a_loop_ends_at_its_timeout,
                                  closing_the_context_cancels_a_loop_that_another_thread_runs,
                                  an_empty_loop_of_a_cancelled_call_is_cancelled,
                                  progress_is_reported_now_and_then_and_when_forced,
                                  what_the_progress_callback_returns_comes_back_unchanged,
                                  without_a_callback_progress_does_nothing,
                                  progress_is_never_reported_by_two_threads_at_once,
                                  NULL};
    return unit_suite("cancel", tests);
}
