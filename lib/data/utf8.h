/* Is it UTF-8? ASCII, the common case, goes eight bytes at a time. */
#ifndef AIPIPE_LIB_DATA_UTF8_H
#define AIPIPE_LIB_DATA_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes of the well-formed character at the start; 0 when there is none. */
size_t aip__utf8_step(const char *text, size_t n);
bool aip__utf8_is_ascii(const char *text, size_t n);
bool aip__utf8_valid(const char *text, size_t n);
bool aip__utf8_is_text(const char *text, size_t n); /* valid, and without a NUL */
/* Length of the longest well-formed prefix of whole characters within `limit` bytes. */
size_t aip__utf8_prefix(const char *text, size_t n, size_t limit);

#endif
