/* What a stream gives, in blocks that are read, and undone where they are compressed, one after the other and ahead of who takes them, by any thread
 * that has time: so what cannot be shared out need not wait for what is done with the bytes. Each block is a buffer of its own with room in front, so
 * that a reader puts there what was left of the block before, and nothing else is copied. Blocks are the same whoever undoes them, and when. */
#ifndef AIPIPE_LIB_FORMATS_STREAM_BLOCKS_H
#define AIPIPE_LIB_FORMATS_STREAM_BLOCKS_H

#include "base/error.h"
#include "base/memory.h"

typedef struct aip__blocks aip__blocks;

/* Undoes the next n bytes, fewer only at the end; *used: what of the file's bytes it came to. One call at a time, from any thread. */
typedef int32_t (*aip__blocks_undo)(void *user, void *bytes, size_t n, size_t *got, int64_t *used, aip_error **err);

/* Blocks of n bytes behind `front` bytes of room. */
int32_t aip__blocks_new(aip_context *ctx, size_t front, size_t n, aip__blocks_undo undo, void *user, aip__blocks **out,
                        aip_error **err);
/* The next block, or what was left of it: *out holds it from *at to its end, `front` bytes or more are before it, and it is the caller's. NULL at
 * the end. *last: none comes behind it, which is known of one that is shorter than the others. Waits only for a thread that is undoing this very
 * block. An error of undo comes in its place, and again. */
int32_t aip__blocks_next(aip__blocks *b, aip__buffer **out, size_t *at, bool *last, aip_error **err);
/* The same bytes, copied: n of them, fewer only at the end. */
int32_t aip__blocks_read(aip__blocks *b, void *bytes, size_t n, size_t *got, aip_error **err);
/* What of the file's bytes stands for the blocks that were given out. */
int64_t aip__blocks_used(const aip__blocks *b);
/* Undoes one block ahead, if there is room for one more; false when there was nothing to do. any thread */
bool aip__blocks_ahead(aip__blocks *b);
/* Whether next has something to give at once (or nobody will do it ahead). any thread */
bool aip__blocks_ready(aip__blocks *b);
void aip__blocks_free(aip__blocks *b);

#endif
