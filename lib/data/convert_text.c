/* Text fields to a column of texts: copied 16 bytes at a time, past the field's end too (what lies behind is written over by the next). */
#include "data/convert_column.h"

#include "base/checked.h"
#include "base/error.h"
#include <string.h>

#define STEP 16   /* bytes that are copied and looked at together; a field's copy writes less than this past its end */
#define PART 1024 /* fields whose nulls are listed together */

typedef uint8_t step_bytes __attribute__((vector_size(STEP)));
typedef uint64_t step_words __attribute__((vector_size(STEP)));

size_t aip__unescape_quotes(char *to, const char *s, size_t n, char quote) {
    size_t at = 0;
    for (size_t i = 0; i < n;) { /* up to and with the next quote, and past its double */
        const char *q = memchr(s + i, quote, n - i);
        size_t more = q ? (size_t)(q + 1 - (s + i)) : n - i;
        memcpy(to + at, s + i, more);
        at += more;
        i += more + (q != NULL);
    }
    return at;
}

static inline void copy(char *to, const char *s, size_t n) {
    memcpy(to, s, STEP);
    for (size_t i = STEP; i < n; i += STEP) memcpy(to + i, s + i, STEP);
}

/* The same; says whether a quote is among the n bytes. */
static inline bool copy_seeing(char *to, const char *s, size_t n, char quote) {
    static const uint8_t keep[2 * STEP] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    step_bytes seen = {0}, last = {0}, mask = {0}, sought = (step_bytes){0} + (uint8_t)quote;
    size_t i = 0;
    for (; i + STEP < n; i += STEP) {
        memcpy(&last, s + i, STEP);
        memcpy(to + i, &last, STEP);
        seen |= (step_bytes)(last == sought);
    }
    memcpy(&last, s + i, STEP);
    memcpy(to + i, &last, STEP);
    memcpy(&mask, keep + STEP - (n - i), STEP);
    seen |= (step_bytes)(last == sought) & mask;
    step_words words = (step_words)seen;
    return (words[0] | words[1]) != 0;
}

/* The text of a field at `to`; its length, or -1: null. */
static inline int64_t take(const aip__text_rules *r, const char *s, size_t n, char *to) {
    bool quoted = n >= 2 && (uint8_t)*s == r->quote;
    if (quoted) {
        s++, n -= 2;
        if (copy_seeing(to, s, n, (char)r->quote)) n = aip__unescape_quotes(to, s, n, (char)r->quote);
        if (!r->quoted_null) return (int64_t)n;
        s = to;
    } else {
        copy(to, s, n);
    }
    if (n == 0) return r->empty_is_null ? -1 : 0;
    return r->null_starts[(uint8_t)*s] && r->is_null(r->user, s, n) ? -1 : (int64_t)n;
}

static int32_t too_long(aip_error **err) {
    return aip__error_set(err, AIP_E_DATA, "more than 2147483647 bytes of text in one column of a batch");
}

/* At most PART fields. */
static int32_t add_part(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    int32_t nulls[PART], n_nulls = 0;
    AIP__TRY(aip__utf8_reserve(b, f->n, STEP, err));
    int32_t *offsets = (int32_t *)(void *)b->offsets->data + b->length + 1;
    char *bytes = (char *)b->bytes->data;
    size_t at = b->bytes->size, room = b->bytes->capacity;
    for (int32_t i = 0; i < f->n; i++) {
        size_t n = 0;
        const char *s = aip__field_at(f, i, &n);
        if (n + STEP > room - at) {
            size_t start = b->bytes->size;
            b->bytes->size = at; /* what growing keeps */
            int32_t status = aip__utf8_reserve(b, f->n, n + STEP, err);
            b->bytes->size = status == AIP_OK ? at : start;
            AIP__TRY(status);
            bytes = (char *)b->bytes->data;
            room = b->bytes->capacity;
        }
        int64_t taken = take(r, s, n, bytes + at);
        nulls[n_nulls] = i;
        n_nulls += taken < 0;
        at += taken < 0 ? 0 : (size_t)taken;
        if (at > INT32_MAX) return too_long(err);
        offsets[i] = (int32_t)at;
    }
    b->bytes->size = at;
    return aip__utf8_added(b, f->n, nulls, n_nulls, err);
}

int32_t aip__utf8_add_fields(aip__utf8_builder *b, const aip__text_rules *r, const aip__fields *f, aip_error **err) {
    for (int32_t first = 0; first < f->n; first += PART) {
        aip__fields part = aip__fields_part(f, first, PART);
        AIP__TRY(add_part(b, r, &part, err));
    }
    return AIP_OK;
}
