/* Columns: immutable once published, reference-counted, in Arrow's layout.
 *
 *   validity  bitmap from bit 0, NULL when there are no nulls (then null_count is 0; never a bitmap of all ones)
 *   values    fixed-width values; bool bitmap from bit 0; dictionary codes (int32); bytes of utf8 and binary
 *   offsets   utf8 and binary: length + 1, not necessarily starting at 0 (a slice shares its parent's bytes)
 *   dictionary  of a dictionary column: a utf8 column without nulls
 *
 * Rows at null positions of `values` hold zero (0, false, empty text, code 0), so that kernels may compute on them without a branch and the
 * same data always has the same bytes. A slice shares values and copies the bitmap, so no kernel ever sees a bit offset. Bitmaps (of nulls and
 * of bool) have 64 readable bytes behind them; values, texts and offsets may be somebody else's memory that ends with the last row. */
#ifndef AIPIPE_LIB_DATA_COLUMN_H
#define AIPIPE_LIB_DATA_COLUMN_H

#include "base/bitmap.h"
#include "base/memory.h"
#include "data/schema.h"

typedef struct aip__column aip__column;
struct aip__column {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    int32_t type;
    int64_t length, null_count;
    const uint8_t *validity;
    const void *values;
    const int32_t *offsets;
    aip__column *dictionary;
    aip__buffer *validity_buffer, *values_buffer, *offsets_buffer; /* what keeps the pointers alive */
};

aip__column *aip__column_retain(const aip__column *c);
void aip__column_free(aip__column *c); /* NULL is fine */

/* A column being made: one reference, writable through *_mut, until published. Fixed-width and bool: values are zeroed when `zero`, else
 * not set. Not for utf8 (aip__utf8_builder). */
int32_t aip__column_new(aip_context *ctx, int32_t type, int64_t length, bool zero, aip__column **out, aip_error **err);
/* The bare object with one reference and no buffers, for constructors in this room; NULL when memory is refused. */
aip__column *aip__column_blank(aip_context *ctx, int32_t type, int64_t length);
/* Gives a column being made a validity bitmap (all valid if it had none); returns it, NULL when memory is refused. */
uint8_t *aip__column_validity_mut(aip__column *c);
static inline void *aip__column_values_mut(aip__column *c) { return c->values_buffer->data; }
static inline double *aip__column_f64_mut(aip__column *c) { return (double *)(void *)c->values_buffer->data; }
static inline int64_t *aip__column_i64_mut(aip__column *c) { return (int64_t *)(void *)c->values_buffer->data; }
static inline int32_t *aip__column_i32_mut(aip__column *c) { return (int32_t *)(void *)c->values_buffer->data; }
static inline uint8_t *aip__column_bool_mut(aip__column *c) { return c->values_buffer->data; }
/* A column being made that got fewer rows than it was made for; not for texts. */
void aip__column_shorten(aip__column *c, int64_t length);
/* Counts nulls, drops a bitmap without nulls, zeroes the values at nulls: the last step of making a column by hand. */
void aip__column_publish(aip__column *c);

static inline const double *aip__column_f64(const aip__column *c) { return c->values; }
static inline const float *aip__column_f32(const aip__column *c) { return c->values; }
static inline const int64_t *aip__column_i64(const aip__column *c) { return c->values; } /* int64, timestamp, decimal64 */
static inline const int32_t *aip__column_i32(const aip__column *c) { return c->values; } /* int32, date32, dictionary codes */
static inline const uint8_t *aip__column_bits(const aip__column *c) { return c->values; }
/* Bytes of a valid row of utf8, binary or dictionary. */
static inline const char *aip__column_text(const aip__column *c, int64_t i, size_t *n) {
    if (c->type == AIP_DICTIONARY) i = aip__column_i32(c)[i], c = c->dictionary;
    *n = (size_t)(c->offsets[i + 1] - c->offsets[i]);
    return (const char *)c->values + c->offsets[i];
}

/* utf8 and binary columns, built row by row. */
typedef struct aip__utf8_builder {
    aip_context *ctx;
    int32_t type;
    aip__buffer *offsets, *bytes, *validity;
    int64_t length, null_count;
} aip__utf8_builder;
int32_t aip__utf8_begin(aip__utf8_builder *b, aip_context *ctx, int32_t type, int64_t expected_rows, size_t expected_bytes,
                        aip_error **err);
int32_t aip__utf8_add(aip__utf8_builder *b, const char *bytes, size_t n,
                      aip_error **err); /* AIP_E_DATA past 2^31-1 bytes in a column */
int32_t aip__utf8_add_null(aip__utf8_builder *b, aip_error **err);
/* Rows many at a time: room for `rows` more offsets and `bytes` more bytes; then, once the texts and the offsets behind each are written,
 * b->bytes->size says where they end and these rows are the builder's, those at nulls[0..n_nulls) (rising, from 0) null. */
int32_t aip__utf8_reserve(aip__utf8_builder *b, int64_t rows, size_t bytes, aip_error **err);
int32_t aip__utf8_added(aip__utf8_builder *b, int64_t rows, const int32_t *nulls, int32_t n_nulls, aip_error **err);
int32_t aip__utf8_end(aip__utf8_builder *b, aip__column **out, aip_error **err); /* the builder is empty afterwards */
void aip__utf8_abandon(aip__utf8_builder *b);

/* dictionary column from codes (-1 is null) and a utf8 column of distinct texts without nulls (retained). */
int32_t aip__column_dictionary(aip_context *ctx, const int32_t *codes, int64_t n, const aip__column *texts, aip__column **out,
                               aip_error **err);

int32_t aip__column_slice(const aip__column *c, int64_t start, int64_t n, aip__column **out, aip_error **err);
/* Rows whose bit in `mask` is 1; n_selected is their number. */
int32_t aip__column_filter(const aip__column *c, const uint8_t *mask, int64_t n_selected, aip__column **out, aip_error **err);
/* Row rows[i] for each i; a negative one gives null. */
int32_t aip__column_take(const aip__column *c, const int64_t *rows, int64_t n, aip__column **out, aip_error **err);
int32_t aip__column_concat(aip_context *ctx, aip__column *const *parts, int32_t n, aip__column **out,
                           aip_error **err);                                                              /* same types */
int32_t aip__column_nulls(aip_context *ctx, int32_t type, int64_t n, aip__column **out, aip_error **err); /* all null */
int32_t aip__column_decode(const aip__column *dictionary, aip__column **out, aip_error **err);            /* dictionary to utf8 */
/* utf8 to dictionary, codes by first appearance. */
int32_t aip__column_encode(const aip__column *texts, aip__column **out, aip_error **err);
bool aip__column_equal(const aip__column *a,
                       const aip__column *b); /* same type, nulls and values (floats by bits); dictionary == utf8 by text */

/* Numeric, bool, date and timestamp columns as float64 values into out[0..length); nulls become NaN, and so does every row of another type.
 * Decimals need their scale. */
void aip__column_to_f64(const aip__column *c, int32_t scale, double *out);
/* To another type. A value that does not fit or does not parse: AIP_E_DATA naming the row's index in the column when `strict`, else null.
 * from/to fields give zones and scales. Any number is true but 0; a float is an int64 only when integral; a float becomes the nearest
 * decimal; a timestamp's day becomes the date; text without an offset is UTC in a zone, and text with one is no wall time. Errors:
 * AIP_E_UNSUPPORTED for a pair without a meaning (binary to int64, wall time to another zone than UTC). */
int32_t aip__column_cast(const aip__column *c, const aip_field *from, const aip_field *to, bool strict, aip__column **out,
                         aip_error **err);

size_t aip__column_bytes(const aip__column *c); /* memory that its rows take */
void aip__column_view(const aip__column *c, aip_column_view *view);
/* Copies and checks host memory. */
typedef struct aip__view_texts { /* of a view's dictionary: distinct, with the new code of each old one (NULL: the same) */
    aip__column *texts;
    int32_t *map;
} aip__view_texts;
void aip__view_texts_free(aip_context *ctx, aip__view_texts *t);
/* One of several parts of a view: the dictionary is taken by the first, into `texts` (zeroed before), and shared by all. */
int32_t aip__column_from_view_part(aip_context *ctx, const aip_column_view *view, int64_t start, int64_t n,
                                   aip__view_texts *texts, aip__column **out, aip_error **err);
int32_t aip__column_from_view(aip_context *ctx, const aip_column_view *view, int64_t start, int64_t n, aip__column **out,
                              aip_error **err);

#endif
