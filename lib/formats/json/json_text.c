/* Escapes in JSON strings (RFC 8259, section 7). */
#include "formats/json/json.h"

#include <string.h>

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits at p, or -1. */
static int32_t hex4(const char *p) {
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* What a letter behind a backslash means; 0: nothing. */
static const char meaning[256] = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

size_t aip__json_escape(const char *p) {
    if (p[1] != 'u') return meaning[(uint8_t)p[1]] ? 2 : 0;
    int32_t code = hex4(p + 2);
    if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return 0;
    if (code < 0xd800 || code > 0xdbff) return 6;
    if (p[6] != '\\' || p[7] != 'u') return 0;
    int32_t low = hex4(p + 8);
    return low >= 0xdc00 && low < 0xe000 ? 12 : 0;
}

static size_t put_code(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> n & 0xff) | c);
    return n;
}

/* Copies up to the first backslash, or past n in steps; returns how many bytes lie before it, n when there is none. */
static inline size_t copy_plain(char *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = 0;
        memcpy(&v, s + i, 8);
        memcpy(out + i, &v, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        v ^= UINT64_C(0x5c5c5c5c5c5c5c5c);
        v = (v - UINT64_C(0x0101010101010101)) & ~v & UINT64_C(0x8080808080808080); /* right up to the first backslash */
        if (v == 0) continue;
        i += (size_t)__builtin_ctzll(v) / 8;
        return i < n ? i : n;
    }
    return n;
}

size_t aip__json_unescape(const char *s, size_t n, char *out) {
    const char *end = s + n;
    size_t at = 0;
    for (;;) {
        size_t run = copy_plain(out + at, s, (size_t)(end - s));
        at += run;
        s += run;
        if (s == end) return at;
        if (s[1] != 'u') {
            out[at++] = meaning[(uint8_t)s[1]];
            s += 2;
            continue;
        }
        uint32_t code = (uint32_t)hex4(s + 2);
        s += 6;
        if (code >= 0xd800 && code < 0xdc00) {
            code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(s + 2) - 0xdc00);
            s += 6;
        }
        at += put_code(out + at, code);
    }
}
