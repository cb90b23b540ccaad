/* Gzip streams: members one after the other, damage, cuts and garbage, each with its place. Expected bytes come from zlib's own whole-buffer
 * functions. */
#include "formats/gzip/gzip.h"
#include "formats/stream.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static size_t member(const char *text, size_t n, uint8_t *out, size_t size) {
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)size;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = z.total_out;
    deflateEnd(&z);
    return made;
}

/* Reads a stream to its end in steps of `step` bytes. */
static int32_t read_all(aip_context *ctx, const void *bytes, size_t n, size_t step, char *out, size_t *made, aip_error **err) {
    aip__stream *s = NULL;
    int32_t status = aip__stream_memory(ctx, bytes, n, &s, err);
    size_t got = step;
    for (*made = 0; status == AIP_OK && got == step; *made += got) {
        got = 0;
        status = aip__stream_read(s, out + *made, step, &got, err);
    }
    if (status == AIP_OK) ck_assert_int_eq(aip__stream_consumed(s), (int64_t)n);
    aip__stream_close(s);
    return status;
}

static const char poem[] = "so much depends\nupon\na red wheel\nbarrow\n";
#define POEM (sizeof poem - 1)

START_TEST(members_one_after_the_other_are_one_text) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000];
    size_t n = 0, made = 0;
    n += member(poem, POEM, packed, sizeof packed);
    n += member("", 0, packed + n, sizeof packed - n);
    n += member("glazed", 6, packed + n, sizeof packed - n);
    for (size_t step = 1; step < 70; step++) {
        OK(read_all(ctx, packed, n, step, out, &made, &err));
        ck_assert_uint_eq(made, POEM + 6);
        ck_assert_int_eq(memcmp(out, poem, POEM), 0);
        ck_assert_int_eq(memcmp(out + POEM, "glazed", 6), 0);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(other_bytes_come_through_as_they_are) {
    aip_context *ctx = table_context(0);
    char out[200];
    size_t made = 0;
    for (size_t n = 0; n <= POEM; n++)
        for (size_t step = 1; step < 6; step++) {
            OK(read_all(ctx, poem, n, step, out, &made, &err));
            ck_assert_uint_eq(made, n);
            ck_assert_int_eq(memcmp(out, poem, n), 0);
        }
    table_context_free(ctx);
}
END_TEST

START_TEST(a_stream_cut_anywhere_is_corrupt_and_says_at_which_byte) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000], place[64];
    size_t made = 0, first = member(poem, POEM, packed, sizeof packed), n = first;
    n += member("glazed", 6, packed + n, sizeof packed - n);
    for (size_t cut = 2; cut < n; cut++) {
        if (cut == first) continue; /* a whole stream */
        snprintf(place, sizeof place, "gzip stream ends early at byte %zu", cut);
        FAILS(read_all(ctx, packed, cut, 16, out, &made, &err), AIP_E_CORRUPT, place);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(garbage_behind_the_end_is_corrupt_and_says_at_which_byte) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000], place[64];
    size_t made = 0, n = member(poem, POEM, packed, sizeof packed);
    packed[n] = 'x';
    snprintf(place, sizeof place, "after the end of the gzip stream, at byte %zu", n);
    FAILS(read_all(ctx, packed, n + 1, 16, out, &made, &err), AIP_E_CORRUPT, place);
    packed[n] = 0;
    FAILS(read_all(ctx, packed, n + 1, 16, out, &made, &err), AIP_E_CORRUPT, place);
    packed[n] = 0x1f;
    packed[n + 1] = 'x';
    FAILS(read_all(ctx, packed, n + 2, 16, out, &made, &err), AIP_E_CORRUPT, "gzip stream is damaged");
    table_context_free(ctx);
}
END_TEST

START_TEST(damage_in_the_trailer_is_found) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000];
    size_t made = 0, n = member(poem, POEM, packed, sizeof packed);
    for (size_t i = n - 8; i < n; i++) { /* CRC and length */
        packed[i] ^= 1;
        FAILS(read_all(ctx, packed, n, 16, out, &made, &err), AIP_E_CORRUPT, "gzip stream is damaged at byte");
        packed[i] ^= 1;
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(what_is_written_reads_back_and_holds_no_time) {
    aip_context *ctx = table_context(0);
    size_t n = 3000000, made = 0;
    char *text = malloc(n), *out = malloc(n + 100000);
    ck_assert(text && out);
    uint32_t x = 7;
    for (size_t i = 0; i < n; i++) text[i] = (char)('a' + (x = x * 1103515245 + 12345) / 65536 % 20);
    aip__text packed[2];
    for (int k = 0; k < 2; k++) { /* the same bytes, handed over in other parts */
        aip__gzip *g = NULL;
        aip__text_init(&packed[k], ctx);
        OK(aip__gzip_new(ctx, 6, &g, &err));
        size_t step = k ? 99999 : 400000;
        for (size_t at = 0; at < n; at += step)
            OK(aip__gzip_add(g, text + at, n - at < step ? n - at : step, false, &packed[k], &err));
        OK(aip__gzip_add(g, "", 0, true, &packed[k], &err));
        aip__gzip_free(g);
        OK(read_all(ctx, packed[k].bytes, packed[k].n, 100000, out, &made, &err));
        ck_assert_uint_eq(made, n);
        ck_assert_int_eq(memcmp(out, text, n), 0);
    }
    ck_assert_uint_eq(packed[0].n, packed[1].n);
    ck_assert_int_eq(memcmp(packed[0].bytes, packed[1].bytes, packed[0].n), 0);
    ck_assert_int_eq(memcmp(packed[0].bytes, "\x1f\x8b\x08\0\0\0\0\0", 8), 0); /* no flags, time 0 */
    ck_assert_int_eq((uint8_t)packed[0].bytes[9], 255);                        /* system unknown */
    aip__text_free(&packed[0]);
    aip__text_free(&packed[1]);
    free(text);
    free(out);
    table_context_free(ctx);
}
END_TEST

Suite *gzip_suite(void) {
    const TTest *const tests[] = {members_one_after_the_other_are_one_text,
                                  other_bytes_come_through_as_they_are,
                                  a_stream_cut_anywhere_is_corrupt_and_says_at_which_byte,
                                  garbage_behind_the_end_is_corrupt_and_says_at_which_byte,
                                  damage_in_the_trailer_is_found,
                                  what_is_written_reads_back_and_holds_no_time,
                                  NULL};
    return unit_suite("gzip", tests);
}
