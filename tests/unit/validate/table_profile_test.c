/* The profile of a table. Expected values by hand and by numpy.quantile (linear), as the comments say. */
#include "model_fixture.h"

#include "base/document.h"
#include <aipipe/aipipe.h>

Suite *table_profile_suite(void);

static aip_context *context_of(int32_t workers) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    o.threads = workers == 0 ? AIP_THREADS_NONE : workers + 1;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

static char *profile_of(aip_dataset *d, const char *params) {
    char *json = NULL;
    aip__document *parsed = NULL;
    OK(aip_dataset_profile(d, params, NULL, &json, &err));
    OK(aip__json_parse(d->ctx, json, strlen(json), NULL, &parsed, &err)); /* it is JSON */
    aip__document_free(parsed);
    return json;
}

#define HAS(JSON, PART) ck_assert_msg(strstr(JSON, PART) != NULL, "expected %s in %s", PART, JSON)

/* 0 to 100 and two missing: numpy.quantile gives 5, 25, 50, 75 and 95; twelve bins by hand. */
START_TEST(numbers_have_a_range_a_mean_quantiles_and_a_histogram) {
    aip_context *ctx = context_of(unit_workers(2));
    int64_t k[103];
    double x[103];
    uint8_t valid[13], yes[103];
    const char *text[103];
    memset(valid, 0xff, sizeof valid);
    valid[12] = 0x1f; /* the last two are null */
    for (int i = 0; i < 103; i++) {
        k[i] = i;
        x[i] = i == 50 ? (double)NAN : i / 4.0;
        yes[i] = i % 4 == 0;
        text[i] = i % 3 == 0 ? "b" : "a \"q\"";
    }
    const fixture_column columns[] = {{.name = "k", .type = AIP_INT64, .i64 = k, .validity = valid},
                                      {.name = "x", .type = AIP_FLOAT64, .f64 = x},
                                      {.name = "t", .type = AIP_UTF8, .texts = text},
                                      {.name = "yes", .type = AIP_BOOL, .bytes = yes, .validity = valid}};
    aip_dataset *d = fixture_dataset(ctx, columns, 4, 103);
    char *json = profile_of(d, "{\"head\": 2}");
    HAS(json, "{\"rows\":103,\"rejected\":0,\"columns\":[");
    HAS(json,
        "{\"name\":\"k\",\"type\":\"int64\",\"missing\":2,\"distinct\":101,\"distinct_is_exact\":true,\"min\":0,\"max\":100,"
        "\"mean\":50,\"quantiles\":{\"0.05\":5,\"0.25\":25,\"0.5\":50,\"0.75\":75,\"0.95\":95},\"quantiles_are_exact\":true,"
        "\"sample_size\":101,\"histogram\":[9,8,8,9,8,8,9,8,8,9,8,9]}");
    HAS(json,
        "{\"name\":\"x\",\"type\":\"float64\",\"missing\":1,\"distinct\":102,\"distinct_is_exact\":true,\"min\":0.0,\"max\":25.5,");
    HAS(json, "{\"name\":\"t\",\"type\":\"utf8\",\"missing\":0,\"distinct\":2,\"distinct_is_exact\":true,"
              "\"top\":[{\"value\":\"a \\\"q\\\"\",\"count\":68},{\"value\":\"b\",\"count\":35}]}");
    HAS(json, "{\"name\":\"yes\",\"type\":\"bool\",\"missing\":2,\"distinct\":2,\"distinct_is_exact\":true,"
              "\"top\":[{\"value\":\"false\",\"count\":75},{\"value\":\"true\",\"count\":26}]}");
    HAS(json,
        "\"head\":[{\"k\":0,\"x\":0.0,\"t\":\"b\",\"yes\":true},{\"k\":1,\"x\":0.25,\"t\":\"a \\\"q\\\"\",\"yes\":false}],\"rejects\":[]}");
    aip_text_free(ctx, json);
    json = profile_of(d, "{\"head\": 0, \"top\": 1}");
    HAS(json, "\"top\":[{\"value\":\"false\",\"count\":75}]}");
    HAS(json, "\"head\":[]");
    aip_text_free(ctx, json);
    FAILS(aip_dataset_profile(d, "{\"heed\": 1}", NULL, &json, &err), AIP_E_PARAM, "did you mean 'head'?");
    FAILS(aip_dataset_profile(d, NULL, NULL, NULL, &err), AIP_E_MISUSE, "expected a dataset and json");
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(an_empty_table_has_columns_without_values) {
    aip_context *ctx = context_of(unit_workers(2));
    const fixture_column columns[] = {{.name = "x", .type = AIP_FLOAT64, .f64 = (const double[]){0}},
                                      {.name = "t", .type = AIP_UTF8, .texts = (const char *const[]){""}}};
    aip_dataset *d = fixture_dataset(ctx, columns, 2, 0);
    char *json = profile_of(d, NULL);
    ck_assert_str_eq(json,
                     "{\"rows\":0,\"rejected\":0,\"columns\":[{\"name\":\"x\",\"type\":\"float64\",\"missing\":0,\"distinct\":0,"
                     "\"distinct_is_exact\":true},{\"name\":\"t\",\"type\":\"utf8\",\"missing\":0,\"distinct\":0,"
                     "\"distinct_is_exact\":true,\"top\":[]}],\"head\":[],\"rejects\":[]}");
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

/* By hand; the twelve bins are those of 0, 1, 2 and 12. */
START_TEST(infinities_are_values_and_NaN_is_missing) {
    aip_context *ctx = context_of(unit_workers(2));
    const double inf = (double)INFINITY, nan = (double)NAN;
    const double up[6] = {inf, 1, 2, 0, 12, nan}, both[6] = {-inf, inf, nan, 1.5, 1.5, 1.5};
    const double down[6] = {-inf, 5, 5, nan, nan, nan}, only[6] = {inf, inf, inf, inf, nan, nan},
                 huge[6] = {-1e308, 1e308, -1e308, -1e308, 1e308, 1e308};
    const fixture_column columns[] = {{.name = "up", .type = AIP_FLOAT64, .f64 = up},
                                      {.name = "both", .type = AIP_FLOAT64, .f64 = both},
                                      {.name = "down", .type = AIP_FLOAT64, .f64 = down},
                                      {.name = "only", .type = AIP_FLOAT64, .f64 = only},
                                      {.name = "huge", .type = AIP_FLOAT64, .f64 = huge}};
    aip_dataset *d = fixture_dataset(ctx, columns, 5, 6);
    char *json = profile_of(d, "{\"head\": 3}");
    HAS(json, "{\"name\":\"up\",\"type\":\"float64\",\"missing\":1,\"distinct\":5,\"distinct_is_exact\":true,\"min\":0.0,"
              "\"max\":\"Infinity\",\"mean\":\"Infinity\",\"quantiles\":{\"0.05\":0.2,\"0.25\":1.0,\"0.5\":2.0,\"0.75\":12.0,"
              "\"0.95\":\"Infinity\"},\"quantiles_are_exact\":true,\"sample_size\":5,\"histogram\":[1,1,1,0,0,0,0,0,0,0,0,1]}");
    HAS(json, "\"distinct\":3,\"distinct_is_exact\":true,\"min\":\"-Infinity\",\"max\":\"Infinity\",\"mean\":\"NaN\","
              "\"quantiles\":{\"0.05\":\"-Infinity\",\"0.25\":1.5,\"0.5\":1.5,\"0.75\":1.5,\"0.95\":\"Infinity\"},"
              "\"quantiles_are_exact\":true,\"sample_size\":5,\"histogram\":[3,0,0,0,0,0,0,0,0,0,0,0]}");
    HAS(json, "\"min\":\"-Infinity\",\"max\":5.0,\"mean\":\"-Infinity\",");
    HAS(json,
        "\"min\":\"Infinity\",\"max\":\"Infinity\",\"mean\":\"Infinity\",\"quantiles\":{\"0.05\":\"Infinity\",\"0.25\":\"Infinity\",");
    HAS(json, "\"sample_size\":4,\"histogram\":[0,0,0,0,0,0,0,0,0,0,0,0]}");
    HAS(json, "\"min\":-1e+308,\"max\":1e+308,\"mean\":\"NaN\","); /* the sum is too large, the mean is not infinite */
    HAS(json, "\"0.5\":0.0,\"0.75\":1e+308,");
    HAS(json,
        "\"head\":[{\"up\":\"Infinity\",\"both\":\"-Infinity\",\"down\":\"-Infinity\",\"only\":\"Infinity\",\"huge\":-1e+308},");
    HAS(json, "{\"up\":2.0,\"both\":\"NaN\",\"down\":5.0,\"only\":\"Infinity\",\"huge\":-1e+308}],");
    aip_text_free(ctx, json);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(dates_timestamps_and_decimals_are_given_in_their_own_form) {
    aip_context *ctx = context_of(unit_workers(0));
    aip_dataset *d = NULL;
    aip_field fields[3] = {aip__field("day", AIP_DATE32), aip__field("at", AIP_TIMESTAMP), aip__field("price", AIP_DECIMAL64)};
    fields[1].zone = "UTC";
    fields[2].scale = 2;
    const int32_t days[2] = {0, 31};
    const int64_t at[2] = {0, 1500000}, price[2] = {125, -50};
    aip_column_view v[3] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    const void *values[3] = {days, at, price};
    for (int i = 0; i < 3; i++) v[i].type = fields[i].type, v[i].length = 2, v[i].values = values[i];
    aip_schema *schema = NULL;
    OK(aip_schema_create(ctx, fields, 3, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, 3, &d, &err));
    char *json = profile_of(d, NULL);
    HAS(json,
        "\"type\":\"date32\",\"missing\":0,\"distinct\":2,\"distinct_is_exact\":true,\"min\":\"1970-01-01\",\"max\":\"1970-02-01\"}");
    HAS(json, "\"type\":\"timestamp[UTC]\"");
    HAS(json, "\"min\":\"1970-01-01T00:00:00Z\",\"max\":\"1970-01-01T00:00:01.500000Z\"}");
    HAS(json,
        "\"type\":\"decimal64(2)\",\"missing\":0,\"distinct\":2,\"distinct_is_exact\":true,\"min\":-0.5,\"max\":1.25,\"mean\":0.375,");
    HAS(json, "\"head\":[{\"day\":\"1970-01-01\",\"at\":\"1970-01-01T00:00:00Z\",\"price\":\"1.25\"},");
    aip_text_free(ctx, json);
    aip_schema_free(schema);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(whole_numbers_that_a_double_does_not_hold_stay_apart_and_have_their_exact_range) {
    aip_context *ctx = context_of(unit_workers(0));
    aip_dataset *d = NULL;
    aip_field fields[2] = {aip__field("id", AIP_INT64), aip__field("at", AIP_TIMESTAMP)};
    const int64_t big = INT64_C(1) << 60, id[4] = {big, big + 1, big + 2, big + 1};
    const int64_t at[4] = {INT64_MAX, INT64_MAX - 1, INT64_MAX - 1, 0};
    aip_column_view v[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    const void *values[2] = {id, at};
    for (int i = 0; i < 2; i++) v[i].type = fields[i].type, v[i].length = 4, v[i].values = values[i];
    aip_schema *schema = NULL;
    OK(aip_schema_create(ctx, fields, 2, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, 2, &d, &err));
    char *json = profile_of(d, NULL);
    HAS(json, "\"distinct\":3,\"distinct_is_exact\":true,\"min\":1152921504606846976,\"max\":1152921504606846978,");
    HAS(json, "\"distinct\":3,\"distinct_is_exact\":true,\"min\":\"1970-01-01T00:00:00\",");
    aip_text_free(ctx, json);
    aip_schema_free(schema);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

#define LONG 400000

static aip_dataset *long_table(aip_context *ctx) {
    static double x[LONG];
    static int64_t k[LONG];
    static const char *t[LONG];
    static char names[20000][8];
    uint64_t state = 3;
    for (int i = 0; i < 20000; i++) snprintf(names[i], sizeof names[i], "n%d", i);
    for (int i = 0; i < LONG; i++) {
        x[i] = fixture_uniform(&state);
        k[i] = i;
        t[i] = names[(int)(x[i] * 20000)];
    }
    const fixture_column columns[] = {{.name = "x", .type = AIP_FLOAT64, .f64 = x},
                                      {.name = "k", .type = AIP_INT64, .i64 = k},
                                      {.name = "t", .type = AIP_UTF8, .texts = t}};
    return fixture_dataset(ctx, columns, 3, LONG);
}

/* The error of a quantile of a sample of n is about sqrt(q (1 - q) / n): 5 of these for n of 50,000 are 0.011. */
START_TEST(a_long_table_gives_the_same_bits_for_any_number_of_workers_and_quantiles_of_a_sample) {
    static const int32_t workers[] = {0, 1, 2, 8};
    char *first = NULL;
    for (int w = 0; w < 4; w++) {
        aip_context *ctx = context_of(workers[w]);
        aip_dataset *d = long_table(ctx);
        char *json = profile_of(d, NULL);
        if (first) ck_assert_str_eq(json, first);
        if (!first) {
            double size = fixture_number(json, "sample_size");
            HAS(json, "\"distinct\":10000,\"distinct_is_exact\":false");
            HAS(json, "\"quantiles_are_exact\":false");
            HAS(json, "\"min\":0,\"max\":399999,\"mean\":199999.5,");
            HAS(json, "\"head\":[{\"x\":");
            ck_assert(size > 40000 && size <= 100000);
            ck_assert_double_eq_tol(fixture_number(json, "0.5"), 0.5, 0.011);
            ck_assert_double_eq_tol(fixture_number(json, "0.95"), 0.95, 0.011);
            first = strdup(json);
        }
        aip_text_free(ctx, json);
        aip_dataset_free(d);
        aip_context_free(ctx);
    }
    free(first);
}
END_TEST

START_TEST(the_first_rows_are_those_behind_a_filter_whatever_it_drops) {
    aip_context *ctx = context_of(unit_workers(2));
    aip_dataset *d = long_table(ctx), *some = NULL;
    aip_stage *filter = NULL;
    OK(aip_stage_create(ctx, "filter", "{\"where\": \"k >= 131070 and k % 2 = 0\"}", NULL, 0, &filter, &err));
    OK(aip_dataset_transform(d, filter, &some, &err));
    char *json = profile_of(some, "{\"head\": 3}");
    const char *head = strstr(json, "\"head\":"); /* the first of them is the last row but one of its batch */
    HAS(json, "{\"rows\":134465,");
    HAS(head, "\"k\":131070,");
    HAS(head, "\"k\":131072,");
    HAS(head, "\"k\":131074,");
    ck_assert_ptr_null(strstr(head, "\"k\":131076,"));
    aip_text_free(ctx, json);
    aip_stage_free(filter);
    aip_dataset_free(some);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_cancelled_profile_ends_with_E_CANCELLED_and_leaves_nothing) {
    aip_context *ctx = context_of(unit_workers(2));
    aip_dataset *d = long_table(ctx);
    aip_call call = AIP_CALL_INIT;
    char *json = NULL;
    OK(aip_cancel_create(ctx, &call.cancel, &err));
    aip_cancel_request(call.cancel);
    uint64_t before = aip_context_memory_used(ctx);
    FAILS(aip_dataset_profile(d, NULL, &call, &json, &err), AIP_E_CANCELLED, "cancelled");
    ck_assert_ptr_null(json);
    ck_assert_uint_le(aip_context_memory_used(ctx), before);
    aip_cancel_free(call.cancel);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

Suite *table_profile_suite(void) {
    const TTest *const tests[] = {numbers_have_a_range_a_mean_quantiles_and_a_histogram,
                                  an_empty_table_has_columns_without_values,
                                  infinities_are_values_and_NaN_is_missing,
                                  dates_timestamps_and_decimals_are_given_in_their_own_form,
                                  whole_numbers_that_a_double_does_not_hold_stay_apart_and_have_their_exact_range,
                                  a_long_table_gives_the_same_bits_for_any_number_of_workers_and_quantiles_of_a_sample,
                                  the_first_rows_are_those_behind_a_filter_whatever_it_drops,
                                  a_cancelled_profile_ends_with_E_CANCELLED_and_leaves_nothing,
                                  NULL};
    return unit_suite("table_profile", tests);
}
