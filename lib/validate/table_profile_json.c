/* aip_dataset_profile: the pass, and what it found as JSON. The first rows are caught on the way, by a stage that the rows pass in front of the fold:
 * it knows each batch's place from the rows before, also where a filter dropped some. */
#include "base/catalog.h"
#include "base/context.h"
#include "base/text.h"
#include "data/convert.h"
#include "data/scan.h"
#include "data/utf8.h"
#include "validate/table_profile.h"
#include <aipipe/validate.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define MOST_ROWS 10000
#define MOST_TOP 1000

static const aip_param_spec params[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_INT,
     .name = "head",
     .doc = "how many of the first rows are given",
     .default_json = "5",
     .minimum = 0,
     .maximum = MOST_ROWS},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_INT,
     .name = "rejects",
     .doc = "how many of the rejected records are given",
     .default_json = "5",
     .minimum = 0,
     .maximum = MOST_ROWS},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_INT,
     .name = "top",
     .doc = "how many of a column's most frequent texts are given",
     .default_json = "3",
     .minimum = 1,
     .maximum = MOST_TOP},
};
static const aip_descriptor profile_table = {.struct_size = sizeof(aip_descriptor),
                                             .kind = AIP_KIND_OPERATOR,
                                             .name = "profile",
                                             .doc = "what a table holds",
                                             .params = params,
                                             .n_params = (int32_t)(sizeof params / sizeof *params),
                                             .param_stride = sizeof(aip_param_spec)};

/* ---- the first rows ------------------------------------------------------------------------------------------------------------------------ */

typedef struct caught {
    int64_t start; /* rows before the batch */
    aip_batch *batch;
} caught;

typedef struct catcher {
    aip_context *ctx;
    int64_t n_rows; /* wanted */
    pthread_mutex_t lock;
    caught *items; /* in any order */
    size_t n, capacity;
} catcher;

static void catcher_destroy(void *self) {
    catcher *c = self;
    for (size_t i = 0; i < c->n; i++) aip_batch_free(c->items[i].batch);
    pthread_mutex_destroy(&c->lock);
    aip__free(c->ctx, c->items);
    aip__free(c->ctx, c);
}

static int32_t catcher_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                            aip_error **err) {
    (void)fitted, (void)err;
    *bound = (void *)(uintptr_t)self;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static size_t catcher_carry_bytes(const void *bound) {
    (void)bound;
    return sizeof(int64_t);
}

static int32_t catcher_summarise(const void *bound, const aip_batch *in, void *summary, aip_error **err) {
    (void)bound, (void)err;
    memcpy(summary, &in->n_rows, sizeof in->n_rows);
    return AIP_OK;
}

static int32_t catcher_carry(const void *bound, void *running, const void *summary, aip_error **err) {
    (void)bound, (void)err;
    int64_t before = 0, rows = 0;
    memcpy(&before, running, sizeof before);
    memcpy(&rows, summary, sizeof rows);
    before += rows;
    memcpy(running, &before, sizeof before);
    return AIP_OK;
}

static int32_t catcher_apply(const void *bound, const void *before, const aip_batch *in, aip_batch **out, aip_error **err) {
    catcher *c = (catcher *)(uintptr_t)bound;
    int64_t start = 0;
    memcpy(&start, before, sizeof start);
    if (start < c->n_rows && in->n_rows > 0) {
        pthread_mutex_lock(&c->lock);
        bool fits = aip__grow(c->ctx, &c->items, &c->capacity, c->n + 1, sizeof *c->items) == 0;
        if (fits) c->items[c->n++] = (caught){start, aip__batch_retain(in)};
        pthread_mutex_unlock(&c->lock);
        if (!fits) return aip__error_memory(c->ctx, err);
    }
    *out = aip__batch_retain(in);
    return AIP_OK;
}

static const aip_stage_ops catcher_ops = {.struct_size = sizeof(aip_stage_ops),
                                          .destroy = catcher_destroy,
                                          .bind = catcher_bind,
                                          .carry_bytes = catcher_carry_bytes,
                                          .summarise = catcher_summarise,
                                          .carry = catcher_carry,
                                          .apply_carry = catcher_apply};
static const aip_descriptor catcher_kind = {.struct_size = sizeof(aip_descriptor),
                                            .kind = AIP_KIND_STAGE,
                                            .name = "profile",
                                            .doc = "keeps the first rows",
                                            .param_stride = sizeof(aip_param_spec),
                                            .ops = &catcher_ops,
                                            .rows = AIP_ROWS_SAME,
                                            .version = 1};

/* The stage owns the catcher. */
static int32_t catcher_new(aip_context *ctx, int64_t n_rows, catcher **out, aip_stage **stage, aip_error **err) {
    catcher *c = aip__calloc(ctx, 1, sizeof *c);
    if (!c) return aip__error_memory(ctx, err);
    c->ctx = ctx;
    c->n_rows = n_rows;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return aip__stage_of(ctx, &catcher_kind, c, stage, err);
}

/* ---- values as JSON ------------------------------------------------------------------------------------------------------------------------ */

static void add_f64(aip__text *t, double v) {
    size_t at = t->n;
    aip__text_f64(t, v, true);
    if (!t->failed && strspn(t->bytes + at, "-0123456789") == t->n - at) aip__text_str(t, ".0");
}

static void add_quoted(aip__text *t, const char *bytes, size_t n) {
    aip__text_char(t, '"');
    aip__text_add(t, bytes, n);
    aip__text_char(t, '"');
}

/* A number that stands for values of the field: a mean, a quantile, a bound of floats. */
static void add_number(aip__text *t, const aip_field *f, double v) {
    if ((f->type == AIP_INT32 || f->type == AIP_INT64) && v == trunc(v) && fabs(v) < 0x1p53)
        aip__text_printf(t, "%lld", (long long)v);
    else
        add_f64(t, f->type == AIP_DECIMAL64 ? v / pow(10, f->scale) : v);
}

/* A bound: of integers, dates and timestamps exactly. */
static void add_bound(aip__text *t, const aip_field *f, double v, int64_t stored) {
    char buffer[64];
    switch (f->type) {
    case AIP_DATE32: add_quoted(t, buffer, aip__format_date(buffer, (int32_t)stored)); return;
    case AIP_TIMESTAMP: add_quoted(t, buffer, aip__format_timestamp(buffer, stored, f->zone != NULL)); return;
    case AIP_INT32:
    case AIP_INT64: aip__text_printf(t, "%lld", (long long)stored); return;
    default: add_number(t, f, v);
    }
}

static void add_cell(aip__text *t, const aip_field *f, const aip__column *c, int64_t row) {
    char buffer[64];
    size_t n = 0;
    const char *text = NULL;
    if (!aip__valid(c->validity, row)) {
        aip__text_str(t, "null");
        return;
    }
    switch (c->type) {
    case AIP_BOOL: aip__text_str(t, aip__bit_get(aip__column_bits(c), row) ? "true" : "false"); return;
    case AIP_INT32: aip__text_printf(t, "%d", (int)aip__column_i32(c)[row]); return;
    case AIP_INT64: aip__text_printf(t, "%lld", (long long)aip__column_i64(c)[row]); return;
    case AIP_FLOAT32: add_f64(t, (double)aip__column_f32(c)[row]); return;
    case AIP_FLOAT64: add_f64(t, aip__column_f64(c)[row]); return;
    case AIP_DATE32: add_quoted(t, buffer, aip__format_date(buffer, aip__column_i32(c)[row])); return;
    case AIP_TIMESTAMP: add_quoted(t, buffer, aip__format_timestamp(buffer, aip__column_i64(c)[row], f->zone != NULL)); return;
    case AIP_DECIMAL64: add_quoted(t, buffer, aip__format_decimal(buffer, aip__column_i64(c)[row], f->scale)); return;
    default: text = aip__column_text(c, row, &n);
    }
    if (c->type == AIP_BINARY)
        aip__text_printf(t, "\"%zu bytes\"", n);
    else
        aip__text_json(t, text, n);
}

static void add_row(aip__text *t, const aip_batch *batch, int64_t row) {
    aip__text_char(t, '{');
    for (int32_t i = 0; i < batch->n_columns; i++) {
        const aip_field *f = &batch->schema->fields[i];
        if (i > 0) aip__text_char(t, ',');
        aip__text_json(t, f->name, strlen(f->name));
        aip__text_char(t, ':');
        add_cell(t, f, batch->columns[i], row);
    }
    aip__text_char(t, '}');
}

/* ---- the profile as JSON -------------------------------------------------------------------------------------------------------------------- */

static void add_numeric(aip__text *t, const aip_field *f, const aip__profile_column *c) {
    static const double quantiles[] = {0.05, 0.25, 0.5, 0.75, 0.95};
    int64_t counts[AIP__PROFILE_BINS];
    aip__text_str(t, ",\"mean\":");
    add_number(t, f, aip__profile_mean(c));
    aip__text_str(t, ",\"quantiles\":");
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        aip__text_char(t, i ? ',' : '{');
        aip__text_char(t, '"');
        aip__text_f64(t, quantiles[i], true);
        aip__text_str(t, "\":");
        add_number(t, f, aip__profile_quantile(c, quantiles[i]));
    }
    aip__text_printf(t, "},\"quantiles_are_exact\":%s,\"sample_size\":%zu,\"histogram\":", c->level == 0 ? "true" : "false",
                     c->n_sample);
    aip__profile_histogram(c, counts);
    for (int i = 0; i < AIP__PROFILE_BINS; i++) aip__text_printf(t, "%c%lld", i ? ',' : '[', (long long)counts[i]);
    aip__text_char(t, ']');
}

static void add_top(aip__text *t, const aip__profile_column *c, int32_t most, const aip__profile_value **top) {
    int32_t n = aip__profile_top(c, top, most);
    aip__text_str(t, ",\"top\":[");
    for (int32_t i = 0; i < n; i++) {
        size_t kept = aip__profile_kept(top[i]);
        if (kept < top[i]->length) kept = aip__utf8_prefix(top[i]->text, kept, kept); /* no half character */
        aip__text_str(t, i ? ",{\"value\":" : "{\"value\":");
        aip__text_json(t, top[i]->text, kept);
        aip__text_printf(t, ",\"count\":%lld}", (long long)top[i]->count);
    }
    aip__text_char(t, ']');
}

static void add_column(aip__text *t, const aip_field *f, const aip__profile_column *c, int32_t most_top,
                       const aip__profile_value **top) {
    aip__text_str(t, "{\"name\":");
    aip__text_json(t, f->name, strlen(f->name));
    aip__text type;
    aip__text_init(&type, t->ctx);
    aip__text_str(&type, aip_type_name(f->type));
    if (f->type == AIP_TIMESTAMP && f->zone) aip__text_printf(&type, "[%s]", f->zone);
    if (f->type == AIP_DECIMAL64) aip__text_printf(&type, "(%d)", (int)f->scale);
    aip__text_str(t, ",\"type\":");
    if (type.failed)
        t->failed = true;
    else
        aip__text_json(t, type.bytes, type.n);
    aip__text_free(&type);
    aip__text_printf(t, ",\"missing\":%lld", (long long)c->n_missing);
    if (c->kind != AIP__PROFILE_OTHER)
        aip__text_printf(t, ",\"distinct\":%zu,\"distinct_is_exact\":%s", c->n_distinct, c->many ? "false" : "true");
    if (c->n > 0 && (c->kind == AIP__PROFILE_NUMBER || c->kind == AIP__PROFILE_TIME)) {
        aip__text_str(t, ",\"min\":");
        add_bound(t, f, c->minimum, c->least);
        aip__text_str(t, ",\"max\":");
        add_bound(t, f, c->maximum, c->greatest);
    }
    if (c->n > 0 && c->kind == AIP__PROFILE_NUMBER) add_numeric(t, f, c);
    if (c->kind == AIP__PROFILE_TEXT) add_top(t, c, most_top, top);
    aip__text_char(t, '}');
}

static int32_t add_columns(aip__text *t, const aip_schema *schema, const aip__profile_column *columns, int32_t most_top,
                           aip_error **err) {
    const aip__profile_value **top = aip__calloc(t->ctx, (size_t)most_top, sizeof *top);
    if (!top) return aip__error_memory(t->ctx, err);
    aip__text_str(t, ",\"columns\":[");
    for (int32_t i = 0; i < schema->n; i++) {
        if (i > 0) aip__text_char(t, ',');
        add_column(t, &schema->fields[i], &columns[i], most_top, top);
    }
    aip__text_char(t, ']');
    aip__free(t->ctx, top);
    return AIP_OK;
}

/* Batches lie in any order: each next one is that which starts where the last ended. */
static void add_head(aip__text *t, const catcher *c) {
    int64_t at = 0;
    aip__text_str(t, ",\"head\":[");
    for (size_t i = 0; i < c->n && at < c->n_rows;) {
        if (c->items[i].start != at) {
            i++;
            continue;
        }
        const aip_batch *b = c->items[i].batch;
        for (int64_t row = 0; row < b->n_rows && at < c->n_rows; row++, at++) {
            if (at > 0) aip__text_char(t, ',');
            add_row(t, b, row);
        }
        i = 0;
    }
    aip__text_char(t, ']');
}

static int32_t add_rejects(aip__text *t, aip_dataset *dataset, int64_t n, const aip_call *call, aip_error **err) {
    aip_dataset *all = NULL, *some = NULL;
    aip__scan *scan = NULL;
    aip__token token;
    int64_t at = 0;
    int32_t status = aip_dataset_rejects(dataset, call, &all, err);
    if (status == AIP_OK) status = aip_dataset_head(all, n, call, &some, err);
    if (status == AIP_OK) status = aip__token_init(&token, dataset->ctx, call, err);
    if (status == AIP_OK) status = aip__scan_open(some, &token, "read", &scan, err);
    while (status == AIP_OK) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        for (int64_t row = 0; row < batch->n_rows; row++) {
            if (at++ > 0) aip__text_char(t, ',');
            add_row(t, batch, row);
        }
        aip_batch_free(batch);
    }
    aip__scan_close(scan);
    aip_dataset_free(some);
    aip_dataset_free(all);
    return status;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------------------------- */

static int32_t profile(aip_dataset *dataset, const aip_params *p, const aip_call *call, aip__text *t, aip_error **err) {
    aip_context *ctx = dataset->ctx;
    aip__token token;
    catcher *head = NULL;
    aip_stage *stage = NULL;
    aip_dataset *seen = NULL;
    void *state = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    aip__profile_fold fold = {ctx, dataset->schema};
    AIP__TRY(aip__token_init(&token, ctx, call, err));
    AIP__TRY(catcher_new(ctx, aip_params_int(p, "head"), &head, &stage, err));
    int32_t status = aip_dataset_transform(dataset, stage, &seen, err);
    if (status == AIP_OK) status = aip__fold_run(seen, &token, "profile", &aip__profile_ops, &fold, &state, &counts, err);
    if (status == AIP_OK) {
        aip__profile_sort(&fold, state);
        aip__text_printf(t, "{\"rows\":%lld,\"rejected\":%lld", (long long)counts.rows_out, (long long)counts.rows_rejected);
        status = add_columns(t, dataset->schema, state, (int32_t)aip_params_int(p, "top"), err);
        aip__profile_ops.destroy(&fold, state);
    }
    if (status == AIP_OK) {
        add_head(t, head);
        aip__text_str(t, ",\"rejects\":[");
        if (counts.rows_rejected > 0) status = add_rejects(t, dataset, aip_params_int(p, "rejects"), call, err);
        aip__text_char(t, ']');
        aip__dataset_report(dataset, t);
        aip__text_char(t, '}');
    }
    aip_dataset_free(seen);
    aip_stage_free(stage);
    return status;
}

int32_t aip_dataset_profile(aip_dataset *dataset, const char *params_json, const aip_call *call, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_profile: expected a dataset and json");
    aip_params *p = NULL;
    aip__text t;
    AIP__TRY(aip__params_parse(dataset->ctx, &profile_table, params_json, &p, err));
    aip__text_init(&t, dataset->ctx);
    int32_t status = profile(dataset, p, call, &t, err);
    aip__params_free(p);
    if (status == AIP_OK) return aip__text_take(&t, json, NULL, err);
    aip__text_free(&t);
    return status;
}
