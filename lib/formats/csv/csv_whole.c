/* How much of a file that is still being written is whole records: those that end in a line feed outside quotes. What stands behind the last of
 * them is left for when its line end has come. */
#include "formats/csv/csv_detect.h"

#include <string.h>

#define PIECE_BYTES ((size_t)1 << 20)

typedef struct whole {
    const aip__csv_options *options;
    aip__csv_dialect dialect;
    aip__csv_open open; /* of bytes */
    aip__stream *stream;
    const char *source;
    char *bytes; /* bytes[at..n): read, and not yet in whole records */
    size_t at, n, size;
    int64_t skip;        /* lines that are no records, before the header */
    bool passing;        /* in such a line, or in a comment, that was too long to be kept ... */
    int64_t passed;      /* ... bytes of it, which count once its end is there */
    bool first;          /* the bytes are the file's from its start on */
    bool ended, started; /* started: the header or a record was there */
    int64_t whole, lines;
} whole;

/* Moves what is left to the front and reads behind it; makes room when a record fills all there is. */
static int32_t more(whole *w, aip_error **err) {
    size_t left = w->n - w->at, got = 0;
    bool too_long = left > (size_t)w->options->max_record_bytes + 1; /* 1: the CR of its line end may be there */
    if (too_long && (w->skip > 0 || (unsigned char)w->bytes[w->at] == w->dialect.comment)) {
        w->passing = true;
        w->passed += (int64_t)left;
        w->at = w->n;
        left = 0;
    } else if (too_long) {
        aip__error_set(err, AIP_E_DATA, "record is longer than max_record_bytes (%lld): a quote that is never closed?",
                       (long long)w->options->max_record_bytes);
        aip__error_at_source(err, w->source);
        if (w->first) aip__error_at_offset(err, w->whole);
        return AIP_E_DATA;
    }
    if (left > w->size / 2) {
        char *larger = aip__realloc(w->options->ctx, w->bytes, w->size * 2);
        if (!larger) return aip__error_memory(w->options->ctx, err);
        w->bytes = larger;
        w->size *= 2;
    }
    memmove(w->bytes, w->bytes + w->at, left);
    w->at = 0;
    w->n = left;
    w->open = (aip__csv_open){0};
    int32_t status = aip__stream_read(w->stream, w->bytes + left, w->size - left, &got, err);
    if (status != AIP_OK) aip__error_at_source(err, w->source);
    w->ended = got < w->size - left;
    w->n += status == AIP_OK ? got : 0;
    return status;
}

static void take(whole *w, size_t n) {
    w->lines += (int64_t)aip__csv_count_lines(w->bytes + w->at, n);
    w->whole += (int64_t)n;
    w->at += n;
}

static void skip_lines(whole *w) {
    while (w->skip > 0) {
        const char *nl = memchr(w->bytes + w->at, '\n', w->n - w->at);
        if (!nl) return;
        take(w, (size_t)(nl + 1 - (w->bytes + w->at)));
        w->skip--;
    }
}

/* The rest of a line that was too long to be kept, as far as it is there. */
static void pass_line(whole *w) {
    const char *nl = memchr(w->bytes + w->at, '\n', w->n - w->at);
    if (!nl) {
        w->passed += (int64_t)(w->n - w->at);
        w->at = w->n;
        return;
    }
    w->whole += w->passed;
    w->passed = 0;
    w->passing = false;
    take(w, (size_t)(nl + 1 - (w->bytes + w->at)));
    if (w->skip > 0) w->skip--;
}

/* Up to and with the first record that is no comment or empty line. */
static void take_first(whole *w) {
    aip__csv_record r;
    const char *end = w->bytes + w->n;
    while (!w->started && w->at < w->n && aip__csv_scan_record(&w->dialect, w->bytes + w->at, end, false, &r)
           && r.next[-1] == '\n') {
        w->started = r.kind != AIP__CSV_SKIP;
        take(w, (size_t)(r.next - (w->bytes + w->at)));
    }
}

/* All whole records of the bytes at hand. */
static void take_records(whole *w) {
    take_first(w);
    const aip__csv_dialect *d = &w->dialect;
    const char *p = w->bytes + w->at, *end = w->bytes + w->n, *at = p;
    if (!w->started || at == end) return;
    if (!d->escape && (d->quote < 0 || !memchr(p, d->quote, (size_t)(end - p)))) {
        const char *nl = memrchr(p, '\n', (size_t)(end - p));
        at = nl ? nl + 1 : p;
    } else {
        aip__csv_record r;
        while (at < end && aip__csv_scan_record(d, at, end, false, &r) && r.next[-1] == '\n') at = r.next;
    }
    take(w, (size_t)(at - p));
}

int32_t aip__csv_fix(void *format, aip_error **err) {
    aip__csv_options *o = format;
    if (o->detect == AIP__DETECT_ALL) {
        aip__error_set(
            err, AIP_E_PARAM,
            "a checkpoint needs a dialect that is given: expected detect: none, found all (aipipe inspect prints the options)");
        aip__error_at_parameter(err, "detect");
        return AIP_E_PARAM;
    }
    o->fixed = o->detect != AIP__DETECT_NONE;
    o->detect = AIP__DETECT_NONE;
    return o->dialect.decimal == o->dialect.delimiter ? aip__csv_decimal_splits(o, err) : AIP_OK;
}

/* A place in the file is a place in its text only where the text is UTF-8 and its lines end in LF. */
static int32_t can_go_on(const aip__csv_options *o, const char *source, aip_error **err) {
    if (aip__encoding_is_utf8(o->encoding) && o->line_end != AIP__LINES_CR) return AIP_OK;
    aip__error_set(err, AIP_E_UNSUPPORTED, "a checkpoint needs UTF-8 text whose lines end in LF: found encoding %s, line_end %s",
                   o->encoding, o->line_end == AIP__LINES_CR ? "cr" : "lf");
    aip__error_at_source(err, source);
    return AIP_E_UNSUPPORTED;
}

/* Whether nothing will ever be whole, since lines end in CR alone. An LF may yet come behind a CR at the end. */
static bool ends_in_cr(const whole *w) {
    size_t n = w->n - w->at;
    if (n > 0 && w->bytes[w->n - 1] == '\r') n--;
    return aip__lines_end_in_cr((const uint8_t *)w->bytes + w->at, n, w->dialect.quote);
}

int32_t aip__csv_whole(void *format, aip__stream *stream, const char *source, bool first, int64_t *bytes, int64_t *lines,
                       aip_error **err) {
    const aip__csv_options *o = format;
    whole w = {.options = o,
               .dialect = o->dialect,
               .stream = stream,
               .source = source,
               .size = PIECE_BYTES,
               .first = first,
               .started = !first,
               .skip = first ? o->skip_rows : 0};
    AIP__TRY(can_go_on(o, source, err));
    w.dialect.open = &w.open;
    w.bytes = aip__alloc(o->ctx, w.size);
    int32_t status = w.bytes ? AIP_OK : aip__error_memory(o->ctx, err);
    bool mark = first; /* a byte order mark may stand before a quote */
    while (status == AIP_OK && !w.ended) {
        status = more(&w, err);
        if (status == AIP_OK && mark && w.n >= 2
            && (memcmp(w.bytes, "\xff\xfe", 2) == 0 || memcmp(w.bytes, "\xfe\xff", 2) == 0)) {
            status = aip__error_set(err, AIP_E_UNSUPPORTED,
                                    "a checkpoint needs UTF-8 text: the byte order mark says UTF-16 or UTF-32");
            aip__error_at_source(err, source);
        }
        if (status == AIP_OK && mark && w.n >= 3 && memcmp(w.bytes, "\xef\xbb\xbf", 3) == 0) take(&w, 3);
        mark = false;
        if (status == AIP_OK && w.passing) pass_line(&w);
        if (status == AIP_OK && !w.passing) skip_lines(&w);
        if (status == AIP_OK && !w.passing && w.skip == 0) take_records(&w);
    }
    if (status == AIP_OK && first && !w.started && o->line_end == AIP__LINES_AUTO && ends_in_cr(&w)) {
        status = aip__error_set(err, AIP_E_UNSUPPORTED,
                                "a checkpoint needs lines that end in LF: found CR alone (set line_end: lf if they are data)");
        aip__error_at_source(err, source);
    }
    aip__free(o->ctx, w.bytes);
    if (status != AIP_OK) return status;
    *bytes = w.started ? w.whole : 0;
    *lines = w.started ? w.lines : 0;
    return AIP_OK;
}
