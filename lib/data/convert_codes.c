/* Texts to a dictionary column. A text's first 16 bytes are two words, which are its key in the table and give its hash by one 64 x 64-bit
 * multiplication whose halves are folded; most texts are no longer, and are told apart without a look at the dictionary. */
#include "data/convert_column.h"
#include "data/powers_of_ten.h"

#include "base/error.h"
#include <string.h>

#define KEY 16
#define FIRST_SLOTS 256

static inline uint64_t fold(uint64_t a, uint64_t b) {
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_of(const aip__code_slot *k, const char *s) {
    uint64_t h = fold(k->low ^ UINT64_C(0x9e3779b97f4a7c15), k->high ^ UINT64_C(0xd6e8feb86659fd93) ^ (uint64_t)k->n << 32);
    for (uint32_t i = KEY; i < k->n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, s + i, k->n - i < 8 ? k->n - i : 8);
        h = fold(h ^ UINT64_C(0xa0761d6478bd642f), word ^ UINT64_C(0xe7037ed1a0b428db));
    }
    return h;
}

static aip__code_slot key_of(const char *s, size_t n) {
    uint64_t words[2] = {0, 0};
    memcpy(words, s, n < KEY ? n : KEY);
    return (aip__code_slot){.low = words[0], .high = words[1], .n = (uint32_t)n};
}

/* The same where KEY bytes can be read from s on. */
static inline aip__code_slot key_within(const char *s, size_t n) {
    static const uint8_t keep[2 * KEY] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    uint64_t words[2], mask[2];
    memcpy(words, s, KEY);
    memcpy(mask, keep + KEY - (n < KEY ? n : KEY), KEY);
    return (aip__code_slot){.low = words[0] & mask[0], .high = words[1] & mask[1], .n = (uint32_t)n};
}

static const char *text_at(const aip__code_builder *b, int32_t code) {
    return (const char *)b->texts.bytes->data + ((const int32_t *)(const void *)b->texts.offsets->data)[code];
}

int32_t aip__codes_begin(aip__code_builder *b, aip_context *ctx, int64_t max_rows, aip_error **err) {
    *b = (aip__code_builder){.ctx = ctx, .n_slots = FIRST_SLOTS, .scratch = {.ctx = ctx}};
    int32_t status = aip__column_new(ctx, AIP_DICTIONARY, max_rows, false, &b->column, err);
    if (status == AIP_OK) status = aip__utf8_begin(&b->texts, ctx, AIP_UTF8, FIRST_SLOTS / 2, FIRST_SLOTS * 4, err);
    if (status == AIP_OK) {
        b->slots = aip__calloc(ctx, b->n_slots, sizeof *b->slots);
        if (!b->slots) status = aip__error_memory(ctx, err);
    }
    if (status != AIP_OK) aip__codes_abandon(b);
    return status;
}

static int32_t grow(aip__code_builder *b, aip_error **err) {
    size_t n = b->n_slots * 4;
    aip__code_slot *slots = aip__calloc(b->ctx, n, sizeof *slots);
    if (!slots) return aip__error_memory(b->ctx, err);
    for (size_t i = 0; i < b->n_slots; i++) {
        const aip__code_slot *old = &b->slots[i];
        if (old->code == 0) continue;
        size_t at = hash_of(old, text_at(b, old->code - 1)) & (n - 1);
        while (slots[at].code != 0) at = (at + 1) & (n - 1);
        slots[at] = *old;
    }
    aip__free(b->ctx, b->slots);
    b->slots = slots;
    b->n_slots = n;
    return AIP_OK;
}

static int32_t add_new(aip__code_builder *b, aip__code_slot key, const char *s, size_t at, aip_error **err) {
    AIP__TRY(aip__utf8_add(&b->texts, s, key.n, err));
    key.code = (int32_t)b->texts.length; /* fewer than the column's rows */
    b->slots[at] = key;
    aip__column_i32_mut(b->column)[b->length++] = key.code - 1;
    return (size_t)b->texts.length * 2 > b->n_slots ? grow(b, err) : AIP_OK;
}

static inline __attribute__((always_inline)) int32_t add(aip__code_builder *b, aip__code_slot key, const char *s,
                                                         aip_error **err) {
    size_t at = hash_of(&key, s) & (b->n_slots - 1);
    for (; b->slots[at].code != 0; at = (at + 1) & (b->n_slots - 1)) {
        const aip__code_slot *k = &b->slots[at];
        if (k->low != key.low || k->high != key.high || k->n != key.n) continue;
        if (key.n > KEY && memcmp(text_at(b, k->code - 1) + KEY, s + KEY, key.n - KEY) != 0) continue;
        aip__column_i32_mut(b->column)[b->length++] = k->code - 1;
        return AIP_OK;
    }
    return add_new(b, key, s, at, err);
}

int32_t aip__codes_add(aip__code_builder *b, const char *s, size_t n, aip_error **err) {
    if (n > INT32_MAX) return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes in one text");
    return add(b, key_of(s, n), s, err);
}

int32_t aip__codes_add_null(aip__code_builder *b, aip_error **err) {
    uint8_t *validity = aip__column_validity_mut(b->column);
    if (!validity) return aip__error_memory(b->ctx, err);
    aip__bit_clear(validity, b->length);
    aip__column_i32_mut(b->column)[b->length++] = 0;
    return AIP_OK;
}

int32_t aip__codes_add_fields(aip__code_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    for (int32_t i = 0; i < f->n; i++) {
        aip__unquoted u;
        AIP__TRY(aip__unquote_field(f, i, r->quote, &b->scratch, &u, err));
        if (aip__field_is_null(r, u.quoted, u.text, u.n))
            AIP__TRY(aip__codes_add_null(b, err));
        else if (u.n > INT32_MAX || u.text == b->scratch.bytes)
            AIP__TRY(aip__codes_add(b, u.text, u.n, err));
        else
            AIP__TRY(add(b, key_within(u.text, u.n), u.text, err));
    }
    return AIP_OK;
}

int32_t aip__codes_end(aip__code_builder *b, aip__column **out, aip_error **err) {
    aip__column *c = b->column;
    b->column = NULL;
    int32_t status = aip__utf8_end(&b->texts, &c->dictionary, err);
    if (status == AIP_OK) {
        aip__column_shorten(c, b->length);
        aip__column_publish(c);
        *out = c;
    } else {
        aip__column_free(c);
    }
    aip__codes_abandon(b);
    return status;
}

void aip__codes_abandon(aip__code_builder *b) {
    aip__column_free(b->column);
    aip__utf8_abandon(&b->texts);
    aip__free(b->ctx, b->slots);
    aip__free(b->ctx, b->scratch.bytes);
    b->column = NULL;
    b->slots = NULL;
    b->scratch = (aip__scratch){.ctx = b->ctx};
}
