/* The reader as the table of formats wants it. The cursor walks over the messages: dictionaries are imported on the way, once for all batches
 * that use them; record batches become parts in memory, of which each item is a run of rows; workers turn runs into columns. */
#include "formats/arrow_ipc/arrow_ipc.h"

#include "base/context.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

enum { DICTIONARY_ID = 0, DICTIONARY_DATA = 1, DICTIONARY_DELTA = 2 };

typedef struct dictionary { /* of wanted columns */
    int64_t id;
    aip__ipc_column values; /* its texts, as the one column of a schema; borrows from the column that it is of */
    aip__ipc_schema schema;
    aip__arrow_words *words;   /* NULL: not met yet */
    aip__arrow_growth *growth; /* once it was added to */
} dictionary;

typedef struct part { /* a batch, or some of its rows, in memory */
    _Atomic(int64_t) refs;
    aip_context *ctx;
    aip__arrow_rows *rows; /* NULL: still compressed, for who decodes it */
    aip__ipc_batch packed;
    aip__buffer *body;
    aip__arrow_words **words; /* the dictionaries as they were; retained */
    int64_t first_row;
    int64_t at; /* of the batch's metadata */
} part;

typedef struct run { /* an item */
    part *part;
    int64_t start, n;
} run;

typedef struct reader {
    aip_context *ctx;
    aip__ipc_input in;
    aip__ipc_layout layout;
    aip__ipc_schema file;
    const aip_schema *schema;
    int32_t *columns; /* of the file, for each of the schema */
    aip__ipc_wanted choice;
    struct ArrowSchema arrow; /* of the wanted columns */
    struct ArrowSchema **children;
    dictionary *dictionaries;
    int32_t n_dictionaries;
    int32_t *dictionary_of;   /* for each wanted column; -1: none */
    aip__arrow_words **words; /* for each wanted column, as they are now */

    int64_t block; /* by footer: the next */
    bool ended;
    int64_t n_rows;      /* given so far */
    int64_t wanted;      /* bytes of the batch at hand that are */
    int64_t inflated;    /* the same when undone, of a batch that is left compressed, else 0 */
    aip__ipc_batch rows; /* being read by rows, from `at` on, when it has any */
    part *part;          /* or: being cut, from `at` on */
    int64_t at;
} reader;

/* ---- opening ------------------------------------------------------------------------------------------------------------------------- */

static void part_free(part *p) {
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) return;
    aip__arrow_rows_free(p->rows);
    for (int32_t i = 0; p->words && i < p->packed.n; i++) aip__arrow_words_free(p->words[i]);
    aip__free(p->ctx, p->words);
    aip__ipc_batch_free(p->ctx, &p->packed);
    aip__buffer_free(p->body);
    aip__free(p->ctx, p);
}

static void forget_words(dictionary *d) {
    aip__arrow_words_free(d->words);
    aip__arrow_growth_free(d->growth);
    d->words = NULL;
    d->growth = NULL;
}

static void end_reading(void *self) {
    reader *r = self;
    part_free(r->part);
    r->part = NULL;
    aip__ipc_batch_free(r->ctx, &r->rows);
    for (int32_t i = 0; i < r->n_dictionaries; i++) { forget_words(&r->dictionaries[i]); }
}

static void reader_close(void *self) {
    reader *r = self;
    if (!r) return;
    end_reading(r);
    aip__ipc_layout_free(r->ctx, &r->layout);
    aip__ipc_schema_free(&r->file);
    aip__free(r->ctx, r->columns);
    aip__free(r->ctx, r->children);
    aip__free(r->ctx, r->dictionaries);
    aip__free(r->ctx, r->dictionary_of);
    aip__free(r->ctx, r->words);
    aip__free(r->ctx, r);
}

static bool same_type(const aip__arrow_type *t, const aip_field *f) {
    bool same_zone = t->zone && f->zone ? strcmp(t->zone, f->zone) == 0 : t->zone == f->zone;
    return t->type == f->type && (t->type != AIP_DECIMAL64 || t->scale == f->scale) && (t->type != AIP_TIMESTAMP || same_zone);
}

static int32_t at_column(const reader *r, const char *name, int32_t status, aip_error **err) {
    aip__error_at_data_column(err, name);
    aip__error_at_source(err, r->in.source);
    return status;
}

/* The file's columns by name: mostly the one after the last. */
static int32_t find_columns(reader *r, char *const *from, aip_error **err) {
    int32_t n = r->file.n, at = -1;
    for (int32_t i = 0; i < r->schema->n; i++) {
        int32_t looked = 0;
        for (; looked < n; looked++) {
            at = (at + 1) % n;
            if (strcmp(r->file.columns[at].name, from[i]) == 0) break;
        }
        if (looked == n)
            return at_column(r, from[i], aip__error_set(err, AIP_E_SCHEMA, "no column '%s' in this file", from[i]), err);
        const aip__ipc_column *c = &r->file.columns[at];
        if (c->type.type == 0) return at_column(r, c->name, aip__error_set(err, AIP_E_UNSUPPORTED, "%s", c->refused), err);
        if (!same_type(&c->type, &r->schema->fields[i]))
            return at_column(r, c->name,
                             aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s, expected %s", c->name,
                                            aip_type_name(c->type.type), aip_type_name(r->schema->fields[i].type)),
                             err);
        r->columns[i] = at;
        r->children[i] = &r->file.columns[at].schema;
    }
    return AIP_OK;
}

/* Columns may share a dictionary, then of one type. */
static int32_t find_dictionaries(reader *r, aip_error **err) {
    for (int32_t i = 0; i < r->schema->n; i++) {
        const aip__ipc_column *c = &r->file.columns[r->columns[i]];
        int32_t d = 0;
        r->dictionary_of[i] = -1;
        if (c->type.type != AIP_DICTIONARY) continue;
        while (d < r->n_dictionaries && r->dictionaries[d].id != c->dictionary_id) d++;
        r->dictionary_of[i] = d;
        if (d < r->n_dictionaries) {
            if (strcmp(r->dictionaries[d].values.format, c->values_format) == 0) continue;
            return at_column(
                r, c->name,
                aip__ipc_bad(&r->in, 0, err, "column '%s': its dictionary is of another type in another column", c->name), err);
        }
        dictionary *n = &r->dictionaries[r->n_dictionaries++];
        n->id = c->dictionary_id;
        n->values = (aip__ipc_column){.schema = c->values, .name = c->name, .format = c->values_format, .n_nodes = 1};
        AIP__TRY(aip__arrow_type_of(&n->values.schema, &n->values.type, err));
        n->values.views = n->values.type.layout == ARROW_VIEW;
        n->values.n_buffers = n->values.views ? 2 : 3;
        n->schema = (aip__ipc_schema){.ctx = r->ctx,
                                      .n = 1,
                                      .columns = &n->values,
                                      .n_nodes = 1,
                                      .n_buffers = n->values.n_buffers,
                                      .n_views = n->values.views};
    }
    return AIP_OK;
}

static void keep(struct ArrowSchema *s) { (void)s; }

static int32_t reader_open(void *format, aip__stream *stream, const char *source, const aip_schema *schema, char *const *from,
                           void **out, aip_error **err) {
    aip_context *ctx = format;
    size_t n = (size_t)schema->n + 1;
    reader *r = aip__calloc(ctx, 1, sizeof *r);
    if (!r) return aip__error_memory(ctx, err);
    r->ctx = ctx;
    r->schema = schema;
    aip__ipc_input_init(&r->in, ctx, stream, source);
    r->columns = aip__calloc(ctx, n, sizeof *r->columns);
    r->children = aip__calloc(ctx, n, sizeof(struct ArrowSchema *));
    r->dictionaries = aip__calloc(ctx, n, sizeof *r->dictionaries);
    r->dictionary_of = aip__calloc(ctx, n, sizeof *r->dictionary_of);
    r->words = aip__calloc(ctx, n, sizeof(aip__arrow_words *));
    bool made = r->columns && r->children && r->dictionaries && r->dictionary_of && r->words;
    int32_t status = made ? aip__ipc_begin(&r->in, &r->layout, &r->file, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK) status = find_columns(r, from, err);
    if (status == AIP_OK) status = find_dictionaries(r, err);
    if (status != AIP_OK) {
        reader_close(r);
        return status;
    }
    r->choice = (aip__ipc_wanted){.schema = &r->file, .columns = r->columns, .n = schema->n};
    r->arrow = (struct ArrowSchema){.format = "+s", .n_children = schema->n, .children = r->children, .release = keep};
    *out = r;
    return AIP_OK;
}

/* ---- bodies -------------------------------------------------------------------------------------------------------------------------- */

static int32_t read_body(reader *r, const aip__ipc_message *m, aip__buffer **out, aip_error **err) {
    if (!r->layout.by_footer) return aip__ipc_read(&r->in, m->body_length, "a body", out, err);
    aip__buffer *b = aip__buffer_new(r->ctx, (size_t)m->body_length);
    if (!b) return aip__error_memory(r->ctx, err);
    int32_t status = aip__ipc_read_at(&r->in, m->body, m->body_length, "a body", b->data, err);
    if (status != AIP_OK) {
        aip__buffer_free(b);
        return status;
    }
    *out = b;
    return AIP_OK;
}

static int32_t skip_body(reader *r, const aip__ipc_message *m, aip_error **err) {
    return r->layout.by_footer ? AIP_OK : aip__ipc_skip(&r->in, m->body_length, err);
}

/* A structure that the import refuses is a damaged file. */
static int32_t imported(const char *source, int64_t at, int32_t status, aip_error **err) {
    if (status == AIP_E_MISUSE) {
        char why[512] = "the structure of a batch is wrong", column[256] = "";
        if (err && *err) snprintf(why, sizeof why, "%s", aip_error_message(*err));
        if (err && aip_error_data_column(*err)) snprintf(column, sizeof column, "%s", aip_error_data_column(*err));
        aip__error_set(err, AIP_E_CORRUPT, "%s", why);
        if (*column) aip__error_at_data_column(err, column);
        status = AIP_E_CORRUPT;
    }
    if (status == AIP_E_CORRUPT || status == AIP_E_DATA) {
        aip__error_at_source(err, source);
        aip__error_at_offset(err, at);
    }
    return status;
}

/* An array over a body, compressed or not. */
static int32_t load(const reader *r, const aip__ipc_wanted *w, const aip__ipc_batch *b, aip__buffer *body, struct ArrowArray *out,
                    aip_error **err) {
    aip__ipc_batch plain = {0};
    aip__buffer *undone = NULL;
    if (b->codec == AIP__IPC_PLAIN) return aip__ipc_load_body(&r->in, w, b, body, out, err);
    AIP__TRY(aip__ipc_inflate(&r->in, b, body, &plain, &undone, err));
    int32_t status = aip__ipc_load_body(&r->in, w, &plain, undone, out, err);
    aip__buffer_free(undone);
    aip__free(r->ctx, plain.buffers);
    return status;
}

/* ---- dictionaries -------------------------------------------------------------------------------------------------------------------- */

static int32_t take_words(reader *r, dictionary *d, bool delta, const aip__ipc_batch *b, aip__buffer *body, aip_error **err) {
    static const int32_t first = 0;
    aip__ipc_wanted wanted = {.schema = &d->schema, .columns = &first, .n = 1};
    struct ArrowArray array = {0};
    aip__arrow_words *words = NULL;
    AIP__TRY(load(r, &wanted, b, body, &array, err));
    int32_t status =
        delta ? aip__arrow_words_add(&d->growth, d->words, d->values.name, &d->values.schema, array.children[0], &words, err)
              : aip__arrow_words_new(r->ctx, d->values.name, &d->values.schema, array.children[0], &words, err);
    array.release(&array);
    if (status != AIP_OK) return imported(r->in.source, b->at, status, err);
    if (!delta) forget_words(d);
    aip__arrow_words_free(d->words);
    d->words = words;
    return AIP_OK;
}

static int32_t take_dictionary(reader *r, aip__ipc_message *m, aip_error **err) {
    static const int32_t first = 0;
    int64_t id = aip__flat_i64(&m->header, DICTIONARY_ID, 0);
    bool delta = aip__flat_u8(&m->header, DICTIONARY_DELTA, 0) != 0;
    aip__flat_table data = aip__flat_get_table(&m->header, DICTIONARY_DATA);
    aip__ipc_batch b = {0};
    aip__buffer *body = NULL;
    int32_t i = 0;
    if (m->flat.bad)
        return aip__ipc_bad(&r->in, m->offset + (int64_t)m->flat.bad_at, err, "the metadata is damaged: %s", m->flat.bad);
    while (i < r->n_dictionaries && r->dictionaries[i].id != id) i++;
    if (i == r->n_dictionaries) return skip_body(r, m, err);
    dictionary *d = &r->dictionaries[i];
    if (delta ? !d->words : d->words && r->layout.file)
        return aip__ipc_bad(&r->in, m->offset, err,
                            delta ? "dictionary %lld is added to before it was given"
                                  : "dictionary %lld is given twice, which a file may not do: expected an addition",
                            (long long)id);
    AIP__TRY(aip__ipc_batch_read(&r->in, &data, m, &d->schema, &first, 1, &b, err));
    int32_t status = read_body(r, m, &body, err);
    if (status == AIP_OK) status = take_words(r, d, delta, &b, body, err);
    aip__buffer_free(body);
    aip__ipc_batch_free(r->ctx, &b);
    return status;
}

static int32_t current_words(reader *r, int64_t offset, aip_error **err) {
    for (int32_t i = 0; i < r->schema->n; i++) {
        int32_t d = r->dictionary_of[i];
        r->words[i] = d < 0 ? NULL : r->dictionaries[d].words;
        if (d >= 0 && !r->words[i])
            return aip__ipc_bad(&r->in, offset, err, "column '%s': expected its dictionary, of number %lld, before its rows",
                                r->file.columns[r->columns[i]].name, (long long)r->dictionaries[d].id);
    }
    return AIP_OK;
}

/* ---- batches ------------------------------------------------------------------------------------------------------------------------- */

/* Takes the array over. */
static int32_t part_new(reader *r, struct ArrowArray *array, int64_t at, part **out, aip_error **err) {
    part *p = aip__calloc(r->ctx, 1, sizeof *p);
    if (!p) {
        array->release(array);
        return aip__error_memory(r->ctx, err);
    }
    atomic_init(&p->refs, 1);
    p->ctx = r->ctx;
    p->at = at;
    int32_t status = aip__arrow_rows_with_words(r->schema, &r->arrow, array, r->words, r->n_rows, &p->rows, err);
    if (status != AIP_OK) {
        part_free(p);
        return imported(r->in.source, at, status, err);
    }
    *out = p;
    return AIP_OK;
}

/* Whether to read only what the rows of an item need, column by column: where any place can be read, and the batch has more rows than an
 * item, or much of it is not wanted. */
static bool by_rows(const reader *r, const aip__ipc_batch *b) {
    return r->in.size >= 0 && b->codec == AIP__IPC_PLAIN && !b->views
           && (b->n_rows > AIP_BATCH_MAX_ROWS || r->wanted < b->body_length / 2);
}

/* A compressed batch of one item is left to who decodes that. Takes the batch's metadata and the body over, also on failure. */
static int32_t packed_part(reader *r, aip__ipc_batch *b, aip__buffer *body, aip_error **err) {
    part *p = aip__calloc(r->ctx, 1, sizeof *p);
    if (!p) {
        aip__buffer_free(body);
        return aip__error_memory(r->ctx, err);
    }
    atomic_init(&p->refs, 1);
    p->ctx = r->ctx;
    p->at = b->at;
    p->packed = *b;
    *b = (aip__ipc_batch){0};
    p->body = body;
    p->first_row = r->n_rows;
    p->words = aip__calloc(r->ctx, (size_t)p->packed.n + 1, sizeof(aip__arrow_words *));
    if (!p->words) {
        part_free(p);
        return aip__error_memory(r->ctx, err);
    }
    for (int32_t i = 0; i < p->packed.n; i++)
        if (r->words[i]) p->words[i] = aip__arrow_words_retain(r->words[i]);
    r->part = p;
    return AIP_OK;
}

static int32_t load_whole(reader *r, const aip__ipc_message *m, aip__ipc_batch *b, aip_error **err) {
    aip__buffer *body = NULL;
    struct ArrowArray array = {0};
    AIP__TRY(read_body(r, m, &body, err));
    if (b->codec != AIP__IPC_PLAIN && b->n_rows <= AIP_BATCH_MAX_ROWS) {
        int32_t told = aip__ipc_inflated_bytes(&r->in, b, body, &r->inflated, err);
        if (told == AIP_OK) return packed_part(r, b, body, err);
        aip__buffer_free(body);
        return told;
    }
    int32_t status = load(r, &r->choice, b, body, &array, err);
    if (status == AIP_OK) status = part_new(r, &array, b->at, &r->part, err);
    aip__buffer_free(body);
    return status;
}

static int32_t take_batch(reader *r, const aip__ipc_message *m, aip_error **err) {
    aip__ipc_batch b = {0};
    AIP__TRY(aip__ipc_batch_read(&r->in, &m->header, m, &r->file, r->columns, r->schema->n, &b, err));
    int32_t status = b.n_rows > 0 ? current_words(r, m->offset, err) : AIP_OK;
    r->at = r->wanted = r->inflated = 0;
    for (int32_t i = 0; i < b.first[b.n]; i++) r->wanted += b.buffers[i].length; /* each within the body, which is in the file */
    if (status == AIP_OK && (b.n_rows == 0 || by_rows(r, &b))) {
        status = skip_body(r, m, err);
        if (status == AIP_OK) {
            r->rows = b;
            return AIP_OK;
        }
    } else if (status == AIP_OK) {
        status = load_whole(r, m, &b, err);
    }
    aip__ipc_batch_free(r->ctx, &b);
    return status;
}

static int32_t take_message(reader *r, aip__ipc_message *m, aip_error **err) {
    switch (m->type) {
    case AIP__IPC_DICTIONARY: return take_dictionary(r, m, err);
    case AIP__IPC_RECORD_BATCH: return take_batch(r, m, err);
    default: return aip__ipc_bad(&r->in, m->offset, err, "expected a dictionary or a record batch, found a second schema");
    }
}

/* The next message that the file's footer places, or that comes. */
static int32_t next_message(reader *r, aip__ipc_message *m, aip_error **err) {
    if (!r->layout.by_footer) return aip__ipc_message_next(&r->in, m, err);
    *m = (aip__ipc_message){0};
    if (r->block == r->layout.n_blocks) return AIP_OK;
    const aip__ipc_block *b = &r->layout.blocks[r->block];
    int expected = r->block < r->layout.n_dictionaries ? AIP__IPC_DICTIONARY : AIP__IPC_RECORD_BATCH;
    r->block++;
    AIP__TRY(aip__ipc_message_at(&r->in, b, m, err));
    if (m->type == expected) return AIP_OK;
    int found = m->type;
    aip__ipc_message_free(m);
    return aip__ipc_bad(&r->in, b->offset, err, "expected a %s, as the footer says, found a message of kind %d",
                        expected == AIP__IPC_DICTIONARY ? "dictionary" : "record batch", found);
}

/* Until there are rows to cut, or the end. */
static int32_t advance(reader *r, aip_error **err) {
    while (!r->ended && !r->part && r->rows.n_rows == 0) {
        aip__ipc_message m = {0};
        AIP__TRY(next_message(r, &m, err));
        if (!m.metadata) {
            if (!r->layout.by_footer) AIP__TRY(aip__ipc_end(&r->in, &r->layout, err));
            r->ended = true;
            return AIP_OK;
        }
        aip__ipc_batch_free(r->ctx, &r->rows);
        int32_t status = take_message(r, &m, err);
        if (status == AIP_OK && r->layout.by_footer) aip__stream_move(r->in.stream, m.body + m.body_length);
        aip__ipc_message_free(&m);
        if (status != AIP_OK) return status;
    }
    return AIP_OK;
}

/* What an item's rows take: as they lie, and once more where they are converted; of a batch that is left compressed, its body besides. What a
 * file says of sizes may be anything: sums must not overflow. */
static int64_t memory_of(const reader *r, int64_t bytes) {
    int64_t most = INT64_C(1) << 50, plain = r->inflated > 0 ? r->inflated : bytes;
    return 2 * (plain < most ? plain : most) + (r->inflated > 0 ? bytes : 0);
}

/* The next rows of the batch at hand, read now or in memory already. */
static int32_t cut(reader *r, int64_t *start, int64_t *n, int64_t *bytes, part **out, aip_error **err) {
    const part *p = r->part;
    int64_t rows = !p ? r->rows.n_rows : p->rows ? aip__arrow_rows_count(p->rows) : p->packed.n_rows, left = rows - r->at;
    *n = left < AIP_BATCH_MAX_ROWS ? left : AIP_BATCH_MAX_ROWS;
    *bytes = (int64_t)((double)r->wanted * (double)*n / (double)rows);
    if (r->part) {
        *start = r->at;
        atomic_fetch_add_explicit(&r->part->refs, 1, memory_order_relaxed);
        *out = r->part;
    } else {
        struct ArrowArray array = {0};
        *start = 0;
        AIP__TRY(aip__ipc_load_rows(&r->in, &r->choice, &r->rows, r->at, *n, &array, err));
        AIP__TRY(part_new(r, &array, r->rows.at, out, err));
    }
    r->at += *n;
    r->n_rows += r->part ? 0 : *n;
    if (r->at < rows) return AIP_OK;
    r->n_rows += r->part ? rows : 0;
    part_free(r->part);
    r->part = NULL;
    aip__ipc_batch_free(r->ctx, &r->rows);
    return AIP_OK;
}

static int32_t reader_next(void *self, aip__item *item, bool *end, aip_error **err) {
    reader *r = self;
    AIP__TRY(advance(r, err));
    *end = r->ended;
    if (r->ended) return AIP_OK;
    run *c = aip__alloc(r->ctx, sizeof *c);
    if (!c) return aip__error_memory(r->ctx, err);
    int64_t bytes = 0;
    int32_t status = cut(r, &c->start, &c->n, &bytes, &c->part, err);
    if (status != AIP_OK) {
        aip__free(r->ctx, c);
        return status;
    }
    *item = (aip__item){.data = c, .bytes = bytes, .memory = memory_of(r, bytes)};
    return AIP_OK;
}

/* The rows of a part that is still compressed. */
static int32_t unpack(const reader *r, const part *p, aip__arrow_rows **out, aip_error **err) {
    struct ArrowArray array = {0};
    AIP__TRY(load(r, &r->choice, &p->packed, p->body, &array, err));
    int32_t status = aip__arrow_rows_with_words(r->schema, &r->arrow, &array, p->words, p->first_row, out, err);
    return status == AIP_OK ? AIP_OK : imported(r->in.source, p->at, status, err);
}

static int32_t reader_decode(void *self, const aip__item *item, aip__decoded *out, aip_error **err) {
    const reader *r = self;
    const run *c = item->data;
    aip__arrow_rows *rows = NULL;
    if (!c->part->rows) AIP__TRY(unpack(r, c->part, &rows, err));
    int32_t status = aip__arrow_rows_batch(rows ? rows : c->part->rows, c->start, c->n, &out->batch, err);
    aip__arrow_rows_free(rows);
    if (status != AIP_OK) return imported(r->in.source, c->part->at, status, err);
    out->n_records = c->n;
    return AIP_OK;
}

static void reader_item_free(void *self, aip__item *item) {
    reader *r = self;
    run *c = item->data;
    if (!c) return;
    part_free(c->part);
    aip__free(r->ctx, c);
    item->data = NULL;
}

/* ---- the look at a file ----------------------------------------------------------------------------------------------------------------- */

static int32_t describe(const aip__ipc_schema *s, aip_context *ctx, aip__sample *out, aip_error **err) {
    size_t n = (size_t)s->n + 1;
    out->names = aip__calloc(ctx, n, sizeof *out->names);
    out->fields = aip__calloc(ctx, n, sizeof *out->fields);
    out->refused = aip__calloc(ctx, n, sizeof *out->refused);
    if (!out->names || !out->fields || !out->refused) return aip__error_memory(ctx, err);
    out->n = s->n;
    for (int32_t i = 0; i < s->n; i++) {
        const aip__ipc_column *c = &s->columns[i];
        aip_field *f = &out->fields[i];
        *f = aip__field(NULL, c->type.type);
        f->scale = c->type.type == AIP_DECIMAL64 ? c->type.scale : 0;
        f->nullable = c->type.layout == ARROW_NULL || (c->schema.flags & ARROW_FLAG_NULLABLE) != 0;
        out->names[i] = aip__strdup(ctx, c->name);
        if (c->extension && f->type) aip__arrow_tell_extension(ctx, c->name, c->extension, strlen(c->extension), f->type);
        if (c->type.zone) f->zone = aip__strdup(ctx, c->type.zone);
        if (c->refused) out->refused[i] = aip__strdup(ctx, c->refused);
        if (!out->names[i] || (c->type.zone && !f->zone) || (c->refused && !out->refused[i])) return aip__error_memory(ctx, err);
    }
    return AIP_OK;
}

static int32_t sample(void *format, aip__stream *stream, const char *source, int64_t max_rows, aip__sample *out,
                      aip_error **err) {
    aip_context *ctx = format;
    aip__ipc_input in;
    aip__ipc_layout layout = {0};
    aip__ipc_schema schema = {0};
    (void)max_rows; /* the schema says all */
    aip__ipc_input_init(&in, ctx, stream, source);
    AIP__TRY(aip__ipc_begin(&in, &layout, &schema, err));
    int32_t status = describe(&schema, ctx, out, err);
    aip__ipc_layout_free(ctx, &layout);
    aip__ipc_schema_free(&schema);
    if (status != AIP_OK) aip__sample_free(ctx, out);
    return status;
}

/* ---- the format ------------------------------------------------------------------------------------------------------------------------- */

/* There is nothing to choose when reading: a format is its context. */
static int32_t create(aip_context *ctx, const aip_params *params, const char *extension, void **format, aip_error **err) {
    (void)params, (void)extension, (void)err;
    *format = ctx;
    return AIP_OK;
}

static void destroy(void *format) { (void)format; }

static const aip__format_ops ops = {
    .extensions = "arrow|feather|arrows|ipc",
    .typed = true,
    .write_params = aip__ipc_write_params,
    .n_write_params = AIP__IPC_N_WRITE_PARAMS,
    .create = create,
    .destroy = destroy,
    .sample = sample,
    .open = reader_open,
    .next = reader_next,
    .decode = reader_decode,
    .item_free = reader_item_free,
    .end_reading = end_reading,
    .close = reader_close,
    .write_begin = aip__ipc_write_begin,
    .write_batch = aip__ipc_write_batch,
    .write_pieces = aip__ipc_write_pieces,
    .write_place = aip__ipc_write_place,
    .write_end = aip__ipc_write_end,
    .write_free = aip__ipc_write_free,
};

const aip_descriptor aip__arrow_ipc_descriptor = {
    .struct_size = sizeof(aip_descriptor),
    .kind = AIP_KIND_FORMAT,
    .name = "arrow",
    .doc = "Arrow IPC files and streams, Feather version 2: whether it is a file or a stream is seen by its first bytes",
    .param_stride = sizeof(aip_param_spec),
    .ops = &ops,
    .version = 1,
};
