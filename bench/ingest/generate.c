/* The data sets of bench/ingest, the same bytes on every machine: `generate KIND BYTES FILE` writes rows of KIND until the file has BYTES. Every
 * row is made from its number alone (SplitMix64), so that a smaller file is the beginning of a larger one.
 *   numeric  20 columns: 4 of whole numbers, 16 of decimals at scales from 1 to 10,000
 *   mixed    id, name, note (quoted; commas, doubled quotes, line feeds), day, at, price, qty, flag, city, code; 5 % of all but id missing
 *   ndjson   id, name, note (escapes), price, qty, flag, city; 5 % null or absent
 *   wide     2,000 columns of numbers
 *   text     id and a quoted text of 200 to 20,000 bytes */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint64_t draw(void) {
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static uint64_t below(uint64_t n) { return draw() % n; }
static bool missing(void) { return below(20) == 0; }

static const char *const names[] = {"Ada",  "Grace", "Blaise",     "Emmy", "Sof\xc3\xad\x61", "Karl", "Leonhard",
                                    "Mary", "Niels", "Zo\xc3\xab", "Alan", "Edsger"};
static const char *const cities[] = {"Bonn",  "Lagos",     "Z\xc3\xbcrich", "S\xc3\xa3o Paulo",
                                     "Osaka", "Reykjavik", "Quito",         "Perth"};
static const char *const words[] = {"order", "was",    "late",  "again", "parcel",      "left", "at", "the",
                                    "door",  "refund", "asked", "twice", "caf\xc3\xa9", "paid", "in", "cash"};
#define PICK(list) list[below(sizeof list / sizeof *list)]

/* A decimal with `places` places, of magnitude up to `limit` before the point. */
static void decimal(FILE *f, uint64_t limit, int places) {
    uint64_t scale = 1;
    for (int i = 0; i < places; i++) scale *= 10;
    uint64_t v = below(2 * limit * scale);
    bool negative = v >= limit * scale;
    if (negative) v -= limit * scale;
    fprintf(f, "%s%" PRIu64 ".%0*" PRIu64, negative ? "-" : "", v / scale, places, v % scale);
}

static void numeric(FILE *f) {
    static const uint64_t limits[4] = {1, 10, 100, 1000};
    for (int i = 0; i < 20; i++) {
        if (i) fputc(',', f);
        if (i % 5 == 0)
            fprintf(f, "%" PRId64, (int64_t)below(20000) - 10000);
        else
            decimal(f, limits[i % 4], i % 3 + 3);
    }
    fputc('\n', f);
}

static void note(FILE *f, const char *quote, const char *line) {
    int n = 2 + (int)below(9);
    for (int i = 0; i < n; i++) {
        if (i) fputs(below(12) ? " " : ", ", f);
        if (below(24) == 0)
            fprintf(f, "%s%s%s", quote, PICK(words), quote);
        else
            fputs(PICK(words), f);
        if (below(40) == 0) fputs(line, f);
    }
}

static void day(FILE *f) { fprintf(f, "%d-%02d-%02d", 1990 + (int)below(40), 1 + (int)below(12), 1 + (int)below(28)); }

static void mixed(FILE *f, int64_t row) {
    fprintf(f, "%" PRId64 ",", row);
    if (!missing()) {
        const char *first = PICK(names);
        fprintf(f, "%s %s-%u", first, PICK(names), (unsigned)below(5000));
    }
    fputc(',', f);
    if (!missing()) {
        fputc('"', f);
        note(f, "\"\"", "\n");
        fputc('"', f);
    }
    fputc(',', f);
    if (!missing()) day(f);
    fputc(',', f);
    if (!missing()) {
        day(f);
        fprintf(f, " %02d:%02d:%02d", (int)below(24), (int)below(60), (int)below(60));
    }
    fputc(',', f);
    if (!missing()) decimal(f, 5000, 2);
    fputc(',', f);
    if (!missing()) fprintf(f, "%u", (unsigned)below(1000));
    fputc(',', f);
    if (!missing()) fputs(below(2) ? "true" : "false", f);
    fputc(',', f);
    if (!missing()) fputs(PICK(cities), f);
    fputc(',', f);
    if (!missing()) fprintf(f, "%c%c-%05u", 'A' + (int)below(26), 'A' + (int)below(26), (unsigned)below(100000));
    fputc('\n', f);
}

static void ndjson(FILE *f, int64_t row) {
    fprintf(f, "{\"id\":%" PRId64, row);
    if (!missing()) {
        const char *first = PICK(names);
        fprintf(f, ",\"name\":\"%s %s-%u\"", first, PICK(names), (unsigned)below(5000));
    }
    fputs(",\"note\":", f);
    if (missing()) {
        fputs("null", f);
    } else {
        fputc('"', f);
        note(f, "\\\"", "\\n\\u00e9");
        fputc('"', f);
    }
    fputs(",\"price\":", f);
    if (missing())
        fputs("null", f);
    else
        decimal(f, 5000, 2);
    if (!missing()) fprintf(f, ",\"qty\":%u", (unsigned)below(1000));
    if (!missing()) fprintf(f, ",\"flag\":%s", below(2) ? "true" : "false");
    fprintf(f, ",\"city\":\"%s\"}\n", PICK(cities));
}

#define WIDE 2000

static void wide(FILE *f) {
    for (int i = 0; i < WIDE; i++) {
        if (i) fputc(',', f);
        if (i % 4 == 0)
            fprintf(f, "%u", (unsigned)below(100000));
        else
            decimal(f, 100, 3);
    }
    fputc('\n', f);
}

static void text(FILE *f, int64_t row) {
    uint64_t size = 200 + below(below(20) ? 2000 : 19800), n = 0;
    fprintf(f, "%" PRId64 ",\"", row);
    while (n < size) {
        const char *word = PICK(words);
        n += strlen(word) + 1;
        fputs(word, f);
        uint64_t what = below(60);
        fputs(what == 0 ? ",\n" : what == 1 ? " \"\"sic\"\" " : " ", f);
    }
    fputs("\"\n", f);
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: generate numeric|mixed|ndjson|wide|text BYTES FILE\n"), 2;
    const char *kind = argv[1];
    int64_t bytes = atoll(argv[2]);
    FILE *f = fopen(argv[3], "w");
    if (!f) return perror(argv[3]), 1;
    static char buffer[1 << 20];
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    bool is_numeric = !strcmp(kind, "numeric"), is_mixed = !strcmp(kind, "mixed"), is_json = !strcmp(kind, "ndjson");
    bool is_wide = !strcmp(kind, "wide"), is_text = !strcmp(kind, "text");
    if (is_mixed) fputs("id,name,note,day,at,price,qty,flag,city,code\n", f);
    if (is_text) fputs("id,text\n", f);
    for (int i = 0; is_numeric && i < 20; i++) fprintf(f, "x%d%c", i, i == 19 ? '\n' : ',');
    for (int i = 0; is_wide && i < WIDE; i++) fprintf(f, "c%d%c", i, i == WIDE - 1 ? '\n' : ',');
    for (int64_t row = 0; ftello(f) < bytes; row++) {
        state = (uint64_t)row * UINT64_C(0xd1342543de82ef95) + 42;
        if (is_numeric)
            numeric(f);
        else if (is_mixed)
            mixed(f, row);
        else if (is_json)
            ndjson(f, row);
        else if (is_wide)
            wide(f);
        else if (is_text)
            text(f, row);
        else
            return fprintf(stderr, "generate: %s: expected numeric, mixed, ndjson, wide or text\n", kind), 2;
    }
    if (ferror(f) || fclose(f) != 0) return perror(argv[3]), 1;
    return 0;
}
