/* Reading CSV: what is a record, a field, a null, a type; what happens to what does not fit. Expected tables are written by hand. */
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define BOM "\xef\xbb\xbf"

/* ---- records and fields ------------------------------------------------------------------------------------------------------------------- */

START_TEST(fields_are_split_at_delimiters_and_records_at_line_feeds) {
    table_check("a,b\n1,x\n2,y\n", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    table_check("a,b\r\n1,x\r\n2,y\r\n", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    table_check("a,b\n1,x\n2,y", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n"); /* no line feed at the end */
    table_check("a,b\r\n1,x\r", NULL, "a:int64 b:utf8\n1|'x'\n");
    table_check(BOM "a\n1\n", NULL, "a:int64\n1\n");
    table_check(BOM "\"a\"\n1\n", NULL, "a:int64\n1\n");
    table_check("a\n1\n\n\r\n2\n", NULL, "a:int64\n1\n2\n"); /* empty lines are no records */
    table_check("a,b,c,d,e,f,g,h,i,j,k\n,,,,,,,,,,\n1,2,3,4,5,6,7,8,9,10,11\n", NULL,
                "a:int64 b:int64 c:int64 d:int64 e:int64 f:int64 g:int64 h:int64 i:int64 j:int64 k:int64\n~|~|~|~|~|~|~|~|~|~|~\n"
                "1|2|3|4|5|6|7|8|9|10|11\n");
}
END_TEST

START_TEST(quoted_fields_hold_delimiters_line_feeds_and_doubled_quotes) {
    table_check("a,b\n\"x,y\",\"p\nq\"\n\"say \"\"hi\"\"\",\"\"\"\"\n", NULL, "a:utf8 b:utf8\n'x,y'|'p\nq'\n'say \"hi\"'|'\"'\n");
    table_check("a,b\n\"x\r\ny\",1\r\n", NULL, "a:utf8 b:int64\n'x\r\ny'|1\n");
    table_check("\"a\",\"b\"\r\n\"1\",\"x\"\r\n", NULL, "a:int64 b:utf8\n1|'x'\n"); /* quotes do not make text of a number */
    table_check("a,b\n5\" pipe, \"x\"\n", NULL,
                "a:utf8 b:utf8\n'5\" pipe'|' \"x\"'\n");               /* quotes inside unquoted fields are data */
    table_check("a,b\n x ,y \n", NULL, "a:utf8 b:utf8\n' x '|'y '\n"); /* spaces are data */
    table_check("a,b\nx\ry,z\n", NULL, "a:utf8 b:utf8\n'x\ry'|'z'\n"); /* and so is a lone CR */
}
END_TEST

START_TEST(the_dialect_can_be_chosen) {
    table_check("a;b\n1,5;x\n", "\"delimiter\": \";\", \"decimal\": \",\"", "a:float64 b:utf8\n1.5|'x'\n");
    table_check("a\tb\n1\t'x\ty'\n", "\"delimiter\": \"\\t\", \"quote\": \"'\"", "a:int64 b:utf8\n1|'x\ty'\n");
    table_check("a,b\n\"x,1\n", "\"quote\": null", "a:utf8 b:int64\n'\"x'|1\n");
    table_check("# \"made\na,b\n#x,\"\n1,#2\n", "\"comment\": \"#\"", "a:int64 b:utf8\n1|'#2'\n");
    table_check("title\n\"more\na,b\n1,2\n", "\"skip_rows\": 2", "a:int64 b:int64\n1|2\n");
    table_check("1,x\n2,y\n", "\"header\": false", "column_1:int64 column_2:utf8\n1|'x'\n2|'y'\n");
    table_check("1,x\n", "\"header\": false, \"names\": [\"n\", \"t\"]", "n:int64 t:utf8\n1|'x'\n");
    table_check("a,b\n1,x\n", "\"names\": [\"n\", \"t\"]", "n:int64 t:utf8\n1|'x'\n");
    table_check(",b\n1,x\n", NULL, "column_1:int64 b:utf8\n1|'x'\n"); /* the unnamed index column that pandas writes */
    table_check_fails("a,b\n1,2\n", "\"names\": [\"n\"]", AIP_E_PARAM, "names has 1 name, but the file has 2 columns");
    table_check_fails("a,a\n1,2\n", NULL, AIP_E_SCHEMA, "'a'");
    table_check_fails("a,b\n1,2\n", "\"delimiter\": \";;\"", AIP_E_PARAM, "delimiter: expected one ASCII character");
    table_check_fails("a,b\n1,2\n", "\"decimal\": \",\"", AIP_E_PARAM, "decimal and delimiter are both");
}
END_TEST

START_TEST(files_without_rows_have_a_schema_and_files_without_header_do_not) {
    table_check("a,b\n", NULL, "a:utf8 b:utf8\n");
    table_check("a,b", NULL, "a:utf8 b:utf8\n");
    table_check("", "\"names\": [\"a\"]", "a:utf8\n");
    table_check_fails("", NULL, AIP_E_DATA, "file is empty");
    table_check_fails("\n\n\r\n", NULL, AIP_E_DATA, "check.csv: file is empty but for blank lines: expected a header");
    table_check_fails("# x\n\n", "\"comment\": \"#\"", AIP_E_DATA, "check.csv: file is empty but for blank and skipped lines");
    table_check_fails(BOM, NULL, AIP_E_DATA, "check.csv: file is empty: expected a header");
    table_check_fails("", "\"header\": false", AIP_E_DATA, "file is empty");
}
END_TEST

/* ---- nulls and types ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(null_markers_are_null_and_quoted_ones_only_where_they_cannot_be_text) {
    table_check("n,t\n1,x\n,\nNA,NA\nnull,NULL\n", NULL, "n:int64 t:utf8\n1|'x'\n~|~\n~|~\n~|~\n");
    table_check("n,t\n\"1\",\"x\"\n\"\",\"\"\n\"NA\",\"NA\"\n", NULL, "n:int64 t:utf8\n1|'x'\n~|''\n~|'NA'\n");
    table_check("n,t\n\"1\",\"x\"\n\"\",\"\"\n", "\"quoted_null\": true", "n:int64 t:utf8\n1|'x'\n~|~\n");
    table_check("n,t\n1,NA\n-,x\n", "\"null_values\": \"-\"", "n:int64 t:utf8\n1|'NA'\n~|'x'\n");
    table_check("t,u\n,x\n", "\"null_values\": []", "t:utf8 u:utf8\n''|'x'\n");
    table_check("a,b\nNA,1\n,2\n", NULL, "a:utf8 b:int64\n~|1\n~|2\n"); /* nothing but nulls */
}
END_TEST

START_TEST(types_are_the_join_of_what_the_sample_holds) {
    table_check("a,b,c,d\n1,1,true,x\n2.5,-3,False,1\n", NULL,
                "a:float64 b:int64 c:bool d:utf8\n1.0|1|true|'x'\n2.5|-3|false|'1'\n");
    table_check("d,t,u\n2013-01-01,2013-01-01 05:00,2013-01-01T05:00:00Z\n2013-02-28,2013-01-02,2013-01-01T05:00:00+01:00\n",
                NULL,
                "d:date32 t:timestamp u:timestamp\n2013-01-01|2013-01-01T05:00:00|2013-01-01T05:00:00Z\n"
                "2013-02-28|2013-01-02T00:00:00|2013-01-01T04:00:00Z\n");
    table_check("t\n2013-01-01T05:00:00Z\n2013-01-01T05:00:00\n", NULL,
                "t:utf8\n'2013-01-01T05:00:00Z'\n'2013-01-01T05:00:00'\n"); /* with and without an offset: no one time */
    table_check("a\n1\nx\n", NULL, "a:utf8\n'1'\n'x'\n");
    table_check("a\n99999999999999999999\n1\n", NULL, "a:float64\n1e+20\n1.0\n");
}
END_TEST

START_TEST(a_type_that_only_shows_after_the_sample_is_an_error_unless_all_rows_are_looked_at) {
    aip_context *ctx = table_context(2);
    size_t n = 0, size = 200000;
    char *text = malloc(size), message[200];
    ck_assert_ptr_nonnull(text);
    n += (size_t)snprintf(text, size, "a\n");
    for (int i = 0; i < 10000; i++) n += (size_t)snprintf(text + n, size - n, "%d\n", i);
    n += (size_t)snprintf(text + n, size - n, "1.5\n");
    char *path = table_file("late.csv", text, n);
    aip_dataset *d = NULL;
    int64_t count = 0;
    OK(table_read(ctx, path, NULL, &d, &err));
    snprintf(message, sizeof message,
             "late.csv:10002:1: column 'a': expected int64, found '1.5' (set types: {a: float64}, a larger infer_rows");
    FAILS(aip_dataset_count(d, NULL, &count, &err), AIP_E_DATA, message);
    aip_dataset_free(d);
    OK(table_read(ctx, path, "\"infer_rows\": null", &d, &err));
    ck_assert_int_eq(aip_schema_field(aip_dataset_schema(d), 0)->type, AIP_FLOAT64);
    OK(aip_dataset_count(d, NULL, &count, &err));
    ck_assert_int_eq(count, 10001);
    aip_dataset_free(d);
    free(path), free(text);
    table_context_free(ctx);
}
END_TEST

START_TEST(types_can_be_said) {
    table_check("zip,n,p,t\n01234,7,1.5,2013-01-01T00:00:00Z\n",
                "\"types\": {\"zip\": \"utf8\", \"n\": \"int32\", \"p\": \"decimal64(2)\", \"t\": \"timestamp[UTC]\"}",
                "zip:utf8 n:int32 p:decimal64 t:timestamp\n'01234'|7|1.50|2013-01-01T00:00:00Z\n");
    table_check("a\n1\n", "\"types\": {\"a\": \"float32\"}", "a:float32\n1.0\n");
    table_check_fails("p\n1\n", "\"types\": {\"p\": \"decimal64(19)\"}", AIP_E_PARAM, "decimal64(SCALE), found 'decimal64(19)'");
    table_check_fails("age\n1\n", "\"types\": {\"aeg\": \"utf8\"}", AIP_E_SCHEMA, "did you mean 'age'?");
    table_check_fails("age\n1\n", "\"types\": {\"age\": \"integer\"}", AIP_E_PARAM, "expected one of bool, int32");
}
END_TEST

START_TEST(columns_are_chosen_and_renamed) {
    table_check("a,b,c\n1,x,2.5\n", "\"columns\": [\"c\", \"a\"]", "c:float64 a:int64\n2.5|1\n");
    table_check("a,b,c\n1,x,2.5\n", "\"columns\": {\"c\": \"z\", \"a\": \"a\"}", "z:float64 a:int64\n2.5|1\n");
    table_check("a,b\n1,x\n2\n", "\"columns\": [\"a\"], \"ragged\": \"pad\"", "a:int64\n1\n2\n");
    table_check_fails("age,b\n1,x\n", "\"columns\": [\"agee\"]", AIP_E_SCHEMA, "did you mean 'age'?");
    table_check_fails("a,b\n1,x\n", "\"columns\": [\"a\", \"a\"]", AIP_E_SCHEMA, "'a'");
    table_check_fails("a,b\n1,x\n", "\"columns\": 3", AIP_E_PARAM, "expected a list of names or a map");
}
END_TEST

/* ---- what does not fit ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_bad_cell_is_an_error_with_place_column_expectation_and_way_out) {
    table_check_fails("name,age\na,1\nb,abc\n", "\"infer_rows\": 1", AIP_E_DATA,
                      "check.csv:3:3: column 'age': expected int64, found 'abc' (set types: {age: utf8}");
    table_check_fails("name,age\na,1\nb,1.5\n", "\"infer_rows\": 1", AIP_E_DATA,
                      "expected int64, found '1.5' (set types: {age: float64}");
    /* Lines are lines of the file, also behind line feeds in quotes and empty lines; columns are bytes of the line. */
    table_check_fails("name,age\n\"a\nb\",1\n\n\"c\nd\",\"\"\n\"x\ny\",oops\n", "\"infer_rows\": 1", AIP_E_DATA,
                      "check.csv:8:4: column 'age'");
    /* The first bad cell in reading order, whatever the order of columns asked for. */
    table_check_fails("a,b\n1,1\n2,x\ny,3\n", "\"infer_rows\": 1, \"columns\": [\"b\", \"a\"]", AIP_E_DATA,
                      "check.csv:3:3: column 'b'");
}
END_TEST

START_TEST(a_row_of_the_wrong_shape_is_an_error_unless_padded_or_cut) {
    table_check_fails("a,b\n1,2\n3\n", NULL, AIP_E_DATA, "check.csv:3:1: expected 2 columns, found 1 (set ragged: pad");
    table_check_fails("a,b\n1,2\n3,4,5\n", NULL, AIP_E_DATA, "check.csv:3:1: expected 2 columns, found 3 (set ragged: truncate");
    table_check_fails(
        "\n\na\n1\n2,3\n", "\"delimiter\": \",\"", AIP_E_DATA,
        "check.csv:5:1: expected 1 column, found 2 (is the header in line 3 right? aipipe inspect shows the dialect; or set ragged");
    table_check_fails("1\n2,3\n", "\"delimiter\": \",\", \"header\": false", AIP_E_DATA,
                      "check.csv:2:1: expected 1 column, found 2 (is the delimiter right? aipipe inspect");
    table_check("a,b\n1,2\n3\n\"4\"\n", "\"ragged\": \"pad\"", "a:int64 b:int64\n1|2\n3|~\n4|~\n");
    table_check_fails("a,b\n1,2\n3,4,5\n", "\"ragged\": \"pad\"", AIP_E_DATA, "found 3");
    table_check("a,b\n1,2\n3\n4,5,6\n\"7\",\"8\",\"9\"\n", "\"ragged\": \"truncate\"", "a:int64 b:int64\n1|2\n3|~\n4|5\n7|8\n");
    table_check("a,b\n1,2\n3\n", "\"ragged\": \"pad\", \"null_values\": []", "a:int64 b:int64\n1|2\n3|~\n");
}
END_TEST

START_TEST(a_header_of_too_many_columns_is_an_error_in_its_line) {
    char *text = malloc(100000 + 8);
    ck_assert_ptr_nonnull(text);
    memset(text, ',', 100000);
    strcpy(text + 100000, "\n1\n");
    table_check_fails(text, "\"delimiter\": \",\"", AIP_E_DATA, "check.csv:1: 100001 columns: at most 100000 are read");
    free(text);
}
END_TEST

START_TEST(broken_quotes_are_errors_that_say_where) {
    table_check_fails("a,b\n1,\"x\"y\n2,z\n", NULL, AIP_E_DATA,
                      "check.csv:2:1: a quoted field must end with a quote and the delimiter");
    table_check_fails(
        "a,b\n1,\"x\n2,y\n3,z\n", NULL, AIP_E_DATA,
        "check.csv:2:1: a quote that opens in this record is never closed: the record spans 3 lines (set quote: null");
    table_check_fails("a,b\n1,\"x\n", NULL, AIP_E_DATA, "is never closed (set quote: null");
    table_check_fails("\"a\"x,b\n1,2\n", NULL, AIP_E_DATA, "header is malformed");
    table_check_fails("a,b\n1,\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n",
                      "\"max_record_bytes\": 64", AIP_E_DATA, "check.csv:2");
    table_check_fails("a,b\n1,\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n2,y\n",
                      "\"max_record_bytes\": 64", AIP_E_DATA,
                      "set quote_errors: repair, or quote: null where quotes mean nothing");
    /* The damage ends with the line. */
    table_check("a,b\n1,\"x\"y\n2,z\n", "\"on_bad_row\": \"reject\"", "a:int64 b:utf8\n2|'z'\n");
}
END_TEST

static int32_t ignore_batch(void *user, aip_batch *b, aip_error **error) {
    (void)user, (void)b, (void)error;
    return AIP_OK;
}

START_TEST(text_that_is_not_utf8_is_a_bad_cell) {
    table_check_fails(
        "a,b\n1,caf\xe9\n", NULL, AIP_E_DATA,
        "check.csv:2:3: column 'b': expected UTF-8 text, found 'caf?' (set encoding: windows-1252 or auto, or on_bad_row: reject");
    table_check("a,b\n1,caf\xe9\n", "\"encoding\": \"windows-1252\"", "a:int64 b:utf8\n1|'caf\xc3\xa9'\n"); /* as it says */
    table_check("a,b\n1,caf\xe9\n", "\"encoding\": \"auto\"", "a:int64 b:utf8\n1|'caf\xc3\xa9'\n");
    table_check("a,b\n1,caf\xc3\xa9\n", NULL, "a:int64 b:utf8\n1|'caf\xc3\xa9'\n");
    table_check("a,b\n1,caf\xe9\n2,x\n", "\"on_bad_row\": \"null\"", "a:int64 b:utf8\n1|~\n2|'x'\n");
    table_check("a,b\n1,caf\xe9\n2,x\n", "\"columns\": [\"a\"]", "a:int64\n1\n2\n"); /* what is not read is not judged */
    table_check_fails("a,caf\xe9\n1,2\n", NULL, AIP_E_DATA, "name of column 2 is not valid UTF-8 text");
    table_check_fails("a,caf\xe9\n1,2\n", NULL, AIP_E_DATA, "(set encoding: windows-1252 or auto)");
    table_check_fails("a,b\n1,x\x81\n", "\"encoding\": \"windows-1252\"", AIP_E_DATA,
                      "(set another encoding, or encoding_errors: replace, or on_bad_row: reject or null)");
}
END_TEST

START_TEST(an_encoding_that_was_looked_for_is_not_advised) {
    const size_t size = 400000;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    size_t n = (size_t)snprintf(text, size, "a\n");
    for (int i = 0; i < 50000; i++) n += (size_t)snprintf(text + n, size - n, "plain\n");
    snprintf(text + n, size - n, "Jos\xe9\n");
    const char *expected = "expected UTF-8 text, found 'Jos?' (set encoding: windows-1252, or on_bad_row: reject or null)";
    table_check_fails(text, "\"encoding\": \"auto\"", AIP_E_DATA, expected);
    table_check_fails(text, "\"detect\": \"all\"", AIP_E_DATA, expected);
    free(text);
}
END_TEST

/* As table_check and table_check_fails, of bytes that hold NULs. */
static int32_t read_bytes(aip_context *ctx, const char *path, aip_error **error) {
    aip_dataset *d = NULL;
    int32_t status = table_read(ctx, path, NULL, &d, error);
    if (status == AIP_OK) status = aip_dataset_each(d, NULL, ignore_batch, NULL, NULL, error);
    aip_dataset_free(d);
    return status;
}

static void check_bytes_fail(const char *bytes, size_t n, const char *expected) {
    aip_context *ctx = table_context(1);
    char *path = table_file("bytes.csv", bytes, n);
    FAILS(read_bytes(ctx, path, &err), AIP_E_DATA, expected);
    free(path);
    table_context_free(ctx);
}

static void check_bytes(const char *bytes, size_t n, const char *extra, const char *expected) {
    aip_context *ctx = table_context(1);
    char *path = table_file("bytes.csv", bytes, n);
    aip_dataset *d = NULL;
    OK(table_read(ctx, path, extra, &d, &err));
    char *text = table_text(d);
    ck_assert_str_eq(text, expected);
    free(text), free(path);
    aip_dataset_free(d);
    table_context_free(ctx);
}
#define BYTES(s) s, sizeof s - 1

START_TEST(a_nul_byte_outside_of_quotes_is_a_bad_cell_and_in_a_name_an_error) {
    static const char nul[] = "a,b\n1,x\0y\n2,z\n";
    check_bytes_fail(BYTES(nul), "bytes.csv:2:3: column 'b': expected text, found a NUL byte in 'x?y'");
    check_bytes(BYTES(nul), "\"on_bad_row\": \"null\"", "a:int64 b:utf8\n1|~\n2|'z'\n");
    check_bytes(BYTES(nul), "\"on_bad_row\": \"reject\"", "a:int64 b:utf8\n2|'z'\n");
    check_bytes(BYTES(nul), "\"columns\": [\"a\"]", "a:int64\n1\n2\n");
    check_bytes_fail(BYTES("a\0,b\n1,2\n"), "bytes.csv:1: expected text with column names, found byte 0x00 at offset 1");
}
END_TEST

/* In a run of regular rows, in a record for libcsv, in one of a lenient dialect, and in a dictionary; not where a quote starts no field. */
START_TEST(a_nul_byte_in_quotes_is_text) {
    static const char nul[] = "a,b\n1,\"x\0y\"\n2,\"\0\"\n3,\"\"\"\0\"\n";
    static const char expected[] = "a:int64 b:utf8\n1|'x\\0y'\n2|'\\0'\n3|'\"\\0'\n";
    static const char records[] = "a,b\n1,\"\0\"\n\n4,x\"y\0\n5\n";
    check_bytes(BYTES(nul), NULL, expected);
    check_bytes(BYTES(nul), "\"quote_errors\": \"repair\"", expected);
    check_bytes(BYTES(nul), "\"detect\": \"all\"", expected);
    check_bytes(BYTES(nul), "\"types\": {\"b\": \"dictionary\"}", "a:int64 b:dictionary\n1|'x\\0y'\n2|'\\0'\n3|'\"\\0'\n");
    check_bytes(BYTES(records), "\"on_bad_row\": \"reject\"", "a:int64 b:utf8\n1|'\\0'\n");
    check_bytes_fail(BYTES("a,b\n1,\"x\0\n"), "a quote that opens in this record is never closed");
    check_bytes_fail(BYTES("\"a\0\",b\n1,2\n"), "expected text with column names, found byte 0x00 at offset 2");
    check_bytes_fail(BYTES("\"\0a\0\"\0,\0b\0\n\0\"\0x\0\"\0,\0y\0\n"), "UTF-16 (set encoding: auto)");
}
END_TEST

START_TEST(a_file_of_rejects_whose_raw_text_holds_nuls_is_read_again) {
    static const char nul[] = "a,b\n1,x\0y\n2,\0\0\0\0\n3,z\n";
    aip_context *ctx = table_context(2);
    char *path = table_file("nuls.csv", BYTES(nul)), *to = table_path("nul-rejects.csv"), extra[300];
    aip_dataset *d = NULL, *rejects = NULL, *again = NULL;
    snprintf(extra, sizeof extra, "\"on_bad_row\": \"reject\", \"rejects\": \"%s\"", to);
    OK(table_read(ctx, path, extra, &d, &err));
    char *text = table_text(d);
    ck_assert_str_eq(text, "a:int64 b:utf8\n3|'z'\n");
    free(text);
    OK(aip_dataset_rejects(d, NULL, &rejects, &err));
    for (int all = 0; all < 2; all++) {
        OK(table_read(ctx, to, all ? "\"columns\": [\"raw\"], \"detect\": \"all\"" : "\"columns\": [\"raw\"]", &again, &err));
        text = table_text(again);
        ck_assert_str_eq(text, "raw:utf8\n'1,x\\0y'\n'2,\\0\\0\\0\\0'\n");
        free(text);
        aip_dataset_free(again);
    }
    free(path), free(to);
    aip_dataset_free(rejects);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(a_byte_order_mark_says_that_a_file_is_utf16) {
    static const char little[] = {'\xff', '\xfe', 'a', 0, '\n', 0, '1', 0}, big[] = {'\xfe', '\xff', 0, 'a', 0, '\n', 0, '1'};
    check_bytes(little, sizeof little, NULL, "a:int64\n1\n");
    check_bytes(big, sizeof big, NULL, "a:int64\n1\n");
}
END_TEST

START_TEST(lines_may_end_in_carriage_returns_alone) {
    table_check("x,y\r1,2\r3,4\r", NULL, "x:int64 y:int64\n1|2\n3|4\n");
    table_check("x,y\r1,\"p\rq\"\r", NULL, "x:int64 y:utf8\n1|'p\nq'\n");
    table_check("x,y\r1,2\r", "\"line_end\": \"cr\"", "x:int64 y:int64\n1|2\n");
    table_check_fails("x,y\r1,2\r", "\"line_end\": \"lf\"", AIP_E_DATA,
                      "check.csv:1: the header holds a carriage return (CR) without a line feed");
    table_check_fails("\"x\",\"y\"\r\"1\",\"2\"\n", NULL, AIP_E_DATA, "(CR) without a line feed"); /* an LF: no such file */
    table_check_fails("x,y\r\r\n1,2\r\r\n", NULL, AIP_E_DATA, "(CR) without a line feed");
    table_check("\"x\ry\",z\r\n1,2\r\n", NULL, "x\ry:int64 z:int64\n1|2\n"); /* quoted: part of the name */
    table_check("\"x\ry\"", NULL, "x\ry:utf8\n");
}
END_TEST

static const char dirty[] = "name,age\na,1\nb,old\nc\n\"d\"d,4\ne,5,6\nf,7\n";

START_TEST(rejected_rows_are_in_the_rejects_table_with_place_and_reason) {
    aip_context *ctx = table_context(2);
    char *path = table_file("dirty.csv", dirty, sizeof dirty - 1);
    aip_dataset *d = NULL, *rejects = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(table_read(ctx, path, "\"on_bad_row\": \"reject\", \"infer_rows\": 1", &d, &err));
    char *text = table_text(d);
    ck_assert_str_eq(text, "name:utf8 age:int64\n'a'|1\n'f'|7\n");
    free(text);
    OK(aip_dataset_rejects(d, NULL, &rejects, &err));
    text = table_text(rejects);
    char expected[2048];
    snprintf(
        expected, sizeof expected,
        "source:utf8 line:int64 column:utf8 byte_offset:int64 reason:utf8 raw:utf8\n"
        "'%s'|3|'age'|13|'expected int64, found 'old''|'b,old'\n"
        "'%s'|4|~|19|'expected 2 columns, found 1'|'c'\n"
        "'%s'|5|~|21|'a quoted field must end with a quote and the delimiter; a quote inside it must be doubled'|'\"d\"d,4'\n"
        "'%s'|6|~|28|'expected 2 columns, found 3'|'e,5,6'\n",
        path, path, path, path);
    ck_assert_str_eq(text, expected);
    free(text);
    char *copy = table_path("copy.csv");
    char json[600];
    snprintf(json, sizeof json, "{\"path\": \"%s\"}", copy);
    OK(aip_dataset_write(d, json, NULL, &counts, &err));
    ck_assert_int_eq(counts.rows_in, 6);
    ck_assert_int_eq(counts.rows_out, 2);
    ck_assert_int_eq(counts.rows_rejected, 4);
    ck_assert_ptr_nonnull(strstr(table_log(), "4 of 6 rows were rejected"));
    free(copy);
    free(path);
    aip_dataset_free(rejects);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(max_rejects_is_a_count_or_below_one_a_fraction) {
    const char *four = "\"on_bad_row\": \"reject\", \"infer_rows\": 1, \"max_rejects\": 4";
    const char *three = "\"on_bad_row\": \"reject\", \"infer_rows\": 1, \"max_rejects\": 3";
    const char *none = "\"on_bad_row\": \"reject\", \"infer_rows\": 1, \"max_rejects\": 0";
    const char *most = "\"on_bad_row\": \"reject\", \"infer_rows\": 1, \"max_rejects\": 0.67";
    const char *half = "\"on_bad_row\": \"reject\", \"infer_rows\": 1, \"max_rejects\": 0.5";
    table_check(dirty, four, "name:utf8 age:int64\n'a'|1\n'f'|7\n");
    table_check(dirty, most, "name:utf8 age:int64\n'a'|1\n'f'|7\n");
    table_check_fails(dirty, three, AIP_E_DATA, "4 of 6 rows are rejected, more than max_rejects allows (3); the first:");
    table_check_fails(dirty, three, AIP_E_DATA, "check.csv:3: column 'age': expected int64, found 'old'");
    table_check_fails(dirty, half, AIP_E_DATA, "more than max_rejects allows (a fraction of 0.5)");
    table_check_fails(dirty, none, AIP_E_DATA, "max_rejects");
}
END_TEST

START_TEST(on_bad_row_null_nulls_cells_pads_short_rows_and_rejects_what_has_no_shape) {
    table_check(dirty, "\"on_bad_row\": \"null\", \"infer_rows\": 1", "name:utf8 age:int64\n'a'|1\n'b'|~\n'c'|~\n'f'|7\n");
    table_check("a,b\n1,2\nx,y\n", "\"on_bad_row\": \"null\", \"infer_rows\": 1", "a:int64 b:int64\n1|2\n~|~\n");
    ck_assert_ptr_nonnull(strstr(table_log(), "2 cells that did not parse became null"));
    ck_assert_ptr_null(strstr(table_log(), "short row"));
    /* null itself is the word; a short row is counted, and so are its bad cells */
    table_check("a,b\n1,2\nx\n3\n", "\"on_bad_row\": null, \"infer_rows\": 1", "a:int64 b:int64\n1|2\n~|~\n3|~\n");
    ck_assert_ptr_nonnull(strstr(table_log(), "1 cell that did not parse became null"));
    ck_assert_ptr_nonnull(strstr(table_log(), "2 short rows were filled up with nulls"));
}
END_TEST

/* ---- items --------------------------------------------------------------------------------------------------------------------------------- */

static int32_t note_rows(void *user, aip_batch *b, aip_error **err) {
    (void)err;
    fprintf(user, " %lld", (long long)b->n_rows);
    return AIP_OK;
}

/* 600 columns behind more than a usual block that is skipped: larger blocks come into force in the middle of the stream. */
START_TEST(items_of_a_wide_file_are_the_same_for_any_number_of_workers_however_late_its_header_comes) {
    static char cell[60];
    char *text = NULL, *plain = table_path("late.csv"), *packed = table_path("late.csv.gz");
    char first[2][1000]; /* plain and packed blocks need not be the same */
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    memset(cell, 'x', sizeof cell);
    for (int i = 0; i < 20000; i++) fprintf(f, "%.60s\n", cell);
    for (int i = 0; i < 600; i++) fprintf(f, "c%d%c", i, i < 599 ? ',' : '\n');
    for (int r = 0; r < 200; r++)
        for (int i = 0; i < 600; i++) fprintf(f, "%.*s%c", 40 + (r + i) % 20, cell, i < 599 ? ',' : '\n');
    fclose(f);
    free(table_file("late.csv", text, n));
    gzFile gz = gzopen(packed, "wb1");
    ck_assert_int_eq(gzwrite(gz, text, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(gz), Z_OK);
    for (int k = 0; k < 2 * N_TABLE_WORKERS; k++) {
        aip_context *ctx = table_context(table_workers[k / 2]);
        aip_dataset *d = NULL;
        char *items = NULL;
        f = open_memstream(&items, &n);
        OK(table_read(ctx, k % 2 ? packed : plain, "\"skip_rows\": 20000, \"detect\": \"none\"", &d, &err));
        OK(aip_dataset_each(d, NULL, note_rows, f, NULL, &err));
        fclose(f);
        aip_dataset_free(d);
        table_context_free(ctx);
        ck_assert_msg(strchr(items + 1, ' ') != NULL, "one item only:%s", items);
        ck_assert_uint_lt(strlen(items), sizeof first[0]);
        if (k < 2) strcpy(first[k], items);
        ck_assert_str_eq(items, first[k % 2]);
        free(items);
    }
    free(text);
    free(plain);
    free(packed);
    table_files_remove();
}
END_TEST

Suite *csv_read_suite(void) {
    const TTest *const tests[] = {fields_are_split_at_delimiters_and_records_at_line_feeds,
                                  quoted_fields_hold_delimiters_line_feeds_and_doubled_quotes,
                                  the_dialect_can_be_chosen,
                                  files_without_rows_have_a_schema_and_files_without_header_do_not,
                                  null_markers_are_null_and_quoted_ones_only_where_they_cannot_be_text,
                                  types_are_the_join_of_what_the_sample_holds,
                                  types_can_be_said,
                                  a_type_that_only_shows_after_the_sample_is_an_error_unless_all_rows_are_looked_at,
                                  columns_are_chosen_and_renamed,
                                  a_bad_cell_is_an_error_with_place_column_expectation_and_way_out,
                                  a_row_of_the_wrong_shape_is_an_error_unless_padded_or_cut,
                                  a_header_of_too_many_columns_is_an_error_in_its_line,
                                  broken_quotes_are_errors_that_say_where,
                                  text_that_is_not_utf8_is_a_bad_cell,
                                  an_encoding_that_was_looked_for_is_not_advised,
                                  a_nul_byte_outside_of_quotes_is_a_bad_cell_and_in_a_name_an_error,
                                  a_nul_byte_in_quotes_is_text,
                                  a_file_of_rejects_whose_raw_text_holds_nuls_is_read_again,
                                  a_byte_order_mark_says_that_a_file_is_utf16,
                                  lines_may_end_in_carriage_returns_alone,
                                  rejected_rows_are_in_the_rejects_table_with_place_and_reason,
                                  max_rejects_is_a_count_or_below_one_a_fraction,
                                  on_bad_row_null_nulls_cells_pads_short_rows_and_rejects_what_has_no_shape,
                                  items_of_a_wide_file_are_the_same_for_any_number_of_workers_however_late_its_header_comes,
                                  NULL};
    return unit_suite("csv_read", tests);
}
