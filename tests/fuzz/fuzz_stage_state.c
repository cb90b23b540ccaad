/* What a package brings for each stage that learns: any bytes are refused, or read as a fit that binds, applies and saves without a fault. The
 * first byte picks the stage, and whether the rest is a fit or the state of a fold. */
#include "base/bytes.h"
#include "base/catalog.h"
#include "data/stage.h"
#include "transform/transform.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const stages[][2] = {
    {"standard_scaler", NULL},
    {"simple_imputer", "{\"columns\": \"numeric\", \"add_indicator\": true}"},
    {"simple_imputer", "{\"columns\": \"numeric\", \"strategy\": \"median\"}"},
    {"simple_imputer", "{\"strategy\": \"most_frequent\"}"},
    {"simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": \"gone\", \"add_indicator\": true}"},
    {"one_hot_encoder", "{\"columns\": \"all\", \"handle_unknown\": \"ignore\"}"},
};
#define N_STAGES (sizeof stages / sizeof *stages)

static aip_context *ctx;
static aip_stage *made[N_STAGES];
static aip_batch *batch; /* columns x, k, t: float64, int32, utf8; each 1, null */

static void must_be_ok(int32_t status, int line) {
    if (status == AIP_OK) return;
    fprintf(stderr, "fuzz_stage_state.c:%d: status %d\n", line, (int)status);
    abort();
}
#define must(status) must_be_ok(status, __LINE__)

static void set_up(void) {
    must(aip__context_init(NULL, &ctx, NULL));
    must(aip__catalog_create(ctx, &ctx->catalog, NULL));
    must(aip__transform_register(ctx, NULL));
    for (size_t i = 0; i < N_STAGES; i++) must(aip_stage_create(ctx, stages[i][0], stages[i][1], NULL, 0, &made[i], NULL));
    aip_field fields[3] = {aip__field("x", AIP_FLOAT64), aip__field("k", AIP_INT32), aip__field("t", AIP_UTF8)};
    aip_schema *schema = NULL;
    must(aip_schema_create(ctx, fields, 3, &schema, NULL));
    aip__column *columns[3] = {NULL};
    for (int i = 0; i < 2; i++) {
        must(aip__column_new(ctx, fields[i].type, 2, true, &columns[i], NULL));
        aip__bit_clear(aip__column_validity_mut(columns[i]), 1);
        if (i == 0) aip__column_f64_mut(columns[i])[0] = 1;
        if (i == 1) aip__column_i32_mut(columns[i])[0] = 1;
        aip__column_publish(columns[i]);
    }
    aip__utf8_builder b;
    must(aip__utf8_begin(&b, ctx, AIP_UTF8, 2, 1, NULL));
    must(aip__utf8_add(&b, "1", 1, NULL));
    must(aip__utf8_add_null(&b, NULL));
    must(aip__utf8_end(&b, &columns[2], NULL));
    must(aip__batch_new(schema, 2, columns, &batch, NULL));
    aip_schema_free(schema);
}

static void fit(aip_stage *s, aip_reader *r) {
    const aip_stage_ops *ops = s->spec->ops;
    void *fitted = NULL;
    if (ops->load(s->spec->self, r, &fitted, NULL) != AIP_OK) return;
    aip_stage *twin = NULL;
    must(aip__stage_with_learned(s, fitted, -1, &twin, NULL));
    aip_writer w;
    aip__writer_init(&w, ctx);
    must(ops->save(s->spec->self, twin->learned->fitted, &w, NULL));
    aip_reader again;
    void *same = NULL;
    aip__reader_init(&again, ctx, w.text.bytes, w.text.n, NULL);
    must(ops->load(s->spec->self, &again, &same, NULL)); /* what it wrote, it reads */
    ops->fitted_destroy(same);
    aip__writer_free(&w);
    char *json = NULL;
    must(aip_stage_describe(twin, &json, NULL)); /* a JSON object, whatever was loaded */
    aip_text_free(ctx, json);
    aip_batch *out = NULL;
    if (aip_stage_apply(twin, batch, &out, NULL) == AIP_OK) aip_batch_free(out);
    aip_stage_free(twin);
}

static void state(aip_stage *s, aip_reader *r) {
    const aip_stage_ops *ops = s->spec->ops;
    aip_reader again = *r;
    void *fold = NULL, *loaded = NULL, *second = NULL, *fitted = NULL;
    must(ops->fold_create(s->spec->self, batch->schema, &fold, NULL));
    if (ops->fold->load(fold, r, &loaded, NULL) == AIP_OK) {
        must(ops->fold->load(fold, &again, &second, NULL));
        if (ops->fold->update(fold, loaded, batch, NULL) == AIP_OK && ops->fold->merge(fold, loaded, second, NULL) == AIP_OK
            && ops->fold_finish(s->spec->self, fold, loaded, &fitted, NULL) == AIP_OK)
            ops->fitted_destroy(fitted);
        ops->fold->destroy(fold, second);
        ops->fold->destroy(fold, loaded);
    }
    ops->fold_destroy(fold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!ctx) set_up();
    if (size == 0) return 0;
    aip_reader r;
    aip__reader_init(&r, ctx, data + 1, size - 1, NULL);
    aip_stage *s = made[data[0] / 2 % N_STAGES];
    if (data[0] % 2)
        state(s, &r);
    else
        fit(s, &r);
    return 0;
}
