/* Memory of a context: every byte that obeys the host's allocator and the memory limit comes from here.
 *
 * Small things: aip__alloc and friends. They remember their size in a header of 16 bytes, so that freeing needs only the pointer.
 * Column data: aip__buffer, reference-counted, 64-byte aligned,
 * with 64 readable zero bytes behind it (but for wrapped memory). Freed buffers of at least 32 KiB are kept in the context (up to a bound)
 * and handed out again: a page fault costs more than parsing does. A context that holds much takes them from regions of huge pages
 * (base/arena.h). */
#ifndef AIPIPE_LIB_BASE_MEMORY_H
#define AIPIPE_LIB_BASE_MEMORY_H

#include <aipipe/base.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Each returns NULL when the allocator refuses or the limit would be passed; the caller reports with aip__error_memory. */
void *aip__alloc(aip_context *ctx, size_t size);
void *aip__calloc(aip_context *ctx, size_t count, size_t size);
void *aip__realloc(aip_context *ctx, void *ptr, size_t size); /* ptr may be NULL; on failure ptr is untouched */
char *aip__strdup(aip_context *ctx, const char *text);
char *aip__strndup(aip_context *ctx, const char *text, size_t n); /* adds the NUL */
void aip__free(aip_context *ctx, void *ptr);
/* AIP_E_MEMORY_LIMIT when the last refusal was the limit's, else AIP_E_NOMEM. */
int32_t aip__error_memory(aip_context *ctx, aip_error **err);
#if defined(__clang_analyzer__) && !defined(AIP__ERROR_INSIDE)
#include "base/error.h" /* aip__never_ok, and why */
#define aip__error_memory(...) aip__never_ok(aip__error_memory(__VA_ARGS__))
#endif

/* Grows an array so that it holds at least `need` items; *capacity is in items. Doubles. Returns 0, or -1 when refused. */
int aip__grow(aip_context *ctx, void *array_ptr, size_t *capacity, size_t need, size_t item_size);

/* Locks the store of freed buffers (ctx->spare). */
void aip__spare_lock(aip_context *ctx);

typedef struct aip__buffer {
    _Atomic(int64_t) refs;
    aip_context *ctx;             /* retained */
    uint8_t *data;                /* NULL only when size is 0 */
    size_t size;                  /* bytes in use */
    size_t capacity;              /* bytes that can be used */
    void (*release)(void *owner); /* for memory of somebody else (Arrow import): called instead of freeing data */
    void *owner;
    struct aip__region *region; /* of base/arena.h, in which data lies; or NULL */
    bool inside;                /* data lies in the allocation of the buffer itself */
} aip__buffer;

/* Bytes of the c-th size in which freed buffers are kept: 32, 40, 48, 56, 64, 80, ... KiB. */
size_t aip__buffer_class_size(int c);
/* Contents are not set, but for the 64 zero bytes behind size. NULL when refused. */
aip__buffer *aip__buffer_new(aip_context *ctx, size_t size);
/* Wraps memory that `release(owner)` gives back when the last reference goes. */
aip__buffer *aip__buffer_wrap(aip_context *ctx, void *data, size_t size, void (*release)(void *owner), void *owner);
aip__buffer *aip__buffer_retain(aip__buffer *b); /* NULL is passed through */
void aip__buffer_free(aip__buffer *b);
/* For a buffer that is still being filled (one reference): grows capacity to at least `size` and sets size. 0, or -1 when refused. */
int aip__buffer_resize(aip__buffer **b, size_t size);
/* For a buffer that is filled: gives back what memory there is behind size, where it is memory that would stay in use. */
void aip__buffer_fit(aip__buffer *b);

#endif
