/* Time zones against Python's zoneinfo (2024 data), around clock changes and past the tables; and files that are none. */
#include "expr_suites.h"

#include "expr/zone.h"
#include <stdio.h>

static aip__zone *opened(const char *name) {
    aip__zone *z = NULL;
    aip_error *err = NULL;
    int32_t status = aip__zone_open(table_ctx, name, &z, &err);
    ck_assert_msg(status == AIP_OK, "%s", aip_error_text(err));
    return z;
}

/* 2013-03-10T06:59:59Z, one second later, 2013-11-03T05:59:59Z, one second later, 2013-01-01T04:30:15Z, 1883-11-18T16:59:59Z,
 * 1883-11-18T17:03:58Z, 2050-07-01T12:00:00Z, 2499-12-31T23:59:59Z, 2038-01-19T03:14:08Z */
static const int64_t instants[10] = {1362898799,  1362898800,  1383458399, 1383458400,  1357014615,
                                     -2717650801, -2717650562, 2540289600, 16725225599, 2147483648};

START_TEST(offsets_are_those_of_the_zone_database) {
    static const struct {
        const char *name;
        int32_t offsets[10];
    } zones[] = {
        {"America/New_York", {-18000, -14400, -14400, -18000, -18000, -17762, -18000, -14400, -18000, -18000}},
        {"Europe/London", {0, 0, 0, 0, 0, 0, 0, 3600, 0, 0}},
        {"Australia/Lord_Howe", {39600, 39600, 39600, 39600, 39600, 38180, 38180, 37800, 39600, 39600}},
        {"Asia/Kolkata", {19800, 19800, 19800, 19800, 19800, 19270, 19270, 19800, 19800, 19800}},
        {"America/Sao_Paulo", {-10800, -10800, -7200, -7200, -7200, -11188, -11188, -10800, -10800, -10800}},
        {"UTC", {0}},
        {"Etc/UTC", {0}},
        {"-03:30", {-12600, -12600, -12600, -12600, -12600, -12600, -12600, -12600, -12600, -12600}},
    };
    for (size_t k = 0; k < sizeof zones / sizeof *zones; k++) {
        aip__zone *z = opened(zones[k].name);
        aip__zone_span span = {.from = 1};
        for (int i = 0; i < 10; i++) {
            aip__zone_span fresh = {.from = 1};
            int32_t remembered = aip__zone_offset(z, instants[i], &span), found = aip__zone_offset(z, instants[i], &fresh);
            ck_assert_msg(found == zones[k].offsets[i], "%s at %lld: %d", zones[k].name, (long long)instants[i], found);
            ck_assert_int_eq(remembered, found);
        }
        aip__zone_free(z);
    }
}
END_TEST

START_TEST(local_times_become_instants_also_when_twice_or_never) {
    static const struct {
        const char *name;
        int64_t local, utc;
    } cases[] = {
        {"America/New_York", 1362880740, 1362898740}, /* 2013-03-10 01:59 */
        {"America/New_York", 1362882600, 1362900600}, /* 02:30, skipped */
        {"America/New_York", 1362884400, 1362898800}, /* 03:00 */
        {"America/New_York", 1383442200, 1383456600}, /* 2013-11-03 01:30, twice: the first */
        {"America/New_York", 1383440340, 1383454740}, /* 00:59 */
        {"America/New_York", 1383444000, 1383462000}, /* 02:00 */
        {"America/New_York", 2855865600, 2855880000}, /* 2060-07-01 */
        {"Europe/London", 1364693400, 1364693400},    /* 2013-03-31 01:30, skipped */
        {"Europe/London", 1382837400, 1382833800},    /* 2013-10-27 01:30, twice */
        {"Asia/Kolkata", 1356998400, 1356978600},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        aip__zone *z = opened(cases[k].name);
        ck_assert_int_eq(aip__zone_to_utc(z, cases[k].local), cases[k].utc);
        aip__zone_free(z);
    }
}
END_TEST

START_TEST(names_that_are_no_zones_are_refused) {
    static const char *const names[] = {"",
                                        "America/Nowhere",
                                        "../../etc/passwd",
                                        "/etc/localtime",
                                        "America",
                                        "America//New_York",
                                        "America/",
                                        "a b",
                                        "+25:00",
                                        "+5",
                                        "UTC ",
                                        "./UTC"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        aip__zone *z = NULL;
        aip_error *err = NULL;
        ck_assert_msg(aip__zone_open(table_ctx, names[k], &z, &err) == AIP_E_PARAM, "%s", names[k]);
        ck_assert_ptr_nonnull(strstr(aip_error_message(err), "expected a time zone"));
        ck_assert_ptr_null(z);
        aip_error_free(err);
    }
}
END_TEST

/* A version 2 file with one type (offset 0) and no change, but what the TZ string says. */
static size_t tz_file(char *out, const char *rule) {
    static const char header[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4};
    size_t n = 0;
    for (int k = 0; k < 2; k++) {
        memcpy(out + n, header, 44);
        memcpy(out + n + 44, "\0\0\0\0\0\0ABC", 10);
        n += 54;
    }
    n += (size_t)sprintf(out + n, "\n%s\n", rule);
    return n;
}
static int32_t offset_by_rule(const char *rule, int64_t at) {
    char bytes[256];
    size_t n = tz_file(bytes, rule);
    aip__zone *z = NULL;
    aip_error *err = NULL;
    int32_t status = aip__zone_parse(table_ctx, "test", bytes, n, &z, &err);
    ck_assert_msg(status == AIP_OK, "%s: %s", rule, aip_error_text(err));
    aip__zone_span span = {.from = 1};
    int32_t offset = aip__zone_offset(z, at, &span);
    aip__zone_free(z);
    return offset;
}

START_TEST(every_kind_of_posix_rule_is_followed) {         /* IEEE Std 1003.1, 8.3 */
    const int64_t january = 1357014615, july = 1372680000; /* 2013 */
    ck_assert_int_eq(offset_by_rule("EST5", july), -18000);
    ck_assert_int_eq(offset_by_rule("<+0530>-5:30", july), 19800);
    ck_assert_int_eq(offset_by_rule("EST5EDT,M3.2.0,M11.1.0", january), -18000);
    ck_assert_int_eq(offset_by_rule("EST5EDT,M3.2.0,M11.1.0", july), -14400);
    ck_assert_int_eq(offset_by_rule("NZST-12NZDT,M9.5.0,M4.1.0/3", january), 46800); /* south: summer over new year */
    ck_assert_int_eq(offset_by_rule("NZST-12NZDT,M9.5.0,M4.1.0/3", july), 43200);
    ck_assert_int_eq(offset_by_rule("AAA0BBB-2,J60/0,J305/0", july), 7200);
    ck_assert_int_eq(offset_by_rule("AAA0BBB,59/0,304/0", july), 3600);
    ck_assert_int_eq(offset_by_rule("AAA0BBB,J182/0,J365", july), 3600); /* 1 July is day 182 without 29 February: 2013 */
    ck_assert_int_eq(offset_by_rule("AAA0BBB,J183/0,J365", july), 0);
    ck_assert_int_eq(offset_by_rule("WGT3WGS4,0/0,J365/23", july), -14400); /* summer time all year */
    ck_assert_int_eq(offset_by_rule("WGT3WGS4,0/0,J365/23", 1388534399), -14400);
    ck_assert_int_eq(offset_by_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", july), -3600);
}
END_TEST

START_TEST(files_that_are_no_zones_are_refused) {
    char bytes[256];
    static const char *const rules[] = {"E5",
                                        "EST",
                                        "EST5EDT",
                                        "EST5EDT,M13.1.0,M11.1.0",
                                        "EST5EDT,M3.6.0,M11.1.0",
                                        "EST5EDT,M3.2.7,M11.1.0",
                                        "EST5EDT,J0,J5",
                                        "EST5EDT,M3.2.0,M11.1.0x",
                                        "EST99",
                                        "<EST5"};
    aip__zone *z = NULL;
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        size_t n = tz_file(bytes, rules[k]);
        ck_assert_msg(aip__zone_parse(table_ctx, "test", bytes, n, &z, NULL) == AIP_E_CORRUPT, "%s", rules[k]);
    }
    size_t n = tz_file(bytes, "EST5");
    for (size_t k = 0; k < n; k++) ck_assert_int_eq(aip__zone_parse(table_ctx, "test", bytes, k, &z, NULL), AIP_E_CORRUPT);
    bytes[54 + 36] = 127; /* more types than the file has bytes */
    ck_assert_int_eq(aip__zone_parse(table_ctx, "test", bytes, n, &z, NULL), AIP_E_CORRUPT);
    ck_assert_ptr_null(z);
}
END_TEST

Suite *zone_suite(void) {
    const TTest *const tests[] = {offsets_are_those_of_the_zone_database, local_times_become_instants_also_when_twice_or_never,
                                  names_that_are_no_zones_are_refused,    every_kind_of_posix_rule_is_followed,
                                  files_that_are_no_zones_are_refused,    NULL};
    return table_suite("zones", tests);
}
