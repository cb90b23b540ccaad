/* filter: keeps the rows for which an expression is true; false and null drop a row, as SQL's where. */
#include "base/catalog.h"
#include "expr/expr.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

#include <string.h>

typedef struct filter {
    aip_context *ctx;
    aip__expr *where;
} filter;

static void destroy(void *self) {
    filter *f = self;
    aip__expr_free(f->where);
    aip__free(f->ctx, f);
}

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    const char *text = aip_params_string(params, "where");
    filter *f = aip__calloc(ctx, 1, sizeof *f);
    if (!f) return aip__error_memory(ctx, err);
    f->ctx = ctx;
    int32_t status = aip__expr_parse(ctx, text, strlen(text), &f->where, err);
    if (status != AIP_OK) {
        int32_t column = 0, line = aip__params_line(params, "where", &column);
        aip__error_at_parameter(err, "where");
        if (line > 0) aip__error_at_line(err, line, column);
        destroy(f);
        return status;
    }
    *self = f;
    return AIP_OK;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    (void)fitted;
    const filter *f = self;
    aip__bound_expr *where = NULL;
    int32_t status = aip__expr_bind(f->where, in, &where, err);
    if (status == AIP_OK && aip__expr_field(where)->type != AIP_BOOL) {
        status = aip__error_set(err, AIP_E_SCHEMA, "expression '%.160s': expected a bool that says which rows to keep, found %s",
                                aip__expr_text(f->where), aip_type_name(aip__expr_field(where)->type));
        aip__expr_unbind(where);
    }
    if (status != AIP_OK) {
        aip__error_at_parameter(err, "where");
        return status;
    }
    *bound = where;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static void unbind(void *bound) { aip__expr_unbind(bound); }

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    aip__buffer *mask = NULL;
    AIP__TRY(aip__expr_mask(bound, in, &mask, err));
    int32_t status = aip__batch_filter(in, mask->data, out, err);
    aip__buffer_free(mask);
    return status;
}

static const aip_stage_ops ops = {
    .struct_size = sizeof ops, .create = create, .destroy = destroy, .bind = bind, .unbind = unbind, .apply = apply};

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_STRING, "where", NULL, "A bool expression; rows where it is true stay."),
};
const aip_descriptor aip__stage_filter = {
    AIP__STAGE("filter", "Keeps the rows for which an expression is true.", params, &ops, AIP_ROWS_FEWER), .shorthand = "where"};
