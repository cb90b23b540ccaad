/* glib_host.c: a GLib program runs a DAG from its main loop, its jobs on a GThreadPool, and stays responsive meanwhile.
 *
 *   glib_host DAG.yaml       prints the tasks as they end and how the run went
 *
 * wake comes from any thread: g_main_context_invoke would queue one call each time, so one source is kept and made ready. */
#include <aipipe/aipipe.h>
#include <glib.h>
#include <stdio.h>

typedef struct app {
    GMainLoop *loop;
    GThreadPool *pool;
    GSource *wake; /* ready when its time is 0, asleep when it is -1 */
    aip_run *run;
    int ticks; /* what the loop did beside: it was never blocked */
} app;

/* ---- executor ---------------------------------------------------------------------------------------------------------------------------- */

static void run_job(gpointer job, gpointer user) {
    (void)user;
    aip_job_run(job);
}

static int32_t submit(void *user, aip_job *job) {
    app *a = user;
    return g_thread_pool_push(a->pool, job, NULL) ? AIP_OK : AIP_E_AGAIN;
}

static int32_t concurrency(void *user) { return g_thread_pool_get_max_threads(((app *)user)->pool); }

static void wake(void *user) { g_source_set_ready_time(((app *)user)->wake, 0); } /* any thread; several are one */

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user) {
    g_source_set_ready_time(source, -1); /* before the call: a wake that comes during it counts */
    return callback(user);
}

/* ---- on the loop ---------------------------------------------------------------------------------------------------------------------------- */

static gboolean on_wake(gpointer user) {
    app *a = user;
    if (!a->run) return G_SOURCE_CONTINUE;
    uint64_t now = (uint64_t)g_get_monotonic_time() * 1000;
    if (aip_run_poll(a->run, now, 0) >= AIP_RUN_SUCCESS) {
        g_main_loop_quit(a->loop);
        return G_SOURCE_CONTINUE;
    }
    uint64_t due = aip_run_next_deadline(a->run); /* on the clock of `now` */
    if (due != AIP_NEVER) g_source_set_ready_time(a->wake, (gint64)(due / 1000));
    return G_SOURCE_CONTINUE;
}

static gboolean on_tick(gpointer user) {
    ((app *)user)->ticks++;
    return G_SOURCE_CONTINUE;
}

static void on_event(void *user, const aip_task_event *e) {
    (void)user;
    if (!e->phase && e->state >= AIP_TASK_SUCCESS) printf("task %s %s\n", e->task, aip_task_state_name(e->state));
}

int main(int argc, char **argv) {
    static app a;
    static GSourceFuncs functions = {.dispatch = dispatch};
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    if (argc < 2) return fprintf(stderr, "usage: glib_host DAG.yaml\n"), 2;
    a.loop = g_main_loop_new(NULL, FALSE);
    a.pool = g_thread_pool_new(run_job, &a, (gint)g_get_num_processors(), FALSE, NULL);
    a.wake = g_source_new(&functions, sizeof(GSource));
    g_source_set_callback(a.wake, on_wake, &a, NULL);
    g_source_attach(a.wake, NULL);
    guint tick = g_timeout_add(1, on_tick, &a);

    aip_executor_callbacks exec = AIP_EXECUTOR_CALLBACKS_INIT;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    exec.user = &a;
    exec.submit = submit;
    exec.wake = wake;
    exec.concurrency = concurrency;
    o.executor = &exec;
    int32_t status = aip_context_create(&o, &ctx, &err);
    if (!status) status = aip_dag_load(ctx, argv[1], &dag, &err);
    if (!status) status = aip_run_start(dag, NULL, &a.run, &err);
    if (!status) {
        aip_run_on_event(a.run, on_event, &a);
        g_main_loop_run(a.loop);
        status = aip_run_result(a.run, &err);
        printf("run %s\n", aip_status_name(status));
        printf("the loop ticked: %s\n", a.ticks > 0 ? "yes" : "no");
    }
    if (status) fprintf(stderr, "glib_host: %s\n", aip_error_text(err));
    aip_error_free(err);
    aip_run_free(a.run);
    aip_dag_free(dag);
    aip_context_free(ctx);                   /* first: no submit and no wake follows */
    g_thread_pool_free(a.pool, FALSE, TRUE); /* tickets that are left are run, which costs nothing, and given back by that */
    g_source_remove(tick);
    g_source_destroy(a.wake);
    g_source_unref(a.wake);
    g_main_loop_unref(a.loop);
    return status != AIP_OK;
}
