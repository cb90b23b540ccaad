/* Schemas: fields with own copies of their texts in one allocation each, found by name through a small open-addressing table (linear
 * probing, FNV-1a). Also the table of type names and widths. */
#include "data/schema.h"

#include "base/checked.h"
#include "base/memory.h"
#include "data/utf8.h"
#include <string.h>

static const struct {
    const char *name;
    size_t width;
} types[] = {
    {"?", 0},    {"bool", 0},   {"int32", 4},      {"int64", 8},  {"float32", 4},   {"float64", 8},
    {"utf8", 0}, {"binary", 0}, {"dictionary", 4}, {"date32", 4}, {"timestamp", 8}, {"decimal64", 8},
};
#define N_TYPES ((int32_t)(sizeof types / sizeof *types))
#define MAX_FIELDS (1 << 24)
#define MAX_SCALE 18

static bool type_known(int32_t type) { return type > 0 && type < N_TYPES; }

const char *aip_type_name(int32_t type) { return types[type_known(type) ? type : 0].name; }

size_t aip__type_width(int32_t type) { return types[type_known(type) ? type : 0].width; }

int32_t aip__type_from_name(const char *name) {
    for (int32_t t = 1; t < N_TYPES; t++)
        if (strcmp(types[t].name, name) == 0) return t;
    return 0;
}

aip_field aip__field(const char *name, int32_t type) {
    aip_field f = AIP_FIELD_INIT;
    f.name = name;
    f.type = type;
    return f;
}

static uint32_t hash_name(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 16777619u;
    return h ^ h >> 15;
}

int32_t aip_schema_find(const aip_schema *schema, const char *name) {
    if (!schema || !name) return -1;
    for (uint32_t slot = hash_name(name) & schema->index_mask;; slot = (slot + 1) & schema->index_mask) {
        int32_t i = schema->index[slot];
        if (i < 0 || strcmp(schema->fields[i].name, name) == 0) return i;
    }
}

/* Adds field i to the index; false when its name is there already. */
static bool index_add(aip_schema *s, int32_t i) {
    uint32_t slot = hash_name(s->fields[i].name) & s->index_mask;
    for (; s->index[slot] >= 0; slot = (slot + 1) & s->index_mask)
        if (strcmp(s->fields[s->index[slot]].name, s->fields[i].name) == 0) return false;
    s->index[slot] = i;
    return true;
}

/* Checks one field and takes it into the schema with copies of its texts. */
static int32_t field_add(aip_schema *s, int32_t i, const aip_field *given, aip_error **err) {
    aip_field f = AIP_FIELD_INIT;
    AIP__TRY(aip__struct_copy(&f, sizeof f, given, "aip_field", err));
    if (!f.name || !f.name[0]) return aip__error_set(err, AIP_E_SCHEMA, "column %d has no name", (int)i);
    if (!aip__utf8_valid(f.name, strlen(f.name)))
        return aip__error_set(err, AIP_E_SCHEMA, "column %d has a name that is not valid UTF-8", (int)i);
    if (!type_known(f.type)) return aip__error_set(err, AIP_E_SCHEMA, "column '%s' has the unknown type %d", f.name, (int)f.type);
    if (f.type != AIP_DECIMAL64) f.scale = 0;
    if (f.scale < 0 || f.scale > MAX_SCALE)
        return aip__error_set(err, AIP_E_SCHEMA, "column '%s' has scale %d: expected 0 to %d", f.name, (int)f.scale, MAX_SCALE);
    if (f.type != AIP_TIMESTAMP || (f.zone && !f.zone[0])) f.zone = NULL;
    f.nullable = f.nullable != 0;
    const char *zone = f.zone;
    s->fields[i] = f;
    s->fields[i].zone = NULL;
    s->fields[i].name = aip__strdup(s->ctx, f.name);
    s->n = i + 1;
    if (zone) s->fields[i].zone = aip__strdup(s->ctx, zone);
    if (!s->fields[i].name || (zone && !s->fields[i].zone)) return aip__error_memory(s->ctx, err);
    if (!index_add(s, i)) return aip__error_set(err, AIP_E_SCHEMA, "column '%s' is there twice: names must differ", f.name);
    return AIP_OK;
}

int32_t aip_schema_create(aip_context *ctx, const aip_field *fields, int32_t n, aip_schema **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !out || n < 0 || (n > 0 && !fields))
        return aip__error_set(err, AIP_E_MISUSE, "aip_schema_create: context, out and n fields are expected");
    if (n > MAX_FIELDS) return aip__error_set(err, AIP_E_MISUSE, "%d columns: expected at most %d", (int)n, MAX_FIELDS);
    aip_schema *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    atomic_init(&s->refs, 1);
    s->ctx = aip__context_retain(ctx);
    uint32_t slots = 4;
    while (slots < 2 * (uint32_t)n) slots *= 2;
    s->index_mask = slots - 1;
    s->fields = aip__calloc(ctx, (size_t)n, sizeof *s->fields);
    s->index = aip__alloc(ctx, slots * sizeof *s->index);
    int32_t status = s->fields && s->index ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK) memset(s->index, 0xff, slots * sizeof *s->index);
    const uint8_t *at = (const uint8_t *)fields; /* a host's field may be shorter or longer than ours */
    for (int32_t i = 0; status == AIP_OK && i < n; i++) {
        uint32_t size = 0;
        memcpy(&size, at, sizeof size);
        status = field_add(s, i, (const aip_field *)(const void *)at, err);
        at += size;
    }
    if (status != AIP_OK) {
        aip_schema_free(s);
        return status;
    }
    *out = s;
    return AIP_OK;
}

void aip_schema_retain(aip_schema *schema) {
    if (schema) aip__schema_retain(schema);
}

aip_schema *aip__schema_retain(const aip_schema *schema) {
    aip_schema *s = (aip_schema *)(uintptr_t)schema;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void aip_schema_free(aip_schema *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = s->ctx;
    for (int32_t i = 0; i < s->n; i++) {
        aip__free(ctx, (void *)(uintptr_t)s->fields[i].name);
        aip__free(ctx, (void *)(uintptr_t)s->fields[i].zone);
    }
    aip__free(ctx, s->fields);
    aip__free(ctx, s->index);
    aip__free(ctx, s);
    aip__context_release(ctx);
}

int32_t aip_schema_n_fields(const aip_schema *schema) { return schema ? schema->n : 0; }

const aip_field *aip_schema_field(const aip_schema *schema, int32_t i) {
    return schema && i >= 0 && i < schema->n ? &schema->fields[i] : NULL;
}

bool aip__schema_equal(const aip_schema *a, const aip_schema *b) {
    if (a == b) return true;
    if (a->n != b->n) return false;
    for (int32_t i = 0; i < a->n; i++) {
        const aip_field *f = &a->fields[i], *g = &b->fields[i];
        if (f->type != g->type || f->scale != g->scale || f->nullable != g->nullable || strcmp(f->name, g->name) != 0
            || strcmp(f->zone ? f->zone : "", g->zone ? g->zone : "") != 0)
            return false;
    }
    return true;
}
