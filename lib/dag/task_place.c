/* Where in the DAG file a running task's error belongs. What a stage or a model says knows its column and its stage, not the file that asked for
 * them: the node that names what the error is about is looked for in the task's definition. */
#include "dag/dag.h"

#include <string.h>

typedef struct match {
    const aip__node *node;  /* of the matches, the first of those nearest to the root */
    const aip__node *under; /* its value, where it is a key; itself otherwise */
    int32_t depth, n;       /* n: of all matches */
} match;

static void note(match *m, const aip__node *node, const aip__node *under, const char *text, int32_t depth) {
    if (node->kind != AIP__STRING || node->line == 0 || strcmp(node->string, text) != 0) return;
    if (m->n++ > 0 && m->depth <= depth) return;
    m->node = node;
    m->under = under;
    m->depth = depth;
}

/* Keys and strings below root (or root itself) that are this text. */
static match find(const aip__node *root, const char *text) {
    struct {
        const aip__node *node;
        int32_t next;
    } path[AIP__DOCUMENT_DEPTH + 1];
    match m = {0};
    int32_t depth = 0;
    if (!root || !text) return m;
    note(&m, root, root, text, 0);
    path[0].node = root, path[0].next = 0;
    while (depth >= 0) {
        const aip__node *node = path[depth].node;
        int32_t i = path[depth].next++;
        if (i >= node->n) {
            depth--;
            continue;
        }
        note(&m, node->items[i], node->items[i], text, depth + 1); /* `target: target` is about the value */
        if (node->kind == AIP__MAP) note(&m, node->keys[i], node->items[i], text, depth + 1);
        if (node->items[i]->n > 0 && depth < AIP__DOCUMENT_DEPTH) path[++depth].node = node->items[i], path[depth].next = 0;
    }
    return m;
}

/* The name of the column that the error is about, in its stage's own parameters; the stage; the parameter; else the operator. A stage that stands
 * there twice may be either. */
static const aip__node *telling(const aip__node *definition, const char *operator_, const aip_error *e) {
    const aip__node *params = aip__node_get(definition, operator_);
    match stage = find(params, aip_error_stage(e)), column = {0}, parameter = {0};
    const aip__node *within = stage.n == 1 ? stage.under : params;
    column = find(within, aip_error_data_column(e));
    if (stage.n > 1 && column.n > 1) column.node = NULL;
    if (column.node) return column.node;
    if (stage.n == 1) return stage.node;
    if (stage.n == 0) parameter = find(params, aip_error_parameter(e));
    if (parameter.node) return parameter.node;
    for (int32_t i = 0; i < definition->n; i++)
        if (strcmp(definition->keys[i]->string, operator_) == 0) return definition->keys[i];
    return definition;
}

void aip__dag_place_task_error(const aip_dag *dag, int32_t task, const aip__node *definition, aip_error **err) {
    const char *source = err ? aip_error_source(*err) : NULL;
    if (!definition || !err || aip_error_line(*err) > 0) return;
    if (source && (!dag->source || strcmp(source, dag->source) != 0)) return; /* it is about a file of data */
    const aip__node *at = telling(definition, dag->tasks[task].operator_->name, *err);
    aip__dag_place(dag, at, AIP_E_PARAM, err);
}
