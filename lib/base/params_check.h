/* One value against one entry of a parameter table; shared by params.c and catalog.c. */
#ifndef AIPIPE_LIB_BASE_PARAMS_CHECK_H
#define AIPIPE_LIB_BASE_PARAMS_CHECK_H

#include "base/catalog.h"

const aip_param_spec *aip__param_at(const aip_descriptor *descriptor, int32_t i);
/* "a number in [0, 1] or null" */
void aip__param_expected(const aip_param_spec *spec, aip__text *out);
/* "float" */
const char *aip__param_type_name(int32_t type);
/* *out is the value in the kind that the type asks for, made in d. owner: the descriptor's name, for messages. The error names the parameter;
 * the caller adds the place, but for an item of a list, which has its own. */
int32_t aip__param_check(aip_context *ctx, aip__document *d, const char *owner, const aip_param_spec *spec,
                         const aip__node *given, const aip__node **out, aip_error **err);

#endif
