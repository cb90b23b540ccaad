/* Datasets from the host's arrays and callbacks. */
#include "../formats/table_fixture.h"
#include "connectors_suites.h"
#include <stdlib.h>

static aip_schema *one_int64(aip_context *ctx) {
    aip_field field = AIP_FIELD_INIT;
    aip_schema *schema = NULL;
    field.name = "n", field.type = AIP_INT64;
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    return schema;
}

typedef struct {
    int64_t next;
} expectation;

static int32_t expect_rising(void *user, aip_batch *b, aip_error **err) {
    expectation *e = user;
    (void)err;
    ck_assert_int_le(b->n_rows, AIP_BATCH_MAX_ROWS);
    for (int64_t i = 0; i < b->n_rows; i++) ck_assert_int_eq(aip__column_i64(b->columns[0])[i], e->next++);
    return AIP_OK;
}

START_TEST(arrays_of_any_length_are_copied_into_batches) {
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        aip_schema *schema = one_int64(ctx);
        for (int64_t n = 0; n <= 200000; n = n == 0 ? 1 : n == 1 ? 65536 : n == 65536 ? 65537 : n + 134463) {
            int64_t *values = malloc((size_t)(n + 1) * sizeof *values), count = 0;
            ck_assert_ptr_nonnull(values);
            for (int64_t i = 0; i < n; i++) values[i] = i;
            aip_column_view view = AIP_COLUMN_VIEW_INIT;
            view.type = AIP_INT64, view.length = n, view.values = values;
            aip_dataset *d = NULL;
            OK(aip_dataset_from_columns(schema, &view, 1, &d, &err));
            free(values); /* the dataset has its own */
            OK(aip_dataset_count(d, NULL, &count, &err));
            ck_assert_int_eq(count, n);
            for (int pass = 0; pass < 2; pass++) {
                expectation e = {0};
                OK(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err));
                ck_assert_int_eq(e.next, n);
            }
            aip_dataset_free(d);
        }
        aip_schema_free(schema);
        table_context_free(ctx);
    }
}
END_TEST

static int32_t keep_dictionary(void *user, aip_batch *b, aip_error **err) {
    const aip__column **seen = user;
    (void)err;
    if (!*seen) *seen = b->columns[0]->dictionary;
    ck_assert_ptr_eq(b->columns[0]->dictionary, *seen);
    for (int64_t i = 0; i < b->n_rows; i++) { /* "b" was code 1 and 3 */
        size_t n = 0;
        ck_assert_int_eq(*aip__column_text(b->columns[0], i, &n), "abcb"[(b->ordinal + i) % 4]);
    }
    return AIP_OK;
}

START_TEST(the_batches_of_a_dictionary_column_share_its_texts) {
    aip_context *ctx = table_context(0);
    int64_t n = 3 * AIP_BATCH_MAX_ROWS;
    int32_t *codes = malloc((size_t)n * sizeof *codes);
    static const int32_t offsets[5] = {0, 1, 2, 3, 4};
    for (int64_t i = 0; i < n; i++) codes[i] = (int32_t)(i % 4);
    aip_field field = AIP_FIELD_INIT;
    field.name = "d", field.type = AIP_DICTIONARY;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, &field, 1, &schema, &err));
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.type = AIP_DICTIONARY, view.length = n, view.values = codes;
    view.dictionary_length = 4, view.dictionary_offsets = offsets, view.dictionary_bytes = "abcb";
    OK(aip_dataset_from_columns(schema, &view, 1, &d, &err));
    const aip__column *seen = NULL;
    OK(aip_dataset_each(d, NULL, keep_dictionary, &seen, NULL, &err));
    ck_assert_int_eq(seen->length, 3);
    aip_dataset_free(d);
    codes[n - 1] = 4;
    FAILS(aip_dataset_from_columns(schema, &view, 1, &d, &err), AIP_E_MISUSE, "code 4 in row 196607");
    aip_schema_free(schema);
    free(codes);
    table_context_free(ctx);
}
END_TEST

START_TEST(columns_of_other_types_or_lengths_are_refused_by_name) {
    aip_context *ctx = table_context(0);
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    fields[0].name = "a", fields[0].type = AIP_INT64;
    fields[1].name = "b", fields[1].type = AIP_FLOAT64;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, fields, 2, &schema, &err));
    int64_t ints[2] = {1, 2};
    double floats[2] = {1, 2};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    views[0].type = AIP_INT64, views[0].length = 2, views[0].values = ints;
    views[1].type = AIP_INT64, views[1].length = 2, views[1].values = ints;
    FAILS(aip_dataset_from_columns(schema, views, 2, &d, &err), AIP_E_SCHEMA,
          "column 'b' is float64 in the schema, int64 was given");
    views[1].type = AIP_FLOAT64, views[1].values = floats, views[1].length = 1;
    FAILS(aip_dataset_from_columns(schema, views, 2, &d, &err), AIP_E_MISUSE, "column 'b' has 1 rows, the first column 2");
    FAILS(aip_dataset_from_columns(schema, views, 1, &d, &err), AIP_E_MISUSE, "1 column for a schema of 2");
    views[1].struct_size = 2;
    FAILS(aip_dataset_from_columns(schema, views, 2, &d, &err), AIP_E_MISUSE, "struct_size");
    aip_schema_free(schema);
    table_context_free(ctx);
}
END_TEST

/* ---- callbacks ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const aip_schema *schema;
    int64_t next, end, fail_at; /* -1: never */
    int opens, destroyed;
} counter;

static int32_t counter_open(void *user, aip_error **err) {
    counter *c = user;
    (void)err;
    c->opens++;
    c->next = 0;
    return AIP_OK;
}

static int32_t counter_next(void *user, aip_batch **out, aip_error **err) {
    counter *c = user;
    if (c->next == c->end) return AIP_OK; /* *out stays NULL */
    if (c->next == c->fail_at) return aip_error_set(err, 77, "the host's own trouble");
    int64_t values[10];
    for (int i = 0; i < 10; i++) values[i] = c->next++;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.type = AIP_INT64, view.length = 10, view.values = values;
    return aip_batch_create(c->schema, &view, 1, out, err);
}

static void counter_destroy(void *user) { ((counter *)user)->destroyed++; }

static aip_source_callbacks callbacks_of(counter *c) {
    aip_source_callbacks calls = AIP_SOURCE_CALLBACKS_INIT;
    calls.user = c;
    calls.open = counter_open;
    calls.next = counter_next;
    calls.destroy = counter_destroy;
    return calls;
}

START_TEST(a_callback_gives_batches_pass_after_pass) {
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        counter c = {.schema = one_int64(ctx), .end = 1000, .fail_at = -1};
        aip_source_callbacks calls = callbacks_of(&c);
        aip_dataset *d = NULL;
        OK(aip_dataset_from_callbacks(c.schema, &calls, &d, &err));
        for (int pass = 0; pass < 3; pass++) {
            expectation e = {0};
            OK(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err));
            ck_assert_int_eq(e.next, 1000);
        }
        ck_assert_int_eq(c.opens, 3);
        aip_dataset_free(d);
        ck_assert_int_eq(c.destroyed, 1);
        aip_schema_free((aip_schema *)(uintptr_t)c.schema);
        table_context_free(ctx);
    }
}
END_TEST

START_TEST(without_open_a_second_pass_is_refused) {
    aip_context *ctx = table_context(1);
    counter c = {.schema = one_int64(ctx), .end = 50, .fail_at = -1};
    aip_source_callbacks calls = callbacks_of(&c);
    calls.open = NULL;
    aip_dataset *d = NULL;
    expectation e = {0};
    OK(aip_dataset_from_callbacks(c.schema, &calls, &d, &err));
    OK(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err));
    FAILS(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err), AIP_E_STATE, "");
    aip_dataset_free(d);
    aip_schema_free((aip_schema *)(uintptr_t)c.schema);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_hosts_status_comes_back_unchanged_and_a_foreign_schema_is_refused) {
    aip_context *ctx = table_context(2);
    counter c = {.schema = one_int64(ctx), .end = 1000, .fail_at = 500};
    aip_source_callbacks calls = callbacks_of(&c);
    aip_dataset *d = NULL;
    expectation e = {0};
    OK(aip_dataset_from_callbacks(c.schema, &calls, &d, &err));
    FAILS(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err), 77, "the host's own trouble");
    aip_dataset_free(d);

    aip_field field = AIP_FIELD_INIT;
    aip_schema *other = NULL;
    field.name = "other", field.type = AIP_INT64;
    OK(aip_schema_create(ctx, &field, 1, &other, &err));
    c.fail_at = -1;
    OK(aip_dataset_from_callbacks(other, &calls, &d, &err));
    FAILS(aip_dataset_each(d, NULL, expect_rising, &e, NULL, &err), AIP_E_SCHEMA, "another schema");
    aip_dataset_free(d);
    calls.next = NULL;
    FAILS(aip_dataset_from_callbacks(other, &calls, &d, &err), AIP_E_MISUSE, "next");
    ck_assert_int_eq(c.destroyed, 2); /* of the two datasets; a refused one leaves `user` to the host */
    aip_schema_free(other);
    aip_schema_free((aip_schema *)(uintptr_t)c.schema);
    table_context_free(ctx);
}
END_TEST

Suite *host_source_suite(void) {
    const TTest *const tests[] = {arrays_of_any_length_are_copied_into_batches,
                                  the_batches_of_a_dictionary_column_share_its_texts,
                                  columns_of_other_types_or_lengths_are_refused_by_name,
                                  a_callback_gives_batches_pass_after_pass,
                                  without_open_a_second_pass_is_refused,
                                  a_hosts_status_comes_back_unchanged_and_a_foreign_schema_is_refused,
                                  NULL};
    return unit_suite("host_source", tests);
}
