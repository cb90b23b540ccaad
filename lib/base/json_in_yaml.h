/* JSON text on its way to a YAML parser. */
#ifndef AIPIPE_LIB_BASE_JSON_IN_YAML_H
#define AIPIPE_LIB_BASE_JSON_IN_YAML_H

#include <aipipe/base.h>

/* *out: text that libyaml reads as the same value; NULL when the text is not JSON or needs no change. Free with aip__free. */
int32_t aip__json_in_yaml(aip_context *ctx, const char *text, size_t n, char **out, size_t *n_out, aip_error **err);
/* One step through the text as given (n > 0 bytes left): returns its bytes, *n_chars says how many characters it became. */
size_t aip__json_in_yaml_step(const char *p, size_t n, size_t *n_chars);

#endif
