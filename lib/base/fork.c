/* The page that a fork wipes. See madvise(2), MADV_WIPEONFORK (Linux 4.14); where it is missing or not meant, the process id is asked for
 * each time. */
#include "base/fork.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define BEING_TAKEN ((int64_t)-1)

static int64_t armed(const aip__fork_mark *mark) { return mark->mapped ? 1 : (int64_t)getpid(); }

#ifdef MADV_WIPEONFORK
/* Whoever takes an advice that does not exist (qemu's user mode) takes this one as well and does nothing: Linux refuses it. */
static bool wipes(void *page, size_t size) {
    const int no_such_advice = 0x7fff;
    return madvise(page, size, no_such_advice) != 0 && madvise(page, size, MADV_WIPEONFORK) == 0;
}
#endif

void aip__fork_mark_init(aip__fork_mark *mark) {
    mark->word = &mark->own;
    mark->mapped = 0;
#ifdef MADV_WIPEONFORK
    long page = sysconf(_SC_PAGESIZE);
    if (page > 0) {
        void *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED && wipes(p, (size_t)page)) {
            mark->word = p;
            mark->mapped = (size_t)page;
        } else if (p != MAP_FAILED) {
            munmap(p, (size_t)page);
        }
    }
#endif
    atomic_init(&mark->own, 0);
    atomic_store(mark->word, armed(mark));
}

void aip__fork_mark_free(aip__fork_mark *mark) {
    if (mark->mapped) munmap((void *)mark->word, mark->mapped);
    mark->word = &mark->own;
    mark->mapped = 0;
}

bool aip__fork_mark_ours(const aip__fork_mark *mark) {
    return atomic_load_explicit(mark->word, memory_order_acquire) == armed(mark);
}

bool aip__fork_mark_take(aip__fork_mark *mark) {
    for (;;) {
        int64_t now = atomic_load_explicit(mark->word, memory_order_acquire);
        if (now == armed(mark)) return false;
        if (now == BEING_TAKEN)
            sched_yield();
        else if (atomic_compare_exchange_strong(mark->word, &now, BEING_TAKEN))
            return true;
    }
}

void aip__fork_mark_taken(aip__fork_mark *mark) { atomic_store_explicit(mark->word, armed(mark), memory_order_release); }
