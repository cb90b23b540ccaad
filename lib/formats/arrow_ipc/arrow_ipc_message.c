/* Framing: encapsulated messages, and a file's footer. Every size is held against what remains before anything is read. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include "base/memory.h"
#include <string.h>

#define MAGIC "ARROW1"
#define MAGIC_BYTES 6
#define TAIL_BYTES 10 /* the footer's size, and the magic */
#define BLOCK_BYTES 24

/* The slots of the tables in Message.fbs and File.fbs. */
enum { MESSAGE_VERSION = 0, MESSAGE_HEADER_TYPE = 1, MESSAGE_HEADER = 2, MESSAGE_BODY_LENGTH = 3 };
enum { FOOTER_VERSION = 0, FOOTER_SCHEMA = 1, FOOTER_DICTIONARIES = 2, FOOTER_BATCHES = 3 };
enum { V4 = 3, V5 = 4 };

static const uint8_t marker[4] = {0xff, 0xff, 0xff, 0xff};

static int32_t load32(const uint8_t *p) {
    return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static int32_t check_version(const aip__ipc_input *in, int64_t offset, int version, aip_error **err) {
    if (version == V4 || version == V5) return AIP_OK;
    return aip__ipc_error(in->source, offset, AIP_E_UNSUPPORTED, err,
                          "metadata version V%d: expected V4 (Arrow 0.8 and later) or V5", version + 1);
}

static int32_t damaged(const aip__ipc_input *in, int64_t base, const aip__flat *flat, aip_error **err) {
    return aip__ipc_bad(in, base + (int64_t)flat->bad_at, err, "the metadata is damaged: %s", flat->bad);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------- */

void aip__ipc_message_free(aip__ipc_message *m) {
    aip__buffer_free(m->metadata);
    m->metadata = NULL;
}

/* The Message table in n bytes of the metadata buffer. Takes the buffer over. */
static int32_t parse(const aip__ipc_input *in, aip__buffer *metadata, size_t start, size_t n, int64_t offset,
                     aip__ipc_message *out, aip_error **err) {
    aip__ipc_message m = {.metadata = metadata, .flat = {.bytes = metadata->data + start, .n = n}, .offset = offset};
    aip__flat_table message = aip__flat_root(&m.flat);
    m.version = aip__flat_i16(&message, MESSAGE_VERSION, 0);
    m.type = aip__flat_u8(&message, MESSAGE_HEADER_TYPE, 0);
    m.header = aip__flat_get_table(&message, MESSAGE_HEADER);
    m.body_length = aip__flat_i64(&message, MESSAGE_BODY_LENGTH, 0);
    int32_t status = AIP_OK;
    if (m.flat.bad)
        status = damaged(in, offset, &m.flat, err);
    else if (m.type < AIP__IPC_SCHEMA || m.type > AIP__IPC_RECORD_BATCH || !m.header.flat)
        status =
            aip__ipc_bad(in, offset, err, "expected a schema, dictionary or record batch, found a message of kind %d", m.type);
    else
        status = check_version(in, offset, m.version, err);
    if (status == AIP_OK && m.body_length < 0)
        status = aip__ipc_bad(in, offset, err, "expected the size of a body, found %lld", (long long)m.body_length);
    if (status != AIP_OK) {
        aip__ipc_message_free(&m);
        return status;
    }
    *out = m;
    out->flat = m.flat;
    out->header.flat = &out->flat;
    return AIP_OK;
}

/* The size of the next metadata; 0: the end. */
static int32_t read_prefix(aip__ipc_input *in, int32_t *n, bool *old, aip_error **err) {
    uint8_t p[4] = {0};
    int64_t from = in->at;
    size_t got = 0;
    AIP__TRY(aip__ipc_read_some(in, p, sizeof p, &got, err));
    *n = 0;
    if (got == 0) return AIP_OK;
    *old = got < sizeof p || memcmp(p, marker, sizeof p) != 0;
    if (got == sizeof p && !*old) AIP__TRY(aip__ipc_read_some(in, p, sizeof p, &got, err));
    if (got < sizeof p)
        return aip__ipc_bad(in, from, err, "cut off: expected 4 bytes with the size of a message, found %zu", got);
    *n = load32(p);
    if (*n < 0) return aip__ipc_bad(in, from, err, "expected the size of a message, found %d", (int)*n);
    return AIP_OK;
}

int32_t aip__ipc_message_next(aip__ipc_input *in, aip__ipc_message *out, aip_error **err) {
    int32_t n = 0;
    bool old = false;
    aip__buffer *metadata = NULL;
    AIP__TRY(read_prefix(in, &n, &old, err));
    *out = (aip__ipc_message){0};
    if (n == 0) return AIP_OK;
    int64_t offset = in->at;
    AIP__TRY(aip__ipc_read(in, n, "a message's metadata", &metadata, err));
    AIP__TRY(parse(in, metadata, 0, (size_t)n, offset, out, err));
    out->old = old;
    out->body = in->at;
    return AIP_OK;
}

int32_t aip__ipc_message_at(const aip__ipc_input *in, const aip__ipc_block *block, aip__ipc_message *out, aip_error **err) {
    size_t n = (size_t)block->metadata_length;
    aip__buffer *b = aip__buffer_new(in->ctx, n);
    if (!b) return aip__error_memory(in->ctx, err);
    int32_t status = aip__ipc_read_at(in, block->offset, (int64_t)n, "a message's metadata", b->data, err);
    size_t start = status == AIP_OK && n >= 8 && memcmp(b->data, marker, sizeof marker) == 0 ? 8 : 4;
    int32_t length = status == AIP_OK && n >= start ? load32(b->data + start - 4) : 0;
    if (status == AIP_OK && (length <= 0 || (size_t)length > n - start))
        status = aip__ipc_bad(in, block->offset, err, "expected a message of at most %zu bytes of metadata, found a size of %d",
                              n, (int)length);
    if (status != AIP_OK) {
        aip__buffer_free(b);
        return status;
    }
    AIP__TRY(parse(in, b, start, (size_t)length, block->offset + (int64_t)start, out, err));
    out->old = start == 4;
    out->body = block->offset + block->metadata_length;
    if (out->body_length > block->body_length) {
        int64_t found = out->body_length;
        aip__ipc_message_free(out);
        return aip__ipc_bad(in, block->offset, err, "expected a body of %lld bytes, as the footer says, found one of %lld",
                            (long long)block->body_length, (long long)found);
    }
    return AIP_OK;
}

/* ---- the footer ----------------------------------------------------------------------------------------------------------------- */

void aip__ipc_layout_free(aip_context *ctx, aip__ipc_layout *layout) {
    aip__free(ctx, layout->blocks);
    *layout = (aip__ipc_layout){0};
}

/* Blocks lie within the file, and all together are no longer than it. */
static int32_t take_blocks(const aip__ipc_input *in, aip__flat *flat, const aip__flat_vector *v, int64_t base, int64_t *left,
                           aip__ipc_block *blocks, aip_error **err) {
    for (uint32_t i = 0; i < v->n; i++) {
        aip__ipc_block b = {.offset = aip__flat_item_i64(flat, v, BLOCK_BYTES, i, 0),
                            .metadata_length = aip__flat_item_i32(flat, v, BLOCK_BYTES, i, 8),
                            .body_length = aip__flat_item_i64(flat, v, BLOCK_BYTES, i, 16)};
        bool good = b.offset >= 8 && b.metadata_length >= 8 && b.body_length >= 0 && b.offset <= in->size
                    && b.metadata_length <= in->size - b.offset && b.body_length <= in->size - b.offset - b.metadata_length;
        int64_t all = good ? b.metadata_length + b.body_length : 0;
        if (!good || all > *left)
            return aip__ipc_bad(in, base + (int64_t)(v->at + (size_t)i * BLOCK_BYTES), err,
                                "expected a block within the file, found %d + %lld bytes at %lld", (int)b.metadata_length,
                                (long long)b.body_length, (long long)b.offset);
        *left -= all;
        blocks[i] = b;
    }
    return AIP_OK;
}

static int32_t parse_footer(const aip__ipc_input *in, const aip__buffer *bytes, int64_t base, aip__ipc_layout *layout,
                            aip__ipc_schema *schema, aip_error **err) {
    aip__flat flat = {.bytes = bytes->data, .n = bytes->size};
    aip__flat_table footer = aip__flat_root(&flat), fields = aip__flat_get_table(&footer, FOOTER_SCHEMA);
    aip__flat_vector dictionaries = aip__flat_get_vector(&footer, FOOTER_DICTIONARIES, BLOCK_BYTES);
    aip__flat_vector batches = aip__flat_get_vector(&footer, FOOTER_BATCHES, BLOCK_BYTES);
    int version = aip__flat_i16(&footer, FOOTER_VERSION, 0); /* some writers left it out before V5; messages have theirs, too */
    if (flat.bad) return damaged(in, base, &flat, err);
    if (version > V5) AIP__TRY(check_version(in, base, version, err));
    int64_t left = in->size;
    layout->n_dictionaries = dictionaries.n;
    layout->n_blocks = (int64_t)dictionaries.n + batches.n;
    layout->blocks = aip__calloc(in->ctx, (size_t)layout->n_blocks + 1, sizeof *layout->blocks);
    if (!layout->blocks) return aip__error_memory(in->ctx, err);
    AIP__TRY(take_blocks(in, &flat, &dictionaries, base, &left, layout->blocks, err));
    AIP__TRY(take_blocks(in, &flat, &batches, base, &left, layout->blocks + dictionaries.n, err));
    return aip__ipc_schema_read(in, &fields, version, base, schema, err);
}

static int32_t read_footer(const aip__ipc_input *in, aip__ipc_layout *layout, aip__ipc_schema *schema, aip_error **err) {
    uint8_t tail[TAIL_BYTES] = {0};
    if (in->size < 8 + TAIL_BYTES)
        return aip__ipc_bad(in, in->size, err, "cut off: expected an Arrow file's footer, found the end");
    AIP__TRY(aip__ipc_read_at(in, in->size - TAIL_BYTES, TAIL_BYTES, "a footer", tail, err));
    if (memcmp(tail + 4, MAGIC, MAGIC_BYTES) != 0)
        return aip__ipc_bad(in, in->size - MAGIC_BYTES, err, "cut off: expected an Arrow file to end with " MAGIC);
    int64_t n = load32(tail), at = in->size - TAIL_BYTES - n;
    if (n <= 0 || at < 8)
        return aip__ipc_bad(in, in->size - TAIL_BYTES, err, "expected the size of the footer in a file of %lld bytes, found %lld",
                            (long long)in->size, (long long)n);
    aip__buffer *b = aip__buffer_new(in->ctx, (size_t)n);
    if (!b) return aip__error_memory(in->ctx, err);
    int32_t status = aip__ipc_read_at(in, at, n, "a footer", b->data, err);
    if (status == AIP_OK) status = parse_footer(in, b, at, layout, schema, err);
    aip__buffer_free(b);
    return status;
}

/* ---- the beginning and the end --------------------------------------------------------------------------------------------------- */

static int32_t first_schema(aip__ipc_input *in, const aip__ipc_layout *layout, aip__ipc_schema *schema, aip_error **err) {
    aip__ipc_message m = {0};
    AIP__TRY(aip__ipc_message_next(in, &m, err));
    int32_t status = AIP_OK;
    if (!m.metadata || m.type != AIP__IPC_SCHEMA)
        status = aip__ipc_bad(in, m.offset, err, "expected the schema first, found %s",
                              !m.metadata                     ? "the end"
                              : m.type == AIP__IPC_DICTIONARY ? "a dictionary"
                                                              : "a record batch");
    else if (layout->file && m.old) /* whose end cannot be told from a footer without looking at that first */
        status = aip__ipc_error(in->source, m.offset, AIP_E_UNSUPPORTED, err,
                                "a file of Arrow before 0.15, which can only be read where any place of it can: neither from a "
                                "pipe nor compressed as a whole");
    else
        status = aip__ipc_schema_read(in, &m.header, m.version, m.offset, schema, err);
    if (status == AIP_OK) status = aip__ipc_skip(in, m.body_length, err);
    aip__ipc_message_free(&m);
    return status;
}

int32_t aip__ipc_begin(aip__ipc_input *in, aip__ipc_layout *layout, aip__ipc_schema *schema, aip_error **err) {
    uint8_t first[8] = {0};
    size_t got = 0;
    AIP__TRY(aip__ipc_peek(in, err));
    bool file = in->n_peeked == 8 && memcmp(in->peeked, MAGIC, MAGIC_BYTES) == 0;
    bool message =
        in->n_peeked == 8 && (memcmp(in->peeked, marker, 4) == 0 || (load32(in->peeked) > 0 && load32(in->peeked) < 1 << 26));
    *layout = (aip__ipc_layout){.file = file, .by_footer = file && in->size >= 0};
    if (in->n_peeked == 8 && memcmp(in->peeked, "FEA1", 4) == 0)
        return aip__ipc_error(in->source, 0, AIP_E_UNSUPPORTED, err,
                              "a file of Feather version 1: expected version 2, or Arrow IPC");
    if (in->n_peeked == 0) return aip__ipc_bad(in, 0, err, "the file is empty: expected an Arrow file or stream");
    if (!file && !message)
        return aip__ipc_bad(in, 0, err,
                            "expected an Arrow file, which begins with " MAGIC ", or a stream, which begins with a message");
    if (file) AIP__TRY(aip__ipc_read_some(in, first, sizeof first, &got, err));
    int32_t status = layout->by_footer ? read_footer(in, layout, schema, err) : first_schema(in, layout, schema, err);
    if (status != AIP_OK) {
        aip__ipc_layout_free(in->ctx, layout);
        aip__ipc_schema_free(schema);
    }
    return status;
}

int32_t aip__ipc_end(aip__ipc_input *in, const aip__ipc_layout *layout, aip_error **err) {
    char last[MAGIC_BYTES] = {0}, bytes[4096];
    int64_t from = in->at;
    size_t got = 0;
    do {
        AIP__TRY(aip__ipc_read_some(in, bytes, sizeof bytes, &got, err));
        size_t keep = got < MAGIC_BYTES ? got : MAGIC_BYTES;
        memmove(last, last + keep, MAGIC_BYTES - keep);
        memcpy(last + MAGIC_BYTES - keep, bytes + got - keep, keep);
    } while (got == sizeof bytes);
    if (layout->file && memcmp(last, MAGIC, MAGIC_BYTES) != 0)
        return aip__ipc_bad(in, in->at, err, "cut off: expected an Arrow file to end with " MAGIC);
    if (!layout->file && in->at > from)
        return aip__ipc_bad(in, from, err, "%lld bytes follow the end of the stream: expected none", (long long)(in->at - from));
    return AIP_OK;
}
