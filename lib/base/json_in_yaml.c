/* What JSON may write in a string and libyaml reads otherwise or refuses: characters past U+FFFF as two \u escapes are joined; DEL, C1
 * controls, the line breaks U+2028 and U+2029, and U+FFFE and U+FFFF become escapes. Done only to text that is JSON, where a
 * backslash and such characters can stand in strings alone. Steps keep count, so that positions are those of the text as given. */
#include "base/json_in_yaml.h"

#include "base/document_inside.h"
#include "base/error.h"
#include "base/memory.h"
#include <string.h>

static bool is_surrogate(const char *p, const char *third) {
    return p[0] == '\\' && p[1] == 'u' && (p[2] == 'd' || p[2] == 'D') && p[3] && strchr(third, p[3]);
}

/* "\uD83D\uDE00" at p. */
static bool is_pair(const char *p, size_t n) { return n >= 12 && is_surrogate(p, "89abAB") && is_surrogate(p + 6, "cdefCDEF"); }

/* The code of a character that must become an escape, and its bytes; 0: none is at p. */
static size_t awkward(const char *text, size_t n, unsigned *code) {
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] == 0x7f) {
        *code = 0x7f;
        return 1;
    }
    if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return 2;
    }
    if (n >= 3 && ((p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8) || (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe))) {
        *code = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        return 3;
    }
    return 0;
}

size_t aip__json_in_yaml_step(const char *p, size_t n, size_t *n_chars) {
    unsigned code = 0;
    size_t bytes = awkward(p, n, &code);
    *n_chars = 1;
    if (bytes > 0) {
        *n_chars = 6;
        return bytes;
    }
    if (*p == '\\') {
        if (is_pair(p, n)) return 12;
        *n_chars = 2;
        return 2;
    }
    unsigned char c = (unsigned char)*p;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool needs_change(const char *text, size_t n) {
    unsigned code = 0;
    for (size_t i = 0; i < n; i++)
        if ((text[i] == '\\' && is_pair(text + i, n - i)) || awkward(text + i, n - i, &code) > 0) return true;
    return false;
}

static unsigned hex(char c) { return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

static unsigned hex4(const char *p) { return hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 | hex(p[3]); }

static void add_pair(aip__text *out, const char *p) {
    unsigned code = 0x10000 + ((hex4(p + 2) & 0x3ff) << 10) + (hex4(p + 8) & 0x3ff);
    const char bytes[4] = {(char)(0xf0 | code >> 18), (char)(0x80 | (code >> 12 & 0x3f)), (char)(0x80 | (code >> 6 & 0x3f)),
                           (char)(0x80 | (code & 0x3f))};
    aip__text_add(out, bytes, sizeof bytes);
}

int32_t aip__json_in_yaml(aip_context *ctx, const char *text, size_t n, char **out, size_t *n_out, aip_error **err) {
    *out = NULL;
    bool valid = false;
    if (needs_change(text, n)) AIP__TRY(aip__json_is_valid(ctx, text, n, &valid, err));
    if (!valid) return AIP_OK;
    aip__text t;
    aip__text_init(&t, ctx);
    for (size_t i = 0, bytes = 0, chars = 0; i < n && !t.failed; i += bytes) {
        unsigned code = 0;
        bytes = aip__json_in_yaml_step(text + i, n - i, &chars);
        if (awkward(text + i, n - i, &code) > 0)
            aip__text_printf(&t, "\\u%04x", code);
        else if (bytes == 12)
            add_pair(&t, text + i);
        else
            aip__text_add(&t, text + i, bytes);
    }
    return aip__text_take(&t, out, n_out, err);
}
