/* Time: monotonic nanoseconds for durations and deadlines. Results never depend on it. */
#ifndef AIPIPE_LIB_BASE_CLOCK_H
#define AIPIPE_LIB_BASE_CLOCK_H

#include <stdint.h>

int64_t aip__clock_ns(void);

#endif
