/* What a library without libzstd says. */
#ifndef AIPIPE_LIB_FORMATS_ZSTD_MISSING_H
#define AIPIPE_LIB_FORMATS_ZSTD_MISSING_H

#include "base/error.h"

static inline int32_t aip__zstd_missing(const char *verb, aip_error **err) {
    return aip__error_set(err, AIP_E_UNSUPPORTED,
                          "this build of libaipipe cannot %s zstd: expected libzstd when it was built (Debian: libzstd-dev, then "
                          "meson setup --reconfigure)",
                          verb);
}

#endif
