/* What goes wrong on purpose: an allocator that counts, checks how it is called and refuses by number, and a table of file operations that
 * counts and fails by number. */
#ifndef AIPIPE_TESTS_FAULTS_H
#define AIPIPE_TESTS_FAULTS_H

#include "base/io.h"
#include <aipipe/base.h>
#include <stdatomic.h>
#include <stdbool.h>

/* ---- memory ---- */
typedef struct fault_memory {
    _Atomic(int64_t) n_calls;       /* that asked for memory */
    _Atomic(int64_t) n_failed;      /* of these, refused */
    int64_t fail_at;                /* from 0; negative: none is refused */
    bool from_then_on;              /* and all later ones */
    _Atomic(int64_t) bytes, blocks; /* held now */
} fault_memory;
/* Callable from any thread. Each block remembers its size and alignment, and aborts on a call that gets them wrong; freed memory is
 * overwritten. */
aip_allocator fault_allocator(fault_memory *m);

/* ---- files ---- */
/* clang-format off */
#define FAULT_EACH_OP(X)                                                                              \
    X(open) X(pread) X(read) X(write) X(fsync) X(close) X(rename) X(unlink) X(fstat) X(stat) X(fchmod) \
    X(mkdir) X(realpath) X(glob) X(pipe) X(spawn) X(waitpid) X(lock)
/* clang-format on */
typedef enum fault_op {
#define X(name) FAULT_##name,
    FAULT_EACH_OP(X)
#undef X
        FAULT_N_OPS
} fault_op;
typedef enum fault_kind { FAULT_NONE, FAULT_ERROR, FAULT_SHORT } fault_kind;

typedef struct fault_files {
    _Atomic(int64_t) n_calls;
    _Atomic(int64_t) n_by_op[FAULT_N_OPS];
    int64_t fail_at; /* from 0 */
    bool from_then_on;
    fault_kind kind;
    int error;                   /* of FAULT_ERROR: errno */
    bool (*only)(fault_op op);   /* the operations that may be chosen; NULL: all */
    _Atomic(int64_t) n_failed;   /* calls that failed, or were cut short */
    _Atomic(int32_t) failed_op;  /* the first that failed; -1: none */
    _Atomic(bool) unlink_failed; /* then a temporary file may stay */
    _Atomic(int64_t) n_open;     /* file descriptors opened and not closed */
} fault_files;
/* One table for the process: operations have no user pointer. fsync does nothing but count. */
extern fault_files fault_io;
extern const aip__io fault_io_table;
void fault_io_reset(void);
/* Whether the operation may end with EINTR, and must then be done again. */
bool fault_op_interruptible(fault_op op);
const char *fault_op_name(fault_op op);

#endif
