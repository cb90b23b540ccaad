/* The top of the house: a context with everything registered, its executor, and its end. */
#include "base/catalog.h"
#include "base/cpu.h"
#include "connectors/connectors.h"
#include "dag/dag.h"
#include "exec/group.h"
#include "exec/pool.h"
#include "formats/format.h"
#include "library/module.h"
#include "math/blas.h"
#include "metrics/metrics.h"
#include "train/model.h"
#include "transform/transform.h"
#include <stdio.h>
#include <unistd.h>

const char *aip_version(void) { return AIPIPE_VERSION; }

static void at_close(aip_context *ctx) {
    if (ctx->exec) aip__exec_close(ctx);
    if (ctx->executor.shutdown) ctx->executor.shutdown(ctx->executor.user);
    if (ctx->pool) aip__pool_stop(ctx->pool);
}

static void at_free(aip_context *ctx) {
    if (ctx->catalog) aip__catalog_free(ctx, ctx->catalog);
    aip__modules_free(ctx);
    if (ctx->pool) aip__pool_free(ctx->pool);
    if (ctx->exec) aip__exec_free(ctx, ctx->exec);
}

static int32_t n_cpus(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 256 ? 256 : (int32_t)n;
}

static int32_t make_executor(aip_context *ctx, const aip_context_options *o, aip_error **err) {
    if (o->executor) {
        AIP__TRY(aip__struct_copy(&ctx->executor, sizeof ctx->executor, o->executor, "aip_executor_callbacks", err));
        if (!ctx->executor.submit)
            return aip__error_set(err, AIP_E_MISUSE,
                                  "aip_executor_callbacks.submit is NULL: expected a function that takes jobs");
        return AIP_OK;
    }
    /* The waiting thread is one of them: n CPUs need n - 1 more threads. */
    int32_t threads = o->threads == 0 ? n_cpus() : o->threads;
    int32_t workers = threads == AIP_THREADS_NONE ? 0 : threads - 1;
    aip__pool *pool = NULL;
    AIP__TRY(aip__pool_create(ctx, workers, &pool, &ctx->executor, err));
    ctx->pool = pool;
    return AIP_OK;
}

typedef int32_t (*register_fn)(aip_context *ctx, aip_error **err);
static const register_fn rooms[] = {aip__formats_register,   aip__connectors_register, aip__metrics_register,
                                    aip__transform_register, aip__train_register,      aip__dag_register};

static int32_t fill(aip_context *ctx, const aip_context_options *o, aip_error **err) {
    AIP__TRY(aip__exec_create(ctx, &ctx->exec, err));
    AIP__TRY(make_executor(ctx, o, err));
    AIP__TRY(aip__modules_create(ctx, err));
    AIP__TRY(aip__catalog_create(ctx, &ctx->catalog, err));
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) AIP__TRY(rooms[i](ctx, err));
    aip__catalog_built_in_done(ctx);
    snprintf(ctx->profile, sizeof ctx->profile, "%s;openblas-%s", aip__cpu_name(aip__cpu()), aip__blas_core());
    return AIP_OK;
}

int32_t aip_context_create(const aip_context_options *options, aip_context **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!out) return aip__error_set(err, AIP_E_MISUSE, "aip_context_create: out is NULL");
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    if (options) AIP__TRY(aip__struct_copy(&o, sizeof o, options, "aip_context_options", err));
    aip_context *ctx = NULL;
    AIP__TRY(aip__context_init(&o, &ctx, err));
    ctx->at_close = at_close;
    ctx->at_free = at_free;
    int32_t status = fill(ctx, &o, err);
    if (status != AIP_OK) {
        if (!ctx->pool) ctx->executor.shutdown = NULL; /* the host's: it has no context to be told of */
        aip_context_free(ctx);
        return status;
    }
    *out = ctx;
    return AIP_OK;
}

void aip_context_close(aip_context *ctx) {
    if (!ctx || atomic_exchange(&ctx->closed, true)) return;
    if (ctx->closing) aip_cancel_request(ctx->closing);
    if (ctx->at_close) ctx->at_close(ctx);
}

void aip_context_free(aip_context *ctx) {
    if (!ctx) return;
    aip_context_close(ctx);
    aip__context_release(ctx);
}
