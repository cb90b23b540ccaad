/* The account of rows: rows in = out + rejected + filtered at the end of whatever a pass is for, and a stage that breaks it ends each of them with an
 * internal error that names the numbers, leaving no output. The stages of this file lie on purpose, about one batch of many. */
#include "library_suites.h"
#include <aipipe/aipipe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N_ROWS 5000
#define N_BAD 20 /* of them */

/* ---- a stage that gives one row more, or less, of the batch that holds a certain value ------------------------------------------------------- */

typedef struct liar {
    int64_t at;
    int32_t by;
} liar;

typedef struct bound {
    const liar *of;
    aip_schema *schema;
} bound;

static int32_t liar_create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                           void **self, aip_error **err) {
    (void)ctx, (void)user, (void)inputs, (void)n_inputs, (void)err;
    liar *l = calloc(1, sizeof *l);
    ck_assert_ptr_nonnull(l);
    l->at = aip_params_int(params, "at");
    l->by = (int32_t)aip_params_int(params, "by");
    *self = l;
    return AIP_OK;
}

static int32_t liar_bind(const void *self, const void *fitted, const aip_schema *in, void **out, aip_schema **schema,
                         aip_error **err) {
    (void)fitted, (void)err;
    bound *b = calloc(1, sizeof *b);
    ck_assert_ptr_nonnull(b);
    *b = (bound){self, (aip_schema *)(uintptr_t)in};
    aip_schema_retain(b->schema);
    aip_schema_retain(b->schema);
    *out = b;
    *schema = b->schema;
    return AIP_OK;
}

static void liar_unbind(void *p) {
    aip_schema_free(((bound *)p)->schema);
    free(p);
}

static int32_t liar_apply(const void *p, const aip_batch *in, aip_batch **out, aip_error **err) {
    const bound *b = p;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(in, 0, &view, err);
    if (status != AIP_OK) return status;
    const int64_t *given = view.values;
    int64_t n = view.length, *values = calloc((size_t)n + 2, sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < view.length; i++) {
        values[i] = given[i];
        if (given[i] == b->of->at) n += b->of->by;
    }
    values[view.length] = -1; /* no key of the table */
    view.values = values;
    view.length = n;
    status = aip_batch_create(b->schema, &view, 1, out, err);
    free(values);
    return status;
}

static const aip_stage_ops liar_ops = {.struct_size = sizeof liar_ops,
                                       .create = liar_create,
                                       .destroy = free,
                                       .bind = liar_bind,
                                       .unbind = liar_unbind,
                                       .apply = liar_apply};

static const aip_param_spec liar_params[] = {
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_INT, .name = "at", .doc = "", .default_json = "3333"},
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_INT, .name = "by", .doc = "", .default_json = "-1"}};

static void add_liar(aip_context *ctx, const char *name, int32_t rows) {
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = name;
    d.doc = "Says one thing of its rows and does another";
    d.params = liar_params;
    d.n_params = 2;
    d.ops = &liar_ops;
    d.rows = rows;
    OK(aip_catalog_register(ctx, &d, &err));
}

/* ---- a connector that counts what is written to it ----------------------------------------------------------------------------------------------- */

static int64_t sunk, finished, aborted;

static int32_t sink_create(aip_context *ctx, void *user, const aip_params *params, const aip_location *at, void **self,
                           aip_error **err) {
    (void)ctx, (void)user, (void)params, (void)at, (void)err;
    *self = &sunk;
    return AIP_OK;
}
static int32_t sink_open(void *self, const aip_schema *schema, void **writer, aip_error **err) {
    (void)schema, (void)err;
    sunk = 0;
    *writer = self;
    return AIP_OK;
}
static int32_t sink_batch(void *self, void *writer, const aip_batch *batch, aip_error **err) {
    (void)self, (void)writer, (void)err;
    sunk += aip_batch_n_rows(batch);
    return AIP_OK;
}
static int32_t sink_finish(void *self, void *writer, aip_error **err) {
    (void)self, (void)writer, (void)err;
    finished++;
    return AIP_OK;
}
static void sink_abort(void *self, void *writer) {
    (void)self, (void)writer;
    aborted++;
}
static const aip_connector_ops sink_ops = {.struct_size = sizeof sink_ops,
                                           .create = sink_create,
                                           .write_open = sink_open,
                                           .write_batch = sink_batch,
                                           .write_finish = sink_finish,
                                           .write_abort = sink_abort};

/* ---- the table ------------------------------------------------------------------------------------------------------------------------------------- */

static char folder[64];

static aip_context *begin(int32_t threads) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    char path[100];
    snprintf(folder, sizeof folder, "/tmp/aipipe-account-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/in.csv", folder);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "n\n");
    for (int i = 0; i < N_ROWS; i++) fprintf(f, i % (N_ROWS / N_BAD) == 7 ? "bad\n" : "%d\n", i);
    fclose(f);
    o.threads = unit_threads(threads);
    OK(aip_context_create(&o, &ctx, &err));
    add_liar(ctx, "same_liar", AIP_ROWS_SAME);
    add_liar(ctx, "fewer_liar", AIP_ROWS_FEWER);
    add_liar(ctx, "other", AIP_ROWS_OTHER);
    d.kind = AIP_KIND_CONNECTOR;
    d.name = "sink";
    d.doc = "Counts rows";
    d.ops = &sink_ops;
    OK(aip_catalog_register(ctx, &d, &err));
    return ctx;
}

static void end(aip_context *ctx) {
    char command[100];
    aip_context_free(ctx);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static aip_dataset *table(aip_context *ctx, const char *stage, const char *params) {
    aip_dataset *d = NULL, *seen = NULL;
    aip_stage *s = NULL;
    char json[300];
    snprintf(json, sizeof json,
             "{\"path\": \"%s/in.csv\", \"types\": {\"n\": \"int64\"}, \"on_bad_row\": \"reject\", \"block_bytes\": 500}",
             folder);
    OK(aip_dataset_read(ctx, json, &d, &err));
    if (!stage) return d;
    OK(aip_stage_create(ctx, stage, params, NULL, 0, &s, &err));
    OK(aip_dataset_transform(d, s, &seen, &err));
    aip_stage_free(s);
    aip_dataset_free(d);
    return seen;
}

/* ---- what a pass may be for ------------------------------------------------------------------------------------------------------------------------ */

static int32_t ignore(void *user, aip_batch *batch, aip_error **err) {
    (void)err;
    *(int64_t *)user += aip_batch_n_rows(batch);
    return AIP_OK;
}

enum { EACH, COLLECT, HEAD, COUNT, PROFILE, FIT, SPLIT, JOIN, SINK, FIRST_FILE };
static const char *const files[] = {"csv", "csv.gz", "tsv", "ndjson", "json", "arrow", "arrows"};
#define N_USES (FIRST_FILE + (int)(sizeof files / sizeof *files))

/* *counts: where the use gives them. */
static int32_t use(aip_context *ctx, aip_dataset *d, int which, aip_row_counts *counts, aip_error **err) {
    aip_dataset *a = NULL, *b = NULL;
    aip_stage *stage = NULL, *fitted = NULL;
    char *json = NULL, to[200];
    int64_t n = 0;
    int32_t status = AIP_OK;
    if (which == EACH) {
        status = aip_dataset_each(d, NULL, ignore, &n, counts, err);
        if (status == AIP_OK) ck_assert_int_eq(n, counts->rows_out);
    } else if (which == COLLECT) {
        status = aip_dataset_collect(d, NULL, &a, err);
    } else if (which == HEAD) {
        status = aip_dataset_head(d, 10 * N_ROWS, NULL, &a, err);
    } else if (which == COUNT) {
        status = aip_dataset_count(d, NULL, &n, err);
    } else if (which == PROFILE) {
        status = aip_dataset_profile(d, NULL, NULL, &json, err);
    } else if (which == FIT) {
        status = aip_stage_create(ctx, "standard_scaler", NULL, NULL, 0, &stage, err);
        if (status == AIP_OK) status = aip_stage_fit(stage, d, NULL, &fitted, err);
    } else if (which == SPLIT) {
        status = aip_dataset_split(d, "{\"test_size\": 0.5, \"random_state\": 1}", NULL, &a, &b, err);
    } else if (which == JOIN) { /* as the right table, which is read whole when the stage is fitted or first applied */
        aip_input right = {.struct_size = sizeof right, .name = "with", .dataset = d};
        aip_dataset *left = table(ctx, NULL, NULL);
        status = aip_stage_create(ctx, "join", "{\"on\": \"n\", \"how\": \"left\"}", &right, 1, &stage, err);
        if (status == AIP_OK) status = aip_stage_fit(stage, left, NULL, &fitted, err);
        if (status == AIP_OK) status = aip_dataset_transform(left, fitted, &a, err);
        if (status == AIP_OK) status = aip_dataset_each(a, NULL, ignore, &n, NULL, err);
        aip_dataset_free(left);
    } else {
        if (which == SINK)
            snprintf(to, sizeof to, "{\"path\": \"sink:x\"}");
        else
            snprintf(to, sizeof to, "{\"path\": \"%s/out.%s\"}", folder, files[which - FIRST_FILE]);
        status = aip_dataset_write(d, to, NULL, counts, err);
        if (status == AIP_OK && which == SINK) ck_assert_int_eq(sunk, counts->rows_out);
    }
    aip_dataset_free(a);
    aip_dataset_free(b);
    aip_stage_free(stage);
    aip_stage_free(fitted);
    aip_text_free(ctx, json);
    return status;
}

static bool written(int which) {
    char path[200];
    if (which < FIRST_FILE) return false;
    snprintf(path, sizeof path, "%s/out.%s", folder, files[which - FIRST_FILE]);
    return access(path, F_OK) == 0;
}

static const int32_t workers[] = {AIP_THREADS_NONE, 1, 2, 8};

START_TEST(a_stage_that_lies_about_its_rows_ends_every_use_of_them_and_leaves_no_output) {
    static const struct {
        const char *stage, *params;
    } lies[] = {{"same_liar", "{}"}, {"same_liar", "{\"by\": 1}"}, {"fewer_liar", "{\"by\": 1, \"at\": 4999}"}};
    aip_context *ctx = begin(workers[_i]);
    finished = aborted = 0;
    for (size_t k = 0; k < sizeof lies / sizeof *lies; k++)
        for (int which = 0; which < N_USES; which++) {
            aip_dataset *d = table(ctx, lies[k].stage, lies[k].params);
            aip_row_counts counts = AIP_ROW_COUNTS_INIT;
            FAILS(use(ctx, d, which, &counts, &err), AIP_E_INTERNAL, "rows are not accounted for: the stage declares `rows: ");
            ck_assert(!written(which));
            aip_dataset_free(d);
        }
    ck_assert_int_eq(finished, 0);
    ck_assert_int_eq(aborted, 3);
    end(ctx);
}
END_TEST

START_TEST(rows_in_are_rows_out_rejected_and_filtered_whatever_they_are_for) {
    static const struct {
        const char *stage, *params;
        int64_t out;
    } cases[] = {{NULL, NULL, N_ROWS - N_BAD},
                 {"select", "{\"columns\": [\"n\"]}", N_ROWS - N_BAD},
                 {"filter", "{\"where\": \"n < 1000\"}", 1000 - 4},
                 {"filter", "{\"where\": \"n < 0\"}", 0},
                 {"drop_missing", "{}", N_ROWS - N_BAD},
                 {"other", "{\"by\": 1}", N_ROWS - N_BAD + 1},
                 {"other", "{\"by\": -1}", N_ROWS - N_BAD - 1}};
    aip_context *ctx = begin(workers[_i]);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int which = 0; which < N_USES; which++) {
            if (cases[k].out == 0 && (which == FIT || which == SPLIT)) continue; /* of nothing there is nothing to learn */
            aip_dataset *d = table(ctx, cases[k].stage, cases[k].params);
            aip_row_counts counts = AIP_ROW_COUNTS_INIT;
            OK(use(ctx, d, which, &counts, &err));
            if (which == EACH || which >= SINK) {
                ck_assert_int_eq(counts.rows_in, N_ROWS);
                ck_assert_int_eq(counts.rows_rejected, N_BAD);
                ck_assert_int_eq(counts.rows_out, cases[k].out);
                ck_assert_int_eq(counts.rows_filtered, N_ROWS - N_BAD - cases[k].out);
            }
            aip_dataset_free(d);
        }
    end(ctx);
}
END_TEST

static int32_t stop_at_half(void *user, aip_batch *batch, aip_error **err) {
    (void)err;
    int64_t *n = user;
    *n += aip_batch_n_rows(batch);
    return *n > N_ROWS / 2 ? 77 : AIP_OK;
}

START_TEST(a_pass_that_is_left_half_way_gives_no_account_and_the_next_one_is_whole) {
    aip_context *ctx = begin(workers[_i]);
    aip_dataset *d = table(ctx, "filter", "{\"where\": \"n != 1\"}"), *some = NULL, *rejects = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip_error *stopped = NULL;
    int64_t n = 0;
    ck_assert_int_eq(aip_dataset_each(d, NULL, stop_at_half, &n, &counts, &stopped), 77);
    aip_error_free(stopped);
    ck_assert_int_eq(counts.rows_in, 0);
    OK(aip_dataset_head(d, 10, NULL, &some, &err));
    n = 0;
    OK(aip_dataset_each(d, NULL, ignore, &n, &counts, &err));
    ck_assert_int_eq(counts.rows_in, N_ROWS);
    ck_assert_int_eq(counts.rows_out, N_ROWS - N_BAD - 1);
    ck_assert_int_eq(counts.rows_filtered, 1);
    OK(aip_dataset_rejects(d, NULL, &rejects, &err));
    OK(aip_dataset_count(rejects, NULL, &n, &err));
    ck_assert_int_eq(n, N_BAD);
    aip_dataset_free(rejects);
    aip_dataset_free(some);
    aip_dataset_free(d);
    end(ctx);
}
END_TEST

Suite *account_suite(void) {
    Suite *suite = suite_create("account");
    TCase *c = tcase_create("workers");
    tcase_add_loop_test(c, a_stage_that_lies_about_its_rows_ends_every_use_of_them_and_leaves_no_output, 0, 4);
    tcase_add_loop_test(c, rows_in_are_rows_out_rejected_and_filtered_whatever_they_are_for, 0, 4);
    tcase_add_loop_test(c, a_pass_that_is_left_half_way_gives_no_account_and_the_next_one_is_whole, 0, 4);
    suite_add_tcase(suite, c);
    return suite;
}
