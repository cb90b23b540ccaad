/* Datasets from the host's own memory (copied into batches) and from its callbacks (called as a pass asks for batches). */
#include "base/context.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/dataset.h"

/* ---- columns ------------------------------------------------------------------------------------------------------------------------------ */

/* The host's views, at this version's size; all of one length. */
static int32_t take_views(const aip_schema *schema, const aip_column_view *given, aip_column_view *views, int64_t *n_rows,
                          aip_error **err) {
    const uint8_t *at = (const uint8_t *)given; /* a host's view may be shorter or longer than ours */
    for (int32_t i = 0; i < schema->n; i++) {
        const aip_column_view *one = (const aip_column_view *)(const void *)at;
        const char *name = schema->fields[i].name;
        int32_t status = aip__struct_copy(&views[i], sizeof *views, one, "aip_column_view", err);
        if (status == AIP_OK && views[i].type != schema->fields[i].type)
            status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s in the schema, %s was given", name,
                                    aip_type_name(schema->fields[i].type), aip_type_name(views[i].type));
        if (status == AIP_OK && (views[i].length < 0 || views[i].length != views[0].length))
            status = aip__error_set(err, AIP_E_MISUSE, "column '%s' has %lld rows, the first column %lld", name,
                                    (long long)views[i].length, (long long)views[0].length);
        if (status != AIP_OK) {
            aip__error_at_data_column(err, name);
            return status;
        }
        at += one->struct_size;
    }
    *n_rows = schema->n > 0 ? views[0].length : 0;
    return AIP_OK;
}

static int32_t make_batch(const aip_schema *schema, const aip_column_view *views, aip__view_texts *texts, int64_t start,
                          int64_t n, aip_batch **out, aip_error **err) {
    aip__column **columns = aip__calloc(schema->ctx, (size_t)schema->n + 1, sizeof *columns);
    if (!columns) return aip__error_memory(schema->ctx, err);
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < schema->n && status == AIP_OK; i++) {
        status = aip__column_from_view_part(schema->ctx, &views[i], start, n, &texts[i], &columns[i], err);
        if (status != AIP_OK) aip__error_at_data_column(err, schema->fields[i].name);
    }
    if (status == AIP_OK) {
        status = aip__batch_new(schema, n, columns, out, err); /* takes the columns */
    } else {
        for (int32_t i = 0; i < schema->n; i++) aip__column_free(columns[i]);
    }
    aip__free(schema->ctx, columns);
    return status;
}

int32_t aip_dataset_from_columns(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_dataset **out,
                                 aip_error **err) {
    AIP__BEGIN(err);
    if (!schema || !out || (n_columns > 0 && !columns))
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_columns: schema, columns and out are expected");
    if (n_columns != schema->n)
        return aip__error_set(err, AIP_E_MISUSE, "%d column%s for a schema of %d", (int)n_columns, aip__plural(n_columns),
                              (int)schema->n);
    aip_context *ctx = schema->ctx;
    int64_t n_rows = 0, n_batches = 0, made = 0;
    aip_batch **batches = NULL;
    aip_column_view *views = aip__calloc(ctx, (size_t)n_columns + 1, sizeof *views);
    aip__view_texts *texts = aip__calloc(ctx, (size_t)n_columns + 1, sizeof *texts);
    int32_t status = views && texts ? take_views(schema, columns, views, &n_rows, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK) {
        n_batches = n_rows / AIP_BATCH_MAX_ROWS + (n_rows % AIP_BATCH_MAX_ROWS != 0);
        batches = aip__calloc(ctx, (size_t)n_batches + 1, sizeof(aip_batch *));
        if (!batches) status = aip__error_memory(ctx, err);
    }
    for (; made < n_batches && status == AIP_OK; made += status == AIP_OK) {
        int64_t start = made * AIP_BATCH_MAX_ROWS, left = n_rows - start;
        status =
            make_batch(schema, views, texts, start, left < AIP_BATCH_MAX_ROWS ? left : AIP_BATCH_MAX_ROWS, &batches[made], err);
    }
    if (status == AIP_OK) {
        status = aip__dataset_memory(ctx, schema, batches, n_batches, out, err); /* takes the batches */
    } else {
        while (made > 0) aip_batch_free(batches[--made]);
    }
    for (int32_t i = 0; texts && i < n_columns; i++) aip__view_texts_free(ctx, &texts[i]);
    aip__free(ctx, batches);
    aip__free(ctx, texts);
    aip__free(ctx, views);
    return status;
}

/* ---- callbacks ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct callback_source {
    aip_context *ctx;
    aip_schema *schema;
    aip_source_callbacks calls;
    bool owned; /* the dataset was made: `user` is ours to destroy */
} callback_source;

static int32_t callback_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    callback_source *c = self;
    (void)token;
    if (c->calls.open) AIP__TRY(c->calls.open(c->calls.user, err));
    *cursor = c;
    return AIP_OK;
}

static int32_t callback_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    callback_source *c = cursor;
    aip_batch *batch = NULL;
    AIP__TRY(c->calls.next(c->calls.user, &batch, err));
    if (!batch) {
        *end = true;
        return AIP_OK;
    }
    if (batch->ctx != c->ctx || !aip__schema_equal(batch->schema, c->schema)) {
        aip_batch_free(batch);
        return aip__error_set(err, AIP_E_SCHEMA, "a source callback gave a batch with another schema than the dataset's");
    }
    *item = (aip__item){.data = batch, .bytes = (int64_t)aip__batch_bytes(batch)};
    return AIP_OK;
}

static void callback_close(void *cursor) { (void)cursor; /* the source itself: nothing of the pass to free */ }

static void callback_destroy(void *self) {
    callback_source *c = self;
    aip_context *ctx = c->ctx;
    if (c->owned && c->calls.destroy) c->calls.destroy(c->calls.user);
    aip_schema_free(c->schema);
    aip__free(ctx, c);
}

static const aip__source_ops callback_ops = {
    .kind = "callbacks", .open = callback_open, .next = callback_next, .close = callback_close, .destroy = callback_destroy};

int32_t aip_dataset_from_callbacks(const aip_schema *schema, const aip_source_callbacks *callbacks, aip_dataset **out,
                                   aip_error **err) {
    AIP__BEGIN(err);
    aip_source_callbacks calls = AIP_SOURCE_CALLBACKS_INIT;
    if (!schema || !callbacks || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_callbacks: schema, callbacks and out are expected");
    AIP__TRY(aip__struct_copy(&calls, sizeof calls, callbacks, "aip_source_callbacks", err));
    if (!calls.next) return aip__error_set(err, AIP_E_MISUSE, "aip_source_callbacks.next must not be NULL");
    callback_source *c = aip__calloc(schema->ctx, 1, sizeof *c);
    if (!c) return aip__error_memory(schema->ctx, err);
    c->ctx = schema->ctx;
    c->schema = aip__schema_retain(schema);
    c->calls = calls;
    AIP__TRY(aip__dataset_from_source(c->ctx, schema, &callback_ops, c, calls.open == NULL, out, err));
    c->owned = true; /* from here on: had it failed, the host would still own `user` */
    return AIP_OK;
}
