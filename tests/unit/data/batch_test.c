/* Batches: made from host columns through the public calls, sliced, filtered, projected. */
#include "data/batch.h"
#include "data_suites.h"

static const int64_t ids[4] = {10, 11, 12, 13};
static const double xs[4] = {0.5, 1.5, 2.5, 3.5};
static const uint8_t x_valid[1] = {0x0b}; /* row 2 is null */

static aip_schema *two_columns(aip_context *ctx) {
    aip_field fields[2] = {aip__field("id", AIP_INT64), aip__field("x", AIP_FLOAT64)};
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, fields, 2, &s, &err));
    return s;
}

static void views(aip_column_view v[2]) {
    v[0] = v[1] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
    v[0].type = AIP_INT64;
    v[0].values = ids;
    v[1].type = AIP_FLOAT64;
    v[1].values = xs;
    v[1].validity = x_valid;
    v[0].length = v[1].length = 4;
}

static aip_batch *four_rows(const aip_schema *s) {
    aip_column_view v[2];
    views(v);
    aip_batch *b = NULL;
    OK(aip_batch_create(s, v, 2, &b, &err));
    return b;
}

START_TEST(a_batch_gives_back_the_columns_it_was_made_from) {
    aip_context *ctx = test_context();
    aip_schema *s = two_columns(ctx);
    aip_batch *b = four_rows(s);
    ck_assert_int_eq(aip_batch_n_rows(b), 4);
    ck_assert(aip__schema_equal(aip_batch_schema(b), s));
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    OK(aip_batch_column(b, 1, &v, &err));
    ck_assert_int_eq(v.null_count, 1);
    ck_assert_double_eq(((const double *)v.values)[3], 3.5);
    ck_assert_double_eq(((const double *)v.values)[2], 0.0);
    FAILS(aip_batch_column(b, 2, &v, &err), AIP_E_MISUSE, "column 2");
    v.struct_size = 24; /* an older host: only the first fields are written */
    v.values = NULL;
    OK(aip_batch_column(b, 0, &v, &err));
    ck_assert_int_eq(v.length, 4);
    ck_assert_ptr_null(v.values);
    aip_schema_free(s);
    aip_batch_free(b);
    test_context_end(ctx);
}
END_TEST

START_TEST(columns_that_do_not_fit_the_schema_are_refused) {
    aip_context *ctx = test_context();
    aip_schema *s = two_columns(ctx);
    aip_batch *b = NULL;
    aip_column_view v[2];
    views(v);
    FAILS(aip_batch_create(s, v, 1, &b, &err), AIP_E_MISUSE, "1 column for a schema of 2");
    v[1].length = 3;
    FAILS(aip_batch_create(s, v, 2, &b, &err), AIP_E_MISUSE, "'x' has 3 rows");
    views(v);
    v[0].type = AIP_FLOAT64;
    FAILS(aip_batch_create(s, v, 2, &b, &err), AIP_E_SCHEMA, "'id' is int64");
    views(v);
    v[0].length = AIP_BATCH_MAX_ROWS + 1;
    FAILS(aip_batch_create(s, v, 2, &b, &err), AIP_E_MISUSE, "65537 rows");
    ck_assert_ptr_null(b);
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(slice_filter_and_project_keep_schema_and_rows) {
    aip_context *ctx = test_context();
    aip_schema *s = two_columns(ctx), *one = NULL;
    aip_batch *b = four_rows(s), *part = NULL, *kept = NULL, *all = NULL, *x = NULL;
    b->ordinal = 100;
    OK(aip__batch_slice(b, 1, 2, &part, &err));
    ck_assert_int_eq(part->ordinal, 101);
    ck_assert_int_eq(aip__column_i64(part->columns[0])[1], 12);
    const uint8_t mask[8] = {0x09}, full[8] = {0x0f};
    OK(aip__batch_filter(b, mask, &kept, &err));
    ck_assert_int_eq(kept->n_rows, 2);
    ck_assert_int_eq(aip__column_i64(kept->columns[0])[1], 13);
    ck_assert_int_eq(kept->columns[1]->null_count, 0);
    OK(aip__batch_filter(b, full, &all, &err));
    ck_assert_ptr_eq(all, b);
    aip_field field = aip__field("renamed", AIP_FLOAT64);
    OK(aip_schema_create(ctx, &field, 1, &one, &err));
    const int32_t index = 1;
    OK(aip__batch_project(b, &index, one, &x, &err));
    ck_assert_int_eq(x->n_columns, 1);
    ck_assert_ptr_eq(x->columns[0], b->columns[1]);
    ck_assert_int_eq(x->ordinal, 100);
    ck_assert(!aip__batch_equal(x, b));
    ck_assert(aip__batch_equal(all, b));
    aip_batch *const batches[] = {b, part, kept, all, x};
    for (size_t i = 0; i < 5; i++) aip_batch_free(batches[i]);
    aip_schema_free(one);
    aip_schema_free(s);
    test_context_end(ctx);
}
END_TEST

START_TEST(a_derived_batch_shares_what_it_keeps_and_copies_what_is_new) {
    aip_context *ctx = test_context(), *other = test_context();
    aip_schema *s = two_columns(ctx), *wide = NULL, *foreign = two_columns(other), *scaled = NULL;
    aip_batch *b = four_rows(s), *d = NULL;
    b->ordinal = 100;
    aip_field fields[3] = {aip__field("x", AIP_FLOAT64), aip__field("twice", AIP_FLOAT64), aip__field("id", AIP_INT64)};
    OK(aip_schema_create(ctx, fields, 3, &wide, &err));
    const double twice[4] = {1, 3, 5, 7};
    aip_column_view v[3] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    v[1].type = AIP_FLOAT64;
    v[1].length = 4;
    v[1].values = twice;
    OK(aip_batch_derive(b, wide, v, 3, &d, &err));
    ck_assert_ptr_eq(d->columns[0], b->columns[1]);
    ck_assert_ptr_eq(d->columns[2], b->columns[0]);
    ck_assert_ptr_ne(d->columns[1]->values, twice);
    ck_assert_double_eq(aip__column_f64(d->columns[1])[3], 7);
    ck_assert_int_eq(d->ordinal, 100);
    aip_batch_free(d);
    d = NULL;
    v[1].length = 3;
    FAILS(aip_batch_derive(b, wide, v, 3, &d, &err), AIP_E_MISUSE, "'twice' has 3 rows in a batch of 4");
    v[1].type = 0;
    FAILS(aip_batch_derive(b, wide, v, 3, &d, &err), AIP_E_SCHEMA, "no column 'twice'");
    FAILS(aip_batch_derive(b, foreign, v, 2, &d, &err), AIP_E_MISUSE, "different contexts");
    FAILS(aip_batch_derive(b, wide, v, 2, &d, &err), AIP_E_MISUSE, "2 columns for a schema of 3");
    fields[0].type = AIP_INT64; /* not the type that the batch's column has */
    OK(aip_schema_create(ctx, fields, 1, &scaled, &err));
    FAILS(aip_batch_derive(b, scaled, v, 1, &d, &err), AIP_E_SCHEMA, "'x' is int64 in the schema and float64 in the batch");
    ck_assert_ptr_null(d);
    aip_batch_free(b);
    aip_schema *const schemas[] = {s, wide, foreign, scaled};
    for (size_t i = 0; i < 4; i++) aip_schema_free(schemas[i]);
    test_context_end(ctx);
    test_context_end(other);
}
END_TEST

START_TEST(a_batch_keeps_its_context_alive) {
    aip_context *ctx = test_context();
    aip_schema *s = two_columns(ctx);
    aip_batch *b = four_rows(s);
    aip_schema_free(s);
    aip__context_release(ctx);
    ck_assert_int_eq(aip_schema_n_fields(aip_batch_schema(b)), 2);
    aip_batch_free(b);
}
END_TEST

Suite *batch_suite(void) {
    const TTest *const tests[] = {a_batch_gives_back_the_columns_it_was_made_from,
                                  columns_that_do_not_fit_the_schema_are_refused,
                                  slice_filter_and_project_keep_schema_and_rows,
                                  a_derived_batch_shares_what_it_keeps_and_copies_what_is_new,
                                  a_batch_keeps_its_context_alive,
                                  NULL};
    return unit_suite("batch", tests);
}
