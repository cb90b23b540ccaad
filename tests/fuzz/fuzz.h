/* What the targets share: one context for all inputs, made at the first, which must be after each as it was before; and ways of reading, of which a
 * search tries one for each input, chosen by its bytes (so the ways are searched, too), and the replay of the corpus all. */
#ifndef AIPIPE_TESTS_FUZZ_FUZZ_H
#define AIPIPE_TESTS_FUZZ_FUZZ_H

#include "base/catalog.h"
#include "base/context.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "exec/group.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

/* ---- the context --------------------------------------------------------------------------------------------------------------------------- */

typedef struct fuzz_host {
    aip_context *ctx;
    int64_t refs;
    uint64_t used;
} fuzz_host;

/* A host that runs nothing: whoever waits does the work. */
static inline int32_t fuzz_refuse(void *user, aip_job *job) {
    (void)user, (void)job;
    return AIP_E_AGAIN;
}

/* With an executor and an empty catalogue. A freed buffer goes back at once, so that AddressSanitizer sees who still uses it. */
static inline aip_context *fuzz_make(uint64_t memory_limit) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.memory_limit = memory_limit;
    must(aip__context_init(&o, &ctx, NULL) == AIP_OK, "context");
    ctx->spare.limit = 0;
    ctx->executor = (aip_executor_callbacks)AIP_EXECUTOR_CALLBACKS_INIT;
    ctx->executor.submit = fuzz_refuse;
    must(aip__exec_create(ctx, &ctx->exec, NULL) == AIP_OK, "exec");
    must(aip__catalog_create(ctx, &ctx->catalog, NULL) == AIP_OK, "catalogue");
    return ctx;
}

/* Before and after an input. */
static inline void fuzz_begin(fuzz_host *host) {
    host->refs = atomic_load(&host->ctx->refs);
    host->used = aip_context_memory_used(host->ctx);
}
static inline void fuzz_end(const fuzz_host *host) {
    must(atomic_load(&host->ctx->refs) == host->refs, "a handle is left");
    must(aip_context_memory_used(host->ctx) == host->used, "memory is left");
}

/* ---- ways ------------------------------------------------------------------------------------------------------------------------------------ */

/* Of the bytes; any part of it is as good as another. */
static inline uint64_t fuzz_hash(const uint8_t *bytes, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, and the end of splitmix64 */
    for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* Is way i of n tried, for an input with this hash? */
static inline bool fuzz_tries(uint64_t hash, unsigned i, unsigned n) {
#ifdef FUZZ_SEARCH
    return hash % n == i;
#else
    (void)hash;
    return i < n;
#endif
}

/* The vector levels of this machine; returns how many. */
static inline unsigned fuzz_levels(aip__cpu_level levels[4]) {
    unsigned n = 0;
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++)
        if ((int)aip__cpu_set((aip__cpu_level)level) == level) levels[n++] = (aip__cpu_level)level;
    return n; /* and the highest is set */
}

#endif
