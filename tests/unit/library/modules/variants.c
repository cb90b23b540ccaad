/* The modules that module_test.c loads, one for each VARIANT (meson.build): good ones register the connector `tally`, which reads one row. */
#define GOOD 1     /* written as the header for authors says */
#define OLDER 2    /* needs only what 0.1.0 had */
#define LATER 3    /* needs a longer table than this library has */
#define FAILS_ 4   /* its start fails */
#define POSITIVE 5 /* its start returns a status of its own, without an error */
#define PLAIN 6    /* a shared object that is no module */
#define NO_SIZE 7  /* exports aip_module_init alone */
#define SYMBOL 8   /* calls the library by symbol */
#define NESTED 9   /* loads itself, and then GOOD, by the name in NESTED_LOADS */

#if VARIANT == OLDER
#define AIP_MODULE_NEEDS AIP_API_UP_TO(stage_free)
#elif VARIANT == LATER
#define AIP_MODULE_NEEDS (sizeof(aip_api) + sizeof(void (*)(void)))
#endif

#if VARIANT == SYMBOL || VARIANT == PLAIN || VARIANT == NO_SIZE
#include <aipipe/aipipe.h>
#else
#include <aipipe/module_author.h>
#endif
#include <stdlib.h>

#if VARIANT == PLAIN
AIP_API int tally_is_no_module(void);
int tally_is_no_module(void) { return 1; }
#elif VARIANT == NO_SIZE
AIP_API int32_t aip_module_init(const struct aip_api *api, aip_context *ctx, aip_error **err);
int32_t aip_module_init(const struct aip_api *api, aip_context *ctx, aip_error **err) {
    (void)api, (void)ctx, (void)err;
    return AIP_OK;
}
#else

#if VARIANT != FAILS_ && VARIANT != POSITIVE
static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_location *location, void **self,
                      aip_error **err) {
    (void)user, (void)params, (void)location, (void)err;
    *self = ctx;
    return AIP_OK;
}
static int32_t schema(void *self, aip_schema **out, aip_error **err) {
    aip_field field = AIP_FIELD_INIT;
    field.name = "n";
    field.type = AIP_INT64;
    return aip_schema_create(self, &field, 1, out, err);
}
static int32_t open_pass(void *self, aip_pass *pass, void **cursor, aip_error **err) {
    (void)self, (void)pass;
    *cursor = calloc(1, sizeof(int));
    return *cursor ? AIP_OK : aip_error_set(err, AIP_E_NOMEM, "out of memory");
}
static int32_t next(void *self, void *cursor, aip_pass *pass, aip_batch **out, aip_error **err) {
    static const int64_t values[1] = {42};
    int *given = cursor;
    aip_schema *of = NULL;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    (void)pass;
    view.type = AIP_INT64;
    view.length = 1;
    view.values = values;
    if ((*given)++) return AIP_OK;
    int32_t status = schema(self, &of, err);
    if (status == AIP_OK) status = aip_batch_create(of, &view, 1, out, err);
    aip_schema_free(of);
    return status;
}
static void close_pass(void *self, void *cursor) {
    (void)self;
    free(cursor);
}

static const aip_connector_ops ops = {
    .struct_size = sizeof ops, .create = create, .schema = schema, .open = open_pass, .next = next, .close = close_pass};
#endif

static int32_t start(aip_context *ctx, aip_error **err) {
#if VARIANT == FAILS_
    (void)ctx;
    return aip_error_set(err, AIP_E_STATE, "the licence has run out");
#elif VARIANT == POSITIVE
    (void)ctx, (void)err;
    return 17;
#else
#if VARIANT == NESTED
    int32_t status = aip_module_load(ctx, NESTED_SELF, err);
    return status == AIP_OK ? aip_module_load(ctx, NESTED_LOADS, err) : status;
#endif
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_CONNECTOR;
    d.name = "tally";
    d.doc = "one row";
    d.ops = &ops;
    return aip_catalog_register(ctx, &d, err);
#endif
}

#if VARIANT == SYMBOL
AIP_API extern const uint32_t aip_module_api_size;
const uint32_t aip_module_api_size = 8;
AIP_API int32_t aip_module_init(const struct aip_api *api, aip_context *ctx, aip_error **err);
int32_t aip_module_init(const struct aip_api *api, aip_context *ctx, aip_error **err) {
    (void)api;
    return start(ctx, err);
}
#else
AIP_MODULE_DEFINE(start)
#endif
#endif
