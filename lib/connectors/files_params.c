/* Parameters of `read` and `write`: which format, and then one table of what belongs to files and to that format, so that a misspelt
 * name is met with the nearest of all of them. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include "base/text.h"
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const aip_param_spec read_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "path",
     "File, list of files, or pattern with * ? [ ]; gzip and zstd are recognised by their content; - is standard input", NULL,
     NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "format", "Format of the files; null: by the extension of the first", "null", NULL,
     0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "include_path", "Name of a column to add that holds the path of each row's file",
     "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "rejects",
     "File to write every rejected record to in each pass, whole or not at all: source, line, column, byte_offset, reason, raw; without "
     "rejects a table without rows; null: none",
     "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "checkpoint",
     "File that says how far files which grow, or become more, were read into numbered outputs: only what is new is read, and writing it moves "
     "the checkpoint on; made when it is missing; null: none",
     "null", NULL, 0, 0, 1, 0},
};

static const aip_param_spec write_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "path",
     "File to write, whole or not at all, in a folder that is made when it is missing; compressed when it ends in .gz or .zst; - is standard output",
     NULL, NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "format", "Format of the file; null: by its extension", "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "compression_level",
     "Of .gz files: 1 is fast, 9 is small; 4 takes a third of the time of 6 for a tenth more bytes. Of .zst files: 1 to 19. null: 4, and 3",
     "null", NULL, 1, 19, 1, 0},
};

void aip__files_extension(const char *path, char out[16], aip__packing *packing) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    *packing = n > 3 && aip__same_word(name + n - 3, ".gz", 3)    ? AIP__PACKING_GZIP
               : n > 4 && aip__same_word(name + n - 4, ".zst", 4) ? AIP__PACKING_ZSTD
                                                                  : AIP__PACKING_NONE;
    n -= *packing == AIP__PACKING_GZIP ? 3 : *packing == AIP__PACKING_ZSTD ? 4 : 0;
    size_t dot = n;
    while (dot > 0 && name[dot - 1] != '.') dot--;
    out[0] = 0;
    if (dot == 0 || n - dot > 15) return;
    for (size_t i = dot; i < n; i++) out[i - dot] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    out[n - dot] = 0;
}

/* Adds what is not there yet under its name: formats share some. */
static void add_specs(aip_descriptor *d, aip_param_spec *specs, const aip_param_spec *more, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        int32_t at = 0;
        while (at < d->n_params && strcmp(specs[at].name, more[i].name) != 0) at++;
        if (at == d->n_params) specs[d->n_params++] = more[i];
    }
}

static const aip_param_spec *format_specs(const aip_descriptor *format, bool reading, int32_t *n) {
    const aip__format_ops *ops = format->ops;
    *n = reading ? format->n_params : ops->n_write_params;
    return reading ? format->params : ops->write_params;
}

int32_t aip__files_table(aip_context *ctx, bool reading, const aip_descriptor *format, aip_descriptor **out, aip_error **err) {
    const aip_descriptor *f = NULL;
    int32_t n = 0, n_own = (int32_t)(reading ? COUNT(read_params) : COUNT(write_params));
    size_t most = (size_t)n_own;
    for (int32_t i = 0; (f = aip__catalog_at(ctx, i)); i++) {
        if (f->kind != AIP_KIND_FORMAT) continue;
        format_specs(f, reading, &n);
        most += (size_t)n;
    }
    aip_descriptor *d = aip__calloc(ctx, 1, sizeof *d + most * sizeof(aip_param_spec));
    if (!d) return aip__error_memory(ctx, err);
    aip_param_spec *specs = (aip_param_spec *)(void *)(d + 1);
    *d = (aip_descriptor)AIP_DESCRIPTOR_INIT;
    d->kind = AIP_KIND_OPERATOR;
    d->name = reading ? "read" : "write";
    d->doc = reading ? "Reads files as a dataset" : "Writes a dataset to a file";
    d->params = specs;
    d->shorthand = "path";
    add_specs(d, specs, reading ? read_params : write_params, n_own);
    for (int32_t i = 0; (f = aip__catalog_at(ctx, i)); i++) {
        if (f->kind != AIP_KIND_FORMAT || (format && f != format)) continue;
        const aip_param_spec *more = format_specs(f, reading, &n);
        add_specs(d, specs, more, n);
    }
    *out = d;
    return AIP_OK;
}

/* The first path given, if there is one that can be understood; else NULL, and the check against the table says what is wrong. */
static const aip__node *first_path(const aip__node *given) {
    const aip__node *path = given && given->kind == AIP__MAP ? aip__node_get(given, "path") : given;
    if (path && path->kind == AIP__LIST && path->n > 0) path = path->items[0];
    return path && path->kind == AIP__STRING ? path : NULL;
}

static int32_t at_node(const aip__node *node, const char *parameter, const char *source, int32_t status, aip_error **err) {
    aip__error_at_parameter(err, parameter);
    aip__error_at_source(err, source);
    if (node->line > 0) aip__error_at_line(err, node->line, node->column);
    return status;
}

static int32_t unknown_extension(aip_context *ctx, bool reading, const aip__node *path, const char *extension, const char *source,
                                 aip_error **err) {
    aip__text known;
    const aip_descriptor *d = NULL;
    aip__text_init(&known, ctx);
    for (int32_t i = 0; (d = aip__catalog_at(ctx, i)); i++) {
        if (d->kind != AIP_KIND_FORMAT) continue;
        const char *sep = known.n > 0 ? ", ." : ".";
        for (const char *c = ((const aip__format_ops *)d->ops)->extensions; *c; c++) {
            if (sep) aip__text_str(&known, sep);
            sep = NULL;
            if (*c == '|')
                sep = ", .";
            else
                aip__text_char(&known, *c);
        }
    }
    int32_t status =
        known.failed
            ? aip__error_memory(ctx, err)
            : aip__error_set(err, AIP_E_PARAM,
                             "%s: the format of '%s' is not known from its extension%s%s%s: expected one of %s, each also "
                             "with .gz or .zst, or the parameter format",
                             reading ? "read" : "write", path->string, *extension ? " '." : "", extension, *extension ? "'" : "",
                             known.n ? known.bytes : "none");
    aip__text_free(&known);
    return at_node(path, "path", source, status, err);
}

/* A missing path is none: reading or writing it says what is wrong. */
static int32_t is_folder(aip_context *ctx, const char *base_dir, const char *given, bool *yes, aip_error **err) {
    struct stat st;
    char *path = aip__path_join(ctx, base_dir, given);
    if (!path) return aip__error_memory(ctx, err);
    *yes = ctx->io->stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    aip__free(ctx, path);
    return AIP_OK;
}

/* What is wrong with a path whose format is not known. */
static int32_t unknown_format(aip_context *ctx, bool reading, const aip__node *path, const char *extension, const char *source,
                              const char *base_dir, aip_error **err) {
    const char *who = reading ? "read" : "write", *expected = reading ? "a file or a pattern" : "a file";
    bool folder = false;
    int32_t status = is_folder(ctx, base_dir, path->string, &folder, err);
    if (status != AIP_OK) return status;
    if (!folder) return unknown_extension(ctx, reading, path, extension, source, err);
    status = aip__error_set(err, AIP_E_PARAM, "%s: path '%s' is a folder: expected %s%s", who, path->string, expected,
                            reading ? " such as FOLDER/*.csv" : "");
    return at_node(path, "path", source, status, err);
}

int32_t aip__files_params(aip_context *ctx, bool reading, const aip__node *given, const char *source, const char *base_dir,
                          const aip_descriptor **format, aip_params **out, aip_error **err) {
    const aip__node *named = aip__node_get(given, "format"), *path = first_path(given);
    const aip_descriptor *found = NULL;
    aip_descriptor *table = NULL;
    char extension[16] = "";
    aip__packing packing = AIP__PACKING_NONE;
    bool unknown = false;
    if (path && path->length == 0) {
        int32_t status = aip__error_set(err, AIP_E_PARAM, "%s: path is empty: expected %s", reading ? "read" : "write",
                                        reading ? "a file or a pattern" : "a file");
        return at_node(path, "path", source, status, err);
    }
    if (named && named->kind == AIP__STRING) {
        int32_t status = aip__format_find(ctx, named->string, &found, err);
        if (status != AIP_OK) return at_node(named, "format", source, status, err);
    } else if (path) {
        aip__files_extension(path->string, extension, &packing);
        found = aip__format_by_extension(ctx, extension);
        unknown = !found && strcmp(path->string, "-") != 0;
    }
    /* Without a format the parameters are still checked, as those of csv: a misspelt name is the better message. */
    if (!found) AIP__TRY(aip__format_find(ctx, "csv", &found, err));
    AIP__TRY(aip__files_table(ctx, reading, found, &table, err));
    aip_params *params = NULL;
    int32_t status = aip__params_create(ctx, table, given, source, &params, err);
    aip__free(ctx, table);
    if (status == AIP_OK && unknown) {
        status = unknown_format(ctx, reading, path, extension, source, base_dir, err);
        aip__params_free(params);
    }
    if (status != AIP_OK) return status;
    *format = found;
    *out = params;
    return AIP_OK;
}
