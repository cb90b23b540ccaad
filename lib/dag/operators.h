/* The built-in operators, one file per family, and what they share. */
#ifndef AIPIPE_LIB_DAG_OPERATORS_H
#define AIPIPE_LIB_DAG_OPERATORS_H

#include "dag/dag.h"

/* Register their operators, whose parameters depend on the formats in the catalogue. */
int32_t aip__operator_read(aip_context *ctx, aip_error **err);
int32_t aip__operator_write(aip_context *ctx, aip_error **err);
/* Each fills in its operator's descriptor. */
void aip__operator_transform(aip_descriptor *d);
void aip__operator_split(aip_descriptor *d);
void aip__operator_train(aip_descriptor *d);
void aip__operator_evaluate(aip_descriptor *d);
void aip__operator_predict(aip_descriptor *d);
void aip__operator_command(aip_descriptor *d);

/* Checks a map against the operator's own table and drops the result. */
int32_t aip__operator_check_params(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err);

/* For whoever passes over the dataset more than once: keeps it in memory, unless it is (a part of) what is there already. */
int32_t aip__operator_keep(aip_task_context *task, aip_dataset *dataset, aip_error **err);
/* aip__resolve_input for the stages of a task: user is the aip_task_context. */
int32_t aip__operator_input(void *user, const aip__node *reference, aip_dataset **out, aip_error **err);

/* Saves a package at a path of the DAG file; missing folders are made. */
int32_t aip__operator_save(aip_task_context *task, aip_package *package, const aip__node *path, aip_error **err);

#endif
