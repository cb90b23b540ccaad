#include "exec_fixture.h"

#include <pthread.h>
#include <stdlib.h>

const int32_t worker_counts[N_WORKER_COUNTS] = {0, 1, 2, 8};
const char *const host_names[HOST_KINDS] = {"refuses", "drops", "late", "threads", "queue", "mixed"};

/* ---- contexts -------------------------------------------------------------------------------------------------------------- */

static void at_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }

static void at_free(aip_context *ctx) {
    aip__pool_free(ctx->pool);
    aip__exec_free(ctx, ctx->exec);
}

static aip_context *context_new(void) {
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(NULL, &ctx, NULL), AIP_OK);
    ck_assert_int_eq(aip__exec_create(ctx, &ctx->exec, NULL), AIP_OK);
    ctx->at_close = at_close;
    ctx->at_free = at_free;
    return ctx;
}

aip_context *exec_context(int32_t n_workers) {
    aip_context *ctx = context_new();
    aip__pool *pool = NULL;
    ck_assert_int_eq(aip__pool_create(ctx, n_workers, &pool, &ctx->executor, NULL), AIP_OK);
    ctx->pool = pool;
    return ctx;
}

aip_context *exec_context_host(const aip_executor_callbacks *callbacks) {
    aip_context *ctx = context_new();
    ctx->executor = *callbacks;
    return ctx;
}

void exec_context_close(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    if (ctx->executor.shutdown) ctx->executor.shutdown(ctx->executor.user);
    ctx->at_close(ctx);
}

void exec_context_free(aip_context *ctx) {
    exec_context_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1); /* each job and group holds one */
    aip__context_release(ctx);
}

/* ---- hosts ----------------------------------------------------------------------------------------------------------------- */

#define HOST_MAX 200000

struct host {
    int kind;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    aip_job **kept;
    int64_t n_kept, n_submits;
    pthread_t threads[2]; /* HOST_QUEUE */
    bool ending;
    int64_t n_detached; /* HOST_THREADS: running now */
};

typedef struct detached {
    host *host;
    aip_job *job;
} detached;

static void *run_detached(void *arg) {
    detached d = *(detached *)arg;
    free(arg);
    aip_job_run(d.job);
    pthread_mutex_lock(&d.host->lock);
    d.host->n_detached--;
    pthread_cond_broadcast(&d.host->changed);
    pthread_mutex_unlock(&d.host->lock);
    return NULL;
}

/* A thread of its own, but no more than 16 at a time; then it refuses. */
static int32_t submit_detached(host *h, aip_job *job) {
    pthread_mutex_lock(&h->lock);
    bool room = h->n_detached < 16;
    if (room) h->n_detached++;
    pthread_mutex_unlock(&h->lock);
    if (!room) return AIP_E_AGAIN;
    detached *d = malloc(sizeof *d);
    ck_assert_ptr_nonnull(d);
    *d = (detached){.host = h, .job = job};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_detached, d), 0);
    pthread_detach(thread);
    return AIP_OK;
}

static void *run_queue(void *arg) {
    host *h = arg;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->n_kept == 0 && !h->ending) pthread_cond_wait(&h->changed, &h->lock);
        if (h->n_kept == 0) break;
        aip_job *job = h->kept[--h->n_kept];
        pthread_mutex_unlock(&h->lock);
        aip_job_run(job);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static int32_t keep(host *h, aip_job *job) {
    int32_t status = AIP_E_AGAIN;
    pthread_mutex_lock(&h->lock);
    if (h->n_kept < HOST_MAX) {
        h->kept[h->n_kept++] = job;
        status = AIP_OK;
    }
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->lock);
    return status;
}

static int32_t host_submit(void *user, aip_job *job) {
    host *h = user;
    pthread_mutex_lock(&h->lock);
    int64_t turn = h->n_submits++;
    pthread_mutex_unlock(&h->lock);
    int kind = h->kind == HOST_MIXED ? (turn % 3 == 0 ? HOST_REFUSES : turn % 3 == 1 ? HOST_DROPS : HOST_THREADS) : h->kind;
    switch (kind) {
    case HOST_DROPS: aip_job_drop(job); return AIP_OK;
    case HOST_LATE:
    case HOST_QUEUE: return keep(h, job);
    case HOST_THREADS: return submit_detached(h, job);
    default: return AIP_E_AGAIN;
    }
}

static int32_t host_concurrency(void *user) {
    (void)user;
    return 4;
}

host *host_create(int kind, aip_executor_callbacks *callbacks) {
    host *h = calloc(1, sizeof *h);
    ck_assert_ptr_nonnull(h);
    h->kind = kind;
    h->kept = calloc(HOST_MAX, sizeof(aip_job *));
    ck_assert_ptr_nonnull(h->kept);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    for (int i = 0; i < 2 && kind == HOST_QUEUE; i++) ck_assert_int_eq(pthread_create(&h->threads[i], NULL, run_queue, h), 0);
    *callbacks = (aip_executor_callbacks)AIP_EXECUTOR_CALLBACKS_INIT;
    callbacks->user = h;
    callbacks->submit = host_submit;
    callbacks->concurrency = host_concurrency;
    return h;
}

int64_t host_submits(host *h) {
    pthread_mutex_lock(&h->lock);
    int64_t n = h->n_submits;
    pthread_mutex_unlock(&h->lock);
    return n;
}

void host_run_late(host *h) {
    for (;;) {
        pthread_mutex_lock(&h->lock);
        aip_job *job = h->n_kept > 0 ? h->kept[--h->n_kept] : NULL;
        pthread_mutex_unlock(&h->lock);
        if (!job) return;
        aip_job_run(job);
    }
}

void host_free(host *h) {
    pthread_mutex_lock(&h->lock);
    h->ending = true;
    pthread_cond_broadcast(&h->changed);
    while (h->n_detached > 0) pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    for (int i = 0; i < 2 && h->kind == HOST_QUEUE; i++) pthread_join(h->threads[i], NULL);
    while (h->n_kept > 0) aip_job_drop(h->kept[--h->n_kept]);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h->kept);
    free(h);
}
