/* The inside of the CSV reader.
 *
 *   csv_options.c  parameters -> options
 *   csv_input.c    a stream of bytes -> text, and the options as they are for this file
 *   csv_binary.c   bytes that are no text, in words
 *   csv_detect.h   a sample of the text -> the dialect
 *   csv_scan.c     where records end (the one definition of it), and lines
 *   csv_general.c  the same for dialects with an escape character, without doubled quotes, or lenient ones
 *   csv_index.c    ends of fields and records in regular text, at every vector level
 *   csv_regular.c  runs of regular rows in an item: what goes straight from the index to columns
 *   csv_split.c    records of an item -> a block of cells; irregular records through libcsv
 *   csv_convert.c  fields of a run, or a block of cells -> typed columns, bad cells marked
 *   csv_read.c     the stream -> items of whole records; header
 *   csv_names.c    numbers for names that are there twice
 *   csv_reader.c   the reader as the table of formats wants it
 *   csv_decode.c   an item -> a batch, rejects or an error
 *   csv_faults.c   what is wrong with a row, in words
 *   csv_infer.c    the first rows -> names and guessed types
 *   csv_types.c    an item -> what its cells say of types
 *   csv_whole.c    how much of a growing file is whole records
 *   csv_write.c    batches -> text
 *
 * Dialect. A record ends at LF or CR LF outside quotes, or at the end of the file; a lone CR is data, and in the header an error. A field that
 * starts with the quote character is quoted: it ends at the next quote that is not doubled, and the delimiter or the record's end must follow,
 * else the record is malformed. A quote inside an unquoted field is data. Spaces are data. Empty lines are dropped, and so are lines that
 * start with the comment character. For records that are not malformed this is libcsv's meaning, with its trimming of spaces and its ending of
 * records at CR off.
 *
 * Three settings change that; none is on by default.
 *   escape      In and outside of quotes it makes a following quote, delimiter, escape, CR, LF or (at a line's start) comment character data, and
 *               is dropped itself; before any other byte, and at the end of the file, it is data itself. It may not be the quote character.
 *   no_doubling A quote in a quoted field ends it; "" is no quote (with escape: \" is).
 *   lenient     No record is malformed. A quote in a quoted field that is neither doubled nor followed by the delimiter or the record's end is data,
 *               and the field goes on, unless the delimiter or a line end stands before that quote, or the file ends or the record passes
 *               max_record bytes before the field ends: then the field's opening quote was none, the field is an unquoted one that starts with that
 *               byte, and the scan goes on behind it. */
#ifndef AIPIPE_LIB_FORMATS_CSV_H
#define AIPIPE_LIB_FORMATS_CSV_H

#include "data/convert_column.h"
#include "formats/encoding/encoding.h"
#include "formats/format.h"
#include <string.h>

/* What a lenient dialect has found out about a text, so that no byte of it is looked at again and again: a field whose quote is open at a byte of
 * [from, to) that is no quote is still open at `to`. */
typedef struct aip__csv_open {
    const char *from, *to;
    const char *parted; /* the last delimiter or line end in there */
} aip__csv_open;

typedef struct aip__csv_dialect {
    char delimiter;
    int quote;   /* byte, or -1: none */
    int comment; /* byte, or -1: none */
    char decimal;
    bool only_libcsv; /* tests: every record through libcsv */
    char escape;      /* 0: none */
    bool no_doubling;
    bool lenient;
    int64_t max_record;  /* of lenient: see there; 0: no limit */
    aip__csv_open *open; /* of lenient: of the text that is scanned, by one thread; NULL: not kept */
} aip__csv_dialect;

typedef enum { AIP__BAD_ERROR, AIP__BAD_NULL, AIP__BAD_REJECT } aip__bad_policy;
typedef enum { AIP__RAGGED_ERROR, AIP__RAGGED_PAD, AIP__RAGGED_TRUNCATE } aip__ragged_policy;

typedef enum { AIP__DETECT_NONE, AIP__DETECT_DELIMITER, AIP__DETECT_ALL } aip__csv_detection;
enum { /* what the user said, so that it is not looked for */
       AIP__GIVEN_DELIMITER = 1,
       AIP__GIVEN_QUOTE = 2,
       AIP__GIVEN_ESCAPE = 4,
       AIP__GIVEN_COMMENT = 8,
       AIP__GIVEN_HEADER = 16,
       AIP__GIVEN_NAMES = 32,
       AIP__GIVEN_SKIP = 64,
       AIP__GIVEN_DECIMAL = 128,
       AIP__GIVEN_ENCODING = 256
};

typedef struct aip__csv_options {
    aip_context *ctx;
    aip__csv_detection detect;
    unsigned given;
    int32_t detected_columns; /* commonest number of cells, where it was looked for; else 0 */
    aip__csv_dialect dialect;
    bool header, number_names;
    bool fixed;   /* nothing is found out from what a file holds, though nothing was said of that */
    char **names; /* NULL: from the header */
    int32_t n_names;
    int64_t skip_rows;
    char **nulls;
    size_t *null_lengths;
    int32_t n_nulls;
    size_t longest_null;
    bool empty_is_null, quoted_null;
    bool null_starts[256]; /* first bytes of null markers */
    aip__bad_policy on_bad_row;
    aip__ragged_policy ragged;
    int64_t max_record_bytes;
    size_t block_bytes; /* read and cut at a time; 0: as many as suit the number of columns */
    char *encoding;
    aip__undecodable undecodable;
    aip__line_end line_end;
    char thousands;      /* 0: none. Whole numbers, floats and decimals may have it between groups of three digits */
    char **date_formats; /* as of strftime; tried in order where ISO 8601 does not fit; one with a time of day gives timestamps */
    int32_t n_date_formats;
    char **true_words, **false_words; /* in place of the words of aip__parse_bool; NULL: those */
    int32_t n_true_words, n_false_words;
} aip__csv_options;

extern const aip_descriptor aip__csv_descriptor;
#define AIP__CSV_N_PARAMS 23
extern const aip_param_spec aip__csv_params[];
int32_t aip__csv_options_create(aip_context *ctx, const aip_params *params, const char *extension, void **out, aip_error **err);
void aip__csv_options_destroy(void *options);
/* Is this one of the null markers? Most cells are not, and are told by their first byte. */
bool aip__csv_in_nulls(const aip__csv_options *o, const char *s, size_t n);
static inline bool aip__csv_is_null(const aip__csv_options *o, const char *s, size_t n) {
    if (n == 0) return o->empty_is_null;
    return o->null_starts[(unsigned char)s[0]] && aip__csv_in_nulls(o, s, n);
}

/* ---- scan: where records end ----------------------------------------------------------------------------------------------------------- */
typedef enum {
    AIP__CSV_PLAIN,     /* splitting at delimiters is all there is to it */
    AIP__CSV_QUOTED,    /* has a quoted field */
    AIP__CSV_SKIP,      /* empty line or comment */
    AIP__CSV_MALFORMED, /* something other than the delimiter behind a closing quote; from there on taken as unquoted */
    AIP__CSV_UNCLOSED   /* the data ends inside quotes */
} aip__csv_kind;

typedef struct aip__csv_record {
    const char *end;  /* of its text, without CR LF */
    const char *next; /* where the next record starts */
    aip__csv_kind kind;
} aip__csv_record;

/* The record at p < end. last: nothing follows `end`. False: its end is not within [p, end), more bytes are needed. */
bool aip__csv_scan_record(const aip__csv_dialect *d, const char *p, const char *end, bool last, aip__csv_record *out);
/* Behind the field that starts at p: at its delimiter, or at end. For well-formed records. */
const char *aip__csv_field_end(const aip__csv_dialect *d, const char *p, const char *end);
/* The same for dialects of which this is true. */
static inline bool aip__csv_is_general(const aip__csv_dialect *d) { return d->escape || d->no_doubling || d->lenient; }
bool aip__csv_general_record(const aip__csv_dialect *d, const char *p, const char *end, bool last, aip__csv_record *out);
typedef struct aip__csv_general { /* a field */
    const char *end;    /* its delimiter, its line end (the CR of CR LF behind a closing quote), or the end of the data */
    aip__csv_kind kind; /* PLAIN, QUOTED, MALFORMED or UNCLOSED */
    bool escapes;       /* a plain one holds escape sequences */
    bool cr_is_data;    /* its last byte is an escaped CR */
} aip__csv_general;
/* The field at p of a record. False: more bytes are needed. */
bool aip__csv_general_field(const aip__csv_dialect *d, const char *record, const char *p, const char *end, bool last,
                            aip__csv_general *out);
/* Its text without quotes and escapes to `to`, which has room for it all; returns the number of bytes. */
size_t aip__csv_general_text(const aip__csv_dialect *d, const char *record, const char *p, const aip__csv_general *f, char *to);
size_t aip__csv_count_lines(const char *p, size_t n);
/* Behind the n-th line feed; NULL when there are fewer. */
const char *aip__csv_nth_line(const char *p, size_t bytes, size_t n);

/* ---- split: records to cells --------------------------------------------------------------------------------------------------------------- */
typedef struct aip__csv_cell {
    const char *text;
    uint32_t n;
    uint32_t at; /* offset of the field in its record; AIP__CSV_QUOTE_BIT: it was quoted */
} aip__csv_cell;
#define AIP__CSV_QUOTE_BIT UINT32_C(0x80000000)
/* A NUL is text in quotes, where a writer has put it on purpose; bare ones are of files that are UTF-16 or no text. */
static inline bool aip__csv_bare_nul(const aip__csv_cell *c) {
    return !(c->at & AIP__CSV_QUOTE_BIT) && c->n > 0 && memchr(c->text, 0, c->n);
}

typedef enum { /* what is wrong with a row */
               AIP__ROW_GOOD,
               AIP__ROW_SHORT,
               AIP__ROW_LONG,
               AIP__ROW_MALFORMED,
               AIP__ROW_UNCLOSED,
               AIP__ROW_HUGE, /* an error whatever the policy */
               AIP__ROW_TYPE, /* cell `column` does not parse */
               AIP__ROW_UTF8, /* cell `column` is not UTF-8 */
               AIP__ROW_NUL   /* cell `column`, which is not quoted, holds a NUL byte */
} aip__row_fault;

typedef struct aip__csv_row {
    const char *start, *end;
    uint32_t n_fields; /* found */
    int32_t column;    /* slot of the first bad cell */
    aip__row_fault fault;
} aip__csv_row;

/* Up to max_rows records as cells, column by column: cell of slot s in row r is cells[s * max_rows + r]. */
typedef struct aip__csv_block {
    int32_t max_rows, n_rows;
    aip__csv_row *rows;
    aip__csv_cell *cells;
} aip__csv_block;

#define AIP__CSV_BLOCK_CELLS 16384 /* 256 KiB of cells: stays in L2 */
#define AIP__CSV_BLOCK_BYTES (AIP__CSV_BLOCK_CELLS * (int64_t)sizeof(aip__csv_cell))

typedef struct aip__csv_splitter {
    aip_context *ctx;
    aip__csv_dialect dialect;
    aip__csv_open open;
    int32_t n_columns;   /* of the file */
    const int32_t *slot; /* column of the file -> slot, or -1 */
    int32_t n_slots;
    bool pad, truncate; /* short, long rows are good */
    int64_t max_record; /* bytes; 0: no limit */
    const char *at, *end;
    int32_t max_rows; /* of a block; at most block.max_rows */
    char *scratch;    /* unescaped text of the item's quoted records */
    size_t scratch_n, scratch_size;
    struct csv_parser *parser; /* made for the first quoted record */
    aip__csv_block block;
} aip__csv_splitter;

/* Over the whole records of text[0..n). */
int32_t aip__csv_split_begin(aip__csv_splitter *s, aip_context *ctx, const aip__csv_dialect *dialect, int32_t n_columns,
                             const int32_t *slot, int32_t n_slots, const char *text, size_t n, aip_error **err);
/* Fills the block with the next rows; none: the end. */
int32_t aip__csv_split_next(aip__csv_splitter *s, aip_error **err);
void aip__csv_split_end(aip__csv_splitter *s);

/* ---- convert: cells to columns --------------------------------------------------------------------------------------------------------------- */
typedef struct aip__csv_target { /* one column being made */
    const aip_field *field;
    aip__column *column;                /* fixed width and bool */
    aip__utf8_builder text;             /* utf8 */
    aip__code_builder codes;            /* dictionary */
    bool is_text, is_codes, text_begun; /* is_text: both kinds */
    uint8_t *validity;                  /* of column, once there was a null */
    bool by_cells; /* every field of a regular record goes through a cell: aip__csv_needs_cells, set by whoever begins it */
} aip__csv_target;

int32_t aip__csv_target_begin(aip__csv_target *t, aip_context *ctx, const aip_field *field, int64_t max_rows, size_t bytes,
                              aip_error **err);
/* The block's cells of a slot into rows from `row` on. A cell that does not fit becomes null and marks its row, unless an earlier column did. */
int32_t aip__csv_convert(aip__csv_target *t, const aip__csv_options *o, aip__csv_block *block, int32_t slot, int64_t row,
                         bool plain, int64_t *n_bad, aip_error **err);
/* Would the vectorised way take a null marker, or a word that means true or false here, for some value? Once for a column of a reader. */
bool aip__csv_needs_cells(const aip__csv_options *o, const aip_field *field);
/* What is wrong with a field of a regular record. */
typedef struct aip__csv_fault {
    int32_t row, slot; /* index among the fields; which column */
    aip__row_fault fault;
} aip__csv_fault;
typedef struct aip__csv_faults {
    aip__csv_fault *list;
    size_t n, capacity; /* list: aip__free of the options' context */
} aip__csv_faults;
/* Fields of a slot, of regular records (a field that begins with the quote character ends with it, and quotes inside are doubled), into rows
 * from `row` on. One that does not fit becomes null and is added to `faults`, rows rising. valid: the text is UTF-8 without NUL. */
int32_t aip__csv_convert_fields(aip__csv_target *t, const aip__csv_options *o, const aip__fields *f, int32_t slot, int64_t row,
                                bool valid, aip__csv_faults *faults, aip_error **err);
int32_t aip__csv_target_end(aip__csv_target *t, int64_t n_rows, aip__column **out, aip_error **err);
void aip__csv_target_abandon(aip__csv_target *t);

/* ---- input: a stream of bytes as text, and what holds of it ------------------------------------------------------------------------------------- */
typedef struct aip__csv_input {
    aip__csv_options options; /* the format's, from which it borrows, with what was found in this file */
    aip__text_stream *text;   /* NULL once ended */
    bool found_cr;            /* lines end in CR, as was found out beyond what line_end: auto takes for such */
} aip__csv_input;
/* The stream and the format's options are borrowed and outlive it. */
int32_t aip__csv_input_open(const aip__csv_options *o, aip__stream *stream, const char *source, aip__csv_input *out,
                            aip_error **err);
/* Goes on in another stream of the same file, which starts at a record: UTF-8, as aip__csv_whole holds. */
int32_t aip__csv_input_resume(aip__csv_input *in, aip__stream *stream, const char *source, aip_error **err);
void aip__csv_input_end(aip__csv_input *in); /* the options stay */

/* ---- marks: what the cut leaves to the index -------------------------------------------------------------------------------------------------- */

#define AIP__CSV_STRETCH 4096 /* bytes that are counted together */
#define AIP__CSV_MOST_MARKED \
    128 /* columns; wider rows are looked at again, which brings fields that lie far apart into the cache */
typedef struct aip__csv_sum {
    uint32_t ends, records; /* of fields (a record's end is its last field's, too), of records; modulo 2^32 */
} aip__csv_sum;
/* Of an item whose text is regular in all of it: where fields and records end, so that quotes need not be looked at again. */
typedef struct aip__csv_marks {
    uint64_t *ends;     /* bit i: byte i of the text ends a field; bits behind the item's end may be set */
    aip__csv_sum *sums; /* of all bytes before the end of each whole stretch */
} aip__csv_marks;

/* ---- regular: runs of rows straight from the index ------------------------------------------------------------------------------------------- */

/* Walks over an item: runs of regular rows (n_columns fields each, quoted where a field starts and ends, no blank line, no comment, not too
 * long), and between them stretches that are for the splitter. */
typedef struct aip__csv_regular {
    aip_context *ctx;
    const aip__csv_dialect *dialect;
    const struct aip__csv_kernels *kernels;
    int32_t n_columns;
    int64_t max_record;          /* bytes; 0: no limit */
    const char *at, *end;        /* what is left of the item */
    const aip__csv_marks *marks; /* of the item, as long as all its rows so far were regular; or NULL */
    const char *start;           /* of the item */
    uint32_t n_records, n_done;  /* with marks: records of the item, and those that are behind `at` */
    uint32_t *ends;              /* ends[0] stands for the record before; then room for max_ends */
    uint32_t max_ends;
    size_t block;    /* bytes to look at next */
    int32_t stretch; /* records to hand over next */
    /* Found: either n_rows > 0 rows of `text`, whose fields end at ends[1 ...], or at `at` so many records for the splitter, which moves `at`. */
    const char *text;
    int32_t n_rows, n_exact;
} aip__csv_regular;

int32_t aip__csv_regular_begin(aip__csv_regular *g, aip_context *ctx, const aip__csv_dialect *dialect, int32_t n_columns,
                               int64_t max_record, const char *text, size_t n, aip_error **err);
/* Before the first run: the item has marks, and n_records records. Both are borrowed. */
void aip__csv_regular_use(aip__csv_regular *g, const aip__csv_marks *marks, int64_t n_records);
/* The next run or stretch; false: the item has ended. */
bool aip__csv_regular_next(aip__csv_regular *g);
/* Field `column` (of the file) of the run's rows. */
aip__fields aip__csv_regular_fields(const aip__csv_regular *g, int32_t column);
/* Start and end (without CR LF) of the run's row r. */
void aip__csv_regular_row(const aip__csv_regular *g, int32_t r, const char **start, const char **end);
void aip__csv_regular_end(aip__csv_regular *g);

/* ---- read: a stream as items of whole records -------------------------------------------------------------------------------------------------- */
typedef struct aip__csv_piece { /* an item */
    aip__buffer *buffer;        /* shared by the items cut from it */
    aip__buffer *marked;        /* what marks lie in; NULL: there are none, as its text is not regular or nobody reads them */
    aip__csv_marks marks;
    const char *text;
    size_t n;
    int64_t line, offset; /* of its first byte: line from 1, byte of the file from 0 */
    int64_t max_rows;     /* no more records than these are in it */
} aip__csv_piece;

typedef struct aip__csv_cutter {
    aip_context *ctx;
    const aip__csv_options *options;
    aip__csv_dialect dialect; /* of options */
    aip__csv_open open;       /* of buffer */
    aip__text_stream *stream;
    const char *source;
    aip__buffer *buffer;
    size_t at; /* where the next record starts in buffer */
    size_t block_bytes;
    aip__buffer *spare;   /* for the marks of the next piece; NULL: there is none */
    bool gives_marks;     /* to the pieces; else they are what the cut works with, and no more */
    bool ended;           /* buffer holds the last byte of the stream */
    bool dropping;        /* inside a comment longer than any record may be */
    int unit;             /* aip__text_stream_unit */
    int64_t line, offset; /* of the file, as far as `unit` tells them */
    int64_t header_line;  /* where the names stand; 0: nowhere */
} aip__csv_cutter;

void aip__csv_cutter_init(aip__csv_cutter *c, const aip__csv_options *o, aip__text_stream *stream, const char *source);
/* Skips what stands before the header. */
int32_t aip__csv_cutter_start(aip__csv_cutter *c, aip_error **err);
/* The next record that is not skipped, as a piece of its own; *end when there is none. Does not move when `peek`. */
int32_t aip__csv_cutter_record(aip__csv_cutter *c, bool peek, aip__csv_piece *out, bool *end, aip_error **err);
/* Records that lie in the buffer together: at most max_rows of them, those that are skipped among them. */
int32_t aip__csv_cutter_next(aip__csv_cutter *c, int64_t max_rows, aip__csv_piece *out, bool *end, aip_error **err);
/* How many columns there are, for what is cut from here on: pieces of few columns have marks. Blocks are larger for a file of very many, whose rows
 * would be few to a block; the usual size alone grows. */
void aip__csv_cutter_expect(aip__csv_cutter *c, int32_t n_columns);
void aip__csv_cutter_end(aip__csv_cutter *c);
void aip__csv_piece_free(aip__csv_piece *p);

/* Reads the header (or numbers the columns): names[n], each owned. At the end of an empty file n is 0 when names are neither given nor read. */
int32_t aip__csv_header(aip__csv_cutter *c, char ***names, int32_t *n, aip_error **err);
void aip__csv_names_free(aip_context *ctx, char **names, int32_t n);
/* Each name that is there already becomes name_2, name_3, ...; *numbered: some did. */
int32_t aip__csv_number_names(aip_context *ctx, char **names, int32_t n, bool *numbered, aip_error **err);

/* ---- bytes that are no text ------------------------------------------------------------------------------------------------------------------- */

/* AIP_E_DATA where the first bytes are those of another format, which is named. */
int32_t aip__csv_check_text(const char *sample, size_t n, aip_error **err);
/* Of a sample whose dialect is to be found: AIP_E_DATA where control bytes, but for NULs in quotes and a delimiter that is one, are too
 * many for a text. */
int32_t aip__csv_check_controls(const char *sample, size_t n, const aip__csv_dialect *d, aip_error **err);
/* Of a first record that cannot be read: AIP_E_DATA where it holds bytes that are in no text. offset: of the record. */
int32_t aip__csv_no_text(const char *record, size_t n, int64_t offset, aip_error **err);

typedef struct aip__csv_reader {
    aip__csv_input input;
    aip__csv_cutter cutter;
    const aip__csv_options *options; /* of input */
    const aip_schema *schema;
    int32_t n_columns; /* of the file */
    int32_t *slot;     /* of each column, or -1 */
    int32_t *column;   /* of each slot */
    bool *by_cells;    /* of each slot */
    int64_t row_bytes; /* of a row's values, texts left out */
} aip__csv_reader;

int32_t aip__csv_explain(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__text *to, aip_error **err);
int32_t aip__csv_sample(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out,
                        aip_error **err);
/* What one cell that is not null says. */
aip__guess aip__csv_guess(const aip__csv_options *o, const char *s, size_t n);
int32_t aip__csv_infer_item(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out, aip_error **err);
int32_t aip__csv_fix(void *format, aip_error **err);
int32_t aip__csv_whole(void *format, aip__stream *stream, const char *source, bool first, int64_t *bytes, int64_t *lines,
                       aip_error **err);
int32_t aip__csv_decode(void *reader, const aip__item *item, aip__decoded *out, aip_error **err);
/* ---- faults: what is wrong with a row, in words ------------------------------------------------------------------------------------------------ */

/* cell: the bad one, or NULL. For the rejects table and for messages. */
void aip__csv_reason(const aip__csv_reader *r, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size);
/* The error of a record that is too long, its place left to the caller. */
int32_t aip__csv_too_long(const aip__csv_options *o, aip_error **err);
/* Of text that is no UTF-8: the options, but for those that were set. */
const char *aip__csv_other_encoding(const aip__csv_options *o);
/* How to mend it, for people. */
void aip__csv_hint(const aip__csv_reader *r, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size);

#define AIP__CSV_N_WRITE_PARAMS 3
extern const aip_param_spec aip__csv_write_params[];
int32_t aip__csv_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                             aip__text *to, void **writer, aip_error **err);
int32_t aip__csv_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err);
int32_t aip__csv_write_end(void *writer, aip__text *to, aip_error **err);
void aip__csv_write_free(void *writer);

#endif
