/* The exact median of float64 values. */
#ifndef AIPIPE_LIB_TRANSFORM_MEDIAN_H
#define AIPIPE_LIB_TRANSFORM_MEDIAN_H

#include <aipipe/base.h>

/* Of n >= 1 values without NaN: the middle one, or the mean of the middle two, as numpy.median. The values are not changed; 512 KiB of working
 * memory, at most eight sweeps. */
int32_t aip__median(aip_context *ctx, const double *values, size_t n, double *out, aip_error **err);

#endif
