/* Imported dictionaries, and columns of codes of them.
 *
 * A producer's dictionary may hold a text twice, or a null; ours may not. So each of its codes has one of ours. One that grows (deltas) is gathered
 * in buffers that double: what was handed out before keeps standing on the part of them that it knows, or on those that they outgrew, and adding
 * takes time and memory for what is added alone. */
#include "base/checked.h"
#include "data/arrow_inside.h"

typedef aip__arrow_input input;

struct aip__arrow_growth {
    aip_context *ctx;
    aip__text_set set;
    aip__buffer *codes; /* as in words */
    int64_t n_codes;
    bool same_codes;
};

aip__arrow_words *aip__arrow_words_retain(aip__arrow_words *w) {
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return w;
}

void aip__arrow_words_free(aip__arrow_words *w) {
    if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1) return;
    aip_context *ctx = w->ctx;
    aip__column_free(w->texts);
    aip__buffer_free(w->codes_buffer);
    aip__free(ctx, w);
    aip__context_release(ctx);
}

/* ---- gathering ------------------------------------------------------------------------------------------------------------------------ */

void aip__arrow_growth_free(aip__arrow_growth *g) {
    if (!g) return;
    if (g->set.ctx) aip__text_set_abandon(&g->set);
    aip__buffer_free(g->codes);
    aip__free(g->ctx, g);
}

static int32_t growth_new(aip_context *ctx, int64_t expected, aip__arrow_growth **out, aip_error **err) {
    aip__arrow_growth *g = aip__calloc(ctx, 1, sizeof *g);
    if (!g) return aip__error_memory(ctx, err);
    g->ctx = ctx;
    g->same_codes = true;
    g->codes = aip__buffer_new(ctx, 0);
    int32_t status = g->codes ? aip__text_set_begin(&g->set, ctx, expected, err) : aip__error_memory(ctx, err);
    if (status != AIP_OK) {
        aip__arrow_growth_free(g);
        return status;
    }
    *out = g;
    return AIP_OK;
}

/* Room for n more codes. What others hold of the buffer is never written to. */
static int32_t *more_codes(aip__arrow_growth *g, int64_t n) {
    size_t need = 0;
    if (aip__rows_size(g->n_codes + n, sizeof(int32_t), &need)) return NULL;
    if (need > g->codes->capacity) {
        size_t twice = g->codes->capacity * 2;
        aip__buffer *b = aip__buffer_new(g->ctx, twice > need ? twice : need);
        if (!b) return NULL;
        if (g->n_codes > 0) memcpy(b->data, g->codes->data, (size_t)g->n_codes * sizeof(int32_t));
        aip__buffer_free(g->codes);
        g->codes = b;
    }
    return (int32_t *)(void *)g->codes->data + g->n_codes;
}

/* Adds texts to the set; those that are null, or there already, take no new code of ours. */
static int32_t add_texts(aip__arrow_growth *g, const aip__column *texts, aip_error **err) {
    if (texts->length > INT32_MAX - g->n_codes)
        return aip__error_set(err, AIP_E_DATA, "more than 2147483647 texts in a dictionary");
    int32_t *codes = more_codes(g, texts->length);
    if (!codes) return aip__error_memory(g->ctx, err);
    for (int64_t k = 0; k < texts->length; k++) {
        size_t n = 0;
        codes[k] = -1;
        if (aip__valid(texts->validity, k)) {
            const char *s = aip__column_text(texts, k, &n);
            AIP__TRY(aip__text_set_add(&g->set, s, n, &codes[k], err));
        }
        g->same_codes &= codes[k] == g->n_codes + k;
    }
    g->n_codes += texts->length;
    return AIP_OK;
}

/* A growth that begins with what words hold: their texts are distinct, and keep their codes. */
static int32_t add_words(aip__arrow_growth *g, const aip__arrow_words *w, aip_error **err) {
    AIP__TRY(add_texts(g, w->texts, err));
    g->n_codes = 0;
    int32_t *codes = more_codes(g, w->n_codes);
    if (!codes) return aip__error_memory(g->ctx, err);
    if (w->n_codes > 0) memcpy(codes, w->codes, (size_t)w->n_codes * sizeof(int32_t));
    g->n_codes = w->n_codes;
    g->same_codes = w->same_codes;
    return AIP_OK;
}

static void release_buffer(void *owner) { aip__buffer_free(owner); }

/* The first n bytes of a buffer that may still be added to behind them. */
static aip__buffer *beginning(aip__buffer *b, size_t n) {
    aip__buffer *part = aip__buffer_wrap(b->ctx, b->data, n, release_buffer, aip__buffer_retain(b));
    if (!part) aip__buffer_free(b);
    return part;
}

/* The texts so far, which stay as they are while others are added. */
static aip__column *texts_so_far(const aip__arrow_growth *g) {
    const aip__utf8_builder *b = &g->set.texts;
    const int32_t *offsets = (const int32_t *)(const void *)b->offsets->data;
    aip__column *c = aip__column_blank(g->ctx, AIP_UTF8, b->length);
    if (!c) return NULL;
    c->offsets_buffer = beginning(b->offsets, ((size_t)b->length + 1) * sizeof(int32_t));
    c->values_buffer = beginning(b->bytes, (size_t)offsets[b->length]);
    if (!c->offsets_buffer || !c->values_buffer) {
        aip__column_free(c);
        return NULL;
    }
    c->offsets = offsets;
    c->values = b->bytes->data;
    return c;
}

static int32_t words_of(const aip__arrow_growth *g, aip__column *texts, aip__arrow_words **out, aip_error **err) {
    aip__arrow_words *w = texts ? aip__calloc(g->ctx, 1, sizeof *w) : NULL;
    if (!w) {
        aip__column_free(texts);
        return aip__error_memory(g->ctx, err);
    }
    atomic_init(&w->refs, 1);
    w->ctx = aip__context_retain(g->ctx);
    w->texts = texts;
    w->codes_buffer = aip__buffer_retain(g->codes);
    w->codes = (const int32_t *)(const void *)g->codes->data;
    w->n_codes = g->n_codes;
    w->same_codes = g->same_codes;
    *out = w;
    return AIP_OK;
}

/* The texts of an array, as a column that stands on `owner`, which must outlive it. */
static int32_t import_texts(aip__arrow_rows *owner, const char *column, const struct ArrowSchema *schema, aip__column **out,
                            aip_error **err) {
    aip__arrow_type t = {0};
    aip_field f = aip__field(column, AIP_UTF8);
    const struct ArrowArray *a = &owner->array;
    AIP__TRY(aip__arrow_type_of(schema, &t, err));
    AIP__TRY(aip__arrow_check_array(a, t.layout, 0, a->length, column, err));
    input in = aip__arrow_input_of(owner, a, &t, &f, 0, 0, a->length);
    return aip__arrow_import_column(&in, NULL, out, err);
}

int32_t aip__arrow_words_new(aip_context *ctx, const char *column, const struct ArrowSchema *values_schema,
                             const struct ArrowArray *values, aip__arrow_words **out, aip_error **err) {
    aip__arrow_growth *g = NULL;
    aip__column *texts = NULL, *distinct = NULL;
    aip__arrow_rows owner = {.ctx = ctx, .array = *values}; /* of what is shared, which ends with this call */
    atomic_init(&owner.refs, 1);
    AIP__TRY(import_texts(&owner, column, values_schema, &texts, err));
    int32_t status = growth_new(ctx, texts->length, &g, err);
    if (status == AIP_OK) status = add_texts(g, texts, err);
    if (status == AIP_OK) status = aip__text_set_end(&g->set, &distinct, err);
    if (status == AIP_OK) status = words_of(g, distinct, out, err);
    aip__column_free(texts);
    aip__arrow_growth_free(g);
    return status;
}

int32_t aip__arrow_words_add(aip__arrow_growth **growth, const aip__arrow_words *before, const char *column,
                             const struct ArrowSchema *values_schema, const struct ArrowArray *values, aip__arrow_words **out,
                             aip_error **err) {
    aip_context *ctx = before->ctx;
    aip__column *texts = NULL;
    aip__arrow_rows owner = {.ctx = ctx, .array = *values};
    atomic_init(&owner.refs, 1);
    AIP__TRY(import_texts(&owner, column, values_schema, &texts, err));
    int32_t status = AIP_OK;
    if (!*growth) {
        status = growth_new(ctx, before->texts->length + texts->length, growth, err);
        if (status == AIP_OK) status = add_words(*growth, before, err);
    }
    if (status == AIP_OK) status = add_texts(*growth, texts, err);
    if (status == AIP_OK) status = words_of(*growth, texts_so_far(*growth), out, err);
    aip__column_free(texts);
    return status;
}

/* ---- codes ------------------------------------------------------------------------------------------------------------------------------ */

static int64_t code_at(const input *in, int64_t i) {
    static const uint8_t widths[] = {[ARROW_I8] = 1,  [ARROW_U8] = 1,  [ARROW_I16] = 2, [ARROW_U16] = 2,
                                     [ARROW_I32] = 4, [ARROW_U32] = 4, [ARROW_I64] = 8, [ARROW_U64] = 8};
    const uint8_t *p = aip__arrow_buffer(in, 1) + (size_t)(in->start + i) * widths[in->type->layout];
    int16_t i16 = 0;
    uint16_t u16 = 0;
    int32_t i32 = 0;
    uint32_t u32 = 0;
    int64_t i64 = 0;
    switch (in->type->layout) {
    case ARROW_I8: return (int8_t)*p;
    case ARROW_U8: return *p;
    case ARROW_I16: memcpy(&i16, p, 2); return i16;
    case ARROW_U16: memcpy(&u16, p, 2); return u16;
    case ARROW_I32: memcpy(&i32, p, 4); return i32;
    case ARROW_U32: memcpy(&u32, p, 4); return u32;
    default: memcpy(&i64, p, 8); return i64; /* a uint64 past int64 is negative, and out of range either way */
    }
}

/* Row by row: names the row that is wrong, and gives a null for a code of one. */
static int32_t code_rows(const input *in, const aip__arrow_words *w, aip__column *c, aip_error **err) {
    uint8_t *validity = in->validity ? aip__column_validity_mut(c) : NULL;
    if (in->validity && !validity) return aip__error_memory(c->ctx, err);
    if (validity) aip__bitmap_copy(validity, in->validity, in->start, in->n);
    int32_t *to = aip__column_i32_mut(c);
    for (int64_t i = 0; i < in->n; i++) {
        to[i] = 0;
        if (!aip__arrow_valid(in, i)) continue;
        int64_t code = code_at(in, i);
        if (code < 0 || code >= w->n_codes) return aip__arrow_bad_value(in, i, "a code that is not in its dictionary", err);
        if (w->codes[code] >= 0) {
            to[i] = w->codes[code];
            continue;
        }
        if (!validity) validity = aip__column_validity_mut(c);
        if (!validity) return aip__error_memory(c->ctx, err);
        aip__bit_clear(validity, i);
    }
    return AIP_OK;
}

/* All codes at once, those of nulls too. False: it must be done row by row. */
static bool code_block(const input *in, const aip__arrow_words *w, int32_t *to) {
    switch (in->type->layout) {
    case ARROW_I8: aip__arrow_widen_i8(aip__arrow_values(in, 1), in->n, to); break;
    case ARROW_U8: aip__arrow_widen_u8(aip__arrow_values(in, 1), in->n, to); break;
    case ARROW_I16: aip__arrow_widen_i16(aip__arrow_values(in, 2), in->n, to); break;
    case ARROW_U16: aip__arrow_widen_u16(aip__arrow_values(in, 2), in->n, to); break;
    case ARROW_I32:
    case ARROW_U32:
        if (in->n > 0) memcpy(to, aip__arrow_values(in, 4), (size_t)in->n * 4);
        break;
    default: return false;
    }
    return aip__arrow_codes_below((const uint8_t *)to, in->n, (uint32_t)w->n_codes)
           && (w->same_codes || aip__arrow_recode(to, in->n, w->codes));
}

int32_t aip__arrow_import_codes(const input *in, const aip__arrow_words *w, aip__column **out, aip_error **err) {
    bool four = in->type->layout == ARROW_I32 || in->type->layout == ARROW_U32;
    const uint8_t *from = four ? aip__arrow_values(in, 4) : NULL;
    aip__column *c = NULL;
    if (from && w->same_codes && aip__arrow_aligned(from, 4) && aip__arrow_codes_below(from, in->n, (uint32_t)w->n_codes)
        && aip__arrow_zero_at_nulls(from, 4, in->validity, in->start, in->n)) {
        AIP__TRY(aip__arrow_share_values(in, AIP_DICTIONARY, from, (size_t)in->n * 4, out, err));
        (*out)->dictionary = aip__column_retain(w->texts);
        return AIP_OK;
    }
    AIP__TRY(aip__column_new(in->rows->ctx, AIP_DICTIONARY, in->n, false, &c, err));
    c->dictionary = aip__column_retain(w->texts);
    if (code_block(in, w, aip__column_i32_mut(c))) return aip__arrow_finish(in, c, AIP_OK, out, err);
    int32_t status = code_rows(in, w, c, err);
    if (status != AIP_OK) {
        aip__column_free(c);
        return status;
    }
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}
