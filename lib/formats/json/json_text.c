/* Escapes in JSON strings (RFC 8259, section 7). */
#include "formats/json/json.h"
#include "formats/json/json_copy.h"

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
    for (size_t i = 0; i < n; i += AIP__JSON_COPY) {
        uint32_t slashes = aip__json_copy(out + i, s + i); /* nothing else stops a valid string before its end */
        if (slashes == 0) continue;
        i += (size_t)__builtin_ctz(slashes);
        return i < n ? i : n;
    }
    return n;
}

/* Of four digits that are known to be such. */
static inline uint32_t code_of(const char *p) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) code = code << 4 | ((uint32_t)(p[i] & 15) + (uint32_t)(p[i] >> 6) * 9);
    return code;
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
        uint32_t code = code_of(s + 2);
        s += 6;
        if (code >= 0xd800 && code < 0xdc00) {
            code = 0x10000 + ((code - 0xd800) << 10) + (code_of(s + 2) - 0xdc00);
            s += 6;
        }
        at += put_code(out + at, code);
    }
}
