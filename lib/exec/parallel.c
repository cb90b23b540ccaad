/* A parallel loop: as many jobs as may run at once, which take the next index from a counter until there is none. */
#include "exec/group.h"

#include "exec/float_mode.h"

typedef struct loop {
    const aip__token *token;
    int64_t n;
    int32_t (*fn)(void *arg, int64_t i, aip_error **err);
    void *arg;
    _Atomic(int64_t) next; /* the lowest index that nobody has taken */
    _Atomic(bool) over;    /* take no more */
    pthread_mutex_t lock;  /* of the rest */
    int64_t failed_at;     /* n: cancelled, which any failed index outranks */
    int32_t status;
    aip_error *error;
} loop;

static void loop_fail(loop *l, int64_t at, int32_t status, aip_error *error) {
    pthread_mutex_lock(&l->lock);
    if (l->status == AIP_OK || at < l->failed_at) {
        aip_error *old = l->error;
        l->failed_at = at;
        l->status = status;
        l->error = error;
        error = old;
    }
    pthread_mutex_unlock(&l->lock);
    aip_error_free(error);
    atomic_store(&l->over, true);
}

/* An index that was taken is run whatever happened elsewhere, so every index below a failed one is run. */
static int32_t loop_run(void *arg, bool skip, aip_error **err) {
    (void)err; /* kept by index, not by job */
    loop *l = arg;
    while (!skip && !atomic_load_explicit(&l->over, memory_order_relaxed)) {
        aip_error *error = NULL;
        int32_t status = aip__token_check(l->token, &error);
        if (status != AIP_OK) {
            loop_fail(l, l->n, status, error);
            break;
        }
        int64_t i = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
        if (i >= l->n) break;
        status = l->fn(l->arg, i, &error);
        if (status != AIP_OK) loop_fail(l, i, status, error);
    }
    return AIP_OK;
}

static int32_t loop_spread(aip_context *ctx, loop *l, int64_t n_jobs, aip_error **err) {
    aip__group *group = NULL;
    int32_t status = aip__group_create(ctx, &group, err);
    if (status != AIP_OK) return status;
    for (int64_t j = 0; j < n_jobs && status == AIP_OK; j++) status = aip__group_submit(group, loop_run, l, j, err);
    if (status != AIP_OK) atomic_store(&l->over, true);
    int32_t waited = aip__group_wait(group, status == AIP_OK ? err : NULL);
    aip__group_free(group);
    return status != AIP_OK ? status : waited;
}

int32_t aip__parallel_for(aip_context *ctx, const aip__token *token, int64_t n,
                          int32_t (*fn)(void *arg, int64_t i, aip_error **err), void *arg, aip_error **err) {
    if (n <= 0) return aip__token_check(token, err);
    loop l = {.token = token, .n = n, .fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER};
    int64_t n_jobs = aip__concurrency(ctx);
    if (n_jobs > n) n_jobs = n;
    int32_t status = AIP_OK;
    if (n_jobs == 1) {
        aip__float_mode mode;
        aip__float_mode_enter(&mode);
        loop_run(&l, false, NULL);
        aip__float_mode_leave(&mode);
    } else {
        status = loop_spread(ctx, &l, n_jobs, err);
    }
    if (status != AIP_OK) {
        aip_error_free(l.error);
    } else if (l.status != AIP_OK) {
        status = l.status;
        if (l.error)
            aip__error_move(err, l.error);
        else
            aip__error_set(err, status, "step %lld failed with status %d and no message", (long long)l.failed_at, (int)status);
    }
    pthread_mutex_destroy(&l.lock);
    return status;
}
