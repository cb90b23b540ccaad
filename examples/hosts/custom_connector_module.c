/* custom_connector_module.c: a loadable module that brings a connector, `readings`: text files with a line `SENSOR VALUE` for each reading. Lines
 * that are none are rejected with their number, and stand in the rejects table.
 *
 *   aipipe inspect readings:garden.txt --module ./custom_connector_module.so
 *
 * It is linked with nothing: every aip_x(...) below is a call through the table that the library gives (aipipe/module_author.h). */
#include <aipipe/module_author.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 4096 /* of a batch */
#define NAME 32

typedef struct readings { /* of one dataset */
    aip_context *ctx;
    char *path;
    double missing; /* the value that stands for none */
} readings;

typedef struct cursor { /* of one pass */
    FILE *file;
    int64_t line;
    double values[ROWS];
    int32_t offsets[ROWS + 1];
    char names[ROWS * NAME];
    uint8_t valid[ROWS / 8];
} cursor;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_location *at, void **self,
                      aip_error **err) {
    (void)user;
    /* what is relative starts at the DAG file's folder */
    size_t n = strlen(at->rest) + (at->base_dir ? strlen(at->base_dir) : 0) + 2;
    if (!*at->rest) return aip_error_set(err, AIP_E_PARAM, "expected a file, as in readings:garden.txt");
    readings *r = calloc(1, sizeof *r);
    char *path = r ? malloc(n) : NULL;
    if (!path) {
        free(r);
        return aip_error_set(err, AIP_E_NOMEM, "out of memory");
    }
    if (at->base_dir && at->rest[0] != '/')
        snprintf(path, n, "%s/%s", at->base_dir, at->rest);
    else
        snprintf(path, n, "%s", at->rest);
    *r = (readings){ctx, path, aip_params_float(params, "missing")};
    *self = r;
    return AIP_OK;
}

static void destroy(void *self) {
    free(((readings *)self)->path);
    free(self);
}

static int32_t schema(void *self, aip_schema **out, aip_error **err) {
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    fields[0].name = "sensor", fields[0].type = AIP_UTF8;
    fields[1].name = "value", fields[1].type = AIP_FLOAT64;
    return aip_schema_create(((readings *)self)->ctx, fields, 2, out, err);
}

static int32_t open_pass(void *self, aip_pass *pass, void **out, aip_error **err) {
    (void)pass;
    cursor *c = calloc(1, sizeof *c);
    if (!c) return aip_error_set(err, AIP_E_NOMEM, "out of memory");
    c->file = fopen(((readings *)self)->path, "r");
    if (!c->file) {
        free(c);
        return aip_error_set(err, errno == ENOENT ? AIP_E_NOT_FOUND : AIP_E_IO, strerror(errno));
    }
    *out = c;
    return AIP_OK;
}

static void close_pass(void *self, void *p) {
    (void)self;
    fclose(((cursor *)p)->file);
    free(p);
}

/* Lines until the batch is full or the file ends; *n rows. */
static int32_t fill(const readings *r, cursor *c, aip_pass *pass, int32_t *n, aip_error **err) {
    char line[128], after;
    for (*n = 0; *n < ROWS && fgets(line, sizeof line, c->file);) {
        double value = 0;
        char name[NAME];
        size_t length = strcspn(line, "\n");
        line[length] = 0;
        c->line++;
        if (length == 0) continue;
        if (sscanf(line, "%31s %lf %c", name, &value, &after) != 2) {
            int32_t status = aip_pass_reject(pass, c->line, NULL, -1, "expected SENSOR VALUE", line, length, err);
            if (status != AIP_OK) return status;
            continue;
        }
        int32_t at = c->offsets[*n], bytes = (int32_t)strlen(name);
        memcpy(c->names + at, name, (size_t)bytes);
        c->offsets[*n + 1] = at + bytes;
        c->values[*n] = value;
        if (value != r->missing) c->valid[*n / 8] = (uint8_t)(c->valid[*n / 8] | 1 << *n % 8);
        (*n)++;
    }
    return ferror(c->file) ? aip_error_set(err, AIP_E_IO, "cannot read on") : AIP_OK;
}

static int32_t next(void *self, void *p, aip_pass *pass, aip_batch **out, aip_error **err) {
    cursor *c = p;
    int32_t n = 0;
    aip_schema *of = NULL;
    aip_column_view columns[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    memset(c->valid, 0, sizeof c->valid);
    int32_t status = fill(self, c, pass, &n, err);
    if (status != AIP_OK || n == 0) return status; /* *out stays NULL: the end */
    columns[0].type = AIP_UTF8;
    columns[0].values = c->names;
    columns[0].offsets = c->offsets;
    columns[1].type = AIP_FLOAT64;
    columns[1].values = c->values;
    columns[1].validity = c->valid;
    columns[1].null_count = -1; /* to be counted */
    columns[0].length = columns[1].length = n;
    status = schema(self, &of, err);
    if (status == AIP_OK) status = aip_batch_create(of, columns, 2, out, err); /* copies */
    aip_schema_free(of);
    return status;
}

static const aip_connector_ops ops = {.struct_size = sizeof ops,
                                      .create = create,
                                      .destroy = destroy,
                                      .schema = schema,
                                      .open = open_pass,
                                      .next = next,
                                      .close = close_pass};

static const aip_param_spec params[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_FLOAT,
     .name = "missing",
     .doc = "The value that stands for none",
     .default_json = "-999"},
};

static int32_t start(aip_context *ctx, aip_error **err) {
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_CONNECTOR;
    d.name = "readings";
    d.doc = "Text files with a line SENSOR VALUE for each reading";
    d.params = params;
    d.n_params = 1;
    d.ops = &ops;
    return aip_catalog_register(ctx, &d, err);
}

AIP_MODULE_DEFINE(start)
