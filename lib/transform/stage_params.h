/* Short ways to write the parameter tables of stages. */
#ifndef AIPIPE_LIB_TRANSFORM_STAGE_PARAMS_H
#define AIPIPE_LIB_TRANSFORM_STAGE_PARAMS_H

#include <aipipe/stage.h>

/* A parameter with a default (JSON text; NULL: required). */
#define AIP__PARAM(TYPE, NAME, DEFAULT, DOC) \
    { .struct_size = sizeof(aip_param_spec), .type = TYPE, .name = NAME, .doc = DOC, .default_json = DEFAULT }
#define AIP__PARAM_OR_NULL(TYPE, NAME, DEFAULT, DOC) \
    { .struct_size = sizeof(aip_param_spec), .type = TYPE, .name = NAME, .doc = DOC, .default_json = DEFAULT, .nullable = 1 }
#define AIP__CHOICE(NAME, CHOICES, DEFAULT, DOC)                                                                            \
    {                                                                                                                       \
        .struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_CHOICE, .name = NAME, .doc = DOC, .default_json = DEFAULT, \
        .choices = CHOICES                                                                                                  \
    }
#define AIP__CHOICE_OR_NULL(NAME, CHOICES, DEFAULT, DOC)                                                                    \
    {                                                                                                                       \
        .struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_CHOICE, .name = NAME, .doc = DOC, .default_json = DEFAULT, \
        .choices = CHOICES, .nullable = 1                                                                                   \
    }
#define AIP__PARAM_RANGE(TYPE, NAME, DEFAULT, MINIMUM, MAXIMUM, DOC)                                            \
    {                                                                                                           \
        .struct_size = sizeof(aip_param_spec), .type = TYPE, .name = NAME, .doc = DOC, .default_json = DEFAULT, \
        .minimum = MINIMUM, .maximum = MAXIMUM                                                                  \
    }

/* The fields of a stage's descriptor that follow from its table. */
#define AIP__STAGE(NAME, DOC, PARAMS, OPS, ROWS) AIP__STAGE_VERSION(NAME, DOC, PARAMS, OPS, ROWS, 1)
#define AIP__STAGE_VERSION(NAME, DOC, PARAMS, OPS, ROWS, VERSION)                                                                \
    .struct_size = sizeof(aip_descriptor), .kind = AIP_KIND_STAGE, .name = NAME, .doc = DOC, .params = PARAMS,                   \
    .n_params = (int32_t)(sizeof(PARAMS) / sizeof(PARAMS[0])), .param_stride = sizeof(aip_param_spec), .ops = OPS, .rows = ROWS, \
    .version = VERSION

#endif
