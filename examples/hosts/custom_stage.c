/* custom_stage.c: a stage of the program's own, `clip`, registered by the call that the built-in ones use: from then on code, pipelines and DAG
 * files know it by name, its parameters are checked and documented, and it runs on many threads.
 *
 *   custom_stage       prints clipped rows and how a misspelt parameter is met */
#include <aipipe/aipipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the stage: clip: {column: x, lower: 0, upper: 10} ---------------------------------------------------------------------------------- */

typedef struct clip { /* from the parameters: immutable */
    double lower, upper;
    char column[64];
} clip;

typedef struct bound { /* made ready for one input: immutable, used by many threads at once */
    const clip *of;
    aip_schema *out;
    int32_t column;
} bound;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)ctx, (void)user, (void)inputs, (void)n_inputs;
    clip *c = malloc(sizeof *c);
    if (!c) return aip_error_set(err, AIP_E_NOMEM, "out of memory");
    c->lower = aip_params_float(params, "lower");
    c->upper = aip_params_float(params, "upper");
    snprintf(c->column, sizeof c->column, "%s", aip_params_string(params, "column"));
    *self = c;
    return AIP_OK;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **out, aip_schema **schema,
                    aip_error **err) {
    const clip *c = self;
    char why[128];
    (void)fitted;
    int32_t at = aip_schema_find(in, c->column);
    if (at < 0 || aip_schema_field(in, at)->type != AIP_FLOAT64) {
        snprintf(why, sizeof why, "expected a float64 column '%s'", c->column);
        return aip_error_set(err, AIP_E_SCHEMA, why);
    }
    bound *b = malloc(sizeof *b);
    if (!b) return aip_error_set(err, AIP_E_NOMEM, "out of memory");
    aip_schema_retain((aip_schema *)(uintptr_t)in); /* what comes out has the same columns */
    aip_schema_retain((aip_schema *)(uintptr_t)in);
    *b = (bound){c, (aip_schema *)(uintptr_t)in, at};
    *out = b;
    *schema = b->out;
    return AIP_OK;
}

static void unbind(void *p) {
    aip_schema_free(((bound *)p)->out);
    free(p);
}

static int32_t apply(const void *p, const aip_batch *in, aip_batch **out, aip_error **err) {
    const bound *b = p;
    int32_t n = aip_schema_n_fields(b->out);
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(in, b->column, &view, err);
    if (status != AIP_OK) return status;
    double *values = malloc(sizeof *values * (size_t)(view.length + 1));
    aip_column_view *columns = calloc((size_t)n, sizeof *columns); /* type 0: the column of `in`, shared */
    if (values && columns) {
        const double *x = view.values;
        for (int64_t i = 0; i < view.length; i++) /* NaN stays */
            values[i] = x[i] < b->of->lower ? b->of->lower : x[i] > b->of->upper ? b->of->upper : x[i];
        for (int32_t i = 0; i < n; i++) columns[i].struct_size = sizeof *columns;
        columns[b->column] = view; /* nulls stay where they are */
        columns[b->column].values = values;
        status = aip_batch_derive(in, b->out, columns, n, out, err);
    } else {
        status = aip_error_set(err, AIP_E_NOMEM, "out of memory");
    }
    free(columns);
    free(values);
    return status;
}

static const aip_stage_ops ops = {
    .struct_size = sizeof ops, .create = create, .destroy = free, .bind = bind, .unbind = unbind, .apply = apply};

static const aip_param_spec params[] = {
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_STRING, .name = "column", .doc = "Column to clip, float64"},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_FLOAT,
     .name = "lower",
     .doc = "Smallest value",
     .default_json = "0"},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_FLOAT,
     .name = "upper",
     .doc = "Largest value",
     .default_json = "1"},
};

/* ---- the program ------------------------------------------------------------------------------------------------------------------------------ */

static int32_t rows(aip_context *ctx, aip_dataset **out, aip_error **err) {
    static const double x[] = {-5, 0.25, 7, 11, 1e9};
    static const int64_t id[] = {1, 2, 3, 4, 5};
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    aip_schema *schema = NULL;
    fields[0].name = "id", fields[0].type = views[0].type = AIP_INT64;
    fields[1].name = "x", fields[1].type = views[1].type = AIP_FLOAT64;
    views[0].values = id, views[1].values = x;
    views[0].length = views[1].length = 5;
    int32_t status = aip_schema_create(ctx, fields, 2, &schema, err);
    if (!status) status = aip_dataset_from_columns(schema, views, 2, out, err);
    aip_schema_free(schema);
    return status;
}

static int32_t show(void *user, aip_batch *batch, aip_error **err) {
    aip_column_view id = AIP_COLUMN_VIEW_INIT, x = AIP_COLUMN_VIEW_INIT;
    (void)user;
    int32_t status = aip_batch_column(batch, 0, &id, err);
    if (!status) status = aip_batch_column(batch, 1, &x, err);
    for (int64_t i = 0; !status && i < id.length; i++)
        printf("%d %g\n", (int)((const int64_t *)id.values)[i], ((const double *)x.values)[i]);
    return status;
}

int main(void) {
    aip_error *err = NULL, *expected = NULL;
    aip_context *ctx = NULL;
    aip_dataset *data = NULL, *clipped = NULL;
    aip_stage *stage = NULL, *wrong = NULL;
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "clip";
    d.doc = "Holds a column within bounds";
    d.params = params;
    d.n_params = 3;
    d.ops = &ops;
    d.rows = AIP_ROWS_SAME; /* so it may stand in a package */
    int32_t status = aip_context_create(NULL, &ctx, &err);
    if (!status) status = aip_catalog_register(ctx, &d, &err);
    if (!status) status = rows(ctx, &data, &err);
    if (!status) status = aip_stage_create(ctx, "clip", AIP_JSON({"column" : "x", "upper" : 10}), NULL, 0, &stage, &err);
    if (!status) status = aip_dataset_transform(data, stage, &clipped, &err);
    if (!status) status = aip_dataset_each(clipped, NULL, show, NULL, NULL, &err);
    if (!status) aip_stage_create(ctx, "clip", AIP_JSON({"column" : "x", "uper" : 10}), NULL, 0, &wrong, &expected);
    printf("%s\n", aip_error_text(status ? err : expected));
    aip_error_free(expected);
    aip_error_free(err);
    aip_dataset_free(clipped);
    aip_dataset_free(data);
    aip_stage_free(stage);
    aip_context_free(ctx);
    return status != AIP_OK;
}
