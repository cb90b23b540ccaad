/* Batches to JSON: an object for each row, on a line of its own (ndjson), or these as the elements of one array (json). Numbers are written so that
 * they read back to the same values, dates and times as text. A batch's text depends on the batch alone: in an array each row begins with the comma
 * before it, and the first one's becomes the opening bracket when its turn has come. */
#include "formats/json/json.h"
#include "formats/json/json_copy.h"

#include "base/memory.h"
#include "data/convert.h"
#include <math.h>
#include <string.h>

const aip_param_spec aip__json_write_params[] = {
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "non_finite",
     "NaN and infinities, which JSON has no numbers for: error, null, text (\"nan\", \"inf\", \"-inf\", which read back as numbers)",
     "\"error\"", "error|null|text", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_BOOL, "omit_nulls", "Leave fields that are null out of their row", "false", NULL, 0, 0, 0,
     0},
};
_Static_assert(sizeof aip__json_write_params / sizeof *aip__json_write_params == AIP__JSON_N_WRITE_PARAMS, "the count in json.h");

typedef enum { REFUSE, AS_NULL, AS_TEXT } non_finite;

typedef struct json_writer {
    aip_context *ctx;
    const aip_schema *schema;
    non_finite non_finite;
    bool list, omit_nulls;
    bool begun;      /* of a list: a row was placed */
    aip__text names; /* ,"name": of each column, one after the other; AIP__JSON_COPY bytes behind them are readable */
    size_t *ends;    /* in names, of each column */
    size_t row_room; /* what a row needs at most, but for its texts */
} json_writer;

#define VALUE_ROOM 96 /* a value that is no text, and what is copied past a name */

/* ---- bytes ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct output { /* the text that is written to, its end in hand */
    aip__text *to;
    char *at, *end;
} output;

static void begin_output(output *o, aip__text *to) { *o = (output){.to = to}; }

static __attribute__((noinline)) bool more_room(output *o, size_t n) {
    if (o->at) o->to->n = (size_t)(o->at - o->to->bytes);
    o->at = aip__text_reserve(o->to, n);
    if (!o->at) return false;
    o->end = o->to->bytes + o->to->capacity - 1; /* the last byte is for the NUL */
    return true;
}

static inline bool has_room(output *o, size_t n) { return (o->at && (size_t)(o->end - o->at) >= n) || more_room(o, n); }

static void end_output(output *o) {
    if (!o->at) return;
    o->to->n = (size_t)(o->at - o->to->bytes);
    *o->at = 0;
}

static size_t put_escape(char *at, char c) {
    static const char letters[] = "\b\f\n\r\t\"\\", meanings[] = "bfnrt\"\\", hex[] = "0123456789abcdef";
    const char *letter = memchr(letters, c, sizeof letters - 1);
    at[0] = '\\';
    if (letter) {
        at[1] = meanings[letter - letters];
        return 2;
    }
    memcpy(at + 1, "u00", 3);
    at[4] = hex[c >> 4 & 15];
    at[5] = hex[c & 15];
    return 6;
}

/* A text in quotes. AIP__JSON_COPY bytes are readable up to `last`; `rest`: room to leave behind it, more than a few copies. False: no memory. */
static inline bool put_text(output *o, const char *s, size_t n, const char *last, size_t rest) {
    if (!has_room(o, n + rest)) return false;
    char *at = o->at;
    for (*at++ = '"'; n > 0;) {
        char short_end[AIP__JSON_COPY] = {0};
        const char *from = s;
        if (!last || s > last) from = memcpy(short_end, s, n); /* fewer: the text ends with its column */
        uint32_t stops = aip__json_copy(at, from), inside = n < AIP__JSON_COPY ? (UINT32_C(1) << n) - 1 : UINT32_MAX;
        stops &= inside;
        size_t plain = stops != 0 ? (size_t)__builtin_ctz(stops) : n < AIP__JSON_COPY ? n : AIP__JSON_COPY;
        at += plain;
        s += plain;
        n -= plain;
        if (stops == 0) continue;
        at += put_escape(at, *s++);
        o->at = at;
        if (!has_room(o, --n + rest)) return false;
        at = o->at;
    }
    *at++ = '"';
    o->at = at;
    return true;
}

/* ---- writer ----------------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_types(const aip_schema *schema, aip_error **err) {
    for (int32_t i = 0; i < schema->n; i++) {
        if (schema->fields[i].type != AIP_BINARY) continue;
        aip__error_set(err, AIP_E_UNSUPPORTED, "column '%s' is binary: JSON holds text only", schema->fields[i].name);
        aip__error_at_data_column(err, schema->fields[i].name);
        return AIP_E_UNSUPPORTED;
    }
    return AIP_OK;
}

void aip__json_write_free(void *writer) {
    json_writer *w = writer;
    if (!w) return;
    aip__text_free(&w->names);
    aip__free(w->ctx, w->ends);
    aip__free(w->ctx, w);
}

static bool put_names(json_writer *w) {
    output o;
    begin_output(&o, &w->names);
    w->row_room = 2 * VALUE_ROOM;
    for (int32_t i = 0; i < w->schema->n; i++) {
        const char *name = w->schema->fields[i].name;
        size_t n = strlen(name);
        if (!has_room(&o, 1)) return false;
        *o.at++ = ',';
        if (!put_text(&o, name, n, n < AIP__JSON_COPY ? NULL : name + n - AIP__JSON_COPY, 4 * AIP__JSON_COPY)) return false;
        *o.at++ = ':';
        w->ends[i] = (size_t)(o.at - w->names.bytes);
        w->row_room += w->ends[i] - (i > 0 ? w->ends[i - 1] : 0) + VALUE_ROOM;
    }
    end_output(&o);
    return aip__text_reserve(&w->names, AIP__JSON_COPY) != NULL;
}

static int32_t begin(aip_context *ctx, const aip_params *params, const aip_schema *schema, bool list, void **writer,
                     aip_error **err) {
    AIP__TRY(check_types(schema, err));
    const char *how = aip_params_string(params, "non_finite");
    json_writer *w = aip__calloc(ctx, 1, sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    w->ctx = ctx;
    w->schema = schema;
    w->list = list;
    w->non_finite = strcmp(how, "null") == 0 ? AS_NULL : strcmp(how, "text") == 0 ? AS_TEXT : REFUSE;
    w->omit_nulls = aip_params_bool(params, "omit_nulls") != 0;
    w->ends = aip__calloc(ctx, (size_t)schema->n + 1, sizeof *w->ends);
    aip__text_init(&w->names, ctx);
    if (!w->ends || !put_names(w)) {
        aip__json_write_free(w);
        return aip__error_memory(ctx, err);
    }
    *writer = w;
    return AIP_OK;
}

int32_t aip__ndjson_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                                aip__text *to, void **writer, aip_error **err) {
    (void)extension, (void)to;
    return begin(ctx, params, schema, false, writer, err);
}

int32_t aip__json_write_begin(aip_context *ctx, const aip_params *params, const char *extension, const aip_schema *schema,
                              aip__text *to, void **writer, aip_error **err) {
    (void)extension, (void)to;
    return begin(ctx, params, schema, true, writer, err);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------------- */

/* Of the row that is the caller's to say. */
static int32_t not_finite(const aip_field *f, const char *text, size_t n, aip_error **err) {
    aip__error_set(err, AIP_E_DATA, "column '%s': JSON has no number for %.*s (set non_finite: null or text)", f->name, (int)n,
                   text);
    aip__error_at_data_column(err, f->name);
    return AIP_E_DATA;
}

static inline int32_t put_real(const json_writer *w, double v, const aip_field *f, output *o, aip_error **err) {
    char *at = o->at;
    if (isfinite(v)) {
        o->at += aip__format_f64(at, v);
        return AIP_OK;
    }
    if (w->non_finite == AS_NULL) {
        o->at = (char *)memcpy(at, "null", 4) + 4;
        return AIP_OK;
    }
    size_t n = aip__format_f64(at + 1, v);
    if (w->non_finite == REFUSE) return not_finite(f, at + 1, n, err);
    at[0] = at[n + 1] = '"';
    o->at += n + 2;
    return AIP_OK;
}

/* Row i of a column; for what is no text, room is there. */
static inline int32_t put_value(const json_writer *w, const aip__column *c, const aip_field *f, int64_t i, output *o,
                                aip_error **err) {
    static const char words[2][8] = {"false", "true"};
    char *at = o->at;
    size_t n = 0;
    switch (c->type) {
    case AIP_BOOL: {
        bool yes = aip__bit_get(aip__column_bits(c), i);
        memcpy(at, words[yes], 8);
        o->at += yes ? 4 : 5;
        return AIP_OK;
    }
    case AIP_INT32: o->at += aip__format_i64(at, aip__column_i32(c)[i]); return AIP_OK;
    case AIP_INT64: o->at += aip__format_i64(at, aip__column_i64(c)[i]); return AIP_OK;
    case AIP_DECIMAL64: o->at += aip__format_decimal(at, aip__column_i64(c)[i], f->scale); return AIP_OK;
    case AIP_FLOAT32: return put_real(w, (double)aip__column_f32(c)[i], f, o, err);
    case AIP_FLOAT64: return put_real(w, aip__column_f64(c)[i], f, o, err);
    case AIP_DATE32: n = aip__format_date(at + 1, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(at + 1, aip__column_i64(c)[i], f->zone != NULL); break;
    default: { /* utf8, dictionary */
        const aip__column *texts = c;
        if (c->type == AIP_DICTIONARY) {
            i = aip__column_i32(c)[i];
            texts = c->dictionary;
        }
        const char *all = texts->values ? (const char *)texts->values : ""; /* of a column of empty texts */
        int32_t start = texts->offsets[i], last = texts->offsets[texts->length] - AIP__JSON_COPY;
        n = (size_t)(texts->offsets[i + 1] - start);
        if (put_text(o, all + start, n, last < 0 ? NULL : all + last, w->row_room)) return AIP_OK;
        return aip__error_memory(w->ctx, err);
    }
    }
    at[0] = at[n + 1] = '"';
    o->at += n + 2;
    return AIP_OK;
}

static inline void put_name(const json_writer *w, int32_t i, output *o) {
    size_t from = i > 0 ? w->ends[i - 1] : 0, n = w->ends[i] - from;
    const char *name = w->names.bytes + from;
    memcpy(o->at, name, AIP__JSON_COPY);
    if (n > AIP__JSON_COPY) memcpy(o->at + AIP__JSON_COPY, name + AIP__JSON_COPY, n - AIP__JSON_COPY);
    o->at += n;
}

static int32_t put_rows(const json_writer *w, const aip_batch *batch, output *o, aip_error **err) {
    for (int64_t r = 0; r < batch->n_rows; r++) {
        if (!has_room(o, w->row_room)) return aip__error_memory(w->ctx, err);
        memcpy(o->at, ",\n", 2);
        o->at += w->list ? 2 : 0;
        size_t start = (size_t)(o->at - o->to->bytes);
        for (int32_t i = 0; i < batch->n_columns; i++) {
            const aip__column *c = batch->columns[i];
            if (aip__valid(c->validity, r)) {
                put_name(w, i, o);
                int32_t status = put_value(w, c, &w->schema->fields[i], r, o, err);
                if (status != AIP_OK) {
                    if (status == AIP_E_DATA) aip__error_at_line(err, r + 1, 0); /* a row of the batch */
                    return status;
                }
            } else if (!w->omit_nulls) {
                put_name(w, i, o);
                o->at = (char *)memcpy(o->at, "null", 4) + 4;
            }
        }
        o->at += (size_t)(o->at - o->to->bytes) == start;
        o->to->bytes[start] = '{'; /* where the first field's comma was */
        memcpy(o->at, "}\n", 2);
        o->at += w->list ? 1 : 2;
    }
    return AIP_OK;
}

int32_t aip__json_write_batch(const void *writer, const aip_batch *batch, aip__text *to, aip_error **err) {
    output o;
    begin_output(&o, to);
    int32_t status = put_rows(writer, batch, &o, err);
    end_output(&o);
    return status;
}

int32_t aip__json_write_place(void *writer, int64_t n_rows, aip__text *text, aip__pieces *pieces, aip_error **err) {
    json_writer *w = writer;
    (void)pieces, (void)err;
    if (n_rows > 0 && !w->begun) {
        text->bytes[0] = '[';
        w->begun = true;
    }
    return AIP_OK;
}

int32_t aip__json_write_end(void *writer, aip__text *to, aip_error **err) {
    json_writer *w = writer;
    if (w->list) aip__text_str(to, w->begun ? "\n]\n" : "[]\n");
    return to->failed ? aip__error_memory(w->ctx, err) : AIP_OK;
}
