/* pool_host.c: a program that has a plain pool of POSIX threads gives it to the library, and waits. No loop, so no wake: aip_run_wait helps
 * with the work and delivers the events.
 *
 *   pool_host DAG.yaml N_THREADS       prints the tasks as they end, and that threads of the pool took part when there are any */
#include <aipipe/aipipe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_THREADS 64

typedef struct ticket {
    aip_job *job;
    struct ticket *next;
} ticket;

typedef struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    ticket *first, **last;
    bool ending;
    int n_threads;
    pthread_t threads[MAX_THREADS];
    atomic_long n_run, n_dropped;
} pool;

static ticket *take(pool *p) {
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ending) pthread_cond_wait(&p->work, &p->lock);
    ticket *t = p->first;
    if (t && !(p->first = t->next)) p->last = &p->first;
    pthread_mutex_unlock(&p->lock);
    return t;
}

static void *thread(void *user) {
    pool *p = user;
    for (ticket *t; (t = take(p)); free(t)) {
        aip_job_run(t->job); /* exactly once for each ticket, or aip_job_drop */
        p->n_run++;
    }
    return NULL;
}

/* ---- executor --------------------------------------------------------------------------------------------------------------------------- */

static int32_t submit(void *user, aip_job *job) { /* also from the pool's own threads */
    pool *p = user;
    ticket *t = malloc(sizeof *t);
    if (!t) return AIP_E_AGAIN;
    *t = (ticket){job, NULL};
    pthread_mutex_lock(&p->lock);
    *p->last = t;
    p->last = &t->next;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return AIP_OK;
}

static int32_t concurrency(void *user) { return ((pool *)user)->n_threads + 1; } /* the waiting thread counts */

/* The context is closed. What lies here still belongs to jobs that others have done: given back without running. */
static void shutdown_pool(void *user) {
    pool *p = user;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    ticket *left = p->first;
    p->first = NULL;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (ticket *next; left; left = next) {
        next = left->next;
        aip_job_drop(left->job);
        free(left);
        p->n_dropped++;
    }
    for (int i = 0; i < p->n_threads; i++) pthread_join(p->threads[i], NULL);
}

static void on_event(void *user, const aip_task_event *e) {
    (void)user;
    if (!e->phase && e->state >= AIP_TASK_SUCCESS) printf("task %s %s\n", e->task, aip_task_state_name(e->state));
}

int main(int argc, char **argv) {
    static pool p = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .last = &p.first};
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    int n = argc == 3 ? atoi(argv[2]) : 0;
    if (n < 1 || n > MAX_THREADS) return fprintf(stderr, "usage: pool_host DAG.yaml N_THREADS (1 to %d)\n", MAX_THREADS), 2;
    for (; p.n_threads < n; p.n_threads++)
        if (pthread_create(&p.threads[p.n_threads], NULL, thread, &p) != 0) break; /* fewer must do */

    aip_executor_callbacks exec = AIP_EXECUTOR_CALLBACKS_INIT;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    exec.user = &p;
    exec.submit = submit;
    exec.concurrency = concurrency;
    exec.shutdown = shutdown_pool;
    o.executor = &exec;
    int32_t status = aip_context_create(&o, &ctx, &err);
    if (!status) status = aip_dag_load(ctx, argv[1], &dag, &err);
    if (!status) status = aip_run_start(dag, NULL, &run, &err);
    if (!status) {
        aip_run_on_event(run, on_event, NULL);
        status = aip_run_wait(run, &err);
    }
    printf("run %s\n", aip_status_name(status));
    if (status) fprintf(stderr, "pool_host: %s\n", aip_error_text(err));
    aip_error_free(err);
    aip_run_free(run);
    aip_dag_free(dag);
    aip_context_free(ctx); /* calls shutdown_pool */
    printf("tickets: %s\n", p.n_run + p.n_dropped > 0 ? "given back" : "none came");
    return status != AIP_OK;
}
