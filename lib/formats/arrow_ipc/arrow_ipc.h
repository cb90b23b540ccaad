/* The inside of Arrow IPC files and streams (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc).
 *
 *   flat_read.c          FlatBuffers, in which the metadata is written, within bounds
 *   flat_build.c         and built
 *   arrow_ipc_input.c    the bytes: where they are, how many remain; errors with their place
 *   arrow_ipc_message.c  framing: messages one after the other, a file's footer and its blocks
 *   arrow_ipc_schema.c   a Schema table -> Arrow C schemas of the columns, and how much of a batch's metadata each takes
 *   arrow_ipc_batch.c    a RecordBatch table -> where the buffers of the wanted columns lie, checked against the body
 *   lz4_frame.c          LZ4 frames undone
 *   arrow_ipc_inflate.c  the buffers of a compressed body undone, with that or libzstd
 *   arrow_ipc_load.c     those buffers -> memory -> an Arrow C array for the import of data/
 *   arrow_ipc_read.c     the reader as the table of formats wants it: dictionaries, batches cut into items
 *   arrow_ipc_meta.c     our schema and batches -> metadata
 *   arrow_ipc_write.c    the writer as the table of formats wants it
 *
 * A message is: ff ff ff ff (left out before Arrow 0.15), int32 bytes of metadata, the metadata (a Message table, padded to 8), the body, whose
 * buffers the metadata places. A stream is a schema, then dictionaries and record batches as they are needed, then ff ff ff ff 00 00 00 00 or
 * just the end. A file is "ARROW1" 00 00, a stream, a Footer table with the place of each dictionary and batch, its int32 size, "ARROW1".
 *
 * What can be read at any place (a plain file, memory) and is a file is read by its footer, and only the bytes that the wanted columns need: a
 * batch of any number of rows is cut into items by rows, so that memory stays bounded. Pipes and gzip are read on, message by message; a
 * batch is then in memory whole. Values are copied from the file once, into aligned memory, and columns share it where their layout is ours. */
#ifndef AIPIPE_LIB_FORMATS_ARROW_IPC_H
#define AIPIPE_LIB_FORMATS_ARROW_IPC_H

#include "data/arrow.h"
#include "data/arrow_type.h"
#include "formats/arrow_ipc/flat.h"
#include "formats/format.h"

extern const aip_descriptor aip__arrow_ipc_descriptor;

/* ---- input --------------------------------------------------------------------------------------------------------------------- */

typedef struct aip__ipc_input {
    aip_context *ctx;
    aip__stream *stream;
    const char *source;
    int64_t at;        /* of the next byte, when reading on */
    int64_t size;      /* of what is read; -1: a pipe or gzip */
    uint8_t peeked[8]; /* bytes that were looked at, and come next */
    size_t n_peeked;
} aip__ipc_input;
void aip__ipc_input_init(aip__ipc_input *in, aip_context *ctx, aip__stream *stream, const char *source);
/* AIP_E_CORRUPT (or another status) at a byte offset. */
int32_t aip__ipc_bad(const aip__ipc_input *in, int64_t offset, aip_error **err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int32_t aip__ipc_error(const char *source, int64_t offset, int32_t status, aip_error **err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Fills `peeked`, or less at the end; before anything was read. */
int32_t aip__ipc_peek(aip__ipc_input *in, aip_error **err);
/* The next bytes, as many as there are up to n. */
int32_t aip__ipc_read_some(aip__ipc_input *in, void *bytes, size_t n, size_t *got, aip_error **err);
/* The next n bytes into a new buffer, which grows no faster than bytes come. Errors: AIP_E_CORRUPT when fewer remain. */
int32_t aip__ipc_read(aip__ipc_input *in, int64_t n, const char *what, aip__buffer **out, aip_error **err);
/* n bytes at a place, of an input with a size. */
int32_t aip__ipc_read_at(const aip__ipc_input *in, int64_t offset, int64_t n, const char *what, uint8_t *bytes, aip_error **err);
/* Reading goes on behind n bytes. */
int32_t aip__ipc_skip(aip__ipc_input *in, int64_t n, aip_error **err);

/* ---- schema -------------------------------------------------------------------------------------------------------------------- */

typedef struct aip__ipc_column {
    struct ArrowSchema schema; /* its dictionary, if it has one, is `values` */
    struct ArrowSchema values;
    char *name, *format, *values_format; /* owned; what the schemas point to */
    int64_t dictionary_id;
    int32_t node, n_nodes;       /* of the batch's metadata: its own and those of its children */
    int32_t buffer, n_buffers;   /* without the data buffers of views */
    int32_t views_before, views; /* columns of views, which have data buffers: before this one, and in it */
    aip__arrow_type type;        /* type 0: not one of ours */
    char *refused;               /* then, why; owned */
    char *extension;             /* the name of its extension type; NULL: none; owned */
} aip__ipc_column;

typedef struct aip__ipc_schema {
    aip_context *ctx;
    int32_t n;
    aip__ipc_column *columns;
    int32_t n_nodes, n_buffers, n_views;
} aip__ipc_schema;
/* table: of a schema message or a footer; base: where its bytes begin. Errors: AIP_E_CORRUPT, AIP_E_UNSUPPORTED (big-endian). */
int32_t aip__ipc_schema_read(const aip__ipc_input *in, const aip__flat_table *table, int version, int64_t base,
                             aip__ipc_schema *out, aip_error **err);
void aip__ipc_schema_free(aip__ipc_schema *s);

/* ---- messages ------------------------------------------------------------------------------------------------------------------ */

enum { AIP__IPC_SCHEMA = 1, AIP__IPC_DICTIONARY = 2, AIP__IPC_RECORD_BATCH = 3 };

typedef struct aip__ipc_message {
    aip__buffer *metadata; /* NULL: the end of the stream */
    aip__flat flat;
    aip__flat_table header;
    int type, version;
    bool old;       /* without a continuation marker */
    int64_t offset; /* of the metadata */
    int64_t body, body_length;
} aip__ipc_message;
/* The next message; reading goes on with its body. */
int32_t aip__ipc_message_next(aip__ipc_input *in, aip__ipc_message *out, aip_error **err);
void aip__ipc_message_free(aip__ipc_message *m);

typedef struct aip__ipc_block {
    int64_t offset, body_length;
    int32_t metadata_length;
} aip__ipc_block;

/* How the messages are found. */
typedef struct aip__ipc_layout {
    bool file, by_footer;
    aip__ipc_block *blocks; /* by footer: dictionaries, then record batches */
    int64_t n_blocks, n_dictionaries;
} aip__ipc_layout;
/* Looks at the first bytes (and the footer), and gives the schema. */
int32_t aip__ipc_begin(aip__ipc_input *in, aip__ipc_layout *layout, aip__ipc_schema *schema, aip_error **err);
void aip__ipc_layout_free(aip_context *ctx, aip__ipc_layout *layout);
int32_t aip__ipc_message_at(const aip__ipc_input *in, const aip__ipc_block *block, aip__ipc_message *out, aip_error **err);
/* After the end of a stream that is read on: nothing else may follow, but for a file's footer. */
int32_t aip__ipc_end(aip__ipc_input *in, const aip__ipc_layout *layout, aip_error **err);

/* ---- batches ------------------------------------------------------------------------------------------------------------------- */

typedef struct aip__ipc_range { /* within a body */
    int64_t offset, length;
} aip__ipc_range;

/* What a RecordBatch says of the wanted columns: column i has buffers[first[i] .. first[i + 1]). */
typedef struct aip__ipc_batch {
    int64_t n_rows;
    int32_t codec; /* AIP__IPC_PLAIN or one of the others */
    int64_t at;    /* of the metadata */
    int64_t body, body_length;
    int32_t n; /* columns */
    int64_t *null_counts;
    int32_t *first;
    aip__ipc_range *buffers;
    bool views;
} aip__ipc_batch;
enum { AIP__IPC_PLAIN = -1, AIP__IPC_LZ4_FRAME = 0, AIP__IPC_ZSTD = 1 };
/* wanted: indices into the schema's columns, whose types are ours. */
int32_t aip__ipc_batch_read(const aip__ipc_input *in, const aip__flat_table *table, const aip__ipc_message *m,
                            const aip__ipc_schema *schema, const int32_t *wanted, int32_t n, aip__ipc_batch *out,
                            aip_error **err);
void aip__ipc_batch_free(aip_context *ctx, aip__ipc_batch *b);
/* Whether buffers of these lengths hold n rows of a type. column names it in messages. */
int32_t aip__ipc_check_lengths(const aip__ipc_input *in, const aip__ipc_batch *b, int32_t i, const aip__ipc_column *column,
                               const aip__arrow_type *type, const int64_t *lengths, aip_error **err);

/* The buffers of a compressed batch, undone into a new body; `out` says where they lie there, and shares what else it holds with b: its `buffers`
 * alone are to be freed (aip__free). Errors: AIP_E_CORRUPT, AIP_E_UNSUPPORTED (built without libzstd), AIP_E_MEMORY_LIMIT. */
int32_t aip__ipc_inflate(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__buffer *packed, aip__ipc_batch *out,
                         aip__buffer **body, aip_error **err);

/* What the buffers of a compressed batch will take, as they say themselves. Errors: AIP_E_CORRUPT. */
int32_t aip__ipc_inflated_bytes(const aip__ipc_input *in, const aip__ipc_batch *b, const aip__buffer *packed, int64_t *bytes,
                                aip_error **err);

/* Rows of a batch in memory, as an Arrow array of the wanted columns, in their order, that owns what it stands on. */
typedef struct aip__ipc_wanted {
    const aip__ipc_schema *schema;
    const int32_t *columns;
    int32_t n;
} aip__ipc_wanted;
/* The body whole: `body` (retained) holds it. */
int32_t aip__ipc_load_body(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, aip__buffer *body,
                           struct ArrowArray *out, aip_error **err);
/* Rows [start, start + n) of a plain batch without views, read from an input with a size; start is a multiple of 8. */
int32_t aip__ipc_load_rows(const aip__ipc_input *in, const aip__ipc_wanted *w, const aip__ipc_batch *b, int64_t start, int64_t n,
                           struct ArrowArray *out, aip_error **err);

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

#define AIP__IPC_N_WRITE_PARAMS 2
extern const aip_param_spec aip__ipc_write_params[];
int32_t aip__ipc_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                             aip__text *to, void **writer, aip_error **err);
int32_t aip__ipc_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err);
int32_t aip__ipc_write_pieces(const void *writer, const aip_batch *batch, aip__text *to, aip__pieces *pieces, aip_error **err);
int32_t aip__ipc_write_place(void *writer, int64_t n_rows, aip__text *text, aip__pieces *pieces, aip_error **err);
int32_t aip__ipc_write_end(void *writer, aip__text *to, aip_error **err);
void aip__ipc_write_free(void *writer);

/* Metadata; to is emptied first. */
typedef struct aip__ipc_body { /* the nodes and buffers of a batch, in order */
    int64_t n_rows, length;
    int32_t n_nodes, n_buffers;
    bool zstd;        /* the buffers are compressed */
    int64_t *nodes;   /* pairs: rows, nulls */
    int64_t *buffers; /* pairs: offset, length */
} aip__ipc_body;
void aip__ipc_meta_schema(aip__text *to, const aip_schema *schema);
void aip__ipc_meta_batch(aip__text *to, const aip__ipc_body *body);
void aip__ipc_meta_dictionary(aip__text *to, int64_t id, bool delta, const aip__ipc_body *body);
void aip__ipc_meta_footer(aip__text *to, const aip_schema *schema, const aip__ipc_block *dictionaries, int64_t n_dictionaries,
                          const aip__ipc_block *batches, int64_t n_batches);

#endif
