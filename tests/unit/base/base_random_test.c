/* Random numbers against numpy 2.4.6: numpy.random.RandomState(seed). */
#include "base/random.h"
#include "unit.h"
#include <stdlib.h>

static void assert_permutation(uint32_t seed, int64_t n, const int64_t *expected) {
    int64_t wide[10];
    uint32_t narrow[10];
    aip__mt19937 mt;
    aip__mt_seed(&mt, seed);
    aip__mt_permutation_i64(&mt, wide, n);
    aip__mt_seed(&mt, seed);
    aip__mt_permutation_u32(&mt, narrow, (uint32_t)n);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_int_eq(wide[i], expected[i]);
        ck_assert_int_eq(narrow[i], expected[i]);
    }
}

START_TEST(small_permutations_equal_randomstate_permutation) {
    assert_permutation(0, 5, (const int64_t[]){2, 0, 1, 3, 4});
    assert_permutation(0, 10, (const int64_t[]){2, 8, 4, 9, 1, 6, 7, 3, 0, 5});
    assert_permutation(42, 5, (const int64_t[]){1, 4, 2, 0, 3});
    assert_permutation(42, 10, (const int64_t[]){8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
    assert_permutation(7, 1, (const int64_t[]){0});
}
END_TEST

/* sum of (i + 1) * p[i], first and last element, from numpy. */
START_TEST(large_permutations_equal_randomstate_permutation) {
    static const struct {
        uint32_t seed;
        int64_t n, sum, first, last;
    } cases[] = {{0, 1000, 248372140, 993, 684},
                 {0, 100000, 249942372879313, 3582, 68268},
                 {42, 1000, 251874299, 521, 102},
                 {42, 100000, 249856129277323, 75721, 15795}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t n = cases[c].n, wide_sum = 0, narrow_sum = 0;
        int64_t *wide = malloc((size_t)n * sizeof *wide);
        uint32_t *narrow = malloc((size_t)n * sizeof *narrow);
        aip__mt19937 mt;
        aip__mt_seed(&mt, cases[c].seed);
        aip__mt_permutation_i64(&mt, wide, n);
        aip__mt_seed(&mt, cases[c].seed);
        aip__mt_permutation_u32(&mt, narrow, (uint32_t)n);
        for (int64_t i = 0; i < n; i++) {
            wide_sum += (i + 1) * wide[i];
            narrow_sum += (i + 1) * (int64_t)narrow[i];
        }
        ck_assert_int_eq(wide_sum, cases[c].sum);
        ck_assert_int_eq(narrow_sum, cases[c].sum);
        ck_assert_int_eq(wide[0], cases[c].first);
        ck_assert_int_eq(wide[n - 1], cases[c].last);
        free(wide);
        free(narrow);
    }
}
END_TEST

/* numpy.random.MT19937 seeded as RandomState(5489): the published first outputs of the algorithm. */
START_TEST(raw_draws_equal_the_published_sequence) {
    aip__mt19937 mt;
    aip__mt_seed(&mt, 5489);
    ck_assert_uint_eq(aip__mt_u32(&mt), 3499211612u);
    ck_assert_uint_eq(aip__mt_u32(&mt), 581869302u);
    ck_assert_uint_eq(aip__mt_u32(&mt), 3890346734u);
}
END_TEST

START_TEST(doubles_equal_random_sample) {
    aip__mt19937 mt;
    aip__mt_seed(&mt, 42);
    ck_assert_double_eq(aip__mt_double(&mt), 0.3745401188473625);
    ck_assert_double_eq(aip__mt_double(&mt), 0.9507143064099162);
    ck_assert_double_eq(aip__mt_double(&mt), 0.7319939418114051);
}
END_TEST

/* RandomState(1).randint(0, max + 1, dtype=uint64) draws by the same masked rejection. */
START_TEST(intervals_draw_32_bits_below_2_to_32_and_64_above) {
    static const uint64_t small[] = {37, 235, 908, 72, 767, 905};
    static const uint64_t large[] = {163196666091, 1095766950793, 876169207429, 620178591873};
    aip__mt19937 mt;
    aip__mt_seed(&mt, 1);
    for (size_t i = 0; i < 6; i++) ck_assert_uint_eq(aip__mt_interval(&mt, 999), small[i]);
    aip__mt_seed(&mt, 1);
    for (size_t i = 0; i < 4; i++) ck_assert_uint_eq(aip__mt_interval(&mt, (UINT64_C(1) << 40) + 12345), large[i]);
    aip__mt_seed(&mt, 5489);
    ck_assert_uint_eq(aip__mt_interval(&mt, 0), 0); /* takes no draw */
    ck_assert_uint_eq(aip__mt_u32(&mt), 3499211612u);
}
END_TEST

/* The formula in exact integers (Python). */
START_TEST(counter_based_draws_are_fixed) {
    ck_assert_uint_eq(aip__random_at(0, 0), UINT64_C(0x3b9d11eb55856baf));
    ck_assert_uint_eq(aip__random_at(0, 1), UINT64_C(0x871b275e2c983e04));
    ck_assert_uint_eq(aip__random_at(1, 0), UINT64_C(0x46c7144ab038643f));
    ck_assert_uint_eq(aip__random_at(42, 1000000), UINT64_C(0x474c7bd8726c18a8));
}
END_TEST

/* Each bit of 64 over 4096 ordinals is a fair coin: 2048 +- 6 sigma (sigma = 32); so it is over seeds. */
START_TEST(counter_based_draws_are_balanced_over_ordinals_and_seeds) {
    for (int bit = 0; bit < 64; bit++) {
        int by_ordinal = 0, by_seed = 0;
        for (uint64_t i = 0; i < 4096; i++) {
            by_ordinal += (int)(aip__random_at(7, i) >> bit & 1);
            by_seed += (int)(aip__random_at(i, 7) >> bit & 1);
        }
        ck_assert_int_lt(abs(by_ordinal - 2048), 192);
        ck_assert_int_lt(abs(by_seed - 2048), 192);
    }
}
END_TEST

Suite *base_random_suite(void);
Suite *base_random_suite(void) {
    const TTest *const tests[] = {small_permutations_equal_randomstate_permutation,
                                  large_permutations_equal_randomstate_permutation,
                                  raw_draws_equal_the_published_sequence,
                                  doubles_equal_random_sample,
                                  intervals_draw_32_bits_below_2_to_32_and_64_above,
                                  counter_based_draws_are_fixed,
                                  counter_based_draws_are_balanced_over_ordinals_and_seeds,
                                  NULL};
    return unit_suite("random", tests);
}
