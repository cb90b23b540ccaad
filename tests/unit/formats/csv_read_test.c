/* Reading CSV: what is a record, a field, a null, a type; what happens to what does not fit. Expected tables are written by hand. */
#include "formats_suites.h"
#include "table_fixture.h"

START_TEST(fields_are_split_at_delimiters_and_records_at_line_feeds) {
    table_check("a,b\n1,x\n2,y\n", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    table_check("a,b\r\n1,x\r\n2,y\r\n", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    table_check("a,b\n1,x\n2,y", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n"); /* no line feed at the end */
    table_check("a,b\r\n1,x\r", NULL, "a:int64 b:utf8\n1|'x'\n");
    table_check("\xef\xbb\xbf"
                "a\n1\n",
                NULL, "a:int64\n1\n");                       /* byte order mark */
    table_check("a\n1\n\n\r\n2\n", NULL, "a:int64\n1\n2\n"); /* empty lines */
}
END_TEST

START_TEST(quoted_fields_hold_delimiters_line_feeds_and_doubled_quotes) {
    table_check("a,b\n\"x,y\",\"p\nq\"\n\"say \"\"hi\"\"\",\"\"\"\"\n", NULL, "a:utf8 b:utf8\n'x,y'|'p\nq'\n'say \"hi\"'|'\"'\n");
    table_check("\"a\",\"b\"\r\n\"1\",\"x\"\r\n", NULL, "a:int64 b:utf8\n1|'x'\n"); /* quotes do not make text of a number */
    table_check("a,b\n5\" pipe, \"x\"\n", NULL,
                "a:utf8 b:utf8\n'5\" pipe'|' \"x\"'\n");               /* quotes inside unquoted fields are data */
    table_check("a,b\n x ,y \n", NULL, "a:utf8 b:utf8\n' x '|'y '\n"); /* spaces are data */
    table_check("a,b\nx\ry,z\n", NULL, "a:utf8 b:utf8\n'x\ry'|'z'\n"); /* and so is a lone CR */
}
END_TEST

Suite *csv_read_suite(void) {
    const TTest *const tests[] = {fields_are_split_at_delimiters_and_records_at_line_feeds,
                                         quoted_fields_hold_delimiters_line_feeds_and_doubled_quotes, NULL};
    return unit_suite("csv_read", tests);
}
