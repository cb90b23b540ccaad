/* aipipe/data.h: types, schemas, batches and datasets, and the Arrow interfaces through which they cross any border.
 *
 * A dataset is an immutable description of a table: lazy (files, arrays, a callback, another dataset seen through stages) or
 * in memory. Nothing is read until somebody asks. A batch is at most 65,536 rows in Arrow's columnar layout. */
#ifndef AIPIPE_DATA_H
#define AIPIPE_DATA_H

#include <aipipe/exec.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ---------------------------------------------------------------------------------------------------------------- */
#define AIP_BOOL ((int32_t)1) /* bitmap */
#define AIP_INT32 ((int32_t)2)
#define AIP_INT64 ((int32_t)3)
#define AIP_FLOAT32 ((int32_t)4)
#define AIP_FLOAT64 ((int32_t)5)
#define AIP_UTF8 ((int32_t)6)       /* int32 offsets, bytes */
#define AIP_BINARY ((int32_t)7)     /* int32 offsets, bytes */
#define AIP_DICTIONARY ((int32_t)8) /* int32 codes into a utf8 column */
#define AIP_DATE32 ((int32_t)9)     /* days since 1970-01-01 */
#define AIP_TIMESTAMP ((int32_t)10) /* microseconds since 1970-01-01 00:00; UTC when the field has a zone, else wall time */
#define AIP_DECIMAL64 ((int32_t)11) /* int64 scaled by 10^scale */

#define AIP_BATCH_MAX_ROWS 65536

/* "int64", "timestamp", ... as used in parameters; "?" for an unknown value. Static storage. immutable */
AIP_API const char *aip_type_name(int32_t type);

/* ---- schema ----------------------------------------------------------------------------------------------------------------- */
typedef struct aip_schema aip_schema; /* names and types of columns, in order; immutable */

/* A column: its name and type. */
typedef struct aip_field {
    uint32_t struct_size;
    int32_t type;
    const char *name; /* UTF-8 */
    const char *zone; /* of a timestamp: IANA name or "UTC"; NULL: wall time */
    int32_t scale;    /* of a decimal64 */
    int32_t nullable; /* 1: may hold nulls */
} aip_field;
#define AIP_FIELD_INIT \
    { sizeof(aip_field), 0, NULL, NULL, 0, 1 }

/* fields: n structs of struct_size bytes each, copied. Errors: AIP_E_MISUSE, AIP_E_SCHEMA (duplicate or empty name). any-thread */
AIP_API int32_t aip_schema_create(aip_context *ctx, const aip_field *fields, int32_t n, aip_schema **out, aip_error **err);
AIP_API int32_t aip_schema_n_fields(const aip_schema *schema);                  /* immutable */
AIP_API const aip_field *aip_schema_field(const aip_schema *schema, int32_t i); /* borrowed; NULL out of range. immutable */
AIP_API int32_t aip_schema_find(const aip_schema *schema, const char *name);    /* index, or -1. immutable */
AIP_API void aip_schema_retain(aip_schema *schema);                             /* one more _free is due. any-thread */
AIP_API void aip_schema_free(aip_schema *schema);                               /* NULL is legal. any-thread */

/* ---- batch ------------------------------------------------------------------------------------------------------------------ */
typedef struct aip_batch aip_batch; /* up to 65,536 rows, as columns; immutable */

/* One column as Arrow lays it out; pointers are borrowed from the batch. Bit i of a bitmap is bit i%8 of byte i/8; the first
 * row is always bit 0. */
typedef struct aip_column_view {
    uint32_t struct_size;
    int32_t type;
    int64_t length;
    int64_t null_count;
    const uint8_t *validity;   /* bitmap, 1 is valid; NULL: no nulls */
    const void *values;        /* fixed-width values, bool bitmap, dictionary codes, or the bytes of utf8 and binary */
    const int32_t *offsets;    /* utf8 and binary: length + 1 */
    int64_t dictionary_length; /* dictionary: its utf8 column */
    const int32_t *dictionary_offsets;
    const char *dictionary_bytes;
} aip_column_view;
#define AIP_COLUMN_VIEW_INIT \
    { sizeof(aip_column_view), 0, 0, 0, NULL, NULL, NULL, 0, NULL, NULL }

AIP_API int64_t aip_batch_n_rows(const aip_batch *batch);           /* immutable */
AIP_API const aip_schema *aip_batch_schema(const aip_batch *batch); /* borrowed. immutable */
/* Writes up to view->struct_size bytes. Errors: AIP_E_MISUSE (index, size). immutable */
AIP_API int32_t aip_batch_column(const aip_batch *batch, int32_t i, aip_column_view *view, aip_error **err);
AIP_API void aip_batch_retain(aip_batch *batch); /* one more _free is due. any-thread */
AIP_API void aip_batch_free(aip_batch *batch);   /* NULL is legal. any-thread */

/* Makes a batch from columns, each copied from the view (host memory stays the host's). Errors: AIP_E_MISUSE (lengths,
 * offsets), AIP_E_SCHEMA (types), AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. any-thread */
AIP_API int32_t aip_batch_create(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_batch **out,
                                 aip_error **err);
/* For stages of the host: a batch of the rows of `base` under another schema. Column i is copied from columns[i] as in aip_batch_create,
 * or, where columns[i].type is 0, the column of `base` that has the field's name, shared without a copy.
 * Errors: AIP_E_MISUSE (lengths, another context), AIP_E_SCHEMA (types, no such column), AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. any-thread */
AIP_API int32_t aip_batch_derive(const aip_batch *base, const aip_schema *schema, const aip_column_view *columns,
                                 int32_t n_columns, aip_batch **out, aip_error **err);

/* ---- Arrow C data interface: https://arrow.apache.org/docs/format/CDataInterface.html ----------------------------------------- */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* Exports a batch without a copy; the structs keep it alive until released. any-thread */
AIP_API int32_t aip_batch_to_arrow(aip_batch *batch, struct ArrowSchema *schema, struct ArrowArray *array, aip_error **err);

/* ---- dataset ------------------------------------------------------------------------------------------------------------------ */
struct aip_stage;

/* Opens files: params as the catalogue's `read` documents them (aipipe catalog read): {"path": "data/f-*.csv.gz", ...}. Paths are
 * relative to the working directory. Reads only what it needs to infer the schema. A path `NAME:rest` or `NAME://rest` goes to the
 * connector NAME of the catalogue (aipipe/connector.h), with that one's parameters.
 * Errors: AIP_E_PARAM, AIP_E_NOT_FOUND (also no such connector), AIP_E_IO, AIP_E_DATA, AIP_E_CORRUPT. any-thread */
AIP_API int32_t aip_dataset_read(aip_context *ctx, const char *params_json, aip_dataset **out, aip_error **err);
/* What aip_dataset_read would make of the first file of params' path, and why, from a sample in bounded memory: params as for that one. With
 * "detect": "all" the dialect of CSV is found out. Result, to free with aip_text_free: {"path", "format"} and, of CSV, "encoding", "line_end",
 * "dialect" {delimiter, quote, escape, comment, decimal, header, skip_rows}, "why" (texts for people, by what they are about), "tried" (dialects
 * by their score, the best first), "sampled_rows", "columns" [{"name", "type", "because": {"line", "text", "before"}}] (the last cell that
 * widened the type), "faults" [{"what", "count", "first_line"}] of the rows of the sample, and "options": the parameters that make aip_dataset_read
 * see the file so, and take its rows in.
 * Errors: as aip_dataset_read; AIP_E_UNSUPPORTED of a pipe, which can be read only once. any-thread */
AIP_API int32_t aip_read_explain(aip_context *ctx, const char *params_json, char **json, aip_error **err);

/* Host arrays as a dataset; the arrays are copied. Types, lengths and offsets as in aip_batch_create, any number of rows.
 * any-thread */
AIP_API int32_t aip_dataset_from_columns(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns,
                                         aip_dataset **out, aip_error **err);
/* Keeps a reference on each batch; all must have the schema. any-thread */
AIP_API int32_t aip_dataset_from_batches(const aip_schema *schema, aip_batch *const *batches, int64_t n, aip_dataset **out,
                                         aip_error **err);

/* A host callback as a dataset. open starts a pass (NULL: a once-dataset); next gives one batch, or NULL at the end; it is called
 * from any thread, one call at a time. */
typedef struct aip_source_callbacks {
    uint32_t struct_size;
    uint32_t reserved;
    void *user;
    int32_t (*open)(void *user, aip_error **err);
    int32_t (*next)(void *user, aip_batch **out, aip_error **err);
    void (*destroy)(void *user);
} aip_source_callbacks;
#define AIP_SOURCE_CALLBACKS_INIT \
    { sizeof(aip_source_callbacks), 0, NULL, NULL, NULL, NULL }
/* The callbacks are copied; destroy comes when the last handle goes. Errors: AIP_E_MISUSE. any-thread */
AIP_API int32_t aip_dataset_from_callbacks(const aip_schema *schema, const aip_source_callbacks *callbacks, aip_dataset **out,
                                           aip_error **err);

/* Takes the stream over (also on failure it is released). A once-dataset. any-thread */
AIP_API int32_t aip_dataset_from_arrow(aip_context *ctx, struct ArrowArrayStream *stream, aip_dataset **out, aip_error **err);
/* The rows as an Arrow stream: a pass over the dataset, batch by batch as the consumer asks. any-thread */
AIP_API int32_t aip_dataset_to_arrow(aip_dataset *dataset, struct ArrowArrayStream *out, aip_error **err);

/* The dataset seen through a fitted (or stateless) stage; lazy. Errors: AIP_E_STATE (stage not fitted), AIP_E_SCHEMA. any-thread */
AIP_API int32_t aip_dataset_transform(aip_dataset *dataset, struct aip_stage *stage, aip_dataset **out, aip_error **err);

AIP_API const aip_schema *aip_dataset_schema(const aip_dataset *dataset); /* borrowed. immutable */

typedef struct aip_row_counts { /* of one pass: rows_in = rows_out + rows_rejected + rows_filtered */
    uint32_t struct_size;
    uint32_t reserved;
    int64_t rows_in; /* records that the source held */
    int64_t rows_out;
    int64_t rows_rejected; /* bad records, in the rejects table */
    int64_t rows_filtered; /* dropped by stages */
} aip_row_counts;
#define AIP_ROW_COUNTS_INIT \
    { sizeof(aip_row_counts), 0, 0, 0, 0, 0 }

/* One pass that gives each batch, in order, to the callback (borrowed for the call; one call at a time, on any thread). Non-zero
 * from the callback ends the pass with that value. counts may be NULL. any-thread */
AIP_API int32_t aip_dataset_each(aip_dataset *dataset, const aip_call *call,
                                 int32_t (*fn)(void *user, aip_batch *batch, aip_error **err), void *user, aip_row_counts *counts,
                                 aip_error **err);
/* One pass into memory. Errors: AIP_E_MEMORY_LIMIT and what the pass meets. any-thread */
AIP_API int32_t aip_dataset_collect(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err);
/* The first n rows, in memory. any-thread */
AIP_API int32_t aip_dataset_head(aip_dataset *dataset, int64_t n, const aip_call *call, aip_dataset **out, aip_error **err);
/* The number of rows; a pass unless known. any-thread */
AIP_API int32_t aip_dataset_count(aip_dataset *dataset, const aip_call *call, int64_t *out, aip_error **err);
/* What the last full pass over the source rejected: source, line, column, offset, reason, raw; a dataset in memory. Runs a pass when
 * there was none. any-thread */
AIP_API int32_t aip_dataset_rejects(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err);
/* Writes to a file, whole or not at all, in a folder that is made when it is missing; params as the catalogue's `write`:
 * {"path": "out.csv"}; or to a connector, as aip_dataset_read. counts may be NULL. any-thread */
AIP_API int32_t aip_dataset_write(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_row_counts *counts,
                                  aip_error **err);
/* How the rows come, as JSON: the `kind` of the source ("files", "memory", ...); of files the types that were `promoted`, with the places that forced
 * it, and the `checkpoint`: its path, the number of the output, whether anything is new, and the path that was `written`, once it was. The text is
 * freed by aip_text_free. any-thread */
AIP_API int32_t aip_dataset_report(const aip_dataset *dataset, char **json, aip_error **err);
/* Two parts, as scikit-learn's train_test_split chooses rows; rows keep their order. params as the catalogue's `split`:
 * {"test_size": 0.2, "random_state": 42}. Counts the rows (a pass, kept in memory when it fits). any-thread */
AIP_API int32_t aip_dataset_split(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_dataset **train,
                                  aip_dataset **test, aip_error **err);
AIP_API void aip_dataset_retain(aip_dataset *dataset); /* any-thread */
AIP_API void aip_dataset_free(aip_dataset *dataset);   /* NULL is legal. any-thread */

#ifdef __cplusplus
}
#endif
#endif
