/* Arrow streams as datasets and datasets as Arrow streams. A stream is pulled serially; its arrays are cut into parts, which the scan's workers
 * turn into batches. */
#include "base/context.h"
#include "base/error.h"
#include "data/arrow.h"
#include "data/scan.h"
#include <errno.h>
#include <string.h>

/* ---- stream to dataset ------------------------------------------------------------------------------------------------------------ */

typedef struct stream_source {
    aip_context *ctx;
    struct ArrowArrayStream stream;
    struct ArrowSchema arrow_schema;
    aip_schema *schema;
    int64_t row_bytes;     /* about what a row takes */
    aip__arrow_rows *rows; /* the array at hand, cut up to `at`; NULL: pull the next */
    int64_t at;
} stream_source;

typedef struct part { /* an item */
    aip__arrow_rows *rows;
    int64_t start, n;
} part;

static int32_t stream_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    (void)token;
    (void)err;
    *cursor = self;
    return AIP_OK;
}

static int32_t stream_error(struct ArrowArrayStream *stream, int code, aip_error **err) {
    const char *text = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return aip__error_set(err, code == ENOMEM ? AIP_E_NOMEM : AIP_E_IO, "the Arrow stream failed: %s",
                          text ? text : strerror(code));
}

/* Pulls until there is an array with rows; *end when the stream has none. */
static int32_t pull(stream_source *s, bool *end, aip_error **err) {
    while (!s->rows) {
        struct ArrowArray array = {0};
        int code = s->stream.get_next(&s->stream, &array);
        if (code != 0) return stream_error(&s->stream, code, err);
        if (!array.release) {
            *end = true;
            return AIP_OK;
        }
        AIP__TRY(aip__arrow_rows_new(s->schema, &s->arrow_schema, &array, &s->rows, err));
        s->at = 0;
        if (aip__arrow_rows_count(s->rows) > 0) break;
        aip__arrow_rows_free(s->rows);
        s->rows = NULL;
    }
    return AIP_OK;
}

static int32_t stream_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    stream_source *s = cursor;
    AIP__TRY(pull(s, end, err));
    if (!s->rows) return AIP_OK;
    part *p = aip__alloc(s->ctx, sizeof *p);
    if (!p) return aip__error_memory(s->ctx, err);
    int64_t left = aip__arrow_rows_count(s->rows) - s->at, n = left < AIP_BATCH_MAX_ROWS ? left : AIP_BATCH_MAX_ROWS;
    *p = (part){aip__arrow_rows_retain(s->rows), s->at, n};
    *item = (aip__item){.data = p, .bytes = n * s->row_bytes};
    s->at += n;
    if (n == left) {
        aip__arrow_rows_free(s->rows);
        s->rows = NULL;
    }
    return AIP_OK;
}

static int32_t stream_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    (void)cursor;
    const part *p = item->data;
    AIP__TRY(aip__arrow_rows_batch(p->rows, p->start, p->n, &out->batch, err));
    out->n_records = p->n;
    return AIP_OK;
}

static void stream_item_free(void *cursor, aip__item *item) {
    stream_source *s = cursor;
    part *p = item->data;
    aip__arrow_rows_free(p->rows);
    aip__free(s->ctx, p);
}

static void stream_close(void *cursor) {
    stream_source *s = cursor;
    aip__arrow_rows_free(s->rows);
    s->rows = NULL;
}

static void stream_destroy(void *self) {
    stream_source *s = self;
    aip_context *ctx = s->ctx;
    if (s->arrow_schema.release) s->arrow_schema.release(&s->arrow_schema);
    s->stream.release(&s->stream);
    aip_schema_free(s->schema);
    aip__free(ctx, s);
    aip__context_release(ctx);
}

static const aip__source_ops stream_ops = {.kind = "Arrow stream",
                                           .open = stream_open,
                                           .next = stream_next,
                                           .decode = stream_decode,
                                           .item_free = stream_item_free,
                                           .close = stream_close,
                                           .destroy = stream_destroy};

static int64_t row_bytes(const aip_schema *schema) {
    int64_t bytes = 0;
    for (int32_t i = 0; i < schema->n; i++) {
        size_t width = aip__type_width(schema->fields[i].type);
        bytes += width > 0 ? (int64_t)width : schema->fields[i].type == AIP_BOOL ? 1 : 24; /* a text and its offset */
    }
    return bytes;
}

int32_t aip_dataset_from_arrow(aip_context *ctx, struct ArrowArrayStream *stream, aip_dataset **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!stream || !stream->release)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_arrow: expected a stream that is not released");
    stream_source *s = ctx && out ? aip__calloc(ctx, 1, sizeof *s) : NULL;
    if (!s) {
        stream->release(stream);
        if (!ctx || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_from_arrow: expected a context and out");
        return aip__error_memory(ctx, err);
    }
    s->ctx = aip__context_retain(ctx);
    s->stream = *stream;
    stream->release = NULL; /* moved */
    int32_t status = AIP_OK;
    if (!s->stream.get_schema || !s->stream.get_next) {
        status = aip__error_set(err, AIP_E_MISUSE, "an ArrowArrayStream without get_schema or get_next");
    } else {
        int code = s->stream.get_schema(&s->stream, &s->arrow_schema);
        if (code != 0) {
            s->arrow_schema.release = NULL; /* not set by a call that fails */
            status = stream_error(&s->stream, code, err);
        }
    }
    if (status == AIP_OK) status = aip__arrow_import_schema(ctx, &s->arrow_schema, &s->schema, err);
    if (status != AIP_OK) {
        stream_destroy(s);
        return status;
    }
    s->row_bytes = row_bytes(s->schema);
    return aip__dataset_from_source(ctx, s->schema, &stream_ops, s, true, out, err);
}

/* ---- dataset to stream ------------------------------------------------------------------------------------------------------------ */

typedef struct exported_stream {
    aip_context *ctx;
    aip_dataset *dataset;
    aip__token token;
    aip__scan *scan; /* opened by the first get_next */
    bool over;       /* the end was reached, or an error */
    int32_t status;  /* of the pass */
    aip_error *error;
} exported_stream;

static int errno_of(int32_t status) {
    switch (status) {
    case AIP_OK: return 0;
    case AIP_E_NOMEM:
    case AIP_E_MEMORY_LIMIT: return ENOMEM;
    case AIP_E_CANCELLED: return ECANCELED;
    case AIP_E_TIMEOUT: return ETIMEDOUT;
    case AIP_E_MISUSE:
    case AIP_E_STATE: return EINVAL;
    default: return EIO;
    }
}

static void forget_error(exported_stream *s) {
    aip_error_free(s->error);
    s->error = NULL;
}

static int exported_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    exported_stream *s = stream->private_data;
    aip_error *error = NULL;
    int32_t status = aip__arrow_export_schema(aip_dataset_schema(s->dataset), out, &error);
    if (status != AIP_OK) {
        forget_error(s);
        s->error = error;
    }
    return errno_of(status);
}

static int exported_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    exported_stream *s = stream->private_data;
    aip_batch *batch = NULL;
    if (s->over) {
        out->release = NULL;
        return errno_of(s->status);
    }
    forget_error(s);
    if (!s->scan) s->status = aip__scan_open(s->dataset, &s->token, "read", &s->scan, &s->error);
    if (s->status == AIP_OK) s->status = aip__scan_next(s->scan, &batch, &s->error);
    if (s->status == AIP_OK && batch) s->status = aip__arrow_export_batch(batch, out, &s->error);
    s->over = s->status != AIP_OK || !batch;
    if (s->over) out->release = NULL;
    aip_batch_free(batch);
    return errno_of(s->status);
}

static const char *exported_last_error(struct ArrowArrayStream *stream) {
    exported_stream *s = stream->private_data;
    return s->error ? aip_error_text(s->error) : NULL;
}

static void exported_release(struct ArrowArrayStream *stream) {
    exported_stream *s = stream->private_data;
    aip_context *ctx = s->ctx;
    aip__scan_close(s->scan);
    aip_dataset_free(s->dataset);
    forget_error(s);
    aip__free(ctx, s);
    aip__context_release(ctx);
    stream->release = NULL;
}

int32_t aip_dataset_to_arrow(aip_dataset *dataset, struct ArrowArrayStream *out, aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !out)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_to_arrow: expected a dataset and a stream to fill");
    aip_context *ctx = dataset->ctx;
    exported_stream *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    int32_t status = aip__token_init(&s->token, ctx, NULL, err);
    if (status != AIP_OK) {
        aip__free(ctx, s);
        return status;
    }
    s->ctx = aip__context_retain(ctx);
    s->dataset = aip__dataset_retain(dataset);
    *out = (struct ArrowArrayStream){.get_schema = exported_get_schema,
                                     .get_next = exported_get_next,
                                     .get_last_error = exported_last_error,
                                     .release = exported_release,
                                     .private_data = s};
    return AIP_OK;
}
