/* Columns: each constructor and selection against a plain array of optional values, the reference. Rows at nulls hold zero. */
#include "data/dictionary.h"
#include "data_suites.h"
#include <stdio.h>
#include <stdlib.h>

/* A small generator for the tests' random cases (xorshift64). */
static uint64_t state = 88172645463325252u;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* What column.h promises of every column. */
static void hold_invariants(const aip__column *c) {
    int64_t nulls = 0;
    for (int64_t i = 0; i < c->length; i++) nulls += !aip__valid(c->validity, i);
    ck_assert_int_eq(c->null_count, nulls);
    ck_assert((c->validity == NULL) == (nulls == 0));
    ck_assert(c->values != NULL);
    size_t width = aip__type_width(c->type);
    static const uint8_t zeros[8] = {0};
    for (int64_t i = 0; i < c->length; i++) {
        if (aip__valid(c->validity, i)) continue;
        if (c->type == AIP_BOOL)
            ck_assert(!aip__bit_get(c->values, i));
        else if (c->offsets)
            ck_assert_int_eq(c->offsets[i], c->offsets[i + 1]);
        else
            ck_assert_int_eq(memcmp((const uint8_t *)c->values + (size_t)i * width, zeros, width), 0);
    }
    if (c->length & 7) {
        int shift = (int)(c->length & 7);
        if (c->validity) ck_assert_int_eq(c->validity[c->length >> 3] >> shift, 0);
        if (c->type == AIP_BOOL) ck_assert_int_eq(((const uint8_t *)c->values)[c->length >> 3] >> shift, 0);
    }
    if (c->type == AIP_DICTIONARY) {
        ck_assert(c->dictionary != NULL && c->dictionary->null_count == 0);
        for (int64_t i = 0; i < c->length; i++)
            if (aip__valid(c->validity, i)) {
                ck_assert_int_ge(aip__column_i32(c)[i], 0);
                ck_assert_int_lt(aip__column_i32(c)[i], c->dictionary->length);
            }
    }
}

/* The value of a row as text, so that all types compare alike; "<null>" for null. */
static const char *show(const aip__column *c, int64_t i, char out[64]) {
    if (!aip__valid(c->validity, i)) return "<null>";
    size_t n = 0;
    switch (c->type) {
    case AIP_BOOL: snprintf(out, 64, "%d", aip__bit_get(c->values, i)); break;
    case AIP_INT32:
    case AIP_DATE32: snprintf(out, 64, "%d", aip__column_i32(c)[i]); break;
    case AIP_FLOAT32: snprintf(out, 64, "%a", (double)aip__column_f32(c)[i]); break;
    case AIP_FLOAT64: snprintf(out, 64, "%a", aip__column_f64(c)[i]); break;
    case AIP_UTF8:
    case AIP_BINARY:
    case AIP_DICTIONARY: {
        const char *s = aip__column_text(c, i, &n);
        snprintf(out, 64, "%.*s", (int)n, s);
        break;
    }
    default: snprintf(out, 64, "%lld", (long long)aip__column_i64(c)[i]);
    }
    return out;
}

static const char *const words[] = {"", "a", "bc", "def", "\xc3\xa9t\xc3\xa9", "a longer text than the others", "x", "yy"};

/* A random column: null_percent of its rows are null. */
static aip__column *random_column(aip_context *ctx, int32_t type, int64_t n, unsigned null_percent) {
    aip__column *c = NULL;
    if (type == AIP_UTF8 || type == AIP_BINARY) {
        aip__utf8_builder b = {0};
        OK(aip__utf8_begin(&b, ctx, type, 0, 0, &err));
        for (int64_t i = 0; i < n; i++) {
            const char *w = words[draw() % 8];
            if (draw() % 100 < null_percent)
                OK(aip__utf8_add_null(&b, &err));
            else
                OK(aip__utf8_add(&b, w, strlen(w), &err));
        }
        OK(aip__utf8_end(&b, &c, &err));
        return c;
    }
    if (type == AIP_DICTIONARY) {
        aip__utf8_builder b = {0};
        aip__column *texts = NULL;
        uint64_t first = draw() % 8;
        OK(aip__utf8_begin(&b, ctx, AIP_UTF8, 8, 0, &err));
        for (uint64_t k = 0; k < 8; k++) OK(aip__utf8_add(&b, words[(k + first) % 8], strlen(words[(k + first) % 8]), &err));
        OK(aip__utf8_end(&b, &texts, &err));
        int32_t *codes = malloc(((size_t)n + 1) * sizeof *codes);
        for (int64_t i = 0; i < n; i++) codes[i] = draw() % 100 < null_percent ? -1 : (int32_t)(draw() % 8);
        OK(aip__column_dictionary(ctx, codes, n, texts, &c, &err));
        free(codes);
        aip__column_free(texts);
        return c;
    }
    OK(aip__column_new(ctx, type, n, false, &c, &err));
    uint8_t *values = aip__column_values_mut(c);
    for (size_t i = 0; i < c->values_buffer->size; i++) values[i] = (uint8_t)(1 + draw() % 60);
    if (null_percent > 0) {
        uint8_t *validity = aip__column_validity_mut(c);
        for (int64_t i = 0; i < n; i++)
            if (draw() % 100 < null_percent) aip__bit_clear(validity, i);
    }
    aip__column_publish(c);
    return c;
}

static const int64_t lengths[] = {0, 1, 7, 8, 63, 64, 65, 127, 128, 200, 1000};
static const unsigned null_percents[] = {0, 30, 100};
#define EACH_CASE                                                     \
    for (int32_t type = AIP_BOOL; type <= AIP_DECIMAL64; type++)      \
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) \
            for (size_t p = 0; p < sizeof null_percents / sizeof *null_percents; p++)

START_TEST(every_made_column_keeps_zero_at_nulls) {
    aip_context *ctx = test_context();
    EACH_CASE {
        aip__column *c = random_column(ctx, type, lengths[l], null_percents[p]);
        hold_invariants(c);
        ck_assert_int_eq(c->length, lengths[l]);
        aip__column_free(c);
        OK(aip__column_nulls(ctx, type, lengths[l], &c, &err));
        hold_invariants(c);
        ck_assert_int_eq(c->null_count, lengths[l]);
        aip__column_free(c);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(a_slice_holds_the_rows_of_its_range_and_outlives_its_parent) {
    aip_context *ctx = test_context();
    EACH_CASE {
        aip__column *c = random_column(ctx, type, lengths[l], null_percents[p]), *s = NULL, *t = NULL;
        int64_t start = lengths[l] ? (int64_t)(draw() % (uint64_t)(lengths[l] + 1)) : 0;
        int64_t n = (int64_t)(draw() % (uint64_t)(lengths[l] - start + 1));
        OK(aip__column_slice(c, start, n, &s, &err));
        hold_invariants(s);
        char a[64], b[64];
        for (int64_t i = 0; i < n; i++) ck_assert_str_eq(show(s, i, a), show(c, start + i, b));
        OK(aip__column_slice(s, n / 2, n - n / 2, &t, &err));
        hold_invariants(t);
        for (int64_t i = 0; i < n - n / 2; i++) ck_assert_str_eq(show(t, i, a), show(c, start + n / 2 + i, b));
        FAILS(aip__column_slice(c, 0, lengths[l] + 1, &s, &err), AIP_E_INTERNAL, "slice");
        aip__column_free(c);
        aip__column_free(s);
        hold_invariants(t);
        aip__column_free(t);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(filter_keeps_the_rows_whose_bit_is_set_in_order) {
    aip_context *ctx = test_context();
    static const unsigned kept[] = {0, 5, 50, 95, 100};
    EACH_CASE {
        for (size_t k = 0; k < 5; k++) {
            aip__column *whole = random_column(ctx, type, lengths[l] + 3, null_percents[p]), *c = NULL, *f = NULL;
            OK(aip__column_slice(whole, 3, lengths[l], &c, &err));
            uint8_t mask[160] = {0};
            int64_t rows[1000], n = 0;
            bool long_runs = draw() % 2;
            for (int64_t i = 0, keep = 0; i < c->length; i++) {
                if (!long_runs || i % 70 == 0) keep = draw() % 100 < kept[k];
                if (!keep) continue;
                aip__bit_set(mask, i);
                rows[n++] = i;
            }
            OK(aip__column_filter(c, mask, n, &f, &err));
            hold_invariants(f);
            ck_assert_int_eq(f->length, n);
            char a[64], b[64];
            for (int64_t i = 0; i < n; i++) ck_assert_str_eq(show(f, i, a), show(c, rows[i], b));
            aip__column_free(f);
            aip__column_free(c);
            aip__column_free(whole);
        }
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(take_gives_rows_by_number_and_null_for_a_negative_one) {
    aip_context *ctx = test_context();
    EACH_CASE {
        aip__column *c = random_column(ctx, type, lengths[l], null_percents[p]), *t = NULL;
        int64_t rows[300], n = (int64_t)(draw() % 300);
        for (int64_t i = 0; i < n; i++)
            rows[i] = lengths[l] == 0 || draw() % 10 == 0 ? -1 : (int64_t)(draw() % (uint64_t)lengths[l]);
        OK(aip__column_take(c, rows, n, &t, &err));
        hold_invariants(t);
        char a[64], b[64];
        for (int64_t i = 0; i < n; i++) ck_assert_str_eq(show(t, i, a), rows[i] < 0 ? "<null>" : show(c, rows[i], b));
        aip__column_free(t);
        aip__column_free(c);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(concat_lays_the_parts_end_to_end_and_joins_dictionaries) {
    aip_context *ctx = test_context();
    EACH_CASE {
        aip__column *parts[4] = {0}, *whole = NULL;
        for (int k = 0; k < 4; k++)
            parts[k] = random_column(ctx, type, (int64_t)(draw() % (uint64_t)(lengths[l] + 1)), k % 2 ? null_percents[p] : 0);
        OK(aip__column_concat(ctx, parts, 4, &whole, &err));
        hold_invariants(whole);
        int64_t at = 0;
        char a[64], b[64];
        for (int k = 0; k < 4; k++) {
            for (int64_t i = 0; i < parts[k]->length; i++, at++) ck_assert_str_eq(show(whole, at, a), show(parts[k], i, b));
            aip__column_free(parts[k]);
        }
        ck_assert_int_eq(whole->length, at);
        if (type == AIP_DICTIONARY) ck_assert_int_eq(whole->dictionary->length, 8);
        aip__column_free(whole);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(a_decoded_dictionary_equals_it_by_text) {
    aip_context *ctx = test_context();
    for (unsigned p = 0; p <= 100; p += 50) {
        aip__column *c = random_column(ctx, AIP_DICTIONARY, 500, p), *d = NULL;
        OK(aip__column_decode(c, &d, &err));
        hold_invariants(d);
        ck_assert_int_eq(d->type, AIP_UTF8);
        ck_assert(aip__column_equal(c, d) && aip__column_equal(d, c));
        aip__column_free(c);
        aip__column_free(d);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(equality_sees_values_nulls_and_the_bits_of_floats) {
    aip_context *ctx = test_context();
    EACH_CASE {
        if (lengths[l] == 0) continue;
        uint64_t before = state;
        aip__column *a = random_column(ctx, type, lengths[l], null_percents[p]);
        state = before;
        aip__column *b = random_column(ctx, type, lengths[l], null_percents[p]), *nulls = NULL;
        ck_assert(aip__column_equal(a, b));
        OK(aip__column_nulls(ctx, type, lengths[l], &nulls, &err));
        ck_assert(aip__column_equal(a, nulls) == (null_percents[p] == 100 || a->null_count == lengths[l]));
        aip__column_free(a);
        aip__column_free(b);
        aip__column_free(nulls);
    }
    aip__column *zero = NULL, *minus = NULL;
    OK(aip__column_new(ctx, AIP_FLOAT64, 1, true, &zero, &err));
    OK(aip__column_new(ctx, AIP_FLOAT64, 1, true, &minus, &err));
    aip__column_f64_mut(minus)[0] = -0.0;
    aip__column_publish(zero);
    aip__column_publish(minus);
    ck_assert(!aip__column_equal(zero, minus));
    aip__column_free(zero);
    aip__column_free(minus);
    test_context_end(ctx);
}
END_TEST

START_TEST(host_memory_round_trips_through_views) {
    aip_context *ctx = test_context();
    EACH_CASE {
        aip__column *c = random_column(ctx, type, lengths[l], null_percents[p]), *copy = NULL, *part = NULL, *slice = NULL;
        aip_column_view v;
        aip__column_view(c, &v);
        OK(aip__column_from_view(ctx, &v, 0, v.length, &copy, &err));
        hold_invariants(copy);
        ck_assert(aip__column_equal(c, copy));
        int64_t start = v.length / 3, n = v.length / 2;
        OK(aip__column_from_view(ctx, &v, start, n, &part, &err));
        OK(aip__column_slice(c, start, n, &slice, &err));
        ck_assert(aip__column_equal(part, slice));
        aip__column_free(c);
        aip__column_free(copy);
        aip__column_free(part);
        aip__column_free(slice);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(what_a_host_leaves_at_nulls_becomes_zero) {
    aip_context *ctx = test_context();
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    const double values[3] = {1.5, 99.0, 2.5};
    const uint8_t validity[1] = {0xfd}; /* row 1 is null; bits past the end are set */
    v.type = AIP_FLOAT64;
    v.length = 3;
    v.values = values;
    v.validity = validity;
    aip__column *c = NULL;
    OK(aip__column_from_view(ctx, &v, 0, 3, &c, &err));
    hold_invariants(c);
    ck_assert_int_eq(c->null_count, 1);
    aip__column_free(c);
    const int32_t offsets[4] = {2, 4, 7, 8};
    v.type = AIP_UTF8;
    v.values = "__abxyzc";
    v.offsets = offsets;
    OK(aip__column_from_view(ctx, &v, 0, 3, &c, &err));
    hold_invariants(c);
    char a[64];
    ck_assert_str_eq(show(c, 0, a), "ab");
    ck_assert_str_eq(show(c, 2, a), "c");
    aip__column_free(c);
    test_context_end(ctx);
}
END_TEST

START_TEST(bad_host_memory_is_refused_by_name_of_the_rule) {
    aip_context *ctx = test_context();
    aip__column *c = NULL;
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    v.type = AIP_INT64;
    v.length = 3;
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_MISUSE, "no values");
    FAILS(aip__column_from_view(ctx, &v, 2, 2, &c, &err), AIP_E_MISUSE, "rows 2 to 4");
    v.type = 77;
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_SCHEMA, "unknown type 77");
    v.type = AIP_UTF8;
    v.values = "abc\xff";
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_MISUSE, "no offsets");
    const int32_t falling[4] = {0, 2, 1, 3}, negative[4] = {-1, 1, 2, 3}, invalid[4] = {0, 1, 3, 4};
    v.offsets = falling;
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_MISUSE, "row 1");
    v.offsets = negative;
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_MISUSE, "row 0");
    v.offsets = invalid;
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_DATA, "row 2 is not valid UTF-8");
    const int32_t codes[3] = {0, 1, 2}, two[3] = {0, 1, 2};
    v.type = AIP_DICTIONARY;
    v.values = codes;
    v.dictionary_length = 2;
    v.dictionary_offsets = two;
    v.dictionary_bytes = "ab";
    FAILS(aip__column_from_view(ctx, &v, 0, 3, &c, &err), AIP_E_MISUSE, "code 2 in row 2");
    test_context_end(ctx);
}
END_TEST

START_TEST(a_dictionary_with_repeated_texts_is_made_distinct) {
    aip_context *ctx = test_context();
    const int32_t codes[4] = {3, 2, 1, 0}, offsets[5] = {0, 1, 2, 3, 4};
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    v.type = AIP_DICTIONARY;
    v.length = 4;
    v.values = codes;
    v.dictionary_length = 4;
    v.dictionary_offsets = offsets;
    v.dictionary_bytes = "abab";
    aip__column *c = NULL;
    OK(aip__column_from_view(ctx, &v, 0, 4, &c, &err));
    hold_invariants(c);
    ck_assert_int_eq(c->dictionary->length, 2);
    char a[64];
    ck_assert_str_eq(show(c, 0, a), "b");
    ck_assert_str_eq(show(c, 1, a), "a");
    ck_assert_int_eq(aip__column_i32(c)[0], aip__column_i32(c)[2]);
    aip__column_free(c);
    test_context_end(ctx);
}
END_TEST

START_TEST(utf8_validity_follows_the_unicode_table) {
    /* Unicode 15, table 3-7: well-formed sequences, and the neighbours that are not. */
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678\xc3\xa9"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x82",
                                      "abcdefgh\xc3("};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) ck_assert(aip__utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!aip__utf8_valid(bad[i], strlen(bad[i])), "case %zu", i);
    ck_assert_uint_eq(aip__utf8_prefix("a\xc3\xa9z", 4, 2), 1);
    ck_assert_uint_eq(aip__utf8_prefix("a\xc3\xa9z", 4, 3), 3);
    ck_assert_uint_eq(aip__utf8_prefix("ab\xff", 3, 64), 2);
}
END_TEST

Suite *column_suite(void) {
    const TTest *const tests[] = {every_made_column_keeps_zero_at_nulls,
                                  a_slice_holds_the_rows_of_its_range_and_outlives_its_parent,
                                  filter_keeps_the_rows_whose_bit_is_set_in_order,
                                  take_gives_rows_by_number_and_null_for_a_negative_one,
                                  concat_lays_the_parts_end_to_end_and_joins_dictionaries,
                                  a_decoded_dictionary_equals_it_by_text,
                                  equality_sees_values_nulls_and_the_bits_of_floats,
                                  host_memory_round_trips_through_views,
                                  what_a_host_leaves_at_nulls_becomes_zero,
                                  bad_host_memory_is_refused_by_name_of_the_rule,
                                  a_dictionary_with_repeated_texts_is_made_distinct,
                                  utf8_validity_follows_the_unicode_table,
                                  NULL};
    return unit_suite("column", tests);
}
