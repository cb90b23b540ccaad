/* Noticing a fork: a page that the kernel wipes in the child (MADV_WIPEONFORK), so that looking costs one load. Where the kernel or the
 * platform has no such thing, the process id is compared instead. */
#ifndef AIPIPE_LIB_BASE_FORK_H
#define AIPIPE_LIB_BASE_FORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aip__fork_mark {
    _Atomic(int64_t) *word; /* `armed` in the process that made the mark; 0 (or the parent's pid) in its child */
    _Atomic(int64_t) own;   /* where word points to when pages cannot be wiped */
    size_t mapped;          /* bytes of the page; 0 when word is &own */
} aip__fork_mark;

/* Cannot fail; the mark must not move afterwards. The page is mapped from the kernel, not taken from the context's allocator. */
void aip__fork_mark_init(aip__fork_mark *mark);
void aip__fork_mark_free(aip__fork_mark *mark);
/* Whether this is still the process that made the mark, or took it over. any thread */
bool aip__fork_mark_ours(const aip__fork_mark *mark);
/* In a child: true for the one thread that must now put the state behind the mark in order and then call `taken`. Other threads wait here
 * until it has done so and get false, as does everybody in the process that the mark belongs to. */
bool aip__fork_mark_take(aip__fork_mark *mark);
void aip__fork_mark_taken(aip__fork_mark *mark);

#endif
