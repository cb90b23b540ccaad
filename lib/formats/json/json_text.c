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

size_t aip__json_escape(const char *p) {
    if (p[1] != 'u') return p[1] != 0 && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
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

size_t aip__json_unescape(const char *s, size_t n, char *out) {
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *end = s + n;
    size_t at = 0;
    while (s < end) {
        const char *slash = memchr(s, '\\', (size_t)(end - s));
        size_t run = (size_t)((slash ? slash : end) - s);
        if (run > 0) memmove(out + at, s, run);
        at += run;
        if (!slash) break;
        s = slash + 2;
        if (slash[1] != 'u') {
            const char *letter = strchr(letters, slash[1]);
            out[at++] = letter ? meanings[letter - letters] : slash[1];
            continue;
        }
        uint32_t code = (uint32_t)hex4(slash + 2);
        s = slash + 6;
        if (code >= 0xd800 && code < 0xdc00) {
            code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(slash + 8) - 0xdc00);
            s = slash + 12;
        }
        at += put_code(out + at, code);
    }
    return at;
}
