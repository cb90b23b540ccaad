/* Arrow IPC from hostile bytes, read as a file that can be read at any place and on and on as from a pipe. A stream must give the same both ways;
 * what was read is written as a stream and must read back to the same rows. */
#include "formats/arrow_ipc/arrow_ipc.h"
#include "fuzz.h"

#define MAX_BATCHES 16

static fuzz_host host;
static aip__file nothing = {.fd = -1}; /* what comes behind the bytes of a pipe */
static aip_params *params;             /* of writing */

static void set_up(void) {
    aip_descriptor d = aip__arrow_ipc_descriptor;
    const aip__format_ops *ops = d.ops;
    host.ctx = fuzz_make((uint64_t)64 << 20);
    d.params = ops->write_params;
    d.n_params = ops->n_write_params;
    must(aip__params_parse(host.ctx, &d, "{}", &params, NULL) == AIP_OK, "parameters");
    must(aip__file_open(host.ctx, "/dev/null", &nothing, NULL) == AIP_OK, "nothing");
}

typedef struct table {
    aip_schema *schema;
    aip_batch *batches[MAX_BATCHES];
    int32_t n;
    int32_t status;
} table;

static void table_free(table *t) {
    for (int32_t i = 0; i < t->n; i++) aip_batch_free(t->batches[i]);
    aip_schema_free(t->schema);
}

/* The columns whose types are ours. */
static aip_schema *schema_of(aip_context *ctx, const aip__sample *s, char **from) {
    aip_schema *schema = NULL;
    int32_t n = 0;
    aip_field *fields = calloc((size_t)s->n + 1, sizeof *fields);
    must(fields != NULL, "memory");
    for (int32_t i = 0; i < s->n; i++) {
        must((s->fields[i].type == 0) == (s->refused[i] != NULL), "a column is either read or refused");
        if (s->fields[i].type == 0) continue;
        fields[n] = s->fields[i];
        fields[n].name = from[n] = s->names[i];
        n++;
    }
    aip_schema_create(ctx, fields, n, &schema, NULL); /* NULL: a name twice, or none */
    free(fields);
    return schema;
}

static void read_all(aip_context *ctx, const uint8_t *data, size_t n, bool on, table *out) {
    const aip__format_ops *ops = aip__arrow_ipc_descriptor.ops;
    aip__stream *stream = NULL;
    aip__text seen = {.ctx = ctx, .bytes = (char *)(uintptr_t)data, .n = n};
    aip__sample s = {0};
    void *reader = NULL;
    *out = (table){0};
    for (int pass = 0; pass < 2 && out->status == AIP_OK; pass++) {
        if (on)
            out->status = aip__stream_pipe(ctx, &nothing, &seen, true, &stream, NULL);
        else
            out->status = aip__stream_memory(ctx, data, n, &stream, NULL);
        if (pass == 1 || out->status != AIP_OK) break;
        out->status = ops->sample(ctx, stream, "fuzz", 1, &s, NULL);
        aip__stream_close(stream);
        stream = NULL;
    }
    char **from = calloc((size_t)s.n + 1, sizeof *from);
    must(from != NULL, "memory");
    if (out->status == AIP_OK) out->schema = schema_of(ctx, &s, from);
    if (out->status == AIP_OK && !out->schema) out->status = AIP_E_SCHEMA;
    if (out->status == AIP_OK) out->status = ops->open(ctx, stream, "fuzz", out->schema, from, &reader, NULL);
    while (out->status == AIP_OK && out->n < MAX_BATCHES) {
        aip__item item = {0};
        aip__decoded d = {0};
        bool end = false;
        out->status = ops->next(reader, &item, &end, NULL);
        if (out->status != AIP_OK || end) break;
        out->status = ops->decode(reader, &item, &d, NULL);
        ops->item_free(reader, &item);
        if (out->status != AIP_OK) break;
        must(d.batch && d.n_records == d.batch->n_rows && d.batch->n_rows > 0, "rows add up");
        out->batches[out->n++] = d.batch;
    }
    must(out->status != AIP_E_INTERNAL && out->status != AIP_E_MISUSE, "what is damaged is said to be");
    free(from);
    if (reader) ops->close(reader);
    aip__stream_close(stream);
    aip__sample_free(ctx, &s);
}

static void same(const table *a, const table *b, const char *what) {
    must(a->n == b->n, what);
    for (int32_t i = 0; i < a->n; i++) must(aip__batch_equal(a->batches[i], b->batches[i]), what);
}

/* Writes what was read, and reads that. */
static void again(aip_context *ctx, const table *t, bool file) {
    const aip__format_ops *ops = aip__arrow_ipc_descriptor.ops;
    aip__text all, one;
    void *writer = NULL;
    table back = {0};
    aip__text_init(&all, ctx);
    aip__text_init(&one, ctx);
    int32_t status = ops->write_begin(ctx, params, file ? "arrow" : "arrows", t->schema, &all, &writer, NULL);
    for (int32_t i = 0; i < t->n && status == AIP_OK; i++) {
        one.n = 0;
        status = ops->write_batch(writer, t->batches[i], &one, NULL);
        if (status == AIP_OK) status = ops->write_place(writer, t->batches[i]->n_rows, &one, NULL, NULL);
        if (status == AIP_OK) aip__text_add(&all, one.bytes, one.n);
    }
    if (status == AIP_OK) status = ops->write_end(writer, &all, NULL);
    if (status == AIP_OK && !all.failed) {
        read_all(ctx, (const uint8_t *)all.bytes, all.n, false, &back);
        if (back.status == AIP_OK) same(t, &back, "what was written reads back");
        must(back.status == AIP_OK || back.status == AIP_E_MEMORY_LIMIT, "what was written can be read");
        table_free(&back);
    }
    if (writer) ops->write_free(writer);
    aip__text_free(&one);
    aip__text_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!host.ctx) set_up();
    aip_context *ctx = host.ctx;
    table at = {0}, on = {0};
    uint64_t h = fuzz_hash(data, n);
    fuzz_begin(&host);
    read_all(ctx, data, n, false, &at);
    read_all(ctx, data, n, true, &on);
    bool file = n >= 6 && memcmp(data, "ARROW1", 6) == 0; /* whose footer may say something else than its messages */
    if (!file && at.status == AIP_OK && on.status == AIP_OK) same(&at, &on, "a stream is the same however it is read");
    for (unsigned i = 0; i < 2; i++)
        if (at.status == AIP_OK && at.n < MAX_BATCHES && fuzz_tries(h, i, 2)) again(ctx, &at, i == 0);
    table_free(&at);
    table_free(&on);
    fuzz_end(&host);
    return 0;
}
