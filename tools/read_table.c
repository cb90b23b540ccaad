/* Reading a table as the command line says. Whether what is read can set rows aside is asked of the catalogue: formats and connectors
 * have tables of parameters. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int32_t take_catalogue(aip_context *ctx, json_t **out, aip_error **err) {
    char *text = NULL;
    int32_t status = aip_catalog_json(ctx, NULL, &text, err);
    if (status == AIP_OK) status = json_take(text, out, err);
    aip_text_free(ctx, text);
    return status;
}

static bool is_entry(const json_t *entry, const char *kind, const char *name, size_t n) {
    const char *its_kind = json_string_value(json_object_get(entry, "kind")),
               *its_name = json_string_value(json_object_get(entry, "name"));
    return its_kind && its_name && strcmp(its_kind, kind) == 0 && strlen(its_name) == n && memcmp(its_name, name, n) == 0;
}

/* The connector of NAME:rest or NAME://rest. NULL: the path is a file's. */
static const json_t *connector_of(const json_t *all, const char *path) {
    size_t n = strcspn(path, ":");
    if (!path[n] || (n == 5 && memcmp(path, "files", n) == 0)) return NULL; /* the built-in one is the files' own name */
    for (size_t i = 0; i < json_array_size(all); i++)
        if (is_entry(json_array_get(all, i), "connector", path, n)) return json_array_get(all, i);
    return NULL;
}

static bool ends_in(const char *path, size_t n, const char *extension) {
    size_t m = strlen(extension);
    return n > m && path[n - m - 1] == '.' && strncasecmp(path + n - m, extension, m) == 0;
}

static bool has_extension(const json_t *format, const char *path) {
    const json_t *known = json_object_get(format, "extensions");
    size_t n = strlen(path);
    n -= ends_in(path, n, "gz") ? 3 : ends_in(path, n, "zst") ? 4 : 0;
    for (size_t i = 0; i < json_array_size(known); i++)
        if (ends_in(path, n, json_string_value(json_array_get(known, i)))) return true;
    return false;
}

/* The format that is named, or that the extension says; standard input is CSV. NULL: read says that there is none. */
static const json_t *format_of(const json_t *all, const char *path, const json_t *named) {
    const char *name = json_is_string(named) ? json_string_value(named) : strcmp(path, "-") == 0 ? "csv" : NULL;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *entry = json_array_get(all, i);
        if (name ? is_entry(entry, "format", name, strlen(name)) : has_extension(entry, path)) return entry;
    }
    return NULL;
}

static bool has_choice(const json_t *entry, const char *parameter, const char *choice) {
    const json_t *params = json_object_get(entry, "params");
    for (size_t i = 0; i < json_array_size(params); i++) {
        const json_t *p = json_array_get(params, i), *choices = json_object_get(p, "choices");
        const char *name = json_string_value(json_object_get(p, "name"));
        if (!name || strcmp(name, parameter) != 0) continue;
        for (size_t k = 0; k < json_array_size(choices); k++)
            if (strcmp(json_string_value(json_array_get(choices, k)), choice) == 0) return true;
    }
    return false;
}

int32_t set_bad_rows_aside(aip_context *ctx, json_t *params, aip_error **err) {
    json_t *all = NULL;
    const char *path = json_string_value(json_object_get(params, "path"));
    if (json_object_get(params, "on_bad_row")) return AIP_OK;
    int32_t status = take_catalogue(ctx, &all, err);
    if (status != AIP_OK) return status;
    const json_t *entry = connector_of(all, path);
    if (!entry) entry = format_of(all, path, json_object_get(params, "format"));
    if (has_choice(entry, "on_bad_row", "reject")) json_object_set_new(params, "on_bad_row", json_string("reject"));
    json_decref(all);
    return AIP_OK;
}

int32_t read_table(aip_context *ctx, const json_t *params, aip_dataset **out, aip_error **err) {
    char *text = json_text(params);
    int32_t status = aip_dataset_read(ctx, text, out, err);
    free(text);
    return status;
}
