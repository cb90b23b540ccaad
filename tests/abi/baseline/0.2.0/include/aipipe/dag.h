/* aipipe/dag.h: tasks in a directed acyclic graph, run in parallel in the host's process. A task is an operator from the catalogue
 * (read, transform, split, train, evaluate, predict, write, command) or a host callback. Datasets and packages pass from task to task
 * as handles, without a copy. */
#ifndef AIPIPE_DAG_H
#define AIPIPE_DAG_H

#include <aipipe/package.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aip_dag aip_dag;                   /* tasks and what each needs */
typedef struct aip_run aip_run;                   /* one run of a DAG */
typedef struct aip_task_context aip_task_context; /* what a running task sees */

/* Reads a DAG file (YAML or JSON); relative paths in it start at its folder. Checks it wholly: operators, parameters, names, cycles.
 * Errors carry line and column: AIP_E_SYNTAX, AIP_E_PARAM, AIP_E_NOT_FOUND. any-thread */
AIP_API int32_t aip_dag_load(aip_context *ctx, const char *path, aip_dag **out, aip_error **err);
/* The same from text; base_dir: where relative paths start (NULL: the working directory). any-thread */
AIP_API int32_t aip_dag_parse(aip_context *ctx, const char *text, const char *base_dir, aip_dag **out, aip_error **err);
/* An empty DAG, to be filled by code. any-thread */
AIP_API int32_t aip_dag_create(aip_context *ctx, const char *name, aip_dag **out, aip_error **err);

/* A task from the catalogue. definition_json: as in a DAG file, {"read": {"path": "x.csv"}, "output": "y.csv"}. one-at-a-time */
AIP_API int32_t aip_dag_add(aip_dag *dag, const char *task, const char *definition_json, aip_error **err);
/* A host callback as a task; `needs` and `from` are task names, or task.output for a named output. Called on any thread. A positive
 * status is the host's own. one-at-a-time */
typedef int32_t (*aip_task_fn)(void *user, aip_task_context *task, aip_error **err);
AIP_API int32_t aip_dag_add_callback(aip_dag *dag, const char *task, aip_task_fn fn, void *user, void (*destroy)(void *user),
                                     aip_error **err);
/* `after` starts when `before` has succeeded. one-at-a-time */
AIP_API int32_t aip_dag_add_dependency(aip_dag *dag, const char *before, const char *after, aip_error **err);
/* Checks the whole graph, and that schemas fit as far as is known without running. one-at-a-time */
AIP_API int32_t aip_dag_check(aip_dag *dag, const char *run_params_json, aip_error **err);
/* Name, tasks, dependencies, parameters as JSON text. immutable once filled */
AIP_API int32_t aip_dag_describe(const aip_dag *dag, char **json, aip_error **err);
AIP_API void aip_dag_free(aip_dag *dag); /* NULL is legal. any-thread */

/* In a callback task: what the tasks it depends on made, and what it hands on. Names are task or task.output; NULL in set: the task's
 * own main output. Borrowed; NULL when there is none. one-at-a-time */
AIP_API aip_dataset *aip_task_dataset(aip_task_context *task, const char *name);
AIP_API aip_package *aip_task_package(aip_task_context *task, const char *name);
AIP_API int32_t aip_task_set_dataset(aip_task_context *task, const char *name, aip_dataset *dataset, aip_error **err);
AIP_API int32_t aip_task_set_package(aip_task_context *task, const char *name, aip_package *package, aip_error **err);
AIP_API aip_context *aip_task_ctx(aip_task_context *task);
AIP_API const aip_call *
aip_task_call(aip_task_context *task); /* hand it to long calls: carries cancellation and progress. one-at-a-time */
/* One line for the run's log. any-thread */
AIP_API void aip_task_log(aip_task_context *task, int32_t level, const char *message);

/* ---- runs ------------------------------------------------------------------------------------------------------------------------------ */
#define AIP_TASK_NONE ((int32_t)0)
#define AIP_TASK_READY ((int32_t)1)
#define AIP_TASK_QUEUED ((int32_t)2)
#define AIP_TASK_RUNNING ((int32_t)3)
#define AIP_TASK_SUCCESS ((int32_t)4)
#define AIP_TASK_CACHED ((int32_t)5)
#define AIP_TASK_SKIPPED ((int32_t)6)
#define AIP_TASK_FAILED ((int32_t)7)
#define AIP_TASK_TIMED_OUT ((int32_t)8)
#define AIP_TASK_CANCELLED ((int32_t)9)
#define AIP_TASK_LOST ((int32_t)10)
#define AIP_TASK_UPSTREAM_FAILED ((int32_t)11)

#define AIP_RUN_QUEUED ((int32_t)0)
#define AIP_RUN_RUNNING ((int32_t)1)
#define AIP_RUN_SUCCESS ((int32_t)2)
#define AIP_RUN_FAILED ((int32_t)3)
#define AIP_RUN_CANCELLED ((int32_t)4)

AIP_API const char *aip_task_state_name(int32_t state); /* "success". immutable */

/* A task changed its state, or got on. */
typedef struct aip_task_event {
    uint32_t struct_size;
    int32_t state; /* AIP_TASK_*; also sent with AIP_TASK_RUNNING for each progress report */
    const char *task;
    const char *phase; /* of progress; NULL: a change of state */
    int64_t rows;
    int64_t bytes;
    double fraction;        /* negative: not known */
    int64_t elapsed_ns;     /* since the task started */
    const aip_error *error; /* of a failed task; borrowed for the call */
} aip_task_event;

#define AIP_NEVER UINT64_MAX

/* Events come inside aip_run_wait or aip_run_poll only, on the thread that calls it, so a host needs no lock for them. */
typedef void (*aip_task_event_fn)(void *user, const aip_task_event *event);

/* Starts a run. options_json: {"params": {...}}, or NULL. Tasks run on the context's executor; with no threads they run inside
 * aip_run_wait or aip_run_poll. Errors: AIP_E_PARAM. any-thread */
AIP_API int32_t aip_run_start(aip_dag *dag, const char *options_json, aip_run **out, aip_error **err);
/* Before the first wait or poll. one-at-a-time */
AIP_API void aip_run_on_event(aip_run *run, aip_task_event_fn fn, void *user);
/* Helps until the run has ended; AIP_OK if it succeeded, else the status and error of the first task (in the DAG's order) that failed.
 * AIP_E_MISUSE in a task of the run itself, which may wait for runs that it started. one-at-a-time */
AIP_API int32_t aip_run_wait(aip_run *run, aip_error **err);
/* Delivers events; runs jobs on this thread for at most budget_ns, looked at between jobs (0: none; jobs that the executor refused or dropped
 * are then offered to it again). Returns the run's state; after AIP_RUN_SUCCESS and above no wake follows. now_ns: any monotonic clock.
 * Where no wake comes (executor without wake), poll now and then. one-at-a-time */
AIP_API int32_t aip_run_poll(aip_run *run, uint64_t now_ns, uint64_t budget_ns);
/* When to poll again though no wake comes, on the clock of the last poll's now_ns: jobs that the executor refused wait for it. AIP_NEVER: a
 * wake will come. Time-outs of tasks need no poll: each task keeps its own. one-at-a-time */
AIP_API uint64_t aip_run_next_deadline(aip_run *run);
/* After the end: the same status and error as aip_run_wait. any-thread */
AIP_API int32_t aip_run_result(aip_run *run, aip_error **err);
/* Sticky; what runs ends at its next batch, what has not started does not start. any-thread; async-signal-safe */
AIP_API void aip_run_cancel(aip_run *run);
/* State, tasks (state, rows, bytes, times, error, metrics), row accounting as JSON text. any-thread */
AIP_API int32_t aip_run_report(aip_run *run, char **json, aip_error **err);
/* A task's output (task or task.output), after it succeeded; retained for the caller. any-thread */
AIP_API int32_t aip_run_dataset(aip_run *run, const char *name, aip_dataset **out, aip_error **err);
AIP_API int32_t aip_run_package(aip_run *run, const char *name, aip_package **out, aip_error **err);
AIP_API void aip_run_free(
    aip_run
        *run); /* cancels and waits when it has not ended; not in a task of the run, nor in its event function. one-at-a-time */

#ifdef __cplusplus
}
#endif
#endif
