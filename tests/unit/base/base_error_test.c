/* The error object: what it says, where, and that making it never fails. */
#include "base_fixture.h"
#include <errno.h>
#include <string.h>

START_TEST(an_error_carries_status_message_and_every_place) {
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_set(&err, AIP_E_DATA, "found %d", 7), AIP_E_DATA);
    aip__error_at_source(&err, "flights.csv");
    aip__error_at_line(&err, 3, 14);
    aip__error_at_offset(&err, 120);
    aip__error_at_task(&err, "ingest");
    aip__error_at_stage(&err, "cast");
    aip__error_at_parameter(&err, "type");
    aip__error_at_data_column(&err, "dep_time");
    ck_assert_int_eq(aip_error_status(err), AIP_E_DATA);
    ck_assert_str_eq(aip_error_message(err), "found 7");
    ck_assert_str_eq(aip_error_source(err), "flights.csv");
    ck_assert_int_eq(aip_error_line(err), 3);
    ck_assert_int_eq(aip_error_column(err), 14);
    ck_assert_int_eq(aip_error_offset(err), 120);
    ck_assert_str_eq(aip_error_task(err), "ingest");
    ck_assert_str_eq(aip_error_stage(err), "cast");
    ck_assert_str_eq(aip_error_parameter(err), "type");
    ck_assert_str_eq(aip_error_data_column(err), "dep_time");
    ck_assert_str_eq(aip_error_text(err), "flights.csv:3:14: task 'ingest': stage 'cast': found 7");
    aip_error_free(err);
}
END_TEST

START_TEST(the_innermost_place_wins) {
    aip_error *err = NULL;
    aip__error_set(&err, AIP_E_DATA, "x");
    aip__error_at_source(&err, "inner");
    aip__error_at_source(&err, "outer");
    aip__error_at_line(&err, 1, 2);
    aip__error_at_line(&err, 8, 9);
    aip__error_at_offset(&err, 0);
    aip__error_at_offset(&err, 5);
    ck_assert_str_eq(aip_error_source(err), "inner");
    ck_assert_int_eq(aip_error_line(err), 1);
    ck_assert_int_eq(aip_error_column(err), 2);
    ck_assert_int_eq(aip_error_offset(err), 0);
    aip_error_free(err);
}
END_TEST

START_TEST(the_text_follows_places_that_are_added_after_it_was_read) {
    aip_error *err = NULL;
    aip__error_set(&err, AIP_E_DATA, "x");
    ck_assert_str_eq(aip_error_text(err), "x");
    aip__error_at_line(&err, 4, 0);
    ck_assert_str_eq(aip_error_text(err), "line:4: x");
    aip__error_at_source(&err, "f");
    ck_assert_str_eq(aip_error_text(err), "f:4: x");
    aip_error_free(err);
}
END_TEST

START_TEST(a_message_is_one_line_whatever_the_data_holds) {
    aip_error *err = NULL;
    aip__error_set(&err, AIP_E_DATA, "found '%s'", "a\nb\tc\x1b[31m\x7f");
    ck_assert_str_eq(aip_error_message(err), "found 'a b c [31m '");
    aip_error_free(err);
}
END_TEST

START_TEST(an_error_may_be_rebuilt_from_its_own_message) {
    aip_error *err = NULL;
    aip__error_set(&err, AIP_E_SYNTAX, "inner");
    aip__error_set(&err, AIP_E_PARAM, "outer: %s", aip_error_message(err));
    ck_assert_str_eq(aip_error_message(err), "outer: inner");
    aip_error_free(err);
}
END_TEST

START_TEST(out_of_memory_is_a_static_error_that_takes_no_places) {
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_set(&err, AIP_E_NOMEM, "ignored"), AIP_E_NOMEM);
    aip__error_at_source(&err, "f");
    aip__error_at_line(&err, 1, 1);
    ck_assert_str_eq(aip_error_message(err), "out of memory");
    ck_assert_ptr_null(aip_error_source(err));
    ck_assert_int_eq(aip_error_line(err), 0);
    aip_error *copy = aip__error_copy(err);
    ck_assert_int_eq(aip_error_status(copy), AIP_E_NOMEM);
    aip_error_free(copy);
    aip_error_free(err);
    aip_error_free(err); /* static: freeing twice is nothing */
}
END_TEST

START_TEST(a_null_error_pointer_is_legal_everywhere) {
    ck_assert_int_eq(aip__error_set(NULL, AIP_E_IO, "x"), AIP_E_IO);
    ck_assert_int_eq(aip_error_set(NULL, 7, NULL), 7);
    aip__error_at_source(NULL, "f");
    aip_error *none = NULL;
    aip__error_at_line(&none, 1, 1);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(aip_error_status(NULL), AIP_OK);
    ck_assert_str_eq(aip_error_message(NULL), "");
    ck_assert_str_eq(aip_error_text(NULL), "");
    ck_assert_int_eq(aip_error_offset(NULL), -1);
    aip_error_free(NULL);
}
END_TEST

START_TEST(a_host_hands_on_an_error_with_its_place) {
    aip_error *from = NULL, *err = NULL;
    aip__error_set(&from, 42, "m");
    aip__error_at_source(&from, "f.csv");
    aip__error_at_line(&from, 3, 4);
    aip_error_set(&err, AIP_E_IO, "an older one");
    ck_assert_int_eq(aip_error_copy(&err, from), 42);
    ck_assert_int_eq(aip_error_copy(&from, from), 42);
    ck_assert_int_eq(aip_error_copy(NULL, from), 42);
    aip_error_free(from);
    ck_assert_str_eq(aip_error_text(err), "f.csv:3:4: m");
    ck_assert_int_eq(aip_error_copy(&err, NULL), AIP_E_INTERNAL);
    ck_assert_int_eq(aip_error_status(err), AIP_E_INTERNAL);
    aip_error_free(err);
}
END_TEST

START_TEST(a_copy_is_equal_and_independent) {
    aip_error *err = NULL;
    aip__error_set(&err, AIP_E_SCHEMA, "m");
    aip__error_at_task(&err, "t");
    aip__error_at_line(&err, 2, 3);
    aip_error *copy = aip__error_copy(err);
    aip_error_free(err);
    ck_assert_str_eq(aip_error_text(copy), "line:2:3: task 't': m");
    ck_assert_int_eq(aip_error_status(copy), AIP_E_SCHEMA);
    aip_error_free(copy);
}
END_TEST

START_TEST(a_move_replaces_what_was_there) {
    aip_error *err = NULL, *from = NULL;
    aip__error_set(&err, AIP_E_IO, "old");
    aip__error_set(&from, AIP_E_DATA, "new");
    ck_assert_int_eq(aip__error_move(&err, from), AIP_E_DATA);
    ck_assert_str_eq(aip_error_message(err), "new");
    aip_error_free(err);
    from = NULL;
    aip__error_set(&from, AIP_E_DATA, "dropped");
    ck_assert_int_eq(aip__error_move(NULL, from), AIP_E_DATA);
}
END_TEST

START_TEST(errno_becomes_a_status_and_its_own_words) {
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_errno(&err, ENOENT, "cannot open '%s'", "x"), AIP_E_NOT_FOUND);
    ck_assert_str_eq(aip_error_message(err), "cannot open 'x': No such file or directory");
    ck_assert_int_eq(aip__error_errno(&err, EACCES, "y"), AIP_E_IO);
    ck_assert_int_eq(aip__error_errno(&err, ENOMEM, "z"), AIP_E_NOMEM);
    aip_error_free(err);
}
END_TEST

START_TEST(status_names_are_the_macros_names) {
    ck_assert_str_eq(aip_status_name(AIP_OK), "OK");
    ck_assert_str_eq(aip_status_name(AIP_E_NOMEM), "E_NOMEM");
    ck_assert_str_eq(aip_status_name(AIP_E_PARAM), "E_PARAM");
    ck_assert_str_eq(aip_status_name(AIP_E_INTERNAL), "E_INTERNAL");
    ck_assert_str_eq(aip_status_name(3), "HOST");
    ck_assert_str_eq(aip_status_name(-1000), "E_UNKNOWN");
}
END_TEST

Suite *base_error_suite(void);
Suite *base_error_suite(void) {
    const TTest *const tests[] = {an_error_carries_status_message_and_every_place,
                                  the_innermost_place_wins,
                                  the_text_follows_places_that_are_added_after_it_was_read,
                                  a_message_is_one_line_whatever_the_data_holds,
                                  an_error_may_be_rebuilt_from_its_own_message,
                                  out_of_memory_is_a_static_error_that_takes_no_places,
                                  a_null_error_pointer_is_legal_everywhere,
                                  a_host_hands_on_an_error_with_its_place,
                                  a_copy_is_equal_and_independent,
                                  a_move_replaces_what_was_there,
                                  errno_becomes_a_status_and_its_own_words,
                                  status_names_are_the_macros_names,
                                  NULL};
    return unit_suite("error", tests);
}
