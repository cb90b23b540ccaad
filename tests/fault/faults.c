/* The allocator keeps a header of 64 bytes before each block (its size, its alignment, a mark), which also is the largest alignment that
 * the library asks for. */
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER ((size_t)64)
#define MARK ((uint64_t)0x616970626c6f636b)

typedef struct header {
    uint64_t mark, size, align;
} header;

static void broken(const char *what) {
    fprintf(stderr, "allocator: %s\n", what);
    abort();
}

static header *header_of(void *ptr, size_t old_size, size_t align) {
    header *h = (header *)(void *)((char *)ptr - HEADER);
    if (h->mark != MARK) broken("a block that is not one, or was freed");
    if (h->size != old_size) broken("old_size is not what the block was made with");
    if (h->align != align) broken("align is not what the block was made with");
    return h;
}

static void *make(size_t size, size_t align) {
    void *base = NULL;
    if (posix_memalign(&base, HEADER, size + HEADER) != 0) return NULL;
    header *h = base;
    *h = (header){MARK, size, align};
    memset((char *)base + HEADER, 0xa5, size);
    return (char *)base + HEADER;
}

static void drop(header *h) {
    h->mark = 0;
    memset((char *)h + HEADER, 0x5a, (size_t)h->size);
    free(h);
}

static bool refused(fault_memory *m) {
    int64_t at = atomic_fetch_add(&m->n_calls, 1);
    bool fails = m->fail_at >= 0 && (at == m->fail_at || (m->from_then_on && at > m->fail_at));
    if (fails) atomic_fetch_add(&m->n_failed, 1);
    return fails;
}

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    fault_memory *m = user;
    if (align == 0 || (align & (align - 1)) != 0 || align > HEADER) broken("align is no power of two up to 64");
    header *old = ptr ? header_of(ptr, old_size, align) : NULL;
    if (!ptr && old_size != 0) broken("old_size without a block");
    void *made = NULL;
    if (new_size > 0) {
        if (refused(m)) return NULL;
        made = make(new_size, align);
        if (!made) return NULL;
        if (ptr) memcpy(made, ptr, old_size < new_size ? old_size : new_size);
        atomic_fetch_add(&m->bytes, (int64_t)new_size);
        atomic_fetch_add(&m->blocks, 1);
    }
    if (old) {
        atomic_fetch_sub(&m->bytes, (int64_t)old_size);
        atomic_fetch_sub(&m->blocks, 1);
        drop(old);
    }
    return made;
}

aip_allocator fault_allocator(fault_memory *m) {
    aip_allocator a = AIP_ALLOCATOR_INIT;
    a.user = m;
    a.resize = resize;
    return a;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------------- */

fault_files fault_io;

void fault_io_reset(void) {
    memset(&fault_io, 0, sizeof fault_io);
    fault_io.fail_at = -1;
    atomic_store(&fault_io.failed_op, -1);
}

const char *fault_op_name(fault_op op) {
    static const char *const names[] = {
#define X(name) #name,
        FAULT_EACH_OP(X)
#undef X
    };
    return names[op];
}

bool fault_op_interruptible(fault_op op) {
    return op == FAULT_open || op == FAULT_pread || op == FAULT_read || op == FAULT_write || op == FAULT_fsync
           || op == FAULT_close || op == FAULT_waitpid || op == FAULT_lock;
}

static bool chosen(fault_op op, int64_t at) {
    if (fault_io.fail_at < 0 || (fault_io.only && !fault_io.only(op))) return false;
    return at == fault_io.fail_at || (fault_io.from_then_on && at > fault_io.fail_at);
}

/* Counts the call; whether it is to fail, and then errno is set. */
static bool fails(fault_op op) {
    int64_t at = atomic_fetch_add(&fault_io.n_calls, 1);
    atomic_fetch_add(&fault_io.n_by_op[op], 1);
    if (fault_io.kind != FAULT_ERROR || !chosen(op, at)) return false;
    int32_t none = -1;
    atomic_compare_exchange_strong(&fault_io.failed_op, &none, (int32_t)op);
    atomic_fetch_add(&fault_io.n_failed, 1);
    if (op == FAULT_unlink) atomic_store(&fault_io.unlink_failed, true);
    errno = fault_io.error;
    return true;
}

/* How much of a transfer is done: one byte of the chosen one. Called after fails(), which counted it. */
static size_t cut(fault_op op, size_t n) {
    if (fault_io.kind != FAULT_SHORT || !chosen(op, atomic_load(&fault_io.n_calls) - 1)) return n;
    int32_t none = -1;
    atomic_compare_exchange_strong(&fault_io.failed_op, &none, (int32_t)op);
    atomic_fetch_add(&fault_io.n_failed, 1);
    return n < 1 ? n : 1;
}

static int io_open(const char *path, int flags, mode_t mode) {
    if (fails(FAULT_open)) return -1;
    int fd = aip__io_posix.open(path, flags, mode);
    if (fd >= 0) atomic_fetch_add(&fault_io.n_open, 1);
    return fd;
}
static ssize_t io_pread(int fd, void *bytes, size_t n, off_t offset) {
    return fails(FAULT_pread) ? -1 : pread(fd, bytes, cut(FAULT_pread, n), offset);
}
static ssize_t io_read(int fd, void *bytes, size_t n) { return fails(FAULT_read) ? -1 : read(fd, bytes, cut(FAULT_read, n)); }
static ssize_t io_write(int fd, const void *bytes, size_t n) {
    return fails(FAULT_write) ? -1 : write(fd, bytes, cut(FAULT_write, n));
}
static int io_fsync(int fd) {
    (void)fd;
    return fails(FAULT_fsync) ? -1 : 0;
}
static int io_close(int fd) { /* as on Linux the descriptor is gone, whatever is reported */
    close(fd);
    atomic_fetch_sub(&fault_io.n_open, 1);
    return fails(FAULT_close) ? -1 : 0;
}
static int io_rename(const char *from, const char *to) { return fails(FAULT_rename) ? -1 : rename(from, to); }
static int io_unlink(const char *path) { return fails(FAULT_unlink) ? -1 : unlink(path); }
static int io_fstat(int fd, struct stat *st) { return fails(FAULT_fstat) ? -1 : fstat(fd, st); }
static int io_stat(const char *path, struct stat *st) { return fails(FAULT_stat) ? -1 : stat(path, st); }
static int io_fchmod(int fd, mode_t mode) { return fails(FAULT_fchmod) ? -1 : fchmod(fd, mode); }
static int io_mkdir(const char *path, mode_t mode) { return fails(FAULT_mkdir) ? -1 : mkdir(path, mode); }
static char *io_realpath(const char *path, char *resolved) { return fails(FAULT_realpath) ? NULL : realpath(path, resolved); }
static int io_glob(const char *pattern, int flags, int (*on_error)(const char *path, int error), glob_t *found) {
    if (fails(FAULT_glob)) return fault_io.error == ENOMEM ? GLOB_NOSPACE : GLOB_ABORTED;
    return glob(pattern, flags, on_error, found);
}
static int io_pipe(int ends[2]) {
    if (fails(FAULT_pipe)) return -1;
    int result = aip__io_posix.pipe(ends);
    if (result == 0) atomic_fetch_add(&fault_io.n_open, 2);
    return result;
}
static int io_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attributes,
                    char *const argv[], char *const envp[]) {
    return fails(FAULT_spawn) ? errno : posix_spawnp(pid, program, files, attributes, argv, envp);
}
static pid_t io_waitpid(pid_t pid, int *status, int options) {
    if (!fails(FAULT_waitpid)) return waitpid(pid, status, options);
    if (fault_io.error != EINTR) waitpid(pid, NULL, options); /* no zombie is left by a failure that is only played */
    errno = fault_io.error;
    return -1;
}
static int io_lock(int fd) { return fails(FAULT_lock) ? -1 : aip__io_posix.lock(fd); }

const aip__io fault_io_table = {
#define X(name) .name = io_##name,
    FAULT_EACH_OP(X)
#undef X
};
