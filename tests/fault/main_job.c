#include "main_job.h"

#include "base/context.h"
#include "base/io.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what it works on ---------------------------------------------------------------------------------------------------------------- */

const char main_job_rows_csv[] = "age,fare,sex,port,target\n"
                                 "22,7.25,male,S,0\n38,71.28,female,C,1\n26,7.92,female,S,1\n35,53.1,female,S,1\n"
                                 "35,8.05,male,S,0\n,8.46,male,Q,0\n54,51.86,male,S,0\n2,21.07,male,S,0\n"
                                 "27,11.13,female,S,1\n14,30.07,female,C,1\n4,16.7,female,S,1\n58,26.55,female,S,1\n"
                                 "20,8.05,male,S,0\n39,31.27,male,S,\n14,7.85,female,S,0\n55,16,female,S,1\n"
                                 "2,29.12,male,Q,0\n,13,male,S,1\n31,18,female,,0\n,7.22,female,C,1\n"
                                 "35,26,male,S,0\n34,13,male,S,1\n15,8.03,female,Q,1\n28,35.5,male,S,1\n"
                                 "8,21.07,female,S,0\n38,31.39,female,S,1\n,7.23,male,C,0\n19,263,male,S,0\n30,8\n";
static const char ports_csv[] = "port,docks\nS,4\nC,2\nQ,\n";

const char main_job_dag[] =
    "dag: main_job\n"
    "params: {test_size: {default: 0.25, minimum: 0.1, maximum: 0.5}}\n"
    "tasks:\n"
    "  ingest: {read: {path: 'rows*.csv', on_bad_row: reject}}\n"
    "  refused: {from: ingest.rejects, write: {path: out/refused.csv}}\n"
    "  ports: {read: {path: ports.csv}}\n"
    "  process:\n"
    "    from: ingest\n"
    "    transform:\n"
    "      - drop_missing: {columns: [target]}\n"
    "      - join: {with: ports, on: port, how: left}\n"
    "      - derive: {log_fare: 'ln(fare + 1)'}\n"
    "    output: out/processed.csv\n"
    "  halves: {from: process, split: {test_size: '${params.test_size}', random_state: 42}}\n"
    "  model:\n"
    "    from: halves.train\n"
    "    train:\n"
    "      target: target\n"
    "      pipeline:\n"
    "        - select: {columns: [age, fare, sex, port]}\n"
    "        - simple_imputer: {columns: numeric, strategy: median}\n"
    "        - centre: {column: age}\n"
    "        - standard_scaler: {columns: numeric}\n"
    "        - one_hot_encoder: {columns: text, handle_unknown: ignore}\n"
    "      model: {logistic_regression: {}}\n"
    "    output: out/model.aip\n"
    "  score: {from: {package: model, data: halves.test}, evaluate: {metrics: [accuracy, roc_auc]}, output: "
    "out/metrics.json}\n"
    "  held_out: {from: {package: model, data: halves.test}, predict: {}, output: out/held-out.csv.gz}\n";
static const char command_task[] = "  say: {needs: [held_out], command: [sh, -c, 'echo said; echo done > out/said']}\n";

const main_job_row main_job_rows[5] = {{22, 7.25, "male", "S"},
                                       {38, 71.28, "female", "C"},
                                       {(double)NAN, 8.46, "male", "Q"},
                                       {4, 16.7, "female", NULL},
                                       {60, 9, "other", "X"}};

/* ---- the custom stage: subtracts the mean of a column ---------------------------------------------------------------------------------- */

typedef struct centre {
    aip_context *ctx;
    char column[32];
} centre;

typedef struct centre_fold {
    int32_t column;
} centre_fold;

typedef struct centre_state {
    double sum, n;
} centre_state;

typedef struct centre_bound {
    int32_t column, n_columns;
    double mean;
    aip_schema *out;
} centre_bound;

static int32_t out_of_memory(aip_error **err) { return aip_error_set(err, AIP_E_NOMEM, "out of memory"); }

static int32_t centre_create(aip_context *ctx, void *user, const aip_params *params, const aip_input *inputs, int32_t n_inputs,
                             void **self, aip_error **err) {
    (void)user, (void)inputs, (void)n_inputs;
    centre *s = calloc(1, sizeof *s);
    if (!s) return out_of_memory(err);
    s->ctx = ctx;
    snprintf(s->column, sizeof s->column, "%s", aip_params_string(params, "column"));
    *self = s;
    return AIP_OK;
}

static int32_t find(const centre *s, const aip_schema *schema, int32_t *out, aip_error **err) {
    *out = aip_schema_find(schema, s->column);
    if (*out < 0) return aip_error_set(err, AIP_E_SCHEMA, "centre: there is no such column");
    if (aip_schema_field(schema, *out)->type != AIP_FLOAT64) return aip_error_set(err, AIP_E_SCHEMA, "centre: expected float64");
    return AIP_OK;
}

static int32_t centre_fold_create(const void *self, const aip_schema *schema, void **fold, aip_error **err) {
    centre_fold *f = calloc(1, sizeof *f);
    if (!f) return out_of_memory(err);
    int32_t status = find(self, schema, &f->column, err);
    if (status != AIP_OK) {
        free(f);
        return status;
    }
    *fold = f;
    return AIP_OK;
}

static size_t state_bytes(const void *fold) {
    (void)fold;
    return sizeof(centre_state);
}

static int32_t state_init(const void *fold, void **state, aip_error **err) {
    (void)fold;
    *state = calloc(1, sizeof(centre_state));
    return *state ? AIP_OK : out_of_memory(err);
}

static int32_t state_update(const void *fold, void *state, const aip_batch *batch, aip_error **err) {
    const centre_fold *f = fold;
    centre_state *s = state;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, f->column, &view, err);
    const double *values = view.values;
    for (int64_t i = 0; status == AIP_OK && i < view.length; i++) s->sum += values[i], s->n += 1;
    return status;
}

static int32_t state_merge(const void *fold, void *into, const void *from, aip_error **err) {
    (void)fold, (void)err;
    centre_state *a = into;
    const centre_state *b = from;
    a->sum += b->sum;
    a->n += b->n;
    return AIP_OK;
}

static int32_t state_dump(const void *fold, const void *state, aip_writer *w, aip_error **err) {
    (void)fold;
    const centre_state *s = state;
    int32_t status = aip_writer_f64(w, s->sum, err);
    return status == AIP_OK ? aip_writer_f64(w, s->n, err) : status;
}

static int32_t state_load(const void *fold, aip_reader *r, void **state, aip_error **err) {
    int32_t status = state_init(fold, state, err);
    centre_state *s = *state;
    if (status == AIP_OK) status = aip_reader_f64(r, &s->sum, err);
    if (status == AIP_OK) status = aip_reader_f64(r, &s->n, err);
    if (status != AIP_OK) {
        free(*state);
        *state = NULL;
    }
    return status;
}

static void state_destroy(const void *fold, void *state) {
    (void)fold;
    free(state);
}

static int32_t centre_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **err) {
    (void)self, (void)fold;
    const centre_state *s = state;
    double *mean = malloc(sizeof *mean);
    if (!mean) return out_of_memory(err);
    *mean = s->n > 0 ? s->sum / s->n : 0;
    *fitted = mean;
    return AIP_OK;
}

static int32_t centre_save(const void *self, const void *fitted, aip_writer *w, aip_error **err) {
    (void)self;
    return aip_writer_f64(w, *(const double *)fitted, err);
}

static int32_t centre_load(const void *self, aip_reader *r, void **fitted, aip_error **err) {
    (void)self;
    double *mean = malloc(sizeof *mean);
    if (!mean) return out_of_memory(err);
    int32_t status = aip_reader_f64(r, mean, err);
    if (status == AIP_OK)
        *fitted = mean;
    else
        free(mean);
    return status;
}

static void centre_unbind(void *bound) {
    centre_bound *b = bound;
    aip_schema_free(b->out);
    free(b);
}

static int32_t centre_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **err) {
    const centre *s = self;
    aip_field *fields = NULL;
    centre_bound *b = calloc(1, sizeof *b);
    if (!b) return out_of_memory(err);
    b->mean = *(const double *)fitted;
    b->n_columns = aip_schema_n_fields(in);
    int32_t status = find(s, in, &b->column, err);
    fields = calloc((size_t)b->n_columns + 1, sizeof *fields);
    if (status == AIP_OK && !fields) status = out_of_memory(err);
    for (int32_t i = 0; status == AIP_OK && i < b->n_columns; i++) fields[i] = *aip_schema_field(in, i);
    if (status == AIP_OK) status = aip_schema_create(s->ctx, fields, b->n_columns, &b->out, err);
    if (status == AIP_OK) status = aip_schema_create(s->ctx, fields, b->n_columns, out, err);
    free(fields);
    if (status != AIP_OK)
        centre_unbind(b);
    else
        *bound = b;
    return status;
}

static int32_t centre_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **err) {
    const centre_bound *b = bound;
    int32_t status = AIP_OK;
    int64_t n = aip_batch_n_rows(in);
    aip_column_view *views = calloc((size_t)b->n_columns + 1, sizeof *views);
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    if (!views || !values) status = out_of_memory(err);
    for (int32_t i = 0; status == AIP_OK && i < b->n_columns; i++) {
        views[i] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        status = aip_batch_column(in, i, &views[i], err);
    }
    if (status == AIP_OK) {
        const double *old = views[b->column].values;
        for (int64_t i = 0; i < n; i++) values[i] = old[i] - b->mean;
        views[b->column].values = values;
        status = aip_batch_create(b->out, views, b->n_columns, out, err);
    }
    free(values);
    free(views);
    return status;
}

static const aip_fold_ops centre_fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                             .state_bytes = state_bytes,
                                             .init = state_init,
                                             .update = state_update,
                                             .merge = state_merge,
                                             .dump = state_dump,
                                             .load = state_load,
                                             .destroy = state_destroy};
const aip_stage_ops main_job_centre_ops = {.struct_size = sizeof(aip_stage_ops),
                                           .create = centre_create,
                                           .destroy = free,
                                           .fold = &centre_fold_ops,
                                           .fold_create = centre_fold_create,
                                           .fold_destroy = free,
                                           .fold_finish = centre_finish,
                                           .fitted_destroy = free,
                                           .save = centre_save,
                                           .load = centre_load,
                                           .bind = centre_bind,
                                           .unbind = centre_unbind,
                                           .apply = centre_apply};

int32_t main_job_register(aip_context *ctx, aip_error **err) {
    static const aip_param_spec params[] = {
        {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_STRING, .name = "column", .doc = "the column"}};
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "centre";
    d.doc = "Subtracts the mean.";
    d.params = params;
    d.n_params = 1;
    d.ops = &main_job_centre_ops;
    d.rows = AIP_ROWS_SAME;
    return aip_catalog_register(ctx, &d, err);
}

/* ---- its folder ------------------------------------------------------------------------------------------------------------------------ */

#define OLD "what was there before\n"
static const char *const kept[] = {"kept/model.aip", "kept/predictions.csv"};
static const char *const made[] = {"out/held-out.csv.gz", "out/metrics.json", "out/model.aip",
                                   "out/processed.csv",   "out/refused.csv",  "out/said"};
#define N_KEPT (sizeof kept / sizeof *kept)
#define N_MADE (sizeof made / sizeof *made)

static void give_up(const char *what, const char *name) {
    perror(name);
    fprintf(stderr, "main job: cannot %s\n", what);
    abort();
}

static void put(const main_job_folder *f, const char *name, const char *text) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *out = fopen(path, "wb");
    if (!out || fputs(text, out) < 0 || fclose(out) != 0) give_up("write", path);
}

static void empty(const char *folder) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[800];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (d) closedir(d);
}

void main_job_folder_begin(main_job_folder *f) {
    char path[400];
    snprintf(f->path, sizeof f->path, "%s/aipipe-fault-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(f->path)) give_up("make the folder", f->path);
    snprintf(path, sizeof path, "%s/kept", f->path);
    if (mkdir(path, 0777) != 0) give_up("make the folder", path);
    put(f, "rows.csv", main_job_rows_csv);
    put(f, "ports.csv", ports_csv);
    char text[sizeof main_job_dag + sizeof command_task];
    put(f, "main.yaml", main_job_dag);
    snprintf(text, sizeof text, "%s%s", main_job_dag, command_task);
    put(f, "command.yaml", text);
}

void main_job_folder_reset(const main_job_folder *f) {
    char path[400];
    snprintf(path, sizeof path, "%s/out", f->path);
    empty(path);
    rmdir(path);
    snprintf(path, sizeof path, "%s/kept", f->path);
    empty(path);
    for (size_t i = 0; i < N_KEPT; i++) put(f, kept[i], OLD);
}

void main_job_folder_end(main_job_folder *f) {
    main_job_folder_reset(f);
    char path[400];
    snprintf(path, sizeof path, "%s/kept", f->path);
    empty(path);
    rmdir(path);
    empty(f->path);
    if (rmdir(f->path) != 0) give_up("remove the folder", f->path);
}

/* A file's bytes, malloc'ed; NULL: it is not there. */
static char *get(const main_job_folder *f, const char *name, size_t *n) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *in = fopen(path, "rb");
    if (!in) return NULL;
    char *bytes = malloc(1 << 20);
    *n = bytes ? fread(bytes, 1, 1 << 20, in) : 0;
    fclose(in);
    return bytes;
}

static uint64_t digest(const char *bytes, size_t n) { /* FNV-1a */
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)bytes[i]) * 0x100000001b3;
    return h;
}

static void describe_file(const main_job_folder *f, const char *name, char *line, size_t room) {
    size_t n = 0;
    char *bytes = get(f, name, &n);
    if (!bytes)
        snprintf(line, room, "%s missing\n", name);
    else if (n == strlen(OLD) && memcmp(bytes, OLD, n) == 0)
        snprintf(line, room, "%s old\n", name);
    else
        snprintf(line, room, "%s %zu bytes %016llx\n", name, n, (unsigned long long)digest(bytes, n));
    free(bytes);
}

char *main_job_files(const main_job_folder *f) {
    char *text = calloc(1, 1024), line[120];
    if (!text) give_up("allocate", "");
    for (size_t i = 0; i < N_KEPT + N_MADE; i++) {
        describe_file(f, i < N_KEPT ? kept[i] : made[i - N_KEPT], line, sizeof line);
        strcat(text, line);
    }
    return text;
}

static bool belongs(const char *folder, const char *name) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (size_t i = 0; i < N_KEPT; i++)
        if (strcmp(kept[i], path) == 0) return true;
    for (size_t i = 0; i < N_MADE; i++)
        if (strcmp(made[i], path) == 0) return true;
    return false;
}

static const char *stray(const main_job_folder *f, const char *folder, bool temporary) {
    static char found[400];
    char path[400];
    const char *wrong = NULL;
    snprintf(path, sizeof path, "%s/%s", f->path, folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || belongs(folder, e->d_name)) continue;
        if (temporary && strstr(e->d_name, ".tmp")) continue;
        snprintf(found, sizeof found, "stray file %s/%s", folder, e->d_name);
        wrong = found;
    }
    if (d) closedir(d);
    return wrong;
}

const char *main_job_files_wrong(const main_job_folder *f, const char *reference, bool temporary) {
    static char wrong[200];
    char line[120];
    const char *found = stray(f, "out", temporary);
    if (!found) found = stray(f, "kept", temporary);
    for (size_t i = 0; i < N_KEPT + N_MADE && !found; i++) {
        const char *name = i < N_KEPT ? kept[i] : made[i - N_KEPT];
        describe_file(f, name, line, sizeof line);
        if (strstr(reference, line) || strstr(line, i < N_KEPT ? " old\n" : " missing\n")) continue;
        if (strcmp(name, "out/said") == 0) continue; /* the program's own */
        snprintf(wrong, sizeof wrong, "neither as before nor as it should be: %s", line);
        found = wrong;
    }
    return found;
}

/* ---- the job ----------------------------------------------------------------------------------------------------------------------------- */

#define DO(call)                            \
    do {                                    \
        status = (call);                    \
        if (status != AIP_OK) goto cleanup; \
    } while (0)

typedef struct text {
    char bytes[65536];
    size_t n;
} text;

static void say(text *t, const char *name, const char *value) {
    int n = snprintf(t->bytes + t->n, sizeof t->bytes - t->n, "%s: %s\n", name, value);
    t->n += n > 0 ? (size_t)n : 0;
    if (t->n >= sizeof t->bytes) give_up("hold the result", name);
}

static void say_number(text *t, const char *name, double v) {
    char value[40];
    snprintf(value, sizeof value, "%.17g", v);
    say(t, name, value);
}

int32_t main_job_bind(aip_scorer *s, aip_error **err) {
    int32_t status = aip_scorer_bind(s, "age", AIP_FLOAT64, offsetof(main_job_row, age), err);
    if (status == AIP_OK) status = aip_scorer_bind(s, "fare", AIP_FLOAT64, offsetof(main_job_row, fare), err);
    if (status == AIP_OK) status = aip_scorer_bind(s, "sex", AIP_UTF8, offsetof(main_job_row, sex), err);
    if (status == AIP_OK) status = aip_scorer_bind(s, "port", AIP_UTF8, offsetof(main_job_row, port), err);
    return status;
}

/* The DAG: read, clean, join, split, train, evaluate, predict, write. */
static int32_t run_dag(const main_job *job, aip_context *ctx, text *t, aip_package **model, aip_dataset **test, aip_error **err) {
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    aip_dataset *rejects = NULL;
    char *json = NULL, path[400];
    int64_t n = 0;
    int32_t status = AIP_OK;
    snprintf(path, sizeof path, "%s/%s", job->folder->path, job->command ? "command.yaml" : "main.yaml");
    DO(aip_dag_load(ctx, path, &dag, err));
    DO(aip_dag_check(dag, NULL, err));
    DO(aip_dag_describe(dag, &json, err));
    say(t, "dag", json);
    DO(aip_run_start(dag, AIP_JSON({"params" : {"test_size" : 0.3}}), &run, err));
    DO(aip_run_wait(run, err));
    aip_text_free(ctx, json);
    json = NULL;
    DO(aip_run_report(run, &json, err)); /* holds times: not compared */
    DO(aip_run_dataset(run, "ingest.rejects", &rejects, err));
    DO(aip_dataset_count(rejects, NULL, &n, err));
    say_number(t, "rejects", (double)n);
    DO(aip_run_dataset(run, "halves.test", test, err));
    DO(aip_run_package(run, "model", model, err));
cleanup:
    aip_text_free(ctx, json);
    aip_dataset_free(rejects);
    aip_run_free(run);
    aip_dag_free(dag);
    return status;
}

/* What a server does: load, describe, score rows of its own. */
static int32_t serve(const main_job *job, aip_context *ctx, text *t, aip_package *model, aip_dataset *test, aip_package **loaded,
                     aip_error **err) {
    aip_package *copy = NULL, *noted = NULL;
    aip_scorer *scorer = NULL;
    char *json = NULL, *bytes = NULL, path[400];
    size_t n = 0;
    double scores[5];
    int32_t status = AIP_OK;
    snprintf(path, sizeof path, "%s/kept/model.aip", job->folder->path);
    DO(aip_package_evaluate(model, test, "[\"accuracy\", \"log_loss\"]", NULL, &json, err));
    say(t, "metrics", json);
    DO(aip_package_with_metrics(model, json, &noted, err));
    DO(aip_package_save(noted, path, err));
    DO(aip_package_load(ctx, path, loaded, err));
    aip_text_free(ctx, json);
    json = NULL;
    DO(aip_package_describe(*loaded, &json, err));
    say(t, "package", json);
    DO(aip_package_to_bytes(*loaded, &bytes, &n, err));
    say_number(t, "package bytes", (double)n);
    DO(aip_package_from_bytes(ctx, bytes, n, &copy, err));
    DO(aip_scorer_create(copy, NULL, &scorer, err));
    DO(main_job_bind(scorer, err));
    DO(aip_scorer_run(scorer, main_job_rows, sizeof main_job_rows[0], 5, scores, err));
    for (int i = 0; i < 5; i++) say_number(t, "score", scores[i]);
cleanup:
    aip_scorer_free(scorer);
    aip_package_free(copy);
    aip_package_free(noted);
    aip_text_free(ctx, json);
    aip_text_free(ctx, bytes);
    return status;
}

static int32_t add_up(void *user, aip_batch *batch, aip_error **err) {
    double *sum = user;
    int32_t column = aip_schema_find(aip_batch_schema(batch), "probability");
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, column, &view, err);
    const double *values = view.values;
    for (int64_t i = 0; status == AIP_OK && i < view.length; i++) *sum += values[i];
    return status;
}

/* Predictions out to Arrow and back, counted, summed, written. */
static int32_t exchange(const main_job *job, aip_context *ctx, text *t, aip_package *model, aip_dataset *test, aip_error **err) {
    aip_dataset *predicted = NULL, *imported = NULL, *all = NULL, *head = NULL;
    struct ArrowArrayStream stream;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    char params[500];
    double sum = 0;
    int64_t n = 0;
    int32_t status = AIP_OK;
    snprintf(params, sizeof params, "{\"path\": \"%s/kept/predictions.csv\"}", job->folder->path);
    DO(aip_package_predict(model, test, &predicted, err));
    DO(aip_dataset_to_arrow(predicted, &stream, err));
    DO(aip_dataset_from_arrow(ctx, &stream, &imported, err));
    DO(aip_dataset_collect(imported, NULL, &all, err));
    DO(aip_dataset_each(all, NULL, add_up, &sum, NULL, err));
    say_number(t, "sum of probabilities", sum);
    DO(aip_dataset_count(all, NULL, &n, err));
    say_number(t, "predicted", (double)n);
    DO(aip_dataset_head(all, 3, NULL, &head, err));
    DO(aip_dataset_write(all, params, NULL, &counts, err));
    say_number(t, "written", (double)counts.rows_out);
cleanup:
    aip_dataset_free(head);
    aip_dataset_free(all);
    aip_dataset_free(imported);
    aip_dataset_free(predicted);
    return status;
}

/* The same by hand, from the host's own columns: stages, a pipeline, a split, a model. */
static int32_t by_hand(aip_context *ctx, text *t, aip_error **err) {
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8}, y[] = {0, 0, 1, 0, 1, 1, 1, 0};
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    aip_dataset *table = NULL, *train = NULL, *test = NULL, *seen = NULL, *predicted = NULL;
    aip_stage *stages[2] = {NULL, NULL}, *pipeline = NULL, *fitted = NULL;
    aip_model *model = NULL, *learned = NULL;
    aip_cancel *token = NULL;
    aip_call call = AIP_CALL_INIT;
    char *json = NULL;
    int32_t status = AIP_OK;
    for (int i = 0; i < 2; i++) {
        fields[i].type = views[i].type = AIP_FLOAT64;
        fields[i].name = i == 0 ? "x" : "y";
        views[i].length = 8;
        views[i].values = i == 0 ? x : y;
    }
    DO(aip_cancel_create(ctx, &token, err));
    call.cancel = token;
    DO(aip_schema_create(ctx, fields, 2, &schema, err));
    DO(aip_batch_create(schema, views, 2, &batch, err));
    DO(aip_dataset_from_batches(schema, &batch, 1, &table, err));
    DO(aip_dataset_split(table, AIP_JSON({"test_size" : 0.25, "random_state" : 1}), &call, &train, &test, err));
    DO(aip_stage_create(ctx, "centre", AIP_JSON({"column" : "x"}), NULL, 0, &stages[0], err));
    DO(aip_stage_create(ctx, "standard_scaler", AIP_JSON({"columns" : ["x"]}), NULL, 0, &stages[1], err));
    DO(aip_stage_pipeline(ctx, stages, 2, &pipeline, err));
    DO(aip_stage_fit(pipeline, train, &call, &fitted, err));
    DO(aip_dataset_transform(train, fitted, &seen, err));
    DO(aip_model_create(ctx, "logistic_regression", NULL, &model, err));
    DO(aip_model_fit(model, seen, "y", &call, &learned, err));
    DO(aip_model_describe(learned, &json, err));
    say(t, "model", json);
    DO(aip_model_predict(learned, seen, &predicted, err));
    aip_text_free(ctx, json);
    json = NULL;
    DO(aip_dataset_evaluate(predicted, "y", NULL, &call, &json, err));
    say(t, "in sample", json);
cleanup:
    aip_text_free(ctx, json);
    aip_model_free(learned);
    aip_model_free(model);
    aip_stage_free(fitted);
    aip_stage_free(pipeline);
    aip_stage_free(stages[0]);
    aip_stage_free(stages[1]);
    aip_dataset_free(predicted);
    aip_dataset_free(seen);
    aip_dataset_free(test);
    aip_dataset_free(train);
    aip_dataset_free(table);
    aip_batch_free(batch);
    aip_schema_free(schema);
    aip_cancel_free(token);
    return status;
}

int32_t main_job_run(const main_job *job, main_job_result *out, aip_error **err) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    aip_package *model = NULL, *loaded = NULL;
    aip_dataset *test = NULL;
    static _Thread_local text t;
    int32_t status = AIP_OK;
    t.n = 0;
    options.threads = job->threads;
    options.allocator = job->allocator;
    DO(aip_context_create(&options, &ctx, err));
    if (job->io) ctx->io = job->io;
    DO(main_job_register(ctx, err));
    DO(run_dag(job, ctx, &t, &model, &test, err));
    DO(serve(job, ctx, &t, model, test, &loaded, err));
    DO(exchange(job, ctx, &t, loaded, test, err));
    DO(by_hand(ctx, &t, err));
    out->text = malloc(t.n + 1);
    if (!out->text) give_up("allocate", "");
    memcpy(out->text, t.bytes, t.n);
    out->text[t.n] = 0;
cleanup:
    aip_dataset_free(test);
    aip_package_free(loaded);
    aip_package_free(model);
    aip_context_free(ctx);
    return status;
}

void main_job_result_free(main_job_result *r) {
    free(r->text);
    r->text = NULL;
}
