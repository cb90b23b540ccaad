/* Job groups and tickets.
 *
 * Why helping cannot deadlock, and needs no bound on recursion. Groups form a tree: a group made inside a job hangs under that job's group.
 * A thread that waits for group W runs only jobs of W and of groups below W. What such a job waits for hangs below the job's own group, so
 * from the bottom of a thread's stack to its top the groups waited for get strictly deeper, and the stack is at most as deep as calls of the
 * library are nested in each other; the number of jobs does not matter. An unfinished job of W is either queued, and then the thread that
 * waits for W takes it, or it is on some thread's stack, and what is above it there are jobs that it waits for, all deeper. Following "waits
 * for" always leads deeper into a finite tree, so it ends at a job that computes. The executor's threads are nowhere needed.
 *
 * One mutex per context guards the bookkeeping (jobs are coarse: a batch, a task); it is never held while a job, the executor, a `done`
 * or the allocator is called. Claiming is one compare-and-swap outside of it, so that a ticket which comes after its group, or even after
 * everything else in the context, touches nothing but the job.
 *
 *     aip__exec      the mutex; how many threads are busy in here
 *       aip__group   queued jobs (linked list), child groups (linked list), kept error, threads that wait
 *         aip_job    one reference of whoever performs it, one of the ticket; holds the context
 */
#include "exec/group.h"

#include "base/clock.h"
#include "base/fork.h"
#include "base/memory.h"
#include "exec/float_mode.h"
#include "exec/pause.h"
#include <assert.h>
#include <pthread.h>
#include <time.h>

#define SPIN_NS ((int64_t)10 * 1000)              /* before parking: about what parking and waking cost */
#define LOOK_EVERY_NS ((int64_t)50 * 1000 * 1000) /* at `done`, for cancellation that nobody announces */
#define PENDING 0
#define TAKEN 1

struct aip_job {
    _Atomic(int32_t) refs;
    _Atomic(int32_t) state;
    bool linked;       /* in its group's list; guarded by the mutex */
    uint64_t round;    /* of aip__group_offer that looked at it last; guarded by the mutex */
    aip_context *ctx;  /* retained: the ticket may outlive every handle */
    aip__group *group; /* valid until the job has ended */
    aip__job_fn fn;
    void *arg;
    int64_t order;
    aip_job *prev, *next;
};

struct aip__group {
    aip_context *ctx; /* retained */
    aip__exec *exec;
    uint32_t generation; /* of the process that made it */
    pthread_cond_t changed;
    aip__group *parent, *first_child, *prev_sibling, *next_sibling;
    aip_job *head, *tail; /* queued jobs, oldest first */
    int64_t queued_below; /* queued jobs of this group and of all below it */
    int64_t unfinished;   /* jobs of this group, queued or running */
    uint64_t round;       /* of aip__group_offer */
    _Atomic(uint64_t)
        event;        /* counts what a waiting thread may want to know; written under the mutex, read outside while spinning */
    int32_t waiters;  /* threads in help() */
    int32_t watchers; /* of these, with a `done` */
    bool stopped;
    int32_t status; /* the kept error's; AIP_OK: none failed */
    int64_t failed_order;
    aip_error *error;
};

struct aip__exec {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* busy fell to 0 */
    int64_t busy;        /* jobs running and threads waiting */
    aip__fork_mark mark;
    _Atomic(uint32_t) generation; /* how many forks lie between this process and the one that made the context */
    _Atomic(bool) closed;
    _Atomic(int64_t) offering; /* threads inside the executor's submit */
    aip_cancel closing;
};

static _Thread_local aip__group *current; /* the group of the innermost job that this thread runs */

/* ---- per context ----------------------------------------------------------------------------------------------------------- */

int32_t aip__exec_create(aip_context *ctx, aip__exec **out, aip_error **err) {
    aip__exec *exec = aip__calloc(ctx, 1, sizeof *exec);
    if (!exec) return aip__error_memory(ctx, err);
    pthread_mutex_init(&exec->lock, NULL);
    pthread_cond_init(&exec->idle, NULL);
    aip__fork_mark_init(&exec->mark);
    atomic_init(&exec->closing.refs, 1);
    ctx->closing = &exec->closing;
    *out = exec;
    return AIP_OK;
}

void aip__exec_free(aip_context *ctx, aip__exec *exec) {
    if (!exec) return;
    if (aip__fork_mark_ours(&exec->mark)) { /* else a thread that is not here may seem to hold them */
        pthread_cond_destroy(&exec->idle);
        pthread_mutex_destroy(&exec->lock);
    }
    aip__fork_mark_free(&exec->mark);
    ctx->closing = NULL;
    aip__free(ctx, exec);
}

/* First thing in every entry. In a forked child the mutex may be held by a thread that does not exist here: start afresh. */
static void enter(aip__exec *exec) {
    if (!aip__fork_mark_take(&exec->mark)) return;
    pthread_mutex_init(&exec->lock, NULL);
    pthread_cond_init(&exec->idle, NULL);
    exec->busy = 0;
    atomic_store(&exec->offering, 0);
    atomic_fetch_add(&exec->generation, 1);
    aip__fork_mark_taken(&exec->mark);
}

/* The group was made before a fork: its jobs may be on threads that do not exist here, and its lists half changed. */
bool aip__group_inherited(const aip__group *group) {
    enter(group->exec);
    return group->generation != atomic_load_explicit(&group->exec->generation, memory_order_relaxed);
}

static bool forked(aip__exec *exec) {
    enter(exec);
    return atomic_load_explicit(&exec->generation, memory_order_relaxed) != 0;
}

bool aip__exec_forked(const aip_context *ctx) { return forked(ctx->exec); }

static void leave_busy(aip__exec *exec) {
    if (--exec->busy == 0 && atomic_load_explicit(&exec->closed, memory_order_relaxed)) pthread_cond_broadcast(&exec->idle);
}

void aip__exec_close(aip_context *ctx) {
    aip__exec *exec = ctx->exec;
    atomic_store(&exec->closed, true);
    if (forked(exec) || (current && current->exec == exec)) return;
    pthread_mutex_lock(&exec->lock);
    while (exec->busy > 0) pthread_cond_wait(&exec->idle, &exec->lock);
    pthread_mutex_unlock(&exec->lock);
    while (atomic_load(&exec->offering) > 0) nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
}

int32_t aip__concurrency(aip_context *ctx) {
    if (forked(ctx->exec) || !ctx->executor.concurrency) return 1;
    int32_t n = ctx->executor.concurrency(ctx->executor.user);
    return n < 1 ? 1 : n;
}

/* ---- tickets --------------------------------------------------------------------------------------------------------------- */

static void job_release(aip_job *job) {
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = job->ctx;
    aip__free(ctx, job);
    aip__context_release(ctx);
}

/* Whoever succeeds performs the job; until then its group cannot end. */
static bool job_claim(aip_job *job) {
    int32_t pending = PENDING;
    return atomic_compare_exchange_strong_explicit(&job->state, &pending, TAKEN, memory_order_acq_rel, memory_order_relaxed);
}

bool aip__job_taken(const aip_job *job) { return atomic_load_explicit(&job->state, memory_order_relaxed) != PENDING; }

static void job_link(aip__group *group, aip_job *job) {
    job->prev = group->tail;
    if (group->tail)
        group->tail->next = job;
    else
        group->head = job;
    group->tail = job;
    job->linked = true;
    for (aip__group *g = group; g; g = g->parent) g->queued_below++;
}

static void job_unlink(aip__group *group, aip_job *job) {
    if (!job->linked) return;
    *(job->prev ? &job->prev->next : &group->head) = job->next;
    *(job->next ? &job->next->prev : &group->tail) = job->prev;
    job->linked = false;
    for (aip__group *g = group; g; g = g->parent) g->queued_below--;
}

/* Keeps the error of the lowest order; what is given up comes back, to be freed outside the mutex. */
static aip_error *keep_error(aip__group *group, int32_t status, int64_t order, aip_error *error) {
    if (group->status != AIP_OK && group->failed_order <= order) return error;
    aip_error *old = group->error;
    group->status = status;
    group->failed_order = order;
    group->error = error;
    return old;
}

/* Runs a claimed and unlinked job. Called with the mutex held, returns with it released. */
static void perform(aip_job *job) {
    aip__group *group = job->group, *outer = current;
    aip__exec *exec = group->exec;
    aip__float_mode mode;
    aip_error *error = NULL;
    bool skip = group->stopped || (group->status != AIP_OK && job->order > group->failed_order);
    exec->busy++;
    pthread_mutex_unlock(&exec->lock);

    current = group;
    aip__float_mode_enter(&mode);
    int32_t status = job->fn(job->arg, skip, skip ? NULL : &error);
    aip__float_mode_leave(&mode);
    current = outer;

    if (!aip__group_inherited(group)) { /* else the job forked, and this is the child */
        pthread_mutex_lock(&exec->lock);
        if (!skip && status != AIP_OK) error = keep_error(group, status, job->order, error);
        group->unfinished--;
        atomic_fetch_add_explicit(&group->event, 1, memory_order_release);
        if (group->watchers > 0 || (group->waiters > 0 && group->unfinished == 0)) pthread_cond_broadcast(&group->changed);
        leave_busy(exec);
        pthread_mutex_unlock(&exec->lock); /* from here on the group may be gone */
    }
    aip_error_free(error);
    job_release(job);
}

void aip_job_run(aip_job *job) {
    if (!job) return;
    if (job_claim(job)) {
        aip__group *group = job->group;
        if (!aip__group_inherited(group)) { /* else the ticket was taken along through a fork */
            pthread_mutex_lock(&group->exec->lock);
            job_unlink(group, job);
            perform(job);
        }
    }
    job_release(job);
}

void aip_job_drop(aip_job *job) {
    if (job) job_release(job);
}

/* ---- groups ---------------------------------------------------------------------------------------------------------------- */

/* Among the children of parent, or nowhere. Counts of queued jobs are not touched: a group is linked anew only under what was above it
 * before. With the mutex held. */
static void group_link(aip__group *group, aip__group *parent) {
    group->parent = parent;
    group->prev_sibling = NULL;
    group->next_sibling = parent ? parent->first_child : NULL;
    if (!parent) return;
    if (parent->first_child) parent->first_child->prev_sibling = group;
    parent->first_child = group;
}

static void group_unlink(aip__group *group) {
    if (!group->parent) return;
    *(group->prev_sibling ? &group->prev_sibling->next_sibling : &group->parent->first_child) = group->next_sibling;
    if (group->next_sibling) group->next_sibling->prev_sibling = group->prev_sibling;
}

int32_t aip__group_create(aip_context *ctx, aip__group **out, aip_error **err) {
    aip__exec *exec = ctx->exec;
    aip__group *group = aip__calloc(ctx, 1, sizeof *group);
    if (!group) return aip__error_memory(ctx, err);
    enter(exec);
    group->ctx = aip__context_retain(ctx);
    group->exec = exec;
    group->generation = atomic_load(&exec->generation);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&group->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (current && current->exec == exec && current->generation == group->generation) {
        pthread_mutex_lock(&exec->lock);
        group_link(group, current);
        pthread_mutex_unlock(&exec->lock);
    }
    *out = group;
    return AIP_OK;
}

/* Something happened that threads waiting for the group, or for one above it, want to know. With the mutex held. */
static void announce(aip__group *group) {
    for (aip__group *g = group; g; g = g->parent) {
        atomic_fetch_add_explicit(&g->event, 1, memory_order_release);
        if (g->waiters > 0) pthread_cond_broadcast(&g->changed);
    }
}

/* Gives the executor a ticket, whose reference it takes over; it holds the context. */
static void offer(aip_context *ctx, aip_job *job) {
    aip__exec *exec = ctx->exec;
    atomic_fetch_add(&exec->offering, 1);
    bool refused = atomic_load(&exec->closed) || ctx->executor.submit(ctx->executor.user, job) != AIP_OK;
    atomic_fetch_sub(&exec->offering, 1);
    if (refused) aip_job_drop(job);
}

int32_t aip__group_submit(aip__group *group, aip__job_fn fn, void *arg, int64_t order, aip_error **err) {
    aip_context *ctx = group->ctx;
    aip__exec *exec = group->exec;
    if (aip__group_inherited(group)) return aip__error_set(err, AIP_E_FORKED, "this work was begun before the process forked");
    aip_job *job = aip__alloc(ctx, sizeof *job);
    if (!job) return aip__error_memory(ctx, err);
    bool offered = !forked(exec);
    *job =
        (aip_job){.refs = offered ? 2 : 1, .ctx = aip__context_retain(ctx), .group = group, .fn = fn, .arg = arg, .order = order};
    pthread_mutex_lock(&exec->lock);
    job_link(group, job);
    group->unfinished++;
    announce(group);
    pthread_mutex_unlock(&exec->lock);
    if (!offered) return AIP_OK;

    offer(ctx, job); /* from here on the job may be done and the group gone */
    return AIP_OK;
}

/* A queued job of the group itself that the executor does not have: it refused it, or gave its ticket back. Only the group's own reference is
 * left, so nobody else can claim it but under the mutex, which is held. skip_round: not one that was looked at in this round. */
static aip_job *unoffered(const aip__group *group, bool skip_round) {
    aip_job *job = group->head;
    while (job && (atomic_load(&job->refs) > 1 || (skip_round && job->round == group->round))) job = job->next;
    return job;
}

bool aip__group_unoffered(const aip__group *group) {
    if (aip__exec_forked(group->ctx)) return false;
    pthread_mutex_lock(&group->exec->lock);
    bool any = unoffered(group, false) != NULL;
    pthread_mutex_unlock(&group->exec->lock);
    return any;
}

void aip__group_offer(aip__group *group) {
    if (aip__exec_forked(group->ctx)) return; /* a child has no threads but those that wait */
    pthread_mutex_lock(&group->exec->lock);
    group->round++;
    for (aip_job *job; (job = unoffered(group, true)) != NULL;) {
        job->round = group->round;
        atomic_fetch_add(&job->refs, 1);
        pthread_mutex_unlock(&group->exec->lock);
        offer(group->ctx, job);
        pthread_mutex_lock(&group->exec->lock);
    }
    pthread_mutex_unlock(&group->exec->lock);
}

/* The next queued job of the group, else of one below it. With the mutex held. */
static aip_job *claim_below(aip__group *group) {
    while (group->queued_below > 0) {
        aip__group *at = group;
        while (!at->head) {
            at = at->first_child;
            while (at->queued_below == 0) at = at->next_sibling;
        }
        aip_job *job = at->head;
        job_unlink(at, job);
        if (job_claim(job)) return job;
        /* else its ticket has just claimed it, and will find it unlinked */
    }
    return NULL;
}

static bool event_after(const aip__group *group, uint64_t seen) {
    return atomic_load_explicit(&group->event, memory_order_acquire) != seen;
}

/* Sleeps until something happened after `seen`, or the deadline (0: none). With the mutex held, which is released meanwhile. */
static void sleep_until_event(aip__group *group, uint64_t seen, int64_t deadline_ns) {
    pthread_mutex_t *lock = &group->exec->lock;
    pthread_mutex_unlock(lock);
    for (int64_t until = aip__clock_ns() + SPIN_NS; aip__clock_ns() < until && !event_after(group, seen);)
        for (int i = 0; i < 16; i++) aip__cpu_pause();
    pthread_mutex_lock(lock);
    if (event_after(group, seen)) return;
    if (deadline_ns == 0) {
        pthread_cond_wait(&group->changed, lock);
    } else {
        struct timespec at = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
        pthread_cond_timedwait(&group->changed, lock, &at);
    }
}

/* Whether the calling thread runs a job of the group, or of one below it. With the mutex held. */
static bool runs_job_of(const aip__group *group) {
    for (const aip__group *g = current; g; g = g->parent)
        if (g == group) return true;
    return false;
}

bool aip__group_inside(const aip__group *group) {
    if (aip__group_inherited(group)) return false;
    pthread_mutex_lock(&group->exec->lock);
    bool inside = runs_job_of(group);
    pthread_mutex_unlock(&group->exec->lock);
    return inside;
}

bool aip__group_help(aip__group *group, bool (*done)(void *arg), void *arg, int64_t deadline_ns) {
    if (aip__group_inherited(group)) return true;
    aip__exec *exec = group->exec;
    pthread_mutex_lock(&exec->lock);
    assert(!runs_job_of(group) && "a job waits for itself");
    exec->busy++;
    group->waiters++;
    if (done) group->watchers++;
    for (;;) {
        uint64_t seen = atomic_load_explicit(&group->event, memory_order_relaxed);
        if (group->unfinished == 0) break;
        if (done) {
            pthread_mutex_unlock(&exec->lock);
            bool enough = done(arg);
            if (aip__group_inherited(group)) return true;
            pthread_mutex_lock(&exec->lock);
            if (enough) break;
        }
        if (deadline_ns && aip__clock_ns() >= deadline_ns) break;
        aip_job *job = claim_below(group);
        if (job) {
            perform(job);
            if (aip__group_inherited(group)) return true;
            pthread_mutex_lock(&exec->lock);
            continue;
        }
        int64_t until = deadline_ns;
        if (done) {
            int64_t look = aip__clock_ns() + LOOK_EVERY_NS;
            if (until == 0 || look < until) until = look;
        }
        if (!event_after(group, seen)) sleep_until_event(group, seen, until);
    }
    bool none_left = group->unfinished == 0;
    group->waiters--;
    if (done) group->watchers--;
    leave_busy(exec);
    pthread_mutex_unlock(&exec->lock);
    return none_left;
}

int32_t aip__group_wait(aip__group *group, aip_error **err) {
    aip__group_help(group, NULL, NULL, 0);
    if (aip__group_inherited(group)) return aip__error_set(err, AIP_E_FORKED, "this work was begun before the process forked");
    pthread_mutex_lock(&group->exec->lock);
    int32_t status = group->status;
    aip_error *error = group->error && err ? aip__error_copy(group->error) : NULL;
    pthread_mutex_unlock(&group->exec->lock);
    if (error)
        aip__error_move(err, error);
    else if (status != AIP_OK)
        aip__error_set(err, status, "a job failed with status %d and no message", (int)status);
    return status;
}

void aip__group_notify(aip__group *group) {
    if (aip__group_inherited(group)) return;
    pthread_mutex_lock(&group->exec->lock);
    atomic_fetch_add_explicit(&group->event, 1, memory_order_release);
    if (group->waiters > 0) pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->exec->lock);
}

void aip__group_stop(aip__group *group) {
    if (aip__group_inherited(group)) return;
    pthread_mutex_lock(&group->exec->lock);
    group->stopped = true;
    pthread_mutex_unlock(&group->exec->lock);
}

void aip__group_free(aip__group *group) {
    if (!group) return;
    aip_context *ctx = group->ctx;
    if (!aip__group_inherited(group)) {
        pthread_mutex_t *lock = &group->exec->lock;
        pthread_mutex_lock(lock);
        assert(group->unfinished == 0);
        /* A child may live on (a stream opened in a job and read elsewhere): it moves up. Whoever waits above may help it as before. */
        group_unlink(group);
        for (aip__group *child = group->first_child, *next; child; child = next) {
            next = child->next_sibling;
            group_link(child, group->parent);
        }
        pthread_mutex_unlock(lock);
        pthread_cond_destroy(&group->changed);
    }
    aip_error_free(group->error);
    aip__free(ctx, group);
    aip__context_release(ctx);
}
