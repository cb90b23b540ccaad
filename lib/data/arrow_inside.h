/* The inside of the import of Arrow arrays: what its files share.
 *
 *   arrow_import.c   an array taken over and checked, cut into batches of rows; which column goes where
 *   arrow_values.c   values of a fixed width: shared where they are ours already, else widened or converted
 *   arrow_texts.c    texts and bytes, by offsets, views or a fixed width
 *   arrow_words.c    dictionaries and codes
 *   arrow_kernels.c  the loops over rows, many at a time, that say "all is well"; where they do not, the others look for the row */
#ifndef AIPIPE_LIB_DATA_ARROW_INSIDE_H
#define AIPIPE_LIB_DATA_ARROW_INSIDE_H

#include "base/context.h"
#include "base/error.h"
#include "data/arrow.h"
#include "data/arrow_type.h"
#include "data/dictionary.h"

struct aip__arrow_words {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip__column *texts;   /* distinct, without nulls */
    const int32_t *codes; /* the code in `texts` for each code of the producer's; -1: null */
    int64_t n_codes;
    bool same_codes;           /* each is the producer's own */
    aip__buffer *codes_buffer; /* what keeps the codes alive */
};

struct aip__arrow_rows {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip_schema *schema;
    struct ArrowArray array;
    int64_t first_row;        /* its number in messages */
    aip__arrow_type *types;   /* for each column */
    aip__arrow_words **words; /* of each column that has a dictionary */
};

/* Rows [start, start + n) of an array, start counted from the beginning of its buffers. */
typedef struct aip__arrow_input {
    const aip__arrow_rows *rows;
    const struct ArrowArray *array;
    const aip__arrow_type *type;
    const aip_field *field;
    const uint8_t *validity; /* NULL: no nulls among the rows */
    int64_t start, n;
    int64_t first; /* number of the first row in messages */
} aip__arrow_input;

static inline bool aip__arrow_valid(const aip__arrow_input *in, int64_t i) { return aip__valid(in->validity, in->start + i); }
static inline const uint8_t *aip__arrow_buffer(const aip__arrow_input *in, int i) { return in->array->buffers[i]; }
/* The values of the first row, each of `width` bytes; NULL when there are no rows. */
static inline const uint8_t *aip__arrow_values(const aip__arrow_input *in, size_t width) {
    return in->n > 0 ? aip__arrow_buffer(in, 1) + (size_t)in->start * width : NULL;
}
static inline bool aip__arrow_aligned(const void *p, size_t width) { return (uintptr_t)p % width == 0; }

int32_t aip__arrow_bad_structure(const char *column, const char *what, aip_error **err);
int32_t aip__arrow_bad_value(const aip__arrow_input *in, int64_t i, const char *what, aip_error **err);
/* The structure of one column with rows [first, first + n) in use. */
int32_t aip__arrow_check_array(const struct ArrowArray *a, aip__arrow_layout layout, int64_t first, int64_t n, const char *column,
                               aip_error **err);
/* Where rows [first, first + n) lie in an array whose rows before `skipped` its struct leaves out, with its nulls when there are any among them. */
aip__arrow_input aip__arrow_input_of(const aip__arrow_rows *r, const struct ArrowArray *a, const aip__arrow_type *t,
                                     const aip_field *f, int64_t skipped, int64_t first, int64_t n);

/* The producer's memory as a buffer of a column; it is never written to. NULL when memory is refused. */
aip__buffer *aip__arrow_share_bytes(const aip__arrow_input *in, const void *bytes, size_t n);
/* A column over n bytes of the producer's; the bitmap alone is copied. */
int32_t aip__arrow_share_values(const aip__arrow_input *in, int32_t type, const uint8_t *from, size_t n, aip__column **out,
                                aip_error **err);
/* Ends a column being made: gives it its nulls and publishes it, or frees it when something went wrong. */
int32_t aip__arrow_finish(const aip__arrow_input *in, aip__column *c, int32_t status, aip__column **out, aip_error **err);

/* A column of values of a fixed width. */
int32_t aip__arrow_import_values(const aip__arrow_input *in, aip__column **out, aip_error **err);
/* utf8 or binary, of any layout. */
int32_t aip__arrow_import_texts(const aip__arrow_input *in, aip__column **out, aip_error **err);
/* Codes of a dictionary. */
int32_t aip__arrow_import_codes(const aip__arrow_input *in, const aip__arrow_words *words, aip__column **out, aip_error **err);

/* Any of these; words: of a column of codes. */
int32_t aip__arrow_import_column(const aip__arrow_input *in, const aip__arrow_words *words, aip__column **out, aip_error **err);

/* ---- kernels: no pointer needs to be aligned ----------------------------------------------------------------------------------- */

/* Whether values of 4 or 8 bytes are zero at nulls. start: the bit of the first row. */
bool aip__arrow_zero_at_nulls(const uint8_t *values, size_t width, const uint8_t *validity, int64_t start, int64_t n);
/* Whether n + 1 offsets of 4 or 8 bytes rise; the first may be anything. */
bool aip__arrow_rises(const uint8_t *offsets, size_t width, int64_t n);
/* Whether the texts between n + 1 offsets of 4 or 8 bytes are empty at nulls. */
bool aip__arrow_empty_at_nulls(const uint8_t *offsets, size_t width, const uint8_t *validity, int64_t start, int64_t n);
/* Offsets of 4 or 8 bytes less `first` as int32; each is known to fit. */
void aip__arrow_rebase(const uint8_t *offsets, size_t width, int64_t first, int64_t n, int32_t *to);
/* Whether codes, taken as unsigned, are all below n_codes. */
bool aip__arrow_codes_below(const uint8_t *codes, int64_t n, uint32_t n_codes);
/* Each code becomes codes[code]; whether none of those is negative. */
bool aip__arrow_recode(int32_t *values, int64_t n, const int32_t *codes);
/* Whether 8-byte values are all at least 0. */
bool aip__arrow_no_sign(const uint8_t *values, int64_t n);
/* Each value times or by `unit`; whether all fit, or leave nothing over. */
bool aip__arrow_times(const uint8_t *values, int64_t n, int64_t unit, int64_t *to);
bool aip__arrow_by_thousand(const uint8_t *values, int64_t n, int64_t *to);
/* The low halves of 128-bit values; whether the high halves are but their signs. */
bool aip__arrow_low_halves(const uint8_t *values, int64_t n, int64_t *to);
void aip__arrow_widen_i8(const uint8_t *from, int64_t n, void *to); /* to int32 */
void aip__arrow_widen_u8(const uint8_t *from, int64_t n, void *to);
void aip__arrow_widen_i16(const uint8_t *from, int64_t n, void *to);
void aip__arrow_widen_u16(const uint8_t *from, int64_t n, void *to);
void aip__arrow_widen_u32(const uint8_t *from, int64_t n, void *to); /* to int64 */
void aip__arrow_widen_half(const uint8_t *from, int64_t n, void *to);

#endif
