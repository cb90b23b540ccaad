/* Runs of regular rows. A block of text that stays in the cache is indexed, from the marks that the cut has left or else by looking at it;
 * when every n_columns-th end is a line feed, and there are no more line feeds than those, all its rows are regular, and their fields need
 * no cells: a column is every n_columns-th end. Where a row is not, the run ends before it, and the row is for the splitter; while one
 * follows the other, ever longer stretches are, so that no text is indexed often. */
#include "formats/csv/csv_index.h"

#include <string.h>

#define BLOCK ((size_t)64 << 10)
#define LARGEST_BLOCK ((size_t)1 << 20) /* for wide rows */
#define SMALL_BLOCK ((size_t)4 << 10)   /* after an irregular row */
#define ENOUGH_ROWS 32                  /* of a run: fewer make the converters' calls dear */
#define ENDS 16384
#define MOST_ENDS 262144
#define LONGEST_STRETCH 1024

int32_t aip__csv_regular_begin(aip__csv_regular *g, aip_context *ctx, const aip__csv_dialect *dialect, int32_t n_columns,
                               int64_t max_record, const char *text, size_t n, aip_error **err) {
    uint32_t width = (uint32_t)n_columns, wide = width * (ENOUGH_ROWS + 1), max_ends = wide < MOST_ENDS ? wide : MOST_ENDS;
    max_ends = (max_ends < ENDS ? ENDS : max_ends) + width;
    *g = (aip__csv_regular){.ctx = ctx,
                            .dialect = dialect,
                            .kernels = aip__csv_kernels_now(),
                            .n_columns = n_columns,
                            .max_record = max_record > 0 ? max_record : INT64_MAX,
                            .at = text,
                            .start = text,
                            .end = text + n,
                            .max_ends = max_ends,
                            .block = BLOCK,
                            .stretch = 1};
    g->ends = aip__alloc(ctx, ((size_t)max_ends + 1) * sizeof *g->ends);
    if (!g->ends) return aip__error_memory(ctx, err);
    g->ends[0] = UINT32_MAX;
    return AIP_OK;
}

void aip__csv_regular_use(aip__csv_regular *g, const aip__csv_marks *marks, int64_t n_records) {
    g->marks = marks;
    g->n_records = (uint32_t)n_records;
}

void aip__csv_regular_end(aip__csv_regular *g) {
    aip__free(g->ctx, g->ends);
    g->ends = NULL;
}

static bool is_feed(const aip__csv_regular *g, const uint32_t *end) { return g->at[*end] == '\n'; }

/* Rows of the index that have their line feed in the right place, up to the first that has not; n_rows is how many there would be. */
static int32_t well_shaped(const aip__csv_regular *g, const aip__csv_found *found) {
    const uint32_t width = (uint32_t)g->n_columns, *ends = g->ends + 1;
    uint32_t n = found->n_records, r = 0;
    bool all = n <= found->n_ends / width;
    for (; all && r < n; r++) all = is_feed(g, &ends[r * width + width - 1]);
    if (all) return (int32_t)n;
    for (r = 0; (r + 1) * width <= found->n_ends; r++) {
        const uint32_t *row = ends + r * width;
        for (uint32_t c = 0; c + 1 < width; c++)
            if (is_feed(g, &row[c])) return (int32_t)r;
        if (!is_feed(g, &row[width - 1])) return (int32_t)r;
    }
    return (int32_t)r;
}

/* Rows that are no records, or too long for one, end a run: blank lines (of files with one column; in others they have too few fields), and
 * what is longer than max_record. */
static int32_t acceptable(const aip__csv_regular *g, int32_t n) {
    const uint32_t width = (uint32_t)g->n_columns, *ends = g->ends;
    bool may_be_long = (int64_t)ends[(uint32_t)n * width] > g->max_record;
    if (width > 1 && !may_be_long) return n;
    for (int32_t r = 0; r < n; r++) {
        uint32_t start = ends[(uint32_t)r * width] + 1, end = ends[((uint32_t)r + 1) * width];
        if (end > start && g->at[end - 1] == '\r') end--;
        if (end == start || (int64_t)(end - start) > g->max_record) return r;
    }
    return n;
}

/* The index of the next n bytes and some more, from the marks: up to the end of a stretch, for which records are counted, or of the item. As all
 * rows so far were regular, what is counted there beyond them is of these bytes. False: there was no room for so many ends. */
static bool index_marked(aip__csv_regular *g, size_t n, aip__csv_found *found) {
    const size_t from = (size_t)(g->at - g->start), all = (size_t)(g->end - g->start);
    const uint32_t done = g->n_done * (uint32_t)g->n_columns, room = g->max_ends - 64;
    const aip__csv_sum *sums = g->marks->sums;
    size_t k = from / AIP__CSV_STRETCH, to = from;
    uint32_t records = g->n_done, ends = 0;
    bool fits = true;
    while (to < from + n) {
        bool whole = k < all / AIP__CSV_STRETCH;
        ends = whole ? sums[k].ends - done : ends + AIP__CSV_STRETCH; /* the rest of an item is not counted */
        fits = ends <= room;
        if (!fits) break;
        to = whole ? (k + 1) * AIP__CSV_STRETCH : all;
        records = whole ? sums[k].records : g->n_records;
        k++;
    }
    *found = (aip__csv_found){.n_records = records - g->n_done, .seen = (uint32_t)(to - from)};
    found->n_ends = g->kernels->ends(g->marks->ends, from, to, g->ends + 1);
    return fits;
}

/* The index of the next n bytes by looking at them. */
static bool index_text(aip__csv_regular *g, size_t n, aip__csv_found *found) {
    *found = (aip__csv_found){.irregular = true};
    if (!g->dialect->only_libcsv) g->kernels->index(g->dialect, g->at, (uint32_t)n, g->ends + 1, g->max_ends, found);
    return found->irregular || found->seen == n;
}

bool aip__csv_regular_next(aip__csv_regular *g) {
    g->n_rows = g->n_exact = 0;
    while (g->at < g->end) {
        size_t left = (size_t)(g->end - g->at), n = left < g->block ? left : g->block;
        aip__csv_found found;
        bool whole = g->marks ? index_marked(g, n, &found) : index_text(g, n, &found);
        if (found.n_records == 0 && !found.irregular && whole && n < left && n < UINT32_MAX / 4) {
            g->block *= 2; /* a record is longer than the block */
            continue;
        }
        int32_t rows = well_shaped(g, &found), good = rows > 0 ? acceptable(g, rows) : 0;
        if (good == 0) break;
        bool all = good == (int32_t)found.n_records && !found.irregular;
        if (!all) g->marks = NULL;
        g->n_done += (uint32_t)good;
        if (all && (g->block < BLOCK || (good < ENOUGH_ROWS && n == g->block && g->block < LARGEST_BLOCK))) g->block *= 2;
        g->text = g->at;
        g->at += g->ends[(uint32_t)good * (uint32_t)g->n_columns] + 1;
        g->n_rows = good;
        g->stretch = 1;
        return true;
    }
    if (g->at == g->end) return false;
    g->marks = NULL;
    g->block = SMALL_BLOCK;
    g->n_exact = g->stretch;
    if (g->stretch < LONGEST_STRETCH) g->stretch *= 2;
    return true;
}

aip__fields aip__csv_regular_fields(const aip__csv_regular *g, int32_t column) {
    return (aip__fields){.text = g->text,
                         .ends = g->ends + 1 + column,
                         .stride = g->n_columns,
                         .n = g->n_rows,
                         .last = column == g->n_columns - 1};
}

void aip__csv_regular_row(const aip__csv_regular *g, int32_t r, const char **start, const char **end) {
    const uint32_t *row = g->ends + (int64_t)r * g->n_columns;
    const char *e = g->text + row[g->n_columns];
    *start = g->text + (uint32_t)(row[0] + 1);
    *end = e > *start && e[-1] == '\r' ? e - 1 : e;
}
