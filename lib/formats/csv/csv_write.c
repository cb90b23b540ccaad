/* Batches to CSV text (RFC 4180, lines end with LF). Fields are quoted by libcsv, and only where they must be: a delimiter, quote or line end
 * inside, empty text, text that reads as a null marker, a byte order mark in front. What is written reads back to the same values. */
#include "formats/csv/csv.h"

#include "base/checked.h"
#include "data/convert.h"
#include <csv.h>
#include <string.h>

const aip_param_spec aip__csv_write_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "delimiter", "One byte between fields; null: a tab for .tsv files, else a comma",
     "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "header", "Begin with the column names", "true", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "null_value", "What stands for null", "\"\"", NULL, 0, 0, 0, 0},
};
_Static_assert(sizeof aip__csv_write_params / sizeof *aip__csv_write_params == AIP__CSV_N_WRITE_PARAMS, "the count in csv.h");

/* Texts that a reader takes for null by default: written in quotes when they are text. */
static const char *const null_markers[] = {"NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "None"};

typedef struct csv_writer {
    aip_context *ctx;
    char delimiter;
    char *null_value;
    size_t null_n;
    bool special[256]; /* bytes that need quotes */
    const aip_schema *schema;
    char *quoted; /* scratch for libcsv */
    size_t quoted_size;
} csv_writer;

static bool needs_quotes(const csv_writer *w, const char *s, size_t n) {
    bool any = n == 0 || (n == w->null_n && memcmp(s, w->null_value, n) == 0) || (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0);
    for (size_t i = 0; i < n && !any; i++) any = w->special[(unsigned char)s[i]];
    for (size_t i = 0; i < sizeof null_markers / sizeof *null_markers && !any; i++)
        any = strlen(null_markers[i]) == n && memcmp(null_markers[i], s, n) == 0;
    return any;
}

static int32_t put_text(csv_writer *w, const char *s, size_t n, aip__text *to, aip_error **err) {
    if (!needs_quotes(w, s, n)) {
        aip__text_add(to, s, n);
        return AIP_OK;
    }
    size_t need = 0;
    if (aip__mul_size(n, 2, &need) || aip__add_size(need, 2, &need)) return aip__error_nomem(err);
    if (aip__grow(w->ctx, &w->quoted, &w->quoted_size, need, 1) != 0) return aip__error_memory(w->ctx, err);
    need = csv_write2(w->quoted, w->quoted_size, s, n, '"');
    aip__text_add(to, w->quoted, need);
    return AIP_OK;
}

static int32_t check_types(const aip_schema *schema, aip_error **err) {
    for (int32_t i = 0; i < schema->n; i++) {
        if (schema->fields[i].type != AIP_BINARY) continue;
        aip__error_set(err, AIP_E_UNSUPPORTED, "column '%s' is binary: CSV holds text only", schema->fields[i].name);
        aip__error_at_data_column(err, schema->fields[i].name);
        return AIP_E_UNSUPPORTED;
    }
    return AIP_OK;
}

static int32_t setup(csv_writer *w, const aip_params *params, const char *extension, aip_error **err) {
    const char *delimiter = aip_params_string(params, "delimiter"), *null_value = aip_params_string(params, "null_value");
    if (!delimiter || !*delimiter) delimiter = strcmp(extension, "tsv") == 0 ? "\t" : ",";
    if (delimiter[1] || strchr("\"\r\n", *delimiter) || (unsigned char)*delimiter >= 0x80) {
        aip__error_set(err, AIP_E_PARAM, "csv: delimiter: expected one ASCII character that is not a quote or line end, found %s",
                       aip_params_json(params, "delimiter"));
        aip__error_at_parameter(err, "delimiter");
        return AIP_E_PARAM;
    }
    w->delimiter = *delimiter;
    w->special[(unsigned char)*delimiter] = w->special['"'] = w->special['\r'] = w->special['\n'] = true;
    for (const char *c = null_value; *c; c++) {
        if (!w->special[(unsigned char)*c]) continue;
        aip__error_set(err, AIP_E_PARAM, "csv: null_value: it may not hold a delimiter, quote or line end");
        aip__error_at_parameter(err, "null_value");
        return AIP_E_PARAM;
    }
    /* In a table of one column an empty null would be an empty line, which readers drop. */
    if (!*null_value && w->schema->n == 1) null_value = "NA";
    w->null_value = aip__strdup(w->ctx, null_value);
    w->null_n = strlen(null_value);
    return w->null_value ? AIP_OK : aip__error_memory(w->ctx, err);
}

static int32_t put_header(csv_writer *w, aip__text *to, aip_error **err) {
    for (int32_t i = 0; i < w->schema->n; i++) {
        const char *name = w->schema->fields[i].name;
        if (i > 0) aip__text_char(to, w->delimiter);
        AIP__TRY(put_text(w, name, strlen(name), to, err));
    }
    aip__text_char(to, '\n');
    return AIP_OK;
}

void aip__csv_write_free(void *writer) {
    csv_writer *w = writer;
    if (!w) return;
    aip__free(w->ctx, w->null_value);
    aip__free(w->ctx, w->quoted);
    aip__free(w->ctx, w);
}

int32_t aip__csv_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                             aip__text *to, void **writer, aip_error **err) {
    AIP__TRY(check_types(schema, err));
    csv_writer *w = aip__calloc(ctx, 1, sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    w->ctx = ctx;
    w->schema = schema;
    int32_t status = setup(w, params, extension, err);
    if (status == AIP_OK && aip_params_bool(params, "header") && schema->n > 0) status = put_header(w, to, err);
    if (status != AIP_OK) {
        aip__csv_write_free(w);
        return status;
    }
    *writer = w;
    return AIP_OK;
}

static int32_t put_value(csv_writer *w, const aip__column *c, const aip_field *f, int64_t i, aip__text *to, aip_error **err) {
    char out[64];
    size_t n = 0;
    const char *text = NULL;
    switch (c->type) {
    case AIP_BOOL:
        if (aip__bit_get(aip__column_bits(c), i))
            aip__text_add(to, "true", 4);
        else
            aip__text_add(to, "false", 5);
        return AIP_OK;
    case AIP_INT32: n = aip__format_i64(out, aip__column_i32(c)[i]); break;
    case AIP_INT64: n = aip__format_i64(out, aip__column_i64(c)[i]); break;
    case AIP_FLOAT32: n = aip__format_f64(out, (double)aip__column_f32(c)[i]); break;
    case AIP_FLOAT64: n = aip__format_f64(out, aip__column_f64(c)[i]); break;
    case AIP_DATE32: n = aip__format_date(out, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(out, aip__column_i64(c)[i], f->zone != NULL); break;
    case AIP_DECIMAL64: n = aip__format_decimal(out, aip__column_i64(c)[i], f->scale); break;
    default: /* utf8, dictionary */ text = aip__column_text(c, i, &n); return put_text(w, text, n, to, err);
    }
    /* A delimiter such as '.' or '-' may stand in a number. */
    for (size_t k = 0; k < n; k++)
        if (out[k] == w->delimiter) return put_text(w, out, n, to, err);
    aip__text_add(to, out, n);
    return AIP_OK;
}

int32_t aip__csv_write_batch(void *writer, const aip_batch *batch, aip__text *to, aip_error **err) {
    csv_writer *w = writer;
    for (int64_t r = 0; r < batch->n_rows; r++) {
        for (int32_t i = 0; i < batch->n_columns; i++) {
            const aip__column *c = batch->columns[i];
            if (i > 0) aip__text_char(to, w->delimiter);
            if (aip__valid(c->validity, r))
                AIP__TRY(put_value(w, c, &w->schema->fields[i], r, to, err));
            else
                aip__text_add(to, w->null_value, w->null_n);
        }
        aip__text_char(to, '\n');
    }
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

int32_t aip__csv_write_end(void *writer, aip__text *to, aip_error **err) {
    csv_writer *w = writer;
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}
