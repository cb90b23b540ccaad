/* Parameters of a DAG: `params:` in its file says names, defaults and ranges; a run may give other values; ${params.x} in a task's definition is
 * replaced. A string that is nothing but one ${params.x} becomes the value itself, with its type. $${ stands for ${. */
#include "base/params_check.h"
#include "dag/dag.h"

#include <math.h>
#include <string.h>

#define OWNER "params"

/* ---- entries of the file ---------------------------------------------------------------------------------------------------------- */

/* An entry is {default:, minimum:, maximum:, doc:}, or the default itself. */
static const aip__node *entry_part(const aip__node *entry, const char *part) {
    return entry->kind == AIP__MAP ? aip__node_get(entry, part) : NULL;
}

const aip__node *aip__dag_param_default(const aip__node *entry) {
    return entry->kind == AIP__MAP ? aip__node_get(entry, "default") : entry;
}

const char *aip__dag_param_doc(const aip__node *entry) {
    const aip__node *doc = entry_part(entry, "doc");
    return doc && doc->kind == AIP__STRING ? doc->string : NULL;
}

static bool is_number(const aip__node *node) { return node && (node->kind == AIP__INT || node->kind == AIP__FLOAT); }

/* The type of a parameter is that of its default; an integer with a range that is not one is a number. */
static int32_t entry_type(const aip__node *entry) {
    const aip__node *value = aip__dag_param_default(entry), *low = entry_part(entry, "minimum"),
                    *high = entry_part(entry, "maximum");
    bool real = (low && low->kind == AIP__FLOAT) || (high && high->kind == AIP__FLOAT);
    if (!value || value->kind == AIP__NULL) return low || high ? AIP_PARAM_FLOAT : AIP_PARAM_ANY;
    switch (value->kind) {
    case AIP__BOOL: return AIP_PARAM_BOOL;
    case AIP__INT: return real ? AIP_PARAM_FLOAT : AIP_PARAM_INT;
    case AIP__FLOAT: return AIP_PARAM_FLOAT;
    case AIP__STRING: return AIP_PARAM_STRING;
    case AIP__LIST: return AIP_PARAM_LIST;
    default: return AIP_PARAM_OBJECT;
    }
}

const char *aip__dag_param_type(const aip__node *entry) { return aip__param_type_name(entry_type(entry)); }

static int32_t check_entry(const aip_dag *dag, const aip__node *key, const aip__node *entry, aip_error **err) {
    static const char *const known[] = {"default", "minimum", "maximum", "doc"};
    size_t legal = strspn(key->string, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (legal == 0 || legal < key->length)
        return aip__dag_place(
            dag, key, aip__error_set(err, AIP_E_PARAM, "parameter name '%s': expected letters, digits and _", key->string), err);
    if (entry->kind != AIP__MAP) return AIP_OK;
    for (int32_t i = 0; i < entry->n; i++) {
        const aip__node *k = entry->keys[i], *v = entry->items[i];
        size_t at = 0;
        while (at < 4 && strcmp(known[at], k->string) != 0) at++;
        if (at == 4)
            return aip__dag_place(dag, k, aip__dag_unknown(dag->ctx, "a parameter has no key ", k->string, known, 4, err), err);
        if ((at == 1 || at == 2) && !is_number(v))
            return aip__dag_place(
                dag, v, aip__error_set(err, AIP_E_PARAM, "%s is %s: expected a number", k->string, aip__node_kind_name(v->kind)),
                err);
        if (at == 3 && v->kind != AIP__STRING)
            return aip__dag_place(
                dag, v, aip__error_set(err, AIP_E_PARAM, "doc is %s: expected a string", aip__node_kind_name(v->kind)), err);
    }
    return AIP_OK;
}

/* ---- values -------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_value(const aip_dag *dag, const char *name, const aip__node *entry, const aip__node *value,
                           aip__document *into, aip__node **out, aip_error **err) {
    const aip__node *low = entry_part(entry, "minimum"), *high = entry_part(entry, "maximum"), *checked = NULL;
    aip_param_spec spec = {.struct_size = sizeof spec, .type = entry_type(entry), .name = name, .doc = ""};
    if (low || high) {
        spec.minimum = low ? low->real : -(double)INFINITY;
        spec.maximum = high ? high->real : (double)INFINITY;
    }
    AIP__TRY(aip__dag_place(dag, value, aip__param_check(dag->ctx, into, OWNER, &spec, value, &checked, err), err));
    *out = aip__node_copy(into, checked); /* a node that may be changed */
    return *out ? AIP_OK : aip__error_memory(dag->ctx, err);
}

static int32_t check_names(const aip_dag *dag, const aip__node *run_params, aip_error **err) {
    int32_t n = dag->params ? dag->params->n : 0;
    for (int32_t i = 0; run_params && i < run_params->n; i++) {
        const char *name = run_params->keys[i]->string;
        if (aip__node_get(dag->params, name)) continue;
        const char **names = aip__calloc(dag->ctx, (size_t)n + 1, sizeof *names);
        if (!names) return aip__error_memory(dag->ctx, err);
        for (int32_t k = 0; k < n; k++) names[k] = dag->params->keys[k]->string;
        int32_t status = aip__dag_unknown(dag->ctx, "the DAG has no parameter ", name, names, (size_t)n, err);
        aip__error_at_parameter(err, name);
        aip__free(dag->ctx, names);
        return status;
    }
    return AIP_OK;
}

int32_t aip__dag_parameters(const aip_dag *dag, const aip__node *run_params, bool open, aip__document *into, aip__node **out,
                            aip_error **err) {
    aip__node *all = aip__node_new(into, AIP__MAP);
    if (!all) return aip__error_memory(dag->ctx, err);
    AIP__TRY(check_names(dag, run_params, err));
    for (int32_t i = 0; dag->params && i < dag->params->n; i++) {
        const aip__node *key = dag->params->keys[i], *entry = dag->params->items[i];
        aip__node *value = NULL;
        AIP__TRY(check_entry(dag, key, entry, err));
        const aip__node *given = aip__node_get(run_params, key->string), *otherwise = aip__dag_param_default(entry);
        if (otherwise && (!given || otherwise->kind != AIP__NULL)) /* the file's own default is held to its range, used or not */
            AIP__TRY(check_value(dag, key->string, entry, otherwise, into, &value, err));
        if (given) AIP__TRY(check_value(dag, key->string, entry, given, into, &value, err));
        if (!value && open) continue;
        if (!value) {
            int32_t status =
                aip__error_set(err, AIP_E_PARAM, "parameter '%s' has no default: expected a value for this run", key->string);
            aip__error_at_parameter(err, key->string);
            return aip__dag_place(dag, key, status, err);
        }
        if (aip__node_add(into, all, aip__node_string(into, key->string, key->length), value) != 0)
            return aip__error_memory(dag->ctx, err);
    }
    *out = all;
    return AIP_OK;
}

/* ---- ${...} -------------------------------------------------------------------------------------------------------------------------- */

typedef struct substitution {
    const aip_dag *dag;
    const aip__node *params;
    aip__document *into;
    bool missing; /* a parameter without a value was met */
} substitution;

static int32_t refuse(const substitution *s, const aip__node *at, const char *what, size_t n, const char *expected,
                      aip_error **err) {
    return aip__dag_place(s->dag, at,
                          aip__error_set(err, AIP_E_PARAM, "'%.*s': expected %s", (int)(n > 100 ? 100 : n), what, expected), err);
}

/* The value that "${...}" (n bytes, braces and all) stands for; NULL when the parameter has none yet. */
static int32_t look_up(substitution *s, const aip__node *at, const char *text, size_t n, const aip__node **out, aip_error **err) {
    const char *inside = text + 2;
    size_t length = n - 3;
    *out = NULL;
    if (length > 4 && memcmp(inside, "run.", 4) == 0)
        return aip__dag_place(s->dag, at,
                              aip__error_set(err, AIP_E_UNSUPPORTED,
                                             "'%.*s': this version knows no values of a run; expected ${params.NAME}", (int)n,
                                             text),
                              err);
    if (length <= 7 || memcmp(inside, "params.", 7) != 0) return refuse(s, at, text, n, "${params.NAME}", err);
    char *name = aip__strndup(s->dag->ctx, inside + 7, length - 7);
    if (!name) return aip__error_memory(s->dag->ctx, err);
    int32_t status = AIP_OK, n_known = s->dag->params ? s->dag->params->n : 0;
    *out = aip__node_get(s->params, name);
    if (!*out && aip__node_get(s->dag->params, name)) s->missing = true;
    if (!*out && !s->missing) {
        const char **names = aip__calloc(s->dag->ctx, (size_t)n_known + 1, sizeof *names);
        for (int32_t i = 0; names && i < n_known; i++) names[i] = s->dag->params->keys[i]->string;
        status = names ? aip__dag_unknown(s->dag->ctx, "the DAG has no parameter ", name, names, (size_t)n_known, err)
                       : aip__error_memory(s->dag->ctx, err);
        aip__free(s->dag->ctx, names);
    }
    aip__free(s->dag->ctx, name);
    return aip__dag_place(s->dag, at, status, err);
}

static int32_t add_value(const substitution *s, const aip__node *at, const char *text, size_t n, const aip__node *value,
                         aip__text *out, aip_error **err) {
    if (value->kind == AIP__STRING)
        aip__text_add(out, value->string, value->length);
    else if (value->kind == AIP__BOOL || value->kind == AIP__INT || value->kind == AIP__FLOAT)
        aip__node_write(value, out);
    else
        return refuse(s, at, text, n, "a parameter that is a string, a number or true or false within a longer text", err);
    return AIP_OK;
}

/* The scalar's place stays; the rest becomes the value's. */
static int32_t become(substitution *s, aip__node *node, const aip__node *value, aip_error **err) {
    aip__node *copy = aip__node_copy(s->into, value);
    if (!copy) return aip__error_memory(s->dag->ctx, err);
    copy->line = node->line;
    copy->column = node->column;
    *node = *copy;
    return AIP_OK;
}

static int32_t replace(substitution *s, aip__node *node, aip_error **err) {
    const char *p = node->string, *end = p + node->length;
    aip__text text;
    aip__text_init(&text, s->dag->ctx);
    int32_t status = AIP_OK;
    while (p < end && status == AIP_OK) {
        const char *dollar = memchr(p, '$', (size_t)(end - p));
        if (!dollar) dollar = end;
        aip__text_add(&text, p, (size_t)(dollar - p));
        p = dollar;
        if (end - p >= 3 && memcmp(p, "$${", 3) == 0) {
            aip__text_str(&text, "${");
            p += 3;
        } else if (end - p >= 2 && p[1] == '{') {
            const char *close = memchr(p, '}', (size_t)(end - p));
            if (!close) {
                status = refuse(s, node, p, (size_t)(end - p), "a closing }", err);
                break;
            }
            size_t n = (size_t)(close + 1 - p);
            const aip__node *value = NULL;
            status = look_up(s, node, p, n, &value, err);
            if (status != AIP_OK || !value) break;
            if (n == node->length) {
                aip__text_free(&text);
                return become(s, node, value, err);
            }
            status = add_value(s, node, p, n, value, &text, err);
            p = close + 1;
        } else if (p < end) {
            aip__text_char(&text, *p++);
        }
    }
    if (status == AIP_OK && !s->missing) {
        aip__node *made = text.failed ? NULL : aip__node_string(s->into, text.n ? text.bytes : "", text.n);
        status = made ? become(s, node, made, err) : aip__error_memory(s->dag->ctx, err);
    }
    aip__text_free(&text);
    return status;
}

/* Walks the copy with a list of nodes still to look at. */
static int32_t replace_all(substitution *s, aip__node *root, aip_error **err) {
    aip__node **left = NULL;
    size_t capacity = 0, n = 0;
    int32_t status = AIP_OK;
    for (aip__node *node = root; node && status == AIP_OK && !s->missing; node = n > 0 ? left[--n] : NULL) {
        if (node->kind == AIP__STRING && memchr(node->string, '$', node->length)) {
            status = replace(s, node, err);
            continue;
        }
        if (aip__grow(s->dag->ctx, &left, &capacity, n + (size_t)node->n, sizeof(aip__node *)) != 0)
            status = aip__error_memory(s->dag->ctx, err);
        for (int32_t i = node->n; i > 0 && status == AIP_OK;
             i--) { /* the first is looked at first: the first error is reported */
            left[n++] = node->items[i - 1];
            if (node->kind == AIP__MAP && strstr(node->keys[i - 1]->string, "${"))
                status = refuse(s, node->keys[i - 1], node->keys[i - 1]->string, node->keys[i - 1]->length,
                                "a key without ${...}", err);
        }
    }
    aip__free(s->dag->ctx, left);
    return status;
}

int32_t aip__dag_substitute(const aip_dag *dag, const aip__node *definition, const aip__node *params, aip__document *into,
                            aip__node **out, aip_error **err) {
    substitution s = {.dag = dag, .params = params, .into = into};
    aip__node *copy = aip__node_copy(into, definition);
    if (!copy) return aip__error_memory(dag->ctx, err);
    AIP__TRY(replace_all(&s, copy, err));
    *out = s.missing ? NULL : copy;
    return AIP_OK;
}
