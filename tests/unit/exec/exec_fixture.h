/* Contexts for the tests of exec/: with the default pool, or with one of several odd hosts. */
#ifndef AIPIPE_TESTS_EXEC_FIXTURE_H
#define AIPIPE_TESTS_EXEC_FIXTURE_H

#include "base/context.h"
#include "base/error.h"
#include "exec/group.h"
#include "exec/pool.h"
#include <check.h>

#define N_WORKER_COUNTS 4
extern const int32_t worker_counts[N_WORKER_COUNTS]; /* 0, 1, 2, 8 */

/* With the default pool of n_workers. */
aip_context *exec_context(int32_t n_workers);
/* With a host's executor. */
aip_context *exec_context_host(const aip_executor_callbacks *callbacks);
/* As aip_context_close and aip_context_free do. Checks that no memory is left, so every ticket was given back. */
void exec_context_free(aip_context *ctx);
void exec_context_close(aip_context *ctx); /* the first half of it */

/* Hosts. Each is the `user` of its callbacks. */
#define HOST_KINDS 6
enum {
    HOST_REFUSES, /* every ticket */
    HOST_DROPS,   /* takes each ticket and drops it at once */
    HOST_LATE,    /* keeps the tickets and runs them when the test says so */
    HOST_THREADS, /* runs each ticket on a thread of its own */
    HOST_QUEUE,   /* runs the tickets on two threads, the youngest first */
    HOST_MIXED    /* by turns refuses, drops, and runs on a thread of its own */
};
typedef struct host host;
host *host_create(int kind, aip_executor_callbacks *callbacks);
int64_t host_submits(host *h); /* how many tickets were offered */
void host_run_late(host *h);   /* HOST_LATE: runs what it keeps, here */
void host_free(host *h);       /* gives back what it keeps, joins its threads */
extern const char *const host_names[HOST_KINDS];

#endif
