/* Zstd streams and blocks. Frames to read come from libzstd's whole-buffer functions, and what is written is read by them. Without libzstd: that it
 * is refused by name. */
#include "formats/stream.h"
#include "formats/zstd/zstd_codec.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>

#ifdef AIPIPE_ZSTD
#include <zstd.h>

/* Reads a stream to its end in steps of `step` bytes. */
static int32_t read_all(aip_context *ctx, const void *bytes, size_t n, size_t step, char *out, size_t *made, aip_error **err) {
    aip__stream *s = NULL;
    int32_t status = aip__stream_memory(ctx, bytes, n, &s, err);
    size_t got = step;
    if (status == AIP_OK) ck_assert_int_eq(aip__stream_packing(s), AIP__PACKING_ZSTD);
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
static const uint8_t skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'p', 'z', 's'}; /* RFC 8878, 3.1.2 */

static size_t frame(const char *text, size_t n, void *out, size_t size) {
    size_t made = ZSTD_compress(out, size, text, n, 3);
    ck_assert(!ZSTD_isError(made));
    return made;
}

START_TEST(frames_one_after_the_other_are_one_text) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000];
    size_t n = sizeof skippable, made = 0;
    memcpy(packed, skippable, n);
    n += frame(poem, POEM, packed + n, sizeof packed - n);
    n += frame("", 0, packed + n, sizeof packed - n);
    memcpy(packed + n, skippable, sizeof skippable);
    n += sizeof skippable;
    n += frame("glazed", 6, packed + n, sizeof packed - n);
    for (size_t step = 1; step < 70; step++) {
        OK(read_all(ctx, packed, n, step, out, &made, &err));
        ck_assert_uint_eq(made, POEM + 6);
        ck_assert_int_eq(memcmp(out, poem, POEM), 0);
        ck_assert_int_eq(memcmp(out + POEM, "glazed", 6), 0);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(what_only_begins_like_a_frame_comes_through_as_it_is) {
    aip_context *ctx = table_context(0);
    static const char *const texts[] = {"P*q,1\n", "(\xb5", "(\xb5/x", "_*M", "(\xb5/"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        aip__stream *s = NULL;
        char out[20];
        size_t got = 0;
        OK(aip__stream_memory(ctx, texts[i], strlen(texts[i]), &s, &err));
        ck_assert_int_eq(aip__stream_packing(s), AIP__PACKING_NONE);
        OK(aip__stream_read(s, out, sizeof out, &got, &err));
        ck_assert_uint_eq(got, strlen(texts[i]));
        ck_assert_int_eq(memcmp(out, texts[i], got), 0);
        aip__stream_close(s);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(a_stream_cut_anywhere_is_corrupt_and_says_at_which_byte) {
    aip_context *ctx = table_context(0);
    uint8_t packed[1000];
    char out[1000], place[64];
    size_t made = 0, first = frame(poem, POEM, packed, sizeof packed), n = first;
    n += frame("glazed", 6, packed + n, sizeof packed - n);
    for (size_t cut = 4; cut < n; cut++) {
        if (cut == first) continue; /* a whole stream */
        snprintf(place, sizeof place, "zstd stream ends early at byte %zu", cut);
        FAILS(read_all(ctx, packed, cut, 16, out, &made, &err), AIP_E_CORRUPT, place);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(damage_is_found_and_placed_in_its_frame) {
    aip_context *ctx = table_context(0);
    aip__text packed;
    char out[1000], place[64];
    size_t made = 0;
    aip__text_init(&packed, ctx);
    OK(aip__zstd_compress(ctx, 3, "glazed", 6, &packed, &err));
    size_t first = packed.n;
    OK(aip__zstd_compress(ctx, 3, poem, POEM, &packed, &err));
    packed.bytes[packed.n - 1] ^= 1; /* the content's checksum ends the frame */
    snprintf(place, sizeof place, "zstd stream is damaged in the frame that begins at byte %zu", first);
    for (size_t step = 1; step < 60; step += 3)
        FAILS(read_all(ctx, packed.bytes, packed.n, step, out, &made, &err), AIP_E_CORRUPT, place);
    packed.bytes[packed.n - 1] ^= 1;
    aip__text_add(&packed, "rain", 4);
    snprintf(place, sizeof place, "after the end of the zstd stream, at byte %zu", packed.n - 4);
    FAILS(read_all(ctx, packed.bytes, packed.n, 16, out, &made, &err), AIP_E_CORRUPT, place);
    aip__text_free(&packed);
    table_context_free(ctx);
}
END_TEST

/* A frame of one empty last block, whose header declares 38 bytes (Frame_Header_Descriptor 0x20: one segment, one byte of size; RFC 8878,
 * 3.1.1.1); ZSTD_decompress refuses it, too. */
START_TEST(a_frame_of_fewer_bytes_than_it_declares_is_corrupt_even_when_its_last_block_is_empty) {
    aip_context *ctx = table_context(0);
    static const uint8_t empty[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x26, 1, 0, 0};
    uint8_t packed[1000];
    char out[1000], place[128];
    size_t made = 0, first = frame(poem, POEM, packed, sizeof packed);
    ck_assert(ZSTD_isError(ZSTD_decompress(out, sizeof out, empty, sizeof empty)));
    memcpy(packed + first, empty, sizeof empty);
    for (size_t step = 1; step < 60; step++)
        FAILS(read_all(ctx, empty, sizeof empty, step, out, &made, &err), AIP_E_CORRUPT,
              "at byte 0: expected the 38 bytes that its header declares, found 0");
    snprintf(place, sizeof place, "at byte %zu: expected the 38 bytes that its header declares, found 0", first);
    for (size_t step = 1; step < 38; step++)
        FAILS(read_all(ctx, packed, first + sizeof empty, step, out, &made, &err), AIP_E_CORRUPT, place);
    snprintf(place, sizeof place, "damaged in the frame that begins at byte %zu: ", first); /* libzstd finds it: all would fit */
    for (size_t step = 38; step < 60; step++)
        FAILS(read_all(ctx, packed, first + sizeof empty, step, out, &made, &err), AIP_E_CORRUPT, place);
    packed[first + 5] = 0; /* no byte is declared: no byte is missing */
    OK(read_all(ctx, packed, first + sizeof empty, 16, out, &made, &err));
    ck_assert_uint_eq(made, POEM);
    table_context_free(ctx);
}
END_TEST

/* Frame_Header_Descriptor 0 (no checksum, no size), Window_Descriptor for 2^(10 + e) bytes (RFC 8878, 3.1.1.1.2), an empty last block. */
START_TEST(a_window_beyond_32_mib_is_refused_by_its_size) {
    aip_context *ctx = table_context(0);
    uint8_t bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 15 << 3, 1, 0, 0};
    char out[10];
    size_t made = 0;
    OK(read_all(ctx, bytes, sizeof bytes, 10, out, &made, &err));
    ck_assert_uint_eq(made, 0);
    bytes[5] = 16 << 3;
    FAILS(read_all(ctx, bytes, sizeof bytes, 10, out, &made, &err), AIP_E_UNSUPPORTED, "a window of more than 32 MiB");
    table_context_free(ctx);
}
END_TEST

START_TEST(what_is_written_is_one_frame_and_the_same_however_it_is_handed_over) {
    aip_context *ctx = table_context(0);
    size_t n = 3000000, made = 0, steps[] = {99999, 400000, 3000000};
    char *text = malloc(n), *out = malloc(n + 100000);
    ck_assert(text && out);
    uint32_t x = 7;
    for (size_t i = 0; i < n; i++) text[i] = (char)('a' + (x = x * 1103515245 + 12345) / 65536 % 20);
    aip__text packed[3];
    for (int k = 0; k < 3; k++) {
        aip__zstd *z = NULL;
        aip__text_init(&packed[k], ctx);
        OK(aip__zstd_new(ctx, 3, &z, &err));
        for (size_t at = 0; at < n; at += steps[k])
            OK(aip__zstd_add(z, text + at, n - at < steps[k] ? n - at : steps[k], false, &packed[k], &err));
        OK(aip__zstd_add(z, "", 0, true, &packed[k], &err));
        aip__zstd_free(z);
        ck_assert_uint_eq(ZSTD_findFrameCompressedSize(packed[k].bytes, packed[k].n), packed[k].n);
        ck_assert_uint_eq(ZSTD_decompress(out, n, packed[k].bytes, packed[k].n), n);
        ck_assert_int_eq(memcmp(out, text, n), 0);
        OK(read_all(ctx, packed[k].bytes, packed[k].n, 100000, out, &made, &err));
        ck_assert_uint_eq(made, n);
        ck_assert_int_eq(memcmp(out, text, n), 0);
        ck_assert_uint_eq(packed[k].n, packed[0].n);
        ck_assert_int_eq(memcmp(packed[k].bytes, packed[0].bytes, packed[0].n), 0);
    }
    for (int k = 0; k < 3; k++) aip__text_free(&packed[k]);
    free(text);
    free(out);
    table_context_free(ctx);
}
END_TEST

START_TEST(blocks_become_exactly_so_many_bytes_or_are_corrupt) {
    aip_context *ctx = table_context(0);
    aip__text packed;
    char out[100];
    aip__text_init(&packed, ctx);
    OK(aip__zstd_compress(ctx, 1, poem, POEM, &packed, &err));
    OK(aip__zstd_decompress(ctx, packed.bytes, packed.n, out, POEM, &err));
    ck_assert_int_eq(memcmp(out, poem, POEM), 0);
    FAILS(aip__zstd_decompress(ctx, packed.bytes, packed.n, out, POEM + 1, &err), AIP_E_CORRUPT, "expected 41 bytes, found 40");
    FAILS(aip__zstd_decompress(ctx, packed.bytes, packed.n, out, POEM - 1, &err), AIP_E_CORRUPT, "zstd data is damaged");
    FAILS(aip__zstd_decompress(ctx, packed.bytes, packed.n - 1, out, POEM, &err), AIP_E_CORRUPT, "zstd data is damaged");
    packed.n = 0;
    OK(aip__zstd_compress(ctx, 1, "", 0, &packed, &err));
    OK(aip__zstd_decompress(ctx, packed.bytes, packed.n, out, 0, &err));
    aip__text_free(&packed);
    table_context_free(ctx);
}
END_TEST

Suite *zstd_suite(void) {
    const TTest *const tests[] = {frames_one_after_the_other_are_one_text,
                                  what_only_begins_like_a_frame_comes_through_as_it_is,
                                  a_stream_cut_anywhere_is_corrupt_and_says_at_which_byte,
                                  damage_is_found_and_placed_in_its_frame,
                                  a_frame_of_fewer_bytes_than_it_declares_is_corrupt_even_when_its_last_block_is_empty,
                                  a_window_beyond_32_mib_is_refused_by_its_size,
                                  what_is_written_is_one_frame_and_the_same_however_it_is_handed_over,
                                  blocks_become_exactly_so_many_bytes_or_are_corrupt,
                                  NULL};
    return unit_suite("zstd", tests);
}

#else

START_TEST(without_the_library_zstd_is_refused_by_name) {
    aip_context *ctx = table_context(0);
    static const uint8_t bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0};
    aip__stream *s = NULL;
    aip__zstd *z = NULL;
    aip__text packed;
    char out[10];
    aip__text_init(&packed, ctx);
    FAILS(aip__stream_memory(ctx, bytes, sizeof bytes, &s, &err), AIP_E_UNSUPPORTED, "libzstd-dev");
    FAILS(aip__zstd_new(ctx, 3, &z, &err), AIP_E_UNSUPPORTED, "libzstd-dev");
    FAILS(aip__zstd_compress(ctx, 3, "", 0, &packed, &err), AIP_E_UNSUPPORTED, "libzstd-dev");
    FAILS(aip__zstd_decompress(ctx, bytes, sizeof bytes, out, 0, &err), AIP_E_UNSUPPORTED, "libzstd-dev");
    ck_assert(!aip__zstd_available());
    table_context_free(ctx);
}
END_TEST

Suite *zstd_suite(void) {
    const TTest *const tests[] = {without_the_library_zstd_is_refused_by_name, NULL};
    return unit_suite("zstd", tests);
}

#endif
