/* FlatBuffers read within bounds: every place is checked against the bytes before it is looked at, and a table's fields against the table. */
#include "formats/arrow_ipc/flat.h"

#include <string.h>

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t load32(const uint8_t *p) { return (uint32_t)load16(p) | (uint32_t)load16(p + 2) << 16; }
static uint64_t load64(const uint8_t *p) { return (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32; }

static void bad(aip__flat *f, const char *what, size_t at) {
    if (f->bad) return;
    f->bad = what;
    f->bad_at = at;
}

/* Whether n bytes stand at a place. */
static bool within(const aip__flat *f, size_t at, size_t n) { return at <= f->n && n <= f->n - at; }

static aip__flat_table table_at(aip__flat *f, size_t at) {
    aip__flat_table none = {0}, t = {.flat = f, .at = at};
    if (!within(f, at, 4)) return bad(f, "a table past the end", at), none;
    int64_t vtable = (int64_t)at - (int32_t)load32(f->bytes + at);
    if (vtable < 0 || !within(f, (size_t)vtable, 4)) return bad(f, "a table whose vtable is outside", at), none;
    t.vtable = (size_t)vtable;
    t.vtable_size = load16(f->bytes + vtable);
    t.size = load16(f->bytes + vtable + 2);
    if (t.vtable_size < 4 || t.vtable_size % 2 != 0 || !within(f, t.vtable, t.vtable_size))
        return bad(f, "a vtable of an impossible size", t.vtable), none;
    if (t.size < 4 || !within(f, at, t.size)) return bad(f, "a table of an impossible size", at), none;
    return t;
}

/* Follows the offset that stands at a place within the bytes. */
static bool follow(aip__flat *f, size_t at, size_t *target) {
    uint32_t offset = load32(f->bytes + at);
    if (offset < 4 || !within(f, at, offset)) {
        bad(f, "an offset that leads outside", at);
        return false;
    }
    *target = at + offset;
    return true;
}

aip__flat_table aip__flat_root(aip__flat *f) {
    size_t at = 0;
    if (!within(f, 0, 4)) bad(f, "no root", 0);
    return f->bad || !follow(f, 0, &at) ? (aip__flat_table){0} : table_at(f, at);
}

/* Where the field stands, size bytes of it within the table; 0: not there. */
static size_t field_at(const aip__flat_table *t, int slot, size_t size) {
    size_t entry = 4 + 2 * (size_t)slot;
    if (!t->flat || entry + 2 > t->vtable_size) return 0;
    size_t at = load16(t->flat->bytes + t->vtable + entry);
    if (at == 0) return 0;
    if (at < 4 || at > t->size || size > t->size - at) {
        bad(t->flat, "a field outside its table", t->at);
        return 0;
    }
    return t->at + at;
}

int64_t aip__flat_i64(const aip__flat_table *t, int slot, int64_t otherwise) {
    size_t at = field_at(t, slot, 8);
    return at ? (int64_t)load64(t->flat->bytes + at) : otherwise;
}

int32_t aip__flat_i32(const aip__flat_table *t, int slot, int32_t otherwise) {
    size_t at = field_at(t, slot, 4);
    return at ? (int32_t)load32(t->flat->bytes + at) : otherwise;
}

int16_t aip__flat_i16(const aip__flat_table *t, int slot, int16_t otherwise) {
    size_t at = field_at(t, slot, 2);
    return at ? (int16_t)load16(t->flat->bytes + at) : otherwise;
}

uint8_t aip__flat_u8(const aip__flat_table *t, int slot, uint8_t otherwise) {
    size_t at = field_at(t, slot, 1);
    return at ? t->flat->bytes[at] : otherwise;
}

aip__flat_table aip__flat_get_table(const aip__flat_table *t, int slot) {
    size_t at = field_at(t, slot, 4), target = 0;
    return at && follow(t->flat, at, &target) ? table_at(t->flat, target) : (aip__flat_table){0};
}

aip__flat_vector aip__flat_get_vector(const aip__flat_table *t, int slot, size_t item_size) {
    size_t at = field_at(t, slot, 4), target = 0;
    if (!at || !follow(t->flat, at, &target)) return (aip__flat_vector){0};
    if (!within(t->flat, target, 4)) return bad(t->flat, "a vector past the end", target), (aip__flat_vector){0};
    aip__flat_vector v = {.at = target + 4, .n = load32(t->flat->bytes + target)};
    if (v.n > (t->flat->n - v.at) / item_size)
        return bad(t->flat, "a vector longer than what remains", target), (aip__flat_vector){0};
    return v;
}

const char *aip__flat_get_text(const aip__flat_table *t, int slot, size_t *n) {
    aip__flat_vector v = aip__flat_get_vector(t, slot, 1);
    *n = v.n;
    return v.at ? (const char *)t->flat->bytes + v.at : NULL;
}

aip__flat_table aip__flat_item(aip__flat *f, const aip__flat_vector *v, uint32_t i) {
    size_t target = 0;
    return follow(f, v->at + (size_t)i * 4, &target) ? table_at(f, target) : (aip__flat_table){0};
}

int64_t aip__flat_item_i64(const aip__flat *f, const aip__flat_vector *v, size_t item_size, uint32_t i, size_t at) {
    return (int64_t)load64(f->bytes + v->at + (size_t)i * item_size + at);
}

int32_t aip__flat_item_i32(const aip__flat *f, const aip__flat_vector *v, size_t item_size, uint32_t i, size_t at) {
    return (int32_t)load32(f->bytes + v->at + (size_t)i * item_size + at);
}
