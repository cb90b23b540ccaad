/* aipipe/module.h: loadable modules, which bring stages and connectors of their own. A module is a shared object that exports
 *
 *     const uint32_t aip_module_api_size;   the bytes of the table below that it needs
 *     int32_t aip_module_init(const aip_api *api, aip_context *ctx, aip_error **err);
 *
 * and calls the library only through the table (aipipe/api_table.h), never by symbol, so that it works in a program that has the library
 * linked into it and in one that loaded it privately. aipipe/module_author.h writes both exports and the calls. A module runs with all the
 * rights of the process: load what you trust. */
#ifndef AIPIPE_MODULE_H
#define AIPIPE_MODULE_H

#include <aipipe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aip_api;

/* What a module does when a context loads it: registers its descriptors (aip_catalog_register). The table stays valid for ever. A status
 * that is not AIP_OK refuses the load; what was registered before it stays, so whatever may fail comes first. */
typedef int32_t (*aip_module_init_fn)(const struct aip_api *api, aip_context *ctx, aip_error **err);

/* Loads a module into this context. A path that holds a slash is taken as it is; a bare name NAME is NAME.so in the folders of the
 * environment's AIPIPE_MODULE_PATH (absolute, parted by colons; not looked at in a set-user-ID program), then in the folder where modules
 * are installed; never in the working directory. A module that the context has loaded already is not started again, and AIP_OK. Its code
 * stays in the process for good.
 * Errors: AIP_E_NOT_FOUND (names the folders), AIP_E_IO (the system cannot load the file), AIP_E_UNSUPPORTED (no module, or one that was made
 * for a later version of the library), AIP_E_STATE (closed context), AIP_E_FORKED, and what the module's init gives: AIP_E_PARAM when a
 * name is taken. Not from two threads of which one waits for the other. any-thread */
AIP_API int32_t aip_module_load(aip_context *ctx, const char *path_or_name, aip_error **err);

#ifdef __cplusplus
}
#endif
#endif
