/* Hashes: FIPS 180-4's own vectors and Python's hashlib for SHA-256, the reference implementation's values (through Python's mmh3) for
 * MurmurHash3, and the formula in exact integers (Python) for the table hash. */
#include "base/cpu.h"
#include "base/hash.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static void digest_hex(const void *bytes, size_t n, size_t step, char hex[65]) {
    aip__sha256 s;
    uint8_t digest[32];
    aip__sha256_init(&s);
    for (size_t i = 0; i < n; i += step) aip__sha256_add(&s, (const uint8_t *)bytes + i, step < n - i ? step : n - i);
    aip__sha256_end(&s, digest);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

START_TEST(sha256_equals_the_standards_vectors) {
    static const struct {
        const char *text, *hex;
    } cases[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    char hex[65];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        digest_hex(cases[i].text, strlen(cases[i].text), 64, hex);
        ck_assert_str_eq(hex, cases[i].hex);
    }
    static char million[1000000];
    memset(million, 'a', sizeof million);
    digest_hex(million, sizeof million, 4099, hex);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* Bytes 0, 1, 2, ...: lengths around the padding's edges; hashlib's first 8 bytes. */
START_TEST(sha256_is_the_same_however_the_bytes_are_cut) {
    static const struct {
        size_t n;
        const char *hex;
    } cases[] = {{55, "463eb28e72f82e0a"}, {56, "da2ae4d6b36748f2"},  {63, "29af2686fd53374a"}, {64, "fdeab9acf3710362"},
                 {65, "4bfd2c8b6f1eec7a"}, {119, "da18797ed7c3a777"}, {120, "f52b23db1fbb6ded"}};
    uint8_t bytes[120];
    char hex[65];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t step = 1; step <= 70; step += 23) {
            digest_hex(bytes, cases[c].n, step, hex);
            hex[16] = 0;
            ck_assert_str_eq(hex, cases[c].hex);
        }
}
END_TEST

START_TEST(murmur3_equals_the_reference) {
    static const struct {
        const char *text;
        uint32_t seed, hash;
    } cases[] = {{"", 0, 0},
                 {"", 1, 0x514e28b7},
                 {"a", 0, 0x3c2569b2},
                 {"ab", 0, 0x9bbfd75f},
                 {"abc", 0, 0xb3dd93fa},
                 {"hello", 0, 0x248bfa47},
                 {"hello, world", 42, 0x7ec7c6c2},
                 {"The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_uint_eq(aip__murmur3_32(cases[i].text, strlen(cases[i].text), cases[i].seed), cases[i].hash);
}
END_TEST

START_TEST(table_hash_is_fixed_for_every_length_path) {
    static const struct {
        size_t n;
        uint64_t seed0, seed42;
    } cases[] = {{0, 0x888a050b99622cd3, 0xebe370138986b3c2},  {1, 0xbbb9901f3fde04e7, 0x43cdc8203d3ec28d},
                 {3, 0x289fd7c1accf6950, 0x02234e84c858b866},  {4, 0xcbc59358dfb94e18, 0xebd0192e0ced0c2e},
                 {7, 0xc64bdb2c801082a1, 0xaf16e899a45de1d3},  {8, 0x9e4a07c9f0013455, 0xd3e6bbb1db628c30},
                 {16, 0x685656d8877faa4c, 0x8d70a1c4fad4cd76}, {17, 0x878bfb5bef3fabe9, 0xb23fea882b7db2c7},
                 {32, 0x5ef4bddd1c215ec3, 0xf1c1035ccc9d5f41}, {48, 0x648709e3f27803dd, 0x7fa52b75e8f5aefb},
                 {49, 0x41b26aaa4753eb8c, 0xe9baac1461d6a575}, {97, 0x2a792b70d3660666, 0x14b5ef0ada35cafe},
                 {200, 0xc2880746e17c611b, 0x8f92d33f9a18b4a5}};
    uint8_t bytes[201];
    for (size_t i = 0; i < 200; i++) bytes[i + 1] = (uint8_t)(i * 7 + 1); /* at an odd address */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(aip__hash64(bytes + 1, cases[i].n, 0), cases[i].seed0);
        ck_assert_uint_eq(aip__hash64(bytes + 1, cases[i].n, 42), cases[i].seed42);
    }
    ck_assert_uint_eq(aip__hash_u64(123456789, 7), UINT64_C(0x357a5aef4994b128));
}
END_TEST

/* Flipping any one input bit flips each output bit about half the time: 4096 trials, 2048 +- 6 sigma (sigma = 32). */
START_TEST(table_hash_avalanches) {
    int flips[64] = {0};
    for (uint64_t key = 0; key < 64; key++)
        for (int bit = 0; bit < 64; bit++) {
            uint64_t other = key ^ UINT64_C(1) << bit, difference = aip__hash64(&key, 8, 0) ^ aip__hash64(&other, 8, 0);
            for (int i = 0; i < 64; i++) flips[i] += (int)(difference >> i & 1);
        }
    for (int i = 0; i < 64; i++) {
        ck_assert_int_gt(flips[i], 2048 - 192);
        ck_assert_int_lt(flips[i], 2048 + 192);
    }
}
END_TEST

START_TEST(cpu_level_is_lowered_and_never_raised_past_the_machine) {
    aip__cpu_level machine = aip__cpu_set(AIP__CPU_AVX512);
    ck_assert_int_eq(aip__cpu(), machine);
    ck_assert_int_eq(aip__cpu_set(AIP__CPU_SCALAR), AIP__CPU_SCALAR);
    ck_assert_int_eq(aip__cpu(), AIP__CPU_SCALAR);
    ck_assert_int_le(aip__cpu_set(AIP__CPU_AVX2), machine);
    ck_assert_str_eq(aip__cpu_name(AIP__CPU_AVX2), "avx2");
}
END_TEST

Suite *base_hash_suite(void);
Suite *base_hash_suite(void) {
    const TTest *const tests[] = {sha256_equals_the_standards_vectors,
                                  sha256_is_the_same_however_the_bytes_are_cut,
                                  murmur3_equals_the_reference,
                                  table_hash_is_fixed_for_every_length_path,
                                  table_hash_avalanches,
                                  cpu_level_is_lowered_and_never_raised_past_the_machine,
                                  NULL};
    return unit_suite("hash", tests);
}
