/* Batches: as many columns of one length as the schema has fields. */
#include "data/batch.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"

static void release_columns(aip__column *const *columns, int32_t n) {
    for (int32_t i = 0; i < n; i++) aip__column_free(columns[i]);
}

/* What a batch promises about its columns. */
static int32_t check_columns(const aip_schema *schema, int64_t n_rows, aip__column *const *columns, aip_error **err) {
    if (n_rows < 0 || n_rows > AIP_BATCH_MAX_ROWS)
        return aip__error_set(err, AIP_E_MISUSE, "a batch of %lld rows: expected 0 to %d", (long long)n_rows, AIP_BATCH_MAX_ROWS);
    for (int32_t i = 0; i < schema->n; i++) {
        const aip_field *f = &schema->fields[i];
        if (columns[i]->type != f->type)
            return aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s in the schema and %s in the batch", f->name,
                                  aip_type_name(f->type), aip_type_name(columns[i]->type));
        if (columns[i]->length != n_rows)
            return aip__error_set(err, AIP_E_MISUSE, "column '%s' has %lld rows in a batch of %lld", f->name,
                                  (long long)columns[i]->length, (long long)n_rows);
    }
    return AIP_OK;
}

int32_t aip__batch_new(const aip_schema *schema, int64_t n_rows, aip__column *const *columns, aip_batch **out, aip_error **err) {
    int32_t status = check_columns(schema, n_rows, columns, err);
    aip_batch *b = NULL;
    if (status == AIP_OK) {
        b = aip__alloc(schema->ctx, sizeof *b + (size_t)schema->n * sizeof *b->columns);
        if (!b) status = aip__error_memory(schema->ctx, err);
    }
    if (status != AIP_OK) {
        release_columns(columns, schema->n);
        return status;
    }
    atomic_init(&b->refs, 1);
    b->ctx = aip__context_retain(schema->ctx);
    b->schema = aip__schema_retain(schema);
    b->n_rows = n_rows;
    b->ordinal = -1;
    b->n_columns = schema->n;
    for (int32_t i = 0; i < schema->n; i++) b->columns[i] = columns[i];
    *out = b;
    return AIP_OK;
}

aip_batch *aip__batch_retain(const aip_batch *b) {
    aip_batch *m = (aip_batch *)(uintptr_t)b;
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void aip_batch_retain(aip_batch *batch) {
    if (batch) aip__batch_retain(batch);
}

void aip_batch_free(aip_batch *b) {
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = b->ctx;
    release_columns(b->columns, b->n_columns);
    aip_schema_free(b->schema);
    aip__free(ctx, b);
    aip__context_release(ctx);
}

/* Builds a batch column by column: make(column, arg) for each of n columns of b, under schema. */
typedef int32_t (*make_column)(const aip_batch *b, int32_t i, const void *arg, aip__column **out, aip_error **err);
static int32_t derive(const aip_batch *b, const aip_schema *schema, int64_t n_rows, make_column make, const void *arg,
                      aip_batch **out, aip_error **err) {
    int32_t n = schema->n, made = 0, status = AIP_OK;
    aip__column **columns = aip__alloc(b->ctx, (size_t)n * sizeof *columns + 1);
    if (!columns) return aip__error_memory(b->ctx, err);
    for (; made < n && status == AIP_OK; made += status == AIP_OK) status = make(b, made, arg, &columns[made], err);
    if (status != AIP_OK)
        release_columns(columns, made);
    else
        status = aip__batch_new(schema, n_rows, columns, out, err);
    aip__free(b->ctx, columns);
    return status;
}

typedef struct slice_arg {
    int64_t start, n;
} slice_arg;
static int32_t make_slice(const aip_batch *b, int32_t i, const void *arg, aip__column **out, aip_error **err) {
    const slice_arg *s = arg;
    return aip__column_slice(b->columns[i], s->start, s->n, out, err);
}
int32_t aip__batch_slice(const aip_batch *b, int64_t start, int64_t n, aip_batch **out, aip_error **err) {
    if (start < 0 || n < 0 || start > b->n_rows || n > b->n_rows - start)
        return aip__error_set(err, AIP_E_INTERNAL, "slice %lld + %lld of %lld rows", (long long)start, (long long)n,
                              (long long)b->n_rows);
    slice_arg arg = {start, n};
    AIP__TRY(derive(b, b->schema, n, make_slice, &arg, out, err));
    (*out)->ordinal = b->ordinal < 0 ? -1 : b->ordinal + start;
    return AIP_OK;
}

typedef struct filter_arg {
    const uint8_t *mask;
    int64_t n_selected;
} filter_arg;
static int32_t make_filtered(const aip_batch *b, int32_t i, const void *arg, aip__column **out, aip_error **err) {
    const filter_arg *f = arg;
    return aip__column_filter(b->columns[i], f->mask, f->n_selected, out, err);
}
int32_t aip__batch_filter(const aip_batch *b, const uint8_t *mask, aip_batch **out, aip_error **err) {
    filter_arg arg = {mask, aip__bitmap_count(mask, b->n_rows)};
    if (arg.n_selected == b->n_rows) {
        *out = aip__batch_retain(b);
        return AIP_OK;
    }
    return derive(b, b->schema, arg.n_selected, make_filtered, &arg, out, err);
}

static int32_t make_retained(const aip_batch *b, int32_t i, const void *arg, aip__column **out, aip_error **err) {
    (void)err;
    const int32_t *indices = arg;
    *out = aip__column_retain(b->columns[indices ? indices[i] : i]);
    return AIP_OK;
}
int32_t aip__batch_relabel(const aip_batch *b, const aip_schema *schema, aip_batch **out, aip_error **err) {
    if (schema->n != b->n_columns)
        return aip__error_set(err, AIP_E_INTERNAL, "%d columns under a schema of %d", (int)b->n_columns, (int)schema->n);
    return aip__batch_project(b, NULL, schema, out, err);
}
int32_t aip__batch_project(const aip_batch *b, const int32_t *indices, const aip_schema *schema, aip_batch **out,
                           aip_error **err) {
    AIP__TRY(derive(b, schema, b->n_rows, make_retained, indices, out, err));
    (*out)->ordinal = b->ordinal;
    return AIP_OK;
}

bool aip__batch_equal(const aip_batch *a, const aip_batch *b) {
    if (a->n_rows != b->n_rows || !aip__schema_equal(a->schema, b->schema)) return false;
    for (int32_t i = 0; i < a->n_columns; i++)
        if (!aip__column_equal(a->columns[i], b->columns[i])) return false;
    return true;
}

size_t aip__batch_bytes(const aip_batch *b) {
    size_t bytes = 0;
    for (int32_t i = 0; i < b->n_columns; i++) bytes += aip__column_bytes(b->columns[i]);
    return bytes;
}

/* ---- public ---------------------------------------------------------------------------------------------------------------- */

int64_t aip_batch_n_rows(const aip_batch *batch) { return batch ? batch->n_rows : 0; }
const aip_schema *aip_batch_schema(const aip_batch *batch) { return batch ? batch->schema : NULL; }

int32_t aip_batch_column(const aip_batch *batch, int32_t i, aip_column_view *view, aip_error **err) {
    AIP__BEGIN(err);
    if (!batch || !view) return aip__error_set(err, AIP_E_MISUSE, "aip_batch_column: a batch and a view are expected");
    if (i < 0 || i >= batch->n_columns)
        return aip__error_set(err, AIP_E_MISUSE, "column %d of a batch with %d column%s", (int)i, (int)batch->n_columns,
                              aip__plural(batch->n_columns));
    uint32_t size = view->struct_size;
    if (size < sizeof size)
        return aip__error_set(err, AIP_E_MISUSE, "aip_column_view.struct_size is %u: expected sizeof(aip_column_view)",
                              (unsigned)size);
    aip_column_view full;
    aip__column_view(batch->columns[i], &full);
    memset(view, 0, size);
    memcpy(view, &full, size < sizeof full ? size : sizeof full);
    view->struct_size = size;
    return AIP_OK;
}

/* Column n of a batch from the host's view of it; one of type 0 is the base's of the field's name, when there is a base. */
static int32_t host_column(const aip_batch *base, const aip_schema *schema, int32_t n, const aip_column_view *given,
                           aip__column **out, aip_error **err) {
    const aip_field *field = &schema->fields[n];
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    AIP__TRY(aip__struct_copy(&v, sizeof v, given, "aip_column_view", err));
    if (base && v.type == 0) {
        int32_t i = 0;
        AIP__TRY(aip__schema_need(base->schema, field->name, &i, err));
        if (field->type == AIP_DECIMAL64 && field->scale != base->schema->fields[i].scale)
            return aip__error_set(err, AIP_E_SCHEMA, "column '%s' has scale %d in the schema and %d in the batch", field->name,
                                  (int)field->scale, (int)base->schema->fields[i].scale);
        *out = aip__column_retain(base->columns[i]); /* its type is checked with the whole batch */
        return AIP_OK;
    }
    if (v.type != field->type)
        return aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s in the schema, %s was given", field->name,
                              aip_type_name(field->type), aip_type_name(v.type));
    if (v.length < 0 || v.length > AIP_BATCH_MAX_ROWS)
        return aip__error_set(err, AIP_E_MISUSE, "column '%s' has %lld rows: a batch holds 0 to %d", field->name,
                              (long long)v.length, AIP_BATCH_MAX_ROWS);
    return aip__column_from_view(schema->ctx, &v, 0, v.length, out, err);
}

static int32_t from_host(const aip_batch *base, const aip_schema *schema, const aip_column_view *columns, int32_t n_columns,
                         aip_batch **out, aip_error **err) {
    if (n_columns != schema->n)
        return aip__error_set(err, AIP_E_MISUSE, "%d column%s for a schema of %d", (int)n_columns, aip__plural(n_columns),
                              (int)schema->n);
    aip__column **made = aip__alloc(schema->ctx, (size_t)n_columns * sizeof *made + 1);
    if (!made) return aip__error_memory(schema->ctx, err);
    int32_t n = 0, status = AIP_OK;
    const uint8_t *at = (const uint8_t *)columns; /* a host's view may be shorter or longer than ours */
    for (; n < n_columns && status == AIP_OK; n += status == AIP_OK) {
        const aip_column_view *given = (const aip_column_view *)(const void *)at;
        status = host_column(base, schema, n, given, &made[n], err);
        if (status != AIP_OK) {
            aip__error_at_data_column(err, schema->fields[n].name);
            break;
        }
        at += given->struct_size;
    }
    int64_t n_rows = base ? base->n_rows : n > 0 ? made[0]->length : 0;
    if (status == AIP_OK)
        status = aip__batch_new(schema, n_rows, made, out, err);
    else
        release_columns(made, n);
    aip__free(schema->ctx, made);
    return status;
}

int32_t aip_batch_create(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_batch **out,
                         aip_error **err) {
    AIP__BEGIN(err);
    if (!schema || !out || (n_columns > 0 && !columns))
        return aip__error_set(err, AIP_E_MISUSE, "aip_batch_create: schema, columns and out are expected");
    return from_host(NULL, schema, columns, n_columns, out, err);
}

int32_t aip_batch_derive(const aip_batch *base, const aip_schema *schema, const aip_column_view *columns, int32_t n_columns,
                         aip_batch **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!base || !schema || !out || (n_columns > 0 && !columns))
        return aip__error_set(err, AIP_E_MISUSE, "aip_batch_derive: base, schema, columns and out are expected");
    if (base->ctx != schema->ctx)
        return aip__error_set(err, AIP_E_MISUSE, "aip_batch_derive: the batch and the schema belong to different contexts");
    AIP__TRY(from_host(base, schema, columns, n_columns, out, err));
    (*out)->ordinal = base->ordinal;
    return AIP_OK;
}
