/* Stages as a host defines them: registered through the public call, created from JSON, fitted by a fold, put in a pipeline, applied. The stage
 * subtracts the column's mean; expected values by hand. */
#include "base/catalog.h"
#include "data/scan.h"
#include "data_suites.h"
#include "exec/group.h"
#include "exec/pool.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    aip_context *ctx;
    char column[64];
} center;
typedef struct {
    int32_t index;
} center_fold;
typedef struct {
    double sum;
    int64_t n;
} center_state;
typedef struct {
    int32_t index;
    double mean;
} center_bound;

static int destroyed; /* how many selves went */

static int32_t center_create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                             void **self, aip_error **err) {
    (void)user;
    (void)inputs;
    (void)n_inputs;
    (void)err;
    center *c = calloc(1, sizeof *c);
    c->ctx = ctx;
    snprintf(c->column, sizeof c->column, "%s", aip_params_string(params, "column"));
    *self = c;
    return AIP_OK;
}
static void center_destroy(void *self) {
    destroyed++;
    free(self);
}
static int32_t find(const center *c, const aip_schema *schema, int32_t *index, aip_error **err) {
    *index = aip_schema_find(schema, c->column);
    return *index >= 0 ? AIP_OK : aip_error_set(err, AIP_E_SCHEMA, "no such column to center");
}
static int32_t fold_create(const void *self, const aip_schema *schema, void **fold, aip_error **err) {
    center_fold *f = calloc(1, sizeof *f);
    int32_t status = find(self, schema, &f->index, err);
    if (status != AIP_OK)
        free(f);
    else
        *fold = f;
    return status;
}
static size_t state_bytes(const void *fold) {
    (void)fold;
    return sizeof(center_state);
}
static int32_t state_init(const void *fold, void **state, aip_error **err) {
    (void)fold;
    (void)err;
    *state = calloc(1, sizeof(center_state));
    return AIP_OK;
}
static int32_t state_update(const void *fold, void *state, const aip_batch *b, aip_error **err) {
    center_state *s = state;
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    AIP__TRY(aip_batch_column(b, ((const center_fold *)fold)->index, &v, err));
    for (int64_t i = 0; i < v.length; i++) s->sum += ((const double *)v.values)[i];
    s->n += v.length;
    return AIP_OK;
}
static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold;
    (void)err;
    ((center_state *)into)->sum += ((const center_state *)from)->sum;
    ((center_state *)into)->n += ((const center_state *)from)->n;
    return AIP_OK;
}
static void state_destroy(const void *fold, void *state) {
    (void)fold;
    free(state);
}
static int32_t fold_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err) {
    (void)self;
    (void)fold;
    (void)err;
    double *mean = malloc(sizeof *mean);
    *mean = ((center_state *)state)->sum / (double)((center_state *)state)->n;
    *fitted = mean;
    return AIP_OK;
}
static int32_t center_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **err) {
    center_bound *b = calloc(1, sizeof *b);
    b->mean = *(const double *)fitted;
    int32_t status = find(self, in, &b->index, err);
    if (status == AIP_OK) status = aip_schema_create(((const center *)self)->ctx, in->fields, in->n, out, err);
    if (status != AIP_OK)
        free(b);
    else
        *bound = b;
    return status;
}
static int32_t center_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const center_bound *b = bound;
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    for (int32_t i = 0; i < 2; i++) AIP__TRY(aip_batch_column(in, i, &views[i], err));
    double *values = malloc((size_t)in->n_rows * sizeof *values + 1);
    for (int64_t i = 0; i < in->n_rows; i++) values[i] = ((const double *)views[b->index].values)[i] - b->mean;
    views[b->index].values = values;
    int32_t status = aip_batch_create(aip_batch_schema(in), views, 2, out, err);
    free(values);
    return status;
}

static const aip_param_spec params[] = {
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_STRING, .name = "column", .doc = "the column to center"}};
static const aip_fold_ops fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                      .state_bytes = state_bytes,
                                      .init = state_init,
                                      .update = state_update,
                                      .merge = state_merge,
                                      .destroy = state_destroy};
static const aip_stage_ops stage_ops = {.struct_size = sizeof(aip_stage_ops),
                                        .create = center_create,
                                        .destroy = center_destroy,
                                        .fold = &fold_ops,
                                        .fold_create = fold_create,
                                        .fold_destroy = free,
                                        .fold_finish = fold_finish,
                                        .fitted_destroy = free,
                                        .bind = center_bind,
                                        .unbind = free,
                                        .apply = center_apply};

static aip_context *context_with_center(void) {
    aip_context *ctx = test_context();
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    aip__pool *pool = NULL;
    OK(aip__pool_create(ctx, unit_workers(1), &pool, &ctx->executor, &err));
    ctx->pool = pool;
    OK(aip__catalog_create(ctx, &ctx->catalog, &err));
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "center";
    d.doc = "subtracts the mean";
    d.params = params;
    d.n_params = 1;
    d.ops = &stage_ops;
    d.shorthand = "column";
    OK(aip_catalog_register(ctx, &d, &err));
    return ctx;
}

static void context_end(aip_context *ctx) {
    aip__exec_close(ctx);
    aip__pool_stop(ctx->pool);
    aip__catalog_free(ctx, ctx->catalog);
    aip__pool_free(ctx->pool);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1);
    aip__exec_free(ctx, ctx->exec);
    test_context_end(ctx);
}

/* Two columns, three batches of two rows: x = 1..6, y = 10..60. */
static aip_dataset *six_rows(aip_context *ctx) {
    aip_field fields[2] = {aip__field("x", AIP_FLOAT64), aip__field("y", AIP_FLOAT64)};
    aip_schema *schema = NULL;
    OK(aip_schema_create(ctx, fields, 2, &schema, &err));
    aip_batch *batches[3];
    for (int i = 0; i < 3; i++) {
        double x[2] = {2 * i + 1, 2 * i + 2}, y[2] = {20 * i + 10, 20 * i + 20};
        aip_column_view v[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
        for (int k = 0; k < 2; k++) v[k].type = AIP_FLOAT64, v[k].length = 2, v[k].values = k ? y : x;
        OK(aip_batch_create(schema, v, 2, &batches[i], &err));
    }
    aip_dataset *d = NULL;
    OK(aip_dataset_from_batches(schema, batches, 3, &d, &err));
    for (int i = 0; i < 3; i++) aip_batch_free(batches[i]);
    aip_schema_free(schema);
    return d;
}

static int32_t sum_x(void *user, aip_batch *b, aip_error **err) {
    double *s = user;
    (void)err;
    for (int64_t i = 0; i < b->n_rows; i++) {
        double x = aip__column_f64(b->columns[0])[i], y = aip__column_f64(b->columns[1])[i];
        s[0] += x, s[1] += y, s[2] += x * x;
    }
    return AIP_OK;
}

START_TEST(a_hosts_stage_is_fitted_and_applied_like_any_other) {
    aip_context *ctx = context_with_center();
    aip_dataset *d = six_rows(ctx), *centered = NULL;
    aip_stage *stage = NULL, *fitted = NULL;
    OK(aip_stage_create(ctx, "center", AIP_JSON({"column" : "x"}), NULL, 0, &stage, &err));
    ck_assert_int_eq(aip_stage_is_fitted(stage), 0);
    FAILS(aip_dataset_transform(d, stage, &centered, &err), AIP_E_STATE, "not fitted");
    OK(aip_stage_fit(stage, d, NULL, &fitted, &err));
    ck_assert_int_eq(aip_stage_is_fitted(stage), 0);
    ck_assert_int_eq(aip_stage_is_fitted(fitted), 1);
    OK(aip_dataset_transform(d, fitted, &centered, &err));
    double s[3] = {0, 0, 0};
    OK(aip_dataset_each(centered, NULL, sum_x, s, NULL, &err));
    ck_assert_double_eq(s[0], 0);
    ck_assert_double_eq(s[1], 210);
    ck_assert_double_eq(s[2], 17.5); /* 2 (2.5^2 + 1.5^2 + 0.5^2) */
    /* handles may go in any order: each keeps what it needs */
    destroyed = 0;
    aip_stage_free(stage);
    aip_dataset_free(d);
    aip_stage_free(fitted);
    ck_assert_int_eq(destroyed, 0);
    aip_dataset_free(centered);
    ck_assert_int_eq(destroyed, 1);
    context_end(ctx);
}
END_TEST

START_TEST(in_a_pipeline_each_stage_learns_from_what_the_stages_before_give) {
    aip_context *ctx = context_with_center();
    aip_dataset *d = six_rows(ctx), *out = NULL;
    aip_stage *x = NULL, *y = NULL, *inner = NULL, *pipeline = NULL, *fitted = NULL;
    OK(aip_stage_create(ctx, "center", AIP_JSON({"column" : "x"}), NULL, 0, &x, &err));
    OK(aip_stage_create(ctx, "center", AIP_JSON({"column" : "y"}), NULL, 0, &y, &err));
    OK(aip_stage_pipeline(ctx, &y, 1, &inner, &err));
    aip_stage *both[3] = {x, inner, x}; /* the second x learns a mean of 0 */
    OK(aip_stage_pipeline(ctx, both, 3, &pipeline, &err));
    ck_assert_int_eq(pipeline->n, 3);
    OK(aip_stage_fit(pipeline, d, NULL, &fitted, &err));
    ck_assert_int_eq(aip_stage_n_stages(fitted), 3);
    for (int32_t i = 0; i < 3; i++) {
        ck_assert(aip_stage_is_fitted(aip_stage_at(fitted, i)));
        ck_assert_str_eq(aip_stage_name(aip_stage_at(fitted, i)), "center");
    }
    ck_assert_ptr_null(aip_stage_at(fitted, 3));
    ck_assert_ptr_null(aip_stage_at(fitted, -1));
    ck_assert_ptr_eq(aip_stage_at(x, 0), x);
    ck_assert_int_eq(aip_stage_n_stages(NULL), 0);
    ck_assert_double_eq(*(double *)fitted->stages[0]->learned->fitted, 3.5);
    ck_assert_double_eq(*(double *)fitted->stages[1]->learned->fitted, 35);
    ck_assert_double_eq(*(double *)fitted->stages[2]->learned->fitted, 0);
    OK(aip_dataset_transform(d, fitted, &out, &err));
    double s[3] = {0, 0, 0};
    OK(aip_dataset_each(out, NULL, sum_x, s, NULL, &err));
    ck_assert_double_eq(s[0], 0);
    ck_assert_double_eq(s[1], 0);
    aip_stage_free(x);
    aip_stage_free(y);
    aip_stage_free(inner);
    aip_stage_free(pipeline);
    aip_stage_free(fitted);
    aip_dataset_free(d);
    aip_dataset_free(out);
    context_end(ctx);
}
END_TEST

START_TEST(errors_name_the_stage_and_what_was_expected) {
    aip_context *ctx = context_with_center();
    aip_dataset *d = six_rows(ctx);
    aip_stage *stage = NULL, *fitted = NULL;
    aip_error *e = NULL;
    FAILS(aip_stage_create(ctx, "centre", NULL, NULL, 0, &stage, &err), AIP_E_NOT_FOUND, "did you mean 'center'");
    FAILS(aip_stage_create(ctx, "center", NULL, NULL, 0, &stage, &err), AIP_E_PARAM, "column");
    FAILS(aip_stage_create(ctx, "center", AIP_JSON({"colum" : "x"}), NULL, 0, &stage, &err), AIP_E_PARAM,
          "did you mean 'column'");
    aip_input input = AIP_INPUT_INIT;
    input.name = "with";
    input.dataset = d;
    FAILS(aip_stage_create(ctx, "center", AIP_JSON({"column" : "x"}), &input, 1, &stage, &err), AIP_E_PARAM, "expected 0 input");
    OK(aip_stage_create(ctx, "center", AIP_JSON({"column" : "z"}), NULL, 0, &stage, &err));
    ck_assert_int_eq(aip_stage_fit(stage, d, NULL, &fitted, &e), AIP_E_SCHEMA);
    ck_assert_str_eq(aip_error_stage(e), "center");
    aip_error_free(e);
    aip_stage_free(stage);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

START_TEST(a_hosts_table_of_functions_must_be_complete) {
    aip_context *ctx = context_with_center();
    aip_stage *stage = NULL;
    static aip_stage_ops broken[6]; /* the catalogue borrows them */
    static aip_fold_ops fold;
    static const char *const names[6] = {"broken_a", "broken_b", "broken_c", "broken_d", "broken_e", "broken_f"};
    static const char *const problems[6] = {"struct_size", "bind", "expected apply", "expected apply", "fitted_destroy", "merge"};
    for (int i = 0; i < 6; i++) broken[i] = stage_ops;
    broken[0].struct_size = 16;
    broken[1].bind = NULL;
    broken[2].apply = NULL;
    broken[3].carry_bytes = (size_t(*)(const void *))abort;
    broken[4].fitted_destroy = NULL;
    fold = *stage_ops.fold;
    fold.merge = NULL;
    broken[5].fold = &fold;
    for (int i = 0; i < 6; i++) {
        aip_descriptor d = AIP_DESCRIPTOR_INIT;
        d.kind = AIP_KIND_STAGE;
        d.name = names[i];
        d.doc = "A stage that cannot work.";
        d.ops = &broken[i];
        OK(aip_catalog_register(ctx, &d, &err));
        FAILS(aip_stage_create(ctx, names[i], NULL, NULL, 0, &stage, &err), AIP_E_MISUSE, problems[i]);
    }
    context_end(ctx);
}
END_TEST

START_TEST(handles_of_another_context_are_misuse) {
    aip_context *ctx = context_with_center(), *other = context_with_center();
    aip_dataset *d = six_rows(other), *out = NULL;
    aip_stage *stage = NULL;
    aip_descriptor described = AIP_DESCRIPTOR_INIT;
    described.kind = AIP_KIND_STAGE;
    described.name = "joins";
    described.doc = "A stage with an input.";
    described.inputs = "with";
    described.ops = &stage_ops;
    OK(aip_catalog_register(ctx, &described, &err));
    aip_input input = AIP_INPUT_INIT;
    input.name = "with";
    input.dataset = d;
    FAILS(aip_stage_create(ctx, "joins", NULL, &input, 1, &stage, &err), AIP_E_MISUSE, "another context");
    aip_schema *schema = NULL;
    aip_field field = aip__field("x", AIP_FLOAT64);
    aip_batch *none = NULL;
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    FAILS(aip_dataset_from_batches(schema, &none, 1, &out, &err), AIP_E_MISUSE, "NULL");
    aip_schema_free(schema);
    aip_dataset_free(d);
    context_end(other);
    context_end(ctx);
}
END_TEST

static int32_t from_text(aip_context *ctx, const char *yaml, aip_stage **out, aip_error **err) {
    aip__document *doc = NULL;
    AIP__TRY(aip__yaml_parse(ctx, yaml, strlen(yaml), "dag.yaml", &doc, err));
    int32_t status = aip__stage_from_node(ctx, aip__document_root(doc), "dag.yaml", NULL, NULL, out, err);
    aip__document_free(doc);
    return status;
}

START_TEST(a_list_in_a_document_is_a_pipeline_and_errors_have_its_lines) {
    aip_context *ctx = context_with_center();
    aip_stage *stage = NULL;
    OK(from_text(ctx, "- center: x\n- center: {column: y}\n", &stage, &err));
    ck_assert_int_eq(stage->n, 2);
    ck_assert_str_eq(((center *)stage->stages[0]->spec->self)->column, "x");
    ck_assert_str_eq(((center *)stage->stages[1]->spec->self)->column, "y");
    aip_stage_free(stage);
    aip_error *e = NULL;
    ck_assert_int_eq(from_text(ctx, "- center: x\n- cinter: {column: y}\n", &stage, &e), AIP_E_NOT_FOUND);
    ck_assert_int_eq(aip_error_line(e), 2);
    ck_assert_int_eq(aip_error_column(e), 3);
    ck_assert_str_eq(aip_error_source(e), "dag.yaml");
    aip_error_free(e);
    e = NULL;
    ck_assert_int_eq(from_text(ctx, "- center: x\n- center: x\n  drop: y\n", &stage, &e), AIP_E_PARAM);
    ck_assert_int_eq(aip_error_line(e), 2);
    aip_error_free(e);
    context_end(ctx);
}
END_TEST

Suite *stage_suite(void) {
    Suite *suite = suite_create("stage");
    TCase *tc = tcase_create("stage");
    tcase_add_test(tc, a_hosts_stage_is_fitted_and_applied_like_any_other);
    tcase_add_test(tc, in_a_pipeline_each_stage_learns_from_what_the_stages_before_give);
    tcase_add_test(tc, errors_name_the_stage_and_what_was_expected);
    tcase_add_test(tc, a_hosts_table_of_functions_must_be_complete);
    tcase_add_test(tc, handles_of_another_context_are_misuse);
    tcase_add_test(tc, a_list_in_a_document_is_a_pipeline_and_errors_have_its_lines);
    suite_add_tcase(suite, tc);
    return suite;
}
