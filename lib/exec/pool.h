/* The default executor: a small work-stealing pool. Each worker has a deque: its own jobs last in, first out; a thief takes the oldest. An
 * idle worker spins briefly, then parks. */
#ifndef AIPIPE_LIB_EXEC_POOL_H
#define AIPIPE_LIB_EXEC_POOL_H

#include "base/context.h"

typedef struct aip__pool aip__pool;
/* n_workers >= 0. Threads start at the first submit, so that a context which never works costs none. Fills *callbacks. */
int32_t aip__pool_create(aip_context *ctx, int32_t n_workers, aip__pool **out, aip_executor_callbacks *callbacks,
                         aip_error **err);
void aip__pool_stop(aip__pool *pool); /* joins the workers; queued tickets are dropped */
void aip__pool_free(aip__pool *pool);

#endif
