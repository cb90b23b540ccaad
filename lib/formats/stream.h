/* A stream of bytes, read from front to back: what formats read from, whatever holds the bytes. Gzip and zstd are seen by their first bytes,
 * not by a name, and undone on the way. */
#ifndef AIPIPE_LIB_FORMATS_STREAM_H
#define AIPIPE_LIB_FORMATS_STREAM_H

#include "base/error.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include <stdbool.h>

typedef struct aip__stream aip__stream;

typedef enum aip__packing { AIP__PACKING_NONE, AIP__PACKING_GZIP, AIP__PACKING_ZSTD } aip__packing;

/* Over an open file or pipe, which is borrowed and must outlive the stream. one-at-a-time */
int32_t aip__stream_file(aip_context *ctx, aip__file *file, aip__stream **out, aip_error **err);
/* Over a pipe that must be looked at before it is read: what the first stream takes is kept in `seen`; a second one with `replay` gives it
 * again and then reads on. Both are borrowed. */
int32_t aip__stream_pipe(aip_context *ctx, aip__file *file, aip__text *seen, bool replay, aip__stream **out, aip_error **err);
/* Over borrowed memory. */
int32_t aip__stream_memory(aip_context *ctx, const void *bytes, size_t n, aip__stream **out, aip_error **err);
/* Before the first read: only the beginning will be wanted, so that nothing is undone ahead of it. */
void aip__stream_begin_only(aip__stream *s);
/* From here on refilled buffers are blocks of a file, or of what is compressed, that are read or undone where they lie, by aip__stream_ahead if that
 * is called in time; buffers are the same whether it is or not. Whoever refills keeps to one size from here on. */
void aip__stream_in_blocks(aip__stream *s);
/* Reads n bytes, or fewer only at the end. Errors: AIP_E_IO, AIP_E_CORRUPT (of compressed bytes: with the byte offset in the file). */
int32_t aip__stream_read(aip__stream *s, void *bytes, size_t n, size_t *got, aip_error **err);
/* Bytes of a file or of memory that can be read at any place: its size; -1: a pipe, or compressed, where there is only reading on. */
int64_t aip__stream_size(const aip__stream *s);
/* Reads n bytes at a place, or fewer only at the end, and leaves alone where reading on goes on. For streams with a size. */
int32_t aip__stream_read_at(aip__stream *s, void *bytes, size_t n, int64_t offset, size_t *got, aip_error **err);
/* Reading goes on at this place, which also counts as used up to there. For streams with a size. */
void aip__stream_move(aip__stream *s, int64_t offset);
/* For readers that cut a stream into items: a new buffer of what is left of the one before (left[0..left_n)) and fresh bytes behind it, about
 * `size` in all, more where the rest is long. The text is (*out)->data[*at..(*out)->size); `margin` bytes before it may be read and are 0. *ended: the
 * stream gave its last byte. */
int32_t aip__stream_refill(aip__stream *s, const void *left, size_t left_n, size_t margin, size_t size, aip__buffer **out,
                           size_t *at, bool *ended, aip_error **err);
/* The same from anything that reads as aip__stream_read does; all bytes are copied. */
typedef int32_t (*aip__reads)(void *user, void *bytes, size_t n, size_t *got, aip_error **err);
int32_t aip__refill_copied(aip_context *ctx, aip__reads read, void *user, const void *left, size_t left_n, size_t margin,
                           size_t size, aip__buffer **out, size_t *at, bool *ended, aip_error **err);
/* Reads or undoes one more block for a reader that calls aip__stream_refill, beside it; false when there was nothing to do. any thread */
bool aip__stream_ahead(aip__stream *s);
/* Whether such a reader has not to wait for a block. any thread */
bool aip__stream_ready(aip__stream *s);
/* Bytes of the file used up so far (compressed ones, where they are). */
int64_t aip__stream_consumed(const aip__stream *s);
aip__packing aip__stream_packing(const aip__stream *s);
/* Not one byte was there. */
bool aip__stream_is_empty(const aip__stream *s);
void aip__stream_close(aip__stream *s);

#endif
