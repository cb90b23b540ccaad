/* The JSON formats as the table of formats wants them: paths of the wanted columns, then items. */
#include "formats/json/json.h"

#include "base/memory.h"
#include <string.h>

/* What the samples showed, and above all what is wanted. */
static int32_t make_tree(aip__json_reader *r, char *const *from, aip_error **err) {
    const aip__json_tree *known = &r->options->known;
    aip__json_node *node = NULL;
    AIP__TRY(aip__json_tree_init(&r->tree, r->options->ctx, err));
    for (size_t i = 1; i < known->n; i++) {
        const aip__json_node *k = known->nodes[i];
        AIP__TRY(aip__json_tree_add(&r->tree, r->tree.nodes[0], k->path, k->n, &node, err));
        node->known = true;
    }
    for (int32_t s = 0; s < r->schema->n; s++) {
        AIP__TRY(aip__json_tree_path(&r->tree, from[s], &node, err));
        node->slot = s;
    }
    return AIP_OK;
}

static void reader_close(void *reader) {
    aip__json_reader *r = reader;
    if (!r) return;
    aip__json_cutter_end(&r->cutter);
    aip__json_tree_free(&r->tree);
    aip__free(r->options->ctx, r);
}

static int32_t reader_open(void *format, aip__stream *stream, const char *source, const aip_schema *schema, char *const *from,
                           void **out, aip_error **err) {
    const aip__json_options *o = format;
    aip__json_reader *r = aip__calloc(o->ctx, 1, sizeof *r);
    if (!r) return aip__error_memory(o->ctx, err);
    r->options = o;
    r->schema = schema;
    for (int32_t i = 0; i < schema->n; i++) {
        size_t width = aip__type_width(schema->fields[i].type);
        r->row_bytes += width ? (int64_t)width : (int64_t)sizeof(int32_t);
    }
    aip__json_cutter_init(&r->cutter, o, stream, source);
    int32_t status = make_tree(r, from, err);
    if (status != AIP_OK) {
        reader_close(r);
        return status;
    }
    *out = r;
    return AIP_OK;
}

static int32_t reader_next(void *reader, aip__item *item, bool *end, aip_error **err) {
    aip__json_reader *r = reader;
    aip__json_piece *p = aip__calloc(r->options->ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(r->options->ctx, err);
    int32_t status = aip__json_cutter_next(&r->cutter, AIP_BATCH_MAX_ROWS, p, end, err);
    if (status != AIP_OK || *end) {
        aip__free(r->options->ctx, p);
        return status;
    }
    /* The text, its copy in text columns, the values, and a block of cells. */
    int64_t memory = 2 * (int64_t)p->n + p->max_rows * r->row_bytes + AIP__JSON_BLOCK_CELLS * (int64_t)sizeof(aip__json_cell);
    *item = (aip__item){.data = p, .bytes = (int64_t)p->n, .memory = memory};
    return AIP_OK;
}

static void reader_item_free(void *reader, aip__item *item) {
    aip__json_reader *r = reader;
    aip__json_piece *p = item->data;
    if (!p) return;
    aip__json_piece_free(p);
    aip__free(r->options->ctx, p);
    item->data = NULL;
}

static void reader_end_reading(void *reader) { aip__json_cutter_end(&((aip__json_reader *)reader)->cutter); }

/* On at a line of the same file. */
static int32_t reader_resume(void *reader, aip__stream *stream, int64_t offset, int64_t line, aip_error **err) {
    aip__json_cutter *c = &((aip__json_reader *)reader)->cutter;
    const char *source = c->source;
    const aip__json_options *o = c->options;
    (void)err;
    aip__json_cutter_end(c);
    aip__json_cutter_init(c, o, stream, source);
    c->started = true;
    c->layout = AIP__JSON_LINES;
    c->offset = offset;
    c->line = line;
    return AIP_OK;
}

static int32_t create_lines(aip_context *ctx, const aip_params *params, const char *extension, void **out, aip_error **err) {
    (void)extension;
    return aip__json_options_create(ctx, params, true, out, err);
}

static int32_t create_any(aip_context *ctx, const aip_params *params, const char *extension, void **out, aip_error **err) {
    (void)extension;
    return aip__json_options_create(ctx, params, false, out, err);
}

#define READER                                                                                                                   \
    .write_params = aip__json_write_params, .n_write_params = AIP__JSON_N_WRITE_PARAMS, .destroy = aip__json_options_destroy,    \
    .sample = aip__json_sample, .open = reader_open, .next = reader_next, .decode = aip__json_decode,                            \
    .infer_item = aip__json_infer_item, .item_free = reader_item_free, .end_reading = reader_end_reading, .close = reader_close, \
    .write_batch = aip__json_write_batch, .write_end = aip__json_write_end, .write_free = aip__json_write_free

static const aip__format_ops lines_ops = {.extensions = "ndjson|jsonl",
                                          .create = create_lines,
                                          .write_begin = aip__ndjson_write_begin,
                                          .whole = aip__json_whole,
                                          .resume = reader_resume,
                                          READER};

static const aip__format_ops any_ops = {.extensions = "json",
                                        .create = create_any,
                                        .write_begin = aip__json_write_begin,
                                        .write_place = aip__json_write_place,
                                        READER};

const aip_descriptor aip__ndjson_descriptor = {
    .struct_size = sizeof(aip_descriptor),
    .kind = AIP_KIND_FORMAT,
    .name = "ndjson",
    .doc = "JSON objects, one to a line (RFC 8259, strictly)",
    .params = aip__json_params,
    .n_params = AIP__JSON_N_PARAMS,
    .param_stride = sizeof(aip_param_spec),
    .ops = &lines_ops,
    .version = 1,
};

const aip_descriptor aip__json_descriptor = {
    .struct_size = sizeof(aip_descriptor),
    .kind = AIP_KIND_FORMAT,
    .name = "json",
    .doc = "A JSON array of objects, or objects one after the other (RFC 8259, strictly)",
    .params = aip__json_params,
    .n_params = AIP__JSON_N_PARAMS,
    .param_stride = sizeof(aip_param_spec),
    .ops = &any_ops,
    .version = 1,
};
