/* uv_host.c: a program with its own libuv loop, threads, memory and log runs a DAG on them, then scores rows in a hot loop.
 *
 *   uv_host FLIGHTS.yaml PACKAGE.aip [--close]       prints the tasks as they end, the row counts, a line for each row scored
 *   --close: the program is told to stop in the middle of the run, and closes the context from its loop
 *
 * The library starts no thread here: jobs go to libuv's pool, everything else happens on the loop, memory comes from heap_resize. */
#include <aipipe/aipipe.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct work {
    uv_work_t uv; /* the first member: libuv gives it back */
    aip_job *job;
    struct work *next;
} work;

typedef struct app {
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    uv_mutex_t lock; /* of queue and ended */
    work *queue;
    bool ended; /* the loop has ended: nobody takes jobs any more */
    bool close; /* asked to stop in the middle: when the first task has ended */
    bool stop;
    aip_context *ctx;
    aip_run *run;
} app;

/* ---- the program's own memory and log ----------------------------------------------------------------------------------------------- */

/* Allocates, grows and frees. A real program has arenas or limits here; the alignment is a power of two. */
static void *heap_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    void *fresh = NULL;
    (void)user;
    if (new_size > 0) {
        if (posix_memalign(&fresh, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0) return NULL; /* ptr stays */
        if (ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    return fresh;
}

static void product_log(void *user, int32_t level, const char *task, const char *message) { /* from any thread */
    (void)user;
    if (level <= AIP_LOG_WARNING) fprintf(stderr, "uv_host: %s%s%s\n", task ? task : "", task ? ": " : "", message);
}

/* ---- executor: submit and wake come from any thread, and of libuv only uv_async_send may be called there ------------------------------ */

static void wake(void *user) { uv_async_send(&((app *)user)->wake); }

static int32_t concurrency(void *user) {
    (void)user;
    return (int32_t)uv_available_parallelism();
}

static int32_t submit(void *user, aip_job *job) {
    app *a = user;
    work *w = malloc(sizeof *w);
    if (!w) return AIP_E_AGAIN; /* refused: it is offered again, or a thread that waits runs it */
    w->job = job;               /* a ticket: if a waiting thread has done it meanwhile, aip_job_run returns at once */
    uv_mutex_lock(&a->lock);
    bool takes = !a->ended;
    if (takes) w->next = a->queue, a->queue = w, uv_async_send(&a->wake);
    uv_mutex_unlock(&a->lock);
    if (!takes) free(w);
    return takes ? AIP_OK : AIP_E_AGAIN;
}

static work *take_queue(app *a, bool last) {
    uv_mutex_lock(&a->lock);
    work *w = a->queue;
    a->queue = NULL;
    a->ended = last;
    uv_mutex_unlock(&a->lock);
    return w;
}

/* ---- on the loop ------------------------------------------------------------------------------------------------------------------------ */

static void work_run(uv_work_t *uv) { aip_job_run(((work *)uv)->job); } /* on a thread of the pool */
static void work_done(uv_work_t *uv, int status) {
    (void)status; /* never cancelled */
    free(uv);
}

/* The run is over: the handles go, and tickets that nobody has taken are given back (their jobs were done by then, or never will be). */
static void leave(app *a) {
    uv_close((uv_handle_t *)&a->wake, NULL);
    uv_close((uv_handle_t *)&a->timer, NULL);
    for (work *w = take_queue(a, true), *next; w; w = next) {
        next = w->next;
        aip_job_drop(w->job);
        free(w);
    }
}

static void on_timer(uv_timer_t *t) { wake(t->data); }

static void on_wake(uv_async_t *h) { /* jobs go to the pool, and the run calls back here, never elsewhere */
    app *a = h->data;
    for (work *w = take_queue(a, false), *next; w; w = next) {
        next = w->next;
        uv_queue_work(&a->loop, &w->uv, work_run, work_done);
    }
    if (aip_run_poll(a->run, uv_hrtime(), 0 /* ns: run no job on this thread */) >= AIP_RUN_SUCCESS) {
        leave(a);
        return;
    }
    if (a->stop) { /* waits for the jobs that are on threads now; no submit and no wake follows */
        aip_context_close(a->ctx);
        leave(a);
        return;
    }
    uint64_t now = uv_hrtime(), due = aip_run_next_deadline(a->run);
    if (due != AIP_NEVER) uv_timer_start(&a->timer, on_timer, due > now ? (due - now) / 1000000 + 1 : 0, 0);
}

/* Called by aip_run_poll, so on the loop's thread. */
static void on_event(void *user, const aip_task_event *e) {
    app *a = user;
    if (e->phase || e->state < AIP_TASK_SUCCESS) return; /* progress, or a start */
    printf("task %s %s\n", e->task, aip_task_state_name(e->state));
    a->stop = a->close;
}

/* ---- scoring: rows of the program's own, no allocation, no lock, no name in the loop -------------------------------------------------------- */

typedef struct flight {
    const char *carrier, *origin;
    int64_t time; /* microseconds since 1970, UTC */
    int32_t year, hour;
    double dep_delay, distance, built, seats, temp, wind_speed, precip, visib; /* NaN: not known */
    double late;                                                               /* the answer */
} flight;

static const struct {
    const char *name;
    int32_t type;
    size_t offset;
} columns[] = {{"carrier", AIP_UTF8, offsetof(flight, carrier)},
               {"origin", AIP_UTF8, offsetof(flight, origin)},
               {"time_hour", AIP_TIMESTAMP, offsetof(flight, time)},
               {"year", AIP_INT32, offsetof(flight, year)},
               {"hour", AIP_INT32, offsetof(flight, hour)},
               {"dep_delay", AIP_FLOAT64, offsetof(flight, dep_delay)},
               {"distance", AIP_FLOAT64, offsetof(flight, distance)},
               {"built", AIP_FLOAT64, offsetof(flight, built)},
               {"seats", AIP_FLOAT64, offsetof(flight, seats)},
               {"temp", AIP_FLOAT64, offsetof(flight, temp)},
               {"wind_speed", AIP_FLOAT64, offsetof(flight, wind_speed)},
               {"precip", AIP_FLOAT64, offsetof(flight, precip)},
               {"visib", AIP_FLOAT64, offsetof(flight, visib)}};

#define UNKNOWN (0.0 / 0.0)
static flight flights[] = {
    {"DL", "LGA", 1359720000000000, 2013, 7, -4, 762, 1991, 178, 30.02, 14.96014, 0, 10, 0},
    {"EV", "EWR", 1359716400000000, 2013, 6, 105, 199, 2003, 55, 28.94, 9.20624, 0, 10, 0},
    {"AA", "LGA", 1359716400000000, 2013, 6, -7, 1096, UNKNOWN, UNKNOWN, 30.92, 17.261699999999998, 0, 10, 0},
};

static int32_t score(aip_context *ctx, const char *path, aip_error **err) {
    aip_package *package = NULL;
    aip_scorer *late = NULL;
    int32_t status = aip_package_load(ctx, path, &package, err); /* immutable: share it between threads */
    if (!status) status = aip_scorer_create(package, AIP_JSON({"output" : "probability"}), &late, err); /* one per thread */
    for (size_t i = 0; !status && i < sizeof columns / sizeof *columns; i++)
        status = aip_scorer_bind(late, columns[i].name, columns[i].type, columns[i].offset, err);
    for (size_t i = 0; !status && i < sizeof flights / sizeof *flights; i++) {
        status = aip_scorer_run(late, &flights[i], sizeof flights[i], 1, &flights[i].late, err);
        if (!status) printf("late %.12f\n", flights[i].late);
    }
    aip_scorer_free(late);
    aip_package_free(package);
    return status;
}

static int32_t create(app *a, aip_error **err) {
    aip_allocator heap = AIP_ALLOCATOR_INIT;
    aip_executor_callbacks exec = AIP_EXECUTOR_CALLBACKS_INIT;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    heap.resize = heap_resize;
    exec.user = a;
    exec.submit = submit;
    exec.wake = wake;
    exec.concurrency = concurrency;
    o.allocator = &heap;
    o.executor = &exec;
    o.log = product_log;
    o.memory_limit = 256 << 20;
    return aip_context_create(&o, &a->ctx, err);
}

int main(int argc, char **argv) {
    static app a;
    aip_error *err = NULL;
    aip_dag *dag = NULL;
    if (argc < 3) return fprintf(stderr, "usage: uv_host FLIGHTS.yaml PACKAGE.aip [--close]\n"), 2;
    a.close = argc > 3 && strcmp(argv[3], "--close") == 0;
    uv_loop_init(&a.loop);
    uv_mutex_init(&a.lock);
    uv_timer_init(&a.loop, &a.timer);
    uv_async_init(&a.loop, &a.wake, on_wake);
    a.wake.data = a.timer.data = &a;

    int32_t status = create(&a, &err);
    if (!status) status = aip_dag_load(a.ctx, argv[1], &dag, &err); /* wrong file: line, column, expected, found */
    if (!status) status = aip_run_start(dag, AIP_JSON({"params" : {"test_size" : 0.2}}), &a.run, &err);
    if (!status) {
        aip_run_on_event(a.run, on_event, &a);
        uv_run(&a.loop, UV_RUN_DEFAULT);
        status = aip_run_wait(a.run, &err); /* has ended, unless the context was closed; the failed task's own error */
        printf("run %s\n", aip_status_name(status));
    }
    if (!status) status = score(a.ctx, argv[2], &err);
    if (status && !a.close) fprintf(stderr, "uv_host: %s\n", aip_error_text(err));

    aip_error_free(err);
    aip_run_free(a.run); /* any order; NULL is fine */
    aip_dag_free(dag);
    aip_context_free(a.ctx);
    uv_loop_close(&a.loop);
    uv_mutex_destroy(&a.lock);
    return status && !a.close;
}
