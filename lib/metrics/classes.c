/* Sets of class values. They are small (two for a binary classifier), so a list searched from the front does; the hot loop over a column looks at
 * the first two before it searches. */
#include "metrics/classes.h"

#include "data/convert.h"
#include "data/dictionary.h"
#include <math.h>
#include <string.h>

int32_t aip__classes_type(int32_t column_type) {
    switch (column_type) {
    case AIP_BOOL: return AIP_BOOL;
    case AIP_INT32:
    case AIP_INT64: return AIP_INT64;
    case AIP_FLOAT32:
    case AIP_FLOAT64: return AIP_FLOAT64;
    case AIP_UTF8:
    case AIP_DICTIONARY: return AIP_UTF8;
    default: return 0;
    }
}

void aip__classes_init(aip__classes *c, aip_context *ctx, int32_t type) { *c = (aip__classes){.ctx = ctx, .type = type}; }

void aip__classes_free(aip__classes *c) {
    if (c->type == AIP_UTF8)
        for (int32_t i = 0; i < c->n; i++) aip__free(c->ctx, (void *)(uintptr_t)c->items[i].text);
    if (c->items) aip__free(c->ctx, c->items);
    c->items = NULL;
    c->n = 0;
    c->capacity = 0;
}

static int compare(int32_t type, const aip__class *a, const aip__class *b) {
    if (type == AIP_UTF8) {
        size_t n = a->n < b->n ? a->n : b->n; /* an empty text may be NULL */
        int d = n > 0 ? memcmp(a->text, b->text, n) : 0;
        return d != 0 ? d : (a->n > b->n) - (a->n < b->n);
    }
    if (type == AIP_FLOAT64) return (a->real > b->real) - (a->real < b->real);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

int32_t aip__classes_find(const aip__classes *c, const aip__class *value) {
    for (int32_t i = 0; i < c->n; i++)
        if (compare(c->type, &c->items[i], value) == 0) return i;
    return -1;
}

int32_t aip__classes_add(aip__classes *c, const aip__class *value, int32_t *code, aip_error **err) {
    int32_t known = aip__classes_find(c, value);
    if (known < 0) {
        aip__class copy = *value;
        if (aip__grow(c->ctx, &c->items, &c->capacity, (size_t)c->n + 1, sizeof *c->items) != 0)
            return aip__error_memory(c->ctx, err);
        if (c->type == AIP_UTF8 && !(copy.text = aip__strndup(c->ctx, value->text, value->n)))
            return aip__error_memory(c->ctx, err);
        known = c->n++;
        c->items[known] = copy;
    }
    *code = known;
    return AIP_OK;
}

int32_t aip__classes_copy(const aip__classes *from, aip__classes *to, aip_error **err) {
    aip__classes_init(to, from->ctx, from->type);
    for (int32_t i = 0, code = 0; i < from->n; i++) {
        int32_t status = aip__classes_add(to, &from->items[i], &code, err);
        if (status != AIP_OK) {
            aip__classes_free(to);
            return status;
        }
    }
    return AIP_OK;
}

void aip__classes_sort(aip__classes *c, int32_t *order) {
    for (int32_t i = 0; i < c->n; i++) { /* distinct values: the new place is the number of smaller ones */
        order[i] = 0;
        for (int32_t j = 0; j < c->n; j++) order[i] += compare(c->type, &c->items[j], &c->items[i]) < 0;
    }
    for (int32_t i = 1; i < c->n; i++) {
        aip__class moved = c->items[i];
        int32_t j = i;
        for (; j > 0 && compare(c->type, &c->items[j - 1], &moved) > 0; j--) c->items[j] = c->items[j - 1];
        c->items[j] = moved;
    }
}

/* ---- columns to codes ---------------------------------------------------------------------------------------------------------------- */

static aip__class value_at(const aip__column *column, int64_t i) {
    aip__class v = {0};
    switch (column->type) {
    case AIP_BOOL: v.integer = aip__bit_get(aip__column_bits(column), i); break;
    case AIP_INT32: v.integer = aip__column_i32(column)[i]; break;
    case AIP_INT64: v.integer = aip__column_i64(column)[i]; break;
    case AIP_FLOAT32: v.real = (double)aip__column_f32(column)[i]; break;
    case AIP_FLOAT64: v.real = aip__column_f64(column)[i]; break;
    default: v.text = aip__column_text(column, i, &v.n); break;
    }
    return v;
}

/* What the column holds, as a value of the set's type: bool and int widen to what the other side of a comparison needs. */
static aip__class value_as(const aip__column *column, int64_t i, int32_t type) {
    aip__class v = value_at(column, i);
    if (type == AIP_FLOAT64 && aip__classes_type(column->type) != AIP_FLOAT64) v.real = (double)v.integer;
    return v;
}

static int32_t refuse(const char *name, int64_t first_row, int64_t i, const char *what, aip_error **err) {
    if (first_row >= 0)
        aip__error_set(err, AIP_E_DATA, "column '%s' is %s in row %lld (from 0): expected a class", name, what,
                       (long long)(first_row + i));
    else
        aip__error_set(err, AIP_E_DATA, "column '%s' is %s in a row: expected a class", name, what);
    aip__error_at_data_column(err, name);
    return AIP_E_DATA;
}

/* The common case without a branch: int64 rows without nulls that are all one of the first two classes. Returns how many rows were coded. */
static int64_t encode_two(const aip__classes *c, const aip__column *column, int32_t *codes) {
    if (c->type != AIP_INT64 || column->type != AIP_INT64 || c->n < 2 || column->validity) return 0;
    const int64_t *v = aip__column_i64(column), a = c->items[0].integer, b = c->items[1].integer;
    for (int64_t done = 0; done < column->length;) {
        int64_t end = column->length - done < 256 ? column->length : done + 256;
        bool all = true;
        for (int64_t i = done; i < end; i++) {
            codes[i] = v[i] == b;
            all &= (v[i] == a) | (v[i] == b);
        }
        if (!all) return done;
        done = end;
    }
    return column->length;
}

int32_t aip__classes_encode(aip__classes *c, const aip__column *column, const char *name, int64_t first_row, int32_t most,
                            int32_t *codes, aip_error **err) {
    int32_t last = -1;
    aip__class seen = {0};
    for (int64_t i = encode_two(c, column, codes); i < column->length; i++) {
        if (!aip__valid(column->validity, i)) return refuse(name, first_row, i, "missing", err);
        aip__class v = value_as(column, i, c->type);
        if (c->type == AIP_FLOAT64 && isnan(v.real)) return refuse(name, first_row, i, "NaN", err);
        if (last < 0 || compare(c->type, &v, &seen) != 0) {
            last = aip__classes_find(c, &v);
            if (last < 0) {
                if (c->n >= most) {
                    aip__error_set(err, AIP_E_DATA, "column '%s' has more than %d distinct values: expected at most %d classes",
                                   name, (int)most, (int)most);
                    aip__error_at_data_column(err, name);
                    return AIP_E_DATA;
                }
                AIP__TRY(aip__classes_add(c, &v, &last, err));
            }
            seen = c->items[last];
        }
        codes[i] = last;
    }
    return AIP_OK;
}

int32_t aip__classes_column(const aip__classes *c, const int32_t *codes, int64_t n, aip__column **out, aip_error **err) {
    if (c->type == AIP_UTF8) {
        aip__utf8_builder b;
        AIP__TRY(aip__utf8_begin(&b, c->ctx, AIP_UTF8, n, 0, err));
        for (int64_t i = 0; i < n; i++) {
            int32_t status = aip__utf8_add(&b, c->items[codes[i]].text, c->items[codes[i]].n, err);
            if (status != AIP_OK) {
                aip__utf8_abandon(&b);
                return status;
            }
        }
        return aip__utf8_end(&b, out, err);
    }
    aip__column *column = NULL;
    AIP__TRY(aip__column_new(c->ctx, c->type, n, true, &column, err));
    if (n > 0 && c->type == AIP_BOOL)
        for (int64_t i = 0; i < n; i++) aip__bit_put(aip__column_bool_mut(column), i, c->items[codes[i]].integer != 0);
    else if (n > 0 && c->type == AIP_INT64)
        for (int64_t i = 0; i < n; i++) aip__column_i64_mut(column)[i] = c->items[codes[i]].integer;
    else if (n > 0)
        for (int64_t i = 0; i < n; i++) aip__column_f64_mut(column)[i] = c->items[codes[i]].real;
    aip__column_publish(column);
    *out = column;
    return AIP_OK;
}

/* ---- as text and bytes ----------------------------------------------------------------------------------------------------------------- */

void aip__classes_json(const aip__classes *c, int32_t code, aip__text *out) {
    const aip__class *v = &c->items[code];
    switch (c->type) {
    case AIP_BOOL: aip__text_str(out, v->integer ? "true" : "false"); break;
    case AIP_INT64: aip__text_printf(out, "%lld", (long long)v->integer); break;
    case AIP_FLOAT64: aip__text_f64(out, v->real, true); break;
    default: aip__text_json(out, v->text, v->n); break;
    }
}

void aip__classes_name(const aip__classes *c, int32_t code, aip__text *out) {
    if (c->type == AIP_UTF8)
        aip__text_add(out, c->items[code].text, c->items[code].n);
    else if (c->type == AIP_FLOAT64)
        aip__text_f64(out, c->items[code].real, false);
    else
        aip__classes_json(c, code, out);
}

int32_t aip__classes_save(const aip__classes *c, aip_writer *w, aip_error **err) {
    AIP__TRY(aip_writer_i64(w, c->type, err));
    AIP__TRY(aip_writer_i64(w, c->n, err));
    for (int32_t i = 0; i < c->n; i++) {
        const aip__class *v = &c->items[i];
        if (c->type == AIP_UTF8) {
            AIP__TRY(aip_writer_i64(w, (int64_t)v->n, err));
            AIP__TRY(aip_writer_bytes(w, v->text, v->n, err));
        } else if (c->type == AIP_FLOAT64) {
            AIP__TRY(aip_writer_f64(w, v->real, err));
        } else {
            AIP__TRY(aip_writer_i64(w, v->integer, err));
        }
    }
    return AIP_OK;
}

static int32_t read_class(const aip__classes *c, aip_reader *r, aip__class *v, aip_error **err) {
    *v = (aip__class){0};
    if (c->type == AIP_UTF8) {
        AIP__TRY(aip_reader_text(r, &v->text, &v->n, err));
        return aip__utf8_valid(v->text, v->n) ? AIP_OK : aip__error_set(err, AIP_E_CORRUPT, "a class is not valid UTF-8");
    }
    if (c->type == AIP_FLOAT64) {
        AIP__TRY(aip_reader_f64(r, &v->real, err));
        return isnan(v->real) ? aip__error_set(err, AIP_E_CORRUPT, "a class is NaN") : AIP_OK;
    }
    AIP__TRY(aip_reader_i64(r, &v->integer, err));
    if (c->type == AIP_BOOL && v->integer != 0 && v->integer != 1)
        return aip__error_set(err, AIP_E_CORRUPT, "a class of a bool is %lld: expected 0 or 1", (long long)v->integer);
    return AIP_OK;
}

int32_t aip__classes_load(aip__classes *c, aip_reader *r, int32_t most, bool sorted, aip_error **err) {
    int64_t type = 0, n = 0;
    AIP__TRY(aip_reader_i64(r, &type, err));
    AIP__TRY(aip_reader_i64(r, &n, err));
    if (type < 1 || type > AIP_DECIMAL64 || aip__classes_type((int32_t)type) != type)
        return aip__error_set(err, AIP_E_CORRUPT, "classes have type %lld: expected bool, int64, float64 or utf8",
                              (long long)type);
    if (n < 0 || n > most)
        return aip__error_set(err, AIP_E_CORRUPT, "%lld classes: expected at most %d", (long long)n, (int)most);
    c->type = (int32_t)type;
    for (int64_t i = 0; i < n; i++) {
        aip__class v;
        int32_t code = 0, status = read_class(c, r, &v, err);
        if (status == AIP_OK && aip__classes_find(c, &v) >= 0)
            status = aip__error_set(err, AIP_E_CORRUPT, "a class is there twice");
        if (status == AIP_OK && sorted && i > 0 && compare(c->type, &c->items[i - 1], &v) > 0)
            status = aip__error_set(err, AIP_E_CORRUPT, "classes are not in ascending order");
        if (status == AIP_OK) status = aip__classes_add(c, &v, &code, err);
        if (status != AIP_OK) {
            aip__classes_free(c);
            return status;
        }
    }
    return AIP_OK;
}
