/* States of the fits: any split of the rows into parts, merged in order, with a dump and load between, gives what one part gives. What was learned
 * is the same after save and load, and damaged bytes are refused. */
#include "transform_suites.h"

#include "base/bytes.h"
#include "data/stage.h"
#include <stdio.h>
#include <stdlib.h>

static const struct fit {
    const char *name, *params;
    bool exact;
} fits[] = {
    {"standard_scaler", NULL, false},
    {"simple_imputer", "{\"columns\": \"numeric\", \"add_indicator\": true}", false},
    {"simple_imputer", "{\"columns\": \"numeric\", \"strategy\": \"median\"}", true},
    {"simple_imputer", "{\"strategy\": \"most_frequent\"}", true},
    {"simple_imputer", "{\"strategy\": \"constant\", \"fill_value\": \"gone\", \"add_indicator\": true}", true},
    {"one_hot_encoder", "{\"columns\": \"all\"}", true},
};
#define N_FITS ((int)(sizeof fits / sizeof *fits))
enum { N = 240 };

static aip_dataset *table(aip_context *ctx, int64_t batch_rows) {
    static double x[N], k[N], b[N], d[N];
    static const char *t[N];
    static const char *const words[] = {"alpha", "a text of more than sixteen bytes", "\xc3\xbc", NULL, "", "beta"};
    for (int i = 0; i < N; i++) {
        x[i] = i % 11 == 3 ? NAN : (i * 37 % 101) / 8.0 - 5;
        k[i] = i % 7 == 2 ? (double)NAN : i * i % 13;
        b[i] = i % 5 == 1 ? (double)NAN : i % 2;
        d[i] = i % 17;
        t[i] = words[i * 5 % 6];
    }
    const tt_column c[] = {{"x", AIP_FLOAT64, x, NULL, 0}, {"k", AIP_INT32, k, NULL, 0}, {"b", AIP_BOOL, b, NULL, 0},
                           {"d", AIP_DATE32, d, NULL, 0},  {"t", AIP_UTF8, NULL, t, 0},  {"u", AIP_DICTIONARY, NULL, t, 0}};
    return tt_table(ctx, c, 6, N, batch_rows);
}

/* One batch after the other. */
static aip_batch **batches_of(aip_dataset *d, int64_t *n) {
    aip__token token;
    OK(aip__token_init(&token, d->ctx, NULL, &err));
    aip__scan *scan = NULL;
    OK(aip__scan_open(d, &token, "test", &scan, &err));
    aip_batch **all = NULL;
    for (*n = 0;; ++*n) {
        all = realloc(all, (size_t)(*n + 1) * sizeof *all);
        OK(aip__scan_next(scan, &all[*n], &err));
        if (!all[*n]) break;
    }
    aip__scan_close(scan);
    return all;
}

/* The state after its bytes were written and read again. */
static void through_bytes(aip_context *ctx, const aip_fold_ops *ops, const void *fold, void **state) {
    aip_writer w;
    aip_reader r;
    void *loaded = NULL;
    aip__writer_init(&w, ctx);
    OK(ops->dump(fold, *state, &w, &err));
    aip__reader_init(&r, ctx, w.text.bytes, w.text.n, "state");
    OK(ops->load(fold, &r, &loaded, &err));
    ck_assert_uint_eq(aip_reader_left(&r), 0);
    for (size_t cut = 0; cut < w.text.n; cut += 1 + w.text.n / 60) { /* no beginning of it is a state */
        void *part = NULL;
        uint8_t *copy = malloc(cut + 1);
        if (cut) memcpy(copy, w.text.bytes, cut);
        aip__reader_init(&r, ctx, copy, cut, "state");
        FAILS(ops->load(fold, &r, &part, &err), AIP_E_CORRUPT, "");
        free(copy);
    }
    aip__writer_free(&w);
    ops->destroy(fold, *state);
    *state = loaded;
}

/* Fits over `parts` runs of batches, each with a state of its own. Returns a fitted stage. */
static aip_stage *fit_in_parts(aip_stage *s, aip_dataset *d, int64_t parts) {
    const aip_stage_ops *ops = s->spec->ops;
    void *fold = NULL, *total = NULL, *fitted = NULL;
    OK(ops->fold_create(s->spec->self, d->schema, &fold, &err));
    OK(ops->fold->init(fold, &total, &err));
    int64_t n = 0;
    aip_batch **all = batches_of(d, &n);
    for (int64_t p = 0; p < parts; p++) {
        void *state = NULL;
        OK(ops->fold->init(fold, &state, &err));
        for (int64_t i = n * p / parts; i < n * (p + 1) / parts; i++) OK(ops->fold->update(fold, state, all[i], &err));
        if (parts > 1) through_bytes(d->ctx, ops->fold, fold, &state);
        OK(ops->fold->merge(fold, total, state, &err));
        ops->fold->destroy(fold, state);
    }
    for (int64_t i = 0; i < n; i++) aip_batch_free(all[i]);
    free(all);
    OK(ops->fold_finish(s->spec->self, fold, total, &fitted, &err));
    ops->fold->destroy(fold, total);
    ops->fold_destroy(fold);
    aip_stage *out = NULL;
    OK(aip__stage_with_learned(s, fitted, -1, &out, &err));
    return out;
}

static tt_rows apply(aip_stage *s, aip_dataset *d) {
    aip_dataset *seen = NULL;
    OK(aip_dataset_transform(d, s, &seen, &err));
    tt_rows r = tt_read(seen);
    aip_dataset_free(seen);
    return r;
}

static void expect_same(const tt_rows *a, const tt_rows *b, bool exact) {
    ck_assert_int_eq(a->n_rows, b->n_rows);
    ck_assert(aip__schema_equal(a->schema, b->schema));
    for (int32_t i = 0; i < a->schema->n; i++) {
        const aip__column *x = a->columns[i], *y = b->columns[i];
        if (exact || x->type != AIP_FLOAT64) {
            ck_assert(aip__column_equal(x, y));
            continue;
        }
        for (int64_t k = 0; k < a->n_rows; k++) {
            ck_assert(aip__valid(x->validity, k) == aip__valid(y->validity, k));
            ck_assert_double_eq_tol(aip__column_f64(x)[k], aip__column_f64(y)[k], 1e-12);
        }
    }
}

START_TEST(any_parts_merge_to_the_same_fit) {
    aip_context *ctx = tt_context(0);
    aip_dataset *whole = table(ctx, N), *cut = table(ctx, 9);
    for (int f = 0; f < N_FITS; f++) {
        aip_stage *s = tt_stage(ctx, fits[f].name, fits[f].params), *one = fit_in_parts(s, whole, 1);
        tt_rows want = apply(one, whole);
        for (int64_t parts = 1; parts <= 40; parts += 1 + parts / 3) { /* up to more parts than batches: some are empty */
            aip_stage *merged = fit_in_parts(s, cut, parts);
            tt_rows got = apply(merged, whole);
            expect_same(&want, &got, fits[f].exact);
            tt_rows_free(&got);
            aip_stage_free(merged);
        }
        tt_rows_free(&want);
        aip_stage_free(one);
        aip_stage_free(s);
    }
    aip_dataset_free(whole);
    aip_dataset_free(cut);
    tt_context_end(ctx);
}
END_TEST

/* A standard_scaler of 0.1.0 ended before what is now behind its columns: 24 bytes for each. */
static bool is_version_1(const char *name, const aip_writer *w, size_t n) {
    return strcmp(name, "standard_scaler") == 0 && n + 24 * (size_t)w->text.bytes[0] == w->text.n;
}

START_TEST(a_saved_fit_reads_back_as_it_was_and_damage_is_refused) {
    aip_context *ctx = tt_context(0);
    aip_dataset *d = table(ctx, 100);
    for (int f = 0; f < N_FITS; f++) {
        aip_stage *s = tt_stage(ctx, fits[f].name, fits[f].params), *fitted = fit_in_parts(s, d, 1), *twin = NULL;
        const aip_stage_ops *ops = s->spec->ops;
        tt_rows want = apply(fitted, d);
        aip_writer w;
        aip_reader r;
        void *loaded = NULL;
        aip__writer_init(&w, ctx);
        OK(ops->save(s->spec->self, fitted->learned->fitted, &w, &err));
        aip__reader_init(&r, ctx, w.text.bytes, w.text.n, "stage");
        OK(ops->load(s->spec->self, &r, &loaded, &err));
        ck_assert_uint_eq(aip_reader_left(&r), 0);
        OK(aip__stage_with_learned(s, loaded, -1, &twin, &err));
        tt_rows got = apply(twin, d);
        expect_same(&want, &got, true);
        tt_rows_free(&got);
        tt_rows_free(&want);
        uint8_t *copy = malloc(w.text.n);
        for (size_t cut = 0; cut < w.text.n; cut++) {
            memcpy(copy, w.text.bytes, cut);
            aip__reader_init(&r, ctx, copy, cut, "stage");
            if (is_version_1(fits[f].name, &w, cut)) {
                OK(ops->load(s->spec->self, &r, &loaded, &err));
                ops->fitted_destroy(loaded);
                continue;
            }
            FAILS(ops->load(s->spec->self, &r, &loaded, &err), AIP_E_CORRUPT, "");
        }
        for (size_t at = 0; at < w.text.n; at++) /* a flipped byte is refused or gives another valid fit, never a fault */
            for (int flip = 1; flip < 256; flip += 127) {
                memcpy(copy, w.text.bytes, w.text.n);
                copy[at] = (uint8_t)(copy[at] ^ flip);
                aip__reader_init(&r, ctx, copy, w.text.n, "stage");
                int32_t status = ops->load(s->spec->self, &r, &loaded, NULL);
                ck_assert(status == AIP_OK || status == AIP_E_CORRUPT || status == AIP_E_DATA);
                if (status == AIP_OK) ops->fitted_destroy(loaded);
            }
        free(copy);
        aip__writer_free(&w);
        aip_stage_free(twin);
        aip_stage_free(fitted);
        aip_stage_free(s);
    }
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

START_TEST(a_saved_fit_of_two_columns_with_one_name_is_refused) {
    static const struct fit two[] = {{"standard_scaler", "{\"columns\": [\"x\", \"k\"]}", true},
                                     {"simple_imputer", "{\"columns\": [\"x\", \"k\"]}", true},
                                     {"one_hot_encoder", "{\"columns\": [\"x\", \"k\"]}", true}};
    static const char k[] = "\1\0\0\0\0\0\0\0k"; /* the name as it is saved: its length and its bytes */
    aip_context *ctx = tt_context(0);
    aip_dataset *d = table(ctx, 100);
    for (size_t f = 0; f < sizeof two / sizeof *two; f++) {
        aip_stage *s = tt_stage(ctx, two[f].name, two[f].params), *fitted = fit_in_parts(s, d, 1);
        const aip_stage_ops *ops = s->spec->ops;
        aip_writer w;
        aip_reader r;
        void *loaded = NULL;
        aip__writer_init(&w, ctx);
        OK(ops->save(s->spec->self, fitted->learned->fitted, &w, &err));
        char *name = memmem(w.text.bytes, w.text.n, k, sizeof k - 1);
        ck_assert_ptr_nonnull(name);
        name[8] = 'x';
        aip__reader_init(&r, ctx, w.text.bytes, w.text.n, "stage");
        FAILS(ops->load(s->spec->self, &r, &loaded, &err), AIP_E_CORRUPT, "a column is there twice");
        aip__writer_free(&w);
        aip_stage_free(fitted);
        aip_stage_free(s);
    }
    aip_dataset_free(d);
    tt_context_end(ctx);
}
END_TEST

/* ---- memory that runs out ------------------------------------------------------------------------------------------------------ */

typedef struct scarce {
    int64_t left; /* allocations that are still granted */
    int64_t held;
} scarce;

static void *scarce_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    scarce *s = user;
    (void)align;
    if (new_size == 0) {
        s->held--;
        free(ptr);
        return NULL;
    }
    if (s->left == 0) return NULL;
    s->left--;
    if (!ptr) s->held++;
    void *p = aligned_alloc(64, (new_size + 63) / 64 * 64);
    ck_assert_ptr_nonnull(p);
    if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    free(ptr);
    return p;
}

static int32_t run(aip_context *ctx, int f, aip_dataset *d, aip_error **err) {
    if (f < N_FITS) return tt_try(ctx, fits[f].name, fits[f].params, d, d, err);
    if (f == N_FITS) return tt_try(ctx, "cast", "{\"columns\": {\"k\": \"utf8\", \"x\": \"float32\"}}", d, d, err);
    if (f == N_FITS + 1) return tt_try(ctx, "drop_missing", "{\"how\": \"all\"}", d, d, err);
    aip_dataset *a = NULL, *b = NULL;
    int32_t status = AIP_OK;
    if (f < N_FITS + 4) {
        const char *params = f == N_FITS + 2 ? "{\"stratify\": \"d\"}" : "{\"test_size\": 0.5}";
        status = aip_dataset_split(d, params, NULL, &a, &b, err);
    } else {
        aip_stage *s = NULL;
        aip_input with = AIP_INPUT_INIT;
        with.name = "with";
        status = aip_dataset_head(d, 17, NULL, &b, err);
        with.dataset = b;
        if (status == AIP_OK) status = aip_stage_create(d->ctx, "join", "{\"on\": \"d\"}", &with, 1, &s, err);
        if (status == AIP_OK) status = aip_dataset_transform(d, s, &a, err);
        aip_stage_free(s);
    }
    aip_dataset *out = NULL;
    if (status == AIP_OK) status = aip_dataset_collect(a, NULL, &out, err);
    aip_dataset_free(out);
    aip_dataset_free(a);
    aip_dataset_free(b);
    return status;
}

START_TEST(each_allocation_may_fail_and_nothing_is_lost) {
    scarce memory = {INT64_MAX, 0};
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    allocator.user = &memory;
    allocator.resize = scarce_resize;
    aip_context *ctx = tt_context_with(0, &allocator);
    aip_dataset *d = table(ctx, 100);
    for (int f = 0; f < N_FITS + 5; f++) {
        OK(run(ctx, f, d, &err)); /* what the context keeps for later is there from now on */
        uint64_t used = aip_context_memory_used(ctx);
        int32_t status = AIP_E_NOMEM;
        for (int64_t n = 0; status != AIP_OK; n++) {
            aip_error *err = NULL;
            memory.left = n;
            status = run(ctx, f, d, &err);
            memory.left = INT64_MAX;
            ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "case %d, allocation %d: %s", f, (int)n,
                          aip_error_text(err));
            ck_assert_uint_eq(aip_context_memory_used(ctx), used);
            aip_error_free(err);
            ck_assert_int_lt(n, 20000);
        }
    }
    aip_dataset_free(d);
    tt_context_end(ctx);
    ck_assert_int_eq(memory.held, 0);
}
END_TEST

Suite *state_suite(void) {
    const TTest *const tests[] = {any_parts_merge_to_the_same_fit, a_saved_fit_reads_back_as_it_was_and_damage_is_refused,
                                  a_saved_fit_of_two_columns_with_one_name_is_refused,
                                  each_allocation_may_fail_and_nothing_is_lost, NULL};
    return unit_suite("transform_states", tests);
}
