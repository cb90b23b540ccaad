/* Batches as Arrow arrays, without a copy: each exported node keeps its column alive until released. Decimals alone are copied, as the
 * 128-bit integers that every consumer knows. */
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "data/arrow.h"

/* What one exported array owns; each node stands alone, since a consumer may move it away from its parent. */
typedef struct exported {
    aip_context *ctx;
    aip__column *column;   /* NULL for the struct */
    aip__buffer *decimals; /* NULL but for decimals */
    const void *buffers[3];
    struct ArrowArray dictionary;
    struct ArrowArray *children; /* of the struct */
    struct ArrowArray **children_pointers;
} exported;

static void release_array(struct ArrowArray *a) {
    exported *e = a->private_data;
    aip_context *ctx = e->ctx;
    for (int64_t i = 0; i < a->n_children; i++)
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
    if (a->dictionary && a->dictionary->release) a->dictionary->release(a->dictionary);
    aip__column_free(e->column);
    aip__buffer_free(e->decimals);
    aip__free(ctx, e->children);
    aip__free(ctx, e->children_pointers);
    aip__free(ctx, e);
    aip__context_release(ctx);
    a->release = NULL;
}

static exported *node_new(aip_context *ctx, int64_t length, struct ArrowArray *out) {
    exported *e = aip__calloc(ctx, 1, sizeof *e);
    if (!e) return NULL;
    e->ctx = aip__context_retain(ctx);
    *out =
        (struct ArrowArray){.length = length, .n_buffers = 1, .buffers = e->buffers, .release = release_array, .private_data = e};
    return e;
}

/* Each value sign-extended to 16 bytes, low word first. */
static aip__buffer *widen_decimals(const aip__column *c) {
    size_t size = 0;
    if (aip__rows_size(c->length, 16, &size)) return NULL;
    aip__buffer *b = aip__buffer_new(c->ctx, size);
    for (int64_t i = 0; b && i < c->length; i++) {
        int64_t words[2] = {aip__column_i64(c)[i], aip__column_i64(c)[i] < 0 ? -1 : 0};
        memcpy(b->data + (size_t)i * 16, words, 16);
    }
    return b;
}

/* A column but for its dictionary. */
static int32_t export_plain(const aip__column *c, struct ArrowArray *out, aip_error **err) {
    exported *e = node_new(c->ctx, c->length, out);
    if (!e) return aip__error_memory(c->ctx, err);
    e->column = aip__column_retain(c);
    out->null_count = c->null_count;
    e->buffers[0] = c->validity;
    e->buffers[1] = c->values;
    out->n_buffers = 2;
    if (c->offsets) {
        e->buffers[1] = c->offsets;
        e->buffers[2] = c->values;
        out->n_buffers = 3;
    }
    if (c->type == AIP_DECIMAL64) {
        e->decimals = widen_decimals(c);
        if (!e->decimals) {
            release_array(out);
            return aip__error_memory(c->ctx, err);
        }
        e->buffers[1] = e->decimals->data;
    }
    return AIP_OK;
}

static int32_t export_column(const aip__column *c, struct ArrowArray *out, aip_error **err) {
    AIP__TRY(export_plain(c, out, err));
    if (c->type != AIP_DICTIONARY) return AIP_OK;
    exported *e = out->private_data;
    int32_t status = export_plain(c->dictionary, &e->dictionary, err);
    if (status != AIP_OK)
        release_array(out);
    else
        out->dictionary = &e->dictionary;
    return status;
}

int32_t aip__arrow_export_batch(const aip_batch *batch, struct ArrowArray *out, aip_error **err) {
    struct ArrowArray a = {0};
    exported *e = node_new(batch->ctx, batch->n_rows, &a);
    if (!e) return aip__error_memory(batch->ctx, err);
    e->children = aip__calloc(batch->ctx, (size_t)batch->n_columns + 1, sizeof *e->children);
    e->children_pointers = aip__calloc(batch->ctx, (size_t)batch->n_columns + 1, sizeof *e->children_pointers);
    a.children = e->children_pointers;
    int32_t status = e->children && e->children_pointers ? AIP_OK : aip__error_memory(batch->ctx, err);
    for (int32_t i = 0; i < batch->n_columns && status == AIP_OK; i++) {
        e->children_pointers[i] = &e->children[i];
        status = export_column(batch->columns[i], &e->children[i], err);
        if (status == AIP_OK) a.n_children = i + 1;
    }
    if (status != AIP_OK) {
        release_array(&a);
        return status;
    }
    *out = a;
    return AIP_OK;
}

int32_t aip_batch_to_arrow(aip_batch *batch, struct ArrowSchema *schema, struct ArrowArray *array, aip_error **err) {
    AIP__BEGIN(err);
    if (!batch || !schema || !array)
        return aip__error_set(err, AIP_E_MISUSE, "aip_batch_to_arrow: expected a batch, a schema and an array to fill");
    struct ArrowSchema s = {0};
    AIP__TRY(aip__arrow_export_schema(batch->schema, &s, err));
    int32_t status = aip__arrow_export_batch(batch, array, err);
    if (status != AIP_OK) {
        s.release(&s);
        return status;
    }
    *schema = s;
    return AIP_OK;
}
