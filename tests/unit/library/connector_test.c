/* Connectors of the host: a path that names one goes to it from code and from DAG files; its rows pass the one scan; a write is whole or not at all;
 * whatever a function of it returns or gives comes back as an error, and what it made is ended exactly once. */
#include "library_suites.h"
#include <aipipe/aipipe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the connector `numbers`: reads 0 .. count-1 as column n, in batches of 10; what is written to it is added up ---------------------------- */

typedef struct shelf { /* what the tests look at */
    _Atomic(int) selfs, passes, writers;
    int opened, finished, aborted;
    int64_t sum, rows;
    char path[64], rest[64], base_dir[256];
    int32_t writing;
    _Atomic(int) saw_cancel;
} shelf;

typedef struct numbers {
    shelf *of;
    aip_context *ctx;
    int64_t count, reject_each;
    char fail[32], shape[32];
    int64_t once_at;
} numbers;

typedef struct pass_of {
    int64_t at;
} pass_of;

typedef struct writer_of {
    int64_t sum, rows;
} writer_of;

static bool fails(const numbers *n, const char *step) { return strcmp(n->fail, step) == 0; }

static int32_t numbers_create(aip_context *ctx, void *user, const aip_params *params, const aip_location *at, void **self,
                              aip_error **err) {
    shelf *of = user;
    if (strcmp(aip_params_string(params, "fail"), "create") == 0) return aip_error_set(err, 41, "no such numbers");
    if (strcmp(aip_params_string(params, "fail"), "create_nothing") == 0) return AIP_OK;
    numbers *n = calloc(1, sizeof *n);
    ck_assert_ptr_nonnull(n);
    n->of = of;
    n->ctx = ctx;
    n->count = aip_params_int(params, "count");
    n->reject_each = aip_params_int(params, "reject_each");
    snprintf(n->fail, sizeof n->fail, "%s", aip_params_string(params, "fail"));
    snprintf(n->shape, sizeof n->shape, "%s", aip_params_string(params, "shape"));
    ck_assert_uint_eq(at->struct_size, sizeof *at);
    ck_assert_str_eq(aip_params_string(params, "path"), at->path);
    snprintf(of->path, sizeof of->path, "%s", at->path);
    snprintf(of->rest, sizeof of->rest, "%s", at->rest);
    snprintf(of->base_dir, sizeof of->base_dir, "%s", at->base_dir ? at->base_dir : "");
    of->writing = at->writing;
    of->selfs++;
    *self = n;
    return AIP_OK;
}

static void numbers_destroy(void *self) {
    numbers *n = self;
    n->of->selfs--;
    free(n);
}

static int32_t make_schema(aip_context *ctx, const char *name, int32_t type, aip_schema **out, aip_error **err) {
    aip_field field = AIP_FIELD_INIT;
    field.name = name;
    field.type = type;
    return aip_schema_create(ctx, &field, 1, out, err);
}

static int32_t numbers_schema(void *self, aip_schema **out, aip_error **err) {
    const numbers *n = self;
    if (fails(n, "schema")) return 42; /* without an error: the library says something */
    if (fails(n, "schema_nothing")) return AIP_OK;
    return make_schema(n->ctx, "n", AIP_INT64, out, err);
}

static int32_t numbers_open(void *self, aip_pass *pass, void **cursor, aip_error **err) {
    const numbers *n = self;
    (void)pass;
    if (fails(n, "open")) return aip_error_set(err, 43, "the door is shut");
    pass_of *p = calloc(1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    n->of->passes++;
    n->of->opened++;
    *cursor = p;
    return AIP_OK;
}

/* A batch of another shape than announced. */
static int32_t other_batch(const numbers *n, aip_batch **out, aip_error **err) {
    aip_schema *schema = NULL;
    double value = 1;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    bool type = strcmp(n->shape, "type") == 0;
    view.type = type ? AIP_FLOAT64 : AIP_INT64;
    view.length = 1;
    view.values = &value;
    int32_t status = make_schema(n->ctx, type ? "n" : "other", view.type, &schema, err);
    if (status == AIP_OK) status = aip_batch_create(schema, &view, 1, out, err);
    aip_schema_free(schema);
    return status;
}

static aip_batch *leftover; /* the connector's own */

static int32_t give(const numbers *n, int64_t *at, aip_pass *pass, aip_batch **out, aip_error **err) {
    int64_t values[10], given = 0;
    aip_schema *schema = NULL;
    if (*at >= 20 && fails(n, "next")) return 44;
    if (*at >= 20 && fails(n, "next_leftover")) {
        int32_t made = other_batch(n, &leftover, err);
        *out = leftover;
        return made == AIP_OK ? 48 : made;
    }
    if (*at >= 20 && strcmp(n->shape, "same") != 0) return other_batch(n, out, err);
    if (strcmp(n->fail, "endless") == 0 && aip_pass_cancelled(pass)) {
        n->of->saw_cancel = 1;
        return aip_error_set(err, AIP_E_CANCELLED, "stopped waiting");
    }
    for (int k = 0; k < 10 && (*at < n->count || strcmp(n->fail, "endless") == 0); k++, (*at)++) {
        if (n->reject_each && *at % n->reject_each == 0) {
            char raw[32];
            snprintf(raw, sizeof raw, "<%lld>", (long long)*at);
            int32_t status = aip_pass_reject(pass, *at + 1, "n", -1, "not wanted", raw, strlen(raw), err);
            if (status != AIP_OK) return status;
        } else {
            values[given++] = *at;
        }
    }
    if (given == 0) return AIP_OK; /* the end, perhaps with rejects */
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    view.type = AIP_INT64;
    view.length = given;
    view.values = values;
    int32_t status = make_schema(n->ctx, "n", AIP_INT64, &schema, err);
    if (status == AIP_OK) status = aip_batch_create(schema, &view, 1, out, err);
    aip_schema_free(schema);
    return status;
}

static int32_t numbers_next(void *self, void *cursor, aip_pass *pass, aip_batch **out, aip_error **err) {
    return give(self, &((pass_of *)cursor)->at, pass, out, err);
}

static void numbers_close(void *self, void *cursor) {
    const numbers *n = self;
    n->of->passes--;
    free(cursor);
}

static int32_t numbers_write_open(void *self, const aip_schema *schema, void **writer, aip_error **err) {
    const numbers *n = self;
    if (fails(n, "write_open")) return aip_error_set(err, 45, "no room");
    ck_assert_int_eq(aip_schema_n_fields(schema), 1);
    writer_of *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    n->of->writers++;
    *writer = w;
    return AIP_OK;
}

static int32_t numbers_write_batch(void *self, void *writer, const aip_batch *batch, aip_error **err) {
    const numbers *n = self;
    writer_of *w = writer;
    aip_column_view view = AIP_COLUMN_VIEW_INIT;
    if (fails(n, "write_batch")) return 46;
    int32_t status = aip_batch_column(batch, 0, &view, err);
    if (status != AIP_OK) return status;
    for (int64_t i = 0; i < view.length; i++) w->sum += ((const int64_t *)view.values)[i];
    w->rows += view.length;
    return AIP_OK;
}

static int32_t numbers_write_finish(void *self, void *writer, aip_error **err) {
    const numbers *n = self;
    writer_of *w = writer;
    if (fails(n, "write_finish")) return aip_error_set(err, 47, "lost the last of it");
    n->of->sum = w->sum;
    n->of->rows = w->rows;
    n->of->finished++;
    n->of->writers--;
    free(w);
    return AIP_OK;
}

static void numbers_write_abort(void *self, void *writer) {
    const numbers *n = self;
    n->of->aborted++;
    n->of->writers--;
    free(writer);
}

static const aip_param_spec numbers_params[] = {
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_INT, .name = "count", .doc = "how many", .default_json = "25"},
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_INT, .name = "reject_each", .doc = "", .default_json = "0"},
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_STRING, .name = "fail", .doc = "", .default_json = "\"no\""},
    {.struct_size = sizeof(aip_param_spec), .type = AIP_PARAM_STRING, .name = "shape", .doc = "", .default_json = "\"same\""},
};

static const aip_connector_ops numbers_ops = {.struct_size = sizeof(aip_connector_ops),
                                              .create = numbers_create,
                                              .destroy = numbers_destroy,
                                              .schema = numbers_schema,
                                              .open = numbers_open,
                                              .next = numbers_next,
                                              .close = numbers_close,
                                              .write_open = numbers_write_open,
                                              .write_batch = numbers_write_batch,
                                              .write_finish = numbers_write_finish,
                                              .write_abort = numbers_write_abort};

static aip_descriptor descriptor(const char *name, const aip_connector_ops *ops, shelf *of) {
    aip_descriptor d = AIP_DESCRIPTOR_INIT;
    d.kind = AIP_KIND_CONNECTOR;
    d.name = name;
    d.doc = "numbers in a row";
    d.params = numbers_params;
    d.n_params = 4;
    d.ops = ops;
    d.user = of;
    return d;
}

/* ---- a context whose memory is counted --------------------------------------------------------------------------------------------------------- */

static _Atomic(int64_t) held, refuse_in; /* refuse_in: allocations until one is refused; negative: none is */

static void *counted(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)user;
    if (new_size > old_size && atomic_load(&refuse_in) >= 0 && atomic_fetch_sub(&refuse_in, 1) == 0) return NULL;
    void *p = NULL;
    if (new_size > 0) {
        p = aligned_alloc(align < 16 ? 16 : align, (new_size + 63) / 64 * 64);
        if (!p) return NULL;
        if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    }
    atomic_fetch_add(&held, (int64_t)new_size - (int64_t)old_size);
    free(ptr);
    return p;
}

static char logged[256];
static void log_line(void *user, int32_t level, const char *task, const char *message) {
    (void)user, (void)level, (void)task;
    snprintf(logged, sizeof logged, "%s", message);
}

static aip_context *context_with(shelf *of, int32_t threads) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    aip_allocator a = AIP_ALLOCATOR_INIT;
    a.resize = counted;
    o.allocator = &a;
    o.threads = unit_threads(threads);
    o.log = log_line;
    atomic_store(&held, 0);
    atomic_store(&refuse_in, -1);
    *of = (shelf){0};
    OK(aip_context_create(&o, &ctx, &err));
    aip_descriptor d = descriptor("numbers", &numbers_ops, of);
    OK(aip_catalog_register(ctx, &d, &err));
    return ctx;
}

/* Holds that everything that the connector made was ended, and every byte given back. */
static void context_end(aip_context *ctx, shelf *of) {
    aip_context_free(ctx);
    ck_assert_int_eq(of->selfs, 0);
    ck_assert_int_eq(of->passes, 0);
    ck_assert_int_eq(of->writers, 0);
    ck_assert_int_eq(atomic_load(&held), 0);
}

typedef struct rising {
    int64_t next;
} rising;
static int32_t expect_rising(void *user, aip_batch *b, aip_error **err) {
    rising *r = user;
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(b, 0, &v, err);
    for (int64_t i = 0; status == AIP_OK && i < v.length; i++) ck_assert_int_eq(((const int64_t *)v.values)[i], r->next++);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_path_that_names_a_connector_goes_to_it_in_both_spellings) {
    shelf of;
    static const char *const spellings[] = {"numbers:a/b", "numbers://a/b"};
    for (int i = 0; i < 2; i++) {
        aip_context *ctx = context_with(&of, i == 0 ? AIP_THREADS_NONE : 2);
        aip_dataset *d = NULL;
        char json[128];
        snprintf(json, sizeof json, "{\"path\": \"%s\", \"count\": 1234}", spellings[i]);
        OK(aip_dataset_read(ctx, json, &d, &err));
        ck_assert_str_eq(of.path, spellings[i]);
        ck_assert_str_eq(of.rest, "a/b");
        ck_assert_int_eq(of.writing, 0);
        for (int pass = 0; pass < 2; pass++) {
            rising r = {0};
            aip_row_counts counts = AIP_ROW_COUNTS_INIT;
            OK(aip_dataset_each(d, NULL, expect_rising, &r, &counts, &err));
            ck_assert_int_eq(r.next, 1234);
            ck_assert_int_eq(counts.rows_in, 1234);
        }
        ck_assert_int_eq(of.opened, 2);
        aip_dataset_free(d);
        OK(aip_dataset_read(ctx, "\"numbers:\"", &d, &err)); /* the path alone, as in a DAG file */
        ck_assert_str_eq(of.rest, "");
        aip_dataset_free(d);
        context_end(ctx, &of);
    }
}
END_TEST

START_TEST(a_scheme_that_nobody_knows_is_named_with_the_nearest_and_other_paths_are_files) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    aip_dataset *d = NULL;
    FAILS(aip_dataset_read(ctx, "{\"path\": \"nubers://x\"}", &d, &err), AIP_E_NOT_FOUND, "did you mean 'numbers'?");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"https://x/y.csv\"}", &d, &err), AIP_E_NOT_FOUND,
          "no connector 'https'; expected numbers, or a file");
    FAILS(aip_dataset_read(ctx, "{\"path\": [\"a.csv\", \"https://x\"]}", &d, &err), AIP_E_NOT_FOUND, "no connector 'https'");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"file:///x.csv\"}", &d, &err), AIP_E_NOT_FOUND, "without 'file://'");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"files://x.csv\"}", &d, &err), AIP_E_NOT_FOUND, "without 'files://'");
    FAILS(aip_dataset_read(ctx, "{\"path\": [\"numbers:1\", \"numbers:2\"]}", &d, &err), AIP_E_PARAM, "a string");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"numbers:1\", \"cont\": 3}", &d, &err), AIP_E_PARAM, "did you mean 'count'?");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"nubers:x.csv\"}", &d, &err), AIP_E_NOT_FOUND,
          "nubers:x.csv"); /* a file that is not there */
    FAILS(aip_dataset_read(ctx, "{\"path\": \"dir/no://x.csv\"}", &d, &err), AIP_E_NOT_FOUND, "dir/no://x.csv");
    FAILS(aip_dataset_read(ctx, "{\"path\": \"./numbers:x.csv\"}", &d, &err), AIP_E_NOT_FOUND, "./numbers:x.csv");
    ck_assert_ptr_null(d);
    context_end(ctx, &of);
}
END_TEST

START_TEST(each_function_that_fails_ends_the_read_with_its_status_and_the_path) {
    static const struct {
        const char *fail;
        int32_t status;
        const char *text;
        bool on_pass;
    } cases[] = {{"create", 41, "numbers:x: no such numbers", false},
                 {"create_nothing", AIP_E_MISUSE, "create gave no self", false},
                 {"schema", 42, "numbers:x: ", false},
                 {"schema_nothing", AIP_E_MISUSE, "schema gave none", false},
                 {"open", 43, "numbers:x: the door is shut", true},
                 {"next", 44, "numbers:x: ", true},
                 {"next_leftover", 48, "numbers:x: ", true}}; /* what *out holds then is not the library's */
    shelf of;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aip_context *ctx = context_with(&of, 2);
        aip_dataset *d = NULL;
        int64_t n = 0;
        char json[128];
        snprintf(json, sizeof json, "{\"path\": \"numbers:x\", \"count\": 1000, \"fail\": \"%s\"}", cases[i].fail);
        if (cases[i].on_pass) {
            OK(aip_dataset_read(ctx, json, &d, &err));
            FAILS(aip_dataset_count(d, NULL, &n, &err), cases[i].status, cases[i].text);
        } else {
            FAILS(aip_dataset_read(ctx, json, &d, &err), cases[i].status, cases[i].text);
            ck_assert_ptr_null(d);
        }
        aip_dataset_free(d);
        aip_batch_free(leftover);
        leftover = NULL;
        context_end(ctx, &of);
    }
}
END_TEST

START_TEST(a_batch_that_does_not_match_the_schema_is_an_error_and_never_a_crash) {
    static const char *const shapes[] = {"type", "name"};
    shelf of;
    for (int i = 0; i < 2; i++) {
        aip_context *ctx = context_with(&of, 2);
        aip_dataset *d = NULL, *kept = NULL;
        char json[128];
        snprintf(json, sizeof json, "{\"path\": \"numbers:x\", \"count\": 1000, \"shape\": \"%s\"}", shapes[i]);
        OK(aip_dataset_read(ctx, json, &d, &err));
        FAILS(aip_dataset_collect(d, NULL, &kept, &err), AIP_E_SCHEMA, "other columns than its schema announced");
        ck_assert_ptr_null(kept);
        aip_dataset_free(d);
        context_end(ctx, &of);
    }
}
END_TEST

/* Without open. */
static int32_t once_next(void *self, void *cursor, aip_pass *pass, aip_batch **out, aip_error **err) {
    numbers *n = self;
    ck_assert_ptr_null(cursor);
    return give(n, &n->once_at, pass, out, err);
}

START_TEST(without_open_there_is_one_pass) {
    shelf of;
    aip_context *ctx = context_with(&of, 2);
    aip_connector_ops ops = numbers_ops;
    ops.open = NULL;
    ops.close = NULL;
    ops.next = once_next;
    aip_descriptor desc = descriptor("stream", &ops, &of);
    aip_dataset *d = NULL;
    rising r = {0};
    OK(aip_catalog_register(ctx, &desc, &err));
    OK(aip_dataset_read(ctx, "{\"path\": \"stream:\", \"count\": 77}", &d, &err));
    OK(aip_dataset_each(d, NULL, expect_rising, &r, NULL, &err));
    ck_assert_int_eq(r.next, 77);
    FAILS(aip_dataset_each(d, NULL, expect_rising, &r, NULL, &err), AIP_E_STATE, "");
    aip_dataset_free(d);
    context_end(ctx, &of);
}
END_TEST

START_TEST(what_a_connector_refuses_is_counted_and_stands_in_the_rejects_table) {
    shelf of;
    aip_context *ctx = context_with(&of, 2);
    aip_dataset *d = NULL, *rejects = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    int64_t n = 0;
    OK(aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"count\": 101, \"reject_each\": 10}", &d, &err));
    OK(aip_dataset_rejects(d, NULL, &rejects, &err)); /* makes the pass itself */
    OK(aip_dataset_count(rejects, NULL, &n, &err));
    ck_assert_int_eq(n, 11); /* 0, 10, ... 100: also the one behind the last row */
    aip_dataset *first = NULL;
    OK(aip_dataset_collect(d, NULL, &first, &err));
    OK(aip_dataset_write(d, "{\"path\": \"numbers:out\"}", NULL, &counts, &err));
    ck_assert_int_eq(counts.rows_in, 101);
    ck_assert_int_eq(counts.rows_rejected, 11);
    ck_assert_int_eq(counts.rows_out, 90);
    ck_assert_int_eq(of.sum, 5050 - 550); /* 1 .. 100 without its tens */
    ck_assert_str_eq(logged, "numbers:x: 11 rows were rejected");
    aip_dataset_free(first);
    aip_dataset_free(rejects);
    aip_dataset_free(d);
    context_end(ctx, &of);
}
END_TEST

/* Bytes of a file, to free; NULL: it is not there. */
static char *text_of(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *text = calloc(1, 10000);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, 9999, f), 9999);
    fclose(f);
    return text;
}

START_TEST(a_connectors_rejects_go_to_a_file_whole_or_not_at_all) {
    shelf of;
    char json[400], to[64];
    aip_context *ctx = context_with(&of, 2);
    aip_dataset *d = NULL;
    snprintf(to, sizeof to, "/tmp/aipipe-rejects-%d.csv", (int)getpid());
    snprintf(json, sizeof json, "{\"path\": \"numbers:x\", \"count\": 21, \"reject_each\": 10, \"rejects\": \"%s\"}", to);
    OK(aip_dataset_read(ctx, json, &d, &err));
    ck_assert_ptr_null(text_of(to));
    OK(aip_dataset_write(d, "{\"path\": \"numbers:out\"}", NULL, NULL, &err));
    char *found = text_of(to);
    ck_assert_str_eq(found, "source,line,column,byte_offset,reason,raw\n"
                            "numbers:x,1,n,-1,not wanted,<0>\n"
                            "numbers:x,11,n,-1,not wanted,<10>\n"
                            "numbers:x,21,n,-1,not wanted,<20>\n");
    free(found);
    snprintf(json, sizeof json, "{\"path\": \"%s\"}", to);
    FAILS(aip_dataset_write(d, json, NULL, NULL, &err), AIP_E_PARAM, "expected another file than that of the rejects");
    aip_dataset_free(d);
    unlink(to);
    snprintf(json, sizeof json,
             "{\"path\": \"numbers:x\", \"count\": 100, \"reject_each\": 10, \"fail\": \"next\", \"rejects\": \"%s\"}", to);
    OK(aip_dataset_read(ctx, json, &d, &err)); /* next fails at row 20 */
    FAILS(aip_dataset_write(d, "{\"path\": \"numbers:out\"}", NULL, NULL, &err), 44, "numbers:x");
    ck_assert_ptr_null(text_of(to));
    snprintf(json, sizeof json, "{\"path\": \"numbers:out\", \"rejects\": \"%s\"}", to);
    FAILS(aip_dataset_write(d, json, NULL, NULL, &err), AIP_E_PARAM, "only what is read has rejects");
    aip_dataset_free(d);
    FAILS(aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"rejects\": \"no.format\"}", &d, &err), AIP_E_PARAM, "format");
    context_end(ctx, &of);
}
END_TEST

static int32_t cancel_it(void *user, aip_batch *b, aip_error **err) {
    (void)b, (void)err;
    aip_cancel_request(user);
    return AIP_OK;
}

START_TEST(cancellation_ends_a_pass_and_a_connector_that_waits_can_see_it) {
    shelf of;
    aip_context *ctx = context_with(&of, 2);
    aip_dataset *d = NULL;
    aip_cancel *cancel = NULL;
    aip_call call = AIP_CALL_INIT;
    OK(aip_cancel_create(ctx, &cancel, &err));
    call.cancel = cancel;
    OK(aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"fail\": \"endless\"}", &d, &err));
    FAILS(aip_dataset_each(d, &call, cancel_it, cancel, NULL, &err), AIP_E_CANCELLED, "");
    ck_assert_int_eq(aip_pass_cancelled(NULL), 0);
    aip_cancel_free(cancel);
    aip_dataset_free(d);
    context_end(ctx, &of);
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_write_is_whole_or_not_at_all) {
    static const struct {
        const char *fail;
        int32_t status;
        const char *text;
        int aborted;
    } cases[] = {{"write_open", 45, "numbers:out: no room", 0},
                 {"write_batch", 46, "numbers:out: ", 1},
                 {"write_finish", 47, "numbers:out: lost the last of it", 1},
                 {"no", AIP_OK, "", 0}};
    shelf of;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aip_context *ctx = context_with(&of, 2);
        aip_dataset *d = NULL;
        char json[128];
        snprintf(json, sizeof json, "{\"path\": \"numbers:out\", \"fail\": \"%s\"}", cases[i].fail);
        OK(aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"count\": 100001}", &d, &err));
        if (cases[i].status == AIP_OK) {
            OK(aip_dataset_write(d, json, NULL, NULL, &err));
            ck_assert_int_eq(of.rows, 100001);
            ck_assert_int_eq(of.sum, 5000050000); /* n (n + 1) / 2 */
            ck_assert_int_eq(of.writing, 1);
        } else {
            FAILS(aip_dataset_write(d, json, NULL, NULL, &err), cases[i].status, cases[i].text);
        }
        ck_assert_int_eq(of.finished, cases[i].status == AIP_OK);
        ck_assert_int_eq(of.aborted, cases[i].aborted);
        aip_dataset_free(d);
        /* The source fails, not the target: that is aborted too. */
        of.aborted = 0;
        OK(aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"count\": 100, \"fail\": \"next\"}", &d, &err));
        FAILS(aip_dataset_write(d, "{\"path\": \"numbers:out\"}", NULL, NULL, &err), 44, "numbers:x");
        ck_assert_int_eq(of.aborted, 1);
        aip_dataset_free(d);
        context_end(ctx, &of);
    }
}
END_TEST

/* ---- the descriptor --------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_table_of_functions_that_does_not_add_up_is_refused_when_it_is_registered) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    aip_connector_ops ops = numbers_ops;
    aip_descriptor d = descriptor("other", NULL, &of);
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "ops is NULL");
    d.ops = &ops;
    ops.struct_size = 3;
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "aip_connector_ops.struct_size is 3");
    ops = numbers_ops, ops.create = NULL;
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "create is NULL");
    ops = numbers_ops, ops.next = NULL;
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "both are needed to read");
    ops = numbers_ops, ops.write_finish = NULL;
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "all are needed to write");
    ops = (aip_connector_ops){.struct_size = sizeof ops, .create = numbers_create};
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "neither be read nor written");
    d.inputs = "right";
    ops = numbers_ops;
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_MISUSE, "takes no inputs");
    d.inputs = NULL;
    d.name = "numbers";
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_PARAM, "already registered");
    d.name = "files";
    FAILS(aip_catalog_register(ctx, &d, &err), AIP_E_PARAM, "already registered");
    context_end(ctx, &of);
}
END_TEST

START_TEST(a_connector_that_only_reads_or_only_writes_says_so) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    aip_connector_ops reads = numbers_ops, writes = numbers_ops;
    reads.write_open = NULL, reads.write_batch = NULL, reads.write_finish = NULL, reads.write_abort = NULL;
    writes.schema = NULL, writes.open = NULL, writes.next = NULL, writes.close = NULL;
    aip_descriptor r = descriptor("well", &reads, &of), w = descriptor("sink", &writes, &of);
    aip_dataset *d = NULL;
    OK(aip_catalog_register(ctx, &r, &err));
    OK(aip_catalog_register(ctx, &w, &err));
    FAILS(aip_dataset_read(ctx, "{\"path\": \"sink:\"}", &d, &err), AIP_E_UNSUPPORTED, "only writes");
    OK(aip_dataset_read(ctx, "{\"path\": \"well:\"}", &d, &err));
    FAILS(aip_dataset_write(d, "{\"path\": \"well:\"}", NULL, NULL, &err), AIP_E_UNSUPPORTED, "only reads");
    OK(aip_dataset_write(d, "{\"path\": \"sink:\"}", NULL, NULL, &err));
    ck_assert_int_eq(of.sum, 300);
    aip_dataset_free(d);
    context_end(ctx, &of);
}
END_TEST

START_TEST(the_catalogue_shows_path_before_the_connectors_own_parameters) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    char *json = NULL;
    OK(aip_catalog_json(ctx, "numbers", &json, &err));
    ck_assert_ptr_nonnull(strstr(json, "\"params\":[{\"name\":\"path\",\"type\":\"string\""));
    ck_assert_ptr_nonnull(strstr(json, "{\"name\":\"count\""));
    ck_assert_ptr_nonnull(strstr(json, "\"shorthand\":\"path\""));
    aip_text_free(ctx, json);
    context_end(ctx, &of);
}
END_TEST

/* ---- in a DAG ------------------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_dag_reads_from_and_writes_to_connectors) {
    shelf of;
    static const char text[] = "dag: d\n"
                               "tasks:\n"
                               "  some: {read: {path: \"numbers://x\", count: 101, reject_each: 10}}\n"
                               "  few:\n    transform: [{filter: n > 50}]\n    from: some\n    output: numbers://out\n"
                               "  bad: {write: numbers:rejects, from: few}\n";
    for (int i = 0; i < 2; i++) {
        aip_context *ctx = context_with(&of, i == 0 ? AIP_THREADS_NONE : 2);
        aip_dag *dag = NULL;
        aip_run *run = NULL;
        OK(aip_dag_parse(ctx, text, "/nowhere", &dag, &err));
        OK(aip_dag_check(dag, NULL, &err));
        ck_assert_int_eq(of.selfs, 0);
        ck_assert_int_eq(of.opened, 0); /* a check reads nothing */
        OK(aip_run_start(dag, NULL, &run, &err));
        OK(aip_run_wait(run, &err));
        ck_assert_int_eq(of.finished, 2);
        ck_assert_int_eq(of.rows, 45);
        ck_assert_int_eq(of.sum, 5050 - 1275 - 400); /* 51 .. 100 without 60, 70, 80, 90, 100 */
        ck_assert_str_eq(of.base_dir, "/nowhere");
        ck_assert_int_ne(access("numbers:", F_OK), 0); /* no folder is made for it */
        aip_run_free(run);
        aip_dag_free(dag);
        context_end(ctx, &of);
    }
}
END_TEST

START_TEST(a_dag_that_names_an_unknown_connector_is_wrong_at_its_line) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    aip_dag *dag = NULL;
    FAILS(aip_dag_parse(ctx, "dag: d\ntasks:\n  a:\n    read: nubers://x\n", NULL, &dag, &err), AIP_E_NOT_FOUND, "4:11: ");
    FAILS(aip_dag_parse(ctx, "dag: d\ntasks:\n  a:\n    read:\n      path: numbers://x\n      cuont: 3\n", NULL, &dag, &err),
          AIP_E_PARAM, "6:7: ");
    FAILS(aip_dag_parse(ctx, "dag: d\ntasks:\n  a:\n    read: {path: numbers://x, fail: create}\n", NULL, &dag, &err), 41,
          "no such numbers"); /* create checks values */
    FAILS(aip_dag_parse(ctx, "dag: d\ntasks:\n  a:\n    read: numbers:x\n    output: nubers://x\n", NULL, &dag, &err),
          AIP_E_NOT_FOUND, "5:13: ");
    static const char model[] =
        "dag: d\ntasks:\n  a: {read: numbers:x}\n  m:\n    train: {target: n, model: logistic_regression}\n"
        "    from: a\n    output: numbers://x\n";
    FAILS(aip_dag_parse(ctx, model, NULL, &dag, &err), AIP_E_PARAM, "a package is saved to a file");
    ck_assert_ptr_null(dag);
    context_end(ctx, &of);
}
END_TEST

/* ---- refused memory -------------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(each_refused_allocation_of_a_read_and_a_write_is_a_clean_error) {
    shelf of;
    int64_t n = 0, n_failed = 0;
    for (bool done = false; !done; n++) {
        aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
        aip_dataset *d = NULL;
        aip_error *err = NULL;
        atomic_store(&refuse_in, n);
        int32_t status = aip_dataset_read(ctx, "{\"path\": \"numbers:x\", \"count\": 30, \"reject_each\": 7}", &d, &err);
        if (status == AIP_OK) status = aip_dataset_write(d, "{\"path\": \"numbers:out\"}", NULL, NULL, &err);
        done = atomic_exchange(&refuse_in, -1) >= 0;
        /* a buffer that may not double makes do with what it needs, so not every refusal fails */
        ck_assert_msg(status == AIP_OK || (status == AIP_E_NOMEM && !done), "allocation %lld: %d %s", (long long)n, (int)status,
                      aip_error_text(err));
        n_failed += status != AIP_OK;
        ck_assert_int_eq(of.finished, status == AIP_OK);
        aip_error_free(err);
        aip_dataset_free(d);
        context_end(ctx, &of);
    }
    ck_assert_int_gt(n_failed, 50);
}
END_TEST

/* In the child; 0, or which rule did not hold. */
static int fails_as_forked(aip_dataset *d, aip_context *ctx, const shelf *of) {
    aip_error *err = NULL;
    int64_t n = 0;
    int selfs = of->selfs;
    if (aip_dataset_count(d, NULL, &n, &err) != AIP_E_FORKED || !strstr(aip_error_text(err), "numbers:x")) return 1;
    aip_error_free(err);
    aip_dataset_free(d);
    if (of->opened != 1 || of->selfs != selfs) return 2;
    if (aip_dataset_read(ctx, "{\"path\": \"numbers:y\"}", &d, NULL) != AIP_OK) return 3; /* a connection of its own */
    if (aip_dataset_count(d, NULL, &n, NULL) != AIP_OK || n != 25) return 4;
    aip_dataset_free(d);
    return of->selfs == selfs ? 0 : 5;
}

START_TEST(a_forked_child_neither_reads_nor_ends_its_parents_connection_and_may_make_its_own) {
    shelf of;
    aip_context *ctx = context_with(&of, AIP_THREADS_NONE);
    aip_dataset *d = NULL;
    int64_t n = 0;
    int ended = 0;
    OK(aip_dataset_read(ctx, "{\"path\": \"numbers:x\"}", &d, &err));
    OK(aip_dataset_count(d, NULL, &n, &err));
    pid_t child = unit_fork();
    if (child == 0) {
        alarm(30);
        _exit(fails_as_forked(d, ctx, &of));
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    ck_assert_int_eq(ended, 0);
    OK(aip_dataset_count(d, NULL, &n, &err));
    aip_dataset_free(d);
    context_end(ctx, &of);
}
END_TEST

Suite *connector_suite(void) {
    const TTest *const tests[] = {a_path_that_names_a_connector_goes_to_it_in_both_spellings,
                                  a_scheme_that_nobody_knows_is_named_with_the_nearest_and_other_paths_are_files,
                                  each_function_that_fails_ends_the_read_with_its_status_and_the_path,
                                  a_batch_that_does_not_match_the_schema_is_an_error_and_never_a_crash,
                                  without_open_there_is_one_pass,
                                  what_a_connector_refuses_is_counted_and_stands_in_the_rejects_table,
                                  a_connectors_rejects_go_to_a_file_whole_or_not_at_all,
                                  cancellation_ends_a_pass_and_a_connector_that_waits_can_see_it,
                                  a_write_is_whole_or_not_at_all,
                                  a_table_of_functions_that_does_not_add_up_is_refused_when_it_is_registered,
                                  a_connector_that_only_reads_or_only_writes_says_so,
                                  the_catalogue_shows_path_before_the_connectors_own_parameters,
                                  a_dag_reads_from_and_writes_to_connectors,
                                  a_dag_that_names_an_unknown_connector_is_wrong_at_its_line,
                                  each_refused_allocation_of_a_read_and_a_write_is_a_clean_error,
                                  a_forked_child_neither_reads_nor_ends_its_parents_connection_and_may_make_its_own,
                                  NULL};
    return unit_suite("connector", tests);
}
