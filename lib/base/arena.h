/* Where buffers come from once a context holds many: regions of 2 MiB straight from the kernel, asked to be one huge page each. A table of some
 * hundred megabytes costs more in page faults than in parsing when it is made of pages of 4 KiB. What a huge page holds is memory in use, touched
 * or not: so buffers take pages of 16 KiB out of a region, and give back those behind their end once they are filled. Only for the library's own
 * allocator: a host that brings one gets every byte asked of it. */
#ifndef AIPIPE_LIB_BASE_ARENA_H
#define AIPIPE_LIB_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aip__region aip__region;

typedef struct aip__arena {
    aip__region *open;  /* regions with room, the last one that something was given back to in front */
    size_t idle;        /* regions of which nothing is in use, kept for the next buffers */
    aip__region *blank; /* heads without a region, linked by next */
    void *slabs;        /* what heads lie in */
    bool on;
} aip__arena;

#define AIP__ARENA_PAGE ((size_t)16 << 10)
#define AIP__ARENA_MAX ((size_t)1 << 20) /* larger buffers are the allocator's */

/* Room for size bytes, at most AIP__ARENA_MAX; *got is what it really holds, *region where. NULL when the kernel refuses, or when no
 * region has it and none may be mapped. The caller holds the lock, for all three. */
void *aip__arena_take(aip__arena *a, uint32_t generation, size_t size, bool may_map, size_t *got, aip__region **region);
/* size: *got of take; or p and size are the last whole pages of it. What an earlier generation (the parent of a fork) took is left to the end of
 * the process: then false. At most `keep` regions that have become empty stay mapped. */
bool aip__arena_give(aip__arena *a, aip__region *region, uint32_t generation, void *p, size_t size, size_t keep);
/* Unmaps everything: every buffer was given back. */
void aip__arena_free(aip__arena *a);

#endif
