#include "dag_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const int32_t thread_counts[N_THREAD_COUNTS] = {AIP_THREADS_NONE, 1, 2, 8};

/* ---- contexts -------------------------------------------------------------------------------------------------------------- */

static _Atomic(int64_t) live, refuse_in = -1;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[65536];

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)user;
    if (new_size == 0) {
        atomic_fetch_sub(&live, (int64_t)old_size);
        free(ptr);
        return NULL;
    }
    if (atomic_load(&refuse_in) >= 0 && atomic_fetch_sub(&refuse_in, 1) == 0) return NULL;
    void *fresh = NULL;
    if (posix_memalign(&fresh, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0) return NULL;
    if (ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    free(ptr);
    atomic_fetch_add(&live, (int64_t)new_size - (ptr ? (int64_t)old_size : 0));
    return fresh;
}

static void on_log(void *user, int32_t level, const char *task, const char *message) {
    (void)user, (void)level;
    pthread_mutex_lock(&log_lock);
    size_t n = strlen(logged);
    snprintf(logged + n, sizeof logged - n, "%s: %s\n", task ? task : "", message);
    pthread_mutex_unlock(&log_lock);
}

aip_context *test_context(int32_t threads) { return test_context_exactly(unit_threads(threads)); }

aip_context *test_context_exactly(int32_t threads) {
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_context *ctx = NULL;
    allocator.resize = resize;
    options.allocator = &allocator;
    options.threads = threads;
    options.log = on_log;
    logged[0] = 0;
    OK(aip_context_create(&options, &ctx, &err));
    return ctx;
}

void test_context_end(aip_context *ctx) {
    aip_context_free(ctx);
    ck_assert_int_eq(atomic_load(&live), 0);
}

bool test_logged(const char *text) {
    pthread_mutex_lock(&log_lock);
    bool found = strstr(logged, text) != NULL;
    pthread_mutex_unlock(&log_lock);
    return found;
}

void test_refuse(int64_t n) { atomic_store(&refuse_in, n); }

bool test_refused(void) { return atomic_load(&refuse_in) < 0; }

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static char folder[64];

const char *test_folder(void) {
    if (folder[0]) return folder;
    snprintf(folder, sizeof folder, "/tmp/aipipe-dag-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static void remove_tree(const char *path, int depth) {
    DIR *d = depth < 8 ? opendir(path) : NULL;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        char inner[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (unlink(inner) != 0) remove_tree(inner, depth + 1);
    }
    if (d) closedir(d);
    rmdir(path);
}

void test_folder_end(void) {
    remove_tree(test_folder(), 0);
    folder[0] = 0;
}

const char *test_path(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    return path;
}

void test_write(const char *name, const char *text) {
    FILE *f = fopen(test_path(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    ck_assert_int_eq(fclose(f), 0);
}

char *test_read(const char *name) {
    FILE *f = fopen(test_path(name), "rb");
    if (!f) return NULL;
    char *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(text);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

/* ---- runs ------------------------------------------------------------------------------------------------------------------ */

aip_run *test_run(aip_context *ctx, const char *text, const char *options_json) {
    aip_dag *dag = NULL;
    aip_run *run = NULL;
    OK(aip_dag_parse(ctx, text, test_folder(), &dag, &err));
    OK(aip_run_start(dag, options_json, &run, &err));
    aip_dag_free(dag); /* the run keeps it */
    aip_run_wait(run, NULL);
    return run;
}

void test_report_has(aip_context *ctx, aip_run *run, const char *const *texts) {
    char *report = NULL;
    OK(aip_run_report(run, &report, &err));
    for (; *texts; texts++) ck_assert_msg(strstr(report, *texts) != NULL, "no %s in %s", *texts, report);
    aip_text_free(ctx, report);
}
