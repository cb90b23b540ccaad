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

/* A member as bgzip makes it: its compressed size in the extra field BC. */
static size_t told_member(const char *text, size_t n, uint8_t *out, size_t size) {
    uint8_t plain[70000];
    size_t made = member(text, n, plain, sizeof plain);
    ck_assert_uint_ge(size, made + 8);
    memcpy(out, plain, 10);
    out[3] = 4;
    memcpy(out + 10, "\6\0BC\2\0", 6);
    memcpy(out + 18, plain + 10, made - 10);
    out[16] = (uint8_t)(made + 7);
    out[17] = (uint8_t)((made + 7) >> 8);
    return made + 8;
}

/* Members that are undone at once where libdeflate is there, among such that are not: beyond 16 MiB, and with a checksum in the header. */
START_TEST(whole_members_and_streamed_ones_give_the_same_text) {
    aip_context *ctx = table_context(0);
    size_t most = (size_t)40 << 20, n = 0, at = 0, made = 0;
    uint8_t *packed = malloc(most);
    char *text = malloc(most), *out = malloc(most);
    ck_assert(packed && text && out);
    uint32_t x = 3;
    for (size_t i = 0; i < most; i++) text[i] = (char)('a' + (x = x * 1103515245 + 12345) / 65536 % 3);
    static const size_t sizes[] = {60000, 0, 1, 65000, 17u << 20, 50000, 300000, 5000000, 16u << 20, 40};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        bool told = sizes[k] <= 65000 && k % 2 == 0;
        n += told ? told_member(text + at, sizes[k], packed + n, most - n) : member(text + at, sizes[k], packed + n, most - n);
        at += sizes[k];
    }
    static const size_t steps[] = {1 << 20, 1000, 65536, 7777777};
    for (size_t k = 0; k < 4; k++) {
        OK(read_all(ctx, packed, n, steps[k], out, &made, &err));
        ck_assert_uint_eq(made, at);
        ck_assert_int_eq(memcmp(out, text, at), 0);
    }
    free(packed), free(text), free(out);
    table_context_free(ctx);
}
END_TEST

/* Each byte of a member with a told size changed: the error, if it is one, is zlib's, whose own reader says whether it is one. */
START_TEST(damage_in_a_whole_member_is_damage_for_zlib_too) {
    aip_context *ctx = table_context(0);
    uint8_t packed[300];
    char out[1000], mine[1000];
    size_t n = told_member(poem, POEM, packed, sizeof packed), made = 0;
    for (size_t i = 0; i < n * 8; i++) {
        packed[i / 8] ^= (uint8_t)(1 << i % 8);
        z_stream z = {.next_in = packed, .avail_in = (uInt)n, .next_out = (Bytef *)out, .avail_out = sizeof out};
        ck_assert_int_eq(inflateInit2(&z, 31), Z_OK);
        bool good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0;
        inflateEnd(&z);
        if (aip__gzip_magic(packed, n)) {
            aip_error *err = NULL;
            int32_t status = read_all(ctx, packed, n, 16, mine, &made, &err);
            ck_assert_int_eq(status, good ? AIP_OK : AIP_E_CORRUPT);
            if (good) ck_assert_int_eq(memcmp(mine, out, z.total_out), 0);
            aip_error_free(err);
        }
        packed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    table_context_free(ctx);
}
END_TEST

static int32_t gather(void *user, const void *bytes, size_t n, aip_error **err) {
    (void)err;
    aip__text_add(user, bytes, n);
    return AIP_OK;
}

/* Many blocks; sizes around a block's end, and none at all. */
/* RFC 1952, 2.3.1: FHCRC, the low half of the CRC of the header. */
START_TEST(a_header_with_a_checksum_is_held_to_it) {
    aip_context *ctx = table_context(0);
    uint8_t plain[300], packed[302];
    char out[1000];
    size_t n = member(poem, POEM, plain, sizeof plain), made = 0;
    memcpy(packed, plain, 10);
    packed[3] = 2;
    unsigned long sum = crc32(0, packed, 10);
    packed[10] = (uint8_t)sum, packed[11] = (uint8_t)(sum >> 8);
    memcpy(packed + 12, plain + 10, n - 10);
    for (size_t step = 1; step < 60; step += 7) OK(read_all(ctx, packed, n + 2, step, out, &made, &err));
    ck_assert_uint_eq(made, POEM);
    packed[10] ^= 1;
    FAILS(read_all(ctx, packed, n + 2, 16, out, &made, &err), AIP_E_CORRUPT, "gzip stream is damaged at byte");
    table_context_free(ctx);
}
END_TEST

START_TEST(what_is_written_reads_back_and_is_the_same_for_any_workers_and_parts) {
    const size_t sizes[] = {0, 1, 524287, 524288, 524289, 3000000}, steps[] = {99999, 400000, 524288, 3000000};
    size_t most = 3000000, made = 0;
    char *text = malloc(most), *out = malloc(most + 100000);
    ck_assert(text && out);
    uint32_t x = 7;
    for (size_t i = 0; i < most; i++) text[i] = (char)('a' + (x = x * 1103515245 + 12345) / 65536 % 20);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k], first_n = 0;
        char *first = NULL;
        for (int j = 0; j < N_TABLE_WORKERS; j++) {
            aip_context *ctx = table_context(table_workers[j]);
            aip__text packed;
            aip__gzip *g = NULL;
            aip__text_init(&packed, ctx);
            OK(aip__gzip_new(ctx, 6, gather, &packed, &g, &err));
            for (size_t at = 0; at < n; at += steps[j])
                OK(aip__gzip_add(g, text + at, n - at < steps[j] ? n - at : steps[j], &err));
            OK(aip__gzip_end(g, &err));
            aip__gzip_free(g);
            OK(read_all(ctx, packed.bytes, packed.n, 100000, out, &made, &err));
            ck_assert_uint_eq(made, n);
            ck_assert_int_eq(memcmp(out, text, n), 0);
            ck_assert_int_eq(memcmp(packed.bytes, "\x1f\x8b\x08\0\0\0\0\0", 8), 0); /* no flags, time 0 */
            ck_assert_int_eq((uint8_t)packed.bytes[9], 255);                        /* system unknown */
            /* one member, whole for zlib's own reader */
            z_stream z = {.next_in = (Bytef *)packed.bytes,
                          .avail_in = (uInt)packed.n,
                          .next_out = (Bytef *)out,
                          .avail_out = (uInt)most + 1};
            ck_assert_int_eq(inflateInit2(&z, 31), Z_OK);
            ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
            ck_assert_uint_eq(z.avail_in, 0);
            ck_assert_uint_eq(z.total_out, n);
            inflateEnd(&z);
            if (!first) {
                first_n = packed.n;
                first = malloc(first_n);
                memcpy(first, packed.bytes, first_n);
            }
            ck_assert_uint_eq(packed.n, first_n);
            ck_assert_int_eq(memcmp(packed.bytes, first, first_n), 0);
            aip__text_free(&packed);
            table_context_free(ctx);
        }
        free(first);
    }
    free(text);
    free(out);
}
END_TEST

START_TEST(a_writer_that_is_given_up_leaves_nothing) {
    static const char text[2000000];
    for (int j = 0; j < N_TABLE_WORKERS; j++) {
        aip_context *ctx = table_context(table_workers[j]);
        aip__text packed;
        aip__gzip *g = NULL;
        aip__text_init(&packed, ctx);
        OK(aip__gzip_new(ctx, 1, gather, &packed, &g, &err));
        OK(aip__gzip_add(g, text, sizeof text, &err));
        aip__gzip_free(g);
        aip__text_free(&packed);
        table_context_free(ctx);
    }
}
END_TEST

Suite *gzip_suite(void) {
    const TTest *const tests[] = {members_one_after_the_other_are_one_text,
                                  other_bytes_come_through_as_they_are,
                                  a_stream_cut_anywhere_is_corrupt_and_says_at_which_byte,
                                  garbage_behind_the_end_is_corrupt_and_says_at_which_byte,
                                  damage_in_the_trailer_is_found,
                                  a_header_with_a_checksum_is_held_to_it,
                                  whole_members_and_streamed_ones_give_the_same_text,
                                  damage_in_a_whole_member_is_damage_for_zlib_too,
                                  what_is_written_reads_back_and_is_the_same_for_any_workers_and_parts,
                                  a_writer_that_is_given_up_leaves_nothing,
                                  NULL};
    return unit_suite("gzip", tests);
}
