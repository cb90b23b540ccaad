/* Columns of one type into another, value by value: a row is read as an integer, a float or a text, converted, and written. A value fits when
 * nothing but the digits that float rounding takes is lost: 1.5 is no int64, 12.345 no decimal of scale 2; time of day is cut from a
 * timestamp that becomes a date. */
#include "data/column_cast.h"
#include "base/context.h"
#include "base/error.h"
#include "data/convert.h"
#include "data/dictionary.h"
#include <math.h>

#define MICROS_PER_DAY INT64_C(86400000000)
#define TEXT_SHOWN 64 /* bytes of a value in a message */

static const int64_t tens[19] = {INT64_C(1),
                                 INT64_C(10),
                                 INT64_C(100),
                                 INT64_C(1000),
                                 INT64_C(10000),
                                 INT64_C(100000),
                                 INT64_C(1000000),
                                 INT64_C(10000000),
                                 INT64_C(100000000),
                                 INT64_C(1000000000),
                                 INT64_C(10000000000),
                                 INT64_C(100000000000),
                                 INT64_C(1000000000000),
                                 INT64_C(10000000000000),
                                 INT64_C(100000000000000),
                                 INT64_C(1000000000000000),
                                 INT64_C(10000000000000000),
                                 INT64_C(100000000000000000),
                                 INT64_C(1000000000000000000)};

/* ---- to float64 ------------------------------------------------------------------------------------------------------------------ */

static void floats_from_i32(const int32_t *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = v[i];
}
static void floats_from_i64(const int64_t *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i];
}
static void floats_from_f32(const float *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i];
}
static void floats_from_bits(const uint8_t *v, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = aip__bit_get(v, i) ? 1.0 : 0.0;
}
static void floats_from_decimal(const int64_t *v, int64_t n, int32_t scale, double *out) {
    double unit = (double)tens[scale];
    for (int64_t i = 0; i < n; i++) out[i] = (double)v[i] / unit;
}

void aip__column_to_f64(const aip__column *c, int32_t scale, double *out) {
    int64_t n = c->length;
    switch (c->type) {
    case AIP_BOOL: floats_from_bits(c->values, n, out); break;
    case AIP_INT32:
    case AIP_DATE32: floats_from_i32(c->values, n, out); break;
    case AIP_INT64:
    case AIP_TIMESTAMP: floats_from_i64(c->values, n, out); break;
    case AIP_DECIMAL64: floats_from_decimal(c->values, n, scale, out); break;
    case AIP_FLOAT32: floats_from_f32(c->values, n, out); break;
    case AIP_FLOAT64:
        if (n > 0) memcpy(out, c->values, (size_t)n * sizeof *out);
        break;
    default:
        for (int64_t i = 0; i < n; i++) out[i] = (double)NAN;
    }
    if (!c->validity) return;
    for (int64_t w = 0; w * 64 < n; w++) {
        uint64_t all = n - w * 64 >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - w * 64)) - 1;
        for (uint64_t m = ~aip__bitmap_word(c->validity, w, n) & all; m; m &= m - 1)
            out[w * 64 + __builtin_ctzll(m)] = (double)NAN;
    }
}

/* ---- one value -------------------------------------------------------------------------------------------------------------------- */

aip__cell_kind aip__cell_kind_of(int32_t type) {
    if (type == AIP_FLOAT32 || type == AIP_FLOAT64) return AIP__CELL_FLOAT;
    return type == AIP_UTF8 || type == AIP_BINARY || type == AIP_DICTIONARY ? AIP__CELL_TEXT : AIP__CELL_INTEGER;
}

static aip__cell read_cell(const aip__column *c, int64_t row) {
    aip__cell v = {.kind = aip__cell_kind_of(c->type)};
    switch (c->type) {
    case AIP_BOOL: v.i = aip__bit_get(c->values, row); break;
    case AIP_INT32:
    case AIP_DATE32: v.i = aip__column_i32(c)[row]; break;
    case AIP_FLOAT32: v.d = (double)aip__column_f32(c)[row]; break;
    case AIP_FLOAT64: v.d = aip__column_f64(c)[row]; break;
    case AIP_UTF8:
    case AIP_BINARY:
    case AIP_DICTIONARY: v.s = aip__column_text(c, row, &v.n); break;
    default: v.i = aip__column_i64(c)[row];
    }
    return v;
}

static size_t text_of(const aip__cell *v, const aip_field *from, char out[64]) {
    switch (from->type) {
    case AIP_BOOL: memcpy(out, v->i ? "true" : "false", v->i ? 4 : 5); return v->i ? 4 : 5;
    case AIP_DATE32: return aip__format_date(out, (int32_t)v->i);
    case AIP_TIMESTAMP: return aip__format_timestamp(out, v->i, from->zone != NULL);
    case AIP_DECIMAL64: return aip__format_decimal(out, v->i, from->scale);
    default: return v->kind == AIP__CELL_FLOAT ? aip__format_f64(out, v->d) : aip__format_i64(out, v->i);
    }
}

static bool integer_from_float(double d, int64_t *out) {
    if (!(d >= -0x1p63 && d < 0x1p63) || d != trunc(d)) return false;
    *out = (int64_t)d;
    return true;
}

static int64_t floor_days(int64_t micros) { return micros / MICROS_PER_DAY - (micros % MICROS_PER_DAY < 0); }

static bool rescale(int64_t v, int32_t from, int32_t to, int64_t *out) {
    if (to >= from) return !__builtin_mul_overflow(v, tens[to - from], out);
    *out = v / tens[from - to];
    return v % tens[from - to] == 0;
}

static bool timestamp_from_text(const char *s, size_t n, bool zoned, int64_t *out) {
    int32_t days = 0;
    bool offset = false;
    if (aip__parse_date(s, n, &days)) {
        *out = days * MICROS_PER_DAY;
        return true;
    }
    return aip__parse_timestamp(s, n, out, &offset) && (zoned || !offset); /* a wall time has no place for an offset */
}

static bool integer_from_text(const char *s, size_t n, const aip_field *to, int64_t *out) {
    int32_t days = 0;
    bool b = false;
    switch (to->type) {
    case AIP_BOOL:
        if (!aip__parse_bool(s, n, &b)) return false;
        *out = b;
        return true;
    case AIP_DATE32:
        if (!aip__parse_date(s, n, &days)) return false;
        *out = days;
        return true;
    case AIP_TIMESTAMP: return timestamp_from_text(s, n, to->zone != NULL, out);
    case AIP_DECIMAL64: return aip__parse_decimal(s, n, to->scale, out);
    default: return aip__parse_i64(s, n, out);
    }
}

bool aip__cell_to_integer(const aip__cell *v, const aip_field *from, const aip_field *to, int64_t *out) {
    int64_t i = v->i;
    if (v->kind == AIP__CELL_TEXT) {
        if (!integer_from_text(v->s, v->n, to, &i)) return false;
    } else if (to->type == AIP_BOOL) {
        i = v->kind == AIP__CELL_FLOAT ? v->d != 0 : v->i != 0;
        if (v->kind == AIP__CELL_FLOAT && v->d != v->d) return false;
    } else if (to->type == AIP_DECIMAL64) {
        if (v->kind == AIP__CELL_FLOAT) {
            if (!integer_from_float(rint(v->d * (double)tens[to->scale]), &i)) return false;
        } else if (!rescale(v->i, from->type == AIP_DECIMAL64 ? from->scale : 0, to->scale, &i)) {
            return false;
        }
    } else if (v->kind == AIP__CELL_FLOAT) {
        if (!integer_from_float(v->d, &i)) return false;
    } else if (from->type == AIP_DECIMAL64) {
        if (!rescale(v->i, from->scale, 0, &i)) return false;
    } else if (from->type == AIP_DATE32 && to->type == AIP_TIMESTAMP) {
        if (__builtin_mul_overflow(v->i, MICROS_PER_DAY, &i)) return false;
    } else if (from->type == AIP_TIMESTAMP && to->type == AIP_DATE32) {
        i = floor_days(v->i);
    }
    if ((to->type == AIP_INT32 || to->type == AIP_DATE32) && (i < INT32_MIN || i > INT32_MAX)) return false;
    *out = i;
    return true;
}

bool aip__cell_to_float(const aip__cell *v, const aip_field *from, const aip_field *to, double *out) {
    double d = v->d;
    if (v->kind == AIP__CELL_TEXT) {
        if (!aip__parse_f64(v->s, v->n, '.', &d)) return false;
    } else if (v->kind == AIP__CELL_INTEGER) {
        d = (double)v->i;
        if (from->type == AIP_DECIMAL64) d /= (double)tens[from->scale];
    }
    if (to->type == AIP_FLOAT32 && isfinite(d) && isinf((float)d)) return false;
    *out = d;
    return true;
}

/* ---- a column ---------------------------------------------------------------------------------------------------------------------- */

static int32_t refuse(const aip__cell *v, const aip_field *from, const aip_field *to, int64_t row, aip_error **err) {
    char text[64];
    const char *s = v->s;
    size_t n = v->kind == AIP__CELL_TEXT ? v->n : text_of(v, from, text);
    if (v->kind != AIP__CELL_TEXT) s = text;
    size_t shown = aip__utf8_prefix(s, n, TEXT_SHOWN);
    aip__error_set(err, AIP_E_DATA, "row %lld: expected a value that fits %s, found '%.*s'%s", (long long)row,
                   aip_type_name(to->type), (int)shown, s, shown < n ? "..." : "");
    aip__error_at_data_column(err, from->name);
    return AIP_E_DATA;
}

/* Into a fixed-width or bool column. */
static int32_t cast_fixed(const aip__column *c, const aip_field *from, const aip_field *to, bool strict, aip__column **out,
                          aip_error **err) {
    aip__column *r = NULL;
    AIP__TRY(aip__column_new(c->ctx, to->type, c->length, true, &r, err));
    uint8_t *validity = NULL;
    int32_t status = AIP_OK;
    if (c->validity) {
        validity = aip__column_validity_mut(r);
        if (!validity) goto refused;
        memcpy(validity, c->validity, aip__bitmap_bytes(c->length));
    }
    bool floating = aip__cell_kind_of(to->type) == AIP__CELL_FLOAT;
    for (int64_t row = 0; row < c->length; row++) {
        if (!aip__valid(c->validity, row)) continue;
        aip__cell v = read_cell(c, row);
        int64_t i = 0;
        double d = 0;
        if (floating ? !aip__cell_to_float(&v, from, to, &d) : !aip__cell_to_integer(&v, from, to, &i)) {
            if (strict) {
                status = refuse(&v, from, to, row, err);
                goto fail;
            }
            if (!validity) validity = aip__column_validity_mut(r);
            if (!validity) goto refused;
            aip__bit_clear(validity, row);
            continue;
        }
        switch (to->type) {
        case AIP_BOOL:
            if (i) aip__bit_set(aip__column_bool_mut(r), row);
            break;
        case AIP_INT32:
        case AIP_DATE32: aip__column_i32_mut(r)[row] = (int32_t)i; break;
        case AIP_FLOAT32: ((float *)aip__column_values_mut(r))[row] = (float)d; break;
        case AIP_FLOAT64: aip__column_f64_mut(r)[row] = d; break;
        default: aip__column_i64_mut(r)[row] = i;
        }
    }
    aip__column_publish(r);
    *out = r;
    return AIP_OK;
refused:
    status = aip__error_memory(c->ctx, err);
fail:
    aip__column_free(r);
    return status;
}

/* Into utf8 or binary. */
static int32_t cast_text(const aip__column *c, const aip_field *from, const aip_field *to, bool strict, aip__column **out,
                         aip_error **err) {
    aip__utf8_builder b = {0};
    AIP__TRY(aip__utf8_begin(&b, c->ctx, to->type == AIP_BINARY ? AIP_BINARY : AIP_UTF8, c->length, (size_t)c->length * 8, err));
    int32_t status = AIP_OK;
    char text[64];
    for (int64_t row = 0; row < c->length && status == AIP_OK; row++) {
        if (!aip__valid(c->validity, row)) {
            status = aip__utf8_add_null(&b, err);
            continue;
        }
        aip__cell v = read_cell(c, row);
        if (v.kind != AIP__CELL_TEXT) {
            status = aip__utf8_add(&b, text, text_of(&v, from, text), err);
        } else if (from->type == AIP_BINARY && b.type == AIP_UTF8 && !aip__utf8_valid(v.s, v.n)) {
            status = strict ? refuse(&v, from, to, row, err) : aip__utf8_add_null(&b, err);
        } else {
            status = aip__utf8_add(&b, v.s, v.n, err);
        }
    }
    if (status == AIP_OK) return aip__utf8_end(&b, out, err);
    aip__utf8_abandon(&b);
    return status;
}

static bool possible(const aip_field *from, const aip_field *to) {
    bool from_time = from->type == AIP_DATE32 || from->type == AIP_TIMESTAMP;
    bool to_time = to->type == AIP_DATE32 || to->type == AIP_TIMESTAMP;
    if (from->type == AIP_BINARY || to->type == AIP_BINARY)
        return aip__cell_kind_of(from->type) == AIP__CELL_TEXT && aip__cell_kind_of(to->type) == AIP__CELL_TEXT;
    if (from_time && (to->type == AIP_BOOL || to->type == AIP_DECIMAL64)) return false;
    return !(to_time && (from->type == AIP_BOOL || from->type == AIP_DECIMAL64));
}

/* Wall time and time in a zone hold different numbers, unless the zone is UTC. */
static bool needs_zone_rules(const aip_field *from, const aip_field *to) {
    if (from->type != AIP_TIMESTAMP || to->type != AIP_TIMESTAMP || !from->zone == !to->zone) return false;
    return strcmp(from->zone ? from->zone : to->zone, "UTC") != 0;
}

bool aip__cast_possible(const aip_field *from, const aip_field *to) { return possible(from, to) && !needs_zone_rules(from, to); }

int32_t aip__column_cast(const aip__column *c, const aip_field *from, const aip_field *to, bool strict, aip__column **out,
                         aip_error **err) {
    if (c->type == to->type && (c->type != AIP_DECIMAL64 || from->scale == to->scale) && !needs_zone_rules(from, to)) {
        *out = aip__column_retain(c);
        return AIP_OK;
    }
    int32_t status = AIP_OK;
    if (!aip__cast_possible(from, to)) {
        status = aip__error_set(err, AIP_E_UNSUPPORTED, "no cast from %s%s%s to %s%s%s", aip_type_name(from->type),
                                from->zone ? " in zone " : "", from->zone ? from->zone : "", aip_type_name(to->type),
                                to->zone ? " in zone " : "", to->zone ? to->zone : "");
        aip__error_at_data_column(err, from->name);
        return status;
    }
    if (to->type == AIP_UTF8 && c->type == AIP_DICTIONARY) return aip__column_decode(c, out, err);
    if (to->type == AIP_UTF8 || to->type == AIP_BINARY) return cast_text(c, from, to, strict, out, err);
    if (to->type == AIP_DICTIONARY) {
        aip__column *texts = NULL;
        if (c->type == AIP_UTF8)
            texts = aip__column_retain(c);
        else
            AIP__TRY(cast_text(c, from, to, strict, &texts, err));
        status = aip__column_encode(texts, out, err);
        aip__column_free(texts);
        return status;
    }
    if (to->type == AIP_FLOAT64 && !c->validity && aip__cell_kind_of(c->type) != AIP__CELL_TEXT) {
        aip__column *r = NULL;
        AIP__TRY(aip__column_new(c->ctx, AIP_FLOAT64, c->length, false, &r, err));
        aip__column_to_f64(c, from->scale, aip__column_f64_mut(r));
        aip__column_publish(r);
        *out = r;
        return AIP_OK;
    }
    return cast_fixed(c, from, to, strict, out, err);
}
