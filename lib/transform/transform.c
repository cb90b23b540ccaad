/* The room's stages in the catalogue. */
#include "transform/transform.h"

#include "base/error.h"

int32_t aip__transform_register(aip_context *ctx, aip_error **err) {
    const aip_descriptor *const stages[] = {
        &aip__stage_select,
        &aip__stage_drop,
        &aip__stage_rename,
        &aip__stage_cast,
        &aip__stage_derive,
        &aip__stage_filter,
        &aip__stage_drop_missing,
        &aip__stage_simple_imputer,
        &aip__stage_standard_scaler,
        &aip__stage_one_hot_encoder,
        &aip__stage_join,
    };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) AIP__TRY(aip_catalog_register(ctx, stages[i], err));
    return AIP_OK;
}
