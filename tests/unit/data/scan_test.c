/* The scan engine: order, serial points, lanes, counts, errors and cancellation, over a source whose items take uneven time, with 0 to 8
 * workers. Expected values are sums by hand. */
#include "data/scan.h"
#include "data_suites.h"
#include "exec/group.h"
#include "exec/pool.h"
#include <stdlib.h>
#include <unistd.h>

/* ---- a context with workers ---------------------------------------------------------------------------------------------------- */

static const int32_t workers[] = {0, 1, 2, 8};
#define N_WORKERS 4

static void pool_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }
static void pool_free(aip_context *ctx) {
    aip__pool_free(ctx->pool);
    aip__exec_free(ctx, ctx->exec);
}

static aip_context *context_with(int32_t n_workers) {
    aip_context *ctx = test_context();
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    aip__pool *pool = NULL;
    OK(aip__pool_create(ctx, unit_workers(n_workers), &pool, &ctx->executor, &err));
    ctx->pool = pool;
    ctx->at_close = pool_close;
    ctx->at_free = pool_free;
    return ctx;
}

static void context_end(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    ctx->at_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1);
    aip__context_release(ctx);
}

/* ---- a source: n items, item i has rows[i % 3] rows of consecutive numbers ------------------------------------------------------ */

static const int64_t rows_of[3] = {100, 0, 257};

typedef struct {
    aip_context *ctx;
    aip_schema *schema;
    int64_t n_items, bad_item, bad_cut; /* -1: none */
    int64_t lie;                        /* records that items from the fourth on say they hold more than they give */
    int opens, closes, finishes;
    _Atomic(int) held;        /* items not freed */
    _Atomic(int64_t) n_ahead; /* pieces made ahead of the cut */
    aip_cancel *cancel;       /* NULL, or requested in place of the third piece */
} numbers;

typedef struct {
    numbers *source;
    int64_t at, next_row, accounted;
    _Atomic(int64_t) made, used; /* pieces, one for each item, where work is done ahead */
    _Atomic(bool) making;
} numbers_cursor;

typedef struct {
    int64_t index, first_row, n_rows;
} numbers_item;

static int32_t numbers_open(void *self, const aip__token *token, void **cursor, aip_error **err) {
    (void)token;
    (void)err;
    numbers *s = self;
    s->opens++;
    numbers_cursor *c = aip__calloc(s->ctx, 1, sizeof *c);
    c->source = s;
    *cursor = c;
    return AIP_OK;
}

static int32_t numbers_next(void *cursor, aip__item *item, bool *end, aip_error **err) {
    numbers_cursor *c = cursor;
    if (c->at == c->source->bad_cut) return aip__error_set(err, AIP_E_IO, "cut %d fails", (int)c->at);
    if (c->at == c->source->n_items) {
        *end = true;
        return AIP_OK;
    }
    numbers_item *i = aip__calloc(c->source->ctx, 1, sizeof *i);
    *i = (numbers_item){c->at, c->next_row, rows_of[c->at % 3]};
    c->next_row += i->n_rows;
    c->at++;
    atomic_fetch_add(&c->source->held, 1);
    *item = (aip__item){.data = i, .bytes = 1000};
    return AIP_OK;
}

/* The same with a piece of work before each cut, of which two may be done ahead. */
static bool with_ahead;
static void turn_ahead_on(void) { with_ahead = true; }
static void turn_ahead_off(void) { with_ahead = false; }

static void make_piece(numbers_cursor *c) {
    ck_assert(!atomic_exchange(&c->making, true)); /* one at a time */
    if (atomic_load(&c->made) % 5 == 4) usleep(100);
    atomic_fetch_add(&c->made, 1);
    atomic_store(&c->making, false);
}

static bool numbers_ahead(void *cursor) {
    numbers_cursor *c = cursor;
    int64_t made = atomic_load(&c->made);
    if (made == c->source->n_items || made == atomic_load(&c->used) + 2) return false;
    if (made == 2 && c->source->cancel) {
        aip_cancel_request(c->source->cancel);
        return false;
    }
    make_piece(c);
    atomic_fetch_add(&c->source->n_ahead, 1);
    return true;
}

static bool numbers_ready(void *cursor) {
    numbers_cursor *c = cursor;
    return atomic_load(&c->made) > atomic_load(&c->used) || atomic_load(&c->made) == c->source->n_items;
}

/* Called only when it need not wait, unless nothing is done ahead at all. */
static int32_t numbers_next_piece(void *cursor, aip__item *item, bool *end, aip_error **err) {
    numbers_cursor *c = cursor;
    ck_assert(numbers_ready(c) || atomic_load(&c->source->n_ahead) == 0);
    if (!numbers_ready(c)) make_piece(c);
    AIP__TRY(numbers_next(c, item, end, err));
    if (!*end) atomic_fetch_add(&c->used, 1);
    return AIP_OK;
}

static int32_t numbers_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    numbers_cursor *c = cursor;
    const numbers_item *i = item->data;
    if (i->index % 7 == 3) usleep(300); /* later items overtake this one */
    if (c->source->bad_item >= 0 && i->index >= c->source->bad_item)
        return aip__error_set(err, AIP_E_DATA, "item %d is bad", (int)i->index);
    out->n_records = i->n_rows + 1 + (i->index > 3 ? c->source->lie : 0); /* one reject each */
    out->n_rejected = 1;
    if (i->n_rows == 0) return AIP_OK;
    aip__column *col = NULL;
    AIP__TRY(aip__column_new(c->source->ctx, AIP_INT64, i->n_rows, true, &col, err));
    for (int64_t r = 0; r < i->n_rows; r++) aip__column_i64_mut(col)[r] = i->first_row + r;
    aip__column_publish(col);
    return aip__batch_new(c->source->schema, i->n_rows, &col, &out->batch, err);
}

static void numbers_item_free(void *cursor, aip__item *item) {
    numbers_cursor *c = cursor;
    atomic_fetch_sub(&c->source->held, 1);
    aip__free(c->source->ctx, item->data);
}

static int32_t numbers_account(void *cursor, aip__decoded *decoded, aip_error **err) {
    (void)err;
    ((numbers_cursor *)cursor)->accounted += decoded->n_rejected; /* serial: no lock here, and ThreadSanitizer agrees */
    return AIP_OK;
}

static int32_t numbers_finish(void *cursor, aip_error **err) {
    numbers_cursor *c = cursor;
    (void)err;
    c->source->finishes++;
    ck_assert_int_eq(c->accounted, c->source->n_items);
    return AIP_OK;
}

static void numbers_close(void *cursor) {
    numbers_cursor *c = cursor;
    c->source->closes++;
    aip__free(c->source->ctx, c);
}

static void numbers_destroy(void *self) {
    numbers *s = self;
    ck_assert_int_eq(atomic_load(&s->held), 0);
    ck_assert_int_eq(s->opens, s->closes);
    aip_schema_free(s->schema);
    aip__free(s->ctx, s);
}

static const aip__source_ops numbers_ops = {.kind = "numbers",
                                            .open = numbers_open,
                                            .next = numbers_next,
                                            .decode = numbers_decode,
                                            .item_free = numbers_item_free,
                                            .account = numbers_account,
                                            .finish = numbers_finish,
                                            .close = numbers_close,
                                            .destroy = numbers_destroy};

static const aip__source_ops numbers_ahead_ops = {.kind = "numbers",
                                                  .open = numbers_open,
                                                  .next = numbers_next_piece,
                                                  .ahead = numbers_ahead,
                                                  .ready = numbers_ready,
                                                  .decode = numbers_decode,
                                                  .item_free = numbers_item_free,
                                                  .account = numbers_account,
                                                  .finish = numbers_finish,
                                                  .close = numbers_close,
                                                  .destroy = numbers_destroy};

static aip_dataset *dataset_of(aip_context *ctx, int64_t n_items, int64_t bad_item, int64_t bad_cut, numbers **source) {
    aip_field field = aip__field("n", AIP_INT64);
    numbers *s = aip__calloc(ctx, 1, sizeof *s);
    s->ctx = ctx;
    s->n_items = n_items;
    s->bad_item = bad_item;
    s->bad_cut = bad_cut;
    OK(aip_schema_create(ctx, &field, 1, &s->schema, &err));
    aip_dataset *d = NULL;
    OK(aip__dataset_from_source(ctx, s->schema, with_ahead ? &numbers_ahead_ops : &numbers_ops, s, false, &d, &err));
    if (source) *source = s;
    return d;
}

/* ---- stages: keep even numbers; subtract the running count of rows --------------------------------------------------------------- */

static int32_t same_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)self;
    (void)fitted;
    (void)err;
    *bound = in->ctx;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static int32_t even_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    uint8_t mask[64] = {0};
    for (int64_t i = 0; i < in->n_rows; i++)
        if (aip__column_i64(in->columns[0])[i] % 2 == 0) aip__bit_set(mask, i);
    return aip__batch_filter(in, mask, out, err);
}

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

static const aip_stage_ops even_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = even_apply};
static const aip_stage_ops row_ops = {.struct_size = sizeof(aip_stage_ops),
                                      .bind = same_bind,
                                      .carry_bytes = row_carry_bytes,
                                      .summarise = row_summarise,
                                      .carry = row_carry,
                                      .apply_carry = row_apply};
static const aip_descriptor even_stage = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "even", .ops = &even_ops, .rows = AIP_ROWS_FEWER};
static const aip_descriptor row_stage = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "minus_row", .ops = &row_ops};

static aip_dataset *through(aip_dataset *d, const aip_descriptor *descriptor) {
    aip_stage *stage = NULL;
    aip_dataset *out = NULL;
    OK(aip__stage_of(d->ctx, descriptor, NULL, &stage, &err));
    OK(aip_dataset_transform(d, stage, &out, &err));
    aip_stage_free(stage);
    aip_dataset_free(d);
    return out;
}

/* Stages that keep even numbers only, or give each batch's rows and some of the same again, and declare otherwise. */
static const aip_descriptor liar_same = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "liar", .ops = &even_ops, .rows = AIP_ROWS_SAME};

static int32_t more_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    aip__column *col = NULL;
    AIP__TRY(aip__column_new(in->ctx, AIP_INT64, in->n_rows + 5, true, &col, err));
    memset(aip__column_i64_mut(col), 0, (size_t)(in->n_rows + 5) * sizeof(int64_t));
    aip__column_publish(col);
    return aip__batch_new(in->schema, in->n_rows + 5, &col, out, err);
}
static const aip_stage_ops more_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = more_apply};
static const aip_descriptor liar_fewer = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "liar", .ops = &more_ops, .rows = AIP_ROWS_FEWER};
static const aip_descriptor other_stage = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "more", .ops = &more_ops, .rows = AIP_ROWS_OTHER};

/* ---- a fold whose result depends on the order of additions: floating-point sums of 1 / (n + 1) ------------------------------------ */

static size_t sum_bytes(const void *fold) { return *(const size_t *)fold; }
static int32_t sum_init(const void *fold, void **state, aip_error **err) {
    (void)fold;
    (void)err;
    *state = calloc(1, sizeof(double));
    return AIP_OK;
}
static int32_t sum_update(const void *fold, void *state, const aip_batch *b, aip_error **err) {
    (void)fold;
    (void)err;
    for (int64_t i = 0; i < b->n_rows; i++) *(double *)state += 1.0 / (double)(aip__column_i64(b->columns[0])[i] + 1);
    return AIP_OK;
}
static int32_t sum_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold;
    (void)err;
    *(double *)into += *(const double *)from;
    return AIP_OK;
}
static void sum_destroy(const void *fold, void *state) {
    (void)fold;
    free(state);
}
static const aip_fold_ops sum_ops = {.struct_size = sizeof(aip_fold_ops),
                                     .state_bytes = sum_bytes,
                                     .init = sum_init,
                                     .update = sum_update,
                                     .merge = sum_merge,
                                     .destroy = sum_destroy};

/* ---- tests ---------------------------------------------------------------------------------------------------------------------------- */

START_TEST(batches_come_in_source_order_with_ordinals) {
    aip_context *ctx = context_with(workers[_i]);
    aip_dataset *d = dataset_of(ctx, 200, -1, -1, NULL);
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    aip__scan *scan = NULL;
    OK(aip__scan_open(d, &token, "read", &scan, &err));
    int64_t n = 0;
    for (;;) {
        aip_batch *b = NULL;
        OK(aip__scan_next(scan, &b, &err));
        if (!b) break;
        ck_assert_int_eq(b->ordinal, n);
        ck_assert_int_gt(b->n_rows, 0);
        for (int64_t i = 0; i < b->n_rows; i++) ck_assert_int_eq(aip__column_i64(b->columns[0])[i], n++);
        aip_batch_free(b);
    }
    ck_assert_int_eq(n, 67 * 100 + 66 * 257); /* items 0, 3, .. 198 and 2, 5, .. 197 */
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip__scan_counts(scan, &counts);
    ck_assert_int_eq(counts.rows_in, n + 200);
    ck_assert_int_eq(counts.rows_out, n);
    ck_assert_int_eq(counts.rows_rejected, 200);
    ck_assert_int_eq(counts.rows_filtered, 0);
    aip__scan_close(scan);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static int32_t check_zero(void *user, aip_batch *b, aip_error **err) {
    (void)err;
    int64_t *n = user;
    for (int64_t i = 0; i < b->n_rows; i++) ck_assert_int_eq(aip__column_i64(b->columns[0])[i], *n + i); /* 2 r - r */
    *n += b->n_rows;
    return AIP_OK;
}

static int32_t count_rows(void *user, aip_batch *b, aip_error **err) {
    (void)err;
    *(int64_t *)user += b->n_rows;
    return AIP_OK;
}

/* A stage that refuses number 5000 and says where it stood. */
static int32_t refuse_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    (void)bound;
    for (int64_t i = 0; i < in->n_rows; i++)
        if (aip__column_i64(in->columns[0])[i] == 5000)
            return aip__error_set(err, AIP_E_DATA, "row %lld", (long long)(in->ordinal < 0 ? -1 : in->ordinal + i));
    *out = aip__batch_retain(in);
    return AIP_OK;
}
static const aip_stage_ops refuse_ops = {.struct_size = sizeof(aip_stage_ops), .bind = same_bind, .apply = refuse_apply};
static const aip_descriptor refuse_stage = {
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = "refuse", .ops = &refuse_ops};

START_TEST(a_stage_knows_the_position_of_its_rows_until_rows_are_dropped) {
    aip_context *ctx = context_with(workers[_i]);
    int64_t n = 0;
    aip_dataset *d = dataset_of(ctx, 200, -1, -1, NULL), *memory = NULL, *on;
    OK(aip_dataset_collect(d, NULL, &memory, &err));
    on = through(through(d, &row_stage), &refuse_stage); /* n - row is 0 everywhere: nothing is refused */
    OK(aip_dataset_each(on, NULL, count_rows, &n, NULL, &err));
    aip_dataset_free(on);
    on = through(dataset_of(ctx, 200, -1, -1, NULL), &refuse_stage);
    FAILS(aip_dataset_each(on, NULL, count_rows, &n, NULL, &err), AIP_E_DATA, "row 5000");
    aip_dataset_free(on);
    on = through(memory, &refuse_stage);
    FAILS(aip_dataset_each(on, NULL, count_rows, &n, NULL, &err), AIP_E_DATA, "row 5000");
    aip_dataset_free(on);
    on = through(through(dataset_of(ctx, 200, -1, -1, NULL), &even_stage), &refuse_stage);
    FAILS(aip_dataset_each(on, NULL, count_rows, &n, NULL, &err), AIP_E_DATA, "row -1");
    aip_dataset_free(on);
    context_end(ctx);
}
END_TEST

START_TEST(a_carry_sees_rows_in_source_order_after_a_filter) {
    aip_context *ctx = context_with(workers[_i]);
    aip_dataset *d = through(through(dataset_of(ctx, 300, -1, -1, NULL), &even_stage), &row_stage);
    int64_t n = 0;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    OK(aip_dataset_each(d, NULL, check_zero, &n, &counts, &err));
    int64_t all = 100 * 100 + 100 * 257;
    ck_assert_int_eq(n, all / 2);
    ck_assert_int_eq(counts.rows_filtered, all - all / 2);
    ck_assert_int_eq(counts.rows_in, counts.rows_out + counts.rows_rejected + counts.rows_filtered);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static double fold_of(int32_t n_workers, size_t state_bytes) {
    aip_context *ctx = context_with(n_workers);
    aip_dataset *d = through(dataset_of(ctx, 500, -1, -1, NULL), &even_stage);
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    void *state = NULL;
    OK(aip__fold_run(d, &token, "sum", &sum_ops, &state_bytes, &state, NULL, &err));
    double sum = *(double *)state;
    sum_destroy(NULL, state);
    aip_dataset_free(d);
    context_end(ctx);
    return sum;
}

START_TEST(a_fold_gives_the_same_bits_for_any_number_of_workers) {
    const size_t sizes[3] = {8, (size_t)8 << 20, (size_t)100 << 20}; /* 64, 8 and 1 lanes */
    for (int k = 0; k < 3; k++) {
        double first = fold_of(0, sizes[k]);
        for (int w = 1; w < N_WORKERS; w++) {
            double other = fold_of(workers[w], sizes[k]);
            ck_assert_msg(memcmp(&first, &other, sizeof first) == 0, "%zu bytes, %d workers: %.17g and %.17g", sizes[k],
                          (int)workers[w], first, other);
        }
    }
}
END_TEST

START_TEST(lanes_follow_the_size_of_the_state) {
    ck_assert_int_eq(aip__fold_lanes(0), 64);
    ck_assert_int_eq(aip__fold_lanes((size_t)1 << 20), 64);
    ck_assert_int_eq(aip__fold_lanes((size_t)2 << 20), 32);
    ck_assert_int_eq(aip__fold_lanes((size_t)1 << 40), 1);
}
END_TEST

START_TEST(the_first_error_in_source_order_wins_and_what_comes_before_it_is_given_out) {
    for (int repeat = 0; repeat < 20; repeat++) {
        aip_context *ctx = context_with(workers[_i]);
        aip_dataset *d = through(dataset_of(ctx, 100, 30, -1, NULL), &row_stage);
        int64_t n = 0;
        FAILS(aip_dataset_each(d, NULL, count_rows, &n, NULL, &err), AIP_E_DATA, "item 30 is bad");
        ck_assert_int_eq(n, 10 * 100 + 10 * 257);
        aip__token token;
        OK(aip__token_init(&token, ctx, NULL, &err));
        void *state = NULL;
        size_t bytes = 8;
        FAILS(aip__fold_run(d, &token, "sum", &sum_ops, &bytes, &state, NULL, &err), AIP_E_DATA, "item 30 is bad");
        aip_dataset_free(d);
        context_end(ctx);
    }
}
END_TEST

START_TEST(an_error_of_the_cut_comes_after_the_rows_before_it) {
    aip_context *ctx = context_with(workers[_i]);
    aip_dataset *d = dataset_of(ctx, 100, -1, 40, NULL);
    int64_t n = 0;
    FAILS(aip_dataset_each(d, NULL, count_rows, &n, NULL, &err), AIP_E_IO, "cut 40 fails");
    ck_assert_int_eq(n, 14 * 100 + 13 * 257);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

START_TEST(head_stops_early_and_reads_no_more_than_the_window) {
    aip_context *ctx = context_with(workers[_i]);
    numbers *source = NULL;
    aip_dataset *d = dataset_of(ctx, 1000000, -1, -1, &source), *head = NULL;
    OK(aip_dataset_head(d, 150, NULL, &head, &err));
    int64_t n = 0;
    OK(aip_dataset_count(head, NULL, &n, &err));
    ck_assert_int_eq(n, 150);
    ck_assert_int_eq(source->finishes, 0);
    aip_dataset_free(head);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

START_TEST(a_kept_dataset_is_read_from_its_source_once) {
    aip_context *ctx = context_with(2);
    numbers *source = NULL;
    aip_dataset *d = dataset_of(ctx, 50, -1, -1, &source);
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    OK(aip__dataset_keep(d, &token, &err));
    aip_dataset *view = through(aip__dataset_retain(d), &row_stage);
    for (int i = 0; i < 3; i++) {
        int64_t n = 0;
        OK(aip_dataset_each(view, NULL, count_rows, &n, NULL, &err));
        ck_assert_int_eq(n, 17 * 100 + 16 * 257);
    }
    ck_assert_int_eq(source->opens, 1);
    aip_dataset_free(view);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static int32_t cancel_soon(void *user, aip_batch *b, aip_error **err) {
    (void)b;
    (void)err;
    aip_cancel_request(user);
    return AIP_OK;
}

START_TEST(a_cancelled_pass_ends_with_E_CANCELLED) {
    aip_context *ctx = context_with(workers[_i]);
    aip_dataset *d = dataset_of(ctx, 100000, -1, -1, NULL);
    aip_call call = AIP_CALL_INIT;
    OK(aip_cancel_create(ctx, &call.cancel, &err));
    FAILS(aip_dataset_each(d, &call, cancel_soon, call.cancel, NULL, &err), AIP_E_CANCELLED, "cancel");
    aip_cancel_free(call.cancel);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static int32_t stop_here(void *user, aip_batch *b, aip_error **err) {
    (void)user;
    (void)b;
    (void)err;
    return 77;
}

START_TEST(a_hosts_status_comes_back_unchanged) {
    aip_context *ctx = context_with(2);
    aip_dataset *d = dataset_of(ctx, 100, -1, -1, NULL);
    ck_assert_int_eq(aip_dataset_each(d, NULL, stop_here, NULL, NULL, NULL), 77);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

START_TEST(an_empty_source_gives_no_batch_and_an_initial_state) {
    aip_context *ctx = context_with(2);
    aip_dataset *d = dataset_of(ctx, 0, -1, -1, NULL);
    int64_t n = 0;
    OK(aip_dataset_each(d, NULL, count_rows, &n, NULL, &err));
    ck_assert_int_eq(n, 0);
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    void *state = NULL;
    size_t bytes = 8;
    OK(aip__fold_run(d, &token, "sum", &sum_ops, &bytes, &state, NULL, &err));
    ck_assert_double_eq(*(double *)state, 0.0);
    sum_destroy(NULL, state);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static int32_t pass_over(aip_dataset *d, aip_row_counts *counts, aip_error **err) {
    int64_t n = 0;
    return aip_dataset_each(d, NULL, count_rows, &n, counts, err);
}

START_TEST(a_stage_that_lies_about_its_rows_and_a_source_that_loses_some_are_caught_whatever_the_pass) {
    for (int w = 0; w < N_WORKERS; w++) {
        aip_context *ctx = context_with(workers[w]);
        size_t bytes = 64;
        numbers *source = NULL;
        void *state = NULL;
        aip__token token;
        OK(aip__token_init(&token, ctx, NULL, &err));
        aip_dataset *d = through(dataset_of(ctx, 20, -1, -1, NULL), &liar_same);
        FAILS(pass_over(d, NULL, &err), AIP_E_INTERNAL, "declares `rows: same`, but of a batch of 100 rows it made 50");
        FAILS(aip__fold_run(d, &token, "sum", &sum_ops, &bytes, &state, NULL, &err), AIP_E_INTERNAL, "it made 50");
        aip_dataset_free(d);
        d = through(dataset_of(ctx, 20, -1, -1, NULL), &liar_fewer);
        FAILS(pass_over(d, NULL, &err), AIP_E_INTERNAL, "declares `rows: fewer`, but of a batch of 100 rows it made 105");
        aip_dataset_free(d);
        /* 7 items of 100 rows, 7 of none (which have no batch), 6 of 257: 20 rejects, and 5 rows more of each of 13 batches */
        d = through(dataset_of(ctx, 20, -1, -1, NULL), &other_stage);
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        OK(pass_over(d, &counts, &err));
        ck_assert_int_eq(counts.rows_in, 7 * 100 + 6 * 257 + 20);
        ck_assert_int_eq(counts.rows_rejected, 20);
        ck_assert_int_eq(counts.rows_filtered, -5 * 13);
        ck_assert_int_eq(counts.rows_out, 7 * 100 + 6 * 257 + 5 * 13);
        aip_dataset_free(d);
        d = dataset_of(ctx, 20, -1, -1, &source);
        source->lie = 1; /* item 4 has no rows, one reject, and says it held two records */
        FAILS(pass_over(d, NULL, &err), AIP_E_INTERNAL, "of an item of 2 records the numbers source gave 0 rows and 1 rejects");
        source->lie = -1;
        FAILS(pass_over(d, NULL, &err), AIP_E_INTERNAL, "of an item of 0 records the numbers source gave 0 rows and 1 rejects");
        aip_dataset_free(d);
        context_end(ctx);
    }
}
END_TEST

START_TEST(work_ahead_of_the_cut_is_done_ahead_where_there_are_threads_for_it) {
    aip_context *ctx = context_with(workers[_i]);
    numbers *source = NULL;
    aip_dataset *d = dataset_of(ctx, 200, -1, -1, &source);
    int64_t n = 0;
    bool alone = aip__concurrency(ctx) == 1;
    OK(aip_dataset_each(d, NULL, count_rows, &n, NULL, &err));
    ck_assert_int_eq(n, 67 * 100 + 66 * 257);
    ck_assert_int_eq(atomic_load(&source->n_ahead), alone ? 0 : 200);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

START_TEST(a_pass_that_is_cancelled_while_the_cut_waits_ends) {
    aip_context *ctx = context_with(workers[_i]);
    numbers *source = NULL;
    aip_dataset *d = dataset_of(ctx, 200, -1, -1, &source);
    aip_call call = AIP_CALL_INIT;
    int64_t n = 0;
    OK(aip_cancel_create(ctx, &source->cancel, &err));
    call.cancel = source->cancel;
    if (aip__concurrency(ctx) > 1) {
        FAILS(aip_dataset_each(d, &call, count_rows, &n, NULL, &err), AIP_E_CANCELLED, "cancelled");
        ck_assert_int_le(n, 100);
    }
    aip_cancel_free(source->cancel);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static int32_t refuses(void *user, aip_job *job) {
    (void)user, (void)job;
    return AIP_E_AGAIN;
}
static int32_t four(void *user) {
    (void)user;
    return 4;
}

START_TEST(a_pass_ends_also_where_an_executor_runs_nothing) {
    aip_context *ctx = context_with(0);
    aip_dataset *d = dataset_of(ctx, 50, -1, -1, NULL);
    ctx->executor.submit = refuses;
    ctx->executor.concurrency = four;
    aip__token token;
    OK(aip__token_init(&token, ctx, NULL, &err));
    size_t bytes = 8;
    int64_t n = 0;
    void *state = NULL;
    OK(aip__fold_run(d, &token, "sum", &sum_ops, &bytes, &state, NULL, &err));
    sum_destroy(NULL, state);
    OK(aip_dataset_each(d, NULL, count_rows, &n, NULL, &err));
    ck_assert_int_eq(n, 17 * 100 + 16 * 257);
    aip_dataset_free(d);
    context_end(ctx);
}
END_TEST

static void add_tests(TCase *tc) {
    tcase_add_loop_test(tc, batches_come_in_source_order_with_ordinals, 0, N_WORKERS);
    tcase_add_loop_test(tc, a_stage_knows_the_position_of_its_rows_until_rows_are_dropped, 0, N_WORKERS);
    tcase_add_loop_test(tc, a_carry_sees_rows_in_source_order_after_a_filter, 0, N_WORKERS);
    tcase_add_test(tc, a_fold_gives_the_same_bits_for_any_number_of_workers);
    tcase_add_loop_test(tc, the_first_error_in_source_order_wins_and_what_comes_before_it_is_given_out, 0, N_WORKERS);
    tcase_add_loop_test(tc, an_error_of_the_cut_comes_after_the_rows_before_it, 0, N_WORKERS);
    tcase_add_loop_test(tc, head_stops_early_and_reads_no_more_than_the_window, 0, N_WORKERS);
    tcase_add_test(tc, a_kept_dataset_is_read_from_its_source_once);
    tcase_add_loop_test(tc, a_cancelled_pass_ends_with_E_CANCELLED, 0, N_WORKERS);
    tcase_add_test(tc, a_hosts_status_comes_back_unchanged);
    tcase_add_test(tc, an_empty_source_gives_no_batch_and_an_initial_state);
    tcase_add_test(tc, a_stage_that_lies_about_its_rows_and_a_source_that_loses_some_are_caught_whatever_the_pass);
    tcase_add_test(tc, a_pass_ends_also_where_an_executor_runs_nothing);
}

Suite *scan_suite(void) {
    Suite *suite = suite_create("scan");
    TCase *tc = tcase_create("scan"), *ahead = tcase_create("scan with work ahead of the cut");
    add_tests(tc);
    tcase_add_test(tc, lanes_follow_the_size_of_the_state);
    tcase_add_checked_fixture(ahead, turn_ahead_on, turn_ahead_off);
    add_tests(ahead);
    tcase_add_loop_test(ahead, work_ahead_of_the_cut_is_done_ahead_where_there_are_threads_for_it, 0, N_WORKERS);
    tcase_add_loop_test(ahead, a_pass_that_is_cancelled_while_the_cut_waits_ends, 2, N_WORKERS);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, ahead);
    return suite;
}
