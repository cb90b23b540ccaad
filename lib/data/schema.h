/* The inside of a schema: an immutable, reference-counted list of fields with an index by name. */
#ifndef AIPIPE_LIB_DATA_SCHEMA_H
#define AIPIPE_LIB_DATA_SCHEMA_H

#include "base/context.h"
#include "base/error.h"
#include <aipipe/catalog.h>
#include <aipipe/data.h>

struct aip_schema {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    int32_t n;
    aip_field *fields; /* with own copies of names and zones */
    int32_t *index;    /* open addressing, power of two, -1 empty */
    uint32_t index_mask;
};
aip_schema *aip__schema_retain(const aip_schema *schema);
bool aip__schema_equal(const aip_schema *a, const aip_schema *b);
/* Index of a column that must be there. Errors: AIP_E_SCHEMA "no column 'x'; did you mean 'y'? (columns: ...)" */
int32_t aip__schema_need(const aip_schema *schema, const char *name, int32_t *index, aip_error **err);
/* Fields for building another schema: copy, change, aip_schema_create. */
aip_field aip__field(const char *name, int32_t type);

/* Resolves a parameter of type AIP_PARAM_COLUMNS ("numeric", "text", "all", a pattern, or names): indices in schema order for the words and
 * patterns, in the given order for names. none given (null): `otherwise` is used, such as "numeric"; NULL: no columns. A pattern or word that
 * meets nothing gives n = 0. *indices is freed with aip__free(ctx). Errors: AIP_E_SCHEMA naming the column. */
int32_t aip__schema_columns(const aip_schema *schema, const aip_params *params, const char *name, const char *otherwise,
                            int32_t **indices, int32_t *n, aip_error **err);

static inline bool aip__type_is_numeric(int32_t type) { /* int, float, decimal */
    return type == AIP_INT32 || type == AIP_INT64 || type == AIP_FLOAT32 || type == AIP_FLOAT64 || type == AIP_DECIMAL64;
}
static inline bool aip__type_is_text(int32_t type) { return type == AIP_UTF8 || type == AIP_DICTIONARY; }
/* Bytes per value of a fixed-width type; 0 for bool (a bitmap), utf8 and binary; 4 for dictionary codes. */
size_t aip__type_width(int32_t type);
int32_t aip__type_from_name(const char *name); /* 0 when unknown */

#endif
