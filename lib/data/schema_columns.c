/* Finding columns by what a person wrote: one that must be there, or a parameter of type AIP_PARAM_COLUMNS (names, a word for a family of
 * types, or a pattern). */
#include "base/catalog.h"
#include "base/memory.h"
#include "data/schema.h"
#include <string.h>

#define NAMES_SHOWN 12 /* columns listed in a message */

/* "no column 'x'; did you mean 'y'? (columns: a, b, c, ... 30 in all)" */
static int32_t error_no_column(const aip_schema *schema, const char *name, aip_error **err) {
    if (!err) return AIP_E_SCHEMA;
    aip__text list;
    aip__text_init(&list, schema->ctx);
    const char **names = aip__alloc(schema->ctx, (size_t)schema->n * sizeof *names + 1);
    const char *near = NULL;
    for (int32_t i = 0; i < schema->n; i++) {
        if (names) names[i] = schema->fields[i].name;
        if (i < NAMES_SHOWN) aip__text_printf(&list, "%s%s", i > 0 ? ", " : "", schema->fields[i].name);
    }
    if (schema->n > NAMES_SHOWN) aip__text_printf(&list, ", ... %d in all", (int)schema->n);
    if (names) near = aip__nearest(name, names, (size_t)schema->n);
    aip__error_set(err, AIP_E_SCHEMA, "no column '%s'%s%s%s (columns: %s)", name, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "", list.n > 0 && !list.failed ? list.bytes : "none");
    aip__error_at_data_column(err, name);
    aip__free(schema->ctx, names);
    aip__text_free(&list);
    return AIP_E_SCHEMA;
}

int32_t aip__schema_need(const aip_schema *schema, const char *name, int32_t *index, aip_error **err) {
    int32_t i = aip_schema_find(schema, name);
    if (i < 0) return error_no_column(schema, name, err);
    *index = i;
    return AIP_OK;
}

/* Wildcards: * any run, ? one byte. Iterative: on a mismatch go back to the last star and let it take one more. */
static bool pattern_meets(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++, text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == 0;
}

static bool word_meets(const char *word, const aip_field *f) {
    if (strcmp(word, "all") == 0) return true;
    if (strcmp(word, "numeric") == 0) return aip__type_is_numeric(f->type);
    if (strcmp(word, "text") == 0) return aip__type_is_text(f->type);
    return pattern_meets(word, f->name);
}

static bool is_word(const aip_schema *schema, const char *text) {
    if (aip_schema_find(schema, text) >= 0) return false; /* a column of that very name wins */
    return strcmp(text, "all") == 0 || strcmp(text, "numeric") == 0 || strcmp(text, "text") == 0 || strpbrk(text, "*?");
}

int32_t aip__schema_columns(const aip_schema *schema, const aip_params *params, const char *name, const char *otherwise,
                            int32_t **indices, int32_t *n, aip_error **err) {
    bool null = aip_params_is_null(params, name) != 0;
    int32_t n_texts = null ? 0 : aip_params_n_strings(params, name), count = 0;
    size_t room = (size_t)schema->n + (size_t)n_texts;
    int32_t *list = aip__alloc(schema->ctx, (room + 1) * sizeof *list);
    if (!list) return aip__error_memory(schema->ctx, err);
    const char *word = null ? otherwise : n_texts == 1 ? aip_params_string_at(params, name, 0) : NULL;
    if (word && (null || is_word(schema, word))) {
        for (int32_t i = 0; i < schema->n; i++)
            if (word_meets(word, &schema->fields[i])) list[count++] = i;
    } else {
        for (int32_t t = 0; t < n_texts; t++) {
            int32_t status = aip__schema_need(schema, aip_params_string_at(params, name, t), &list[count], err);
            for (int32_t k = 0; status == AIP_OK && k < count; k++)
                if (list[k] == list[count])
                    status = aip__error_set(err, AIP_E_SCHEMA, "column '%s' is named twice", schema->fields[list[k]].name);
            if (status != AIP_OK) {
                aip__error_at_parameter(err, name);
                aip__free(schema->ctx, list);
                return status;
            }
            count++;
        }
    }
    *indices = list;
    *n = count;
    return AIP_OK;
}
