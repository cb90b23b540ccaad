/* The catalogue: descriptors of one context, sorted by kind and name. A registered descriptor and its parameter table are copied at this
 * version's size, so that later readers need not mind strides; their strings stay the registrant's. Descriptors never move or go before
 * the catalogue does, so a look-up is safe to keep. */
#include "base/catalog.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/params_check.h"
#include <math.h>
#include <string.h>

typedef struct entry {
    aip_descriptor d;
    aip_param_spec params[];
} entry;

/* Never changed once it is in the catalogue but replaced by a longer one, in one store: a child forked in the middle of that sees the one or
 * the other. */
typedef struct table {
    size_t n;
    entry *entries[];
} table;

struct aip__catalog {
    aip__lock lock;
    table *table;
    bool built_in_done; /* what comes now is the host's */
    aip__public_kind kinds[AIP_KIND_OPERATOR + 1];
    void (*describe[AIP_KIND_OPERATOR + 1])(const aip_descriptor *d, aip__text *t);
};

int32_t aip__catalog_create(aip_context *ctx, aip__catalog **out, aip_error **err) {
    aip__catalog *c = aip__calloc(ctx, 1, sizeof *c);
    if (!c) return aip__error_memory(ctx, err);
    c->table = aip__calloc(ctx, 1, sizeof *c->table);
    if (!c->table) {
        aip__free(ctx, c);
        return aip__error_memory(ctx, err);
    }
    aip__lock_init(ctx, &c->lock);
    *out = c;
    return AIP_OK;
}

void aip__catalog_free(aip_context *ctx, aip__catalog *catalog) {
    if (!catalog) return;
    for (size_t i = 0; i < catalog->table->n; i++) {
        entry *e = catalog->table->entries[i];
        if (e->d.destroy) e->d.destroy(e->d.user);
        aip__free(ctx, e);
    }
    aip__lock_destroy(ctx, &catalog->lock);
    aip__free(ctx, catalog->table);
    aip__free(ctx, catalog);
}

const char *aip__kind_name(int32_t kind) {
    static const char *const names[] = {"thing", "stage", "model", "metric", "format", "connector", "operator"};
    return names[kind >= AIP_KIND_STAGE && kind <= AIP_KIND_OPERATOR ? kind : 0];
}

/* Where (kind, name) is, or belongs. */
static size_t place_of(const aip__catalog *c, int32_t kind, const char *name, bool *there) {
    size_t low = 0, high = c->table->n;
    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const aip_descriptor *d = &c->table->entries[middle]->d;
        int order = d->kind != kind ? (d->kind > kind) - (d->kind < kind) : strcmp(d->name, name);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- registering -------------------------------------------------------------------------------------------------------------------- */

static bool is_snake_case(const char *name) {
    if (!name || name[0] < 'a' || name[0] > 'z') return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

static int32_t check_spec(const aip_descriptor *d, int32_t i, aip_error **err) {
    const aip_param_spec *s = &d->params[i];
    if (!s->name || !s->name[0] || !s->doc)
        return aip__error_set(err, AIP_E_MISUSE, "%s: parameter %d has no name or no doc", d->name, (int)i);
    const char *problem = NULL;
    if (!aip__param_type_name(s->type)[0])
        problem = "type is not an AIP_PARAM value";
    else if (s->type == AIP_PARAM_CHOICE && (!s->choices || !s->choices[0]))
        problem = "a choice has no choices";
    else if (isnan(s->minimum) || isnan(s->maximum) || s->maximum < s->minimum)
        problem = "maximum is less than minimum; INFINITY stands for no bound";
    for (int32_t j = 0; j < i; j++)
        if (strcmp(d->params[j].name, s->name) == 0) problem = "two parameters have this name";
    return problem ? aip__error_set(err, AIP_E_MISUSE, "%s: parameter '%s': %s", d->name, s->name, problem) : AIP_OK;
}

/* Each default must pass its own check, so that no use of the descriptor can fail on one. */
static int32_t check_defaults(aip_context *ctx, const aip_descriptor *d, aip_error **err) {
    for (int32_t i = 0; i < d->n_params; i++) {
        if (!d->params[i].default_json) continue;
        aip_descriptor one = *d;
        one.params = &d->params[i];
        one.n_params = 1;
        aip_params *params = NULL;
        aip_error *why = NULL;
        int32_t status = aip__params_create(ctx, &one, NULL, NULL, &params, &why);
        if (status == AIP_E_PARAM || status == AIP_E_SYNTAX) {
            status = aip__error_set(err, AIP_E_MISUSE, "%s: the default of parameter '%s' does not fit: %s", d->name,
                                    d->params[i].name, aip_error_message(why));
            aip_error_free(why);
            return status;
        }
        if (status != AIP_OK) return aip__error_move(err, why);
        aip__params_free(params);
    }
    return AIP_OK;
}

static int32_t check_descriptor(aip_context *ctx, const aip_descriptor *d, aip_error **err) {
    bool shorthand = d->shorthand == NULL;
    if (d->kind < AIP_KIND_STAGE || d->kind > AIP_KIND_OPERATOR)
        return aip__error_set(err, AIP_E_MISUSE, "%s: kind is %d: expected an AIP_KIND value", d->name, (int)d->kind);
    if (!d->doc) return aip__error_set(err, AIP_E_MISUSE, "%s: doc is NULL: expected one line", d->name);
    if (d->rows < AIP_ROWS_SAME || d->rows > AIP_ROWS_OTHER)
        return aip__error_set(err, AIP_E_MISUSE, "%s: rows is %d: expected an AIP_ROWS value", d->name, (int)d->rows);
    for (int32_t i = 0; i < d->n_params; i++) {
        AIP__TRY(check_spec(d, i, err));
        if (!shorthand && strcmp(d->params[i].name, d->shorthand) == 0) shorthand = true;
    }
    if (!shorthand)
        return aip__error_set(err, AIP_E_MISUSE, "%s: shorthand is '%s': expected a parameter's name", d->name, d->shorthand);
    return check_defaults(ctx, d, err);
}

static bool has_param(const aip_descriptor *d, const char *name) {
    for (int32_t i = 0; i < d->n_params; i++) {
        const aip_param_spec *s = aip__param_at(d, i);
        if (s->struct_size >= offsetof(aip_param_spec, doc) && s->name && strcmp(s->name, name) == 0) return true;
    }
    return false;
}

/* A copy at this version's sizes, with what its kind adds (NULL: nothing). */
static int32_t copy_descriptor(aip_context *ctx, const aip_descriptor *given, const aip__public_kind *kind, entry **out,
                               aip_error **err) {
    aip_descriptor d;
    AIP__TRY(aip__struct_copy(&d, sizeof d, given, "aip_descriptor", err));
    if (!is_snake_case(d.name))
        return aip__error_set(err, AIP_E_MISUSE, "a descriptor's name is '%.100s': expected snake_case", d.name ? d.name : "");
    if (d.n_params < 0 || (d.n_params > 0 && (!d.params || d.param_stride < sizeof(uint32_t))))
        return aip__error_set(err, AIP_E_MISUSE, "%s: params, n_params and param_stride do not fit each other", d.name);
    size_t bytes = 0;
    int32_t n_common = kind ? kind->n_common : 0, more = 0;
    if (aip__mul_size((size_t)d.n_params + (size_t)n_common, sizeof(aip_param_spec), &bytes)
        || aip__add_size(bytes, sizeof(entry), &bytes))
        return aip__error_nomem(err);
    entry *e = aip__alloc(ctx, bytes);
    if (!e) return aip__error_memory(ctx, err);
    e->d = d;
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < n_common && d.n_params < INT32_MAX - n_common; i++)
        if (!has_param(&d, kind->common[i].name)) e->params[more++] = kind->common[i];
    for (int32_t i = 0; i < d.n_params && status == AIP_OK; i++)
        status = aip__struct_copy(&e->params[i + more], sizeof e->params[i], aip__param_at(&d, i), "aip_param_spec", err);
    e->d.params = e->params;
    e->d.n_params += more;
    if (n_common > 0 && !d.shorthand) e->d.shorthand = kind->common[0].name;
    e->d.param_stride = sizeof(aip_param_spec);
    if (status == AIP_OK) status = check_descriptor(ctx, &e->d, err);
    if (status != AIP_OK) {
        aip__free(ctx, e);
        return status;
    }
    *out = e;
    return AIP_OK;
}

/* The rules of the descriptor's kind; NULL for a built-in. A value that is no kind is for check_descriptor to refuse. */
static int32_t find_kind(const aip__catalog *c, const aip_descriptor *d, const aip__public_kind **out, aip_error **err) {
    bool is_kind = d->struct_size >= offsetof(aip_descriptor, name) && d->kind >= AIP_KIND_STAGE && d->kind <= AIP_KIND_OPERATOR;
    if (!c->built_in_done || !is_kind) return AIP_OK;
    if (d->kind != AIP_KIND_STAGE && !c->kinds[d->kind].check)
        return aip__error_set(err, AIP_E_UNSUPPORTED,
                              "the table of functions of a %s is not public in this version: a host adds stages and connectors",
                              aip__kind_name(d->kind));
    *out = &c->kinds[d->kind];
    return AIP_OK;
}

/* With the lock held. */
static int32_t insert(aip_context *ctx, aip__catalog *c, size_t at, entry *e, aip_error **err) {
    table *old = c->table;
    table *longer = aip__alloc(ctx, sizeof *longer + (old->n + 1) * sizeof longer->entries[0]);
    if (!longer) return aip__error_memory(ctx, err);
    longer->n = old->n + 1;
    memcpy(longer->entries, old->entries, at * sizeof longer->entries[0]);
    longer->entries[at] = e;
    memcpy(longer->entries + at + 1, old->entries + at, (old->n - at) * sizeof longer->entries[0]);
    c->table = longer;
    aip__free(ctx, old);
    return AIP_OK;
}

int32_t aip_catalog_register(aip_context *ctx, const aip_descriptor *descriptor, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !descriptor) return aip__error_set(err, AIP_E_MISUSE, "aip_catalog_register: context or descriptor is NULL");
    aip__catalog *c = ctx->catalog;
    entry *e = NULL;
    const aip__public_kind *kind = NULL;
    AIP__TRY(find_kind(c, descriptor, &kind, err));
    AIP__TRY(copy_descriptor(ctx, descriptor, kind, &e, err));
    if (kind && kind->check) {
        int32_t checked = kind->check(&e->d, err);
        if (checked != AIP_OK) {
            aip__free(ctx, e);
            return checked;
        }
    }
    bool there = false;
    int32_t status = AIP_OK;
    aip__lock_take(ctx, &c->lock);
    size_t at = place_of(c, e->d.kind, e->d.name, &there);
    if (there) {
        status = aip__error_set(err, AIP_E_PARAM, "the %s '%s' is already registered", aip__kind_name(e->d.kind), e->d.name);
    } else {
        status = insert(ctx, c, at, e, err);
        if (status == AIP_OK) e = NULL;
    }
    aip__lock_leave(&c->lock);
    aip__free(ctx, e);
    return status;
}

void aip__catalog_open_kind(aip_context *ctx, int32_t kind, const aip__public_kind *rules) { ctx->catalog->kinds[kind] = *rules; }

void aip__catalog_describe_kind(aip_context *ctx, int32_t kind, void (*describe)(const aip_descriptor *d, aip__text *t)) {
    ctx->catalog->describe[kind] = describe;
}

void aip__catalog_built_in_done(aip_context *ctx) { ctx->catalog->built_in_done = true; }

/* ---- finding -------------------------------------------------------------------------------------------------------------------------- */

#define LISTED 12 /* so many names are still read */

static int32_t list_names(aip_context *ctx, const char *what, const char *name, const char *const *names, size_t n,
                          aip_error **err) {
    aip__text t;
    aip__text_init(&t, ctx);
    for (size_t i = 0; i < n && n <= LISTED; i++)
        aip__text_printf(&t, "%s%.60s", i == 0 ? "; expected " : i + 1 < n ? ", " : " or ", names[i]);
    int32_t status = t.failed ? aip__error_memory(ctx, err)
                              : aip__error_set(err, AIP_E_NOT_FOUND, "no %s '%.100s'%s", what, name, t.n ? t.bytes : "");
    aip__text_free(&t);
    return status;
}

/* kind 0: any. Called with the lock held. */
static int32_t not_found(aip_context *ctx, const aip__catalog *c, int32_t kind, const char *name, aip_error **err) {
    const char **names = aip__calloc(ctx, c->table->n + 1, sizeof *names);
    if (!names) return aip__error_memory(ctx, err);
    size_t n = 0;
    int32_t other = 0, status = AIP_OK;
    for (size_t i = 0; i < c->table->n; i++) {
        const aip_descriptor *d = &c->table->entries[i]->d;
        if (kind == 0 || d->kind == kind)
            names[n++] = d->name;
        else if (strcmp(d->name, name) == 0)
            other = d->kind;
    }
    const char *near = aip__nearest(name, names, n), *what = kind == 0 ? "catalogue entry" : aip__kind_name(kind);
    if (other)
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no %s '%.100s'; only the %s of that name is known", what, name,
                                aip__kind_name(other));
    else if (near)
        status = aip__error_set(err, AIP_E_NOT_FOUND, "no %s '%.100s'; did you mean '%s'?", what, name, near);
    else
        status = list_names(ctx, what, name, names, n, err);
    aip__free(ctx, names);
    return status;
}

int32_t aip__catalog_find(aip_context *ctx, int32_t kind, const char *name, const aip_descriptor **out, aip_error **err) {
    aip__catalog *c = ctx->catalog;
    bool there = false;
    int32_t status = AIP_OK;
    aip__lock_take(ctx, &c->lock);
    size_t at = place_of(c, kind, name, &there);
    if (there)
        *out = &c->table->entries[at]->d;
    else
        status = not_found(ctx, c, kind, name, err);
    aip__lock_leave(&c->lock);
    return status;
}

const aip_descriptor *aip__catalog_at(aip_context *ctx, int32_t i) {
    aip__catalog *c = ctx->catalog;
    aip__lock_take(ctx, &c->lock);
    const aip_descriptor *d = i >= 0 && (size_t)i < c->table->n ? &c->table->entries[i]->d : NULL;
    aip__lock_leave(&c->lock);
    return d;
}

/* ---- as JSON --------------------------------------------------------------------------------------------------------------------------- */

static void add_member(aip__text *t, const char *name, const char *text) {
    aip__text_printf(t, ",\"%s\":", name);
    aip__text_json(t, text, strlen(text));
}

void aip__catalog_add_names(aip__text *t, const char *name, const char *names) {
    aip__text_printf(t, ",\"%s\":[", name);
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, "|");
        if (p != names) aip__text_char(t, ',');
        aip__text_json(t, p, n);
        p += n + (p[n] == '|');
    }
    aip__text_char(t, ']');
}

static void add_bound(aip__text *t, const char *name, double v, bool open) {
    if (!isfinite(v)) return;
    aip__text_printf(t, ",\"%s\":", name);
    aip__text_f64(t, v, true);
    if (open) aip__text_printf(t, ",\"%s_excluded\":true", name);
}

static void add_param(aip__text *t, const aip_param_spec *s) {
    aip__text_str(t, "{\"name\":");
    aip__text_json(t, s->name, strlen(s->name));
    add_member(t, "type", aip__param_type_name(s->type));
    add_member(t, "doc", s->doc);
    if (s->default_json)
        aip__text_printf(t, ",\"default\":%s", s->default_json);
    else
        aip__text_str(t, ",\"required\":true");
    if (s->choices) aip__catalog_add_names(t, "choices", s->choices);
    if (s->minimum != 0 || s->maximum != 0) {
        add_bound(t, "minimum", s->minimum, (s->open_interval & 1) != 0);
        add_bound(t, "maximum", s->maximum, (s->open_interval & 2) != 0);
    }
    if (s->nullable) aip__text_str(t, ",\"nullable\":true");
    aip__text_char(t, '}');
}

static void add_entry(const aip__catalog *c, aip__text *t, const aip_descriptor *d) {
    static const char *const rows[] = {"same", "fewer", "other"};
    aip__text_printf(t, "{\"kind\":\"%s\"", aip__kind_name(d->kind));
    add_member(t, "name", d->name);
    add_member(t, "doc", d->doc);
    aip__text_printf(t, ",\"version\":%d", (int)d->version);
    if (d->kind == AIP_KIND_STAGE) add_member(t, "rows", rows[d->rows]);
    if (d->inputs) aip__catalog_add_names(t, "inputs", d->inputs);
    if (d->shorthand) add_member(t, "shorthand", d->shorthand);
    if (c->describe[d->kind]) c->describe[d->kind](d, t);
    aip__text_str(t, ",\"params\":[");
    for (int32_t i = 0; i < d->n_params; i++) {
        if (i > 0) aip__text_char(t, ',');
        add_param(t, &d->params[i]);
    }
    aip__text_str(t, "]}");
}

/* name: "csv", or "format.csv" where several kinds share it. */
static bool is_named(const aip_descriptor *d, const char *name) {
    const char *kind = aip__kind_name(d->kind);
    size_t n = strlen(kind);
    if (strncmp(name, kind, n) == 0 && name[n] == '.') name += n + 1;
    return strcmp(d->name, name) == 0;
}

int32_t aip_catalog_json(aip_context *ctx, const char *name, char **out, aip_error **err) {
    AIP__BEGIN(err);
    if (!ctx || !out) return aip__error_set(err, AIP_E_MISUSE, "aip_catalog_json: context or out is NULL");
    aip__catalog *c = ctx->catalog;
    aip__text t;
    size_t n = 0;
    int32_t status = AIP_OK;
    aip__text_init(&t, ctx);
    aip__lock_take(ctx, &c->lock);
    for (size_t i = 0; i < c->table->n; i++) {
        const aip_descriptor *d = &c->table->entries[i]->d;
        if (name && !is_named(d, name)) continue;
        if (!name || n > 0) aip__text_char(&t, n == 0 ? '[' : ',');
        add_entry(c, &t, d);
        n++;
        if (name) break;
    }
    if (name && n == 0) status = not_found(ctx, c, 0, name, err);
    aip__lock_leave(&c->lock);
    if (!name) aip__text_str(&t, n == 0 ? "[]" : "]");
    if (status != AIP_OK) {
        aip__text_free(&t);
        return status;
    }
    return aip__text_take(&t, out, NULL, err);
}

void aip_text_free(aip_context *ctx, char *text) {
    if (ctx) aip__free(ctx, text);
}
