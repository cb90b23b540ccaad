/* Gzip (RFC 1952) through zlib: concatenated members in, one deterministic member out. */
#ifndef AIPIPE_LIB_FORMATS_GZIP_H
#define AIPIPE_LIB_FORMATS_GZIP_H

#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>

typedef struct aip__gunzip aip__gunzip;
int32_t aip__gunzip_new(aip_context *ctx, aip__gunzip **out, aip_error **err);
/* Inflates from in[0..in_n) into out[0..out_n); *used and *made say how far it came. It stops when the output is full or the input is
 * used up. Errors: AIP_E_CORRUPT, with the byte offset in the compressed stream. */
int32_t aip__gunzip_step(aip__gunzip *g, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err);
/* After the last input and output: AIP_E_CORRUPT when the stream stops inside a member. */
int32_t aip__gunzip_end(const aip__gunzip *g, aip_error **err);
void aip__gunzip_free(aip__gunzip *g);

typedef struct aip__gzip aip__gzip;
/* The header holds no time and no name, so that the same bytes give the same file. */
int32_t aip__gzip_new(aip_context *ctx, int level, aip__gzip **out, aip_error **err);
/* Adds the compressed form of bytes[0..n) to `to`; last: ends the member. */
int32_t aip__gzip_add(aip__gzip *g, const void *bytes, size_t n, bool last, aip__text *to, aip_error **err);
void aip__gzip_free(aip__gzip *g);

static inline bool aip__gzip_magic(const uint8_t *bytes, size_t n) { return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

#endif
