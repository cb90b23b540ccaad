/* Buffers of a batch into memory, and an Arrow C array over them.
 *
 * Whole: the body is in memory already, and the array points into it. By rows: of each buffer only what the rows need is read, side by side
 * into one block (each part at a multiple of 64 bytes), then, when the offsets are known, the texts into a second one; offsets are then made to
 * count from its start. Lengths and the ends of each run of rows are checked here; that offsets do not fall between them, what texts hold and
 * whether codes are in their dictionary is the import's to check. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/memory.h"
#include <string.h>

#define ALIGNMENT ((size_t)64)

static const uint8_t nothing[64]; /* what buffers of no bytes point to */

/* What an array owns. */
typedef struct owned {
    aip_context *ctx;
    aip__buffer *kept[2];
    struct ArrowArray *children;
    struct ArrowArray **pointers;
    const void **buffers;
    int64_t *sizes; /* of the data buffers of views */
} owned;

static void release(struct ArrowArray *a) {
    owned *o = a->private_data;
    aip_context *ctx = o->ctx;
    aip__buffer_free(o->kept[0]);
    aip__buffer_free(o->kept[1]);
    aip__free(ctx, o->children);
    aip__free(ctx, o->pointers);
    aip__free(ctx, o->buffers);
    aip__free(ctx, o->sizes);
    aip__free(ctx, o);
    aip__context_release(ctx);
    a->release = NULL;
}

static void keep(struct ArrowArray *a) { (void)a; } /* a column is released with its batch */

/* An array of n rows whose buffers are still to be set: column i has its own from children[i].buffers on. */
static int32_t array_new(aip_context *ctx, const aip__ipc_wanted *w, const aip__ipc_batch *b, int64_t n, struct ArrowArray *out,
                         aip_error **err) {
    size_t n_buffers = (size_t)b->first[b->n] + (size_t)b->n; /* and the sizes of views' */
    owned *o = aip__calloc(ctx, 1, sizeof *o);
    if (!o) return aip__error_memory(ctx, err);
    o->ctx = aip__context_retain(ctx);
    o->children = aip__calloc(ctx, (size_t)b->n + 1, sizeof *o->children);
    o->pointers = aip__calloc(ctx, (size_t)b->n + 1, sizeof(struct ArrowArray *));
    o->buffers = aip__calloc(ctx, n_buffers + 1, sizeof(void *));
    o->sizes = aip__calloc(ctx, n_buffers + 1, sizeof *o->sizes);
    *out = (struct ArrowArray){.length = n, .n_children = b->n, .children = o->pointers, .release = release, .private_data = o};
    if (!o->children || !o->pointers || !o->buffers || !o->sizes) {
        release(out);
        return aip__error_memory(ctx, err);
    }
    for (int32_t i = 0; i < b->n; i++) {
        bool view = w->schema->columns[w->columns[i]].type.layout == ARROW_VIEW;
        o->pointers[i] = &o->children[i];
        o->children[i] = (struct ArrowArray){.length = n,
                                             .null_count = b->null_counts[i],
                                             .n_buffers = b->first[i + 1] - b->first[i] + view,
                                             .buffers = o->buffers + b->first[i] + i,
                                             .release = keep};
    }
    return AIP_OK;
}

static bool is_text(aip__arrow_layout layout) { return layout == ARROW_TEXT32 || layout == ARROW_TEXT64; }

static int64_t offset_at(const uint8_t *offsets, bool wide, int64_t i) {
    int64_t v = 0;
    int32_t narrow = 0;
    if (wide) {
        memcpy(&v, offsets + (size_t)i * 8, 8);
        return v;
    }
    memcpy(&narrow, offsets + (size_t)i * 4, 4);
    return narrow;
}

/* Texts of the rows between two offsets must lie within the bytes there are. */
static int32_t check_ends(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__ipc_column *c, int64_t row, int64_t from,
                          int64_t to, int64_t length, aip_error **err) {
    if (from >= 0 && from <= to && to <= length) return AIP_OK;
    aip__ipc_bad(in, b->at, err, "column '%s', row %lld: expected texts within %lld bytes, found offsets %lld to %lld", c->name,
                 (long long)row, (long long)length, (long long)from, (long long)to);
    aip__error_at_data_column(err, c->name);
    return AIP_E_CORRUPT;
}

/* ---- whole ------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_texts(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__ipc_column *c, const uint8_t *offsets,
                           int64_t length, aip_error **err) {
    bool wide = c->type.layout == ARROW_TEXT64;
    for (int64_t row = 0; row < b->n_rows; row += AIP_BATCH_MAX_ROWS) {
        int64_t end = b->n_rows - row < AIP_BATCH_MAX_ROWS ? b->n_rows : row + AIP_BATCH_MAX_ROWS;
        AIP__TRY(check_ends(in, b, c, row, offset_at(offsets, wide, row), offset_at(offsets, wide, end), length, err));
    }
    return AIP_OK;
}

static int32_t set_column(const aip__ipc_input *in, const aip__ipc_batch *b, int32_t i, const aip__ipc_column *c,
                          const aip__buffer *body, struct ArrowArray *a, int64_t *sizes, aip_error **err) {
    const aip__ipc_range *r = &b->buffers[b->first[i]];
    int32_t n = b->first[i + 1] - b->first[i];
    for (int32_t k = 0; k < n; k++) {
        a->buffers[k] = r[k].length > 0 ? body->data + r[k].offset : nothing;
        sizes[k] = r[k].length;
    }
    if (n > 0) AIP__TRY(aip__ipc_check_lengths(in, b, i, c, &c->type, sizes, err));
    if (n > 0 && r[0].length == 0) a->buffers[0] = NULL;
    if (is_text(c->type.layout) && b->n_rows > 0) AIP__TRY(check_texts(in, b, c, a->buffers[1], sizes[2], err));
    if (c->type.layout == ARROW_VIEW) a->buffers[n] = sizes + 2;
    return AIP_OK;
}

int32_t aip__ipc_load_body(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, aip__buffer *body,
                           struct ArrowArray *out, aip_error **err) {
    struct ArrowArray a = {0};
    AIP__TRY(array_new(in->ctx, w, b, b->n_rows, &a, err));
    owned *o = a.private_data;
    o->kept[0] = aip__buffer_retain(body);
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < b->n && status == AIP_OK; i++)
        status = set_column(in, b, i, &w->schema->columns[w->columns[i]], body, &o->children[i], o->sizes + b->first[i] + i, err);
    if (status != AIP_OK) {
        release(&a);
        return status;
    }
    *out = a;
    return AIP_OK;
}

/* ---- by rows ----------------------------------------------------------------------------------------------------------------------- */

/* Bytes of one row in the second buffer; 0: bits. */
static int64_t row_bytes(const aip__arrow_type *t) {
    switch (t->layout) {
    case ARROW_I8:
    case ARROW_U8: return 1;
    case ARROW_I16:
    case ARROW_U16:
    case ARROW_F16: return 2;
    case ARROW_I32:
    case ARROW_U32:
    case ARROW_F32:
    case ARROW_TEXT32: return 4;
    case ARROW_I64:
    case ARROW_U64:
    case ARROW_F64:
    case ARROW_TEXT64: return 8;
    case ARROW_DECIMAL:
    case ARROW_FIXED_BYTES: return t->width;
    default: return 0;
    }
}

/* What rows [start, start + n) need of the first two buffers, within the body. */
static void rows_of(const aip__ipc_batch *b, int32_t i, const aip__arrow_type *t, int64_t start, int64_t n,
                    aip__ipc_range need[2]) {
    const aip__ipc_range *r = &b->buffers[b->first[i]];
    int64_t width = row_bytes(t);
    need[0] = need[1] = (aip__ipc_range){0, 0};
    if (t->layout == ARROW_NULL || n == 0) return;
    if (r[0].length > 0 && b->null_counts[i] > 0) need[0] = (aip__ipc_range){r[0].offset + start / 8, (n + 7) / 8};
    if (t->layout == ARROW_BOOL)
        need[1] = (aip__ipc_range){r[1].offset + start / 8, (n + 7) / 8};
    else
        need[1] = (aip__ipc_range){r[1].offset + start * width, (n + is_text(t->layout)) * width};
}

static bool add_aligned(size_t *total, int64_t n) {
    return aip__add_size(*total, (size_t)n, total) || aip__add_size(*total, ALIGNMENT - 1, total)
           || ((*total &= ~(ALIGNMENT - 1)), false);
}

/* The bytes of a text column's rows, from the offsets that were read: where they lie within the body. */
static int32_t texts_of(const aip__ipc_input *in, const aip__ipc_batch *b, int32_t i, const aip__ipc_column *c, int64_t start,
                        const struct ArrowArray *a, aip__ipc_range *out, aip_error **err) {
    bool wide = c->type.layout == ARROW_TEXT64;
    const aip__ipc_range *data = &b->buffers[b->first[i] + 2];
    int64_t from = offset_at(a->buffers[1], wide, 0), to = offset_at(a->buffers[1], wide, a->length);
    AIP__TRY(check_ends(in, b, c, start, from, to, data->length, err));
    *out = (aip__ipc_range){data->offset + from, to - from};
    return AIP_OK;
}

/* Offsets from the first one on, which lies in a block of our own. */
static void rebase(uint8_t *offsets, bool wide, int64_t n) {
    int64_t first = offset_at(offsets, wide, 0);
    for (int64_t i = 0; first != 0 && i <= n; i++) {
        int64_t v = offset_at(offsets, wide, i);
        uint64_t moved = (uint64_t)v - (uint64_t)first; /* an offset that falls is still one */
        uint32_t narrow = (uint32_t)moved;
        if (wide)
            memcpy(offsets + (size_t)i * 8, &moved, 8);
        else
            memcpy(offsets + (size_t)i * 4, &narrow, 4);
    }
}

static int32_t block_new(aip_context *ctx, size_t size, aip__buffer **out, aip_error **err) {
    *out = aip__buffer_new(ctx, size);
    return *out ? AIP_OK : aip__error_memory(ctx, err);
}

/* Validity, values and offsets. */
static int32_t read_values(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, int64_t start, int64_t n,
                           owned *o, aip_error **err) {
    aip__ipc_range need[2];
    size_t total = 0;
    for (int32_t i = 0; i < b->n; i++) {
        const aip__ipc_column *c = &w->schema->columns[w->columns[i]];
        int64_t lengths[3] = {0};
        for (int32_t k = 0; k < 3 && k < b->first[i + 1] - b->first[i]; k++) lengths[k] = b->buffers[b->first[i] + k].length;
        AIP__TRY(aip__ipc_check_lengths(in, b, i, c, &c->type, lengths, err));
        rows_of(b, i, &c->type, start, n, need);
        if (add_aligned(&total, need[0].length) || add_aligned(&total, need[1].length)) return aip__error_nomem(err);
    }
    AIP__TRY(block_new(in->ctx, total, &o->kept[0], err));
    total = 0;
    for (int32_t i = 0; i < b->n; i++) {
        const aip__ipc_column *c = &w->schema->columns[w->columns[i]];
        rows_of(b, i, &c->type, start, n, need);
        for (int32_t k = 0; k < 2 && k < o->children[i].n_buffers; k++) {
            uint8_t *to = o->kept[0]->data + total;
            o->children[i].buffers[k] = need[k].length > 0 ? to : k == 0 ? NULL : nothing;
            if (need[k].length == 0) continue;
            AIP__TRY(aip__ipc_read_at(in, b->body + need[k].offset, need[k].length, "a column", to, err));
            add_aligned(&total, need[k].length);
        }
        if (b->null_counts[i] > 0 && need[0].length == 0) o->children[i].null_count = 0;
    }
    return AIP_OK;
}

static int32_t read_texts(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, int64_t start, owned *o,
                          aip_error **err) {
    size_t total = 0;
    aip__ipc_range r = {0};
    for (int32_t i = 0; i < b->n; i++) {
        const aip__ipc_column *c = &w->schema->columns[w->columns[i]];
        struct ArrowArray *a = &o->children[i];
        if (!is_text(c->type.layout)) continue;
        a->buffers[2] = nothing;
        if (a->length == 0) continue;
        AIP__TRY(texts_of(in, b, i, c, start, a, &r, err));
        if (add_aligned(&total, r.length)) return aip__error_nomem(err);
    }
    AIP__TRY(block_new(in->ctx, total, &o->kept[1], err));
    total = 0;
    for (int32_t i = 0; i < b->n; i++) {
        const aip__ipc_column *c = &w->schema->columns[w->columns[i]];
        struct ArrowArray *a = &o->children[i];
        if (!is_text(c->type.layout) || a->length == 0) continue;
        AIP__TRY(texts_of(in, b, i, c, start, a, &r, err));
        rebase((uint8_t *)(uintptr_t)a->buffers[1], c->type.layout == ARROW_TEXT64, a->length);
        if (r.length == 0) continue;
        a->buffers[2] = o->kept[1]->data + total;
        AIP__TRY(aip__ipc_read_at(in, b->body + r.offset, r.length, "a column's texts", o->kept[1]->data + total, err));
        add_aligned(&total, r.length);
    }
    return AIP_OK;
}

int32_t aip__ipc_load_rows(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, int64_t start, int64_t n,
                           struct ArrowArray *out, aip_error **err) {
    struct ArrowArray a = {0};
    AIP__TRY(array_new(in->ctx, w, b, n, &a, err));
    owned *o = a.private_data;
    int32_t status = read_values(in, w, b, start, n, o, err);
    if (status == AIP_OK) status = read_texts(in, w, b, start, o, err);
    if (status != AIP_OK) {
        release(&a);
        return status;
    }
    *out = a;
    return AIP_OK;
}
