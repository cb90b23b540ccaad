/* The scorer's row plans: the bits, the errors and their words are those of aip_package_predict, for every kind of stage and of bound field, row by
 * row and in blocks; and nothing is allocated. The expected values are predict's own: what it computes, other tests hold to references. */
#include "base/context.h"
#include "data/dataset.h"
#include "package/package.h"
#include "package_suites.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- rows ------------------------------------------------------------------------------------------------------------------------- */

typedef struct __attribute__((packed)) { /* no field is aligned but the first */
    uint8_t b;
    double f;
    float g;
    int32_t i;
    const char *t;
    int64_t l;
    const char *u;
    int32_t d;
    int64_t s;
    double fi, fl; /* i and l as doubles, and a missing one now and then */
    float e;       /* never there at the fit */
} row;

typedef struct {
    const char *name;
    int32_t type;
    size_t offset;
} column;

static const column strict[] = {{"f", AIP_FLOAT64, offsetof(row, f)},   {"g", AIP_FLOAT32, offsetof(row, g)},
                                {"i", AIP_INT32, offsetof(row, i)},     {"t", AIP_UTF8, offsetof(row, t)},
                                {"l", AIP_INT64, offsetof(row, l)},     {"b", AIP_BOOL, offsetof(row, b)},
                                {"u", AIP_UTF8, offsetof(row, u)},      {"d", AIP_DATE32, offsetof(row, d)},
                                {"s", AIP_TIMESTAMP, offsetof(row, s)}, {"e", AIP_FLOAT32, offsetof(row, e)}};
/* The same columns in other types of the host's. */
static const column loose[] = {{"f", AIP_FLOAT32, offsetof(row, g)},  {"g", AIP_FLOAT32, offsetof(row, e)},
                               {"i", AIP_FLOAT64, offsetof(row, fi)}, {"t", AIP_UTF8, offsetof(row, u)},
                               {"l", AIP_FLOAT64, offsetof(row, fl)}, {"b", AIP_BOOL, offsetof(row, b)},
                               {"u", AIP_UTF8, offsetof(row, t)},     {"d", AIP_DATE32, offsetof(row, i)},
                               {"s", AIP_DATE32, offsetof(row, d)},   {"e", AIP_FLOAT32, offsetof(row, g)}};
/* And in others again, with steps of one size between the integers. */
static const column widening[] = {{"f", AIP_INT64, offsetof(row, l)},     {"g", AIP_FLOAT32, offsetof(row, g)},
                                  {"i", AIP_INT32, offsetof(row, i)},     {"t", AIP_UTF8, offsetof(row, t)},
                                  {"l", AIP_INT32, offsetof(row, d)},     {"b", AIP_BOOL, offsetof(row, b)},
                                  {"u", AIP_UTF8, offsetof(row, t)},      {"d", AIP_DATE32, offsetof(row, d)},
                                  {"s", AIP_TIMESTAMP, offsetof(row, l)}, {"e", AIP_FLOAT32, offsetof(row, e)}};
#define N_COLUMNS 10

static uint64_t state;
static double uniform(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53;
}
static int pick(int n) { return (int)(uniform() * n); }

static const char long_text[] = "a text of more than sixteen bytes, and then some",
                  long_text_2[] = "a text of more than sixteen bytes, or less";
static const char *const texts[] = {"Bonn", "K\xc3\xb6ln", "", long_text, "x", "eight by", "sixteen bytes it", "tri"};
static const char *const others[] = {"Bonn", "nowhere", long_text_2, "\xe2\x82\xac", "K\xc3\xb6ln", "seventeen bytes it"};

/* `hard`: what a fit refuses or never saw. */
static row random_row(bool hard) {
    row r = {.b = (uint8_t)pick(2), .f = uniform() * 10 - 3, .g = (float)pick(6) / 4, .i = pick(24), .l = pick(1000) - 500};
    r.t = texts[pick(hard ? 8 : 6)];
    r.u = texts[pick(4)];
    r.d = 15000 + pick(800);
    r.s = INT64_C(1400000000000000) + (int64_t)(uniform() * 1e15);
    r.fi = r.i, r.fl = (double)r.l, r.e = (float)NAN;
    if (pick(7) == 0) r.f = (double)NAN;
    if (pick(9) == 0) r.g = (float)NAN;
    if (pick(9) == 0) r.t = NULL;
    if (!hard) return r;
    if (pick(12) == 0) r.fi = (double)NAN;
    if (pick(12) == 0) r.fl = (double)NAN;
    if (pick(40) == 0) r.f = pick(2) ? INFINITY : -INFINITY;
    if (pick(40) == 0) r.f = pick(2) ? 1e300 : -0.0;
    if (pick(40) == 0) r.g = INFINITY;
    if (pick(40) == 0) r.fi = 2.5;
    if (pick(40) == 0) r.fl = 1e40;
    if (pick(40) == 0) r.l = pick(2) ? INT64_MAX : INT64_MIN;
    if (pick(40) == 0) r.i = pick(2) ? INT32_MAX : -7;
    if (pick(10) == 0) r.t = others[pick(6)];
    if (pick(10) == 0) r.u = others[pick(6)];
    if (pick(20) == 0) r.u = NULL;
    if (pick(20) == 0) r.b = 200;
    return r;
}

/* ---- datasets ----------------------------------------------------------------------------------------------------------------------- */

static double target_of(const row *r) {
    return (isnan(r->f) ? 0 : r->f) + r->i / 5.0 + (r->t && r->t[0] == 'B' ? 3 : 0) + (r->b ? 1 : 0) > 5;
}

/* The fields as columns of these types: NaN and NULL are nulls. With `target`, one column more. */
static aip_dataset *dataset_of(aip_context *ctx, const column *columns, const row *rows, int64_t n, bool target) {
    aip_field fields[N_COLUMNS + 1];
    aip_column_view v[N_COLUMNS + 1];
    void *made[N_COLUMNS + 1][3] = {{NULL}};
    for (int c = 0; c < N_COLUMNS + target; c++) {
        int32_t type = c < N_COLUMNS ? columns[c].type : AIP_FLOAT64;
        fields[c] = aip__field(c < N_COLUMNS ? columns[c].name : "late", type);
        v[c] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        v[c].type = type;
        v[c].length = n;
        v[c].null_count = -1;
        uint8_t *values = made[c][0] = calloc((size_t)n + 8, type == AIP_UTF8 ? 64 : 8),
                *valid = made[c][1] = calloc((size_t)n, 1);
        int32_t *offsets = made[c][2] = calloc((size_t)n + 1, sizeof *offsets);
        for (int64_t i = 0; i < n; i++) {
            const uint8_t *at = (const uint8_t *)&rows[i] + (c < N_COLUMNS ? columns[c].offset : 0);
            bool there = true;
            double wide = target_of(&rows[i]);
            float narrow = 0;
            const char *text = NULL;
            if (type == AIP_FLOAT64 && c < N_COLUMNS) memcpy(&wide, at, sizeof wide);
            if (type == AIP_FLOAT32) memcpy(&narrow, at, sizeof narrow);
            if (type == AIP_UTF8) memcpy(&text, at, sizeof text);
            if (type == AIP_BOOL) {
                values[i / 8] = (uint8_t)(values[i / 8] | (*at != 0) << (i % 8));
            } else if (type == AIP_UTF8) {
                there = text != NULL;
                offsets[i + 1] = offsets[i] + (int32_t)(text ? strlen(text) : 0);
                if (text) memcpy(values + offsets[i], text, strlen(text));
            } else if (type == AIP_FLOAT64) {
                there = !isnan(wide);
                memcpy(values + 8 * i, &wide, 8);
            } else {
                there = !isnan(narrow);
                memcpy(values + aip__type_width(type) * (size_t)i, at, aip__type_width(type));
            }
            if (there) valid[i / 8] = (uint8_t)(valid[i / 8] | 1u << (i % 8));
        }
        v[c].values = values;
        v[c].validity = valid;
        v[c].offsets = type == AIP_UTF8 ? offsets : NULL;
    }
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, fields, N_COLUMNS + target, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, N_COLUMNS + target, &d, &err));
    aip_schema_free(schema);
    for (int c = 0; c < N_COLUMNS + target; c++) free(made[c][0]), free(made[c][1]), free(made[c][2]);
    return d;
}

/* ---- pipelines ----------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *params;
} stage_spec;
typedef struct {
    const char *what;
    stage_spec stages[8];
} pipeline_spec;

#define DROP_REST \
    { "select", "{\"columns\": [\"f\", \"g\", \"i\", \"l\", \"b\"]}" }
static const pipeline_spec pipelines[] = {
    {"nothing but numbers", {{"select", "{\"columns\": [\"i\", \"l\", \"b\"]}"}}},
    {"scaled, order changed", {{"select", "{\"columns\": [\"l\", \"b\", \"i\"]}"}, {"standard_scaler", NULL}}},
    {"mean", {DROP_REST, {"simple_imputer", "{\"columns\": [\"f\", \"g\"], \"strategy\": \"mean\"}"}}},
    {"median, indicators, scaled",
     {DROP_REST,
      {"simple_imputer", "{\"columns\": [\"f\", \"i\", \"g\"], \"strategy\": \"median\", \"add_indicator\": true}"},
      {"standard_scaler", NULL}}},
    {"scaled before imputed", {DROP_REST, {"standard_scaler", NULL}, {"simple_imputer", NULL}}},
    {"constant of float32 and integers",
     {DROP_REST,
      {"simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": 7, \"add_indicator\": true}"},
      {"standard_scaler", "{\"columns\": [\"g\", \"l\"], \"with_mean\": false}"}}},
    {"a column that was never there",
     {{"select", "{\"columns\": [\"e\", \"i\", \"l\"]}"},
      {"standard_scaler", NULL},
      {"simple_imputer", "{\"strategy\": \"median\", \"keep_empty_features\": true}"}}},
    {"left out when never there", {{"select", "{\"columns\": [\"e\", \"i\", \"f\"]}"}, {"simple_imputer", NULL}}},
    {"one-hot of texts", {{"select", "{\"columns\": [\"t\", \"u\"]}"}, {"one_hot_encoder", "{\"handle_unknown\": \"ignore\"}"}}},
    {"one-hot of texts, unknown is an error", {{"select", "{\"columns\": [\"t\", \"i\", \"u\"]}"}, {"one_hot_encoder", NULL}}},
    {"one-hot of all kinds, one dropped",
     {{"select", "{\"columns\": [\"t\", \"g\", \"i\", \"b\", \"l\"]}"},
      {"one_hot_encoder", "{\"columns\": [\"i\", \"g\", \"t\", \"b\"], \"drop\": \"first\", \"handle_unknown\": \"ignore\"}"}}},
    {"one-hot of dates, scaled after, some columns of a group left out",
     {{"select", "{\"columns\": [\"t\", \"d\", \"s\", \"b\"]}"},
      {"derive", "{\"d\": \"date(2014, month(d), 1)\"}"},
      {"one_hot_encoder", "{\"columns\": [\"d\", \"t\"], \"handle_unknown\": \"ignore\"}"},
      {"standard_scaler", "{\"columns\": [\"t_Bonn\", \"t_nan\"]}"},
      {"drop", "{\"columns\": [\"s\", \"t_x\"]}"}}},
    {"most frequent of all kinds",
     {{"simple_imputer",
       "{\"columns\": [\"t\", \"u\", \"i\", \"g\", \"l\", \"f\", \"b\", \"d\"], \"strategy\": \"most_frequent\"}"},
      {"one_hot_encoder", "{\"columns\": [\"t\", \"u\"], \"handle_unknown\": \"ignore\"}"},
      {"drop", "{\"columns\": [\"d\", \"s\", \"e\"]}"}}},
    {"constant of texts",
     {{"select", "{\"columns\": [\"t\", \"i\"]}"},
      {"simple_imputer", "{\"columns\": [\"t\"], \"strategy\": \"constant\", \"fill_value\": \"x\"}"},
      {"one_hot_encoder", "{\"handle_unknown\": \"ignore\"}"}}},
    {"derived",
     {{"derive",
       "{\"ratio\": \"f / l\", \"next\": \"i + 1\", \"late\": \"f > 2 and b\", \"gap\": \"f is null\", \"y\": \"year(d)\","
       " \"h\": \"hour(s)\", \"c\": \"coalesce(f, g, -1)\", \"low\": \"lower(t) || 'x'\", \"n\": \"length(u)\","
       " \"root\": \"sqrt(f)\", \"nan\": \"coalesce(is_nan(f - f), false)\", \"same\": \"f\", \"few\": \"if(t in ('Bonn', 'x'), 1.5, l % 7)\","
       " \"f32\": \"cast(f as float32)\"}"},
      {"simple_imputer", "{\"columns\": [\"ratio\", \"c\", \"root\", \"few\", \"same\", \"f\", \"f32\", \"n\", \"h\"]}"},
      {"one_hot_encoder", "{\"columns\": [\"low\"], \"handle_unknown\": \"ignore\"}"},
      {"drop", "{\"columns\": [\"t\", \"u\", \"d\", \"s\", \"e\", \"g\", \"late\"]}"},
      {"derive", "{\"gap\": \"not gap\"}"},
      {"standard_scaler", "{\"columns\": [\"next\", \"ratio\", \"c\", \"n\"]}"}}},
    {"a derived column in the place of another, read by the next",
     {{"select", "{\"columns\": [\"i\", \"l\", \"f\"]}"},
      {"derive", "{\"l\": \"l * 2\", \"k\": \"l + i\", \"f\": \"coalesce(f, 0) * k\"}"}}},
    {"cast, renamed",
     {{"select", "{\"columns\": [\"i\", \"l\", \"b\", \"d\", \"f\"]}"},
      {"cast",
       "{\"columns\": {\"i\": \"float64\", \"l\": \"int32\", \"b\": \"int64\", \"d\": \"timestamp\", \"f\": \"float32\"}}"},
      {"rename", "{\"columns\": {\"i\": \"hour\"}}"},
      {"derive", "{\"d\": \"epoch(d)\"}"},
      {"simple_imputer", "{\"columns\": [\"f\"]}"}}},
    {"cast of texts",
     {{"select", "{\"columns\": [\"t\", \"i\"]}"},
      {"derive", "{\"t\": \"if(t = 'x', '3', t)\"}"},
      {"cast", "{\"columns\": {\"t\": \"float64\"}, \"on_bad_cell\": \"null\"}"},
      {"simple_imputer", "{\"columns\": [\"t\"]}"}}},
};
#define N_PIPELINES (int)(sizeof pipelines / sizeof *pipelines)

static aip_package *fit_package(aip_context *ctx, const pipeline_spec *p, aip_dataset *d) {
    aip_stage *stages[8] = {NULL}, *pipeline = NULL;
    aip_model *model = NULL;
    aip_package *package = NULL;
    int32_t n = 0;
    for (; n < 8 && p->stages[n].name; n++)
        OK(aip_stage_create(ctx, p->stages[n].name, p->stages[n].params, NULL, 0, &stages[n], &err));
    OK(aip_stage_pipeline(ctx, stages, n, &pipeline, &err));
    OK(aip_model_create(ctx, "logistic_regression", NULL, &model, &err));
    OK(aip_package_fit(ctx, pipeline, model, d, "late", NULL, &package, &err));
    for (int32_t i = 0; i < n; i++) aip_stage_free(stages[i]);
    aip_stage_free(pipeline);
    aip_model_free(model);
    return package;
}

typedef struct {
    const char *column;
    double *at;
} taking;
static int32_t take(void *user, aip_batch *b, aip_error **err) {
    taking *t = user;
    (void)err;
    int32_t i = aip_schema_find(b->schema, t->column);
    ck_assert_int_ge(i, 0);
    aip__column_to_f64(b->columns[i], 0, t->at);
    t->at += b->n_rows;
    return AIP_OK;
}

static int32_t predict(aip_package *p, const column *columns, const row *rows, int64_t n, const char *output, double *out,
                       aip_error **err) {
    aip_dataset *d = dataset_of(p->ctx, columns, rows, n, false), *predicted = NULL;
    taking t = {output, out};
    int32_t status = aip_package_predict(p, d, &predicted, err);
    if (status == AIP_OK) status = aip_dataset_each(predicted, NULL, take, &t, NULL, err);
    aip_dataset_free(predicted);
    aip_dataset_free(d);
    return status;
}

static aip_scorer *scorer_of(aip_package *p, const column *columns, const char *params) {
    aip_scorer *s = NULL;
    OK(aip_scorer_create(p, params, &s, &err));
    for (int c = 0; c < N_COLUMNS; c++)
        if (aip_schema_find(p->inputs, columns[c].name) >= 0)
            OK(aip_scorer_bind(s, columns[c].name, columns[c].type, columns[c].offset, &err));
    return s;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------------------- */

#define N_FIT 600
#define N_ROWS 400
static row fit_rows[N_FIT], rows[N_ROWS], good[N_ROWS];

static aip_context *context_of(const aip_allocator *allocator) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = unit_threads(AIP_THREADS_NONE);
    o.allocator = allocator;
    aip_context *ctx = NULL;
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

/* Each row by itself, then all that are good in one call; returns how many were good. */
static int compare(aip_package *p, const pipeline_spec *spec, const column *columns, const char *params, const char *output) {
    static double expected[N_ROWS], got[N_ROWS];
    aip_scorer *s = scorer_of(p, columns, params);
    const char *by_batches = NULL;
    OK(aip_scorer_prepare(s, &by_batches, &err));
    ck_assert_msg(!by_batches, "%s: %s", spec->what, by_batches);
    int n = 0;
    for (int r = 0; r < N_ROWS; r++) {
        aip_error *want_error = NULL, *got_error = NULL;
        double want = 0, one = 0;
        int32_t status = predict(p, columns, &rows[r], 1, output, &want, &want_error);
        ck_assert_msg(aip_scorer_run(s, &rows[r], sizeof *rows, 1, &one, &got_error) == status, "%s, row %d: %s, not %s",
                      spec->what, r, aip_error_text(got_error), aip_error_text(want_error));
        ck_assert_str_eq(aip_error_message(got_error), aip_error_message(want_error));
        if (status == AIP_OK) {
            ck_assert_msg(memcmp(&one, &want, sizeof one) == 0, "%s, row %d: %a, not %a", spec->what, r, one, want);
            expected[n] = want;
            good[n++] = rows[r];
        }
        aip_error_free(want_error);
        aip_error_free(got_error);
    }
    static const int sizes[] = {0, 1, 2, 7, 8, 9, 63, 127, 128, 129, 200, N_ROWS};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int m = sizes[k] < n ? sizes[k] : n;
        OK(aip_scorer_run(s, good, sizeof *good, m, got, &err));
        ck_assert_msg(memcmp(got, expected, (size_t)m * sizeof *got) == 0, "%s, %d rows", spec->what, m);
    }
    aip_scorer_free(s);
    return n;
}

START_TEST(rows_get_the_bits_and_the_errors_of_predict) {
    static const column *const bindings[] = {strict, loose, widening};
    aip_context *ctx = context_of(NULL);
    const pipeline_spec *spec = &pipelines[_i];
    state = 17 + (uint64_t)_i;
    for (int i = 0; i < N_FIT; i++) fit_rows[i] = random_row(false);
    for (int i = 0; i < N_ROWS; i++) rows[i] = random_row(true);
    aip_dataset *d = dataset_of(ctx, strict, fit_rows, N_FIT, true);
    aip_package *p = fit_package(ctx, spec, d);
    int n_good = 0;
    for (int b = 0; b < 3; b++) {
        int n = compare(p, spec, bindings[b], NULL, "probability");
        if (b == 0) n_good = n;
        compare(p, spec, bindings[b], "{\"output\": \"prediction\"}", "prediction");
    }
    ck_assert_int_gt(n_good, N_ROWS / 2); /* most rows are such that something is compared */
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

typedef struct {
    _Atomic(int64_t) calls;
} counting;
static void *counted_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    counting *c = user;
    (void)old_size;
    c->calls++;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (align <= 16) return realloc(ptr, new_size);
    void *made = aligned_alloc(align, (new_size + align - 1) / align * align);
    if (made && ptr) memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    if (made) free(ptr);
    return made;
}

START_TEST(runs_after_prepare_allocate_nothing) {
    counting c = {0};
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    allocator.user = &c;
    allocator.resize = counted_resize;
    const pipeline_spec *spec = &pipelines[_i];
    state = 99;
    for (int i = 0; i < N_FIT; i++) fit_rows[i] = random_row(false);
    aip_context *fitting = context_of(NULL),
                *ctx = context_of(&allocator); /* two: a worker that ends a job of the fit still frees */
    aip_dataset *d = dataset_of(fitting, strict, fit_rows, N_FIT, true);
    aip_package *fitted = fit_package(fitting, spec, d), *p = NULL;
    char *bytes = NULL;
    size_t n_bytes = 0;
    OK(aip_package_to_bytes(fitted, &bytes, &n_bytes, &err));
    OK(aip_package_from_bytes(ctx, bytes, n_bytes, &p, &err));
    aip_scorer *s = scorer_of(p, strict, NULL);
    static double one[N_FIT], many[N_FIT];
    OK(aip_scorer_prepare(s, NULL, &err));
    if (strcmp(spec->what, "derived") == 0)
        OK(aip_scorer_run(s, fit_rows, sizeof *fit_rows, N_FIT, many, &err)); /* the memory of the texts that it makes */
    int64_t before = c.calls;
    int32_t status = AIP_OK;
    for (int i = 0; i < N_FIT; i++) status |= aip_scorer_run(s, &fit_rows[i], sizeof *fit_rows, 1, &one[i], NULL);
    status |= aip_scorer_run(s, fit_rows, sizeof *fit_rows, N_FIT, many, NULL);
    ck_assert_int_eq(c.calls, before);
    ck_assert_int_eq(status, AIP_OK);
    ck_assert_mem_eq(one, many, sizeof one);
    aip_scorer_free(s);
    aip_package_free(p);
    aip_text_free(fitting, bytes);
    aip_package_free(fitted);
    aip_dataset_free(d);
    aip_context_free(fitting);
    aip_context_free(ctx);
}
END_TEST

/* A stage of the host's: x becomes 2 x; its table of functions ends where 0.1.0's did. */
static int32_t double_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **err) {
    (void)self, (void)fitted, (void)err;
    *bound = aip__schema_retain(in);
    *out = aip__schema_retain(in);
    return AIP_OK;
}
static void double_unbind(void *bound) { aip_schema_free(bound); }
static int32_t double_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    double *x = malloc((size_t)in->n_rows * sizeof *x);
    aip__column_to_f64(in->columns[0], 0, x);
    for (int64_t i = 0; i < in->n_rows; i++) x[i] *= 2;
    v.type = AIP_FLOAT64;
    v.length = in->n_rows;
    v.values = x;
    int32_t status = aip_batch_create(bound, &v, 1, out, err);
    free(x);
    return status;
}

START_TEST(a_stage_without_rows_goes_by_batches_and_is_named) {
    static const aip_stage_ops ops = {
        .struct_size = offsetof(aip_stage_ops, describe), .bind = double_bind, .unbind = double_unbind, .apply = double_apply};
    aip_context *ctx = context_of(NULL);
    aip_descriptor descriptor = AIP_DESCRIPTOR_INIT;
    descriptor.kind = AIP_KIND_STAGE;
    descriptor.name = "doubled";
    descriptor.doc = "twice";
    descriptor.ops = &ops;
    OK(aip_catalog_register(ctx, &descriptor, &err));
    const pipeline_spec spec = {"host", {{"select", "{\"columns\": [\"fi\"]}"}, {"doubled", NULL}}};
    state = 5;
    for (int i = 0; i < N_FIT; i++) fit_rows[i] = random_row(false);
    column columns[N_COLUMNS];
    memcpy(columns, strict, sizeof columns);
    columns[0] = (column){"fi", AIP_FLOAT64, offsetof(row, fi)};
    aip_dataset *d = dataset_of(ctx, columns, fit_rows, N_FIT, true);
    aip_package *p = fit_package(ctx, &spec, d);
    aip_scorer *s = scorer_of(p, columns, NULL);
    static double got[N_FIT], want[N_FIT];
    const char *by_batches = NULL;
    OK(aip_scorer_prepare(s, &by_batches, &err));
    ck_assert_str_eq(by_batches, "doubled");
    OK(aip_scorer_run(s, fit_rows, sizeof *fit_rows, N_FIT, got, &err));
    OK(predict(p, columns, fit_rows, N_FIT, "probability", want, &err));
    ck_assert_mem_eq(got, want, sizeof got);
    aip_scorer_free(s);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

START_TEST(more_rows_than_a_batch_holds_and_a_bad_one_among_them) {
    enum { MANY = 140000, BAD = 131500 };
    aip_context *ctx = context_of(NULL);
    state = 5;
    for (int i = 0; i < N_FIT; i++) fit_rows[i] = random_row(false);
    aip_dataset *d = dataset_of(ctx, strict, fit_rows, N_FIT, true);
    aip_package *p = fit_package(ctx, &pipelines[1], d); /* scaled l, b, i */
    aip_scorer *s = scorer_of(p, loose, NULL);
    row *many = malloc(MANY * sizeof *many);
    double *got = malloc(MANY * sizeof *got);
    static double want[N_FIT];
    OK(aip_scorer_run(s, fit_rows, sizeof *fit_rows, N_FIT, want, &err));
    for (int i = 0; i < MANY; i++) many[i] = fit_rows[i % N_FIT];
    OK(aip_scorer_run(s, many, sizeof *many, MANY, got, &err));
    for (int i = 0; i < MANY; i++) ck_assert(memcmp(&got[i], &want[i % N_FIT], sizeof *got) == 0);
    many[BAD].fi = 0.5;
    FAILS(aip_scorer_run(s, many, sizeof *many, MANY, got, &err), AIP_E_DATA, "column 'i', row 131500 (from 0): '0.5'");
    many[BAD].fi = (double)NAN;
    FAILS(aip_scorer_run(s, many, sizeof *many, MANY, got, &err), AIP_E_DATA, "column 'i' is missing in row 131500");
    OK(aip_scorer_run(s, &many[7], 0, 300, got, &err)); /* one row again and again */
    for (int i = 0; i < 300; i++) ck_assert(memcmp(&got[i], &want[7], sizeof *got) == 0);
    OK(aip_scorer_run(s, NULL, 0, 0, NULL, &err));
    FAILS(aip_scorer_run(s, NULL, 0, 1, got, &err), AIP_E_MISUSE, "expected a scorer");
    FAILS(aip_scorer_prepare(NULL, NULL, &err), AIP_E_MISUSE, "expected a scorer");
    free(many);
    free(got);
    aip_scorer_free(s);
    aip_package_free(p);
    aip_dataset_free(d);
    aip_context_free(ctx);
}
END_TEST

Suite *scorer_suite(void) {
    Suite *suite = suite_create("scorer");
    TCase *tc = tcase_create("scorer");
    tcase_add_loop_test(tc, rows_get_the_bits_and_the_errors_of_predict, 0, N_PIPELINES);
    tcase_add_loop_test(tc, runs_after_prepare_allocate_nothing, 0, N_PIPELINES);
    tcase_add_test(tc, a_stage_without_rows_goes_by_batches_and_is_named);
    tcase_add_test(tc, more_rows_than_a_batch_holds_and_a_bad_one_among_them);
    suite_add_tcase(suite, tc);
    return suite;
}
