/* The context: allocator, memory accounting, log. The rest is hung on by library/. */
#include "base/context.h"

#include "base/error.h"
#include "base/io.h"
#include "base/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STRUCT_GROWTH 4096 /* no later version's struct is longer than ours by more */
#define SPARE_LIMIT ((size_t)64 << 20)
#define ARENA_LIMIT ((uint64_t)256 << 20)

/* The C library's allocator, as the one callback. */
static void *libc_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)user;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (align <= _Alignof(max_align_t)) return realloc(ptr, new_size);
    void *p = NULL;
    if (posix_memalign(&p, align, new_size) != 0) return NULL;
    if (ptr) {
        memcpy(p, ptr, old_size < new_size ? old_size : new_size);
        free(ptr);
    }
    return p;
}

int32_t aip__struct_copy(void *current, size_t current_size, const void *given, const char *name, aip_error **err) {
    uint32_t size = 0;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > current_size + STRUCT_GROWTH) /* garbage, such as an uninitialised struct */
        return aip__error_set(err, AIP_E_MISUSE, "%s.struct_size is %u: expected sizeof(%s)", name, (unsigned)size, name);
    for (size_t i = current_size; i < size; i++)
        if (((const uint8_t *)given)[i] != 0)
            return aip__error_set(err, AIP_E_MISUSE,
                                  "%s has a field set that this version of the library does not know (byte %zu of %u)", name, i,
                                  (unsigned)size);
    memset(current, 0, current_size);
    memcpy(current, given, size < current_size ? size : current_size);
    uint32_t now = (uint32_t)current_size;
    memcpy(current, &now, sizeof now);
    return AIP_OK;
}

static uint64_t default_limit(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0) return UINT64_MAX;
    return (uint64_t)pages * (uint64_t)page / 4 * 3;
}

/* Under AddressSanitizer each buffer is an allocation of its own, which it watches. A small limit is held better without regions. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WATCHED)
static const bool watched = true;
#else
static const bool watched = false;
#endif
static bool has_arena(const aip_context *ctx) {
    return !watched && ctx->allocator.resize == libc_resize && ctx->memory_limit >= ARENA_LIMIT;
}

int32_t aip__context_init(const aip_context_options *options, aip_context **out, aip_error **err) {
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    aip_allocator a = AIP_ALLOCATOR_INIT;
    if (options) AIP__TRY(aip__struct_copy(&o, sizeof o, options, "aip_context_options", err));
    if (o.threads < AIP_THREADS_NONE || o.threads > 4096)
        return aip__error_set(err, AIP_E_MISUSE, "threads is %d: expected 0 (one per CPU), AIP_THREADS_NONE or 1 to 4096",
                              (int)o.threads);
    if (o.allocator) AIP__TRY(aip__struct_copy(&a, sizeof a, o.allocator, "aip_allocator", err));
    if (!a.resize) a.resize = libc_resize;
    aip_context *ctx = a.resize(a.user, NULL, 0, sizeof *ctx, 16);
    if (!ctx) return aip__error_nomem(err);
    memset(ctx, 0, sizeof *ctx);
    atomic_init(&ctx->refs, 1);
    ctx->allocator = a;
    ctx->log = o.log;
    ctx->log_user = o.log_user;
    ctx->memory_limit = o.memory_limit ? o.memory_limit : default_limit();
    ctx->spare.limit = ctx->memory_limit / 8 < SPARE_LIMIT ? (size_t)(ctx->memory_limit / 8) : SPARE_LIMIT;
    ctx->spare.arena.on = has_arena(ctx);
    pthread_mutex_init(&ctx->spare.lock, NULL);
    aip__fork_mark_init(&ctx->spare.mark);
    ctx->io = &aip__io_posix;
    *out = ctx;
    return AIP_OK;
}

aip_context *aip__context_retain(aip_context *ctx) {
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void aip__context_release(aip_context *ctx) {
    if (atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1) return;
    if (ctx->at_free) ctx->at_free(ctx);
    aip__spare_lock(ctx); /* in a child nothing may have been freed before */
    pthread_mutex_unlock(&ctx->spare.lock);
    for (int c = 0; c < AIP__BUFFER_CLASSES; c++) {
        for (void *p = ctx->spare.head[c], *next; p; p = next) {
            memcpy(&next, p, sizeof next);
            ctx->allocator.resize(ctx->allocator.user, p, aip__buffer_class_size(c), 0, 64);
        }
    }
    aip__arena_free(&ctx->spare.arena);
    if (!ctx->spare.inherited) pthread_mutex_destroy(&ctx->spare.lock);
    aip__fork_mark_free(&ctx->spare.mark);
    aip_allocator a = ctx->allocator;
    a.resize(a.user, ctx, sizeof *ctx, 0, 16);
}

void aip__log(aip_context *ctx, int32_t level, const char *task, const char *format, ...) {
    if (!ctx->log) return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ctx->log(ctx->log_user, level, task, line);
}

uint64_t aip_context_memory_used(const aip_context *ctx) { return ctx ? atomic_load(&ctx->memory_used) : 0; }
uint64_t aip_context_memory_peak(const aip_context *ctx) { return ctx ? atomic_load(&ctx->memory_peak) : 0; }
const char *aip_numeric_profile(const aip_context *ctx) { return ctx ? ctx->profile : ""; }
