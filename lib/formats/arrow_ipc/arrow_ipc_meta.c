/* The metadata that is written: our types as Arrow's, as the bridge in data/ exports them (decimals as 128 bits, dictionaries of utf8 with
 * int32 codes). Numbers of unions and slots are those of Schema.fbs, Message.fbs and File.fbs. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include <string.h>

#define VERSION_5 4
#define BLOCK_BYTES 24
#define DECIMAL_DIGITS 19 /* of the widest decimal64 */

enum { T_INT = 2, T_FLOAT = 3, T_BINARY = 4, T_UTF8 = 5, T_BOOL = 6, T_DECIMAL = 7, T_DATE = 8, T_TIMESTAMP = 10 };

static int64_t type_number(int32_t type) {
    static const int64_t numbers[] = {
        [AIP_BOOL] = T_BOOL,     [AIP_INT32] = T_INT,           [AIP_INT64] = T_INT,        [AIP_FLOAT32] = T_FLOAT,
        [AIP_FLOAT64] = T_FLOAT, [AIP_UTF8] = T_UTF8,           [AIP_BINARY] = T_BINARY,    [AIP_DICTIONARY] = T_UTF8,
        [AIP_DATE32] = T_DATE,   [AIP_TIMESTAMP] = T_TIMESTAMP, [AIP_DECIMAL64] = T_DECIMAL};
    return numbers[type];
}

static size_t add_int(aip__text *to, int64_t bits) {
    const aip__flat_slot slots[] = {{4, bits}, {1, 1}};
    return aip__flat_add_table(to, slots, 2, NULL);
}

static size_t add_type(aip__text *to, const aip_field *f) {
    size_t places[2] = {0}, table = 0;
    switch (f->type) {
    case AIP_INT32: return add_int(to, 32);
    case AIP_INT64: return add_int(to, 64);
    case AIP_FLOAT32: return aip__flat_add_table(to, (const aip__flat_slot[]){{2, 1}}, 1, NULL); /* single */
    case AIP_FLOAT64: return aip__flat_add_table(to, (const aip__flat_slot[]){{2, 2}}, 1, NULL); /* double */
    case AIP_DECIMAL64:
        return aip__flat_add_table(to, (const aip__flat_slot[]){{4, DECIMAL_DIGITS}, {4, f->scale}, {4, 128}}, 3, NULL);
    case AIP_DATE32: return aip__flat_add_table(to, (const aip__flat_slot[]){{2, 0}}, 1, NULL); /* days */
    case AIP_TIMESTAMP:                                                                         /* microseconds */
        table = aip__flat_add_table(to, (const aip__flat_slot[]){{2, 2}, AIP__FLAT_LINK}, f->zone ? 2 : 1, places);
        if (f->zone) aip__flat_link(to, places[1], aip__flat_add_text(to, f->zone));
        return table;
    default: return aip__flat_add_table(to, NULL, 0, NULL); /* without parameters */
    }
}

/* A dictionary's number is that of its column. */
static void add_dictionary(aip__text *to, size_t link, int64_t id) {
    size_t places[2] = {0};
    aip__flat_link(to, link, aip__flat_add_table(to, (const aip__flat_slot[]){{8, id}, AIP__FLAT_LINK}, 2, places));
    aip__flat_link(to, places[1], add_int(to, 32));
}

static size_t add_field(aip__text *to, const aip_field *f, int64_t i) {
    enum { NAME, NULLABLE, TYPE_TYPE, TYPE, DICTIONARY, CHILDREN, N };
    const bool coded = f->type == AIP_DICTIONARY;
    const aip__flat_slot slots[N] = {
        [NAME] = AIP__FLAT_LINK, [NULLABLE] = {1, f->nullable != 0}, [TYPE_TYPE] = {1, type_number(f->type)},
        [TYPE] = AIP__FLAT_LINK, [DICTIONARY] = {coded ? 4 : 0, 0},  [CHILDREN] = AIP__FLAT_LINK};
    size_t places[N] = {0}, first = 0, table = aip__flat_add_table(to, slots, N, places);
    aip__flat_link(to, places[NAME], aip__flat_add_text(to, f->name));
    aip__flat_link(to, places[TYPE], add_type(to, f));
    if (coded) add_dictionary(to, places[DICTIONARY], i);
    aip__flat_link(to, places[CHILDREN], aip__flat_add_vector(to, 0, 4, 4, &first));
    return table;
}

static size_t add_schema(aip__text *to, const aip_schema *schema) {
    size_t places[2] = {0}, first = 0;
    size_t table = aip__flat_add_table(to, (const aip__flat_slot[]){{2, 0}, AIP__FLAT_LINK}, 2, places); /* little-endian */
    aip__flat_link(to, places[1], aip__flat_add_vector(to, (uint32_t)schema->n, 4, 4, &first));
    for (int32_t i = 0; i < schema->n; i++) aip__flat_link(to, first + (size_t)i * 4, add_field(to, &schema->fields[i], i));
    return table;
}

static size_t add_pairs(aip__text *to, const int64_t *pairs, int32_t n) {
    size_t first = 0, vector = aip__flat_add_vector(to, (uint32_t)n, 16, 8, &first);
    for (int32_t i = 0; i < 2 * n; i++) aip__flat_put_i64(to, first + (size_t)i * 8, pairs[i]);
    return vector;
}

static size_t add_batch(aip__text *to, const aip__ipc_body *body) {
    size_t places[4] = {0};
    const aip__flat_slot slots[] = {{8, body->n_rows}, AIP__FLAT_LINK, AIP__FLAT_LINK, {body->zstd ? 4 : 0, 0}};
    size_t table = aip__flat_add_table(to, slots, 4, places);
    aip__flat_link(to, places[1], add_pairs(to, body->nodes, body->n_nodes));
    aip__flat_link(to, places[2], add_pairs(to, body->buffers, body->n_buffers));
    if (body->zstd) {
        const aip__flat_slot codec[] = {{1, AIP__IPC_ZSTD}, {1, 0}}; /* each buffer by itself */
        aip__flat_link(to, places[3], aip__flat_add_table(to, codec, 2, NULL));
    }
    return table;
}

/* Begins a message; returns where its header is to be linked. */
static size_t begin_message(aip__text *to, int kind, int64_t body_length) {
    size_t places[4] = {0};
    const aip__flat_slot slots[] = {{2, VERSION_5}, {1, kind}, AIP__FLAT_LINK, {8, body_length}};
    to->n = 0;
    aip__flat_begin(to);
    aip__flat_link(to, 0, aip__flat_add_table(to, slots, 4, places));
    return places[2];
}

void aip__ipc_meta_schema(aip__text *to, const aip_schema *schema) {
    size_t header = begin_message(to, AIP__IPC_SCHEMA, 0);
    aip__flat_link(to, header, add_schema(to, schema));
}

void aip__ipc_meta_batch(aip__text *to, const aip__ipc_body *body) {
    size_t header = begin_message(to, AIP__IPC_RECORD_BATCH, body->length);
    aip__flat_link(to, header, add_batch(to, body));
}

void aip__ipc_meta_dictionary(aip__text *to, int64_t id, bool delta, const aip__ipc_body *body) {
    size_t places[3] = {0}, header = begin_message(to, AIP__IPC_DICTIONARY, body->length);
    const aip__flat_slot slots[] = {{8, id}, AIP__FLAT_LINK, {1, delta}};
    aip__flat_link(to, header, aip__flat_add_table(to, slots, 3, places));
    aip__flat_link(to, places[1], add_batch(to, body));
}

static size_t add_blocks(aip__text *to, const aip__ipc_block *blocks, int64_t n) {
    size_t first = 0, vector = aip__flat_add_vector(to, (uint32_t)n, BLOCK_BYTES, 8, &first);
    for (int64_t i = 0; i < n; i++) {
        size_t at = first + (size_t)i * BLOCK_BYTES;
        aip__flat_put_i64(to, at, blocks[i].offset);
        aip__flat_put_i32(to, at + 8, blocks[i].metadata_length);
        aip__flat_put_i64(to, at + 16, blocks[i].body_length);
    }
    return vector;
}

void aip__ipc_meta_footer(aip__text *to, const aip_schema *schema, const aip__ipc_block *dictionaries, int64_t n_dictionaries,
                          const aip__ipc_block *batches, int64_t n_batches) {
    size_t places[4] = {0};
    const aip__flat_slot slots[] = {{2, VERSION_5}, AIP__FLAT_LINK, AIP__FLAT_LINK, AIP__FLAT_LINK};
    to->n = 0;
    aip__flat_begin(to);
    aip__flat_link(to, 0, aip__flat_add_table(to, slots, 4, places));
    aip__flat_link(to, places[1], add_schema(to, schema));
    aip__flat_link(to, places[2], add_blocks(to, dictionaries, n_dictionaries));
    aip__flat_link(to, places[3], add_blocks(to, batches, n_batches));
}
