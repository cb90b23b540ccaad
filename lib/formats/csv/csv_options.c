/* Parameters of the CSV format, and their check beyond what the table can say. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include <string.h>

const aip_param_spec aip__csv_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "detect",
     "What is found out from the first 128 KiB of each file, where it is not given: delimiter (another one of , ; | and tab where the usual one does not "
     "split the first record, and it splits all into equally many fields), all (delimiter, quote, escape, comment, header, skip_rows, decimal, encoding: as aipipe "
     "inspect tells), none",
     "\"delimiter\"", "delimiter|all|none", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "delimiter",
     "One byte between fields; null: a tab for .tsv files, else a comma, and see detect", "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "quote",
     "One byte around fields that hold delimiters or line feeds, doubled inside; null: none", "\"\\\"\"", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "escape",
     "One byte that makes a quote, delimiter, line end or itself behind it data, in quotes and outside; before any other byte it is data; null: none",
     "null", NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "doubled_quote", "Two quotes in a quoted field are one; false: the first ends it",
     "true", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "quote_errors",
     "Quotes that break the rules: bad_row (see on_bad_row), repair (a quote that does not end its field is data, and so is an opening quote whose "
     "field does not end, or ends at what looks like the next one's opening)",
     "\"bad_row\"", "bad_row|repair", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "comment", "One byte; lines that start with it are dropped", "null", NULL, 0, 0, 1,
     0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "header", "The first record holds the column names", "true", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "names",
     "Names of all columns of the file, in place of the header's; null: from the header, or column_1, column_2, ...", "null",
     NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "duplicate_names",
     "Columns of one name: error, number (the second a is a_2, the third a_3)", "\"error\"", "error|number", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "skip_rows", "Lines to skip before the header", "0", NULL, 0, 1e15, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "null_values", "Cells that mean null",
     "[\"\", \"NA\", \"N/A\", \"n/a\", \"null\", \"NULL\", \"NaN\", \"nan\", \"None\"]", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "quoted_null",
     "A quoted null marker is null in text columns too; else it is text, and \"\" is the empty text (in other columns it is null anyway)",
     "false", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "decimal", "Decimal mark, one byte", "\".\"", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "thousands", "Mark between groups of three digits, one byte; null: none", "null",
     NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "date_formats",
     "Formats of strftime (%d/%m/%Y, %m/%d/%y %H:%M), tried in order where a cell is no date or time of ISO 8601; one with a time of day makes "
     "timestamps",
     "[]", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "true_values",
     "Words for true; with false_values in place of true, True, TRUE and their kin", "[]", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRINGS, "false_values", "Words for false, see true_values", "[]", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_STRING, "encoding",
     "Encoding of the text: a name that iconv knows (utf-16, latin-1, windows-1252, ...), or auto, which tells UTF-8, UTF-16 and "
     "Windows-1252 by the first 128 KiB; a byte order mark of UTF-8, UTF-16 or UTF-32 is heeded under utf-8 and auto",
     "\"utf-8\"", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "encoding_errors",
     "Bytes that are no text in the encoding: bad_row (the row is bad, see on_bad_row), replace (by U+FFFD), error (with the offset in the "
     "file, whatever on_bad_row says)",
     "\"bad_row\"", "bad_row|replace|error", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "line_end",
     "What ends a line: lf (LF or CR LF), cr (CR alone, of old Macs), auto (cr where the first 128 KiB have CR outside of quotes and no LF, else "
     "lf)",
     "\"auto\"", "auto|lf|cr", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "ragged",
     "Rows with too few or too many cells: error (a bad row), pad (short rows get nulls), truncate (also, long rows are cut)",
     "\"error\"", "error|pad|truncate", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "max_record_bytes",
     "A longer record is an error: most often a quote that is never closed", "16777216", NULL, 64, 1073741824, 0, 0},
};
_Static_assert(sizeof aip__csv_params / sizeof *aip__csv_params == AIP__CSV_N_PARAMS, "the count in csv.h");

static int32_t one_byte(const aip_params *params, const char *name, int *out, aip_error **err) {
    const char *s = aip_params_string(params, name);
    *out = -1;
    if (!s || !*s) return AIP_OK;
    if (s[1] || *s == '\n' || *s == '\r' || (unsigned char)*s >= 0x80) {
        int32_t column = 0, line = aip__params_line(params, name, &column);
        aip__error_set(err, AIP_E_PARAM, "csv: %s: expected one ASCII character that is not a line end, found %s", name,
                       aip_params_json(params, name));
        aip__error_at_parameter(err, name);
        aip__error_at_line(err, line, column);
        return AIP_E_PARAM;
    }
    *out = (unsigned char)*s;
    return AIP_OK;
}

static int32_t clash(const aip_params *params, const char *a, const char *b, aip_error **err) {
    const char *mend = strcmp(a, "decimal") == 0 ? ": give another delimiter or decimal" : "";
    aip__error_set(err, AIP_E_PARAM, "csv: %s and %s are both %s%s", a, b, aip_params_json(params, a), mend);
    aip__error_at_parameter(err, a);
    return AIP_E_PARAM;
}

static int32_t dialect(aip__csv_options *o, const aip_params *params, const char *extension, aip_error **err) {
    int delimiter = -1, decimal = -1, escape = -1, thousands = -1;
    AIP__TRY(one_byte(params, "delimiter", &delimiter, err));
    AIP__TRY(one_byte(params, "quote", &o->dialect.quote, err));
    AIP__TRY(one_byte(params, "comment", &o->dialect.comment, err));
    AIP__TRY(one_byte(params, "decimal", &decimal, err));
    AIP__TRY(one_byte(params, "escape", &escape, err));
    AIP__TRY(one_byte(params, "thousands", &thousands, err));
    o->thousands = thousands < 0 ? 0 : (char)thousands;
    o->dialect.no_doubling = aip_params_bool(params, "doubled_quote") == 0;
    o->dialect.lenient = strcmp(aip_params_string(params, "quote_errors"), "repair") == 0;
    /* The quote as its own escape is what doubling means. */
    o->dialect.escape = escape < 0 || escape == o->dialect.quote ? 0 : (char)escape;
    if (delimiter < 0) delimiter = strcmp(extension, "tsv") == 0 ? '\t' : ',';
    o->dialect.delimiter = (char)delimiter;
    o->dialect.decimal = decimal < 0 ? '.' : (char)decimal;
    if (o->dialect.quote == delimiter) return clash(params, "quote", "delimiter", err);
    /* A delimiter that is looked for is another one. */
    bool looked_for = aip_params_is_null(params, "delimiter") && strcmp(aip_params_string(params, "detect"), "none") != 0;
    if (o->dialect.decimal == o->dialect.delimiter && !looked_for) return clash(params, "decimal", "delimiter", err);
    if (o->thousands && o->thousands == o->dialect.decimal) return clash(params, "thousands", "decimal", err);
    if (o->dialect.comment == delimiter) return clash(params, "comment", "delimiter", err);
    if (o->dialect.comment >= 0 && o->dialect.comment == o->dialect.quote) return clash(params, "comment", "quote", err);
    if (o->dialect.escape && o->dialect.escape == o->dialect.delimiter) return clash(params, "escape", "delimiter", err);
    if (o->dialect.escape && o->dialect.escape == o->dialect.comment) return clash(params, "escape", "comment", err);
    return AIP_OK;
}

static int32_t strings(aip_context *ctx, const aip_params *params, const char *name, char ***out, int32_t *n, aip_error **err) {
    int32_t count = aip_params_n_strings(params, name);
    if (aip_params_is_null(params, name)) return AIP_OK;
    *out = aip__calloc(ctx, (size_t)count + 1, sizeof **out);
    if (!*out) return aip__error_memory(ctx, err);
    for (*n = 0; *n < count; ++*n) {
        (*out)[*n] = aip__strdup(ctx, aip_params_string_at(params, name, *n));
        if (!(*out)[*n]) return aip__error_memory(ctx, err);
    }
    return AIP_OK;
}

/* What texts mean beyond the usual. */
static int32_t meanings(aip__csv_options *o, const aip_params *params, aip_error **err) {
    AIP__TRY(strings(o->ctx, params, "date_formats", &o->date_formats, &o->n_date_formats, err));
    for (int32_t i = 0; i < o->n_date_formats; i++) {
        char fault = aip__time_format_fault(o->date_formats[i]);
        if (!fault) continue;
        if (fault == 'Y')
            aip__error_set(err, AIP_E_PARAM, "csv: date_formats: expected a format such as %%d/%%m/%%Y, with a year, found '%s'",
                           o->date_formats[i]);
        else
            aip__error_set(err, AIP_E_PARAM, "csv: date_formats: %%%c in '%s' is not known", fault, o->date_formats[i]);
        aip__error_at_parameter(err, "date_formats");
        return AIP_E_PARAM;
    }
    if (aip_params_n_strings(params, "true_values") + aip_params_n_strings(params, "false_values") == 0) return AIP_OK;
    AIP__TRY(strings(o->ctx, params, "true_values", &o->true_words, &o->n_true_words, err));
    return strings(o->ctx, params, "false_values", &o->false_words, &o->n_false_words, err);
}

static int32_t null_markers(aip__csv_options *o, const aip_params *params, aip_error **err) {
    AIP__TRY(strings(o->ctx, params, "null_values", &o->nulls, &o->n_nulls, err));
    o->null_lengths = aip__calloc(o->ctx, (size_t)o->n_nulls + 1, sizeof *o->null_lengths);
    if (!o->null_lengths) return aip__error_memory(o->ctx, err);
    for (int32_t i = 0; i < o->n_nulls; i++) {
        o->null_lengths[i] = strlen(o->nulls[i]);
        if (o->null_lengths[i] > o->longest_null) o->longest_null = o->null_lengths[i];
        if (o->null_lengths[i] == 0)
            o->empty_is_null = true;
        else
            o->null_starts[(unsigned char)o->nulls[i][0]] = true;
    }
    return AIP_OK;
}

static void detection(aip__csv_options *o, const aip_params *params) {
    static const char *const names[] = {"delimiter", "quote",     "escape",  "comment", "header",
                                        "names",     "skip_rows", "decimal", "encoding"};
    const char *detect = aip_params_string(params, "detect");
    o->detect = strcmp(detect, "all") == 0    ? AIP__DETECT_ALL
                : strcmp(detect, "none") == 0 ? AIP__DETECT_NONE
                                              : AIP__DETECT_DELIMITER;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (aip_params_given(params, names[i])) o->given |= 1u << i;
    if (aip_params_is_null(params, "delimiter")) o->given &= ~(unsigned)AIP__GIVEN_DELIMITER;
    if (aip_params_is_null(params, "names")) o->given &= ~(unsigned)AIP__GIVEN_NAMES;
}

static int32_t text(aip__csv_options *o, const aip_params *params, aip_error **err) {
    const char *encoding = aip_params_string(params, "encoding"), *errors = aip_params_string(params, "encoding_errors");
    const char *line_end = aip_params_string(params, "line_end");
    aip__decoder *decoder = NULL;
    int32_t status =
        strcmp(encoding, "auto") == 0 ? AIP_OK : aip__decoder_new(o->ctx, encoding, AIP__UNDECODABLE_ROW, &decoder, err);
    aip__decoder_free(decoder); /* only whether the name is known, before any file is opened */
    if (status == AIP_E_PARAM) {
        int32_t column = 0, line = aip__params_line(params, "encoding", &column);
        aip__error_at_parameter(err, "encoding");
        aip__error_at_line(err, line, column);
    }
    if (status != AIP_OK) return status;
    o->encoding = aip__strdup(o->ctx, encoding);
    o->undecodable = strcmp(errors, "replace") == 0 ? AIP__UNDECODABLE_REPLACE
                     : strcmp(errors, "error") == 0 ? AIP__UNDECODABLE_ERROR
                                                    : AIP__UNDECODABLE_ROW;
    o->line_end = strcmp(line_end, "cr") == 0 ? AIP__LINES_CR : strcmp(line_end, "lf") == 0 ? AIP__LINES_LF : AIP__LINES_AUTO;
    return o->encoding ? AIP_OK : aip__error_memory(o->ctx, err);
}

static int32_t fill(aip__csv_options *o, const aip_params *params, const char *extension, aip_error **err) {
    AIP__TRY(dialect(o, params, extension, err));
    AIP__TRY(strings(o->ctx, params, "names", &o->names, &o->n_names, err));
    AIP__TRY(null_markers(o, params, err));
    AIP__TRY(meanings(o, params, err));
    o->header = aip_params_bool(params, "header") != 0;
    o->number_names = strcmp(aip_params_string(params, "duplicate_names"), "number") == 0;
    o->skip_rows = aip_params_int(params, "skip_rows");
    o->quoted_null = aip_params_bool(params, "quoted_null") != 0;
    AIP__TRY(text(o, params, err));
    detection(o, params);
    o->max_record_bytes = o->dialect.max_record = aip_params_int(params, "max_record_bytes");
    o->block_bytes = (size_t)aip_params_int(params, "block_bytes");
    const char *policy = aip_params_string(params, "on_bad_row"), *ragged = aip_params_string(params, "ragged");
    o->on_bad_row = strcmp(policy, "null") == 0     ? AIP__BAD_NULL
                    : strcmp(policy, "reject") == 0 ? AIP__BAD_REJECT
                                                    : AIP__BAD_ERROR;
    o->ragged = strcmp(ragged, "pad") == 0        ? AIP__RAGGED_PAD
                : strcmp(ragged, "truncate") == 0 ? AIP__RAGGED_TRUNCATE
                                                  : AIP__RAGGED_ERROR;
    return AIP_OK;
}

int32_t aip__csv_options_create(aip_context *ctx, const aip_params *params, const char *extension, void **out, aip_error **err) {
    aip__csv_options *o = aip__calloc(ctx, 1, sizeof *o);
    if (!o) return aip__error_memory(ctx, err);
    o->ctx = ctx;
    int32_t status = fill(o, params, extension, err);
    if (status != AIP_OK) {
        aip__csv_options_destroy(o);
        return status;
    }
    *out = o;
    return AIP_OK;
}

void aip__csv_names_free(aip_context *ctx, char **names, int32_t n) {
    for (int32_t i = 0; names && i < n; i++) aip__free(ctx, names[i]);
    aip__free(ctx, names);
}

void aip__csv_options_destroy(void *options) {
    aip__csv_options *o = options;
    if (!o) return;
    aip__csv_names_free(o->ctx, o->names, o->n_names);
    aip__csv_names_free(o->ctx, o->nulls, o->n_nulls);
    aip__free(o->ctx, o->null_lengths);
    aip__free(o->ctx, o->encoding);
    aip__csv_names_free(o->ctx, o->date_formats, o->n_date_formats);
    aip__csv_names_free(o->ctx, o->true_words, o->n_true_words);
    aip__csv_names_free(o->ctx, o->false_words, o->n_false_words);
    aip__free(o->ctx, o);
}

bool aip__csv_in_nulls(const aip__csv_options *o, const char *s, size_t n) {
    for (int32_t i = 0; i < o->n_nulls; i++)
        if (o->null_lengths[i] == n && memcmp(o->nulls[i], s, n) == 0) return true;
    return false;
}
