/* The inside of connectors that hosts and modules bring: a path -> its connector -> a connection -> a source or a writer. */
#ifndef AIPIPE_LIB_CONNECTORS_CONNECTION_H
#define AIPIPE_LIB_CONNECTORS_CONNECTION_H

#include "connectors/connectors.h"

typedef struct aip__connection {
    aip_context *ctx;
    aip_connector_ops ops; /* at this version's size */
    void *self;
    uint32_t generation; /* of the process that made it: a child must not touch what its parent holds open */
    char *path;          /* as given: the source of errors and rejects */
    char *rejects_path;  /* of a read; NULL: no file of rejects */
    const char *name;    /* the descriptor's */
} aip__connection;

/* The connector that the parameters' path (or one of their paths) names; *out stays NULL when it is a file's.
 * Errors: AIP_E_NOT_FOUND with the nearest name for WORD://rest. */
int32_t aip__connection_find(aip_context *ctx, const aip__node *given, const char *source, const aip_descriptor **out,
                             aip_error **err);
/* Checks the parameters and makes the connection. Whatever comes back, end it with aip__connection_close. */
int32_t aip__connection_open(aip_context *ctx, const aip_descriptor *d, bool writing, const aip__node *given, const char *source,
                             const char *base_dir, aip__connection *out, aip_error **err);
void aip__connection_close(aip__connection *c);
/* AIP_E_FORKED in a child of the process that made it. */
int32_t aip__connection_usable(const aip__connection *c, aip_error **err);
/* After one of its functions: an error if there is none, and its place. Returns status. */
int32_t aip__connection_status(const aip__connection *c, int32_t status, const char *function, aip_error **err);

/* Takes the connection over, also on failure. */
int32_t aip__connection_dataset(aip__connection *c, aip_dataset **out, aip_error **err);
int32_t aip__connection_write(aip__connection *c, aip_dataset *dataset, aip__token *token, aip_row_counts *counts,
                              aip_error **err);

/* Where the rejects of the connection at its root go. NULL: to no file, or there is none. */
const char *aip__connection_rejects_path(const aip_dataset *d);

extern const aip__public_kind aip__connector_kind; /* what a descriptor of the kind must be */

#endif
