/* Batches to JSON: an object for each row, on a line of its own (ndjson), or these as the elements of one array (json). Numbers are written so that
 * they read back to the same values, dates and times as text. A batch's text depends on the batch alone: in an array each row begins with the comma
 * before it, and the first one's becomes the opening bracket when its turn has come. */
#include "formats/json/json.h"

#include "base/memory.h"
#include "data/convert.h"
#include <math.h>
#include <string.h>

const aip_param_spec aip__json_write_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "non_finite",
     "NaN and infinities, which JSON has no numbers for: error, null, text (\"nan\", \"inf\", \"-inf\", which read back as numbers)",
     "\"error\"", "error|null|text", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "omit_nulls", "Leave fields that are null out of their row", "false", NULL, 0, 0, 0,
     0},
};
_Static_assert(sizeof aip__json_write_params / sizeof *aip__json_write_params == AIP__JSON_N_WRITE_PARAMS, "the count in json.h");

typedef enum { REFUSE, AS_NULL, AS_TEXT } non_finite;

typedef struct json_writer {
    aip_context *ctx;
    const aip_schema *schema;
    non_finite non_finite;
    bool list, omit_nulls;
    bool begun;      /* of a list: a row was placed */
    aip__text names; /* "name": of each column, one after the other */
    size_t *ends;    /* in names, of each column */
} json_writer;

static const char plain[256] = {
#define ROW1 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    [0x20] = 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1,    1,    1,    1,    1,    ROW1, ROW1, 1,    1,    1,   1, 1,
    1,          1, 1, 1, 1, 1, 1, 0, 1, 1, 1, ROW1, ROW1, ROW1, ROW1, ROW1, ROW1, ROW1, ROW1, ROW1, ROW1
#undef ROW1
};

static void put_string(aip__text *to, const char *s, size_t n) {
    static const char letters[] = "\b\f\n\r\t\"\\", meanings[] = "bfnrt\"\\", hex[] = "0123456789abcdef";
    aip__text_char(to, '"');
    for (size_t i = 0, run = 0;; i++) {
        while (i < n && plain[(uint8_t)s[i]]) i++;
        aip__text_add(to, s + run, i - run);
        if (i == n) break;
        const char *letter = memchr(letters, s[i], sizeof letters - 1);
        char code[6] = {'\\', letter ? meanings[letter - letters] : 'u', '0', '0', hex[s[i] >> 4 & 15], hex[s[i] & 15]};
        aip__text_add(to, code, letter ? 2 : 6);
        run = i + 1;
    }
    aip__text_char(to, '"');
}

static int32_t check_types(const aip_schema *schema, aip_error **err) {
    for (int32_t i = 0; i < schema->n; i++) {
        if (schema->fields[i].type != AIP_BINARY) continue;
        aip__error_set(err, AIP_E_UNSUPPORTED, "column '%s' is binary: JSON holds text only", schema->fields[i].name);
        aip__error_at_data_column(err, schema->fields[i].name);
        return AIP_E_UNSUPPORTED;
    }
    return AIP_OK;
}

void aip__json_write_free(void *writer) {
    json_writer *w = writer;
    if (!w) return;
    aip__text_free(&w->names);
    aip__free(w->ctx, w->ends);
    aip__free(w->ctx, w);
}

static int32_t begin(aip_context *ctx, const aip_params *params, const aip_schema *schema, bool list, void **writer,
                     aip_error **err) {
    AIP__TRY(check_types(schema, err));
    const char *how = aip_params_string(params, "non_finite");
    json_writer *w = aip__calloc(ctx, 1, sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    w->ctx = ctx;
    w->schema = schema;
    w->list = list;
    w->non_finite = strcmp(how, "null") == 0 ? AS_NULL : strcmp(how, "text") == 0 ? AS_TEXT : REFUSE;
    w->omit_nulls = aip_params_bool(params, "omit_nulls") != 0;
    w->ends = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *w->ends);
    aip__text_init(&w->names, ctx);
    for (int32_t i = 0; w->ends && i < schema->n; i++) {
        put_string(&w->names, schema->fields[i].name, strlen(schema->fields[i].name));
        aip__text_char(&w->names, ':');
        w->ends[i] = w->names.n;
    }
    if (!w->ends || w->names.failed) {
        aip__json_write_free(w);
        return aip__error_memory(ctx, err);
    }
    *writer = w;
    return AIP_OK;
}

int32_t aip__ndjson_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                                aip__text *to, void **writer, aip_error **err) {
    (void)extension, (void)to;
    return begin(ctx, params, schema, false, writer, err);
}

int32_t aip__json_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                              aip__text *to, void **writer, aip_error **err) {
    (void)extension, (void)to;
    return begin(ctx, params, schema, true, writer, err);
}

static int32_t put_real(const json_writer *w, double v, const aip_field *f, aip__text *to, aip_error **err) {
    char out[64];
    if (isfinite(v)) {
        aip__text_add(to, out, aip__format_f64(out, v));
        return AIP_OK;
    }
    if (w->non_finite == AS_NULL) {
        aip__text_add(to, "null", 4);
        return AIP_OK;
    }
    size_t n = aip__format_f64(out, v);
    if (w->non_finite == AS_TEXT) {
        put_string(to, out, n);
        return AIP_OK;
    }
    aip__error_set(err, AIP_E_DATA, "column '%s': JSON has no number for %.*s (set non_finite: null or text)", f->name, (int)n,
                   out);
    aip__error_at_data_column(err, f->name);
    return AIP_E_DATA;
}

static int32_t put_value(const json_writer *w, const aip__column *c, const aip_field *f, int64_t i, aip__text *to,
                         aip_error **err) {
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
    case AIP_INT32: aip__text_add(to, out, aip__format_i64(out, aip__column_i32(c)[i])); return AIP_OK;
    case AIP_INT64: aip__text_add(to, out, aip__format_i64(out, aip__column_i64(c)[i])); return AIP_OK;
    case AIP_DECIMAL64: aip__text_add(to, out, aip__format_decimal(out, aip__column_i64(c)[i], f->scale)); return AIP_OK;
    case AIP_FLOAT32: return put_real(w, (double)aip__column_f32(c)[i], f, to, err);
    case AIP_FLOAT64: return put_real(w, aip__column_f64(c)[i], f, to, err);
    case AIP_DATE32: n = aip__format_date(out, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(out, aip__column_i64(c)[i], f->zone != NULL); break;
    default: /* utf8, dictionary */
        text = aip__column_text(c, i, &n);
        put_string(to, text, n);
        return AIP_OK;
    }
    put_string(to, out, n);
    return AIP_OK;
}

int32_t aip__json_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err) {
    const json_writer *w = writer;
    for (int64_t r = 0; r < batch->n_rows; r++) {
        bool any = false;
        if (w->list) aip__text_add(to, ",\n", 2);
        aip__text_char(to, '{');
        for (int32_t i = 0; i < batch->n_columns; i++) {
            const aip__column *c = batch->columns[i];
            bool valid = aip__valid(c->validity, r);
            size_t from = i > 0 ? w->ends[i - 1] : 0;
            if (!valid && w->omit_nulls) continue;
            if (any) aip__text_char(to, ',');
            any = true;
            aip__text_add(to, w->names.bytes + from, w->ends[i] - from);
            if (valid)
                AIP__TRY(put_value(w, c, &w->schema->fields[i], r, to, err));
            else
                aip__text_add(to, "null", 4);
        }
        aip__text_add(to, "}\n", w->list ? 1 : 2);
    }
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

int32_t aip__json_write_place(void *writer, int64_t n_rows, aip__text *text, aip_error **err) {
    json_writer *w = writer;
    (void)err;
    if (n_rows > 0 && !w->begun) {
        text->bytes[0] = '[';
        w->begun = true;
    }
    return AIP_OK;
}

int32_t aip__json_write_end(void *writer, aip__text *to, aip_error **err) {
    json_writer *w = writer;
    if (w->list) aip__text_str(to, w->begun ? "\n]\n" : "[]\n");
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}
