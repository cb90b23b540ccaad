/* counting_allocator.c: every byte that obeys the host's allocator is counted: how much a job takes at most, and that nothing is left.
 *
 *   counting_allocator DATA.csv       prints peak and rest; the library's own figures stand beside */
#include <aipipe/aipipe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counter {
    atomic_llong held, peak, calls, in_use; /* called from any thread */
} counter;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    counter *c = user;
    void *fresh = NULL;
    if (new_size > 0) {
        if (posix_memalign(&fresh, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0)
            return NULL; /* ptr untouched */
        if (ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    c->in_use += (fresh != NULL) - (ptr != NULL);
    c->calls++;
    long long held =
        atomic_fetch_add(&c->held, (long long)new_size - (long long)old_size) + (long long)new_size - (long long)old_size;
    for (long long peak = c->peak; held > peak && !atomic_compare_exchange_weak(&c->peak, &peak, held);) {}
    return fresh;
}

int main(int argc, char **argv) {
    static counter c;
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_dataset *data = NULL, *kept = NULL;
    int64_t n = 0;
    char params[4096];
    if (argc != 2) return fprintf(stderr, "usage: counting_allocator DATA.csv\n"), 2;
    snprintf(params, sizeof params, "{\"path\": \"%s\"}", argv[1]); /* (a name with quotes in it would want escaping) */
    aip_allocator heap = AIP_ALLOCATOR_INIT;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    heap.user = &c;
    heap.resize = resize;
    o.allocator = &heap;
    o.memory_limit = 64 << 20; /* columns, states and buffers; not errors, documents while they are read, threads' stacks */
    int32_t status = aip_context_create(&o, &ctx, &err);
    if (!status) status = aip_dataset_read(ctx, params, &data, &err);
    if (!status) status = aip_dataset_collect(data, NULL, &kept, &err);
    if (!status) status = aip_dataset_count(kept, NULL, &n, &err);
    if (status) fprintf(stderr, "counting_allocator: %s\n", aip_error_text(err));
    long long with_rows = c.held;
    aip_dataset_free(kept);
    aip_dataset_free(data);
    printf("rows %lld\n", (long long)n);
    printf("held with the rows in memory %s than without\n", with_rows > c.held ? "more" : "not more");
    printf("the library's own peak %s\n",
           aip_context_memory_peak(ctx) <= (uint64_t)c.peak ? "is within the allocator's" : "is larger");
    aip_error_free(err);
    aip_context_free(ctx);
    printf("left %lld bytes in %lld blocks\n", (long long)c.held, (long long)c.in_use);
    fprintf(stderr, "%lld calls, peak %lld bytes\n", (long long)c.calls, (long long)c.peak);
    return status != AIP_OK || c.held != 0;
}
