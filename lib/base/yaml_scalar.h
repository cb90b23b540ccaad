/* Plain scalars of YAML: what kind of value a text is. */
#ifndef AIPIPE_LIB_BASE_YAML_SCALAR_H
#define AIPIPE_LIB_BASE_YAML_SCALAR_H

#include "base/document.h"

/* Sets kind, boolean, integer and real; a kind of AIP__STRING leaves the string to the caller. AIP_E_SYNTAX for numbers out of range. */
int32_t aip__yaml_scalar(const char *text, aip__node *node, aip_error **err);

#endif
