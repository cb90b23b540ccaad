/* The fixtures of the base room's tests. */
#include "base_fixture.h"

#include <stdlib.h>
#include <string.h>

aip_context *fixture_context(const aip_context_options *options) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    ck_assert_int_eq(aip__context_init(options, &ctx, &err), AIP_OK);
    ck_assert_int_eq(aip__catalog_create(ctx, &ctx->catalog, &err), AIP_OK);
    return ctx;
}

void fixture_free(aip_context *ctx) {
    aip__catalog_free(ctx, ctx->catalog);
    ctx->catalog = NULL;
    aip__context_release(ctx);
}

static void *counting_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    counting_allocator *c = user;
    if (new_size > 0) {
        c->calls++;
        if (c->fail_at > 0 && c->calls >= c->fail_at) return NULL;
    }
    void *p = NULL;
    if (new_size > 0) {
        ck_assert_int_eq(posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, new_size), 0);
        if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    c->live_bytes += (int64_t)new_size - (int64_t)old_size;
    c->live_blocks += (new_size > 0) - (ptr != NULL);
    return p;
}

aip_allocator fixture_counting(counting_allocator *counts) {
    *counts = (counting_allocator){0};
    return (aip_allocator){.struct_size = sizeof(aip_allocator), .user = counts, .resize = counting_resize};
}

static int32_t run_once(const aip_context_options *options, int32_t (*use)(aip_context *ctx, aip_error **err), aip_error **err) {
    aip_context *ctx = NULL;
    int32_t status = aip__context_init(options, &ctx, err);
    if (status != AIP_OK) return status;
    status = aip__catalog_create(ctx, &ctx->catalog, err);
    if (status == AIP_OK) status = use(ctx, err);
    ck_assert(status == AIP_OK || *err != NULL);
    fixture_free(ctx);
    return status;
}

int fixture_fail_each_allocation(int32_t (*use)(aip_context *ctx, aip_error **err)) {
    for (int n = 1;; n++) {
        ck_assert_int_lt(n, 10000);
        counting_allocator counts;
        aip_allocator allocator = fixture_counting(&counts);
        aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
        aip_error *err = NULL;
        counts.fail_at = n;
        options.allocator = &allocator;
        int32_t status = run_once(&options, use, &err);
        ck_assert_int_eq(counts.live_blocks, 0);
        ck_assert_int_eq(counts.live_bytes, 0);
        if (status == AIP_OK) {
            ck_assert_int_lt(counts.calls, n); /* it did not succeed over a refusal */
            return n - 1;
        }
        ck_assert_msg(status == AIP_E_NOMEM, "allocation %d: %s", n, aip_error_text(err));
        aip_error_free(err);
    }
}

char *fixture_canonical(aip_context *ctx, bool json, const char *text) {
    aip__document *d = NULL;
    aip_error *err = NULL;
    int32_t status = (json ? aip__json_parse : aip__yaml_parse)(ctx, text, strlen(text), NULL, &d, &err);
    ck_assert_msg(status == AIP_OK, "%s: %s", text, aip_error_text(err));
    aip__text t;
    aip__text_init(&t, ctx);
    aip__node_write(aip__document_root(d), &t);
    ck_assert(!t.failed);
    char *copy = strdup(t.bytes);
    aip__text_free(&t);
    aip__document_free(d);
    return copy;
}
