/* Loadable modules: found, opened, asked which table of functions they need, and started in a context. The only file that knows the dynamic loader.
 * What was once started is never unloaded: a context's catalogue points into it, and threads may be in it. */
#include "library/module.h"

#include "base/context.h"
#include "base/error.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include "exec/group.h"
#include "library/api.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define PATH_VARIABLE "AIPIPE_MODULE_PATH"

struct aip__modules {
    pthread_mutex_t lock; /* recursive: a module may load another */
    void **handles;       /* of what was started; also what is being started */
    size_t n, capacity;
};

int32_t aip__modules_create(aip_context *ctx, aip_error **err) {
    aip__modules *m = aip__calloc(ctx, 1, sizeof *m);
    pthread_mutexattr_t recursive;
    if (!m) return aip__error_memory(ctx, err);
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    ctx->modules = m;
    return AIP_OK;
}

void aip__modules_free(aip_context *ctx) {
    aip__modules *m = ctx->modules;
    if (!m) return;
    if (!aip__exec_forked(ctx)) pthread_mutex_destroy(&m->lock); /* else a thread that is not here may seem to hold it */
    aip__free(ctx, m->handles);
    aip__free(ctx, m);
    ctx->modules = NULL;
}

/* ---- where it lies ------------------------------------------------------------------------------------------------------------------------- */

/* FOLDER/NAME.so when there is such a file; else *out stays NULL. */
static int32_t look_in(aip_context *ctx, const char *folder, size_t n, const char *name, char **out, aip_error **err) {
    struct stat st;
    aip__text path;
    size_t length = strlen(name);
    bool has_suffix = length > 3 && strcmp(name + length - 3, ".so") == 0;
    aip__text_init(&path, ctx);
    aip__text_add(&path, folder, n);
    aip__text_char(&path, '/');
    aip__text_str(&path, name);
    if (!has_suffix) aip__text_str(&path, ".so");
    if (!path.failed && (ctx->io->stat(path.bytes, &st) != 0 || S_ISDIR(st.st_mode))) {
        aip__text_free(&path);
        return AIP_OK;
    }
    return aip__text_take(&path, out, NULL, err);
}

static int32_t not_found(aip_context *ctx, const char *name, const aip__text *seen, aip_error **err) {
    if (seen->failed) return aip__error_memory(ctx, err);
    return aip__error_set(err, AIP_E_NOT_FOUND, "no module '%.100s' in %s; a path to a module holds a slash, as in ./%.100s.so",
                          name, seen->bytes, name);
}

int32_t aip__module_find(aip_context *ctx, const char *name, const char *folders, const char *installed, char **out,
                         aip_error **err) {
    aip__text seen;
    int32_t status = AIP_OK;
    char *found = NULL;
    aip__text_init(&seen, ctx);
    for (const char *p = folders ? folders : ""; *p && status == AIP_OK && !found;) {
        size_t n = strcspn(p, ":");
        if (n > 0 && *p == '/') { /* an empty or relative one would mean the working directory */
            status = look_in(ctx, p, n, name, &found, err);
            aip__text_printf(&seen, "%.*s, ", (int)(n < 4096 ? n : 4096), p);
        } else if (n > 0) {
            aip__text_printf(&seen, "%.*s (not looked into: " PATH_VARIABLE " takes absolute folders), ",
                             (int)(n < 4096 ? n : 4096), p);
        }
        p += n + (p[n] == ':');
    }
    if (status == AIP_OK && !found) status = look_in(ctx, installed, strlen(installed), name, &found, err);
    aip__text_str(&seen, installed);
    if (status == AIP_OK && !found) status = not_found(ctx, name, &seen, err);
    aip__text_free(&seen);
    if (status == AIP_OK) *out = found;
    return status;
}

static int32_t find(aip_context *ctx, const char *path_or_name, char **out, aip_error **err) {
    struct stat st;
    if (!strchr(path_or_name, '/'))
        return aip__module_find(ctx, path_or_name, secure_getenv(PATH_VARIABLE), AIPIPE_MODULE_DIR, out, err);
    if (ctx->io->stat(path_or_name, &st) != 0) {
        int32_t status = aip__error_set(err, AIP_E_NOT_FOUND, "there is no such module");
        aip__error_at_source(err, path_or_name);
        return status;
    }
    *out = aip__strdup(ctx, path_or_name);
    return *out ? AIP_OK : aip__error_memory(ctx, err);
}

/* ---- opening and starting ------------------------------------------------------------------------------------------------------------------- */

/* The two names that make a shared object a module, and whether our table is long enough for it. */
static int32_t check_module(void *handle, aip_module_init_fn *out, aip_error **err) {
    const uint32_t *size = dlsym(handle, "aip_module_api_size");
    void *init = dlsym(handle, "aip_module_init");
    if (!size || !init)
        return aip__error_set(err, AIP_E_UNSUPPORTED,
                              "this is no module of libaipipe: expected it to export aip_module_api_size and aip_module_init");
    if (*size < offsetof(aip_api, status_name))
        return aip__error_set(err, AIP_E_UNSUPPORTED, "aip_module_api_size is %u: expected the bytes of aip_api that it needs",
                              (unsigned)*size);
    if (*size > aip__api.struct_size)
        return aip__error_set(err, AIP_E_UNSUPPORTED,
                              "the module needs a later version of libaipipe: %u bytes of its table of functions, and this "
                              "one, %s, has %u",
                              (unsigned)*size, aip_version(), (unsigned)aip__api.struct_size);
    memcpy(out, &init, sizeof *out); /* POSIX: an object pointer of dlsym holds a function's address */
    return AIP_OK;
}

static bool is_started(const aip__modules *m, const void *handle) {
    for (size_t i = 0; i < m->n; i++)
        if (m->handles[i] == handle) return true;
    return false;
}

/* In the list before it is started, so that a module that loads itself does not do so for ever. */
static int32_t start(aip_context *ctx, void *handle, aip_module_init_fn init, aip_error **err) {
    aip__modules *m = ctx->modules;
    if (aip__grow(ctx, &m->handles, &m->capacity, m->n + 1, sizeof *m->handles) != 0) return aip__error_memory(ctx, err);
    m->handles[m->n++] = handle;
    int32_t status = aip__error_of_host(err, init(&aip__api, ctx, err), "aip_module_init");
    for (size_t i = 0; status != AIP_OK && i < m->n; i++)
        if (m->handles[i] == handle) m->handles[i] = m->handles[--m->n];
    return status;
}

/* With the lock held. */
static int32_t open_and_start(aip_context *ctx, const char *path, aip_error **err) {
    aip_module_init_fn init = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        return aip__error_set(err, AIP_E_IO, "cannot load the module: %s", why ? why : "the system does not say why");
    }
    int32_t status = check_module(handle, &init, err);
    if (status != AIP_OK || is_started(ctx->modules, handle)) {
        dlclose(handle); /* nothing of it was called by us, or it is held by its first load */
        return status;
    }
    return start(ctx, handle, init, err);
}

int32_t aip_module_load(aip_context *ctx, const char *path_or_name, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !path_or_name || !*path_or_name)
        return aip__error_set(err, AIP_E_MISUSE, "aip_module_load: expected a context and a path or name");
    if (atomic_load(&ctx->closed)) return aip__error_set(err, AIP_E_STATE, "the context is closed");
    if (aip__exec_forked(ctx)) return aip__error_set(err, AIP_E_FORKED, "modules are loaded before the process forks");
    char *path = NULL;
    AIP__TRY(find(ctx, path_or_name, &path, err));
    pthread_mutex_lock(&ctx->modules->lock);
    int32_t status = open_and_start(ctx, path, err);
    pthread_mutex_unlock(&ctx->modules->lock);
    if (status != AIP_OK) aip__error_at_source(err, path);
    aip__free(ctx, path);
    return status;
}
