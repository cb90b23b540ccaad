/* LZ4 frames in memory, read only: what pyarrow and pandas compress Feather files with. The one library for it is not among those that this one
 * needs, and the format is small (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md). */
#ifndef AIPIPE_LIB_FORMATS_ARROW_IPC_LZ4_FRAME_H
#define AIPIPE_LIB_FORMATS_ARROW_IPC_LZ4_FRAME_H

#include <aipipe/base.h>

/* Undoes one frame in[0..n) into exactly out_n bytes. Checks every checksum that is there. Errors: AIP_E_CORRUPT. any thread */
int32_t aip__lz4_frame_read(const uint8_t *in, size_t n, uint8_t *out, size_t out_n, aip_error **err);

#endif
