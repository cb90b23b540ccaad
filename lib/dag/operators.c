/* Registration of the operators, and what several of them need. */
#include "dag/operators.h"

#include <string.h>

int32_t aip__dag_register(aip_context *ctx, aip_error **err) {
    void (*const operators[])(aip_descriptor *) = {aip__operator_transform, aip__operator_split,   aip__operator_train,
                                                   aip__operator_evaluate,  aip__operator_predict, aip__operator_command};
    AIP__TRY(aip__operator_read(ctx, err));
    AIP__TRY(aip__operator_write(ctx, err));
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        aip_descriptor d = AIP_DESCRIPTOR_INIT;
        d.kind = AIP_KIND_OPERATOR;
        operators[i](&d);
        AIP__TRY(aip_catalog_register(ctx, &d, err));
    }
    return AIP_OK;
}

int32_t aip__operator_check_params(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    aip_params *checked = NULL;
    AIP__TRY(aip__params_create(dag->ctx, dag->tasks[task].operator_, params, dag->source, &checked, err));
    aip__params_free(checked);
    return AIP_OK;
}

int32_t aip__operator_keep(aip_task_context *task, aip_dataset *dataset, aip_error **err) {
    const aip_dataset *d = dataset;
    while (d->parent && !atomic_load(&d->kept) && !d->stage->spec->params)
        d = d->parent; /* a split's half costs next to nothing */
    if (atomic_load(&d->kept) || (d->ops && strcmp(d->ops->kind, "memory") == 0)) return AIP_OK;
    return aip__dataset_keep(dataset, &task->token, err);
}

int32_t aip__operator_input(void *user, const aip__node *reference, aip_dataset **out, aip_error **err) {
    aip_dataset *d = NULL;
    AIP__TRY(aip__task_dataset_at(user, reference, &d, err));
    *out = aip__dataset_retain(d);
    return AIP_OK;
}
