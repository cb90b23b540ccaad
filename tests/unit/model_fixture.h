/* What the tests of metrics, train and evaluate share: a context with workers and what they register, and small datasets. */
#ifndef AIPIPE_TESTS_MODEL_FIXTURE_H
#define AIPIPE_TESTS_MODEL_FIXTURE_H

#include "unit.h"

#include "base/catalog.h"
#include "base/context.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "exec/group.h"
#include "exec/pool.h"
#include "metrics/metrics.h"
#include "train/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_COLUMNS 160

static inline void fixture_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }
static inline void fixture_free(aip_context *ctx) {
    aip__catalog_free(ctx, ctx->catalog);
    aip__exec_free(ctx, ctx->exec);
    aip__pool_free(ctx->pool);
}

static inline aip_context *fixture_context_with(int32_t n_workers, const aip_allocator *allocator) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    aip__pool *pool = NULL;
    options.allocator = allocator;
    OK(aip__context_init(&options, &ctx, &err));
    OK(aip__pool_create(ctx, n_workers, &pool, &ctx->executor, &err));
    ctx->pool = pool;
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    OK(aip__catalog_create(ctx, &ctx->catalog, &err));
    OK(aip__metrics_register(ctx, &err));
    OK(aip__train_register(ctx, &err));
    ctx->at_close = fixture_close;
    ctx->at_free = fixture_free;
    return ctx;
}

static inline aip_context *fixture_context(int32_t n_workers) { return fixture_context_with(unit_workers(n_workers), NULL); }

/* Nothing but the context's own reference may be left. */
static inline void fixture_end(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    ctx->at_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1);
    aip__context_release(ctx);
}

/* One column of a dataset: numbers, integers, bools (0 or 1 a byte) or texts, by type; NULL pointers elsewhere. A NULL text is a null. */
typedef struct fixture_column {
    const char *name;
    int32_t type; /* AIP_FLOAT64, AIP_INT64, AIP_BOOL, AIP_UTF8 */
    const double *f64;
    const int64_t *i64;
    const uint8_t *bytes;
    const char *const *texts;
    const uint8_t *validity; /* bitmap */
} fixture_column;

static inline aip_dataset *fixture_dataset(aip_context *ctx, const fixture_column *columns, int32_t n_columns, int64_t n) {
    aip_field fields[FIXTURE_COLUMNS];
    aip_column_view views[FIXTURE_COLUMNS];
    void *made[FIXTURE_COLUMNS][2] = {{NULL}};
    ck_assert_int_le(n_columns, FIXTURE_COLUMNS);
    for (int32_t j = 0; j < n_columns; j++) {
        const fixture_column *c = &columns[j];
        fields[j] = aip__field(c->name, c->type);
        views[j] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        views[j].type = c->type;
        views[j].length = n;
        views[j].validity = c->validity;
        views[j].null_count = c->validity ? -1 : 0;
        if (c->type == AIP_FLOAT64) views[j].values = c->f64;
        if (c->type == AIP_INT64) views[j].values = c->i64;
        if (c->type == AIP_BOOL) {
            uint8_t *bits = made[j][0] = calloc((size_t)n / 8 + 1, 1);
            for (int64_t i = 0; i < n; i++) bits[i / 8] = (uint8_t)(bits[i / 8] | c->bytes[i] << (i % 8));
            views[j].values = bits;
        }
        if (c->type == AIP_UTF8) {
            size_t total = 0;
            for (int64_t i = 0; i < n; i++) total += strlen(c->texts[i]);
            char *bytes = made[j][0] = malloc(total + 1);
            int32_t *offsets = made[j][1] = calloc((size_t)n + 1, sizeof *offsets);
            for (int64_t i = 0; i < n; i++) {
                size_t length = strlen(c->texts[i]);
                memcpy(bytes + offsets[i], c->texts[i], length);
                offsets[i + 1] = offsets[i] + (int32_t)length;
            }
            views[j].values = bytes;
            views[j].offsets = offsets;
        }
    }
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, fields, n_columns, &schema, &err));
    OK(aip_dataset_from_columns(schema, views, n_columns, &d, &err));
    aip_schema_free(schema);
    for (int32_t j = 0; j < n_columns; j++) free(made[j][0]), free(made[j][1]);
    return d;
}

/* The number after "key": in JSON text; NaN when it is not there. */
static inline double fixture_number(const char *json, const char *key) {
    char quoted[2048];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : (double)NAN;
}

/* A linear congruential generator (Knuth's MMIX), so that a reference program can make the same numbers: (state >> 11) / 2^53. */
static inline double fixture_uniform(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

#endif
