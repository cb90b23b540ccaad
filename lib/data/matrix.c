/* Building the blocked design matrix. Batches come in order from one scan; what has come is copied chunk by chunk on the workers (two
 * chunks share no memory), in small loops per type. A value that is null or not finite is found by its exponent bits while its block is in
 * L1; the lowest row of the lowest chunk is reported, whatever the threads did. */
#include "data/matrix.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "exec/group.h"
#include <math.h>

/* ---- loops: up to 128 rows of one column into one block ------------------------------------------------------------------------------ */

static void block_f32(const float *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i];
}
static void block_i32(const int32_t *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = v[i];
}
static void block_i64(const int64_t *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i];
}
static void block_bool(const uint8_t *v, int64_t start, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = aip__bit_get(v, start + i) ? 1.0 : 0.0;
}
static void block_decimal(const int64_t *v, int64_t n, double unit, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i] / unit;
}

static bool all_finite(const double *v, int64_t n) {
    const uint64_t exponent = UINT64_C(0x7ff) << 52;
    uint64_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &v[i], sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return bad == 0;
}

/* Rows [start, start + n) of a numeric or bool column; nulls as they lie there (zero). */
static void copy_values(const aip__column *c, double unit, int64_t start, int64_t n, double *out) {
    switch (c->type) {
    case AIP_FLOAT64: memcpy(out, aip__column_f64(c) + start, (size_t)n * sizeof *out); break;
    case AIP_FLOAT32: block_f32(aip__column_f32(c) + start, n, out); break;
    case AIP_INT32: block_i32(aip__column_i32(c) + start, n, out); break;
    case AIP_BOOL: block_bool(c->values, start, n, out); break;
    case AIP_DECIMAL64: block_decimal(aip__column_i64(c) + start, n, unit, out); break;
    default: block_i64(aip__column_i64(c) + start, n, out);
    }
}

static void nan_at_nulls(const uint8_t *validity, int64_t start, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++)
        if (!aip__bit_get(validity, start + i)) out[i] = (double)NAN;
}

static double decimal_unit(const aip_field *f) {
    double unit = 1;
    for (int32_t i = 0; f->type == AIP_DECIMAL64 && i < f->scale; i++) unit *= 10; /* exact to 10^22 */
    return unit;
}

static int32_t check_numeric(const aip_field *f, const char *role, aip_error **err) {
    if (aip__type_is_numeric(f->type) || f->type == AIP_BOOL) return AIP_OK;
    aip__error_set(err, AIP_E_SCHEMA, "%s '%s' is %s: expected a numeric or bool column (encode, derive or drop it first)", role,
                   f->name, aip_type_name(f->type));
    aip__error_at_data_column(err, f->name);
    return AIP_E_SCHEMA;
}

/* ---- building -------------------------------------------------------------------------------------------------------------------------- */

typedef struct bad_value {
    int64_t row;    /* of the matrix; -1: none */
    int32_t column; /* of the matrix */
    double value;   /* NaN for null, too */
    bool null;
} bad_value;

typedef struct builder {
    aip__matrix *m;
    const aip_schema *schema;
    int32_t *columns; /* of the schema, for each column of the matrix */
    double *units;    /* for each column of the matrix: 10^scale of a decimal */
    int32_t target;   /* of the schema; -1: none */
    aip__encode_target encode;
    void *user;
    aip__token *token;

    aip_batch **pending; /* come, but not copied */
    size_t n_pending, pending_capacity;
    int64_t copied, come; /* rows */
    size_t chunks_capacity;
    bad_value *bad; /* one for each chunk that a flush touches */
    size_t bad_capacity;
} builder;

/* Copies rows [start, start + n) of a batch to row `at` of the chunk. */
static void copy_rows(const builder *b, const aip_batch *batch, int64_t start, int64_t n, int64_t chunk, int64_t at,
                      bad_value *bad) {
    double *base = (double *)(void *)b->m->chunks[chunk]->data;
    int64_t k = b->m->n_columns;
    while (n > 0) {
        int64_t in_block = at % AIP__BLOCK_ROWS, now = AIP__BLOCK_ROWS - in_block < n ? AIP__BLOCK_ROWS - in_block : n;
        double *block = base + at / AIP__BLOCK_ROWS * k * AIP__BLOCK_ROWS + in_block;
        for (int32_t j = 0; j < k; j++, block += AIP__BLOCK_ROWS) {
            const aip__column *c = batch->columns[b->columns[j]];
            copy_values(c, b->units[j], start, now, block);
            if (c->validity) nan_at_nulls(c->validity, start, now, block);
            if (all_finite(block, now)) continue;
            int64_t i = 0;
            while (isfinite(block[i])) i++;
            int64_t row = chunk * AIP__CHUNK_ROWS + at + i;
            if (bad->row < 0 || row < bad->row) *bad = (bad_value){row, j, block[i], !aip__valid(c->validity, start + i)};
        }
        if (bad->row >= 0) return;
        start += now;
        at += now;
        n -= now;
    }
}

/* One chunk's share of the pending rows. */
static int32_t copy_chunk(void *arg, int64_t index, aip_error **err) {
    (void)err;
    const builder *b = arg;
    int64_t chunk = b->copied / AIP__CHUNK_ROWS + index, from = chunk * AIP__CHUNK_ROWS, to = from + AIP__CHUNK_ROWS;
    int64_t first = b->copied; /* row of the batch's first row */
    bad_value bad = {.row = -1};
    for (size_t p = 0; p < b->n_pending && bad.row < 0; p++) {
        const aip_batch *batch = b->pending[p];
        int64_t lo = first > from ? first : from, hi = first + batch->n_rows < to ? first + batch->n_rows : to;
        if (lo < hi) copy_rows(b, batch, lo - first, hi - lo, chunk, lo - from, &bad);
        first += batch->n_rows;
    }
    b->bad[index] = bad;
    return AIP_OK;
}

static int32_t refuse(const bad_value *bad, const char *column, aip_error **err) {
    const char *what = bad->null ? "null" : bad->value != bad->value ? "NaN" : "infinite";
    aip__error_set(err, AIP_E_DATA, "column '%s' is %s in row %lld (from 0): a model takes finite numbers (impute or drop first)",
                   column, what, (long long)bad->row);
    aip__error_at_data_column(err, column);
    return AIP_E_DATA;
}

/* Room for the chunks of `rows` rows. When no more rows will come (`last`), a new last chunk holds only the blocks in use: a wide table of few
 * rows must not take the memory of many. */
static int32_t reserve_chunks(builder *b, int64_t rows, bool last, aip_error **err) {
    aip__matrix *m = b->m;
    int64_t n = (rows + AIP__CHUNK_ROWS - 1) / AIP__CHUNK_ROWS;
    if (aip__grow(m->ctx, &m->chunks, &b->chunks_capacity, (size_t)n, sizeof *m->chunks) != 0)
        return aip__error_memory(m->ctx, err);
    for (int64_t c = b->copied / AIP__CHUNK_ROWS; c < n; c++) {
        int64_t in_chunk = last && rows - c * AIP__CHUNK_ROWS < AIP__CHUNK_ROWS ? rows - c * AIP__CHUNK_ROWS : AIP__CHUNK_ROWS;
        size_t blocks = (size_t)((in_chunk + AIP__BLOCK_ROWS - 1) / AIP__BLOCK_ROWS), size = 0;
        if (aip__mul_size(blocks * AIP__BLOCK_ROWS * sizeof(double), (size_t)m->n_columns, &size)) return aip__error_nomem(err);
        if (c >= m->n_chunks) {
            m->chunks[c] = aip__buffer_new(m->ctx, size);
            if (!m->chunks[c]) return aip__error_memory(m->ctx, err);
            m->n_chunks = c + 1;
        }
    }
    if (aip__grow(m->ctx, &b->bad, &b->bad_capacity, (size_t)n, sizeof *b->bad) != 0) return aip__error_memory(m->ctx, err);
    return AIP_OK;
}

/* The pending batches' targets, up to the batch that holds row `limit`; *bad is the first target before that row which is not finite. */
static int32_t encode_targets(builder *b, int64_t limit, bad_value *bad, aip_error **err) {
    aip__matrix *m = b->m;
    if (aip__buffer_resize(&m->target_buffer, (size_t)m->n_chunks * AIP__CHUNK_ROWS * sizeof(double)) != 0)
        return aip__error_memory(m->ctx, err);
    double *all = (double *)(void *)m->target_buffer->data;
    int64_t first = b->copied;
    for (size_t p = 0; p < b->n_pending && first <= limit && bad->row < 0; p++) {
        const aip_batch *batch = b->pending[p];
        const aip__column *c = batch->columns[b->target];
        if (b->encode)
            AIP__TRY(b->encode(b->user, batch, b->target, all + first, err));
        else
            aip__column_to_f64(c, b->schema->fields[b->target].scale, all + first);
        if (!all_finite(all + first, batch->n_rows)) {
            int64_t i = 0;
            while (isfinite(all[first + i])) i++;
            if (first + i < limit) *bad = (bad_value){first + i, -1, all[first + i], !aip__valid(c->validity, i)};
        }
        first += batch->n_rows;
    }
    return AIP_OK;
}

/* Copies what has come. The lowest bad row is reported, the features' first: the same whatever was gathered before this. */
static int32_t flush(builder *b, bool last, aip_error **err) {
    if (b->n_pending == 0) return AIP_OK;
    AIP__TRY(reserve_chunks(b, b->come, last, err));
    int64_t touched = b->m->n_chunks - b->copied / AIP__CHUNK_ROWS;
    AIP__TRY(aip__parallel_for(b->m->ctx, b->token, touched, copy_chunk, b, err));
    bad_value feature = {.row = -1}, target = {.row = -1};
    for (int64_t i = 0; i < touched && feature.row < 0; i++) feature = b->bad[i];
    if (b->target >= 0) AIP__TRY(encode_targets(b, feature.row >= 0 ? feature.row : INT64_MAX, &target, err));
    if (target.row >= 0) return refuse(&target, b->schema->fields[b->target].name, err);
    if (feature.row >= 0) return refuse(&feature, b->m->names[feature.column], err);
    for (size_t p = 0; p < b->n_pending; p++) aip_batch_free(b->pending[p]);
    b->n_pending = 0;
    b->copied = b->come;
    return AIP_OK;
}

static int32_t pull(builder *b, aip_dataset *d, aip_error **err) {
    aip__scan *scan = NULL;
    const int64_t enough =
        (int64_t)aip__concurrency(d->ctx) * AIP__CHUNK_ROWS; /* work for every thread; the copy does not show it */
    AIP__TRY(aip__scan_open(d, b->token, "read matrix", &scan, err));
    int32_t status = AIP_OK;
    while (status == AIP_OK) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        if (aip__grow(b->m->ctx, &b->pending, &b->pending_capacity, b->n_pending + 1, sizeof(aip_batch *)) != 0) {
            aip_batch_free(batch);
            status = aip__error_memory(b->m->ctx, err);
            break;
        }
        b->pending[b->n_pending++] = batch;
        b->come += batch->n_rows;
        if (b->come - b->copied >= enough) status = flush(b, false, err);
    }
    if (status == AIP_OK) status = flush(b, true, err);
    aip__scan_close(scan);
    return status;
}

/* Zeroes what lies behind the last row: the rest of its block in every column, and of its chunk in the target. */
static void pad(builder *b) {
    aip__matrix *m = b->m;
    m->n_rows = b->come;
    if (m->n_rows == 0) return;
    int64_t in_chunk = aip__matrix_chunk_rows(m, m->n_chunks - 1), used = in_chunk % AIP__BLOCK_ROWS;
    double *block =
        (double *)(void *)m->chunks[m->n_chunks - 1]->data + in_chunk / AIP__BLOCK_ROWS * m->n_columns * AIP__BLOCK_ROWS;
    for (int32_t j = 0; used > 0 && j < m->n_columns; j++, block += AIP__BLOCK_ROWS)
        memset(block + used, 0, (size_t)(AIP__BLOCK_ROWS - used) * sizeof *block);
    if (b->target < 0) return;
    m->target = (double *)(void *)m->target_buffer->data;
    memset(m->target + m->n_rows, 0, (size_t)(m->n_chunks * AIP__CHUNK_ROWS - m->n_rows) * sizeof *m->target);
}

/* The columns of the schema that become columns of the matrix. */
static int32_t choose(builder *b, const char *const *features, int32_t n_features, const char *target, aip_error **err) {
    const aip_schema *s = b->schema;
    aip__matrix *m = b->m;
    b->target = -1;
    if (target) AIP__TRY(aip__schema_need(s, target, &b->target, err));
    if (b->target >= 0 && !b->encode) AIP__TRY(check_numeric(&s->fields[b->target], "target", err));
    int32_t n = features ? n_features : s->n;
    b->columns = aip__calloc(m->ctx, (size_t)n + 1, sizeof *b->columns);
    b->units = aip__calloc(m->ctx, (size_t)n + 1, sizeof *b->units);
    m->names = aip__calloc(m->ctx, (size_t)n + 1, sizeof *m->names);
    if (b->target >= 0) m->target_buffer = aip__buffer_new(m->ctx, 0);
    if (!b->columns || !b->units || !m->names || (b->target >= 0 && !m->target_buffer)) return aip__error_memory(m->ctx, err);
    for (int32_t i = 0; i < n; i++) {
        int32_t column = i;
        if (features)
            AIP__TRY(aip__schema_need(s, features[i], &column, err));
        else if (i == b->target)
            continue;
        const aip_field *f = &s->fields[column];
        AIP__TRY(check_numeric(f, "feature", err));
        int32_t j = m->n_columns;
        b->columns[j] = column;
        b->units[j] = decimal_unit(f);
        m->names[j] = aip__strdup(m->ctx, f->name);
        if (!m->names[j]) return aip__error_memory(m->ctx, err);
        m->n_columns = j + 1;
    }
    if (m->n_columns == 0)
        return aip__error_set(err, AIP_E_SCHEMA, "no feature columns: expected at least one column beside the target");
    return AIP_OK;
}

int32_t aip__matrix_build(aip_dataset *d, const char *const *features, int32_t n_features, const char *target,
                          aip__encode_target encode, void *user, aip__token *token, aip__matrix **out, aip_error **err) {
    aip_context *ctx = d->ctx;
    aip__matrix *m = aip__calloc(ctx, 1, sizeof *m);
    if (!m) return aip__error_memory(ctx, err);
    m->ctx = aip__context_retain(ctx);
    builder b = {.m = m, .schema = d->schema, .encode = encode, .user = user, .token = token};
    int32_t status = choose(&b, features, n_features, target, err);
    if (status == AIP_OK) status = pull(&b, d, err);
    if (status == AIP_OK) pad(&b);
    for (size_t p = 0; p < b.n_pending; p++) aip_batch_free(b.pending[p]);
    aip__free(ctx, b.pending);
    aip__free(ctx, b.columns);
    aip__free(ctx, b.units);
    aip__free(ctx, b.bad);
    if (status != AIP_OK) {
        aip__matrix_free(m);
        return status;
    }
    *out = m;
    return AIP_OK;
}

int32_t aip__matrix_chunk_rows(const aip__matrix *m, int64_t chunk) {
    int64_t left = m->n_rows - chunk * AIP__CHUNK_ROWS;
    return (int32_t)(left < AIP__CHUNK_ROWS ? left : AIP__CHUNK_ROWS);
}

void aip__matrix_free(aip__matrix *m) {
    if (!m) return;
    aip_context *ctx = m->ctx;
    for (int64_t c = 0; c < m->n_chunks; c++) aip__buffer_free(m->chunks[c]);
    for (int32_t j = 0; j < m->n_columns; j++) aip__free(ctx, m->names[j]);
    aip__buffer_free(m->target_buffer);
    aip__free(ctx, m->chunks);
    aip__free(ctx, m->names);
    aip__free(ctx, m);
    aip__context_release(ctx);
}

int32_t aip__blocks_from_batch(const aip_batch *batch, const int32_t *columns, int32_t n_columns, double *out, aip_error **err) {
    for (int32_t j = 0; j < n_columns; j++) AIP__TRY(check_numeric(&batch->schema->fields[columns[j]], "feature", err));
    for (int64_t at = 0; at < batch->n_rows; at += AIP__BLOCK_ROWS) {
        int64_t n = batch->n_rows - at < AIP__BLOCK_ROWS ? batch->n_rows - at : AIP__BLOCK_ROWS;
        for (int32_t j = 0; j < n_columns; j++, out += AIP__BLOCK_ROWS) {
            const aip__column *c = batch->columns[columns[j]];
            copy_values(c, decimal_unit(&batch->schema->fields[columns[j]]), at, n, out);
            if (c->validity) nan_at_nulls(c->validity, at, n, out);
            memset(out + n, 0, (size_t)(AIP__BLOCK_ROWS - n) * sizeof *out);
        }
    }
    return AIP_OK;
}
