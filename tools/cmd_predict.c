/* aipipe predict: a table with the columns that a package's model adds. */
#include "tool.h"

#include <stdlib.h>

static int32_t predict(aip_context *ctx, const char *package_path, const char *in, const char *out, const aip_call *call,
                       aip_row_counts *counts, aip_error **err) {
    aip_package *package = NULL;
    aip_dataset *dataset = NULL, *predicted = NULL;
    int32_t status = aip_package_load(ctx, package_path, &package, err);
    if (status == AIP_OK) status = aip_dataset_read(ctx, in, &dataset, err);
    if (status == AIP_OK) status = aip_package_predict(package, dataset, &predicted, err);
    if (status == AIP_OK) status = aip_dataset_write(predicted, out, call, counts, err);
    aip_dataset_free(predicted);
    aip_dataset_free(dataset);
    aip_package_free(package);
    return status;
}

int cmd_predict(const args *a) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    const char *path = args_text(a, "output");
    json_t *in = json_pack("{s:s}", "path", a->words[1]), *out = json_pack("{s:s}", "path", path ? path : "-");
    int code = in && out ? 0 : usage_error(a->command, "expected names of files in UTF-8");
    if (code == 0) code = args_settings(a, "set", NULL, in);
    if (code == 0) code = args_settings(a, "write", NULL, out);
    if (code == 0) code = args_context(a, true, &ctx);
    char *in_text = json_text(in), *out_text = json_text(out);
    json_decref(in);
    json_decref(out);
    if (code == 0) {
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        progress p;
        aip_call call;
        int32_t status = progress_begin(&p, ctx, "predict", &call, &err);
        p.visible = p.visible && (path || !term_out.is_terminal); /* not between the rows */
        if (status == AIP_OK) status = predict(ctx, a->words[0], in_text, out_text, &call, &counts, &err);
        progress_end(&p, &call);
        if (status != AIP_OK) {
            code = fail_settings(err);
        } else if (path) {
            line l = {0};
            line_add(&l, "%s: ", path);
            line_count_of(&l, counts.rows_out, "row");
            line_add(&l, " in ");
            line_seconds(&l, clock_seconds() - p.started);
            talk_note("%s", l.bytes);
            line_free(&l);
        }
    }
    aip_context_free(ctx);
    free(in_text);
    free(out_text);
    return code;
}
