/* The front of reading files: parameters to a dataset. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include <string.h>

int32_t aip__files_new(aip_context *ctx, const aip_descriptor *format, aip__files **out, aip_error **err) {
    aip__files *f = aip__calloc(ctx, 1, sizeof *f);
    if (!f) return aip__error_memory(ctx, err);
    f->ctx = ctx;
    f->ops = format->ops;
    f->generation = aip__context_generation(ctx);
    atomic_init(&f->n_rows, -1);
    aip__lock_init(ctx, &f->lock);
    *out = f;
    return AIP_OK;
}

int32_t aip__files_read_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                              aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *checked = NULL;
    void *options = NULL;
    AIP__TRY(aip__files_params(ctx, true, params, source, base_dir, &format, &checked, err));
    const aip__format_ops *ops = format->ops;
    const char *rejects = aip_params_string(checked, "rejects");
    int32_t status = rejects ? aip__rejects_file_check(ctx, rejects, err) : AIP_OK;
    if (status == AIP_OK) status = ops->create(ctx, checked, "", &options, err);
    if (options) ops->destroy(options);
    aip__params_free(checked);
    aip__error_at_source(err, source);
    return status;
}

/* Where rejects go, which is no file that is read. */
static int32_t rejects_path(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err) {
    const char *given = aip_params_string(params, "rejects");
    struct stat there, read;
    if (!given) return AIP_OK;
    AIP__TRY(aip__rejects_file_check(f->ctx, given, err));
    f->rejects_path = aip__path_join(f->ctx, base_dir, given);
    if (!f->rejects_path) return aip__error_memory(f->ctx, err);
    if (f->ctx->io->stat(f->rejects_path, &there) != 0) return AIP_OK;
    for (int32_t i = 0; i < f->n; i++) {
        if (f->ctx->io->stat(f->entries[i].path, &read) != 0 || read.st_dev != there.st_dev || read.st_ino != there.st_ino)
            continue;
        aip__error_set(err, AIP_E_PARAM, "read: rejects: '%s' is one of the files that are read", given);
        aip__error_at_parameter(err, "rejects");
        return AIP_E_PARAM;
    }
    return AIP_OK;
}

static int32_t load_checkpoint(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err) {
    const char *given = aip_params_string(params, "checkpoint");
    if (!given) return AIP_OK;
    if (!*given || strcmp(given, "-") == 0) {
        aip__error_set(err, AIP_E_PARAM, "read: checkpoint: expected a file, found '%s'", given);
        aip__error_at_parameter(err, "checkpoint");
        return AIP_E_PARAM;
    }
    char *path = aip__path_join(f->ctx, base_dir, given);
    if (!path) return aip__error_memory(f->ctx, err);
    int32_t status = aip__checkpoint_load(f->ctx, path, &f->checkpoint, err);
    aip__free(f->ctx, path);
    return status;
}

/* With a checkpoint each output has its own file of rejects, with the output's number. */
static int32_t number_rejects(aip__files *f, aip_error **err) {
    if (!f->rejects_path) return AIP_OK;
    char *part = aip__checkpoint_moved(f->checkpoint) ? aip__checkpoint_part(f->checkpoint, f->rejects_path) : NULL;
    if (!part && aip__checkpoint_moved(f->checkpoint)) return aip__error_memory(f->ctx, err);
    aip__free(f->ctx, f->rejects_path);
    f->rejects_path = part;
    return AIP_OK;
}

static int32_t plan(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err) {
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    AIP__TRY(load_checkpoint(f, params, base_dir, err));
    AIP__TRY(aip__files_paths(f, params, base_dir, err));
    AIP__TRY(rejects_path(f, params, base_dir, err));
    if (f->n > 0) aip__files_extension(f->entries[0].path, extension, &packing);
    AIP__TRY(f->ops->create(f->ctx, params, extension, &f->format, err));
    if (f->checkpoint) {
        AIP__TRY(aip__files_resume(f, err));
        AIP__TRY(number_rejects(f, err));
    }
    return aip__files_plan(f, params, err);
}

int32_t aip__files_read(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_dataset **out,
                        aip_error **err) {
    const aip_descriptor *format = NULL;
    aip_params *checked = NULL;
    AIP__TRY(aip__files_params(ctx, true, params, source, base_dir, &format, &checked, err));
    aip__files *f = NULL;
    int32_t status = aip__files_new(ctx, format, &f, err);
    if (status == AIP_OK) status = plan(f, checked, base_dir, err);
    if (status == AIP_OK)
        status = aip__files_dataset(f, out, err);
    else
        aip__files_free(f);
    aip__params_free(checked);
    if (status == AIP_E_PARAM || status == AIP_E_SCHEMA)
        aip__error_at_source(err, source); /* unless it is about a file of data */
    return status;
}
