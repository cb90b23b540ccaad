/* aipipe/base.h: what every part of the library shares: status values, the error object, the context and its options.
 *
 * Ownership: what comes out through an out-parameter is yours to free; what is returned is borrowed from its immutable
 * parent. Outputs are written only on success. Every _free(NULL) is legal, and handles may be freed in any order: each keeps
 * what it needs alive. Every fallible function returns a status (AIP_OK is 0) and ends with a nullable `aip_error **err`,
 * which is set to NULL at entry and to a new error, yours to free, on failure.
 *
 * Each comment ends with a thread tag: `immutable` (any number of threads at once), `any-thread` (locks inside),
 * `one-at-a-time` (per handle).
 */
#ifndef AIPIPE_BASE_H
#define AIPIPE_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define AIP_API __attribute__((visibility("default")))
#else
#define AIP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Parameters are JSON text; this writes them without escaped quotes: AIP_JSON({"strategy": "median"}). */
#define AIP_JSON(...) #__VA_ARGS__

/* ---- status -------------------------------------------------------------------------------------------------------------
 * The library's own values are negative and pinned; a positive value is what a host's callback returned, unchanged. */
#define AIP_OK ((int32_t)0)
#define AIP_E_NOMEM ((int32_t)-1)        /* the allocator refused */
#define AIP_E_MEMORY_LIMIT ((int32_t)-2) /* the context's memory_limit would be passed */
#define AIP_E_MISUSE ((int32_t)-3) /* the host broke the API's rules: NULL handle, bad struct_size, handle of another context */
#define AIP_E_STATE ((int32_t)-4)  /* not possible in this state: not fitted, a once-dataset scanned again, a closed context */
#define AIP_E_PARAM ((int32_t)-5)  /* a parameter is unknown, missing, of the wrong type or out of range */
#define AIP_E_SYNTAX ((int32_t)-6) /* a document, expression or format does not parse */
#define AIP_E_SCHEMA ((int32_t)-7) /* a column is missing, or has a type that does not fit */
#define AIP_E_DATA ((int32_t)-8)   /* a value in the data breaks a rule (bad cell, ragged row, one-class target, duplicate key) */
#define AIP_E_IO ((int32_t)-9)     /* the operating system refused a file operation */
#define AIP_E_NOT_FOUND ((int32_t)-10)   /* a file or a named thing does not exist */
#define AIP_E_CORRUPT ((int32_t)-11)     /* checksum or structure of a binary file is wrong */
#define AIP_E_CANCELLED ((int32_t)-12)   /* cancelled through a token, a run, or the closing of the context */
#define AIP_E_TIMEOUT ((int32_t)-13)     /* a deadline passed */
#define AIP_E_AGAIN ((int32_t)-14)       /* an executor refuses a job now */
#define AIP_E_UNSUPPORTED ((int32_t)-15) /* valid, but not done by this version or build */
#define AIP_E_NUMERIC ((int32_t)-16)     /* a computation met NaN, infinity or a singular system, or did not converge */
#define AIP_E_CHANGED ((int32_t)-17)     /* a source changed between two passes over it */
#define AIP_E_TASK ((int32_t)-18)        /* a task of a DAG failed; the error names it */
#define AIP_E_FORKED ((int32_t)-19)      /* not possible in a forked child */
#define AIP_E_INTERNAL ((int32_t)-20)    /* a defect of the library */

/* The macro's name without AIP_, such as "E_PARAM"; "HOST" for a positive value. Static storage. immutable */
AIP_API const char *aip_status_name(int32_t status);

/* ---- error --------------------------------------------------------------------------------------------------------------
 * One line of message, and where it applies. An error keeps no other handle alive. Out of memory gives a static object, so
 * reporting never depends on what just failed. */
typedef struct aip_error aip_error; /* what failed, and where */

AIP_API int32_t aip_error_status(const aip_error *err);          /* AIP_OK for NULL. immutable */
AIP_API const char *aip_error_message(const aip_error *err);     /* never NULL; "" for NULL. immutable */
AIP_API const char *aip_error_source(const aip_error *err);      /* file or URI, or NULL. immutable */
AIP_API int64_t aip_error_line(const aip_error *err);            /* from 1; 0 when not known. immutable */
AIP_API int64_t aip_error_column(const aip_error *err);          /* byte column from 1; 0 when not known. immutable */
AIP_API int64_t aip_error_offset(const aip_error *err);          /* byte offset from 0; -1 when not known. immutable */
AIP_API const char *aip_error_task(const aip_error *err);        /* or NULL. immutable */
AIP_API const char *aip_error_stage(const aip_error *err);       /* or NULL. immutable */
AIP_API const char *aip_error_parameter(const aip_error *err);   /* or NULL. immutable */
AIP_API const char *aip_error_data_column(const aip_error *err); /* name of the data column, or NULL. immutable */
/* "source:line:column: task 'x': stage 'y': message", as far as known. Static to the error. immutable */
AIP_API const char *aip_error_text(const aip_error *err);
AIP_API void aip_error_free(aip_error *err); /* NULL is legal. one-at-a-time */

/* For host callbacks that fail: makes *err (when err is not NULL) an error with this status and message; returns status.
 * any-thread */
AIP_API int32_t aip_error_set(aip_error **err, int32_t status, const char *message);
/* For host callbacks that hand on an error of the library: makes *err (when err is not NULL) a copy of `from`, with its place; returns its
 * status. AIP_E_INTERNAL when `from` is NULL, for a callback that says it failed must say how. any-thread */
AIP_API int32_t aip_error_copy(aip_error **err, const aip_error *from);

/* ---- options structs ----------------------------------------------------------------------------------------------------
 * Every struct that crosses the border starts with struct_size and only ever grows at its end; zero means default. */

/* One callback for all memory: grows, shrinks, allocates (ptr NULL, old_size 0) and frees (new_size 0, returns NULL).
 * align is a power of two. Returns NULL when refused, and then ptr is untouched. Called from any thread. */
typedef struct aip_allocator {
    uint32_t struct_size;
    uint32_t reserved;
    void *user;
    void *(*resize)(void *user, void *ptr, size_t old_size, size_t new_size, size_t align);
} aip_allocator;
#define AIP_ALLOCATOR_INIT \
    { sizeof(aip_allocator), 0, NULL, NULL }

#define AIP_LOG_ERROR 1
#define AIP_LOG_WARNING 2
#define AIP_LOG_INFO 3
#define AIP_LOG_DEBUG 4
/* Receives one line; task is NULL outside a task. Called from any thread; must not call the library. */
typedef void (*aip_log_fn)(void *user, int32_t level, const char *task, const char *message);

typedef struct aip_context
    aip_context; /* everything is made from one; it holds the catalogue, the executor and the memory limit */
typedef struct aip_dataset aip_dataset; /* a table: aipipe/data.h; named here so that a parameter table can hold one */
struct aip_executor_callbacks;

#define AIP_THREADS_NONE ((int32_t)-1) /* threads: no worker threads; whoever waits does the work */

/* How a context is made. */
typedef struct aip_context_options {
    uint32_t struct_size;
    int32_t threads; /* workers of the default pool: 0 is one per CPU; AIP_THREADS_NONE; ignored with an executor */
    const aip_allocator *allocator;                /* copied; NULL: the C library's */
    const struct aip_executor_callbacks *executor; /* copied (aipipe/exec.h); NULL: the default pool */
    aip_log_fn log;                                /* NULL: nothing is logged */
    void *log_user;
    uint64_t memory_limit; /* bytes of columns, states and buffers; 0: three quarters of the machine's memory */
} aip_context_options;
#define AIP_CONTEXT_OPTIONS_INIT \
    { sizeof(aip_context_options), 0, NULL, NULL, NULL, NULL, 0 }

/* Creates a context with every built-in registered. options may be NULL. Contexts do not see each other.
 * Errors: AIP_E_NOMEM, AIP_E_MISUSE (options). any-thread */
AIP_API int32_t aip_context_create(const aip_context_options *options, aip_context **out, aip_error **err);

/* Cancels what runs, waits for it, stops the default pool. Handles stay valid to free, and nothing else. Idempotent.
 * any-thread, but not from a callback */
AIP_API void aip_context_close(aip_context *ctx);

/* Closes, and drops the caller's reference; memory goes when the last handle made from the context is freed. any-thread */
AIP_API void aip_context_free(aip_context *ctx);

/* Bytes held now, and the most held at any time, by what obeys memory_limit. any-thread */
AIP_API uint64_t aip_context_memory_used(const aip_context *ctx);
AIP_API uint64_t aip_context_memory_peak(const aip_context *ctx);

/* "0.2.0". Static storage. immutable */
AIP_API const char *aip_version(void);
/* The numeric profile that results may depend on: kernel level and BLAS core, such as "avx512;openblas-Haswell". immutable */
AIP_API const char *aip_numeric_profile(const aip_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
