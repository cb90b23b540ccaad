/* Parameters of the JSON formats. */
#include "formats/json/json.h"

#include "base/memory.h"
#include <string.h>

const aip_param_spec aip__json_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_INT, "flatten_levels",
     "Levels of objects within a record that are gone into: their fields are columns named by their path, such as user.name; deeper "
     "objects, and lists, are columns of their JSON text",
     "16", NULL, 0, AIP__JSON_DEPTH, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "fields",
     "Paths of fields that are columns even where the first rows do not show them", "[]", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "unknown_fields",
     "Fields that the first rows did not show: count (left out, counted, and a warning says how many), bad (their record is a bad row)",
     "\"count\"", "count|bad", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "duplicate_keys",
     "A key that stands twice in an object: last (its last value counts, and a warning says how often), bad (the record is a bad row)",
     "\"last\"", "last|bad", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "max_record_bytes",
     "A longer record is an error: most often a quote that is never closed", "16777216", NULL, 64, 1073741824, 0, 0},
};
_Static_assert(sizeof aip__json_params / sizeof *aip__json_params == AIP__JSON_N_PARAMS, "the count in json.h");

static int32_t copy_fields(aip__json_options *o, const aip_params *params, aip_error **err) {
    int32_t n = aip_params_n_strings(params, "fields");
    o->fields = aip__calloc(o->ctx, (size_t)n + 1, sizeof *o->fields);
    if (!o->fields) return aip__error_memory(o->ctx, err);
    for (o->n_fields = 0; o->n_fields < n; o->n_fields++) {
        o->fields[o->n_fields] = aip__strdup(o->ctx, aip_params_string_at(params, "fields", o->n_fields));
        if (!o->fields[o->n_fields]) return aip__error_memory(o->ctx, err);
    }
    return AIP_OK;
}

void aip__json_options_destroy(void *options) {
    aip__json_options *o = options;
    if (!o) return;
    for (int32_t i = 0; i < o->n_fields; i++) aip__free(o->ctx, o->fields[i]);
    aip__free(o->ctx, o->fields);
    aip__json_tree_free(&o->known);
    aip__free(o->ctx, o);
}

int32_t aip__json_options_create(aip_context *ctx, const aip_params *params, bool lines, void **out, aip_error **err) {
    const char *policy = aip_params_string(params, "on_bad_row");
    aip__json_options *o = aip__calloc(ctx, 1, sizeof *o);
    if (!o) return aip__error_memory(ctx, err);
    o->ctx = ctx;
    o->lines = lines;
    o->on_bad_row = strcmp(policy, "reject") == 0 ? AIP__JSON_REJECT
                    : strcmp(policy, "null") == 0 ? AIP__JSON_NULL
                                                  : AIP__JSON_ERROR;
    o->flatten = (int32_t)aip_params_int(params, "flatten_levels");
    o->unknown_is_bad = strcmp(aip_params_string(params, "unknown_fields"), "bad") == 0;
    o->duplicate_is_bad = strcmp(aip_params_string(params, "duplicate_keys"), "bad") == 0;
    o->max_record_bytes = aip_params_int(params, "max_record_bytes");
    o->block_bytes =
        aip_params_is_null(params, "block_bytes") ? AIP__BLOCK_BYTES_USUAL : (size_t)aip_params_int(params, "block_bytes");
    int32_t status = aip__json_tree_init(&o->known, ctx, err);
    if (status == AIP_OK) status = copy_fields(o, params, err);
    if (status != AIP_OK) {
        aip__json_options_destroy(o);
        return status;
    }
    *out = o;
    return AIP_OK;
}
