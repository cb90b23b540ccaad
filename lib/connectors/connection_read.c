/* A connector's rows as the source of a dataset: its next cuts the items, which are batches already; what it refuses meanwhile goes with the item, so
 * that rejects are accounted for in order. */
#include "connectors/connection.h"

#include "base/context.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/text.h"
#include "connectors/rejects_file.h"
#include <string.h>

typedef struct rows {
    aip__connection c;
    aip_schema *schema;
    aip__lock lock;       /* of rejects */
    aip_dataset *rejects; /* of the last finished pass */
} rows;

struct aip_pass {
    rows *of;
    const aip__token *token;
    void *cursor; /* the connector's */
    bool ended;
    aip__rejects *fresh; /* since the last item */
    aip__rejects *all;
    aip__rejects_file *file; /* NULL: none is asked for */
    int64_t n_rejected;
};

typedef struct rows_item {
    aip_batch *batch; /* NULL: rejects alone */
    aip__rejects *rejects;
} rows_item;

/* ---- what the connector may ask of its pass ------------------------------------------------------------------------------------------------ */

int32_t aip_pass_cancelled(const aip_pass *pass) { return pass && aip__token_check(pass->token, NULL) != AIP_OK; }

int32_t aip_pass_reject(aip_pass *pass, int64_t line, const char *column, int64_t offset, const char *reason, const char *raw,
                        size_t n, aip_error **err) {
    AIP__BEGIN(err);
    if (!pass || !reason || (n > 0 && !raw))
        return aip__error_set(err, AIP_E_MISUSE, "aip_pass_reject: expected a pass, a reason and n bytes of the record");
    rows *r = pass->of;
    if (!pass->fresh) AIP__TRY(aip__rejects_new(r->c.ctx, &pass->fresh, err));
    return aip__rejects_add(pass->fresh, r->c.path, line, column, offset, reason, n > 0 ? raw : "", n, err);
}

/* ---- source ---------------------------------------------------------------------------------------------------------------------------------- */

static void pass_free(aip_pass *p) {
    aip_context *ctx = p->of->c.ctx;
    aip__rejects_free(p->fresh);
    aip__rejects_free(p->all);
    aip__rejects_file_free(p->file);
    aip__free(ctx, p);
}

static int32_t rows_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    rows *r = self;
    AIP__TRY(aip__connection_usable(&r->c, err));
    aip_pass *p = aip__calloc(r->c.ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(r->c.ctx, err);
    p->of = r;
    p->token = token;
    int32_t status = aip__rejects_new(r->c.ctx, &p->all, err);
    if (status == AIP_OK && r->c.rejects_path) status = aip__rejects_file_open(r->c.ctx, r->c.rejects_path, &p->file, err);
    if (status == AIP_OK && r->c.ops.open)
        status = aip__connection_status(&r->c, r->c.ops.open(r->c.self, p, &p->cursor, err), "open", err);
    if (status != AIP_OK) {
        pass_free(p);
        return status;
    }
    *cursor = p;
    return AIP_OK;
}

static int32_t check_batch(const rows *r, const aip_batch *batch, aip_error **err) {
    if (batch->ctx != r->c.ctx)
        return aip__error_set(err, AIP_E_MISUSE, "connector '%s': next gave a batch of another context", r->c.name);
    if (!aip__schema_equal(batch->schema, r->schema))
        return aip__error_set(err, AIP_E_SCHEMA, "connector '%s': next gave a batch with other columns than its schema announced",
                              r->c.name);
    return AIP_OK;
}

static int32_t rows_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    aip_pass *p = cursor;
    rows *r = p->of;
    aip_batch *batch = NULL;
    int32_t status = p->ended ? AIP_OK : r->c.ops.next(r->c.self, p->cursor, p, &batch, err);
    if (status != AIP_OK) return aip__connection_status(&r->c, status, "next", err); /* nothing was given */
    if (batch) status = check_batch(r, batch, err);
    if (status != AIP_OK) {
        aip_batch_free(batch);
        return aip__connection_status(&r->c, status, "next", err);
    }
    if (!batch) p->ended = true;
    if (!batch && !p->fresh) {
        *end = true;
        return AIP_OK;
    }
    rows_item *mine = aip__alloc(r->c.ctx, sizeof *mine);
    if (!mine) {
        aip_batch_free(batch);
        return aip__error_memory(r->c.ctx, err);
    }
    *mine = (rows_item){.batch = batch, .rejects = p->fresh};
    p->fresh = NULL;
    *item = (aip__item){.data = mine, .bytes = batch ? (int64_t)aip__batch_bytes(batch) : 0};
    return AIP_OK;
}

static int32_t rows_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    (void)cursor, (void)err;
    rows_item *mine = item->data;
    int64_t n_rejected = mine->rejects ? aip__rejects_count(mine->rejects) : 0;
    *out = (aip__decoded){.batch = mine->batch,
                          .n_records = n_rejected + (mine->batch ? mine->batch->n_rows : 0),
                          .n_rejected = n_rejected,
                          .rejects = mine->rejects};
    mine->batch = NULL;
    mine->rejects = NULL;
    return AIP_OK;
}

static void rows_item_free(void *cursor, aip__item *item) {
    const aip_pass *p = cursor;
    rows_item *mine = item->data;
    if (!mine) return;
    aip_batch_free(mine->batch);
    aip__rejects_free(mine->rejects);
    aip__free(p->of->c.ctx, mine);
    item->data = NULL;
}

static int32_t rows_account(void *cursor, aip__decoded *decoded, aip_error **err) {
    aip_pass *p = cursor;
    aip__rejects *rejects = decoded->rejects;
    decoded->rejects = NULL;
    p->n_rejected += decoded->n_rejected;
    int32_t status = rejects && p->file ? aip__rejects_file_add(p->file, rejects, err) : AIP_OK;
    if (status == AIP_OK) return rejects ? aip__rejects_append(p->all, rejects, AIP__MAX_KEPT_REJECTS, err) : AIP_OK;
    aip__rejects_free(rejects);
    return status;
}

static int32_t rows_finish(void *cursor, aip_error **err) {
    const aip_pass *p = cursor;
    rows *r = p->of;
    aip_dataset *rejects = NULL;
    if (p->file) AIP__TRY(aip__rejects_file_commit(p->file, p->n_rejected, err));
    AIP__TRY(aip__rejects_dataset(p->all, &rejects, err));
    if (p->n_rejected > 0)
        aip__log(r->c.ctx, AIP_LOG_WARNING, NULL, "%s: %lld row%s rejected%s", r->c.path, (long long)p->n_rejected,
                 p->n_rejected == 1 ? " was" : "s were",
                 p->n_rejected > AIP__MAX_KEPT_REJECTS && !p->file
                     ? "; the rejects table holds the first 100000 of them, rejects: FILE writes all to a file"
                     : "");
    aip__lock_take(r->c.ctx, &r->lock);
    aip_dataset *before = r->rejects;
    r->rejects = rejects;
    aip__lock_leave(&r->lock);
    aip_dataset_free(before);
    return AIP_OK;
}

static void rows_close(void *cursor) {
    aip_pass *p = cursor;
    if (!p) return;
    if (p->of->c.ops.close) p->of->c.ops.close(p->of->c.self, p->cursor);
    pass_free(p);
}

static aip_dataset *rows_rejects(void *self) {
    rows *r = self;
    aip__lock_take(r->c.ctx, &r->lock);
    aip_dataset *d = r->rejects ? aip__dataset_retain(r->rejects) : NULL;
    aip__lock_leave(&r->lock);
    return d;
}

static void rows_destroy(void *self) {
    rows *r = self;
    aip_context *ctx = r->c.ctx;
    aip__connection_close(&r->c);
    aip_schema_free(r->schema);
    aip_dataset_free(r->rejects);
    aip__lock_destroy(ctx, &r->lock);
    aip__free(ctx, r);
}

static const aip__source_ops rows_ops = {.kind = "connector",
                                         .open = rows_open,
                                         .next = rows_next,
                                         .decode = rows_decode,
                                         .item_free = rows_item_free,
                                         .account = rows_account,
                                         .finish = rows_finish,
                                         .close = rows_close,
                                         .destroy = rows_destroy,
                                         .rejects = rows_rejects};

const char *aip__connection_rejects_path(const aip_dataset *d) {
    while (!d->ops) d = d->parent;
    return d->ops == &rows_ops ? ((const rows *)d->self)->c.rejects_path : NULL;
}

/* ---- dataset ----------------------------------------------------------------------------------------------------------------------------------- */

static int32_t ask_schema(rows *r, aip_error **err) {
    int32_t status = r->c.ops.schema(r->c.self, &r->schema, err);
    if (status != AIP_OK) { /* nothing was given */
        r->schema = NULL;
    } else if (!r->schema || r->schema->ctx != r->c.ctx) {
        status = aip__error_set(err, AIP_E_MISUSE, "connector '%s': schema gave none, or one of another context", r->c.name);
    }
    return aip__connection_status(&r->c, status, "schema", err);
}

int32_t aip__connection_dataset(aip__connection *c, aip_dataset **out, aip_error **err) {
    aip_context *ctx = c->ctx;
    rows *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) {
        aip__connection_close(c);
        return aip__error_memory(ctx, err);
    }
    r->c = *c;
    aip__lock_init(ctx, &r->lock);
    int32_t status = ask_schema(r, err);
    if (status != AIP_OK) {
        rows_destroy(r);
        return status;
    }
    return aip__dataset_from_source(ctx, r->schema, &rows_ops, r, r->c.ops.open == NULL, out, err);
}
