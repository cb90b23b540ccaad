/* Tables of any texts, written as CSV and read back by libcsv: the same fields, null and empty text told apart. The first byte chooses delimiter
 * and columns; then cells follow, each ended by a byte: 0xff text, 0xfe null. */
#include "data/schema.h"
#include "formats/csv/csv.h"
#include "fuzz.h"
#include <csv.h>

#define MAX_CELLS 4096
#define N_DELIMITERS 8
#define MOST_COLUMNS 4

static fuzz_host host;
static const char delimiters[] = ",;\t|.-0e";
static aip_params *params[N_DELIMITERS];
static aip_schema *schemas[MOST_COLUMNS + 1]; /* of 1 to 4 columns */

typedef struct {
    const char *text; /* NULL: null */
    size_t n;
} cell;

static cell cells[MAX_CELLS];
static size_t n_cells, n_read;
static size_t n_columns;
static const char *null_value;

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

static void set_up(void) {
    static const char *const names[MOST_COLUMNS] = {"a", "b", "c", "d"};
    aip_context *ctx = host.ctx = fuzz_make((uint64_t)256 << 20);
    aip_field fields[MOST_COLUMNS];
    aip_descriptor table = AIP_DESCRIPTOR_INIT;
    table.kind = AIP_KIND_OPERATOR;
    table.name = "write";
    table.params = aip__csv_write_params;
    table.n_params = AIP__CSV_N_WRITE_PARAMS;
    for (int i = 0; i < N_DELIMITERS; i++) {
        char text[64], c = delimiters[i];
        snprintf(text, sizeof text, "{\"delimiter\": \"%s%c\", \"header\": false}", c == '\t' ? "\\" : "", c == '\t' ? 't' : c);
        must(aip__params_parse(ctx, &table, text, &params[i], NULL) == AIP_OK, "parameters");
    }
    for (int32_t n = 1; n <= MOST_COLUMNS; n++) {
        fields[n - 1] = aip__field(names[n - 1], AIP_UTF8);
        must(aip_schema_create(ctx, fields, n, &schemas[n], NULL) == AIP_OK, "schema");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (!host.ctx) set_up();
    aip_context *ctx = host.ctx;
    char delimiter = delimiters[data[0] % N_DELIMITERS];
    n_columns = (size_t)data[0] / 8 % MOST_COLUMNS + 1;
    fuzz_begin(&host);
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

    aip__column *columns[MOST_COLUMNS] = {NULL};
    aip_schema *schema = schemas[n_columns];
    aip_batch *batch = NULL;
    void *writer = NULL;
    aip__text out;
    aip__text_init(&out, ctx);
    for (size_t c = 0; c < n_columns; c++) {
        aip__utf8_builder b;
        must(aip__utf8_begin(&b, ctx, AIP_UTF8, 1, 1, NULL) == AIP_OK, "column");
        for (size_t i = c; i < n_cells; i += n_columns)
            must((cells[i].text ? aip__utf8_add(&b, cells[i].text, cells[i].n, NULL) : aip__utf8_add_null(&b, NULL)) == AIP_OK,
                 "cell");
        must(aip__utf8_end(&b, &columns[c], NULL) == AIP_OK, "column");
    }
    must(aip__batch_new(schema, (int64_t)(n_cells / n_columns), columns, &batch, NULL) == AIP_OK, "batch");
    must(aip__csv_write_begin(ctx, params[data[0] % N_DELIMITERS], "csv", schema, &out, &writer, NULL) == AIP_OK, "begin");
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
    aip_batch_free(batch);
    aip__text_free(&out);
    free(bytes);
    fuzz_end(&host);
    return 0;
}
