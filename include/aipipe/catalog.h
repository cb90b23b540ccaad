/* aipipe/catalog.h: the catalogue. Everything that has a name and parameters (stages, models, formats, connectors, metrics, task
 * operators) is a descriptor: a name, one line of documentation, a table of typed parameters, named inputs, and a table of
 * functions. Built-ins and a host's own additions are registered by the same call. */
#ifndef AIPIPE_CATALOG_H
#define AIPIPE_CATALOG_H

#include <aipipe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parameters ---------------------------------------------------------------------------------------------------------------- */
#define AIP_PARAM_BOOL ((int32_t)1)
#define AIP_PARAM_INT ((int32_t)2)
#define AIP_PARAM_FLOAT ((int32_t)3) /* JSON number, or "NaN", "Infinity", "-Infinity" */
#define AIP_PARAM_STRING ((int32_t)4)
#define AIP_PARAM_CHOICE ((int32_t)5)    /* one of `choices` */
#define AIP_PARAM_STRINGS ((int32_t)6)   /* list of strings; a single string is a list of one */
#define AIP_PARAM_COLUMNS ((int32_t)7)   /* list of names; or "numeric", "text", "all"; or a pattern with * and ? */
#define AIP_PARAM_OBJECT ((int32_t)8)    /* {name: value}: any JSON object */
#define AIP_PARAM_LIST ((int32_t)9)      /* any JSON list */
#define AIP_PARAM_ANY ((int32_t)10)      /* any JSON value */
#define AIP_PARAM_DURATION ((int32_t)11) /* seconds, or "90s", "5m", "2h", "1d" */

/* An entry named "*" takes every key that no other entry names; its value is the list of [name, value] in the given order, empty when there
 * is none, and each value must fit the entry. */
typedef struct aip_param_spec {
    uint32_t struct_size;
    int32_t type;
    const char *name;
    const char *doc;
    const char *default_json; /* JSON text, "null" for none; NULL: required */
    const char *choices;      /* of a choice: "mean|median|constant" */
    double minimum, maximum;  /* of numbers and durations, inclusive; both 0: no range; INFINITY: no bound on that side */
    int32_t nullable;         /* 1: null is a value */
    int32_t open_interval;    /* bit 0: minimum itself is excluded; bit 1: maximum itself is excluded */
} aip_param_spec;

/* Validated parameters, as a descriptor's functions see them. Borrowed; every spec'd name is there, with its default if not given. */
typedef struct aip_params aip_params;
AIP_API int32_t aip_params_is_null(const aip_params *params, const char *name);    /* 1: null. immutable */
AIP_API int32_t aip_params_given(const aip_params *params, const char *name);      /* 1: not the default. immutable */
AIP_API int32_t aip_params_bool(const aip_params *params, const char *name);       /* immutable */
AIP_API int64_t aip_params_int(const aip_params *params, const char *name);        /* immutable */
AIP_API double aip_params_float(const aip_params *params, const char *name);       /* also of durations, seconds. immutable */
AIP_API const char *aip_params_string(const aip_params *params, const char *name); /* NULL when null. immutable */
AIP_API int32_t aip_params_n_strings(const aip_params *params, const char *name);  /* immutable */
AIP_API const char *aip_params_string_at(const aip_params *params, const char *name, int32_t i); /* immutable */
/* The value as canonical JSON text, borrowed. immutable */
AIP_API const char *aip_params_json(const aip_params *params, const char *name);

/* ---- named inputs ---------------------------------------------------------------------------------------------------------------- */
typedef struct aip_input { /* a handle given to a parameterised thing by name, such as a join's right table */
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;
    aip_dataset *dataset;
} aip_input;
#define AIP_INPUT_INIT \
    { sizeof(aip_input), 0, NULL, NULL }

/* ---- descriptor ------------------------------------------------------------------------------------------------------------------- */
#define AIP_KIND_STAGE ((int32_t)1)
#define AIP_KIND_MODEL ((int32_t)2)
#define AIP_KIND_METRIC ((int32_t)3)
#define AIP_KIND_FORMAT ((int32_t)4)
#define AIP_KIND_CONNECTOR ((int32_t)5)
#define AIP_KIND_OPERATOR ((int32_t)6) /* of tasks */

#define AIP_ROWS_SAME ((int32_t)0)  /* one row out for each row in, in order: may stand in a package */
#define AIP_ROWS_FEWER ((int32_t)1) /* drops rows */
#define AIP_ROWS_OTHER ((int32_t)2) /* adds or reorders rows */

/* A thing of the catalogue: its name, parameters and functions. */
typedef struct aip_descriptor {
    uint32_t struct_size;
    int32_t kind;
    const char *name; /* snake_case; unique within its kind */
    const char *doc;  /* one line */
    const aip_param_spec *params;
    int32_t n_params;
    uint32_t param_stride;       /* sizeof(aip_param_spec) */
    const char *inputs;          /* named dataset inputs, "right" or "a|b"; NULL: none */
    const void *ops;             /* the kind's table: aip_stage_ops (aipipe/stage.h), aip_connector_ops (aipipe/connector.h) */
    int32_t rows;                /* AIP_ROWS_*, of stages */
    int32_t version;             /* of what it computes; part of packages and cache keys */
    const char *shorthand;       /* parameter that a bare scalar or list sets: "filter: 'x > 1'"; NULL: none */
    void *user;                  /* handed to the ops' create */
    void (*destroy)(void *user); /* when the context goes; may be NULL */
} aip_descriptor;
#define AIP_DESCRIPTOR_INIT \
    { sizeof(aip_descriptor), 0, NULL, NULL, NULL, 0, sizeof(aip_param_spec), NULL, NULL, 0, 1, NULL, NULL, NULL }

/* Adds to this context's catalogue; the structs are copied, strings and ops are borrowed and must outlive the context (literals and
 * statics do). Defaults are checked against their own types and ranges. On error nothing is kept and destroy is not called.
 * Errors: AIP_E_MISUSE (bad descriptor), AIP_E_PARAM (the name is taken), AIP_E_UNSUPPORTED (of the kinds, a host may add
 * stages and connectors).
 * any-thread */
AIP_API int32_t aip_catalog_register(aip_context *ctx, const aip_descriptor *descriptor, aip_error **err);

/* The catalogue as JSON text, for documentation and bindings: one entry (an object) when name is given, else a list of all. Where kinds
 * share a name, "format.csv" says which; "csv" alone is the first in the order of the kinds. Free with aip_text_free. A format also lists the
 * "extensions" of its files' names.
 * Errors: AIP_E_NOT_FOUND with the nearest name. any-thread */
AIP_API int32_t aip_catalog_json(aip_context *ctx, const char *name, char **out, aip_error **err);
/* Frees text that the library returned through an out-parameter. NULL is legal. any-thread */
AIP_API void aip_text_free(aip_context *ctx, char *text);

#ifdef __cplusplus
}
#endif
#endif
