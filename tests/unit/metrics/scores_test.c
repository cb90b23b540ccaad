/* The state of metrics: merged, dumped and loaded in any split it gives the same values; broken bytes are refused. */
#include "metrics_suites.h"
#include "model_fixture.h"

#include "base/bytes.h"
#include "math/sort_f64.h"

#define ROWS 500

typedef struct table {
    int64_t truth[ROWS], prediction[ROWS];
    double probability[ROWS];
} table;

static void make(table *t) {
    uint64_t seed = 77;
    for (int i = 0; i < ROWS; i++) {
        double p = floor(fixture_uniform(&seed) * 20) / 20; /* with ties */
        t->probability[i] = p;
        t->prediction[i] = p > 0.5;
        t->truth[i] = fixture_uniform(&seed) < 0.2 + 0.6 * p;
    }
}

static aip_batch *rows(aip_context *ctx, const table *t, int64_t start, int64_t n) {
    const aip_field fields[] = {aip__field("y", AIP_INT64), aip__field("prediction", AIP_INT64),
                                aip__field("probability", AIP_FLOAT64)};
    const void *values[] = {t->truth + start, t->prediction + start, t->probability + start};
    aip_column_view views[3];
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    for (int j = 0; j < 3; j++) {
        views[j] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        views[j].type = fields[j].type;
        views[j].length = n;
        views[j].values = values[j];
    }
    OK(aip_schema_create(ctx, fields, 3, &schema, &err));
    OK(aip_batch_create(schema, views, 3, &batch, &err));
    aip_schema_free(schema);
    return batch;
}

static aip__scores_fold fold_of(aip_context *ctx) {
    return (aip__scores_fold){.ctx = ctx,
                              .needs = AIP__SCORES_COUNTS | AIP__SCORES_LOSS | AIP__SCORES_SORTED,
                              .truth = 0,
                              .prediction = 1,
                              .probability = 2,
                              .truth_name = "y",
                              .type = AIP_INT64};
}

static void *state_of(aip_context *ctx, const aip__scores_fold *f, const table *t, int64_t start, int64_t n) {
    void *state = NULL;
    OK(aip__scores_ops.init(f, &state, &err));
    if (n > 0) {
        aip_batch *batch = rows(ctx, t, start, n);
        OK(aip__scores_ops.update(f, state, batch, &err));
        aip_batch_free(batch);
    }
    return state;
}

/* Every metric's value, one after the other. */
static char *values(aip_context *ctx, void *state) {
    const char *const names[] = {"accuracy", "log_loss", "roc_auc", "precision", "recall", "f1", "confusion_matrix"};
    aip__text t;
    char *out = NULL;
    aip__text_init(&t, ctx);
    OK(aip__scores_settle(state, &err));
    for (int i = 0; i < 7; i++) {
        const aip_descriptor *d = NULL;
        OK(aip__catalog_find(ctx, AIP_KIND_METRIC, names[i], &d, &err));
        OK(((const aip__metric_ops *)d->ops)->value(state, &t, &err));
        aip__text_char(&t, ' ');
    }
    OK(aip__text_take(&t, &out, NULL, &err));
    return out;
}

START_TEST(any_split_of_the_rows_merges_to_the_same_values) {
    aip_context *ctx = fixture_context(0);
    static table t;
    make(&t);
    aip__scores_fold f = fold_of(ctx);
    void *whole = state_of(ctx, &f, &t, 0, ROWS);
    char *want = values(ctx, whole);
    aip__scores_ops.destroy(&f, whole);
    const int64_t cuts[][2] = {{0, ROWS}, {ROWS, ROWS}, {1, 2}, {100, 350}, {250, 250}};
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        void *a = state_of(ctx, &f, &t, 0, cuts[c][0]), *b = state_of(ctx, &f, &t, cuts[c][0], cuts[c][1] - cuts[c][0]);
        void *last = state_of(ctx, &f, &t, cuts[c][1], ROWS - cuts[c][1]);
        OK(aip__scores_ops.merge(&f, a, b, &err));
        OK(aip__scores_ops.merge(&f, a, last, &err));
        char *got = values(ctx, a);
        /* the loss is a sum in another order: equal to rounding; all else is exact */
        double loss = strtod(strchr(got, ' '), NULL), want_loss = strtod(strchr(want, ' '), NULL);
        ck_assert_double_eq_tol(loss, want_loss, 1e-15);
        ck_assert_str_eq(strchr(strchr(got, ' ') + 1, ' '), strchr(strchr(want, ' ') + 1, ' '));
        aip__free(ctx, got);
        aip__scores_ops.destroy(&f, a);
        aip__scores_ops.destroy(&f, b);
        aip__scores_ops.destroy(&f, last);
    }
    aip__free(ctx, want);
    fixture_end(ctx);
}
END_TEST

START_TEST(a_dumped_state_loads_to_the_same_and_broken_bytes_are_refused) {
    aip_context *ctx = fixture_context(0);
    static table t;
    make(&t);
    aip__scores_fold f = fold_of(ctx);
    void *state = state_of(ctx, &f, &t, 0, 40), *back = NULL;
    aip_writer w;
    aip_reader r;
    aip__writer_init(&w, ctx);
    OK(aip__scores_ops.dump(&f, state, &w, &err));
    aip__reader_init(&r, ctx, w.text.bytes, w.text.n, NULL);
    OK(aip__scores_ops.load(&f, &r, &back, &err));
    ck_assert_uint_eq(aip_reader_left(&r), 0);
    char *want = values(ctx, state), *got = values(ctx, back);
    ck_assert_str_eq(got, want);
    aip__free(ctx, want);
    aip__free(ctx, got);
    aip__scores_ops.destroy(&f, back);
    aip__scores_ops.destroy(&f, state);
    for (size_t n = 0; n < w.text.n; n++) {
        aip__reader_init(&r, ctx, w.text.bytes, n, NULL);
        FAILS(aip__scores_ops.load(&f, &r, &back, &err), AIP_E_CORRUPT, "");
    }
    for (size_t at = 0; at < w.text.n; at++) {
        w.text.bytes[at] = (char)~w.text.bytes[at];
        aip__reader_init(&r, ctx, w.text.bytes, w.text.n, NULL);
        int32_t status = aip__scores_ops.load(&f, &r, &back, NULL);
        ck_assert(status == AIP_OK || status == AIP_E_CORRUPT);
        if (status == AIP_OK) aip__scores_ops.destroy(&f, back);
        w.text.bytes[at] = (char)~w.text.bytes[at];
    }
    aip__writer_free(&w);
    fixture_end(ctx);
}
END_TEST

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

START_TEST(numbers_sort_as_the_c_library_sorts_them) {
    static double v[3000], want[3000], scratch[3000];
    uint64_t seed = 4;
    for (int spread = 0; spread < 3; spread++)
        for (size_t n = 0; n <= 3000; n = n < 3 ? n + 1 : n * 10) {
            for (size_t i = 0; i < n; i++) {
                double u = fixture_uniform(&seed);
                want[i] = v[i] = spread == 0 ? u : spread == 1 ? floor(u * 9) - 4 : ldexp(u - 0.5, (int)(u * 4e6) % 2000 - 1000);
            }
            if (n > 3) v[0] = want[0] = (double)-INFINITY, v[1] = want[1] = (double)INFINITY;
            qsort(want, n, sizeof *want, ascending);
            aip__sort_f64(v, scratch, n);
            for (size_t i = 0; i < n; i++) ck_assert_double_eq(v[i], want[i]);
        }
}
END_TEST

Suite *scores_suite(void) {
    const TTest *tests[] = {any_split_of_the_rows_merges_to_the_same_values,
                            a_dumped_state_loads_to_the_same_and_broken_bytes_are_refused,
                            numbers_sort_as_the_c_library_sorts_them, NULL};
    return unit_suite("scores", tests);
}
