/* The design matrix: every value where matrix.h says it lies, padding, refusals; the same for 0, 1, 2 and 8 workers. Values are a function of
 * row and column, so each is known by hand. */
#include "data/matrix.h"
#include "data_suites.h"
#include <math.h>

enum { F64, F32, I32, I64, FLAG, DEC, TARGET, TEXT, N_FIELDS };

static double value_of(int64_t row, int column) {
    switch (column) {
    case F64: return (double)row * 0.5 - 7;
    case F32: return (double)(row % 1000) * 0.25;
    case I32: return (double)(row % 77 - 30);
    case I64: return (double)row * 1000;
    case FLAG: return row % 3 == 0;
    case DEC: return (double)(row % 500) / 100.0;
    default: return (double)(row % 5);
    }
}

/* Rows [start, start + n); row `hole` of column `column` is NaN (float64) or null. */
static aip_batch *batch_of(const aip_schema *s, int64_t start, int64_t n, int64_t hole, int column) {
    aip__column *c[N_FIELDS] = {0};
    for (int j = 0; j < TEXT; j++) {
        OK(aip__column_new(s->ctx, s->fields[j].type, n, true, &c[j], &err));
        for (int64_t i = 0; i < n; i++) {
            double v = value_of(start + i, j);
            if (start + i == hole && j == column && j == F64) v = (double)NAN;
            if (j == F32)
                ((float *)aip__column_values_mut(c[j]))[i] = (float)v;
            else if (j == I32)
                aip__column_i32_mut(c[j])[i] = (int32_t)v;
            else if (j == I64)
                aip__column_i64_mut(c[j])[i] = (int64_t)v;
            else if (j == DEC)
                aip__column_i64_mut(c[j])[i] = (start + i) % 500;
            else if (j == FLAG)
                aip__bit_put(aip__column_bool_mut(c[j]), i, v != 0);
            else
                aip__column_f64_mut(c[j])[i] = v;
            if (start + i == hole && j == column && j != F64) aip__bit_clear(aip__column_validity_mut(c[j]), i);
        }
        aip__column_publish(c[j]);
    }
    OK(aip__column_nulls(s->ctx, AIP_UTF8, n, &c[TEXT], &err));
    aip_batch *b = NULL;
    OK(aip__batch_new(s, n, c, &b, &err));
    return b;
}

static aip_schema *schema_of(aip_context *ctx) {
    aip_field fields[N_FIELDS] = {aip__field("f64", AIP_FLOAT64), aip__field("f32", AIP_FLOAT32),
                                  aip__field("i32", AIP_INT32),   aip__field("i64", AIP_INT64),
                                  aip__field("flag", AIP_BOOL),   aip__field("dec", AIP_DECIMAL64),
                                  aip__field("y", AIP_FLOAT64),   aip__field("text", AIP_UTF8)};
    fields[DEC].scale = 2;
    aip_schema *s = NULL;
    OK(aip_schema_create(ctx, fields, N_FIELDS, &s, &err));
    return s;
}

/* n rows in batches of uneven sizes. */
static aip_dataset *dataset_of(aip_context *ctx, int64_t n, int64_t hole, int column) {
    static const int64_t sizes[] = {1000, 1, 65536, 127, 8192, 30000};
    aip_schema *s = schema_of(ctx);
    aip_batch *batches[64];
    int64_t k = 0;
    for (int64_t at = 0; at < n; k++) {
        int64_t size = sizes[k % 6] < n - at ? sizes[k % 6] : n - at;
        batches[k] = batch_of(s, at, size, hole, column);
        at += size;
    }
    aip_dataset *d = NULL;
    OK(aip__dataset_memory(ctx, s, batches, k, &d, &err));
    aip_schema_free(s);
    return d;
}

static const char *const features[] = {"dec", "f64", "flag", "i64", "f32", "i32"};
static const int feature_columns[] = {DEC, F64, FLAG, I64, F32, I32};
static const int32_t workers[] = {0, 1, 2, 8};
static const int64_t sizes[] = {0, 1, 127, 128, 129, 8191, 8192, 8193, 20000, 150000};

START_TEST(every_value_lies_where_the_layout_says_and_padding_is_zero) {
    for (size_t w = 0; w < 4; w++) {
        aip_context *ctx = test_workers(workers[w]);
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            int64_t n = sizes[z];
            aip_dataset *d = dataset_of(ctx, n, -1, 0);
            aip__matrix *m = NULL;
            OK(aip__matrix_build(d, features, 6, "y", NULL, NULL, NULL, &m, &err));
            ck_assert_int_eq(m->n_rows, n);
            ck_assert_int_eq(m->n_columns, 6);
            ck_assert_int_eq(m->n_chunks, (n + 8191) / 8192);
            for (int64_t r = 0; r < (n + 127) / 128 * 128; r++) {
                const double *block = aip__matrix_block(m, r / 8192, (int32_t)(r % 8192 / 128));
                for (int j = 0; j < 6; j++) {
                    double expected = r < n ? value_of(r, feature_columns[j]) : 0;
                    if (block[j * 128 + r % 128] != expected)
                        ck_abort_msg("%s, row %lld of %lld", features[j], (long long)r, (long long)n);
                }
            }
            for (int64_t r = 0; r < m->n_chunks * 8192; r++)
                if (m->target[r] != (r < n ? value_of(r, TARGET) : 0)) ck_abort_msg("target, row %lld", (long long)r);
            int64_t total = 0;
            for (int64_t c = 0; c < m->n_chunks; c++) total += aip__matrix_chunk_rows(m, c);
            ck_assert_int_eq(total, n);
            ck_assert_str_eq(m->names[1], "f64");
            aip__matrix_free(m);
            aip_dataset_free(d);
        }
        test_workers_end(ctx);
    }
}
END_TEST

START_TEST(the_first_bad_value_is_named_whatever_the_workers) {
    static const struct {
        int64_t row;
        int column;
        const char *message;
    } cases[] = {{0, F64, "column 'f64' is NaN in row 0 "},
                 {70001, F64, "column 'f64' is NaN in row 70001"},
                 {99999, DEC, "column 'dec' is null in row 99999"},
                 {1000, FLAG, "column 'flag' is null in row 1000"},
                 {66000, TARGET, "column 'y' is null in row 66000"}};
    for (size_t w = 0; w < 4; w++) {
        aip_context *ctx = test_workers(workers[w]);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            aip_dataset *d = dataset_of(ctx, 100000, cases[k].row, cases[k].column);
            aip__matrix *m = NULL;
            FAILS(aip__matrix_build(d, features, 6, "y", NULL, NULL, NULL, &m, &err), AIP_E_DATA, cases[k].message);
            ck_assert_ptr_null(m);
            aip_dataset_free(d);
        }
        test_workers_end(ctx);
    }
}
END_TEST

/* Every target is bad from this row on. */
static int32_t nan_from(void *user, const aip_batch *batch, int32_t column, double *out, aip_error **err) {
    (void)err;
    (void)column;
    for (int64_t i = 0; i < batch->n_rows; i++) out[i] = batch->ordinal + i >= *(int64_t *)user ? (double)NAN : 1.0;
    return AIP_OK;
}

START_TEST(of_a_bad_feature_and_a_bad_target_the_lower_row_is_named) {
    static const struct {
        int64_t feature, target;
        const char *message;
    } cases[] = {{90000, 5, "column 'y' is NaN in row 5 "},
                 {90000, 70000, "column 'y' is NaN in row 70000 "},
                 {5, 90000, "column 'f64' is NaN in row 5 "},
                 {70000, 70001, "column 'f64' is NaN in row 70000 "},
                 {70000, 70000, "column 'f64' is NaN in row 70000 "}};
    for (size_t w = 0; w < 4; w++) {
        aip_context *ctx = test_workers(workers[w]);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            aip_dataset *d = dataset_of(ctx, 100000, cases[k].feature, F64);
            aip__matrix *m = NULL;
            int64_t from = cases[k].target;
            FAILS(aip__matrix_build(d, features, 6, "y", nan_from, &from, NULL, &m, &err), AIP_E_DATA, cases[k].message);
            aip_dataset_free(d);
        }
        test_workers_end(ctx);
    }
}
END_TEST

static int32_t negate(void *user, const aip_batch *batch, int32_t column, double *out, aip_error **err) {
    (void)err;
    ++*(int *)user;
    for (int64_t i = 0; i < batch->n_rows; i++) out[i] = -aip__column_f64(batch->columns[column])[i];
    return AIP_OK;
}

START_TEST(targets_pass_through_the_callers_encoding) {
    aip_context *ctx = test_workers(2);
    aip_dataset *d = dataset_of(ctx, 3000, -1, 0);
    aip__matrix *m = NULL;
    int calls = 0;
    OK(aip__matrix_build(d, features, 2, "y", negate, &calls, NULL, &m, &err));
    ck_assert_int_eq(calls, 3); /* batches of 1000, 1 and 1999 rows */
    for (int64_t r = 0; r < 3000; r++) ck_assert_double_eq(m->target[r], -value_of(r, TARGET));
    aip__matrix_free(m);
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

START_TEST(columns_that_cannot_be_features_are_refused_by_name) {
    aip_context *ctx = test_workers(0);
    aip_dataset *d = dataset_of(ctx, 10, -1, 0);
    aip__matrix *m = NULL;
    FAILS(aip__matrix_build(d, NULL, 0, "y", NULL, NULL, NULL, &m, &err), AIP_E_SCHEMA, "feature 'text' is utf8");
    FAILS(aip__matrix_build(d, features, 1, "text", NULL, NULL, NULL, &m, &err), AIP_E_SCHEMA, "target 'text' is utf8");
    FAILS(aip__matrix_build(d, (const char *const[]){"f65"}, 1, "y", NULL, NULL, NULL, &m, &err), AIP_E_SCHEMA,
          "did you mean 'f64'");
    FAILS(aip__matrix_build(d, features, 0, NULL, NULL, NULL, NULL, &m, &err), AIP_E_SCHEMA, "no feature columns");
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

START_TEST(blocks_of_a_batch_have_the_same_layout_with_nan_for_null) {
    aip_context *ctx = test_workers(0);
    aip_schema *s = schema_of(ctx);
    aip_batch *b = batch_of(s, 0, 300, 200, I64);
    static double out[3 * 128 * 2];
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) out[i] = 1e9;
    OK(aip__blocks_from_batch(b, (const int32_t[]){I64, DEC}, 2, out, &err));
    for (int64_t r = 0; r < 384; r++) {
        double x = out[r / 128 * 256 + r % 128], y = out[r / 128 * 256 + 128 + r % 128];
        ck_assert(r == 200 ? isnan(x) : x == (r < 300 ? value_of(r, I64) : 0));
        ck_assert(y == (r < 300 ? value_of(r, DEC) : 0));
    }
    FAILS(aip__blocks_from_batch(b, (const int32_t[]){TEXT}, 1, out, &err), AIP_E_SCHEMA, "feature 'text'");
    aip_batch_free(b);
    aip_schema_free(s);
    test_workers_end(ctx);
}
END_TEST

Suite *matrix_suite(void) {
    const TTest *const tests[] = {every_value_lies_where_the_layout_says_and_padding_is_zero,
                                  the_first_bad_value_is_named_whatever_the_workers,
                                  of_a_bad_feature_and_a_bad_target_the_lower_row_is_named,
                                  targets_pass_through_the_callers_encoding,
                                  columns_that_cannot_be_features_are_refused_by_name,
                                  blocks_of_a_batch_have_the_same_layout_with_nan_for_null,
                                  NULL};
    return unit_suite("matrix", tests);
}
