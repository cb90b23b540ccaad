/* The profile of a table: what each column holds, from one pass in bounded memory (profile.h). */
#include "profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static profile_kind kind_of(int32_t type) {
    switch (type) {
    case AIP_INT32:
    case AIP_INT64:
    case AIP_FLOAT32:
    case AIP_FLOAT64:
    case AIP_DECIMAL64: return PROFILE_NUMBER;
    case AIP_DATE32:
    case AIP_TIMESTAMP: return PROFILE_TIME;
    case AIP_UTF8:
    case AIP_DICTIONARY:
    case AIP_BOOL: return PROFILE_TEXT;
    default: return PROFILE_OTHER;
    }
}

/* What each of so many columns gets of what a hundred have. */
static size_t shared(size_t most, size_t least, int32_t n_columns) {
    size_t each = n_columns > 100 ? most * 100 / (size_t)n_columns : most;
    return each < least ? least : each;
}

void profile_begin(profile *p, const aip_schema *schema, int64_t n_head) {
    *p = (profile){.n_columns = aip_schema_n_fields(schema), .n_head = n_head};
    p->columns = tool_alloc((size_t)p->n_columns, sizeof *p->columns);
    for (int32_t i = 0; i < p->n_columns; i++) {
        profile_column *c = &p->columns[i];
        c->field = *aip_schema_field(schema, i);
        c->kind = kind_of(c->field.type);
        c->most_sample = shared(PROFILE_SAMPLE, 1000, p->n_columns);
        c->most_distinct = shared(PROFILE_DISTINCT, 100, p->n_columns);
        c->minimum = INFINITY;
        c->maximum = -INFINITY;
    }
}

/* ---- distinct values: open addressing, at most half full ---------------------------------------------------------------------------- */

/* The finaliser of MurmurHash3 (Appleby, public domain); never 0. */
static uint64_t mixed(uint64_t h) {
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;
    return h ? h : 1;
}

/* FNV-1a. */
static uint64_t hash_bytes(const char *s, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return mixed(h ^ n);
}

static profile_value *slot_of(profile_value *values, size_t capacity, uint64_t hash, size_t length) {
    size_t at = (size_t)hash & (capacity - 1);
    while (values[at].hash && !(values[at].hash == hash && values[at].length == length)) at = (at + 1) & (capacity - 1);
    return &values[at];
}

static void grow_values(profile_column *c) {
    size_t capacity = c->values_capacity ? c->values_capacity * 4 : 64;
    profile_value *values = tool_alloc(capacity, sizeof *values);
    for (size_t i = 0; i < c->values_capacity; i++)
        if (c->values[i].hash) *slot_of(values, capacity, c->values[i].hash, c->values[i].length) = c->values[i];
    free(c->values);
    c->values = values;
    c->values_capacity = capacity;
}

/* text: NULL for numbers, whose hash is the value. */
static void count_value(profile_column *c, uint64_t hash, const char *text, size_t length, int64_t times) {
    if (c->many && !text) return;
    if ((c->n_distinct + 1) * 2 > c->values_capacity) grow_values(c);
    profile_value *v = slot_of(c->values, c->values_capacity, hash, length);
    if (v->hash) {
        v->count += times;
        return;
    }
    if (c->n_distinct == c->most_distinct) {
        c->many = true;
        return;
    }
    *v = (profile_value){.hash = hash, .count = times, .length = length};
    c->n_distinct++;
    if (text) {
        size_t kept = length < PROFILE_KEPT_BYTES ? length : PROFILE_KEPT_BYTES;
        v->text = tool_alloc(kept + 1, 1);
        if (kept) memcpy(v->text, text, kept);
    }
}

/* ---- columns ---------------------------------------------------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void add_number(profile_column *c, double x) {
    union {
        double d;
        uint64_t u;
    } bits = {.d = x == 0 ? 0 : x}; /* -0.0 is 0 */
    if (x < c->minimum) c->minimum = x;
    if (x > c->maximum) c->maximum = x;
    /* Neumaier's compensated sum. */
    double sum = c->sum + x;
    if (isfinite(sum)) c->sum_rest += fabs(c->sum) >= fabs(x) ? (c->sum - sum) + x : (x - sum) + c->sum;
    c->sum = sum;
    c->n++;
    count_value(c, mixed(bits.u), NULL, 0, 1);
    if (c->kind != PROFILE_NUMBER) return;
    if (c->n_sample < c->most_sample) {
        c->sample = tool_grow(c->sample, &c->sample_capacity, c->n_sample + 1, sizeof *c->sample);
        c->sample[c->n_sample++] = x;
        return;
    }
    uint64_t at = next_random(&c->random) % (uint64_t)c->n;
    if (at < c->most_sample) c->sample[at] = x;
}

static void add_numbers(profile_column *c, const aip_column_view *v) {
    for (int64_t row = 0; row < v->length; row++) {
        double x = value_is_null(v, row) ? NAN : value_number(v, row);
        if (isnan(x))
            c->n_missing++;
        else
            add_number(c, x);
    }
}

/* A dictionary's codes are counted first, so that each text is looked up once. */
static void add_codes(profile_column *c, const aip_column_view *v) {
    int64_t *counts = tool_alloc((size_t)v->dictionary_length, sizeof *counts);
    const int32_t *codes = v->values;
    for (int64_t row = 0; row < v->length; row++) {
        if (value_is_null(v, row))
            c->n_missing++;
        else
            counts[codes[row]]++;
    }
    for (int64_t code = 0; code < v->dictionary_length; code++) {
        const char *text = v->dictionary_bytes + v->dictionary_offsets[code];
        size_t n = (size_t)(v->dictionary_offsets[code + 1] - v->dictionary_offsets[code]);
        if (counts[code]) count_value(c, hash_bytes(text, n), n ? text : "", n, counts[code]);
        c->n += counts[code];
    }
    free(counts);
}

static void add_texts(profile_column *c, const aip_column_view *v) {
    for (int64_t row = 0; row < v->length; row++) {
        size_t n = 0;
        if (value_is_null(v, row)) {
            c->n_missing++;
            continue;
        }
        const char *text = value_bytes(v, row, &n);
        count_value(c, hash_bytes(text, n), text, n, 1);
        c->n++;
    }
}

static void add_column(profile_column *c, const aip_column_view *v) {
    if (c->kind == PROFILE_OTHER) {
        c->n_missing += v->null_count;
        c->n += v->length - v->null_count;
    } else if (c->kind != PROFILE_TEXT) {
        add_numbers(c, v);
    } else if (v->type == AIP_DICTIONARY) {
        add_codes(c, v);
    } else {
        add_texts(c, v);
    }
}

int32_t profile_batch(void *user, aip_batch *batch, aip_error **err) {
    profile *p = user;
    int64_t rows = aip_batch_n_rows(batch);
    for (int32_t i = 0; i < p->n_columns; i++) {
        aip_column_view view = AIP_COLUMN_VIEW_INIT;
        int32_t status = aip_batch_column(batch, i, &view, err);
        if (status != AIP_OK) return status;
        add_column(&p->columns[i], &view);
    }
    p->n_rows += rows;
    if (p->n_kept < p->n_head && rows > 0) {
        p->head = tool_grow(p->head, &p->batches_capacity, p->n_batches + 1, sizeof(aip_batch *));
        aip_batch_retain(batch);
        p->head[p->n_batches++] = batch;
        p->n_kept += rows;
    }
    return AIP_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void profile_end(profile *p) {
    for (int32_t i = 0; i < p->n_columns; i++)
        if (p->columns[i].n_sample) qsort(p->columns[i].sample, p->columns[i].n_sample, sizeof(double), by_value);
}

void profile_free(profile *p) {
    for (int32_t i = 0; i < p->n_columns; i++) {
        profile_column *c = &p->columns[i];
        for (size_t k = 0; k < c->values_capacity; k++) free(c->values[k].text);
        free(c->values);
        free(c->sample);
    }
    for (size_t i = 0; i < p->n_batches; i++) aip_batch_free(p->head[i]);
    free(p->head);
    free(p->columns);
}

/* ---- what is asked of a column -------------------------------------------------------------------------------------------------------- */

double profile_mean(const profile_column *c) { return c->n ? (c->sum + c->sum_rest) / (double)c->n : NAN; }

bool profile_is_sampled(const profile_column *c) { return c->n > (int64_t)c->most_sample; }

double profile_quantile(const profile_column *c, double q) {
    if (c->n_sample == 0) return NAN;
    double at = q * (double)(c->n_sample - 1);
    size_t below = (size_t)at;
    double part = at - (double)below;
    return part > 0 ? c->sample[below] + part * (c->sample[below + 1] - c->sample[below]) : c->sample[below];
}

void profile_histogram(const profile_column *c, int64_t counts[PROFILE_BINS]) {
    memset(counts, 0, PROFILE_BINS * sizeof *counts);
    double span = c->maximum - c->minimum;
    for (size_t i = 0; i < c->n_sample; i++) {
        double at = span > 0 && isfinite(span) ? (c->sample[i] - c->minimum) / span * PROFILE_BINS : 0;
        counts[at >= PROFILE_BINS ? PROFILE_BINS - 1 : (int)at]++;
    }
}

static bool comes_before(const profile_value *a, const profile_value *b) {
    return a->count != b->count ? a->count > b->count : strcmp(a->text, b->text) < 0;
}

int profile_top(const profile_column *c, const profile_value *top[PROFILE_TOP]) {
    int n = 0;
    for (size_t i = 0; i < c->values_capacity; i++) {
        const profile_value *v = &c->values[i];
        if (!v->hash) continue;
        int at = n < PROFILE_TOP ? n++ : PROFILE_TOP;
        for (; at > 0 && comes_before(v, top[at - 1]); at--)
            if (at < PROFILE_TOP) top[at] = top[at - 1];
        if (at < PROFILE_TOP) top[at] = v;
    }
    return n;
}
