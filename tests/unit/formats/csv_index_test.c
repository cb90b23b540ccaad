/* The structural kernels: every vector level finds what the portable one finds, and that is what the definition of records (aip__csv_scan_record)
 * says, up to where a kernel says that the text is not regular. Random text of the bytes that matter, and regular tables with rare faults. */
#include "base/cpu.h"
#include "formats/csv/csv_index.h"
#include "formats_suites.h"
#include "table_fixture.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 5000

static const aip__csv_dialect dialects[] = {
    {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.'},
    {.delimiter = ';', .quote = '\'', .comment = '#', .decimal = ','},
    {.delimiter = '\t', .quote = -1, .comment = -1, .decimal = '.'},
    {.delimiter = '|', .quote = -1, .comment = '#', .decimal = '.'},
};
#define N_DIALECTS (sizeof dialects / sizeof *dialects)

static uint32_t seed = 7;
static uint32_t draw(uint32_t n) { /* Marsaglia's xorshift32 */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

static size_t put(char *out, size_t n, size_t max, const char *s) {
    while (*s && n < max) out[n++] = *s++;
    return n;
}

/* kind 0: bytes at random; 1: a table whose fields are quoted now and then; 2: the same with rare faults; 3: few ends. */
static size_t make_text(char *out, size_t max, const aip__csv_dialect *d, int kind) {
    const char delimiter[2] = {d->delimiter, 0}, quote[2] = {(char)(d->quote < 0 ? '"' : d->quote), 0};
    size_t n = 0, until = draw((uint32_t)max) + 1;
    while (n < until) {
        if (kind == 0) {
            static const char *const pieces[] = {"a", "\n", "\r", "\r\n", "b", "#", "\xc3\xa9", " "};
            uint32_t k = draw(14);
            n = put(out, n, max, k < 8 ? pieces[k] : k < 11 ? quote : delimiter);
            continue;
        }
        for (uint32_t c = draw(5); c < 6; c++) {
            bool quoted = d->quote >= 0 && draw(kind == 3 ? 50 : 4) == 0;
            if (quoted) n = put(out, n, max, quote);
            for (uint32_t k = draw(kind == 3 ? 300 : 12); k > 0; k--) {
                if (quoted && draw(6) == 0) n = put(out, put(out, n, max, quote), max, quote);
                n = put(out, n, max, quoted && draw(8) == 0 ? "\n" : quoted && draw(8) == 0 ? delimiter : "x");
            }
            if (kind == 2 && draw(200) == 0) n = put(out, n, max, quote);
            if (quoted) n = put(out, n, max, quote);
            if (kind == 2 && draw(200) == 0) n = put(out, n, max, draw(2) ? "\r" : "y");
            if (c < 5) n = put(out, n, max, delimiter);
        }
        n = put(out, n, max, draw(3) ? "\n" : "\r\n");
        if (kind == 2 && draw(30) == 0) n = put(out, n, max, "#\n");
    }
    return n;
}

/* The ends of the records of text[0..n) by the definition, as far as the kernel says that it has seen. */
static void hold_to_definition(const aip__csv_dialect *d, const char *text, size_t n, const uint32_t *ends,
                               const aip__csv_found *f) {
    const char *at = text, *end = text + n;
    uint32_t e = 0;
    aip__csv_record r;
    while (at < end && aip__csv_scan_record(d, at, end, false, &r) && (size_t)(r.next - text) <= f->seen) {
        ck_assert_msg(r.kind == AIP__CSV_PLAIN || r.kind == AIP__CSV_QUOTED || *at == '\n' || *at == '\r', "kind %d",
                      (int)r.kind);
        for (const char *field = at; field < r.next; e++) {
            const char *stop = aip__csv_field_end(d, field, r.next - 1);
            if ((unsigned char)*field == d->quote && stop < r.next - 1 && *stop == '\r') stop++; /* the CR of its line end */
            ck_assert_uint_lt(e, f->n_ends);
            ck_assert_uint_eq(ends[e], (uint32_t)(stop - text));
            field = stop + 1;
        }
        at = r.next;
    }
    uint32_t feeds = 0;
    for (uint32_t k = 0; k < f->n_ends; k++) feeds += text[ends[k]] == '\n';
    ck_assert_uint_eq(feeds, f->n_records);
    for (; e < f->n_ends; e++) ck_assert_int_eq(text[ends[e]], d->delimiter); /* of the record that is not whole */
}

START_TEST(index_is_the_same_at_every_level_and_as_the_definition_says) {
    aip__cpu_level was = aip__cpu();
    char *text = calloc(1, MAX_TEXT + 192);
    uint32_t *ends[2] = {malloc((MAX_TEXT + 64) * 4), malloc((MAX_TEXT + 64) * 4)};
    ck_assert(text && ends[0] && ends[1]);
    for (int round = 0; round < 24000; round++) {
        const aip__csv_dialect *d = &dialects[draw(N_DIALECTS)];
        memset(text, "\",\n x"[draw(5)], MAX_TEXT + 192); /* what lies around does not count */
        size_t shift = draw(64), n = make_text(text + shift, round % 3 ? 300 : MAX_TEXT, d, round & 3);
        uint32_t max_ends = draw(4) ? MAX_TEXT + 64 : 64 + draw(100);
        aip__csv_found first = {0}, found = {0};
        aip__cpu_set(AIP__CPU_SCALAR);
        aip__csv_kernels_now()->index(d, text + shift, (uint32_t)n, ends[0], max_ends, &first);
        ck_assert_uint_le(first.n_ends, max_ends);
        ck_assert(first.irregular || first.seen == n || first.n_ends + 64 > max_ends);
        hold_to_definition(d, text + shift, n, ends[0], &first);
        for (aip__cpu_level level = AIP__CPU_NEON; level <= AIP__CPU_AVX512; level++) {
            if (aip__cpu_set(level) != level) continue;
            const aip__csv_kernels *k = aip__csv_kernels_now();
            k->index(d, text + shift, (uint32_t)n, ends[1], max_ends, &found);
            ck_assert_msg(found.n_ends == first.n_ends && found.n_records == first.n_records && found.seen == first.seen
                              && found.irregular == first.irregular
                              && memcmp(ends[0], ends[1], first.n_ends * sizeof **ends) == 0,
                          "%s, round %d: [%.*s]", k->name, round, (int)n, text + shift);
        }
    }
    aip__cpu_set(was);
    free(ends[0]);
    free(ends[1]);
    free(text);
}
END_TEST

/* What the cut marked of its records is what the index finds in them, stretch by stretch; from any mark on, and up to any. */
static void hold_to_index(const aip__csv_dialect *d, const char *text, const aip__csv_cut *c, const aip__csv_marks *m,
                          uint32_t *ends, uint32_t *marked) {
    aip__csv_found f = {0};
    const aip__csv_kernels *k = aip__csv_kernels_now();
    k->index(d, text, (uint32_t)c->n, ends, MAX_TEXT + 64, &f);
    ck_assert(!f.irregular && f.seen == c->n);
    uint32_t n = k->ends(m->ends, 0, c->n, marked);
    ck_assert_uint_eq(n, f.n_ends);
    ck_assert_int_eq(memcmp(marked, ends, n * sizeof *ends), 0);
    for (size_t s = 0; (s + 1) * AIP__CSV_STRETCH <= c->n; s++) {
        uint32_t n_ends = 0, n_records = 0;
        for (; n_ends < n && ends[n_ends] < (s + 1) * AIP__CSV_STRETCH; n_ends++) n_records += text[ends[n_ends]] == '\n';
        ck_assert_uint_eq(m->sums[s].ends, n_ends);
        ck_assert_uint_eq(m->sums[s].records, n_records);
    }
    if (c->n == 0) return;
    size_t from = draw((uint32_t)c->n), to = from + draw((uint32_t)(c->n - from) + 1), first = 0, last = 0;
    while (first < n && ends[first] < from) first++;
    for (last = first; last < n && ends[last] < to;) last++;
    ck_assert_uint_eq(k->ends(m->ends, from, to, marked), last - first);
    for (size_t i = first; i < last; i++) ck_assert_uint_eq(marked[i - first], ends[i] - from);
}

START_TEST(cut_is_the_same_at_every_level_and_ends_with_a_record) {
    aip__cpu_level was = aip__cpu();
    aip__csv_marks marks[2];
    uint32_t *ends[2] = {malloc((MAX_TEXT + 64) * 4), malloc((MAX_TEXT + 128) * 4)};
    for (int i = 0; i < 2; i++) {
        marks[i].ends = malloc((MAX_TEXT / 64 + 1) * sizeof *marks[i].ends);
        marks[i].sums = malloc((MAX_TEXT / AIP__CSV_STRETCH + 1) * sizeof *marks[i].sums);
        ck_assert(ends[i] && marks[i].ends && marks[i].sums);
    }
    char *text = calloc(1, MAX_TEXT + 192);
    ck_assert_ptr_nonnull(text);
    for (int round = 0; round < 24000; round++) {
        const aip__csv_dialect *d = &dialects[draw(N_DIALECTS)];
        memset(text, "\",\n x"[draw(5)], MAX_TEXT + 192);
        size_t shift = draw(64), n = make_text(text + shift, round % 3 ? 300 : MAX_TEXT, d, round & 3);
        int64_t max = draw(3) ? 100000 : 1 + draw(20), records = 0;
        aip__csv_cut first = {0}, found = {0};
        aip__cpu_set(AIP__CPU_SCALAR);
        aip__csv_kernels_now()->cut(d, text + shift, n, max, &marks[0], &first);
        const char *at = text + shift, *stop = at + first.n;
        for (aip__csv_record r; at < stop; at = r.next, records++)
            ck_assert(aip__csv_scan_record(d, at, text + shift + n, false, &r) && r.next <= stop);
        ck_assert_int_eq(records, first.n_records);
        ck_assert_int_eq((int64_t)aip__csv_count_lines(text + shift, first.n), first.n_lines);
        ck_assert(first.full == (records == max));
        if (!first.full && !first.irregular && n > first.n) { /* what is left is no whole record */
            aip__csv_record r;
            ck_assert(!aip__csv_scan_record(d, stop, text + shift + n, false, &r));
        }
        hold_to_index(d, text + shift, &first, &marks[0], ends[0], ends[1]);
        for (aip__cpu_level level = AIP__CPU_NEON; level <= AIP__CPU_AVX512; level++) {
            if (aip__cpu_set(level) != level) continue;
            const aip__csv_kernels *k = aip__csv_kernels_now();
            k->cut(d, text + shift, n, max, &marks[1], &found);
            ck_assert_msg(found.n == first.n && found.n_records == first.n_records && found.n_lines == first.n_lines
                              && found.full == first.full && found.irregular == first.irregular,
                          "%s, round %d: [%.*s]", k->name, round, (int)n, text + shift);
            hold_to_index(d, text + shift, &found, &marks[1], ends[0], ends[1]);
        }
    }
    aip__cpu_set(was);
    for (int i = 0; i < 2; i++) {
        free(ends[i]);
        free(marks[i].ends);
        free(marks[i].sums);
    }
    free(text);
}
END_TEST

#define MAX_ITEM ((size_t)300000)

/* A table of `width` columns whose fields are short or now and then long; one row in `ragged` has another number of fields. */
static size_t make_table(char *out, size_t max, int32_t width, uint32_t longest, uint32_t ragged) {
    size_t n = 0, until = draw((uint32_t)max);
    do {
        const size_t start = n;
        int32_t fields = ragged && draw(ragged) == 0 ? 1 + (int32_t)draw((uint32_t)width + 3) : width;
        for (int32_t c = 0; c < fields && n + longest + 8 < max; c++) {
            bool quoted = draw(9) == 0;
            if (quoted) out[n++] = '"';
            for (uint32_t k = draw(draw(5) ? 3 : longest); k > 0; k--) out[n++] = quoted && draw(9) == 0 ? "\n,"[draw(2)] : 'x';
            if (quoted) out[n++] = '"';
            out[n++] = c + 1 < fields ? ',' : '\n';
        }
        if (n > start && out[n - 1] == ',') return start; /* not the whole row had room */
    } while (n < until && n + longest + 8 < max);
    return n;
}

/* The rows of a run are records by the definition, of `width` fields that end where it says. */
static const char *hold_run(const aip__csv_dialect *d, const aip__csv_regular *g, const char *at, int32_t width,
                            const char *end) {
    for (int32_t row = 0; row < g->n_rows; row++) {
        aip__csv_record r;
        ck_assert(aip__csv_scan_record(d, at, end, true, &r) && r.kind != AIP__CSV_SKIP);
        for (int32_t c = 0; c < width; c++) {
            aip__fields f = aip__csv_regular_fields(g, c);
            size_t n = 0;
            const char *s = aip__field_at(&f, row, &n);
            ck_assert_ptr_eq(s, at);
            at = aip__csv_field_end(d, at, r.end);
            ck_assert_uint_eq(n, (size_t)(at - s));
            ck_assert_int_eq(*at, c + 1 < width ? d->delimiter : '\n');
            at++;
        }
        ck_assert_ptr_eq(at, r.next);
    }
    return at;
}

START_TEST(runs_from_marks_and_from_the_text_are_whole_records_and_leave_none_out) {
    const aip__csv_dialect d = {.delimiter = ',', .quote = '"', .comment = -1, .decimal = '.'};
    aip_context *ctx = table_context(0);
    aip_error *err = NULL;
    aip__cpu_level was = aip__cpu();
    char *space = calloc(1, MAX_ITEM + 128);
    aip__csv_marks marks = {.ends = malloc((MAX_ITEM / 64 + 1) * 8),
                            .sums = malloc((MAX_ITEM / AIP__CSV_STRETCH + 1) * sizeof *marks.sums)};
    ck_assert(space && marks.ends && marks.sums);
    for (int round = 0; round < 100; round++) {
        static const int32_t widths[] = {1, 2, 3, 10, 100, 9000};
        static const uint32_t lengths[] = {3, 30, 6000, 90000};
        const int32_t width = widths[draw(6)];
        const uint32_t ragged = draw(2) ? 0 : 1 + draw(2000);
        const char *text = space + 64, *at = text;
        const size_t n = make_table(space + 64, draw(3) ? MAX_ITEM : 3000 + 90000, width, lengths[draw(4)], ragged);
        int64_t n_exact = 0, blank = 0;
        aip__csv_cut c = {0};
        aip__cpu_set((aip__cpu_level)draw(4));
        aip__csv_kernels_now()->cut(&d, text, n, INT64_MAX, &marks, &c);
        ck_assert(!c.irregular && c.n == n);
        aip__csv_regular g;
        ck_assert_int_eq(aip__csv_regular_begin(&g, ctx, &d, width, 0, text, n, &err), AIP_OK);
        bool marked = draw(4) != 0;
        if (marked) aip__csv_regular_use(&g, &marks, c.n_records);
        while (aip__csv_regular_next(&g)) {
            if (g.n_rows > 0) {
                at = hold_run(&d, &g, at, width, text + n);
                ck_assert_ptr_eq(at, g.at);
                continue;
            }
            ck_assert_ptr_eq(at, g.at);
            for (int32_t k = 0; k < g.n_exact && at < text + n; k++, n_exact++) {
                aip__csv_record r;
                ck_assert(aip__csv_scan_record(&d, at, text + n, true, &r));
                blank += r.kind == AIP__CSV_SKIP;
                at = r.next;
            }
            g.at = at;
        }
        ck_assert_ptr_eq(at, text + n);
        if (ragged == 0 && blank == 0 && width < 9000) ck_assert_int_eq(n_exact, 0); /* every row is in a run */
        aip__csv_regular_end(&g);
    }
    aip__cpu_set(was);
    free(marks.ends);
    free(marks.sums);
    free(space);
    table_context_free(ctx);
}
END_TEST

Suite *csv_index_suite(void) {
    const TTest *const tests[] = {index_is_the_same_at_every_level_and_as_the_definition_says,
                                  cut_is_the_same_at_every_level_and_ends_with_a_record,
                                  runs_from_marks_and_from_the_text_are_whole_records_and_leave_none_out, NULL};
    return unit_suite("csv_index", tests);
}
