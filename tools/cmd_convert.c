/* aipipe convert: reads a table and writes it in another format. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* What was written: with a checkpoint its numbered part, or nothing (JSON null). */
static json_t *written(aip_context *ctx, const aip_dataset *dataset, const char *path, aip_error **err) {
    char *text = NULL;
    if (aip_dataset_report(dataset, &text, err) != AIP_OK) return NULL;
    json_t *report = NULL, *place = NULL;
    if (json_take(text, &report, err) == AIP_OK) {
        const json_t *checkpoint = json_object_get(report, "checkpoint");
        place = checkpoint ? json_incref(json_object_get(checkpoint, "written")) : json_string(path);
        if (!place) place = json_null();
    }
    json_decref(report);
    aip_text_free(ctx, text);
    return place;
}

static void put_text(const char *path, const aip_row_counts *counts, double seconds) {
    line l = {0};
    if (!path) {
        talk_note("nothing is new: nothing was written");
        return;
    }
    line_add(&l, "%s: ", path);
    line_count_of(&l, counts->rows_out, "row");
    line_add(&l, " in ");
    line_seconds(&l, seconds);
    if (counts->rows_rejected) line_add(&l, "; rejected: ");
    if (counts->rows_rejected) line_count(&l, counts->rows_rejected);
    talk_note("%s", l.bytes);
    line_free(&l);
}

static int put_json(const args *a, json_t *path, const progress *p, const aip_row_counts *counts, double seconds) {
    json_t *o = json_pack("{s:s, s:O, s:I, s:I, s:I, s:I, s:I, s:f}", "from", a->words[0], "path", path, "rows_in",
                          (json_int_t)counts->rows_in, "rows_out", (json_int_t)counts->rows_out, "rows_rejected",
                          (json_int_t)counts->rows_rejected, "rows_filtered", (json_int_t)counts->rows_filtered, "bytes",
                          (json_int_t)p->last.bytes, "seconds", seconds);
    char *text = json_text(o);
    json_decref(o);
    printf("%s\n", text);
    free(text);
    return term_finish_output();
}

/* OUT is standard output, where JSON would stand among the rows. */
static bool json_and_rows(const args *a) { return args_flag(a, "json") && strcmp(a->words[1], "-") == 0; }

/* The reader of standard output has gone away, as head does. */
static bool reader_left(const args *a, const aip_error *err) {
    const char *source = aip_error_source(err);
    bool of_output = aip_error_status(err) == AIP_E_IO && source && strcmp(source, "-") == 0;
    return of_output && strcmp(a->words[1], "-") == 0 && interrupt_pipe_closed();
}

/* An option that is a parameter of read. */
static int take_option(const args *a, const char *name, json_t *in) {
    const char *value = args_text(a, name);
    if (!value) return 0;
    if (json_object_set_new(in, name, json_string(value)) == 0) return 0;
    return usage_error(a->command, "--%s: expected names of files in UTF-8", name);
}

int cmd_convert(const args *a) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    aip_dataset *dataset = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    json_t *in = json_pack("{s:s}", "path", a->words[0]), *out = json_pack("{s:s}", "path", a->words[1]);
    int code = in && out ? 0 : usage_error(a->command, "expected names of files in UTF-8");
    if (code == 0 && json_and_rows(a))
        code = usage_error(a->command, "expected a file to write with --json, found standard output");
    if (code == 0) code = take_option(a, "rejects", in);
    if (code == 0) code = take_option(a, "checkpoint", in);
    if (code == 0) code = args_settings(a, "set", NULL, in);
    if (code == 0) code = args_settings(a, "write", NULL, out);
    if (code == 0) code = args_context(a, true, &ctx);
    char *out_text = json_text(out);
    bool left = false;
    if (code == 0) {
        progress p;
        aip_call call;
        int32_t status = progress_begin(&p, ctx, "convert", &call, &err);
        if (status == AIP_OK && args_text(a, "rejects")) status = set_bad_rows_aside(ctx, in, &err);
        if (status == AIP_OK) status = read_table(ctx, in, &dataset, &err);
        if (status == AIP_OK) status = aip_dataset_write(dataset, out_text, &call, &counts, &err);
        json_t *path = status == AIP_OK ? written(ctx, dataset, a->words[1], &err) : NULL;
        if (status == AIP_OK && !path) status = aip_error_status(err);
        progress_end(&p, &call);
        left = status != AIP_OK && reader_left(a, err);
        if (left) {
            aip_error_free(err);
        } else if (status != AIP_OK) {
            code = fail_settings(err);
        } else {
            double seconds = clock_seconds() - p.started;
            if (args_flag(a, "json"))
                code = put_json(a, path, &p, &counts, seconds);
            else
                put_text(json_string_value(path), &counts, seconds);
        }
        json_decref(path);
    }
    aip_dataset_free(dataset);
    aip_context_free(ctx);
    json_decref(in);
    json_decref(out);
    free(out_text);
    return left ? interrupt_end_by_pipe() : code; /* once all is tidied up */
}
