/* The fold of table_profile.h. Its state is neither dumped nor loaded: a profile is made in one process, and nothing is resumed from it. */
#include "validate/table_profile.h"

#include "base/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DISTINCT 10000 /* both are less for tables of more than a hundred columns: memory is bounded */
#define MOST_SAMPLE 100000

static aip__profile_kind kind_of(int32_t type) {
    switch (type) {
    case AIP_INT32:
    case AIP_INT64:
    case AIP_FLOAT32:
    case AIP_FLOAT64:
    case AIP_DECIMAL64: return AIP__PROFILE_NUMBER;
    case AIP_DATE32:
    case AIP_TIMESTAMP: return AIP__PROFILE_TIME;
    case AIP_UTF8:
    case AIP_DICTIONARY:
    case AIP_BOOL: return AIP__PROFILE_TEXT;
    default: return AIP__PROFILE_OTHER;
    }
}

/* What each of so many columns gets of what a hundred have. */
static size_t shared(size_t most, size_t least, int32_t n_columns) {
    size_t each = n_columns > 100 ? most * 100 / (size_t)n_columns : most;
    return each < least ? least : each;
}

/* ---- distinct values: open addressing, at most half full ---------------------------------------------------------------------------- */

/* The finaliser of MurmurHash3 (Appleby, public domain). */
static uint64_t mixed(uint64_t h) {
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t not_zero(uint64_t hash) { return hash ? hash : 1; }

static aip__profile_value *slot_of(aip__profile_value *values, size_t capacity, uint64_t hash, size_t length) {
    size_t at = (size_t)hash & (capacity - 1);
    while (values[at].hash && !(values[at].hash == hash && values[at].length == length)) at = (at + 1) & (capacity - 1);
    return &values[at];
}

static int32_t grow_values(aip_context *ctx, aip__profile_column *c, aip_error **err) {
    size_t capacity = c->values_capacity ? c->values_capacity * 4 : 64;
    aip__profile_value *values = aip__calloc(ctx, capacity, sizeof *values);
    if (!values) return aip__error_memory(ctx, err);
    for (size_t i = 0; i < c->values_capacity; i++)
        if (c->values[i].hash) *slot_of(values, capacity, c->values[i].hash, c->values[i].length) = c->values[i];
    aip__free(ctx, c->values);
    c->values = values;
    c->values_capacity = capacity;
    return AIP_OK;
}

size_t aip__profile_kept(const aip__profile_value *v) {
    return v->length < AIP__PROFILE_KEPT_BYTES ? v->length : AIP__PROFILE_KEPT_BYTES;
}

/* text: NULL for numbers, whose hash is the value. Texts that are known are still counted when there are too many. */
static int32_t count_value(aip_context *ctx, aip__profile_column *c, uint64_t hash, const char *text, size_t length,
                           int64_t times, aip_error **err) {
    if (c->many && !text) return AIP_OK;
    if ((c->n_distinct + 1) * 2 > c->values_capacity) AIP__TRY(grow_values(ctx, c, err));
    aip__profile_value *v = slot_of(c->values, c->values_capacity, hash, length), made = {hash, times, length, NULL};
    if (v->hash) {
        v->count += times;
        return AIP_OK;
    }
    if (c->n_distinct == c->most_distinct) {
        c->many = true;
        return AIP_OK;
    }
    if (text && !(made.text = aip__strndup(ctx, text, aip__profile_kept(&made)))) return aip__error_memory(ctx, err);
    *v = made;
    c->n_distinct++;
    return AIP_OK;
}

/* ---- the sample ------------------------------------------------------------------------------------------------------------------------ */

static bool kept_at(uint64_t key, int level) { return level == 0 || key >> (64 - level) == 0; }

/* Halves the bound until no more than allowed are kept. */
static void thin(aip__profile_column *c, int level) {
    for (;; level++) {
        if (level > c->level) {
            size_t n = 0;
            for (size_t i = 0; i < c->n_sample; i++)
                if (kept_at(c->sample[i].key, level)) c->sample[n++] = c->sample[i];
            c->n_sample = n;
            c->level = level;
        }
        if (c->n_sample <= c->most_sample || level == 63) return;
    }
}

static int32_t draw(aip_context *ctx, aip__profile_column *c, uint64_t key, double value, aip_error **err) {
    if (!kept_at(key, c->level)) return AIP_OK;
    if (aip__grow(ctx, &c->sample, &c->sample_capacity, c->n_sample + 1, sizeof *c->sample) != 0)
        return aip__error_memory(ctx, err);
    c->sample[c->n_sample++] = (aip__profile_draw){key, value};
    if (c->n_sample > c->most_sample) thin(c, c->level + 1);
    return AIP_OK;
}

/* ---- columns ---------------------------------------------------------------------------------------------------------------------------- */

/* Neumaier's compensated sum. */
static void add_sum(aip__profile_column *c, double x) {
    double sum = c->sum + x;
    if (isfinite(sum)) c->sum_rest += fabs(c->sum) >= fabs(x) ? (c->sum - sum) + x : (x - sum) + c->sum;
    c->sum = sum;
}

static uint64_t bits_of(double x) {
    uint64_t bits = 0;
    double v = x == 0 ? 0 : x; /* -0.0 is 0 */
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* x: the value; bits: 64 that tell it from every other value of the column. */
static int32_t add_number(aip_context *ctx, aip__profile_column *c, double x, uint64_t bits, aip_error **err) {
    if (x < c->minimum) c->minimum = x;
    if (x > c->maximum) c->maximum = x;
    add_sum(c, x);
    AIP__TRY(count_value(ctx, c, not_zero(mixed(bits)), NULL, 0, 1, err));
    if (c->kind == AIP__PROFILE_NUMBER) AIP__TRY(draw(ctx, c, mixed(mixed(bits_of(x)) + (uint64_t)c->n), x, err));
    c->n++;
    return AIP_OK;
}

/* Integers, dates, timestamps, and decimals as they are stored: a double does not hold all of them. */
static int32_t add_integers(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    bool narrow = column->type == AIP_INT32 || column->type == AIP_DATE32;
    c->n_missing += column->null_count;
    for (int64_t row = 0; row < column->length; row++) {
        if (!aip__valid(column->validity, row)) continue;
        int64_t v = narrow ? aip__column_i32(column)[row] : aip__column_i64(column)[row];
        if (v < c->least) c->least = v;
        if (v > c->greatest) c->greatest = v;
        AIP__TRY(add_number(ctx, c, (double)v, (uint64_t)v, err));
    }
    return AIP_OK;
}

static int32_t add_floats(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    bool narrow = column->type == AIP_FLOAT32;
    for (int64_t row = 0; row < column->length; row++) {
        double x = narrow ? (double)aip__column_f32(column)[row] : aip__column_f64(column)[row];
        if (!aip__valid(column->validity, row) || isnan(x)) {
            c->n_missing++;
            continue;
        }
        AIP__TRY(add_number(ctx, c, x, bits_of(x), err));
    }
    return AIP_OK;
}

static int32_t add_text(aip_context *ctx, aip__profile_column *c, const char *text, size_t n, int64_t times, aip_error **err) {
    if (times == 0) return AIP_OK;
    c->n += times;
    return count_value(ctx, c, not_zero(aip__hash64(text, n, 0)), n ? text : "", n, times, err);
}

/* A dictionary's codes are counted first, so that each text is looked up once. */
static int32_t add_codes(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    const aip__column *texts = column->dictionary;
    int64_t *counts = aip__calloc(ctx, (size_t)texts->length + 1, sizeof *counts);
    if (!counts) return aip__error_memory(ctx, err);
    int32_t status = AIP_OK;
    for (int64_t row = 0; row < column->length; row++)
        if (aip__valid(column->validity, row)) counts[aip__column_i32(column)[row]]++;
    for (int64_t code = 0; code < texts->length && status == AIP_OK; code++) {
        size_t n = 0;
        const char *text = aip__column_text(texts, code, &n);
        status = add_text(ctx, c, text, n, counts[code], err);
    }
    aip__free(ctx, counts);
    return status;
}

static int32_t add_texts(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    for (int64_t row = 0; row < column->length; row++) {
        size_t n = 0;
        if (!aip__valid(column->validity, row)) continue;
        const char *text = aip__column_text(column, row, &n);
        AIP__TRY(add_text(ctx, c, text, n, 1, err));
    }
    return AIP_OK;
}

static int32_t add_bools(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    int64_t yes = aip__bitmap_count(aip__column_bits(column), column->length); /* 0 at nulls */
    AIP__TRY(add_text(ctx, c, "true", 4, yes, err));
    return add_text(ctx, c, "false", 5, column->length - column->null_count - yes, err);
}

static int32_t add_column(aip_context *ctx, aip__profile_column *c, const aip__column *column, aip_error **err) {
    if (column->type == AIP_FLOAT32 || column->type == AIP_FLOAT64) return add_floats(ctx, c, column, err);
    if (c->kind == AIP__PROFILE_NUMBER || c->kind == AIP__PROFILE_TIME) return add_integers(ctx, c, column, err);
    c->n_missing += column->null_count;
    if (column->type == AIP_DICTIONARY) return add_codes(ctx, c, column, err);
    if (column->type == AIP_BOOL) return add_bools(ctx, c, column, err);
    if (c->kind == AIP__PROFILE_TEXT) return add_texts(ctx, c, column, err);
    c->n += column->length - column->null_count;
    return AIP_OK;
}

/* ---- the fold ---------------------------------------------------------------------------------------------------------------------------- */

/* About half of what a state may grow to. */
static size_t state_bytes(const void *fold) {
    const aip_schema *schema = ((const aip__profile_fold *)fold)->schema;
    size_t numbers = shared(MOST_SAMPLE, 1000, schema->n) * sizeof(aip__profile_draw) / 2;
    size_t texts = shared(MOST_DISTINCT, 100, schema->n) * 2 * sizeof(aip__profile_value);
    size_t bytes = sizeof(aip__profile_column);
    for (int32_t i = 0; i < schema->n; i++)
        bytes += texts + (kind_of(schema->fields[i].type) == AIP__PROFILE_NUMBER ? numbers : 0);
    return bytes;
}

static int32_t state_init(const void *fold, void **state, aip_error **err) {
    const aip__profile_fold *f = fold;
    aip__profile_column *columns = aip__calloc(f->ctx, (size_t)f->schema->n + 1, sizeof *columns);
    if (!columns) return aip__error_memory(f->ctx, err);
    for (int32_t i = 0; i < f->schema->n; i++)
        columns[i] = (aip__profile_column){.kind = kind_of(f->schema->fields[i].type),
                                           .most_sample = shared(MOST_SAMPLE, 1000, f->schema->n),
                                           .most_distinct = shared(MOST_DISTINCT, 100, f->schema->n),
                                           .minimum = INFINITY,
                                           .maximum = -INFINITY,
                                           .least = INT64_MAX,
                                           .greatest = INT64_MIN};
    *state = columns;
    return AIP_OK;
}

static int32_t state_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const aip__profile_fold *f = fold;
    for (int32_t i = 0; i < f->schema->n; i++)
        AIP__TRY(add_column(f->ctx, (aip__profile_column *)state + i, batch->columns[i], err));
    return AIP_OK;
}

static int32_t merge_column(aip_context *ctx, aip__profile_column *c, const aip__profile_column *from, aip_error **err) {
    c->n += from->n;
    c->n_missing += from->n_missing;
    if (from->minimum < c->minimum) c->minimum = from->minimum;
    if (from->maximum > c->maximum) c->maximum = from->maximum;
    if (from->least < c->least) c->least = from->least;
    if (from->greatest > c->greatest) c->greatest = from->greatest;
    add_sum(c, from->sum);
    c->sum_rest += from->sum_rest;
    thin(c, from->level);
    for (size_t i = 0; i < from->n_sample; i++) AIP__TRY(draw(ctx, c, from->sample[i].key, from->sample[i].value, err));
    for (size_t i = 0; i < from->values_capacity; i++) {
        const aip__profile_value *v = &from->values[i];
        if (v->hash) AIP__TRY(count_value(ctx, c, v->hash, v->text, v->length, v->count, err));
    }
    c->many = c->many || from->many;
    return AIP_OK;
}

static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    const aip__profile_fold *f = fold;
    for (int32_t i = 0; i < f->schema->n; i++)
        AIP__TRY(merge_column(f->ctx, (aip__profile_column *)into + i, (const aip__profile_column *)from + i, err));
    return AIP_OK;
}

static void state_destroy(const void *fold, void *state) {
    const aip__profile_fold *f = fold;
    for (int32_t i = 0; i < f->schema->n; i++) {
        aip__profile_column *c = (aip__profile_column *)state + i;
        for (size_t k = 0; k < c->values_capacity; k++) aip__free(f->ctx, c->values[k].text);
        aip__free(f->ctx, c->values);
        aip__free(f->ctx, c->sample);
    }
    aip__free(f->ctx, state);
}

const aip_fold_ops aip__profile_ops = {.struct_size = sizeof(aip_fold_ops),
                                       .state_bytes = state_bytes,
                                       .init = state_init,
                                       .update = state_update,
                                       .merge = state_merge,
                                       .destroy = state_destroy};

/* ---- what is asked of a column -------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = ((const aip__profile_draw *)a)->value, y = ((const aip__profile_draw *)b)->value;
    return (x > y) - (x < y);
}

void aip__profile_sort(const aip__profile_fold *fold, void *state) {
    for (int32_t i = 0; i < fold->schema->n; i++) {
        aip__profile_column *c = (aip__profile_column *)state + i;
        if (c->n_sample) qsort(c->sample, c->n_sample, sizeof *c->sample, by_value);
    }
}

double aip__profile_mean(const aip__profile_column *c) {
    if (c->n == 0) return (double)NAN;
    if (isinf(c->minimum) || isinf(c->maximum)) return c->minimum + c->maximum; /* NaN of both infinities */
    double sum = c->sum + c->sum_rest;
    return isfinite(sum) ? sum / (double)c->n : (double)NAN; /* finite values have no infinite mean */
}

double aip__profile_quantile(const aip__profile_column *c, double q) {
    if (c->n_sample == 0) return NAN;
    double at = q * (double)(c->n_sample - 1);
    size_t below = (size_t)at;
    double part = at - (double)below, x = c->sample[below].value;
    if (!(part > 0)) return x;
    double next = c->sample[below + 1].value, step = next - x;
    return isfinite(step) ? x + part * step : (1 - part) * x + part * next; /* infinities, or too far apart */
}

void aip__profile_histogram(const aip__profile_column *c, int64_t counts[AIP__PROFILE_BINS]) {
    memset(counts, 0, AIP__PROFILE_BINS * sizeof *counts);
    size_t from = 0, to = c->n_sample;
    while (from < to && isinf(c->sample[from].value)) from++;
    while (from < to && isinf(c->sample[to - 1].value)) to--;
    if (from == to) return;
    double low = isinf(c->minimum) ? c->sample[from].value : c->minimum;
    double high = isinf(c->maximum) ? c->sample[to - 1].value : c->maximum, span = high - low;
    for (size_t i = from; i < to; i++) {
        double at = span > 0 && isfinite(span) ? (c->sample[i].value - low) / span * AIP__PROFILE_BINS : 0;
        counts[at >= AIP__PROFILE_BINS ? AIP__PROFILE_BINS - 1 : (int)at]++;
    }
}

static bool comes_before(const aip__profile_value *a, const aip__profile_value *b) {
    if (a->count != b->count) return a->count > b->count;
    size_t n = aip__profile_kept(a), m = aip__profile_kept(b);
    int order = memcmp(a->text, b->text, n < m ? n : m);
    return order != 0 ? order < 0 : a->length != b->length ? a->length < b->length : a->hash < b->hash;
}

int32_t aip__profile_top(const aip__profile_column *c, const aip__profile_value **top, int32_t most) {
    int32_t n = 0;
    for (size_t i = 0; i < c->values_capacity; i++) {
        const aip__profile_value *v = &c->values[i];
        if (!v->hash) continue;
        int32_t at = n < most ? n++ : most;
        for (; at > 0 && comes_before(v, top[at - 1]); at--)
            if (at < most) top[at] = top[at - 1];
        if (at < most) top[at] = v;
    }
    return n;
}
