/* Which connector a path names, and a connection to it. A path that begins with `word:` is a connector's when the catalogue has one of that name, and
 * with `word://` in any case: no file is meant by that. */
#include "connectors/connection.h"

#include "base/context.h"
#include "base/memory.h"
#include "base/params_check.h"
#include "connectors/rejects_file.h"
#include <string.h>

#define NAME_MAX_BYTES 100
#define LISTED 16 /* so many names of connectors are told */

/* ---- the descriptor -------------------------------------------------------------------------------------------------------------------- */

static int32_t copy_ops(const aip_descriptor *d, aip_connector_ops *out, aip_error **err) {
    if (!d->ops) return aip__error_set(err, AIP_E_MISUSE, "%s: ops is NULL: expected an aip_connector_ops", d->name);
    return aip__struct_copy(out, sizeof *out, d->ops, "aip_connector_ops", err);
}

static int32_t check_kind(const aip_descriptor *d, aip_error **err) {
    aip_connector_ops o = AIP_CONNECTOR_OPS_INIT;
    AIP__TRY(copy_ops(d, &o, err));
    bool reads = o.schema && o.next, writes = o.write_open && o.write_batch && o.write_finish;
    const char *problem = NULL;
    if (!o.create)
        problem = "create is NULL";
    else if (!reads && (o.schema || o.open || o.next))
        problem = "of schema and next, one is NULL: both are needed to read";
    else if (!writes && (o.write_open || o.write_batch || o.write_finish || o.write_abort))
        problem = "of write_open, write_batch and write_finish, one is NULL: all are needed to write";
    else if (!reads && !writes)
        problem = "it can neither be read nor written";
    else if (d->inputs)
        problem = "a connector takes no inputs";
    return problem ? aip__error_set(err, AIP_E_MISUSE, "connector '%s': %s", d->name, problem) : AIP_OK;
}

static const aip_param_spec common[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_STRING,
     .name = "path",
     .doc = "What to read or write: NAME:rest or NAME://rest"},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_STRING,
     .name = "rejects",
     .default_json = "null",
     .nullable = 1,
     .doc = "Reading: file to write every record to that the connector refuses, in each pass, whole "
            "or not at all: source, line, column, byte_offset, reason, raw; null: none"}};
const aip__public_kind aip__connector_kind = {.common = common, .n_common = 2, .check = check_kind};

/* Whether `rejects` is the library's, not a parameter of the connector's own table. */
static bool has_rejects(const aip_descriptor *d) {
    for (int32_t i = 0; i < d->n_params; i++)
        if (aip__param_at(d, i)->doc == common[1].doc) return true;
    return false;
}

/* ---- paths ------------------------------------------------------------------------------------------------------------------------------- */

/* Bytes of the word before the first colon; 0 when there is none, or something else than a word. */
static size_t word_before_colon(const char *path) {
    size_t n = 0;
    for (; path[n] && path[n] != ':'; n++) {
        char c = path[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '.';
        if (!letter && (n == 0 || !inner)) return 0;
    }
    return path[n] == ':' && n <= NAME_MAX_BYTES ? n : 0;
}

/* Behind NAME: or NAME://. */
static const char *rest_of(const char *path) {
    const char *rest = path + word_before_colon(path) + 1;
    return strncmp(rest, "//", 2) == 0 ? rest + 2 : rest;
}

/* The connector of this name that paths can go to, or NULL: the built-in `files` has no functions for that. */
static const aip_descriptor *connector_named(aip_context *ctx, const char *name, size_t n) {
    const aip_descriptor *d = NULL;
    for (int32_t i = 0; (d = aip__catalog_at(ctx, i)) != NULL; i++)
        if (d->kind == AIP_KIND_CONNECTOR && d->ops && strncmp(d->name, name, n) == 0 && !d->name[n]) return d;
    return NULL;
}

/* word://rest of no connector: the nearest name, or all of them. */
static int32_t unknown(aip_context *ctx, const char *path, size_t n, aip_error **err) {
    const char *names[LISTED];
    size_t n_names = 0;
    const aip_descriptor *d = NULL;
    char word[NAME_MAX_BYTES + 1];
    aip__text list;
    memcpy(word, path, n);
    word[n] = 0;
    if (strcmp(word, "file") == 0 || strcmp(word, "files") == 0)
        return aip__error_set(err, AIP_E_NOT_FOUND, "no connector '%s': a file's path stands alone, without '%s://'", word, word);
    aip__text_init(&list, ctx);
    for (int32_t i = 0; (d = aip__catalog_at(ctx, i)) != NULL; i++) {
        if (d->kind != AIP_KIND_CONNECTOR || !d->ops || n_names == LISTED) continue;
        aip__text_printf(&list, "%s%s", n_names ? ", " : "", d->name);
        names[n_names++] = d->name;
    }
    const char *near = aip__nearest(word, names, n_names);
    int32_t status = AIP_OK;
    if (list.failed)
        status = aip__error_memory(ctx, err);
    else if (near)
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no connector '%s'; did you mean '%s'?", word, near);
    else if (n_names > 0)
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no connector '%s'; expected %s, or a file", word, list.bytes);
    else
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no connector '%s': none was registered, by a host or a module", word);
    aip__text_free(&list);
    return status;
}

/* *out: NULL for a file's path. */
static int32_t find_by_path(aip_context *ctx, const char *path, const aip_descriptor **out, aip_error **err) {
    size_t n = word_before_colon(path);
    *out = n > 0 ? connector_named(ctx, path, n) : NULL;
    return n > 0 && !*out && strncmp(path + n, "://", 3) == 0 ? unknown(ctx, path, n, err) : AIP_OK;
}

bool aip__path_is_connectors(aip_context *ctx, const char *path) {
    const aip_descriptor *d = NULL;
    return find_by_path(ctx, path, &d, NULL) != AIP_OK || d;
}

int32_t aip__connection_find(aip_context *ctx, const aip__node *given, const char *source, const aip_descriptor **out,
                             aip_error **err) {
    const aip__node *path = given && given->kind == AIP__MAP ? aip__node_get(given, "path") : given;
    int32_t n = !path ? 0 : path->kind == AIP__LIST ? path->n : 1;
    *out = NULL;
    for (int32_t i = 0; i < n && !*out; i++) {
        const aip__node *one = path->kind == AIP__LIST ? path->items[i] : path;
        int32_t status = one->kind == AIP__STRING ? find_by_path(ctx, one->string, out, err) : AIP_OK;
        if (status == AIP_OK) continue;
        aip__error_at_parameter(err, "path");
        aip__error_at_source(err, source);
        if (one->line > 0) aip__error_at_line(err, one->line, one->column);
        return status;
    }
    return AIP_OK;
}

/* ---- a connection ------------------------------------------------------------------------------------------------------------------------- */

int32_t aip__connection_status(const aip__connection *c, int32_t status, const char *function, aip_error **err) {
    if (status == AIP_OK) return AIP_OK;
    aip__error_of_host(err, status, function);
    aip__error_at_source(err, c->path);
    return status;
}

static int32_t connect(aip__connection *c, const aip_descriptor *d, bool writing, const aip_params *params, const char *base_dir,
                       aip_error **err) {
    aip_location at = AIP_LOCATION_INIT;
    const char *path = aip_params_string(params, "path");
    bool can = writing ? c->ops.write_open != NULL : c->ops.next != NULL;
    c->path = aip__strdup(c->ctx, path);
    if (!c->path) return aip__error_memory(c->ctx, err);
    if (!can)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "the connector '%s' %s", d->name,
                              writing ? "only reads: rows cannot be written to it" : "only writes: it cannot be read");
    at.writing = writing;
    at.path = path;
    at.rest = rest_of(path);
    at.base_dir = base_dir;
    int32_t status = c->ops.create(c->ctx, d->user, params, &at, &c->self, err);
    if (status == AIP_OK && !c->self) status = aip__error_set(err, AIP_E_MISUSE, "connector '%s': create gave no self", d->name);
    return aip__connection_status(c, status, "create", err);
}

/* Where the rejects of a read go. */
static int32_t take_rejects(aip__connection *c, bool writing, const aip_params *params, const char *base_dir, aip_error **err) {
    const char *given = aip_params_string(params, "rejects");
    if (!given) return AIP_OK;
    if (writing) {
        aip__error_set(err, AIP_E_PARAM, "%s: rejects: only what is read has rejects", c->name);
        aip__error_at_parameter(err, "rejects");
        return AIP_E_PARAM;
    }
    AIP__TRY(aip__rejects_file_check(c->ctx, given, err));
    c->rejects_path = aip__path_join(c->ctx, base_dir, given);
    return c->rejects_path ? AIP_OK : aip__error_memory(c->ctx, err);
}

int32_t aip__connection_open(aip_context *ctx, const aip_descriptor *d, bool writing, const aip__node *given, const char *source,
                             const char *base_dir, aip__connection *out, aip_error **err) {
    aip_params *params = NULL;
    *out = (aip__connection){.ctx = ctx, .name = d->name, .generation = aip__context_generation(ctx)};
    AIP__TRY(copy_ops(d, &out->ops, err));
    AIP__TRY(aip__params_create(ctx, d, given, source, &params, err));
    int32_t status = has_rejects(d) ? take_rejects(out, writing, params, base_dir, err) : AIP_OK;
    aip__error_at_source(err, source);
    if (status == AIP_OK) status = connect(out, d, writing, params, base_dir, err);
    aip__params_free(params);
    return status;
}

int32_t aip__connection_usable(const aip__connection *c, aip_error **err) {
    if (aip__context_generation(c->ctx) == c->generation) return AIP_OK;
    aip__error_set(err, AIP_E_FORKED, "this connection was made before the process forked");
    aip__error_at_source(err, c->path);
    return AIP_E_FORKED;
}

void aip__connection_close(aip__connection *c) {
    bool inherited = aip__context_generation(c->ctx) != c->generation;
    if (c->self && c->ops.destroy && !inherited) c->ops.destroy(c->self);
    aip__free(c->ctx, c->path);
    aip__free(c->ctx, c->rejects_path);
    c->rejects_path = NULL;
    c->self = NULL;
    c->path = NULL;
}
