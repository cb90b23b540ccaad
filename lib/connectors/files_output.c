/* The output of a file (files_output.h). Gzip is deflated by jobs, zstd by the thread that writes, as one frame. */
#include "connectors/files_output.h"

#include "base/context.h"
#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GZIP_LEVEL 4 /* a third of the time of zlib's 6, a tenth more bytes */
#define GZIP_LEVELS 9
#define ZSTD_LEVEL 3

static int32_t write_direct(aip__output *o, const char *bytes, size_t n, aip_error **err) {
    while (n > 0) {
        ssize_t w = o->ctx->io->write(o->fd, bytes, n);
        if (w < 0 && errno == EINTR) continue;
        if (w == 0) errno = EIO;
        if (w <= 0) {
            int32_t status = aip__error_errno(err, errno, "cannot write");
            aip__error_at_source(err, o->path);
            return status;
        }
        bytes += w;
        n -= (size_t)w;
    }
    return AIP_OK;
}

/* As they stand in the file. */
static int32_t put(void *output, const void *bytes, size_t n, aip_error **err) {
    aip__output *o = output;
    if (n == 0) return AIP_OK;
    return o->atomic ? aip__file_write(&o->file, bytes, n, err) : write_direct(o, bytes, n, err);
}

static int32_t open_packer(aip__output *o, aip__packing packing, int level, aip_error **err) {
    if (packing == AIP__PACKING_GZIP && level > GZIP_LEVELS) {
        aip__error_set(err, AIP_E_PARAM, "compression_level: expected 1 to %d for a .gz file, found %d", GZIP_LEVELS, level);
        aip__error_at_parameter(err, "compression_level");
        return AIP_E_PARAM;
    }
    if (packing == AIP__PACKING_GZIP) return aip__gzip_new(o->ctx, level > 0 ? level : GZIP_LEVEL, put, o, &o->gzip, err);
    if (packing == AIP__PACKING_ZSTD) return aip__zstd_new(o->ctx, level > 0 ? level : ZSTD_LEVEL, &o->zstd, err);
    return AIP_OK;
}

int32_t aip__output_open(aip__output *o, aip_context *ctx, const char *path, aip__packing packing, int level, aip_error **err) {
    struct stat st;
    *o = (aip__output){.ctx = ctx, .path = path, .fd = -1, .file = {.fd = -1}};
    aip__text_init(&o->packed, ctx);
    AIP__TRY(open_packer(o, packing, level, err));
    if (strcmp(path, "-") == 0) {
        o->fd = STDOUT_FILENO;
        return AIP_OK;
    }
    if (ctx->io->stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        o->fd = ctx->io->open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
        o->owns_fd = o->fd >= 0;
        if (o->fd >= 0) return AIP_OK;
        int32_t status = aip__error_errno(err, errno, "cannot open");
        aip__error_at_source(err, path);
        return status;
    }
    AIP__TRY(aip__make_folders(ctx, path, err));
    AIP__TRY(aip__file_create(ctx, path, &o->file, err));
    o->atomic = true;
    return AIP_OK;
}

static int32_t put_zstd(aip__output *o, const void *bytes, size_t n, bool last, aip_error **err) {
    AIP__TRY(aip__zstd_add(o->zstd, bytes, n, last, &o->packed, err));
    AIP__TRY(put(o, o->packed.bytes, o->packed.n, err));
    o->packed.n = 0;
    return AIP_OK;
}

int32_t aip__output_write(aip__output *o, const void *bytes, size_t n, aip_error **err) {
    if (n == 0) return AIP_OK;
    return o->gzip ? aip__gzip_add(o->gzip, bytes, n, err) : o->zstd ? put_zstd(o, bytes, n, false, err) : put(o, bytes, n, err);
}

int32_t aip__output_write_parts(aip__output *o, struct iovec *parts, size_t n, aip_error **err) {
    if (o->atomic && !o->gzip && !o->zstd) return aip__file_write_parts(&o->file, parts, n, err);
    for (size_t i = 0; i < n; i++) AIP__TRY(aip__output_write(o, parts[i].iov_base, parts[i].iov_len, err));
    return AIP_OK;
}

int32_t aip__output_finish(aip__output *o, aip_error **err) {
    if (o->gzip) AIP__TRY(aip__gzip_end(o->gzip, err));
    if (o->zstd) AIP__TRY(put_zstd(o, "", 0, true, err));
    return o->atomic ? aip__file_commit(&o->file, err) : AIP_OK;
}

void aip__output_close(aip__output *o) {
    if (!o->ctx) return;
    aip__gzip_free(o->gzip);
    aip__zstd_free(o->zstd);
    if (o->atomic) aip__file_abandon(&o->file); /* nothing, after commit */
    if (o->owns_fd) o->ctx->io->close(o->fd);
    aip__text_free(&o->packed);
}
