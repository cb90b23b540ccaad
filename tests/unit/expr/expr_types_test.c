/* What binding checks: columns, types, zones; and the type, zone and nullable flag that come out. */
#include "expr_suites.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(an_unknown_column_is_named_with_the_nearest) {
    assert_fails("i + walll", AIP_E_SCHEMA, "expression 'i + walll': column 5: no column 'walll'; did you mean 'wall'?");
}
END_TEST

START_TEST(types_that_do_not_fit_are_both_named) {
    assert_fails("i > t", AIP_E_SCHEMA, "expression 'i > t': column 3: '>' cannot compare int64 and utf8");
    assert_fails("i + t", AIP_E_SCHEMA, "column 3: '+' cannot compute with int64 and utf8");
    assert_fails("t + 'x'", AIP_E_SCHEMA, "'+' cannot compute with utf8 and utf8; '||' joins texts");
    assert_fails("c = 3", AIP_E_SCHEMA, "'=' cannot compare dictionary and int64");
    assert_fails("i and b", AIP_E_SCHEMA, "column 1: 'and' expects a bool, found int64");
    assert_fails("not i", AIP_E_SCHEMA, "'not' expects a bool, found int64");
    assert_fails("lower(i)", AIP_E_SCHEMA, "'lower' expects a text, found int64");
    assert_fails("sqrt(t)", AIP_E_SCHEMA, "'sqrt' expects a number, found utf8");
    assert_fails("substr(t, 1.5)", AIP_E_SCHEMA, "'substr' expects an integer, found float64");
    assert_fails("b + 1", AIP_E_SCHEMA, "'+' cannot compute with bool and int64");
    assert_fails("if(i, 1, 2)", AIP_E_SCHEMA, "'if' expects a bool as condition, found int64");
    assert_fails("if(b, 1, 'x')", AIP_E_SCHEMA, "'if' cannot choose between int64 and utf8");
    assert_fails("coalesce(day, 1)", AIP_E_SCHEMA, "'coalesce' cannot choose between date32 and int64");
    assert_fails("i in (1, 'x')", AIP_E_SCHEMA, "'in' cannot compare int64 and utf8");
    assert_fails("day = 'yesterday'", AIP_E_SCHEMA, "column 7: expected a date as 'YYYY-MM-DD', found 'yesterday'");
    assert_fails("wall = 'noon'", AIP_E_SCHEMA, "expected a timestamp as 'YYYY-MM-DD HH:MM:SS', found 'noon'");
    assert_fails("day < 3", AIP_E_SCHEMA, "'<' cannot compare date32 and int64");
    assert_fails("wall - wall", AIP_E_SCHEMA, "date_diff('second', a, b) gives the time between");
    assert_fails("year(i)", AIP_E_SCHEMA, "'year' expects a date or timestamp, found int64");
    assert_fails("hour(day)", AIP_E_SCHEMA, "'hour' expects a timestamp, found date32");
    assert_fails("cast(i as date32)", AIP_E_SCHEMA, "cannot convert int64 to date32");
    assert_fails("cast(at as int64)", AIP_E_SCHEMA, "cannot convert timestamp to int64; epoch(x) gives its seconds");
    assert_fails("x = 'r'", AIP_E_SCHEMA, "'=' expects a value that is not binary, found binary");
    assert_fails("null", AIP_E_SCHEMA, "expected a value of some type, found null; cast(null as float64) gives it one");
    assert_fails("coalesce(null, null)", AIP_E_SCHEMA, "found only nulls");
}
END_TEST

START_TEST(wall_time_and_instants_do_not_mix) {
    assert_fails("at < wall", AIP_E_SCHEMA, "a timestamp with a zone and one without");
    assert_fails("hour(wall, 'UTC')", AIP_E_SCHEMA, "expects a timestamp that has a zone, found timestamp without");
    assert_fails("wall = '2013-01-01T00:00:00Z'", AIP_E_SCHEMA, "expected a timestamp without offset");
    assert_values("timestamp(wall, 'America/New_York') < at", "bool", "[true, null, true, true, true, null]");
}
END_TEST

START_TEST(zones_and_units_must_exist_and_be_constants) {
    assert_fails("hour(at, 'Mars/Olympus')", AIP_E_PARAM,
                 "column 10: expected a time zone such as 'UTC' or 'America/New_York', found 'Mars/Olympus'");
    assert_fails("hour(at, '../../etc/passwd')", AIP_E_PARAM, "expected a time zone");
    assert_fails("hour(at, t)", AIP_E_SCHEMA, "'hour' expects a time zone as a constant text");
    assert_fails("date_diff('fortnight', day, day)", AIP_E_PARAM, "expected a unit");
}
END_TEST

static void assert_field(const char *expression, int32_t type, const char *zone, int32_t nullable) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    ck_assert_int_eq(aip__expr_parse(table_ctx, expression, strlen(expression), &e, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_bind(e, table->schema, &b, NULL), AIP_OK);
    const aip_field *f = aip__expr_field(b);
    ck_assert_msg(f->type == type, "%s is %s", expression, aip_type_name(f->type));
    ck_assert_msg(f->nullable == nullable, "%s: nullable is %d", expression, f->nullable);
    if (zone)
        ck_assert_str_eq(f->zone, zone);
    else
        ck_assert_ptr_null(f->zone);
    aip__expr_unbind(b);
    aip__expr_free(e);
}

START_TEST(the_result_says_its_type_zone_and_whether_it_may_be_null) {
    assert_field("k + 1", AIP_INT64, NULL, 0);
    assert_field("i + 1", AIP_INT64, NULL, 1);
    assert_field("k / 2", AIP_FLOAT64, NULL, 1); /* a zero divisor gives null */
    assert_field("k is null", AIP_BOOL, NULL, 0);
    assert_field("i is null", AIP_BOOL, NULL, 0);
    assert_field("coalesce(i, k)", AIP_INT64, NULL, 0);
    assert_field("coalesce(i, j)", AIP_INT64, NULL, 1);
    assert_field("if(k > 1, 'a', 'b')", AIP_UTF8, NULL, 0);
    assert_field("if(i > 1, 'a', 'b')", AIP_UTF8, NULL, 0);
    assert_field("case when k > 1 then 'a' end", AIP_UTF8, NULL, 1);
    assert_field("\"odd name\" = 'x'", AIP_BOOL, NULL, 0);
    assert_field("try_cast(k as int32)", AIP_INT32, NULL, 1);
    assert_field("cast(k as float32)", AIP_FLOAT32, NULL, 0);
    assert_field("coalesce(at, '2013-01-01')", AIP_TIMESTAMP, "America/New_York", 0);
    assert_field("timestamp(wall, 'UTC')", AIP_TIMESTAMP, "UTC", 1);
    assert_field("timestamp(day)", AIP_TIMESTAMP, NULL, 1);
    assert_field("at", AIP_TIMESTAMP, "America/New_York", 1);
    assert_field("sqrt(k)", AIP_FLOAT64, NULL, 1);
    assert_field("cast(null as float64)", AIP_FLOAT64, NULL, 1);
    assert_field("1 + 1", AIP_INT64, NULL, 0);
}
END_TEST

START_TEST(an_expression_may_go_before_what_was_bound_from_it) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    aip__column *c = NULL;
    const char *text = "if(t = 'abc', 'yes', t || '!')";
    ck_assert_int_eq(aip__expr_parse(table_ctx, text, strlen(text), &e, NULL), AIP_OK);
    ck_assert_int_eq(aip__expr_bind(e, table->schema, &b, NULL), AIP_OK);
    aip__expr_free(e);
    ck_assert_int_eq(aip__expr_eval(b, table, &c, NULL), AIP_OK);
    aip__expr_unbind(b);
    size_t n = 0;
    ck_assert_mem_eq(aip__column_text(c, 0, &n), "yes", 3);
    ck_assert_mem_eq(aip__column_text(c, 1, &n), " Abc !", 6);
    aip__column_free(c);
}
END_TEST

/* ---- refused memory ---- */
typedef struct refusing {
    int64_t calls, fail_at, live;
} refusing;
static void *refusing_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    refusing *r = user;
    void *p = NULL;
    if (new_size > 0) {
        if (++r->calls == r->fail_at || !(p = aligned_alloc(align < 16 ? 16 : align, (new_size + 63) & ~(size_t)63))) return NULL;
        if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    r->live += (new_size > 0) - (ptr != NULL);
    return p;
}

START_TEST(a_refused_allocation_leaks_nothing_and_is_reported) {
    const char *text = "if(s in ('a', 'b'), upper(s) || '!', text(timestamp(lower(s), 'America/New_York')))";
    int32_t status = AIP_E_NOMEM;
    for (int64_t k = 1; status != AIP_OK; k++) {
        refusing state = {.fail_at = k};
        aip_allocator allocator = {.struct_size = sizeof allocator, .user = &state, .resize = refusing_resize};
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        aip_context *ctx = NULL;
        aip_schema *schema = NULL;
        aip__utf8_builder builder = {0};
        aip__column *column = NULL, *out = NULL;
        aip__expr *e = NULL;
        aip__bound_expr *b = NULL;
        aip_error *err = NULL;
        aip_field field = aip__field("s", AIP_UTF8);
        options.allocator = &allocator;
        ck_assert_int_lt(k, 1000);
        status = aip__context_init(&options, &ctx, &err);
        if (status == AIP_OK) ctx->io = table_ctx->io;
        if (status == AIP_OK) status = aip_schema_create(ctx, &field, 1, &schema, &err);
        if (status == AIP_OK) status = aip__utf8_begin(&builder, ctx, AIP_UTF8, 1, 8, &err);
        if (status == AIP_OK && (status = aip__utf8_add(&builder, "a", 1, &err)) != AIP_OK) aip__utf8_abandon(&builder);
        if (status == AIP_OK) status = aip__utf8_end(&builder, &column, &err);
        if (status == AIP_OK) status = aip__expr_parse(ctx, text, strlen(text), &e, &err);
        if (status == AIP_OK) status = aip__expr_bind(e, schema, &b, &err);
        if (status == AIP_OK) status = aip__expr_eval_columns(b, &column, 1, 0, &out, &err);
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "allocation %d: %s", (int)k, aip_error_text(err));
        ck_assert_int_eq(status == AIP_OK, err == NULL);
        aip_error_free(err);
        aip__column_free(out);
        aip__column_free(column);
        aip__expr_unbind(b);
        aip__expr_free(e);
        aip_schema_free(schema);
        if (ctx) aip__context_release(ctx);
        ck_assert_int_eq(state.live, 0);
    }
}
END_TEST

START_TEST(every_function_is_documented) {
    FILE *f = fopen(AIPIPE_SOURCE_ROOT "/docs/expressions.md", "r");
    ck_assert_ptr_nonnull(f);
    static char manual[32768];
    manual[fread(manual, 1, sizeof manual - 1, f)] = 0;
    fclose(f);
    aip__expr_doc doc;
    int32_t n = 0;
    for (; aip__expr_function_doc(n, &doc); n++) {
        ck_assert(doc.name && doc.name[0] && doc.signature && doc.signature[0] && doc.doc);
        ck_assert_int_eq(doc.doc[strlen(doc.doc) - 1], '.');
        ck_assert_msg(strstr(manual, doc.doc) != NULL, "docs/expressions.md does not have: %s", doc.signature);
    }
    ck_assert_int_gt(n, 60);
    ck_assert(!aip__expr_function_doc(-1, &doc));
}
END_TEST

Suite *expr_types_suite(void) {
    const TTest *const tests[] = {an_unknown_column_is_named_with_the_nearest,
                                  types_that_do_not_fit_are_both_named,
                                  wall_time_and_instants_do_not_mix,
                                  zones_and_units_must_exist_and_be_constants,
                                  the_result_says_its_type_zone_and_whether_it_may_be_null,
                                  an_expression_may_go_before_what_was_bound_from_it,
                                  a_refused_allocation_leaks_nothing_and_is_reported,
                                  every_function_is_documented,
                                  NULL};
    return table_suite("expr types", tests);
}
