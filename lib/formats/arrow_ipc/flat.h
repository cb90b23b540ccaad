/* FlatBuffers (https://flatbuffers.dev/internals): the little of them that Arrow's metadata needs, read within bounds and built from front to
 * back.
 *
 * A table begins with a signed offset back to its vtable: uint16 bytes of the vtable, uint16 bytes of the table, and for each slot the uint16 place
 * of the field in the table, 0 when it is not there (its default holds). What lies elsewhere (table, vector, text) is a uint32 offset forward from
 * where that offset stands. A vector begins with its uint32 number of items. All is little-endian. Reading touches nothing outside the bytes
 * given, whatever they hold; what would lie outside, or is cut off, makes the flat bad, once and for all, and reads as not there: the caller looks
 * once at the end. */
#ifndef AIPIPE_LIB_FORMATS_ARROW_IPC_FLAT_H
#define AIPIPE_LIB_FORMATS_ARROW_IPC_FLAT_H

#include "base/text.h"
#include <stdint.h>

typedef struct aip__flat { /* the bytes being read */
    const uint8_t *bytes;
    size_t n;
    const char *bad; /* what is wrong; NULL: nothing so far */
    size_t bad_at;
} aip__flat;

typedef struct aip__flat_table {
    aip__flat *flat; /* NULL: not there; each of its fields has its default */
    size_t at, size; /* of the table */
    size_t vtable;
    uint16_t vtable_size;
} aip__flat_table;

typedef struct aip__flat_vector {
    size_t at; /* of the first item */
    uint32_t n;
} aip__flat_vector;

aip__flat_table aip__flat_root(aip__flat *f);
int64_t aip__flat_i64(const aip__flat_table *t, int slot, int64_t otherwise);
int32_t aip__flat_i32(const aip__flat_table *t, int slot, int32_t otherwise);
int16_t aip__flat_i16(const aip__flat_table *t, int slot, int16_t otherwise);
uint8_t aip__flat_u8(const aip__flat_table *t, int slot, uint8_t otherwise);
aip__flat_table aip__flat_get_table(const aip__flat_table *t, int slot);
/* Of items of item_size bytes; all of them lie within the bytes. */
aip__flat_vector aip__flat_get_vector(const aip__flat_table *t, int slot, size_t item_size);
/* Not terminated; NULL: not there. */
const char *aip__flat_get_text(const aip__flat_table *t, int slot, size_t *n);
/* Item i of a vector of tables (4 bytes each). */
aip__flat_table aip__flat_item(aip__flat *f, const aip__flat_vector *v, uint32_t i);
/* An 8-byte number within an item of a vector. */
int64_t aip__flat_item_i64(const aip__flat *f, const aip__flat_vector *v, size_t item_size, uint32_t i, size_t at);
int32_t aip__flat_item_i32(const aip__flat *f, const aip__flat_vector *v, size_t item_size, uint32_t i, size_t at);

/* ---- building ------------------------------------------------------------------------------------------------------------------ */

/* Tables are added before what they refer to, which is then linked to the place of the field. The text's own start is what places are aligned to;
 * a refusal of memory is the text's (`failed`). */
typedef struct aip__flat_slot {
    uint8_t size; /* bytes of the field: 1, 2, 4 or 8; 0: not there */
    int64_t value;
} aip__flat_slot;
#define AIP__FLAT_MAX_SLOTS 8
/* An offset to be linked. */
#define AIP__FLAT_LINK \
    { 4, 0 }

/* Begins with the offset to the root, which is linked like any other: place 0. */
void aip__flat_begin(aip__text *t);
/* places[i] is where the field of slot i stands (for a link). Returns the table's own place. */
size_t aip__flat_add_table(aip__text *t, const aip__flat_slot *slots, int n, size_t *places);
size_t aip__flat_add_text(aip__text *t, const char *text);
/* n items of item_size bytes, aligned to align, zeroed; *first is where the first stands. */
size_t aip__flat_add_vector(aip__text *t, uint32_t n, size_t item_size, size_t align, size_t *first);
void aip__flat_link(aip__text *t, size_t place, size_t target);
void aip__flat_put_i64(aip__text *t, size_t place, int64_t v);
void aip__flat_put_i32(aip__text *t, size_t place, int32_t v);

#endif
