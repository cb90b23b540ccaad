/* library/module.h: what a context keeps of its modules, and where a bare name is looked for. */
#ifndef AIPIPE_LIB_LIBRARY_MODULE_H
#define AIPIPE_LIB_LIBRARY_MODULE_H

#include <aipipe/module.h>

typedef struct aip__modules aip__modules;
int32_t aip__modules_create(aip_context *ctx, aip_error **err);
void aip__modules_free(aip_context *ctx);

/* NAME.so (NAME, when it ends so) in the absolute ones of `folders`, parted by colons (NULL: none), then in `installed`. Free with aip__free.
 * Errors: AIP_E_NOT_FOUND naming all that was looked into. */
int32_t aip__module_find(aip_context *ctx, const char *name, const char *folders, const char *installed, char **out,
                         aip_error **err);

#endif
