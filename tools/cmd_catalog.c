/* aipipe catalog: what a DAG file can name, and the parameters of each, as the library itself describes them. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static void list(const json_t *all) {
    static const struct {
        const char *kind, *title;
    } kinds[] = {{"operator", "Operators of tasks"},
                 {"stage", "Stages"},
                 {"model", "Models"},
                 {"metric", "Metrics"},
                 {"format", "Formats"},
                 {"connector", "Connectors"}};
    const char *before = "";
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        table t;
        table_begin(&t, 2, NULL);
        t.indent = 2;
        t.fold_last = true;
        for (size_t i = 0; i < json_array_size(all); i++) {
            const json_t *entry = json_array_get(all, i);
            if (strcmp(text_of(entry, "kind"), kinds[k].kind) != 0) continue;
            table_cell(&t, text_of(entry, "name"));
            table_cell(&t, text_of(entry, "doc"));
        }
        if (t.n_cells == 0) continue; /* nothing to free either */
        printf("%s%s%s%s\n", before, term_style(&term_out, STYLE_BOLD), kinds[k].title, term_plain(&term_out));
        table_print(&t, &term_out);
        before = "\n";
    }
}

static void add_joined(line *l, const json_t *names, const char *separator) {
    for (size_t i = 0; i < json_array_size(names); i++)
        line_add(l, "%s%s", i ? separator : "", json_string_value(json_array_get(names, i)));
}

/* "mean, median, constant", "0 to 1", "above 0"; nothing when any value of the type will do. */
static void add_values(line *l, const json_t *p) {
    const json_t *low = json_object_get(p, "minimum"), *high = json_object_get(p, "maximum");
    bool above = json_is_true(json_object_get(p, "minimum_excluded")),
         below = json_is_true(json_object_get(p, "maximum_excluded"));
    add_joined(l, json_object_get(p, "choices"), ", ");
    if (low) {
        line_add(l, "%s", above ? "above " : high ? "" : "from ");
        line_number(l, json_number_value(low));
    }
    if (high) {
        line_add(l, "%s", below ? (low ? ", below " : "below ") : low ? " to " : "to ");
        line_number(l, json_number_value(high));
    }
}

/* Where the table is wider than the terminal: a block for each parameter. */
static void put_blocks(const json_t *params) {
    line l = {0};
    for (size_t i = 0; i < json_array_size(params); i++) {
        const json_t *p = json_array_get(params, i), *fallback = json_object_get(p, "default");
        char *text = fallback ? json_text(fallback) : NULL;
        printf("%s%s%s", term_style(&term_out, STYLE_BOLD), text_of(p, "name"), term_plain(&term_out));
        line_add(&l, ": %s%s, %s%s", text_of(p, "type"), json_is_true(json_object_get(p, "nullable")) ? " or null" : "",
                 text ? "default " : "required", text ? text : "");
        term_fold(&term_out, l.bytes, (int)strlen(text_of(p, "name")), 4);
        free(text);
        line_clear(&l);
        add_values(&l, p);
        printf("    ");
        if (l.n) term_fold(&term_out, l.bytes, 4, 4);
        if (l.n) printf("    ");
        term_fold(&term_out, text_of(p, "doc"), 4, 4);
        line_clear(&l);
    }
    line_free(&l);
}

static void show(const json_t *entry) {
    static const char *const head[] = {"PARAMETER", "TYPE", "DEFAULT", "VALUES", "MEANING"};
    const char *rows = text_of(entry, "rows"), *shorthand = text_of(entry, "shorthand");
    line l = {0};
    printf("%s%s%s (%s): ", term_style(&term_out, STYLE_BOLD), text_of(entry, "name"), term_plain(&term_out),
           text_of(entry, "kind"));
    term_fold(&term_out, text_of(entry, "doc"), (int)(strlen(text_of(entry, "name")) + strlen(text_of(entry, "kind"))) + 5, 2);
    if (*rows)
        printf("rows: %s\n", strcmp(rows, "same") == 0    ? "one out for each row in"
                             : strcmp(rows, "fewer") == 0 ? "drops some"
                                                          : "adds, reorders or combines them");
    add_joined(&l, json_object_get(entry, "inputs"), ", ");
    if (l.n) printf("input tables: %s\n", l.bytes);
    line_clear(&l);
    if (*shorthand) {
        line_add(&l, "shorthand: %s: VALUE means %s: {%s: VALUE}", text_of(entry, "name"), text_of(entry, "name"), shorthand);
        term_fold(&term_out, l.bytes, 0, 2);
        line_clear(&l);
    }
    const json_t *params = json_object_get(entry, "params");
    if (json_array_size(params) > 0) {
        table t;
        printf("\n");
        table_begin(&t, 5, head);
        t.fold_last = true;
        for (size_t i = 0; i < json_array_size(params); i++) {
            const json_t *p = json_array_get(params, i), *fallback = json_object_get(p, "default");
            table_cell(&t, text_of(p, "name"));
            line_add(&l, "%s%s", text_of(p, "type"), json_is_true(json_object_get(p, "nullable")) ? " or null" : "");
            table_line(&t, &l);
            char *text = fallback ? json_text(fallback) : NULL;
            table_cell(&t, text ? text : "(required)");
            free(text);
            add_values(&l, p);
            table_line(&t, &l);
            table_cell(&t, text_of(p, "doc"));
        }
        if (table_fits(&t, &term_out)) {
            table_print(&t, &term_out);
        } else {
            table_free(&t);
            put_blocks(params);
        }
    }
    line_free(&l);
}

int cmd_catalog(const args *a) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int code = args_context(a, true, &ctx);
    if (code) return code;
    if (aip_catalog_json(ctx, a->n_words ? a->words[0] : NULL, &text, &err) != AIP_OK) {
        code = fail(err, EXIT_CODE_FAILED);
    } else if (args_flag(a, "json")) {
        puts(text);
    } else if (json_take(text, &j, &err) != AIP_OK) {
        code = fail(err, EXIT_CODE_FAILED);
    } else {
        if (json_is_array(j))
            list(j);
        else
            show(j);
        json_decref(j);
    }
    aip_text_free(ctx, text);
    aip_context_free(ctx);
    return code;
}
