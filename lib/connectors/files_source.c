/* Files as the source of a dataset: one after the other, cut by the format's reader; rejects gathered in order; each file checked to be what it was
 * when the dataset was made, at its start and at its end. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

typedef aip__files_pass pass;
typedef aip__files_item files_item;

/* ---- files and streams ------------------------------------------------------------------------------------------------------------------------ */

/* Pipes are opened once, at the first look; what that saw comes again when the pass reads. */
static int32_t pipe_stream(aip__files *f, aip__files_entry *e, bool sampling, aip__stream **out, aip_error **err) {
    if (aip__context_generation(f->ctx) != f->generation)
        return aip__error_set(err, AIP_E_FORKED, "this pipe was opened before the process forked");
    if (sampling) AIP__TRY(aip__file_open(f->ctx, e->path, &e->pipe, err));
    return aip__stream_pipe(f->ctx, &e->pipe, &e->seen, !sampling, out, err);
}

/* Other bytes under the name of a compressed file are damage, or a name that misleads; nothing at all is an empty file, as it is without .gz. */
static int32_t check_packing(const aip__files_entry *e, const aip__stream *stream, aip_error **err) {
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    aip__files_extension(e->path, extension, &packing);
    if (packing == AIP__PACKING_NONE || aip__stream_packing(stream) == packing || aip__stream_is_empty(stream)) return AIP_OK;
    return aip__error_set(err, AIP_E_CORRUPT,
                          "the name ends in %s, but the content is not %s (expected its first bytes to be %s)",
                          packing == AIP__PACKING_GZIP ? ".gz" : ".zst", packing == AIP__PACKING_GZIP ? "gzip" : "zstd",
                          packing == AIP__PACKING_GZIP ? "1f 8b" : "28 b5 2f fd");
}

int32_t aip__files_stream(aip__files *f, int32_t i, bool sampling, aip__file *file, aip__stream **out, aip_error **err) {
    aip__files_entry *e = &f->entries[i];
    struct stat st;
    int32_t status = AIP_OK;
    aip__stream *stream = NULL;
    bool regular =
        f->ctx->io->stat(e->path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode); /* opening says what is wrong */
    if (e->pipe.ctx || !regular) {
        status = pipe_stream(f, e, sampling, &stream, err);
    } else {
        AIP__TRY(aip__file_open(f->ctx, e->path, file, err));
        if (f->checkpoint) { /* its part was settled before */
            if (!e->whole) aip__file_window(file, 0, e->to);
            status = aip__file_check_unchanged(file, &e->opened, err);
        } else if (sampling) {
            e->opened = file->opened;
            e->size = file->size;
        } else {
            status = aip__file_check_unchanged(file, &e->opened, err);
        }
        if (status == AIP_OK) status = aip__stream_file(f->ctx, file, &stream, err);
    }
    if (status == AIP_OK && sampling) aip__stream_begin_only(stream);
    if (status == AIP_OK) status = check_packing(e, stream, err);
    if (status != AIP_OK) {
        aip__stream_close(stream);
        aip__file_close(file);
        aip__error_at_source(err, e->path);
        return status;
    }
    *out = stream;
    return AIP_OK;
}

static void leave_header(pass *p) {
    aip__stream_close(p->header_stream);
    aip__file_close(&p->header);
    p->header_stream = NULL;
}

/* The new part of a file. The byte before it, a line feed, is read first, so that nothing is taken for gzip. */
static int32_t open_part(pass *p, aip_error **err) {
    const aip__files_entry *e = &p->f->entries[p->at];
    char before = 0;
    size_t got = 0;
    AIP__TRY(aip__file_open(p->f->ctx, e->path, &p->file, err));
    aip__file_window(&p->file, e->from - 1, e->to);
    AIP__TRY(aip__file_check_unchanged(&p->file, &e->opened, err));
    AIP__TRY(aip__stream_file(p->f->ctx, &p->file, &p->stream, err));
    AIP__TRY(aip__stream_read(p->stream, &before, 1, &got, err));
    if (got == 1 && before == '\n') return AIP_OK;
    aip__error_set(err, AIP_E_CHANGED,
                   "the file changed while it was in use: no line ends before byte %lld, to where it was read",
                   (long long)e->from);
    aip__error_at_source(err, e->path);
    return AIP_E_CHANGED;
}

static int32_t open_next(pass *p, aip_error **err) {
    aip__files *f = p->f;
    const aip__files_entry *e = &f->entries[p->at];
    void **reader = &p->readers[p->at];
    p->consumed = 0;
    if (e->from == 0) {
        AIP__TRY(aip__files_stream(f, p->at, false, &p->file, &p->stream, err));
        return f->ops->open(f->format, p->stream, e->path, f->inner, f->from, reader, err);
    }
    AIP__TRY(aip__files_stream(f, p->at, false, &p->header, &p->header_stream, err));
    AIP__TRY(f->ops->open(f->format, p->header_stream, e->path, f->inner, f->from, reader, err));
    AIP__TRY(open_part(p, err));
    AIP__TRY(f->ops->resume(*reader, p->stream, e->from, e->from_line, err));
    leave_header(p);
    return AIP_OK;
}

/* From now on the stream may be undone ahead of its reader; NULL: no longer. Waits while one block is being undone. */
static void set_ahead(pass *p, aip__stream *stream) {
    pthread_mutex_lock(&p->ahead_lock);
    p->ahead = stream;
    pthread_mutex_unlock(&p->ahead_lock);
}

static void leave_file(pass *p) {
    set_ahead(p, NULL);
    if (p->readers && p->at < p->f->n && p->readers[p->at]) p->f->ops->end_reading(p->readers[p->at]);
    leave_header(p);
    aip__stream_close(p->stream);
    aip__file_close(&p->file);
    p->stream = NULL;
}

/* ---- source -------------------------------------------------------------------------------------------------------------------------------------- */

void aip__files_pass_close(void *cursor) {
    pass *p = cursor;
    if (!p) return;
    aip_context *ctx = p->f->ctx;
    leave_file(p);
    for (int32_t i = 0; p->readers && i < p->f->n; i++)
        if (p->readers[i]) p->f->ops->close(p->readers[i]);
    aip__free(ctx, p->readers);
    aip__rejects_free(p->rejects);
    aip__rejects_file_free(p->rejects_file);
    aip__free(ctx, p->first_reject);
    aip__unknown_fields_free(ctx, &p->unknown);
    pthread_mutex_destroy(&p->ahead_lock);
    aip__free(ctx, p);
}

int32_t aip__files_pass_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    aip__files *f = self;
    (void)token;
    pass *p = aip__calloc(f->ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(f->ctx, err);
    p->f = f;
    p->file.fd = p->header.fd = -1;
    pthread_mutex_init(&p->ahead_lock, NULL);
    p->readers = aip__calloc(f->ctx, (size_t)f->n, sizeof *p->readers);
    int32_t status = p->readers ? aip__rejects_new(f->ctx, &p->rejects, err) : aip__error_memory(f->ctx, err);
    if (status != AIP_OK) {
        aip__files_pass_close(p);
        return status;
    }
    *cursor = p;
    return AIP_OK;
}

static int32_t rows_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    aip__files *f = self;
    void *made = NULL;
    AIP__TRY(aip__files_pass_open(f, token, &made, err));
    if (f->rejects_path) {
        int32_t status = aip__rejects_file_open(f->ctx, f->rejects_path, &((pass *)made)->rejects_file, err);
        if (status != AIP_OK) {
            aip__files_pass_close(made);
            return status;
        }
    }
    *cursor = made;
    return AIP_OK;
}

int32_t aip__files_pass_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    pass *p = cursor;
    aip__files *f = p->f;
    aip__item inner = {0};
    for (;;) {
        bool ended = false;
        while (p->at < f->n && f->entries[p->at].skip) p->at++;
        if (p->at == f->n) {
            *end = true;
            return AIP_OK;
        }
        if (!p->stream) {
            AIP__TRY(open_next(p, err));
            aip__stream_in_blocks(p->stream); /* not before the header is read, by which the size of buffers is chosen */
            set_ahead(p, p->stream);
        }
        AIP__TRY(f->ops->next(p->readers[p->at], &inner, &ended, err));
        if (!ended) break;
        if (p->file.ctx) AIP__TRY(aip__file_check_unchanged(&p->file, &f->entries[p->at].opened, err));
        leave_file(p);
        p->at++;
    }
    files_item *mine = aip__alloc(f->ctx, sizeof *mine);
    if (!mine) {
        f->ops->item_free(p->readers[p->at], &inner);
        return aip__error_memory(f->ctx, err);
    }
    *mine = (files_item){.inner = inner, .file = p->at};
    int64_t consumed = aip__stream_consumed(p->stream);
    *item = (aip__item){.data = mine, .bytes = consumed - p->consumed, .memory = inner.memory};
    p->consumed = consumed;
    return AIP_OK;
}

bool aip__files_pass_ahead(void *cursor) {
    pass *p = cursor;
    pthread_mutex_lock(&p->ahead_lock);
    bool did = p->ahead && aip__stream_ahead(p->ahead);
    pthread_mutex_unlock(&p->ahead_lock);
    return did;
}

bool aip__files_pass_ready(void *cursor) {
    const pass *p = cursor;
    return !p->stream || aip__stream_ready(p->stream);
}

void aip__files_pass_item_free(void *cursor, aip__item *item) {
    pass *p = cursor;
    files_item *mine = item->data;
    if (!mine) return;
    p->f->ops->item_free(p->readers[mine->file], &mine->inner);
    aip__free(p->f->ctx, mine);
    item->data = NULL;
}

static int32_t path_column(aip__files *f, int32_t file, int64_t n, aip__column **out, aip_error **err) {
    aip__utf8_builder b = {0};
    aip__column *texts = NULL;
    const char *path = f->entries[file].path;
    AIP__TRY(aip__utf8_begin(&b, f->ctx, AIP_UTF8, 1, strlen(path), err));
    int32_t status = aip__utf8_add(&b, path, strlen(path), err), *codes = NULL;
    if (status == AIP_OK)
        status = aip__utf8_end(&b, &texts, err);
    else
        aip__utf8_abandon(&b);
    if (status != AIP_OK) return status;
    codes = aip__calloc(f->ctx, (size_t)n + 1, sizeof *codes);
    status = codes ? aip__column_dictionary(f->ctx, codes, n, texts, out, err) : aip__error_memory(f->ctx, err);
    aip__free(f->ctx, codes);
    aip__column_free(texts);
    return status;
}

/* The batch with the column that names its file. Takes b over. */
static int32_t with_path(aip__files *f, int32_t file, aip_batch *b, aip_batch **out, aip_error **err) {
    aip__column *path = NULL, **columns = NULL;
    int32_t status = path_column(f, file, b->n_rows, &path, err);
    if (status == AIP_OK) {
        columns = aip__calloc(f->ctx, (size_t)b->n_columns + 1, sizeof *columns);
        if (!columns) {
            aip__column_free(path);
            status = aip__error_memory(f->ctx, err);
        }
    }
    if (status == AIP_OK) {
        for (int32_t i = 0; i < b->n_columns; i++) columns[i] = aip__column_retain(b->columns[i]);
        columns[b->n_columns] = path;
        status = aip__batch_new(f->outer, b->n_rows, columns, out, err); /* takes the columns */
    }
    aip__free(f->ctx, columns);
    aip_batch_free(b);
    return status;
}

static int32_t pass_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    pass *p = cursor;
    aip__files *f = p->f;
    const files_item *mine = item->data;
    aip__decoded d = {0};
    AIP__TRY(f->ops->decode(p->readers[mine->file], &mine->inner, &d, err));
    if (f->include_path && d.batch) {
        aip_batch *batch = NULL;
        int32_t status = with_path(f, mine->file, d.batch, &batch, err);
        if (status != AIP_OK) {
            aip__bad_rows_free(f->ctx, d.rejects);
            return status;
        }
        d.batch = batch;
    }
    *out = d;
    return AIP_OK;
}

static int32_t too_many(const pass *p, aip_error **err) {
    double limit = p->f->max_rejects;
    char allowed[64];
    if (limit < 1)
        snprintf(allowed, sizeof allowed, "a fraction of %g", limit);
    else
        snprintf(allowed, sizeof allowed, "%.0f", limit);
    return aip__error_set(err, AIP_E_DATA, "%lld of %lld row%s %s rejected, more than max_rejects allows (%s); the first: %s",
                          (long long)p->n_rejected, (long long)p->n_records, aip__plural(p->n_records),
                          p->n_rejected == 1 ? "is" : "are", allowed, p->first_reject ? p->first_reject : "");
}

static int32_t pass_account(void *cursor, aip__decoded *decoded, aip_error **err) {
    pass *p = cursor;
    aip__bad_rows *bad = decoded->rejects;
    int32_t status = AIP_OK;
    p->n_records += decoded->n_records;
    p->n_rejected += decoded->n_rejected;
    decoded->rejects = NULL;
    int64_t n_told = bad && bad->rejects ? aip__rejects_count(bad->rejects) : 0;
    if (n_told != decoded->n_rejected) {
        aip__bad_rows_free(p->f->ctx, bad);
        return aip__error_set(err, AIP_E_INTERNAL,
                              "rejects are not accounted for: of an item %lld rows were rejected, %lld were told of",
                              (long long)decoded->n_rejected, (long long)n_told);
    }
    if (!bad) return AIP_OK;
    p->n_nulled += bad->n_nulled;
    p->n_padded += bad->n_padded;
    p->n_unknown += bad->n_unknown;
    p->n_duplicates += bad->n_duplicates;
    if (!p->unknown.first) {
        p->unknown.first = bad->unknown.first;
        bad->unknown.first = NULL;
    }
    for (int32_t i = 0; i < bad->unknown.n && status == AIP_OK; i++)
        status = aip__unknown_fields_add(p->f->ctx, &p->unknown, bad->unknown.names[i], err);
    if (!p->first_reject) {
        p->first_reject = bad->first;
        bad->first = NULL;
    }
    if (status == AIP_OK && bad->rejects && p->rejects_file) status = aip__rejects_file_add(p->rejects_file, bad->rejects, err);
    if (bad->rejects && status == AIP_OK) {
        status = aip__rejects_append(p->rejects, bad->rejects, AIP__MAX_KEPT_REJECTS, err);
        bad->rejects = NULL;
    }
    aip__bad_rows_free(p->f->ctx, bad);
    if (status == AIP_OK && p->f->max_rejects >= 1 && (double)p->n_rejected > p->f->max_rejects) status = too_many(p, err);
    return status;
}

/* What was changed or left out of rows that are read. */
static int32_t tell_counts(const pass *p, aip_error **err) {
    aip_context *ctx = p->f->ctx;
    const char *path = p->f->entries[0].path;
    aip__text names;
    aip__text_init(&names, ctx);
    aip__unknown_fields_text(&p->unknown, &names);
    bool failed = names.failed;
    if (p->n_nulled > 0)
        aip__log(ctx, AIP_LOG_WARNING, NULL, "%s: %lld cell%s that did not parse became null", path, (long long)p->n_nulled,
                 aip__plural(p->n_nulled));
    if (p->n_padded > 0)
        aip__log(ctx, AIP_LOG_WARNING, NULL, "%s: %lld short row%s filled up with nulls", path, (long long)p->n_padded,
                 p->n_padded == 1 ? " was" : "s were");
    if (p->n_unknown > 0 && !failed)
        aip__log(
            ctx, AIP_LOG_WARNING, NULL,
            "%s: %lld value%s of fields that the first rows did not show %s left out%s%s (set a larger infer_rows, or fields: "
            "[...])",
            path, (long long)p->n_unknown, aip__plural(p->n_unknown), p->n_unknown == 1 ? "is" : "are", names.n > 0 ? ": " : "",
            names.n > 0 ? names.bytes : "");
    if (p->n_duplicates > 0)
        aip__log(ctx, AIP_LOG_WARNING, NULL, "%s: %lld value%s replaced by a later one of the same key", path,
                 (long long)p->n_duplicates, p->n_duplicates == 1 ? " was" : "s were");
    aip__text_free(&names);
    return failed ? aip__error_memory(ctx, err) : AIP_OK;
}

static int32_t pass_finish(void *cursor, aip_error **err) {
    pass *p = cursor;
    aip__files *f = p->f;
    double limit = f->max_rejects;
    aip_dataset *rejects = NULL;
    if (limit >= 0 && limit < 1 && (double)p->n_rejected > limit * (double)p->n_records) return too_many(p, err);
    AIP__TRY(tell_counts(p, err));
    if (p->n_rejected > 0)
        aip__log(f->ctx, AIP_LOG_WARNING, NULL, "%lld of %lld row%s %s rejected; the first: %s", (long long)p->n_rejected,
                 (long long)p->n_records, aip__plural(p->n_records), p->n_rejected == 1 ? "was" : "were", p->first_reject);
    if (p->n_rejected > AIP__MAX_KEPT_REJECTS && !p->rejects_file)
        aip__log(f->ctx, AIP_LOG_WARNING, NULL,
                 "the rejects table holds the first %d of them; rejects: FILE writes all to a file", AIP__MAX_KEPT_REJECTS);
    if (p->rejects_file) AIP__TRY(aip__rejects_file_commit(p->rejects_file, p->n_rejected, err));
    AIP__TRY(aip__rejects_dataset(p->rejects, &rejects, err));
    aip__lock_take(f->ctx, &f->lock);
    aip_dataset *before = f->rejects;
    f->rejects = rejects;
    aip__lock_leave(&f->lock);
    atomic_store(&f->n_rows, p->n_records - p->n_rejected);
    aip_dataset_free(before);
    return AIP_OK;
}

int64_t aip__files_total_bytes(void *self) {
    const aip__files *f = self;
    int64_t total = 0;
    for (int32_t i = 0; i < f->n; i++) {
        if (f->entries[i].size < 0) return -1;
        total += f->entries[i].size;
    }
    return total;
}

static int64_t files_count(void *self) { return atomic_load(&((aip__files *)self)->n_rows); }

static aip_dataset *files_rejects(void *self) {
    aip__files *f = self;
    aip__lock_take(f->ctx, &f->lock);
    aip_dataset *d = f->rejects ? aip__dataset_retain(f->rejects) : NULL;
    aip__lock_leave(&f->lock);
    return d;
}

void aip__files_free(aip__files *f) {
    if (!f) return;
    for (int32_t i = 0; i < f->n; i++) {
        aip__file_close(&f->entries[i].pipe);
        aip__text_free(&f->entries[i].seen);
        aip__free(f->ctx, f->entries[i].path);
    }
    for (int32_t i = 0; f->from && f->from[i]; i++) aip__free(f->ctx, f->from[i]);
    aip__free(f->ctx, f->entries);
    aip__free(f->ctx, f->from);
    aip_schema_free(f->inner);
    aip_schema_free(f->outer);
    if (f->format) f->ops->destroy(f->format);
    aip_dataset_free(f->rejects);
    aip__files_types_free(f);
    aip__free(f->ctx, f->rejects_path);
    aip__checkpoint_free(f->checkpoint);
    aip__lock_destroy(f->ctx, &f->lock);
    aip__free(f->ctx, f);
}

static void files_report(void *self, aip__text *t) {
    aip__files_types_report(self, t);
    aip__files_resume_report(self, t);
}

static void files_destroy(void *self) { aip__files_free(self); }

static const aip__source_ops files_ops = {
    .kind = "files",
    .open = rows_open,
    .next = aip__files_pass_next,
    .ahead = aip__files_pass_ahead,
    .ready = aip__files_pass_ready,
    .decode = pass_decode,
    .item_free = aip__files_pass_item_free,
    .account = pass_account,
    .finish = pass_finish,
    .close = aip__files_pass_close,
    .destroy = files_destroy,
    .total_bytes = aip__files_total_bytes,
    .count = files_count,
    .rejects = files_rejects,
    .report = files_report,
};

/* The files at a dataset's root. */
static const aip__files *files_of(const aip_dataset *d) {
    while (!d->ops) d = d->parent;
    return d->ops == &files_ops ? d->self : NULL;
}

aip__checkpoint *aip__files_checkpoint(const aip_dataset *d) {
    const aip__files *f = files_of(d);
    return f ? f->checkpoint : NULL;
}

const char *aip__files_rejects_path(const aip_dataset *d) {
    const aip__files *f = files_of(d);
    return f ? f->rejects_path : NULL;
}

int32_t aip__files_dataset(aip__files *f, aip_dataset **out, aip_error **err) {
    bool once = false;
    for (int32_t i = 0; i < f->n; i++) once |= f->entries[i].pipe.ctx != NULL;
    return aip__dataset_from_source(f->ctx, f->outer, &files_ops, f, once, out, err);
}
