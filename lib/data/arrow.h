/* The bridge to Arrow's C data and C stream interfaces. Import checks the structure and formats, widens small integers and large offsets, converts
 * views, copies misaligned buffers, and believes lengths (the interface carries no buffer sizes). */
#ifndef AIPIPE_LIB_DATA_ARROW_H
#define AIPIPE_LIB_DATA_ARROW_H

#include "data/dataset.h"

int32_t aip__arrow_import_schema(aip_context *ctx, const struct ArrowSchema *schema, aip_schema **out, aip_error **err);
/* Takes the array over (released when the last column goes, or at once on failure), cuts it into batches of at most AIP_BATCH_MAX_ROWS. */
int32_t aip__arrow_import_array(const aip_schema *schema, const struct ArrowSchema *arrow_schema, struct ArrowArray *array,
                                aip_batch ***batches, int64_t *n, aip_error **err);
int32_t aip__arrow_export_schema(const aip_schema *schema, struct ArrowSchema *out, aip_error **err);
int32_t aip__arrow_export_batch(const aip_batch *batch, struct ArrowArray *out, aip_error **err);

#endif
