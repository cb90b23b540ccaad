/* Preloaded into the command: what the library's functions named in BROKEN_JSON give is no JSON, as if the command could not read it. */
#include <aipipe/aipipe.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void spoil(const char *function, int32_t status, char **json) {
    const char *broken = getenv("BROKEN_JSON");
    if (status == AIP_OK && broken && strcmp(broken, function) == 0) (*json)[0] = '!';
}

/* The library's own function, by the name of the one that stands in its place. */
static void *own(const char *function) {
    void *found = dlsym(RTLD_NEXT, function);
    if (!found) abort();
    return found;
}

#define SPOILED(name, parameters, ...)        \
    int32_t name parameters;                  \
    int32_t name parameters {                 \
        int32_t(*real) parameters = NULL;     \
        *(void **)(void *)&real = own(#name); \
        int32_t status = real(__VA_ARGS__);   \
        spoil(#name, status, json);           \
        return status;                        \
    }

SPOILED(aip_dataset_profile, (aip_dataset * d, const char *params, const aip_call *call, char **json, aip_error **err), d, params,
        call, json, err)
SPOILED(aip_read_explain, (aip_context * ctx, const char *params, char **json, aip_error **err), ctx, params, json, err)
SPOILED(aip_dataset_report, (const aip_dataset *d, char **json, aip_error **err), d, json, err)
SPOILED(aip_catalog_json, (aip_context * ctx, const char *name, char **json, aip_error **err), ctx, name, json, err)
SPOILED(aip_dag_describe, (const aip_dag *dag, char **json, aip_error **err), dag, json, err)
SPOILED(aip_run_report, (aip_run * run, char **json, aip_error **err), run, json, err)
