/* The bridge to Arrow's C data and C stream interfaces. Import checks the structure and formats, widens small integers and large offsets, converts
 * views, copies misaligned buffers, and believes lengths (the interface carries no buffer sizes).
 *
 * What is shared and what is copied: the values of int32, int64, float32, float64, date32 and timestamp[us], the bytes of utf8, large utf8 and
 * binary, int32 offsets, and int32 and uint32 codes of a dictionary whose texts are distinct, are shared wherever they are aligned and zero (empty)
 * at nulls, as column.h wants it. Copied are bitmaps, what is widened or converted, what lies at nulls otherwise, and dictionaries. Export never
 * copies but decimals, which widen to 128 bits. */
#ifndef AIPIPE_LIB_DATA_ARROW_H
#define AIPIPE_LIB_DATA_ARROW_H

#include "data/dataset.h"

/* A record batch arrives as a struct. Types: null becomes utf8; integers up to 32 bits signed become int32, uint32 and 64 bits int64; float16
 * float32; fixed-size binary becomes binary; decimals of at most 18 digits decimal64; date64 date32; timestamps of any unit microseconds. Errors:
 * AIP_E_SCHEMA, AIP_E_UNSUPPORTED naming the column (nested, time of day, interval, wide decimal). */
int32_t aip__arrow_import_schema(aip_context *ctx, const struct ArrowSchema *schema, aip_schema **out, aip_error **err);

/* A field's metadata may give its type a meaning of the producer's ("arrow.uuid"). A schema here has no place for it: the import logs that it is
 * lost, and so does who reads such metadata elsewhere. */
#define AIP__ARROW_EXTENSION "ARROW:extension:name"
void aip__arrow_tell_extension(aip_context *ctx, const char *column, const char *name, size_t n, int32_t type);

/* The texts of a dictionary, imported once for any number of arrays: distinct, without nulls, and where each of the producer's codes went. */
typedef struct aip__arrow_words aip__arrow_words;
/* values: structure as in an ArrowArray's dictionary; only looked at during the call. `column` names it in messages. */
int32_t aip__arrow_words_new(aip_context *ctx, const char *column, const struct ArrowSchema *values_schema,
                             const struct ArrowArray *values, aip__arrow_words **out, aip_error **err);
/* The texts of `before`, then those of `values`, for a dictionary that grows by parts: *growth (NULL before the first part) is what it grows in,
 * of which `before` is the last that came. Takes time and memory for `values` alone; words that came before stay as they are. After an error the
 * growth is only to be freed. one-at-a-time */
typedef struct aip__arrow_growth aip__arrow_growth;
int32_t aip__arrow_words_add(aip__arrow_growth **growth, const aip__arrow_words *before, const char *column,
                             const struct ArrowSchema *values_schema, const struct ArrowArray *values, aip__arrow_words **out,
                             aip_error **err);
void aip__arrow_growth_free(aip__arrow_growth *growth); /* NULL is fine */
aip__arrow_words *aip__arrow_words_retain(aip__arrow_words *words);
void aip__arrow_words_free(aip__arrow_words *words);

/* An array taken over, checked, and cut into rows on request. Its parts are imported from many threads at once. */
typedef struct aip__arrow_rows aip__arrow_rows;
/* Takes the array over: it is released when the last part of it goes, or at once on failure. `schema` was
 * imported from arrow_schema, which is only looked at during the call. */
int32_t aip__arrow_rows_new(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                            aip__arrow_rows **out, aip_error **err);
/* The same; words[i] (retained) is the dictionary of column i, which is then not looked for in the array; NULL: in the array. first_row is the
 * number of the first row in messages. */
int32_t aip__arrow_rows_with_words(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                   aip__arrow_words *const *words, int64_t first_row, aip__arrow_rows **out, aip_error **err);
int64_t aip__arrow_rows_count(const aip__arrow_rows *rows);
/* Rows [start, start + n), n at most AIP_BATCH_MAX_ROWS. Errors: AIP_E_DATA naming column and row for a value that our type cannot hold. */
int32_t aip__arrow_rows_batch(const aip__arrow_rows *rows, int64_t start, int64_t n, aip_batch **out, aip_error **err);
aip__arrow_rows *aip__arrow_rows_retain(aip__arrow_rows *rows);
void aip__arrow_rows_free(aip__arrow_rows *rows);

/* Takes the array over (released when the last column goes, or at once on failure), cuts it into batches of at most AIP_BATCH_MAX_ROWS. *batches
 * is freed with aip__free. */
int32_t aip__arrow_import_array(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                aip_batch ***batches, int64_t *n, aip_error **err);
int32_t aip__arrow_export_schema(const aip_schema *schema, struct ArrowSchema *out, aip_error **err);
int32_t aip__arrow_export_batch(const aip_batch *batch, struct ArrowArray *out, aip_error **err);

#endif
