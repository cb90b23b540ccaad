/* What is wrong with a row, in words: the reason that stands in messages and in the rejects table, and how to mend it. */
#include "formats/csv/csv.h"

#include "data/convert.h"
#include <stdio.h>

#define TOO_LONG "record is longer than max_record_bytes (%lld)"
#define SHORTEN                                            \
    "raise it, or look for a quote that is never closed; " \
    "set quote_errors: repair, or quote: null where quotes mean nothing"

/* Such a record reaches to the end of the file; how far that is tells a stray quote from a file that was cut off. */
static void unclosed(const aip__csv_row *row, char *out, size_t size) {
    size_t n = (size_t)(row->end - row->start);
    while (n > 0 && row->start[n - 1] == '\n') n--;
    size_t lines = aip__csv_count_lines(row->start, n) + 1;
    int used = snprintf(out, size, "a quote that opens in this record is never closed");
    if (lines > 1) snprintf(out + used, size - (size_t)used, ": the record spans %zu lines", lines);
}

void aip__csv_reason(const aip__csv_reader *reader, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size) {
    char text[AIP__EXCERPT_BYTES] = "";
    if (cell) aip__excerpt(cell->text, cell->n, text);
    switch (row->fault) {
    case AIP__ROW_SHORT:
    case AIP__ROW_LONG:
        snprintf(out, size, "expected %d column%s, found %u", reader->n_columns, aip__plural(reader->n_columns), row->n_fields);
        return;
    case AIP__ROW_MALFORMED:
        snprintf(out, size, "a quoted field must end with a quote and the delimiter; a quote inside it must be doubled");
        return;
    case AIP__ROW_HUGE: snprintf(out, size, TOO_LONG, (long long)reader->options->max_record_bytes); return;
    case AIP__ROW_UNCLOSED: unclosed(row, out, size); return;
    case AIP__ROW_UTF8: snprintf(out, size, "expected UTF-8 text, found '%s'", text); return;
    case AIP__ROW_NUL: snprintf(out, size, "expected text, found a NUL byte in '%s'", text); return;
    default: snprintf(out, size, "expected %s, found '%s'", aip_type_name(reader->schema->fields[row->column].type), text);
    }
}

/* One column, and rows that have more: most often what was taken for the header is none. */
static void narrow(const aip__csv_reader *reader, char *out, size_t size) {
    char what[64] = "delimiter";
    if (reader->cutter.header_line > 0) snprintf(what, sizeof what, "header in line %lld", (long long)reader->cutter.header_line);
    snprintf(out, size, "is the %s right? aipipe inspect shows the dialect; or set ragged: truncate, on_bad_row: reject or null",
             what);
}

/* Which encoding may help: none that was set, and none that was looked for in vain. Another one that was named is wrong, or damaged bytes are. */
const char *aip__csv_other_encoding(const aip__csv_options *o) {
    bool named = (o->given & AIP__GIVEN_ENCODING) != 0;
    if (strcmp(o->encoding, "auto") == 0 || (o->detect == AIP__DETECT_ALL && !named)) return "encoding: windows-1252";
    if (aip__encoding_is_utf8(o->encoding)) return "encoding: windows-1252 or auto";
    return "another encoding, or encoding_errors: replace";
}

void aip__csv_hint(const aip__csv_reader *reader, const aip__csv_row *row, const aip__csv_cell *cell, char *out, size_t size) {
    static const char *const policy = "on_bad_row: reject or null";
    const aip_field *f = row->column >= 0 ? &reader->schema->fields[row->column] : NULL;
    if (row->fault == AIP__ROW_TYPE && f && cell) {
        int32_t wider = aip__infer_join(f->type, aip__infer_text(cell->text, cell->n, reader->options->dialect.decimal));
        snprintf(out, size, "set types: {%s: %s}, a larger infer_rows, or %s", f->name,
                 aip_type_name(wider == f->type ? AIP_UTF8 : wider), policy);
    } else if (row->fault == AIP__ROW_LONG && reader->n_columns == 1) {
        narrow(reader, out, size);
    } else if (row->fault == AIP__ROW_SHORT || row->fault == AIP__ROW_LONG) {
        snprintf(out, size, "set ragged: %s, or %s", row->fault == AIP__ROW_SHORT ? "pad" : "truncate", policy);
    } else if (row->fault == AIP__ROW_HUGE) {
        snprintf(out, size, SHORTEN);
    } else if (row->fault == AIP__ROW_UTF8) {
        snprintf(out, size, "set %s, or %s", aip__csv_other_encoding(reader->options), policy);
    } else if (row->fault == AIP__ROW_NUL) {
        snprintf(out, size, "is the file UTF-8 text? Mend it, or set %s", policy);
    } else {
        snprintf(out, size, "set quote: null if quotes mean nothing here, or %s", policy);
    }
}

int32_t aip__csv_too_long(const aip__csv_options *o, aip_error **err) {
    return aip__error_set(err, AIP_E_DATA, TOO_LONG " (" SHORTEN ")", (long long)o->max_record_bytes);
}
