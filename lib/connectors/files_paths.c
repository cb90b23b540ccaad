/* Paths and patterns to files. Matches are sorted bytewise, whatever the locale, so that the order of rows does not depend on the machine. */
#include "connectors/files.h"

#include "base/context.h"
#include "base/memory.h"
#include <stdlib.h>
#include <string.h>

static int32_t add(aip__files *f, size_t *capacity, const char *path, aip_error **err) {
    if (f->n == INT32_MAX || aip__grow(f->ctx, &f->entries, capacity, (size_t)f->n + 1, sizeof *f->entries) != 0)
        return aip__error_memory(f->ctx, err);
    aip__files_entry *e = &f->entries[f->n];
    *e = (aip__files_entry){.path = aip__strdup(f->ctx, path), .size = -1, .pipe = {.fd = -1}};
    if (!e->path) return aip__error_memory(f->ctx, err);
    aip__text_init(&e->seen, f->ctx);
    f->n++;
    return AIP_OK;
}

static int by_bytes(const void *a, const void *b) {
    const char *x = NULL, *y = NULL;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp(x, y);
}

static int32_t expand(aip__files *f, size_t *capacity, const char *pattern, aip_error **err) {
    glob_t found;
    int32_t status = aip__glob(f->ctx, pattern, &found, err);
    bool may_be_empty = f->checkpoint && !aip__checkpoint_is_new(f->checkpoint); /* all that was there was read, and moved away */
    if (status == AIP_OK && found.gl_pathc == 0 && !may_be_empty)
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no file matches the pattern '%s'", pattern);
    if (status == AIP_OK && found.gl_pathc > 1) qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, by_bytes);
    for (size_t i = 0; status == AIP_OK && i < found.gl_pathc; i++) status = add(f, capacity, found.gl_pathv[i], err);
    globfree(&found);
    return status;
}

/* A path with * ? or [ is a pattern, unless a file of exactly that name exists. */
static int32_t is_pattern(aip_context *ctx, const char *path, bool *out, aip_error **err) {
    bool there = true;
    if (strpbrk(path, "*?[")) AIP__TRY(aip__path_exists(ctx, path, &there, err));
    *out = !there;
    return AIP_OK;
}

int32_t aip__files_paths(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err) {
    size_t capacity = 0;
    int32_t n = aip_params_n_strings(params, "path");
    for (int32_t i = 0; i < n; i++) {
        const char *given = aip_params_string_at(params, "path", i);
        if (strcmp(given, "-") == 0) {
            AIP__TRY(add(f, &capacity, "/dev/stdin", err));
            continue;
        }
        if (!*given) return aip__error_set(err, AIP_E_PARAM, "read: path %d is empty", i + 1);
        char *path = aip__path_join(f->ctx, base_dir, given);
        if (!path) return aip__error_memory(f->ctx, err);
        bool pattern = false;
        int32_t status = is_pattern(f->ctx, path, &pattern, err);
        if (status == AIP_OK) status = pattern ? expand(f, &capacity, path, err) : add(f, &capacity, path, err);
        aip__free(f->ctx, path);
        if (status != AIP_OK) return status;
    }
    if (n == 0) return aip__error_set(err, AIP_E_PARAM, "read: path: expected at least one file, found an empty list");
    return AIP_OK;
}
