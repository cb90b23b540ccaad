/* See lock.h. A pthread_atfork handler could take all locks before a fork, but the library installs nothing process-wide. */
#include "base/lock.h"

#include <sched.h>

void aip__lock_init(aip_context *ctx, aip__lock *lock) {
    pthread_mutex_init(&lock->mutex, NULL);
    atomic_init(&lock->made, (uint64_t)aip__context_generation(ctx) * 2);
}

void aip__lock_take(aip_context *ctx, aip__lock *lock) {
    uint64_t now = (uint64_t)aip__context_generation(ctx) * 2;
    for (uint64_t made = atomic_load_explicit(&lock->made, memory_order_acquire); made != now;
         made = atomic_load_explicit(&lock->made, memory_order_acquire)) {
        if (made == now + 1) { /* another thread of this process makes it */
            sched_yield();
        } else if (atomic_compare_exchange_strong(&lock->made, &made, now + 1)) {
            pthread_mutex_init(&lock->mutex, NULL);
            atomic_store_explicit(&lock->made, now, memory_order_release);
        }
    }
    pthread_mutex_lock(&lock->mutex);
}

void aip__lock_leave(aip__lock *lock) { pthread_mutex_unlock(&lock->mutex); }

void aip__lock_destroy(aip_context *ctx, aip__lock *lock) { /* an inherited one may seem to be held */
    if (atomic_load(&lock->made) == (uint64_t)aip__context_generation(ctx) * 2) pthread_mutex_destroy(&lock->mutex);
}
