/* Regions of 2 MiB, aligned to their size, so that a buffer's region is found from its address. A region is 128 pages of 16 KiB; one mask says
 * which are free, and a run of n free pages is found by shifting the mask over itself. The first page holds the mask and the links. A region
 * that has little room leaves the list until something is given back to it, so that the list stays short. */
#include "base/arena.h"

#include <sys/mman.h>

#define REGION_BYTES ((size_t)2 << 20)
#define PAGE_BYTES ((size_t)16 << 10)
#define N_PAGES 128
#define LITTLE_ROOM 4    /* pages */
#define MAX_LOOKED_AT 32 /* regions, before a new one is mapped */

__extension__ typedef unsigned __int128 mask;

struct aip__region {
    aip__region *next, *previous;
    mask vacant;
    uint32_t generation;
    int32_t n_vacant;
    bool listed;
};

static mask run(int first, int n) { return (n == N_PAGES ? ~(mask)0 : ((mask)1 << n) - 1) << first; }

/* The first of n free pages that lie together, or -1. */
static int find(mask vacant, int n) {
    int have = 1;
    while (have < n && vacant) {
        int more = have < n - have ? have : n - have;
        vacant &= vacant >> more;
        have += more;
    }
    if (!vacant) return -1;
    uint64_t low = (uint64_t)vacant;
    return low ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(vacant >> 64));
}

static void unlist(aip__arena *a, aip__region *r) {
    if (!r->listed) return;
    if (r->previous)
        r->previous->next = r->next;
    else
        a->open = r->next;
    if (r->next) r->next->previous = r->previous;
    r->listed = false;
}

static void list(aip__arena *a, aip__region *r) {
    unlist(a, r);
    r->previous = NULL;
    r->next = a->open;
    if (a->open) a->open->previous = r;
    a->open = r;
    r->listed = true;
}

static aip__region *map(aip__arena *a, uint32_t generation) {
    uint8_t *p = mmap(NULL, 2 * REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t before = (REGION_BYTES - (uintptr_t)p % REGION_BYTES) % REGION_BYTES;
    if (before > 0) munmap(p, before);
    munmap(p + before + REGION_BYTES, REGION_BYTES - before);
    p += before;
#ifdef MADV_HUGEPAGE
    madvise(p, REGION_BYTES, MADV_HUGEPAGE); /* advice: where it is refused the region works as it is */
#endif
    aip__region *r = (aip__region *)(void *)p;
    r->vacant = ~(mask)1;
    r->n_vacant = N_PAGES - 1;
    r->generation = generation;
    list(a, r);
    return r;
}

void *aip__arena_take(aip__arena *a, uint32_t generation, size_t size, size_t *got) {
    int n = (int)((size + PAGE_BYTES - 1) / PAGE_BYTES), at = -1, looked = 0;
    aip__region *r = a->open;
    for (; r && looked < MAX_LOOKED_AT; r = r->next, looked++)
        if (r->n_vacant >= n && (at = find(r->vacant, n)) >= 0) break;
    if (at < 0) {
        r = map(a, generation);
        if (!r) return NULL;
        at = find(r->vacant, n);
    } else if (r->n_vacant == N_PAGES - 1) {
        a->idle--;
    }
    r->vacant &= ~run(at, n);
    r->n_vacant -= n;
    if (r->n_vacant < LITTLE_ROOM) unlist(a, r);
    *got = (size_t)n * PAGE_BYTES;
    return (uint8_t *)r + (size_t)at * PAGE_BYTES;
}

void aip__arena_give(aip__arena *a, uint32_t generation, void *p, size_t size, size_t keep) {
    size_t offset = (uintptr_t)p % REGION_BYTES;
    aip__region *r = (aip__region *)(void *)((uint8_t *)p - offset);
    int n = (int)(size / PAGE_BYTES);
    if (r->generation != generation) return;
    r->vacant |= run((int)(offset / PAGE_BYTES), n);
    r->n_vacant += n;
    if (r->n_vacant < N_PAGES - 1) {
        if (r->n_vacant >= LITTLE_ROOM) list(a, r);
    } else if (a->idle < keep) {
        a->idle++;
        list(a, r);
    } else {
        unlist(a, r);
        munmap(r, REGION_BYTES);
    }
}

void aip__arena_free(aip__arena *a) {
    for (aip__region *r = a->open, *next; r; r = next) {
        next = r->next;
        if (r->n_vacant == N_PAGES - 1) munmap(r, REGION_BYTES);
    }
    *a = (aip__arena){0};
}
