/* The types of parameters: what each accepts, what it is turned into, and how a message says so. */
#include "base/params_check.h"

#include "base/error.h"
#include "base/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *aip__param_type_name(int32_t type) {
    static const char *const names[] = {"",        "bool",    "int",    "float", "string", "choice",
                                        "strings", "columns", "object", "list",  "any",    "duration"};
    return type >= AIP_PARAM_BOOL && type <= AIP_PARAM_DURATION ? names[type] : "";
}

static bool has_range(const aip_param_spec *spec) {
    return (spec->minimum != 0 || spec->maximum != 0)
           && (spec->type == AIP_PARAM_INT || spec->type == AIP_PARAM_FLOAT || spec->type == AIP_PARAM_DURATION);
}

static void add_range(const aip_param_spec *spec, aip__text *out) {
    bool low = isfinite(spec->minimum), high = isfinite(spec->maximum);
    bool open_low = (spec->open_interval & 1) != 0, open_high = (spec->open_interval & 2) != 0;
    if (low && high) {
        aip__text_str(out, open_low ? " in (" : " in [");
        aip__text_f64(out, spec->minimum, false);
        aip__text_str(out, ", ");
        aip__text_f64(out, spec->maximum, false);
        aip__text_char(out, open_high ? ')' : ']');
    } else if (low) {
        aip__text_str(out, open_low ? " above " : " of at least ");
        aip__text_f64(out, spec->minimum, false);
    } else if (high) {
        aip__text_str(out, open_high ? " below " : " of at most ");
        aip__text_f64(out, spec->maximum, false);
    }
}

void aip__param_expected(const aip_param_spec *spec, aip__text *out) {
    static const char *const texts[] = {"",
                                        "true or false",
                                        "an integer",
                                        "a number",
                                        "a string",
                                        "one of ",
                                        "a string or a list of strings",
                                        "a list of column names, a pattern, or one of numeric, text, all",
                                        "a map",
                                        "a list",
                                        "any value",
                                        "a duration (seconds, or a text such as 90s, 5m, 2h, 1d)"};
    aip__text_str(out, texts[spec->type]);
    if (spec->type == AIP_PARAM_CHOICE)
        for (const char *c = spec->choices; *c; c++) {
            if (*c == '|')
                aip__text_str(out, ", ");
            else
                aip__text_char(out, *c);
        }
    if (has_range(spec)) add_range(spec, out);
    if (spec->nullable && spec->type != AIP_PARAM_ANY) aip__text_str(out, " or null");
}

/* A value as a message shows it: scalars themselves, shortened; "a list", "a map". */
static void add_found(const aip__node *node, aip__text *out) {
    if (node->kind == AIP__LIST || node->kind == AIP__MAP) {
        aip__text_str(out, aip__node_kind_name(node->kind));
    } else if (node->kind == AIP__STRING) {
        size_t n = node->length;
        if (n > 60)
            for (n = 60; n > 0 && ((unsigned char)node->string[n] & 0xc0) == 0x80;) n--; /* not within a character */
        aip__text_char(out, '\'');
        for (size_t i = 0; i < n; i++) aip__text_char(out, node->string[i] ? node->string[i] : ' ');
        aip__text_str(out, n < node->length ? "...'" : "'");
    } else {
        aip__node_write(node, out);
    }
}

typedef struct check {
    aip_context *ctx;
    aip__document *d;
    const char *owner;
    const aip_param_spec *spec;
} check;

static bool has_nul(const aip__node *node) { return node->kind == AIP__STRING && strlen(node->string) != node->length; }

static bool is_text(const aip__node *node) { return node->kind == AIP__STRING && !has_nul(node); } /* as C strings hand it out */

/* expected: NULL for what the table says. item: index in a list, or -1. */
static int32_t mismatch(const check *c, const aip__node *found_node, int32_t item, const char *expected_text, aip_error **err) {
    aip__text found, expected;
    char index[24] = "";
    aip__text_init(&found, c->ctx);
    aip__text_init(&expected, c->ctx);
    add_found(found_node, &found);
    if (has_nul(found_node))
        aip__text_str(&expected, "a string without NUL characters");
    else if (expected_text)
        aip__text_str(&expected, expected_text);
    else
        aip__param_expected(c->spec, &expected);
    if (item >= 0) snprintf(index, sizeof index, "[%d]", (int)item);
    int32_t status = AIP_OK;
    if (found.failed || expected.failed)
        status = aip__error_memory(c->ctx, err);
    else
        status = aip__error_set(err, AIP_E_PARAM, "%s: %s%s is %s: expected %s", c->owner, c->spec->name, index, found.bytes,
                                expected.bytes);
    aip__error_at_parameter(err, c->spec->name);
    if (found_node->line > 0) aip__error_at_line(err, found_node->line, found_node->column);
    aip__text_free(&found);
    aip__text_free(&expected);
    return status;
}

static bool in_range(const aip_param_spec *spec, double v) {
    if (!has_range(spec)) return true;
    bool above = (spec->open_interval & 1) ? v > spec->minimum : v >= spec->minimum;
    bool below = (spec->open_interval & 2) ? v < spec->maximum : v <= spec->maximum;
    return above && below;
}

static aip__node *number_node(aip__document *d, aip__node_kind kind, int64_t integer, double real) {
    aip__node *node = aip__node_new(d, kind);
    if (!node) return NULL;
    node->integer = integer;
    node->real = real;
    return node;
}

/* "90s" as 90; false when text is no duration. */
static bool parse_duration(const char *text, double *seconds) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    if (digits == 0 || !text[digits] || text[digits + 1]) return false;
    double v = aip__strtod(text, &end);
    if (end != text + digits) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text[digits] != units[i].unit) continue;
        *seconds = v * units[i].seconds;
        return true;
    }
    return false;
}

static bool as_float(const aip__node *node, double *v) {
    if (node->kind == AIP__FLOAT || node->kind == AIP__INT) {
        *v = node->real;
        return true;
    }
    if (node->kind != AIP__STRING) return false;
    if (strcmp(node->string, "NaN") == 0)
        *v = (double)NAN;
    else if (strcmp(node->string, "Infinity") == 0)
        *v = (double)INFINITY;
    else if (strcmp(node->string, "-Infinity") == 0)
        *v = -(double)INFINITY;
    else
        return false;
    return true;
}

/* Numbers and durations: NULL with *ok false when the value does not fit. */
static aip__node *as_number(const check *c, const aip__node *node, bool *ok) {
    double v = 0;
    int64_t integer = node->integer;
    *ok = false;
    if (c->spec->type == AIP_PARAM_INT) {
        if (node->kind == AIP__FLOAT && node->real == floor(node->real) && fabs(node->real) < 0x1p63)
            integer = (int64_t)node->real; /* 1e3 */
        else if (node->kind != AIP__INT)
            return NULL;
        v = (double)integer;
    } else if (c->spec->type == AIP_PARAM_FLOAT) {
        if (!as_float(node, &v)) return NULL;
    } else {
        if (node->kind == AIP__INT || node->kind == AIP__FLOAT)
            v = node->real;
        else if (node->kind != AIP__STRING || !parse_duration(node->string, &v))
            return NULL;
        if (!(v >= 0) || isinf(v)) return NULL;
    }
    if (!in_range(c->spec, v)) return NULL;
    *ok = true;
    return c->spec->type == AIP_PARAM_INT ? number_node(c->d, AIP__INT, integer, v) : number_node(c->d, AIP__FLOAT, 0, v);
}

static bool is_choice(const aip_param_spec *spec, const aip__node *node) {
    for (const char *c = spec->choices; c && *c;) {
        size_t n = strcspn(c, "|");
        if (n == node->length && memcmp(c, node->string, n) == 0) return true;
        c += n + (c[n] == '|');
    }
    return false;
}

static int32_t check_strings(const check *c, const aip__node *given, const aip__node **out, aip_error **err) {
    if (given->kind == AIP__STRING && c->spec->type == AIP_PARAM_STRINGS) {
        if (!is_text(given)) return mismatch(c, given, -1, NULL, err);
        aip__node *list = aip__node_new(c->d, AIP__LIST);
        if (!list || aip__node_add(c->d, list, NULL, aip__node_copy(c->d, given)) != 0) return aip__error_memory(c->ctx, err);
        *out = list;
        return AIP_OK;
    }
    if (given->kind != AIP__LIST && !is_text(given)) return mismatch(c, given, -1, NULL, err);
    for (int32_t i = 0; i < given->n; i++)
        if (!is_text(given->items[i])) return mismatch(c, given->items[i], i, "a string", err);
    *out = aip__node_copy(c->d, given);
    return *out ? AIP_OK : aip__error_memory(c->ctx, err);
}

int32_t aip__param_check(aip_context *ctx, aip__document *d, const char *owner, const aip_param_spec *spec,
                         const aip__node *given, const aip__node **out, aip_error **err) {
    const check c = {.ctx = ctx, .d = d, .owner = owner, .spec = spec};
    const aip__node *value = NULL;
    bool ok = false;
    static const aip__node null_word = {.kind = AIP__STRING, .string = "null", .length = 4};
    if (given->kind == AIP__NULL && spec->type == AIP_PARAM_CHOICE && !spec->nullable && is_choice(spec, &null_word))
        given = &null_word; /* a choice named null may be written as null itself */
    if (given->kind == AIP__NULL && (spec->nullable || (spec->default_json && strcmp(spec->default_json, "null") == 0)))
        ok = true;
    else
        switch (spec->type) {
        case AIP_PARAM_INT:
        case AIP_PARAM_FLOAT:
        case AIP_PARAM_DURATION:
            value = as_number(&c, given, &ok);
            if (ok && !value) return aip__error_memory(ctx, err);
            break;
        case AIP_PARAM_STRINGS:
        case AIP_PARAM_COLUMNS: return check_strings(&c, given, out, err);
        case AIP_PARAM_BOOL: ok = given->kind == AIP__BOOL; break;
        case AIP_PARAM_STRING: ok = is_text(given); break;
        case AIP_PARAM_CHOICE: ok = is_text(given) && is_choice(spec, given); break;
        case AIP_PARAM_OBJECT: ok = given->kind == AIP__MAP; break;
        case AIP_PARAM_LIST: ok = given->kind == AIP__LIST; break;
        default: ok = true; break;
        }
    if (!ok) return mismatch(&c, given, -1, NULL, err);
    if (!value) value = aip__node_copy(d, given);
    if (!value) return aip__error_memory(ctx, err);
    *out = value;
    return AIP_OK;
}
