/* What a format gives to whoever knows where the bytes live: a look at a file (names and guessed types), a reader that cuts a stream into
 * items and decodes them, and a writer. A format is a descriptor of kind AIP_KIND_FORMAT whose ops are this table.
 *
 * Some parameters are common to all formats that must guess or may meet bad rows; they are put before a format's own
 * when it is registered (formats.c), and its `create` sees both as one set. A format whose files say their types (`typed`) has but `columns`. */
#ifndef AIPIPE_LIB_FORMATS_FORMAT_H
#define AIPIPE_LIB_FORMATS_FORMAT_H

#include "base/catalog.h"
#include "data/rejects.h"
#include "data/source.h"
#include "formats/stream.h"

/* What a look at a column says. The type is the join of all cells seen (0: none but nulls); the flags tell what timestamps held. */
typedef struct aip__guess {
    int32_t type;
    bool zoned, unzoned; /* a timestamp with, without an offset was seen (a date counts as without) */
} aip__guess;
aip__guess aip__guess_join(aip__guess a, aip__guess b);
/* Nothing makes it larger. */
bool aip__guess_is_text(aip__guess g);
/* The guess as a type and zone: nothing is utf8, timestamps of both kinds are utf8. */
void aip__guess_field(aip__guess g, aip_field *field);

typedef struct aip__sample { /* of one file */
    int32_t n;
    char **names; /* owned */
    aip__guess *guesses;
    aip_field *
        fields; /* of a format whose files say their types, in place of guesses: type (0: not one of ours), zone (owned), scale, nullable */
    char **
        refused; /* with fields: why a column's type is not one of ours, which matters only when it is wanted; else NULL; owned */
} aip__sample;
void aip__sample_free(aip_context *ctx, aip__sample *sample);

/* Fields that the sample did not show, in the order of the file, each name once: so many of them that it is known whether there are more than
 * are named to people. The first names of parts, taken in order, are the first names of all. */
#define AIP__FIELDS_NAMED 5
typedef struct aip__unknown_fields {
    char *names[AIP__FIELDS_NAMED + 1]; /* owned */
    int32_t n;
    char *first; /* "source:line" of the first; owned, or NULL */
} aip__unknown_fields;
int32_t aip__unknown_fields_add(aip_context *ctx, aip__unknown_fields *u, const char *name, aip_error **err);
/* "'a' (first in x.ndjson:7), 'b', ...". */
void aip__unknown_fields_text(const aip__unknown_fields *u, aip__text *t);
void aip__unknown_fields_free(aip_context *ctx, aip__unknown_fields *u);

/* What `decode` hands to `account`. */
typedef struct aip__bad_rows {
    aip__rejects *rejects; /* NULL: none */
    int64_t n_nulled;      /* bad cells that became null */
    int64_t n_padded;      /* short rows that were filled up with nulls */
    char *first;           /* the first reject, for messages; owned */
    int64_t n_unknown;     /* values of fields that the sample did not show, and that are no columns */
    int64_t n_duplicates;  /* values that a later one of the same field in the same record replaced */
    aip__unknown_fields unknown;
} aip__bad_rows;
void aip__bad_rows_free(aip_context *ctx, aip__bad_rows *bad);

#define AIP__EXCERPT_BYTES 44
/* What a message shows of a text: valid UTF-8 of at most 40 bytes, "..." behind it where it is cut, '?' for what is not printable. */
void aip__excerpt(const char *s, size_t n, char out[AIP__EXCERPT_BYTES]);

/* Limits of the common parameter block_bytes. */
#define AIP__BLOCK_BYTES_MIN 64
#define AIP__BLOCK_BYTES_MAX 67108864
#define AIP__BLOCK_BYTES_USUAL ((size_t)1 << 20) /* where it is null */

/* A cell that made its column's guess larger while the rows of an item were gone through in order, from a guess that was given. The steps of
 * items, taken in source order, hold every step that going through all rows one by one would make: what is beyond a larger guess is beyond
 * a smaller one too. So types can be settled over a whole file in parallel, with the same places named for any cut. */
typedef struct aip__type_step {
    int32_t column;   /* of the schema that the reader was opened with */
    int32_t file;     /* not the format's */
    aip__guess cell;  /* what the cell alone says */
    int64_t line, at; /* of the cell in the file: from 1, `at` in bytes */
    int64_t offset;
    char excerpt[AIP__EXCERPT_BYTES]; /* of the cell */
} aip__type_step;

typedef struct aip__type_steps { /* of one item, in any order of columns, each column's in the order of rows */
    aip_context *ctx;
    aip__type_step *steps;
    size_t n, capacity;
} aip__type_steps;
/* Joins a cell into a running guess. True: it made it larger, as the schema would show. */
bool aip__guess_widen(aip__guess *running, aip__guess cell);
int32_t aip__type_steps_add(aip__type_steps *steps, const aip__type_step *step, aip_error **err);
void aip__type_steps_free(aip__type_steps *steps);

/* Bytes of a batch being written that its text does not hold: they lie in the batch's columns, and stand before the text's byte `at`. */
typedef struct aip__piece {
    size_t at;
    const void *bytes;
    size_t n;
} aip__piece;
typedef struct aip__pieces { /* in their order */
    aip_context *ctx;
    aip__piece *items;
    size_t n, capacity;
} aip__pieces;
int32_t aip__pieces_add(aip__pieces *pieces, size_t at, const void *bytes, size_t n, aip_error **err);
void aip__pieces_free(aip__pieces *pieces);

typedef struct aip__format_ops {
    const char *extensions; /* "csv|tsv" */
    bool typed;             /* its files say their types and hold no bad rows: of the common parameters it has `columns` alone */
    bool named;             /* the first record names the columns: more rows say no more than their types */
    const aip_param_spec *write_params;
    int32_t n_write_params;

    /* extension: of the first path, for defaults that depend on it ("tsv"); "" when there is none. */
    int32_t (*create)(aip_context *ctx, const aip_params *params, const char *extension, void **format, aip_error **err);
    void (*destroy)(void *format);
    /* Names, and guesses from at most max_rows rows (INT64_MAX: all). */
    int32_t (*sample)(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out, aip_error **err);

    /* A reader of the columns `from` (names in the file), as `schema`'s fields in that order. Stream, source and schema are borrowed and
     * outlive it. next: one call at a time; decode: many at once, also after `end_reading`. */
    int32_t (*open)(void *format, aip__stream *stream, const char *source, const aip_schema *schema, char *const *from,
                    void **reader, aip_error **err);
    int32_t (*next)(void *reader, aip__item *item, bool *end, aip_error **err);
    int32_t (*decode)(void *reader, const aip__item *item, aip__decoded *out,
                      aip_error **err); /* out->rejects: aip__bad_rows or NULL */
    void (*item_free)(void *reader, aip__item *item);
    void (*end_reading)(void *reader); /* the stream will not be asked again: frees what only `next` needs */
    void (*close)(void *reader);

    /* Rows as bytes, added to `to`. write_begin gives what stands before the first row, write_end what stands behind the last. write_batch is
     * called by many threads at once, each with a text of its own, and may not change the writer: what a batch becomes depends on the batch
     * alone. The texts are then taken in the order of the batches, one at a time, and put behind one another. */
    int32_t (*write_begin)(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                           aip__text *to, void **writer, aip_error **err);
    /* AIP_E_DATA: a value that cannot be written, in the row of the batch, from 1, that the error has as its line. */
    int32_t (*write_batch)(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err);
    /* As write_batch, but for long runs of bytes that may stay where they are, in the batch, which the caller keeps until they are written. May be
     * NULL. */
    int32_t (*write_pieces)(const void *writer, const aip_batch *batch, aip__text *to, aip__pieces *pieces, aip_error **err);
    /* A batch's text (and pieces; NULL: none) when its turn has come: for a writer that keeps places (a footer), or puts something between
     * batches. May change the text. May be NULL. */
    int32_t (*write_place)(void *writer, int64_t n_rows, aip__text *text, aip__pieces *pieces, aip_error **err);
    int32_t (*write_end)(void *writer, aip__text *to, aip_error **err);
    void (*write_free)(void *writer);

    /* ---- may be NULL: then what needs it is refused by name ---- */
    /* The cells of an item against the guesses start[schema->n] (type AIP_UTF8: not looked at), for on_bad_row: promote. Many at once. */
    int32_t (*infer_item)(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out, aip_error **err);
    /* Of a stream of plain bytes that starts where a record does (first: where the file does): how many bytes are whole records with their
     * line ends, and how many line feeds those hold. A record that the stream ends in is not whole. For checkpoints. */
    int32_t (*whole)(void *format, aip__stream *stream, const char *source, bool first, int64_t *bytes, int64_t *lines,
                     aip_error **err);
    /* After open, which read the header, and before next: goes on in another stream, which starts at a record of the same file, at that
     * byte and line. The first stream is not asked again. */
    int32_t (*resume)(void *reader, aip__stream *stream, int64_t offset, int64_t line, aip_error **err);
    /* Before the first look at files that grow: from now on nothing is found out from what a file holds, for a part of it says another thing
     * than all of it. AIP_E_PARAM where that was asked for by name. NULL: nothing ever is. */
    int32_t (*fix)(void *format, aip_error **err);
    /* Members of a JSON object, each with a comma before it: what was found out about the file, and why. */
    int32_t (*explain)(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__text *to, aip_error **err);
} aip__format_ops;

/* By a descriptor's name ("csv") or a file extension. Errors: AIP_E_NOT_FOUND with the nearest name; for an extension NULL is returned. */
int32_t aip__format_find(aip_context *ctx, const char *name, const aip_descriptor **out, aip_error **err);
const aip_descriptor *aip__format_by_extension(aip_context *ctx, const char *extension);

/* Adds the built-in formats to the context's catalogue. */
int32_t aip__formats_register(aip_context *ctx, aip_error **err);

#endif
