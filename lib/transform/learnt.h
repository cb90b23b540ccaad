/* What the fitted stages share: the columns that a fit learned from, kept by name, found again in the schema that the stage is bound to; and
 * the reading of saved states, which are hostile bytes. */
#ifndef AIPIPE_LIB_TRANSFORM_LEARNT_H
#define AIPIPE_LIB_TRANSFORM_LEARNT_H

#include "base/text.h"
#include "data/batch.h"
#include <aipipe/stage.h>

/* Columns of a schema that a fold looks at. */
typedef struct aip__fit_columns {
    aip_context *ctx;
    const aip_schema *schema; /* retained */
    int32_t n;
    int32_t *indices;
} aip__fit_columns;

/* Resolves the parameter `columns` (aip__schema_columns). */
int32_t aip__fit_columns_init(aip__fit_columns *f, aip_context *ctx, const aip_params *params, const char *otherwise,
                              const aip_schema *schema, aip_error **err);
void aip__fit_columns_free(aip__fit_columns *f);
static inline const aip_field *aip__fit_field(const aip__fit_columns *f, int32_t i) { return &f->schema->fields[f->indices[i]]; }

/* AIP_E_SCHEMA "column 'x' is utf8; standard_scaler needs a numeric column". */
int32_t aip__wrong_type(const char *stage, const char *needs, const aip_field *field, aip_error **err);

/* Per input column, which learned column it is (-1: none), for n learned columns with these names; freed with aip__free. */
int32_t aip__find_learnt(aip_context *ctx, const aip_schema *in, const char *const *names, int32_t n, int32_t **which,
                         aip_error **err);

/* A count that must lie in [0, limit] and whose items, of at least item_bytes each, must still be in the reader. */
int32_t aip__read_count(aip_reader *r, int64_t limit, size_t item_bytes, int32_t *n, aip_error **err);
/* A copy (aip__free) of a text without NULs. */
int32_t aip__read_name(aip_context *ctx, aip_reader *r, char **name, aip_error **err);
/* Each name of a fit once, as a schema has them: n of them, the first at `first`, the next `stride` bytes on. */
int32_t aip__read_names_differ(aip_context *ctx, char *const *first, size_t stride, int32_t n, aip_error **err);
/* Finite, or NaN when nan_too. */
int32_t aip__read_number(aip_reader *r, bool nan_too, double *v, aip_error **err);
int32_t aip__read_type(aip_reader *r, int32_t *type, aip_error **err); /* one of AIP_BOOL ... */
int32_t aip__corrupt_state(aip_error **err, const char *what);

/* For descriptions: the i-th member's comma, name and colon; a float, always with a decimal point or exponent, so that it is read back as one; and
 * a value that is kept as an integer, as JSON in its own type (dates, timestamps and decimals as text). */
void aip__describe_member(aip__text *t, int32_t i, const char *name);
void aip__describe_f64(aip__text *t, double v);
void aip__describe_int(aip__text *t, int32_t type, int32_t scale, int64_t v);

#define AIP__MAX_COLUMNS 1000000
#define AIP__MAX_COUNT (INT64_C(1) << 53) /* of rows in a saved state */

#endif
