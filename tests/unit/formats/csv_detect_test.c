/* Dialects that libcsv does not know, and finding out which dialect a file speaks. Expected tables are written by hand. */
#include "formats/csv/csv_detect.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- escapes, quotes that are not doubled, quotes that break the rules ------------------------------------------------------------------------ */

#define ESCAPE "\"escape\": \"\\\\\""

START_TEST(an_escape_makes_the_next_special_byte_data_in_quotes_and_outside) {
    table_check("a,b\n\"x \\\"y\\\"\",1\n", ESCAPE, "a:utf8 b:int64\n'x \"y\"'|1\n");
    table_check("a,b\nx\\,y,1\n", ESCAPE, "a:utf8 b:int64\n'x,y'|1\n");
    table_check("a,b\nx\\\ny,1\n", ESCAPE, "a:utf8 b:int64\n'x\ny'|1\n");
    table_check("a,b\nx\\\\,1\n", ESCAPE, "a:utf8 b:int64\n'x\\'|1\n");
    table_check("a,b\n8\\'9\\n,1\n", ESCAPE, "a:utf8 b:int64\n'8\\'9\\n'|1\n"); /* before any other byte it is data */
    table_check("a,b\n\"x\"\"y\",1\n", ESCAPE, "a:utf8 b:int64\n'x\"y'|1\n");   /* quotes may still be doubled */
    table_check("a\n\\#x\n#y\n", ESCAPE ", \"comment\": \"#\"", "a:utf8\n'#x'\n");
    table_check("a,b\nx\\", ESCAPE ", \"ragged\": \"pad\"", "a:utf8 b:utf8\n'x\\'|~\n"); /* nothing behind it */
    table_check("a\\,b,c\n1,2\n", ESCAPE, "a,b:int64 c:int64\n1|2\n");
    table_check("a,b\n\"x\\\"\n", "\"escape\": \"\\\"\", \"on_bad_row\": \"reject\", \"ragged\": \"pad\"",
                "a:utf8 b:utf8\n'x\\'|~\n"); /* the quote itself: doubling */
    table_check_fails("a\n1\n", "\"escape\": \",\"", AIP_E_PARAM, "escape and delimiter are both");
}
END_TEST

START_TEST(without_doubling_the_first_quote_ends_a_field) {
    table_check("a,b\n\"x\",1\n", "\"doubled_quote\": false", "a:utf8 b:int64\n'x'|1\n");
    table_check_fails("a,b\n\"x\"\"y\",1\n", "\"doubled_quote\": false", AIP_E_DATA, "a quoted field must end with a quote");
    table_check("a,b\n\"x\\\"\",1\n", ESCAPE ", \"doubled_quote\": false", "a:utf8 b:int64\n'x\"'|1\n");
}
END_TEST

#define REPAIR "\"quote_errors\": \"repair\""

START_TEST(broken_quotes_are_repaired_where_that_is_asked_for) {
    table_check("a,b\n\"x\"y\",1\n", REPAIR, "a:utf8 b:int64\n'x\"y'|1\n"); /* one inside that should be doubled */
    table_check("a,b\n\"\"x\",1\n", REPAIR, "a:utf8 b:int64\n'\"x'|1\n");   /* one too many at the start */
    table_check("a,b\n\"x,\"y\"\nz,\"w\"\n", REPAIR, "a:utf8 b:utf8\n'\"x'|'y'\n'z'|'w'\n"); /* an opening one that is none */
    table_check("a,b\nx,\"\n\"y\",z\n", REPAIR, "a:utf8 b:utf8\n'x'|'\"'\n'y'|'z'\n");       /* the same before a line end */
    table_check("a,b\nx,\"y\n1,2\n", REPAIR, "a:utf8 b:utf8\n'x'|'\"y'\n'1'|'2'\n");         /* never closed */
    table_check("\"a,\"b\"\n1,2\n", REPAIR, "\"a:int64 b:int64\n1|2\n");
    table_check("a,b\n\"x\ny\",\"p\"\"q\"\n", REPAIR, "a:utf8 b:utf8\n'x\ny'|'p\"q'\n"); /* what breaks no rule stays as it was */
}
END_TEST

/* Held against the scan that remembers nothing, over texts of all that quotes can do. */
START_TEST(what_is_remembered_of_open_quotes_changes_no_record_and_no_field) {
    static const char bytes[] = "\"\"\"\"x,\n\r";
    uint32_t state = 11;
    for (int round = 0; round < 200000; round++) {
        char text[48];
        size_t n = (size_t)round % (sizeof text - 1) + 1;
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = bytes[(state >> 16) % (sizeof bytes - 1)];
        }
        aip__csv_dialect plain = {.delimiter = ',', .quote = '"', .comment = -1, .lenient = true, .no_doubling = round % 7 == 0};
        plain.max_record = round % 3 == 0 ? 12 : 0;
        aip__csv_open open = {0};
        aip__csv_dialect remembers = plain;
        remembers.open = &open;
        aip__csv_record a = {0}, b = {0};
        const char *end = text + n;
        bool last = round % 2 == 0;
        for (const char *p = text; p < end && aip__csv_scan_record(&plain, p, end, last, &a); p = a.next) {
            ck_assert_msg(aip__csv_scan_record(&remembers, p, end, last, &b) && a.end == b.end && a.next == b.next
                              && a.kind == b.kind,
                          "'%.*s' from %td", (int)n, text, p - text);
            if (a.kind == AIP__CSV_SKIP) continue;
            aip__csv_general f, g;
            for (const char *at = p;; at = f.end + 1) {
                aip__csv_general_field(&plain, p, at, a.end, true, &f);
                aip__csv_general_field(&remembers, p, at, a.end, true, &g);
                ck_assert_msg(f.end == g.end && f.kind == g.kind, "'%.*s': field at %td", (int)n, text, at - text);
                if (f.end == a.end) break;
            }
        }
    }
}
END_TEST

/* Else a table of such records would be read in the square of its size. */
START_TEST(a_text_of_quotes_that_stay_open_is_looked_at_once) {
    static const char text[] = "1,\"\"a\"\" b,2\n3,\"\"c\"\" d,4\n5,\"\"e\"\" f,6\n";
    const char *end = text + sizeof text - 1;
    aip__csv_open open = {0};
    aip__csv_record r = {0};
    const aip__csv_dialect d = {.delimiter = ',', .quote = '"', .comment = -1, .lenient = true, .open = &open};
    for (const char *p = text; p < end; p = r.next) {
        ck_assert(aip__csv_scan_record(&d, p, end, true, &r));
        ck_assert_int_eq(r.next - p, 12);
        ck_assert_ptr_eq(open.from, strchr(text + 2, ',')); /* by the first record, for all */
        ck_assert_ptr_eq(open.to, end);
    }
}
END_TEST

/* ---- detection -------------------------------------------------------------------------------------------------------------------------------- */

#define ALL "\"detect\": \"all\""

START_TEST(another_delimiter_is_used_only_where_the_usual_one_does_not_split_the_header) {
    table_check("a;b\n1,5;2\n\"x;y\";3\n", NULL, "a:utf8 b:int64\n'1,5'|2\n'x;y'|3\n"); /* commas in cells */
    table_check("a;b\n1,5;2\n3\n", "\"ragged\": \"truncate\"", "a;b:int64\n1\n3\n");
    table_check("a\n1,5;2\n", "\"ragged\": \"truncate\"", "a:int64\n1\n");
    table_check("a;b\n1;2\n3;4\n", NULL, "a:int64 b:int64\n1|2\n3|4\n");
    table_check("a\tb\n1\t2\n", NULL, "a:int64 b:int64\n1|2\n");
    table_check("a|b\n\"x|y\"|2\n", NULL, "a:utf8 b:int64\n'x|y'|2\n");
    table_check("a;b\n1;2\n3;4\n", "\"detect\": \"none\"", "a;b:utf8\n'1;2'\n'3;4'\n");
    table_check("a;b\n1;2\n3;4\n", "\"delimiter\": \",\"", "a;b:utf8\n'1;2'\n'3;4'\n");
    table_check("a\nx;y\nz\n", NULL, "a:utf8\n'x;y'\n'z'\n");           /* not all records alike */
    table_check("a;b\n", NULL, "a;b:utf8\n");                           /* one record is no evidence */
    table_check("a;b,c\n1;2,3\n", NULL, "a;b:utf8 c:int64\n'1;2'|3\n"); /* a comma splits */
    table_check("a b\n1 2\n", NULL, "a b:utf8\n'1 2'\n");               /* blanks are no delimiter by themselves */
    table_check("# x\na;b\n1;2\n", "\"comment\": \"#\"", "a:int64 b:int64\n1|2\n");
}
END_TEST

START_TEST(all_of_a_dialect_is_found_out_where_it_is_asked_for) {
    table_check("a;b\n1,5;x\n2,25;y\n", ALL, "a:float64 b:utf8\n1.5|'x'\n2.25|'y'\n"); /* decimal comma */
    table_check("a b\n1 2\n3 4\n", ALL, "a:int64 b:int64\n1|2\n3|4\n");
    table_check("id,t\n1,'x, y'\n2,'z'\n3,'p, q'\n", ALL, "id:int64 t:utf8\n1|'x, y'\n2|'z'\n3|'p, q'\n");
    table_check("id,t\n1,\"x \\\"y\\\" z\"\n2,\"z\"\n3,\"a, \\\"b\\\", c\"\n", ALL,
                "id:int64 t:utf8\n1|'x \"y\" z'\n2|'z'\n3|'a, \"b\", c'\n");
    table_check("1,2013-01-01,x\n2,2013-01-02,y\n3,2013-01-03,z\n", ALL,
                "column_1:int64 column_2:date32 column_3:utf8\n1|2013-01-01|'x'\n2|2013-01-02|'y'\n3|2013-01-03|'z'\n");
    table_check("Report of May\n\nid,when,who\n1,2013-01-01,x\n2,2013-01-02,y\n", ALL,
                "id:int64 when:date32 who:utf8\n1|2013-01-01|'x'\n2|2013-01-02|'y'\n"); /* lines before the header */
    table_check("id,n\n# by hand\n1,2\n3,4\n", ALL, "id:int64 n:int64\n1|2\n3|4\n");
    table_check("#id,n\n1,2\n3,4\n", ALL, "#id:int64 n:int64\n1|2\n3|4\n"); /* a header that starts with # is no comment */
    table_check("caf\xe9;b\n1;2\n", ALL, "caf\xc3\xa9:int64 b:int64\n1|2\n");
    table_check("note\nSmith, John\nDoe, Jane and friends\nnobody\n", ALL,
                "note:utf8\n'Smith, John'\n'Doe, Jane and friends'\n'nobody'\n");
    table_check("text\n\"it's\n\nso d'you see?\"\nno, it isn't\nyes\nperhaps\n", ALL,
                "text:utf8\n'it's\n\nso d'you see?'\n'no, it isn't'\n'yes'\n'perhaps'\n");
    table_check("name,city\nAnn,Rome\nBob,Oslo\n", ALL,
                "name:utf8 city:utf8\n'Ann'|'Rome'\n'Bob'|'Oslo'\n"); /* text over text: a header */
    table_check("a,b\n1,2\n3,4\n", ALL, "a:int64 b:int64\n1|2\n3|4\n");
}
END_TEST

START_TEST(comments_do_not_hide_the_delimiter_of_a_few_rows) {
    table_check("# made by hand\n# twice, once wrongly\np;q\n# not this\n1;2\n# nor, this\n", ALL, "p:int64 q:int64\n1|2\n");
    table_check("k,v\n7,x\n# one, two\n8,y\n9,z\n", ALL, "k:int64 v:utf8\n7|'x'\n8|'y'\n9|'z'\n"); /* as wide as a row */
    table_check("t,n\n# x,1\n# y,2\n", ALL, "t:utf8 n:int64\n'# x'|1\n'# y'|2\n");                 /* all rows start so */
    table_check("# t,n\nx,1\ny,2\n", ALL, "# t:utf8 n:int64\n'x'|1\n'y'|2\n");
    table_check("#p;q\n1;2\n3;4\n", ALL, "#p:int64 q:int64\n1|2\n3|4\n");
}
END_TEST

START_TEST(a_quoted_cell_that_holds_the_delimiter_speaks_for_its_quotes) {
    table_check("'x;0';0,5\n'y;1';1,5\n", ALL, "column_1:utf8 column_2:float64\n'x;0'|0.5\n'y;1'|1.5\n");
    table_check("k;v\n'x;0';7\n'y;1';8\n", ALL, "k:utf8 v:int64\n'x;0'|7\n'y;1'|8\n");
}
END_TEST

START_TEST(quotes_mean_nothing_where_those_that_open_a_cell_do_not_close_it) {
    table_check("size\tname\n\"7\" of it\tp\n\"8\" more\tq\n9\tr\n", ALL,
                "size:utf8 name:utf8\n'\"7\" of it'|'p'\n'\"8\" more'|'q'\n'9'|'r'\n");
    table_check_fails("n\tt\n1\t\"p\"\n2\t\"q\"\n3\t\"r\" s\n", ALL, AIP_E_DATA, "a quoted field must end");
}
END_TEST

START_TEST(escapes_are_found_also_outside_of_quotes) {
    table_check("1|p\\|q|5\n2|r\\|s|6\n3|t|7\n", ALL,
                "column_1:int64 column_2:utf8 column_3:int64\n1|'p|q'|5\n2|'r|s'|6\n3|'t'|7\n");
}
END_TEST

START_TEST(a_column_of_times_is_not_split_at_what_stands_in_times) {
    table_check("at\n07:15\n08:30\n09:45\n", ALL, "at:utf8\n'07:15'\n'08:30'\n'09:45'\n");
    table_check("2021-05-06 07:08:09\n2021-05-06 07:08:10\n", ALL,
                "column_1:timestamp\n2021-05-06T07:08:09\n2021-05-06T07:08:10\n");
}
END_TEST

START_TEST(one_record_of_values_is_no_header) {
    table_check("7,Main Street\n", ALL, "column_1:int64 column_2:utf8\n7|'Main Street'\n");
    table_check("7\n", ALL, "column_1:int64\n7\n");
    table_check("Main Street,7,2020-01-02\n", ALL, "column_1:utf8 column_2:int64 column_3:date32\n'Main Street'|7|2020-01-02\n");
    table_check("id,2019,2020\n", ALL, "id:utf8 2019:utf8 2020:utf8\n");
    table_check("7,7\n8,9\n", ALL, "column_1:int64 column_2:int64\n7|7\n8|9\n");
    table_check("ok,ok\nok,ok\nno,ok\n", ALL, "column_1:utf8 column_2:utf8\n'ok'|'ok'\n'ok'|'ok'\n'no'|'ok'\n");
}
END_TEST

START_TEST(lines_before_a_small_table_do_not_hide_it) {
    table_check("a note\nand more, this one\nid,what,when\n7,p,2013-01-01\n", ALL,
                "id:int64 what:utf8 when:date32\n7|'p'|2013-01-01\n");
    table_check("Report\nid,what\n7,p,2013-01-01\n8,q,2013-01-02\n", ALL ", \"ragged\": \"pad\"",
                "id:int64 what:utf8 column_3:date32\n7|'p'|2013-01-01\n8|'q'|2013-01-02\n"); /* a header that is too short */
}
END_TEST

#define COMMA "\"decimal\": \",\""

START_TEST(a_delimiter_that_is_not_given_is_none_that_is_the_decimal_mark) {
    table_check("p;q\n1,5;2\n", COMMA, "p:float64 q:int64\n1.5|2\n");
    table_check("p\tq\n1,5\t2\n", COMMA, "p:float64 q:int64\n1.5|2\n");
    table_check("p;q\n1,5;2\n3\n", COMMA ", \"on_bad_row\": \"reject\"", "p:float64 q:int64\n1.5|2\n"); /* ragged */
    table_check("p\n1,5\n2,5\n", COMMA, "p:float64\n1.5\n2.5\n");
    table_check("p\n1,5\n2,5\n", COMMA ", " ALL, "p:float64\n1.5\n2.5\n");
    table_check("p;q\n1,5;2\n3,5;4\n", COMMA ", " ALL, "p:float64 q:int64\n1.5|2\n3.5|4\n");
    table_check_fails(
        "p,q\n\"1,5\",2\n", COMMA, AIP_E_PARAM,
        "decimal and delimiter are both \",\": give another delimiter; or, where \",\" is the delimiter, another decimal");
    table_check("p,q\n\"1,5\",2\n", "\"delimiter\": \",\", \"types\": {\"p\": \"utf8\"}",
                "p:utf8 q:int64\n'1,5'|2\n"); /* as it says */
    table_check_fails("p,q\n\"1,5\",2\n", COMMA ", " ALL, AIP_E_PARAM, "decimal and delimiter are both");
    table_check_fails("p;q\n1,5;2\n", COMMA ", \"detect\": \"none\"", AIP_E_PARAM, "decimal and delimiter are both");
    table_check_fails("p;q\n1,5;2\n", COMMA ", \"delimiter\": \",\"", AIP_E_PARAM,
                      "decimal and delimiter are both \",\": give another delimiter or decimal");
}
END_TEST

static void check_same_record(aip__detect_text *kept, const char *p, const char *text) {
    aip__detect_cell a[8] = {0}, b[8] = {0};
    aip__detect_record x, y;
    aip__detect_text fresh = {.dialect = kept->dialect, .end = kept->end, .whole = kept->whole};
    aip__detect_record_at(kept, p, a, 8, &x);
    aip__detect_record_at(&fresh, p, b, 8, &y);
    ck_assert_msg(x.next == y.next && x.n_cells == y.n_cells && x.n_broken == y.n_broken && x.complete == y.complete,
                  "'%s' from %td", text, p - text);
    for (int i = 0; i < 8; i++) ck_assert_msg(a[i].hash == b[i].hash && a[i].looks == b[i].looks, "'%s': cell %d", text, i);
}

/* Held against the look that remembers nothing. */
START_TEST(what_is_remembered_of_a_sample_changes_no_record_of_it) {
    static const char bytes[] = "\"\"\"\"\\x,,\n\r";
    uint32_t state = 5;
    for (int round = 0; round < 20000; round++) {
        char text[48] = "";
        size_t n = (size_t)round % (sizeof text - 2) + 1;
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = bytes[(state >> 16) % (sizeof bytes - 1)];
        }
        const aip__csv_dialect d = {
            .delimiter = ',', .quote = '"', .comment = -1, .escape = round % 3 ? 0 : '\\', .no_doubling = round % 5 == 0};
        aip__detect_text kept = {.dialect = &d, .end = text + n, .whole = round % 2 == 0};
        for (size_t i = 0; i < n; i++)
            if (i == 0 || text[i - 1] == '\n') check_same_record(&kept, text + i, text);
    }
}
END_TEST

/* Each of these opens a quote at every record that nothing closes: looked at anew each time they would take minutes. */
START_TEST(a_sample_of_quotes_that_stay_open_is_looked_at_once) {
    static const char *const lines[] = {"\"\"x,", "\"\"x\n", "\"x\"\"\n", "'\"\"x;''y\n", "\"\\\"x,\\\"\n"};
    const size_t n = (size_t)128 << 10;
    char *text = malloc(n);
    aip__detected found;
    ck_assert_ptr_nonnull(text);
    aip_context *ctx = table_context(0);
    const aip__csv_options o = {.ctx = ctx, .dialect = {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.'}};
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
        for (size_t i = 0; i < n; i++) text[i] = lines[k][i % strlen(lines[k])];
        char delimiter = 0;
        OK(aip__csv_detect(&o, text, n, true, &found, &err));
        OK(aip__csv_detect_delimiter(&o, text, n, true, &delimiter, &err));
        ck_assert_int_eq(delimiter, strchr(lines[k], ';') ? ';' : ',');
        ck_assert_int_gt(found.n_tried, 0);
    }
    aip__csv_dialect d = o.dialect;
    aip__detect_text t = {.dialect = &d, .end = text + n, .whole = true};
    aip__detect_record r;
    memset(text, 'x', n);
    memcpy(text, "\"\"y\n\"\"z\n", 8);
    aip__detect_record_at(&t, text, NULL, 0, &r);
    ck_assert_ptr_eq(t.from, text + 1);
    ck_assert_ptr_eq(t.to, text + n);
    ck_assert_ptr_eq(r.next, text + 4);
    free(text);
    table_context_free(ctx);
}
END_TEST

START_TEST(what_is_given_is_not_looked_for) {
    table_check("a;b\n1,5;x\n2,25;y\n", ALL ", \"decimal\": \".\", \"types\": {\"a\": \"utf8\"}",
                "a:utf8 b:utf8\n'1,5'|'x'\n'2,25'|'y'\n");
    table_check("1,x\n2,y\n", ALL ", \"header\": true", "1:int64 x:utf8\n2|'y'\n");
    table_check("1,x\n2,y\n", ALL ", \"names\": [\"n\", \"t\"], \"header\": false", "n:int64 t:utf8\n1|'x'\n2|'y'\n");
    table_check("a;b\n1;2\n", ALL ", \"delimiter\": \",\"", "a;b:utf8\n'1;2'\n");
    table_check("x\ny,z\n1,2\n", ALL ", \"skip_rows\": 1", "y:int64 z:int64\n1|2\n");
    table_check("x\ny,z\n1,2\n3,4\n", ALL ", \"skip_rows\": 1", "y:int64 z:int64\n1|2\n3|4\n");
    table_check("x\nx\nx\nx\ny,z\n1,2\n", ALL ", \"skip_rows\": 4", "y:int64 z:int64\n1|2\n"); /* more than follow */
}
END_TEST

START_TEST(names_say_how_many_columns_there_are_where_rows_may_be_ragged) {
    table_check("1,2\n3,4,5\n", "\"names\": [\"a\", \"b\", \"c\"], \"header\": false, \"ragged\": \"pad\"",
                "a:int64 b:int64 c:int64\n1|2|~\n3|4|5\n");
    table_check("1,2,3,4\n3,4\n", "\"names\": [\"a\", \"b\"], \"header\": false, \"ragged\": \"truncate\"",
                "a:int64 b:int64\n1|2\n3|4\n");
    table_check("\"x\"y,2\n3,4\n", "\"names\": [\"a\", \"b\"], \"header\": false, \"on_bad_row\": \"reject\"",
                "a:int64 b:int64\n3|4\n");
    table_check("a,b\n1,2,3\n4,5,6\n", ALL ", \"ragged\": \"pad\"",
                "a:int64 b:int64 column_3:int64\n1|2|3\n4|5|6\n"); /* a header too short */
}
END_TEST

START_TEST(numbers_dates_and_words_may_be_written_in_other_ways) {
    table_check("a,b\n\"1,234\",\"1,234.5\"\n5,-1\n", "\"thousands\": \",\"", "a:int64 b:float64\n1234|1234.5\n5|-1.0\n");
    table_check("a;b\n1.234.567;1.234,5\n", "\"delimiter\": \";\", \"thousands\": \".\", \"decimal\": \",\"",
                "a:int64 b:float64\n1234567|1234.5\n");
    table_check("a\n12,34\n", "\"thousands\": \",\", \"delimiter\": \";\"", "a:utf8\n'12,34'\n"); /* no groups of three */
    table_check("d,t\n31/01/2018,31/01/2018 10:30\n01/02/2018,2018-02-01 00:00\n",
                "\"date_formats\": [\"%d/%m/%Y\", \"%d/%m/%Y %H:%M\"]",
                "d:date32 t:timestamp\n2018-01-31|2018-01-31T10:30:00\n2018-02-01|2018-02-01T00:00:00\n");
    table_check("d\n31/13/2018\n", "\"date_formats\": \"%d/%m/%Y\"", "d:utf8\n'31/13/2018'\n");
    table_check("b,c\nyes,true\nno,x\n", "\"true_values\": \"yes\", \"false_values\": [\"no\"]",
                "b:bool c:utf8\ntrue|'true'\nfalse|'x'\n");
    table_check_fails("a\n1\n", "\"thousands\": \".\"", AIP_E_PARAM, "thousands and decimal are both");
    table_check_fails("a\n1\n", "\"date_formats\": \"dd/mm\"", AIP_E_PARAM, "expected a format such as %d/%m/%Y");
}
END_TEST

START_TEST(what_was_found_out_is_explained_with_the_options_that_say_it) {
    static const char dirty[] =
        "Report\n\nid;when;price\n1;2013-01-01;1,5\n2;x;2,25\n3;2013-01-03;\"c\"d\n4;2013-01-04;5\n5;2013-01-05;7,5;more\n";
    aip_context *ctx = table_context(0);
    char *path = table_file("dirty.csv", dirty, sizeof dirty - 1), params[4200], *json = NULL;
    snprintf(params, sizeof params, "{\"path\": \"%s\", \"detect\": \"all\"}", path);
    OK(aip_read_explain(ctx, params, &json, &err));
    static const char *const expected[] = {
        ("\"encoding\": \"utf-8\", \"line_end\": \"lf\", \"dialect\": {\"delimiter\": \";\", \"quote\": \"\\\"\", \"escape\": null, "
         "\"comment\": null, \"decimal\": \",\", \"header\": true, \"skip_rows\": 2}"),
        "{\"name\": \"id\", \"type\": \"int64\", \"because\": {\"line\": 4, \"text\": \"1\", \"before\": null}}",
        "{\"name\": \"when\", \"type\": \"utf8\", \"because\": {\"line\": 5, \"text\": \"x\", \"before\": \"date32\"}}",
        "\"sampled_rows\": 5",
        "{\"what\": \"rows with too many fields\", \"count\": 1, \"first_line\": 8}",
        "{\"what\": \"rows with broken quotes\", \"count\": 1, \"first_line\": 6}",
        "\"options\": {\"delimiter\": \";\", \"decimal\": \",\", \"skip_rows\": 2, \"quote_errors\": \"repair\", \"ragged\": \"truncate\"}}",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_msg(strstr(json, expected[i]) != NULL, "expected %s in %s", expected[i], json);
    aip_text_free(ctx, json);
    static const char nuls[] = "a,b\n1,\"x\0y\"\n2,\"\0\"\n3,z\n"; /* which are text in quotes */
    free(path);
    path = table_file("nuls.csv", nuls, sizeof nuls - 1);
    snprintf(params, sizeof params, "{\"path\": \"%s\"}", path);
    OK(aip_read_explain(ctx, params, &json, &err));
    ck_assert_ptr_null(strstr(json, "no text"));
    ck_assert_ptr_nonnull(strstr(json, "\"sampled_rows\": 3"));
    aip_text_free(ctx, json);
    FAILS(aip_read_explain(ctx, "{\"path\": \"no-such-file.csv\"}", &json, &err), AIP_E_NOT_FOUND, "no-such-file.csv");
    FAILS(aip_read_explain(ctx, "{\"path\": \"x.csv\", \"detekt\": \"all\"}", &json, &err), AIP_E_PARAM, "detect");
    FAILS(aip_read_explain(ctx, NULL, &json, &err), AIP_E_MISUSE, "must not be NULL");
    free(path);
    table_context_free(ctx);
}
END_TEST

START_TEST(columns_of_one_name_get_numbers_where_that_is_asked_for) {
#define NUMBER "\"duplicate_names\": \"number\""
    table_check_fails("a,b,a\n1,2,3\n", NULL, AIP_E_SCHEMA,
                      "column 'a' is there twice: names must differ; set duplicate_names: number");
    table_check("a,b,a,a\n1,2,3,4\n", NUMBER, "a:int64 b:int64 a_2:int64 a_3:int64\n1|2|3|4\n");
    table_check("a,a,a_2,a_2\n1,2,3,4\n", NUMBER, "a:int64 a_3:int64 a_2:int64 a_2_2:int64\n1|2|3|4\n");
    table_check("column_2,,b\n1,2,3\n", NUMBER, "column_2:int64 column_2_2:int64 b:int64\n1|2|3\n");
    table_check("a,b\n1,2\n", NUMBER, "a:int64 b:int64\n1|2\n");
}
END_TEST

static void check_is_named(const char *bytes, size_t n, const char *expected) {
    aip_context *ctx = table_context(0);
    char *path = table_file("other.csv", bytes, n);
    aip_dataset *d = NULL;
    FAILS(table_read(ctx, path, NULL, &d, &err), AIP_E_DATA, expected);
    free(path);
    table_context_free(ctx);
}

START_TEST(a_file_that_is_no_text_is_told_by_what_it_starts_with) {
#define IS(bytes, what) check_is_named(bytes, sizeof bytes - 1, what)
    IS("PK\003\004\024\0\0\0", "expected text, found a ZIP archive, as .xlsx");
    IS("SQLite format 3\0\020\0", "found a SQLite database");
    IS("\3757zXZ\0\0", "found xz: unpack it");
    IS("BZh91AY&SY\001\002", "found bzip2");
    IS("PAR1\025\004\025", "found a Parquet file");
    IS("Obj\001\004\026", "found an Avro file");
    IS("ORC\010\003", "found an ORC file");
    IS("%PDF-1.7\n\001\002", "found a PDF document");
    IS("x\001y\rz\n1\n", "found byte 0x01 at offset 1: is it compressed");
    table_check_fails("a,\"some text\001 and more\"x\n1,2\n", NULL, AIP_E_DATA, "header is malformed"); /* a byte that strayed */
    table_check("PAR1,ORC\n1,2\n", NULL, "PAR1:int64 ORC:int64\n1|2\n"); /* what could be text is read */
    table_check("BZh\n1\n", NULL, "BZh:int64\n1\n");
}
END_TEST

START_TEST(no_dialect_is_found_in_bytes_that_are_no_text) {
    char bytes[2000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (char)((x >> 24) | 1); /* no NUL, which would do by itself in the first record */
    }
    bytes[0] = 'a';
    bytes[1] = '\n';
    aip_context *ctx = table_context(0);
    char *path = table_file("noise.csv", bytes, sizeof bytes);
    aip_dataset *d = NULL;
    FAILS(table_read(ctx, path, ALL, &d, &err), AIP_E_DATA, "expected text, found control bytes such as 0x");
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = "1\0012\n"[i % 4]; /* text whose delimiter is a control byte */
    char *other = table_file("hive.csv", bytes, sizeof bytes);
    OK(table_read(ctx, other, ALL ", \"header\": false, \"delimiter\": \"\\u0001\"", &d, &err));
    aip_dataset_free(d);
    free(path);
    free(other);
    table_context_free(ctx);
}
END_TEST

START_TEST(lines_of_both_ends_are_parted_at_both_where_the_header_says_so) {
    table_check("a,b\r1,2\n3,4\r", ALL, "a:int64 b:int64\n1|2\n3|4\n");
    table_check("a,b\n1,x\ry\n", ALL, "a:int64 b:utf8\n1|'x\ry'\n"); /* elsewhere it is data */
    table_check_fails("a,b\r1,2\n3,4\r", NULL, AIP_E_DATA, "set line_end: cr");
}
END_TEST

START_TEST(one_column_that_others_would_split_is_not_read_in_silence) {
    static const char *const loud[] = {"p;q\n1;2\n3\n", "p;q\n"}, *const quiet[] = {"p\n1;2\n", "p q\n1\n"};
    for (int i = 0; i < 4; i++) {
        const char *text = i < 2 ? loud[i] : quiet[i - 2];
        aip_context *ctx = table_context(0);
        char *path = table_file(i < 2 ? "loud.csv" : "quiet.csv", text, strlen(text));
        aip_dataset *d = NULL;
        OK(table_read(ctx, path, NULL, &d, &err));
        bool said = strstr(table_log(), "whose name \";\" would split into 2") && strstr(table_log(), "loud.csv");
        ck_assert_msg(said == (i < 2), "%s: %s", text, table_log());
        aip_dataset_free(d);
        free(path);
        table_context_free(ctx);
    }
}
END_TEST

/* What aip_read_explain proposes, as members of JSON. free() it. */
static char *proposed_with(aip_context *ctx, const char *path, const char *more) {
    char params[4200], *json = NULL;
    snprintf(params, sizeof params, "{\"path\": \"%s\", \"detect\": \"all\"%s}", path, more);
    OK(aip_read_explain(ctx, params, &json, &err));
    static const char before[] = "\"options\": {";
    char *at = strstr(json, before);
    ck_assert_ptr_nonnull(at);
    at += sizeof before - 1;
    char *options = strndup(at, strlen(at) - 2); /* without the braces of both objects */
    aip_text_free(ctx, json);
    return options;
}

static char *proposed(aip_context *ctx, const char *path) { return proposed_with(ctx, path, ""); }

START_TEST(a_file_that_is_refused_is_read_with_the_options_that_are_proposed) {
    static const struct {
        const char *text, *rows;
    } files[] = {
        {"a,a\n1,2\n", "a:int64 a_2:int64\n1|2\n"},
        {"\"a\"b,c\n1,2\n", "\"a\"b:int64 c:int64\n1|2\n"},
        {"k,v\n1,\"x\"y\"\n2,z,\n", "k:int64 v:utf8\n1|'x\"y'\n2|'z'\n"}, /* a row too long behind a broken quote */
        {"k,v\n1,\"x\"y\n2\n3,4\n5,6\n7,8\n", "k:int64 v:utf8\n1|'\"x\"y'\n2|~\n3|'4'\n5|'6'\n7|'8'\n"},
        {"a,b\n1,2,3\n4,5,6\n", "a:int64 b:int64 column_3:int64\n1|2|3\n4|5|6\n"},
        {"a,b\r1,2\n3,4\r", "a:int64 b:int64\n1|2\n3|4\n"},
        {"p;q\n1;2\n3\n4;5\n6;7\n", "p:int64 q:int64\n1|2\n3|~\n4|5\n6|7\n"},
        {"caf\xe9,b\n1,2\n", "caf\xc3\xa9:int64 b:int64\n1|2\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        aip_context *ctx = table_context(0);
        char *path = table_file("refused.csv", files[i].text, strlen(files[i].text));
        aip_dataset *d = NULL;
        char *options = proposed(ctx, path);
        ck_assert_msg(*options, "nothing is proposed for %s", files[i].text);
        OK(table_read(ctx, path, options, &d, &err));
        char *rows = table_text(d);
        ck_assert_msg(strcmp(rows, files[i].rows) == 0, "%s read with %s is %s", files[i].text, options, rows);
        aip_dataset_free(d);
        free(rows), free(options), free(path);
        table_context_free(ctx);
    }
}
END_TEST

START_TEST(rows_behind_those_that_types_come_from_are_looked_at_for_faults) {
    const size_t size = 200000;
    char *text = malloc(size);
    size_t n = 0;
    ck_assert_ptr_nonnull(text);
    n += (size_t)snprintf(text, size, "a\n");
    for (int i = 0; i < 10000; i++) n += (size_t)snprintf(text + n, size - n, "%d\n", i);
    n += (size_t)snprintf(text + n, size - n, "x\n");
    aip_context *ctx = table_context(0);
    char *path = table_file("late.csv", text, n), *options = proposed(ctx, path);
    ck_assert_str_eq(options, "\"on_bad_row\": \"promote\"");
    aip_dataset *d = NULL;
    OK(table_read(ctx, path, options, &d, &err));
    ck_assert_int_eq(aip_schema_field(aip_dataset_schema(d), 0)->type, AIP_UTF8);
    aip_dataset_free(d);
    free(options), free(path), free(text);
    table_context_free(ctx);
}
END_TEST

/* As many rows of ASCII as hide the row behind them from those that the encoding is found out from; and what is proposed. free() it. */
static char *proposed_behind_ascii(const char *first, const char *last, const char *options, const char *rows_end) {
    const size_t size = 400000;
    char *text = malloc(size), *with = NULL;
    ck_assert_ptr_nonnull(text);
    size_t n = (size_t)snprintf(text, size, "a\n%s\n", first);
    for (int i = 0; i < 50000; i++) n += (size_t)snprintf(text + n, size - n, "plain\n");
    n += (size_t)snprintf(text + n, size - n, "%s\n", last);
    aip_context *ctx = table_context(0);
    char *path = table_file("late_encoding.csv", text, n);
    with = proposed_with(ctx, path, options);
    if (rows_end) {
        aip_dataset *d = NULL;
        OK(table_read(ctx, path, with, &d, &err));
        char *rows = table_text(d);
        size_t n_rows = strlen(rows), n_end = strlen(rows_end);
        ck_assert_msg(n_rows > n_end && strcmp(rows + n_rows - n_end, rows_end) == 0, "read with %s", with);
        aip_dataset_free(d);
        free(rows);
    }
    free(path), free(text);
    table_context_free(ctx);
    return with;
}

START_TEST(bytes_behind_the_first_that_are_no_utf8_ask_for_the_encoding_that_has_them) {
    static const struct {
        const char *first, *last, *given, *proposed, *rows_end;
    } files[] = {
        {"x", "Jos\xe9", "", "\"encoding\": \"windows-1252\"", "\n'plain'\n'Jos\xc3\xa9'\n"},
        {"x", "Jos\xe9", ", \"encoding\": \"auto\"", "\"encoding\": \"windows-1252\"", "\n'plain'\n'Jos\xc3\xa9'\n"},
        {"x", "Jos\xe9", ", \"encoding\": \"utf-8\"", "\"on_bad_row\": \"reject\"", NULL},
        {"caf\xc3\xa9", "Jos\xe9", "", "\"on_bad_row\": \"reject\"", NULL}, /* which would be another text in it */
        {"x", "J\x81s\xe9", "", "\"encoding\": \"windows-1252\", \"on_bad_row\": \"reject\"", NULL}, /* a byte that it has not */
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *options = proposed_behind_ascii(files[i].first, files[i].last, files[i].given, files[i].rows_end);
        ck_assert_str_eq(options, files[i].proposed);
        free(options);
    }
}
END_TEST

Suite *csv_detect_suite(void) {
    const TTest *const tests[] = {an_escape_makes_the_next_special_byte_data_in_quotes_and_outside,
                                  without_doubling_the_first_quote_ends_a_field,
                                  broken_quotes_are_repaired_where_that_is_asked_for,
                                  what_is_remembered_of_open_quotes_changes_no_record_and_no_field,
                                  a_text_of_quotes_that_stay_open_is_looked_at_once,
                                  another_delimiter_is_used_only_where_the_usual_one_does_not_split_the_header,
                                  all_of_a_dialect_is_found_out_where_it_is_asked_for,
                                  comments_do_not_hide_the_delimiter_of_a_few_rows,
                                  a_quoted_cell_that_holds_the_delimiter_speaks_for_its_quotes,
                                  quotes_mean_nothing_where_those_that_open_a_cell_do_not_close_it,
                                  escapes_are_found_also_outside_of_quotes,
                                  a_column_of_times_is_not_split_at_what_stands_in_times,
                                  one_record_of_values_is_no_header,
                                  lines_before_a_small_table_do_not_hide_it,
                                  a_delimiter_that_is_not_given_is_none_that_is_the_decimal_mark,
                                  what_is_remembered_of_a_sample_changes_no_record_of_it,
                                  a_sample_of_quotes_that_stay_open_is_looked_at_once,
                                  what_is_given_is_not_looked_for,
                                  names_say_how_many_columns_there_are_where_rows_may_be_ragged,
                                  numbers_dates_and_words_may_be_written_in_other_ways,
                                  what_was_found_out_is_explained_with_the_options_that_say_it,
                                  columns_of_one_name_get_numbers_where_that_is_asked_for,
                                  a_file_that_is_no_text_is_told_by_what_it_starts_with,
                                  no_dialect_is_found_in_bytes_that_are_no_text,
                                  lines_of_both_ends_are_parted_at_both_where_the_header_says_so,
                                  one_column_that_others_would_split_is_not_read_in_silence,
                                  a_file_that_is_refused_is_read_with_the_options_that_are_proposed,
                                  bytes_behind_the_first_that_are_no_utf8_ask_for_the_encoding_that_has_them,
                                  rows_behind_those_that_types_come_from_are_looked_at_for_faults,
                                  NULL};
    return unit_suite("csv_detect", tests);
}
