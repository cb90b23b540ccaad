/* drop_missing: leaves out rows with missing values, as pandas' dropna does: null, and NaN of floats, count as missing. */
#include "transform/kernels.h"
#include "transform/layout.h"
#include "transform/learnt.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

typedef struct dropper {
    aip_context *ctx;
    const aip_params *params;
    bool all, nan_is_missing;
} dropper;

typedef struct dropper_bound {
    const dropper *self;
    aip__fit_columns columns;
} dropper_bound;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    dropper *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    *s = (dropper){ctx, params, strcmp(aip_params_string(params, "how"), "all") == 0, aip_params_bool(params, "nan_is_missing")};
    *self = s;
    return AIP_OK;
}

static void destroy(void *self) {
    dropper *s = self;
    aip__free(s->ctx, s);
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    (void)fitted;
    const dropper *s = self;
    dropper_bound *b = aip__calloc(s->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(s->ctx, err);
    b->self = s;
    int32_t status = aip__fit_columns_init(&b->columns, s->ctx, s->params, "all", in, err);
    if (status != AIP_OK) {
        aip__free(s->ctx, b);
        return status;
    }
    *bound = b;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static void unbind(void *bound) {
    dropper_bound *b = bound;
    aip_context *ctx = b->self->ctx;
    aip__fit_columns_free(&b->columns);
    aip__free(ctx, b);
}

/* Bits of the rows to keep: those with a value in every column (`any`), or in at least one (`all`). */
static void rows_to_keep(const dropper_bound *b, const aip_batch *in, uint8_t *keep, uint8_t *there) {
    size_t bytes = aip__bitmap_bytes(in->n_rows);
    aip__bitmap_fill(keep, in->n_rows, !b->self->all || b->columns.n == 0);
    for (int32_t i = 0; i < b->columns.n; i++) {
        const aip__column *c = in->columns[b->columns.indices[i]];
        if (!b->self->all) {
            aip__clear_missing(c, b->self->nan_is_missing, keep);
            continue;
        }
        aip__bitmap_fill(there, in->n_rows, true);
        aip__clear_missing(c, b->self->nan_is_missing, there);
        for (size_t k = 0; k < bytes; k++) keep[k] = (uint8_t)(keep[k] | there[k]);
    }
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const dropper_bound *b = bound;
    aip_context *ctx = b->self->ctx;
    size_t bytes = aip__bitmap_bytes(in->n_rows) + 1;
    uint8_t *bits = aip__calloc(ctx, 2, bytes);
    if (!bits) return aip__error_memory(ctx, err);
    rows_to_keep(b, in, bits, bits + bytes);
    int32_t status = aip__batch_filter(in, bits, out, err);
    aip__free(ctx, bits);
    return status;
}

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_COLUMNS, "columns", "\"all\"", "columns to look at"),
    AIP__CHOICE("how", "any|all", "\"any\"", "drop a row when any of them is missing, or only when all are"),
    AIP__PARAM(AIP_PARAM_BOOL, "nan_is_missing", "true", "NaN in a float column counts as missing, as in pandas"),
};

static const aip_stage_ops ops = {
    .struct_size = sizeof(aip_stage_ops), .create = create, .destroy = destroy, .bind = bind, .unbind = unbind, .apply = apply};

const aip_descriptor aip__stage_drop_missing = {
    AIP__STAGE("drop_missing", "Leaves out rows with missing values.", params, &ops, AIP_ROWS_FEWER), .shorthand = "columns"};
