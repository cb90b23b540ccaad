/* Where a written file's bytes go: through a compressor when the name says so, into a temporary file that takes the target's place only when all of
 * it is on disk. Standard output, pipes and devices are written to as they are. */
#ifndef AIPIPE_LIB_CONNECTORS_FILES_OUTPUT_H
#define AIPIPE_LIB_CONNECTORS_FILES_OUTPUT_H

#include "base/io.h"
#include "formats/gzip/gzip.h"
#include "formats/stream.h"
#include "formats/zstd/zstd_codec.h"

typedef struct aip__output {
    aip_context *ctx;
    const char *path;   /* borrowed, outlives this; for messages */
    aip__file_out file; /* a regular file ... */
    int fd;             /* ... or -1 or what is written to directly */
    bool owns_fd, atomic;
    aip__gzip *gzip;
    aip__zstd *zstd;
    aip__text packed; /* what zstd made */
} aip__output;

/* path: "-" is standard output. level: of the compression; 0: its default. The struct must stay where it is until it is closed. */
int32_t aip__output_open(aip__output *o, aip_context *ctx, const char *path, aip__packing packing, int level, aip_error **err);
int32_t aip__output_write(aip__output *o, const void *bytes, size_t n, aip_error **err);
/* Bytes in n places, none of them empty, one behind the other. The parts are changed. */
int32_t aip__output_write_parts(aip__output *o, struct iovec *parts, size_t n, aip_error **err);
/* Writes what is left; a regular file is in its place now. */
int32_t aip__output_finish(aip__output *o, aip_error **err);
void aip__output_close(aip__output *o); /* also without finish, and of a zeroed struct; then nothing at the path has changed */

#endif
