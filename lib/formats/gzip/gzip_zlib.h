/* zlib's allocation callbacks over the context's allocator. */
#ifndef AIPIPE_LIB_FORMATS_GZIP_ZLIB_H
#define AIPIPE_LIB_FORMATS_GZIP_ZLIB_H

#include "base/memory.h"
#include <zlib.h>

static inline voidpf aip__zlib_alloc(voidpf ctx, uInt items, uInt size) { return aip__calloc(ctx, items, size); }
static inline void aip__zlib_free(voidpf ctx, voidpf ptr) { aip__free(ctx, ptr); }

#endif
