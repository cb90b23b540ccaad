/* A RecordBatch table: how many rows, and where the buffers of the wanted columns lie in the body. Counts are held against the schema, places
 * against the body, lengths against the rows, all before a byte of the body is looked at. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include "base/memory.h"

enum { BATCH_LENGTH = 0, BATCH_NODES = 1, BATCH_BUFFERS = 2, BATCH_COMPRESSION = 3, BATCH_VARIADIC = 4 };
enum { COMPRESSION_CODEC = 0, COMPRESSION_METHOD = 1 };
#define PAIR_BYTES 16 /* FieldNode: rows, nulls; Buffer: offset, length */

typedef struct tables { /* of one RecordBatch */
    const aip__ipc_input *in;
    const aip__ipc_message *m;
    aip__flat *flat;
    aip__flat_vector nodes, buffers, variadic;
    int64_t *data_before; /* data buffers of views before view i; n_views + 1 */
} tables;

void aip__ipc_batch_free(aip_context *ctx, aip__ipc_batch *b) {
    aip__free(ctx, b->null_counts);
    aip__free(ctx, b->first);
    aip__free(ctx, b->buffers);
    *b = (aip__ipc_batch){0};
}

/* Views have as many data buffers as the metadata says, after their two. */
static int32_t count_variadic(tables *t, const aip__ipc_schema *s, aip_error **err) {
    int64_t n = 0;
    t->data_before = aip__calloc(t->in->ctx, (size_t)s->n_views + 1, sizeof *t->data_before);
    if (!t->data_before) return aip__error_memory(t->in->ctx, err);
    if ((int64_t)t->variadic.n < s->n_views)
        return aip__ipc_bad(t->in, t->m->offset, err, "expected the number of buffers of %d columns of views, found %u",
                            (int)s->n_views, t->variadic.n);
    for (int32_t i = 0; i < s->n_views; i++) {
        int64_t more = aip__flat_item_i64(t->flat, &t->variadic, 8, (uint32_t)i, 0);
        if (more < 0 || more > (int64_t)t->buffers.n - n)
            return aip__ipc_bad(t->in, t->m->offset, err, "expected a number of buffers, at most %u, found %lld", t->buffers.n,
                                (long long)more);
        n += more;
        t->data_before[i + 1] = n;
    }
    return AIP_OK;
}

static int32_t check_counts(const tables *t, const aip__ipc_schema *s, aip_error **err) {
    int64_t buffers = s->n_buffers + t->data_before[s->n_views];
    if (t->nodes.n != (uint32_t)s->n_nodes)
        return aip__ipc_bad(t->in, t->m->offset, err,
                            "expected %d columns, with those inside others, as the schema has, found %u", (int)s->n_nodes,
                            t->nodes.n);
    if ((int64_t)t->buffers.n != buffers)
        return aip__ipc_bad(t->in, t->m->offset, err, "expected %lld buffers for the types of the schema, found %u",
                            (long long)buffers, t->buffers.n);
    return AIP_OK;
}

static int32_t read_codec(const tables *t, const aip__flat_table *table, int32_t *codec, aip_error **err) {
    aip__flat_table c = aip__flat_get_table(table, BATCH_COMPRESSION);
    *codec = c.flat ? (int8_t)aip__flat_u8(&c, COMPRESSION_CODEC, 0) : AIP__IPC_PLAIN;
    if (c.flat && (*codec < 0 || *codec > AIP__IPC_ZSTD || aip__flat_u8(&c, COMPRESSION_METHOD, 0) != 0))
        return aip__ipc_error(
            t->in->source, t->m->offset, AIP_E_UNSUPPORTED, err,
            "the body is compressed by a codec of number %d: expected LZ4_FRAME (0) or ZSTD (1), buffer by buffer", (int)*codec);
    return AIP_OK;
}

static int32_t read_node(const tables *t, const aip__ipc_column *c, aip__ipc_batch *b, int32_t i, aip_error **err) {
    int64_t rows = aip__flat_item_i64(t->flat, &t->nodes, PAIR_BYTES, (uint32_t)c->node, 0);
    int64_t nulls = aip__flat_item_i64(t->flat, &t->nodes, PAIR_BYTES, (uint32_t)c->node, 8);
    if (rows != b->n_rows)
        return aip__ipc_bad(t->in, t->m->offset, err, "column '%s': expected %lld rows, as the batch has, found %lld", c->name,
                            (long long)b->n_rows, (long long)rows);
    if (nulls < 0 || nulls > rows)
        return aip__ipc_bad(t->in, t->m->offset, err, "column '%s': expected at most %lld nulls, found %lld", c->name,
                            (long long)rows, (long long)nulls);
    b->null_counts[i] = nulls;
    return AIP_OK;
}

static int32_t read_buffer(const tables *t, const aip__ipc_column *c, int64_t k, aip__ipc_range *out, aip_error **err) {
    int64_t offset = aip__flat_item_i64(t->flat, &t->buffers, PAIR_BYTES, (uint32_t)k, 0);
    int64_t length = aip__flat_item_i64(t->flat, &t->buffers, PAIR_BYTES, (uint32_t)k, 8);
    if (length == 0) offset = 0;
    if (offset < 0 || length < 0 || offset > t->m->body_length || length > t->m->body_length - offset)
        return aip__ipc_bad(t->in, t->m->offset, err,
                            "column '%s': expected a buffer within a body of %lld bytes, found %lld bytes at %lld", c->name,
                            (long long)t->m->body_length, (long long)length, (long long)offset);
    *out = (aip__ipc_range){offset, length};
    return AIP_OK;
}

static int32_t data_buffers(const tables *t, const aip__ipc_column *c) {
    return (int32_t)(t->data_before[c->views_before + c->views] - t->data_before[c->views_before]);
}

static int32_t read_column(const tables *t, const aip__ipc_column *c, aip__ipc_batch *b, int32_t i, aip_error **err) {
    int32_t n = c->n_buffers + data_buffers(t, c);
    int64_t from = c->buffer + t->data_before[c->views_before];
    AIP__TRY(read_node(t, c, b, i, err));
    for (int32_t k = 0; k < n; k++) AIP__TRY(read_buffer(t, c, from + k, &b->buffers[b->first[i] + k], err));
    b->first[i + 1] = b->first[i] + n;
    b->views |= c->type.layout == ARROW_VIEW;
    return AIP_OK;
}

static int32_t read_columns(const tables *t, const aip__ipc_schema *s, const int32_t *wanted, aip__ipc_batch *b,
                            aip_error **err) {
    aip_context *ctx = t->in->ctx;
    size_t n_buffers = 0;
    for (int32_t i = 0; i < b->n; i++) {
        const aip__ipc_column *c = &s->columns[wanted[i]];
        n_buffers += (size_t)c->n_buffers + (size_t)data_buffers(t, c);
    }
    b->null_counts = aip__calloc(ctx, (size_t)b->n + 1, sizeof *b->null_counts);
    b->first = aip__calloc(ctx, (size_t)b->n + 1, sizeof *b->first);
    b->buffers = aip__calloc(ctx, n_buffers + 1, sizeof *b->buffers);
    if (!b->null_counts || !b->first || !b->buffers) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < b->n; i++) AIP__TRY(read_column(t, &s->columns[wanted[i]], b, i, err));
    return AIP_OK;
}

int32_t aip__ipc_batch_read(const aip__ipc_input *in, const aip__flat_table *table, const aip__ipc_message *m,
                            const aip__ipc_schema *schema, const int32_t *wanted, int32_t n, aip__ipc_batch *out,
                            aip_error **err) {
    tables t = {.in = in, .m = m, .flat = table->flat};
    aip__ipc_batch b = {.n = n, .at = m->offset, .body = m->body, .body_length = m->body_length};
    if (!table->flat) return aip__ipc_bad(in, m->offset, err, "expected a record batch, found none");
    b.n_rows = aip__flat_i64(table, BATCH_LENGTH, 0);
    t.nodes = aip__flat_get_vector(table, BATCH_NODES, PAIR_BYTES);
    t.buffers = aip__flat_get_vector(table, BATCH_BUFFERS, PAIR_BYTES);
    t.variadic = aip__flat_get_vector(table, BATCH_VARIADIC, 8);
    int32_t status = read_codec(&t, table, &b.codec, err);
    if (t.flat->bad)
        status = aip__ipc_bad(in, m->offset + (int64_t)t.flat->bad_at, err, "the metadata is damaged: %s", t.flat->bad);
    if (status == AIP_OK && (b.n_rows < 0 || b.n_rows > INT32_MAX))
        status = aip__ipc_bad(in, m->offset, err, "expected a batch of at most 2147483647 rows, found %lld", (long long)b.n_rows);
    if (status == AIP_OK) status = count_variadic(&t, schema, err);
    if (status == AIP_OK) status = check_counts(&t, schema, err);
    if (status == AIP_OK) status = read_columns(&t, schema, wanted, &b, err);
    aip__free(in->ctx, t.data_before);
    if (status != AIP_OK) {
        aip__ipc_batch_free(in->ctx, &b);
        return status;
    }
    *out = b;
    return AIP_OK;
}

/* ---- lengths --------------------------------------------------------------------------------------------------------------------- */

static int32_t too_short(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__ipc_column *c, const char *what,
                         int64_t need, int64_t found, aip_error **err) {
    aip__ipc_bad(in, b->at, err, "column '%s': expected %lld bytes of %s for %lld rows, found %lld", c->name, (long long)need,
                 what, (long long)b->n_rows, (long long)found);
    aip__error_at_data_column(err, c->name);
    return AIP_E_CORRUPT;
}

/* Bytes that n rows take in the buffer behind the validity; n is at most INT32_MAX. */
static int64_t values_need(const aip__arrow_type *t, int64_t n) {
    switch (t->layout) {
    case ARROW_BOOL: return (n + 7) / 8;
    case ARROW_I8:
    case ARROW_U8: return n;
    case ARROW_I16:
    case ARROW_U16:
    case ARROW_F16: return n * 2;
    case ARROW_I32:
    case ARROW_U32:
    case ARROW_F32: return n * 4;
    case ARROW_I64:
    case ARROW_U64:
    case ARROW_F64: return n * 8;
    case ARROW_DECIMAL:
    case ARROW_FIXED_BYTES: return n * t->width;
    case ARROW_TEXT32: return n > 0 ? (n + 1) * 4 : 0;
    case ARROW_TEXT64: return n > 0 ? (n + 1) * 8 : 0;
    case ARROW_VIEW: return n * 16;
    default: return 0;
    }
}

int32_t aip__ipc_check_lengths(const aip__ipc_input *in, const aip__ipc_batch *b, int32_t i, const aip__ipc_column *column,
                               const aip__arrow_type *type, const int64_t *lengths, aip_error **err) {
    if (type->layout == ARROW_NULL) return AIP_OK;
    int64_t bitmap = (b->n_rows + 7) / 8, need = values_need(type, b->n_rows);
    bool bits = lengths[0] > 0 || b->null_counts[i] > 0; /* left out when there are no nulls */
    if (bits && b->n_rows > 0 && lengths[0] < bitmap) return too_short(in, b, column, "validity", bitmap, lengths[0], err);
    const char *what = type->layout == ARROW_TEXT32 || type->layout == ARROW_TEXT64 ? "offsets" : "values";
    if (lengths[1] < need) return too_short(in, b, column, what, need, lengths[1], err);
    return AIP_OK;
}
