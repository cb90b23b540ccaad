/* The inside of a scan, shared by scan.c (open, close, pull), scan_items.c (what happens to an item; it tells the idea) and fold.c. */
#ifndef AIPIPE_LIB_DATA_SCAN_INSIDE_H
#define AIPIPE_LIB_DATA_SCAN_INSIDE_H

#include "data/scan.h"
#include "exec/group.h"
#include <pthread.h>

typedef struct {
    const aip_stage_ops *ops;
    const void *bound;
    const aip_schema *schema; /* of what comes out */
    const char *name;
    int32_t rows; /* AIP_ROWS_* */
    size_t carry_bytes;
    int32_t point; /* of a stage with carry */
    void *running; /* its running value */
} aip__plan_stage;

typedef struct {
    int64_t next, stride; /* the item that may pass next */
    bool busy;            /* somebody is taking one through */
} aip__point;

typedef struct {
    aip__scan *scan;
    int64_t index;
    bool used; /* between cut and out */
    aip__item item;
    bool has_item; /* item_free is due */
    aip__decoded decoded;
    bool has_decoded;           /* account is due */
    aip_batch *batch;           /* as far as it has come */
    int32_t stage;              /* the next to apply */
    const aip__point *waits_at; /* NULL: a job runs it, or it is done */
    bool carried;               /* stage's carry was done, its apply is due */
    bool done;                  /* the batch, or what it was mapped to, is final, for the consumer */
    void *mapped;               /* NULL: the batch had no rows, or there is no map */
    int64_t mapped_rows;
    void *summary, *before;
    aip_error *error; /* met while another thread took it through a point */
    int32_t error_status;
} aip__slot;

typedef struct {
    const aip_fold_ops *ops;
    const void *fold;
    void **states;
    int64_t n_lanes;
} aip__fold_sink;

struct aip__scan {
    aip_context *ctx;
    aip_dataset *dataset, *root;
    aip__token *token;
    const char *phase;
    void *cursor;
    aip__group *group;
    aip__plan_stage *stages;
    int32_t n_stages, n_carry;
    aip__fold_sink *sink;     /* NULL: pull */
    const aip__scan_map *map; /* of a pull; NULL: batches come out as they are */

    pthread_mutex_t lock;
    aip__slot *ring;
    int64_t window, n_threads;
    aip__point *points; /* 1 + n_carry, then the lanes */
    int64_t n_cut, n_out, in_flight_bytes, in_flight, largest_item;
    int64_t next_row; /* ordinal of the next batch: counted at the cut when items are batches, else at points[0] */
    bool cutting, end, ended;
    bool has_ahead;               /* the source has work to do ahead of the cut, and there are threads to do it */
    _Atomic(bool) was_ahead;      /* some of it was done */
    _Atomic(bool) going_ahead;    /* one of them is at it */
    _Atomic(bool) cut_is_offered; /* a job that only cuts is queued */
    _Atomic(bool) failed;

    _Atomic(int64_t) rows_in, rows_rejected, rows_filtered, rows_out, bytes_out;
    int64_t total_bytes;
};

/* scan_items.c */
int32_t aip__scan_number(aip_batch **batch, int64_t ordinal, aip_error **err); /* on failure *batch is NULL */
void aip__scan_drop_item(aip__scan *s, aip__slot *t);
void aip__scan_release(aip__scan *s, aip__slot *t); /* gives a slot back to the ring; under the lock */
/* Cuts items and starts their jobs while the window has room. One thread at a time; the others go on. */
void aip__scan_pump(aip__scan *s);
/* Does the source's work ahead of the cut, if it has such work and no other thread is at it, while there is room for what it makes; in the thread
 * that pulls, until there is something to give out. */
void aip__scan_go_ahead(aip__scan *s);
/* The thread that pulls from the scan is the calling one, until it is called with what it gave. */
const aip__scan *aip__scan_pulls(const aip__scan *s);
bool aip__scan_head_is_ready(aip__scan *s); /* the next item in order is done, or the scan has failed */

/* scan.c. sink: NULL for pull; map: NULL for none. */
int32_t aip__scan_begin(aip_dataset *d, aip__token *token, const char *phase, aip__fold_sink *sink, const aip__scan_map *map,
                        aip__scan **out, aip_error **err);
int32_t aip__scan_finish(aip__scan *s, aip_error **err); /* after the last item: the source's last checks, the balance of rows */

#endif
