/* Columns that a fit learned from, and the checked reading of what it learned. */
#include "transform/learnt.h"

#include "data/utf8.h"
#include "transform/cell.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int32_t aip__fit_columns_init(aip__fit_columns *f, aip_context *ctx, const aip_params *params, const char *otherwise,
                              const aip_schema *schema, aip_error **err) {
    *f = (aip__fit_columns){.ctx = ctx};
    int32_t *indices = NULL, n = 0;
    AIP__TRY(aip__schema_columns(schema, params, "columns", otherwise, &indices, &n, err));
    f->schema = aip__schema_retain(schema);
    f->indices = indices;
    f->n = n;
    return AIP_OK;
}

void aip__fit_columns_free(aip__fit_columns *f) {
    aip__free(f->ctx, f->indices);
    aip_schema_free((aip_schema *)(uintptr_t)f->schema);
    *f = (aip__fit_columns){0};
}

int32_t aip__wrong_type(const char *stage, const char *needs, const aip_field *field, aip_error **err) {
    int32_t status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s; %s needs %s", field->name, aip_type_name(field->type),
                                    stage, needs);
    aip__error_at_data_column(err, field->name);
    return status;
}

int32_t aip__find_learnt(aip_context *ctx, const aip_schema *in, const char *const *names, int32_t n, int32_t **which,
                         aip_error **err) {
    int32_t *w = aip__alloc(ctx, ((size_t)in->n + 1) * sizeof *w);
    if (!w) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < in->n; i++) w[i] = -1;
    for (int32_t k = 0; k < n; k++) {
        int32_t i = 0, status = aip__schema_need(in, names[k], &i, err);
        if (status != AIP_OK) {
            aip__free(ctx, w);
            return status;
        }
        w[i] = k;
    }
    *which = w;
    return AIP_OK;
}

int32_t aip__corrupt_state(aip_error **err, const char *what) {
    return aip__error_set(err, AIP_E_CORRUPT, "a saved stage is damaged: %s", what);
}

int32_t aip__read_count(aip_reader *r, int64_t limit, size_t item_bytes, int32_t *n, aip_error **err) {
    int64_t v = 0;
    AIP__TRY(aip_reader_i64(r, &v, err));
    if (v < 0 || v > limit || v > INT32_MAX || (uint64_t)v > aip_reader_left(r) / item_bytes)
        return aip__corrupt_state(err, "a count is out of range");
    *n = (int32_t)v;
    return AIP_OK;
}

int32_t aip__read_name(aip_context *ctx, aip_reader *r, char **name, aip_error **err) {
    const char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip_reader_text(r, &text, &n, err));
    if (n == 0 || memchr(text, 0, n) || !aip__utf8_valid(text, n))
        return aip__corrupt_state(err, "a column's name is empty, holds a NUL or is not UTF-8");
    *name = aip__strndup(ctx, text, n);
    return *name ? AIP_OK : aip__error_memory(ctx, err);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

int32_t aip__read_names_differ(aip_context *ctx, char *const *first, size_t stride, int32_t n, aip_error **err) {
    if (n < 2) return AIP_OK;
    const char **names = aip__alloc(ctx, (size_t)n * sizeof *names);
    if (!names) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < n; i++) memcpy(&names[i], (const char *)first + (size_t)i * stride, sizeof *names);
    qsort(names, (size_t)n, sizeof *names, by_bytes);
    bool differ = true;
    for (int32_t i = 1; differ && i < n; i++) differ = strcmp(names[i - 1], names[i]) != 0;
    aip__free(ctx, names);
    return differ ? AIP_OK : aip__corrupt_state(err, "a column is there twice");
}

int32_t aip__read_number(aip_reader *r, bool nan_too, double *v, aip_error **err) {
    AIP__TRY(aip_reader_f64(r, v, err));
    if (!isfinite(*v) && !(nan_too && isnan(*v))) return aip__corrupt_state(err, "a number is not finite");
    return AIP_OK;
}

int32_t aip__read_type(aip_reader *r, int32_t *type, aip_error **err) {
    int64_t v = 0;
    AIP__TRY(aip_reader_i64(r, &v, err));
    if (v < AIP_BOOL || v > AIP_DECIMAL64) return aip__corrupt_state(err, "a type is unknown");
    *type = (int32_t)v;
    return AIP_OK;
}

void aip__describe_member(aip__text *t, int32_t i, const char *name) {
    if (i > 0) aip__text_char(t, ',');
    aip__text_json(t, name, strlen(name));
    aip__text_char(t, ':');
}

void aip__describe_f64(aip__text *t, double v) {
    size_t at = t->n;
    aip__text_f64(t, v, true);
    if (!t->failed && strspn(t->bytes + at, "-0123456789") == t->n - at) aip__text_str(t, ".0");
}

void aip__describe_int(aip__text *t, int32_t type, int32_t scale, int64_t v) {
    aip_field field = aip__field("", type);
    field.scale = scale;
    bool quoted = type == AIP_DATE32 || type == AIP_TIMESTAMP || type == AIP_DECIMAL64;
    if (quoted) aip__text_char(t, '"');
    aip__int_text(t, &field, v);
    if (quoted) aip__text_char(t, '"');
}
