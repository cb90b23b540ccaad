/* aipipe/exec.h: where the library's work runs. The library never insists on threads of its own: an executor is a table of
 * callbacks that says "here is a job; run it on some thread when you can". The thread that waits helps, so an executor that
 * runs nothing is legal. Also: cancellation tokens and the options of long calls. */
#ifndef AIPIPE_EXEC_H
#define AIPIPE_EXEC_H

#include <aipipe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A ticket for one piece of work. Give it back exactly once, by aip_job_run or aip_job_drop. If a waiting thread has done the
 * work meanwhile, aip_job_run returns at once. */
typedef struct aip_job aip_job;

AIP_API void aip_job_run(aip_job *job);  /* does not return before the work (if still to do) is done. any-thread */
AIP_API void aip_job_drop(aip_job *job); /* not run here: a waiting thread will run it. any-thread */

/* An executor of the host. */
typedef struct aip_executor_callbacks {
    uint32_t struct_size;
    uint32_t reserved;
    void *user;
    /* Takes the job, to call aip_job_run once on any thread; or refuses with AIP_E_AGAIN (a waiting thread will run it, or
     * the next aip_run_poll, after a wake). Called
     * from any thread, never with a lock of the library held. Must not run the job before it returns. */
    int32_t (*submit)(void *user, aip_job *job);
    /* How many jobs may run at once, at least 1 (the waiting thread counts). NULL: 1. */
    int32_t (*concurrency)(void *user);
    void (*wake)(void *user); /* a run wants aip_run_poll to be called; may coalesce. NULL: nobody polls. Any thread. */
    /* The context is closed: no submit or wake follows. Called once for a context that was created; not when aip_context_create fails (`user`
     * is the host's still). NULL: nothing */
    void (*shutdown)(void *user);
} aip_executor_callbacks;
#define AIP_EXECUTOR_CALLBACKS_INIT \
    { sizeof(aip_executor_callbacks), 0, NULL, NULL, NULL, NULL, NULL }

/* ---- cancellation -------------------------------------------------------------------------------------------------------- */
typedef struct aip_cancel aip_cancel; /* a wish to stop, shared by any number of calls */

/* A token; sticky once requested. Errors: AIP_E_NOMEM. any-thread */
AIP_API int32_t aip_cancel_create(aip_context *ctx, aip_cancel **out, aip_error **err);
/* Asks every call that was given the token to end with AIP_E_CANCELLED; answered at the next batch. Async-signal-safe.
 * any-thread */
AIP_API void aip_cancel_request(aip_cancel *token);
AIP_API int32_t aip_cancel_requested(const aip_cancel *token); /* 1 or 0; 0 for NULL. any-thread */
AIP_API void aip_cancel_free(aip_cancel *token);               /* NULL is legal. any-thread */

/* ---- options of a long call ---------------------------------------------------------------------------------------------- */
/* How far a call has come. */
typedef struct aip_progress {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t rows;      /* rows that came out so far */
    int64_t bytes;     /* bytes of the source consumed so far */
    double fraction;   /* 0 to 1; negative when not known */
    const char *phase; /* "read", "fit standard_scaler", "fit logistic_regression", ... */
} aip_progress;

/* How a long call is cancelled, watched and limited; zero in every field is the default. */
typedef struct aip_call {
    uint32_t struct_size;
    uint32_t reserved;
    aip_cancel
        *cancel; /* of the same context, else AIP_E_MISUSE; borrowed for the call; NULL: only closing the context cancels */
    /* Called now and then, from any thread but never from two at once; non-zero stops the call with that value. */
    int32_t (*progress)(void *user, const aip_progress *progress);
    void *user;
    int64_t timeout_ns; /* 0: none; past it the call ends with AIP_E_TIMEOUT */
} aip_call;
#define AIP_CALL_INIT \
    { sizeof(aip_call), 0, NULL, NULL, NULL, 0 }

#ifdef __cplusplus
}
#endif
#endif
