/* What stands between the bytes of a file and the cutter: its text as UTF-8 with lines that end in LF, and the options as they are for this very
 * file. */
#include "formats/csv/csv_detect.h"

/* A CR outside of quotes in the first record that is read, and no LF behind it: with LF for line ends it would be refused. */
static bool cr_in_header(const aip__csv_options *o, const char *text, size_t n) {
    const char *p = o->skip_rows > 0 && n > 0 ? aip__csv_nth_line(text, n, (size_t)o->skip_rows) : text, *end = text + n;
    bool inside = false;
    for (; p && p < end && (*p != '\n' || inside); p++) {
        if ((unsigned char)*p == o->dialect.quote) inside = !inside;
        if (*p == '\r' && !inside && p + 1 < end && p[1] != '\n') return true;
    }
    return false;
}

/* What the sample says goes into the options of this file. */
static int32_t detect(aip__csv_input *in, aip_error **err) {
    aip__csv_options *o = &in->options;
    size_t n = 0;
    bool whole = false;
    const char *text = aip__text_stream_sample(in->text, &n, &whole);
    AIP__TRY(aip__csv_check_text(text, n, err));
    if (o->detect == AIP__DETECT_ALL && o->line_end == AIP__LINES_AUTO && cr_in_header(o, text, n)) {
        aip__text_stream_end_in_cr(in->text);
        in->found_cr = true;
    }
    if (o->detect == AIP__DETECT_DELIMITER && !(o->given & AIP__GIVEN_DELIMITER))
        AIP__TRY(aip__csv_detect_delimiter(o, text, n, whole, &o->dialect.delimiter, err));
    if (o->detect != AIP__DETECT_ALL) return AIP_OK;
    AIP__TRY(aip__csv_check_controls(text, n, &o->dialect, err));
    aip__detected found;
    AIP__TRY(aip__csv_detect(o, text, n, whole, &found, err));
    o->dialect = found.dialect;
    o->header = found.header;
    o->skip_rows = found.skip_rows;
    o->detected_columns = found.n_columns;
    return AIP_OK;
}

int32_t aip__csv_input_open(const aip__csv_options *o, aip__stream *stream, const char *source, aip__csv_input *out,
                            aip_error **err) {
    aip__text_options text = {
        .encoding = o->encoding, .undecodable = o->undecodable, .line_end = o->line_end, .quote = o->dialect.quote};
    if (o->detect == AIP__DETECT_ALL && !(o->given & AIP__GIVEN_ENCODING)) text.encoding = "auto";
    *out = (aip__csv_input){.options = *o};
    int32_t status = aip__text_stream_open(o->ctx, stream, &text, &out->text, err);
    if (status == AIP_OK) {
        status = detect(out, err);
        if (status != AIP_OK) aip__csv_input_end(out);
    }
    if (status != AIP_OK) aip__error_at_source(err, source);
    return status;
}

int32_t aip__csv_input_resume(aip__csv_input *in, aip__stream *stream, const char *source, aip_error **err) {
    aip__text_options text = {.encoding = "utf-8",
                              .undecodable = in->options.undecodable,
                              .line_end = AIP__LINES_LF,
                              .quote = in->options.dialect.quote,
                              .continued = true};
    aip__csv_input_end(in);
    int32_t status = aip__text_stream_open(in->options.ctx, stream, &text, &in->text, err);
    if (status != AIP_OK) aip__error_at_source(err, source);
    return status;
}

void aip__csv_input_end(aip__csv_input *in) {
    aip__text_stream_close(in->text);
    in->text = NULL;
}
