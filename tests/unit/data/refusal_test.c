/* Every operation on columns and batches with each of its allocations refused in turn: AIP_E_NOMEM, nothing left behind, outputs untouched; and the
 * same result as ever once memory is there. */
#include "data/arrow.h"
#include "data_suites.h"
#include <stdlib.h>

typedef struct refusing {
    void *(*resize)(void *user, void *ptr, size_t old_size, size_t new_size, size_t align);
    void *user;
    int64_t left; /* allocations until one is refused; negative: none is */
} refusing;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    refusing *r = user;
    if (new_size > old_size && r->left >= 0 && r->left-- == 0) return NULL;
    return r->resize(r->user, ptr, old_size, new_size, align);
}

/* What the operations work on: a utf8, a dictionary, an int64 and a bool column of 200 rows with nulls, as columns and as a batch. */
typedef struct things {
    aip_context *ctx;
    aip__column *columns[4];
    aip_schema *schema;
    aip_batch *batch;
} things;

static const char *const names[4] = {"text", "code", "number", "flag"};

static int32_t make_texts(aip_context *ctx, aip__column **out, aip_error **err) {
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, ctx, AIP_UTF8, 0, 0, err));
    int32_t status = AIP_OK;
    for (int i = 0; i < 200 && status == AIP_OK; i++)
        status = i % 7 == 0 ? aip__utf8_add_null(&b, err) : aip__utf8_add(&b, "0123456789abcdef", (size_t)(i % 17), err);
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

static int32_t make_fixed(aip_context *ctx, int32_t type, aip__column **out, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(ctx, type, 200, true, &c, err));
    uint8_t *validity = aip__column_validity_mut(c);
    if (!validity) {
        aip__column_free(c);
        return aip__error_memory(ctx, err);
    }
    for (int i = 0; i < 200; i += 3) aip__bit_clear(validity, i);
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

static void things_begin(things *t) {
    aip_field fields[4];
    t->ctx = test_context();
    OK(make_texts(t->ctx, &t->columns[0], &err));
    OK(aip__column_encode(t->columns[0], &t->columns[1], &err));
    OK(make_fixed(t->ctx, AIP_INT64, &t->columns[2], &err));
    OK(make_fixed(t->ctx, AIP_BOOL, &t->columns[3], &err));
    for (int i = 0; i < 4; i++) fields[i] = aip__field(names[i], t->columns[i]->type);
    OK(aip_schema_create(t->ctx, fields, 4, &t->schema, &err));
    for (int i = 0; i < 4; i++) aip__column_retain(t->columns[i]);
    OK(aip__batch_new(t->schema, 200, t->columns, &t->batch, &err));
}

static void things_end(things *t) {
    for (int i = 0; i < 4; i++) aip__column_free(t->columns[i]);
    aip_schema_free(t->schema);
    aip_batch_free(t->batch);
    test_context_end(t->ctx);
}

/* ---- the operations; each frees what it made -------------------------------------------------------------------------------------------- */

static int32_t keep(int32_t status, aip__column **c) {
    ck_assert((status == AIP_OK) == (*c != NULL));
    aip__column_free(*c);
    *c = NULL;
    return status;
}

static int32_t select_rows(const things *t, aip_error **err) {
    const int64_t rows[4] = {3, -1, 100, 3};
    uint8_t mask[25] = {0x5a, 0xff};
    aip__column *c = NULL;
    for (int i = 0; i < 4; i++) {
        AIP__TRY(keep(aip__column_slice(t->columns[i], 5, 100, &c, err), &c));
        AIP__TRY(keep(aip__column_filter(t->columns[i], mask, 12, &c, err), &c));
        AIP__TRY(keep(aip__column_take(t->columns[i], rows, 4, &c, err), &c));
        AIP__TRY(keep(aip__column_nulls(t->ctx, t->columns[i]->type, 9, &c, err), &c));
    }
    return AIP_OK;
}

static int32_t build_columns(const things *t, aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(keep(make_texts(t->ctx, &c, err), &c));
    AIP__TRY(keep(aip__column_encode(t->columns[0], &c, err), &c));
    AIP__TRY(keep(aip__column_decode(t->columns[1], &c, err), &c));
    for (int i = 0; i < 4; i++) {
        aip_column_view v;
        aip__column_view(t->columns[i], &v);
        AIP__TRY(keep(aip__column_from_view(t->ctx, &v, 3, 100, &c, err), &c));
    }
    return AIP_OK;
}

static int32_t join_columns(const things *t, aip_error **err) {
    aip__column *c = NULL, *other = NULL;
    for (int i = 0; i < 4; i++)
        AIP__TRY(keep(aip__column_concat(t->ctx, (aip__column *[]){t->columns[i], t->columns[i]}, 2, &c, err), &c));
    AIP__TRY(aip__column_encode(t->columns[0], &other, err)); /* another dictionary of the same texts */
    int32_t status = keep(aip__column_concat(t->ctx, (aip__column *[]){t->columns[1], other}, 2, &c, err), &c);
    aip__column_free(other);
    return status;
}

static int32_t cast_columns(const things *t, aip_error **err) {
    aip__column *c = NULL;
    for (int i = 0; i < 4; i++)
        for (int32_t type = AIP_BOOL; type <= AIP_FLOAT64; type++) {
            aip_field from = aip__field(names[i], t->columns[i]->type), to = aip__field(names[i], type);
            AIP__TRY(keep(aip__column_cast(t->columns[i], &from, &to, false, &c, err), &c));
        }
    for (int i = 0; i < 4; i++) {
        aip_field from = aip__field(names[i], t->columns[i]->type), to = aip__field(names[i], i == 0 ? AIP_DICTIONARY : AIP_UTF8);
        AIP__TRY(keep(aip__column_cast(t->columns[i], &from, &to, true, &c, err), &c));
    }
    return AIP_OK;
}

static int32_t make_batches(const things *t, aip_error **err) {
    uint8_t mask[25] = {0x5a, 0xff};
    aip_batch *b = NULL;
    aip_column_view views[4];
    aip_schema *s = NULL;
    for (int i = 0; i < 4; i++) aip__column_view(t->columns[i], &views[i]);
    AIP__TRY(aip_batch_create(t->schema, views, 4, &b, err));
    aip_batch_free(b);
    AIP__TRY(aip__batch_slice(t->batch, 10, 20, &b, err));
    aip_batch_free(b);
    AIP__TRY(aip__batch_filter(t->batch, mask, &b, err));
    aip_batch_free(b);
    AIP__TRY(aip_schema_create(t->ctx, t->schema->fields, 4, &s, err));
    int32_t status = aip__batch_relabel(t->batch, s, &b, err);
    aip_schema_free(s);
    if (status == AIP_OK) aip_batch_free(b);
    return status;
}

static int32_t cross_arrow(const things *t, aip_error **err) {
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    aip_schema *s = NULL;
    aip_batch **batches = NULL;
    int64_t n = 0;
    AIP__TRY(aip_batch_to_arrow(t->batch, &schema, &array, err));
    int32_t status = aip__arrow_import_schema(t->ctx, &schema, &s, err);
    if (status == AIP_OK) status = aip__arrow_import_array(s, &schema, &array, &batches, &n, err);
    if (array.release) array.release(&array);
    schema.release(&schema);
    if (batches) ck_assert(n == 1 && aip__batch_equal(batches[0], t->batch));
    for (int64_t i = 0; i < n; i++) aip_batch_free(batches[i]);
    aip__free(t->ctx, batches);
    aip_schema_free(s);
    return status;
}

static void hold_each_refusal(int32_t (*use)(const things *t, aip_error **err)) {
    things t;
    things_begin(&t);
    refusing r = {t.ctx->allocator.resize, t.ctx->allocator.user, -1};
    uint64_t before = aip_context_memory_used(t.ctx);
    t.ctx->allocator.resize = resize;
    t.ctx->allocator.user = &r;
    t.ctx->spare.limit = 0; /* every buffer comes from the allocator */
    int refused = 0;
    for (int64_t at = 0; r.left < 0; at++) {
        aip_error *err = NULL;
        r.left = at;
        int32_t status = use(&t, &err);
        ck_assert_uint_eq(aip_context_memory_used(t.ctx), before);
        ck_assert_int_eq(aip_error_status(err), status);
        aip_error_free(err);
        if (status == AIP_OK) continue; /* none was refused, or a buffer that asked for room to grow was content with less */
        ck_assert_int_eq(status, AIP_E_NOMEM);
        refused++;
    }
    ck_assert_int_gt(refused, 5);
    t.ctx->allocator.resize = r.resize;
    t.ctx->allocator.user = r.user;
    things_end(&t);
}

START_TEST(selecting_rows_survives_each_refusal) { hold_each_refusal(select_rows); }
END_TEST
START_TEST(building_columns_survives_each_refusal) { hold_each_refusal(build_columns); }
END_TEST
START_TEST(concatenating_survives_each_refusal) { hold_each_refusal(join_columns); }
END_TEST
START_TEST(casting_survives_each_refusal) { hold_each_refusal(cast_columns); }
END_TEST
START_TEST(making_batches_survives_each_refusal) { hold_each_refusal(make_batches); }
END_TEST
START_TEST(crossing_arrow_survives_each_refusal) { hold_each_refusal(cross_arrow); }
END_TEST

Suite *refusal_suite(void) {
    const TTest *const tests[] = {selecting_rows_survives_each_refusal,
                                  building_columns_survives_each_refusal,
                                  concatenating_survives_each_refusal,
                                  casting_survives_each_refusal,
                                  making_batches_survives_each_refusal,
                                  crossing_arrow_survives_each_refusal,
                                  NULL};
    return unit_suite("refusal", tests);
}
