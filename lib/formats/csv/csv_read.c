/* A stream as items of whole records, cut serially and cheaply: pieces of block_bytes are read behind what the last item left over, so that a
 * buffer always starts at the start of a record and no quote state needs to be carried. Items cut from one buffer share it. Before the text, as
 * behind it, lie 64 bytes that may be read, so that kernels load whole vectors that end with a field. */
#include "formats/csv/csv_index.h"

#include "data/batch.h"
#include "data/utf8.h"
#include <stdio.h>
#include <string.h>

#define MARGIN ((size_t)64) /* readable bytes before the text; a buffer has as many behind it */
#define MAX_COLUMNS 100000
#define WIDEST_BLOCK ((size_t)4 << 20)
#define COLUMNS_OF_BLOCK 512 /* a usual block has a thousand rows of so many columns or fewer */

void aip__csv_cutter_init(aip__csv_cutter *c, const aip__csv_options *o, aip__text_stream *stream, const char *source) {
    *c = (aip__csv_cutter){
        .ctx = o->ctx, .options = o, .stream = stream, .source = source, .line = 1, .block_bytes = o->block_bytes};
    if (c->block_bytes == 0) c->block_bytes = AIP__BLOCK_BYTES_USUAL;
    c->dialect = o->dialect;
    c->dialect.open = &c->open;
}

void aip__csv_cutter_expect(aip__csv_cutter *c, int32_t n_columns) {
    c->gives_marks = n_columns <= AIP__CSV_MOST_MARKED;
    if (c->options->block_bytes > 0) return;
    c->block_bytes = AIP__BLOCK_BYTES_USUAL;
    for (int32_t n = COLUMNS_OF_BLOCK; n < n_columns && c->block_bytes < WIDEST_BLOCK; n *= 2) c->block_bytes *= 2;
}

void aip__csv_cutter_end(aip__csv_cutter *c) {
    aip__buffer_free(c->buffer);
    aip__buffer_free(c->spare);
    c->buffer = c->spare = NULL;
    c->at = 0;
    c->ended = true;
}

void aip__csv_piece_free(aip__csv_piece *p) {
    aip__buffer_free(p->buffer);
    aip__buffer_free(p->marked);
}

static const char *buffer_at(const aip__csv_cutter *c) { return (const char *)c->buffer->data + c->at; }
static const char *buffer_end(const aip__csv_cutter *c) { return (const char *)c->buffer->data + c->buffer->size; }

static int32_t place(const aip__csv_cutter *c, int32_t status, aip_error **err) {
    aip__error_at_source(err, c->source);
    aip__error_at_line(err, c->line, 0);
    aip__error_at_offset(err, c->offset);
    return status;
}

/* Moves over n bytes that hold `lines` line feeds. */
static void advance(aip__csv_cutter *c, size_t n, size_t lines) {
    c->offset += aip__encoded_bytes(c->unit, buffer_at(c), n);
    c->at += n;
    c->line += (int64_t)lines;
}

static bool starts_comment(const aip__csv_cutter *c) {
    return c->at < c->buffer->size && *(const unsigned char *)buffer_at(c) == c->dialect.comment;
}

/* As the row would be refused had it come as a whole. */
static int32_t too_long(const aip__csv_cutter *c, aip_error **err) {
    aip__csv_too_long(c->options, err);
    aip__error_at_source(err, c->source);
    aip__error_at_line(err, c->line, 1);
    aip__error_at_offset(err, c->offset);
    return AIP_E_DATA;
}

/* Moves over the rest of a comment whose front was too long to be kept. */
static void drop(aip__csv_cutter *c) {
    size_t n = c->buffer->size - c->at;
    const char *nl = memchr(buffer_at(c), '\n', n);
    advance(c, nl ? (size_t)(nl + 1 - buffer_at(c)) : n, nl ? 1 : 0);
    c->dropping = !nl;
}

/* A new buffer: what is left of the old one, then fresh bytes. Called when no whole record is left. */
static int32_t refill(aip__csv_cutter *c, aip_error **err) {
    size_t left = c->buffer ? c->buffer->size - c->at : 0, size = c->block_bytes, at = 0;
    aip__buffer *fresh = NULL;
    if (size >= 64 * MARGIN) size -= 2 * MARGIN;           /* with both margins a block of the buffer store */
    if (left > (size_t)c->options->max_record_bytes + 1) { /* 1: the CR of its line end may be there */
        if (!starts_comment(c)) return too_long(c, err);
        advance(c, left, 0);
        c->dropping = true;
        left = 0;
    }
    int32_t status =
        aip__text_stream_refill(c->stream, left > 0 ? buffer_at(c) : NULL, left, MARGIN, size, &fresh, &at, &c->ended, err);
    if (status != AIP_OK) {
        aip__error_at_source(err, c->source);
        return status;
    }
    aip__buffer_free(c->buffer);
    c->buffer = fresh;
    c->open = (aip__csv_open){0};
    c->at = at;
    if (c->dropping) drop(c);
    return AIP_OK;
}

/* Has at least one unread byte, or *end. */
static int32_t need_bytes(aip__csv_cutter *c, bool *end, aip_error **err) {
    while (!c->buffer || c->at == c->buffer->size) {
        if (c->buffer && c->ended) {
            *end = true;
            return AIP_OK;
        }
        AIP__TRY(refill(c, err));
    }
    return AIP_OK;
}

int32_t aip__csv_cutter_start(aip__csv_cutter *c, aip_error **err) {
    c->unit = aip__text_stream_unit(c->stream, &c->offset);
    AIP__TRY(refill(c, err));
    if (c->buffer->size - c->at >= 3 && memcmp(buffer_at(c), "\xef\xbb\xbf", 3) == 0) advance(c, 3, 0);
    for (int64_t skip = c->options->skip_rows; skip > 0;) {
        bool end = false;
        AIP__TRY(need_bytes(c, &end, err));
        if (end) return AIP_OK;
        const char *nl = memchr(buffer_at(c), '\n', (size_t)(buffer_end(c) - buffer_at(c)));
        if (nl) skip--;
        advance(c, nl ? (size_t)(nl + 1 - buffer_at(c)) : c->buffer->size - c->at, nl ? 1 : 0);
    }
    return AIP_OK;
}

static void piece(const aip__csv_cutter *c, size_t n, int64_t rows, aip__csv_piece *out) {
    *out = (aip__csv_piece){.buffer = aip__buffer_retain(c->buffer),
                            .text = buffer_at(c),
                            .n = n,
                            .line = c->line,
                            .offset = c->offset,
                            .max_rows = rows};
}

int32_t aip__csv_cutter_record(aip__csv_cutter *c, bool peek, aip__csv_piece *out, bool *end, aip_error **err) {
    for (;;) {
        AIP__TRY(need_bytes(c, end, err));
        if (*end) return AIP_OK;
        aip__csv_record r;
        if (!aip__csv_scan_record(&c->dialect, buffer_at(c), buffer_end(c), c->ended, &r)) {
            AIP__TRY(refill(c, err));
            continue;
        }
        size_t n = (size_t)(r.next - buffer_at(c)), lines = aip__csv_count_lines(buffer_at(c), n);
        if (r.kind == AIP__CSV_SKIP) {
            advance(c, n, lines);
            continue;
        }
        if (r.end - buffer_at(c) > c->options->max_record_bytes) return too_long(c, err);
        piece(c, n, 1, out);
        if (!peek) advance(c, n, lines);
        return AIP_OK;
    }
}

/* Room for the marks of n bytes, in c->spare. */
static int32_t marks_for(aip__csv_cutter *c, size_t n, aip__csv_marks *marks, aip_error **err) {
    size_t words = n / 64 + 1, sums = n / AIP__CSV_STRETCH + 1, size = words * sizeof *marks->ends + sums * sizeof *marks->sums;
    if (!c->spare || c->spare->capacity < size) {
        aip__buffer_free(c->spare);
        c->spare = aip__buffer_new(c->ctx, size);
        if (!c->spare) return aip__error_memory(c->ctx, err);
    }
    *marks = (aip__csv_marks){.ends = (uint64_t *)(void *)c->spare->data};
    marks->sums = (aip__csv_sum *)(void *)(marks->ends + words);
    return AIP_OK;
}

/* Whole records at the front of the buffer, at most max_records of them (those that are skipped count, too): as many as the kernel finds at one
 * go; what it finds irregular goes record by record, more and more of them while that goes on. *marked: the kernel found all, and marked them. */
static aip__csv_cut cut(const aip__csv_cutter *c, int64_t max_records, const aip__csv_marks *marks, bool *marked) {
    const aip__csv_dialect *d = &c->dialect;
    const aip__csv_kernels *kernels = aip__csv_kernels_now();
    const char *p = buffer_at(c), *at = p, *end = buffer_end(c);
    aip__csv_cut all = {0}, found;
    aip__csv_record r;
    bool whole = true; /* a record was found by the last look */
    for (int64_t run = 1; at < end && whole && all.n_records < max_records;) {
        found = (aip__csv_cut){.irregular = true};
        if (!d->only_libcsv) kernels->cut(d, at, (size_t)(end - at), max_records - all.n_records, marks, &found);
        *marked = at == p;
        all.n_records += found.n_records;
        all.n_lines += found.n_lines;
        at += found.n;
        if (found.full || (!found.irregular && !c->ended)) break;
        run = found.n > 0 ? 1 : run < 1024 ? 2 * run : run;
        for (int64_t i = 0; i < run && at < end && whole && all.n_records < max_records; i++) {
            whole = aip__csv_scan_record(d, at, end, c->ended, &r);
            if (!whole) break;
            *marked = false;
            all.n_records++;
            all.n_lines += (int64_t)aip__csv_count_lines(at, (size_t)(r.next - at));
            at = r.next;
        }
    }
    all.n = (size_t)(at - p);
    return all;
}

int32_t aip__csv_cutter_next(aip__csv_cutter *c, int64_t max_rows, aip__csv_piece *out, bool *end, aip_error **err) {
    for (;;) {
        AIP__TRY(need_bytes(c, end, err));
        if (*end) return AIP_OK;
        aip__csv_marks marks;
        bool marked = false;
        AIP__TRY(marks_for(c, c->buffer->size - c->at, &marks, err));
        aip__csv_cut found = cut(c, max_rows, &marks, &marked);
        if (found.n == 0) {
            AIP__TRY(refill(c, err));
            continue;
        }
        piece(c, found.n, found.n_records, out);
        if (marked && c->gives_marks) {
            out->marked = c->spare;
            out->marks = marks;
            c->spare = NULL;
        }
        advance(c, found.n, (size_t)found.n_lines);
        return AIP_OK;
    }
}

/* ---- header -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t copy_names(aip_context *ctx, char *const *from, int32_t n, char ***out, aip_error **err) {
    char **names = aip__calloc(ctx, (size_t)n + 1, sizeof *names);
    if (!names) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < n; i++) {
        names[i] = aip__strdup(ctx, from[i]);
        if (!names[i]) {
            aip__csv_names_free(ctx, names, n);
            return aip__error_memory(ctx, err);
        }
    }
    *out = names;
    return AIP_OK;
}

static int32_t count_fields(const aip__csv_cutter *c, const char *p, const char *end, int64_t line, int32_t *n, aip_error **err) {
    int64_t fields = 1;
    for (const char *at = p; (at = aip__csv_field_end(&c->dialect, at, end)) < end; at++) fields++;
    if (fields > MAX_COLUMNS) {
        aip__error_set(err, AIP_E_DATA, "%lld columns: at most %d are read; is the delimiter right?", (long long)fields,
                       MAX_COLUMNS);
        aip__error_at_line(err, line, 0);
        return place(c, AIP_E_DATA, err);
    }
    *n = (int32_t)fields;
    return AIP_OK;
}

static int32_t name_at(const aip__csv_cutter *c, const aip__csv_cell *cell, int32_t i, bool header, char **out, aip_error **err) {
    char made[32];
    if (header && cell->n > 0) {
        if (!aip__utf8_valid(cell->text, cell->n))
            return aip__error_set(err, AIP_E_DATA, "name of column %d is not valid UTF-8 text (set %s)", i + 1,
                                  aip__csv_other_encoding(c->options));
        if (memchr(cell->text, 0, cell->n))
            return aip__error_set(err, AIP_E_DATA, "name of column %d holds a NUL byte; is the file UTF-8 text?", i + 1);
        *out = aip__strndup(c->ctx, cell->text, cell->n);
    } else {
        snprintf(made, sizeof made, "column_%d", i + 1);
        *out = aip__strdup(c->ctx, made);
    }
    return *out ? AIP_OK : aip__error_memory(c->ctx, err);
}

/* Whether a CR stands in the header outside quotes: the line ends of old Macs, which would make the whole file one record. */
static bool bare_cr(const aip__csv_cutter *c, const char *p, const char *end) {
    for (const char *at = p; at < end; at++) {
        const char *e = aip__csv_field_end(&c->dialect, at, end);
        bool quoted = (unsigned char)*at == c->dialect.quote;
        if (quoted ? e < end && *e == '\r' : memchr(at, '\r', (size_t)(e - at)) != NULL) return true;
        at = e;
    }
    return false;
}

/* The fields of one record as names; without header, as numbered columns. */
static int32_t names_of(const aip__csv_cutter *c, const aip__csv_piece *p, bool header, char ***out, int32_t *n_out,
                        aip_error **err) {
    aip__csv_splitter split = {0};
    aip__csv_record r;
    int32_t n = 0, status = AIP_OK, *slot = NULL;
    char **names = NULL;
    aip__csv_scan_record(&c->dialect, p->text, p->text + p->n, true, &r);
    AIP__TRY(count_fields(c, p->text, r.end, p->line, &n, err));
    names = aip__calloc(c->ctx, (size_t)n + 1, sizeof *names);
    slot = aip__calloc(c->ctx, (size_t)n, sizeof *slot);
    status = names && slot ? AIP_OK : aip__error_memory(c->ctx, err);
    for (int32_t i = 0; slot && i < n; i++) slot[i] = i;
    if (status == AIP_OK) status = aip__csv_split_begin(&split, c->ctx, &c->dialect, n, slot, n, p->text, p->n, err);
    if (status == AIP_OK) status = aip__csv_split_next(&split, err);
    if (status == AIP_OK && header && bare_cr(c, p->text, r.end))
        status = aip__error_set(err, AIP_E_DATA,
                                "the header holds a carriage return (CR) without a line feed: lines must end in LF or CR LF "
                                "(set line_end: cr where CR ends them)");
    if (status == AIP_OK && (split.block.n_rows != 1 || split.block.rows[0].fault != AIP__ROW_GOOD))
        status = aip__error_set(
            err, AIP_E_DATA,
            "%s is malformed: a quoted %s must end with a quote and the delimiter (set quote_errors: repair, or quote: null if "
            "quotes mean nothing here)",
            header ? "header" : "first record", header ? "name" : "field");
    for (int32_t i = 0; status == AIP_OK && i < n; i++)
        status = name_at(c, &split.block.cells[(size_t)i * (size_t)split.block.max_rows], i, header, &names[i], err);
    aip__csv_split_end(&split);
    aip__free(c->ctx, slot);
    if (status != AIP_OK) {
        if (status == AIP_E_DATA) aip__csv_no_text(p->text, p->n, p->offset, err); /* says more, where it says something */
        aip__csv_names_free(c->ctx, names, n);
        aip__error_at_line(err, p->line, 0);
        return place(c, status, err);
    }
    *out = names;
    *n_out = n;
    return AIP_OK;
}

/* Where rows may be ragged, the names say how many columns there are, and the first record is as good as any other. */
static int32_t check_given(const aip__csv_cutter *c, int32_t found, int64_t line, aip_error **err) {
    if (c->options->n_names == found || c->options->ragged != AIP__RAGGED_ERROR) return AIP_OK;
    aip__error_set(err, AIP_E_PARAM, "names has %d name%s, but the file has %d column%s", c->options->n_names,
                   aip__plural(c->options->n_names), found, aip__plural(found));
    aip__error_at_parameter(err, "names");
    aip__error_at_line(err, line, 0);
    return place(c, AIP_E_PARAM, err);
}

/* A header that is shorter than most rows: the columns behind it are numbered. */
static int32_t lengthen(const aip__csv_cutter *c, char ***names, int32_t *n, int32_t wanted, aip_error **err) {
    char made[32];
    if (wanted <= *n) return AIP_OK;
    char **longer = aip__realloc(c->ctx, *names, ((size_t)wanted + 1) * sizeof **names);
    if (!longer) return aip__error_memory(c->ctx, err);
    *names = longer;
    for (; *n < wanted; ++*n) {
        snprintf(made, sizeof made, "column_%d", *n + 1);
        longer[*n] = aip__strdup(c->ctx, made);
        if (!longer[*n]) return aip__error_memory(c->ctx, err);
    }
    return AIP_OK;
}

static bool is_malformed(const aip__csv_cutter *c, const aip__csv_piece *p) {
    aip__csv_record r;
    aip__csv_scan_record(&c->options->dialect, p->text, p->text + p->n, true, &r);
    return r.kind == AIP__CSV_MALFORMED || r.kind == AIP__CSV_UNCLOSED;
}

int32_t aip__csv_header(aip__csv_cutter *c, char ***names, int32_t *n, aip_error **err) {
    const aip__csv_options *o = c->options;
    aip__csv_piece p = {0};
    bool end = false;
    AIP__TRY(aip__csv_cutter_record(c, !o->header, &p, &end, err));
    if (end) {
        if (o->names) {
            *n = o->n_names;
            return copy_names(c->ctx, o->names, o->n_names, names, err);
        }
        bool read = c->line > 1 || c->offset > (c->unit > 0 ? 4 : 3); /* more than a byte order mark */
        const char *but = !read                                         ? ""
                          : o->dialect.comment >= 0 || o->skip_rows > 0 ? " but for blank and skipped lines"
                                                                        : " but for blank lines";
        aip__error_set(err, AIP_E_DATA, "file is empty%s: expected %s", but,
                       o->header ? "a header with the column names" : "at least one record, or names");
        aip__error_at_source(err, c->source);
        return AIP_E_DATA;
    }
    char **found = NULL;
    int32_t n_found = 0, status = AIP_OK;
    c->header_line = o->header ? p.line : 0;
    if (o->names && !o->header && is_malformed(c, &p)) /* a row like any other: it goes the way of bad rows */
        status = copy_names(c->ctx, o->names, o->n_names, &found, err), n_found = o->n_names;
    else
        status = names_of(c, &p, o->header, &found, &n_found, err);
    if (status == AIP_OK && !o->names && o->header) {
        status = lengthen(c, &found, &n_found, o->detected_columns, err);
        if (status != AIP_OK) aip__csv_names_free(c->ctx, found, n_found);
    }
    if (status == AIP_OK && o->names) {
        status = check_given(c, n_found, p.line, err);
        aip__csv_names_free(c->ctx, found, n_found);
        found = NULL;
        if (status == AIP_OK) status = copy_names(c->ctx, o->names, o->n_names, &found, err);
        n_found = o->n_names;
    }
    aip__csv_piece_free(&p);
    if (status != AIP_OK) return status;
    bool numbered = false;
    if (o->number_names) status = aip__csv_number_names(c->ctx, found, n_found, &numbered, err);
    if (status != AIP_OK) {
        aip__csv_names_free(c->ctx, found, n_found);
        return status;
    }
    *names = found;
    *n = n_found;
    return AIP_OK;
}
