/* The stages of this room, one file per family; all are registered by one call. */
#ifndef AIPIPE_LIB_TRANSFORM_TRANSFORM_H
#define AIPIPE_LIB_TRANSFORM_TRANSFORM_H

#include <aipipe/stage.h>

extern const aip_descriptor aip__stage_select, aip__stage_drop, aip__stage_rename, aip__stage_cast;
extern const aip_descriptor aip__stage_derive, aip__stage_filter;
extern const aip_descriptor aip__stage_drop_missing, aip__stage_simple_imputer, aip__stage_standard_scaler;
extern const aip_descriptor aip__stage_one_hot_encoder, aip__stage_join;

/* Adds every stage of the room to a context's catalogue. */
int32_t aip__transform_register(aip_context *ctx, aip_error **err);

#endif
