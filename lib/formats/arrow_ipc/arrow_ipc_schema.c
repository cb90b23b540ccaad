/* A Schema table as Arrow C schemas, one for each column: its type becomes a format string of the C data interface, which data/ already
 * understands, or refuses by name. The children of nested columns are only counted, for what they take of a batch's metadata. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include "base/memory.h"
#include "data/utf8.h"
#include <string.h>

#define MAX_DEPTH 64

/* The slots of the tables in Schema.fbs, and the numbers of the union Type. */
enum { SCHEMA_ENDIANNESS = 0, SCHEMA_FIELDS = 1 };
enum {
    FIELD_NAME = 0,
    FIELD_NULLABLE = 1,
    FIELD_TYPE_TYPE = 2,
    FIELD_TYPE = 3,
    FIELD_DICTIONARY = 4,
    FIELD_CHILDREN = 5,
    FIELD_METADATA = 6
};
enum { PAIR_KEY = 0, PAIR_VALUE = 1 };
enum { DICTIONARY_ID = 0, DICTIONARY_INDEX = 1 };
enum {
    T_NULL = 1,
    T_INT,
    T_FLOAT,
    T_BINARY,
    T_UTF8,
    T_BOOL,
    T_DECIMAL,
    T_DATE,
    T_TIME,
    T_TIMESTAMP,
    T_INTERVAL,
    T_LIST,
    T_STRUCT,
    T_UNION,
    T_FIXED_BINARY,
    T_FIXED_LIST,
    T_MAP,
    T_DURATION,
    T_LARGE_BINARY,
    T_LARGE_UTF8,
    T_LARGE_LIST,
    T_RUN_END,
    T_BINARY_VIEW,
    T_UTF8_VIEW,
    T_LIST_VIEW,
    T_LARGE_LIST_VIEW
};

/* Buffers of a type's own, but for the data buffers of views. */
static int32_t buffers_of(uint8_t type, const aip__flat_table *t, int version) {
    switch (type) {
    case T_NULL:
    case T_RUN_END: return 0;
    case T_STRUCT:
    case T_FIXED_LIST: return 1;
    case T_UNION: return (aip__flat_i16(t, 0, 0) == 1 ? 2 : 1) + (version < 4); /* before metadata V5 with a validity bitmap */
    case T_BINARY:
    case T_UTF8:
    case T_LARGE_BINARY:
    case T_LARGE_UTF8:
    case T_LIST_VIEW:
    case T_LARGE_LIST_VIEW: return 3;
    default: return 2;
    }
}

static void int_format(const aip__flat_table *t, aip__text *to) {
    bool is_signed = aip__flat_u8(t, 1, 0) != 0;
    switch (aip__flat_i32(t, 0, 0)) {
    case 8: aip__text_str(to, is_signed ? "c" : "C"); break;
    case 16: aip__text_str(to, is_signed ? "s" : "S"); break;
    case 32: aip__text_str(to, is_signed ? "i" : "I"); break;
    case 64: aip__text_str(to, is_signed ? "l" : "L"); break;
    default: aip__text_str(to, "?"); break;
    }
}

/* A letter for a unit: seconds, milli-, micro-, nanoseconds. */
static char unit_of(int16_t unit) { return unit >= 0 && unit < 4 ? "smun"[unit] : '?'; }

static void timestamp_format(const aip__flat_table *t, aip__text *to) {
    size_t n = 0;
    const char *zone = aip__flat_get_text(t, 1, &n);
    aip__text_printf(to, "ts%c:", unit_of(aip__flat_i16(t, 0, 0)));
    if (!zone || n == 0) return;
    if (memchr(zone, 0, n) || !aip__utf8_valid(zone, n))
        aip__text_str(to, "?");
    else
        aip__text_add(to, zone, n);
}

/* The format string of a type; "?" where the metadata makes no sense. */
static void format_of(uint8_t type, const aip__flat_table *t, aip__text *to) {
    static const char *const plain[] = {
        [T_NULL] = "n",     [T_BINARY] = "z",       [T_UTF8] = "u",         [T_BOOL] = "b",        [T_LIST] = "+l",
        [T_STRUCT] = "+s",  [T_MAP] = "+m",         [T_LARGE_BINARY] = "Z", [T_LARGE_UTF8] = "U",  [T_LARGE_LIST] = "+L",
        [T_RUN_END] = "+r", [T_BINARY_VIEW] = "vz", [T_UTF8_VIEW] = "vu",   [T_LIST_VIEW] = "+vl", [T_LARGE_LIST_VIEW] = "+vL"};
    static const char *const floats[] = {"e", "f", "g"};
    int16_t half = aip__flat_i16(t, 0, 0);
    switch (type) {
    case T_INT: int_format(t, to); return;
    case T_FLOAT: aip__text_str(to, half >= 0 && half < 3 ? floats[half] : "?"); return;
    case T_DECIMAL:
        aip__text_printf(to, "d:%d,%d,%d", (int)aip__flat_i32(t, 0, 0), (int)aip__flat_i32(t, 1, 0),
                         (int)aip__flat_i32(t, 2, 128));
        return;
    case T_DATE: aip__text_str(to, aip__flat_i16(t, 0, 1) == 0 ? "tdD" : "tdm"); return;
    case T_TIME: aip__text_printf(to, "tt%c", unit_of(aip__flat_i16(t, 0, 1))); return;
    case T_TIMESTAMP: timestamp_format(t, to); return;
    case T_INTERVAL: aip__text_str(to, half == 0 ? "tiM" : half == 1 ? "tiD" : "tin"); return;
    case T_DURATION: aip__text_printf(to, "tD%c", unit_of(aip__flat_i16(t, 0, 1))); return;
    case T_UNION: aip__text_str(to, half == 1 ? "+ud:" : "+us:"); return;
    case T_FIXED_BINARY: aip__text_printf(to, "w:%d", (int)aip__flat_i32(t, 0, 0)); return;
    case T_FIXED_LIST: aip__text_printf(to, "+w:%d", (int)aip__flat_i32(t, 0, 0)); return;
    default: aip__text_str(to, type < sizeof plain / sizeof *plain && plain[type] ? plain[type] : "?"); return;
    }
}

/* ---- columns ------------------------------------------------------------------------------------------------------------------------ */

typedef struct walk {
    const aip__ipc_input *in;
    aip__flat *flat;
    aip__ipc_schema *s;
    int version;
    int64_t base;
    int64_t budget; /* fields that may still be met: no more than the bytes can hold */
} walk;

static int32_t too_many(const walk *w, aip_error **err) {
    return aip__ipc_bad(w->in, w->base, err,
                        "the schema's fields lie within each other: expected at most %d levels and as many "
                        "fields as its bytes hold",
                        MAX_DEPTH);
}

/* Counts what one field takes of a batch's metadata. A dictionary's codes are an integer column, whatever it holds. */
static void count_field(walk *w, const aip__flat_table *field, aip__ipc_column *c, bool coded) {
    aip__flat_table type = aip__flat_get_table(field, FIELD_TYPE);
    uint8_t kind = aip__flat_u8(field, FIELD_TYPE_TYPE, 0);
    c->n_nodes++;
    c->n_buffers += coded ? 2 : buffers_of(kind, &type, w->version);
    c->views += !coded && (kind == T_BINARY_VIEW || kind == T_UTF8_VIEW);
}

/* The same for the field and all below it, in the order of the metadata: before its children. */
static int32_t count_fields(walk *w, const aip__flat_table *root, aip__ipc_column *c, aip_error **err) {
    struct {
        aip__flat_vector children;
        uint32_t next;
    } stack[MAX_DEPTH];
    int depth = 0;
    aip__flat_table field = *root;
    for (;;) {
        if (--w->budget < 0) return too_many(w, err);
        bool coded = aip__flat_get_table(&field, FIELD_DICTIONARY).flat != NULL;
        count_field(w, &field, c, coded);
        aip__flat_vector children = aip__flat_get_vector(&field, FIELD_CHILDREN, 4);
        if (!coded && children.n > 0) { /* a dictionary's children lie in its own batches */
            if (depth == MAX_DEPTH) return too_many(w, err);
            stack[depth].children = children;
            stack[depth++].next = 0;
        }
        while (depth > 0 && stack[depth - 1].next == stack[depth - 1].children.n) depth--;
        if (depth == 0 || w->flat->bad) return AIP_OK;
        field = aip__flat_item(w->flat, &stack[depth - 1].children, stack[depth - 1].next++);
    }
}

static void keep(struct ArrowSchema *schema) { (void)schema; } /* a column owns its schemas */

static int32_t take_text(walk *w, aip__text *t, char **out, aip_error **err) {
    size_t n = 0;
    int32_t status = aip__text_take(t, out, &n, err);
    (void)w;
    return status;
}

static int32_t read_name(walk *w, const aip__flat_table *field, aip__ipc_column *c, int32_t i, aip_error **err) {
    size_t n = 0;
    const char *name = aip__flat_get_text(field, FIELD_NAME, &n);
    if (name && (memchr(name, 0, n) || !aip__utf8_valid(name, n)))
        return aip__ipc_bad(w->in, w->base, err, "expected the name of column %d to be UTF-8 text without NUL", (int)i + 1);
    c->name = name ? aip__strndup(w->s->ctx, name, n) : aip__strdup(w->s->ctx, "");
    return c->name ? AIP_OK : aip__error_memory(w->s->ctx, err);
}

static int32_t read_extension(walk *w, const aip__flat_table *field, aip__ipc_column *c, aip_error **err) {
    aip__flat_vector pairs = aip__flat_get_vector(field, FIELD_METADATA, 4);
    for (uint32_t i = 0; i < pairs.n && !w->flat->bad && !c->extension; i++) {
        size_t n_key = 0, n = 0;
        aip__flat_table pair = aip__flat_item(w->flat, &pairs, i);
        const char *key = aip__flat_get_text(&pair, PAIR_KEY, &n_key), *value = aip__flat_get_text(&pair, PAIR_VALUE, &n);
        if (!key || !value || n_key != strlen(AIP__ARROW_EXTENSION) || memcmp(key, AIP__ARROW_EXTENSION, n_key) != 0) continue;
        c->extension = aip__strndup(w->s->ctx, value, n);
        if (!c->extension) return aip__error_memory(w->s->ctx, err);
    }
    return AIP_OK;
}

static int32_t read_format(walk *w, uint8_t kind, const aip__flat_table *type, char **out, aip_error **err) {
    aip__text t;
    aip__text_init(&t, w->s->ctx);
    format_of(kind, type, &t);
    int32_t status = take_text(w, &t, out, err);
    aip__text_free(&t);
    return status;
}

/* Whether the type is one of ours; when not, the reason is kept until the column is wanted. */
static int32_t settle_type(walk *w, aip__ipc_column *c, aip_error **err) {
    aip_error *why = NULL;
    int32_t status = aip__arrow_type_of(&c->schema, &c->type, &why);
    if (status == AIP_E_UNSUPPORTED || status == AIP_E_SCHEMA) {
        c->type = (aip__arrow_type){0};
        c->refused = aip__strdup(w->s->ctx, aip_error_message(why));
        aip_error_free(why);
        return c->refused ? AIP_OK : aip__error_memory(w->s->ctx, err);
    }
    return status == AIP_OK ? AIP_OK : aip__error_move(err, why);
}

static int32_t read_column(walk *w, const aip__flat_table *field, aip__ipc_column *c, int32_t i, aip_error **err) {
    aip__flat_table type = aip__flat_get_table(field, FIELD_TYPE), dictionary = aip__flat_get_table(field, FIELD_DICTIONARY);
    uint8_t kind = aip__flat_u8(field, FIELD_TYPE_TYPE, 0);
    bool nullable = aip__flat_u8(field, FIELD_NULLABLE, 0) != 0;
    AIP__TRY(read_name(w, field, c, i, err));
    AIP__TRY(read_extension(w, field, c, err));
    AIP__TRY(read_format(w, kind, &type, &c->format, err));
    c->schema = (struct ArrowSchema){.name = c->name, .flags = nullable ? ARROW_FLAG_NULLABLE : 0, .release = keep};
    if (dictionary.flat) {
        aip__flat_table index = aip__flat_get_table(&dictionary, DICTIONARY_INDEX);
        c->values_format = c->format;
        c->format = NULL;
        c->dictionary_id = aip__flat_i64(&dictionary, DICTIONARY_ID, 0);
        if (index.flat)
            AIP__TRY(read_format(w, T_INT, &index, &c->format, err));
        else
            c->format = aip__strdup(w->s->ctx, "i");
        if (!c->format) return aip__error_memory(w->s->ctx, err);
        c->values = (struct ArrowSchema){.name = "", .format = c->values_format, .flags = ARROW_FLAG_NULLABLE, .release = keep};
        c->schema.dictionary = &c->values;
    }
    c->schema.format = c->format;
    AIP__TRY(settle_type(w, c, err));
    return count_fields(w, field, c, err);
}

void aip__ipc_schema_free(aip__ipc_schema *s) {
    for (int32_t i = 0; s->columns && i < s->n; i++) {
        aip__free(s->ctx, s->columns[i].name);
        aip__free(s->ctx, s->columns[i].format);
        aip__free(s->ctx, s->columns[i].values_format);
        aip__free(s->ctx, s->columns[i].refused);
        aip__free(s->ctx, s->columns[i].extension);
    }
    aip__free(s->ctx, s->columns);
    *s = (aip__ipc_schema){0};
}

static int32_t read_columns(walk *w, const aip__flat_vector *fields, aip_error **err) {
    aip__ipc_schema *s = w->s;
    for (int32_t i = 0; i < s->n; i++) {
        aip__ipc_column *c = &s->columns[i];
        c->node = s->n_nodes;
        c->buffer = s->n_buffers;
        c->views_before = s->n_views;
        aip__flat_table field = aip__flat_item(w->flat, fields, (uint32_t)i);
        AIP__TRY(read_column(w, &field, c, i, err));
        if (w->flat->bad)
            return aip__ipc_bad(w->in, w->base + (int64_t)w->flat->bad_at, err, "the schema's metadata is damaged: %s",
                                w->flat->bad);
        s->n_nodes += c->n_nodes;
        s->n_buffers += c->n_buffers;
        s->n_views += c->views;
    }
    return AIP_OK;
}

int32_t aip__ipc_schema_read(const aip__ipc_input *in, const aip__flat_table *table, int version, int64_t base,
                             aip__ipc_schema *out, aip_error **err) {
    aip__flat *flat = table->flat;
    if (!flat) return aip__ipc_bad(in, base, err, "expected a schema, found none");
    aip__flat_vector fields = aip__flat_get_vector(table, SCHEMA_FIELDS, 4);
    if (aip__flat_i16(table, SCHEMA_ENDIANNESS, 0) != 0 && !flat->bad)
        return aip__ipc_error(in->source, base, AIP_E_UNSUPPORTED, err,
                              "the data is big-endian, as the schema says: expected little-endian");
    aip__ipc_schema s = {.ctx = in->ctx};
    walk w = {.in = in, .flat = flat, .s = &s, .version = version, .base = base, .budget = (int64_t)(flat->n / 16)};
    if (flat->bad) return aip__ipc_bad(in, base + (int64_t)flat->bad_at, err, "the schema's metadata is damaged: %s", flat->bad);
    if (fields.n > w.budget) return too_many(&w, err);
    s.n = (int32_t)fields.n;
    s.columns = aip__calloc(in->ctx, (size_t)fields.n + 1, sizeof *s.columns);
    if (!s.columns) return aip__error_memory(in->ctx, err);
    int32_t status = read_columns(&w, &fields, err);
    if (status != AIP_OK) {
        aip__ipc_schema_free(&s);
        return status;
    }
    *out = s;
    return AIP_OK;
}
