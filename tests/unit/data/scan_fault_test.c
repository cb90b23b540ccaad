/* The scan engine when things go wrong: each allocation refused once, or from then on; a host's functions that break their promise; a fork in
 * the middle of a pass; a dataset freed while it is scanned. Expected values are sums by hand. */
#include "base/memory.h"
#include "data/scan.h"
#include "data_suites.h"
#include "exec/group.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

static const int32_t workers[] = {0, 1, 2, 8};
#define N_WORKERS 4
#define ITEM_ROWS 500

/* ---- an allocator that refuses ---------------------------------------------------------------------------------------------------- */

typedef struct {
    void *(*inner)(void *user, void *ptr, size_t old_size, size_t new_size, size_t align);
    void *inner_user;
    _Atomic(int64_t) left; /* allocations before a refusal */
    _Atomic(bool) armed, hit;
    bool for_good; /* all after the first refusal are refused too */
} refusing;

static void *refusing_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    refusing *r = user;
    if (new_size > old_size && atomic_load(&r->armed)) {
        int64_t left = atomic_fetch_sub(&r->left, 1);
        if (left == 0 || (left < 0 && r->for_good)) {
            atomic_store(&r->hit, true);
            return NULL;
        }
    }
    return r->inner(r->inner_user, ptr, old_size, new_size, align);
}

/* ---- a source whose items, batches and rejects all take memory --------------------------------------------------------------------- */

typedef struct {
    aip_context *ctx;
    aip_schema *schema;
    int64_t n_items, at;
    _Atomic(int64_t) items, rejects; /* alive */
    size_t extra;                    /* bytes that the decoder holds for a moment */
} source;

static int32_t source_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    (void)token;
    source *s = self;
    void *scratch = aip__alloc(s->ctx, 10); /* as a pass has something of its own */
    if (!scratch) return aip__error_memory(s->ctx, err);
    aip__free(s->ctx, scratch);
    s->at = 0;
    *cursor = s;
    return AIP_OK;
}

static int32_t source_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    source *s = cursor;
    if (s->at == s->n_items) {
        *end = true;
        return AIP_OK;
    }
    int64_t *index = aip__alloc(s->ctx, sizeof *index);
    if (!index) return aip__error_memory(s->ctx, err);
    *index = s->at++;
    atomic_fetch_add(&s->items, 1);
    *item = (aip__item){.data = index, .bytes = 1000 + (int64_t)s->extra};
    return AIP_OK;
}

static int32_t source_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    source *s = cursor;
    int64_t index = *(const int64_t *)item->data;
    if (index % 5 == 2) usleep(200); /* later items overtake this one */
    if (s->extra) {
        aip__buffer *b = aip__buffer_new(s->ctx, s->extra);
        if (!b) return aip__error_memory(s->ctx, err);
        usleep(100);
        aip__buffer_free(b);
    }
    aip__column *col = NULL;
    AIP__TRY(aip__column_new(s->ctx, AIP_INT64, ITEM_ROWS, true, &col, err));
    for (int64_t r = 0; r < ITEM_ROWS; r++) aip__column_i64_mut(col)[r] = index * ITEM_ROWS + r;
    aip__column_publish(col);
    aip_batch *batch = NULL;
    AIP__TRY(aip__batch_new(s->schema, ITEM_ROWS, &col, &batch, err));
    void *rejects = aip__alloc(s->ctx, 8);
    if (!rejects) {
        aip_batch_free(batch);
        return aip__error_memory(s->ctx, err);
    }
    atomic_fetch_add(&s->rejects, 1);
    *out = (aip__decoded){.batch = batch, .n_records = ITEM_ROWS + 1, .n_rejected = 1, .rejects = rejects};
    return AIP_OK;
}

static void source_item_free(void *cursor, aip__item *item) {
    source *s = cursor;
    atomic_fetch_sub(&s->items, 1);
    aip__free(s->ctx, item->data);
}

static int32_t source_account(void *cursor, aip__decoded *decoded, aip_error **err) {
    source *s = cursor;
    (void)err;
    aip__free(s->ctx, decoded->rejects);
    decoded->rejects = NULL;
    atomic_fetch_sub(&s->rejects, 1);
    return AIP_OK;
}

static void source_close(void *cursor) {
    source *s = cursor;
    ck_assert_int_eq(atomic_load(&s->items), 0);
    ck_assert_int_eq(atomic_load(&s->rejects), 0);
}

static void source_destroy(void *self) {
    source *s = self;
    aip_schema_free(s->schema);
    aip__free(s->ctx, s);
}

static const aip__source_ops source_ops = {.kind = "test",
                                           .open = source_open,
                                           .next = source_next,
                                           .decode = source_decode,
                                           .item_free = source_item_free,
                                           .account = source_account,
                                           .close = source_close,
                                           .destroy = source_destroy};

static aip_dataset *dataset_of(aip_context *ctx, int64_t n_items, bool once, source **made) {
    aip_field field = aip__field("n", AIP_INT64);
    source *s = aip__calloc(ctx, 1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    s->ctx = ctx;
    s->n_items = n_items;
    OK(aip_schema_create(ctx, &field, 1, &s->schema, &err));
    aip_dataset *d = NULL;
    OK(aip__dataset_from_source(ctx, s->schema, &source_ops, s, once, &d, &err));
    if (made) *made = s;
    return d;
}

/* ---- stages ---------------------------------------------------------------------------------------------------------------------------- */

static int32_t same_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)fitted;
    (void)err;
    *bound = (void *)(uintptr_t)self;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static int32_t even_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    uint8_t mask[(ITEM_ROWS + 7) / 8] = {0};
    for (int64_t i = 0; i < in->n_rows; i++)
        if (aip__column_i64(in->columns[0])[i] % 2 == 0) aip__bit_set(mask, i);
    return aip__batch_filter(in, mask, out, err);
}
static const aip_stage_ops even_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = even_apply};

/* Subtracts the number of rows before, twice applied: two carries in one pipeline. */
static size_t row_carry_bytes(const void *bound) {
    (void)bound;
    return sizeof(int64_t);
}
static int32_t row_summarise(const void *bound, const aip_batch *in, void *summary, aip_error **err) {
    (void)bound;
    (void)err;
    memcpy(summary, &in->n_rows, sizeof in->n_rows);
    return AIP_OK;
}
static int32_t row_carry(const void *bound, void *running, const void *summary, aip_error **err) {
    (void)bound;
    (void)err;
    *(int64_t *)running += *(const int64_t *)summary;
    return AIP_OK;
}
static int32_t row_apply(const void *bound, const void *before, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    aip__column *col = NULL;
    AIP__TRY(aip__column_new(in->ctx, AIP_INT64, in->n_rows, true, &col, err));
    for (int64_t i = 0; i < in->n_rows; i++)
        aip__column_i64_mut(col)[i] = aip__column_i64(in->columns[0])[i] - (*(const int64_t *)before + i);
    aip__column_publish(col);
    return aip__batch_new(in->schema, in->n_rows, &col, out, err);
}
static const aip_stage_ops row_ops = {.struct_size = sizeof(aip_stage_ops),
                                      .bind = same_bind,
                                      .carry_bytes = row_carry_bytes,
                                      .summarise = row_summarise,
                                      .carry = row_carry,
                                      .apply_carry = row_apply};

/* Scans another dataset (its self) inside apply, and lets the batch pass when that one has as many rows as it must. */
static int32_t nested_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    aip_dataset *other = (aip_dataset *)(uintptr_t)bound;
    aip_dataset *kept = NULL;
    int64_t n = 0;
    AIP__TRY(aip_dataset_collect(other, NULL, &kept, err));
    int32_t status = aip_dataset_count(kept, NULL, &n, err);
    aip_dataset_free(kept);
    AIP__TRY(status);
    if (n != 10 * ITEM_ROWS / 2) return aip__error_set(err, AIP_E_INTERNAL, "the nested scan gave %lld rows", (long long)n);
    *out = aip__batch_retain(in);
    return AIP_OK;
}
static const aip_stage_ops nested_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = nested_apply};

#define STAGE(stage_name, table, of_rows) \
    { .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = stage_name, .ops = table, .rows = of_rows }
static const aip_descriptor even_stage = STAGE("even", &even_ops, AIP_ROWS_FEWER);
static const aip_descriptor row_stage = STAGE("minus_row", &row_ops, AIP_ROWS_SAME);
static const aip_descriptor nested_stage = STAGE("nested", &nested_ops, AIP_ROWS_SAME);

static aip_dataset *through_self(aip_dataset *d, const aip_descriptor *descriptor, void *self) {
    aip_stage *stage = NULL;
    aip_dataset *out = NULL;
    OK(aip__stage_of(d->ctx, descriptor, self, &stage, &err));
    OK(aip_dataset_transform(d, stage, &out, &err));
    aip_stage_free(stage);
    aip_dataset_free(d);
    return out;
}
static aip_dataset *through(aip_dataset *d, const aip_descriptor *descriptor) { return through_self(d, descriptor, NULL); }

/* ---- a fold: the sum, in memory of the context ---------------------------------------------------------------------------------------- */

static size_t sum_bytes(const void *fold) {
    (void)fold;
    return (size_t)16 << 20; /* four lanes */
}
static int32_t sum_init(const void *fold, void **state, aip_error **err) {
    aip_context *ctx = (aip_context *)(uintptr_t)fold;
    void *s = aip__calloc(ctx, 1, sizeof(int64_t));
    if (!s) return aip__error_memory(ctx, err);
    *state = s;
    return AIP_OK;
}
static int32_t sum_update(const void *fold, void *state, const aip_batch *b, aip_error **err) {
    (void)fold;
    (void)err;
    for (int64_t i = 0; i < b->n_rows; i++) *(int64_t *)state += aip__column_i64(b->columns[0])[i];
    return AIP_OK;
}
static int32_t sum_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold;
    (void)err;
    *(int64_t *)into += *(const int64_t *)from;
    return AIP_OK;
}
static void sum_destroy(const void *fold, void *state) { aip__free((aip_context *)(uintptr_t)fold, state); }
static const aip_fold_ops sum_ops = {.struct_size = sizeof(aip_fold_ops),
                                     .state_bytes = sum_bytes,
                                     .init = sum_init,
                                     .update = sum_update,
                                     .merge = sum_merge,
                                     .destroy = sum_destroy};

/* ---- each allocation may be refused ---------------------------------------------------------------------------------------------------- */

#define FAULT_ITEMS 16

static int32_t add_up(void *user, aip_batch *b, aip_error **err) { return sum_update(NULL, user, b, err); }

static int32_t scan_once(aip_dataset *d, int64_t *sum, aip_error **err) {
    return aip_dataset_each(d, NULL, add_up, sum, NULL, err);
}

static int32_t collect_once(aip_dataset *d, int64_t *sum, aip_error **err) {
    aip_dataset *kept = NULL;
    AIP__TRY(aip_dataset_collect(d, NULL, &kept, err));
    int32_t status = scan_once(kept, sum, err);
    aip_dataset_free(kept);
    return status;
}

static int32_t fold_once(aip_dataset *d, int64_t *sum, aip_error **err) {
    aip__token token;
    void *state = NULL;
    AIP__TRY(aip__token_init(&token, d->ctx, NULL, err));
    AIP__TRY(aip__fold_run(d, &token, "sum", &sum_ops, d->ctx, &state, NULL, err));
    *sum = *(int64_t *)state;
    sum_destroy(d->ctx, state);
    return AIP_OK;
}

static void refuse_each(int32_t n_workers, bool for_good, int32_t (*use)(aip_dataset *d, int64_t *sum, aip_error **err)) {
    bool all_succeeded = false;
    for (int64_t at = 0; !all_succeeded; at++) {
        ck_assert_int_lt(at, 5000);
        aip_context *ctx = test_workers(n_workers);
        refusing r = {.inner = ctx->allocator.resize, .inner_user = ctx->allocator.user, .for_good = for_good};
        ctx->allocator.user = &r;
        ctx->allocator.resize = refusing_resize;
        aip_dataset *d =
            through(through(through(dataset_of(ctx, FAULT_ITEMS, false, NULL), &even_stage), &row_stage), &row_stage);
        atomic_store(&r.left, at);
        atomic_store(&r.armed, true);
        int64_t sum = 0;
        aip_error *err = NULL;
        int32_t status = use(d, &sum, &err);
        atomic_store(&r.armed, false);
        all_succeeded = !atomic_load(&r.hit);
        ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "allocation %lld: %d %s", (long long)at, (int)status,
                      aip_error_text(err));
        ck_assert_int_eq(aip_error_status(err), status);
        aip_error_free(err);
        if (status == AIP_OK) ck_assert_int_eq(sum, 0); /* the i-th even number is 2 i; minus i, twice, is nothing */
        aip_dataset_free(d);
        aip_cancel_request(ctx->closing);
        aip__exec_close(ctx);
        ctx->at_close(ctx);
        ck_assert_msg(atomic_load(&ctx->refs) == 1, "allocation %lld: a handle is left", (long long)at);
        ctx->at_free(ctx);
        ctx->at_free = NULL;
        ck_assert_msg(aip_context_memory_used(ctx) == 0, "allocation %lld: %llu bytes are left", (long long)at,
                      (unsigned long long)aip_context_memory_used(ctx));
        aip__context_release(ctx);
    }
}

START_TEST(each_allocation_of_a_scan_may_be_refused) { refuse_each(workers[2 * (_i % 2)], _i >= 2, scan_once); }
END_TEST
START_TEST(each_allocation_of_a_collect_may_be_refused) { refuse_each(workers[2 * (_i % 2)], _i >= 2, collect_once); }
END_TEST
START_TEST(each_allocation_of_a_fold_may_be_refused) { refuse_each(workers[2 * (_i % 2)], _i >= 2, fold_once); }
END_TEST

/* ---- what a host's functions may do wrong ---------------------------------------------------------------------------------------------- */

static int32_t no_batch_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound, (void)in, (void)out, (void)err;
    return AIP_OK;
}
static int32_t other_type_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    aip_field field = aip__field("n", AIP_FLOAT32); /* half as wide as what bind announced */
    aip_schema *schema = NULL;
    aip__column *col = NULL;
    AIP__TRY(aip_schema_create(in->ctx, &field, 1, &schema, err));
    int32_t status = aip__column_new(in->ctx, AIP_FLOAT32, in->n_rows, true, &col, err);
    if (status == AIP_OK) status = aip__batch_new(schema, in->n_rows, &col, out, err);
    aip_schema_free(schema);
    return status;
}
static int32_t silent_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound, (void)in, (void)out, (void)err;
    return 42;
}
static int32_t no_schema_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                              aip_error **err) {
    (void)self, (void)fitted, (void)in, (void)bound, (void)out, (void)err;
    return AIP_OK;
}
static const aip_stage_ops no_batch_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = no_batch_apply};
static const aip_stage_ops other_type_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = other_type_apply};
static const aip_stage_ops silent_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = silent_apply};
static const aip_stage_ops no_schema_ops = {.struct_size = sizeof(aip_stage_ops), .bind = no_schema_bind, .apply = even_apply};
static const aip_descriptor no_batch_stage = STAGE("no_batch", &no_batch_ops, AIP_ROWS_SAME);
static const aip_descriptor other_type_stage = STAGE("other_type", &other_type_ops, AIP_ROWS_SAME);
static const aip_descriptor silent_stage = STAGE("silent", &silent_ops, AIP_ROWS_SAME);
static const aip_descriptor no_schema_stage = STAGE("no_schema", &no_schema_ops, AIP_ROWS_SAME);

START_TEST(a_stage_that_breaks_its_promise_is_an_error_that_names_it) {
    aip_context *ctx = test_workers(workers[_i]);
    int64_t sum = 0;
    aip_dataset *d = through(through(dataset_of(ctx, 5, false, NULL), &no_batch_stage), &row_stage);
    FAILS(scan_once(d, &sum, &err), AIP_E_MISUSE, "no batch");
    aip_dataset_free(d);
    d = through(through(dataset_of(ctx, 5, false, NULL), &other_type_stage), &row_stage);
    FAILS(fold_once(d, &sum, &err), AIP_E_MISUSE, "other columns than bind announced");
    aip_dataset_free(d);
    d = through(dataset_of(ctx, 5, false, NULL), &silent_stage);
    aip_error *e = NULL;
    ck_assert_int_eq(scan_once(d, &sum, &e), 42); /* the host's status, and words for it */
    ck_assert_int_eq(aip_error_status(e), 42);
    ck_assert_str_eq(aip_error_text(e), "stage 'silent': apply failed with status 42 and no message");
    aip_error_free(e);
    aip_stage *stage = NULL;
    aip_dataset *out = NULL;
    OK(aip__stage_of(ctx, &no_schema_stage, NULL, &stage, &err));
    FAILS(aip_dataset_transform(d, stage, &out, &err), AIP_E_MISUSE, "expected a schema");
    aip_stage_free(stage);
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

static int32_t stop_without_words(void *user, aip_batch *b, aip_error **err) {
    (void)user, (void)b, (void)err;
    return 77;
}

START_TEST(a_hosts_status_without_a_message_gets_one) {
    aip_context *ctx = test_workers(0);
    aip_dataset *d = dataset_of(ctx, 5, false, NULL);
    FAILS(aip_dataset_each(d, NULL, stop_without_words, NULL, NULL, &err), 77, "status 77");
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

START_TEST(counts_of_no_size_are_misuse) {
    aip_context *ctx = test_workers(0);
    aip_dataset *d = dataset_of(ctx, 5, false, NULL);
    aip_row_counts counts = {0};
    int64_t sum = 0;
    FAILS(aip_dataset_each(d, NULL, add_up, &sum, &counts, &err), AIP_E_MISUSE, "struct_size");
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

static int32_t stop_progress(void *user, const aip_progress *progress) {
    (void)progress;
    return *(int32_t *)user;
}

START_TEST(the_value_of_a_progress_callback_comes_back_from_a_scan_and_a_fold) {
    aip_context *ctx = test_workers(workers[_i]);
    aip_dataset *d = dataset_of(ctx, 50, false, NULL);
    int32_t value = 99;
    int64_t sum = 0;
    aip_call call = AIP_CALL_INIT;
    call.progress = stop_progress;
    call.user = &value;
    FAILS(aip_dataset_each(d, &call, add_up, &sum, NULL, &err), 99, "99");
    aip__token token;
    void *state = NULL;
    OK(aip__token_init(&token, ctx, &call, &err));
    FAILS(aip__fold_run(d, &token, "sum", &sum_ops, ctx, &state, NULL, &err), 99, "99");
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_dataset_may_be_freed_while_it_is_scanned) {
    aip_context *ctx = test_workers(workers[_i]);
    aip_dataset *d = through(through(dataset_of(ctx, 100, false, NULL), &even_stage), &row_stage);
    aip__token token;
    aip__scan *scan = NULL;
    OK(aip__token_init(&token, ctx, NULL, &err));
    OK(aip__scan_open(d, &token, "read", &scan, &err));
    aip_dataset_free(d);
    int64_t n = 0;
    for (;;) {
        aip_batch *b = NULL;
        OK(aip__scan_next(scan, &b, &err));
        if (!b) break;
        n += b->n_rows;
        aip_batch_free(b);
    }
    ck_assert_int_eq(n, 100 * ITEM_ROWS / 2);
    aip__scan_close(scan);
    test_workers_end(ctx);
}
END_TEST

START_TEST(a_scan_closed_at_any_batch_leaves_nothing) {
    aip_context *ctx = test_workers(workers[_i]);
    for (int stop = 0; stop < 12; stop++) {
        aip_dataset *d = through(through(dataset_of(ctx, 100, false, NULL), &row_stage), &row_stage);
        aip__token token;
        aip__scan *scan = NULL;
        OK(aip__token_init(&token, ctx, NULL, &err));
        OK(aip__scan_open(d, &token, "read", &scan, &err));
        for (int i = 0; i < stop; i++) {
            aip_batch *b = NULL;
            OK(aip__scan_next(scan, &b, &err));
            ck_assert_int_eq(b->ordinal, i * ITEM_ROWS);
            aip_batch_free(b);
        }
        aip__scan_close(scan);
        aip_dataset_free(d);
    }
    test_workers_end(ctx);
}
END_TEST

START_TEST(a_stage_may_scan_another_dataset) {
    aip_context *ctx = test_workers(workers[_i]);
    aip_dataset *other = through(through(dataset_of(ctx, 10, false, NULL), &even_stage), &row_stage);
    aip_dataset *kept = NULL; /* several scans of it run at once, so its source must have a cursor each: one in memory does */
    OK(aip_dataset_collect(other, NULL, &kept, &err));
    aip_dataset_free(other);
    aip_dataset *d =
        through(through_self(through(dataset_of(ctx, 40, false, NULL), &row_stage), &nested_stage, kept), &row_stage);
    int64_t sum = 0;
    OK(scan_once(d, &sum, &err));
    ck_assert_int_eq(sum, -(40 * ITEM_ROWS) * (40 * ITEM_ROWS - 1) / 2); /* i - i - i */
    OK(fold_once(d, &sum, &err));
    ck_assert_int_eq(sum, -(40 * ITEM_ROWS) * (40 * ITEM_ROWS - 1) / 2);
    aip_dataset_free(d);
    aip_dataset_free(kept);
    test_workers_end(ctx);
}
END_TEST

START_TEST(a_once_dataset_is_not_used_up_by_a_pass_that_was_refused_memory) {
    aip_context *ctx = test_workers(0);
    aip_dataset *d = dataset_of(ctx, 5, true, NULL);
    refusing r = {.inner = ctx->allocator.resize, .inner_user = ctx->allocator.user, .for_good = true};
    aip__token token;
    aip__scan *scan = NULL;
    OK(aip__token_init(&token, ctx, NULL, &err));
    ctx->allocator.user = &r;
    ctx->allocator.resize = refusing_resize;
    atomic_store(&r.armed, true);
    for (int64_t at = 0; at < 5; at++) { /* the scan, its plan, its ring, its points, its group */
        atomic_store(&r.left, at);
        FAILS(aip__scan_open(d, &token, "read", &scan, &err), AIP_E_NOMEM, "memory");
    }
    atomic_store(&r.armed, false);
    int64_t sum = 0;
    OK(scan_once(d, &sum, &err));
    FAILS(scan_once(d, &sum, &err), AIP_E_STATE, "only once");
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

START_TEST(a_view_of_a_once_dataset_is_kept_or_its_rows_are_lost) {
    aip_context *ctx = test_workers(0);
    aip_dataset *d = through(dataset_of(ctx, 100, true, NULL), &row_stage);
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    uint64_t limit = ctx->memory_limit;
    ctx->memory_limit = aip_context_memory_used(ctx) + 170 * ITEM_ROWS * sizeof(int64_t); /* fits, but takes more than half */
    int32_t status = aip__dataset_keep(d, &token, NULL);
    ctx->memory_limit = limit;
    int64_t sum = 0;
    if (status == AIP_OK)
        OK(scan_once(d, &sum, &err));
    else
        ck_assert_int_eq(status, AIP_E_MEMORY_LIMIT); /* said, not found out by the second pass */
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

START_TEST(a_scan_stays_within_a_small_memory_limit) {
    aip_context *ctx = test_workers(workers[_i]);
    ctx->memory_limit = 12 << 20;
    source *s = NULL;
    aip_dataset *d = through(dataset_of(ctx, 200, false, &s), &row_stage);
    s->extra = ((size_t)1 << 20) - 64;
    int64_t sum = 0;
    OK(fold_once(d, &sum, &err));
    ck_assert_int_eq(sum, 0);
    OK(scan_once(d, &sum, &err));
    ck_assert_uint_le(aip_context_memory_peak(ctx), 12 << 20);
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST

/* ---- floating-point mode ------------------------------------------------------------------------------------------------------------------ */

#ifdef __SSE__
#define FLUSH_TO_ZERO 0x8040u /* FTZ and DAZ */

/* A state of the smallest positive double per batch: sums of them are exact, unless denormals are flushed. */
static int32_t tiny_init(const void *fold, void **state, aip_error **err) { return sum_init(fold, state, err); }
static int32_t tiny_update(const void *fold, void *state, const aip_batch *b, aip_error **err) {
    (void)fold, (void)b, (void)err;
    *(double *)state += 0x1p-1074;
    return AIP_OK;
}
static int32_t tiny_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold, (void)err;
    *(double *)into += *(const double *)from;
    return AIP_OK;
}
static const aip_fold_ops tiny_ops = {.struct_size = sizeof(aip_fold_ops),
                                      .state_bytes = sum_bytes,
                                      .init = tiny_init,
                                      .update = tiny_update,
                                      .merge = tiny_merge,
                                      .destroy = sum_destroy};

START_TEST(a_host_that_flushes_denormals_gets_the_same_bits) {
    aip_context *ctx = test_workers(workers[_i]);
    aip_dataset *d = dataset_of(ctx, 20, false, NULL);
    aip__token token;
    void *state = NULL;
    OK(aip__token_init(&token, ctx, NULL, &err));
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_TO_ZERO);
    int32_t status = aip__fold_run(d, &token, "tiny", &tiny_ops, ctx, &state, NULL, NULL);
    unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    ck_assert_int_eq(status, AIP_OK);
    ck_assert_uint_eq(after & FLUSH_TO_ZERO, FLUSH_TO_ZERO); /* the host's thread is as it was */
    int64_t bits = 0;
    memcpy(&bits, state, sizeof bits);
    ck_assert_int_eq(bits, 20); /* 20 x 2^-1074 */
    sum_destroy(ctx, state);
    aip_dataset_free(d);
    test_workers_end(ctx);
}
END_TEST
#endif

/* ---- fork ---------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_pass_begun_before_a_fork_ends_in_the_child) {
    aip_context *ctx = test_workers(WORK_WHILE_FORKING ? workers[_i] : 0);
    aip_dataset *d = through(dataset_of(ctx, 60, false, NULL), &row_stage);
    aip_dataset *other = through(dataset_of(ctx, 60, false, NULL), &row_stage);
    aip__token token;
    aip__scan *scan = NULL;
    aip_batch *b = NULL;
    OK(aip__token_init(&token, ctx, NULL, &err));
    OK(aip__scan_open(d, &token, "read", &scan, &err));
    OK(aip__scan_next(scan, &b, &err));
    aip_batch_free(b);
    pid_t child = unit_fork();
    if (child == 0) {
        alarm(30);
        aip_error *err = NULL;
        int64_t sum = 0;
        if (aip__scan_next(scan, &b, &err) != AIP_E_FORKED) _exit(1);
        aip_error_free(err);
        aip__scan_close(scan);
        if (scan_once(other, &sum, NULL) != AIP_OK || sum != 0) _exit(2); /* a new pass works */
        _exit(0);
    }
    int64_t n = ITEM_ROWS;
    for (;;) {
        OK(aip__scan_next(scan, &b, &err));
        if (!b) break;
        n += b->n_rows;
        aip_batch_free(b);
    }
    ck_assert_int_eq(n, 60 * ITEM_ROWS);
    aip__scan_close(scan);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    aip_dataset_free(d);
    aip_dataset_free(other);
    test_workers_end(ctx);
}
END_TEST

Suite *scan_fault_suite(void) {
    Suite *suite = suite_create("scan_fault");
    TCase *tc = tcase_create("scan_fault");
    tcase_add_loop_test(tc, each_allocation_of_a_scan_may_be_refused, 0, 4);
    tcase_add_loop_test(tc, each_allocation_of_a_collect_may_be_refused, 0, 4);
    tcase_add_loop_test(tc, each_allocation_of_a_fold_may_be_refused, 0, 4);
    tcase_add_loop_test(tc, a_stage_that_breaks_its_promise_is_an_error_that_names_it, 0, N_WORKERS);
    tcase_add_test(tc, a_hosts_status_without_a_message_gets_one);
    tcase_add_test(tc, counts_of_no_size_are_misuse);
    tcase_add_loop_test(tc, the_value_of_a_progress_callback_comes_back_from_a_scan_and_a_fold, 0, N_WORKERS);
    tcase_add_loop_test(tc, a_dataset_may_be_freed_while_it_is_scanned, 0, N_WORKERS);
    tcase_add_loop_test(tc, a_scan_closed_at_any_batch_leaves_nothing, 0, N_WORKERS);
    tcase_add_loop_test(tc, a_stage_may_scan_another_dataset, 0, N_WORKERS);
    tcase_add_test(tc, a_once_dataset_is_not_used_up_by_a_pass_that_was_refused_memory);
    tcase_add_test(tc, a_view_of_a_once_dataset_is_kept_or_its_rows_are_lost);
    tcase_add_loop_test(tc, a_scan_stays_within_a_small_memory_limit, 0, N_WORKERS);
#ifdef __SSE__
    tcase_add_loop_test(tc, a_host_that_flushes_denormals_gets_the_same_bits, 0, N_WORKERS);
#endif
    tcase_add_loop_test(tc, a_pass_begun_before_a_fork_ends_in_the_child, 0, N_WORKERS);
    suite_add_tcase(suite, tc);
    return suite;
}
