/* The inside of the JSON reader and writer.
 *
 *   json_options.c  parameters -> options
 *   json_tree.c     the paths of fields: what is known, and what is wanted as which column
 *   json_read.c     the stream -> items of whole records (lines, or elements by the structural index)
 *   json_index.c    brackets outside strings, 64 bytes at a time, at every vector level
 *   json_walk.c     records of an item -> a block of cells; what is not JSON is found here
 *   json_window.c   where strings stop and digits end, as bits, at every vector level
 *   json_keys.c     the keys that a walk has met, each with what came behind it: the prediction
 *   json_text.c     escapes
 *   json_convert.c  a block of cells -> typed columns, bad cells marked
 *   json_decode.c   an item -> a batch, rejects or an error
 *   json_infer.c    the first rows -> paths and guessed types
 *   json_types.c    an item -> what its cells say of types; whole lines of a file that grows
 *   json_reader.c   the two formats as the table of formats wants them
 *   json_write.c    batches -> text
 *
 * Grammar: RFC 8259, strictly; halves of surrogate pairs are refused, and so is what is nested more than AIP__JSON_DEPTH levels deep. A record is
 * an object. Layouts: `ndjson` has one record to a line (LF, CR LF; blank lines are dropped); `json` has one array of records, or records one after
 * the other with white space between them.
 *
 * A field is named by its path: the keys from the record inwards, joined by dots. Objects are gone into down to a level; what lies deeper, and
 * every array, is a field whose text is its JSON. */
#ifndef AIPIPE_LIB_FORMATS_JSON_H
#define AIPIPE_LIB_FORMATS_JSON_H

#include "formats/format.h"

#define AIP__JSON_DEPTH 128      /* objects and arrays within each other, the record among them */
#define AIP__JSON_COLUMNS 100000 /* at most, of a file */
#define AIP__JSON_TOO_LONG                           \
    "record is longer than max_record_bytes (%lld) " \
    "(raise it, or look for a quote or bracket that is never closed)"
#define AIP__JSON_SLACK 64 /* readable bytes before and behind a text that is walked */

typedef enum { AIP__JSON_ERROR, AIP__JSON_NULL, AIP__JSON_REJECT } aip__json_policy;

/* ---- tree: paths -------------------------------------------------------------------------------------------------------------------------- */
typedef struct aip__json_node aip__json_node;
struct aip__json_node {
    char *path; /* owned; "" is the record */
    size_t n;
    uint64_t hash;
    aip__json_node *parent, *first, *last, *sibling; /* children in order of appearance */
    int32_t slot;                                    /* of the wanted column, or -1 */
    bool inner;                                      /* a wanted column, or a sampled field, lies below */
    bool known;                                      /* the sample showed it */
    /* of a sample */
    bool object;  /* was an object */
    bool is_text; /* was a list, a deep object, or of kinds that only text joins */
    aip__guess guess;
};

typedef struct aip__json_tree {
    aip_context *ctx;
    aip__json_node **nodes; /* owned; nodes[0] is the record */
    size_t n, capacity;
    uint32_t *slots; /* index of a node plus one; 0: free; a power of two */
    size_t n_slots;
} aip__json_tree;

int32_t aip__json_tree_init(aip__json_tree *t, aip_context *ctx, aip_error **err);
void aip__json_tree_free(aip__json_tree *t);
/* The node of parent's field `key`, or NULL. */
aip__json_node *aip__json_tree_find(const aip__json_tree *t, const aip__json_node *parent, const char *key, size_t n);
/* The same, made when it is not there. */
int32_t aip__json_tree_add(aip__json_tree *t, aip__json_node *parent, const char *key, size_t n, aip__json_node **out,
                           aip_error **err);
/* The node of a whole path, and all that it passes on the way (at every dot), marked inner. */
int32_t aip__json_tree_path(aip__json_tree *t, const char *path, aip__json_node **out, aip_error **err);

/* ---- options ------------------------------------------------------------------------------------------------------------------------------- */
typedef struct aip__json_options {
    aip_context *ctx;
    bool lines; /* ndjson */
    aip__json_policy on_bad_row;
    int32_t flatten; /* levels of objects that are gone into */
    bool unknown_is_bad, duplicate_is_bad;
    int64_t max_record_bytes;
    size_t block_bytes;
    char **fields; /* columns in any case */
    int32_t n_fields;
    aip__json_tree known; /* all fields that samples showed, column or not */
} aip__json_options;

#define AIP__JSON_N_PARAMS 5
extern const aip_param_spec aip__json_params[];
extern const aip_descriptor aip__json_descriptor, aip__ndjson_descriptor;
int32_t aip__json_options_create(aip_context *ctx, const aip_params *params, bool lines, void **out, aip_error **err);
void aip__json_options_destroy(void *options);

/* ---- read: a stream as items ------------------------------------------------------------------------------------------------------------------ */
typedef enum { AIP__JSON_LINES, AIP__JSON_LIST, AIP__JSON_SEQUENCE } aip__json_layout;

typedef struct aip__json_piece { /* an item */
    aip__buffer *buffer;         /* shared by the items cut from it */
    const char *text;            /* AIP__JSON_SLACK readable bytes lie before and behind it */
    size_t n;
    int64_t line, offset; /* of its first byte: line from 1, byte of the file from 0 */
    int64_t column;       /* of its first byte in its line, from 0 */
    int64_t max_rows;
    aip__json_layout layout;
    bool first, last; /* of a list: begins behind the '[', ends at the ']' */
} aip__json_piece;

typedef struct aip__json_cutter {
    aip_context *ctx;
    const aip__json_options *options;
    aip__stream *stream;
    const char *source;
    aip__buffer *buffer;
    size_t at;
    bool ended; /* buffer holds the last byte of the stream */
    aip__json_layout layout;
    bool started, list_ended, first;
    int64_t line, offset, column;
} aip__json_cutter;

void aip__json_cutter_init(aip__json_cutter *c, const aip__json_options *o, aip__stream *stream, const char *source);
/* Whole records that lie in the buffer together, at most max_rows. */
int32_t aip__json_cutter_next(aip__json_cutter *c, int64_t max_rows, aip__json_piece *out, bool *end, aip_error **err);
void aip__json_cutter_end(aip__json_cutter *c);
void aip__json_piece_free(aip__json_piece *p);

/* ---- index: brackets outside strings ---------------------------------------------------------------------------------------------------------- */
#define AIP__JSON_INDEX_BLOCKS 64
typedef struct aip__json_masks { /* bit i of word b: byte 64 b + i */
    uint64_t open[AIP__JSON_INDEX_BLOCKS], close[AIP__JSON_INDEX_BLOCKS];
} aip__json_masks;
typedef struct aip__json_carry {
    uint64_t string; /* all ones inside a string */
    uint64_t escape; /* 1: the next byte is escaped */
} aip__json_carry;
/* Of n_blocks (at most AIP__JSON_INDEX_BLOCKS) times 64 bytes: { [ and } ] outside strings. A quote that no backslash escapes begins or ends a
 * string; a backslash escapes the byte behind it, outside strings too. */
void aip__json_index(const char *p, size_t n_blocks, aip__json_carry *carry, aip__json_masks *out);

typedef struct aip__json_cut {
    size_t n;     /* bytes of whole records: the last bracket that closed one lies before */
    int64_t rows; /* brackets that closed a record in them */
    bool ended;   /* of a list: the bracket that closes it lies at n */
} aip__json_cut;
size_t aip__json_count_lines(const char *p, size_t n);
/* Of text[0..n) with AIP__JSON_SLACK bytes of zeros behind it, which begins outside a record: as many whole records as max_rows allows. */
void aip__json_find_cut(const char *text, size_t n, bool list, int64_t max_rows, aip__json_cut *out);
/* End of what begins at p (outside strings and brackets) and is no record: behind the first bracket that closes what opened in it, at a comma
 * between elements of a list, or at end. The same rules as the index. */
const char *aip__json_junk_end(const char *p, const char *end, bool list);

/* ---- window: where strings stop and digits end ------------------------------------------------------------------------------------------------ */
#define AIP__JSON_WINDOW_BLOCKS 64 /* of 64 bytes */
typedef struct aip__json_window {  /* of text from[0..n) */
    const char *from;
    size_t n;
    bool utf8; /* all of it, but for a character that its end cuts */
    /* Bit i of the bytes, in their order: from[i] is a quote, a backslash or a control character; is no digit. Zeros behind. */
    uint64_t stop[AIP__JSON_WINDOW_BLOCKS + 1], other[AIP__JSON_WINDOW_BLOCKS + 1];
} aip__json_window;
/* From p on; AIP__JSON_SLACK bytes behind `end`, and behind p, are readable. */
void aip__json_window_set(aip__json_window *v, const char *p, const char *end);

/* ---- walk: records to cells ------------------------------------------------------------------------------------------------------------------- */
typedef enum {
    AIP__JSON_MISSING, /* zero: what a block is cleared to */
    AIP__JSON_IS_NULL,
    AIP__JSON_TRUE,
    AIP__JSON_FALSE,
    AIP__JSON_INTEGER,
    AIP__JSON_REAL, /* a number with a fraction or an exponent */
    AIP__JSON_STRING,
    AIP__JSON_ESCAPED, /* a string with escapes */
    AIP__JSON_OBJECT,
    AIP__JSON_ARRAY
} aip__json_kind;

typedef struct aip__json_cell {
    const char *text; /* of a string: inside its quotes */
    size_t n;
    aip__json_kind kind;
} aip__json_cell;

/* The cells of one column of a block. Row r's text is the item's text[bounds[2 * r] + 1 .. bounds[2 * r + 1]), in uint32 arithmetic: what the
 * column converters take (data/convert_column.h). Empty at what is missing or null. */
typedef struct aip__json_cells {
    uint32_t *bounds;
    uint8_t *kinds; /* aip__json_kind */
} aip__json_cells;

typedef struct aip__json_key aip__json_key;
struct aip__json_key {
    aip__json_key *next;  /* what came behind it last */
    aip__json_key *first; /* in the object that it names, what came first last */
    aip__json_key *parent, *chain;
    uint64_t word[2], mask[2];  /* the first 16 bytes of `as_seen` */
    uint32_t n_seen;            /* 0: too long to be predicted */
    int32_t slot;               /* of the wanted column, or -1 */
    bool inner;                 /* objects are gone into */
    bool unknown;               /* a field that the sample did not show */
    const aip__json_node *node; /* NULL: no path is known here */
    aip__json_cells cells;      /* of its column; NULLs without slot */
    uint64_t hash;
    char *raw; /* between its quotes; owned */
    size_t n;
    char as_seen[64]; /* from behind the comma or '{' to the value: white space, quotes, key, colon */
};

#define AIP__JSON_MAX_KEYS 16384 /* that a walk remembers: others are looked up each time */

typedef struct aip__json_keys {
    aip_context *ctx;
    const aip__json_tree *tree;
    aip__json_key root;
    aip__json_key other; /* stands for a key that was not remembered */
    aip__json_key **all; /* owned */
    size_t n, capacity;
    aip__json_key **slots;
    size_t n_slots;
    const aip__json_cells *cells; /* of each slot */
    char *scratch;                /* an unescaped key */
    size_t scratch_size;
} aip__json_keys;
int32_t aip__json_keys_init(aip__json_keys *k, aip_context *ctx, const aip__json_tree *tree, const aip__json_cells *cells,
                            aip_error **err);
void aip__json_keys_free(aip__json_keys *k);
/* The key raw[0..n) of parent's object, which stood as seen[0..n_seen). NULL when memory is refused. */
aip__json_key *aip__json_keys_get(aip__json_keys *k, aip__json_key *parent, const char *raw, size_t n, bool escaped,
                                  const char *seen, size_t n_seen);

typedef struct aip__json_fault { /* what is wrong with a record */
    const char *start, *end;     /* of the record */
    const char *at;              /* where it shows */
    const char *at_end;          /* behind what the message shows of it; NULL: the record's end */
    const char *why;             /* what was expected; NULL: a cell that does not fit its column */
    const char *path;            /* of the field, or NULL; borrowed from the tree */
    int32_t row;                 /* rows of the block before it; of a cell: its row */
    int32_t column;              /* slot of the first bad cell, or -1 */
    bool excerpt;                /* the message shows what stands there */
    bool syntax;                 /* it is not JSON */
    bool huge;                   /* an error whatever the policy */
} aip__json_fault;

typedef struct aip__json_walker {
    aip_context *ctx;
    const aip__json_options *options;
    const char *text, *at, *end;
    aip__json_layout layout;
    bool value_next;   /* of a list: no comma may come before the next element */
    const char *comma; /* of a list: the last thing, or NULL */
    bool list_last;    /* the list ends with the text */
    bool stop;         /* at the first fault */
    aip__json_keys keys;
    int32_t n_slots, max_rows, n_rows; /* of the block */
    aip__json_cells *cells;            /* of each slot */
    uint32_t *bounds;                  /* all of the cells' */
    uint8_t *kinds;
    const char **starts, **ends; /* of each row's record */
    aip__json_fault *faults;     /* of the block, in order */
    size_t n_faults, faults_capacity;
    int64_t n_nulled, n_unknown, n_duplicates; /* of the block */
    int32_t n_named;                           /* first of its unknown fields, each once, and where they stand */
    const aip__json_key *named[AIP__FIELDS_NAMED + 1];
    const char *named_at[AIP__FIELDS_NAMED + 1];
    aip__json_key *stack[AIP__JSON_DEPTH];         /* keys of the objects that are open */
    const char *opened[AIP__JSON_DEPTH];           /* where those begin that are columns, too */
    const char *why, *why_at, *why_end, *why_path; /* of the fault that was just found */
    const char *scalar_end;                        /* of a whole value that is no record */
    aip__buffer *memory;
    bool excerpt, syntax, huge;
    const char *stretch_end; /* of what is no record and was looked at */
    const char *commas_end;  /* of what lies between two elements and was looked at */
    aip__json_window window; /* of the text, where the walk is */
} aip__json_walker;

int32_t aip__json_walk_begin(aip__json_walker *w, const aip__json_options *o, const aip__json_tree *tree, int32_t n_slots,
                             const aip__json_piece *piece, aip_error **err);
/* The next rows and faults; neither: the end. */
int32_t aip__json_walk_next(aip__json_walker *w, aip_error **err);
void aip__json_walk_end(aip__json_walker *w);
#define AIP__JSON_BLOCK_CELLS 16384
static inline aip__json_cell aip__json_cell_at(const aip__json_walker *w, int32_t slot, int32_t row) {
    const uint32_t *b = w->cells[slot].bounds + 2 * (size_t)row;
    uint32_t start = b[0] + 1;
    return (aip__json_cell){.text = w->text + start, .n = b[1] - start, .kind = (aip__json_kind)w->cells[slot].kinds[row]};
}

/* Behind the value that begins at p, of which at most `depth` levels may be used up; NULL: it is none, and w->why and w->why_at say why. */
const char *aip__json_value(aip__json_walker *w, const char *p, int32_t depth, uint32_t *kind);
/* Length of the escape at p (its backslash), 0 when it is none. */
size_t aip__json_escape(const char *p);
/* A valid string without its quotes as UTF-8, never longer than it was; out[0..n + AIP__JSON_UNESCAPE_ROOM) is written to, and s as far is
 * readable. Returns its length. */
size_t aip__json_unescape(const char *s, size_t n, char *out);
#define AIP__JSON_UNESCAPE_ROOM 32 /* AIP__JSON_COPY */

/* ---- convert: cells to columns ------------------------------------------------------------------------------------------------------------------ */
typedef struct aip__json_target { /* one column being made */
    const aip_field *field;
    aip__column *column;    /* fixed width and bool */
    aip__utf8_builder text; /* utf8 */
    bool is_text, text_begun;
    uint8_t *validity; /* of column, once there was a null */
    char *scratch;
    size_t scratch_size;
} aip__json_target;
int32_t aip__json_target_begin(aip__json_target *t, aip_context *ctx, const aip_field *field, int64_t max_rows, size_t bytes,
                               aip_error **err);
/* The block's cells of a slot into rows from `row` on. A cell that does not fit becomes null; bad[r] becomes the slot when it was -1. */
int32_t aip__json_convert(aip__json_target *t, const aip__json_walker *w, int32_t slot, int64_t row, int32_t *bad, int64_t *n_bad,
                          aip_error **err);
int32_t aip__json_target_end(aip__json_target *t, aip_context *ctx, int64_t n_rows, aip__column **out, aip_error **err);
void aip__json_target_abandon(aip__json_target *t, aip_context *ctx);

/* ---- reader -------------------------------------------------------------------------------------------------------------------------------------- */
typedef struct aip__json_reader {
    aip__json_cutter cutter;
    const aip__json_options *options;
    const aip_schema *schema;
    aip__json_tree tree;
    int64_t row_bytes; /* of a row's values, texts left out */
} aip__json_reader;

int32_t aip__json_sample(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out,
                         aip_error **err);
int32_t aip__json_decode(void *reader, const aip__item *item, aip__decoded *out, aip_error **err);
int32_t aip__json_infer_item(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out, aip_error **err);
int32_t aip__json_whole(void *format, aip__stream *stream, const char *source, bool first, int64_t *bytes, int64_t *lines,
                        aip_error **err);
/* What a cell is for the lattice of types. */
aip__guess aip__json_guess(const aip__json_cell *cell);

#define AIP__JSON_N_WRITE_PARAMS 2
extern const aip_param_spec aip__json_write_params[];
int32_t aip__ndjson_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                                aip__text *to, void **writer, aip_error **err);
int32_t aip__json_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                              aip__text *to, void **writer, aip_error **err);
int32_t aip__json_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err);
int32_t aip__json_write_place(void *writer, int64_t n_rows, aip__text *text, aip__pieces *pieces, aip_error **err);
int32_t aip__json_write_end(void *writer, aip__text *to, aip_error **err);
void aip__json_write_free(void *writer);

#endif
