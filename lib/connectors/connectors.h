/* Where datasets come from and go to: files and globs, and what connectors of hosts and modules reach. What the public aip_dataset_read and aip_dataset_write take as JSON text, and a DAG's
 * `read` and `write` operators as a node of their file, is one thing: a map with `path`, `format` and the format's own parameters. */
#ifndef AIPIPE_LIB_CONNECTORS_CONNECTORS_H
#define AIPIPE_LIB_CONNECTORS_CONNECTORS_H

#include "data/dataset.h"
#include "formats/format.h"
#include <aipipe/connector.h>

/* Whether a path is a connector's, `NAME:rest` of one in the catalogue or `WORD://rest` of any: no file. */
bool aip__path_is_connectors(aip_context *ctx, const char *path);

/* Opens files, or what a connector reads, as a lazy dataset. params: a map, or a bare path; source: the name of the file that params stand in, for errors (may be NULL);
 * base_dir: where relative paths start (NULL: the working directory). Reads only what it needs to infer the schema.
 * Errors: AIP_E_PARAM, AIP_E_NOT_FOUND, AIP_E_IO, AIP_E_DATA, AIP_E_SCHEMA, AIP_E_CORRUPT. */
int32_t aip__read_dataset(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_dataset **out,
                          aip_error **err);
/* Checks the parameters and opens nothing (base_dir: to tell a folder from a file whose name says no format). */
int32_t aip__read_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_error **err);

/* Writes a dataset, whole or not at all, into a folder that is made when it is missing; to "-" (standard output) or anything that is not a
 * regular file, as it comes. counts may be NULL. */
int32_t aip__write_dataset(aip_dataset *dataset, const aip__node *params, const char *source, const char *base_dir,
                           aip__token *token, aip_row_counts *counts, aip_error **err);
int32_t aip__write_check(aip_context *ctx, const aip__node *params, const char *source, const char *base_dir, aip_error **err);

/* The parameters of `read` or `write` as one descriptor: those of files, and those of a format of the catalogue; NULL: of all of them, for
 * whoever shows them. Freed with aip__free(ctx, d). */
int32_t aip__files_table(aip_context *ctx, bool reading, const aip_descriptor *format, aip_descriptor **out, aip_error **err);

int32_t aip__connectors_register(aip_context *ctx, aip_error **err);

#endif
