/* The catalogue of a context, and parameters checked against a descriptor's table. */
#ifndef AIPIPE_LIB_BASE_CATALOG_H
#define AIPIPE_LIB_BASE_CATALOG_H

#include "base/document.h"
#include <aipipe/catalog.h>

typedef struct aip__catalog aip__catalog;
int32_t aip__catalog_create(aip_context *ctx, aip__catalog **out, aip_error **err);
void aip__catalog_free(aip_context *ctx, aip__catalog *catalog); /* calls the descriptors' destroy */

/* What a host's descriptor of a kind must be, said by the room that calls its ops. */
typedef struct aip__public_kind {
    const aip_param_spec
        *common; /* parameters that each of them has: put before its own, unless it has one of that name; the first is its ... */
    int32_t n_common;                                           /* ... shorthand */
    int32_t (*check)(const aip_descriptor *d, aip_error **err); /* of the ops */
} aip__public_kind;
/* Hosts may add to this kind (stages need no such call). Before aip__catalog_built_in_done. */
void aip__catalog_open_kind(aip_context *ctx, int32_t kind, const aip__public_kind *rules);
/* What the entries of a kind say of themselves in aip_catalog_json besides what all say: members, each after a comma. */
void aip__catalog_describe_kind(aip_context *ctx, int32_t kind, void (*describe)(const aip_descriptor *d, aip__text *t));
/* "a|b" as `,"name":["a","b"]`. */
void aip__catalog_add_names(aip__text *t, const char *name, const char *names);
/* The built-ins are in: from now on only kinds whose table of functions is public are accepted, since a foreign table of another kind would be
 * called as one of ours. */
void aip__catalog_built_in_done(aip_context *ctx);

/* Descriptor by kind and name. Errors: AIP_E_NOT_FOUND "no stage 'standrd_scaler'; did you mean 'standard_scaler'?". */
int32_t aip__catalog_find(aip_context *ctx, int32_t kind, const char *name, const aip_descriptor **out, aip_error **err);
/* The i-th descriptor in order of (kind, name); NULL past the end. */
const aip_descriptor *aip__catalog_at(aip_context *ctx, int32_t i);
const char *aip__kind_name(int32_t kind); /* "stage" */

/* The nearest of n names to `given` by edit distance, or NULL when none is near. */
const char *aip__nearest(const char *given, const char *const *names, size_t n);

/* Checks a map (or NULL: all defaults) against the table: unknown key (did you mean), type, range, choice, missing. A scalar or list in place
 * of a map sets the descriptor's shorthand parameter. Errors carry the node's line and column, the parameter and the descriptor's name.
 * The result owns copies of everything. */
int32_t aip__params_create(aip_context *ctx, const aip_descriptor *descriptor, const aip__node *given, const char *source,
                           aip_params **out, aip_error **err);
/* The same from JSON text (NULL: all defaults). */
int32_t aip__params_parse(aip_context *ctx, const aip_descriptor *descriptor, const char *json, aip_params **out,
                          aip_error **err);
void aip__params_free(aip_params *params);
const aip__node *aip__params_node(const aip_params *params,
                                  const char *name); /* the value's node; never NULL for a spec'd name */
/* All parameters, defaults filled in, as canonical JSON: what packages store and cache keys hash. Borrowed. */
const char *aip__params_canonical(const aip_params *params);
int32_t aip__params_line(const aip_params *params, const char *name, int32_t *column); /* 0 when not from a file */

#endif
