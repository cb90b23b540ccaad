/* Columns of fields to values. Reference: the per-text conversions of convert.h, which convert_test.c holds against the C library and the
 * calendar; every vector level must give the same values, bit for bit, and the same lists of fields that it did not take. */
#include "base/cpu.h"
#include "data/convert_column.h"
#include "data/utf8.h"
#include "data_suites.h"
#include <aipipe/data.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_FIELDS 3000
#define BEFORE 64

static uint64_t state = 0x2545f4914f6cdd1du;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(2685821657736338717);
}

/* A block of records of `stride` fields, of which the one at `at` is looked at. */
typedef struct block {
    char *bytes;
    size_t n, size;
    uint32_t ends[3 * MAX_FIELDS + 1];
    int32_t n_ends, stride, at;
    bool cr;
} block;

static void block_begin(block *b, int32_t stride, int32_t at, bool cr) {
    *b = (block){.stride = stride, .at = at, .cr = cr, .size = 1 << 20};
    b->bytes = malloc(b->size);
    ck_assert_ptr_nonnull(b->bytes);
    /* What lies around the text looks like numbers, so that a read of it would show. */
    memset(b->bytes, '7', b->size);
    b->ends[b->n_ends++] = UINT32_MAX;
}

static void block_put(block *b, const char *text, size_t n, char behind) {
    ck_assert_uint_lt(b->n + n + 256, b->size);
    memcpy(b->bytes + BEFORE + b->n, text, n);
    b->n += n;
    b->bytes[BEFORE + b->n] = behind;
    b->ends[b->n_ends++] = (uint32_t)b->n++;
}

static void block_add(block *b, const char *text, size_t n) {
    char with_cr[128];
    for (int32_t f = 0; f < b->stride; f++) {
        bool last = f == b->stride - 1;
        const char *t = f == b->at ? text : "12";
        size_t m = f == b->at ? n : 2;
        ck_assert_uint_lt(m, sizeof with_cr - 1);
        memcpy(with_cr, t, m);
        if (last && b->cr) with_cr[m++] = '\r';
        block_put(b, with_cr, m, last ? '\n' : ',');
    }
}

static aip__fields block_fields(const block *b) {
    return (aip__fields){.text = b->bytes + BEFORE,
                         .ends = b->ends + 1 + b->at,
                         .stride = b->stride,
                         .n = (b->n_ends - 1) / b->stride,
                         .last = b->at == b->stride - 1};
}

/* What a text means by convert.h, as the bytes of a value; false: none. */
static bool reference(const aip__conversion *c, const char *s, size_t n, void *v) {
    double d = 0;
    bool yes = false;
    memset(v, 0, 8);
    if (c->type != AIP_BOOL && (uint8_t)*s > '9') return false;
    switch (c->type) {
    case AIP_BOOL:
        if (!aip__parse_bool(s, n, &yes)) return false;
        *(uint8_t *)v = yes;
        return true;
    case AIP_INT32: return aip__parse_i32(s, n, v);
    case AIP_INT64: return aip__parse_i64(s, n, v);
    case AIP_FLOAT32:
        if (!aip__parse_f64(s, n, c->decimal, &d)) return false;
        *(float *)v = (float)d;
        return true;
    case AIP_FLOAT64: return aip__parse_f64(s, n, c->decimal, v);
    case AIP_DATE32: return aip__parse_date(s, n, v);
    case AIP_TIMESTAMP: return aip__parse_timestamp_as(s, n, c->zoned, v);
    default: return aip__parse_decimal_as(s, n, c->decimal, c->scale, v);
    }
}

static void hold_level(const aip__conversion *c, const aip__fields *f, const char *level) {
    static int32_t odd[MAX_FIELDS], empty[MAX_FIELDS];
    static uint64_t values[MAX_FIELDS + 16];
    const int64_t row = 3; /* not at a multiple of 8 bits */
    int32_t n_empty = 0;
    memset(values, 0xa5, sizeof values);
    int32_t n_odd = aip__convert_fields(c, f, values, row, odd, empty, &n_empty), o = 0, e = 0;
    size_t width = c->type == AIP_BOOL ? 1 : aip__type_width(c->type);
    for (int32_t i = 0; i < f->n; i++) {
        uint64_t expected = 0, got = 0;
        size_t n = 0;
        const char *s = aip__field_at(f, i, &n);
        bool is_odd = n > 0 && !reference(c, s, n, &expected);
        if (is_odd) expected = 0;
        bool listed_odd = o < n_odd && odd[o] == i, listed_empty = e < n_empty && empty[e] == i;
        o += listed_odd;
        e += listed_empty;
        if (c->type == AIP_BOOL)
            got = aip__bit_get((const uint8_t *)values, row + i);
        else
            memcpy(&got, (const uint8_t *)values + (size_t)(row + i) * width, width);
        ck_assert_msg(listed_odd == is_odd && listed_empty == (n == 0), "%s, type %d: '%.*s' is %s", level, c->type, (int)n, s,
                      listed_odd     ? "odd"
                      : listed_empty ? "empty"
                                     : "taken");
        if (got != expected)
            ck_abort_msg("%s, type %d, '%.*s': got %llx, expected %llx", level, c->type, (int)n, s, (unsigned long long)got,
                         (unsigned long long)expected);
    }
    ck_assert_int_eq(o, n_odd);
    ck_assert_int_eq(e, n_empty);
    const uint8_t *bytes = (const uint8_t *)values; /* nothing before the first row or behind the last is written */
    for (size_t k = 0; k < (size_t)row * width && c->type != AIP_BOOL; k++) ck_assert_uint_eq(bytes[k], 0xa5);
    for (size_t k = 0; k < width && c->type != AIP_BOOL; k++) ck_assert_uint_eq(bytes[(size_t)(row + f->n) * width + k], 0xa5);
    for (int64_t k = 0; k < 8 && c->type == AIP_BOOL; k++) {
        if (k < row) ck_assert_int_eq(aip__bit_get(bytes, k), 0xa5 >> k & 1);
        int64_t behind = row + f->n + k;
        ck_assert_int_eq(aip__bit_get(bytes, behind), 0xa5 >> (behind & 7) & 1);
    }
}

static void hold(const aip__conversion *c, const aip__fields *f) {
    aip__cpu_level was = aip__cpu();
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++)
        if ((int)aip__cpu_set((aip__cpu_level)level) == level) hold_level(c, f, aip__cpu_name((aip__cpu_level)level));
    aip__cpu_set(was);
}

typedef size_t (*make_text)(char *out);

/* Columns of texts from `make`, first, middle, last and alone, with LF and CR LF. */
static void hold_texts(const aip__conversion *c, make_text make, int n) {
    char text[128];
    for (int round = 0; round < 8; round++) {
        block b;
        block_begin(&b, round < 6 ? 3 : 1, round < 6 ? round % 3 : 0, round % 2 == 1);
        for (int i = 0; i < n; i++) {
            size_t m = make(text);
            block_add(&b, text, m);
        }
        aip__fields f = block_fields(&b);
        hold(c, &f);
        aip__fields part = aip__fields_part(&f, n / 3, 7);
        hold(c, &part);
        free(b.bytes);
    }
}

static size_t digits(char *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (char)('0' + draw() % 10);
    return n;
}

static const char *const oddities[] = {"",
                                       "",
                                       "",
                                       "-",
                                       "+",
                                       ".",
                                       "-.",
                                       "+.5",
                                       "5.",
                                       "-5.",
                                       ".5",
                                       "1.2.3",
                                       "1..2",
                                       "nan",
                                       "NaN",
                                       "-inf",
                                       "inf",
                                       "Infinity",
                                       "NA",
                                       "null",
                                       "\"1\"",
                                       "1e5",
                                       "1E-5",
                                       "1e",
                                       "1e+",
                                       "e5",
                                       " 1",
                                       "1 ",
                                       "1,5",
                                       "1_000",
                                       "0x10",
                                       "--1",
                                       "+-1",
                                       "1-",
                                       "1+1",
                                       "-0",
                                       "-0.0",
                                       "0",
                                       "00",
                                       "000000000000000000000000000001",
                                       "0.000000000000000000000000000001",
                                       "9007199254740993",
                                       "9007199254740992",
                                       "9007199254740991",
                                       "-9007199254740993",
                                       "9223372036854775807",
                                       "9223372036854775808",
                                       "-9223372036854775808",
                                       "-9223372036854775809",
                                       "2147483647",
                                       "2147483648",
                                       "-2147483648",
                                       "-2147483649",
                                       "18446744073709551615",
                                       "18446744073709551616",
                                       "99999999999999999999",
                                       "/1",
                                       ":1",
                                       "1/2",
                                       "1:2",
                                       "12345678:",
                                       "1234567/",
                                       "123456789012345:",
                                       "\x80",
                                       "1\xff",
                                       "true",
                                       "True",
                                       "TRUE",
                                       "false",
                                       "False",
                                       "FALSE",
                                       "tRUE",
                                       "fALSE",
                                       "truE",
                                       "truex",
                                       "xtrue",
                                       "falsee",
                                       "tru",
                                       "t",
                                       "1.5e308",
                                       "1.8e308",
                                       "4.9e-324",
                                       "2e-324",
                                       "2013-01-01",
                                       "2013-1-1",
                                       "0000-01-01",
                                       "0001-01-01",
                                       "9999-12-31",
                                       "2013-02-29",
                                       "2012-02-29",
                                       "1900-02-29",
                                       "2000-02-29",
                                       "2013-13-01",
                                       "2013-00-01",
                                       "2013-01-00",
                                       "2013-01-32",
                                       "2013-04-31",
                                       "2013/01/01",
                                       "2013-01-01T05:00:00Z",
                                       "2013-01-01 05:00:00",
                                       "2013-01-01T05:00",
                                       "2013-01-01T05:00Z",
                                       "2013-01-01T05:00:00.5",
                                       "2013-01-01T05:00:00.123456",
                                       "2013-01-01T05:00:00.1234567",
                                       "2013-01-01T05:00:00.1234560",
                                       "2013-01-01T05:00:00.",
                                       "2013-01-01T05:00:00+01:00",
                                       "2013-01-01T05:00:00-0130",
                                       "2013-01-01T05:00:00.25+01:00",
                                       "2013-01-01T24:00:00",
                                       "2013-01-01T23:60:00",
                                       "2013-01-01T23:59:60",
                                       "2013-01-01T23:59:59",
                                       "2013-01-01X23:59:59",
                                       "2013-01-01T23:59:59z",
                                       "2013-01-01T23:59:59ZZ",
                                       "2013-01-01T23-59-59",
                                       "2013-01-01T23:59:59 ",
                                       "201a-01-01T00:00:00",
                                       "2013-01-01t00:00:00",
                                       "12345678901234567890.12345",
                                       "0.1234567890123456789",
                                       "1234567890123456",
                                       "123456789012345.6",
                                       "-123456789012345.6",
                                       "12345678.87654321",
                                       "1234567890.123456",
                                       "0.30000000000000004"};

/* One of the oddities, or what lies close to one: a byte changed. */
static size_t odd_text(char *out) {
    const char *s = oddities[draw() % (sizeof oddities / sizeof *oddities)];
    size_t n = strlen(s);
    memcpy(out, s, n + 1);
    if (n > 0 && draw() % 4 == 0) out[draw() % n] = (char)(draw() % 256);
    for (size_t i = 0; i < n; i++)
        if (out[i] == '\r') out[i] = 'r'; /* where it stands last it is none of the field's */
    return n;
}

static size_t integer_text(char *out) {
    if (draw() % 8 == 0) return odd_text(out);
    size_t n = 0;
    uint64_t sign = draw() % 8;
    if (sign == 0) out[n++] = '+';
    if (sign == 1 || sign == 2) out[n++] = '-';
    return n + digits(out + n, draw() % 16 ? draw() % 11 : draw() % 24);
}

static size_t real_text(char *out) {
    if (draw() % 8 == 0) return odd_text(out);
    size_t n = 0;
    if (draw() % 3 == 0) out[n++] = "-+-"[draw() % 3];
    bool wide = draw() % 8 == 0;
    n += digits(out + n, draw() % (wide ? 22 : 8));
    if (draw() % 4) {
        out[n++] = '.';
        n += digits(out + n, draw() % (wide ? 22 : 8));
    }
    if (draw() % 8 == 0) n += (size_t)snprintf(out + n, 16, "e%d", (int)(draw() % 40) - 20);
    return n;
}

static size_t time_text(char *out) {
    if (draw() % 8 == 0) return odd_text(out);
    size_t n = (size_t)snprintf(out, 64, "%04d-%02d-%02d", (int)(draw() % 2100), (int)(draw() % 13), (int)(draw() % 32));
    if (draw() % 4 == 0) return n;
    n += (size_t)snprintf(out + n, 64, "%c%02d:%02d", draw() % 2 ? 'T' : ' ', (int)(draw() % 25), (int)(draw() % 61));
    if (draw() % 8) n += (size_t)snprintf(out + n, 64, ":%02d", (int)(draw() % 61));
    if (draw() % 3 == 0) {
        out[n++] = '.';
        n += digits(out + n, draw() % 8);
    }
    if (draw() % 3 == 0) out[n++] = "Zz"[draw() % 2];
    if (draw() % 6 == 0)
        n += (size_t)snprintf(out + n, 64, "%c%02d:%02d", "+-"[draw() % 2], (int)(draw() % 25), (int)(draw() % 61));
    return n;
}

/* What columns of timestamps hold: seconds, with Z or without; some empty, some with a byte changed. */
static size_t whole_time_text(char *out) {
    if (draw() % 16 == 0) return 0;
    size_t n = (size_t)snprintf(out, 64, "%04d-%02d-%02d", (int)(draw() % 10000), (int)(1 + draw() % 12), (int)(1 + draw() % 29));
    if (draw() % 16)
        n += (size_t)snprintf(out + n, 64, "%c%02d:%02d:%02d", draw() % 2 ? 'T' : ' ', (int)(draw() % 24), (int)(draw() % 60),
                              (int)(draw() % 60));
    if (draw() % 2) out[n++] = "Zz"[draw() % 2];
    if (draw() % 16 == 0) out[draw() % n] = (char)(' ' + draw() % 96);
    return n;
}

static size_t word_text(char *out) {
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE", "", "true", "false"};
    if (draw() % 32 == 0) return odd_text(out);
    const char *word = words[draw() % 9];
    memcpy(out, word, strlen(word));
    if (*word && draw() % 32 == 0) out[draw() % strlen(word)] ^= (char)(1 << draw() % 8);
    for (size_t i = 0; i < strlen(word); i++)
        if (out[i] == '\r') out[i] = 'r';
    return strlen(word);
}

START_TEST(every_level_takes_the_integers_that_the_reference_takes) {
    for (int i = 0; i < 6; i++) {
        hold_texts(&(aip__conversion){.type = AIP_INT32, .decimal = '.'}, integer_text, 997);
        hold_texts(&(aip__conversion){.type = AIP_INT64, .decimal = '.'}, integer_text, 1000);
    }
}
END_TEST

START_TEST(every_level_gives_the_floats_that_the_reference_gives) {
    for (int i = 0; i < 6; i++) {
        hold_texts(&(aip__conversion){.type = AIP_FLOAT64, .decimal = '.'}, real_text, 1001);
        hold_texts(&(aip__conversion){.type = AIP_FLOAT32, .decimal = '.'}, real_text, 999);
        hold_texts(&(aip__conversion){.type = AIP_FLOAT64, .decimal = ','}, real_text, 100);
    }
}
END_TEST

START_TEST(every_level_gives_decimals_of_every_scale) {
    for (int32_t scale = 0; scale <= 18; scale++)
        hold_texts(&(aip__conversion){.type = AIP_DECIMAL64, .scale = scale, .decimal = '.'}, real_text, 500);
}
END_TEST

START_TEST(every_level_gives_the_dates_and_timestamps_that_the_reference_gives) {
    for (int i = 0; i < 6; i++) {
        hold_texts(&(aip__conversion){.type = AIP_DATE32}, time_text, 1000);
        hold_texts(&(aip__conversion){.type = AIP_TIMESTAMP}, time_text, 1000);
        hold_texts(&(aip__conversion){.type = AIP_TIMESTAMP, .zoned = true}, time_text, 1000);
        hold_texts(&(aip__conversion){.type = AIP_TIMESTAMP}, whole_time_text, 1029);
        hold_texts(&(aip__conversion){.type = AIP_TIMESTAMP, .zoned = true}, whole_time_text, 1029);
    }
}
END_TEST

START_TEST(every_level_takes_the_words_of_bool_and_no_others) {
    for (int i = 0; i < 6; i++) {
        hold_texts(&(aip__conversion){.type = AIP_BOOL}, odd_text, 1003);
        hold_texts(&(aip__conversion){.type = AIP_BOOL}, word_text, 1040 + i);
    }
}
END_TEST

START_TEST(every_oddity_is_the_same_for_every_type_and_length_of_column) {
    const int32_t types[] = {AIP_BOOL, AIP_INT32, AIP_INT64, AIP_FLOAT32, AIP_FLOAT64, AIP_DATE32, AIP_TIMESTAMP, AIP_DECIMAL64};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int n = 1; n < 40; n++) hold_texts(&(aip__conversion){.type = types[t], .scale = 2, .decimal = '.'}, odd_text, n);
}
END_TEST

/* By characters, from table 3-7 of Unicode. */
static bool well_formed(const uint8_t *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 9;
        if (more > n - i - 1) return false;
        for (size_t k = 1; k <= more; k++) {
            uint8_t low = k > 1 ? 0x80 : c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            uint8_t high = k > 1 ? 0xbf : c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
            if (s[i + k] < low || s[i + k] > high) return false;
        }
        i += more + 1;
    }
    return true;
}

static void hold_utf8(const uint8_t *s, size_t n) {
    bool well = well_formed(s, n);
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++)
        if ((int)aip__cpu_set((aip__cpu_level)level) == level) {
            ck_assert_msg(aip__utf8_valid((const char *)s, n) == well, "%s: %02x %02x %02x %02x ...",
                          aip__cpu_name((aip__cpu_level)level), s[n - 4], s[n - 3], s[n - 2], s[n - 1]);
            if (level < AIP__CPU_AVX512 && n % 8 > 0) continue; /* what is one with the above needs no look each time */
            ck_assert_msg(aip__utf8_is_text((const char *)s, n) == (well && !memchr(s, 0, n)), "%s: %02x %02x %02x %02x ...",
                          aip__cpu_name((aip__cpu_level)level), s[n - 4], s[n - 3], s[n - 2], s[n - 1]);
        }
    aip__cpu_set(AIP__CPU_AVX512);
}

START_TEST(every_level_knows_well_formed_utf8) {
    static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                    0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const size_t m = sizeof edges;
    uint8_t text[96];
    for (size_t i = 0; i < m * m * m * m; i++) { /* every four edges, ending at a block's end, before it and behind it */
        memset(text, 'a', sizeof text);
        size_t n = 56 + i % 14;
        text[n - 4] = edges[i % m], text[n - 3] = edges[i / m % m], text[n - 2] = edges[i / m / m % m],
                 text[n - 1] = edges[i / m / m / m];
        hold_utf8(text, n);
        hold_utf8(text, n + 1);
    }
    for (int i = 0; i < 200000; i++) { /* right texts, most with one byte changed */
        size_t n = 0;
        while (n < 80) {
            static const char *const some[] = {
                "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "0123456789abcdef"};
            const char *c = some[draw() % 7];
            memcpy(text + n, c, strlen(c));
            n += strlen(c);
        }
        if (draw() % 4) text[draw() % n] = (uint8_t)draw();
        hold_utf8(text, n - draw() % 8);
    }
}
END_TEST

START_TEST(a_quote_takes_the_byte_behind_it_away_wherever_it_stands) {
    for (int i = 0; i < 100000; i++) {
        char text[100], expected[100];
        size_t n = draw() % sizeof text, left = 0;
        uint64_t each = 1 + draw() % 30;
        for (size_t k = 0; k < n; k++) text[k] = draw() % each ? (char)('a' + draw() % 26) : '"';
        for (size_t k = 0; k < n; k += text[k] == '"' ? 2 : 1) expected[left++] = text[k]; /* a byte at a time */
        char *to = malloc(n + 1);                                                          /* no more than it may write */
        ck_assert_ptr_nonnull(to);
        to[n] = '#';
        ck_assert_uint_eq(aip__unescape_quotes(to, text, n, '"'), left);
        ck_assert_mem_eq(to, expected, left);
        ck_assert_int_eq(to[n], '#');
        free(to);
    }
}
END_TEST

static bool is_na(const void *user, const char *s, size_t n) {
    (void)user;
    return n == 2 && memcmp(s, "NA", 2) == 0;
}

START_TEST(every_level_copies_texts_and_joins_their_doubled_quotes) {
    enum { FIELDS = 60, LONGEST = 300 };
    static char text[64 + FIELDS * (2 * LONGEST + 4) + 64];
    static char inside[LONGEST];
    bool starts[256] = {['N'] = true};
    uint32_t ends[FIELDS + 1] = {UINT32_MAX};
    aip_context *ctx = test_context();
    for (int round = 0; round < 600; round++) {
        aip__text_rules rules = {.quote = '"',
                                 .empty_is_null = round & 1,
                                 .quoted_null = round & 2,
                                 .longest_null = 2,
                                 .null_starts = starts,
                                 .is_null = is_na};
        aip__utf8_builder by_row;
        aip__column *expected = NULL, *found = NULL;
        bool shorts = round % 3 == 0, cr = round % 5 == 0; /* short columns are copied another way */
        char *at = text + 64;
        memset(text, '"', sizeof text); /* what lies around the fields would be taken for quotes */
        ck_assert_int_eq(aip__utf8_begin(&by_row, ctx, AIP_UTF8, 0, 0, NULL), AIP_OK);
        for (int i = 0; i < FIELDS; i++) {
            bool quoted = draw() % 2, marker = draw() % 8 == 0;
            size_t n = marker ? 2 : draw() % 4 == 0 ? draw() % LONGEST : draw() % 8 == 0 ? 0 : 60 + draw() % 10;
            if (shorts && !marker) n = draw() % 8 == 0 ? draw() % 70 : draw() % 12;
            uint64_t each = 1 + draw() % 40;
            for (size_t k = 0; k < n; k++) inside[k] = quoted && draw() % each == 0 ? '"' : (char)('a' + draw() % 26);
            if (marker) memcpy(inside, "NA", 2);
            if (!quoted && n == 1) *inside = '"'; /* alone it is text */
            if (quoted) *at++ = '"';
            for (size_t k = 0; k < n; k++) {
                *at++ = inside[k];
                if (quoted && inside[k] == '"') *at++ = '"';
            }
            if (quoted) *at++ = '"';
            if (cr) *at++ = '\r';
            ends[i + 1] = (uint32_t)(at - (text + 64));
            *at++ = ',';
            bool null = (!quoted || rules.quoted_null) && (marker || (n == 0 && rules.empty_is_null));
            ck_assert_int_eq(null ? aip__utf8_add_null(&by_row, NULL) : aip__utf8_add(&by_row, inside, n, NULL), AIP_OK);
        }
        ck_assert_int_eq(aip__utf8_end(&by_row, &expected, NULL), AIP_OK);
        aip__fields f = {.text = text + 64, .ends = ends + 1, .stride = 1, .n = FIELDS, .last = cr};
        aip__fields front = aip__fields_part(&f, 0, 7), rest = aip__fields_part(&f, 7, FIELDS);
        for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
            aip__utf8_builder b;
            if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
            ck_assert_int_eq(aip__utf8_begin(&b, ctx, AIP_UTF8, 0, 0, NULL), AIP_OK);
            ck_assert_int_eq(aip__utf8_add_fields(&b, &rules, &front, NULL), AIP_OK);
            ck_assert_int_eq(aip__utf8_add_fields(&b, &rules, &rest, NULL), AIP_OK);
            ck_assert_int_eq(aip__utf8_end(&b, &found, NULL), AIP_OK);
            ck_assert_msg(aip__column_equal(expected, found), "round %d, %s", round, aip__cpu_name((aip__cpu_level)level));
            aip__column_free(found);
        }
        aip__cpu_set(AIP__CPU_AVX512);
        aip__column_free(expected);
    }
    test_context_end(ctx);
}
END_TEST

START_TEST(columns_of_nothing_but_nulls_are_taken_at_every_level) {
    enum { FIELDS = 2100 };
    static char text[64 + FIELDS * 3 + 64];
    static uint32_t ends[FIELDS + 1];
    bool starts[256] = {['N'] = true};
    aip__text_rules rules = {.quote = '"', .empty_is_null = true, .longest_null = 2, .null_starts = starts, .is_null = is_na};
    aip_context *ctx = test_context();
    for (int marked = 0; marked < 2; marked++) { /* empty, or with a marker */
        char *at = text + 64;
        ends[0] = UINT32_MAX;
        for (int i = 0; i < FIELDS; i++) {
            if (marked) memcpy(at, "NA", 2), at += 2;
            ends[i + 1] = (uint32_t)(at - (text + 64));
            *at++ = ',';
        }
        aip__fields f = {.text = text + 64, .ends = ends + 1, .stride = 1, .n = FIELDS};
        for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
            aip__utf8_builder b;
            aip__column *c = NULL;
            if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
            ck_assert_int_eq(aip__utf8_begin(&b, ctx, AIP_UTF8, 0, 0, NULL), AIP_OK);
            ck_assert_int_eq(aip__utf8_add_fields(&b, &rules, &f, NULL), AIP_OK);
            ck_assert_int_eq(aip__utf8_end(&b, &c, NULL), AIP_OK);
            ck_assert_int_eq(c->length, FIELDS);
            ck_assert_int_eq(c->null_count, FIELDS);
            ck_assert_int_eq(c->offsets[FIELDS], 0);
            for (int i = 0; i < FIELDS; i++) ck_assert(!aip__valid(c->validity, i));
            aip__column_free(c);
        }
    }
    aip__cpu_set(AIP__CPU_AVX512);
    test_context_end(ctx);
}
END_TEST

Suite *convert_column_suite(void) {
    const TTest *const tests[] = {every_level_takes_the_integers_that_the_reference_takes,
                                  every_level_gives_the_floats_that_the_reference_gives,
                                  every_level_gives_decimals_of_every_scale,
                                  every_level_gives_the_dates_and_timestamps_that_the_reference_gives,
                                  every_level_takes_the_words_of_bool_and_no_others,
                                  every_level_knows_well_formed_utf8,
                                  a_quote_takes_the_byte_behind_it_away_wherever_it_stands,
                                  every_level_copies_texts_and_joins_their_doubled_quotes,
                                  columns_of_nothing_but_nulls_are_taken_at_every_level,
                                  every_oddity_is_the_same_for_every_type_and_length_of_column,
                                  NULL};
    return unit_suite("convert_column", tests);
}
