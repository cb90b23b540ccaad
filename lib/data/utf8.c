/* UTF-8 as Unicode 15 defines well-formed sequences (table 3-7): no overlong forms, no surrogates, nothing past U+10FFFF. */
#include "data/utf8.h"
#include <stdint.h>
#include <string.h>

bool aip__utf8_is_ascii(const char *s, size_t n) {
    uint64_t high = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w = 0;
        memcpy(&w, s + i, 8);
        high |= w;
    }
    for (; i < n; i++) high |= (uint64_t)(uint8_t)s[i] << 56;
    return (high & UINT64_C(0x8080808080808080)) == 0;
}

size_t aip__utf8_step(const char *text, size_t n) {
    const uint8_t *s = (const uint8_t *)text;
    if (n == 0) return 0;
    if (s[0] < 0x80) return 1;
    size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || need > n) return 0;
    for (size_t i = 1; i < need; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* past U+10FFFF */
    return need;
}

size_t aip__utf8_prefix(const char *s, size_t n, size_t limit) {
    size_t at = 0;
    for (size_t step; at < n; at += step) {
        step = aip__utf8_step(s + at, n - at);
        if (step == 0 || at + step > limit) break;
    }
    return at;
}
