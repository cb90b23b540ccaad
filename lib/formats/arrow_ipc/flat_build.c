/* FlatBuffers built from front to back: a table's fields are laid out by falling size behind its vtable, so that the same values always
 * give the same bytes, and each is aligned to its size. */
#include "formats/arrow_ipc/flat.h"

#include <string.h>

static void put(aip__text *t, size_t place, uint64_t v, size_t n) {
    if (t->failed) return;
    for (size_t i = 0; i < n; i++) t->bytes[place + i] = (char)(v >> 8 * i);
}

static void zeros(aip__text *t, size_t n) {
    static const char none[64] = {0};
    for (; n > sizeof none; n -= sizeof none) aip__text_add(t, none, sizeof none);
    aip__text_add(t, none, n);
}

/* Pads so that what follows after `ahead` bytes is aligned. */
static void align_to(aip__text *t, size_t align, size_t ahead) { zeros(t, (align - (t->n + ahead) % align) % align); }

void aip__flat_begin(aip__text *t) { zeros(t, 4); }

size_t aip__flat_add_table(aip__text *t, const aip__flat_slot *slots, int n, size_t *places) {
    static const uint8_t sizes[] = {8, 4, 2, 1};
    size_t at[AIP__FLAT_MAX_SLOTS] = {0}, size = 4; /* the offset to the vtable comes first */
    bool wide = false;
    while (n > 0 && slots[n - 1].size == 0) n--;
    for (int i = 0; i < n; i++) wide |= slots[i].size == 8;
    if (wide) size = 8; /* and padding */
    for (size_t k = 0; k < sizeof sizes; k++)
        for (int i = 0; i < n; i++) {
            if (slots[i].size != sizes[k]) continue;
            at[i] = size;
            size += sizes[k];
        }
    size_t vtable_size = 4 + 2 * (size_t)n;
    align_to(t, wide ? 8 : 4, vtable_size);
    size_t vtable = t->n, table = vtable + vtable_size;
    zeros(t, vtable_size + size);
    put(t, vtable, vtable_size, 2);
    put(t, vtable + 2, size, 2);
    put(t, table, table - vtable, 4);
    for (int i = 0; i < n; i++) {
        put(t, vtable + 4 + 2 * (size_t)i, at[i], 2);
        put(t, table + at[i], (uint64_t)slots[i].value, slots[i].size);
        if (places) places[i] = table + at[i];
    }
    return table;
}

size_t aip__flat_add_text(aip__text *t, const char *text) {
    size_t n = strlen(text);
    align_to(t, 4, 0);
    size_t place = t->n;
    zeros(t, 4);
    put(t, place, n, 4);
    aip__text_add(t, text, n);
    zeros(t, 1); /* FlatBuffers' texts end with a NUL */
    return place;
}

size_t aip__flat_add_vector(aip__text *t, uint32_t n, size_t item_size, size_t align, size_t *first) {
    align_to(t, align < 4 ? 4 : align, 4);
    size_t place = t->n;
    *first = place + 4;
    zeros(t, 4 + (size_t)n * item_size);
    put(t, place, n, 4);
    return place;
}

void aip__flat_link(aip__text *t, size_t place, size_t target) { put(t, place, target - place, 4); }
void aip__flat_put_i64(aip__text *t, size_t place, int64_t v) { put(t, place, (uint64_t)v, 8); }
void aip__flat_put_i32(aip__text *t, size_t place, int32_t v) { put(t, place, (uint64_t)(uint32_t)v, 4); }
