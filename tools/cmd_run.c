/* aipipe run: runs a DAG file. The main thread listens for events, draws, and takes Ctrl-C; the context's threads work. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST_NAP 10000000 /* ns between two looks at the run */

/* Looks for events, at first often, then less and less, so that neither a run of a millisecond nor one of an hour is delayed or disturbed. */
static void follow(aip_run *run, run_view *v, bool help) {
    long nap = 100000;
    bool helps = help;
    while (aip_run_poll(run, (uint64_t)(clock_seconds() * 1e9), helps ? LONGEST_NAP : 0) < AIP_RUN_SUCCESS) {
        if (v->changed) nap = 100000;
        view_tick(v);
        v->changed = false;
        helps = help || (nap == LONGEST_NAP && !view_is_running(v)); /* no thread could be started */
        if (helps) continue;
        nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
        nap = nap * 2 > LONGEST_NAP ? LONGEST_NAP : nap * 2;
    }
}

/* ---- metrics: data, to stdout ----------------------------------------------------------------------------------------------------- */

static void add_value(line *l, const json_t *value) {
    if (json_is_number(value)) {
        line_number(l, json_number_value(value));
    } else {
        char *text = json_text(value);
        line_add(l, "%s", text);
        free(text);
    }
}

static bool is_matrix(const json_t *value) {
    const json_t *first = json_array_get(value, 0);
    return json_array_size(value) == 2 && json_array_size(first) == 2 && json_is_number(json_array_get(first, 0))
           && json_array_size(json_array_get(value, 1)) == 2;
}

static void put_matrix(const char *name, const json_t *value) {
    static const char *const head[] = {"", ">predicted negative", ">predicted positive"};
    static const char *const rows[] = {"actual negative", "actual positive"};
    table t;
    line l = {0};
    printf("  %s\n", name);
    table_begin(&t, 3, head);
    t.indent = 4;
    for (size_t i = 0; i < 2; i++) {
        table_cell(&t, rows[i]);
        for (size_t k = 0; k < 2; k++) {
            add_value(&l, json_array_get(json_array_get(value, i), k));
            table_line(&t, &l);
        }
    }
    table_print(&t, &term_out);
    line_free(&l);
}

static void put_metrics(const json_t *report) {
    const json_t *tasks = json_object_get(report, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i), *value = NULL;
        json_t *metrics = json_object_get(task, "metrics");
        const char *name = json_string_value(json_object_get(task, "task")), *key = NULL;
        if (!name || json_object_size(metrics) == 0) continue;
        printf("%s%s%s\n", term_style(&term_out, STYLE_BOLD), name, term_plain(&term_out));
        table t;
        line l = {0};
        table_begin(&t, 2, NULL);
        t.indent = 2;
        json_object_foreach(metrics, key, value) {
            if (is_matrix(value)) continue;
            table_cell(&t, key);
            add_value(&l, value);
            table_line(&t, &l);
        }
        if (t.n_cells) table_print(&t, &term_out);
        json_object_foreach(metrics, key, value) if (is_matrix(value)) put_matrix(key, value);
        line_free(&l);
    }
}

/* ---- summary: talk ------------------------------------------------------------------------------------------------------------------- */

static int64_t count_of(const json_t *object, const char *key) { return json_integer_value(json_object_get(object, key)); }

/* Rows in = rows out + rejected + filtered, of each task where they differ; what was written. */
static void put_account(const json_t *report) {
    const json_t *tasks = json_object_get(report, "tasks");
    line l = {0};
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i), *counts = json_object_get(task, "counts");
        const char *name = json_string_value(json_object_get(task, "task")),
                   *output = json_string_value(json_object_get(task, "output"));
        line_clear(&l);
        line_add(&l, "%s:", name ? name : "");
        size_t bare = l.n;
        if (count_of(counts, "rows_rejected") > 0 || count_of(counts, "rows_filtered") > 0) {
            line_add(&l, " ");
            line_count_of(&l, count_of(counts, "rows_in"), "row");
            line_add(&l, " in = ");
            line_count(&l, count_of(counts, "rows_out"));
            line_add(&l, " out + ");
            line_count(&l, count_of(counts, "rows_rejected"));
            line_add(&l, " rejected + ");
            line_count(&l, count_of(counts, "rows_filtered"));
            line_add(&l, " filtered");
        }
        if (output) line_add(&l, "%s wrote %s", l.n > bare ? ";" : "", output);
        if (l.n > bare) talk_note("%s", l.bytes);
    }
    line_free(&l);
}

static void put_summary(const json_t *report, const run_view *v, int32_t state, double elapsed) {
    static const char *const names[] = {"queued", "running", "success", "failed", "cancelled"};
    static const char *const kinds[] = {"failed", "cancelled", "not run"};
    size_t good = 0, others[3] = {0};
    for (size_t i = 0; i < v->n_tasks; i++) {
        int32_t s = v->tasks[i].state;
        if (s == AIP_TASK_SUCCESS || s == AIP_TASK_CACHED)
            good++;
        else
            others[s == AIP_TASK_FAILED || s == AIP_TASK_TIMED_OUT || s == AIP_TASK_LOST ? 0 : s == AIP_TASK_CANCELLED ? 1 : 2]++;
    }
    put_account(report);
    line l = {0};
    line_add(&l, "%s: ", names[state]);
    line_count(&l, (int64_t)good);
    line_add(&l, " of ");
    line_count(&l, (int64_t)v->n_tasks);
    line_add(&l, state == AIP_RUN_SUCCESS ? (v->n_tasks == 1 ? " task in " : " tasks in ")
                 : v->n_tasks == 1        ? " task succeeded"
                                          : " tasks succeeded");
    for (int i = 0; i < 3 && state != AIP_RUN_SUCCESS; i++) {
        if (others[i] == 0) continue;
        line_add(&l, ", ");
        line_count(&l, (int64_t)others[i]);
        line_add(&l, " %s", kinds[i]);
    }
    if (state != AIP_RUN_SUCCESS) line_add(&l, " (");
    line_seconds(&l, elapsed);
    if (state != AIP_RUN_SUCCESS) line_add(&l, ")");
    talk_note("%s", l.bytes);
    line_free(&l);
}

/* ---- the run -------------------------------------------------------------------------------------------------------------------------- */

static int finish(const args *a, aip_context *ctx, aip_run *run, run_view *v, double elapsed) {
    aip_error *err = NULL, *why = NULL;
    char *text = NULL;
    int32_t status = aip_run_wait(run, &err), state = aip_run_poll(run, 0, 0);
    view_end(v);
    int32_t reported = aip_run_report(run, &text, &why);
    json_t *report = NULL;
    if (reported == AIP_OK) reported = json_take(text, &report, &why);
    put_summary(report, v, state, elapsed);
    int code = EXIT_CODE_OK;
    if (status != AIP_OK && interrupt_signal()) {
        code = fail(err, EXIT_CODE_FAILED);
    } else if (status != AIP_OK) {
        if (v->n_errors == 0) talk_error(err);
        aip_error_free(err);
        code = EXIT_CODE_FAILED;
    }
    if (reported != AIP_OK)
        code = fail(why, EXIT_CODE_FAILED);
    else if (args_flag(a, "json"))
        puts(text);
    else if (status == AIP_OK)
        put_metrics(report);
    json_decref(report);
    aip_text_free(ctx, text);
    return code;
}

static int run_dag(const args *a, aip_context *ctx, aip_dag *dag, const json_t *description, const char *options) {
    aip_error *err = NULL;
    aip_run *run = NULL;
    double began = clock_seconds();
    if (aip_run_start(dag, options, &run, &err) != AIP_OK) return fail(err, EXIT_CODE_DAG);
    run_view v;
    interrupt_watch_run(run);
    view_begin(&v, description, term_err.moves, talk_quiet);
    aip_run_on_event(run, view_event, &v);
    follow(run, &v, args_no_threads(a));
    double elapsed = clock_seconds() - began;
    int code = finish(a, ctx, run, &v, elapsed);
    interrupt_unwatch();
    aip_run_free(run);
    view_free(&v);
    return code;
}

int cmd_run(const args *a) {
    aip_context *ctx = NULL;
    aip_error *err = NULL;
    aip_dag *dag = NULL;
    json_t *params = json_object(), *description = NULL, *options = json_pack("{s:O}", "params", params);
    int code = args_settings(a, "set", NULL, params); /* before the file is read: a wrong command line comes first */
    if (code == 0) code = args_context(a, false, &ctx);
    if (code == 0 && dag_load(ctx, a->words[0], &dag, &description, &err) != AIP_OK) code = fail(err, EXIT_CODE_DAG);
    if (code == 0) code = args_settings(a, "set", json_object_get(description, "params"), params);
    char *text = json_text(options);
    if (code == 0) code = run_dag(a, ctx, dag, description, text);
    aip_dag_free(dag);
    aip_context_free(ctx);
    json_decref(description);
    json_decref(params);
    json_decref(options);
    free(text);
    return code;
}
