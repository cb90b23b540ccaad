/* Monotonic time from clock_gettime: it never steps back and does not follow changes of the wall clock. */
#include "base/clock.h"

#include <time.h>

int64_t aip__clock_ns(void) {
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
