/* Allocation through the context: accounting against the memory limit, and a store of freed buffers. */
#define AIP__ERROR_INSIDE
#include "base/memory.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include <string.h>

#define HEADER 16 /* before each small allocation: its size; keeps 16-byte alignment */
#define BUFFER_ALIGN 64
#define BUFFER_SLACK 64 /* readable zero bytes behind a buffer's end */
#define CLASS_MIN ((size_t)32 << 10)
/* Bytes in use from which on buffers lie in regions, and those from which on large ones do, which the C library would map and unmap one by one.
 * Others then fill the gaps. */
#define ARENA_FROM ((uint64_t)192 << 20)
#define ARENA_FROM_LARGE ((uint64_t)32 << 20)
#define LARGE ((size_t)512 << 10)
#define SPARE_ROUND ((size_t)32 << 20) /* bytes taken after which what nobody took is given back */

/* Reserves bytes against the limit. What does not fit is never counted, not even for a moment: it would refuse others, or wrap. */
static bool reserve(aip_context *ctx, size_t n) {
    uint64_t used = atomic_load_explicit(&ctx->memory_used, memory_order_relaxed);
    do {
        if (used > ctx->memory_limit || n > ctx->memory_limit - used) {
            atomic_store_explicit(&ctx->limit_refused, 1, memory_order_relaxed);
            return false;
        }
    } while (
        !atomic_compare_exchange_weak_explicit(&ctx->memory_used, &used, used + n, memory_order_relaxed, memory_order_relaxed));
    used += n;
    uint64_t peak = atomic_load_explicit(&ctx->memory_peak, memory_order_relaxed);
    while (
        used > peak
        && !atomic_compare_exchange_weak_explicit(&ctx->memory_peak, &peak, used, memory_order_relaxed, memory_order_relaxed)) {}
    return true;
}

static void unreserve(aip_context *ctx, size_t n) { atomic_fetch_sub_explicit(&ctx->memory_used, n, memory_order_relaxed); }

static void *raw(aip_context *ctx, void *ptr, size_t old_size, size_t new_size, size_t align) {
    if (new_size > old_size && !reserve(ctx, new_size - old_size)) return NULL;
    void *p = ctx->allocator.resize(ctx->allocator.user, ptr, old_size, new_size, align);
    if (new_size > 0 && !p) {
        if (new_size > old_size) unreserve(ctx, new_size - old_size);
        atomic_store_explicit(&ctx->limit_refused, 0, memory_order_relaxed);
        return NULL;
    }
    if (new_size < old_size) unreserve(ctx, old_size - new_size);
    return p;
}

void *aip__alloc(aip_context *ctx, size_t size) { return aip__realloc(ctx, NULL, size); }

void *aip__calloc(aip_context *ctx, size_t count, size_t size) {
    size_t n = 0;
    if (aip__mul_size(count, size, &n)) return NULL;
    void *p = aip__realloc(ctx, NULL, n);
    if (p) memset(p, 0, n);
    return p;
}

void *aip__realloc(aip_context *ctx, void *ptr, size_t size) {
    size_t total = 0, old = 0;
    if (aip__add_size(size, HEADER, &total)) return NULL;
    uint8_t *base = ptr ? (uint8_t *)ptr - HEADER : NULL;
    if (base) memcpy(&old, base, sizeof old);
    uint8_t *p = raw(ctx, base, old, total, HEADER);
    if (!p) return NULL;
    memcpy(p, &total, sizeof total);
    return p + HEADER;
}

void aip__free(aip_context *ctx, void *ptr) {
    if (!ptr) return;
    uint8_t *base = (uint8_t *)ptr - HEADER;
    size_t old = 0;
    memcpy(&old, base, sizeof old);
    raw(ctx, base, old, 0, HEADER);
}

char *aip__strndup(aip_context *ctx, const char *text, size_t n) {
    if (n == SIZE_MAX) return NULL;
    char *p = aip__alloc(ctx, n + 1);
    if (!p) return NULL;
    memcpy(p, text, n);
    p[n] = 0;
    return p;
}

char *aip__strdup(aip_context *ctx, const char *text) { return aip__strndup(ctx, text, strlen(text)); }

int32_t aip__error_memory(aip_context *ctx, aip_error **err) {
    if (!atomic_load_explicit(&ctx->limit_refused, memory_order_relaxed)) return aip__error_nomem(err);
    bool small = ctx->memory_limit < (uint64_t)8 << 20; /* limits are given in binary units, and are told in them */
    double unit = small ? 0x1p10 : 0x1p20;
    const char *name = small ? "KiB" : "MiB";
    return aip__error_set(err, AIP_E_MEMORY_LIMIT, "memory limit of %.0f %s reached (%.0f %s in use)",
                          (double)ctx->memory_limit / unit, name, (double)atomic_load(&ctx->memory_used) / unit, name);
}

int aip__grow(aip_context *ctx, void *array_ptr, size_t *capacity, size_t need, size_t item_size) {
    if (need <= *capacity) return 0;
    size_t n = *capacity < 8 ? 8 : *capacity, bytes = 0;
    while (n < need)
        if (aip__mul_size(n, 2, &n)) return -1;
    if (aip__mul_size(n, item_size, &bytes)) return -1;
    void *old = NULL;
    memcpy(&old, array_ptr, sizeof old);
    void *p = aip__realloc(ctx, old, bytes);
    if (!p) return -1;
    memcpy(array_ptr, &p, sizeof p);
    *capacity = n;
    return 0;
}

/* ---- buffers ------------------------------------------------------------------------------------------------------------- */

/* Four classes for each doubling: a buffer that is kept for long wastes an eighth on average, not a third. */
size_t aip__buffer_class_size(int c) { return (CLASS_MIN / 4 * (size_t)(4 + c % 4)) << (c / 4); }

/* Size class of a number of bytes that includes the slack: -1 when it is too small or too large to be kept. */
static int class_of(size_t total) {
    if (total <= CLASS_MIN / 2) return -1;
    for (int c = 0; c < AIP__BUFFER_CLASSES; c++)
        if (total <= aip__buffer_class_size(c)) return c;
    return -1;
}

/* In a forked child the lock may be held, and a list half changed, by a thread that does not exist there: the store begins anew, and what
 * lay in it is left to the end of the process. */
uint32_t aip__context_generation(aip_context *ctx) {
    if (aip__fork_mark_take(&ctx->spare.mark)) {
        pthread_mutex_init(&ctx->spare.lock, NULL);
        memset(ctx->spare.head, 0, sizeof ctx->spare.head);
        ctx->spare.bytes = 0;
        ctx->spare.inherited = true;
        ctx->spare.arena = (aip__arena){.on = ctx->spare.arena.on}; /* likewise */
        atomic_fetch_add(&ctx->generation, 1);
        aip__fork_mark_taken(&ctx->spare.mark);
    }
    return atomic_load_explicit(&ctx->generation, memory_order_relaxed);
}

void aip__spare_lock(aip_context *ctx) {
    aip__context_generation(ctx);
    pthread_mutex_lock(&ctx->spare.lock);
}

/* False: an earlier generation's, which keeps it. */
static bool give_to_arena(aip_context *ctx, aip__region *region, uint8_t *p, size_t n) {
    aip__spare_lock(ctx);
    bool given = aip__arena_give(&ctx->spare.arena, region, ctx->generation, p, n, ctx->spare.limit >> 21);
    pthread_mutex_unlock(&ctx->spare.lock);
    return given;
}

/* From a region; NULL when none can be had. */
static uint8_t *take_from_arena(aip_context *ctx, size_t total, size_t *got, aip__region **region) {
    uint64_t used = atomic_load_explicit(&ctx->memory_used, memory_order_relaxed);
    if (!ctx->spare.arena.on || total > AIP__ARENA_MAX || used < ARENA_FROM_LARGE) return NULL;
    bool may_map = total >= LARGE || used >= ARENA_FROM;
    aip__spare_lock(ctx);
    uint8_t *p = aip__arena_take(&ctx->spare.arena, ctx->generation, total, may_map, got, region);
    pthread_mutex_unlock(&ctx->spare.lock);
    if (!p || reserve(ctx, *got)) return p;
    give_to_arena(ctx, *region, p, *got);
    *region = NULL;
    return NULL;
}

/* The spare buffer of class c that was given last, or NULL. The caller holds the lock. */
static void *take_spare(aip_context *ctx, int c) {
    void *p = ctx->spare.head[c];
    if (!p) return NULL;
    memcpy(&ctx->spare.head[c], p, sizeof(void *));
    ctx->spare.bytes -= aip__buffer_class_size(c);
    return p;
}

/* A round of takes has ended: sizes that nobody took in it are of no use to what runs now. The caller holds the lock. */
static void take_idle(aip_context *ctx, void **idle) {
    for (int c = 0; c < AIP__BUFFER_CLASSES; c++) {
        for (void *p = NULL; !ctx->spare.used[c] && (p = take_spare(ctx, c));) {
            memcpy(p, &idle[c], sizeof(void *));
            idle[c] = p;
        }
        ctx->spare.used[c] = false;
    }
    ctx->spare.taken = 0;
}

static void free_idle(aip_context *ctx, void **idle) {
    for (int c = 0; c < AIP__BUFFER_CLASSES; c++)
        for (void *p = idle[c], *next = NULL; p; p = next) {
            memcpy(&next, p, sizeof next);
            ctx->allocator.resize(ctx->allocator.user, p, aip__buffer_class_size(c), 0, BUFFER_ALIGN);
        }
}

/* Memory for `total` bytes (slack included); *got is what it really holds. */
static uint8_t *take(aip_context *ctx, size_t total, size_t *got, aip__region **region) {
    int c = class_of(total);
    if (c < 0) {
        *got = total;
        return raw(ctx, NULL, 0, total, BUFFER_ALIGN);
    }
    *got = aip__buffer_class_size(c);
    void *idle[AIP__BUFFER_CLASSES] = {NULL};
    aip__spare_lock(ctx);
    ctx->spare.taken += *got;
    bool ended = ctx->spare.taken >= SPARE_ROUND;
    if (ended) take_idle(ctx, idle);
    ctx->spare.used[c] = true;
    void *p = take_spare(ctx, c);
    pthread_mutex_unlock(&ctx->spare.lock);
    if (ended) free_idle(ctx, idle);
    if (p) {
        if (reserve(ctx, *got)) return p;
        ctx->allocator.resize(ctx->allocator.user, p, *got, 0, BUFFER_ALIGN);
        return NULL;
    }
    size_t held = 0;
    p = take_from_arena(ctx, total, &held, region);
    if (p) {
        *got = held;
        return p;
    }
    return raw(ctx, NULL, 0, *got, BUFFER_ALIGN);
}

static void give(aip_context *ctx, uint8_t *p, size_t total, aip__region *region) {
    if (!p) return;
    if (region) {
        give_to_arena(ctx, region, p, total);
        unreserve(ctx, total);
        return;
    }
    int c = class_of(total);
    if (c >= 0 && aip__buffer_class_size(c) == total) {
        bool kept = false;
        aip__spare_lock(ctx);
        if (ctx->spare.bytes + total <= ctx->spare.limit) {
            memcpy(p, &ctx->spare.head[c], sizeof(void *));
            ctx->spare.head[c] = p;
            ctx->spare.bytes += total;
            kept = true;
        }
        pthread_mutex_unlock(&ctx->spare.lock);
        if (kept) {
            unreserve(ctx, total); /* spare memory is not in use; its bound is small and stated */
            return;
        }
    }
    raw(ctx, p, total, 0, BUFFER_ALIGN);
}

/* A small one: its bytes lie behind it, so that it takes one allocation and not three (an aligned one makes two in the C library), which is what
 * columns of few rows, and so tables of many columns, are made of. */
static aip__buffer *small_buffer(aip_context *ctx, size_t size) {
    size_t total = size + BUFFER_SLACK;
    aip__buffer *b = aip__alloc(ctx, sizeof *b + BUFFER_ALIGN + total);
    if (!b) return NULL;
    uintptr_t behind = (uintptr_t)(b + 1);
    uint8_t *data = (uint8_t *)(b + 1) + (BUFFER_ALIGN - behind % BUFFER_ALIGN) % BUFFER_ALIGN;
    memset(data + size, 0, BUFFER_SLACK);
    *b = (aip__buffer){.refs = 1, .ctx = aip__context_retain(ctx), .data = data, .size = size, .capacity = size, .inside = true};
    return b;
}

aip__buffer *aip__buffer_new(aip_context *ctx, size_t size) {
    size_t total = 0;
    if (aip__add_size(size, BUFFER_SLACK, &total)) return NULL;
    if (class_of(total) < 0 && total <= CLASS_MIN) return small_buffer(ctx, size);
    aip__buffer *b = aip__alloc(ctx, sizeof *b);
    if (!b) return NULL;
    size_t got = 0;
    aip__region *region = NULL;
    uint8_t *data = take(ctx, total, &got, &region);
    if (!data) {
        aip__free(ctx, b);
        return NULL;
    }
    memset(data + size, 0, BUFFER_SLACK);
    *b = (aip__buffer){
        .refs = 1, .ctx = aip__context_retain(ctx), .data = data, .size = size, .capacity = got - BUFFER_SLACK, .region = region};
    return b;
}

aip__buffer *aip__buffer_wrap(aip_context *ctx, void *data, size_t size, void (*release)(void *owner), void *owner) {
    aip__buffer *b = aip__alloc(ctx, sizeof *b);
    if (!b) return NULL;
    *b = (aip__buffer){.refs = 1,
                       .ctx = aip__context_retain(ctx),
                       .data = data,
                       .size = size,
                       .capacity = size,
                       .release = release,
                       .owner = owner};
    return b;
}

aip__buffer *aip__buffer_retain(aip__buffer *b) {
    if (b) atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void aip__buffer_free(aip__buffer *b) {
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = b->ctx;
    if (b->release)
        b->release(b->owner);
    else if (!b->inside)
        give(ctx, b->data, b->capacity + BUFFER_SLACK, b->region);
    aip__free(ctx, b);
    aip__context_release(ctx);
}

int aip__buffer_resize(aip__buffer **bp, size_t size) {
    aip__buffer *b = *bp;
    if (size > b->capacity) {
        size_t want = b->capacity * 2 > size ? b->capacity * 2 : size;
        aip__buffer *grown = aip__buffer_new(b->ctx, want);
        if (!grown) grown = aip__buffer_new(b->ctx, size);
        if (!grown) return -1;
        memcpy(grown->data, b->data, b->size);
        aip__buffer_free(b);
        *bp = b = grown;
    }
    b->size = size;
    memset(b->data + size, 0, BUFFER_SLACK);
    return 0;
}

void aip__buffer_fit(aip__buffer *b) {
    if (!b->region) return;
    size_t held = b->capacity + BUFFER_SLACK;
    size_t used = (b->size + BUFFER_SLACK + AIP__ARENA_PAGE - 1) / AIP__ARENA_PAGE * AIP__ARENA_PAGE;
    if (used == held || !give_to_arena(b->ctx, b->region, b->data + used, held - used)) return;
    b->capacity = used - BUFFER_SLACK;
    unreserve(b->ctx, held - used);
}
