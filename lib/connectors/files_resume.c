/* Reading on from a checkpoint. Each file's new part is settled when the dataset is made, so that every pass over it gives the same rows however the
 * files grow meanwhile: from where the last output ended to behind the last whole record that is there now. A file is known again by its place and
 * by digests of its first and its last bytes before that point; compressed files are read whole or not at all. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/hash.h"
#include "base/memory.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PRINT_BYTES ((int64_t)64 << 10)

/* ---- digests ------------------------------------------------------------------------------------------------------------------------------- */

static int32_t print(aip__file *file, int64_t from, int64_t n, char out[AIP__PRINT_BYTES], aip_error **err) {
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    size_t got = 0;
    aip__sha256 s;
    uint8_t *bytes = aip__alloc(file->ctx, (size_t)n + 1);
    if (!bytes) return aip__error_memory(file->ctx, err);
    int32_t status = aip__file_read(file, bytes, (size_t)n, from, &got, err);
    aip__sha256_init(&s);
    aip__sha256_add(&s, bytes, got);
    aip__sha256_end(&s, digest);
    aip__free(file->ctx, bytes);
    for (int i = 0; i < 32; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = 0;
    return status;
}

/* Of the file's bytes before `end`. */
static int32_t prints(aip__file *file, int64_t end, aip__checkpoint_file *out, aip_error **err) {
    int64_t n = end < PRINT_BYTES ? end : PRINT_BYTES;
    AIP__TRY(print(file, 0, n, out->head, err));
    return print(file, end - n, n, out->tail, err);
}

static int32_t changed(const aip__files *f, const aip__files_entry *e, const aip__checkpoint_file *known, const char *what,
                       aip_error **err) {
    char read_to[48] = "";
    if (known->offset >= 0) snprintf(read_to, sizeof read_to, " to byte %lld", (long long)known->offset);
    aip__error_set(
        err, AIP_E_CHANGED,
        "%s since it was read%s: %s (remove checkpoint '%s' and the outputs written with it to read all files from their "
        "starts, or give the new file another name)",
        what, read_to,
        known->offset >= 0 ? "a checkpoint goes on in files that only grow" : "a compressed file is read once, whole",
        aip__checkpoint_path(f->checkpoint));
    aip__error_at_source(err, e->path);
    return AIP_E_CHANGED;
}

/* Whether the file is still what it was, as far as it was read. */
static int32_t check_known(const aip__files *f, const aip__files_entry *e, aip__file *file, const aip__checkpoint_file *known,
                           bool packed, aip_error **err) {
    aip__checkpoint_file now = {0};
    int64_t end = packed ? known->size : known->offset;
    if (packed != (known->offset < 0)) return changed(f, e, known, "it was replaced by another kind of file", err);
    if (file->size < end) return changed(f, e, known, "it shrank", err);
    if (packed && file->size != end) return changed(f, e, known, "it grew", err);
    AIP__TRY(prints(file, end, &now, err));
    if (strcmp(now.head, known->head) != 0 || strcmp(now.tail, known->tail) != 0)
        return changed(f, e, known, "its bytes were changed", err);
    return AIP_OK;
}

/* ---- a file's new part ------------------------------------------------------------------------------------------------------------------------- */

/* Whole records of [from, its end). */
static int32_t measure(aip__files *f, aip__files_entry *e, aip__file *file, int64_t *lines, aip_error **err) {
    aip__stream *stream = NULL;
    int64_t bytes = 0;
    char before = 0;
    size_t got = 1;
    aip__file_window(file, e->from > 0 ? e->from - 1 : 0, file->size);
    AIP__TRY(aip__stream_file(f->ctx, file, &stream, err));
    int32_t status = e->from > 0 ? aip__stream_read(stream, &before, 1, &got, err) : AIP_OK;
    if (status == AIP_OK) status = f->ops->whole(f->format, stream, e->path, e->from == 0, &bytes, lines, err);
    if (status != AIP_OK && e->from > 0) aip__error_at_offset(err, e->from); /* from there on */
    aip__stream_close(stream);
    e->to = e->from + bytes;
    return status;
}

static int32_t is_packed(aip__files *f, const aip__files_entry *e, aip__file *file, bool *packed, aip_error **err) {
    aip__stream *stream = NULL;
    int32_t status = aip__stream_file(f->ctx, file, &stream, err);
    if (status == AIP_OK) aip__stream_begin_only(stream);
    if (status == AIP_OK) *packed = aip__stream_packing(stream) != AIP__PACKING_NONE;
    aip__stream_close(stream);
    aip__error_at_source(err, e->path);
    return status;
}

static int32_t settle(aip__files *f, aip__files_entry *e, aip__file *file, const char *real, aip_error **err) {
    const aip__checkpoint_file *known = aip__checkpoint_find(f->checkpoint, real);
    const struct stat *st = &file->opened;
    bool packed = false;
    int64_t lines = 0;
    aip__checkpoint_file next = {.path = (char *)(uintptr_t)real,
                                 .size = file->size,
                                 .modified = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                                 .offset = -1};
    e->opened = *st;
    e->size = 0;
    e->skip = known && known->size == next.size && known->modified == next.modified;
    if (e->skip) return AIP_OK;
    AIP__TRY(is_packed(f, e, file, &packed, err));
    if (known) AIP__TRY(check_known(f, e, file, known, packed, err));
    if (packed) {
        e->skip = known != NULL;
        e->whole = true;
        e->size = file->size;
        AIP__TRY(prints(file, file->size, &next, err));
        return e->skip ? AIP_OK : aip__checkpoint_advance(f->checkpoint, &next, err);
    }
    e->from = known ? known->offset : 0;
    e->from_line = known ? known->line : 1;
    AIP__TRY(measure(f, e, file, &lines, err)); /* the file is a window from here on */
    e->skip = e->to == e->from;
    e->size = e->to - e->from;
    if (e->skip) return AIP_OK;
    next.offset = e->to;
    next.line = e->from_line + lines;
    aip__file_window(file, 0, e->to);
    AIP__TRY(prints(file, e->to, &next, err));
    return aip__checkpoint_advance(f->checkpoint, &next, err);
}

static int32_t look(aip__files *f, aip__files_entry *e, aip_error **err) {
    aip__file file = {.fd = -1};
    struct stat st;
    if (f->ctx->io->stat(e->path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        aip__error_set(err, AIP_E_PARAM,
                       "checkpoint: expected files, found something that is none: it has no place to go on from");
        aip__error_at_source(err, e->path);
        return AIP_E_PARAM;
    }
    AIP__TRY(aip__file_open(f->ctx, e->path, &file, err));
    char place[PATH_MAX], *real = f->ctx->io->realpath(e->path, place);
    int32_t status = real ? settle(f, e, &file, real, err) : aip__error_errno(err, errno, "cannot find the place");
    aip__file_close(&file);
    aip__error_at_source(err, e->path);
    return status;
}

int32_t aip__files_resume(aip__files *f, aip_error **err) {
    if (!f->ops->whole || !f->ops->resume) {
        aip__error_set(err, AIP_E_PARAM, "checkpoint: a file of this format cannot be gone on with");
        aip__error_at_parameter(err, "checkpoint");
        return AIP_E_PARAM;
    }
    if (f->ops->fix) AIP__TRY(f->ops->fix(f->format, err));
    for (int32_t i = 0; i < f->n; i++) AIP__TRY(look(f, &f->entries[i], err));
    return AIP_OK;
}

void aip__files_resume_report(const aip__files *f, aip__text *t) {
    if (!f->checkpoint) return;
    const char *path = aip__checkpoint_path(f->checkpoint);
    aip__text_str(t, ",\"checkpoint\":{\"path\":");
    aip__text_json(t, path, strlen(path));
    aip__text_printf(t, ",\"output\":%lld,\"new\":%s", (long long)aip__checkpoint_sequence(f->checkpoint),
                     aip__checkpoint_moved(f->checkpoint) ? "true" : "false");
    const char *written = aip__checkpoint_written(f->checkpoint);
    if (written) aip__text_str(t, ",\"written\":");
    if (written) aip__text_json(t, written, strlen(written));
    aip__text_char(t, '}');
}
