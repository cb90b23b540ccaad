/* Opening, pulling from and closing a scan. What happens to an item between the cut and here is scan_items.c. */
#include "data/scan_inside.h"

#include "base/checked.h"
#include <string.h>

/* ---- open and close --------------------------------------------------------------------------------------------------------------------- */

void aip__scan_close(aip__scan *s) {
    if (!s) return;
    aip_context *ctx = s->ctx;
    if (s->group
        && aip__group_inherited(s->group)) { /* jobs that the parent was in the middle of left anything half done: not touched */
        aip__group_free(s->group);
        return;
    }
    if (s->group) {
        atomic_store(&s->failed, true); /* no more cuts */
        aip__group_stop(s->group);
        aip_error *ignored = NULL; /* whoever closes before the end does not want it; at the end it was reported */
        aip__group_wait(s->group, &ignored);
        aip_error_free(ignored);
        aip__group_free(s->group);
    }
    for (int64_t i = 0; s->ring && i < s->window; i++) {
        aip__slot *t = &s->ring[i];
        if (t->used) {
            aip__scan_drop_item(s, t);
            if (t->has_decoded && t->decoded.rejects && s->root->ops->account) {
                aip_error *ignored = NULL; /* only to hand the rejects back to their owner */
                s->root->ops->account(s->cursor, &t->decoded, &ignored);
                aip_error_free(ignored);
            }
            aip_batch_free(t->batch);
            if (t->mapped) s->map->drop(s->map->user, t->mapped);
            aip_error_free(t->error);
        }
        aip__free(ctx, t->summary);
        aip__free(ctx, t->before);
    }
    if (s->cursor) s->root->ops->close(s->cursor);
    for (int32_t i = 0; s->stages && i < s->n_stages; i++) aip__free(ctx, s->stages[i].running);
    aip__free(ctx, s->stages);
    aip__free(ctx, s->points);
    aip__free(ctx, s->ring);
    aip_dataset_free(s->root);
    aip_dataset_free(s->dataset);
    pthread_mutex_destroy(&s->lock);
    aip__free(ctx, s);
}

/* The views between the root source (or the nearest kept table) and d, in order. */
static int32_t make_plan(aip__scan *s, aip_dataset *d, aip_error **err) {
    int32_t n = 0;
    aip_dataset *at = d, *kept = NULL;
    while (!(kept = atomic_load(&at->kept)) && !at->ops) at = at->parent, n++;
    s->root = aip__dataset_retain(kept ? kept : at);
    s->stages = aip__calloc(s->ctx, (size_t)n + 1, sizeof *s->stages);
    if (!s->stages) return aip__error_memory(s->ctx, err);
    s->n_stages = n;
    for (at = d; n-- > 0; at = at->parent) {
        const aip_stage_ops *ops = at->stage->spec->ops;
        const aip_descriptor *what = at->stage->spec->descriptor;
        s->stages[n] =
            (aip__plan_stage){.ops = ops, .bound = at->bound, .schema = at->schema, .name = what->name, .rows = what->rows};
    }
    for (int32_t i = 0; i < s->n_stages; i++) {
        aip__plan_stage *stage = &s->stages[i];
        if (!stage->ops->carry) continue;
        stage->point = ++s->n_carry;
        stage->carry_bytes = stage->ops->carry_bytes(stage->bound);
        size_t bytes = 0;
        if (aip__add_size(stage->carry_bytes, 1, &bytes)) return aip__error_nomem(err);
        stage->running = aip__calloc(s->ctx, 1, bytes);
        if (!stage->running) return aip__error_memory(s->ctx, err);
    }
    return AIP_OK;
}

static int32_t make_ring(aip__scan *s, aip_error **err) {
    s->n_threads = aip__concurrency(s->ctx);
    int64_t n_lanes = s->sink ? s->sink->n_lanes : 0, window = s->n_threads * 2 + 1;
    s->window = window > 256 ? 256 : window;
    s->ring = aip__calloc(s->ctx, (size_t)s->window, sizeof *s->ring);
    s->points = aip__calloc(s->ctx, (size_t)(1 + s->n_carry + n_lanes), sizeof *s->points);
    if (!s->ring || !s->points) return aip__error_memory(s->ctx, err);
    for (int32_t i = 0; i <= s->n_carry; i++) s->points[i] = (aip__point){.next = 0, .stride = 1};
    for (int64_t i = 0; i < n_lanes; i++) s->points[1 + s->n_carry + i] = (aip__point){.next = i, .stride = n_lanes};
    size_t carry = 1; /* a carry of no bytes has addresses too */
    for (int32_t i = 0; i < s->n_stages; i++)
        if (s->stages[i].carry_bytes > carry) carry = s->stages[i].carry_bytes;
    for (int64_t i = 0; s->n_carry > 0 && i < s->window; i++) {
        s->ring[i].summary = aip__calloc(s->ctx, 1, carry);
        s->ring[i].before = aip__calloc(s->ctx, 1, carry);
        if (!s->ring[i].summary || !s->ring[i].before) return aip__error_memory(s->ctx, err);
    }
    return AIP_OK;
}

int32_t aip__scan_begin(aip_dataset *d, aip__token *token, const char *phase, aip__fold_sink *sink, const aip__scan_map *map,
                        aip__scan **out, aip_error **err) {
    aip_context *ctx = d->ctx;
    AIP__TRY(aip__token_check(token, err));
    aip__scan *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->dataset = aip__dataset_retain(d);
    s->token = token;
    s->phase = phase;
    s->sink = sink;
    s->map = map;
    pthread_mutex_init(&s->lock, NULL);
    int32_t status = make_plan(s, d, err);
    if (status == AIP_OK) status = make_ring(s, err);
    if (status == AIP_OK) status = aip__group_create(ctx, &s->group, err);
    if (status == AIP_OK && s->root->once && atomic_exchange(&s->root->opened, true))
        status = aip__error_set(
            err, AIP_E_STATE,
            "this %s source can be read only once and was read already: keep it in memory (collect) to use it twice",
            s->root->ops->kind);
    if (status == AIP_OK) status = s->root->ops->open(s->root->self, token, &s->cursor, err);
    if (status == AIP_OK) s->has_ahead = s->root->ops->ahead && s->n_threads > 1;
    if (status == AIP_OK) s->total_bytes = s->root->ops->total_bytes ? s->root->ops->total_bytes(s->root->self) : -1;
    if (status != AIP_OK) {
        aip__scan_close(s);
        return status;
    }
    *out = s;
    return AIP_OK;
}

int32_t aip__scan_open(aip_dataset *d, aip__token *token, const char *phase, aip__scan **out, aip_error **err) {
    return aip__scan_begin(d, token, phase, NULL, NULL, out, err);
}

int32_t aip__scan_open_mapped(aip_dataset *d, aip__token *token, const char *phase, const aip__scan_map *map, aip__scan **out,
                              aip_error **err) {
    return aip__scan_begin(d, token, phase, NULL, map, out, err);
}

/* After the last item: the source's own last checks, and the balance of rows. */
int32_t aip__scan_finish(aip__scan *s, aip_error **err) {
    if (s->ended) return AIP_OK;
    AIP__TRY(aip__group_wait(s->group, err));
    if (s->root->ops->finish) AIP__TRY(s->root->ops->finish(s->cursor, err));
    int64_t in = atomic_load(&s->rows_in), out = atomic_load(&s->rows_out), rejected = atomic_load(&s->rows_rejected);
    int64_t filtered = atomic_load(&s->rows_filtered);
    if (in != out + rejected + filtered)
        return aip__error_set(err, AIP_E_INTERNAL, "rows are not accounted for: %lld in, %lld out, %lld rejected, %lld filtered",
                              (long long)in, (long long)out, (long long)rejected, (long long)filtered);
    s->ended = true;
    return aip__token_progress(s->token, s->phase, out, atomic_load(&s->bytes_out), 1, true, err);
}

/* ---- pull ------------------------------------------------------------------------------------------------------------------------------- */

bool aip__scan_head_is_ready(aip__scan *s) {
    pthread_mutex_lock(&s->lock);
    const aip__slot *t = &s->ring[s->n_out % s->window];
    bool ready = (t->used && t->index == s->n_out && t->done) || atomic_load(&s->failed);
    pthread_mutex_unlock(&s->lock);
    return ready;
}

static bool head_is_ready(void *arg) { return aip__scan_head_is_ready(arg); }

typedef struct {
    aip_batch *batch; /* NULL: no rows, or mapped */
    void *mapped;     /* NULL: no rows, or there is no map */
    int64_t rows;
} taken;

/* The next finished item in order; false when it is not there. */
static bool take_head(aip__scan *s, taken *out) {
    pthread_mutex_lock(&s->lock);
    aip__slot *t = &s->ring[s->n_out % s->window];
    bool ready = t->used && t->index == s->n_out && t->done;
    if (ready) {
        *out = (taken){.batch = t->batch, .mapped = t->mapped, .rows = t->batch ? t->batch->n_rows : t->mapped_rows};
        t->batch = NULL;
        t->mapped = NULL;
        atomic_fetch_add_explicit(&s->bytes_out, t->item.bytes, memory_order_relaxed);
        aip__scan_release(s, t);
    }
    pthread_mutex_unlock(&s->lock);
    return ready;
}

static void drop(const aip__scan *s, taken *out) {
    aip_batch_free(out->batch);
    if (out->mapped) s->map->drop(s->map->user, out->mapped);
    *out = (taken){0};
}

/* Rows on their way out: counted, a batch with its ordinal among what comes out. */
static int32_t count_out(aip__scan *s, taken *out, aip_error **err) {
    int64_t ordinal = atomic_fetch_add_explicit(&s->rows_out, out->rows, memory_order_relaxed);
    return out->batch ? aip__scan_number(&out->batch, ordinal, err) : AIP_OK;
}

/* The next rows; out->rows is 0 at the end. */
static int32_t next_rows(aip__scan *s, taken *out, aip_error **err) {
    *out = (taken){0};
    if (aip__group_inherited(s->group)) return aip__error_set(err, AIP_E_FORKED, "this pass was begun before the process forked");
    for (;;) {
        if (take_head(s, out)) {
            aip__scan_pump(s);
            if (out->rows == 0) {
                drop(s, out);
                continue;
            }
            int32_t status = count_out(s, out, err);
            int64_t bytes = atomic_load(&s->bytes_out);
            if (status == AIP_OK)
                status = aip__token_progress(s->token, s->phase, atomic_load(&s->rows_out), bytes,
                                             s->total_bytes > 0 ? (double)bytes / (double)s->total_bytes : -1, false, err);
            if (status != AIP_OK) drop(s, out);
            return status;
        }
        if (atomic_load(&s->failed)) { /* what comes before the error is still given out, in order */
            int32_t status = aip__group_wait(s->group, err);
            if (head_is_ready(s) && take_head(s, out)) {
                aip_error_free(err ? *err : NULL);
                if (err) *err = NULL;
                if (out->rows == 0) {
                    drop(s, out);
                    continue;
                }
                status = count_out(s, out, err);
                if (status != AIP_OK) drop(s, out);
                return status;
            }
            return status != AIP_OK ? status : aip__error_memory(s->ctx, err);
        }
        pthread_mutex_lock(&s->lock);
        bool all_out = s->end && s->n_out == s->n_cut;
        pthread_mutex_unlock(&s->lock);
        if (all_out) return aip__scan_finish(s, err);
        const aip__scan *outer = aip__scan_pulls(s);
        aip__scan_pump(s);
        aip__scan_go_ahead(s);
        aip__group_help(s->group, head_is_ready, s, 0);
        aip__scan_pulls(outer);
    }
}

int32_t aip__scan_next(aip__scan *s, aip_batch **out, aip_error **err) {
    taken next;
    AIP__TRY(next_rows(s, &next, err));
    *out = next.batch;
    return AIP_OK;
}

int32_t aip__scan_next_mapped(aip__scan *s, void **out, int64_t *n_rows, aip_error **err) {
    taken next;
    AIP__TRY(next_rows(s, &next, err));
    *out = next.mapped;
    *n_rows = next.rows;
    return AIP_OK;
}

void aip__scan_counts(const aip__scan *s, aip_row_counts *counts) {
    aip_row_counts c = AIP_ROW_COUNTS_INIT;
    c.rows_in = atomic_load(&s->rows_in);
    c.rows_out = atomic_load(&s->rows_out);
    c.rows_rejected = atomic_load(&s->rows_rejected);
    c.rows_filtered = atomic_load(&s->rows_filtered);
    uint32_t size = counts->struct_size < sizeof c ? counts->struct_size : (uint32_t)sizeof c;
    c.struct_size = counts->struct_size;
    memcpy(counts, &c, size);
}
