/* Gzip (RFC 1952) through zlib, and ISA-L or libdeflate where they are there: concatenated members in, one deterministic member out. */
#ifndef AIPIPE_LIB_FORMATS_GZIP_H
#define AIPIPE_LIB_FORMATS_GZIP_H

#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>

typedef struct aip__gunzip aip__gunzip;
int32_t aip__gunzip_new(aip_context *ctx, aip__gunzip **out, aip_error **err);
/* Inflates from in[0..in_n) into out[0..out_n); *used and *made say how far it came. It stops when the output is full, the input is
 * used up, or a member has ended. Errors: AIP_E_CORRUPT, with the byte offset in the compressed stream. */
int32_t aip__gunzip_step(aip__gunzip *g, const uint8_t *in, size_t in_n, size_t *used, uint8_t *out, size_t out_n, size_t *made,
                         aip_error **err);
/* After the last input and output: AIP_E_CORRUPT when the stream stops inside a member. */
int32_t aip__gunzip_end(const aip__gunzip *g, aip_error **err);
/* Members are inflated by ISA-L; headers are always zlib's. */
bool aip__gunzip_by_isal(void);
/* How many members have ended. */
int64_t aip__gunzip_members(const aip__gunzip *g);
/* Between members: another way has undone the member of n compressed bytes that comes next. */
void aip__gunzip_skip(aip__gunzip *g, size_t n);
/* Sizes of the last member that was inflated by steps: compressed, and not. 0 before there was one. */
void aip__gunzip_last_member(const aip__gunzip *g, int64_t *packed, int64_t *bytes);
void aip__gunzip_free(aip__gunzip *g);

/* Whole members in memory, through libdeflate where the library was built with it, but without ISA-L: more than twice as fast as zlib, but it needs all of a
 * member and of its content at once. It is asked first and never has the last word: what it does not take is inflated by steps, so that
 * results and errors are zlib's. */
#define AIP__GZIP_MEMBER_BYTES ((size_t)16 << 20) /* the most that a member may hold */
typedef struct aip__gunzip_whole aip__gunzip_whole;
bool aip__gunzip_whole_available(void);
int32_t aip__gunzip_whole_new(aip_context *ctx, aip__gunzip_whole **out, aip_error **err);
/* The member at the start of in[0..n) into out[0..out_n). False when it is not whole, does not fit, or is not accepted. */
bool aip__gunzip_whole_member(aip__gunzip_whole *g, const uint8_t *in, size_t n, size_t *used, uint8_t *out, size_t out_n,
                              size_t *made);
void aip__gunzip_whole_free(aip__gunzip_whole *g);
/* Compressed size of the member at the start of in[0..n) when its header tells it (the extra field BC of bgzip, which is also at most
 * 64 KiB), else 0. */
size_t aip__gzip_told_size(const uint8_t *in, size_t n);

typedef struct aip__gzip aip__gzip;
typedef int32_t (*aip__gzip_put)(void *user, const void *bytes, size_t n, aip_error **err);
/* One member, deflated by jobs; put gets its bytes in order, from the thread that calls add and end. The header holds no time and no name, and
 * blocks are cut by size alone, so that the same bytes give the same file whatever the workers, and however they are handed over. */
int32_t aip__gzip_new(aip_context *ctx, int level, aip__gzip_put put, void *user, aip__gzip **out, aip_error **err);
int32_t aip__gzip_add(aip__gzip *g, const void *bytes, size_t n, aip_error **err);
int32_t aip__gzip_end(aip__gzip *g, aip_error **err);
void aip__gzip_free(aip__gzip *g); /* also before the end */

static inline bool aip__gzip_magic(const uint8_t *bytes, size_t n) { return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

#endif
