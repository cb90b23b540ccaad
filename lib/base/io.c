/* Files: reading with pread, writing through a temporary file beside the target. All calls that may fail go through the context's table. */
#include "base/io.h"

#include "base/context.h"
#include "base/error.h"
#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 << 10)
#define MAX_PARTS 1024 /* of one call: what Linux takes */
#define TEMPORARY_TRIES 100
#define TEMPORARY_BASE_MAX 180 /* of the target's name, so that the temporary name stays under NAME_MAX */

static int posix_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }

static int posix_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int why = errno;
    close(ends[0]);
    close(ends[1]);
    errno = why;
    return -1;
}

static int posix_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

const aip__io aip__io_posix = {.open = posix_open,
                               .pread = pread,
                               .read = read,
                               .write = write,
                               .fsync = fsync,
                               .close = close,
                               .rename = rename,
                               .unlink = unlink,
                               .fstat = fstat,
                               .stat = stat,
                               .fchmod = fchmod,
                               .mkdir = mkdir,
                               .realpath = realpath,
                               .glob = glob,
                               .pipe = posix_pipe,
                               .spawn = posix_spawnp,
                               .waitpid = waitpid,
                               .lock = posix_lock,
                               .writev = writev};

static int open_retry(aip_context *ctx, const char *path, int flags, mode_t mode) {
    int fd = -1;
    do { fd = ctx->io->open(path, flags | O_CLOEXEC | O_NOCTTY, mode); } while (fd < 0 && errno == EINTR);
    return fd;
}

static int fsync_retry(aip_context *ctx, int fd) {
    int result = 0;
    do { result = ctx->io->fsync(fd); } while (result != 0 && errno == EINTR);
    return result;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

int32_t aip__file_open(aip_context *ctx, const char *path, aip__file *out, aip_error **err) {
    aip__file f = {.ctx = ctx, .fd = -1, .size = -1};
    int32_t status = AIP_OK;
    f.fd = open_retry(ctx, path, O_RDONLY, 0);
    if (f.fd < 0) status = aip__error_errno(err, errno, "cannot open");
    if (status == AIP_OK && ctx->io->fstat(f.fd, &f.opened) != 0) status = aip__error_errno(err, errno, "cannot stat");
    if (status == AIP_OK && S_ISDIR(f.opened.st_mode)) status = aip__error_set(err, AIP_E_IO, "is a folder: expected a file");
    if (status == AIP_OK && !(f.path = aip__strdup(ctx, path))) status = aip__error_memory(ctx, err);
    if (status != AIP_OK) {
        aip__file_close(&f);
        aip__error_at_source(err, path);
        return status;
    }
    if (S_ISREG(f.opened.st_mode)) f.size = (int64_t)f.opened.st_size;
    *out = f;
    return AIP_OK;
}

void aip__file_window(aip__file *f, int64_t from, int64_t to) {
    f->windowed = true;
    f->start = from;
    f->size = to - from;
}

int32_t aip__file_read(aip__file *f, void *bytes, size_t n, int64_t offset, size_t *got, aip_error **err) {
    size_t done = 0;
    if (f->windowed) {
        uint64_t left = offset < f->size ? (uint64_t)(f->size - offset) : 0;
        if (n > left) n = (size_t)left;
        offset += f->start;
    }
    while (done < n) {
        size_t want = n - done < SSIZE_MAX ? n - done : SSIZE_MAX;
        char *to = (char *)bytes + done;
        ssize_t r =
            f->size < 0 ? f->ctx->io->read(f->fd, to, want) : f->ctx->io->pread(f->fd, to, want, (off_t)(offset + (int64_t)done));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) {
            int32_t status = aip__error_errno(err, errno, "cannot read");
            aip__error_at_source(err, f->path);
            if (f->size >= 0) aip__error_at_offset(err, offset + (int64_t)done);
            return status;
        }
        if (r == 0) break;
        done += (size_t)r;
    }
    *got = done;
    return AIP_OK;
}

int32_t aip__file_check_unchanged(aip__file *f, const struct stat *before, aip_error **err) {
    struct stat now;
    if (!before) before = &f->opened;
    const char *what = NULL;
    int32_t status = AIP_OK;
    if (f->ctx->io->fstat(f->fd, &now) != 0)
        status = aip__error_errno(err, errno, "cannot stat");
    else if (now.st_dev != before->st_dev || now.st_ino != before->st_ino)
        what = "it is another file";
    else if (f->windowed)
        what = now.st_size < f->start + f->size ? "it is shorter" : NULL;
    else if (S_ISREG(now.st_mode) && now.st_size != before->st_size)
        what = "its size is another";
    else if (S_ISREG(now.st_mode)
             && (now.st_mtim.tv_sec != before->st_mtim.tv_sec || now.st_mtim.tv_nsec != before->st_mtim.tv_nsec))
        what = "it was written to";
    if (what) status = aip__error_set(err, AIP_E_CHANGED, "the file changed while it was in use: %s", what);
    if (status != AIP_OK) aip__error_at_source(err, f->path);
    return status;
}

void aip__file_close(aip__file *f) {
    if (!f->ctx) return;
    if (f->fd >= 0) f->ctx->io->close(f->fd);
    aip__free(f->ctx, f->path);
    *f = (aip__file){.fd = -1};
}

int32_t aip__file_load(aip_context *ctx, const char *path, size_t limit, char **bytes, size_t *n, aip_error **err) {
    aip__file f = {.fd = -1};
    char *text = NULL;
    size_t capacity = 0, have = 0, got = 0;
    if (limit > (size_t)PTRDIFF_MAX) limit = (size_t)PTRDIFF_MAX;
    AIP__TRY(aip__file_open(ctx, path, &f, err));
    int32_t status = AIP_OK;
    size_t want = f.size > 0 && (uint64_t)f.size < limit ? (size_t)f.size : 0;
    do { /* one byte more than is expected, to see the end */
        if (want < have + 4096) want = have + 4096;
        if (want > limit) want = limit;
        if (aip__grow(ctx, &text, &capacity, want + 2, 1) != 0) {
            status = aip__error_memory(ctx, err);
            goto cleanup;
        }
        size_t room = capacity - 1 - have;
        if (room > limit + 1 - have) room = limit + 1 - have;
        status = aip__file_read(&f, text + have, room, (int64_t)have, &got, err);
        if (status != AIP_OK) goto cleanup;
        have += got;
        if (have > limit) {
            status = aip__error_set(err, AIP_E_DATA, "too large: expected at most %zu bytes", limit);
            goto cleanup;
        }
        if (got < room) break;
    } while (true);
    text[have] = 0;
    *bytes = text;
    *n = have;
    text = NULL;
cleanup:
    aip__error_at_source(err, path);
    aip__free(ctx, text);
    aip__file_close(&f);
    return status;
}

/* ---- locks -------------------------------------------------------------------------------------------------------------------- */

int32_t aip__file_lock(aip_context *ctx, const char *path, int *fd, aip_error **err) {
    int status = 0, opened = open_retry(ctx, path, O_RDWR | O_CREAT, 0666);
    if (opened >= 0) {
        do { status = ctx->io->lock(opened); } while (status != 0 && errno == EINTR);
        if (status == 0 || errno == EWOULDBLOCK) {
            if (status != 0) ctx->io->close(opened);
            *fd = status == 0 ? opened : -1;
            return AIP_OK;
        }
    }
    int32_t failed = aip__error_errno(err, errno, opened < 0 ? "cannot open" : "cannot lock");
    aip__error_at_source(err, path);
    if (opened >= 0) ctx->io->close(opened);
    return failed;
}

void aip__file_unlock(aip_context *ctx, int fd) {
    if (fd >= 0) ctx->io->close(fd);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static int32_t out_error(const aip__file_out *f, const char *what, aip_error **err) {
    int32_t status = aip__error_errno(err, errno, "cannot %s", what);
    aip__error_at_source(err, f->path);
    return status;
}

/* The length of the folder part of a path, with its slash; 0 for a bare name. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Creates a file beside the target under a name that is nobody else's. */
static int32_t open_temporary(aip__file_out *f, mode_t mode, aip_error **err) {
    static _Atomic(uint32_t) counter;
    size_t folder = folder_length(f->path), base = strlen(f->path) - folder, room = folder + TEMPORARY_BASE_MAX + 48;
    if (base > TEMPORARY_BASE_MAX) base = TEMPORARY_BASE_MAX;
    char *name = aip__alloc(f->ctx, room);
    if (!name) return aip__error_memory(f->ctx, err);
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        snprintf(name, room, "%.*s.%.*s.%ld-%u.tmp", (int)folder, f->path, (int)base, f->path + folder, (long)getpid(),
                 (unsigned)atomic_fetch_add(&counter, 1));
        f->fd = open_retry(f->ctx, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        if (f->fd >= 0 || errno != EEXIST) break;
    }
    if (f->fd < 0) {
        int32_t status = out_error(f, "create a temporary file beside it", err);
        aip__free(f->ctx, name);
        return status;
    }
    f->temporary = name;
    return AIP_OK;
}

static int32_t create(aip__file_out *f, const char *path, aip_error **err) {
    struct stat target;
    bool there = f->ctx->io->stat(path, &target) == 0;
    if (!there && errno != ENOENT) {
        int32_t status = aip__error_errno(err, errno, "cannot write");
        aip__error_at_source(err, path);
        return status;
    }
    if (there && S_ISDIR(target.st_mode)) {
        int32_t status = aip__error_set(err, AIP_E_IO, "cannot write: it is a folder");
        aip__error_at_source(err, path);
        return status;
    }
    char resolved[PATH_MAX];
    bool plain = !there || S_ISREG(target.st_mode);
    if (there && plain && !f->ctx->io->realpath(path, resolved)) { /* without it a link would be replaced, not its target */
        int32_t status = aip__error_errno(err, errno, "cannot resolve the path");
        aip__error_at_source(err, path);
        return status;
    }
    if (there && plain) path = resolved;
    f->path = aip__strdup(f->ctx, path);
    f->buffered = aip__alloc(f->ctx, BUFFER_SIZE);
    if (!f->path || !f->buffered) return aip__error_memory(f->ctx, err);
    if (!plain) {
        f->fd = open_retry(f->ctx, path, O_WRONLY, 0);
        return f->fd < 0 ? out_error(f, "open", err) : AIP_OK;
    }
    mode_t mode = there ? target.st_mode & 0777 : 0666;
    AIP__TRY(open_temporary(f, mode, err));
    struct stat made;
    if (there && f->ctx->io->fstat(f->fd, &made) != 0) return out_error(f, "stat its temporary file", err);
    if (there && (made.st_mode & 0777) != mode && f->ctx->io->fchmod(f->fd, mode) != 0)
        return out_error(f, "keep its permissions", err);
    return AIP_OK;
}

int32_t aip__file_create(aip_context *ctx, const char *path, aip__file_out *out, aip_error **err) {
    aip__file_out f = {.ctx = ctx, .fd = -1};
    int32_t status = create(&f, path, err);
    if (status != AIP_OK) {
        aip__file_abandon(&f);
        return status;
    }
    *out = f;
    return AIP_OK;
}

static int32_t write_all(aip__file_out *f, const char *bytes, size_t n, aip_error **err) {
    while (n > 0) {
        ssize_t r = f->ctx->io->write(f->fd, bytes, n < SSIZE_MAX ? n : SSIZE_MAX);
        if (r < 0 && errno == EINTR) continue;
        if (r == 0) errno = EIO;
        if (r <= 0) {
            f->failed = true;
            return out_error(f, "write", err);
        }
        bytes += r;
        n -= (size_t)r;
    }
    return AIP_OK;
}

static int32_t flush(aip__file_out *f, aip_error **err) {
    size_t n = f->n_buffered;
    f->n_buffered = 0;
    return write_all(f, f->buffered, n, err);
}

int32_t aip__file_write(aip__file_out *f, const void *bytes, size_t n, aip_error **err) {
    if (f->fd < 0) return aip__error_set(err, AIP_E_STATE, "the file being written is already closed");
    if (n > BUFFER_SIZE - f->n_buffered) AIP__TRY(flush(f, err));
    if (n >= BUFFER_SIZE) {
        AIP__TRY(write_all(f, bytes, n, err));
    } else if (n > 0) {
        memcpy(f->buffered + f->n_buffered, bytes, n);
        f->n_buffered += n;
    }
    f->written += (int64_t)n;
    return AIP_OK;
}

int32_t aip__file_write_parts(aip__file_out *f, struct iovec *parts, size_t n, aip_error **err) {
    if (f->fd < 0) return aip__error_set(err, AIP_E_STATE, "the file being written is already closed");
    AIP__TRY(flush(f, err));
    for (size_t at = 0; at < n;) {
        ssize_t r = f->ctx->io->writev(f->fd, parts + at, (int)(n - at < MAX_PARTS ? n - at : MAX_PARTS));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) {
            f->failed = true;
            return out_error(f, "write", err);
        }
        size_t left = (size_t)r;
        f->written += r;
        for (; at < n && left >= parts[at].iov_len; at++) left -= parts[at].iov_len;
        if (at < n && r == 0) {
            f->failed = true;
            errno = EIO;
            return out_error(f, "write", err);
        }
        if (left > 0) parts[at] = (struct iovec){(char *)parts[at].iov_base + left, parts[at].iov_len - left};
    }
    return AIP_OK;
}

/* Makes the rename durable. Some file systems cannot sync a folder and say EINVAL: then there is nothing to do. */
static int32_t sync_folder(aip__file_out *f, aip_error **err) {
    size_t n = folder_length(f->path);
    char *folder = aip__strndup(f->ctx, n ? f->path : ".", n ? n : 1);
    if (!folder) return aip__error_memory(f->ctx, err);
    int fd = open_retry(f->ctx, folder, O_RDONLY | O_DIRECTORY, 0);
    int32_t status = AIP_OK;
    if (fd < 0 || (fsync_retry(f->ctx, fd) != 0 && errno != EINVAL))
        status = out_error(f, "make its folder durable (the file itself is written)", err);
    if (fd >= 0) f->ctx->io->close(fd);
    aip__free(f->ctx, folder);
    return status;
}

int32_t aip__file_commit(aip__file_out *f, aip_error **err) {
    if (f->fd < 0) return aip__error_set(err, AIP_E_STATE, "the file being written is already closed");
    int32_t status =
        f->failed ? aip__error_set(err, AIP_E_STATE, "'%s' cannot be committed: a write to it failed", f->path) : flush(f, err);
    if (status == AIP_OK && f->temporary && fsync_retry(f->ctx, f->fd) != 0) status = out_error(f, "make it durable", err);
    if (status == AIP_OK) {
        int fd = f->fd;
        f->fd = -1;
        if (f->ctx->io->close(fd) != 0 && errno != EINTR) status = out_error(f, "close", err);
    }
    if (status == AIP_OK && f->temporary) {
        if (f->ctx->io->rename(f->temporary, f->path) != 0) {
            status = out_error(f, "replace it", err);
        } else {
            aip__free(f->ctx, f->temporary);
            f->temporary = NULL;
            status = sync_folder(f, err);
        }
    }
    aip__file_abandon(f);
    return status;
}

void aip__file_abandon(aip__file_out *f) {
    if (!f->ctx) return;
    if (f->fd >= 0) f->ctx->io->close(f->fd);
    if (f->temporary) f->ctx->io->unlink(f->temporary);
    aip__free(f->ctx, f->temporary);
    aip__free(f->ctx, f->path);
    aip__free(f->ctx, f->buffered);
    *f = (aip__file_out){.fd = -1};
}

static _Thread_local int unlisted; /* errno of the folder that glob could not list */

/* A folder that may not be read, or is none, has no files for us; what else hides files must not pass for none. */
static int glob_error(const char *path, int why) {
    (void)path;
    unlisted = why;
    return why != EACCES && why != ENOENT && why != ENOTDIR && why != ELOOP && why != ENAMETOOLONG;
}

int32_t aip__glob(aip_context *ctx, const char *pattern, glob_t *found, aip_error **err) {
    *found = (glob_t){0};
    unlisted = 0;
    int result = ctx->io->glob(pattern, GLOB_NOSORT, glob_error, found);
    if (result == 0 || result == GLOB_NOMATCH) return AIP_OK;
    if (result == GLOB_NOSPACE || unlisted == ENOMEM) return aip__error_nomem(err);
    if (unlisted) return aip__error_errno(err, unlisted, "cannot list the files of the pattern '%s'", pattern);
    return aip__error_set(err, AIP_E_IO, "cannot list the files of the pattern '%s'", pattern);
}

int32_t aip__path_exists(aip_context *ctx, const char *path, bool *there, aip_error **err) {
    struct stat st;
    *there = ctx->io->stat(path, &st) == 0;
    if (*there || errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return AIP_OK;
    int32_t status = aip__error_errno(err, errno, "cannot stat");
    aip__error_at_source(err, path);
    return status;
}

int32_t aip__make_folders(aip_context *ctx, const char *path, aip_error **err) {
    char *folder = aip__strdup(ctx, path);
    if (!folder) return aip__error_memory(ctx, err);
    int32_t status = AIP_OK;
    for (char *slash = strchr(folder + (*folder != 0), '/'); slash && status == AIP_OK; slash = strchr(slash + 1, '/')) {
        struct stat st;
        *slash = 0;
        if (ctx->io->stat(folder, &st) != 0 && ctx->io->mkdir(folder, 0777) != 0 && errno != EEXIST)
            status = aip__error_errno(err, errno, "cannot make the folder '%s'", folder);
        *slash = '/';
    }
    aip__free(ctx, folder);
    return status;
}

char *aip__path_join(aip_context *ctx, const char *dir, const char *path) {
    if (path[0] == '/' || !dir || !dir[0]) return aip__strdup(ctx, path);
    size_t n = strlen(dir), m = strlen(path);
    bool slash = dir[n - 1] != '/';
    char *joined = aip__alloc(ctx, n + slash + m + 1);
    if (!joined) return NULL;
    memcpy(joined, dir, n);
    if (slash) joined[n++] = '/';
    memcpy(joined + n, path, m + 1);
    return joined;
}
