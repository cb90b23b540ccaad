/* A run and a DAG as JSON text. Times stand here and nowhere else: no result depends on them. */
#include "base/clock.h"
#include "dag/run.h"

#include <string.h>

static const char *run_state_name(int32_t state) {
    static const char *const names[] = {"queued", "running", "success", "failed", "cancelled"};
    return names[state];
}

static void add_text(aip__text *t, const char *key, const char *value) {
    if (!value) return;
    aip__text_printf(t, ",\"%s\":", key);
    aip__text_json(t, value, strlen(value));
}

static void add_error(aip__text *t, const aip_error *e, int32_t status) {
    aip__text_printf(t, ",\"error\":{\"status\":\"%s\",\"code\":%d,\"message\":", aip_status_name(status), (int)status);
    const char *message = aip_error_message(e);
    aip__text_json(t, message, strlen(message));
    add_text(t, "source", aip_error_source(e));
    if (aip_error_line(e) > 0) aip__text_printf(t, ",\"line\":%lld", (long long)aip_error_line(e));
    if (aip_error_column(e) > 0) aip__text_printf(t, ",\"column\":%lld", (long long)aip_error_column(e));
    add_text(t, "stage", aip_error_stage(e));
    add_text(t, "parameter", aip_error_parameter(e));
    add_text(t, "data_column", aip_error_data_column(e));
    aip__text_char(t, '}');
}

static void add_seconds(aip__text *t, const char *key, int64_t ns) {
    aip__text_printf(t, ",\"%s\":", key);
    int64_t microseconds = ns / 1000;
    aip__text_f64(t, (double)microseconds / 1e6, true);
}

/* Rows of what the task made where they are known by now: a lazy dataset is counted by whoever reads it first. Else the last that was reported. */
static int64_t rows_of(const aip__task_run *r) {
    for (int32_t i = 0; r->state == AIP_TASK_SUCCESS && r->counts.rows_in < 0 && i < r->n_outputs; i++) {
        int64_t n = r->outputs[i].name || !r->outputs[i].dataset ? -1 : aip__dataset_known_count(r->outputs[i].dataset);
        if (n >= 0) return n;
    }
    return r->rows;
}

/* What the task read, handed on and dropped; false where nobody knows. */
static bool counts_of(const aip__task_run *r, aip_row_counts *counts) {
    if (r->state != AIP_TASK_SUCCESS) return false;
    *counts = r->counts;
    bool known = counts->rows_in >= 0;
    for (int32_t i = 0; !known && i < r->n_outputs; i++)
        known = !r->outputs[i].name && r->outputs[i].dataset && aip__dataset_kept_counts(r->outputs[i].dataset, counts);
    return known;
}

/* Under the run's lock. */
static void add_task(aip__text *t, const aip_run *run, int32_t i) {
    const aip__task_run *r = &run->tasks[i];
    const aip__task *task = &run->dag->tasks[i];
    aip__text_str(t, "{\"task\":");
    aip__text_json(t, task->name, strlen(task->name));
    add_text(t, "operator", task->operator_ ? task->operator_->name : "callback");
    add_text(t, "state", aip_task_state_name(r->state));
    if (r->started_ns != 0)
        add_seconds(t, "elapsed", (aip__task_state_ended(r->state) ? r->ended_ns : aip__clock_ns()) - r->started_ns);
    if (rows_of(r) > 0) aip__text_printf(t, ",\"rows\":%lld", (long long)rows_of(r));
    if (r->bytes > 0) aip__text_printf(t, ",\"bytes\":%lld", (long long)r->bytes);
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    if (counts_of(r, &counts))
        aip__text_printf(t, ",\"counts\":{\"rows_in\":%lld,\"rows_out\":%lld,\"rows_rejected\":%lld,\"rows_filtered\":%lld}",
                         (long long)counts.rows_in, (long long)counts.rows_out, (long long)counts.rows_rejected,
                         (long long)counts.rows_filtered);
    if (r->state == AIP_TASK_SUCCESS && r->metrics) {
        aip__text_str(t, ",\"metrics\":");
        aip__text_str(t, r->metrics);
    }
    if (r->state == AIP_TASK_SUCCESS && task->operator_ && strcmp(task->operator_->name, "read") == 0)
        for (int32_t k = 0; k < r->n_outputs; k++)
            if (!r->outputs[k].name && r->outputs[k].dataset) aip__dataset_report(r->outputs[k].dataset, t);
    const aip__node *written = r->definition ? aip__dag_written_path(run->dag, i, r->definition) : NULL;
    if (r->state == AIP_TASK_SUCCESS && written) add_text(t, "output", written->string);
    if (r->error) add_error(t, r->error, r->status);
    aip__text_char(t, '}');
}

int32_t aip_run_report(aip_run *run, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!run || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_run_report: expected a run and out");
    if (aip__run_lost(run)) return aip__run_forked(err);
    aip__text t;
    aip__text_init(&t, run->ctx);
    aip__lock_take(run->ctx, &run->lock);
    int32_t state = atomic_load(&run->state);
    aip__text_str(&t, "{\"dag\":");
    aip__text_json(&t, run->dag->name, strlen(run->dag->name));
    add_text(&t, "state", run_state_name(state));
    add_seconds(&t, "elapsed", (state >= AIP_RUN_SUCCESS ? run->ended_ns : aip__clock_ns()) - run->started_ns);
    aip__text_str(&t, ",\"params\":");
    aip__node_write(run->params, &t);
    aip__text_str(&t, ",\"tasks\":[");
    for (int32_t i = 0; i < run->dag->n_tasks; i++) {
        if (i > 0) aip__text_char(&t, ',');
        add_task(&t, run, i);
    }
    aip__lock_leave(&run->lock);
    aip__text_str(&t, "]}");
    return aip__text_take(&t, json, NULL, err);
}

/* ---- a DAG ------------------------------------------------------------------------------------------------------------------------------- */

static void describe_param(aip__text *t, const aip__node *key, const aip__node *entry) {
    const aip__node *value = aip__dag_param_default(entry);
    static const char *const bounds[] = {"minimum", "maximum"};
    aip__text_str(t, "{\"name\":");
    aip__text_json(t, key->string, key->length);
    add_text(t, "type", aip__dag_param_type(entry));
    if (value) {
        aip__text_str(t, ",\"default\":");
        aip__node_write(value, t);
    }
    for (int i = 0; i < 2; i++) {
        const aip__node *bound = entry->kind == AIP__MAP ? aip__node_get(entry, bounds[i]) : NULL;
        if (!bound) continue;
        aip__text_printf(t, ",\"%s\":", bounds[i]);
        aip__node_write(bound, t);
    }
    add_text(t, "doc", aip__dag_param_doc(entry));
    aip__text_char(t, '}');
}

static void describe_task(aip__text *t, const aip_dag *dag, const aip__task *task) {
    const aip__node *doc = task->definition ? aip__node_get(task->definition, "doc") : NULL;
    aip__text_str(t, "{\"task\":");
    aip__text_json(t, task->name, strlen(task->name));
    add_text(t, "operator", task->operator_ ? task->operator_->name : "callback");
    if (doc && doc->kind == AIP__STRING) add_text(t, "doc", doc->string);
    if (task->line > 0) aip__text_printf(t, ",\"line\":%d", (int)task->line);
    aip__text_str(t, ",\"after\":[");
    for (int32_t k = 0; k < task->n_before; k++) {
        if (k > 0) aip__text_char(t, ',');
        const char *name = dag->tasks[task->before[k]].name;
        aip__text_json(t, name, strlen(name));
    }
    aip__text_str(t, "]}");
}

int32_t aip_dag_describe(const aip_dag *dag, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!dag || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_dag_describe: expected a DAG and out");
    aip__text t;
    aip__text_init(&t, dag->ctx);
    aip__text_str(&t, "{\"dag\":");
    aip__text_json(&t, dag->name, strlen(dag->name));
    add_text(&t, "doc", dag->doc);
    aip__text_str(&t, ",\"params\":[");
    for (int32_t i = 0; dag->params && i < dag->params->n; i++) {
        if (i > 0) aip__text_char(&t, ',');
        describe_param(&t, dag->params->keys[i], dag->params->items[i]);
    }
    aip__text_str(&t, "],\"tasks\":[");
    for (int32_t i = 0; i < dag->n_tasks; i++) {
        if (i > 0) aip__text_char(&t, ',');
        describe_task(&t, dag, &dag->tasks[i]);
    }
    aip__text_str(&t, "]}");
    return aip__text_take(&t, json, NULL, err);
}
