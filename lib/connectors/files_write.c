/* Writing a dataset to a file: one pass, formatted as the batches come, through gzip when the name says so, into a temporary file that takes the
 * target's place only when all of it is on disk. Standard output, pipes and devices are written to as they are. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include "data/scan.h"
#include "formats/gzip/gzip.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_BYTES ((size_t)256 << 10)

typedef struct output {
    aip_context *ctx;
    const char *path;   /* for messages */
    aip__file_out file; /* a regular file ... */
    int fd;             /* ... or -1 or what is written to directly */
    bool owns_fd, atomic;
    aip__gzip *gzip;
    aip__text text, packed;
} output;

static int32_t write_direct(output *o, const char *bytes, size_t n, aip_error **err) {
    while (n > 0) {
        ssize_t w = o->ctx->io->write(o->fd, bytes, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            int32_t status = aip__error_errno(err, errno, "cannot write");
            aip__error_at_source(err, o->path);
            return status;
        }
        bytes += w;
        n -= (size_t)w;
    }
    return AIP_OK;
}

static int32_t put(output *o, const aip__text *t, aip_error **err) {
    if (t->n == 0) return AIP_OK;
    return o->atomic ? aip__file_write(&o->file, t->bytes, t->n, err) : write_direct(o, t->bytes, t->n, err);
}

/* Hands on what has gathered. */
static int32_t flush(output *o, bool last, aip_error **err) {
    if (o->text.failed) return aip__error_memory(o->ctx, err);
    if (!last && o->text.n < FLUSH_BYTES) return AIP_OK;
    if (o->gzip) {
        AIP__TRY(aip__gzip_add(o->gzip, o->text.bytes, o->text.n, last, &o->packed, err));
        AIP__TRY(put(o, &o->packed, err));
        o->packed.n = 0;
    } else {
        AIP__TRY(put(o, &o->text, err));
    }
    o->text.n = 0;
    return AIP_OK;
}

static int32_t output_open(output *o, aip_context *ctx, const char *path, int level, aip_error **err) {
    struct stat st;
    *o = (output){.ctx = ctx, .path = path, .fd = -1};
    aip__text_init(&o->text, ctx);
    aip__text_init(&o->packed, ctx);
    o->file.fd = -1;
    if (level > 0) AIP__TRY(aip__gzip_new(ctx, level, &o->gzip, err));
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

static void output_close(output *o) {
    if (o->atomic) aip__file_abandon(&o->file); /* nothing, after commit */
    if (o->owns_fd) o->ctx->io->close(o->fd);
    aip__gzip_free(o->gzip);
    aip__text_free(&o->text);
    aip__text_free(&o->packed);
}

/* The pass itself. */
static int32_t write_rows(aip_dataset *d, const aip__format_ops *ops, void *writer, output *o, aip__token *token,
                          aip_row_counts *counts, aip_error **err) {
    aip__scan *scan = NULL;
    int32_t status = aip__scan_open(d, token, "write", &scan, err);
    while (status == AIP_OK) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        status = ops->write_batch(writer, batch, &o->text, err);
        aip_batch_free(batch);
        if (status == AIP_OK) status = flush(o, false, err);
    }
    if (status == AIP_OK) aip__scan_counts(scan, counts);
    aip__scan_close(scan);
    return status;
}

static int32_t write_file(aip_dataset *d, const aip__format_ops *ops, const aip_params *params, const char *path,
                          aip__token *token, aip_row_counts *counts, aip_error **err) {
    char extension[16] = "";
    bool gz = false;
    void *writer = NULL;
    output o;
    aip__files_extension(path, extension, &gz);
    int32_t status = output_open(&o, d->ctx, path, gz ? (int)aip_params_int(params, "compression_level") : 0, err);
    if (status == AIP_OK) status = ops->write_begin(d->ctx, params, extension, d->schema, &o.text, &writer, err);
    if (status == AIP_OK) status = write_rows(d, ops, writer, &o, token, counts, err);
    if (status == AIP_OK) status = ops->write_end(writer, &o.text, err);
    if (status == AIP_OK) status = flush(&o, true, err);
    if (status == AIP_OK && o.atomic) status = aip__file_commit(&o.file, err);
    if (writer) ops->write_free(writer);
    output_close(&o);
    return status;
}

int32_t aip__files_write_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                               aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *checked = NULL;
    AIP__TRY(aip__files_params(ctx, false, params, source, base_dir, &format, &checked, err));
    aip__params_free(checked);
    return AIP_OK;
}

int32_t aip__files_write(aip_dataset *dataset, const aip__node *params, const char *source, const char *base_dir,
                         aip__token *token, aip_row_counts *counts, aip_error **err) {
    aip_context *ctx = dataset->ctx;
    const aip_descriptor *format = NULL;
    aip_params *checked = NULL;
    aip_row_counts counted = AIP_ROW_COUNTS_INIT;
    AIP__TRY(aip__files_params(ctx, false, params, source, base_dir, &format, &checked, err));
    const char *given = aip_params_string(checked, "path");
    char *path = strcmp(given, "-") == 0 ? aip__strdup(ctx, given) : aip__path_join(ctx, base_dir, given);
    int32_t status = path ? write_file(dataset, format->ops, checked, path, token, &counted, err) : aip__error_memory(ctx, err);
    aip__free(ctx, path);
    aip__params_free(checked);
    if (status == AIP_E_PARAM) aip__error_at_source(err, source);
    if (status == AIP_OK && counts) *counts = counted;
    return status;
}
