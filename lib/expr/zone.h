/* Time zones: what local time is at an instant, and the instant of a local time. Read from TZif files (RFC 8536, versions 1 to 4), whose last
 * rule (a POSIX TZ string) is written out for 400 years past the table: the calendar repeats after that. */
#ifndef AIPIPE_LIB_EXPR_ZONE_H
#define AIPIPE_LIB_EXPR_ZONE_H

#include "base/context.h"
#include "base/error.h"

typedef struct aip__zone aip__zone; /* immutable */

/* "UTC", "Z", "+05:30", or an IANA name such as "America/New_York", read from the machine's zone database.
 * Errors: AIP_E_PARAM (not a zone's name, no such zone), AIP_E_NOT_FOUND (no zone database), AIP_E_CORRUPT, AIP_E_IO. any-thread */
int32_t aip__zone_open(aip_context *ctx, const char *name, aip__zone **out, aip_error **err);
/* From the bytes of a TZif file. Errors: AIP_E_CORRUPT. */
int32_t aip__zone_parse(aip_context *ctx, const char *name, const void *bytes, size_t n, aip__zone **out, aip_error **err);
void aip__zone_free(aip__zone *z);

/* The span of seconds in which an offset (seconds east of UTC) holds; start with from > to. */
typedef struct aip__zone_span {
    int64_t from, to; /* [from, to) */
    int32_t offset;
} aip__zone_span;
/* Offset at `seconds` UTC; *span remembers, so that neighbouring times cost nothing. */
int32_t aip__zone_offset(const aip__zone *z, int64_t seconds, aip__zone_span *span);
/* UTC seconds of a local time. Of two (clocks set back) the first; a time that clocks skipped is taken as before the skip. */
int64_t aip__zone_to_utc(const aip__zone *z, int64_t local);

#endif
