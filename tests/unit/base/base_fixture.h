/* What the base room's tests share: a context with an empty catalogue, and an allocator that counts and fails on demand. */
#ifndef AIPIPE_TESTS_BASE_FIXTURE_H
#define AIPIPE_TESTS_BASE_FIXTURE_H

#include "base/catalog.h"
#include "base/context.h"
#include "base/document.h"
#include "base/error.h"
#include "base/memory.h"
#include "unit.h"

/* Without library/: only what base owns. Asserts that it works. */
aip_context *fixture_context(const aip_context_options *options);
void fixture_free(aip_context *ctx);

typedef struct counting_allocator { /* one thread */
    int64_t calls, fail_at;         /* fail_at: this call (from 1) and every later one is refused; 0: none */
    int64_t live_bytes, live_blocks;
} counting_allocator;
aip_allocator fixture_counting(counting_allocator *counts);

/* Runs `use` in a fresh context with the 1st, 2nd, 3rd... allocation refused, until it succeeds. Each refused run must give AIP_E_NOMEM and
 * leave nothing allocated. Returns how many runs failed. */
int fixture_fail_each_allocation(int32_t (*use)(aip_context *ctx, aip_error **err));

/* The tree of YAML or JSON text as canonical text; fails the test when it does not parse. Free with free(). */
char *fixture_canonical(aip_context *ctx, bool json, const char *text);

#endif
