/* The scan engine (scan.h tells the idea).
 *
 * Between cut and out, items live in a ring of `window` slots: item i in slot i % window, so the oldest item bounds how far the cut runs
 * ahead. A slot's job runs one parallel segment; at its end the item stands at a *point*, where items pass one at a time and in order:
 *
 *     points[0]               out of the decoder: rejects, row counts and ordinals, in source order
 *     points[1 .. n_carry]    the carries of stages that need what came before
 *     lanes[0 .. n_lanes)     of a fold: every n_lanes-th item, into that lane's state
 *
 * Whoever brings the item that a point waits for takes it through, and after it every waiting successor; a successor that has more to do gets
 * a new job. Jobs never wait for each other. The lock guards the ring and the points; it is held for bookkeeping only.
 *
 * The first error in source order wins: a job group runs every job of lower order than a failed one, and nothing passes a point before the
 * failed item. */
#include "data/scan_inside.h"

#include <assert.h>
#include <string.h>

static int32_t item_job(void *arg, bool skip, aip_error **err);

/* ---- parallel segments ------------------------------------------------------------------------------------------------------------ */

void aip__scan_drop_item(aip__scan *s, aip__slot *t) {
    if (!t->has_item) return;
    t->has_item = false;
    const aip__source_ops *ops = s->root->ops;
    if (!ops->decode)
        aip_batch_free(t->item.data);
    else if (ops->item_free)
        ops->item_free(s->cursor, &t->item);
}

/* Gives a batch its ordinal. One that others hold too is relabelled, not changed. On failure *batch is NULL. */
int32_t aip__scan_number(aip_batch **batch, int64_t ordinal, aip_error **err) {
    aip_batch *b = *batch;
    if (b->ordinal == ordinal) return AIP_OK;
    if (atomic_load(&b->refs) > 1) {
        *batch = NULL;
        int32_t status = aip__batch_relabel(b, b->schema, batch, err);
        aip_batch_free(b);
        if (status != AIP_OK) return status;
    }
    (*batch)->ordinal = ordinal;
    return AIP_OK;
}

static int32_t decode(aip__scan *s, aip__slot *t, aip_error **err) {
    const aip__source_ops *ops = s->root->ops;
    if (!ops->decode) {
        t->batch = t->item.data;
        t->has_item = false;
        t->decoded = (aip__decoded){.n_records = t->batch->n_rows};
    } else {
        t->decoded = (aip__decoded){0};
        AIP__TRY(ops->decode(s->cursor, &t->item, &t->decoded, err));
        aip__scan_drop_item(s, t);
        t->batch = t->decoded.batch;
        t->decoded.batch = NULL;
    }
    t->has_decoded = true;
    int64_t rows = t->batch ? t->batch->n_rows : 0;
    if (t->decoded.n_records != rows + t->decoded.n_rejected)
        return aip__error_set(
            err, AIP_E_INTERNAL,
            "rows are not accounted for: of an item of %lld records the %s source gave %lld rows and %lld rejects",
            (long long)t->decoded.n_records, ops->kind, (long long)rows, (long long)t->decoded.n_rejected);
    atomic_fetch_add_explicit(&s->rows_in, t->decoded.n_records, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->rows_rejected, t->decoded.n_rejected, memory_order_relaxed);
    return AIP_OK;
}

static int32_t at_stage(const aip__plan_stage *stage, int32_t status, const char *function, aip_error **err) {
    aip__error_of_host(err, status, function);
    if (status != AIP_OK) aip__error_at_stage(err, stage->name);
    return status;
}

/* What a stage may give: columns of the types that its bind has promised, which is all that the next stage looks at. */
static bool keeps_promise(const aip__plan_stage *stage, const aip_batch *b) {
    if (!b || b->n_columns != stage->schema->n) return false;
    for (int32_t i = 0; b->schema != stage->schema && i < b->n_columns; i++)
        if (b->columns[i]->type != stage->schema->fields[i].type) return false;
    return true;
}

/* What a stage's descriptor declares of its rows, on which accounts, ordinals and packages rely. */
static int32_t check_rows(const aip__plan_stage *stage, int64_t before, int64_t after, aip_error **err) {
    bool same = stage->rows == AIP_ROWS_SAME;
    if (same ? after == before : stage->rows != AIP_ROWS_FEWER || after <= before) return AIP_OK;
    return aip__error_set(err, AIP_E_INTERNAL,
                          "rows are not accounted for: the stage declares `rows: %s`, but of a batch of %lld rows it made %lld",
                          same ? "same" : "fewer", (long long)before, (long long)after);
}

/* The end of a stage's apply: its batch takes the place of the item's, or its error is placed. */
static int32_t put_batch(aip__scan *s, aip__slot *t, const aip__plan_stage *stage, int32_t status, aip_batch *next,
                         aip_error **err) {
    if (status == AIP_OK && !keeps_promise(stage, next)) {
        aip_batch_free(next);
        status = aip__error_set(err, AIP_E_MISUSE, "apply gave no batch, or one of other columns than bind announced");
    }
    if (status == AIP_OK && (status = check_rows(stage, t->batch->n_rows, next->n_rows, err)) != AIP_OK) aip_batch_free(next);
    AIP__TRY(at_stage(stage, status, "apply", err));
    atomic_fetch_add_explicit(&s->rows_filtered, t->batch->n_rows - next->n_rows, memory_order_relaxed);
    if (stage->rows == AIP_ROWS_SAME && next->ordinal < 0 && atomic_load(&next->refs) == 1) next->ordinal = t->batch->ordinal;
    aip_batch_free(t->batch);
    t->batch = next;
    return AIP_OK;
}

/* Applies stages from where the item stands to the next carry or the end; *at is the point it has come to, or NULL at the end. */
static int32_t run_stages(aip__scan *s, aip__slot *t, const aip__point **at, aip_error **err) {
    *at = NULL;
    for (; t->stage < s->n_stages; t->stage++) {
        aip__plan_stage *stage = &s->stages[t->stage];
        if (!t->batch) break; /* no rows came out of the decoder: nothing to apply, but points must still be passed */
        if (stage->ops->carry) {
            memset(t->summary, 0, stage->carry_bytes);
            int32_t status = stage->ops->summarise(stage->bound, t->batch, t->summary, err);
            *at = &s->points[stage->point];
            return at_stage(stage, status, "summarise", err);
        }
        aip_batch *next = NULL;
        int32_t status = stage->ops->apply(stage->bound, t->batch, &next, err);
        AIP__TRY(put_batch(s, t, stage, status, next, err));
    }
    for (; t->stage < s->n_stages; t->stage++) /* an item without rows passes the carries untouched */
        if (s->stages[t->stage].ops->carry) {
            *at = &s->points[s->stages[t->stage].point];
            return AIP_OK;
        }
    return AIP_OK;
}

/* After a carry: the rest of that stage. */
static int32_t finish_carry(aip__scan *s, aip__slot *t, aip_error **err) {
    aip__plan_stage *stage = &s->stages[t->stage];
    t->carried = false;
    if (t->batch) {
        aip_batch *next = NULL;
        int32_t status = stage->ops->apply_carry(stage->bound, t->before, t->batch, &next, err);
        AIP__TRY(put_batch(s, t, stage, status, next, err));
    }
    t->stage++;
    return AIP_OK;
}

/* ---- points -------------------------------------------------------------------------------------------------------------------------- */

/* What happens at a point, for the one item whose turn it is. */
static int32_t act(aip__scan *s, aip__slot *t, const aip__point *at, aip_error **err) {
    int64_t p = at - s->points;
    if (p == 0) {
        t->has_decoded = false;
        if (t->batch) {
            AIP__TRY(aip__scan_number(&t->batch, s->next_row, err));
            s->next_row += t->batch->n_rows;
        }
        return s->root->ops->account ? s->root->ops->account(s->cursor, &t->decoded, err) : AIP_OK;
    }
    if (p <= s->n_carry) {
        t->carried = true;
        if (!t->batch) return AIP_OK;
        aip__plan_stage *stage = &s->stages[t->stage];
        memcpy(t->before, stage->running, stage->carry_bytes);
        return at_stage(stage, stage->ops->carry(stage->bound, stage->running, t->summary, err), "carry", err);
    }
    aip__fold_sink *f = s->sink;
    int64_t lane = p - 1 - s->n_carry;
    if (!f->states[lane]) AIP__TRY(f->ops->init(f->fold, &f->states[lane], err));
    if (t->batch && t->batch->n_rows > 0) {
        atomic_fetch_add_explicit(&s->rows_out, t->batch->n_rows, memory_order_relaxed);
        AIP__TRY(f->ops->update(f->fold, f->states[lane], t->batch, err));
    }
    return aip__token_progress(s->token, s->phase, atomic_load(&s->rows_out), atomic_load(&s->bytes_out),
                               s->total_bytes > 0 ? (double)atomic_load(&s->bytes_out) / (double)s->total_bytes : -1, false, err);
}

/* What an item counts for against the memory limit. */
static int64_t weight(const aip__item *item) { return item->memory > item->bytes ? item->memory : item->bytes; }

/* Gives a slot back to the ring. Under the lock. */
void aip__scan_release(aip__scan *s, aip__slot *t) {
    t->used = false;
    t->done = false;
    s->in_flight--;
    s->in_flight_bytes -= weight(&t->item);
    s->n_out++;
}

/* The item has come to `at`: takes it and its waiting successors through. Returns true when the caller's own item has passed (and the caller
 * goes on with it); false when somebody else will take care of it, or it failed (then *status). */
static bool pass(aip__scan *s, aip__slot *mine, const aip__point *at, int32_t *status, aip_error **err) {
    aip__point *p = (aip__point *)(uintptr_t)at;
    assert(p);
    bool is_lane = at - s->points > s->n_carry, passed = false;
    *status = AIP_OK;
    pthread_mutex_lock(&s->lock);
    mine->waits_at = at;
    while (!p->busy) { /* also after a failure: what comes before the failed item goes on to its end */
        aip__slot *t = &s->ring[p->next % s->window];
        if (!t->used || t->index != p->next || t->waits_at != at) break;
        p->busy = true;
        t->waits_at = NULL;
        pthread_mutex_unlock(&s->lock);

        aip_error *e = NULL;
        int32_t st = act(s, t, at, &e);
        aip_batch *spent = NULL;

        pthread_mutex_lock(&s->lock);
        p->busy = false;
        if (st == AIP_OK) {
            p->next += p->stride;
            if (is_lane) {
                spent = t->batch;
                t->batch = NULL;
                atomic_fetch_add_explicit(&s->bytes_out, t->item.bytes, memory_order_relaxed);
                aip__scan_release(s, t);
            }
        }
        pthread_mutex_unlock(&s->lock);
        aip_batch_free(spent);
        if (t == mine && st != AIP_OK) {
            aip__error_move(err, e);
            *status = st;
            return false;
        }
        if (t == mine) {
            passed = true;
        } else if (st != AIP_OK || !is_lane) { /* goes on, or reports its error in its own order, in a job of its own */
            t->error = e;
            t->error_status = st;
            aip_error *refused = NULL;
            if (aip__group_submit(s->group, item_job, t, t->index, &refused) != AIP_OK) {
                atomic_store(&s->failed, true);
                *status = aip__error_move(err, refused);
                return false;
            }
        }
        if (st != AIP_OK) return passed;
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return passed;
}

/* ---- jobs ---------------------------------------------------------------------------------------------------------------------------- */

/* The last thing that is done to a batch in parallel. */
static int32_t map_batch(aip__scan *s, aip__slot *t, aip_error **err) {
    if (!s->map || !t->batch || t->batch->n_rows == 0) return AIP_OK;
    AIP__TRY(s->map->apply(s->map->user, t->batch, &t->mapped, err));
    t->mapped_rows = t->batch->n_rows;
    aip_batch_free(t->batch);
    t->batch = NULL;
    return AIP_OK;
}

static int32_t run_item(aip__scan *s, aip__slot *t, aip_error **err) {
    const aip__point *at = NULL;
    int32_t status = AIP_OK;
    AIP__TRY(aip__token_check(s->token, err));
    if (t->stage < 0) { /* fresh from the cut */
        AIP__TRY(decode(s, t, err));
        t->stage = 0;
        if (s->root->ops->decode) {
            if (!pass(s, t, &s->points[0], &status, err)) return status;
        }
    } else if (t->carried) {
        AIP__TRY(finish_carry(s, t, err));
    }
    for (;;) {
        AIP__TRY(run_stages(s, t, &at, err));
        if (!at) break;
        if (!pass(s, t, at, &status, err)) return status;
        AIP__TRY(finish_carry(s, t, err));
    }
    if (s->sink) {
        int64_t lane = t->index % s->sink->n_lanes;
        pass(s, t, &s->points[1 + s->n_carry + lane], &status, err);
        return status;
    }
    AIP__TRY(map_batch(s, t, err));
    pthread_mutex_lock(&s->lock);
    t->done = true;
    pthread_mutex_unlock(&s->lock);
    aip__group_notify(s->group);
    return AIP_OK;
}

static int32_t item_job(void *arg, bool skip, aip_error **err) {
    aip__slot *t = arg;
    aip__scan *s = t->scan;
    if (skip) return AIP_OK; /* what the slot holds goes with the scan */
    int32_t status = AIP_OK;
    if (t->error_status != AIP_OK) {
        status = t->error_status;
        aip__error_move(err, t->error);
        t->error = NULL;
    } else {
        status = run_item(s, t, err);
    }
    if (status != AIP_OK) {
        atomic_store(&s->failed, true);
        aip__group_notify(s->group);
    } else {
        aip__scan_pump(s);
        aip__scan_go_ahead(s);
    }
    return status;
}

/* ---- the cut ------------------------------------------------------------------------------------------------------------------------- */

/* Whether one more item may be cut. Under the lock, by who cuts. Two always may; more as long as they stay within a quarter of the memory limit, and the
 * limit is not nearly reached by what else is in memory. */
static bool may_cut(aip__scan *s) {
    if (s->end || s->ring[s->n_cut % s->window].used || atomic_load(&s->failed)) return false;
    if (s->has_ahead && !s->root->ops->ready(s->cursor) && aip__token_check(s->token, NULL) == AIP_OK) return false;
    if (s->in_flight < 2) return true;
    if (atomic_load(&s->was_ahead) && s->in_flight > s->n_threads)
        return false; /* what is ready ahead of the cut does for the rest */
    uint64_t limit = s->ctx->memory_limit, used = atomic_load_explicit(&s->ctx->memory_used, memory_order_relaxed);
    return (uint64_t)(s->in_flight_bytes + s->largest_item) < limit / 4 && used < limit - limit / 8;
}

/* An item that is a batch already. */
static int32_t number_item(aip__scan *s, aip__item *item, aip_error **err) {
    aip_batch *b = item->data;
    int32_t status = aip__scan_number(&b, s->next_row, err);
    if (status == AIP_OK) s->next_row += b->n_rows;
    item->data = b;
    return status;
}

/* Cuts items and starts their jobs while the window has room. One thread at a time; the others go on. */
void aip__scan_pump(aip__scan *s) {
    pthread_mutex_lock(&s->lock);
    if (s->cutting) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    s->cutting = true;
    while (may_cut(s)) {
        aip__slot *t = &s->ring[s->n_cut % s->window];
        pthread_mutex_unlock(&s->lock);
        aip__item item = {0};
        bool end = false;
        aip_error *e = NULL;
        int32_t status = aip__token_check(s->token, &e);
        if (status == AIP_OK) status = s->root->ops->next(s->cursor, &item, &end, &e);
        if (status == AIP_OK && !end && !s->root->ops->decode) status = number_item(s, &item, &e);
        pthread_mutex_lock(&s->lock);
        if (status == AIP_OK && end) {
            s->end = true;
            break;
        }
        void *summary = t->summary, *before = t->before;
        *t = (aip__slot){.scan = s,
                         .index = s->n_cut,
                         .used = true,
                         .item = item,
                         .has_item = status == AIP_OK,
                         .stage = -1,
                         .summary = summary,
                         .before = before,
                         .error = e,
                         .error_status = status};
        s->n_cut++;
        s->in_flight++;
        s->in_flight_bytes += weight(&item);
        if (weight(&item) > s->largest_item) s->largest_item = weight(&item);
        if (status != AIP_OK) s->end = true; /* an error of the cut is the error of the item that could not be cut */
        pthread_mutex_unlock(&s->lock);
        aip_error *refused = NULL;
        bool ok = aip__group_submit(s->group, item_job, t, t->index, &refused) == AIP_OK;
        aip_error_free(refused);
        pthread_mutex_lock(&s->lock);
        if (!ok) {
            t->error_status = AIP_E_NOMEM;
            atomic_store(&s->failed, true);
        }
    }
    s->cutting = false;
    pthread_mutex_unlock(&s->lock);
}

/* ---- ahead of the cut ------------------------------------------------------------------------------------------------------------------
 *
 * Where the source has work that cannot be shared out (reading, inflating) it is a chain of its own, so that it bounds the scan by itself and not
 * together with the cut and the share of other work that its thread would do. Whoever ends a job, or waits, takes it up when no other thread has it, and
 * stays with it until there is no room for more: then the others are behind, and it helps them with one item before it looks again. Nothing is
 * done ahead of a pass that was cancelled, whose end is the next cut. */

static _Thread_local const aip__scan *pulling;

const aip__scan *aip__scan_pulls(const aip__scan *s) {
    const aip__scan *before = pulling;
    pulling = s;
    return before;
}

static int32_t cut_job(void *arg, bool skip, aip_error **err) {
    aip__scan *s = arg;
    (void)err;
    atomic_store(&s->cut_is_offered, false);
    if (!skip) aip__scan_pump(s);
    return AIP_OK;
}

/* There may be something to cut, and a thread that sleeps. Without memory for the job, who ends the next one cuts. */
static void offer_cut(aip__scan *s) {
    aip_error *refused = NULL;
    if (atomic_exchange(&s->cut_is_offered, true)) return;
    if (aip__group_submit(s->group, cut_job, s, INT64_MAX, &refused) != AIP_OK) atomic_store(&s->cut_is_offered, false);
    aip_error_free(refused);
}

void aip__scan_go_ahead(aip__scan *s) {
    if (!s->has_ahead || atomic_exchange(&s->going_ahead, true)) return;
    while (!atomic_load(&s->failed) && aip__token_check(s->token, NULL) == AIP_OK) {
        if (pulling == s && aip__scan_head_is_ready(s)) break;
        if (!s->root->ops->ahead(s->cursor)) break;
        atomic_store(&s->was_ahead, true);
        offer_cut(s);
    }
    atomic_store(&s->going_ahead, false);
}
