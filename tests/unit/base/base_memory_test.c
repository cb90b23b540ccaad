/* Memory: the limit, the accounting, reuse of freed buffers, versioned structs, and the context's options. */
#include "base/random.h"
#include "base/text.h"
#include "base_fixture.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static aip_context *limited(uint64_t limit) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.memory_limit = limit;
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_OK);
    return ctx;
}

START_TEST(used_goes_up_and_down_and_peak_stays) {
    aip_context *ctx = limited(1 << 20);
    void *p = aip__alloc(ctx, 1000);
    uint64_t used = aip_context_memory_used(ctx);
    ck_assert_uint_ge(used, 1000);
    p = aip__realloc(ctx, p, 5000);
    ck_assert_uint_eq(aip_context_memory_used(ctx), used + 4000);
    aip__free(ctx, p);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    ck_assert_uint_eq(aip_context_memory_peak(ctx), used + 4000);
    aip__context_release(ctx);
}
END_TEST

START_TEST(the_limit_refuses_and_says_so_and_leaves_the_old_block) {
    aip_context *ctx = limited(100000);
    char *p = aip__strdup(ctx, "kept");
    uint64_t used = aip_context_memory_used(ctx);
    ck_assert_ptr_null(aip__realloc(ctx, p, 200000));
    ck_assert_ptr_null(aip__alloc(ctx, SIZE_MAX));
    ck_assert_ptr_null(aip__calloc(ctx, SIZE_MAX / 2, 3));
    ck_assert_str_eq(p, "kept");
    ck_assert_uint_eq(aip_context_memory_used(ctx), used);
    ck_assert_ptr_null(aip__alloc(ctx, 200000));
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_memory(ctx, &err), AIP_E_MEMORY_LIMIT);
    ck_assert_ptr_nonnull(strstr(aip_error_message(err), "limit of 98 KiB ")); /* 100,000 / 1024 = 97.7 */
    aip_error_free(err);
    err = NULL;
    aip_context *large = limited((uint64_t)300 << 20);
    ck_assert_ptr_null(aip__alloc(large, (size_t)301 << 20));
    ck_assert_int_eq(aip__error_memory(large, &err), AIP_E_MEMORY_LIMIT);
    ck_assert_ptr_nonnull(strstr(aip_error_message(err), "limit of 300 MiB "));
    aip_error_free(err);
    aip__context_release(large);
    aip__free(ctx, p);
    aip__context_release(ctx);
}
END_TEST

START_TEST(an_allocators_refusal_is_out_of_memory) {
    counting_allocator counts;
    aip_allocator allocator = fixture_counting(&counts);
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_OK);
    counts.fail_at = counts.calls + 1;
    ck_assert_ptr_null(aip__alloc(ctx, 10));
    ck_assert_ptr_null(aip__buffer_new(ctx, 100000));
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_memory(ctx, &err), AIP_E_NOMEM);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
    ck_assert_int_eq(counts.live_bytes, 0);
}
END_TEST

START_TEST(a_buffer_is_aligned_and_has_64_zero_bytes_behind_it) {
    aip_context *ctx = limited(64 << 20);
    static const char zeros[64];
    static const size_t sizes[] = {0, 1, 63, 64, 16319, 16320, 16321, 32704, 32705, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        aip__buffer *b = aip__buffer_new(ctx, sizes[i]);
        ck_assert_uint_eq((uintptr_t)b->data % 64, 0);
        ck_assert_uint_ge(b->capacity, sizes[i]);
        memset(b->data, 0xff, b->size);
        ck_assert_mem_eq(b->data + b->size, zeros, 64);
        ck_assert_int_eq(aip__buffer_resize(&b, sizes[i] / 2), 0);
        ck_assert_mem_eq(b->data + b->size, zeros, 64);
        ck_assert_int_eq(aip__buffer_resize(&b, sizes[i] * 3 + 7), 0);
        ck_assert_mem_eq(b->data + b->size, zeros, 64);
        if (sizes[i] >= 2) ck_assert_uint_eq(b->data[sizes[i] / 2 - 1], 0xff); /* contents moved along */
        aip__buffer_free(b);
    }
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}
END_TEST

START_TEST(a_small_buffer_is_one_allocation) {
    counting_allocator counts;
    aip_allocator allocator = fixture_counting(&counts);
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_OK);
    int64_t blocks = counts.live_blocks;
    aip__buffer *b = aip__buffer_new(ctx, 2000);
    ck_assert_int_eq(counts.live_blocks, blocks + 1);
    ck_assert_uint_ge(aip_context_memory_used(ctx), 2000 + 64);
    aip__buffer_free(b);
    ck_assert_int_eq(counts.live_blocks, blocks);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}
END_TEST

START_TEST(a_freed_buffer_is_handed_out_again_and_not_counted_meanwhile) {
    counting_allocator counts;
    aip_allocator allocator = fixture_counting(&counts);
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_OK);
    aip__buffer *b = aip__buffer_new(ctx, 100000);
    uint8_t *data = b->data;
    aip__buffer_free(b);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    int64_t calls = counts.calls;
    b = aip__buffer_new(ctx, 99000);
    ck_assert_ptr_eq(b->data, data);
    ck_assert_int_eq(counts.calls, calls + 1); /* the struct alone */
    aip__buffer_free(b);
    aip__context_release(ctx);
    ck_assert_int_eq(counts.live_bytes, 0);
}
END_TEST

START_TEST(spare_buffers_stay_within_an_eighth_of_the_limit) {
    counting_allocator counts;
    aip_allocator allocator = fixture_counting(&counts);
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    options.memory_limit = 8 << 20;
    aip_context *ctx = NULL;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_OK);
    aip__buffer *many[50];
    for (int i = 0; i < 50; i++) many[i] = aip__buffer_new(ctx, 100000);
    for (int i = 0; i < 50; i++) aip__buffer_free(many[i]);
    ck_assert_int_le(counts.live_bytes, (1 << 20) + (int64_t)sizeof *ctx);
    aip__context_release(ctx);
    ck_assert_int_eq(counts.live_bytes, 0);
}
END_TEST

START_TEST(what_passes_the_limit_is_not_counted_for_a_moment) {
    aip_context *ctx = limited(100000);
    void *p = aip__alloc(ctx, 1000);
    ck_assert_ptr_null(aip__alloc(ctx, SIZE_MAX - 500)); /* with what is in use, more than a size can say */
    aip_error *err = NULL;
    ck_assert_int_eq(aip__error_memory(ctx, &err), AIP_E_MEMORY_LIMIT);
    aip_error_free(err);
    aip__free(ctx, p);
    ck_assert_uint_lt(aip_context_memory_peak(ctx), 2000);
    aip__context_release(ctx);
}
END_TEST

START_TEST(a_forked_child_waits_for_no_thread_of_its_parent) {
    aip_context *ctx = limited(64 << 20);
    aip__buffer_free(aip__buffer_new(ctx, 100000)); /* one lies in the store */
    aip__spare_lock(ctx);                           /* as another thread may at the moment of the fork */
    pid_t child = unit_fork();
    if (child == 0) {
        alarm(20);
        aip__buffer *b = aip__buffer_new(ctx, 100000);
        uint8_t *data = b->data;
        aip__buffer_free(b);
        b = aip__buffer_new(ctx, 100000);
        int status = b->data == data ? 0 : 1; /* the store works again */
        aip__buffer_free(b);
        aip__context_release(ctx);
        _exit(status);
    }
    pthread_mutex_unlock(&ctx->spare.lock);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    aip__context_release(ctx);
}
END_TEST

START_TEST(freed_buffers_that_nobody_takes_again_are_given_back) {
    aip_context *ctx = limited((uint64_t)1 << 30);
    aip__buffer *idle[20] = {NULL}, *used[2] = {NULL};
    for (int i = 0; i < 20; i++) idle[i] = aip__buffer_new(ctx, 700000);
    for (int i = 0; i < 20; i++) aip__buffer_free(idle[i]);
    ck_assert_uint_gt(ctx->spare.bytes, 20 * 700000);
    for (int turn = 0; turn < 100; turn++) { /* 80 MB: more than two rounds */
        used[0] = aip__buffer_new(ctx, 400000);
        used[1] = aip__buffer_new(ctx, 400000);
        aip__buffer_free(used[0]);
        aip__buffer_free(used[1]);
    }
    ck_assert_uint_ge(ctx->spare.bytes, 2 * 400000); /* what is taken again and again stays */
    ck_assert_uint_lt(ctx->spare.bytes, 3 * 500000);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}
END_TEST

#define N_HELD 600
#define N_LARGE 40

/* Each buffer is filled with its own number, and holds it until it is freed: no two overlap. */
static void fill(aip__buffer *b, int i) { memset(b->data, i & 255, b->size); }
static bool holds(const aip__buffer *b, int i) {
    for (size_t k = 0; k < b->size; k++)
        if (b->data[k] != (i & 255)) return false;
    return true;
}

START_TEST(a_context_that_holds_much_takes_buffers_from_regions_that_never_overlap) {
    aip_context *ctx = limited((uint64_t)1 << 30);
    if (!ctx->spare.arena.on) { /* AddressSanitizer watches buffers one by one */
        aip__context_release(ctx);
        return;
    }
    aip__buffer *held[N_HELD] = {NULL}, *first = aip__buffer_new(ctx, 100000);
    ck_assert_ptr_null(first->region); /* little is in use */
    aip__buffer *much = aip__buffer_new(ctx, 200 << 20);
    ck_assert_ptr_null(much->region); /* too large for a region */
    int n_regional = 0;
    for (int turn = 0; turn < 6000; turn++) {
        uint64_t drawn = aip__random_at(7, (uint64_t)turn);
        int i = (int)(drawn % N_HELD);
        if (held[i]) {
            ck_assert(holds(held[i], i));
            aip__buffer_free(held[i]);
            held[i] = NULL;
        } else {
            size_t size = (size_t)(20000 + (drawn >> 32) % (turn % 10 == 0 ? 1000000 : 100000));
            held[i] = aip__buffer_new(ctx, size);
            ck_assert_ptr_nonnull(held[i]);
            ck_assert_uint_eq((uintptr_t)held[i]->data % 64, 0);
            ck_assert_uint_ge(held[i]->capacity, size);
            n_regional += held[i]->region != NULL;
            fill(held[i], i);
            if (turn % 3 == 0) { /* the half that is not used is somebody else's from here on */
                aip__buffer_resize(&held[i], size / 2);
                aip__buffer_fit(held[i]);
                ck_assert_uint_ge(held[i]->capacity, size / 2);
                if (held[i]->region) ck_assert_uint_lt(held[i]->capacity, size / 2 + ((size_t)16 << 10));
            }
        }
    }
    ck_assert_int_gt(n_regional, 2000);
    pid_t child = unit_fork();
    if (child == 0) { /* what the parent took is left alone; what the child takes is its own */
        alarm(20);
        for (int i = 0; i < N_HELD; i++) aip__buffer_free(held[i]);
        aip__buffer *own = aip__buffer_new(ctx, 200000);
        fill(own, 3);
        int status = own->region && holds(own, 3) ? 0 : 1;
        aip__buffer_free(own);
        _exit(status);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < N_HELD; i++) {
        if (held[i]) ck_assert(holds(held[i], i));
        aip__buffer_free(held[i]);
    }
    ck_assert_uint_le(ctx->spare.arena.idle << 21, ctx->spare.limit);
    aip__buffer_free(much);
    aip__buffer_free(first);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
    ctx = limited(64 << 20);
    ck_assert(!ctx->spare.arena.on); /* a small limit is held to the byte */
    aip__context_release(ctx);
}
END_TEST

START_TEST(from_32_mib_on_large_buffers_lie_two_to_a_region_and_small_ones_in_the_gaps) {
    aip_context *ctx = limited((uint64_t)1 << 30);
    if (!ctx->spare.arena.on) {
        aip__context_release(ctx);
        return;
    }
    const size_t large = ((size_t)1 << 20) - 64; /* with what is readable behind it half a region */
    aip__buffer *held[N_LARGE] = {NULL}, *small = aip__buffer_new(ctx, 100000);
    for (int i = 0; i < N_LARGE; i++) {
        held[i] = aip__buffer_new(ctx, large);
        ck_assert_ptr_nonnull(held[i]);
        ck_assert_int_eq(held[i]->region != NULL, i >= 32);
        if (i >= 33 && i % 2 == 1) ck_assert_ptr_eq(held[i]->region, held[i - 1]->region);
    }
    ck_assert_ptr_null(small->region);
    aip__buffer_free(small);
    small = aip__buffer_new(ctx, 200000);
    ck_assert_ptr_null(small->region); /* there is no gap */
    aip__buffer_free(held[35]);
    held[35] = aip__buffer_new(ctx, 150000);
    ck_assert_ptr_eq(held[35]->region, held[34]->region);
    for (int i = 0; i < N_LARGE; i++) aip__buffer_free(held[i]);
    aip__buffer_free(small);
    ck_assert_uint_eq(aip_context_memory_used(ctx), 0);
    aip__context_release(ctx);
}
END_TEST

static int released;
static void count_release(void *owner) { released += *(int *)owner; }

START_TEST(wrapped_memory_goes_back_to_its_owner_with_the_last_reference) {
    aip_context *ctx = limited(1 << 20);
    int one = 1, bytes = 5;
    released = 0;
    aip__buffer *b = aip__buffer_wrap(ctx, &bytes, sizeof bytes, count_release, &one);
    aip__buffer *again = aip__buffer_retain(b);
    aip__context_release(ctx); /* the buffer keeps the context */
    aip__buffer_free(b);
    ck_assert_int_eq(released, 0);
    aip__buffer_free(again);
    ck_assert_int_eq(released, 1);
    aip__buffer_free(NULL);
    ck_assert_ptr_null(aip__buffer_retain(NULL));
}
END_TEST

typedef struct now {
    uint32_t struct_size, a, b;
} now;

START_TEST(an_older_struct_is_filled_up_with_zeros) {
    now n = {9, 9, 9}, old = {8, 5, 77};
    ck_assert_int_eq(aip__struct_copy(&n, sizeof n, &old, "now", NULL), AIP_OK);
    ck_assert_uint_eq(n.struct_size, sizeof n);
    ck_assert_uint_eq(n.a, 5);
    ck_assert_uint_eq(n.b, 0);
}
END_TEST

START_TEST(a_newer_struct_is_taken_only_when_its_tail_is_zero) {
    struct {
        now n;
        uint32_t more[2];
    } newer = {{sizeof newer, 5, 6}, {0, 0}};
    now n;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__struct_copy(&n, sizeof n, &newer, "now", &err), AIP_OK);
    ck_assert_uint_eq(n.b, 6);
    newer.more[1] = 1;
    ck_assert_int_eq(aip__struct_copy(&n, sizeof n, &newer, "now", &err), AIP_E_MISUSE);
    ck_assert_str_eq(aip_error_message(err),
                     "now has a field set that this version of the library does not know (byte 16 of 20)");
    aip_error_free(err);
}
END_TEST

START_TEST(a_struct_size_that_cannot_be_is_refused) {
    now n, zero = {0, 1, 1}, garbage = {UINT32_MAX, 1, 1};
    ck_assert_int_eq(aip__struct_copy(&n, sizeof n, &zero, "now", NULL), AIP_E_MISUSE);
    ck_assert_int_eq(aip__struct_copy(&n, sizeof n, &garbage, "now", NULL), AIP_E_MISUSE);
}
END_TEST

START_TEST(options_of_a_context_are_checked) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    options.threads = -2;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_E_MISUSE);
    options.threads = 4097;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_E_MISUSE);
    options.threads = 0;
    options.struct_size = 0;
    ck_assert_int_eq(aip__context_init(&options, &ctx, NULL), AIP_E_MISUSE);
    ck_assert_ptr_null(ctx);
}
END_TEST

static int log_level;
static char log_line[64];
static void take_log(void *user, int32_t level, const char *task, const char *message) {
    ck_assert_ptr_eq(user, &log_level);
    ck_assert_ptr_null(task);
    log_level = level;
    strncpy(log_line, message, sizeof log_line - 1);
}

START_TEST(a_log_line_reaches_the_hosts_callback) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.log = take_log;
    options.log_user = &log_level;
    aip_context *ctx = fixture_context(&options);
    aip__log(ctx, AIP_LOG_WARNING, NULL, "n = %d", 3);
    ck_assert_int_eq(log_level, AIP_LOG_WARNING);
    ck_assert_str_eq(log_line, "n = 3");
    fixture_free(ctx);
}
END_TEST

START_TEST(grow_doubles_and_refuses_sizes_that_do_not_fit) {
    aip_context *ctx = limited(1 << 20);
    int64_t *array = NULL;
    size_t capacity = 0;
    ck_assert_int_eq(aip__grow(ctx, &array, &capacity, 1, sizeof *array), 0);
    ck_assert_uint_eq(capacity, 8);
    array[7] = 5;
    ck_assert_int_eq(aip__grow(ctx, &array, &capacity, 9, sizeof *array), 0);
    ck_assert_uint_eq(capacity, 16);
    ck_assert_int_eq(array[7], 5);
    ck_assert_int_eq(aip__grow(ctx, &array, &capacity, SIZE_MAX, sizeof *array), -1);
    ck_assert_int_eq(aip__grow(ctx, &array, &capacity, SIZE_MAX / 8, sizeof *array), -1);
    ck_assert_uint_eq(capacity, 16);
    aip__free(ctx, array);
    aip__context_release(ctx);
}
END_TEST

Suite *base_memory_suite(void);
Suite *base_memory_suite(void) {
    const TTest *const tests[] = {used_goes_up_and_down_and_peak_stays,
                                  the_limit_refuses_and_says_so_and_leaves_the_old_block,
                                  an_allocators_refusal_is_out_of_memory,
                                  a_buffer_is_aligned_and_has_64_zero_bytes_behind_it,
                                  a_small_buffer_is_one_allocation,
                                  a_freed_buffer_is_handed_out_again_and_not_counted_meanwhile,
                                  spare_buffers_stay_within_an_eighth_of_the_limit,
                                  what_passes_the_limit_is_not_counted_for_a_moment,
                                  a_forked_child_waits_for_no_thread_of_its_parent,
                                  freed_buffers_that_nobody_takes_again_are_given_back,
                                  a_context_that_holds_much_takes_buffers_from_regions_that_never_overlap,
                                  from_32_mib_on_large_buffers_lie_two_to_a_region_and_small_ones_in_the_gaps,
                                  wrapped_memory_goes_back_to_its_owner_with_the_last_reference,
                                  an_older_struct_is_filled_up_with_zeros,
                                  a_newer_struct_is_taken_only_when_its_tail_is_zero,
                                  a_struct_size_that_cannot_be_is_refused,
                                  options_of_a_context_are_checked,
                                  a_log_line_reaches_the_hosts_callback,
                                  grow_doubles_and_refuses_sizes_that_do_not_fit,
                                  NULL};
    return unit_suite("memory", tests);
}
