/* aipipe inspect: what a table holds, as tables of text or as JSON. */
#include "inspect.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- text: from the JSON of the profile, so that both show the same --------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t count_of(const json_t *object, const char *key) { return json_integer_value(json_object_get(object, key)); }
static bool is_true(const json_t *object, const char *key) { return json_is_true(json_object_get(object, key)); }
static bool has_quantiles(const json_t *c) { return json_object_get(c, "quantiles") != NULL; }
static const json_t *columns_of(const json_t *p) { return json_object_get(p, "columns"); }

static bool is_number_column(const json_t *c) {
    const char *type = text_of(c, "type");
    return strncmp(type, "int", 3) == 0 || strncmp(type, "float", 5) == 0 || strncmp(type, "decimal", 7) == 0;
}

static bool is_floats(const json_t *c) { return strncmp(text_of(c, "type"), "float", 5) == 0; }

/* Whole numbers that may well be years: 2,013 would be wrong. */
static bool is_years(const json_t *c) {
    const char *type = text_of(c, "type");
    bool whole = strcmp(type, "int32") == 0 || strcmp(type, "int64") == 0;
    return whole && json_number_value(json_object_get(c, "min")) >= 1000 && json_number_value(json_object_get(c, "max")) <= 2999;
}

/* What is not finite is a text. */
static double number_of(const json_t *value) {
    const char *text = json_string_value(value);
    if (!text) return json_number_value(value);
    if (strcmp(text, "NaN") == 0) return (double)NAN;
    return *text == '-' ? -(double)INFINITY : (double)INFINITY;
}

static void add_number(line *l, const json_t *c, const json_t *value) {
    line grouped = {0};
    line_number(&grouped, number_of(value));
    for (const char *s = grouped.bytes; *s; s++)
        if (*s != ',' || !is_years(c)) line_bytes(l, s, 1);
    line_free(&grouped);
}

/* Of a timestamp only the day where the terminal is narrow: names and ends of ranges would be cut otherwise. */
static void add_bound(table *t, const json_t *c, const json_t *bound) {
    line l = {0};
    if (json_is_string(bound) && !is_floats(c))
        line_add(&l, "%s", json_string_value(bound));
    else if (bound)
        add_number(&l, c, bound);
    bool is_short = strncmp(text_of(c, "type"), "timestamp", 9) == 0 && term_width(&term_out) < 80;
    char *time = is_short && l.n ? strchr(l.bytes, 'T') : NULL;
    if (time) *time = 0;
    table_line(t, &l);
    line_free(&l);
}

static void put_columns(const json_t *p) {
    static const char *const head[] = {"COLUMN", "TYPE", ">MISSING", ">", ">DISTINCT", ">MIN", ">MAX"};
    int64_t rows = count_of(p, "rows");
    table t;
    line l = {0};
    table_begin(&t, 7, head);
    t.drop[t.n_drop++] = 3;
    t.drop[t.n_drop++] = 4;
    for (size_t i = 0; i < json_array_size(columns_of(p)); i++) {
        const json_t *c = json_array_get(columns_of(p), i);
        table_cell(&t, text_of(c, "name"));
        table_cell(&t, text_of(c, "type"));
        line_count(&l, count_of(c, "missing"));
        table_line(&t, &l);
        if (rows) line_add(&l, "%.1f %%", 100.0 * (double)count_of(c, "missing") / (double)rows);
        table_line(&t, &l);
        if (json_object_get(c, "distinct")) {
            if (!is_true(c, "distinct_is_exact")) line_add(&l, "> ");
            line_count(&l, count_of(c, "distinct"));
        }
        table_line(&t, &l);
        add_bound(&t, c, json_object_get(c, "min"));
        add_bound(&t, c, json_object_get(c, "max"));
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void add_histogram(line *l, const json_t *bins) {
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, ascii[] = " .:-=+*#@";
    json_int_t most = 1;
    for (size_t i = 0; i < json_array_size(bins); i++)
        if (json_integer_value(json_array_get(bins, i)) > most) most = json_integer_value(json_array_get(bins, i));
    for (size_t i = 0; i < json_array_size(bins); i++) {
        json_int_t count = json_integer_value(json_array_get(bins, i));
        int level = count ? 1 + (int)((double)count / (double)most * 7.0) : 0;
        if (term_utf8)
            line_add(l, "%s", blocks[level]);
        else
            line_add(l, "%c", ascii[level]);
    }
}

static void put_numbers(const json_t *p) {
    static const char *const head[] = {"NUMBERS", ">MEAN", ">5 %", ">25 %", ">50 %", ">75 %", ">95 %", "MIN TO MAX"};
    static const char *const quantiles[] = {"0.05", "0.25", "0.5", "0.75", "0.95"};
    bool sampled = false;
    table t;
    line l = {0};
    table_begin(&t, 8, head);
    t.drop[t.n_drop++] = 2;
    t.drop[t.n_drop++] = 6;
    t.drop[t.n_drop++] = 3;
    t.drop[t.n_drop++] = 5;
    size_t empty = t.n_cells;
    for (size_t i = 0; i < json_array_size(columns_of(p)); i++) {
        const json_t *c = json_array_get(columns_of(p), i);
        if (!has_quantiles(c)) continue;
        bool exact = is_true(c, "quantiles_are_exact");
        table_cell(&t, text_of(c, "name"));
        add_number(&l, c, json_object_get(c, "mean"));
        table_line(&t, &l);
        for (size_t q = 0; q < sizeof quantiles / sizeof *quantiles; q++) {
            if (!exact) line_add(&l, "~");
            add_number(&l, c, json_object_get(json_object_get(c, "quantiles"), quantiles[q]));
            table_line(&t, &l);
        }
        add_histogram(&l, json_object_get(c, "histogram"));
        table_line(&t, &l);
        sampled = sampled || !exact;
    }
    if (t.n_cells > empty) {
        printf("\n");
        table_print(&t, &term_out);
        if (sampled) printf("~ of a sample of the values, the same each time\n");
    } else {
        table_free(&t);
    }
    line_free(&l);
}

static void put_texts(const json_t *p) {
    static const char *const head[] = {"TEXT", "MOST FREQUENT"};
    table t;
    line l = {0};
    table_begin(&t, 2, head);
    size_t empty = t.n_cells;
    for (size_t i = 0; i < json_array_size(columns_of(p)); i++) {
        const json_t *c = json_array_get(columns_of(p), i), *top = json_object_get(c, "top");
        int64_t there = count_of(p, "rows") - count_of(c, "missing");
        if (json_array_size(top) == 0) continue;
        table_cell(&t, text_of(c, "name"));
        for (size_t k = 0; k < json_array_size(top); k++) {
            const json_t *v = json_array_get(top, k), *value = json_object_get(v, "value");
            line_add(&l, "%s", k ? ", " : "");
            line_clean(&l, json_string_value(value), json_string_length(value), 24);
            line_add(&l, is_true(c, "distinct_is_exact") ? " (%.1f %%)" : " (~%.1f %%)",
                     100.0 * (double)count_of(v, "count") / (double)there);
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

/* The whole of a text, which may hold zero bytes. */
static void add_text(line *l, const json_t *text) { line_clean(l, json_string_value(text), json_string_length(text), INT_MAX); }

static void add_json_cell(table *t, const json_t *c, const json_t *value) {
    char *text = json_is_string(value) || json_is_real(value) || json_is_null(value) ? NULL : json_text(value);
    line l = {0};
    if (json_is_real(value) || (json_is_string(value) && is_floats(c)))
        line_number(&l, number_of(value));
    else if (json_is_string(value))
        add_text(&l, value);
    if (text) line_add(&l, "%s", text);
    table_line(t, &l);
    free(text);
    line_free(&l);
}

/* As many columns as fit; how many are left out is said. */
static void put_rows(const char *title, const json_t *p, const json_t *rows) {
    int n_columns = (int)json_array_size(columns_of(p));
    int n = n_columns < TABLE_MAX_COLUMNS ? n_columns : TABLE_MAX_COLUMNS, fits = term_width(&term_out) / 10;
    char **head = tool_alloc((size_t)n + 1, sizeof *head);
    if (n > fits && term_out.is_terminal) n = fits < 1 ? 1 : fits;
    if (json_array_size(rows) == 0) n = 0;
    for (int i = 0; i < n; i++) {
        const json_t *c = json_array_get(columns_of(p), (size_t)i);
        line l = {0};
        line_add(&l, "%s%s", is_number_column(c) ? ">" : "", text_of(c, "name"));
        head[i] = l.bytes;
    }
    if (n > 0) {
        table t;
        printf("\n%s", title);
        if (n < n_columns) printf(" (%d of %d columns)", n, n_columns);
        printf("\n");
        table_begin(&t, n, (const char *const *)head);
        for (size_t row = 0; row < json_array_size(rows); row++)
            for (int i = 0; i < n; i++) {
                const json_t *c = json_array_get(columns_of(p), (size_t)i);
                add_json_cell(&t, c, json_object_get(json_array_get(rows, row), text_of(c, "name")));
            }
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
        const json_t *reason = json_object_get(r, "reason");
        line_add(&l, "%s:%lld", source ? source : "", (long long)json_integer_value(json_object_get(r, "line")));
        table_line(&t, &l);
        table_cell(&t, column ? column : "");
        if (reason) add_text(&l, reason);
        table_line(&t, &l);
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void put_text(const char *path, const json_t *p) {
    line l = {0};
    line_clean(&l, path, strlen(path), 200);
    line_add(&l, ": ");
    line_count_of(&l, count_of(p, "rows"), "row");
    line_add(&l, ", ");
    line_count_of(&l, (int64_t)json_array_size(columns_of(p)), "column");
    line_add(&l, ", ");
    line_count(&l, count_of(p, "rejected"));
    line_add(&l, " rejected");
    term_fold(&term_out, l.bytes, 0, 2);
    printf("\n");
    line_free(&l);
    put_columns(p);
    put_numbers(p);
    put_texts(p);
    put_rows("First rows", p, json_object_get(p, "head"));
    put_rejects(json_object_get(p, "rejects"), count_of(p, "rejected"));
}

/* ---- what was found out about a file -------------------------------------------------------------------------------------------------- */

static void add_value(line *l, const json_t *value) {
    char *text = json_is_string(value) ? NULL : json_text(value);
    const char *shown = text ? text : json_string_value(value);
    if (!text && strcmp(shown, "\t") == 0) shown = "tab";
    if (!text && strcmp(shown, " ") == 0) shown = "blank";
    line_add(l, "%s", strcmp(shown, "null") == 0 ? "none" : shown);
    free(text);
}

/* The best and the next of the delimiters that were tried, with their scores. */
static void add_scores(line *l, const json_t *tried) {
    const char *before = "";
    int n = 0;
    for (size_t i = 0; i < json_array_size(tried) && n < 3; i++) {
        const json_t *t = json_array_get(tried, i);
        const char *delimiter = text_of(t, "delimiter");
        if (strcmp(delimiter, before) == 0) continue;
        line_add(l,
                 n == 0   ? "score %.2f ("
                 : n == 1 ? "; others: %.2f"
                          : ", %.2f",
                 json_number_value(json_object_get(t, "score")));
        if (n == 0) {
            line_count_of(l, count_of(t, "columns"), "column");
            line_add(l, ")");
        } else {
            line_add(l, " for ");
            add_value(l, json_object_get(t, "delimiter"));
        }
        before = delimiter;
        n++;
    }
}

static void put_dialect(const json_t *e) {
    static const char *const head[] = {"DIALECT", "FOUND", "WHY"};
    const json_t *dialect = json_object_get(e, "dialect"), *why = json_object_get(e, "why"), *value = NULL;
    const char *name = NULL;
    table t;
    line l = {0};
    table_begin(&t, 3, head);
    t.fold_last = true;
    table_cell(&t, "encoding");
    table_cell(&t, text_of(e, "encoding"));
    table_cell(&t, text_of(why, "encoding"));
    json_object_foreach((json_t *)(uintptr_t)dialect, name, value) {
        table_cell(&t, name);
        add_value(&l, value);
        table_line(&t, &l);
        if (strcmp(name, "delimiter") == 0)
            add_scores(&l, json_object_get(e, "tried"));
        else
            line_add(&l, "%s", text_of(why, name));
        table_line(&t, &l);
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void put_because(const json_t *e) {
    static const char *const head[] = {"TYPE OF", "IS", "BECAUSE OF"};
    table t;
    line l = {0};
    table_begin(&t, 3, head);
    t.fold_last = true;
    for (size_t i = 0; i < json_array_size(columns_of(e)); i++) {
        const json_t *c = json_array_get(columns_of(e), i), *because = json_object_get(c, "because");
        const json_t *text = json_object_get(because, "text");
        table_cell(&t, text_of(c, "name"));
        table_cell(&t, text_of(c, "type"));
        if (because) {
            line_add(&l, "line %lld: '", (long long)count_of(because, "line"));
            line_clean(&l, json_string_value(text), json_string_length(text), 40);
            line_add(&l, "'");
            if (json_is_string(json_object_get(because, "before"))) line_add(&l, " (%s before it)", text_of(because, "before"));
        } else {
            line_add(&l, "nothing but nulls in the sample");
        }
        table_line(&t, &l);
    }
    printf("\n");
    table_print(&t, &term_out);
    line_free(&l);
}

/* One word for a shell, whatever it holds. Control characters but line feeds, which terminals would obey, are written by printf. */
static void put_word(const char *text) {
    static const char plain[] = "/._-+=:,@%";
    bool bare = *text != 0 && *text != '=';
    for (const char *s = text; *s; s++) bare = bare && (isalnum((unsigned char)*s) || strchr(plain, *s));
    if (bare) {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (const char *s = text; *s; s++) {
        unsigned char byte = (unsigned char)*s;
        if (byte == '\'')
            fputs("'\\''", stdout);
        else if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            printf("'\"$(printf '\\%03o')\"'", byte);
        else
            putchar(byte);
    }
    putchar('\'');
}

/* The given options and those that say what was found, ready for a shell and for a DAG file. */
static void put_options(const char *path, const json_t *given, const json_t *e) {
    json_t *options = json_copy((json_t *)(uintptr_t)given), *read = json_pack("{s:s}", "path", path), *value = NULL;
    const char *name = NULL;
    line l = {0};
    json_object_update(options, json_object_get(e, "options"));
    json_object_update(read, options);
    printf("\nRead it with\n  aipipe convert ");
    if (*path == '-') fputs("./", stdout); /* no option */
    put_word(path);
    fputs(" OUT.csv", stdout);
    json_object_foreach(options, name, value) {
        char *text = json_text(value);
        line_add(&l, "%s=%s", name, text);
        fputs(" --set ", stdout);
        put_word(l.bytes);
        line_free(&l);
        free(text);
    }
    char *yaml = json_text(read); /* JSON is YAML, too */
    printf("\n  read: ");
    for (const char *s = yaml; *s; s++) fputs(s[0] == '$' && s[1] == '{' ? "$$" : (const char[2]){*s, 0}, stdout);
    printf("\n");
    free(yaml);
    json_decref(read);
    json_decref(options);
}

static void put_explanation(const char *path, const json_t *given, const json_t *e) {
    if (!json_object_get(e, "dialect")) return;
    put_dialect(e);
    const json_t *faults = json_object_get(e, "faults");
    for (size_t i = 0; i < json_array_size(faults); i++) {
        const json_t *f = json_array_get(faults, i);
        long long n_sampled = count_of(e, "sampled_rows");
        printf("%lld of %lld sampled row%s: %s, the first in line %lld\n", (long long)count_of(f, "count"), n_sampled,
               n_sampled == 1 ? "" : "s", text_of(f, "what"), (long long)count_of(f, "first_line"));
    }
    put_because(e);
    if (json_object_size(json_object_get(e, "options")) > 0) put_options(path, given, e);
    printf("\n");
}

/* Of a file that is as read expects it there is nothing to explain. */
static bool is_dirty(const json_t *e, const json_t *p) {
    return json_object_size(json_object_get(e, "options")) > 0 || json_array_size(json_object_get(e, "faults")) > 0
           || count_of(p, "rejected") > 0;
}

/* *out NULL: nothing can be said of it (a connector's path, a pipe), and reading it says why if that is an error. */
static int32_t explain_so(aip_context *ctx, json_t *params, json_t **out, aip_error **err) {
    char *json = NULL, *text = json_text(params);
    int32_t status = aip_read_explain(ctx, text, &json, NULL) == AIP_OK ? json_take(json, out, err) : AIP_OK;
    aip_text_free(ctx, json);
    free(text);
    return status;
}

/* With the dialect found out, which is then in params, where the format has one to find out and nothing else is said. */
static int32_t explain(aip_context *ctx, json_t *params, json_t **out, aip_error **err) {
    if (json_object_get(params, "detect")) return explain_so(ctx, params, out, err);
    json_object_set_new(params, "detect", json_string("all"));
    int32_t status = explain_so(ctx, params, out, err);
    if (status != AIP_OK || *out) return status;
    json_object_del(params, "detect");
    return explain_so(ctx, params, out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------------ */

static void put_json(const char *path, json_t *p, json_t *explained) {
    json_t *j = json_pack("{s:s}", "path", path);
    json_object_update(j, p);
    if (explained) json_object_set(j, "explained", explained);
    char *text = json_text(j);
    puts(text);
    free(text);
    json_decref(j);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------ */

static int32_t inspect(aip_context *ctx, const json_t *params, int64_t n_head, char **out, aip_error **err) {
    progress bar;
    aip_call call;
    aip_dataset *dataset = NULL;
    char wanted[48];
    snprintf(wanted, sizeof wanted, "{\"head\":%lld}", (long long)n_head);
    int32_t status = progress_begin(&bar, ctx, "inspect", &call, err);
    if (status == AIP_OK) status = read_table(ctx, params, &dataset, err);
    if (status == AIP_OK) status = aip_dataset_profile(dataset, wanted, &call, out, err);
    progress_end(&bar, &call);
    aip_dataset_free(dataset);
    return status;
}

/* Without these of the options that mend a file there is no table to show. */
static bool take_needed(json_t *params, const json_t *e) {
    static const char *const needed[] = {"duplicate_names", "quote_errors"};
    bool any = false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        json_t *value = json_object_get(json_object_get(e, "options"), needed[i]);
        if (!value || json_object_get(params, needed[i])) continue;
        json_object_set(params, needed[i], value);
        any = true;
    }
    return any;
}

static int inspect_table(const args *a, aip_context *ctx, json_t *params, int64_t n_head) {
    const char *path = a->words[0];
    aip_error *err = NULL;
    char *profile = NULL;
    json_t *p = NULL, *explained = NULL, *given = json_copy(params);
    json_object_del(given, "path");
    json_object_del(given, "detect"); /* what it found stands for it */
    /* Bad rows are what one wants to see, not a reason to see nothing. */
    int32_t status = set_bad_rows_aside(ctx, params, &err);
    if (status == AIP_OK) status = explain(ctx, params, &explained, &err);
    if (status == AIP_OK) status = inspect(ctx, params, n_head, &profile, &err);
    if ((status == AIP_E_DATA || status == AIP_E_SCHEMA) && take_needed(params, explained)) {
        aip_error_free(err);
        err = NULL;
        status = inspect(ctx, params, n_head, &profile, &err);
    }
    if (status == AIP_OK) status = json_take(profile, &p, &err);
    if (status == AIP_OK) {
        if (args_flag(a, "json")) {
            put_json(path, p, explained);
        } else {
            if (explained && is_dirty(explained, p)) put_explanation(path, given, explained);
            put_text(path, p);
        }
    }
    json_decref(p);
    json_decref(explained);
    json_decref(given);
    aip_text_free(ctx, profile);
    return status == AIP_OK ? EXIT_CODE_OK : fail_settings(err);
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
    json_t *params = json_pack("{s:s}", "path", a->words[0]);
    int code = params ? read_head(a, &n_head) : usage_error(a->command, "expected a file's name in UTF-8");
    if (code == 0) code = args_settings(a, "set", NULL, params);
    int n_settings = 0;
    args_list(a, "set", &n_settings);
    bool package = is_package(a->words[0]);
    if (code == 0 && package && (n_settings > 0 || args_text(a, "head")))
        code =
            usage_error(a->command, "%s is a model package: expected no --set and no --head, which are for tables", a->words[0]);
    if (code == 0) code = args_context(a, true, &ctx);
    if (code == 0) code = package ? inspect_package(a, ctx) : inspect_table(a, ctx, params, n_head);
    json_decref(params);
    aip_context_free(ctx);
    return code;
}
