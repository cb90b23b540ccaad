/* Datasets: a source, or a parent seen through one stage; in memory when kept. Nothing here reads data but through a scan. */
#include "data/dataset.h"

#include "data/scan.h"
#include <string.h>

aip_dataset *aip__dataset_retain(const aip_dataset *d) {
    aip_dataset *m = (aip_dataset *)(uintptr_t)d;
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void aip_dataset_retain(aip_dataset *dataset) {
    if (dataset) aip__dataset_retain(dataset);
}

void aip_dataset_free(aip_dataset *d) {
    while (d && atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1) {
        aip_context *ctx = d->ctx;
        aip_dataset *parent = d->parent; /* freed by the loop: a long chain of views needs no deep stack */
        if (d->ops) d->ops->destroy(d->self);
        if (d->stage) aip__stage_unbind(d->stage, d->bound);
        aip_stage_free(d->stage);
        aip_schema_free(d->schema);
        aip_dataset_free(atomic_load(&d->kept)); /* a memory dataset: no chain behind it */
        aip__free(ctx, d);
        aip__context_release(ctx);
        d = parent;
    }
}

static aip_dataset *dataset_new(aip_context *ctx) {
    aip_dataset *d = aip__calloc(ctx, 1, sizeof *d);
    if (!d) return NULL;
    atomic_init(&d->refs, 1);
    d->ctx = aip__context_retain(ctx);
    return d;
}

int32_t aip__dataset_from_source(aip_context *ctx, const aip_schema *schema, const aip__source_ops *ops, void *self, bool once,
                                 aip_dataset **out, aip_error **err) {
    aip_dataset *d = dataset_new(ctx);
    if (!d) {
        ops->destroy(self);
        return aip__error_memory(ctx, err);
    }
    d->schema = aip__schema_retain(schema);
    d->ops = ops;
    d->self = self;
    d->once = once;
    *out = d;
    return AIP_OK;
}

int32_t aip_dataset_transform(aip_dataset *dataset, aip_stage *stage, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !stage || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_transform: expected a dataset, a stage and out");
    if (dataset->ctx != stage->ctx)
        return aip__error_set(err, AIP_E_MISUSE, "the dataset and stage '%s' belong to different contexts",
                              aip_stage_name(stage));
    if (!stage->spec) { /* a pipeline: one view for each stage */
        aip_dataset *d = aip__dataset_retain(dataset);
        for (int32_t i = 0; i < stage->n; i++) {
            aip_dataset *next = NULL;
            int32_t status = aip_dataset_transform(d, stage->stages[i], &next, err);
            aip_dataset_free(d);
            if (status != AIP_OK) return status;
            d = next;
        }
        *out = d;
        return AIP_OK;
    }
    void *bound = NULL;
    aip_schema *schema = NULL;
    AIP__TRY(aip__stage_bind(stage, dataset->schema, &bound, &schema, err));
    aip_dataset *d = dataset_new(dataset->ctx);
    if (!d) {
        aip__stage_unbind(stage, bound);
        aip_schema_free(schema);
        return aip__error_memory(dataset->ctx, err);
    }
    d->schema = schema;
    d->parent = aip__dataset_retain(dataset);
    d->stage = aip__stage_retain(stage);
    d->bound = bound;
    *out = d;
    return AIP_OK;
}

const aip_schema *aip_dataset_schema(const aip_dataset *dataset) { return dataset ? dataset->schema : NULL; }

/* ---- in memory --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    aip_context *ctx;
    aip_batch **batches;
    int64_t n, rows;
} memory_source;

typedef struct {
    const memory_source *source;
    int64_t at;
} memory_cursor;

static int32_t memory_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    (void)token;
    memory_source *m = self;
    memory_cursor *c = aip__calloc(m->ctx, 1, sizeof *c);
    if (!c) return aip__error_memory(m->ctx, err);
    c->source = m;
    *cursor = c;
    return AIP_OK;
}

static int32_t memory_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    (void)err;
    memory_cursor *c = cursor;
    if (c->at == c->source->n) {
        *end = true;
        return AIP_OK;
    }
    aip_batch *b = c->source->batches[c->at++];
    *item = (aip__item){.data = aip__batch_retain(b), .bytes = 0}; /* holds no memory of its own */
    return AIP_OK;
}

static void memory_close(void *cursor) {
    memory_cursor *c = cursor;
    aip__free(c->source->ctx, c);
}

static void memory_destroy(void *self) {
    memory_source *m = self;
    aip_context *ctx = m->ctx;
    for (int64_t i = 0; i < m->n; i++) aip_batch_free(m->batches[i]);
    aip__free(ctx, m->batches);
    aip__free(ctx, m);
    aip__context_release(ctx);
}

static int64_t memory_count(void *self) { return ((memory_source *)self)->rows; }

static const aip__source_ops memory_ops = {.kind = "memory",
                                           .open = memory_open,
                                           .next = memory_next,
                                           .close = memory_close,
                                           .destroy = memory_destroy,
                                           .count = memory_count};

int32_t aip__dataset_memory(aip_context *ctx, const aip_schema *schema, aip_batch **batches, int64_t n, aip_dataset **out,
                            aip_error **err) {
    memory_source *m = aip__calloc(ctx, 1, sizeof *m);
    aip_batch **copy = aip__calloc(ctx, (size_t)n + 1, sizeof *copy);
    if (!m || !copy) {
        for (int64_t i = 0; i < n; i++) aip_batch_free(batches[i]);
        aip__free(ctx, m);
        aip__free(ctx, copy);
        return aip__error_memory(ctx, err);
    }
    m->ctx = aip__context_retain(ctx);
    m->batches = copy;
    m->n = n;
    for (int64_t i = 0; i < n; i++) {
        copy[i] = batches[i];
        m->rows += batches[i]->n_rows;
    }
    return aip__dataset_from_source(ctx, schema, &memory_ops, m, false, out, err);
}

int32_t aip_dataset_from_batches(const aip_schema *schema, aip_batch *const *batches, int64_t n, aip_dataset **out,
                                 aip_error **err) {
    AIP__BEGIN(err);
    if (!schema || !out || n < 0 || (n > 0 && !batches))
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_batches: expected a schema, n >= 0 batches and out");
    aip_batch **mine = aip__calloc(schema->ctx, (size_t)n + 1, sizeof *mine);
    if (!mine) return aip__error_memory(schema->ctx, err);
    for (int64_t i = 0; i < n; i++) {
        bool same_context = batches[i] && batches[i]->ctx == schema->ctx;
        if (!same_context || !aip__schema_equal(schema, batches[i]->schema)) {
            while (i-- > 0) aip_batch_free(mine[i]);
            aip__free(schema->ctx, mine);
            if (!same_context)
                return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_batches: a batch is NULL or of another context");
            return aip__error_set(err, AIP_E_SCHEMA, "aip_dataset_from_batches: a batch has another schema than the dataset");
        }
        mine[i] = aip__batch_retain(batches[i]);
    }
    int32_t status = aip__dataset_memory(schema->ctx, schema, mine, n, out, err);
    aip__free(schema->ctx, mine);
    return status;
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------ */

static int32_t check_dataset(const aip_dataset *d, const void *out, const char *function, aip_error **err) {
    AIP__BEGIN(err);
    if (!d || !out) return aip__error_set(err, AIP_E_MISUSE, "%s: expected a dataset and where to put the result", function);
    return AIP_OK;
}

int32_t aip_dataset_each(aip_dataset *dataset, const aip_call *call, int32_t (*fn)(void *user, aip_batch *batch, aip_error **err),
                         void *user, aip_row_counts *counts, aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !fn) return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_each: expected a dataset and a function");
    if (counts && counts->struct_size < sizeof counts->struct_size)
        return aip__error_set(err, AIP_E_MISUSE, "aip_row_counts.struct_size is %u: expected sizeof(aip_row_counts)",
                              (unsigned)counts->struct_size);
    aip__token token;
    AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(dataset, &token, "read", &scan, err));
    int32_t status = AIP_OK;
    for (;;) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        status = aip__error_of_host(err, fn(user, batch, err), "the function given to aip_dataset_each");
        aip_batch_free(batch);
        if (status != AIP_OK) break;
    }
    if (status == AIP_OK && counts) aip__scan_counts(scan, counts);
    aip__scan_close(scan);
    return status;
}

typedef struct {
    aip_batch **batches;
    size_t n, capacity, bytes;
} gathered;

static void gathered_free(aip_context *ctx, gathered *g) {
    for (size_t i = 0; i < g->n; i++) aip_batch_free(g->batches[i]);
    aip__free(ctx, g->batches);
}

/* One pass into memory; stops early after n_rows (negative: all), and with *full set when more than max_bytes would be held. */
static int32_t gather(aip_dataset *d, aip__token *token, const char *phase, int64_t n_rows, size_t max_bytes, bool *full,
                      aip_dataset **out, aip_error **err) {
    gathered g = {NULL, 0, 0, 0};
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(d, token, phase, &scan, err));
    int32_t status = AIP_OK;
    while (n_rows != 0) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        if (n_rows > 0 && batch->n_rows > n_rows) {
            aip_batch *head = NULL;
            status = aip__batch_slice(batch, 0, n_rows, &head, err);
            aip_batch_free(batch);
            if (status != AIP_OK) break;
            batch = head;
        }
        if (n_rows > 0) n_rows -= batch->n_rows;
        if (aip__grow(d->ctx, &g.batches, &g.capacity, g.n + 1, sizeof *g.batches) != 0) {
            aip_batch_free(batch);
            status = aip__error_memory(d->ctx, err);
            break;
        }
        g.batches[g.n++] = batch;
        g.bytes += aip__batch_bytes(batch);
        if (g.bytes > max_bytes) {
            *full = true;
            break;
        }
    }
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip__scan_counts(scan, &counts);
    aip__scan_close(scan);
    if (status == AIP_OK && !(full && *full)) {
        status = aip__dataset_memory(d->ctx, d->schema, g.batches, (int64_t)g.n, out, err);
        g.n = 0; /* handed over */
        if (status == AIP_OK) (*out)->made_by = counts;
    }
    gathered_free(d->ctx, &g);
    return status;
}

int32_t aip_dataset_collect(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err) {
    AIP__TRY(check_dataset(dataset, out, "aip_dataset_collect", err));
    aip__token token;
    AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
    return gather(dataset, &token, "read", -1, SIZE_MAX, NULL, out, err);
}

int32_t aip_dataset_head(aip_dataset *dataset, int64_t n, const aip_call *call, aip_dataset **out, aip_error **err) {
    AIP__TRY(check_dataset(dataset, out, "aip_dataset_head", err));
    if (n < 0) return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_head: n is %lld: expected 0 or more", (long long)n);
    aip__token token;
    AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
    return gather(dataset, &token, "read", n, SIZE_MAX, NULL, out, err);
}

/* Whether a pass over d uses up a once-dataset. */
static bool reads_once(const aip_dataset *d) {
    while (!atomic_load(&d->kept) && !d->ops) d = d->parent;
    return !atomic_load(&d->kept) && d->once;
}

int32_t aip__dataset_keep(aip_dataset *d, aip__token *token, aip_error **err) {
    if (atomic_load(&d->kept) || d->ops == &memory_ops) return AIP_OK;
    uint64_t used = atomic_load(&d->ctx->memory_used), limit = d->ctx->memory_limit;
    size_t may = used >= limit ? 0 : (size_t)((limit - used) / 2);
    aip_dataset *kept = NULL;
    bool full = false;
    if (reads_once(d)) may = SIZE_MAX; /* there is no second pass: in memory, or an error */
    int32_t status = gather(d, token, "read", -1, may, &full, &kept, err);
    if (status != AIP_OK) return status;
    if (full) {
        aip__log(d->ctx, AIP_LOG_WARNING, NULL,
                 "a table is larger than half of the free memory limit (%.0f MB); it will be read again for each pass",
                 (double)limit / 1e6);
        return AIP_OK;
    }
    aip_dataset *none = NULL;
    if (!atomic_compare_exchange_strong(&d->kept, &none, kept)) aip_dataset_free(kept);
    return AIP_OK;
}

bool aip__dataset_kept_counts(const aip_dataset *d, aip_row_counts *counts) {
    const aip_dataset *kept = atomic_load(&((aip_dataset *)(uintptr_t)d)->kept);
    if (kept) *counts = kept->made_by;
    return kept != NULL;
}

int64_t aip__dataset_known_count(const aip_dataset *d) {
    for (;;) {
        const aip_dataset *kept = atomic_load(&((aip_dataset *)(uintptr_t)d)->kept);
        if (kept) d = kept;
        if (d->ops) return d->ops->count ? d->ops->count(d->self) : -1;
        if (aip_stage_rows(d->stage) != AIP_ROWS_SAME) return -1;
        d = d->parent;
    }
}

void aip__dataset_report(const aip_dataset *d, aip__text *json) {
    while (!d->ops) d = d->parent;
    if (d->ops->report) d->ops->report(d->self, json);
}

int32_t aip_dataset_report(const aip_dataset *dataset, char **json, aip_error **err) {
    AIP__TRY(check_dataset(dataset, json, "aip_dataset_report", err));
    aip__text t;
    aip__text_init(&t, dataset->ctx);
    aip__text_str(&t, "{\"kind\":");
    const aip_dataset *root = dataset;
    while (!root->ops) root = root->parent;
    aip__text_json(&t, root->ops->kind, strlen(root->ops->kind));
    aip__dataset_report(dataset, &t);
    aip__text_char(&t, '}');
    return aip__text_take(&t, json, NULL, err);
}

int32_t aip_dataset_count(aip_dataset *dataset, const aip_call *call, int64_t *out, aip_error **err) {
    AIP__TRY(check_dataset(dataset, out, "aip_dataset_count", err));
    int64_t n = aip__dataset_known_count(dataset);
    if (n < 0) {
        aip__token token;
        AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
        aip__scan *scan = NULL;
        AIP__TRY(aip__scan_open(dataset, &token, "count", &scan, err));
        n = 0;
        for (;;) {
            aip_batch *batch = NULL;
            int32_t status = aip__scan_next(scan, &batch, err);
            if (status != AIP_OK) {
                aip__scan_close(scan);
                return status;
            }
            if (!batch) break;
            n += batch->n_rows;
            aip_batch_free(batch);
        }
        aip__scan_close(scan);
    }
    *out = n;
    return AIP_OK;
}

/* The source that a chain of views starts from. */
static aip_dataset *root_of(aip_dataset *d) {
    while (!d->ops) d = d->parent;
    return d;
}

int32_t aip_dataset_rejects(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err) {
    AIP__TRY(check_dataset(dataset, out, "aip_dataset_rejects", err));
    aip_dataset *root = root_of(dataset);
    if (!root->ops->rejects) return aip__error_set(err, AIP_E_UNSUPPORTED, "a %s dataset has no rejects table", root->ops->kind);
    aip_dataset *rejects = root->ops->rejects(root->self);
    if (!rejects) {
        int64_t n = 0;
        AIP__TRY(aip_dataset_count(root, call, &n, err));
        rejects = root->ops->rejects(root->self);
        if (!rejects)
            return aip__error_set(err, AIP_E_INTERNAL, "a pass over a %s dataset left no rejects table", root->ops->kind);
    }
    *out = rejects;
    return AIP_OK;
}
