/* A mutex that a forked child may use. A thread that does not exist in the child may hold it there for ever: the first to take it in the child
 * makes it anew. So what it guards must be in order after each single store, or not be looked at in a child that finds it in the middle of
 * something. Held for bookkeeping only, never across a pass or a wait. */
#ifndef AIPIPE_LIB_BASE_LOCK_H
#define AIPIPE_LIB_BASE_LOCK_H

#include "base/context.h"

typedef struct aip__lock {
    pthread_mutex_t mutex;
    _Atomic(uint64_t) made; /* twice the generation (aip__context_generation) that it was made in; odd: being made */
} aip__lock;

void aip__lock_init(aip_context *ctx, aip__lock *lock);
void aip__lock_destroy(aip_context *ctx, aip__lock *lock);
void aip__lock_take(aip_context *ctx, aip__lock *lock);
void aip__lock_leave(aip__lock *lock);

#endif
