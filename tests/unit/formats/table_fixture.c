#include "table_fixture.h"

#include "data/convert.h"
#include "exec/group.h"
#include "exec/pool.h"
#include "formats/format.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const int32_t table_workers[N_TABLE_WORKERS] = {0, 1, 2, 8};

/* ---- context ---------------------------------------------------------------------------------------------------------------------------- */

static char logged[4096];

static void log_line(void *user, int32_t level, const char *task, const char *message) {
    (void)user, (void)level, (void)task;
    size_t n = strlen(logged);
    snprintf(logged + n, sizeof logged - n, "%s%s", n > 0 ? "\n" : "", message);
}

const char *table_log(void) { return logged; }

static void at_close(aip_context *ctx) { aip__pool_stop(ctx->pool); }

static void at_free(aip_context *ctx) {
    aip__pool_free(ctx->pool);
    aip__exec_free(ctx, ctx->exec);
    aip__catalog_free(ctx, ctx->catalog);
}

static aip_context *context_of(int32_t n_workers, uint64_t memory_limit, const aip_allocator *allocator) {
    aip_context *ctx = NULL;
    aip__pool *pool = NULL;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.memory_limit = memory_limit;
    options.allocator = allocator;
    options.log = log_line;
    logged[0] = 0;
    OK(aip__context_init(&options, &ctx, &err));
    OK(aip__exec_create(ctx, &ctx->exec, &err));
    OK(aip__catalog_create(ctx, &ctx->catalog, &err));
    OK(aip__pool_create(ctx, n_workers, &pool, &ctx->executor, &err));
    ctx->pool = pool;
    ctx->at_close = at_close;
    ctx->at_free = at_free;
    OK(aip__formats_register(ctx, &err));
    OK(aip__connectors_register(ctx, &err));
    return ctx;
}

aip_context *table_context_limited(int32_t n_workers, uint64_t memory_limit) { return context_of(n_workers, memory_limit, NULL); }

static _Atomic(int64_t) allowed;

static void *refusing_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)user;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (new_size > old_size && atomic_load(&allowed) >= 0 && atomic_fetch_sub(&allowed, 1) <= 0) {
        atomic_store(&allowed, 0);
        return NULL;
    }
    void *p = aligned_alloc(align < 16 ? 16 : align, (new_size + 63) / 64 * 64);
    if (p && ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    if (p) free(ptr);
    return p;
}

void table_refuse_after(int64_t allow) { atomic_store(&allowed, allow); }

aip_context *table_context_refusing(int32_t n_workers) {
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    allocator.resize = refusing_resize;
    table_refuse_after(-1);
    return context_of(n_workers, 0, &allocator);
}

aip_context *table_context(int32_t n_workers) { return table_context_limited(unit_workers(n_workers), 0); }

void table_context_free(aip_context *ctx) {
    aip_cancel_request(ctx->closing);
    aip__exec_close(ctx);
    ctx->at_close(ctx);
    ck_assert_int_eq(atomic_load(&ctx->refs), 1); /* each handle and buffer holds one */
    aip__context_release(ctx);
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------------ */

static char folder[64];

char *table_path(const char *name) {
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/aipipe-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        atexit(table_files_remove);
    }
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    ck_assert_ptr_nonnull(path);
    sprintf(path, "%s/%s", folder, name);
    return path;
}

char *table_file(const char *name, const void *bytes, size_t n) {
    char *path = table_path(name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(n > 0 ? fwrite(bytes, 1, n, f) : 0, n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

void table_files_remove(void) {
    DIR *dir = folder[0] ? opendir(folder) : NULL;
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
    folder[0] = 0;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------ */

int32_t table_read(aip_context *ctx, const char *path, const char *extra, aip_dataset **out, aip_error **err) {
    size_t n = strlen(path) + (extra ? strlen(extra) : 0) + 64;
    char *json = malloc(n);
    ck_assert_ptr_nonnull(json);
    snprintf(json, n, "{\"path\": \"%s\"%s%s}", path, extra ? ", " : "", extra ? extra : "");
    int32_t status = aip_dataset_read(ctx, json, out, err);
    free(json);
    return status;
}

static void put_cell(FILE *f, const aip__column *c, const aip_field *field, int64_t i) {
    char out[64];
    size_t n = 0;
    if (!aip__valid(c->validity, i)) {
        fputc('~', f);
        return;
    }
    switch (c->type) {
    case AIP_BOOL: fputs(aip__bit_get(aip__column_bits(c), i) ? "true" : "false", f); return;
    case AIP_INT32: n = aip__format_i64(out, aip__column_i32(c)[i]); break;
    case AIP_INT64: n = aip__format_i64(out, aip__column_i64(c)[i]); break;
    case AIP_FLOAT32: n = aip__format_f64(out, (double)aip__column_f32(c)[i]); break;
    case AIP_FLOAT64: n = aip__format_f64(out, aip__column_f64(c)[i]); break;
    case AIP_DATE32: n = aip__format_date(out, aip__column_i32(c)[i]); break;
    case AIP_TIMESTAMP: n = aip__format_timestamp(out, aip__column_i64(c)[i], field->zone != NULL); break;
    case AIP_DECIMAL64: n = aip__format_decimal(out, aip__column_i64(c)[i], field->scale); break;
    default: {
        const char *text = aip__column_text(c, i, &n);
        fputc('\'', f);
        for (size_t k = 0; k < n; k++) text[k] ? (void)fputc(text[k], f) : (void)fputs("\\0", f);
        fputc('\'', f);
        return;
    }
    }
    fwrite(out, 1, n, f);
}

static int32_t put_batch(void *user, aip_batch *b, aip_error **err) {
    FILE *f = user;
    (void)err;
    for (int64_t r = 0; r < b->n_rows; r++)
        for (int32_t i = 0; i < b->n_columns; i++) {
            put_cell(f, b->columns[i], &b->schema->fields[i], r);
            fputc(i + 1 < b->n_columns ? '|' : '\n', f);
        }
    return AIP_OK;
}

char *table_text(aip_dataset *d) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ck_assert_ptr_nonnull(f);
    const aip_schema *s = aip_dataset_schema(d);
    for (int32_t i = 0; i < s->n; i++)
        fprintf(f, "%s%s:%s", i > 0 ? " " : "", s->fields[i].name, aip_type_name(s->fields[i].type));
    fputc('\n', f);
    OK(aip_dataset_each(d, NULL, put_batch, f, NULL, &err));
    fclose(f);
    return text;
}

/* Every table is read with blocks of these sizes: it must be the same whatever they are. */
static const int32_t table_blocks[] = {64, 100, 1048576};
#define N_TABLE_BLOCKS (sizeof table_blocks / sizeof *table_blocks)

static char *with_block(const char *extra, int32_t block_bytes) {
    size_t n = (extra ? strlen(extra) : 0) + 64;
    char *all = malloc(n);
    ck_assert_ptr_nonnull(all);
    snprintf(all, n, "%s%s\"block_bytes\": %d", extra ? extra : "", extra ? ", " : "", (int)block_bytes);
    return all;
}

void table_check(const char *csv, const char *extra, const char *expected) {
    char *path = table_file("check.csv", csv, strlen(csv));
    for (size_t i = 0; i < N_TABLE_BLOCKS; i++) {
        aip_context *ctx = table_context(1);
        aip_dataset *d = NULL;
        char *all = with_block(extra, table_blocks[i]);
        OK(table_read(ctx, path, all, &d, &err));
        char *text = table_text(d);
        ck_assert_msg(strcmp(text, expected) == 0, "block_bytes %d: found\n%s\nexpected\n%s", (int)table_blocks[i], text,
                      expected);
        free(text);
        free(all);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    free(path);
}

static int32_t nothing(void *user, aip_batch *b, aip_error **err) {
    (void)user, (void)b, (void)err;
    return AIP_OK;
}

void table_check_fails(const char *csv, const char *extra, int32_t status, const char *text) {
    char *path = table_file("check.csv", csv, strlen(csv));
    for (size_t i = 0; i < N_TABLE_BLOCKS; i++) {
        aip_context *ctx = table_context(1);
        aip_dataset *d = NULL;
        aip_error *err = NULL;
        char *all = with_block(extra, table_blocks[i]);
        int32_t found = table_read(ctx, path, all, &d, &err);
        if (found == AIP_OK) found = aip_dataset_each(d, NULL, nothing, NULL, NULL, &err);
        ck_assert_msg(found == status, "block_bytes %d: %d %s", (int)table_blocks[i], (int)found, aip_error_text(err));
        ck_assert_msg(strstr(aip_error_text(err), text) != NULL, "block_bytes %d: message: %s", (int)table_blocks[i],
                      aip_error_text(err));
        aip_error_free(err);
        free(all);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    free(path);
}
