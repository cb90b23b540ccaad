/* Text of any encoding as UTF-8. The bytes of the encodings are written by hand after their tables (Unicode's CP1252.TXT and SHIFTJIS.TXT, RFC 2781
 * for UTF-16); that the size of a read changes nothing is held over text of all kinds. */
#include "base/context.h"
#include "formats/encoding/encoding.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#define S(text) text, sizeof text - 1

typedef struct encoded {
    const char *encoding, *bytes;
    size_t n;
    const char *utf8;
} encoded;

static const encoded texts[] = {
    {"utf-8", S("caf\xc3\xa9,\xe2\x82\xac\n"), "caf\xc3\xa9,\xe2\x82\xac\n"},
    {"utf-8",
     S("\xef\xbb\xbf"
       "a\n"),
     "\xef\xbb\xbf"
     "a\n"}, /* kept: offsets stay the file's */
    {"utf-8",
     S("\xff\xfe"
       "a\0,\0\xac\x20\n\0"),
     "a,\xe2\x82\xac\n"},
    {"utf-8",
     S("\xff\xfe\0\0"
       "a\0\0\0"
       "\0\xf6\x01\0"),
     "a\xf0\x9f\x98\x80"},
    {"latin-1", S("caf\xe9\n"), "caf\xc3\xa9\n"},
    {"windows-1252", S("\x80 caf\xe9 \x93x\x94\n"), "\xe2\x82\xac caf\xc3\xa9 \xe2\x80\x9cx\xe2\x80\x9d\n"},
    {"cp1252", S("\x80"), "\xe2\x82\xac"},
    {"utf-16", S("\xfe\xff\0a\x20\xac"), "a\xe2\x82\xac"},
    {"utf-16", S("a\0b\0c\0d\0"), "abcd"},
    {"utf-16", S("\0a\0b\0c\0d"), "abcd"},
    {"utf-16le", S("\x3d\xd8\x00\xde!\0"), "\xf0\x9f\x98\x80!"}, /* a pair of surrogates */
    {"utf-16be", S("\xfe\xff\xd8\x3d\xde\x00"), "\xf0\x9f\x98\x80"},
    {"shift_jis", S("\x93\xfa\x96\x7b,\xb1\n"), "\xe6\x97\xa5\xe6\x9c\xac,\xef\xbd\xb1\n"},
    {"auto", S("caf\xc3\xa9\n"), "caf\xc3\xa9\n"},
    {"auto", S("caf\xe9\n"), "caf\xc3\xa9\n"},
    {"auto",
     S("a\0,\0b\0\n\0"
       "1\0,\0"
       "2\0\n\0"),
     "a,b\n1,2\n"},
    {"auto",
     S("\0a\0,\0b\0\n\0"
       "1\0,\0"
       "2\0\n"),
     "a,b\n1,2\n"},
    {"auto", S(""), ""},
};

/* The whole text, read in pieces of `size` bytes; free() it. */
static char *decoded(aip_context *ctx, const void *bytes, size_t n, const aip__text_options *o, size_t size, size_t *n_out,
                     int32_t *status) {
    aip__stream *stream = NULL;
    aip__text_stream *t = NULL;
    size_t capacity = 4 * n + 64, at = 0, got = 0;
    char *out = malloc(capacity);
    ck_assert_ptr_nonnull(out);
    OK(aip__stream_memory(ctx, bytes, n, &stream, &err));
    *status = aip__text_stream_open(ctx, stream, o, &t, NULL);
    while (*status == AIP_OK) {
        ck_assert_uint_le(at + size, capacity + size);
        out = realloc(out, at + size + 1);
        ck_assert_ptr_nonnull(out);
        *status = aip__text_stream_read(t, out + at, size, &got, NULL);
        if (*status != AIP_OK) break;
        at += got;
        if (got < size) break;
    }
    aip__text_stream_close(t);
    aip__stream_close(stream);
    *n_out = at;
    return out;
}

START_TEST(text_of_any_encoding_is_read_as_utf8_whatever_the_size_of_a_read) {
    aip_context *ctx = table_context(0);
    static const size_t sizes[] = {1, 2, 3, 5, 31, 32, 33, 1000};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            const encoded *e = &texts[i];
            aip__text_options o = {.encoding = e->encoding, .quote = '"'};
            size_t n = 0;
            int32_t status = AIP_OK;
            char *found = decoded(ctx, e->bytes, e->n, &o, sizes[k], &n, &status);
            ck_assert_msg(status == AIP_OK && n == strlen(e->utf8) && memcmp(found, e->utf8, n) == 0,
                          "text %zu (%s), reads of %zu: found '%.*s'", i, e->encoding, sizes[k], (int)n, found);
            free(found);
        }
    table_context_free(ctx);
}
END_TEST

/* Past the sample and past every buffer, with characters of one to four bytes at every offset of a border. */
START_TEST(a_long_text_is_the_same_in_every_encoding_that_can_hold_it) {
    aip_context *ctx = table_context(0);
    const size_t n_chars = 3 * AIP__TEXT_SAMPLE / 2;
    uint8_t *le = malloc(n_chars * 4), *be = malloc(n_chars * 4);
    char *utf8 = malloc(n_chars * 4);
    size_t n16 = 0, n8 = 0;
    ck_assert(le && be && utf8);
    uint32_t state = 7;
    for (size_t i = 0; i < n_chars; i++) {
        static const uint16_t units[4][2] = {{'x', 0}, {0xe9, 0}, {0x20ac, 0}, {0xd83d, 0xde00}};
        static const char *const bytes[4] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
        state = state * 1664525u + 1013904223u;
        size_t k = state >> 30;
        for (int u = 0; u < (k == 3 ? 2 : 1); u++, n16 += 2) {
            be[n16] = le[n16 + 1] = (uint8_t)(units[k][u] >> 8);
            be[n16 + 1] = le[n16] = (uint8_t)units[k][u];
        }
        memcpy(utf8 + n8, bytes[k], strlen(bytes[k]));
        n8 += strlen(bytes[k]);
    }
    static const size_t sizes[] = {7, 4096, 1000003};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int which = 0; which < 3; which++) {
            aip__text_options o = {.encoding = which == 0 ? "utf-16le" : which == 1 ? "utf-16be" : "utf-8", .quote = -1};
            if (which == 2) o.undecodable = AIP__UNDECODABLE_ERROR; /* so that it is looked at */
            size_t n = 0;
            int32_t status = AIP_OK;
            char *found = decoded(ctx,
                                  which == 0   ? le
                                  : which == 1 ? be
                                               : (uint8_t *)utf8,
                                  which == 2 ? n8 : n16, &o, sizes[k], &n, &status);
            ck_assert_msg(status == AIP_OK && n == n8 && memcmp(found, utf8, n8) == 0, "%s, reads of %zu", o.encoding, sizes[k]);
            free(found);
        }
    free(le), free(be), free(utf8);
    table_context_free(ctx);
}
END_TEST

/* Past the sample, so that lines are decoded ahead of a read. */
START_TEST(lines_that_end_in_cr_alone_do_so_in_any_encoding_whatever_the_size_of_a_read) {
    aip_context *ctx = table_context(0);
    const size_t n_lines = AIP__TEXT_SAMPLE;
    char *latin = malloc(4 * n_lines), *expected = malloc(5 * n_lines);
    ck_assert(latin && expected);
    for (size_t i = 0; i < n_lines; i++) {
        memcpy(latin + 4 * i, "\xe9,1\r", 4);
        memcpy(expected + 5 * i, "\xc3\xa9,1\n", 5);
    }
    static const size_t sizes[] = {7, 1000, 4096, 65541};
    static const aip__line_end ends[] = {AIP__LINES_AUTO, AIP__LINES_CR};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int e = 0; e < 2; e++) {
            aip__text_options o = {.encoding = "latin-1", .line_end = ends[e], .quote = '"'};
            size_t n = 0;
            int32_t status = AIP_OK;
            char *found = decoded(ctx, latin, 4 * n_lines, &o, sizes[k], &n, &status);
            ck_assert_msg(status == AIP_OK && n == 5 * n_lines && memcmp(found, expected, n) == 0, "reads of %zu", sizes[k]);
            free(found);
        }
    free(latin), free(expected);
    table_context_free(ctx);
}
END_TEST

/* In Windows-1258 (Unicode's CP1258.TXT) a letter may get a mark from the byte behind it. */
START_TEST(a_letter_that_waits_for_its_mark_is_not_lost_at_the_end_or_before_a_byte_that_is_no_text) {
    aip_context *ctx = table_context(0);
    char *letters = malloc(AIP__TEXT_SAMPLE);
    ck_assert_ptr_nonnull(letters);
    memset(letters, 'a', AIP__TEXT_SAMPLE); /* the end of the file shows only when nothing follows the sample */
    const struct {
        const char *bytes;
        size_t n;
        const char *expected; /* NULL: the bytes */
    } cases[] = {{S("a\xcc"), "\xc3\xa0"},
                 {S("a"), "a"},
                 {S("a\x8a"
                    "b"),
                  "a\xef\xbf\xbd"
                  "b"},
                 {letters, AIP__TEXT_SAMPLE, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t size = 1; size < 2000; size += 999) {
            aip__text_options o = {.encoding = "windows-1258", .undecodable = AIP__UNDECODABLE_REPLACE, .quote = -1};
            const char *expected = cases[i].expected ? cases[i].expected : cases[i].bytes;
            size_t n = 0, n_expected = cases[i].expected ? strlen(expected) : cases[i].n;
            int32_t status = AIP_OK;
            char *found = decoded(ctx, cases[i].bytes, cases[i].n, &o, size, &n, &status);
            ck_assert_msg(status == AIP_OK && n == n_expected && memcmp(found, expected, n) == 0,
                          "case %zu, reads of %zu: %zu bytes", i, size, n);
            free(found);
        }
    free(letters);
    table_context_free(ctx);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_an_error_or_replaced_or_make_a_bad_row) {
    static const struct {
        const char *encoding, *bytes;
        size_t n;
        const char *row, *replaced;
        int64_t offset;
    } cases[] = {
        {"utf-8", S("ab\xe9 c"), "ab\xe9 c", "ab\xef\xbf\xbd c", 2},
        {"utf-8", S("ab\xe2\x82"), "ab\xe2\x82", "ab\xef\xbf\xbd\xef\xbf\xbd", 2},
        {"windows-1252",
         S("a\x81"
           "b"),
         "a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b",
         1},
        {"utf-16le",
         S("a\0\x00\xdc"
           "b\0"),
         "a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b",
         2}, /* half a pair */
        {"utf-16le",
         S("a\0"
           "b"),
         "a\xff", "a\xef\xbf\xbd", 2},
        {"shift_jis", S("a\x93"), "a\xff", "a\xef\xbf\xbd", 1},
    };
    aip_context *ctx = table_context(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t size = 1; size < 40; size += 19) {
            aip__text_options o = {.encoding = cases[i].encoding, .quote = -1};
            size_t n = 0;
            int32_t status = AIP_OK;
            char *found = decoded(ctx, cases[i].bytes, cases[i].n, &o, size, &n, &status);
            ck_assert_int_eq(status, AIP_OK);
            ck_assert_msg(n == strlen(cases[i].row) && memcmp(found, cases[i].row, n) == 0, "case %zu: a bad row", i);
            free(found);
            o.undecodable = AIP__UNDECODABLE_REPLACE;
            found = decoded(ctx, cases[i].bytes, cases[i].n, &o, size, &n, &status);
            ck_assert_int_eq(status, AIP_OK);
            ck_assert_msg(n == strlen(cases[i].replaced) && memcmp(found, cases[i].replaced, n) == 0, "case %zu: replaced", i);
            free(found);
            o.undecodable = AIP__UNDECODABLE_ERROR;
            aip__stream *stream = NULL;
            aip__text_stream *t = NULL;
            aip_error *err = NULL;
            ck_assert_int_eq(aip__stream_memory(ctx, cases[i].bytes, cases[i].n, &stream, NULL), AIP_OK);
            ck_assert_int_eq(aip__text_stream_open(ctx, stream, &o, &t, &err), AIP_E_DATA);
            ck_assert_int_eq(aip_error_offset(err), cases[i].offset);
            aip_error_free(err);
            aip__stream_close(stream);
        }
    table_context_free(ctx);
}
END_TEST

static void check_guess(const char *bytes, size_t n, bool whole, bool marks_only, const char *expected) {
    aip__encoding_guess g;
    aip__encoding_guess_of((const uint8_t *)bytes, n, whole, marks_only, &g);
    ck_assert_str_eq(g.name, expected);
}

START_TEST(the_first_bytes_tell_the_encoding) {
    check_guess(S("\xff\xfe"
                  "a\0"),
                true, true, "utf-16le");
    check_guess(S("\xff\xfe\0\0"
                  "a\0\0\0"),
                true, true, "utf-32le");
    check_guess(S("\0\0\xfe\xff"), true, true, "utf-32be");
    check_guess(S("caf\xe9"), true, true, "utf-8"); /* nothing but marks is asked for */
    check_guess(S("caf\xe9"), true, false, "windows-1252");
    check_guess(S("caf\xe9"), false, false, "utf-8"); /* the sample may end within a character */
    check_guess(S("caf\xe9 x"), false, false, "windows-1252");
    check_guess(S("x\0y\0z\0"), true, false, "utf-16le");
    check_guess(S("x,y,\0,z,,"), true, false, "utf-8"); /* one NUL is damage, not an encoding */
}
END_TEST

START_TEST(a_table_is_read_in_its_encoding_and_what_cannot_be_follows_the_policy) {
    table_check("t,n\ncaf\xe9,1\n", "\"encoding\": \"latin-1\"", "t:utf8 n:int64\n'caf\xc3\xa9'|1\n");
    table_check("t,n\ncaf\xe9,1\n", "\"encoding\": \"auto\"", "t:utf8 n:int64\n'caf\xc3\xa9'|1\n");
    table_check("caf\xe9\n1\n", "\"encoding\": \"windows-1252\"", "caf\xc3\xa9:int64\n1\n");
    table_check("t,n\nx\x81,1\ny,2\n", "\"encoding\": \"windows-1252\", \"on_bad_row\": \"reject\"", "t:utf8 n:int64\n'y'|2\n");
    table_check("t,n\nx\x81,1\ny,2\n", "\"encoding\": \"windows-1252\", \"on_bad_row\": \"null\"",
                "t:utf8 n:int64\n~|1\n'y'|2\n");
    table_check("t,n\nx\xe9,1\n", "\"encoding_errors\": \"replace\"", "t:utf8 n:int64\n'x\xef\xbf\xbd'|1\n");
    table_check_fails("t,n\nx\xe9,1\n", "\"encoding_errors\": \"error\"", AIP_E_DATA, "byte 0xe9 is no text in utf-8");
    table_check_fails("t\nx\n", "\"encoding\": \"klingon\"", AIP_E_PARAM, "encoding: 'klingon' is not known here");
    table_check_fails("t\nx\n", "\"encoding\": \"utf-8//IGNORE\"", AIP_E_PARAM, "encoding: expected the name of an encoding");
}
END_TEST

START_TEST(how_far_a_growing_file_is_whole_is_told_of_utf8_alone) {
    static const struct {
        const char *options, *bytes;
        size_t n;
        int32_t status;
        int64_t whole;
    } cases[] = {
        {"{\"path\": \"-\"}", S("a\n1\n2"), AIP_OK, 4},
        {"{\"path\": \"-\"}",
         S("\xff\xfe"
           "a\0\n\0"),
         AIP_E_UNSUPPORTED, 0},
        {"{\"path\": \"-\", \"encoding\": \"latin-1\"}", S("a\n1\n2"), AIP_E_UNSUPPORTED, 0},
        {"{\"path\": \"-\", \"line_end\": \"cr\"}", S("a\r1\r2"), AIP_E_UNSUPPORTED, 0},
    };
    aip_context *ctx = table_context(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const aip_descriptor *csv = NULL;
        aip_descriptor *table = NULL;
        aip_params *params = NULL;
        aip__stream *stream = NULL;
        void *format = NULL;
        int64_t bytes = 0, lines = 0;
        OK(aip__format_find(ctx, "csv", &csv, &err));
        const aip__format_ops *ops = csv->ops;
        OK(aip__files_table(ctx, true, csv, &table, &err));
        OK(aip__params_parse(ctx, table, cases[i].options, &params, &err));
        OK(ops->create(ctx, params, "", &format, &err));
        OK(aip__stream_memory(ctx, cases[i].bytes, cases[i].n, &stream, &err));
        ck_assert_int_eq(ops->whole(format, stream, "text", true, &bytes, &lines, NULL), cases[i].status);
        ck_assert_int_eq(bytes, cases[i].whole);
        aip__stream_close(stream);
        ops->destroy(format);
        aip__params_free(params);
        aip__free(ctx, table);
    }
    table_context_free(ctx);
}
END_TEST

/* Text behind a file's bytes, as the system's iconv encodes it. */
static size_t add_encoded(char *file, size_t at, const char *encoding, const char *text) {
    iconv_t to = iconv_open(encoding, "UTF-8");
    ck_assert(to != (iconv_t)-1);
    char *in = (char *)(uintptr_t)text, *out = file + at;
    size_t n = strlen(text), room = 400;
    ck_assert_uint_eq(iconv(to, &in, &n, &out, &room), 0);
    iconv_close(to);
    return (size_t)(out - file);
}

START_TEST(rejects_and_errors_name_the_byte_of_the_file_where_characters_have_one_length_or_are_pairs) {
    static const struct {
        const char *name, *mark, *bad; /* bad: a unit that is no character */
        size_t n_mark, n_bad;
        const char *texts[4];
    } cases[] = {{"iso-8859-1", "", "", 0, 0, {"caf\xc3\xa9", "x", "\xc2\xa0", "\xc3\xbf"}},
                 {"windows-1252", "", "\x81", 0, 1, {"\xe2\x82\xac 5", "x", "\xc3\xa9", "\xe2\x80\x9cq\xe2\x80\x9d"}},
                 {"utf-16le", "", "\x00\xdc", 0, 2, {"\xf0\x9f\x98\x80", "x", "\xe2\x82\xac", "\xc3\xa9"}},
                 {"utf-16le", "\xff\xfe", "\x00\xdc", 2, 2, {"\xf0\x9f\x98\x80", "x", "\xe2\x82\xac", "\xc3\xa9"}},
                 {"utf-16be", "\xfe\xff", "\xdc\x00", 2, 2, {"\xf0\x9f\x98\x80", "x", "\xe2\x82\xac", "\xc3\xa9"}},
                 {"utf-32le", "\xff\xfe\0\0", "\x00\xdc\0\0", 4, 4, {"\xf0\x9f\x98\x80", "x", "\xe2\x82\xac", "\xc3\xa9"}}};
    static const int blocks[] = {64, 200, 1048576};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char *file = malloc(100000), *expected = malloc(100000), row[100], extra[300];
        ck_assert(file && expected);
        char *path = table_path("placed.csv");
        size_t n = cases[c].n_mark, to = 0;
        int64_t first = -1;
        memcpy(file, cases[c].mark, n);
        n = add_encoded(file, n, cases[c].name, "n,t\n");
        to += (size_t)sprintf(expected, "source:utf8 line:int64 column:utf8 byte_offset:int64 reason:utf8 raw:utf8\n");
        for (int i = 0; i < 300; i++) {
            const char *text = cases[c].texts[i % 4];
            snprintf(row, sizeof row, i % 7 == 5 ? "x,%s" : "1,%s", text);
            if (i % 7 == 5) {
                if (first < 0) first = (int64_t)n;
                to +=
                    (size_t)sprintf(expected + to, "'%s'|%d|'n'|%d|'expected int64, found 'x''|'%s'\n", path, i + 2, (int)n, row);
            }
            n = add_encoded(file, n, cases[c].name, row);
            if (i % 7 == 3) memcpy(file + n, cases[c].bad, cases[c].n_bad), n += cases[c].n_bad;
            n = add_encoded(file, n, cases[c].name, "\n");
        }
        free(path);
        path = table_file("placed.csv", file, n);
        for (int k = 0; k < 3 * N_TABLE_WORKERS; k++) {
            aip_context *ctx = table_context(table_workers[k / 3]);
            aip_dataset *d = NULL, *rejects = NULL;
            snprintf(extra, sizeof extra,
                     "\"encoding\": \"%s\", \"encoding_errors\": \"replace\", \"on_bad_row\": \"reject\", \"block_bytes\": %d, "
                     "\"types\": {\"n\": \"int64\"}",
                     cases[c].name, blocks[k % 3]);
            OK(table_read(ctx, path, extra, &d, &err));
            OK(aip_dataset_rejects(d, NULL, &rejects, &err));
            char *found = table_text(rejects);
            ck_assert_str_eq(found, expected);
            free(found);
            aip_dataset_free(rejects);
            aip_dataset_free(d);
            snprintf(extra, sizeof extra,
                     "\"encoding\": \"%s\", \"encoding_errors\": \"replace\", \"block_bytes\": %d, \"types\": {\"n\": \"int64\"}",
                     cases[c].name, blocks[k % 3]);
            aip_error *refused = NULL;
            OK(table_read(ctx, path, extra, &d, &err));
            ck_assert_int_eq(aip_dataset_collect(d, NULL, &rejects, &refused), AIP_E_DATA);
            ck_assert_int_eq(aip_error_offset(refused), first);
            aip_error_free(refused);
            aip_dataset_free(d);
            table_context_free(ctx);
        }
        free(path), free(file), free(expected);
    }
    table_files_remove();
}
END_TEST

/* Each row is rejected, in items of 65,536 rows. To count each offset from the item's start would be to look at 10^12 bytes: minutes, where the test
 * has two; counted on from row to row, it is part of a second. */
START_TEST(offsets_of_rejected_rows_take_time_by_the_bytes_of_an_item_not_by_their_square) {
    enum { ROWS = 200000, ROW = 200 };
    char *file = malloc((size_t)ROWS * ROW + 4), *path = NULL, expected[300];
    memcpy(file, "n,t\n", 4);
    for (size_t r = 0; r < ROWS; r++) {
        char *row = file + 4 + r * ROW;
        memset(row, 't', ROW);
        memcpy(row, "x,\xe9", 3); /* two bytes of UTF-8 */
        row[ROW - 1] = '\n';
    }
    path = table_file("square.csv", file, (size_t)ROWS * ROW + 4);
    aip_context *ctx = table_context_limited(0, 0);
    aip_dataset *d = NULL, *rejects = NULL;
    int64_t n = -1;
    OK(table_read(
        ctx, path,
        "\"encoding\": \"windows-1252\", \"types\": {\"n\": \"int64\"}, \"on_bad_row\": \"reject\", \"block_bytes\": 67108864",
        &d, &err));
    OK(aip_dataset_count(d, NULL, &n, &err));
    ck_assert_int_eq(n, 0);
    OK(aip_dataset_rejects(d, NULL, &rejects, &err));
    char *found = table_text(rejects);
    snprintf(expected, sizeof expected, "|%d|'n'|%lld|'expected int64", AIP__MAX_KEPT_REJECTS + 1,
             4 + (AIP__MAX_KEPT_REJECTS - 1LL) * ROW);
    ck_assert_msg(strstr(found, expected) != NULL, "expected%s", expected);
    free(found), free(file), free(path);
    aip_dataset_free(rejects);
    aip_dataset_free(d);
    table_context_free(ctx);
    table_files_remove();
}
END_TEST

Suite *encoding_suite(void) {
    const TTest *const tests[] = {text_of_any_encoding_is_read_as_utf8_whatever_the_size_of_a_read,
                                  a_long_text_is_the_same_in_every_encoding_that_can_hold_it,
                                  lines_that_end_in_cr_alone_do_so_in_any_encoding_whatever_the_size_of_a_read,
                                  a_letter_that_waits_for_its_mark_is_not_lost_at_the_end_or_before_a_byte_that_is_no_text,
                                  bytes_that_are_no_text_are_an_error_or_replaced_or_make_a_bad_row,
                                  the_first_bytes_tell_the_encoding,
                                  a_table_is_read_in_its_encoding_and_what_cannot_be_follows_the_policy,
                                  how_far_a_growing_file_is_whole_is_told_of_utf8_alone,
                                  rejects_and_errors_name_the_byte_of_the_file_where_characters_have_one_length_or_are_pairs,
                                  offsets_of_rejected_rows_take_time_by_the_bytes_of_an_item_not_by_their_square,
                                  NULL};
    return unit_suite("encoding", tests);
}
