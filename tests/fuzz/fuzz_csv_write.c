/* Tables of any texts, written as CSV and read back by libcsv: the same fields, null and empty text told apart. The first byte chooses delimiter
 * and columns; then cells follow, each ended by a byte: 0xff text, 0xfe null. */
#include "data/schema.h"
#include "exec/group.h"
#include "formats/csv/csv.h"
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CELLS 4096

typedef struct {
    const char *text; /* NULL: null */
    size_t n;
} cell;

static cell cells[MAX_CELLS];
static size_t n_cells, n_read;
static size_t n_columns;
static const char *null_value;

static void must(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz_csv_write: %s\n", what);
    abort();
}

static int never(unsigned char c) {
    (void)c;
    return 0;
}

static void on_field(void *text, size_t n, void *user) {
    (void)user;
    must(n_read < n_cells, "more fields than were written");
    const cell *c = &cells[n_read++];
    if (!c->text) {
        must(*null_value ? text && n == strlen(null_value) && memcmp(text, null_value, n) == 0 : text == NULL,
             "null is not null");
        return;
    }
    must(text != NULL, "text is null");
    must(n == c->n && memcmp(text, c->text, n) == 0, "another text than was written");
}

static void on_row(int c, void *user) {
    (void)c, (void)user;
    must(n_read % n_columns == 0, "a row of another length");
}

static int32_t refuse(void *user, aip_job *job) {
    (void)user, (void)job;
    return AIP_E_AGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char delimiters[] = ",;\t|.-0e";
    if (size == 0) return 0;
    char delimiter = delimiters[data[0] % 8], parameters[64];
    n_columns = (size_t)data[0] / 8 % 4 + 1;
    null_value = n_columns == 1 ? "NA" : "";
    char *bytes = malloc(size);
    must(bytes != NULL, "memory");
    n_cells = n_read = 0;
    size_t at = 0;
    for (size_t i = 1, start = 0; i < size && n_cells < MAX_CELLS; i++) {
        if (data[i] < 0xfe) {
            bytes[at++] = (char)data[i];
            continue;
        }
        cells[n_cells++] = (cell){.text = data[i] == 0xff ? bytes + start : NULL, .n = at - start};
        start = at;
    }
    n_cells -= n_cells % n_columns;

    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    must(aip__context_init(&o, &ctx, NULL) == AIP_OK, "context");
    must(aip__exec_create(ctx, &ctx->exec, NULL) == AIP_OK, "exec");
    ctx->executor = (aip_executor_callbacks)AIP_EXECUTOR_CALLBACKS_INIT;
    ctx->executor.submit = refuse;
    must(aip__catalog_create(ctx, &ctx->catalog, NULL) == AIP_OK, "catalogue");

    aip_field fields[4];
    static const char *const names[4] = {"a", "b", "c", "d"};
    aip__column *columns[4] = {NULL};
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    aip_params *params = NULL;
    void *writer = NULL;
    aip__text out;
    aip__text_init(&out, ctx);
    for (size_t c = 0; c < n_columns; c++) {
        aip__utf8_builder b;
        fields[c] = aip__field(names[c], AIP_UTF8);
        must(aip__utf8_begin(&b, ctx, AIP_UTF8, 1, 1, NULL) == AIP_OK, "column");
        for (size_t i = c; i < n_cells; i += n_columns)
            must((cells[i].text ? aip__utf8_add(&b, cells[i].text, cells[i].n, NULL) : aip__utf8_add_null(&b, NULL)) == AIP_OK,
                 "cell");
        must(aip__utf8_end(&b, &columns[c], NULL) == AIP_OK, "column");
    }
    must(aip_schema_create(ctx, fields, (int32_t)n_columns, &schema, NULL) == AIP_OK, "schema");
    must(aip__batch_new(schema, (int64_t)(n_cells / n_columns), columns, &batch, NULL) == AIP_OK, "batch");
    snprintf(parameters, sizeof parameters, "{\"delimiter\": \"%s%c\", \"header\": false}", delimiter == '\t' ? "\\" : "",
             delimiter == '\t' ? 't' : delimiter);
    aip_descriptor table = AIP_DESCRIPTOR_INIT;
    table.kind = AIP_KIND_OPERATOR;
    table.name = "write";
    table.params = aip__csv_write_params;
    table.n_params = AIP__CSV_N_WRITE_PARAMS;
    must(aip__params_parse(ctx, &table, parameters, &params, NULL) == AIP_OK, "parameters");
    must(aip__csv_write_begin(ctx, params, "csv", schema, &out, &writer, NULL) == AIP_OK, "begin");
    must(aip__csv_write_batch(writer, batch, &out, NULL) == AIP_OK, "batch");
    must(aip__csv_write_end(writer, &out, NULL) == AIP_OK, "end");

    struct csv_parser p;
    must(csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) == 0, "libcsv");
    csv_set_delim(&p, (unsigned char)delimiter);
    csv_set_space_func(&p, never);
    must(csv_parse(&p, out.bytes, out.n, on_field, on_row, NULL) == out.n, "libcsv refuses it");
    must(csv_fini(&p, on_field, on_row, NULL) == 0, "libcsv finds it unfinished");
    csv_free(&p);
    must(n_read == n_cells, "fewer fields than were written");

    aip__csv_write_free(writer);
    aip__params_free(params);
    aip_batch_free(batch);
    aip_schema_free(schema);
    aip__text_free(&out);
    free(bytes);
    must(atomic_load(&ctx->refs) == 1, "nothing is left");
    aip__exec_free(ctx, ctx->exec);
    aip__catalog_free(ctx, ctx->catalog);
    aip__context_release(ctx);
    return 0;
}
