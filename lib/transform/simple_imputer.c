/* simple_imputer: missing values (null, and NaN of floats) are replaced by the column's mean, median, most frequent value, or a constant, as
 * scikit-learn's SimpleImputer has it: under mean and median every column comes out as float64; a column without any value at the fit is left
 * out unless keep_empty_features; add_indicator adds a column missingindicator_NAME of 0 and 1, behind all others, for each column that had
 * missing values at the fit. */
#include "transform/simple_imputer.h"

#include "base/bytes.h"
#include "transform/kernels.h"
#include "transform/stage_params.h"
#include "transform/transform.h"
#include <math.h>

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    const char *name = aip_params_string(params, "strategy");
    aip__impute_strategy strategy = strcmp(name, "mean") == 0            ? AIP__IMPUTE_MEAN
                                    : strcmp(name, "median") == 0        ? AIP__IMPUTE_MEDIAN
                                    : strcmp(name, "most_frequent") == 0 ? AIP__IMPUTE_MOST_FREQUENT
                                                                         : AIP__IMPUTE_CONSTANT;
    const aip__node *fill = aip__params_node(params, "fill_value");
    if (strategy != AIP__IMPUTE_CONSTANT && fill->kind != AIP__NULL) {
        int32_t status = aip__error_set(err, AIP_E_PARAM, "fill_value goes with strategy 'constant'; the strategy is '%s'", name);
        aip__error_at_parameter(err, "fill_value");
        return status;
    }
    aip__imputer *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    *s = (aip__imputer){.ctx = ctx,
                        .params = params,
                        .strategy = strategy,
                        .add_indicator = aip_params_bool(params, "add_indicator"),
                        .keep_empty = aip_params_bool(params, "keep_empty_features"),
                        .fill = fill};
    *self = s;
    return AIP_OK;
}

static void destroy(void *self) {
    aip__imputer *s = self;
    aip__free(s->ctx, s);
}

/* ---- what was learned ---------------------------------------------------------------------------------------------------------- */

int32_t aip__imputer_fitted_new(aip_context *ctx, int32_t n, aip__imputer_fitted **out, aip_error **err) {
    aip__imputer_fitted *t = aip__calloc(ctx, 1, sizeof *t + (size_t)n * sizeof t->columns[0]);
    if (!t) return aip__error_memory(ctx, err);
    t->ctx = ctx;
    t->n = n;
    *out = t;
    return AIP_OK;
}

void aip__imputer_fitted_free(void *fitted) {
    aip__imputer_fitted *t = fitted;
    for (int32_t i = 0; i < t->n; i++) {
        aip__free(t->ctx, t->columns[i].name);
        aip__free(t->ctx, t->columns[i].text);
    }
    aip__free(t->ctx, t);
}

static int32_t save(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    (void)self;
    const aip__imputer_fitted *t = fitted;
    AIP__TRY(aip_writer_i64(w, t->n, err));
    for (int32_t i = 0; i < t->n; i++) {
        const aip__imputed *c = &t->columns[i];
        AIP__TRY(aip_writer_text(w, c->name, err));
        AIP__TRY(aip_writer_i64(w, c->type, err));
        AIP__TRY(aip_writer_i64(w, c->scale, err));
        AIP__TRY(aip_writer_i64(w, c->has_missing, err));
        AIP__TRY(aip_writer_i64(w, c->fill, err));
        if (c->fill == AIP__FILL_F64) AIP__TRY(aip_writer_f64(w, c->f64, err));
        if (c->fill == AIP__FILL_I64) AIP__TRY(aip_writer_i64(w, c->i64, err));
        if (c->fill != AIP__FILL_TEXT) continue;
        AIP__TRY(aip_writer_i64(w, (int64_t)c->n_text, err));
        AIP__TRY(aip_writer_bytes(w, c->text, c->n_text, err));
    }
    return AIP_OK;
}

/* Whether a column of this type can be filled with this kind of value. */
static bool fill_fits(const aip__imputer *s, aip__fill_kind fill, int32_t type) {
    bool to_f64 = s->strategy == AIP__IMPUTE_MEAN || s->strategy == AIP__IMPUTE_MEDIAN;
    if (to_f64) return aip__type_is_numeric(type) && (fill == AIP__FILL_F64 || fill == AIP__FILL_NONE);
    switch (aip__category_kind_of(type)) {
    case AIP__CATEGORY_TEXT: return fill == AIP__FILL_TEXT || fill == AIP__FILL_NONE;
    case AIP__CATEGORY_INT: return fill == AIP__FILL_I64 || fill == AIP__FILL_NONE;
    case AIP__CATEGORY_FLOAT: return fill == AIP__FILL_F64 || fill == AIP__FILL_NONE;
    default: return false;
    }
}

static int32_t load_column(const aip__imputer *s, aip__imputed *c, aip_reader *r, aip_error **err) {
    int64_t scale = 0, has_missing = 0, fill = 0;
    AIP__TRY(aip__read_name(s->ctx, r, &c->name, err));
    AIP__TRY(aip__read_type(r, &c->type, err));
    AIP__TRY(aip_reader_i64(r, &scale, err));
    AIP__TRY(aip_reader_i64(r, &has_missing, err));
    AIP__TRY(aip_reader_i64(r, &fill, err));
    if (scale < 0 || scale > 18 || (has_missing != 0 && has_missing != 1) || fill < AIP__FILL_NONE || fill > AIP__FILL_TEXT
        || !fill_fits(s, (aip__fill_kind)fill, c->type))
        return aip__corrupt_state(err, "an imputed column is described wrongly");
    c->scale = (int32_t)scale;
    c->has_missing = has_missing;
    c->fill = (aip__fill_kind)fill;
    if (c->fill == AIP__FILL_F64) return aip__read_number(r, false, &c->f64, err);
    if (c->fill == AIP__FILL_I64) return aip_reader_i64(r, &c->i64, err);
    if (c->fill == AIP__FILL_NONE) return AIP_OK;
    const char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip_reader_text(r, &text, &n, err));
    c->n_text = n;
    c->text = aip__strndup(s->ctx, text, n);
    return c->text ? AIP_OK : aip__error_memory(s->ctx, err);
}

static int32_t load(const void *self, aip_reader *r, void **fitted, aip_error **err) {
    const aip__imputer *s = self;
    int32_t n = 0;
    AIP__TRY(aip__read_count(r, AIP__MAX_COLUMNS, 40, &n, err));
    aip__imputer_fitted *t = NULL;
    AIP__TRY(aip__imputer_fitted_new(s->ctx, n, &t, err));
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < n; i++) status = load_column(s, &t->columns[i], r, err);
    if (status == AIP_OK) status = aip__read_names_differ(s->ctx, &t->columns[0].name, sizeof t->columns[0], n, err);
    if (status != AIP_OK) {
        aip__imputer_fitted_free(t);
        return status;
    }
    *fitted = t;
    return AIP_OK;
}

static void show_fill(const aip__imputed *c, aip__text *out) {
    switch (c->fill) {
    case AIP__FILL_F64: aip__describe_f64(out, c->f64); return;
    case AIP__FILL_I64: aip__describe_int(out, c->type, c->scale, c->i64); return;
    case AIP__FILL_TEXT: aip__text_json(out, c->text, c->n_text); return;
    case AIP__FILL_NONE: aip__text_str(out, "null"); return;
    }
}

static int32_t show(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    const aip__imputer *s = self;
    const aip__imputer_fitted *t = fitted;
    aip__text *out = &w->text;
    int32_t n = 0;
    (void)err;
    aip__text_str(out, "{\"statistics\":{");
    for (int32_t i = 0; i < t->n; i++) {
        aip__describe_member(out, i, t->columns[i].name);
        show_fill(&t->columns[i], out);
    }
    aip__text_char(out, '}');
    if (s->add_indicator) {
        aip__text_str(out, ",\"indicator_features\":[");
        for (int32_t i = 0; i < t->n; i++) {
            if (!t->columns[i].has_missing) continue;
            if (n++ > 0) aip__text_char(out, ',');
            aip__text_json(out, t->columns[i].name, strlen(t->columns[i].name));
        }
        aip__text_char(out, ']');
    }
    aip__text_char(out, '}');
    return AIP_OK;
}

/* ---- bind ---------------------------------------------------------------------------------------------------------------------- */

typedef aip__imputer_bound imputer_bound;

static void unbind(void *bound) {
    imputer_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__free(ctx, b->which);
    aip__free(ctx, b->where);
    aip__layout_free(&b->layout);
    aip__free(ctx, b);
}

static int32_t describe_column(imputer_bound *b, const aip_field *field, const aip__imputed *c, aip_error **err) {
    bool range = aip__type_width(field->type) == 4 ? c->i64 >= INT32_MIN && c->i64 <= INT32_MAX
                 : field->type == AIP_BOOL         ? c->i64 == 0 || c->i64 == 1
                                                   : true;
    if (!fill_fits(b->self, c->fill, field->type) || (c->fill == AIP__FILL_I64 && !range)
        || (c->fill == AIP__FILL_I64 && !aip__categories_comparable(c->type, c->scale, field))) {
        int32_t status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s; simple_imputer was fitted on %s", field->name,
                                        aip_type_name(field->type), aip_type_name(c->type));
        aip__error_at_data_column(err, field->name);
        return status;
    }
    if (c->fill == AIP__FILL_NONE) return AIP_OK;
    aip_field made = *field;
    made.nullable = 0;
    if (b->self->strategy == AIP__IMPUTE_MEAN || b->self->strategy == AIP__IMPUTE_MEDIAN) {
        made.type = AIP_FLOAT64;
        made.scale = 0;
    }
    return aip__layout_make(&b->layout, &made, err);
}

static int32_t describe_indicator(imputer_bound *b, const char *column, aip_error **err) {
    aip__text name;
    aip__text_init(&name, b->layout.ctx);
    aip__text_printf(&name, "missingindicator_%s", column);
    char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip__text_take(&name, &text, &n, err));
    aip_field field = aip__field(text, AIP_FLOAT64);
    field.nullable = 0;
    int32_t status = aip__layout_make(&b->layout, &field, err);
    aip__free(b->layout.ctx, text);
    return status;
}

static int32_t describe(imputer_bound *b, const aip_schema *in, aip_schema **out, aip_error **err) {
    const aip__imputer_fitted *t = b->fitted;
    const char **names = aip__alloc(t->ctx, ((size_t)t->n + 1) * sizeof *names);
    b->where = aip__calloc(t->ctx, (size_t)t->n + 1, sizeof *b->where);
    if (!names || !b->where) {
        aip__free(t->ctx, names);
        return aip__error_memory(t->ctx, err);
    }
    for (int32_t i = 0; i < t->n; i++) names[i] = t->columns[i].name;
    int32_t status = aip__find_learnt(t->ctx, in, names, t->n, &b->which, err);
    aip__free(t->ctx, names);
    for (int32_t i = 0; status == AIP_OK && i < in->n; i++) {
        int32_t k = b->which[i];
        if (k >= 0) b->where[k] = i;
        status = k < 0 ? aip__layout_pass(&b->layout, in, i, err) : describe_column(b, &in->fields[i], &t->columns[k], err);
    }
    for (int32_t k = 0; status == AIP_OK && b->self->add_indicator && k < t->n; k++)
        if (t->columns[k].has_missing) status = describe_indicator(b, t->columns[k].name, err);
    return status == AIP_OK ? aip__layout_end(&b->layout, out, err) : status;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    const aip__imputer *s = self;
    imputer_bound *b = aip__calloc(s->ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(s->ctx, err);
    b->self = s;
    b->fitted = fitted;
    aip__layout_begin(&b->layout, s->ctx);
    int32_t status = describe(b, in, out, err);
    if (status != AIP_OK) {
        unbind(b);
        return status;
    }
    *bound = b;
    return AIP_OK;
}

/* ---- apply --------------------------------------------------------------------------------------------------------------------- */

/* The first row from `row` on whose bit is 0; n when there is none. */
static int64_t next_missing(const uint8_t *bits, int64_t n, int64_t row) {
    for (int64_t w = row / 64; w * 64 < n; w++) {
        uint64_t left = ~aip__bitmap_word(bits, w, n);
        if (w == row / 64) left &= ~UINT64_C(0) << (row % 64);
        if (!left) continue;
        row = w * 64 + __builtin_ctzll(left);
        return row < n ? row : n;
    }
    return n;
}
#define FOR_MISSING(BITS, N) for (int64_t row = next_missing(BITS, N, 0); row < (N); row = next_missing(BITS, N, row + 1))

static int32_t fill_text(aip_context *ctx, const aip__imputed *how, const aip__column *c, aip__column **out, aip_error **err) {
    aip__utf8_builder b;
    size_t n_fill = how->n_text, n = 0;
    AIP__TRY(aip__utf8_begin(&b, ctx, AIP_UTF8, c->length, (size_t)(c->offsets[c->length] - c->offsets[0]), err));
    for (int64_t i = 0; i < c->length; i++) {
        bool there = aip__valid(c->validity, i);
        const char *text = there ? aip__column_text(c, i, &n) : how->text;
        int32_t status = aip__utf8_add(&b, text, there ? n : n_fill, err);
        if (status == AIP_OK) continue;
        aip__utf8_abandon(&b);
        return status;
    }
    return aip__utf8_end(&b, out, err);
}

/* The fill value's code, in the column's own dictionary or in one with it added. */
static int32_t fill_dictionary(aip_context *ctx, const aip__imputed *how, const aip__column *c, aip__column **out,
                               aip_error **err) {
    size_t n_fill = how->n_text, n = 0;
    int64_t code = 0;
    for (; code < c->dictionary->length; code++) {
        const char *text = aip__column_text(c->dictionary, code, &n);
        if (n == n_fill && memcmp(text, how->text, n) == 0) break;
    }
    int32_t status = AIP_OK;
    aip__column *one = NULL, *texts = NULL;
    int32_t *codes = aip__alloc(ctx, ((size_t)c->length + 1) * sizeof *codes);
    if (!codes) return aip__error_memory(ctx, err);
    for (int64_t i = 0; i < c->length; i++) codes[i] = aip__valid(c->validity, i) ? aip__column_i32(c)[i] : (int32_t)code;
    if (code < c->dictionary->length) {
        texts = aip__column_retain(c->dictionary);
    } else {
        aip__utf8_builder b;
        status = aip__utf8_begin(&b, ctx, AIP_UTF8, 1, n_fill, err);
        if (status == AIP_OK && (status = aip__utf8_add(&b, how->text, n_fill, err)) != AIP_OK) aip__utf8_abandon(&b);
        if (status == AIP_OK) status = aip__utf8_end(&b, &one, err);
        aip__column *parts[2] = {c->dictionary, one};
        if (status == AIP_OK) status = aip__column_concat(ctx, parts, 2, &texts, err);
    }
    if (status == AIP_OK) status = aip__column_dictionary(ctx, codes, c->length, texts, out, err);
    aip__column_free(one);
    aip__column_free(texts);
    aip__free(ctx, codes);
    return status;
}

/* The column with the rows of 0 bits filled; bits is all ones but for them. */
static int32_t fill_column(const imputer_bound *b, const aip__imputed *how, const aip__column *c, int32_t scale, int32_t type,
                           const uint8_t *bits, bool any, aip__column **out, aip_error **err) {
    aip_context *ctx = b->layout.ctx;
    if (!any && c->type == type) {
        *out = aip__column_retain(c);
        return AIP_OK;
    }
    if (c->type == AIP_UTF8) return fill_text(ctx, how, c, out, err);
    if (c->type == AIP_DICTIONARY) return fill_dictionary(ctx, how, c, out, err);
    aip__column *made = NULL;
    AIP__TRY(aip__column_new(ctx, type, c->length, false, &made, err));
    if (type == AIP_FLOAT64) {
        double scratch[AIP__KERNEL_ROWS], *to = aip__column_f64_mut(made);
        for (int64_t at = 0; at < c->length; at += AIP__KERNEL_ROWS) {
            int64_t n = c->length - at < AIP__KERNEL_ROWS ? c->length - at : AIP__KERNEL_ROWS;
            memcpy(to + at, aip__block_f64(c, scale, at, n, scratch), (size_t)n * sizeof *to);
        }
        FOR_MISSING(bits, c->length) to[row] = how->f64;
    } else if (type == AIP_BOOL) {
        memcpy(aip__column_bool_mut(made), c->values, aip__bitmap_bytes(c->length));
        FOR_MISSING(bits, c->length) aip__bit_put(aip__column_bool_mut(made), row, how->i64 != 0);
    } else {
        memcpy(aip__column_values_mut(made), c->values, (size_t)c->length * aip__type_width(type));
        if (type == AIP_FLOAT32) {
            float *to = aip__column_values_mut(made);
            FOR_MISSING(bits, c->length) to[row] = (float)how->f64;
        } else if (aip__type_width(type) == 4) {
            FOR_MISSING(bits, c->length) aip__column_i32_mut(made)[row] = (int32_t)how->i64;
        } else {
            FOR_MISSING(bits, c->length) aip__column_i64_mut(made)[row] = how->i64;
        }
    }
    aip__column_publish(made);
    *out = made;
    return AIP_OK;
}

static int32_t indicate(aip_context *ctx, const uint8_t *bits, int64_t n, aip__column **out, aip_error **err) {
    aip__column *made = NULL;
    AIP__TRY(aip__column_new(ctx, AIP_FLOAT64, n, true, &made, err));
    FOR_MISSING(bits, n) aip__column_f64_mut(made)[row] = 1;
    aip__column_publish(made);
    *out = made;
    return AIP_OK;
}

static int32_t fill_all(const imputer_bound *b, const aip_batch *in, uint8_t *bits, aip__column **made, int32_t *n_made,
                        aip_error **err) {
    bool to_f64 = b->self->strategy == AIP__IMPUTE_MEAN || b->self->strategy == AIP__IMPUTE_MEDIAN;
    for (int32_t i = 0; i < in->n_columns; i++) {
        if (b->which[i] < 0) continue;
        const aip__imputed *how = &b->fitted->columns[b->which[i]];
        if (how->fill == AIP__FILL_NONE) continue;
        const aip__column *c = in->columns[i];
        aip__bitmap_fill(bits, in->n_rows, true);
        bool any = aip__clear_missing(c, true, bits);
        AIP__TRY(
            fill_column(b, how, c, in->schema->fields[i].scale, to_f64 ? AIP_FLOAT64 : c->type, bits, any, &made[*n_made], err));
        ++*n_made;
    }
    for (int32_t k = 0; b->self->add_indicator && k < b->fitted->n; k++) {
        if (!b->fitted->columns[k].has_missing) continue;
        aip__bitmap_fill(bits, in->n_rows, true);
        aip__clear_missing(in->columns[b->where[k]], true, bits);
        AIP__TRY(indicate(b->layout.ctx, bits, in->n_rows, &made[*n_made], err));
        ++*n_made;
    }
    return AIP_OK;
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const imputer_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__column **made = aip__calloc(ctx, (size_t)b->layout.n_made + 1, sizeof *made);
    uint8_t *bits = aip__alloc(ctx, aip__bitmap_bytes(in->n_rows) + 1);
    int32_t n = 0, status = made && bits ? fill_all(b, in, bits, made, &n, err) : aip__error_memory(ctx, err);
    if (status == AIP_OK)
        status = aip__layout_batch(&b->layout, in, made, out, err);
    else
        while (n > 0) aip__column_free(made[--n]);
    aip__free(ctx, bits);
    aip__free(ctx, made);
    return status;
}

/* ---- descriptor ------------------------------------------------------------------------------------------------------------------ */

static const aip_param_spec params[] = {
    AIP__PARAM_OR_NULL(AIP_PARAM_COLUMNS, "columns", "null",
                       "columns to impute; null: all for most_frequent, text for a text fill_value, else numeric"),
    AIP__CHOICE("strategy", "mean|median|most_frequent|constant", "\"mean\"",
                "what replaces missing values; mean and median give float64, most_frequent the smallest of equals"),
    AIP__PARAM_OR_NULL(AIP_PARAM_ANY, "fill_value", "null", "of constant; null: 0, or 'missing_value' in text columns"),
    AIP__PARAM(AIP_PARAM_BOOL, "add_indicator", "false",
               "add a column missingindicator_NAME of 0 and 1 for each column with missing values in the fit"),
    AIP__PARAM(
        AIP_PARAM_BOOL, "keep_empty_features", "false",
        "keep a column without any value in the fit, filled with 0 ('missing_value' in text columns), rather than leave it out"),
};

static const aip_stage_ops ops = {.struct_size = sizeof(aip_stage_ops),
                                  .create = create,
                                  .destroy = destroy,
                                  .fold = &aip__imputer_fold_ops,
                                  .fold_create = aip__imputer_fold_create,
                                  .fold_destroy = aip__imputer_fold_destroy,
                                  .fold_finish = aip__imputer_fold_finish,
                                  .fitted_destroy = aip__imputer_fitted_free,
                                  .save = save,
                                  .load = load,
                                  .bind = bind,
                                  .unbind = unbind,
                                  .apply = apply,
                                  .describe = show,
                                  .row_plan = aip__imputer_row_plan};

const aip_descriptor aip__stage_simple_imputer = {
    AIP__STAGE("simple_imputer", "Replaces missing values by a column's mean, median, most frequent value, or a constant.",
               params, &ops, AIP_ROWS_SAME),
    .shorthand = "columns"};
