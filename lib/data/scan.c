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
#include "data/scan.h"

#include "base/checked.h"
#include "exec/float_mode.h"
#include "exec/group.h"
#include <pthread.h>
#include <string.h>

typedef struct {
    const aip_stage_ops *ops;
    const void *bound;
    const aip_schema *schema; /* of what comes out */
    const char *name;
    int32_t rows; /* AIP_ROWS_* */
    size_t carry_bytes;
    int32_t point; /* of a stage with carry */
    void *running; /* its running value */
} plan_stage;

typedef struct {
    int64_t next, stride; /* the item that may pass next */
    bool busy;            /* somebody is taking one through */
} point;

typedef struct {
    aip__scan *scan;
    int64_t index;
    bool used; /* between cut and out */
    aip__item item;
    bool has_item; /* item_free is due */
    aip__decoded decoded;
    bool has_decoded;      /* account is due */
    aip_batch *batch;      /* as far as it has come */
    int32_t stage;         /* the next to apply */
    const point *waits_at; /* NULL: a job runs it, or it is done */
    bool carried;          /* stage's carry was done, its apply is due */
    bool done;             /* the batch is final, for the consumer */
    void *summary, *before;
    aip_error *error; /* met while another thread took it through a point */
    int32_t error_status;
} slot;

typedef struct {
    const aip_fold_ops *ops;
    const void *fold;
    void **states;
    int64_t n_lanes;
} fold_sink;

struct aip__scan {
    aip_context *ctx;
    aip_dataset *dataset, *root;
    aip__token *token;
    const char *phase;
    void *cursor;
    aip__group *group;
    plan_stage *stages;
    int32_t n_stages, n_carry;
    fold_sink *sink; /* NULL: pull */

    pthread_mutex_t lock;
    slot *ring;
    int64_t window;
    point *points; /* 1 + n_carry, then the lanes */
    int64_t n_cut, n_out, in_flight_bytes, in_flight, largest_item;
    int64_t
        next_row; /* ordinal of the next batch out of the source: counted at the cut when items are batches, else at points[0] */
    bool cutting, end, ended;
    _Atomic(bool) failed;

    _Atomic(int64_t) rows_in, rows_rejected, rows_filtered, rows_out, bytes_out;
    int64_t total_bytes;
};

static int32_t item_job(void *arg, bool skip, aip_error **err);
static void pump(aip__scan *s);

/* ---- parallel segments ------------------------------------------------------------------------------------------------------------ */

static void drop_item(aip__scan *s, slot *t) {
    if (!t->has_item) return;
    t->has_item = false;
    const aip__source_ops *ops = s->root->ops;
    if (!ops->decode)
        aip_batch_free(t->item.data);
    else if (ops->item_free)
        ops->item_free(s->cursor, &t->item);
}

/* Gives a batch its ordinal. One that others hold too is relabelled, not changed. On failure *batch is NULL. */
static int32_t number(aip_batch **batch, int64_t ordinal, aip_error **err) {
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

static int32_t decode(aip__scan *s, slot *t, aip_error **err) {
    const aip__source_ops *ops = s->root->ops;
    if (!ops->decode) {
        t->batch = t->item.data;
        t->has_item = false;
        t->decoded = (aip__decoded){.n_records = t->batch->n_rows};
    } else {
        t->decoded = (aip__decoded){0};
        AIP__TRY(ops->decode(s->cursor, &t->item, &t->decoded, err));
        drop_item(s, t);
        t->batch = t->decoded.batch;
        t->decoded.batch = NULL;
    }
    t->has_decoded = true;
    atomic_fetch_add_explicit(&s->rows_in, t->decoded.n_records, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->rows_rejected, t->decoded.n_rejected, memory_order_relaxed);
    return AIP_OK;
}

static int32_t at_stage(const plan_stage *stage, int32_t status, const char *function, aip_error **err) {
    aip__error_of_host(err, status, function);
    if (status != AIP_OK) aip__error_at_stage(err, stage->name);
    return status;
}

/* What a stage may give: columns of the types that its bind has promised, which is all that the next stage looks at. */
static bool keeps_promise(const plan_stage *stage, const aip_batch *b) {
    if (!b || b->n_columns != stage->schema->n) return false;
    for (int32_t i = 0; b->schema != stage->schema && i < b->n_columns; i++)
        if (b->columns[i]->type != stage->schema->fields[i].type) return false;
    return true;
}

/* The end of a stage's apply: its batch takes the place of the item's, or its error is placed. */
static int32_t put_batch(aip__scan *s, slot *t, const plan_stage *stage, int32_t status, aip_batch *next, aip_error **err) {
    if (status == AIP_OK && !keeps_promise(stage, next)) {
        aip_batch_free(next);
        status = aip__error_set(err, AIP_E_MISUSE, "apply gave no batch, or one of other columns than bind announced");
    }
    AIP__TRY(at_stage(stage, status, "apply", err));
    atomic_fetch_add_explicit(&s->rows_filtered, t->batch->n_rows - next->n_rows, memory_order_relaxed);
    if (stage->rows == AIP_ROWS_SAME && next->ordinal < 0 && atomic_load(&next->refs) == 1) next->ordinal = t->batch->ordinal;
    aip_batch_free(t->batch);
    t->batch = next;
    return AIP_OK;
}

/* Applies stages from where the item stands to the next carry or the end; *at is the point it has come to, or NULL at the end. */
static int32_t run_stages(aip__scan *s, slot *t, const point **at, aip_error **err) {
    *at = NULL;
    for (; t->stage < s->n_stages; t->stage++) {
        plan_stage *stage = &s->stages[t->stage];
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
static int32_t finish_carry(aip__scan *s, slot *t, aip_error **err) {
    plan_stage *stage = &s->stages[t->stage];
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
static int32_t act(aip__scan *s, slot *t, const point *at, aip_error **err) {
    int64_t p = at - s->points;
    if (p == 0) {
        t->has_decoded = false;
        if (t->batch) {
            AIP__TRY(number(&t->batch, s->next_row, err));
            s->next_row += t->batch->n_rows;
        }
        return s->root->ops->account ? s->root->ops->account(s->cursor, &t->decoded, err) : AIP_OK;
    }
    if (p <= s->n_carry) {
        t->carried = true;
        if (!t->batch) return AIP_OK;
        plan_stage *stage = &s->stages[t->stage];
        memcpy(t->before, stage->running, stage->carry_bytes);
        return at_stage(stage, stage->ops->carry(stage->bound, stage->running, t->summary, err), "carry", err);
    }
    fold_sink *f = s->sink;
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
static void release_slot(aip__scan *s, slot *t) {
    t->used = false;
    t->done = false;
    s->in_flight--;
    s->in_flight_bytes -= weight(&t->item);
    s->n_out++;
}

/* The item has come to `at`: takes it and its waiting successors through. Returns true when the caller's own item has passed (and the caller
 * goes on with it); false when somebody else will take care of it, or it failed (then *status). */
static bool pass(aip__scan *s, slot *mine, const point *at, int32_t *status, aip_error **err) {
    point *p = (point *)(uintptr_t)at;
    bool is_lane = at - s->points > s->n_carry, passed = false;
    *status = AIP_OK;
    pthread_mutex_lock(&s->lock);
    mine->waits_at = at;
    while (!p->busy) { /* also after a failure: what comes before the failed item goes on to its end */
        slot *t = &s->ring[p->next % s->window];
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
                release_slot(s, t);
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

static int32_t run_item(aip__scan *s, slot *t, aip_error **err) {
    const point *at = NULL;
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
    pthread_mutex_lock(&s->lock);
    t->done = true;
    pthread_mutex_unlock(&s->lock);
    aip__group_notify(s->group);
    return AIP_OK;
}

static int32_t item_job(void *arg, bool skip, aip_error **err) {
    slot *t = arg;
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
    } else if (s->sink) {
        pump(s);
    }
    return status;
}

/* ---- the cut ------------------------------------------------------------------------------------------------------------------------- */

/* Whether one more item may be cut. Under the lock. Two always may; more as long as they stay within a quarter of the memory limit, and the
 * limit is not nearly reached by what else is in memory. */
static bool may_cut(aip__scan *s) {
    if (s->end || s->ring[s->n_cut % s->window].used || atomic_load(&s->failed)) return false;
    if (s->in_flight < 2) return true;
    uint64_t limit = s->ctx->memory_limit, used = atomic_load_explicit(&s->ctx->memory_used, memory_order_relaxed);
    return (uint64_t)(s->in_flight_bytes + s->largest_item) < limit / 4 && used < limit - limit / 8;
}

/* An item that is a batch already. */
static int32_t number_item(aip__scan *s, aip__item *item, aip_error **err) {
    aip_batch *b = item->data;
    int32_t status = number(&b, s->next_row, err);
    if (status == AIP_OK) s->next_row += b->n_rows;
    item->data = b;
    return status;
}

/* Cuts items and starts their jobs while the window has room. One thread at a time; the others go on. */
static void pump(aip__scan *s) {
    pthread_mutex_lock(&s->lock);
    if (s->cutting) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    s->cutting = true;
    while (may_cut(s)) {
        slot *t = &s->ring[s->n_cut % s->window];
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
        *t = (slot){.scan = s,
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
        slot *t = &s->ring[i];
        if (t->used) {
            drop_item(s, t);
            if (t->has_decoded && t->decoded.rejects && s->root->ops->account) {
                aip_error *ignored = NULL; /* only to hand the rejects back to their owner */
                s->root->ops->account(s->cursor, &t->decoded, &ignored);
                aip_error_free(ignored);
            }
            aip_batch_free(t->batch);
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
        s->stages[n] = (plan_stage){.ops = ops, .bound = at->bound, .schema = at->schema, .name = what->name, .rows = what->rows};
    }
    for (int32_t i = 0; i < s->n_stages; i++) {
        plan_stage *stage = &s->stages[i];
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
    int64_t n_lanes = s->sink ? s->sink->n_lanes : 0, window = (int64_t)aip__concurrency(s->ctx) + 2;
    s->window = window > 256 ? 256 : window;
    s->ring = aip__calloc(s->ctx, (size_t)s->window, sizeof *s->ring);
    s->points = aip__calloc(s->ctx, (size_t)(1 + s->n_carry + n_lanes), sizeof *s->points);
    if (!s->ring || !s->points) return aip__error_memory(s->ctx, err);
    for (int32_t i = 0; i <= s->n_carry; i++) s->points[i] = (point){.next = 0, .stride = 1};
    for (int64_t i = 0; i < n_lanes; i++) s->points[1 + s->n_carry + i] = (point){.next = i, .stride = n_lanes};
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

static int32_t scan_open(aip_dataset *d, aip__token *token, const char *phase, fold_sink *sink, aip__scan **out,
                         aip_error **err) {
    aip_context *ctx = d->ctx;
    AIP__TRY(aip__token_check(token, err));
    aip__scan *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    s->ctx = ctx;
    s->dataset = aip__dataset_retain(d);
    s->token = token;
    s->phase = phase;
    s->sink = sink;
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
    if (status == AIP_OK) s->total_bytes = s->root->ops->total_bytes ? s->root->ops->total_bytes(s->root->self) : -1;
    if (status != AIP_OK) {
        aip__scan_close(s);
        return status;
    }
    *out = s;
    return AIP_OK;
}

int32_t aip__scan_open(aip_dataset *d, aip__token *token, const char *phase, aip__scan **out, aip_error **err) {
    return scan_open(d, token, phase, NULL, out, err);
}

/* After the last item: the source's own last checks, and the balance of rows. */
static int32_t finish(aip__scan *s, aip_error **err) {
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

static bool head_is_ready(void *arg) {
    aip__scan *s = arg;
    pthread_mutex_lock(&s->lock);
    const slot *t = &s->ring[s->n_out % s->window];
    bool ready = (t->used && t->index == s->n_out && t->done) || atomic_load(&s->failed);
    pthread_mutex_unlock(&s->lock);
    return ready;
}

/* The next finished item in order; false when it is not there. */
static bool take_head(aip__scan *s, aip_batch **batch) {
    pthread_mutex_lock(&s->lock);
    slot *t = &s->ring[s->n_out % s->window];
    bool ready = t->used && t->index == s->n_out && t->done;
    if (ready) {
        *batch = t->batch;
        t->batch = NULL;
        atomic_fetch_add_explicit(&s->bytes_out, t->item.bytes, memory_order_relaxed);
        release_slot(s, t);
    }
    pthread_mutex_unlock(&s->lock);
    return ready;
}

/* A batch on its way out: counted, with its ordinal among what comes out. */
static int32_t count_out(aip__scan *s, aip_batch **batch, aip_error **err) {
    return number(batch, atomic_fetch_add_explicit(&s->rows_out, (*batch)->n_rows, memory_order_relaxed), err);
}

int32_t aip__scan_next(aip__scan *s, aip_batch **out, aip_error **err) {
    if (aip__group_inherited(s->group)) return aip__error_set(err, AIP_E_FORKED, "this pass was begun before the process forked");
    for (;;) {
        aip_batch *batch = NULL;
        if (take_head(s, &batch)) {
            pump(s);
            if (!batch || batch->n_rows == 0) {
                aip_batch_free(batch);
                continue;
            }
            AIP__TRY(count_out(s, &batch, err));
            int64_t bytes = atomic_load(&s->bytes_out);
            int32_t status = aip__token_progress(s->token, s->phase, atomic_load(&s->rows_out), bytes,
                                                 s->total_bytes > 0 ? (double)bytes / (double)s->total_bytes : -1, false, err);
            if (status != AIP_OK) {
                aip_batch_free(batch);
                return status;
            }
            *out = batch;
            return AIP_OK;
        }
        if (atomic_load(&s->failed)) { /* what comes before the error is still given out, in order */
            int32_t status = aip__group_wait(s->group, err);
            if (head_is_ready(s) && take_head(s, &batch)) {
                aip_error_free(err ? *err : NULL);
                if (err) *err = NULL;
                if (!batch || batch->n_rows == 0) {
                    aip_batch_free(batch);
                    continue;
                }
                AIP__TRY(count_out(s, &batch, err));
                *out = batch;
                return AIP_OK;
            }
            return status != AIP_OK ? status : aip__error_memory(s->ctx, err);
        }
        pthread_mutex_lock(&s->lock);
        bool all_out = s->end && s->n_out == s->n_cut;
        pthread_mutex_unlock(&s->lock);
        if (all_out) {
            *out = NULL;
            return finish(s, err);
        }
        pump(s);
        aip__group_help(s->group, head_is_ready, s, 0);
    }
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

/* ---- fold --------------------------------------------------------------------------------------------------------------------------------- */

int64_t aip__fold_lanes(size_t state_bytes) {
    size_t lanes = ((size_t)64 << 20) / (state_bytes ? state_bytes : 1);
    return lanes < 1 ? 1 : lanes > 64 ? 64 : (int64_t)lanes;
}

static int32_t run_fold(aip__scan *s, aip_error **err) {
    for (;;) {
        pump(s);
        int32_t status = aip__group_wait(s->group, err);
        if (status != AIP_OK) return status;
        if (atomic_load(&s->failed)) return aip__error_memory(s->ctx, err);
        pthread_mutex_lock(&s->lock);
        bool all_out = s->end && s->n_out == s->n_cut;
        pthread_mutex_unlock(&s->lock);
        if (all_out) return finish(s, err);
    }
}

int32_t aip__fold_run(aip_dataset *d, aip__token *token, const char *phase, const aip_fold_ops *ops, const void *fold,
                      void **state, aip_row_counts *counts, aip_error **err) {
    aip_context *ctx = d->ctx;
    fold_sink sink = {.ops = ops, .fold = fold, .n_lanes = aip__fold_lanes(ops->state_bytes(fold))};
    sink.states = aip__calloc(ctx, (size_t)sink.n_lanes, sizeof *sink.states);
    if (!sink.states) return aip__error_memory(ctx, err);
    aip__scan *s = NULL;
    int32_t status = scan_open(d, token, phase, &sink, &s, err);
    if (status == AIP_OK) status = run_fold(s, err);
    if (status == AIP_OK && counts) aip__scan_counts(s, counts);
    aip__scan_close(s);
    aip__float_mode mode; /* merging is work as any: not in what mode the host's thread happens to be */
    aip__float_mode_enter(&mode);
    if (status == AIP_OK && !sink.states[0]) status = aip__error_of_host(err, ops->init(fold, &sink.states[0], err), "init");
    for (int64_t i = 1; i < sink.n_lanes; i++) {
        if (!sink.states[i]) continue;
        if (status == AIP_OK) status = aip__error_of_host(err, ops->merge(fold, sink.states[0], sink.states[i], err), "merge");
        ops->destroy(fold, sink.states[i]);
    }
    aip__float_mode_leave(&mode);
    if (status == AIP_OK)
        *state = sink.states[0];
    else if (sink.states[0])
        ops->destroy(fold, sink.states[0]);
    aip__free(ctx, sink.states);
    return status;
}
