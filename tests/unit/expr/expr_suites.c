/* The suites of the expression room; the table they share. */
#include "expr_suites.h"

#include "base/io.h"
#include "data/convert.h"
#include <math.h>
#include <stdlib.h>

aip_context *table_ctx;
aip_batch *table;

void unit_suites(SRunner *runner) {
    srunner_add_suite(runner, expr_parse_suite());
    srunner_add_suite(runner, expr_types_suite());
    srunner_add_suite(runner, expr_values_suite());
    srunner_add_suite(runner, expr_functions_suite());
    srunner_add_suite(runner, expr_random_suite());
    srunner_add_suite(runner, zone_suite());
}

Suite *table_suite(const char *name, const TTest *const *tests) {
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, table_setup, table_teardown);
    for (; *tests; tests++) tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);
    return suite;
}

#define ROWS 6
static aip__column *fixed(int32_t type, const void *values, size_t width, unsigned nulls) {
    aip__column *c = NULL;
    ck_assert_int_eq(aip__column_new(table_ctx, type, ROWS, false, &c, NULL), AIP_OK);
    memcpy(aip__column_values_mut(c), values, width * ROWS);
    uint8_t *validity = aip__column_validity_mut(c);
    ck_assert_ptr_nonnull(validity);
    for (int64_t i = 0; i < ROWS; i++) aip__bit_put(validity, i, !(nulls >> i & 1));
    aip__column_publish(c);
    return c;
}
static aip__column *bools(int64_t n, const char *letters) { /* T, F or N */
    aip__column *c = NULL;
    ck_assert_int_eq(aip__column_new(table_ctx, AIP_BOOL, n, true, &c, NULL), AIP_OK);
    uint8_t *validity = aip__column_validity_mut(c);
    for (int64_t i = 0; i < n; i++) {
        aip__bit_put(aip__column_bool_mut(c), i, letters[i] == 'T');
        aip__bit_put(validity, i, letters[i] != 'N');
    }
    aip__column_publish(c);
    return c;
}
static aip__column *texts(int32_t type, int64_t n, const char *const *values) {
    aip__utf8_builder b;
    aip__column *c = NULL;
    ck_assert_int_eq(aip__utf8_begin(&b, table_ctx, type, n, 0, NULL), AIP_OK);
    for (int64_t i = 0; i < n; i++)
        ck_assert_int_eq(values[i] ? aip__utf8_add(&b, values[i], strlen(values[i]), NULL) : aip__utf8_add_null(&b, NULL),
                         AIP_OK);
    ck_assert_int_eq(aip__utf8_end(&b, &c, NULL), AIP_OK);
    return c;
}
static aip__column *coded(void) {
    aip__column *words = texts(AIP_UTF8, 3, (const char *const[]){"UA", "AA", "DL"}), *c = NULL;
    ck_assert_int_eq(aip__column_dictionary(table_ctx, (const int32_t[]){0, 1, -1, 0, 2, 1}, ROWS, words, &c, NULL), AIP_OK);
    aip__column_free(words);
    return c;
}
static int64_t stamp(const char *text) {
    int64_t v = 0;
    bool zone = false;
    ck_assert(aip__parse_timestamp(text, strlen(text), &v, &zone));
    return v;
}
static aip_batch *batch_of(const aip_field *fields, int32_t n, int64_t n_rows, aip__column *const *columns) {
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    ck_assert_int_eq(aip_schema_create(table_ctx, fields, n, &schema, NULL), AIP_OK);
    ck_assert_int_eq(aip__batch_new(schema, n_rows, columns, &batch, NULL), AIP_OK);
    aip_schema_free(schema);
    return batch;
}

void table_setup(void) {
    ck_assert_int_eq(aip__context_init(NULL, &table_ctx, NULL), AIP_OK);
    if (!table_ctx->io) table_ctx->io = &aip__io_posix;
    const int64_t at[ROWS] = {stamp("2013-03-10T06:59:59Z"), stamp("2013-03-10T07:00:00Z"), stamp("2013-11-03T05:59:59Z"),
                              stamp("2013-11-03T06:00:00Z"), stamp("2013-01-01T04:30:15Z"), 0};
    const int64_t wall[ROWS] = {stamp("2013-01-01 05:00:00.25"), 0,
                                stamp("1969-12-31 23:59:59.75"), stamp("2013-03-10 02:30:00"),
                                stamp("2000-02-29 00:00:00"),    stamp("2013-12-31 23:00:00")};
    aip_field fields[14];
    static const struct {
        const char *name;
        int32_t type;
    } names[14] = {{"i", AIP_INT64},      {"j", AIP_INT32},       {"f", AIP_FLOAT64},    {"g", AIP_FLOAT32},      {"t", AIP_UTF8},
                   {"c", AIP_DICTIONARY}, {"day", AIP_DATE32},    {"at", AIP_TIMESTAMP}, {"wall", AIP_TIMESTAMP}, {"b", AIP_BOOL},
                   {"n", AIP_DECIMAL64},  {"odd name", AIP_UTF8}, {"x", AIP_BINARY},     {"k", AIP_INT64}};
    for (int i = 0; i < 14; i++) fields[i] = aip__field(names[i].name, names[i].type);
    fields[7].zone = "America/New_York";
    fields[10].scale = 2;
    fields[11].nullable = fields[13].nullable = 0;
    aip__column *columns[14] = {fixed(AIP_INT64, (const int64_t[]){7, -7, 0, 0, 100, 3}, 8, 8),
                                fixed(AIP_INT32, (const int32_t[]){2, 2, 0, 5, 1, 0}, 4, 32),
                                fixed(AIP_FLOAT64, (const double[]){1.5, -2.5, 0, 0, 1e300, (double)NAN}, 8, 8),
                                fixed(AIP_FLOAT32, (const float[]){0.5f, 1, 0, -2, 0, 3}, 4, 4),
                                texts(AIP_UTF8, ROWS, (const char *const[]){"abc", " Abc ", "", NULL, "Äpfel", "a,b,,c"}),
                                coded(),
                                fixed(AIP_DATE32, (const int32_t[]){15706, 15399, 0, -1, 20087, 11017}, 4, 4),
                                fixed(AIP_TIMESTAMP, at, 8, 32),
                                fixed(AIP_TIMESTAMP, wall, 8, 2),
                                bools(ROWS, "TFNTFN"),
                                fixed(AIP_DECIMAL64, (const int64_t[]){1234, -50, 0, 10000, 0, 1}, 8, 4),
                                texts(AIP_UTF8, ROWS, (const char *const[]){"x", "y", "x", "y", "x", "y"}),
                                texts(AIP_BINARY, ROWS, (const char *const[]){"r", "r", "r", "r", "r", "r"}),
                                fixed(AIP_INT64, (const int64_t[]){INT64_MAX, 1, INT64_MIN, 4, 5, 6}, 8, 0)};
    table = batch_of(fields, 14, ROWS, columns);
}
void table_teardown(void) {
    aip_batch_free(table);
    ck_assert_uint_eq(aip_context_memory_used(table_ctx), 0);
    aip__context_release(table_ctx);
}
aip_batch *logic_table(void) {
    aip_field fields[2] = {aip__field("p", AIP_BOOL), aip__field("q", AIP_BOOL)};
    aip__column *columns[2] = {bools(9, "TTTFFFNNN"), bools(9, "TFNTFNTFN")};
    return batch_of(fields, 2, 9, columns);
}

/* ---- results ---------------------------------------------------------------------------------------------------------------------- */
static void show(aip__text *out, const aip__column *c, const aip_field *f, int64_t i) {
    char bytes[64];
    size_t n = 0;
    if (!aip__valid(c->validity, i)) {
        aip__text_str(out, "null");
        return;
    }
    switch (c->type) {
    case AIP_BOOL: aip__text_str(out, aip__bit_get(aip__column_bits(c), i) ? "true" : "false"); return;
    case AIP_INT32: n = aip__format_i64(bytes, aip__column_i32(c)[i]); break;
    case AIP_INT64: n = aip__format_i64(bytes, aip__column_i64(c)[i]); break;
    case AIP_FLOAT32: n = aip__format_f64(bytes, (double)aip__column_f32(c)[i]); break;
    case AIP_FLOAT64: n = aip__format_f64(bytes, aip__column_f64(c)[i]); break;
    case AIP_DATE32: n = aip__format_date(bytes, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(bytes, aip__column_i64(c)[i], f->zone != NULL); break;
    case AIP_DECIMAL64: n = aip__format_decimal(bytes, aip__column_i64(c)[i], f->scale); break;
    default: {
        const char *s = aip__column_text(c, i, &n);
        aip__text_char(out, '\'');
        aip__text_add(out, s, n);
        aip__text_char(out, '\'');
        return;
    }
    }
    aip__text_add(out, bytes, n);
}

static int32_t evaluate(const aip_batch *batch, const char *expression, aip__text *out, aip_field *field, aip_error **err) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    aip__column *c = NULL;
    int32_t status = aip__expr_parse(table_ctx, expression, strlen(expression), &e, err);
    if (status == AIP_OK) status = aip__expr_bind(e, batch->schema, &b, err);
    aip__expr_free(e);
    if (status == AIP_OK) status = aip__expr_eval(b, batch, &c, err);
    if (status == AIP_OK) {
        *field = *aip__expr_field(b);
        ck_assert_int_eq(c->type, field->type);
        ck_assert_int_eq(c->length, batch->n_rows);
        ck_assert_msg(field->nullable || c->null_count == 0, "%s: nulls in a column that is not nullable", expression);
        ck_assert_int_eq(c->validity != NULL, c->null_count > 0);
        for (int64_t i = 0; out && i < c->length; i++) {
            aip__text_str(out, i ? ", " : "[");
            show(out, c, field, i);
        }
        if (out) aip__text_char(out, ']');
    }
    aip__column_free(c);
    aip__expr_unbind(b);
    return status;
}

char *values_of(const aip_batch *batch, const char *expression) {
    aip_error *err = NULL;
    aip__text out;
    aip_field field;
    aip__text_init(&out, table_ctx);
    int32_t status = evaluate(batch, expression, &out, &field, &err);
    ck_assert_msg(status == AIP_OK, "%s: %s", expression, aip_error_text(err));
    char *copy = strdup(out.bytes);
    aip__text_free(&out);
    return copy;
}
void assert_values(const char *expression, const char *type, const char *expected) {
    aip__text out;
    aip_field field;
    aip_error *err = NULL;
    aip__text_init(&out, table_ctx);
    int32_t status = evaluate(table, expression, &out, &field, &err);
    ck_assert_msg(status == AIP_OK, "%s: %s", expression, aip_error_text(err));
    ck_assert_msg(strcmp(aip_type_name(field.type), type) == 0, "%s is %s", expression, aip_type_name(field.type));
    ck_assert_msg(strcmp(out.bytes, expected) == 0, "%s gives\n  %s, expected\n  %s", expression, out.bytes, expected);
    aip__text_free(&out);
}
void assert_value(const char *expression, const char *expected) {
    aip_batch *one = NULL;
    ck_assert_int_eq(aip__batch_slice(table, 0, 1, &one, NULL), AIP_OK);
    char *values = values_of(one, expression);
    values[strlen(values) - 1] = 0;
    ck_assert_msg(strcmp(values + 1, expected) == 0, "%s gives %s, expected %s", expression, values + 1, expected);
    free(values);
    aip_batch_free(one);
}
void assert_fails(const char *expression, int32_t status, const char *message) {
    aip_error *err = NULL;
    aip_field field;
    int32_t got = evaluate(table, expression, NULL, &field, &err);
    ck_assert_msg(got == status, "%s: status %d: %s", expression, (int)got, aip_error_text(err));
    ck_assert_msg(strstr(aip_error_message(err), message) != NULL, "%s\n  message: %s\n  expected: %s", expression,
                  aip_error_message(err), message);
    aip_error_free(err);
}
