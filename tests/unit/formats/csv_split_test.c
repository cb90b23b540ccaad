/* The two ways through a record (split in place, libcsv) are one meaning, whatever the text and wherever it is cut: held over random CSV text against
 * libcsv for every record, and against a plain state machine written here from the dialect's definition. */
#include "formats/csv/csv.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_FIELDS 260 /* more than the random texts can have */

/* ---- the reference: one byte at a time ------------------------------------------------------------------------------------------------------ */

/* Rows as "field|field;" with ~ for a malformed record; quoted fields are marked by '. */
static void reference(const char *p, size_t n, FILE *out) {
    const char *end = p + n;
    while (p < end) {
        char row[4096];
        size_t at = 0, first = 0;
        bool bad = false, empty_line = true;
        for (;;) { /* a field */
            bool quoted = p < end && *p == '"';
            first = at;
            if (quoted) {
                empty_line = false;
                row[at++] = '\'';
                for (p++; p < end && !(*p == '"' && !(p + 1 < end && p[1] == '"')); p++) {
                    if (*p == '"') p++;
                    row[at++] = *p;
                }
                if (p == end) bad = true; /* never closed */
                if (p < end) p++;
                bool ends = p == end || *p == ',' || *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
                if (!ends) bad = true;
            }
            while (p < end && *p != ',' && *p != '\n') row[at++] = *p++;
            if (p == end || *p == '\n') break;
            row[at++] = '|';
            empty_line = false;
            p++;
        }
        if (at > first && row[at - 1] == '\r' && p[-1] == '\r') at--;
        if (at > 0) empty_line = false;
        if (p < end) p++;
        if (empty_line) continue;
        if (bad)
            fputs("~;", out);
        else
            fprintf(out, "%.*s;", (int)at, row);
    }
}

/* ---- what is tested ------------------------------------------------------------------------------------------------------------------------------ */

static void split_dialect(aip_context *ctx, const aip__csv_dialect *d, int32_t n_columns, const char *text, size_t n, FILE *out) {
    int32_t slot[MAX_FIELDS];
    for (int32_t i = 0; i < MAX_FIELDS; i++) slot[i] = i;
    aip__csv_splitter s;
    OK(aip__csv_split_begin(&s, ctx, d, n_columns, slot, n_columns, text, n, &err));
    s.pad = s.truncate = true;
    for (;;) {
        OK(aip__csv_split_next(&s, &err));
        if (s.block.n_rows == 0) break;
        for (int32_t r = 0; r < s.block.n_rows; r++) {
            const aip__csv_row *row = &s.block.rows[r];
            for (uint32_t f = 0; row->fault == AIP__ROW_GOOD && f < row->n_fields; f++) {
                ck_assert_uint_lt(f, (uint32_t)n_columns);
                const aip__csv_cell *c = &s.block.cells[(size_t)f * (size_t)s.block.max_rows + (size_t)r];
                if (f > 0) fputc('|', out);
                if (c->at & AIP__CSV_QUOTE_BIT) fputc('\'', out);
                fwrite(c->text, 1, c->n, out);
            }
            fputs(row->fault == AIP__ROW_GOOD ? ";" : "~;", out);
        }
    }
    aip__csv_split_end(&s);
}

static void split(aip_context *ctx, int32_t n_columns, const char *text, size_t n, bool only_libcsv, FILE *out) {
    aip__csv_dialect d = {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.', .only_libcsv = only_libcsv};
    split_dialect(ctx, &d, n_columns, text, n, out);
}

static uint32_t seed = 1;
static uint32_t draw(uint32_t n) { /* Marsaglia's xorshift32 */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* Text of the bytes that matter. */
static size_t random_text(char *out, size_t max) {
    static const char bytes[] = "a\"\"\",,\n\r\nb \"";
    size_t n = draw((uint32_t)max);
    for (size_t i = 0; i < n; i++) out[i] = bytes[draw(sizeof bytes - 1)];
    return n;
}

START_TEST(both_paths_and_the_definition_agree_on_random_text) {
    aip_context *ctx = table_context(0);
    char text[256 + 64];
    memset(text, 0, sizeof text);
    for (int round = 0; round < 40000; round++) {
        size_t n = random_text(text, round % 4 == 0 ? 256 : 24), sizes[3] = {0};
        char *found[3] = {NULL};
        FILE *f = open_memstream(&found[0], &sizes[0]);
        reference(text, n, f);
        fclose(f);
        for (int k = 1; k < 3; k++) {
            f = open_memstream(&found[k], &sizes[k]);
            split(ctx, MAX_FIELDS, text, n, k == 2, f);
            fclose(f);
            ck_assert_msg(sizes[k] == sizes[0] && memcmp(found[k], found[0], sizes[0]) == 0,
                          "round %d, path %d\ntext: [%.*s]\nfound: [%s]\nexpected: [%s]", round, k, (int)n, text, found[k],
                          found[0]);
        }
        for (int k = 0; k < 3; k++) free(found[k]);
    }
    table_context_free(ctx);
}
END_TEST

/* Wherever the data is cut off, a record is either found as in the whole text or more bytes are asked for. */
START_TEST(a_record_is_never_ended_by_where_the_buffer_ends) {
    static const aip__csv_dialect dialects[] = {
        {.delimiter = ',', .quote = '"', .comment = '#', .decimal = '.'},
        {.delimiter = ',', .quote = '"', .comment = '#', .decimal = '.', .escape = 'b'},
        {.delimiter = ',', .quote = '"', .comment = '#', .decimal = '.', .escape = 'b', .no_doubling = true},
        {.delimiter = ',', .quote = '"', .comment = '#', .decimal = '.', .lenient = true},
        {.delimiter = ',', .quote = '"', .comment = '#', .decimal = '.', .escape = 'b', .lenient = true},
    };
    char text[64 + 64];
    memset(text, 0, sizeof text);
    for (int round = 0; round < 200000; round++) {
        const aip__csv_dialect *d = &dialects[round % 5];
        size_t n = random_text(text, 40);
        aip__csv_record whole, part;
        if (n == 0) continue;
        if (draw(5) == 0) text[0] = '#';
        aip__csv_scan_record(d, text, text + n, true, &whole);
        ck_assert(!d->lenient || (whole.kind != AIP__CSV_MALFORMED && whole.kind != AIP__CSV_UNCLOSED));
        for (size_t cut = 1; cut < n; cut++) {
            if (!aip__csv_scan_record(d, text, text + cut, false, &part)) continue;
            ck_assert_ptr_eq(part.next, whole.next);
            ck_assert_ptr_eq(part.end, whole.end);
            ck_assert_int_eq(part.kind, whole.kind);
        }
    }
}
END_TEST

static void check_dialect(aip__csv_dialect d, const char *text, const char *expected) {
    aip_context *ctx = table_context(0);
    char padded[256] = {0}, *found = NULL;
    size_t size = 0;
    d.delimiter = ',';
    d.quote = '"';
    d.comment = '#';
    strcpy(padded, text);
    FILE *f = open_memstream(&found, &size);
    split_dialect(ctx, &d, 8, padded, strlen(text), f);
    fclose(f);
    ck_assert_msg(strcmp(found, expected) == 0, "[%s]: found [%s], expected [%s]", text, found, expected);
    free(found);
    table_context_free(ctx);
}

START_TEST(an_escape_makes_what_follows_data_and_is_dropped) {
    const aip__csv_dialect d = {.escape = '\\'}, single = {.escape = '\\', .no_doubling = true};
    check_dialect(d, "a\\,b,c\n", "a,b|c;");
    check_dialect(d, "a\\\nb,c\n", "a\nb|c;");
    check_dialect(d, "\"a\\\"b\",c\n", "'a\"b|c;");
    check_dialect(d, "\"a\"\"b\",c\n", "'a\"b|c;");
    check_dialect(d, "a\\\\,\"\\\\\"\n", "a\\|'\\;");
    check_dialect(d, "\\a,\"b\\c\"\n", "\\a|'b\\c;"); /* before any other byte it is data */
    check_dialect(d, "a\\", "a\\;");                  /* and at the end of the file */
    check_dialect(d, "\\#a,\\#b\n#c\n", "#a|\\#b;");  /* a comment character only at the start of a line */
    check_dialect(d, "\\\"a,b\n", "\"a|b;");
    check_dialect(d, "a,b\\\r\nc\r\n", "a|b\r;c;"); /* the CR is data, the LF ends the line */
    check_dialect(d, "\"a\"x,b\nc\n", "~;c;");
    check_dialect(single, "\"a\\\"b\",c\n", "'a\"b|c;");
    check_dialect(single, "\"\",c\n", "'|c;");
    check_dialect(single, "\"a\"\"b\",c\nd\n", "~;d;"); /* "" is no quote */
}
END_TEST

START_TEST(a_lenient_dialect_reads_every_record) {
    const aip__csv_dialect d = {.lenient = true}, escaped = {.lenient = true, .escape = '\\'};
    check_dialect(d, "a,\"b \"c\" d\",e\n", "a|'b \"c\" d|e;");
    check_dialect(d, "\"a,b\"c,d\n", "\"a|b\"c|d;");
    check_dialect(d, "\"a\nb\"c,d\n", "\"a;b\"c|d;");
    check_dialect(d, "1,\"abc\n2,d\n", "1|\"abc;2|d;");
    check_dialect(d, "\"a \"\"b\"\" c\",d\n", "'a \"b\" c|d;");
    check_dialect(d, "\"x\"y\",\"z\"\r\n", "'x\"y|'z;");
    check_dialect(escaped, "\"a\\\",\"b,c\n", "\"a\"|\"b|c;");
}
END_TEST

static void read_pieces(aip_context *ctx, const char *text, size_t n, size_t block_bytes, int64_t max_rows, FILE *out) {
    aip__csv_options o = {.ctx = ctx,
                          .dialect = {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.'},
                          .max_record_bytes = 1 << 24,
                          .block_bytes = block_bytes};
    const aip__text_options utf8 = {.encoding = "utf-8", .line_end = AIP__LINES_LF, .quote = '"'};
    aip__stream *stream = NULL;
    aip__text_stream *decoded = NULL;
    aip__csv_cutter c;
    OK(aip__stream_memory(ctx, text, n, &stream, &err));
    OK(aip__text_stream_open(ctx, stream, &utf8, &decoded, &err));
    aip__csv_cutter_init(&c, &o, decoded, "text");
    OK(aip__csv_cutter_start(&c, &err));
    int64_t offset = 0, line = 1;
    for (bool end = false; !end;) {
        aip__csv_piece p = {0};
        OK(aip__csv_cutter_next(&c, max_rows, &p, &end, &err));
        if (end) break;
        ck_assert_int_eq(p.offset, offset);
        ck_assert_int_eq(p.line, line);
        ck_assert_int_eq(memcmp(p.text, text + offset, p.n), 0);
        offset += (int64_t)p.n;
        line += (int64_t)aip__csv_count_lines(p.text, p.n);
        split(ctx, 3, p.text, p.n, false, out);
        aip__csv_piece_free(&p);
    }
    ck_assert_int_eq(offset, (int64_t)n);
    aip__csv_cutter_end(&c);
    aip__text_stream_close(decoded);
    aip__stream_close(stream);
}

START_TEST(items_are_the_text_cut_between_records_with_their_lines_and_offsets) {
    static const size_t blocks[] = {64, 100, 1000, 4096, 65536, 1 << 20};
    aip_context *ctx = table_context(0);
    for (int round = 0; round < 12; round++) { /* several buffers; with and without quotes; few and many rows to an item */
        size_t block_bytes = blocks[round / 2], n = 0, max = block_bytes < 4096 ? 200000 : 3000000, size = 0, expected_size = 0;
        char *text = calloc(1, max + 64), *found = NULL, *expected = NULL;
        ck_assert_ptr_nonnull(text);
        while (n + 5000 < max) {
            uint32_t kind = draw(1000);
            if (round % 2 == 0 || kind < 900) {
                n += (size_t)sprintf(text + n, "%u,%u,x%s\n", draw(1000), draw(10), kind % 2 ? "\r" : "");
            } else if (kind < 999) {
                n += (size_t)sprintf(text + n, "\"a\n%u\"\"\",,\"\n\"\n", draw(1000));
            } else {
                text[n++] = '"';
                memset(text + n, '\n', 4000);
                n += 4000;
                n += (size_t)sprintf(text + n, "\"\n");
            }
        }
        FILE *f = open_memstream(&found, &size), *g = open_memstream(&expected, &expected_size);
        read_pieces(ctx, text, n, block_bytes, round % 4 < 2 ? 100 : 65536, f);
        split(ctx, 3, text, n, false, g);
        fclose(f);
        fclose(g);
        ck_assert_uint_eq(size, expected_size);
        ck_assert_int_eq(memcmp(found, expected, size), 0);
        free(found);
        free(expected);
        free(text);
    }
    table_context_free(ctx);
}
END_TEST

START_TEST(blocks_grow_with_the_number_of_columns_only_where_their_bytes_are_not_said) {
    static const size_t said[] = {0, 64, 1 << 20, 4096};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const aip__csv_options o = {.block_bytes = said[i]};
        aip__csv_cutter c;
        aip__csv_cutter_init(&c, &o, NULL, "text");
        aip__csv_cutter_expect(&c, 512);
        ck_assert_uint_eq(c.block_bytes, said[i] > 0 ? said[i] : 1 << 20);
        aip__csv_cutter_expect(&c, 2000);
        ck_assert_uint_eq(c.block_bytes, said[i] > 0 ? said[i] : 4 << 20);
    }
}
END_TEST

/* Of a regular text; up to how many columns is what csv_regular.c says. */
START_TEST(pieces_have_marks_once_their_columns_are_known_to_be_few) {
    static const struct {
        int32_t n_columns; /* 0: not said */
        bool marked;
    } cases[] = {{0, false}, {3, true}, {AIP__CSV_MOST_MARKED, true}, {AIP__CSV_MOST_MARKED + 1, false}};
    static const char text[] = "1,2,x\n3,4,y\n5,6,z\n";
    const aip__text_options utf8 = {.encoding = "utf-8", .line_end = AIP__LINES_LF, .quote = '"'};
    aip_context *ctx = table_context(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const aip__csv_options o = {.ctx = ctx,
                                    .dialect = {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.'},
                                    .max_record_bytes = 1 << 20,
                                    .block_bytes = 64};
        aip__stream *stream = NULL;
        aip__text_stream *decoded = NULL;
        aip__csv_cutter c;
        OK(aip__stream_memory(ctx, text, sizeof text - 1, &stream, &err));
        OK(aip__text_stream_open(ctx, stream, &utf8, &decoded, &err));
        aip__csv_cutter_init(&c, &o, decoded, "text");
        if (cases[i].n_columns > 0) aip__csv_cutter_expect(&c, cases[i].n_columns);
        OK(aip__csv_cutter_start(&c, &err));
        for (int row = 0; row < 3; row++) {
            aip__csv_piece p = {0};
            bool end = false;
            OK(aip__csv_cutter_next(&c, 1, &p, &end, &err));
            ck_assert(!end && p.n == 6 && p.text[0] == "135"[row]);
            ck_assert_int_eq(p.marked != NULL, cases[i].marked);
            if (p.marked) ck_assert_uint_eq(p.marks.ends[0] & 63, 1 << 1 | 1 << 3 | 1 << 5);
            aip__csv_piece_free(&p);
        }
        aip__csv_cutter_end(&c);
        aip__text_stream_close(decoded);
        aip__stream_close(stream);
    }
    table_context_free(ctx);
}
END_TEST

Suite *csv_split_suite(void) {
    const TTest *const tests[] = {both_paths_and_the_definition_agree_on_random_text,
                                  a_record_is_never_ended_by_where_the_buffer_ends,
                                  an_escape_makes_what_follows_data_and_is_dropped,
                                  a_lenient_dialect_reads_every_record,
                                  items_are_the_text_cut_between_records_with_their_lines_and_offsets,
                                  blocks_grow_with_the_number_of_columns_only_where_their_bytes_are_not_said,
                                  pieces_have_marks_once_their_columns_are_known_to_be_few,
                                  NULL};
    return unit_suite("csv_split", tests);
}
