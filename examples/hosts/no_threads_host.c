/* no_threads_host.c: a program with one thread (a game, a plugin, a small device) runs a DAG in slices of its own frame: an executor that runs
 * nothing, and aip_run_poll with a budget.
 *
 *   no_threads_host DAG.yaml       prints the tasks as they end; fails when anything ran on another thread
 *
 * The budget is looked at between jobs: a slice may be longer by one, so tasks that read much cost whole batches at a time. */
#include <aipipe/aipipe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define FRAME_NS UINT64_C(16000000)
#define SLICE_NS UINT64_C(4000000)

static atomic_int other_threads; /* calls that came from elsewhere */
static pthread_t the_thread;
static atomic_int wanted; /* a wake came */

static void here(void) {
    if (!pthread_equal(pthread_self(), the_thread)) other_threads++;
}

static int32_t submit(void *user, aip_job *job) { /* refused: whoever waits or polls runs it */
    (void)user, (void)job;
    here();
    return AIP_E_AGAIN;
}

static void wake(void *user) {
    (void)user;
    here();
    wanted = 1;
}

static void on_event(void *user, const aip_task_event *e) {
    (void)user;
    here();
    if (!e->phase && e->state >= AIP_TASK_SUCCESS) printf("task %s %s\n", e->task, aip_task_state_name(e->state));
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv) {
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    int n_frames = 0;
    if (argc != 2) return fprintf(stderr, "usage: no_threads_host DAG.yaml\n"), 2;
    the_thread = pthread_self();
    aip_executor_callbacks exec = AIP_EXECUTOR_CALLBACKS_INIT;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    exec.submit = submit;
    exec.wake = wake;
    o.executor = &exec;
    int32_t status = aip_context_create(&o, &ctx, &err);
    if (!status) status = aip_dag_load(ctx, argv[1], &dag, &err);
    if (!status) status = aip_run_start(dag, NULL, &run, &err);
    if (!status) {
        aip_run_on_event(run, on_event, NULL);
        for (int32_t state = AIP_RUN_RUNNING; state < AIP_RUN_SUCCESS; n_frames++) {
            uint64_t began = now_ns();
            state = aip_run_poll(run, began, SLICE_NS);
            uint64_t took = now_ns() - began; /* here the program draws its frame */
            if (state < AIP_RUN_SUCCESS && took < FRAME_NS) {
                struct timespec rest = {0,
                                        (long)(FRAME_NS - took) / 16}; /* (a sixteenth, so that the example does not take long) */
                nanosleep(&rest, NULL);
            }
        }
        status = aip_run_result(run, &err);
    }
    printf("run %s\n", aip_status_name(status));
    printf("frames: %s\n", n_frames > 1 ? "several" : "one");
    printf("other threads: %d\n", (int)other_threads);
    printf("woken: %s\n", wanted ? "yes" : "no");
    if (status) fprintf(stderr, "no_threads_host: %s\n", aip_error_text(err));
    aip_error_free(err);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx);
    return status != AIP_OK || other_threads != 0;
}
