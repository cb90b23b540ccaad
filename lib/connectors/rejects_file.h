/* A file of all rejects of a pass over files or a connector, written as they come, whole or not at all. */
#ifndef AIPIPE_LIB_CONNECTORS_REJECTS_FILE_H
#define AIPIPE_LIB_CONNECTORS_REJECTS_FILE_H

#include "data/rejects.h"

typedef struct aip__rejects_file aip__rejects_file;

int32_t aip__rejects_file_check(aip_context *ctx, const char *path, aip_error **err); /* its format is known */
int32_t aip__rejects_file_open(aip_context *ctx, const char *path, aip__rejects_file **out, aip_error **err);
int32_t aip__rejects_file_add(aip__rejects_file *w, const aip__rejects *rejects, aip_error **err);
/* AIP_E_INTERNAL where it holds another number of them than were counted. */
int32_t aip__rejects_file_commit(aip__rejects_file *w, int64_t n_rejected, aip_error **err);
void aip__rejects_file_free(aip__rejects_file *w); /* abandons it before commit */

#endif
