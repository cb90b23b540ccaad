/* What an item's cells say of types: the sample's question, asked of every row. Most cells are of the type that their column has already, which their
 * kind mostly tells; only another one is asked what it is. And, for checkpoints, how much of a file that is still being written is whole lines. */
#include "formats/json/json.h"

#include "base/memory.h"
#include <string.h>

typedef struct typing {
    const aip__json_reader *reader;
    const aip__json_piece *piece;
    aip__json_walker walk;
    aip__guess *running; /* of each slot */
    aip__type_steps *out;
} typing;

/* Whether the cell's kind alone says that it is within the guess. */
static bool within(const aip__guess *g, const aip__json_cell *c) {
    switch (g->type) {
    case AIP_INT64: return c->kind == AIP__JSON_INTEGER && c->n <= 18;
    case AIP_FLOAT64: return c->kind == AIP__JSON_INTEGER && c->n <= 300;
    case AIP_BOOL: return c->kind == AIP__JSON_TRUE || c->kind == AIP__JSON_FALSE;
    default: return g->type == AIP_UTF8;
    }
}

static int32_t step(typing *t, int32_t slot, const aip__json_cell *cell, aip__guess alone, aip_error **err) {
    bool string = cell->kind == AIP__JSON_STRING || cell->kind == AIP__JSON_ESCAPED;
    const char *at = cell->text - string, *text = t->piece->text;
    const char *nl = memrchr(text, '\n', (size_t)(at - text));
    aip__type_step s = {.column = slot,
                        .cell = alone,
                        .line = t->piece->line + (int64_t)aip__json_count_lines(text, (size_t)(at - text)),
                        .at = nl ? at - nl : t->piece->column + (at - text) + 1,
                        .offset = t->piece->offset + (at - text)};
    aip__excerpt(at, cell->n + 2 * string, s.excerpt);
    return aip__type_steps_add(t->out, &s, err);
}

static int32_t look_at_slot(typing *t, int32_t slot, aip_error **err) {
    aip__guess *g = &t->running[slot];
    for (int32_t r = 0; r < t->walk.n_rows && g->type != AIP_UTF8; r++) {
        aip__json_cell c = aip__json_cell_at(&t->walk, slot, r);
        if (c.kind <= AIP__JSON_IS_NULL || within(g, &c)) continue;
        aip__guess alone = aip__json_guess(&c);
        if (aip__guess_widen(g, alone)) AIP__TRY(step(t, slot, &c, alone, err));
        if (aip__guess_is_text(*g)) g->type = AIP_UTF8;
    }
    return AIP_OK;
}

int32_t aip__json_infer_item(void *reader, const aip__item *item, const aip__guess *start, aip__type_steps *out,
                             aip_error **err) {
    const aip__json_reader *r = reader;
    aip_context *ctx = r->options->ctx;
    size_t n = (size_t)r->schema->n;
    typing *t = aip__calloc(ctx, 1, sizeof *t + n * sizeof *t->running);
    if (!t) return aip__error_memory(ctx, err);
    *t = (typing){.reader = r, .piece = item->data, .out = out, .running = (aip__guess *)(void *)(t + 1)};
    memcpy(t->running, start, n * sizeof *start);
    int32_t status = aip__json_walk_begin(&t->walk, r->options, &r->tree, r->schema->n, t->piece, err);
    t->walk.stop = false; /* bad records are for the reader */
    while (status == AIP_OK && (status = aip__json_walk_next(&t->walk, err)) == AIP_OK
           && (t->walk.n_rows > 0 || t->walk.n_faults > 0))
        for (int32_t s = 0; s < r->schema->n && status == AIP_OK; s++) status = look_at_slot(t, s, err);
    aip__json_walk_end(&t->walk);
    aip__free(ctx, t);
    return status;
}

#define PIECE_BYTES ((size_t)1 << 18)

int32_t aip__json_whole(void *format, aip__stream *stream, const char *source, bool first, int64_t *bytes, int64_t *lines,
                        aip_error **err) {
    const aip__json_options *o = format;
    int64_t before = 0, whole = 0, n_lines = 0;
    char *text = aip__alloc(o->ctx, PIECE_BYTES);
    if (!text) return aip__error_memory(o->ctx, err);
    int32_t status = AIP_OK;
    for (size_t got = PIECE_BYTES; status == AIP_OK && got == PIECE_BYTES;) {
        status = aip__stream_read(stream, text, PIECE_BYTES, &got, err);
        if (status != AIP_OK) break;
        if (first && before == 0 && got >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
            status = aip__error_set(err, AIP_E_UNSUPPORTED,
                                    "a checkpoint needs UTF-8 text: the byte order mark says UTF-16 or UTF-32");
        const char *nl = memrchr(text, '\n', got);
        if (nl) whole = before + (nl + 1 - text);
        n_lines += (int64_t)aip__json_count_lines(text, got);
        before += (int64_t)got;
    }
    aip__free(o->ctx, text);
    if (status != AIP_OK) {
        aip__error_at_source(err, source);
        return status;
    }
    *bytes = whole;
    *lines = n_lines;
    return AIP_OK;
}
