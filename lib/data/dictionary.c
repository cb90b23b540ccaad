/* Dictionary columns: texts made distinct through an open-addressing set, codes rewritten, several dictionaries joined into one. */
#include "data/dictionary.h"
#include "data/convert_column.h"

#include "base/error.h"
#include "base/hash.h"

static int32_t slots_new(aip__text_set *s, size_t n, aip_error **err) {
    int32_t *slots = aip__alloc(s->ctx, n * sizeof *slots);
    if (!slots) return aip__error_memory(s->ctx, err);
    memset(slots, 0xff, n * sizeof *slots);
    aip__free(s->ctx, s->slots);
    s->slots = slots;
    s->n_slots = n;
    return AIP_OK;
}

static const char *text_at(const aip__text_set *s, int32_t code, size_t *n) {
    const int32_t *offsets = (const int32_t *)(const void *)s->texts.offsets->data;
    *n = (size_t)(offsets[code + 1] - offsets[code]);
    return (const char *)s->texts.bytes->data + offsets[code];
}

int32_t aip__text_set_begin(aip__text_set *s, aip_context *ctx, int64_t expected, aip_error **err) {
    *s = (aip__text_set){.ctx = ctx};
    size_t n = 64;
    while (n < (size_t)expected * 2 && n < (size_t)1 << 32) n *= 2;
    AIP__TRY(slots_new(s, n, err));
    int32_t status = aip__utf8_begin(&s->texts, ctx, AIP_UTF8, expected, (size_t)expected * 8, err);
    if (status != AIP_OK) aip__text_set_abandon(s);
    return status;
}

static int32_t grow(aip__text_set *s, aip_error **err) {
    AIP__TRY(slots_new(s, s->n_slots * 2, err));
    for (int32_t code = 0; code < (int32_t)s->texts.length; code++) {
        size_t n = 0;
        const char *text = text_at(s, code, &n);
        size_t slot = aip__hash64(text, n, 0) & (s->n_slots - 1);
        while (s->slots[slot] >= 0) slot = (slot + 1) & (s->n_slots - 1);
        s->slots[slot] = code;
    }
    return AIP_OK;
}

int32_t aip__text_set_add(aip__text_set *s, const char *bytes, size_t n, int32_t *code, aip_error **err) {
    if ((size_t)s->texts.length * 2 >= s->n_slots) AIP__TRY(grow(s, err));
    size_t slot = aip__hash64(bytes, n, 0) & (s->n_slots - 1);
    for (; s->slots[slot] >= 0; slot = (slot + 1) & (s->n_slots - 1)) {
        size_t m = 0;
        const char *text = text_at(s, s->slots[slot], &m);
        if (m == n && (n == 0 || memcmp(text, bytes, n) == 0)) {
            *code = s->slots[slot];
            return AIP_OK;
        }
    }
    if (s->texts.length >= INT32_MAX) return aip__error_set(err, AIP_E_DATA, "more than 2147483647 texts in a dictionary");
    AIP__TRY(aip__utf8_add(&s->texts, bytes, n, err));
    *code = s->slots[slot] = (int32_t)s->texts.length - 1;
    return AIP_OK;
}

int32_t aip__text_set_end(aip__text_set *s, aip__column **texts, aip_error **err) {
    int32_t status = aip__utf8_end(&s->texts, texts, err);
    aip__text_set_abandon(s);
    return status;
}

void aip__text_set_abandon(aip__text_set *s) {
    aip__utf8_abandon(&s->texts);
    aip__free(s->ctx, s->slots);
    s->slots = NULL;
    s->n_slots = 0;
}

/* Adds every text of a utf8 column; map[i] is the code of text i. */
static int32_t add_all(aip__text_set *s, const aip__column *texts, int32_t *map, aip_error **err) {
    for (int64_t i = 0; i < texts->length; i++) {
        size_t n = 0;
        const char *text = aip__column_text(texts, i, &n);
        AIP__TRY(aip__text_set_add(s, text, n, &map[i], err));
    }
    return AIP_OK;
}

static int32_t *map_new(aip_context *ctx, int64_t n) { return aip__alloc(ctx, (size_t)n * sizeof(int32_t) + 1); }

int32_t aip__dictionary_distinct(const aip__column *texts, aip__column **distinct, int32_t **map, aip_error **err) {
    aip_context *ctx = texts->ctx;
    aip__text_set set = {0};
    int32_t *codes = map_new(ctx, texts->length);
    if (!codes) return aip__error_memory(ctx, err);
    int32_t status = aip__text_set_begin(&set, ctx, texts->length, err);
    if (status == AIP_OK) status = add_all(&set, texts, codes, err);
    if (status == AIP_OK && aip__text_set_count(&set) == texts->length) {
        *distinct = aip__column_retain(texts);
    } else if (status == AIP_OK) {
        status = aip__text_set_end(&set, distinct, err);
        if (status == AIP_OK) *map = codes, codes = NULL;
    }
    if (set.ctx) aip__text_set_abandon(&set);
    aip__free(ctx, codes);
    return status;
}

void aip__dictionary_rewrite(int32_t *codes, const uint8_t *validity, int64_t n, const int32_t *map) {
    for (int64_t i = 0; i < n; i++)
        if (aip__valid(validity, i)) codes[i] = map[codes[i]];
}

int32_t aip__column_dictionary(aip_context *ctx, const int32_t *codes, int64_t n, const aip__column *texts, aip__column **out,
                               aip_error **err) {
    aip__column *c = NULL;
    AIP__TRY(aip__column_new(ctx, AIP_DICTIONARY, n, false, &c, err));
    int32_t *to = aip__column_i32_mut(c);
    bool nulls = false;
    for (int64_t i = 0; i < n; i++) {
        if (codes[i] < -1 || codes[i] >= texts->length) {
            aip__column_free(c);
            return aip__error_set(err, AIP_E_INTERNAL, "code %d of a dictionary of %lld texts", (int)codes[i],
                                  (long long)texts->length);
        }
        nulls |= codes[i] < 0;
        to[i] = codes[i];
    }
    uint8_t *validity = nulls ? aip__column_validity_mut(c) : NULL;
    if (nulls && !validity) {
        aip__column_free(c);
        return aip__error_memory(ctx, err);
    }
    for (int64_t i = 0; nulls && i < n; i++)
        if (codes[i] < 0) aip__bit_clear(validity, i);
    c->dictionary = aip__column_retain(texts);
    aip__column_publish(c);
    *out = c;
    return AIP_OK;
}

int32_t aip__dictionary_join(aip_context *ctx, aip__column *const *parts, int32_t n, int32_t *codes, aip__column **texts,
                             aip_error **err) {
    aip__text_set set = {0};
    int32_t *map = NULL;
    AIP__TRY(aip__text_set_begin(&set, ctx, parts[0]->dictionary->length, err));
    int32_t status = AIP_OK;
    for (int32_t p = 0; p < n && status == AIP_OK; p++) {
        const aip__column *c = parts[p];
        aip__free(ctx, map);
        map = map_new(ctx, c->dictionary->length);
        status = map ? add_all(&set, c->dictionary, map, err) : aip__error_memory(ctx, err);
        if (status == AIP_OK) aip__dictionary_rewrite(codes, c->validity, c->length, map);
        codes += c->length;
    }
    aip__free(ctx, map);
    if (status == AIP_OK) return aip__text_set_end(&set, texts, err);
    aip__text_set_abandon(&set);
    return status;
}

int32_t aip__column_decode(const aip__column *c, aip__column **out, aip_error **err) {
    if (c->type != AIP_DICTIONARY) {
        *out = aip__column_retain(c);
        return AIP_OK;
    }
    const int32_t *codes = aip__column_i32(c), *offsets = c->dictionary->offsets;
    size_t total = 0;
    for (int64_t i = 0; i < c->length; i++)
        if (aip__valid(c->validity, i)) total += (size_t)(offsets[codes[i] + 1] - offsets[codes[i]]);
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, c->ctx, AIP_UTF8, c->length, total, err));
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < c->length && status == AIP_OK; i++) {
        size_t n = 0;
        if (!aip__valid(c->validity, i)) {
            status = aip__utf8_add_null(&b, err);
        } else {
            const char *text = aip__column_text(c, i, &n);
            status = aip__utf8_add(&b, text, n, err);
        }
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

int32_t aip__column_encode(const aip__column *texts, aip__column **out, aip_error **err) {
    aip__code_builder b = {0};
    AIP__TRY(aip__codes_begin(&b, texts->ctx, texts->length, err));
    int32_t status = AIP_OK;
    for (int64_t i = 0; i < texts->length && status == AIP_OK; i++) {
        size_t n = 0;
        if (!aip__valid(texts->validity, i)) {
            status = aip__codes_add_null(&b, err);
        } else {
            const char *text = aip__column_text(texts, i, &n);
            status = aip__codes_add(&b, text, n, err);
        }
    }
    if (status == AIP_OK) return aip__codes_end(&b, out, err);
    aip__codes_abandon(&b);
    return status;
}
