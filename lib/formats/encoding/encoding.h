/* Text of any encoding as UTF-8: a stage between a stream of bytes and a format that reads text.
 *
 *   encoding_detect.c  which encoding the first bytes speak for
 *   encoding_decode.c  one decoder: bytes in, UTF-8 out
 *   encoding_stream.c  the stage: what the first bytes say, then decoding as it is read
 *
 * UTF-8 is handed on as it is, with its byte order mark; what is not valid in it is the reader's business. Any other encoding is decoded, its
 * byte order mark dropped. Memory is two buffers of AIP__TEXT_SAMPLE bytes (four of them while the sample is kept), whatever the size of the file. */
#ifndef AIPIPE_LIB_FORMATS_ENCODING_H
#define AIPIPE_LIB_FORMATS_ENCODING_H

#include "formats/stream.h"

#define AIP__TEXT_SAMPLE ((size_t)128 << 10)

typedef enum {
    AIP__UNDECODABLE_ROW,     /* becomes the byte 0xff, which is never UTF-8: its row is bad and goes the way of bad rows */
    AIP__UNDECODABLE_REPLACE, /* becomes U+FFFD */
    AIP__UNDECODABLE_ERROR    /* ends the reading, with the offset in the file (of gzip, in what it holds) */
} aip__undecodable;

typedef enum { AIP__LINES_AUTO, AIP__LINES_LF, AIP__LINES_CR } aip__line_end;
/* What AUTO asks: whether lines end in CR alone, one of them outside of quotes (-1: there are none), and no LF at all. */
bool aip__lines_end_in_cr(const uint8_t *text, size_t n, int quote);

/* ---- which encoding ------------------------------------------------------------------------------------------------------------------ */
typedef struct aip__encoding_guess {
    char name[32]; /* "utf-8", "utf-16le", "windows-1252", ... */
    size_t mark;   /* bytes of the byte order mark */
    char why[96];  /* for people */
} aip__encoding_guess;
/* From the first bytes; whole: there are no more. marks_only: nothing but a byte order mark is looked for, else it is UTF-8. */
void aip__encoding_guess_of(const uint8_t *bytes, size_t n, bool whole, bool marks_only, aip__encoding_guess *out);

/* ---- decoding ------------------------------------------------------------------------------------------------------------------------------ */
typedef struct aip__decoder aip__decoder;
/* Errors: AIP_E_PARAM when the encoding is not known here. */
int32_t aip__decoder_new(aip_context *ctx, const char *encoding, aip__undecodable undecodable, aip__decoder **out,
                         aip_error **err);
bool aip__encoding_is(const char *name, const char *other); /* but for the case of letters */
bool aip__encoding_is_utf8(const char *name);
#define AIP__DECODER_ROOM ((size_t)32)
/* Decodes from in[0..n) into out[0..size), size >= AIP__DECODER_ROOM; last: nothing follows. It stops when less than AIP__DECODER_ROOM is left or the
 * input ends within a character. offset: of in[0], for messages. Errors: AIP_E_DATA, under AIP__UNDECODABLE_ERROR. */
int32_t aip__decoder_step(aip__decoder *d, const uint8_t *in, size_t n, bool last, int64_t offset, size_t *used, uint8_t *out,
                          size_t size, size_t *made, aip_error **err);
/* Where a place in the text is in the bytes: bytes of a character outside of UTF-8 (1, 2 or 4; of 2, a pair of them for those beyond U+FFFF); 0: the
 * text is the bytes, or no more is known than the text (encodings of several lengths; UTF-8 whose bad bytes are replaced). */
int aip__decoder_unit(const aip__decoder *d);
/* Bytes that the text was decoded from. */
int64_t aip__encoded_bytes(int unit, const char *text, size_t n);
/* Bytes and characters that could not be decoded so far. */
int64_t aip__decoder_undecodable(const aip__decoder *d);
void aip__decoder_free(aip__decoder *d);

/* ---- the stage -------------------------------------------------------------------------------------------------------------------------- */
typedef struct aip__text_stream aip__text_stream;
typedef struct aip__text_options {
    const char *encoding; /* a name; "utf-8" and "auto" yield to a byte order mark, "auto" to what the first bytes look like */
    aip__undecodable undecodable;
    aip__line_end line_end; /* AUTO: CR where the sample has CR outside of quotes and not one LF. CR becomes LF on the way */
    int quote;              /* for that; -1: none */
    bool continued;         /* the stream starts in the middle of a file: no byte order mark is looked for */
} aip__text_options;

/* Over a stream, which is borrowed and must outlive the stage. Reads up to AIP__TEXT_SAMPLE bytes of it at once. one-at-a-time */
int32_t aip__text_stream_open(aip_context *ctx, aip__stream *stream, const aip__text_options *options, aip__text_stream **out,
                              aip_error **err);
/* The text that the first AIP__TEXT_SAMPLE bytes hold, which will be read again; whole: there is no more. Before the first read. Borrowed. */
const char *aip__text_stream_sample(const aip__text_stream *t, size_t *n, bool *whole);
/* Reads n bytes of text, or fewer only at the end. */
int32_t aip__text_stream_read(aip__text_stream *t, void *bytes, size_t n, size_t *got, aip_error **err);
/* As aip__stream_refill. */
int32_t aip__text_stream_refill(aip__text_stream *t, const void *left, size_t left_n, size_t margin, size_t size,
                                aip__buffer **out, size_t *at, bool *ended, aip_error **err);
const aip__encoding_guess *aip__text_stream_encoding(const aip__text_stream *t);
/* As aip__decoder_unit; *mark: bytes before the text, where it is not 0. */
int aip__text_stream_unit(const aip__text_stream *t, int64_t *mark);
bool aip__text_stream_ends_in_cr(const aip__text_stream *t);
/* Takes CR for a line end, in the sample too. Before the first read. */
void aip__text_stream_end_in_cr(aip__text_stream *t);
void aip__text_stream_close(aip__text_stream *t);

#endif
