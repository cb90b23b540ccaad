/* Which encoding the first bytes of a file speak for: a byte order mark; NUL bytes at every other place (UTF-16 of mostly Latin text); UTF-8, which
 * other text is very unlikely to be by chance; and else Windows-1252, the commonest of the single-byte encodings. */
#include "formats/encoding/encoding.h"

#include "data/utf8.h"
#include <stdio.h>
#include <string.h>

static void is(aip__encoding_guess *g, const char *name, size_t mark, const char *why) {
    snprintf(g->name, sizeof g->name, "%s", name);
    snprintf(g->why, sizeof g->why, "%s", why);
    g->mark = mark;
}

static bool marked(const uint8_t *b, size_t n, aip__encoding_guess *g) {
    static const char why[] = "it starts with a byte order mark";
    static const struct {
        const char *name, *mark;
        size_t n;
    } marks[] = {{"utf-8", "\xef\xbb\xbf", 3},
                 {"utf-32le", "\xff\xfe\0\0", 4}, /* before UTF-16's, which is its start */
                 {"utf-32be", "\0\0\xfe\xff", 4},
                 {"utf-16le", "\xff\xfe", 2},
                 {"utf-16be", "\xfe\xff", 2}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (n < marks[i].n || memcmp(b, marks[i].mark, marks[i].n) != 0) continue;
        is(g, marks[i].name, marks[i].n, why);
        return true;
    }
    return false;
}

/* Of pairs of bytes a third and more with NUL on one side, and next to none on the other. */
static bool every_other_nul(const uint8_t *b, size_t n, aip__encoding_guess *g) {
    size_t pairs = n / 2, nul[2] = {0};
    for (size_t i = 0; i < 2 * pairs; i++) nul[i & 1] += b[i] == 0;
    for (int side = 0; side < 2; side++) {
        if (pairs < 2 || nul[side] < pairs / 3 + 1 || nul[1 - side] > pairs / 100) continue;
        char why[96];
        snprintf(why, sizeof why, "%zu of the first %zu bytes at %s places are NUL", nul[side], pairs, side ? "odd" : "even");
        is(g, side ? "utf-16le" : "utf-16be", 0, why);
        return true;
    }
    return false;
}

/* Whether these few bytes may be the start of a character. */
static bool may_go_on(const uint8_t *b, size_t n) {
    if (n >= 4 || b[0] < 0xc2 || b[0] > 0xf4) return false;
    for (size_t i = 1; i < n; i++)
        if ((b[i] & 0xc0) != 0x80) return false;
    return true;
}

void aip__encoding_guess_of(const uint8_t *bytes, size_t n, bool whole, bool marks_only, aip__encoding_guess *out) {
    char why[96];
    const char *text = (const char *)bytes;
    if (marked(bytes, n, out)) return;
    if (marks_only || aip__utf8_is_ascii(text, n)) {
        if (!marks_only && every_other_nul(bytes, n, out)) return;
        is(out, "utf-8", 0, marks_only ? "no byte order mark says otherwise" : "all of the sample is ASCII");
        return;
    }
    if (every_other_nul(bytes, n, out)) return;
    size_t valid = aip__utf8_prefix(text, n, n), left = n - valid;
    if (left == 0 || (!whole && may_go_on(bytes + valid, left))) { /* the sample may end within a character */
        is(out, "utf-8", 0, "all of the sample is valid UTF-8");
        return;
    }
    snprintf(why, sizeof why, "byte 0x%02x at offset %zu is not UTF-8", bytes[valid], valid);
    is(out, "windows-1252", 0, why);
}
