/* The inside of a DAG and of a run.
 *
 * A DAG is tasks and edges, filled by a DAG file (dagfile.c) or by calls (graph.c). A task is an operator from the catalogue with a definition (the
 * map it has in a DAG file), or a host callback. A run (run.c) resolves ${params.x} in the definitions, runs each task as a job when all it waits for
 * has succeeded, and hands datasets and packages on as handles. */
#ifndef AIPIPE_LIB_DAG_DAG_H
#define AIPIPE_LIB_DAG_DAG_H

#include "base/catalog.h"
#include "data/dataset.h"
#include "exec/group.h"
#include "package/package.h"
#include <aipipe/dag.h>

/* Adds the built-in operators to the catalogue (operators.c). */
int32_t aip__dag_register(aip_context *ctx, aip_error **err);

/* ---- graph ------------------------------------------------------------------------------------------------------------------------ */

typedef struct aip__reference { /* to what another task makes: `halves.train` */
    int32_t task;
    char *output; /* "train"; NULL: the main output */
} aip__reference;

typedef struct aip__task {
    char *name;
    int32_t line, column;            /* in the DAG file; 0 */
    const aip_descriptor *operator_; /* NULL: a callback */
    const aip__node *definition;     /* the whole map: operator, from, needs, output, ...; NULL for a callback */
    aip_task_fn fn;
    void *user;
    void (*destroy)(void *user);
    int32_t *before; /* tasks that must have succeeded, ascending, each once */
    int32_t n_before;
    size_t before_capacity;
    aip__reference *references; /* outputs that it reads: `from`, a stage's inputs */
    int32_t n_references;
    size_t references_capacity;
} aip__task;

struct aip_dag {
    _Atomic(int64_t) refs;
    aip_context *ctx;
    char *name, *doc;
    char *source;              /* the DAG file's path, for messages; NULL */
    char *base_dir;            /* where relative paths start; NULL: the working directory */
    aip__document **documents; /* own the definitions: the file's, and one for each aip_dag_add */
    int32_t n_documents;
    size_t documents_capacity;
    const aip__node *params;       /* the file's `params:`, or NULL */
    const aip__node *default_args; /* the file's `default_args:`, or NULL */
    aip__task *tasks;
    int32_t n_tasks;
    size_t tasks_capacity;
    int32_t *index; /* tasks by the hash of their name; open addressing, -1 empty; at most half full */
    size_t index_size;
    _Atomic(bool) frozen; /* a run was started: no more changes */
};

int32_t aip__dag_find(const aip_dag *dag, const char *name, size_t n); /* task index, or -1 */
/* Appends a task. line and column place the errors about its name (empty, taken, not [A-Za-z0-9_-]). */
int32_t aip__dag_new_task(aip_dag *dag, const char *name, int32_t line, int32_t column, aip__task **out, aip_error **err);
int32_t aip__dag_edge(aip_dag *dag, int32_t before, int32_t after, aip_error **err);
/* What a reference to a task is for: its order alone, or what it makes. */
typedef enum { AIP__WANTS_ORDER, AIP__WANTS_DATASET, AIP__WANTS_PACKAGE, AIP__WANTS_EITHER } aip__wants;
/* `name` or `name.output`, written at `at`: the task must exist (did you mean) and make what is wanted; adds the edge and, when it is data, the
 * reference. */
int32_t aip__dag_refer(aip_dag *dag, int32_t task, const aip__node *at, aip__wants wants, aip_error **err);
/* AIP_E_PARAM "cycle: a -> b -> a" placed at one of its tasks. */
int32_t aip__dag_check_cycles(const aip_dag *dag, aip_error **err);
/* AIP_E_PARAM "<message>'x'; did you mean 'y'?", or the names when none is near. */
int32_t aip__dag_unknown(aip_context *ctx, const char *message, const char *given, const char *const *names, size_t n,
                         aip_error **err);

/* ---- definitions (dag_check.c) ------------------------------------------------------------------------------------------------------- */

/* Finds the one operator among the keys of a task's map; every other key must be one that any task may have. */
int32_t aip__dag_find_operator(const aip_dag *dag, const char *task, const aip__node *definition, const aip_descriptor **out,
                               aip_error **err);
/* Edges and references of a task from its definition: from, needs, inputs of stages. Names are as written: ${...} is not looked into. */
int32_t aip__dag_link(aip_dag *dag, int32_t task, aip_error **err);
/* A definition with its parameters put in is checked as far as it can be without running: keys, operator, stages, models. */
int32_t aip__dag_check_definition(aip_dag *dag, int32_t task, const aip__node *definition, aip_error **err);
/* Every task with a definition: puts the parameters in and checks. A task that needs a parameter without a value is passed over. */
int32_t aip__dag_check_tasks(aip_dag *dag, const aip__node *params, aip_error **err);
/* Refuses a connector's path where only a file will do. */
int32_t aip__dag_check_file(const aip_dag *dag, const aip__node *at, aip_error **err);
/* The path that a task writes: `output:`, or write's `path`; NULL. */
const aip__node *aip__dag_written_path(const aip_dag *dag, int32_t task, const aip__node *definition);
/* No path is written by two tasks, or read by one that does not wait for its writer. definitions: of each task, with the parameters put in; NULL:
 * a callback, or not known (dag_paths.c). */
int32_t aip__dag_check_paths(const aip_dag *dag, const aip__node *const *definitions, aip_error **err);
/* A list of stages (or the name of one) as `transform` and `train` have it: each is made and dropped again. */
int32_t aip__dag_check_stages(aip_dag *dag, const aip__node *stages, aip_error **err);
/* Of stages that were checked: each may stand in a package. */
int32_t aip__dag_check_package_stages(aip_dag *dag, const aip__node *stages, aip_error **err);
int32_t aip__dag_check_default_args(const aip_dag *dag, aip_error **err);
/* Logs, once for each, what the file asks for and this version does not do. */
void aip__dag_warn(const aip_dag *dag);
/* Seconds of `execution_timeout`, its own or the default; 0: none. */
int32_t aip__dag_timeout(const aip_dag *dag, const aip__node *definition, double *out, aip_error **err);

/* ---- parameters (dag_params.c) ---------------------------------------------------------------------------------------------------------- */

/* Values of the DAG's parameters: defaults, overridden by run_params (a map, or NULL), checked: a map in `into`. One without a value is an
 * error, or, when `open`, left out. */
int32_t aip__dag_parameters(const aip_dag *dag, const aip__node *run_params, bool open, aip__document *into, aip__node **out,
                            aip_error **err);
/* A copy of the definition with ${params.x} replaced; NULL when it needs a parameter that has no value. */
int32_t aip__dag_substitute(const aip_dag *dag, const aip__node *definition, const aip__node *params, aip__document *into,
                            aip__node **out, aip_error **err);
/* "integer", "number", ... of a parameter's entry in the file */
const char *aip__dag_param_type(const aip__node *entry);
const aip__node *aip__dag_param_default(const aip__node *entry); /* NULL: none */
const char *aip__dag_param_doc(const aip__node *entry);          /* NULL: none */

/* An error about a node of the DAG's file gets its place; returns status. */
int32_t aip__dag_place(const aip_dag *dag, const aip__node *at, int32_t status, aip_error **err);
/* An error of a running task that has no place of its own, in the DAG file or in a file of data, gets that of the node that it is most likely
 * about. definition: as it was run; NULL: a callback. */
void aip__dag_place_task_error(const aip_dag *dag, int32_t task, const aip__node *definition, aip_error **err);

/* ---- operators --------------------------------------------------------------------------------------------------------------------- */

typedef enum { AIP__MAKES_NOTHING, AIP__MAKES_DATASET, AIP__MAKES_PACKAGE, AIP__MAKES_METRICS } aip__makes;
typedef enum {
    AIP__FROM_NOTHING,
    AIP__FROM_DATASET,
    AIP__FROM_PACKAGE_AND_DATA, /* {package: task, data: task} */
    AIP__FROM_DATASET_OR_PACKAGE,
    AIP__FROM_DATASET_OR_PACKAGE_AND_DATA
} aip__from;

/* The ops of a descriptor of kind AIP_KIND_OPERATOR. Its params table says what the operator's own map may hold. */
typedef struct aip__operator_ops {
    /* What can be known without running: parameters, stages, models, expressions. params is the operator's own map, resolved. */
    int32_t (*check)(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err);
    /* Does the work: reads its inputs with aip__task_dataset_at, sets its outputs with aip_task_set_*. */
    int32_t (*run)(aip_task_context *task, const aip__node *params, aip_error **err);
    aip__from from;
    aip__makes makes;    /* the main output */
    const char *outputs; /* names of further outputs, "train|test"; NULL: the main one alone */
    const char *stages;  /* the parameter that holds stages; NULL: none */
} aip__operator_ops;
const aip__operator_ops *aip__dag_ops(const aip_dag *dag, int32_t task); /* NULL: a callback */

/* ---- runs ----------------------------------------------------------------------------------------------------------------------------- */

typedef struct aip__output { /* what a task made */
    char *name;              /* NULL: the main output */
    aip_dataset *dataset;
    aip_package *package;
} aip__output;

typedef struct aip__task_run aip__task_run;
struct aip__task_run {
    aip_run *run;
    int32_t index, state;
    int32_t waits;               /* predecessors that have not succeeded yet */
    aip__task_run *next;         /* in the list that the end of a task walks */
    const aip__node *definition; /* resolved */
    aip__output *outputs;
    int32_t n_outputs;
    size_t outputs_capacity;
    char *metrics; /* JSON object, or NULL */
    int64_t started_ns, ended_ns;
    aip_row_counts counts; /* of what it wrote or made; rows_in < 0: none known */
    int64_t rows, bytes;   /* as last reported */
    aip_error *error;
    int32_t status;
    bool progress_pending;
    double fraction;
    const char *phase;
};

struct aip_task_context { /* on the stack of the job that runs the task */
    aip_run *run;
    const aip__task *task;
    aip__task_run *state;
    aip_call call;
    aip__token token;
};

/* In an operator: the dataset or package that a node of the definition names (`halves.train`). Borrowed. AIP_E_PARAM when the task made none. */
int32_t aip__task_dataset_at(aip_task_context *task, const aip__node *reference, aip_dataset **out, aip_error **err);
int32_t aip__task_package_at(aip_task_context *task, const aip__node *reference, aip_package **out, aip_error **err);
const aip__node *aip__task_from(const aip_task_context *task); /* the `from:` node, or NULL */
int32_t aip__task_set_metrics(aip_task_context *task, const char *json, aip_error **err);
void aip__task_set_counts(aip_task_context *task, const aip_row_counts *counts);
const char *aip__task_base_dir(const aip_task_context *task);
const char *aip__task_source(const aip_task_context *task);
/* How many times an output is read: by tasks, and by the task's own `output:`. */
int32_t aip__task_n_readers(const aip_task_context *task, const char *output);

/* Writes what the task made to `output:` (operator_data.c): a dataset as a file, a package as a package; missing folders are made. */
int32_t aip__task_write_output(aip_task_context *task, const aip__node *output, aip_error **err);

#endif
