/* Blocks undone ahead of their reader by another thread: the same bytes, at the same places, as without it. Expected bytes are a formula of their
 * position, and of gzip what was packed by zlib. */
#include "base/context.h"
#include "formats/stream.h"
#include "formats/stream_blocks.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define FRONT ((size_t)32)
#define BLOCK ((size_t)100)

static uint8_t byte_at(size_t i) { return (uint8_t)(i * 7 + i / 251); }

typedef struct {
    size_t at, n, bad; /* bad: at this place undoing fails */
    _Atomic(bool) busy;
} source;

static int32_t undo(void *user, void *bytes, size_t n, size_t *got, int64_t *used, aip_error **err) {
    source *s = user;
    ck_assert(!atomic_exchange(&s->busy, true)); /* one at a time */
    size_t made = s->n - s->at < n ? s->n - s->at : n;
    if (s->at + made > s->bad) {
        atomic_store(&s->busy, false);
        return aip__error_set(err, AIP_E_CORRUPT, "damaged at %zu", s->bad);
    }
    for (size_t i = 0; i < made; i++) ((uint8_t *)bytes)[i] = byte_at(s->at + i);
    s->at += made;
    *got = made;
    *used = (int64_t)s->at;
    atomic_store(&s->busy, false);
    return AIP_OK;
}

typedef struct {
    aip__blocks *blocks;
    aip__stream *stream; /* or this one */
    _Atomic(bool) stop;
    _Atomic(int) n; /* undone by the helper */
} helper;

static void *help(void *arg) {
    helper *h = arg;
    while (!atomic_load(&h->stop))
        if (h->blocks ? aip__blocks_ahead(h->blocks) : aip__stream_ahead(h->stream))
            atomic_fetch_add(&h->n, 1);
        else
            usleep(10);
    return NULL;
}

/* Reads all, by blocks and by copies in turn, and notes where blocks lay. Returns the status of the end. */
static int32_t read_blocks(aip__blocks *b, size_t expected, size_t cuts[64], int *n_cuts, aip_error **err) {
    size_t at = 0;
    uint8_t copy[37];
    *n_cuts = 0;
    for (int turn = 0;; turn++) {
        aip__buffer *block = NULL;
        size_t from = 0, got = 0;
        bool last = false;
        if (turn % 3 == 2) {
            AIP__TRY(aip__blocks_read(b, copy, sizeof copy, &got, err));
            for (size_t i = 0; i < got; i++) ck_assert_uint_eq(copy[i], byte_at(at + i));
            at += got;
            continue;
        }
        AIP__TRY(aip__blocks_next(b, &block, &from, &last, err));
        ck_assert(!last || at + (block ? block->size - from : 0) == expected);
        if (!block) break;
        ck_assert_uint_ge(from, FRONT);
        for (size_t i = from; i < block->size; i++) ck_assert_uint_eq(block->data[i], byte_at(at + i - from));
        at += block->size - from;
        ck_assert_int_ge(aip__blocks_used(b), (int64_t)at);
        ck_assert_int_lt(*n_cuts, 64);
        cuts[(*n_cuts)++] = at;
        aip__buffer_free(block);
    }
    ck_assert_uint_eq(at, expected);
    return AIP_OK;
}

START_TEST(blocks_are_the_same_whoever_undoes_them) {
    const size_t sizes[] = {0, 1, 99, 100, 101, 200, 1234, 4000};
    aip_context *ctx = table_context(0);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t alone[64], helped[64];
        int n_alone = 0, n_helped = 0;
        for (int with_helper = 0; with_helper < 2; with_helper++) {
            source s = {.n = sizes[k], .bad = SIZE_MAX};
            helper h = {0};
            pthread_t thread;
            OK(aip__blocks_new(ctx, FRONT, BLOCK, undo, &s, &h.blocks, &err));
            if (with_helper) ck_assert_int_eq(pthread_create(&thread, NULL, help, &h), 0);
            OK(read_blocks(h.blocks, sizes[k], with_helper ? helped : alone, with_helper ? &n_helped : &n_alone, &err));
            ck_assert(aip__blocks_ready(h.blocks));
            atomic_store(&h.stop, true);
            if (with_helper) pthread_join(thread, NULL);
            aip__blocks_free(h.blocks);
        }
        ck_assert_int_eq(n_alone, n_helped);
        for (int i = 0; i < n_alone; i++) ck_assert_uint_eq(alone[i], helped[i]);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(an_error_comes_in_its_place_and_again) {
    aip_context *ctx = table_context(0);
    for (int ahead = 0; ahead < 3; ahead++) {
        source s = {.n = 1000, .bad = 250};
        aip__blocks *b = NULL;
        uint8_t bytes[200];
        size_t got = 0;
        OK(aip__blocks_new(ctx, FRONT, BLOCK, undo, &s, &b, &err));
        ck_assert(!aip__blocks_ready(b));
        for (int i = 0; i < ahead; i++) ck_assert(aip__blocks_ahead(b));
        if (ahead == 2) ck_assert(!aip__blocks_ahead(b)); /* there is room for two */
        OK(aip__blocks_read(b, bytes, sizeof bytes, &got, &err));
        ck_assert_uint_eq(got, sizeof bytes);
        for (int i = 0; i < 2; i++) FAILS(aip__blocks_read(b, bytes, 1, &got, &err), AIP_E_CORRUPT, "damaged at 250");
        ck_assert(aip__blocks_ready(b));
        ck_assert(!aip__blocks_ahead(b));
        aip__blocks_free(b);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(nothing_is_undone_ahead_where_the_memory_limit_is_near) {
    aip_context *ctx = table_context(0);
    source s = {.n = 1000, .bad = SIZE_MAX};
    aip__blocks *b = NULL;
    OK(aip__blocks_new(ctx, FRONT, (size_t)(ctx->memory_limit / 32), undo, &s, &b, &err)); /* two of them are a sixteenth of it */
    ck_assert(!aip__blocks_ahead(b));
    ck_assert(aip__blocks_ready(b)); /* for the reader's own work */
    ck_assert_uint_eq(s.at, 0);
    aip__blocks_free(b);
    table_context_free(ctx);
}
END_TEST

/* ---- a file, and one of gzip --------------------------------------------------------------------------------------------------------------------------- */

#define TEXT ((size_t)300000)

static uint8_t text[TEXT];

static char *gz_file(void) {
    static uint8_t packed[TEXT + 1000];
    z_stream z = {.next_in = text, .avail_in = TEXT, .next_out = packed, .avail_out = sizeof packed};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    char *path = table_file("blocks.gz", packed, z.total_out);
    deflateEnd(&z);
    return path;
}

/* Reads in buffers of `size`, of which each leaves `rest` bytes for the next; a digest of where buffers lay and what they held. */
static uint64_t refill_all(aip_context *ctx, const char *path, size_t size, size_t rest, bool with_helper) {
    aip__file file;
    helper h = {0};
    pthread_t thread;
    aip__buffer *buffer = NULL, *fresh = NULL;
    size_t at = 0, left = 0, total = 0;
    uint64_t digest = 0;
    bool ended = false;
    OK(aip__file_open(ctx, path, &file, &err));
    OK(aip__stream_file(ctx, &file, &h.stream, &err));
    aip__stream_in_blocks(h.stream);
    if (with_helper) ck_assert_int_eq(pthread_create(&thread, NULL, help, &h), 0);
    while (!ended) {
        OK(aip__stream_refill(h.stream, buffer ? buffer->data + buffer->size - left : NULL, left, 64, size, &fresh, &at, &ended,
                              &err));
        size_t n = fresh->size - at;
        ck_assert_uint_ge(at, 64);
        ck_assert_uint_ge(n, left);
        ck_assert(memcmp(fresh->data + at - 64, (const uint8_t[64]){0}, 64) == 0);
        ck_assert(memcmp(fresh->data + at, text + total - left, n) == 0);
        total += n - left;
        digest = (digest ^ n) * 1099511628211u;
        aip__buffer_free(buffer);
        buffer = fresh;
        left = rest < n ? rest : n;
    }
    ck_assert_uint_eq(total, TEXT);
    ck_assert_int_eq(aip__stream_consumed(h.stream), file.size);
    atomic_store(&h.stop, true);
    if (with_helper) pthread_join(thread, NULL);
    aip__buffer_free(buffer);
    aip__stream_close(h.stream);
    aip__file_close(&file);
    return digest;
}

START_TEST(refilled_buffers_are_the_same_with_and_without_work_ahead) {
    const size_t sizes[] = {64, 1000, 4096, 65536}, rests[] = {0, 1, 63, 900, 5000};
    aip_context *ctx = table_context(0);
    for (size_t i = 0; i < TEXT; i++) text[i] = byte_at(i);
    char *paths[] = {gz_file(), table_file("blocks", text, TEXT)};
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < 4; i++)
            for (size_t k = 0; k < 5; k++)
                ck_assert_uint_eq(refill_all(ctx, paths[f], sizes[i], rests[k], false),
                                  refill_all(ctx, paths[f], sizes[i], rests[k], true));
    for (size_t f = 0; f < 2; f++) free(paths[f]);
    table_files_remove();
    table_context_free(ctx);
}
END_TEST

Suite *stream_blocks_suite(void) {
    const TTest *const tests[] = {blocks_are_the_same_whoever_undoes_them, an_error_comes_in_its_place_and_again,
                                  nothing_is_undone_ahead_where_the_memory_limit_is_near,
                                  refilled_buffers_are_the_same_with_and_without_work_ahead, NULL};
    return unit_suite("stream_blocks", tests);
}
