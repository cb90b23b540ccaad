/* How one Arrow column lies in memory, read from its format string. */
#ifndef AIPIPE_LIB_DATA_ARROW_TYPE_H
#define AIPIPE_LIB_DATA_ARROW_TYPE_H

#include "data/schema.h"

typedef enum {
    ARROW_NULL,
    ARROW_BOOL,
    ARROW_I8,
    ARROW_U8,
    ARROW_I16,
    ARROW_U16,
    ARROW_I32,
    ARROW_U32,
    ARROW_I64,
    ARROW_U64,
    ARROW_F16,
    ARROW_F32,
    ARROW_F64,
    ARROW_DECIMAL,
    ARROW_TEXT32, /* utf8 and binary with int32 offsets */
    ARROW_TEXT64, /* with int64 offsets */
    ARROW_VIEW,   /* 16-byte views into any number of buffers */
    ARROW_FIXED_BYTES
} aip__arrow_layout;

typedef struct aip__arrow_type {
    aip__arrow_layout layout; /* of a dictionary: of its codes */
    int32_t type;             /* what it becomes */
    int32_t scale;
    int32_t width;       /* bytes of a decimal or of fixed-size binary */
    int64_t unit;        /* of a timestamp, in microseconds; 0: nanoseconds */
    const char *zone;    /* borrowed from the format; NULL: none */
    bool days_in_millis; /* date64 */
} aip__arrow_type;

/* Errors: AIP_E_SCHEMA (no such format), AIP_E_UNSUPPORTED (valid, but not a type here), naming the column. */
int32_t aip__arrow_type_of(const struct ArrowSchema *schema, aip__arrow_type *out, aip_error **err);

#endif
