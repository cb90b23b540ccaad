/* One value of a column, as text for people and as JSON. */
#include "profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool value_is_null(const aip_column_view *v, int64_t row) { return v->validity && !(v->validity[row >> 3] >> (row & 7) & 1); }

static bool bool_at(const aip_column_view *v, int64_t row) { return ((const uint8_t *)v->values)[row >> 3] >> (row & 7) & 1; }

static int64_t integer_at(const aip_column_view *v, int64_t row) {
    bool narrow = v->type == AIP_INT32 || v->type == AIP_DATE32 || v->type == AIP_DICTIONARY;
    return narrow ? ((const int32_t *)v->values)[row] : ((const int64_t *)v->values)[row];
}

double value_number(const aip_column_view *v, int64_t row) {
    if (v->type == AIP_FLOAT64) return ((const double *)v->values)[row];
    if (v->type == AIP_FLOAT32) return (double)((const float *)v->values)[row];
    return (double)integer_at(v, row);
}

const char *value_bytes(const aip_column_view *v, int64_t row, size_t *n) {
    const int32_t *offsets = v->offsets;
    const char *bytes = v->values;
    if (v->type == AIP_BOOL) {
        const char *text = bool_at(v, row) ? "true" : "false";
        *n = strlen(text);
        return text;
    }
    if (v->type == AIP_DICTIONARY) {
        row = integer_at(v, row);
        offsets = v->dictionary_offsets;
        bytes = v->dictionary_bytes;
    }
    *n = (size_t)(offsets[row + 1] - offsets[row]);
    return *n ? bytes + offsets[row] : "";
}

void line_type(line *l, const aip_field *f) {
    line_add(l, "%s", aip_type_name(f->type));
    if (f->type == AIP_TIMESTAMP && f->zone) line_add(l, "[%s]", f->zone);
    if (f->type == AIP_DECIMAL64) line_add(l, "(%d)", (int)f->scale);
}

static void add_date(line *l, int64_t seconds) {
    struct tm civil;
    time_t when = (time_t)seconds;
    if (gmtime_r(&when, &civil))
        line_add(l, "%04d-%02d-%02d", civil.tm_year + 1900, civil.tm_mon + 1, civil.tm_mday);
    else
        line_add(l, "%lld s", (long long)seconds);
}

static void add_timestamp(line *l, int64_t micros, bool zoned) {
    int64_t seconds = micros / 1000000, rest = micros % 1000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000;
    }
    int of_day = (int)((seconds % 86400 + 86400) % 86400);
    add_date(l, seconds);
    line_add(l, "T%02d:%02d:%02d", of_day / 3600, of_day / 60 % 60, of_day % 60);
    if (rest) line_add(l, ".%06lld", (long long)rest);
    if (zoned) line_add(l, "Z");
}

/* The fewest digits that read back to the same number. */
static void add_double(line *l, double v) {
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (digits == 17 || strtod(text, NULL) == v || isnan(v)) break;
    }
    line_add(l, "%s", text);
}

void line_value(line *l, const aip_field *f, const aip_column_view *v, int64_t row) {
    size_t n = 0;
    const char *bytes = NULL;
    switch (f->type) {
    case AIP_INT32:
    case AIP_INT64: line_add(l, "%lld", (long long)integer_at(v, row)); return;
    case AIP_FLOAT32:
    case AIP_FLOAT64: add_double(l, value_number(v, row)); return;
    case AIP_DATE32: add_date(l, integer_at(v, row) * 86400); return;
    case AIP_TIMESTAMP: add_timestamp(l, integer_at(v, row), f->zone != NULL); return;
    case AIP_DECIMAL64: line_add(l, "%.*f", (int)f->scale, (double)integer_at(v, row) / pow(10, f->scale)); return;
    case AIP_BINARY:
        value_bytes(v, row, &n);
        line_add(l, "%zu bytes", n);
        return;
    default: bytes = value_bytes(v, row, &n); line_bytes(l, bytes, n);
    }
}

void line_field_number(line *l, const aip_field *f, double number) {
    if (f->type == AIP_DATE32)
        add_date(l, (int64_t)(number * 86400));
    else if (f->type == AIP_TIMESTAMP)
        add_timestamp(l, (int64_t)number, f->zone != NULL);
    else
        line_number(l, f->type == AIP_DECIMAL64 ? number / pow(10, f->scale) : number);
}

static json_t *line_json(line *l) {
    json_t *j = json_string(l->bytes ? l->bytes : "");
    line_free(l);
    return j ? j : json_null();
}

json_t *value_json(const aip_field *f, const aip_column_view *v, int64_t row) {
    if (value_is_null(v, row)) return json_null();
    if (f->type == AIP_BOOL) return json_boolean(bool_at(v, row));
    if (f->type == AIP_INT32 || f->type == AIP_INT64) return json_integer(integer_at(v, row));
    if (f->type == AIP_FLOAT32 || f->type == AIP_FLOAT64) return field_number_json(f, value_number(v, row));
    line l = {0};
    line_value(&l, f, v, row);
    return line_json(&l);
}

json_t *field_number_json(const aip_field *f, double number) {
    if (!isfinite(number)) return json_null();
    if (f->type == AIP_DATE32 || f->type == AIP_TIMESTAMP) {
        line l = {0};
        line_field_number(&l, f, number);
        return line_json(&l);
    }
    if ((f->type == AIP_INT32 || f->type == AIP_INT64) && number == trunc(number) && fabs(number) < 0x1p53)
        return json_integer((json_int_t)number);
    return json_real(f->type == AIP_DECIMAL64 ? number / pow(10, f->scale) : number);
}
