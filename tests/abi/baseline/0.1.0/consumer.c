/* consumer.c: a host of release 0.1.0. It is compiled against that release's headers, which lie beside it, and run with the library of
 * today: every function of the release is called, and what it promised is asserted. This file is never adapted to a later version. */
#include "aipipe/aipipe.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int held;
static aip_error *err;
static char folder[64];

static void failed(int line, const char *what) {
    fprintf(stderr, "consumer 0.1.0: line %d: %s: %s\n", line, what, aip_error_text(err));
    exit(1);
}
#define TRUE(condition) ((condition) ? (void)atomic_fetch_add(&held, 1) : failed(__LINE__, #condition))
#define OK(call) TRUE((call) == AIP_OK && !err)
#define REFUSED(expected, call)                                                 \
    do {                                                                        \
        TRUE((call) == (expected));                                             \
        TRUE(aip_error_status(err) == (expected) && aip_error_message(err)[0]); \
        aip_error_free(err);                                                    \
        err = NULL;                                                             \
    } while (0)
#define SAME(text, expected) TRUE((text) && strcmp(text, expected) == 0)

static const char *path(const char *name) { /* of a file in the test's folder; overwritten by the fourth call after */
    static char paths[4][128];
    static int i;
    snprintf(paths[++i % 4], sizeof paths[0], "%s/%s", folder, name);
    return paths[i % 4];
}
static char *text_made;
static char *next_text(void) {
    static char texts[4][1024];
    static int i;
    return text_made = texts[++i % 4];
}
#define json(format, a, b) (snprintf(next_text(), 1024, format, a, b), text_made) /* two texts into a JSON template */
static void put(const char *name, const char *text) {
    FILE *f = fopen(path(name), "w");
    TRUE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* ---- the host's own allocator, log and executor ---- */
static atomic_llong in_use;
static atomic_int jobs_run, jobs_dropped, shutdowns, lines, sources_destroyed, descriptors_destroyed, tasks_destroyed;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    TRUE(user == &in_use);
    if (new_size == 0) {
        free(ptr);
        atomic_fetch_sub(&in_use, (long long)old_size);
        return NULL;
    }
    void *p = aligned_alloc(align < 16 ? 16 : align, (new_size + 4095) / 4096 * 4096);
    if (!p) return NULL;
    if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    free(ptr);
    atomic_fetch_add(&in_use, (long long)new_size - (long long)old_size);
    return p;
}
static void log_line(void *user, int32_t level, const char *task, const char *message) {
    (void)user;
    (void)task;
    if (level >= AIP_LOG_ERROR && level <= AIP_LOG_DEBUG && message) atomic_fetch_add(&lines, 1);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    aip_job *jobs[64];
    int n, ending;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static int32_t submit(void *user, aip_job *job) {
    (void)user;
    pthread_mutex_lock(&queue.lock);
    int full = queue.n == 64;
    if (!full) queue.jobs[queue.n++] = job;
    pthread_cond_signal(&queue.more);
    pthread_mutex_unlock(&queue.lock);
    return full ? AIP_E_AGAIN : AIP_OK;
}
static int32_t concurrency(void *user) {
    (void)user;
    return 2;
}
static void wake(void *user) { (void)user; }
static void shut(void *user) {
    (void)user;
    atomic_fetch_add(&shutdowns, 1);
}
static void *work(void *unused) {
    (void)unused;
    for (int i = 0;; i++) {
        pthread_mutex_lock(&queue.lock);
        while (!queue.n && !queue.ending) pthread_cond_wait(&queue.more, &queue.lock);
        aip_job *job = queue.n ? queue.jobs[--queue.n] : NULL;
        pthread_mutex_unlock(&queue.lock);
        if (!job) return NULL;
        if (i % 8 == 0) { /* one in eight is handed back undone */
            aip_job_drop(job);
            atomic_fetch_add(&jobs_dropped, 1);
        } else {
            aip_job_run(job);
            atomic_fetch_add(&jobs_run, 1);
        }
    }
}

/* ---- a stage of the host's own: x minus the mean of x, fitted by a fold, saved and loaded ---- */
typedef struct {
    aip_context *ctx;
    int32_t index;
    double sum;
    int64_t n;
} center;

static void center_free(void *p) { free(p); }
static void state_free(const void *fold, void *state) {
    (void)fold;
    free(state);
}
static int32_t center_new(aip_context *ctx, void *user, const aip_params *p, const aip_input *inputs, int32_t n_inputs,
                          void **self, aip_error **e) {
    (void)e;
    TRUE(user == &descriptors_destroyed && n_inputs == 0);
    (void)inputs;
    SAME(aip_params_string(p, "column"), "x");
    static int made; /* one read back from a package is given every parameter */
    TRUE(aip_params_given(p, "column") && (made++ || !aip_params_given(p, "scale")));
    TRUE(aip_params_float(p, "scale") == 1.5 && aip_params_int(p, "count") == 7 && aip_params_bool(p, "exact") == 1);
    TRUE(aip_params_n_strings(p, "words") == 2);
    SAME(aip_params_string_at(p, "words", 1), "two");
    TRUE(aip_params_is_null(p, "nothing") == 1 && !aip_params_string(p, "nothing"));
    SAME(aip_params_json(p, "words"), "[\"one\",\"two\"]");
    center *c = calloc(1, sizeof *c);
    TRUE(c);
    c->ctx = ctx;
    *self = c;
    return AIP_OK;
}
static int32_t center_fold(const void *self, const aip_schema *schema, void **fold, aip_error **e) {
    center *c = calloc(1, sizeof *c);
    TRUE(c && self);
    c->index = aip_schema_find(schema, "x");
    if (c->index < 0) {
        free(c);
        return aip_error_set(e, AIP_E_SCHEMA, "no column x");
    }
    *fold = c;
    return AIP_OK;
}
static size_t center_bytes(const void *fold) {
    (void)fold;
    return sizeof(center);
}
static int32_t center_init(const void *fold, void **state, aip_error **e) {
    (void)fold;
    (void)e;
    *state = calloc(1, sizeof(center));
    return *state ? AIP_OK : AIP_E_NOMEM;
}
static int32_t center_update(const void *fold, void *state, const aip_batch *batch, aip_error **e) {
    center *s = state;
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, ((const center *)fold)->index, &v, e);
    if (status) return status;
    for (int64_t i = 0; i < v.length; i++) s->sum += ((const double *)v.values)[i];
    s->n += v.length;
    return AIP_OK;
}
static int32_t center_merge(const void *fold, void *into, const void *from, aip_error **e) {
    (void)fold;
    (void)e;
    ((center *)into)->sum += ((const center *)from)->sum;
    ((center *)into)->n += ((const center *)from)->n;
    return AIP_OK;
}
static int32_t center_dump(const void *fold, const void *state, aip_writer *w, aip_error **e) {
    (void)fold;
    return aip_writer_bytes(w, state, sizeof(center), e);
}
static int32_t center_undump(const void *fold, aip_reader *r, void **state, aip_error **e) {
    center c;
    int32_t status = aip_reader_bytes(r, &c, sizeof c, e);
    if (status == AIP_OK) status = center_init(fold, state, e);
    if (status == AIP_OK) memcpy(*state, &c, sizeof c);
    return status;
}
static int32_t center_finish(const void *self, const void *fold, void *state, void **fitted, aip_error **e) {
    (void)self;
    (void)fold;
    (void)e;
    double *mean = malloc(sizeof *mean);
    TRUE(mean);
    *mean = ((center *)state)->sum / (double)((center *)state)->n;
    *fitted = mean;
    return AIP_OK;
}
static int32_t center_save(const void *self, const void *fitted, aip_writer *w, aip_error **e) {
    (void)self;
    int32_t status = aip_writer_text(w, "center", e);
    if (status == AIP_OK) status = aip_writer_i64(w, 42, e);
    if (status == AIP_OK) status = aip_writer_f64(w, *(const double *)fitted, e);
    return status != AIP_OK ? status : aip_writer_bytes(w, "end", 3, e);
}
static int32_t center_load(const void *self, aip_reader *r, void **fitted, aip_error **e) {
    (void)self;
    const char *text = NULL;
    size_t n = 0;
    int64_t answer = 0;
    char end[3];
    double mean = 0;
    int32_t status = aip_reader_text(r, &text, &n, e);
    if (status == AIP_OK) status = aip_reader_i64(r, &answer, e);
    if (status == AIP_OK) status = aip_reader_f64(r, &mean, e);
    if (status == AIP_OK) TRUE(aip_reader_left(r) >= 3);
    if (status == AIP_OK) status = aip_reader_bytes(r, end, 3, e);
    if (status != AIP_OK) return status;
    TRUE(n == 6 && memcmp(text, "center", 6) == 0 && answer == 42 && memcmp(end, "end", 3) == 0);
    *fitted = malloc(sizeof mean);
    TRUE(*fitted);
    memcpy(*fitted, &mean, sizeof mean);
    return AIP_OK;
}
static int32_t copy_schema(aip_context *ctx, const aip_schema *in, aip_schema **out, aip_error **e) {
    aip_field fields[8];
    int32_t n = aip_schema_n_fields(in);
    TRUE(n <= 8);
    for (int32_t i = 0; i < n; i++) memcpy(&fields[i], aip_schema_field(in, i), sizeof fields[i]); /* of one version: both ends */
    for (int32_t i = 0; i < n; i++) fields[i].struct_size = sizeof(aip_field);
    return aip_schema_create(ctx, fields, n, out, e);
}
static int32_t center_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                           aip_error **e) {
    const center *c = self;
    center *b = calloc(1, sizeof *b);
    TRUE(b);
    b->index = aip_schema_find(in, "x");
    b->sum = fitted ? *(const double *)fitted : 0;
    int32_t status = b->index < 0 ? aip_error_set(e, AIP_E_SCHEMA, "no column x") : copy_schema(c->ctx, in, out, e);
    if (status != AIP_OK)
        free(b);
    else
        *bound = b;
    return status;
}
/* The batch with x[i] - by[i], or with x's running total from `by` on. */
static int32_t replace_x(int32_t index, const aip_batch *in, double by, int running, aip_batch **out, aip_error **e) {
    aip_column_view views[8];
    int32_t n = aip_schema_n_fields(aip_batch_schema(in)), status = AIP_OK;
    for (int32_t i = 0; i < n && status == AIP_OK; i++) {
        views[i] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        status = aip_batch_column(in, i, &views[i], e);
    }
    if (status != AIP_OK) return status;
    double *x = malloc((size_t)views[index].length * sizeof *x + 1);
    TRUE(x);
    for (int64_t i = 0; i < views[index].length; i++) {
        double v = ((const double *)views[index].values)[i];
        x[i] = running ? (by += v) : v - by;
    }
    views[index].values = x;
    status = aip_batch_create(aip_batch_schema(in), views, n, out, e);
    free(x);
    return status;
}
static int32_t center_apply(const void *bound, const aip_batch *in, aip_batch **out, aip_error **e) {
    return replace_x(((const center *)bound)->index, in, ((const center *)bound)->sum, 0, out, e);
}
static size_t total_bytes(const void *bound) {
    (void)bound;
    return sizeof(double);
}
static int32_t total_summarise(const void *bound, const aip_batch *in, void *summary, aip_error **e) {
    center c = {.index = ((const center *)bound)->index};
    int32_t status = center_update(&c, &c, in, e);
    if (status == AIP_OK) memcpy(summary, &c.sum, sizeof c.sum);
    return status;
}
static int32_t total_carry(const void *bound, void *running, const void *summary, aip_error **e) {
    (void)bound;
    (void)e;
    *(double *)running += *(const double *)summary;
    return AIP_OK;
}
static int32_t total_apply(const void *bound, const void *before, const aip_batch *in, aip_batch **out, aip_error **e) {
    return replace_x(((const center *)bound)->index, in, *(const double *)before, 1, out, e);
}
static int32_t total_new(aip_context *ctx, void *user, const aip_params *p, const aip_input *inputs, int32_t n, void **self,
                         aip_error **e) {
    (void)user;
    (void)p;
    (void)inputs;
    (void)n;
    (void)e;
    center *c = calloc(1, sizeof *c);
    TRUE(c);
    c->ctx = ctx;
    *self = c;
    return AIP_OK;
}
static void descriptor_gone(void *user) { atomic_fetch_add((atomic_int *)user, 1); }

static const aip_fold_ops center_fold_ops = {.struct_size = sizeof(aip_fold_ops),
                                             .state_bytes = center_bytes,
                                             .init = center_init,
                                             .update = center_update,
                                             .merge = center_merge,
                                             .dump = center_dump,
                                             .load = center_undump,
                                             .destroy = state_free};
static const aip_stage_ops center_ops = {.struct_size = sizeof(aip_stage_ops),
                                         .create = center_new,
                                         .destroy = center_free,
                                         .fold = &center_fold_ops,
                                         .fold_create = center_fold,
                                         .fold_destroy = center_free,
                                         .fold_finish = center_finish,
                                         .fitted_destroy = center_free,
                                         .save = center_save,
                                         .load = center_load,
                                         .bind = center_bind,
                                         .unbind = center_free,
                                         .apply = center_apply};
static const aip_stage_ops total_ops = {.struct_size = sizeof(aip_stage_ops),
                                        .create = total_new,
                                        .destroy = center_free,
                                        .bind = center_bind,
                                        .unbind = center_free,
                                        .carry_bytes = total_bytes,
                                        .summarise = total_summarise,
                                        .carry = total_carry,
                                        .apply_carry = total_apply};
#define PARAM(name_, type_, default_)                                                                                        \
    {                                                                                                                        \
        .struct_size = sizeof(aip_param_spec), .type = type_, .name = name_, .doc = "a parameter", .default_json = default_, \
        .nullable = 1                                                                                                        \
    }
static const aip_param_spec center_params[] = {PARAM("column", AIP_PARAM_STRING, NULL),
                                               PARAM("scale", AIP_PARAM_FLOAT, "1.5"),
                                               PARAM("count", AIP_PARAM_INT, "7"),
                                               PARAM("exact", AIP_PARAM_BOOL, "true"),
                                               PARAM("words", AIP_PARAM_STRINGS, "[\"one\", \"two\"]"),
                                               PARAM("nothing", AIP_PARAM_STRING, "null")};

static void register_stages(aip_context *ctx) {
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_STAGE;
    d.name = "center";
    d.doc = "Subtracts the mean of x.";
    d.params = center_params;
    d.n_params = 6;
    d.ops = &center_ops;
    d.rows = AIP_ROWS_SAME;
    d.shorthand = "column";
    d.user = &descriptors_destroyed;
    d.destroy = descriptor_gone;
    OK(aip_catalog_register(ctx, &d, &err));
    REFUSED(AIP_E_PARAM, aip_catalog_register(ctx, &d, &err)); /* the name is taken */
    aip_descriptor t = AIP_DESCRIPTOR_INIT;
    t.kind = AIP_KIND_STAGE;
    t.name = "total";
    t.doc = "The running total of x.";
    t.ops = &total_ops;
    OK(aip_catalog_register(ctx, &t, &err));
    char *text = NULL;
    OK(aip_catalog_json(ctx, "center", &text, &err));
    TRUE(strstr(text, "Subtracts the mean of x."));
    aip_text_free(ctx, text);
    REFUSED(AIP_E_NOT_FOUND, aip_catalog_json(ctx, "centre_of_it_all", &text, &err));
}

/* ---- structs of other sizes: a smaller one is an older program's, a longer one a newer's, which may ask only what is known ---- */
static int32_t count_rows(void *user, aip_batch *batch, aip_error **e) {
    (void)e;
    *(int64_t *)user += aip_batch_n_rows(batch);
    return AIP_OK;
}
static void sizes(void) {
    struct {
        aip_context_options o;
        uint64_t later[2];
    } longer = {.o = AIP_CONTEXT_OPTIONS_INIT, .later = {0, 0}};
    aip_context *ctx = NULL;
    longer.o.struct_size = sizeof longer;
    longer.o.threads = AIP_THREADS_NONE;
    OK(aip_context_create(&longer.o, &ctx, &err));
    aip_context_free(ctx);
    ctx = NULL;
    longer.later[1] = 1;
    longer.o.struct_size = sizeof longer + 4096; /* beyond what any version has: a size that nobody set */
    REFUSED(AIP_E_MISUSE, aip_context_create(&longer.o, &ctx, &err));
    longer.o.struct_size = sizeof longer;
    REFUSED(AIP_E_MISUSE, aip_context_create(&longer.o, &ctx, &err));
    TRUE(!ctx);
    longer.o.struct_size = 3;
    REFUSED(AIP_E_MISUSE, aip_context_create(&longer.o, &ctx, &err));
    longer.o.struct_size = offsetof(aip_context_options, allocator); /* threads alone; what follows is not read */
    longer.o.allocator = (const aip_allocator *)&held;
    longer.o.executor = (const struct aip_executor_callbacks *)&held;
    OK(aip_context_create(&longer.o, &ctx, &err));

    aip_field small = AIP_FIELD_INIT; /* the first fields: a type and a name */
    small.struct_size = offsetof(aip_field, zone);
    small.type = AIP_INT64;
    small.name = "n";
    aip_schema *schema = NULL;
    OK(aip_schema_create(ctx, &small, 1, &schema, &err));
    int64_t values[3] = {1, 2, 3};
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.struct_size = offsetof(aip_column_view, offsets);
    view.type = AIP_INT64;
    view.length = 3;
    view.values = values;
    view.offsets = (const int32_t *)&held; /* not read */
    aip_dataset *data = NULL;
    OK(aip_dataset_from_columns(schema, &view, 1, &data, &err));
    struct {
        aip_call call;
        uint64_t later;
    } call = {.call = AIP_CALL_INIT, .later = 0};
    int64_t n = 0;
    call.call.struct_size = sizeof call;
    OK(aip_dataset_each(data, &call.call, count_rows, &n, NULL, &err));
    TRUE(n == 3);
    call.later = 1;
    REFUSED(AIP_E_MISUSE, aip_dataset_each(data, &call.call, count_rows, &n, NULL, &err));
    call.call.struct_size = offsetof(aip_call, timeout_ns);
    call.call.timeout_ns = -77; /* not read */
    OK(aip_dataset_each(data, &call.call, count_rows, &n, NULL, &err));
    TRUE(n == 6);

    aip_row_counts counts = AIP_ROW_COUNTS_INIT; /* an output is written up to the caller's size */
    counts.struct_size = offsetof(aip_row_counts, rows_filtered);
    counts.rows_filtered = -5;
    OK(aip_dataset_write(data, json("{\"path\": \"%s\"}%s", path("sizes.csv"), ""), NULL, &counts, &err));
    TRUE(counts.rows_in == 3 && counts.rows_out == 3 && counts.rows_filtered == -5);
    TRUE(counts.struct_size == offsetof(aip_row_counts, rows_filtered));
    aip_dataset_free(data);
    aip_schema_free(schema);
    aip_context_free(ctx);
}

static void names_and_errors(aip_context *ctx) {
    TRUE(aip_version()[0] && strchr(aip_version(), '.'));
    TRUE(aip_numeric_profile(ctx)[0]);
    SAME(aip_status_name(AIP_E_PARAM), "E_PARAM");
    SAME(aip_status_name(7), "HOST");
    SAME(aip_type_name(AIP_INT64), "int64");
    SAME(aip_task_state_name(AIP_TASK_SUCCESS), "success");
    TRUE(aip_error_status(NULL) == AIP_OK && aip_error_message(NULL)[0] == 0);
    TRUE(aip_context_memory_peak(ctx) >= aip_context_memory_used(ctx));
    aip_dataset *data = NULL;
    put("bad.csv", "x,y\n1,2\n3,four\n");
    int32_t status =
        aip_dataset_read(ctx, json("{\"path\": \"%s\", \"types\": {\"y\": \"int64\"}}%s", path("bad.csv"), ""), &data, &err);
    int64_t n = 0;
    if (status == AIP_OK) status = aip_dataset_collect(data, NULL, &data, &err);
    TRUE(status == AIP_E_DATA && aip_error_status(err) == AIP_E_DATA);
    TRUE(strstr(aip_error_source(err), "bad.csv") && aip_error_line(err) == 3 && aip_error_column(err) == 3
         && aip_error_offset(err) == 10);
    SAME(aip_error_data_column(err), "y");
    TRUE(!aip_error_task(err) && !aip_error_stage(err) && !aip_error_parameter(err)
         && strstr(aip_error_text(err), "bad.csv:3:3: "));
    aip_error_free(err);
    err = NULL;
    aip_dataset_free(data);
    aip_stage *stage = NULL;
    TRUE(aip_stage_create(ctx, "filter", "{\"wher\": 1}", NULL, 0, &stage, &err) == AIP_E_PARAM);
    SAME(aip_error_parameter(err), "wher");
    aip_error_free(err);
    err = NULL;
    REFUSED(AIP_E_NOT_FOUND, aip_stage_create(ctx, "filtre", "{}", NULL, 0, &stage, &err));
    REFUSED(AIP_E_NOT_FOUND, aip_dataset_read(ctx, "{\"path\": \"/nowhere/at/all.csv\"}", &data, &err));
    REFUSED(AIP_E_MISUSE, aip_dataset_count(NULL, NULL, &n, &err));
    put("ragged.csv", "x\n1\n2,3\n4\n");
    aip_dataset *rejects = NULL;
    OK(aip_dataset_read(ctx, json("{\"path\": \"%s\", \"on_bad_row\": \"%s\"}", path("ragged.csv"), "reject"), &data, &err));
    OK(aip_dataset_rejects(data, NULL, &rejects, &err));
    OK(aip_dataset_count(rejects, NULL, &n, &err));
    TRUE(n == 1);
    aip_dataset_free(rejects);
    aip_dataset_free(data);
}

/* ---- datasets: from columns, batches, callbacks and Arrow, and out again ---- */
static aip_dataset *numbers(aip_context *ctx, aip_batch **batch) { /* x = 1 to 6, name = "a", null, "ccc", ... */
    double x[6] = {1, 2, 3, 4, 5, 6};
    int32_t offsets[7] = {0, 1, 1, 4, 5, 5, 8};
    uint8_t valid[1] = {0x2d};
    aip_field fields[2] = {AIP_FIELD_INIT, AIP_FIELD_INIT};
    aip_column_view views[2] = {AIP_COLUMN_VIEW_INIT, AIP_COLUMN_VIEW_INIT};
    fields[0].type = views[0].type = AIP_FLOAT64;
    fields[0].name = "x";
    fields[1].type = views[1].type = AIP_UTF8;
    fields[1].name = "name";
    views[0].length = views[1].length = 6;
    views[0].values = x;
    views[1].values = "acccaccc";
    views[1].offsets = offsets;
    views[1].validity = valid;
    views[1].null_count = 2;
    aip_schema *schema = NULL;
    aip_dataset *data = NULL;
    OK(aip_schema_create(ctx, fields, 2, &schema, &err));
    OK(aip_batch_create(schema, views, 2, batch, &err));
    OK(aip_dataset_from_columns(schema, views, 2, &data, &err));
    TRUE(aip_schema_n_fields(schema) == 2 && aip_schema_find(schema, "name") == 1 && aip_schema_find(schema, "nome") == -1);
    TRUE(aip_schema_field(schema, 1)->type == AIP_UTF8 && !aip_schema_field(schema, 2));
    aip_schema_free(schema);
    return data;
}
typedef struct {
    aip_batch *batch;
    int given;
} source;
static int32_t source_open(void *user, aip_error **e) {
    (void)e;
    ((source *)user)->given = 0;
    return AIP_OK;
}
static int32_t source_next(void *user, aip_batch **out, aip_error **e) {
    source *s = user;
    (void)e;
    if (s->given++ < 3) {
        aip_batch_retain(s->batch);
        *out = s->batch;
    } else {
        *out = NULL;
    }
    return AIP_OK;
}
static void source_gone(void *user) {
    (void)user;
    atomic_fetch_add(&sources_destroyed, 1);
}
static int32_t add_up(void *user, aip_batch *batch, aip_error **e) {
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(batch, 0, &v, e);
    for (int64_t i = 0; status == AIP_OK && i < aip_batch_n_rows(batch); i++) *(double *)user += ((const double *)v.values)[i];
    return status;
}
static int32_t stop_at_once(void *user, aip_batch *batch, aip_error **e) {
    (void)user;
    (void)batch;
    (void)e;
    return 77;
}
static int32_t progress(void *user, const aip_progress *p) {
    TRUE(p->struct_size >= sizeof *p && p->phase && p->rows >= 0 && p->bytes >= 0);
    (void)user;
    return 0;
}
static double sum_x(aip_dataset *data) {
    double sum = 0;
    OK(aip_dataset_each(data, NULL, add_up, &sum, NULL, &err));
    return sum;
}

static void datasets(aip_context *ctx) {
    aip_batch *batch = NULL;
    aip_dataset *data = numbers(ctx, &batch), *more = NULL, *part = NULL, *test = NULL;
    TRUE(aip_batch_n_rows(batch) == 6 && aip_schema_n_fields(aip_batch_schema(batch)) == 2);
    TRUE(sum_x(data) == 21);
    aip_batch *twice[2] = {batch, batch};
    OK(aip_dataset_from_batches(aip_batch_schema(batch), twice, 2, &more, &err));
    TRUE(sum_x(more) == 42);
    aip_dataset_free(more);

    source s = {.batch = batch};
    aip_source_callbacks calls = AIP_SOURCE_CALLBACKS_INIT;
    calls.user = &s;
    calls.open = source_open;
    calls.next = source_next;
    calls.destroy = source_gone;
    OK(aip_dataset_from_callbacks(aip_batch_schema(batch), &calls, &more, &err));
    aip_call call = AIP_CALL_INIT;
    call.progress = progress;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    double sum = 0;
    OK(aip_dataset_each(more, &call, add_up, &sum, &counts, &err));
    TRUE(sum == 63 && counts.rows_in == 18 && counts.rows_out == 18 && counts.rows_rejected == 0 && counts.rows_filtered == 0);
    REFUSED(77, aip_dataset_each(more, NULL, stop_at_once, NULL, NULL, &err));
    aip_cancel *token = NULL;
    OK(aip_cancel_create(ctx, &token, &err));
    TRUE(aip_cancel_requested(token) == 0 && aip_cancel_requested(NULL) == 0);
    aip_cancel_request(token);
    TRUE(aip_cancel_requested(token) == 1);
    call.cancel = token;
    int64_t n = 0;
    REFUSED(AIP_E_CANCELLED, aip_dataset_collect(more, &call, &part, &err));
    aip_cancel_free(token);
    OK(aip_dataset_collect(more, NULL, &part, &err));
    OK(aip_dataset_count(part, NULL, &n, &err));
    TRUE(n == 18);
    aip_dataset_free(part);
    OK(aip_dataset_head(more, 7, NULL, &part, &err));
    TRUE(sum_x(part) == 22);
    aip_dataset_free(part);
    OK(aip_dataset_split(more, "{\"test_size\": 0.5, \"random_state\": 1}", NULL, &part, &test, &err));
    OK(aip_dataset_count(test, NULL, &n, &err));
    TRUE(n == 9 && sum_x(part) + sum_x(test) == 63);
    aip_dataset_free(part);
    aip_dataset_free(test);
    aip_dataset_free(more);
    TRUE(atomic_load(&sources_destroyed) == 1);

    struct ArrowSchema schema;
    struct ArrowArray array;
    OK(aip_batch_to_arrow(batch, &schema, &array, &err));
    aip_batch_free(batch); /* the array keeps it */
    TRUE(strcmp(schema.format, "+s") == 0 && schema.n_children == 2 && strcmp(schema.children[0]->format, "g") == 0);
    TRUE(array.length == 6 && ((const double *)array.children[0]->buffers[1])[5] == 6 && array.children[1]->null_count == 2);
    array.release(&array);
    schema.release(&schema);
    TRUE(!array.release && !schema.release);
    struct ArrowArrayStream stream;
    OK(aip_dataset_to_arrow(data, &stream, &err));
    OK(aip_dataset_from_arrow(ctx, &stream, &more, &err));
    TRUE(aip_schema_find(aip_dataset_schema(more), "name") == 1);
    TRUE(sum_x(more) == 21);
    double again = 0;
    REFUSED(AIP_E_STATE, aip_dataset_each(more, NULL, add_up, &again, NULL, &err)); /* a once-dataset */
    aip_dataset_free(more);
    aip_dataset_retain(data);
    aip_dataset_free(data);
    TRUE(sum_x(data) == 21);
    aip_dataset_free(data);
}

static void stages(aip_context *ctx) {
    aip_batch *batch = NULL, *out = NULL;
    aip_dataset *data = numbers(ctx, &batch), *seen = NULL, *table = NULL;
    aip_stage *center_stage = NULL, *total = NULL, *both = NULL, *fitted = NULL, *join = NULL;
    OK(aip_stage_create(ctx, "center", "{\"column\": \"x\"}", NULL, 0, &center_stage, &err));
    OK(aip_stage_create(ctx, "total", NULL, NULL, 0, &total, &err));
    SAME(aip_stage_name(center_stage), "center");
    TRUE(aip_stage_rows(center_stage) == AIP_ROWS_SAME && !aip_stage_is_fitted(center_stage) && aip_stage_is_fitted(total));
    REFUSED(AIP_E_STATE, aip_dataset_transform(data, center_stage, &seen, &err));
    OK(aip_stage_fit(center_stage, data, NULL, &fitted, &err));
    TRUE(aip_stage_is_fitted(fitted));
    aip_schema *schema = NULL;
    OK(aip_stage_output_schema(fitted, aip_dataset_schema(data), &schema, &err));
    TRUE(aip_schema_n_fields(schema) == 2);
    aip_schema_free(schema);
    OK(aip_stage_apply(fitted, batch, &out, &err));
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    OK(aip_batch_column(out, 0, &v, &err));
    TRUE(((const double *)v.values)[0] == -2.5 && ((const double *)v.values)[5] == 2.5);
    aip_batch_free(out);
    aip_stage_free(fitted);
    aip_stage *row[2] = {total, center_stage};
    OK(aip_stage_pipeline(ctx, row, 2, &both, &err));
    OK(aip_stage_fit(both, data, NULL, &fitted, &err));
    OK(aip_dataset_transform(data, fitted, &seen, &err)); /* totals 1, 3, 6, 10, 15, 21: mean 56/6 */
    double sum = sum_x(seen);
    TRUE(sum < 1e-12 && sum > -1e-12);
    aip_dataset_free(seen);
    OK(aip_dataset_head(data, 1, NULL, &table, &err));
    aip_input input = AIP_INPUT_INIT;
    input.name = "with";
    input.dataset = table;
    OK(aip_stage_create(ctx, "join", "{\"on\": \"name\", \"how\": \"left\"}", &input, 1, &join, &err));
    aip_dataset_free(table);
    OK(aip_dataset_transform(data, join, &seen, &err));
    TRUE(sum_x(seen) == 21);
    aip_dataset_free(seen);
    aip_stage_free(join);
    aip_stage_free(fitted);
    aip_stage_free(both);
    aip_stage_free(total);
    aip_stage_free(center_stage);
    aip_batch_free(batch);
    aip_dataset_free(data);
}

/* ---- model, package, scorer ---- */
typedef struct {
    double x;
    const char *kind;
    int64_t n;
} row;

static aip_package *packages(aip_context *ctx) {
    FILE *f = fopen(path("train.csv"), "w");
    TRUE(f);
    fprintf(f, "x,kind,n,late\n");
    for (int i = 0; i < 400; i++) {
        if (i % 50 == 7)
            fprintf(f, ",%s,%d,%d\n", i % 3 ? "b" : "a", i, i % 2);
        else
            fprintf(f, "%d.5,%s,%d,%d\n", i % 20, i % 3 ? "b" : "a", i, i % 20 + i % 7 > 12);
    }
    TRUE(fclose(f) == 0);
    aip_dataset *data = NULL, *scored = NULL, *truth = NULL;
    OK(aip_dataset_read(ctx, json("{\"path\": \"%s\"}%s", path("train.csv"), ""), &data, &err));
    aip_stage *impute = NULL, *center_stage = NULL, *encode = NULL, *pipeline = NULL;
    OK(aip_stage_create(ctx, "simple_imputer", "{\"columns\": \"x\", \"strategy\": \"median\"}", NULL, 0, &impute, &err));
    OK(aip_stage_create(ctx, "center", "{\"column\": \"x\"}", NULL, 0, &center_stage, &err));
    OK(aip_stage_create(ctx, "one_hot_encoder", "{\"columns\": [\"kind\"]}", NULL, 0, &encode, &err));
    aip_stage *const in_a_row[3] = {impute, center_stage, encode};
    OK(aip_stage_pipeline(ctx, in_a_row, 3, &pipeline, &err));
    aip_model *model = NULL, *alone = NULL;
    OK(aip_model_create(ctx, "logistic_regression", "{\"C\": 2.0}", &model, &err));
    SAME(aip_model_name(model), "logistic_regression");
    TRUE(!aip_model_is_fitted(model));

    aip_package *package = NULL, *measured = NULL, *again = NULL;
    OK(aip_package_fit(ctx, pipeline, model, data, "late", NULL, &package, &err));
    char *text = NULL, *bytes = NULL;
    OK(aip_package_evaluate(package, data, "[\"accuracy\", \"roc_auc\"]", NULL, &text, &err));
    TRUE(strstr(text, "\"accuracy\"") && strstr(text, "\"roc_auc\""));
    OK(aip_package_with_metrics(package, text, &measured, &err));
    aip_text_free(ctx, text);
    aip_package_free(package);
    OK(aip_package_describe(measured, &text, &err));
    TRUE(strstr(text, "\"late\"") && strstr(text, "logistic_regression") && strstr(text, "roc_auc"));
    aip_text_free(ctx, text);
    OK(aip_package_save(measured, path("model.aip"), &err));
    size_t n = 0;
    OK(aip_package_to_bytes(measured, &bytes, &n, &err));
    OK(aip_package_from_bytes(ctx, bytes, n, &again, &err));
    aip_package_free(again);
    REFUSED(AIP_E_CORRUPT, aip_package_from_bytes(ctx, bytes, n - 1, &again, &err));
    aip_text_free(ctx, bytes);
    OK(aip_package_load(ctx, path("model.aip"), &again, &err));
    aip_package_free(measured);

    OK(aip_package_predict(again, data, &scored, &err));
    TRUE(aip_schema_find(aip_dataset_schema(scored), "prediction") >= 0);
    OK(aip_dataset_evaluate(scored, "late", NULL, NULL, &text, &err));
    TRUE(strstr(text, "\"confusion_matrix\""));
    aip_text_free(ctx, text);
    aip_stage *keep = NULL;
    OK(aip_stage_create(ctx, "select", "{\"columns\": [\"n\", \"late\"]}", NULL, 0, &keep, &err));
    OK(aip_dataset_transform(data, keep, &truth, &err));
    OK(aip_model_fit(model, truth, "late", NULL, &alone, &err));
    TRUE(aip_model_is_fitted(alone));
    OK(aip_model_describe(alone, &text, &err));
    TRUE(strstr(text, "\"n\""));
    aip_text_free(ctx, text);
    aip_dataset *predicted = NULL;
    int64_t rows = 0;
    OK(aip_model_predict(alone, truth, &predicted, &err));
    OK(aip_dataset_count(predicted, NULL, &rows, &err));
    TRUE(rows == 400);

    /* the scorer gives what predict gives, to the bit */
    aip_scorer *scorer = NULL;
    OK(aip_scorer_create(again, "{\"output\": \"probability\"}", &scorer, &err));
    row r[3] = {{3.5, "a", 3}, {18.5, "b", 38}, {7.5, "b", 127}};
    double p[3], expected[400];
    REFUSED(AIP_E_STATE, aip_scorer_run(scorer, r, sizeof *r, 3, p, &err));
    OK(aip_scorer_bind(scorer, "x", AIP_FLOAT64, offsetof(row, x), &err));
    OK(aip_scorer_bind(scorer, "kind", AIP_UTF8, offsetof(row, kind), &err));
    OK(aip_scorer_bind(scorer, "n", AIP_INT64, offsetof(row, n), &err));
    OK(aip_scorer_run(scorer, r, sizeof *r, 3, p, &err));
    aip_stage *only = NULL;
    aip_dataset *probability = NULL, *whole = NULL;
    OK(aip_stage_create(ctx, "select", "[\"probability\"]", NULL, 0, &only, &err));
    OK(aip_dataset_transform(scored, only, &probability, &err));
    OK(aip_dataset_collect(probability, NULL, &whole, &err));
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    OK(aip_dataset_to_arrow(whole, &stream, &err));
    int64_t have = 0;
    while (stream.get_next(&stream, &array) == 0 && array.release) {
        const double *values = array.children[0]->buffers[1];
        for (int64_t i = 0; i < array.length; i++) expected[have++] = values[array.children[0]->offset + i];
        array.release(&array);
    }
    stream.release(&stream);
    TRUE(have == 400 && p[0] == expected[3] && p[1] == expected[38] && p[2] == expected[127]);
    aip_scorer_free(scorer);

    aip_dataset_free(whole);
    aip_dataset_free(probability);
    aip_dataset_free(predicted);
    aip_dataset_free(truth);
    aip_dataset_free(scored);
    aip_dataset_free(data);
    aip_stage_free(only);
    aip_stage_free(keep);
    aip_stage_free(impute);
    aip_stage_free(center_stage);
    aip_stage_free(encode);
    aip_stage_free(pipeline);
    aip_model_free(alone);
    aip_model_free(model);
    return again;
}

/* ---- DAGs: from text, from a file, by code with callbacks; waited for, polled, cancelled ---- */
static aip_package *handed_on;

static int32_t host_task(void *user, aip_task_context *task, aip_error **e) {
    TRUE(user == &tasks_destroyed && aip_task_ctx(task) && !aip_task_dataset(task, "nothing"));
    aip_dataset *in = aip_task_dataset(task, "flights"), *all = NULL;
    TRUE(in && !aip_task_package(task, "flights"));
    aip_task_log(task, AIP_LOG_INFO, "the host's task runs");
    int32_t status = aip_dataset_collect(in, aip_task_call(task), &all, e);
    if (status == AIP_OK) status = aip_task_set_dataset(task, NULL, all, e);
    if (status == AIP_OK) status = aip_task_set_package(task, "model", handed_on, e);
    aip_dataset_free(all);
    return status;
}
static int32_t task_fails(void *user, aip_task_context *task, aip_error **e) {
    (void)user;
    (void)task;
    return aip_error_set(e, 55, "the host says no");
}
static void task_gone(void *user) { atomic_fetch_add((atomic_int *)user, 1); }
static void event(void *user, const aip_task_event *ev) {
    TRUE(ev->struct_size >= sizeof *ev && ev->task && ev->elapsed_ns >= 0);
    if (ev->state == AIP_TASK_SUCCESS) ++*(int *)user;
    if (ev->state == AIP_TASK_FAILED) TRUE(aip_error_status(ev->error) == 55);
}

static void dags(aip_context *ctx, aip_package *package) {
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    aip_dataset *data = NULL;
    aip_package *model = NULL;
    char *text = NULL;
    int64_t n = 0;
    int ended = 0;
    handed_on = package;
    OK(aip_dag_create(ctx, "by_code", &dag, &err));
    OK(aip_dag_add(dag, "flights", json("{\"read\": {\"path\": \"%s\"}}%s", path("train.csv"), ""), &err));
    OK(aip_dag_add_callback(dag, "host", host_task, &tasks_destroyed, task_gone, &err));
    OK(aip_dag_add_dependency(dag, "flights", "host", &err));
    OK(aip_dag_check(dag, NULL, &err));
    OK(aip_dag_describe(dag, &text, &err));
    TRUE(strstr(text, "\"by_code\"") && strstr(text, "\"host\""));
    aip_text_free(ctx, text);
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_on_event(run, event, &ended);
    OK(aip_run_wait(run, &err));
    TRUE(ended == 2 && aip_run_poll(run, 1, 0) == AIP_RUN_SUCCESS && aip_run_next_deadline(run) == AIP_NEVER);
    OK(aip_run_result(run, &err));
    OK(aip_run_report(run, &text, &err));
    TRUE(strstr(text, "\"success\""));
    aip_text_free(ctx, text);
    OK(aip_run_dataset(run, "host", &data, &err));
    OK(aip_run_package(run, "host.model", &model, &err));
    aip_run_free(run);
    aip_dag_free(dag);
    TRUE(atomic_load(&tasks_destroyed) == 1);
    OK(aip_dataset_count(data, NULL, &n, &err));
    TRUE(n == 400);
    aip_package_retain(model);
    aip_package_free(model);
    aip_package_free(model);
    aip_dataset_free(data);

    OK(aip_dag_create(ctx, "fails", &dag, &err)); /* a positive status of the host comes back as it is */
    OK(aip_dag_add_callback(dag, "no", task_fails, NULL, NULL, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_on_event(run, event, &ended);
    TRUE(aip_run_wait(run, &err) == 55);
    SAME(aip_error_task(err), "no");
    aip_error_free(err);
    err = NULL;
    aip_run_free(run);
    aip_dag_free(dag);

    put("dag.yaml", "dag: by_file\nparams:\n  size: {default: 0.5}\ntasks:\n  flights: {read: {path: train.csv}}\n"
                    "  halves: {from: flights, split: {test_size: \"${params.size}\", random_state: 1}}\n"
                    "  out: {from: halves.test, write: {path: half.csv}}\n");
    OK(aip_dag_load(ctx, path("dag.yaml"), &dag, &err));
    OK(aip_run_start(dag, "{\"params\": {\"size\": 0.25}}", &run, &err));
    uint64_t now = 0;
    int32_t state = AIP_RUN_QUEUED;
    for (int i = 0; i < 2000000 && state < AIP_RUN_SUCCESS; i++) state = aip_run_poll(run, now += 1000000, 1000000);
    TRUE(state == AIP_RUN_SUCCESS);
    aip_run_free(run);
    aip_dag_free(dag);
    OK(aip_dataset_read(ctx, json("{\"path\": \"%s\"}%s", path("half.csv"), ""), &data, &err));
    OK(aip_dataset_count(data, NULL, &n, &err));
    TRUE(n == 100);
    aip_dataset_free(data);

    OK(aip_dag_parse(ctx, "dag: by_text\ntasks:\n  flights: {read: {path: train.csv}}\n", folder, &dag, &err));
    OK(aip_run_start(dag, NULL, &run, &err));
    aip_run_cancel(run);
    int32_t status = aip_run_wait(run, &err); /* what had ended before the wish stays ended */
    TRUE(status == AIP_E_CANCELLED || status == AIP_OK);
    aip_error_free(err);
    err = NULL;
    aip_run_free(run);
    aip_dag_free(dag);
    REFUSED(AIP_E_SYNTAX, aip_dag_parse(ctx, "dag: [", NULL, &dag, &err));
}

int main(void) {
    snprintf(folder, sizeof folder, "%s/consumer-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 32 ? getenv("TMPDIR") : "/tmp");
    TRUE(mkdtemp(folder));
    pthread_t worker;
    TRUE(pthread_create(&worker, NULL, work, NULL) == 0);
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    allocator.user = &in_use;
    allocator.resize = resize;
    struct aip_executor_callbacks executor = AIP_EXECUTOR_CALLBACKS_INIT;
    executor.submit = submit;
    executor.concurrency = concurrency;
    executor.wake = wake;
    executor.shutdown = shut;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.allocator = &allocator;
    options.executor = &executor;
    options.log = log_line;
    options.memory_limit = (uint64_t)1 << 30;
    aip_context *ctx = NULL;
    OK(aip_context_create(&options, &ctx, &err));
    register_stages(ctx);
    sizes();
    names_and_errors(ctx);
    datasets(ctx);
    stages(ctx);
    aip_package *package = packages(ctx);
    dags(ctx, package);
    TRUE(aip_context_memory_used(ctx) > 0 && atomic_load(&in_use) > 0);
    aip_context_close(ctx);
    aip_package_free(package); /* after the close: memory alone */
    aip_context_free(ctx);
    pthread_mutex_lock(&queue.lock);
    queue.ending = 1;
    pthread_cond_signal(&queue.more);
    pthread_mutex_unlock(&queue.lock);
    TRUE(pthread_join(worker, NULL) == 0);
    TRUE(atomic_load(&in_use) == 0); /* every byte came back */
    TRUE(atomic_load(&shutdowns) == 1 && atomic_load(&descriptors_destroyed) == 1);
    TRUE(atomic_load(&jobs_run) + atomic_load(&jobs_dropped) > 0 && atomic_load(&lines) > 0);
    const char *const files[] = {"bad.csv", "ragged.csv", "sizes.csv", "train.csv", "half.csv", "model.aip", "dag.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) TRUE(unlink(path(files[i])) == 0);
    TRUE(rmdir(folder) == 0);
    printf("consumer 0.1.0 on library %s: %d rules held\n", aip_version(), atomic_load(&held));
    return 0;
}
