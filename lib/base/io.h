/* The operations of the system that the library uses (files, and the programs it starts), as a table, so that tests can fail each one. Files
 * are read with pread, never mapped (a truncated map is SIGBUS). Writing is always to a temporary file beside the target: fsync, rename, fsync of the folder. */
#ifndef AIPIPE_LIB_BASE_IO_H
#define AIPIPE_LIB_BASE_IO_H

#include <aipipe/base.h>
#include <glob.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct aip__io {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *bytes, size_t n, off_t offset);
    ssize_t (*read)(int fd, void *bytes, size_t n);
    ssize_t (*write)(int fd, const void *bytes, size_t n);
    int (*fsync)(int fd);
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*fstat)(int fd, struct stat *st);
    int (*stat)(const char *path, struct stat *st);
    int (*fchmod)(int fd, mode_t mode);
    int (*mkdir)(const char *path, mode_t mode);
    char *(*realpath)(const char *path, char *resolved);
    int (*glob)(const char *pattern, int flags, int (*on_error)(const char *path, int error), glob_t *found);
    int (*pipe)(int ends[2]); /* closed on exec; reading does not block */
    int (*spawn)(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attributes,
                 char *const argv[], char *const envp[]);
    pid_t (*waitpid)(pid_t pid, int *status, int options);
    int (*lock)(int fd); /* takes the file for this process or fails at once with EWOULDBLOCK; gone when the file is closed */
    ssize_t (*writev)(int fd, const struct iovec *parts, int n);
} aip__io;
extern const aip__io aip__io_posix;

/* A file being read: retries EINTR and short reads. */
typedef struct aip__file {
    aip_context *ctx;
    int fd;
    char *path;
    int64_t size;       /* -1 for a pipe; of the window, where there is one */
    struct stat opened; /* as it was when opened */
    bool windowed;
    int64_t start; /* of the window */
} aip__file;
int32_t aip__file_open(aip_context *ctx, const char *path, aip__file *out, aip_error **err);
/* Reads n bytes, or fewer only at the end of the file; *got says how many. offset is ignored for a pipe (reads on). */
int32_t aip__file_read(aip__file *f, void *bytes, size_t n, int64_t offset, size_t *got, aip_error **err);
/* From now on the file is its bytes [from, to), at offsets from 0; what else it holds, and how it grows, is not seen. */
void aip__file_window(aip__file *f, int64_t from, int64_t to);
/* AIP_E_CHANGED when size, inode or modification time is not what it was when it was opened (or, given `before`, what it was then). Of a
 * window: when it is another file, or ends before the window does. */
int32_t aip__file_check_unchanged(aip__file *f, const struct stat *before, aip_error **err);
/* Takes a file as a lock among processes, made when it is not there; *fd is -1 when another holds it. Closing gives it back. */
int32_t aip__file_lock(aip_context *ctx, const char *path, int *fd, aip_error **err);
void aip__file_unlock(aip_context *ctx, int fd);
void aip__file_close(aip__file *f);
/* A whole file into memory (NUL-terminated; free with aip__free). AIP_E_DATA when larger than limit. */
int32_t aip__file_load(aip_context *ctx, const char *path, size_t limit, char **bytes, size_t *n, aip_error **err);

/* A file being written: nothing at `path` changes until commit, which is atomic and durable. A symbolic link stays and its target is
 * replaced; the permission bits of a file that is there are kept. A pipe or device is written to as bytes come. */
typedef struct aip__file_out {
    aip_context *ctx;
    int fd;
    char *path, *temporary; /* temporary: NULL for a pipe or device */
    char *buffered;
    size_t n_buffered;
    int64_t written;
    bool failed; /* a write failed: commit refuses */
} aip__file_out;
int32_t aip__file_create(aip_context *ctx, const char *path, aip__file_out *out, aip_error **err);
int32_t aip__file_write(aip__file_out *f, const void *bytes, size_t n, aip_error **err);
/* Bytes that lie in n places, one behind the other, and are written from there. The parts are changed. */
int32_t aip__file_write_parts(aip__file_out *f, struct iovec *parts, size_t n, aip_error **err);
/* Also closes and releases, whatever comes back. On error the target is as it was, but for one case that the message names: it was replaced,
 * and the folder could not be made durable. */
int32_t aip__file_commit(aip__file_out *f, aip_error **err);
void aip__file_abandon(aip__file_out *f); /* removes the temporary file; fine after commit and on a zeroed struct */

/* The files that a pattern matches, in no order; a pattern that none matches gives none. Free with globfree, also after an error.
 * Errors: AIP_E_IO, AIP_E_NOMEM. */
int32_t aip__glob(aip_context *ctx, const char *pattern, glob_t *found, aip_error **err);
/* Whether there is something at the path. Errors: AIP_E_IO when the system cannot say. */
int32_t aip__path_exists(aip_context *ctx, const char *path, bool *there, aip_error **err);
/* Makes the folder of a path, and those above it, where they are missing. Errors: AIP_E_IO, AIP_E_NOT_FOUND, naming the folder. */
int32_t aip__make_folders(aip_context *ctx, const char *path, aip_error **err);
/* "dir/name": path when it is absolute or dir is NULL or empty. Free with aip__free. */
char *aip__path_join(aip_context *ctx, const char *dir, const char *path);

#endif
