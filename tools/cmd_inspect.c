/* aipipe inspect: what a table holds, as tables of text or as JSON. */
#include "inspect.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double quantiles[] = {0.05, 0.25, 0.5, 0.75, 0.95};
#define N_QUANTILES 5
#define N_REJECTS 5

/* ---- text --------------------------------------------------------------------------------------------------------------------------- */

/* Whole numbers that may well be years: 2,013 would be wrong. */
static bool is_years(const profile_column *c) {
    return (c->field.type == AIP_INT32 || c->field.type == AIP_INT64) && c->minimum >= 1000 && c->maximum <= 2999;
}

static void add_number(line *l, const profile_column *c, double number) {
    line grouped = {0};
    line_field_number(&grouped, &c->field, number);
    for (const char *s = grouped.bytes; *s; s++)
        if (*s != ',' || !is_years(c)) line_bytes(l, s, 1);
    line_free(&grouped);
}

/* Of a timestamp only the day where the terminal is narrow: names and ends of ranges would be cut otherwise. */
static void add_bound(table *t, const profile_column *c, bool is_known, double bound) {
    line l = {0};
    if (is_known) add_number(&l, c, bound);
    bool is_short = c->field.type == AIP_TIMESTAMP && term_width(&term_out) < 80;
    char *time = is_short && l.n ? strchr(l.bytes, 'T') : NULL;
    if (time) *time = 0;
    table_line(t, &l);
    line_free(&l);
}

static void put_columns(const profile *p) {
    static const char *const head[] = {"COLUMN", "TYPE", ">MISSING", ">", ">DISTINCT", ">MIN", ">MAX"};
    table t;
    line l = {0};
    table_begin(&t, 7, head);
    t.drop[t.n_drop++] = 3;
    t.drop[t.n_drop++] = 4;
    for (int32_t i = 0; i < p->n_columns; i++) {
        const profile_column *c = &p->columns[i];
        table_cell(&t, c->field.name);
        line_type(&l, &c->field);
        table_line(&t, &l);
        line_count(&l, c->n_missing);
        table_line(&t, &l);
        if (p->n_rows) line_add(&l, "%.1f %%", 100.0 * (double)c->n_missing / (double)p->n_rows);
        table_line(&t, &l);
        if (c->many) line_add(&l, "> ");
        if (c->kind != PROFILE_OTHER) line_count(&l, (int64_t)c->n_distinct);
        table_line(&t, &l);
        bool ordered = c->n > 0 && (c->kind == PROFILE_NUMBER || c->kind == PROFILE_TIME);
        add_bound(&t, c, ordered, c->minimum);
        add_bound(&t, c, ordered, c->maximum);
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void add_histogram(line *l, const profile_column *c) {
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, ascii[] = " .:-=+*#@";
    int64_t counts[PROFILE_BINS], most = 1;
    profile_histogram(c, counts);
    for (int i = 0; i < PROFILE_BINS; i++)
        if (counts[i] > most) most = counts[i];
    for (int i = 0; i < PROFILE_BINS; i++) {
        int level = counts[i] ? 1 + (int)((double)counts[i] / (double)most * 7.0) : 0;
        if (term_utf8)
            line_add(l, "%s", blocks[level]);
        else
            line_add(l, "%c", ascii[level]);
    }
}

static void put_numbers(const profile *p) {
    static const char *const head[] = {"NUMBERS", ">MEAN", ">5 %", ">25 %", ">50 %", ">75 %", ">95 %", "MIN TO MAX"};
    size_t sampled = 0;
    table t;
    line l = {0};
    table_begin(&t, 8, head);
    t.drop[t.n_drop++] = 2;
    t.drop[t.n_drop++] = 6;
    t.drop[t.n_drop++] = 3;
    t.drop[t.n_drop++] = 5;
    size_t empty = t.n_cells;
    for (int32_t i = 0; i < p->n_columns; i++) {
        const profile_column *c = &p->columns[i];
        if (c->kind != PROFILE_NUMBER || c->n == 0) continue;
        table_cell(&t, c->field.name);
        add_number(&l, c, profile_mean(c));
        table_line(&t, &l);
        for (int q = 0; q < N_QUANTILES; q++) {
            if (profile_is_sampled(c)) line_add(&l, "~");
            add_number(&l, c, profile_quantile(c, quantiles[q]));
            table_line(&t, &l);
        }
        add_histogram(&l, c);
        table_line(&t, &l);
        if (profile_is_sampled(c)) sampled = c->most_sample;
    }
    if (t.n_cells > empty) {
        printf("\n");
        table_print(&t, &term_out);
        if (sampled) line_count(&l, (int64_t)sampled);
        if (sampled) printf("~ of a sample of %s values, the same each time\n", l.bytes);
    } else {
        table_free(&t);
    }
    line_free(&l);
}

static void put_texts(const profile *p) {
    static const char *const head[] = {"TEXT", "MOST FREQUENT"};
    table t;
    line l = {0};
    table_begin(&t, 2, head);
    size_t empty = t.n_cells;
    for (int32_t i = 0; i < p->n_columns; i++) {
        const profile_column *c = &p->columns[i];
        const profile_value *top[PROFILE_TOP] = {NULL};
        int n = c->kind == PROFILE_TEXT ? profile_top(c, top) : 0;
        if (n == 0) continue;
        table_cell(&t, c->field.name);
        for (int k = 0; k < n; k++) {
            line_add(&l, "%s", k ? ", " : "");
            line_clean(&l, top[k]->text, strlen(top[k]->text), 24);
            line_add(&l, c->many ? " (~%.1f %%)" : " (%.1f %%)", 100.0 * (double)top[k]->count / (double)c->n);
        }
        table_line(&t, &l);
    }
    if (t.n_cells > empty) {
        printf("\n");
        table_print(&t, &term_out);
    } else {
        table_free(&t);
    }
    line_free(&l);
}

/* At most n rows of the batches, as JSON; the text form is made from it, so that both show the same. */
static json_t *rows_json(aip_batch *const *batches, size_t n_batches, int64_t n, aip_error **err) {
    json_t *rows = json_array();
    for (size_t b = 0; b < n_batches && n > 0; b++) {
        const aip_schema *schema = aip_batch_schema(batches[b]);
        int32_t n_fields = aip_schema_n_fields(schema);
        int64_t here = aip_batch_n_rows(batches[b]) < n ? aip_batch_n_rows(batches[b]) : n;
        for (int64_t row = 0; row < here; row++) {
            json_t *record = json_object();
            for (int32_t i = 0; i < n_fields; i++) {
                aip_column_view view = AIP_COLUMN_VIEW_INIT;
                const aip_field *f = aip_schema_field(schema, i);
                if (aip_batch_column(batches[b], i, &view, err) == AIP_OK)
                    json_object_set_new(record, f->name, value_json(f, &view, row));
            }
            json_array_append_new(rows, record);
        }
        n -= here;
    }
    return rows;
}

static void add_json_cell(table *t, const json_t *value) {
    char *text = json_is_string(value) ? NULL : json_is_null(value) ? tool_copy("") : json_text(value);
    line l = {0};
    if (json_is_real(value)) line_number(&l, json_real_value(value));
    table_cell(t, l.n ? l.bytes : text ? text : json_string_value(value));
    free(text);
    line_free(&l);
}

/* As many columns as fit; how many are left out is said. */
static void put_rows(const char *title, const profile *p, const json_t *rows) {
    int n = p->n_columns < TABLE_MAX_COLUMNS ? p->n_columns : TABLE_MAX_COLUMNS, fits = term_width(&term_out) / 10;
    char **head = tool_alloc((size_t)n + 1, sizeof *head);
    if (n > fits && term_out.is_terminal) n = fits < 1 ? 1 : fits;
    if (json_array_size(rows) == 0) n = 0;
    for (int i = 0; i < n; i++) {
        line l = {0};
        line_add(&l, "%s%s", p->columns[i].kind == PROFILE_NUMBER ? ">" : "", p->columns[i].field.name);
        head[i] = l.bytes;
    }
    if (n > 0) {
        table t;
        printf("\n%s", title);
        if (n < p->n_columns) printf(" (%d of %d columns)", n, (int)p->n_columns);
        printf("\n");
        table_begin(&t, n, (const char *const *)head);
        for (size_t row = 0; row < json_array_size(rows); row++)
            for (int i = 0; i < n; i++) add_json_cell(&t, json_object_get(json_array_get(rows, row), p->columns[i].field.name));
        table_print(&t, &term_out);
    }
    for (int i = 0; i < n; i++) free(head[i]);
    free(head);
}

static void put_rejects(const json_t *rejects, int64_t n_rejected) {
    static const char *const head[] = {"REJECTED AT", "COLUMN", "REASON"};
    if (n_rejected == 0) return;
    table t;
    line l = {0};
    printf("\n");
    table_begin(&t, 3, head);
    t.fold_last = true;
    for (size_t i = 0; i < json_array_size(rejects); i++) {
        const json_t *r = json_array_get(rejects, i);
        const char *source = json_string_value(json_object_get(r, "source")),
                   *column = json_string_value(json_object_get(r, "column"));
        const char *reason = json_string_value(json_object_get(r, "reason"));
        line_add(&l, "%s:%lld", source ? source : "", (long long)json_integer_value(json_object_get(r, "line")));
        table_line(&t, &l);
        table_cell(&t, column ? column : "");
        table_cell(&t, reason ? reason : "");
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void put_text(const char *path, const profile *p, const aip_row_counts *counts, const json_t *rows,
                     const json_t *rejects) {
    line l = {0};
    line_clean(&l, path, strlen(path), 200);
    line_add(&l, ": ");
    line_count_of(&l, p->n_rows, "row");
    line_add(&l, ", ");
    line_count_of(&l, p->n_columns, "column");
    line_add(&l, ", ");
    line_count(&l, counts->rows_rejected);
    line_add(&l, " rejected");
    term_fold(&term_out, l.bytes, 0, 2);
    printf("\n");
    line_free(&l);
    put_columns(p);
    put_numbers(p);
    put_texts(p);
    put_rows("First rows", p, rows);
    put_rejects(rejects, counts->rows_rejected);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------------ */

static json_t *column_json(const profile_column *c) {
    line l = {0};
    line_type(&l, &c->field);
    json_t *j = json_pack("{s:s, s:s, s:I}", "name", c->field.name, "type", l.bytes, "missing", (json_int_t)c->n_missing);
    line_free(&l);
    if (c->kind != PROFILE_OTHER) {
        json_object_set_new(j, "distinct", json_integer((json_int_t)c->n_distinct));
        json_object_set_new(j, "distinct_is_exact", json_boolean(!c->many));
    }
    if (c->n > 0 && (c->kind == PROFILE_NUMBER || c->kind == PROFILE_TIME)) {
        json_object_set_new(j, "min", field_number_json(&c->field, c->minimum));
        json_object_set_new(j, "max", field_number_json(&c->field, c->maximum));
    }
    if (c->n > 0 && c->kind == PROFILE_NUMBER) {
        static const char *const names[] = {"0.05", "0.25", "0.5", "0.75", "0.95"};
        json_t *q = json_object(), *bins = json_array();
        int64_t counts[PROFILE_BINS];
        profile_histogram(c, counts);
        for (int i = 0; i < N_QUANTILES; i++)
            json_object_set_new(q, names[i], field_number_json(&c->field, profile_quantile(c, quantiles[i])));
        for (int i = 0; i < PROFILE_BINS; i++) json_array_append_new(bins, json_integer((json_int_t)counts[i]));
        json_object_set_new(j, "mean", field_number_json(&c->field, profile_mean(c)));
        json_object_set_new(j, "quantiles", q);
        json_object_set_new(j, "quantiles_are_exact", json_boolean(!profile_is_sampled(c)));
        json_object_set_new(j, "histogram", bins);
    }
    if (c->kind == PROFILE_TEXT) {
        const profile_value *top[PROFILE_TOP] = {NULL};
        json_t *values = json_array();
        int n = profile_top(c, top);
        for (int i = 0; i < n; i++) {
            line text = {0};
            line_clean(&text, top[i]->text, strlen(top[i]->text), PROFILE_KEPT_BYTES);
            json_array_append_new(values, json_pack("{s:s, s:I}", "value", text.bytes, "count", (json_int_t)top[i]->count));
            line_free(&text);
        }
        json_object_set_new(j, "top", values);
    }
    return j;
}

static void put_json(const char *path, const profile *p, const aip_row_counts *counts, json_t *rows, json_t *rejects) {
    json_t *columns = json_array(), *j = NULL;
    for (int32_t i = 0; i < p->n_columns; i++) json_array_append_new(columns, column_json(&p->columns[i]));
    j = json_pack("{s:s, s:I, s:I, s:o, s:O, s:O}", "path", path, "rows", (json_int_t)p->n_rows, "rejected",
                  (json_int_t)counts->rows_rejected, "columns", columns, "head", rows, "rejects", rejects);
    char *text = json_text(j);
    puts(text);
    free(text);
    json_decref(j);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------ */

/* The first rejected records, as JSON. */
static int32_t first_rejects(aip_dataset *dataset, const aip_call *call, json_t **out, aip_error **err) {
    aip_dataset *all = NULL, *some = NULL;
    profile p = {0};
    int32_t status = aip_dataset_rejects(dataset, call, &all, err);
    if (status == AIP_OK) status = aip_dataset_head(all, N_REJECTS, call, &some, err);
    if (status == AIP_OK) {
        profile_begin(&p, aip_dataset_schema(some), N_REJECTS);
        status = aip_dataset_each(some, call, profile_batch, &p, NULL, err);
        *out = status == AIP_OK ? rows_json(p.head, p.n_batches, N_REJECTS, err) : NULL;
        profile_free(&p);
    }
    aip_dataset_free(all);
    aip_dataset_free(some);
    return status;
}

static int32_t inspect(aip_context *ctx, const char *params, int64_t n_head, profile *p, aip_dataset **dataset,
                       aip_row_counts *counts, json_t **rejects, aip_error **err) {
    progress bar;
    aip_call call;
    int32_t status = progress_begin(&bar, ctx, "inspect", &call, err);
    if (status == AIP_OK) status = aip_dataset_read(ctx, params, dataset, err);
    if (status == AIP_OK) {
        profile_begin(p, aip_dataset_schema(*dataset), n_head);
        status = aip_dataset_each(*dataset, &call, profile_batch, p, counts, err);
    }
    if (status == AIP_OK && counts->rows_rejected > 0) status = first_rejects(*dataset, &call, rejects, err);
    progress_end(&bar, &call);
    profile_end(p);
    return status;
}

static int inspect_table(const args *a, aip_context *ctx, const char *params, int64_t n_head) {
    aip_error *err = NULL;
    aip_dataset *dataset = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    json_t *rejects = NULL, *rows = NULL;
    profile p = {0};
    int code = EXIT_CODE_OK;
    if (inspect(ctx, params, n_head, &p, &dataset, &counts, &rejects, &err) != AIP_OK) {
        code = fail_settings(err);
    } else {
        if (!rejects) rejects = json_array();
        rows = rows_json(p.head, p.n_batches, n_head, NULL);
        if (args_flag(a, "json"))
            put_json(a->words[0], &p, &counts, rows, rejects);
        else
            put_text(a->words[0], &p, &counts, rows, rejects);
    }
    json_decref(rows);
    json_decref(rejects);
    profile_free(&p);
    aip_dataset_free(dataset);
    return code;
}

static int read_head(const args *a, int64_t *out) {
    const char *given = args_text(a, "head");
    char *end = NULL;
    *out = 5;
    if (!given) return 0;
    errno = 0;
    long n = strtol(given, &end, 10);
    if (errno || end == given || *end || n < 0 || n > 10000)
        return usage_error(a->command, "--head %s: expected a whole number from 0 to 10000", given);
    *out = n;
    return 0;
}

int cmd_inspect(const args *a) {
    aip_context *ctx = NULL;
    int64_t n_head = 0;
    /* Bad rows are what one wants to see, not a reason to see nothing. */
    json_t *params = json_pack("{s:s, s:s}", "path", a->words[0], "on_bad_row", "reject");
    int code = params ? read_head(a, &n_head) : usage_error(a->command, "expected a file's name in UTF-8");
    if (code == 0) code = args_settings(a, "set", NULL, params);
    int n_settings = 0;
    args_list(a, "set", &n_settings);
    bool package = is_package(a->words[0]);
    if (code == 0 && package && (n_settings > 0 || args_text(a, "head")))
        code =
            usage_error(a->command, "%s is a model package: expected no --set and no --head, which are for tables", a->words[0]);
    if (code == 0) code = args_context(a, true, &ctx);
    char *text = json_text(params);
    if (code == 0) code = package ? inspect_package(a, ctx) : inspect_table(a, ctx, text, n_head);
    json_decref(params);
    aip_context_free(ctx);
    free(text);
    return code;
}
