/* Writing a dataset to a file: one pass, whose batches become text at the end of their parallel part, on any thread; the texts are written in the
 * order of the rows by the thread that asked. Texts are used again, for fresh memory costs more than formatting does; what a format leaves in a
 * batch's columns is written from there. */
#include "connectors/connection.h"
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include "connectors/files_output.h"
#include "data/scan.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define MAX_SPARE 64

typedef struct formatted { /* a batch */
    aip__text text;
    aip__pieces pieces;
    aip_batch *batch;    /* what the pieces lie in; NULL: there are none */
    struct iovec *parts; /* of one writing */
    size_t capacity;
    aip_error *refused; /* why a row of the batch, the error's line, cannot be written; else NULL */
} formatted;

typedef struct formatting { /* of one pass */
    aip_context *ctx;
    const aip__format_ops *ops;
    const void *writer;
    aip__lock lock; /* of those that wait to be used again */
    formatted *spare[MAX_SPARE];
    int32_t n_spare;
} formatting;

static formatted *take_formatted(formatting *f) {
    formatted *t = NULL;
    aip__lock_take(f->ctx, &f->lock);
    if (f->n_spare > 0) t = f->spare[--f->n_spare];
    aip__lock_leave(&f->lock);
    if (t) return t;
    t = aip__calloc(f->ctx, 1, sizeof *t);
    if (!t) return NULL;
    aip__text_init(&t->text, f->ctx);
    t->pieces.ctx = f->ctx;
    return t;
}

static void free_formatted(aip_context *ctx, formatted *t) {
    aip_error_free(t->refused);
    aip__text_free(&t->text);
    aip__pieces_free(&t->pieces);
    aip__free(ctx, t->parts);
    aip_batch_free(t->batch);
    aip__free(ctx, t);
}

static void give_formatted(void *user, void *given) {
    formatting *f = user;
    formatted *t = given;
    aip_batch_free(t->batch);
    aip_error_free(t->refused);
    t->batch = NULL;
    t->refused = NULL;
    t->text.n = t->pieces.n = 0;
    aip__lock_take(f->ctx, &f->lock);
    bool keep = f->n_spare < MAX_SPARE;
    if (keep) f->spare[f->n_spare++] = t;
    aip__lock_leave(&f->lock);
    if (!keep) free_formatted(f->ctx, t);
}

static int32_t format_batch(void *user, const aip_batch *batch, void **out, aip_error **err) {
    formatting *f = user;
    formatted *t = take_formatted(f);
    if (!t) return aip__error_memory(f->ctx, err);
    aip_error *why = NULL;
    int32_t status = f->ops->write_pieces ? f->ops->write_pieces(f->writer, batch, &t->text, &t->pieces, &why)
                                          : f->ops->write_batch(f->writer, batch, &t->text, &why);
    if (status == AIP_OK && t->text.failed) status = aip__error_memory(f->ctx, &why);
    if (status == AIP_E_DATA && aip_error_line(why) > 0) { /* told when the rows before it are counted */
        t->refused = why;
        status = AIP_OK;
    }
    if (status != AIP_OK) {
        free_formatted(f->ctx, t);
        return aip__error_move(err, why);
    }
    if (t->pieces.n > 0) t->batch = aip__batch_retain(batch);
    *out = t;
    return AIP_OK;
}

static void add_part(formatted *t, size_t *n, const void *bytes, size_t size) {
    if (size > 0) t->parts[(*n)++] = (struct iovec){(void *)(uintptr_t)bytes, size};
}

/* The text, and in it the pieces. */
static int32_t write_formatted(aip__output *o, formatted *t, aip_error **err) {
    size_t at = 0, n = 0;
    if (t->pieces.n == 0) return aip__output_write(o, t->text.bytes, t->text.n, err);
    if (aip__grow(o->ctx, &t->parts, &t->capacity, 2 * t->pieces.n + 1, sizeof *t->parts) != 0)
        return aip__error_memory(o->ctx, err);
    for (size_t i = 0; i < t->pieces.n; i++) {
        const aip__piece *p = &t->pieces.items[i];
        add_part(t, &n, t->text.bytes + at, p->at - at);
        add_part(t, &n, p->bytes, p->n);
        at = p->at;
    }
    add_part(t, &n, t->text.bytes + at, t->text.n - at);
    return aip__output_write_parts(o, t->parts, n, err);
}

/* The row is counted from the first one that is written. */
static int32_t tell_refused(const aip_error *why, int64_t n_before, aip_error **err) {
    const char *column = aip_error_data_column(why);
    int32_t status = aip__error_set(err, aip_error_status(why), "row %lld, %s", (long long)(n_before + aip_error_line(why)),
                                    aip_error_message(why));
    aip__error_at_data_column(err, column);
    return status;
}

/* The pass itself. */
static int32_t write_rows(aip_dataset *d, const aip__format_ops *ops, void *writer, aip__output *o, aip__token *token,
                          aip_row_counts *counts, aip_error **err) {
    formatting f = {.ctx = d->ctx, .ops = ops, .writer = writer};
    aip__scan_map map = {.apply = format_batch, .drop = give_formatted, .user = &f};
    aip__scan *scan = NULL;
    int64_t n_before = 0;
    aip__lock_init(d->ctx, &f.lock);
    int32_t status = aip__scan_open_mapped(d, token, "write", &map, &scan, err);
    while (status == AIP_OK) {
        void *next = NULL;
        int64_t n_rows = 0;
        status = aip__scan_next_mapped(scan, &next, &n_rows, err);
        if (status != AIP_OK || !next) break;
        formatted *t = next;
        if (t->refused) status = tell_refused(t->refused, n_before, err);
        if (status == AIP_OK && ops->write_place) status = ops->write_place(writer, n_rows, &t->text, &t->pieces, err);
        if (status == AIP_OK && t->text.failed) status = aip__error_memory(d->ctx, err);
        if (status == AIP_OK) status = write_formatted(o, t, err);
        give_formatted(&f, t);
        n_before += n_rows;
    }
    if (status == AIP_OK) aip__scan_counts(scan, counts);
    aip__scan_close(scan);
    while (f.n_spare > 0) free_formatted(d->ctx, f.spare[--f.n_spare]);
    aip__lock_destroy(d->ctx, &f.lock);
    return status;
}

/* What stands before and behind the rows. */
static int32_t write_ends(aip__output *o, aip__text *text, aip_error **err) {
    if (text->failed) return aip__error_memory(o->ctx, err);
    int32_t status = aip__output_write(o, text->bytes, text->n, err);
    text->n = 0;
    return status;
}

/* checkpoint: begun for this path, or NULL. */
static int32_t write_file(aip_dataset *d, const aip__format_ops *ops, const aip_params *params, const char *path,
                          aip__checkpoint *checkpoint, aip__token *token, aip_row_counts *counts, aip_error **err) {
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    void *writer = NULL;
    aip__output o;
    aip__text ends;
    aip__text_init(&ends, d->ctx);
    aip__files_extension(path, extension, &packing);
    int32_t status = aip__output_open(&o, d->ctx, path, packing, (int)aip_params_int(params, "compression_level"), err);
    if (status == AIP_OK) status = ops->write_begin(d->ctx, params, extension, d->schema, &ends, &writer, err);
    if (status == AIP_OK) status = write_ends(&o, &ends, err);
    if (status == AIP_OK) status = write_rows(d, ops, writer, &o, token, counts, err);
    if (status == AIP_OK) status = ops->write_end(writer, &ends, err);
    if (status == AIP_OK) status = write_ends(&o, &ends, err);
    if (status == AIP_OK) status = aip__token_check(token, err); /* the last moment: afterwards the file is there */
    if (status == AIP_OK && checkpoint) status = aip__checkpoint_prepare(checkpoint, err);
    if (status == AIP_OK) status = aip__output_finish(&o, err);
    if (writer) ops->write_free(writer);
    aip__output_close(&o);
    aip__text_free(&ends);
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

/* The place of a file to be, whatever the working directory. */
static int32_t absolute(aip_context *ctx, const char *path, char **out, aip_error **err) {
    const char *slash = strrchr(path, '/');
    char *folder = aip__strndup(ctx, slash ? path : ".", slash == path ? 1 : slash ? (size_t)(slash - path) : 1);
    char place[PATH_MAX], *real = NULL;
    if (!folder) return aip__error_memory(ctx, err);
    real = ctx->io->realpath(folder, place);
    int32_t status = real ? AIP_OK : aip__error_errno(err, errno, "cannot find the folder");
    aip__error_at_source(err, folder);
    aip__free(ctx, folder);
    if (status == AIP_OK) *out = aip__path_join(ctx, real, slash ? slash + 1 : path);
    return status != AIP_OK || *out ? status : aip__error_memory(ctx, err);
}

/* Rows and rejects in one place would be one of them. */
static int32_t check_apart(const aip_dataset *d, const char *path, aip_error **err) {
    const char *rejects = aip__files_rejects_path(d);
    if (!rejects) rejects = aip__connection_rejects_path(d);
    if (!rejects || strcmp(rejects, path) != 0) return AIP_OK;
    aip__error_set(err, AIP_E_PARAM, "path: expected another file than that of the rejects, found '%s'", path);
    aip__error_at_parameter(err, "path");
    return AIP_E_PARAM;
}

/* What is new since a checkpoint, as the next of its numbered outputs. */
static int32_t write_part(aip_dataset *d, aip__checkpoint *c, const aip__format_ops *ops, const aip_params *params,
                          const char *path, aip__token *token, aip_row_counts *counts, aip_error **err) {
    struct stat st;
    char *part = NULL, *place = NULL, *output = NULL;
    bool special = d->ctx->io->stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
    if (special || strcmp(path, "-") == 0)
        return aip__error_set(err, AIP_E_PARAM, "checkpoint: expected a file to write to, found '%s', which cannot be committed",
                              path);
    if (!aip__checkpoint_moved(c)) {
        aip__log(d->ctx, AIP_LOG_INFO, NULL, "nothing is new since checkpoint '%s': no output is written",
                 aip__checkpoint_path(c));
        return AIP_OK;
    }
    if (!(part = aip__checkpoint_part(c, path))) return aip__error_memory(d->ctx, err);
    int32_t status = check_apart(d, part, err);
    if (status == AIP_OK) status = aip__make_folders(d->ctx, part, err);
    if (status == AIP_OK) status = absolute(d->ctx, part, &place, err);
    if (status == AIP_OK) status = absolute(d->ctx, path, &output, err);
    if (status == AIP_OK && (status = aip__checkpoint_begin(c, output, place, err)) == AIP_OK) {
        status = write_file(d, ops, params, place, c, token, counts, err);
        if (status == AIP_OK) status = aip__checkpoint_commit(c, err);
        if (status == AIP_OK) aip__checkpoint_set_written(c, part), part = NULL;
        aip__checkpoint_end(c);
    }
    aip__free(d->ctx, output);
    aip__free(d->ctx, place);
    aip__free(d->ctx, part);
    return status;
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
    aip__checkpoint *checkpoint = aip__files_checkpoint(dataset);
    int32_t status = AIP_OK;
    if (!path)
        status = aip__error_memory(ctx, err);
    else if (checkpoint)
        status = write_part(dataset, checkpoint, format->ops, checked, path, token, &counted, err);
    else if ((status = check_apart(dataset, path, err)) == AIP_OK)
        status = write_file(dataset, format->ops, checked, path, NULL, token, &counted, err);
    aip__free(ctx, path);
    aip__params_free(checked);
    if (status == AIP_E_PARAM) aip__error_at_source(err, source);
    if (status == AIP_OK && counts) *counts = counted;
    return status;
}
