/* The inside of reading files: paths -> a look at each -> a plan (schema, and what is read as what) -> a source. */
#ifndef AIPIPE_LIB_CONNECTORS_FILES_H
#define AIPIPE_LIB_CONNECTORS_FILES_H

#include "base/lock.h"
#include "connectors/connectors.h"

typedef struct aip__files_entry {
    char *path;
    struct stat opened; /* as it was when the dataset was made */
    int64_t size;       /* -1: a pipe */
    aip__file pipe;     /* a pipe stays open, and what was seen of it is kept for the pass */
    aip__text seen;
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

    double max_rejects;      /* negative: no limit; below 1: a fraction */
    uint32_t generation;     /* of the process that opened the pipes: a child would take from them what its parent waits for */
    aip__lock lock;          /* of the reference taken on `rejects` */
    aip_dataset *rejects;    /* of the last finished pass */
    _Atomic(int64_t) n_rows; /* that came out of a finished pass; -1: there was none */
} aip__files;

/* Paths of a parameter (a string or a list; globs are expanded, each in bytewise order), in base_dir. */
int32_t aip__files_paths(aip__files *f, const aip_params *params, const char *base_dir, aip_error **err);
/* "csv" of "x/y.csv.gz"; "" when there is none. At most 15 bytes. */
void aip__files_extension(const char *path, char out[16], bool *gz);
/* Looks at each file and settles schema and names. */
int32_t aip__files_plan(aip__files *f, const aip_params *params, aip_error **err);
/* A dataset over the planned files; takes f over, also on failure. */
int32_t aip__files_dataset(aip__files *f, aip_dataset **out, aip_error **err);
int32_t aip__files_stream(aip__files *f, int32_t i, bool sampling, aip__file *file, aip__stream **out, aip_error **err);
void aip__files_free(aip__files *f);

/* Finds the format that params name or the path's extension means, and checks all parameters against the joint table. */
int32_t aip__files_params(aip_context *ctx, bool reading, const aip__node *given, const char *source, const char *base_dir,
                          const aip_descriptor **format, aip_params **out, aip_error **err);

/* Read and write of files: as aip__read_dataset and so on, for paths that name no connector. */
int32_t aip__files_read(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_dataset **out,
                        aip_error **err);
int32_t aip__files_read_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                              aip_error **err);
int32_t aip__files_write(aip_dataset *dataset, const aip__node *params, const char *source, const char *base_dir,
                         aip__token *token, aip_row_counts *counts, aip_error **err);
int32_t aip__files_write_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir,
                               aip_error **err);

#endif
