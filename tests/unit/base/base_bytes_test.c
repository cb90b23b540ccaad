/* Writer and reader: fixed little-endian layout, and no reading past the end. */
#include "base/bytes.h"
#include "base_fixture.h"
#include <math.h>
#include <string.h>

START_TEST(the_layout_is_little_endian_and_fixed) {
    static const uint8_t expected[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* -2 */
                                       0,    0,    0,    0,    0,    0,    0xf8, 0x3f, /* 1.5 */
                                       2,    0,    0,    0,    0,    0,    0,    0,    'a', 'b', 7};
    aip_context *ctx = fixture_context(NULL);
    aip_writer w;
    aip__writer_init(&w, ctx);
    ck_assert_int_eq(aip_writer_i64(&w, -2, NULL), AIP_OK);
    ck_assert_int_eq(aip_writer_f64(&w, 1.5, NULL), AIP_OK);
    ck_assert_int_eq(aip_writer_text(&w, "ab", NULL), AIP_OK);
    ck_assert_int_eq(aip_writer_bytes(&w, "\x07", 1, NULL), AIP_OK);
    ck_assert_int_eq(aip_writer_bytes(&w, NULL, 0, NULL), AIP_OK);
    ck_assert_uint_eq(w.text.n, sizeof expected);
    ck_assert_mem_eq(w.text.bytes, expected, sizeof expected);
    aip__writer_free(&w);
    fixture_free(ctx);
}
END_TEST

START_TEST(what_was_written_is_read_back_bit_for_bit) {
    aip_context *ctx = fixture_context(NULL);
    aip_writer w;
    aip_reader r;
    int64_t i = 0;
    double v = 0;
    const char *text = NULL;
    size_t n = 0;
    aip__writer_init(&w, ctx);
    aip_writer_i64(&w, INT64_MIN, NULL);
    aip_writer_f64(&w, (double)NAN, NULL);
    aip_writer_f64(&w, -0.0, NULL);
    aip_writer_text(&w, "", NULL);
    aip__reader_init(&r, ctx, w.text.bytes, w.text.n, "state");
    ck_assert_uint_eq(aip_reader_left(&r), 32);
    ck_assert_int_eq(aip_reader_i64(&r, &i, NULL), AIP_OK);
    ck_assert_int_eq(i, INT64_MIN);
    ck_assert_int_eq(aip_reader_f64(&r, &v, NULL), AIP_OK);
    ck_assert(isnan(v));
    ck_assert_int_eq(aip_reader_f64(&r, &v, NULL), AIP_OK);
    ck_assert(v == 0 && signbit(v));
    ck_assert_int_eq(aip_reader_text(&r, &text, &n, NULL), AIP_OK);
    ck_assert_uint_eq(n, 0);
    ck_assert_uint_eq(aip_reader_left(&r), 0);
    aip__writer_free(&w);
    fixture_free(ctx);
}
END_TEST

START_TEST(reading_past_the_end_is_an_error_with_source_and_offset) {
    aip_context *ctx = fixture_context(NULL);
    aip_reader r;
    aip_error *err = NULL;
    int64_t i = 5;
    uint8_t byte = 0;
    aip__reader_init(&r, ctx, "abcdefghij", 10, "state.bin");
    ck_assert_int_eq(aip_reader_i64(&r, &i, &err), AIP_OK);
    i = 5;
    ck_assert_int_eq(aip_reader_i64(&r, &i, &err), AIP_E_CORRUPT);
    ck_assert_int_eq(i, 5);
    ck_assert_str_eq(aip_error_message(err), "ends too early: expected 8 more bytes at offset 8, found 2");
    ck_assert_str_eq(aip_error_source(err), "state.bin");
    ck_assert_int_eq(aip_error_offset(err), 8);
    ck_assert_uint_eq(aip_reader_left(&r), 2); /* nothing was consumed */
    aip_error_free(err);
    ck_assert_int_eq(aip_reader_bytes(&r, &byte, 1, &err), AIP_OK);
    ck_assert_int_eq(byte, 'i');
    fixture_free(ctx);
}
END_TEST

START_TEST(a_text_longer_than_what_is_left_is_refused) {
    aip_context *ctx = fixture_context(NULL);
    static const int64_t lengths[] = {-1, INT64_MIN, 3, INT64_MAX};
    for (size_t k = 0; k < 4; k++) {
        uint8_t bytes[10] = {0};
        aip_reader r;
        aip_error *err = NULL;
        const char *text = NULL;
        size_t n = 9;
        for (int b = 0; b < 8; b++) bytes[b] = (uint8_t)((uint64_t)lengths[k] >> (8 * b));
        aip__reader_init(&r, ctx, bytes, sizeof bytes, NULL);
        ck_assert_int_eq(aip_reader_text(&r, &text, &n, &err), AIP_E_CORRUPT);
        ck_assert_ptr_null(text);
        ck_assert_uint_eq(aip_reader_left(&r), 10);
        aip_error_free(err);
    }
    fixture_free(ctx);
}
END_TEST

START_TEST(null_arguments_are_misuse) {
    aip_reader r;
    aip__reader_init(&r, NULL, "", 0, NULL);
    ck_assert_int_eq(aip_writer_i64(NULL, 1, NULL), AIP_E_MISUSE);
    ck_assert_int_eq(aip_writer_text(NULL, "x", NULL), AIP_E_MISUSE);
    ck_assert_int_eq(aip_reader_i64(&r, NULL, NULL), AIP_E_MISUSE);
    ck_assert_int_eq(aip_reader_text(NULL, NULL, NULL, NULL), AIP_E_MISUSE);
    ck_assert_uint_eq(aip_reader_left(NULL), 0);
}
END_TEST

Suite *base_bytes_suite(void);
Suite *base_bytes_suite(void) {
    const TTest *const tests[] = {the_layout_is_little_endian_and_fixed,
                                  what_was_written_is_read_back_bit_for_bit,
                                  reading_past_the_end_is_an_error_with_source_and_offset,
                                  a_text_longer_than_what_is_left_is_refused,
                                  null_arguments_are_misuse,
                                  NULL};
    return unit_suite("bytes", tests);
}
