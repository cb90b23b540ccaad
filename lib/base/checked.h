/* Arithmetic on sizes that come from input: each returns true when the result does not fit. */
#ifndef AIPIPE_LIB_BASE_CHECKED_H
#define AIPIPE_LIB_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool aip__mul_size(size_t a, size_t b, size_t *out) { return __builtin_mul_overflow(a, b, out); }
static inline bool aip__add_size(size_t a, size_t b, size_t *out) { return __builtin_add_overflow(a, b, out); }
static inline bool aip__mul_i64(int64_t a, int64_t b, int64_t *out) { return __builtin_mul_overflow(a, b, out); }
static inline bool aip__add_i64(int64_t a, int64_t b, int64_t *out) { return __builtin_add_overflow(a, b, out); }
static inline bool aip__sub_i64(int64_t a, int64_t b, int64_t *out) { return __builtin_sub_overflow(a, b, out); }

/* n_rows >= 0 times item size as bytes. */
static inline bool aip__rows_size(int64_t n_rows, size_t item, size_t *out) {
    return n_rows < 0 || __builtin_mul_overflow((uint64_t)n_rows, item, out);
}

#endif
