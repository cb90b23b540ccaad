/* Contexts and small tables for the tests of stages. */
#include "transform_suites.h"

#include "base/catalog.h"
#include "exec/group.h"
#include "exec/pool.h"
#include "transform/transform.h"
#include <stdio.h>
#include <stdlib.h>

static void at_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }
static void at_free(aip_context *ctx) {
    aip__catalog_free(ctx, ctx->catalog);
    aip__pool_free(ctx->pool);
    aip__exec_free(ctx, ctx->exec);
}

aip_context *tt_context(int32_t n_workers) { return tt_context_with(unit_workers(n_workers), NULL); }

aip_context *tt_context_with(int32_t n_workers, const aip_allocator *allocator) {
    aip_context *ctx = NULL;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = allocator;
    OK(aip__context_init(&options, &ctx, &err));
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    aip__pool *pool = NULL;
    OK(aip__pool_create(ctx, n_workers, &pool, &ctx->executor, &err));
    ctx->pool = pool;
    ctx->at_close = at_close;
    ctx->at_free = at_free;
    OK(aip__catalog_create(ctx, &ctx->catalog, &err));
    OK(aip__transform_register(ctx, &err));
    return ctx;
}

void tt_context_end(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    ctx->at_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1);
    aip__context_release(ctx);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------- */

static bool is_null(const tt_column *c, int64_t i) {
    if (c->texts) return !c->texts[i];
    return isnan(c->numbers[i]) && !c->keep_nan;
}

static void put_number(aip__column *c, int64_t i, double v) {
    switch (c->type) {
    case AIP_FLOAT64: aip__column_f64_mut(c)[i] = v; break;
    case AIP_FLOAT32: ((float *)aip__column_values_mut(c))[i] = (float)v; break;
    case AIP_INT32:
    case AIP_DATE32: aip__column_i32_mut(c)[i] = (int32_t)v; break;
    case AIP_BOOL: aip__bit_put(aip__column_bool_mut(c), i, v != 0); break;
    default: aip__column_i64_mut(c)[i] = (int64_t)v; break;
    }
}

static aip__column *number_column(aip_context *ctx, const tt_column *c, int64_t start, int64_t n) {
    aip__column *made = NULL;
    OK(aip__column_new(ctx, c->type, n, true, &made, &err));
    uint8_t *bits = aip__column_validity_mut(made);
    for (int64_t i = 0; i < n; i++) {
        if (is_null(c, start + i))
            aip__bit_clear(bits, i);
        else
            put_number(made, i, c->numbers[start + i]);
    }
    aip__column_publish(made);
    return made;
}

static aip__column *text_column(aip_context *ctx, const char *const *texts, int64_t n) {
    aip__utf8_builder b;
    aip__column *made = NULL;
    OK(aip__utf8_begin(&b, ctx, AIP_UTF8, n, 0, &err));
    for (int64_t i = 0; i < n; i++)
        if (texts[i])
            OK(aip__utf8_add(&b, texts[i], strlen(texts[i]), &err));
        else
            OK(aip__utf8_add_null(&b, &err));
    OK(aip__utf8_end(&b, &made, &err));
    return made;
}

/* Codes in the order of first appearance in the batch, behind a text that no row has. */
static aip__column *dictionary_column(aip_context *ctx, const char *const *texts, int64_t n) {
    const char **distinct = calloc((size_t)n + 1, sizeof *distinct);
    int32_t *codes = calloc((size_t)n + 1, sizeof *codes), n_distinct = 1;
    distinct[0] = "(unused)";
    for (int64_t i = 0; i < n; i++) {
        codes[i] = -1;
        if (!texts[i]) continue;
        int32_t k = 0;
        while (k < n_distinct && strcmp(distinct[k], texts[i]) != 0) k++;
        if (k == n_distinct) distinct[n_distinct++] = texts[i];
        codes[i] = k;
    }
    aip__column *values = text_column(ctx, distinct, n_distinct), *made = NULL;
    OK(aip__column_dictionary(ctx, codes, n, values, &made, &err));
    aip__column_free(values);
    free(distinct);
    free(codes);
    return made;
}

aip_dataset *tt_table(aip_context *ctx, const tt_column *columns, int32_t n_columns, int64_t n_rows, int64_t batch_rows) {
    aip_field *fields = calloc((size_t)n_columns + 1, sizeof *fields);
    for (int32_t i = 0; i < n_columns; i++) fields[i] = aip__field(columns[i].name, columns[i].type);
    aip_schema *schema = NULL;
    OK(aip_schema_create(ctx, fields, n_columns, &schema, &err));
    free(fields);
    aip_batch **batches = calloc((size_t)(n_rows / batch_rows) + 1, sizeof *batches);
    aip__column **made = calloc((size_t)n_columns + 1, sizeof *made);
    int64_t n_batches = 0;
    for (int64_t at = 0; at < n_rows; at += batch_rows) {
        int64_t n = n_rows - at < batch_rows ? n_rows - at : batch_rows;
        for (int32_t i = 0; i < n_columns; i++)
            made[i] = columns[i].type == AIP_DICTIONARY ? dictionary_column(ctx, columns[i].texts + at, n)
                      : columns[i].texts                ? text_column(ctx, columns[i].texts + at, n)
                                                        : number_column(ctx, &columns[i], at, n);
        OK(aip__batch_new(schema, n, made, &batches[n_batches++], &err));
    }
    aip_dataset *d = NULL;
    OK(aip__dataset_memory(ctx, schema, batches, n_batches, &d, &err));
    aip_schema_free(schema);
    free(batches);
    free(made);
    return d;
}

/* ---- results ------------------------------------------------------------------------------------------------------------------- */

static int32_t read_all(aip_dataset *d, aip_batch ***batches, size_t *n, aip_error **err) {
    aip__token token;
    AIP__TRY(aip__token_init(&token, d->ctx, NULL, err));
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(d, &token, "test", &scan, err));
    int32_t status = AIP_OK;
    for (aip_batch *batch = NULL; (status = aip__scan_next(scan, &batch, err)) == AIP_OK && batch;) {
        *batches = realloc(*batches, (*n + 1) * sizeof **batches);
        (*batches)[(*n)++] = batch;
    }
    aip__scan_close(scan);
    return status;
}

static void free_batches(aip_batch **batches, size_t n) {
    for (size_t i = 0; i < n; i++) aip_batch_free(batches[i]);
    free(batches);
}

tt_rows tt_read(aip_dataset *d) {
    aip_batch **batches = NULL;
    size_t n = 0;
    OK(read_all(d, &batches, &n, &err));
    tt_rows r = {d->ctx, aip__schema_retain(d->schema), 0, calloc((size_t)d->schema->n + 1, sizeof *r.columns)};
    aip__column **parts = calloc(n + 1, sizeof *parts);
    for (size_t k = 0; k < n; k++) r.n_rows += batches[k]->n_rows;
    for (int32_t i = 0; i < d->schema->n; i++) {
        for (size_t k = 0; k < n; k++) parts[k] = batches[k]->columns[i];
        if (n == 0)
            OK(aip__column_nulls(d->ctx, d->schema->fields[i].type, 0, &r.columns[i], &err));
        else
            OK(aip__column_concat(d->ctx, parts, (int32_t)n, &r.columns[i], &err));
    }
    free(parts);
    free_batches(batches, n);
    return r;
}

void tt_rows_free(tt_rows *r) {
    for (int32_t i = 0; i < r->schema->n; i++) aip__column_free(r->columns[i]);
    free(r->columns);
    aip_schema_free(r->schema);
}

static const aip__column *column_of(const tt_rows *r, const char *name) {
    int32_t i = aip_schema_find(r->schema, name);
    ck_assert_msg(i >= 0, "no column '%s' in %s", name, tt_names(r));
    return r->columns[i];
}

double tt_f64(const tt_rows *r, const char *column, int64_t row) {
    const aip__column *c = column_of(r, column);
    ck_assert_int_lt(row, r->n_rows);
    if (!aip__valid(c->validity, row)) return NAN;
    switch (c->type) {
    case AIP_FLOAT64: return aip__column_f64(c)[row];
    case AIP_FLOAT32: return (double)aip__column_f32(c)[row];
    case AIP_INT32:
    case AIP_DATE32: return aip__column_i32(c)[row];
    case AIP_BOOL: return aip__bit_get(aip__column_bits(c), row);
    default: return (double)aip__column_i64(c)[row];
    }
}

const char *tt_text(const tt_rows *r, const char *column, int64_t row) {
    static char text[256];
    const aip__column *c = column_of(r, column);
    ck_assert_int_lt(row, r->n_rows);
    if (!aip__valid(c->validity, row)) return NULL;
    size_t n = 0;
    const char *bytes = aip__column_text(c, row, &n);
    ck_assert_uint_lt(n, sizeof text);
    memcpy(text, bytes, n);
    text[n] = 0;
    return text;
}

const char *tt_names(const tt_rows *r) {
    static char names[4096];
    size_t n = 0;
    names[0] = 0;
    for (int32_t i = 0; i < r->schema->n; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? "," : "", r->schema->fields[i].name);
    return names;
}

void tt_expect(const tt_rows *r, const char *column, const double *expected, int64_t n, double tolerance) {
    ck_assert_int_eq(r->n_rows, n);
    for (int64_t i = 0; i < n; i++) {
        double got = tt_f64(r, column, i), want = expected[i];
        bool same = isnan(want) ? isnan(got) : got == want || fabs(got - want) <= tolerance * fmax(1, fabs(want));
        ck_assert_msg(same, "column %s, row %d: expected %.17g, found %.17g", column, (int)i, want, got);
    }
}

/* ---- stages -------------------------------------------------------------------------------------------------------------------- */

aip_stage *tt_stage(aip_context *ctx, const char *name, const char *params) {
    aip_stage *s = NULL;
    OK(aip_stage_create(ctx, name, params, NULL, 0, &s, &err));
    return s;
}

int32_t tt_try(aip_context *ctx, const char *name, const char *params, aip_dataset *fit, aip_dataset *d, aip_error **err) {
    aip_stage *s = NULL, *fitted = NULL;
    aip_dataset *seen = NULL;
    aip_batch **batches = NULL;
    size_t n = 0;
    int32_t status = aip_stage_create(ctx, name, params, NULL, 0, &s, err);
    if (status == AIP_OK) status = aip_stage_fit(s, fit, NULL, &fitted, err);
    if (status == AIP_OK) status = aip_dataset_transform(d, fitted, &seen, err);
    if (status == AIP_OK) status = read_all(seen, &batches, &n, err);
    free_batches(batches, n);
    aip_dataset_free(seen);
    aip_stage_free(fitted);
    aip_stage_free(s);
    return status;
}

tt_rows tt_fit_apply(aip_context *ctx, const char *name, const char *params, aip_dataset *fit, aip_dataset *d) {
    aip_stage *s = tt_stage(ctx, name, params), *fitted = NULL;
    aip_dataset *seen = NULL;
    OK(aip_stage_fit(s, fit, NULL, &fitted, &err));
    OK(aip_dataset_transform(d, fitted, &seen, &err));
    tt_rows r = tt_read(seen);
    aip_dataset_free(seen);
    aip_stage_free(fitted);
    aip_stage_free(s);
    return r;
}

tt_rows tt_apply(aip_context *ctx, const char *name, const char *params, aip_dataset *d) {
    return tt_fit_apply(ctx, name, params, d, d);
}
