/* aipipe/bytes.h: bytes in and out, in which fitted states and packages are kept. */
#ifndef AIPIPE_BYTES_H
#define AIPIPE_BYTES_H

#include <aipipe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aip_writer aip_writer; /* grows in memory; little-endian */
typedef struct aip_reader aip_reader; /* bounded: reading past its end is an error, never a crash */
/* Each writes one value. Errors: AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. one-at-a-time */
AIP_API int32_t aip_writer_bytes(aip_writer *w, const void *bytes, size_t n, aip_error **err);
AIP_API int32_t aip_writer_i64(aip_writer *w, int64_t v, aip_error **err);
AIP_API int32_t aip_writer_f64(aip_writer *w, double v, aip_error **err);
AIP_API int32_t aip_writer_text(aip_writer *w, const char *text, aip_error **err); /* length and bytes. one-at-a-time */
/* Each reads one value, in the order of writing, and moves on by it. Errors: AIP_E_CORRUPT past the end. one-at-a-time */
AIP_API int32_t aip_reader_bytes(aip_reader *r, void *bytes, size_t n, aip_error **err);
AIP_API int32_t aip_reader_i64(aip_reader *r, int64_t *v, aip_error **err);
AIP_API int32_t aip_reader_f64(aip_reader *r, double *v, aip_error **err);
AIP_API int32_t aip_reader_text(aip_reader *r, const char **text, size_t *n,
                                aip_error **err);    /* borrowed from the reader. one-at-a-time */
AIP_API size_t aip_reader_left(const aip_reader *r); /* bytes that are still to be read. one-at-a-time */

#ifdef __cplusplus
}
#endif
#endif
