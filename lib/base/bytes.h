/* aip_writer and aip_reader: little-endian bytes in memory. A reader refuses to read past its end (AIP_E_CORRUPT), and a length is checked
 * against what is left before anything is allocated. */
#ifndef AIPIPE_LIB_BASE_BYTES_H
#define AIPIPE_LIB_BASE_BYTES_H

#include "base/text.h"
#include <aipipe/bytes.h>

struct aip_writer {
    aip__text text;
};
struct aip_reader {
    aip_context *ctx;
    const uint8_t *bytes;
    size_t n, at;
    const char *source; /* for messages; may be NULL */
};
void aip__writer_init(aip_writer *w, aip_context *ctx);
void aip__writer_free(aip_writer *w);
void aip__reader_init(aip_reader *r, aip_context *ctx, const void *bytes, size_t n, const char *source);
int32_t aip__reader_view(aip_reader *r, size_t n, const uint8_t **bytes, aip_error **err); /* borrowed bytes */

#endif
