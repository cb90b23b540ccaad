/* Folds: a scan whose items end in the states of lanes, merged in lane order, so that the result does not depend on threads. */
#include "data/scan_inside.h"

#include "exec/float_mode.h"

int64_t aip__fold_lanes(size_t state_bytes) {
    size_t lanes = ((size_t)64 << 20) / (state_bytes ? state_bytes : 1);
    return lanes < 1 ? 1 : lanes > 64 ? 64 : (int64_t)lanes;
}

static int32_t run_fold(aip__scan *s, aip_error **err) {
    for (;;) {
        aip__scan_pump(s);
        aip__scan_go_ahead(s);
        int32_t status = aip__group_wait(s->group, err);
        if (status != AIP_OK) return status;
        if (atomic_load(&s->failed)) return aip__error_memory(s->ctx, err);
        pthread_mutex_lock(&s->lock);
        bool all_out = s->end && s->n_out == s->n_cut;
        pthread_mutex_unlock(&s->lock);
        if (all_out) return aip__scan_finish(s, err);
    }
}

int32_t aip__fold_run(aip_dataset *d, aip__token *token, const char *phase, const aip_fold_ops *ops, const void *fold,
                      void **state, aip_row_counts *counts, aip_error **err) {
    aip_context *ctx = d->ctx;
    aip__fold_sink sink = {.ops = ops, .fold = fold, .n_lanes = aip__fold_lanes(ops->state_bytes(fold))};
    sink.states = aip__calloc(ctx, (size_t)sink.n_lanes, sizeof *sink.states);
    if (!sink.states) return aip__error_memory(ctx, err);
    aip__scan *s = NULL;
    int32_t status = aip__scan_begin(d, token, phase, &sink, NULL, &s, err);
    if (status == AIP_OK) status = run_fold(s, err);
    if (status == AIP_OK && counts) aip__scan_counts(s, counts);
    aip__scan_close(s);
    aip__float_mode mode; /* merging is work as any: not in what mode the host's thread happens to be */
    aip__float_mode_enter(&mode);
    if (status == AIP_OK && !sink.states[0]) status = aip__error_of_host(err, ops->init(fold, &sink.states[0], err), "init");
    for (int64_t i = 1; i < sink.n_lanes; i++) {
        if (!sink.states[i]) continue;
        if (status == AIP_OK) status = aip__error_of_host(err, ops->merge(fold, sink.states[0], sink.states[i], err), "merge");
        ops->destroy(fold, sink.states[i]);
    }
    aip__float_mode_leave(&mode);
    if (status == AIP_OK)
        *state = sink.states[0];
    else if (sink.states[0])
        ops->destroy(fold, sink.states[0]);
    aip__free(ctx, sink.states);
    return status;
}
