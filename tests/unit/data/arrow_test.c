/* The Arrow bridge. Arrays are laid out by hand after the specification (arrow.apache.org/docs/format/Columnar.html); expected rows by hand. */
#include "data/arrow.h"
#include "data/scan.h"
#include "data_suites.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a table of one column, laid out by hand, that counts its releases ---------------------------------------------------------------- */

typedef struct table {
    struct ArrowSchema schema, child_schema, dictionary_schema, *schema_children[1];
    struct ArrowArray array, child, dictionary, *children[1];
    const void *buffers[8], *dictionary_buffers[8], *none[1];
    int released;
} table;

static void count_release(struct ArrowArray *a) {
    ((table *)a->private_data)->released++;
    a->release = NULL;
}
static void child_release(struct ArrowArray *a) { a->release = NULL; }
static void schema_release(struct ArrowSchema *s) { s->release = NULL; }

/* n rows of `format` from row `offset` of the buffers on. */
static void lay_out(table *t, const char *format, int64_t offset, int64_t n, int n_buffers, const void *validity, const void *b1,
                    const void *b2) {
    *t = (table){.buffers = {validity, b1, b2}};
    t->schema_children[0] = &t->child_schema;
    t->children[0] = &t->child;
    t->schema = (struct ArrowSchema){.format = "+s", .n_children = 1, .children = t->schema_children, .release = schema_release};
    t->child_schema =
        (struct ArrowSchema){.format = format, .name = "x", .flags = ARROW_FLAG_NULLABLE, .release = schema_release};
    t->array = (struct ArrowArray){.length = n,
                                   .n_buffers = 1,
                                   .buffers = t->none,
                                   .n_children = 1,
                                   .children = t->children,
                                   .release = count_release,
                                   .private_data = t};
    t->child = (struct ArrowArray){.length = n,
                                   .offset = offset,
                                   .null_count = validity ? -1 : 0,
                                   .n_buffers = n_buffers,
                                   .buffers = t->buffers,
                                   .release = child_release,
                                   .private_data = t};
}

static void add_dictionary(table *t, const char *format, int64_t n, const void *validity, const void *b1, const void *b2) {
    t->dictionary_schema = (struct ArrowSchema){.format = format, .name = "", .release = schema_release};
    t->child_schema.dictionary = &t->dictionary_schema;
    t->dictionary_buffers[0] = validity;
    t->dictionary_buffers[1] = b1;
    t->dictionary_buffers[2] = b2;
    t->dictionary = (struct ArrowArray){
        .length = n, .null_count = validity ? -1 : 0, .n_buffers = 3, .buffers = t->dictionary_buffers, .release = child_release};
    t->child.dictionary = &t->dictionary;
}

/* What the column becomes: "type: row|row|", "-" for null; or the error's message. Holds that the array is released exactly once. */
static const char *imported(aip_context *ctx, table *t) {
    static char out[2048];
    aip_error *err = NULL;
    aip_schema *s = NULL;
    aip_batch **batches = NULL;
    int64_t n = 0;
    int32_t status = aip__arrow_import_schema(ctx, &t->schema, &s, &err);
    if (status != AIP_OK) {
        t->released++; /* never taken over */
    } else {
        status = aip__arrow_import_array(s, &t->schema, &t->array, &batches, &n, &err);
        ck_assert_ptr_null((void *)(uintptr_t)t->array.release);
    }
    size_t at = 0;
    if (status != AIP_OK) {
        snprintf(out, sizeof out, "%s", aip_error_message(err));
    } else {
        const aip_field *f = aip_schema_field(s, 0), none = aip__field("", 0);
        if (!f) f = &none; /* a struct without columns */
        aip_field text = aip__field("x", AIP_UTF8);
        at = (size_t)snprintf(out, sizeof out, "%s%s%s: ", aip_type_name(f->type), f->zone ? "@" : "", f->zone ? f->zone : "");
        for (int64_t b = 0; b < n; b++) {
            aip__column *c = NULL;
            if (f == &none) {
                aip_batch_free(batches[b]);
                continue;
            }
            const aip__column *given = batches[b]->columns[0];
            if (given->type == AIP_BINARY)
                c = aip__column_retain(given);
            else
                ck_assert_int_eq(aip__column_cast(given, f, &text, true, &c, NULL), AIP_OK);
            for (int64_t i = 0; i < c->length; i++) {
                size_t m = 1;
                const char *v = aip__valid(c->validity, i) ? aip__column_text(c, i, &m) : "-";
                at += (size_t)snprintf(out + at, sizeof out - at, "%.*s|", (int)m, v);
            }
            aip__column_free(c);
            aip_batch_free(batches[b]);
        }
        aip__free(ctx, batches);
    }
    aip_error_free(err);
    aip_schema_free(s);
    ck_assert_int_eq(t->released, 1);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    return out;
}

#define HOLD(ctx, t, expected) ck_assert_str_eq(imported(ctx, &(t)), expected)

START_TEST(integers_widen_and_offsets_count_rows) {
    aip_context *ctx = test_context();
    table t;
    const uint8_t valid[1] = {0x0d}; /* rows 0, 2, 3 */
    lay_out(&t, "c", 1, 3, 2, valid, (const int8_t[]){9, 77, -128, 127}, NULL);
    HOLD(ctx, t, "int32: -|-128|127|");
    lay_out(&t, "C", 0, 2, 2, NULL, (const uint8_t[]){0, 255}, NULL);
    HOLD(ctx, t, "int32: 0|255|");
    lay_out(&t, "s", 0, 2, 2, NULL, (const int16_t[]){-32768, 5}, NULL);
    HOLD(ctx, t, "int32: -32768|5|");
    lay_out(&t, "S", 2, 1, 2, NULL, (const uint16_t[]){0, 0, 65535}, NULL);
    HOLD(ctx, t, "int32: 65535|");
    lay_out(&t, "i", 0, 4, 2, valid, (const int32_t[]){INT32_MIN, 77, 3, 4}, NULL);
    HOLD(ctx, t, "int32: -2147483648|-|3|4|");
    lay_out(&t, "I", 0, 2, 2, NULL, (const uint32_t[]){UINT32_MAX, 1}, NULL);
    HOLD(ctx, t, "int64: 4294967295|1|");
    lay_out(&t, "l", 0, 1, 2, NULL, (const int64_t[]){INT64_MIN}, NULL);
    HOLD(ctx, t, "int64: -9223372036854775808|");
    lay_out(&t, "L", 0, 2, 2, (const uint8_t[]){1}, (const uint64_t[]){INT64_MAX, UINT64_MAX}, NULL);
    HOLD(ctx, t, "int64: 9223372036854775807|-|");
    lay_out(&t, "L", 0, 2, 2, NULL, (const uint64_t[]){1, UINT64_C(1) << 63}, NULL);
    HOLD(ctx, t, "column 'x', row 1: a uint64 past 9223372036854775807");
    lay_out(&t, "b", 3, 4, 2, NULL, (const uint8_t[]){0x28}, NULL);
    HOLD(ctx, t, "bool: true|false|true|false|");
    lay_out(&t, "n", 0, 2, 0, NULL, NULL, NULL);
    HOLD(ctx, t, "utf8: -|-|");
    test_context_end(ctx);
}
END_TEST

START_TEST(floats_decimals_dates_and_timestamps_convert_exactly_or_are_refused) {
    aip_context *ctx = test_context();
    table t;
    /* IEEE 754 binary16: 1, -2, 65504 (largest), 2^-24 (smallest), infinity, NaN */
    lay_out(&t, "e", 0, 6, 2, NULL, (const uint16_t[]){0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00}, NULL);
    HOLD(ctx, t, "float32: 1.0|-2.0|65504.0|5.960464477539063e-08|inf|nan|");
    lay_out(&t, "f", 0, 2, 2, NULL, (const float[]){0.5f, -1.0f}, NULL);
    HOLD(ctx, t, "float32: 0.5|-1.0|");
    lay_out(&t, "g", 1, 2, 2, (const uint8_t[]){0x05}, (const double[]){9, 0.1, 1e300}, NULL);
    HOLD(ctx, t, "float64: -|1e+300|");
    lay_out(&t, "d:18,2", 0, 3, 2, NULL, (const int64_t[]){12345, 0, -5, -1, 0, 0}, NULL);
    HOLD(ctx, t, "decimal64: 123.45|-0.05|0.00|");
    lay_out(&t, "d:19,0", 0, 2, 2, NULL, (const int64_t[]){1, 0, 0, 1}, NULL);
    HOLD(ctx, t, "column 'x', row 1: a decimal that does not fit 64 bits");
    lay_out(&t, "d:9,1,32", 0, 2, 2, NULL, (const int32_t[]){15, -15}, NULL);
    HOLD(ctx, t, "decimal64: 1.5|-1.5|");
    lay_out(&t, "tdD", 0, 2, 2, NULL, (const int32_t[]){15706, -1}, NULL);
    HOLD(ctx, t, "date32: 2013-01-01|1969-12-31|");
    lay_out(&t, "tdm", 0, 2, 2, NULL, (const int64_t[]){86400000, -86400000}, NULL);
    HOLD(ctx, t, "date32: 1970-01-02|1969-12-31|");
    lay_out(&t, "tdm", 0, 1, 2, NULL, (const int64_t[]){86400001}, NULL);
    HOLD(ctx, t, "column 'x', row 0: a date64 that is not a whole day");
    lay_out(&t, "tss:", 0, 1, 2, NULL, (const int64_t[]){-1}, NULL);
    HOLD(ctx, t, "timestamp: 1969-12-31T23:59:59|");
    lay_out(&t, "tsm:UTC", 0, 1, 2, NULL, (const int64_t[]){1500}, NULL);
    HOLD(ctx, t, "timestamp@UTC: 1970-01-01T00:00:01.500000Z|");
    lay_out(&t, "tsu:Europe/Berlin", 0, 1, 2, NULL, (const int64_t[]){1}, NULL);
    HOLD(ctx, t, "timestamp@Europe/Berlin: 1970-01-01T00:00:00.000001Z|");
    lay_out(&t, "tsn:", 0, 2, 2, NULL, (const int64_t[]){-1000, 2000}, NULL);
    HOLD(ctx, t, "timestamp: 1969-12-31T23:59:59.999999|1970-01-01T00:00:00.000002|");
    lay_out(&t, "tsn:", 1, 2, 2, NULL, (const int64_t[]){1, 1000, 1}, NULL);
    HOLD(ctx, t, "column 'x', row 1: a timestamp with nanoseconds: expected whole microseconds");
    lay_out(&t, "tsn:", 0, 2, 2, (const uint8_t[]){1}, (const int64_t[]){1000, 1}, NULL);
    HOLD(ctx, t, "timestamp: 1970-01-01T00:00:00.000001|-|");
    lay_out(&t, "tss:", 0, 1, 2, NULL, (const int64_t[]){INT64_MAX / 1000}, NULL);
    HOLD(ctx, t, "column 'x', row 0: a timestamp out of the range of microseconds");
    test_context_end(ctx);
}
END_TEST

START_TEST(texts_of_every_layout_become_utf8) {
    aip_context *ctx = test_context();
    table t;
    const uint8_t valid[1] = {0x0b}; /* row 2 is null, though its offsets hold text */
    lay_out(&t, "u", 0, 4, 3, valid, (const int32_t[]){1, 3, 3, 5, 6}, "_abcdz");
    HOLD(ctx, t, "utf8: ab||-|z|");
    lay_out(&t, "u", 1, 2, 3, NULL, (const int32_t[]){1, 3, 3, 5}, "_abcdz");
    HOLD(ctx, t, "utf8: |cd|");
    lay_out(&t, "U", 1, 3, 3, valid, (const int64_t[]){1, 3, 3, 5, 6}, "_abcdz");
    HOLD(ctx, t, "utf8: |-|z|");
    lay_out(&t, "z", 0, 1, 3, NULL, (const int32_t[]){0, 2}, "\xff\xfe");
    HOLD(ctx, t, "binary: \xff\xfe|");
    lay_out(&t, "w:3", 1, 1, 2, NULL, "abcdef", NULL);
    HOLD(ctx, t, "binary: def|");
    lay_out(&t, "u", 0, 1, 3, NULL, (const int32_t[]){0, 2}, "\xff\xfe");
    HOLD(ctx, t, "the text in row 0 is not valid UTF-8");
    lay_out(&t, "u", 0, 2, 3, NULL, (const int32_t[]){0, 2, 1}, "ab");
    HOLD(ctx, t, "column 'x': an ArrowArray has offsets that fall or are negative");
    lay_out(&t, "U", 0, 1, 3, NULL, (const int64_t[]){0, INT64_C(1) << 31}, "ab");
    HOLD(ctx, t, "column 'x': an ArrowArray has more than 2147483647 bytes of text in one batch");
    lay_out(&t, "u", 0, 0, 3, NULL, NULL, NULL);
    HOLD(ctx, t, "utf8: ");
    /* views: inline, and into the second data buffer */
    struct view {
        int32_t length;
        char bytes[4];
        int32_t buffer, offset;
    } views[3] = {{2, "hi", 0, 0}, {14, "long", 1, 3}, {99, "null", 7, 7}};
    const int64_t sizes[2] = {0, 17};
    lay_out(&t, "vu", 0, 3, 5, (const uint8_t[]){3}, views, "");
    t.buffers[3] = "___long text here";
    t.buffers[4] = sizes;
    HOLD(ctx, t, "utf8: hi|long text here|-|");
    views[1].offset = 4;
    lay_out(&t, "vu", 0, 3, 5, (const uint8_t[]){3}, views, "");
    t.buffers[3] = "___long text here";
    t.buffers[4] = sizes;
    HOLD(ctx, t, "column 'x', row 1: a view past the end of its buffer");
    views[1].buffer = 2;
    lay_out(&t, "vz", 0, 3, 5, (const uint8_t[]){3}, views, "");
    t.buffers[4] = sizes;
    HOLD(ctx, t, "column 'x', row 1: a view into a buffer that is not there");
    test_context_end(ctx);
}
END_TEST

START_TEST(dictionaries_with_any_codes_repeats_and_nulls) {
    aip_context *ctx = test_context();
    table t;
    const int32_t offsets[5] = {0, 1, 2, 3, 4};
    lay_out(&t, "c", 1, 3, 2, NULL, (const int8_t[]){9, 2, 0, 3}, NULL);
    add_dictionary(&t, "u", 4, NULL, offsets, "abac"); /* a is there twice */
    HOLD(ctx, t, "dictionary: a|a|c|");
    lay_out(&t, "L", 0, 3, 2, (const uint8_t[]){5}, (const uint64_t[]){1, 999, 0}, NULL);
    add_dictionary(&t, "u", 4, (const uint8_t[]){0x0e}, offsets, "abac"); /* the first text is null */
    HOLD(ctx, t, "dictionary: b|-|-|");
    lay_out(&t, "S", 0, 1, 2, NULL, (const uint16_t[]){1}, NULL);
    add_dictionary(&t, "U", 2, NULL, (const int64_t[]){0, 1, 3}, "abc");
    HOLD(ctx, t, "dictionary: bc|");
    lay_out(&t, "i", 0, 2, 2, NULL, (const int32_t[]){1, 4}, NULL);
    add_dictionary(&t, "u", 4, NULL, offsets, "abcd");
    HOLD(ctx, t, "column 'x', row 1: a code that is not in its dictionary");
    lay_out(&t, "i", 0, 1, 2, NULL, (const int32_t[]){-1}, NULL);
    add_dictionary(&t, "u", 4, NULL, offsets, "abcd");
    HOLD(ctx, t, "column 'x', row 0: a code that is not in its dictionary");
    lay_out(&t, "i", 0, 1, 2, NULL, (const int32_t[]){0}, NULL);
    add_dictionary(&t, "l", 1, NULL, offsets, NULL);
    HOLD(ctx, t, "column 'x' has the Arrow type dictionary of something else than text ('i'), which has no counterpart here");
    lay_out(&t, "i", 0, 1, 2, NULL, (const int32_t[]){0}, NULL);
    add_dictionary(&t, "u", 4, NULL, offsets, "abcd");
    t.child.dictionary = NULL;
    HOLD(ctx, t, "column 'x': an ArrowArray has codes but no dictionary");
    test_context_end(ctx);
}
END_TEST

START_TEST(misaligned_buffers_and_struct_offsets_are_read_right) {
    aip_context *ctx = test_context();
    table t;
    static uint8_t bytes[8 * 300 + 1];
    for (int64_t i = 0; i < 300; i++) memcpy(bytes + 1 + i * 8, &i, 8);
    lay_out(&t, "l", 1, 3, 2, NULL, bytes + 1, NULL);
    t.child.length = 290; /* much behind: would be shared if it were aligned */
    HOLD(ctx, t, "int64: 1|2|3|");
    lay_out(&t, "l", 1, 5, 2, NULL, bytes + 1, NULL);
    t.array.offset = 2;
    t.array.length = 3;
    HOLD(ctx, t, "int64: 3|4|5|");
    test_context_end(ctx);
}
END_TEST

START_TEST(long_arrays_are_cut_into_batches_that_share_their_values) {
    aip_context *ctx = test_context();
    int64_t n = 2 * AIP_BATCH_MAX_ROWS + 100;
    int64_t *values = malloc((size_t)n * 8);
    for (int64_t i = 0; i < n; i++) values[i] = i * 3;
    table t;
    lay_out(&t, "l", 0, n, 2, NULL, values, NULL);
    aip_schema *s = NULL;
    aip_batch **b = NULL;
    int64_t k = 0;
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    OK(aip__arrow_import_array(s, &t.schema, &t.array, &b, &k, &err));
    ck_assert_int_eq(k, 3);
    ck_assert_int_eq(b[2]->n_rows, 100);
    for (int64_t i = 0; i < n; i++)
        ck_assert_int_eq(aip__column_i64(b[i / AIP_BATCH_MAX_ROWS]->columns[0])[i % AIP_BATCH_MAX_ROWS], i * 3);
    ck_assert_ptr_eq(b[0]->columns[0]->values, values);
    ck_assert_ptr_eq(b[1]->columns[0]->values, values + AIP_BATCH_MAX_ROWS);
    ck_assert_ptr_eq(b[2]->columns[0]->values, values + 2 * AIP_BATCH_MAX_ROWS);
    aip_batch_free(b[0]);
    aip_batch_free(b[2]);
    ck_assert_int_eq(t.released, 0); /* b[1] still reads the array */
    aip_batch_free(b[1]);
    ck_assert_int_eq(t.released, 1);
    aip__free(ctx, b);
    aip_schema_free(s);
    free(values);
    test_context_end(ctx);
}
END_TEST

/* The one column of a table that is one batch. */
static aip__column *column_of(aip_context *ctx, table *t) {
    aip_schema *s = NULL;
    aip_batch **b = NULL;
    int64_t n = 0;
    OK(aip__arrow_import_schema(ctx, &t->schema, &s, &err));
    OK(aip__arrow_import_array(s, &t->schema, &t->array, &b, &n, &err));
    ck_assert_int_eq(n, 1);
    aip__column *c = aip__column_retain(b[0]->columns[0]);
    aip_batch_free(b[0]);
    aip__free(ctx, b);
    aip_schema_free(s);
    return c;
}

/* Memory of exactly n bytes, so that reading behind it shows. */
static void *exactly(const void *bytes, size_t n) {
    void *p = malloc(n);
    memcpy(p, bytes, n);
    return p;
}
#define EXACTLY(TYPE, ...) exactly((const TYPE[]){__VA_ARGS__}, sizeof((const TYPE[]){__VA_ARGS__}))

START_TEST(values_texts_and_codes_are_shared_when_they_are_empty_at_nulls_and_aligned) {
    aip_context *ctx = test_context();
    static const uint8_t second_null[1] = {0xfd};
    static const int32_t xy_offsets[3] = {0, 1, 2};
    int32_t *offsets = EXACTLY(int32_t, 0, 2, 2, 5), *codes = EXACTLY(int32_t, 1, 0, 1);
    int64_t *long_offsets = EXACTLY(int64_t, 2, 2, 2, 5), *values = EXACTLY(int64_t, 7, 0, 9);
    char *bytes = exactly("abcde", 5);
    struct {
        const char *format;
        const void *b1, *b2, *values; /* of the column: where they must lie */
        bool offsets_too;
    } shared[] = {{"l", values, NULL, values, false},           {"tsu:UTC", values, NULL, values, false},
                  {"u", offsets, bytes, bytes, true},           {"z", offsets, bytes, bytes, true},
                  {"U", long_offsets, bytes, bytes + 2, false}, {"i", codes, NULL, codes, false}};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        for (int nulls = 0; nulls < 2; nulls++) {
            table t;
            lay_out(&t, shared[i].format, 0, 3, shared[i].b2 ? 3 : 2, nulls ? second_null : NULL, shared[i].b1, shared[i].b2);
            if (shared[i].b1 == codes) add_dictionary(&t, "u", 2, NULL, xy_offsets, "xy");
            aip__column *c = column_of(ctx, &t);
            ck_assert_msg(c->values == shared[i].values, "%s", shared[i].format);
            ck_assert_int_eq(c->offsets == offsets, shared[i].offsets_too);
            ck_assert_int_eq(c->null_count, nulls);
            ck_assert_int_eq(aip__valid(c->validity, 1), !nulls);
            if (c->offsets) ck_assert_int_eq(c->offsets[3] - c->offsets[1], 3);
            ck_assert_int_eq(t.released, 0);
            aip__column_free(c);
            ck_assert_int_eq(t.released, 1);
        }
    struct {
        const char *format;
        const void *validity, *b1, *b2;
    } copied[] = {{"l", second_null, (const int64_t[]){7, 8, 9}, NULL},     /* something at a null */
                  {"u", second_null, (const int32_t[]){0, 2, 3, 5}, bytes}, /* a text at a null */
                  {"i", second_null, (const int32_t[]){0, 1, 0}, NULL},     /* a code at a null */
                  {"l", NULL, (const char *)values + 4, NULL}};             /* misaligned */
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        table t;
        lay_out(&t, copied[i].format, 0, i == 3 ? 2 : 3, copied[i].b2 ? 3 : 2, copied[i].validity, copied[i].b1, copied[i].b2);
        if (i == 2) add_dictionary(&t, "u", 2, NULL, xy_offsets, "xy");
        aip__column *c = column_of(ctx, &t);
        ck_assert_int_eq(t.released, 1);
        ck_assert_ptr_ne(c->values, copied[i].b2 ? copied[i].b2 : copied[i].b1);
        if (i == 0 || i == 2) ck_assert_int_eq(i == 0 ? aip__column_i64(c)[1] : aip__column_i32(c)[1], 0);
        if (i == 1) ck_assert_int_eq(c->offsets[1], c->offsets[2]);
        aip__column_free(c);
    }
    free(offsets), free(codes), free(long_offsets), free(values), free(bytes);
    test_context_end(ctx);
}
END_TEST

START_TEST(a_long_table_is_gathered_in_memory_for_the_price_of_its_batches) {
    aip_context *ctx = test_context();
    int64_t n = 10 * AIP_BATCH_MAX_ROWS;
    double *x = calloc((size_t)n, sizeof *x);
    table t;
    lay_out(&t, "g", 0, n, 2, NULL, x, NULL);
    aip_schema *s = NULL;
    aip_batch **b = NULL;
    int64_t k = 0;
    uint64_t before = aip_context_memory_peak(ctx);
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    OK(aip__arrow_import_array(s, &t.schema, &t.array, &b, &k, &err));
    ck_assert_int_eq(k, 10);
    ck_assert_uint_lt(aip_context_memory_peak(ctx) - before, 16384); /* of 5 MB */
    while (k > 0) aip_batch_free(b[--k]);
    aip__free(ctx, b);
    aip_schema_free(s);
    free(x);
    test_context_end(ctx);
}
END_TEST

START_TEST(types_without_a_counterpart_are_refused_by_name) {
    aip_context *ctx = test_context();
    static const struct {
        const char *format, *message;
    } cases[] = {{"+l", "list, map, union or run-end (nested) ('+l')"},
                 {"+s", "struct (nested) ('+s')"},
                 {"+w:3", "nested"},
                 {"ttm", "time of day"},
                 {"tDn", "duration"},
                 {"tiM", "interval"},
                 {"d:38,10", "more than 19 digits"},
                 {"d:10,-2", "scale out of 0 to 18"},
                 {"d:76,2,256", "more than 19"},
                 {"", "format '', which is not one"},
                 {"q", "'q', which is not one"},
                 {"ts", "is not one"},
                 {"tsu", "is not one"},
                 {"tdX", "is not one"},
                 {"d:", "is not one"},
                 {"d:5", "is not one"},
                 {"d:5,2,", "is not one"},
                 {"d:5,2,48", "is not one"},
                 {"w:", "is not one"},
                 {"w:-3", "is not one"},
                 {"w:99999999999", "is not one"},
                 {"uu", "is not one"},
                 {"v", "is not one"},
                 {"t", "is not one"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table t;
        aip_schema *s = NULL;
        lay_out(&t, cases[i].format, 0, 0, 2, NULL, NULL, NULL);
        int32_t expected = strstr(cases[i].message, "is not one") ? AIP_E_SCHEMA : AIP_E_UNSUPPORTED;
        FAILS(aip__arrow_import_schema(ctx, &t.schema, &s, &err), expected, cases[i].message);
    }
    test_context_end(ctx);
}
END_TEST

/* ---- round trips ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t state = 20260101;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A batch of n rows with a column of every type; a third of the rows are null. */
static aip_batch *every_type(aip_context *ctx, int64_t n) {
    aip_field fields[AIP_DECIMAL64];
    aip__column *columns[AIP_DECIMAL64];
    static const char *const names[] = {"bool",   "i32",        "i64",  "f32",  "f64",    "utf8",
                                        "binary", "dictionary", "date", "when", "decimal"};
    for (int32_t type = AIP_BOOL; type <= AIP_DECIMAL64; type++) {
        aip_field *f = &fields[type - 1];
        *f = aip__field(names[type - 1], type);
        if (type == AIP_TIMESTAMP) f->zone = "America/New_York";
        if (type == AIP_DECIMAL64) f->scale = 3;
        aip__utf8_builder b = {0};
        aip__column *c = NULL, *texts = NULL;
        bool text = aip__type_is_text(type) || type == AIP_BINARY;
        if (text) {
            OK(aip__utf8_begin(&b, ctx, type == AIP_BINARY ? AIP_BINARY : AIP_UTF8, n, 0, &err));
            for (int64_t i = 0; i < n; i++) {
                char s[32];
                int m = snprintf(s, sizeof s, "%.*s%d", (int)(draw() % 9), "abcdefgh", (int)(draw() % 5));
                if (draw() % 3 == 0)
                    OK(aip__utf8_add_null(&b, &err));
                else
                    OK(aip__utf8_add(&b, s, (size_t)m, &err));
            }
            OK(aip__utf8_end(&b, &c, &err));
            if (type == AIP_DICTIONARY) {
                texts = c;
                OK(aip__column_encode(texts, &c, &err));
                aip__column_free(texts);
            }
        } else {
            OK(aip__column_new(ctx, type, n, true, &c, &err));
            uint8_t *bytes = aip__column_values_mut(c), *validity = aip__column_validity_mut(c);
            for (size_t i = 0; i < c->values_buffer->size; i++) bytes[i] = (uint8_t)(draw() % 60);
            for (int64_t i = 0; i < n; i++)
                if (draw() % 3 == 0) aip__bit_clear(validity, i);
            aip__column_publish(c);
        }
        columns[type - 1] = c;
    }
    aip_schema *s = NULL;
    aip_batch *b = NULL;
    OK(aip_schema_create(ctx, fields, AIP_DECIMAL64, &s, &err));
    OK(aip__batch_new(s, n, columns, &b, &err));
    aip_schema_free(s);
    return b;
}

static char told[400];

static void tell(void *user, int32_t level, const char *task, const char *message) {
    (void)user, (void)task;
    ck_assert_int_eq(level, AIP_LOG_WARNING);
    snprintf(told, sizeof told, "%s", message);
}

START_TEST(an_extension_type_is_named_in_the_log_whatever_metadata_stands_before_it) {
    aip_context *ctx = test_context();
    table t;
    aip_schema *s = NULL;
    ctx->log = tell;
    lay_out(&t, "z", 0, 0, 3, NULL, NULL, NULL);
    t.child_schema.metadata = "\2\0\0\0"
                              "\4\0\0\0"
                              "unit"
                              "\0\0\0\0"
                              "\24\0\0\0"
                              "ARROW:extension:name"
                              "\3\0\0\0"
                              "a\n\377";
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    ck_assert_str_eq(told, "column 'x' has the Arrow extension type \"a\\n\xef\xbf\xbd\", which is not kept: it is binary here");
    aip_schema_free(s);
    *told = 0;
    t.child_schema.metadata = "\1\0\0\0"
                              "\4\0\0\0"
                              "unit"
                              "\1\0\0\0"
                              "m";
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    aip_schema_free(s);
    t.child_schema.metadata = "\0\0\0\0";
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    aip_schema_free(s);
    t.child_schema.metadata = "\1\0\0\0"
                              "\377\377\377\377";
    OK(aip__arrow_import_schema(ctx, &t.schema, &s, &err));
    aip_schema_free(s);
    ck_assert_str_eq(told, "");
    test_context_end(ctx);
}
END_TEST

START_TEST(a_batch_of_every_type_goes_out_and_comes_back_equal) {
    aip_context *ctx = test_context();
    static const int64_t sizes[] = {0, 1, 7, 64, 1000, AIP_BATCH_MAX_ROWS};
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
        for (int sliced = 0; sliced < 2; sliced++) {
            aip_batch *b = every_type(ctx, sizes[z]), **back = NULL;
            if (sliced) { /* values and offsets then start inside their buffers */
                aip_batch *part = NULL;
                OK(aip__batch_slice(b, sizes[z] / 3, sizes[z] / 2, &part, &err));
                aip_batch_free(b);
                b = part;
            }
            struct ArrowSchema schema = {0};
            struct ArrowArray array = {0};
            aip_schema *s = NULL;
            int64_t n = 0;
            OK(aip_batch_to_arrow(b, &schema, &array, &err));
            OK(aip__arrow_import_schema(ctx, &schema, &s, &err));
            ck_assert(aip__schema_equal(s, aip_batch_schema(b)));
            OK(aip__arrow_import_array(s, &schema, &array, &back, &n, &err));
            schema.release(&schema);
            ck_assert_int_eq(n, b->n_rows > 0);
            if (n == 1) ck_assert(aip__batch_equal(b, back[0]));
            if (n == 1) aip_batch_free(back[0]);
            aip__free(ctx, back);
            aip_batch_free(b);
            aip_schema_free(s);
        }
    test_context_end(ctx);
}
END_TEST

START_TEST(an_exported_child_outlives_its_parent_when_moved_away) {
    aip_context *ctx = test_context();
    aip_batch *b = every_type(ctx, 100);
    struct ArrowSchema schema = {0}, child_schema = {0};
    struct ArrowArray array = {0}, child = {0};
    OK(aip_batch_to_arrow(b, &schema, &array, &err));
    child_schema = *schema.children[7];
    schema.children[7]->release = NULL;
    child = *array.children[7];
    array.children[7]->release = NULL;
    aip_batch_free(b);
    schema.release(&schema);
    array.release(&array);
    ck_assert_str_eq(child_schema.name, "dictionary");
    ck_assert_str_eq(child_schema.dictionary->format, "u");
    ck_assert_int_eq(child.length, 100);
    ck_assert_int_gt(child.dictionary->length, 0);
    ck_assert_int_ge(((const int32_t *)child.buffers[1])[99], 0);
    child_schema.release(&child_schema);
    child.release(&child);
    test_context_end(ctx);
}
END_TEST

/* ---- hostile structure ------------------------------------------------------------------------------------------------------------------- */

START_TEST(no_broken_structure_crashes_or_leaks_and_each_array_is_released_once) {
    aip_context *ctx = test_context();
    static const int64_t odd[] = {-1, 0, 1, 2, 3, 4, INT64_MAX, INT64_MIN, INT32_MAX};
    static const char *const formats[] = {"u",      "U",    "vu",  "z", "i", "g",  "b", "n",  "w:4",
                                          "d:10,2", "tsn:", "tdm", "L", "e", "+s", "",  NULL, "\xff"};
    static const uint8_t zeros[64] = {0}; /* enough for any 2 rows of any type */
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        table t;
        lay_out(&t, "u", 0, 2, 3, draw() % 2 ? zeros : NULL, zeros, zeros);
        t.child_schema.format = formats[draw() % 18];
        if (draw() % 4 == 0) add_dictionary(&t, formats[draw() % 18], 1, NULL, zeros, zeros);
        t.child.n_buffers = (int64_t)(draw() % 4);
        for (int changes = 0; changes < 2; changes++) {
            int64_t v = odd[draw() % 9];
            switch (draw() % 24) {
            case 0:
                t.child.n_buffers = v > 3 ? 4 : v;
                t.buffers[3] = zeros;
                break;
            case 1: t.child.n_children = v; break;
            case 2:
                t.child.length = v < 2 ? v : v > 2 ? INT64_MAX : 2;
                t.child.offset = v == INT64_MAX ? 1 : 0;
                break;
            case 3: t.child.offset = v < 0 ? v : 0; break;
            case 4: t.child.null_count = v; break;
            case 5: t.child.buffers = NULL; break;
            case 6: t.buffers[1] = NULL; break;
            case 7: t.buffers[2] = NULL; break;
            case 8: t.array.children = NULL; break;
            case 9: t.children[0] = NULL; break;
            case 10: t.array.n_children = v; break;
            case 11: t.array.length = v < 2 ? v : 2; break;
            case 12: t.array.offset = v < 0 ? v : 0; break;
            case 13: t.array.n_buffers = v > 1 ? 2 : v; break;
            case 14: t.array.buffers = NULL; break;
            case 15: t.child.release = NULL; break;
            case 16:
                t.schema.n_children = v;
                if (v > 1) t.schema.children = NULL;
                break;
            case 17: t.schema_children[0] = NULL; break;
            case 18: t.child_schema.release = NULL; break;
            case 19: t.child_schema.n_children = v; break;
            case 20: t.child_schema.name = NULL; break;
            case 21: t.dictionary.n_buffers = v > 3 ? 4 : v; break;
            case 22: t.dictionary.buffers = NULL; break;
            default: t.dictionary.length = v < 1 ? v : 1; break;
            }
        }
        const char *result = imported(ctx, &t), *colon = strchr(result, ':');
        accepted += colon && result[colon - result - 1] != '\'' && strncmp(result, "column", 6) != 0;
    }
    ck_assert_int_gt(accepted, 1000);
    test_context_end(ctx);
}
END_TEST

/* ---- streams ----------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_dataset_passes_through_two_streams_unchanged) {
    for (int32_t workers = 0; workers <= 2; workers += 2) {
        aip_context *ctx = test_workers(workers);
        aip_batch *parts[3] = {every_type(ctx, 1000), every_type(ctx, 1), every_type(ctx, AIP_BATCH_MAX_ROWS)};
        aip_dataset *d = NULL, *back = NULL, *memory = NULL;
        OK(aip_dataset_from_batches(aip_batch_schema(parts[0]), parts, 3, &d, &err));
        struct ArrowArrayStream stream = {0};
        OK(aip_dataset_to_arrow(d, &stream, &err));
        aip_dataset_free(d);
        OK(aip_dataset_from_arrow(ctx, &stream, &back, &err));
        ck_assert_ptr_null((void *)(uintptr_t)stream.release);
        ck_assert(aip__schema_equal(aip_dataset_schema(back), aip_batch_schema(parts[0])));
        OK(aip_dataset_collect(back, NULL, &memory, &err));
        FAILS(aip_dataset_collect(back, NULL, &d, &err), AIP_E_STATE, "");
        int64_t rows = 0;
        OK(aip_dataset_count(memory, NULL, &rows, &err));
        ck_assert_int_eq(rows, 1000 + 1 + AIP_BATCH_MAX_ROWS);
        aip__token token;
        aip__scan *scan = NULL;
        OK(aip__token_init(&token, ctx, NULL, &err));
        OK(aip__scan_open(memory, &token, "test", &scan, &err));
        for (int p = 0; p < 4; p++) {
            aip_batch *b = NULL;
            OK(aip__scan_next(scan, &b, &err));
            ck_assert(p < 3 ? aip__batch_equal(b, parts[p]) : b == NULL);
            aip_batch_free(b);
        }
        aip__scan_close(scan);
        for (int p = 0; p < 3; p++) aip_batch_free(parts[p]);
        aip_dataset_free(memory);
        aip_dataset_free(back);
        test_workers_end(ctx);
    }
}
END_TEST

typedef struct failing {
    int calls, releases;
} failing;
static int failing_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    (void)s;
    static struct ArrowSchema child, *children[1] = {&child};
    child = (struct ArrowSchema){.format = "l", .name = "x", .release = schema_release};
    *out = (struct ArrowSchema){.format = "+s", .n_children = 1, .children = children, .release = schema_release};
    return 0;
}
static int failing_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
    (void)out;
    ((failing *)s->private_data)->calls++;
    return EIO;
}
static int failing_get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    (void)s;
    (void)out;
    return EINVAL;
}
static const char *failing_text(struct ArrowArrayStream *s) {
    (void)s;
    return "disk on fire";
}
static void failing_release(struct ArrowArrayStream *s) {
    ((failing *)s->private_data)->releases++;
    s->release = NULL;
}

START_TEST(a_failing_stream_gives_its_own_words_and_is_released_once) {
    aip_context *ctx = test_workers(2);
    failing f = {0};
    struct ArrowArrayStream stream = {failing_schema, failing_next, failing_text, failing_release, &f};
    aip_dataset *d = NULL;
    int64_t n = 0;
    OK(aip_dataset_from_arrow(ctx, &stream, &d, &err));
    FAILS(aip_dataset_count(d, NULL, &n, &err), AIP_E_IO, "disk on fire");
    ck_assert_int_eq(f.calls, 1);
    aip_dataset_free(d);
    ck_assert_int_eq(f.releases, 1);
    stream = (struct ArrowArrayStream){failing_get_schema, failing_next, failing_text, failing_release, &f};
    FAILS(aip_dataset_from_arrow(ctx, &stream, &d, &err), AIP_E_IO, "disk on fire");
    ck_assert_int_eq(f.releases, 2);
    FAILS(aip_dataset_from_arrow(ctx, &stream, &d, &err), AIP_E_MISUSE, "released");
    test_workers_end(ctx);
}
END_TEST

START_TEST(an_exported_stream_reports_errors_and_ends_for_good) {
    aip_context *ctx = test_workers(0);
    failing f = {0};
    struct ArrowArrayStream stream = {failing_schema, failing_next, failing_text, failing_release, &f}, out = {0};
    aip_dataset *d = NULL;
    struct ArrowArray array = {0};
    OK(aip_dataset_from_arrow(ctx, &stream, &d, &err));
    OK(aip_dataset_to_arrow(d, &out, &err));
    aip_dataset_free(d);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(out.get_next(&out, &array), EIO);
        ck_assert_ptr_nonnull(strstr(out.get_last_error(&out), "disk on fire"));
    }
    out.release(&out);
    ck_assert_int_eq(f.releases, 1);
    aip_batch *b = every_type(ctx, 5);
    OK(aip_dataset_from_batches(aip_batch_schema(b), &b, 1, &d, &err));
    OK(aip_dataset_to_arrow(d, &out, &err));
    aip_dataset_free(d);
    aip_batch_free(b);
    ck_assert_int_eq(out.get_next(&out, &array), 0);
    ck_assert_int_eq(array.length, 5);
    array.release(&array);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(out.get_next(&out, &array), 0);
        ck_assert_ptr_null((void *)(uintptr_t)array.release);
    }
    out.release(&out);
    test_workers_end(ctx);
}
END_TEST

Suite *arrow_suite(void) {
    const TTest *const tests[] = {integers_widen_and_offsets_count_rows,
                                  floats_decimals_dates_and_timestamps_convert_exactly_or_are_refused,
                                  texts_of_every_layout_become_utf8,
                                  dictionaries_with_any_codes_repeats_and_nulls,
                                  misaligned_buffers_and_struct_offsets_are_read_right,
                                  long_arrays_are_cut_into_batches_that_share_their_values,
                                  values_texts_and_codes_are_shared_when_they_are_empty_at_nulls_and_aligned,
                                  a_long_table_is_gathered_in_memory_for_the_price_of_its_batches,
                                  types_without_a_counterpart_are_refused_by_name,
                                  an_extension_type_is_named_in_the_log_whatever_metadata_stands_before_it,
                                  a_batch_of_every_type_goes_out_and_comes_back_equal,
                                  an_exported_child_outlives_its_parent_when_moved_away,
                                  no_broken_structure_crashes_or_leaks_and_each_array_is_released_once,
                                  a_dataset_passes_through_two_streams_unchanged,
                                  a_failing_stream_gives_its_own_words_and_is_released_once,
                                  an_exported_stream_reports_errors_and_ends_for_good,
                                  NULL};
    return unit_suite("arrow", tests);
}
