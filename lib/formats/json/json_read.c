/* A stream as items of whole records, cut serially and cheaply: block_bytes are read behind what the last item left over, so that a buffer always
 * starts outside of records and no state needs to be carried. Lines end at line feeds, which no JSON string holds; other layouts go by the
 * structural index. Items cut from one buffer share it. */
#include "formats/json/json.h"

#include "data/batch.h"
#include <string.h>

void aip__json_cutter_init(aip__json_cutter *c, const aip__json_options *o, aip__stream *stream, const char *source) {
    *c = (aip__json_cutter){.ctx = o->ctx, .options = o, .stream = stream, .source = source, .line = 1, .first = true};
}

void aip__json_cutter_end(aip__json_cutter *c) {
    aip__buffer_free(c->buffer);
    c->buffer = NULL;
    c->at = 0;
    c->ended = true;
}

void aip__json_piece_free(aip__json_piece *p) { aip__buffer_free(p->buffer); }

static const char *buffer_at(const aip__json_cutter *c) { return (const char *)c->buffer->data + c->at; }
static size_t buffer_left(const aip__json_cutter *c) { return c->buffer->size - c->at; }

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static int32_t place(const aip__json_cutter *c, int32_t status, aip_error **err) {
    aip__error_at_source(err, c->source);
    aip__error_at_line(err, c->line, c->column + 1);
    aip__error_at_offset(err, c->offset);
    return status;
}

/* Bytes between the last record and the next: in a list, a comma and white space. */
static size_t before_record(const aip__json_cutter *c) {
    const char *p = buffer_at(c);
    size_t n = 0, left = buffer_left(c);
    while (n < left && (is_space(p[n]) || (p[n] == ',' && c->layout == AIP__JSON_LIST))) n++;
    return n;
}

static void advance(aip__json_cutter *c, size_t n) {
    const char *p = buffer_at(c), *last = n > 0 ? memrchr(p, '\n', n) : NULL;
    if (last) c->line += (int64_t)aip__json_count_lines(p, n);
    c->column = last ? p + n - last - 1 : c->column + (int64_t)n;
    c->at += n;
    c->offset += (int64_t)n;
}

static int32_t check_length(const aip__json_cutter *c, aip_error **err) {
    aip__json_cutter at = *c;
    size_t between = before_record(c);
    if (between <= (size_t)c->options->max_record_bytes) advance(&at, between);
    if (buffer_left(&at) <= (size_t)c->options->max_record_bytes) return AIP_OK;
    return place(&at, aip__error_set(err, AIP_E_DATA, AIP__JSON_TOO_LONG, (long long)c->options->max_record_bytes), err);
}

/* A new buffer: what is left of the old one, then fresh bytes. Called when no whole record is left. */
static int32_t refill(aip__json_cutter *c, aip_error **err) {
    size_t left = c->buffer ? buffer_left(c) : 0, size = c->options->block_bytes, at = 0;
    aip__buffer *fresh = NULL;
    if (left > (size_t)c->options->max_record_bytes) AIP__TRY(check_length(c, err));
    if (size >= 64 * AIP__JSON_SLACK)
        size -= 2 * AIP__JSON_SLACK; /* with what lies before and behind, a block of the buffer store */
    int32_t status =
        aip__stream_refill(c->stream, left > 0 ? buffer_at(c) : NULL, left, AIP__JSON_SLACK, size, &fresh, &at, &c->ended, err);
    if (status != AIP_OK) {
        aip__error_at_source(err, c->source);
        return status;
    }
    aip__buffer_free(c->buffer);
    c->buffer = fresh;
    c->at = at;
    return AIP_OK;
}

static int32_t need_bytes(aip__json_cutter *c, bool *end, aip_error **err) {
    while (!c->buffer || buffer_left(c) == 0) {
        if (c->buffer && c->ended) {
            *end = true;
            return AIP_OK;
        }
        AIP__TRY(refill(c, err));
    }
    return AIP_OK;
}

static int32_t skip_space(aip__json_cutter *c, bool *end, aip_error **err) {
    for (;;) {
        AIP__TRY(need_bytes(c, end, err));
        if (*end) return AIP_OK;
        const char *p = buffer_at(c);
        size_t n = 0, left = buffer_left(c);
        while (n < left && is_space(p[n])) n++;
        advance(c, n);
        if (n < left) return AIP_OK;
    }
}

/* The byte order mark, and what layout it is. Blocks of fewer bytes than a mark are read on. */
static int32_t start(aip__json_cutter *c, bool *end, aip_error **err) {
    c->started = true;
    AIP__TRY(refill(c, err));
    while (buffer_left(c) < 3 && !c->ended) AIP__TRY(refill(c, err));
    const uint8_t *p = c->buffer->data + c->at;
    size_t n = buffer_left(c);
    if (n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) {
        aip__error_set(err, AIP_E_DATA, "the file is UTF-16; expected UTF-8 (iconv -f UTF-16 -t UTF-8)");
        aip__error_at_source(err, c->source);
        return AIP_E_DATA;
    }
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        advance(c, 3);
        c->column = 0;
    }
    c->layout = c->options->lines ? AIP__JSON_LINES : AIP__JSON_SEQUENCE;
    if (c->options->lines) return AIP_OK;
    AIP__TRY(skip_space(c, end, err));
    if (*end || *buffer_at(c) != '[') return AIP_OK;
    c->layout = AIP__JSON_LIST;
    advance(c, 1);
    return AIP_OK;
}

/* Whole lines, at most max_rows of them. The last one of the file may have no line feed. */
static void cut_lines(const char *p, size_t n, bool last, int64_t max_rows, aip__json_cut *out) {
    const char *nl = memrchr(p, '\n', n);
    size_t whole = last ? n : nl ? (size_t)(nl + 1 - p) : 0, lines = aip__json_count_lines(p, whole);
    if (whole > 0 && p[whole - 1] != '\n') lines++;
    if ((int64_t)lines > max_rows) {
        whole = 0;
        for (lines = 0; (int64_t)lines < max_rows; lines++)
            whole = (size_t)((const char *)memchr(p + whole, '\n', n - whole) + 1 - p);
    }
    *out = (aip__json_cut){.n = whole, .rows = (int64_t)lines};
}

/* Behind the ']' of a list nothing may come. */
static int32_t after_list(aip__json_cutter *c, bool *end, aip_error **err) {
    AIP__TRY(skip_space(c, end, err));
    if (*end) return AIP_OK;
    return place(c, aip__error_set(err, AIP_E_DATA, "not valid JSON: the end of the file expected behind the list"), err);
}

static int32_t cut_rest(aip__json_cutter *c, aip__json_cut *out, aip_error **err) {
    if (c->layout == AIP__JSON_LIST) {
        AIP__TRY(check_length(c, err));
        advance(c, buffer_left(c));
        return place(c, aip__error_set(err, AIP_E_DATA, "not valid JSON: the file ends within the list: ']' expected"), err);
    }
    *out = (aip__json_cut){.n = buffer_left(c), .rows = 1};
    return AIP_OK;
}

int32_t aip__json_cutter_next(aip__json_cutter *c, int64_t max_rows, aip__json_piece *out, bool *end, aip_error **err) {
    aip__json_cut cut = {0};
    if (!c->started) AIP__TRY(start(c, end, err));
    if (!*end && c->list_ended) AIP__TRY(after_list(c, end, err));
    while (!*end) {
        AIP__TRY(skip_space(c, end, err));
        if (*end && c->layout == AIP__JSON_LIST) return cut_rest(c, &cut, err);
        if (*end) break;
        if (c->layout == AIP__JSON_LINES)
            cut_lines(buffer_at(c), buffer_left(c), c->ended, max_rows, &cut);
        else
            aip__json_find_cut(buffer_at(c), buffer_left(c), c->layout == AIP__JSON_LIST, max_rows, &cut);
        if (cut.n == 0 && !cut.ended && !c->ended) {
            AIP__TRY(refill(c, err));
            continue;
        }
        if (cut.n == 0 && !cut.ended) AIP__TRY(cut_rest(c, &cut, err));
        *out = (aip__json_piece){.buffer = aip__buffer_retain(c->buffer),
                                 .text = buffer_at(c),
                                 .n = cut.n,
                                 .line = c->line,
                                 .offset = c->offset,
                                 .column = c->column,
                                 .max_rows = cut.rows,
                                 .layout = c->layout,
                                 .first = c->first,
                                 .last = cut.ended};
        c->first = false;
        c->list_ended = cut.ended;
        advance(c, cut.n + cut.ended);
        return AIP_OK;
    }
    return AIP_OK;
}
