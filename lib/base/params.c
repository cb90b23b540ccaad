/* Validated parameters: one slot for each entry of a descriptor's table, in its order, holding a value that is already of the right kind
 * (a float parameter given as 1 holds a float). Everything lies in a document of its own, so nothing points into what was given. */
#include "base/params_check.h"

#include "base/error.h"
#include "base/memory.h"
#include <string.h>

typedef struct slot {
    const char *name, *json;
    const aip__node *value;
    bool given;
    int32_t line, column;
} slot;

struct aip_params {
    aip_context *ctx;
    aip__document *d;
    slot *slots;
    int32_t n;
    const char *canonical;
};

const aip_param_spec *aip__param_at(const aip_descriptor *descriptor, int32_t i) {
    return (const aip_param_spec *)(const void *)((const char *)descriptor->params + (size_t)i * descriptor->param_stride);
}

static int32_t find_spec(const aip_descriptor *descriptor, const char *name, size_t length) {
    for (int32_t i = 0; i < descriptor->n_params; i++) {
        const char *known = aip__param_at(descriptor, i)->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) return i;
    }
    return -1;
}

/* ---- what was given ---------------------------------------------------------------------------------------------------------------- */

static int32_t at_node(const aip__node *node, int32_t status, aip_error **err) {
    if (node->line > 0) aip__error_at_line(err, node->line, node->column);
    return status;
}

static int32_t unknown(aip_context *ctx, const aip_descriptor *descriptor, const aip__node *key, aip_error **err) {
    size_t n = (size_t)descriptor->n_params;
    const char **names = aip__calloc(ctx, n + 1, sizeof *names);
    aip__text known;
    if (!names) return aip__error_memory(ctx, err);
    aip__text_init(&known, ctx);
    for (size_t i = 0; i < n; i++) {
        names[i] = aip__param_at(descriptor, (int32_t)i)->name;
        aip__text_str(&known, i > 0 ? ", " : "");
        aip__text_str(&known, names[i]);
    }
    const char *near = aip__nearest(key->string, names, n);
    int32_t status = AIP_OK;
    if (known.failed)
        status = aip__error_memory(ctx, err);
    else if (near)
        status = aip__error_set(err, AIP_E_PARAM, "%s: unknown parameter '%.100s'; did you mean '%s'?", descriptor->name,
                                key->string, near);
    else if (n == 0)
        status = aip__error_set(err, AIP_E_PARAM, "%s: unknown parameter '%.100s'; it takes none", descriptor->name, key->string);
    else
        status = aip__error_set(err, AIP_E_PARAM, "%s: unknown parameter '%.100s'; expected one of %s", descriptor->name,
                                key->string, known.bytes);
    aip__error_at_parameter(err, key->string);
    aip__text_free(&known);
    aip__free(ctx, names);
    return at_node(key, status, err);
}

static int32_t set_slot(aip_params *p, const aip_descriptor *descriptor, int32_t i, const aip__node *value, aip_error **err) {
    slot *s = &p->slots[i];
    int32_t status = aip__param_check(p->ctx, p->d, descriptor->name, aip__param_at(descriptor, i), value, &s->value, err);
    if (status != AIP_OK) return at_node(value, status, err);
    s->given = true;
    s->line = value->line;
    s->column = value->column;
    return AIP_OK;
}

/* ---- free names: the entry "*" of a table takes every key that no other entry names, as a list of [name, value] in the given order ------- */

static int32_t add_free(aip_params *p, const aip_descriptor *descriptor, int32_t i, const aip__node *key, const aip__node *value,
                        aip_error **err) {
    slot *s = &p->slots[i];
    const aip__node *checked = NULL;
    aip_param_spec spec = *aip__param_at(descriptor, i);
    spec.name = key->string;
    if (key->length == 0 || strlen(key->string) != key->length)
        return at_node(key, aip__error_set(err, AIP_E_PARAM, "%s: expected a name without NUL characters", descriptor->name),
                       err);
    int32_t status = aip__param_check(p->ctx, p->d, descriptor->name, &spec, value, &checked, err);
    if (status != AIP_OK) return at_node(value, status, err);
    aip__node *pair = aip__node_new(p->d, AIP__LIST);
    if (!pair || aip__node_add(p->d, pair, NULL, aip__node_string(p->d, key->string, key->length)) != 0
        || aip__node_add(p->d, pair, NULL, (aip__node *)(uintptr_t)checked) != 0
        || aip__node_add(p->d, (aip__node *)(uintptr_t)s->value, NULL, pair) != 0)
        return aip__error_memory(p->ctx, err);
    if (!s->given) {
        s->given = true;
        s->line = value->line;
        s->column = value->column;
    }
    return AIP_OK;
}

/* The list itself, as the canonical text has it. */
static int32_t take_free_list(aip_params *p, const aip_descriptor *descriptor, int32_t i, const aip__node *given,
                              aip_error **err) {
    bool is_list = given->kind == AIP__LIST;
    for (int32_t k = 0; k < given->n; k++) {
        const aip__node *pair = given->items[k];
        if (!is_list || pair->kind != AIP__LIST || pair->n != 2 || pair->items[0]->kind != AIP__STRING) {
            is_list = false;
            break;
        }
        AIP__TRY(add_free(p, descriptor, i, pair->items[0], pair->items[1], err));
    }
    if (is_list) return AIP_OK;
    int32_t status = aip__error_set(err, AIP_E_PARAM, "%s: expected '*' to be a list of [name, value]", descriptor->name);
    aip__error_at_parameter(err, "*");
    return at_node(given, status, err);
}

static int32_t take_given(aip_params *p, const aip_descriptor *descriptor, const aip__node *given, aip_error **err) {
    if (!given || given->kind == AIP__NULL) return AIP_OK;
    if (given->kind != AIP__MAP) {
        int32_t i = descriptor->shorthand ? find_spec(descriptor, descriptor->shorthand, strlen(descriptor->shorthand)) : -1;
        if (i >= 0) return set_slot(p, descriptor, i, given, err);
        int32_t status = aip__error_set(err, AIP_E_PARAM, "%s: expected a map of parameters, found %s", descriptor->name,
                                        aip__node_kind_name(given->kind));
        return at_node(given, status, err);
    }
    int32_t rest = find_spec(descriptor, "*", 1);
    for (int32_t k = 0; k < given->n; k++) {
        int32_t i = find_spec(descriptor, given->keys[k]->string, given->keys[k]->length);
        if (i >= 0 && i == rest) {
            AIP__TRY(take_free_list(p, descriptor, i, given->items[k], err));
            continue;
        }
        if (i < 0 && rest >= 0) {
            AIP__TRY(add_free(p, descriptor, rest, given->keys[k], given->items[k], err));
            continue;
        }
        if (i < 0) return unknown(p->ctx, descriptor, given->keys[k], err);
        AIP__TRY(set_slot(p, descriptor, i, given->items[k], err));
    }
    return AIP_OK;
}

/* ---- defaults ------------------------------------------------------------------------------------------------------------------------ */

static int32_t take_default(aip_params *p, const aip_descriptor *descriptor, int32_t i, const aip__node *given, aip_error **err) {
    const aip_param_spec *spec = aip__param_at(descriptor, i);
    aip__document *d = NULL;
    if (!spec->default_json) {
        aip__text expected;
        aip__text_init(&expected, p->ctx);
        aip__param_expected(spec, &expected);
        int32_t status = expected.failed ? aip__error_memory(p->ctx, err)
                                         : aip__error_set(err, AIP_E_PARAM, "%s: parameter '%s' is missing: expected %s",
                                                          descriptor->name, spec->name, expected.bytes);
        aip__error_at_parameter(err, spec->name);
        aip__text_free(&expected);
        return given ? at_node(given, status, err) : status;
    }
    int32_t status = aip__json_parse(p->ctx, spec->default_json, strlen(spec->default_json), NULL, &d, err);
    if (status == AIP_OK)
        status = aip__param_check(p->ctx, p->d, descriptor->name, spec, aip__document_root(d), &p->slots[i].value, err);
    aip__document_free(d);
    return status;
}

static const char *as_json(aip_params *p, const aip__node *node) {
    aip__text t;
    aip__text_init(&t, p->ctx);
    aip__node_write(node, &t);
    aip__node *copy = t.failed ? NULL : aip__node_string(p->d, t.bytes, t.n);
    aip__text_free(&t);
    return copy ? copy->string : NULL;
}

/* The JSON texts of each value and of the whole. */
static int32_t write_texts(aip_params *p, aip_error **err) {
    aip__node *all = aip__node_new(p->d, AIP__MAP);
    for (int32_t i = 0; all && i < p->n; i++) {
        slot *s = &p->slots[i];
        aip__node *value = aip__node_copy(p->d, s->value);
        s->json = as_json(p, s->value);
        if (!s->json || aip__node_add(p->d, all, aip__node_string(p->d, s->name, strlen(s->name)), value) != 0) all = NULL;
    }
    p->canonical = all ? as_json(p, all) : NULL;
    return p->canonical ? AIP_OK : aip__error_memory(p->ctx, err);
}

int32_t aip__params_create(aip_context *ctx, const aip_descriptor *descriptor, const aip__node *given, const char *source,
                           aip_params **out, aip_error **err) {
    aip_params *p = aip__calloc(ctx, 1, sizeof *p);
    if (!p) return aip__error_memory(ctx, err);
    p->ctx = ctx;
    p->n = descriptor->n_params;
    p->slots = aip__calloc(ctx, (size_t)p->n + 1, sizeof *p->slots);
    int32_t status = p->slots ? aip__document_new(ctx, &p->d, err) : aip__error_memory(ctx, err);
    for (int32_t i = 0; i < p->n && status == AIP_OK; i++) {
        const char *name = aip__param_at(descriptor, i)->name;
        const aip__node *copy = aip__node_string(p->d, name, strlen(name));
        if (!copy)
            status = aip__error_memory(ctx, err);
        else
            p->slots[i].name = copy->string;
        if (status == AIP_OK && strcmp(name, "*") == 0 && !(p->slots[i].value = aip__node_new(p->d, AIP__LIST)))
            status = aip__error_memory(ctx, err);
    }
    if (status == AIP_OK) status = take_given(p, descriptor, given, err);
    for (int32_t i = 0; i < p->n && status == AIP_OK; i++)
        if (!p->slots[i].value) status = take_default(p, descriptor, i, given, err);
    if (status == AIP_OK) status = write_texts(p, err);
    if (status != AIP_OK) {
        aip__error_at_source(err, source);
        aip__params_free(p);
        return status;
    }
    *out = p;
    return AIP_OK;
}

int32_t aip__params_parse(aip_context *ctx, const aip_descriptor *descriptor, const char *json, aip_params **out,
                          aip_error **err) {
    if (!json) return aip__params_create(ctx, descriptor, NULL, NULL, out, err);
    aip__document *d = NULL;
    int32_t status = aip__json_parse(ctx, json, strlen(json), NULL, &d, err);
    if (status == AIP_E_SYNTAX && err) { /* the same place, and whose parameters they are */
        int64_t line = aip_error_line(*err), column = aip_error_column(*err), offset = aip_error_offset(*err);
        status = aip__error_set(err, status, "%s: the parameters are %s", descriptor->name, aip_error_message(*err));
        aip__error_at_line(err, line, column);
        aip__error_at_offset(err, offset);
    }
    if (status != AIP_OK) return status;
    status = aip__params_create(ctx, descriptor, aip__document_root(d), NULL, out, err);
    aip__document_free(d);
    return status;
}

void aip__params_free(aip_params *params) {
    if (!params) return;
    aip__document_free(params->d);
    aip__free(params->ctx, params->slots);
    aip__free(params->ctx, params);
}

/* ---- getters: an unknown name gives null ------------------------------------------------------------------------------------------------ */

static const slot *find(const aip_params *params, const char *name) {
    for (int32_t i = 0; params && name && i < params->n; i++)
        if (strcmp(params->slots[i].name, name) == 0) return &params->slots[i];
    return NULL;
}

const aip__node *aip__params_node(const aip_params *params, const char *name) {
    const slot *s = find(params, name);
    return s ? s->value : NULL;
}

const char *aip__params_canonical(const aip_params *params) { return params->canonical; }

int32_t aip__params_line(const aip_params *params, const char *name, int32_t *column) {
    const slot *s = find(params, name);
    if (column) *column = s ? s->column : 0;
    return s ? s->line : 0;
}

int32_t aip_params_is_null(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    return !v || v->kind == AIP__NULL;
}

int32_t aip_params_given(const aip_params *params, const char *name) {
    const slot *s = find(params, name);
    return s && s->given;
}

int32_t aip_params_bool(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    return v && v->kind == AIP__BOOL && v->boolean;
}

int64_t aip_params_int(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    return v && v->kind == AIP__INT ? v->integer : 0;
}

double aip_params_float(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    return v && (v->kind == AIP__FLOAT || v->kind == AIP__INT) ? v->real : 0;
}

const char *aip_params_string(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    return v && v->kind == AIP__STRING ? v->string : NULL;
}

int32_t aip_params_n_strings(const aip_params *params, const char *name) {
    const aip__node *v = aip__params_node(params, name);
    if (v && v->kind == AIP__STRING) return 1;
    return v && v->kind == AIP__LIST ? v->n : 0;
}

const char *aip_params_string_at(const aip_params *params, const char *name, int32_t i) {
    const aip__node *v = aip__params_node(params, name);
    if (v && v->kind == AIP__STRING) return i == 0 ? v->string : NULL;
    if (!v || v->kind != AIP__LIST || i < 0 || i >= v->n) return NULL;
    return v->items[i]->kind == AIP__STRING ? v->items[i]->string : NULL;
}

const char *aip_params_json(const aip_params *params, const char *name) {
    const slot *s = find(params, name);
    return s ? s->json : NULL;
}
