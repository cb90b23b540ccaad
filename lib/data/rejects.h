/* The rejects table: every record that a reader refused, with place and reason. Schema: source utf8, line int64, column utf8 (null: the whole
 * record), byte_offset int64, reason utf8, raw utf8. */
#ifndef AIPIPE_LIB_DATA_REJECTS_H
#define AIPIPE_LIB_DATA_REJECTS_H

#include "data/source.h"

#define AIP__MAX_KEPT_REJECTS \
    100000 /* of a pass: all are counted, and a rejects file holds all; the table has the first so many */

typedef struct aip__rejects aip__rejects; /* of one item, or of a pass */
int32_t aip__rejects_new(aip_context *ctx, aip__rejects **out, aip_error **err);
/* column may be NULL; raw is cut to 4096 bytes and made valid UTF-8. */
int32_t aip__rejects_add(aip__rejects *r, const char *source, int64_t line, const char *column, int64_t offset,
                         const char *reason, const char *raw, size_t raw_n, aip_error **err);
int64_t aip__rejects_count(const aip__rejects *r);
/* As many of `from` as fit under `most` rows; frees `from`. */
int32_t aip__rejects_append(aip__rejects *into, aip__rejects *from, int64_t most, aip_error **err);
int32_t aip__rejects_schema(aip_context *ctx, aip_schema **out, aip_error **err);
/* Rows [from, from + n) of it, n at most AIP_BATCH_MAX_ROWS. */
int32_t aip__rejects_batch(const aip__rejects *r, const aip_schema *schema, int64_t from, int64_t n, aip_batch **out,
                           aip_error **err);
int32_t aip__rejects_dataset(const aip__rejects *r, aip_dataset **out, aip_error **err);
void aip__rejects_free(aip__rejects *r);

#endif
