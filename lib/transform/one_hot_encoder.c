/* one_hot_encoder: a column becomes one float64 column of 0 and 1 for each of its categories, in its place, as scikit-learn's OneHotEncoder has
 * it. Categories are sorted (texts bytewise as UTF-8, numbers by value); missing is a category of its own and comes last. The state is a count
 * of each distinct value; it merges exactly. Columns are named as scikit-learn names them: carrier_AA, x_1, x_1.0, x_True, and carrier_nan
 * for missing. */
#include "base/bytes.h"
#include "data/convert.h"
#include "transform/categories.h"
#include "transform/cell.h"
#include "transform/layout.h"
#include "transform/learnt.h"
#include "transform/stage_params.h"
#include "transform/transform.h"

typedef enum { DROP_NONE, DROP_FIRST, DROP_IF_BINARY } drop_rule;

typedef struct encoder {
    aip_context *ctx;
    const aip_params *params;
    drop_rule drop;
    bool ignore_unknown;
    int64_t max_distinct;
} encoder;

typedef struct encoded {
    char *name;
    int32_t type, scale;
    bool has_missing;
    aip__categories categories; /* numbered in sorted order */
} encoded;

typedef struct encoder_fitted {
    aip_context *ctx;
    int32_t n;
    encoded columns[];
} encoder_fitted;

static int32_t create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                      void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    encoder *s = aip__calloc(ctx, 1, sizeof *s);
    if (!s) return aip__error_memory(ctx, err);
    const char *drop = aip_params_string(params, "drop");
    *s = (encoder){.ctx = ctx,
                   .params = params,
                   .drop = !drop                        ? DROP_NONE
                           : strcmp(drop, "first") == 0 ? DROP_FIRST
                                                        : DROP_IF_BINARY,
                   .ignore_unknown = strcmp(aip_params_string(params, "handle_unknown"), "ignore") == 0,
                   .max_distinct = aip_params_int(params, "max_distinct")};
    *self = s;
    return AIP_OK;
}

static void destroy(void *self) {
    encoder *s = self;
    aip__free(s->ctx, s);
}

/* ---- fit ----------------------------------------------------------------------------------------------------------------- */

typedef struct encoder_fold {
    aip__fit_columns columns;
    const encoder *self;
} encoder_fold;

static int32_t fold_create(const void *self, const aip_schema *schema, void **out, aip_error **err) {
    const encoder *s = self;
    encoder_fold *f = aip__calloc(s->ctx, 1, sizeof *f);
    if (!f) return aip__error_memory(s->ctx, err);
    f->self = s;
    int32_t status = aip__fit_columns_init(&f->columns, s->ctx, s->params, "text", schema, err);
    for (int32_t i = 0; status == AIP_OK && i < f->columns.n; i++) {
        const aip_field *field = aip__fit_field(&f->columns, i);
        if (aip__category_kind_of(field->type) == AIP__CATEGORY_NONE)
            status = aip__wrong_type("one_hot_encoder", "a column of texts, numbers, truth values or dates", field, err);
    }
    if (status != AIP_OK) {
        aip__fit_columns_free(&f->columns);
        aip__free(s->ctx, f);
        return status;
    }
    *out = f;
    return AIP_OK;
}

static void fold_destroy(void *fold) {
    encoder_fold *f = fold;
    aip_context *ctx = f->columns.ctx;
    aip__fit_columns_free(&f->columns);
    aip__free(ctx, f);
}

static size_t state_bytes(const void *fold) { return ((size_t)((const encoder_fold *)fold)->columns.n + 1) * 16384; }

static void state_destroy(const void *fold, void *state) {
    const encoder_fold *f = fold;
    aip__categories *sets = state;
    for (int32_t i = 0; i < f->columns.n; i++) aip__categories_free(&sets[i]);
    aip__free(f->columns.ctx, sets);
}

static int32_t state_init(const void *fold, void **state, aip_error **err) {
    const encoder_fold *f = fold;
    aip_context *ctx = f->columns.ctx;
    aip__categories *sets = aip__calloc(ctx, (size_t)f->columns.n + 1, sizeof *sets);
    if (!sets) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < f->columns.n; i++)
        aip__categories_init(&sets[i], ctx, aip__category_kind_of(aip__fit_field(&f->columns, i)->type), f->self->max_distinct);
    *state = sets;
    return AIP_OK;
}

static int32_t state_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const encoder_fold *f = fold;
    aip__categories *sets = state;
    for (int32_t i = 0; i < f->columns.n; i++)
        AIP__TRY(
            aip__categories_count(&sets[i], batch->columns[f->columns.indices[i]], aip__fit_field(&f->columns, i)->name, err));
    return AIP_OK;
}

static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    const encoder_fold *f = fold;
    for (int32_t i = 0; i < f->columns.n; i++)
        AIP__TRY(aip__categories_merge((aip__categories *)into + i, (const aip__categories *)from + i,
                                       aip__fit_field(&f->columns, i)->name, err));
    return AIP_OK;
}

static int32_t state_dump(const void *fold, const void *state, aip_writer *w, aip_error **err) {
    const encoder_fold *f = fold;
    for (int32_t i = 0; i < f->columns.n; i++) AIP__TRY(aip__categories_write((const aip__categories *)state + i, w, err));
    return AIP_OK;
}

static int32_t state_load(const void *fold, aip_reader *r, void **state, aip_error **err) {
    const encoder_fold *f = fold;
    void *made = NULL;
    AIP__TRY(state_init(fold, &made, err));
    for (int32_t i = 0; i < f->columns.n; i++) {
        int32_t status = aip__categories_read((aip__categories *)made + i, r, err);
        if (status == AIP_OK) continue;
        state_destroy(fold, made);
        return status;
    }
    *state = made;
    return AIP_OK;
}

/* ---- what was learned ------------------------------------------------------------------------------------------------------ */

static void fitted_destroy(void *fitted) {
    encoder_fitted *t = fitted;
    for (int32_t i = 0; i < t->n; i++) {
        aip__free(t->ctx, t->columns[i].name);
        aip__categories_free(&t->columns[i].categories);
    }
    aip__free(t->ctx, t);
}

static int32_t fitted_new(aip_context *ctx, int32_t n, encoder_fitted **out, aip_error **err) {
    encoder_fitted *t = aip__calloc(ctx, 1, sizeof *t + (size_t)n * sizeof t->columns[0]);
    if (!t) return aip__error_memory(ctx, err);
    t->ctx = ctx;
    t->n = n;
    *out = t;
    return AIP_OK;
}

/* The same values, numbered in sorted order. */
static int32_t sorted(const aip__categories *from, aip__categories *to, aip_error **err) {
    int32_t *order = NULL;
    AIP__TRY(aip__categories_order(from, &order, err));
    aip__categories_init(to, from->ctx, from->kind, from->limit);
    to->n_missing = from->n_missing;
    int32_t status = AIP_OK;
    for (int64_t i = 0; status == AIP_OK && i < from->n; i++) {
        const aip__category *e = &from->entries[order[i]];
        if (from->kind == AIP__CATEGORY_TEXT)
            status = aip__categories_add_text(to, from->bytes + e->bits, e->length, e->count, "", err);
        else
            status = aip__categories_add_bits(to, e->bits, e->count, "", err);
    }
    aip__free(from->ctx, order);
    return status;
}

static int32_t fold_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err) {
    const encoder *s = self;
    const encoder_fold *f = fold;
    const aip__categories *sets = state;
    encoder_fitted *t = NULL;
    AIP__TRY(fitted_new(s->ctx, f->columns.n, &t, err));
    for (int32_t i = 0; i < t->n; i++) {
        const aip_field *field = aip__fit_field(&f->columns, i);
        encoded *c = &t->columns[i];
        *c = (encoded){.name = aip__strdup(s->ctx, field->name),
                       .type = field->type,
                       .scale = field->scale,
                       .has_missing = sets[i].n_missing > 0};
        int32_t status = c->name ? sorted(&sets[i], &c->categories, err) : aip__error_memory(s->ctx, err);
        if (status != AIP_OK) {
            fitted_destroy(t);
            return status;
        }
    }
    *fitted = t;
    return AIP_OK;
}

static int32_t save(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    (void)self;
    const encoder_fitted *t = fitted;
    AIP__TRY(aip_writer_i64(w, t->n, err));
    for (int32_t i = 0; i < t->n; i++) {
        AIP__TRY(aip_writer_text(w, t->columns[i].name, err));
        AIP__TRY(aip_writer_i64(w, t->columns[i].type, err));
        AIP__TRY(aip_writer_i64(w, t->columns[i].scale, err));
        AIP__TRY(aip__categories_write(&t->columns[i].categories, w, err));
    }
    return AIP_OK;
}

static int32_t load_column(const encoder *s, encoded *c, aip_reader *r, aip_error **err) {
    int64_t scale = 0;
    AIP__TRY(aip__read_name(s->ctx, r, &c->name, err));
    AIP__TRY(aip__read_type(r, &c->type, err));
    AIP__TRY(aip_reader_i64(r, &scale, err));
    aip__category_kind kind = aip__category_kind_of(c->type);
    if (kind == AIP__CATEGORY_NONE || scale < 0 || scale > 18) return aip__corrupt_state(err, "a type has no categories");
    c->scale = (int32_t)scale;
    aip__categories_init(&c->categories, s->ctx, kind, s->max_distinct);
    AIP__TRY(aip__categories_read(&c->categories, r, err));
    c->has_missing = c->categories.n_missing > 0;
    for (int64_t i = 1; i < c->categories.n; i++)
        if (aip__categories_compare(&c->categories, i - 1, i) >= 0) return aip__corrupt_state(err, "categories are not sorted");
    return AIP_OK;
}

static int32_t load(const void *self, aip_reader *r, void **fitted, aip_error **err) {
    const encoder *s = self;
    int32_t n = 0;
    AIP__TRY(aip__read_count(r, AIP__MAX_COLUMNS, 40, &n, err));
    encoder_fitted *t = NULL;
    AIP__TRY(fitted_new(s->ctx, n, &t, err));
    int32_t status = AIP_OK;
    for (int32_t i = 0; status == AIP_OK && i < n; i++) status = load_column(s, &t->columns[i], r, err);
    if (status == AIP_OK) status = aip__read_names_differ(s->ctx, &t->columns[0].name, sizeof t->columns[0], n, err);
    if (status != AIP_OK) {
        fitted_destroy(t);
        return status;
    }
    *fitted = t;
    return AIP_OK;
}

/* ---- bind -------------------------------------------------------------------------------------------------------------------- */

typedef struct encoder_bound {
    aip__layout layout;
    const encoder *self;
    const encoder_fitted *fitted;
    int32_t *which; /* per input column: the learned one, or -1 */
} encoder_bound;

/* The first category that has a column: 1 when the first is dropped. */
static int64_t first_kept(const encoder *s, const encoded *c) {
    int64_t n = c->categories.n + c->has_missing;
    return (s->drop == DROP_FIRST && n > 0) || (s->drop == DROP_IF_BINARY && n == 2);
}

static void unbind(void *bound) {
    encoder_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__free(ctx, b->which);
    aip__layout_free(&b->layout);
    aip__free(ctx, b);
}

/* As Python writes it, since that is what scikit-learn names columns by. */
static void add_category_text(aip__text *t, const encoded *c, int64_t k) {
    const aip__category *e = &c->categories.entries[k];
    aip_field field = aip__field("", c->type);
    field.scale = c->scale;
    char buffer[64];
    if (c->categories.kind == AIP__CATEGORY_TEXT)
        aip__text_add(t, c->categories.bytes + e->bits, e->length);
    else if (c->categories.kind == AIP__CATEGORY_FLOAT)
        aip__text_add(t, buffer, aip__format_f64(buffer, aip__category_f64(&c->categories, k)));
    else if (c->type == AIP_BOOL)
        aip__text_str(t, e->bits ? "True" : "False");
    else
        aip__int_text(t, &field, (int64_t)e->bits);
}

static int32_t describe_categories(encoder_bound *b, const encoded *c, aip_error **err) {
    aip_context *ctx = b->layout.ctx;
    for (int64_t k = first_kept(b->self, c); k < c->categories.n + c->has_missing; k++) {
        aip__text name;
        aip__text_init(&name, ctx);
        aip__text_printf(&name, "%s_", c->name);
        if (k < c->categories.n)
            add_category_text(&name, c, k);
        else
            aip__text_str(&name, "nan");
        char *text = NULL;
        size_t n = 0;
        AIP__TRY(aip__text_take(&name, &text, &n, err));
        aip_field field = aip__field(text, AIP_FLOAT64);
        field.nullable = 0;
        int32_t status = aip__layout_make(&b->layout, &field, err);
        aip__free(ctx, text);
        AIP__TRY(status);
    }
    return AIP_OK;
}

static int32_t describe(encoder_bound *b, const aip_schema *in, aip_schema **out, aip_error **err) {
    const encoder_fitted *t = b->fitted;
    const char **names = aip__alloc(t->ctx, ((size_t)t->n + 1) * sizeof *names);
    if (!names) return aip__error_memory(t->ctx, err);
    for (int32_t i = 0; i < t->n; i++) names[i] = t->columns[i].name;
    int32_t status = aip__find_learnt(t->ctx, in, names, t->n, &b->which, err);
    aip__free(t->ctx, names);
    for (int32_t i = 0; status == AIP_OK && i < in->n; i++) {
        const aip_field *field = &in->fields[i];
        const encoded *c = b->which[i] < 0 ? NULL : &t->columns[b->which[i]];
        if (!c) {
            status = aip__layout_pass(&b->layout, in, i, err);
        } else if (!aip__categories_comparable(c->type, c->scale, field)) {
            status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s; one_hot_encoder was fitted on %s", field->name,
                                    aip_type_name(field->type), aip_type_name(c->type));
            aip__error_at_data_column(err, field->name);
        } else {
            status = describe_categories(b, c, err);
        }
    }
    return status == AIP_OK ? aip__layout_end(&b->layout, out, err) : status;
}

static int32_t bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out, aip_error **err) {
    const encoder *s = self;
    encoder_bound *b = aip__calloc(s->ctx, 1, sizeof *b);
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

/* The value itself, as JSON. */
static void show_category(const encoded *c, int64_t k, aip__text *out) {
    const aip__category *e = &c->categories.entries[k];
    if (c->categories.kind == AIP__CATEGORY_TEXT)
        aip__text_json(out, c->categories.bytes + e->bits, e->length);
    else if (c->categories.kind == AIP__CATEGORY_FLOAT)
        aip__describe_f64(out, aip__category_f64(&c->categories, k));
    else
        aip__describe_int(out, c->type, c->scale, (int64_t)e->bits);
}

static int32_t show(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    const encoder *s = self;
    const encoder_fitted *t = fitted;
    aip__text *out = &w->text;
    (void)err;
    aip__text_str(out, "{\"categories\":{");
    for (int32_t i = 0; i < t->n; i++) {
        const encoded *c = &t->columns[i];
        aip__describe_member(out, i, c->name);
        aip__text_char(out, '[');
        for (int64_t k = 0; k < c->categories.n; k++) {
            if (k > 0) aip__text_char(out, ',');
            show_category(c, k, out);
        }
        if (c->has_missing) aip__text_str(out, c->categories.n > 0 ? ",null" : "null");
        aip__text_char(out, ']');
    }
    aip__text_str(out, "},\"drop_idx\":{");
    for (int32_t i = 0; i < t->n; i++) {
        aip__describe_member(out, i, t->columns[i].name);
        aip__text_str(out, first_kept(s, &t->columns[i]) ? "0" : "null");
    }
    aip__text_str(out, "}}");
    return AIP_OK;
}

/* ---- apply ------------------------------------------------------------------------------------------------------------------- */

/* Column `at` of the batch becomes columns of 0 and 1. */
static int32_t encode(const encoder_bound *b, const encoded *c, const aip_batch *batch, int32_t at, int32_t *codes,
                      aip__column **made, int32_t *n_made, aip_error **err) {
    aip_context *ctx = b->layout.ctx;
    const aip__column *column = batch->columns[at];
    AIP__TRY(aip__categories_codes(&c->categories, column, codes, err));
    int32_t first = (int32_t)first_kept(b->self, c), n = (int32_t)c->categories.n + c->has_missing, start = *n_made;
    if (!b->self->ignore_unknown)
        for (int64_t i = 0; i < column->length; i++)
            if (codes[i] == AIP__CATEGORY_UNKNOWN || (codes[i] == AIP__CATEGORY_MISSING && !c->has_missing))
                return aip__bad_cell(batch, at, i, "category ", "did not occur in the fit", err);
    for (int32_t k = first; k < n; k++) {
        AIP__TRY(aip__column_new(ctx, AIP_FLOAT64, column->length, true, &made[*n_made], err));
        ++*n_made;
    }
    int32_t missing = c->has_missing ? n - 1 : -1;
    for (int64_t i = 0; i < column->length; i++) {
        int32_t k = codes[i] == AIP__CATEGORY_MISSING ? missing : codes[i];
        if (k >= first) aip__column_f64_mut(made[start + k - first])[i] = 1;
    }
    return AIP_OK;
}

static int32_t apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const encoder_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__column **made = aip__calloc(ctx, (size_t)b->layout.n_made + 1, sizeof *made);
    int32_t *codes = aip__alloc(ctx, ((size_t)in->n_rows + 1) * sizeof *codes), n = 0;
    int32_t status = made && codes ? AIP_OK : aip__error_memory(ctx, err);
    for (int32_t i = 0; status == AIP_OK && i < in->n_columns; i++)
        if (b->which[i] >= 0) status = encode(b, &b->fitted->columns[b->which[i]], in, i, codes, made, &n, err);
    if (status == AIP_OK)
        status = aip__layout_batch(&b->layout, in, made, out, err);
    else
        while (n > 0) aip__column_free(made[--n]);
    aip__free(ctx, codes);
    aip__free(ctx, made);
    return status;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    aip__row_slot from;
    int32_t to;
    const encoded *how;
    int32_t first, missing; /* number of the first category that has a column, and of the missing one; -1: none */
    bool ignore_unknown;
} row_coding;

static inline int32_t code_of(const aip__categories *c, const aip__row_slot *s, const void *values, int32_t i) {
    switch (s->class) {
    case AIP__ROW_TEXT: {
        const aip_row_text *t = (const aip_row_text *)values + i;
        return aip__categories_find_text(c, t->bytes, t->n);
    }
    case AIP__ROW_F64: return aip__categories_find_f64(c, ((const double *)values)[i]);
    case AIP__ROW_I64: return aip__categories_find_i64(c, ((const int64_t *)values)[i]);
    default: return aip__categories_find_i64(c, ((const uint8_t *)values)[i]);
    }
}

/* The position, among the columns made, of the one that is 1; -1: none is. */
static bool code_rows(void *self, const aip__row_frame *f) {
    const row_coding *s = self;
    const void *values = aip__row_at(f, s->from.at);
    int64_t *to = aip__row_i64_at(f, s->to);
    for (int32_t i = 0; i < f->n; i++) {
        bool missing = aip__row_missing(f, &s->from, i);
        int32_t k = missing ? s->missing : code_of(&s->how->categories, &s->from, values, i);
        if (k < 0 && !s->ignore_unknown) return false;
        to[i] = k >= s->first ? k - s->first : -1;
    }
    return true;
}

typedef struct {
    int32_t from, to, n;
} row_spreading;

static bool spread_rows(void *self, const aip__row_frame *f) {
    const row_spreading *s = self;
    const int64_t *codes = aip__row_i64_at(f, s->from);
    memset(aip__row_at(f, s->to), 0, ((size_t)s->n * sizeof(double)) << f->shift);
    for (int32_t i = 0; i < f->n; i++)
        if (codes[i] >= 0) aip__row_f64_at(f, s->to + (int32_t)codes[i])[i] = 1;
    return true;
}

/* The code, and the columns of 0 and 1 for whoever does not take the code itself. */
static int32_t plan_column(const encoder_bound *b, const encoded *c, aip_row_plan *plan, const aip__row_slot *in,
                           aip__row_slot *made, int32_t *n_made, aip_error **err) {
    int32_t first = (int32_t)first_kept(b->self, c), all = (int32_t)c->categories.n + c->has_missing, n = all - first, lazy = 0;
    row_coding *coding = NULL;
    row_spreading *spreading = NULL;
    aip__row_slot code;
    AIP__TRY(aip__row_need(plan, in, err));
    AIP__TRY(aip__row_step_add(plan, code_rows, sizeof *coding, &coding, err));
    AIP__TRY(aip__row_slot_new(plan, AIP__ROW_I64, false, &code, err));
    *coding = (row_coding){.from = *in,
                           .to = code.at,
                           .how = c,
                           .first = first,
                           .missing = c->has_missing ? all - 1 : -1,
                           .ignore_unknown = b->self->ignore_unknown};
    AIP__TRY(aip__row_step_wait(plan, spread_rows, sizeof *spreading, &spreading, &lazy, err));
    AIP__TRY(aip__row_slots_new(plan, n, made + *n_made, err));
    *spreading = (row_spreading){.from = code.at, .to = n > 0 ? made[*n_made].at : 0, .n = n};
    for (int32_t k = 0; k < n; k++) {
        aip__row_slot *s = &made[(*n_made)++];
        s->lazy = lazy;
        s->code = code.at;
        s->position = k;
        s->group = n;
    }
    return AIP_OK;
}

static int32_t row_plan(const void *bound, aip_row_plan *plan, aip_error **err) {
    const encoder_bound *b = bound;
    aip_context *ctx = b->layout.ctx;
    aip__row_slot *made = aip__alloc(ctx, ((size_t)b->layout.n_made + 1) * sizeof *made);
    if (!made) return aip__error_memory(ctx, err);
    int32_t status = AIP_OK, n = 0;
    for (int32_t i = 0; status == AIP_OK && i < plan->n_slots; i++)
        if (b->which[i] >= 0) status = plan_column(b, &b->fitted->columns[b->which[i]], plan, &plan->slots[i], made, &n, err);
    if (status == AIP_OK) status = aip__layout_slots(&b->layout, plan, made, err);
    aip__free(ctx, made);
    return status;
}

/* ---- descriptor -------------------------------------------------------------------------------------------------------------- */

static const aip_param_spec params[] = {
    AIP__PARAM(AIP_PARAM_COLUMNS, "columns", "\"text\"",
               "columns to encode; each is replaced by one column for each category, named NAME_CATEGORY (NAME_nan for missing)"),
    AIP__CHOICE("handle_unknown", "error|ignore", "\"error\"",
                "a category that the fit did not see: an error, or 0 in every column of its column"),
    AIP__CHOICE_OR_NULL("drop", "first|if_binary", "null", "leave the first category out: always, or of columns with two"),
    AIP__PARAM_RANGE(AIP_PARAM_INT, "max_distinct", "10000", 1, 1000000,
                     "more distinct values than this in a column are an error"),
};

static const aip_fold_ops fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                      .state_bytes = state_bytes,
                                      .init = state_init,
                                      .update = state_update,
                                      .merge = state_merge,
                                      .dump = state_dump,
                                      .load = state_load,
                                      .destroy = state_destroy};

static const aip_stage_ops ops = {.struct_size = sizeof(aip_stage_ops),
                                  .create = create,
                                  .destroy = destroy,
                                  .fold = &fold_ops,
                                  .fold_create = fold_create,
                                  .fold_destroy = fold_destroy,
                                  .fold_finish = fold_finish,
                                  .fitted_destroy = fitted_destroy,
                                  .save = save,
                                  .load = load,
                                  .bind = bind,
                                  .unbind = unbind,
                                  .apply = apply,
                                  .describe = show,
                                  .row_plan = row_plan};

const aip_descriptor aip__stage_one_hot_encoder = {
    AIP__STAGE("one_hot_encoder", "Replaces a column by one column of 0 and 1 for each of its categories.", params, &ops,
               AIP_ROWS_SAME),
    .shorthand = "columns"};
