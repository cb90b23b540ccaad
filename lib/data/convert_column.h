/* Fields of one column to values, many at a time: what regular records of CSV are turned into columns with. A field that the vector code does
 * not know goes to aip__parse_* (convert.h), which define what a text means; so all vector levels give the same values and the same lists. */
#ifndef AIPIPE_LIB_DATA_CONVERT_COLUMN_H
#define AIPIPE_LIB_DATA_CONVERT_COLUMN_H

#include "data/column.h"
#include "data/convert.h"
#include <string.h>

/* One column of n records of a block of text whose field ends are indexed: field i is text[ends[i * stride - 1] + 1 .. ends[i * stride]), in
 * uint32 arithmetic. The element before a block's first end is the offset of its first record less one: UINT32_MAX for 0. At least 64 readable
 * bytes lie before the first field and behind the last. */
typedef struct aip__fields {
    const char *text;
    const uint32_t *ends; /* of the column's first field */
    int32_t stride;       /* fields of a record */
    int32_t n;            /* records */
    bool last;            /* the record's last field: a CR before its end is not part of it */
} aip__fields;

static inline const char *aip__field_at(const aip__fields *f, int32_t i, size_t *n) {
    const uint32_t *e = f->ends + (int64_t)i * f->stride;
    uint32_t start = e[-1] + 1, end = e[0];
    if (f->last && end > start && f->text[end - 1] == '\r') end--;
    *n = end - start;
    return f->text + start;
}
/* The fields from `first` on, at most n of them. */
static inline aip__fields aip__fields_part(const aip__fields *f, int32_t first, int32_t n) {
    aip__fields part = *f;
    part.ends += (int64_t)first * f->stride;
    part.n = f->n - first < n ? f->n - first : n;
    return part;
}

typedef struct aip__conversion {
    int32_t type;  /* fixed width or bool */
    int32_t scale; /* decimal64 */
    bool zoned;    /* timestamp: with offset, else without; dates are midnights without */
    char decimal;  /* the decimal mark of floats and decimals, usually '.' */
} aip__conversion;

/* Values of rows row .. row + n of `values` (of row 0; bits for bool). Empty fields get zero and their indices go to empty[], those of fields
 * that are no value (quoted, words such as nan, null markers, bad) to odd[]: these get zero too. Indices rise; each list has room for n. What
 * begins with a byte past '9' is odd for all types but bool. Returns the number of odd ones. */
int32_t aip__convert_fields(const aip__conversion *c, const aip__fields *f, void *values, int64_t row, int32_t *odd,
                            int32_t *empty, int32_t *n_empty);

/* ---- texts ------------------------------------------------------------------------------------------------------------------------------ */

/* Which fields are null, and what quotes mean: a field that begins with `quote` ends with it, and quotes inside are doubled. */
typedef struct aip__text_rules {
    int quote; /* byte, or -1: none */
    bool empty_is_null, quoted_null /* markers and emptiness count in quotes too */;
    size_t longest_null;                                        /* bytes of the longest null marker */
    const bool *null_starts;                                    /* 256: bytes that null markers begin with */
    bool (*is_null)(const void *user, const char *s, size_t n); /* for texts that begin so */
    const void *user;
} aip__text_rules;

/* Whether a text, without its quotes, is null. */
static inline bool aip__field_is_null(const aip__text_rules *r, bool quoted, const char *s, size_t n) {
    if (quoted && !r->quoted_null) return false;
    if (n == 0) return r->empty_is_null;
    return r->null_starts[(uint8_t)*s] && r->is_null(r->user, s, n);
}
/* Adds f->n rows to a builder of utf8. The text is UTF-8 where it is to be. */
int32_t aip__utf8_add_fields(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err);
/* Doubled quotes of s[0..n) become one, into `to` (room for n); returns how many bytes are left. */
size_t aip__unescape_quotes(char *to, const char *s, size_t n, char quote);

/* The text of one field without its quotes: in the field, or where some are doubled inside in the scratch, until the next is asked for. (Columns of
 * texts, which are copied anyway, look for doubled quotes as they copy: convert_text.c.) */
typedef struct aip__scratch {
    aip_context *ctx;
    char *bytes; /* aip__free of ctx when done */
    size_t size;
} aip__scratch;
typedef struct aip__unquoted {
    const char *text;
    size_t n;
    bool quoted;
} aip__unquoted;
int32_t aip__unescape_field(aip__unquoted *u, char quote, aip__scratch *scratch, aip_error **err);
/* quote: byte, or -1: none. */
static inline int32_t aip__unquote_field(const aip__fields *f, int32_t i, int quote, aip__scratch *scratch, aip__unquoted *out,
                                         aip_error **err) {
    size_t n = 0;
    const char *s = aip__field_at(f, i, &n);
    *out = (aip__unquoted){.text = s, .n = n};
    if (n < 2 || (uint8_t)*s != quote) return AIP_OK;
    *out = (aip__unquoted){.text = s + 1, .n = n - 2, .quoted = true};
    return n > 2 && memchr(s + 1, quote, n - 2) ? aip__unescape_field(out, (char)quote, scratch, err) : AIP_OK;
}

/* A dictionary column being made, row by row: codes in order of first appearance. The texts lie in a table of open addressing, up to 16 bytes
 * inside their slot. */
typedef struct aip__code_slot {
    uint64_t low, high; /* the first 16 bytes, zero behind the text's end */
    uint32_t n;
    int32_t code; /* less 1; 0: the slot is free */
} aip__code_slot;
typedef struct aip__code_builder {
    aip_context *ctx;
    aip__column *column; /* of max_rows */
    int64_t length;
    aip__utf8_builder texts; /* row: code */
    aip__code_slot *slots;
    size_t n_slots;
    aip__scratch scratch;
} aip__code_builder;
int32_t aip__codes_begin(aip__code_builder *b, aip_context *ctx, int64_t max_rows, aip_error **err);
/* A row; no more than max_rows of them in all. */
int32_t aip__codes_add(aip__code_builder *b, const char *s, size_t n, aip_error **err);
int32_t aip__codes_add_null(aip__code_builder *b, aip_error **err);
int32_t aip__codes_add_fields(aip__code_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err);
int32_t aip__codes_end(aip__code_builder *b, aip__column **out, aip_error **err); /* the builder is empty afterwards */
void aip__codes_abandon(aip__code_builder *b);

/* Without an offset where `zoned` is false, with one where it is true; a date among timestamps without is its midnight. */
bool aip__parse_timestamp_as(const char *s, size_t n, bool zoned, int64_t *micros);

#endif
