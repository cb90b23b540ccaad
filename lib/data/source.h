/* What a scan reads from. A source makes cursors; a cursor is a serial reader that cuts the source into work items (cheap), which any thread
 * then decodes into batches (the real work). */
#ifndef AIPIPE_LIB_DATA_SOURCE_H
#define AIPIPE_LIB_DATA_SOURCE_H

#include "base/text.h"
#include "data/batch.h"
#include "exec/cancel.h"

typedef struct aip__item {
    void *data;     /* the cursor's own; ended by item_free exactly once */
    int64_t bytes;  /* of the source that it stands for: progress */
    int64_t memory; /* about what it and its batch will take, where that is more than bytes: back-pressure */
} aip__item;

typedef struct aip__decoded {
    aip_batch *batch;  /* at most AIP_BATCH_MAX_ROWS rows; NULL: no rows */
    int64_t n_records; /* rows of the batch + n_rejected */
    int64_t n_rejected;
    void *rejects; /* the source's own, handed to account; may be NULL */
} aip__decoded;

typedef struct aip__source_ops {
    const char *kind; /* "csv", "memory", ... for messages */
    /* Starts a pass. */
    int32_t (*open)(void *self, const aip__token *token, void **cursor, aip_error **err);
    /* The next item; *end instead when there is none. One call at a time, in source order, from any thread. */
    int32_t (*next)(void *cursor, aip__item *item, bool *end, aip_error **err);
    /* What next would otherwise do itself and only one thread can (reading, inflating), done ahead of it, a piece at a time: false when there is
     * nothing to do for now. One call at a time, from any thread, beside next. What goes wrong, next reports. NULL, and ready too, where there is none. */
    bool (*ahead)(void *cursor);
    /* Whether next need not wait for such a piece. By who calls next, in place of which it must not wait itself. */
    bool (*ready)(void *cursor);
    /* Many at once. Does not free the item. NULL: the item's data is an aip_batch * that the scan takes over. */
    int32_t (*decode)(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err);
    void (*item_free)(void *cursor, aip__item *item); /* NULL when decode is NULL */
    /* For each decoded item, serially in source order: rejects, limits on rejects. May be NULL. Takes over out->rejects. */
    int32_t (*account)(void *cursor, aip__decoded *decoded, aip_error **err);
    /* After the last item was accounted for: checks that the file is still the same, publishes the rejects table. May be NULL. */
    int32_t (*finish)(void *cursor, aip_error **err);
    void (*close)(void *cursor);
    void (*destroy)(void *self);
    /* Bytes of the whole source for progress, or -1. May be NULL. */
    int64_t (*total_bytes)(void *self);
    /* Rows when known without a pass, or -1. May be NULL. */
    int64_t (*count)(void *self);
    /* The rejects table of the last finished pass as a dataset (retained for the caller), or NULL when there was no pass. May be NULL. */
    aip_dataset *(*rejects)(void *self);
    /* Adds what is to be told of how it is read, as members of a JSON object, each after a comma. May be NULL. */
    void (*report)(void *self, aip__text *json);
} aip__source_ops;

/* A dataset over a source; takes self over (also on failure: destroy is called). once: a second pass is AIP_E_STATE. */
int32_t aip__dataset_from_source(aip_context *ctx, const aip_schema *schema, const aip__source_ops *ops, void *self, bool once,
                                 aip_dataset **out, aip_error **err);

#endif
