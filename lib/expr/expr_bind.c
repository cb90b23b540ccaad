/* Tree and schema to bound tree: one loop in postorder finds columns, checks types, makes arguments of the types that operators want, and folds
 * constants by running the operator on one row. Then the nodes that are left become the steps of the stack machine. */
#include "base/catalog.h"
#include "data/convert.h"
#include "expr/expr_kernels.h"
#include "expr/expr_tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int32_t say(const expr_binder *b, int32_t at, aip_error **err, int32_t status, const char *message) {
    return aip__expr_error(b->text, at, status, err, "%s", message);
}

const char *aip__expr_shown(const expr_bnode *node) { return node->shown ? aip_type_name(node->shown) : "null"; }

int32_t aip__expr_type_error(expr_binder *b, const expr_bnode *node, const expr_bnode *arg, const char *expected,
                             aip_error **err) {
    return aip__expr_error(b->text, arg->op_at, AIP_E_SCHEMA, err, "'%s' expects %s, found %s", node->function->name, expected,
                           aip__expr_shown(arg));
}

/* ---- zones -------------------------------------------------------------------------------------------------------------------- */
int32_t aip__expr_zone(expr_binder *b, const expr_bnode *at, const char *name, const aip__zone **out, aip_error **err) {
    aip__bound_expr *bound = b->bound;
    if (aip__grow(bound->ctx, &bound->zones, &bound->zones_capacity, bound->n_zones + 1, sizeof *bound->zones) != 0)
        return aip__error_memory(bound->ctx, err);
    aip_error *why = NULL;
    aip__zone *zone = NULL;
    int32_t status = aip__zone_open(bound->ctx, name, &zone, &why);
    if (status != AIP_OK) {
        say(b, at->op_at, err, status, aip_error_message(why));
        aip_error_free(why);
        return status;
    }
    bound->zones[bound->n_zones++] = zone;
    *out = zone;
    return AIP_OK;
}

/* ---- making arguments fit -------------------------------------------------------------------------------------------------------- */
static int32_t text_to_time(expr_binder *b, expr_bnode *arg, int32_t type, const char *zone, aip_error **err) {
    expr_text t = arg->value.v.t;
    int32_t days = 0, status = AIP_OK;
    int64_t micros = 0;
    bool has_zone = false;
    char message[160];
    int shown = t.n > 60 ? 60 : (int)t.n;
    if (type == AIP_DATE32) {
        if (!aip__parse_date(t.p, t.n, &days)) {
            snprintf(message, sizeof message, "expected a date as 'YYYY-MM-DD', found '%.*s'", shown, t.p);
            return say(b, arg->op_at, err, AIP_E_SCHEMA, message);
        }
        micros = days;
    } else {
        if (aip__parse_date(t.p, t.n, &days))
            micros = days * INT64_C(86400000000);
        else if (!aip__parse_timestamp(t.p, t.n, &micros, &has_zone)) {
            snprintf(message, sizeof message, "expected a timestamp as 'YYYY-MM-DD HH:MM:SS', found '%.*s'", shown, t.p);
            return say(b, arg->op_at, err, AIP_E_SCHEMA, message);
        }
        if (has_zone && !zone)
            return say(b, arg->op_at, err, AIP_E_SCHEMA, "expected a timestamp without offset, as the other one has no zone");
        if (!has_zone && zone) {
            const aip__zone *data = NULL;
            if ((status = aip__expr_zone(b, arg, zone, &data, err)) != AIP_OK) return status;
            int64_t second = micros / 1000000 - (micros % 1000000 < 0);
            micros += (aip__zone_to_utc(data, second) - second) * 1000000;
        }
    }
    arg->value.v.i = micros;
    arg->type = type;
    arg->zone = zone;
    return AIP_OK;
}

static int32_t date_to_timestamp(expr_binder *b, expr_bnode *arg, const char *zone, aip_error **err) {
    arg->zone = zone;
    if (zone) AIP__TRY(aip__expr_zone(b, arg, zone, &arg->convert_zone, err));
    if (!arg->constant) {
        arg->convert = EXPR_TO_TIMESTAMP;
        return AIP_OK;
    }
    int64_t day = arg->value.null ? 0 : arg->value.v.i;
    if (day > 106751000 || day < -106751000) return say(b, arg->op_at, err, AIP_E_SCHEMA, "date out of the range of timestamps");
    int64_t second = day * 86400;
    arg->value.v.i = (arg->convert_zone ? aip__zone_to_utc(arg->convert_zone, second) : second) * 1000000;
    arg->type = AIP_TIMESTAMP;
    return AIP_OK;
}

static bool is_integer(int32_t type) { return type == AIP_INT32 || type == AIP_INT64; }
static bool is_float(int32_t type) { return type == AIP_FLOAT32 || type == AIP_FLOAT64; }
static bool is_text_constant(const expr_bnode *a) { return a->constant && a->type == AIP_UTF8 && !a->value.null; }

int32_t aip__expr_coerce(expr_binder *b, const expr_bnode *node, expr_bnode *arg, int32_t type, const char *zone,
                         aip_error **err) {
    if (type == 0) return AIP_OK;
    if (arg->type == 0 && arg->constant) {
        arg->type = type;
        arg->zone = zone;
        return AIP_OK;
    }
    if (arg->type == type) return AIP_OK;
    if ((is_integer(arg->type) && type == AIP_INT64) || (is_float(arg->type) && type == AIP_FLOAT64)) {
        arg->type = type;
        return AIP_OK;
    }
    if (is_integer(arg->type) && type == AIP_FLOAT64) {
        if (arg->constant) {
            if (!arg->value.null) arg->value.v.f = (double)arg->value.v.i;
            arg->type = type;
        } else {
            arg->convert = EXPR_TO_F64;
        }
        return AIP_OK;
    }
    if (is_text_constant(arg) && (type == AIP_DATE32 || type == AIP_TIMESTAMP)) return text_to_time(b, arg, type, zone, err);
    if (arg->type == AIP_DATE32 && type == AIP_TIMESTAMP) return date_to_timestamp(b, arg, zone, err);
    return aip__expr_type_error(b, node, arg, aip_type_name(type), err);
}

/* The type that both can become; -1 when there is none. */
static int32_t join(int32_t a, int32_t t) {
    if (a == 0 || a == t) return t;
    if (t == 0) return a;
    if (is_integer(a) && is_integer(t)) return AIP_INT64;
    if ((is_integer(a) || is_float(a)) && (is_integer(t) || is_float(t))) return AIP_FLOAT64;
    if ((a == AIP_DATE32 && t == AIP_TIMESTAMP) || (a == AIP_TIMESTAMP && t == AIP_DATE32)) return AIP_TIMESTAMP;
    return -1;
}

/* from, from + step, ..., and the last. */
static int32_t next_arg(const expr_bnode *node, int32_t i, int32_t step) {
    return i + step >= node->n_args && i < node->n_args - 1 ? node->n_args - 1 : i + step;
}

int32_t aip__expr_unify(expr_binder *b, const expr_bnode *node, int32_t from, int32_t step, const char *what, int32_t *type,
                        const char **zone, aip_error **err) {
    const expr_bnode *first = NULL, *stamp = NULL;
    int32_t common = 0;
    for (int32_t pass = 0; pass < 2; pass++) { /* text constants last: beside a date they are dates */
        for (int32_t i = from; i < node->n_args; i = next_arg(node, i, step)) {
            const expr_bnode *arg = aip__expr_arg(b->bound, node, i);
            if (is_text_constant(arg) != (pass == 1)) continue;
            if (pass == 1 && (common == AIP_DATE32 || common == AIP_TIMESTAMP)) continue;
            int32_t next = join(common, arg->type);
            if (next < 0) {
                assert(first); /* nothing can be joined with whatever comes first */
                return aip__expr_error(b->text, node->op_at, AIP_E_SCHEMA, err, "'%s' cannot %s %s and %s", node->function->name,
                                       what, aip__expr_shown(first), aip__expr_shown(arg));
            }
            if (arg->type == AIP_TIMESTAMP) {
                if (stamp && !stamp->zone != !arg->zone)
                    return aip__expr_error(
                        b->text, node->op_at, AIP_E_SCHEMA, err,
                        "'%s' cannot %s a timestamp with a zone and one without; timestamp(x, 'zone') gives it one",
                        node->function->name, what);
                if (!stamp) stamp = arg;
            }
            if (arg->type && !first) first = arg;
            common = next;
        }
    }
    *type = common;
    *zone = stamp ? stamp->zone : NULL;
    for (int32_t i = from; i < node->n_args; i = next_arg(node, i, step))
        AIP__TRY(aip__expr_coerce(b, node, aip__expr_arg(b->bound, node, i), common, *zone, err));
    return AIP_OK;
}

int32_t aip__expr_take_text(expr_binder *b, const expr_bnode *node, int32_t i, const char *what, expr_text *out,
                            aip_error **err) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, i);
    if (!is_text_constant(arg))
        return aip__expr_error(b->text, arg->op_at, AIP_E_SCHEMA, err, "'%s' expects %s as a constant text, found %s",
                               node->function->name, what, arg->constant ? aip__expr_shown(arg) : "an expression");
    arg->taken = true;
    *out = arg->value.v.t;
    return AIP_OK;
}

int32_t aip__expr_type_pattern(expr_binder *b, expr_bnode *node, aip_error **err) {
    const char *p = node->function->pattern;
    char letter = 0;
    int32_t n_type = 0;
    for (int32_t i = 0; i < node->n_args; i++) {
        if (*p == '?') p++;
        if (*p != '*' && *p != '>') letter = *p++;
        expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        int32_t t = arg->type;
        switch (letter) {
        case 'i':
            if (t && !is_integer(t)) return aip__expr_type_error(b, node, arg, "an integer", err);
            AIP__TRY(aip__expr_coerce(b, node, arg, AIP_INT64, NULL, err));
            break;
        case 'f':
            if (t && !is_integer(t) && !is_float(t)) return aip__expr_type_error(b, node, arg, "a number", err);
            AIP__TRY(aip__expr_coerce(b, node, arg, AIP_FLOAT64, NULL, err));
            break;
        case 'n':
            if (t && !is_integer(t) && !is_float(t)) return aip__expr_type_error(b, node, arg, "a number", err);
            n_type = is_float(t) ? AIP_FLOAT64 : AIP_INT64;
            AIP__TRY(aip__expr_coerce(b, node, arg, n_type, NULL, err));
            break;
        case 't':
            if (t && t != AIP_UTF8) return aip__expr_type_error(b, node, arg, "a text", err);
            AIP__TRY(aip__expr_coerce(b, node, arg, AIP_UTF8, NULL, err));
            break;
        default:
            if (t && t != AIP_BOOL) return aip__expr_type_error(b, node, arg, "a bool", err);
            AIP__TRY(aip__expr_coerce(b, node, arg, AIP_BOOL, NULL, err));
        }
    }
    p = strchr(node->function->pattern, '>') + 1;
    node->type = *p == 'i' ? AIP_INT64 : *p == 'f' ? AIP_FLOAT64 : *p == 't' ? AIP_UTF8 : *p == 'b' ? AIP_BOOL : n_type;
    if (p[1] == '!') node->nullable = true;
    return AIP_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------------------------------------------- */
static int32_t bind_column(expr_binder *b, const expr_node *ast, expr_bnode *node, aip_error **err) {
    aip_error *why = NULL;
    int32_t status = aip__schema_need(b->schema, ast->text, &node->column, &why);
    if (status != AIP_OK) {
        say(b, ast->at, err, status, aip_error_message(why));
        aip_error_free(why);
        aip__error_at_data_column(err, ast->text);
        return status;
    }
    const aip_field *f = aip_schema_field(b->schema, node->column);
    node->shown = f->type;
    node->type = f->type == AIP_DICTIONARY ? AIP_UTF8 : f->type == AIP_DECIMAL64 ? AIP_FLOAT64 : f->type;
    node->zone = f->zone;
    node->scale = f->scale;
    node->nullable = f->nullable != 0;
    node->dictionary = f->type == AIP_DICTIONARY ? node->column : -2;
    return AIP_OK;
}

static int32_t bind_constant(expr_binder *b, const expr_node *ast, expr_bnode *node, aip_error **err) {
    node->constant = true;
    node->dictionary = -1;
    switch (ast->kind) {
    case EXPR_INT:
        node->type = AIP_INT64;
        node->value.v.i = ast->integer;
        break;
    case EXPR_FLOAT:
        node->type = AIP_FLOAT64;
        node->value.v.f = ast->real;
        break;
    case EXPR_BOOL:
        node->type = AIP_BOOL;
        node->value.v.b = ast->integer != 0;
        break;
    case EXPR_TEXT: {
        node->type = AIP_UTF8;
        char *copy = aip__expr_arena_get(&b->bound->arena, ast->n_text + 1);
        if (!copy) return aip__error_memory(b->bound->ctx, err);
        memcpy(copy, ast->text, ast->n_text + 1);
        node->value.v.t = (expr_text){copy, ast->n_text};
        break;
    }
    default: node->value.null = node->nullable = true;
    }
    node->shown = node->type;
    return AIP_OK;
}

/* All arguments are constants: the operator runs on one row. One that fails stays, to fail (or not be reached) when evaluated. */
static int32_t fold(expr_binder *b, expr_bnode *node, aip_error **err) {
    int32_t n = 0;
    for (int32_t i = 0; i < node->n_args; i++) {
        const expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        if (!arg->constant) return AIP_OK;
        n += !arg->taken;
    }
    expr_run run;
    int32_t status = aip__expr_run_open(&run, b->bound, n, 0, 0, 1, err);
    if (status != AIP_OK) goto cleanup;
    for (int32_t i = 0, k = 0; i < node->n_args; i++) {
        const expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        if (arg->taken) continue;
        expr_slot *s = &run.slots[k++];
        aip__expr_broadcast(arg, s->v_buffer, 1);
        s->v = s->v_buffer;
        if (arg->value.null) aip__expr_valid_mut(s, 1)[0] = 0;
    }
    if ((status = aip__expr_call(&run, node, run.slots, n, 1, err)) != AIP_OK) goto cleanup;
    const expr_slot *s = &run.slots[0];
    if (s->bad && s->bad[0]) goto cleanup;
    node->constant = true;
    node->value.null = s->valid && !s->valid[0];
    node->nullable = node->value.null;
    switch (aip__expr_class(node->type)) {
    case EXPR_C_I64: node->value.v.i = *(const int64_t *)s->v; break;
    case EXPR_C_F64: node->value.v.f = *(const double *)s->v; break;
    case EXPR_C_BOOL: node->value.v.b = *(const uint8_t *)s->v; break;
    case EXPR_C_TEXT: {
        expr_text t = *(const expr_text *)s->v;
        char *copy = aip__expr_arena_get(&b->bound->arena, t.n + 1);
        if (!copy) {
            status = aip__error_memory(b->bound->ctx, err);
            goto cleanup;
        }
        memcpy(copy, t.p, t.n);
        copy[t.n] = 0;
        node->value.v.t = (expr_text){copy, t.n};
    }
    }
cleanup:
    aip__expr_run_close(&run);
    return status;
}

static int32_t bind_call(expr_binder *b, const expr_node *ast, expr_bnode *node, aip_error **err) {
    const expr_function *f = ast->function;
    node->function = f;
    node->exec = f->exec;
    node->target = ast->target;
    node->dictionary = -1;
    for (int32_t i = 0; i < node->n_args; i++) {
        const expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        if (arg->type == AIP_BINARY && strncmp(f->name, "is ", 3) != 0)
            return aip__expr_type_error(b, node, arg, "a value that is not binary", err);
        node->nullable |= arg->nullable;
        if (node->dictionary == -1)
            node->dictionary = arg->dictionary;
        else if (arg->dictionary != -1 && arg->dictionary != node->dictionary)
            node->dictionary = -2;
    }
    AIP__TRY(f->type ? f->type(b, node, err) : aip__expr_type_pattern(b, node, err));
    node->shown = node->type;
    return fold(b, node, err);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------ */
static int32_t make_steps(aip__bound_expr *b, aip_error **err) {
    int32_t n = b->n_nodes, *constant_at = NULL, *lookup_at = NULL, depth = 0, open = -1, open_end = -1, status = AIP_OK;
    constant_at = aip__alloc(b->ctx, 2 * (size_t)n * sizeof *constant_at);
    b->steps = aip__calloc(b->ctx, 2 * (size_t)n, sizeof *b->steps);
    if (!constant_at || !b->steps) {
        status = aip__error_memory(b->ctx, err);
        goto cleanup;
    }
    lookup_at = constant_at + n;
    for (int32_t i = 0; i < 2 * n; i++) constant_at[i] = -1;
    for (int32_t i = n - 1, floor = n; i >= 0;) { /* the outermost constants, and the outermost lookups */
        const expr_bnode *node = &b->nodes[i];
        if (node->constant) {
            constant_at[node->start] = i;
            i = node->start - 1;
            continue;
        }
        if (i < floor && node->kind == EXPR_CALL && node->dictionary >= 0) {
            lookup_at[node->start] = i;
            floor = node->start;
        }
        i--;
    }
    for (int32_t i = 0; i < n;) {
        if (lookup_at[i] >= 0) {
            open = b->n_steps;
            open_end = lookup_at[i];
            b->steps[b->n_steps++] =
                (expr_step){.action = EXPR_DO_LOOKUP, .node = open_end, .slot = depth, .which = b->n_lookups++};
        }
        if (constant_at[i] >= 0) {
            int32_t k = constant_at[i];
            i = k + 1;
            if (b->nodes[k].taken) continue;
            b->steps[b->n_steps++] =
                (expr_step){.action = EXPR_DO_CONSTANT, .node = k, .slot = depth++, .which = b->n_constants++};
        } else if (b->nodes[i].kind == EXPR_COLUMN) {
            b->steps[b->n_steps++] = (expr_step){.action = EXPR_DO_COLUMN, .node = i++, .slot = depth++};
        } else {
            int32_t live = 0;
            for (int32_t k = 0; k < b->nodes[i].n_args; k++) live += !aip__expr_arg(b, &b->nodes[i], k)->taken;
            depth -= live;
            b->steps[b->n_steps++] = (expr_step){.action = EXPR_DO_CALL, .node = i, .slot = depth++, .n_args = live};
            if (i == open_end) b->steps[open].skip = b->n_steps - open - 1;
            i++;
        }
        if (depth > b->n_slots) b->n_slots = depth;
    }
cleanup:
    aip__free(b->ctx, constant_at);
    return status;
}

static int32_t bind_nodes(expr_binder *b, const aip__expr *e, aip_error **err) {
    aip__bound_expr *bound = b->bound;
    for (int32_t i = 0; i < bound->n_nodes; i++) {
        const expr_node *ast = &e->nodes[i];
        expr_bnode *node = &bound->nodes[i];
        *node = (expr_bnode){.kind = ast->kind,
                             .index = i,
                             .at = ast->at,
                             .end = ast->end,
                             .op_at = ast->op_at,
                             .start = ast->start,
                             .first_arg = ast->first_arg,
                             .n_args = ast->n_args};
        if (ast->kind == EXPR_COLUMN)
            AIP__TRY(bind_column(b, ast, node, err));
        else if (ast->kind == EXPR_CALL)
            AIP__TRY(bind_call(b, ast, node, err));
        else
            AIP__TRY(bind_constant(b, ast, node, err));
    }
    return AIP_OK;
}

static int32_t bind_result(expr_binder *b, aip_error **err) {
    aip__bound_expr *bound = b->bound;
    const expr_bnode *root = &bound->nodes[bound->n_nodes - 1];
    if (root->type == 0)
        return say(b, root->at, err, AIP_E_SCHEMA,
                   "expected a value of some type, found null; cast(null as float64) gives it one");
    aip_field *f = &bound->field;
    *f = (aip_field)AIP_FIELD_INIT;
    f->name = bound->text;
    f->type = root->kind == EXPR_COLUMN ? root->shown : root->type;
    f->scale = root->kind == EXPR_COLUMN ? root->scale : 0;
    f->nullable = root->nullable;
    if (root->zone && f->type == AIP_TIMESTAMP) {
        if (!(bound->field_zone = aip__strdup(bound->ctx, root->zone))) return aip__error_memory(bound->ctx, err);
        f->zone = bound->field_zone;
    }
    bound->pass_column = root->kind == EXPR_COLUMN ? root->column : -1;
    return AIP_OK;
}

int32_t aip__expr_bind(const aip__expr *e, const aip_schema *schema, aip__bound_expr **out, aip_error **err) {
    aip_context *ctx = e->ctx;
    aip__bound_expr *bound = aip__calloc(ctx, 1, sizeof *bound);
    if (!bound) return aip__error_memory(ctx, err);
    bound->ctx = aip__context_retain(ctx);
    bound->arena.ctx = ctx;
    bound->n_nodes = (int32_t)e->n_nodes;
    bound->text = aip__strndup(ctx, e->text, e->n);
    bound->nodes = aip__calloc(ctx, e->n_nodes, sizeof *bound->nodes);
    bound->args = aip__alloc(ctx, (e->n_args + 1) * sizeof *bound->args);
    expr_binder b = {.bound = bound, .schema = schema, .text = e->text};
    int32_t status = AIP_OK;
    if (!bound->text || !bound->nodes || !bound->args) {
        status = aip__error_memory(ctx, err);
        goto cleanup;
    }
    if (e->n_args) memcpy(bound->args, e->args, e->n_args * sizeof *bound->args);
    if ((status = bind_nodes(&b, e, err)) != AIP_OK) goto cleanup;
    if ((status = bind_result(&b, err)) != AIP_OK) goto cleanup;
    if ((status = make_steps(bound, err)) != AIP_OK) goto cleanup;
    *out = bound;
    return AIP_OK;
cleanup:
    aip__expr_unbind(bound);
    return status;
}

const aip_field *aip__expr_field(const aip__bound_expr *b) { return &b->field; }

void aip__expr_unbind(aip__bound_expr *b) {
    if (!b) return;
    aip_context *ctx = b->ctx;
    for (int32_t i = 0; b->nodes && i < b->n_nodes; i++) aip__free(ctx, b->nodes[i].set);
    for (size_t i = 0; i < b->n_zones; i++) aip__zone_free(b->zones[i]);
    aip__free(ctx, b->zones);
    aip__expr_arena_free(&b->arena);
    aip__free(ctx, b->field_zone);
    aip__free(ctx, b->text);
    aip__free(ctx, b->nodes);
    aip__free(ctx, b->args);
    aip__free(ctx, b->steps);
    aip__free(ctx, b);
    aip__context_release(ctx);
}
