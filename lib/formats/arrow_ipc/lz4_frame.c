/* The LZ4 frame: a header, blocks (each a run of sequences: literals, then a copy of what came up to 64 KiB before), an end mark, checksums
 * (xxHash32). Every length is held against what remains of the input and of the output before a byte is moved. */
#include "formats/arrow_ipc/lz4_frame.h"

#include "base/error.h"
#include <stdbool.h>
#include <string.h>

#define MAGIC UINT32_C(0x184D2204)
#define RAW_BLOCK UINT32_C(0x80000000)
enum { HAS_DICTIONARY = 1, HAS_CONTENT_CHECKSUM = 4, HAS_CONTENT_SIZE = 8, HAS_BLOCK_CHECKSUM = 16, INDEPENDENT = 32 };

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t load64(const uint8_t *p) { return (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32; }

/* ---- xxHash32, of https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md ------------------------------------------------------- */

#define PRIME1 UINT32_C(0x9E3779B1)
#define PRIME2 UINT32_C(0x85EBCA77)
#define PRIME3 UINT32_C(0xC2B2AE3D)
#define PRIME4 UINT32_C(0x27D4EB2F)
#define PRIME5 UINT32_C(0x165667B1)

static uint32_t turn(uint32_t v, int bits) { return v << bits | v >> (32 - bits); }
static uint32_t lane(uint32_t acc, const uint8_t *p) { return turn(acc + load32(p) * PRIME2, 13) * PRIME1; }

static uint32_t xxhash32(const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    uint32_t h = PRIME5;
    if (n >= 16) {
        uint32_t a = PRIME1 + PRIME2, b = PRIME2, c = 0, d = 0u - PRIME1;
        for (; end - p >= 16; p += 16) {
            a = lane(a, p);
            b = lane(b, p + 4);
            c = lane(c, p + 8);
            d = lane(d, p + 12);
        }
        h = turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18);
    }
    h += (uint32_t)n;
    for (; end - p >= 4; p += 4) h = turn(h + load32(p) * PRIME3, 17) * PRIME4;
    for (; p < end; p++) h = turn(h + *p * PRIME5, 11) * PRIME1;
    h = (h ^ h >> 15) * PRIME2;
    h = (h ^ h >> 13) * PRIME3;
    return h ^ h >> 16;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------------------------ */

/* Adds the bytes that lengthen a length of 15; false: they run past the end. */
static bool lengthen(const uint8_t *in, size_t n, size_t *at, size_t *length) {
    for (uint8_t more = 255; more == 255; *length += more) {
        if (*at == n) return false;
        more = in[(*at)++];
    }
    return true;
}

/* A copy from what was made; it may overlap what it makes. */
static void copy_back(uint8_t *to, size_t distance, size_t length, size_t room) {
    const uint8_t *from = to - distance;
    if (distance >= 8 && room >= length + 8) {
        for (size_t i = 0; i < length; i += 8) memcpy(to + i, from + i, 8);
        return;
    }
    for (size_t i = 0; i < length; i++) to[i] = from[i];
}

/* Undoes a block into out[*made .. most); copies reach back to out[start]. NULL, or what is wrong. */
static const char *read_block(const uint8_t *in, size_t n, uint8_t *out, size_t start, size_t *made, size_t most) {
    size_t at = 0, to = *made;
    while (at < n) {
        uint8_t token = in[at++];
        size_t literals = token >> 4, length = token & 15;
        if (literals == 15 && !lengthen(in, n, &at, &literals)) return "a length is cut off";
        if (literals > n - at) return "literals run past the end of a block";
        if (literals > most - to) return "it holds more bytes than were announced";
        if (literals > 0) memcpy(out + to, in + at, literals);
        to += literals;
        at += literals;
        if (at == n) break; /* the last sequence has literals alone */
        if (n - at < 2) return "a copy is cut off";
        size_t distance = (size_t)in[at] | (size_t)in[at + 1] << 8;
        at += 2;
        if (length == 15 && !lengthen(in, n, &at, &length)) return "a length is cut off";
        length += 4;
        if (distance == 0 || distance > to - start) return "a copy of what was not there before";
        if (length > most - to) return "it holds more bytes than were announced";
        copy_back(out + to, distance, length, most - to);
        to += length;
    }
    *made = to;
    return NULL;
}

/* ---- the frame --------------------------------------------------------------------------------------------------------------------------- */

typedef struct header {
    uint8_t flags;
    size_t n, block_bytes;
} header;

static const char *read_header(const uint8_t *in, size_t n, size_t out_n, header *h) {
    if (n < 7 || load32(in) != MAGIC) return "it does not begin as one";
    h->flags = in[4];
    size_t size = h->flags & HAS_CONTENT_SIZE ? 8 : 0;
    uint8_t largest = in[5] >> 4;
    h->n = 7 + size;
    if (h->flags >> 6 != 1 || (h->flags & (HAS_DICTIONARY | 2)) || largest < 4 || largest > 7 || (in[5] & 15))
        return "its header makes no sense, or asks for a dictionary";
    if (n < h->n) return "its header is cut off";
    if (in[h->n - 1] != (uint8_t)(xxhash32(in + 4, h->n - 5) >> 8)) return "the checksum of its header is another";
    if (size > 0 && load64(in + 6) != out_n) return "its header tells another size than was announced";
    h->block_bytes = (size_t)1 << (2 * largest + 8);
    return NULL;
}

static const char *read_blocks(const header *h, const uint8_t *in, size_t n, uint8_t *out, size_t out_n, size_t *at) {
    size_t made = 0;
    for (;;) {
        if (n - *at < 4) return "it ends before its end mark";
        uint32_t word = load32(in + *at);
        size_t length = word & ~RAW_BLOCK, check = h->flags & HAS_BLOCK_CHECKSUM ? 4 : 0;
        *at += 4;
        if (word == 0) return made == out_n ? NULL : "it holds fewer bytes than were announced";
        if (length > h->block_bytes || length + check > n - *at) return "a block runs past the end";
        const uint8_t *block = in + *at;
        size_t most = out_n - made < h->block_bytes ? out_n : made + h->block_bytes;
        if (check && load32(block + length) != xxhash32(block, length)) return "the checksum of a block is another";
        if (word & RAW_BLOCK) {
            if (length > most - made) return "it holds more bytes than were announced";
            memcpy(out + made, block, length);
            made += length;
        } else {
            const char *wrong = read_block(block, length, out, h->flags & INDEPENDENT ? made : 0, &made, most);
            if (wrong) return wrong;
        }
        *at += length + check;
    }
}

int32_t aip__lz4_frame_read(const uint8_t *in, size_t n, uint8_t *out, size_t out_n, aip_error **err) {
    header h = {0};
    const char *wrong = read_header(in, n, out_n, &h);
    size_t at = h.n;
    if (!wrong) wrong = read_blocks(&h, in, n, out, out_n, &at);
    if (!wrong && (h.flags & HAS_CONTENT_CHECKSUM)) {
        if (n - at < 4)
            wrong = "its checksum is cut off";
        else if (load32(in + at) != xxhash32(out, out_n))
            wrong = "its checksum is another";
        at += 4;
    }
    if (!wrong && at != n) wrong = "other bytes follow it";
    return wrong ? aip__error_set(err, AIP_E_CORRUPT, "an LZ4 frame is damaged: %s", wrong) : AIP_OK;
}
