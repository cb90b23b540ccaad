/* "did you mean": the nearest known name by Damerau-Levenshtein distance (optimal string alignment: insert, delete, replace, swap of
 * neighbours each cost 1; Boytsov 2011, section 2.3). Case and '-' against '_' cost nothing. A name is near when at most a third of its
 * letters differ. */
#include "base/catalog.h"
#include <string.h>

#define LONGEST 64

static char folded(char c) {
    if (c >= 'A' && c <= 'Z') return (char)(c + ('a' - 'A'));
    return c == '-' ? '_' : c;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t distance(const char *a, size_t n, const char *b, size_t m) {
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char x = folded(a[i - 1]), y = folded(b[j - 1]);
            row[j] = smaller(smaller(last[j] + 1, row[j - 1] + 1), last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y) row[j] = smaller(row[j], before[j - 2] + 1);
        }
        size_t *swap = before;
        before = last;
        last = row;
        row = swap;
    }
    return last[m];
}

const char *aip__nearest(const char *given, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t length = strlen(given), best_distance = SIZE_MAX;
    if (length == 0 || length > LONGEST) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(names[i]), longer = length > other ? length : other;
        if (other == 0 || other > LONGEST) continue;
        size_t d = distance(given, length, names[i], other), most = longer / 3 > 1 ? longer / 3 : 1;
        if (d <= most && d < longer && d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
