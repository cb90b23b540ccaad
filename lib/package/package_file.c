/* The package file, data only:
 *
 *     8 bytes   "AIPKG" 0x00 0x0d 0x0a        so that text-mode damage shows
 *     i64       format version: 1; 2 where model, target or row count are not there (null in the header), which 0.1.0 does not know
 *     text      header, canonical JSON: inputs, target, stages, model, metrics, provenance
 *     for each fitted stage in order, then the model if there is one: text, what its `save` wrote
 *     32 bytes  SHA-256 of everything before
 *
 * (text: i64 length and bytes; integers little-endian.) Nothing in it depends on time, host or threads. Reading checks the digest first, then
 * every part through the same checks as anything from outside: stages and models are made anew from the catalogue, and each checks its own
 * bytes. */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/io.h"
#include "package/package.h"
#include <string.h>

static const uint8_t magic[8] = {'A', 'I', 'P', 'K', 'G', 0, '\r', '\n'};
#define FORMAT_WHOLE 1
#define FORMAT_PARTS 2
#define DIGEST 32
#define FILE_LIMIT ((size_t)2 << 30)

/* The least version that can say what the package holds, so that an older library reads what it knows. */
static int64_t format_of(const aip_package *p) { return p->model && p->target && p->n_rows >= 0 ? FORMAT_WHOLE : FORMAT_PARTS; }

/* ---- out ---------------------------------------------------------------------------------------------------------------------------- */

static void header_json(const aip_package *p, aip__text *t) {
    aip__text_str(t, "{\"inputs\":[");
    for (int32_t i = 0; i < p->inputs->n; i++) {
        const aip_field *f = &p->inputs->fields[i];
        aip__text_printf(t, "%s{\"name\":", i ? "," : "");
        aip__text_json(t, f->name, strlen(f->name));
        aip__text_printf(t, ",\"scale\":%d,\"type\":\"%s\",\"zone\":", (int)f->scale, aip_type_name(f->type));
        if (f->zone)
            aip__text_json(t, f->zone, strlen(f->zone));
        else
            aip__text_str(t, "null");
        aip__text_char(t, '}');
    }
    aip__text_str(t, "],\"library\":");
    aip__text_json(t, p->library, strlen(p->library));
    aip__text_printf(t, ",\"metrics\":%s", p->metrics ? p->metrics : "null");
    if (p->model)
        aip__text_printf(t, ",\"model\":{\"name\":\"%s\",\"params\":%s,\"version\":%d}", aip_model_name(p->model),
                         aip__model_params(p->model), (int)aip__model_descriptor(p->model)->version);
    else
        aip__text_str(t, ",\"model\":null");
    aip__text_str(t, ",\"profile\":");
    aip__text_json(t, p->profile, strlen(p->profile));
    if (p->n_rows >= 0)
        aip__text_printf(t, ",\"rows\":%lld,\"stages\":[", (long long)p->n_rows);
    else
        aip__text_str(t, ",\"rows\":null,\"stages\":[");
    for (int32_t i = 0; i < p->pipeline->n; i++) {
        const aip_stage *s = p->pipeline->stages[i];
        aip__text_printf(t, "%s{\"fitted\":%s,\"name\":\"%s\",\"params\":%s,\"version\":%d}", i ? "," : "",
                         s->learned ? "true" : "false", s->spec->descriptor->name, aip__params_canonical(s->spec->params),
                         (int)s->spec->descriptor->version);
    }
    aip__text_str(t, "],\"target\":");
    if (p->target)
        aip__text_json(t, p->target, strlen(p->target));
    else
        aip__text_str(t, "null");
    aip__text_char(t, '}');
}

/* Writes what `save` gives as one length-prefixed part. */
static int32_t write_part(aip_writer *w, aip_context *ctx, const aip_stage *stage, const aip_model *model, aip_error **err) {
    aip_writer part;
    aip__writer_init(&part, ctx);
    int32_t status = stage ? stage->spec->ops->save(stage->spec->self, stage->learned->fitted, &part, err)
                           : aip__model_save(model, &part, err);
    if (status == AIP_OK) status = aip_writer_i64(w, (int64_t)part.text.n, err);
    if (status == AIP_OK) status = aip_writer_bytes(w, part.text.bytes, part.text.n, err);
    aip__writer_free(&part);
    return status;
}

int32_t aip_package_to_bytes(aip_package *p, char **bytes, size_t *n, aip_error **err) {
    AIP__BEGIN(err);
    if (!p || !bytes || !n) return aip__error_set(err, AIP_E_MISUSE, "aip_package_to_bytes: expected a package, bytes and n");
    aip__text header;
    aip__text_init(&header, p->ctx);
    header_json(p, &header);
    aip_writer w;
    aip__writer_init(&w, p->ctx);
    char *json = NULL;
    size_t json_n = 0;
    int32_t status = aip__text_take(&header, &json, &json_n, err);
    if (status == AIP_OK) status = aip_writer_bytes(&w, magic, sizeof magic, err);
    if (status == AIP_OK) status = aip_writer_i64(&w, format_of(p), err);
    if (status == AIP_OK) status = aip_writer_i64(&w, (int64_t)json_n, err);
    if (status == AIP_OK) status = aip_writer_bytes(&w, json, json_n, err);
    for (int32_t i = 0; status == AIP_OK && i < p->pipeline->n; i++)
        if (p->pipeline->stages[i]->learned) status = write_part(&w, p->ctx, p->pipeline->stages[i], NULL, err);
    if (status == AIP_OK && p->model) status = write_part(&w, p->ctx, NULL, p->model, err);
    if (status == AIP_OK) {
        uint8_t digest[DIGEST];
        aip__sha256 s;
        aip__sha256_init(&s);
        aip__sha256_add(&s, w.text.bytes, w.text.n);
        aip__sha256_end(&s, digest);
        status = aip_writer_bytes(&w, digest, sizeof digest, err);
    }
    aip__free(p->ctx, json);
    if (status == AIP_OK) status = aip__text_take(&w.text, bytes, n, err);
    aip__writer_free(&w);
    return status;
}

int32_t aip_package_save(aip_package *package, const char *path, aip_error **err) {
    AIP__BEGIN(err);
    if (!package || !path) return aip__error_set(err, AIP_E_MISUSE, "aip_package_save: expected a package and a path");
    char *bytes = NULL;
    size_t n = 0;
    AIP__TRY(aip_package_to_bytes(package, &bytes, &n, err));
    aip__file_out f;
    int32_t status = aip__file_create(package->ctx, path, &f, err);
    if (status == AIP_OK) {
        status = aip__file_write(&f, bytes, n, err);
        if (status == AIP_OK)
            status = aip__file_commit(&f, err);
        else
            aip__file_abandon(&f);
    }
    aip__free(package->ctx, bytes);
    return status;
}

/* ---- in ------------------------------------------------------------------------------------------------------------------------------ */

static int32_t corrupt(aip_error **err, const char *what) {
    return aip__error_set(err, AIP_E_CORRUPT, "package header: %s", what);
}

static const aip__node *need(const aip__node *map, const char *key, aip__node_kind kind) {
    const aip__node *v = aip__node_get(map, key);
    return v && v->kind == kind ? v : NULL;
}

static char *canonical(aip_context *ctx, const aip__node *node, aip_error **err) {
    aip__text t;
    aip__text_init(&t, ctx);
    aip__node_write(node, &t);
    char *text = NULL;
    return aip__text_take(&t, &text, NULL, err) == AIP_OK ? text : NULL;
}

static int32_t read_inputs(aip_package *p, const aip__node *root, aip_error **err) {
    const aip__node *inputs = need(root, "inputs", AIP__LIST);
    if (!inputs) return corrupt(err, "expected a list `inputs`");
    aip_field *fields = aip__calloc(p->ctx, (size_t)inputs->n + 1, sizeof *fields);
    if (!fields) return aip__error_memory(p->ctx, err);
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < inputs->n && status == AIP_OK; i++) {
        const aip__node *name = need(inputs->items[i], "name", AIP__STRING), *type = need(inputs->items[i], "type", AIP__STRING);
        const aip__node *zone = need(inputs->items[i], "zone", AIP__STRING), *scale = need(inputs->items[i], "scale", AIP__INT);
        fields[i] = (aip_field)AIP_FIELD_INIT;
        fields[i].type = type ? aip__type_from_name(type->string) : 0;
        if (!name || fields[i].type == 0 || !scale || scale->integer < 0 || scale->integer > 18) {
            status = corrupt(err, "expected each input with name, type, zone and scale");
            break;
        }
        fields[i].name = name->string;
        fields[i].zone = zone ? zone->string : NULL;
        fields[i].scale = (int32_t)scale->integer;
    }
    if (status == AIP_OK) status = aip_schema_create(p->ctx, fields, inputs->n, &p->inputs, err);
    aip__free(p->ctx, fields);
    return status;
}

/* A reader over the next length-prefixed part. */
static int32_t next_part(aip_context *ctx, aip_reader *r, aip_reader *part, aip_error **err) {
    int64_t n = 0;
    const uint8_t *bytes = NULL;
    AIP__TRY(aip_reader_i64(r, &n, err));
    if (n < 0 || (uint64_t)n > aip_reader_left(r))
        return aip__error_set(err, AIP_E_CORRUPT, "a part of %lld bytes: expected at most the %zu that are left", (long long)n,
                              aip_reader_left(r));
    AIP__TRY(aip__reader_view(r, (size_t)n, &bytes, err));
    aip__reader_init(part, ctx, bytes, (size_t)n, NULL);
    return AIP_OK;
}

static int32_t part_done(const aip_reader *part, const char *name, aip_error **err) {
    if (aip_reader_left(part) == 0) return AIP_OK;
    return aip__error_set(err, AIP_E_CORRUPT, "'%s' left %zu bytes of its part unread", name, aip_reader_left(part));
}

/* The version of a descriptor that made the bytes must be known here: looked at first, since a later one may have other parameters and bytes. */
static int32_t check_version(aip_context *ctx, const aip__node *entry, int32_t kind, const char *name, aip_error **err) {
    const aip__node *version = need(entry, "version", AIP__INT);
    const aip_descriptor *d = NULL;
    if (!version) return corrupt(err, "expected a version for each stage and the model");
    AIP__TRY(aip__catalog_find(ctx, kind, name, &d, err));
    if (version->integer > d->version)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "'%s' version %lld was made by a later library: this one knows version %d",
                              d->name, (long long)version->integer, (int)d->version);
    return AIP_OK;
}

static int32_t read_stage(aip_package *p, const aip__node *entry, aip_reader *r, aip_stage **out, aip_error **err) {
    const aip__node *name = need(entry, "name", AIP__STRING), *params = need(entry, "params", AIP__MAP),
                    *has = need(entry, "fitted", AIP__BOOL);
    if (!name || !params || !has) return corrupt(err, "expected each stage with name, params and fitted");
    AIP__TRY(check_version(p->ctx, entry, AIP_KIND_STAGE, name->string, err));
    char *json = canonical(p->ctx, params, err);
    if (!json) return aip__error_memory(p->ctx, err);
    aip_stage *stage = NULL;
    int32_t status = aip_stage_create(p->ctx, name->string, json, NULL, 0, &stage, err);
    aip__free(p->ctx, json);
    if (status != AIP_OK) return status;
    const aip_stage_ops *ops = stage->spec->ops;
    if (aip__package_check_stages(&(aip_stage){.n = 1, .stages = &stage}, NULL) != AIP_OK)
        status = aip__error_set(err, AIP_E_CORRUPT, "stage '%s' cannot stand in a package", name->string);
    if (status == AIP_OK && has->boolean != (ops->fold != NULL))
        status = aip__error_set(err, AIP_E_CORRUPT, "stage '%s': what it learned is %s", name->string,
                                has->boolean ? "not expected" : "missing");
    if (status == AIP_OK && has->boolean) {
        aip_reader part;
        void *fitted = NULL;
        aip_stage *twin = NULL;
        status = next_part(p->ctx, r, &part, err);
        if (status == AIP_OK) status = ops->load(stage->spec->self, &part, &fitted, err);
        if (status == AIP_OK) status = aip__stage_with_learned(stage, fitted, p->n_rows, &twin, err);
        aip_stage_free(stage);
        stage = twin;
        if (status == AIP_OK) status = part_done(&part, name->string, err);
    }
    if (status != AIP_OK) {
        aip__error_at_stage(err, name->string);
        aip_stage_free(stage);
        return status;
    }
    *out = stage;
    return AIP_OK;
}

static int32_t read_pipeline(aip_package *p, const aip__node *root, aip_reader *r, aip_error **err) {
    const aip__node *list = need(root, "stages", AIP__LIST);
    if (!list) return corrupt(err, "expected a list `stages`");
    aip_stage **stages = aip__calloc(p->ctx, (size_t)list->n + 1, sizeof *stages);
    if (!stages) return aip__error_memory(p->ctx, err);
    int32_t status = AIP_OK, n = 0;
    for (; n < list->n && status == AIP_OK; n++) status = read_stage(p, list->items[n], r, &stages[n], err);
    if (status == AIP_OK) status = aip_stage_pipeline(p->ctx, stages, list->n, &p->pipeline, err);
    for (int32_t i = 0; i < n; i++) aip_stage_free(stages[i]);
    aip__free(p->ctx, stages);
    return status;
}

static int32_t read_model(aip_package *p, const aip__node *root, aip_reader *r, aip_error **err) {
    const aip__node *model = need(root, "model", AIP__MAP);
    const aip__node *name = model ? need(model, "name", AIP__STRING) : NULL,
                    *params = model ? need(model, "params", AIP__MAP) : NULL;
    if (!name || !params) return corrupt(err, "expected `model` with name and params");
    aip_reader part;
    AIP__TRY(check_version(p->ctx, model, AIP_KIND_MODEL, name->string, err));
    AIP__TRY(next_part(p->ctx, r, &part, err));
    char *json = canonical(p->ctx, params, err);
    if (!json) return aip__error_memory(p->ctx, err);
    int32_t status = aip__model_load(p->ctx, name->string, json, &part, &p->model, err);
    aip__free(p->ctx, json);
    if (status == AIP_OK) status = part_done(&part, name->string, err);
    return status;
}

static int32_t read_text(aip_package *p, const aip__node *root, const char *key, char **out, aip_error **err) {
    const aip__node *v = need(root, key, AIP__STRING);
    if (!v) return aip__error_set(err, AIP_E_CORRUPT, "package header: expected a text `%s`", key);
    *out = aip__strndup(p->ctx, v->string, v->length);
    return *out ? AIP_OK : aip__error_memory(p->ctx, err);
}

static bool is_null(const aip__node *root, const char *key) { return need(root, key, AIP__NULL) != NULL; }

static int32_t read_body(aip_package *p, const aip__node *root, bool parts, aip_reader *r, aip_error **err) {
    if (root->kind != AIP__MAP) return corrupt(err, "expected an object");
    bool no_model = parts && is_null(root, "model"), no_rows = parts && is_null(root, "rows");
    if (!no_model)
        AIP__TRY(read_text(p, root, "target", &p->target, err));
    else if (!is_null(root, "target"))
        return corrupt(err, "expected `target` to be null without a model");
    AIP__TRY(read_text(p, root, "library", &p->library, err));
    AIP__TRY(read_text(p, root, "profile", &p->profile, err));
    const aip__node *rows = need(root, "rows", AIP__INT), *metrics = aip__node_get(root, "metrics");
    if ((!no_rows && (!rows || rows->integer < 0)) || !metrics || (metrics->kind != AIP__MAP && metrics->kind != AIP__NULL))
        return corrupt(err, "expected `rows` and `metrics`");
    p->n_rows = no_rows ? -1 : rows->integer;
    if (metrics->kind == AIP__MAP && !(p->metrics = canonical(p->ctx, metrics, err))) return aip__error_memory(p->ctx, err);
    AIP__TRY(read_inputs(p, root, err));
    AIP__TRY(read_pipeline(p, root, r, err));
    if (!no_model) AIP__TRY(read_model(p, root, r, err));
    if (no_model && p->pipeline->n == 0) return corrupt(err, "expected stages, a model, or both");
    if (aip_reader_left(r) != 0)
        return aip__error_set(err, AIP_E_CORRUPT, "%zu bytes follow the last part of the package", aip_reader_left(r));
    return AIP_OK;
}

int32_t aip_package_from_bytes(aip_context *ctx, const void *bytes, size_t n, aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || (!bytes && n > 0) || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_package_from_bytes: expected a context, bytes and out");
    if (n < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
        return aip__error_set(err, AIP_E_CORRUPT, "not a package: expected it to begin with \"AIPKG\"");
    aip_reader r;
    int64_t version = 0, header_n = 0;
    const uint8_t *header = NULL;
    if (n < sizeof magic + 16 + DIGEST) return aip__error_set(err, AIP_E_CORRUPT, "the package ends early, after %zu bytes", n);
    aip__reader_init(&r, ctx, bytes, n - DIGEST, NULL);
    AIP__TRY(aip__reader_view(&r, sizeof magic, &header, err));
    AIP__TRY(aip_reader_i64(&r, &version, err));
    if (version != FORMAT_WHOLE && version != FORMAT_PARTS)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "package format %lld: this library reads formats %d and %d",
                              (long long)version, FORMAT_WHOLE, FORMAT_PARTS);
    uint8_t digest[DIGEST];
    aip__sha256 s;
    aip__sha256_init(&s);
    aip__sha256_add(&s, bytes, n - DIGEST);
    aip__sha256_end(&s, digest);
    if (memcmp(digest, (const uint8_t *)bytes + n - DIGEST, DIGEST) != 0)
        return aip__error_set(err, AIP_E_CORRUPT, "the package's checksum does not fit its %zu bytes: it is damaged or cut short",
                              n);
    AIP__TRY(aip_reader_i64(&r, &header_n, err));
    if (header_n < 0 || (uint64_t)header_n > aip_reader_left(&r))
        return aip__error_set(err, AIP_E_CORRUPT, "the package's header of %lld bytes does not fit the file",
                              (long long)header_n);
    AIP__TRY(aip__reader_view(&r, (size_t)header_n, &header, err));
    aip__document *d = NULL;
    AIP__TRY(aip__json_parse(ctx, (const char *)header, (size_t)header_n, "package header", &d, err));
    aip_package *p = aip__package_draft(ctx);
    int32_t status = p ? read_body(p, aip__document_root(d), version == FORMAT_PARTS, &r, err) : aip__error_memory(ctx, err);
    aip__document_free(d);
    if (status != AIP_OK) {
        aip_package_free(p);
        return status;
    }
    return aip__package_finish(p, out, err);
}

int32_t aip_package_load(aip_context *ctx, const char *path, aip_package **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !path || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_package_load: expected a context, a path and out");
    char *bytes = NULL;
    size_t n = 0;
    AIP__TRY(aip__file_load(ctx, path, FILE_LIMIT, &bytes, &n, err));
    int32_t status = aip_package_from_bytes(ctx, bytes, n, out, err);
    aip__free(ctx, bytes);
    if (status != AIP_OK) aip__error_at_source(err, path);
    return status;
}
