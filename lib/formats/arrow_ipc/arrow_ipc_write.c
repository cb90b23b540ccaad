/* Batches as an Arrow file or stream. Every buffer begins at a multiple of 64 bytes of the file; what pads is zero, and so is what lies at
 * nulls: the same rows in the same batches give the same bytes.
 *
 * Many threads make the messages of batches; since each is a multiple of 64 bytes long, it does not depend on its place. What does (the footer,
 * dictionaries) is done when a batch's turn comes, from a note that stands behind its message until then. Long buffers that are in the file as
 * they are in the column are not copied: they become pieces, which are written from where they lie.
 *
 * Dictionaries. Our batches may each bring one of their own. In a stream another one replaces the last. A file may only add to what it has: the texts
 * of all batches are gathered into one set for each column, codes are rewritten to it, and new texts are written as a delta. Between the making
 * of a batch and its turn its dictionaries wait in a list, which alone is shared by threads and locked. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include "base/lock.h"
#include "base/memory.h"
#include "data/dictionary.h"
#include "formats/zstd/zstd_codec.h"
#include "formats/zstd/zstd_missing.h"
#include <string.h>

#define ALIGNMENT 64
#define PIECE_BYTES 16384 /* shorter ones are copied: a write of their own would cost more */
#define MAGIC "ARROW1"

const aip_param_spec aip__ipc_write_params[AIP__IPC_N_WRITE_PARAMS] = {
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "layout",
     "Of Arrow: file (with a footer, so that any place can be read) or stream; null: a stream for .arrows and without an extension (standard "
     "output), else a file",
     "null", "file|stream", 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "compression",
     "Of Arrow: each buffer by itself, at compression_level (null: 1), so that parts can still be read alone; null: none", "null",
     "zstd", 0, 0, 1, 0},
};

typedef struct coded { /* a dictionary column */
    aip__column *last; /* the dictionary of the batch before */
    aip__text_set set; /* file: all texts so far */
    int32_t *map;      /* file: `last`'s codes as codes of the set; NULL: the same */
} coded;

typedef struct waiting { /* a dictionary that batches on their way refer to */
    aip__column *texts;  /* NULL: this place is free */
    int64_t n_batches;
} waiting;

typedef struct list {
    aip__lock lock;
    waiting *items;
    size_t n, capacity;
} list;

typedef struct ipc_writer {
    aip_context *ctx;
    const aip_schema *schema;
    bool file;
    int level;  /* of zstd; 0: not compressed */
    int64_t at; /* bytes written: a multiple of 64 after the schema */
    int32_t n_coded;
    coded *coded; /* of each column */
    list *list;
    aip__ipc_block *blocks[2];
    size_t n_blocks[2], room[2]; /* dictionaries, record batches */
} ipc_writer;

/* A message being made. */
typedef struct message {
    aip_context *ctx;
    aip__text metadata;
    aip__ipc_body body;
} message;

/* What stands behind a batch's message until its turn comes: this, once for each dictionary column, then the bytes of metadata and of pieces. */
typedef struct note {
    size_t item;     /* of the list */
    size_t codes;    /* where they stand in the text */
    size_t validity; /* SIZE_MAX: no nulls */
} note;

static void message_end(message *m) {
    aip__free(m->ctx, m->body.nodes);
    aip__free(m->ctx, m->body.buffers);
    aip__text_free(&m->metadata);
}

static int32_t message_begin(message *m, aip_context *ctx, int32_t n_columns, int64_t n_rows, aip_error **err) {
    *m = (message){.ctx = ctx};
    aip__text_init(&m->metadata, ctx);
    m->body.n_rows = n_rows;
    m->body.nodes = aip__calloc(ctx, (size_t)n_columns + 1, 2 * sizeof(int64_t));
    m->body.buffers = aip__calloc(ctx, (size_t)n_columns + 1, 6 * sizeof(int64_t));
    if (m->body.nodes && m->body.buffers) return AIP_OK;
    message_end(m);
    return aip__error_memory(ctx, err);
}

/* ---- bytes --------------------------------------------------------------------------------------------------------------------------- */

static int64_t padded(int64_t n) { return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void pad(aip__text *to, int64_t n) {
    static const char zeros[ALIGNMENT] = {0};
    aip__text_add(to, zeros, (size_t)(padded(n) - n));
}

static void put_bytes(aip__text *to, const void *bytes, int64_t n) {
    aip__text_add(to, bytes, (size_t)n);
    pad(to, n);
}

static void put_i32(aip__text *to, int32_t v) {
    char bytes[4] = {(char)(v & 0xff), (char)(v >> 8 & 0xff), (char)(v >> 16 & 0xff), (char)(v >> 24 & 0xff)};
    aip__text_add(to, bytes, 4);
}

/* n bits; those behind the last are zero. */
static void put_bits(aip__text *to, const uint8_t *bits, int64_t n) {
    int64_t whole = n / 8;
    aip__text_add(to, (const char *)bits, (size_t)whole);
    if (n % 8) aip__text_char(to, (char)(bits[whole] & ((1u << n % 8) - 1)));
    pad(to, (n + 7) / 8);
}

/* Offsets from 0 on. */
static void put_offsets(aip__text *to, const int32_t *offsets, int64_t n) {
    int32_t moved[1024];
    for (int64_t i = 0; i <= n;) {
        int64_t k = 0;
        for (; k < 1024 && i <= n; k++, i++) moved[k] = offsets[i] - offsets[0];
        aip__text_add(to, (const char *)moved, (size_t)k * 4);
    }
    pad(to, (n + 1) * 4);
}

/* Each as 128 bits. */
static void put_decimals(aip__text *to, const int64_t *values, int64_t n) {
    int64_t wide[1024];
    for (int64_t i = 0; i < n;) {
        int64_t k = 0;
        for (; k < 1024 && i < n; k += 2, i++) wide[k] = values[i], wide[k + 1] = values[i] < 0 ? -1 : 0;
        aip__text_add(to, (const char *)wide, (size_t)k * 8);
    }
    pad(to, n * 16);
}

/* ---- messages -------------------------------------------------------------------------------------------------------------------------- */

static void add_node(message *m, int64_t n_rows, int64_t n_nulls) {
    int64_t *node = &m->body.nodes[2 * (size_t)m->body.n_nodes++];
    node[0] = n_rows;
    node[1] = n_nulls;
}

static void add_buffer(message *m, int64_t length) {
    int64_t *buffer = &m->body.buffers[2 * (size_t)m->body.n_buffers++];
    buffer[0] = m->body.length;
    buffer[1] = length;
    m->body.length += padded(length);
}

/* The metadata, framed, so that what follows is aligned in a file in which this stands at `at`. Returns its bytes, 0 when it is too large. */
static int64_t put_message(const aip__text *metadata, int64_t at, aip__text *to) {
    int64_t end = at + 8 + (int64_t)metadata->n, length = padded(end) - at - 8;
    if (length > INT32_MAX - 8) return 0;
    put_i32(to, -1);
    put_i32(to, (int32_t)length);
    aip__text_add(to, metadata->bytes, metadata->n);
    pad(to, end);
    return length + 8;
}

static int32_t too_large(aip_error **err) {
    return aip__error_set(err, AIP_E_UNSUPPORTED, "the metadata of an Arrow message would take more than 2 GiB");
}

static int32_t note_block(ipc_writer *w, int kind, int64_t metadata, int64_t body, aip_error **err) {
    if (!w->file) return AIP_OK;
    if (aip__grow(w->ctx, &w->blocks[kind], &w->room[kind], w->n_blocks[kind] + 1, sizeof(aip__ipc_block)) != 0)
        return aip__error_memory(w->ctx, err);
    w->blocks[kind][w->n_blocks[kind]++] = (aip__ipc_block){w->at, body, (int32_t)metadata};
    return AIP_OK;
}

/* ---- the list of dictionaries ------------------------------------------------------------------------------------------------------------- */

static int32_t list_add(ipc_writer *w, aip__column *texts, size_t *item, aip_error **err) {
    list *l = w->list;
    size_t at = SIZE_MAX;
    int32_t status = AIP_OK;
    aip__lock_take(w->ctx, &l->lock);
    for (size_t i = 0; i < l->n; i++) {
        if (l->items[i].texts == texts) {
            at = i;
            break;
        }
        if (!l->items[i].texts) at = i;
    }
    if (at == SIZE_MAX && aip__grow(w->ctx, &l->items, &l->capacity, l->n + 1, sizeof *l->items) != 0)
        status = aip__error_memory(w->ctx, err);
    if (status == AIP_OK) {
        if (at == SIZE_MAX) l->items[at = l->n++] = (waiting){0};
        if (!l->items[at].texts) l->items[at].texts = aip__column_retain(texts);
        l->items[at].n_batches++;
        *item = at;
    }
    aip__lock_leave(&l->lock);
    return status;
}

/* The dictionary that a batch referred to, for the caller to free. */
static aip__column *list_take(ipc_writer *w, size_t item) {
    list *l = w->list;
    aip__lock_take(w->ctx, &l->lock);
    waiting *i = &l->items[item];
    aip__column *texts = i->texts;
    if (--i->n_batches == 0)
        i->texts = NULL;
    else
        aip__column_retain(texts);
    aip__lock_leave(&l->lock);
    return texts;
}

/* ---- batches, by many threads ------------------------------------------------------------------------------------------------------------- */

static void add_column(message *m, const aip__column *c) {
    int64_t n = c->length;
    add_node(m, n, c->null_count);
    add_buffer(m, c->null_count > 0 ? (n + 7) / 8 : 0);
    if (c->offsets) {
        add_buffer(m, (n + 1) * 4);
        add_buffer(m, c->offsets[n] - c->offsets[0]);
    } else if (c->type == AIP_BOOL) {
        add_buffer(m, (n + 7) / 8);
    } else {
        add_buffer(m, n * (c->type == AIP_DECIMAL64 ? 16 : (int64_t)aip__type_width(c->type)));
    }
}

/* Bytes as they stand in a column: a piece, when they are many. pieces: NULL, or where to. */
static int32_t put_run(const void *bytes, int64_t n, aip__text *to, aip__pieces *pieces, aip_error **err) {
    if (pieces && n >= PIECE_BYTES) {
        AIP__TRY(aip__pieces_add(pieces, to->n, bytes, (size_t)n, err));
        pad(to, n);
    } else {
        put_bytes(to, bytes, n);
    }
    return AIP_OK;
}

static int32_t put_column(const aip__column *c, aip__text *to, aip__pieces *pieces, aip_error **err) {
    int64_t n = c->length;
    if (c->null_count > 0) put_bits(to, c->validity, n);
    if (c->offsets) {
        if (c->offsets[0] == 0)
            AIP__TRY(put_run(c->offsets, (n + 1) * 4, to, pieces, err));
        else
            put_offsets(to, c->offsets, n);
        return put_run((const char *)c->values + c->offsets[0], c->offsets[n] - c->offsets[0], to, pieces, err);
    }
    if (c->type == AIP_BOOL)
        put_bits(to, c->values, n);
    else if (c->type == AIP_DECIMAL64)
        put_decimals(to, c->values, n);
    else /* codes may still be rewritten */
        return put_run(c->values, n * (int64_t)aip__type_width(c->type), to, c->type == AIP_DICTIONARY ? NULL : pieces, err);
    return AIP_OK;
}

/* The columns' buffers; notes[k] says where those of the k-th dictionary column stand. */
static int32_t put_columns(const ipc_writer *w, const aip_batch *batch, note *notes, aip__text *to, aip__pieces *pieces,
                           aip_error **err) {
    int32_t k = 0;
    for (int32_t i = 0; i < batch->n_columns; i++) {
        const aip__column *c = batch->columns[i];
        size_t at = to->n;
        AIP__TRY(put_column(c, to, pieces, err));
        if (c->type != AIP_DICTIONARY) continue;
        note n = {.codes = at, .validity = SIZE_MAX};
        if (c->null_count > 0) {
            n.validity = at;
            n.codes += (size_t)padded((c->length + 7) / 8);
        }
        AIP__TRY(list_add((ipc_writer *)(uintptr_t)w, c->dictionary, &n.item, err));
        notes[k++] = n;
    }
    return AIP_OK;
}

static int32_t put_plain(const ipc_writer *w, const aip_batch *batch, message *m, note *notes, int64_t *metadata, aip__text *to,
                         aip__pieces *pieces, aip_error **err) {
    aip__ipc_meta_batch(&m->metadata, &m->body);
    if (m->metadata.failed) return aip__error_memory(w->ctx, err);
    *metadata = put_message(&m->metadata, 0, to);
    return *metadata == 0 ? too_large(err) : put_columns(w, batch, notes, to, pieces, err);
}

/* A buffer behind its size; codes stay as they are, for they may be rewritten, and so does what would not become smaller. */
static int32_t put_packed(const ipc_writer *w, const char *bytes, int64_t n, bool stays, aip__text *to, aip_error **err) {
    size_t from = to->n;
    aip__text_add(to, (const char *)&n, sizeof n);
    if (!stays) AIP__TRY(aip__zstd_compress(w->ctx, w->level, bytes, (size_t)n, to, err));
    if (stays || to->n - from - sizeof n >= (size_t)n) {
        static const int64_t plain = -1;
        to->n = from;
        aip__text_add(to, (const char *)&plain, sizeof plain);
        aip__text_add(to, bytes, (size_t)n);
    }
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

/* The buffers of `plain` compressed into `packed`, and the body's places with them. keep[k]: not this one. */
static int32_t pack_buffers(const ipc_writer *w, message *m, const aip__text *plain, const bool *keep, aip__text *packed,
                            aip_error **err) {
    for (int32_t k = 0; k < m->body.n_buffers; k++) {
        int64_t *buffer = &m->body.buffers[2 * (size_t)k];
        size_t from = packed->n;
        if (buffer[1] > 0) AIP__TRY(put_packed(w, plain->bytes + buffer[0], buffer[1], keep[k], packed, err));
        buffer[0] = (int64_t)from;
        buffer[1] = (int64_t)(packed->n - from);
        pad(packed, (int64_t)packed->n);
    }
    m->body.length = (int64_t)packed->n;
    m->body.zstd = true;
    return packed->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

/* Moves the notes of dictionary columns to where their buffers lie now, from the first byte of the body on. */
static void move_notes(const aip_batch *batch, const message *m, int64_t metadata, note *notes) {
    int32_t k = 0, buffer = 0;
    for (int32_t i = 0; i < batch->n_columns; i++) {
        const int64_t *validity = &m->body.buffers[2 * (size_t)buffer], *codes = validity + 2;
        buffer += batch->columns[i]->offsets ? 3 : 2;
        if (batch->columns[i]->type != AIP_DICTIONARY) continue;
        notes[k].codes = (size_t)(metadata + codes[0] + (int64_t)sizeof(int64_t));
        if (notes[k].validity != SIZE_MAX) notes[k].validity = (size_t)(metadata + validity[0] + (int64_t)sizeof(int64_t));
        k++;
    }
}

static int32_t put_compressed(const ipc_writer *w, const aip_batch *batch, message *m, note *notes, int64_t *metadata,
                              aip__text *to, aip_error **err) {
    aip__text plain, packed;
    int32_t k = 0;
    aip__text_init(&plain, w->ctx);
    aip__text_init(&packed, w->ctx);
    bool *keep = aip__calloc(w->ctx, (size_t)m->body.n_buffers + 1, sizeof *keep);
    int32_t status = keep ? put_columns(w, batch, notes, &plain, NULL, err) : aip__error_memory(w->ctx, err);
    if (status == AIP_OK && plain.failed) status = aip__error_memory(w->ctx, err);
    for (int32_t i = 0; keep && i < batch->n_columns; k += batch->columns[i]->offsets ? 3 : 2, i++)
        keep[k] = keep[k + 1] = batch->columns[i]->type == AIP_DICTIONARY;
    if (status == AIP_OK) status = pack_buffers(w, m, &plain, keep, &packed, err);
    if (status == AIP_OK) aip__ipc_meta_batch(&m->metadata, &m->body);
    if (status == AIP_OK && m->metadata.failed) status = aip__error_memory(w->ctx, err);
    if (status == AIP_OK) *metadata = put_message(&m->metadata, 0, to);
    if (status == AIP_OK && *metadata == 0) status = too_large(err);
    if (status == AIP_OK) {
        aip__text_add(to, packed.bytes, packed.n);
        move_notes(batch, m, *metadata, notes);
    }
    aip__free(w->ctx, keep);
    aip__text_free(&plain);
    aip__text_free(&packed);
    return status;
}

static int32_t put_batch(const ipc_writer *w, const aip_batch *batch, message *m, note *notes, aip__text *to, aip__pieces *pieces,
                         aip_error **err) {
    int64_t tail[2] = {0}; /* bytes of metadata, of pieces */
    for (int32_t i = 0; i < batch->n_columns; i++) add_column(m, batch->columns[i]);
    AIP__TRY(w->level > 0 ? put_compressed(w, batch, m, notes, &tail[0], to, err)
                          : put_plain(w, batch, m, notes, &tail[0], to, pieces, err));
    for (size_t i = 0; pieces && i < pieces->n; i++) tail[1] += (int64_t)pieces->items[i].n;
    aip__text_add(to, (const char *)notes, (size_t)w->n_coded * sizeof *notes);
    aip__text_add(to, (const char *)tail, sizeof tail);
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

int32_t aip__ipc_write_pieces(const void *writer, const aip_batch *batch, aip__text *to, aip__pieces *pieces, aip_error **err) {
    const ipc_writer *w = writer;
    message m;
    AIP__TRY(message_begin(&m, w->ctx, batch->n_columns, batch->n_rows, err));
    note *notes = aip__calloc(w->ctx, (size_t)w->n_coded + 1, sizeof *notes);
    int32_t status = notes ? put_batch(w, batch, &m, notes, to, pieces, err) : aip__error_memory(w->ctx, err);
    aip__free(w->ctx, notes);
    message_end(&m);
    return status;
}

int32_t aip__ipc_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err) {
    return aip__ipc_write_pieces(writer, batch, to, NULL, err);
}

/* ---- in order ------------------------------------------------------------------------------------------------------------------------------ */

/* n texts as the dictionary of a column. */
static int32_t put_dictionary(ipc_writer *w, int32_t column, bool delta, const int32_t *offsets, const char *bytes, int64_t n,
                              aip__text *to, aip_error **err) {
    message m;
    int64_t size = offsets[n] - offsets[0], metadata = 0;
    AIP__TRY(message_begin(&m, w->ctx, 1, n, err));
    add_node(&m, n, 0);
    add_buffer(&m, 0);
    add_buffer(&m, (n + 1) * 4);
    add_buffer(&m, size);
    aip__ipc_meta_dictionary(&m.metadata, column, delta, &m.body);
    int32_t status = m.metadata.failed ? aip__error_memory(w->ctx, err) : AIP_OK;
    if (status == AIP_OK) metadata = put_message(&m.metadata, w->at, to);
    if (status == AIP_OK) status = metadata > 0 ? note_block(w, 0, metadata, m.body.length, err) : too_large(err);
    if (status == AIP_OK) {
        put_offsets(to, offsets, n);
        put_bytes(to, bytes + offsets[0], size);
        w->at += metadata + m.body.length;
    }
    message_end(&m);
    return status;
}

/* Adds a batch's texts to those of the file. */
static int32_t gather(ipc_writer *w, int32_t column, const aip__column *texts, aip__text *to, aip_error **err) {
    coded *c = &w->coded[column];
    bool first = !c->set.ctx, same = true;
    if (first) AIP__TRY(aip__text_set_begin(&c->set, w->ctx, texts->length, err));
    int64_t before = aip__text_set_count(&c->set);
    int32_t *map = aip__alloc(w->ctx, (size_t)texts->length * sizeof *map + 1);
    int32_t status = map ? AIP_OK : aip__error_memory(w->ctx, err);
    for (int64_t i = 0; i < texts->length && status == AIP_OK; i++) {
        size_t n = 0;
        const char *text = aip__column_text(texts, i, &n);
        status = aip__text_set_add(&c->set, text, n, &map[i], err);
        same &= map[i] == i;
    }
    int64_t more = aip__text_set_count(&c->set) - before;
    if (status == AIP_OK && (first || more > 0)) {
        const int32_t *offsets = (const int32_t *)(const void *)c->set.texts.offsets->data + before;
        status = put_dictionary(w, column, !first, offsets, (const char *)c->set.texts.bytes->data, more, to, err);
    }
    aip__free(w->ctx, c->map);
    c->map = same ? NULL : map;
    if (same) aip__free(w->ctx, map);
    return status;
}

static int32_t settle_dictionary(ipc_writer *w, int32_t column, const aip__column *texts, aip__text *to, aip_error **err) {
    coded *c = &w->coded[column];
    if (c->last == texts || (c->last && aip__column_equal(c->last, texts))) return AIP_OK;
    if (w->file)
        AIP__TRY(gather(w, column, texts, to, err));
    else
        AIP__TRY(put_dictionary(w, column, false, texts->offsets, texts->values, texts->length, to, err));
    aip__column_free(c->last);
    c->last = aip__column_retain(texts);
    return AIP_OK;
}

/* Codes in a batch's text through a map; those of nulls stay 0. */
static void rewrite_codes(aip__text *text, const note *n, int64_t n_rows, const int32_t *map) {
    const uint8_t *validity = n->validity == SIZE_MAX ? NULL : (const uint8_t *)text->bytes + n->validity;
    for (int64_t i = 0; i < n_rows; i++) {
        char *at = text->bytes + n->codes + (size_t)i * 4;
        int32_t code = 0;
        if (!aip__valid(validity, i)) continue;
        memcpy(&code, at, 4);
        memcpy(at, &map[code], 4);
    }
}

static int32_t settle_column(ipc_writer *w, int32_t column, const note *n, int64_t n_rows, aip__text *text, aip__text *before,
                             aip_error **err) {
    aip__column *texts = list_take(w, n->item);
    int32_t status = settle_dictionary(w, column, texts, before, err);
    if (status == AIP_OK && w->coded[column].map) rewrite_codes(text, n, n_rows, w->coded[column].map);
    aip__column_free(texts);
    return status;
}

/* Dictionaries before a batch's message. */
static int32_t put_before(const aip__text *before, aip__text *text, aip__pieces *pieces) {
    size_t n = text->n;
    if (before->n == 0) return AIP_OK;
    if (!aip__text_reserve(text, before->n)) return AIP_E_NOMEM;
    memmove(text->bytes + before->n, text->bytes, n);
    memcpy(text->bytes, before->bytes, before->n);
    text->n += before->n;
    for (size_t i = 0; pieces && i < pieces->n; i++) pieces->items[i].at += before->n;
    return AIP_OK;
}

int32_t aip__ipc_write_place(void *writer, int64_t n_rows, aip__text *text, aip__pieces *pieces, aip_error **err) {
    ipc_writer *w = writer;
    aip__text before;
    int64_t tail[2] = {0};
    size_t notes = (size_t)w->n_coded * sizeof(note);
    int32_t status = AIP_OK, k = 0;
    memcpy(tail, text->bytes + text->n - sizeof tail, sizeof tail);
    text->n -= sizeof tail + notes;
    const char *at = text->bytes + text->n;
    aip__text_init(&before, w->ctx);
    for (int32_t i = 0; i < w->schema->n && status == AIP_OK; i++) {
        note n = {0};
        if (w->schema->fields[i].type != AIP_DICTIONARY) continue;
        memcpy(&n, at + (size_t)k++ * sizeof n, sizeof n);
        status = settle_column(w, i, &n, n_rows, text, &before, err);
    }
    int64_t length = (int64_t)text->n + tail[1];
    if (status == AIP_OK) status = note_block(w, 1, tail[0], length - tail[0], err);
    if (status == AIP_OK) w->at += length;
    if (status == AIP_OK && (before.failed || put_before(&before, text, pieces) != AIP_OK || text->failed))
        status = aip__error_memory(w->ctx, err);
    aip__text_free(&before);
    return status;
}

/* ---- begin and end ---------------------------------------------------------------------------------------------------------------------- */

static void list_free(aip_context *ctx, list *l) {
    if (!l) return;
    for (size_t i = 0; i < l->n; i++)
        aip__column_free(l->items[i].texts); /* of batches that were made and never had their turn */
    aip__free(ctx, l->items);
    aip__lock_destroy(ctx, &l->lock);
    aip__free(ctx, l);
}

void aip__ipc_write_free(void *writer) {
    ipc_writer *w = writer;
    if (!w) return;
    for (int32_t i = 0; w->coded && i < w->schema->n; i++) {
        aip__column_free(w->coded[i].last);
        aip__free(w->ctx, w->coded[i].map);
        if (w->coded[i].set.ctx) aip__text_set_abandon(&w->coded[i].set);
    }
    list_free(w->ctx, w->list);
    aip__free(w->ctx, w->coded);
    aip__free(w->ctx, w->blocks[0]);
    aip__free(w->ctx, w->blocks[1]);
    aip__free(w->ctx, w);
}

static int32_t put_schema(ipc_writer *w, aip__text *to, aip_error **err) {
    aip__text metadata;
    if (w->file) aip__text_add(to, MAGIC "\0", 8);
    w->at = w->file ? 8 : 0;
    aip__text_init(&metadata, w->ctx);
    aip__ipc_meta_schema(&metadata, w->schema);
    int32_t status = metadata.failed ? aip__error_memory(w->ctx, err) : AIP_OK;
    int64_t n = status == AIP_OK ? put_message(&metadata, w->at, to) : 0;
    if (status == AIP_OK && n == 0) status = too_large(err);
    w->at += n;
    aip__text_free(&metadata);
    return status;
}

int32_t aip__ipc_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                             aip__text *to, void **writer, aip_error **err) {
    const char *layout = aip_params_string(params, "layout"), *compression = aip_params_string(params, "compression");
    if (compression && !aip__zstd_available()) return aip__zstd_missing("write", err);
    ipc_writer *w = aip__calloc(ctx, 1, sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    w->ctx = ctx;
    w->schema = schema;
    w->file = layout ? strcmp(layout, "file") == 0 : *extension && strcmp(extension, "arrows") != 0;
    if (compression)
        w->level = aip_params_is_null(params, "compression_level") ? 1 : (int)aip_params_int(params, "compression_level");
    for (int32_t i = 0; i < schema->n; i++) w->n_coded += schema->fields[i].type == AIP_DICTIONARY;
    w->coded = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *w->coded);
    w->list = aip__calloc(ctx, 1, sizeof *w->list);
    if (w->list) aip__lock_init(ctx, &w->list->lock);
    int32_t status = w->coded && w->list ? put_schema(w, to, err) : aip__error_memory(ctx, err);
    if (status != AIP_OK) {
        aip__ipc_write_free(w);
        return status;
    }
    *writer = w;
    return AIP_OK;
}

static int32_t put_footer(ipc_writer *w, aip__text *to, aip_error **err) {
    aip__text metadata;
    aip__text_init(&metadata, w->ctx);
    aip__ipc_meta_footer(&metadata, w->schema, w->blocks[0], (int64_t)w->n_blocks[0], w->blocks[1], (int64_t)w->n_blocks[1]);
    int32_t status = metadata.failed ? aip__error_memory(w->ctx, err) : metadata.n > INT32_MAX ? too_large(err) : AIP_OK;
    if (status == AIP_OK) {
        aip__text_add(to, metadata.bytes, metadata.n);
        put_i32(to, (int32_t)metadata.n);
        aip__text_add(to, MAGIC, sizeof MAGIC - 1);
    }
    aip__text_free(&metadata);
    return status;
}

int32_t aip__ipc_write_end(void *writer, aip__text *to, aip_error **err) {
    ipc_writer *w = writer;
    put_i32(to, -1);
    put_i32(to, 0);
    if (w->file) AIP__TRY(put_footer(w, to, err));
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}
