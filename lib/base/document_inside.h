/* What the readers and writers of documents share with document.c and nobody else uses. */
#ifndef AIPIPE_LIB_BASE_DOCUMENT_INSIDE_H
#define AIPIPE_LIB_BASE_DOCUMENT_INSIDE_H

#include "base/document.h"

int aip__document_set_source(aip__document *d, const char *source); /* copies; 0, or -1 when refused */
/* Indices of a map's pairs in bytewise order of their keys; equal keys in order of the file. */
void aip__node_key_order(const aip__node *map, int32_t *order);
/* Line (from 1) and byte column (from 1) of a byte offset. */
void aip__text_position(const char *text, size_t offset, int64_t *line, int64_t *column);
/* Whether aip__json_parse reads the text. Errors: AIP_E_NOMEM, AIP_E_MEMORY_LIMIT. */
int32_t aip__json_is_valid(aip_context *ctx, const char *text, size_t n, bool *valid, aip_error **err);

#endif
