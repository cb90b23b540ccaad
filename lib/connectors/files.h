/* The inside of reading files: paths -> a look at each -> a plan (schema, and what is read as what) -> a source. */
#ifndef AIPIPE_LIB_CONNECTORS_FILES_H
#define AIPIPE_LIB_CONNECTORS_FILES_H

#include "base/lock.h"
#include "connectors/checkpoint.h"
#include "connectors/connectors.h"
#include "connectors/rejects_file.h"

typedef struct aip__files_types aip__files_types;

typedef struct aip__files_entry {
    char *path;
    struct stat opened; /* as it was when the dataset was made */
    int64_t size;       /* -1: a pipe */
    aip__file pipe;     /* a pipe stays open, and what was seen of it is kept for the pass */
    aip__text seen;

    /* With a checkpoint: what is read is [from, to), whole records, of which the first stands in line from_line; or all of a compressed file. */
    bool skip;  /* nothing of it is new */
    bool whole; /* compressed */
    int64_t from, to, from_line;
} aip__files_entry;

typedef struct aip__files {
    aip_context *ctx;
    const aip__format_ops *ops;
    void *format;
    int32_t n;
    aip__files_entry *entries;

    aip_schema *inner; /* what the format's reader gives */
    char **from;       /* name in the file of each inner column */
    aip_schema *outer; /* with the path column */
    bool include_path;

    aip__files_types *types;     /* on_bad_row: promote: what the pass over the types found; else NULL */
    char *rejects_path;          /* NULL: no file of rejects */
    aip__checkpoint *checkpoint; /* NULL: files are read from their starts to their ends */

    double max_rejects;      /* negative: no limit; below 1: a fraction */
    uint32_t generation;     /* of the process that opened the pipes: a child would take from them what its parent waits for */
    aip__lock lock;          /* of the reference taken on `rejects` */
    aip_dataset *rejects;    /* of the last finished pass */
    _Atomic(int64_t) n_rows; /* that came out of a finished pass; -1: there was none */
} aip__files;

/* A pass over the files: serial cuts, decoded in parallel. The pass over types and the pass over rows share it. */
typedef struct aip__files_pass {
    aip__files *f;
    int32_t at; /* file being read */
    aip__file file;
    aip__stream *stream;        /* NULL: the file is not open yet */
    pthread_mutex_t ahead_lock; /* held by who undoes compression ahead, so that the stream stays meanwhile */
    aip__stream *ahead;         /* stream, from when the reader is ready to when it leaves it; changed under the lock */
    aip__file header;           /* of a file that is gone on with, while its header is read */
    aip__stream *header_stream;
    int64_t consumed;
    void **readers; /* of each file opened so far: items in flight still need them */
    aip__rejects *rejects;
    aip__rejects_file *rejects_file; /* NULL: none is asked for */
    int64_t n_records, n_rejected, n_nulled, n_padded, n_unknown, n_duplicates;
    char *first_reject;
    aip__unknown_fields unknown;
} aip__files_pass;
typedef struct aip__files_item {
    aip__item inner;
    int32_t file;
} aip__files_item;
int32_t aip__files_pass_open(void *self, const aip__token *token, void **cursor, aip_error **err);
bool aip__files_pass_ahead(void *cursor);
bool aip__files_pass_ready(void *cursor);
int32_t aip__files_pass_next(void *cursor, aip__item *item, bool *end, aip_error **err);
void aip__files_pass_item_free(void *cursor, aip__item *item);
void aip__files_pass_close(void *cursor);
int64_t aip__files_total_bytes(void *self);

/* Settles the types of inner columns over all rows: guesses[inner->n] of the sample (AIP_UTF8: not looked at) become those of all rows. What
 * became larger is logged, and kept for the report. */
int32_t aip__files_settle_types(aip__files *f, aip__guess *guesses, aip_error **err);
/* As infer_rows: null, file by file: guesses[f->n][inner->n], each from the file's own sample. Nothing is logged or kept. */
int32_t aip__files_settle_each(aip__files *f, aip__guess *guesses, aip_error **err);
/* `,"promoted":[...]` of a JSON object, when there is any. */
void aip__files_types_report(const aip__files *f, aip__text *t);
void aip__files_types_free(aip__files *f);

/* What of the files is new since the checkpoint: settles each entry's part, and how far the checkpoint will be after it. Errors: AIP_E_CHANGED
 * for a file that is not what it was as far as it was read, AIP_E_PARAM for what has no places to go on from. */
int32_t aip__files_resume(aip__files *f, aip_error **err);
/* `,"checkpoint":{...}` of a JSON object, when there is one. */
void aip__files_resume_report(const aip__files *f, aip__text *t);
/* The checkpoint that a dataset's rows are counted by: that of the files at its root. NULL: none. */
aip__checkpoint *aip__files_checkpoint(const aip_dataset *d);
/* Where the rejects of the files at its root go. NULL: to no file. */
const char *aip__files_rejects_path(const aip_dataset *d);

/* Of a format, without paths yet. */
int32_t aip__files_new(aip_context *ctx, const aip_descriptor *format, aip__files **out, aip_error **err);
/* Paths of a parameter (a string or a list; globs are expanded, each in bytewise order), in base_dir. */
int32_t aip__files_paths(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err);
/* "csv" of "x/y.csv.gz"; "" when there is none. At most 15 bytes. packing: what .gz or .zst behind it says. */
void aip__files_extension(const char *path, char out[16], aip__packing *packing);
/* Looks at each file and settles schema and names. */
int32_t aip__files_plan(aip__files *f, const aip_params *params, aip_error **err);
/* A dataset over the planned files; takes f over, also on failure. */
int32_t aip__files_dataset(aip__files *f, aip_dataset **out, aip_error **err);
int32_t aip__files_stream(aip__files *f, int32_t i, bool sampling, aip__file *file, aip__stream **out, aip_error **err);
void aip__files_free(aip__files *f); /* NULL is fine */

/* Finds the format that params name or the path's extension means, and checks all parameters against the joint table. */
int32_t aip__files_params(aip_context *ctx, bool reading, const aip__node *given, const char *source, const char *base_dir,
                          const aip_descriptor **format, aip_params **out, aip_error **err);

/* Read and write of files: as aip__read_dataset and so on, for paths that name no connector. */
int32_t aip__files_read(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_dataset **out,
                        aip_error **err);
/* As aip_read_explain says. */
int32_t aip__files_explain(aip_context *ctx, const aip__node *params, aip__text *to, aip_error **err);
int32_t aip__files_read_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                              aip_error **err);
int32_t aip__files_write(aip_dataset *dataset, const aip__node *params, const char *source, const char *base_dir,
                         aip__token *token, aip_row_counts *counts, aip_error **err);
int32_t aip__files_write_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                               aip_error **err);

#endif
