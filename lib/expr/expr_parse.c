/* Text to tree: a lexer, and a Pratt parser (Pratt 1973, "Top down operator precedence") that adds nodes in postorder. Precedence is SQL's:
 *   or < and < not < comparisons, is, in, between < || < + - < * / % < unary -
 * The parser recurses once per nesting, to a fixed depth. */
#include "base/catalog.h"
#include "base/text.h"
#include "data/convert.h"
#include "expr/expr_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    T_END,
    T_NUMBER,
    T_TEXT,
    T_NAME,   /* bare: a column, a function, or a word of the language */
    T_QUOTED, /* "a column" */
    T_SYMBOL
} token_kind;

typedef struct token {
    token_kind kind;
    int32_t at, end;
} token;

typedef struct parser {
    aip_context *ctx;
    aip__expr *e;
    token now;
    int32_t previous_end;
    aip_error **err;
    int32_t status;
} parser;

enum { P_NONE = 0, P_OR = 1, P_AND, P_NOT, P_COMPARE, P_CONCAT, P_ADD, P_MULTIPLY, P_NEGATE };

int32_t aip__expr_error(const char *text, int32_t at, int32_t status, aip_error **err, const char *format, ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t n = strlen(text);
    return aip__error_set(err, status, "expression '%.*s%s': column %d: %s", n > 160 ? 157 : (int)n, text, n > 160 ? "..." : "",
                          at + 1, message);
}

/* ---- lexer ------------------------------------------------------------------------------------------------------------------ */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static int32_t fail(parser *p, int32_t at, const char *message) {
    return p->status = aip__expr_error(p->e->text, at, AIP_E_SYNTAX, p->err, "%s", message);
}

static int32_t lex_number(parser *p, int32_t i) {
    const char *s = p->e->text;
    while (is_digit(s[i])) i++;
    if (s[i] == '.') {
        i++;
        while (is_digit(s[i])) i++;
    }
    if (s[i] == 'e' || s[i] == 'E') {
        int32_t j = i + 1;
        if (s[j] == '+' || s[j] == '-') j++;
        if (is_digit(s[j])) {
            while (is_digit(s[j])) j++;
            i = j;
        }
    }
    return i;
}

static int32_t lex_name(const char *s, int32_t i) {
    for (;;) {
        while (is_name_start(s[i]) || is_digit(s[i])) i++;
        if (s[i] != '.' || !is_name_start(s[i + 1])) return i;
        i++;
    }
}

static void advance(parser *p) {
    const char *s = p->e->text;
    int32_t n = (int32_t)p->e->n, i = p->now.end;
    p->previous_end = i;
    while (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') i++;
    token t = {T_END, i, i};
    if (i >= n) {
        p->now = t;
        return;
    }
    char c = s[i];
    if (is_digit(c) || (c == '.' && is_digit(s[i + 1]))) {
        t.kind = T_NUMBER;
        t.end = lex_number(p, i);
        if (is_name_start(s[t.end])) fail(p, t.end, "expected a number to end here");
    } else if (is_name_start(c)) {
        t.kind = T_NAME;
        t.end = lex_name(s, i);
    } else if (c == '\'' || c == '"') {
        t.kind = c == '"' ? T_QUOTED : T_TEXT;
        for (i++; i < n && (s[i] != c || s[i + 1] == c); i++) i += s[i] == c;
        if (i >= n) {
            fail(p, t.at,
                 c == '"' ? "expected a closing \" after a column's name, found the end"
                          : "expected a closing ' after a text, found the end");
            t.end = n;
        } else {
            t.end = i + 1;
        }
    } else {
        t.kind = T_SYMBOL;
        t.end = i + 1;
        if (s[i + 1] && strchr("=!<>|", c)) {
            const char pair[3] = {c, s[i + 1], 0};
            static const char *const pairs[] = {"==", "!=", "<>", "<=", ">=", "||"};
            for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
                if (strcmp(pair, pairs[k]) == 0) t.end = i + 2;
        }
    }
    p->now = t;
}

static bool is_symbol(const parser *p, const char *symbol) {
    size_t n = strlen(symbol);
    return p->now.kind == T_SYMBOL && (size_t)(p->now.end - p->now.at) == n && memcmp(p->e->text + p->now.at, symbol, n) == 0;
}
static bool is_word(const parser *p, const char *word) {
    size_t n = strlen(word);
    return p->now.kind == T_NAME && (size_t)(p->now.end - p->now.at) == n && aip__same_word(p->e->text + p->now.at, word, n);
}
static bool next_is(const parser *p, char c) {
    const char *s = p->e->text + p->now.end;
    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r') s++;
    return *s == c;
}

static int32_t expected(parser *p, const char *what) {
    if (p->status != AIP_OK) return p->status;
    const char *s = p->e->text + p->now.at;
    int n = p->now.end - p->now.at > 40 ? 40 : (int)(p->now.end - p->now.at);
    if (p->now.kind == T_END)
        return p->status = aip__expr_error(p->e->text, p->now.at, AIP_E_SYNTAX, p->err, "expected %s, found the end", what);
    const char *hint = is_symbol(p, "&")                        ? " (write 'and')"
                       : is_symbol(p, "|")                      ? " (write 'or', or '||' to join texts)"
                       : is_symbol(p, "~") || is_symbol(p, "!") ? " (write 'not')"
                                                                : "";
    return p->status =
               aip__expr_error(p->e->text, p->now.at, AIP_E_SYNTAX, p->err, "expected %s, found '%.*s'%s", what, n, s, hint);
}
static bool take_symbol(parser *p, const char *symbol) {
    if (!is_symbol(p, symbol)) return false;
    advance(p);
    return true;
}
static bool take_word(parser *p, const char *word) {
    if (!is_word(p, word)) return false;
    advance(p);
    return true;
}
static int32_t need_word(parser *p, const char *word, const char *what) {
    return take_word(p, word) ? p->status : expected(p, what);
}

/* ---- nodes -------------------------------------------------------------------------------------------------------------------- */
static int32_t out_of_memory(parser *p) { return p->status = aip__error_memory(p->ctx, p->err); }

static expr_node *new_node(parser *p, expr_kind kind, int32_t at) {
    aip__expr *e = p->e;
    if (e->n_nodes >= EXPR_MAX_NODES) {
        fail(p, at, "expected a smaller expression: this one has more than 16384 parts");
        return NULL;
    }
    if (aip__grow(p->ctx, &e->nodes, &e->nodes_capacity, e->n_nodes + 1, sizeof *e->nodes) != 0) {
        out_of_memory(p);
        return NULL;
    }
    expr_node *node = &e->nodes[e->n_nodes];
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->at = at;
    node->op_at = at;
    node->end = p->previous_end;
    node->start = (int32_t)e->n_nodes++;
    return node;
}

/* The arguments are collected by the caller, since arguments' own arguments come between. */
typedef struct list {
    int32_t *items;
    size_t n, capacity;
} list;
static int32_t list_add(parser *p, list *l) { /* the last node made */
    if (aip__grow(p->ctx, &l->items, &l->capacity, l->n + 1, sizeof *l->items) != 0) return out_of_memory(p);
    l->items[l->n++] = (int32_t)p->e->n_nodes - 1;
    return AIP_OK;
}

static expr_node *call(parser *p, const char *name, const int32_t *args, size_t n_args, int32_t at) {
    aip__expr *e = p->e;
    const expr_function *f = aip__expr_function_find(name, strlen(name));
    if (aip__grow(p->ctx, &e->args, &e->args_capacity, e->n_args + n_args, sizeof *e->args) != 0) {
        out_of_memory(p);
        return NULL;
    }
    expr_node *node = new_node(p, EXPR_CALL, at);
    if (!node) return NULL;
    node->function = f;
    node->first_arg = (int32_t)e->n_args;
    node->n_args = (int32_t)n_args;
    for (size_t i = 0; i < n_args; i++) e->args[e->n_args++] = args[i];
    if (n_args) node->start = e->nodes[args[0]].start;
    if (n_args && e->nodes[args[0]].at < node->at) node->at = e->nodes[args[0]].at;
    return node;
}
static int32_t last(const parser *p) { return (int32_t)p->e->n_nodes - 1; }

/* Copies the token's text without quotes and doubled quotes. */
static const char *unquote(parser *p, token t, size_t *n) {
    aip__expr *e = p->e;
    char *to = e->strings + e->n_strings;
    const char *s = e->text + t.at, *end = e->text + t.end;
    size_t k = 0;
    if (t.kind == T_NAME) {
        k = (size_t)(end - s);
        memcpy(to, s, k);
    } else {
        for (s++, end--; s < end; s++) {
            to[k++] = *s;
            if (*s == *end) s++; /* the second of a doubled quote */
        }
    }
    to[k] = 0;
    e->n_strings += k + 1;
    *n = k;
    return to;
}

static int32_t column(parser *p, token t) {
    aip__expr *e = p->e;
    expr_node *node = new_node(p, EXPR_COLUMN, t.at);
    if (!node) return p->status;
    node->text = unquote(p, t, &node->n_text);
    if (node->n_text == 0) return fail(p, t.at, "expected a column's name between the quotes");
    for (size_t i = 0; i < e->n_columns; i++)
        if (strcmp(e->columns[i], node->text) == 0) return p->status;
    if (aip__grow(p->ctx, &e->columns, &e->columns_capacity, e->n_columns + 1, sizeof *e->columns) != 0) return out_of_memory(p);
    e->columns[e->n_columns++] = node->text;
    return p->status;
}

static int32_t number(parser *p, bool negative, int32_t at) {
    token t = p->now;
    char copy[512];
    size_t n = (size_t)(t.end - t.at);
    if (n + 2 > sizeof copy) return fail(p, t.at, "expected a number of fewer digits");
    copy[0] = '-';
    memcpy(copy + 1, p->e->text + t.at, n);
    copy[n + 1] = 0;
    const char *s = copy + !negative;
    n += negative;
    advance(p);
    bool whole = !strpbrk(s, ".eE");
    expr_node *node = new_node(p, whole ? EXPR_INT : EXPR_FLOAT, at);
    if (!node) return p->status;
    if (whole && !aip__parse_i64(s, n, &node->integer))
        return fail(p, t.at, "expected an integer within int64 (write 1e20 for a float)");
    if (!whole) {
        if (s[n - 1] == '.') return fail(p, t.at, "expected a digit after the point");
        if (!aip__parse_f64(s, n, '.', &node->real) || !(node->real - node->real == 0))
            return fail(p, t.at, "expected a number within float64");
    }
    return p->status;
}

/* ---- grammar ---------------------------------------------------------------------------------------------------------------------- */
static int32_t expression(parser *p, int32_t above, int32_t depth);

static int32_t arguments(parser *p, list *l, int32_t depth, const char *what) {
    if (take_symbol(p, ")")) return p->status;
    for (;;) {
        AIP__TRY(expression(p, P_NONE, depth));
        AIP__TRY(list_add(p, l));
        if (take_symbol(p, ",")) continue;
        if (take_symbol(p, ")")) return p->status;
        return expected(p, what);
    }
}

static const struct {
    const char *name;
    int32_t type;
} type_words[] = {{"bool", AIP_BOOL},       {"boolean", AIP_BOOL},       {"int32", AIP_INT32},    {"int64", AIP_INT64},
                  {"int", AIP_INT64},       {"integer", AIP_INT64},      {"bigint", AIP_INT64},   {"float32", AIP_FLOAT32},
                  {"float64", AIP_FLOAT64}, {"float", AIP_FLOAT64},      {"double", AIP_FLOAT64}, {"utf8", AIP_UTF8},
                  {"text", AIP_UTF8},       {"string", AIP_UTF8},        {"varchar", AIP_UTF8},   {"date32", AIP_DATE32},
                  {"date", AIP_DATE32},     {"timestamp", AIP_TIMESTAMP}};
static int32_t type_word(const parser *p) {
    for (size_t i = 0; i < sizeof type_words / sizeof *type_words; i++)
        if (is_word(p, type_words[i].name)) return type_words[i].type;
    return 0;
}

static int32_t cast(parser *p, const char *name, int32_t at, int32_t depth) {
    AIP__TRY(expression(p, P_NONE, depth));
    int32_t arg = last(p);
    AIP__TRY(need_word(p, "as", "'as' and a type"));
    int32_t type = type_word(p);
    if (!type) return expected(p, "a type (bool, int32, int64, float32, float64, utf8, date32 or timestamp)");
    advance(p);
    if (!take_symbol(p, ")")) return expected(p, "')'");
    expr_node *node = call(p, name, &arg, 1, at);
    if (node) node->target = type;
    return p->status;
}

/* int64(x) is cast(x as int64). date and timestamp are functions of their own. */
static int32_t type_call(parser *p, int32_t type, list *l, int32_t at) {
    if (l->n != 1) return fail(p, at, "expected one argument: a type's name converts one value");
    expr_node *node = call(p, "cast", l->items, 1, at);
    if (node) node->target = type;
    return p->status;
}

static int32_t function_call(parser *p, int32_t depth) {
    token name = p->now;
    int32_t type = type_word(p);
    if (type == AIP_DATE32 || type == AIP_TIMESTAMP) type = 0;
    bool is_cast = is_word(p, "cast"), is_try = is_word(p, "try_cast");
    const char *s = p->e->text + name.at;
    size_t n = (size_t)(name.end - name.at);
    const expr_function *f = aip__expr_function_find(s, n);
    if (!f && !type) {
        const char *nearest = NULL, *names[256];
        size_t k = 0;
        for (int32_t i = 0; i < aip__expr_n_functions && k < 256; i++)
            if (is_name_start(aip__expr_functions[i].name[0])) names[k++] = aip__expr_functions[i].name;
        char given[64];
        snprintf(given, sizeof given, "%.*s", (int)(n < 63 ? n : 63), s);
        nearest = aip__nearest(given, names, k);
        return p->status = aip__expr_error(p->e->text, name.at, AIP_E_SYNTAX, p->err, "no function '%s'%s%s%s", given,
                                           nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
    advance(p);
    advance(p); /* the name and its ( */
    if (is_cast || is_try) return cast(p, is_try ? "try_cast" : "cast", name.at, depth);
    list l = {0};
    int32_t status = arguments(p, &l, depth, "',' or ')'");
    if (status == AIP_OK && type)
        status = type_call(p, type, &l, name.at);
    else if (status == AIP_OK) {
        if ((int32_t)l.n < f->min_args || (f->max_args >= 0 && (int32_t)l.n > f->max_args))
            status = p->status = aip__expr_error(p->e->text, name.at, AIP_E_SYNTAX, p->err, "expected %s, found %zu argument%s",
                                                 f->signature, l.n, l.n == 1 ? "" : "s");
        else
            call(p, f->name, l.items, l.n, name.at);
    }
    aip__free(p->ctx, l.items);
    return status != AIP_OK ? status : p->status;
}

static int32_t case_when(parser *p, int32_t depth) {
    int32_t at = p->now.at, status = AIP_OK;
    advance(p);
    list l = {0};
    if (!is_word(p, "when")) return expected(p, "'when'");
    while (status == AIP_OK && take_word(p, "when")) {
        status = expression(p, P_NONE, depth);
        if (status == AIP_OK) status = list_add(p, &l);
        if (status == AIP_OK) status = need_word(p, "then", "'then'");
        if (status == AIP_OK) status = expression(p, P_NONE, depth);
        if (status == AIP_OK) status = list_add(p, &l);
    }
    if (status == AIP_OK && take_word(p, "else")) {
        status = expression(p, P_NONE, depth);
        if (status == AIP_OK) status = list_add(p, &l);
    }
    if (status == AIP_OK) status = need_word(p, "end", l.n & 1 ? "'end'" : "'when', 'else' or 'end'");
    if (status == AIP_OK) call(p, "case", l.items, l.n, at);
    aip__free(p->ctx, l.items);
    return status != AIP_OK ? status : p->status;
}

static bool is_reserved(const parser *p) {
    static const char *const words[] = {"and",  "or",   "not",  "is",  "in", "between", "case",
                                        "when", "then", "else", "end", "as", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(p, words[i])) return true;
    return false;
}

static int32_t prefix(parser *p, int32_t depth) {
    token t = p->now;
    expr_node *node;
    if (p->status != AIP_OK) return p->status;
    if (t.kind == T_NUMBER) return number(p, false, t.at);
    if (t.kind == T_TEXT) {
        advance(p);
        if (!(node = new_node(p, EXPR_TEXT, t.at))) return p->status;
        node->text = unquote(p, t, &node->n_text);
        return p->status;
    }
    if (t.kind == T_QUOTED) {
        advance(p);
        return column(p, t);
    }
    if (take_symbol(p, "(")) {
        AIP__TRY(expression(p, P_NONE, depth));
        return take_symbol(p, ")") ? p->status : expected(p, "')'");
    }
    if (take_symbol(p, "-")) {
        if (p->now.kind == T_NUMBER) return number(p, true, t.at);
        AIP__TRY(expression(p, P_NEGATE - 1, depth));
        int32_t arg = last(p);
        call(p, "unary -", &arg, 1, t.at);
        return p->status;
    }
    if (take_symbol(p, "+")) return expression(p, P_NEGATE - 1, depth);
    if (take_word(p, "not")) {
        AIP__TRY(expression(p, P_NOT - 1, depth));
        int32_t arg = last(p);
        call(p, "not", &arg, 1, t.at);
        return p->status;
    }
    if (is_word(p, "true") || is_word(p, "false") || is_word(p, "null")) {
        bool is_null = is_word(p, "null"), is_true = is_word(p, "true");
        advance(p);
        if ((node = new_node(p, is_null ? EXPR_NULL : EXPR_BOOL, t.at))) node->integer = is_true;
        return p->status;
    }
    if (is_word(p, "case")) return case_when(p, depth);
    if (t.kind == T_NAME && !is_reserved(p)) {
        if (next_is(p, '(')) return function_call(p, depth);
        advance(p);
        return column(p, t);
    }
    return expected(p, "a value");
}

static const struct {
    const char *symbol, *function;
    int32_t precedence;
} operators[] = {{"=", "=", P_COMPARE},   {"==", "=", P_COMPARE},  {"!=", "!=", P_COMPARE}, {"<>", "!=", P_COMPARE},
                 {"<=", "<=", P_COMPARE}, {">=", ">=", P_COMPARE}, {"<", "<", P_COMPARE},   {">", ">", P_COMPARE},
                 {"||", "||", P_CONCAT},  {"+", "+", P_ADD},       {"-", "-", P_ADD},       {"*", "*", P_MULTIPLY},
                 {"/", "/", P_MULTIPLY},  {"%", "%", P_MULTIPLY}};

static int32_t in_list(parser *p, int32_t value, int32_t depth) {
    list l = {0};
    if (!take_symbol(p, "(")) return expected(p, "'(' and a list of values");
    if (is_symbol(p, ")")) return expected(p, "a value");
    int32_t status = aip__grow(p->ctx, &l.items, &l.capacity, 8, sizeof *l.items) == 0 ? AIP_OK : out_of_memory(p);
    if (status == AIP_OK) {
        l.items[l.n++] = value;
        status = arguments(p, &l, depth, "',' or ')'");
    }
    if (status == AIP_OK) call(p, "in", l.items, l.n, p->e->nodes[value].at);
    aip__free(p->ctx, l.items);
    return status != AIP_OK ? status : p->status;
}

/* is [not] null, [not] in (...), [not] between a and b, after the value. */
static int32_t predicate(parser *p, int32_t value, int32_t depth) {
    int32_t at = p->e->nodes[value].at;
    if (take_word(p, "is")) {
        bool negated = take_word(p, "not");
        AIP__TRY(need_word(p, "null", negated ? "'null'" : "'null' or 'not null'"));
        call(p, negated ? "is not null" : "is null", &value, 1, at);
        return p->status;
    }
    bool negated = take_word(p, "not");
    if (take_word(p, "in")) {
        AIP__TRY(in_list(p, value, depth));
    } else if (take_word(p, "between")) {
        int32_t args[3] = {value, 0, 0};
        AIP__TRY(expression(p, P_COMPARE, depth));
        args[1] = last(p);
        AIP__TRY(need_word(p, "and", "'and' and the upper bound"));
        AIP__TRY(expression(p, P_COMPARE, depth));
        args[2] = last(p);
        call(p, "between", args, 3, at);
    } else {
        return expected(p, "'in' or 'between'");
    }
    if (negated && p->status == AIP_OK) {
        int32_t arg = last(p);
        call(p, "not", &arg, 1, at);
    }
    return p->status;
}

/* Everything that binds tighter than `above`. */
static int32_t expression(parser *p, int32_t above, int32_t depth) {
    if (depth >= EXPR_MAX_DEPTH) return fail(p, p->now.at, "expected an expression nested at most 200 deep");
    AIP__TRY(prefix(p, depth + 1));
    for (;;) {
        if (p->status != AIP_OK) return p->status;
        int32_t left = last(p), precedence = 0, at = p->now.at;
        const char *function = NULL;
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            if (is_symbol(p, operators[i].symbol)) function = operators[i].function, precedence = operators[i].precedence;
        if (is_word(p, "or")) function = "or", precedence = P_OR;
        if (is_word(p, "and")) function = "and", precedence = P_AND;
        if (is_word(p, "is") || is_word(p, "in") || is_word(p, "between") || is_word(p, "not")) precedence = P_COMPARE;
        if (precedence <= above) return p->status;
        if (!function) {
            AIP__TRY(predicate(p, left, depth + 1));
            continue;
        }
        advance(p);
        AIP__TRY(expression(p, precedence, depth + 1));
        int32_t args[2] = {left, last(p)};
        expr_node *node = call(p, function, args, 2, at);
        if (!node) return p->status;
    }
}

int32_t aip__expr_parse(aip_context *ctx, const char *text, size_t n, aip__expr **out, aip_error **err) {
    if (n > EXPR_MAX_TEXT)
        return aip__error_set(err, AIP_E_SYNTAX, "expected an expression of at most 65536 bytes, found %zu", n);
    if (memchr(text, 0, n)) return aip__error_set(err, AIP_E_SYNTAX, "expected an expression without NUL bytes");
    aip__expr *e = aip__calloc(ctx, 1, sizeof *e);
    if (!e) return aip__error_memory(ctx, err);
    e->ctx = aip__context_retain(ctx);
    e->text = aip__strndup(ctx, text, n);
    e->n = n;
    e->strings = aip__alloc(ctx, 2 * n + 2); /* a name takes its length and a NUL; names of one letter are apart */
    parser p = {.ctx = ctx, .e = e, .err = err};
    int32_t status = AIP_OK;
    if (!e->text || !e->strings) {
        status = aip__error_memory(ctx, err);
    } else {
        advance(&p);
        status = p.status != AIP_OK ? p.status : expression(&p, P_NONE, 0);
        if (status == AIP_OK && p.now.kind != T_END) status = expected(&p, "an operator or the end");
    }
    if (status != AIP_OK) {
        aip__expr_free(e);
        return status;
    }
    *out = e;
    return AIP_OK;
}

const char *aip__expr_text(const aip__expr *e) { return e->text; }
const char *aip__expr_column(const aip__expr *e, int32_t i) { return i >= 0 && (size_t)i < e->n_columns ? e->columns[i] : NULL; }

void aip__expr_free(aip__expr *e) {
    if (!e) return;
    aip_context *ctx = e->ctx;
    aip__free(ctx, e->text);
    aip__free(ctx, e->strings);
    aip__free(ctx, e->nodes);
    aip__free(ctx, e->args);
    aip__free(ctx, e->columns);
    aip__free(ctx, e);
    aip__context_release(ctx);
}
