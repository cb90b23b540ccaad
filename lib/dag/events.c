/* What the host is told of a run. Changes of state are queued in order and none is lost; progress keeps the latest of each task. Delivered only on the
 * thread that waits or polls. */
#include "base/clock.h"
#include "dag/run.h"
#include <string.h>

static _Thread_local aip_run *here; /* the run that this thread waits for */

bool aip__task_state_ended(int32_t state) { return state >= AIP_TASK_SUCCESS; }

const char *aip_task_state_name(int32_t state) {
    static const char *const names[] = {"none",    "ready",  "queued",    "running",   "success", "cached",
                                        "skipped", "failed", "timed_out", "cancelled", "lost",    "upstream_failed"};
    return state < 0 || state > AIP_TASK_UPSTREAM_FAILED ? "?" : names[state];
}

void aip__run_set_state(aip_run *run, int32_t task, int32_t state) {
    aip__task_run *t = &run->tasks[task];
    int64_t now = aip__clock_ns();
    if (state == AIP_TASK_RUNNING) t->started_ns = now;
    if (aip__task_state_ended(state)) {
        t->ended_ns = now;
        if (t->started_ns == 0) t->started_ns = now;
    }
    t->state = state;
    if (state < AIP_TASK_RUNNING) return; /* ready and queued are not news */
    /* Room for every event was made when the run started: two for each task. */
    run->events[run->n_events++] = (aip__event){task, state, now - t->started_ns};
    atomic_store(&run->pending, true);
}

int32_t aip__run_progress(void *user, const aip_progress *progress) {
    aip__task_run *t = user;
    aip__lock_take(t->run->ctx, &t->run->lock);
    t->rows = progress->rows;
    t->bytes = progress->bytes;
    t->fraction = progress->fraction;
    t->phase = progress->phase;
    t->progress_pending = true;
    atomic_store(&t->run->pending, true);
    aip__lock_leave(&t->run->lock);
    aip__run_announce(t->run);
    if (here == t->run) aip__run_deliver(t->run);
    return AIP_OK;
}

aip_run *aip__run_here(aip_run *run) {
    aip_run *before = here;
    here = run;
    return before;
}

void aip__run_announce(aip_run *run) {
    aip__group_notify(run->group);
    if (run->ctx->executor.wake && !atomic_load(&run->ctx->closed)) run->ctx->executor.wake(run->ctx->executor.user);
}

/* The next thing to tell, taken out of the run; false when there is none. */
static bool take_event(aip_run *run, size_t *at_event, int32_t *at_task, aip_task_event *out, aip_error **error) {
    bool found = false;
    aip__lock_take(run->ctx, &run->lock);
    *out = (aip_task_event){.struct_size = sizeof *out, .fraction = -1};
    if (*at_event < run->n_events) {
        const aip__event *e = &run->events[(*at_event)++];
        const aip__task_run *t = &run->tasks[e->task];
        out->state = e->state;
        out->task = run->dag->tasks[e->task].name;
        out->elapsed_ns = e->elapsed_ns;
        if (aip__task_state_ended(e->state)) { /* what has only started has no rows, whatever it has come to meanwhile */
            out->rows = t->rows;
            out->bytes = t->bytes;
        }
        if (t->error && aip__task_state_ended(e->state)) *error = aip__error_copy(t->error);
        found = true;
        if (*at_event == run->n_events) run->n_events = *at_event = 0;
    }
    for (; !found && *at_task < run->dag->n_tasks; (*at_task)++) {
        aip__task_run *t = &run->tasks[*at_task];
        if (!t->progress_pending || t->state != AIP_TASK_RUNNING) continue;
        t->progress_pending = false;
        out->state = AIP_TASK_RUNNING;
        out->task = run->dag->tasks[*at_task].name;
        out->phase = t->phase;
        out->rows = t->rows;
        out->bytes = t->bytes;
        out->fraction = t->fraction;
        out->elapsed_ns = aip__clock_ns() - t->started_ns;
        found = true;
    }
    aip__lock_leave(&run->lock);
    return found;
}

void aip__run_deliver(aip_run *run) {
    if (!atomic_exchange(&run->pending, false)) return;
    if (run->delivering) return; /* the host polls from its event function: what is new is told when that returns */
    run->delivering = true;
    size_t at_event = 0;
    int32_t at_task = 0;
    aip_task_event event;
    aip_error *error = NULL;
    while (take_event(run, &at_event, &at_task, &event, &error)) {
        event.error = error;
        if (run->on_event) run->on_event(run->on_event_user, &event);
        aip_error_free(error);
        error = NULL;
    }
    run->delivering = false;
}
