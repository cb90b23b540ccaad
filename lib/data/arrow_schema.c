/* Arrow schemas: format strings (https://arrow.apache.org/docs/format/CDataInterface.html) to types and back. */
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "data/arrow.h"
#include "data/arrow_type.h"
#include <string.h>

#define MAX_DECIMAL_DIGITS 19 /* an int64 holds 18 digits whole, and some numbers of 19: those are checked one by one */
#define MAX_SCALE 18
#define MAX_TOLD ((size_t)100) /* bytes of a producer's text in a message */

/* ---- import -------------------------------------------------------------------------------------------------------------------- */

static const char *name_of(const struct ArrowSchema *s) { return s->name ? s->name : ""; }

static int32_t unsupported(const struct ArrowSchema *s, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_UNSUPPORTED, "column '%s' has the Arrow type %s ('%.64s'), which has no counterpart here",
                   name_of(s), what, s->format);
    aip__error_at_data_column(err, name_of(s));
    return AIP_E_UNSUPPORTED;
}

static int32_t malformed(const struct ArrowSchema *s, aip_error **err) {
    aip__error_set(err, AIP_E_SCHEMA, "column '%s' has the Arrow format '%.64s', which is not one", name_of(s), s->format);
    aip__error_at_data_column(err, name_of(s));
    return AIP_E_SCHEMA;
}

/* A whole number of at most 9 digits; moves *p behind it. */
static bool small_number(const char **p, int32_t *out) {
    const char *s = *p;
    bool minus = *s == '-';
    if (minus) s++;
    int32_t v = 0;
    const char *first = s;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (s - first == 9) return false;
        v = v * 10 + (*s - '0');
    }
    if (s == first) return false;
    *out = minus ? -v : v;
    *p = s;
    return true;
}

/* "d:precision,scale[,bits]" */
static int32_t decimal_type(const struct ArrowSchema *s, aip__arrow_type *t, aip_error **err) {
    const char *p = s->format + 2;
    int32_t digits = 0, bits = 128;
    if (!small_number(&p, &digits) || *p++ != ',' || !small_number(&p, &t->scale)) return malformed(s, err);
    if (*p == ',') {
        p++;
        if (!small_number(&p, &bits)) return malformed(s, err);
    }
    if (*p || digits < 1) return malformed(s, err);
    if (digits > MAX_DECIMAL_DIGITS || t->scale < 0 || t->scale > MAX_SCALE || bits > 128)
        return unsupported(s, "decimal of more than 19 digits or with a scale out of 0 to 18", err);
    if (bits != 32 && bits != 64 && bits != 128) return malformed(s, err);
    t->layout = ARROW_DECIMAL;
    t->type = AIP_DECIMAL64;
    t->width = bits / 8;
    return AIP_OK;
}

/* "tdD", "tdm", "tsu:zone", and the times that have no counterpart. */
static int32_t time_type(const struct ArrowSchema *s, aip__arrow_type *t, aip_error **err) {
    const char *f = s->format;
    if (f[1] == 'd' && (f[2] == 'D' || f[2] == 'm') && !f[3]) {
        t->type = AIP_DATE32;
        t->layout = f[2] == 'D' ? ARROW_I32 : ARROW_I64;
        t->days_in_millis = f[2] == 'm';
        return AIP_OK;
    }
    if (f[1] == 's' && f[2] && strchr("smun", f[2]) && f[3] == ':') {
        t->type = AIP_TIMESTAMP;
        t->layout = ARROW_I64;
        t->unit = f[2] == 's' ? 1000000 : f[2] == 'm' ? 1000 : f[2] == 'u' ? 1 : 0;
        t->zone = f[4] ? f + 4 : NULL;
        return AIP_OK;
    }
    if (f[1] && strchr("tDi", f[1])) return unsupported(s, "time of day, duration or interval", err);
    return malformed(s, err);
}

static const struct {
    const char *format;
    aip__arrow_layout layout;
    int32_t type;
} simple_formats[] = {
    {"n", ARROW_NULL, AIP_UTF8},    {"b", ARROW_BOOL, AIP_BOOL},     {"c", ARROW_I8, AIP_INT32},
    {"C", ARROW_U8, AIP_INT32},     {"s", ARROW_I16, AIP_INT32},     {"S", ARROW_U16, AIP_INT32},
    {"i", ARROW_I32, AIP_INT32},    {"I", ARROW_U32, AIP_INT64},     {"l", ARROW_I64, AIP_INT64},
    {"L", ARROW_U64, AIP_INT64},    {"e", ARROW_F16, AIP_FLOAT32},   {"f", ARROW_F32, AIP_FLOAT32},
    {"g", ARROW_F64, AIP_FLOAT64},  {"u", ARROW_TEXT32, AIP_UTF8},   {"z", ARROW_TEXT32, AIP_BINARY},
    {"U", ARROW_TEXT64, AIP_UTF8},  {"Z", ARROW_TEXT64, AIP_BINARY}, {"vu", ARROW_VIEW, AIP_UTF8},
    {"vz", ARROW_VIEW, AIP_BINARY},
};

static int32_t plain_type(const struct ArrowSchema *s, aip__arrow_type *t, aip_error **err) {
    const char *f = s->format;
    for (size_t i = 0; i < sizeof simple_formats / sizeof *simple_formats; i++) {
        if (strcmp(f, simple_formats[i].format) != 0) continue;
        t->layout = simple_formats[i].layout;
        t->type = simple_formats[i].type;
        return AIP_OK;
    }
    if (f[0] == 'd' && f[1] == ':') return decimal_type(s, t, err);
    if (f[0] == 't') return time_type(s, t, err);
    if (f[0] == 'w' && f[1] == ':') {
        const char *p = f + 2;
        if (!small_number(&p, &t->width) || *p || t->width < 0) return malformed(s, err);
        t->layout = ARROW_FIXED_BYTES;
        t->type = AIP_BINARY;
        return AIP_OK;
    }
    if (f[0] == '+') return unsupported(s, f[1] == 's' ? "struct (nested)" : "list, map, union or run-end (nested)", err);
    return malformed(s, err);
}

static bool is_text_format(const char *f) { return strcmp(f, "u") == 0 || strcmp(f, "U") == 0 || strcmp(f, "vu") == 0; }

int32_t aip__arrow_type_of(const struct ArrowSchema *s, aip__arrow_type *out, aip_error **err) {
    aip__arrow_type t = {0};
    if (!s || !s->release || !s->format)
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowSchema that is NULL, released or without a format");
    AIP__TRY(plain_type(s, &t, err));
    if (s->dictionary) {
        bool codes = t.layout >= ARROW_I8 && t.layout <= ARROW_U64 && (t.type == AIP_INT32 || t.type == AIP_INT64);
        if (!codes) return malformed(s, err);
        const struct ArrowSchema *d = s->dictionary;
        if (!d->format || !d->release || d->dictionary || !is_text_format(d->format))
            return unsupported(s, "dictionary of something else than text", err);
        t.type = AIP_DICTIONARY;
    }
    if (s->n_children != 0) return malformed(s, err);
    *out = t;
    return AIP_OK;
}

static int32_t check_struct(const struct ArrowSchema *s, aip_error **err) {
    if (!s || !s->release || !s->format)
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowSchema that is NULL, released or without a format");
    if (strcmp(s->format, "+s") != 0)
        return aip__error_set(err, AIP_E_SCHEMA, "expected a struct of columns ('+s'), found the Arrow format '%.64s'",
                              s->format);
    if (s->n_children < 0 || s->n_children > INT32_MAX / 2 || (s->n_children > 0 && !s->children) || s->dictionary)
        return aip__error_set(err, AIP_E_MISUSE,
                              "an ArrowSchema with %lld children and without a list of them, or with a dictionary",
                              (long long)s->n_children);
    return AIP_OK;
}

/* ---- extension types ----------------------------------------------------------------------------------------------------------- */

/* A text of a field's metadata: its length in 4 bytes, then the text. Moves *p behind it. */
static bool next_text(const char **p, const char **text, size_t *n) {
    int32_t length = 0;
    memcpy(&length, *p, sizeof length);
    if (length < 0) return false;
    *text = *p + sizeof length;
    *n = (size_t)length;
    *p = *text + length;
    return true;
}

/* The name of a field's extension type; NULL: it has none. metadata: the number of pairs in 4 bytes, then keys and values. */
static const char *extension_of(const char *metadata, size_t *n) {
    int32_t left = 0;
    const char *p = metadata, *key = NULL, *value = NULL;
    size_t n_key = 0, n_name = strlen(AIP__ARROW_EXTENSION);
    if (!metadata) return NULL;
    memcpy(&left, p, sizeof left);
    for (p += sizeof left; left > 0 && next_text(&p, &key, &n_key) && next_text(&p, &value, n); left--)
        if (n_key == n_name && memcmp(key, AIP__ARROW_EXTENSION, n_name) == 0) return value;
    return NULL;
}

void aip__arrow_tell_extension(aip_context *ctx, const char *column, const char *name, size_t n, int32_t type) {
    aip__text t;
    aip__text_init(&t, ctx);
    aip__text_json(&t, name, n < MAX_TOLD ? n : MAX_TOLD);
    if (!t.failed)
        aip__log(ctx, AIP_LOG_WARNING, NULL, "column '%s' has the Arrow extension type %s, which is not kept: it is %s here",
                 column, t.bytes, aip_type_name(type));
    aip__text_free(&t);
}

int32_t aip__arrow_import_schema(aip_context *ctx, const struct ArrowSchema *schema, aip_schema **out, aip_error **err) {
    AIP__TRY(check_struct(schema, err));
    int32_t n = (int32_t)schema->n_children, status = AIP_OK;
    aip_field *fields = aip__calloc(ctx, (size_t)n + 1, sizeof *fields);
    if (!fields) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < n && status == AIP_OK; i++) {
        const struct ArrowSchema *child = schema->children[i];
        aip__arrow_type t = {0};
        status = aip__arrow_type_of(child, &t, err);
        if (status != AIP_OK) break;
        fields[i] = aip__field(name_of(child), t.type);
        fields[i].zone = t.zone;
        fields[i].scale = t.scale;
        fields[i].nullable = t.layout == ARROW_NULL || (child->flags & ARROW_FLAG_NULLABLE) != 0;
        size_t n_name = 0;
        const char *extension = extension_of(child->metadata, &n_name);
        if (extension) aip__arrow_tell_extension(ctx, name_of(child), extension, n_name, t.type);
    }
    if (status == AIP_OK) status = aip_schema_create(ctx, fields, n, out, err);
    aip__free(ctx, fields);
    return status;
}

/* ---- export -------------------------------------------------------------------------------------------------------------------- */

/* What one exported schema node owns; each node stands alone, since a consumer may move it away from its parent. */
typedef struct exported {
    aip_context *ctx;
    struct ArrowSchema dictionary;
    struct ArrowSchema *children; /* of the struct */
    struct ArrowSchema **children_pointers;
    char *format, *name;
} exported;

static void release_schema(struct ArrowSchema *s) {
    exported *e = s->private_data;
    aip_context *ctx = e->ctx;
    for (int64_t i = 0; i < s->n_children; i++)
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    if (s->dictionary && s->dictionary->release) s->dictionary->release(s->dictionary);
    aip__free(ctx, e->children);
    aip__free(ctx, e->children_pointers);
    aip__free(ctx, e->format);
    aip__free(ctx, e->name);
    aip__free(ctx, e);
    aip__context_release(ctx);
    s->release = NULL;
}

static int32_t node_new(aip_context *ctx, const char *format, const char *name, int64_t flags, struct ArrowSchema *out,
                        aip_error **err) {
    exported *e = aip__calloc(ctx, 1, sizeof *e);
    if (!e) return aip__error_memory(ctx, err);
    e->ctx = aip__context_retain(ctx);
    e->format = aip__strdup(ctx, format);
    e->name = aip__strdup(ctx, name);
    *out =
        (struct ArrowSchema){.format = e->format, .name = e->name, .flags = flags, .release = release_schema, .private_data = e};
    if (e->format && e->name) return AIP_OK;
    release_schema(out);
    return aip__error_memory(ctx, err);
}

/* The format of a type without parameters. */
static const char *simple_format(int32_t type) {
    static const char *const formats[] = {
        [AIP_BOOL] = "b", [AIP_INT32] = "i",  [AIP_INT64] = "l",      [AIP_FLOAT32] = "f", [AIP_FLOAT64] = "g",
        [AIP_UTF8] = "u", [AIP_BINARY] = "z", [AIP_DICTIONARY] = "i", [AIP_DATE32] = "tdD"};
    return formats[type];
}

static int32_t export_field(aip_context *ctx, const aip_field *f, struct ArrowSchema *out, aip_error **err) {
    int64_t flags = f->nullable ? ARROW_FLAG_NULLABLE : 0;
    aip__text format;
    aip__text_init(&format, ctx);
    if (f->type == AIP_TIMESTAMP)
        aip__text_printf(&format, "tsu:%s", f->zone ? f->zone : "");
    else if (f->type == AIP_DECIMAL64)
        aip__text_printf(&format, "d:%d,%d", MAX_DECIMAL_DIGITS, (int)f->scale);
    else
        aip__text_str(&format, simple_format(f->type));
    int32_t status = format.failed ? aip__error_memory(ctx, err) : node_new(ctx, format.bytes, f->name, flags, out, err);
    aip__text_free(&format);
    if (status != AIP_OK || f->type != AIP_DICTIONARY) return status;
    exported *e = out->private_data;
    status = node_new(ctx, "u", "", ARROW_FLAG_NULLABLE, &e->dictionary, err);
    if (status != AIP_OK)
        release_schema(out);
    else
        out->dictionary = &e->dictionary;
    return status;
}

int32_t aip__arrow_export_schema(const aip_schema *schema, struct ArrowSchema *out, aip_error **err) {
    struct ArrowSchema s = {0};
    AIP__TRY(node_new(schema->ctx, "+s", "", 0, &s, err));
    exported *e = s.private_data;
    e->children = aip__calloc(schema->ctx, (size_t)schema->n + 1, sizeof *e->children);
    e->children_pointers = aip__calloc(schema->ctx, (size_t)schema->n + 1, sizeof *e->children_pointers);
    s.children = e->children_pointers;
    int32_t status = e->children && e->children_pointers ? AIP_OK : aip__error_memory(schema->ctx, err);
    for (int32_t i = 0; i < schema->n && status == AIP_OK; i++) {
        e->children_pointers[i] = &e->children[i];
        status = export_field(schema->ctx, &schema->fields[i], &e->children[i], err);
        if (status == AIP_OK) s.n_children = i + 1;
    }
    if (status != AIP_OK) {
        release_schema(&s);
        return status;
    }
    *out = s;
    return AIP_OK;
}
