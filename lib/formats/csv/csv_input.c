/* What stands between the bytes of a file and the cutter: its text as UTF-8 with lines that end in LF, and the options as they are for this very
 * file. */
#include "formats/csv/csv.h"

int32_t aip__csv_input_open(const aip__csv_options *o, aip__stream *stream, const char *source, aip__csv_input *out,
                            aip_error **err) {
    aip__text_options text = {
        .encoding = o->encoding, .undecodable = o->undecodable, .line_end = o->line_end, .quote = o->dialect.quote};
    *out = (aip__csv_input){.options = *o};
    int32_t status = aip__text_stream_open(o->ctx, stream, &text, &out->text, err);
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
