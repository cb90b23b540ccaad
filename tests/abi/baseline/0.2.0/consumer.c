/* consumer.c: a host of release 0.2.0: the one of 0.1.0, compiled against the headers of 0.2.0, which lie beside this file, and then every function
 * that came with 0.2.0. It runs with the library of today, and is never adapted to a later version. */
static int consumer_of_the_release_before(void);
#define main consumer_of_the_release_before
#include "../0.1.0/consumer.c"
#undef main

/* ---- a connector of the host's own: `ten:` gives x = 0 to 9 but for one record, which it refuses; what is written to it is added up ---- */
static struct {
    aip_context *ctx;
    int passes, open, selfs, aborted;
    int64_t rows;
} ten;

static int32_t ten_create(aip_context *ctx, void *user, const aip_params *p, const aip_location *at, void **self, aip_error **e) {
    (void)e;
    TRUE(user == &ten && at->struct_size >= sizeof *at);
    SAME(at->rest, "all");
    SAME(aip_params_string(p, "path"), at->path);
    ten.ctx = ctx;
    ten.selfs++;
    *self = &ten;
    return AIP_OK;
}
static void ten_destroy(void *self) {
    TRUE(self == &ten);
    ten.selfs--;
}
static int32_t ten_schema(void *self, aip_schema **out, aip_error **e) {
    aip_field field = AIP_FIELD_INIT;
    field.name = "x";
    field.type = AIP_FLOAT64;
    TRUE(self == &ten);
    return aip_schema_create(ten.ctx, &field, 1, out, e);
}
static int32_t ten_open(void *self, aip_pass *pass, void **cursor, aip_error **e) {
    (void)e;
    TRUE(self == &ten && aip_pass_cancelled(pass) == 0);
    int *done = calloc(1, sizeof *done);
    TRUE(done);
    ten.open++;
    ten.passes++;
    *cursor = done;
    return AIP_OK;
}
static int32_t ten_next(void *self, void *cursor, aip_pass *pass, aip_batch **out, aip_error **e) {
    static const double x[] = {0, 1, 2, 3, 4, 5, 6, 8, 9};
    int *is_done = cursor;
    aip_schema *schema = NULL;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    if ((*is_done)++) return AIP_OK;
    int32_t status = aip_pass_reject(pass, 8, "x", 70, "it is seven", "7", 1, e);
    if (status == AIP_OK) status = ten_schema(self, &schema, e);
    view.type = AIP_FLOAT64;
    view.length = sizeof x / sizeof *x;
    view.values = x;
    if (status == AIP_OK) status = aip_batch_create(schema, &view, 1, out, e);
    aip_schema_free(schema);
    return status;
}
static void ten_close(void *self, void *cursor) {
    TRUE(self == &ten);
    free(cursor);
    ten.open--;
}
static int32_t ten_write_open(void *self, const aip_schema *schema, void **writer, aip_error **e) {
    (void)self, (void)e;
    TRUE(aip_schema_find(schema, "x") == 0);
    ten.rows = 0;
    *writer = &ten;
    return AIP_OK;
}
static int32_t ten_write(void *self, void *writer, const aip_batch *batch, aip_error **e) {
    (void)self, (void)e;
    TRUE(writer == &ten);
    ten.rows += aip_batch_n_rows(batch);
    return AIP_OK;
}
static int32_t ten_write_finish(void *self, void *writer, aip_error **e) {
    (void)self, (void)writer;
    aip_error *cause = NULL;
    if (ten.rows < 100) return AIP_OK;
    TRUE(aip_error_set(&cause, 77, "too many rows") == 77);
    int32_t status = aip_error_copy(e, cause); /* handed on with its place */
    aip_error_free(cause);
    return status;
}
static void ten_write_abort(void *self, void *writer) {
    (void)self, (void)writer;
    ten.aborted++;
}

static void connectors(aip_context *ctx) {
    static aip_connector_ops ops = AIP_CONNECTOR_OPS_INIT;
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    aip_dataset *data = NULL, *rejects = NULL;
    char *profile = NULL;
    double many[200] = {0};
    ops.create = ten_create;
    ops.destroy = ten_destroy;
    ops.schema = ten_schema;
    ops.open = ten_open;
    ops.next = ten_next;
    ops.close = ten_close;
    ops.write_open = ten_write_open;
    ops.write_batch = ten_write;
    ops.write_finish = ten_write_finish;
    ops.write_abort = ten_write_abort;
    d.kind = AIP_KIND_CONNECTOR;
    d.name = "ten";
    d.doc = "Ten numbers.";
    d.ops = &ops;
    d.user = &ten;
    OK(aip_catalog_register(ctx, &d, &err));
    OK(aip_dataset_read(ctx, "{\"path\": \"ten:all\"}", &data, &err));
    TRUE(sum_x(data) == 38);
    OK(aip_dataset_rejects(data, NULL, &rejects, &err));
    int64_t n = 0;
    OK(aip_dataset_count(rejects, NULL, &n, &err));
    TRUE(n == 1);
    aip_dataset_free(rejects);
    OK(aip_dataset_profile(data, "{\"head\": 1}", NULL, &profile, &err));
    TRUE(strstr(profile, "\"rows\":9") && strstr(profile, "\"rejected\":1") && strstr(profile, "\"max\":9"));
    aip_text_free(ctx, profile);
    OK(aip_dataset_write(data, "{\"path\": \"ten://all\"}", NULL, NULL, &err));
    TRUE(ten.rows == 9 && ten.aborted == 0);

    aip_schema *schema = NULL;
    aip_dataset *long_one = NULL;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.type = AIP_FLOAT64;
    view.length = 200;
    view.values = many;
    OK(ten_schema(&ten, &schema, &err));
    aip_schema_retain(schema);
    aip_schema_free(schema); /* one is left */
    OK(aip_dataset_from_columns(schema, &view, 1, &long_one, &err));
    REFUSED(77, aip_dataset_write(long_one, "{\"path\": \"ten:all\"}", NULL, NULL, &err));
    TRUE(ten.aborted == 1);
    aip_dataset_free(long_one);
    aip_dataset_free(data);
    TRUE(ten.open == 0 && ten.passes >= 1 && ten.selfs == 0);

    aip_batch *base = NULL, *derived = NULL; /* a column more; the other is shared */
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT}, of = AIP_COLUMN_VIEW_INIT;
    aip_schema *wider = NULL;
    fields[0].name = "x";
    fields[1].name = "twice";
    fields[0].type = fields[1].type = AIP_FLOAT64;
    views[1] = view;
    OK(aip_batch_create(schema, &view, 1, &base, &err));
    OK(aip_schema_create(ctx, fields, 2, &wider, &err));
    OK(aip_batch_derive(base, wider, views, 2, &derived, &err));
    OK(aip_batch_column(derived, 1, &of, &err));
    TRUE(aip_batch_n_rows(derived) == 200 && of.length == 200);
    aip_batch_free(derived);
    aip_batch_free(base);
    aip_schema_free(wider);
    aip_schema_free(schema);
    REFUSED(AIP_E_NOT_FOUND, aip_module_load(ctx, "./no/such/module.so", &err));
    TRUE(aip_error_copy(NULL, NULL) == AIP_E_INTERNAL);
}

static void parts_of_packages(aip_context *ctx) {
    double x[40], late[40], scores[2];
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    for (int i = 0; i < 40; i++) {
        x[i] = i;
        late[i] = i * 7 % 40 > 20;
    }
    fields[0].name = "x";
    fields[1].name = "late";
    for (int i = 0; i < 2; i++) {
        fields[i].type = views[i].type = AIP_FLOAT64;
        views[i].length = 40;
        views[i].values = i ? late : x;
    }
    aip_schema *schema = NULL;
    aip_dataset *data = NULL, *seen = NULL;
    aip_stage *both[2] = {NULL}, *pipeline = NULL, *fitted = NULL;
    aip_model *model = NULL;
    aip_package *whole = NULL, *again = NULL, *bare = NULL;
    char *text = NULL;
    OK(aip_schema_create(ctx, fields, 2, &schema, &err));
    OK(aip_dataset_from_columns(schema, views, 2, &data, &err));
    OK(aip_stage_create(ctx, "simple_imputer", "{\"columns\": [\"x\"]}", NULL, 0, &both[0], &err));
    OK(aip_stage_create(ctx, "standard_scaler", "{\"columns\": [\"x\"]}", NULL, 0, &both[1], &err));
    OK(aip_stage_pipeline(ctx, both, 2, &pipeline, &err));
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_package_fit(ctx, pipeline, model, data, "late", NULL, &whole, &err));
    aip_model_free(model);
    OK(aip_package_pipeline(whole, &fitted, &err));
    OK(aip_package_model(whole, &model, &err));
    TRUE(aip_stage_n_stages(fitted) == 2 && !aip_stage_at(fitted, 2));
    SAME(aip_stage_name(aip_stage_at(fitted, 1)), "standard_scaler");
    OK(aip_stage_describe(aip_stage_at(fitted, 1), &text, &err));
    TRUE(strstr(text, "\"mean\":{\"x\":19.5}") && strstr(text, "\"n_samples_seen\":{\"x\":40}"));
    aip_text_free(ctx, text);
    TRUE(aip_schema_n_fields(aip_package_inputs(whole)) == 1);

    aip_stage_retain(fitted);
    aip_stage_free(fitted);
    aip_model_retain(model);
    aip_model_free(model);
    OK(aip_package_create(ctx, fitted, model, schema, "late", &again, &err));
    const char *by_batches = "";
    aip_package *const two[] = {whole, again};
    for (int i = 0; i < 2; i++) {
        aip_scorer *scorer = NULL;
        OK(aip_scorer_create(two[i], NULL, &scorer, &err));
        OK(aip_scorer_bind(scorer, "x", AIP_FLOAT64, 0, &err));
        OK(aip_scorer_prepare(scorer, &by_batches, &err));
        TRUE(!by_batches);
        OK(aip_scorer_run(scorer, &x[11], sizeof *x, 1, &scores[i], &err));
        aip_scorer_free(scorer);
    }
    TRUE(memcmp(&scores[0], &scores[1], sizeof *scores) == 0);
    OK(aip_package_create(ctx, fitted, NULL, schema, NULL, &bare, &err));
    OK(aip_package_transform(bare, data, &seen, &err));
    double sum = sum_x(seen);
    TRUE(sum > -1e-9 && sum < 1e-9); /* scaled */
    REFUSED(AIP_E_STATE, aip_package_predict(bare, data, &seen, &err));
    aip_dataset_free(seen);
    aip_package_free(bare);
    aip_package_free(again);
    aip_package_free(whole);
    aip_model_free(model);
    aip_stage_free(fitted);
    aip_stage_free(pipeline);
    aip_stage_free(both[0]);
    aip_stage_free(both[1]);
    aip_dataset_free(data);
    aip_schema_free(schema);
}

int main(void) {
    aip_context *ctx = NULL;
    TRUE(consumer_of_the_release_before() == 0);
    OK(aip_context_create(NULL, &ctx, &err));
    connectors(ctx);
    parts_of_packages(ctx);
    aip_context_free(ctx);
    printf("consumer 0.2.0 on library %s: %d rules held\n", aip_version(), atomic_load(&held));
    return 0;
}
