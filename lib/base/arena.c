/* Regions of 2 MiB, aligned to their size. A region is 128 pages of 16 KiB; one mask says which are free, and a run of n free pages is found by
 * shifting the mask over itself. The masks and links lie in slabs of their own, so that a region holds two buffers of 1 MiB. A region that has
 * little room leaves the list until something is given back to it, so that the list stays short. */
#include "base/arena.h"

#include <sys/mman.h>

#define REGION_BYTES ((size_t)2 << 20)
#define N_PAGES 128
#define LITTLE_ROOM 4    /* pages */
#define MAX_LOOKED_AT 32 /* regions, before a new one is mapped */
#define SLAB_BYTES ((size_t)16 << 10)

__extension__ typedef unsigned __int128 mask;

struct aip__region {
    aip__region *next, *previous;
    mask vacant;
    uint8_t *pages;
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

static void *pages(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The head of a region that is still to be mapped: a slab's first one links the slabs. */
static aip__region *head(aip__arena *a) {
    if (!a->blank) {
        aip__region *slab = pages(SLAB_BYTES);
        if (!slab) return NULL;
        slab->next = a->slabs;
        a->slabs = slab;
        for (size_t i = SLAB_BYTES / sizeof *slab - 1; i > 0; i--) {
            slab[i].next = a->blank;
            a->blank = &slab[i];
        }
    }
    aip__region *r = a->blank;
    a->blank = r->next;
    return r;
}

static void forget(aip__arena *a, aip__region *r) {
    munmap(r->pages, REGION_BYTES);
    r->next = a->blank;
    a->blank = r;
}

static aip__region *map(aip__arena *a, uint32_t generation) {
    aip__region *r = head(a);
    uint8_t *p = r ? pages(2 * REGION_BYTES) : NULL;
    if (!p) {
        if (r) r->next = a->blank, a->blank = r;
        return NULL;
    }
    size_t before = (REGION_BYTES - (uintptr_t)p % REGION_BYTES) % REGION_BYTES;
    if (before > 0) munmap(p, before);
    munmap(p + before + REGION_BYTES, REGION_BYTES - before);
    p += before;
#ifdef MADV_HUGEPAGE
    madvise(p, REGION_BYTES, MADV_HUGEPAGE); /* advice: where it is refused the region works as it is */
#endif
    *r = (aip__region){.vacant = ~(mask)0, .n_vacant = N_PAGES, .pages = p, .generation = generation};
    list(a, r);
    return r;
}

void *aip__arena_take(aip__arena *a, uint32_t generation, size_t size, bool may_map, size_t *got, aip__region **region) {
    int n = (int)((size + AIP__ARENA_PAGE - 1) / AIP__ARENA_PAGE), at = -1, looked = 0;
    aip__region *r = a->open;
    for (; r && looked < MAX_LOOKED_AT; r = r->next, looked++)
        if (r->n_vacant >= n && (at = find(r->vacant, n)) >= 0) break;
    if (at < 0) {
        r = may_map ? map(a, generation) : NULL;
        if (!r) return NULL;
        at = 0;
    } else if (r->n_vacant == N_PAGES) {
        a->idle--;
    }
    r->vacant &= ~run(at, n);
    r->n_vacant -= n;
    if (r->n_vacant < LITTLE_ROOM) unlist(a, r);
    *got = (size_t)n * AIP__ARENA_PAGE;
    *region = r;
    return r->pages + (size_t)at * AIP__ARENA_PAGE;
}

bool aip__arena_give(aip__arena *a, aip__region *r, uint32_t generation, void *p, size_t size, size_t keep) {
    size_t offset = (size_t)((uint8_t *)p - r->pages);
    int n = (int)(size / AIP__ARENA_PAGE);
    if (r->generation != generation) return false;
    r->vacant |= run((int)(offset / AIP__ARENA_PAGE), n);
    r->n_vacant += n;
    if (r->n_vacant < N_PAGES) {
        if (r->n_vacant >= LITTLE_ROOM) list(a, r);
    } else if (a->idle < keep) {
        a->idle++;
        list(a, r);
    } else {
        unlist(a, r);
        forget(a, r);
    }
    return true;
}

void aip__arena_free(aip__arena *a) {
    for (aip__region *r = a->open, *next; r; r = next) {
        next = r->next;
        if (r->n_vacant == N_PAGES) munmap(r->pages, REGION_BYTES);
    }
    for (aip__region *slab = a->slabs, *next; slab; slab = next) {
        next = slab->next;
        munmap(slab, SLAB_BYTES);
    }
    *a = (aip__arena){0};
}
