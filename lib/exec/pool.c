/* The default executor. Tickets lie in deques, one per worker and one for threads from outside; an owner takes its youngest ticket (whose
 * data is warm), everybody else the oldest.
 *
 * A deque has a mutex, not a lock-free algorithm: a job is a batch of rows or a task, thousands of times what the mutex costs; each deque is
 * hardly contended; and it can be pruned, which bounds it: before a full deque grows, tickets whose job a waiting thread has done are thrown
 * out. Idle workers spin a little (the next batch is about to come), then sleep on one condition variable. */
#include "exec/pool.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/memory.h"
#include "exec/group.h"
#include "exec/pause.h"
#include <signal.h>

#define SPIN_NS ((int64_t)20 * 1000) /* about what sleeping and waking cost */
#define CAPACITY_MIN 64

typedef struct ring {
    aip_job **tickets;
    size_t first, n, capacity; /* the oldest; how many; 0 or a power of two */
} ring;

typedef struct deque {
    pthread_mutex_t lock;
    ring ring;
    char apart[64]; /* from the next one's cache line */
} deque;

typedef struct worker {
    struct aip__pool *pool;
    deque *own;
    pthread_t thread;
} worker;

struct aip__pool {
    aip_context *ctx; /* borrowed: the context owns the pool */
    int32_t n_workers;
    deque *deques; /* one per worker, and a last one for threads from outside */
    worker *workers;
    _Atomic(int64_t) n_queued; /* in all deques */
    _Atomic(bool) stopping;
    aip__fork_mark mark; /* in a child process the threads do not exist */

    pthread_mutex_t lock; /* of starting and sleeping; never held together with a deque's */
    pthread_cond_t work;
    _Atomic(int32_t) n_started;
    _Atomic(int32_t) n_asleep; /* and not woken: who wakes one counts it out, so that two submits wake two */
    int32_t n_woken;           /* wakes that no sleeper has used up yet */
};

static _Thread_local worker *self; /* NULL in threads that are no worker of any pool */

/* ---- deques ---------------------------------------------------------------------------------------------------------------- */

static aip_job **slot(const ring *r, size_t i) { return &r->tickets[(r->first + i) & (r->capacity - 1)]; }

/* Replaces a full ring by one without the tickets of jobs that were done elsewhere; twice as large, unless that leaves it half empty. Called
 * with the deque's lock held; releases it meanwhile (neither allocating nor dropping is done under a lock), so room may be gone again or be
 * made by another thread. False when memory was refused. */
static bool make_room(aip__pool *pool, deque *d) {
    aip_context *ctx = pool->ctx;
    size_t live = 0;
    for (size_t i = 0; i < d->ring.n; i++)
        if (!aip__job_taken(*slot(&d->ring, i))) live++;
    size_t capacity = d->ring.capacity ? d->ring.capacity : CAPACITY_MIN;
    if (live > capacity / 2) capacity *= 2;
    pthread_mutex_unlock(&d->lock);
    ring fresh = {.tickets = aip__alloc(ctx, capacity * sizeof(aip_job *)), .capacity = capacity}, old = {.n = 0};
    pthread_mutex_lock(&d->lock);
    if (!fresh.tickets) return false;
    if (d->ring.n > capacity) { /* another thread has made a larger one */
        old.tickets = fresh.tickets;
    } else {
        old = d->ring;
        old.n = 0;
        for (size_t i = 0; i < d->ring.n; i++) {
            aip_job *job = *slot(&d->ring, i);
            if (aip__job_taken(job))
                *slot(&old, old.n++) = job; /* overwrites only what was looked at: old.n <= i */
            else
                fresh.tickets[fresh.n++] = job;
        }
        d->ring = fresh;
        atomic_fetch_sub(&pool->n_queued, (int64_t)old.n);
    }
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < old.n; i++) aip_job_drop(*slot(&old, i));
    aip__free(ctx, old.tickets);
    pthread_mutex_lock(&d->lock);
    return true;
}

static bool push(aip__pool *pool, deque *d, aip_job *job) {
    pthread_mutex_lock(&d->lock);
    bool room = !atomic_load(&pool->stopping);
    while (room && d->ring.n == d->ring.capacity) room = make_room(pool, d);
    room = room && !atomic_load(&pool->stopping); /* aip__pool_stop empties a deque once, and after that nothing may come in */
    if (room) {
        *slot(&d->ring, d->ring.n++) = job;
        atomic_fetch_add(&pool->n_queued, 1);
    }
    pthread_mutex_unlock(&d->lock);
    return room;
}

static aip_job *take_from(aip__pool *pool, deque *d, bool youngest) {
    aip_job *job = NULL;
    pthread_mutex_lock(&d->lock);
    if (d->ring.n > 0) {
        job = *slot(&d->ring, youngest ? d->ring.n - 1 : 0);
        if (!youngest) d->ring.first = (d->ring.first + 1) & (d->ring.capacity - 1);
        d->ring.n--;
        atomic_fetch_sub(&pool->n_queued, 1);
    }
    pthread_mutex_unlock(&d->lock);
    return job;
}

/* Its own youngest; else the oldest from outside; else the oldest of the other workers, beginning with its neighbour. */
static aip_job *take(worker *w) {
    aip__pool *pool = w->pool;
    if (atomic_load(&pool->n_queued) == 0) return NULL;
    aip_job *job = take_from(pool, w->own, true);
    if (!job) job = take_from(pool, &pool->deques[pool->n_workers], false);
    int32_t index = (int32_t)(w->own - pool->deques);
    for (int32_t i = 1; i < pool->n_workers && !job; i++)
        job = take_from(pool, &pool->deques[(index + i) % pool->n_workers], false);
    return job;
}

/* ---- workers --------------------------------------------------------------------------------------------------------------- */

static bool something_to_do(aip__pool *pool) { return atomic_load(&pool->n_queued) > 0 || atomic_load(&pool->stopping); }

/* A submitter first counts its ticket, then looks for sleepers; a sleeper first counts itself, then looks for tickets. */
static void idle(aip__pool *pool) {
    for (int64_t until = aip__clock_ns() + SPIN_NS; aip__clock_ns() < until;)
        for (int i = 0; i < 16; i++) {
            if (something_to_do(pool)) return;
            aip__cpu_pause();
        }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_asleep, 1);
    while (pool->n_woken == 0 && !something_to_do(pool)) pthread_cond_wait(&pool->work, &pool->lock);
    if (pool->n_woken > 0)
        pool->n_woken--;
    else
        atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg) {
    worker *w = arg;
    self = w;
#ifdef __linux__
    pthread_setname_np(pthread_self(), "aip-worker");
#endif
    while (!atomic_load(&w->pool->stopping)) {
        aip_job *job = take(w);
        if (job)
            aip_job_run(job);
        else
            idle(w->pool);
    }
    return NULL;
}

/* Signals of the host are for the host's threads. Those that a thread raises itself by a fault stay open, so that the host's crash reporter
 * sees them. */
static void block_signals(sigset_t *before) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

/* Starts one more worker if there may be one. When the system refuses, those that there are must do. */
static void start_worker(aip__pool *pool) {
    pthread_mutex_lock(&pool->lock);
    int32_t n = atomic_load(&pool->n_started);
    if (n < pool->n_workers && !atomic_load(&pool->stopping)) {
        sigset_t before;
        block_signals(&before); /* the new thread inherits the mask */
        if (pthread_create(&pool->workers[n].thread, NULL, work, &pool->workers[n]) == 0) atomic_store(&pool->n_started, n + 1);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void wake_worker(aip__pool *pool) {
    pthread_mutex_lock(&pool->lock);
    if (atomic_load(&pool->n_asleep) > 0) {
        atomic_fetch_sub(&pool->n_asleep, 1);
        pool->n_woken++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* ---- the executor's callbacks ---------------------------------------------------------------------------------------------- */

static int32_t pool_submit(void *user, aip_job *job) {
    aip__pool *pool = user;
    if (pool->n_workers == 0 || !aip__fork_mark_ours(&pool->mark)) return AIP_E_AGAIN;
    if (atomic_load(&pool->n_started) == 0) start_worker(pool);
    if (atomic_load(&pool->n_started) == 0) return AIP_E_AGAIN;
    deque *d = self && self->pool == pool ? self->own : &pool->deques[pool->n_workers];
    if (!push(pool, d, job)) return AIP_E_AGAIN;
    if (atomic_load(&pool->n_asleep) > 0)
        wake_worker(pool);
    else if (atomic_load(&pool->n_started) < pool->n_workers)
        start_worker(pool);
    return AIP_OK;
}

static int32_t pool_concurrency(void *user) {
    const aip__pool *pool = user;
    return pool->n_workers + 1; /* the waiting thread is one of them */
}

/* ---- life ------------------------------------------------------------------------------------------------------------------ */

int32_t aip__pool_create(aip_context *ctx, int32_t n_workers, aip__pool **out, aip_executor_callbacks *callbacks,
                         aip_error **err) {
    if (n_workers < 0) return aip__error_set(err, AIP_E_MISUSE, "%d workers: expected 0 or more", (int)n_workers);
    aip__pool *pool = aip__calloc(ctx, 1, sizeof *pool);
    if (!pool) return aip__error_memory(ctx, err);
    pool->deques = aip__calloc(ctx, (size_t)n_workers + 1, sizeof *pool->deques);
    pool->workers = aip__calloc(ctx, (size_t)n_workers + 1, sizeof *pool->workers);
    if (!pool->deques || !pool->workers) {
        aip__free(ctx, pool->deques);
        aip__free(ctx, pool->workers);
        aip__free(ctx, pool);
        return aip__error_memory(ctx, err);
    }
    pool->ctx = ctx;
    pool->n_workers = n_workers;
    aip__fork_mark_init(&pool->mark);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    for (int32_t i = 0; i <= n_workers; i++) {
        pthread_mutex_init(&pool->deques[i].lock, NULL);
        pool->workers[i].pool = pool;
        pool->workers[i].own = &pool->deques[i];
    }
    *callbacks = (aip_executor_callbacks)AIP_EXECUTOR_CALLBACKS_INIT;
    callbacks->user = pool;
    callbacks->submit = pool_submit;
    callbacks->concurrency = pool_concurrency;
    *out = pool;
    return AIP_OK;
}

void aip__pool_stop(aip__pool *pool) {
    if (!pool || !aip__fork_mark_ours(&pool->mark)) return;
    pthread_mutex_lock(&pool->lock);
    bool stopped_before = atomic_exchange(&pool->stopping, true);
    int32_t n_started = atomic_load(&pool->n_started);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    if (stopped_before) return;
    for (int32_t i = 0; i < n_started; i++) pthread_join(pool->workers[i].thread, NULL);
    for (int32_t i = 0; i <= pool->n_workers; i++)
        for (aip_job *job; (job = take_from(pool, &pool->deques[i], false));) aip_job_drop(job);
}

void aip__pool_free(aip__pool *pool) {
    if (!pool) return;
    aip_context *ctx = pool->ctx;
    aip__pool_stop(pool);
    bool ours = aip__fork_mark_ours(
        &pool->mark); /* else a thread that is not here may seem to hold a lock, and left a ring half changed */
    for (int32_t i = 0; i <= pool->n_workers; i++) {
        if (ours) pthread_mutex_destroy(&pool->deques[i].lock);
        if (ours) aip__free(ctx, pool->deques[i].ring.tickets);
    }
    if (ours) pthread_cond_destroy(&pool->work);
    if (ours) pthread_mutex_destroy(&pool->lock);
    aip__fork_mark_free(&pool->mark);
    aip__free(ctx, pool->deques);
    aip__free(ctx, pool->workers);
    aip__free(ctx, pool);
}
