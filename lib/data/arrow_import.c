/* Arrow arrays into columns: an array is taken over and checked once, then cut into batches of rows, column by column by its layout. Reads
 * go through memcpy, so that no buffer needs to be aligned. */
#include "base/checked.h"
#include "base/text.h"
#include "data/arrow_inside.h"

typedef aip__arrow_input input;

aip__arrow_rows *aip__arrow_rows_retain(aip__arrow_rows *r) {
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void aip__arrow_rows_free(aip__arrow_rows *r) {
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = r->ctx;
    for (int32_t i = 0; r->words && i < r->schema->n; i++) aip__arrow_words_free(r->words[i]);
    r->array.release(&r->array);
    aip__free(ctx, r->words);
    aip__free(ctx, r->types);
    aip_schema_free(r->schema);
    aip__free(ctx, r);
    aip__context_release(ctx);
}

int64_t aip__arrow_rows_count(const aip__arrow_rows *r) { return r->array.length; }

/* ---- checks ---------------------------------------------------------------------------------------------------------------------- */

int32_t aip__arrow_bad_structure(const char *column, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_MISUSE, "column '%s': an ArrowArray %s", column, what);
    aip__error_at_data_column(err, column);
    return AIP_E_MISUSE;
}

static bool fits_buffers(const struct ArrowArray *a, aip__arrow_layout layout) {
    switch (layout) {
    case ARROW_NULL: return a->n_buffers <= 1;
    case ARROW_TEXT32:
    case ARROW_TEXT64: return a->n_buffers == 3;
    case ARROW_VIEW: return a->n_buffers >= 3; /* validity, views, data buffers, sizes of the data buffers */
    default: return a->n_buffers == 2;
    }
}

int32_t aip__arrow_check_array(const struct ArrowArray *a, aip__arrow_layout layout, int64_t first, int64_t n, const char *column,
                               aip_error **err) {
    int64_t end = 0;
    if (!a || !a->release) return aip__arrow_bad_structure(column, "is NULL or released", err);
    if (a->length < 0 || a->offset < 0 || aip__add_i64(a->length, a->offset, &end) || end == INT64_MAX)
        return aip__arrow_bad_structure(column, "has a negative or overflowing length or offset", err);
    if (a->length < first || a->length - first < n)
        return aip__arrow_bad_structure(column, "is shorter than the struct that it lies in", err);
    if (a->n_buffers < 0 || !fits_buffers(a, layout) || (a->n_buffers > 0 && !a->buffers))
        return aip__arrow_bad_structure(column, "has another number of buffers than its type", err);
    if (a->n_children != 0) return aip__arrow_bad_structure(column, "has children", err);
    if (layout == ARROW_NULL || n == 0) return AIP_OK;
    if (!a->buffers[1]) return aip__arrow_bad_structure(column, "has rows but no values", err);
    if (a->null_count > 0 && !a->buffers[0]) return aip__arrow_bad_structure(column, "has nulls but no validity bitmap", err);
    if (layout == ARROW_VIEW && a->n_buffers > 3 && !a->buffers[a->n_buffers - 1])
        return aip__arrow_bad_structure(column, "has views without sizes of their buffers", err);
    return AIP_OK;
}

static int32_t check_struct(const struct ArrowArray *a, int32_t n_columns, aip_error **err) {
    int64_t end = 0;
    if (a->length < 0 || a->offset < 0 || aip__add_i64(a->length, a->offset, &end))
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray with a negative or overflowing length or offset");
    if (a->n_children != n_columns || (n_columns > 0 && !a->children))
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray with %lld column%s for a schema of %d", (long long)a->n_children,
                              aip__plural(a->n_children), (int)n_columns);
    if (a->n_buffers < 0 || a->n_buffers > 1 || (a->n_buffers == 1 && !a->buffers) || a->dictionary)
        return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray of structs with %lld buffers: expected 1",
                              (long long)a->n_buffers);
    const uint8_t *validity = a->n_buffers == 1 ? a->buffers[0] : NULL;
    if (validity && a->null_count != 0 && aip__bitmap_count_range(validity, a->offset, a->length) < a->length)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "an ArrowArray of structs in which whole rows are null");
    return AIP_OK;
}

int32_t aip__arrow_bad_value(const input *in, int64_t i, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_DATA, "column '%s', row %lld: %s", in->field->name, (long long)(in->first + i), what);
    aip__error_at_data_column(err, in->field->name);
    return AIP_E_DATA;
}

/* ---- a column, a batch ------------------------------------------------------------------------------------------------------------ */

int32_t aip__arrow_import_column(const input *in, const aip__arrow_words *words, aip__column **out, aip_error **err) {
    if (in->type->type == AIP_DICTIONARY) return aip__arrow_import_codes(in, words, out, err);
    switch (in->type->layout) {
    case ARROW_NULL: return aip__column_nulls(in->rows->ctx, in->type->type, in->n, out, err);
    case ARROW_TEXT32:
    case ARROW_TEXT64:
    case ARROW_VIEW:
    case ARROW_FIXED_BYTES: return aip__arrow_import_texts(in, out, err);
    default: return aip__arrow_import_values(in, out, err);
    }
}

input aip__arrow_input_of(const aip__arrow_rows *r, const struct ArrowArray *a, const aip__arrow_type *t, const aip_field *f,
                          int64_t skipped, int64_t first, int64_t n) {
    input in = {.rows = r,
                .array = a,
                .type = t,
                .field = f,
                .start = a->offset + skipped + first,
                .n = n,
                .first = r->first_row + first};
    if (t->layout == ARROW_NULL || n == 0 || a->null_count == 0) return in;
    const uint8_t *validity = a->buffers[0];
    if (validity && aip__bitmap_count_range(validity, in.start, n) < n) in.validity = validity;
    return in;
}

int32_t aip__arrow_rows_batch(const aip__arrow_rows *r, int64_t start, int64_t n, aip_batch **out, aip_error **err) {
    if (start < 0 || n < 0 || n > AIP_BATCH_MAX_ROWS || start > r->array.length || n > r->array.length - start)
        return aip__error_set(err, AIP_E_INTERNAL, "rows %lld + %lld of %lld", (long long)start, (long long)n,
                              (long long)r->array.length);
    aip__column **columns = aip__calloc(r->ctx, (size_t)r->schema->n + 1, sizeof(aip__column *));
    if (!columns) return aip__error_memory(r->ctx, err);
    int32_t made = 0, status = AIP_OK;
    for (; made < r->schema->n && status == AIP_OK; made += status == AIP_OK) {
        input in =
            aip__arrow_input_of(r, r->array.children[made], &r->types[made], &r->schema->fields[made], r->array.offset, start, n);
        status = aip__arrow_import_column(&in, r->words[made], &columns[made], err);
    }
    if (status == AIP_OK)
        status = aip__batch_new(r->schema, n, columns, out, err);
    else
        while (made > 0) aip__column_free(columns[--made]);
    aip__free(r->ctx, columns);
    return status;
}

static int32_t take_dictionary(aip__arrow_rows *r, int32_t i, const struct ArrowSchema *schema, aip_error **err) {
    const struct ArrowArray *d = r->array.children[i]->dictionary;
    const char *name = r->schema->fields[i].name;
    if (!d) return aip__arrow_bad_structure(name, "has codes but no dictionary", err);
    return aip__arrow_words_new(r->ctx, name, schema, d, &r->words[i], err);
}

int32_t aip__arrow_rows_new(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                            aip__arrow_rows **out, aip_error **err) {
    return aip__arrow_rows_with_words(schema, arrow_schema, array, NULL, 0, out, err);
}

int32_t aip__arrow_rows_with_words(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                   aip__arrow_words *const *words, int64_t first_row, aip__arrow_rows **out, aip_error **err) {
    if (!array->release) return aip__error_set(err, AIP_E_MISUSE, "an ArrowArray that was released");
    aip_context *ctx = schema->ctx;
    aip__arrow_rows *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) {
        array->release(array);
        return aip__error_memory(ctx, err);
    }
    atomic_init(&r->refs, 1);
    r->ctx = aip__context_retain(ctx);
    r->schema = aip__schema_retain(schema);
    r->array = *array;
    r->first_row = first_row;
    array->release = NULL; /* moved */
    r->types = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *r->types);
    r->words = aip__calloc(ctx, (size_t)schema->n + 1, sizeof(aip__arrow_words *));
    int32_t status = r->types && r->words ? AIP_OK : aip__error_memory(ctx, err);
    if (status == AIP_OK && arrow_schema->n_children != schema->n)
        status = aip__error_set(err, AIP_E_INTERNAL, "an ArrowSchema of %lld columns for a schema of %d",
                                (long long)arrow_schema->n_children, (int)schema->n);
    if (status == AIP_OK) status = check_struct(&r->array, schema->n, err);
    for (int32_t i = 0; i < schema->n && status == AIP_OK; i++) {
        status = aip__arrow_type_of(arrow_schema->children[i], &r->types[i], err);
        if (status == AIP_OK)
            status = aip__arrow_check_array(r->array.children[i], r->types[i].layout, r->array.offset, r->array.length,
                                            schema->fields[i].name, err);
        if (status != AIP_OK || r->types[i].type != AIP_DICTIONARY) continue;
        if (words && words[i])
            r->words[i] = aip__arrow_words_retain(words[i]);
        else
            status = take_dictionary(r, i, arrow_schema->children[i]->dictionary, err);
    }
    if (status != AIP_OK) {
        aip__arrow_rows_free(r);
        return status;
    }
    *out = r;
    return AIP_OK;
}

int32_t aip__arrow_import_array(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                aip_batch ***batches, int64_t *n, aip_error **err) {
    aip__arrow_rows *r = NULL;
    AIP__TRY(aip__arrow_rows_new(schema, arrow_schema, array, &r, err));
    int64_t length = r->array.length, parts = length / AIP_BATCH_MAX_ROWS + (length % AIP_BATCH_MAX_ROWS > 0), made = 0;
    aip_context *ctx = r->ctx;
    aip_batch **list = aip__calloc(ctx, (size_t)parts + 1, sizeof(aip_batch *));
    int32_t status = list ? AIP_OK : aip__error_memory(ctx, err);
    for (; made < parts && status == AIP_OK; made += status == AIP_OK) {
        int64_t start = made * AIP_BATCH_MAX_ROWS;
        int64_t rows = length - start < AIP_BATCH_MAX_ROWS ? length - start : AIP_BATCH_MAX_ROWS;
        status = aip__arrow_rows_batch(r, start, rows, &list[made], err);
    }
    if (status == AIP_OK) {
        *batches = list;
        *n = parts;
    } else if (list) {
        while (made > 0) aip_batch_free(list[--made]);
        aip__free(ctx, list);
    }
    aip__arrow_rows_free(r);
    return status;
}
