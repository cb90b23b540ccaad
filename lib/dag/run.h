/* The inside of a run, shared by run.c (the state machine), events.c (what the host is told) and task.c (what a task sees). */
#ifndef AIPIPE_LIB_DAG_RUN_H
#define AIPIPE_LIB_DAG_RUN_H

#include "base/lock.h"
#include "dag/dag.h"

typedef struct aip__event { /* a change of state, waiting for delivery */
    int32_t task, state;
    int64_t elapsed_ns;
} aip__event;

struct aip_run {
    aip_context *ctx;
    aip_dag *dag;
    aip__document *document; /* parameters and resolved definitions */
    const aip__node *params; /* values of this run */
    aip__task_run *tasks;
    int32_t **after; /* successors of each task */
    int32_t *n_after;
    aip__group *group;
    aip_cancel *cancel;
    int64_t started_ns, ended_ns;

    aip__lock lock;     /* guards what follows, and each task's state, error and outputs while it may change */
    int32_t n_left;     /* tasks that have not come to a terminal state */
    aip__event *events; /* in order; progress lies in the tasks, the latest only */
    size_t n_events, events_capacity;
    _Atomic(int32_t) state; /* AIP_RUN_* */
    _Atomic(bool) pending;  /* there is something to deliver */

    uint64_t polled_ns,
        retry_ns;    /* of the thread that polls: its clock at the last poll; how long after it jobs are offered again */
    bool delivering; /* on the thread that waits or polls: its event function is being called */
    aip_task_event_fn on_event;
    void *on_event_user;
};

/* Whether it was under way in the parent of this process, at the fork; and the error that says so. any thread */
bool aip__run_lost(const aip_run *run);
int32_t aip__run_forked(aip_error **err);
bool aip__task_state_ended(int32_t state);
/* Changes a task's state and queues the event. Under the lock. */
void aip__run_set_state(aip_run *run, int32_t task, int32_t state);
/* The task's aip_call.progress: notes it for delivery. user is the aip__task_run. */
int32_t aip__run_progress(void *user, const aip_progress *progress);
/* Gives the host what waits, on this thread, without the lock. */
void aip__run_deliver(aip_run *run);
/* Says that this thread waits for the run, or polls it (NULL: for none); returns what it waited for before. While it runs a task itself, the
 * task's progress gives the host what waits: a long one would keep everything from being told. */
aip_run *aip__run_here(aip_run *run);
/* Tells the host's loop and threads in aip_run_wait that there is something to deliver, or that the run has ended. Without the lock. */
void aip__run_announce(aip_run *run);

#endif
