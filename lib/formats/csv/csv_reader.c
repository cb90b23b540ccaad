/* The CSV format's reader, as the table of formats wants it: header matched to the wanted columns by name, then items. */
#include "formats/csv/csv.h"

#include <string.h>

static int32_t match(aip__csv_reader *r, char *const *names, int32_t n, char *const *from, aip_error **err) {
    r->n_columns = n;
    r->slot = aip__calloc(r->options->ctx, (size_t)n + 1, sizeof *r->slot);
    r->column = aip__calloc(r->options->ctx, (size_t)r->schema->n + 1, sizeof *r->column);
    r->by_cells = aip__calloc(r->options->ctx, (size_t)r->schema->n + 1, sizeof *r->by_cells);
    if (!r->slot || !r->column || !r->by_cells) return aip__error_memory(r->options->ctx, err);
    for (int32_t i = 0; i < n; i++) r->slot[i] = -1;
    for (int32_t s = 0, i = -1, looked = 0; s < r->schema->n; s++) {
        /* Mostly the next one: search on from the last, around the end. */
        for (looked = 0, i = (i + 1) % n; looked < n && strcmp(names[i], from[s]) != 0; looked++) i = (i + 1) % n;
        if (looked == n) {
            const char *near = aip__nearest(from[s], (const char *const *)names, (size_t)n);
            aip__error_set(err, AIP_E_SCHEMA, "no column '%s' in this file%s%s%s", from[s], near ? "; did you mean '" : "",
                           near ? near : "", near ? "'?" : "");
            aip__error_at_data_column(err, from[s]);
            aip__error_at_source(err, r->cutter.source);
            return AIP_E_SCHEMA;
        }
        r->slot[i] = s;
        r->column[s] = i;
        r->by_cells[s] = aip__csv_needs_cells(r->options, &r->schema->fields[s]);
    }
    return AIP_OK;
}

static void reader_close(void *reader) {
    aip__csv_reader *r = reader;
    if (!r) return;
    aip_context *ctx = r->options->ctx;
    aip__csv_cutter_end(&r->cutter);
    aip__csv_input_end(&r->input);
    aip__free(ctx, r->slot);
    aip__free(ctx, r->column);
    aip__free(ctx, r->by_cells);
    aip__free(ctx, r);
}

static int32_t reader_open(void *format, aip__stream *stream, const char *source, const aip_schema *schema, char *const *from,
                           void **out, aip_error **err) {
    const aip__csv_options *o = format;
    char **names = NULL;
    int32_t n = 0;
    aip__csv_reader *r = aip__calloc(o->ctx, 1, sizeof *r);
    if (!r) return aip__error_memory(o->ctx, err);
    r->options = &r->input.options;
    r->input.options = *o;
    r->schema = schema;
    for (int32_t i = 0; i < schema->n; i++) {
        size_t width = aip__type_width(schema->fields[i].type);
        r->row_bytes += width ? (int64_t)width : (int64_t)sizeof(int32_t);
    }
    int32_t status = aip__csv_input_open(o, stream, source, &r->input, err);
    if (status == AIP_OK) {
        aip__csv_cutter_init(&r->cutter, r->options, r->input.text, source);
        status = aip__csv_cutter_start(&r->cutter, err);
    }
    if (status == AIP_OK) status = aip__csv_header(&r->cutter, &names, &n, err);
    if (status == AIP_OK) aip__csv_cutter_expect(&r->cutter, n);
    if (status == AIP_OK) status = match(r, names, n, from, err);
    aip__csv_names_free(o->ctx, names, n);
    if (status != AIP_OK) {
        reader_close(r);
        return status;
    }
    *out = r;
    return AIP_OK;
}

static int32_t reader_next(void *reader, aip__item *item, bool *end, aip_error **err) {
    aip__csv_reader *r = reader;
    aip__csv_piece *p = aip__calloc(r->options->ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(r->options->ctx, err);
    int32_t status = aip__csv_cutter_next(&r->cutter, AIP_BATCH_MAX_ROWS, p, end, err);
    if (status != AIP_OK || *end) {
        aip__free(r->options->ctx, p);
        return status;
    }
    /* The text and its marks, its copy in text columns, the values, and a block of cells. */
    int64_t memory = 2 * (int64_t)p->n + (p->marked ? (int64_t)p->n / 8 : 0) + p->max_rows * r->row_bytes + AIP__CSV_BLOCK_BYTES;
    *item = (aip__item){.data = p, .bytes = (int64_t)p->n, .memory = memory};
    return AIP_OK;
}

static void reader_item_free(void *reader, aip__item *item) {
    aip__csv_reader *r = reader;
    aip__csv_piece *p = item->data;
    if (!p) return;
    aip__csv_piece_free(p);
    aip__free(r->options->ctx, p);
    item->data = NULL;
}

static void reader_end_reading(void *reader) {
    aip__csv_reader *r = reader;
    aip__csv_cutter_end(&r->cutter);
    aip__csv_input_end(&r->input);
}

static int32_t reader_resume(void *reader, aip__stream *stream, int64_t offset, int64_t line, aip_error **err) {
    aip__csv_reader *r = reader;
    aip__csv_cutter *c = &r->cutter;
    const char *source = c->source;
    int64_t header_line = c->header_line;
    aip__csv_cutter_end(c);
    AIP__TRY(aip__csv_input_resume(&r->input, stream, source, err));
    aip__csv_cutter_init(c, r->options, r->input.text, source);
    aip__csv_cutter_expect(c, r->n_columns);
    c->offset = offset;
    c->line = line;
    c->header_line = header_line;
    return AIP_OK;
}

static const aip__format_ops ops = {
    .extensions = "csv|tsv",
    .named = true,
    .write_params = aip__csv_write_params,
    .n_write_params = AIP__CSV_N_WRITE_PARAMS,
    .create = aip__csv_options_create,
    .destroy = aip__csv_options_destroy,
    .sample = aip__csv_sample,
    .open = reader_open,
    .next = reader_next,
    .decode = aip__csv_decode,
    .item_free = reader_item_free,
    .end_reading = reader_end_reading,
    .close = reader_close,
    .write_begin = aip__csv_write_begin,
    .write_batch = aip__csv_write_batch,
    .write_end = aip__csv_write_end,
    .write_free = aip__csv_write_free,
    .infer_item = aip__csv_infer_item,
    .whole = aip__csv_whole,
    .resume = reader_resume,
    .fix = aip__csv_fix,
    .explain = aip__csv_explain,
};

const aip_descriptor aip__csv_descriptor = {
    .struct_size = sizeof(aip_descriptor),
    .kind = AIP_KIND_FORMAT,
    .name = "csv",
    .doc = "Text tables: comma-separated values and their kin (RFC 4180, read by libcsv)",
    .params = aip__csv_params,
    .n_params = AIP__CSV_N_PARAMS,
    .param_stride = sizeof(aip_param_spec),
    .ops = &ops,
    .version = 1,
};
