/* Cancel tokens. A request is one atomic store (so that a signal handler may make it); everybody else looks up the chain of parents. */
#include "exec/cancel.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/memory.h"
#include <string.h>

#define PROGRESS_EVERY_NS ((int64_t)50 * 1000 * 1000)

int32_t aip_cancel_create(aip_context *ctx, aip_cancel **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !out) return aip__error_set(err, AIP_E_MISUSE, "%s is NULL", ctx ? "out" : "ctx");
    return aip__cancel_create_under(ctx, NULL, out, err);
}

int32_t aip__cancel_create_under(aip_context *ctx, const aip_cancel *parent, aip_cancel **out, aip_error **err) {
    aip_cancel *token = aip__calloc(ctx, 1, sizeof *token);
    if (!token) return aip__error_memory(ctx, err);
    atomic_init(&token->refs, 1);
    atomic_init(&token->requested, 0);
    token->ctx = aip__context_retain(ctx);
    token->parent = aip__cancel_retain(parent);
    *out = token;
    return AIP_OK;
}

/* Only the reference count changes, which is no part of what const promises. */
aip_cancel *aip__cancel_retain(const aip_cancel *token) {
    aip_cancel *counted = (aip_cancel *)(uintptr_t)token;
    if (counted) atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return counted;
}

void aip_cancel_request(aip_cancel *token) {
    if (token) atomic_store_explicit(&token->requested, 1, memory_order_release);
}

int32_t aip_cancel_requested(const aip_cancel *token) {
    for (; token; token = token->parent)
        if (atomic_load_explicit(&token->requested, memory_order_acquire)) return 1;
    return 0;
}

/* The context's own token (ctx NULL) is part of aip__exec and goes with the context, which each derived token holds; so it is not touched
 * once that hold is given up. */
void aip_cancel_free(aip_cancel *token) {
    while (token && token->ctx && atomic_fetch_sub_explicit(&token->refs, 1, memory_order_acq_rel) == 1) {
        aip_context *ctx = token->ctx;
        aip_cancel *parent = (aip_cancel *)(uintptr_t)token->parent;
        if (parent && !parent->ctx) parent = NULL;
        aip__free(ctx, token);
        aip__context_release(ctx);
        token = parent;
    }
}

/* ---- the token of a call --------------------------------------------------------------------------------------------------- */

int32_t aip__token_init(aip__token *token, aip_context *ctx, const aip_call *call, aip_error **err) {
    aip_call copied = AIP_CALL_INIT;
    int64_t deadline_ns = 0;
    if (call) AIP__TRY(aip__struct_copy(&copied, sizeof copied, call, "aip_call", err));
    if (copied.timeout_ns < 0)
        return aip__error_set(err, AIP_E_MISUSE, "aip_call.timeout_ns is %lld: expected 0 (none) or more",
                              (long long)copied.timeout_ns);
    if (copied.cancel && copied.cancel->ctx && copied.cancel->ctx != ctx)
        return aip__error_set(err, AIP_E_MISUSE, "aip_call.cancel is a token of another context");
    if (copied.timeout_ns > 0 && aip__add_i64(aip__clock_ns(), copied.timeout_ns, &deadline_ns)) deadline_ns = INT64_MAX;
    token->ctx = ctx;
    token->cancel = copied.cancel;
    token->deadline_ns = deadline_ns;
    token->copied = copied;
    token->call = call ? &token->copied : NULL;
    atomic_init(&token->next_progress_ns, 0);
    atomic_init(&token->reporting, 0);
    return AIP_OK;
}

int32_t aip__token_check(const aip__token *token, aip_error **err) {
    if (!token) return AIP_OK;
    if (aip_cancel_requested(token->cancel)) return aip__error_set(err, AIP_E_CANCELLED, "cancelled");
    if (aip_cancel_requested(token->ctx->closing))
        return aip__error_set(err, AIP_E_CANCELLED, "cancelled: the context is closed");
    if (token->deadline_ns && aip__clock_ns() >= token->deadline_ns) {
        if (!token->call) return aip__error_set(err, AIP_E_TIMEOUT, "the deadline passed");
        return aip__error_set(err, AIP_E_TIMEOUT, "the timeout of %.3f s passed", (double)token->copied.timeout_ns / 1e9);
    }
    return AIP_OK;
}

static _Thread_local aip__token *here;

aip__token *aip__token_here(void) { return here; }

aip__token *aip__token_enter(aip__token *token) {
    aip__token *before = here;
    here = token;
    return before;
}

int32_t aip__token_progress(aip__token *token, const char *phase, int64_t rows, int64_t bytes, double fraction, bool force,
                            aip_error **err) {
    if (!token || !token->call || !token->call->progress) return AIP_OK;
    int64_t now = aip__clock_ns();
    if (!force && now < atomic_load_explicit(&token->next_progress_ns, memory_order_relaxed)) return AIP_OK;
    int32_t nobody = 0;
    if (!atomic_compare_exchange_strong_explicit(&token->reporting, &nobody, 1, memory_order_acquire, memory_order_relaxed))
        return AIP_OK;
    int32_t status = AIP_OK;
    if (force || now >= atomic_load_explicit(&token->next_progress_ns, memory_order_relaxed)) { /* nobody reported meanwhile */
        aip_progress progress = {
            .struct_size = sizeof progress, .rows = rows, .bytes = bytes, .fraction = fraction, .phase = phase};
        status = token->call->progress(token->call->user, &progress);
        atomic_store_explicit(&token->next_progress_ns, now + PROGRESS_EVERY_NS, memory_order_relaxed);
    }
    atomic_store_explicit(&token->reporting, 0, memory_order_release);
    if (status != AIP_OK) return aip__error_set(err, status, "stopped by the progress callback, which returned %d", (int)status);
    return AIP_OK;
}
