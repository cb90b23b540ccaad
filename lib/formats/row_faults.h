/* What is wrong with the rows of one item, gathered while a reader decodes it: the rows that are not kept, the rejects table, the counts; and the
 * batch of what is left. */
#ifndef AIPIPE_LIB_FORMATS_ROW_FAULTS_H
#define AIPIPE_LIB_FORMATS_ROW_FAULTS_H

#include "formats/format.h"

typedef struct aip__row_faults {
    aip_context *ctx;
    const char *source; /* borrowed */
    int64_t max_rows;   /* of the item */
    uint8_t *keep;      /* rows that stay; NULL: all so far */
    int64_t n_dropped, n_rejected;
    aip__bad_rows *bad; /* NULL: nothing to tell so far */
} aip__row_faults;

/* f->bad is there afterwards. */
int32_t aip__row_faults_count(aip__row_faults *f, aip_error **err);
/* Row i of the item is not kept. */
int32_t aip__row_faults_drop(aip__row_faults *f, int64_t i, aip_error **err);

typedef struct aip__bad_row {
    int64_t line, offset; /* where the record starts */
    const char *what;     /* "column", "field": what `name` names */
    const char *name;     /* NULL: the record as a whole */
    const char *why;
    const char *raw; /* the record */
    size_t n;
} aip__bad_row;
int32_t aip__row_faults_reject(aip__row_faults *f, const aip__bad_row *fault, aip_error **err);

/* The rows that are kept. Takes the columns over, n of the schema, of which those not yet made are NULL when status says so, and frees the list. */
int32_t aip__row_faults_batch(aip__row_faults *f, const aip_schema *schema, int64_t n_rows, aip__column **columns, int32_t status,
                              aip_batch **out, aip_error **err);
/* All but `bad`, which goes on with the item. */
void aip__row_faults_end(aip__row_faults *f);

#endif
