/* Job groups: the only way work is spread over threads.
 *
 * A group is a set of jobs and a wait. Submitting makes a job, queues it in its group, and offers the executor a ticket for it; whoever
 * claims the job first runs it: a thread of the executor through its ticket, or the thread that waits. A waiting thread runs jobs of the
 * group that it waits for and of that group's descendants (groups made by jobs of it), and nothing else; a job never blocks but in a wait,
 * and no lock is held across one: so helping cannot deadlock, and an executor that runs nothing is legal.
 * A ticket that comes late finds its job claimed and returns at once; a refused or dropped ticket changes nothing.
 * The floating-point mode is set to the default around each job, and restored. */
#ifndef AIPIPE_LIB_EXEC_GROUP_H
#define AIPIPE_LIB_EXEC_GROUP_H

#include "exec/cancel.h"

typedef struct aip__group aip__group;
typedef struct aip__exec aip__exec;

/* Per context: what groups share. */
int32_t aip__exec_create(aip_context *ctx, aip__exec **out, aip_error **err);
void aip__exec_free(aip_context *ctx, aip__exec *exec);
/* How many jobs may run at once: the executor's concurrency, at least 1; 1 + workers for the default pool with helping threads counted
 * once: with n workers, n (n >= 1). */
int32_t aip__concurrency(aip_context *ctx);

/* The group's parent is the group of the job that the calling thread runs at the moment (none: a root). */
int32_t aip__group_create(aip_context *ctx, aip__group **out, aip_error **err);
/* fn runs once, on any thread. A job that returns a status makes the group failed: the first error (by `order`, lowest wins, so that the
 * same error is reported whatever the timing among jobs that ran) is kept, and jobs not yet started are skipped (their fn is called with
 * skip set, to release what it holds). Never blocks. */
typedef int32_t (*aip__job_fn)(void *arg, bool skip, aip_error **err);
int32_t aip__group_submit(aip__group *group, aip__job_fn fn, void *arg, int64_t order, aip_error **err);
/* Helps until every job of the group (also those that jobs submit meanwhile) has ended; gives the kept error. May be called again. */
int32_t aip__group_wait(aip__group *group, aip_error **err);
/* Helps until none is left, or `done(arg)` is true, or deadline_ns (aip__clock_ns; 0: none) passes. Returns true when none is left. */
bool aip__group_help(aip__group *group, bool (*done)(void *arg), void *arg, int64_t deadline_ns);
/* Wakes threads in aip__group_help so that they look at `done` again. any thread */
void aip__group_notify(aip__group *group);
/* Not yet started jobs are skipped from now on. */
void aip__group_stop(aip__group *group);
void aip__group_free(aip__group *group); /* all jobs have ended */

/* fn(arg, i) for i in [0, n), in parallel, any order; the error of the lowest failing i that ran. Stops early when cancelled. */
int32_t aip__parallel_for(aip_context *ctx, const aip__token *token, int64_t n,
                          int32_t (*fn)(void *arg, int64_t i, aip_error **err), void *arg, aip_error **err);

#endif
