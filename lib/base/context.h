/* The inside of a context. Created by library/, which knows every room; base holds what all rooms hang things on. */
#ifndef AIPIPE_LIB_BASE_CONTEXT_H
#define AIPIPE_LIB_BASE_CONTEXT_H

#include "base/arena.h"
#include "base/fork.h"
#include <aipipe/exec.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct aip__catalog;
struct aip__modules;
struct aip__io;

#define AIP__BUFFER_CLASSES 48 /* base/memory.h: four sizes for each doubling from 32 KiB */

struct aip_context {
    _Atomic(int64_t) refs;
    aip_allocator allocator;
    aip_log_fn log;
    void *log_user;
    uint64_t memory_limit;
    _Atomic(uint64_t) memory_used, memory_peak;
    _Atomic(int32_t) limit_refused; /* the last refusal of memory was the limit's */

    struct { /* freed buffers, kept for the next batch */
        pthread_mutex_t lock;
        aip__fork_mark mark; /* a forked child begins with none: a thread that it does not have may hold the lock */
        bool inherited;      /* in such a child: the lock may seem to be held, and is not destroyed */
        void *head[AIP__BUFFER_CLASSES];
        bool used[AIP__BUFFER_CLASSES]; /* somebody wanted one since `taken` began */
        size_t bytes, limit;
        size_t taken;     /* bytes that were asked for, up to SPARE_ROUND */
        aip__arena arena; /* under the same lock */
    } spare;

    aip_executor_callbacks executor; /* submit is never NULL once the context is created */
    struct aip__exec *exec;          /* exec/: job groups */
    struct aip__catalog *catalog;    /* base/catalog.h */
    const struct aip__io *io;        /* base/io.h: file operations, replaceable by tests */
    aip_cancel *closing;             /* requested by aip_context_close */
    _Atomic(bool) closed;
    char profile[96];
    void (*at_close)(aip_context *ctx); /* library/: stops the default pool */
    void (*at_free)(aip_context *ctx);  /* library/: what at_close left, when the last reference goes */
    void *pool;                         /* the default pool, when the host gave no executor */
    _Atomic(uint32_t) generation;       /* aip__context_generation */
    struct aip__modules *modules;       /* library/: what was loaded into this context */
};

/* Sets up what base owns (allocator, memory, log); exec, catalogue and the rest are added by library/. */
int32_t aip__context_init(const aip_context_options *options, aip_context **out, aip_error **err);
aip_context *aip__context_retain(aip_context *ctx);
void aip__context_release(aip_context *ctx);
/* How many forks lie between this process and the one that made the context. any thread */
uint32_t aip__context_generation(aip_context *ctx);
void aip__log(aip_context *ctx, int32_t level, const char *task, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Copies min(sizes) bytes of a versioned struct into a zeroed current one; refuses a longer one whose tail is not zero. name is for the
 * message. */
int32_t aip__struct_copy(void *current, size_t current_size, const void *given, const char *name, aip_error **err);

#endif
