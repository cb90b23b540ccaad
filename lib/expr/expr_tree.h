/* The inside of the expression room: tree, bound tree, function table, and the machine that runs it.
 *
 * Nodes lie in an array in postorder: a node's arguments come before it, and the nodes below node i are exactly start..i. So the binder is one
 * loop over the array, and the evaluator is a stack machine: an argument's stack slot is its depth, and nothing recurses but the parser (to a
 * fixed depth).
 *
 * A slot holds a strip of up to EXPR_STRIP rows of one value class:
 *     class    types                              v points to
 *     I64      int32 int64 date32 timestamp       int64_t   (dates in days, timestamps in microseconds)
 *     F64      float32 float64 decimal64          double
 *     BOOL     bool                               uint8_t   0 or 1
 *     TEXT     utf8 dictionary binary             expr_text (views: into columns, constants, or the run's arena)
 * valid has a byte per row, NULL when all are valid; values at nulls are anything that may be computed on (text: a readable view).
 * bad has, per row, 0 or 1 + the node that failed there (overflow, cast), NULL when none did: a failure is an error only when it reaches the
 * result, so that a branch of `if` that is not taken cannot fail. */
#ifndef AIPIPE_LIB_EXPR_EXPR_TREE_H
#define AIPIPE_LIB_EXPR_EXPR_TREE_H

#include "expr/expr.h"
#include "expr/zone.h"

#define EXPR_MAX_TEXT 65536
#define EXPR_MAX_NODES 16384
#define EXPR_MAX_DEPTH 200
#define EXPR_STRIP 1024

typedef struct expr_function expr_function;
typedef struct expr_node expr_node;
typedef struct expr_bnode expr_bnode;
typedef struct expr_binder expr_binder;
typedef struct expr_run expr_run;
typedef struct expr_slot expr_slot;

/* ---- tree ---------------------------------------------------------------------------------------------------------------------- */
typedef enum { EXPR_INT, EXPR_FLOAT, EXPR_TEXT, EXPR_BOOL, EXPR_NULL, EXPR_COLUMN, EXPR_CALL } expr_kind;

struct expr_node {
    expr_kind kind;
    int32_t at, end;           /* bytes of the text that it spans */
    int32_t op_at;             /* of its operator or name: where messages point */
    int32_t start;             /* first node below it */
    int32_t first_arg, n_args; /* into aip__expr.args */
    int32_t target;            /* of a cast: the type */
    const expr_function *function;
    int64_t integer; /* also of a bool */
    double real;
    const char *text; /* of a text or column; NUL-terminated */
    size_t n_text;
};

struct aip__expr {
    aip_context *ctx;
    char *text;
    size_t n;
    char *strings; /* unescaped texts and names */
    size_t n_strings;
    expr_node *nodes;
    size_t n_nodes, nodes_capacity;
    int32_t *args;
    size_t n_args, args_capacity;
    const char **columns; /* distinct, into strings */
    size_t n_columns, columns_capacity;
};

/* "expression '...': column N: message"; `at` is a byte offset. */
int32_t aip__expr_error(const char *text, int32_t at, int32_t status, aip_error **err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ---- values ---------------------------------------------------------------------------------------------------------------------- */
typedef struct expr_text {
    const char *p;
    size_t n;
} expr_text;

typedef struct expr_scalar {
    bool null;
    union {
        int64_t i;
        double f;
        uint8_t b;
        expr_text t;
    } v;
} expr_scalar;

typedef enum { EXPR_C_I64, EXPR_C_F64, EXPR_C_BOOL, EXPR_C_TEXT } expr_class;
expr_class aip__expr_class(int32_t type);
static inline size_t aip__expr_width(expr_class c) { return c == EXPR_C_BOOL ? 1 : c == EXPR_C_TEXT ? sizeof(expr_text) : 8; }

struct expr_slot {
    const void *v;
    const uint8_t *valid;
    const uint16_t *bad;
    void *v_buffer; /* room for a strip of any class */
    uint8_t *valid_buffer;
    uint16_t *bad_buffer;
};

/* Text made while evaluating; freed as a whole. */
typedef struct expr_arena {
    aip_context *ctx;
    struct expr_arena_block {
        struct expr_arena_block *next;
        size_t used, size;
    } * block; /* the newest first */
} expr_arena;
char *aip__expr_arena_get(expr_arena *a, size_t n); /* NULL when refused */
void aip__expr_arena_reset(expr_arena *a);          /* keeps one block */
void aip__expr_arena_free(expr_arena *a);

/* ---- functions -------------------------------------------------------------------------------------------------------------------- */
/* Computes n rows into out: values into out->v_buffer (out->v is set already). For a strict function, out->valid and out->bad hold what the
 * arguments give; exec may take validity away (aip__expr_valid_mut) and mark failures (aip__expr_bad_mut). */
typedef int32_t (*expr_exec)(expr_run *r, const expr_bnode *node, const expr_slot *args, int32_t n_args, expr_slot *out,
                             int64_t n, aip_error **err);
typedef int32_t (*expr_typer)(expr_binder *b, expr_bnode *node, aip_error **err);

struct expr_function {
    const char *name, *signature, *doc;
    int32_t min_args, max_args; /* -1: no maximum */
    const char
        *pattern; /* argument letters, '?' before optional ones, '*' repeats the last, '>' and the result's, '!' may give null;
                          * i integer, f float, n number (result n: type of the argument), t text, b bool. NULL: type does it all */
    expr_typer type;
    expr_exec exec;
    const char *failure; /* what went wrong in a bad row */
    int32_t aux;
    bool lenient; /* nulls of arguments do not make the result null */
};
extern const expr_function aip__expr_functions[];
extern const int32_t aip__expr_n_functions;
const expr_function *aip__expr_function_find(const char *name, size_t n); /* any case; NULL when not there */

/* ---- bound tree --------------------------------------------------------------------------------------------------------------------- */
typedef enum { EXPR_KEEP, EXPR_TO_F64, EXPR_TO_TIMESTAMP } expr_convert;

typedef struct expr_set { /* the constants of an IN list, sorted, distinct */
    int64_t n;
    bool has_null;
    int64_t *i;
    double *f;
    expr_text *t;
} expr_set;

struct expr_bnode {
    expr_kind kind;
    int32_t index, at, end, op_at, start;
    int32_t first_arg, n_args; /* into args of the bound expression */
    int32_t type;              /* 0: the null literal, of no type yet */
    int32_t shown;             /* the type as messages name it */
    int32_t from_type, target; /* of a cast */
    const char *zone;          /* of a timestamp */
    bool nullable;
    bool constant; /* value is the result */
    bool taken;    /* a constant argument that the parent took at binding: it has no slot */
    expr_convert convert;
    const aip__zone *zone_data; /* what exec or convert needs */
    const aip__zone *convert_zone;
    int32_t column; /* index in the schema */
    int32_t scale;
    int32_t aux;
    const expr_function *function;
    expr_exec exec;
    expr_scalar value;
    expr_set *set;
    int32_t dictionary; /* the only column that it depends on, when that is a dictionary; -1: none yet (constants); -2: no */
};

typedef enum { EXPR_DO_CONSTANT, EXPR_DO_COLUMN, EXPR_DO_CALL, EXPR_DO_LOOKUP } expr_action;
typedef struct expr_step {
    expr_action action;
    int32_t node;
    int32_t slot;   /* of the result, and the first argument */
    int32_t n_args; /* with a slot */
    int32_t which;  /* constant: number of its buffer; lookup: number of the lookup */
    int32_t skip;   /* lookup: steps that follow and are done without it */
} expr_step;

struct aip__bound_expr {
    aip_context *ctx;
    char *text;
    aip_field field;
    char *field_zone;
    expr_bnode *nodes;
    int32_t n_nodes;
    int32_t *args;
    expr_step *steps;
    int32_t n_steps, n_slots, n_constants, n_lookups;
    int32_t pass_column; /* the whole expression is this column; -1: no */
    expr_arena arena;    /* constants and sets */
    aip__zone **zones;
    size_t n_zones, zones_capacity;
};

struct expr_binder {
    aip__bound_expr *bound;
    const aip_schema *schema;
    const char *text;
};
static inline expr_bnode *aip__expr_arg(const aip__bound_expr *b, const expr_bnode *node, int32_t i) {
    return &b->nodes[b->args[node->first_arg + i]];
}
/* Makes an argument of the wanted type (0: leaves it), or an error that names what was expected. */
int32_t aip__expr_coerce(expr_binder *b, const expr_bnode *node, expr_bnode *arg, int32_t type, const char *zone,
                         aip_error **err);
/* Gives arguments from, from + step, ... and the last their common type (0: all are null), written to *type and *zone. what, for messages:
 * "compare". */
int32_t aip__expr_unify(expr_binder *b, const expr_bnode *node, int32_t from, int32_t step, const char *what, int32_t *type,
                        const char **zone, aip_error **err);
int32_t aip__expr_zone(expr_binder *b, const expr_bnode *at, const char *name, const aip__zone **out, aip_error **err);
/* The text of a constant text argument; an error that names `what` otherwise. The argument is taken. */
int32_t aip__expr_take_text(expr_binder *b, const expr_bnode *node, int32_t i, const char *what, expr_text *out, aip_error **err);
int32_t aip__expr_type_error(expr_binder *b, const expr_bnode *node, const expr_bnode *arg, const char *expected,
                             aip_error **err);
const char *aip__expr_shown(const expr_bnode *node);
int32_t aip__expr_type_pattern(expr_binder *b, expr_bnode *node, aip_error **err);

/* ---- the machine --------------------------------------------------------------------------------------------------------------------- */
typedef struct
    expr_lookup { /* results of a part that depends on one dictionary column alone, by code; the last entry is for null */
    int64_t n;    /* 0: not used for this batch */
    void *v;
    uint8_t *valid;
    uint16_t *bad;
} expr_lookup;

struct expr_run {
    const aip__bound_expr *bound;
    aip_context *ctx;
    aip__buffer *memory;
    expr_slot *slots; /* n_slots, and one spare that results are computed into */
    int32_t n_slots;
    int64_t strip;
    void **constants;
    expr_lookup *lookups;
    expr_arena arena;
    aip__column *const *columns;
    const expr_slot *inputs; /* in place of columns: v, valid by column, strips of a row plan; NULL */
    int64_t start;           /* of the strip */
    int32_t dictionary;      /* column whose dictionary is the input now; -1: rows */
};
/* Also after a failure, close is due. */
int32_t aip__expr_run_open(expr_run *r, const aip__bound_expr *b, int32_t n_slots, int32_t n_constants, int32_t n_lookups,
                           int64_t strip, aip_error **err);
void aip__expr_run_close(expr_run *r);
/* Broadcasts the constants. */
void aip__expr_run_constants(expr_run *r);
/* All steps, over n rows from r->start on: the result is in slots[0]. */
int32_t aip__expr_run_strip(expr_run *r, int64_t n, aip_error **err);
/* Runs one node over its arguments' slots args[0..n_args): the result, converted as its parent wants, is left in args[0]. */
int32_t aip__expr_call(expr_run *r, const expr_bnode *node, expr_slot *args, int32_t n_args, int64_t n, aip_error **err);
/* Fills n rows of v with a constant's value. */
void aip__expr_broadcast(const expr_bnode *node, void *v, int64_t n);

/* Writable validity of a result; all valid when it had none. */
uint8_t *aip__expr_valid_mut(expr_slot *out, int64_t n);
uint16_t *aip__expr_bad_mut(expr_slot *out, int64_t n);
void aip__expr_strict(const expr_slot *args, int32_t n_args, expr_slot *out, int64_t n);
static inline bool aip__expr_ok(const expr_slot *s, int64_t i) { return (!s->valid || s->valid[i]) && (!s->bad || !s->bad[i]); }

int32_t aip__expr_compare_texts(expr_text a, expr_text b); /* bytewise: <0, 0, >0 */

#endif
