/* What is done to all rows of an imported array at once, held against loops over single rows that are written here; and dictionaries that grow. */
#include "data/arrow_inside.h"
#include "data_suites.h"
#include <stdio.h>
#include <stdlib.h>

#define MOST 200

static uint64_t state = 42;

static uint64_t draw(void) {
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 27;
}

static bool bit(const uint8_t *bits, int64_t i) { return bits[i / 8] >> i % 8 & 1; }

START_TEST(nulls_from_any_bit_on_are_seen_whatever_lies_behind_the_last_row) {
    uint8_t validity[MOST / 8 + 2], bytes[(MOST + 1) * 8 + 1];
    for (int round = 0; round < 4000; round++) {
        int64_t n = (int64_t)(draw() % MOST), start = (int64_t)(draw() % 9);
        size_t width = draw() % 2 ? 4 : 8, misplaced = draw() % 2;
        uint8_t *at = bytes + misplaced;
        bool zero = true, empty = true;
        for (size_t i = 0; i < sizeof validity; i++) validity[i] = (uint8_t)(draw() | draw());
        memset(bytes, 0, sizeof bytes);
        for (int64_t i = 0; i < n; i++)
            if (bit(validity, start + i) || draw() % 256 == 0) at[(size_t)i * width + draw() % width] = 1;
        for (int64_t i = 0; i < n; i++) {
            uint64_t v = 0, next = 0;
            memcpy(&v, at + (size_t)i * width, width);
            memcpy(&next, at + (size_t)(i + 1) * width, width);
            zero &= bit(validity, start + i) || v == 0;
            empty &= bit(validity, start + i) || v == next;
        }
        /* exactly the bytes that the rows' bits lie in: the sanitizer sees a look behind them */
        size_t held = ((size_t)start + (size_t)n + 7) / 8;
        uint8_t *exact = malloc(held ? held : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, validity, held);
        ck_assert_int_eq(aip__arrow_zero_at_nulls(at, width, exact, start, n), zero);
        ck_assert_int_eq(aip__arrow_empty_at_nulls(at, width, exact, start, n), empty);
        free(exact);
    }
}
END_TEST

START_TEST(offsets_codes_signs_and_halves_are_told_right_at_every_length) {
    int64_t wide[2 * MOST + 2], out[MOST];
    int32_t narrow[MOST + 1];
    for (int round = 0; round < 4000; round++) {
        int64_t n = (int64_t)(draw() % MOST);
        int64_t odd = (int64_t)(draw() % (uint64_t)(n + 1)); /* the row that is another; n: none among them */
        for (int64_t i = 0; i <= n; i++) wide[i] = (i + 1) * (INT64_C(1) << 33), narrow[i] = (int32_t)(i * 3);
        if (odd < n) wide[odd + 1] = -1, narrow[odd + 1] = INT32_MIN;
        ck_assert_int_eq(aip__arrow_rises((const uint8_t *)wide, 8, n), odd == n);
        ck_assert_int_eq(aip__arrow_rises((const uint8_t *)narrow, 4, n), odd == n);
        for (int64_t i = 0; i < n; i++) wide[i] = (int64_t)(draw() >> 1), narrow[i] = (int32_t)(draw() % 1000);
        if (odd < n) wide[odd] = INT64_MIN, narrow[odd] = draw() % 2 ? 1000 : -1;
        ck_assert_int_eq(aip__arrow_no_sign((const uint8_t *)wide, n), odd == n);
        ck_assert_int_eq(aip__arrow_codes_below((const uint8_t *)narrow, n, 1000), odd == n);
        for (int64_t i = 0; i < n; i++) wide[2 * i] = (int64_t)draw(), wide[2 * i + 1] = wide[2 * i] >> 63;
        if (odd < n) wide[2 * odd + 1] ^= (int64_t)(UINT64_C(1) << (draw() % 64));
        ck_assert_int_eq(aip__arrow_low_halves((const uint8_t *)wide, n, out), odd == n);
        for (int64_t i = 0; i < n; i++) ck_assert_int_eq(out[i], wide[2 * i]);
    }
}
END_TEST

START_TEST(units_of_time_convert_to_the_last_value_that_fits_and_not_past_it) {
    const int64_t units[] = {1000, 1000000};
    int64_t v[MOST], out[MOST];
    for (size_t u = 0; u < 2; u++) {
        int64_t most = INT64_MAX / units[u];
        for (int64_t i = 0; i < MOST; i++) v[i] = i % 2 ? most - i : i - most;
        v[77] = most;
        v[78] = -most;
        ck_assert(aip__arrow_times((const uint8_t *)v, MOST, units[u], out));
        for (int64_t i = 0; i < MOST; i++) ck_assert_int_eq(out[i], v[i] * units[u]);
        for (int at = 0; at < MOST; at += 33) {
            int64_t kept = v[at];
            v[at] = at % 2 ? most + 1 : -most - 2;
            ck_assert(!aip__arrow_times((const uint8_t *)v, MOST, units[u], out));
            v[at] = kept;
        }
    }
    for (int64_t i = 0; i < MOST; i++) v[i] = (i - 100) * 1000;
    ck_assert(aip__arrow_by_thousand((const uint8_t *)v, MOST, out));
    for (int64_t i = 0; i < MOST; i++) ck_assert_int_eq(out[i], i - 100);
    v[131]++;
    ck_assert(!aip__arrow_by_thousand((const uint8_t *)v, MOST, out));
}
END_TEST

START_TEST(texts_are_refused_where_one_begins_within_a_character_though_all_bytes_together_are_utf8) {
    const char *bytes = "a\xc3\xa9zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\xf0\x9f\x98\x80";
    int32_t end = (int32_t)strlen(bytes);
    const int32_t good[] = {0, 1, 3, 3, end, end}, cut[] = {0, 2, 3, 3, end, end}, last[] = {0, 1, 3, 3, end - 1, end};
    OK(aip__texts_check(good, bytes, NULL, 0, 5, true, 0, &err));
    OK(aip__texts_check(cut, bytes, NULL, 0, 5, false, 0, &err));
    FAILS(aip__texts_check(cut, bytes, NULL, 0, 5, true, 10, &err), AIP_E_DATA, "the text in row 10 is not valid UTF-8");
    FAILS(aip__texts_check(last, bytes, NULL, 0, 5, true, 0, &err), AIP_E_DATA, "the text in row 3 is not valid UTF-8");
    /* what lies at a null is not looked at */
    OK(aip__texts_check((const int32_t[]){0, 1, 3, 4},
                        "a\xff\xff"
                        "b",
                        (const uint8_t[]){5}, 0, 3, true, 0, &err));
    FAILS(aip__texts_check((const int32_t[]){0, 3, 2}, "abc", NULL, 0, 2, true, 7, &err), AIP_E_MISUSE,
          "offsets of row 8 are 3 to 2");
}
END_TEST

/* ---- dictionaries that grow ---------------------------------------------------------------------------------------------------------------- */

typedef struct counting {
    void *(*resize)(void *user, void *ptr, size_t old_size, size_t new_size, size_t align);
    void *user;
    uint64_t asked; /* bytes, all allocations together */
} counting;

static void *count(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    counting *c = user;
    if (new_size > old_size) c->asked += new_size;
    return c->resize(c->user, ptr, old_size, new_size, align);
}

static void keep(struct ArrowArray *a) { (void)a; }
static void keep_schema(struct ArrowSchema *s) { (void)s; }
static struct ArrowSchema text_schema = {.format = "u", .name = "", .release = keep_schema};

/* Texts "<from>" to "<from + n - 1>" in eight digits, as a part of a dictionary. */
#define PART 64
static struct ArrowArray part_of(int64_t from) {
    static int32_t offsets[PART + 1];
    static char bytes[PART * 8];
    static const void *buffers[3] = {NULL, offsets, bytes};
    for (int i = 0; i < PART; i++) {
        offsets[i + 1] = offsets[i] + 8;
        char text[24];
        snprintf(text, sizeof text, "%08lld", (long long)(from + i));
        memcpy(bytes + (size_t)i * 8, text, 8);
    }
    return (struct ArrowArray){.length = PART, .n_buffers = 3, .buffers = buffers, .release = keep};
}

/* The bytes that are asked for while a dictionary grows to n_parts parts. */
static uint64_t bytes_for(int64_t n_parts) {
    aip_context *ctx = test_context();
    counting c = {ctx->allocator.resize, ctx->allocator.user, 0};
    ctx->allocator.resize = count;
    ctx->allocator.user = &c;
    ctx->spare.limit = 0;
    aip__arrow_words *words = NULL, *more = NULL;
    aip__arrow_growth *growth = NULL;
    struct ArrowArray a = part_of(0);
    OK(aip__arrow_words_new(ctx, "x", &text_schema, &a, &words, &err));
    for (int64_t p = 1; p < n_parts; p++) {
        a = part_of(p * PART);
        OK(aip__arrow_words_add(&growth, words, "x", &text_schema, &a, &more, &err));
        aip__arrow_words_free(words);
        words = more;
    }
    ck_assert_int_eq(words->n_codes, n_parts * PART);
    ck_assert(words->same_codes);
    aip__arrow_words_free(words);
    aip__arrow_growth_free(growth);
    ctx->allocator.resize = c.resize;
    ctx->allocator.user = c.user;
    test_context_end(ctx);
    return c.asked;
}

START_TEST(a_dictionary_of_four_times_as_many_parts_asks_for_at_most_five_times_as_much_memory) {
    /* what copied the whole at each part would ask for 16 times as much; doubling may round up once more */
    uint64_t some = bytes_for(500), four_times = bytes_for(2000);
    ck_assert_msg(four_times <= 5 * some, "%llu bytes for 500 parts, %llu for 2000", (unsigned long long)some,
                  (unsigned long long)four_times);
}
END_TEST

START_TEST(words_handed_out_stay_as_they_were_while_their_dictionary_grows) {
    aip_context *ctx = test_context();
    aip__arrow_words *words[40] = {0};
    aip__arrow_growth *growth = NULL;
    struct ArrowArray a = part_of(0);
    OK(aip__arrow_words_new(ctx, "x", &text_schema, &a, &words[0], &err));
    for (int p = 1; p < 40; p++) { /* each part has half of the one before once more: those get the codes that they have */
        a = part_of(p * PART / 2);
        OK(aip__arrow_words_add(&growth, words[p - 1], "x", &text_schema, &a, &words[p], &err));
    }
    aip__arrow_growth_free(growth);
    for (int p = 0; p < 40; p++) {
        const aip__arrow_words *w = words[p];
        ck_assert_int_eq(w->n_codes, (p + 1) * PART);
        ck_assert_int_eq(w->texts->length, PART + p * PART / 2);
        ck_assert_int_eq(w->same_codes, p == 0);
        for (int64_t k = 0; k < w->n_codes; k++) {
            char expected[24];
            size_t n = 0;
            snprintf(expected, sizeof expected, "%08lld", (long long)(k / PART * (PART / 2) + k % PART));
            const char *text = aip__column_text(w->texts, w->codes[k], &n);
            ck_assert(n == 8 && memcmp(text, expected, 8) == 0);
        }
    }
    for (int p = 0; p < 40; p++) aip__arrow_words_free(words[p]);
    test_context_end(ctx);
}
END_TEST

START_TEST(a_refused_allocation_while_a_dictionary_grows_leaves_nothing) {
    for (int64_t refused = 0;; refused++) {
        aip_context *ctx = test_context();
        uint64_t limit = ctx->memory_limit;
        aip__arrow_words *words = NULL, *more = NULL;
        aip__arrow_growth *growth = NULL;
        struct ArrowArray a = part_of(0);
        OK(aip__arrow_words_new(ctx, "x", &text_schema, &a, &words, &err));
        ctx->memory_limit = atomic_load(&ctx->memory_used) + (uint64_t)refused * 16;
        a = part_of(PART);
        int32_t status = aip__arrow_words_add(&growth, words, "x", &text_schema, &a, &more, NULL);
        ctx->memory_limit = limit;
        ck_assert(status == AIP_OK || status == AIP_E_MEMORY_LIMIT);
        ck_assert_int_eq(status == AIP_OK, more != NULL);
        aip__arrow_words_free(words);
        aip__arrow_words_free(more);
        aip__arrow_growth_free(growth);
        test_context_end(ctx);
        if (status == AIP_OK) break;
    }
}
END_TEST

Suite *arrow_growth_suite(void) {
    const TTest *tests[] = {nulls_from_any_bit_on_are_seen_whatever_lies_behind_the_last_row,
                            offsets_codes_signs_and_halves_are_told_right_at_every_length,
                            units_of_time_convert_to_the_last_value_that_fits_and_not_past_it,
                            texts_are_refused_where_one_begins_within_a_character_though_all_bytes_together_are_utf8,
                            a_dictionary_of_four_times_as_many_parts_asks_for_at_most_five_times_as_much_memory,
                            words_handed_out_stay_as_they_were_while_their_dictionary_grows,
                            a_refused_allocation_while_a_dictionary_grows_leaves_nothing,
                            NULL};
    return unit_suite("arrow growth", tests);
}
