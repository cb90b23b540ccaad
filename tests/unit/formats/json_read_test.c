/* Reading JSON: what is a record, a field, a type; what happens to what does not fit. Expected tables are written by hand. Every check runs at every
 * vector level, at several block sizes and numbers of workers: the result is the same. */
#include "base/cpu.h"
#include "formats/json/json.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include <stdio.h>
#include <stdlib.h>

static const int32_t blocks[] = {64, 100, 1048576};
#define N_BLOCKS (sizeof blocks / sizeof *blocks)

typedef struct outcome {
    int32_t status;
    char *text; /* the table, or the message */
    char *rejects;
} outcome;

static void outcome_free(outcome *o) {
    free(o->text);
    free(o->rejects);
}

static outcome read_once(const char *path, const char *extra, int32_t block_bytes, int32_t workers) {
    aip_context *ctx = table_context(workers);
    aip_dataset *d = NULL, *rejects = NULL;
    aip_error *err = NULL;
    outcome o = {0};
    char all[1024];
    snprintf(all, sizeof all, "%s%s\"block_bytes\": %d", extra ? extra : "", extra ? ", " : "", (int)block_bytes);
    o.status = table_read(ctx, path, all, &d, &err);
    if (o.status == AIP_OK) {
        o.status = aip_dataset_count(d, NULL, &(int64_t){0}, &err);
        if (o.status == AIP_OK) {
            o.text = table_text(d);
            ck_assert_int_eq(aip_dataset_rejects(d, NULL, &rejects, NULL), AIP_OK);
            o.rejects = table_text(rejects);
        }
    }
    if (o.status != AIP_OK) o.text = strdup(aip_error_text(err));
    if (!o.rejects) o.rejects = strdup("");
    aip_error_free(err);
    aip_dataset_free(rejects);
    aip_dataset_free(d);
    table_context_free(ctx);
    return o;
}

/* The outcome, which is the same in every way of reading. */
static outcome read_all_ways(const char *name, const char *json, size_t n, const char *extra) {
    char *path = table_file(name, json, n);
    outcome first = {0};
    aip__cpu_level highest = aip__cpu();
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
        if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
        for (size_t b = 0; b < N_BLOCKS; b++)
            for (int32_t workers = 0; workers < 4; workers += 2) {
                outcome o = read_once(path, extra, blocks[b], workers);
                if (!first.text) {
                    first = o;
                    continue;
                }
                ck_assert_msg(
                    o.status == first.status && strcmp(o.text, first.text) == 0 && strcmp(o.rejects, first.rejects) == 0,
                    "%s, block_bytes %d, %d workers: found\n%s\n%s\nbefore\n%s\n%s", aip__cpu_name((aip__cpu_level)level),
                    (int)blocks[b], (int)workers, o.text, o.rejects, first.text, first.rejects);
                outcome_free(&o);
            }
    }
    aip__cpu_set(highest);
    free(path);
    return first;
}

static void check_as(const char *name, const char *json, const char *extra, const char *expected) {
    outcome o = read_all_ways(name, json, strlen(json), extra);
    ck_assert_msg(o.status == AIP_OK, "%d %s", (int)o.status, o.text);
    ck_assert_str_eq(o.text, expected);
    outcome_free(&o);
}

static void fails_as(const char *name, const char *json, const char *extra, int32_t status, const char *message) {
    outcome o = read_all_ways(name, json, strlen(json), extra);
    ck_assert_msg(o.status == status, "%d %s", (int)o.status, o.text);
    ck_assert_msg(strstr(o.text, message) != NULL, "message: %s", o.text);
    outcome_free(&o);
}

/* The rejects, without the path before them: line|column|byte_offset|reason|raw. */
static void rejects_as(const char *name, const char *json, const char *extra, const char *expected, const char *rejects) {
    char found[4096] = "";
    outcome o = read_all_ways(name, json, strlen(json), extra);
    ck_assert_msg(o.status == AIP_OK, "%d %s", (int)o.status, o.text);
    ck_assert_str_eq(o.text, expected);
    for (char *line = strchr(o.rejects, '\n'), *bar; line && (bar = strchr(line, '|')); line = strstr(bar, "\n'/"))
        strncat(found, bar + 1, strstr(bar, "\n'/") ? (size_t)(strstr(bar, "\n'/") - bar) : strlen(bar));
    ck_assert_str_eq(found, rejects);
    outcome_free(&o);
}

static void check(const char *json, const char *extra, const char *expected) { check_as("check.ndjson", json, extra, expected); }
static void fails(const char *json, const char *extra, int32_t status, const char *message) {
    fails_as("check.ndjson", json, extra, status, message);
}

#define BOM "\xef\xbb\xbf"

/* ---- records ---------------------------------------------------------------------------------------------------------------------------- */

START_TEST(each_line_is_a_record) {
    check("{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    check("{\"a\":1,\"b\":\"x\"}\r\n{\"a\":2,\"b\":\"y\"}", NULL, "a:int64 b:utf8\n1|'x'\n2|'y'\n");
    check("\n \t\r\n{\"a\":1}\n\n\n {\"a\":2} \n\n", NULL, "a:int64\n1\n2\n"); /* blank lines are no records */
    check(BOM "{\"a\":1}\n", NULL, "a:int64\n1\n");
    check("{ \"a\" : 1 , \"b\" : 2 }\n{\"a\":3,\"b\":4}\n{\"a\":5,  \"b\":6}\n{\"a\":7,\"b\":   8}\n{\"b\":9,\"a\":10}\n", NULL,
          "a:int64 b:int64\n1|2\n3|4\n5|6\n7|8\n10|9\n"); /* white space and order are free */
    check("{}\n{\"a\":1}\n{ }\n", NULL, "a:int64\n~\n1\n~\n");
    check("{\"a\":1}\n", "\"fields\": \"b\"", "a:int64 b:utf8\n1|~\n");
    fails("", NULL, AIP_E_DATA, "check.ndjson: no field was found: the file holds no objects, so the fields cannot be known");
    fails("{}\n", NULL, AIP_E_DATA, "check.ndjson: no field was found: the objects are empty");
    check("", "\"fields\": [\"a\"]", "a:utf8\n");
}
END_TEST

START_TEST(a_file_without_any_field_says_what_its_first_bad_record_is) {
    const char *reject = "\"on_bad_row\": \"reject\"";
    fails("hello\n", NULL, AIP_E_DATA, "check.ndjson:1:1: not valid JSON: a value expected, found hello");
    fails("{}\n\nhello\nworld\n", NULL, AIP_E_DATA, "check.ndjson:3:1: not valid JSON: a value expected, found hello");
    fails("a,b\n1,2\n", "\"on_bad_row\": \"null\"", AIP_E_DATA, "check.ndjson:1:1: not valid JSON: a value expected, found a,b");
    fails("7\n8\n", NULL, AIP_E_DATA, "check.ndjson:1:1: expected an object, found 7");
    fails("hello\n", reject, AIP_E_DATA, "check.ndjson:1:1: not valid JSON: a value expected, found hello");
    fails("a,b\n1,2\n", reject, AIP_E_DATA, "check.ndjson:1:1: not valid JSON: a value expected, found a,b");
    fails("[{\"a\":1}]\n", reject, AIP_E_DATA, "check.ndjson:1:1: ");
    fails("[{\"a\":1}]\n", reject, AIP_E_DATA, "(a JSON array begins here: set format: json)");
    fails("{\n  \"a\": 1\n}\n", reject, AIP_E_DATA, "check.ndjson:1:");
    fails_as("check.json", "42\n", reject, AIP_E_DATA, "check.json:1:1: expected an object, found 42");
    fails("[{\"a\":1}]\n", NULL, AIP_E_DATA, "(a JSON array begins here: set format: json)");
    fails("[\n{\"a\":1},\n{\"a\":2}\n]\n", NULL, AIP_E_DATA, "(a JSON array begins here: set format: json)");
    fails_as("check.json", "hello\n", NULL, AIP_E_DATA, "check.json:1:1: not valid JSON: a value expected, found hello");
    fails_as("check.json", "[1]\n", NULL, AIP_E_DATA, "check.json:1:2: expected an object, found 1");
}
END_TEST

START_TEST(a_list_holds_records_however_they_are_laid_out) {
    static const char *const expected = "a:int64 b:utf8\n1|'x'\n2|'],{}'\n3|~\n";
    check_as("check.json", "[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":\"],{}\"},{\"a\":3}]", NULL, expected);
    check_as("check.json", BOM " [ {\n\"a\" : 1,\n\"b\":\"x\"\n}\n,\n\n{\"a\":2,\"b\":\"],{}\"}, {\"a\":3}\n ] \n", NULL,
             expected);
    check_as("check.json", "{\"a\":1,\"b\":\"x\"}{\"a\":2,\n\"b\":\"],{}\"}\n\n{\"a\":3}", NULL, expected); /* a sequence */
    check_as("check.json", "{\"a\":1,\n\"b\":{\"c\":[2,{\"d\":3}]}}\n", NULL, "a:int64 b.c:utf8\n1|'[2,{\"d\":3}]'\n");
    check_as("check.json", "[]", "\"fields\": [\"a\"]", "a:utf8\n");
    fails_as("check.json", "[ ]\n", NULL, AIP_E_DATA,
             "check.json: no field was found: the array holds no objects, so the fields cannot be known: name them with fields");
}
END_TEST

START_TEST(a_list_that_is_broken_is_an_error_whatever_the_policy) {
    const char *reject = "\"on_bad_row\": \"reject\"";
    fails_as("check.json", "[{\"a\":1},{\"a\":2}\n", reject, AIP_E_DATA, "the file ends within the list: ']' expected");
    fails_as("check.json", "[{\"a\":1},{\"a\":2", reject, AIP_E_DATA, "the file ends within the list: ']' expected");
    fails_as("check.json", "[{\"a\":1}]\n{\"a\":2}", reject, AIP_E_DATA,
             "check.json:2:1: not valid JSON: the end of the file expected behind the list");
    fails_as("check.json", "[{\"a\":1}]]", reject, AIP_E_DATA, "the end of the file expected behind the list");
    fails_as("check.json", "[{\"a\":1}}", reject, AIP_E_DATA, "the file ends within the list: ']' expected");
    rejects_as("check.json", "[{\"a\":1}},{\"a\":2}]", reject, "a:int64\n1\n2\n",
               "1|~|8|'not valid JSON: ',' or ']' expected, found }'|'}'\n");
}
END_TEST

/* ---- fields ----------------------------------------------------------------------------------------------------------------------------- */

START_TEST(fields_of_objects_within_a_record_are_named_by_their_path) {
    check(
        "{\"user\":{\"name\":\"x\",\"at\":{\"lat\":1.5}},\"n\":1}\n{\"n\":2,\"user\":{\"at\":null}}\n{\"user\":{\"at\":{}},\"n\":3}\n",
        NULL, "user.name:utf8 user.at.lat:float64 n:int64\n'x'|1.5|1\n~|~|2\n~|~|3\n");
    check("{\"a\":{\"b\":{\"c\":1}}}\n", "\"flatten_levels\": 1", "a.b:utf8\n'{\"c\":1}'\n");
    check("{\"a\":{\"b\": {\"c\":1}}}\n", "\"flatten_levels\": 0", "a:utf8\n'{\"b\": {\"c\":1}}'\n");
    /* A key with a dot is a path as well: the object that the path leads through is still a column. */
    check("{\"a.b\":1}\n{\"a\":{\"b\":2, \"c\":{}}}\n", "\"flatten_levels\": 0",
          "a.b:int64 a:utf8\n1|~\n2|'{\"b\":2, \"c\":{}}'\n");
    check("{\"a\":{\"b\":1,\"d\":true},\"c\":2}\n{\"a\":{\"b\":3},\"c\":4}\n", "\"fields\": [\"a\", \"a.b\"]",
          "a:utf8 a.b:int64 c:int64\n'{\"b\":1,\"d\":true}'|1|2\n'{\"b\":3}'|3|4\n"); /* an object, and a field of it */
    check("{\"a\":{\"b\":1},\"c\":2}\n{\"a\":{\"b\":3},\"c\":4}\n", "\"fields\": [\"a\"]",
          "a:utf8 c:int64\n'{\"b\":1}'|2\n'{\"b\":3}'|4\n");
    check("{\"user\":{\"name\":\"x\",\"id\":7},\"n\":1}\n", "\"columns\": {\"user.id\": \"id\", \"n\": \"n\"}",
          "id:int64 n:int64\n7|1\n");
    fails("{\"user\":{\"name\":\"x\"}}\n", "\"columns\": [\"user.nam\"]", AIP_E_SCHEMA, "did you mean 'user.name'?");
    check("{\"a.b\":1}\n{\"a\":{\"b\":2}}\n", NULL, "a.b:int64\n1\n2\n"); /* one path, one column */
    check("{\".b\":2,\"\":0}\n{\"\":{\"b\":3}}\n", NULL,
          ".b:int64\n2\n~\n"); /* an empty key is no column, and no path leads through it */
    check("{\"a\":[1,{\"b\":[]}],\"b\":[]}\n{\"a\":null}\n", NULL, "a:utf8 b:utf8\n'[1,{\"b\":[]}]'|'[]'\n~|~\n");
    check("{\"\\u0061b\":1}\n{\"ab\":2}\n{\"a\\u0062\":3}\n", NULL, "ab:int64\n1\n2\n3\n"); /* escapes do not make another key */
}
END_TEST

START_TEST(missing_fields_are_null_and_unknown_ones_are_counted) {
    check("{\"a\":1}\n{\"b\":2}\n{\"a\":null,\"b\":3}\n", NULL, "a:int64 b:int64\n1|~\n~|2\n~|3\n");
    check("{\"a\":1}\n{\"a\":2,\"late\":{\"x\":[1,2]},\"b\":true}\n", "\"infer_rows\": 1", "a:int64\n1\n2\n");
    ck_assert_msg(strstr(table_log(), "2 values of fields that the first rows did not show are left out: 'late' (first in ")
                      && strstr(table_log(), "check.ndjson:2), 'b' (set a larger infer_rows, or fields: [...])"),
                  "%s", table_log());
    check("{\"a\":1,\"b\":2}\n", "\"columns\": [\"a\"]", "a:int64\n1\n");
    ck_assert_str_eq(table_log(), ""); /* what is known and not wanted is not counted */
    fails("{\"a\":1}\n{\"a\":2,\"late\":1}\n", "\"infer_rows\": 1, \"unknown_fields\": \"bad\"", AIP_E_DATA,
          "check.ndjson:2:8: expected no field that the first rows did not show, found \"late\" (mend it");
    fails("{\"a\":1}\n{\"a\":2, \"late\" : 1}\n", "\"infer_rows\": 1, \"unknown_fields\": \"bad\"", AIP_E_DATA,
          "check.ndjson:2:9: expected no field that the first rows did not show, found \"late\" (mend it");
    check("{\"a\":1}\n{\"a\":2,\"late\":1}\n", "\"infer_rows\": 1, \"unknown_fields\": \"bad\", \"on_bad_row\": \"reject\"",
          "a:int64\n1\n");
    check("{\"a\":1}\n{\"a\":2,\"late\":1} x\n", "\"infer_rows\": 1, \"on_bad_row\": \"reject\"", "a:int64\n1\n");
    ck_assert_msg(!strstr(table_log(), "values of fields"), "%s", table_log()); /* of a record that is rejected, none */
}
END_TEST

START_TEST(unknown_fields_are_named_once_in_the_order_of_the_file_wherever_it_is_cut) {
    char json[8192];
    size_t n = 0;
    n += (size_t)snprintf(json + n, sizeof json - n, "{\"a\":1,\"o\":{\"x\":1}}\n");
    for (int r = 0; r < 40; r++) n += (size_t)snprintf(json + n, sizeof json - n, "{\"a\":%d}\n", r);
    for (int r = 0; r < 20; r++)
        n += (size_t)snprintf(json + n, sizeof json - n, "{\"o\":{\"f%d\":1,\"f%d\":[2]},\"a\":%d}\n", r / 3, r / 4, r);
    char *path = table_file("check.ndjson", json, n);
    for (int32_t block = 64; block <= 65536; block *= 4) {
        outcome o = read_once(path, "\"infer_rows\": 1, \"columns\": [\"o.x\"]", block, block == 256 ? 2 : 0);
        ck_assert_msg(o.status == AIP_OK, "%s", o.text);
        ck_assert_msg(strstr(table_log(), "40 values of fields that the first rows did not show are left out: 'o.f0' (first in ")
                          && strstr(table_log(), "check.ndjson:42), 'o.f1', 'o.f2', 'o.f3', 'o.f4', ... (set a larger"),
                      "block_bytes %d: %s", (int)block, table_log());
        outcome_free(&o);
    }
    free(path);
}
END_TEST

START_TEST(of_a_key_that_stands_twice_the_last_value_counts) {
    check("{\"a\":1,\"a\":2}\n{\"a\":3}\n", NULL, "a:int64\n2\n3\n");
    ck_assert_msg(strstr(table_log(), "1 value was replaced by a later one of the same key") != NULL, "%s", table_log());
    check("{\"a\":\"x\",\"b\":1,\"a\":null}\n{\"a\":\"y\",\"b\":2}\n", NULL, "a:utf8 b:int64\n~|1\n'y'|2\n");
    fails("{\"a\":1}\n{\"a\":1,\"a\":2}\n", "\"duplicate_keys\": \"bad\"", AIP_E_DATA,
          "check.ndjson:2:12: field 'a': expected once, found twice in a record");
}
END_TEST

/* ---- types ------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(types_are_the_join_of_what_the_sample_holds) {
    check(
        "{\"i\":1,\"f\":1,\"b\":true,\"t\":\"1\",\"m\":1,\"o\":true}\n{\"i\":-2,\"f\":2.5,\"b\":false,\"t\":\"x\",\"m\":\"x\",\"o\":0}\n",
        NULL, "i:int64 f:float64 b:bool t:utf8 m:utf8 o:utf8\n1|1.0|true|'1'|'1'|'true'\n-2|2.5|false|'x'|'x'|'0'\n");
    check("{\"d\":\"2013-01-01\",\"t\":\"2013-01-01T05:00\",\"z\":\"2013-01-01T05:00:00Z\"}\n"
          "{\"d\":\"2013-02-28\",\"t\":\"2013-01-02\",\"z\":\"2013-01-01T05:00:00+01:00\"}\n",
          NULL,
          "d:date32 t:timestamp z:timestamp\n2013-01-01|2013-01-01T05:00:00|2013-01-01T05:00:00Z\n"
          "2013-02-28|2013-01-02T00:00:00|2013-01-01T04:00:00Z\n");
    check("{\"a\":99999999999999999999,\"b\":1e5,\"c\":1E-2,\"d\":-0}\n", NULL,
          "a:float64 b:float64 c:float64 d:int64\n1e+20|100000.0|0.01|0\n");
    check("{\"a\":9223372036854775807,\"b\":-9223372036854775808}\n", NULL,
          "a:int64 b:int64\n9223372036854775807|-9223372036854775808\n");
    check("{\"a\":1e999}\n{\"a\":1}\n", NULL, "a:utf8\n'1e999'\n'1'\n"); /* no double holds it */
    check("{\"a\":null}\n", NULL, "a:utf8\n~\n");
    check("{\"a\":{\"b\":1}}\n{\"a\":2}\n{\"a\":\"x\"}\n", NULL,
          "a:utf8\n'{\"b\":1}'\n'2'\n'x'\n"); /* object and not: JSON text */
}
END_TEST

START_TEST(types_can_be_said_and_texts_are_read_as_csv_reads_them) {
    check(
        "{\"zip\":1234,\"n\":\"7\",\"p\":1.5,\"t\":\"2013-01-01T00:00:00Z\",\"f\":\"nan\",\"b\":\"true\"}\n",
        "\"types\": {\"zip\": \"utf8\", \"n\": \"int32\", \"p\": \"decimal64(2)\", \"t\": \"timestamp[UTC]\", \"f\": \"float64\", \"b\": "
        "\"bool\"}",
        "zip:utf8 n:int32 p:decimal64 t:timestamp f:float64 b:bool\n'1234'|7|1.50|2013-01-01T00:00:00Z|nan|true\n");
    check("{\"a\":12345678,\"b\":123456789,\"c\":-1234567890123456}\n", NULL,
          "a:int64 b:int64 c:int64\n12345678|123456789|-1234567890123456\n");
}
END_TEST

START_TEST(escapes_become_what_they_mean) {
    check("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00.\",\"b\":\"plain \xc3\xa9\"}\n", NULL,
          "a:utf8 b:utf8\n'\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.'|'plain \xc3\xa9'\n");
    check("{\"long\":\"0123456789012345678901234567890123456789012345678901234567890123456789\\n0123456789\"}\n", NULL,
          "long:utf8\n'0123456789012345678901234567890123456789012345678901234567890123456789\n0123456789'\n");
}
END_TEST

/* Text is looked through some 4 KiB at a time (json_window.c), bits 57 and more at once: what lies across these borders. */
START_TEST(a_value_may_lie_anywhere_in_its_record) {
    for (int n = 0; n < 4106; n += n == 70 ? 3980 : n == 0 ? 50 : 5) {
        char json[5000], expected[5000], message[100];
        snprintf(json, sizeof json, "{\"a\":\"%0*d\xf0\x9f\x98\x80\\n\xc3\xa9\",\"b\":-1234567.875,\"c\":true}\n", n, 0);
        snprintf(expected, sizeof expected, "a:utf8 b:float64 c:bool\n'%0*d\xf0\x9f\x98\x80\n\xc3\xa9'|-1234567.875|true\n", n,
                 0);
        check(json, NULL, expected);
        snprintf(json, sizeof json, "{\"a\":\"%0*d\xf0\x9f\x98\",\"b\":1}\n", n, 0);
        snprintf(message, sizeof message, "check.ndjson:1:%d: not valid JSON: bytes that are not UTF-8", 7 + (n ? n : 1));
        fails(json, "\"fields\": \"a\"", AIP_E_DATA, message);
    }
}
END_TEST

/* Eight cells of a bool column are looked at together, from any row on. */
START_TEST(words_fill_columns_of_bool) {
    static const char *const cells[] = {
        "{\"b\":true}", "{\"b\":false}",           "{\"b\":null}",  "{\"c\":1}", "{\"b\":\"true\"}",
        "{\"b\":1}",    "{\"b\":\"\\u0046alse\"}", "{\"b\":[true]}"};
    static const char *const values[] = {"true", "false", "~", "~", "true", "~", "false", "~"};
    char json[4000] = "", expected[1000] = "b:bool\n";
    for (int i = 0, state = 1; i < 90; i++, state = (state * 29 + 7) % 1009) {
        int k = state % (i < 45 ? 8 : 4);
        strcat(strcat(json, cells[k]), "\n");
        strcat(strcat(expected, values[k]), "\n");
        if (i % 9 > 0) continue;
        check(json, "\"columns\": [\"b\"], \"fields\": [\"b\"], \"types\": {\"b\": \"bool\"}, \"on_bad_row\": \"null\"",
              expected);
    }
}
END_TEST

/* ---- what does not fit -------------------------------------------------------------------------------------------------------------------- */

START_TEST(what_is_not_json_is_refused_with_its_place) {
    fails("{\"a\":1}\n{\"a\":01}\n", NULL, AIP_E_DATA, "check.ndjson:2:6: not valid JSON: an invalid number, found 01}");
    fails("{\"a\":1}\n{\"a\":1\n{\"a\":2}\n", NULL, AIP_E_DATA,
          "check.ndjson:2:7: not valid JSON: ',' or '}' expected, found the end");
    fails("{\"a\":1,}\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:8: not valid JSON: a key in quotes expected, found }");
    fails("{\"a\" 1}\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:6: not valid JSON: ':' expected, found 1}");
    fails("{\"a\":\"x\n\"}\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:6: not valid JSON: a string without its end");
    fails("{\"a\":\"\\x\"}\n", "\"fields\": \"a\"", AIP_E_DATA,
          "check.ndjson:1:7: not valid JSON: an invalid escape, found \\x\"}");
    fails("{\"a\":\"\\ud800\"}\n", "\"fields\": \"a\"", AIP_E_DATA, "an invalid escape, found \\ud800\"}");
    fails("{\"a\":\"\xff\"}\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:7: not valid JSON: bytes that are not UTF-8");
    fails("{\"a\":\"\t\"}\n", "\"fields\": \"a\"", AIP_E_DATA,
          "check.ndjson:1:7: not valid JSON: a control character in a string");
    fails("{\"a\":1} x\n", "\"fields\": \"a\"", AIP_E_DATA,
          "check.ndjson:1:9: not valid JSON: the end of the line expected, found x");
    fails("{\"a\":tru}\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:6: not valid JSON: a value expected, found tru}");
    fails("[1]\n", "\"fields\": \"a\"", AIP_E_DATA, "check.ndjson:1:1: expected an object, found [1]");
}
END_TEST

START_TEST(values_that_are_not_wanted_must_be_json_too) {
    fails("{\"a\":1,\"b\":[1,{\"c\":nul}]}\n", "\"columns\": [\"a\"], \"fields\": [\"a\"]", AIP_E_DATA,
          "check.ndjson:1:20: not valid JSON: a value expected, found nul}]}");
    fails("{\"a\":1,\"b\":[1 2]}\n", "\"columns\": [\"a\"], \"fields\": [\"a\"]", AIP_E_DATA, "',' or ']' expected, found 2]}");
    fails("{\"a\":1,\"b\":{\"c\":1}]}\n", "\"columns\": [\"a\"], \"fields\": [\"a\"]", AIP_E_DATA,
          "',' or '}' expected, found ]}");
}
END_TEST

START_TEST(depth_is_limited_in_every_way_to_come_by_it) {
    char json[1024] = "{\"a\":";
    for (int i = 0; i < 127; i++) strcat(json, "[");
    for (int i = 0; i < 127; i++) strcat(json, "]");
    strcat(json, "}\n");
    outcome o = read_all_ways("check.ndjson", json, strlen(json), NULL);
    ck_assert_int_eq(o.status, AIP_OK);
    outcome_free(&o);
    strcpy(json, "{\"a\":");
    for (int i = 0; i < 128; i++) strcat(json, "[");
    for (int i = 0; i < 128; i++) strcat(json, "]");
    strcat(json, "}\n");
    fails(json, "\"fields\": \"a\"", AIP_E_DATA,
          "check.ndjson:1:133: not valid JSON: nested too deeply: expected at most 128 levels");
    json[0] = 0;
    for (int i = 0; i < 129; i++) strcat(json, "{\"a\":");
    strcat(json, "1");
    for (int i = 0; i < 129; i++) strcat(json, "}");
    fails(json, "\"fields\": \"a\"", AIP_E_DATA, "nested too deeply: expected at most 128 levels");
}
END_TEST

START_TEST(a_value_that_does_not_fit_follows_the_policy) {
    const char *json = "{\"a\":1,\"b\":\"x\"}\n{\"a\":\"two\",\"b\":\"y\"}\n{\"a\":3,\"b\":\"z\"}\n";
    fails(
        json, "\"infer_rows\": 1", AIP_E_DATA,
        "check.ndjson:2:6: column 'a': expected int64, found \"two\" (set types: {a: utf8}, a larger infer_rows, or on_bad_row: reject or null)");
    check(json, "\"infer_rows\": 1, \"on_bad_row\": \"null\"", "a:int64 b:utf8\n1|'x'\n~|'y'\n3|'z'\n");
    rejects_as("check.ndjson", json, "\"infer_rows\": 1, \"on_bad_row\": \"reject\"", "a:int64 b:utf8\n1|'x'\n3|'z'\n",
               "2|'a'|16|'expected int64, found \"two\"'|'{\"a\":\"two\",\"b\":\"y\"}'\n");
    fails("{\"a\":1}\n{\"a\":1.5}\n", "\"infer_rows\": 1", AIP_E_DATA, "expected int64, found 1.5 (set types: {a: float64}");
    fails("{\"a\":{\"b\":1}}\n{\"a\":5}\n", "\"infer_rows\": 1", AIP_E_DATA,
          "check.ndjson:2:6: field 'a': expected an object, found 5 (mend it");
    fails("{\"a\":{\"b\":1}}\n{\"a\": [ 5 ] , \"tags\": [\"x\"]}\n", "\"infer_rows\": 1", AIP_E_DATA,
          "check.ndjson:2:7: field 'a': expected an object, found [ 5 ] (mend it");
    check("{\"a\":{\"b\":1}}\n{\"a\":5}\n", "\"infer_rows\": 1, \"on_bad_row\": \"null\"", "a.b:int64\n1\n~\n");
}
END_TEST

START_TEST(promote_settles_types_over_all_rows) {
    const char *promote = "\"infer_rows\": 1, \"on_bad_row\": \"promote\"";
    check("{\"a\":1,\"d\":\"2013-01-01\",\"b\":true}\n{\"a\":2.5,\"b\":null,\"d\":\"2013-01-01T05:00\"}\n{\"b\":[1]}\n", promote,
          "a:float64 d:timestamp b:utf8\n1.0|2013-01-01T00:00:00|'true'\n2.5|2013-01-01T05:00:00|~\n~|~|'[1]'\n");
    ck_assert_msg(strstr(table_log(), "by '[1]' at") && strstr(table_log(), "check.ndjson:3:6"), "%s", table_log());
    check_as("check.json", "[{\"a\":1},{\"a\":\"x\"}]", promote, "a:utf8\n'1'\n'x'\n");
}
END_TEST

START_TEST(rejected_records_keep_line_offset_reason_and_raw_text) {
    rejects_as("check.ndjson", "{\"a\":1}\n{\"a\":\n[2]\r\n{\"a\":3}\n\"x\"", "\"on_bad_row\": \"reject\"", "a:int64\n1\n3\n",
               "2|~|8|'not valid JSON: a value expected, found the end'|'{\"a\":'\n3|~|14|'expected an object, found [2]'|'[2]'\n"
               "5|~|27|'expected an object, found \"x\"'|'\"x\"'\n");
    rejects_as(
        "check.json", "[{\"a\":1}, 7, {\"a\":tru}, {\"a\":2} {\"a\":3}, , {\"a\":4},\n{\"a\" 5},]", "\"on_bad_row\": \"reject\"",
        "a:int64\n1\n2\n4\n",
        "1|~|10|'expected an object, found 7'|'7'\n1|~|13|'not valid JSON: a value expected, found tru}'|'{\"a\":tru}'\n"
        "1|~|32|'not valid JSON: ',' or ']' expected, found {\"a\":3}'|'{\"a\":3}'\n1|~|41|'not valid JSON: a value expected, found ,'|','\n"
        "2|~|52|'not valid JSON: ':' expected, found 5}'|'{\"a\" 5}'\n2|~|59|'not valid JSON: a value expected behind ',', found the end'|','\n");
}
END_TEST

START_TEST(records_are_limited_in_length) {
    char json[400] = "{\"a\":\"";
    memset(json + 6, 'x', 200);
    strcpy(json + 206, "\"}\n{\"a\":\"y\"}\n");
    fails(json, "\"max_record_bytes\": 100, \"on_bad_row\": \"reject\"", AIP_E_DATA,
          "record is longer than max_record_bytes (100)");
    check_as("check.json",
             "{\"a\":1}                                                                                     {\"a\":2}",
             "\"max_record_bytes\": 64", "a:int64\n1\n2\n"); /* white space between records is none of them */
    for (int list = 0; list < 2;
         list++) { /* commas between the elements of a list are none of them either, but not without end */
        snprintf(json, sizeof json, "[{\"a\":1},%*s%s{\"a\":2}]", list ? 70 : 50, "", list ? ",,," : "");
        if (list)
            fails_as("check.json", json, "\"max_record_bytes\": 64, \"on_bad_row\": \"reject\"", AIP_E_DATA,
                     "check.json:1:9: record is longer than max_record_bytes (64)");
        else
            check_as("check.json", json, "\"max_record_bytes\": 64", "a:int64\n1\n2\n");
    }
}
END_TEST

Suite *json_read_suite(void) {
    const TTest *const tests[] = {each_line_is_a_record,
                                  a_file_without_any_field_says_what_its_first_bad_record_is,
                                  a_list_holds_records_however_they_are_laid_out,
                                  a_list_that_is_broken_is_an_error_whatever_the_policy,
                                  fields_of_objects_within_a_record_are_named_by_their_path,
                                  missing_fields_are_null_and_unknown_ones_are_counted,
                                  unknown_fields_are_named_once_in_the_order_of_the_file_wherever_it_is_cut,
                                  of_a_key_that_stands_twice_the_last_value_counts,
                                  types_are_the_join_of_what_the_sample_holds,
                                  types_can_be_said_and_texts_are_read_as_csv_reads_them,
                                  escapes_become_what_they_mean,
                                  a_value_may_lie_anywhere_in_its_record,
                                  words_fill_columns_of_bool,
                                  what_is_not_json_is_refused_with_its_place,
                                  values_that_are_not_wanted_must_be_json_too,
                                  depth_is_limited_in_every_way_to_come_by_it,
                                  a_value_that_does_not_fit_follows_the_policy,
                                  promote_settles_types_over_all_rows,
                                  rejected_records_keep_line_offset_reason_and_raw_text,
                                  records_are_limited_in_length,
                                  NULL};
    return unit_suite("json_read", tests);
}
