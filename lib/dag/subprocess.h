/* A program as the child of this process: its own process group, its output line by line, its end. */
#ifndef AIPIPE_LIB_DAG_SUBPROCESS_H
#define AIPIPE_LIB_DAG_SUBPROCESS_H

#include "exec/cancel.h"

#define AIP__LINE_BYTES 4096 /* a longer line is handed over in parts */

typedef struct aip__subprocess {
    const char *const *argv;                    /* NULL-terminated; argv[0] without a slash is looked up in PATH */
    const char *const *envp;                    /* NULL-terminated "NAME=value", the whole environment */
    const char *folder;                         /* where it runs; NULL: where this process does */
    int64_t grace_ns;                           /* between SIGTERM and SIGKILL */
    aip__token *token;                          /* looked at, and reported to, each 50 ms */
    void (*line)(void *user, const char *line); /* each line of stdout and stderr, without its end */
    void *user;
} aip__subprocess;

/* Runs it to its end, on the calling thread. *status is waitpid's. When the token asks, the whole process group gets SIGTERM and, after the grace,
 * SIGKILL, and the token's status comes back. No zombie is left. Errors: AIP_E_NOT_FOUND, AIP_E_IO, AIP_E_CANCELLED, AIP_E_TIMEOUT. */
int32_t aip__subprocess_run(const aip__subprocess *program, int *status, aip_error **err);

#endif
