/* Job groups: the only way work is spread over threads.
 *
 * A group is a set of jobs and a wait. Submitting makes a job, queues it in its group, and offers the executor a ticket for it; whoever
 * claims the job first runs it: a thread of the executor through its ticket, or the thread that waits. A waiting thread runs jobs of the
 * group that it waits for and of that group's descendants (groups made by jobs of it), and nothing else; a job never blocks but in a wait,
 * and no lock is held across one: so helping cannot deadlock, and an executor that runs nothing is legal (group.c has the argument).
 * A ticket that comes late finds its job claimed and returns at once; a refused or dropped ticket changes nothing.
 * The floating-point mode is set to the default around each job, and restored.
 * In a forked child nothing is offered to the executor, whose threads are not there: the waiting thread does the work. Groups made before
 * the fork are lost to it: submit and wait give AIP_E_FORKED, freeing them is safe. */
#ifndef AIPIPE_LIB_EXEC_GROUP_H
#define AIPIPE_LIB_EXEC_GROUP_H

#include "exec/cancel.h"

typedef struct aip__group aip__group;
typedef struct aip__exec aip__exec;

/* Per context: what groups share. The caller stores it in ctx->exec; ctx->closing is made here too. Free it when the last reference to the
 * context goes (at_free), not before: tickets and tokens may come late. */
int32_t aip__exec_create(aip_context *ctx, aip__exec **out, aip_error **err);
void aip__exec_free(aip_context *ctx, aip__exec *exec);
/* For aip_context_close, after ctx->closing was requested: from now on jobs are not offered to the executor; returns when no submit is under
 * way in it, no job runs and nobody waits for a group. Then the executor may be shut down. Jobs that nobody waits for stay queued, for who
 * frees their group. From inside a job (where it would wait for itself), and in a forked child, it does not wait. */
void aip__exec_close(aip_context *ctx);
/* This is a child of the process that made the context. */
bool aip__exec_forked(const aip_context *ctx);
/* How many jobs may run at once: the executor's concurrency, at least 1. With the default pool's n workers it is n + 1, for the thread that
 * waits helps. 1 in a forked child. */
int32_t aip__concurrency(aip_context *ctx);

/* The group's parent is the group of the job that the calling thread runs at the moment (none: a root). */
int32_t aip__group_create(aip_context *ctx, aip__group **out, aip_error **err);
/* fn runs once, on any thread. A job that returns a status makes the group failed. The error of the lowest `order` among the jobs that
 * failed is kept; jobs of a higher order that have not started are then skipped (their fn is called with skip set, to release what it
 * holds; what it returns is ignored), while those of a lower order still run. So the failing job of the lowest order always runs, and the
 * error does not depend on timing when orders are distinct (and nobody stops the group). Never blocks.
 * Errors: AIP_E_NOMEM, AIP_E_MEMORY_LIMIT, AIP_E_FORKED; then fn is not called. */
typedef int32_t (*aip__job_fn)(void *arg, bool skip, aip_error **err);
int32_t aip__group_submit(aip__group *group, aip__job_fn fn, void *arg, int64_t order, aip_error **err);
/* Whether a queued job of the group itself is not with the executor, which refused it or gave its ticket back: if no thread waits for the group,
 * nobody will run it. any thread */
bool aip__group_unoffered(const aip__group *group);
/* Offers each such job to the executor once more. One thread at a time. */
void aip__group_offer(aip__group *group);
/* Helps until every job of the group (also those that jobs submit meanwhile) has ended; gives the kept error. May be called again. A job may
 * wait only for groups that it, or a job of a descendant, made: waiting for the group that it belongs to would be waiting for itself. */
int32_t aip__group_wait(aip__group *group, aip_error **err);
/* Helps until none is left, or `done(arg)` is true, or deadline_ns (aip__clock_ns; 0: none) passes. Returns true when none is left (also
 * in a forked child, for a group from before the fork).
 * done is called with no lock held, before each job that is taken up, whenever a job of the group has ended, after aip__group_notify, and
 * at least every 50 ms: it may look at a cancel token. What it reads must be atomic. */
bool aip__group_help(aip__group *group, bool (*done)(void *arg), void *arg, int64_t deadline_ns);
/* Whether the calling thread runs a job of the group, or of one below it, and so may not wait for it. any thread */
bool aip__group_inside(const aip__group *group);
/* Wakes threads in aip__group_help so that they look at `done` again. any thread */
void aip__group_notify(aip__group *group);
/* Not yet started jobs are skipped from now on. */
void aip__group_stop(aip__group *group);
void aip__group_free(aip__group *group); /* all jobs have ended */
/* Whether the group was made before a fork that lies between it and this process. any thread */
bool aip__group_inherited(const aip__group *group);

/* fn(arg, i) for i in [0, n), in parallel, any order, each on a thread in the default floating-point mode. The error is that of the lowest
 * failing i, whatever the timing: i are taken in order, and one that was taken is run. Stops early when cancelled. token may be NULL. */
int32_t aip__parallel_for(aip_context *ctx, const aip__token *token, int64_t n,
                          int32_t (*fn)(void *arg, int64_t i, aip_error **err), void *arg, aip_error **err);

/* For an executor's queue: the ticket's job was taken by somebody else, so that only dropping it is left. */
bool aip__job_taken(const aip_job *job);

#endif
