/* Rejected records: rows of places and texts, gathered per item by whoever decodes it, appended in source order, and turned into a dataset. The
 * texts of all rows lie in one byte string. */
#include "data/rejects.h"

#include "base/text.h"
#include "data/dataset.h"
#include "data/utf8.h"
#include <string.h>

#define MAX_RAW_BYTES 4096

enum { SOURCE, COLUMN, REASON, RAW, N_TEXTS };

typedef struct reject {
    int64_t line, offset;
    size_t at[N_TEXTS + 1]; /* bounds of the texts, which lie one after the other */
    bool has_column;
} reject;

struct aip__rejects {
    aip_context *ctx;
    reject *rows;
    size_t n, capacity;
    aip__text texts;
};

int32_t aip__rejects_new(aip_context *ctx, aip__rejects **out, aip_error **err) {
    aip__rejects *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) return aip__error_memory(ctx, err);
    r->ctx = aip__context_retain(ctx);
    aip__text_init(&r->texts, ctx);
    *out = r;
    return AIP_OK;
}

/* Adds bytes as valid UTF-8: what is not becomes U+FFFD; a character that the cut parted is left out. */
static void add_valid(aip__text *t, const char *s, size_t n, size_t limit) {
    size_t end = n < limit ? n : limit;
    for (size_t i = 0; i < end;) {
        size_t step = aip__utf8_step(s + i, n - i);
        if (step > 0 && i + step > end) break;
        if (step > 0)
            aip__text_add(t, s + i, step);
        else
            aip__text_str(t, "\xef\xbf\xbd");
        i += step > 0 ? step : 1;
    }
}

int32_t aip__rejects_add(aip__rejects *r, const char *source, int64_t line, const char *column, int64_t offset,
                         const char *reason, const char *raw, size_t raw_n, aip_error **err) {
    if (aip__grow(r->ctx, &r->rows, &r->capacity, r->n + 1, sizeof *r->rows) != 0) return aip__error_memory(r->ctx, err);
    reject *row = &r->rows[r->n];
    *row = (reject){.line = line, .offset = offset, .has_column = column != NULL};
    const char *texts[N_TEXTS] = {source, column ? column : "", reason, raw};
    row->at[0] = r->texts.n;
    for (int i = 0; i < N_TEXTS; i++) {
        add_valid(&r->texts, texts[i], i == RAW ? raw_n : strlen(texts[i]), i == RAW ? MAX_RAW_BYTES : SIZE_MAX);
        row->at[i + 1] = r->texts.n;
    }
    if (r->texts.failed) return aip__error_memory(r->ctx, err);
    r->n++;
    return AIP_OK;
}

int64_t aip__rejects_count(const aip__rejects *r) { return (int64_t)r->n; }

int32_t aip__rejects_append(aip__rejects *into, aip__rejects *from, int64_t most, aip_error **err) {
    size_t base = into->texts.n, room = (uint64_t)most > into->n ? (size_t)most - into->n : 0;
    size_t n = from->n < room ? from->n : room, bytes = n > 0 ? from->rows[n - 1].at[N_TEXTS] : 0;
    bool fits = n == 0 || aip__grow(into->ctx, &into->rows, &into->capacity, into->n + n, sizeof *into->rows) == 0;
    if (fits && bytes > 0) aip__text_add(&into->texts, from->texts.bytes, bytes);
    fits = fits && !into->texts.failed;
    for (size_t i = 0; fits && i < n; i++) {
        reject *row = &into->rows[into->n++];
        *row = from->rows[i];
        for (int k = 0; k <= N_TEXTS; k++) row->at[k] += base;
    }
    aip__rejects_free(from);
    return fits ? AIP_OK : aip__error_memory(into->ctx, err);
}

void aip__rejects_free(aip__rejects *r) {
    if (!r) return;
    aip_context *ctx = r->ctx;
    aip__text_free(&r->texts);
    aip__free(ctx, r->rows);
    aip__free(ctx, r);
    aip__context_release(ctx);
}

/* ---- as a dataset ------------------------------------------------------------------------------------------------------------------------ */

static int32_t numbers(const aip__rejects *r, bool lines, size_t from, size_t n, aip__column **out, aip_error **err) {
    AIP__TRY(aip__column_new(r->ctx, AIP_INT64, (int64_t)n, false, out, err));
    int64_t *values = aip__column_i64_mut(*out);
    for (size_t i = 0; i < n; i++) values[i] = lines ? r->rows[from + i].line : r->rows[from + i].offset;
    aip__column_publish(*out);
    return AIP_OK;
}

static int32_t texts(const aip__rejects *r, int which, size_t from, size_t n, aip__column **out, aip_error **err) {
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, r->ctx, AIP_UTF8, (int64_t)n, 0, err));
    int32_t status = AIP_OK;
    for (size_t i = 0; i < n && status == AIP_OK; i++) {
        const reject *row = &r->rows[from + i];
        if (which == COLUMN && !row->has_column)
            status = aip__utf8_add_null(&b, err);
        else
            status = aip__utf8_add(&b, r->texts.bytes + row->at[which], row->at[which + 1] - row->at[which], err);
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

int32_t aip__rejects_schema(aip_context *ctx, aip_schema **out, aip_error **err) {
    const aip_field fields[6] = {aip__field("source", AIP_UTF8), aip__field("line", AIP_INT64),
                                 aip__field("column", AIP_UTF8), aip__field("byte_offset", AIP_INT64),
                                 aip__field("reason", AIP_UTF8), aip__field("raw", AIP_UTF8)};
    return aip_schema_create(ctx, fields, 6, out, err);
}

int32_t aip__rejects_batch(const aip__rejects *r, const aip_schema *schema, int64_t first, int64_t n_rows, aip_batch **out,
                           aip_error **err) {
    aip__column *c[6] = {NULL};
    size_t from = (size_t)first, n = (size_t)n_rows;
    int32_t status = texts(r, SOURCE, from, n, &c[0], err);
    if (status == AIP_OK) status = numbers(r, true, from, n, &c[1], err);
    if (status == AIP_OK) status = texts(r, COLUMN, from, n, &c[2], err);
    if (status == AIP_OK) status = numbers(r, false, from, n, &c[3], err);
    if (status == AIP_OK) status = texts(r, REASON, from, n, &c[4], err);
    if (status == AIP_OK) status = texts(r, RAW, from, n, &c[5], err);
    if (status == AIP_OK) return aip__batch_new(schema, n_rows, c, out, err);
    for (int i = 0; i < 6; i++) aip__column_free(c[i]);
    return status;
}

int32_t aip__rejects_dataset(const aip__rejects *r, aip_dataset **out, aip_error **err) {
    size_t n_batches = r->n / AIP_BATCH_MAX_ROWS + (r->n % AIP_BATCH_MAX_ROWS != 0), made = 0;
    aip_schema *schema = NULL;
    aip_batch **batches = aip__calloc(r->ctx, n_batches + 1, sizeof(aip_batch *));
    int32_t status = batches ? aip__rejects_schema(r->ctx, &schema, err) : aip__error_memory(r->ctx, err);
    for (; made < n_batches && status == AIP_OK; made += status == AIP_OK) {
        size_t from = made * AIP_BATCH_MAX_ROWS, left = r->n - from;
        size_t n = left < AIP_BATCH_MAX_ROWS ? left : AIP_BATCH_MAX_ROWS;
        status = aip__rejects_batch(r, schema, (int64_t)from, (int64_t)n, &batches[made], err);
    }
    if (status == AIP_OK) {
        status = aip__dataset_memory(r->ctx, schema, batches, (int64_t)n_batches, out, err); /* takes the batches */
    } else {
        while (made > 0) aip_batch_free(batches[--made]);
    }
    aip_schema_free(schema);
    aip__free(r->ctx, batches);
    return status;
}
