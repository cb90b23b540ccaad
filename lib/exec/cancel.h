/* Cancellation. A token is what long work looks at, once a batch: the host's aip_cancel, the closing of the context, and a deadline, in one.
 * Derived tokens let a part (a DAG task, one side of a race) be stopped without the rest. */
#ifndef AIPIPE_LIB_EXEC_CANCEL_H
#define AIPIPE_LIB_EXEC_CANCEL_H

#include "base/context.h"
#include "base/error.h"
#include <stdbool.h>

struct aip_cancel {
    _Atomic(int64_t) refs;
    _Atomic(int32_t) requested;
    aip_context *ctx;         /* retained; NULL for the context's own */
    const aip_cancel *parent; /* retained; requested when the parent is; may be NULL */
};
int32_t aip__cancel_create_under(aip_context *ctx, const aip_cancel *parent, aip_cancel **out, aip_error **err);
aip_cancel *aip__cancel_retain(const aip_cancel *token);

/* On the stack of the call that it belongs to. */
typedef struct aip__token {
    aip_context *ctx;
    const aip_cancel *cancel;    /* may be NULL */
    int64_t deadline_ns;         /* aip__clock_ns; 0: none */
    const struct aip_call *call; /* for progress; may be NULL; its copy lives in the token */
    aip_call copied;
    _Atomic(int64_t) next_progress_ns; /* when the host's progress callback is next due */
    _Atomic(int32_t) reporting;        /* one at a time */
} aip__token;
/* call may be NULL. Errors: AIP_E_MISUSE for a bad struct_size. */
int32_t aip__token_init(aip__token *token, aip_context *ctx, const aip_call *call, aip_error **err);
/* AIP_OK, AIP_E_CANCELLED or AIP_E_TIMEOUT. token may be NULL. */
int32_t aip__token_check(const aip__token *token, aip_error **err);
/* The token of the call that this thread is in the middle of, for what takes long below functions that are handed none (a bind that reads
 * another table); NULL: none. The call says so with `enter`, which gives what was before, to be entered again at its end. */
aip__token *aip__token_here(void);
aip__token *aip__token_enter(aip__token *token);
/* Calls the host's progress callback when one is due (each 50 ms, or `force`) and no other thread is in it. Its non-zero value is returned. */
int32_t aip__token_progress(aip__token *token, const char *phase, int64_t rows, int64_t bytes, double fraction, bool force,
                            aip_error **err);

#endif
