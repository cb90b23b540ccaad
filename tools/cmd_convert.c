/* aipipe convert: reads a table and writes it in another format. */
#include "tool.h"

#include <stdlib.h>

int cmd_convert(const args *a) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    aip_dataset *dataset = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    json_t *in = json_pack("{s:s}", "path", a->words[0]), *out = json_pack("{s:s}", "path", a->words[1]);
    int code = in && out ? 0 : usage_error(a->command, "expected names of files in UTF-8");
    if (code == 0) code = args_settings(a, "set", NULL, in);
    if (code == 0) code = args_settings(a, "write", NULL, out);
    if (code == 0) code = args_context(a, true, &ctx);
    char *in_text = json_text(in), *out_text = json_text(out);
    json_decref(in);
    json_decref(out);
    if (code == 0) {
        progress p;
        aip_call call;
        int32_t status = progress_begin(&p, ctx, "convert", &call, &err);
        if (status == AIP_OK) status = aip_dataset_read(ctx, in_text, &dataset, &err);
        if (status == AIP_OK) status = aip_dataset_write(dataset, out_text, &call, &counts, &err);
        progress_end(&p, &call);
        if (status != AIP_OK) {
            code = fail_settings(err);
        } else {
            line l = {0};
            line_add(&l, "%s: ", a->words[1]);
            line_count_of(&l, counts.rows_out, "row");
            line_add(&l, " in ");
            line_seconds(&l, clock_seconds() - p.started);
            if (counts.rows_rejected) line_add(&l, "; rejected: ");
            if (counts.rows_rejected) line_count(&l, counts.rows_rejected);
            talk_note("%s", l.bytes);
            line_free(&l);
        }
    }
    aip_dataset_free(dataset);
    aip_context_free(ctx);
    free(in_text);
    free(out_text);
    return code;
}
