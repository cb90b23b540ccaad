/* aipipe inspect PACKAGE: what a model package holds, from the library's own description. */
#include "inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool is_package(const char *path) {
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".aip") == 0) return true;
    char first[6] = "";
    struct stat st; /* what is read of a pipe to look is gone */
    FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    bool found = f && fread(first, 1, 6, f) == 6 && memcmp(first, "AIPKG", 6) == 0;
    if (f) fclose(f);
    return found;
}

static void title(const char *text) { printf("\n%s%s%s\n", term_style(&term_out, STYLE_BOLD), text, term_plain(&term_out)); }

static void add_value(line *l, const json_t *value) {
    if (json_is_string(value)) {
        line_add(l, "%s", json_string_value(value));
    } else if (json_is_number(value)) {
        line_number(l, json_number_value(value));
    } else {
        char *text = json_text(value);
        line_add(l, "%s", text);
        free(text);
    }
}

/* Names and values; tables inside are left for their own. */
static void put_members(const char *heading, const json_t *object) {
    const char *key = NULL;
    json_t *value = NULL;
    table t;
    line l = {0};
    table_begin(&t, 2, NULL);
    t.indent = 2;
    t.fold_last = true;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (json_is_object(value) || (json_is_array(value) && json_array_size(value) == 0)) continue;
        table_cell(&t, key);
        add_value(&l, value);
        table_line(&t, &l);
    }
    if (t.n_cells) {
        title(heading);
        table_print(&t, &term_out);
    }
    line_free(&l);
}

static void put_inputs(const json_t *inputs) {
    table t;
    line l = {0};
    table_begin(&t, 2, NULL);
    t.indent = 2;
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *f = json_array_get(inputs, i), *zone = json_object_get(f, "zone");
        table_cell(&t, json_string_value(json_object_get(f, "name")));
        add_value(&l, json_object_get(f, "type"));
        if (zone) line_add(&l, "[%s]", json_string_value(zone));
        table_line(&t, &l);
    }
    if (t.n_cells == 0) return;
    title("Inputs");
    table_print(&t, &term_out);
    line_free(&l);
}

/* "1. simple_imputer {"columns":"numeric"}" */
static void put_step(const char *prefix, const json_t *step) {
    const char *name = NULL;
    json_t *params = NULL;
    json_object_foreach((json_t *)(uintptr_t)step, name, params) {
        line l = {0};
        char *text = json_dumps(params, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)); /* with spaces, to fold at */
        line_add(&l, "%s%s ", prefix, name);
        line_clean(&l, text ? text : "", text ? strlen(text) : 0, INT32_MAX);
        term_fold(&term_out, l.bytes, 0, 5);
        line_free(&l);
        free(text);
    }
}

typedef struct weight {
    const char *name;
    double value;
} weight;

static int by_size(const void *a, const void *b) {
    const weight *x = a, *y = b;
    double u = fabs(x->value), v = fabs(y->value);
    return u != v ? (u < v) - (u > v) : strcmp(x->name, y->name);
}

/* The largest first: on scaled columns, what counts most. */
static void put_coefficients(const json_t *coefficients) {
    size_t n = json_object_size(coefficients), at = 0;
    const char *key = NULL;
    json_t *value = NULL;
    if (n == 0) return;
    weight *weights = tool_alloc(n, sizeof *weights);
    json_object_foreach((json_t *)(uintptr_t)coefficients, key, value) weights[at++] = (weight){key, json_number_value(value)};
    qsort(weights, n, sizeof *weights, by_size);
    static const char *const head[] = {"Coefficients", ">"};
    table t;
    line l = {0};
    printf("\n");
    table_begin(&t, 2, head);
    for (size_t i = 0; i < n; i++) {
        line_add(&l, "  %s", weights[i].name);
        table_line(&t, &l);
        line_number(&l, weights[i].value);
        table_line(&t, &l);
    }
    table_print(&t, &term_out);
    line_free(&l);
    free(weights);
}

static void put_package(const char *path, const json_t *package) {
    line l = {0};
    line_clean(&l, path, strlen(path), 200);
    const json_t *model = json_object_get(package, "model");
    line_add(&l, json_is_object(model) ? ": a model package that predicts " : ": a package without a model, that transforms");
    if (json_is_object(model)) add_value(&l, json_object_get(package, "target"));
    term_fold(&term_out, l.bytes, 0, 2);
    line_free(&l);
    put_inputs(json_object_get(package, "inputs"));
    const json_t *pipeline = json_object_get(package, "pipeline"), *fitted = json_object_get(package, "fitted");
    if (json_array_size(pipeline)) title("Pipeline");
    for (size_t i = 0; i < json_array_size(pipeline); i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "  %zu. ", i + 1);
        put_step(prefix, json_array_get(pipeline, i));
    }
    if (json_is_object(model)) {
        title("Model");
        put_step("  ", model);
        json_object_del((json_t *)(uintptr_t)fitted, "feature_names"); /* the coefficients show them */
        put_members("Fitted", fitted);
        put_coefficients(json_object_get(fitted, "coefficients"));
    }
    put_members("Metrics", json_object_get(package, "metrics"));
    put_members("Provenance", json_object_get(package, "provenance"));
}

int inspect_package(const args *a, aip_context *ctx) {
    aip_error *err = NULL;
    aip_package *package = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int32_t status = aip_package_load(ctx, a->words[0], &package, &err);
    if (status == AIP_OK) status = aip_package_describe(package, &text, &err);
    if (status == AIP_OK && !args_flag(a, "json")) status = json_take(text, &j, &err);
    int code = status == AIP_OK ? EXIT_CODE_OK : fail(err, EXIT_CODE_FAILED);
    if (j)
        put_package(a->words[0], j);
    else if (status == AIP_OK)
        puts(text);
    json_decref(j);
    aip_text_free(ctx, text);
    aip_package_free(package);
    return code;
}
