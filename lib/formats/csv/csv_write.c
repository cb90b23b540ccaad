/* Batches to CSV text (RFC 4180, lines end with LF). Fields are quoted by libcsv, and only where they must be: a delimiter, quote, line end or
 * NUL inside, empty text, text that reads as a null marker, a byte order mark in front. What is written reads back to the same values. */
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

typedef struct csv_writer { /* immutable once begun: many threads write with it at once */
    aip_context *ctx;
    char delimiter;
    char *null_value;
    size_t null_n;
    bool number_delimiter; /* the delimiter may stand in a number, a date or true and false */
    const aip_schema *schema;
} csv_writer;

/* ---- one cell: `at` has room for it -------------------------------------------------------------------------------------------------------- */

#define NUMBER_BYTES ((size_t)64) /* the most that data/convert.h writes */

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static bool special16(const csv_writer *w, bytes16 x) {
    uint64_t found[2];
    x = (bytes16)((x == (uint8_t)w->delimiter) | (x == '"') | (x == '\r') | (x == '\n')
                  | (x == 0)); /* NUL is text in quotes only */
    memcpy(found, &x, sizeof found);
    return (found[0] | found[1]) != 0;
}

/* Most texts are short: all of their bytes, some of them twice, fit one vector. n is 1 to 16. */
static bytes16 load_short(const char *s, size_t n) {
    uint8_t all[16];
    memset(all, 0xff, sizeof all); /* which is not special */
    if (n >= 8) {
        memcpy(all, s, 8);
        memcpy(all + 8, s + n - 8, 8);
    } else if (n >= 4) {
        memcpy(all, s, 4);
        memcpy(all + 4, s + n - 4, 4);
    } else {
        all[0] = (uint8_t)s[0], all[1] = (uint8_t)s[n / 2], all[2] = (uint8_t)s[n - 1];
    }
    bytes16 x;
    memcpy(&x, all, sizeof x);
    return x;
}

static void copy_short(char *to, const char *s, size_t n) {
    char a[8], b[8];
    if (n >= 8) {
        memcpy(a, s, 8), memcpy(b, s + n - 8, 8);
        memcpy(to, a, 8), memcpy(to + n - 8, b, 8);
    } else if (n >= 4) {
        memcpy(a, s, 4), memcpy(b, s + n - 4, 4);
        memcpy(to, a, 4), memcpy(to + n - 4, b, 4);
    } else {
        to[0] = s[0], to[n / 2] = s[n / 2], to[n - 1] = s[n - 1];
    }
}

static bool any_special(const csv_writer *w, const char *s, size_t n) {
    if (n <= sizeof(bytes16)) return n > 0 && special16(w, load_short(s, n));
    bytes16 x;
    for (size_t i = 0; i < n - sizeof x; i += sizeof x) {
        memcpy(&x, s + i, sizeof x);
        if (special16(w, x)) return true;
    }
    memcpy(&x, s + n - sizeof x, sizeof x);
    return special16(w, x);
}

static bool null_marker(const char *s, size_t n) {
    if (n > 4 || (*s != 'N' && *s != 'n')) return false;
    for (size_t i = 0; i < sizeof null_markers / sizeof *null_markers; i++)
        if (strlen(null_markers[i]) == n && memcmp(null_markers[i], s, n) == 0) return true;
    return false;
}

static bool needs_quotes(const csv_writer *w, const char *s, size_t n) {
    return n == 0 || any_special(w, s, n) || null_marker(s, n) || (n == w->null_n && memcmp(s, w->null_value, n) == 0)
           || (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0);
}

/* At most 2 n + 2 bytes. */
static char *put_text(const csv_writer *w, char *at, const char *s, size_t n) {
    if (needs_quotes(w, s, n)) return at + csv_write2(at, 2 * n + 2, s, n, '"');
    if (n <= 16)
        copy_short(at, s, n);
    else
        memcpy(at, s, n);
    return at + n;
}

/* At most 2 NUMBER_BYTES + 2. */
static char *put_number(const csv_writer *w, char *at, const aip__column *c, const aip_field *f, int64_t i) {
    char quoted[NUMBER_BYTES];
    char *out = w->number_delimiter ? quoted : at;
    size_t n = 0;
    switch (c->type) {
    case AIP_BOOL:
        n = aip__bit_get(aip__column_bits(c), i) ? 4 : 5;
        memcpy(out, n == 4 ? "true" : "false", n);
        break;
    case AIP_INT32: n = aip__format_i64(out, aip__column_i32(c)[i]); break;
    case AIP_INT64: n = aip__format_i64(out, aip__column_i64(c)[i]); break;
    case AIP_FLOAT32: n = aip__format_f64(out, (double)aip__column_f32(c)[i]); break;
    case AIP_FLOAT64: n = aip__format_f64(out, aip__column_f64(c)[i]); break;
    case AIP_DATE32: n = aip__format_date(out, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(out, aip__column_i64(c)[i], f->zone != NULL); break;
    default: n = aip__format_decimal(out, aip__column_i64(c)[i], f->scale); break;
    }
    if (!w->number_delimiter) return at + n;
    if (any_special(w, quoted, n)) return at + csv_write2(at, 2 * n + 2, quoted, n, '"');
    memcpy(at, quoted, n);
    return at + n;
}

/* ---- begin ------------------------------------------------------------------------------------------------------------------------------------ */

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
    w->number_delimiter = strchr("+-.:", *delimiter) || (*delimiter >= '0' && *delimiter <= '9')
                          || (*delimiter >= 'A' && *delimiter <= 'Z') || (*delimiter >= 'a' && *delimiter <= 'z');
    if (any_special(w, null_value, strlen(null_value))) {
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

static int32_t put_header(const csv_writer *w, aip__text *to, aip_error **err) {
    for (int32_t i = 0; i < w->schema->n; i++) {
        const char *name = w->schema->fields[i].name;
        size_t n = strlen(name), need = 0;
        if (aip__mul_size(n, 2, &need) || aip__add_size(need, 3, &need)) return aip__error_nomem(err);
        char *start = aip__text_reserve(to, need), *at = start;
        if (!at) return aip__error_memory(w->ctx, err);
        if (i > 0) *at++ = w->delimiter;
        to->n += (size_t)(put_text(w, at, name, n) - start);
    }
    aip__text_char(to, '\n');
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}

void aip__csv_write_free(void *writer) {
    csv_writer *w = writer;
    if (!w) return;
    aip__free(w->ctx, w->null_value);
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

/* ---- batches ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct pen { /* writes into a text without asking it for each byte */
    aip__text *to;
    char *at, *end;
} pen;

/* Room for n more bytes. */
static bool more(pen *p, size_t n) {
    if (p->at && (size_t)(p->end - p->at) >= n) return true;
    if (p->at) p->to->n = (size_t)(p->at - p->to->bytes);
    p->at = aip__text_reserve(p->to, n);
    p->end = p->at ? p->to->bytes + p->to->capacity : NULL;
    return p->at != NULL;
}

static bool put_row(const csv_writer *w, pen *p, const aip_batch *batch, int64_t r) {
    const size_t cell = 2 * NUMBER_BYTES + 2 + w->null_n + 2; /* with the delimiter before it and the line feed behind it */
    for (int32_t i = 0; i < batch->n_columns; i++) {
        const aip__column *c = batch->columns[i];
        const char *text = NULL;
        size_t n = 0, need = cell;
        bool is_text = c->type == AIP_UTF8 || c->type == AIP_DICTIONARY, valid = aip__valid(c->validity, r);
        if (is_text && valid) {
            text = aip__column_text(c, r, &n); /* under 2^31 bytes */
            need += 2 * n;
        }
        if (!more(p, need)) return false;
        if (i > 0) *p->at++ = w->delimiter;
        if (!valid) {
            memcpy(p->at, w->null_value, w->null_n);
            p->at += w->null_n;
        } else {
            p->at = is_text ? put_text(w, p->at, text, n) : put_number(w, p->at, c, &w->schema->fields[i], r);
        }
    }
    if (!more(p, 1)) return false;
    *p->at++ = '\n';
    return true;
}

int32_t aip__csv_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err) {
    const csv_writer *w = writer;
    pen p = {.to = to};
    for (int64_t r = 0; r < batch->n_rows; r++)
        if (!put_row(w, &p, batch, r)) return aip__error_memory(w->ctx, err);
    if (p.at) to->n = (size_t)(p.at - to->bytes);
    return AIP_OK;
}

int32_t aip__csv_write_end(void *writer, aip__text *to, aip_error **err) {
    csv_writer *w = writer;
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}
